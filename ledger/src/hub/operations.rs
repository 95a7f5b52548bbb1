//! An operation's way through the hub: received before anything leaves, then answered or released. A key that is never
//! to take effect has a tombstone. Called by the hub's money path and by its job that clears up what is in doubt.

use std::cell::Cell;
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use settlement::filing::{self, Filing};
use settlement::ids::PoolCode;
use settlement::operation::{Operation, OperationKey, Request, Reverse};
use settlement::region::RegionTable;

use super::answers::{Answer, RELEASED};
use super::{HubStore, Position, corrupt, filings, instant};
use crate::engine::{Row, Sql, Work};
use crate::store::StoreError;
use crate::values;

const BETWEEN_IDS: &str = "\u{1f}";

/// An operation that has arrived, to be written down.
#[derive(Clone)]
pub struct Receipt {
    /// What the bytes say.
    pub operation: Arc<Operation>,
    /// The bytes, as their sender wrote them.
    pub bytes: Bytes,
    /// When they came.
    pub received_at: Timestamp,
    /// The table that decides which filings cover the visit.
    pub regions: Arc<RegionTable>,
}

/// What an operation's arrival turned out to be.
#[derive(Clone, Debug)]
pub enum Received {
    /// A new one, now written down: it may leave.
    Fresh(Fresh),
    /// The key came before; nothing was written. Whether the content is the same is the caller's to say.
    Earlier(Earlier),
    /// The key may never take effect; nothing was written.
    Voided,
    /// It reverses what went to another region than its own; nothing was written.
    Misdirected,
}

/// A new operation.
#[derive(Clone, Debug)]
pub struct Fresh {
    /// Its place in the book.
    pub position: Position,
    /// For a settle: the filings that cover the visit, the first choice first.
    pub filings: Vec<Filing>,
    /// For a reverse: what it is aimed at.
    pub target: Option<Target>,
    /// Whether the key came before and was released. It never took effect, but its home may know it: whoever reverses
    /// an operation has its home asked about it, and thereby voided, also while it waits to be sent.
    pub released_before: bool,
}

/// What a reversal is aimed at, as the hub knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Nothing that ever left the hub. A tombstone lies now, so that it never will.
    Unknown,
    /// Operations that left, of which these have no answer yet.
    Known {
        /// Oldest first.
        unanswered: Vec<Waiting>,
    },
    /// Operations that left, none of them for the reversal's region. That region knows nothing of them, and would take
    /// them for undone.
    Elsewhere,
}

/// The operation that a key stands for already.
#[derive(Clone, Debug)]
pub struct Earlier {
    /// Its place in the book.
    pub position: Position,
    /// Its bytes.
    pub bytes: Bytes,
    /// When it came.
    pub received_at: Timestamp,
    /// Its answer; none while it is in doubt.
    pub answer: Option<Answer>,
}

/// An operation that has no answer yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Its place in the book.
    pub position: Position,
    /// Its bytes.
    pub bytes: Bytes,
    /// When it came.
    pub received_at: Timestamp,
}

/// What became of a key that somebody asks about.
#[derive(Clone, Debug)]
pub enum Resolution {
    /// The hub has it.
    Known(Earlier),
    /// It never left the hub, and never will: a tombstone lies, laid now or before.
    Voided,
}

/// What an operation asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// 结算.
    Settle,
    /// 结算撤销.
    Cancel,
    /// 冲正.
    Reverse,
}

impl Kind {
    /// The kind of an operation.
    pub fn of(operation: &Operation) -> Kind {
        match &operation.request {
            Request::Settle(_) => Kind::Settle,
            Request::Cancel(_) => Kind::Cancel,
            Request::Reverse(_) => Kind::Reverse,
        }
    }

    /// The word in the book.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Settle => "settle",
            Kind::Cancel => "cancel",
            Kind::Reverse => "reverse",
        }
    }

    pub(super) fn from_word(word: &str) -> Option<Kind> {
        [Kind::Settle, Kind::Cancel, Kind::Reverse].into_iter().find(|kind| kind.word() == word)
    }
}

impl HubStore {
    /// Writes an operation down, unless its key is known or voided. In the same step the filings that cover the visit
    /// are fetched, and a reversal aimed at nothing lays its tombstone.
    ///
    /// # Errors
    /// When the store fails. Whether the operation is written is then unknown, but it has not left.
    pub async fn operation_receive(&self, receipt: Receipt) -> Result<Received, StoreError> {
        self.engine.carry_out(Arriving::new(receipt)).await
    }

