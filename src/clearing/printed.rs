//! Periods and their pairs of members as tables and as JSON. Nothing is asked here.

use anyhow::Result;
use clearing::period::Stage;
use jiff::Timestamp;
use proto::v1;
use serde_json::{Value, json};
use settlement::beijing;
use settlement::money::Money;

use super::payables::{agreement, json_of_acceptances, json_of_payment, named, recorded};
use crate::output;

pub(super) fn print_periods(periods: &[v1::PeriodView], as_json: bool) -> Result<()> {
    if as_json {
        return print_json(&periods.iter().map(json_of_period).collect());
    }
    let mut table =
        output::table(["费款所属期", "阶段", "截止日", "清算日", "确认期限", "通知期限", "对数", "等待事项"]);
    for period in periods {
        table.add_row([
            period.month.clone(),
            stage_named(&period.stage),
            period.cut_off_on.clone(),
            period.clearing_day.clone(),
            period.confirm_by.clone(),
            period.notices_by.clone(),
            period.pairs.len().to_string(),
            waits(period),
        ]);
    }
    output::line(&table.to_string());
    Ok(())
}

/// The first thing that a period waits for, and how many more there are.
fn waits(period: &v1::PeriodView) -> String {
    let Some(first) = period.waits.first() else { return String::new() };
    let more = if period.waits.len() > 1 { format!(", and {} more", period.waits.len() - 1) } else { String::new() };
    format!("{}{more}", first.wanted)
}

pub(super) fn print_period(period: &v1::PeriodView) {
    let v1::PeriodView { month, stage, cut_off_on, clearing_day, confirm_by, notices_by, .. } = period;
    output::line(&format!("{month}: {}", stage_named(stage)));
    output::line(&format!(
        "cut off {cut_off_on}, statements {clearing_day}, confirm by {confirm_by}, notices by {notices_by}"
    ));
    for step in &period.steps {
        let held = if step.held { "✓" } else { "✗" };
        let report = if step.report.is_empty() { String::new() } else { format!(": {}", step.report) };
        output::line(&format!("{held} {} {}{report}", time(step.taken_at), step.step));
    }
    let _ = print_pairs(&period.pairs, false);
    for wait in &period.waits {
        let until = if wait.until.is_empty() { "no day known".to_owned() } else { format!("by {}", wait.until) };
        output::line(&format!("… {}, {until}", wait.wanted));
    }
}

/// What documents call a stage; its word where it is none of ours.
fn stage_named(word: &str) -> String {
    let stage = Stage::ALL.into_iter().find(|stage| stage.word() == word);
    stage.map_or_else(|| word.to_owned(), |stage| stage.name().to_owned())
}

/// What a pair's home member owes, or gets back where that is less than nothing.
pub(super) fn due_in_words(due: Money) -> String {
    if due.is_negative() { format!("参保省应收 {} 元", -due) } else { format!("参保省应付 {due} 元") }
}

/// A statement's version; nothing is issued of a draft yet.
pub(super) fn edition(version: u32) -> String {
    if version == 0 { "未定稿".to_owned() } else { format!("第{version}版") }
}

pub(super) fn print_pairs(pairs: &[v1::PairView], as_json: bool) -> Result<()> {
    if as_json {
        return print_json(&pairs.iter().map(json_of_pair).collect());
    }
    let columns = ["参保省", "就医省", "险种", "版本", "应付", "参保地", "就医地", "通知", "付款", "收款", "两方登记"];
    let mut table = output::table(columns);
    for pair in pairs {
        let said = |confirmed: bool| match (pair.version, pair.objected, confirmed) {
            (0, _, _) => "",
            (_, true, false) => "异议处理中",
            (_, _, true) => "已确认",
            (_, false, false) => "待确认",
        };
        for payable in &pair.payables {
            table.add_row([
                pair.home.clone(),
                pair.treatment.clone(),
                named(&payable.insurance),
                edition(pair.version),
                Money::from_fen(payable.due).to_string(),
                said(pair.home_confirmed).into(),
                said(pair.treatment_confirmed).into(),
                pair.noticed_on.clone(),
                recorded(&payable.paid),
                recorded(&payable.received),
                agreement(payable).to_owned(),
            ]);
        }
    }
    output::line(&table.to_string());
    Ok(())
}

pub(super) fn json_of_period(period: &v1::PeriodView) -> Value {
    let steps: Vec<Value> = period
        .steps
        .iter()
        .map(|step| json!({ "step": step.step, "held": step.held, "report": step.report, "at": time(step.taken_at) }))
        .collect();
    let waits: Vec<Value> =
        period.waits.iter().map(|wait| json!({ "for": wait.wanted, "until": wait.until })).collect();
    json!({ "month": period.month, "stage": period.stage, "cut_off_on": period.cut_off_on,
        "clearing_day": period.clearing_day, "confirm_by": period.confirm_by, "notices_by": period.notices_by,
        "steps": steps, "pairs": period.pairs.iter().map(json_of_pair).collect::<Vec<_>>(), "waits": waits })
}

pub(super) fn json_of_pair(pair: &v1::PairView) -> Value {
    let payables = pair.payables.iter().map(|payable| {
        json!({ "insurance": payable.insurance, "due": Money::from_fen(payable.due).to_string(),
            "paid": json_of_payment(&payable.paid), "received": json_of_payment(&payable.received),
            "apart": payable.apart, "accepted": json_of_acceptances(&payable.accepted), "settled": payable.settled })
    });
    json!({ "home": pair.home, "treatment": pair.treatment, "version": pair.version, "issued_on": pair.issued_on,
        "due": Money::from_fen(pair.due).to_string(), "home_confirmed": pair.home_confirmed,
        "treatment_confirmed": pair.treatment_confirmed, "objected": pair.objected, "noticed_on": pair.noticed_on,
        "payables": payables.collect::<Vec<_>>() })
}

pub(super) fn print_json(value: &Value) -> Result<()> {
    output::line(&serde_json::to_string_pretty(value)?);
    Ok(())
}

/// An instant as Beijing reads it, to the second.
fn time(micros: i64) -> String {
    let at = Timestamp::from_microsecond(micros).map(beijing::at_desk);
    at.map(|at| at.strftime("%Y-%m-%d %H:%M:%S").to_string()).unwrap_or_default()
}
