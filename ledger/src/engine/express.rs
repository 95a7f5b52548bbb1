//! Many writes carried out by one statement, in a transaction of its own: one round trip makes a whole batch durable.
//! PostgreSQL alone has it. What it does not carry out, the store's ordinary statements do afterwards.

use super::job::Job;
use super::numbers::Numbers;
use super::postgres::Connection;
use super::row::{Cells, Row};
use crate::store::StoreError;

/// What a store knows to carry out together.
pub(crate) trait Express: Send {
    /// Carries out those of a batch that it can, and gives each of them its result. Tells which they were: true at the
    /// place of each. It begins no transaction: its one statement is one.
    fn commit(&self, session: &mut Session<'_>, batch: &mut [Box<dyn Job>]) -> Result<Vec<bool>, StoreError>;
}

/// Where the one statement runs.
pub(crate) struct Session<'c> {
    pub(super) connection: &'c mut Connection,
    pub(super) numbers: &'c Numbers,
}

/// One column of many rows.
pub(crate) enum List<'a> {
    Numbers(Vec<i64>),
    Texts(Vec<Option<&'a str>>),
    Strings(Vec<Option<String>>),
    Bytes(Vec<&'a [u8]>),
}

impl Session<'_> {
    /// See [`Numbers::next`].
    pub(crate) fn position(&self) -> i64 {
        self.numbers.next()
    }

    /// Runs the statement; it is durable when this returns.
    pub(crate) fn query<T>(
        &mut self,
        text: &'static str,
        lists: Vec<List<'_>>,
        mut read: impl FnMut(Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let rows = self.connection.query_lists(text, lists)?;
        rows.iter().map(|row| read(Row(Cells::Postgres(row)))).collect()
    }
}
