//! What a period is cleared without because the three books were not compared on it.

use ::clearing::breaks::Books;
use ::clearing::digest::{Branch, Leaf, Node};

use super::course::{owed, settled, settlement};
use super::folding::{FIRST, cut_off, lot, receive};
use super::*;
use crate::leaves::Scope;

fn branch(day: i8) -> Branch {
    Branch { day: date(2025, 6, day), home: lot().home, treatment: lot().treatment }
}

/// An operation is of the day that its message begins with.
async fn fold(world: &World) {
    let reading = Reading {
        leaf: |operation, outcome| {
            let message = String::from_utf8_lossy(operation).into_owned();
            let day = message.split('-').next().and_then(|day| day.parse().ok()).ok_or("it is of no day")?;
            Ok(Some((branch(day), Leaf::of(&message, outcome))))
        },
        lot: |_, _| Ok(lot()),
    };
    world.store.journal_fold(reading).await.expect("it is folded");
}

async fn undone(world: &World, message: &str, of: &str, fen: i64) {
    let position = receive(world, &cancel(message)).await;
    world.answer(position, booking(of, Turn::Counter, fen)).await;
}

async fn root(world: &World, day: i8) -> Vec<(Branch, Node)> {
    let days = (branch(day).day, branch(day).day);
    let roots = world.store.leaves().leaf_roots(days, Scope::default()).await.expect("roots");
    assert_eq!(roots.len(), 1, "{day}");
    roots.into_iter().collect()
}

async fn agree(world: &World, day: i8, books: Books) {
    let agreed = root(world, day).await;
    world.store.agreement_record(books, agreed, at(6)).await.expect("it is recorded");
}

async fn uncompared(world: &World, period: PeriodNumber) -> Vec<(i8, Vec<Books>)> {
    assert_eq!(world.store.branch_miscounted().await.expect("a check"), []);
    let found = world.store.uncompared_branches(period).await.expect("branches");
    assert!(found.iter().all(|found| found.branch == branch(found.branch.day.day())));
    found.into_iter().map(|found| (found.branch.day.day(), found.books)).collect()
}

async fn carry_out(world: &World, from: PeriodNumber, day: i8, carrying: Carrying) -> u64 {
    let (reason, owner) = ("hub-home not compared".to_owned(), ::clearing::period::Side::Home);
    let branches = DisputedBranches { branches: vec![branch(day)], reason, owner };
    let carried = world.store.entry_carry_out(from, (vec![], vec![branches]), carrying, at(7)).await;
    carried.expect("the store works").expect("they are carried")
}

pub(super) async fn a_branch_is_compared_once_both_comparisons_reached_its_present_root(world: World) {
    const BOTH: [Books; 2] = [Books::TreatmentHub, Books::HubHome];
    for (id, fen) in [("10-A", 100), ("11-B", 20), ("11-C", 3)] {
        settled(&world, id, fen).await;
    }
    let second = cut_off(&world).await.number;
    fold(&world).await;
    assert_eq!(uncompared(&world, FIRST).await, [(10, BOTH.to_vec()), (11, BOTH.to_vec())]);
    assert_eq!(uncompared(&world, second).await, [], "nothing is in it");
    agree(&world, 10, Books::HubHome).await;
    agree(&world, 11, Books::TreatmentHub).await;
    let one = [(10, vec![Books::TreatmentHub]), (11, vec![Books::HubHome])];
    assert_eq!(uncompared(&world, FIRST).await, one);
    agree(&world, 10, Books::TreatmentHub).await;
    assert_eq!(uncompared(&world, FIRST).await, one[1..]);
    // What differs was compared: it is a break, and the rest agrees.
    world.store.difference_record(Books::HubHome, root(&world, 11).await, at(6)).await.expect("it is recorded");
    assert_eq!(uncompared(&world, FIRST).await, []);
    settled(&world, "10-L", 7).await;
    fold(&world).await;
    for period in [FIRST, second] {
        assert_eq!(uncompared(&world, period).await, [(10, BOTH.to_vec())], "a late entry makes another root");
    }
    for books in BOTH {
        agree(&world, 10, books).await;
    }
    assert_eq!(uncompared(&world, FIRST).await, []);
}

