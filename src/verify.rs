//! `yidi verify`: what must always hold (design.md section 12), checked on real books. Each role checks its own; here
//! the books are held against one another, and everything is told at once. Looking at books that are written to meanwhile
//! is in `verify/look.rs`.

mod books;
pub mod clearing;
mod figures;
mod look;

use std::collections::{BTreeMap, BTreeSet};
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

use books::AtHand;
use look::Look;

use crate::cli::Ending;
use crate::output;

/// How many rows of the hub are read at a time; each carries whole messages.
const PAGE: u32 = 256;

const SOUND: &str = "✓ what must always hold does hold: in every book, and between them";
const SOUND_SO_FAR: &str = "✓ what must always hold does hold, as far as it was looked at";

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
    let books = arguments.books.open()?;
    let regions = arguments.regions.as_deref().map(read_regions).transpose()?;
    let calendar = arguments.calendar.as_deref().map(read_calendar).transpose()?;
    let rules = clearing::Rules { regions: regions.as_ref(), calendar: calendar.as_ref() };
    let Look { findings, open, left_out } = look::twice(&books, rules).await?;
    if arguments.json {
        let (settled, turns) = match &books.hub {
            Some(hub) => (settled(&hub_answers(hub).await?)?, turns(hub).await?),
            None => (BTreeMap::new(), BTreeMap::new()),
        };
        let settlements: BTreeMap<_, _> = settled.iter().map(|(id, settled)| (id, settled.text())).collect();
        let standing: BTreeMap<_, _> = settled.iter().map(|(id, settled)| (id, settled.standing(&turns))).collect();
        let texts = |findings: &[Finding]| findings.iter().map(ToString::to_string).collect::<Vec<_>>();
        let (found, open) = (texts(&findings), texts(&open));
        let report = json!({ "findings": found, "open": open, "left_out": left_out, "settlements": settlements,
            "standing": standing });
        output::line(&serde_json::to_string_pretty(&report)?);
    } else {
        open.iter().for_each(|one| output::line(&format!("… open: {one}")));
        left_out.iter().for_each(|one| output::line(&format!("– left out: {one}")));
        print_or(&findings, if left_out.is_empty() { SOUND } else { SOUND_SO_FAR });
    }
    Ok(Ending::of(findings.is_empty()))
}

/// Tells what was found.
pub fn print(findings: &[Finding]) {
    print_or(findings, SOUND);
}

fn print_or(findings: &[Finding], sound: &str) {
    for finding in findings {
        output::line(&format!("✗ {finding}"));
    }
    if findings.is_empty() {
        output::line(sound);
    }
}

/// Everything in the books that should not be.
///
/// # Errors
/// When a book cannot be read.
pub async fn findings(stores: &Stores) -> Result<Vec<Finding>> {
    let mut findings = findings_since(stores, &mut Checked::new(), &Elsewhere::new()).await?;
    findings.extend(clearing::findings(&stores.hub, clearing::Rules::default()).await?);
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
    Ok(look_since(&AtHand::from(stores), before, elsewhere).await?.findings)
}

/// The same of the books that are at hand, with what was left out for want of others, or because something is in doubt.
async fn look_since(books: &AtHand, before: &mut Checked, elsewhere: &Elsewhere) -> Result<Look> {
    let mut look = Look { left_out: books.left_out(), ..Look::default() };
    let mut told = Answers::new();
    let records = match &books.hub {
        Some(hub) => records(hub).await?,
        None => Vec::new(),
    };
    let held = answers_in(&records)?;
    if let Some(hub) = &books.hub {
        look.findings.extend(the_hubs_own(hub).await?);
        look.findings.extend(figures::the_journal_books_what_the_answers_say(hub, &records).await?);
    }
    if let (Some(_), Some(treatment)) = (&books.hub, &books.treatment) {
        told = told_by_the_hub(treatment, &held).await?;
        told.extend(told_elsewhere(elsewhere, &held));
        look.extend(treatment_side_and_hub_agree(books, &records, (&told, &held))?);
    }
    let mut decided = Answers::new();
    for (name, home) in &books.homes {
        let checked = before.entry(name.clone()).or_default();
        let last = home.last_seq().await?;
        if last != *checked || last == BookSeq::default() {
            look.findings.extend(home.proof_run().await.with_context(|| name.clone())?);
            look.findings.extend(a_replay_of_any_decision_after_is_identical(home, *checked).await?);
        }
        *checked = last;
        let answers = home.answer_list().await?;
        decided.extend(answers.into_iter().map(|(key, outcome)| (key, Some(outcome.to_vec()))));
    }
    if books.hub.is_some() && (books.is_whole || !books.homes.is_empty()) {
        look.extend(hub_and_homes_agree(books, (&records, &held), decided)?);
    }
    look.extend(what_is_in_force_is_the_same_everywhere(books, &told).await?);
    Ok(look)
}

