//! What holds for whatever bill, person and history, under every book that we ship.

mod personal_side;
mod random_books;

use jiff::ToSpan;
use jiff::civil::{Date, date};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use settlement::account::{AccountOf, FamilyAccount};
use settlement::adjudication::{Adjudication, Fund};
use settlement::benefits::explanation::{Derived, Left, Step};
use settlement::benefits::{Case, Earlier, adjudicate};
use settlement::bill::{Bill, CategorySum, Coverage, FeeCategory};
use settlement::encounter::{CareKind, Encounter, HospitalLevel, Marks};
use settlement::filing::{Filing, FilingClass, Proof};
use settlement::ids::{
    DiagnosisCode, DiseaseCode, EncounterId, FilingId, InstitutionCode, PersonNumber, PoolCode, RegionCode,
    SettlementId,
};
use settlement::money::Money;
use settlement::operation::{AccountUse, Settle};
use settlement::person::{
    AssistanceClass, DatedIdentity, Entitlement, Insurance, Joining, Person, PersonClass, Qualification, Validity,
};
use settlement::refusal::{Reason, Refusal};
use settlement::rulebook::RuleBook;
use settlement::rulebook::conditions::IDENTITIES_OF_ALL;
use settlement::year_to_date::{Usage, UsagePosting, YearToDate};

use crate::BOOKS;

const DISEASES: [&str; 10] =
    ["M03900", "M01600", "M00500", "M07801", "M08300", "M05300", "M06900", "M04600", "M00200", "M07200"];
/// Where people are treated elsewhere: in one of two cities.
const FAR: &str = "310000";
const NEAR: &str = "320100";
const DIAGNOSES: [&str; 3] = ["A15.000", "C34.900", "I21.900"];
/// Of a hundred visits under the shipped books so many are settled at least. The rest is care that no book pays, or a rule
/// that nobody knows.
const SETTLED_OF_SHIPPED: u64 = 30;
const ALWAYS: Validity = Validity { from: date(1900, 1, 1), to: None };

/// A visit and its bill, before it meets a person and a book.
#[derive(Clone, Debug)]
pub struct Visit {
    level: HospitalLevel,
    care: CareKind,
    footing: Option<FilingClass>,
    /// None at home.
    treated_in: Option<&'static str>,
    emergency: bool,
    referred: bool,
    diagnosis: Option<&'static str>,
    account: AccountUse,
    disease: &'static str,
    bill: [i64; 5],
    day: i32,
    deductible_before: Option<Money>,
    /// Which of the settlements in force is cancelled before this visit.
    cancels: Option<prop::sample::Index>,
}

pub fn visit() -> impl Strategy<Value = Visit> {
    let footing = prop_oneof![Just(None), prop::sample::select(FilingClass::ALL.to_vec()).prop_map(Some)];
    let treated_in = prop_oneof![2 => Just(None), 1 => Just(Some(FAR)), 1 => Just(Some(NEAR))];
    let account = prop_oneof![1 => Just(AccountUse::None), 3 => Just(AccountUse::Own), 2 => Just(AccountUse::Family)];
    let sums =
        (0..500_000i64, 0..100_000i64, 0..500_000i64, prop_oneof![0..5_000_000i64, 0..80_000_000i64], 0..=100i64)
            .prop_map(|(self_paid, over_limit, first, in_policy, class_b)| {
                [self_paid, over_limit, first, in_policy, class_b]
            });
    let marks = (any::<bool>(), any::<bool>(), prop::option::of(prop::sample::select(DIAGNOSES.to_vec())));
    (
        prop::sample::select(HospitalLevel::ALL.to_vec()),
        prop::sample::select(CareKind::ALL.to_vec()),
        footing,
        treated_in,
        marks,
        // Those that drawn books cap more often than the rest.
        prop_oneof![prop::sample::select(DISEASES[..3].to_vec()), prop::sample::select(DISEASES.to_vec())],
        sums,
        0..700i32,
        (
            account,
            prop::option::weighted(0.1, (0..300_000_i64).prop_map(Money::from_fen)),
            prop::option::weighted(0.2, any::<prop::sample::Index>()),
        ),
    )
        .prop_map(|(level, care, footing, treated_in, marks, disease, bill, day, (account, before, cancels))| {
            let (emergency, referred, diagnosis) = marks;
            Visit {
                level,
                care,
                footing,
                treated_in,
                emergency,
                referred,
                diagnosis,
                account,
                disease,
                bill,
                day,
                deductible_before: before,
                cancels,
            }
        })
}

