//! Reads `[[example]]` tables into whole cases: an invented person with one entitlement, a visit, a bill.

use jiff::civil::Date;
use jiff::{Error, Span};

use crate::account::{AccountOf, FamilyAccount};
use crate::benefits::carried_over;
use crate::bill::{Bill, CategorySum, Coverage, FeeCategory};
use crate::encounter::{CareKind, Encounter, HospitalLevel, Marks};
use crate::filing::{Filing, FilingClass, Proof};
use crate::ids::{
    DiseaseCode, EncounterId, FilingId, InstitutionCode, MemberCode, PersonNumber, PoolCode, RegionCode, SettlementId,
};
use crate::money::Money;
use crate::month::Month;
use crate::operation::{AccountUse, Settle};
use crate::person::{
    AssistanceClass, DatedIdentity, Entitlement, Insurance, Joining, Person, PersonClass, Qualification, Validity,
};
use crate::refusal::Reason;
use crate::rulebook::conditions::{Cases, Footing};
use crate::rulebook::example::{Example, Expected, NOWHERE, Output};
use crate::rulebook::sections::DecisionDate;
use crate::rulebook::set::DecidingDates;
use crate::rulebook::word::Word;
use crate::spanned::Node;
use crate::year_to_date::{BenefitYear, Usage, UsagePosting, UsageSums};

use super::history::{History, diagnosis};
use super::rows::list;
use super::{Parser, lines, unique_ids};

/// What an example takes over from its book.
#[derive(Clone, Copy)]
pub(super) struct Home {
    /// Whose rules they are.
    pub(super) pool: PoolCode,
    /// For which insurance.
    pub(super) insurance: Insurance,
    /// Month and day on which the benefit year begins.
    pub(super) benefit_year: (i8, i8),
    /// Whether the region works out the first self-pay of class-B charges itself, and has to know them.
    pub(super) needs_class_b: bool,
    /// What is carried over of a year that began in another region.
    pub(super) carried: Cases,
    /// When the book is in force and which day decides; none where the case may be of any day.
    pub(super) in_force: Option<(Validity, DecisionDate)>,
}

/// More months, or years, than anybody was without insurance.
const MOST_LAPSED: i64 = 1_200;

/// Older than anybody is.
const MOST_AGE: i64 = 150;

/// More stays than a year has days for.
const MOST_STAYS: i64 = 366;

/// How long an example's person has been insured where it does not say.
const USUAL_MONTHS: i64 = 240;

impl Parser<'_> {
    /// Reads the worked cases of a book.
    pub(super) fn examples(&self, root: &Node<'_>, home: Option<Home>) -> Vec<Example> {
        let nodes: Vec<Node<'_>> = root
            .tables("example")
            .into_iter()
            .map(|node| {
                let path = node.path_of(node.required_text("id").unwrap_or("?"));
                node.called(path)
            })
            .collect();
        unique_ids(&nodes);
        let read = |node: Node<'_>| {
            let example = self.example(&node, home, expected(&node));
            node.finish();
            example
        };
        nodes.into_iter().filter_map(read).collect()
    }

    /// Reads a worked case; what it says comes out, where it has to say so, its caller has read.
    pub(super) fn example(&self, node: &Node<'_>, home: Option<Home>, expected: Option<Expected>) -> Option<Example> {
        let settled_on = node.required_date("settled");
        let visit = Visit::read(node, home, settled_on);
        let person = person(node, home, settled_on);
        let used: Vec<_> = node.tables("used").into_iter().map(|row| used(row, home, settled_on)).collect();
        let bill = bill(node, home);
        let account_balance = node.money("account_balance").unwrap_or_default();
        let family: Vec<_> = node.tables("family").into_iter().map(|row| relative(row, home)).collect();
        let account = if family.is_empty() { AccountUse::Own } else { AccountUse::Family };
        let encounter = visit.as_ref().map(|visit| &visit.encounter);
        let earlier = History { home, encounter, settled_on }.read(node);
        let (id, title) = (node.text("id"), node.required_text("title"));
        let working = self.working(node);
        let (visit, person, settled_on, home) = (visit?, person?, settled_on?, home?);
        let example = Example {
            id: id?.to_owned(),
            title: title?.to_owned(),
            line: self.report.line(node.byte_of("id")?),
            filing: visit.filing(&person, settled_on),
            settle: Settle {
                settlement: SettlementId::new("example").ok()?,
                home: home.pool,
                insurance: home.insurance,
                encounter: visit.encounter,
                bill: bill?,
                account,
            },
            person,
            used: used.into_iter().collect::<Option<Vec<_>>>()?,
            account_balance,
            family: family.into_iter().collect::<Option<Vec<_>>>()?,
            earlier: earlier?,
            settled_on,
            expected: expected?,
            working: working?,
        };
        not_in_force(node, home, &example);
        Some(example)
    }
}

