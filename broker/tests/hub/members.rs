//! A pool that changes its member while a month is not closed yet.

use broker::clearing::Clearing;
use clearing::period::{Pair, Side, Step};
use ledger::hub::{PeriodNumber, Reply};
use settlement::ids::{MemberCode, SettlementId};
use settlement::money::Money;

use crate::clearing::{JUNE, advance, clearing, henan_shanghai, noon};
use crate::requests::*;
use crate::world::World;

/// The pairs of a period, each with what is owed.
async fn pairs(clearing: &Clearing, period: PeriodNumber) -> Vec<(Pair, Money)> {
    let standing = clearing.standing(period).await.expect("the store works").expect("a month");
    standing.record.pairs.iter().map(|(pair, held)| (*pair, held.owed())).collect()
}

#[tokio::test]
async fn what_is_stated_of_a_pool_is_not_stated_again_when_its_member_changes() {
    let world = World::new().await;
    let before = clearing(&world);
    advance(&before, noon(6, 15)).await;
    for message in ["1", "2"] {
        world.operate(&settle(message)).await.expect("an answer");
    }
    advance(&before, noon(7, 1)).await;
    let stated = advance(&before, noon(7, 21)).await;
    assert_eq!(stated, [(JUNE, Step::CarryOut), (JUNE, Step::State(henan_shanghai()))]);

    let table = std::fs::read_to_string(&world.config.regions).expect("a table");
    let edited = table.replace("410700,新乡市,pool,410700,410000", "410700,新乡市,pool,410700,440000");
    assert_ne!(edited, table);
    std::fs::write(&world.config.regions, edited).expect("it is written");
    let after = clearing(&world);
    assert_eq!(advance(&after, noon(7, 22)).await, [], "nothing of June is to be stated");
    assert_eq!(pairs(&after, JUNE).await, [(henan_shanghai(), Money::from_yuan(100))]);
    let moved = after.moved(JUNE, henan_shanghai()).await.expect("the store works");
    assert_eq!(moved.len(), 0);

    // It is Henan's to object to June still; what is carried on is of July, which is not stated.
    let settlements = vec![SettlementId::new("1").expect("an id")];
    let objection = Reply::Objected { settlements, reason: "not our enrollee".into() };
    let replied = after.reply((JUNE, henan_shanghai(), Side::Home), 1, objection, ("henan".into(), noon(7, 22)));
    replied.await.expect("the store works").expect("it is heard");
    let moved = after.moved(JUNE, henan_shanghai()).await.expect("the store works");
    assert_eq!(moved.iter().map(|moved| moved.movement.as_str()).collect::<Vec<_>>(), ["carried-out"]);
    assert_eq!(advance(&after, noon(7, 22)).await, [(JUNE, Step::State(henan_shanghai()))]);
    assert_eq!(pairs(&after, JUNE).await, [(henan_shanghai(), Money::from_yuan(50))]);
    let guangdong = Pair { home: MemberCode(region("440000")), ..henan_shanghai() };
    assert_eq!(pairs(&after, PeriodNumber(2)).await, [(guangdong, Money::from_yuan(50))]);
}

/// The funds have paid, and have got back: the lot is in no statement, and an entry of it may be objected to.
#[tokio::test]
async fn which_member_a_pool_is_of_is_recorded_also_where_its_lot_comes_to_nothing() {
    let world = World::new().await;
    let clearing = clearing(&world);
    advance(&clearing, noon(6, 15)).await;
    world.operate(&settle("1")).await.expect("an answer");
    world.operate(&cancel("2", "1")).await.expect("an answer");
    advance(&clearing, noon(7, 1)).await;
    assert_eq!(advance(&clearing, noon(7, 21)).await[0], (JUNE, Step::CarryOut));
    assert_eq!(pairs(&clearing, JUNE).await, [], "nothing is to be stated");
    let recorded = world.hub().store().period_members(JUNE).await.expect("the store works");
    let Pair { home, treatment } = henan_shanghai();
    let expected = [(pool("310000"), treatment), (pool("410700"), home)];
    assert_eq!(recorded.into_iter().collect::<Vec<_>>(), expected);
}
