//! Inquiries as tables and as JSON. Nothing is asked here.

use anyhow::Result;
use clearing::inquiry::{Event, Finding, Kind, Party, Standing};
use clearing::period::Side;
use mailbox::inquiries::ToldInquiry;
use proto::v1;
use serde_json::{Value, json};
use settlement::encounter::CareKind;
use settlement::money::Money;
use settlement::person::Insurance;

use crate::cli::Ending;
use crate::output;

/// One inquiry with its history.
pub(super) fn one(view: &v1::InquiryView, as_json: bool) -> Result<Ending> {
    let Some(inquiry) = &view.inquiry else { return Ok(Ending::Good) };
    if as_json {
        output::line(&serde_json::to_string_pretty(&view_json(view, inquiry))?);
        return Ok(Ending::Good);
    }
    let mut table = output::table(LISTED);
    table.add_row(row(view, inquiry));
    output::line(&table.to_string());
    let mut table = output::table(["步骤", "时间", "事项", "由", "说明", "结论"]);
    for event in &inquiry.events {
        table.add_row([
            event.step.to_string(),
            output::time(event.done_at),
            named(&event.event, Event::from_word, Event::name),
            named(&event.party, Party::from_word, Party::name),
            event.words.clone(),
            found(&event.finding, event.not_owed),
        ]);
    }
    output::line(&table.to_string());
    if view.proposed_deduction > 0 {
        let (sum, settlement) = (Money::from_fen(view.proposed_deduction), &inquiry.settlement);
        output::line(&format!(
            "建议审核扣款 {sum} 元, 由就医地经办机构另行提交: yidi clearing deduction lodge --settlement {settlement} …"
        ));
    }
    Ok(Ending::Good)
}

/// Many, a row each.
pub(super) fn list(views: &[v1::InquiryView], as_json: bool) -> Result<()> {
    let rows = views.iter().filter_map(|view| Some((view, view.inquiry.as_ref()?)));
    if as_json {
        let rows: Vec<_> = rows.map(|(view, inquiry)| view_json(view, inquiry)).collect();
        output::line(&serde_json::to_string_pretty(&rows)?);
        return Ok(());
    }
    let mut table = output::table(LISTED);
    rows.for_each(|(view, inquiry)| {
        table.add_row(row(view, inquiry));
    });
    output::line(&table.to_string());
    Ok(())
}

/// What a node was told, a row each.
pub(super) fn told(told: &[ToldInquiry], as_json: bool) -> Result<Ending> {
    let direction = |told: &ToldInquiry| if told.is_to_us() { "to" } else { "from" };
    if as_json {
        let rows = told.iter().map(|told| {
            json!({ "mailbox": told.mailbox, "direction": direction(told), "inquiry": inquiry_json(&told.inquiry) })
        });
        output::line(&serde_json::to_string_pretty(&rows.collect::<Vec<_>>())?);
        return Ok(Ending::Good);
    }
    let mut table = output::table(["信箱", "方向", "编号", "类型", "setl_id", "状态", "期限", "最近说明"]);
    for told in told {
        let inquiry = &told.inquiry;
        table.add_row([
            told.mailbox.clone(),
            if told.is_to_us() { "收到" } else { "发出" }.to_owned(),
            inquiry.id.clone(),
            named(&inquiry.kind, Kind::from_word, Kind::name),
            inquiry.settlement.clone(),
            named(&inquiry.standing, Standing::from_word, Standing::name),
            due(inquiry),
            inquiry.events.last().map(|event| event.words.clone()).unwrap_or_default(),
        ]);
    }
    output::line(&table.to_string());
    Ok(Ending::Good)
}

