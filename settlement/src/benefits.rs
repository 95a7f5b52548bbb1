//! 待遇计算: the steps that apply a rule book to a bill (policy.md C.1). Pure: same book and case, same result for
//! ever. It keeps no state and knows no region by name; the home region's committer and the operators' commands
//! call [`adjudicate`].
//!
//! One step a file, in the order in which they are taken: `gate` (with `entitlement`, `footing` and `filing_term`),
//! `first_self_pay`, `off_site`, `deductible`, `segments`, `caps` and `floor` (together the basic fund, in `pooled`),
//! `large_sum`, `catastrophic`, `civil_servant`, `assistance`, `account`. `identities` has all of it worked out for each
//! special identity. `several` is about people with several chronic diseases, `growth` about caps that grow, `layered`
//! about the segments of layers, `stay` and `earlier` about what was settled before, `moved` about what another region hands
//! over of a benefit year; `burden` is what the person still
//! bears, `worksheet` what the steps write on.

mod account;
mod assistance;
mod burden;
mod caps;
mod catastrophic;
mod civil_servant;
mod deductible;
mod earlier;
mod entitlement;
pub mod explanation;
pub mod filing_term;
mod first_self_pay;
mod floor;
mod footing;
mod gate;
mod growth;
mod identities;
mod large_sum;
mod layered;
mod moved;
mod off_site;
mod pooled;
mod segments;
mod several;
mod stay;
mod worksheet;

use jiff::civil::Date;

pub use earlier::Earlier;
pub use entitlement::{HeldBack, held_back};
pub(crate) use moved::carried_over;
pub use moved::counted_after_a_move;

use crate::account::FamilyAccount;
use crate::adjudication::Adjudication;
use crate::encounter::CareKind;
use crate::filing::Filing;
use crate::money::Money;
use crate::operation::Settle;
use crate::person::Person;
use crate::refusal::Refusal;
use crate::rulebook::RuleBook;
use crate::year_to_date::UsagePosting;
use gate::used_in;
use identities::Chosen;
use worksheet::Worksheet;

/// Everything that a calculation depends on beside the rule book.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// The enrollee.
    pub person: &'a Person,
    /// The bill and the visit.
    pub settle: &'a Settle,
    /// The filings that cover the visit, the most favourable first.
    pub filings: &'a [Filing],
    /// The person's usages in force, of any year and insurance, with the days under which they count.
    pub usages: &'a [UsagePosting],
    /// What is on the personal account.
    pub account_balance: Money,
    /// Relatives' accounts that may pay for the person, in the order in which they are used.
    pub family: &'a [FamilyAccount],
    /// Earlier settlements in force: those of this visit or stay, and all of other stays.
    pub earlier: &'a [Earlier],
    /// The day of settlement, in Beijing time.
    pub settled_on: Date,
}

/// Works a bill out.
///
/// ```
/// use settlement::adjudication::Fund;
/// use settlement::money::Money;
/// use settlement::rulebook::RuleBook;
///
/// let text = include_str!(concat!(
///     env!("CARGO_MANIFEST_DIR"),
///     "/../deploy/rulebooks/410700-xinxiang/employee-2024-01-01.toml"
/// ));
/// let book = RuleBook::parse(text).expect("a book without faults");
/// // A working person referred to a third-level hospital: (20,000 − 2,000) × 85 %.
/// let example = book.examples().iter().find(|example| example.id == "referral").expect("an example");
/// let adjudication = example.adjudicate(&book).expect("a result");
/// assert_eq!(adjudication.payers().funds.of(Fund::Basic), Money::from_yuan(15_300));
/// ```
///
/// # Errors
/// Why the region's rules do not let the bill be settled; [`crate::refusal::Reason::RuleUnset`] when they are not
/// known where they decide.
pub fn adjudicate(book: &RuleBook, case: &Case<'_>) -> Result<Adjudication, Refusal> {
    let day = gate::deciding_day(book, case);
    identities::best(book, case, day, |chosen| work_out(book, case, chosen))
}

fn work_out(book: &RuleBook, case: &Case<'_>, chosen: Chosen) -> Result<Adjudication, Refusal> {
    let admitted = gate::admit(book, case, chosen)?;
    let mut sheet = Worksheet::open(book, case, admitted);
    first_self_pay::apply(&mut sheet)?;
    match sheet.facts.care {
        CareKind::Inpatient | CareKind::Chronic | CareKind::Outpatient => {
            pooled::pay(&mut sheet)?;
            large_sum::pay(&mut sheet)?;
            catastrophic::pay(&mut sheet)?;
            civil_servant::pay(&mut sheet)?;
            assistance::pay(&mut sheet)?;
        }
        CareKind::Purchase => {}
    }
    sheet.end_funds();
    account::pay(&mut sheet)?;
    sheet.close()
}
