//! The only SQL. One store a role: the hub's journal, a home region's book, a treatment side's encounters and books.
//! What a store decides nothing about is what the money means: it keeps facts and gives them back.
//!
//! | look in | for |
//! |---|---|
//! | [`engine`] | what carries every store: SQLite, PostgreSQL, the simulator's memory |
//! | [`clock`] | the time that shells hand to the core |
//! | [`hub`], [`home`], [`treatment`] | the stores |
//! | [`leaves`] | the digests by which a book is compared with another's; part of every store |
//! | `testing` | private databases, for tests only (feature `testing`) |

pub mod clock;
pub mod engine;
pub mod home;
pub mod hub;
pub mod inbox;
pub mod leaves;
pub mod mailbox;
pub mod store;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod treatment;
