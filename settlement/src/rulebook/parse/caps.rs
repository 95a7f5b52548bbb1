//! Reads caps: those of the basic fund, and the ceilings of what pays after it.

use crate::encounter::CareKind;
use crate::ids::DiseaseCode;
use crate::money::Money;
use crate::rulebook::check;
use crate::rulebook::clause::Setting;
use crate::rulebook::conditions::Cases;
use crate::rulebook::sections::{Above, Cap, CapPer, Ceiling, Growth, Measure};
use crate::rulebook::table::Table;
use crate::rulebook::word::{Word, wanted};
use crate::spanned::Node;

use super::Parser;
use super::rows::{limit, list};
use super::unmet::uncounted;

impl Parser<'_> {
    /// `[[cap]]`: caps of the basic fund.
    pub(super) fn caps(&self, root: &Node<'_>) -> Option<Table<Cap>> {
        let (table, whole) = self.bare_rows(root, "cap", cap);
        check::caps(&table, whole, &self.scope, self.report);
        Some(table)
    }

    /// `[[….cap]]`: the ceilings of a layer, one inside another where they count different care.
    pub(super) fn ceilings(&self, layer: &Node<'_>, key: &'static str, grows: bool) -> Option<Table<Ceiling>> {
        let (mut table, whole) = self.bare_rows(layer, key, |row| ceiling(row, grows));
        for row in &mut table.rows {
            row.when.care = row.when.care.both(row.value.counts.unwrap_or(Cases::ANY));
        }
        check::overlaps(&table, self.report, |one, two| one.value.counts == two.value.counts);
        if whole && table.rows.is_empty() {
            layer.fault_at(key, format!("is missing: write at least one [[{}]]", table.path));
        } else if whole {
            check::gaps(&table, &self.scope, self.report);
        }
        Some(table)
    }
}

fn cap(row: &Node<'_>) -> Option<Cap> {
    let counts = row.required_words::<CareKind>("counts");
    let counts_diseases = list(row, "counts_diseases", "a disease code", |code| DiseaseCode::new(code).ok());
    let measure = row.required_word::<Measure>("measure");
    let per = if row.has("per") { row.word("per") } else { Some(CapPer::Year) };
    let carried = row.flag("carried");
    let amount = row.money_setting("amount");
    let growth = growth(row);
    let above = above(row, Above::ALL);
    let of_disease = row.has("disease");
    if carried && per == Some(CapPer::Year) {
        row.fault_at("carried", "is for per = \"month\": a year's cap carries nothing on");
        return None;
    }
    let counted = Cases::at(counts.iter().flatten().map(|care| *care as usize));
    if of_disease && counts.is_some() && !counted.has_care(CareKind::Chronic) {
        row.fault_at("counts", "leaves out chronic, and the row is about a disease of chronic care");
    }
    if let (Some(problem), true) =
        (uncounted(counts_diseases.as_deref().unwrap_or_default(), counted), counts.is_some())
    {
        row.fault_at("counts_diseases", problem);
    }
    if of_disease && row.has("counts_diseases") {
        row.fault_at("counts_diseases", "is for a cap that diseases share; a row with disease counts that one alone");
        return None;
    }
    counts?;
    Some(Cap {
        counts: counted,
        counts_diseases: counts_diseases?,
        measure: measure?,
        per: per?,
        carried,
        amount: amount?,
        growth: growth?,
        above: above?,
        of_disease,
    })
}

/// Reads the cap of a layer. `grows` says whether long enrolment may add to it.
fn ceiling(row: &Node<'_>, grows: bool) -> Option<Ceiling> {
    let amount = limit(row);
    let growth = if grows { growth(row) } else { Some(Growth::NONE) };
    // No layer looks at what is above the cap of another.
    let above = above(row, &[Above::Person, Above::Unknown]);
    let counts = counts(row);
    if row.has("above") && row.flag("none") {
        row.fault_at("above", "says who bears what is above a cap, and none = true says that there is none");
        return None;
    }
    Some(Ceiling { amount: amount?, growth: growth?, above: above?, counts: counts? })
}

/// Reads who bears what is above a cap, out of those who may; the person where the row does not say.
fn above(row: &Node<'_>, may: &[Above]) -> Option<Above> {
    if !row.has("above") {
        return Some(Above::Person);
    }
    row.form("above", &wanted(may), |word| Above::read(word).filter(|above| may.contains(above)))
}

/// Reads the kinds of care that count together; none where the row does not say. `None` only after a fault.
pub(super) fn counts(row: &Node<'_>) -> Option<Option<Cases>> {
    if !row.has("counts") {
        return Some(None);
    }
    let care = row.required_words::<CareKind>("counts");
    care.map(|care| Some(Cases::at(care.into_iter().map(|care| care as usize))))
}

/// Reads `plus_per_year`, `from_years`, `plus_per_claim_free_year` and `plus_at_most`. `None` only after a fault.
fn growth(row: &Node<'_>) -> Option<Growth> {
    let per_year = addition(row, "plus_per_year");
    let from_years = row.number("from_years").unwrap_or_default();
    let per_claim_free_year = addition(row, "plus_per_claim_free_year");
    let at_most = addition(row, "plus_at_most");
    if from_years < 0 {
        row.fault_at("from_years", "is below 0");
        return None;
    }
    if row.has("from_years") && !row.has("plus_per_year") {
        row.fault_at("from_years", "says when plus_per_year begins, and there is none");
        return None;
    }
    if row.has("plus_at_most") && !row.has("plus_per_year") && !row.has("plus_per_claim_free_year") {
        row.fault_at("plus_at_most", "bounds plus_per_year and plus_per_claim_free_year, and there is neither");
        return None;
    }
    Some(Growth { per_year: per_year?, from_years, per_claim_free_year: per_claim_free_year?, at_most: at_most? })
}

/// An amount that may be absent; `None` only after a fault.
fn addition(row: &Node<'_>, key: &'static str) -> Option<Option<Setting<Money>>> {
    if row.has(key) { row.money_setting(key).map(Some) } else { Some(None) }
}
