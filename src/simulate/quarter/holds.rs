//! What must hold after every day of a quarter, and in each of its nights: everything that `yidi verify` checks, where a
//! difference between books is an open break; and of clearing, that each entry is in one period or on the list, that what
//! is owed follows from the journal, that both sides come to the same, and that what is closed stays as it is. What is
//! looked at between two days is in [`super::watch`].

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, bail};
use broker::clearing::Standing;
use jiff::civil::Date;
use ledger::hub::{CarriedEntry, OpenBreak, PeriodNumber, Position, SettlementTurn};
use ledger::leaves::Scope;
use ledger::treatment::TreatmentStore;
use proto::{convert, v1};
use reconciliation::book::READING;
use settlement::adjudication::{Fund, FundShares};
use settlement::ids::{PoolCode, SettlementId};
use settlement::money::Money;
use settlement::operation::{Request, readable};
use settlement::postings::{Account, Line, Turn};

use super::agreed::{Agreed, a_certificate_says_what_the_books_hold};
use super::altered::what_is_apart_is_cleared_only_as_it_ended;
use super::explained::Explained;
use super::nation::Nation;
use super::owed::{Owed, payable_is_receivable, what_is_cleared_is_owed};
use crate::verify::clearing::{Counted, Rules};
use crate::verify::{self, Checked, Elsewhere, Stores};

/// What was seen when the books were last looked at.
#[derive(Default)]
pub struct Holds {
    commits: Option<(u64, Look)>,
    checked: Checked,
    /// What a closed period came to, word for word.
    closed: BTreeMap<PeriodNumber, String>,
    /// Between which pools a settlement is.
    pools: BTreeMap<SettlementId, (PoolCode, PoolCode)>,
    /// The books, opened once; a home region's again when its disk was changed.
    opened: Option<(Stores, Vec<TreatmentStore>)>,
    agreed: Agreed,
    /// The last day on which certificates were looked at: they are made in the night.
    certified_on: Option<Date>,
}

/// How much is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// Breaks, and everything of clearing.
    Clearing,
    /// The same, and all books beside one another.
    Everything,
}

/// Everything of clearing, read at once.
pub(super) struct Book {
    pub(super) turns: Vec<SettlementTurn>,
    carried: Vec<CarriedEntry>,
    pub(super) periods: Vec<Standing>,
}

impl Book {
    /// How a part of an entry was carried, in no order.
    pub(super) fn moves(&self, position: Position, part: i64) -> Vec<&CarriedEntry> {
        let of_it = |entry: &&CarriedEntry| (entry.posting.position, entry.posting.part) == (position, part);
        self.carried.iter().filter(of_it).collect()
    }
}

impl Holds {
    /// A step was taken: everything must hold. Notes what does not.
    ///
    /// # Errors
    /// When a book cannot be read.
    pub async fn step(&mut self, nation: &Nation, explained: &mut Explained, look: Look) -> Result<()> {
        nation.context.record.step();
        if nation.watch().is_meddled_with() {
            return Ok(());
        }
        if self.commits == Some((nation.context.commits(), look)) {
            return Ok(());
        }
        nation.hub().store.journal_fold(READING).await?;
        nation.context.observe(true);
        let found = self.look(nation, explained, look).await;
        nation.context.observe(false);
        self.commits = Some((nation.context.commits(), look));
        let today = nation.today();
        found?.into_iter().for_each(|finding| nation.context.record.finding(format!("{today}: {finding}")));
        Ok(())
    }

    /// A home region has another disk.
    pub fn reopen(&mut self) {
        self.opened = None;
    }

    async fn look(&mut self, nation: &Nation, explained: &mut Explained, look: Look) -> Result<Vec<String>> {
        let open = nation.hub().store.break_list(Scope::default()).await?;
        let mut findings = explained.check(&open, nation.today());
        if look == Look::Everything {
            findings.extend(self.books_agree_or_the_difference_is_an_open_break(nation, &open, explained).await?);
        }
        let book = read(nation).await?;
        findings.extend(each_entry_is_in_one_period_or_on_the_list(&book));
        findings.extend(self.what_is_owed_follows_from_the_journal(nation, &book).await?);
        findings.extend(payable_is_receivable(&nation.country.regions, &book.periods));
        findings.extend(self.a_closed_period_is_never_changed(nation, &book).await?);
        findings.extend(deductions_are_never_above_what_funds_paid(nation, &book).await?);
        findings.extend(what_is_apart_is_cleared_only_as_it_ended(&book, &explained.altered));
        if self.certified_on.replace(nation.today()) != Some(nation.today()) {
            findings.extend(a_certificate_says_what_the_books_hold(nation, &open, &mut self.agreed).await?);
        }
        Ok(findings)
    }

