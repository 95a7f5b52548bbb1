//! 计算过程: every step of a calculation as a small value, so that writing them down costs next to nothing.
//! Words are made on demand by [`render`]; [`digest`] is what a stored settlement keeps of them.

mod chinese;
mod derived;
mod encoding;
mod english;
mod parts;
mod relief;
mod render;
mod year;

use jiff::civil::Date;

pub use derived::Derived;
pub use encoding::digest;
pub use parts::{Datum, Parts};
pub use render::{Language, Left, Line, render};
pub use year::YearSoFar;

use crate::adjudication::Fund;
use crate::bill::Coverage;
use crate::encounter::{CareKind, HospitalLevel};
use crate::filing::FilingClass;
use crate::ids::PoolCode;
use crate::money::Money;
use crate::month::Month;
use crate::person::{AssistanceClass, Insurance, PersonClass};
use crate::rulebook::RuleBook;
use crate::rulebook::admission::{FloorOf, StayEntitlement};
use crate::rulebook::clause::Clause;
use crate::rulebook::conditions::Footing;
use crate::rulebook::ratio::Ratio;
use crate::rulebook::sections::Per;
use crate::year_to_date::BenefitYear;

/// One step: the clause that it applies, what it applies it to, what came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Who is treated where, and on what footing.
    Gate {
        /// The person's class.
        person: PersonClass,
        /// The institution's level.
        level: HospitalLevel,
        /// The kind of care.
        care: CareKind,
        /// At home or elsewhere, and why.
        footing: Footing,
        /// What the footing rests on.
        standing: Standing,
        /// The special identity.
        identity: Option<AssistanceClass>,
        /// Age in full years.
        age: i64,
        /// Which stay of the benefit year.
        stay: i64,
        /// The benefit year.
        year: BenefitYear,
    },
    /// No filing covers the visit; the book treats the person as on a footing.
    Unfiled {
        /// The rule.
        clause: Clause,
        /// The footing.
        footing: Footing,
    },
    /// The person died before the settlement: the day of death decides.
    Died {
        /// The day.
        day: Date,
    },
    /// On which day of the stay the person had to be entitled.
    StayEntitlement {
        /// The rule.
        clause: Clause,
        /// What it asks for.
        on: StayEntitlement,
        /// The day of admission, or the last day of the stay.
        day: Date,
    },
    /// A waiting period that is over.
    Waited {
        /// The rule.
        clause: Clause,
        /// From when it was counted.
        began: Date,
        /// The first day with benefits.
        first: Date,
    },
    /// The treatment place is one that the book names.
    Place {
        /// Where it does.
        clause: Clause,
    },
    /// A filing that the book deems lodged.
    DeemedFiled {
        /// The rule.
        clause: Clause,
        /// The footing.
        footing: Footing,
    },
    /// A long-term filing by commitment that was not made good: it counts as one of another class.
    Commitment {
        /// The rule.
        clause: Clause,
        /// The class.
        class: FilingClass,
    },
    /// A filing without an end that covers the admission no more.
    FilingEnded {
        /// The rule.
        clause: Clause,
        /// Its last day.
        last: Date,
    },
    /// Care at home of somebody with a long-term filing.
    BackHome {
        /// The rule.
        clause: Clause,
        /// The footing.
        footing: Footing,
    },
    /// The best of several special identities.
    BestIdentity {
        /// The rule.
        clause: Clause,
        /// Which it is.
        identity: AssistanceClass,
        /// How many there are.
        among: i64,
    },
    /// What was used under another insurance of the year counts too.
    UsedBeforeChange {
        /// The rule.
        clause: Clause,
        /// The in-policy amount of both.
        in_policy: Money,
    },
    /// What a fund pays next of what lies outside the policy.
    Outside {
        /// The fund.
        fund: Fund,
        /// Of 自费.
        self_paid: Money,
        /// Of 超限价.
        over_limit: Money,
    },
    /// The basic fund's payment raised to its guaranteed share.
    Floor {
        /// The rule.
        clause: Clause,
        /// What it is a share of.
        of: FloorOf,
        /// The same as an amount.
        base: Money,
        /// The share.
        share: Ratio,
        /// What the fund would pay without it.
        before: Money,
        /// What it pays.
        raised: Money,
    },
    /// The bill as the treatment place split it.
    Split(Coverage),
    /// The home region's own first self-pay in place of the one sent.
    FirstSelfPay {
        /// The rule.
        clause: Clause,
        /// Gross class-B charges.
        class_b: Money,
        /// The share.
        ratio: Ratio,
        /// What the treatment place sent.
        sent: Money,
        /// What takes its place.
        amount: Money,
    },
    /// A share of the in-policy amount that the person bears before all else.
    PreDeduction {
        /// The rule.
        clause: Clause,
        /// The in-policy amount.
        in_policy: Money,
        /// The share.
        ratio: Ratio,
        /// What it comes to.
        amount: Money,
    },
    /// 起付线.
    Deductible {
        /// The rule.
        clause: Clause,
        /// Its sum.
        amount: Money,
        /// A factor on it, with its rule.
        factor: Option<(Clause, Ratio)>,
        /// How often it is due.
        per: Per,
        /// What was borne of it before.
        before: Money,
        /// The benefit base.
        base: Money,
        /// What is borne now.
        borne: Money,
    },
    /// A segment of the basic fund.
    Segment {
        /// The ratio's rule.
        clause: Clause,
        /// The off-site rule, for care elsewhere.
        change: Option<Clause>,
        /// Where the cost begins on the scale of the segments.
        from: Money,
        /// The cost in the segment.
        cost: Money,
        /// The home ratio.
        ratio: Ratio,
        /// The ratio after the off-site change.
        effective: Ratio,
    },
    /// A cap that cuts a payment.
    Cap {
        /// The rule.
        clause: Clause,
        /// Its sum.
        cap: Money,
        /// What was used of it before.
        used: Money,
        /// What is left of it.
        left: Money,
    },
    /// What long enrolment and years without a claim add to a cap.
    CapGrowth {
        /// The rule.
        clause: Clause,
        /// The cap's sum without it.
        amount: Money,
        /// Full years of enrolment that count.
        years: i64,
        /// Benefit years without a claim that count.
        claim_free_years: i64,
        /// What is added.
        plus: Money,
    },
    /// A month's cap that cuts a payment.
    MonthlyCap {
        /// The rule; of several diseases' caps the first one's.
        clause: Clause,
        /// The month.
        month: Month,
        /// The sum for a month.
        cap: Money,
        /// What the month may use in all, with what earlier months left.
        available: Money,
        /// What was used in the month before.
        used: Money,
        /// What is left.
        left: Money,
    },
    /// What several chronic diseases of the person have together.
    Together {
        /// The rule about several diseases.
        clause: Clause,
        /// What they have together.
        what: Together,
        /// How many diseases count.
        diseases: i64,
    },
    /// The share of a layer in one segment.
    LayerSegment {
        /// The layer.
        fund: Fund,
        /// The rule.
        clause: Clause,
        /// Where the cost begins on the scale of the segments.
        from: Money,
        /// The cost in the segment.
        cost: Money,
        /// The share.
        ratio: Ratio,
    },
    /// The share of a layer.
    Share {
        /// The layer.
        fund: Fund,
        /// The rule.
        clause: Clause,
        /// What it is a share of.
        base: Money,
        /// The share.
        ratio: Ratio,
    },
    /// What the catastrophic layer looks at.
    CatastrophicBase {
        /// The rule about its base.
        clause: Clause,
        /// The rule about its deductible.
        threshold: Clause,
        /// The base before, in this benefit year.
        so_far: Money,
        /// What this bill adds.
        now: Money,
        /// The layer's deductible.
        deductible: Money,
    },
    /// A tier of the catastrophic layer, over the whole year.
    Tier {
        /// The rule.
        clause: Clause,
        /// Where the cost begins on the scale of the tiers.
        from: Money,
        /// The cost in the tier.
        cost: Money,
        /// The share.
        ratio: Ratio,
    },
    /// A tier of the catastrophic layer, for this bill's part of the year's base.
    TierSlice {
        /// The rule.
        clause: Clause,
        /// The rule about care elsewhere, for such care.
        change: Option<Clause>,
        /// Where the cost begins on the scale of the tiers.
        from: Money,
        /// The cost in the tier.
        cost: Money,
        /// The share.
        ratio: Ratio,
        /// The share after the change.
        effective: Ratio,
    },
    /// From what burden on tilted assistance pays.
    TiltStart {
        /// The rule.
        clause: Clause,
        /// Its sum.
        start: Money,
        /// What the person bore before in this benefit year.
        so_far: Money,
        /// What the person bears of this bill after assistance.
        burden: Money,
    },
    /// From what burden on assistance pays.
    AssistanceStart {
        /// The rule.
        clause: Clause,
        /// Its sum.
        start: Money,
        /// What the person bore before in this benefit year.
        so_far: Money,
        /// What the person bears of this bill.
        burden: Money,
    },
    /// What a fund pays.
    Paid {
        /// The fund.
        fund: Fund,
        /// What it paid before, in this benefit year.
        before: Money,
        /// What it pays now.
        paid: Money,
    },
    /// What the personal account pays.
    Account {
        /// The rule.
        clause: Clause,
        /// What it may pay.
        open: Money,
        /// Its balance before.
        balance: Money,
        /// What it pays.
        paid: Money,
    },
    /// What a relative's account pays.
    Family {
        /// The rule.
        clause: Clause,
        /// Which of the shares of the result's family it is, counted from 0.
        share: usize,
        /// The pool of the account's owner.
        pool: PoolCode,
        /// The insurance of the account's owner.
        insurance: Insurance,
        /// What it may pay.
        open: Money,
        /// Its balance before.
        balance: Money,
        /// What it pays.
        paid: Money,
    },
    /// A relative's account that another node keeps: it cannot pay here.
    FamilyElsewhere {
        /// The rule.
        clause: Clause,
        /// The pool of the account's owner.
        pool: PoolCode,
        /// The insurance of the account's owner.
        insurance: Insurance,
    },
    /// What is left for the person to pay.
    Cash {
        /// The sum.
        amount: Money,
    },
    /// A value that the next step applies.
    Derived(Derived),
}

