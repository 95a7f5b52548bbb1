//! Putting batches of corrections forward: what a home region found, held against what the hub's book says of each
//! settlement. Nothing of it takes effect here. Called by [`super`].

use clearing::corrections::{Batch, Correction, Counts, Found, Standing};
use clearing::listed::Person;
use clearing::obligation::Lot;
use jiff::Timestamp;
use settlement::adjudication::FundShares;
use settlement::ids::{PoolCode, SettlementId};

use super::super::deductions::{in_force, list as deductions_of};
use super::{BatchFault, Changes, CorrectionBatch, Proposal, rows, stands};
use crate::engine::Sql;
use crate::store::StoreError;

/// Puts a batch forward.
pub(super) fn propose(
    sql: &Sql<'_>,
    proposal: &Proposal,
    by: (&Person, Timestamp),
) -> Result<Result<CorrectionBatch, BatchFault>, StoreError> {
    if let Some(held) = rows::find(sql, &proposal.id)? {
        return Ok(if is_same(&held, proposal) { Ok(held) } else { Err(BatchFault::ProposedOtherwise) });
    }
    let changed = match &proposal.changes {
        Changes::Named(found) => worked_out(sql, proposal.home, found, false)?,
        Changes::All(found) => worked_out(sql, proposal.home, found, true)?,
        Changes::Undo(other) => taken_back(sql, proposal.home, other)?,
    };
    let mut changed = match changed {
        Ok(changed) if changed.is_empty() => return Ok(Err(BatchFault::Nothing)),
        Ok(changed) => changed,
        Err(fault) => return Ok(Err(fault)),
    };
    changed.sort_by(|(one, _), (other, _)| one.settlement.cmp(&other.settlement));
    changed.dedup_by(|(one, _), (other, _)| one.settlement == other.settlement);
    let (corrections, lots): (Vec<Correction>, Vec<Lot>) = changed.into_iter().unzip();
    let undoes = match &proposal.changes {
        Changes::Undo(other) => Some(other.clone()),
        Changes::Named(_) | Changes::All(_) => None,
    };
    let batch = Batch { id: proposal.id.clone(), home: proposal.home, undoes, corrections };
    rows::insert(sql, (&batch, &lots), &proposal.reason, by)?;
    stands(sql, &proposal.id).map(Ok)
}

/// Whether a batch is what is put forward again. What was affected may have changed meanwhile.
fn is_same(held: &CorrectionBatch, proposal: &Proposal) -> bool {
    let settlements = |found: &[Found]| {
        let held: Vec<&SettlementId> = held.batch.corrections.iter().map(|correction| &correction.settlement).collect();
        held.len() == found.len() && found.iter().all(|found| held.contains(&&found.settlement))
    };
    let same = match &proposal.changes {
        Changes::Named(found) => held.batch.undoes.is_none() && settlements(found),
        Changes::All(_) => held.batch.undoes.is_none(),
        Changes::Undo(other) => held.batch.undoes.as_ref() == Some(other),
    };
    same && held.batch.home == proposal.home && held.reason == proposal.reason
}

type Changed = Result<Vec<(Correction, Lot)>, BatchFault>;

fn worked_out(sql: &Sql<'_>, home: PoolCode, found: &[Found], leave_others: bool) -> Result<Changed, StoreError> {
    let mut changed = Vec::new();
    for found in found {
        let settlement = &found.settlement;
        let Some((lot, counts)) = counts(sql, home, settlement)? else {
            if leave_others {
                continue;
            }
            return Ok(Err(BatchFault::NoSettlement(settlement.clone())));
        };
        if let Some(other) = rows::pending(sql, settlement, "")? {
            return Ok(Err(BatchFault::InAnother(settlement.clone(), other)));
        }
        match found.correction(&counts) {
            Ok(correction) => changed.push((correction, lot)),
            Err(fault) => return Ok(Err(BatchFault::Impossible(settlement.clone(), fault))),
        }
    }
    Ok(Ok(changed))
}

fn taken_back(sql: &Sql<'_>, home: PoolCode, other: &str) -> Result<Changed, StoreError> {
    let held = rows::find(sql, other)?.filter(|held| held.standing == Standing::InForce && held.batch.home == home);
    let Some(held) = held else { return Ok(Err(BatchFault::NotToUndo(other.to_owned()))) };
    if rows::is_taken_back(sql, other)? {
        return Ok(Err(BatchFault::NotToUndo(other.to_owned())));
    }
    let mut changed = Vec::new();
    for (correction, lot) in held.batch.corrections.iter().zip(held.lots) {
        let settlement = &correction.settlement;
        let Some((_, counts)) = counts(sql, home, settlement)? else {
            return Ok(Err(BatchFault::NoSettlement(settlement.clone())));
        };
        if let Some(other) = rows::pending(sql, settlement, "")? {
            return Ok(Err(BatchFault::InAnother(settlement.clone(), other)));
        }
        let undone = correction.undone();
        if let Err(fault) = undone.check(&counts) {
            return Ok(Err(BatchFault::Impossible(settlement.clone(), fault)));
        }
        changed.push((undone, lot));
    }
    Ok(Ok(changed))
}

/// What a settlement in force of a pool counts by now; none where there is no such.
fn counts(sql: &Sql<'_>, home: PoolCode, settlement: &SettlementId) -> Result<Option<(Lot, Counts)>, StoreError> {
    let Some((lot, sums)) = in_force(sql, settlement)?.filter(|(lot, _)| lot.home == home) else { return Ok(None) };
    let mut counts =
        Counts { booked: sums.funds, corrected: rows::corrected(sql, settlement)?, deducted: FundShares::default() };
    for deduction in deductions_of(sql, Some(settlement))?.iter().filter(|deduction| deduction.standing.counts()) {
        counts.deducted += deduction.agreed;
    }
    Ok(Some((lot, counts)))
}

/// Whether all of a batch can still be corrected so; it may have been overtaken since it was put forward.
pub(super) fn still_possible(sql: &Sql<'_>, batch: &Batch) -> Result<Result<(), BatchFault>, StoreError> {
    for correction in &batch.corrections {
        let settlement = &correction.settlement;
        let Some((_, counts)) = counts(sql, batch.home, settlement)? else {
            return Ok(Err(BatchFault::NoSettlement(settlement.clone())));
        };
        if let Some(other) = rows::pending(sql, settlement, &batch.id)? {
            return Ok(Err(BatchFault::InAnother(settlement.clone(), other)));
        }
        if let Err(fault) = correction.check(&counts) {
            return Ok(Err(BatchFault::Impossible(settlement.clone(), fault)));
        }
    }
    Ok(Ok(()))
}