    /// What became of a key. One that the hub never sent on is voided in the same step.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn operation_resolve_unknown(
        &self,
        key: &OperationKey,
        laid_at: Timestamp,
    ) -> Result<Resolution, StoreError> {
        let mark = Mark::of(key);
        self.engine
            .write(move |sql| {
                if let Some(LastAttempt { released: false, attempt: _, earlier }) = last_attempt(sql, &mark.key)? {
                    return Ok(Resolution::Known(earlier));
                }
                if !is_voided(sql, &mark)? {
                    lay_tombstone(sql, &mark.key, "key", laid_at)?;
                }
                Ok(Resolution::Voided)
            })
            .await
    }

    /// What a waiting reversal is aimed at by now. What it was aimed at may have been released since, so it lays its
    /// tombstone in the same step where nothing is left.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn operation_aim_again(&self, reverse: &Reverse, laid_at: Timestamp) -> Result<Target, StoreError> {
        let reverse = reverse.clone();
        self.engine.write(move |sql| aim(sql, &reverse, laid_at)).await
    }
}

/// A key as text, and how much of it is what a reversal names.
pub(super) struct Mark {
    pub(super) key: String,
    target_length: usize,
}

impl Mark {
    fn of(key: &OperationKey) -> Mark {
        let parts = [key.institution.as_str(), key.message.as_str(), key.transaction.as_str(), key.person.as_str()];
        // The parts have one separator between each two.
        let target_length = parts.iter().map(|part| part.len()).sum::<usize>() + parts.len() - 1;
        Mark { key: key.to_text(), target_length }
    }

    pub(super) fn target(&self) -> &str {
        &self.key[..self.target_length]
    }
}

/// An operation that arrives.
pub(super) struct Arriving {
    pub(super) receipt: Receipt,
    pub(super) mark: Mark,
    /// The place that it was given when what came of it was not told.
    pub(super) given: Cell<Option<Position>>,
}

impl Arriving {
    fn new(receipt: Receipt) -> Arriving {
        let mark = Mark::of(&receipt.operation.key);
        Arriving { receipt, mark, given: Cell::new(None) }
    }
}

impl Work for Arriving {
    type Done = Received;

    /// Most keys are new, so that is tried first: what may take effect is written, unless it is there.
    fn run(&mut self, sql: &Sql<'_>) -> Result<Received, StoreError> {
        if let Request::Reverse(reverse) = &self.receipt.operation.request {
            return self.receive_again(sql, Some(reverse));
        }
        if is_voided(sql, &self.mark)? {
            return self.receive_again(sql, None);
        }
        let filings = self.covering_filings(sql)?;
        match self.insert(sql, 1, &filings)? {
            Some(position) => Ok(Received::Fresh(Fresh { position, filings, target: None, released_before: false })),
            None => self.receive_again(sql, None),
        }
    }
}

impl Arriving {
    fn receive_again(&self, sql: &Sql<'_>, reverse: Option<&Reverse>) -> Result<Received, StoreError> {
        let attempt = match last_attempt(sql, &self.mark.key)? {
            // It was written down after all, by this very arrival.
            Some(LastAttempt { earlier: Earlier { position, answer: None, .. }, released: false, attempt })
                if self.given.get() == Some(position) =>
            {
                let filings = self.covering_filings(sql)?;
                return Ok(Received::Fresh(Fresh { position, filings, target: None, released_before: attempt > 1 }));
            }
            Some(LastAttempt { released: false, attempt: _, earlier }) => return Ok(Received::Earlier(earlier)),
            Some(LastAttempt { released: true, attempt, earlier: _ }) => attempt + 1,
            None => 1,
        };
        if is_voided(sql, &self.mark)? {
            return Ok(Received::Voided);
        }
        let target = reverse.map(|reverse| aim(sql, reverse, self.receipt.received_at)).transpose()?;
        if target == Some(Target::Elsewhere) {
            return Ok(Received::Misdirected);
        }
        let filings = self.covering_filings(sql)?;
        let taken = || corrupt("operation", attempt, "its attempt is taken, and its key is not");
        let position = self.insert(sql, attempt, &filings)?.ok_or_else(taken)?;
        Ok(Received::Fresh(Fresh { position, filings, target, released_before: attempt > 1 }))
    }

    /// Writes the operation down; none where its attempt is taken. Whether a tombstone lies is asked before, in the same
    /// transaction. One row of values: for what is selected, SQLite would keep a copy of every page that it touches.
    fn insert(&self, sql: &Sql<'_>, attempt: i64, filings: &[Filing]) -> Result<Option<Position>, StoreError> {
        let Receipt { operation, bytes, received_at, regions: _ } = &self.receipt;
        let position = sql.position()?;
        let written = sql.execute(
            "INSERT INTO operations (position, home, key, attempt, kind, filing, bytes, received_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING",
            values![
                position,
                operation.home().0.as_str(),
                &self.mark.key,
                attempt,
                Kind::of(operation).word(),
                ids_text(filings).as_deref(),
                bytes,
                received_at.as_microsecond(),
            ],
        )?;
        Ok((written == 1).then_some(Position(position)))
    }

    fn covering_filings(&self, sql: &Sql<'_>) -> Result<Vec<Filing>, StoreError> {
        let Receipt { operation, regions, .. } = &self.receipt;
        match &operation.request {
            Request::Settle(settle) => {
                let held = filings::of_person(sql, settle.home, &operation.key.person)?;
                let encounter = &settle.encounter;
                Ok(filing::covering(&held, regions, encounter.area, encounter.admitted).into_iter().cloned().collect())
            }
            Request::Cancel(_) | Request::Reverse(_) => Ok(Vec::new()),
        }
    }
}

