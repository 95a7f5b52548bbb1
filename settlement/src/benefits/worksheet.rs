//! The sheet that the steps of one calculation write on, and how it becomes an [`Adjudication`].

use jiff::civil::Date;

use super::Case;
use super::burden::Burden;
use super::caps::{Bound, Excess};
use super::explanation::Step;
use super::gate::Admitted;
use super::growth::{self, Grown};
use super::stay::Before;
use crate::account::{FamilyShare, paid_by_family};
use crate::adjudication::{Adjudication, Fund, FundShares, Payers, Working};
use crate::bill::Coverage;
use crate::encounter::CareKind;
use crate::money::Money;
use crate::month::Month;
use crate::refusal::{Reason, Refusal};
use crate::rulebook::RuleBook;
use crate::rulebook::conditions::{Cases, Facts};
use crate::rulebook::sections::{Above, Ceiling, Part};
use crate::rulebook::table::Table;
use crate::year_to_date::{BenefitYear, Usage, UsageSums, YearToDate};

/// What a layer needs in order to pay.
pub(super) struct Layer<'b> {
    pub(super) fund: Fund,
    /// Its caps.
    pub(super) cap: &'b Table<Ceiling>,
    /// The kinds of care that share a cap which names none.
    pub(super) care: Cases,
    /// What the fund paid before in the benefit year, as the explanation says it.
    pub(super) before: Money,
    /// What counts toward the caps of what was used.
    pub(super) paid: fn(&UsageSums) -> Money,
    /// What it takes off the person.
    pub(super) parts: Cases,
}

/// One calculation under way.
pub(super) struct Worksheet<'a> {
    pub(super) book: &'a RuleBook,
    pub(super) case: &'a Case<'a>,
    pub(super) facts: Facts<'a>,
    pub(super) civil_servant: bool,
    /// The day that decides.
    pub(super) day: Date,
    /// Its month, in which monthly caps count.
    pub(super) month: Month,
    pub(super) year: BenefitYear,
    used: YearToDate,
    /// What was settled before of the visit or stay.
    pub(super) before: Before,
    /// The bill as the home region splits it: the treatment place's split, but for a first self-pay of its own.
    pub(super) coverage: Coverage,
    /// What is taken off the in-policy amount before the fund looks at it; later bills of the year go on from the rest.
    pub(super) pre_deducted: Money,
    /// 起付线 counted in this settlement, whoever bears it in the end.
    pub(super) deductible: Money,
    /// What of it the funds leave to the person, accounts included.
    deductible_borne: Money,
    /// What the person still bears.
    pub(super) burden: Burden,
    /// The in-policy cost above caps.
    pub(super) excess: Excess,
    /// What of it the large-sum layer was asked to bear.
    pub(super) large_sum_base: Money,
    /// What this settlement adds to the base of the catastrophic layer.
    pub(super) catastrophic_base: Money,
    /// What the civil-servant supplement looked at.
    pub(super) civil_servant_base: Money,
    /// What this settlement adds to the base of assistance.
    pub(super) assistance_base: Money,
    /// What this settlement adds to the base of tilted assistance.
    pub(super) tilt_base: Money,
    /// What tilted assistance paid of what the assistance fund did.
    pub(super) tilt: Money,
    /// What personal accounts pay, relatives' included.
    pub(super) account: Money,
    /// What relatives' accounts pay of it.
    pub(super) family: Vec<FamilyShare>,
    funds: FundShares,
    steps: Vec<Step>,
}

