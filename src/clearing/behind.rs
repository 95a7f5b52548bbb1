//! `yidi clearing settlements`: everything that stands behind a lot of a statement, each entry with the sign with which it
//! counts. Deductions come to the lot's 审核扣款, the others to what its funds and accounts pay before it.

use anyhow::{Result, anyhow};
use clearing::breaks::reason;
use clearing::details::{Alone, Entry, Movement};
use proto::convert::cleared::read_named_lot;
use proto::v1;
use serde_json::{Value, json};
use settlement::money::Money;

use super::papers::fetched::{BookedAtHub, moved_of};
use super::papers::lists::Booked as _;
use super::printed::print_json;
use super::{OfMonth, client, payers};
use crate::cli::Ending;
use crate::output;

/// Prints what stands behind a lot.
///
/// # Errors
/// When the hub is not to be reached or refuses.
pub async fn show(of: &OfMonth, lot: v1::Lot) -> Result<Ending> {
    let named = read_named_lot(&lot).map_err(|fault| anyhow!("--{} {}", fault.field, fault.problem))?;
    let mut client = client(&of.access)?;
    let mut booked = BookedAtHub { client: &mut client, month: &of.month };
    let (mut entries, mut after) = (Vec::new(), 0);
    while let Some((page, last)) = booked.page(&named, after).await? {
        entries.extend(page);
        after = last;
    }
    let asked = v1::MovedRequest { month: of.month.clone(), lot: Some(lot), ..v1::MovedRequest::default() };
    entries.extend(moved_of(&mut client, asked).await?);
    if of.json {
        print_json(&entries.iter().map(|entry| json_of(entry, &of.month)).collect())?;
        return Ok(Ending::Good);
    }
    let about = ["setl_id", "动作", "日期", "另一所属期", "原因", "人次"];
    let amounts = ["医疗费总额", "基金", "个人账户", "审核扣款", "清算金额"];
    let mut table = output::table(about.into_iter().chain(amounts));
    for entry in &entries {
        let (Entry { settlement, movement, reason, .. }, gross) = (entry, entry.gross());
        table.add_row([
            settlement.to_string(),
            movement.name().to_owned(),
            day_of(entry),
            other_of(entry, &of.month),
            reason::told(reason),
            gross.visits.to_string(),
            gross.total.to_string(),
            gross.funds.total().to_string(),
            gross.account.to_string(),
            entry.deducted().to_string(),
            entry.sums.owed().to_string(),
        ]);
    }
    output::numbers_from(&mut table, 5);
    output::line(&table.to_string());
    let owed: Money = entries.iter().map(|entry| entry.sums.owed()).sum();
    let name = [named.insurance.name(), named.care.name()].concat();
    output::line(&format!("{name}，共{}笔，清算金额 {owed} 元", entries.len()));
    Ok(Ending::Good)
}

fn json_of(entry: &Entry, month: &str) -> Value {
    let Entry { settlement, lot: _, movement, day: _, other: _, reason, sums, along } = entry;
    let (word, turn, deduction, batch) = match movement {
        Movement::Booked(turn) => ("booked", turn.word(), "", ""),
        Movement::CarriedIn => ("carried-in", "", "", ""),
        Movement::CarriedOut => ("carried-out", "", "", ""),
        Movement::CameAlone(alone) => ("came-alone", "", id_of(alone), batch_of(alone)),
        Movement::WentAlone(alone) => ("went-alone", "", id_of(alone), batch_of(alone)),
        Movement::Deducted { id, on: _, objection: _ } => ("deducted", "", id.as_str(), ""),
        Movement::Recomputed { batch, .. } => ("recomputed", "", "", batch.as_str()),
    };
    let other = other_of(entry, month);
    let corrects = if turn.is_empty() { "" } else { other.as_str() };
    json!({ "setl_id": settlement.to_string(), "movement": word, "turn": turn, "corrects": corrects, "other": other,
        "day": day_of(entry), "reason": reason, "deduction": deduction, "batch": batch, "visits": sums.visits,
        "total": sums.total.to_string(), "payers": payers(sums), "owed": sums.owed().to_string(),
        "along": along.to_string() })
}

fn id_of(alone: &Alone) -> &str {
    if let Alone::Deduction(id) = alone { id } else { "" }
}

fn batch_of(alone: &Alone) -> &str {
    if let Alone::Correction(batch) = alone { batch } else { "" }
}

/// The day of `setl_time`; of a deduction, the day on which it was agreed, and of a correction the one on which it took effect.
fn day_of(entry: &Entry) -> String {
    let day = match &entry.movement {
        Movement::Deducted { id: _, on, objection: _ } | Movement::Recomputed { on, .. } => Some(*on),
        Movement::Booked(_)
        | Movement::CarriedIn
        | Movement::CarriedOut
        | Movement::CameAlone(_)
        | Movement::WentAlone(_) => entry.day,
    };
    day.map(|day| day.to_string()).unwrap_or_default()
}

/// The month that it corrects, comes from or goes to, or that clears what it is deducted from; the list (遗留清单) where what
/// is carried has none.
fn other_of(entry: &Entry, month: &str) -> String {
    let listed = match entry.movement {
        Movement::CarriedIn | Movement::CarriedOut | Movement::CameAlone(_) | Movement::WentAlone(_) => "遗留清单",
        Movement::Booked(_) | Movement::Deducted { .. } | Movement::Recomputed { .. } => "",
    };
    let other = entry.other.map_or_else(|| listed.to_owned(), |other| other.to_string());
    if other == month { String::new() } else { other }
}
