//! Prefunds over a year's turn on a real hub: set by the calendar, watched, and who may be suspended for not paying.

use broker::clearing::Clearing;
use broker::jobs::prefunds::PrefundWatch;
use clearing::period::{Pair, Payment, Side};
use clearing::prefund::Watch;
use jiff::Timestamp;
use jiff::civil::{Date, date};
use ledger::hub::{PeriodNumber, PrefundChange, PrefundKey, PrefundKind};
use metrics_exporter_prometheus::PrometheusBuilder;
use settlement::beijing;
use settlement::ids::MemberCode;
use settlement::money::Money;
use settlement::person::Insurance;

use crate::clearing::clearing;
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

async fn pay(world: &World, period: i64) {
    for side in Side::ALL {
        let payment = Payment {
            serial: "2025101500017".into(),
            bank: "中国银行 郑州分行".into(),
            on: date(2025, 10, 15),
            amount: Money::from_yuan(50),
        };
        let place = (PeriodNumber(period), henan_shanghai(), Insurance::Employee);
        let by = ("us".to_owned(), noon(2025, 12, 29));
        let recorded = world.hub().store().payment_record(place, side, payment, by).await;
        recorded.expect("the store works").expect("it is recorded");
    }
}

/// The months left unpaid by Henan in Shanghai, and whether it may be suspended.
async fn unpaid(clearing: &Clearing, now: Timestamp) -> (Vec<String>, bool) {
    let mut unpaid = clearing.unpaid(now).await.expect("the store works");
    let held = unpaid.remove(&henan_shanghai()).unwrap_or_default();
    (held.months.iter().map(ToString::to_string).collect(), held.may_suspend)
}

#[tokio::test]
async fn a_month_that_was_paid_and_closed_breaks_the_row_and_one_without_anything_to_pay_does_not() {
    let world = World::new().await;
    let clearing = clearing(&world);
    advance(&clearing, noon(2025, 6, 15)).await;
    for month in [6, 7, 8, 9] {
        settle_and_notify(&world, &clearing, month).await;
    }
    let december = noon(2025, 12, 29);
    let all = ["2025-06", "2025-07", "2025-08", "2025-09"].map(ToOwned::to_owned).to_vec();
    assert_eq!(unpaid(&clearing, december).await, (all, true));

    pay(&world, 2).await;
    advance(&clearing, noon(2025, 10, 29)).await;
    let july = clearing.standing(PeriodNumber(2)).await.expect("the store works").expect("a month").record;
    assert!(july.is_closed);
    let (august, september) = ("2025-08".to_owned(), "2025-09".to_owned());
    let two = vec![august.clone(), september.clone()];
    assert_eq!(unpaid(&clearing, december).await, (two.clone(), false), "June is unpaid, and before July");

    // October comes and goes with nothing; November is the third.
    pass(&clearing, 10).await;
    assert_eq!(unpaid(&clearing, december).await, (two, false));
    settle_and_notify(&world, &clearing, 11).await;
    let three = vec![august, september, "2025-11".to_owned()];
    assert_eq!(unpaid(&clearing, noon(2026, 2, 10)).await, (three, true));
}

async fn change(world: &World, (insurance, id, yuan): (Insurance, &str, i64), kind: PrefundKind, at: Timestamp) {
    let change = PrefundChange {
        key: of(insurance),
        id: id.into(),
        kind,
        amount: Money::from_yuan(yuan),
        basis: Money::ZERO,
        reason: "集中结算".into(),
        at,
    };
    assert!(world.hub().store().prefund_change(change, "an operator".into()).await.expect("the store works"));
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
        (set.key, set.amount, set.basis),
        (of(Insurance::Employee), Money::from_yuan(100), Money::from_yuan(150))
    );
    let balances = world.hub().store().prefund_balances().await.expect("balances");
    assert_eq!(balances[&of(Insurance::Employee)], Money::from_yuan(140));
    assert_eq!(balances[&of(Insurance::Resident)], Money::from_yuan(70), "nothing of it is from before this year");
    let days = clearing.prefund_days(set).expect("2026 is listed");
    assert_eq!((days.submit_by, days.pay_by), (date(2026, 2, 6), date(2026, 2, 27)));
    let late = clearing.prefund_days(&PrefundChange { at: noon(2026, 2, 3), ..set.clone() }).expect("2026 is listed");
    assert_eq!(late.pay_by, date(2026, 2, 28), "and not in March");
}

#[tokio::test]
async fn a_hub_that_began_within_the_quarter_leaves_prefunds_to_an_operator() {
    let world = World::new().await;
    let clearing = quarter(&world, date(2025, 11, 2)).await;
    advance(&clearing, noon(2026, 1, 31)).await;
    let now = noon(2026, 1, 31);
    assert_eq!(clearing.prefund_reset_due(now).await.expect("the store works"), 0);
    assert_eq!(clearing.prefund_reset(2026, ("an operator".into(), now)).await.expect("the store works"), 1);
}

#[tokio::test]
async fn a_prefund_that_turns_yellow_or_red_is_told_once_and_measured() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let measured = recorder.handle();
    let _here = metrics::set_default_local_recorder(&recorder);
    let world = World::new().await;
    let (clearing, now, mut watch) = (clearing(&world), noon(2025, 6, 20), PrefundWatch::default());
    advance(&clearing, noon(2025, 6, 15)).await;
    world.operate(&settle("1")).await.expect("an answer");
    advance(&clearing, now).await;
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
    for (id, yuan, share, standing, turned) in [
        ("reset 2025", 100, "0.5", 0, None),
        ("correction 1", -36, "0.78125", 1, Some(Watch::Yellow)),
        ("correction 2", -14, "1", 2, Some(Watch::Red)),
        ("top-up 1", 50, "0.5", 0, None),
    ] {
        change(&world, (Insurance::Employee, id, yuan), PrefundKind::TopUp, now).await;
        assert_eq!(look().await, turned.map(|watch| (key, watch)).into_iter().collect::<Vec<_>>(), "{id}");
        assert_eq!(look().await, [], "{id} again");
        told(share, standing);
    }
}
