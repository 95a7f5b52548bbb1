//! `yidi clearing told`: what a region's own node was told of clearing and of corrections, from its store and without the
//! hub. It only reads, also beside the node that serves.

use anyhow::Result;
use clap::Args;
use clearing::listed::Seat;
use clearing::obligation::Payer;
use clearing::period::Side;
use clearing::prefund::Watch;
use clearing::prefund::change::Standing as PrefundStanding;
use ledger::engine::Location;
use ledger::mailbox::Part;
use mailbox::clearing::{ToldNews, told_of_clearing};
use mailbox::corrections::{ToldCorrection, told_of_corrections};
use proto::convert::read_shares;
use proto::v1;
use serde_json::{Value, json};
use settlement::adjudication::Fund;
use settlement::money::Money;

use super::deductions::standing_named;
use super::payables::named;
use crate::cli::Ending;
use crate::inquiry::Node;
use crate::output;

/// Whose store, and of which month.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Whose store it is.
    #[arg(long, value_enum)]
    role: Node,
    /// Where it is.
    #[arg(long)]
    store: Location,
    /// The month of settlement, yyyy-mm, and what is about no month; everything where it is not given.
    #[arg(long)]
    month: Option<String>,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

/// Lists what a node was told, of a month or of all.
///
/// # Errors
/// When the store cannot be read.
pub(super) async fn list(arguments: &Arguments) -> Result<Ending> {
    let Arguments { role, store, month, json: as_json } = arguments;
    let month = month.as_deref();
    let inbox = role.inbox(store)?;
    // A correction is about no month: it goes where its settlement is cleared.
    let (told, corrected) = (told_of_clearing(&inbox, month).await?, told_of_corrections(&inbox).await?);
    if *as_json {
        let corrected = corrected.iter().map(correction_json);
        let mut rows: Vec<(i64, Value)> = corrected.chain(told.iter().map(row_json)).collect();
        rows.sort_by_key(|(kept_at, _)| *kept_at);
        let rows: Vec<Value> = rows.into_iter().map(|(_, row)| row).collect();
        output::line(&serde_json::to_string_pretty(&rows)?);
        return Ok(Ending::Good);
    }
    let mut table = output::table(["时间", "信箱", "清算月份", "参保地", "就医地", "事项", "内容"]);
    let mut rows: Vec<(i64, [String; 7])> = told.iter().map(row).chain(corrected.iter().map(correction_row)).collect();
    rows.sort_by_key(|(kept_at, _)| *kept_at);
    for (_, row) in rows {
        table.add_row(row);
    }
    output::line(&table.to_string());
    Ok(Ending::Good)
}

fn row(told: &ToldNews) -> (i64, [String; 7]) {
    let ToldNews { mailbox, kept_at, news } = told;
    let [month, home, treatment] = [&news.month, &news.home, &news.treatment].map(Clone::clone);
    let what = name(&news.what).to_owned();
    (*kept_at, [output::time(*kept_at), mailbox.clone(), month, home, treatment, what, content(mailbox, news)])
}

/// The treatment pool is whose mailbox it came into.
fn correction_row(told: &ToldCorrection) -> (i64, [String; 7]) {
    let ToldCorrection { mailbox, kept_at, version: _, correction } = told;
    let v1::CorrectionLetter { batch, undoes, home, settlement, reason, .. } = correction;
    let treatment = mailbox.split('/').next().unwrap_or_default().to_owned();
    let funds = difference(correction).into_iter().filter(|(_, amount)| !amount.is_zero());
    let funds: Vec<String> = funds.map(|(fund, amount)| format!("{} {amount} 元", fund.name())).collect();
    let undoes = if undoes.is_empty() { String::new() } else { format!(" (撤回批次 {undoes})") };
    let patient = match Money::from_fen(correction.patient_gets) {
        amount if amount.is_negative() => format!("患者应补 {} 元", -amount),
        amount => format!("应退患者 {amount} 元"),
    };
    let content = format!("{batch}{undoes} {settlement}: {}; {patient}; {reason}", funds.join(", "));
    let what = if told.is_given_back() { "更正冲回" } else { "重算更正" };
    let row =
        [output::time(*kept_at), mailbox.clone(), String::new(), home.clone(), treatment, what.to_owned(), content];
    (*kept_at, row)
}

