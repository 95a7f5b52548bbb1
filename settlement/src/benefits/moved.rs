//! 参保地变更: what counts here of a benefit year that a person began in another region. The other region's sums come as
//! an opening balance, once; whoever takes them in asks here, so that the year to date holds what counts and no more.

use crate::money::Money;
use crate::rulebook::RuleBook;
use crate::rulebook::admission::Carried;
use crate::rulebook::conditions::Cases;
use crate::year_to_date::UsageSums;

/// What counts under a book of what was used in another region.
///
/// ```
/// use settlement::benefits::counted_after_a_move;
/// use settlement::money::Money;
/// use settlement::rulebook::RuleBook;
/// use settlement::year_to_date::UsageSums;
///
/// let text = include_str!(concat!(
///     env!("CARGO_MANIFEST_DIR"),
///     "/../deploy/rulebooks/410700-xinxiang/employee-2024-01-01.toml"
/// ));
/// let used = UsageSums { stays: 1, basic: Money::from_yuan(8_000), ..UsageSums::default() };
/// let book = RuleBook::parse(text).expect("a book without faults");
/// assert_eq!(counted_after_a_move(&book, used), UsageSums::default());
/// let rule = "[year_to_date]\nafter_move = 'continue'\ncarries = ['basic']\nsource = 'demo'\ntrust = 'assumed'\n";
/// let book = RuleBook::parse(&format!("{text}\n{rule}")).expect("a book without faults");
/// assert_eq!(counted_after_a_move(&book, used), UsageSums { stays: 0, ..used });
/// ```
pub fn counted_after_a_move(book: &RuleBook, used: UsageSums) -> UsageSums {
    carried_over(book.admission.carried, used)
}

/// The sums that are carried over, as positions of [`Carried`]; the others are nothing.
pub(crate) fn carried_over(carried: Cases, used: UsageSums) -> UsageSums {
    let of = |part: Carried, sum: Money| if carried.has(part as usize) { sum } else { Money::ZERO };
    UsageSums {
        stays: if carried.has(Carried::Stays as usize) { used.stays } else { 0 },
        deductible: of(Carried::Deductible, used.deductible),
        in_policy: of(Carried::InPolicy, used.in_policy),
        basic: of(Carried::Basic, used.basic),
        above_cap: of(Carried::LargeSum, used.above_cap),
        large_sum: of(Carried::LargeSum, used.large_sum),
        catastrophic_base: of(Carried::Catastrophic, used.catastrophic_base),
        catastrophic: of(Carried::Catastrophic, used.catastrophic),
        civil_servant_base: of(Carried::CivilServant, used.civil_servant_base),
        civil_servant: of(Carried::CivilServant, used.civil_servant),
        assistance_base: of(Carried::Assistance, used.assistance_base),
        assistance: of(Carried::Assistance, used.assistance),
        tilt_base: of(Carried::Assistance, used.tilt_base),
        tilt: of(Carried::Assistance, used.tilt),
    }
}
