//! One person, one hospital, a tiny rule, and short ways to write operations.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::{Date, date};
use settlement::account::{FamilyAccount, FamilyShare, paid_by_family};
use settlement::adjudication::{Adjudication, Fund, FundShares, Payers, Working};
use settlement::bill::{Bill, CategorySum, Coverage, FeeCategory};
use settlement::decide::{Book, Judgement, PersonBook, Question, Verdict, decide};
use settlement::encounter::{CareKind, Encounter, HospitalLevel, Marks};
use settlement::ids::*;
use settlement::money::Money;
use settlement::month::Month;
use settlement::operation::*;
use settlement::outcome::Applied;
use settlement::person::{Insurance, Person, PersonClass};
use settlement::refusal::Refusal;
use settlement::rulebook::RuleBookHash;
use settlement::year_to_date::{BenefitYear, Usage, UsageSums, YearToDate};

pub const PERSON: &str = "41070000001";
pub const HOSPITAL: &str = "H31010400102";

pub fn pool(code: &str) -> PoolCode {
    PoolCode(RegionCode::new(code).expect("six digits"))
}

pub fn number() -> PersonNumber {
    PersonNumber::new(PERSON).expect("a number")
}

/// A book that knows the person and nothing else, with 500 yuan on the account.
pub fn book() -> Book {
    let person = Person {
        number: number(),
        home: pool("410700"),
        birth: date(1960, 1, 1),
        died: None,
        entitlements: Vec::new(),
        identities: Vec::new(),
        qualifications: Vec::new(),
        family: Vec::new(),
    };
    let mut book = Book::default();
    *book.person(&number()) =
        PersonBook { person: Some(Arc::new(person)), account_balance: Money::from_yuan(500), ..PersonBook::default() };
    book
}

/// Deductible 100 yuan for the first stay of the year and 50 after it, then 60 %, until 1000 yuan are paid; the
/// account pays what it can. Everything that a later settlement could feel of an earlier one.
pub fn judge(question: &Question<'_>) -> Result<Judgement, Refusal> {
    let (question, insurance) = (&question.case, Insurance::Employee);
    let settle = question.settle;
    let (year, care) = (BenefitYear(question.settled_on.year()), settle.encounter.care);
    let month = Month::of(question.settled_on).expect("a month");
    let used = YearToDate::fold(question.usages.iter().map(|used| &used.usage), insurance, year).total();
    let in_policy = settle.bill.coverage().in_policy;
    let due = if used.stays == 0 { Money::from_yuan(100) } else { Money::from_yuan(50) };
    let mut parts = question.earlier.iter().filter(|earlier| earlier.same_stay).peekable();
    let goes_on = parts.peek().is_some();
    let deductible = (due - parts.map(|part| part.deductible).sum()).at_least_zero().min(in_policy);
    let share = Money::from_fen((in_policy - deductible).fen() * 6 / 10);
    let basic = share.min((Money::from_yuan(1000) - used.basic).at_least_zero());
    let mut funds = FundShares::default();
    funds.set(Fund::Basic, basic);
    let rest = settle.bill.total() - basic;
    let own = if settle.account == AccountUse::None { Money::ZERO } else { rest.min(question.account_balance) };
    let mut family: Vec<FamilyShare> = Vec::new();
    for FamilyAccount { account, balance } in question.family.iter().filter(|_| settle.account == AccountUse::Family) {
        let amount = (rest - own - paid_by_family(&family)).min(balance.unwrap_or_default());
        family.push(FamilyShare { account: account.clone(), amount });
    }
    family.retain(|share| !share.amount.is_zero());
    let account = own + paid_by_family(&family);
    let payers = Payers { funds, account, cash: rest - account, hospital: Money::ZERO };
    let sums = UsageSums {
        stays: i64::from(care == CareKind::Inpatient && !goes_on),
        deductible,
        in_policy,
        basic,
        ..UsageSums::default()
    };
    let working = Working {
        insurance,
        deductible,
        account_balance: question.account_balance - own,
        family,
        usage: Usage { year, insurance, care, disease: None, month, sums },
        rule_book: RuleBookHash([7; 32]),
        steps: Vec::new(),
    };
    let adjudication = Adjudication::new(settle.bill.coverage(), payers, working).expect("it adds up");
    let applied = Applied {
        filing: None,
        class: PersonClass::Working,
        civil_servant: false,
        during_stay: false,
        explanation: [9; 32],
    };
    Ok(Judgement { adjudication, applied })
}

