//! The treatment side: hospitals speak the national interface to it over HTTP; it keeps encounters and charges, splits
//! them by the treatment place's catalogue, sends operations to the hub, and tells hospitals what came back. What a home
//! region pays is decided elsewhere.
//!
//! | look in | for |
//! |---|---|
//! | [`config`], [`start`](fn@start) | settings, and the life of the process |
//! | `http`, `gateway`, `envelope`, `node` | from bytes to fields, and who speaks |
//! | [`transactions`] | the table of transactions, one file a concept |
//! | `local`, `operation` | the two ways of changing something once: one commit, two commits |
//! | `visit`, `bill`, [`coverage`], [`catalogue`], [`institutions`] | the rules of this side |
//! | [`comparing`] | the book beside the hub's |
//! | `statement`, `statement_file`, `text_zip` | the book beside the hospitals' |
//! | `setlinfo`, `what_if`, [`answer`] | what a desk is told; every `err_msg` |

pub mod answer;
mod bill;
pub mod catalogue;
pub mod comparing;
pub mod config;
mod content;
pub mod coverage;
mod desk_time;
mod edge;
mod envelope;
mod gateway;
mod home_of;
mod http;
mod hub;
mod ids;
mod in_flight;
pub mod institutions;
mod local;
mod marks;
mod node;
mod operation;
mod paths;
pub mod port;
mod setlinfo;
mod start;
mod statement;
mod statement_file;
mod stop;
mod table_file;
pub mod text_zip;
mod told_person;
pub mod transactions;
mod visit;
mod what_if;

pub use config::Config;
pub use start::{Door, Running, StartError, Tables, start};
