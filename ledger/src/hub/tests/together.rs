//! That what belongs to one settlement is carried no further than each may be, and ends on the list on one sum.

use ::clearing::cleared::sum;
use ::clearing::listed::{Act, ListFault, Person, Seat, Standing, Verdict};
use ::clearing::members::PeriodMembers;
use ::clearing::period::{Pair, Side};
use settlement::ids::MemberCode;
use settlement::postings::Line;

use super::alone::{
    FIFTH, FOURTH, NEXT, THIRD, act, issue, lots, nothing_is_astray, object, object_as, object_into, of, on_list,
    stated,
};
use super::corrections::{found, in_force};
use super::course::{owed, pair, settled, settlement};
use super::deductions::{bring_back, undo};
use super::folding::{FIRST, cut_off, fold, lot, receive};
use super::listed::lodge_and_agree;
use super::*;

/// What is on the list of A itself: its sums, and where it stands.
pub(super) async fn own(world: &World) -> (i64, i64, Standing<Person>) {
    let listed = world.store.listed().await.expect("a list");
    let own = listed.iter().find(|held| held.settlement == settlement("A") && held.part == 0).expect("it is listed");
    (own.sums.owed().fen(), own.net().fen(), own.standing.clone())
}

async fn end(world: &World, part: i64, verdict: Verdict) -> [Result<(), ListedFault>; 2] {
    let by = |seat| (Person { certificate: format!("{seat:?}"), seat }, at(13));
    let act = async |act, seat| {
        let acted = world.store.listed_act((settlement("A"), part), act, "查实".into(), by(seat)).await;
        acted.expect("the store works")
    };
    [act(Act::Propose(verdict), Seat::Member(Side::Home)).await, act(Act::Approve(verdict), Seat::Centre).await]
}

async fn nothing_counts_apart(world: &World) {
    nothing_is_astray(world).await;
    assert_eq!(world.store.entry_apart().await.expect("a check"), []);
    assert_eq!(world.store.correction_apart().await.expect("a check"), [""; 0]);
}

/// A period is cleared without A; tells how many entries are out of it.
pub(super) async fn carried_without(world: &World, period: PeriodNumber, carrying: Carrying) -> u64 {
    let apart = vec![Disputed { settlement: settlement("A"), reason: "apart".into(), owner: Side::Home }];
    let carried = world.store.entry_carry_out(period, (apart, vec![]), carrying, at(9)).await;
    carried.expect("the store works").expect("nothing of it would go into what is stated")
}

/// A of 100, and the second period open after the first was stated.
async fn settled_and_stated(world: &World) {
    settled(world, "A", 100).await;
    fold(world).await;
    stated(world, FIRST).await;
}

/// The same with 30 taken off it in the second period, and the third open after that was stated.
async fn deducted_and_stated(world: &World) {
    settled_and_stated(world).await;
    lodge_and_agree(world, "A", 30).await;
    stated(world, NEXT).await;
}

/// The deduction is of the second period, its settlement's undoing of the third.
pub(super) async fn what_may_be_carried_no_further_leaves_the_entry_that_it_goes_with(world: World) {
    deducted_and_stated(&world).await;
    assert_eq!(object(&world, NEXT, 1, &["A"]).await, Ok(()));
    undo(&world, "C", "A", 100).await;
    assert_eq!(world.store.deduction_release(at(8)).await.expect("the store works"), 1);
    stated(&world, THIRD).await;
    assert_eq!(object(&world, THIRD, 1, &["A"]).await, Ok(()));
    assert_eq!((owed(&world, THIRD).await, owed(&world, FOURTH).await), (0, -100));
    assert_eq!(on_list(&world).await, [], "both may be carried so far");
    stated(&world, FOURTH).await;
    assert_eq!(object(&world, FOURTH, 1, &["A"]).await, Ok(()));
    assert_eq!((owed(&world, FOURTH).await, owed(&world, FIFTH).await), (0, -100));
    let moves = world.store.posting_moves().await.expect("it is read");
    let of_first: Vec<_> = moves.iter().filter(|moved| moved.step == 1).map(|moved| (moved.from, moved.into)).collect();
    assert_eq!(of_first, [(NEXT, THIRD), (THIRD, FOURTH), (FOURTH, PeriodNumber(0))], "twice, and no more");
    assert_eq!(on_list(&world).await, [of("A", [0, 0, 0], Standing::Waiting)], "with what gives it back");
    nothing_counts_apart(&world).await;
}

