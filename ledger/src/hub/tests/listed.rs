//! What stands on the list, and how it ends.

use ::clearing::listed::{Act, ListFault, Person, Seat, Standing, Verdict};
use ::clearing::period::Side;

use super::course::{carry_out, owed, settled, settlement};
use super::folding::{FIRST, cut_off, fold, receive};
use super::*;

const NEXT: PeriodNumber = PeriodNumber(2);

pub(super) fn person(certificate: &str, seat: Seat) -> Person {
    Person { certificate: certificate.into(), seat }
}

fn home() -> Person {
    person("henan", Seat::Member(Side::Home))
}

fn centre() -> Person {
    person("centre", Seat::Centre)
}

async fn act(world: &World, id: &str, act: Act, by: Person) -> Result<(), ListedFault> {
    let done = world.store.listed_act((settlement(id), 0), act, "查实".into(), (by, at(8))).await;
    done.expect("the store works")
}

async fn listed(world: &World) -> Vec<Listed> {
    world.store.listed().await.expect("a list")
}

/// The list as it is walked, so many entries a page: settlement and part.
pub(super) async fn walked(world: &World, with_ended: bool, limit: u32) -> Vec<(String, i64)> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let (page, next) = world.store.listed_page(after, with_ended, limit).await.expect("a page");
        assert!(page.len() <= limit as usize);
        all.extend(page.into_iter().map(|held| (held.settlement.to_string(), held.part)));
        // As it is written into a message.
        after = next.map(|next| ListPlace::from_text(&next.to_string()).expect("a place"));
        if after.is_none() {
            return all;
        }
    }
}

/// Of which settlements something is or was on the list while a period would clear something else of them.
async fn beside(world: &World, period: PeriodNumber) -> Vec<String> {
    let beside = world.store.listed_beside(period).await.expect("it is read");
    beside.into_iter().map(|held| held.settlement.to_string()).collect()
}

async fn of_a(world: &World) -> Listed {
    let all = listed(world).await;
    all.into_iter().find(|held| held.settlement == settlement("A")).expect("it is listed")
}

/// A and B on the list, out of the first period; the second is open.
async fn two_listed(world: &World) {
    for (id, fen) in [("A", 100), ("B", 20)] {
        settled(world, id, fen).await;
    }
    fold(world).await;
    assert_eq!(carry_out(world, FIRST, &["A", "B"], None).await, 2);
    cut_off(world).await;
}

pub(super) async fn what_is_listed_is_cleared_or_returned_by_two_people_and_once(world: World) {
    two_listed(&world).await;
    let all = listed(&world).await;
    let told: Vec<_> = all.iter().map(|held| (held.settlement.as_str(), held.sums.owed().fen(), held.owner)).collect();
    assert_eq!(told, [("A", 100, Side::Home), ("B", 20, Side::Home)]);
    assert!(all.iter().all(|held| held.standing == Standing::Waiting && held.listed_from == FIRST));
    assert_eq!(act(&world, "X", Act::Refuse, home()).await, Err(ListedFault::Unknown));
    let (clear, approve) = (Act::Propose(Verdict::Clear), Act::Approve(Verdict::Clear));
    assert_eq!(act(&world, "A", approve, centre()).await, Err(ListFault::NothingProposed.into()));
    for _ in 0..2 {
        assert_eq!(act(&world, "A", clear, home()).await, Ok(()), "the same again changes nothing");
    }
    assert_eq!(listed(&world).await[0].standing, Standing::Proposed(Verdict::Clear, home()));
    assert_eq!(act(&world, "A", approve, home()).await, Err(ListFault::SamePerson.into()));
    assert_eq!(act(&world, "A", Act::Refuse, centre()).await, Ok(()));
    assert_eq!(act(&world, "A", clear, home()).await, Ok(()));
    assert_eq!((owed(&world, FIRST).await, owed(&world, NEXT).await), (0, 0), "one alone moves nothing");
    for _ in 0..2 {
        assert_eq!(act(&world, "A", approve, centre()).await, Ok(()), "the same again changes nothing");
    }
    assert_eq!(owed(&world, NEXT).await, 100);
    assert_eq!(beside(&world, NEXT).await, [""; 0], "what is cleared from the list waits for nothing");
    assert_eq!(act(&world, "A", clear, home()).await, Err(ListFault::Ended.into()));

    assert_eq!(act(&world, "B", Act::Propose(Verdict::Return), centre()).await, Ok(()));
    assert_eq!(act(&world, "B", approve, home()).await, Err(ListFault::ProposedOtherwise(Verdict::Return).into()));
    assert_eq!(act(&world, "B", Act::Approve(Verdict::Return), home()).await, Ok(()));
    assert_eq!((owed(&world, FIRST).await, owed(&world, NEXT).await), (0, 100));
    let ended: Vec<_> = listed(&world).await.into_iter().map(|held| held.standing).collect();
    assert_eq!(ended, [Standing::Ended(Verdict::Clear), Standing::Ended(Verdict::Return)]);
}

