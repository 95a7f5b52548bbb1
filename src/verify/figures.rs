//! Whether what was booked and shown is what the answers say: the hub's journal and the treatment side's sums and
//! standings are derived from them when they arrive, and must be so still.

use std::collections::BTreeMap;

use anyhow::Result;
use ledger::hub::{HubStore, Position, Record};
use ledger::treatment::TreatmentStore;
use proto::convert;
use settlement::finding::Finding;
use settlement::lifecycle::Standing;
use settlement::money::Money;
use settlement::outcome::{Done, Outcome};
use settlement::postings::{Account, Booking, Line, Turn};

/// An entry of the hub's journal pays what its answer says, and an accepted settlement has one.
///
/// # Errors
/// When the hub's book cannot be read.
pub async fn the_journal_books_what_the_answers_say(hub: &HubStore, records: &[Record]) -> Result<Vec<Finding>> {
    let mut entries: BTreeMap<Position, Vec<Line>> = BTreeMap::new();
    hub.journal_read(|position, lines| {
        entries.insert(position, lines.to_vec());
    })
    .await?;
    let mut findings = Vec::new();
    for record in records {
        let Some(answer) = &record.answer else { continue };
        let (operation, outcome) = (convert::read_operation(&record.bytes)?, convert::read_outcome(&answer.outcome)?);
        let booking = Booking::of(&operation, &outcome);
        if let Some(problem) = booked_otherwise(booking.as_ref(), entries.get(&record.position)) {
            findings.push(Finding {
                invariant: "the journal books what the answers say",
                subject: format!("position {}", record.position.0),
                problem,
            });
        }
    }
    Ok(findings)
}

/// What is wrong with an entry. What undoes something that is undone already books nothing.
fn booked_otherwise(booking: Option<&Booking>, lines: Option<&Vec<Line>>) -> Option<String> {
    match (booking, lines) {
        (None, None) => None,
        (None, Some(_)) => Some("it has an entry, and its answer moves nothing".into()),
        (Some(booking), None) => (booking.turn == Turn::Enter).then(|| format!("{} has no entry", booking.settlement)),
        (Some(booking), Some(lines)) => {
            let counter = booking.entry.counter();
            let expected = match booking.turn {
                Turn::Enter | Turn::Reinstate => booking.entry.lines(),
                Turn::Counter => counter.lines(),
            };
            (!shares(lines).eq(shares(expected))).then(|| format!("booked {lines:?}, answered {expected:?}"))
        }
    }
}

/// Who pays what and who receives it. The treatment pool passes it on; an institution may have moved to another since.
fn shares(lines: &[Line]) -> impl Iterator<Item = &Line> {
    lines.iter().filter(|line| !matches!(line.account, Account::Treatment { pool: _ }))
}

/// What the treatment side shows of a settlement is what its answer says; and where nothing is on its way, it stands
/// there as it does in the hub's journal.
///
/// # Errors
/// When the treatment side's book cannot be read.
pub async fn the_treatment_side_shows_what_it_was_told(
    treatment: &TreatmentStore,
    turns: Option<&BTreeMap<String, i64>>,
) -> Result<Vec<Finding>> {
    let told = told_sums(treatment).await?;
    let mut findings = Vec::new();
    for stored in treatment.settlement_list_all().await? {
        let (id, sums) = (stored.settlement.id.to_string(), &stored.settlement.sums);
        let shown = [sums.total, sums.funds, sums.account, sums.cash, sums.hospital];
        if told.get(&id) != Some(&shown) {
            findings.push(finding(&id, format!("it shows {shown:?} and was told {:?}", told.get(&id))));
        }
        let in_force = stored.standing == Standing::InForce;
        if let Some(turns) = turns
            && (turns.get(&id) == Some(&1)) != in_force
        {
            findings.push(finding(
                &id,
                format!("in force there: {in_force}; turns in the hub's journal: {:?}", turns.get(&id)),
            ));
        }
    }
    Ok(findings)
}

fn finding(settlement: &str, problem: String) -> Finding {
    let invariant = "the treatment side shows what it was told";
    Finding { invariant, subject: format!("settlement {settlement}"), problem }
}

async fn told_sums(treatment: &TreatmentStore) -> Result<BTreeMap<String, [Money; 5]>> {
    let mut sums = BTreeMap::new();
    for outcome in treatment.told_list().await?.into_iter().filter_map(|told| told.outcome) {
        if let Outcome::Accepted { decided_at: _, done: Done::Settled(settled) } = convert::read_outcome(&outcome)? {
            let payers = &settled.payers;
            let told = [settled.coverage.total(), payers.funds.total(), payers.account, payers.cash, payers.hospital];
            sums.insert(settled.settlement.to_string(), told);
        }
    }
    Ok(sums)
}