/// What a footing rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// A filing, or a mark that counts as one; or nothing, where none is needed at home.
    Filed,
    /// A long-term filing by commitment that was not made good, where the region's rules take it as one all the same.
    Committed,
    /// The region's rules, which ask for no filing or put another class in the place of the one filed.
    Deemed,
    /// Nothing is filed that should be.
    Unfiled,
}

impl Standing {
    /// The word in explanations for programs.
    pub fn word(self) -> &'static str {
        match self {
            Standing::Filed => "filed",
            Standing::Committed => "commitment",
            Standing::Deemed => "deemed",
            Standing::Unfiled => "unfiled",
        }
    }
}

/// What several chronic diseases have together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Together {
    /// The highest of their caps.
    HighestCap,
    /// The two highest of their caps, added up.
    TopTwoCaps,
    /// The ratios of the one that is paid best.
    HighestRatio,
}

/// The clauses of every step of a result, the chief one of each first. A payment has those of the shares, deductibles and
/// caps that it comes of. Only the cash has none: it is what is left by arithmetic.
pub fn clauses(steps: &[Step], book: &RuleBook) -> Vec<Vec<Clause>> {
    let mut comes_of: Vec<Clause> = Vec::new();
    let of_step = |step: &Step| {
        if step.is_payment() {
            return std::mem::take(&mut comes_of);
        }
        let clauses: Vec<Clause> = step.clauses(book).collect();
        let chief = clauses.first().filter(|chief| step.decides_a_payment() && !comes_of.contains(*chief));
        comes_of.extend(chief);
        clauses
    };
    steps.iter().map(of_step).collect()
}

