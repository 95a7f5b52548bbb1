//! Prefunds over a year's turn on a real hub: set by the calendar, watched, and who may be suspended for not paying.

use std::sync::Arc;

use broker::clearing::Clearing;
use broker::clearing::prefunds::{QuarterSums, ResetFault};
use broker::jobs::prefunds::PrefundWatch;
use clearing::calendar::Calendar;
use clearing::month::Month;
use clearing::period::{Pair, Payment, Side};
use clearing::prefund::Watch;
use clearing::prefund::account::RequestFault;
use clearing::prefund::change::{AnswerFault, Standing};
use clearing::prefund::quarter::{Quarter, Source};
use jiff::Timestamp;
use jiff::civil::{Date, date};
use ledger::hub::{Carrying, Disputed, PeriodNumber, PrefundChange, PrefundKey, PrefundKind};
use metrics_exporter_prometheus::PrometheusBuilder;
use settlement::beijing;
use settlement::ids::MemberCode;
use settlement::money::Money;
use settlement::person::Insurance;
use settlement::region::RegionTable;

use crate::clearing::clearing;
use crate::prefund_desks::pay_change;
use crate::requests::*;
use crate::world::World;

/// Noon of a day, Beijing time.
fn noon(year: i16, month: i8, day: i8) -> Timestamp {
    beijing::instant_of(date(year, month, day).at(12, 0, 0, 0)).expect("an instant")
}

fn henan_shanghai() -> Pair {
    Pair { home: MemberCode(region("410000")), treatment: MemberCode(region("310000")) }
}

fn of(insurance: Insurance) -> PrefundKey {
    PrefundKey { pair: henan_shanghai(), insurance }
}

async fn advance(clearing: &Clearing, now: Timestamp) {
    clearing.advance(now).await.expect("the store works");
}

/// Settles in a month of 2025 and lives through the next one until the notices are out.
async fn settle_and_notify(world: &World, clearing: &Clearing, month: i8) {
    world.operate(&settle(&month.to_string())).await.expect("an answer");
    pass(clearing, month).await;
}

/// Lives through the month after a month of 2025.
async fn pass(clearing: &Clearing, month: i8) {
    for day in [1, 21, 28] {
        advance(clearing, noon(2025, month + 1, day)).await;
    }
}

/// Has some sides record that a month is paid.
async fn pay(world: &World, period: i64, sides: &[Side]) {
    for side in sides {
        let payment = Payment {
            serial: "2025121500017".into(),
            bank: "中国银行 郑州分行".into(),
            on: date(2025, 12, 29),
            amount: Money::from_yuan(50),
        };
        let place = (PeriodNumber(period), henan_shanghai(), Insurance::Employee);
        let by = ("us".to_owned(), noon(2025, 12, 29));
        let recorded = world.hub().store().payment_record(place, *side, payment, by).await;
        recorded.expect("the store works").expect("it is recorded");
    }
}

/// The months left unpaid by Henan in Shanghai, those that Henan says it has paid, and whether it may be suspended.
async fn unpaid(clearing: &Clearing, now: Timestamp) -> (Vec<String>, Vec<String>, bool) {
    let mut unpaid = clearing.unpaid(now).await.expect("the store works");
    let held = unpaid.remove(&henan_shanghai()).unwrap_or_default();
    let named = |months: &[Month]| months.iter().map(ToString::to_string).collect();
    (named(&held.months), named(&held.claimed), held.may_suspend)
}