/// Which filings went with an operation, as its column has it: their ids, between which stands what no id has.
fn ids_text(filings: &[Filing]) -> Option<String> {
    let ids: Vec<&str> = filings.iter().map(|filing| filing.id.as_str()).collect();
    (!ids.is_empty()).then(|| ids.join(BETWEEN_IDS))
}

/// The ids of the filings that went with an operation.
pub(super) fn read_ids(column: Option<&str>) -> Vec<String> {
    column.map(|ids| ids.split(BETWEEN_IDS).map(str::to_owned).collect()).unwrap_or_default()
}

fn aim(sql: &Sql<'_>, reverse: &Reverse, laid_at: Timestamp) -> Result<Target, StoreError> {
    let target = reverse.target.to_text();
    let found = find(sql, &target, reverse.home)?;
    if found == Target::Unknown {
        lay_tombstone(sql, &target, "target", laid_at)?;
    }
    Ok(found)
}

struct LastAttempt {
    attempt: i64,
    released: bool,
    earlier: Earlier,
}

/// What there is of a key, unless it was released.
pub(super) fn earlier(sql: &Sql<'_>, key: &str) -> Result<Option<Earlier>, StoreError> {
    let last = last_attempt(sql, key)?;
    Ok(last.filter(|last| !last.released).map(|last| last.earlier))
}

fn last_attempt(sql: &Sql<'_>, key: &str) -> Result<Option<LastAttempt>, StoreError> {
    sql.find(
        "SELECT operations.position, attempt, bytes, received_at, outcome, verdict, book_seq, answered_at
         FROM operations LEFT JOIN answers ON answers.position = operations.position
         WHERE key = ?1 ORDER BY attempt DESC LIMIT 1",
        values![key],
        read_last_attempt,
    )
}

fn read_last_attempt(row: Row<'_>) -> Result<LastAttempt, StoreError> {
    let position = Position(row.number(0)?);
    let earlier = Earlier {
        position,
        bytes: Bytes::copy_from_slice(row.bytes(2)?),
        received_at: instant("operation", position, row.number(3)?)?,
        answer: Answer::read_optional(row, position, 4)?,
    };
    Ok(LastAttempt { attempt: row.number(1)?, released: row.optional_text(5)? == Some(RELEASED), earlier })
}

/// Looks for what a reversal names: the keys that begin with it.
fn find(sql: &Sql<'_>, target: &str, home: PoolCode) -> Result<Target, StoreError> {
    let (from, to) = (format!("{target}\u{1f}"), format!("{target}\u{20}"));
    let found = sql.query(
        "SELECT operations.position, operations.bytes, operations.received_at, answers.position IS NOT NULL,
         operations.home
         FROM operations LEFT JOIN answers ON answers.position = operations.position
         WHERE key >= ?1 AND key < ?2 AND (answers.verdict IS NULL OR answers.verdict <> 'released')
         ORDER BY operations.received_at, operations.position",
        values![&from, &to],
        |row| Ok((read_waiting(row)?, row.flag(3)?, row.text(4)? == home.0.as_str())),
    )?;
    Ok(match (found.is_empty(), found.iter().any(|(_, _, at_home)| *at_home)) {
        (true, _) => Target::Unknown,
        (false, false) => Target::Elsewhere,
        (false, true) => Target::Known {
            unanswered: found.into_iter().filter(|(_, answered, _)| !answered).map(|(waiting, ..)| waiting).collect(),
        },
    })
}

/// Reads the columns position, bytes, received_at.
pub(super) fn read_waiting(row: Row<'_>) -> Result<Waiting, StoreError> {
    let position = Position(row.number(0)?);
    let bytes = Bytes::copy_from_slice(row.bytes(1)?);
    Ok(Waiting { position, bytes, received_at: instant("operation", position, row.number(2)?)? })
}

fn is_voided(sql: &Sql<'_>, mark: &Mark) -> Result<bool, StoreError> {
    // Not `mark IN (?1, ?2)`, for which SQLite makes a table each time.
    sql.exists(
        "SELECT 1 FROM tombstones WHERE mark = ?1 UNION ALL SELECT 1 FROM tombstones WHERE mark = ?2",
        values![&mark.key, mark.target()],
    )
}

fn lay_tombstone(sql: &Sql<'_>, mark: &str, kind: &'static str, laid_at: Timestamp) -> Result<(), StoreError> {
    sql.execute(
        "INSERT INTO tombstones (mark, kind, laid_at) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
        values![mark, kind, laid_at.as_microsecond()],
    )?;
    Ok(())
}

/// Reads the kind of an operation back.
pub(super) fn read_kind(position: Position, word: &str) -> Result<Kind, StoreError> {
    Kind::from_word(word).ok_or_else(|| corrupt("operation", position, "its kind is not one of ours"))
}