pub(super) async fn what_undoes_a_settlement_reaches_the_list_with_it_however_seldom_it_was_carried(world: World) {
    settled_and_stated(&world).await;
    assert_eq!(object(&world, FIRST, 1, &["A"]).await, Ok(()));
    undo(&world, "C", "A", 100).await;
    for period in [NEXT, THIRD] {
        stated(&world, period).await;
        assert_eq!(object(&world, period, 1, &["A"]).await, Ok(()));
    }
    assert_eq!((owed(&world, THIRD).await, owed(&world, FOURTH).await), (0, 0));
    assert_eq!(own(&world).await, (0, 0, Standing::Waiting), "both, on one sum");
    assert_eq!(end(&world, 0, Verdict::Return).await, [Ok(()), Ok(())]);
    nothing_counts_apart(&world).await;
}

pub(super) async fn what_is_not_stated_yet_joins_its_settlement_on_the_list(world: World) {
    settled_and_stated(&world).await;
    assert_eq!(object(&world, FIRST, 1, &["A"]).await, Ok(()));
    stated(&world, NEXT).await;
    assert_eq!(object(&world, NEXT, 1, &["A"]).await, Ok(()));
    stated(&world, THIRD).await;
    lodge_and_agree(&world, "A", 30).await;
    assert_eq!((owed(&world, THIRD).await, owed(&world, FOURTH).await), (100, -30), "what is stated stays");
    assert_eq!(object(&world, THIRD, 1, &["A"]).await, Ok(()));
    assert_eq!((owed(&world, THIRD).await, owed(&world, FOURTH).await), (0, 0));
    assert_eq!(own(&world).await, (100, 70, Standing::Waiting));
    // It is undone while it waits: that is decided with it.
    undo(&world, "C", "A", 100).await;
    assert_eq!(world.store.deduction_release(at(8)).await.expect("the store works"), 1);
    assert_eq!(owed(&world, FOURTH).await, -100);
    let listed = vec![Disputed { settlement: settlement("A"), reason: "not ours".into(), owner: Side::Home }];
    let carrying = Carrying::from([(FOURTH, Some(FIFTH))]);
    let carried = world.store.entry_carry_out(FOURTH, (listed, vec![]), carrying, at(9)).await;
    assert_eq!(carried.expect("the store works"), Some(1));
    assert_eq!((owed(&world, FOURTH).await, owed(&world, FIFTH).await), (0, 0), "it is carried nowhere else");
    assert_eq!(own(&world).await, (0, 0, Standing::Waiting));
    assert_eq!(end(&world, 0, Verdict::Return).await, [Ok(()), Ok(())]);
    nothing_counts_apart(&world).await;
}

/// Its undoing goes to the list with it, out of the period that is open; what brings it back there later is not to be cleared
/// alone.
pub(super) async fn what_brings_a_settlement_back_is_seen_beside_what_is_listed(world: World) {
    settled_and_stated(&world).await;
    undo(&world, "C", "A", 100).await;
    assert_eq!(object_into(&world, (FIRST, 1), &["A"], Carrying::from([(FIRST, None)])).await, Ok(()));
    assert_eq!((own(&world).await, owed(&world, NEXT).await), ((0, 0, Standing::Waiting), 0));
    assert_eq!(world.store.listed_beside(NEXT).await.expect("a list"), []);
    bring_back(&world, ("R", "C"), "A", 100).await;
    assert_eq!(owed(&world, NEXT).await, 100);
    let beside = world.store.listed_beside(NEXT).await.expect("a list");
    assert_eq!(beside.iter().map(|held| held.settlement.clone()).collect::<Vec<_>>(), [settlement("A")]);
}

/// What was listed with it, and cleared from there into a period, takes nothing along that came later.
pub(super) async fn what_is_taken_off_after_the_list_stays_where_its_settlement_was_cleared(world: World) {
    settled_and_stated(&world).await;
    undo(&world, "C", "A", 100).await;
    bring_back(&world, ("R", "C"), "A", 100).await;
    assert_eq!(object_into(&world, (FIRST, 1), &["A"], Carrying::from([(FIRST, None)])).await, Ok(()));
    assert_eq!((own(&world).await, owed(&world, NEXT).await), ((100, 100, Standing::Waiting), 0));
    assert_eq!(end(&world, 0, Verdict::Clear).await, [Ok(()), Ok(())]);
    assert_eq!(owed(&world, NEXT).await, 100);
    lodge_and_agree(&world, "A", 30).await;
    assert_eq!(owed(&world, NEXT).await, 70);
    let carried = world.store.entry_carry_out(NEXT, (vec![], vec![]), Carrying::from([(NEXT, Some(THIRD))]), at(9));
    carried.await.expect("the store works").expect("it is carried out");
    assert_eq!(owed(&world, NEXT).await, 70, "it is taken off where its settlement is cleared");
    nothing_counts_apart(&world).await;
}

