//! One write that waits for its turn: run inside a transaction, maybe more than once, then told how the commit went.

use std::any::Any;

use tokio::sync::oneshot;

use super::sql::Sql;
use crate::store::StoreError;

pub(crate) trait Job: Send {
    fn run(&mut self, sql: &Sql<'_>) -> Result<Ran, StoreError>;
    fn finish(self: Box<Self>, committed: Result<(), StoreError>);
    /// The write as what it is, where many of its kind can be carried out together.
    fn as_known(&self) -> Option<&dyn Any>;
    /// The same, to be given what it came to.
    fn as_known_mut(&mut self) -> Option<&mut dyn Any>;
}

/// A write of a known kind, which may be carried out alone or together with its like.
pub(crate) trait Work: Send + 'static {
    /// What it comes to.
    type Done: Send + 'static;

    /// Carries it out alone.
    fn run(&mut self, sql: &Sql<'_>) -> Result<Self::Done, StoreError>;
}

/// A write of a known kind that waits.
pub(crate) struct Known<W: Work> {
    pub(crate) work: W,
    /// What it came to, once it was carried out.
    pub(crate) done: Option<W::Done>,
    reply: oneshot::Sender<Result<W::Done, StoreError>>,
}

impl<W: Work> Known<W> {
    pub(super) fn new(work: W) -> (Known<W>, oneshot::Receiver<Result<W::Done, StoreError>>) {
        let (reply, answer) = oneshot::channel();
        (Known { work, done: None, reply }, answer)
    }
}

impl<W: Work> Job for Known<W> {
    fn run(&mut self, sql: &Sql<'_>) -> Result<Ran, StoreError> {
        self.done = Some(self.work.run(sql)?);
        Ok(Ran::Keep)
    }

    fn finish(self: Box<Self>, committed: Result<(), StoreError>) {
        let Known { work: _, done, reply } = *self;
        // A caller that has gone away loses its answer, not its write: it will ask again by key.
        let _ = reply.send(committed.and_then(|()| done.ok_or(StoreError::Closed)));
    }

    fn as_known(&self) -> Option<&dyn Any> {
        Some(self)
    }

    fn as_known_mut(&mut self) -> Option<&mut dyn Any> {
        Some(self)
    }
}

/// How a write's work ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ran {
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

    fn as_known(&self) -> Option<&dyn Any> {
        None
    }

    fn as_known_mut(&mut self) -> Option<&mut dyn Any> {
        None
    }
}
