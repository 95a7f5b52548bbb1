//! 审核扣款: what the treatment agency's review takes off a bill after settlement. It lowers what the home member pays
//! and what the hospital receives; the patient's share and the year-to-date stay as they were (policy.md B.4).

use jiff::civil::Date;
use settlement::adjudication::FundShares;
use settlement::ids::InstitutionCode;
use settlement::money::Money;

use crate::obligation::{Payer, Sums};

/// Why a deduction was released: its settlement was undone.
pub const GIVEN_BACK: &str = "结算已撤销，扣款随之退回";

/// What a deduction takes off, fund by fund. Account money is the patient's own and is never deducted.
pub type Deducted = FundShares;

/// 异议: what a hospital says against a deduction, as its letter to the agency says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Objection {
    /// Who objects: the hospital of the settlement.
    pub hospital: InstitutionCode,
    /// The number of its letter (函号).
    pub letter: String,
    /// The day that the letter bears.
    pub written_on: Date,
    /// Why it objects.
    pub reason: String,
}

/// Where a deduction stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// 待确认: lodged by the agency; nothing is taken off yet.
    Lodged,
    /// 异议: the hospital objects.
    Objected,
    /// 已认定: taken off, by as much as was agreed.
    Agreed,
    /// 已撤回: the agency took it back; nothing is taken off.
    Withdrawn,
    /// 已退回: its settlement was undone, and what was taken off, if anything, was given back.
    Released,
}

/// What happens to a deduction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// The hospital objects.
    Object,
    /// Agency and hospital agree on a sum.
    Agree,
    /// The agency takes it back.
    Withdraw,
    /// Its settlement is undone.
    Undo,
    /// What undid its settlement is itself undone; before it was released, it stood so.
    Restore(Standing),
}

impl Standing {
    /// Every standing.
    pub const ALL: [Standing; 5] =
        [Standing::Lodged, Standing::Objected, Standing::Agreed, Standing::Withdrawn, Standing::Released];

    /// The word in messages and books.
    pub fn word(self) -> &'static str {
        match self {
            Standing::Lodged => "lodged",
            Standing::Objected => "objected",
            Standing::Agreed => "agreed",
            Standing::Withdrawn => "withdrawn",
            Standing::Released => "released",
        }
    }

    /// The standing that a word names.
    pub fn from_word(word: &str) -> Option<Standing> {
        Standing::ALL.into_iter().find(|standing| standing.word() == word)
    }

    /// What statements call it.
    pub fn name(self) -> &'static str {
        match self {
            Standing::Lodged => "待确认",
            Standing::Objected => "异议",
            Standing::Agreed => "已认定",
            Standing::Withdrawn => "已撤回",
            Standing::Released => "已退回",
        }
    }

    /// Whether it keeps others from taking off as much.
    pub fn counts(self) -> bool {
        match self {
            Standing::Lodged | Standing::Objected | Standing::Agreed => true,
            Standing::Withdrawn | Standing::Released => false,
        }
    }
}

/// Where a deduction stands after an event; none where the event cannot happen to it.
///
/// ```
/// use clearing::review::{Event, Standing, after};
/// assert_eq!(after(Standing::Lodged, Event::Object), Some(Standing::Objected));
/// assert_eq!(after(Standing::Withdrawn, Event::Agree), None);
/// assert_eq!(after(Standing::Released, Event::Restore(Standing::Agreed)), Some(Standing::Agreed));
/// ```
pub fn after(standing: Standing, event: Event) -> Option<Standing> {
    match (standing, event) {
        (Standing::Lodged, Event::Object) => Some(Standing::Objected),
        (Standing::Lodged | Standing::Objected, Event::Agree) => Some(Standing::Agreed),
        (Standing::Lodged | Standing::Objected, Event::Withdraw) => Some(Standing::Withdrawn),
        (Standing::Lodged | Standing::Objected | Standing::Agreed, Event::Undo) => Some(Standing::Released),
        (Standing::Released, Event::Restore(before)) => Some(before).filter(|before| before.counts()),
        (Standing::Objected | Standing::Agreed | Standing::Withdrawn | Standing::Released, Event::Object)
        | (Standing::Agreed | Standing::Withdrawn | Standing::Released, Event::Agree | Event::Withdraw)
        | (Standing::Withdrawn | Standing::Released, Event::Undo)
        | (Standing::Lodged | Standing::Objected | Standing::Agreed | Standing::Withdrawn, Event::Restore(_)) => None,
    }
}

