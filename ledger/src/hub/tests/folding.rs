//! What the fold of the journal comes to.

use clearing::digest::{Branch, Leaf};
use clearing::obligation::{Lot, Sums, Totals, postings};

use super::*;
use crate::leaves::Scope;

pub(super) const FIRST: PeriodNumber = PeriodNumber(1);

pub(super) fn lot() -> Lot {
    Lot { home: pool("410700"), treatment: pool("310000"), insurance: Insurance::Employee, care: CareKind::Inpatient }
}

/// The bytes of these tests say nothing, so everything is one branch and one lot.
fn reading() -> Reading {
    Reading {
        leaf: |operation, outcome| {
            let branch = Branch { day: date(2025, 6, 10), home: lot().home, treatment: lot().treatment };
            Ok(Some((branch, Leaf::of(&String::from_utf8_lossy(operation), outcome))))
        },
        lot: |_, _| Ok(lot()),
    }
}

pub(super) async fn fold(world: &World) {
    world.store.journal_fold(reading()).await.expect("it is folded");
}

pub(super) async fn receive(world: &World, operation: &Operation) -> Position {
    let bytes = operation.key.message.to_string();
    let Received::Fresh(fresh) = world.receive_bytes(operation, &bytes).await else { panic!("not fresh") };
    fresh.position
}

async fn totals(world: &World, period: PeriodNumber) -> Totals {
    world.store.lot_totals(period).await.expect("totals")
}

/// The same, read entry by entry from the journal.
async fn journal(world: &World, period: PeriodNumber) -> Totals {
    let turns = world.store.settlement_turns(Position(0), 1_000).await.expect("turns");
    let of_period = turns.iter().filter(|turn| turn.period == period);
    of_period.flat_map(|turn| postings(lot(), turn.turn, &turn.lines)).collect()
}

/// That the sums of a period are proved from the journal, which the proof reads in its own way.
async fn prove(world: &World, period: PeriodNumber) {
    let proved = world.store.journal_totals(period, reading()).await.expect("the journal is read");
    assert_eq!(totals(world, period).await.differences(&proved), []);
    assert_eq!(journal(world, period).await, proved);
}

async fn leaves(world: &World) -> u64 {
    let days = (date(2025, 6, 1), date(2025, 6, 30));
    let roots = world.store.leaves().leaf_roots(days, Scope::default()).await.expect("roots");
    roots.values().map(|root| root.count).sum()
}

pub(super) async fn folding_adds_up_to_the_journal_whenever_answers_come(world: World) {
    let mut waiting = Vec::new();
    for number in 1..=700 {
        let position = receive(&world, &settle(&number.to_string())).await;
        if number % 7 == 0 {
            waiting.push((number, position));
        } else {
            world.answer(position, booking(&number.to_string(), Turn::Enter, number)).await;
        }
        if number % 250 == 0 {
            fold(&world).await;
        }
    }
    fold(&world).await;
    assert_eq!((totals(&world, FIRST).await, leaves(&world).await), (journal(&world, FIRST).await, 600));
    for (number, position) in waiting.into_iter().rev() {
        world.answer(position, booking(&number.to_string(), Turn::Enter, number)).await;
    }
    fold(&world).await;
    fold(&world).await;
    assert_eq!((totals(&world, FIRST).await, leaves(&world).await), (journal(&world, FIRST).await, 700));
    prove(&world, FIRST).await;
    let sums = totals(&world, FIRST).await.of(lot());
    assert_eq!((sums.visits, sums.owed()), (700, Money::from_fen(700 * 701 / 2)));
    let listed = world.store.lot_postings((FIRST, lot()), Position(0), 1_000).await.expect("postings");
    assert_eq!(listed.iter().map(|posting| posting.posting.sums.owed()).sum::<Money>(), sums.owed());
    assert!(listed.iter().all(|posting| posting.turn() == Turn::Enter && posting.day == date(2025, 6, 10)));
}

pub(super) async fn folding_twice_at_once_folds_once(world: World) {
    let mut waiting = Vec::new();
    for number in 1..=600 {
        let position = receive(&world, &settle(&number.to_string())).await;
        match number % 2 {
            0 => waiting.push((number, position)),
            _ => drop(world.answer(position, booking(&number.to_string(), Turn::Enter, number)).await),
        }
    }
    tokio::join!(fold(&world), fold(&world), fold(&world));
    for (number, position) in waiting {
        world.answer(position, booking(&number.to_string(), Turn::Enter, number)).await;
    }
    tokio::join!(fold(&world), fold(&world), fold(&world));
    assert_eq!((totals(&world, FIRST).await, leaves(&world).await), (journal(&world, FIRST).await, 600));
}

pub(super) async fn an_undoing_is_in_the_period_in_which_it_was_booked(world: World) {
    let made = receive(&world, &settle("S")).await;
    world.answer(made, booking("S", Turn::Enter, 100)).await;
    fold(&world).await;
    let next = world.store.period_cut_off(FIRST, at(5)).await.expect("it is cut off").number;
    let undone = receive(&world, &cancel("C")).await;
    world.answer(undone, booking("S", Turn::Counter, 100)).await;
    fold(&world).await;
    let sums = |totals: Totals| totals.of(lot());
    let (first, second) = (sums(totals(&world, FIRST).await), sums(totals(&world, next).await));
    assert_eq!((first.visits, first.owed()), (1, Money::from_fen(100)));
    let mut both = first;
    both += second;
    assert_eq!(both, Sums::default());
    // What was released never left, so nothing of it is folded.
    let released = receive(&world, &settle("R")).await;
    world.store.operation_release(released, pool("410700"), at(6)).await.expect("released");
    fold(&world).await;
    assert_eq!(leaves(&world).await, 2);
}

pub(super) async fn each_entry_is_proved_in_its_own_period(world: World) {
    let mut waiting = Vec::new();
    for number in 1..=60 {
        let position = receive(&world, &settle(&number.to_string())).await;
        match number % 3 {
            0 => waiting.push((number, position)),
            _ => drop(world.answer(position, booking(&number.to_string(), Turn::Enter, number)).await),
        }
        match number {
            // Cut off right after it was folded, while half is folded, and with nothing folded since the last.
            20 => fold(&world).await,
            30 | 35 | 50 => drop(cut_off(&world).await),
            _ => {}
        }
        if number % 10 == 4 {
            for (number, position) in waiting.drain(..) {
                world.answer(position, booking(&number.to_string(), Turn::Enter, number)).await;
            }
        }
    }
    fold(&world).await;
    for period in 1..=4 {
        prove(&world, PeriodNumber(period)).await;
        assert!(!totals(&world, PeriodNumber(period)).await.is_empty(), "{period}");
    }
}

pub(super) async fn cut_off(world: &World) -> Period {
    let open = world.store.period_open().await.expect("a period").number;
    world.store.period_cut_off(open, at(5)).await.expect("it is cut off")
}
