//! One settlement as a region's book has it: what was asked, what was answered, where it stands. It explains nothing and
//! works nothing out; [`crate::replay`] does. Called by `yidi settlement show` and
//! `explain`.

use std::sync::Arc;

use jiff::Timestamp;
use ledger::home::{HomeStore, Undoing};
use proto::convert;
use settlement::decide::BookSeq;
use settlement::ids::{MessageId, SettlementId};
use settlement::lifecycle::Standing;
use settlement::operation::{Operation, Request, Settle};
use settlement::outcome::{Done, Outcome, Settled};
use settlement::rulebook::RuleBook;

use crate::replay::{ReplayError, past_at, read_books};

/// A settlement in the book.
#[derive(Clone, Debug)]
pub struct Shown {
    /// Where it was decided.
    pub seq: BookSeq,
    /// When (`setl_time`).
    pub decided_at: Timestamp,
    /// The operation that asked for it.
    pub operation: Arc<Operation>,
    /// The answer.
    pub settled: Settled,
    /// Where it stands.
    pub standing: Standing,
    /// What undid it, where it is not in force.
    pub undone: Option<Undone>,
    /// The rule book that decided, as the store keeps it.
    pub rule_book: RuleBook,
}

/// What undid a settlement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undone {
    /// When.
    pub at: Timestamp,
    /// The number of the message that asked for it (`msgid`).
    pub message: MessageId,
}

impl Shown {
    /// The bill and the visit.
    ///
    /// # Errors
    /// When the operation is no settle: a fault of the store.
    pub fn settle(&self) -> Result<&Settle, ReplayError> {
        match &self.operation.request {
            Request::Settle(settle) => Ok(settle),
            Request::Cancel(_) | Request::Reverse(_) => Err(unreadable(self.seq, "it is no settle")),
        }
    }
}

/// Reads a settlement.
///
/// # Errors
/// When there is no such settlement, or the book cannot be read.
pub async fn show(store: &HomeStore, settlement: &SettlementId) -> Result<Shown, ReplayError> {
    let unknown = || ReplayError::UnknownSettlement(settlement.clone());
    let seq = store.settlement_place(settlement.clone()).await?.ok_or_else(unknown)?;
    let past = past_at(store, seq, settlement).await?;
    let books = read_books(&past)?;
    let operation = past.operation.ok_or_else(|| unreadable(seq, "there is no operation"))?;
    let outcome = convert::read_outcome(&past.outcome).map_err(|fault| unreadable(seq, &fault.to_string()))?;
    let Outcome::Accepted { decided_at, done: Done::Settled(settled) } = outcome else {
        return Err(unreadable(seq, "it did not settle"));
    };
    let undoing = store.settlement_undoing(settlement.clone()).await?;
    let undone = match &undoing {
        Some(undoing) if undoing.becomes != Standing::InForce => Some(undone(store, undoing, settlement).await?),
        Some(_) | None => None,
    };
    let rule_book = books.by_hash(settled.rule_book).ok_or_else(|| unreadable(seq, "its rule book is missing"))?;
    Ok(Shown {
        seq,
        decided_at,
        operation,
        rule_book: rule_book.clone(),
        standing: undoing.map_or(Standing::InForce, |undoing| undoing.becomes),
        undone,
        settled: *settled,
    })
}

async fn undone(store: &HomeStore, undoing: &Undoing, settlement: &SettlementId) -> Result<Undone, ReplayError> {
    let past = past_at(store, undoing.seq, settlement).await?;
    let operation = past.operation.ok_or_else(|| unreadable(undoing.seq, "there is no operation"))?;
    Ok(Undone { at: undoing.decided_at, message: operation.key.message.clone() })
}

fn unreadable(seq: BookSeq, problem: &str) -> ReplayError {
    ReplayError::Unreadable(seq, problem.to_owned())
}
