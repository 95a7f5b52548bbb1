//! The one question that deciding asks of a region's rules, and the answer. The rules themselves are in
//! [`crate::rulebook`] and [`crate::benefits`]; tests bring a tiny rule of their own.

use jiff::civil::Date;

use crate::adjudication::Adjudication;
use crate::filing::Filing;
use crate::money::Money;
use crate::operation::Settle;
use crate::outcome::Applied;
use crate::person::Person;
use crate::refusal::Refusal;
use crate::year_to_date::Usage;

/// Works a bill out, or refuses it. The same question always has the same answer.
pub type Judge<'a> = dyn Fn(&Question<'_>) -> Result<Judgement, Refusal> + 'a;

/// A bill to be worked out, with everything that rules may look at.
#[derive(Clone, Debug)]
pub struct Question<'a> {
    /// The patient.
    pub person: &'a Person,
    /// The bill.
    pub settle: &'a Settle,
    /// The filing that covers the visit.
    pub filing: Option<&'a Filing>,
    /// What is used up, over all years.
    pub usages: &'a [Usage],
    /// What the personal account holds; never below zero.
    pub account_balance: Money,
    /// Whether a part of the same stay is settled already.
    pub earlier_in_stay: bool,
    /// Whether the person lies in another hospital on the day of an outpatient visit.
    pub during_stay: bool,
    /// The day of settlement.
    pub settled_on: Date,
}

/// A bill worked out, and what was applied beside it.
#[derive(Clone, Debug)]
pub struct Judgement {
    /// The result.
    pub adjudication: Adjudication,
    /// What was applied beside the bill.
    pub applied: Applied,
}
