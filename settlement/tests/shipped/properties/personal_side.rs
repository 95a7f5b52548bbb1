//! policy.md C.1 as its last line has it: account and cash are the sum of 自费, 超限价, first self-pay, pre-deduction,
//! deductible, the ratios' share and the cost above caps, less what the layers after the basic fund pay. Each part is taken
//! from the step that tells it, none from what was paid, so that it holds to the fen and not because a bill adds up.

use settlement::rulebook::ratio::Ratio;

use super::*;

/// What the steps of a result tell of the personal side.
#[derive(Debug, Default)]
struct Told {
    pre_deduction: Money,
    deductible: Money,
    /// Where each segment begins, the cost in it, and the fund's ratio.
    segments: Vec<(Money, Money, Ratio)>,
    /// In-policy cost beyond a cap on cost, which no segment holds.
    beyond: Money,
    /// What a cap still lets the fund pay, the least of all.
    left: Option<Money>,
    /// What a guaranteed share adds.
    raised: Money,
}

/// The personal side of a result adds up.
pub fn holds(adjudication: &Adjudication, settle: &Settle) -> Result<(), TestCaseError> {
    let Coverage { self_paid, over_limit, mut first_self_pay, mut in_policy } = settle.bill.coverage();
    let (mut told, mut is_basic) = (Told::default(), true);
    for step in &adjudication.steps {
        if let Step::FirstSelfPay { sent, amount, .. } = *step {
            (first_self_pay, in_policy) = (amount, in_policy + sent - amount);
        }
        is_basic &= !matches!(step, Step::Paid { .. });
        if is_basic {
            told.note(step);
        }
    }
    let base = in_policy - told.pre_deduction;
    prop_assert!(told.deductible <= base, "{told:?} of {base}");
    let cost: Money = told.segments.iter().map(|(_, cost, _)| *cost).sum();
    // What is above the deductible lies in a segment, beyond a cap on cost, or above the last segment.
    let (unsegmented, odd) = (base - told.deductible - cost, told.odd());
    prop_assert!(unsegmented + odd >= told.beyond, "{told:?} of {base}");
    let layers = [Fund::LargeSum, Fund::Catastrophic, Fund::CivilServant, Fund::Assistance];
    let upper: Money = layers.into_iter().map(|fund| adjudication.payers().funds.of(fund)).sum();
    let outside = self_paid + over_limit + first_self_pay + told.pre_deduction;
    let borne = adjudication.payers().cash + adjudication.payers().account;
    let sides = told.paid_by_ratios().map(|paid| {
        let ratio_share_and_above = cost - paid + unsegmented;
        outside + told.deductible + ratio_share_and_above - told.raised - upper
    });
    let fits = sides.into_iter().any(|side| side - odd <= borne && borne <= side + odd);
    prop_assert!(fits, "{borne} is borne, the steps come to {sides:?}: {told:?}");
    Ok(())
}

impl Told {
    fn note(&mut self, step: &Step) {
        if let Step::PreDeduction { amount, .. } = *step {
            self.pre_deduction += amount;
        } else if let Step::Deductible { borne, .. } = *step {
            self.deductible += borne;
        } else if let Step::Segment { from, cost, effective, .. } = *step {
            self.segments.push((from, cost, effective));
        } else if let Step::Derived(Derived::AboveCap { cost, .. }) = *step {
            self.beyond += if self.segments.is_empty() { cost } else { Money::ZERO };
        } else if let Step::Cap { left, .. } | Step::MonthlyCap { left, .. } = *step {
            self.left = Some(self.left.map_or(left, |other| other.min(left)));
        } else if let Step::Floor { before, raised, .. } = *step {
            self.raised = raised - before;
        }
    }

    /// What the ratios pay, rounded once or on each segment, within the caps.
    fn paid_by_ratios(&self) -> [Money; 2] {
        let once = Money::round(self.segments.iter().map(|(_, cost, ratio)| ratio.of(*cost)).sum());
        let each = self.segments.iter().map(|(_, cost, ratio)| Money::round(ratio.of(*cost))).sum();
        [once, each].map(|paid| self.left.map_or(paid, |left| paid.min(left)))
    }

    /// Segments of cost lie side by side and are told exactly. Those of what the fund has paid are cut where a payment
    /// ends: each is told to the fen and no closer.
    fn odd(&self) -> Money {
        let side_by_side = self.segments.windows(2).all(|pair| pair[0].0 + pair[0].1 == pair[1].0);
        Money::from_fen(if side_by_side { 0 } else { self.segments.len().try_into().expect("a few") })
    }
}
