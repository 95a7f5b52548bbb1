//! A hospital's list beside ours: each difference alone, and any number of them together.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

fn id(number: u32) -> SettlementId {
    SettlementId::new(&number.to_string()).expect("an id")
}

fn amounts(fen: i64) -> Amounts {
    Amounts { total: Money::from_fen(fen * 3), funds: Money::from_fen(fen * 2), account: Money::from_fen(fen) }
}

/// Every third settlement of our book was cancelled; its counter-entry has an id of its own.
fn book(size: u32) -> Vec<CentreRow> {
    let row = |number: u32, cancels: Option<SettlementId>| CentreRow {
        settlement: id(number),
        encounter: EncounterId::new("e").expect("an id"),
        person: PersonNumber::new("p").expect("a number"),
        amounts: amounts(if cancels.is_some() { -i64::from(number) } else { i64::from(number) }),
        cancels,
    };
    let settlements = (1..=size).map(|number| row(number, None));
    let counters = (1..=size).step_by(3).map(|number| row(number + 1_000_000, Some(id(number))));
    settlements.chain(counters).collect()
}

/// The hospital's list of our book; it keeps counter-entries by their own ids or by what they take back.
fn listed(book: &[CentreRow], by_original: bool) -> Vec<HospitalRow> {
    let row = |row: &CentreRow| HospitalRow {
        settlement: row.cancels.clone().filter(|_| by_original).unwrap_or_else(|| row.settlement.clone()),
        encounter: None,
        person: Some(row.person.clone()),
        direction: row.direction(),
        amounts: row.amounts,
    };
    book.iter().map(row).collect()
}

#[test]
fn a_missing_an_extra_and_a_differing_row_are_told_apart() {
    let ours = book(2);
    let mut theirs = listed(&ours, true);
    theirs[0].amounts.funds += Money::from_fen(1);
    theirs[1].settlement = id(77);
    theirs.push(theirs[2].clone());
    let found = match_rows(&theirs, &ours);
    let expected = [
        Difference::DataDiffer { hospital: 0, centre: 0, stated: vec![Stated::Funds] },
        Difference::HospitalMore { hospital: 1, again: false },
        Difference::HospitalMore { hospital: 3, again: true },
        Difference::CentreMore { centre: 1 },
    ];
    assert_eq!(found, expected);
}

#[test]
fn another_person_or_visit_is_a_difference_and_none_given_is_none() {
    let ours = book(1);
    let mut theirs = listed(&ours, false);
    assert_eq!(match_rows(&theirs, &ours), []);
    theirs[0].person = PersonNumber::new("q").ok();
    theirs[0].encounter = EncounterId::new("f").ok();
    let stated = vec![Stated::Encounter, Stated::Person];
    assert_eq!(match_rows(&theirs, &ours), [Difference::DataDiffer { hospital: 0, centre: 0, stated }]);
}

#[test]
fn figures_that_differ_are_named() {
    let ours = Figures { count: 3, amounts: amounts(5) };
    assert_eq!(figures_apart(&ours, &ours), []);
    let theirs = Figures { count: 4, amounts: Amounts { account: Money::ZERO, ..ours.amounts } };
    assert_eq!(figures_apart(&ours, &theirs), [Stated::Account, Stated::Count]);
}

#[test]
fn what_is_proposed_depends_on_who_lacks_what() {
    use Direction::{Backward, Forward};
    for (kind, direction, expected) in [
        (Kind::CentreMore, Forward, Proposal::Reverse),
        (Kind::CentreMore, Backward, Proposal::Query),
        (Kind::HospitalMore, Forward, Proposal::Query),
        (Kind::HospitalMore, Backward, Proposal::Query),
        (Kind::DataDiffer, Forward, Proposal::Investigate),
        (Kind::DataDiffer, Backward, Proposal::Investigate),
    ] {
        assert_eq!(proposal(kind, direction), expected, "{kind:?} {direction:?}");
        assert_eq!(Kind::from_word(kind.word()), Some(kind));
    }
}

/// What is done to the hospital's list.
#[derive(Clone, Copy, Debug)]
enum Plant {
    Drop,
    Change,
    Repeat,
    Rename,
}

proptest! {
    #[test]
    fn matching_finds_exactly_what_was_planted(
        size in 1_u32..60,
        by_original in any::<bool>(),
        plants in prop::collection::btree_map(0_usize..80, prop_oneof![
            Just(Plant::Drop), Just(Plant::Change), Just(Plant::Repeat), Just(Plant::Rename),
        ], 0..20),
        turn in any::<prop::sample::Index>(),
    ) {
        let ours = book(size);
        let mut theirs = Vec::new();
        let mut planted = BTreeSet::new();
        for (place, row) in listed(&ours, by_original).into_iter().enumerate() {
            match plants.get(&place) {
                None => theirs.push(row),
                Some(Plant::Drop) => {
                    planted.insert((Kind::CentreMore, row.direction, ours[place].settlement.clone()));
                }
                Some(Plant::Change) => {
                    planted.insert((Kind::DataDiffer, row.direction, row.settlement.clone()));
                    let mut changed = row;
                    changed.amounts.account += Money::from_fen(1);
                    theirs.push(changed);
                }
                Some(Plant::Repeat) => {
                    planted.insert((Kind::HospitalMore, row.direction, row.settlement.clone()));
                    theirs.extend([row.clone(), row]);
                }
                Some(Plant::Rename) => {
                    planted.insert((Kind::CentreMore, row.direction, ours[place].settlement.clone()));
                    let settlement = SettlementId::new(&format!("x{place}")).expect("an id");
                    planted.insert((Kind::HospitalMore, row.direction, settlement.clone()));
                    theirs.push(HospitalRow { settlement, ..row });
                }
            }
        }
        if !theirs.is_empty() {
            let turn = turn.index(theirs.len());
            theirs.rotate_left(turn);
        }
        let differences = match_rows(&theirs, &ours);
        let found = differences.iter().map(|difference| match difference {
            Difference::DataDiffer { hospital, .. } | Difference::HospitalMore { hospital, .. } => {
                let row = &theirs[*hospital];
                (difference.kind(), row.direction, row.settlement.clone())
            }
            Difference::CentreMore { centre } => {
                (difference.kind(), ours[*centre].direction(), ours[*centre].settlement.clone())
            }
        });
        let found: BTreeSet<_> = found.collect();
        prop_assert_eq!(differences.len(), found.len());
        prop_assert_eq!(found, planted);
    }
}
