//! What the rows of one table have to be to one another: never two for one settlement, and one for each.
//! It looks at rows that were read without a fault; the parser calls it table by table.

use jiff::ToSpan;
use jiff::civil::Date;

use crate::encounter::{CareKind, HospitalLevel};
use crate::filing::{FilingClass, Proof};
use crate::ids::{DiagnosisCode, DiseaseCode};
use crate::money::Money;
use crate::person::{AssistanceClass, Insurance, PersonClass};
use crate::rulebook::admission::{FilingValidity, Waiting};
use crate::rulebook::clause::Setting;
use crate::rulebook::conditions::{Cases, Conditions, Diagnoses, Facts, Footing, Joined, Span, identity_word};
use crate::rulebook::deductible::{Continues, Deductible};
use crate::rulebook::places::Places;
use crate::rulebook::ratio::Ratio;
use crate::rulebook::sections::{AccountRule, Cap, Ceiling, LayerChange, OffSite, Segment, Start, Unfiled};
use crate::rulebook::table::{Row, Table};
use crate::spanned::Report;

/// What the tables of one book are checked against: whom it insures, which identities, diseases, places and levels it
/// tells apart.
pub(super) struct Scope {
    pub(super) insurance: Option<Insurance>,
    /// No identity first.
    pub(super) identities: Vec<Option<AssistanceClass>>,
    /// Those that it opens for chronic care.
    pub(super) diseases: Vec<DiseaseCode>,
    pub(super) places: Places,
    /// Without those that count as another whatever else holds.
    pub(super) levels: Cases,
}

impl Scope {
    /// The classes of person whom the book insures; every one where it does not say which insurance it is of.
    pub(super) fn classes(&self) -> &'static [PersonClass] {
        self.insurance.map_or(&PersonClass::ALL, Insurance::classes)
    }
}

/// What part of an amount a row is about: the whole, unless it is a segment.
pub(super) trait Extent {
    /// From where, and to where if it ends.
    fn extent(&self) -> (Money, Option<Money>) {
        (Money::ZERO, None)
    }
}

impl Extent for Segment {
    fn extent(&self) -> (Money, Option<Money>) {
        (self.from, self.to)
    }
}

impl Extent for Deductible {}
impl Extent for Continues {}
impl Extent for HospitalLevel {}
impl Extent for Setting<Ratio> {}
impl Extent for Setting<Money> {}
impl Extent for Ceiling {}
impl Extent for Start {}
impl Extent for LayerChange {}
impl Extent for Cap {}
impl Extent for OffSite {}
impl Extent for Unfiled {}
impl Extent for AccountRule {}
impl Extent for FilingClass {}
impl Extent for Setting<FilingClass> {}
impl Extent for Footing {}
impl Extent for FilingValidity {}
impl Extent for Waiting {}

/// Reports every two rows that could both apply. `together` says which rows are compared at all.
pub(super) fn overlaps<T: Extent>(table: &Table<T>, report: &Report, together: impl Fn(&Row<T>, &Row<T>) -> bool) {
    for (position, row) in table.rows.iter().enumerate() {
        for earlier in &table.rows[..position] {
            if together(earlier, row) && row.when.overlap(&earlier.when) && extents_meet(&row.value, &earlier.value) {
                let line = report.line(earlier.clause.0 as usize);
                let problem = format!("overlaps the row on line {line}: both can apply to one settlement");
                report.fault(row.clause.0 as usize, &table.path, problem);
            }
        }
    }
}

/// Whether two rows are about some part of an amount in common.
pub(super) fn extents_meet<T: Extent>(one: &T, two: &T) -> bool {
    let ((from, to), (other_from, other_to)) = (one.extent(), two.extent());
    to.is_none_or(|to| other_from < to) && other_to.is_none_or(|other_to| from < other_to)
}

/// Reports the first kind of settlement that no row applies to, and the first hole between segments.
/// A sum above the last segment is no hole: nothing is paid there.
pub(super) fn gaps<T: Extent>(table: &Table<T>, scope: &Scope, report: &Report) {
    let Some(first) = table.rows.first() else { return };
    let grid = Grid::of(table, scope);
    grid.visit(&mut |facts| {
        let mut extents: Vec<_> = table.matching(facts).map(|row| (row.value.extent(), row.clause)).collect();
        extents.sort_by_key(|((from, _), _)| *from);
        let mut reached = Some(Money::ZERO);
        for ((from, to), clause) in &extents {
            if reached.is_some_and(|reached| reached < *from) {
                let below = reached.unwrap_or_default();
                let problem = format!("leaves a gap from {below} to {from} for {}", describe(table, scope, facts));
                report.fault(clause.0 as usize, &table.path, problem);
                return false;
            }
            reached = *to;
        }
        if extents.is_empty() {
            let problem = format!("leaves a gap: no row for {}", describe(table, scope, facts));
            report.fault(first.clause.0 as usize, &table.path, problem);
        }
        !extents.is_empty()
    });
}

