//! `yidi verify`: what must always hold (design.md section 12), checked on real books. Each role checks its own; here
//! the books are held against one another, and everything is told at once.

mod books;
pub mod clearing;
mod figures;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ::clearing::agreement::{Answers, nothing_is_held_that_nobody_asked_for, what_was_told_is_what_is_held};
use ::clearing::calendar::Calendar;
use anyhow::{Context, Result};
use clap::Args;
use jiff::Timestamp;
use ledger::hub::{HubStore, Position, Record, SettlementTurn};
use ledger::treatment::TreatmentStore;
use proto::{convert, v1};
use region::replay::a_replay_of_any_decision_after_is_identical;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use settlement::decide::BookSeq;
use settlement::finding::Finding;
use settlement::money::Money;
use settlement::operation::readable;
use settlement::outcome::{Done, Outcome, Settled};
use settlement::refusal::Reason;
use settlement::region::RegionTable;

pub(crate) use books::ensure_there;
pub use books::{Books, Stores};
pub use figures::the_treatment_side_shows_what_it_was_told;

use crate::cli::Ending;
use crate::output;

/// How many rows of the hub are read at a time; each carries whole messages.
const PAGE: u32 = 256;

/// What to check, and how to tell.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    books: Books,
    /// The table of regions, by which clearing's pairs of members are made; without it a lot that no statement has is
    /// not missed.
    #[arg(long)]
    regions: Option<PathBuf>,
    /// The calendar, by which it is checked how often something is carried over.
    #[arg(long)]
    calendar: Option<PathBuf>,
    /// As JSON, with every settlement's id, its answer, and whether it stands.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// When the books cannot be read.
pub async fn run(arguments: Arguments) -> Result<Ending> {
    let stores = arguments.books.open()?;
    let regions = arguments.regions.as_deref().map(read_regions).transpose()?;
    let calendar = arguments.calendar.as_deref().map(read_calendar).transpose()?;
    let rules = clearing::Rules { regions: regions.as_ref(), calendar: calendar.as_ref() };
    let (findings, open) = (findings_by(&stores, rules).await?, never_fetched(&stores).await?);
    if arguments.json {
        let settled = settled(&hub_answers(&stores.hub).await?)?;
        let turns = turns(&stores.hub).await?;
        let settlements: BTreeMap<_, _> = settled.iter().map(|(id, settled)| (id, settled.text())).collect();
        let standing: BTreeMap<_, _> = settled.iter().map(|(id, settled)| (id, settled.standing(&turns))).collect();
        let texts = |findings: &[Finding]| findings.iter().map(ToString::to_string).collect::<Vec<_>>();
        let (found, open) = (texts(&findings), texts(&open));
        let report = json!({ "findings": found, "open": open, "settlements": settlements, "standing": standing });
        output::line(&serde_json::to_string_pretty(&report)?);
    } else {
        open.iter().for_each(|one| output::line(&format!("… open: {one}")));
        print(&findings);
    }
    Ok(Ending::of(findings.is_empty()))
}

/// Tells what was found.
pub fn print(findings: &[Finding]) {
    for finding in findings {
        output::line(&format!("✗ {finding}"));
    }
    if findings.is_empty() {
        output::line("✓ what must always hold does hold: in every book, and between them");
    }
}

/// Everything in the books that should not be.
///
/// # Errors
/// When a book cannot be read.
pub async fn findings(stores: &Stores) -> Result<Vec<Finding>> {
    findings_by(stores, clearing::Rules::default()).await
}

/// The same, with what clearing is checked by beside the books.
async fn findings_by(stores: &Stores, rules: clearing::Rules<'_>) -> Result<Vec<Finding>> {
    let mut findings = findings_since(stores, &mut Checked::new(), &Elsewhere::new()).await?;
    findings.extend(clearing::findings(&stores.hub, rules).await?);
    Ok(findings)
}

fn read_regions(file: &Path) -> Result<RegionTable> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    RegionTable::from_csv(&text).map_err(|faults| faulty(file, &faults))
}

