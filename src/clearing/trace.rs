//! `yidi clearing trace`: a settlement's way from its entries to the statements, notices and payments in which it counts.

use anyhow::Result;
use clearing::breaks::reason;
use clearing::details::Movement;
use clearing::obligation::Sums;
use proto::convert::cleared::{read_funds, read_sums};
use proto::v1;
use proto::v1::clearing_client::ClearingClient;
use serde_json::{Value, json};
use settlement::adjudication::Fund;
use settlement::encounter::CareKind;
use settlement::money::Money;
use settlement::postings::Turn;
use tonic::transport::Channel;

use super::deductions::{in_words, json_of_objection, standing_of};
use super::leftovers::standing;
use super::payables::named as insurance_named;
use super::payers;
use super::printed::{NOTHING_STATED, due_in_words, edition, json_of_pair, print_json};
use super::told::side_named;
use crate::cli::Ending;
use crate::{output, status};

/// Said of a statement of which there is no version yet.
const NOT_ISSUED: &str = "清算表未出具";

/// Shows a settlement's way.
///
/// # Errors
/// When the hub is not to be reached or refuses.
pub async fn show(client: &mut ClearingClient<Channel>, settlement: String, as_json: bool) -> Result<Ending> {
    let told = client.trace(v1::TraceRequest { settlement }).await.map_err(|refused| status::to_refusal(&refused))?;
    let traced = told.into_inner();
    if as_json {
        print_json(&json_of(&traced))?;
    } else {
        print(&traced);
    }
    Ok(Ending::Good)
}

fn print(traced: &v1::TraceReply) {
    let header = ["动作", "结算日期", "所属期", "更正", "参保统筹区", "就医统筹区", "险种", "类别"];
    let mut table = output::table(header.into_iter().chain(["医疗费总额", "应付"]));
    for entry in &traced.entries {
        let sums = read_sums(entry.sums.as_ref());
        let [home, treatment, insurance, care] = named(entry.lot.as_ref());
        let (turn, day) = (turn_named(&entry.turn), entry.day.clone());
        let (month, corrects) = (entry.month.clone(), entry.corrects.clone());
        let sums = [sums.total.to_string(), sums.owed().to_string()];
        table.add_row([turn, day, month, corrects, home, treatment, insurance, care].into_iter().chain(sums));
    }
    output::numbers_from(&mut table, header.len());
    output::line(&table.to_string());
    for carried in &traced.carried {
        output::line(&format!("{}：{}", way(carried), reason::told(&carried.reason)));
    }
    for held in &traced.listed {
        let (owed, why) = (Money::from_fen(held.net), reason::told(&held.reason));
        output::line(&format!("清算遗留 {owed} 元，费款所属期 {}，{}：{why}", held.booked_in, standing(held)));
    }
    for traced in &traced.deductions {
        let Some(held) = &traced.deduction else { continue };
        output::line(&format!("审核扣款 {}，{}：{}", held.id, standing_of(held), held.reason));
        if let Some(objection) = &held.objection {
            output::line(&format!("  {}", in_words(objection)));
        }
        for taken in &traced.taken {
            output::line(&format!("  {}", way_of_taking(taken)));
        }
    }
    for corrected in &traced.corrections {
        let v1::TracedCorrection { batch, on, told, now, reason, .. } = corrected;
        let (told, now) = (paid(told.as_ref()), paid(now.as_ref()));
        let place = place(&corrected.month, corrected.returned);
        output::line(&format!("重算更正 {batch}：{told} → {now}，{} 元{place}，{on} 生效：{reason}", now - told));
    }
    for line in &traced.lines {
        let counts = read_sums(line.counts.as_ref()).owed();
        let Some(course) = &line.course else { continue };
        output::line(&format!("{} {} → {}：计 {counts} 元", line.month, course.home, course.treatment));
        if !line.rows.is_empty() {
            output::line(&format!("  所在行 {}", line.rows.join("、")));
        }
        let stated = line.pair.as_ref().filter(|_| course.version > 0);
        let told = stated.map_or_else(|| course_of(course), statement);
        told.iter().for_each(|told| output::line(&format!("  {told}")));
    }
}

/// How far the statement is behind which it stands, where there is none or its sums are not to be seen.
fn course_of(course: &v1::TracedCourse) -> Vec<String> {
    let v1::TracedCourse { version, issued_on, noticed_on, paid_on, nothing, .. } = course;
    if *version == 0 {
        return vec![if *nothing { NOTHING_STATED } else { NOT_ISSUED }.to_owned()];
    }
    let mut told = vec![format!("清算表{}，{issued_on} 出具", edition(*version))];
    for (day, what) in [(noticed_on, "已通知"), (paid_on, "已拨付")] {
        if !day.is_empty() {
            told.push(format!("{day} {what}"));
        }
    }
    told
}

