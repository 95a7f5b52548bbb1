//! A book's leaves, and the digests over them, by which it is compared with another's (`clearing::digest`). Part of every
//! store. Leaves are added by the job that folds the book, and their buckets are worked out anew by the same job, or by
//! whoever asks first; the digests can be made again from the leaves at any time.

mod fold;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use bytes::Bytes;
use clearing::digest::{
    Branch, Digest, Inside, Leaf, Node, Prefix, bucket_node, children_of_buckets, inside_of_leaves, root_of_buckets,
};
use jiff::civil::Date;
use settlement::ids::{PoolCode, RegionCode};

use crate::engine::{Aside, Engine, Row, Sql, Steps, Value, Version};
use crate::store::StoreError;
use crate::values;

pub use fold::ReadLeaf;
pub(crate) use fold::{Source, fold, put_off, reach, reached, take_up};

/// The tables.
pub const TABLES: Version = Version { tables: TEXT, append_only: &["leaves"], postgres: "" };

const TEXT: &str = concat!(
    // In the order in which they are hashed. `number` says where the operation stands in its store. Places are kept with
    // their first bit turned, so that they are in order as signed numbers.
    "CREATE TABLE leaves (
        day TEXT NOT NULL, home TEXT NOT NULL, treatment TEXT NOT NULL, place INTEGER NOT NULL, digest BLOB NOT NULL,
        number INTEGER NOT NULL, PRIMARY KEY (day, home, treatment, place, digest)) STRICT, WITHOUT ROWID;",
    // A branch's buckets, and its root over them. The leaves that no bucket knows yet lie in the order in which they came:
    // by bucket, each would cost a page of its own. A root that is older than its buckets is listed.
    "CREATE TABLE buckets (
        day TEXT NOT NULL, home TEXT NOT NULL, treatment TEXT NOT NULL, start INTEGER NOT NULL,
        count INTEGER NOT NULL, digest BLOB NOT NULL,
        PRIMARY KEY (day, home, treatment, start)) STRICT, WITHOUT ROWID;
    CREATE TABLE new_leaves (
        number INTEGER PRIMARY KEY, day TEXT NOT NULL, home TEXT NOT NULL, treatment TEXT NOT NULL,
        start INTEGER NOT NULL, finish INTEGER NOT NULL) STRICT;
    CREATE TABLE roots (
        day TEXT NOT NULL, home TEXT NOT NULL, treatment TEXT NOT NULL, count INTEGER NOT NULL, digest BLOB NOT NULL,
        PRIMARY KEY (day, home, treatment)) STRICT, WITHOUT ROWID;
    CREATE TABLE stale_roots (
        day TEXT NOT NULL, home TEXT NOT NULL, treatment TEXT NOT NULL,
        PRIMARY KEY (day, home, treatment)) STRICT, WITHOUT ROWID;",
    // Up to where operations have become leaves, and which of those before had no answer then.
    "CREATE TABLE folds (source INTEGER PRIMARY KEY, reached INTEGER NOT NULL) STRICT;
    CREATE TABLE unfolded (number INTEGER PRIMARY KEY) STRICT;",
);

/// The buckets of so many new leaves are worked out in one transaction, and so many roots in another, so that nobody waits
/// long behind it.
const NEW_AT_ONCE: Steps = Steps { alone: 200, beside: 100 };
const ROOTS_AT_ONCE: Steps = Steps { alone: 20, beside: 10 };
const BUCKET_DEPTH: u8 = 2;
/// So many leaves are in a page with what they were made of, so that no reader holds a store for long.
const LEAVES_AT_ONCE: i64 = 500;

/// A leaf to be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewLeaf {
    /// The day and the pools.
    pub branch: Branch,
    /// The operation.
    pub leaf: Leaf,
    /// Where it stands in its store.
    pub number: i64,
}

