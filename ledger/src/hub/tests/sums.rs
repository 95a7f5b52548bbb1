//! That a look at a period reads its sums, however much is behind them.

use ::clearing::obligation::Posting;

use super::corrections::{found, in_force};
use super::course::{carry_out, settled};
use super::deductions::undo;
use super::folding::{FIRST, cut_off, fold};
use super::listed::lodge_and_agree;
use super::*;
use crate::hub::periods::{carried_into, sums_of};

/// The rows that are read of what corrects earlier entries, is carried out and in, deducted and corrected: each by its money.
async fn rows(world: &World, period: PeriodNumber) -> [Vec<i64>; 5] {
    let sums = world.store.engine.read(move |sql| sums_of(sql, period)).await.expect("they are read");
    sums.map(|lots: Vec<Posting>| lots.into_iter().map(|lot| lot.sums.owed().fen()).collect())
}

pub(super) async fn a_look_at_a_period_reads_one_row_a_lot_however_many_are_behind_it(world: World) {
    for (id, fen) in [("A", 100), ("B", 20), ("C", 3), ("D", 7), ("E", 11)] {
        settled(&world, id, fen).await;
    }
    fold(&world).await;
    for (of, fen) in [("A", 30), ("B", 5), ("D", 2), ("E", 1)] {
        lodge_and_agree(&world, of, fen).await;
    }
    in_force(&world, "1", Changes::Named(vec![found("C", 3, 13), found("D", 7, 8)])).await;
    let second = cut_off(&world).await.number;
    assert_eq!(carry_out(&world, FIRST, &["B", "E"], Some(second)).await, 2);
    undo(&world, "UA", "A", 100).await;
    undo(&world, "UC", "C", 3).await;
    assert_eq!(rows(&world, FIRST).await, [vec![], vec![31], vec![], vec![32], vec![11]]);
    assert_eq!(rows(&world, second).await, [vec![-103], vec![], vec![31], vec![6], vec![]]);
}

pub(super) async fn what_was_carried_into_a_period_is_read_page_by_page_and_each_once(world: World) {
    for id in ["A", "B", "C", "D", "E"] {
        settled(&world, id, 10).await;
    }
    fold(&world).await;
    let second = cut_off(&world).await.number;
    assert_eq!(carry_out(&world, FIRST, &["A", "B", "D", "E"], Some(second)).await, 4);
    let (mut found, mut after) = (Vec::new(), Position(0));
    loop {
        let page = world.store.engine.read(move |sql| carried_into(sql, second, after, 2)).await.expect("a page");
        let Some(last) = page.last() else { break };
        assert!(page.len() <= 2);
        after = last.position;
        found.extend(page.into_iter().map(|came| came.settlement.to_string()));
    }
    assert_eq!(found, ["A", "B", "D", "E"]);
}