pub(super) async fn the_list_is_walked_page_by_page_and_each_is_told_once(world: World) {
    for id in ["A", "B", "C", "D", "E"] {
        settled(&world, id, 100).await;
    }
    fold(&world).await;
    assert_eq!(carry_out(&world, FIRST, &["A", "B", "C", "D", "E"], None).await, 5);
    cut_off(&world).await;
    let own = |ids: &[&str]| ids.iter().map(|id| ((*id).to_owned(), 0)).collect::<Vec<_>>();
    for limit in 1..7 {
        assert_eq!(walked(&world, false, limit).await, own(&["A", "B", "C", "D", "E"]), "{limit} at once");
    }
    for id in ["A", "D"] {
        assert_eq!(act(&world, id, Act::Propose(Verdict::Return), home()).await, Ok(()));
        assert_eq!(act(&world, id, Act::Approve(Verdict::Return), centre()).await, Ok(()));
    }
    // What comes after that is decided anew, and told where it came.
    let undone = receive(&world, &cancel("M")).await;
    world.answer(undone, booking("A", Turn::Counter, 100)).await;
    fold(&world).await;
    let out = vec![Disputed { settlement: settlement("A"), reason: "returned".into(), owner: Side::Home }];
    let carried = world.store.entry_carry_out(NEXT, (out, vec![]), Carrying::from([(NEXT, None)]), at(9)).await;
    assert_eq!(carried.expect("it is carried"), Some(1));
    for limit in 1..7 {
        assert_eq!(walked(&world, false, limit).await, own(&["B", "C", "E", "A"]), "{limit} at once");
        assert_eq!(walked(&world, true, limit).await, own(&["B", "C", "D", "E", "A"]), "{limit} at once");
    }
    let of = async |id| world.store.listed_of(settlement(id)).await.expect("it is read");
    let all = listed(&world).await;
    for id in ["A", "D"] {
        assert_eq!(
            of(id).await,
            all.iter().filter(|held| held.settlement == settlement(id)).cloned().collect::<Vec<_>>()
        );
    }
    assert_eq!(of("X").await, []);
}

pub(super) async fn whether_something_can_be_done_is_told_without_doing_it(world: World) {
    two_listed(&world).await;
    let check = async |id: &str, act, by| {
        world.store.listed_check((settlement(id), 0), act, by).await.expect("the store works")
    };
    let (propose, approve) = (Act::Propose(Verdict::Clear), Act::Approve(Verdict::Clear));
    assert_eq!(check("X", propose, home()).await, Err(ListedFault::Unknown));
    assert_eq!(check("A", propose, home()).await, Ok(()));
    assert_eq!(check("A", approve, centre()).await, Err(ListFault::NothingProposed.into()), "it was only asked");
    assert_eq!(act(&world, "A", propose, home()).await, Ok(()));
    assert_eq!(check("A", approve, home()).await, Err(ListFault::SamePerson.into()));
    assert_eq!(check("A", approve, centre()).await, Ok(()));
    assert_eq!(of_a(&world).await.standing, Standing::Proposed(Verdict::Clear, home()));
    assert_eq!(act(&world, "A", approve, centre()).await, Ok(()));
    assert_eq!(check("A", approve, centre()).await, Ok(()), "the same again changes nothing");
    assert_eq!(check("A", propose, home()).await, Err(ListFault::Ended.into()));
}

pub(super) async fn what_was_cleared_from_the_list_is_carried_nowhere_else(world: World) {
    two_listed(&world).await;
    assert_eq!(act(&world, "A", Act::Propose(Verdict::Clear), home()).await, Ok(()));
    assert_eq!(act(&world, "A", Act::Approve(Verdict::Clear), centre()).await, Ok(()));
    let apart = vec![Disputed { settlement: settlement("A"), reason: "still apart".into(), owner: Side::Home }];
    let carrying = Carrying::from([(FIRST, None), (NEXT, Some(PeriodNumber(3)))]);
    let carried = world.store.entry_carry_out(NEXT, (apart, vec![]), carrying, at(9)).await;
    assert_eq!((carried.expect("the store works"), owed(&world, NEXT).await), (Some(0), 100));
}

