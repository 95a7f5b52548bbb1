//! Past decisions once more, from what they saw: the book below them, the person's facts, the filing, the rule books.
//! A replay must come out identical to the byte; an explanation is the same calculation told in words. `yidi verify`
//! replays whole books; `yidi settlement` and the demo explain single settlements.

use std::cell::RefCell;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

use bytes::Bytes;
use ledger::home::{HomeStore, Past};
use ledger::store::StoreError;
use prost::Message;
use proto::{convert, v1};
use settlement::adjudication::Adjudication;
use settlement::benefits::explanation::{Language, Line, render};
use settlement::decide::{BookSeq, Question, Verdict, decide, judge_by};
use settlement::filing::Filing;
use settlement::finding::Finding;
use settlement::ids::SettlementId;
use settlement::rulebook::{RuleBook, RuleBooks};
use settlement::year_to_date::UsagePosting;

/// Why a past decision cannot be replayed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The store cannot be read.
    #[error("cannot read place {} of the book", .0.0)]
    Store(BookSeq, #[source] StoreError),
    /// The store cannot be read.
    #[error("cannot read the book")]
    Book(#[from] StoreError),
    /// Something that the decision saw does not read any more.
    #[error("what the decision at place {} saw cannot be read: {}", .0.0, .1)]
    Unreadable(BookSeq, String),
    /// No such settlement.
    #[error("there is no settlement {0}")]
    UnknownSettlement(SettlementId),
}

/// A past decision, once more.
#[derive(Clone, Debug)]
pub struct Replay {
    /// Its place in the book.
    pub seq: BookSeq,
    /// The answer as it is stored.
    pub stored: Bytes,
    /// The answer as it comes out now.
    pub again: Bytes,
    /// The calculation, where there was one.
    pub adjudication: Option<Adjudication>,
    /// What the person had used before it.
    pub used: Vec<UsagePosting>,
}

impl Replay {
    /// Whether both answers are the same to the byte.
    pub fn is_identical(&self) -> bool {
        self.stored == self.again
    }
}

/// Replays the whole book, and tells what does not come out identical.
///
/// # Errors
/// When the book cannot be read.
pub async fn a_replay_of_any_stored_decision_is_identical(store: &HomeStore) -> Result<Vec<Finding>, ReplayError> {
    a_replay_of_any_decision_after_is_identical(store, BookSeq::default()).await
}

/// The same for what was decided after a place.
///
/// # Errors
/// When the book cannot be read.
pub async fn a_replay_of_any_decision_after_is_identical(
    store: &HomeStore,
    after: BookSeq,
) -> Result<Vec<Finding>, ReplayError> {
    let last = store.last_seq().await?;
    let mut findings = Vec::new();
    let mut sets: HashMap<i64, RuleBooks> = HashMap::new();
    for seq in (after.0 + 1..=last.0).map(BookSeq) {
        let past = store.past_read(seq).await.map_err(|fault| ReplayError::Store(seq, fault))?;
        let Some(past) = past else { continue };
        let books = match sets.entry(past.rule_set) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => unknown.insert(read_books(&past)?),
        };
        let replay = again(past, books)?;
        findings.extend(replay.filter(|replay| !replay.is_identical()).map(|replay| Finding {
            invariant: "a replay of any stored decision is identical",
            subject: format!("place {}", replay.seq.0),
            problem: told_apart(&replay),
        }));
    }
    Ok(findings)
}

/// Whether a decision comes out identical from what is said to have been seen.
pub(crate) fn comes_out(past: Past) -> bool {
    let replayed = read_books(&past).and_then(|books| again(past, &books));
    replayed.is_ok_and(|replay| replay.is_some_and(|replay| replay.is_identical()))
}

fn told_apart(replay: &Replay) -> String {
    match (convert::read_outcome(&replay.stored), convert::read_outcome(&replay.again)) {
        (Ok(stored), Ok(again)) => format!("stored {stored:?}, again {again:?}"),
        _ => "an answer cannot be read".into(),
    }
}

