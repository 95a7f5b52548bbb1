//! 应付 (seen from the treatment place 应收): what a home member owes a treatment member. Employees' and residents'
//! money never mix, and what stays inside one member is booked but owed to nobody (design.md section 8).

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{AddAssign, Neg, SubAssign};

use settlement::adjudication::{Fund, FundShares};
use settlement::encounter::CareKind;
use settlement::ids::{MemberCode, PoolCode};
use settlement::money::Money;
use settlement::outcome::Settled;
use settlement::person::Insurance;
use settlement::postings::{Account, Line, Turn};
use settlement::region::RegionTable;

/// Between which pools, and for what: the finest that a statement tells apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lot {
    /// The pool that pays.
    pub home: PoolCode,
    /// The pool that holds the hospital's contract.
    pub treatment: PoolCode,
    /// Whose money.
    pub insurance: Insurance,
    /// For which care.
    pub care: CareKind,
}

/// What entries move, in fen and in visits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// 人次: settlements less undoings.
    pub visits: i64,
    /// 医疗费总额: whole charges.
    pub total: Money,
    /// Each fund.
    pub funds: FundShares,
    /// 个人账户: paid by the member of the account's owner like a fund.
    pub account: Money,
}

impl Sums {
    /// What a settlement comes to, with all accounts in it, whoever their owners are; [`postings`] and
    /// [`crate::tally::Moved`] tell relatives' apart.
    pub fn of(settled: &Settled) -> Sums {
        let Settled { coverage, payers, .. } = settled;
        Sums { visits: 1, total: coverage.total(), funds: payers.funds, account: payers.account }
    }

    /// What is owed: funds and accounts.
    pub fn owed(&self) -> Money {
        self.funds.total() + self.account
    }

    /// Whether nothing moves.
    pub fn is_nothing(&self) -> bool {
        *self == Sums::default()
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

impl SubAssign for Sums {
    fn sub_assign(&mut self, other: Sums) {
        *self += -other;
    }
}

impl Neg for Sums {
    type Output = Sums;
    fn neg(self) -> Sums {
        let Sums { visits, total, funds, account } = self;
        Sums { visits: -visits, total: -total, funds: -funds, account: -account }
    }
}

/// What an entry of the journal moves within one lot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Posting {
    /// Between whom, and for what.
    pub lot: Lot,
    /// What moves; every sign turned where the entry undoes.
    pub sums: Sums,
}

/// What one entry moves: its settlement's own lot first, then relatives' accounts of another pool or insurance. Their
/// money is the debt of their owner's pool and insurance; the visit is counted once.
pub fn postings(lot: Lot, turn: Turn, lines: &[Line]) -> Vec<Posting> {
    let visits = match turn {
        Turn::Enter | Turn::Reinstate => 1,
        Turn::Counter => -1,
    };
    let mut own = Sums { visits, ..Sums::default() };
    let mut others: BTreeMap<(PoolCode, Insurance), Money> = BTreeMap::new();
    for Line { account, amount } in lines {
        match account {
            Account::HomeFund { pool: _, insurance: _, fund } => {
                own.funds.set(*fund, own.funds.of(*fund) - *amount);
            }
            Account::Personal { pool, insurance, owner: _ } if (*pool, *insurance) == (lot.home, lot.insurance) => {
                own.account -= *amount;
            }
            Account::Personal { pool, insurance, owner: _ } => {
                *others.entry((*pool, *insurance)).or_default() -= *amount;
            }
            Account::Hospital { institution: _ } => own.total += *amount,
            Account::Cash { person: _ } | Account::Treatment { pool: _ } | Account::HospitalPart { institution: _ } => {
            }
        }
    }
    let elsewhere = others.into_iter().map(|((home, insurance), account)| Posting {
        lot: Lot { home, insurance, ..lot },
        sums: Sums { account, ..Sums::default() },
    });
    std::iter::once(Posting { lot, sums: own }).chain(elsewhere).collect()
}

/// Sums by lot; a lot of which nothing is left is not there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals(BTreeMap<Lot, Sums>);

impl Totals {
    /// Adds what moves within a lot.
    pub fn add(&mut self, lot: Lot, sums: Sums) {
        let held = self.0.entry(lot).or_default();
        *held += sums;
        if held.is_nothing() {
            self.0.remove(&lot);
        }
    }

    /// The lots in order, each with its sums.
    pub fn iter(&self) -> impl Iterator<Item = (Lot, Sums)> {
        self.0.iter().map(|(lot, sums)| (*lot, *sums))
    }

    /// The sums of a lot.
    pub fn of(&self, lot: Lot) -> Sums {
        self.0.get(&lot).copied().unwrap_or_default()
    }

