//! Entries that a period is cleared without: carried out of it, and into another or onto the list. What a period clears
//! of its lots follows from them and from the journal's sums.

use std::collections::{BTreeMap, BTreeSet};

use clearing::cleared::Movements;
use clearing::obligation::{Posting, Totals};
use jiff::Timestamp;
use settlement::ids::{PoolCode, SettlementId};

use super::super::lots::{read_lot, read_moved};
use super::super::{HubStore, Position, corrupt, deductions};
use super::PeriodNumber;
use crate::engine::{Row, Sql, Value, list};
use crate::store::StoreError;
use crate::values;

/// A settlement that a period is to be cleared without, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disputed {
    /// Which.
    pub settlement: SettlementId,
    /// Why: which books are apart, or what a member objects to.
    pub reason: String,
}

/// Into which period an entry goes, by the period that it was booked in; none for the list.
pub type Carrying = BTreeMap<PeriodNumber, Option<PeriodNumber>>;

/// An entry that was carried out of a period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CarriedEntry {
    /// The operation that booked the entry.
    pub position: Position,
    /// Which of its lots: 0 for the settlement's own.
    pub part: i64,
    /// The settlement.
    pub settlement: SettlementId,
    /// Out of which period.
    pub from: PeriodNumber,
    /// Into which; none for the list.
    pub into: Option<PeriodNumber>,
    /// Why.
    pub reason: String,
    /// What moves with it.
    pub posting: Posting,
}

impl HubStore {
    /// Every entry that was ever carried out of a period, in the order of periods.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn entry_carried_list(&self) -> Result<Vec<CarriedEntry>, StoreError> {
        const CARRIED: &str = "SELECT home, treatment, insurance, care, visits, total, basic, large_sum, catastrophic,
                civil_servant, assistance, account, carried_entries.position, carried_entries.part, settlement,
                from_period, into_period, reason
            FROM carried_entries CROSS JOIN lot_postings
            WHERE lot_postings.position = carried_entries.position AND lot_postings.part = carried_entries.part
            ORDER BY from_period, carried_entries.position, carried_entries.part";
        self.engine.read(move |sql| sql.query(CARRIED, values![], read_carried)).await
    }

    /// Carries the entries of settlements out of a period; tells how many. What is out of it already stays so. Entries of
    /// a period that `carrying` does not name are not of this one.
    ///
    /// # Errors
    /// When the store fails; nothing was carried then.
    pub async fn entry_carry_out(
        &self,
        period: PeriodNumber,
        disputed: Vec<Disputed>,
        carrying: Carrying,
        at: Timestamp,
    ) -> Result<u64, StoreError> {
        self.engine.write(move |sql| carry_out(sql, period, &disputed, &carrying, None, at)).await
    }

    /// What moves the lots of a period.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn clearing_movements(&self, period: PeriodNumber) -> Result<Movements, StoreError> {
        let booked = self.lot_totals(period).await?;
        let moved = self.engine.read(move |sql| movements(sql, period, booked));
        moved.await
    }
}

fn read_carried(row: Row<'_>) -> Result<CarriedEntry, StoreError> {
    let position = Position(row.number(12)?);
    let settlement = SettlementId::from_time_first(row.text(14)?);
    Ok(CarriedEntry {
        position,
        part: row.number(13)?,
        settlement: settlement.map_err(|fault| corrupt("lot_postings", position, fault.to_string()))?,
        from: PeriodNumber(row.number(15)?),
        into: row.optional_number(16)?.map(PeriodNumber),
        reason: row.text(17)?.to_owned(),
        posting: read_moved(row)?,
    })
}

/// Carries out, between these pools alone where any are given.
pub(super) fn carry_out(
    sql: &Sql<'_>,
    period: PeriodNumber,
    disputed: &[Disputed],
    carrying: &Carrying,
    between: Option<&BTreeSet<(PoolCode, PoolCode)>>,
    at: Timestamp,
) -> Result<u64, StoreError> {
    // In the period, by being booked in it or carried into it, and not out of it yet.
    const IN_IT: &str = "SELECT lot_postings.position, lot_postings.part, lot_postings.period, lot_postings.settlement,
            lot_postings.home, lot_postings.treatment, lot_postings.insurance, lot_postings.care
        FROM json_each(?1) AS wanted
        CROSS JOIN answers CROSS JOIN lot_postings
        WHERE answers.settlement = wanted.value AND lot_postings.position = answers.position
          AND (lot_postings.period = ?2 OR EXISTS (
              SELECT 1 FROM carried_entries AS came WHERE came.position = lot_postings.position
              AND came.part = lot_postings.part AND came.into_period = ?2))
          AND NOT EXISTS (
              SELECT 1 FROM carried_entries AS gone WHERE gone.position = lot_postings.position
              AND gone.part = lot_postings.part AND gone.from_period = ?2)
        ORDER BY lot_postings.position, lot_postings.part";
    const CARRY: &str = "INSERT INTO carried_entries (position, part, from_period, into_period, reason, carried_at)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let reasons: BTreeMap<String, &str> =
        disputed.iter().map(|disputed| (disputed.settlement.to_time_first(), disputed.reason.as_str())).collect();
    let wanted = list(reasons.keys().map(String::as_str));
    let found = sql.query(IN_IT, values![&wanted, period.0], |row| {
        let (booked, settlement, lot) = (PeriodNumber(row.number(2)?), row.text(3)?.to_owned(), read_lot(row, 4)?);
        Ok((row.number(0)?, row.number(1)?, booked, settlement, lot))
    })?;
    let rows: Vec<[Value<'_>; 6]> = found
        .iter()
        .filter(|(_, _, _, _, lot)| between.is_none_or(|between| between.contains(&(lot.home, lot.treatment))))
        .filter_map(|(position, part, booked, settlement, _)| {
            let into = carrying.get(booked)?.map(|into| into.0);
            let reason = reasons.get(settlement.as_str()).copied().unwrap_or_default();
            Some([
                (*position).into(),
                (*part).into(),
                period.0.into(),
                into.into(),
                reason.into(),
                at.as_microsecond().into(),
            ])
        })
        .collect();
    sql.execute_each(CARRY, &rows)?;
    Ok(rows.len() as u64)
}

fn movements(sql: &Sql<'_>, period: PeriodNumber, booked: Totals) -> Result<Movements, StoreError> {
    macro_rules! carried {
        ($side:literal) => {
            concat!(
                "SELECT home, treatment, insurance, care, visits, total, basic, large_sum, catastrophic, civil_servant,
                    assistance, account
                FROM carried_entries CROSS JOIN lot_postings
                WHERE lot_postings.position = carried_entries.position AND lot_postings.part = carried_entries.part
                  AND carried_entries.",
                $side,
                " = ?1"
            )
        };
    }
    let totals = |text| -> Result<Totals, StoreError> {
        let postings: Vec<Posting> = sql.query(text, values![period.0], read_moved)?;
        Ok(postings.into_iter().collect())
    };
    let (carried_out, carried_in) = (totals(carried!("from_period"))?, totals(carried!("into_period"))?);
    let deducted = deductions::of_period(sql, period)?.into_iter().collect();
    Ok(Movements { booked, carried_out, carried_in, deducted })
}