pub(super) async fn a_period_keeps_a_row_a_branch_however_many_entries_it_holds(world: World) {
    const ROWS: &str = "SELECT entries FROM period_branches ORDER BY period, day";
    for number in 0..40 {
        settled(&world, &format!("1{}-{number}", number % 2), 10).await;
    }
    fold(&world).await;
    let counts = async || {
        let rows = world.store.engine.read(|sql| sql.query(ROWS, crate::values![], |row| row.number(0)));
        rows.await.expect("they are read")
    };
    assert_eq!(counts().await, [20, 20]);
    let second = cut_off(&world).await.number;
    assert_eq!(carry_out(&world, FIRST, 10, Carrying::from([(FIRST, Some(second))])).await, 20);
    assert_eq!(counts().await, [0, 20, 20], "one for what was carried");
    let days = async |period| uncompared(&world, period).await.into_iter().map(|(day, _)| day).collect::<Vec<_>>();
    assert_eq!((days(FIRST).await, days(second).await), (vec![11], vec![10]));
}

pub(super) async fn what_was_not_compared_is_carried_out_by_branch_with_what_undoes_it_and_is_taken_off_it(
    world: World,
) {
    for (id, fen) in [("10-A", 100), ("10-B", 50), ("11-C", 20), ("12-D", 3)] {
        settled(&world, id, fen).await;
    }
    undone(&world, "11-U", "10-B", 50).await;
    fold(&world).await;
    for (of, fen) in [("10-A", 30), ("11-C", 5)] {
        super::listed::lodge_and_agree(&world, of, fen).await;
    }
    let second = cut_off(&world).await.number;
    undone(&world, "13-U", "12-D", 3).await;
    let third = cut_off(&world).await.number;
    fold(&world).await;
    assert_eq!(owed(&world, FIRST).await, 70 + 15 + 3);
    let disputed =
        Disputed { settlement: settlement("10-A"), reason: "apart".into(), owner: ::clearing::period::Side::Home };
    let reason = || "not compared".to_owned();
    let owner = ::clearing::period::Side::Treatment;
    let branches = vec![
        DisputedBranches { branches: vec![branch(10)], reason: reason(), owner },
        DisputedBranches { branches: vec![branch(10), branch(14)], reason: reason(), owner },
    ];
    let carrying = Carrying::from([(FIRST, Some(second))]);
    let carried = world.store.entry_carry_out(FIRST, (vec![disputed], branches), carrying, at(7)).await;
    assert_eq!(
        carried.expect("the store works"),
        Some(3),
        "each once: what differs, what was not compared, its undoing"
    );
    assert_eq!((owed(&world, FIRST).await, owed(&world, second).await), (15 + 3, 70 - 3));
    let entries = world.store.carried_entries(FIRST).await.expect("entries");
    let reasons: Vec<_> =
        entries.iter().map(|entry| (entry.posting.settlement.as_str(), entry.reason.as_str())).collect();
    assert_eq!(reasons, [("10-A", "apart"), ("10-B", "not compared"), ("10-B", "not compared")]);

    assert_eq!(uncompared(&world, second).await.iter().map(|(day, _)| *day).collect::<Vec<_>>(), [10, 11, 13]);
    // Of its own it may be carried on; what came from the first goes onto the list.
    let carrying = Carrying::from([(FIRST, None), (second, Some(third))]);
    assert_eq!(carry_out(&world, second, 10, carrying).await, 3);
    assert_eq!((owed(&world, second).await, owed(&world, third).await), (-3, 0));
    assert_eq!(uncompared(&world, second).await.iter().map(|(day, _)| *day).collect::<Vec<_>>(), [13]);
    assert_eq!(world.store.listed().await.expect("a list").len(), 2, "each settlement once");
}

/// Both are folded at once, and the period has no sum of theirs.
pub(super) async fn what_was_not_compared_is_carried_out_also_where_its_lot_comes_to_nothing(world: World) {
    settled(&world, "10-A", 100).await;
    undone(&world, "10-U", "10-A", 100).await;
    let second = cut_off(&world).await.number;
    fold(&world).await;
    assert_eq!(carry_out(&world, FIRST, 10, Carrying::from([(FIRST, Some(second))])).await, 2);
    assert_eq!(uncompared(&world, FIRST).await, []);
    for period in [FIRST, second] {
        let held = world.store.period_lots(period).await.expect("they are read");
        assert_eq!(held.into_iter().collect::<Vec<_>>(), [lot()], "what is carried counts too");
    }
}
