//! 参保地变更: the sums of a region that somebody moved from within the year come as an opening balance, and count as far as
//! the book carries them over.

use std::collections::BTreeSet;

use region::start::Opened;
use settlement::money::Money;

use crate::files::{changed, row_under, stay_before};
use crate::world::*;

on_both! {
    what_was_used_elsewhere_counts_as_the_book_carries_it,
}

const STAYS: &str =
    "\n[year_to_date]\nafter_move = 'continue'\ncarries = ['stays']\nsource = 'demo'\ntrust = 'assumed'\n";
const MONEY: &str =
    "\n[year_to_date]\nafter_move = 'continue'\ncarries = ['basic']\nsource = 'demo'\ntrust = 'assumed'\n";

fn file(rows: &[Vec<(&str, &str)>]) -> String {
    let header = format!("{},from_pool\n", POSTINGS_HEADER.trim_end());
    let rows: String = rows.iter().map(|cells| row_under(&header, cells)).collect();
    header + &rows
}

/// A stay of the year that somebody's former region hands over.
fn handed_over(from: &str) -> Vec<(&str, &str)> {
    let mut cells = changed(&stay_before("P1", WORKING), &[("kind", "opening-balance")]);
    cells.push(("from_pool", from));
    cells
}

async fn what_was_used_elsewhere_counts_as_the_book_carries_it(on: On) {
    // 1,200 yuan for a first stay, half of it for a second one.
    for (rules, from, deductible) in
        [("", "320100", 1200), (MONEY, "320100", 1200), (STAYS, "320100", 600), ("", "410700", 600), ("", "", 600)]
    {
        let mut world = World::stopped_with_rules(on, rules);
        world.write("postings.csv", &file(&[handed_over(from)]));
        world.start().await;
        let settled = world.settled(&stay(WORKING, "m1", "E1", (1, 9), 20_000)).await;
        assert_eq!(settled.deductible, Money::from_yuan(deductible), "{rules} {from}");
        world.prove().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_an_opening_balance_comes_from_another_region() {
    let mut world = World::stopped_with_rules(On::Sqlite, STAYS);
    world.start().await;
    world.stop().await;
    let good = handed_over("320100");
    let rows =
        [changed(&good, &[("kind", "local-settlement")]), changed(&good, &[("from_pool", "Nanjing")]), good.clone()];
    world.write("more.csv", &file(&rows));
    let opened = Opened::open(&world.config(), &world.clock).await.expect("a store");
    let report = opened.post(&world.path("more.csv"), &BTreeSet::new(), &world.clock).await.expect("a report");
    let told: Vec<_> = report.faults.iter().map(|fault| (fault.line, fault.column)).collect();
    assert_eq!(told, [(2, "from_pool"), (3, "from_pool")], "{report}");
    assert_eq!(report.posted, 1);
}