#[tokio::test]
async fn what_is_unpaid_stays_in_the_row_until_both_sides_have_recorded_its_payment() {
    let world = World::new().await;
    let clearing = clearing(&world);
    advance(&clearing, noon(2025, 6, 15)).await;
    for month in [6, 7] {
        settle_and_notify(&world, &clearing, month).await;
    }
    // Nothing is settled from August on.
    for month in [8, 9, 10, 11] {
        pass(&clearing, month).await;
    }
    let owned = |months: &[&str]| months.iter().map(|month| (*month).to_owned()).collect::<Vec<_>>();
    let (june, both) = (owned(&["2025-06"]), owned(&["2025-06", "2025-07"]));
    // June's last day was 18 August, three months before 18 November; July's was 18 September.
    assert_eq!(unpaid(&clearing, noon(2025, 11, 18)).await, (both.clone(), vec![], false));
    assert_eq!(unpaid(&clearing, noon(2025, 11, 19)).await, (both.clone(), vec![], true));

    let december = noon(2025, 12, 29);
    pay(&world, 1, &[Side::Home]).await;
    assert_eq!(unpaid(&clearing, december).await, (both, june.clone(), true), "the payer's word alone pays nothing");
    pay(&world, 2, &Side::ALL).await;
    let claimed = (june.clone(), june, false);
    assert_eq!(
        unpaid(&clearing, december).await,
        claimed,
        "it has recorded its payment, and is not suspended for silence"
    );
    let said = async |day, months: &[&str]| {
        let nothing_came = months.iter().filter_map(|month| Month::from_text(month)).collect();
        let may = clearing.may_suspend_denying(henan_shanghai(), &nothing_came, day).await;
        may.expect("the store works")
    };
    let (last, after) = (noon(2026, 1, 28), noon(2026, 1, 29));
    assert_eq!(unpaid(&clearing, after).await, claimed, "however long the other side says nothing");
    assert!(!said(last, &["2025-06"]).await, "the claim is 30 days old");
    assert!(said(after, &["2025-06"]).await && !said(after, &[]).await);
    pay(&world, 1, &[Side::Treatment]).await;
    assert_eq!(unpaid(&clearing, december).await, (vec![], vec![], false));
}

/// A clearing of a hub's book whose calendar lists no holidays of a year.
fn without(world: &World, year: i16) -> Clearing {
    let file = include_str!("../../../deploy/calendar.toml");
    let from = file.find(&format!("[[year]]\nyear = {year}")).expect("it is listed");
    let to = file[from + 1..].find("[[year]]").map_or(file.len(), |next| from + 1 + next);
    let calendar = Calendar::parse(&[&file[..from], &file[to..]].concat()).expect("no faults");
    let regions = std::fs::read_to_string(&world.config.regions).expect("a table");
    let regions = RegionTable::from_csv(&regions).expect("a table");
    Clearing::new(world.hub().store().clone(), Arc::new(regions), Arc::new(calendar.without_comparing()))
}

#[tokio::test]
async fn what_is_due_in_a_year_that_is_not_listed_is_told_and_is_late_once_it_is() {
    let world = World::new().await;
    let (listed, unlisted) = (clearing(&world), without(&world, 2026));
    advance(&listed, noon(2025, 11, 15)).await;
    world.operate(&settle("1")).await.expect("an answer");
    for (month, day) in [(12, 1), (12, 21), (12, 28)] {
        advance(&listed, noon(2025, month, day)).await;
    }
    // Its notice of 28 December is paid in January.
    let told = async |clearing: &Clearing, day| {
        let held = clearing.unpaid(day).await.expect("the store works").remove(&henan_shanghai()).unwrap_or_default();
        let named = |months: &[Month]| months.iter().map(ToString::to_string).collect::<Vec<_>>();
        (named(&held.months), named(&held.undated), held.may_suspend)
    };
    let (november, none) = (vec!["2025-11".to_owned()], Vec::new());
    let (at_once, years_after) = (noon(2025, 12, 29), noon(2026, 12, 29));
    for day in [at_once, years_after] {
        assert_eq!(told(&unlisted, day).await, (none.clone(), november.clone(), false));
    }
    assert_eq!(told(&listed, at_once).await, (none.clone(), none.clone(), false), "it is not late yet");
    assert_eq!(told(&listed, years_after).await, (november, none.clone(), true));
    pay(&world, 1, &Side::ALL).await;
    assert_eq!(told(&unlisted, years_after).await, (none.clone(), none, false));
}

