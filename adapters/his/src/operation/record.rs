//! The second commit: the answer to an operation, and what it does to this side's books. Called by [`super`] whenever an
//! answer arrives, however it was asked for; the first one stays.

use std::sync::Arc;

use jiff::Timestamp;
use ledger::treatment::{Session, SettledSums, SettlementChange, StoredAnswer, StoredEstimate, StoredOperation};
use proto::convert;
use settlement::bill::Coverage;
use settlement::encounter::CareKind;
use settlement::ids::{PoolCode, SettlementId};
use settlement::operation::{Operation, Request};
use settlement::outcome::{Done, Outcome, Settled, Undone};
use settlement::refusal::{Reason, Refusal};

use crate::edge::Edge;
use crate::stop::Stop;

/// Reads an answer.
///
/// # Errors
/// When its bytes are not one: then nobody knows the result yet.
pub fn read(answer: &StoredAnswer) -> Result<Outcome, Refusal> {
    convert::read_outcome(&answer.outcome).map_err(|fault| {
        tracing::error!(%fault, book_seq = answer.book_seq, "an answer cannot be read");
        Refusal::new(Reason::NotYetKnown)
    })
}

/// Keeps an answer and its effects, and gives the one that is kept, also read.
///
/// # Errors
/// When the message was reversed meanwhile: its late answer is kept, since hub and home hold it too, and has no effect. When the answer cannot be read, is to
/// something else, or cannot be kept.
pub async fn keep_answer(
    edge: &Edge,
    stored: StoredOperation,
    asked: Option<Operation>,
    answer: StoredAnswer,
) -> Result<(StoredAnswer, Outcome), Refusal> {
    let outcome = Arc::new(read(&answer)?);
    let asked = asked.map_or_else(|| read_back(&stored), Ok)?;
    check(&asked, &outcome)?;
    let treatment = asked.treatment();
    let now = edge.clock.now();
    let (arrived, arrived_outcome) = (answer.clone(), outcome.clone());
    let kept = edge
        .change(move |session| {
            let before = session.answer_before(stored.message)?;
            if before.reversed {
                if before.answer.is_none() {
                    session.answer_insert(stored.message, &arrived, None, now)?;
                }
                return Ok(None);
            }
            if let Some(kept) = before.answer {
                return Ok(Some(kept));
            }
            let mut answer = arrived.clone();
            let mut sums = None;
            if let Outcome::Accepted { decided_at, done } = arrived_outcome.as_ref() {
                if let Done::Settled(settled) = done {
                    answer.warning = warning(before.estimate.as_ref(), settled);
                    sums = Some(settled_sums(&stored, treatment, *decided_at, settled));
                }
                undo(session, &stored, done, now)?;
            }
            session.answer_insert(stored.message, &answer, sums.as_ref(), now)?;
            Ok(Some(answer))
        })
        .await?;
    let kept = kept.ok_or_else(|| Refusal::new(Reason::AlreadyReversed).of_field("msgid"))?;
    let outcome = if kept.outcome == answer.outcome { Arc::unwrap_or_clone(outcome) } else { read(&kept)? };
    Ok((kept, outcome))
}

fn read_back(stored: &StoredOperation) -> Result<Operation, Refusal> {
    convert::read_operation(&stored.operation.bytes).map_err(|fault| {
        tracing::error!(%fault, message = stored.message, "operation {} cannot be read back", stored.message);
        Refusal::new(Reason::NotYetKnown)
    })
}

/// That an answer is to what was asked. One that is not is kept nowhere and told to nobody.
fn check(asked: &Operation, outcome: &Outcome) -> Result<(), Refusal> {
    let Outcome::Accepted { decided_at: _, done } = outcome else { return Ok(()) };
    let fits = match (&asked.request, done) {
        (Request::Settle(settle), Done::Settled(settled)) => {
            settle.settlement == settled.settlement && settle.bill.coverage() == settled.coverage
        }
        (Request::Cancel(cancel), Done::Cancelled { counter, original, account_balance: _ }) => {
            cancel.counter == *counter && cancel.settlement == original.settlement
        }
        (Request::Reverse(_), Done::Reversed(_)) => true,
        (
            Request::Settle(_) | Request::Cancel(_) | Request::Reverse(_),
            Done::Settled(_) | Done::Cancelled { .. } | Done::Reversed(_),
        ) => false,
    };
    if fits {
        return Ok(());
    }
    tracing::error!(msgid = %asked.key.message, "the answer to message {} is to something else", asked.key.message);
    Err(Refusal::new(Reason::NotYetKnown))
}