/// A person before a book says what classes and tiers there are.
#[derive(Clone, Debug)]
pub struct Somebody {
    age: i32,
    class: usize,
    tier: usize,
    identities: Vec<AssistanceClass>,
    months: i32,
    civil_servant: bool,
    claim_free_years: i64,
    /// Days from the first day on since which the person is qualified for the first diseases; without one always.
    qualified: [Option<i32>; 3],
    /// Days from the first day on on which the person goes over to the other insurance, where there is a book of it.
    changes: Vec<i32>,
}

pub fn somebody() -> impl Strategy<Value = Somebody> {
    let several = prop::collection::vec(prop::sample::select(AssistanceClass::ALL.to_vec()), 1..4);
    let identities = prop_oneof![3 => Just(Vec::new()), 1 => several];
    let qualified = prop::array::uniform3(prop::option::of(0..400i32));
    let changes = prop_oneof![Just(Vec::new()), prop::collection::vec(0..700i32, 1..4)];
    let dated = (qualified, changes);
    (0..100i32, 0..3usize, 0..2usize, identities, 0..200i32, prop::bool::weighted(0.2), 0..4i64, dated).prop_map(
        |(age, class, tier, identities, months, civil_servant, claim_free_years, (qualified, changes))| Somebody {
            age,
            class,
            tier,
            identities,
            months,
            civil_servant,
            claim_free_years,
            qualified,
            changes,
        },
    )
}

impl Somebody {
    fn qualified_from(&self, code: &str) -> Date {
        let which = DISEASES.iter().position(|disease| *disease == code);
        let days = which.and_then(|which| self.qualified.get(which).copied().flatten());
        days.map_or(ALWAYS.from, |days| FIRST_DAY.saturating_add(days.days()))
    }

    pub fn insured_by(&self, book: &RuleBook) -> Person {
        let classes: &[PersonClass] = match book.insurance() {
            Insurance::Employee => &[PersonClass::Working, PersonClass::Retired],
            Insurance::Resident => &[PersonClass::Adult, PersonClass::Student, PersonClass::Child],
        };
        let tiers = if book.pool().to_string() == "440300" { ["first", "second"] } else { ["high", "low"] };
        Person {
            number: PersonNumber::new("somebody").expect("a number"),
            home: book.pool(),
            birth: FIRST_DAY.saturating_sub(self.age.years()),
            died: None,
            entitlements: vec![Entitlement {
                insurance: book.insurance(),
                class: classes[self.class % classes.len()],
                validity: ALWAYS,
                continuous_since: FIRST_DAY.saturating_sub(self.months.months()),
                claim_free_years: self.claim_free_years,
                tier: Some(tiers[self.tier].to_owned()),
                civil_servant: self.civil_servant,
                suspended: None,
                joining: Joining::default(),
                retired_on: None,
            }],
            identities: self.identities.iter().map(|class| DatedIdentity { class: *class, validity: ALWAYS }).collect(),
            qualifications: DISEASES
                .iter()
                .map(|code| Qualification {
                    disease: DiseaseCode::new(code).expect("a code"),
                    validity: Validity { from: self.qualified_from(code), to: None },
                })
                .collect(),
            family: Vec::new(),
        }
    }
}

const FIRST_DAY: Date = date(2024, 3, 1);

impl Visit {
    fn day(&self) -> Date {
        FIRST_DAY.saturating_add(self.day.days())
    }

