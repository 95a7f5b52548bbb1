//! Carrying out of a period what it is cleared without, page by page: each is a commit of its own, in which what has moved is
//! told, so that nobody waits long behind it. What is carried stays as it is, so whoever dies is followed by another that
//! begins anew. What a page moves is in [`super::carried`], and branch by branch in [`super::uncompared`].

use std::collections::BTreeMap;

use jiff::Timestamp;
use settlement::ids::SettlementId;

use super::super::HubStore;
use super::super::afterwards::along;
use super::PeriodNumber;
use super::carried::{Carrying, Disputed, Over, carry_out, may_carry};
use super::course::{StepTaken, record_step};
use super::uncompared::DisputedBranches;
use crate::engine::Sql;
use crate::store::StoreError;
use crate::values;

/// So many settlements are carried out in one commit with what is taken off them, and told of.
const SETTLEMENTS_AT_ONCE: usize = 100;

impl HubStore {
    /// Carries the entries of settlements out of a period, then those of whole branches, page by page, and records that the
    /// period has taken this step; tells how many there are, and none where one of them would go into a period that has
    /// taken it too. Once it is taken nothing is carried out so any more: statements follow from it. Entries of a period
    /// that `carrying` does not name are not of this one.
    ///
    /// # Errors
    /// When the store fails; what was carried stays carried, and the step is not taken.
    pub async fn entry_carry_out(
        &self,
        period: PeriodNumber,
        (disputed, uncompared): (Vec<Disputed>, Vec<DisputedBranches>),
        carrying: Carrying,
        at: Timestamp,
    ) -> Result<Option<u64>, StoreError> {
        // One that is named several times goes for the last reason.
        let named: BTreeMap<SettlementId, Disputed> =
            disputed.into_iter().map(|one| (one.settlement.clone(), one)).collect();
        let disputed: Vec<Disputed> = named.into_values().collect();
        loop {
            let came = self.engine.read(move |sql| came(sql, period)).await?;
            let pages = self.carry_out_pages(period, (&disputed, &uncompared), &carrying, at).await?;
            if let Err(Over(told)) = pages {
                return Ok(told);
            }
            match self.carried_out(period, came, carrying.clone(), at).await? {
                Ok(Some(carried)) => return Ok(Some(carried)),
                // A member's objection has moved something into it since: that may be disputed too.
                Ok(None) => {}
                Err(Over(told)) => return Ok(told),
            }
        }
    }

    async fn carry_out_pages(
        &self,
        period: PeriodNumber,
        (disputed, uncompared): (&[Disputed], &[DisputedBranches]),
        carrying: &Carrying,
        at: Timestamp,
    ) -> Result<Result<(), Over>, StoreError> {
        // First what books were compared on: whoever carries it on is to know in what they differ.
        for some in disputed.chunks(SETTLEMENTS_AT_ONCE) {
            let (disputed, to) = (some.to_vec(), carrying.clone());
            let settlements = disputed.iter().map(|one| one.settlement.to_time_first()).collect();
            let carry = move |sql: &Sql<'_>| carry_out(sql, period, &disputed, &to, None, at);
            if let Err(over) = self.carry_page(period, carrying, settlements, carry).await? {
                return Ok(Err(over));
            }
        }
        for branches in uncompared {
            if let Err(over) = self.carry_out_branches(period, branches, carrying, at).await? {
                return Ok(Err(over));
            }
        }
        // What is taken off branches; and off anything where whoever died before this has not come so far. What is posted
        // after an entry was carried is posted where that went.
        let mut after = Some(0);
        while let Some(last) = after {
            let read = move |sql: &Sql<'_>| along::left_behind(sql, period, last, SETTLEMENTS_AT_ONCE);
            let (behind, next) = self.engine.read(read).await?;
            after = next;
            if behind.is_empty() {
                continue;
            }
            let (settlements, to) = (behind.clone(), carrying.clone());
            let carry = move |sql: &Sql<'_>| along::carry_with_some(sql, period, &settlements, &to, at);
            if let Err(over) = self.carry_page(period, carrying, behind, carry).await? {
                return Ok(Err(over));
            }
        }
        Ok(Ok(()))
    }

    /// Carries some settlements, and tells how what is taken off them stands by now.
    async fn carry_page(
        &self,
        period: PeriodNumber,
        carrying: &Carrying,
        settlements: Vec<String>,
        carry: impl Fn(&Sql<'_>) -> Result<(), StoreError> + Send + 'static,
    ) -> Result<Result<(), Over>, StoreError> {
        let (carrying, telling) = (carrying.clone(), self.telling.clone());
        self.engine
            .write(move |sql| {
                if let Err(over) = may_carry(sql, period, &carrying)? {
                    return Ok(Err(over));
                }
                carry(sql)?;
                let settlements = settlements.iter().map(String::as_str);
                telling.as_deref().map_or(Ok(()), |telling| telling.within(sql).tell_moved(settlements)).map(Ok)
            })
            .await
    }

    /// Records that a period has taken this step; tells how many entries are carried out of it. None where something has
    /// come into it since its pages were begun: nothing is recorded then.
    async fn carried_out(
        &self,
        period: PeriodNumber,
        came_before: i64,
        carrying: Carrying,
        at: Timestamp,
    ) -> Result<Result<Option<u64>, Over>, StoreError> {
        // As many as there are: whoever died before this may have carried some of them.
        const CARRIED: &str = "SELECT COUNT(*) FROM carried_entries WHERE from_period = ?1";
        self.engine
            .write(move |sql| {
                if let Err(over) = may_carry(sql, period, &carrying)? {
                    return Ok(Err(over));
                }
                if came(sql, period)? != came_before {
                    return Ok(Ok(None));
                }
                let carried: i64 = sql.get(CARRIED, values![period.0], |row| row.number(0))?;
                let report = format!("{carried} entries carried out");
                record_step(sql, period, StepTaken::Carried, &report, at)?;
                Ok(Ok(Some(carried.cast_unsigned())))
            })
            .await
    }
}

/// How many entries, deductions and corrections have come into a period out of others. None ever leaves this count.
fn came(sql: &Sql<'_>, period: PeriodNumber) -> Result<i64, StoreError> {
    const CAME: &str = "SELECT (SELECT COUNT(*) FROM carried_entries WHERE into_period = ?1)
        + (SELECT COUNT(*) FROM deduction_moves WHERE into_period = ?1)
        + (SELECT COUNT(*) FROM correction_moves WHERE into_period = ?1)";
    sql.get(CAME, values![period.0], |row| row.number(0))
}
