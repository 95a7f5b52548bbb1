//! 待遇计算: what applying a rule book to a bill gave. An [`Adjudication`] exists only when it adds up.

use std::ops::{AddAssign, Neg};

use crate::account::{FamilyShare, paid_by_family};
use crate::benefits::explanation::Step;
use crate::bill::Coverage;
use crate::money::Money;
use crate::person::Insurance;
use crate::rulebook::RuleBookHash;
use crate::year_to_date::Usage;

/// The payers other than the person, in the order in which they pay (policy.md C.1 steps 9 to 14).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fund {
    /// 基本医疗保险统筹基金.
    Basic,
    /// 职工大额医疗费用补助.
    LargeSum,
    /// 大病保险.
    Catastrophic,
    /// 公务员医疗补助.
    CivilServant,
    /// 医疗救助.
    Assistance,
}

impl Fund {
    /// Every fund, in the order of payment.
    pub const ALL: [Fund; 5] = [Fund::Basic, Fund::LargeSum, Fund::Catastrophic, Fund::CivilServant, Fund::Assistance];

    /// The word in rule books, messages and books.
    pub fn word(self) -> &'static str {
        match self {
            Fund::Basic => "basic",
            Fund::LargeSum => "large-sum",
            Fund::Catastrophic => "catastrophic",
            Fund::CivilServant => "civil-servant",
            Fund::Assistance => "assistance",
        }
    }

    /// The fund that a word names.
    pub fn from_word(word: &str) -> Option<Fund> {
        Fund::ALL.into_iter().find(|fund| fund.word() == word)
    }

    /// What a desk calls it.
    pub fn name(self) -> &'static str {
        match self {
            Fund::Basic => "统筹基金",
            Fund::LargeSum => "大额补助",
            Fund::Catastrophic => "大病保险",
            Fund::CivilServant => "公务员补助",
            Fund::Assistance => "医疗救助",
        }
    }

    /// The national code (`fund_pay_type`). One core system sends catastrophic money as 330100 across provinces; it
    /// keeps its own code here, so that a desk can tell it from the large-sum layer.
    pub fn national_code(self, insurance: Insurance) -> &'static str {
        match (self, insurance) {
            (Fund::Basic, Insurance::Employee) => "310100",
            (Fund::Basic, Insurance::Resident) => "390100",
            (Fund::LargeSum, _) => "330100",
            (Fund::Catastrophic, Insurance::Employee) => "310300",
            (Fund::Catastrophic, Insurance::Resident) => "390200",
            (Fund::CivilServant, _) => "320100",
            (Fund::Assistance, _) => "610100",
        }
    }
}

/// What each fund pays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct FundShares([Money; Fund::ALL.len()]);

impl FundShares {
    /// What a fund pays.
    pub fn of(&self, fund: Fund) -> Money {
        self.0[fund as usize]
    }

    /// Sets what a fund pays.
    pub fn set(&mut self, fund: Fund, amount: Money) {
        self.0[fund as usize] = amount;
    }

    /// All funds together (`fund_pay_sumamt`).
    pub fn total(&self) -> Money {
        self.0.iter().copied().sum()
    }

    /// Each fund with its payment, in the order of payment.
    pub fn iter(&self) -> impl Iterator<Item = (Fund, Money)> {
        Fund::ALL.into_iter().zip(self.0)
    }
}

impl AddAssign for FundShares {
    fn add_assign(&mut self, other: FundShares) {
        self.0.iter_mut().zip(other.0).for_each(|(sum, amount)| *sum += amount);
    }
}

impl Neg for FundShares {
    type Output = FundShares;
    fn neg(self) -> FundShares {
        FundShares(self.0.map(Neg::neg))
    }
}

/// A bill by payer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Payers {
    /// What each fund pays.
    pub funds: FundShares,
    /// 个人账户 (`acct_pay`), relatives' accounts included.
    pub account: Money,
    /// 现金 (`psn_cash_pay`).
    pub cash: Money,
    /// 医院负担 (`hosp_part_amt`).
    pub hospital: Money,
}

