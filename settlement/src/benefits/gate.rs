//! The gate: whether the person has benefits on the day that decides, and on what footing. It computes no money.
//! The order of checks is the order of [`Reason`]. `entitlement` and `footing` answer the two questions.

use jiff::civil::Date;
use jiff::{Unit, civil::DateDifference};

use super::explanation::{Derived, Standing, Step};
use super::identities::Chosen;
use super::stay::Before;
use super::{Case, entitlement, footing, several};
use crate::encounter::CareKind;
use crate::filing::{FilingClass, Proof};
use crate::month::Month;
use crate::person::{Entitlement, Insurance};
use crate::refusal::{Reason, Refusal};
use crate::rulebook::admission::AfterChange;
use crate::rulebook::conditions::{Facts, Footing};
use crate::rulebook::sections::{CareRules, Disease, Section};
use crate::rulebook::{DecidingDates, RuleBook};
use crate::year_to_date::{BenefitYear, UsagePosting, YearToDate};

/// More steps than most settlements take, so that the list seldom grows.
const USUAL_STEPS: usize = 16;

/// A case that may be settled, with the facts that rules depend on.
pub(super) struct Admitted<'a> {
    pub(super) facts: Facts<'a>,
    pub(super) civil_servant: bool,
    pub(super) day: Date,
    pub(super) month: Month,
    pub(super) year: BenefitYear,
    pub(super) used: YearToDate,
    pub(super) before: Before,
    pub(super) steps: Vec<Step>,
}

/// The day that decides. What comes after the person's death is decided by the day of death.
pub(super) fn deciding_day(book: &RuleBook, case: &Case<'_>) -> Date {
    DecidingDates::of(&case.settle.encounter, case.settled_on).until(case.person.died).day(book.decision_date())
}

/// Lets a case in, or says why not.
pub(super) fn admit<'a>(book: &'a RuleBook, case: &'a Case<'a>, chosen: Chosen) -> Result<Admitted<'a>, Refusal> {
    let (settle, encounter) = (case.settle, &case.settle.encounter);
    if book.pool() != case.person.home || book.insurance() != settle.insurance {
        return Err(Refusal::new(Reason::Internal).because("the rule book is not the person's"));
    }
    let day = deciding_day(book, case);
    let year = book.year_of(day);
    let month = Month::of(day).ok_or_else(|| {
        Refusal::new(Reason::InvalidField).of_field("begntime").because(format!("{day} is in no month that counts"))
    })?;
    let (used, continued) = used_in(book, case.settle.insurance, case.usages, year);
    let stays = used.of(&[CareKind::Inpatient]).stays;
    let before = Before::parts(book, case, year);
    let at = At { book, case, chosen, stay: nth(stays, &before) };
    let mut steps = Vec::with_capacity(USUAL_STEPS);
    let entitlement = entitlement::deciding(&at, day, &mut steps)?;
    if encounter.marks.third_party {
        return Err(Refusal::new(Reason::ThirdPartyLiable).of_field("rel_ttp_flag"));
    }
    let mut facts = at.facts(entitlement, day);
    let filing = footing::in_force(book, case, &facts, &mut steps)?;
    facts.referred |= filing.is_some_and(|held| held.filing.class == FilingClass::Referral);
    let (footing, standing) = footing::of(book, case, &facts, filing, &mut steps)?;
    (facts.footing, facts.filed) = (footing, standing != Standing::Unfiled);
    facts.proof = if standing == Standing::Committed { Proof::Commitment } else { Proof::HandedIn };
    let level_as = level_as(book, &mut facts);
    let before = before.go_on(book, case, &facts, year);
    facts.stay = nth(stays, &before);
    let rules = book.care(encounter.care);
    chronic(book, case, rules, &facts, day)?;
    payable(book, rules, &facts)?;
    let gate = Step::Gate {
        person: facts.person,
        level: facts.level,
        care: facts.care,
        footing,
        standing,
        identity: facts.identity,
        age: facts.age,
        stay: facts.stay,
        year,
    };
    steps.insert(0, gate);
    steps.extend(level_as.map(Step::Derived));
    steps.extend(chosen.step(book));
    steps.extend(continued);
    Ok(Admitted { facts, civil_servant: entitlement.civil_servant, day, month, year, used, before, steps })
}

/// Which stay of the year it is. What goes on, a later mid-way settlement too, belongs to a stay that was counted
/// already.
fn nth(stays: i64, before: &Before) -> i64 {
    if before.counted { stays.max(1) } else { stays + 1 }
}

/// The level as which the institution is treated, where that is not its own.
fn level_as(book: &RuleBook, facts: &mut Facts<'_>) -> Option<Derived> {
    let row = book.level_as.find(facts)?;
    let (level, counts_as) = (facts.level, row.value);
    facts.level = counts_as;
    Some(Derived::LevelAs { clause: row.clause, level, counts_as })
}