/// What an accepted operation undoes of earlier ones.
fn undo(session: &Session<'_, '_>, stored: &StoredOperation, done: &Done, now: Timestamp) -> Result<(), Stop> {
    match done {
        Done::Settled(_) => {}
        Done::Cancelled { counter, original, account_balance: _ } => {
            let change = SettlementChange::Cancelled(counter.clone());
            session.settlement_note(&original.settlement, &change, stored.message, now)?;
        }
        Done::Reversed(undone) => reverse(session, stored, undone, now)?,
    }
    Ok(())
}

fn reverse(session: &Session<'_, '_>, stored: &StoredOperation, undone: &Undone, now: Timestamp) -> Result<(), Stop> {
    let note = |id: &SettlementId, change| session.settlement_note(id, &change, stored.message, now);
    match undone {
        Undone::Settlement { original, account_balance: _ } => {
            note(&original.settlement, SettlementChange::Reversed)?;
        }
        Undone::Cancellation { original, counter: _, account_balance: _ } => {
            note(&original.settlement, SettlementChange::Reinstated)?;
        }
        Undone::Nothing => {}
    }
    if let Some(original) = stored.operation.original {
        session.message_mark_reversed(original, stored.message, now)?;
    }
    Ok(())
}

fn settled_sums(
    stored: &StoredOperation,
    treatment: PoolCode,
    decided_at: Timestamp,
    settled: &Settled,
) -> SettledSums {
    SettledSums {
        insurance: settled.insurance.code().into(),
        clearing_class: clearing_class(&stored.operation.category).into(),
        agency: treatment.to_string(),
        settled_at: decided_at,
        total: settled.coverage.total(),
        funds: settled.payers.funds.total(),
        account: settled.payers.account,
        cash: settled.payers.cash,
        hospital: settled.payers.hospital,
    }
}

/// `clr_type` of the national core: 11 outpatient, 21 inpatient, 41 pharmacy.
pub fn clearing_class(category: &str) -> &'static str {
    match CareKind::of_medical_category(category) {
        Some(CareKind::Inpatient) => "21",
        Some(CareKind::Purchase) => "41",
        Some(CareKind::Chronic | CareKind::Outpatient) | None => "11",
    }
}

/// What the desk is warned of with a settlement.
fn warning(estimate: Option<&StoredEstimate>, settled: &Settled) -> Option<String> {
    let warnings = [estimate.and_then(|estimate| unlike(estimate, settled)), during_stay(settled)];
    warnings.into_iter().flatten().reduce(|first, second| format!("{first};{second}"))
}

/// Both cash sums and why they differ, where a settlement is not what its estimate said.
fn unlike(estimate: &StoredEstimate, settled: &Settled) -> Option<String> {
    let cash = settled.payers.cash;
    if estimate.cash == cash {
        return None;
    }
    let why = why_different(&estimate.coverage, &settled.coverage);
    Some(format!("结算与预结算不一致:预结算个人现金{},结算个人现金{cash};{why}。请按结算结果收费", estimate.cash))
}

/// What the home region wants a desk to look at, though it pays.
fn during_stay(settled: &Settled) -> Option<String> {
    let warning = "参保人当日正在另一机构住院:参保地已按规定支付,请核对是否为住院期间外院检查、治疗或购药";
    settled.during_stay.then(|| warning.into())
}

fn why_different(before: &Coverage, now: &Coverage) -> String {
    if before.total() != now.total() {
        format!("预结算后费用明细有变化(总额{}变为{})", before.total(), now.total())
    } else if before != now {
        "预结算后费用明细有变化(总额相同,分类不同)".into()
    } else {
        "费用未变,其间参保人年度累计、备案或待遇规则有变化".into()
    }
}
