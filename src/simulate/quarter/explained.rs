//! The differences that the story plants, each with what the comparison of books must say of it; and what treatment sides
//! do each night, who compare their books with the hub's. Every break is one of these, and every one of these is found.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use broker::reconcile::Roots;
use clearing::breaks::{Book, Books, Deed, Fact, Kind, Proposal, age_days};
use jiff::civil::Date;
use ledger::hub::{HubStore, OpenBreak};
use ledger::leaves::Scope;
use proto::convert;
use reconciliation::asking::compare;
use reconciliation::days::days_compared;
use settlement::ids::SettlementId;
use settlement::money::Money;
use settlement::operation::readable;

use super::altered::Alterations;
use super::country::MEMBERS;
use super::nation::Nation;
use crate::simulate::fixtures::pool;
use crate::verify;

/// How long a treatment side waits for the hub.
const PATIENCE: Duration = Duration::from_secs(4);

/// What a break says of a difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Which books are apart.
    pub books: Books,
    /// How.
    pub kind: Kind,
    /// What is proposed.
    pub proposed: Proposal,
    /// Whole charges and what is owed by the outer book.
    pub outer: (Money, Money),
    /// The same by the inner one.
    pub inner: (Money, Money),
}

/// A difference that was planted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planted {
    /// The settlement that it is about.
    pub settlement: SettlementId,
    /// What is found of it.
    pub difference: Difference,
    /// Why it is there.
    pub why: &'static str,
    /// The day from which it is found.
    from: Date,
    /// Whether it was mended: the next comparison finds it no more.
    mended: bool,
    /// Whether it was found.
    found: bool,
}

/// Every planted difference, by its operation's key as text.
#[derive(Debug, Default)]
pub struct Explained {
    standing: BTreeMap<String, Planted>,
    past: Vec<Planted>,
    /// Refusals that a home region lost: they move nothing, so they are no break, and are given back with the rest.
    lost_refusals: BTreeSet<String>,
    /// What people have decided on, though its books stay apart: operations and settlements.
    decided: BTreeSet<String>,
    /// Settlements of which answers were altered.
    pub altered: Alterations,
}

impl Difference {
    /// The hub decided, and the treatment side was not told.
    pub fn never_told(fact: &Fact) -> Difference {
        let (kind, proposed) = (lacks(fact.deed, Book::Outer), Proposal::FetchAnswer);
        let (outer, inner) = (<_>::default(), (fact.sums.total, fact.sums.owed()));
        Difference { books: Books::TreatmentHub, kind, proposed, outer, inner }
    }

    /// The home region decided, and lost it.
    pub fn lost_at_home(fact: &Fact) -> Difference {
        let (kind, proposed) = (lacks(fact.deed, Book::Inner), Proposal::Reinstate);
        let (outer, inner) = ((fact.sums.total, fact.sums.owed()), <_>::default());
        Difference { books: Books::HubHome, kind, proposed, outer, inner }
    }

    /// The treatment side's desk was told, and the hospital's accounts lack it.
    pub fn lacked_by_hospital(fact: &Fact) -> Difference {
        let (kind, proposed) = (lacks(fact.deed, Book::Outer), Proposal::HospitalReverses);
        let (outer, inner) = (<_>::default(), (fact.sums.total, fact.sums.owed()));
        Difference { books: Books::HospitalTreatment, kind, proposed, outer, inner }
    }

    /// An answer was altered on its way: the outer book holds one amount, the inner another.
    pub fn altered(books: Books, outer: &Fact, inner: &Fact) -> Difference {
        let [outer, inner] = [outer, inner].map(|fact| (fact.sums.total, fact.sums.owed()));
        Difference { books, kind: Kind::AmountDiffers, proposed: Proposal::Investigate, outer, inner }
    }

    fn of(open: &OpenBreak) -> Difference {
        let found = &open.found;
        let (kind, proposed) = (found.kind, found.proposed);
        Difference { books: open.books, kind, proposed, outer: found.outer, inner: found.inner }
    }
}

fn lacks(deed: Deed, book: Book) -> Kind {
    match deed {
        Deed::Settle => Kind::Missing(book),
        Deed::Undo => Kind::StateDiffers,
    }
}

