//! What keeps a year from being cleared whole, where a deduction goes another way than its settlement: each counts once.

use clearing::listed::{Act, Person, Seat, Verdict};
use clearing::period::Side;
use clearing::year::Why;
use jiff::Timestamp;
use jiff::civil::date;
use ledger::hub::{Listed, PeriodNumber, Reply};
use settlement::beijing;
use settlement::money::Money;

use broker::clearing::Clearing;

use crate::clearing::{advance, clearing, henan_shanghai};
use crate::leftovers::deducted;
use crate::requests::*;
use crate::world::World;

const NOVEMBER: PeriodNumber = PeriodNumber(1);
const DECEMBER: PeriodNumber = PeriodNumber(2);

/// Noon of a day, Beijing time.
fn noon(year: i16, month: i8, day: i8) -> Timestamp {
    beijing::instant_of(date(year, month, day).at(12, 0, 0, 0)).expect("an instant")
}

/// The home member objects to a settlement in a version of a period's statement.
async fn object(clearing: &Clearing, (period, version): (PeriodNumber, u32), settlement: &str, at: Timestamp) {
    let objection =
        Reply::Objected { settlements: vec![settlement_id(settlement)], reason: "患者否认就医".into() };
    let replied =
        clearing.reply((period, henan_shanghai(), Side::Home), version, objection, ("henan".into(), at)).await;
    replied.expect("the store works").expect("it is heard");
}

/// What was carried out of 2025 and is not closed, in yuan.
async fn carried(clearing: &Clearing) -> Vec<i64> {
    let end = clearing.year_end(2025).await.expect("the store works");
    let carried = end.rests.iter().filter(|rest| rest.why == Why::Carried);
    let mut owed: Vec<i64> = carried.map(|rest| rest.owed.fen() / 100).collect();
    owed.sort_unstable();
    owed
}

/// November is stated once more on the day on which December is, so that a deduction leaves December by itself, and its
/// settlement comes after it.
#[tokio::test]
async fn a_deduction_that_came_by_itself_is_told_beside_its_settlement_and_not_with_it() {
    let world = World::new().await;
    let clearing = clearing(&world);
    advance(&clearing, noon(2025, 11, 15)).await;
    for message in ["1", "2"] {
        world.operate(&settle(message)).await.expect("an answer");
    }
    for (month, day) in [(12, 1), (12, 21)] {
        advance(&clearing, noon(2025, month, day)).await;
    }
    deducted(&world, "D", 800).await;
    object(&clearing, (NOVEMBER, 1), "2", noon(2025, 12, 22)).await;
    advance(&clearing, noon(2026, 1, 21)).await;
    object(&clearing, (DECEMBER, 1), "1", noon(2026, 1, 22)).await;
    assert_eq!(carried(&clearing).await, [-8]);
    object(&clearing, (NOVEMBER, 2), "1", noon(2026, 1, 22)).await;
    assert_eq!(carried(&clearing).await, [-8, 50]);
    let due = clearing.pairs(PeriodNumber(3)).await.expect("the store works").remove(&henan_shanghai());
    let due = due.map(|lots| clearing::cleared::sum(&lots).owed());
    assert_eq!(due, Some(Money::from_yuan(42)), "as it is cleared in January");
}

/// It goes onto the list by itself, and is given back there while it waits.
#[tokio::test]
async fn what_is_given_back_on_the_list_counts_with_what_it_gives_back() {
    let world = World::new().await;
    let clearing = clearing(&world);
    advance(&clearing, noon(2025, 6, 15)).await;
    world.operate(&settle("1")).await.expect("an answer");
    advance(&clearing, noon(2025, 7, 21)).await;
    deducted(&world, "D", 800).await;
    for (period, month) in (2..).map(PeriodNumber).zip(8..).take(3) {
        advance(&clearing, noon(2025, month, 21)).await;
        object(&clearing, (period, 1), "1", noon(2025, month, 22)).await;
        advance(&clearing, noon(2025, month, 30)).await;
    }
    advance(&clearing, noon(2026, 1, 2)).await;
    world.operate(&cancel("2", "1")).await.expect("an answer");
    advance(&clearing, noon(2026, 1, 3)).await;
    let act = async |act, seat| {
        let (place, by) = ((settlement_id("1"), Listed::AFTERWARDS), Person { certificate: format!("{seat:?}"), seat });
        let acted = world.hub().store().listed_act(place, act, "查实".into(), (by, noon(2026, 1, 4))).await;
        acted.expect("the store works").expect("it may be done");
    };
    act(Act::Propose(Verdict::Clear), Seat::Member(Side::Home)).await;
    act(Act::Approve(Verdict::Clear), Seat::Centre).await;
    assert_eq!(carried(&clearing).await, [-8, 8]);
}
