//! Which of several hubs does a job. For efficiency only: no job's correctness rests on it, and it ends by the database's
//! own clock. Called by the hub's jobs.

use std::time::Duration;

use super::HubStore;
use crate::store::StoreError;
use crate::values;

impl HubStore {
    /// Takes or keeps the lease of a job. Where nobody else can have the store open, it is always given.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn lease_take(&self, job: &str, held_for: Duration) -> Result<bool, StoreError> {
        if !self.engine.is_shared() {
            return Ok(true);
        }
        let job = job.to_owned();
        let held_for = i64::try_from(held_for.as_micros()).unwrap_or(i64::MAX / 2);
        self.engine
            .write(move |sql| {
                let changed = sql.execute(
                    "INSERT INTO leases (job, holder, held_until)
                     VALUES (?1, ?2, CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT) + ?3)
                     ON CONFLICT (job) DO UPDATE SET holder = excluded.holder, held_until = excluded.held_until
                     WHERE leases.holder = excluded.holder
                     OR leases.held_until < CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)",
                    values![&job, sql.committer()?, held_for],
                )?;
                Ok(changed == 1)
            })
            .await
    }

    /// Gives the lease of a job up, so that another may take it at once. Where somebody else has it, nothing changes.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn lease_give_up(&self, job: &str) -> Result<(), StoreError> {
        if !self.engine.is_shared() {
            return Ok(());
        }
        let job = job.to_owned();
        self.engine
            .write(move |sql| {
                let mine = "UPDATE leases SET held_until = 0 WHERE job = ?1 AND holder = ?2";
                sql.execute(mine, values![&job, sql.committer()?])?;
                Ok(())
            })
            .await
    }
}
