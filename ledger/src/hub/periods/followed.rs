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
    /// Where it counts by now.
    pub stands: Stands,
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
    /// Where it counts by now.
    pub stands: Stands,
}

/// Where what was posted of a settlement counts by now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stands {
    /// In a period.
    In(PeriodNumber),
    /// Nowhere yet: it waits on the list, with its settlement or by itself.
    Waiting,
    /// Nowhere: it was returned from the list, with its settlement or by itself.
    Returned,
}

impl Stands {
    /// The period in which it counts; none where it counts in none.
    pub fn period(self) -> Option<PeriodNumber> {
        match self {
            Stands::In(period) => Some(period),
            Stands::Waiting | Stands::Returned => None,
        }
    }
}

/// A posting was moved, with its settlement or by itself.
struct Moved {
    id: String,
    step: i64,
    from: i64,
    into: i64,
    is_alone: bool,
}

/// Everything that is needed to say where a settlement's postings of one kind stand.
struct Moves {
    all: Vec<Moved>,
    /// Whether the settlement was returned from the list, and nothing of its own waits there again.
    is_returned: bool,
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
            let is_returned = is_returned(&carried);
            let (deducted, corrected) = (deducted(sql, &id, is_returned)?, corrected(sql, &id, is_returned)?);
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

/// Whether a settlement's own entries were returned from the list, and none of them waits there again.
fn is_returned(carried: &[CarriedEntry]) -> bool {
    let own = || carried.iter().filter(|carried| carried.posting.part == 0 && carried.into.is_none());
    let ended = |listed: &CarriedEntry| {
        let left = |other: &&CarriedEntry| other.from.is_none() && other.posting.position == listed.posting.position;
        carried.iter().any(|other| other.posting.part == 0 && left(&other))
    };
    own().any(|carried| carried.from.is_none()) && own().all(ended)
}

fn deducted(sql: &Sql<'_>, settlement: &str, is_returned: bool) -> Result<Vec<DeductedIn>, StoreError> {
    const POSTED: &str = "SELECT posted.id, posted.step, posted.period, deduction_events.done_at, posted.basic,
            posted.large_sum, posted.catastrophic, posted.civil_servant, posted.assistance
        FROM deductions JOIN deduction_postings AS posted ON posted.id = deductions.id
        JOIN deduction_events ON deduction_events.id = posted.id AND deduction_events.step = posted.step
        WHERE deductions.settlement = ?1 ORDER BY posted.id, posted.step";
    const MOVED: &str = "SELECT moves.id, moves.step, moves.from_period, moves.into_period, moves.owner IS NOT NULL
        FROM deductions JOIN deduction_moves AS moves ON moves.id = deductions.id WHERE deductions.settlement = ?1";
    let moves = Moves { all: sql.query(MOVED, values![settlement], read_move)?, is_returned };
    sql.query(POSTED, values![settlement], |row| {
        let (id, step) = (row.text(0)?.to_owned(), row.number(1)?);
        Ok(DeductedIn {
            taken: read_shares(row, 4)?,
            at: instant("deduction_events", &id, row.number(3)?)?,
            stands: moves.stands((&id, step), row.number(2)?),
            id,
        })
    })
}

fn corrected(sql: &Sql<'_>, settlement: &str, is_returned: bool) -> Result<Vec<CorrectedIn>, StoreError> {
    const POSTED: &str = concat!(
        posted!(),
        " WHERE corrections.settlement = ?1 ORDER BY posted.posted_at, corrections.batch, posted.step"
    );
    const MOVED: &str = "SELECT moves.id, moves.step, moves.from_period, moves.into_period, moves.owner IS NOT NULL
        FROM corrections JOIN correction_moves AS moves ON moves.id = corrections.id WHERE corrections.settlement = ?1";
    let moves = Moves { all: sql.query(MOVED, values![settlement], read_move)?, is_returned };
    sql.query(POSTED, values![settlement], |row| {
        let posted = read_posted(row)?;
        let (id, step, period) = posted_as(row)?;
        Ok(CorrectedIn { posted, stands: moves.stands((&id, step), period) })
    })
}

fn read_move(row: Row<'_>) -> Result<Moved, StoreError> {
    let (id, is_alone) = (row.text(0)?.to_owned(), row.flag(4)?);
    Ok(Moved { id, step: row.number(1)?, from: row.number(2)?, into: row.number(3)?, is_alone })
}

impl Moves {
    /// Where a posting stands that was made in a period, or on the list.
    fn stands(&self, (id, step): (&str, i64), posted: i64) -> Stands {
        let own = || self.all.iter().filter(move |moved| moved.id == id && moved.step == step);
        let mut stands = PeriodNumber(posted);
        // Each place is left once, so as many steps as there are moves lead to the last.
        for _ in own() {
            let next = own().find(|moved| moved.from == stands.0);
            stands = next.map_or(stands, |moved| PeriodNumber(moved.into));
        }
        let is_returned = || own().any(|moved| moved.from == THE_LIST.0 && moved.into == THE_LIST.0);
        match stands {
            THE_LIST if is_returned() || (self.is_returned && !self.came_alone((id, step), posted)) => Stands::Returned,
            THE_LIST => Stands::Waiting,
            period => Stands::In(period),
        }
    }

    /// Whether a posting came onto the list by itself: moved there, or made there after that of what was moved.
    fn came_alone(&self, (id, step): (&str, i64), posted: i64) -> bool {
        let made_after = |moved: &Moved| posted == THE_LIST.0 && moved.step < step;
        let onto_it = |moved: &Moved| moved.is_alone && moved.from != THE_LIST.0 && moved.into == THE_LIST.0;
        self.all.iter().any(|moved| moved.id == id && onto_it(moved) && (moved.step == step || made_after(moved)))
    }
}
