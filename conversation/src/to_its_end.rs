//! Work that ends whoever waits for it: it runs where its caller waits, and goes on in a task of its own when the caller
//! goes away. Nearly every caller stays, and then no task is made and nobody has to be woken across one. Used by
//! whoever answers over something that drops a handler when its caller has gone: HTTP at the edge, unary calls at the hub.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TrackedFuture;

/// The work. It comes to none where it panicked.
pub struct ToItsEnd<F: Future<Output: Send> + Send + 'static> {
    /// Boxed, so that it can be handed over; none once it has ended.
    work: Option<Pin<Box<TrackedFuture<F>>>>,
}

impl<F: Future<Output: Send> + Send + 'static> ToItsEnd<F> {
    /// Work that the tracker waits for, wherever it runs.
    pub fn new(tasks: &TaskTracker, work: F) -> ToItsEnd<F> {
        ToItsEnd { work: Some(Box::pin(tasks.track_future(work))) }
    }
}

impl<F: Future<Output: Send> + Send + 'static> Future for ToItsEnd<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<F::Output>> {
        // Taken out, so that work which panicked is not handed over.
        let Some(mut work) = self.work.take() else { return Poll::Ready(None) };
        match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(cx))) {
            Ok(Poll::Ready(ended)) => Poll::Ready(Some(ended)),
            Ok(Poll::Pending) => {
                self.work = Some(work);
                Poll::Pending
            }
            Err(_) => Poll::Ready(None),
        }
    }
}

impl<F: Future<Output: Send> + Send + 'static> Drop for ToItsEnd<F> {
    fn drop(&mut self) {
        // Without a runtime the process is ending, and what is under way is found out by the next.
        if let (Some(work), Ok(runtime)) = (self.work.take(), Handle::try_current()) {
            runtime.spawn(work);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn what_nobody_waits_for_any_more_goes_on() {
        let tasks = TaskTracker::new();
        let (go, gone) = oneshot::channel::<()>();
        let (told, heard) = oneshot::channel();
        let mut work = Box::pin(ToItsEnd::new(&tasks, async move {
            let _ = gone.await;
            told.send(()).expect("somebody listens");
        }));
        assert!(work.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        drop(work);
        assert_eq!(tasks.len(), 1, "it is still waited for");
        go.send(()).expect("it goes on");
        heard.await.expect("it ended");
        tasks.close();
        tasks.wait().await;
    }

    #[tokio::test]
    async fn what_was_never_begun_goes_on_too() {
        let (tasks, (told, heard)) = (TaskTracker::new(), oneshot::channel());
        drop(ToItsEnd::new(&tasks, async move { told.send(()).expect("somebody listens") }));
        heard.await.expect("it ended");
    }

    #[tokio::test]
    async fn what_panics_ends_and_is_not_waited_for() {
        let tasks = TaskTracker::new();
        let ended: Option<()> = ToItsEnd::new(&tasks, async { panic!("a fault") }).await;
        assert_eq!((ended, tasks.len()), (None, 0));
    }
}