/// Reads a calendar's file.
///
/// # Errors
/// When it cannot be read, or with every fault in it.
pub(crate) fn read_calendar(file: &Path) -> Result<Calendar> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    Calendar::parse(&text).map_err(|faults| faulty(file, &faults))
}

fn faulty(file: &Path, faults: &[impl ToString]) -> anyhow::Error {
    let faults = faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
    anyhow::anyhow!("{} has faults: {faults}", file.display())
}

/// How far each home region's book was checked before, by its name.
pub type Checked = BTreeMap<String, BookSeq>;

/// What treatment sides were told whose books are not at hand, by the operation's key; nothing while they wait.
pub type Elsewhere = BTreeMap<String, Option<v1::Answer>>;

/// The same, where a home region's book that has not grown since is left alone, and decisions that were replayed are not
/// replayed again.
///
/// # Errors
/// When a book cannot be read.
pub async fn findings_since(stores: &Stores, before: &mut Checked, elsewhere: &Elsewhere) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let records = records(&stores.hub).await?;
    let hub = answers_in(&records)?;
    findings.extend(the_hubs_own(&stores.hub).await?);
    let mut told = told_by_the_hub(&stores.treatment, &hub).await?;
    told.extend(told_elsewhere(elsewhere, &hub));
    findings.extend(what_was_told_is_what_is_held(("the treatment side", &told), ("the hub", &hub)));
    findings.extend(nothing_is_held_that_nobody_asked_for(("the treatment side", &told), ("the hub", &hub)));
    let mut decided = Answers::new();
    for (name, home) in &stores.homes {
        let checked = before.entry(name.clone()).or_default();
        let last = home.last_seq().await?;
        if last != *checked || last == BookSeq::default() {
            findings.extend(home.proof_run().await.with_context(|| name.clone())?);
            findings.extend(a_replay_of_any_decision_after_is_identical(home, *checked).await?);
        }
        *checked = last;
        let answers = home.answer_list().await?;
        decided.extend(answers.into_iter().map(|(key, outcome)| (key, Some(outcome.to_vec()))));
    }
    let by_homes = answered_by_homes(&records, &decided)?;
    findings.extend(what_was_told_is_what_is_held(("the hub", &by_homes), ("the home regions", &decided)));
    let held = without_voids_of_what_was_released(decided, &records)?;
    findings.extend(nothing_is_held_that_nobody_asked_for(("the hub", &hub), ("the home regions", &held)));
    findings.extend(figures::the_journal_books_what_the_answers_say(&stores.hub, &records).await?);
    findings.extend(what_is_in_force_is_the_same_everywhere(stores, &told).await?);
    Ok(findings)
}

/// What must hold of a hub's book by itself: every entry balances, and what waits is on its list.
///
/// # Errors
/// When the book cannot be read.
pub async fn the_hubs_own(hub: &HubStore) -> Result<Vec<Finding>> {
    let mut findings = the_hubs_journal_balances(hub).await?;
    findings.extend(nothing_is_lost_from_the_worklist(hub).await?);
    findings.extend(a_letter_waits_until_it_is_acknowledged(hub).await?);
    Ok(findings)
}

/// Where a settlement stands is a fold in each book; the folds must agree. While something is in doubt they may not yet.
async fn what_is_in_force_is_the_same_everywhere(stores: &Stores, told: &Answers) -> Result<Vec<Finding>> {
    let in_doubt = stores.hub.counts().await?.unanswered > 0;
    let turns = turns(&stores.hub).await?;
    let all_told = !in_doubt && told.values().all(Option::is_some);
    let mut findings =
        figures::the_treatment_side_shows_what_it_was_told(&stores.treatment, all_told.then_some(&turns)).await?;
    if in_doubt {
        return Ok(findings);
    }
    for (name, home) in &stores.homes {
        for (settlement, in_force) in home.standing_list().await? {
            if turns.get(&settlement).is_some_and(|turns| (*turns == 1) == in_force) {
                continue;
            }
            findings.push(Finding {
                invariant: "hub and home regions agree what is in force",
                subject: format!("settlement {settlement}"),
                problem: format!(
                    "in force at {name}: {in_force}; turns in the hub's journal: {:?}",
                    turns.get(&settlement)
                ),
            });
        }
    }
    Ok(findings)
}