    fn settle(&self, home: PoolCode, insurance: Insurance) -> Option<Settle> {
        let [self_paid, over_limit, first_self_pay, in_policy, share] = self.bill;
        let money = Money::from_fen;
        let coverage = Coverage {
            self_paid: money(self_paid),
            over_limit: money(over_limit),
            first_self_pay: money(first_self_pay),
            in_policy: money(in_policy),
        };
        let class_b = (in_policy + first_self_pay) * share / 100;
        let sum = CategorySum {
            category: FeeCategory::new(9).expect("western drugs"),
            class_a: money(in_policy + first_self_pay - class_b),
            class_b: money(class_b),
            class_c: money(self_paid),
            over_limit: money(over_limit),
        };
        let pool = self.treated_in.map_or(home, |code| PoolCode(RegionCode::new(code).expect("a code")));
        Some(Settle {
            settlement: SettlementId::new("1").expect("an id"),
            home,
            insurance,
            encounter: Encounter {
                id: EncounterId::new("1").expect("an id"),
                institution: InstitutionCode::new("H31010100001").expect("a code"),
                area: pool.0,
                pool,
                member: None,
                level: self.level,
                care: self.care,
                admitted: self.day(),
                discharged: Some(self.day()),
                disease: (self.care == CareKind::Chronic).then(|| DiseaseCode::new(self.disease).expect("a code")),
                diagnosis: self.diagnosis.map(|code| DiagnosisCode::new(code).expect("a code")),
                batch: None,
                interim: false,
                marks: Marks { emergency: self.emergency, referral: self.referred, ..Marks::default() },
            },
            bill: Bill::new(coverage, vec![sum], Vec::new()).ok()?,
            account: self.account,
        })
    }

    fn earlier(&self, book: &RuleBook, settle: &Settle, same_stay: bool, deductible: Money) -> Earlier {
        let Encounter { id, institution, level, care, admitted, discharged, diagnosis, .. } = settle.encounter.clone();
        let encounter = if same_stay { id } else { EncounterId::new(&format!("of {admitted}")).expect("an id") };
        Earlier {
            same_stay,
            encounter,
            institution,
            level,
            insurance: settle.insurance,
            care,
            admitted,
            discharged,
            diagnosis,
            day: admitted,
            year: book.year_of(admitted),
            total: settle.bill.total(),
            deductible,
        }
    }

    fn filing(&self, person: &Person) -> Option<Filing> {
        Some(Filing {
            id: FilingId::new("1").expect("an id"),
            person: person.number.clone(),
            home: person.home,
            class: self.footing?,
            proof: Proof::HandedIn,
            destination: RegionCode::new(self.treated_in.unwrap_or(FAR)).expect("a code"),
            validity: ALWAYS,
        })
    }
}

/// A settlement in force.
struct InForce {
    posting: UsagePosting,
    stay: Option<Earlier>,
    account: Money,
    family: Money,
}

/// A relative's account that is kept here, with a balance, and another that another node keeps.
fn relatives(balance: Money) -> [FamilyAccount; 2] {
    let account = |owner, pool| AccountOf {
        owner: PersonNumber::new(owner).expect("a number"),
        pool: PoolCode(RegionCode::new(pool).expect("a code")),
        insurance: Insurance::Employee,
    };
    [
        FamilyAccount { account: account("elsewhere", FAR), balance: None },
        FamilyAccount { account: account("here", NEAR), balance: Some(balance) },
    ]
}

/// How many visits there were, and how many of them were settled.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lived {
    visits: u64,
    settled: u64,
}

impl std::ops::AddAssign for Lived {
    fn add_assign(&mut self, other: Lived) {
        self.visits += other.visits;
        self.settled += other.settled;
    }
}

/// Runs a property over lives, and asks that so many of a hundred visits are settled: a refused one proves little.
pub fn some_are_settled<S: Strategy>(
    config: ProptestConfig,
    lives: &S,
    percent: u64,
    live: impl Fn(S::Value) -> Result<Lived, TestCaseError>,
) {
    let all = std::cell::Cell::new(Lived::default());
    let one = |life| {
        let mut so_far = all.get();
        so_far += live(life)?;
        all.set(so_far);
        Ok(())
    };
    let config = ProptestConfig { source_file: Some(file!()), ..config };
    TestRunner::new(config).run(lives, one).unwrap_or_else(|failed| panic!("{failed}"));
    let Lived { visits, settled } = all.get();
    assert!(settled * 100 >= visits * percent, "{settled} of {visits} visits were settled");
}