/// A leaf with the operation that it was made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldLeaf {
    /// As it was folded.
    pub leaf: Leaf,
    /// Where the operation stands in its store: later ones have higher numbers.
    pub number: i64,
    /// The operation's bytes.
    pub operation: Bytes,
    /// Its outcome's bytes.
    pub outcome: Bytes,
}

/// An operation that stands at a place: its leaf's digest, its bytes, and its outcome's.
pub type Standing = (Digest, Bytes, Bytes);

/// Whose leaves are asked for: those of a home pool, of a treatment pool, or of both where both are given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// The pool that pays; any where none is given.
    pub home: Option<PoolCode>,
    /// The pool that treated; any where none is given.
    pub treatment: Option<PoolCode>,
}

/// How leaves are read with what they were made of.
#[derive(Clone, Copy)]
pub(crate) struct WithMade {
    /// What stands at a place of a branch: digest, the operation's bytes, its outcome's.
    pub(crate) at: &'static str,
    /// The leaves of a branch after one: place, digest, number, the operation's bytes, its outcome's.
    pub(crate) page: &'static str,
}

/// How the leaves of a store are read: the columns with the bytes of an operation and of its outcome, and the join that
/// finds them by `leaves.number`. It keeps a leaf for which nothing is found, which then does not read.
macro_rules! with_made {
    ($columns:literal, $join:literal) => {
        $crate::leaves::WithMade {
            at: concat!(
                "SELECT leaves.digest, ",
                $columns,
                " FROM leaves LEFT JOIN ",
                $join,
                "
                WHERE leaves.day = ?1 AND leaves.home = ?2 AND leaves.treatment = ?3 AND leaves.place = ?4
                ORDER BY leaves.digest"
            ),
            page: concat!(
                "SELECT leaves.place, leaves.digest, leaves.number, ",
                $columns,
                "
                FROM leaves LEFT JOIN ",
                $join,
                "
                WHERE leaves.day = ?1 AND leaves.home = ?2 AND leaves.treatment = ?3
                  AND (leaves.place, leaves.digest) > (?4, ?5)
                ORDER BY leaves.place, leaves.digest LIMIT ?6"
            ),
        }
    };
}
pub(crate) use with_made;

/// The leaves of a store that has their tables. Clones share it.
#[derive(Clone)]
pub struct Leaves {
    engine: Engine,
    with_made: WithMade,
}

impl Leaves {
    /// The leaves in a store that reads them so.
    pub(crate) fn new(engine: Engine, with_made: WithMade) -> Leaves {
        Leaves { engine, with_made }
    }