/// Acceptances that the hub holds and the treatment side never fetched: breaks, known and open, until a desk asks.
///
/// # Errors
/// When a book cannot be read.
pub async fn never_fetched(stores: &Stores) -> Result<Vec<Finding>> {
    let hub = hub_answers(&stores.hub).await?;
    let told = told_by_the_hub(&stores.treatment, &hub).await?;
    let waiting = told.into_iter().filter(|(_, outcome)| outcome.is_none());
    let mut breaks = Vec::new();
    for (key, _) in waiting {
        let Some(Some(outcome)) = hub.get(&key) else { continue };
        if let Outcome::Accepted { decided_at: _, done: _ } = convert::read_outcome(outcome)? {
            breaks.push(Finding {
                invariant: "what was accepted is fetched by its hospital",
                subject: format!("operation {}", readable(&key)),
                problem: "the hub holds an acceptance, the treatment side still waits for an answer".into(),
            });
        }
    }
    Ok(breaks)
}

async fn the_hubs_journal_balances(hub: &HubStore) -> Result<Vec<Finding>> {
    let (unbalanced, sum) = hub.journal_balance().await?;
    let invariant = "every journal entry balances";
    let mut findings: Vec<Finding> = unbalanced
        .iter()
        .map(|entry| Finding {
            invariant,
            subject: format!("{entry:?}"),
            problem: "its lines do not sum to zero".into(),
        })
        .collect();
    if !sum.is_zero() {
        findings.push(Finding { invariant, subject: "the trial balance".into(), problem: format!("it is {sum}") });
    }
    Ok(findings)
}

async fn nothing_is_lost_from_the_worklist(hub: &HubStore) -> Result<Vec<Finding>> {
    let misplaced = hub.operation_misplaced().await?.into_iter().map(|position| Finding {
        invariant: "what waits for an answer is on the worklist, and nothing else is",
        subject: format!("position {}", position.0),
        problem: "the worklist and the evidence say different things".into(),
    });
    Ok(misplaced.collect())
}

async fn a_letter_waits_until_it_is_acknowledged(hub: &HubStore) -> Result<Vec<Finding>> {
    let misplaced = hub.mailboxes().letter_misplaced().await?.into_iter().map(|number| Finding {
        invariant: "a letter waits until it is acknowledged, and before any later one about its subject",
        subject: format!("letter {number}"),
        problem: "it neither waits nor has ended, or both, or was overtaken".into(),
    });
    Ok(misplaced.collect())
}

/// What the treatment side was told. The hub keeps no record of what it refused at the door, so such answers are left
/// out; they have no place in a home region's book.
async fn told_by_the_hub(treatment: &TreatmentStore, hub: &Answers) -> Result<Answers> {
    let mut told = Answers::new();
    for row in treatment.told_list().await? {
        let key = convert::read_operation(&row.operation)?.key.to_text();
        if row.book_seq > 0 || row.outcome.is_none() || hub.contains_key(&key) {
            told.insert(key, row.outcome.map(|outcome| outcome.to_vec()));
        }
    }
    Ok(told)
}

fn told_elsewhere(elsewhere: &Elsewhere, hub: &Answers) -> Answers {
    let known = elsewhere
        .iter()
        .filter(|(key, answer)| hub.contains_key(*key) || answer.as_ref().is_some_and(|answer| answer.book_seq > 0));
    known.map(|(key, answer)| (key.clone(), answer.as_ref().map(|answer| answer.outcome.to_vec()))).collect()
}

/// What the hub was told by home regions. A refusal of its own is no home's answer, unless a home region decided the
/// same operation: then both must say the same.
fn answered_by_homes(records: &[Record], decided: &Answers) -> Result<Answers> {
    let mut answers = Answers::new();
    for record in records {
        let key = convert::read_operation(&record.bytes)?.key.to_text();
        let answer = record.answer.as_ref();
        if let Some(answer) = answer.filter(|answer| answer.book_seq > 0 || decided.contains_key(&key)) {
            answers.insert(key, Some(answer.outcome.to_vec()));
        }
    }
    Ok(answers)
}

