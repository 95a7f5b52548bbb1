//! What builds on a correction that came onto the list by itself: it waits there with it, and both end on one sum.

use ::clearing::listed::{Act, ListFault, Seat, Standing, Verdict};
use ::clearing::period::Side;

use super::alone::{
    FIFTH, FOURTH, NEXT, THIRD, act, changed_after_it_was_cleared, listed_by_itself, nothing_is_astray, object, of,
    on_list, stated,
};
use super::corrections::{found, in_force, release, turn};
use super::course::{owed, settlement};
use super::deductions::{bring_back, undo};
use super::folding::FIRST;
use super::*;

const HOME: Seat = Seat::Member(Side::Home);

async fn end(world: &World, id: &str, verdict: Verdict) {
    assert_eq!(act(world, id, Act::Propose(verdict), HOME).await, Ok(()));
    assert_eq!(act(world, id, Act::Approve(verdict), Seat::Centre).await, Ok(()));
}

fn take_back(batch: &str) -> Changes {
    Changes::Undo(batch.into())
}

/// What corrections move in a period, as its documents tell it.
async fn documented(world: &World, period: PeriodNumber) -> Vec<(String, i64)> {
    let posted = world
        .store
        .correction_postings_page(period, Between::default(), (String::new(), 0), 10)
        .await
        .expect("postings");
    posted.iter().map(|one| (format!("{} {}", one.batch, one.correction.settlement), one.moves.total().fen())).collect()
}

/// What moved by itself in a period, as its documents tell it: which, from and into which period, and what it comes to.
async fn moved_alone(
    world: &World,
    place: (PeriodNumber, CarriedSide),
    limit: u32,
) -> Vec<(String, Option<PeriodNumber>, Option<PeriodNumber>, i64)> {
    let mut moved = Vec::new();
    for of in Afterwards::ALL {
        let mut key = (String::new(), 0, i64::MIN);
        loop {
            let page = world.store.moved_alone_page(of, place, Between::default(), key.clone(), limit).await;
            let page = page.expect("a page");
            let Some(last) = page.last() else { break };
            key = last.key.clone();
            let told =
                |one: MovedAlone| (format!("{} {}", one.named, one.settlement), one.from, one.into, one.moves.fen());
            moved.extend(page.into_iter().map(told));
        }
    }
    moved
}

pub(super) async fn what_moves_by_itself_is_told_in_the_period_that_it_leaves_and_in_the_one_that_it_enters(
    world: World,
) {
    listed_by_itself(&world).await;
    end(&world, "A", Verdict::Clear).await;
    end(&world, "B", Verdict::Return).await;
    let all = |from, into| [("B", -5), ("A", -10), ("B", 20)].map(|(id, fen)| (id, from, into, fen));
    let (came, went) = (CarriedSide::Into, CarriedSide::OutOf);
    let nothing: [(&str, Option<PeriodNumber>, Option<PeriodNumber>, i64); 3] = all(None, None);
    for (place, told) in [
        ((FIRST, went), &nothing[..0]),
        ((NEXT, came), &nothing[..0]),
        ((NEXT, went), &all(Some(NEXT), Some(THIRD))),
        ((THIRD, came), &all(Some(NEXT), Some(THIRD))),
        ((THIRD, went), &all(Some(THIRD), Some(FOURTH))),
        ((FOURTH, came), &all(Some(THIRD), Some(FOURTH))),
        ((FOURTH, went), &all(Some(FOURTH), None)),
        // What is cleared comes off the list; what is returned comes into no period.
        ((FIFTH, came), &[("A", None, Some(FIFTH), -10)]),
        ((FIFTH, went), &nothing[..0]),
    ] {
        for limit in 1..4 {
            let moved = moved_alone(&world, place, limit).await;
            let named: Vec<_> =
                moved.iter().map(|(named, from, into, fen)| (&named[named.len() - 1..], *from, *into, *fen)).collect();
            assert_eq!(named, told, "{place:?}, {limit} at once");
        }
    }
    assert_eq!(world.store.moved_alone_lots(THIRD).await.expect("lots").len(), 1, "though it comes to nothing there");
    assert_eq!(world.store.moved_alone_lots(FIRST).await.expect("lots").len(), 0);
}

