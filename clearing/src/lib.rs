//! What regions owe each other, as plain functions over the hub's postings. Like `settlement` it does no I/O and reads
//! no clock.
//!
//! | look in | for |
//! |---|---|
//! | [`month`], [`calendar`] | 费款所属期 and 清算日历: which day each step of a month is due |
//! | [`agreement`] | whether two books hold the same answers |
//! | [`digest`], [`breaks`] | finding what differs between two books, and what is proposed to be done about it |
//! | [`stretch`] | part of a book, and reports cut into parts |
//! | [`hospital`] | 医院对账: hospitals' figures and rows beside this side's |
//! | [`certificate`], [`tally`] | 对账确认书: what is signed once books agree, and what it comes to |
//! | [`obligation`] | 应付: what each home member owes each treatment member |
//! | [`cleared`], [`members`] | what a period clears, pair by pair: entries − carried out + carried in − deductions + corrections |
//! | [`period`], [`carry`], [`listed`] | a period's life as a plan, what is carried out of it, and the list of what may not be carried any further |
//! | [`payment`] | 拨付: what is due by insurance, and how both sides record that it is paid |
//! | [`statement`], `figures`, [`details`], [`document`] | 清算表, 明细表, 通知书, and the settlements behind their figures, as tables that add up |
//! | [`composition`], [`edition`] | a pair's statement and what its money is made of, and which version of it a document shows |
//! | [`year`] | 年度清算: what keeps a year from being cleared whole |
//! | [`review`] | 审核扣款: what may be taken off a bill after settlement |
//! | [`corrections`] | 更正: settlements worked out again after a late change, as a batch that two people decide on |
//! | [`inquiry`] | 协查, 问题工单: what regions ask one another, and by when it is answered |
//! | [`given_id`] | what an id looks like that an operator gives to any of these |
//! | [`prefund`] | 预付金: its size, and how much of it is in use |
//! | [`capitals`] | 大写金额 |

pub mod agreement;
pub mod breaks;
pub mod calendar;
pub mod capitals;
pub mod carry;
pub mod certificate;
pub mod cleared;
pub mod composition;
pub mod corrections;
pub mod details;
pub mod digest;
pub mod document;
pub mod edition;
mod figures;
pub mod given_id;
pub mod hospital;
pub mod inquiry;
pub mod listed;
pub mod members;
pub mod obligation;
pub mod payment;
pub mod period;
pub mod prefund;
pub mod review;
pub mod statement;
pub mod stretch;
pub mod tally;
pub mod year;

pub use settlement::month;