/// A settlement's calculation in words.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// The rule book that decided.
    pub rule_book: RuleBook,
    /// The steps.
    pub lines: Vec<Line>,
    /// The replay that they come from.
    pub replay: Replay,
}

/// Explains a settlement.
///
/// # Errors
/// When there is no such settlement, or what it saw cannot be read.
pub async fn explain(
    store: &HomeStore,
    settlement: &SettlementId,
    language: Language,
) -> Result<Explanation, ReplayError> {
    let (replay, books) = replay(store, settlement).await?;
    let unreadable = |problem: &str| ReplayError::Unreadable(replay.seq, problem.into());
    let adjudication = replay.adjudication.as_ref().ok_or_else(|| unreadable("the calculation did not come out"))?;
    let book = books.by_hash(adjudication.rule_book).ok_or_else(|| unreadable("its rule book is missing"))?;
    let lines = render(adjudication, book, language);
    Ok(Explanation { rule_book: book.clone(), lines, replay })
}

/// A settlement's decision once more, and the rule books among which it chose, as the store keeps them: what stands on
/// disk today plays no part.
///
/// # Errors
/// As [`explain`].
pub async fn replay(store: &HomeStore, settlement: &SettlementId) -> Result<(Replay, RuleBooks), ReplayError> {
    let unknown = || ReplayError::UnknownSettlement(settlement.clone());
    let seq = store.settlement_place(settlement.clone()).await?.ok_or_else(unknown)?;
    let past = past_at(store, seq, settlement).await?;
    let books = read_books(&past)?;
    let replay = again(past, &books)?.ok_or_else(unknown)?;
    Ok((replay, books))
}

/// What a settlement's place of the book holds.
pub(crate) async fn past_at(store: &HomeStore, seq: BookSeq, settlement: &SettlementId) -> Result<Past, ReplayError> {
    let past = store.past_read(seq).await.map_err(|fault| ReplayError::Store(seq, fault))?;
    past.ok_or_else(|| ReplayError::UnknownSettlement(settlement.clone()))
}

fn again(past: Past, books: &RuleBooks) -> Result<Option<Replay>, ReplayError> {
    let Past { seq, operation, filing, mut book, decided_at, outcome, .. } = past;
    let Some(operation) = operation else {
        return Ok(None);
    };
    let filings = read_filings(seq, filing)?;
    let worked_out = RefCell::new((None, Vec::new()));
    let judge = |question: &Question<'_>| {
        let judgement = judge_by(books, question)?;
        *worked_out.borrow_mut() = (Some(judgement.adjudication.clone()), question.case.usages.to_vec());
        Ok(judgement)
    };
    let verdict = decide(&mut book, &operation, &filings, &judge, decided_at);
    let again = match verdict {
        Verdict::New { seq: _, decision } => convert::write_decision(&decision),
        Verdict::Undecided(fault) => return Err(ReplayError::Unreadable(seq, fault.to_string())),
        Verdict::Known { seq: _ } | Verdict::ContentDiffers { field: _ } => {
            return Err(ReplayError::Unreadable(seq, "its key was known before".into()));
        }
    };
    let (adjudication, used) = worked_out.into_inner();
    Ok(Some(Replay { seq, stored: outcome, again, adjudication, used }))
}

pub(crate) fn read_filings(seq: BookSeq, bytes: Option<Bytes>) -> Result<Vec<Filing>, ReplayError> {
    let Some(bytes) = bytes else {
        return Ok(Vec::new());
    };
    let unreadable = |problem: String| ReplayError::Unreadable(seq, problem);
    let wire = v1::Filing::decode(bytes).map_err(|fault| unreadable(fault.to_string()))?;
    convert::read_attached_filings(&wire).map_err(|fault| unreadable(fault.to_string()))
}

pub(crate) fn read_books(past: &Past) -> Result<RuleBooks, ReplayError> {
    let parsed = past.rule_books.iter().map(|text| RuleBook::parse(text)).collect::<Result<Vec<_>, _>>();
    let books =
        parsed.map_err(|faults| ReplayError::Unreadable(past.seq, format!("{} faults in a rule book", faults.len())));
    Ok(RuleBooks::new(books?))
}
