//! 异地预付金 as they are recorded: what a home member has advanced to a treatment member, by insurance. An account: each
//! change is a row with its reason, and the sum of those that both sides have recorded is the prefund. What is due and how
//! much is in use, others say.

mod answers;
mod payments;
mod suspensions;

use std::collections::BTreeMap;
use std::convert::Infallible;

use clearing::payment::Payable;
use clearing::period::{Pair, Side};
use clearing::prefund::account::Made;
use clearing::prefund::change::Recorded;
use clearing::prefund::quarter::{Quarter, Settled, Source};
use jiff::Timestamp;
use jiff::civil::Date;
use settlement::money::Money;
use settlement::person::Insurance;

use super::periods::{read_insurance, read_pair};
use super::told::Telling;
use super::{HubStore, instant};
use crate::engine::{Row, Sql, Version};
use crate::store::StoreError;
use crate::values;

/// The tables.
pub(super) const TABLES: Version = Version {
    tables: "CREATE TABLE prefund_changes (
        home TEXT NOT NULL, treatment TEXT NOT NULL, insurance TEXT NOT NULL, id TEXT NOT NULL, kind TEXT NOT NULL,
        amount INTEGER NOT NULL, held INTEGER NOT NULL, reason TEXT NOT NULL, asked_by TEXT,
        october INTEGER NOT NULL, october_source TEXT NOT NULL, november INTEGER NOT NULL, november_source TEXT NOT NULL,
        december INTEGER NOT NULL, december_source TEXT NOT NULL, done_by TEXT NOT NULL, done_at INTEGER NOT NULL,
        PRIMARY KEY (home, treatment, insurance, id)) STRICT, WITHOUT ROWID;
    CREATE TABLE prefund_answers (
        home TEXT NOT NULL, treatment TEXT NOT NULL, insurance TEXT NOT NULL, id TEXT NOT NULL,
        is_accepted INTEGER NOT NULL, reason TEXT NOT NULL, done_by TEXT NOT NULL, done_at INTEGER NOT NULL,
        PRIMARY KEY (home, treatment, insurance, id)) STRICT, WITHOUT ROWID;
    CREATE TABLE prefund_payments (
        home TEXT NOT NULL, treatment TEXT NOT NULL, insurance TEXT NOT NULL, id TEXT NOT NULL, side TEXT NOT NULL,
        record INTEGER NOT NULL, serial TEXT NOT NULL, bank TEXT NOT NULL, paid_on TEXT NOT NULL,
        amount INTEGER NOT NULL, recorded_by TEXT NOT NULL, recorded_at INTEGER NOT NULL,
        PRIMARY KEY (home, treatment, insurance, id, side, record)) STRICT, WITHOUT ROWID;
    CREATE TABLE prefund_payment_acceptances (
        home TEXT NOT NULL, treatment TEXT NOT NULL, insurance TEXT NOT NULL, id TEXT NOT NULL, side TEXT NOT NULL,
        paid_record INTEGER NOT NULL, received_record INTEGER NOT NULL, reason TEXT NOT NULL, accepted_by TEXT NOT NULL,
        accepted_at INTEGER NOT NULL,
        PRIMARY KEY (home, treatment, insurance, id, side, paid_record, received_record)) STRICT, WITHOUT ROWID;
    CREATE TABLE suspensions (
        home TEXT NOT NULL, treatment TEXT NOT NULL, step INTEGER NOT NULL, is_suspended INTEGER NOT NULL,
        reason TEXT NOT NULL, done_by TEXT NOT NULL, done_at INTEGER NOT NULL,
        PRIMARY KEY (home, treatment, step)) STRICT, WITHOUT ROWID;",
    append_only: &[
        "prefund_changes",
        "prefund_answers",
        "prefund_payments",
        "prefund_payment_acceptances",
        "suspensions",
    ],
    postgres: "",
};

pub use clearing::prefund::change::Kind as PrefundKind;
pub use payments::PrefundPaymentFault;
pub use suspensions::Suspension;

/// Which prefund.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PrefundKey {
    /// Who advances, and who holds it.
    pub pair: Pair,
    /// Whose money.
    pub insurance: Insurance,
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
    /// What a re-set was worked out from: last year's fourth quarter, month by month. Of other changes, nothing.
    pub basis: Quarter,
    /// What was held, or on its way, when it was made.
    pub held: Money,
    /// In words.
    pub reason: String,
    /// Which side asks for it; none where the calendar or the centre sets it.
    pub asked_by: Option<Side>,
    /// When it was made.
    pub at: Timestamp,
}

/// What the side that was asked said to a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrefundAnswer {
    /// Whether it accepts.
    pub is_accepted: bool,
    /// Why, where it does not.
    pub reason: String,
    /// When.
    pub at: Timestamp,
}