/// Settles visits one after the other, each under the book of its day and finding used what is in force of the earlier
/// ones, and looks at each result: what is used then, or why it is refused. Some are cancelled in between.
pub fn live_through<'b>(
    under: impl Fn(Date) -> &'b RuleBook,
    person: &Person,
    visits: &[Visit],
    holds: impl Fn(&Visit, Result<&[Usage], Reason>) -> Result<(), TestCaseError>,
) -> Result<Lived, TestCaseError> {
    let mut lived = Lived::default();
    let mut in_force: Vec<InForce> = Vec::new();
    let (mut balance, mut of_relative) = (Money::from_yuan(2_000), Money::from_yuan(1_000));
    for visit in visits {
        lived.visits += 1;
        let book = under(visit.day());
        if let Some(which) = visit.cancels.filter(|_| !in_force.is_empty()) {
            let InForce { posting: _, stay: _, account, family } = in_force.remove(which.index(in_force.len()));
            balance += account;
            of_relative += family;
        }
        let Some(settle) = visit.settle(book.pool(), book.insurance()) else { continue };
        let filing = visit.filing(person);
        let part = visit.deductible_before.map(|deductible| visit.earlier(book, &settle, true, deductible));
        let postings: Vec<UsagePosting> = in_force.iter().map(|settled| settled.posting.clone()).collect();
        let earlier: Vec<Earlier> = in_force.iter().filter_map(|settled| settled.stay.clone()).chain(part).collect();
        let family = relatives(of_relative);
        let case = Case {
            person,
            settle: &settle,
            filings: filing.as_slice(),
            usages: &postings,
            account_balance: balance,
            family: &family,
            earlier: &earlier,
            settled_on: visit.day(),
        };
        let result = adjudicate(book, &case);
        prop_assert_eq!(&result, &adjudicate(book, &case), "the same case came out otherwise");
        no_single_identity_is_better(book, &case, &result)?;
        let adjudication = match result {
            Ok(adjudication) => adjudication,
            Err(refusal) => {
                prop_assert_ne!(refusal.reason, Reason::Internal, "{}", refusal);
                holds(visit, Err(refusal.reason))?;
                continue;
            }
        };
        lived.settled += 1;
        adds_up(&adjudication, &settle)?;
        let payers = adjudication.payers();
        let by_family: Money = adjudication.family().iter().map(|share| share.amount).sum();
        prop_assert!(adjudication.family().iter().all(|share| share.account == family[1].account));
        prop_assert!(by_family <= of_relative && (by_family.is_zero() || visit.account == AccountUse::Family));
        prop_assert_eq!(adjudication.account_balance, balance - (payers.account - by_family));
        prop_assert!(!adjudication.account_balance.is_negative());
        balance = adjudication.account_balance;
        of_relative -= by_family;
        let is_stay = visit.care == CareKind::Inpatient;
        in_force.push(InForce {
            stay: is_stay.then(|| visit.earlier(book, &settle, false, adjudication.usage.sums.deductible)),
            account: payers.account - by_family,
            family: by_family,
            posting: UsagePosting { usage: adjudication.usage.clone(), day: visit.day() },
        });
        let usages: Vec<Usage> = in_force.iter().map(|settled| settled.posting.usage.clone()).collect();
        holds(visit, Ok(&usages))?;
    }
    Ok(lived)
}

