//! Wire ↔ domain. Reading collects every fault of a message before it gives up; writing cannot fail.

mod bill;
pub mod cleared;
pub mod digests;
mod encounter;
mod estimate;
mod filing;
mod fold;
mod operation;
mod outcome;
pub mod prefunds;
mod shares;
mod used;
pub mod waits;

use std::fmt;

use jiff::civil::Date;
use prost::Message;
use settlement::adjudication::Payers;
use settlement::decide::{Decision, UsagePosting};
use settlement::filing::Filing;
use settlement::operation::{Operation, OperationKey};
use settlement::outcome::Outcome;
use settlement::refusal::Refusal;
use settlement::year_to_date::UsageSums;

use crate::v1;

pub use estimate::{read_alternatives, read_what_if, write_alternatives, write_what_if};
pub use fold::{read_leaf, read_lot};

/// A field that is missing or malformed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldFault {
    /// Where: names joined by dots, as in `settle.encounter.admitted`.
    pub field: String,
    /// What is wrong, to be read after the field: `is missing`.
    pub problem: String,
}

/// A message that cannot be read: every fault in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct WireError {
    /// The faults, in the order of the fields.
    pub faults: Vec<FieldFault>,
}

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.faults.iter().enumerate() {
            write!(f, "{}{} {}", if index == 0 { "" } else { "; " }, fault.field, fault.problem)?;
        }
        Ok(())
    }
}

impl WireError {
    /// Whether a bill's sums do not add up in it.
    pub fn sums_differ(&self) -> bool {
        self.faults.iter().any(|fault| fault.problem == outcome::SUMS_DIFFER)
    }
}

/// Reads an operation from the bytes of an envelope.
///
/// # Errors
/// Every field that is missing or malformed.
pub fn read_operation(bytes: &[u8]) -> Result<Operation, WireError> {
    read(bytes, operation::read)
}

/// Writes an operation as the bytes of an envelope.
pub fn write_operation(operation: &Operation) -> bytes::Bytes {
    operation::write(operation).encode_to_vec().into()
}

/// Reads what a home region decided.
///
/// # Errors
/// Every field that is missing or malformed.
pub fn read_outcome(bytes: &[u8]) -> Result<Outcome, WireError> {
    read(bytes, outcome::read)
}

/// Writes what a home region decided.
pub fn write_outcome(outcome: &Outcome) -> bytes::Bytes {
    outcome::write(outcome).encode_to_vec().into()
}

/// Writes a home region's decision: the outcome, and for a settlement what it uses up.
pub fn write_decision(decision: &Decision) -> bytes::Bytes {
    let mut written = outcome::write(&decision.outcome);
    if let (Some(v1::outcome::Result::Accepted(accepted)), Some(booked)) =
        (&mut written.result, &decision.effects.settlement)
    {
        accepted.used = Some(used::write(&booked.usage.usage));
    }
    written.encode_to_vec().into()
}

/// Reads what a settlement uses up; none where the outcome does not say.
///
/// # Errors
/// Every field that is missing or malformed.
pub fn read_used(outcome: &[u8]) -> Result<Option<UsagePosting>, WireError> {
    read(outcome, used::read)
}

/// Reads the sums alone of what is used up, as a correction posts them: they may be below zero.
///
/// # Errors
/// Every sum that is beyond any amount.
pub fn read_used_sums(used: &v1::Used) -> Result<UsageSums, WireError> {
    Reader::run(|reader| used::read_sums(reader, used))
}

/// Writes the sums alone of what is used up.
pub fn write_used_sums(sums: &UsageSums) -> v1::Used {
    used::write_sums(sums)
}

/// Writes who pays what of a bill.
pub fn write_shares(payers: &Payers) -> v1::Shares {
    shares::write(payers)
}

/// Reads who pays what of a bill. Whether it adds up is for whoever knows the bill.
pub fn read_shares(shares: &v1::Shares) -> Payers {
    shares::read(shares)
}

/// Reads the key of an operation.
///
/// # Errors
/// Every field that is missing or malformed.
pub fn read_key(key: &v1::OperationKey) -> Result<OperationKey, WireError> {
    Reader::run(|reader| operation::read_key(reader, Some(key)))
}

/// Writes the key of an operation.
pub fn write_key(key: &OperationKey) -> v1::OperationKey {
    operation::write_key(key)
}

/// Reads a refusal.
///
/// # Errors
/// When its code is not one of ours.
pub fn read_refused(refused: &v1::Refused) -> Result<Refusal, WireError> {
    Reader::run(|reader| outcome::read_refused(reader, refused))
}

/// Writes a refusal.
pub fn write_refused(refusal: &Refusal) -> v1::Refused {
    outcome::write_refused(refusal)
}

