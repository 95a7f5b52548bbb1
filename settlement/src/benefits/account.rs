//! 个人账户: pays what the person would pay in cash, never changing what a fund pays: the person's own account first, then
//! relatives' accounts in the order that their owners set (policy.md A.11).

use super::explanation::Step;
use super::worksheet::Worksheet;
use crate::account::{AccountOf, FamilyAccount, FamilyShare};
use crate::money::Money;
use crate::operation::AccountUse;
use crate::refusal::Refusal;

/// Lets the accounts pay the parts that the book opens to them, as far as they reach.
pub(super) fn pay(sheet: &mut Worksheet<'_>) -> Result<(), Refusal> {
    let case = sheet.case;
    let relatives = match case.settle.account {
        AccountUse::None => return Ok(()),
        AccountUse::Own => &[],
        AccountUse::Family => case.family,
    };
    let balance = case.account_balance.at_least_zero();
    if balance.is_zero() && relatives.is_empty() {
        return Ok(());
    }
    let row = sheet.book.account.needed(&sheet.facts)?;
    let mut open: Money = sheet.burden.of_parts(row.value.covers);
    if !balance.is_zero() {
        let paid = open.min(balance);
        sheet.account = paid;
        sheet.burden.relieve(row.value.covers, paid);
        sheet.note(Step::Account { clause: row.clause, open, balance, paid });
        open -= paid;
    }
    for FamilyAccount { account, balance } in relatives.iter().filter(|_| row.value.family) {
        if open.is_zero() {
            break;
        }
        let AccountOf { owner: _, pool, insurance } = *account;
        let Some(balance) = balance.map(Money::at_least_zero) else {
            sheet.note(Step::FamilyElsewhere { clause: row.clause, pool, insurance });
            continue;
        };
        let paid = open.min(balance);
        if paid.is_zero() {
            continue;
        }
        let share = sheet.family.len();
        sheet.account += paid;
        sheet.family.push(FamilyShare { account: account.clone(), amount: paid });
        sheet.burden.relieve(row.value.covers, paid);
        sheet.note(Step::Family { clause: row.clause, share, pool, insurance, open, balance, paid });
        open -= paid;
    }
    Ok(())
}