/// Corrected by -10 and +20, with 5 deducted from the second; all of it on the list.
pub(super) async fn what_takes_back_a_correction_on_the_list_waits_there_and_ends_with_it(world: World) {
    listed_by_itself(&world).await;
    assert_eq!(act(&world, "A", Act::Propose(Verdict::Clear), HOME).await, Ok(()), "of -10");
    in_force(&world, "2", take_back("1")).await;
    assert_eq!(owed(&world, FIFTH).await, 0, "what was never cleared is not taken back");
    let waiting = || Standing::Waiting;
    assert_eq!(on_list(&world).await, [of("A", [0, 0, 0], waiting()), of("B", [5, 0, -5], waiting())]);
    let approved = act(&world, "A", Act::Approve(Verdict::Clear), Seat::Centre).await;
    assert_eq!(approved, Err(ListFault::NothingProposed.into()), "nobody proposed that of both");
    nothing_is_astray(&world).await;

    end(&world, "A", Verdict::Clear).await;
    end(&world, "B", Verdict::Return).await;
    let ended = |verdict| Standing::Ended(verdict);
    let both = [of("A", [0, 0, 0], ended(Verdict::Clear)), of("B", [5, 0, -5], ended(Verdict::Return))];
    assert_eq!((owed(&world, FIFTH).await, on_list(&world).await), (0, both.to_vec()));
    let both = [("1 A".to_owned(), -10), ("2 A".to_owned(), 10)];
    assert_eq!(documented(&world, FIFTH).await, both, "the period is that in which the second was made");
    let followed = world.store.settlement_follow(settlement("A")).await.expect("it is read");
    assert_eq!(followed.corrected.iter().map(|each| each.stands.period()).collect::<Vec<_>>(), [Some(FIFTH); 2]);
    let ways: Vec<_> =
        followed.alone.iter().filter(|went| went.id == "2 A").map(|went| (went.from, went.into)).collect();
    assert_eq!(ways, [(Some(FIFTH), None), (None, Some(FIFTH))]);
    nothing_is_astray(&world).await;

    // What took it back is given back with its settlement, where it counts and not where it was returned.
    turn(&world, "D", "A", (Turn::Counter, 100)).await;
    turn(&world, "E", "B", (Turn::Counter, 50)).await;
    assert_eq!((release(&world).await, owed(&world, FIFTH).await), (4, -150));
    assert_eq!(documented(&world, FIFTH).await.iter().map(|(_, moves)| moves).sum::<i64>(), 0);
    nothing_is_astray(&world).await;
}

pub(super) async fn what_takes_back_a_correction_that_left_the_list_counts_only_where_that_was_cleared(world: World) {
    listed_by_itself(&world).await;
    end(&world, "A", Verdict::Clear).await;
    end(&world, "B", Verdict::Return).await;
    assert_eq!(owed(&world, FIFTH).await, -10);
    in_force(&world, "2", take_back("1")).await;
    assert_eq!(owed(&world, FIFTH).await, 0, "A's -10 is taken back, and of B there is nothing to take back");
    let ended = |verdict| Standing::Ended(verdict);
    let both = [of("A", [0, -10, -10], ended(Verdict::Clear)), of("B", [5, 0, -5], ended(Verdict::Return))];
    assert_eq!(on_list(&world).await, both);
    nothing_is_astray(&world).await;
    in_force(&world, "3", take_back("2")).await;
    assert_eq!(owed(&world, FIFTH).await, -10, "what was returned does not come again");
    nothing_is_astray(&world).await;
    undo(&world, "F", "B", 50).await;
    assert_eq!(world.store.deduction_release(at(14)).await.expect("the store works"), 1);
    assert_eq!((release(&world).await, owed(&world, FIFTH).await), (3, -60));
    bring_back(&world, ("G", "F"), "B", 50).await;
    assert_eq!(world.store.deduction_restore(at(15)).await.expect("the store works"), 1);
    assert_eq!((release(&world).await, owed(&world, FIFTH).await), (3, -10));
    nothing_is_astray(&world).await;
}

