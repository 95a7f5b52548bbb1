//! An operation's way through the hub: received before anything leaves, then answered or released. A key that is never
//! to take effect has a tombstone. Called by the hub's money path and by its job that clears up what is in doubt.

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};
use settlement::filing::{self, Filing};
use settlement::ids::{EncounterId, PoolCode};
use settlement::operation::{Operation, OperationKey, Request, Reverse};
use settlement::region::RegionTable;

use super::answers::Answer;
use super::{HubStore, Position, corrupt, filings, instant};
use crate::store::StoreError;

/// An operation that has arrived, to be written down.
#[derive(Clone)]
pub struct Receipt {
    /// What the bytes say.
    pub operation: Arc<Operation>,
    /// The bytes, as their sender wrote them.
    pub bytes: Bytes,
    /// When they came.
    pub received_at: Timestamp,
    /// The table that decides which filing covers the visit.
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
    /// For a settle: the filing that covers the visit.
    pub filing: Option<Filing>,
    /// For a reverse: what it is aimed at.
    pub target: Option<Target>,
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
    /// Writes an operation down, unless its key is known or voided. In the same step the filing that covers the visit
    /// is fetched, and a reversal aimed at nothing lays its tombstone.
    ///
    /// # Errors
    /// When the store fails. Whether the operation is written is then unknown, but it has not left.
    pub async fn operation_receive(&self, receipt: Receipt) -> Result<Received, StoreError> {
        let (key, target) = (receipt.operation.key.to_text(), receipt.operation.key.as_target().to_text());
        self.writer
            .write(move |tx| {
                let last = last_attempt(tx, &key)?;
                let attempt = match last {
                    Some(LastAttempt { released: false, attempt: _, earlier }) => {
                        return Ok(Received::Earlier(earlier));
                    }
                    Some(LastAttempt { released: true, attempt, earlier: _ }) => attempt + 1,
                    None => 1,
                };
                if is_voided(tx, &key, &target)? {
                    return Ok(Received::Voided);
                }
                receive(tx, &receipt, Names { key: &key, target: &target, attempt })
            })
            .await
    }

    /// Frees the key of an operation that is known never to have left the hub. An answered one is left as it is.
    ///
    /// # Errors
    /// When the store fails; the operation then stays in doubt until it is cleared up.
    pub async fn operation_release(&self, position: Position, released_at: Timestamp) -> Result<(), StoreError> {
        self.writer
            .write(move |tx| {
                if stop_waiting(tx, position)? {
                    tx.prepare_cached("INSERT INTO releases (position, released_at) VALUES (?1, ?2)")?
                        .execute(params![position.0, released_at.as_microsecond()])?;
                }
                Ok(())
            })
            .await
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
        let (key, target) = (key.to_text(), key.as_target().to_text());
        self.writer
            .write(move |tx| {
                if let Some(LastAttempt { released: false, attempt: _, earlier }) = last_attempt(tx, &key)? {
                    return Ok(Resolution::Known(earlier));
                }
                if !is_voided(tx, &key, &target)? {
                    lay_tombstone(tx, &key, "key", laid_at)?;
                }
                Ok(Resolution::Voided)
            })
            .await
    }

    /// The operations of a region after a position that have no answer, oldest first: those that are in doubt, and
    /// those that are just being asked about.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn operation_unanswered(
        &self,
        home: PoolCode,
        after: Position,
        limit: u32,
    ) -> Result<Vec<Waiting>, StoreError> {
        self.readers
            .read(move |connection| {
                connection
                    .prepare_cached(
                        "SELECT operations.position, operations.bytes, operations.received_at
                         FROM waiting JOIN operations ON operations.position = waiting.position
                         WHERE waiting.home = ?1 AND waiting.position > ?2 ORDER BY waiting.position LIMIT ?3",
                    )?
                    .query_and_then(params![home.0.as_str(), after.0, limit], read_waiting)?
                    .collect()
            })
            .await
    }

    /// The place of the newest operation; 0 before the first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn operation_newest(&self) -> Result<Position, StoreError> {
        self.readers
            .read(|connection| {
                let newest: Option<i64> = connection
                    .prepare_cached("SELECT MAX(position) FROM operations")?
                    .query_row([], |row| row.get(0))?;
                Ok(Position(newest.unwrap_or(0)))
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
        self.writer.write(move |tx| aim(tx, &reverse, laid_at)).await
    }
}

struct Names<'a> {
    key: &'a str,
    target: &'a str,
    attempt: i64,
}

fn receive(tx: &Transaction<'_>, receipt: &Receipt, names: Names<'_>) -> Result<Received, StoreError> {
    let operation = &*receipt.operation;
    let target = match &operation.request {
        Request::Reverse(reverse) => Some(aim(tx, reverse, receipt.received_at)?),
        Request::Settle(_) | Request::Cancel(_) => None,
    };
    if target == Some(Target::Elsewhere) {
        return Ok(Received::Misdirected);
    }
    let filing = covering_filing(tx, operation, &receipt.regions)?;
    let position = insert(tx, receipt, names, filing.as_ref())?;
    wait(tx, position, operation.home())?;
    Ok(Received::Fresh(Fresh { position, filing, target }))
}

