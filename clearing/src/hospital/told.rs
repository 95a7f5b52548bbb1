//! What of a hospital's differences the hub is told: those of settlements that this side's book holds, as long as they
//! stand, each as the facts of two books, the hospital's the outer one. What a hospital has alone (nobody else knows the
//! settlement, so no clearing holds it), sums that differ without saying in which row (3201), and rows that differ in the
//! visit or the person alone, which move no money, stay with the treatment side's operator. Called by the treatment side.

use settlement::adjudication::{Fund, FundShares};
use settlement::ids::SettlementId;
use settlement::money::Money;

use super::coverage::{Compared, GroupDay, last_of};
use super::{Amounts, Direction, Kind};
use crate::breaks::{Deed, Fact};
use crate::obligation::Sums;

/// A row that differs, about a settlement that this side's book holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowApart {
    /// How.
    pub kind: Kind,
    /// Which of the settlement's two rows it is.
    pub direction: Direction,
    /// The settlement; of a counter-entry what it takes back.
    pub settlement: SettlementId,
    /// The hospital's amounts, where it has the row, with the account beside the funds.
    pub hospital: Option<Amounts>,
    /// This side's, where it has the row in what was compared.
    pub centre: Option<Amounts>,
    /// Whether this side's row was reversed since it was found.
    pub reversed_since: bool,
}

/// Whether a comparison's row still stands: nothing later was compared of its day and group.
pub fn stands(found_by: &Compared, day: &GroupDay, comparisons: &[Compared]) -> bool {
    last_of(day, comparisons).is_some_and(|last| last.number == found_by.number)
}

/// What both books say of a row: the hospital's, then this side's. None where nothing is apart: what the hospital lacks was
/// reversed since, so that both lack it; or no money is.
///
/// ```
/// use clearing::hospital::{Amounts, Direction, Kind, told::{RowApart, facts}};
/// use settlement::{ids::SettlementId, money::Money};
/// let row = RowApart {
///     kind: Kind::CentreMore,
///     direction: Direction::Forward,
///     settlement: SettlementId::new("7")?,
///     hospital: None,
///     centre: Some(Amounts { total: Money::from_yuan(5), funds: Money::from_yuan(3), account: Money::from_yuan(1) }),
///     reversed_since: false,
/// };
/// let (hospital, centre) = facts(&row).expect("the hospital lacks it");
/// assert_eq!((hospital, centre.map(|fact| fact.sums.owed())), (None, Some(Money::from_yuan(4))));
/// assert_eq!(facts(&RowApart { reversed_since: true, ..row }), None);
/// # Ok::<(), settlement::ids::IdError>(())
/// ```
pub fn facts(row: &RowApart) -> Option<(Option<Fact>, Option<Fact>)> {
    let RowApart { kind, direction, settlement, hospital, centre, reversed_since } = row;
    let deed = match direction {
        Direction::Forward => Deed::Settle,
        Direction::Backward => Deed::Undo,
    };
    let fact = |amounts: Option<Amounts>| {
        amounts.map(|amounts| Fact { settlement: settlement.clone(), deed, sums: sums(amounts, *direction) })
    };
    match kind {
        Kind::CentreMore if *reversed_since => None,
        Kind::CentreMore => Some((None, fact(*centre))),
        Kind::HospitalMore => Some((fact(*hospital), None)),
        // Reversed since, the hospital alone has it.
        Kind::DataDiffer if *reversed_since => Some((fact(*hospital), None)),
        Kind::DataDiffer => (hospital != centre).then(|| (fact(*hospital), fact(*centre))),
    }
}