/// Caps hold one inside another, so only caps that count the same care are compared. `whole` says whether every row
/// could be read: what a row with a fault would have covered is no gap.
pub(super) fn caps(table: &Table<Cap>, whole: bool, scope: &Scope, report: &Report) {
    let same_scope = |one: &Row<Cap>, two: &Row<Cap>| one.value.same_scope(&two.value);
    overlaps(table, report, same_scope);
    for (position, row) in table.rows.iter().enumerate() {
        let first_of_scope = !table.rows[..position].iter().any(|earlier| same_scope(earlier, row));
        if whole && first_of_scope && !row.value.of_disease {
            let rows = table.rows.iter().filter(|other| same_scope(row, other)).cloned().collect();
            gaps(&Table { path: table.path.clone(), rows }, scope, report);
        }
    }
}

/// Visits every kind of settlement that the rows of a table tell apart, until the visitor says enough.
pub(super) fn each_kind<T>(table: &Table<T>, scope: &Scope, visitor: &mut impl FnMut(&Facts<'_>) -> bool) {
    Grid::of(table, scope).visit(visitor);
}

/// Representative values of everything that the rows of a table depend on.
struct Grid<'a> {
    persons: Vec<PersonClass>,
    levels: Vec<HospitalLevel>,
    care: Vec<CareKind>,
    footings: Vec<Footing>,
    identities: Vec<Option<AssistanceClass>>,
    ages: Vec<i64>,
    stays: Vec<i64>,
    months: Vec<i64>,
    tiers: Vec<Option<&'a str>>,
    diseases: Vec<Option<&'a DiseaseCode>>,
    diagnoses: Vec<Option<&'a DiagnosisCode>>,
    retirements: Vec<Option<Date>>,
    places: Vec<usize>,
    referred: Vec<bool>,
    filed: Vec<bool>,
    proof: Vec<Proof>,
    joined: Vec<Option<&'a str>>,
}

