//! 2205 and 2302: charge lines are withdrawn, as long as no settlement in force covers them.

use ledger::treatment::{Session, StoredCharge};
use settlement::ids::{BatchNumber, ChargeNumber, EncounterId, PersonNumber};
use settlement::refusal::{Reason, Refusal};

use crate::answer::Reply;
use crate::content::Noted;
use crate::edge::{Call, Shared};
use crate::local::{Done, Stamp, echo, key_of, once};
use crate::node::{Node, Sheet};
use crate::stop::Stop;
use crate::visit::{self, Covered};

/// What clients write for all lines.
const ALL: &str = "0000";

/// 2205: a batch, or every unsettled line of the visit.
///
/// # Errors
/// When there is no such line, or one is settled.
pub async fn outpatient(edge: Shared, call: Call) -> Result<Reply, Refusal> {
    let ((person, encounter, batch), noted) = read_batch(&call)?;
    let key = key_of(&call, &person, Some(&encounter), Some(&batch));
    let output = echo(&call, Some(&encounter));
    let institution = call.envelope.institution.clone();
    once(&edge, &call, key, noted, move |session, stamp| {
        visit::find_open(session, &institution, &person, &encounter)?;
        visit::ensure_nothing_pending(session, &encounter)?;
        let covered = visit::covered(session, &encounter)?;
        let mut lines = session.charge_list(&encounter)?;
        if batch.as_str() == ALL {
            lines.retain(|line| !is_covered(line, &covered));
        } else {
            lines.retain(|line| line.charge.batch.as_ref() == Some(&batch));
        }
        withdraw(session, &encounter, &lines, &covered, stamp)?;
        Ok(Done { output: output.clone(), warning: None, encounter: encounter.to_string() })
    })
    .await
}

/// 2302: named lines, or every unsettled line of the stay.
///
/// # Errors
/// When there is no such line, or one is settled.
pub async fn inpatient(edge: Shared, call: Call) -> Result<Reply, Refusal> {
    let ((person, encounter, numbers), noted) = read_numbers(&call)?;
    let key = key_of(&call, &person, Some(&encounter), None);
    let output = echo(&call, Some(&encounter));
    let institution = call.envelope.institution.clone();
    once(&edge, &call, key, noted, move |session, stamp| {
        visit::find_open(session, &institution, &person, &encounter)?;
        visit::ensure_nothing_pending(session, &encounter)?;
        let covered = visit::covered(session, &encounter)?;
        let lines = named(session, &encounter, &numbers, &covered)?;
        withdraw(session, &encounter, &lines, &covered, stamp)?;
        Ok(Done { output: output.clone(), warning: None, encounter: encounter.to_string() })
    })
    .await
}

type Batch = (PersonNumber, EncounterId, BatchNumber);

fn read_batch(call: &Call) -> Result<(Batch, Noted), Refusal> {
    let sheet = Sheet::on(call.today());
    let data = Node::new(&call.input, &sheet).object("data");
    let person = data.id("psn_no", PersonNumber::new);
    let encounter = data.id("mdtrt_id", EncounterId::new);
    let batch = data.id("chrg_bchno", BatchNumber::new);
    sheet.finish((|| Some((person?, encounter?, batch?)))())
}

type Numbers = (PersonNumber, EncounterId, Vec<ChargeNumber>);

fn read_numbers(call: &Call) -> Result<(Numbers, Noted), Refusal> {
    let sheet = Sheet::on(call.today());
    let input = Node::new(&call.input, &sheet);
    let mut nodes = input.list("data");
    if nodes.is_empty() {
        nodes.push(input);
    }
    let mut numbers = Vec::new();
    let mut whose = None;
    for node in &nodes {
        let person = node.id("psn_no", PersonNumber::new);
        let encounter = node.id("mdtrt_id", EncounterId::new);
        numbers.extend(node.id("feedetl_sn", ChargeNumber::new));
        let pair = person.zip(encounter);
        if whose.is_some() && pair.is_some() && whose != pair {
            node.invalid("mdtrt_id", "一次只能撤销一次就诊的明细");
        }
        whose = whose.or(pair);
    }
    sheet.finish(whose.map(|(person, encounter)| (person, encounter, numbers)))
}

fn named(
    session: &Session<'_, '_>,
    encounter: &EncounterId,
    numbers: &[ChargeNumber],
    covered: &Covered,
) -> Result<Vec<StoredCharge>, Stop> {
    let lines = session.charge_list(encounter)?;
    if numbers.iter().any(|number| number.as_str() == ALL) {
        return Ok(lines.into_iter().filter(|line| !is_covered(line, covered)).collect());
    }
    numbers
        .iter()
        .map(|number| {
            let found = lines.iter().find(|line| line.charge.number == *number).cloned();
            found.ok_or_else(|| unknown(number.as_str()).into())
        })
        .collect()
}

fn unknown(number: &str) -> Refusal {
    Refusal::new(Reason::UnknownCharge).of_field("feedetl_sn").because(number)
}

fn is_covered(line: &StoredCharge, covered: &Covered) -> bool {
    covered.holds(line.charge.batch.as_ref(), line.line)
}

/// Withdraws lines. Also what reversing the message that brought them does.
///
/// # Errors
/// When there are none, one is settled, or one is taken back by a line that stays.
pub fn withdraw(
    session: &Session<'_, '_>,
    encounter: &EncounterId,
    lines: &[StoredCharge],
    covered: &Covered,
    stamp: Stamp,
) -> Result<(), Stop> {
    if lines.is_empty() {
        return Err(Refusal::new(Reason::UnknownCharge).of_field("mdtrt_id").because("没有可撤销的明细").into());
    }
    let undo = |line: &StoredCharge, why: &str| {
        let detail = format!("{}{why}", line.charge.number);
        Stop::from(Refusal::new(Reason::UndoFirst).of_field("feedetl_sn").because(detail))
    };
    if let Some(line) = lines.iter().find(|line| is_covered(line, covered)) {
        return Err(undo(line, "已结算"));
    }
    let goes = |number: &ChargeNumber| lines.iter().any(|line| line.charge.number == *number);
    for stays in session.charge_list(encounter)?.iter().filter(|line| !goes(&line.charge.number)) {
        if let Some(original) = stays.charge.takes_back.as_ref().filter(|original| goes(original)) {
            return Err(undo(stays, &format!("是{original}的负数明细,须一并撤销")));
        }
    }
    for line in lines {
        session.charge_withdraw(encounter, line, stamp.message, stamp.at)?;
    }
    Ok(())
}
