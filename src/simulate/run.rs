//! One simulation from its seed: fair weather while the world settles in, then a storm in which desks work and nodes
//! die, then fair weather again until everything is quiet and must be resolved.

use std::cell::Cell;
use std::panic;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Once};
use std::time::Duration;

use anyhow::Result;
use jiff::SignedDuration;
use ledger::hub::Record;
use proto::convert;
use settlement::operation::{Request, readable};
use settlement::outcome::{Done, Outcome, Undone};
use tokio::task::JoinSet;

use super::climate::Context;
use super::coverage::{self, Transitions};
use super::desk::{Desk, Told};
use super::fixtures::{Fixtures, HOSPITALS, PEOPLE, Patient};
use super::invariants::Watch;
use super::network::Way;
use super::outsider::Outsider;
use super::planted::Planted;
use super::record::Summary;
use super::stranger;
use super::visit::{self, Past};
use super::world::{Which, World};
use crate::verify;

/// The storm ends by itself after this long.
const LONGEST_STORM: Duration = Duration::from_secs(60);
/// Messages that are late arrive within this long.
const LAST_MESSAGES: Duration = Duration::from_secs(70);
/// Afterwards everything has its answer within this long.
const LONGEST_AFTERMATH: Duration = Duration::from_secs(120);
/// How often the aftermath is looked at.
const A_LOOK: Duration = Duration::from_secs(6);
/// A clock goes wrong by so many minutes at most.
const CLOCK_MINUTES: u64 = 3 * 24 * 60;

/// What a seed came to.
pub struct Ran {
    /// Events, faults, findings.
    pub summary: Summary,
    /// What the settlements lived through.
    pub transitions: Transitions,
}

/// Runs a seed to its end. `looked_at` keeps every event as a line.
///
/// # Errors
/// When the world cannot be built.
pub fn run(seed: u64, fixtures: &Arc<Fixtures>, planted: Option<Planted>, looked_at: bool) -> Result<Ran> {
    count_panics();
    PANICS.set(0);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
    let mut ran = runtime.block_on(story(seed, fixtures.clone(), planted, looked_at))?;
    if PANICS.get() > 0 {
        ran.summary.findings.push("nothing panics does not hold".to_owned());
    }
    Ok(ran)
}

thread_local! {
    static PANICS: Cell<u32> = const { Cell::new(0) };
}

/// Tasks swallow panics; the thread remembers them.
fn count_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let earlier = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            PANICS.set(PANICS.get() + 1);
            earlier(info);
        }));
    });
}

async fn story(seed: u64, fixtures: Arc<Fixtures>, planted: Option<Planted>, looked_at: bool) -> Result<Ran> {
    let context = Context::of(seed, looked_at);
    let world = World::new(context.clone(), fixtures, planted)?;
    let watch = Watch::new(world.clone())?;
    world.settle_in().await?;
    context.break_out();
    let weather = tokio::spawn(weather(world.clone(), watch.clone()));
    let (mut desks, mut past) = (open_desks(&world, &watch), Vec::new());
    let in_the_storm = tokio::time::timeout(LONGEST_STORM, close(&mut desks, &mut past)).await;
    context.clear();
    weather.await?;
    if in_the_storm.is_err() {
        close(&mut desks, &mut past).await;
    }
    aftermath(&world, &watch, past).await?;
    context.observe(true);
    let transitions = coverage::of(&watch.stores().hub).await?;
    let records = verify::records(&watch.stores().hub).await?;
    context.record.show(|| records.iter().map(in_the_book));
    Ok(Ran { summary: context.record.summary(), transitions })
}

/// Several people at their desks, each with a few patients one after the other.
fn open_desks(world: &Arc<World>, watch: &Arc<Watch>) -> JoinSet<Vec<Past>> {
    let chance = &world.context.chance;
    // Often everybody cares for one person, so that much happens to one book at once.
    let patients = if chance.happens(500) { vec![chance.one_of(&PEOPLE)] } else { PEOPLE.to_vec() };
    let mut desks = JoinSet::new();
    for number in 0..=u32::try_from(1 + chance.below(3)).expect("a small number") {
        let way = Way { context: world.context.clone(), to: world.treatment.clone() };
        let desk = Desk::new(way, watch.clone(), chance.one_of(&HOSPITALS), 1 + number * 1_000);
        let (visits, patients) = (1 + chance.below(2), patients.clone());
        desks.spawn(async move {
            let mut past = Vec::new();
            for _ in 0..visits {
                let patient = desk.way.context.chance.one_of(&patients);
                past.extend(visit::run(&desk, patient).await);
            }
            past
        });
    }
    open_outsiders(world, watch, &patients, &mut desks);
    desks
}

/// Often another treatment side cares for the same people, and at times one asks about them that does not.
fn open_outsiders(world: &Arc<World>, watch: &Arc<Watch>, patients: &[Patient], desks: &mut JoinSet<Vec<Past>>) {
    let numbers = Arc::new(AtomicU64::new(1));
    for _ in 0..world.context.chance.below(3) {
        let outsider = Outsider::new(world.way_to_hub(), watch.clone(), numbers.clone());
        let patients = patients.to_vec();
        desks.spawn(async move {
            outsider.work(&patients).await;
            Vec::new()
        });
    }
    if world.context.chance.happens(250) {
        let (port, watch) = (world.strangers_way_to_hub(), watch.clone());
        desks.spawn(async move {
            if let Err(fault) = stranger::work(&port, &watch).await {
                watch.found(format!("the books can be read does not hold: {fault:#}"));
            }
            Vec::new()
        });
    }
}