pub(super) async fn what_is_worked_out_again_from_a_correction_on_the_list_waits_for_its_end(world: World) {
    listed_by_itself(&world).await;
    in_force(&world, "2", Changes::Named(vec![found("A", 100, 85)])).await;
    assert_eq!(owed(&world, FIFTH).await, 0, "from 90, which nobody has paid by yet");
    assert_eq!(on_list(&world).await[0], of("A", [0, -15, -15], Standing::Waiting));
    end(&world, "A", Verdict::Clear).await;
    assert_eq!(owed(&world, FIFTH).await, -15);
    in_force(&world, "3", Changes::Named(vec![found("A", 100, 80)])).await;
    assert_eq!(owed(&world, FIFTH).await, -20, "what was cleared is built on in the open period");

    end(&world, "B", Verdict::Return).await;
    in_force(&world, "4", Changes::Named(vec![found("B", 50, 60)])).await;
    assert_eq!(owed(&world, FIFTH).await, -20, "from 70 of which 20 were returned: people decide");
    let listed = on_list(&world).await;
    assert!(
        listed.contains(&of("B", [0, -10, -10], Standing::Waiting)),
        "what has ended is not decided again: {listed:?}"
    );
    end(&world, "B", Verdict::Return).await;
    assert_eq!(owed(&world, FIFTH).await, -20);
    nothing_is_astray(&world).await;
}

/// Carried through the third period into the fourth; the fifth is open.
async fn on_its_way_to_the_list(world: &World) {
    changed_after_it_was_cleared(world).await;
    for period in [NEXT, THIRD] {
        if period == THIRD {
            stated(world, period).await;
        }
        assert_eq!(object(world, period, 1, &["A", "B"]).await, Ok(()));
    }
    stated(world, FOURTH).await;
    assert_eq!((owed(world, FOURTH).await, owed(world, FIFTH).await), (5, 0));
}

pub(super) async fn what_took_back_a_correction_on_its_way_goes_onto_the_list_with_it(world: World) {
    on_its_way_to_the_list(&world).await;
    in_force(&world, "2", take_back("1")).await;
    assert_eq!(owed(&world, FIFTH).await, -10, "the fourth period still clears what is taken back");
    assert_eq!(object(&world, FOURTH, 1, &["A", "B"]).await, Ok(()));
    assert_eq!((owed(&world, FOURTH).await, owed(&world, FIFTH).await), (0, 0));
    let waiting = || Standing::Waiting;
    assert_eq!(on_list(&world).await, [of("A", [0, 0, 0], waiting()), of("B", [5, 0, -5], waiting())]);
    nothing_is_astray(&world).await;
    for id in ["A", "B"] {
        end(&world, id, Verdict::Return).await;
    }
    assert_eq!(owed(&world, FIFTH).await, 0);
    nothing_is_astray(&world).await;
}

pub(super) async fn what_was_given_back_of_a_posting_on_its_way_goes_onto_the_list_with_it(world: World) {
    on_its_way_to_the_list(&world).await;
    undo(&world, "D", "A", 100).await;
    undo(&world, "F", "B", 50).await;
    assert_eq!(world.store.deduction_release(at(14)).await.expect("the store works"), 1);
    assert_eq!((release(&world).await, owed(&world, FIFTH).await), (2, -155), "less 150, 10 given back, 20 and 5 back");
    assert_eq!(object(&world, FOURTH, 1, &["A", "B"]).await, Ok(()));
    assert_eq!((owed(&world, FOURTH).await, owed(&world, FIFTH).await), (0, -150));
    let waiting = || Standing::Waiting;
    assert_eq!(on_list(&world).await, [of("A", [0, 0, 0], waiting()), of("B", [0, 0, 0], waiting())]);
    end(&world, "A", Verdict::Clear).await;
    end(&world, "B", Verdict::Return).await;
    assert_eq!(owed(&world, FIFTH).await, -150);
    nothing_is_astray(&world).await;
}
