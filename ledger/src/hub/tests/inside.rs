//! What is booked between pools of one member: owed to nobody, and so for nobody to decide about.

use ::clearing::listed::Standing;
use settlement::ids::MemberCode;

use super::alone::{NEXT, THIRD};
use super::course::settled;
use super::deductions::undo;
use super::folding::{FIRST, cut_off, fold, lot};
use super::listed::lodge_and_agree;
use super::together::{carried_without, own, turned_beside_a_relative};
use super::*;

/// Both pools of a lot are recorded as one member's; a relative's pool is its own.
async fn of_one_member(world: &World, period: PeriodNumber) {
    let (member, other) = (MemberCode(lot().treatment.0), pool("120000"));
    let members = [(lot().home, member), (lot().treatment, member), (other, MemberCode(other.0))];
    world.store.period_members_record(period, members.into()).await.expect("they are recorded");
}

async fn deducted(world: &World, period: PeriodNumber) -> i64 {
    let movements = world.store.clearing_movements(period).await.expect("movements");
    movements.deducted.of(lot()).owed().fen()
}

/// The account of a relative whom another member insures is owed, and goes.
pub(super) async fn what_stays_inside_one_member_is_carried_nowhere(world: World) {
    turned_beside_a_relative(&world, &settle("A"), Turn::Enter).await;
    lodge_and_agree(&world, "A", 30).await;
    cut_off(&world).await;
    of_one_member(&world, FIRST).await;
    assert_eq!(carried_without(&world, FIRST, Carrying::from([(FIRST, None)])).await, 1);
    let listed = world.store.listed().await.expect("a list");
    let listed: Vec<_> = listed.iter().map(|held| (held.lot.home, held.net().fen())).collect();
    assert_eq!(listed, [(pool("120000"), 40)]);
    assert_eq!(deducted(&world, FIRST).await, 30, "what is taken off it stays with it");
}

/// The pools were of two members when it was listed, and the table of regions was edited since.
pub(super) async fn what_undoes_what_is_listed_joins_it_also_inside_one_member(world: World) {
    settled(&world, "A", 100).await;
    fold(&world).await;
    cut_off(&world).await;
    assert_eq!(carried_without(&world, FIRST, Carrying::from([(FIRST, None)])).await, 1);
    undo(&world, "C", "A", 100).await;
    cut_off(&world).await;
    of_one_member(&world, NEXT).await;
    let carrying = Carrying::from([(FIRST, None), (NEXT, Some(THIRD))]);
    assert_eq!(carried_without(&world, NEXT, carrying).await, 1);
    assert_eq!(own(&world).await, (0, 0, Standing::Waiting), "both end on one sum");
}
