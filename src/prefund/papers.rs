//! The changes of prefunds with their payments, as a list and as documents: the yearly table, and notices for each pair of
//! what was re-set and of what was increased since.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use clearing::calendar::PaymentDays;
use clearing::details::pair_name;
use clearing::period::{Pair, Payment, Side};
use clearing::prefund::Reset;
use clearing::prefund::change::{Kind, Standing, year_of_reset};
use clearing::prefund::papers::{Adjusted, Change, notice, table};
use clearing::prefund::quarter::{MONTHS, Quarter, Settled};
use clearing::statement::BankAccount;
use jiff::civil::{Date, date};
use proto::convert::cleared::read_payment;
use proto::convert::prefunds::read_quarter;
use proto::v1;
use proto::v1::prefunds_client::PrefundsClient;
use serde_json::{Value, json};
use settlement::ids::{MemberCode, RegionCode};
use settlement::money::Money;
use settlement::person::Insurance;
use tonic::transport::Channel;

use crate::clearing::papers::given::{read_accounts, read_regions};
use crate::clearing::papers::notices::accounts_of;
use crate::clearing::papers::whose::Whose;
use crate::clearing::papers::writing::Writing;
use crate::clearing::pay::numbered;
use crate::clearing::payables::{apart, json_of_acceptances};
use crate::{output, status};

/// The quarter that a re-set is worked out from, as the hub tells it.
///
/// # Errors
/// When it is none.
pub fn read_basis(months: &[v1::SettledMonth]) -> Result<Quarter> {
    read_quarter(months).map_err(|fault| anyhow!("the hub's answer: {} {}", fault.field, fault.problem))
}

/// The months of a quarter for programs, amounts in yuan.
pub fn json_of_months(quarter: &Quarter) -> Value {
    let month = |(month, Settled { amount, source }): (&i8, &Settled)| json!({ "month": month, "settled": amount.to_string(), "source": source.word() });
    MONTHS.iter().zip(&quarter.months).map(month).collect()
}

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
        let row = |change: &v1::PrefundChangeView| {
            let basis = read_basis(&change.basis)?;
            Ok(json!({ "home": change.home, "treatment": change.treatment, "insurance": change.insurance,
                "id": change.id, "kind": change.kind, "amount": yuan(change.amount),
                "months": json_of_months(&basis), "basis": basis.sum().to_string(), "reason": change.reason, "made_on": change.made_on, "submit_by": change.submit_by,
                "pay_by": change.pay_by, "late": change.late, "standing": change.standing, "asked_by": change.asked_by,
                "answered": change.answered, "apart": change.apart, "paid": payment(&change.paid),
                "received": payment(&change.received), "paid_record": change.paid_record,
                "received_record": change.received_record, "accepted": json_of_acceptances(&change.accepted) }))
        };
        let rows = changes.iter().map(row).collect::<Result<Vec<Value>>>()?;
        output::line(&serde_json::to_string_pretty(&rows)?);
        return Ok(());
    }
    let mut table =
        output::table(["编号", "参保省", "就医省", "险种", "金额", "状态", "应付期限", "付款", "收款", "事由"]);
    for change in changes {
        let is_held = change.standing == Standing::Held.word();
        let apart = match change.apart.as_str() {
            "" => String::new(),
            _ => format!("（两方登记{}）", apart(&change.accepted, is_held)),
        };
        // Nothing is paid for what was held before: its day is the last to answer on.
        let pay_by = match Kind::from_word(&change.kind) {
            Some(Kind::Opening) => String::new(),
            Some(Kind::Reset | Kind::TopUp) | None if change.late => format!("{} 逾期", change.pay_by),
            Some(Kind::Reset | Kind::TopUp) | None => change.pay_by.clone(),
        };
        let standing = Standing::from_word(&change.standing);
        let standing = standing.map_or_else(
            || change.standing.clone(),
            |standing| standing.name_of(Money::from_fen(change.amount)).to_owned(),
        );
        table.add_row([
            change.id.clone(),
            change.home.clone(),
            change.treatment.clone(),
            super::named(&change.insurance),
            yuan(change.amount),
            format!("{standing}{apart}"),
            pay_by,
            numbered(change.paid_record, &change.paid),
            numbered(change.received_record, &change.received),
            change.reason.clone(),
        ]);
    }
    output::line(&table.to_string());
    Ok(())
}

