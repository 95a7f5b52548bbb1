//! The executable's parts: one file a role or an operator's command. Roles are built and run by their own crates;
//! what is here reads configuration, wires them together, and talks to people.
//!
//! | look in | for |
//! |---|---|
//! | [`roles`] | `hub`, `region`, `his`: one role a process |
//! | [`line`](mod@line) | the whole line on loopback in one process: what the demo, the benchmark and the tests run |
//! | [`demo`], [`bench`](mod@bench) | the recorded days; speed |
//! | [`desk`] | a hospital's side of the national interface |
//! | [`pki`], [`filing`], [`inquiry`], [`ticket`], [`mailbox`], [`post`], [`books`], [`past`], [`rulebook`], [`store`], [`verify`] | operators' commands |
//! | [`simulate`] | worlds in which everything goes wrong |
//! | [`status`] | what a command tells of a call that brought no reply |
//! | [`watch`] | health, readiness, metrics, the sandbox clock |

pub mod bench;
pub mod books;
pub mod clearing;
pub mod cli;
pub mod corrections;
pub mod demo;
pub mod desk;
pub mod filing;
pub mod inquiry;
pub mod line;
pub mod mailbox;
pub mod output;
pub mod past;
pub mod pki;
pub mod post;
pub mod prefund;
pub mod reconcile;
pub mod roles;
mod rows;
pub mod rulebook;
pub mod simulate;
pub mod status;
pub mod store;
pub mod ticket;
pub mod verify;
pub mod watch;
