//! Reads the sections that decide what the basic fund pays: kinds of care, off-site changes, unfiled care.

use crate::encounter::CareKind;
use crate::ids::DiseaseCode;
use crate::rulebook::admission::{Floor, FloorOf};
use crate::rulebook::clause::Setting;
use crate::rulebook::conditions::Footing;
use crate::rulebook::deductible::{Deductible, Due};
use crate::rulebook::ratio::Ratio;
use crate::rulebook::sections::{
    ByAge, CareRules, Disease, OffSite, Per, Section, Segment, SegmentBase, Several, SeveralCap, SeveralDeductible,
    SeveralRatio, Unfiled,
};
use crate::rulebook::table::{Row, Table};
use crate::rulebook::word::Word;
use crate::spanned::Node;

use super::deductible::{continues, deductible};
use super::rows::{Needed, days, has_none, segment};
use super::{Parser, unique_ids};

/// The most that a factor on a deductible may be.
const LARGEST_FACTOR: u32 = 10;

impl Parser<'_> {
    /// Reads `[inpatient]`, `[chronic]`, `[outpatient]` or `[purchase]`.
    pub(super) fn care(&self, root: &Node<'_>, kind: CareKind) -> Option<Section<CareRules>> {
        let node = root.required_table(kind.word())?;
        let section = if has_none(&node) {
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
            several: None,
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
        let ratio = self.segments(node, "ratio", care_segment);
        let segment_base = self.segment_base(node, ratio.as_ref());
        let (diseases, several) = if kind == CareKind::Chronic {
            (self.diseases(node), self.several(node, deductible.as_ref()))
        } else {
            (Some(Vec::new()), Some(None))
        };
        Some(CareRules {
            deductible: deductible?,
            deductible_factor: deductible_factor?,
            continues: continues?,
            ratio: ratio?,
            segment_base: segment_base?,
            diseases: diseases?,
            several: several?,
        })
    }

    /// `[….segments]`: what segments are measured on; it has to be said where there are any.
    pub(super) fn segment_base(&self, node: &Node<'_>, ratio: Option<&Table<Segment>>) -> Option<SegmentBase> {
        if node.has("segments") {
            return self.choice::<SegmentBase>(node, "segments", "base").map(|(base, _)| base);
        }
        if ratio.is_some_and(|table| table.rows.iter().any(|row| row.value.is_bounded())) {
            node.fault("has ratios with from or to, but no segments.base that says what they are measured on");
        }
        Some(SegmentBase::Bill)
    }

    /// `[chronic.several]`: what holds for people with several diseases. `None` only after a fault.
    fn several(&self, node: &Node<'_>, deductibles: Option<&Table<Deductible>>) -> Option<Option<Several>> {
        if !node.has("several") {
            return Some(None);
        }
        let node = node.required_table("several")?;
        let most = node.number("diseases_at_most");
        let diseases_at_most = most.and_then(|most| usize::try_from(most).ok()).filter(|most| *most > 0);
        if most.is_some() && diseases_at_most.is_none() {
            node.fault_at("diseases_at_most", "is not a number of diseases, at least 1");
        }
        let cap = if node.has("cap") { node.word("cap") } else { Some(SeveralCap::Each) };
        let ratio = if node.has("ratio") { node.word("ratio") } else { Some(SeveralRatio::Own) };
        let deductible = node.word("deductible");
        let of_visit = |row: &Row<Deductible>| row.value.per == Per::Stay && row.value.due != Due::Nothing;
        let any_of_visit = deductibles.is_some_and(|table| table.rows.iter().any(of_visit));
        if deductible == Some(SeveralDeductible::One) && any_of_visit {
            let rule = "one goes with per = \"year\" or \"cycle\": a [[chronic.deductible]] with per = \"stay\" is borne \
                        at every visit";
            node.fault_at("deductible", rule);
        }
        let clause = self.clause(&node);
        node.finish();
        Some(Some(Several { diseases_at_most, cap: cap?, ratio: ratio?, deductible, clause: clause? }))
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
        let open = days(&row, "from", "to");
        let clause = self.clause(&row);
        row.finish();
        Some(Disease { code: code?, name: name?, open: open?, clause: clause? })
    }

    /// `[[off_site]]`: how care elsewhere is paid differently.
    pub(super) fn off_site(&self, root: &Node<'_>) -> Option<Table<OffSite>> {
        self.rows(root, "off_site", Needed::Always, |row| {
            let change = OffSite {
                pre_deduct: row.ratio("pre_deduct", 1),
                points: row.ratio("points", 1),
                factor: row.ratio("factor", 1),
                floor: floor(row),
                not_payable: row.flag("not_payable"),
            };
            let none = row.flag("none");
            let ratios = [change.pre_deduct, change.points, change.factor];
            let changes = ratios.iter().any(Option::is_some) || row.has("floor");
            if [none, change.not_payable, changes].into_iter().filter(|said| *said).count() != 1 {
                row.fault("needs one of: none = true, not_payable = true, or pre_deduct, points, factor and floor");
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

/// `floor` and `floor_of`: a share that the basic fund pays at least.
fn floor(row: &Node<'_>) -> Option<Floor<Setting<Ratio>>> {
    let (share, of) = (row.ratio("floor", 1), row.word::<FloorOf>("floor_of"));
    if row.has("floor") != row.has("floor_of") {
        row.fault("needs both floor and floor_of (in_policy or total), or neither");
    }
    Some(Floor { share: share?, of: of? })
}
