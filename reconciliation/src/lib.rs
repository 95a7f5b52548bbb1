//! Comparing two books that two nodes keep, by the digests over their operations: both ends of it. The outer node asks
//! the inner one: a treatment side the hub, the hub a home region. What a difference means, `clearing::breaks` judges.
//!
//! | look in | for |
//! |---|---|
//! | [`book`] | what is compared: a store that can be folded |
//! | [`answering`] | telling another node of one's own book |
//! | [`asking`] | comparing one's own book with another node's |
//! | [`counting`] | what a day between two pools comes to, before it is certified |
//! | [`days`] | which days are compared again each time |
//! | [`port`] | what carries the questions |
//! | [`reporting`] | telling the hub what was compared, in reports of a bounded length |

pub mod answering;
pub mod asking;
pub mod book;
pub mod counting;
pub mod days;
pub mod port;
pub mod reporting;
