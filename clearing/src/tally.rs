//! What the operations of a day between two pools come to: how many of each kind, and what they move by insurance and by
//! fund. A certificate of agreement states it ([`crate::certificate`]); whoever signs works it out from its own book.

use settlement::outcome::Outcome;
use settlement::person::Insurance;
use settlement::postings::{Turn, turn_of};

use crate::obligation::Sums;
use crate::payment::ByInsurance;

/// What documents call both insurances together.
pub(crate) const TOGETHER: &str = "合计";

/// What operations come to. A settlement that is undone counts below zero, on the day on which it is undone, and above
/// zero where it is brought back: as statements count it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// 结算: operations that made a settlement.
    pub settled: u64,
    /// 撤销: operations that undid one.
    pub undone: u64,
    /// 恢复: operations that brought one back.
    pub restored: u64,
    /// What they move, in fen, by whose money it is.
    pub sums: ByInsurance<Sums>,
}

impl Tally {
    /// Adds an operation by its answer; what moves nothing, a refusal for example, changes nothing.
    pub fn add(&mut self, outcome: &Outcome) {
        let Some((turn, settled)) = turn_of(outcome) else { return };
        let (moved, sums) = (Sums::of(settled), self.sums.of_mut(settled.insurance));
        match turn {
            Turn::Enter => (self.settled, *sums) = (self.settled + 1, plus(*sums, moved)),
            Turn::Counter => (self.undone, *sums) = (self.undone + 1, plus(*sums, -moved)),
            Turn::Reinstate => (self.restored, *sums) = (self.restored + 1, plus(*sums, moved)),
        }
    }

    /// How many operations.
    pub fn operations(&self) -> u64 {
        self.settled.saturating_add(self.undone).saturating_add(self.restored)
    }

    /// What each insurance's money comes to, and both together, as documents call them.
    pub fn named(&self) -> [(&'static str, Sums); 3] {
        let of = |insurance: Insurance| (insurance.name(), *self.sums.of(insurance));
        [of(Insurance::Employee), of(Insurance::Resident), (TOGETHER, self.total())]
    }

    /// Both insurances together.
    pub fn total(&self) -> Sums {
        plus(self.sums.employee, self.sums.resident)
    }
}

fn plus(mut sums: Sums, moved: Sums) -> Sums {
    sums += moved;
    sums
}

/// Answers by which certificates are tested.
#[cfg(test)]
pub(crate) mod tests {
    use jiff::Timestamp;
    use settlement::adjudication::{Fund, FundShares, Payers};
    use settlement::bill::Coverage;
    use settlement::ids::SettlementId;
    use settlement::money::Money;
    use settlement::outcome::{Done, Settled, Undone};
    use settlement::person::PersonClass;
    use settlement::refusal::{Reason, Refusal};
    use settlement::rulebook::RuleBookHash;

    use super::*;

    /// A settlement of 1,000 yuan: so much from the basic fund, 50 from the account, the rest in cash.
    pub(crate) fn settled(insurance: Insurance, basic: i64) -> Settled {
        let mut funds = FundShares::default();
        funds.set(Fund::Basic, Money::from_yuan(basic));
        let (account, cash) = (Money::from_yuan(50), Money::from_yuan(950 - basic));
        Settled {
            settlement: SettlementId::new("310000G0000000012345").expect("an id"),
            insurance,
            coverage: Coverage { in_policy: Money::from_yuan(1_000), ..Coverage::default() },
            payers: Payers { funds, account, cash, hospital: Money::ZERO },
            family: Vec::new(),
            deductible: Money::ZERO,
            account_balance: Money::ZERO,
            filing: None,
            class: PersonClass::Working,
            civil_servant: false,
            rule_book: RuleBookHash([7; 32]),
            during_stay: false,
            explanation: [9; 32],
        }
    }

    fn accepted(done: Done) -> Outcome {
        Outcome::Accepted { decided_at: Timestamp::UNIX_EPOCH, done }
    }

    /// Two settlements of employees and one of a resident, of which one is cancelled, brought back, and reversed; what was
    /// refused and what never had an effect.
    pub(crate) fn day() -> Vec<Outcome> {
        let original = settled(Insurance::Employee, 400);
        let (balance, counter) = (Money::ZERO, original.settlement.clone());
        let reversed = |undone| accepted(Done::Reversed(Box::new(undone)));
        vec![
            accepted(Done::Settled(Box::new(original.clone()))),
            accepted(Done::Settled(Box::new(settled(Insurance::Employee, 700)))),
            accepted(Done::Settled(Box::new(settled(Insurance::Resident, 600)))),
            accepted(Done::Cancelled {
                counter: counter.clone(),
                original: Box::new(original.clone()),
                account_balance: balance,
            }),
            reversed(Undone::Cancellation { original: original.clone(), counter, account_balance: balance }),
            reversed(Undone::Settlement { original, account_balance: balance }),
            reversed(Undone::Nothing),
            Outcome::Refused(Refusal::new(Reason::Internal)),
        ]
    }

    #[test]
    fn what_is_undone_counts_below_zero_and_each_insurance_has_its_own_sums() {
        let mut tally = Tally::default();
        day().iter().for_each(|outcome| tally.add(outcome));
        assert_eq!((tally.settled, tally.undone, tally.restored, tally.operations()), (3, 2, 1, 6));
        for (whose, sums, visits, total, basic, account) in [
            ("employees'", tally.sums.employee, 1, 1_000, 700, 50),
            ("residents'", tally.sums.resident, 1, 1_000, 600, 50),
            ("both", tally.total(), 2, 2_000, 1_300, 100),
        ] {
            let yuan = [total, basic, account].map(Money::from_yuan);
            assert_eq!(
                (sums.visits, [sums.total, sums.funds.of(Fund::Basic), sums.account]),
                (visits, yuan),
                "{whose}"
            );
        }
    }
}
