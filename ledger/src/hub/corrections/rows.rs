//! Batches of corrections, their decisions and their postings as rows.

use std::collections::BTreeMap;

use bytes::Bytes;
use clearing::corrections::{Batch, Correction, GIVEN_BACK, Standing};
use clearing::listed::{Person, Seat};
use clearing::obligation::Lot;
use jiff::Timestamp;
use settlement::adjudication::{Fund, FundShares, Payers};
use settlement::ids::{PoolCode, RegionCode, SettlementId};
use settlement::money::Money;

use super::super::deductions::{funds, read_shares};
use super::super::lots::{lot_values, read_lot};
use super::super::periods::PeriodNumber;
use super::super::{corrupt, instant};
use super::{BatchPlace, CorrectionBatch, PostedCorrection};
use crate::engine::{Row, Sql, Value};
use crate::store::StoreError;
use crate::values;

/// Postings beside what they are of: the columns of [`read_correction`], then their own.
macro_rules! posted {
    () => {
        "SELECT corrections.home, corrections.treatment, corrections.insurance, corrections.care, corrections.basic,
            corrections.large_sum, corrections.catastrophic, corrections.civil_servant, corrections.assistance, account,
            cash, hospital, basic_now, large_sum_now, catastrophic_now, civil_servant_now, assistance_now, cash_now,
            corrections.settlement, corrections.batch, posted.step, posted.basic, posted.large_sum, posted.catastrophic,
            posted.civil_servant, posted.assistance, correction_batches.reason, posted.posted_at, answers.period,
            posted.id, posted.period
         FROM correction_postings AS posted
         JOIN corrections ON corrections.id = posted.id
         JOIN correction_batches ON correction_batches.id = corrections.batch
         JOIN answers ON answers.settlement = corrections.settlement AND answers.step = 1"
    };
}
pub(in crate::hub) use posted;

macro_rules! batches {
    ($where:literal) => {
        concat!(
            "SELECT correction_batches.id, home, undoes, correction_batches.reason, digest, proposed_by, proposed_seat,
                proposed_at, COALESCE(last.event, 'proposed'), COALESCE(last.reason, ''), decided.done_by, decided.seat,
                decided.done_at,
                (SELECT MAX(COALESCE((SELECT into_period FROM correction_moves AS moved
                                      WHERE moved.id = posted.id AND moved.step = posted.step
                                      ORDER BY from_period = 0 DESC, from_period DESC LIMIT 1), posted.period))
                 FROM corrections JOIN correction_postings AS posted ON posted.id = corrections.id AND posted.step = 1
                 WHERE corrections.batch = correction_batches.id)
            FROM correction_batches
            LEFT JOIN correction_events AS last ON last.batch = correction_batches.id
                AND last.step = (SELECT MAX(step) FROM correction_events WHERE batch = correction_batches.id)
            LEFT JOIN correction_events AS decided ON decided.batch = correction_batches.id AND decided.step = 1 ",
            $where,
            " ORDER BY proposed_at, correction_batches.id"
        )
    };
}

/// Who ends a batch that was approved.
const THE_REGION: &str = "the home region";

/// The id of a settlement's correction in a batch.
pub(super) fn id_of(batch: &str, settlement: &SettlementId) -> String {
    format!("{batch} {settlement}")
}

pub(super) fn find(sql: &Sql<'_>, id: &str) -> Result<Option<CorrectionBatch>, StoreError> {
    let found = sql.find(batches!("WHERE correction_batches.id = ?1"), values![id], read)?;
    found.map(|batch| with_corrections(sql, batch)).transpose()
}

pub(super) fn list(
    sql: &Sql<'_>,
    pools: Option<&str>,
    settlement: Option<&str>,
) -> Result<Vec<CorrectionBatch>, StoreError> {
    const LIST: &str = batches!(
        "WHERE (?1 IS NULL OR home IN (SELECT value FROM json_each(?1)) OR EXISTS (SELECT 1 FROM corrections
                WHERE corrections.batch = correction_batches.id
                  AND corrections.treatment IN (SELECT value FROM json_each(?1))))
           AND (?2 IS NULL OR EXISTS (SELECT 1 FROM corrections
                WHERE corrections.batch = correction_batches.id AND corrections.settlement = ?2))"
    );
    let found = sql.query(LIST, values![pools, settlement], read)?;
    found.into_iter().map(|batch| with_corrections(sql, batch)).collect()
}

