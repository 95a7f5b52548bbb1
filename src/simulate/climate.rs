//! How much goes wrong in a run. Each seed has a climate of its own: some kinds of fault are absent from it, others
//! frequent, so that every mixture comes up. At the end of a run the weather clears, and nothing goes wrong any more.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::chance::Chance;
use super::record::Record;

/// How often each fault happens, in a thousand.
#[derive(Clone, Copy, Debug)]
pub struct Climate {
    /// A request never arrives.
    pub request_lost: u64,
    /// A reply never arrives.
    pub reply_lost: u64,
    /// A request arrives twice, the second time maybe late.
    pub doubled: u64,
    /// A request arrives after its sender stopped waiting.
    pub late: u64,
    /// A connection is refused although the other side is there.
    pub refused: u64,
    /// The other side gives a request up when its sender does.
    pub given_up: u64,
    /// A commit fails.
    pub commit_fails: u64,
    /// A commit counts, and is said to have failed.
    pub commit_lies: u64,
    /// A commit takes seconds.
    pub commit_stalls: u64,
    /// A commit counts at once, and is said to have counted seconds later.
    pub commit_late: u64,
    /// A commit never comes back.
    pub commit_hangs: u64,
    /// The process dies just before a commit.
    pub dies_before: u64,
    /// The process dies just after a commit.
    pub dies_after: u64,
    /// A node is killed, between two acts of a desk's.
    pub killed: u64,
    /// A node's clock jumps.
    pub clock_jumps: u64,
    /// A home region changes its rules.
    pub rules_change: u64,
    /// The open period is cut off.
    pub cut_off: u64,
    /// A letter is posted.
    pub letter: u64,
}

impl Climate {
    /// The climate of a seed.
    pub fn of(chance: &Chance) -> Climate {
        // One seed in eight is calm; in the others a third of the kinds is absent.
        let storm = !chance.happens(125);
        let most = |most| if storm && !chance.happens(333) { chance.below(most) } else { 0 };
        Climate {
            request_lost: most(120),
            reply_lost: most(120),
            doubled: most(120),
            late: most(100),
            refused: most(80),
            given_up: most(500),
            commit_fails: most(40),
            commit_lies: most(40),
            commit_stalls: most(30),
            commit_late: most(30),
            commit_hangs: most(8),
            dies_before: most(20),
            dies_after: most(20),
            killed: most(600),
            clock_jumps: most(300),
            rules_change: most(300),
            cut_off: most(300),
            letter: most(1_000),
        }
    }
}

/// What everything in a run shares.
pub struct Context {
    /// Chance.
    pub chance: Chance,
    /// How much goes wrong.
    pub climate: Climate,
    /// What happened.
    pub record: Record,
    commits: AtomicU64,
    cleared: AtomicBool,
    observing: AtomicBool,
}

impl Context {
    /// The context of a seed. The weather is fair until it breaks out.
    pub fn of(seed: u64, looked_at: bool) -> Arc<Context> {
        let chance = Chance::of(seed);
        let climate = Climate::of(&chance);
        let (cleared, observing) = (AtomicBool::new(true), AtomicBool::new(false));
        let commits = AtomicU64::new(0);
        Arc::new(Context { chance, climate, record: Record::new(looked_at), commits, cleared, observing })
    }

    /// Notes that something was, or may have been, committed somewhere.
    pub fn committed(&self) {
        self.commits.fetch_add(1, Ordering::Relaxed);
    }

    /// How often something was committed: as long as it stays the same, all books do.
    pub fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    /// Whether a fault happens now, and noted if it does.
    pub fn strikes(&self, per_mille: u64, kind: &'static str, place: &str) -> bool {
        let strikes = per_mille > 0 && !self.has_cleared() && self.chance.happens(per_mille);
        if strikes {
            self.record.fault(kind, place);
        }
        strikes
    }

    /// From now on everything goes wrong that the climate has.
    pub fn break_out(&self) {
        self.cleared.store(false, Ordering::Relaxed);
    }

    /// From now on nothing goes wrong.
    pub fn clear(&self) {
        self.cleared.store(true, Ordering::Relaxed);
    }

    /// Whether nothing goes wrong any more.
    pub fn has_cleared(&self) -> bool {
        self.cleared.load(Ordering::Relaxed)
    }

    /// Whether somebody looks at the books who is no part of the world: then nothing waits and nothing is drawn.
    pub fn is_observed(&self) -> bool {
        self.observing.load(Ordering::Relaxed)
    }

    /// Begins or ends looking at the books.
    pub fn observe(&self, observing: bool) {
        self.observing.store(observing, Ordering::Relaxed);
    }
}