fn insert(
    tx: &Transaction<'_>,
    receipt: &Receipt,
    names: Names<'_>,
    filing: Option<&Filing>,
) -> Result<Position, StoreError> {
    let operation = &*receipt.operation;
    tx.prepare_cached(
        "INSERT INTO operations
         (home, key, attempt, target, kind, institution, person, encounter, filing, bytes, received_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?
    .execute(params![
        operation.home().0.as_str(),
        names.key,
        names.attempt,
        names.target,
        Kind::of(operation).word(),
        operation.key.institution.as_str(),
        operation.key.person.as_str(),
        operation.key.encounter.as_ref().map(EncounterId::as_str),
        filing.map(|filing| filing.id.as_str()),
        &receipt.bytes[..],
        receipt.received_at.as_microsecond(),
    ])?;
    Ok(Position(tx.last_insert_rowid()))
}

fn covering_filing(
    tx: &Transaction<'_>,
    operation: &Operation,
    regions: &RegionTable,
) -> Result<Option<Filing>, StoreError> {
    match &operation.request {
        Request::Settle(settle) => {
            let held = filings::of_person(tx, settle.home, &operation.key.person)?;
            let encounter = &settle.encounter;
            Ok(filing::covering(&held, regions, encounter.area, encounter.admitted).cloned())
        }
        Request::Cancel(_) | Request::Reverse(_) => Ok(None),
    }
}

fn aim(tx: &Transaction<'_>, reverse: &Reverse, laid_at: Timestamp) -> Result<Target, StoreError> {
    let target = reverse.target.to_text();
    let found = find(tx, &target, reverse.home)?;
    if found == Target::Unknown {
        lay_tombstone(tx, &target, "target", laid_at)?;
    }
    Ok(found)
}

struct LastAttempt {
    attempt: i64,
    released: bool,
    earlier: Earlier,
}

/// What there is of a key, unless it was released.
pub(super) fn earlier(connection: &Connection, key: &str) -> Result<Option<Earlier>, StoreError> {
    let last = last_attempt(connection, key)?;
    Ok(last.filter(|last| !last.released).map(|last| last.earlier))
}

fn last_attempt(tx: &Connection, key: &str) -> Result<Option<LastAttempt>, StoreError> {
    tx.prepare_cached(
        "SELECT operations.position, attempt, bytes, received_at, released_at, outcome, verdict, book_seq, answered_at
         FROM operations
         LEFT JOIN releases ON releases.position = operations.position
         LEFT JOIN answers ON answers.position = operations.position
         WHERE key = ?1 ORDER BY attempt DESC LIMIT 1",
    )?
    .query_row([key], |row| Ok(read_last_attempt(row)))
    .optional()?
    .transpose()
}

fn read_last_attempt(row: &Row<'_>) -> Result<LastAttempt, StoreError> {
    let position = Position(row.get(0)?);
    let earlier = Earlier {
        position,
        bytes: row.get::<_, Vec<u8>>(2)?.into(),
        received_at: instant("operation", position, row.get(3)?)?,
        answer: Answer::read_optional(row, position, 5)?,
    };
    Ok(LastAttempt { attempt: row.get(1)?, released: row.get::<_, Option<i64>>(4)?.is_some(), earlier })
}

fn find(tx: &Transaction<'_>, target: &str, home: PoolCode) -> Result<Target, StoreError> {
    let mut statement = tx.prepare_cached(
        "SELECT operations.position, operations.bytes, operations.received_at, waiting.position IS NOT NULL,
         operations.home
         FROM operations
         LEFT JOIN releases ON releases.position = operations.position
         LEFT JOIN waiting ON waiting.position = operations.position
         WHERE target = ?1 AND releases.position IS NULL ORDER BY operations.position",
    )?;
    let mut rows = statement.query([target])?;
    let (mut known, mut at_home, mut unanswered) = (false, false, Vec::new());
    while let Some(row) = rows.next()? {
        known = true;
        at_home |= row.get_ref(4)?.as_str().is_ok_and(|code| code == home.0.as_str());
        if row.get(3)? {
            unanswered.push(read_waiting(row)?);
        }
    }
    Ok(match (known, at_home) {
        (true, true) => Target::Known { unanswered },
        (true, false) => Target::Elsewhere,
        (false, _) => Target::Unknown,
    })
}

fn read_waiting(row: &Row<'_>) -> Result<Waiting, StoreError> {
    let position = Position(row.get(0)?);
    let bytes = row.get::<_, Vec<u8>>(1)?.into();
    Ok(Waiting { position, bytes, received_at: instant("operation", position, row.get(2)?)? })
}

fn is_voided(tx: &Transaction<'_>, key: &str, target: &str) -> Result<bool, StoreError> {
    Ok(tx.prepare_cached("SELECT 1 FROM tombstones WHERE mark IN (?1, ?2)")?.exists([key, target])?)
}

fn lay_tombstone(tx: &Transaction<'_>, mark: &str, kind: &str, laid_at: Timestamp) -> Result<(), StoreError> {
    tx.prepare_cached("INSERT INTO tombstones (mark, kind, laid_at) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING")?
        .execute(params![mark, kind, laid_at.as_microsecond()])?;
    Ok(())
}

/// Puts an operation on the worklist.
pub(super) fn wait(tx: &Transaction<'_>, position: Position, home: PoolCode) -> Result<(), StoreError> {
    tx.prepare_cached("INSERT INTO waiting (position, home) VALUES (?1, ?2)")?
        .execute(params![position.0, home.0.as_str()])?;
    Ok(())
}

/// Takes an operation off the worklist; tells whether it was on it.
pub(super) fn stop_waiting(tx: &Transaction<'_>, position: Position) -> Result<bool, StoreError> {
    Ok(tx.prepare_cached("DELETE FROM waiting WHERE position = ?1")?.execute([position.0])? == 1)
}

/// Reads the kind of an operation back.
pub(super) fn read_kind(position: Position, word: &str) -> Result<Kind, StoreError> {
    Kind::from_word(word).ok_or_else(|| corrupt("operation", position, "its kind is not one of ours"))
}
