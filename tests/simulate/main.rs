//! The simulator's own tests: that its worlds hold, that a seed always gives the same run, and that it finds bugs which
//! were planted on purpose. `YIDI_SEEDS` says how many seeds; long runs are `yidi simulate`.

mod lists;
mod meddled;
mod quarter;
mod sheet;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;

use yidi::simulate::fixtures::Fixtures;
use yidi::simulate::planted::Planted;
use yidi::simulate::{Course, Report, many, run};

/// How many seeds are run where nobody says otherwise: a few.
const SEEDS: u64 = 40;
/// Within so many seeds a planted bug is found.
const SEEDS_A_BUG: u64 = 1_000;

fn deploy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy")
}

fn simulate(seeds: u64, planted: Option<Planted>) -> Report {
    let threads = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let over = Arc::new(AtomicBool::new(false));
    let course = Course { seeds: 1..seeds + 1, threads, until: None, planted, most_failures: 1, over };
    many(&deploy(), course).expect("worlds can be built")
}

#[test]
fn what_must_always_hold_holds_after_every_step() {
    let seeds = std::env::var("YIDI_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(SEEDS);
    let report = simulate(seeds, None);
    assert!(report.failures.is_empty(), "{:#?}", report.failures);
    assert!(report.seeds == seeds && report.steps > 10 * seeds, "{report:?}");
}

#[test]
fn a_seed_always_gives_the_same_run() {
    let fixtures = Arc::new(Fixtures::read(&deploy()).expect("fixtures"));
    for seed in [7, 8, 9] {
        let [first, second] =
            [(); 2].map(|()| run::run(seed, &fixtures, None, false).expect("a world can be built").summary);
        assert_eq!(first, second, "seed {seed}");
    }
}

#[test]
fn each_planted_bug_is_found_within_a_thousand_seeds() {
    for planted in Planted::ALL {
        let report = simulate(SEEDS_A_BUG, Some(planted));
        let (seed, findings) = report.failures.first().unwrap_or_else(|| panic!("{planted:?} is not found"));
        let breaks = planted.breaks();
        assert!(
            findings.iter().any(|finding| breaks.iter().any(|sentence| finding.starts_with(sentence))),
            "{planted:?} at seed {seed}: {findings:#?}"
        );
        eprintln!("{planted:?} is found at seed {seed}, after {} seeds: {}", report.seeds, findings.join("; "));
    }
}
