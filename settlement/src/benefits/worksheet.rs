//! The sheet that the steps of one calculation write on, and how it becomes an [`Adjudication`].

use rust_decimal::Decimal;

use super::Case;
use super::burden::Burden;
use super::explanation::Step;
use super::gate::Admitted;
use super::stay::Before;
use crate::adjudication::{Adjudication, Fund, FundShares, Payers, Working};
use crate::bill::Coverage;
use crate::encounter::CareKind;
use crate::money::Money;
use crate::refusal::{Reason, Refusal};
use crate::rulebook::RuleBook;
use crate::rulebook::clause::Limit;
use crate::rulebook::conditions::{Cases, Facts};
use crate::rulebook::sections::{Above, Part};
use crate::rulebook::table::Table;
use crate::year_to_date::{BenefitYear, Usage, UsageSums, YearToDate};

/// More steps than most settlements take, so that the list seldom grows.
const USUAL_STEPS: usize = 16;

/// What a layer needs in order to pay: its cap, what it paid before in the year, what it takes off the person.
pub(super) struct Layer<'b> {
    pub(super) fund: Fund,
    pub(super) cap: &'b Table<Limit>,
    pub(super) before: Money,
    pub(super) parts: Cases,
}

/// One calculation under way.
pub(super) struct Worksheet<'a> {
    pub(super) book: &'a RuleBook,
    pub(super) case: &'a Case<'a>,
    pub(super) facts: Facts<'a>,
    pub(super) civil_servant: bool,
    pub(super) year: BenefitYear,
    used: YearToDate,
    /// What was settled before of the visit or stay.
    pub(super) before: Before,
    /// The bill as the home region splits it: the treatment place's split, but for a first self-pay of its own.
    pub(super) coverage: Coverage,
    /// 起付线 borne in this settlement.
    pub(super) deductible: Money,
    /// What the person still bears.
    pub(super) burden: Burden,
    /// The in-policy cost above the cap in exact fen, and who is asked to bear it.
    pub(super) above_cap: (Decimal, Above),
    /// What this settlement adds to the base of the catastrophic layer.
    pub(super) catastrophic_base: Money,
    pub(super) account: Money,
    funds: FundShares,
    steps: Vec<Step>,
}

impl<'a> Worksheet<'a> {
    /// An empty sheet for an admitted case.
    pub(super) fn open(book: &'a RuleBook, case: &'a Case<'a>, admitted: Admitted<'a>) -> Worksheet<'a> {
        let mut steps = Vec::with_capacity(USUAL_STEPS);
        steps.extend(admitted.steps.into_iter().flatten());
        Worksheet {
            book,
            case,
            facts: admitted.facts,
            civil_servant: admitted.civil_servant,
            year: admitted.year,
            used: admitted.used,
            before: admitted.before,
            coverage: case.settle.bill.coverage(),
            deductible: Money::ZERO,
            burden: Burden::default(),
            above_cap: (Decimal::ZERO, Above::Person),
            catastrophic_base: Money::ZERO,
            account: Money::ZERO,
            funds: FundShares::default(),
            steps,
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

    /// What was used before for the disease at hand.
    pub(super) fn used_for_disease(&self) -> UsageSums {
        self.facts.disease.map_or_else(UsageSums::default, |disease| self.used.of_disease(disease))
    }

    /// Lets a fund pay, taking it off some parts of the person's burden.
    pub(super) fn pay(&mut self, fund: Fund, paid: Money, before: Money, parts: Cases) {
        self.funds.set(fund, paid);
        self.burden.relieve(parts, paid);
        self.note(Step::Paid { fund, before, paid });
    }

    /// Lets a layer pay what it wants to, as far as its cap reaches.
    pub(super) fn pay_limited(&mut self, layer: Layer<'_>, wanted: Money) -> Result<(), Refusal> {
        let Layer { fund, cap, before, parts } = layer;
        let row = cap.needed(&self.facts)?;
        let mut paid = wanted;
        if !wanted.is_zero()
            && let Some(cap) = row.value.needed(self.book, row.clause)?
        {
            let left = (cap - before).at_least_zero();
            if left < wanted {
                self.note(Step::Cap { clause: row.clause, cap, used: before, left });
                paid = left;
            }
        }
        self.pay(fund, paid, before, parts);
        Ok(())
    }

    /// Books the basic fund, whose payment never was a burden.
    pub(super) fn pay_basic(&mut self, paid: Money, before: Money) {
        self.pay(Fund::Basic, paid, before, Cases::NONE);
    }

    /// Adds up.
    pub(super) fn close(mut self) -> Result<Adjudication, Refusal> {
        let cash = self.burden.total();
        self.note(Step::Cash { amount: cash });
        let payers = Payers { funds: self.funds, account: self.account, cash, hospital: Money::ZERO };
        let working = Working {
            insurance: self.book.insurance(),
            deductible: self.deductible,
            account_balance: self.case.account_balance - self.account,
            usage: self.usage(),
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
                in_policy: self.coverage.in_policy,
                basic: self.funds.of(Fund::Basic),
                large_sum: self.funds.of(Fund::LargeSum),
                catastrophic_base: self.catastrophic_base,
                catastrophic: self.funds.of(Fund::Catastrophic),
                civil_servant: self.funds.of(Fund::CivilServant),
                assistance: self.funds.of(Fund::Assistance),
            },
        };
        let disease = if care == CareKind::Chronic { encounter.disease.clone() } else { None };
        Usage { year: self.year, insurance: self.book.insurance(), care, disease, sums }
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
