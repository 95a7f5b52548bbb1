//! Private databases for tests, measurements and long runs: a PostgreSQL server of one's own, and databases in it; and plain
//! statements to measure a book's own work beside, and to damage one with.
//! Behind the feature `testing`; nothing that serves calls it.

#[cfg(test)]
pub(crate) mod append_only;
pub mod damage;
mod installation;
mod keeper;
pub mod plain;
mod ports;
mod postgres;

pub use installation::PostgresError;
pub use ports::own_port;
pub use postgres::{Database, Durability, PostgresOptions, PrivatePostgres};
