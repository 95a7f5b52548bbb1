//! What regions owe each other, as plain functions over the hub's postings. Like `settlement` it does no I/O and reads
//! no clock.
//!
//! | look in | for |
//! |---|---|
//! | [`month`], [`calendar`] | 费款所属期 and 清算日历: which day each step of a month is due |
//! | [`agreement`] | whether two books hold the same answers |
//! | [`digest`] | finding what differs between two books |
//! | [`obligation`] | 应付: what each home member owes each treatment member |

pub mod agreement;
pub mod calendar;
pub mod digest;
pub mod month;
pub mod obligation;