    async fn books_agree_or_the_difference_is_an_open_break(
        &mut self,
        nation: &Nation,
        open: &[OpenBreak],
        explained: &Explained,
    ) -> Result<Vec<String>> {
        let (stores, others) = match &mut self.opened {
            Some(opened) => opened,
            opened => opened.insert(nation.stores()?),
        };
        let elsewhere = told_elsewhere(others).await?;
        let mut findings = verify::findings_since(stores, &mut self.checked, &elsewhere).await?;
        let rules = Rules { regions: Some(&*nation.country.regions), calendar: Some(nation.calendar()) };
        findings.extend(verify::clearing::findings(&stores.hub, rules).await?);
        for other in others {
            findings.extend(verify::the_treatment_side_shows_what_it_was_told(other, None).await?);
        }
        let known: BTreeSet<String> = open
            .iter()
            .flat_map(|open| {
                let (operation, settlement) = (readable(&open.found.operation), &open.found.settlement);
                [format!("operation {operation}"), format!("settlement {settlement}")]
            })
            .collect();
        let today = nation.today();
        let is_known = |subject: &str| known.contains(subject) || explained.explains(subject, today);
        let unexplained = findings.iter().filter(|finding| !is_known(&finding.subject));
        Ok(unexplained.map(ToString::to_string).collect())
    }

    /// Entries − carried out + carried in − deductions + corrections, worked out from the journal, is what pairs clear; and as
    /// long as a period is not closed, its folded sums are the journal's.
    async fn what_is_owed_follows_from_the_journal(&mut self, nation: &Nation, book: &Book) -> Result<Vec<String>> {
        let mut findings = Vec::new();
        let store = &nation.hub().store;
        let counted = Counted::read(store).await?;
        for standing in &book.periods {
            let Standing { period, record, .. } = standing;
            if !record.is_closed {
                let (folded, journal) = (store.lot_totals(*period), store.journal_totals(*period, READING));
                let differences = folded.await?.differences(&journal.await?);
                if !differences.is_empty() {
                    let what = "folded sums are the journal's does not hold for";
                    findings.push(format!("{what} {}: {differences:?}", record.month));
                }
            }
            let mut owed = Owed::new();
            for turn in book.turns.iter().filter(|turn| turn.period == *period) {
                *owed.entry(self.pools(turn)?).or_default() += turn.funds() + turn.account();
            }
            let moved = (*period, &book.carried[..], &counted);
            findings.extend(what_is_cleared_is_owed(&nation.country.regions, standing, owed, moved));
        }
        Ok(findings)
    }

    fn pools(&mut self, turn: &SettlementTurn) -> Result<(PoolCode, PoolCode)> {
        if let Some(pools) = self.pools.get(&turn.settlement) {
            return Ok(*pools);
        }
        let pools = pools_of(turn)?;
        self.pools.insert(turn.settlement.clone(), pools);
        Ok(pools)
    }

    async fn a_closed_period_is_never_changed(&mut self, nation: &Nation, book: &Book) -> Result<Vec<String>> {
        let mut findings = Vec::new();
        for standing in book.periods.iter().filter(|standing| standing.record.is_closed) {
            findings.extend(a_closed_period_is_unchanged(&mut self.closed, standing));
            for (pair, held) in &standing.record.pairs {
                let version = held.statement.map_or(0, |statement| statement.version);
                let stated = nation.hub().store.statement_lots((standing.period, *pair), version).await?;
                let cleared = standing.pairs.get(pair).cloned().unwrap_or_default();
                if stated != cleared {
                    let what = "what was stated is what is cleared does not hold for";
                    findings.push(format!("{what} {pair:?} of {}: {stated:?} {cleared:?}", standing.record.month));
                }
            }
        }
        Ok(findings)
    }
}

