//! 多病种: a person who is qualified for several chronic diseases on the day (policy.md C.8). How their caps, ratios
//! and deductibles stand together; without `chronic.several` each disease stands for itself.

use jiff::civil::Date;

use super::caps::{Bound, MonthLeft, Monthly, first_month, measured, month_left, qualified_since};
use super::explanation::{Step, Together};
use super::growth::{self, Grown};
use super::worksheet::Worksheet;
use crate::encounter::CareKind;
use crate::ids::DiseaseCode;
use crate::money::Money;
use crate::month::Month;
use crate::person::{Person, Validity};
use crate::refusal::Refusal;
use crate::rulebook::conditions::Facts;
use crate::rulebook::sections::{Above, Cap, CapPer, Measure, Several, SeveralCap, SeveralDeductible, SeveralRatio};
use crate::rulebook::table::Row;
use crate::year_to_date::Usage;

/// The diseases that count on a day: those first that the person was qualified for first.
pub(super) fn counted(person: &Person, several: Several, day: Date) -> Vec<&DiseaseCode> {
    counted_in(person, several, Validity { from: day, to: Some(day) })
}

/// The diseases that count on some days.
fn counted_in(person: &Person, several: Several, days: Validity) -> Vec<&DiseaseCode> {
    let mut in_force: Vec<_> = person.qualifications.iter().filter(|row| row.validity.meets(&days)).collect();
    in_force.sort_by_key(|row| row.validity.from);
    let mut counted: Vec<&DiseaseCode> = Vec::with_capacity(in_force.len());
    for row in in_force {
        if !counted.iter().any(|disease| disease.same_disease(&row.disease)) {
            counted.push(&row.disease);
        }
    }
    counted.truncate(several.diseases_at_most.unwrap_or(usize::MAX));
    counted
}

/// The rule, for chronic care.
fn rule(sheet: &Worksheet<'_>) -> Option<Several> {
    match sheet.facts.care {
        CareKind::Chronic => sheet.book.care(CareKind::Chronic).rules()?.several,
        CareKind::Inpatient | CareKind::Outpatient | CareKind::Purchase => None,
    }
}

/// Whether the diseases share their caps.
pub(super) fn share_a_cap(sheet: &Worksheet<'_>) -> bool {
    rule(sheet).is_some_and(|several| match several.cap {
        SeveralCap::Each => false,
        SeveralCap::Highest | SeveralCap::TopTwoAdd => true,
    })
}

/// Whether a yearly deductible of chronic care counts the disease at hand alone; none where the deductible's own row
/// says.
pub(super) fn deductible_of_each(sheet: &Worksheet<'_>) -> Option<bool> {
    rule(sheet)?.deductible.map(|deductible| match deductible {
        SeveralDeductible::Each => true,
        SeveralDeductible::One => false,
    })
}

/// Of which time what was used counts, and which diseases add to a month's cap.
#[derive(Clone, Copy)]
enum Until {
    /// All of it; those of the day of the visit add. Nothing of later was settled under others.
    Always,
    /// Until the month of the visit; those of its day add.
    TheDay,
    /// Until a month of which something was settled already; those that count in a month add to it.
    Later(Month),
}

/// A disease's own cap.
#[derive(Clone, Copy)]
struct OwnCap<'a> {
    row: &'a Row<Cap>,
    disease: &'a DiseaseCode,
    /// Its sum, with what it grew by.
    amount: Money,
    /// How it grew, where it did.
    grown: Option<Step>,
    /// The first month of the benefit year to which it adds.
    first: Month,
}

/// The caps that the person's diseases share: one for a year and one for a month, where their own caps are so. A visit that
/// is settled after one of a later day, when the person was qualified for more, is held to what both days leave.
pub(super) fn bounds(sheet: &Worksheet<'_>, measure: Measure) -> Result<Vec<Bound>, Refusal> {
    let Some(several) = rule(sheet) else { return Ok(Vec::new()) };
    let diseases = counted(sheet.case.person, several, sheet.day);
    let later = counted_later(sheet, several, &diseases);
    let mut bounds = Vec::new();
    for per in CapPer::ALL {
        let mut own = Vec::new();
        for disease in &diseases {
            own.extend(own_cap(sheet, disease, measure, *per)?);
        }
        // A disease without such a cap is not limited by those of the others.
        let at_hand = |own: &OwnCap<'_>| sheet.facts.disease.is_some_and(|disease| disease.same_disease(own.disease));
        if !own.iter().any(at_hand) {
            continue;
        }
        if later.is_empty() {
            bounds.extend(shared(sheet, (several, measure, Until::Always), own));
            continue;
        }
        bounds.extend(shared(sheet, (several, measure, Until::TheDay), own.clone()));
        for (month, more) in &later {
            // Under a cap that nobody knows nothing was settled.
            own.extend(more.iter().filter_map(|disease| own_cap(sheet, disease, measure, *per).ok().flatten()));
            bounds.extend(shared(sheet, (several, measure, Until::Later(*month)), own.clone()));
        }
    }
    Ok(bounds)
}

