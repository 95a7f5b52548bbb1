//! Home regions' books that fell: seen lower than the hub knows, since an older copy was put back. A fall stays until
//! the book is whole again, over restarts and for every hub on the store. And what is missing from such a book: the
//! answers that the hub has above a place. Called by the hub's reinstating and by its job that watches books.

use bytes::Bytes;
use jiff::Timestamp;
use settlement::filing::Filing;
use settlement::ids::{FilingId, PoolCode};

use super::answers::Verdict;
use super::operations::{Kind, read_ids};
use super::{FilingStanding, HubStore, Position, RegisteredFiling, corrupt, filings, instant};
use crate::engine::{Row, Sql};
use crate::store::StoreError;
use crate::values;

/// A book that fell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fall {
    /// The region's pools as one word.
    pub home: String,
    /// How far it had gone.
    pub from: u64,
    /// How far it went when it was seen lower.
    pub to: u64,
    /// When that was first seen.
    pub seen_at: Timestamp,
}

/// An answer of a region, with what goes back to it.
#[derive(Clone, Debug)]
pub struct Given {
    /// The operation's place in the hub's book.
    pub position: Position,
    /// What was asked for.
    pub kind: Kind,
    /// The operation's bytes.
    pub bytes: Bytes,
    /// The filings that went with it, the first choice first.
    pub filings: Vec<Filing>,
    /// Yes or no.
    pub verdict: Verdict,
    /// The answer's bytes.
    pub outcome: Bytes,
    /// Its number in the region's book.
    pub book_seq: u64,
    /// When the hub had it.
    pub answered_at: Timestamp,
}

impl HubStore {
    /// Keeps a fall. Seeing the same again, or less of it, changes nothing.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn fall_note(&self, fall: Fall) -> Result<(), StoreError> {
        self.engine
            .write(move |sql| {
                let known = open_falls(sql)?.into_iter().find(|known| known.home == fall.home);
                if known.is_some_and(|known| known.to <= fall.to) {
                    return Ok(());
                }
                sql.execute(
                    "INSERT INTO book_falls (home, fell_from, fell_to, seen_at) VALUES (?1, ?2, ?3, ?4)",
                    values![&fall.home, fall.from.cast_signed(), fall.to.cast_signed(), fall.seen_at.as_microsecond()],
                )?;
                Ok(())
            })
            .await
    }

    /// The books that are not whole.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn fall_list(&self) -> Result<Vec<Fall>, StoreError> {
        self.engine.read(open_falls).await
    }

    /// Ends a region's fall: its book is whole again.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn fall_end(&self, home: String, at: Timestamp, by: String) -> Result<(), StoreError> {
        self.engine
            .write(move |sql| {
                sql.execute(
                    "INSERT INTO book_restorations (fall, ended_at, ended_by)
                 SELECT book_falls.fall, ?2, ?3 FROM book_falls
                   LEFT JOIN book_restorations ON book_restorations.fall = book_falls.fall
                  WHERE book_falls.home = ?1 AND book_restorations.fall IS NULL",
                    values![&home, at.as_microsecond(), &by],
                )?;
                Ok(())
            })
            .await
    }

    /// The numbers above a place that answers of a region bear, in order.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn answer_numbers(&self, home: PoolCode, after: u64) -> Result<Vec<u64>, StoreError> {
        self.engine
            .read(move |sql| {
                sql.query(
                    "SELECT book_seq FROM answers WHERE home = ?1 AND book_seq > 0 AND book_seq > ?2
                 ORDER BY book_seq",
                    values![home.0.as_str(), after.cast_signed()],
                    |row| row.number(0).map(i64::cast_unsigned),
                )
            })
            .await
    }

    /// The answers of a region under a number; sound books have at most one.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn answer_given(&self, home: PoolCode, book_seq: u64) -> Result<Vec<Given>, StoreError> {
        self.engine
            .read(move |sql| {
                let given = sql.query(
                    "SELECT operations.position, operations.kind, operations.bytes, operations.filing,
                        operations.received_at, answers.verdict, answers.outcome, answers.book_seq, answers.answered_at
                   FROM answers JOIN operations ON operations.position = answers.position
                  WHERE answers.home = ?1 AND answers.book_seq > 0 AND answers.book_seq = ?2
                  ORDER BY operations.position",
                    values![home.0.as_str(), book_seq.cast_signed()],
                    |row| Ok((read_given(&row)?, read_ids(row.optional_text(3)?), row.number(4)?)),
                )?;
                given
                    .into_iter()
                    .map(|(given, filings, received_at)| {
                        let then = filings.iter().map(|id| filing_then(sql, id, received_at));
                        let filings = then.filter_map(Result::transpose).collect::<Result<_, _>>()?;
                        Ok(Given { filings, ..given })
                    })
                    .collect()
            })
            .await
    }
}

fn open_falls(sql: &Sql<'_>) -> Result<Vec<Fall>, StoreError> {
    const OPEN: &str = "SELECT home, MAX(fell_from), MIN(fell_to), MIN(seen_at) FROM book_falls
           LEFT JOIN book_restorations ON book_restorations.fall = book_falls.fall
          WHERE book_restorations.fall IS NULL GROUP BY home ORDER BY home";
    sql.query(OPEN, values![], |row| {
        Ok(Fall {
            home: row.text(0)?.to_owned(),
            from: row.number(1)?.cast_unsigned(),
            to: row.number(2)?.cast_unsigned(),
            seen_at: instant("fall of", row.text(0)?, row.number(3)?)?,
        })
    })
}

fn read_given(row: &Row<'_>) -> Result<Given, StoreError> {
    let position = Position(row.number(0)?);
    let unlike = |what: &str| corrupt("answer", position, format!("its {what} is none of ours"));
    Ok(Given {
        position,
        kind: Kind::from_word(row.text(1)?).ok_or_else(|| unlike("kind"))?,
        bytes: Bytes::copy_from_slice(row.bytes(2)?),
        filings: Vec::new(),
        verdict: Verdict::from_word(row.text(5)?).ok_or_else(|| unlike("verdict"))?,
        outcome: Bytes::copy_from_slice(row.bytes(6)?),
        book_seq: row.number(7)?.cast_unsigned(),
        answered_at: instant("answer", position, row.number(8)?)?,
    })
}

/// A filing as it was when an operation came: what was cancelled since, held then, and what was proven since was not.
fn filing_then(sql: &Sql<'_>, id: &str, at: i64) -> Result<Option<Filing>, StoreError> {
    let Ok(filing) = FilingId::new(id) else { return Ok(None) };
    let Some(registered) = filings::find(sql, &filing)? else { return Ok(None) };
    let cancelled_before =
        sql.exists("SELECT 1 FROM filing_cancellations WHERE id = ?1 AND cancelled_at <= ?2", values![id, at])?;
    let proven_at = registered.proven_at.filter(|proven| proven.as_microsecond() <= at);
    let standing = if cancelled_before { registered.standing } else { FilingStanding::InForce };
    Ok(RegisteredFiling { proven_at, standing, ..registered }.in_force())
}