async fn close(desks: &mut JoinSet<Vec<Past>>, past: &mut Vec<Past>) {
    while let Some(closed) = desks.join_next().await {
        past.extend(closed.unwrap_or_default());
    }
}

/// Kills nodes, moves clocks, changes rules; starts again what is off. At the end every node is started afresh.
async fn weather(world: Arc<World>, watch: Arc<Watch>) {
    let (context, nodes) = (&world.context, world.nodes());
    while !context.has_cleared() {
        tokio::time::sleep(context.chance.pause(50, 4_000)).await;
        let which = context.chance.one_of(&nodes);
        let climate = &context.climate;
        if context.strikes(climate.killed, "killed", &which.to_string()) {
            world.kill(which);
        }
        if context.strikes(climate.clock_jumps, "a clock jumped", &which.to_string()) {
            let minutes = i64::try_from(context.chance.below(2 * CLOCK_MINUTES)).expect("a small number");
            world.move_clock(which, SignedDuration::from_mins(minutes - CLOCK_MINUTES.cast_signed()));
        }
        if let Which::Home(pool) = which
            && context.strikes(climate.rules_change, "the rules changed", &which.to_string())
        {
            world.change_rules(pool).await;
        }
        if which == Which::Hub && context.strikes(climate.cut_off, "a period was cut off", "hub") {
            // Where the store fails, it may have been cut off all the same.
            let _ = world.cut_off().await;
        }
        if which == Which::Hub && context.strikes(climate.letter, "a letter was posted", "hub") {
            let _ = world.post_letter().await;
        }
        for which in &nodes {
            if !world.serves(*which) && context.chance.happens(400) {
                start(&world, *which).await;
            }
        }
        watch.step().await;
    }
    for which in nodes {
        world.kill(which);
        start(&world, which).await;
    }
}

/// A node whose store fails at the start stays off until the next time.
async fn start(world: &World, which: Which) {
    let started = tokio::time::timeout(Duration::from_secs(20), world.start(which)).await;
    let how = if matches!(started, Ok(Ok(()))) { "started" } else { "could not start" };
    world.context.record.note(&which.to_string(), how);
}

/// Everything must be resolved, and the desks that ask about their visits must be told what the books hold.
async fn aftermath(world: &Arc<World>, watch: &Arc<Watch>, past: Vec<Past>) -> Result<()> {
    tokio::time::sleep(LAST_MESSAGES).await;
    let mut waited = Duration::ZERO;
    while waiting(world, watch).await? > 0 && waited < LONGEST_AFTERMATH && !watch.is_over() {
        tokio::time::sleep(A_LOOK).await;
        waited += A_LOOK;
    }
    watch.step().await;
    let left = waiting(world, watch).await?;
    if left > 0 && !watch.is_over() {
        watch.found(format!("everything in doubt is resolved at last does not hold: {left} operations wait"));
    }
    let way = Way { context: world.context.clone(), to: world.treatment.clone() };
    for visit in past {
        let desk = Desk::new(way.clone(), watch.clone(), HOSPITALS[0], 9_000);
        match desk.insist(&visit.query).await {
            Told::Done(answer) => {
                let told = answer["output"]["setlinfo"]["setl_id"].as_str().map(ToOwned::to_owned);
                watch.last_answer(&visit.id, told).await?;
            }
            Told::Refused(_) => watch.last_answer(&visit.id, None).await?,
            Told::Later(_) | Told::Nothing => {}
        }
    }
    Ok(())
}

/// An operation in the hub's book, for whoever looks for the reason of a finding.
fn in_the_book(record: &Record) -> String {
    let key = convert::read_operation(&record.bytes).map(|operation| {
        let asks = match operation.request {
            Request::Settle(settle) => format!("makes {}", settle.settlement),
            Request::Cancel(cancel) => format!("undoes {} by {}", cancel.settlement, cancel.counter),
            Request::Reverse(reverse) => format!("reverses {}", readable(&reverse.target.to_text())),
        };
        format!("{} {asks}", readable(&operation.key.to_text()))
    });
    let answer = record.answer.as_ref().map(|answer| {
        let what = match convert::read_outcome(&answer.outcome) {
            Ok(Outcome::Refused(refusal)) => format!("refused {}", refusal.reason.code()),
            Ok(Outcome::Accepted { decided_at: _, done: Done::Settled(_) }) => "settled".into(),
            Ok(Outcome::Accepted { decided_at: _, done: Done::Cancelled { .. } }) => "cancelled".into(),
            Ok(Outcome::Accepted { decided_at: _, done: Done::Reversed(undone) }) => match *undone {
                Undone::Settlement { original, .. } => format!("reversed {}", original.settlement),
                Undone::Cancellation { original, .. } => format!("brought back {}", original.settlement),
                Undone::Nothing => "nothing to undo".into(),
            },
            Err(fault) => fault.to_string(),
        };
        format!("{} in its home's book: {what}", answer.book_seq)
    });
    let answer = answer.unwrap_or_else(|| match record.released_at {
        Some(_) => "released".into(),
        None => "no answer".into(),
    });
    format!("in the book at {}: {}; {answer}", record.position.0, key.unwrap_or_else(|fault| fault.to_string()))
}

/// How many operations have no answer in the hub's book.
async fn waiting(world: &World, watch: &Watch) -> Result<usize> {
    world.context.observe(true);
    let records = verify::records(&watch.stores().hub).await;
    world.context.observe(false);
    Ok(records?.iter().filter(|record| record.answer.is_none() && record.released_at.is_none()).count())
}
