//! The gate: whether the person has benefits on the day that decides, and on what footing. It computes no money.
//! The order of checks is the order of [`Reason`].

use jiff::civil::Date;
use jiff::{Unit, civil::DateDifference};

use super::Case;
use super::explanation::{Derived, Step};
use super::several;
use super::stay::Before;
use crate::encounter::CareKind;
use crate::filing::FilingClass;
use crate::month::Month;
use crate::person::Entitlement;
use crate::refusal::{Reason, Refusal};
use crate::rulebook::clause::Clause;
use crate::rulebook::conditions::{Facts, Footing};
use crate::rulebook::sections::{CareRules, Section, Unfiled};
use crate::rulebook::{DecidingDates, RuleBook};
use crate::year_to_date::{BenefitYear, YearToDate};

/// A case that may be settled, with the facts that rules depend on.
pub(super) struct Admitted<'a> {
    pub(super) facts: Facts<'a>,
    pub(super) civil_servant: bool,
    pub(super) day: Date,
    pub(super) month: Month,
    pub(super) year: BenefitYear,
    pub(super) used: YearToDate,
    pub(super) before: Before,
    pub(super) steps: [Option<Step>; 3],
}

/// Lets a case in, or says why not.
pub(super) fn admit<'a>(book: &'a RuleBook, case: &'a Case<'a>) -> Result<Admitted<'a>, Refusal> {
    let (settle, encounter) = (case.settle, &case.settle.encounter);
    if book.pool() != case.person.home || book.insurance() != settle.insurance {
        return Err(Refusal::new(Reason::Internal).because("the rule book is not the person's"));
    }
    let day = DecidingDates::of(encounter, case.settled_on).day(book.decision_date());
    let entitlement = entitlement(case, day)?;
    if encounter.marks.third_party {
        return Err(Refusal::new(Reason::ThirdPartyLiable).of_field("rel_ttp_flag"));
    }
    let year = book.year_of(day);
    let month = Month::of(day).ok_or_else(|| {
        Refusal::new(Reason::InvalidField).of_field("begntime").because(format!("{day} is in no month that counts"))
    })?;
    let used = YearToDate::fold(case.usages.iter().map(|used| &used.usage), settle.insurance, year);
    let stays = used.of(&[CareKind::Inpatient]).stays;
    let before = Before::parts(book, case, year);
    let mut facts = Facts {
        person: entitlement.class,
        level: encounter.level,
        care: encounter.care,
        footing: Footing::Local,
        identity: case.person.identity(day),
        age: case.person.age_on(day).into(),
        stay: nth(stays, &before),
        enrolled_months: full_months(entitlement.continuous_since, day),
        claim_free_years: entitlement.claim_free_years,
        tier: entitlement.tier.as_deref(),
        disease: if encounter.care == CareKind::Chronic { encounter.disease.as_ref() } else { None },
        diagnosis: encounter.diagnosis.as_ref(),
        retired_on: entitlement.retired_on,
    };
    let (footing, unfiled) = footing(book, case, &facts)?;
    facts.footing = footing;
    let level_as = level_as(book, &mut facts);
    let before = before.go_on(book, case, &facts, year);
    facts.stay = nth(stays, &before);
    let rules = book.care(encounter.care);
    chronic(book, case, rules, &facts, day)?;
    payable(book, rules, &facts)?;
    let steps = [
        Some(Step::Gate {
            person: facts.person,
            level: facts.level,
            care: facts.care,
            footing,
            identity: facts.identity,
            age: facts.age,
            stay: facts.stay,
            year,
        }),
        unfiled.map(|clause| Step::Unfiled { clause, footing }),
        level_as.map(Step::Derived),
    ];
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

fn entitlement<'a>(case: &'a Case<'a>, day: Date) -> Result<&'a Entitlement, Refusal> {
    let refuse = |reason: Reason| Refusal::new(reason).because(day.to_string());
    let entitlement = case.person.entitlement(case.settle.insurance, day).ok_or_else(|| refuse(Reason::NotInsured))?;
    if entitlement.suspended.is_some_and(|suspended| suspended.covers(day)) {
        return Err(refuse(Reason::BenefitsSuspended));
    }
    Ok(entitlement)
}

/// Full months between two days; none when the second comes first.
fn full_months(since: Date, day: Date) -> i64 {
    let months = since.until(DateDifference::new(day).largest(Unit::Month)).map_or(0, |span| span.get_months());
    i64::from(months).max(0)
}

/// A filing decides; without one the hospital's emergency mark counts as filed (procedure of 2022, article 34;
/// policy.md A.3 and A.7); without either the book says.
fn footing(book: &RuleBook, case: &Case<'_>, facts: &Facts<'_>) -> Result<(Footing, Option<Clause>), Refusal> {
    let encounter = &case.settle.encounter;
    if encounter.pool == case.person.home {
        return Ok((Footing::Local, None));
    }
    if let Some(filing) = case.filing {
        return Ok((Footing::OffSite(filing.class), None));
    }
    if encounter.marks.emergency {
        return Ok((Footing::OffSite(FilingClass::Emergency), None));
    }
    let row = book.unfiled.needed(facts)?;
    match row.value {
        Unfiled::Refuse => Err(Refusal::new(Reason::NotFiled).because(encounter.area.to_string())),
        Unfiled::TreatAs(footing) => Ok((footing, Some(row.clause))),
    }
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
    let open = |rules: &CareRules| rules.diseases.iter().any(|open| open.code.same_disease(disease));
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
        Some(clause) => {
            let path = book.clause(clause).map_or("", |text| &text.path);
            Err(Refusal::new(Reason::NotPayable).because(path))
        }
    }
}