/// A change with what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrefundEntry {
    /// The change.
    pub change: PrefundChange,
    /// What the other side said to it.
    pub answer: Option<PrefundAnswer>,
    /// The payment as each side has recorded it last, and who has accepted these two as of one.
    pub payment: Payable,
    /// Whether the prefund was re-set since.
    pub is_overtaken: bool,
}

impl PrefundEntry {
    /// What decides how far it is.
    pub fn recorded(&self) -> Recorded {
        Recorded {
            kind: self.change.kind,
            amount: self.change.amount,
            accepted: self.answer.as_ref().map(|answer| answer.is_accepted),
            is_under_way: self.payment.is_recorded(),
            is_paid: self.payment.is_settled(),
            is_overtaken: self.is_overtaken,
        }
    }

    /// The same, as its prefund's account has it.
    pub fn made(&self) -> Made {
        let answered_at = self.answer.as_ref().map(|answer| answer.at);
        Made { id: self.change.id.clone(), at: self.change.at, answered_at, recorded: self.recorded() }
    }

    /// Since when it is to be paid: since it was accepted, or was set.
    pub fn due_since(&self) -> Timestamp {
        self.answer.as_ref().map_or(self.change.at, |answer| answer.at)
    }
}

impl HubStore {
    /// Records a change. One of the same id that is there already stays; tells whether it was new.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn prefund_change(&self, change: PrefundChange, by: String) -> Result<bool, StoreError> {
        let alone = move |_: &[PrefundEntry]| Ok::<_, Infallible>(vec![change.clone()]);
        let made = self.prefund_change_by(alone, by).await?;
        Ok(made.is_ok_and(|made| made.iter().any(|(_, is_new)| *is_new)))
    }

    /// Records the changes that `decide` draws from what is recorded, all of them or none: nobody records anything of a
    /// prefund in between. It may be asked more than once. What is there already stays; gives the changes, each with whether it
    /// was new.
    ///
    /// # Errors
    /// When the store fails. Inside: what `decide` refuses; nothing was changed then.
    pub async fn prefund_change_by<R: Send + 'static>(
        &self,
        mut decide: impl FnMut(&[PrefundEntry]) -> Result<Vec<PrefundChange>, R> + Send + 'static,
        by: String,
    ) -> Result<Result<Vec<(PrefundChange, bool)>, R>, StoreError> {
        let telling = self.telling.clone();
        self.engine
            .change(move |sql| {
                let changes = match decide(&entries(sql)?) {
                    Ok(changes) => changes,
                    Err(refused) => return Ok(Err(refused)),
                };
                let teller = telling.as_deref().map(|telling| telling.within(sql));
                let record = |change: PrefundChange| {
                    let is_new = insert(sql, &change, &by)?;
                    if let Some(teller) = teller.as_ref().filter(|_| is_new) {
                        // Nobody can have said anything to it yet.
                        let payment = Payable::of(change.amount);
                        let entry = PrefundEntry { change: change.clone(), answer: None, payment, is_overtaken: false };
                        teller.tell_prefund(&change, (1, entry.recorded().standing(None, Date::MIN)))?;
                    }
                    Ok((change, is_new))
                };
                changes.into_iter().map(record).collect::<Result<Vec<_>, StoreError>>().map(Ok)
            })
            .await
    }

    /// What every prefund of which something was ever changed holds: what both sides have recorded.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn prefund_balances(&self) -> Result<BTreeMap<PrefundKey, Money>, StoreError> {
        let mut balances: BTreeMap<PrefundKey, Money> = BTreeMap::new();
        for entry in self.prefund_entries().await? {
            let held = if entry.recorded().is_held() { entry.change.amount } else { Money::ZERO };
            *balances.entry(entry.change.key).or_default() += held;
        }
        Ok(balances)
    }

    /// Every change with what became of it, in the order of the prefunds and of their making.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn prefund_entries(&self) -> Result<Vec<PrefundEntry>, StoreError> {
        self.engine.read(entries).await
    }

    /// Every change, in the order of the prefunds and of their making.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn prefund_changes(&self) -> Result<Vec<PrefundChange>, StoreError> {
        self.engine.read(changes).await
    }
}

fn changes(sql: &Sql<'_>) -> Result<Vec<PrefundChange>, StoreError> {
    const CHANGES: &str = "SELECT home, treatment, insurance, id, kind, amount, held, reason, asked_by, done_at,
            october, october_source, november, november_source, december, december_source
        FROM prefund_changes
        ORDER BY home, treatment, insurance, done_at, id";
    sql.query(CHANGES, values![], read)
}