/// The first period is objected to when the second is stated: what counts there stays.
pub(super) async fn what_is_undone_in_a_stated_period_is_cleared_with_that(world: World) {
    settled_and_stated(&world).await;
    undo(&world, "C", "A", 100).await;
    stated(&world, NEXT).await;
    assert_eq!(object_into(&world, (FIRST, 1), &["A"], Carrying::from([(FIRST, None)])).await, Ok(()));
    assert_eq!((owed(&world, FIRST).await, owed(&world, NEXT).await), (0, -100));
    let refused = || Err(ListFault::ClearsOnly.into());
    assert_eq!(end(&world, 0, Verdict::Return).await, [refused(), refused()], "its undoing would count alone");
    nothing_counts_apart(&world).await;
    assert_eq!(end(&world, 0, Verdict::Clear).await, [Ok(()), Ok(())]);
    assert_eq!((owed(&world, NEXT).await, owed(&world, THIRD).await), (-100, 100), "together nothing");
    nothing_counts_apart(&world).await;
}

/// What brought it back was returned, so what entered it and what undoes it are cleared in the periods that state them.
pub(super) async fn what_can_only_be_cleared_is_not_objected_to_once_a_later_entry_was_returned(world: World) {
    settled_and_stated(&world).await;
    undo(&world, "C", "A", 100).await;
    stated(&world, NEXT).await;
    bring_back(&world, ("R", "C"), "A", 100).await;
    assert_eq!(carried_without(&world, THIRD, Carrying::from([(THIRD, None)])).await, 1);
    assert_eq!(end(&world, 0, Verdict::Return).await, [Ok(()), Ok(())]);
    let carrying = || Carrying::from([(FIRST, None), (NEXT, None)]);
    let refused = object_into(&world, (FIRST, 1), &["A"], carrying()).await;
    assert_eq!(refused, Err(StatementFault::ReturnedSince(vec![settlement("A")])));
    assert_eq!((owed(&world, FIRST).await, owed(&world, NEXT).await), (100, -100), "what is refused changes nothing");
    nothing_counts_apart(&world).await;
    // Its undoing can still be returned too.
    assert_eq!(object_into(&world, (NEXT, 1), &["A"], carrying()).await, Ok(()));
    assert_eq!(end(&world, 0, Verdict::Return).await, [Ok(()), Ok(())]);
    assert_eq!((owed(&world, FIRST).await, owed(&world, NEXT).await), (100, 0));
    nothing_counts_apart(&world).await;
}

pub(super) async fn what_is_taken_off_in_a_stated_period_has_its_settlement_cleared(world: World) {
    deducted_and_stated(&world).await;
    let into_stated = object_into(&world, (FIRST, 1), &["A"], Carrying::from([(FIRST, Some(NEXT))])).await;
    assert_eq!(into_stated, Err(StatementFault::NextIsStated), "it was stated without that");
    let carrying = Carrying::from([(THIRD, Some(NEXT))]);
    let carried = world.store.entry_carry_out(THIRD, (vec![], vec![]), carrying, at(9)).await;
    assert_eq!(carried.expect("the store works"), None, "nor is anything carried there");
    assert_eq!(object_into(&world, (FIRST, 1), &["A"], Carrying::from([(FIRST, None)])).await, Ok(()));
    let [proposed, _] = end(&world, 0, Verdict::Return).await;
    assert_eq!(proposed, Err(ListFault::ClearsOnly.into()), "else it is taken off nothing");
    assert_eq!(end(&world, 0, Verdict::Clear).await, [Ok(()), Ok(())]);
    assert_eq!((owed(&world, NEXT).await, owed(&world, THIRD).await), (-30, 100));
}