/// A change of a prefund that both sides have had paid, or accepted, at once.
pub async fn change(world: &World, (insurance, id, yuan): (Insurance, &str, i64), kind: PrefundKind, at: Timestamp) {
    let change = PrefundChange {
        key: of(insurance),
        id: id.into(),
        kind,
        amount: Money::from_yuan(yuan),
        basis: Quarter::default(),
        held: Money::ZERO,
        reason: "集中结算".into(),
        asked_by: kind.is_answered().then_some(Side::Treatment),
        at,
    };
    let store = world.hub().store();
    assert!(store.prefund_change(change, "an operator".into()).await.expect("the store works"));
    if kind.is_answered() {
        let (place, said) = ((of(insurance), id.to_owned(), Side::Home), (true, String::new()));
        let answered = store.prefund_answer(place, said, None, ("henan".into(), at)).await.expect("the store works");
        assert_eq!(answered, Ok(()));
    }
    if kind != PrefundKind::Opening {
        pay_change(world, (of(insurance), id), yuan.abs(), at).await;
    }
}

/// A hub that has cleared from a day of 2025 to the end of the year, with 50 yuan owed in each of its months; December is
/// not cut off.
async fn quarter(world: &World, from: Date) -> Clearing {
    let clearing = clearing(world);
    for month in from.month()..=12 {
        advance(&clearing, noon(2025, month, 2)).await;
        world.operate(&settle(&month.to_string())).await.expect("an answer");
    }
    clearing
}

#[tokio::test]
async fn the_calendar_sets_prefunds_once_when_januarys_table_is_due_and_the_quarter_is_proved() {
    let world = World::new().await;
    let clearing = quarter(&world, date(2025, 10, 2)).await;
    let due = async |now| clearing.prefund_reset_due(now).await.expect("the store works");
    assert_eq!(due(noon(2026, 1, 31)).await, 0, "December is not cut off");
    advance(&clearing, noon(2026, 1, 31)).await;
    change(&world, (Insurance::Resident, "top-up 1", 70), PrefundKind::TopUp, noon(2026, 1, 20)).await;
    assert_eq!(due(noon(2026, 1, 30)).await, 0, "the table is due on the last day");
    assert_eq!(due(noon(2026, 3, 1)).await, 0, "it is too late to do it by itself");
    assert_eq!(due(noon(2026, 1, 31)).await, 1);
    change(&world, (Insurance::Employee, "top-up 2", 40), PrefundKind::TopUp, noon(2026, 2, 2)).await;
    assert_eq!(due(noon(2026, 2, 3)).await, 0, "what was increased since stays");

    let changes = world.hub().store().prefund_changes().await.expect("changes");
    let set = changes.iter().find(|change| change.id == "reset 2026").expect("it is set");
    assert_eq!(
        (set.key, set.amount, set.basis.sum()),
        (of(Insurance::Employee), Money::from_yuan(100), Money::from_yuan(150))
    );
    let balances = world.hub().store().prefund_balances().await.expect("balances");
    assert_eq!(balances[&of(Insurance::Employee)], Money::from_yuan(40), "what was set is not paid yet");
    assert_eq!(balances[&of(Insurance::Resident)], Money::from_yuan(70), "nothing of it is from before this year");
    let days = clearing.prefund_days(set).expect("2026 is listed");
    assert_eq!((days.submit_by, days.pay_by), (date(2026, 2, 6), date(2026, 2, 27)));
    let late = clearing.prefund_days(&PrefundChange { at: noon(2026, 2, 3), ..set.clone() }).expect("2026 is listed");
    assert_eq!(late.pay_by, date(2026, 2, 28), "and not in March");
}