fn with_corrections(
    sql: &Sql<'_>,
    (mut held, digest): (CorrectionBatch, String),
) -> Result<CorrectionBatch, StoreError> {
    const CORRECTIONS: &str = "SELECT home, treatment, insurance, care, basic, large_sum, catastrophic, civil_servant,
            assistance, account, cash, hospital, basic_now, large_sum_now, catastrophic_now, civil_servant_now,
            assistance_now, cash_now, settlement
        FROM corrections WHERE batch = ?1";
    let corrections = sql.query(CORRECTIONS, values![&held.batch.id], |row| read_correction(row, 0))?;
    let corrections: BTreeMap<SettlementId, (Correction, Lot)> =
        corrections.into_iter().map(|(correction, lot)| (correction.settlement.clone(), (correction, lot))).collect();
    (held.batch.corrections, held.lots) = corrections.into_values().unzip();
    if held.batch.digest().to_string() != digest {
        return Err(corrupt("correction_batches", &held.batch.id, "its settlements are not what two people decide on"));
    }
    Ok(held)
}

/// What corrections in force add to a settlement, whether it is undone since or not.
pub(in crate::hub) fn corrected(sql: &Sql<'_>, settlement: &SettlementId) -> Result<FundShares, StoreError> {
    const CORRECTED: &str = "SELECT posted.basic, posted.large_sum, posted.catastrophic, posted.civil_servant,
            posted.assistance
        FROM corrections JOIN correction_postings AS posted ON posted.id = corrections.id AND posted.step = 1
        WHERE corrections.settlement = ?1";
    let mut corrected = FundShares::default();
    let posted = sql.query(CORRECTED, values![&settlement.to_time_first()], |row| read_shares(row, 0))?;
    posted.into_iter().for_each(|moves| corrected += moves);
    Ok(corrected)
}

/// What approved batches, which the region may have taken already, make of what funds pay for a settlement.
pub(super) fn approved(sql: &Sql<'_>, settlement: &SettlementId) -> Result<Vec<FundShares>, StoreError> {
    const APPROVED: &str = "SELECT basic_now, large_sum_now, catastrophic_now, civil_servant_now, assistance_now
        FROM corrections JOIN correction_events AS last ON last.batch = corrections.batch
            AND last.step = (SELECT MAX(step) FROM correction_events WHERE batch = corrections.batch)
        WHERE corrections.settlement = ?1 AND last.event = ?2";
    let settlement = settlement.to_time_first();
    sql.query(APPROVED, values![&settlement, Standing::Approved.word()], |row| read_shares(row, 0))
}

/// Another batch than this, still to be decided or taken, that a settlement is in.
pub(super) fn pending(sql: &Sql<'_>, settlement: &SettlementId, but: &str) -> Result<Option<String>, StoreError> {
    const PENDING: &str = "SELECT batch FROM corrections
        WHERE settlement = ?1 AND batch <> ?2
          AND COALESCE((SELECT event FROM correction_events AS last WHERE last.batch = corrections.batch
                        ORDER BY step DESC LIMIT 1), ?3) IN (?3, ?4)
        ORDER BY batch LIMIT 1";
    let (proposed, approved) = (Standing::Proposed.word(), Standing::Approved.word());
    let settlement = settlement.to_time_first();
    sql.find(PENDING, values![&settlement, but, proposed, approved], |row| Ok(row.text(0)?.to_owned()))
}

/// The batch that stands under a number of a book, which is these pools'; none where that is none, or this one's.
pub(super) fn under_number(
    sql: &Sql<'_>,
    (but, number): (&str, u64),
    book: &str,
) -> Result<Option<String>, StoreError> {
    const UNDER: &str = "SELECT correction_batches.id FROM correction_events AS taken
        JOIN correction_batches ON correction_batches.id = taken.batch
        WHERE taken.number = ?1 AND taken.number > 0 AND taken.batch <> ?2
          AND home IN (SELECT value FROM json_each(?3))
        ORDER BY correction_batches.id LIMIT 1";
    sql.find(UNDER, values![number.cast_signed(), but, book], |row| Ok(row.text(0)?.to_owned()))
}