/// What each fund pays more, or less where it is below zero.
fn difference(correction: &v1::CorrectionLetter) -> Vec<(Payer, Money)> {
    let funds = correction.difference.as_ref().map(read_shares).unwrap_or_default().funds;
    Fund::ALL.into_iter().map(|fund| (Payer::Fund(fund), funds.of(fund))).collect()
}

/// What lists call a kind of news; its word where a newer hub has more of them.
fn name(what: &str) -> &str {
    match what {
        "statement" => "清算表",
        "objection" => "异议",
        "notice" => "付款/收款通知书",
        "acceptance" => "认可为同一笔付款",
        "closed" => "清算期关闭",
        "deduction" => "审核扣款",
        "correction-moved" => "更正结转",
        "prefund" => "预付金调整",
        "prefund-use" => "预付金预警",
        other => other,
    }
}

fn content(mailbox: &str, news: &v1::ClearingNews) -> String {
    let amount = Money::from_fen(news.amount);
    match news.what.as_str() {
        "statement" => format!("第 {} 版, {}", news.version, due(mailbox, amount)),
        "notice" => format!("{} 第 {} 版, {}", named(&news.insurance), news.version, due(mailbox, amount)),
        "objection" => format!("第 {} 版, {} 笔 ({})", news.version, news.settlements, side_named(&news.side)),
        "acceptance" => {
            let standing = match news.standing.as_str() {
                "settled" => "双方已认可",
                "accepted" => "一方已认可",
                other => other,
            };
            format!("{} {standing} ({})", named(&news.insurance), side_named(&news.side))
        }
        "deduction" => {
            format!("{} {}: {amount} 元 ({})", news.id, news.settlement, standing_named(&news.standing))
        }
        "correction-moved" => format!("{} {}: {amount} 元 ({})", news.id, news.settlement, gone_named(&news.standing)),
        "prefund" => format!("{} {} ({}): {amount} 元", named(&news.insurance), news.id, prefund_standing(news)),
        "prefund-use" => {
            let [prefund, used] = [news.prefund, news.outstanding].map(Money::from_fen);
            format!("{} {}: 额度 {prefund} 元, 已用 {used} 元", named(&news.insurance), watch_named(&news.standing))
        }
        _ => String::new(),
    }
}

/// What the home member owes, as whoever's mailbox it came into pays or receives it.
fn due(mailbox: &str, amount: Money) -> String {
    let is_treatment = mailbox.rsplit('/').next() == Some(Part::Treatment.word());
    let word = if is_treatment == amount.is_negative() { "应付" } else { "应收" };
    format!("{word} {} 元", if amount.is_negative() { -amount } else { amount })
}

/// How much of a prefund is in use; its word where it is none of ours.
fn watch_named(word: &str) -> &str {
    Watch::from_word(word).map_or(word, |watch| watch.name())
}

/// How far a change of a prefund is; its word where a newer hub has more of them.
fn prefund_standing(news: &v1::ClearingNews) -> String {
    let standing = PrefundStanding::from_word(&news.standing);
    let named = |standing: PrefundStanding| standing.name_of(Money::from_fen(news.amount)).to_owned();
    standing.map_or_else(|| news.standing.clone(), named)
}

fn correction_json(told: &ToldCorrection) -> (i64, Value) {
    let ToldCorrection { mailbox, kept_at, version, correction } = told;
    let v1::CorrectionLetter { batch, undoes, home, settlement, reason, .. } = correction;
    let funds =
        difference(correction).into_iter().map(|(fund, amount)| (fund.word().to_owned(), json!(amount.to_string())));
    let row = json!({ "mailbox": mailbox, "kept_at": output::time(*kept_at), "what": "correction", "home": home,
        "version": version, "given_back": told.is_given_back(), "batch": batch, "undoes": undoes, "setl_id": settlement,
        "difference": funds.collect::<serde_json::Map<_, _>>(),
        "patient_gets": Money::from_fen(correction.patient_gets).to_string(), "reason": reason });
    (*kept_at, row)
}

