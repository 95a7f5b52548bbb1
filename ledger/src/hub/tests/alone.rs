//! What is deducted or corrected after its settlement was cleared, and goes by itself: objected to, listed, ended.

use std::collections::BTreeMap;

use ::clearing::cleared::{Cleared, by_pair};
use ::clearing::listed::{Act, Person, Seat, Standing, Verdict};
use ::clearing::members::Members;
use ::clearing::month::Month;
use ::clearing::obligation::Lot;
use ::clearing::period::{Pair, Side};

use super::corrections::{found, in_force, release, turn};
use super::course::{owed, pair, settled, settlement, who};
use super::deductions::{bring_back, undo};
use super::folding::{FIRST, cut_off, fold};
use super::listed::{lodge_and_agree, walked};
use super::told::{letters_about, opened, telling};
use super::*;
use crate::mailbox::Part;

pub(super) const NEXT: PeriodNumber = PeriodNumber(2);
pub(super) const THIRD: PeriodNumber = PeriodNumber(3);
pub(super) const FOURTH: PeriodNumber = PeriodNumber(4);
pub(super) const FIFTH: PeriodNumber = PeriodNumber(5);

/// Issues a version of a period's statement, to which the treatment member objects. What was booked or posted two periods
/// before goes onto the list.
pub(super) async fn object(
    world: &World,
    period: PeriodNumber,
    version: u32,
    ids: &[&str],
) -> Result<(), StatementFault> {
    let next = PeriodNumber(period.0 + 1);
    let into = |began: i64| Some(next).filter(|next| next.0 - began <= 2);
    let carrying: Carrying = (1..=period.0).map(|began| (PeriodNumber(began), into(began))).collect();
    object_into(world, (period, version), ids, carrying).await
}

/// The same, into these periods.
pub(super) async fn object_into(
    world: &World,
    (period, version): (PeriodNumber, u32),
    ids: &[&str],
    carrying: Carrying,
) -> Result<(), StatementFault> {
    object_as(world, (period, pair(), version), ids, (carrying, world.regions.clone())).await
}