/// Why a deduction cannot be lodged or agreed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReviewFault {
    /// Nothing is taken off.
    #[error("nothing is taken off: say of which fund, and how much")]
    Nothing,
    /// Less than nothing.
    #[error("{}: a deduction takes something off, and never adds", payer.name())]
    NotPositive {
        /// The fund.
        payer: Payer,
    },
    /// More than is left of what the fund paid.
    #[error("{}: {wanted} is more than the {left} that is left of its payment", payer.name())]
    AboveThePayment {
        /// The fund.
        payer: Payer,
        /// What is to be taken off.
        wanted: Money,
        /// What may still be.
        left: Money,
    },
    /// Nothing is agreed on.
    #[error("nothing is agreed on: withdraw the deduction instead")]
    NothingAgreed,
    /// The agreed sum is above what was lodged.
    #[error("{}: {agreed} agreed is more than the {lodged} lodged", payer.name())]
    AboveTheLodged {
        /// The fund.
        payer: Payer,
        /// What was lodged.
        lodged: Money,
        /// What was agreed.
        agreed: Money,
    },
}

/// Checks a deduction against its settlement: what each fund paid, less what other deductions take off already. All
/// faults are told.
///
/// # Errors
/// Every fund of which more would be taken off than it paid, and sums that are none.
pub fn lodge(paid: &Sums, taken: &[Deducted], deduction: &Deducted) -> Result<(), Vec<ReviewFault>> {
    let mut faults = Vec::new();
    if deduction.total().is_zero() && deduction.iter().all(|(_, amount)| amount.is_zero()) {
        faults.push(ReviewFault::Nothing);
    }
    faults.extend(restore(paid, taken, deduction).err().unwrap_or_default());
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}

