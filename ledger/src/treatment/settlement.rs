//! The hospital's settlements, as the home regions accepted them, and what was undone since. A settlement is an operation
//! with an accepting answer; where it stands is the last thing that happened to it. Answers may arrive in another order
//! than the home region gave them, and a reversal is final there: so it is here, whatever arrives after it.

use jiff::Timestamp;
use settlement::ids::{EncounterId, SettlementId};
use settlement::lifecycle::Standing;

use super::answer::{self, SettledSums};
use super::operation::{self, StoredOperation, operations};
use super::{ChargeRange, Session, TreatmentStore, message, stored};
use crate::engine::Row;
use crate::store::StoreError;
use crate::values;

const TABLE: &str = "settlement_events";

/// A settlement that was accepted.
#[derive(Clone, Debug)]
pub struct Settlement {
    /// `setl_id`.
    pub id: SettlementId,
    /// The message that settled it.
    pub message: i64,
    /// Where.
    pub institution: String,
    /// For whom.
    pub person: String,
    /// Of which visit.
    pub encounter: String,
    /// Of which batch; empty for stays.
    pub batch: String,
    /// 中途结算.
    pub interim: bool,
    /// The lines that it covers.
    pub covers: Vec<ChargeRange>,
    /// What it comes to.
    pub sums: SettledSums,
}

/// What happened to a settlement after it was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettlementChange {
    /// A counter-entry of this id took it back.
    Cancelled(SettlementId),
    /// Its message was reversed.
    Reversed,
    /// Its cancellation was reversed.
    Reinstated,
}

/// A settlement as it stands now.
#[derive(Clone, Debug)]
pub struct StoredSettlement {
    /// The settlement.
    pub settlement: Settlement,
    /// Where it stands.
    pub standing: Standing,
}

/// What a visit has on its way and settled.
#[derive(Clone, Debug, Default)]
pub struct VisitOperations {
    /// Operations that may have been taken, have no answer and were not reversed, oldest first.
    pub pending: Vec<StoredOperation>,
    /// Every settlement that was accepted, in the order of their ids.
    pub settlements: Vec<StoredSettlement>,
}

macro_rules! settlements {
    ($condition:literal) => {
        operations!(concat!(
            ", insurance, clearing_class, agency, settled_at, total, funds, account, cash, hospital,
             events.kind AS event, counter,
             EXISTS (SELECT 1 FROM reversals WHERE reversals.message = messages.number) AS reversed,
             COALESCE((SELECT taken FROM sendings WHERE sendings.message = messages.number
                       ORDER BY sendings.number DESC LIMIT 1), 1) AS taken
             FROM messages LEFT JOIN answers ON answers.message = messages.number
             LEFT JOIN settlement_events AS events ON events.number =
                 (SELECT own.number FROM settlement_events AS own WHERE own.settlement = messages.settlement
                  ORDER BY own.kind = 'reversed' DESC, own.number DESC LIMIT 1)
             WHERE ",
            $condition
        ))
    };
}

/// Where the columns of a settlement's sums begin, behind those of an operation.
const SUMS: usize = 16;
const BOOK_SEQ: usize = SUMS - 2;
const SETTLED_AT: usize = SUMS + 3;
const EVENT: usize = SUMS + 9;
const REVERSED: usize = EVENT + 2;
const TAKEN: usize = REVERSED + 1;

const FIND: &str = settlements!("messages.settlement = ?1 AND settled_at IS NOT NULL");
const ALL: &str = settlements!("settled_at IS NOT NULL ORDER BY messages.number");
const OF_VISIT: &str = settlements!("messages.encounter = ?1 AND messages.kind IS NOT NULL ORDER BY messages.number");
const NOTE: &str = "INSERT INTO settlement_events (settlement, kind, counter, message, at) VALUES (?1, ?2, ?3, ?4, ?5)";
const OF_COUNTER: &str = "SELECT settlement FROM settlement_events WHERE counter = ?1";

