//! What went out of a period or came into it by itself, posting by posting: the papers of both months tell it. How it goes is
//! in [`super::alone`]. Nothing is written here.

use std::collections::BTreeSet;

use clearing::obligation::Lot;
use settlement::adjudication::Fund;
use settlement::ids::SettlementId;
use settlement::money::Money;

use super::{CORRECTIONS, DEDUCTIONS, Kind, alone, read_posted};
use crate::engine::{Row, Sql};
use crate::hub::HubStore;
use crate::hub::lots::read_lot;
use crate::hub::periods::{Between, CarriedSide, PeriodNumber, THE_LIST};
use crate::hub::proving::Afterwards;
use crate::store::StoreError;
use crate::values;

/// The statements about one kind of such money: of a page, by side, and of lots.
pub(super) struct Texts {
    pub into: &'static str,
    pub out_of: &'static str,
    pub lots: &'static str,
}

/// `named` is what papers name of it: the deduction, or the batch of the correction. What left a period was posted in it or had
/// come into it, so it is found from there.
macro_rules! texts {
    ($kind:literal, $named:literal) => {
        moved::Texts {
            into: moved::page_text!($kind, $named, concat!($kind, "_moves AS moved"), "moved.into_period = ?1"),
            out_of: moved::page_text!(
                $kind,
                $named,
                concat!(held!($kind), " CROSS JOIN ", $kind, "_moves AS moved"),
                "moved.id = held.id AND moved.step = held.step AND moved.from_period = ?1"
            ),
            lots: concat!(
                "SELECT DISTINCT changed.home, changed.treatment, changed.insurance, changed.care
                 FROM ",
                held!($kind),
                " CROSS JOIN ",
                $kind,
                "_moves AS moved CROSS JOIN ",
                $kind,
                "s AS changed
                 WHERE moved.id = held.id AND moved.step = held.step AND moved.owner IS NOT NULL
                   AND (moved.from_period = ?1 OR moved.into_period = ?1) AND changed.id = held.id"
            ),
        }
    };
}
pub(super) use texts;

macro_rules! page_text {
    ($kind:literal, $named:literal, $from:expr, $where:literal) => {
        concat!(
            "SELECT changed.settlement, posted.basic, posted.large_sum, posted.catastrophic, posted.civil_servant,
                posted.assistance, changed.home, changed.treatment, changed.insurance, changed.care, moved.id, moved.step,
                moved.from_period, moved.into_period, moved.reason, ",
            $named,
            " FROM ",
            $from,
            " CROSS JOIN ",
            $kind,
            "_postings AS posted CROSS JOIN ",
            $kind,
            "s AS changed
             WHERE ",
            $where,
            " AND moved.owner IS NOT NULL AND (moved.id, moved.step, moved.from_period) > (?2, ?3, ?4)
               AND posted.id = moved.id AND posted.step = moved.step AND changed.id = moved.id
               AND (?5 IS NULL OR changed.home IN (SELECT value FROM json_each(?5)))
               AND (?6 IS NULL OR changed.treatment IN (SELECT value FROM json_each(?6)))
             ORDER BY moved.id, moved.step, moved.from_period LIMIT ?7"
        )
    };
}
pub(super) use page_text;

/// A deduction or a correction that went out of a period or came into it by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MovedAlone {
    /// What the page after it is asked for with.
    pub key: (String, i64, i64),
    /// The deduction's id, or the batch of the correction.
    pub named: String,
    /// The settlement.
    pub settlement: SettlementId,
    /// Between whom, and for what.
    pub lot: Lot,
    /// What it comes to where it counts; below zero where the home member pays less.
    pub moves: Money,
    /// Out of which period; none for the list.
    pub from: Option<PeriodNumber>,
    /// Into which; none for the list.
    pub into: Option<PeriodNumber>,
    /// Why.
    pub reason: String,
}

impl HubStore {
    /// What came into a period by itself or went out of it, off the list and onto it too, between pools; after a key, in
    /// that order.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn moved_alone_page(
        &self,
        of: Afterwards,
        (period, side): (PeriodNumber, CarriedSide),
        between: Between,
        (id, step, from): (String, i64, i64),
        limit: u32,
    ) -> Result<Vec<MovedAlone>, StoreError> {
        let texts = &Kind::of(of).moved;
        let text = match side {
            CarriedSide::Into => texts.into,
            CarriedSide::OutOf => texts.out_of,
        };
        let read = self.engine.read(move |sql| {
            let [homes, treatments] = between.lists();
            let (homes, treatments) = (homes.as_deref(), treatments.as_deref());
            let values = values![period.0, &id, step, from, homes, treatments, i64::from(limit)];
            sql.query(text, values, |row| read_moved(of, row))
        });
        read.await
    }

    /// The lots of what came into a period by itself or went out of it.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn moved_alone_lots(&self, period: PeriodNumber) -> Result<BTreeSet<Lot>, StoreError> {
        self.engine.read(move |sql| lots(sql, period)).await
    }
}

fn lots(sql: &Sql<'_>, period: PeriodNumber) -> Result<BTreeSet<Lot>, StoreError> {
    let mut lots = BTreeSet::new();
    for kind in [DEDUCTIONS, CORRECTIONS] {
        lots.extend(sql.query(kind.moved.lots, values![period.0], |row| read_lot(row, 0))?);
    }
    Ok(lots)
}

/// The columns after a settlement and the shares of funds, and after the lot that follows.
const SHARES_END: usize = 1 + Fund::ALL.len();
const LOT_END: usize = SHARES_END + 4;

fn read_moved(of: Afterwards, row: Row<'_>) -> Result<MovedAlone, StoreError> {
    let (settlement, shares) = read_posted(row)?;
    let [from, into] = [row.number(LOT_END + 2)?, row.number(LOT_END + 3)?];
    let place = |place| Some(PeriodNumber(place)).filter(|place| *place != THE_LIST);
    Ok(MovedAlone {
        key: (row.text(LOT_END)?.to_owned(), row.number(LOT_END + 1)?, from),
        named: row.text(LOT_END + 5)?.to_owned(),
        settlement,
        lot: read_lot(row, SHARES_END)?,
        moves: alone::signed(of, shares.total()),
        from: place(from),
        into: place(into),
        reason: row.text(LOT_END + 4)?.to_owned(),
    })
}