pub(super) async fn an_end_that_was_proposed_for_fewer_entries_is_decided_anew(world: World) {
    two_listed(&world).await;
    assert_eq!(act(&world, "A", Act::Propose(Verdict::Return), home()).await, Ok(()));
    let undone = receive(&world, &cancel("C")).await;
    world.answer(undone, booking("A", Turn::Counter, 100)).await;
    fold(&world).await;
    let out = vec![Disputed { settlement: settlement("A"), reason: "apart".into(), owner: Side::Home }];
    let carried = world.store.entry_carry_out(NEXT, (out, vec![]), Carrying::from([(NEXT, None)]), at(9)).await;
    assert_eq!(carried.expect("it is carried"), Some(1));
    let approved = act(&world, "A", Act::Approve(Verdict::Return), centre()).await;
    assert_eq!(approved, Err(ListFault::NothingProposed.into()), "nobody proposed that of the second entry");
}

pub(super) async fn an_end_that_was_proposed_for_another_sum_is_proposed_anew(world: World) {
    two_listed(&world).await;
    let (propose, approve) = (Act::Propose(Verdict::Clear), Act::Approve(Verdict::Clear));
    assert_eq!(act(&world, "A", propose, home()).await, Ok(()));
    lodge_and_agree(&world, "A", 30).await;
    let [proposed, now] = [100, 70].map(Money::from_fen);
    let changed = act(&world, "A", approve, centre()).await.expect_err("it is another sum");
    assert_eq!(changed, ListedFault::SumChanged { proposed, now });
    let told = changed.to_string();
    assert!(told.contains("it was 1.00, and is 0.70 now"), "{told}");
    assert_eq!(owed(&world, NEXT).await, 0, "what is refused changes nothing");
    assert_eq!(listed(&world).await[0].standing, Standing::Waiting);
    for (first, second) in [(home(), centre()), (centre(), home())] {
        assert_eq!(act(&world, "A", propose, first.clone()).await, Ok(()), "by the same person too");
        assert_eq!(listed(&world).await[0].standing, Standing::Proposed(Verdict::Clear, first.clone()));
        assert_eq!(act(&world, "A", approve, first).await, Err(ListFault::SamePerson.into()));
        assert_eq!(act(&world, "A", Act::Refuse, second).await, Ok(()));
    }
    assert_eq!(act(&world, "A", propose, centre()).await, Ok(()));
    assert_eq!(act(&world, "A", approve, home()).await, Ok(()));
    assert_eq!(owed(&world, NEXT).await, 70);
}

pub(super) async fn what_comes_to_the_list_after_its_settlement_was_returned_is_decided_anew(world: World) {
    two_listed(&world).await;
    assert_eq!(act(&world, "A", Act::Propose(Verdict::Return), home()).await, Ok(()));
    assert_eq!(act(&world, "A", Act::Approve(Verdict::Return), centre()).await, Ok(()));
    let undone = receive(&world, &cancel("C")).await;
    world.answer(undone, booking("A", Turn::Counter, 100)).await;
    fold(&world).await;
    assert_eq!((beside(&world, FIRST).await, beside(&world, NEXT).await), (vec![], vec!["A".to_owned()]));
    let out = vec![Disputed { settlement: settlement("A"), reason: "returned".into(), owner: Side::Home }];
    let carried = world.store.entry_carry_out(NEXT, (out, vec![]), Carrying::from([(NEXT, None)]), at(9)).await;
    assert_eq!(carried.expect("it is carried"), Some(1));
    assert_eq!(beside(&world, NEXT).await, [""; 0], "it is gone");
    let held = of_a(&world).await;
    assert_eq!((held.standing, held.sums.owed().fen()), (Standing::Waiting, -100), "what is open alone");
    // Cleared alone it would give back what was never paid.
    let otherwise = Err(ListFault::EndsAs(Verdict::Return).into());
    assert_eq!(act(&world, "A", Act::Propose(Verdict::Clear), home()).await, otherwise);
    assert_eq!(act(&world, "A", Act::Propose(Verdict::Return), home()).await, Ok(()));
    assert_eq!(act(&world, "A", Act::Approve(Verdict::Return), centre()).await, Ok(()));
    assert_eq!((owed(&world, FIRST).await, owed(&world, NEXT).await), (0, 0));
    let held = of_a(&world).await;
    assert_eq!((held.sums.owed(), held.standing), (Money::ZERO, Standing::Ended(Verdict::Return)));
}

