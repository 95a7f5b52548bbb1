//! A simulated month from its first settlement to its closing, with the hub's clock moved from day to day and everything
//! timed. What is due on a day, the hub's own clearing does.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use broker::clearing::Clearing;
use clearing::breaks::Books;
use clearing::calendar::Calendar;
use clearing::month::Month;
use identity::name::all_regions;
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use ledger::clock::Clock;
use ledger::hub::{HubStore, PeriodNumber};
use ledger::leaves::Scope;
use reconciliation::book::READING;
use settlement::beijing;
use settlement::ids::MemberCode;
use settlement::region::RegionTable;

use super::super::papers;
use super::fill::{Tally, fill};
use super::hub::{Replies, Simulated};
use super::shape::Shape;

/// The period of the month: the first of a new book.
pub const PERIOD: PeriodNumber = PeriodNumber(1);
/// So many branches are agreed on in one commit.
const AGREED_AT_ONCE: usize = 1_000;

/// How long each kind of work took, in the order in which it first came.
#[derive(Clone, Debug, Default)]
pub struct Times(Vec<(String, Duration)>);

impl Times {
    /// Adds to a kind of work.
    pub fn add(&mut self, what: &str, took: Duration) {
        match self.0.iter_mut().find(|(known, _)| known == what) {
            Some((_, sum)) => *sum += took,
            None => self.0.push((what.to_owned(), took)),
        }
    }

    /// Every kind of work.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Duration)> {
        self.0.iter().map(|(what, took)| (what.as_str(), *took))
    }

    /// Carries work out, and adds to its kind.
    ///
    /// # Errors
    /// The work's.
    pub async fn of<T, E>(&mut self, what: &str, work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        let begun = Instant::now();
        let done = work.await?;
        self.add(what, begun.elapsed());
        Ok(done)
    }
}

/// Has everything done that is due at an instant, timed by kind: pairs are carried out many at once, all of one kind in
/// turn.
///
/// # Errors
/// When the store fails.
pub async fn advance(clearing: &Clearing, now: Timestamp, times: &mut Times) -> Result<()> {
    let mut begun = Instant::now();
    let tell = |_, step: clearing::period::Step| {
        times.add(step.word(), begun.elapsed());
        begun = Instant::now();
    };
    clearing.advance_telling(now, tell).await?;
    Ok(())
}

/// Noon of a day.
///
/// # Errors
/// When the day is beyond any calendar.
pub fn noon(day: Date) -> Result<Timestamp> {
    beijing::instant_of(day.at(12, 0, 0, 0)).context("a day beyond any calendar")
}

/// What the run stands on.
pub struct Ground {
    /// Where everything is kept.
    pub folder: PathBuf,
    /// The table of regions, the calendar.
    pub deploy: PathBuf,
    /// The table, as it was read.
    pub regions: Arc<RegionTable>,
    /// The calendar, as it was read.
    pub calendar: Arc<Calendar>,
    /// The month.
    pub month: Month,
}

/// What a run came to, for the report and the checks.
pub struct Course {
    /// What was sent.
    pub tally: Tally,
    /// How long everything took.
    pub times: Times,
    /// How members replied.
    pub replies: Replies,
    /// Pairs that were paid.
    pub paid: u64,
    /// The files that were written.
    pub documents: usize,
}

/// Fills the month and runs it through.
///
/// # Errors
/// When a part does not start or refuses.
pub async fn run(ground: &Ground, shape: &Shape, simulated: &Simulated, clock: &Clock) -> Result<Course> {
    let (mut times, store) = (Times::default(), simulated.hub.store().clone());
    let clearing = Clearing::new(store.clone(), ground.regions.clone(), ground.calendar.clone());
    let schedule = ground.calendar.schedule(ground.month);
    let month = ground.month.to_string();
    // Named on its first day, as by the hub's own job.
    clearing.advance(clock.now()).await?;
    let tally = times.of("fill", fill(&store, &ground.regions, shape)).await?;
    clock.set(schedule.cut_off - 1.hour());
    times.of("fold through the month", store.journal_fold(READING)).await?;
    times.of("keep the digests", refresh(&store)).await?;
    times.of("agree on every day", agree(&store, clock.now())).await?;
    clock.set(schedule.cut_off);
    advance(&clearing, clock.now(), &mut times).await?;
    clock.set(noon(schedule.clearing_day)?);
    advance(&clearing, clock.now(), &mut times).await?;
    let mut replies = times.of("members reply", simulated.reply(&month)).await?;
    // Who was objected to gets the next version, and both sides look at that.
    advance(&clearing, clock.now(), &mut times).await?;
    replies.confirmed += times.of("members reply", simulated.reply(&month)).await?.confirmed;
    let after = schedule.confirm_by.tomorrow()?;
    clock.set(noon(after)?);
    advance(&clearing, clock.now(), &mut times).await?;
    let paid_on = after.tomorrow()?;
    clock.set(noon(paid_on)?);
    let paid = times.of("members pay", simulated.pay(&month, &paid_on.to_string())).await?;
    advance(&clearing, clock.now(), &mut times).await?;
    let documents = times.of("documents", documents(ground, simulated, &month)).await?;
    Ok(Course { tally, times, replies, paid, documents })
}

