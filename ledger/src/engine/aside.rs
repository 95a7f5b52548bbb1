//! Long work beside whoever uses a store, step by step. While nobody else writes, steps are large and follow one another;
//! while somebody does, each rests before it begins, and is as large as what the others made of work for it and a little
//! more, up to a step alone. So nobody waits long behind one, what it leaves to the disk is spread, and the work gains on
//! whoever makes more of it, as long as they come no faster than such steps do.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::Engine;

/// How long it rests before a step while others write.
const REST: Duration = Duration::from_millis(15);
/// Whoever settles writes so often for what is one row to whoever folds: when it is received, and when it is answered.
const WRITES_OF_ONE: u64 = 2;

/// How many writes a store was asked for since it was opened, by this process.
#[derive(Clone, Default)]
pub(super) struct Asked(Arc<AtomicU64>);

impl Asked {
    pub(super) fn one_more(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn so_far(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A row of steps, each of which writes once.
pub(crate) struct Aside {
    asked: Asked,
    /// How many writes there were when the step before began; none before the first.
    before: Option<u64>,
}

/// How many rows a step takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Steps {
    /// While nobody else writes, and never more than this.
    pub(crate) alone: i64,
    /// While somebody does, beside what they write.
    pub(crate) beside: i64,
}

impl Aside {
    pub(crate) fn new(engine: &Engine) -> Aside {
        Aside { asked: engine.asked.clone(), before: None }
    }

    /// Rests if others wrote since the step before began, and tells how many rows the next one takes.
    pub(crate) async fn next(&mut self, Steps { alone, beside }: Steps) -> i64 {
        let so_far = self.asked.so_far();
        let Some(before) = self.before.replace(so_far) else { return beside };
        match so_far.saturating_sub(before + 1) {
            0 => alone,
            others => {
                tokio::time::sleep(REST).await;
                beside.saturating_add_unsigned(others / WRITES_OF_ONE).min(alone)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    const STEPS: Steps = Steps { alone: 500, beside: 100 };

    /// The next step, and how long it rested before; the time is the test's own.
    async fn next(aside: &mut Aside) -> (i64, Duration) {
        let begun = Instant::now();
        (aside.next(STEPS).await, begun.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn it_gives_way_to_others_alone() {
        let asked = Asked::default();
        let mut aside = Aside { asked: asked.clone(), before: None };
        let write = |times: u64| (0..times).for_each(|_| asked.one_more());
        assert_eq!(next(&mut aside).await, (100, Duration::ZERO), "it does not know yet");
        write(1);
        assert_eq!(next(&mut aside).await, (500, Duration::ZERO), "only itself wrote");
        write(1 + 80);
        assert_eq!(next(&mut aside).await, (140, REST), "others wrote");
        write(1 + 10_000);
        assert_eq!(next(&mut aside).await, (500, REST), "no step is larger than one alone");
        write(1);
        assert_eq!(next(&mut aside).await, (500, Duration::ZERO), "they have gone");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_written_while_it_rests_counts() {
        let asked = Asked::default();
        let mut aside = Aside { asked: asked.clone(), before: Some(0) };
        (0..3).for_each(|_| asked.one_more());
        let (step, ()) = tokio::join!(aside.next(STEPS), async { (0..6).for_each(|_| asked.one_more()) });
        assert_eq!(step, 101);
        asked.one_more();
        assert_eq!(next(&mut aside).await, (103, REST));
    }
}
