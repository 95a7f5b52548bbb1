//! What members object to month after month until it stands on the list, with what goes along or by itself, and how it ends
//! there.

use broker::clearing::Clearing;
use clearing::period::{Side, Stage};
use clearing::year::Why;
use identity::name::Role;
use jiff::civil::date;
use ledger::hub::{PeriodNumber, Reply};
use proto::v1;
use proto::v1::deductions_client::DeductionsClient;
use proto::v1::leftovers_client::LeftoversClient;
use settlement::money::Money;
use tonic::transport::Channel;

use crate::clearing::{JULY, JUNE, advance, clearing, due, field, henan_shanghai, member, noon, stage};
use crate::requests::*;
use crate::world::{World, refusal};

/// All that is told of what is moved, page by page.
async fn all_moved(world: &World, mut asked: v1::MovedRequest) -> Vec<v1::MovedEntry> {
    let (mut henan, mut entries) = (member(world, "410000"), Vec::new());
    loop {
        let page = henan.moved(asked.clone()).await.expect("a page").into_inner();
        assert!(asked.limit == 0 || page.entries.len() <= asked.limit as usize);
        entries.extend(page.entries);
        if page.next.is_empty() {
            return entries;
        }
        asked.after = page.next;
    }
}

fn leftovers(world: &World, code: &str) -> LeftoversClient<Channel> {
    LeftoversClient::new(world.peer(code, Role::Operator))
}

fn act(seat: &str, verdict: &str) -> v1::LeftoverAct {
    v1::LeftoverAct {
        settlement: "1".into(),
        part: 0,
        verdict: verdict.into(),
        seat: seat.into(),
        reason: "对方已出具病历".into(),
        check_only: false,
    }
}

/// 50.00 元 are booked in June.
async fn booked_in_june() -> (World, Clearing) {
    let world = World::new().await;
    let clearing = clearing(&world);
    advance(&clearing, noon(6, 15)).await;
    world.operate(&settle("1")).await.expect("an answer");
    (world, clearing)
}

/// The home member objects to the settlement in three months, one after the other; nothing is left to pay in any.
async fn objected_to_three_times(clearing: &Clearing, first: PeriodNumber) {
    for (period, month) in (first.0..).map(PeriodNumber).zip(6 + i8::try_from(first.0).expect("a month")..).take(3) {
        advance(clearing, noon(month, 21)).await;
        let objection = Reply::Objected { settlements: vec![settlement_id("1")], reason: "患者否认就医".into() };
        let by = ("henan".into(), noon(month, 22));
        let objected = clearing.reply((period, henan_shanghai(), Side::Home), 1, objection, by).await;
        objected.expect("the store works").expect("it is heard");
        advance(clearing, noon(month, 22)).await;
        advance(clearing, noon(month, 30)).await;
        assert_eq!(stage(clearing, period).await, Stage::Closed, "nothing is left to pay");
    }
}

/// Some fen of it are deducted, under an id.
pub async fn deducted(world: &World, id: &str, basic: i64) {
    let mut agency = DeductionsClient::new(world.peer("310000", Role::Operator));
    let deducted = Some(v1::FundSums { basic, ..v1::FundSums::default() });
    let (settlement, reason) = ("1".to_owned(), "超限定支付".to_owned());
    agency
        .lodge(v1::LodgeDeductionRequest { id: id.to_owned(), settlement, deducted, reason })
        .await
        .expect("it is lodged");
    let agreed = v1::ChangeDeductionRequest { id: id.to_owned(), agreed: deducted, reason: String::new() };
    agency.agree(agreed).await.expect("it is agreed on");
}

/// What is booked, deducted and corrected of something on the list, and what is cleared of it then.
fn sums(held: &v1::Leftover) -> (i64, i64, i64, i64) {
    let basic = |sums: &Option<v1::FundSums>| sums.as_ref().map_or(0, |sums| sums.basic);
    let booked = held.sums.as_ref().map_or(0, |sums| sums.basic);
    (booked, basic(&held.deducted), basic(&held.corrected), held.net)
}