/// Has every branch of a book that has no others to be compared with agreed on as it is folded by now, as comparisons would
/// have left it.
///
/// # Errors
/// When the store fails.
pub async fn agree(store: &HubStore, now: Timestamp) -> Result<()> {
    let roots: Vec<_> =
        store.leaves().leaf_roots((Date::MIN, Date::MAX), Scope::default()).await?.into_iter().collect();
    for books in [Books::TreatmentHub, Books::HubHome] {
        for some in roots.chunks(AGREED_AT_ONCE) {
            store.agreement_record(books, some.to_vec(), now).await?;
        }
    }
    Ok(())
}

async fn refresh(store: &HubStore) -> Result<()> {
    Ok(store.leaves().leaf_refresh().await?)
}

async fn documents(ground: &Ground, simulated: &Simulated, month: &str) -> Result<usize> {
    let period = simulated.period(month, None).await?;
    let (regions, accounts) = (ground.deploy.join("regions.csv"), ground.folder.join("accounts.csv"));
    write_accounts(&accounts, simulated.members(), &ground.regions)?;
    let wanted = papers::Wanted {
        member: None,
        speaks_for: [all_regions()].into(),
        regions: &regions,
        accounts: &accounts,
        settlements: false,
        version: 0,
    };
    let out = ground.folder.join("documents");
    papers::write(&mut simulated.operator(), &period, &wanted, &out).await?;
    count_files(&out)
}

/// An account for each member, so that no notice is without one.
fn write_accounts<'m>(file: &Path, members: impl Iterator<Item = &'m str>, regions: &RegionTable) -> Result<()> {
    let mut table = csv::Writer::from_path(file).with_context(|| format!("cannot write {}", file.display()))?;
    table.write_record(["member", "name", "bank", "number"])?;
    for member in members {
        let code = settlement::ids::RegionCode::new(member)?;
        let name = format!("{}社会保障基金财政专户", regions.name_of(MemberCode(code).0));
        table.write_record([member, name.as_str(), "模拟银行", &format!("62{member}00000001")])?;
    }
    Ok(table.flush()?)
}

fn count_files(folder: &Path) -> Result<usize> {
    let mut count = 0;
    for entry in std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        count += if path.is_dir() { count_files(&path)? } else { 1 };
    }
    Ok(count)
}

/// Reads the table of regions and the calendar, and makes the folder, which must not hold a month already.
///
/// # Errors
/// What cannot be read, or a folder that is in use.
pub fn prepare(folder: &Path, deploy: &Path, month: Month) -> Result<Ground> {
    let store = folder.join("hub.db");
    ensure!(!store.exists(), "{} is there already: give an empty folder", store.display());
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let regions = Arc::new(crate::line::read_regions(deploy)?);
    let calendar = Arc::new(read_calendar(deploy)?);
    Ok(Ground { folder: folder.to_owned(), deploy: deploy.to_owned(), regions, calendar, month })
}

/// Reads the calendar of a `deploy` folder.
///
/// # Errors
/// When it cannot be read or has faults.
pub fn read_calendar(deploy: &Path) -> Result<Calendar> {
    let path = deploy.join("calendar.toml");
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    Calendar::parse(&text).map_err(|faults| {
        let faults: BTreeMap<usize, String> = faults.iter().map(ToString::to_string).enumerate().collect();
        anyhow::anyhow!("{}: {}", path.display(), faults.into_values().collect::<Vec<_>>().join("; "))
    })
}