impl Explained {
    /// A difference is planted, and to be found from a day on.
    pub fn plant(
        &mut self,
        operation: String,
        (settlement, difference): (SettlementId, Difference),
        why: &'static str,
        from: Date,
    ) {
        let planted = Planted { settlement, difference, why, from, mended: false, found: false };
        self.standing.insert(operation, planted);
    }

    /// A home region lost a refusal, by its operation's key as text.
    pub fn lose_refusal(&mut self, operation: &str) {
        self.lost_refusals.insert(format!("operation {}", readable(operation)));
    }

    /// Home regions have their refusals again.
    pub fn refusals_are_back(&mut self) {
        self.lost_refusals.clear();
    }

    /// Whether a finding is about a refusal that was lost, what people have decided on, or what is planted and cannot be
    /// found on this day yet.
    pub fn explains(&self, subject: &str, today: Date) -> bool {
        let planted = |(operation, planted): (&String, &Planted)| {
            planted.from > today && subjects(operation, &planted.settlement).iter().any(|known| known == subject)
        };
        self.lost_refusals.contains(subject) || self.decided.contains(subject) || self.standing.iter().any(planted)
    }

    /// People have decided on what was planted for a reason: it is no break any more, and its books stay apart.
    pub fn decide(&mut self, why: &str) {
        let of_it = |_: &String, planted: &mut Planted| planted.why == why;
        let decided: Vec<_> = self.standing.extract_if(.., of_it).collect();
        for (operation, planted) in decided {
            self.decided.extend(subjects(&operation, &planted.settlement));
            self.past.push(planted);
        }
    }

    /// Some of what was planted is mended: the next comparison finds it no more.
    pub fn mend(&mut self, mended: impl Fn(&Planted) -> bool) {
        self.standing.values_mut().for_each(|planted| planted.mended |= mended(planted));
    }

    /// Books were compared: what is mended is past.
    pub fn compared(&mut self) {
        let (past, standing) = std::mem::take(&mut self.standing).into_iter().partition(|(_, planted)| planted.mended);
        let past: BTreeMap<String, Planted> = past;
        self.standing = standing;
        self.past.extend(past.into_values());
    }

    /// Holds the open breaks against what was planted, on a day; tells what does not fit.
    pub fn check(&mut self, open: &[OpenBreak], today: Date) -> Vec<String> {
        let mut findings = Vec::new();
        for found in open {
            let (operation, difference) = (&found.found.operation, Difference::of(found));
            let age = age_days(found.found.branch.day, today);
            let fits = |planted: &&mut Planted| {
                planted.difference == difference && planted.settlement == found.found.settlement && age > 0
            };
            match self.standing.get_mut(operation).filter(fits) {
                Some(planted) => planted.found = true,
                None => findings.push(format!(
                    "every break is explained does not hold for {}: {difference:?}, {age} days old",
                    readable(operation)
                )),
            }
        }
        for (operation, planted) in self.standing.iter().filter(|(_, planted)| planted.from <= today) {
            if !open.iter().any(|open| open.found.operation == *operation) {
                let (operation, why) = (readable(operation), planted.why);
                findings.push(format!("every difference is found does not hold for {operation}: {why}, {planted:?}"));
            }
        }
        findings
    }

    /// What was planted in all, each with whether it was found; nothing stands any more.
    pub fn all(&self) -> impl Iterator<Item = (&Planted, bool)> {
        self.past.iter().chain(self.standing.values()).map(|planted| (planted, planted.found))
    }

    /// How many stand that are still to be mended, or were not found yet.
    pub fn standing(&self) -> usize {
        self.standing.values().filter(|planted| !planted.found || !self.altered.waits(&planted.settlement)).count()
    }
}

/// What findings call an operation, and its settlement.
fn subjects(operation: &str, settlement: &SettlementId) -> [String; 2] {
    [format!("operation {}", readable(operation)), format!("settlement {settlement}")]
}

/// Has every treatment side compare its book with the hub's and report what differs, as `his::comparing` does.
///
/// # Errors
/// When a book cannot be compared.
pub async fn compare_treatments(nation: &Nation) -> Result<()> {
    for days in days_compared(nation.today()) {
        compare_treatments_on(nation, days).await?;
    }
    Ok(())
}

