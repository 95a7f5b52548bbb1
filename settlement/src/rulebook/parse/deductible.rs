//! Reads `[[….deductible]]` and `[[inpatient.continues]]`.

use crate::encounter::{CareKind, HospitalLevel};
use crate::ids::DiseaseCode;
use crate::rulebook::clause::Setting;
use crate::rulebook::conditions::Cases;
use crate::rulebook::deductible::{Continues, Deductible, Due, Fall};
use crate::rulebook::sections::{ContinuedDeductible, Per};
use crate::spanned::Node;

use super::rows::{care, cases, list};
use super::unmet::uncounted;

/// Reads a deductible. `per = "year"` and `"cycle"` count the deductibles of the kinds of care in `shared_by`, or of
/// this kind alone.
pub(super) fn deductible(row: &Node<'_>, kind: CareKind) -> Option<Deductible> {
    let due = due(row);
    let per = row.required_word::<Per>("per");
    let shared_by = care(row, "shared_by");
    let alone = Cases::at([kind as usize]);
    let shared_by = if row.has("shared_by") { shared_by } else { Some(alone) };
    let counts_diseases = list(row, "counts_diseases", "a disease code", |code| DiseaseCode::new(code).ok());
    let per_disease = row.flag("per_disease");
    let falls = falls(row, due);
    let again_after_days = days(row, "again_after_days");
    let cycle_days = days(row, "cycle_days");
    let per = per?;
    only_where(row, "cycle_days", per == Per::Cycle, "goes with per = \"cycle\"");
    if per == Per::Cycle && !row.has("cycle_days") {
        row.fault_at("per", "needs cycle_days beside it, for example 360");
    }
    let over_time = per != Per::Stay && matches!(kind, CareKind::Inpatient | CareKind::Chronic);
    only_where(row, "per_disease", over_time, "goes with per = \"year\" or \"cycle\" of inpatient or chronic care");
    only_where(row, "counts_diseases", per != Per::Stay, "goes with per = \"year\" or \"cycle\"");
    only_where(row, "shared_by", per != Per::Stay, "goes with per = \"year\" or \"cycle\"");
    let own = shared_by.is_none_or(|shared_by| shared_by.has_care(kind));
    only_where(row, "shared_by", own, "leaves out the care of its own table");
    if let (Some(diseases), Some(counted)) = (&counts_diseases, shared_by)
        && let Some(problem) = uncounted(diseases, counted)
    {
        row.fault_at("counts_diseases", problem);
    }
    only_where(row, "falls_by", per == Per::Stay, "goes with per = \"stay\"");
    let of_stay = per == Per::Stay && kind == CareKind::Inpatient;
    only_where(row, "again_after_days", of_stay, "goes with per = \"stay\" of inpatient care");
    Some(Deductible {
        due: due?,
        per,
        cycle_days: cycle_days?.unwrap_or_default(),
        shared_by: shared_by?,
        counts_diseases: counts_diseases?,
        per_disease,
        falls: falls?,
        again_after_days: again_after_days?,
    })
}

fn only_where(row: &Node<'_>, key: &'static str, fits: bool, rule: &str) {
    if row.has(key) && !fits {
        row.fault_at(key, rule);
    }
}

/// `amount`, `share_of_bill` with its bounds, or `none = true`.
fn due(row: &Node<'_>) -> Option<Due> {
    let (share, none) = (row.ratio("share_of_bill", 1), row.flag("none"));
    let (at_least, at_most) = (row.optional_money_setting("at_least"), row.optional_money_setting("at_most"));
    for bound in ["at_least", "at_most"] {
        only_where(row, bound, row.has("share_of_bill"), "goes with share_of_bill");
    }
    match (row.has("amount"), row.has("share_of_bill"), none) {
        (true, false, false) => row.money_setting("amount").map(Due::Sum),
        (false, true, false) => {
            let (at_least, at_most) = (at_least?, at_most?);
            let at_least = at_least.unwrap_or(Setting::Known(crate::money::Money::ZERO));
            if let (Some(least), Some(most)) = (at_least.known(), at_most.and_then(Setting::known))
                && most < least
            {
                row.fault_at("at_most", "is below at_least");
            }
            Some(Due::ShareOfBill { share: share?, at_least, at_most })
        }
        (false, false, true) => Some(Due::Nothing),
        (true | false, _, _) => {
            row.fault("needs exactly one of amount, share_of_bill and none = true");
            None
        }
    }
}

/// `falls_by`, `down_to`: both or neither.
fn falls(row: &Node<'_>, due: Option<Due>) -> Option<Option<Fall>> {
    let (by, down_to) = (row.optional_money_setting("falls_by"), row.optional_money_setting("down_to"));
    match (by?, down_to?) {
        (None, None) => Some(None),
        (Some(by), Some(down_to)) => {
            if let (Some(Due::Sum(Setting::Known(amount))), Some(lowest)) = (due, down_to.known())
                && lowest > amount
            {
                row.fault_at("down_to", "is above the amount");
            }
            Some(Some(Fall { by, down_to }))
        }
        (Some(_), None) | (None, Some(_)) => {
            row.fault("needs falls_by and down_to together");
            None
        }
    }
}

/// A number of days of at least one, which may be absent. `None` only after a fault.
fn days(row: &Node<'_>, key: &'static str) -> Option<Option<i64>> {
    let days = row.number(key);
    if days.is_some_and(|days| days < 1) {
        row.fault_at(key, "is not a number of days of at least 1");
        return None;
    }
    if row.has(key) && days.is_none() { None } else { Some(days) }
}

/// Reads a row of `[[inpatient.continues]]`.
pub(super) fn continues(row: &Node<'_>) -> Option<Continues> {
    row.required("within_days");
    let within_days = row.number("within_days");
    if within_days.is_some_and(|days| days < 0) {
        row.fault_at("within_days", "is below 0");
    }
    let same_institution = row.flag("same_institution");
    let same_diagnosis = row.flag("same_diagnosis");
    let from_level = cases(row, "from_level", |level: HospitalLevel| level as usize);
    let deductible = row.required_word::<ContinuedDeductible>("deductible");
    Some(Continues {
        within_days: within_days?,
        same_institution,
        same_diagnosis,
        from_level: from_level?,
        deductible: deductible?,
    })
}
