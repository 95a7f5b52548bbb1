//! Carrying out of a period what it is cleared without, page by page: each is a commit of its own, in which what has moved is
//! told, so that nobody waits long behind it. What is carried stays as it is, so whoever dies is followed by another that
//! begins anew. What a page moves is in [`super::carried`], and branch by branch in [`super::uncompared`].

use std::collections::BTreeMap;

use clearing::period::report::CARRIED;
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
    /// period has taken this step; tells how many there are. None where the step is not taken, and is due again: one of
    /// them would go into a period that has taken it too, or something has gone out of this one or come into it that was not
    /// asked for. Once it is taken nothing is carried out so any more: statements follow from it. Entries of a period that
    /// `carrying` does not name are not of this one.
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
        let came = self.engine.read(move |sql| came(sql, period)).await?;
        match self.carry_out_pages(period, (&disputed, &uncompared), &carrying, at).await? {
            Ok(gone) => self.carried_out(period, Moves { came, gone }, carrying, at).await,
            Err(Over(told)) => Ok(told),
        }
    }

    /// Tells how many entries had gone out of the period before it was looked for what they left behind.
    pub(in crate::hub) async fn carry_out_pages(
        &self,
        period: PeriodNumber,
        (disputed, uncompared): (&[Disputed], &[DisputedBranches]),
        carrying: &Carrying,
        at: Timestamp,
    ) -> Result<Result<i64, Over>, StoreError> {
        // First what books were compared on: whoever carries it on is to know in what they differ.
        for some in disputed.chunks(SETTLEMENTS_AT_ONCE) {
            let (disputed, to) = (some.to_vec(), carrying.clone());
            let carry = move |sql: &Sql<'_>| carry_out(sql, period, &disputed, &to, None, at);
            if let Err(over) = self.carry_page(period, carrying, carry).await? {
                return Ok(Err(over));
            }
        }
        for branches in uncompared {
            if let Err(over) = self.carry_out_branches(period, branches, carrying, at).await? {
                return Ok(Err(over));
            }
        }
        let gone = self.engine.read(move |sql| gone(sql, period)).await?;
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
            let to = carrying.clone();
            let carry = move |sql: &Sql<'_>| {
                along::carry_with_some(sql, period, &behind, &to, at)?;
                Ok(behind.clone())
            };
            if let Err(over) = self.carry_page(period, carrying, carry).await? {
                return Ok(Err(over));
            }
        }
        Ok(Ok(gone))
    }

    /// Carries some settlements, and tells how what is taken off those that it has moved stands by now.
    async fn carry_page(
        &self,
        period: PeriodNumber,
        carrying: &Carrying,
        carry: impl Fn(&Sql<'_>) -> Result<Vec<String>, StoreError> + Send + 'static,
    ) -> Result<Result<(), Over>, StoreError> {
        let (carrying, telling) = (carrying.clone(), self.telling.clone());
        self.engine
            .write(move |sql| {
                if let Err(over) = may_carry(sql, period, &carrying)? {
                    return Ok(Err(over));
                }
                let moved = carry(sql)?;
                let moved = moved.iter().map(String::as_str);
                telling.as_deref().map_or(Ok(()), |telling| telling.within(sql).tell_moved(moved)).map(Ok)
            })
            .await
    }

    /// Records that a period has taken this step; tells how many entries are carried out of it. None where something has
    /// gone or come since its pages were begun: another run has other branches, or a member has objected. Nothing is recorded
    /// then, since that may have left something behind, or be disputed itself.
    pub(in crate::hub) async fn carried_out(
        &self,
        period: PeriodNumber,
        before: Moves,
        carrying: Carrying,
        at: Timestamp,
    ) -> Result<Option<u64>, StoreError> {
        self.engine
            .write(move |sql| {
                if let Err(Over(told)) = may_carry(sql, period, &carrying)? {
                    return Ok(told);
                }
                let now = Moves { came: came(sql, period)?, gone: gone(sql, period)? };
                if now != before {
                    return Ok(None);
                }
                let report = CARRIED.of(&[&now.gone]);
                record_step(sql, period, StepTaken::Carried, &report, at)?;
                Ok(Some(now.gone.cast_unsigned()))
            })
            .await
    }
}

/// What has moved into a period and out of it. None ever leaves these counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::hub) struct Moves {
    /// Entries, deductions and corrections that have come into it out of others.
    pub came: i64,
    /// Entries that are carried out of it, also by whoever died before this.
    pub gone: i64,
}

fn came(sql: &Sql<'_>, period: PeriodNumber) -> Result<i64, StoreError> {
    const CAME: &str = "SELECT (SELECT COUNT(*) FROM carried_entries WHERE into_period = ?1)
        + (SELECT COUNT(*) FROM deduction_moves WHERE into_period = ?1)
        + (SELECT COUNT(*) FROM correction_moves WHERE into_period = ?1)";
    sql.get(CAME, values![period.0], |row| row.number(0))
}

fn gone(sql: &Sql<'_>, period: PeriodNumber) -> Result<i64, StoreError> {
    const GONE: &str = "SELECT COUNT(*) FROM carried_entries WHERE from_period = ?1";
    sql.get(GONE, values![period.0], |row| row.number(0))
}