    /// Where these differ from others: the lot, these sums, those sums. Nothing where they are the same.
    pub fn differences(&self, others: &Totals) -> Vec<(Lot, Sums, Sums)> {
        let lots: BTreeSet<Lot> = self.0.keys().chain(others.0.keys()).copied().collect();
        let both = lots.into_iter().map(|lot| (lot, self.of(lot), others.of(lot)));
        both.filter(|(_, ours, theirs)| ours != theirs).collect()
    }

    /// Whether nothing is left of any lot.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Extend<Posting> for Totals {
    fn extend<I: IntoIterator<Item = Posting>>(&mut self, postings: I) {
        postings.into_iter().for_each(|Posting { lot, sums }| self.add(lot, sums));
    }
}

impl FromIterator<Posting> for Totals {
    fn from_iter<I: IntoIterator<Item = Posting>>(postings: I) -> Totals {
        let mut totals = Totals::default();
        totals.extend(postings);
        totals
    }
}

/// Between which members, and for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
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

/// A fund or the personal accounts: what an obligation is paid from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Payer {
    /// A fund.
    Fund(Fund),
    /// 个人账户.
    Account,
}

impl Payer {
    /// Every payer of an obligation, funds in the order of payment.
    pub fn all() -> impl Iterator<Item = Payer> {
        Fund::ALL.into_iter().map(Payer::Fund).chain([Payer::Account])
    }

    /// What it pays of sums.
    pub fn share_of(self, sums: &Sums) -> Money {
        match self {
            Payer::Fund(fund) => sums.funds.of(fund),
            Payer::Account => sums.account,
        }
    }

    /// The word in messages and books.
    pub fn word(self) -> &'static str {
        match self {
            Payer::Fund(fund) => fund.word(),
            Payer::Account => "account",
        }
    }

    /// The payer that a word names.
    pub fn from_word(word: &str) -> Option<Payer> {
        Payer::all().find(|payer| payer.word() == word)
    }

    /// What statements call it.
    pub fn name(self) -> &'static str {
        match self {
            Payer::Fund(fund) => fund.name(),
            Payer::Account => "个人账户",
        }
    }
}