/// A case that another day decides than those of the book is none of the book.
fn not_in_force(node: &Node<'_>, home: Home, example: &Example) {
    let Some((validity, decision)) = home.in_force else { return };
    let dates = DecidingDates::of(&example.settle.encounter, example.settled_on).until(example.person.died);
    let day = dates.day(decision);
    if validity.covers(day) {
        return;
    }
    let key = match example.person.died {
        _ if day == example.settled_on => "settled",
        Some(died) if died == day => "died",
        Some(_) | None => "admitted",
    };
    let to = validity.to.map_or_else(|| " on".to_owned(), |to| format!(" to {to}"));
    let problem = format!("{day} decides, and the book is in force from {}{to}", validity.from);
    node.fault_at(key, problem);
}

/// The visit of an example, and what it says of a filing.
struct Visit {
    encounter: Encounter,
    class: Option<FilingClass>,
    proof: Proof,
    filed_from: Option<Date>,
}

impl Visit {
    /// Every key is asked for before any of them may fail: one that nobody asks for is reported as unknown.
    fn read(node: &Node<'_>, home: Option<Home>, settled_on: Option<Date>) -> Option<Visit> {
        let level = node.required_word::<HospitalLevel>("level");
        let care = node.required_word::<CareKind>("care");
        // `none` for care elsewhere without a filing; anything else as in the conditions of rows.
        let footing = node.required_form("filing", &format!("none, or {}", Footing::wanted()), |word| match word {
            "none" => Some(None),
            _ => Footing::read(word).map(Some),
        });
        let admitted = node.date("admitted").or(settled_on);
        not_after(node, "admitted", settled_on);
        let disease = disease(node);
        let marks = Marks {
            emergency: node.flag("emergency"),
            referral: node.flag("referred"),
            third_party: node.flag("third_party"),
            ..Marks::default()
        };
        let local = footing == Some(Some(Footing::Local));
        let treated_in = treated_in(node, local, home);
        let (diagnosis, filed_from) = (diagnosis(node), node.date("filed_from"));
        not_after(node, "filed_from", settled_on);
        let filed_elsewhere = node.flag("filed_elsewhere");
        if filed_elsewhere && footing.is_some() && !local {
            node.fault_at("filed_elsewhere", "is for care at home: filing = \"local\"");
        }
        let proof = node.word::<Proof>("proof").unwrap_or_default();
        let long_term = footing == Some(Some(Footing::OffSite(FilingClass::LongTerm))) || local && filed_elsewhere;
        if footing.is_some() && !long_term && !proof.is_for(FilingClass::OtherTemporary) {
            node.fault_at("proof", "is a commitment, which stands in for the proof of a long-term filing only");
        }
        let (footing, (area, pool, member)) = (footing?, treated_in?);
        let encounter = Encounter {
            id: EncounterId::new("example").ok()?,
            institution: InstitutionCode::new("example").ok()?,
            area,
            pool,
            member,
            level: level?,
            care: care?,
            admitted: admitted?,
            discharged: settled_on,
            disease,
            diagnosis,
            batch: None,
            interim: false,
            marks,
        };
        let class = match footing {
            Some(Footing::Local) => filed_elsewhere.then_some(FilingClass::LongTerm),
            None => None,
            Some(Footing::OffSite(class)) => Some(class),
        };
        Some(Visit { encounter, class, proof, filed_from })
    }