/// A reversal has a home region asked about its original while that is still on its way. Where the original then never
/// leaves, the hub lets it go and the region holds it as voided: both say that it has no effect.
fn without_voids_of_what_was_released(mut decided: Answers, records: &[Record]) -> Result<Answers> {
    for record in records.iter().filter(|record| record.released_at.is_some()) {
        let key = convert::read_operation(&record.bytes)?.key.to_text();
        if let Some(Some(outcome)) = decided.get(&key)
            && matches!(convert::read_outcome(outcome)?, Outcome::Refused(refusal) if refusal.reason == Reason::Voided)
        {
            decided.remove(&key);
        }
    }
    Ok(decided)
}

async fn hub_answers(hub: &HubStore) -> Result<Answers> {
    answers_in(&records(hub).await?)
}

/// What the hub has an answer to, or waits for.
fn answers_in(records: &[Record]) -> Result<Answers> {
    let kept = records.iter().filter(|record| record.released_at.is_none());
    kept.map(|record| {
        let key = convert::read_operation(&record.bytes)?.key.to_text();
        Ok((key, record.answer.as_ref().map(|answer| answer.outcome.to_vec())))
    })
    .collect()
}

/// Everything in the hub's book, in order.
///
/// # Errors
/// When the book cannot be read.
pub async fn records(hub: &HubStore) -> Result<Vec<Record>> {
    let mut records = Vec::new();
    let mut after = Position(0);
    loop {
        let page = hub.operation_page(after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(records) };
        after = last.position;
        records.extend(page);
    }
}

/// What each settlement comes to that the hub has as accepted: total, funds, account, cash, in yuan.
///
/// # Errors
/// When the book cannot be read.
pub async fn sums_held(hub: &HubStore) -> Result<BTreeMap<String, [Decimal; 4]>> {
    let settled = settled(&hub_answers(hub).await?)?;
    Ok(settled.into_iter().map(|(id, told)| (id, told.sums())).collect())
}

/// The hub's journal, whole.
///
/// # Errors
/// When the book cannot be read.
pub async fn journal(hub: &HubStore) -> Result<Vec<SettlementTurn>> {
    let mut turns = Vec::new();
    let mut after = Position(0);
    loop {
        let page = hub.settlement_turns(after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(turns) };
        after = last.position;
        turns.extend(page);
    }
}

/// How often each settlement counts by the hub's journal: once where it stands, never where it was undone.
async fn turns(hub: &HubStore) -> Result<BTreeMap<String, i64>> {
    let mut turns: BTreeMap<String, i64> = BTreeMap::new();
    for turn in journal(hub).await? {
        *turns.entry(turn.settlement.to_string()).or_default() += turn.visits();
    }
    Ok(turns)
}

/// A settlement that was accepted, and when.
struct Told {
    decided_at: Timestamp,
    settled: Box<Settled>,
}

impl Told {
    fn sums(&self) -> [Decimal; 4] {
        let payers = &self.settled.payers;
        [self.settled.coverage.total(), payers.funds.total(), payers.account, payers.cash].map(Money::to_decimal)
    }

    fn text(&self) -> String {
        format!("{} {:?}", self.decided_at, self.settled)
    }

    /// What a hospital can hold against its own books.
    fn standing(&self, turns: &BTreeMap<String, i64>) -> Value {
        let settled = &self.settled;
        let in_force = turns.get(&settled.settlement.to_string()) == Some(&1);
        let (total, cash) = (settled.coverage.total().to_string(), settled.payers.cash.to_string());
        json!({ "in_force": in_force, "total": total, "cash": cash })
    }
}

/// Every settlement that was accepted, by its id.
fn settled(answers: &Answers) -> Result<BTreeMap<String, Told>> {
    let mut settlements = BTreeMap::new();
    for outcome in answers.values().flatten() {
        if let Outcome::Accepted { decided_at, done: Done::Settled(settled) } = convert::read_outcome(outcome)? {
            settlements.insert(settled.settlement.to_string(), Told { decided_at, settled });
        }
    }
    Ok(settlements)
}
