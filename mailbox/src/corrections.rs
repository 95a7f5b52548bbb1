//! What a treatment region's own node has been told of corrections of its settlements: the newest letter about each says how
//! it counts, whatever came twice or late. Nothing is kept beside the inbox. Called by operators' commands and by whoever
//! runs a node.

use ledger::inbox::{Inbox, KeptLetter};
use ledger::store::StoreError;
use prost::Message;
use proto::v1;

use crate::clearing::newest_of;

/// The kind of letters that tell of corrections.
const KIND: &str = "correction";

/// A settlement that a batch corrects, as it was told.
#[derive(Clone, Debug, PartialEq)]
pub struct ToldCorrection {
    /// Whose mailbox it came into, as `310000/treatment`.
    pub mailbox: String,
    /// When it was kept, in UTC microseconds.
    pub kept_at: i64,
    /// How manieth word of it this is, counted from 1: every second one gives it back.
    pub version: u64,
    /// What it says.
    pub correction: v1::CorrectionLetter,
}

impl ToldCorrection {
    /// Whether the correction is given back, because its settlement was undone.
    pub fn is_given_back(&self) -> bool {
        self.version.is_multiple_of(2)
    }
}

/// What an inbox knows of corrections, in the order in which it came.
///
/// # Errors
/// When the store fails, or a letter does not read.
pub async fn told_of_corrections(inbox: &Inbox) -> Result<Vec<ToldCorrection>, StoreError> {
    let kept = newest_of(inbox, KIND).await?;
    let mut told = kept.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
    told.sort_by_key(|told| told.kept_at);
    Ok(told)
}

fn read(kept: KeptLetter) -> Result<ToldCorrection, StoreError> {
    let KeptLetter { mailbox, letter, kept_at } = kept;
    let correction = v1::CorrectionLetter::decode(letter.body).map_err(|fault| StoreError::Corrupt {
        table: "inbox",
        id: letter.id,
        problem: fault.to_string(),
    })?;
    Ok(ToldCorrection { mailbox, kept_at, version: letter.version, correction })
}