/// What a period comes to when it is first seen closed is what it comes to for ever.
pub(super) fn a_closed_period_is_unchanged(
    closed: &mut BTreeMap<PeriodNumber, String>,
    standing: &Standing,
) -> Option<String> {
    if !standing.record.is_closed {
        return None;
    }
    let now = format!("{:?} {:?}", standing.record, standing.pairs);
    let then = closed.entry(standing.period).or_insert_with(|| now.clone());
    let (month, what) = (standing.record.month, "a closed period is never changed does not hold for");
    (*then != now).then(|| format!("{what} {month}: {then}, now {now}"))
}

/// Between which pools an entry's settlement is, by the operation that made it.
///
/// # Errors
/// When it cannot be read.
pub(super) fn pools_of(turn: &SettlementTurn) -> Result<(PoolCode, PoolCode)> {
    match convert::read_operation(&turn.operation)?.request {
        Request::Settle(settle) => Ok((settle.home, settle.encounter.pool)),
        Request::Cancel(_) | Request::Reverse(_) => bail!("no settlement is made by an undoing"),
    }
}

async fn read(nation: &Nation) -> Result<Book> {
    let store = &nation.hub().store;
    let (turns, carried) = (verify::journal(store).await?, store.carried_all().await?);
    let mut periods = Vec::new();
    for number in 1..=store.period_open().await?.number.0 {
        periods.extend(nation.clearing().standing(PeriodNumber(number)).await?);
    }
    Ok(Book { turns, carried, periods })
}

/// What the other treatment sides were told.
async fn told_elsewhere(others: &[TreatmentStore]) -> Result<Elsewhere> {
    let mut elsewhere = Elsewhere::new();
    for other in others {
        for row in other.told_list().await? {
            let key = convert::read_operation(&row.operation)?.key.to_text();
            let answer = row.outcome.map(|outcome| v1::Answer { outcome, book_seq: row.book_seq });
            elsewhere.insert(key, answer);
        }
    }
    Ok(elsewhere)
}

/// Followed from the period that it was booked in, out of one and into the next, an entry ends in one period or on the
/// list, and was carried nowhere else.
fn each_entry_is_in_one_period_or_on_the_list(book: &Book) -> Vec<String> {
    let mut carried: BTreeMap<(Position, i64), Vec<&CarriedEntry>> = BTreeMap::new();
    for entry in &book.carried {
        carried.entry((entry.posting.position, entry.posting.part)).or_default().push(entry);
    }
    let mut findings = Vec::new();
    let booked: BTreeMap<Position, PeriodNumber> = book.turns.iter().map(|turn| (turn.position, turn.period)).collect();
    for ((position, _), moves) in carried {
        let followed = booked.get(&position).map(|period| follow(*period, moves.clone()));
        if followed.is_none_or(|(_, left)| !left.is_empty()) {
            let what = "each entry is in one period or on the list does not hold for";
            findings.push(format!("{what} position {}: booked in {:?}, {moves:?}", position.0, booked.get(&position)));
        }
    }
    findings
}

/// Where an entry is by now, from the period that it was booked in, and what does not lead there; none where it is on the
/// list, or in no period any more.
pub(super) fn follow(
    booked: PeriodNumber,
    mut moves: Vec<&CarriedEntry>,
) -> (Option<PeriodNumber>, Vec<&CarriedEntry>) {
    let mut at = Some(booked);
    // From the list it goes at most once: into a period, or out of all of them.
    while let Some(next) = moves.iter().position(|entry| entry.from == at) {
        at = moves.remove(next).into;
    }
    (at, moves)
}

/// Fund by fund, all deductions of a settlement that count are at most what it moved when it was made.
async fn deductions_are_never_above_what_funds_paid(nation: &Nation, book: &Book) -> Result<Vec<String>> {
    let mut taken: BTreeMap<SettlementId, FundShares> = BTreeMap::new();
    for deduction in nation.hub().store.deduction_list(None).await?.iter().filter(|held| held.standing.counts()) {
        *taken.entry(deduction.lodging.settlement.clone()).or_default() += deduction.agreed;
    }
    let mut findings = Vec::new();
    for (settlement, taken) in taken {
        let made = book.turns.iter().find(|turn| turn.settlement == settlement && turn.turn == Turn::Enter);
        let made = made.with_context(|| format!("{settlement} is in no journal"))?;
        findings.extend(funds_overdrawn(&made.lines, &taken).map(|(fund, paid)| {
            let what = "deductions are never above what funds paid does not hold for";
            format!("{what} {settlement}: {} of {paid} from {}", taken.of(fund), fund.word())
        }));
    }
    Ok(findings)
}

