//! Periods and their pairs of members as tables and as JSON. Nothing is asked here.

use anyhow::Result;
use clearing::capitals::capitals;
use clearing::period::{Stage, report};
use proto::convert::waits::read_wait;
use proto::v1;
use serde_json::{Value, json};
use settlement::money::Money;

use super::pay::numbered;
use super::payables::{agreement, json_of_acceptances, json_of_payment, named};
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

/// What a period waits for: what is overdue longest, else the first, and how many more there are.
fn waits(period: &v1::PeriodView) -> String {
    let Some(first) = overdue_longest(period).or(period.waits.first()) else { return String::new() };
    let more = if period.waits.len() > 1 { format!("；另 {} 项", period.waits.len() - 1) } else { String::new() };
    format!("{}{more}", wait_told(first))
}

/// Of what a period waits for, what should have been first; none where nothing is overdue.
fn overdue_longest(period: &v1::PeriodView) -> Option<&v1::WaitView> {
    let overdue = period.waits.iter().filter_map(|wait| Some((&wait.overdue.as_ref()?.by, wait)));
    overdue.min_by_key(|(by, _)| *by).map(|(_, wait)| wait)
}

/// What is waited for, until when, and how long that is past; its word where a newer hub waits for more than we know.
fn wait_told(wait: &v1::WaitView) -> String {
    read_wait(wait).map_or_else(|_| wait.wanted.clone(), |(read, overdue)| read.told(overdue))
}

pub(super) fn print_period(period: &v1::PeriodView) {
    let v1::PeriodView { month, stage, cut_off_on, clearing_day, confirm_by, notices_by, .. } = period;
    output::line(&format!("{month}：{}", stage_named(stage)));
    output::line(&format!("截止 {cut_off_on}，清算 {clearing_day}，确认期限 {confirm_by}，通知期限 {notices_by}"));
    for step in &period.steps {
        let held = if step.held { "✓" } else { "✗" };
        output::line(&format!("{held} {} {}", taken(step), step_told(step)));
    }
    let _ = print_pairs(&period.pairs, false);
    period.waits.iter().for_each(|wait| output::line(&format!("… {}", wait_told(wait))));
}

/// When a step was taken: of what goes pair by pair, the day.
fn taken(step: &v1::StepView) -> String {
    let time = output::time(step.taken_at);
    let is_by_day = ["stated", "noticed"].contains(&step.step.as_str());
    if is_by_day { time.split(' ').next().unwrap_or_default().to_owned() } else { time }
}

/// A step that was taken, and what it came to where that is told.
fn step_told(step: &v1::StepView) -> String {
    let name = report::step_named(&step.step);
    if step.report.is_empty() { name.to_owned() } else { format!("{name}：{}", report::told(&step.report)) }
}

/// What documents call a stage; its word where it is none of ours.
pub(super) fn stage_named(word: &str) -> String {
    let stage = Stage::ALL.into_iter().find(|stage| stage.word() == word);
    stage.map_or_else(|| word.to_owned(), |stage| stage.name().to_owned())
}

/// What a pair's home member owes, or gets back where that is less than nothing.
pub(super) fn due_in_words(due: Money) -> String {
    if due.is_negative() { format!("参保省应收 {} 元", -due) } else { format!("参保省应付 {due} 元") }
}

/// The same with the amount in capital numerals: who gets it is said already, so these have no sign.
pub(super) fn due_in_capitals(due: Money) -> String {
    let amount = if due.is_negative() { -due } else { due };
    format!("{}：{}", due_in_words(due), capitals(amount))
}

/// What is said where a period was stated and what it holds of a pair comes to nothing.
pub(super) const NOTHING_STATED: &str = "本期净额为零，不出具清算表";

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
                numbered(payable.paid_record, &payable.paid),
                numbered(payable.received_record, &payable.received),
                agreement(payable),
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
        .map(|step| json!({ "step": step.step, "held": step.held, "report": step.report, "at": output::time(step.taken_at) }))
        .collect();
    let waits: Vec<Value> = period.waits.iter().map(json_of_wait).collect();
    json!({ "month": period.month, "stage": period.stage, "cut_off_on": period.cut_off_on,
        "clearing_day": period.clearing_day, "confirm_by": period.confirm_by, "notices_by": period.notices_by,
        "steps": steps, "pairs": period.pairs.iter().map(json_of_pair).collect::<Vec<_>>(), "waits": waits,
        "overdue": overdue_longest(period).map(json_of_overdue) })
}

