//! Rule books by content, and the sets in which they were loaded together. An operation names the set under which it
//! was decided, so that a replay chooses among the same books.

use jiff::Timestamp;
use settlement::ids::PoolCode;
use settlement::person::Insurance;
use settlement::rulebook::RuleBookHash;
use sha2::{Digest, Sha256};

use super::HomeStore;
use crate::engine::{Sql, Value};
use crate::store::StoreError;
use crate::values;

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
        self.engine.write(move |sql| load(sql, &books, at)).await
    }
}

fn load(sql: &Sql<'_>, books: &[RuleBookText], at: Timestamp) -> Result<RuleSet, StoreError> {
    let mut hashes: Vec<[u8; 32]> = books.iter().map(|book| book.hash.0).collect();
    hashes.sort_unstable();
    hashes.dedup();
    let digest = Sha256::digest(hashes.concat());
    let digest = digest.as_slice();
    let known = sql.find("SELECT rule_set FROM rule_sets WHERE digest = ?1", values![digest], |row| row.number(0))?;
    if let Some(rule_set) = known {
        return Ok(RuleSet(rule_set));
    }
    let next = "SELECT COALESCE(MAX(rule_set), 0) + 1 FROM rule_sets";
    let rule_set = sql.get(next, &[], |row| row.number(0))?;
    keep_books(sql, books, at)?;
    sql.execute("INSERT INTO rule_sets (rule_set, digest) VALUES (?1, ?2)", values![rule_set, digest])?;
    let rows: Vec<[Value<'_>; 2]> = hashes.iter().map(|hash| [rule_set.into(), hash.as_slice().into()]).collect();
    sql.execute_each("INSERT INTO rule_set_books (rule_set, hash) VALUES (?1, ?2)", &rows)?;
    Ok(RuleSet(rule_set))
}

fn keep_books(sql: &Sql<'_>, books: &[RuleBookText], at: Timestamp) -> Result<(), StoreError> {
    let row = |book: &'_ RuleBookText| -> Result<(), StoreError> {
        let RuleBookText { hash, home, insurance, content } = book;
        sql.execute(
            "INSERT INTO rule_books (hash, home, insurance, content, loaded_at) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (hash) DO NOTHING",
            values![hash.0.as_slice(), home.0.as_str(), insurance.word(), content, at.as_microsecond()],
        )?;
        Ok(())
    };
    books.iter().try_for_each(row)
}

/// The texts of a set.
pub(super) fn texts(sql: &Sql<'_>, rule_set: i64) -> Result<Vec<String>, StoreError> {
    const TEXTS: &str = "SELECT content FROM rule_set_books JOIN rule_books ON rule_books.hash = rule_set_books.hash
          WHERE rule_set = ?1 ORDER BY rule_books.hash";
    sql.query(TEXTS, values![rule_set], |row| Ok(row.text(0)?.to_owned()))
}
