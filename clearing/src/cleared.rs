//! What a period clears of a lot: its entries, less what is carried out, with what is carried in, less deductions,
//! with corrections (design.md section 12, invariant 7, whose formula they extend). What is carried out of one period is carried into another or stands on the list.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::AddAssign;

use settlement::money::Money;

use crate::members::Members;
use crate::obligation::{Lot, Sums, Totals};
use crate::period::Pair;

/// What a period clears of a lot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cleared {
    /// Its entries.
    pub booked: Sums,
    /// 更正往期: of these, what undoes or brings back settlements of earlier periods. Counted in `booked` already.
    pub corrected: Sums,
    /// Of the entries, and of what was carried in, what is carried out again.
    pub carried_out: Sums,
    /// From earlier periods, or from the list.
    pub carried_in: Sums,
    /// 审核扣款, fund by fund, of what is cleared here or was cleared before; it takes no visits and no charges off.
    pub deducted: Sums,
    /// 重算更正, fund by fund: what settlements come to otherwise that were worked out again after a late change. No visits
    /// and no charges.
    pub recomputed: Sums,
}

impl Cleared {
    /// What is cleared before deductions: visits and charges, and what funds and accounts pay for them. A deduction of what
    /// is carried out goes with it and is not in `deducted` any more, so nothing is left of either.
    pub fn gross(&self) -> Sums {
        let mut gross = self.booked;
        gross += self.carried_in;
        gross -= self.carried_out;
        gross += self.recomputed;
        gross
    }

    /// What is left of it less deductions: what is owed.
    pub fn net(&self) -> Sums {
        let mut net = self.gross();
        net -= self.deducted;
        net
    }

    /// What is owed.
    pub fn owed(&self) -> Money {
        self.net().owed()
    }

    /// Whether nothing happened.
    pub fn is_nothing(&self) -> bool {
        *self == Cleared::default()
    }
}

impl AddAssign for Cleared {
    fn add_assign(&mut self, other: Cleared) {
        self.booked += other.booked;
        self.corrected += other.corrected;
        self.carried_out += other.carried_out;
        self.carried_in += other.carried_in;
        self.deducted += other.deducted;
        self.recomputed += other.recomputed;
    }
}

/// What happened to a period's lots, each by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Movements {
    /// Its entries.
    pub booked: Totals,
    /// Of these, what corrects earlier periods.
    pub corrected: Totals,
    /// What is carried out of it.
    pub carried_out: Totals,
    /// What is carried into it.
    pub carried_in: Totals,
    /// What is deducted in it.
    pub deducted: Totals,
    /// What corrections add in it, or take back.
    pub recomputed: Totals,
}

impl Movements {
    /// The lots that anything happened to.
    pub fn lots(&self) -> BTreeSet<Lot> {
        let Movements { booked, corrected: _, carried_out, carried_in, deducted, recomputed } = self;
        lots([booked, carried_out, carried_in, deducted, recomputed])
    }
}

/// The pair that a lot is of.
pub fn pair_of(lot: &Lot, members: &impl Members) -> Pair {
    Pair { home: members.member_for(lot.home), treatment: members.member_for(lot.treatment) }
}

/// What each pair of members clears, lot by lot. Lots inside one member are booked and owed to nobody, so they are of no
/// pair.
pub fn by_pair(movements: &Movements, members: &impl Members) -> BTreeMap<Pair, BTreeMap<Lot, Cleared>> {
    let Movements { booked, corrected, carried_out, carried_in, deducted, recomputed } = movements;
    let mut pairs: BTreeMap<Pair, BTreeMap<Lot, Cleared>> = BTreeMap::new();
    for lot in movements.lots() {
        let pair = pair_of(&lot, members);
        let cleared = Cleared {
            booked: booked.of(lot),
            corrected: corrected.of(lot),
            carried_out: carried_out.of(lot),
            carried_in: carried_in.of(lot),
            deducted: deducted.of(lot),
            recomputed: recomputed.of(lot),
        };
        if !pair.is_one() {
            pairs.entry(pair).or_default().insert(lot, cleared);
        }
    }
    pairs
}

/// What a pair's lots come to.
pub fn sum(lots: &BTreeMap<Lot, Cleared>) -> Cleared {
    lots.values().fold(Cleared::default(), |mut sum, cleared| {
        sum += *cleared;
        sum
    })
}

