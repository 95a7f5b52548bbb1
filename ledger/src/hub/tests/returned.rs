//! What was returned from the list is told from what waits there.

use ::clearing::listed::{Act, Seat, Verdict};
use ::clearing::period::Side;

use super::alone::listed_by_itself;
use super::corrections::{found, in_force};
use super::course::{carry_out, settled, settlement};
use super::deductions::undo;
use super::folding::{FIRST, cut_off, fold};
use super::listed::{lodge_and_agree, person};
use super::*;

/// Where what is deducted and corrected of a settlement stands.
async fn stands(world: &World, id: &str) -> Vec<Stands> {
    let followed = world.store.settlement_follow(settlement(id)).await.expect("it is read");
    let deducted = followed.deducted.iter().map(|each| each.stands);
    deducted.chain(followed.corrected.iter().map(|each| each.stands)).collect()
}

async fn end(world: &World, (id, part): (&str, i64), verdict: Verdict) {
    for (act, seat) in [(Act::Propose(verdict), Seat::Member(Side::Home)), (Act::Approve(verdict), Seat::Centre)] {
        let by = (person(&format!("{seat:?}"), seat), at(13));
        let done = world.store.listed_act((settlement(id), part), act, "查实".into(), by).await;
        done.expect("the store works").expect("it is done");
    }
}

pub(super) async fn what_was_returned_with_its_settlement_waits_no_more(world: World) {
    for (id, fen) in [("A", 100), ("B", 20), ("C", 50)] {
        settled(&world, id, fen).await;
    }
    fold(&world).await;
    for (id, fen) in [("A", 30), ("B", 5), ("C", 1)] {
        lodge_and_agree(&world, id, fen).await;
    }
    in_force(&world, "1", Changes::Named(vec![found("A", 100, 110), found("B", 20, 30)])).await;
    let second = cut_off(&world).await.number;
    assert_eq!(carry_out(&world, FIRST, &["A", "B"], None).await, 2);
    for id in ["A", "B"] {
        assert_eq!(stands(&world, id).await, [Stands::Waiting; 2], "{id}");
    }
    end(&world, ("A", 0), Verdict::Clear).await;
    end(&world, ("B", 0), Verdict::Return).await;
    assert_eq!(stands(&world, "A").await, [Stands::In(second); 2]);
    assert_eq!(stands(&world, "B").await, [Stands::Returned; 2]);
    assert_eq!(stands(&world, "C").await, [Stands::In(FIRST)]);
    // What gives back a deduction that was returned counts no more than that.
    undo(&world, "UB", "B", 20).await;
    assert_eq!(world.store.deduction_release(at(14)).await.expect("the store works"), 1);
    assert_eq!(stands(&world, "B").await, [Stands::Returned; 3]);
}

pub(super) async fn what_was_returned_by_itself_waits_no_more(world: World) {
    listed_by_itself(&world).await;
    assert_eq!(
        (stands(&world, "A").await, stands(&world, "B").await),
        (vec![Stands::Waiting], vec![Stands::Waiting; 2])
    );
    end(&world, ("B", Listed::AFTERWARDS), Verdict::Return).await;
    assert_eq!(
        (stands(&world, "A").await, stands(&world, "B").await),
        (vec![Stands::Waiting], vec![Stands::Returned; 2])
    );
    end(&world, ("A", Listed::AFTERWARDS), Verdict::Clear).await;
    assert_eq!(stands(&world, "A").await, [Stands::In(PeriodNumber(5))]);
}
