//! The entries of settlements that are or were on the list, by where they stand: whether what waits there can still be
//! returned, and whether what undoes something counts without it. What follows from it is for `clearing::listed::entries`.

use std::collections::{BTreeMap, BTreeSet};

use clearing::listed::entries::{Place, clears_only, count_apart, may_wait};
use jiff::Timestamp;
use settlement::ids::{IdError, SettlementId};

use super::super::afterwards::alone;
use super::super::{HubStore, corrupt, instant};
use super::{Listed, PeriodNumber, is_stated};
use crate::engine::{Row, Sql, list};
use crate::store::StoreError;
use crate::values;

/// Entries of a part of a settlement that do not end on one sum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryApart {
    /// The settlement.
    pub settlement: SettlementId,
    /// See [`super::super::LotPosting::part`].
    pub part: i64,
    /// The period that was stated with what undoes another, while that waited on the list; none where it was returned from
    /// there, and what undoes it counts.
    pub stated_meanwhile: Option<PeriodNumber>,
}

/// An entry of a part of a settlement, in the order of their booking.
struct Standing {
    place: Place,
    /// The period in which it counts.
    period: Option<PeriodNumber>,
    /// Since when it is on the list, or was.
    listed_at: Option<Timestamp>,
}

macro_rules! places {
    ($from:literal) => {
        concat!(
            "SELECT own.settlement, own.part,
                COALESCE((SELECT COALESCE(into_period, 0) FROM carried_entries AS moved
                          WHERE moved.position = own.position AND moved.part = own.part
                          ORDER BY from_period = 0 DESC, from_period DESC LIMIT 1), own.period),
                EXISTS (SELECT 1 FROM carried_entries AS ended
                        WHERE ended.position = own.position AND ended.part = own.part AND ended.from_period = 0),
                (SELECT MAX(carried_at) FROM carried_entries AS listed
                 WHERE listed.position = own.position AND listed.part = own.part
                   AND listed.into_period IS NULL AND listed.from_period > 0)
            FROM ",
            $from,
            " CROSS JOIN answers CROSS JOIN lot_postings AS own
            WHERE answers.settlement = wanted.value AND own.position = answers.position
            ORDER BY own.settlement, own.part, own.step"
        )
    };
}

impl HubStore {
    /// Settlements of which an entry counts although what it undoes was returned from the list, or waited there already when
    /// the entry was stated.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn entry_apart(&self) -> Result<Vec<EntryApart>, StoreError> {
        const OF_LISTED: &str = places!(
            "(SELECT DISTINCT was.settlement AS value FROM carried_entries AS came CROSS JOIN lot_postings AS was
              WHERE came.into_period IS NULL AND came.from_period > 0
                AND was.position = came.position AND was.part = came.part) AS wanted"
        );
        self.engine
            .read(|sql| {
                let mut apart = Vec::new();
                for ((settlement, part), entries) in read_places(sql, OF_LISTED, None)? {
                    let malformed = |fault: IdError| corrupt("lot_postings", &settlement, fault.to_string());
                    let stated_meanwhile = stated_meanwhile(sql, &entries)?;
                    if stated_meanwhile.is_some() || count_apart(&places(&entries)) {
                        let settlement = SettlementId::from_time_first(&settlement).map_err(malformed)?;
                        apart.push(EntryApart { settlement, part, stated_meanwhile });
                    }
                }
                Ok(apart)
            })
            .await
    }
}

/// Whether what waits on the list of a part of a settlement can only be cleared: what undoes or changes it counts in a
/// period that is stated.
pub(super) fn must_clear(sql: &Sql<'_>, settlement: &str, part: i64) -> Result<bool, StoreError> {
    const OF_ONE: &str = places!("(SELECT CAST(?1 AS TEXT) AS value) AS wanted");
    if part == Listed::AFTERWARDS {
        return alone::clears_only(sql, settlement);
    }
    let mut all = read_places(sql, OF_ONE, Some(settlement))?;
    let entries = all.remove(&(settlement.to_owned(), part)).unwrap_or_default();
    // What is taken off a settlement or added to it counts with what enters it or brings it back.
    let enters = entries.iter().step_by(2).any(|entry| entry.place == Place::Waits);
    Ok(clears_only(&places(&entries)) || (part == 0 && enters && alone::counts_in_stated(sql, settlement)?))
}

