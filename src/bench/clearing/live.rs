//! Live traffic while a month is folded, cut off, proved, stated, noticed, paid and closed: a hub with a month of the
//! whole country in its book, in which some is deducted, in dispute and objected to; settlements coming at a share of its
//! top, and how many were carried out in each second.
#![allow(clippy::float_arithmetic)]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use broker::clearing::Clearing;
use jiff::{Timestamp, ToSpan};
use ledger::hub::HubStore;
use serde_json::json;

use super::super::book::Book;
use super::super::ground::{Ground, HOME, pool};
use super::super::measured::{median, thousandth};
use super::super::open_loop::{Schedule, open_loop};
use super::super::operations::Operations;
use super::super::report::Report;
use super::super::rig::Rig;
use super::super::settle::{Scale, StoreChoice};
use super::super::subject::To;
use super::{close, life, month};
use crate::clearing::simulate::course::{noon, read_calendar};
use crate::line::read_regions;
use crate::output;

/// The share of the top at which settlements come. The clearing itself needs a core while it folds and proves.
const SHARE: f64 = 0.3;
const WARM_UP: Duration = Duration::from_secs(2);
/// How long the hub's top is measured.
const TOP: Duration = Duration::from_secs(4);
/// People of the home region whose settlements come.
const PEOPLE: u64 = 100_000;
const IN_FLIGHT: usize = 128;
/// Between two steps, so that each has seconds of its own.
const BETWEEN: Duration = Duration::from_secs(1);
/// What the steps take at most, all together.
const LONGEST: Duration = Duration::from_secs(300);
/// So many seconds in a row tell a dip from a stall that the next second makes up for.
const TOGETHER: usize = 3;
/// The longest bar of the chart.
const WIDTH: f64 = 48.0;

/// What a hub part can be asked to do to its periods, and waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Everything that is due at an instant.
    Advance(Timestamp),
    /// What members do to a month before it is cut off, see [`life::review`].
    Review(Timestamp),
    /// Some objections to statements, see [`life::object`].
    Object(Timestamp),
    /// Recording that everything that is noticed is paid, at an instant.
    Pay(Timestamp),
}

impl Asked {
    /// The word that a part takes.
    pub fn word(self) -> String {
        match self {
            Asked::Advance(at) => format!("advance {}", at.as_microsecond()),
            Asked::Review(at) => format!("review {}", at.as_microsecond()),
            Asked::Object(at) => format!("object {}", at.as_microsecond()),
            Asked::Pay(at) => format!("pay {}", at.as_microsecond()),
        }
    }

    /// Reads a word.
    pub fn read(word: &str) -> Option<Asked> {
        let (what, at) = word.split_once(' ')?;
        let at = Timestamp::from_microsecond(at.parse().ok()?).ok()?;
        match what {
            "advance" => Some(Asked::Advance(at)),
            "review" => Some(Asked::Review(at)),
            "object" => Some(Asked::Object(at)),
            "pay" => Some(Asked::Pay(at)),
            _ => None,
        }
    }

    /// Does it, and says what was done.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn carry_out(self, store: &HubStore, deploy: &Path) -> Result<String> {
        // What comes live is compared with nobody.
        let (regions, calendar) = (read_regions(deploy)?, read_calendar(deploy)?.without_comparing());
        let clearing = Clearing::new(store.clone(), Arc::new(regions), Arc::new(calendar));
        match self {
            Asked::Advance(at) => Ok(format!("{} steps", clearing.advance(at).await?.len())),
            Asked::Review(at) => life::review(store, at).await,
            Asked::Object(at) => life::object(store, &clearing, at).await,
            Asked::Pay(at) => close::pay(store, &clearing, at).await.map(|()| "paid".to_owned()),
        }
    }
}

/// A step of the clearing, and the seconds of the run in which it was under way.
struct Event {
    name: &'static str,
    from: Duration,
    to: Duration,
}

