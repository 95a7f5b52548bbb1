//! Answers to operations. The first one stays. A settlement that was accepted is the answer to its operation: its sums
//! stand in the same row.

use bytes::Bytes;
use jiff::Timestamp;
use settlement::money::Money;

use super::estimate::{self, StoredEstimate};
use super::{Session, stored};
use crate::engine::Row;
use crate::store::StoreError;
use crate::values;

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredAnswer {
    /// As the home region wrote it.
    pub outcome: Bytes,
    /// The home region's number of it.
    pub book_seq: u64,
    /// What the desk was warned of with it.
    pub warning: Option<String>,
}

/// What an accepted settlement comes to, beside what its operation says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettledSums {
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

/// What is known of an operation when an answer arrives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArrivedBefore {
    /// Whether its message was reversed.
    pub reversed: bool,
    /// The answer that arrived before.
    pub answer: Option<StoredAnswer>,
    /// The last estimate of its visit or batch.
    pub estimate: Option<StoredEstimate>,
}

const BEFORE: &str = "SELECT EXISTS (SELECT 1 FROM reversals WHERE reversals.message = messages.number), outcome,
    book_seq, answers.warning, self_paid, over_limit, first_self_pay, in_policy, estimates.cash
    FROM messages LEFT JOIN answers ON answers.message = messages.number
    LEFT JOIN estimates ON estimates.encounter = messages.encounter AND estimates.batch = messages.batch
    WHERE messages.number = ?1";
const INSERT: &str = "INSERT INTO answers VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)
    ON CONFLICT DO NOTHING";

impl Session<'_, '_> {
    /// What is known of the operation of a message when an answer to it arrives.
    ///
    /// # Errors
    /// When the statement fails, or there is no such message.
    pub fn answer_before(&self, message: i64) -> Result<ArrivedBefore, StoreError> {
        self.sql.get(BEFORE, values![message], |row| {
            Ok(ArrivedBefore { reversed: row.flag(0)?, answer: read(row, 1)?, estimate: estimate::read(row, 4)? })
        })
    }

    /// Keeps an answer, with the sums of the settlement where it accepts one. The first one stays.
    ///
    /// # Errors
    /// When the statement fails.
    pub fn answer_insert(
        &self,
        message: i64,
        answer: &StoredAnswer,
        settled: Option<&SettledSums>,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let text = |of: fn(&SettledSums) -> &String| settled.map(|settled| of(settled).as_str());
        let fen = |of: fn(&SettledSums) -> Money| settled.map(|settled| of(settled).fen());
        let values = values![
            message,
            &answer.outcome,
            answer.book_seq.cast_signed(),
            answer.warning.as_deref(),
            at.as_microsecond(),
            text(|settled| &settled.insurance),
            text(|settled| &settled.clearing_class),
            text(|settled| &settled.agency),
            settled.map(|settled| settled.settled_at.as_microsecond()),
            fen(|settled| settled.total),
            fen(|settled| settled.funds),
            fen(|settled| settled.account),
            fen(|settled| settled.cash),
            fen(|settled| settled.hospital),
        ];
        self.sql.execute(INSERT, values)?;
        Ok(())
    }
}

/// Reads an answer from three columns: outcome, place in the home's book, warning.
pub(super) fn read(row: Row<'_>, first: usize) -> Result<Option<StoredAnswer>, StoreError> {
    let Some(outcome) = row.optional_bytes(first)? else { return Ok(None) };
    Ok(Some(StoredAnswer {
        outcome: Bytes::copy_from_slice(outcome),
        book_seq: row.number(first + 1)?.cast_unsigned(),
        warning: row.optional_text(first + 2)?.map(ToOwned::to_owned),
    }))
}

/// Reads the sums of a settlement from nine columns, in the order of the table.
pub(super) fn read_sums(row: Row<'_>, first: usize) -> Result<SettledSums, StoreError> {
    let text = |place: usize| row.text(first + place).map(ToOwned::to_owned);
    let amount = |place: usize| row.number(first + place).map(Money::from_fen);
    Ok(SettledSums {
        insurance: text(0)?,
        clearing_class: text(1)?,
        agency: text(2)?,
        settled_at: stored::instant("answers", row.number(first + 3)?)?,
        total: amount(4)?,
        funds: amount(5)?,
        account: amount(6)?,
        cash: amount(7)?,
        hospital: amount(8)?,
    })
}
