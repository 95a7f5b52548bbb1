//! The list of what is asked about: operations that may have no answer. Nothing on the hot path writes it. What ended in
//! silence is put there at once; what a process left behind when it died is found by sweeping over the book once, up to
//! places that are old enough. The list only says where to look: it is always read beside the answers.

use jiff::Timestamp;
use settlement::ids::PoolCode;

use super::operations::read_waiting;
use super::{HubStore, Position, Waiting, instant};
use crate::engine::{Sql, first_place};
use crate::store::StoreError;
use crate::values;

/// How many places one step of a sweep goes over.
const A_STEP: i64 = 20_000;

/// How far a committer has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frontier {
    committer: i64,
    newest: Position,
}

impl HubStore {
    /// The operations of a region after a position that are on the list and have no answer, in the order of positions.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn operation_unanswered(
        &self,
        home: PoolCode,
        after: Position,
        limit: u32,
    ) -> Result<Vec<Waiting>, StoreError> {
        self.engine
            .read(move |sql| {
                sql.query(
                    "SELECT operations.position, operations.bytes, operations.received_at
                     FROM doubts JOIN operations ON operations.position = doubts.position
                     LEFT JOIN answers ON answers.position = doubts.position
                     WHERE doubts.home = ?1 AND doubts.position > ?2 AND answers.position IS NULL
                     ORDER BY doubts.position LIMIT ?3",
                    values![home.0.as_str(), after.0, i64::from(limit)],
                    read_waiting,
                )
            })
            .await
    }

    /// How many operations on the list have no answer, and since when the oldest of them has none. Cheap enough to ask
    /// often.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn operation_doubt(&self) -> Result<(u64, Option<Timestamp>), StoreError> {
        self.engine
            .read(|sql| {
                sql.get(
                    "SELECT COUNT(*), MIN(operations.received_at)
                     FROM doubts JOIN operations ON operations.position = doubts.position
                     LEFT JOIN answers ON answers.position = doubts.position
                     WHERE answers.position IS NULL",
                    values![],
                    |row| {
                        let oldest = row.optional_number(1)?.map(|at| instant("operation", "oldest", at));
                        Ok((row.number(0)?.cast_unsigned(), oldest.transpose()?))
                    },
                )
            })
            .await
    }

    /// Puts an operation on the list, once it is known here that it got no answer.
    ///
    /// # Errors
    /// When the store fails; a sweep finds it all the same.
    pub async fn operation_doubted(&self, position: Position, home: PoolCode) -> Result<(), StoreError> {
        self.engine.write(move |sql| put(sql, &[(position, home.0.to_string())])).await
    }

    /// How far each committer has come whose operations are not all swept over.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn operation_frontier(&self) -> Result<Vec<Frontier>, StoreError> {
        let known = self.engine.read(|sql| {
            sql.query(
                "SELECT number, COALESCE(reached, 0) FROM committers LEFT JOIN sweeps ON committer = number
                 ORDER BY number",
                values![],
                |row| Ok((row.number(0)?, row.number(1)?)),
            )
        });
        let known = known.await?;
        self.engine
            .read(move |sql| {
                let mut frontier = Vec::new();
                for (committer, reached) in known {
                    let newest = sql.get(
                        "SELECT COALESCE(MAX(position), 0) FROM operations WHERE position > ?1 AND position <= ?2",
                        values![reached.max(first_place(committer)), first_place(committer + 1)],
                        |row| row.number(0),
                    )?;
                    if newest > reached {
                        frontier.push(Frontier { committer, newest: Position(newest) });
                    }
                }
                Ok(frontier)
            })
            .await
    }

    /// Puts on the list whatever has no answer up to a frontier, and takes off it what has its answer by now. Of the
    /// frontier, all must be old enough that nobody is carrying it out any more; asking too early does no harm to the
    /// money, but voids what is just on its way.
    ///
    /// # Errors
    /// When the store fails; what was swept over stays so.
    pub async fn operation_sweep(&self, frontier: &[Frontier]) -> Result<(), StoreError> {
        for Frontier { committer, newest } in frontier {
            self.sweep(*committer, newest.0).await?;
        }
        self.prune().await
    }

    /// The part of a frontier that was left by committers before this process, where nobody else can be writing now.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn operation_left_behind(&self) -> Result<Vec<Frontier>, StoreError> {
        if self.engine.is_shared() {
            return Ok(Vec::new());
        }
        let own = self.engine.write(|sql| sql.committer()).await?;
        let mut frontier = self.operation_frontier().await?;
        frontier.retain(|left| left.committer != own);
        Ok(frontier)
    }

    /// Reads beside the writer, step by step, so that nobody waits for it, and writes only what it found.
    async fn sweep(&self, committer: i64, newest: i64) -> Result<(), StoreError> {
        let reached = self.engine.read(move |sql| {
            let reached = "SELECT reached FROM sweeps WHERE committer = ?1";
            sql.find(reached, values![committer], |row| row.number(0))
        });
        let mut reached = reached.await?.unwrap_or(first_place(committer));
        while reached < newest {
            let (after, to) = (reached, newest.min(reached + A_STEP));
            let found = self.engine.read(move |sql| {
                sql.query(
                    "SELECT operations.position, operations.home FROM operations
                     LEFT JOIN answers ON answers.position = operations.position
                     WHERE operations.position > ?1 AND operations.position <= ?2 AND answers.position IS NULL",
                    values![after, to],
                    |row| Ok((Position(row.number(0)?), row.text(1)?.to_owned())),
                )
            });
            let found = found.await?;
            self.engine
                .write(move |sql| {
                    put(sql, &found)?;
                    sql.execute(
                        "INSERT INTO sweeps (committer, reached) VALUES (?1, ?2)
                         ON CONFLICT (committer) DO UPDATE SET reached = excluded.reached
                         WHERE sweeps.reached < excluded.reached",
                        values![committer, to],
                    )
                })
                .await?;
            reached = to;
        }
        Ok(())
    }

    async fn prune(&self) -> Result<(), StoreError> {
        let done = self.engine.read(|sql| {
            sql.exists("SELECT 1 FROM doubts JOIN answers ON answers.position = doubts.position LIMIT 1", values![])
        });
        if !done.await? {
            return Ok(());
        }
        let answered = "DELETE FROM doubts WHERE position IN
                        (SELECT doubts.position FROM doubts JOIN answers ON answers.position = doubts.position)";
        self.engine.write(move |sql| sql.execute(answered, values![])).await.map(drop)
    }
}

fn put(sql: &Sql<'_>, doubts: &[(Position, String)]) -> Result<(), StoreError> {
    for (position, home) in doubts {
        sql.execute(
            "INSERT INTO doubts (home, position) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
            values![home, position.0],
        )?;
    }
    Ok(())
}