    fn filing(&self, person: &Person, day: Date) -> Option<Filing> {
        Some(Filing {
            id: FilingId::new("example").ok()?,
            person: person.number.clone(),
            home: person.home,
            class: self.class?,
            proof: self.proof,
            destination: self.encounter.area,
            validity: Validity { from: self.filed_from.unwrap_or(day.min(self.encounter.admitted)), to: None },
        })
    }
}

/// `treated_in`: the area, then the codes above it as far as a place of the book names one: pool, member. Where it is
/// not said, the home pool for care at home, and else a pool that is nobody's.
fn treated_in(node: &Node<'_>, local: bool, home: Option<Home>) -> Option<(RegionCode, PoolCode, Option<MemberCode>)> {
    let codes = node.forms("treated_in", "a code of six digits", |code| RegionCode::new(code).ok());
    if node.has("treated_in") && codes.is_none() {
        return None;
    }
    let elsewhere = RegionCode::new(NOWHERE).ok()?;
    let codes = codes.unwrap_or_default();
    let area = codes.first().copied();
    let pool = if codes.len() > 2 { codes.get(1).copied() } else { area };
    let member = codes.get(1..).and_then(|above| above.last()).copied().map(MemberCode);
    let pool = if local { home?.pool.0 } else { pool.unwrap_or(elsewhere) };
    Some((area.unwrap_or(pool), PoolCode(pool), member))
}

fn person(node: &Node<'_>, home: Option<Home>, day: Option<Date>) -> Option<Person> {
    let class = node.required_word::<PersonClass>("person");
    if let (Some(class), Some(home)) = (class, home)
        && !home.insurance.classes().contains(&class)
    {
        node.fault_at("person", format!("is nobody in the insurance of the book: {}", home.insurance.word()));
    }
    let (age, birth) = (node.count("age", MOST_AGE), node.date("birth"));
    if node.has("age") && node.has("birth") {
        node.fault_at("birth", "stands beside age: give one of them");
    }
    not_after(node, "birth", day);
    let identities = identities(node);
    let died = node.date("died");
    let insured = (node.date("insured_from"), node.date("insured_to"));
    let (suspended_from, suspended_to) = (node.date("suspended_from"), node.date("suspended_to"));
    let suspended = suspended_from.map(|from| Validity { from, to: suspended_to });
    if suspended_to.is_some() && !node.has("suspended_from") {
        node.fault_at("suspended_to", "needs suspended_from");
    }
    let also_insured = node.word::<Insurance>("also_insured");
    let (joining, retired_on) = (joining(node), node.date("retired_on"));
    let months = node.count("enrolled_months", MOST_LAPSED).unwrap_or(USUAL_MONTHS);
    let tier = node.text("tier").map(str::to_owned);
    let civil_servant = node.flag("civil_servant");
    let claim_free_years = node.count("claim_free_years", MOST_AGE).unwrap_or_default();
    // Without a word to the contrary the person is qualified for the disease of the visit.
    let disease = if node.flag("unqualified") { None } else { disease(node) };
    let qualified_from = node.date("qualified_from");
    let others = list(node, "diseases_qualified", "a disease code", |code| DiseaseCode::new(code).ok());
    let (home, day) = (home?, day?);
    let birth = birth.or_else(|| before(day, Span::new().try_years(age?)));
    if !node.has("age") && !node.has("birth") {
        node.fault("needs an age or a birth");
    }
    let always = Validity { from: Date::new(1900, 1, 1).ok()?, to: None };
    let entitlement = Entitlement {
        insurance: home.insurance,
        class: class?,
        validity: Validity { from: insured.0.unwrap_or(always.from), to: insured.1 },
        continuous_since: before(day, Span::new().try_months(months))?,
        claim_free_years,
        tier,
        civil_servant,
        suspended,
        joining,
        retired_on,
    };
    let other = also_insured.map(|insurance| Entitlement {
        insurance,
        validity: always,
        suspended: None,
        joining: Joining::default(),
        ..entitlement.clone()
    });
    Some(Person {
        number: PersonNumber::new("example").ok()?,
        home: home.pool,
        birth: birth?,
        died,
        entitlements: std::iter::once(entitlement).chain(other).collect(),
        identities: identities?.into_iter().map(|class| DatedIdentity { class, validity: always }).collect(),
        // Other diseases came first, in their order.
        qualifications: others?
            .into_iter()
            .map(|disease| Qualification { disease, validity: always })
            .chain(disease.map(|disease| Qualification {
                disease,
                validity: Validity { from: qualified_from.unwrap_or(always.from), to: None },
            }))
            .collect(),
        family: Vec::new(),
    })
}

