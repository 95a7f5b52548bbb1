//! Rule books by content, and the sets in which they were loaded together. An operation names the set under which it
//! was decided, so that a replay chooses among the same books.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction};
use settlement::ids::PoolCode;
use settlement::person::Insurance;
use settlement::rulebook::RuleBookHash;
use sha2::{Digest, Sha256};

use super::HomeStore;
use crate::store::StoreError;

/// A set of rule books that were loaded together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RuleSet(pub(super) i64);

/// A rule book as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleBookText {
    /// Its content hash.
    pub hash: RuleBookHash,
    /// Whose.
    pub home: PoolCode,
    /// Of which insurance.
    pub insurance: Insurance,
    /// The text.
    pub content: String,
}

impl HomeStore {
    /// Keeps the rule books that are loaded now, and says under which set they are known.
    ///
    /// # Errors
    /// When a statement fails.
    pub async fn rule_set_load(&self, books: Vec<RuleBookText>, at: Timestamp) -> Result<RuleSet, StoreError> {
        self.writer.write(move |transaction| load(transaction, &books, at)).await
    }
}

fn load(transaction: &Transaction<'_>, books: &[RuleBookText], at: Timestamp) -> Result<RuleSet, StoreError> {
    let mut hashes: Vec<[u8; 32]> = books.iter().map(|book| book.hash.0).collect();
    hashes.sort_unstable();
    hashes.dedup();
    let digest = Sha256::digest(hashes.concat());
    let known: Option<i64> = transaction
        .prepare_cached("SELECT rule_set FROM rule_sets WHERE digest = ?1")?
        .query_row([digest.as_slice()], |row| row.get(0))
        .optional()?;
    if let Some(rule_set) = known {
        return Ok(RuleSet(rule_set));
    }
    for book in books {
        transaction
            .prepare_cached(
                "INSERT INTO rule_books (hash, home, insurance, content, loaded_at) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (hash) DO NOTHING",
            )?
            .execute((
                book.hash.0.as_slice(),
                book.home.0.as_str(),
                book.insurance.word(),
                &book.content,
                at.as_microsecond(),
            ))?;
    }
    let rule_set: i64 = transaction
        .prepare_cached("SELECT COALESCE(MAX(rule_set), 0) + 1 FROM rule_sets")?
        .query_row([], |row| row.get(0))?;
    transaction
        .prepare_cached("INSERT INTO rule_sets (rule_set, digest) VALUES (?1, ?2)")?
        .execute((rule_set, digest.as_slice()))?;
    for hash in hashes {
        transaction
            .prepare_cached("INSERT INTO rule_set_books (rule_set, hash) VALUES (?1, ?2)")?
            .execute((rule_set, hash.as_slice()))?;
    }
    Ok(RuleSet(rule_set))
}

/// The texts of a set.
pub(super) fn texts(connection: &Connection, rule_set: i64) -> Result<Vec<String>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT content FROM rule_set_books JOIN rule_books ON rule_books.hash = rule_set_books.hash
          WHERE rule_set = ?1",
    )?;
    let rows = statement.query_map([rule_set], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
