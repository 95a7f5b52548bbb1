//! What is taken off settlements or added to them and goes with their entries: out of a period that is cleared without
//! these, onto the list, and off it again. What goes by itself is in [`super::alone`].

use std::collections::{BTreeMap, BTreeSet};

use clearing::carry::goes_with;
use clearing::period::Side;
use jiff::Timestamp;

use super::alone::{self, Going, Posted};
use super::{KINDS, Kind};
use crate::engine::{Sql, list};
use crate::hub::corrupt;
use crate::hub::periods::{Carrying, PeriodNumber, THE_LIST, unstated};
use crate::hub::proving::Afterwards;
use crate::store::StoreError;
use crate::values;

impl Kind {
    fn move_with(
        &self,
        sql: &Sql<'_>,
        settlement: &str,
        from: PeriodNumber,
        into: PeriodNumber,
    ) -> Result<(), StoreError> {
        for (id, step, _) in self.with_settlement(sql, settlement, from)? {
            sql.execute(self.carry, values![&id, step, from.0, into.0])?;
        }
        Ok(())
    }

    /// What goes with a settlement out of a period: id, step, and the period in which it was posted.
    fn with_settlement(
        &self,
        sql: &Sql<'_>,
        settlement: &str,
        from: PeriodNumber,
    ) -> Result<Vec<(String, i64, PeriodNumber)>, StoreError> {
        sql.query(self.of_settlement, values![from.0, settlement], |row| {
            Ok((row.text(0)?.to_owned(), row.number(1)?, PeriodNumber(row.number(2)?)))
        })
    }
}

/// What is taken off a settlement or added to it goes with it off the list again. What came onto the list by itself ends
/// there by itself.
pub(in crate::hub) fn move_with(
    sql: &Sql<'_>,
    settlement: &str,
    from: PeriodNumber,
    into: PeriodNumber,
) -> Result<(), StoreError> {
    KINDS.iter().try_for_each(|kind| kind.move_with(sql, settlement, from, into))
}

/// The same where an entry of it is carried out of a period: as far as each may be carried itself.
pub(in crate::hub) fn carry_with(
    sql: &Sql<'_>,
    settlement: &str,
    carrying: &Carrying,
    going: &Going<'_>,
) -> Result<(), StoreError> {
    let Going { from, into, .. } = *going;
    if into == THE_LIST {
        // Where its entry is returned, it is not to count alone.
        for period in unstated(sql, from)?.into_iter().chain([from]) {
            move_with(sql, settlement, period, THE_LIST)?;
        }
        return Ok(());
    }
    let mut listed = false;
    for of in Afterwards::ALL {
        for (id, step, posted_in) in Kind::of(of).with_settlement(sql, settlement, from)? {
            if carrying.get(&posted_in).is_some_and(|itself| !goes_with(Some(into), *itself)) {
                alone::go(sql, &Posted { of, id, step }, &Going { into: THE_LIST, ..*going })?;
                listed = true;
            }
        }
    }
    if listed {
        let own = BTreeSet::from([settlement.to_owned()]);
        alone::bring_after(sql, &own, &Going { into: THE_LIST, ..*going })?;
    }
    move_with(sql, settlement, from, into)
}

/// The same for some settlements that are carried out of a period; what has gone stays gone.
pub(in crate::hub) fn carry_with_some(
    sql: &Sql<'_>,
    period: PeriodNumber,
    settlements: &[String],
    carrying: &Carrying,
    at: Timestamp,
) -> Result<(), StoreError> {
    for (settlement, Went { into, reason, owner }) in &went(sql, period, settlements)? {
        carry_with(sql, settlement, carrying, &Going { from: period, into: *into, reason, owner: *owner, at })?;
    }
    Ok(())
}

/// The settlements of a page of entries that are carried out of a period, after a place in the book, which have left something
/// behind that goes with them; and the place after which the next page begins, none where this is the last.
pub(in crate::hub) fn left_behind(
    sql: &Sql<'_>,
    period: PeriodNumber,
    after: i64,
    limit: usize,
) -> Result<(Vec<String>, Option<i64>), StoreError> {
    const CHANGED: &str = "SELECT carried.position, answers.settlement
        FROM carried_entries AS carried CROSS JOIN answers
        WHERE carried.from_period = ?1 AND carried.position > ?2 AND carried.part = 0
          AND answers.position = carried.position
          AND (EXISTS (SELECT 1 FROM deductions WHERE deductions.settlement = answers.settlement)
               OR EXISTS (SELECT 1 FROM corrections WHERE corrections.settlement = answers.settlement))
        ORDER BY carried.position LIMIT ?3";
    let page = sql
        .query(CHANGED, values![period.0, after, limit as i64], |row| Ok((row.number(0)?, row.text(1)?.to_owned())))?;
    let next = page.last().filter(|_| page.len() == limit).map(|(position, _)| *position);
    let changed: Vec<String> = page.into_iter().map(|(_, settlement)| settlement).collect();
    let others = unstated(sql, period)?;
    let mut behind = Vec::new();
    for (settlement, Went { into, .. }) in went(sql, period, &changed)? {
        let mut places = others.iter().filter(|_| into == THE_LIST).chain([&period]);
        if places
            .try_fold(false, |found, place| Ok::<_, StoreError>(found || goes_out_of(sql, &settlement, *place)?))?
        {
            behind.push(settlement);
        }
    }
    Ok((behind, next))
}

/// Where a settlement went that is carried out of a period, and why.
struct Went {
    into: PeriodNumber,
    reason: String,
    owner: Side,
}

/// Where some settlements went that are carried out of a period: onto the list where any entry of theirs waits there. What two
/// people took off the list has gone on from there.
fn went(sql: &Sql<'_>, period: PeriodNumber, settlements: &[String]) -> Result<BTreeMap<String, Went>, StoreError> {
    const WENT: &str = "SELECT answers.settlement, COALESCE(carried.into_period, 0), carried.reason, carried.owner
        FROM json_each(?2) AS wanted CROSS JOIN answers CROSS JOIN carried_entries AS carried
        WHERE answers.settlement = wanted.value AND carried.position = answers.position AND carried.part = 0
          AND carried.from_period = ?1
          AND NOT EXISTS (SELECT 1 FROM carried_entries AS cleared
                          WHERE cleared.position = carried.position AND cleared.part = 0
                            AND cleared.from_period = 0 AND cleared.into_period IS NOT NULL)
        ORDER BY answers.settlement, COALESCE(carried.into_period, 0) DESC";
    let wanted = list(settlements.iter().map(String::as_str));
    let rows = sql.query(WENT, values![period.0, &wanted], |row| {
        let settlement = row.text(0)?.to_owned();
        let malformed = || corrupt("carried_entries", &settlement, "its owner is not one of ours");
        let owner = Side::from_word(row.text(3)?).ok_or_else(malformed)?;
        let went = Went { into: PeriodNumber(row.number(1)?), reason: row.text(2)?.to_owned(), owner };
        Ok((settlement, went))
    })?;
    Ok(rows.into_iter().collect())
}

/// Whether something would go with a settlement out of a period.
fn goes_out_of(sql: &Sql<'_>, settlement: &str, period: PeriodNumber) -> Result<bool, StoreError> {
    KINDS.iter().try_fold(false, |found, kind| Ok(found || !kind.with_settlement(sql, settlement, period)?.is_empty()))
}