/// Whose documents, and where names and accounts are found.
pub struct Wanted<'a> {
    /// The member; those of the certificate where none is named.
    pub member: Option<&'a str>,
    /// The regions that the operator's certificate speaks for.
    pub speaks_for: BTreeSet<RegionCode>,
    /// The table of regions.
    pub regions: &'a Path,
    /// Members' bank accounts.
    pub accounts: &'a Path,
}

/// Writes the yearly table, as it was set or before that as it would be now, of the country where everything is seen and
/// of members, and the notices of a year, those of emergency increases too, into a folder of the year; tells the workbooks.
///
/// # Errors
/// When a member is asked for whom the certificate does not speak for, a member who receives has no account, the hub is
/// not to be reached, or a file cannot be read or written.
pub async fn write(
    client: &mut PrefundsClient<Channel>,
    year: i32,
    wanted: &Wanted<'_>,
    out: &Path,
) -> Result<Vec<PathBuf>> {
    let (short, out) = (i16::try_from(year).context("the year")?, &out.join(year.to_string()));
    let regions = read_regions(wanted.regions)?;
    let whose = Whose::of(&wanted.speaks_for, wanted.member, &regions)?;
    let accounts = read_accounts(wanted.accounts)?;
    let all = changes(client).await?;
    let resets = || all.iter().filter(|change| year_of_reset(&change.id) == Some(short));
    // One that was made anew stands in the table in place of the one before it.
    let newest: BTreeMap<[&str; 3], &v1::PrefundChangeView> =
        resets().map(|change| ([&*change.home, &*change.treatment, &*change.insurance], change)).collect();
    let set: Vec<&v1::PrefundChangeView> = newest.into_values().collect();
    // What was paid of that one stays.
    let is_older = |change: &&v1::PrefundChangeView| !set.iter().any(|newest| std::ptr::eq(*newest, *change));
    let older = resets().filter(is_older).filter(|change| change.standing != Standing::Overtaken.word());
    let increases = all.iter().filter(|change| is_increase_of(change, short));
    let rows = if set.is_empty() { proposed(client, year).await? } else { reset(&set)? };
    let mut pairs: BTreeMap<Pair, Vec<(&v1::PrefundChangeView, Insurance)>> = BTreeMap::new();
    for change in set.iter().copied().chain(older).chain(increases).filter(|change| change.amount != 0) {
        let (pair, insurance) = (read_pair(&change.home, &change.treatment)?, read_insurance(&change.insurance)?);
        pairs.entry(pair).or_default().push((change, insurance));
    }
    each_receiver_has_an_account(&pairs, &whose, &accounts)?;
    let mut writing = Writing::new(date(short, 1, 31));
    if whose.is_national {
        writing.save(out, "", vec![table(short, None, &rows, &regions)])?;
    }
    let members = rows.iter().map(|row| &row.pair).chain(pairs.keys()).flat_map(|pair| [pair.home, pair.treatment]);
    let own = whose.members.clone().unwrap_or_else(|| members.collect::<BTreeSet<MemberCode>>());
    for member in own {
        let folder = out.join(member.to_string());
        writing.save(&folder, "", vec![table(short, Some(member), &rows, &regions)])?;
        for (pair, changes) in &pairs {
            let Some(side) = Side::ALL.into_iter().find(|side| pair.member(*side) == member) else { continue };
            // What is paid and what is returned are two payments, and two notices, of each insurance's money.
            for is_returned in [false, true] {
                let same_way = changes.iter().filter(|(change, _)| (change.amount < 0) == is_returned);
                let told = same_way.map(|(change, insurance)| read_change(change, *insurance, side));
                let told = told.collect::<Result<Vec<_>>>()?;
                let receiver = if is_returned { pair.home } else { pair.treatment };
                let account = accounts.get(&receiver.to_string()).cloned().unwrap_or_default();
                let of = |insurance| notice(short, (pair, side, insurance), &told, &account, &regions);
                let papers = Insurance::ALL.into_iter().filter_map(of).collect();
                // Two members may be two pairs, and the same one may pay in both.
                writing.save(&folder.join(pair_name(pair)), "", papers)?;
            }
        }
    }
    Ok(writing.files)
}