#[tokio::test]
async fn a_hub_that_began_within_the_quarter_leaves_prefunds_to_an_operator_who_gives_what_it_lacks() {
    let world = World::new().await;
    let clearing = quarter(&world, date(2025, 11, 2)).await;
    let now = noon(2026, 1, 31);
    let reset = async |given: &QuarterSums| {
        let set = clearing.prefund_reset(2026, given, ("an operator".into(), now)).await.expect("the store works");
        set.map(|set| set.changed)
    };
    let month = |text| Month::from_text(text).expect("a month");
    let given = |text, yuan| QuarterSums::from([((of(Insurance::Employee), month(text)), Money::from_yuan(yuan))]);
    let (november, december) = (month("2025-11"), month("2025-12"));
    advance(&clearing, noon(2025, 12, 31)).await;
    assert_eq!(reset(&given("2025-10", 80)).await, Err(ResetFault::NotProved(vec![december])));
    advance(&clearing, now).await;
    assert_eq!(clearing.prefund_reset_due(now).await.expect("the store works"), 0);
    let missing = ResetFault::Missing(vec![month("2025-10")]);
    assert_eq!(clearing.prefund_reset_waits(now).await.expect("the store works"), Some((2026, missing.clone())));
    let nothing = QuarterSums::new();
    assert_eq!(
        missing.to_string(),
        "2025-10 of last year's fourth quarter were not cleared here: give what was settled in them (本期结算金额)"
    );
    assert_eq!(reset(&nothing).await, Err(missing));
    assert_eq!(reset(&given("2025-11", 80)).await, Err(ResetFault::ClearedHere(november)));
    assert_eq!(reset(&given("2025-09", 80)).await, Err(ResetFault::NotOfQuarter(month("2025-09"))));
    assert!(world.hub().store().prefund_changes().await.expect("changes").is_empty(), "nothing was set");

    assert_eq!(reset(&given("2025-10", 80)).await, Ok(1));
    let set = world.hub().store().prefund_changes().await.expect("changes").remove(0);
    // 80 given and twice 50 cleared, of which two thirds.
    assert_eq!((set.basis.sum(), set.amount), (Money::from_yuan(180), Money::from_yuan(120)));
    let months = set.basis.months.map(|settled| (settled.amount, settled.source));
    let fifty = (Money::from_yuan(50), Source::Cleared);
    assert_eq!(months, [(Money::from_yuan(80), Source::Given), fifty, fifty]);
    assert_eq!(clearing.prefund_reset_waits(now).await.expect("the store works"), None);
}