#[tokio::test]
async fn what_is_left_over_is_decided_and_counted_with_what_goes_along() {
    let (world, clearing) = booked_in_june().await;
    deducted(&world, "D", 800).await;
    objected_to_three_times(&clearing, JUNE).await;
    let asked = v1::MovedRequest {
        month: "2025-07".into(),
        home: "410000".into(),
        treatment: "310000".into(),
        ..v1::MovedRequest::default()
    };
    let moved = all_moved(&world, asked.clone()).await;
    assert_eq!(all_moved(&world, v1::MovedRequest { limit: 1, ..asked.clone() }).await, moved, "one by one");
    let lot = moved[0].lot.clone();
    let of_lot = v1::MovedRequest { month: asked.month.clone(), lot, ..v1::MovedRequest::default() };
    assert_eq!(all_moved(&world, of_lot).await, moved, "they are of one lot");
    let nowhere = member(&world, "410000").moved(v1::MovedRequest { after: "nowhere".into(), ..asked }).await;
    assert_eq!(field(&nowhere.expect_err("no page says that")), "after");
    let ways = moved.iter().map(|entry| (entry.movement.as_str(), entry.along));
    assert_eq!(
        ways.collect::<Vec<_>>(),
        [("carried-in", -800), ("carried-out", 800)],
        "what goes along goes out again"
    );
    let owed = async || {
        let year = clearing.year_end(2025).await.expect("the store works");
        year.rests.iter().map(|rest| (rest.why, rest.owed)).collect::<Vec<_>>()
    };
    assert_eq!(owed().await, [(Why::Listed, Money::from_yuan(42))]);
    let (mut henan, mut shanghai) = (leftovers(&world, "410000"), leftovers(&world, "310000"));
    let all = v1::LeftoversRequest::default();
    let held = shanghai.list(all).await.expect("a list").into_inner().leftovers.remove(0);
    assert_eq!(sums(&held), (5_000, 800, 0, 4_200));
    let proposed = shanghai.propose(act("treatment", "clear")).await.expect("it is proposed").into_inner();
    assert_eq!(sums(&proposed), (5_000, 800, 0, 4_200));
    // The agency agrees on more before Henan decides.
    deducted(&world, "E", 200).await;
    let changed = refusal(&henan.approve(act("home", "clear")).await.expect_err("it is another sum"));
    let told = "its sum has changed since its end was proposed: it was 42.00, and is 40.00 now; propose it anew";
    assert_eq!((changed.field.as_deref(), changed.detail.as_deref()), (Some("net"), Some(told)));
    let proposed = shanghai.propose(act("treatment", "clear")).await.expect("it is proposed").into_inner();
    let ended = henan.approve(act("home", "clear")).await.expect("it is decided").into_inner();
    assert_eq!([sums(&proposed), sums(&ended)], [(5_000, 1_000, 0, 4_000); 2], "both decide on what is cleared then");
    assert_eq!(due(&clearing, PeriodNumber(4)).await, Money::from_yuan(40));
}

