//! A home region: its enrollees, its rule books in force, its book. It answers the hub's questions and decides what
//! the hub forwards; it meets no hospital.
//!
//! | look in | for |
//! |---|---|
//! | [`config`], [`start`](mod@start) | settings, and the life of the process |
//! | [`service`], [`door`] | the gRPC service; what it lets in: permit, convert, call, convert |
//! | [`committer`] | **the money path**: what waits is decided in one batch and one commit |
//! | [`look_up`], [`estimate`], [`query`] | questions that change nothing |
//! | `filing_change` | whether a filing may be changed already |
//! | [`people`], [`post`], [`rules`] | files that come in: enrollees, postings, rule books |
//! | [`in_force`] | the rule books that decide now |
//! | [`sheet`] | reading such a file with every fault at once |
//! | [`sealing`] | names and documents at rest |
//! | [`affected`] | past settlements that would come out otherwise now |
//! | `corrections` | approved batches that correct them |
//! | [`books`] | the book as a whole: how far it goes, taking back what an older copy lost |
//! | [`reconciliation`] | comparing the book with the hub's |
//! | [`replay`] | past decisions again: identical, explained |
//! | [`shown`], [`compare`] | one settlement as the book has it; all settlements by two rule books |
//!
//! Absent on purpose: a filing of the region's own, and relatives' accounts; both are the hub's or a later matter.

pub mod affected;
pub mod books;
pub mod committer;
pub mod compare;
pub mod config;
mod corrections;
pub mod door;
pub mod estimate;
mod filing_change;
pub mod in_force;
pub mod look_up;
pub mod people;
pub mod post;
pub mod query;
pub mod reconciliation;
pub mod replay;
pub mod rules;
pub mod sealing;
pub mod service;
pub mod sheet;
pub mod shown;
pub mod start;
mod wire;

pub use config::Config;
pub use start::{Running, StartError, look_at, open_location, open_store, start};
