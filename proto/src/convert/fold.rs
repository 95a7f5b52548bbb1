//! What a fold of a book needs to know of an operation's bytes and its outcome's.

use clearing::digest::{Branch, Leaf, leaf_of};
use clearing::obligation::Lot;
use prost::Message;
use settlement::encounter::CareKind;
use settlement::ids::{PoolCode, RegionCode};
use settlement::person::Insurance;

use super::{read_operation, read_outcome};

/// Reads an operation and its outcome as the leaf by which books are compared; none for a refusal.
///
/// # Errors
/// What cannot be read.
pub fn read_leaf(operation: &[u8], outcome: &[u8]) -> Result<Option<(Branch, Leaf)>, String> {
    let operation = read_operation(operation).map_err(|fault| fault.to_string())?;
    let read = read_outcome(outcome).map_err(|fault| fault.to_string())?;
    Ok(leaf_of(&operation, &read, outcome))
}

/// Reads the operation that made a settlement, and its outcome, as the lot of the settlement's entries. The insurance is
/// the one that paid, which the home region decides. Nothing else of them is read: a period's proof asks for millions.
///
/// # Errors
/// What cannot be read, and whatever made no settlement.
pub fn read_lot(operation: &[u8], outcome: &[u8]) -> Result<Lot, String> {
    let none = || "it made no settlement".to_owned();
    let operation = OfOperation::decode(operation).map_err(|fault| fault.to_string())?;
    let outcome = OfOutcome::decode(outcome).map_err(|fault| fault.to_string())?;
    let OfSettle { home, encounter } = operation.settle.ok_or_else(none)?;
    let OfEncounter { pool: treatment, care } = encounter.ok_or("its encounter is missing")?;
    let OfSettlement { insurance } = outcome.accepted.and_then(|accepted| accepted.settled).ok_or_else(none)?;
    let pool = |code: &str| RegionCode::new(code).map(PoolCode).map_err(|fault| format!("its pool {fault}"));
    Ok(Lot {
        home: pool(&home)?,
        treatment: pool(&treatment)?,
        insurance: Insurance::from_word(&insurance).ok_or("its insurance is not a word of this interface")?,
        care: CareKind::from_word(&care).ok_or("its care is not a word of this interface")?,
    })
}

// The fields of `yidi/v1/operation.proto` that name a lot, under their numbers there. What is not named is passed over.

#[derive(Clone, PartialEq, Eq, Message)]
struct OfOperation {
    #[prost(message, optional, tag = "2")]
    settle: Option<OfSettle>,
}

#[derive(Clone, PartialEq, Eq, Message)]
struct OfSettle {
    #[prost(string, tag = "2")]
    home: String,
    #[prost(message, optional, tag = "4")]
    encounter: Option<OfEncounter>,
}

#[derive(Clone, PartialEq, Eq, Message)]
struct OfEncounter {
    #[prost(string, tag = "4")]
    pool: String,
    #[prost(string, tag = "6")]
    care: String,
}

#[derive(Clone, PartialEq, Eq, Message)]
struct OfOutcome {
    #[prost(message, optional, tag = "1")]
    accepted: Option<OfAccepted>,
}

#[derive(Clone, PartialEq, Eq, Message)]
struct OfAccepted {
    #[prost(message, optional, tag = "2")]
    settled: Option<OfSettlement>,
}

#[derive(Clone, PartialEq, Eq, Message)]
struct OfSettlement {
    #[prost(string, tag = "2")]
    insurance: String,
}