#[tokio::test]
async fn what_was_held_before_the_hub_counts_once_the_other_side_confirms_it() {
    let world = World::new().await;
    let clearing = quarter(&world, date(2025, 10, 2)).await;
    let key = of(Insurance::Employee);
    let open = async |id: &str, yuan, at| {
        let opening = (id.to_owned(), Money::from_yuan(yuan), "2024年付款通知书".to_owned());
        let opened = clearing.prefund_open((key, Side::Home), opening, ("henan".into(), at)).await;
        opened.expect("the store works")
    };
    let answer = async |id: &str, side, accepts, at| {
        let place = (key, id.to_owned(), side);
        let said = clearing.prefund_answer(place, (accepts, "账上为90元".into()), ("us".into(), at)).await;
        said.expect("the store works")
    };
    let held = async |at| clearing.prefunds_watched(at).await.expect("the store works")[&key];
    let now = noon(2025, 12, 15);
    assert_eq!(open("1", 0, now).await, Err(RequestFault::NotPositive));
    assert_eq!(open("1", 100, now).await, Ok("opening 1".into()));
    assert_eq!(open("1", 100, now).await, Ok("opening 1".into()), "the same again");
    assert_eq!(open("1", 101, now).await, Err(RequestFault::AskedOtherwise(Money::from_yuan(100))));
    assert_eq!(open("2", 100, now).await, Err(RequestFault::OpenedAlready(Standing::Asked)));
    let watched = held(now).await;
    assert_eq!((watched.usage.prefund, watched.asked), (Money::ZERO, Money::from_yuan(100)));
    assert_eq!(answer("opening 1", Side::Home, true, now).await, Err(AnswerFault::OwnRequest));
    assert_eq!(answer("opening 9", Side::Treatment, true, now).await, Err(AnswerFault::Unknown));
    assert_eq!(answer("opening 1", Side::Treatment, false, now).await, Ok(()));
    assert_eq!(open("2", 90, now).await, Ok("opening 2".into()));
    assert_eq!(
        answer("opening 2", Side::Treatment, true, noon(2025, 12, 30)).await,
        Err(AnswerFault::NotNow(Standing::Lapsed))
    );
    let late = noon(2026, 1, 31);
    advance(&clearing, late).await;
    assert_eq!(open("3", 90, late).await, Ok("opening 3".into()));
    let nothing = QuarterSums::new();
    let reset = async || {
        let set = clearing.prefund_reset(2026, &nothing, ("centre".into(), late)).await.expect("the store works");
        set.map(|set| set.changed)
    };
    let other = of(Insurance::Resident);
    change(&world, (Insurance::Resident, "opening 9", 70), PrefundKind::Opening, noon(2025, 12, 15)).await;
    assert_eq!(reset().await, Ok(1), "one that waits holds up no other");
    let set = world.hub().store().prefund_changes().await.expect("changes");
    let set: Vec<PrefundKey> = set.iter().filter(|change| change.id == "reset 2026").map(|change| change.key).collect();
    assert_eq!(set, [other], "it is not set itself: else it was asked for twice");
    assert_eq!(clearing.prefund_reset_due(late).await.expect("the store works"), 0, "nor by the calendar");
    assert_eq!(answer("opening 3", Side::Treatment, true, late).await, Ok(()));
    assert_eq!(held(late).await.usage.prefund, Money::from_yuan(90));
    assert_eq!(reset().await, Ok(1));
    let changes = world.hub().store().prefund_changes().await.expect("changes");
    let is_it = |change: &&PrefundChange| change.kind == PrefundKind::Reset && change.key == key;
    let set = changes.iter().find(is_it).expect("it is set");
    assert_eq!((set.held, set.amount), (Money::from_yuan(90), Money::from_yuan(10)));
    assert_eq!(open("4", 90, late).await, Err(RequestFault::OpenedAlready(Standing::Held)));
}

#[tokio::test]
async fn a_prefund_whose_opening_lapsed_has_no_row_and_may_be_opened_again_after_a_re_set() {
    let world = World::new().await;
    let clearing = quarter(&world, date(2025, 10, 2)).await;
    let (key, late) = (of(Insurance::Resident), noon(2026, 1, 31));
    let open = async |id: &str, at| {
        let opening = (id.to_owned(), Money::from_yuan(90), "2024年付款通知书".to_owned());
        clearing.prefund_open((key, Side::Home), opening, ("henan".into(), at)).await.expect("the store works")
    };
    assert_eq!(open("1", noon(2025, 12, 1)).await, Ok("opening 1".into()));
    advance(&clearing, late).await;
    for changed in [1, 0] {
        assert_eq!(clearing.prefund_reset_due(late).await.expect("the store works"), changed, "employees' alone");
    }
    let changes = world.hub().store().prefund_changes().await.expect("changes");
    assert!(!changes.iter().any(|change| change.key == key && change.kind == PrefundKind::Reset), "{changes:?}");
    assert_eq!(open("2", late).await, Ok("opening 2".into()), "nothing was moved");
    let (place, said) = ((key, "opening 2".to_owned(), Side::Treatment), (true, String::new()));
    let answered = clearing.prefund_answer(place, said, ("shanghai".into(), late)).await.expect("the store works");
    assert_eq!(answered, Ok(()));
    let nothing = QuarterSums::new();
    let reset = clearing.prefund_reset(2026, &nothing, ("centre".into(), late)).await.expect("the store works");
    assert_eq!(reset.map(|set| set.changed), Ok(1), "what is held now is returned");
    let changes = world.hub().store().prefund_changes().await.expect("changes");
    let set = changes.iter().find(|change| change.key == key && change.kind == PrefundKind::Reset).expect("it is set");
    assert_eq!((set.held, set.amount), (Money::from_yuan(90), Money::from_yuan(-90)));
}