impl<'a> Grid<'a> {
    fn of<T>(table: &'a Table<T>, scope: &'a Scope) -> Grid<'a> {
        let whens: Vec<&Conditions> = table.rows.iter().map(|row| &row.when).collect();
        let named = |of: fn(&Conditions) -> Cases| whens.iter().any(|when| of(when) != Cases::ANY);
        let persons = scope.classes();
        // Nothing changes for people at home, no fund pays a purchase, and assistance is for special identities only.
        let off_site_only = matches!(table.path.as_str(), "off_site" | "catastrophic.off_site");
        let funds_only = !matches!(table.path.as_str(), "account" | "unfiled");
        let assisted_only = table.path.starts_with("assistance.");
        let retirements = retirements(&whens);
        let levels: Vec<HospitalLevel> =
            HospitalLevel::ALL.into_iter().filter(|level| scope.levels.has(*level as usize)).collect();
        // At home nobody has to file.
        let footings = named(|when| when.filing) || named(|when| when.filed) || named(|when| when.proof);
        let classes = named(|when| when.person) || retirements.len() > 1;
        // A chronic disease is of chronic care, and every other care is of none.
        let section = section_of(&table.path);
        let of_diseases = whens.iter().any(|when| !when.disease.is_empty());
        let kinds = if funds_only { &CareKind::ALL[..3] } else { &CareKind::ALL[..] };
        let care = section.map_or_else(|| pick(kinds, of_diseases || named(|when| when.care)), |own| vec![own]);
        let diseases = if of_diseases { diseases(&whens, scope, &care) } else { vec![None] };
        let identities = &scope.identities[usize::from(assisted_only).min(scope.identities.len())..];
        Grid {
            persons: if classes { persons.to_vec() } else { persons[..1].to_vec() },
            levels: pick(&levels, named(|when| when.level)),
            care,
            footings: pick(if off_site_only { &Footing::ALL[1..] } else { &Footing::ALL }, footings),
            identities: pick(identities, named(|when| when.identity)),
            ages: corners(whens.iter().map(|when| when.age), 0),
            stays: corners(whens.iter().map(|when| when.stay), 1),
            months: corners(whens.iter().map(|when| when.enrolled_months), 0),
            tiers: mentioned(whens.iter().flat_map(|when| when.tier.iter().map(String::as_str))),
            diseases,
            diagnoses: diagnoses(&whens),
            retirements,
            places: pick(&scope.places.positions(), named(|when| when.place)),
            referred: pick(&[false, true], named(|when| when.referred)),
            filed: pick(&[true, false], named(|when| when.filed)),
            proof: pick(&Proof::ALL, named(|when| when.proof)),
            joined: joined(&whens),
        }
    }

    /// Visits every combination until the visitor says enough.
    fn visit(&self, visitor: &mut impl FnMut(&Facts<'_>) -> bool) {
        let mut rest = vec![Facts {
            person: PersonClass::Adult,
            level: HospitalLevel::Primary,
            care: CareKind::Inpatient,
            footing: Footing::Local,
            identity: None,
            age: 0,
            stay: 1,
            enrolled_months: 0,
            claim_free_years: 0,
            tier: None,
            disease: None,
            diagnosis: None,
            retired_on: None,
            place: 0,
            referred: false,
            filed: true,
            proof: Proof::HandedIn,
            joined_as: None,
        }];
        spread(&mut rest, &self.persons, |facts, person| Facts { person, ..facts });
        spread(&mut rest, &self.levels, |facts, level| Facts { level, ..facts });
        spread(&mut rest, &self.care, |facts, care| Facts { care, ..facts });
        spread(&mut rest, &self.footings, |facts, footing| Facts { footing, ..facts });
        spread(&mut rest, &self.identities, |facts, identity| Facts { identity, ..facts });
        spread(&mut rest, &self.ages, |facts, age| Facts { age, ..facts });
        spread(&mut rest, &self.stays, |facts, stay| Facts { stay, ..facts });
        spread(&mut rest, &self.months, |facts, enrolled_months| Facts { enrolled_months, ..facts });
        spread(&mut rest, &self.tiers, |facts, tier| Facts { tier, ..facts });
        spread(&mut rest, &self.diseases, |facts, disease| Facts { disease, ..facts });
        if self.diseases.iter().any(Option::is_some) {
            rest.retain(|facts| (facts.care == CareKind::Chronic) == facts.disease.is_some());
        }
        spread(&mut rest, &self.diagnoses, |facts, diagnosis| Facts { diagnosis, ..facts });
        spread(&mut rest, &self.retirements, |facts, retired_on| Facts { retired_on, ..facts });
        if self.retirements.len() > 1 {
            // Whoever is retired has retired on some day, and nobody else has.
            rest.retain(|facts| (facts.person == PersonClass::Retired) == facts.retired_on.is_some());
        }
        spread(&mut rest, &self.places, |facts, place| Facts { place, ..facts });
        spread(&mut rest, &self.referred, |facts, referred| Facts { referred, ..facts });
        spread(&mut rest, &self.filed, |facts, filed| Facts { filed, ..facts });
        if self.filed.len() > 1 {
            // Nobody has to file for care at home.
            rest.retain(|facts| facts.filed || facts.footing != Footing::Local);
        }
        spread(&mut rest, &self.proof, |facts, proof| Facts { proof, ..facts });
        // Nothing but a long-term filing is lodged by commitment.
        let by_commitment = |facts: &Facts<'_>| facts.filed && facts.footing == Footing::OffSite(FilingClass::LongTerm);
        rest.retain(|facts| facts.proof == Proof::HandedIn || by_commitment(facts));
        spread(&mut rest, &self.joined, |facts, joined_as| Facts { joined_as, ..facts });
        for facts in &rest {
            if !visitor(facts) {
                return;
            }
        }
    }
}

fn spread<'a, V: Copy>(facts: &mut Vec<Facts<'a>>, values: &[V], with: impl Fn(Facts<'a>, V) -> Facts<'a>) {
    *facts = facts.iter().flat_map(|one| values.iter().map(|value| with(*one, *value))).collect();
}

/// All cases where rows tell them apart, else one for all.
fn pick<V: Copy>(all: &[V], named: bool) -> Vec<V> {
    if named { all.to_vec() } else { all.iter().copied().take(1).collect() }
}

/// The numbers at which something may change: the lowest, each lower bound, and the first above each upper bound.
fn corners(spans: impl Iterator<Item = Span>, lowest: i64) -> Vec<i64> {
    let mut corners: Vec<i64> = spans.flat_map(|span| [span.from, span.to.saturating_add(1)]).collect();
    corners.push(lowest);
    corners.retain(|corner| *corner >= lowest && *corner < i64::MAX);
    corners.sort_unstable();
    corners.dedup();
    corners
}

fn mentioned<'a, V: ?Sized + PartialEq>(values: impl Iterator<Item = &'a V>) -> Vec<Option<&'a V>> {
    let mut seen: Vec<Option<&'a V>> = Vec::new();
    for value in values {
        if !seen.contains(&Some(value)) {
            seen.push(Some(value));
        }
    }
    if seen.is_empty() { vec![None] } else { seen }
}

