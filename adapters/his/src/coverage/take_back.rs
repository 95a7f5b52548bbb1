//! The split of a negative line: it takes back an earlier one in the proportions in which that one was split, exactly to
//! zero when all of it is taken back, and never beyond.

use rust_decimal::Decimal;
use settlement::bill::Coverage;
use settlement::money::Money;

/// What is left of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remaining {
    /// Of its quantity.
    pub quantity: Decimal,
    /// Of its split.
    pub coverage: Coverage,
}

/// More is taken back than is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{left_quantity}, {left_total} left")]
pub struct BeyondOriginal {
    /// What is left of the quantity.
    pub left_quantity: Decimal,
    /// What is left of the charge.
    pub left_total: Money,
}

/// The split of a line that takes back `quantity` and `total` (both given as positive), as negative amounts.
///
/// # Errors
/// When more is taken back than is left.
pub fn take_back(remaining: &Remaining, quantity: Decimal, total: Money) -> Result<Coverage, BeyondOriginal> {
    let left = remaining.coverage.total();
    if quantity > remaining.quantity || total > left {
        return Err(BeyondOriginal { left_quantity: remaining.quantity, left_total: left });
    }
    let Coverage { self_paid, over_limit, first_self_pay, in_policy } = remaining.coverage;
    let mut unplaced = total;
    let mut taken = [self_paid, over_limit, first_self_pay, in_policy].map(|part| {
        let share = proportion(part, total, left).min(unplaced);
        unplaced -= share;
        share
    });
    // What rounding left over goes to the in-policy amount first, as it does when a line is split.
    for index in [3, 2, 1, 0] {
        let room = [self_paid, over_limit, first_self_pay, in_policy][index] - taken[index];
        let placed = room.min(unplaced);
        taken[index] += placed;
        unplaced -= placed;
    }
    let [self_paid, over_limit, first_self_pay, in_policy] = taken.map(|part| -part);
    Ok(Coverage { self_paid, over_limit, first_self_pay, in_policy })
}

fn proportion(part: Money, total: Money, left: Money) -> Money {
    if left.is_zero() { Money::ZERO } else { Money::round(part.exact() * total.exact() / left.exact()) }
}

#[cfg(test)]
mod tests {
    use rust_decimal::dec;

    use super::*;

    fn coverage([self_paid, over_limit, first_self_pay, in_policy]: [i64; 4]) -> Coverage {
        Coverage {
            self_paid: Money::from_fen(self_paid),
            over_limit: Money::from_fen(over_limit),
            first_self_pay: Money::from_fen(first_self_pay),
            in_policy: Money::from_fen(in_policy),
        }
    }

    #[test]
    fn a_line_is_taken_back_in_proportion_and_never_beyond() {
        // left of quantity and split; taken back quantity and total: the split of the negative line
        for (quantity, left, taken, total, expected) in [
            (dec!(2), [0, 2_000, 2_000, 8_000], dec!(1), 6_000, Some([0, -1_000, -1_000, -4_000])),
            (dec!(2), [0, 2_000, 2_000, 8_000], dec!(2), 12_000, Some([0, -2_000, -2_000, -8_000])),
            (dec!(3), [0, 0, 1_000, 8_999], dec!(1), 3_333, Some([0, 0, -333, -3_000])),
            (dec!(1), [5, 0, 0, 0], dec!(1), 5, Some([-5, 0, 0, 0])),
            (dec!(1), [0, 0, 1_000, 9_000], dec!(2), 10_000, None),
            (dec!(2), [0, 0, 1_000, 9_000], dec!(1), 10_001, None),
        ] {
            let remaining = Remaining { quantity, coverage: coverage(left) };
            let split = take_back(&remaining, taken, Money::from_fen(total)).ok();
            assert_eq!(split, expected.map(coverage), "{left:?} - {total}");
        }
    }

    proptest::proptest! {
        #[test]
        fn taking_all_of_it_back_in_pieces_leaves_exactly_nothing(
            parts in proptest::array::uniform4(0i64..1_000_000), cuts in proptest::collection::vec(1i64..500_000, 1..6),
        ) {
            let mut remaining = Remaining { quantity: dec!(1000), coverage: coverage(parts) };
            for cut in cuts.into_iter().chain([i64::MAX]) {
                let total = remaining.coverage.total().min(Money::from_fen(cut));
                let taken = take_back(&remaining, Decimal::ONE, total).expect("no more than is left");
                proptest::prop_assert_eq!(taken.total(), -total);
                remaining.coverage = remaining.coverage + taken;
                proptest::prop_assert!(remaining.coverage.parts().iter().all(|(_, amount)| !amount.is_negative()));
            }
            proptest::prop_assert_eq!(remaining.coverage, Coverage::default());
        }
    }
}