#[tokio::test]
async fn an_opening_that_lapsed_before_a_re_set_is_entered_anew_and_the_year_re_set_anew() {
    let world = World::new().await;
    let clearing = quarter(&world, date(2025, 10, 2)).await;
    let key = of(Insurance::Employee);
    let day = |day| noon(2026, 2, day);
    let open = async |key: PrefundKey, id: &str, at| {
        let opening = (id.to_owned(), Money::from_yuan(90), "2024年付款通知书".to_owned());
        clearing.prefund_open((key, Side::Home), opening, ("henan".into(), at)).await.expect("the store works")
    };
    let due = async |at| clearing.prefund_reset_due(at).await.expect("the store works");
    let held = async |at| {
        let watched = clearing.prefunds_watched(at).await.expect("the store works")[&key];
        (watched.usage.prefund, watched.asked, watched.due)
    };
    let [nothing, ten, forty, ninety, hundred] = [0, 10, 40, 90, 100].map(Money::from_yuan);
    assert_eq!(open(key, "1", noon(2025, 12, 1)).await, Ok("opening 1".into()));
    advance(&clearing, noon(2026, 1, 31)).await;
    change(&world, (Insurance::Resident, "correction", 5), PrefundKind::Reset, noon(2026, 1, 30)).await;
    let never = open(of(Insurance::Resident), "1", noon(2026, 1, 31)).await;
    assert_eq!(never, Err(RequestFault::ResetAlready), "nobody had entered one in time");
    assert_eq!(due(noon(2026, 1, 31)).await, 1);
    assert_eq!(held(day(2)).await, (nothing, nothing, hundred), "as if nothing were held");

    assert_eq!(open(key, "2", day(2)).await, Ok("opening 2".into()));
    assert_eq!(due(day(2)).await, 0, "it waits for its answer");
    let (place, said) = ((key, "opening 2".to_owned(), Side::Treatment), (true, String::new()));
    let answered = clearing.prefund_answer(place, said, ("shanghai".into(), day(3))).await.expect("the store works");
    assert_eq!(answered, Ok(()));
    change(&world, (Insurance::Employee, "top-up 1", 40), PrefundKind::TopUp, day(4)).await;
    let row = clearing.prefund_table(2026, &QuarterSums::new()).await.expect("a table");
    let row = row.iter().find(|row| row.key == key).expect("a row");
    assert_eq!((row.reset.previous, row.reset.new), (ninety, hundred), "what was increased since is left alone");
    for changed in [1, 0] {
        assert_eq!(due(day(5)).await, changed, "it goes on, once");
    }
    assert_eq!(held(day(5)).await, (ninety + forty, nothing, ten), "the first is not paid any more");
    let changes = world.hub().store().prefund_changes().await.expect("changes");
    let set: Vec<_> = changes.iter().filter(|change| change.key == key && change.kind == PrefundKind::Reset).collect();
    let told: Vec<_> = set.iter().map(|change| (change.id.as_str(), change.held, change.amount)).collect();
    assert_eq!(told, [("reset 2026", nothing, hundred), ("reset 2026-2", ninety, ten)]);
    let days = set.iter().map(|change| clearing.prefund_days(change).expect("2026 is listed").pay_by);
    assert_eq!(days.collect::<Vec<_>>(), [date(2026, 2, 27), date(2026, 2, 28)]);
    let again = clearing.prefund_reset(2026, &QuarterSums::new(), ("centre".into(), day(6))).await;
    let again = again.expect("the store works").map(|set| set.changed);
    assert_eq!(again, Ok(1), "residents' alone, by an operator");
    pay_change(&world, (key, "reset 2026-2"), 10, day(6)).await;
    assert_eq!(held(day(6)).await, (hundred + forty, nothing, nothing));
}

