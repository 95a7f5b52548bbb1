//! 个人账户: whose accounts pay for a person. The person's own comes first, then relatives' in the order that their
//! owners set (家庭共济, policy.md A.11). An account belongs to its owner: the owner's pool and insurance owe what it pays.

use crate::ids::{PersonNumber, PoolCode};
use crate::money::Money;
use crate::person::{Insurance, Validity};

/// A personal account: whose it is, and in which ledger it is kept.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountOf {
    /// The owner.
    pub owner: PersonNumber,
    /// The pool that insures the owner.
    pub pool: PoolCode,
    /// The owner's insurance.
    pub insurance: Insurance,
}

/// 共济关系: a relative's account that may pay for the person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedAccount {
    /// The account.
    pub account: AccountOf,
    /// Whether this node keeps it; another node's account cannot pay here.
    pub kept_here: bool,
    /// When it may.
    pub validity: Validity,
}

/// A relative's account as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FamilyAccount {
    /// The account.
    pub account: AccountOf,
    /// What is on it; none where another node keeps it, and it cannot pay here.
    pub balance: Option<Money>,
}

/// What a relative's account pays, or receives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FamilyShare {
    /// The account.
    pub account: AccountOf,
    /// The amount: above zero for what it pays in a settlement.
    pub amount: Money,
}

/// What relatives' accounts pay together.
pub fn paid_by_family(shares: &[FamilyShare]) -> Money {
    shares.iter().map(|share| share.amount).sum()
}
