//! The journal: who owes whom after each accepted operation. A [`JournalEntry`] exists only when it balances.

mod booking;

use crate::account::{AccountOf, FamilyShare, paid_by_family};
use crate::adjudication::{Fund, Payers};
use crate::ids::{InstitutionCode, PersonNumber, PoolCode};
use crate::money::Money;
use crate::person::Insurance;

pub use booking::{Booking, Turn, turn_of};

/// An account of the journal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Account {
    /// A fund of a home pool, by insurance: what it has paid.
    HomeFund {
        /// The pool.
        pool: PoolCode,
        /// Whose money; employees' and residents' never mix.
        insurance: Insurance,
        /// Which fund.
        fund: Fund,
    },
    /// The personal account of its owner, kept by the owner's pool.
    Personal {
        /// The owner's pool.
        pool: PoolCode,
        /// The owner's insurance.
        insurance: Insurance,
        /// The owner.
        owner: PersonNumber,
    },
    /// The person at the desk: cash.
    Cash {
        /// The person.
        person: PersonNumber,
    },
    /// The treatment pool as a go-between: owed by home pools, owing hospitals. Zero over every entry.
    Treatment {
        /// The pool.
        pool: PoolCode,
    },
    /// A hospital or pharmacy: what it is paid for a bill.
    Hospital {
        /// The institution.
        institution: InstitutionCode,
    },
    /// The part of a bill that the hospital bears itself.
    HospitalPart {
        /// The institution.
        institution: InstitutionCode,
    },
}

/// One line: an account and what moves, positive for what the account receives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The account.
    pub account: Account,
    /// The amount; negative for what it pays.
    pub amount: Money,
}

/// A balanced entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalEntry {
    lines: Vec<Line>,
}

/// The lines do not balance: a fault of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the entry is out of balance by {0}")]
pub struct Unbalanced(pub Money);

/// Between whom a settlement moves money.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parties {
    /// The pool that insures the person.
    pub home: PoolCode,
    /// The insurance that pays.
    pub insurance: Insurance,
    /// The person, who owns the account that pays first.
    pub person: PersonNumber,
    /// The pool that holds the institution's contract.
    pub treatment: PoolCode,
    /// Who treated.
    pub institution: InstitutionCode,
}

impl JournalEntry {
    /// Takes lines as an entry.
    ///
    /// # Errors
    /// When they do not sum to zero.
    pub fn new(lines: Vec<Line>) -> Result<JournalEntry, Unbalanced> {
        let sum: Money = lines.iter().map(|line| line.amount).sum();
        if sum.is_zero() { Ok(JournalEntry { lines }) } else { Err(Unbalanced(sum)) }
    }

    /// The entry of an accepted settlement: home funds and personal accounts pay the treatment pool, which pays the
    /// hospital together with the person's cash and the hospital's own part. What relatives' accounts pay of the
    /// accounts' part is booked on each of them.
    pub fn of_settlement(parties: &Parties, payers: &Payers, family: &[FamilyShare]) -> JournalEntry {
        let home_fund = |fund| Account::HomeFund { pool: parties.home, insurance: parties.insurance, fund };
        let treatment = Account::Treatment { pool: parties.treatment };
        let through = payers.funds.total() + payers.account;
        let mut lines: Vec<Line> =
            payers.funds.iter().map(|(fund, amount)| Line { account: home_fund(fund), amount: -amount }).collect();
        let own = Account::Personal { pool: parties.home, insurance: parties.insurance, owner: parties.person.clone() };
        lines.push(Line { account: own, amount: paid_by_family(family) - payers.account });
        lines.extend(family.iter().map(|share| {
            let AccountOf { owner, pool, insurance } = share.account.clone();
            Line { account: Account::Personal { pool, insurance, owner }, amount: -share.amount }
        }));
        lines.extend([
            Line { account: treatment.clone(), amount: through },
            Line { account: treatment, amount: -through },
            Line { account: Account::Cash { person: parties.person.clone() }, amount: -payers.cash },
            Line {
                account: Account::HospitalPart { institution: parties.institution.clone() },
                amount: -payers.hospital,
            },
            Line { account: Account::Hospital { institution: parties.institution.clone() }, amount: payers.total() },
        ]);
        lines.retain(|line| !line.amount.is_zero());
        JournalEntry::new(lines).expect("the hospital is credited with exactly what the payers are debited")
    }

    /// The same entry with every sign turned.
    pub fn counter(&self) -> JournalEntry {
        let turned = |line: &Line| Line { account: line.account.clone(), amount: -line.amount };
        JournalEntry { lines: self.lines.iter().map(turned).collect() }
    }

    /// The lines, none of them zero.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adjudication::FundShares;
    use crate::ids::RegionCode;

    #[test]
    fn an_entry_and_its_counter_balance_and_cancel_out() {
        let pool = |code| PoolCode(RegionCode::new(code).expect("a code"));
        let mut funds = FundShares::default();
        funds.set(Fund::Basic, Money::from_fen(1_878_539));
        funds.set(Fund::Catastrophic, Money::from_fen(12_345));
        let payers = Payers {
            funds,
            account: Money::from_fen(17_004),
            cash: Money::from_fen(398_202),
            hospital: Money::from_fen(50_501),
        };
        let parties = Parties {
            home: pool("410700"),
            insurance: Insurance::Employee,
            person: PersonNumber::new("41070000001").expect("a number"),
            treatment: pool("310000"),
            institution: InstitutionCode::new("H31010100001").expect("a code"),
        };
        let relative = PersonNumber::new("12000000002").expect("a number");
        let account = AccountOf { owner: relative.clone(), pool: pool("120000"), insurance: Insurance::Employee };
        let family = [FamilyShare { account, amount: Money::from_fen(7_004) }];
        let entry = JournalEntry::of_settlement(&parties, &payers, &family);
        let paid = |person: &PersonNumber| -> Money {
            let of = |line: &&Line| matches!(&line.account, Account::Personal { owner, .. } if owner == person);
            entry.lines().iter().filter(of).map(|line| line.amount).sum()
        };
        assert_eq!(paid(&parties.person), Money::from_fen(-10_000));
        assert_eq!(paid(&relative), Money::from_fen(-7_004));
        let both = entry.lines().iter().chain(entry.counter().lines().iter()).cloned().collect::<Vec<_>>();
        assert!(JournalEntry::new(entry.lines().to_vec()).is_ok());
        for line in &both {
            let balance: Money =
                both.iter().filter(|other| other.account == line.account).map(|other| other.amount).sum();
            assert_eq!(balance, Money::ZERO, "{:?}", line.account);
        }
    }

    #[test]
    fn an_unbalanced_entry_cannot_be_built() {
        let person = PersonNumber::new("1").expect("a number");
        let line = Line { account: Account::Cash { person }, amount: Money::from_fen(1) };
        assert_eq!(JournalEntry::new(vec![line]), Err(Unbalanced(Money::from_fen(1))));
    }
}
