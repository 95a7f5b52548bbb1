//! What a fold of a book needs to know of an operation's bytes and its outcome's.

use clearing::digest::{Branch, Leaf, leaf_of};
use clearing::obligation::Lot;
use settlement::operation::Request;
use settlement::outcome::{Done, Outcome};

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
/// the one that paid, which the home region decides.
///
/// # Errors
/// What cannot be read, and whatever made no settlement.
pub fn read_lot(operation: &[u8], outcome: &[u8]) -> Result<Lot, String> {
    let operation = read_operation(operation).map_err(|fault| fault.to_string())?;
    let outcome = read_outcome(outcome).map_err(|fault| fault.to_string())?;
    match (&operation.request, outcome) {
        (Request::Settle(settle), Outcome::Accepted { decided_at: _, done: Done::Settled(settled) }) => Ok(Lot {
            home: settle.home,
            treatment: settle.encounter.pool,
            insurance: settled.insurance,
            care: settle.encounter.care,
        }),
        (Request::Settle(_) | Request::Cancel(_) | Request::Reverse(_), _) => Err("it made no settlement".to_owned()),
    }
}