impl Step {
    /// Whether a fund pays in it.
    fn is_payment(&self) -> bool {
        matches!(self, Step::Paid { .. })
    }

    /// Whether the payment after it comes of it.
    fn decides_a_payment(&self) -> bool {
        matches!(
            self,
            Step::Deductible { .. }
                | Step::Segment { .. }
                | Step::Cap { .. }
                | Step::MonthlyCap { .. }
                | Step::Floor { .. }
                | Step::LayerSegment { .. }
                | Step::Share { .. }
                | Step::CatastrophicBase { .. }
                | Step::Tier { .. }
                | Step::TierSlice { .. }
                | Step::AssistanceStart { .. }
                | Step::TiltStart { .. }
        )
    }

    /// The clauses that it applies, the chief one first; of what the book's general tables decide, those tables.
    fn clauses(&self, book: &RuleBook) -> impl Iterator<Item = Clause> {
        let pair = match *self {
            Step::Gate { .. } => [Some(book.decision_clause()), Some(book.benefit_year_clause())],
            Step::Died { .. } => [Some(book.decision_clause()), None],
            Step::Split(_) => [Some(book.first_self_pay.1), None],
            Step::Paid { .. } | Step::Outside { .. } | Step::Cash { .. } => [None, None],
            Step::Deductible { clause, factor, .. } => [Some(clause), factor.map(|(clause, _)| clause)],
            Step::Segment { clause, change, .. } | Step::TierSlice { clause, change, .. } => [Some(clause), change],
            Step::CatastrophicBase { clause, threshold, .. } => [Some(threshold), Some(clause)],
            Step::Derived(derived) => [Some(derived.clause()), None],
            Step::Unfiled { clause, .. }
            | Step::StayEntitlement { clause, .. }
            | Step::Waited { clause, .. }
            | Step::Place { clause }
            | Step::DeemedFiled { clause, .. }
            | Step::Commitment { clause, .. }
            | Step::FilingEnded { clause, .. }
            | Step::BackHome { clause, .. }
            | Step::BestIdentity { clause, .. }
            | Step::UsedBeforeChange { clause, .. }
            | Step::Floor { clause, .. }
            | Step::FirstSelfPay { clause, .. }
            | Step::PreDeduction { clause, .. }
            | Step::Cap { clause, .. }
            | Step::CapGrowth { clause, .. }
            | Step::MonthlyCap { clause, .. }
            | Step::Together { clause, .. }
            | Step::LayerSegment { clause, .. }
            | Step::TiltStart { clause, .. }
            | Step::Share { clause, .. }
            | Step::Tier { clause, .. }
            | Step::AssistanceStart { clause, .. }
            | Step::Family { clause, .. }
            | Step::FamilyElsewhere { clause, .. }
            | Step::Account { clause, .. } => [Some(clause), None],
        };
        pair.into_iter().flatten()
    }
}
