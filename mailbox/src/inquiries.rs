//! 协查请求 and 问题工单 as a region's own node has been told of them: the newest letter of each says how it stands, whatever
//! came twice or late. Nothing is kept beside the inbox. Called by operators' commands and by whoever runs a node.

use ledger::inbox::{Inbox, KeptLetter};
use ledger::store::StoreError;
use prost::Message;
use proto::v1;

/// The kind of letters that tell of inquiries.
const KIND: &str = "inquiry";
/// So many are read at once.
const A_PAGE: u32 = 500;

/// An inquiry as it was told.
#[derive(Clone, Debug, PartialEq)]
pub struct ToldInquiry {
    /// Whose mailbox it came into, as `410700/home`.
    pub mailbox: String,
    /// How it stands, with its last event.
    pub inquiry: v1::Inquiry,
}

impl ToldInquiry {
    /// Whether it is asked of the mailbox's owner, rather than by it.
    pub fn is_to_us(&self) -> bool {
        !self.mailbox.ends_with(&format!("/{}", self.inquiry.asker))
    }
}

/// Every inquiry of which an inbox knows and to which something can still happen, in the order of mailboxes and ids.
///
/// # Errors
/// When the store fails, or a letter does not read.
pub async fn open_inquiries(inbox: &Inbox) -> Result<Vec<ToldInquiry>, StoreError> {
    let (mut open, mut last) = (Vec::new(), None);
    loop {
        let page = inbox.letter_newest_of(KIND.to_owned(), last, A_PAGE).await?;
        if page.is_empty() {
            return Ok(open);
        }
        last = page.last().cloned();
        for kept in page {
            let told = read(kept)?;
            if matches!(told.inquiry.standing.as_str(), "asked" | "answered") {
                open.push(told);
            }
        }
    }
}

fn read(kept: KeptLetter) -> Result<ToldInquiry, StoreError> {
    let KeptLetter { mailbox, letter, kept_at: _ } = kept;
    let inquiry = v1::Inquiry::decode(letter.body).map_err(|fault| StoreError::Corrupt {
        table: "inbox",
        id: letter.id,
        problem: fault.to_string(),
    })?;
    Ok(ToldInquiry { mailbox, inquiry })
}