#[tokio::test]
async fn what_one_side_has_recorded_is_not_asked_for_again_by_the_next_re_set() {
    let world = World::new().await;
    let clearing = quarter(&world, date(2025, 10, 2)).await;
    let (key, late) = (of(Insurance::Employee), noon(2026, 1, 31));
    let before = PrefundChange {
        key,
        id: "reset 2025".into(),
        kind: PrefundKind::Reset,
        amount: Money::from_yuan(600),
        basis: Quarter::default(),
        held: Money::ZERO,
        reason: "2025年度额度调整".into(),
        asked_by: None,
        at: noon(2025, 12, 1),
    };
    assert!(world.hub().store().prefund_change(before, "centre".into()).await.expect("the store works"));
    let payment =
        Payment {
            serial: "1".into(), bank: "中国银行".into(), on: date(2025, 12, 20), amount: Money::from_yuan(600)
        };
    let pay = async |side| {
        let place = (key, "reset 2025".to_owned(), side);
        let paid = world.hub().store().prefund_pay(place, payment.clone(), ("us".into(), late)).await;
        paid.expect("the store works").expect("it is recorded");
    };
    pay(Side::Home).await;
    advance(&clearing, late).await;
    let nothing = QuarterSums::new();
    let row = clearing.prefund_table(2026, &nothing).await.expect("a table")[0];
    assert_eq!((row.reset.previous, row.reset.new), (Money::from_yuan(600), Money::from_yuan(100)));
    let reset = clearing.prefund_reset(2026, &nothing, ("centre".into(), late)).await.expect("the store works");
    assert_eq!(reset.map(|set| set.changed), Ok(1));
    let watched = clearing.prefunds_watched(late).await.expect("the store works")[&key];
    assert_eq!((watched.usage.prefund, watched.due), (Money::ZERO, Money::from_yuan(100)), "600 due, 500 back");
    pay(Side::Treatment).await;
    let watched = clearing.prefunds_watched(late).await.expect("the store works")[&key];
    assert_eq!((watched.usage.prefund, watched.due), (Money::from_yuan(600), Money::from_yuan(-500)));
}

/// A hub by whose book Henan owes Shanghai 50 yuan of employees, and the day of that.
async fn owing_fifty() -> (World, Clearing, Timestamp) {
    let world = World::new().await;
    let (clearing, now) = (clearing(&world), noon(2025, 6, 20));
    advance(&clearing, noon(2025, 6, 15)).await;
    world.operate(&settle("1")).await.expect("an answer");
    advance(&clearing, now).await;
    (world, clearing, now)
}

#[tokio::test]
async fn a_prefund_that_turns_yellow_or_red_is_told_once_and_measured() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let measured = recorder.handle();
    let _here = metrics::set_default_local_recorder(&recorder);
    let (world, clearing, now) = owing_fifty().await;
    let mut watch = PrefundWatch::default();
    let key = of(Insurance::Employee);
    let mut look = async || watch.look(&clearing, now).await.expect("the store works");
    let told = |share: &str, standing: u8| {
        let labels = "{home=\"410000\",treatment=\"310000\",insurance=\"employee\"}";
        let rendered = measured.render();
        for line in [
            format!("yidi_hub_prefund_used_share{labels} {share}\n"),
            format!("yidi_hub_prefund_watch{labels} {standing}\n"),
        ] {
            assert!(rendered.contains(&line), "{line} in:\n{rendered}");
        }
    };
    assert_eq!(look().await, [], "who owes and has no prefund is none to be watched");
    assert!(!measured.render().contains("yidi_hub_prefund_watch"));
    // 50 yuan are owed.
    for (id, yuan, kind, share, standing, turned) in [
        ("opening 1", 100, PrefundKind::Opening, "0.5", 0, None),
        ("correction 1", -36, PrefundKind::Reset, "0.78125", 1, Some(Watch::Yellow)),
        ("correction 2", -14, PrefundKind::Reset, "1", 2, Some(Watch::Red)),
        ("top-up 1", 50, PrefundKind::TopUp, "0.5", 0, None),
    ] {
        change(&world, (Insurance::Employee, id, yuan), kind, now).await;
        assert_eq!(look().await, turned.map(|watch| (key, watch)).into_iter().collect::<Vec<_>>(), "{id}");
        assert_eq!(look().await, [], "{id} again");
        told(share, standing);
    }
}