/// The same, of some days.
///
/// # Errors
/// When a book cannot be compared.
pub async fn compare_treatments_on(nation: &Nation, days: (Date, Date)) -> Result<()> {
    for (member, plan) in MEMBERS.iter().enumerate() {
        let scope = Scope { home: None, treatment: Some(pool(plan.treatment)) };
        let (store, hub) = (nation.treatment_store(member)?, nation.hub());
        let compared = compare(&store, &nation.hub_book(member), scope, days, PATIENCE).await?;
        let differing = compared.differing.iter().filter_map(|both| Some((both.branch, both.inner?))).collect();
        let roots = Roots { agreed: compared.agreed, differing };
        hub.record(Books::TreatmentHub, scope, days, roots, &compared.apart).await?;
        let door = nation.members[member].treatment.opened().context("a treatment side is down")?;
        let of_hospitals = door.hospitals_apart(days).await?;
        let told = hub.hospitals_differ(pool(plan.treatment), days.into(), of_hospitals).await;
        told.map_err(|refusal| anyhow!("the hub does not take what hospitals differ in: {refusal:?}"))?;
    }
    Ok(())
}

/// What the hub's book says that became of a message: the operation's key as text, and what it did.
///
/// # Errors
/// When the book cannot be read, or has no answer to it that did anything.
pub async fn became_of(hub: &HubStore, message: &str) -> Result<(String, Fact)> {
    for record in verify::records(hub).await? {
        let operation = convert::read_operation(&record.bytes)?;
        if operation.key.message.as_str() == message {
            let answer = record.answer.context("the hub has no answer to the message")?;
            let fact = Fact::of(&convert::read_outcome(&answer.outcome)?).context("the message did nothing")?;
            return Ok((operation.key.to_text(), fact));
        }
    }
    anyhow::bail!("the hub never saw message {message}")
}

#[cfg(test)]
mod tests {
    use clearing::digest::Branch;
    use clearing::obligation::Sums;
    use jiff::Timestamp;
    use jiff::civil::date;
    use ledger::hub::FoundBreak;

    use super::*;

    fn fact(fen: i64) -> Fact {
        let settlement = SettlementId::new("310000174602879003600000000065").expect("an id");
        Fact { settlement, deed: Deed::Settle, sums: Sums { total: Money::from_fen(fen), ..Sums::default() } }
    }

    fn open(difference: &Difference) -> OpenBreak {
        let branch = Branch { day: date(2025, 5, 1), home: pool("410700"), treatment: pool("310000") };
        let Difference { books, kind, proposed, outer, inner } = difference.clone();
        let (settlement, operation) = (fact(0).settlement, "a".to_owned());
        let found = FoundBreak { branch, place: 1, operation, kind, settlement, outer, inner, proposed };
        OpenBreak { number: 1, books, found, found_at: Timestamp::UNIX_EPOCH }
    }

    #[test]
    fn what_is_found_is_what_was_planted_and_nothing_else() {
        let (lost, other) = (Difference::lost_at_home(&fact(5)), Difference::lost_at_home(&fact(6)));
        let never_told = Difference::never_told(&fact(5));
        for (name, planted, found, findings) in [
            ("as planted", Some(&lost), Some(&lost), 0),
            ("neither", None, None, 0),
            ("nobody planted it", None, Some(&lost), 1),
            ("it is not found", Some(&lost), None, 1),
            ("with another sum", Some(&lost), Some(&other), 1),
            ("between other books", Some(&lost), Some(&never_told), 1),
        ] {
            let mut explained = Explained::default();
            if let Some(planted) = planted {
                explained.plant("a".into(), (fact(0).settlement, planted.clone()), "why", date(2025, 5, 2));
            }
            let open: Vec<OpenBreak> = found.into_iter().map(open).collect();
            assert_eq!(explained.check(&open, date(2025, 5, 2)).len(), findings, "{name}");
            explained.mend(|_| true);
            explained.compared();
            assert_eq!(explained.check(&open, date(2025, 5, 2)).len(), open.len(), "{name}: it is mended");
        }
    }
}