/// `identity`, or several in `identities`.
fn identities(node: &Node<'_>) -> Option<Vec<AssistanceClass>> {
    let (one, several) = (node.word("identity"), node.forms("identities", &AssistanceClass::wanted(), Word::read));
    if node.has("identity") && node.has("identities") {
        node.fault("has both identity and identities");
    }
    if node.has("identities") { several } else { Some(one.into_iter().collect()) }
}

/// How the stretch of insurance began.
fn joining(node: &Node<'_>) -> Joining {
    let count = |key| node.count(key, MOST_LAPSED).unwrap_or_default();
    Joining {
        paid_on: node.date("paid_on"),
        lapsed_months: count("lapsed_months"),
        lapsed_years: count("lapsed_years"),
        repaired_years: count("repaired_years"),
        joined_as: node.text("joined_as").map(str::to_owned),
    }
}

/// `[[example.family]]`: a relative's account, of the person's own pool and of employees unless it says otherwise.
/// Without a balance another node keeps it.
fn relative(row: Node<'_>, home: Option<Home>) -> Option<FamilyAccount> {
    let owner = row.required_form("owner", "a person's number", |number| PersonNumber::new(number).ok());
    let pool = row.form("pool", "a code of six digits", |code| RegionCode::new(code).ok().map(PoolCode));
    let insurance = row.word::<Insurance>("insurance").unwrap_or(Insurance::Employee);
    let balance = row.money("balance");
    row.finish();
    let pool = pool.or(home.map(|home| home.pool));
    Some(FamilyAccount { account: AccountOf { owner: owner?, pool: pool?, insurance }, balance })
}

/// Reports a day after the settlement, of something that comes before it.
fn not_after(node: &Node<'_>, key: &'static str, settled_on: Option<Date>) {
    if settled_on.is_some_and(|settled_on| node.date(key).is_some_and(|day| day > settled_on)) {
        node.fault_at(key, "lies after settled");
    }
}

/// The day that lies a span before another, if the calendar reaches so far.
fn before(day: Date, span: Result<Span, Error>) -> Option<Date> {
    day.checked_sub(span.ok()?).ok()
}