pub(super) async fn a_correction_that_is_taken_back_in_a_stated_period_is_cleared_with_that(world: World) {
    settled_and_stated(&world).await;
    in_force(&world, "1", Changes::Named(vec![found("A", 100, 90)])).await;
    stated(&world, NEXT).await;
    in_force(&world, "2", Changes::Undo("1".into())).await;
    stated(&world, THIRD).await;
    let carrying = Carrying::from([(FIRST, None), (NEXT, None)]);
    assert_eq!(object_into(&world, (NEXT, 1), &["A"], carrying).await, Ok(()));
    assert_eq!((owed(&world, NEXT).await, owed(&world, THIRD).await), (0, 10));
    assert_eq!(on_list(&world).await, [of("A", [0, -10, -10], Standing::Waiting)]);
    let home = Seat::Member(Side::Home);
    let returned = act(&world, "A", Act::Propose(Verdict::Return), home).await;
    assert_eq!(returned, Err(ListFault::ClearsOnly.into()), "what takes it back would count alone");
    assert_eq!(end(&world, Listed::AFTERWARDS, Verdict::Clear).await, [Ok(()), Ok(())]);
    assert_eq!((owed(&world, THIRD).await, owed(&world, FOURTH).await), (10, -10));
    nothing_counts_apart(&world).await;
}

/// The pair that owes what the account of the enrollee's relative pays.
fn of_relatives() -> Pair {
    Pair { home: MemberCode(pool("120000").0), ..pair() }
}

/// A of 100, and 40 by the account of a relative whom another pool insures.
pub(super) async fn turned_beside_a_relative(world: &World, operation: &Operation, turn: Turn) {
    let position = receive(world, operation).await;
    let own = booking("A", turn, 100).expect("a booking");
    let hospital = Account::Hospital { institution: InstitutionCode::new("H31010100001").expect("a code") };
    let owner = PersonNumber::new("12000000002").expect("a number");
    let relative = Account::Personal { pool: pool("120000"), insurance: lot().insurance, owner };
    let paid = [(relative, -40), (hospital, 40)].map(|(account, fen)| Line { account, amount: Money::from_fen(fen) });
    let entry = JournalEntry::new([own.entry.lines(), &paid[..]].concat()).expect("it balances");
    world.answer(position, Some(Booking { entry, ..own })).await;
    fold(world).await;
}

/// A, of which the fund pays 100 and the account of a relative whom another pool insures 40, was cleared in the first period.
/// What corrects it by -10 was objected to in the second and waits on the list; what takes that back counts in the third, into
/// which the relative's 40 were carried. The fourth is open.
async fn taken_back_beside_a_relative(world: &World) {
    turned_beside_a_relative(world, &settle("A"), Turn::Enter).await;
    stated(world, FIRST).await;
    in_force(world, "1", Changes::Named(vec![found("A", 100, 90)])).await;
    stated(world, NEXT).await;
    let carrying = Carrying::from([(FIRST, Some(THIRD))]);
    let objected = object_as(world, (FIRST, of_relatives(), 1), &["A"], (carrying, world.regions.clone()));
    assert_eq!(objected.await, Ok(()));
    in_force(world, "2", Changes::Undo("1".into())).await;
    stated(world, THIRD).await;
    assert_eq!(object_into(world, (NEXT, 1), &["A"], Carrying::from([(FIRST, None), (NEXT, None)])).await, Ok(()));
    assert_eq!(on_list(world).await, [of("A", [0, -10, -10], Standing::Waiting)]);
    assert_eq!((owed(world, FIRST).await, owed(world, NEXT).await, owed(world, THIRD).await), (100, 0, 10));
}

async fn owed_by_relatives(world: &World, period: PeriodNumber) -> i64 {
    sum(&lots(world, (period, of_relatives()), &world.regions).await).owed().fen()
}

/// Into the fourth period what was posted in the third, and onto the list what is older.
fn out_of_the_third() -> Carrying {
    Carrying::from([(FIRST, None), (NEXT, None), (THIRD, Some(FOURTH))])
}