/// Settlements that are expected to be checked, a row each.
pub(super) fn expected(rows: &[v1::ExpectedCheck], from: Money, source: &str, as_json: bool) -> Result<Ending> {
    let lot = |row: &v1::ExpectedCheck| row.lot.clone().unwrap_or_default();
    if as_json {
        let rows = rows.iter().map(|row| {
            let v1::Lot { home, treatment, insurance, care } = lot(row);
            json!({ "setl_id": row.settlement, "home": home, "treatment": treatment, "insurance": insurance,
                "care": care, "day": row.day, "total": Money::from_fen(row.total).to_string(),
                "paid": Money::from_fen(row.paid).to_string() })
        });
        let told = json!({ "from": from.to_string(), "source": source, "settlements": rows.collect::<Vec<_>>() });
        output::line(&serde_json::to_string_pretty(&told)?);
        return Ok(Ending::Good);
    }
    let mut table = output::table(["setl_id", "参保地", "就医地", "险种", "类别", "结算日", "总费用", "基金支付"]);
    for row in rows {
        let v1::Lot { home, treatment, insurance, care } = lot(row);
        table.add_row([
            row.settlement.clone(),
            home,
            treatment,
            named(&insurance, Insurance::from_word, Insurance::name),
            named(&care, CareKind::from_word, CareKind::name),
            row.day.clone(),
            Money::from_fen(row.total).to_string(),
            Money::from_fen(row.paid).to_string(),
        ]);
    }
    output::numbers_from(&mut table, 6);
    output::line(&table.to_string());
    output::line(&format!("{} 笔总费用 {from} 元以上, 尚未发起协查 ({source})", rows.len()));
    Ok(Ending::Good)
}

const LISTED: [&str; 10] = ["编号", "类型", "发起方", "受理方", "setl_id", "状态", "发起日", "期限", "剩余", "结论"];

fn row(view: &v1::InquiryView, inquiry: &v1::Inquiry) -> [String; 10] {
    let (asker, asked) = match Side::from_word(&inquiry.asker) {
        Some(Side::Treatment) => (&inquiry.treatment, &inquiry.home),
        Some(Side::Home) | None => (&inquiry.home, &inquiry.treatment),
    };
    let left = match view.days_left {
        Some(left) if left < 0 => format!("逾期 {} 天", left.unsigned_abs()),
        Some(left) => format!("{left} 天"),
        None => "—".to_owned(),
    };
    [
        inquiry.id.clone(),
        named(&inquiry.kind, Kind::from_word, Kind::name),
        asker.clone(),
        asked.clone(),
        inquiry.settlement.clone(),
        named(&inquiry.standing, Standing::from_word, Standing::name),
        inquiry.asked_on.clone(),
        due(inquiry),
        left,
        found(&inquiry.finding, inquiry.not_owed),
    ]
}

fn found(finding: &str, not_owed: i64) -> String {
    match Finding::from_word(finding, Money::from_fen(not_owed)) {
        Some(Finding::Right) => Finding::Right.name().to_owned(),
        Some(wrong @ Finding::Wrong(not_owed)) => format!("{} {not_owed} 元", wrong.name()),
        None => String::new(),
    }
}

/// The last day, or why there is none.
fn due(inquiry: &v1::Inquiry) -> String {
    match (inquiry.due.as_str(), inquiry.calendar_lacks) {
        ("", 0) => "—".to_owned(),
        ("", year) => format!("the calendar lacks {year}"),
        (due, _) => due.to_owned(),
    }
}

/// What lists call a word; the word itself where a newer hub has more of them.
fn named<T>(word: &str, read: impl Fn(&str) -> Option<T>, name: impl Fn(T) -> &'static str) -> String {
    read(word).map_or_else(|| word.to_owned(), |read| name(read).to_owned())
}

fn view_json(view: &v1::InquiryView, inquiry: &v1::Inquiry) -> Value {
    let mut told = inquiry_json(inquiry);
    told["days_left"] = view.days_left.into();
    told["overdue"] = view.days_left.is_some_and(|left| left < 0).into();
    told["proposed_deduction"] = Money::from_fen(view.proposed_deduction).to_string().into();
    told
}

fn inquiry_json(inquiry: &v1::Inquiry) -> Value {
    let events = inquiry.events.iter().map(|event| {
        json!({ "step": event.step, "event": event.event, "party": event.party, "words": event.words,
            "finding": event.finding, "not_owed": Money::from_fen(event.not_owed).to_string(),
            "deduction": event.deduction, "done_at": output::time(event.done_at) })
    });
    json!({ "id": inquiry.id, "kind": inquiry.kind, "asker": inquiry.asker, "home": inquiry.home,
        "treatment": inquiry.treatment, "setl_id": inquiry.settlement, "standing": inquiry.standing,
        "step": inquiry.step, "asked_on": inquiry.asked_on, "due": inquiry.due,
        "calendar_lacks": (inquiry.calendar_lacks != 0).then_some(inquiry.calendar_lacks), "finding": inquiry.finding,
        "paid": Money::from_fen(inquiry.paid).to_string(), "not_owed": Money::from_fen(inquiry.not_owed).to_string(),
        "deduction": inquiry.deduction, "events": events.collect::<Vec<_>>() })
}