/// `[[example.used]]`: what was used before in the benefit year of the settlement.
fn used(row: Node<'_>, home: Option<Home>, settled_on: Option<Date>) -> Option<UsagePosting> {
    let care = row.required_word::<CareKind>("care");
    let insurance = row.word::<Insurance>("insurance");
    let disease = disease(&row);
    let day = row.date("day").or(settled_on);
    let money = |key| row.money(key).unwrap_or_default();
    // What the earlier layers looked at and left, where assistance looks at the same.
    let left = (money("catastrophic_base") - money("catastrophic") - money("civil_servant")).at_least_zero();
    let sums = UsageSums {
        stays: row.count("stays", MOST_STAYS).unwrap_or_default(),
        deductible: money("deductible"),
        in_policy: money("in_policy"),
        basic: money("basic"),
        above_cap: money("above_cap"),
        large_sum: money("large_sum"),
        catastrophic_base: money("catastrophic_base"),
        catastrophic: money("catastrophic"),
        civil_servant_base: money("civil_servant_base"),
        civil_servant: money("civil_servant"),
        assistance_base: row.money("assistance_base").unwrap_or(left),
        assistance: money("assistance"),
        tilt_base: money("tilt_base"),
        tilt: money("tilt"),
    };
    let month = row.form("month", "a month such as \"2025-03\"", Month::from_text);
    let elsewhere = row.form("from_pool", "a code of six digits", |code| RegionCode::new(code).ok().map(PoolCode));
    row.finish();
    let (home, day) = (home?, day?);
    let moved = elsewhere.is_some_and(|pool| pool != home.pool);
    let sums = if moved { carried_over(home.carried, sums) } else { sums };
    let year = BenefitYear::of(day, home.benefit_year);
    let month = month.or_else(|| Month::of(day))?;
    let insurance = insurance.unwrap_or(home.insurance);
    Some(UsagePosting { usage: Usage { year, insurance, care: care?, disease, month, sums }, day })
}

fn disease(node: &Node<'_>) -> Option<DiseaseCode> {
    node.form("disease", "a disease code", |code| DiseaseCode::new(code).ok())
}

/// `bill`: the split, and the gross class-B charges where the region applies a share of its own to them. Or `[[line]]`.
fn bill(node: &Node<'_>, home: Option<Home>) -> Option<Bill> {
    if node.has("line") {
        return lines::bill(node);
    }
    let table = node.required_table("bill")?;
    let money = |key| table.money(key).unwrap_or_default();
    let coverage = Coverage {
        self_paid: money("self_paid"),
        over_limit: money("over_limit"),
        first_self_pay: money("first_self_pay"),
        in_policy: money("in_policy"),
    };
    let needed = home.is_some_and(|home| home.needs_class_b) && coverage.first_self_pay > Money::ZERO;
    if needed && !table.has("class_b") {
        table.fault("needs class_b: the region works out the first self-pay from it");
    }
    let class_b = table.money("class_b").unwrap_or(coverage.first_self_pay);
    let class_a = coverage.in_policy + coverage.first_self_pay - class_b;
    if class_a.is_negative() {
        table.fault(format!("has more class_b ({class_b}) than first_self_pay and in_policy together"));
    }
    let (class_c, over_limit) = (coverage.self_paid, coverage.over_limit);
    let sum = CategorySum { category: FeeCategory::new(9)?, class_a, class_b, class_c, over_limit };
    let bill = Bill::new(coverage, vec![sum], Vec::new());
    if let Err(error) = &bill {
        table.fault(error.to_string());
    }
    table.finish();
    bill.ok()
}

/// What the case says comes out.
pub(super) fn expected(node: &Node<'_>) -> Option<Expected> {
    if let Some(code) = node.number("refused") {
        let reason = u16::try_from(code).ok().and_then(Reason::from_code);
        if reason.is_none() {
            node.fault_at("refused", "is not the code of a refusal");
        }
        if node.value("expect").is_some() {
            node.fault_at("expect", "stands beside refused: give one of them");
        }
        return reason.map(Expected::Refused);
    }
    let table = node.required_table("expect")?;
    let amounts: Vec<(Output, Money)> =
        Output::ALL.into_iter().filter_map(|(key, output)| Some((output, table.money(key)?))).collect();
    if amounts.is_empty() {
        table.fault("names no amount");
    }
    table.finish();
    Some(Expected::Amounts(amounts))
}