/// A result's parts are those of its bill.
fn adds_up(adjudication: &Adjudication, settle: &Settle) -> Result<(), TestCaseError> {
    let payers = adjudication.payers();
    prop_assert_eq!(payers.total(), settle.bill.total());
    let parts = payers.funds.iter().map(|(_, amount)| amount).chain([payers.account, payers.cash]);
    prop_assert!(parts.into_iter().all(|part| !part.is_negative()));
    prop_assert!(payers.funds.total() <= settle.bill.coverage().in_policy + settle.bill.coverage().first_self_pay);
    prop_assert!(payers.cash >= settle.bill.coverage().self_paid, "a self-paid item was paid by somebody else");
    prop_assert_eq!(adjudication.usage.sums.basic, payers.funds.of(Fund::Basic));
    let own_share = Left::at_the_end(adjudication).own_share;
    prop_assert!(adjudication.deductible <= own_share, "{} of {own_share}", adjudication.deductible);
    prop_assert!(adjudication.deductible <= adjudication.usage.sums.deductible);
    personal_side::holds(adjudication, settle)?;
    basic_is_what_the_steps_say(adjudication)
}

/// F1 = P − D − what the ratios leave − the cost above caps (policy.md C.1), within a fen for each segment: each step shows
/// its sum rounded. A guaranteed share raises it; where a cap cuts several segments, the steps do not say which.
fn basic_is_what_the_steps_say(adjudication: &Adjudication) -> Result<(), TestCaseError> {
    let mut base = adjudication.coverage().in_policy - adjudication.usage.sums.deductible;
    let (mut segments, mut cost, mut of_ratios) = (0, Money::ZERO, Money::ZERO);
    let (mut above, mut ratio, mut raised) = (Money::ZERO, None, false);
    for step in &adjudication.steps {
        if let Step::FirstSelfPay { sent, amount, .. } = *step {
            base += sent - amount;
        } else if let Step::PreDeduction { amount, .. } = *step {
            base -= amount;
        } else if let Step::Segment { cost: of_it, effective, .. } = *step {
            (segments, cost, ratio) = (segments + 1, cost + of_it, Some(effective));
            of_ratios += Money::round(effective.of(of_it));
        } else if let Step::Derived(Derived::AboveCap { cost: beyond, .. }) = *step {
            if segments == 0 {
                base -= beyond;
            } else {
                above += beyond;
            }
        }
        raised |= matches!(step, Step::Floor { .. });
    }
    let (paid, odd) = (adjudication.payers().funds.of(Fund::Basic), Money::from_fen(segments + 1));
    prop_assert!(cost <= base + odd, "{cost} of {base} is laid over segments");
    if raised {
        return Ok(());
    }
    prop_assert!(paid <= of_ratios + odd, "{paid} is paid, of {of_ratios}");
    if above.is_zero() {
        prop_assert!(of_ratios <= paid + odd, "{paid} is paid without a cap, not {of_ratios}");
    } else if let Some(ratio) = ratio.filter(|_| segments == 1) {
        let left = Money::round(ratio.of(cost - above));
        prop_assert!(left <= paid + odd && paid <= left + odd, "{paid} is paid under a cap, not {left}");
    }
    Ok(())
}

/// Whoever holds several identities pays no more than under any one of them that every book knows.
fn no_single_identity_is_better(
    book: &RuleBook,
    case: &Case<'_>,
    best: &Result<Adjudication, Refusal>,
) -> Result<(), TestCaseError> {
    let Ok(best) = best else { return Ok(()) };
    for identity in case.person.identities.iter().filter(|held| IDENTITIES_OF_ALL.contains(&held.class)) {
        let person = Person { identities: vec![*identity], ..case.person.clone() };
        if let Ok(single) = adjudicate(book, &Case { person: &person, ..*case }) {
            let borne = |result: &Adjudication| (result.payers().cash, result.payers().account);
            prop_assert!(borne(best) <= borne(&single), "{:?} alone costs less", identity.class);
        }
    }
    Ok(())
}

/// What the basic fund pays at most in a benefit year for some care, whoever the person is, in fen.
type MostPaid = (&'static str, Insurance, &'static [CareKind], i64);

use CareKind::{Chronic, Inpatient, Outpatient};
use Insurance::{Employee, Resident};

