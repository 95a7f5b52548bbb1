//! A book that is compared: a store that folds what was answered since, and has digests over it.

use ledger::home::HomeStore;
use ledger::hub::{HubStore, Reading};
use ledger::leaves::Leaves;
use ledger::store::StoreError;
use ledger::treatment::TreatmentStore;
use proto::convert::{read_leaf, read_lot};

/// How the bytes of the hub's book are read when it is folded.
pub const READING: Reading = Reading { leaf: read_leaf, lot: read_lot };

/// A book.
pub trait Book: Send + Sync {
    /// Adds what was answered since to the leaves.
    ///
    /// # Errors
    /// When the store fails, or an operation does not read.
    fn fold(&self) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Its digests.
    fn leaves(&self) -> Leaves;
}

impl Book for HubStore {
    async fn fold(&self) -> Result<(), StoreError> {
        self.journal_fold(READING).await
    }

    fn leaves(&self) -> Leaves {
        HubStore::leaves(self)
    }
}

impl Book for HomeStore {
    async fn fold(&self) -> Result<(), StoreError> {
        self.leaf_fold(read_leaf).await
    }

    fn leaves(&self) -> Leaves {
        HomeStore::leaves(self)
    }
}

impl Book for TreatmentStore {
    async fn fold(&self) -> Result<(), StoreError> {
        self.leaf_fold(read_leaf).await
    }

    fn leaves(&self) -> Leaves {
        TreatmentStore::leaves(self)
    }
}