/// What became of the statement behind which it stands.
fn statement(pair: &v1::PairView) -> Vec<String> {
    let due = due_in_words(Money::from_fen(pair.due));
    let replied = match (pair.objected, pair.home_confirmed, pair.treatment_confirmed) {
        (true, _, _) => "异议处理中",
        (false, true, true) => "双方已确认",
        (false, true, false) => "参保省已确认",
        (false, false, true) => "就医省已确认",
        (false, false, false) => "待确认",
    };
    let mut told = vec![format!("清算表{}，{} 出具，{due}，{replied}", edition(pair.version), pair.issued_on)];
    if !pair.noticed_on.is_empty() {
        told.push(format!("{} 已通知", pair.noticed_on));
    }
    let recorded = |payable: &'_ v1::PayableView| [("付款", payable.paid.clone()), ("收款", payable.received.clone())];
    let each = pair.payables.iter().flat_map(|payable| recorded(payable).map(|(how, paid)| (payable, how, paid)));
    for (v1::PayableView { insurance, .. }, how, payment) in each {
        if let Some(v1::PaymentView { serial, bank, on, amount }) = payment {
            let (insurance, amount) = (insurance_named(insurance), Money::from_fen(amount));
            told.push(format!("{insurance}{how}：{on}，{amount} 元，流水号 {serial}，{bank}"));
        }
    }
    for v1::PayableView { insurance, accepted, .. } in &pair.payables {
        for v1::AcceptanceView { side, reason, on } in accepted {
            let (insurance, side) = (insurance_named(insurance), side_named(side));
            told.push(format!("{insurance}：{side}于 {on} 认可双方登记为同一笔付款：{reason}"));
        }
    }
    told
}

fn way(carried: &v1::TracedCarry) -> String {
    let v1::TracedCarry { way, turn, from, into, .. } = carried;
    let turn = turn_named(turn);
    match way.as_str() {
        "carried" => format!("{turn}由 {from} 转入 {into}"),
        "listed" => format!("{turn}由 {from} 转入遗留清单"),
        "cleared" => format!("{turn}由遗留清单转入 {into}"),
        "returned" => format!("{turn}由遗留清单退回"),
        other => format!("{turn} {other}"),
    }
}

/// What a deduction takes off or gives back, when, and where that counts.
fn way_of_taking(taken: &v1::TracedTaking) -> String {
    let v1::TracedTaking { month, on, returned, .. } = taken;
    let place = place(month, *returned);
    match amount(taken) {
        amount if amount.is_negative() => format!("{on} 冲回 {} 元，{place}", -amount),
        amount if month.is_empty() => format!("{on} 认定 {amount} 元，{place}"),
        amount => format!("{on} 认定 {amount} 元，在 {month} 扣除"),
    }
}

/// What counts in no month waits on the list, with its settlement or by itself, unless it was returned from there.
fn place(month: &str, returned: bool) -> String {
    match (month, returned) {
        ("", true) => "已随遗留清单退回".to_owned(),
        ("", false) => "在遗留清单".to_owned(),
        (month, _) => format!("计入 {month}"),
    }
}

/// What documents call a turn; its word where it is none of ours.
fn turn_named(word: &str) -> String {
    Turn::from_word(word).map_or_else(|| word.to_owned(), |turn| Movement::Booked(turn).name().to_owned())
}

fn named(lot: Option<&v1::Lot>) -> [String; 4] {
    let Some(v1::Lot { home, treatment, insurance, care }) = lot.cloned() else { return Default::default() };
    let insurance = insurance_named(&insurance);
    let care = CareKind::from_word(&care).map_or(care, |care| care.name().to_owned());
    [home, treatment, insurance, care]
}

fn amount(taken: &v1::TracedTaking) -> Money {
    let shares = taken.sums.as_ref().map(read_funds).unwrap_or_default();
    Fund::ALL.into_iter().map(|fund| shares.of(fund)).sum()
}

/// What funds pay together.
fn paid(sums: Option<&v1::FundSums>) -> Money {
    sums.map(read_funds).unwrap_or_default().total()
}

