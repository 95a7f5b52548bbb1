//! Adding a book's operations to its leaves, page by page, beside whoever writes the book. How far it has come moves in
//! the same transaction as the leaves are added, so that two who fold at once add each page once.

use bytes::Bytes;
use clearing::digest::{Branch, Leaf};

use super::{NewLeaf, append};
use crate::engine::{Aside, Engine, Row, Sql, Steps};
use crate::store::StoreError;
use crate::values;

/// So many operations are looked at in one step, so that the book's writer is held up for a moment only.
const A_PAGE: Steps = Steps { alone: 500, beside: 300 };

/// Reads an operation's bytes and its outcome's bytes as a leaf; none where it had no effect that books are compared by.
pub type ReadLeaf = fn(&[u8], &[u8]) -> Result<Option<(Branch, Leaf)>, String>;

/// How the operations of a book are found. Their numbers rise in the order in which they are written; answers may come
/// later in any order.
pub(crate) struct Source {
    /// Which of the book's sequences of numbers.
    pub(crate) number: i64,
    /// The number before its first.
    pub(crate) start: i64,
    /// The operations after ?1, at most ?2, in order: number, bytes, outcome. Without bytes it is none; without outcome it
    /// has no answer yet.
    pub(crate) page: &'static str,
    /// Those that had no answer when they were looked at and have one by now, at most ?1: number, bytes, outcome.
    pub(crate) late: &'static str,
}

/// An operation as it is looked at.
struct Looked {
    number: i64,
    operation: Option<Bytes>,
    outcome: Option<Bytes>,
}

/// Adds the leaves of what is answered by now.
///
/// # Errors
/// When the store fails, or an operation does not read; what was added stays so.
pub(crate) async fn fold(engine: &Engine, source: &Source, read: ReadLeaf) -> Result<(), StoreError> {
    let mut aside = Aside::new(engine);
    while fold_page(engine, source, aside.next(A_PAGE).await, read).await? {}
    Ok(())
}

/// The same of a page; tells whether there is more.
async fn fold_page(engine: &Engine, source: &Source, most: i64, read: ReadLeaf) -> Result<bool, StoreError> {
    let (number, start, page, late) = (source.number, source.start, source.page, source.late);
    let looked = engine.read(move |sql| {
        let reached = reached(sql, number)?.unwrap_or(start);
        Ok((reached, sql.query(page, values![reached, most], look)?, sql.query(late, values![most], look)?))
    });
    let (reached, page, late) = looked.await?;
    let Some(to) = page.last().map(|last| last.number).or_else(|| (!late.is_empty()).then_some(reached)) else {
        return Ok(false);
    };
    let more = page.len().max(late.len()) == usize::try_from(most).unwrap_or(usize::MAX);
    let leaves = page.iter().chain(&late).filter_map(|looked| looked.leaf(read).transpose());
    let leaves: Vec<NewLeaf> = leaves.collect::<Result<_, StoreError>>()?;
    let waiting: Vec<i64> = page.iter().filter(|looked| looked.waits()).map(|looked| looked.number).collect();
    let answered: Vec<i64> = late.iter().map(|looked| looked.number).collect();
    engine
        .write(move |sql| {
            // Somebody else may have folded this page meanwhile.
            if reach(sql, number, reached, to)? {
                put_off(sql, &waiting)?;
                append(sql, &leaves)?;
                for number in &answered {
                    take_up(sql, *number)?;
                }
            }
            Ok(())
        })
        .await?;
    Ok(more)
}

impl Looked {
    fn waits(&self) -> bool {
        self.operation.is_some() && self.outcome.is_none()
    }

    fn leaf(&self, read: ReadLeaf) -> Result<Option<NewLeaf>, StoreError> {
        let Some((operation, outcome)) = self.operation.as_ref().zip(self.outcome.as_ref()) else { return Ok(None) };
        let corrupt = |problem| StoreError::Corrupt { table: "operations", id: self.number.to_string(), problem };
        let leaf = read(operation, outcome).map_err(corrupt)?;
        Ok(leaf.map(|(branch, leaf)| NewLeaf { branch, leaf, number: self.number }))
    }
}

fn look(row: Row<'_>) -> Result<Looked, StoreError> {
    let bytes = |column| Ok::<_, StoreError>(row.optional_bytes(column)?.map(Bytes::copy_from_slice));
    Ok(Looked { number: row.number(0)?, operation: bytes(1)?, outcome: bytes(2)? })
}

/// How far a sequence was folded.
pub(crate) fn reached(sql: &Sql<'_>, source: i64) -> Result<Option<i64>, StoreError> {
    sql.find("SELECT reached FROM folds WHERE source = ?1", values![source], |row| row.number(0))
}

/// Moves on, unless somebody else has moved since.
pub(crate) fn reach(sql: &Sql<'_>, source: i64, from: i64, to: i64) -> Result<bool, StoreError> {
    const REACH: &str = "INSERT INTO folds (source, reached) VALUES (?1, ?3)
        ON CONFLICT (source) DO UPDATE SET reached = excluded.reached WHERE folds.reached = ?2";
    Ok(sql.execute(REACH, values![source, from, to])? == 1)
}

/// Notes which operations have no answer yet.
pub(crate) fn put_off(sql: &Sql<'_>, numbers: &[i64]) -> Result<(), StoreError> {
    const WAITS: &str = "INSERT INTO unfolded (number) VALUES (?1) ON CONFLICT DO NOTHING";
    sql.execute_each(WAITS, &numbers.iter().map(|number| [(*number).into()]).collect::<Vec<_>>())
}

/// Takes what was put off; tells whether it was still there, and not taken by somebody else meanwhile.
pub(crate) fn take_up(sql: &Sql<'_>, number: i64) -> Result<bool, StoreError> {
    Ok(sql.execute("DELETE FROM unfolded WHERE number = ?1", values![number])? == 1)
}
