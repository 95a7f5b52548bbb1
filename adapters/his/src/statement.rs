//! What 3201, 3202 and telling the hub of them share: which of a hospital's rows are asked for, a book that is folded up to date, and figures in
//! words. The comparing itself is `clearing::hospital`.

use clearing::hospital::{Amounts, Figures, Stated};
use jiff::civil::Date;
use ledger::treatment::HospitalScope;
use proto::convert::read_leaf;
use rust_decimal::prelude::ToPrimitive as _;
use settlement::money::Money;
use settlement::refusal::Refusal;

use crate::config::FundSum;
use crate::edge::{Call, Edge};
use crate::node::{Node, flag};
use crate::stop::internal;

/// So many days are compared at most at once.
const MOST_DAYS: i32 = 366;

/// Reads which rows are asked for; the names of a group's parts that may be empty stand for any.
pub fn read_scope(
    data: &Node<'_>,
    call: &Call,
    insurance: Option<String>,
    class: Option<String>,
) -> Option<HospitalScope> {
    let agency = data.required(&["setl_optins"]);
    let (first, last) = (day(data, "stmt_begndate"), day(data, "stmt_enddate"));
    let (first, last) = (first?, last?);
    if last < first {
        data.invalid("stmt_enddate", "早于stmt_begndate");
        return None;
    }
    if (last - first).get_days() >= MOST_DAYS {
        data.invalid("stmt_enddate", format!("一次最多对账{MOST_DAYS}天"));
        return None;
    }
    Some(HospitalScope {
        institution: call.envelope.institution.to_string(),
        days: (first, last),
        insurance: insurance.unwrap_or_default(),
        clearing_class: class.unwrap_or_default(),
        agency: agency?,
        refunds: with_refunds(data),
    })
}

fn day(data: &Node<'_>, name: &str) -> Option<Date> {
    data.time(name).map(|time| time.date())
}

/// Figures include refunds unless it is said that they do not; Hunan says it of the hospital's under a name of its own.
fn with_refunds(data: &Node<'_>) -> bool {
    let said = data.optional(&["refd_setl_flag", "fixmedins_refd_setl_flag"]);
    flag(said.as_deref()).unwrap_or(true)
}

/// Reads `fixmedins_setl_cnt`.
pub fn read_count(data: &Node<'_>) -> Option<i64> {
    let number = data.number("fixmedins_setl_cnt")?;
    let whole = number.is_integer().then(|| number.to_i64()).flatten();
    if whole.is_none() {
        data.invalid("fixmedins_setl_cnt", "应为整数");
    }
    whole
}

/// Folds everything into the hospitals' books that was answered by now.
///
/// # Errors
/// A fault of the store.
pub async fn fold_up_to_date(edge: &Edge) -> Result<(), Refusal> {
    edge.store.leaf_fold(read_leaf).await.map_err(|error| internal(&error))
}

/// Amounts as an institution is told them: where its region counts the account into the funds, so does this.
pub fn as_told(amounts: Amounts, fund_sum: FundSum) -> Amounts {
    match fund_sum {
        FundSum::WithoutAccount => amounts,
        FundSum::WithAccount => Amounts { funds: amounts.funds + amounts.account, ..amounts },
    }
}

/// Amounts that an institution was told or tells, with the account beside the funds: the other way round.
pub fn as_kept(amounts: Amounts, fund_sum: FundSum) -> Amounts {
    match fund_sum {
        FundSum::WithoutAccount => amounts,
        FundSum::WithAccount => Amounts { funds: amounts.funds - amounts.account, ..amounts },
    }
}

/// What differs between figures, in words: both sides' and by how much.
pub fn in_words(apart: &[Stated], own: &Figures, told: &Figures) -> String {
    let words = apart.iter().filter_map(|stated| {
        let (name, own, told) = match stated {
            Stated::Count => return Some(count_in_words(own.count, told.count)),
            Stated::Total => ("医疗费总额", own.amounts.total, told.amounts.total),
            Stated::Funds => ("基金支付总额", own.amounts.funds, told.amounts.funds),
            Stated::Account => ("个人账户支出", own.amounts.account, told.amounts.account),
            Stated::Encounter | Stated::Person => return None,
        };
        let more = own - told;
        let (which, by) = if more < Money::ZERO { ("少", -more) } else { ("多", more) };
        Some(format!("{name}中心{own}、医院{told}、中心{which}{by}"))
    });
    words.collect::<Vec<_>>().join(";")
}

fn count_in_words(own: i64, told: i64) -> String {
    let which = if own < told { "少" } else { "多" };
    format!("结算笔数中心{own}、医院{told}、中心{which}{}", own.abs_diff(told))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_told_is_kept_as_it_was_whatever_the_region_counts_into_its_funds() {
        let [total, funds, account] = [900, 500, 70].map(Money::from_fen);
        let amounts = Amounts { total, funds, account };
        for fund_sum in [FundSum::WithoutAccount, FundSum::WithAccount] {
            assert_eq!(as_kept(as_told(amounts, fund_sum), fund_sum), amounts, "{fund_sum:?}");
        }
    }
}
