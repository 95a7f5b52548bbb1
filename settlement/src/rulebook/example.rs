//! A worked case inside a rule book: a person and a bill in, amounts out. It shows an insurance desk what the rules
//! come to, and proves that the book means what its author meant.

use jiff::civil::Date;

use crate::account::{FamilyAccount, paid_by_family};
use crate::adjudication::{Adjudication, Fund};
use crate::benefits::{self, Case, Earlier};
use crate::bill::Bill;
use crate::filing::Filing;
use crate::money::Money;
use crate::operation::Settle;
use crate::person::Person;
use crate::refusal::{Reason, Refusal};
use crate::rulebook::RuleBook;
use crate::rulebook::working::Step;
use crate::what_if::WhatIf;
use crate::year_to_date::UsagePosting;

/// The code of a pool that is nobody's home: where an example is treated that says no more than that it is elsewhere.
pub(super) const NOWHERE: &str = "000000";

/// What a refusal says in place of that code, in the word of the books.
pub const ELSEWHERE: &str = "elsewhere";

/// What an example says comes out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// It says nothing: whatever comes out is right.
    Nothing,
    /// Amounts by the names of the book; what it does not name is not compared.
    Amounts(Vec<(Output, Money)>),
    /// A refusal.
    Refused(Reason),
}

/// An amount that an example can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// 起付线, as far as the person bears it.
    Deductible,
    /// A fund's payment.
    Fund(Fund),
    /// 个人账户, relatives' accounts included.
    Account,
    /// Relatives' accounts.
    Family,
    /// 现金.
    Cash,
}

impl Output {
    /// Every output with its key in `expect`.
    pub const ALL: [(&'static str, Output); 9] = [
        ("deductible", Output::Deductible),
        ("basic", Output::Fund(Fund::Basic)),
        ("large_sum", Output::Fund(Fund::LargeSum)),
        ("catastrophic", Output::Fund(Fund::Catastrophic)),
        ("civil_servant", Output::Fund(Fund::CivilServant)),
        ("assistance", Output::Fund(Fund::Assistance)),
        ("account", Output::Account),
        ("family", Output::Family),
        ("cash", Output::Cash),
    ];

    /// What a result says of it.
    pub fn of(self, adjudication: &Adjudication) -> Money {
        let payers = adjudication.payers();
        match self {
            Output::Deductible => adjudication.deductible,
            Output::Fund(fund) => payers.funds.of(fund),
            Output::Account => payers.account,
            Output::Family => paid_by_family(adjudication.family()),
            Output::Cash => payers.cash,
        }
    }
}

/// A worked case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    /// Its name in the book.
    pub id: String,
    /// What it shows.
    pub title: String,
    /// The line it begins on.
    pub line: usize,
    /// The person.
    pub person: Person,
    /// The bill and the visit.
    pub settle: Settle,
    /// The filing.
    pub filing: Option<Filing>,
    /// What was used before.
    pub used: Vec<UsagePosting>,
    /// What is on the account.
    pub account_balance: Money,
    /// Relatives' accounts that may pay.
    pub family: Vec<FamilyAccount>,
    /// What was settled before of the visit or stay, and the person's other stays.
    pub earlier: Vec<Earlier>,
    /// The day of settlement.
    pub settled_on: Date,
    /// What comes out.
    pub expected: Expected,
    /// How it comes out, worked by hand; empty where nobody wrote it down.
    pub working: Vec<Step>,
}

/// An example that comes out otherwise than the book says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: example {id}: {what} is {actual}, the book says {expected}")]
pub struct Mismatch {
    /// The example.
    pub id: String,
    /// The line it begins on.
    pub line: usize,
    /// What differs: an amount's key, `result`, or a step of the working.
    pub what: String,
    /// What the book says.
    pub expected: String,
    /// What came out.
    pub actual: String,
}

impl Example {
    /// Works the example. A refusal that would name a place which the example does not give names [`ELSEWHERE`].
    ///
    /// # Errors
    /// Why it cannot be settled.
    pub fn adjudicate(&self, book: &RuleBook) -> Result<Adjudication, Refusal> {
        benefits::adjudicate(book, &self.case()).map_err(|refusal| match refusal.detail.as_deref() {
            Some(NOWHERE) => refusal.because(ELSEWHERE),
            Some(_) | None => refusal,
        })
    }

    /// The same example on another footing; what it expects is left out.
    pub fn on(&self, what_if: WhatIf) -> Example {
        let (settle, filing) = what_if.of(&self.settle, &self.person.number);
        Example { settle, filing, expected: Expected::Nothing, ..self.clone() }
    }

    /// The example as a case.
    pub fn case(&self) -> Case<'_> {
        Case {
            person: &self.person,
            settle: &self.settle,
            filings: self.filing.as_slice(),
            usages: &self.used,
            account_balance: self.account_balance,
            family: &self.family,
            earlier: &self.earlier,
            settled_on: self.settled_on,
        }
    }

    /// The bill.
    pub fn bill(&self) -> &Bill {
        &self.settle.bill
    }

    /// Works the example and returns what differs, in its working too.
    pub fn run(&self, book: &RuleBook) -> Vec<Mismatch> {
        self.wrong_results(book).into_iter().chain(self.wrong_working()).collect()
    }

    fn wrong_results(&self, book: &RuleBook) -> Vec<Mismatch> {
        let result = self.adjudicate(book);
        match (&self.expected, &result) {
            (Expected::Nothing, _) => Vec::new(),
            (Expected::Amounts(amounts), Ok(adjudication)) => amounts
                .iter()
                .filter(|(output, expected)| output.of(adjudication) != *expected)
                .map(|(output, expected)| self.mismatch(key(*output), expected, output.of(adjudication)))
                .collect(),
            (Expected::Amounts(_), Err(refusal)) => vec![self.mismatch("result", "amounts", refusal)],
            (Expected::Refused(reason), Err(refusal)) if refusal.reason == *reason => Vec::new(),
            (Expected::Refused(reason), Err(refusal)) => {
                vec![self.mismatch("result", format!("refused ({}, {reason:?})", reason.code()), refusal)]
            }
            (Expected::Refused(reason), Ok(_)) => {
                vec![self.mismatch("result", format!("refused ({}, {reason:?})", reason.code()), "settled")]
            }
        }
    }

    pub(super) fn mismatch(&self, what: impl Into<String>, expected: impl ToString, actual: impl ToString) -> Mismatch {
        let (expected, actual) = (expected.to_string(), actual.to_string());
        Mismatch { id: self.id.clone(), line: self.line, what: what.into(), expected, actual }
    }
}

fn key(output: Output) -> &'static str {
    Output::ALL.into_iter().find(|(_, named)| *named == output).map_or("?", |(key, _)| key)
}