/// The deduction comes after June was stated with the settlement: it goes by itself.
#[tokio::test]
async fn what_is_deducted_after_its_settlement_was_cleared_stands_on_the_list_too() {
    let (world, clearing) = booked_in_june().await;
    advance(&clearing, noon(7, 21)).await;
    deducted(&world, "D", 800).await;
    objected_to_three_times(&clearing, JULY).await;
    assert_eq!(due(&clearing, JUNE).await, Money::from_yuan(50), "what was cleared stays");
    let year = clearing.year_end(2025).await.expect("the store works");
    let rests =
        year.rests.iter().filter(|rest| rest.why == Why::Listed).map(|rest| (rest.month.to_string(), rest.owed));
    assert_eq!(rests.collect::<Vec<_>>(), [("2025-07".to_owned(), Money::from_yuan(-8))]);

    let (mut henan, mut shanghai) = (leftovers(&world, "410000"), leftovers(&world, "310000"));
    let all = || v1::LeftoversRequest::default();
    let held = shanghai.list(all()).await.expect("a list").into_inner().leftovers.remove(0);
    assert_eq!((held.settlement.as_str(), held.part, held.owner.as_str()), ("1", -1, "310000"));
    assert_eq!((held.booked_in.as_str(), held.listed_from.as_str()), ("2025-07", "2025-09"));
    assert_eq!(sums(&held), (0, 800, 0, -800));
    let whole = shanghai.propose(act("treatment", "clear")).await.expect_err("the settlement itself is not there");
    assert_eq!(field(&whole), "settlement");
    let alone = |seat| v1::LeftoverAct { part: -1, ..act(seat, "clear") };
    shanghai.propose(alone("treatment")).await.expect("it is proposed");
    assert_eq!(field(&shanghai.approve(alone("treatment")).await.expect_err("one person alone")), "seat");
    let ended = henan.approve(alone("home")).await.expect("it is decided").into_inner();
    assert_eq!((ended.standing.as_str(), ended.verdict.as_str()), ("ended", "clear"));
    assert!(shanghai.list(all()).await.expect("a list").into_inner().leftovers.is_empty());
    assert_eq!(due(&clearing, PeriodNumber(5)).await, Money::from_yuan(-8), "it is taken off the open period");

    let traced = member(&world, "410000").trace(v1::TraceRequest { settlement: "1".into() }).await.expect("its way");
    let traced = traced.into_inner();
    let ways = traced.carried.iter().map(|way| (way.way.as_str(), way.turn.as_str(), way.part, way.into.as_str()));
    let alone = |way, into| (way, "deduction D", -1, into);
    let [on, again, off] = [alone("carried", "2025-08"), alone("carried", "2025-09"), alone("cleared", "2025-10")];
    assert_eq!(ways.collect::<Vec<_>>(), [on, again, alone("listed", ""), off]);
    assert_eq!(traced.listed.iter().map(|held| held.net).collect::<Vec<_>>(), [-800]);
    assert_eq!(traced.deductions[0].taken[0].month, "2025-10");
}

/// What moved in a month between Henan and Shanghai: how, which deduction, the other month, by which count and sum, and
/// what goes along.
async fn told_moved(world: &World, month: &str) -> Vec<(String, String, String, i64, i64)> {
    let asked = v1::MovedRequest {
        month: month.into(),
        home: "410000".into(),
        treatment: "310000".into(),
        ..v1::MovedRequest::default()
    };
    let moved = all_moved(world, asked.clone()).await;
    assert_eq!(all_moved(world, v1::MovedRequest { limit: 1, ..asked }).await, moved, "one by one");
    let own = |sums: &v1::MovedSums| sums.visits + sums.total + sums.basic;
    let told =
        |one: v1::MovedEntry| (one.movement, one.deduction, one.other, one.sums.as_ref().map_or(0, own), one.along);
    moved.into_iter().map(told).collect()
}

#[tokio::test]
async fn what_goes_by_itself_is_told_in_the_months_that_it_leaves_and_enters_and_that_it_was_returned() {
    for (verdict, month, returned) in [("clear", "2025-10", false), ("return", "", true)] {
        let (world, clearing) = booked_in_june().await;
        advance(&clearing, noon(7, 21)).await;
        deducted(&world, "D", 800).await;
        objected_to_three_times(&clearing, JULY).await;
        let (mut henan, mut shanghai) = (leftovers(&world, "410000"), leftovers(&world, "310000"));
        let mut deductions = DeductionsClient::new(world.peer("310000", Role::Operator));
        let mut held = async || {
            let all = v1::ListDeductionsRequest::default();
            deductions.list(all).await.expect("a list").into_inner().deductions.remove(0)
        };
        assert!(!held().await.returned, "it waits");
        let alone = |seat| v1::LeftoverAct { part: -1, ..act(seat, verdict) };
        shanghai.propose(alone("treatment")).await.expect("it is proposed");
        henan.approve(alone("home")).await.expect("it is decided");
        let held = held().await;
        assert_eq!((held.standing.as_str(), held.month.as_str(), held.returned), ("agreed", month, returned));

        let row = |movement: &str, other: &str, sum, along| {
            (movement.to_owned(), "D".to_owned(), other.to_owned(), sum, along)
        };
        let (came, went) = (|other| row("came-alone", other, 0, -800), |other| row("went-alone", other, 0, 800));
        assert_eq!(told_moved(&world, "2025-06").await, [], "June was cleared without it");
        assert_eq!(told_moved(&world, "2025-07").await, [went("2025-08")]);
        assert_eq!(told_moved(&world, "2025-08").await, [came("2025-07"), went("2025-09")]);
        assert_eq!(told_moved(&world, "2025-09").await, [came("2025-08"), went("")], "onto the list");
        let october = told_moved(&world, "2025-10").await;
        if returned {
            assert_eq!(october, [], "what is returned comes into no month");
        } else {
            assert_eq!(october, [came(""), row("deducted", "2025-06", -800, 0)]);
        }
    }
}

