//! Settlements that would come out otherwise now: because something that they built on was changed since, or by a set of
//! rule books that changed late. Each is worked out again from what it saw; nothing is stored, no answer changes.
//! Batches of corrections are held against it. Called by the region's door and by `yidi settlement affected`.

use std::cell::RefCell;
use std::collections::HashSet;
use std::sync::Arc;

use ledger::home::{Cause, Counted, HomeStore, Past, WorkedOut};
use proto::convert;
use settlement::adjudication::Adjudication;
use settlement::benefits::explanation::{Language, render};
use settlement::decide::{BookSeq, Effects, Question, Rework, Reworked, Stored, Undoing, judge_by, still_differs};
use settlement::ids::{PersonNumber, SettlementId};
use settlement::lifecycle::Standing;
use settlement::operation::Request;
use settlement::outcome::{Done, Outcome};
use settlement::rulebook::RuleBooks;

use crate::replay::{ReplayError, past_at, read_books, read_filings};

/// Why a settlement may come out otherwise.
#[derive(Clone, Debug)]
pub enum Because {
    /// What it built on was changed since. Its own rule books decide.
    BuiltOnChanges,
    /// These rule books would have decided.
    Rules(Arc<RuleBooks>),
}

/// A settlement that would come out otherwise, or may.
#[derive(Clone, Debug)]
pub struct Affected {
    /// Where it was decided.
    pub seq: BookSeq,
    /// Whose.
    pub person: PersonNumber,
    /// What was changed, in words.
    pub causes: Vec<String>,
    /// What it would come to.
    pub reworked: Reworked,
    /// How that comes about.
    pub explanation: Vec<String>,
}

/// Which part of the list is asked for.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Of one person only.
    pub person: Option<PersonNumber>,
    /// Where the page begins.
    pub after: After,
    /// Of how many people at most.
    pub people: u32,
    /// How many bytes of text at most. One settlement is told of however much that is.
    pub bytes: usize,
}

/// Where a page begins: among one person's settlements after a place, or with the next person where that is 0. Nobody's
/// number comes before the first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct After {
    /// The person's number.
    pub person: String,
    /// The place.
    pub seq: BookSeq,
}

/// Some people's.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// By person, then in the order of the book.
    pub affected: Vec<Affected>,
    /// Where the next page begins; none where there are no more.
    pub next: Option<After>,
}

/// The affected settlements of people, in the order of their numbers, as many as a page holds.
///
/// # Errors
/// When the book cannot be read.
pub async fn list(store: &HomeStore, wanted: Wanted, because: &Because) -> Result<Page, ReplayError> {
    let Wanted { person, after, people, bytes } = wanted;
    let (listed, last) = match person {
        Some(person) => (vec![person], None),
        None => people_after(store, &after, people, because).await?,
    };
    let mut page = Page { affected: Vec::new(), next: last.map(|last| After { person: last, seq: BookSeq(0) }) };
    let mut weight = 0;
    for person in listed {
        let begun = if after.person == person.as_str() { after.seq } else { BookSeq(0) };
        for one in of_person(store, person, because).await?.into_iter().filter(|one| one.seq > begun) {
            weight += one.weight();
            if let Some(Affected { seq, person, .. }) = page.affected.last().filter(|_| weight > bytes) {
                page.next = Some(After { person: person.to_string(), seq: *seq });
                return Ok(page);
            }
            page.affected.push(one);
        }
    }
    Ok(page)
}

/// The people of a page, and the last of them where there may be more. Whoever the page before ended in comes first.
async fn people_after(
    store: &HomeStore,
    after: &After,
    people: u32,
    because: &Because,
) -> Result<(Vec<PersonNumber>, Option<String>), ReplayError> {
    let all = matches!(because, Because::Rules(_));
    let listed = store.affected_people(after.person.clone(), people, all).await?;
    let last = listed.last().filter(|_| listed.len() >= people as usize).map(PersonNumber::to_string);
    let begun = PersonNumber::new(&after.person).ok().filter(|_| after.seq > BookSeq(0));
    Ok((begun.into_iter().chain(listed).collect(), last))
}

impl Affected {
    /// Its text in bytes, which is what a list of them weighs.
    fn weight(&self) -> usize {
        self.causes.iter().chain(&self.explanation).map(String::len).sum()
    }
}

/// One person's, oldest first: each builds on what the earlier ones would have come to.
async fn of_person(store: &HomeStore, person: PersonNumber, because: &Because) -> Result<Vec<Affected>, ReplayError> {
    let mut rework = Rework::default();
    let mut affected = Vec::new();
    for held in store.affected_list(person.clone()).await? {
        if !concerns(because, &held.causes) {
            continue;
        }
        let (seq, past) = (held.seq, past(store, &held).await?);
        let books = match because {
            Because::BuiltOnChanges => Arc::new(read_books(&past)?),
            Because::Rules(books) => books.clone(),
        };
        let causes = unaccounted(&held.causes).map(in_words).collect();
        let (reworked, explanation) = work_out(&mut rework, stored(past, held)?, &books);
        affected.push(Affected { seq, person: person.clone(), causes, reworked, explanation });
    }
    affected.retain(|one| matches!(because, Because::BuiltOnChanges) || !one.reworked.is_unchanged());
    Ok(affected)
}

