//! What the demo prints: a table of settlements, one explanation in full, what the regions owe, and where to go next.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use clearing::obligation::{Posting, Sums, Totals, obligations, postings};
use ledger::clock::Clock;
use ledger::hub::SettlementTurn;
use proto::convert;
use rust_decimal::Decimal;
use settlement::beijing;
use settlement::benefits::explanation::Language;
use settlement::encounter::CareKind;
use settlement::ids::{RegionCode, SettlementId};

use super::player::Played;
use crate::line::{Line, read_regions};
use crate::output;
use crate::verify::{Stores, journal};

/// The columns of the table that are sums, with where they stand in the answer.
const SUMS: [(&str, &str); 10] = [
    ("总费用", "medfee_sumamt"),
    ("统筹", "hifp_pay"),
    ("大额", "hifob_pay"),
    ("大病", "hifmi_pay"),
    ("公务员", "cvlserv_pay"),
    ("救助", "maf_pay"),
    ("账户", "acct_pay"),
    ("现金", "psn_cash_pay"),
    ("自费", "fulamt_ownpay_amt"),
    ("超限价", "overlmt_selfpay"),
];

/// Names and home regions of the demo's people, by `psn_no`.
pub type People = BTreeMap<String, (String, String)>;

/// Reads the demo's people.
///
/// # Errors
/// When their file or the table of regions cannot be read.
pub fn read_people(deploy: &Path) -> Result<People> {
    let regions = read_regions(deploy)?;
    let path = deploy.join("demo/people/people.csv");
    let mut reader = csv::Reader::from_path(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut people = People::new();
    for row in reader.deserialize::<BTreeMap<String, String>>() {
        let row = row?;
        let text = |column: &str| row.get(column).cloned().unwrap_or_default();
        let home = RegionCode::new(&text("home")).map(|code| regions.name_of(code)).unwrap_or_default();
        people.insert(text("psn_no"), (text("name"), home));
    }
    Ok(people)
}

/// Tells of every settlement, and of every answer that was not as expected.
///
/// # Errors
/// When the hub's book cannot be read.
pub async fn print(played: &[Played], people: &People, stores: &Stores, took: Duration) -> Result<()> {
    let mut standing: BTreeMap<String, i64> = BTreeMap::new();
    for turn in journal(&stores.hub).await? {
        *standing.entry(turn.settlement.to_string()).or_default() += turn.visits();
    }
    let sums = SUMS.map(|(name, _)| name);
    let mut table =
        output::table(["参保人", "参保地", "就医机构", "类别"].into_iter().chain(sums).chain(["自付", "毫秒", "现状"]));
    let settled = settlements(played);
    for step in &settled {
        table.add_row(row(step, people, &standing));
    }
    output::numbers_from(&mut table, 4);
    output::line(&table.to_string());
    print_counts(played, settled.len(), took);
    Ok(())
}

/// The first answer of each settlement.
fn settlements(played: &[Played]) -> Vec<&Played> {
    let mut seen = BTreeSet::new();
    let settling = played.iter().filter(|step| matches!(step.infno.get(..4), Some("2207" | "2304")));
    settling
        .filter(|step| {
            step.reply
                .as_ref()
                .is_some_and(|reply| reply.succeeded() && seen.insert(reply.text("/output/setlinfo/setl_id")))
        })
        .collect()
}

fn row(step: &Played, people: &People, standing: &BTreeMap<String, i64>) -> Vec<String> {
    let told = |field: &str| {
        step.reply.as_ref().map(|reply| reply.text(&format!("/output/setlinfo/{field}"))).unwrap_or_default()
    };
    let amount = |field: &str| told(field).parse::<Decimal>().unwrap_or_default();
    let shown = |amount: Decimal| if amount.is_zero() { "·".to_owned() } else { format!("{amount:.2}") };
    let own_share =
        amount("acct_pay") + amount("psn_cash_pay") - amount("fulamt_ownpay_amt") - amount("overlmt_selfpay");
    let (name, home) = people.get(&told("psn_no")).cloned().unwrap_or_default();
    let who = [name, home, step.institution.clone(), care(&told("med_type")).to_owned()];
    let sums = SUMS.iter().map(|(_, field)| shown(amount(field)));
    let in_force = standing.get(&told("setl_id")).is_some_and(|turns| *turns > 0);
    let stands = if in_force { "有效" } else { "已撤销" };
    who.into_iter()
        .chain(sums)
        .chain([shown(own_share), step.took.as_millis().to_string(), stands.to_owned()])
        .collect()
}

fn care(med_type: &str) -> &'static str {
    CareKind::of_medical_category(med_type).map_or("", CareKind::name)
}