#[tokio::test]
async fn what_is_objected_to_in_three_periods_stands_on_the_list_until_both_members_have_decided() {
    let (world, clearing) = booked_in_june().await;
    objected_to_three_times(&clearing, JUNE).await;
    let year = clearing.year_end(2025).await.expect("the store works");
    let rests: Vec<_> = year.rests.iter().map(|rest| (rest.why, rest.owed)).collect();
    assert_eq!(rests, [(Why::Listed, Money::from_yuan(50))]);
    assert!(year.is_late(date(2026, 4, 1)) && !year.is_late(date(2026, 3, 31)));
    let (mut henan, mut shanghai) = (leftovers(&world, "410000"), leftovers(&world, "310000"));
    let all = || v1::LeftoversRequest::default();
    let held = shanghai.list(all()).await.expect("a list").into_inner().leftovers.remove(0);
    assert_eq!((held.settlement.as_str(), held.owner.as_str(), held.standing.as_str()), ("1", "310000", "waiting"));
    assert_eq!((held.booked_in.as_str(), held.listed_from.as_str()), ("2025-06", "2025-08"));
    let theirs = leftovers(&world, "440000").list(all()).await.expect("a list").into_inner().leftovers;
    assert!(theirs.is_empty(), "it is not theirs");

    let page = v1::LeftoversRequest { after: "the first".into(), ..all() };
    assert_eq!(field(&shanghai.list(page).await.expect_err("no such place")), "after");
    let checked = v1::LeftoverAct { check_only: true, ..act("treatment", "clear") };
    shanghai.propose(checked.clone()).await.expect("it may be done");
    assert_eq!(field(&henan.approve(act("home", "clear")).await.expect_err("and was not")), "settlement");
    let checked = v1::LeftoverAct { seat: "home".into(), ..checked };
    assert_eq!(field(&shanghai.propose(checked).await.expect_err("asked about as done")), "seat");

    for (spoilt, named) in [
        (act("home", "clear"), "seat"),
        (act("centre", "clear"), "seat"),
        (act("both", "clear"), "seat"),
        (act("treatment", "pay"), "verdict"),
        (v1::LeftoverAct { settlement: "9".into(), ..act("treatment", "clear") }, "settlement"),
        (v1::LeftoverAct { reason: " ".into(), ..act("treatment", "clear") }, "reason"),
    ] {
        assert_eq!(field(&shanghai.propose(spoilt.clone()).await.expect_err(named)), named, "{spoilt:?}");
    }
    let nothing = shanghai.approve(act("treatment", "clear")).await.expect_err("nothing is proposed");
    assert_eq!(field(&nothing), "settlement");
    let proposed = shanghai.propose(act("treatment", "clear")).await.expect("it is proposed").into_inner();
    assert_eq!((proposed.standing.as_str(), proposed.seat.as_str()), ("proposed", "treatment"));
    assert_eq!(field(&shanghai.approve(act("treatment", "clear")).await.expect_err("one person alone")), "seat");
    assert_eq!(field(&henan.approve(act("home", "return")).await.expect_err("not what is proposed")), "verdict");
    let ended = henan.approve(act("home", "clear")).await.expect("it is decided").into_inner();
    assert_eq!((ended.standing.as_str(), ended.verdict.as_str()), ("ended", "clear"));
    assert!(shanghai.list(all()).await.expect("a list").into_inner().leftovers.is_empty());

    let september = PeriodNumber(4);
    assert_eq!(due(&clearing, september).await, Money::from_yuan(50), "it is cleared in the open period");
    advance(&clearing, noon(10, 21)).await;
    let standing = clearing.standing(september).await.expect("the store works").expect("a month");
    assert_eq!(standing.record.pairs[&henan_shanghai()].owed(), Money::from_yuan(50));
}