/// The same by a pair, whose pools are of these members.
pub(super) async fn object_as(
    world: &World,
    (period, pair, version): (PeriodNumber, Pair, u32),
    ids: &[&str],
    (carrying, members): (Carrying, impl Members + Send + 'static),
) -> Result<(), StatementFault> {
    issue(world, (period, pair, version), &members).await;
    let settlements = ids.iter().map(|id| settlement(id)).collect();
    let objection = Reply::Objected { settlements, reason: "not what we were told".into() };
    let place = (period, pair, Side::Treatment);
    let replied = world.store.statement_reply(place, version, objection, (carrying, members), who());
    replied.await.expect("the store works")
}

/// Issues a version of a pair's statement, unless it was issued before.
pub(super) async fn issue(
    world: &World,
    (period, pair, version): (PeriodNumber, Pair, u32),
    members: &(impl Members + Send),
) {
    let lots = lots(world, (period, pair), members).await;
    let as_of = world.store.clearing_as_of(period).await.expect("it is read");
    let issued = world.store.statement_issue((period, pair), version, (lots, as_of), date(2025, 8, 21));
    issued.await.expect("it is issued");
}

/// What a pair clears in a period by now.
pub(super) async fn lots(
    world: &World,
    (period, pair): (PeriodNumber, Pair),
    members: &impl Members,
) -> BTreeMap<Lot, Cleared> {
    let movements = world.store.clearing_movements(period).await.expect("movements");
    by_pair(&movements, members).remove(&pair).unwrap_or_default()
}

fn not_in_it(id: &str) -> Result<(), StatementFault> {
    Err(StatementFault::NotInIt(vec![settlement(id)]))
}

/// The period is stated, and the next one opened.
pub(super) async fn stated(world: &World, period: PeriodNumber) {
    world.store.clearing_step(period, StepTaken::Carried, String::new(), at(6)).await.expect("it is recorded");
    assert_eq!(cut_off(world).await.number.0, period.0 + 1);
}

/// A of 100, corrected to 90, and B of 50, corrected to 70 with 5 deducted; all of it in the second period, after both were
/// cleared in the first. The third is open.
pub(super) async fn changed_after_it_was_cleared(world: &World) {
    for (id, fen) in [("A", 100), ("B", 50), ("C", 7)] {
        settled(world, id, fen).await;
    }
    fold(world).await;
    stated(world, FIRST).await;
    in_force(world, "1", Changes::Named(vec![found("A", 100, 90), found("B", 50, 70)])).await;
    lodge_and_agree(world, "B", 5).await;
    assert_eq!(cut_off(world).await.number, THIRD);
    assert_eq!((owed(world, FIRST).await, owed(world, NEXT).await), (157, 5), "less 10, and 20 less 5");
}

/// On the list by itself, and off it: the fifth period is open.
pub(super) async fn listed_by_itself(world: &World) {
    changed_after_it_was_cleared(world).await;
    assert_eq!(object(world, NEXT, 1, &["A", "B"]).await, Ok(()));
    for period in [THIRD, FOURTH] {
        stated(world, period).await;
        assert_eq!(object(world, period, 1, &["A", "B"]).await, Ok(()));
    }
}

pub(super) async fn act(world: &World, id: &str, act: Act, seat: Seat) -> Result<(), ListedFault> {
    let by = (Person { certificate: format!("{seat:?}"), seat }, at(13));
    world.store.listed_act((settlement(id), Listed::AFTERWARDS), act, "查实".into(), by).await.expect("the store works")
}

/// Settlement, part, what is deducted and corrected, and where it stands.
pub(super) async fn on_list(world: &World) -> Vec<(String, i64, [i64; 3], Standing<Person>)> {
    let listed = world.store.listed().await.expect("a list");
    let sums = |held: &Listed| [held.deducted.total(), held.corrected.total(), held.net()].map(Money::fen);
    listed.iter().map(|held| (held.settlement.to_string(), held.part, sums(held), held.standing.clone())).collect()
}

pub(super) fn of(id: &str, sums: [i64; 3], standing: Standing<Person>) -> (String, i64, [i64; 3], Standing<Person>) {
    (id.to_owned(), Listed::AFTERWARDS, sums, standing)
}

/// Nothing is posted otherwise than it happened, and nothing is where nobody looks.
pub(super) async fn nothing_is_astray(world: &World) {
    assert_eq!(world.store.correction_misposted().await.expect("a check"), []);
    assert_eq!(world.store.deduction_misposted().await.expect("a check"), []);
    assert_eq!(world.store.posting_unlisted().await.expect("a check"), []);
    assert_eq!(world.store.posting_ahead().await.expect("a check"), []);
}

pub(super) async fn what_changes_a_cleared_settlement_is_carried_for_two_periods_and_then_listed(world: World) {
    changed_after_it_was_cleared(&world).await;
    assert_eq!(object(&world, NEXT, 1, &["A", "C"]).await, not_in_it("C"), "nothing of it is in this period");
    assert_eq!(owed(&world, NEXT).await, 5, "what is refused changes nothing");
    assert_eq!(object(&world, NEXT, 1, &["A"]).await, Ok(()));
    assert_eq!((owed(&world, NEXT).await, owed(&world, THIRD).await), (15, -10));
    assert_eq!(object(&world, NEXT, 2, &["A"]).await, not_in_it("A"), "it is gone");
    assert_eq!(object(&world, NEXT, 2, &["B"]).await, Ok(()));
    assert_eq!((owed(&world, NEXT).await, owed(&world, THIRD).await), (0, 5), "with what is deducted");
    stated(&world, THIRD).await;
    assert_eq!(object(&world, THIRD, 1, &["A", "B"]).await, Ok(()));
    assert_eq!((owed(&world, THIRD).await, owed(&world, FOURTH).await), (0, 5));
    let came = world.store.came_alone(FOURTH).await.expect("it is read");
    let came: Vec<_> = came.iter().map(|came| (came.settlement.as_str(), came.posted_in, came.moves.fen())).collect();
    assert_eq!(came, [("B", NEXT, -5), ("A", NEXT, -10), ("B", NEXT, 20)]);
    stated(&world, FOURTH).await;
    assert_eq!(object(&world, FOURTH, 1, &["A", "B"]).await, Ok(()));
    assert_eq!((owed(&world, FOURTH).await, owed(&world, FIFTH).await), (0, 0), "it may be carried no further");
    let waiting = || Standing::Waiting;
    assert_eq!(on_list(&world).await, [of("A", [0, -10, -10], waiting()), of("B", [5, 20, 15], waiting())]);
    let held = world.store.listed().await.expect("a list").remove(0);
    assert_eq!((held.owner, held.booked_in, held.listed_from), (Side::Home, NEXT, FOURTH));
    for limit in 1..5 {
        let mut walked = walked(&world, false, limit).await;
        walked.sort();
        assert_eq!(walked, ["A", "B"].map(|id| (id.to_owned(), Listed::AFTERWARDS)), "{limit} at once");
    }
    assert_eq!((held.reason.as_str(), held.listed_at), ("not what we were told", who().1));
    assert_eq!(object(&world, FOURTH, 2, &["A"]).await, not_in_it("A"), "it is on the list");
    let followed = world.store.settlement_follow(settlement("A")).await.expect("it is read");
    assert_eq!(followed.corrected.iter().map(|each| each.stands).collect::<Vec<_>>(), [Stands::Waiting]);
    let ways: Vec<_> = followed.alone.iter().map(|went| (went.id.as_str(), went.from, went.into)).collect();
    let way = |from, into| ("1 A", Some(from), into);
    assert_eq!(ways, [way(NEXT, Some(THIRD)), way(THIRD, Some(FOURTH)), way(FOURTH, None)]);
    nothing_is_astray(&world).await;
    in_force(&world, "2", Changes::Named(vec![found("C", 7, 5)])).await;
    assert_eq!(owed(&world, FIFTH).await, -2, "what waits of others holds up nothing of it");
    nothing_is_astray(&world).await;
}

pub(super) async fn both_members_are_told_where_a_correction_goes_by_itself(world: World) {
    let world = World { store: telling(&world), ..world };
    opened(&world, Part::Treatment, &["310000"]).await;
    let months = ["2025-06", "2025-07", "2025-08", "2025-09", "2025-10"].map(Month::from_text);
    for (period, month) in (1..).map(PeriodNumber).zip(months) {
        world.store.clearing_name(period, month.expect("a month")).await.expect("it is named");
    }
    listed_by_itself(&world).await;
    let home = Seat::Member(Side::Home);
    for (id, verdict) in [("A", Verdict::Clear), ("B", Verdict::Return)] {
        assert_eq!(act(&world, id, Act::Propose(verdict), home).await, Ok(()));
        assert_eq!(act(&world, id, Act::Approve(verdict), Seat::Centre).await, Ok(()));
    }
    for (id, moves, last, month) in [("A", -10, "Cleared", months[4]), ("B", 20, "Returned", None)] {
        let told = letters_about(&world, &format!("correction-moved 1 {id}")).await;
        let ways = [("Carried", months[2]), ("Carried", months[3]), ("Listed", None), (last, month)];
        assert_eq!(told.iter().map(|(version, _)| *version).collect::<Vec<_>>(), [1, 2, 3, 4], "{id}");
        for ((_, body), (way, month)) in told.iter().zip(ways) {
            let (way, month, moves) =
                (format!("way: {way}"), format!("month: {month:?}"), format!("{:?}", Money::from_fen(moves)));
            assert!([way, month, moves].iter().all(|said| body.contains(said)), "{id}: {body}");
        }
    }
}

pub(super) async fn what_is_listed_by_itself_is_ended_by_two_people_and_counts_once_or_never(world: World) {
    listed_by_itself(&world).await;
    let (home, centre) = (Seat::Member(Side::Home), Seat::Centre);
    // While it waits its settlement is undone and brought back.
    turn(&world, "D", "A", (Turn::Counter, 100)).await;
    assert_eq!(
        (release(&world).await, owed(&world, FIFTH).await),
        (1, -100),
        "what was never cleared is not given back"
    );
    assert_eq!(on_list(&world).await[0], of("A", [0, 0, 0], Standing::Waiting));
    assert_eq!(
        world.store.listed().await.expect("a list")[0].booked_in,
        NEXT,
        "what was given back there is of no period"
    );
    turn(&world, "E", "A", (Turn::Reinstate, 100)).await;
    assert_eq!((release(&world).await, owed(&world, FIFTH).await), (1, 0));
    let listed = world.store.listed_act(
        (settlement("A"), 0),
        Act::Refuse,
        "查实".into(),
        (Person { certificate: "h".into(), seat: home }, at(13)),
    );
    assert_eq!(listed.await.expect("the store works"), Err(ListedFault::Unknown), "no entry of it is there");
    let (clear, back) = (Act::Propose(Verdict::Clear), Act::Propose(Verdict::Return));
    for (id, proposed, approved) in
        [("A", clear, Act::Approve(Verdict::Clear)), ("B", back, Act::Approve(Verdict::Return))]
    {
        assert_eq!(act(&world, id, proposed, home).await, Ok(()));
        assert!(act(&world, id, approved, home).await.is_err(), "one person alone");
        assert_eq!(act(&world, id, approved, centre).await, Ok(()));
        assert_eq!(act(&world, id, approved, centre).await, Ok(()), "the same again changes nothing");
    }
    assert_eq!(owed(&world, FIFTH).await, -10, "A is cleared in the open period, and B never");
    let ended = |verdict| Standing::Ended(verdict);
    let both = [of("A", [0, -10, -10], ended(Verdict::Clear)), of("B", [5, 20, 15], ended(Verdict::Return))];
    assert_eq!(on_list(&world).await, both);
    nothing_is_astray(&world).await;

    // What was returned is not given back, nor does it come again.
    undo(&world, "F", "B", 50).await;
    assert_eq!(world.store.deduction_release(at(14)).await.expect("the store works"), 1);
    assert_eq!((release(&world).await, owed(&world, FIFTH).await), (1, -60));
    assert_eq!(on_list(&world).await[1], of("B", [0, 0, 0], ended(Verdict::Return)));
    bring_back(&world, ("G", "F"), "B", 50).await;
    assert_eq!(world.store.deduction_restore(at(15)).await.expect("the store works"), 1);
    assert_eq!((release(&world).await, owed(&world, FIFTH).await), (1, -10));
    assert_eq!(on_list(&world).await, both);
    // What was cleared is given back where it counts.
    turn(&world, "H", "A", (Turn::Counter, 100)).await;
    assert_eq!((release(&world).await, owed(&world, FIFTH).await), (1, -100));
    nothing_is_astray(&world).await;
}

pub(super) async fn what_left_the_list_by_itself_is_objected_to_no_more_and_waits_for_nothing(world: World) {
    listed_by_itself(&world).await;
    assert_eq!(act(&world, "A", Act::Propose(Verdict::Clear), Seat::Member(Side::Home)).await, Ok(()));
    assert_eq!(act(&world, "A", Act::Approve(Verdict::Clear), Seat::Centre).await, Ok(()));
    assert_eq!(cut_off(&world).await.number, PeriodNumber(6));
    assert_eq!(object(&world, FIFTH, 1, &["A"]).await, not_in_it("A"), "it stays where two people put it");
    // An entry of its settlement that waits on the list takes nothing along that is there by itself.
    undo(&world, "D", "B", 50).await;
    let apart = vec![Disputed { settlement: settlement("B"), reason: "apart".into(), owner: Side::Home }];
    let carrying = Carrying::from([(PeriodNumber(6), None)]);
    let carried = world.store.entry_carry_out(PeriodNumber(6), (apart, vec![]), carrying, at(9)).await;
    assert_eq!(carried.expect("the store works"), Some(1));
    let listed = world.store.listed().await.expect("a list");
    let own = listed.iter().find(|held| (held.settlement.as_str(), held.part) == ("B", 0)).expect("its entry");
    assert_eq!((own.sums.owed().fen(), own.net().fen()), (-50, -50));
    let by = |seat| (Person { certificate: format!("{seat:?}"), seat }, at(13));
    for (done, seat) in
        [(Act::Propose(Verdict::Clear), Seat::Member(Side::Home)), (Act::Approve(Verdict::Clear), Seat::Centre)]
    {
        let done = world.store.listed_act((settlement("B"), 0), done, "查实".into(), by(seat)).await;
        assert_eq!(done.expect("the store works"), Ok(()));
    }
    assert_eq!(owed(&world, PeriodNumber(6)).await, -50);
    let waits = of("B", [5, 20, 15], Standing::Waiting);
    assert!(on_list(&world).await.contains(&waits), "what is there by itself waits on");
    nothing_is_astray(&world).await;
}
