//! One settlement's way through the periods: its entries, where they were carried, and what is taken off it or
//! added to it since. Nothing is written here. Called by clearing, to lead from a settlement to the statements in which it counts.

use clearing::review::Deducted;
use jiff::Timestamp;
use settlement::ids::SettlementId;

use super::super::afterwards::alone::{self, WentAlone};
use super::super::corrections::{PostedCorrection, posted, posted_as, read_posted};
use super::super::deductions::read_shares;
use super::super::lots::{LotPosting, read_posting};
use super::super::{HubStore, instant};
use super::{CarriedEntry, PeriodNumber, THE_LIST};
use crate::engine::{Row, Sql};
use crate::store::StoreError;
use crate::values;

/// A settlement's way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Followed {
    /// Its entries in the order in which it took them, each part by itself. None where it is not booked or not folded yet.
    pub entries: Vec<LotPosting>,
    /// Each time that one of them was carried over or came off the list, entry by entry, the earliest first.
    pub carried: Vec<CarriedEntry>,
    /// What deductions take off it and give back.
    pub deducted: Vec<DeductedIn>,
    /// What corrections add to it and take back.
    pub corrected: Vec<CorrectedIn>,
    /// Each time that what is taken off it or added to it was carried over, or came onto the list or off it, by itself.
    pub alone: Vec<WentAlone>,
}

/// What a correction adds to a settlement, or takes back, and in which period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CorrectedIn {
    /// What was posted.
    pub posted: PostedCorrection,
    /// The period in which it counts by now; none where it is on the list.
    pub period: Option<PeriodNumber>,
}

/// What a deduction takes off a settlement, or gives back, and off which period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeductedIn {
    /// The deduction's id.
    pub id: String,
    /// What is taken off; below zero where it is given back.
    pub taken: Deducted,
    /// When it was agreed on, or given back.
    pub at: Timestamp,
    /// The period off which it is taken by now; none where it is on the list.
    pub period: Option<PeriodNumber>,
}

/// A posting was moved with its settlement.
struct Moved {
    id: String,
    step: i64,
    from: i64,
    into: i64,
}

impl HubStore {
    /// A settlement's way through the periods.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn settlement_follow(&self, settlement: SettlementId) -> Result<Followed, StoreError> {
        let id = settlement.to_time_first();
        let read = self.engine.read(move |sql| {
            let entries = entries(sql, &id)?;
            let carried = entries.iter().map(|entry| carried(sql, entry)).collect::<Result<Vec<_>, _>>()?.concat();
            let (deducted, corrected) = (deducted(sql, &id)?, corrected(sql, &id)?);
            Ok(Followed { carried, deducted, corrected, alone: alone::ways(sql, &id)?, entries })
        });
        read.await
    }
}

fn entries(sql: &Sql<'_>, settlement: &str) -> Result<Vec<LotPosting>, StoreError> {
    const ENTRIES: &str = "SELECT lot_postings.home, treatment, insurance, care, visits, total, basic, large_sum,
            catastrophic, civil_servant, assistance, account, lot_postings.position, part, lot_postings.period,
            lot_postings.settlement, lot_postings.step, day, corrects
        FROM answers CROSS JOIN lot_postings
        WHERE answers.settlement = ?1 AND lot_postings.position = answers.position
        ORDER BY lot_postings.step, part";
    sql.query(ENTRIES, values![settlement], read_posting)
}

fn carried(sql: &Sql<'_>, posting: &LotPosting) -> Result<Vec<CarriedEntry>, StoreError> {
    // A hub that was down for months carries more than once at one instant.
    const CARRIED: &str = "SELECT from_period, into_period, reason FROM carried_entries
        WHERE position = ?1 AND part = ?2 ORDER BY carried_at, from_period = 0, from_period";
    sql.query(CARRIED, values![posting.position.0, posting.part], |row| {
        let from = Some(PeriodNumber(row.number(0)?)).filter(|from| *from != THE_LIST);
        let into = row.optional_number(1)?.map(PeriodNumber);
        Ok(CarriedEntry { posting: posting.clone(), from, into, reason: row.text(2)?.to_owned() })
    })
}

fn deducted(sql: &Sql<'_>, settlement: &str) -> Result<Vec<DeductedIn>, StoreError> {
    const POSTED: &str = "SELECT posted.id, posted.step, posted.period, deduction_events.done_at, posted.basic,
            posted.large_sum, posted.catastrophic, posted.civil_servant, posted.assistance
        FROM deductions JOIN deduction_postings AS posted ON posted.id = deductions.id
        JOIN deduction_events ON deduction_events.id = posted.id AND deduction_events.step = posted.step
        WHERE deductions.settlement = ?1 ORDER BY posted.id, posted.step";
    const MOVED: &str = "SELECT moves.id, moves.step, moves.from_period, moves.into_period
        FROM deductions JOIN deduction_moves AS moves ON moves.id = deductions.id WHERE deductions.settlement = ?1";
    let mut moves = sql.query(MOVED, values![settlement], read_move)?;
    sql.query(POSTED, values![settlement], |row| {
        let (id, step) = (row.text(0)?.to_owned(), row.number(1)?);
        Ok(DeductedIn {
            taken: read_shares(row, 4)?,
            at: instant("deduction_events", &id, row.number(3)?)?,
            period: stands(&mut moves, (&id, step), row.number(2)?),
            id,
        })
    })
}

fn corrected(sql: &Sql<'_>, settlement: &str) -> Result<Vec<CorrectedIn>, StoreError> {
    const POSTED: &str = concat!(
        posted!(),
        " WHERE corrections.settlement = ?1 ORDER BY posted.posted_at, corrections.batch, posted.step"
    );
    const MOVED: &str = "SELECT moves.id, moves.step, moves.from_period, moves.into_period
        FROM corrections JOIN correction_moves AS moves ON moves.id = corrections.id WHERE corrections.settlement = ?1";
    let mut moves = sql.query(MOVED, values![settlement], read_move)?;
    sql.query(POSTED, values![settlement], |row| {
        let posted = read_posted(row)?;
        let (id, step, period) = posted_as(row)?;
        Ok(CorrectedIn { posted, period: stands(&mut moves, (&id, step), period) })
    })
}

fn read_move(row: Row<'_>) -> Result<Moved, StoreError> {
    Ok(Moved { id: row.text(0)?.to_owned(), step: row.number(1)?, from: row.number(2)?, into: row.number(3)? })
}

/// Where a posting counts by now; none for the list.
fn stands(moves: &mut Vec<Moved>, (id, step): (&str, i64), posted: i64) -> Option<PeriodNumber> {
    let mut stands = posted;
    let is_next = |moved: &Moved, stands: i64| moved.id == id && moved.step == step && moved.from == stands;
    while let Some(place) = moves.iter().position(|moved| is_next(moved, stands)) {
        stands = moves.swap_remove(place).into;
    }
    Some(PeriodNumber(stands)).filter(|period| *period != THE_LIST)
}