/// A notice that does not say where the money goes to is of no use to who pays by it.
fn each_receiver_has_an_account(
    pairs: &BTreeMap<Pair, Vec<(&v1::PrefundChangeView, Insurance)>>,
    whose: &Whose,
    accounts: &BTreeMap<String, BankAccount>,
) -> Result<()> {
    let own = pairs.iter().filter(|(pair, _)| Side::ALL.iter().any(|side| whose.has(pair.member(*side))));
    let receivers = own.flat_map(|(pair, changes)| {
        changes.iter().map(|(change, _)| if change.amount < 0 { pair.home } else { pair.treatment })
    });
    accounts_of(receivers, accounts)
}

async fn proposed(client: &mut PrefundsClient<Channel>, year: i32) -> Result<Vec<Adjusted>> {
    let told = client
        .table(v1::PrefundYear { year, sums: Vec::new() })
        .await
        .map_err(|refused| status::to_refusal(&refused))?;
    let row = |row: &v1::PrefundRow| {
        Ok(Adjusted {
            pair: read_pair(&row.home, &row.treatment)?,
            insurance: read_insurance(&row.insurance)?,
            basis: read_basis(&row.basis)?,
            reset: Reset { previous: Money::from_fen(row.previous), new: Money::from_fen(row.new) },
        })
    };
    told.into_inner().rows.iter().map(row).collect()
}

/// What each prefund held before a year's re-set, and what it is to hold by it.
fn reset(set: &[&v1::PrefundChangeView]) -> Result<Vec<Adjusted>> {
    let row = |set: &&v1::PrefundChangeView| {
        let previous = Money::from_fen(set.held);
        Ok(Adjusted {
            pair: read_pair(&set.home, &set.treatment)?,
            insurance: read_insurance(&set.insurance)?,
            basis: read_basis(&set.basis)?,
            reset: Reset { previous, new: previous + Money::from_fen(set.amount) },
        })
    };
    set.iter().map(row).collect()
}

/// Whether a change is an increase of a year that was accepted: a request alone asks nobody to pay.
fn is_increase_of(change: &v1::PrefundChangeView, year: i16) -> bool {
    let made_in = change.made_on.parse::<Date>().ok().map(Date::year);
    let is_accepted = [Standing::Due, Standing::Held].map(Standing::word).contains(&change.standing.as_str());
    Kind::from_word(&change.kind) == Some(Kind::TopUp) && is_accepted && made_in == Some(year)
}

fn read_change(change: &v1::PrefundChangeView, insurance: Insurance, side: Side) -> Result<Change> {
    let payer = if change.amount < 0 { Side::Treatment } else { Side::Home };
    let recorded = if side == payer { &change.paid } else { &change.received };
    let payment: Option<Payment> = recorded
        .as_ref()
        .map(|view| read_payment(Some(view)))
        .transpose()
        .map_err(|fault| anyhow!("the hub's answer: {} {}", fault.field, fault.problem))?;
    let days = match (change.submit_by.parse(), change.pay_by.parse()) {
        (Ok(submit_by), Ok(pay_by)) => Some(PaymentDays { submit_by, pay_by }),
        (Err(_), _) | (_, Err(_)) => None,
    };
    let made_on = change.made_on.parse().with_context(|| format!("the hub's answer: day {}", change.made_on))?;
    let standing = Standing::from_word(&change.standing);
    let standing = standing.with_context(|| format!("the hub's answer: standing {}", change.standing))?;
    let (amount, reason) = (Money::from_fen(change.amount), change.reason.clone());
    Ok(Change { insurance, amount, reason, made_on, standing, days, payment })
}

fn read_pair(home: &str, treatment: &str) -> Result<Pair> {
    let member = |code: &str| RegionCode::new(code).map(MemberCode).map_err(|fault| anyhow!("member {code} {fault}"));
    Ok(Pair { home: member(home)?, treatment: member(treatment)? })
}

fn read_insurance(word: &str) -> Result<Insurance> {
    Insurance::from_word(word).with_context(|| format!("{word} is no insurance"))
}