    /// The roots of the branches of some days, first and last included.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn leaf_roots(&self, days: (Date, Date), scope: Scope) -> Result<BTreeMap<Branch, Node>, StoreError> {
        self.leaf_refresh().await?;
        self.engine.read(move |sql| roots(sql, days, scope)).await
    }

    /// What is inside parts of branches, in the order in which they are asked for.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn leaf_inside(&self, parts: Vec<(Branch, Prefix)>) -> Result<Vec<Inside>, StoreError> {
        self.leaf_refresh().await?;
        self.engine.read(move |sql| parts.iter().map(|(branch, prefix)| inside(sql, branch, *prefix)).collect()).await
    }

    /// What stands at places, in the order in which they are asked for; nothing where the book has nothing there.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn leaf_standing(&self, places: Vec<(Branch, u64)>) -> Result<Vec<Vec<Standing>>, StoreError> {
        let text = self.with_made.at;
        let at = move |sql: &Sql<'_>, branch: &Branch, place: u64| {
            let [day, home, treatment] = texts(branch);
            let values = values![&day, &home, &treatment, signed(place)];
            sql.query(text, values, |row| Ok((read_digest(row, 0)?, read_bytes(row, 1)?, read_bytes(row, 2)?)))
        };
        self.engine.read(move |sql| places.iter().map(|(branch, place)| at(sql, branch, *place)).collect()).await
    }

    /// The leaves of a branch after one, or from the first, with what they were made of, in their order: a page, and
    /// nothing once there are no more.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn leaf_page(&self, branch: Branch, after: Option<Leaf>) -> Result<Vec<HeldLeaf>, StoreError> {
        let text = self.with_made.page;
        let page = move |sql: &Sql<'_>| {
            let [day, home, treatment] = texts(&branch);
            // No digest is as short as none.
            let place = after.map_or(i64::MIN, |after| signed(after.place));
            let digest: &[u8] = after.as_ref().map_or(&[], |after| &after.digest.0);
            let values = values![&day, &home, &treatment, place, digest, LEAVES_AT_ONCE];
            sql.query(text, values, |row| {
                let (operation, outcome) = (read_bytes(row, 3)?, read_bytes(row, 4)?);
                Ok(HeldLeaf { leaf: read_leaf(row, 0)?, number: row.number(2)?, operation, outcome })
            })
        };
        self.engine.read(page).await
    }

    /// Works out the buckets that have changed, and the roots over them.
    ///
    /// # Errors
    /// When the store fails; what was worked out stays so.
    pub async fn leaf_refresh(&self) -> Result<(), StoreError> {
        const NEW: &str = "SELECT 1 FROM new_leaves LIMIT 1";
        const STALE: &str = "SELECT 1 FROM stale_roots LIMIT 1";
        let mut aside = Aside::new(&self.engine);
        while self.engine.read(|sql| sql.exists(NEW, values![])).await? {
            let most = aside.next(NEW_AT_ONCE).await;
            self.engine.write(move |sql| refresh_buckets(sql, most)).await?;
        }
        while self.engine.read(|sql| sql.exists(STALE, values![])).await? {
            let most = aside.next(ROOTS_AT_ONCE).await;
            self.engine.write(move |sql| refresh_roots(sql, most)).await?;
        }
        Ok(())
    }
}