/// A fact says what an undoing takes back; a hospital's counter-entry lists it with negative amounts. Hospitals do not tell
/// the funds apart, so the first stands for all of them on both sides.
fn sums(Amounts { total, funds, account }: Amounts, direction: Direction) -> Sums {
    let signed = |money: Money| match direction {
        Direction::Forward => money,
        Direction::Backward => -money,
    };
    let mut shares = FundShares::default();
    shares.set(Fund::Basic, signed(funds));
    Sums { visits: 1, total: signed(total), funds: shares, account: signed(account) }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::breaks::{Book, Books, Kind as Differs, Proposal, judge};

    fn amounts(fen: i64) -> Amounts {
        Amounts { total: Money::from_fen(3 * fen), funds: Money::from_fen(2 * fen), account: Money::ZERO }
    }

    fn row(kind: Kind, direction: Direction, hospital: Option<i64>, centre: Option<i64>) -> RowApart {
        let settlement = SettlementId::new("s1").expect("an id");
        let [hospital, centre] = [hospital, centre].map(|fen| fen.map(amounts));
        RowApart { kind, direction, settlement, hospital, centre, reversed_since: false }
    }

    #[test]
    fn each_row_that_differs_has_its_break_both_sums_and_what_its_hospital_is_to_do() {
        use Direction::{Backward, Forward};
        use Kind::{CentreMore, DataDiffer, HospitalMore};
        let reversed = |row| RowApart { reversed_since: true, ..row };
        let differ = row(DataDiffer, Forward, Some(5), Some(6));
        let both_ways = row(DataDiffer, Backward, Some(-5), Some(-6));
        let other_sign = row(DataDiffer, Backward, Some(5), Some(-5));
        for (row, expected) in [
            (
                row(CentreMore, Forward, None, Some(5)),
                Some((Differs::Missing(Book::Outer), Proposal::HospitalReverses, 0, 10)),
            ),
            (
                row(CentreMore, Backward, None, Some(-5)),
                Some((Differs::StateDiffers, Proposal::HospitalQueries, 0, 10)),
            ),
            (
                row(HospitalMore, Forward, Some(5), None),
                Some((Differs::Missing(Book::Inner), Proposal::HospitalQueries, 10, 0)),
            ),
            (
                row(HospitalMore, Backward, Some(-5), None),
                Some((Differs::StateDiffers, Proposal::HospitalQueries, 10, 0)),
            ),
            (differ.clone(), Some((Differs::AmountDiffers, Proposal::Investigate, 10, 12))),
            (both_ways, Some((Differs::AmountDiffers, Proposal::Investigate, 10, 12))),
            (other_sign, Some((Differs::AmountDiffers, Proposal::Investigate, -10, 10))),
            (row(DataDiffer, Forward, Some(5), Some(5)), None),
            (reversed(row(CentreMore, Forward, None, Some(5))), None),
            (reversed(differ), Some((Differs::Missing(Book::Inner), Proposal::HospitalQueries, 10, 0))),
        ] {
            let judged = facts(&row).and_then(|(hospital, centre)| {
                let found = judge(Books::HospitalTreatment, hospital.as_ref(), centre.as_ref())?;
                Some((found.kind, found.proposed, found.outer.owed().fen(), found.inner.owed().fen()))
            });
            assert_eq!(judged, expected, "{row:?}");
        }
    }

    #[test]
    fn a_row_stands_until_its_own_day_is_compared_again() {
        let compared = |number, first, last, insurance: &str| Compared {
            number,
            institution: "H1".into(),
            days: (date(2025, 6, first), date(2025, 6, last)),
            insurance: insurance.into(),
            clearing_class: String::new(),
            agency: String::new(),
            upto: 9,
            agrees: false,
        };
        let day = GroupDay {
            institution: "H1".into(),
            day: date(2025, 6, 2),
            insurance: "310".into(),
            clearing_class: "21".into(),
            agency: "310000".into(),
            newest: 4,
        };
        let (month, other_day, other_group) =
            (compared(1, 1, 30, ""), compared(2, 3, 30, ""), compared(3, 2, 2, "390"));
        let before = [month.clone(), other_day, other_group];
        assert!(stands(&month, &day, &before));
        let after = [&before[..], &[compared(4, 2, 2, "310")]].concat();
        assert!(!stands(&month, &day, &after));
        assert!(stands(&after[3], &day, &after));
        let never = GroupDay { institution: "H2".into(), ..day };
        assert!(!stands(&month, &never, &after), "it is not of what was compared");
    }
}
