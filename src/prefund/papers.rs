//! The changes of prefunds with their payments, as a list and as documents: the yearly table, and notices for each pair of
//! what was re-set and of what was increased since.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use clearing::details::pair_name;
use clearing::period::{Pair, Payment, Side};
use clearing::prefund::Reset;
use clearing::prefund::papers::{Adjusted, Change, notice, table};
use jiff::civil::{Date, date};
use ledger::hub::PrefundKind;
use proto::convert::cleared::read_payment;
use proto::v1;
use proto::v1::prefunds_client::PrefundsClient;
use serde_json::{Value, json};
use settlement::ids::{MemberCode, RegionCode};
use settlement::money::Money;
use settlement::person::Insurance;
use tonic::transport::Channel;

use crate::clearing::papers::{Writing, read_accounts, read_regions};
use crate::{output, status};

/// Every change that may be seen.
///
/// # Errors
/// When the hub is not to be reached or refuses.
pub async fn changes(client: &mut PrefundsClient<Channel>) -> Result<Vec<v1::PrefundChangeView>> {
    let told = client.changes(v1::PrefundsRequest {}).await.map_err(|refused| status::to_refusal(&refused))?;
    Ok(told.into_inner().changes)
}

/// Prints changes.
///
/// # Errors
/// When JSON cannot be written.
pub fn print(changes: &[v1::PrefundChangeView], as_json: bool) -> Result<()> {
    let yuan = |fen| Money::from_fen(fen).to_string();
    let payment = |view: &Option<v1::PaymentView>| {
        view.as_ref().map(|paid| json!({ "serial": paid.serial, "bank": paid.bank, "on": paid.on }))
    };
    if as_json {
        let rows = changes.iter().map(|change| {
            json!({ "home": change.home, "treatment": change.treatment, "insurance": change.insurance,
                "id": change.id, "kind": change.kind, "amount": yuan(change.amount), "basis": yuan(change.basis),
                "reason": change.reason, "made_on": change.made_on, "submit_by": change.submit_by,
                "pay_by": change.pay_by, "late": change.late, "paid": payment(&change.paid), "received": payment(&change.received) })
        });
        output::line(&serde_json::to_string_pretty(&rows.collect::<Vec<Value>>())?);
        return Ok(());
    }
    let mut table = output::table(["编号", "参保省", "就医省", "险种", "金额", "应付期限", "付款", "收款", "事由"]);
    for change in changes {
        let day = |view: &Option<v1::PaymentView>| view.as_ref().map(|paid| paid.on.clone()).unwrap_or_default();
        table.add_row([
            change.id.clone(),
            change.home.clone(),
            change.treatment.clone(),
            super::named(&change.insurance),
            yuan(change.amount),
            if change.late { format!("{} 逾期", change.pay_by) } else { change.pay_by.clone() },
            day(&change.paid),
            day(&change.received),
            change.reason.clone(),
        ]);
    }
    output::line(&table.to_string());
    Ok(())
}

/// Writes the yearly table, as it was set or before that as it would be now, and the notices of a year, those of emergency
/// increases too; tells the workbooks.
///
/// # Errors
/// When the hub is not to be reached, or a file cannot be read or written.
pub async fn write(
    client: &mut PrefundsClient<Channel>,
    year: i32,
    (regions, accounts): (&Path, &Path),
    out: &Path,
) -> Result<Vec<PathBuf>> {
    let short = i16::try_from(year).context("the year")?;
    let regions = read_regions(regions)?;
    let accounts = read_accounts(accounts)?;
    let all = changes(client).await?;
    let set: Vec<&v1::PrefundChangeView> = all.iter().filter(|change| change.id == format!("reset {year}")).collect();
    let increases = all.iter().filter(|change| is_increase_of(change, short));
    let rows = if set.is_empty() { proposed(client, year).await? } else { reset(year, &set, &all)? };
    let mut writing = Writing { made_on: date(short, 1, 31), lists: false, files: Vec::new() };
    writing.save(out, "", vec![table(short, None, &rows, &regions)])?;
    let mut pairs: BTreeMap<Pair, Vec<(&v1::PrefundChangeView, Insurance)>> = BTreeMap::new();
    for change in set.iter().copied().chain(increases).filter(|change| change.amount != 0) {
        let (pair, insurance) = (read_pair(&change.home, &change.treatment)?, read_insurance(&change.insurance)?);
        pairs.entry(pair).or_default().push((change, insurance));
    }
    let members = rows.iter().map(|row| &row.pair).chain(pairs.keys()).flat_map(|pair| [pair.home, pair.treatment]);
    for member in members.collect::<BTreeSet<MemberCode>>() {
        let folder = out.join(member.to_string());
        writing.save(&folder, "", vec![table(short, Some(member), &rows, &regions)])?;
        for (pair, changes) in &pairs {
            let Some(side) = Side::ALL.into_iter().find(|side| pair.member(*side) == member) else { continue };
            // What is paid and what is returned are two payments, and two notices.
            for is_returned in [false, true] {
                let same_way = changes.iter().filter(|(change, _)| (change.amount < 0) == is_returned);
                let told = same_way.map(|(change, insurance)| read_change(change, *insurance, side));
                let told = told.collect::<Result<Vec<_>>>()?;
                let receiver = if is_returned { pair.home } else { pair.treatment };
                let account = accounts.get(&receiver.to_string()).cloned().unwrap_or_default();
                let paper = notice(short, (pair, side), &told, &account, &regions);
                // Two members may be two pairs, and the same one may pay in both.
                writing.save(&folder.join(pair_name(pair)), "", paper.into_iter().collect())?;
            }
        }
    }
    Ok(writing.files)
}