pub(super) async fn what_undoes_what_was_cleared_from_the_list_is_cleared_too(world: World) {
    two_listed(&world).await;
    assert_eq!(act(&world, "A", Act::Propose(Verdict::Clear), home()).await, Ok(()));
    assert_eq!(act(&world, "A", Act::Approve(Verdict::Clear), centre()).await, Ok(()));
    cut_off(&world).await;
    let undone = receive(&world, &cancel("C")).await;
    world.answer(undone, booking("A", Turn::Counter, 100)).await;
    fold(&world).await;
    let third = PeriodNumber(3);
    let out = vec![Disputed { settlement: settlement("A"), reason: "not compared".into(), owner: Side::Treatment }];
    let carried = world.store.entry_carry_out(third, (out, vec![]), Carrying::from([(third, None)]), at(9)).await;
    assert_eq!(carried.expect("it is carried"), Some(1));
    let held = of_a(&world).await;
    assert_eq!((held.standing, held.sums.owed().fen()), (Standing::Waiting, -100));
    let otherwise = Err(ListFault::EndsAs(Verdict::Clear).into());
    assert_eq!(act(&world, "A", Act::Propose(Verdict::Return), home()).await, otherwise, "what was paid would stay");
    assert_eq!(act(&world, "A", Act::Propose(Verdict::Clear), home()).await, Ok(()));
    assert_eq!(act(&world, "A", Act::Approve(Verdict::Clear), centre()).await, Ok(()));
    assert_eq!((owed(&world, NEXT).await, owed(&world, third).await), (100, -100));
}

pub(super) async fn what_corrects_an_earlier_period_says_which(world: World) {
    settled(&world, "A", 100).await;
    settled(&world, "B", 20).await;
    let undone = receive(&world, &cancel("D")).await;
    world.answer(undone, booking("B", Turn::Counter, 20)).await;
    cut_off(&world).await;
    let undone = receive(&world, &cancel("C")).await;
    world.answer(undone, booking("A", Turn::Counter, 100)).await;
    fold(&world).await;
    let corrects = async |period| {
        let movements = world.store.clearing_movements(period).await.expect("movements");
        let postings = world.store.lot_postings((period, super::folding::lot()), Position(0), 100).await;
        let of: Vec<_> = postings.expect("postings").into_iter().filter_map(|posting| posting.corrects).collect();
        (movements.corrected.of(super::folding::lot()).owed().fen(), of)
    };
    assert_eq!(corrects(FIRST).await, (0, vec![]), "within one period nothing earlier is corrected");
    assert_eq!(corrects(NEXT).await, (-100, vec![FIRST]));
}

pub(super) async fn what_is_taken_off_a_settlement_goes_with_it_onto_the_list_and_off_it(world: World) {
    for (id, fen) in [("A", 100), ("B", 20)] {
        settled(&world, id, fen).await;
    }
    fold(&world).await;
    cut_off(&world).await;
    for (id, fen) in [("A", 30), ("B", 5)] {
        lodge_and_agree(&world, id, fen).await;
    }
    assert_eq!(owed(&world, FIRST).await, 85, "it is not stated yet, though it is over");
    assert_eq!(carry_out(&world, FIRST, &["A", "B"], None).await, 2);
    assert_eq!(
        (owed(&world, FIRST).await, owed(&world, NEXT).await),
        (0, 0),
        "nothing is taken off what is not cleared"
    );
    for (id, verdict) in [("A", Verdict::Clear), ("B", Verdict::Return)] {
        assert_eq!(act(&world, id, Act::Propose(verdict), home()).await, Ok(()));
        assert_eq!(act(&world, id, Act::Approve(verdict), centre()).await, Ok(()));
    }
    assert_eq!((owed(&world, FIRST).await, owed(&world, NEXT).await), (0, 70));
    let posted =
        world.store.deduction_postings_page(NEXT, Between::default(), (String::new(), 0), 10).await.expect("postings");
    assert_eq!(posted.iter().map(|posted| posted.id.as_str()).collect::<Vec<_>>(), ["d-A"]);
    // What is undone gives back what was taken off it, and nothing that never was.
    for (message, id, fen) in [("C", "A", 100), ("D", "B", 20)] {
        let undone = receive(&world, &cancel(message)).await;
        world.answer(undone, booking(id, Turn::Counter, fen)).await;
    }
    fold(&world).await;
    assert_eq!(world.store.deduction_release(at(9)).await.expect("they are released"), 2);
    let back = vec![Disputed { settlement: settlement("B"), reason: "returned".into(), owner: Side::Home }];
    let carried = world.store.entry_carry_out(NEXT, (back, vec![]), Carrying::from([(NEXT, None)]), at(9)).await;
    assert_eq!(carried.expect("it is carried"), Some(1));
    assert_eq!(owed(&world, NEXT).await, 0);
}

