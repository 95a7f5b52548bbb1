//! What is taken off settlements or added to them and goes with their entries: out of a period that is cleared without
//! these, onto the list, and off it again. What goes by itself is in [`super::alone`].

use std::collections::{BTreeMap, BTreeSet};

use clearing::carry::goes_with;
use clearing::period::Side;
use jiff::Timestamp;

use super::alone::{self, Going, Posted};
use super::{KINDS, Kind};
use crate::engine::Sql;
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

/// The same for all settlements that are carried out of a period; what has gone stays gone.
pub(in crate::hub) fn carry_with_all(
    sql: &Sql<'_>,
    period: PeriodNumber,
    carrying: &Carrying,
    at: Timestamp,
) -> Result<(), StoreError> {
    for kind in KINDS {
        let mut carried = BTreeMap::new();
        sql.query(kind.carried_out, values![period.0], |row| {
            let settlement = row.text(0)?.to_owned();
            let malformed = || corrupt("carried_entries", &settlement, "its owner is not one of ours");
            let owner = Side::from_word(row.text(3)?).ok_or_else(malformed)?;
            carried.insert(settlement, (PeriodNumber(row.number(1)?), row.text(2)?.to_owned(), owner));
            Ok(())
        })?;
        for (settlement, (into, reason, owner)) in &carried {
            let going = Going { from: period, into: *into, reason, owner: *owner, at };
            carry_with(sql, settlement, carrying, &going)?;
        }
    }
    Ok(())
}