/// Noon of a day in June 2025, in Beijing.
pub fn at(day: i8) -> Timestamp {
    settlement::beijing::instant_of(date(2025, 6, day).at(12, 0, 0, 0)).expect("an instant")
}

pub fn step(book: &mut Book, operation: Operation) -> Verdict {
    decide(book, &Arc::new(operation), &[], &judge, at(20))
}

fn key(message: &str, transaction: &str, encounter: Option<&str>, batch: Option<&str>) -> OperationKey {
    OperationKey {
        institution: InstitutionCode::new(HOSPITAL).expect("a code"),
        message: MessageId::new(message).expect("a message id"),
        transaction: TransactionNumber::new(transaction).expect("a number"),
        person: number(),
        encounter: encounter.map(|id| EncounterId::new(id).expect("an id")),
        batch: batch.map(|id| BatchNumber::new(id).expect("a batch")),
    }
}

/// What a table says of a visit or stay.
#[derive(Clone, Debug)]
pub struct Care {
    pub encounter: String,
    pub kind: CareKind,
    pub batch: Option<String>,
    pub from: i8,
    pub to: Option<i8>,
    pub interim: bool,
    pub yuan: i64,
    pub account: AccountUse,
}

pub fn stay(encounter: &str, from: i8, to: i8) -> Care {
    Care {
        encounter: encounter.into(),
        kind: CareKind::Inpatient,
        batch: None,
        from,
        to: Some(to),
        interim: false,
        yuan: 400,
        account: AccountUse::None,
    }
}

pub fn midway(encounter: &str, from: i8) -> Care {
    Care { to: None, interim: true, ..stay(encounter, from, from) }
}

pub fn visit(encounter: &str, batch: &str, day: i8) -> Care {
    Care { kind: CareKind::Outpatient, batch: Some(batch.into()), ..stay(encounter, day, day) }
}

/// Settles under a message id, which makes the settlement's id too: `m1` settles `s-m1`.
pub fn settle(message: &str, care: &Care) -> Operation {
    let june = |day| -> Date { date(2025, 6, day) };
    let amount = Money::from_yuan(care.yuan);
    let coverage = Coverage { in_policy: amount, ..Coverage::default() };
    let category = CategorySum {
        category: FeeCategory::new(9).expect("western drugs"),
        class_a: amount,
        class_b: Money::ZERO,
        class_c: Money::ZERO,
        over_limit: Money::ZERO,
    };
    let transaction = if care.kind == CareKind::Inpatient { "2304" } else { "2207" };
    let key = key(message, transaction, Some(&care.encounter), care.batch.as_deref());
    let encounter = Encounter {
        id: EncounterId::new(&care.encounter).expect("an id"),
        institution: key.institution.clone(),
        area: RegionCode::new("310104").expect("a code"),
        pool: pool("310000"),
        member: None,
        level: HospitalLevel::Third,
        care: care.kind,
        admitted: june(care.from),
        discharged: care.to.map(june),
        disease: None,
        diagnosis: None,
        batch: key.batch.clone(),
        interim: care.interim,
        marks: Marks::default(),
    };
    let request = Settle {
        settlement: SettlementId::new(&format!("s-{message}")).expect("an id"),
        home: pool("410700"),
        insurance: Insurance::Employee,
        encounter,
        bill: Bill::new(coverage, vec![category], Vec::new()).expect("a bill"),
        account: care.account,
    };
    Operation { key, request: Request::Settle(Box::new(request)) }
}

/// Cancels a settlement under a message id: `m2` makes the counter-entry `s-m2`.
pub fn cancel(message: &str, settlement: &str) -> Operation {
    let request = Cancel {
        counter: SettlementId::new(&format!("s-{message}")).expect("an id"),
        settlement: SettlementId::new(settlement).expect("an id"),
        home: pool("410700"),
        treatment: pool("310000"),
    };
    Operation { key: key(message, "2305", None, None), request: Request::Cancel(request) }
}

/// Reverses a message of a transaction.
pub fn reverse(message: &str, target: &str, transaction: &str) -> Operation {
    let target = key(target, transaction, None, None).as_target();
    let request = Reverse { target, home: pool("410700"), treatment: pool("310000") };
    Operation { key: key(message, "2601", None, None), request: Request::Reverse(request) }
}