/// The diseases that rows name, the others that the book opens, and none for care that is not chronic.
fn diseases<'a>(whens: &[&'a Conditions], scope: &'a Scope, care: &[CareKind]) -> Vec<Option<&'a DiseaseCode>> {
    let mut seen: Vec<&DiseaseCode> = Vec::new();
    for disease in whens.iter().flat_map(|when| &when.disease).chain(&scope.diseases) {
        if !seen.iter().any(|seen| seen.same_disease(disease)) {
            seen.push(disease);
        }
    }
    let other = care.iter().any(|care| *care != CareKind::Chronic);
    other.then_some(None).into_iter().chain(seen.into_iter().map(Some)).collect()
}

/// The kind of care whose section a table stands in.
pub(super) fn section_of(path: &str) -> Option<CareKind> {
    let (section, _) = path.split_once('.')?;
    CareKind::ALL.into_iter().find(|care| care.word() == section)
}

/// Each beginning that rows name, and a diagnosis that none names.
fn diagnoses<'a>(whens: &[&'a Conditions]) -> Vec<Option<&'a DiagnosisCode>> {
    let mut seen: Vec<Option<&DiagnosisCode>> = vec![None];
    for named in whens.iter().flat_map(|when| when.diagnosis.named()) {
        if !seen.contains(&Some(named)) {
            seen.push(Some(named));
        }
    }
    seen
}

/// Whoever joined under no word, and each word that rows name.
fn joined<'a>(whens: &[&'a Conditions]) -> Vec<Option<&'a str>> {
    let named = whens.iter().flat_map(|when| when.joined_as.named()).map(String::as_str);
    let mut seen = vec![None];
    for word in named {
        if !seen.contains(&Some(word)) {
            seen.push(Some(word));
        }
    }
    seen
}

/// Who never retired, and the days of retirement at which something may change.
fn retirements(whens: &[&Conditions]) -> Vec<Option<Date>> {
    let mut days: Vec<Date> = Vec::new();
    for days_of in whens.iter().filter_map(|when| when.retired) {
        days.extend([Date::MIN, days_of.from]);
        days.extend(days_of.to.map(|to| to.saturating_add(1.day())));
    }
    days.sort_unstable();
    days.dedup();
    std::iter::once(None).chain(days.into_iter().map(Some)).collect()
}

/// Names the facts that the rows of the table tell apart, in the words of a rule book.
fn describe<T>(table: &Table<T>, scope: &Scope, facts: &Facts<'_>) -> String {
    let named = |of: fn(&Conditions) -> bool| table.rows.iter().any(|row| of(&row.when));
    let mut words: Vec<String> = Vec::new();
    let mut say = |depends: bool, word: String| {
        if depends {
            words.push(word);
        }
    };
    say(named(|when| when.person != Cases::ANY), facts.person.word().into());
    say(named(|when| when.level != Cases::ANY), format!("level {}", facts.level.word()));
    say(named(|when| when.care != Cases::ANY), facts.care.word().into());
    say(named(|when| when.filing != Cases::ANY), facts.footing.word().into());
    let identity = identity_word(facts.identity);
    say(named(|when| when.identity != Cases::ANY), format!("identity {identity}"));
    say(named(|when| when.age != Span::ANY), format!("age {}", facts.age));
    say(named(|when| when.stay != Span::ANY), format!("stay {}", facts.stay));
    say(named(|when| when.enrolled_months != Span::ANY), format!("{} months enrolled", facts.enrolled_months));
    say(named(|when| !when.tier.is_empty()), format!("tier {}", facts.tier.unwrap_or("?")));
    let disease = facts.disease.map(|disease| format!("disease {}", disease.as_str()));
    say(named(|when| !when.disease.is_empty()), disease.unwrap_or_else(|| "care without a chronic disease".to_owned()));
    let diagnosis = facts.diagnosis.map_or("other", DiagnosisCode::as_str);
    say(named(|when| when.diagnosis != Diagnoses::Any), format!("diagnosis {diagnosis}"));
    if let Some(day) = facts.retired_on {
        let day = if day == Date::MIN { "long ago".to_owned() } else { format!("on {day}") };
        say(named(|when| when.retired.is_some()), format!("retired {day}"));
    }
    say(named(|when| when.place != Cases::ANY), format!("place {}", scope.places.word(facts.place)));
    say(named(|when| when.referred != Cases::ANY), format!("referred {}", facts.referred));
    say(named(|when| when.filed != Cases::ANY), format!("filed {}", facts.filed));
    say(named(|when| when.proof != Cases::ANY), format!("proof {}", facts.proof.word()));
    let joined = facts.joined_as.unwrap_or("other");
    say(named(|when| when.joined_as != Joined::Any), format!("joined as {joined}"));
    if words.is_empty() { "anybody".into() } else { words.join(", ") }
}