pub(super) async fn an_objection_moves_nothing_of_another_pairs_statement(world: World) {
    taken_back_beside_a_relative(&world).await;
    issue(&world, (THIRD, pair(), 1), &world.regions).await;
    let objected = object_as(&world, (THIRD, of_relatives(), 1), &["A"], (out_of_the_third(), world.regions.clone()));
    assert_eq!(objected.await, Ok(()));
    assert_eq!(owed_by_relatives(&world, THIRD).await, 0, "it has left");
    let issued = world.store.statement_lots((THIRD, pair()), 1).await.expect("lots");
    assert_eq!(lots(&world, (THIRD, pair()), &world.regions).await, issued, "it stands as it was issued");
    let waits = |part, sums| ("A".to_owned(), part, sums, Standing::Waiting);
    let own = |sums| waits(Listed::AFTERWARDS, sums);
    assert_eq!(on_list(&world).await, [own([0, -10, -10]), waits(1, [0, 0, 40])]);
    let home = Seat::Member(Side::Home);
    let returned = act(&world, "A", Act::Propose(Verdict::Return), home).await;
    assert_eq!(returned, Err(ListFault::ClearsOnly.into()), "what takes it back would count alone");
    nothing_counts_apart(&world).await;

    // Where its own pair objects, it waits with what it takes back, however seldom it was carried.
    assert_eq!(object_into(&world, (THIRD, 1), &["A"], out_of_the_third()).await, Ok(()));
    assert_eq!((owed(&world, THIRD).await, owed(&world, FOURTH).await), (0, 0));
    assert_eq!(on_list(&world).await, [own([0, 0, 0]), waits(1, [0, 0, 40])]);
    assert_eq!(end(&world, Listed::AFTERWARDS, Verdict::Return).await, [Ok(()), Ok(())]);
    assert_eq!((owed(&world, THIRD).await, owed(&world, FOURTH).await), (0, 0));
    nothing_counts_apart(&world).await;
}

/// All that changes a settlement is of its own lot, so of one pair in each period.
pub(super) async fn a_pair_whose_pool_has_left_objects_to_nothing_of_that(world: World) {
    taken_back_beside_a_relative(&world).await;
    let other = MemberCode(RegionCode::new("419001").expect("a code"));
    let members = || PeriodMembers::new([(lot().home, other)].into(), world.regions.clone());
    issue(&world, (THIRD, Pair { home: other, ..pair() }, 1), &members()).await;
    let objected = object_as(&world, (THIRD, pair(), 1), &["A"], (out_of_the_third(), members())).await;
    assert_eq!(objected, Err(StatementFault::NotInIt(vec![settlement("A")])));
    assert_eq!((owed(&world, THIRD).await, owed(&world, FOURTH).await), (10, 0));
    nothing_counts_apart(&world).await;
}

pub(super) async fn what_another_pool_owes_of_a_settlement_waits_and_counts_by_itself(world: World) {
    turned_beside_a_relative(&world, &settle("A"), Turn::Enter).await;
    stated(&world, FIRST).await;
    turned_beside_a_relative(&world, &cancel("C"), Turn::Counter).await;
    let onto_the_list = Carrying::from([(FIRST, None)]);
    assert_eq!(object_into(&world, (FIRST, 1), &["A"], onto_the_list).await, Ok(()));
    assert_eq!((own(&world).await, owed(&world, NEXT).await), ((0, 0, Standing::Waiting), 0), "with its undoing");
    assert_eq!((owed_by_relatives(&world, FIRST).await, owed_by_relatives(&world, NEXT).await), (40, -40));
    assert_eq!(world.store.listed_beside(NEXT).await.expect("a list").len(), 1);
    let carrying = (Carrying::from([(FIRST, Some(NEXT))]), world.regions.clone());
    assert_eq!(object_as(&world, (FIRST, of_relatives(), 1), &["A"], carrying).await, Ok(()));
    assert_eq!((owed_by_relatives(&world, FIRST).await, owed_by_relatives(&world, NEXT).await), (0, 0));
    nothing_counts_apart(&world).await;
}

/// The deduction is of the second period, what gives it back of the third; both are in the fourth with what undoes the
/// settlement, when that is carried out before its statement is made.
pub(super) async fn what_builds_on_what_may_be_carried_no_further_goes_to_the_list_with_it(world: World) {
    deducted_and_stated(&world).await;
    assert_eq!(object(&world, NEXT, 1, &["A"]).await, Ok(()));
    undo(&world, "C", "A", 100).await;
    assert_eq!(world.store.deduction_release(at(8)).await.expect("the store works"), 1);
    stated(&world, THIRD).await;
    assert_eq!(object(&world, THIRD, 1, &["A"]).await, Ok(()));
    let carrying = Carrying::from([(FIRST, None), (NEXT, None), (THIRD, Some(FIFTH))]);
    assert_eq!(carried_without(&world, FOURTH, carrying).await, 1);
    assert_eq!((owed(&world, FOURTH).await, owed(&world, FIFTH).await), (0, -100));
    assert_eq!(on_list(&world).await, [of("A", [0, 0, 0], Standing::Waiting)], "with what gives it back");
    nothing_counts_apart(&world).await;
}

