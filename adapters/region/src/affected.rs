//! Settlements that would come out otherwise now: because something that they built on was changed since, or by a set of
//! rule books that changed late. Each is worked out again from what it saw; nothing is stored, no answer changes. Called
//! by the region's door and by `yidi settlement affected`.

use std::cell::RefCell;
use std::sync::Arc;

use ledger::home::{Cause, HomeStore, Past};
use proto::convert;
use settlement::adjudication::Adjudication;
use settlement::benefits::explanation::{Language, render};
use settlement::decide::{BookSeq, Effects, Question, Rework, Reworked, Stored, Undoing, judge_by, still_differs};
use settlement::ids::PersonNumber;
use settlement::lifecycle::Standing;
use settlement::operation::Request;
use settlement::outcome::{Done, Outcome};
use settlement::rulebook::RuleBooks;

use crate::replay::{ReplayError, read_books, read_filing};

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

/// Some people's.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// By person, then in the order of the book.
    pub affected: Vec<Affected>,
    /// After whom the next page begins; none where there are no more.
    pub last: Option<PersonNumber>,
}

/// The affected settlements of people, in the order of their numbers: of one, or of at most `people` after one.
///
/// # Errors
/// When the book cannot be read.
pub async fn list(
    store: &HomeStore,
    person: Option<PersonNumber>,
    (after, people): (String, u32),
    because: &Because,
) -> Result<Page, ReplayError> {
    if let Some(person) = person {
        return Ok(Page { affected: of_person(store, person, because).await?, last: None });
    }
    let all = matches!(because, Because::Rules(_));
    let listed = store.affected_people(after, people, all).await?;
    let last = listed.last().filter(|_| listed.len() >= people as usize).cloned();
    let mut affected = Vec::new();
    for person in listed {
        affected.extend(of_person(store, person, because).await?);
    }
    Ok(Page { affected, last })
}

/// One person's, oldest first: each builds on what the earlier ones would have come to.
async fn of_person(store: &HomeStore, person: PersonNumber, because: &Because) -> Result<Vec<Affected>, ReplayError> {
    let mut rework = Rework::default();
    let mut affected = Vec::new();
    for ledger::home::Affected { seq, settlement, causes } in store.affected_list(person.clone()).await? {
        if !concerns(because, &causes) {
            continue;
        }
        let missing = || ReplayError::UnknownSettlement(settlement.clone());
        let past = store.past_read(seq).await.map_err(|fault| ReplayError::Store(seq, fault))?.ok_or_else(missing)?;
        let books = match because {
            Because::BuiltOnChanges => Arc::new(read_books(&past)?),
            Because::Rules(books) => books.clone(),
        };
        let told = causes.iter().map(in_words).collect();
        let (reworked, explanation) = work_out(&mut rework, stored(past, causes)?, &books);
        affected.push(Affected { seq, person: person.clone(), causes: told, reworked, explanation });
    }
    affected.retain(|one| matches!(because, Because::BuiltOnChanges) || !one.reworked.is_unchanged());
    Ok(affected)
}

/// Under other rules every settlement may; else only one of whose changes something is left.
fn concerns(because: &Because, causes: &[Cause]) -> bool {
    match because {
        Because::BuiltOnChanges => {
            still_differs(causes.iter().filter_map(|cause| cause.effects.usage.as_ref()).map(|posting| &posting.usage))
        }
        Because::Rules(_) => true,
    }
}

fn stored(past: Past, causes: Vec<Cause>) -> Result<Stored, ReplayError> {
    let seq = past.seq;
    let unreadable = |problem: &str| ReplayError::Unreadable(seq, problem.to_owned());
    let operation = past.operation.ok_or_else(|| unreadable("there is no operation"))?;
    let Request::Settle(settle) = &operation.request else { return Err(unreadable("it is no settle")) };
    let outcome = convert::read_outcome(&past.outcome).map_err(|fault| unreadable(&fault.to_string()))?;
    let Outcome::Accepted { decided_at, done: Done::Settled(settled) } = outcome else {
        return Err(unreadable("it did not settle"));
    };
    let used = convert::read_used(&past.outcome).map_err(|fault| unreadable(&fault.to_string()))?;
    let usage = used.ok_or_else(|| unreadable("its answer does not say what it uses up"))?.usage;
    Ok(Stored {
        seq,
        key: operation.key.clone(),
        settle: Arc::new((**settle).clone()),
        filing: read_filing(seq, past.filing)?,
        book: past.book,
        decided_at,
        settled: *settled,
        usage,
        changes: causes.into_iter().map(|cause| cause.effects).collect(),
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