/// Whether a batch that takes another back is in force, or still to be decided or taken.
pub(super) fn is_taken_back(sql: &Sql<'_>, id: &str) -> Result<bool, StoreError> {
    const TAKEN_BACK: &str = "SELECT 1 FROM correction_batches
        WHERE undoes = ?1 AND NOT EXISTS (SELECT 1 FROM correction_events
            WHERE correction_events.batch = correction_batches.id AND event IN (?2, ?3))";
    sql.exists(TAKEN_BACK, values![id, Standing::Refused.word(), Standing::Failed.word()])
}

pub(super) fn insert(
    sql: &Sql<'_>,
    (batch, lots): (&Batch, &[Lot]),
    reason: &str,
    (by, at): (&Person, Timestamp),
) -> Result<(), StoreError> {
    const BATCH: &str = "INSERT INTO correction_batches
            (id, home, undoes, reason, digest, proposed_by, proposed_seat, proposed_at)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    const CORRECTION: &str = "INSERT INTO corrections (id, batch, settlement, home, treatment, insurance, care, basic,
            large_sum, catastrophic, civil_servant, assistance, account, cash, hospital, basic_now, large_sum_now,
            catastrophic_now, civil_servant_now, assistance_now, cash_now)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21)";
    let (id, digest) = (batch.id.as_str(), batch.digest().to_string());
    let (home, undoes) = (batch.home.0.as_str(), batch.undoes.as_deref());
    let (certificate, seat, at) = (by.certificate.as_str(), by.seat.word(), at.as_microsecond());
    sql.execute(BATCH, values![id, home, undoes, reason, &digest, certificate, seat, at])?;
    let names: Vec<(String, String)> = batch
        .corrections
        .iter()
        .map(|correction| (id_of(id, &correction.settlement), correction.settlement.to_time_first()))
        .collect();
    let all = batch.corrections.iter().zip(lots).zip(&names);
    let rows: Vec<[Value<'_>; 21]> = all
        .map(|((Correction { settlement: _, told, now }, lot), (own, settlement))| {
            let [home, treatment, insurance, care] = lot_values(lot);
            let [b, l, c, s, a] = funds(&told.funds).map(Value::from);
            let [b_now, l_now, c_now, s_now, a_now] = funds(&now.funds).map(Value::from);
            let [account, cash, hospital, cash_now] =
                [told.account, told.cash, told.hospital, now.cash].map(|amount| Value::from(amount.fen()));
            let key = [own.into(), id.into(), settlement.into(), home, treatment, insurance, care];
            let [k1, k2, k3, k4, k5, k6, k7] = key;
            [
                k1, k2, k3, k4, k5, k6, k7, b, l, c, s, a, account, cash, hospital, b_now, l_now, c_now, s_now, a_now,
                cash_now,
            ]
        })
        .collect();
    sql.execute_each(CORRECTION, &rows)
}

/// Notes what happened to a batch; what nobody has done, its home region has.
pub(super) fn insert_event(
    sql: &Sql<'_>,
    batch: &str,
    (becomes, reason, place): (Standing, &str, Option<BatchPlace>),
    (by, at): (Option<&Person>, Timestamp),
) -> Result<(), StoreError> {
    const NEXT: &str = "SELECT COALESCE(MAX(step), 0) + 1 FROM correction_events WHERE batch = ?1";
    const EVENT: &str = "INSERT INTO correction_events 
            (batch, step, event, reason, book_seq, number, done_by, seat, done_at)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    let step = sql.get(NEXT, values![batch], |row| row.number(0))?;
    let after = place.map(|place| place.after.cast_signed());
    let number = place.map(|place| place.number.cast_signed());
    let (done_by, seat) = (by.map_or(THE_REGION, |by| &by.certificate), by.map(|by| by.seat.word()));
    let values = values![batch, step, becomes.word(), reason, after, number, done_by, seat, at.as_microsecond()];
    sql.execute(EVENT, values).map(drop)
}

pub(super) fn insert_record(sql: &Sql<'_>, batch: &str, record: &[u8]) -> Result<(), StoreError> {
    const RECORD: &str = "INSERT INTO correction_records (batch, record) VALUES (?1, ?2)";
    if record.is_empty() {
        return Ok(());
    }
    sql.execute(RECORD, values![batch, record]).map(drop)
}

pub(super) fn record(sql: &Sql<'_>, batch: &str) -> Result<Bytes, StoreError> {
    const RECORD: &str = "SELECT record FROM correction_records WHERE batch = ?1";
    Ok(sql.find(RECORD, values![batch], |row| Ok(Bytes::copy_from_slice(row.bytes(0)?)))?.unwrap_or_default())
}