const MOST_PAID: &[MostPaid] = &[
    ("110000", Resident, &[Inpatient, Chronic], 25_000_000),
    ("110000", Resident, &[Outpatient], 500_000),
    ("120000", Employee, &[Inpatient, Chronic], 45_000_000),
    ("120000", Resident, &[Inpatient], 25_000_000),
    ("120000", Resident, &[Chronic], 18_000_000),
    ("120000", Resident, &[Outpatient], 500_000),
    ("219900", Employee, &[Inpatient], 10_000_000),
    ("310000", Employee, &[Inpatient, Outpatient], 65_000_000),
    ("330300", Employee, &[Inpatient], 47_000_000),
    ("330300", Resident, &[Inpatient], 20_000_000),
    ("330300", Resident, &[Outpatient], 150_000),
    ("360100", Employee, &[Inpatient, Chronic, Outpatient], 10_000_000),
    ("360100", Resident, &[Inpatient, Chronic, Outpatient], 10_000_000),
    ("369900", Employee, &[Inpatient, Chronic, Outpatient], 10_000_000),
    ("410700", Employee, &[Inpatient, Chronic, Outpatient], 10_000_000),
    ("410700", Resident, &[Inpatient, Chronic, Outpatient], 15_000_000),
    ("410700", Resident, &[Outpatient], 40_000),
    ("440300", Employee, &[Inpatient, Chronic], 104_784_000),
    ("440300", Employee, &[Outpatient], 1_222_480),
    ("440300", Resident, &[Inpatient, Chronic], 104_784_000),
    ("440300", Resident, &[Outpatient], 261_960),
    ("630100", Employee, &[Inpatient, Chronic, Outpatient], 10_000_000),
    ("630100", Resident, &[Inpatient, Chronic, Outpatient], 10_000_000),
    ("650100", Employee, &[Inpatient, Chronic, Outpatient], 15_000_000),
    ("650100", Resident, &[Inpatient, Chronic, Outpatient], 15_000_000),
    ("650100", Resident, &[Outpatient], 30_000),
];

/// No fund has paid above a cap of the book that applies to the person.
fn caps_hold(book: &RuleBook, somebody: &Somebody, usages: &[Usage], visit: &Visit) -> Result<(), TestCaseError> {
    let used = YearToDate::fold(usages, book.insurance(), book.year_of(visit.day()));
    let yuan = Money::from_yuan;
    let pool = book.pool().to_string();
    let of_book = MOST_PAID.iter().filter(|(of, insurance, ..)| *of == pool && *insurance == book.insurance());
    for (_, _, care, most) in of_book {
        prop_assert!(used.of(care).basic <= Money::from_fen(*most), "{pool} {care:?}: {}", used.of(care).basic);
    }
    let uncapped = [AssistanceClass::Destitute, AssistanceClass::LowIncome];
    let assisted = somebody.identities.iter().any(|identity| uncapped.contains(identity));
    match (pool.as_str(), book.insurance()) {
        ("410700", Resident) => {
            prop_assert!(assisted || used.total().catastrophic <= yuan(400_000));
            prop_assert!(used.total().assistance.is_zero(), "nobody knows what it pays");
        }
        ("120000", Resident) => prop_assert!(used.total().assistance.is_zero(), "nobody knows its cap"),
        (_, Employee | Resident) => {}
    }
    Ok(())
}

#[test]
fn sums_hold_no_part_is_negative_and_no_cap_is_exceeded() {
    let lives = (somebody(), prop::collection::vec(visit(), 1..12));
    some_are_settled(ProptestConfig::default(), &lives, SETTLED_OF_SHIPPED, |(somebody, visits)| {
        let mut lived = Lived::default();
        for (_, book) in BOOKS.iter() {
            let holds = |visit: &Visit, used: Result<&[Usage], Reason>| {
                used.map_or(Ok(()), |usages| caps_hold(book, &somebody, usages, visit))
            };
            lived += live_through(|_| book, &somebody.insured_by(book), &visits, holds)?;
        }
        Ok(lived)
    });
}
