//! 暂停直接结算: home members that treatment members have suspended, as this process knows them. What is settled already
//! stays, and undoing goes on. Asked on the money path, so it is kept in memory; [`crate::jobs::suspensions`] keeps it up to
//! date, since another hub on the store may have been told.

use std::collections::BTreeSet;
use std::sync::{PoisonError, RwLock};

use clearing::period::Pair;
use ledger::hub::HubStore;
use ledger::store::StoreError;
use settlement::ids::{MemberCode, PoolCode};
use settlement::operation::{Operation, Request};
use settlement::refusal::{Reason, Refusal};
use settlement::region::RegionTable;

/// Who is suspended.
#[derive(Default)]
pub struct Suspensions {
    pairs: RwLock<BTreeSet<Pair>>,
}

impl Suspensions {
    /// Reads them anew.
    ///
    /// # Errors
    /// When the store fails; what was known stays.
    pub async fn refresh(&self, store: &HubStore) -> Result<(), StoreError> {
        let pairs = store.suspension_list().await?.into_iter().map(|suspension| suspension.pair).collect();
        *self.pairs.write().unwrap_or_else(PoisonError::into_inner) = pairs;
        Ok(())
    }

    /// Whether an operation may go on. Only what is to be settled anew may not.
    ///
    /// # Errors
    /// Member-suspended.
    pub fn check(&self, regions: &RegionTable, operation: &Operation) -> Result<(), Refusal> {
        let pairs = self.pairs.read().unwrap_or_else(PoisonError::into_inner);
        match operation.request {
            Request::Settle(_) if !pairs.is_empty() => {}
            Request::Settle(_) | Request::Cancel(_) | Request::Reverse(_) => return Ok(()),
        }
        let member = |pool: PoolCode| regions.member_of(pool).unwrap_or(MemberCode(pool.0));
        let pair = Pair { home: member(operation.home()), treatment: member(operation.treatment()) };
        if pairs.contains(&pair) {
            let detail = format!("{} → {}", pair.home, pair.treatment);
            return Err(Refusal::new(Reason::MemberSuspended).of_field("insuplc_admdvs").because(detail));
        }
        Ok(())
    }
}
