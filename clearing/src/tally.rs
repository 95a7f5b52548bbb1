//! What the operations of a day between two pools come to: how many of each kind, and what they move by insurance and by
//! fund. A certificate of agreement states it ([`crate::certificate`]); whoever signs works it out from its own book.

use std::ops::Neg;

use settlement::account::{AccountOf, FamilyShare};
use settlement::ids::PoolCode;
use settlement::money::Money;
use settlement::outcome::{Outcome, Settled};
use settlement::person::Insurance;
use settlement::postings::{Turn, turn_of};

use crate::obligation::Sums;
use crate::payment::ByInsurance;

/// What documents call both insurances together.
pub(crate) const TOGETHER: &str = "合计";
/// What documents call [`Tally::elsewhere`].
pub const ELSEWHERE: &str = "其他统筹区个人账户";

/// As whose money a relative's account (家庭共济) counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Family {
    /// Its owner's, as statements have it: in the owner's insurance, and apart where another pool insures the owner.
    #[default]
    Owners,
    /// The patient's. So the first certificates that stated sums had it, and are checked still.
    Patients,
}

/// What operations come to. A settlement that is undone counts below zero, on the day on which it is undone, and above
/// zero where it is brought back: as statements count it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// As whose money relatives' accounts count.
    pub family: Family,
    /// 结算: operations that made a settlement.
    pub settled: u64,
    /// 撤销: operations that undid one.
    pub undone: u64,
    /// 恢复: operations that brought one back.
    pub restored: u64,
    /// What they move of the home pool's money, in fen, by whose money it is; visits and charges are the patient's.
    pub sums: ByInsurance<Sums>,
    /// 其他统筹区个人账户: what they move of the accounts of relatives whom other pools insure, which those pools owe.
    pub elsewhere: Money,
}

/// What an operation moves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// Of the home pool's money, by whose it is.
    pub sums: ByInsurance<Sums>,
    /// Of relatives' accounts of other pools.
    pub elsewhere: Money,
}

impl Moved {
    /// What an operation of a home pool's moves by its answer; none where it moves nothing, a refusal for example.
    pub fn by(outcome: &Outcome, home: PoolCode, family: Family) -> Option<(Turn, Moved)> {
        let (turn, settled) = turn_of(outcome)?;
        let entered = Moved::entered(settled, home, family);
        let moved = match turn {
            Turn::Enter | Turn::Reinstate => entered,
            Turn::Counter => Moved { sums: entered.sums.map(Neg::neg), elsewhere: -entered.elsewhere },
        };
        Some((turn, moved))
    }

    fn entered(settled: &Settled, home: PoolCode, family: Family) -> Moved {
        let mut moved = Moved::default();
        *moved.sums.of_mut(settled.insurance) = Sums::of(settled);
        let shares = match family {
            Family::Owners => settled.family.as_slice(),
            Family::Patients => &[],
        };
        for FamilyShare { account: AccountOf { owner: _, pool, insurance }, amount } in shares {
            moved.sums.of_mut(settled.insurance).account -= *amount;
            let owners = if *pool == home { &mut moved.sums.of_mut(*insurance).account } else { &mut moved.elsewhere };
            *owners += *amount;
        }
        moved
    }
}

impl Tally {
    /// Of no operations yet.
    pub fn counting(family: Family) -> Tally {
        Tally { family, ..Tally::default() }
    }

