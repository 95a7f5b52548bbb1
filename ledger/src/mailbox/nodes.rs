//! Which node serves which mailboxes, as it was seen when they were opened last: what is told to a member goes to each of
//! its nodes once, however many pools the node acts for. A node that has never opened its mailboxes is told nothing.

use std::collections::BTreeMap;

use settlement::ids::{PoolCode, RegionCode};

use super::{Mailbox, Mailboxes, Part};
use crate::engine::{Sql, Version};
use crate::store::StoreError;
use crate::values;

/// The table of nodes: a worklist of sorts, made again as nodes open their mailboxes. A node is named by its first pool.
pub const NODES: Version = Version {
    tables: "CREATE TABLE mailbox_nodes (
            pool TEXT NOT NULL, part TEXT NOT NULL, node TEXT NOT NULL, PRIMARY KEY (pool, part)) STRICT, WITHOUT ROWID;",
    append_only: &[],
    postgres: "",
};

impl Mailboxes {
    /// Notes that these mailboxes were opened by one node. The same again changes nothing.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn node_note(&self, opened: Vec<Mailbox>) -> Result<(), StoreError> {
        for part in [Part::Home, Part::Treatment] {
            let mut pools: Vec<PoolCode> =
                opened.iter().filter(|mailbox| mailbox.part == part).map(|mailbox| mailbox.pool).collect();
            pools.sort();
            let Some(node) = pools.first().copied() else { continue };
            let known = self.engine.read(move |sql| pools_of(sql, part, node)).await?;
            if known != pools {
                self.engine.write(move |sql| note(sql, part, node, &pools)).await?;
            }
        }
        Ok(())
    }
}

/// The mailboxes that nodes have opened, each with its node.
pub(crate) struct Nodes(Vec<(Mailbox, String)>);

impl Nodes {
    /// Reads which there are.
    ///
    /// # Errors
    /// When a statement fails.
    pub(crate) fn read(sql: &Sql<'_>) -> Result<Nodes, StoreError> {
        const SERVED: &str = "SELECT pool, node FROM mailbox_nodes WHERE part = ?1 ORDER BY pool";
        let mut served = Vec::new();
        for part in [Part::Home, Part::Treatment] {
            served.extend(sql.query(SERVED, values![part.word()], |row| {
                Ok((Mailbox { pool: read_pool(row.text(0)?)?, part }, row.text(1)?.to_owned()))
            })?);
        }
        Ok(Nodes(served))
    }

    /// One mailbox of each node that acts for some pools in a part, in the order of nodes.
    pub(crate) fn one_of_each(&self, part: Part, is_theirs: impl Fn(PoolCode) -> bool) -> Vec<Mailbox> {
        let mut first: BTreeMap<&str, Mailbox> = BTreeMap::new();
        let theirs = self.0.iter().filter(|(mailbox, _)| mailbox.part == part && is_theirs(mailbox.pool));
        for (mailbox, node) in theirs {
            first.entry(node).or_insert(*mailbox);
        }
        first.into_values().collect()
    }
}

fn pools_of(sql: &Sql<'_>, part: Part, node: PoolCode) -> Result<Vec<PoolCode>, StoreError> {
    const OF_NODE: &str = "SELECT pool FROM mailbox_nodes WHERE part = ?1 AND node = ?2 ORDER BY pool";
    sql.query(OF_NODE, values![part.word(), node.0.as_str()], |row| read_pool(row.text(0)?))
}

/// What the node no longer opens is not its own any more.
fn note(sql: &Sql<'_>, part: Part, node: PoolCode, pools: &[PoolCode]) -> Result<(), StoreError> {
    const FORGET: &str = "DELETE FROM mailbox_nodes WHERE part = ?1 AND node = ?2";
    const NOTE: &str = "INSERT INTO mailbox_nodes (pool, part, node) VALUES (?1, ?2, ?3)
        ON CONFLICT (pool, part) DO UPDATE SET node = excluded.node";
    sql.execute(FORGET, values![part.word(), node.0.as_str()])?;
    for pool in pools {
        sql.execute(NOTE, values![pool.0.as_str(), part.word(), node.0.as_str()])?;
    }
    Ok(())
}

fn read_pool(text: &str) -> Result<PoolCode, StoreError> {
    RegionCode::new(text).map(PoolCode).map_err(|fault| StoreError::Corrupt {
        table: "mailbox_nodes",
        id: text.to_owned(),
        problem: fault.to_string(),
    })
}