/// What the treatment side was told is what the hub holds, and the hub holds nothing of its pools that it did not ask for.
fn treatment_side_and_hub_agree(
    books: &AtHand,
    records: &[Record],
    (told, held): (&Answers, &Answers),
) -> Result<Look> {
    let (mut of_pools, mut known) = (BTreeMap::new(), BTreeSet::new());
    for record in records {
        let operation = convert::read_operation(&record.bytes)?;
        let key = operation.key.to_text();
        if told.contains_key(&key) {
            known.insert(operation.treatment());
        }
        of_pools.insert(key, operation.treatment());
    }
    let unknown = books.without(&of_pools.values().copied().collect(), &known);
    let is_known = |key: &str| of_pools.get(key).is_none_or(|pool| !unknown.contains(pool));
    let here: Answers =
        held.iter().filter(|(key, _)| is_known(key)).map(|(key, is)| (key.clone(), is.clone())).collect();
    let (outer, inner) = ("the treatment side", "the hub");
    let mut findings = what_was_told_is_what_is_held((outer, told), (inner, held));
    findings.extend(nothing_is_held_that_nobody_asked_for((outer, told), (inner, &here)));
    let left_out = unknown.iter().map(|pool| {
        format!("whether the hub agrees with the treatment side of {pool}: the store given has asked for nothing of it")
    });
    Ok(Look { findings, left_out: left_out.collect(), ..Look::default() })
}

/// What the hub was told by home regions is what they decided, and they decided nothing else.
fn hub_and_homes_agree(books: &AtHand, (records, held): (&[Record], &Answers), decided: Answers) -> Result<Look> {
    let (mut asked, mut known) = (BTreeSet::new(), BTreeSet::new());
    for record in records.iter().filter(|record| record.answer.as_ref().is_some_and(|answer| answer.book_seq > 0)) {
        asked.insert(record.home);
        if decided.contains_key(&convert::read_operation(&record.bytes)?.key.to_text()) {
            known.insert(record.home);
        }
    }
    let unknown = books.without(&asked, &known);
    let of_these: Vec<&Record> = records.iter().filter(|record| !unknown.contains(&record.home)).collect();
    let by_homes = answered_by_homes(&of_these, &decided)?;
    let mut findings = what_was_told_is_what_is_held(("the hub", &by_homes), ("the home regions", &decided));
    let decided = without_voids_of_what_was_released(decided, records)?;
    findings.extend(nothing_is_held_that_nobody_asked_for(("the hub", held), ("the home regions", &decided)));
    let left_out = unknown.iter().map(|pool| {
        format!("whether the hub agrees with the home region of {pool}: no store given has decided anything of it")
    });
    Ok(Look { findings, left_out: left_out.collect(), ..Look::default() })
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
async fn what_is_in_force_is_the_same_everywhere(books: &AtHand, told: &Answers) -> Result<Look> {
    let mut look = Look::default();
    let (unanswered, turns) = match &books.hub {
        Some(hub) => (hub.counts().await?.unanswered, Some(turns(hub).await?)),
        None => (0, None),
    };
    let in_doubt = unanswered > 0;
    let all_told = !in_doubt && told.values().all(Option::is_some);
    if let Some(treatment) = &books.treatment {
        let turns = turns.as_ref().filter(|_| all_told);
        look.findings.extend(figures::the_treatment_side_shows_what_it_was_told(treatment, turns).await?);
    }
    let Some(turns) = turns else { return Ok(look) };
    if in_doubt {
        let what = "whether all books have the same in force: operations wait for an answer at the hub";
        look.left_out.push(what.to_owned());
        return Ok(look);
    }
    if !all_told {
        let what = "whether the treatment side has in force what the hub has: it waits for answers";
        look.left_out.push(what.to_owned());
    }
    for (name, home) in &books.homes {
        for (settlement, in_force) in home.standing_list().await? {
            if turns.get(&settlement).is_some_and(|turns| (*turns == 1) == in_force) {
                continue;
            }
            look.findings.push(Finding {
                invariant: "hub and home regions agree what is in force",
                subject: format!("settlement {settlement}"),
                problem: format!(
                    "in force at {name}: {in_force}; turns in the hub's journal: {:?}",
                    turns.get(&settlement)
                ),
            });
        }
    }
    Ok(look)
}

/// Acceptances that the hub holds and the treatment side never fetched: breaks, known and open, until a desk asks.
///
/// # Errors
/// When a book cannot be read.
pub async fn never_fetched(stores: &Stores) -> Result<Vec<Finding>> {
    unfetched(&stores.hub, &stores.treatment).await
}

async fn unfetched(hub: &HubStore, treatment: &TreatmentStore) -> Result<Vec<Finding>> {
    let hub = hub_answers(hub).await?;
    let told = told_by_the_hub(treatment, &hub).await?;
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
fn answered_by_homes(records: &[&Record], decided: &Answers) -> Result<Answers> {
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
