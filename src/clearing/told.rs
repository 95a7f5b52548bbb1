//! `yidi clearing told`: what a region's own node was told of clearing, from its store and without the hub.

use anyhow::Result;
use clap::Args;
use clearing::prefund::change::Standing as PrefundStanding;
use jiff::Timestamp;
use ledger::engine::Location;
use ledger::store::StoreOptions;
use ledger::treatment::TreatmentStore;
use mailbox::clearing::{ToldNews, told_of_clearing};
use proto::v1;
use serde_json::json;
use settlement::beijing;
use settlement::money::Money;

use crate::cli::Ending;
use crate::inquiry::Node;
use crate::output;
use crate::verify::ensure_there;

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
    ensure_there(store)?;
    let month = month.as_deref();
    let told = match role {
        Node::Region => told_of_clearing(&region::open_location(store)?.inbox(), month).await?,
        Node::His => told_of_clearing(&TreatmentStore::open(store, &StoreOptions::default())?.inbox(), month).await?,
    };
    if *as_json {
        output::line(&serde_json::to_string_pretty(&told.iter().map(row_json).collect::<Vec<_>>())?);
        return Ok(Ending::Good);
    }
    let mut table = output::table(["时间", "信箱", "清算月份", "参保地", "就医地", "事项", "内容"]);
    for ToldNews { mailbox, kept_at, news } in &told {
        let row = [time(*kept_at), mailbox.clone(), news.month.clone(), news.home.clone(), news.treatment.clone()];
        table.add_row(row.into_iter().chain([name(&news.what).to_owned(), content(news)]));
    }
    output::line(&table.to_string());
    Ok(Ending::Good)
}

/// What lists call a kind of news; its word where a newer hub has more of them.
fn name(what: &str) -> &str {
    match what {
        "statement" => "清算表",
        "objection" => "异议",
        "notice" => "付款/收款通知书",
        "closed" => "清算期关闭",
        "deduction" => "审核扣款",
        "prefund" => "预付金调整",
        "prefund-use" => "预付金预警",
        other => other,
    }
}

fn content(news: &v1::ClearingNews) -> String {
    let amount = Money::from_fen(news.amount);
    match news.what.as_str() {
        "statement" => format!("第 {} 版, 应付 {amount} 元", news.version),
        "notice" => format!("{} 第 {} 版, 应付 {amount} 元", news.insurance, news.version),
        "objection" => format!("第 {} 版, {} 笔 ({})", news.version, news.settlements, news.side),
        "deduction" => format!("{} {}: {amount} 元 ({})", news.id, news.settlement, news.standing),
        "prefund" => format!("{} {} ({}): {amount} 元", news.insurance, news.id, prefund_standing(news)),
        "prefund-use" => {
            let [prefund, used] = [news.prefund, news.outstanding].map(Money::from_fen);
            format!("{} {}: 额度 {prefund} 元, 已用 {used} 元", news.insurance, news.standing)
        }
        _ => String::new(),
    }
}

/// How far a change of a prefund is; its word where a newer hub has more of them.
fn prefund_standing(news: &v1::ClearingNews) -> String {
    let standing = PrefundStanding::from_word(&news.standing);
    let named = |standing: PrefundStanding| standing.name_of(Money::from_fen(news.amount)).to_owned();
    standing.map_or_else(|| news.standing.clone(), named)
}

fn row_json(told: &ToldNews) -> serde_json::Value {
    let ToldNews { mailbox, kept_at, news } = told;
    let money = |fen: i64| Money::from_fen(fen).to_string();
    json!({ "mailbox": mailbox, "kept_at": time(*kept_at), "what": news.what, "home": news.home,
        "treatment": news.treatment, "month": news.month, "version": news.version, "amount": money(news.amount),
        "side": news.side, "settlements": news.settlements, "id": news.id, "setl_id": news.settlement,
        "standing": news.standing, "insurance": news.insurance, "prefund": money(news.prefund),
        "outstanding": money(news.outstanding), "kind": news.kind })
}

/// An instant as Beijing reads it.
fn time(micros: i64) -> String {
    let shown = |at| beijing::at_desk(at).strftime("%Y-%m-%d %H:%M:%S").to_string();
    Timestamp::from_microsecond(micros).map(shown).unwrap_or_default()
}
