//! 应付 (seen from the treatment place 应收): what a home member owes a treatment member. Employees' and residents'
//! money never mix, and what stays inside one member is booked but owed to nobody (design.md section 8).

use std::collections::BTreeMap;
use std::ops::AddAssign;

use settlement::encounter::CareKind;
use settlement::ids::{MemberCode, PoolCode};
use settlement::money::Money;
use settlement::person::Insurance;
use settlement::region::RegionTable;

/// One posting of the hub's journal as clearing sees it: a settlement, or with every sign turned its undoing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Posting {
    /// The pool that pays.
    pub home: PoolCode,
    /// The pool that holds the hospital's contract.
    pub treatment: PoolCode,
    /// Whose money.
    pub insurance: Insurance,
    /// For which care.
    pub care: CareKind,
    /// What it moves.
    pub sums: Sums,
}

/// What postings move, in fen and in visits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// 人次: settlements less undoings.
    pub visits: i64,
    /// Whole charges.
    pub total: Money,
    /// All funds.
    pub funds: Money,
    /// Personal accounts: paid by the home member like a fund.
    pub account: Money,
}

impl Sums {
    /// What is owed: funds and accounts.
    pub fn owed(&self) -> Money {
        self.funds + self.account
    }
}

impl AddAssign for Sums {
    fn add_assign(&mut self, other: Sums) {
        self.visits += other.visits;
        self.total += other.total;
        self.funds += other.funds;
        self.account += other.account;
    }
}

/// Between whom, and for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Between {
    /// Who owes.
    pub home: MemberCode,
    /// Who is owed.
    pub treatment: MemberCode,
    /// Whose money.
    pub insurance: Insurance,
    /// For which care.
    pub care: CareKind,
}

/// Folds postings into obligations. A pool that the table of regions lacks keeps its own code as its member, so that
/// its money is shown rather than lost.
///
/// ```
/// # use settlement::{encounter::CareKind, ids::{PoolCode, RegionCode}, money::Money, person::Insurance, region::RegionTable};
/// use clearing::obligation::{Posting, Sums, obligations};
/// # let pool = |code| PoolCode(RegionCode::new(code).unwrap());
/// let sums = Sums { visits: 1, total: Money::from_yuan(100), funds: Money::from_yuan(70), account: Money::from_yuan(5) };
/// let posting = Posting { home: pool("410700"), treatment: pool("310000"), insurance: Insurance::Employee, care: CareKind::Inpatient, sums };
/// let owed = obligations([posting], &RegionTable::default());
/// assert_eq!(owed.values().map(Sums::owed).collect::<Vec<_>>(), [Money::from_yuan(75)]);
/// ```
pub fn obligations(postings: impl IntoIterator<Item = Posting>, regions: &RegionTable) -> BTreeMap<Between, Sums> {
    let member = |pool: PoolCode| regions.member_of(pool).unwrap_or(MemberCode(pool.0));
    let mut owed: BTreeMap<Between, Sums> = BTreeMap::new();
    for posting in postings {
        let (home, treatment) = (member(posting.home), member(posting.treatment));
        if home != treatment {
            let between = Between { home, treatment, insurance: posting.insurance, care: posting.care };
            *owed.entry(between).or_default() += posting.sums;
        }
    }
    owed.retain(|_, sums| *sums != Sums::default());
    owed
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use settlement::ids::RegionCode;

    use super::*;

    const POOLS: [&str; 4] = ["410700", "310000", "650100", "120000"];

    fn posting() -> impl Strategy<Value = Posting> {
        let pool =
            || prop::sample::select(POOLS.to_vec()).prop_map(|code| PoolCode(RegionCode::new(code).expect("a code")));
        let insurance = prop::sample::select(Insurance::ALL.to_vec());
        let care = prop::sample::select(CareKind::ALL.to_vec());
        (pool(), pool(), insurance, care, 0..1_000_000_i64, 0..1_000_i64).prop_map(
            |(home, treatment, insurance, care, funds, account)| Posting {
                home,
                treatment,
                insurance,
                care,
                sums: Sums {
                    visits: 1,
                    total: Money::from_fen(funds + account),
                    funds: Money::from_fen(funds),
                    account: Money::from_fen(account),
                },
            },
        )
    }

    fn undone(posting: &Posting) -> Posting {
        let Sums { visits, total, funds, account } = posting.sums;
        Posting { sums: Sums { visits: -visits, total: -total, funds: -funds, account: -account }, ..*posting }
    }

    proptest! {
        #[test]
        fn what_members_owe_is_what_left_their_own_house(postings in prop::collection::vec(posting(), 0..50)) {
            let between_members: Money = postings
                .iter()
                .filter(|posting| posting.home != posting.treatment)
                .map(|posting| posting.sums.owed())
                .sum();
            let owed: Money = obligations(postings, &RegionTable::default()).values().map(Sums::owed).sum();
            prop_assert_eq!(owed, between_members);
        }

        #[test]
        fn an_undone_settlement_is_owed_by_nobody(postings in prop::collection::vec(posting(), 0..20)) {
            let undoings: Vec<Posting> = postings.iter().map(undone).collect();
            prop_assert!(obligations(postings.into_iter().chain(undoings), &RegionTable::default()).is_empty());
        }
    }
}