fn json_of(traced: &v1::TraceReply) -> Value {
    let entries = traced.entries.iter().map(|entry| {
        let sums = read_sums(entry.sums.as_ref());
        json!({ "turn": entry.turn, "day": entry.day, "month": entry.month, "corrects": entry.corrects,
            "part": entry.part, "lot": json_of_lot(entry.lot.as_ref()), "sums": json_of_sums(&sums) })
    });
    let carried = traced.carried.iter().map(|carried| {
        json!({ "way": carried.way, "turn": carried.turn, "part": carried.part, "from": carried.from,
            "into": carried.into, "reason": carried.reason })
    });
    let listed = traced.listed.iter().map(|held| {
        json!({ "part": held.part, "owed": Money::from_fen(held.net).to_string(), "reason": held.reason,
            "owner": held.owner, "booked_in": held.booked_in, "listed_from": held.listed_from,
            "age_days": held.age_days, "standing": held.standing, "verdict": held.verdict, "remark": held.remark })
    });
    let deductions = traced.deductions.iter().map(|traced| {
        let held = traced.deduction.clone().unwrap_or_default();
        let taken = traced.taken.iter().map(|taken| {
            json!({ "month": taken.month, "on": taken.on, "amount": amount(taken).to_string(),
                "returned": taken.returned })
        });
        json!({ "id": held.id, "standing": held.standing, "returned": held.returned, "reason": held.reason,
            "remark": held.remark, "objection": held.objection.as_ref().map(json_of_objection), "taken": taken.collect::<Vec<_>>() })
    });
    let corrections = traced.corrections.iter().map(|corrected| {
        let (told, now) = (paid(corrected.told.as_ref()), paid(corrected.now.as_ref()));
        json!({ "batch": corrected.batch, "month": corrected.month, "on": corrected.on, "told": told.to_string(),
            "now": now.to_string(), "difference": (now - told).to_string(), "reason": corrected.reason,
            "returned": corrected.returned })
    });
    let lines = traced.lines.iter().map(|line| {
        json!({ "month": line.month, "lot": json_of_lot(line.lot.as_ref()), "rows": line.rows,
            "counts": json_of_sums(&read_sums(line.counts.as_ref())), "statement": line.pair.as_ref().map(json_of_pair),
            "course": line.course.as_ref().map(json_of_course) })
    });
    json!({ "setl_id": traced.settlement, "entries": entries.collect::<Vec<_>>(),
        "carried": carried.collect::<Vec<_>>(), "listed": listed.collect::<Vec<_>>(),
        "deductions": deductions.collect::<Vec<_>>(), "corrections": corrections.collect::<Vec<_>>(), "lines": lines.collect::<Vec<_>>() })
}

fn json_of_course(course: &v1::TracedCourse) -> Value {
    json!({ "home": course.home, "treatment": course.treatment, "version": course.version,
        "issued_on": course.issued_on, "noticed_on": course.noticed_on, "paid_on": course.paid_on,
        "nothing": course.nothing })
}

fn json_of_lot(lot: Option<&v1::Lot>) -> Value {
    let lot = lot.cloned().unwrap_or_default();
    json!({ "home": lot.home, "treatment": lot.treatment, "insurance": lot.insurance, "care": lot.care })
}

fn json_of_sums(sums: &Sums) -> Value {
    json!({ "visits": sums.visits, "total": sums.total.to_string(), "payers": payers(sums),
        "owed": sums.owed().to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_is_told_how_far_a_statement_is() {
        let said = |version, [issued, noticed, paid]: [&str; 3]| {
            let [issued_on, noticed_on, paid_on] = [issued, noticed, paid].map(str::to_owned);
            let of = v1::TracedCourse { version, issued_on, noticed_on, paid_on, ..v1::TracedCourse::default() };
            course_of(&of)
        };
        assert_eq!(said(0, [""; 3]), ["清算表未出具"]);
        assert_eq!(said(1, ["2025-07-21", "", ""]), ["清算表第1版，2025-07-21 出具"]);
        let told = ["清算表第2版，2025-07-22 出具", "2025-07-30 已通知", "2025-08-09 已拨付"];
        assert_eq!(said(2, ["2025-07-22", "2025-07-30", "2025-08-09"]), told);
    }

    #[test]
    fn what_a_deduction_takes_off_says_where_it_counts_or_that_it_never_will() {
        let said = |fen, month: &str, returned| {
            let sums = Some(v1::FundSums { basic: fen, ..v1::FundSums::default() });
            way_of_taking(&v1::TracedTaking { month: month.into(), on: "2025-08-01".into(), sums, returned })
        };
        for (fen, month, returned, told) in [
            (3_000, "2025-07", false, "2025-08-01 认定 30.00 元，在 2025-07 扣除"),
            (3_000, "", false, "2025-08-01 认定 30.00 元，在遗留清单"),
            (3_000, "", true, "2025-08-01 认定 30.00 元，已随遗留清单退回"),
            (-3_000, "2025-07", false, "2025-08-01 冲回 30.00 元，计入 2025-07"),
            (-3_000, "", false, "2025-08-01 冲回 30.00 元，在遗留清单"),
            (-3_000, "", true, "2025-08-01 冲回 30.00 元，已随遗留清单退回"),
        ] {
            assert_eq!(said(fen, month, returned), told);
        }
    }
}