pub(super) async fn a_settlement_is_followed_over_the_list_to_where_it_counts_by_now(world: World) {
    for (id, fen) in [("A", 100), ("B", 20)] {
        settled(&world, id, fen).await;
    }
    let follow = async |id| world.store.settlement_follow(settlement(id)).await.expect("it is read");
    assert_eq!(follow("A").await, Followed::default(), "nothing is folded yet");
    fold(&world).await;
    lodge_and_agree(&world, "A", 30).await;
    cut_off(&world).await;
    assert_eq!(carry_out(&world, FIRST, &["A"], None).await, 1);
    let periods = |followed: &Followed| {
        let of = followed
            .deducted
            .iter()
            .map(|each| (each.id.clone(), each.taken.of(Fund::Basic).fen(), each.stands.period()));
        (followed.carried.iter().map(|each| (each.from, each.into)).collect::<Vec<_>>(), of.collect::<Vec<_>>())
    };
    let d = |fen, period| ("d-A".to_owned(), fen, period);
    let places = async || {
        let wanted = ["A", "B", "X"].map(settlement).into();
        let places = world.store.settlement_places(wanted).await.expect("they are read");
        places.into_iter().map(|(settlement, place)| (settlement.to_string(), place)).collect::<Vec<_>>()
    };
    assert_eq!(places().await, [("A".to_owned(), None), ("B".to_owned(), Some(FIRST))], "what is booked, and where");
    assert_eq!(periods(&follow("A").await), (vec![(Some(FIRST), None)], vec![d(30, None)]), "both are on the list");
    assert_eq!(act(&world, "A", Act::Propose(Verdict::Clear), home()).await, Ok(()));
    assert_eq!(act(&world, "A", Act::Approve(Verdict::Clear), centre()).await, Ok(()));
    let undone = receive(&world, &cancel("C")).await;
    world.answer(undone, booking("A", Turn::Counter, 100)).await;
    fold(&world).await;
    assert_eq!(world.store.deduction_release(at(9)).await.expect("it is released"), 1);
    assert_eq!(places().await[0], ("A".to_owned(), Some(NEXT)), "what undoes it is carried by itself");
    let followed = follow("A").await;
    let way = vec![(Some(FIRST), None), (None, Some(NEXT))];
    assert_eq!(periods(&followed), (way, vec![d(30, Some(NEXT)), d(-30, Some(NEXT))]));
    let entries: Vec<_> = followed.entries.iter().map(|entry| (entry.turn(), entry.period, entry.corrects)).collect();
    assert_eq!(entries, [(Turn::Enter, FIRST, None), (Turn::Counter, NEXT, Some(FIRST))]);
    let other = follow("B").await;
    assert_eq!((other.entries.len(), periods(&other)), (1, (vec![], vec![])));
    assert_eq!(follow("X").await, Followed::default());
    let cut_off_at = async |period| world.store.clearing_cut_off_at(period).await.expect("it is read");
    assert!(cut_off_at(FIRST).await.is_some() && cut_off_at(NEXT).await.is_none(), "the second is open");
}

pub(super) async fn lodge_and_agree(world: &World, of: &str, fen: i64) {
    let mut shares = FundShares::default();
    shares.set(Fund::Basic, Money::from_fen(fen));
    let lodging = DeductionLodging {
        id: format!("d-{of}"),
        settlement: settlement(of),
        deducted: shares,
        reason: "超限定支付".into(),
    };
    let by = || ("a certificate".to_owned(), at(6));
    world.store.deduction_lodge(lodging, by()).await.expect("the store works").expect("it is lodged");
    let agreed = world.store.deduction_change(format!("d-{of}"), Change::Agree(shares, String::new()), by()).await;
    agreed.expect("the store works").expect("it is agreed");
}