pub(super) async fn what_is_given_back_or_only_undone_may_be_returned(world: World) {
    settled(&world, "A", 100).await;
    fold(&world).await;
    lodge_and_agree(&world, "A", 30).await;
    stated(&world, FIRST).await;
    undo(&world, "C", "A", 100).await;
    assert_eq!(world.store.deduction_release(at(8)).await.expect("the store works"), 1);
    stated(&world, NEXT).await;
    assert_eq!((owed(&world, FIRST).await, owed(&world, NEXT).await), (70, -70));
    bring_back(&world, ("R", "C"), "A", 100).await;
    assert_eq!(world.store.deduction_restore(at(8)).await.expect("the store works"), 1);
    assert_eq!(carried_without(&world, THIRD, Carrying::from([(THIRD, None)])).await, 1);
    assert_eq!(own(&world).await, (100, 70, Standing::Waiting));
    assert_eq!(end(&world, 0, Verdict::Return).await, [Ok(()), Ok(())], "what counts of it is given back");
    nothing_counts_apart(&world).await;
}

pub(super) async fn what_only_undoes_a_settlement_is_returned_though_something_is_taken_off_that(world: World) {
    deducted_and_stated(&world).await;
    undo(&world, "C", "A", 100).await;
    assert_eq!(carried_without(&world, THIRD, Carrying::from([(THIRD, None)])).await, 1);
    assert_eq!(end(&world, 0, Verdict::Return).await, [Ok(()), Ok(())], "the settlement stands as it was cleared");
    assert_eq!((owed(&world, FIRST).await, owed(&world, NEXT).await, owed(&world, THIRD).await), (100, -30, 0));
}

pub(super) async fn what_waits_may_be_returned_while_what_undoes_it_is_not_stated(world: World) {
    settled_and_stated(&world).await;
    assert_eq!(object_into(&world, (FIRST, 1), &["A"], Carrying::from([(FIRST, None)])).await, Ok(()));
    undo(&world, "C", "A", 100).await;
    assert_eq!(end(&world, 0, Verdict::Return).await, [Ok(()), Ok(())], "its undoing follows it");
    assert_eq!(carried_without(&world, NEXT, Carrying::from([(NEXT, Some(THIRD))])).await, 1);
    assert_eq!(own(&world).await, (-100, -100, Standing::Waiting));
}

/// Two people have cleared its undoing from the list, into the period that is open.
pub(super) async fn what_was_cleared_from_the_list_stays_also_in_a_period_that_is_not_stated(world: World) {
    settled_and_stated(&world).await;
    undo(&world, "C", "A", 100).await;
    cut_off(&world).await;
    assert_eq!(carried_without(&world, NEXT, Carrying::from([(NEXT, None)])).await, 1);
    assert_eq!(end(&world, 0, Verdict::Clear).await, [Ok(()), Ok(())]);
    assert_eq!(object_into(&world, (FIRST, 1), &["A"], Carrying::from([(FIRST, None)])).await, Ok(()));
    let refused = || Err(ListFault::ClearsOnly.into());
    assert_eq!(end(&world, 0, Verdict::Return).await, [refused(), refused()], "its undoing would count alone");
    assert_eq!(end(&world, 0, Verdict::Clear).await, [Ok(()), Ok(())]);
    assert_eq!((owed(&world, FIRST).await, owed(&world, THIRD).await), (0, 0));
    nothing_counts_apart(&world).await;
}

/// The relative's pair objected first, and what it owes is in the second period, which is not stated.
pub(super) async fn what_was_carried_of_a_settlement_is_seen_beside_what_is_listed_of_it(world: World) {
    turned_beside_a_relative(&world, &settle("A"), Turn::Enter).await;
    stated(&world, FIRST).await;
    let carrying = (Carrying::from([(FIRST, Some(NEXT))]), world.regions.clone());
    assert_eq!(object_as(&world, (FIRST, of_relatives(), 1), &["A"], carrying).await, Ok(()));
    assert_eq!(world.store.listed_beside(NEXT).await.expect("a list"), []);
    assert_eq!(object_into(&world, (FIRST, 1), &["A"], Carrying::from([(FIRST, None)])).await, Ok(()));
    let beside = world.store.listed_beside(NEXT).await.expect("a list");
    assert_eq!(beside.iter().map(|held| (held.part, held.net().fen())).collect::<Vec<_>>(), [(0, 100)]);
}
