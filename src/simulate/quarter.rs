//! A simulated quarter, April to June 2025, of twelve members: the real hub with its jobs, and of each member a real home
//! region and a real treatment side. Lost answers, reversals, cancellations, deductions, corrections, an objection, a late
//! confirmation, altered answers, a hospital that lacks a settlement, a damaged book, a payment that two banks record
//! otherwise, a deduction that goes alone to the list and a member that does not pay happen in each; a seed decides the
//! traffic around them. It ends when all three months are closed, and leaves every member's documents behind.
//!
//! | look in | for |
//! |---|---|
//! | [`country`], [`nation`] | the members, and their nodes |
//! | [`lines`] | lines that go silent |
//! | [`altered`] | answers that are altered on them, and what becomes of their settlements |
//! | [`agreed`] | certificates of agreement |
//! | [`story`] | the days |
//! | [`hospital`], [`day_end`], [`offices`], [`payments`], [`reviews`] | who does something on them |
//! | [`explained`] | what differs between books, and why |
//! | [`watch`], [`holds`], [`owed`] | what must hold: after every step, and after every day |
//! | [`course`] | several quarters, for the command |

pub mod agreed;
pub mod altered;
pub mod country;
pub mod course;
pub mod day_end;
pub mod explained;
pub mod holds;
pub mod hospital;
pub mod lines;
pub mod nation;
pub mod offices;
pub mod owed;
pub mod payments;
pub mod reviews;
pub mod story;
pub mod watch;

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use clearing::calendar::Calendar;
use clearing::corrections::Correction;
use clearing::details::{Entry, Movement};
use clearing::month::Month;
use clearing::obligation::Lot;
use clearing::period::{Pair, Stage};
use clearing::statement::BankAccount;
use jiff::civil::Date;
use ledger::hub::{HubStore, PeriodNumber, Position};
use proto::convert;
use settlement::beijing;
use settlement::ids::{PoolCode, SettlementId};
use settlement::money::Money;
use settlement::outcome::Outcome;
use settlement::postings::Turn;

use crate::clearing::papers::fetched::read_moved;
use crate::clearing::papers::lists::{Booked, Page};
use crate::clearing::papers::whose::Whose;
use crate::clearing::papers::{ClearedMonth, write_all};
use crate::verify;
use agreed::Certified;
use altered::Ending;
use country::{Country, MEMBERS};
use nation::Nation;
use story::{Counts, Story};
use watch::Hand;

use super::climate::Context;
use super::record::Summary;