/// Works settlements out again by their own rule books, each person's in the order of the book: a later one builds on what
/// the earlier ones among them come to, and on all others as they count. Those that are not in force, or not of this
/// book, are left out.
///
/// # Errors
/// When the book cannot be read.
pub async fn work_out_again(
    store: &HomeStore,
    settlements: HashSet<SettlementId>,
) -> Result<Vec<WorkedOut>, ReplayError> {
    let mut worked_out = Vec::new();
    for person in store.correction_people(settlements.iter().cloned().collect()).await? {
        let mut rework = Rework::default();
        let held = store.affected_list(person).await?;
        for held in held.into_iter().filter(|held| settlements.contains(&held.settlement)) {
            let (marks, past) = (held.causes.len(), past(store, &held).await?);
            let books = read_books(&past)?;
            let (reworked, _) = work_out(&mut rework, stored(past, held)?, &books);
            worked_out.push(WorkedOut { reworked, marks });
        }
    }
    Ok(worked_out)
}

async fn past(store: &HomeStore, held: &ledger::home::Affected) -> Result<Past, ReplayError> {
    past_at(store, held.seq, &held.settlement).await
}

/// What no correction took into account yet.
fn unaccounted(causes: &[Cause]) -> impl Iterator<Item = &Cause> {
    causes.iter().filter(|cause| !cause.accounted_for)
}

/// Under other rules every settlement may; else only one of whose changes something is left.
fn concerns(because: &Because, causes: &[Cause]) -> bool {
    match because {
        Because::BuiltOnChanges => still_differs(unaccounted(causes).filter_map(|cause| cause.effects.usage.as_ref())),
        Because::Rules(_) => true,
    }
}

/// A settlement in force with everything that it saw.
pub(crate) fn stored(past: Past, held: ledger::home::Affected) -> Result<Stored, ReplayError> {
    let seq = past.seq;
    let unreadable = |problem: &str| ReplayError::Unreadable(seq, problem.to_owned());
    let operation = past.operation.ok_or_else(|| unreadable("there is no operation"))?;
    let Request::Settle(settle) = &operation.request else { return Err(unreadable("it is no settle")) };
    let outcome = convert::read_outcome(&past.outcome).map_err(|fault| unreadable(&fault.to_string()))?;
    let Outcome::Accepted { decided_at, done: Done::Settled(settled) } = outcome else {
        return Err(unreadable("it did not settle"));
    };
    let used = convert::read_used(&past.outcome).map_err(|fault| unreadable(&fault.to_string()))?;
    let mut usage = used.ok_or_else(|| unreadable("its answer does not say what it uses up"))?.usage;
    let mut counts = settled.payers;
    if let Some(Counted { payers, sums }) = held.counted {
        counts = payers;
        usage.sums += sums;
    }
    Ok(Stored {
        seq,
        key: operation.key.clone(),
        settle: Arc::new((**settle).clone()),
        filings: read_filings(seq, past.filing)?,
        book: past.book,
        decided_at,
        settled: *settled,
        counts,
        usage,
        changes: held.causes.into_iter().map(|cause| cause.effects).collect(),
    })
}

fn work_out(rework: &mut Rework, stored: Stored, books: &RuleBooks) -> (Reworked, Vec<String>) {
    let adjudication: RefCell<Option<Adjudication>> = RefCell::new(None);
    let judge = |question: &Question<'_>| {
        let judgement = judge_by(books, question)?;
        *adjudication.borrow_mut() = Some(judgement.adjudication.clone());
        Ok(judgement)
    };
    let reworked = rework.next(stored, &judge);
    let adjudication = adjudication.into_inner().filter(|_| reworked.now.is_ok());
    let explained = adjudication.and_then(|worked_out| {
        let book = books.by_hash(worked_out.rule_book)?;
        Some(render(&worked_out, book, Language::Chinese).iter().map(ToString::to_string).collect())
    });
    (reworked, explained.unwrap_or_default())
}

/// A change as somebody at a desk reads it.
fn in_words(cause: &Cause) -> String {
    let place = cause.seq.0;
    let Effects { undoing, .. } = &cause.effects;
    if let (Some(batch), Some(correcting)) = (&cause.batch, &cause.effects.correcting) {
        return format!("更正批次{batch}更正结算{}(第{place}笔之后)", correcting.settlement);
    }
    match (&cause.posting, undoing) {
        (Some(posting), _) => format!("补录{posting}(第{place}笔之后)"),
        (None, Some(Undoing { settlement, becomes })) => {
            let became = match becomes {
                Standing::InForce => "恢复有效",
                Standing::Cancelled { counter: _ } => "已撤销",
                Standing::Reversed => "已冲正",
            };
            format!("结算{settlement}{became}(第{place}笔)")
        }
        (None, None) => format!("第{place}笔"),
    }
}
