//! Numbers that the treatment side makes: `mdtrt_id` and `setl_id` (30 digits: pool, microseconds since 1970, a counter)
//! and `inf_refmsgid` (region, time, serial). The counter comes in blocks from the store and survives restarts.

use std::sync::Mutex;

use jiff::Timestamp;
use ledger::store::StoreError;
use ledger::treatment::TreatmentStore;
use settlement::ids::{EncounterId, PoolCode, SettlementId};

use crate::desk_time;
use crate::stop::Stop;

/// How many numbers are reserved at once: a commit each few seconds under full load.
const BLOCK: i64 = 20_000;
/// The counter's eight digits turn over; the microseconds before them do not.
const COUNTER_SPAN: i64 = 100_000_000;
/// The serial of `inf_refmsgid` has ten digits.
const SERIAL_SPAN: i64 = 10_000_000_000;

/// Where numbers come from.
pub struct IdMint {
    store: TreatmentStore,
    block: Mutex<Block>,
}

struct Block {
    next: i64,
    end: i64,
}

impl IdMint {
    /// A mint that reserves its first block when first asked.
    pub fn new(store: TreatmentStore) -> IdMint {
        IdMint { store, block: Mutex::new(Block { next: 0, end: 0 }) }
    }

    /// The next number of the counter.
    ///
    /// # Errors
    /// When a block cannot be reserved.
    pub async fn number(&self) -> Result<i64, StoreError> {
        loop {
            if let Some(number) = self.take() {
                return Ok(number);
            }
            let first = self.store.change(|session| Ok(Ok::<_, ()>(session.numbers_reserve(BLOCK)?))).await?;
            if let (Ok(first), Ok(mut block)) = (first, self.block.lock())
                && block.next >= block.end
            {
                *block = Block { next: first, end: first + BLOCK };
            }
        }
    }

    fn take(&self) -> Option<i64> {
        let mut block = self.block.lock().ok()?;
        (block.next < block.end).then(|| {
            block.next += 1;
            block.next - 1
        })
    }
}

/// A number of the 30-digit form.
fn digits(pool: PoolCode, at: Timestamp, number: i64) -> String {
    format!("{pool}{:016}{:08}", at.as_microsecond().max(0), number % COUNTER_SPAN)
}

/// A `setl_id`.
///
/// # Errors
/// Never in this era: instants have 16 digits of microseconds until the year 2286.
pub fn settlement_id(pool: PoolCode, at: Timestamp, number: i64) -> Result<SettlementId, Stop> {
    SettlementId::new(&digits(pool, at, number)).map_err(|_| settlement::refusal::Reason::Internal.into())
}

/// A `mdtrt_id`.
///
/// # Errors
/// See [`settlement_id`].
pub fn encounter_id(pool: PoolCode, at: Timestamp, number: i64) -> Result<EncounterId, Stop> {
    EncounterId::new(&digits(pool, at, number)).map_err(|_| settlement::refusal::Reason::Internal.into())
}

/// An `inf_refmsgid`.
pub fn reference(area: &str, at: Timestamp, number: i64) -> String {
    format!("{area}{}{:010}", desk_time::fourteen_digits(at), number % SERIAL_SPAN)
}

#[cfg(test)]
mod tests {
    use ledger::store::StoreOptions;
    use settlement::ids::RegionCode;

    use super::*;

    #[tokio::test]
    async fn a_number_never_comes_twice_not_even_after_a_restart() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("his.db");
        let mut last = -1;
        for _ in 0..2 {
            let store = TreatmentStore::open(&path.as_path().into(), &StoreOptions::default()).expect("a store");
            let closed = store.closed();
            let mint = IdMint::new(store);
            for _ in 0..3 {
                let number = mint.number().await.expect("a number");
                assert!(number > last, "{number} after {last}");
                last = number;
            }
            drop(mint);
            closed.wait().await;
        }
    }

    #[test]
    fn an_id_has_thirty_digits() {
        let pool = PoolCode(RegionCode::new("310000").expect("a code"));
        let at: Timestamp = "2025-06-30T16:00:00Z".parse().expect("an instant");
        let id = settlement_id(pool, at, 7).expect("an id");
        assert_eq!(id.as_str(), "310000175129920000000000000007");
        assert_eq!(reference("310000", at, 7), "310000202507010000000000000007");
    }
}