/// The months from that of the visit on of which something was settled already, each with the diseases that count in it and
/// did not count before; none where no other disease counts later.
fn counted_later<'a>(
    sheet: &Worksheet<'a>,
    several: Several,
    of_day: &[&'a DiseaseCode],
) -> Vec<(Month, Vec<&'a DiseaseCode>)> {
    let mut known = of_day.to_vec();
    let mut later = Vec::new();
    for month in sheet.months_used().into_iter().filter(|used| *used >= sheet.month) {
        let days = Validity { from: month.first_day().max(sheet.day), to: Some(month.last_day()) };
        let mut more = counted_in(sheet.case.person, several, days);
        more.retain(|disease| !known.iter().any(|known| known.same_disease(disease)));
        known.extend(&more);
        later.push((month, more));
    }
    if known.len() == of_day.len() { Vec::new() } else { later }
}

/// Whether a disease counts in a month.
fn counts_in_month(sheet: &Worksheet<'_>, several: Several, month: Month, disease: &DiseaseCode) -> bool {
    let days = Validity { from: month.first_day(), to: Some(month.last_day()) };
    counted_in(sheet.case.person, several, days).iter().any(|counted| counted.same_disease(disease))
}

fn own_cap<'a>(
    sheet: &'a Worksheet<'_>,
    disease: &'a DiseaseCode,
    measure: Measure,
    per: CapPer,
) -> Result<Option<OwnCap<'a>>, Refusal> {
    let facts = Facts { disease: Some(disease), ..sheet.facts };
    let of_kind = |cap: &Cap| {
        cap.of_disease && cap.measure == measure && cap.per == per && cap.counts.has_care(CareKind::Chronic)
    };
    let row = sheet.book.caps.rows.iter().find(|row| of_kind(&row.value) && row.when.hold(&facts));
    let first = first_month(sheet, qualified_since(sheet, disease));
    let Some(row) = row else { return Ok(None) };
    let amount = row.value.amount.needed(sheet.book, row.clause)?;
    let Grown { cap, step: grown } = growth::grown(sheet, amount, row.value.growth, row.clause)?;
    Ok(Some(OwnCap { row, disease, amount: cap, grown, first }))
}

fn shared(
    sheet: &Worksheet<'_>,
    (several, measure, until): (Several, Measure, Until),
    mut own: Vec<OwnCap<'_>>,
) -> Option<Bound> {
    // The highest first; of equal ones the one that carries on.
    own.sort_by_key(|own| std::cmp::Reverse((own.amount, own.row.value.carried)));
    let (most, what) = match several.cap {
        SeveralCap::Each => return None,
        SeveralCap::Highest => (1, Together::HighestCap),
        SeveralCap::TopTwoAdd => (2, Together::TopTwoCaps),
    };
    let taken = own.get(..most).unwrap_or(&own);
    let first = taken.first()?.row;
    let clause = first.clause;
    // Where only so much is known of one of them, any other may be the highest.
    let decides = own.iter().map(|own| own.row).find(|row| row.value.above == Above::Unknown).unwrap_or(first);
    let counts = |usage: &Usage| {
        let of = |own: &OwnCap<'_>| usage.disease.as_ref().is_some_and(|used_for| used_for.same_disease(own.disease));
        let in_time = match until {
            Until::Always => true,
            Until::TheDay => usage.month <= sheet.month,
            Until::Later(month) => usage.month <= month,
        };
        in_time && own.iter().any(of)
    };
    let cap: Money = taken.iter().map(|own| own.amount).sum();
    let (left, said) = match first.value.per {
        CapPer::Year => {
            let used = measured(measure, sheet.used_by(counts));
            let left = (cap - used).at_least_zero();
            (left, Step::Cap { clause, cap, used, left })
        }
        CapPer::Month => {
            // Of each month those that the person was qualified for by then.
            let is_there = |own: &OwnCap<'_>, month| match until {
                Until::Always | Until::TheDay => own.first <= month,
                Until::Later(_) => counts_in_month(sheet, several, month, own.disease),
            };
            let of_month = |month| {
                let there = || own.iter().filter(move |own| is_there(own, month)).take(most);
                let part = |carried| there().filter(|own| own.row.value.carried == carried).map(|own| own.amount).sum();
                Monthly { anew: part(false), carried: part(true) }
            };
            let earliest = own.iter().map(|own| own.first).min()?;
            let MonthLeft { available, used, left } = month_left(sheet, measure, &counts, earliest, &of_month);
            (left, Step::MonthlyCap { clause, month: sheet.month, cap, available, used, left })
        }
    };
    let grown = |which: usize| taken.get(which).and_then(|own| own.grown);
    let steps = [Some(together(several, what, own.len())), grown(0), grown(1), Some(said)];
    Some(Bound::shared(left, (decides.clause, decides.value.above), steps))
}

fn together(several: Several, what: Together, diseases: usize) -> Step {
    Step::Together { clause: several.clause, what, diseases: i64::try_from(diseases).unwrap_or(i64::MAX) }
}

/// The facts under which the ratios of the other diseases are looked up, where the best paid one counts; none where the
/// disease at hand alone does.
pub(super) fn other_diseases<'a>(sheet: &Worksheet<'a>) -> Option<(Vec<Facts<'a>>, Step)> {
    let several = rule(sheet)?;
    match several.ratio {
        SeveralRatio::Own => return None,
        SeveralRatio::Highest => {}
    }
    let diseases = counted(sheet.case.person, several, sheet.day);
    let step = together(several, Together::HighestRatio, diseases.len());
    let others = diseases.into_iter().map(|disease| Facts { disease: Some(disease), ..sheet.facts });
    Some((others.collect(), step))
}