    /// Adds an operation of a home pool's by its answer; what moves nothing, a refusal for example, changes nothing.
    pub fn add(&mut self, outcome: &Outcome, home: PoolCode) {
        let Some((turn, moved)) = Moved::by(outcome, home, self.family) else { return };
        let counted = match turn {
            Turn::Enter => &mut self.settled,
            Turn::Counter => &mut self.undone,
            Turn::Reinstate => &mut self.restored,
        };
        *counted += 1;
        for (insurance, sums) in moved.sums.iter() {
            *self.sums.of_mut(insurance) += *sums;
        }
        self.elsewhere += moved.elsewhere;
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

    /// Both insurances together: what is not [`Tally::elsewhere`].
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
    use settlement::encounter::CareKind;
    use settlement::ids::{InstitutionCode, PersonNumber, RegionCode, SettlementId};
    use settlement::outcome::{Done, Undone};
    use settlement::person::PersonClass;
    use settlement::postings::{JournalEntry, Parties};
    use settlement::refusal::{Reason, Refusal};
    use settlement::rulebook::RuleBookHash;

    use super::*;
    use crate::obligation::{Lot, Posting, postings};

    pub(crate) fn home() -> PoolCode {
        pool("410700")
    }

    fn pool(code: &str) -> PoolCode {
        PoolCode(RegionCode::new(code).expect("a code"))
    }

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
        day().iter().for_each(|outcome| tally.add(outcome, home()));
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

    /// A resident child's settlement, whose account pays 50: 20 of it the child's own, 18 an employee's of the same pool, 5
    /// another resident's of it, and 7 an employee's whom another pool insures.
    pub(crate) fn with_family() -> Settled {
        let share = |owner, code, insurance, yuan| {
            let account = AccountOf { owner: PersonNumber::new(owner).expect("a number"), pool: pool(code), insurance };
            FamilyShare { account, amount: Money::from_yuan(yuan) }
        };
        let family = vec![
            share("2", "410700", Insurance::Employee, 18),
            share("3", "410700", Insurance::Resident, 5),
            share("4", "120000", Insurance::Employee, 7),
        ];
        Settled { family, ..settled(Insurance::Resident, 600) }
    }

    #[test]
    fn relatives_accounts_count_as_their_owners_money_and_other_pools_apart() {
        let settled = accepted(Done::Settled(Box::new(with_family())));
        let cancelled = accepted(Done::Cancelled {
            counter: with_family().settlement,
            original: Box::new(with_family()),
            account_balance: Money::ZERO,
        });
        for (family, employees, residents, elsewhere) in [(Family::Owners, 18, 25, 7), (Family::Patients, 0, 50, 0)] {
            let mut tally = Tally::counting(family);
            tally.add(&settled, home());
            let account = |sums: Sums| sums.account;
            let found = [account(tally.sums.employee), account(tally.sums.resident), tally.elsewhere];
            assert_eq!(found, [employees, residents, elsewhere].map(Money::from_yuan), "{family:?}");
            // The visit, its charges and the funds are the child's.
            let of_the_child = Sums { account: Money::ZERO, ..tally.sums.resident };
            assert_eq!((of_the_child.visits, of_the_child.total), (1, Money::from_yuan(1_000)), "{family:?}");
            let others = Sums { account: Money::ZERO, ..tally.sums.employee };
            assert!(others.is_nothing(), "{family:?}");
            tally.add(&cancelled, home());
            let counts = Tally { settled: 1, undone: 1, ..Tally::counting(family) };
            assert_eq!(tally, counts, "{family:?}: nothing is left");
        }
    }

    /// Certificates and statements say the same of one settlement.
    #[test]
    fn a_tally_is_what_statements_owe() {
        let settled = with_family();
        let institution = InstitutionCode::new("H31010100001").expect("a code");
        let (insurance, person) = (settled.insurance, PersonNumber::new("1").expect("a number"));
        let parties = Parties { home: home(), insurance, person, treatment: pool("310000"), institution };
        let entry = JournalEntry::of_settlement(&parties, &settled.payers, &settled.family);
        let lot = Lot { home: home(), treatment: pool("310000"), insurance, care: CareKind::Outpatient };
        let mut owed = (ByInsurance::<Sums>::default(), Money::ZERO);
        for Posting { lot, sums } in postings(lot, Turn::Enter, entry.lines()) {
            if lot.home == home() {
                *owed.0.of_mut(lot.insurance) += sums;
            } else {
                owed.1 += sums.owed();
            }
        }
        let mut tally = Tally::default();
        tally.add(&accepted(Done::Settled(Box::new(settled))), home());
        assert_eq!((tally.sums, tally.elsewhere), owed);
    }
}