async fn proposed(client: &mut PrefundsClient<Channel>, year: i32) -> Result<Vec<Adjusted>> {
    let told = client.table(v1::PrefundYear { year }).await.map_err(|refused| status::to_refusal(&refused))?;
    let row = |row: &v1::PrefundRow| {
        Ok(Adjusted {
            pair: read_pair(&row.home, &row.treatment)?,
            insurance: read_insurance(&row.insurance)?,
            basis: Money::from_fen(row.basis),
            reset: Reset { previous: Money::from_fen(row.previous), new: Money::from_fen(row.new) },
        })
    };
    told.into_inner().rows.iter().map(row).collect()
}

/// What each prefund came to before and after a year's re-set: all changes that were made before it, and with it.
fn reset(year: i32, set: &[&v1::PrefundChangeView], all: &[v1::PrefundChangeView]) -> Result<Vec<Adjusted>> {
    let row = |set: &&v1::PrefundChangeView| {
        let same = |change: &&v1::PrefundChangeView| {
            (&change.home, &change.treatment, &change.insurance) == (&set.home, &set.treatment, &set.insurance)
        };
        // In the order of their making.
        let before = all.iter().filter(same).take_while(|change| change.id != format!("reset {year}"));
        let previous: Money = before.map(|change| Money::from_fen(change.amount)).sum();
        Ok(Adjusted {
            pair: read_pair(&set.home, &set.treatment)?,
            insurance: read_insurance(&set.insurance)?,
            basis: Money::from_fen(set.basis),
            reset: Reset { previous, new: previous + Money::from_fen(set.amount) },
        })
    };
    set.iter().map(row).collect()
}

fn is_increase_of(change: &v1::PrefundChangeView, year: i16) -> bool {
    let made_in = change.made_on.parse::<Date>().ok().map(Date::year);
    PrefundKind::from_word(&change.kind) == Some(PrefundKind::TopUp) && made_in == Some(year)
}

fn read_change(change: &v1::PrefundChangeView, insurance: Insurance, side: Side) -> Result<Change> {
    let payer = if change.amount < 0 { Side::Treatment } else { Side::Home };
    let recorded = if side == payer { &change.paid } else { &change.received };
    let payment: Option<Payment> = recorded
        .as_ref()
        .map(|view| read_payment(Some(view)))
        .transpose()
        .map_err(|fault| anyhow!("the hub's answer: {} {}", fault.field, fault.problem))?;
    Ok(Change { insurance, amount: Money::from_fen(change.amount), reason: change.reason.clone(), payment })
}

fn read_pair(home: &str, treatment: &str) -> Result<Pair> {
    let member = |code: &str| RegionCode::new(code).map(MemberCode).map_err(|fault| anyhow!("member {code} {fault}"));
    Ok(Pair { home: member(home)?, treatment: member(treatment)? })
}

fn read_insurance(word: &str) -> Result<Insurance> {
    Insurance::from_word(word).with_context(|| format!("{word} is no insurance"))
}