/// What a quarter came to.
pub struct Ran {
    /// Events and findings.
    pub summary: Summary,
    /// How often what happened.
    pub counts: Counts,
    /// What was planted: why, and whether it was found.
    pub planted: Vec<(&'static str, bool)>,
    /// How the settlements ended of which answers were altered.
    pub altered: Vec<Ending>,
    /// Certificates of agreement.
    pub certified: Certified,
    /// Objections of members.
    pub objections: usize,
    /// Entries that ended on the list.
    pub listed: usize,
    /// Entries whose settlement was made after the month of their period, and before it: the hub cut off a little late,
    /// and was told a little late.
    pub made_outside: [usize; 2],
    /// Deductions by where they stand.
    pub deductions: BTreeMap<&'static str, usize>,
    /// The months, as they were closed.
    pub months: Vec<ClearedMonth>,
    /// What each month undoes and brings back of settlements of earlier months, by the journal alone.
    pub corrected: BTreeMap<(Month, Pair), Money>,
    /// Each correction that is posted, with the month that clears it, as the hub has it.
    pub recomputed: Vec<(Month, Pair, Correction)>,
    /// Payments of which both sides recorded other facts and that ended by both accepting these, and on how many days one
    /// was told as open before.
    pub accepted: [usize; 2],
    /// How often was looked at what must hold, by what had happened.
    pub looks: BTreeMap<String, usize>,
}

/// Runs a seed to its end, with so many visits a day, and writes the documents of each month into a folder.
///
/// # Errors
/// When the nation cannot be built, or something is refused that must not be.
pub fn run(seed: u64, deploy: &Path, visits_a_day: u64, out: &Path, looked_at: bool) -> Result<Ran> {
    let country = Arc::new(Country::read(deploy)?);
    let calendar = calendar(deploy)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
    runtime.block_on(quarter(Context::of(seed, looked_at), country, calendar, visits_a_day, out))
}

/// Runs a seed until a day, with a test's hand in the hub's book after every look that a step has, and without those that
/// a day has; tells what was found.
///
/// # Errors
/// When the nation cannot be built.
pub fn run_meddled_with(seed: u64, deploy: &Path, hand: Hand, until: Date) -> Result<Vec<String>> {
    let (country, calendar) = (Arc::new(Country::read(deploy)?), calendar(deploy)?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
    runtime.block_on(async {
        let context = Context::of(seed, false);
        let begins = story::FIRST.at(0, 0, 0, 0);
        let nation = Nation::new(context.clone(), country, calendar, begins, Some(hand))?;
        nation.settle_in().await?;
        Story::new(nation, 0).live(until).await?;
        Ok(context.record.summary().findings)
    })
}

async fn quarter(
    context: Arc<Context>,
    country: Arc<Country>,
    calendar: Calendar,
    visits_a_day: u64,
    out: &Path,
) -> Result<Ran> {
    let nation = Nation::new(context.clone(), country, calendar, story::FIRST.at(0, 0, 0, 0), None)?;
    nation.settle_in().await?;
    let mut story = Story::new(nation.clone(), visits_a_day);
    if let Err(fault) = story.live(story::LAST).await {
        context.record.finding(format!("{}: nothing fails does not hold: {fault:#}", nation.today()));
    }
    let mut months = Vec::new();
    if !context.record.has_findings() {
        for period in 1..=3 {
            months.push(closed(&nation, PeriodNumber(period), out).await?);
        }
    }
    let store = &nation.hub().store;
    let carried = store.carried_all().await?;
    let mut deductions = BTreeMap::new();
    for held in store.deduction_list(None).await? {
        *deductions.entry(held.standing.word()).or_default() += 1;
    }
    Ok(Ran {
        listed: carried.iter().filter(|entry| entry.from.is_some() && entry.into.is_none()).count(),
        made_outside: made_outside(&nation).await?,
        corrected: corrected(&nation).await?,
        recomputed: recomputed(&nation).await?,
        accepted: [story.offices.payments.accepted, story.offices.payments.told_apart],
        looks: nation.watch().looks(),
        deductions,
        altered: story.explained.altered.iter().map(|(_, ending)| ending).collect(),
        certified: agreed::certified(&nation).await?,
        planted: story.explained.all().map(|(planted, found)| (planted.why, found)).collect(),
        objections: story.offices.objections,
        counts: story.counts,
        summary: context.record.summary(),
        months,
    })
}

/// How many entries of the quarter make a settlement after the month of their period, and before it.
async fn made_outside(nation: &Nation) -> Result<[usize; 2]> {
    let mut outside = [0, 0];
    for turn in verify::journal(&nation.hub().store).await?.iter().filter(|turn| turn.turn == Turn::Enter) {
        let Outcome::Accepted { decided_at, .. } = convert::read_outcome(&turn.outcome)? else { continue };
        let made = Month::of(beijing::day_of(decided_at));
        match made.cmp(&nation.hub().store.clearing_month_of(turn.period).await?) {
            Ordering::Greater => outside[0] += 1,
            Ordering::Less => outside[1] += 1,
            Ordering::Equal => {}
        }
    }
    Ok(outside)
}

/// A month that must be closed by now, with its documents written.
async fn closed(nation: &Nation, period: PeriodNumber, out: &Path) -> Result<ClearedMonth> {
    let standing = nation.clearing().standing(period).await?.context("the quarter's months are there")?;
    let (month, record) = (standing.record.month, &standing.record);
    let plan = nation.clearing().plan(period, nation.now()).await?;
    let waits = plan.waits.iter().map(|wait| wait.wanted.to_string()).collect::<Vec<_>>().join("; ");
    ensure!(
        record.stage() == Stage::Closed,
        "{month} is {} and not closed; it waits for {waits}",
        record.stage().word()
    );
    let made_on = nation.calendar().schedule(month).clearing_day;
    let mut moved = BTreeMap::new();
    for pair in standing.pairs.keys() {
        let entries = nation.clearing().moved(period, *pair).await?;
        moved.insert(*pair, entries.iter().map(read_moved).collect::<Result<Vec<_>>>()?);
    }
    let days = |on: Option<Date>| on.and_then(|on| nation.calendar().payment_days(month, on).ok());
    let deadlines = record.pairs.iter().filter_map(|(pair, held)| Some((*pair, days(held.noticed_on)?))).collect();
    let (stage, pairs, records) = (record.stage(), standing.pairs, standing.record.pairs);
    let cleared = ClearedMonth { month, stage, pairs, records, moved, deadlines, made_on };
    let accounts = MEMBERS.iter().map(|plan| (plan.code.to_owned(), account(plan.code))).collect();
    let accounts: BTreeMap<String, BankAccount> = accounts;
    let whose = Whose { members: Some(MEMBERS.iter().map(country::Plan::member).collect()), is_national: true };
    let mut booked = BookedInStore { store: &nation.hub().store, period };
    let (tables, out) = ((&*nation.country.regions, &accounts), out.join(month.to_string()));
    let written = write_all(&cleared, &whose, Some(&mut booked), tables, &out).await?;
    ensure!(written.lists_agree, "a list of {month} does not come to its row");
    Ok(cleared)
}

/// What a period books in a lot, settlement by settlement.
///
/// # Errors
/// When the store fails.
pub async fn booked(store: &HubStore, period: PeriodNumber, lot: Lot) -> Result<Vec<Entry>> {
    let (mut entries, mut after) = (Vec::new(), 0);
    while let Some((page, last)) = (BookedInStore { store, period }).page(&lot, after).await? {
        entries.extend(page);
        after = last;
    }
    Ok(entries)
}

/// What a period books, as a hub's store has it.
struct BookedInStore<'s> {
    store: &'s HubStore,
    period: PeriodNumber,
}

impl Booked for BookedInStore<'_> {
    async fn page(&mut self, lot: &Lot, after: u64) -> Result<Option<Page>> {
        let after = Position(after.cast_signed());
        let postings = self.store.lot_postings((self.period, *lot), after, offices::A_LOT).await?;
        let Some(last) = postings.last().map(|posting| posting.position.0.cast_unsigned()) else { return Ok(None) };
        let mut entries = Vec::new();
        for posting in postings {
            let other = match posting.corrects {
                Some(earlier) => self.store.clearing_month_of(earlier).await?,
                None => None,
            };
            let (movement, day) = (Movement::Booked(posting.turn()), Some(posting.day));
            let (settlement, sums, reason) = (posting.settlement, posting.posting.sums, String::new());
            entries.push(Entry { settlement, lot: *lot, movement, day, other, reason, sums, along: Money::ZERO });
        }
        Ok(Some((entries, last)))
    }
}