fn json_of_wait(wait: &v1::WaitView) -> Value {
    let wanted = read_wait(wait).map_or_else(|_| wait.wanted.clone(), |(read, _)| read.wanted.to_string());
    json!({ "for": wanted, "until": wait.until, "overdue": json_of_overdue(wait) })
}

/// What of a month is overdue, since when, and for how many working days; nothing where nothing is.
fn json_of_overdue(wait: &v1::WaitView) -> Option<Value> {
    let v1::OverdueView { milestone, by, working_days } = wait.overdue.as_ref()?;
    Some(json!({ "step": milestone, "by": by, "working_days": working_days }))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_home_member_gets_back_is_said_once() {
        for (fen, told) in [
            (-100_005, "参保省应收 1000.05 元：人民币壹仟元零伍分"),
            (100_005, "参保省应付 1000.05 元：人民币壹仟元零伍分"),
            (0, "参保省应付 0.00 元：人民币零元整"),
        ] {
            assert_eq!(due_in_capitals(Money::from_fen(fen)), told);
        }
    }

    fn wait(by: &str, working_days: Option<u32>) -> v1::WaitView {
        let (home, treatment) = ("410000".to_owned(), "310000".to_owned());
        let overdue = v1::OverdueView { milestone: "payment".into(), by: by.to_owned(), working_days };
        let overdue = (!by.is_empty()).then_some(overdue);
        let (wanted, until) = ("payment".into(), "2025-08-15".into());
        let (side, insurance) = ("home".into(), "employee".into());
        v1::WaitView { wanted, until, home, treatment, side, insurance, overdue, ..v1::WaitView::default() }
    }

    #[test]
    fn what_a_month_waits_for_begins_with_what_is_overdue_longest() {
        let open = "410000 → 310000 职工：待参保地 410000 付款并登记";
        for (waits_for, told, since) in [
            (vec![], String::new(), None),
            (vec![wait("", None)], format!("{open}，期限 2025-08-15"), None),
            (
                vec![wait("", None), wait("2025-08-18", Some(2)), wait("2025-08-15", Some(3))],
                format!("{open}，已逾期 3 个工作日；另 2 项"),
                Some("2025-08-15"),
            ),
            (
                vec![wait("2026-12-31", None)],
                format!("{open}，已逾期，清算日历缺该年工作日，天数不明"),
                Some("2026-12-31"),
            ),
        ] {
            let period = v1::PeriodView { waits: waits_for, ..v1::PeriodView::default() };
            assert_eq!(waits(&period), told);
            assert_eq!(json_of_period(&period)["overdue"]["by"].as_str(), since, "{told}");
        }
    }

    #[test]
    fn json_says_what_is_waited_for_in_its_own_words() {
        let told = json_of_wait(&wait("2025-08-15", Some(3)));
        let overdue = json!({ "step": "payment", "by": "2025-08-15", "working_days": 3 });
        let wanted = "employee payment by 410000 (410000 → 310000)";
        assert_eq!(told, json!({ "for": wanted, "until": "2025-08-15", "overdue": overdue }));
        let newer = v1::WaitView { wanted: "godot".into(), ..wait("", None) };
        assert_eq!((json_of_wait(&newer)["for"].as_str(), wait_told(&newer).as_str()), (Some("godot"), "godot"));
    }

    #[test]
    fn a_step_is_told_without_our_words() {
        let step =
            v1::StepView { step: "carried".into(), report: "3 entries carried out".into(), ..v1::StepView::default() };
        assert_eq!(step_told(&step), "结转：转出 3 笔");
        assert_eq!(step_told(&v1::StepView { report: String::new(), ..step }), "结转");
    }
}