/// The funds from which more is taken than a settlement's lines have them pay, and what they pay.
fn funds_overdrawn(lines: &[Line], taken: &FundShares) -> impl Iterator<Item = (Fund, Money)> {
    let mut paid = FundShares::default();
    for line in lines {
        if let Account::HomeFund { pool: _, insurance: _, fund } = &line.account {
            paid.set(*fund, paid.of(*fund) - line.amount);
        }
    }
    let overdrawn = taken.iter().map(move |(fund, taken)| (fund, paid.of(fund), taken));
    overdrawn.filter(|(_, paid, taken)| taken > paid).map(|(fund, paid, _)| (fund, paid))
}

#[cfg(test)]
pub(super) mod tests {
    use clearing::obligation::{Lot, Posting, Sums};
    use ledger::hub::LotPosting;
    use settlement::encounter::CareKind;
    use settlement::person::Insurance;

    use super::*;
    use crate::simulate::fixtures::pool;

    pub(in super::super) fn settlement() -> SettlementId {
        SettlementId::new("310000174602879003600000000065").expect("an id")
    }

    pub(in super::super) fn carried(from: i64, into: Option<i64>) -> CarriedEntry {
        let (insurance, care) = (Insurance::Employee, CareKind::Inpatient);
        let lot = Lot { home: pool("410700"), treatment: pool("310000"), insurance, care };
        let (from, into) = (Some(PeriodNumber(from)), into.map(PeriodNumber));
        let posting = Posting { lot, sums: Sums { account: Money::from_fen(7), ..Sums::default() } };
        let posting = LotPosting {
            position: Position(9),
            part: 0,
            period: PeriodNumber(1),
            settlement: settlement(),
            step: 1,
            day: jiff::civil::date(2025, 4, 1),
            corrects: None,
            posting,
        };
        CarriedEntry { posting, from, into, reason: String::new() }
    }

    /// One settlement, booked in the first period and carried so.
    pub(in super::super) fn book(carried: Vec<CarriedEntry>, periods: Vec<Standing>) -> Book {
        let (operation, outcome, lines) = (<_>::default(), <_>::default(), Vec::new());
        let (turn, period, booked_at) = (Turn::Enter, PeriodNumber(1), jiff::Timestamp::UNIX_EPOCH);
        let (position, settlement) = (Position(9), settlement());
        let turn = SettlementTurn { position, booked_at, settlement, turn, period, lines, operation, outcome };
        Book { turns: vec![turn], carried, periods }
    }

    #[test]
    fn an_entry_in_two_periods_or_in_none_is_found() {
        for (moves, findings) in [
            (vec![], 0),
            (vec![carried(1, Some(2))], 0),
            (vec![carried(1, Some(2)), carried(2, Some(3)), carried(3, None)], 0),
            (vec![carried(1, Some(2)), carried(1, Some(3))], 1),
            (vec![carried(2, Some(3))], 1),
            (vec![carried(1, None), carried(2, Some(3))], 1),
        ] {
            let book = book(moves.clone(), vec![]);
            assert_eq!(each_entry_is_in_one_period_or_on_the_list(&book).len(), findings, "{moves:?}");
        }
    }

    #[test]
    fn a_fund_from_which_too_much_is_taken_is_found_though_all_funds_together_paid_enough() {
        let line = |fund, yuan| Line {
            account: Account::HomeFund { pool: pool("410700"), insurance: Insurance::Employee, fund },
            amount: -Money::from_yuan(yuan),
        };
        let lines = [line(Fund::Basic, 90), line(Fund::LargeSum, 10)];
        for (basic, large_sum, found) in [
            (90, 10, vec![]),
            (20, 11, vec![(Fund::LargeSum, Money::from_yuan(10))]),
            (91, 0, vec![(Fund::Basic, Money::from_yuan(90))]),
        ] {
            let mut taken = FundShares::default();
            taken.set(Fund::Basic, Money::from_yuan(basic));
            taken.set(Fund::LargeSum, Money::from_yuan(large_sum));
            assert_eq!(funds_overdrawn(&lines, &taken).collect::<Vec<_>>(), found, "{basic} and {large_sum}");
        }
    }
}