/// Those of some parts of settlements whose entries may not leave a period any more: what came after them was returned from
/// the list.
pub(super) fn returned_since(
    sql: &Sql<'_>,
    period: PeriodNumber,
    wholes: &BTreeSet<(String, i64)>,
) -> Result<BTreeSet<String>, StoreError> {
    const OF_RETURNED: &str = places!(
        "(SELECT DISTINCT named.value FROM json_each(?1) AS named CROSS JOIN answers CROSS JOIN carried_entries AS gone
          WHERE answers.settlement = named.value AND gone.position = answers.position
            AND gone.from_period = 0 AND gone.into_period IS NULL) AS wanted"
    );
    let named = list(wholes.iter().map(|(settlement, _)| settlement.as_str()));
    let mut all = read_places(sql, OF_RETURNED, Some(&named))?;
    all.retain(|whole, _| wholes.contains(whole));
    // Beside what was returned they would go to the list, and what is open with them.
    let leaves = |entry: &Standing| entry.period == Some(period) && entry.listed_at.is_none();
    let after = |entry: &Standing| if leaves(entry) || entry.place == Place::Open { Place::Waits } else { entry.place };
    let barred = all.into_iter().filter(|(_, entries)| !may_wait(&entries.iter().map(after).collect::<Vec<_>>()));
    Ok(barred.map(|((settlement, _), _)| settlement).collect())
}

fn places(entries: &[Standing]) -> Vec<Place> {
    entries.iter().map(|entry| entry.place).collect()
}

/// The period that was stated with an entry while one before it waited on the list, where that waits on.
fn stated_meanwhile(sql: &Sql<'_>, entries: &[Standing]) -> Result<Option<PeriodNumber>, StoreError> {
    const STATED: &str = "SELECT MIN(taken_at) FROM clearing_steps WHERE period = ?1 AND step = 'carried' AND held = 1";
    let mut waits_since: Option<Timestamp> = None;
    for entry in entries {
        match (entry.place, entry.period) {
            (Place::Waits, _) => waits_since = waits_since.or(entry.listed_at),
            // What two people have cleared there stays there.
            (Place::Stated, Some(period)) if entry.listed_at.is_none() => {
                let stated_at = sql.get(STATED, values![period.0], |row| row.optional_number(0))?;
                let stated_at = stated_at.map(|at| instant("clearing_steps", period, at)).transpose()?;
                if waits_since.zip(stated_at).is_some_and(|(since, stated_at)| since < stated_at) {
                    return Ok(Some(period));
                }
            }
            (Place::Stated | Place::Open | Place::Returned, _) => {}
        }
    }
    Ok(None)
}

/// Where the entries of each part of settlements stand, in their order.
fn read_places(
    sql: &Sql<'_>,
    text: &'static str,
    settlements: Option<&str>,
) -> Result<BTreeMap<(String, i64), Vec<Standing>>, StoreError> {
    let read = |row: Row<'_>| {
        let listed_at = row.optional_number(4)?.map(|at| instant("carried_entries", "listed", at)).transpose()?;
        let whole = (row.text(0)?.to_owned(), row.number(1)?);
        Ok((whole, Some(row.number(2)?).filter(|period| *period > 0).map(PeriodNumber), row.flag(3)?, listed_at))
    };
    let found = match settlements {
        Some(settlements) => sql.query(text, values![settlements], read)?,
        None => sql.query(text, values![], read)?,
    };
    let mut all: BTreeMap<(String, i64), Vec<Standing>> = BTreeMap::new();
    for (whole, period, has_ended, listed_at) in found {
        let place = match (period, has_ended) {
            (None, false) => Place::Waits,
            (None, true) => Place::Returned,
            (Some(_), true) => Place::Stated,
            (Some(period), false) if is_stated(sql, period)? => Place::Stated,
            (Some(_), false) => Place::Open,
        };
        all.entry(whole).or_default().push(Standing { place, period, listed_at });
    }
    Ok(all)
}
