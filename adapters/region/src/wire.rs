//! The bytes that the store keeps, read and written by the border's conversions. Given to the store when it opens.

use ledger::home::Wire;
use proto::convert;

/// The one way of reading and writing what the book keeps.
pub(crate) const WIRE: Wire = Wire {
    read_operation: |bytes| convert::read_operation(bytes).map_err(|fault| fault.to_string()),
    read_outcome: |bytes| convert::read_outcome(bytes).map_err(|fault| fault.to_string()),
    write_decision: convert::write_decision,
};