/// Checks a deduction that comes back with its settlement: others may have been lodged meanwhile. It may come to nothing,
/// where that was agreed on.
///
/// # Errors
/// Every fund of which more would be taken off than it paid.
pub fn restore(paid: &Sums, taken: &[Deducted], deduction: &Deducted) -> Result<(), Vec<ReviewFault>> {
    let mut faults = Vec::new();
    for (fund, wanted) in deduction.iter() {
        let payer = Payer::Fund(fund);
        let earlier: Money = taken.iter().map(|shares| shares.of(fund)).sum();
        let left = (paid.funds.of(fund) - earlier).at_least_zero();
        if wanted.is_negative() {
            faults.push(ReviewFault::NotPositive { payer });
        } else if wanted > left {
            faults.push(ReviewFault::AboveThePayment { payer, wanted, left });
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}

/// Why a deduction stays released although its settlement is in force again: what [`restore`] says against it.
pub fn stays_released(faults: &[ReviewFault]) -> String {
    let told = |fault: &ReviewFault| match fault {
        ReviewFault::AboveThePayment { payer, wanted, left } => {
            format!("{}扣款{wanted}元，超过余额{left}元", payer.name())
        }
        ReviewFault::NotPositive { payer } | ReviewFault::AboveTheLodged { payer, .. } => {
            format!("{}扣款金额有误", payer.name())
        }
        ReviewFault::Nothing | ReviewFault::NothingAgreed => "扣款金额有误".to_owned(),
    };
    format!("结算已恢复，扣款不再扣回：{}", faults.iter().map(told).collect::<Vec<_>>().join("；"))
}

/// Checks what hospital and agency agreed on after an objection: any part of what was lodged. Nothing is no agreement: such
/// a deduction is withdrawn.
///
/// # Errors
/// Every fund of which more was agreed than lodged, and sums below nothing; nothing at all.
pub fn agree(lodged: &Deducted, agreed: &Deducted) -> Result<(), Vec<ReviewFault>> {
    if agreed.iter().all(|(_, amount)| amount.is_zero()) {
        return Err(vec![ReviewFault::NothingAgreed]);
    }
    let faults: Vec<ReviewFault> = agreed
        .iter()
        .filter_map(|(fund, agreed)| {
            let (payer, lodged) = (Payer::Fund(fund), lodged.of(fund));
            if agreed.is_negative() {
                Some(ReviewFault::NotPositive { payer })
            } else {
                (agreed > lodged).then_some(ReviewFault::AboveTheLodged { payer, lodged, agreed })
            }
        })
        .collect();
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use settlement::adjudication::Fund;

    use super::*;
    use crate::obligation::tests::{shares, sums};

    #[test]
    fn every_fund_is_checked_and_every_fault_told() {
        let paid = Sums { funds: shares([100, 0, 50, 0, 0]), ..Sums::default() };
        let fault = |payer, wanted, left| ReviewFault::AboveThePayment {
            payer: Payer::Fund(payer),
            wanted: Money::from_fen(wanted),
            left: Money::from_fen(left),
        };
        for (name, taken, deduction, expected) in [
            ("a part", vec![], [40, 0, 0, 0, 0], Ok(())),
            ("all of it", vec![], [100, 0, 50, 0, 0], Ok(())),
            ("more than one fund paid", vec![], [101, 0, 0, 0, 0], Err(vec![fault(Fund::Basic, 101, 100)])),
            (
                "more than two funds paid",
                vec![],
                [101, 1, 0, 0, 0],
                Err(vec![fault(Fund::Basic, 101, 100), fault(Fund::LargeSum, 1, 0)]),
            ),
            (
                "what was taken off before",
                vec![shares([90, 0, 0, 0, 0])],
                [11, 0, 0, 0, 0],
                Err(vec![fault(Fund::Basic, 11, 10)]),
            ),
            ("nothing", vec![], [0; Fund::ALL.len()], Err(vec![ReviewFault::Nothing])),
            (
                "an addition",
                vec![],
                [-1, 0, 0, 0, 0],
                Err(vec![ReviewFault::NotPositive { payer: Payer::Fund(Fund::Basic) }]),
            ),
        ] {
            assert_eq!(lodge(&paid, &taken, &shares(deduction)), expected, "{name}");
        }
    }

    #[test]
    fn what_is_agreed_is_part_of_what_was_lodged() {
        let lodged = shares([40, 0, 10, 0, 0]);
        assert_eq!(agree(&lodged, &shares([40, 0, 0, 0, 0])), Ok(()));
        assert_eq!(agree(&lodged, &FundShares::default()), Err(vec![ReviewFault::NothingAgreed]));
        assert!(agree(&lodged, &shares([41, 1, 0, 0, 0])).is_err_and(|faults| faults.len() == 2));
    }

    #[test]
    fn what_its_settlement_ended_comes_back_as_it_stood_and_nothing_else_does() {
        for before in Standing::ALL {
            let ended = after(before, Event::Undo);
            assert_eq!(ended, before.counts().then_some(Standing::Released), "{before:?}");
            let back = after(Standing::Released, Event::Restore(before));
            assert_eq!(back, before.counts().then_some(before));
            for other in Standing::ALL.into_iter().filter(|other| *other != Standing::Released) {
                assert_eq!(after(other, Event::Restore(before)), None, "{other:?}");
            }
        }
    }

    #[test]
    fn what_comes_back_must_fit_beside_what_was_lodged_meanwhile() {
        let paid = Sums { funds: shares([100, 0, 50, 0, 0]), ..Sums::default() };
        let meanwhile = [shares([70, 0, 0, 0, 0])];
        assert_eq!(restore(&paid, &meanwhile, &shares([30, 0, 50, 0, 0])), Ok(()));
        assert_eq!(restore(&paid, &meanwhile, &FundShares::default()), Ok(()), "nothing was agreed on");
        let (payer, wanted, left) = (Payer::Fund(Fund::Basic), Money::from_fen(31), Money::from_fen(30));
        let above = ReviewFault::AboveThePayment { payer, wanted, left };
        assert_eq!(restore(&paid, &meanwhile, &shares([31, 0, 0, 0, 0])), Err(vec![above]));
    }

    proptest! {
        #[test]
        fn all_deductions_together_never_exceed_what_a_fund_paid(
            paid in sums(),
            wanted in prop::collection::vec(prop::array::uniform5(-1_000..600_000_i64), 0..8),
        ) {
            let mut taken: Vec<Deducted> = Vec::new();
            for amounts in wanted {
                let deduction = shares(amounts);
                if lodge(&paid, &taken, &deduction).is_ok() {
                    taken.push(deduction);
                }
            }
            for fund in Fund::ALL {
                let off: Money = taken.iter().map(|shares| shares.of(fund)).sum();
                prop_assert!(off <= paid.funds.of(fund) && !off.is_negative());
            }
        }
    }
}
