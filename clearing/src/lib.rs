//! What regions owe each other, as plain functions over the hub's postings. Like `settlement` it does no I/O and reads
//! no clock.
//!
//! | look in | for |
//! |---|---|
//! | [`agreement`] | whether two books hold the same answers |
//! | [`obligation`] | 应付: what each home member owes each treatment member |

pub mod agreement;
pub mod obligation;
