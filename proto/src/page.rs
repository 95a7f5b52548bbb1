//! How much of a list one message carries. Called by whoever answers with lists: the hub's dead letters, a region's
//! affected settlements.

use prost::Message;

/// What the rows of a page weigh at most, in bytes. gRPC reads 4 MiB unless it is told otherwise, and an operator's tool
/// need not be.
pub const HEAVIEST: usize = 2 * 1024 * 1024;

/// The first rows, as many as a page holds; at least one, so that whoever asks on gets to the end.
///
/// ```
/// use proto::{page, v1};
/// let heavy = v1::DeadLetter { problem: "x".repeat(page::HEAVIEST / 2), ..v1::DeadLetter::default() };
/// assert_eq!(page::fitting(vec![heavy.clone(), heavy.clone()]), [heavy]);
/// ```
pub fn fitting<M: Message>(rows: Vec<M>) -> Vec<M> {
    let mut weight = 0;
    let mut fitting = Vec::with_capacity(rows.len());
    for row in rows {
        weight += row.encoded_len();
        if weight > HEAVIEST && !fitting.is_empty() {
            break;
        }
        fitting.push(row);
    }
    fitting
}
