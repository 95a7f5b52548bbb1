//! That what follows settlements is looked for among those that turned, and where the database begins to read.

use ::clearing::corrections::Event;
use ::clearing::review::Standing;

use super::corrections::{decide, found, letter, propose, take, turn};
use super::course::{owed, settled, settlement};
use super::deductions::{standing, undo};
use super::folding::{FIRST, fold};
use super::listed::lodge_and_agree;
use super::*;
use crate::values;

async fn turned(world: &World) -> Vec<String> {
    const TURNED: &str = "SELECT DISTINCT settlement FROM turned_settlements ORDER BY settlement";
    let rows = world.store.engine.read(|sql| sql.query(TURNED, values![], |row| Ok(row.text(0)?.to_owned())));
    rows.await.expect("they are read")
}

async fn follow(world: &World) {
    world.store.afterwards_follow(letter, at(12)).await.expect("the store works");
    assert_eq!(turned(world).await, [""; 0], "what was looked at is not looked at again");
}

pub(super) async fn only_settlements_that_turned_are_looked_at_again(world: World) {
    for (id, fen) in [("A", 100), ("B", 50), ("C", 20)] {
        settled(&world, id, fen).await;
    }
    fold(&world).await;
    lodge_and_agree(&world, "A", 30).await;
    lodge_and_agree(&world, "B", 10).await;
    assert_eq!(turned(&world).await, [""; 0], "nothing has turned");
    undo(&world, "UA", "A", 100).await;
    undo(&world, "UC", "C", 20).await;
    assert_eq!(turned(&world).await, [settlement("A").to_time_first()], "of the other nothing is taken off");
    follow(&world).await;
    let stands = async || [standing(&world, "d-A").await, standing(&world, "d-B").await];
    assert_eq!((stands().await, owed(&world, FIRST).await), ([Standing::Released, Standing::Agreed], 40));
    turn(&world, "RA", "A", (Turn::Reinstate, 100)).await;
    assert_eq!(turned(&world).await, [settlement("A").to_time_first()]);
    follow(&world).await;
    assert_eq!((stands().await, owed(&world, FIRST).await), ([Standing::Agreed; 2], 110));
}

pub(super) async fn a_batch_that_is_taken_after_its_settlement_was_undone_is_given_back(world: World) {
    settled(&world, "A", 100).await;
    fold(&world).await;
    propose(&world, "1", Changes::Named(vec![found("A", 100, 130)])).await.expect("it is put forward");
    decide(&world, "1", Event::Approve, "another certificate").await.expect("it is approved");
    undo(&world, "UA", "A", 100).await;
    follow(&world).await;
    take(&world, "1").await;
    assert_eq!(owed(&world, FIRST).await, 30, "the region had taken it");
    follow(&world).await;
    assert_eq!(owed(&world, FIRST).await, 0);
}

/// However much was deducted and corrected before, a period begins with its own.
#[tokio::test]
async fn what_a_period_holds_of_deductions_and_corrections_is_found_by_index() {
    let world = World::on_sqlite();
    for kind in [afterwards::DEDUCTIONS, afterwards::CORRECTIONS] {
        let explained = format!("EXPLAIN QUERY PLAN {}", kind.of_a_period());
        let explained: &'static str = Box::leak(explained.into_boxed_str());
        let plan = world
            .store
            .engine
            .read(move |sql| sql.query(explained, values![FIRST.0], |row| Ok(row.text(3)?.to_owned())));
        let plan = plan.await.expect("it is explained");
        let scans: Vec<&String> = plan.iter().filter(|step| step.starts_with("SCAN")).collect();
        assert_eq!(scans, ["SCAN held"], "{plan:#?}");
    }
}