/// Folds totals into obligations between members. A pool that the table of regions lacks keeps its own code as its
/// member, so that its money is shown rather than lost.
///
/// ```
/// # use settlement::{adjudication::{Fund, FundShares}, encounter::CareKind, ids::{PoolCode, RegionCode}, money::Money, person::Insurance, region::RegionTable};
/// use clearing::obligation::{Lot, Posting, Sums, Totals, obligations};
/// # let pool = |code| PoolCode(RegionCode::new(code).unwrap());
/// let lot = Lot { home: pool("410700"), treatment: pool("310000"), insurance: Insurance::Employee, care: CareKind::Inpatient };
/// let mut funds = FundShares::default();
/// funds.set(Fund::Basic, Money::from_yuan(70));
/// let sums = Sums { visits: 1, total: Money::from_yuan(100), funds, account: Money::from_yuan(5) };
/// let owed = obligations(&Totals::from_iter([Posting { lot, sums }]), &RegionTable::default());
/// assert_eq!(owed.values().map(Sums::owed).collect::<Vec<_>>(), [Money::from_yuan(75)]);
/// ```
pub fn obligations(totals: &Totals, regions: &RegionTable) -> BTreeMap<Between, Sums> {
    let member = |pool: PoolCode| regions.member_of(pool).unwrap_or(MemberCode(pool.0));
    let mut owed: BTreeMap<Between, Sums> = BTreeMap::new();
    for (lot, sums) in totals.iter() {
        let (home, treatment) = (member(lot.home), member(lot.treatment));
        if home != treatment {
            let between = Between { home, treatment, insurance: lot.insurance, care: lot.care };
            *owed.entry(between).or_default() += sums;
        }
    }
    owed.retain(|_, sums| !sums.is_nothing());
    owed
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;
    use settlement::adjudication::Payers;
    use settlement::ids::{InstitutionCode, PersonNumber, RegionCode};
    use settlement::postings::{JournalEntry, Parties};

    use super::*;

    const POOLS: [&str; 4] = ["410700", "310000", "650100", "120000"];

    pub(crate) fn pool(code: &str) -> PoolCode {
        PoolCode(RegionCode::new(code).expect("a code"))
    }

    pub(crate) fn lots() -> impl Strategy<Value = Lot> {
        let pools = || prop::sample::select(POOLS.to_vec()).prop_map(pool);
        let insurance = prop::sample::select(Insurance::ALL.to_vec());
        let care = prop::sample::select(CareKind::ALL.to_vec());
        (pools(), pools(), insurance, care).prop_map(|(home, treatment, insurance, care)| Lot {
            home,
            treatment,
            insurance,
            care,
        })
    }

    /// What the funds pay, in fen and in their order.
    pub(crate) fn shares(amounts: [i64; Fund::ALL.len()]) -> FundShares {
        let mut shares = FundShares::default();
        Fund::ALL.into_iter().zip(amounts).for_each(|(fund, fen)| shares.set(fund, Money::from_fen(fen)));
        shares
    }

    pub(crate) fn sums() -> impl Strategy<Value = Sums> {
        (prop::collection::vec(0..1_000_000_i64, Fund::ALL.len()), 0..1_000_i64, 0..10_000_i64).prop_map(
            |(shares, account, cash)| {
                let mut funds = FundShares::default();
                Fund::ALL.into_iter().zip(shares).for_each(|(fund, fen)| funds.set(fund, Money::from_fen(fen)));
                let account = Money::from_fen(account);
                Sums { visits: 1, total: funds.total() + account + Money::from_fen(cash), funds, account }
            },
        )
    }

    fn posting() -> impl Strategy<Value = Posting> {
        (lots(), sums()).prop_map(|(lot, sums)| Posting { lot, sums })
    }

    proptest! {
        #[test]
        fn what_members_owe_is_what_left_their_own_house(postings in prop::collection::vec(posting(), 0..50)) {
            let between_members: Money = postings
                .iter()
                .filter(|posting| posting.lot.home != posting.lot.treatment)
                .map(|posting| posting.sums.owed())
                .sum();
            let totals: Totals = postings.into_iter().collect();
            let owed: Money = obligations(&totals, &RegionTable::default()).values().map(Sums::owed).sum();
            prop_assert_eq!(owed, between_members);
        }

        #[test]
        fn an_undone_settlement_is_owed_by_nobody(postings in prop::collection::vec(posting(), 0..20)) {
            let undoings: Vec<Posting> =
                postings.iter().map(|posting| Posting { sums: -posting.sums, ..*posting }).collect();
            prop_assert!(postings.into_iter().chain(undoings).collect::<Totals>().is_empty());
        }

        #[test]
        fn totals_do_not_depend_on_the_order(postings in prop::collection::vec(posting(), 0..30), cut in 0_usize..30) {
            let mut turned = postings.clone();
            turned.rotate_left(cut.min(postings.len()));
            prop_assert_eq!(postings.into_iter().collect::<Totals>(), turned.into_iter().collect::<Totals>());
        }

        #[test]
        fn an_entry_is_read_as_it_was_booked(lot in lots(), booked in sums()) {
            let parties = Parties {
                home: lot.home,
                insurance: lot.insurance,
                person: PersonNumber::new("1").expect("a number"),
                treatment: lot.treatment,
                institution: InstitutionCode::new("H31010100001").expect("a code"),
            };
            let cash = booked.total - booked.owed();
            let payers = Payers { funds: booked.funds, account: booked.account, cash, hospital: Money::ZERO };
            let entry = JournalEntry::of_settlement(&parties, &payers, &[]);
            prop_assert_eq!(postings(lot, Turn::Enter, entry.lines()), [Posting { lot, sums: booked }]);
            prop_assert_eq!(postings(lot, Turn::Counter, entry.counter().lines()), [Posting { lot, sums: -booked }]);
        }
    }

    #[test]
    fn account_money_is_the_debt_of_its_owner_s_pool_and_insurance() {
        let lot = Lot {
            home: pool("410700"),
            treatment: pool("310000"),
            insurance: Insurance::Resident,
            care: CareKind::Outpatient,
        };
        let owner = PersonNumber::new("2").expect("a number");
        let of = |home, insurance| Account::Personal { pool: pool(home), insurance, owner: owner.clone() };
        let lines = [
            Line { account: of("120000", Insurance::Employee), amount: Money::from_fen(-500) },
            Line { account: of("410700", Insurance::Employee), amount: Money::from_fen(-30) },
            Line { account: of("410700", Insurance::Resident), amount: Money::from_fen(-2) },
            Line {
                account: Account::Hospital { institution: InstitutionCode::new("H31010100001").expect("a code") },
                amount: Money::from_fen(532),
            },
        ];
        let moved = postings(lot, Turn::Enter, &lines);
        let account = |fen| Sums { account: Money::from_fen(fen), ..Sums::default() };
        let own = Sums { visits: 1, total: Money::from_fen(532), ..account(2) };
        let of = |home| Lot { home: pool(home), insurance: Insurance::Employee, ..lot };
        let expected = [(lot, own), (of("120000"), account(500)), (of("410700"), account(30))]
            .map(|(lot, sums)| Posting { lot, sums });
        assert_eq!(moved, expected);
    }
}