/// What each month undoes and brings back of settlements of earlier months, by the journal alone.
async fn corrected(nation: &Nation) -> Result<BTreeMap<(Month, Pair), Money>> {
    let store = &nation.hub().store;
    let journal = verify::journal(store).await?;
    let made = journal.iter().filter(|turn| turn.turn == Turn::Enter);
    let made: BTreeMap<&SettlementId, PeriodNumber> = made.map(|turn| (&turn.settlement, turn.period)).collect();
    let mut corrected = BTreeMap::new();
    for turn in journal.iter().filter(|turn| made.get(&turn.settlement) != Some(&turn.period)) {
        let pair = pair_of(nation, holds::pools_of(turn)?)?;
        if let Some(month) = store.clearing_month_of(turn.period).await? {
            *corrected.entry((month, pair)).or_default() += turn.funds() + turn.account();
        }
    }
    Ok(corrected)
}

/// What was worked out again and is posted, by the hub's batches.
async fn recomputed(nation: &Nation) -> Result<Vec<(Month, Pair, Correction)>> {
    let store = &nation.hub().store;
    let mut recomputed = Vec::new();
    for held in store.correction_list(None, None).await? {
        let Some(period) = held.period else { continue };
        let month = store.clearing_month_of(period).await?.context("the quarter's months are there")?;
        for (correction, lot) in held.batch.corrections.iter().zip(&held.lots) {
            recomputed.push((month, pair_of(nation, (lot.home, lot.treatment))?, correction.clone()));
        }
    }
    Ok(recomputed)
}

fn pair_of(nation: &Nation, (home, treatment): (PoolCode, PoolCode)) -> Result<Pair> {
    let member = |pool| nation.country.regions.member_of(pool).context("each pool is of a member");
    Ok(Pair { home: member(home)?, treatment: member(treatment)? })
}

fn account(code: &str) -> BankAccount {
    BankAccount {
        name: format!("{code} 异地就医专户"), bank: "中国银行".into(), number: format!("{code}0000000017")
    }
}

/// The calendar in force, where for May alone silence confirms nothing, and nothing is carried over more than once.
fn calendar(deploy: &Path) -> Result<Calendar> {
    let path = deploy.join("calendar.toml");
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let first = text.find("\n[[rules]]").context("the calendar has rules")?;
    let end = text.find("\n[[year]]").context("the calendar has years")?;
    let rules = &text[first..end];
    let from = |month: &str, rules: &str| rules.replacen("from = \"2020-01\"", &format!("from = \"{month}\""), 1);
    let strict = rules.replace("silence_confirms = true", "silence_confirms = false");
    let strict = strict.replace("carried_at_most = 2", "carried_at_most = 1");
    let text = format!("{rules}{}{}{}", from("2025-05", &strict), from("2025-06", rules), &text[end..]);
    Calendar::parse(&text).map_err(|faults| anyhow::anyhow!("the calendar: {faults:?}"))
}
