//! Reads the sections that decide what is paid after the basic fund, and from the personal account.

use crate::rulebook::clause::Clause;
use crate::rulebook::conditions::Cases;
use crate::rulebook::sections::{Assistance, Catastrophic, CivilServant, LargeSum, LayerBase, Section, TierBase};
use crate::rulebook::table::Table;
use crate::spanned::Node;

use super::Parser;
use super::rows::{Needed, amount, care, limit, parts, ratio, segment};

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
            if node.flag("none") { self.clause(&node).map(Section::None) } else { rules(&node).map(Section::Rules) };
        node.finish();
        section
    }

    /// `[large_sum]`.
    pub(super) fn large_sum(&self, root: &Node<'_>) -> Option<Section<LargeSum>> {
        self.layer(root, "large_sum", |node| {
            let ratio = self.rows(node, "ratio", Needed::Always, ratio);
            let cap = self.rows(node, "cap", Needed::Always, limit);
            Some(LargeSum { ratio: ratio?, cap: cap? })
        })
    }

    /// `[catastrophic]`.
    pub(super) fn catastrophic(&self, root: &Node<'_>) -> Option<Section<Catastrophic>> {
        self.layer(root, "catastrophic", |node| {
            let base = self.base(node);
            let tiers = self.choice::<TierBase>(node, "tiers", "base");
            let deductible = self.rows(node, "deductible", Needed::Always, amount);
            let ratio = self.rows(node, "ratio", Needed::Always, segment);
            let cap = self.rows(node, "cap", Needed::Always, limit);
            let (tier_base, _) = tiers?;
            Some(Catastrophic { base: base?, tier_base, deductible: deductible?, ratio: ratio?, cap: cap? })
        })
    }

    /// `[civil_servant]`.
    pub(super) fn civil_servant(&self, root: &Node<'_>) -> Option<Section<CivilServant>> {
        self.layer(root, "civil_servant", |node| {
            let base = self.base(node);
            let ratio = self.rows(node, "ratio", Needed::Always, ratio);
            let cap = self.rows(node, "cap", Needed::Always, limit);
            Some(CivilServant { base: base?, ratio: ratio?, cap: cap? })
        })
    }

    /// `[assistance]`. Its rows are about people with a special identity only.
    pub(super) fn assistance(&self, root: &Node<'_>) -> Option<Section<Assistance>> {
        self.layer(root, "assistance", |node| {
            let base = self.base(node);
            let start = self.rows(node, "start", Needed::Always, amount);
            let ratio = self.rows(node, "ratio", Needed::Always, ratio);
            let cap = self.rows(node, "cap", Needed::Always, limit);
            Some(Assistance { base: base?, start: start?, ratio: ratio?, cap: cap? })
        })
    }

    /// `[….base]`: which parts of the burden, in which care.
    fn base(&self, node: &Node<'_>) -> Option<LayerBase> {
        let base = node.required_table("base")?;
        let includes = parts(&base, "includes");
        let care = care(&base, "care");
        let clause: Option<Clause> = self.clause(&base);
        base.finish();
        Some(LayerBase { includes: includes?, care: care?, clause: clause? })
    }

    /// `[[account]]`: which parts of the burden the personal account may pay; `none = true` where there is none.
    pub(super) fn account(&self, root: &Node<'_>) -> Option<Table<Cases>> {
        self.rows(root, "account", Needed::Always, |row| {
            if row.flag("none") { Some(Cases::NONE) } else { parts(row, "covers") }
        })
    }
}
