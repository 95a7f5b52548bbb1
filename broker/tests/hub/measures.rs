//! What whoever watches the hub sees of a region that is ill: each fault moves the measure that is named for it.

use broker::jobs::{books, resolve};
use metrics_exporter_prometheus::PrometheusBuilder;
use settlement::money::Money;
use settlement::operation::Request;
use settlement::outcome::{Done, Outcome};
use settlement::refusal::Reason;

use crate::fake_home::{Script, pay_half};
use crate::requests::settle;
use crate::world::{Answered, World, reason};

/// What is measured on this thread, where the whole hub of a test runs.
struct Measured(metrics_exporter_prometheus::PrometheusHandle);

impl Measured {
    /// The value of a measure with labels, as it is written; none where nobody moved it.
    fn of(&self, name: &str) -> Option<String> {
        let lines = self.0.render();
        lines.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ').map(ToOwned::to_owned))
    }

    fn check(&self, expected: &[(&str, &str)]) {
        for (name, value) in expected {
            assert_eq!(self.of(name).as_deref(), Some(*value), "{name} in:\n{}", self.0.render());
        }
    }
}

/// A hub that gives a region up after three failures; no job of its own moves a measure while the test runs.
fn strict(config: &mut broker::Config) {
    const HOUR_MS: u64 = 3_600_000;
    config.deadline_ms = 300;
    config.breaker.failures_in_a_row = 3;
    (config.breaker.open_ms, config.breaker.open_at_most_ms) = (HOUR_MS, HOUR_MS);
    config.resolve_every_ms = HOUR_MS;
    (config.in_flight, config.in_flight_per_home) = (4, Some(2));
}

#[tokio::test]
async fn every_fault_of_a_region_is_seen() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let measured = Measured(recorder.handle());
    let _here = metrics::set_default_local_recorder(&recorder);
    let world = World::with(strict).await;
    world.answer(&settle("1")).await;
    world.answer(&settle("1")).await;
    let Request::Settle(asked) = settle("2").request else { panic!("a settle") };
    let mut wrong_sums = pay_half(&asked);
    wrong_sums.payers.cash += Money::from_yuan(1);
    let wrong =
        Outcome::Accepted { decided_at: jiff::Timestamp::UNIX_EPOCH, done: Done::Settled(Box::new(wrong_sums)) };
    world.home.will(Script::Say(wrong));
    assert_eq!(world.operate(&settle("2")).await, Ok(Answered::InDoubt));
    measured.check(&[
        ("yidi_hub_operations_total{kind=\"settle\",outcome=\"accepted\"}", "1"),
        ("yidi_hub_operations_total{kind=\"settle\",outcome=\"repeated\"}", "1"),
        ("yidi_hub_operations_total{kind=\"settle\",outcome=\"not-kept\"}", "1"),
        ("yidi_hub_lies_total{home=\"410700\",kind=\"wrong-sums\"}", "1"),
    ]);

    world.home.stall(true);
    let (third, fourth, fifth) = (settle("3"), settle("4"), settle("5"));
    let (_, _, shed) = tokio::join!(world.operate(&third), world.operate(&fourth), world.operate(&fifth));
    assert_eq!(reason(shed), Reason::Busy);
    assert_eq!(world.operate(&settle("6")).await, Ok(Answered::InDoubt));
    assert_eq!(reason(world.operate(&settle("7")).await), Reason::RegionUnavailable);
    resolve::tell(&world.hub().hub().health().await.expect("health"), jiff::Timestamp::now());
    measured.check(&[
        ("yidi_hub_operations_total{kind=\"settle\",outcome=\"in-doubt\"}", "3"),
        ("yidi_hub_operations_total{kind=\"settle\",outcome=\"shed\"}", "1"),
        ("yidi_hub_shed_total{where=\"region\",traffic=\"operations\"}", "1"),
        ("yidi_hub_breaker{home=\"410700\",traffic=\"operations\"}", "2"),
        ("yidi_hub_breaker_opened_total{home=\"410700\",traffic=\"operations\"}", "1"),
        ("yidi_hub_home_seconds_count{home=\"410700\",outcome=\"silent\"}", "3"),
        ("yidi_hub_in_doubt", "4"),
        ("yidi_hub_home_in_doubt{home=\"410700\"}", "4"),
    ]);
}

#[tokio::test]
async fn a_book_that_fell_is_seen() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let measured = Measured(recorder.handle());
    let _here = metrics::set_default_local_recorder(&recorder);
    let world = World::with(strict).await;
    world.home.will(Script::Number(7));
    world.answer(&settle("1")).await;
    world.home.will(Script::Number(5));
    assert_eq!(world.operate(&settle("2")).await, Ok(Answered::InDoubt));
    books::watch(world.hub().hub()).await.expect("the store answers");
    measured.check(&[
        ("yidi_hub_lies_total{home=\"410700\",kind=\"number-fell\"}", "1"),
        ("yidi_hub_book_fallen{home=\"410700\"}", "1"),
    ]);
}
