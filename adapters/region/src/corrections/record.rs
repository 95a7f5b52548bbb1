//! How a batch was taken, as bytes that the hub keeps unread and says again to a book that lost the batch. Called by
//! [`super`].

use ledger::home::{Mark, TakenCorrection};
use prost::Message;
use proto::{convert, v1};
use settlement::decide::BookSeq;
use settlement::ids::SettlementId;
use settlement::refusal::Refusal;

use super::wrong;
use crate::door::invalid;

/// The longest record, in bytes; a batch of which more would have to be said is worked out again where its book is lost.
const LONGEST: usize = 2 * 1024 * 1024;

/// Writes a record; nothing where it would be too long.
pub(super) fn write(record: &[TakenCorrection]) -> Vec<u8> {
    let correction = |taken: &TakenCorrection| v1::TakenCorrection {
        settlement: taken.settlement.to_string(),
        posted: Some(convert::write_used_sums(&taken.posted)),
        accounted: taken.accounted.iter().map(write_mark).collect(),
    };
    let written = v1::TakenBatch { corrections: record.iter().map(correction).collect() };
    if written.encoded_len() > LONGEST { Vec::new() } else { written.encode_to_vec() }
}

fn write_mark(mark: &Mark) -> v1::TakenMark {
    v1::TakenMark { after: mark.after.0, posting: mark.posting.clone() }
}

/// Reads a record; none where nothing was recorded.
///
/// # Errors
/// When the bytes are no record.
pub(super) fn read(written: &[u8]) -> Result<Option<Vec<TakenCorrection>>, Refusal> {
    if written.is_empty() {
        return Ok(None);
    }
    let batch = v1::TakenBatch::decode(written).map_err(|_| wrong("record", "is no yidi.v1.TakenBatch"))?;
    batch.corrections.into_iter().map(read_correction).collect::<Result<_, _>>().map(Some)
}

fn read_correction(taken: v1::TakenCorrection) -> Result<TakenCorrection, Refusal> {
    let v1::TakenCorrection { settlement, posted, accounted } = taken;
    let posted = posted.ok_or_else(|| wrong("record", "has a settlement without what was posted for it"))?;
    Ok(TakenCorrection {
        settlement: SettlementId::new(&settlement).map_err(|fault| invalid("record", fault))?,
        posted: convert::read_used_sums(&posted).map_err(|_| wrong("record", "has a sum that is beyond any amount"))?,
        accounted: accounted
            .into_iter()
            .map(|v1::TakenMark { after, posting }| Mark { after: BookSeq(after), posting })
            .collect(),
    })
}