/// Runs settlements through a hub while it clears the month of its book; the run ends when the month is closed, and some
/// quiet seconds after.
///
/// # Errors
/// When a part does not start, or the month does not close.
pub async fn measure(ground: &Ground, book: &Book, quiet: Duration, report: &mut Report) -> Result<Live> {
    let operations = Arc::new(Operations::new(pool(HOME)?, PEOPLE)?);
    let mut rig = Rig::hub(ground, book, &operations, &scale())?;
    report.note("live traffic: the hub's top …");
    let top = rig.closed_loop(&scale()).await?.per_second();
    let steps = steps(ground.deploy())?;
    // The steps take what they take; requests are due until told to end.
    let longest = quiet * 2 + LONGEST;
    let schedule = Schedule { per_second: top * SHARE, warm_up: Duration::ZERO, measured: longest };
    report.note(&format!("live traffic: {:.0} settlements a second, clearing beside …", schedule.per_second));
    let counts = Counts::new(longest);
    let (subject, crew, counting) = (rig.subject.clone(), rig.subject.crew.clone(), counts.clone());
    let begun = Instant::now();
    let traffic = tokio::spawn(async move {
        open_loop(schedule, &crew, move |due| {
            let (subject, counting) = (subject.clone(), counting.clone());
            async move {
                if counting.ended.load(Ordering::Relaxed) {
                    return Ok(());
                }
                let settled = subject.settle(due.lane(), To::Home).await;
                counting.note(begun.elapsed(), settled.is_ok());
                settled
            }
        })
        .await
    });
    tokio::time::sleep(WARM_UP + quiet).await;
    let mut events = Vec::new();
    for (name, asked) in steps {
        let from = begun.elapsed();
        let hub = rig.middle.first_mut().context("no hub")?;
        let said = tokio::task::block_in_place(|| hub.ask(&asked.word()))?;
        report.note(&format!("{name}: {said}"));
        events.push(Event { name, from, to: begun.elapsed() });
        tokio::time::sleep(BETWEEN).await;
    }
    tokio::time::sleep(quiet).await;
    let ended = begun.elapsed();
    counts.ended.store(true, Ordering::Relaxed);
    traffic.abort();
    let seconds = counts.seconds(WARM_UP, ended);
    tell(&seconds, &events, (top, counts.failed()), report)
}

fn scale() -> Scale {
    Scale {
        store: StoreChoice::Sqlite,
        rounds: 1,
        warm_up: WARM_UP,
        measured: TOP,
        in_flight: IN_FLIGHT,
        stays: None,
        filings: 0,
        stored: 0,
        hubs: 1,
        commit_delay_ms: 0,
    }
}

fn steps(deploy: &Path) -> Result<Vec<(&'static str, Asked)>> {
    let schedule = read_calendar(deploy)?.schedule(month()?);
    let (open, stated) = (schedule.cut_off - 1.hour(), noon(schedule.clearing_day)?);
    let after = noon(schedule.confirm_by.tomorrow()?)?;
    Ok(vec![
        ("fold", Asked::Advance(open)),
        ("deductions and breaks", Asked::Review(open)),
        ("cut-off and proof", Asked::Advance(schedule.cut_off)),
        ("statements", Asked::Advance(stated)),
        ("objections", Asked::Object(stated)),
        ("statements anew", Asked::Advance(stated)),
        ("silence and notices", Asked::Advance(after)),
        ("payments", Asked::Pay(after)),
        ("closing", Asked::Advance(after)),
    ])
}

/// How many settlements were carried out in each second.
#[derive(Clone)]
struct Counts {
    seconds: Arc<[AtomicU64]>,
    failed: Arc<AtomicU64>,
    /// Nothing more is sent.
    ended: Arc<AtomicBool>,
}

impl Counts {
    fn new(longest: Duration) -> Counts {
        let seconds = (0..=longest.as_secs()).map(|_| AtomicU64::new(0)).collect();
        Counts { seconds, failed: Arc::default(), ended: Arc::default() }
    }

    fn note(&self, at: Duration, settled: bool) {
        let second = usize::try_from(at.as_secs()).ok().and_then(|second| self.seconds.get(second));
        match (settled, second) {
            (true, Some(second)) => second.fetch_add(1, Ordering::Relaxed),
            (true, None) | (false, _) => self.failed.fetch_add(1, Ordering::Relaxed),
        };
    }

    fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }

    /// The whole seconds between two moments, by their number.
    fn seconds(&self, from: Duration, to: Duration) -> Vec<(usize, f64)> {
        let count = |second: &AtomicU64| second.load(Ordering::Relaxed) as f64;
        let (from, to) = (whole(from), whole(to));
        self.seconds.iter().map(count).enumerate().take(to).skip(from).collect()
    }
}

fn whole(at: Duration) -> usize {
    usize::try_from(at.as_secs()).unwrap_or(usize::MAX)
}

/// What live traffic noticed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Live {
    /// By how much the fewest settlements of [`TOGETHER`] seconds in a row, while the month was cleared, fell short of
    /// what they are when it is quiet, as a share.
    pub dip: f64,
    /// How many settlements were not carried out.
    pub failed: u64,
}