/// Reads a filing.
///
/// # Errors
/// Every field that is missing or malformed.
pub fn read_filing(filing: &v1::Filing) -> Result<Filing, WireError> {
    Reader::run(|reader| filing::read(reader, filing))
}

/// Writes a filing in force.
pub fn write_filing(filing: &Filing) -> v1::Filing {
    filing::write(filing)
}

/// Reads the filings that travel with an operation, in the order in which they are tried.
///
/// # Errors
/// Every field that is missing or malformed.
pub fn read_attached_filings(attached: &v1::Filing) -> Result<Vec<Filing>, WireError> {
    Reader::run(|reader| filing::read_attached(reader, attached))
}

/// Writes the filings that travel with an operation; none where no filing covers the visit.
pub fn write_attached_filings(filings: &[Filing]) -> Option<v1::Filing> {
    filing::write_attached(filings)
}

fn read<M: Message + Default, T>(bytes: &[u8], convert: fn(&mut Reader, &M) -> Option<T>) -> Result<T, WireError> {
    let message = M::decode(bytes).map_err(|fault| WireError {
        faults: vec![FieldFault { field: "message".into(), problem: format!("cannot be decoded: {fault}") }],
    })?;
    Reader::run(|reader| convert(reader, &message))
}

/// Collects faults while a message is read. A method that finds one gives none and remembers it.
struct Reader {
    path: Vec<&'static str>,
    faults: Vec<FieldFault>,
}

impl Reader {
    fn run<T>(convert: impl FnOnce(&mut Reader) -> Option<T>) -> Result<T, WireError> {
        let mut reader = Reader { path: Vec::new(), faults: Vec::new() };
        match convert(&mut reader) {
            Some(value) if reader.faults.is_empty() => Ok(value),
            _ => Err(WireError { faults: reader.faults }),
        }
    }

    fn fault(&mut self, field: &'static str, problem: impl fmt::Display) {
        let field = self.path.iter().copied().chain([field]).collect::<Vec<_>>().join(".");
        self.faults.push(FieldFault { field, problem: problem.to_string() });
    }

    /// Reads a nested message that must be there.
    fn inside<M, T>(
        &mut self,
        field: &'static str,
        message: Option<&M>,
        convert: impl FnOnce(&mut Reader, &M) -> Option<T>,
    ) -> Option<T> {
        let Some(message) = message else {
            self.fault(field, "is missing");
            return None;
        };
        self.path.push(field);
        let value = convert(self, message);
        self.path.pop();
        value
    }

    /// Reads every one of a repeated message.
    fn each<M, T>(
        &mut self,
        field: &'static str,
        messages: &[M],
        mut convert: impl FnMut(&mut Reader, &M) -> Option<T>,
    ) -> Option<Vec<T>> {
        self.path.push(field);
        let values: Vec<T> = messages.iter().filter_map(|message| convert(self, message)).collect();
        self.path.pop();
        (values.len() == messages.len()).then_some(values)
    }

    /// Reads a text that must be there.
    fn text<T>(
        &mut self,
        field: &'static str,
        text: &str,
        parse: impl FnOnce(&str) -> Result<T, settlement::ids::IdError>,
    ) -> Option<T> {
        parse(text).map_err(|problem| self.fault(field, problem)).ok()
    }

    /// Reads a text that may be empty.
    fn optional<T>(
        &mut self,
        field: &'static str,
        text: &str,
        parse: impl FnOnce(&str) -> Result<T, settlement::ids::IdError>,
    ) -> Option<Option<T>> {
        if text.is_empty() { Some(None) } else { self.text(field, text, parse).map(Some) }
    }

    /// Reads one of a fixed set of words.
    fn word<T>(&mut self, field: &'static str, word: &str, parse: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        let value = parse(word);
        if value.is_none() {
            self.fault(field, if word.is_empty() { "is missing" } else { "is not a word of this interface" });
        }
        value
    }

    fn date(&mut self, field: &'static str, text: &str) -> Option<Date> {
        text.parse().map_err(|_| self.fault(field, "is not a date yyyy-mm-dd")).ok()
    }

    fn optional_date(&mut self, field: &'static str, text: &str) -> Option<Option<Date>> {
        if text.is_empty() { Some(None) } else { self.date(field, text).map(Some) }
    }

    fn money(&mut self, field: &'static str, fen: i64) -> Option<settlement::money::Money> {
        let amount = settlement::money::Money::from_fen(fen);
        if !amount.is_bounded() {
            self.fault(field, "is beyond any amount");
            return None;
        }
        Some(amount)
    }

    fn hash(&mut self, field: &'static str, bytes: &[u8]) -> Option<[u8; 32]> {
        bytes.try_into().map_err(|_| self.fault(field, "is not 32 bytes")).ok()
    }
}

fn date_text(date: Option<Date>) -> String {
    date.map(|date| date.to_string()).unwrap_or_default()
}
