//! What a region's own node has been told of clearing: the newest letter about each thing says how it stands, whatever
//! came twice or late. Nothing is kept beside the inbox. Called by operators' commands and by whoever runs a node.

use ledger::inbox::{Inbox, KeptLetter};
use ledger::store::StoreError;
use prost::Message;
use proto::v1;

/// The kind of letters that tell of clearing.
const KIND: &str = "clearing";
/// So many are read at once.
const A_PAGE: u32 = 500;

/// News of clearing as it was told.
#[derive(Clone, Debug, PartialEq)]
pub struct ToldNews {
    /// Whose mailbox it came into, as `410700/home`.
    pub mailbox: String,
    /// When it was kept, in UTC microseconds.
    pub kept_at: i64,
    /// What it says.
    pub news: v1::ClearingNews,
}

/// What an inbox knows of clearing: of a month with what is about no month, or of all; in the order in which it came.
///
/// # Errors
/// When the store fails, or a letter does not read.
pub async fn told_of_clearing(inbox: &Inbox, month: Option<&str>) -> Result<Vec<ToldNews>, StoreError> {
    let kept = newest_of(inbox, KIND).await?;
    let mut told = kept.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let is_wanted = |news: &v1::ClearingNews| month.is_none_or(|month| news.month.is_empty() || news.month == month);
    told.retain(|told| is_wanted(&told.news));
    told.sort_by_key(|told| told.kept_at);
    Ok(told)
}

/// The newest letters of a kind, one about each thing.
pub(crate) async fn newest_of(inbox: &Inbox, kind: &str) -> Result<Vec<KeptLetter>, StoreError> {
    let (mut letters, mut last) = (Vec::new(), None);
    loop {
        let page = inbox.letter_newest_of(kind.to_owned(), last, A_PAGE).await?;
        if page.is_empty() {
            return Ok(letters);
        }
        last = page.last().cloned();
        letters.extend(page);
    }
}

fn read(kept: KeptLetter) -> Result<ToldNews, StoreError> {
    let KeptLetter { mailbox, letter, kept_at } = kept;
    let news = v1::ClearingNews::decode(letter.body).map_err(|fault| StoreError::Corrupt {
        table: "inbox",
        id: letter.id,
        problem: fault.to_string(),
    })?;
    Ok(ToldNews { mailbox, kept_at, news })
}