#[tokio::test]
async fn how_many_prefunds_warn_and_how_many_of_their_payments_are_overdue_is_measured() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let measured = recorder.handle();
    let _here = metrics::set_default_local_recorder(&recorder);
    let (world, clearing, now) = owing_fifty().await;
    let mut watch = PrefundWatch::default();
    let unpaid = PrefundChange {
        key: of(Insurance::Resident),
        id: "reset 2025".into(),
        kind: PrefundKind::Reset,
        amount: Money::from_yuan(30),
        basis: Quarter::default(),
        held: Money::ZERO,
        reason: "2025年度额度调整".into(),
        asked_by: None,
        at: now,
    };
    let pay_by = clearing.prefund_days(&unpaid).expect("2025 is listed").pay_by;
    let after = beijing::instant_of(pay_by.tomorrow().expect("a day").at(12, 0, 0, 0)).expect("an instant");
    assert!(world.hub().store().prefund_change(unpaid, "centre".into()).await.expect("the store works"));
    let mut check = async |at, [yellow, red, overdue]: [u8; 3]| {
        watch.look(&clearing, at).await.expect("the store works");
        let rendered = measured.render();
        for line in [
            format!("yidi_hub_prefunds_warned{{watch=\"yellow\"}} {yellow}\n"),
            format!("yidi_hub_prefunds_warned{{watch=\"red\"}} {red}\n"),
            format!("yidi_hub_prefund_payments_overdue {overdue}\n"),
        ] {
            assert!(rendered.contains(&line), "{line} in:\n{rendered}");
        }
    };
    check(now, [0, 0, 0]).await;
    // 50 yuan are owed.
    for (id, yuan, kind, warned) in [
        ("opening 1", 64, PrefundKind::Opening, [1, 0, 0]),
        ("correction 1", -14, PrefundKind::Reset, [0, 1, 0]),
        ("top-up 1", 50, PrefundKind::TopUp, [0, 0, 0]),
    ] {
        change(&world, (Insurance::Employee, id, yuan), kind, now).await;
        check(now, warned).await;
    }
    check(after, [0, 0, 1]).await;
    pay_change(&world, (of(Insurance::Resident), "reset 2025"), 30, now).await;
    check(after, [0, 0, 0]).await;
}

#[tokio::test]
async fn what_waits_on_the_list_inside_one_member_uses_no_prefund() {
    let world = World::new().await;
    let across = clearing(&world);
    let table = std::fs::read_to_string(&world.config.regions).expect("a table");
    let edited = table.replace("410700,新乡市,pool,410700,410000", "410700,新乡市,pool,410700,310000");
    assert_ne!(edited, table);
    std::fs::write(&world.config.regions, edited).expect("it is written");
    let within = clearing(&world);
    advance(&across, noon(2025, 6, 15)).await;
    world.operate(&settle("1")).await.expect("an answer");
    advance(&across, noon(2025, 7, 1)).await;
    let (june, now) = (PeriodNumber(1), noon(2025, 7, 2));
    let disputed = Disputed { settlement: settlement_id("1"), reason: "apart".into(), owner: Side::Home };
    let onto_the_list = Carrying::from([(june, None)]);
    let carried = world.hub().store().entry_carry_out(june, (vec![disputed], vec![]), onto_the_list, now).await;
    assert_eq!(carried.expect("the store works"), Some(1));
    let used = async |clearing: &Clearing| {
        let watched = clearing.prefunds_watched(now).await.expect("the store works");
        watched.into_iter().map(|(key, watched)| (key, watched.usage.outstanding)).collect::<Vec<_>>()
    };
    assert_eq!(used(&across).await, [(of(Insurance::Employee), Money::from_yuan(50))]);
    assert_eq!(used(&within).await, [], "a member owes itself nothing");
}
