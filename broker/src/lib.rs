//! The hub: it knows who speaks, where each region is, writes every operation down before it leaves and every answer
//! before it is told, and finds out what became of those that got none. It decides nothing about benefits.
//!
//! | look in | for |
//! |---|---|
//! | [`settle`] | **the money path**: receive, forward, answer |
//! | [`errand`], [`answer`], [`doubt`] | one operation on its way, what a home region may answer, what got no answer |
//! | [`admission`], [`suspensions`], [`in_flight`] | who may ask for what, who is suspended, what is being asked right now |
//! | [`limits`], [`gate`], [`breaker`], [`budget`] | how much at once, whether a region is asked at all, and for how long |
//! | [`directory`], [`port`] | regions, homes and the way to them |
//! | [`consult`] | questions that leave no trace |
//! | [`door`] | what treatment regions may ask, whatever carries it |
//! | [`service`], [`filings`], [`home_books`], [`inquiries`] | the gRPC services |
//! | [`reconcile`] | comparing the book with home regions' |
//! | [`clearing`] | carrying out what is due of each period |
//! | [`reinstate`] | making a region's book whole that was restored from an older copy |
//! | [`jobs`] | what runs by itself |
//! | [`config`], [`start`](mod@start) | the life of the process |
//! | [`health`], [`measures`], [`lie`] | what an operator sees |
//! | `refusing` | how services refuse |
//! | `scope` | for which pools an operator's certificate speaks |

pub mod admission;
pub mod answer;
pub mod breaker;
pub mod budget;
pub mod clearing;
pub mod config;
pub mod consult;
pub mod corrections;
pub mod directory;
pub mod door;
pub mod doubt;
pub mod errand;
pub mod filings;
pub mod gate;
pub mod health;
pub mod home_books;
pub mod hub;
pub mod in_flight;
pub mod inquiries;
pub mod jobs;
pub mod lie;
pub mod limits;
pub mod mailbox;
pub mod measures;
pub mod port;
pub mod reconcile;
mod refusing;
pub mod reinstate;
mod scope;
pub mod service;
pub mod settle;
pub mod start;
pub mod suspensions;

pub use config::{BreakerConfig, Config, HomeConfig};
pub use health::Health;
pub use start::{Running, StartError, start};
