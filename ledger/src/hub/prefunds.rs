//! 异地预付金 as they are recorded: what a home member has advanced to a treatment member, by insurance. An account: each
//! change is a row with its reason, and the sum of the rows is the prefund. What is due and how much is in use, others say.

mod payments;

use std::collections::BTreeMap;

use clearing::period::Pair;
use jiff::Timestamp;
use settlement::money::Money;
use settlement::person::Insurance;

use super::periods::read_pair;
use super::{HubStore, instant};
use crate::engine::{Row, Sql, Version};
use crate::store::StoreError;
use crate::values;

/// The tables.
pub(super) const TABLES: Version = Version {
    tables: "CREATE TABLE prefund_changes (
        home TEXT NOT NULL, treatment TEXT NOT NULL, insurance TEXT NOT NULL, id TEXT NOT NULL, kind TEXT NOT NULL,
        amount INTEGER NOT NULL, basis INTEGER NOT NULL, reason TEXT NOT NULL, done_by TEXT NOT NULL,
        done_at INTEGER NOT NULL, PRIMARY KEY (home, treatment, insurance, id)) STRICT, WITHOUT ROWID;
    CREATE TABLE prefund_payments (
        home TEXT NOT NULL, treatment TEXT NOT NULL, insurance TEXT NOT NULL, id TEXT NOT NULL, side TEXT NOT NULL,
        serial TEXT NOT NULL, bank TEXT NOT NULL, paid_on TEXT NOT NULL, amount INTEGER NOT NULL,
        recorded_by TEXT NOT NULL, recorded_at INTEGER NOT NULL,
        PRIMARY KEY (home, treatment, insurance, id, side)) STRICT, WITHOUT ROWID;
    CREATE TABLE suspensions (
        home TEXT NOT NULL, treatment TEXT NOT NULL, step INTEGER NOT NULL, is_suspended INTEGER NOT NULL,
        reason TEXT NOT NULL, done_by TEXT NOT NULL, done_at INTEGER NOT NULL,
        PRIMARY KEY (home, treatment, step)) STRICT, WITHOUT ROWID;",
    append_only: &["prefund_changes", "prefund_payments", "suspensions"],
    postgres: "",
};

pub use payments::{ChangePayments, PrefundPaymentFault, Suspension};

/// Which prefund.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PrefundKey {
    /// Who advances, and who holds it.
    pub pair: Pair,
    /// Whose money.
    pub insurance: Insurance,
}

/// Why a prefund changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PrefundKind {
    /// The yearly re-set, or the first.
    Reset,
    /// An emergency increase.
    TopUp,
}

impl PrefundKind {
    /// The word in messages and books.
    pub fn word(self) -> &'static str {
        match self {
            PrefundKind::Reset => "reset",
            PrefundKind::TopUp => "top-up",
        }
    }

    /// The kind that a word names.
    pub fn from_word(word: &str) -> Option<PrefundKind> {
        [PrefundKind::Reset, PrefundKind::TopUp].into_iter().find(|kind| kind.word() == word)
    }
}

/// A change of a prefund, under an id that says which: a year's re-set, or a sender's request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrefundChange {
    /// Which prefund.
    pub key: PrefundKey,
    /// Its id.
    pub id: String,
    /// Why it changes.
    pub kind: PrefundKind,
    /// By how much; below zero where it is returned.
    pub amount: Money,
    /// What it was worked out from: last year's fourth quarter.
    pub basis: Money,
    /// In words.
    pub reason: String,
    /// When it was made.
    pub at: Timestamp,
}

impl HubStore {
    /// Records a change. One of the same id that is there already stays; tells whether it was new.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn prefund_change(&self, change: PrefundChange, by: String) -> Result<bool, StoreError> {
        Ok(self.prefund_change_all(vec![change], by).await? > 0)
    }

    /// Records changes of several prefunds, all of them or none: a year's re-set. What is there already stays; tells how
    /// many were new.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn prefund_change_all(&self, changes: Vec<PrefundChange>, by: String) -> Result<usize, StoreError> {
        let telling = self.telling.clone();
        self.engine
            .write(move |sql| {
                changes.iter().try_fold(0, |new, change| {
                    let is_new = insert(sql, change, &by)?;
                    if let Some(telling) = telling.as_deref().filter(|_| is_new) {
                        telling.tell_prefund(sql, change)?;
                    }
                    Ok(new + usize::from(is_new))
                })
            })
            .await
    }

    /// What every prefund comes to.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn prefund_balances(&self) -> Result<BTreeMap<PrefundKey, Money>, StoreError> {
        let mut balances: BTreeMap<PrefundKey, Money> = BTreeMap::new();
        for change in self.prefund_changes().await? {
            *balances.entry(change.key).or_default() += change.amount;
        }
        Ok(balances)
    }

    /// Every change, in the order of the prefunds and of their making.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn prefund_changes(&self) -> Result<Vec<PrefundChange>, StoreError> {
        const CHANGES: &str = "SELECT home, treatment, insurance, id, kind, amount, basis, reason, done_at
            FROM prefund_changes
            ORDER BY home, treatment, insurance, done_at, id";
        self.engine.read(|sql: &Sql<'_>| sql.query(CHANGES, values![], read)).await
    }
}

fn insert(sql: &Sql<'_>, change: &PrefundChange, by: &str) -> Result<bool, StoreError> {
    const CHANGE: &str = "INSERT INTO prefund_changes
            (home, treatment, insurance, id, kind, amount, basis, reason, done_by, done_at)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT DO NOTHING";
    let PrefundChange { key: PrefundKey { pair, insurance }, id, kind, amount, basis, reason, at } = change;
    let (home, treatment) = (pair.home.0.as_str(), pair.treatment.0.as_str());
    let values = values![
        home,
        treatment,
        insurance.word(),
        id,
        kind.word(),
        amount.fen(),
        basis.fen(),
        reason,
        by,
        at.as_microsecond()
    ];
    Ok(sql.execute(CHANGE, values)? == 1)
}

fn read(row: Row<'_>) -> Result<PrefundChange, StoreError> {
    let malformed = |column: &str, text: &str| StoreError::Column { column: column.into(), problem: text.to_owned() };
    let (insurance, kind) = (row.text(2)?, row.text(4)?);
    Ok(PrefundChange {
        key: PrefundKey {
            pair: read_pair(row, 0)?,
            insurance: Insurance::from_word(insurance).ok_or_else(|| malformed("insurance", insurance))?,
        },
        id: row.text(3)?.to_owned(),
        kind: PrefundKind::from_word(kind).ok_or_else(|| malformed("kind", kind))?,
        amount: Money::from_fen(row.number(5)?),
        basis: Money::from_fen(row.number(6)?),
        reason: row.text(7)?.to_owned(),
        at: instant("prefund_changes", row.text(3)?, row.number(8)?)?,
    })
}