fn print_counts(played: &[Played], settled: usize, took: Duration) {
    let answered: Vec<_> = played.iter().filter_map(|step| step.reply.as_ref()).collect();
    let refused = answered.iter().filter(|reply| !reply.succeeded()).count();
    let codes: BTreeSet<String> =
        answered.iter().filter_map(|reply| reply.text("/err_msg").get(1..4).map(str::to_owned)).collect();
    output::line(&format!(
        "{} requests through the national interface in {:.1} s: {settled} settlements, {refused} refusals of {} kinds",
        answered.len(),
        took.as_secs_f32(),
        codes.len()
    ));
    let missed: Vec<&Played> = played.iter().filter(|step| !step.misses.is_empty()).collect();
    for step in &missed {
        for miss in &step.misses {
            output::line(&format!("✗ {} · {} {}: {miss}", step.story, step.step, step.infno));
        }
    }
    let with_sums = played.iter().filter(|step| step.has_sums).count();
    if missed.is_empty() {
        output::line(&format!(
            "✓ every answer was as expected, {with_sums} of them to the fen against sums worked out by hand"
        ));
    } else {
        output::line(&format!("✗ {} of {} answers were not as expected", missed.len(), answered.len()));
    }
}

/// Explains the settlement in which the most payers took part.
///
/// # Errors
/// When the home region's book cannot be read.
pub async fn print_explanation(line: &Line, played: &[Played]) -> Result<()> {
    let payers = |step: &Played| {
        let reply = step.reply.as_ref();
        reply.and_then(|reply| reply.body.pointer("/output/setldetail")?.as_array().map(Vec::len)).unwrap_or_default()
    };
    let Some(step) = settlements(played).into_iter().max_by_key(|step| payers(step)) else { return Ok(()) };
    let told = step.reply.as_ref().map(|reply| reply.text("/output/setlinfo/setl_id")).unwrap_or_default();
    let id = SettlementId::new(&told).context("a settlement has an id")?;
    for home in line.homes.values() {
        if home.store().settlement_place(id.clone()).await?.is_some() {
            let explanation = region::replay::explain(home.store(), &id, Language::Chinese).await?;
            output::line(&format!("\n计算过程 {}（{}，{}）", id, step.story, explanation.rule_book.title()));
            explanation.lines.iter().for_each(|line| output::line(&format!("  {line}")));
            output::line("");
        }
    }
    Ok(())
}

/// Tells what each home member owes each treatment member for the recorded days.
///
/// # Errors
/// When the hub's book or the table of regions cannot be read.
pub async fn print_obligations(stores: &Stores, deploy: &Path) -> Result<()> {
    let regions = read_regions(deploy)?;
    let mut table = output::table(["参保省", "就医省", "险种", "类别", "人次", "总费用", "应付"]);
    let mut all = Sums::default();
    let mut totals = Totals::default();
    for turn in journal(&stores.hub).await? {
        totals.extend(moved(&turn)?);
    }
    for (between, sums) in obligations(&totals, &regions) {
        all += sums;
        let name = |code: RegionCode| regions.name_of(code);
        table.add_row([
            name(between.home.0),
            name(between.treatment.0),
            between.insurance.name().to_owned(),
            between.care.name().to_owned(),
            sums.visits.to_string(),
            sums.total.to_string(),
            sums.owed().to_string(),
        ]);
    }
    output::numbers_from(&mut table, 4);
    output::line(&table.to_string());
    output::line(&format!("应付合计 {} 元，{} 人次，已扣除撤销和冲正\n", all.owed(), all.visits));
    Ok(())
}

/// What an entry of the journal moves, lot by lot.
fn moved(turn: &SettlementTurn) -> Result<Vec<Posting>> {
    let lot = convert::read_lot(&turn.operation, &turn.outcome).map_err(anyhow::Error::msg)?;
    Ok(postings(lot, turn.turn, &turn.lines))
}

/// Where to go next.
pub fn print_where_to_go(line: &Line, folder: &Path, clock: &Clock, watch_port: u16) {
    let now = beijing::at_desk(clock.now()).strftime("%Y-%m-%d %H:%M");
    output::line(&format!("The demo stays up; it is {now} in its sandbox. Ctrl-C ends it."));
    output::line(&format!("  national interface   {}   try the settlement by hand in README.md", line.desk()));
    output::line(&format!("  hub, mutual TLS      {}", line.hub.address()));
    output::line(&format!(
        "  health and metrics   http://127.0.0.1:{watch_port}/health  /ready  /metrics, POST /clock"
    ));
    let operator = line.operator();
    output::line(&format!(
        "  filings              yidi filing list --hub {} --credentials {}",
        line.hub.address(),
        operator.display()
    ));
    output::line(&format!("  stores and keys      {}", folder.display()));
}
