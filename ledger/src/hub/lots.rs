//! What entries of the journal move within a lot, and the sums of a period: rows as they are written and read back.
//! Written by the fold, read by statements and whoever follows a sum to its settlements.

use std::collections::BTreeMap;

use clearing::digest::Branch;
use clearing::obligation::{Lot, Posting, Sums, Totals};
use jiff::civil::Date;
use settlement::adjudication::{Fund, FundShares};
use settlement::encounter::CareKind;
use settlement::ids::{PoolCode, RegionCode, SettlementId};
use settlement::money::Money;
use settlement::person::Insurance;
use settlement::postings::Turn;

use super::afterwards::turned;
use super::journal::turn_of;
use super::periods::{PeriodNumber, count_branches};
use super::{HubStore, Position, corrupt};
use crate::engine::{Row, Sql, Value};
use crate::store::StoreError;
use crate::values;

/// The columns of a sum a lot, as [`read_moved`] reads them; what selects them is grouped by the first four.
macro_rules! summed {
    () => {
        "home, treatment, insurance, care, CAST(SUM(visits) AS BIGINT), CAST(SUM(total) AS BIGINT),
            CAST(SUM(basic) AS BIGINT), CAST(SUM(large_sum) AS BIGINT), CAST(SUM(catastrophic) AS BIGINT),
            CAST(SUM(civil_servant) AS BIGINT), CAST(SUM(assistance) AS BIGINT), CAST(SUM(account) AS BIGINT)"
    };
}
pub(super) use summed;

/// What one entry moves within a lot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LotPosting {
    /// The operation that booked the entry.
    pub position: Position,
    /// 0 for the settlement's own lot; others for accounts of owners whom other pools insure.
    pub part: i64,
    /// The period of the entry.
    pub period: PeriodNumber,
    /// The settlement.
    pub settlement: SettlementId,
    /// The how manieth entry of the settlement it is, counted from 1.
    pub step: i64,
    /// The day of its `setl_time`.
    pub day: Date,
    /// The earlier period whose entry it undoes or brings back; none where it corrects no earlier one.
    pub corrects: Option<PeriodNumber>,
    /// What moves.
    pub posting: Posting,
}

impl LotPosting {
    /// What the entry does to its settlement.
    pub fn turn(&self) -> Turn {
        turn_of(self.step)
    }
}

impl HubStore {
    /// The sums of a period, as they are folded so far.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn lot_totals(&self, period: PeriodNumber) -> Result<Totals, StoreError> {
        self.engine.read(move |sql| totals(sql, period)).await
    }

    /// What entries of a period move within a lot, after a position, in the order of positions.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn lot_postings(
        &self,
        (period, lot): (PeriodNumber, Lot),
        after: Position,
        limit: u32,
    ) -> Result<Vec<LotPosting>, StoreError> {
        const OF_LOT: &str = "SELECT home, treatment, insurance, care, visits, total, basic, large_sum, catastrophic,
            civil_servant, assistance, account, position, part, period, settlement, step, day, corrects
            FROM lot_postings
            WHERE period = ?1 AND home = ?2 AND treatment = ?3 AND insurance = ?4 AND care = ?5 AND position > ?6
            ORDER BY position, part LIMIT ?7";
        let read = self.engine.read(move |sql| {
            let (insurance, care) = (lot.insurance.word(), lot.care.word());
            let (home, treatment) = (lot.home.0.as_str(), lot.treatment.0.as_str());
            let values = values![period.0, home, treatment, insurance, care, after.0, i64::from(limit)];
            sql.query(OF_LOT, values, read_posting)
        });
        read.await
    }
}

pub(super) fn totals(sql: &Sql<'_>, period: PeriodNumber) -> Result<Totals, StoreError> {
    const TOTALS: &str = "SELECT home, treatment, insurance, care, visits, total, basic, large_sum, catastrophic,
        civil_servant, assistance, account FROM lot_totals WHERE period = ?1";
    Ok(sql.query(TOTALS, values![period.0], read_moved)?.into_iter().collect())
}

/// Writes postings, and adds them to the sums of their periods.
pub(super) fn add(sql: &Sql<'_>, postings: &[LotPosting]) -> Result<(), StoreError> {
    const POSTING: &str =
        "INSERT INTO lot_postings (position, part, period, settlement, step, day, corrects, home, treatment, insurance,
            care, visits, total, basic, large_sum, catastrophic, civil_servant, assistance, account)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)";
    let texts: Vec<(String, String)> =
        postings.iter().map(|posting| (posting.settlement.to_time_first(), posting.day.to_string())).collect();
    let rows: Vec<[Value<'_>; 19]> = postings
        .iter()
        .zip(&texts)
        .map(|(posting, (settlement, day))| {
            let LotPosting { position, part, period, step, corrects, posting: Posting { lot, sums }, .. } = posting;
            let corrects = corrects.map(|period| period.0);
            let keys = [
                position.0.into(),
                (*part).into(),
                period.0.into(),
                settlement.into(),
                (*step).into(),
                day.into(),
                corrects.into(),
            ];
            row_of(keys, lot, sums)
        })
        .collect();
    sql.execute_each(POSTING, &rows)?;
    turned::note_folded(sql, postings)?;
    let own = postings.iter().filter(|posting| posting.part == 0);
    let branches = own.map(|LotPosting { period, day, posting: Posting { lot, .. }, .. }| {
        (*period, Branch { day: *day, home: lot.home, treatment: lot.treatment }, 1)
    });
    count_branches(sql, branches)?;
    // A lot is there also where its entries come to nothing: they are carried out and objected to like others.
    let mut totals: BTreeMap<(PeriodNumber, Lot), Sums> = BTreeMap::new();
    for LotPosting { period, posting: Posting { lot, sums }, .. } in postings {
        *totals.entry((*period, *lot)).or_default() += *sums;
    }
    add_totals(sql, &totals)
}

