//! Notices of payment 付款通知书 and of receipt 收款通知书: which there are, on whose account, and what each says of itself.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Result, ensure};
use clearing::calendar::PaymentDays;
use clearing::details::pair_name;
use clearing::document::Document;
use clearing::edition::standing_of_money;
use clearing::payment::Payable;
use clearing::period::{Pair, PairRecord, Side};
use clearing::statement::{BankAccount, notice};
use jiff::civil::Date;
use settlement::ids::MemberCode;
use settlement::person::Insurance;
use settlement::region::RegionTable;

use super::ClearedMonth;
use super::writing::Writing;

/// What notices are for: an insurance's money of a pair, and who receives it.
struct Noticed<'a> {
    pair: &'a Pair,
    held: &'a PairRecord,
    insurance: Insurance,
    receiver: MemberCode,
}

/// Which pairs have notices, of whose money, and who receives by them.
fn receivers(records: &BTreeMap<Pair, PairRecord>) -> impl Iterator<Item = Noticed<'_>> {
    let noticed = records.iter().filter(|(_, held)| held.noticed_on.is_some());
    noticed.flat_map(|(pair, held)| {
        held.to_be_paid().filter_map(move |(insurance, payable)| {
            Some(Noticed { pair, held, insurance, receiver: pair.member(payable.receiver()?) })
        })
    })
}

/// A notice that does not say where the money goes to is of no use to who pays by it.
pub(super) fn each_receiver_has_an_account(
    records: &BTreeMap<Pair, PairRecord>,
    members: &BTreeSet<MemberCode>,
    accounts: &BTreeMap<String, BankAccount>,
) -> Result<()> {
    let wanted = receivers(records).filter(|of| Side::ALL.iter().any(|side| members.contains(&of.pair.member(*side))));
    accounts_of(wanted.map(|of| of.receiver), accounts)
}

/// Checks that each who receives has an account.
///
/// # Errors
/// Those who have none.
pub fn accounts_of(
    receivers: impl Iterator<Item = MemberCode>,
    accounts: &BTreeMap<String, BankAccount>,
) -> Result<()> {
    let receivers: BTreeSet<String> = receivers.map(|receiver| receiver.to_string()).collect();
    let lacking: Vec<String> = receivers.into_iter().filter(|receiver| !accounts.contains_key(receiver)).collect();
    ensure!(
        lacking.is_empty(),
        "no bank account of {}, which receives money by these notices: add a row member,name,bank,number to the file of accounts (--accounts)",
        lacking.join(", ")
    );
    Ok(())
}

/// One file for each pair and insurance, so that each notice can be sent by itself. Two members may be two pairs, and where one of them
/// gives back, the same one pays in both.
pub(super) fn notices(
    writing: &mut Writing,
    folder: &Path,
    member: MemberCode,
    (cleared, accounts): (&ClearedMonth, &BTreeMap<String, BankAccount>),
    regions: &RegionTable,
) -> Result<()> {
    let own = receivers(&cleared.records).filter(|of| [of.pair.home, of.pair.treatment].contains(&member));
    for Noticed { pair, held, insurance, receiver } in own {
        let account = accounts.get(&receiver.to_string()).cloned().unwrap_or_default();
        let mut paper = notice(cleared.month, (pair, held, insurance), receiver != member, &account, regions);
        if let Some(paper) = &mut paper {
            stamp_notice(paper, held.payables.of(insurance), cleared.deadlines.get(pair));
        }
        writing.save(&folder.join(pair_name(pair)), "", paper.into_iter().collect())?;
    }
    Ok(())
}

/// What a notice says of itself: how its own insurance's money stands, and by when it is submitted to finance and paid.
fn stamp_notice(paper: &mut Document, payable: &Payable, days: Option<&PaymentDays>) {
    let day = |of: fn(&PaymentDays) -> Date| days.map_or_else(|| "日历未列".to_owned(), |days| of(days).to_string());
    let told = [
        ("状态", standing_of_money(payable).to_owned()),
        ("提交财政期限", day(|days| days.submit_by)),
        ("拨付期限", day(|days| days.pay_by)),
    ];
    let is_edition = |(what, _): &(String, String)| ["清算表版本", "通知日期"].contains(&what.as_str());
    (paper.stamp.told, paper.about) = std::mem::take(&mut paper.about).into_iter().partition(is_edition);
    paper.stamp.told.extend(told.map(|(what, text)| (what.to_owned(), text)));
}
