//! Why work inside a transaction of the store stops: a refusal, which is a value for the desk, or a fault of the store.

use ledger::store::StoreError;
use settlement::refusal::{Reason, Refusal};

/// See the file.
#[derive(Debug)]
pub enum Stop {
    /// The message is refused; what was written is rolled back.
    Refused(Refusal),
    /// The store failed.
    Store(StoreError),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Stop {
        Stop::Refused(refusal)
    }
}

impl From<Reason> for Stop {
    fn from(reason: Reason) -> Stop {
        Stop::Refused(reason.into())
    }
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Stop {
        Stop::Store(error)
    }
}

/// The two kinds apart, as the store wants them.
///
/// # Errors
/// The store's fault.
pub fn apart<T>(result: Result<T, Stop>) -> Result<Result<T, Refusal>, StoreError> {
    match result {
        Ok(value) => Ok(Ok(value)),
        Err(Stop::Refused(refusal)) => Ok(Err(refusal)),
        Err(Stop::Store(error)) => Err(error),
    }
}

/// What a desk is told of a fault of the store: nothing was changed, and the same message may come again.
pub fn internal(error: &StoreError) -> Refusal {
    let error: &dyn std::error::Error = error;
    tracing::error!(error, "the treatment side's store failed");
    Refusal::new(Reason::Internal)
}