/// The lowest of so many seconds in a row that hold, each over a figure; none where none do.
fn lowest(seconds: &[(usize, f64)], together: usize, over: f64, holds: impl Fn(usize) -> bool) -> Option<f64> {
    let rows = seconds.windows(together).filter(|row| row.iter().all(|(second, _)| holds(*second)));
    let mean = |row: &[(usize, f64)]| row.iter().map(|(_, count)| count).sum::<f64>() / together as f64;
    rows.map(|row| mean(row) / over).reduce(f64::min)
}

fn tell(seconds: &[(usize, f64)], events: &[Event], (top, failed): (f64, u64), report: &mut Report) -> Result<Live> {
    let (Some(first), Some(last)) = (events.first(), events.last()) else { bail!("nothing happened") };
    let (from, to) = (whole(first.from), whole(last.to));
    let within = |second: usize| (from..=to).contains(&second);
    let before = median(seconds.iter().filter(|(second, _)| *second < from).map(|(_, count)| *count).collect());
    report.say("Live traffic: settlements carried out in each second, with what was done beside them.");
    let mut table = output::table(["second", "settled", "", "beside"]);
    let highest = seconds.iter().map(|(_, count)| *count).fold(1.0, f64::max);
    for (second, count) in seconds {
        let beside = events.iter().filter(|event| (whole(event.from)..=whole(event.to)).contains(second));
        let names: Vec<&str> = beside.map(|event| event.name).collect();
        table.add_row([second.to_string(), count.to_string(), bar(*count / highest), names.join(", ")]);
    }
    report.table(&table);
    let figure = |ratio: Option<f64>| ratio.map_or(json!(null), thousandth);
    report.figure("live_lowest_second_ratio", figure(lowest(seconds, 1, before, within)));
    report.figure("live_noise_ratio", figure(lowest(seconds, 1, before, |second| !within(second))));
    report.figure("live_lowest_together_ratio", figure(lowest(seconds, TOGETHER, before, within)));
    report.figure("live_noise_together_ratio", figure(lowest(seconds, TOGETHER, before, |second| !within(second))));
    report.figure("live_per_second", json!(before.round()));
    report.figure("live_share_of_top", thousandth(before / top));
    let told = events.iter().map(|event| {
        json!({ "step": event.name, "from_ms": event.from.as_millis() as u64, "to_ms": event.to.as_millis() as u64 })
    });
    let counts: Vec<f64> = seconds.iter().map(|(_, count)| *count).collect();
    report.detail(
        "live",
        json!({ "first_second": seconds.first().map(|(second, _)| second), "settled": counts,
        "steps": told.collect::<Vec<_>>(), "top_per_second": top.round() }),
    );
    // Where it was over before so many seconds had gone, whatever there is counts.
    let lowest = lowest(seconds, TOGETHER, before, within).or_else(|| lowest(seconds, 1, before, within));
    Ok(Live { dip: 1.0 - lowest.context("nothing was counted while the month was cleared")?, failed })
}

fn bar(share: f64) -> String {
    let blocks = (share * WIDTH).round();
    std::iter::successors(Some(1.0), |block| Some(block + 1.0))
        .take_while(|block| *block <= blocks)
        .map(|_| '▇')
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_part_is_asked_reads_back() {
        let at = Timestamp::from_microsecond(1_751_299_200_000_000).expect("an instant");
        for asked in [Asked::Advance(at), Asked::Review(at), Asked::Object(at), Asked::Pay(at)] {
            assert_eq!(Asked::read(&asked.word()), Some(asked));
        }
        for word in ["cut-off", "pay", "advance soon", "close 5"] {
            assert_eq!(Asked::read(word), None, "{word}");
        }
    }

    #[test]
    fn the_lowest_second_is_looked_for_where_it_counts() {
        let seconds = [(2, 100.0), (3, 90.0), (4, 40.0), (5, 100.0), (6, 80.0)];
        assert_eq!(lowest(&seconds, 1, 100.0, |second| (4..=5).contains(&second)), Some(0.4));
        assert_eq!(lowest(&seconds, 1, 100.0, |second| !(4..=5).contains(&second)), Some(0.8));
        assert_eq!(lowest(&seconds, 1, 100.0, |second| second > 9), None);
        assert_eq!(lowest(&seconds, 2, 100.0, |second| second > 2), Some(0.65));
        assert_eq!(lowest(&seconds, 3, 100.0, |second| second > 4), None);
        assert_eq!((bar(0.0).chars().count(), bar(0.5).chars().count(), bar(1.0).chars().count()), (0, 24, 48));
    }
}