impl<'a> Worksheet<'a> {
    /// An empty sheet for an admitted case.
    pub(super) fn open(book: &'a RuleBook, case: &'a Case<'a>, admitted: Admitted<'a>) -> Worksheet<'a> {
        Worksheet {
            book,
            case,
            facts: admitted.facts,
            civil_servant: admitted.civil_servant,
            day: admitted.day,
            month: admitted.month,
            year: admitted.year,
            used: admitted.used,
            before: admitted.before,
            coverage: case.settle.bill.coverage(),
            pre_deducted: Money::ZERO,
            deductible: Money::ZERO,
            deductible_borne: Money::ZERO,
            burden: Burden::default(),
            excess: Excess::NONE,
            large_sum_base: Money::ZERO,
            catastrophic_base: Money::ZERO,
            civil_servant_base: Money::ZERO,
            assistance_base: Money::ZERO,
            tilt_base: Money::ZERO,
            tilt: Money::ZERO,
            account: Money::ZERO,
            family: Vec::new(),
            funds: FundShares::default(),
            steps: admitted.steps,
        }
    }

    /// Writes a step down.
    pub(super) fn note(&mut self, step: Step) {
        self.steps.push(step);
    }

    /// What was used before for some kinds of care.
    pub(super) fn used(&self, care: Cases) -> UsageSums {
        care.care().fold(UsageSums::default(), |sums, kind| sums + self.used.of(&[kind]))
    }

    /// What was used before that some usages stand for.
    pub(super) fn used_by(&self, counts: impl Fn(&Usage) -> bool) -> UsageSums {
        self.used.sum(counts)
    }

    /// The months in which anything was used before, the earliest first.
    pub(super) fn months_used(&self) -> Vec<Month> {
        self.used.months()
    }

    /// What was used before for the disease at hand.
    pub(super) fn used_for_disease(&self) -> UsageSums {
        self.facts.disease.map_or_else(UsageSums::default, |disease| self.used.of_disease(disease))
    }

    /// What a fund pays so far of this bill.
    pub(super) fn paid_by(&self, fund: Fund) -> Money {
        self.funds.of(fund)
    }

    /// Lets a fund pay, beside what it pays of the bill already, taking it off some parts of the person's burden.
    pub(super) fn pay(&mut self, fund: Fund, paid: Money, before: Money, parts: Cases) {
        self.funds.set(fund, self.funds.of(fund) + paid);
        let outside = [Part::SelfPaid, Part::OverLimit];
        let before_it = outside.map(|part| self.burden.of(part));
        self.burden.relieve(parts, paid);
        let [self_paid, over_limit] = [0, 1].map(|at| before_it[at] - self.burden.of(outside[at]));
        if !(self_paid + over_limit).is_zero() {
            self.note(Step::Outside { fund, self_paid, over_limit });
        }
        self.note(Step::Paid { fund, before, paid });
    }

    /// Lets a layer pay what it wants to, as far as its caps reach: the tightest binds.
    ///
    /// # Errors
    /// Where a value is not known that decides, or only so much is known of a cap and the layer wants more.
    pub(super) fn pay_limited(&mut self, layer: Layer<'_>, wanted: Money) -> Result<(), Refusal> {
        let mut paid = wanted;
        if !wanted.is_zero() {
            layer.cap.needed(&self.facts)?;
            let mut bounds: Vec<Bound> = Vec::new();
            let (known, unset): (Vec<_>, Vec<_>) =
                layer.cap.matching(&self.facts).partition(|row| match row.value.amount.known() {
                    Some(Some(amount)) => growth::grown(self, amount, row.value.growth, row.clause).is_ok(),
                    Some(None) => true,
                    None => false,
                });
            // What nobody knows is asked for last, and only where it can make a difference.
            for row in known.into_iter().chain(unset) {
                if bounds.iter().any(Bound::leaves_nothing) {
                    break;
                }
                let Ceiling { amount, growth, above, counts } = row.value;
                let Some(amount) = amount.needed(self.book, row.clause)? else { continue };
                let used = (layer.paid)(&self.used(counts.unwrap_or(layer.care)));
                // A cap that leaves enough needs not grow.
                if wanted <= amount - used {
                    continue;
                }
                let grown = growth::grown(self, amount, growth, row.clause)?;
                bounds.push(Bound::of_year((row.clause, above), grown, used));
            }
            if let Some(bound) = Bound::tightest(bounds) {
                paid = bound.of(self, wanted)?;
                if paid < wanted {
                    bound.say(self);
                }
            }
        }
        self.pay(layer.fund, paid, layer.before, layer.parts);
        Ok(())
    }

    /// What a layer asks the book for in order to know what it pays. Where its caps leave nothing, it pays nothing whatever
    /// the book says, and what nobody knows is not asked for: none, and the cap is said.
    ///
    /// # Errors
    /// Why it is not known, where it makes a difference.
    pub(super) fn asked<T>(&mut self, layer: &Layer<'_>, asked: Result<T, Refusal>) -> Result<Option<T>, Refusal> {
        let refusal = match asked {
            Ok(known) => return Ok(Some(known)),
            Err(refusal) => refusal,
        };
        match self.used_up(layer) {
            Some(step) => {
                self.note(step);
                Ok(None)
            }
            None => Err(refusal),
        }
    }

    /// The cap of a layer that leaves nothing, if any does.
    fn used_up(&self, layer: &Layer<'_>) -> Option<Step> {
        layer.cap.matching(&self.facts).find_map(|row| {
            let (clause, Ceiling { amount, growth, above, counts }) = (row.clause, row.value);
            if above == Above::Unknown {
                return None;
            }
            let Grown { cap, .. } = growth::grown(self, amount.known()??, growth, clause).ok()?;
            let used = (layer.paid)(&self.used(counts.unwrap_or(layer.care)));
            (cap <= used).then_some(Step::Cap { clause, cap, used, left: Money::ZERO })
        })
    }

    /// Books the basic fund, whose payment never was a burden.
    pub(super) fn pay_basic(&mut self, paid: Money, before: Money) {
        self.pay(Fund::Basic, paid, before, Cases::NONE);
    }

    /// Ends what funds pay: what accounts pay from here on, the person bears all the same.
    pub(super) fn end_funds(&mut self) {
        self.deductible_borne = self.burden.of(Part::Deductible);
    }

    /// Adds up.
    pub(super) fn close(mut self) -> Result<Adjudication, Refusal> {
        let cash = self.burden.total();
        self.note(Step::Cash { amount: cash });
        let payers = Payers { funds: self.funds, account: self.account, cash, hospital: Money::ZERO };
        let usage = self.usage();
        let working = Working {
            insurance: self.book.insurance(),
            deductible: self.deductible_borne,
            account_balance: self.case.account_balance - (self.account - paid_by_family(&self.family)),
            family: self.family,
            usage,
            rule_book: self.book.hash(),
            steps: self.steps,
        };
        Adjudication::new(self.case.settle.bill.coverage(), payers, working)
            .map_err(|error| Refusal::new(Reason::Internal).because(error.to_string()))
    }

    /// A purchase uses up nothing: no fund pays it.
    fn usage(&self) -> Usage {
        let (care, encounter) = (self.facts.care, &self.case.settle.encounter);
        let sums = match care {
            CareKind::Purchase => UsageSums::default(),
            CareKind::Inpatient | CareKind::Chronic | CareKind::Outpatient => UsageSums {
                stays: i64::from(care == CareKind::Inpatient && !self.before.counted),
                deductible: self.deductible,
                in_policy: self.coverage.in_policy - self.pre_deducted,
                basic: self.funds.of(Fund::Basic),
                above_cap: self.large_sum_base,
                large_sum: self.funds.of(Fund::LargeSum),
                catastrophic_base: self.catastrophic_base,
                catastrophic: self.funds.of(Fund::Catastrophic),
                civil_servant_base: self.civil_servant_base,
                civil_servant: self.funds.of(Fund::CivilServant),
                assistance_base: self.assistance_base,
                assistance: self.funds.of(Fund::Assistance),
                tilt_base: self.tilt_base,
                tilt: self.tilt,
            },
        };
        let disease = if care == CareKind::Chronic { encounter.disease.clone() } else { None };
        Usage { year: self.year, insurance: self.book.insurance(), care, disease, month: self.month, sums }
    }

    /// Puts the four parts of the split that no rule of the basic fund touches on the person.
    pub(super) fn split(&mut self, coverage: Coverage) {
        self.coverage = coverage;
        self.burden.set(Part::SelfPaid, coverage.self_paid);
        self.burden.set(Part::OverLimit, coverage.over_limit);
        self.burden.set(Part::FirstSelfPay, coverage.first_self_pay);
        self.burden.set(Part::RatioShare, coverage.in_policy);
    }
}
