//! Reads the sections that decide what is paid after the basic fund, and from the personal account.

use crate::rulebook::clause::Clause;
use crate::rulebook::conditions::Cases;
use crate::rulebook::sections::{
    AccountRule, Assistance, Catastrophic, CivilServant, LargeSum, LargeSumBase, LayerBase, LayerChange, Section,
    Segment, SegmentBase, Start, TierBase, Tilt,
};
use crate::rulebook::table::Table;
use crate::spanned::Node;

use super::Parser;
use super::caps::counts;
use super::rows::{Needed, amount, care, has_none, parts, ratio, segment};

impl Parser<'_> {
    /// Reads a layer: `none = true` with its source, or its tables.
    fn layer<'n, T>(
        &self,
        root: &Node<'n>,
        key: &'static str,
        rules: impl Fn(&Node<'n>) -> Option<T>,
    ) -> Option<Section<T>> {
        let node = root.required_table(key)?;
        let section =
            if has_none(&node) { self.clause(&node).map(Section::None) } else { rules(&node).map(Section::Rules) };
        node.finish();
        section
    }

    /// `[large_sum]`.
    pub(super) fn large_sum(&self, root: &Node<'_>) -> Option<Section<LargeSum>> {
        self.layer(root, "large_sum", |node| {
            let base = if node.has("base") { node.word("base") } else { Some(LargeSumBase::AboveCap) };
            let ratio = self.segments(node, "ratio", segment);
            let cap = self.ceilings(node, "cap", true);
            Some(LargeSum { base: base?, ratio: ratio?, cap: cap? })
        })
    }

    /// `[catastrophic]`.
    pub(super) fn catastrophic(&self, root: &Node<'_>) -> Option<Section<Catastrophic>> {
        self.layer(root, "catastrophic", |node| {
            let base = self.base(node, "base");
            let tiers = self.choice::<TierBase>(node, "tiers", "base");
            let deductible = self.rows(node, "deductible", Needed::Always, amount);
            let ratio = self.segments(node, "ratio", segment);
            let off_site = self.layer_change(node);
            let cap = self.ceilings(node, "cap", true);
            let (tier_base, _) = tiers?;
            Some(Catastrophic {
                base: base?,
                tier_base,
                deductible: deductible?,
                ratio: ratio?,
                off_site: off_site?,
                cap: cap?,
            })
        })
    }

    /// `[[….ratio]]` with segments, the lowest first.
    pub(super) fn segments(
        &self,
        node: &Node<'_>,
        key: &'static str,
        read: impl Fn(&Node<'_>) -> Option<Segment>,
    ) -> Option<Table<Segment>> {
        self.rows(node, key, Needed::Always, read).map(|mut table| {
            table.rows.sort_by_key(|row| row.value.from);
            table
        })
    }

    /// `[[catastrophic.off_site]]`: where there are rows, one for each filing.
    fn layer_change(&self, node: &Node<'_>) -> Option<Table<LayerChange>> {
        let needed = if node.has("off_site") { Needed::Always } else { Needed::Sometimes };
        self.rows(node, "off_site", needed, |row| {
            let change = LayerChange { points: row.ratio("points", 1), factor: row.ratio("factor", 1) };
            let changes = change.points.is_some() || change.factor.is_some();
            if row.flag("none") == changes {
                row.fault("needs either none = true, or points and factor");
                return None;
            }
            Some(change)
        })
    }

    /// `[civil_servant]`.
    pub(super) fn civil_servant(&self, root: &Node<'_>) -> Option<Section<CivilServant>> {
        self.layer(root, "civil_servant", |node| {
            let base = self.base(node, "base");
            let ratio = self.segments(node, "ratio", segment);
            let segment_base = self.segment_base(node, ratio.as_ref());
            if segment_base == Some(SegmentBase::FundPaid) {
                node.fault_at("segments", "fund_paid is a base of the basic fund's segments alone");
            }
            let cap = self.ceilings(node, "cap", false);
            Some(CivilServant { base: base?, segment_base: segment_base?, ratio: ratio?, cap: cap? })
        })
    }

    /// `[assistance]`. Its rows are about people with a special identity only.
    pub(super) fn assistance(&self, root: &Node<'_>) -> Option<Section<Assistance>> {
        self.layer(root, "assistance", |node| {
            let base = self.base(node, "base");
            let start = self.rows(node, "start", Needed::Always, start);
            let share = self.rows(node, "ratio", Needed::Always, ratio);
            let cap = self.ceilings(node, "cap", false);
            let tilt = self.tilt(node);
            Some(Assistance { base: base?, start: start?, ratio: share?, cap: cap?, tilt: tilt? })
        })
    }

    /// `[assistance.tilt]` and its rows. `None` only after a fault.
    fn tilt(&self, node: &Node<'_>) -> Option<Option<Tilt>> {
        if !node.has("tilt") {
            return Some(None);
        }
        let base = self.base(node, "tilt");
        let start = self.rows(node, "tilt_start", Needed::Sometimes, amount);
        let share = self.rows(node, "tilt_ratio", Needed::Always, ratio);
        let cap = self.ceilings(node, "tilt_cap", false);
        if !node.has("tilt_start") {
            node.fault_at("tilt_start", "is missing: write at least one [[assistance.tilt_start]]");
            return None;
        }
        Some(Some(Tilt { base: base?, start: start?, ratio: share?, cap: cap? }))
    }

    /// `[….base]`: which parts of the burden, in which care.
    fn base(&self, node: &Node<'_>, key: &'static str) -> Option<LayerBase> {
        let base = node.required_table(key)?;
        let includes = parts(&base, "includes");
        let care = care(&base, "care");
        let clause: Option<Clause> = self.clause(&base);
        base.finish();
        Some(LayerBase { includes: includes?, care: care?, clause: clause? })
    }

    /// `[[account]]`: which parts of the burden personal accounts may pay; `none = true` where there are none.
    pub(super) fn account(&self, root: &Node<'_>) -> Option<Table<AccountRule>> {
        self.rows(root, "account", Needed::Always, |row| {
            let covers = if row.flag("none") { Some(Cases::NONE) } else { parts(row, "covers") };
            let family = if row.has("family") { row.flag("family") } else { true };
            Some(AccountRule { covers: covers?, family })
        })
    }
}

/// Reads a start of assistance. The burden of other care does not use it up, so it is not for that care either.
fn start(row: &Node<'_>) -> Option<Start> {
    let (amount, counts) = (amount(row), counts(row));
    let counts = counts?;
    if let Some(counts) = counts {
        let care = care(row, "care")?;
        if care.both(counts) != care {
            row.fault_at("counts", "leaves out care that the row is for: name in care no other than what counts");
            return None;
        }
    }
    Some(Start { amount: amount?, counts })
}