/// Adds leaves. One that is there already stays as it is.
///
/// # Errors
/// When a statement fails.
pub(crate) fn append(sql: &Sql<'_>, leaves: &[NewLeaf]) -> Result<(), StoreError> {
    const LEAF: &str = "INSERT INTO leaves (day, home, treatment, place, digest, number)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING";
    const NEW: &str = "INSERT INTO new_leaves (number, day, home, treatment, start, finish)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING";
    let named: Vec<_> = leaves.iter().map(|new| (texts(&new.branch), new)).collect();
    let rows: Vec<[Value<'_>; 6]> = named
        .iter()
        .map(|([day, home, treatment], new)| {
            let digest: &[u8] = &new.leaf.digest.0;
            [day.into(), home.into(), treatment.into(), signed(new.leaf.place).into(), digest.into(), new.number.into()]
        })
        .collect();
    sql.execute_each(LEAF, &rows)?;
    let rows: Vec<[Value<'_>; 6]> = named
        .iter()
        .map(|([day, home, treatment], new)| {
            let bucket = Prefix::around(new.leaf.place, BUCKET_DEPTH);
            let (start, finish) = (signed(bucket.start()), signed(bucket.end()));
            [new.number.into(), day.into(), home.into(), treatment.into(), start.into(), finish.into()]
        })
        .collect();
    sql.execute_each(NEW, &rows)
}

fn refresh_buckets(sql: &Sql<'_>, most: i64) -> Result<(), StoreError> {
    const LAST: &str = "SELECT MAX(number) FROM (SELECT number FROM new_leaves ORDER BY number LIMIT ?1) AS new";
    // Leaves are never removed, so a bucket that has changed has leaves.
    const CHANGED: &str = "SELECT leaves.day, leaves.home, leaves.treatment, leaves.place, leaves.digest
        FROM (SELECT DISTINCT day, home, treatment, start, finish FROM new_leaves WHERE number <= ?1) AS changed
        CROSS JOIN leaves
        WHERE leaves.day = changed.day AND leaves.home = changed.home AND leaves.treatment = changed.treatment
          AND leaves.place BETWEEN changed.start AND changed.finish
        ORDER BY leaves.day, leaves.home, leaves.treatment, leaves.place, leaves.digest";
    const BUCKET: &str = "INSERT INTO buckets (day, home, treatment, start, count, digest)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6)
        ON CONFLICT (day, home, treatment, start) DO UPDATE SET count = excluded.count, digest = excluded.digest";
    // Nobody adds leaves beside a transaction that writes.
    const KNOWN: &str = "DELETE FROM new_leaves WHERE number <= ?1";
    const STALE: &str = "INSERT INTO stale_roots (day, home, treatment) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
    let Some(last) = sql.find(LAST, values![most], |row| row.optional_number(0))?.flatten() else {
        return Ok(());
    };
    let leaves = sql.query(CHANGED, values![last], |row| Ok((read_branch(row)?, read_leaf(row, 3)?)))?;
    let bucket = |(branch, leaf): &(Branch, Leaf)| (*branch, Prefix::around(leaf.place, BUCKET_DEPTH));
    let changed = leaves.chunk_by(|one, other| bucket(one) == bucket(other));
    let nodes: Vec<(Branch, Node)> = changed
        .filter_map(|changed| {
            let of_bucket: Vec<Leaf> = changed.iter().map(|(_, leaf)| *leaf).collect();
            changed.first().map(|(branch, _)| *branch).zip(bucket_node(&of_bucket))
        })
        .collect();
    let branches: BTreeMap<Branch, [String; 3]> = nodes.iter().map(|(branch, _)| (*branch, texts(branch))).collect();
    let rows: Vec<[Value<'_>; 6]> = nodes
        .iter()
        .filter_map(|(branch, node)| {
            let ([day, home, treatment], digest): (_, &[u8]) = (branches.get(branch)?, &node.digest.0);
            let (start, count) = (signed(node.prefix.start()), node.count.cast_signed());
            Some([day.into(), home.into(), treatment.into(), start.into(), count.into(), digest.into()])
        })
        .collect();
    sql.execute_each(BUCKET, &rows)?;
    let stale: Vec<[Value<'_>; 3]> = branches.values().map(|texts| texts.each_ref().map(Value::from)).collect();
    sql.execute_each(STALE, &stale)?;
    sql.execute(KNOWN, values![last]).map(drop)
}

fn refresh_roots(sql: &Sql<'_>, most: i64) -> Result<(), StoreError> {
    const STALE: &str = "SELECT day, home, treatment FROM stale_roots ORDER BY day, home, treatment LIMIT ?1";
    const ROOT: &str = "INSERT INTO roots (day, home, treatment, count, digest) VALUES (?1, ?2, ?3, ?4, ?5)
        ON CONFLICT (day, home, treatment) DO UPDATE SET count = excluded.count, digest = excluded.digest";
    const FRESH: &str = "DELETE FROM stale_roots WHERE day = ?1 AND home = ?2 AND treatment = ?3";
    for branch in sql.query(STALE, values![most], read_branch)? {
        let [day, home, treatment] = texts(&branch);
        if let Some(root) = root_of_buckets(&buckets(sql, &branch, Prefix::ROOT)?) {
            let digest: &[u8] = &root.digest.0;
            sql.execute(ROOT, values![&day, &home, &treatment, root.count.cast_signed(), digest])?;
        }
        sql.execute(FRESH, values![&day, &home, &treatment])?;
    }
    Ok(())
}

fn roots(sql: &Sql<'_>, (first, last): (Date, Date), scope: Scope) -> Result<BTreeMap<Branch, Node>, StoreError> {
    const ROOTS: &str = "SELECT day, home, treatment, count, digest FROM roots
        WHERE day >= ?1 AND day <= ?2 AND (?3 IS NULL OR home = ?3) AND (?4 IS NULL OR treatment = ?4)";
    let (first, last) = (first.to_string(), last.to_string());
    let (home, treatment) = (scope.home.map(|pool| pool.to_string()), scope.treatment.map(|pool| pool.to_string()));
    let values = values![&first, &last, home.as_deref(), treatment.as_deref()];
    let read = sql.query(ROOTS, values, |row| {
        let (count, digest) = (row.number(3)?.cast_unsigned(), read_digest(row, 4)?);
        Ok((read_branch(row)?, Node { prefix: Prefix::ROOT, count, digest }))
    });
    Ok(read?.into_iter().collect())
}

fn inside(sql: &Sql<'_>, branch: &Branch, prefix: Prefix) -> Result<Inside, StoreError> {
    match prefix.depth() {
        0 => Ok(Inside::Parts(children_of_buckets(&buckets(sql, branch, prefix)?))),
        depth if depth < BUCKET_DEPTH => Ok(Inside::Parts(buckets(sql, branch, prefix)?)),
        _ => Ok(inside_of_leaves(prefix, &leaves(sql, branch, prefix)?)),
    }
}

fn buckets(sql: &Sql<'_>, branch: &Branch, prefix: Prefix) -> Result<Vec<Node>, StoreError> {
    const BUCKETS: &str = "SELECT start, count, digest FROM buckets
        WHERE day = ?1 AND home = ?2 AND treatment = ?3 AND start BETWEEN ?4 AND ?5 ORDER BY start";
    let [day, home, treatment] = texts(branch);
    let values = values![&day, &home, &treatment, signed(prefix.start()), signed(prefix.end())];
    sql.query(BUCKETS, values, |row| {
        let prefix = Prefix::around(unsigned(row.number(0)?), BUCKET_DEPTH);
        Ok(Node { prefix, count: row.number(1)?.cast_unsigned(), digest: read_digest(row, 2)? })
    })
}

fn leaves(sql: &Sql<'_>, branch: &Branch, prefix: Prefix) -> Result<Vec<Leaf>, StoreError> {
    const LEAVES: &str = "SELECT place, digest FROM leaves
        WHERE day = ?1 AND home = ?2 AND treatment = ?3 AND place BETWEEN ?4 AND ?5 ORDER BY place, digest";
    let [day, home, treatment] = texts(branch);
    let values = values![&day, &home, &treatment, signed(prefix.start()), signed(prefix.end())];
    sql.query(LEAVES, values, |row| read_leaf(row, 0))
}

fn read_bytes(row: Row<'_>, place: usize) -> Result<Bytes, StoreError> {
    row.bytes(place).map(Bytes::copy_from_slice)
}

fn texts(branch: &Branch) -> [String; 3] {
    [branch.day.to_string(), branch.home.to_string(), branch.treatment.to_string()]
}

fn read_branch(row: Row<'_>) -> Result<Branch, StoreError> {
    let malformed = |column: &'static str, problem: String| StoreError::Column { column: column.into(), problem };
    let pool = |place, column| {
        RegionCode::new(row.text(place)?).map(PoolCode).map_err(|fault| malformed(column, fault.to_string()))
    };
    let day = row.text(0)?.parse().map_err(|fault: jiff::Error| malformed("day", fault.to_string()))?;
    Ok(Branch { day, home: pool(1, "home")?, treatment: pool(2, "treatment")? })
}

fn read_leaf(row: Row<'_>, first: usize) -> Result<Leaf, StoreError> {
    Ok(Leaf { place: unsigned(row.number(first)?), digest: read_digest(row, first + 1)? })
}

fn read_digest(row: Row<'_>, place: usize) -> Result<Digest, StoreError> {
    let bytes = row.bytes(place)?;
    let malformed = |_| StoreError::Column { column: "digest".into(), problem: format!("{} bytes", bytes.len()) };
    bytes.try_into().map(Digest).map_err(malformed)
}

/// A place as a number that is in the same order.
fn signed(place: u64) -> i64 {
    (place ^ 1 << 63).cast_signed()
}

fn unsigned(number: i64) -> u64 {
    number.cast_unsigned() ^ 1 << 63
}
