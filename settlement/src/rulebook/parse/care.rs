//! Reads the sections that decide what the basic fund pays: kinds of care, caps, off-site changes, unfiled care.

use crate::encounter::CareKind;
use crate::ids::DiseaseCode;
use crate::rulebook::check;
use crate::rulebook::conditions::{Cases, Footing};
use crate::rulebook::sections::{
    Above, ByAge, Cap, CareRules, Disease, Measure, OffSite, Section, Segment, SegmentBase, Unfiled,
};
use crate::rulebook::table::Table;
use crate::rulebook::word::Word;
use crate::spanned::Node;

use super::deductible::{continues, deductible};
use super::rows::{Needed, segment};
use super::{Parser, unique_ids};

/// The most that a factor on a deductible may be.
const LARGEST_FACTOR: u32 = 10;

impl Parser<'_> {
    /// Reads `[inpatient]`, `[chronic]`, `[outpatient]` or `[purchase]`.
    pub(super) fn care(&self, root: &Node<'_>, kind: CareKind) -> Option<Section<CareRules>> {
        let node = root.required_table(kind.word())?;
        let section = if node.flag("none") {
            self.clause(&node).map(Section::None)
        } else if kind == CareKind::Purchase {
            self.purchase(&node)
        } else {
            self.care_rules(&node, kind).map(Section::Rules)
        };
        node.finish();
        section
    }

    /// A purchase is paid by no fund: the section only says that it may be settled.
    fn purchase(&self, node: &Node<'_>) -> Option<Section<CareRules>> {
        self.clause(node)?;
        fn empty<T>(node: &Node<'_>, key: &str) -> Table<T> {
            Table { path: node.path_of(key), rows: Vec::new() }
        }
        Some(Section::Rules(CareRules {
            deductible: empty(node, "deductible"),
            deductible_factor: empty(node, "deductible_factor"),
            continues: empty(node, "continues"),
            ratio: empty(node, "ratio"),
            segment_base: SegmentBase::Bill,
            diseases: Vec::new(),
        }))
    }

    fn care_rules(&self, node: &Node<'_>, kind: CareKind) -> Option<CareRules> {
        let deductible = self.rows(node, "deductible", Needed::Always, |row| deductible(row, kind));
        let factor = |row: &Node<'_>| row.required_ratio("factor", LARGEST_FACTOR);
        let deductible_factor = self.rows(node, "deductible_factor", Needed::Sometimes, factor);
        let continues = match kind {
            CareKind::Inpatient => self.rows(node, "continues", Needed::Sometimes, continues),
            CareKind::Chronic | CareKind::Outpatient | CareKind::Purchase => {
                Some(Table { path: node.path_of("continues"), rows: Vec::new() })
            }
        };
        let ratio = self.rows(node, "ratio", Needed::Always, care_segment).map(|mut table| {
            // The lowest segment is covered first when a cap cuts a payment.
            table.rows.sort_by_key(|row| row.value.from);
            table
        });
        let segment_base = if node.has("segments") {
            self.choice::<SegmentBase>(node, "segments", "base").map(|(base, _)| base)
        } else {
            let bounded = |table: &Table<_>| table.rows.iter().any(|row| is_bounded(&row.value));
            if ratio.as_ref().is_some_and(bounded) {
                node.fault("has ratios with from or to, but no segments.base that says what they are measured on");
            }
            Some(SegmentBase::Bill)
        };
        let diseases = if kind == CareKind::Chronic { self.diseases(node) } else { Some(Vec::new()) };
        Some(CareRules {
            deductible: deductible?,
            deductible_factor: deductible_factor?,
            continues: continues?,
            ratio: ratio?,
            segment_base: segment_base?,
            diseases: diseases?,
        })
    }

    /// `[[chronic.disease]]`: the diseases that are settled across provinces.
    fn diseases(&self, node: &Node<'_>) -> Option<Vec<Disease>> {
        let rows = node.tables("disease");
        let named: Vec<Node<'_>> = rows
            .into_iter()
            .map(|row| {
                let path = row.path_of(row.required_text("id").unwrap_or("?"));
                row.called(path)
            })
            .collect();
        unique_ids(&named);
        named.into_iter().map(|row| self.disease(row)).collect()
    }

    fn disease(&self, row: Node<'_>) -> Option<Disease> {
        let code = row.required_form("code", "a disease code", |code| DiseaseCode::new(code).ok());
        let name = row.required_text("name").map(str::to_owned);
        let clause = self.clause(&row);
        row.finish();
        Some(Disease { code: code?, name: name?, clause: clause? })
    }

    /// `[[cap]]`: caps of the basic fund.
    pub(super) fn caps(&self, root: &Node<'_>) -> Option<Table<Cap>> {
        let (table, whole) = self.bare_rows(root, "cap", |row| {
            let counts = row.required_words::<CareKind>("counts");
            let measure = row.required_word::<Measure>("measure");
            let amount = row.money_setting("amount");
            let above = if row.has("above") { row.word("above") } else { Some(Above::Person) };
            let counts = Cases::at(counts?.into_iter().map(|care| care as usize));
            let of_disease = row.has("disease");
            Some(Cap { counts, measure: measure?, amount: amount?, above: above?, of_disease })
        });
        check::caps(&table, whole, self.whom(), self.report);
        Some(table)
    }

    /// `[[off_site]]`: how care elsewhere is paid differently.
    pub(super) fn off_site(&self, root: &Node<'_>) -> Option<Table<OffSite>> {
        self.rows(root, "off_site", Needed::Always, |row| {
            let change = OffSite {
                pre_deduct: row.ratio("pre_deduct", 1),
                points: row.ratio("points", 1),
                factor: row.ratio("factor", 1),
                not_payable: row.flag("not_payable"),
            };
            let none = row.flag("none");
            let changes = change.pre_deduct.is_some() || change.points.is_some() || change.factor.is_some();
            if [none, change.not_payable, changes].into_iter().filter(|said| *said).count() != 1 {
                row.fault("needs one of: none = true, not_payable = true, or pre_deduct, points and factor");
                return None;
            }
            Some(change)
        })
    }

    /// `[[unfiled]]`: what holds without a filing, by kind of care.
    pub(super) fn unfiled(&self, root: &Node<'_>) -> Option<Table<Unfiled>> {
        self.rows(root, "unfiled", Needed::Always, |row| {
            let wanted = format!("refuse, or {}", Footing::wanted());
            row.required_form("rule", &wanted, |word| match word {
                "refuse" => Some(Unfiled::Refuse),
                _ => Footing::read(word).map(Unfiled::TreatAs),
            })
        })
    }
}

fn is_bounded(segment: &Segment) -> bool {
    !segment.from.is_zero() || segment.to.is_some()
}

/// Reads a segment of the basic fund's ratio: it may grow with age.
fn care_segment(row: &Node<'_>) -> Option<Segment> {
    let segment = segment(row);
    let (per_year, at_most) = (row.ratio("per_year_of_age", 1), row.ratio("at_most", 1));
    let by_age = match (row.has("per_year_of_age"), row.has("at_most")) {
        (false, false) => None,
        (true, true) => Some(ByAge { per_year: per_year?, at_most: at_most? }),
        (true, false) | (false, true) => {
            row.fault("needs per_year_of_age and at_most together");
            return None;
        }
    };
    Some(Segment { by_age, ..segment? })
}
