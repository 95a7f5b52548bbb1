//! One write that waits for its turn: run inside a transaction, maybe more than once, then told how the commit went.

use tokio::sync::oneshot;

use super::sql::Sql;
use crate::store::StoreError;

pub(super) trait Job: Send {
    fn run(&mut self, sql: &Sql<'_>) -> Result<Ran, StoreError>;
    fn finish(self: Box<Self>, committed: Result<(), StoreError>);
}

/// How a write's work ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ran {
    /// What it wrote is to be kept.
    Keep,
    /// It refused, and what it wrote is to be undone.
    Undo,
}

type Answer<T, R> = Result<Result<T, R>, StoreError>;

pub(super) struct Write<F, T, R> {
    work: F,
    result: Option<Result<T, R>>,
    reply: oneshot::Sender<Answer<T, R>>,
}

impl<F, T, R> Write<F, T, R> {
    pub(super) fn new(work: F) -> (Write<F, T, R>, oneshot::Receiver<Answer<T, R>>) {
        let (reply, answer) = oneshot::channel();
        (Write { work, result: None, reply }, answer)
    }
}

impl<F, T, R> Job for Write<F, T, R>
where
    F: FnMut(&Sql<'_>) -> Result<Result<T, R>, StoreError> + Send,
    T: Send,
    R: Send,
{
    fn run(&mut self, sql: &Sql<'_>) -> Result<Ran, StoreError> {
        let sql = sql.afresh();
        let result = (self.work)(&sql)?;
        let ran = if result.is_err() && sql.wrote() { Ran::Undo } else { Ran::Keep };
        self.result = Some(result);
        Ok(ran)
    }

    fn finish(self: Box<Self>, committed: Result<(), StoreError>) {
        let Write { work: _, result, reply } = *self;
        // A caller that has gone away loses its answer, not its write: it will ask again by key.
        let _ = reply.send(committed.and_then(|()| result.ok_or(StoreError::Closed)));
    }
}
