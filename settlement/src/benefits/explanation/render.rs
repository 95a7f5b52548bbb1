//! Turns steps into lines that a clerk would say, each with its clause and source, and keeps the running remainder.
//! Called when somebody asks, never while settling. The words are in `chinese.rs` and `english.rs`, and what they need to
//! know beside the step is in [`Context`].

use std::fmt;

use super::relief::Relief;
use super::{Step, chinese, clauses, english};
use crate::adjudication::Adjudication;
use crate::bill::Coverage;
use crate::money::Money;
use crate::rulebook::sections::SegmentBase;
use crate::rulebook::{Clause, RuleBook};

/// The language of an explanation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Language {
    /// 中文.
    Chinese,
    /// English.
    English,
}

/// What nobody has paid yet. 自付 is told apart from 自费 and 超限价, which no fund looks at (policy.md C.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Left {
    /// 自付: what the person bears inside the policy so far.
    pub own_share: Money,
    /// 自费: outside the catalogue.
    pub self_paid: Money,
    /// 超限价: above price ceilings.
    pub over_limit: Money,
    /// Of the whole bill, what no account has paid either.
    pub to_pay: Money,
}

/// A line of an explanation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// What a clerk would say.
    pub text: String,
    /// What is left after it, where somebody pays in it.
    pub left: Option<Left>,
    /// The clauses applied: path, document and trust mark, and the rule's own words where the book has them. Of a payment
    /// the paths alone.
    pub clauses: Vec<String>,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        self.clauses.iter().try_for_each(|clause| write!(f, " [{clause}]"))
    }
}

impl Left {
    /// Before anybody pays.
    fn of(bill: &Coverage) -> Left {
        let Coverage { self_paid, over_limit, first_self_pay, in_policy } = *bill;
        Left { own_share: first_self_pay + in_policy, self_paid, over_limit, to_pay: bill.total() }
    }

    /// After everybody has paid.
    pub fn at_the_end(adjudication: &Adjudication) -> Left {
        let mut left = Left::of(&adjudication.coverage());
        adjudication.steps.iter().for_each(|step| left.after(step));
        left
    }

    fn after(&mut self, step: &Step) {
        let (by_fund, by_account) = paid(step);
        self.own_share -= by_fund;
        self.to_pay -= by_fund + by_account;
        if let Step::Outside { fund: _, self_paid, over_limit } = *step {
            // The payment that follows is of this, too.
            self.own_share += self_paid + over_limit;
            self.self_paid -= self_paid;
            self.over_limit -= over_limit;
        }
    }
}

/// What the words of a step depend on beside the step itself.
#[derive(Clone, Copy)]
pub(super) struct Context<'a> {
    /// The whole result.
    pub(super) result: &'a Adjudication,
    /// What nobody has paid yet after the step.
    pub(super) left: Left,
    /// Whether the basic fund's segments are measured on what it has paid.
    pub(super) by_fund_paid: bool,
    /// Whether what assistance pays is tilted assistance.
    pub(super) tilted: bool,
}

/// Says how a result came about.
pub fn render(adjudication: &Adjudication, book: &RuleBook, language: Language) -> Vec<Line> {
    let rules = book.care(adjudication.usage.care).rules();
    let by_fund_paid = rules.is_some_and(|rules| rules.segment_base == SegmentBase::FundPaid);
    let left = Left::of(&adjudication.coverage());
    let mut context = Context { result: adjudication, left, by_fund_paid, tilted: false };
    let mut relief = Relief::of(book);
    let mut lines = Vec::with_capacity(adjudication.steps.len());
    for (step, at) in adjudication.steps.iter().zip(clauses(&adjudication.steps, book)) {
        let (by_fund, by_account) = paid(step);
        context.left.after(step);
        context.tilted |= matches!(step, Step::TiltStart { .. });
        let mut text = match language {
            Language::Chinese => chinese::say(step, &context),
            Language::English => english::say(step, &context),
        };
        text.push_str(&relief.told_at(step, context.tilted, language));
        let pays = !(by_fund + by_account).is_zero() || matches!(step, Step::Paid { .. } | Step::Account { .. });
        // The clauses that a payment comes of were said in full just before it.
        let said = |clause| if step.is_payment() { book.path(clause).to_owned() } else { cite(book, clause, language) };
        let clauses = at.into_iter().map(said).collect();
        lines.push(Line { text, left: pays.then_some(context.left), clauses });
    }
    lines
}

/// What a fund pays in a step, and what an account does.
fn paid(step: &Step) -> (Money, Money) {
    match *step {
        Step::Paid { paid, .. } => (paid, Money::ZERO),
        Step::Account { paid, .. } | Step::Family { paid, .. } => (Money::ZERO, paid),
        Step::Gate { .. }
        | Step::Unfiled { .. }
        | Step::Died { .. }
        | Step::StayEntitlement { .. }
        | Step::Waited { .. }
        | Step::Place { .. }
        | Step::DeemedFiled { .. }
        | Step::Commitment { .. }
        | Step::FilingEnded { .. }
        | Step::BackHome { .. }
        | Step::BestIdentity { .. }
        | Step::UsedBeforeChange { .. }
        | Step::Floor { .. }
        | Step::Outside { .. }
        | Step::Split(_)
        | Step::FirstSelfPay { .. }
        | Step::PreDeduction { .. }
        | Step::Deductible { .. }
        | Step::Segment { .. }
        | Step::Cap { .. }
        | Step::FamilyElsewhere { .. }
        | Step::CapGrowth { .. }
        | Step::MonthlyCap { .. }
        | Step::Together { .. }
        | Step::LayerSegment { .. }
        | Step::TierSlice { .. }
        | Step::TiltStart { .. }
        | Step::Share { .. }
        | Step::CatastrophicBase { .. }
        | Step::Tier { .. }
        | Step::AssistanceStart { .. }
        | Step::Derived(_)
        | Step::Cash { .. } => (Money::ZERO, Money::ZERO),
    }
}

fn cite(book: &RuleBook, at: Clause, language: Language) -> String {
    let Some(clause) = book.clause(at) else { return format!("#{}", at.0) };
    let source = book.sources().get(clause.source);
    let document = source.map_or("", |source| source.document.as_str());
    let article = source.and_then(|source| source.article.as_deref()).unwrap_or_default();
    let trust = match language {
        Language::Chinese => clause.trust.name(),
        Language::English => clause.trust.word(),
    };
    let mut cited = format!("{} · {document}", clause.path);
    for part in [article, clause.text.as_deref().unwrap_or_default()].into_iter().filter(|part| !part.is_empty()) {
        cited = format!("{cited} {part}");
    }
    format!("{cited} · {trust}")
}