/// There are a few of each prefund a year, so all are read.
fn entries(sql: &Sql<'_>) -> Result<Vec<PrefundEntry>, StoreError> {
    let (changes, mut answers) = (changes(sql)?, answers::read(sql)?);
    let mut payments = payments::read(sql, &changes)?;
    let resets: Vec<(PrefundKey, Timestamp)> = changes
        .iter()
        .filter(|change| change.kind == PrefundKind::Reset)
        .map(|change| (change.key, change.at))
        .collect();
    let entry = |change: PrefundChange| {
        let place = (change.key, change.id.clone());
        let is_overtaken = resets.iter().any(|(key, at)| *key == change.key && *at > change.at);
        let (answer, payment) = (answers.remove(&place), payments.remove(&place).unwrap_or_default());
        PrefundEntry { change, answer, payment, is_overtaken }
    };
    Ok(changes.into_iter().map(entry).collect())
}

/// Tells both members how far a change is, after an answer or a payment was recorded of it.
fn tell(sql: &Sql<'_>, telling: Option<&Telling>, key: &PrefundKey, id: &str) -> Result<(), StoreError> {
    const SAID: &str = "SELECT
        (SELECT COUNT(*) FROM prefund_answers WHERE home = ?1 AND treatment = ?2 AND insurance = ?3 AND id = ?4)
        + (SELECT COUNT(*) FROM prefund_payments WHERE home = ?1 AND treatment = ?2 AND insurance = ?3 AND id = ?4)
        + (SELECT COUNT(*) FROM prefund_payment_acceptances
            WHERE home = ?1 AND treatment = ?2 AND insurance = ?3 AND id = ?4)";
    let (Some(telling), Some(entry)) = (telling, find(sql, key, id)?) else { return Ok(()) };
    let values = values![key.pair.home.0.as_str(), key.pair.treatment.0.as_str(), key.insurance.word(), id];
    let said = sql.find(SAID, values, |row| row.number(0))?.unwrap_or_default();
    telling
        .within(sql)
        .tell_prefund(&entry.change, (1 + said.unsigned_abs(), entry.recorded().standing(None, Date::MIN)))
}

fn find(sql: &Sql<'_>, key: &PrefundKey, id: &str) -> Result<Option<PrefundEntry>, StoreError> {
    Ok(entries(sql)?.into_iter().find(|entry| entry.change.key == *key && entry.change.id == id))
}

fn insert(sql: &Sql<'_>, change: &PrefundChange, by: &str) -> Result<bool, StoreError> {
    const CHANGE: &str = "INSERT INTO prefund_changes
            (home, treatment, insurance, id, kind, amount, held, reason, asked_by, done_by, done_at,
                october, october_source, november, november_source, december, december_source)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17) ON CONFLICT DO NOTHING";
    let PrefundChange { key: PrefundKey { pair, insurance }, id, kind, amount, basis, held, reason, asked_by, at } =
        change;
    let (home, treatment) = (pair.home.0.as_str(), pair.treatment.0.as_str());
    let [october, november, december] = basis.months;
    let values = values![
        home,
        treatment,
        insurance.word(),
        id,
        kind.word(),
        amount.fen(),
        held.fen(),
        reason,
        asked_by.map(Side::word),
        by,
        at.as_microsecond(),
        october.amount.fen(),
        october.source.word(),
        november.amount.fen(),
        november.source.word(),
        december.amount.fen(),
        december.source.word()
    ];
    Ok(sql.execute(CHANGE, values)? == 1)
}

fn read(row: Row<'_>) -> Result<PrefundChange, StoreError> {
    let malformed = |column: &str, text: &str| StoreError::Column { column: column.into(), problem: text.to_owned() };
    let kind = row.text(4)?;
    let settled = |column: usize| {
        let word = row.text(column + 1)?;
        let source = Source::from_word(word).ok_or_else(|| malformed("source of a month", word))?;
        Ok::<_, StoreError>(Settled { amount: Money::from_fen(row.number(column)?), source })
    };
    let asked_by = match row.optional_text(8)? {
        None => None,
        Some(word) => Some(Side::from_word(word).ok_or_else(|| malformed("asked_by", word))?),
    };
    Ok(PrefundChange {
        key: read_key(row)?,
        id: row.text(3)?.to_owned(),
        kind: PrefundKind::from_word(kind).ok_or_else(|| malformed("kind", kind))?,
        amount: Money::from_fen(row.number(5)?),
        basis: Quarter { months: [settled(10)?, settled(12)?, settled(14)?] },
        held: Money::from_fen(row.number(6)?),
        reason: row.text(7)?.to_owned(),
        asked_by,
        at: instant("prefund_changes", row.text(3)?, row.number(9)?)?,
    })
}

fn read_key(row: Row<'_>) -> Result<PrefundKey, StoreError> {
    Ok(PrefundKey { pair: read_pair(row, 0)?, insurance: read_insurance(row, 2)? })
}