impl TreatmentStore {
    /// Every settlement that was accepted, to be compared with its answer and with the home region's book.
    ///
    /// # Errors
    /// When the statement fails, or a row does not read back.
    pub async fn settlement_list_all(&self) -> Result<Vec<StoredSettlement>, StoreError> {
        self.look(|session| session.sql.query(ALL, &[], read)).await
    }
}

impl Session<'_, '_> {
    /// Notes what happened to a settlement.
    ///
    /// # Errors
    /// When the statement fails.
    pub fn settlement_note(
        &self,
        id: &SettlementId,
        change: &SettlementChange,
        message: i64,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let (kind, counter) = match change {
            SettlementChange::Cancelled(counter) => ("cancelled", counter.as_str()),
            SettlementChange::Reversed => ("reversed", ""),
            SettlementChange::Reinstated => ("reinstated", ""),
        };
        self.sql.execute(NOTE, values![id.as_str(), kind, counter, message, at.as_microsecond()])?;
        Ok(())
    }

    /// A settlement by its id.
    ///
    /// # Errors
    /// When the statement fails, or the row does not read back.
    pub fn settlement_find(&self, id: &str) -> Result<Option<StoredSettlement>, StoreError> {
        self.sql.find(FIND, values![id], read)
    }

    /// Every settlement of a visit, in the order of their ids.
    ///
    /// # Errors
    /// When the statement fails, or a row does not read back.
    pub fn settlement_list(&self, encounter: &EncounterId) -> Result<Vec<StoredSettlement>, StoreError> {
        Ok(self.operation_list_of_visit(encounter)?.settlements)
    }

    /// Operations of a visit that may have been taken, have no answer and were not reversed, oldest first.
    ///
    /// # Errors
    /// When the statement fails, or a row does not read back.
    pub fn operation_list_pending(&self, encounter: &EncounterId) -> Result<Vec<StoredOperation>, StoreError> {
        Ok(self.operation_list_of_visit(encounter)?.pending)
    }

    /// What a visit has on its way and settled.
    ///
    /// # Errors
    /// When the statement fails, or a row does not read back.
    pub fn operation_list_of_visit(&self, encounter: &EncounterId) -> Result<VisitOperations, StoreError> {
        let mut found = VisitOperations::default();
        self.sql.query(OF_VISIT, values![encounter.as_str()], |row| {
            if row.optional_number(SETTLED_AT)?.is_some() {
                found.settlements.push(read(row)?);
            } else if row.optional_number(BOOK_SEQ)?.is_none() && !row.flag(REVERSED)? && row.flag(TAKEN)? {
                found.pending.push(operation::read(row)?);
            }
            Ok(())
        })?;
        found.settlements.sort_by(|one, other| one.settlement.id.cmp(&other.settlement.id));
        Ok(found)
    }

    /// The settlement that a counter-entry took back, even where it is in force again.
    ///
    /// # Errors
    /// When the statement fails.
    pub fn settlement_of_counter(&self, counter: &str) -> Result<Option<String>, StoreError> {
        self.sql.find(OF_COUNTER, values![counter], |row| row.text(0).map(ToOwned::to_owned))
    }
}

fn read(row: Row<'_>) -> Result<StoredSettlement, StoreError> {
    let key = row.text(1)?;
    let id = row.text(4)?;
    let standing = match row.optional_text(EVENT)? {
        None | Some("reinstated") => Standing::InForce,
        Some("reversed") => Standing::Reversed,
        Some("cancelled") => {
            Standing::Cancelled { counter: stored::id(TABLE, row.text(EVENT + 1)?, SettlementId::new)? }
        }
        Some(other) => return Err(stored::corrupt(TABLE, id, other)),
    };
    let settlement = Settlement {
        id: stored::id(TABLE, id, SettlementId::new)?,
        message: row.number(0)?,
        institution: message::part(key, 1).to_owned(),
        person: message::part(key, 3).to_owned(),
        encounter: row.text(2)?.to_owned(),
        batch: row.text(7)?.to_owned(),
        interim: row.flag(8)?,
        covers: operation::read_covers(row.text(11)?)?,
        sums: answer::read_sums(row, SUMS)?,
    };
    Ok(StoredSettlement { settlement, standing })
}