fn row_json(told: &ToldNews) -> (i64, Value) {
    let ToldNews { mailbox, kept_at, news } = told;
    let money = |fen: i64| Money::from_fen(fen).to_string();
    let row = json!({ "mailbox": mailbox, "kept_at": output::time(*kept_at), "what": news.what, "home": news.home,
        "treatment": news.treatment, "month": news.month, "version": news.version, "amount": money(news.amount),
        "side": news.side, "settlements": news.settlements, "id": news.id, "setl_id": news.settlement,
        "standing": news.standing, "insurance": news.insurance, "prefund": money(news.prefund),
        "outstanding": money(news.outstanding), "kind": news.kind });
    (*kept_at, row)
}

/// Who said it; the word where it is none of ours.
pub(super) fn side_named(word: &str) -> &str {
    Side::from_word(word).map_or(word, |side| Seat::Member(side).name())
}

/// Where a correction went that a period was cleared without.
fn gone_named(word: &str) -> &str {
    match word {
        "carried" => "转入下期",
        "listed" => "转入遗留清单",
        "cleared" => "由遗留清单转入清算",
        "returned" => "由遗留清单退回",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_side_is_told_what_it_pays_or_receives() {
        for (mailbox, fen, told) in [
            ("410700/home", 1_000, "第 2 版, 应付 10.00 元"),
            ("410700/home", -1_000, "第 2 版, 应收 10.00 元"),
            ("410700/home", 0, "第 2 版, 应付 0.00 元"),
            ("310000/treatment", 1_000, "第 2 版, 应收 10.00 元"),
            ("310000/treatment", -1_000, "第 2 版, 应付 10.00 元"),
            ("310000/treatment", 0, "第 2 版, 应收 0.00 元"),
        ] {
            let statement =
                v1::ClearingNews { what: "statement".into(), version: 2, amount: fen, ..v1::ClearingNews::default() };
            let notice = v1::ClearingNews { what: "notice".into(), insurance: "employee".into(), ..statement.clone() };
            assert_eq!(content(mailbox, &statement), told, "{mailbox}");
            assert_eq!(content(mailbox, &notice), format!("职工 {told}"), "{mailbox}");
        }
    }

    #[test]
    fn a_correction_says_what_each_fund_pays_more_and_what_the_patient_gets_or_owes() {
        let shares = |basic, cash| Some(v1::Shares { basic, cash, ..v1::Shares::default() });
        let told = |version, fen: i64, reason: &str| ToldCorrection {
            mailbox: "310000/treatment".into(),
            kept_at: 0,
            version,
            correction: v1::CorrectionLetter {
                batch: "2025-07".into(),
                home: "410700".into(),
                settlement: "s1".into(),
                difference: shares(fen, -fen),
                patient_gets: fen,
                reason: reason.into(),
                ..v1::CorrectionLetter::default()
            },
        };
        let said = |told: &ToldCorrection| correction_row(told).1[2..].join(" ");
        let first = told(1, 1_000, "前次住院撤销");
        let lines = [
            " 410700 310000 重算更正 2025-07 s1: 统筹基金 10.00 元; 应退患者 10.00 元; 前次住院撤销",
            " 410700 310000 更正冲回 2025-07 s1: 统筹基金 -10.00 元; 患者应补 10.00 元; 结算已撤销",
        ];
        assert_eq!([said(&first), said(&told(2, -1_000, "结算已撤销"))], lines);
        let (_, row) = correction_json(&first);
        assert_eq!((&row["difference"]["basic"], &row["patient_gets"]), (&json!("10.00"), &json!("10.00")));
        assert_eq!((&row["setl_id"], &row["given_back"]), (&json!("s1"), &json!(false)));
    }
}
