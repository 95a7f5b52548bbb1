//! Operations over a standing stream between two nodes, instead of a call each: both ends, and nothing of what is said.
//! Opening a stream, its headers and its end cost a node more than an operation's own work; here they are paid once.
//! Used by the treatment side towards the hub, and by the hub towards home regions.
//!
//! | look in | for |
//! |---|---|
//! | [`Caller`] | the calling end: opens a conversation when one is needed, and says what became of each call |
//! | [`converse`] | the answering end |
//! | [`call`] | a call of its own, for everything else |
//! | [`ToItsEnd`] | work that goes on when its caller has gone, for whatever comes by a call of its own |
//!
//! What a broken stream leaves without an answer is in doubt, as a broken call would be; a conversation that ends in good
//! order answers everything that was said in it.

mod answering;
mod by_call;
mod calling;
#[cfg(test)]
mod tests;
mod to_its_end;

pub use answering::{LARGEST_CALL, Replies, Terms, converse};
pub use by_call::call;
pub use calling::{Caller, Spoken};
pub use to_its_end::ToItsEnd;