fn add_totals(sql: &Sql<'_>, totals: &BTreeMap<(PeriodNumber, Lot), Sums>) -> Result<(), StoreError> {
    const ADD: &str =
        "INSERT INTO lot_totals (period, home, treatment, insurance, care, visits, total, basic, large_sum,
            catastrophic, civil_servant, assistance, account)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
        ON CONFLICT (period, home, treatment, insurance, care) DO UPDATE SET
            visits = lot_totals.visits + excluded.visits, total = lot_totals.total + excluded.total,
            basic = lot_totals.basic + excluded.basic, large_sum = lot_totals.large_sum + excluded.large_sum,
            catastrophic = lot_totals.catastrophic + excluded.catastrophic,
            civil_servant = lot_totals.civil_servant + excluded.civil_servant,
            assistance = lot_totals.assistance + excluded.assistance,
            account = lot_totals.account + excluded.account";
    let rows: Vec<[Value<'_>; 13]> =
        totals.iter().map(|((period, lot), sums)| row_of([period.0.into()], lot, sums)).collect();
    sql.execute_each(ADD, &rows)
}

/// A row that ends with a lot and what moves within it, behind the columns that it is found by.
pub(super) fn row_of<'v, const KEYS: usize, const ALL: usize>(
    keys: [Value<'v>; KEYS],
    lot: &'v Lot,
    sums: &Sums,
) -> [Value<'v>; ALL] {
    const { assert!(KEYS + 4 + 8 == ALL, "each column has its value") };
    let mut row = [Value::Number(None); ALL];
    let values = keys.into_iter().chain(lot_values(lot)).chain(sum_values(sums));
    row.iter_mut().zip(values).for_each(|(place, value)| *place = value);
    row
}

pub(super) fn lot_values(lot: &Lot) -> [Value<'_>; 4] {
    [lot.home.0.as_str().into(), lot.treatment.0.as_str().into(), lot.insurance.word().into(), lot.care.word().into()]
}

pub(super) fn sum_values(sums: &Sums) -> [Value<'static>; 8] {
    let fund = |fund| sums.funds.of(fund).fen().into();
    [
        sums.visits.into(),
        sums.total.fen().into(),
        fund(Fund::Basic),
        fund(Fund::LargeSum),
        fund(Fund::Catastrophic),
        fund(Fund::CivilServant),
        fund(Fund::Assistance),
        sums.account.fen().into(),
    ]
}

/// Reads what moves within a lot: its four columns, and the sums.
pub(super) fn read_moved(row: Row<'_>) -> Result<Posting, StoreError> {
    Ok(Posting { lot: read_lot(row, 0)?, sums: read_sums(row, 4)? })
}

pub(super) fn read_posting(row: Row<'_>) -> Result<LotPosting, StoreError> {
    let position = Position(row.number(12)?);
    let malformed = |problem: String| corrupt("lot_postings", position, problem);
    Ok(LotPosting {
        position,
        part: row.number(13)?,
        period: PeriodNumber(row.number(14)?),
        settlement: SettlementId::from_time_first(row.text(15)?).map_err(|fault| malformed(fault.to_string()))?,
        step: row.number(16)?,
        day: row.text(17)?.parse().map_err(|fault: jiff::Error| malformed(fault.to_string()))?,
        corrects: row.optional_number(18)?.map(PeriodNumber),
        posting: read_moved(row)?,
    })
}

pub(super) fn read_lot(row: Row<'_>, first: usize) -> Result<Lot, StoreError> {
    let malformed = |column: &str, problem: String| StoreError::Column { column: column.into(), problem };
    let pool = |place: usize, column: &str| {
        RegionCode::new(row.text(place)?).map(PoolCode).map_err(|fault| malformed(column, fault.to_string()))
    };
    let (insurance, care) = (row.text(first + 2)?, row.text(first + 3)?);
    Ok(Lot {
        home: pool(first, "home")?,
        treatment: pool(first + 1, "treatment")?,
        insurance: Insurance::from_word(insurance).ok_or_else(|| malformed("insurance", insurance.into()))?,
        care: CareKind::from_word(care).ok_or_else(|| malformed("care", care.into()))?,
    })
}

pub(super) fn read_sums(row: Row<'_>, first: usize) -> Result<Sums, StoreError> {
    let amount = |place: usize| row.number(first + place).map(Money::from_fen);
    let mut funds = FundShares::default();
    for (place, fund) in Fund::ALL.into_iter().enumerate() {
        funds.set(fund, amount(2 + place)?);
    }
    Ok(Sums { visits: row.number(first)?, total: amount(1)?, funds, account: amount(2 + Fund::ALL.len())? })
}