pub(super) fn insert_posting(
    sql: &Sql<'_>,
    (id, step): (&str, i64),
    period: PeriodNumber,
    moves: &FundShares,
    at: Timestamp,
) -> Result<(), StoreError> {
    const POST: &str = "INSERT INTO correction_postings
            (id, step, period, basic, large_sum, catastrophic, civil_servant, assistance, posted_at)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    let [basic, large_sum, catastrophic, civil_servant, assistance] = funds(moves);
    let at = at.as_microsecond();
    let values = values![id, step, period.0, basic, large_sum, catastrophic, civil_servant, assistance, at];
    sql.execute(POST, values).map(drop)
}

/// A batch without its corrections, and its digest as it was written down.
fn read(row: Row<'_>) -> Result<(CorrectionBatch, String), StoreError> {
    let id = row.text(0)?.to_owned();
    let malformed = |what: &str| corrupt("correction_batches", &id, format!("its {what} is not one of ours"));
    let home = RegionCode::new(row.text(1)?).map(PoolCode).map_err(|_| malformed("home"))?;
    let person = |certificate: &str, seat: &str| {
        let seat = Seat::from_word(seat).ok_or_else(|| malformed("seat"))?;
        Ok::<_, StoreError>(Person { certificate: certificate.to_owned(), seat })
    };
    let decided = match (row.optional_text(10)?, row.optional_number(12)?) {
        (Some(by), Some(at)) => Some((person(by, row.text(11)?)?, instant("correction_events", &id, at)?)),
        (Some(_) | None, _) => None,
    };
    let batch = CorrectionBatch {
        lots: Vec::new(),
        reason: row.text(3)?.to_owned(),
        standing: Standing::from_word(row.text(8)?).ok_or_else(|| malformed("standing"))?,
        remark: row.text(9)?.to_owned(),
        proposed_by: person(row.text(5)?, row.text(6)?)?,
        proposed_at: instant("correction_batches", &id, row.number(7)?)?,
        decided,
        period: row.optional_number(13)?.map(PeriodNumber),
        batch: Batch {
            home,
            undoes: row.optional_text(2)?.map(ToOwned::to_owned),
            corrections: Vec::new(),
            id: id.clone(),
        },
    };
    Ok((batch, row.text(4)?.to_owned()))
}

/// A correction and its lot: four columns of the lot, fourteen sums, and the settlement.
fn read_correction(row: Row<'_>, first: usize) -> Result<(Correction, Lot), StoreError> {
    let amount = |place: usize| row.number(first + place).map(Money::from_fen);
    let told =
        Payers { funds: read_shares(row, first + 4)?, account: amount(9)?, cash: amount(10)?, hospital: amount(11)? };
    let now = Payers { funds: read_shares(row, first + 12)?, cash: amount(12 + Fund::ALL.len())?, ..told };
    let id = row.text(first + 18)?;
    let settlement =
        SettlementId::from_time_first(id).map_err(|fault| corrupt("corrections", id, fault.to_string()))?;
    Ok((Correction { settlement, told, now }, read_lot(row, first)?))
}

/// A posting's id, its step, and the period in which it was made.
pub(in crate::hub) fn posted_as(row: Row<'_>) -> Result<(String, i64, i64), StoreError> {
    Ok((row.text(29)?.to_owned(), row.number(20)?, row.number(30)?))
}

/// A row of [`posted`].
pub(in crate::hub) fn read_posted(row: Row<'_>) -> Result<PostedCorrection, StoreError> {
    let (correction, lot) = read_correction(row, 0)?;
    // Every second posting takes it back.
    let is_given_back = row.number(20)? % 2 == 0;
    let correction = if is_given_back { correction.undone() } else { correction };
    Ok(PostedCorrection {
        id: row.text(29)?.to_owned(),
        step: row.number(20)?,
        batch: row.text(19)?.to_owned(),
        moves: read_shares(row, 21)?,
        reason: if is_given_back { GIVEN_BACK.to_owned() } else { row.text(26)?.to_owned() },
        at: instant("correction_postings", &correction.settlement, row.number(27)?)?,
        booked_in: PeriodNumber(row.number(28)?),
        correction,
        lot,
    })
}
