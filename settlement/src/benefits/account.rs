//! 个人账户: pays what the person would pay in cash, never changing what a fund pays (policy.md A.11).

use super::explanation::Step;
use super::worksheet::Worksheet;
use crate::money::Money;
use crate::operation::AccountUse;
use crate::refusal::Refusal;

/// Lets the account pay the parts that the book opens to it, as far as it reaches. A family account is treated as
/// the person's own until relatives' balances are known here.
pub(super) fn pay(sheet: &mut Worksheet<'_>) -> Result<(), Refusal> {
    let may_pay = match sheet.case.settle.account {
        AccountUse::None => false,
        AccountUse::Own | AccountUse::Family => true,
    };
    let balance = sheet.case.account_balance.at_least_zero();
    if !may_pay || balance.is_zero() {
        return Ok(());
    }
    let row = sheet.book.account.needed(&sheet.facts)?;
    let open: Money = sheet.burden.of_parts(row.value);
    let paid = open.min(balance);
    sheet.account = paid;
    sheet.burden.relieve(row.value, paid);
    sheet.note(Step::Account { clause: row.clause, open, balance, paid });
    Ok(())
}
