//! The hospital's settlements, as the home regions accepted them, and what was undone since. Where one stands is the
//! last thing that happened to it.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, params};
use settlement::ids::{EncounterId, SettlementId};
use settlement::lifecycle::Standing;
use settlement::money::Money;

use super::{ChargeRange, Session, stored};
use crate::store::StoreError;

const TABLE: &str = "settlements";

/// A settlement that was accepted.
#[derive(Clone, Debug)]
pub struct NewSettlement {
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
    /// `insutype`.
    pub insurance: String,
    /// `clr_type`.
    pub clearing_class: String,
    /// `clr_optins`.
    pub agency: String,
    /// `setl_time`.
    pub settled_at: Timestamp,
    /// `medfee_sumamt`.
    pub total: Money,
    /// `fund_pay_sumamt`.
    pub funds: Money,
    /// `acct_pay`.
    pub account: Money,
    /// `psn_cash_pay`.
    pub cash: Money,
    /// `hosp_part_amt`.
    pub hospital: Money,
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
    pub settlement: NewSettlement,
    /// Where it stands.
    pub standing: Standing,
}

const SELECT: &str = "SELECT id, settlements.message, institution, person, encounter, batch, interim, insurance,
    clearing_class, agency, settled_at, total, funds, account, cash, hospital, kind, counter
    FROM settlements LEFT JOIN settlement_events ON settlement_events.number =
        (SELECT MAX(number) FROM settlement_events AS events WHERE events.settlement = settlements.id)";

impl Session<'_> {
    /// Keeps the ranges of lines that a settlement covers, before it is sent.
    ///
    /// # Errors
    /// When a statement fails.
    pub fn settlement_cover(&self, id: &SettlementId, ranges: &[ChargeRange]) -> Result<(), StoreError> {
        let mut statement = self.connection.prepare_cached("INSERT INTO settled_ranges VALUES (?1, ?2, ?3)")?;
        for range in ranges {
            statement.execute(params![id.as_str(), range.after, range.upto])?;
        }
        Ok(())
    }

    /// The ranges of lines that a settlement covers, in order.
    ///
    /// # Errors
    /// When the statement fails.
    pub fn settlement_ranges(&self, id: &str) -> Result<Vec<ChargeRange>, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT after, upto FROM settled_ranges WHERE settlement = ?1 ORDER BY after")?;
        let rows = statement.query_map([id], |row| Ok(ChargeRange { after: row.get(0)?, upto: row.get(1)? }))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Keeps an accepted settlement. Keeping it again changes nothing.
    ///
    /// # Errors
    /// When the statement fails.
    pub fn settlement_insert(&self, settlement: &NewSettlement) -> Result<(), StoreError> {
        self.connection
            .prepare_cached(
                "INSERT INTO settlements VALUES
                 (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16) ON CONFLICT DO NOTHING",
            )?
            .execute(params![
                settlement.id.as_str(),
                settlement.message,
                settlement.institution,
                settlement.person,
                settlement.encounter,
                settlement.batch,
                settlement.interim,
                settlement.insurance,
                settlement.clearing_class,
                settlement.agency,
                settlement.settled_at.as_microsecond(),
                settlement.total.fen(),
                settlement.funds.fen(),
                settlement.account.fen(),
                settlement.cash.fen(),
                settlement.hospital.fen(),
            ])?;
        Ok(())
    }

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
        self.connection
            .prepare_cached(
                "INSERT INTO settlement_events (settlement, kind, counter, message, at) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![id.as_str(), kind, counter, message, at.as_microsecond()])?;
        Ok(())
    }

    /// A settlement by its id.
    ///
    /// # Errors
    /// When the statement fails, or the row does not read back.
    pub fn settlement_find(&self, id: &str) -> Result<Option<StoredSettlement>, StoreError> {
        let mut statement = self.connection.prepare_cached(&format!("{SELECT} WHERE id = ?1"))?;
        statement.query_row([id], |row| Ok(read(row))).optional()?.transpose()
    }

    /// Every settlement of a visit, in the order of their ids.
    ///
    /// # Errors
    /// When the statement fails, or a row does not read back.
    pub fn settlement_list(&self, encounter: &EncounterId) -> Result<Vec<StoredSettlement>, StoreError> {
        let mut statement = self.connection.prepare_cached(&format!("{SELECT} WHERE encounter = ?1 ORDER BY id"))?;
        let rows = statement.query_map([encounter.as_str()], |row| Ok(read(row)))?;
        rows.map(|row| row?).collect()
    }

    /// The settlement that a counter-entry took back, even where it is in force again.
    ///
    /// # Errors
    /// When the statement fails.
    pub fn settlement_of_counter(&self, counter: &str) -> Result<Option<String>, StoreError> {
        let mut statement =
            self.connection.prepare_cached("SELECT settlement FROM settlement_events WHERE counter = ?1")?;
        Ok(statement.query_row([counter], |row| row.get(0)).optional()?)
    }
}

fn read(row: &Row<'_>) -> Result<StoredSettlement, StoreError> {
    let id: String = row.get(0)?;
    let kind: Option<String> = row.get(16)?;
    let counter: Option<String> = row.get(17)?;
    let standing = match kind.as_deref() {
        None | Some("reinstated") => Standing::InForce,
        Some("reversed") => Standing::Reversed,
        Some("cancelled") => {
            Standing::Cancelled { counter: stored::id(TABLE, &counter.unwrap_or_default(), SettlementId::new)? }
        }
        Some(other) => return Err(stored::corrupt(TABLE, id, other)),
    };
    let settlement = NewSettlement {
        id: stored::id(TABLE, &id, SettlementId::new)?,
        message: row.get(1)?,
        institution: row.get(2)?,
        person: row.get(3)?,
        encounter: row.get(4)?,
        batch: row.get(5)?,
        interim: row.get(6)?,
        insurance: row.get(7)?,
        clearing_class: row.get(8)?,
        agency: row.get(9)?,
        settled_at: stored::instant(TABLE, row.get(10)?)?,
        total: Money::from_fen(row.get(11)?),
        funds: Money::from_fen(row.get(12)?),
        account: Money::from_fen(row.get(13)?),
        cash: Money::from_fen(row.get(14)?),
        hospital: Money::from_fen(row.get(15)?),
    };
    Ok(StoredSettlement { settlement, standing })
}