/// A case under a book, and what is known of it before anybody is found entitled.
pub(super) struct At<'a> {
    pub(super) book: &'a RuleBook,
    pub(super) case: &'a Case<'a>,
    chosen: Chosen,
    stay: i64,
}

impl<'a> At<'a> {
    /// The facts under a stretch of insurance on a day. The footing and the filing are not known yet: at home stands
    /// for them.
    pub(super) fn facts(&self, entitlement: &'a Entitlement, day: Date) -> Facts<'a> {
        let (case, encounter) = (self.case, &self.case.settle.encounter);
        Facts {
            person: entitlement.class,
            level: encounter.level,
            care: encounter.care,
            footing: Footing::Local,
            identity: self.chosen.identity,
            age: case.person.age_on(day).into(),
            stay: self.stay,
            enrolled_months: full_months(entitlement.continuous_since, day),
            claim_free_years: entitlement.claim_free_years,
            tier: entitlement.tier.as_deref(),
            disease: if encounter.care == CareKind::Chronic { encounter.disease.as_ref() } else { None },
            diagnosis: encounter.diagnosis.as_ref(),
            retired_on: entitlement.retired_on,
            place: self.book.admission.places.position(encounter.chain()),
            referred: encounter.marks.referral,
            filed: true,
            proof: Proof::HandedIn,
            joined_as: entitlement.joining.joined_as.as_deref(),
        }
    }
}

/// What was used before in the benefit year: of this insurance, or of both where a change of insurance goes on with
/// what was used; and the step that says so, where it makes a difference.
pub(super) fn used_in(
    book: &RuleBook,
    insurance: Insurance,
    used: &[UsagePosting],
    year: BenefitYear,
) -> (YearToDate, Option<Step>) {
    let usages = || used.iter().map(|used| &used.usage);
    let own = YearToDate::fold(usages(), insurance, year);
    match book.admission.after_change {
        Some((AfterChange::Continue, clause)) => {
            let all = YearToDate::fold_all(usages(), year);
            let step = (all != own).then_some(Step::UsedBeforeChange { clause, in_policy: all.total().in_policy });
            (all, step)
        }
        Some((AfterChange::New, _)) | None => (own, None),
    }
}

/// Full months between two days; none when the second comes first.
pub(super) fn full_months(since: Date, day: Date) -> i64 {
    let months = since.until(DateDifference::new(day).largest(Unit::Month)).map_or(0, |span| span.get_months());
    i64::from(months).max(0)
}

/// Chronic care needs a disease, the person's qualification for it, and elsewhere a disease that is open across
/// provinces: it is never settled as ordinary outpatient care instead (policy.md A.8).
fn chronic(
    book: &RuleBook,
    case: &Case<'_>,
    rules: &Section<CareRules>,
    facts: &Facts<'_>,
    day: Date,
) -> Result<(), Refusal> {
    if facts.care != CareKind::Chronic {
        return Ok(());
    }
    let field = |reason: Reason| Refusal::new(reason).of_field("dise_codg");
    let disease = facts.disease.ok_or_else(|| field(Reason::DiseaseMissing))?;
    if case.person.qualification(disease, day).is_none() {
        return Err(field(Reason::NotQualified).because(disease.as_str()));
    }
    if let Some(several) = rules.rules().and_then(|rules| rules.several)
        && !several::counted(case.person, several, day).iter().any(|counted| counted.same_disease(disease))
    {
        let path = book.clause(several.clause).map_or("?", |text| &text.path);
        return Err(field(Reason::NotQualified).because(format!("{disease}: {path}.diseases_at_most")));
    }
    let is_open = |open: &Disease| open.code.same_disease(disease) && open.open.is_none_or(|days| days.covers(day));
    let open = |rules: &CareRules| rules.diseases.iter().any(is_open);
    if case.settle.encounter.pool != case.person.home && !rules.rules().is_some_and(open) {
        return Err(field(Reason::DiseaseNotSettled).because(disease.as_str()));
    }
    Ok(())
}

/// Some regions do not pay a kind of care at all, or not at such an institution.
fn payable(book: &RuleBook, rules: &Section<CareRules>, facts: &Facts<'_>) -> Result<(), Refusal> {
    let clause = match rules {
        Section::None(clause) => Some(*clause),
        // What no fund pays, no off-site rule takes away.
        Section::Rules(_) if facts.footing == Footing::Local || facts.care == CareKind::Purchase => None,
        Section::Rules(_) => book.off_site.find(facts).filter(|row| row.value.not_payable).map(|row| row.clause),
    };
    match clause {
        None => Ok(()),
        Some(clause) => Err(Refusal::new(Reason::NotPayable).because(book.path(clause))),
    }
}