impl Payers {
    /// Everything that is paid.
    pub fn total(&self) -> Money {
        self.funds.total() + self.account + self.cash + self.hospital
    }
}

/// A bill worked out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adjudication {
    coverage: Coverage,
    payers: Payers,
    /// Under which insurance.
    pub insurance: Insurance,
    /// 起付线 that the person bears in this settlement (`act_pay_dedc`): what funds leave of what was counted. The benefit
    /// year counts all of it, as [`Adjudication::usage`] says.
    pub deductible: Money,
    /// The personal account's balance afterwards (`balc`).
    pub account_balance: Money,
    family: Vec<FamilyShare>,
    /// What it uses up of the benefit year.
    pub usage: Usage,
    /// The rule book that was applied, by content.
    pub rule_book: RuleBookHash,
    /// 计算过程: every step, to be rendered on demand.
    pub steps: Vec<Step>,
}

/// A result that does not add up: a fault of ours, never of the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AdjudicationError {
    /// The payers do not make up the bill.
    #[error("the payers make up {payers}, the bill {total}")]
    Sum {
        /// Their sum.
        payers: Money,
        /// The bill's total.
        total: Money,
    },
    /// A payer's part is below zero.
    #[error("a payer's part is negative: {0}")]
    Negative(Money),
    /// Relatives' accounts pay what the accounts together do not.
    #[error("relatives' accounts pay {family}, all accounts together {account}")]
    Family {
        /// What relatives' accounts pay.
        family: Money,
        /// What all accounts pay.
        account: Money,
    },
}

/// The parts of an [`Adjudication`] that its constructor checks nothing about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Working {
    /// See [`Adjudication::insurance`].
    pub insurance: Insurance,
    /// See [`Adjudication::deductible`].
    pub deductible: Money,
    /// See [`Adjudication::account_balance`].
    pub account_balance: Money,
    /// See [`Adjudication::family`].
    pub family: Vec<FamilyShare>,
    /// See [`Adjudication::usage`].
    pub usage: Usage,
    /// See [`Adjudication::rule_book`].
    pub rule_book: RuleBookHash,
    /// See [`Adjudication::steps`].
    pub steps: Vec<Step>,
}

impl Adjudication {
    /// Puts a result together.
    ///
    /// # Errors
    /// When a payer's part is negative, the payers do not make up the bill, or relatives' accounts pay more than all
    /// accounts together.
    pub fn new(coverage: Coverage, payers: Payers, working: Working) -> Result<Adjudication, AdjudicationError> {
        let parts = [payers.account, payers.cash, payers.hospital];
        if let Some(part) = parts.into_iter().chain(payers.funds.0).find(|part| part.is_negative()) {
            return Err(AdjudicationError::Negative(part));
        }
        if payers.total() != coverage.total() {
            return Err(AdjudicationError::Sum { payers: payers.total(), total: coverage.total() });
        }
        let Working { insurance, deductible, account_balance, family, usage, rule_book, steps } = working;
        if let Some(share) = family.iter().find(|share| share.amount.is_negative()) {
            return Err(AdjudicationError::Negative(share.amount));
        }
        let by_family = paid_by_family(&family);
        if by_family > payers.account {
            return Err(AdjudicationError::Family { family: by_family, account: payers.account });
        }
        Ok(Adjudication { coverage, payers, insurance, deductible, account_balance, family, usage, rule_book, steps })
    }

    /// What relatives' accounts pay of what the accounts pay, in the order of use; the rest is the person's own.
    pub fn family(&self) -> &[FamilyShare] {
        &self.family
    }

    /// The bill by coverage, as the treatment place split it.
    pub fn coverage(&self) -> Coverage {
        self.coverage
    }

    /// The bill by payer.
    pub fn payers(&self) -> &Payers {
        &self.payers
    }
}