fn lots<'t>(totals: impl IntoIterator<Item = &'t Totals>) -> BTreeSet<Lot> {
    totals.into_iter().flat_map(Totals::iter).map(|(lot, _)| lot).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use settlement::ids::PoolCode;
    use settlement::region::RegionTable;

    use super::*;
    use crate::calendar::Calendar;
    use crate::carry::{Carried, carry, leaves};
    use crate::month::Month;
    use crate::obligation::Posting;
    use crate::obligation::tests::{lots as any_lot, sums as any_sums};

    /// An entry of some month, and in which months it is disputed when they are cleared.
    fn entry() -> impl Strategy<Value = (i16, Posting, Vec<bool>)> {
        let posting = (any_lot(), any_sums()).prop_map(|(lot, sums)| Posting { lot, sums });
        (0_i16..6, posting, prop::collection::vec(any::<bool>(), 12))
    }

    /// Clears months one after the other, as the jobs do: entries of the month and what came in, less what is disputed. Each
    /// pool is its own member.
    fn clear(entries: &[(i16, Posting, Vec<bool>)]) -> (Vec<Movements>, Totals) {
        let calendar = Calendar::parse(include_str!("../../deploy/calendar.toml")).expect("no faults");
        let first = Month::from_text("2025-03").expect("a month");
        let mut months = vec![Movements::default(); 12];
        let mut listed = Totals::default();
        for (booked, posting, disputed) in entries {
            let mut at = usize::try_from(*booked).expect("small");
            months[at].booked.add(posting.lot, posting.sums);
            while disputed[at] && leaves(pair_of(&posting.lot, &RegionTable::default()), false) {
                months[at].carried_out.add(posting.lot, posting.sums);
                let cleared = first.moved(i16::try_from(at).expect("small"));
                match carry(first.moved(*booked), cleared, &calendar) {
                    Carried::Into(into) => {
                        at = usize::try_from(into.since(first)).expect("later");
                        months[at].carried_in.add(posting.lot, posting.sums);
                    }
                    Carried::Listed => {
                        listed.add(posting.lot, posting.sums);
                        break;
                    }
                }
            }
        }
        (months, listed)
    }

    proptest! {
        #[test]
        fn everything_is_cleared_once_or_on_the_list(entries in prop::collection::vec(entry(), 0..40)) {
            let (months, listed) = clear(&entries);
            let mut left = listed;
            for movements in &months {
                for lot in lots([&movements.booked, &movements.carried_in]) {
                    let mut net = movements.booked.of(lot);
                    net += movements.carried_in.of(lot);
                    net -= movements.carried_out.of(lot);
                    left.add(lot, net);
                }
            }
            prop_assert_eq!(left, entries.iter().map(|(_, posting, _)| *posting).collect::<Totals>());
        }

        #[test]
        fn what_is_owed_to_nobody_stays_where_it_was_booked(entries in prop::collection::vec(entry(), 0..40)) {
            let (months, listed) = clear(&entries);
            let is_inside = |lot: &Lot| lot.home == lot.treatment;
            prop_assert!(!listed.iter().any(|(lot, _)| is_inside(&lot)), "nobody decides about it");
            for movements in &months {
                let carried = [&movements.carried_out, &movements.carried_in];
                prop_assert!(!lots(carried).iter().any(is_inside));
                let inside = movements.booked.iter().filter(|(lot, _)| is_inside(lot));
                let inside: Totals = inside.map(|(lot, sums)| Posting { lot, sums }).collect();
                let pairs = by_pair(&Movements { booked: inside, ..Movements::default() }, &RegionTable::default());
                prop_assert!(pairs.is_empty(), "nor is it stated");
            }
        }

        #[test]
        fn payable_is_receivable(entries in prop::collection::vec(entry(), 0..40)) {
            // Each pool is its own member here, so what is not owed across pools is owed to nobody.
            let (months, listed) = clear(&entries);
            let mut receivable: BTreeMap<PoolCode, Money> = BTreeMap::new();
            let across = |lot: &Lot| lot.home != lot.treatment;
            for (_, Posting { lot, sums }, _) in entries.iter().filter(|(_, posting, _)| across(&posting.lot)) {
                *receivable.entry(lot.treatment).or_default() += sums.owed();
            }
            for (lot, sums) in listed.iter().filter(|(lot, _)| across(lot)) {
                *receivable.entry(lot.treatment).or_default() -= sums.owed();
            }
            receivable.retain(|_, owed| *owed != Money::ZERO);
            let mut payable: BTreeMap<PoolCode, Money> = BTreeMap::new();
            for movements in &months {
                for (pair, lots) in by_pair(movements, &RegionTable::default()) {
                    prop_assert!(pair.home != pair.treatment);
                    *payable.entry(PoolCode(pair.treatment.0)).or_default() += sum(&lots).owed();
                }
            }
            payable.retain(|_, owed| *owed != Money::ZERO);
            prop_assert_eq!(payable, receivable, "what homes pay in all months, by whom it goes to");
        }
    }
}
