//! Look-up, estimate and queries: right, and without a trace.

use proto::v1::query_request::About;
use proto::{convert, status, v1};
use region::replay;
use region::shown::show;
use settlement::adjudication::Fund;
use settlement::benefits::explanation::Language;
use settlement::ids::SettlementId;
use settlement::lifecycle::Standing;
use settlement::money::Money;
use settlement::outcome::{Done, Outcome};
use settlement::refusal::Reason;

use crate::world::*;

on_both! {
    a_person_is_found_by_what_is_shown,
    the_active_coverage_comes_first,
    a_desk_sees_who_waits_and_who_is_covered_twice,
    an_estimate_equals_its_settlement_and_changes_nothing,
    a_bill_is_estimated_on_every_footing_and_changes_nothing,
    a_desk_learns_totals_qualifications_and_a_visits_settlements,
    a_settlement_is_explained_from_what_it_saw,
}

async fn look_up(world: &World, kind: &str, shown: &str, name: &str) -> Result<v1::LookUpReply, Reason> {
    let request = v1::LookUpRequest {
        home: "410700".into(),
        credential_type: kind.into(),
        credential: shown.into(),
        name: name.into(),
        ..v1::LookUpRequest::default()
    };
    let reply = world.client().look_up(request).await;
    reply.map(tonic::Response::into_inner).map_err(|status| status::to_refusal(&status).reason)
}

async fn a_person_is_found_by_what_is_shown(on: On) {
    let world = World::new(on).await;
    for (kind, shown, name, expected) in [
        ("02", "41070019800101001X", "", Ok(WORKING)),
        ("02", "41070019800101001x", "张工", Ok(WORKING)),
        ("03", "C0001", "", Ok(WORKING)),
        ("01", "C0001", "", Ok(WORKING)),
        ("01", RETIRED, "", Ok(RETIRED)),
        ("02", "41070019800101001X", "张三", Err(Reason::UnknownPerson)),
        ("02", "000000000000000000", "", Err(Reason::UnknownPerson)),
        ("02", "440300198001010017", "", Err(Reason::UnknownPerson)),
        ("03", "", "", Err(Reason::MissingField)),
        ("09", "C0001", "", Err(Reason::InvalidField)),
    ] {
        let found = look_up(&world, kind, shown, name).await;
        assert_eq!(
            found.as_ref().map(|reply| reply.person.as_str()),
            expected.as_ref().map(|number| *number),
            "{kind} {shown}"
        );
    }
}

async fn the_active_coverage_comes_first(on: On) {
    let world = World::new(on).await;
    let found = look_up(&world, "03", "C0001", "").await.expect("somebody");
    assert_eq!((found.name.as_str(), found.document.as_str()), ("张工", "41070019800101001x"));
    let rows: Vec<_> =
        found.coverages.iter().map(|row| (row.insurance.as_str(), row.status.as_str(), row.account_balance)).collect();
    assert_eq!(rows, [("employee", "1", 100_000), ("resident", "4", 100_000)]);
    assert!(found.identities.is_empty());
    let suspended = look_up(&world, "02", "410700198001010035", "").await.expect("somebody");
    assert_eq!(suspended.coverages[0].status, "2");
    assert_eq!(suspended.identities.iter().map(|row| row.kind.as_str()).collect::<Vec<_>>(), ["low-income"]);
}

/// Employees' cover prevails. Residents who join late wait for three months by Xinxiang's own book.
const PREVAILS: &str =
    "\n[double_cover]\nprevails = 'employee'\nsource = 'demo'\ntrust = 'assumed'\nclause = '职工优先'\n";

async fn a_desk_sees_who_waits_and_who_is_covered_twice(on: On) {
    let mut world = World::stopped_with_rules(on, PREVAILS);
    world.write(
        "people/entitlements.csv",
        "psn_no,insurance,psn_type,from,to,continuous_since,tier,civil_servant,suspended_from,suspended_to,employer,\
         paid_on\n\
         41070000001,resident,1501,2015-01-01,,,,0,,,,\n\
         41070000001,employee,11,2020-01-01,2025-06-30,,,0,,,某厂,\n\
         41070000002,resident,1501,2025-05-10,,,,0,,,,2025-05-10\n\
         41070000003,resident,1501,2025-01-01,,,,0,,,,\n\
         44030000001,employee,11,2016-01-01,,2000-01-01,first,0,,,,\n",
    );
    world.start().await;
    let row = |insurance, status, suspended_from, benefits_from, held_back_by| {
        [insurance, status, suspended_from, benefits_from, held_back_by].map(str::to_owned)
    };
    for (person, day, expected) in [
        (
            WORKING,
            "2025-06-20",
            vec![row("employee", "1", "", "", ""), row("resident", "2", "2020-01-01", "", "employee")],
        ),
        // The resident cover is restored when the other one is over.
        (WORKING, "2025-07-01", vec![row("resident", "1", "", "", ""), row("employee", "4", "", "", "")]),
        (RETIRED, "2025-06-20", vec![row("resident", "2", "2025-05-10", "2025-08-10", "")]),
        (RETIRED, "2025-08-10", vec![row("resident", "1", "", "", "")]),
        ("41070000003", "2025-06-20", vec![row("resident", "1", "", "", "")]),
    ] {
        let request = v1::LookUpRequest {
            home: "410700".into(),
            credential_type: "01".into(),
            credential: person.into(),
            on: day.into(),
            ..v1::LookUpRequest::default()
        };
        let found = world.client().look_up(request).await.expect("somebody").into_inner();
        let told =
            |row: v1::CoverageRow| [row.insurance, row.status, row.suspended_from, row.benefits_from, row.held_back_by];
        assert_eq!(found.coverages.into_iter().map(told).collect::<Vec<_>>(), expected, "{person} on {day}");
    }
}

async fn an_estimate_equals_its_settlement_and_changes_nothing(on: On) {
    let world = World::new(on).await;
    let operation = stay(WORKING, "m1", "E1", (1, 9), 20_000);
    let request = v1::EstimateRequest {
        operation: convert::write_operation(&operation),
        hub: hub_fields(),
        ..Default::default()
    };
    let mut estimates = Vec::new();
    for _ in 0..2 {
        let reply = world.client().estimate(request.clone()).await.expect("an estimate").into_inner();
        assert_eq!(reply.book_seq, 0);
        match convert::read_outcome(&reply.outcome).expect("an outcome") {
            Outcome::Accepted { done: Done::Settled(settled), .. } => estimates.push(*settled),
            other @ (Outcome::Accepted { .. } | Outcome::Refused(_)) => panic!("not settled: {other:?}"),
        }
    }
    let settled = world.settled(&operation).await;
    assert_eq!(estimates, [settled.clone(), settled]);
    let again = world.client().estimate(request).await.expect("an estimate").into_inner();
    let refusal = convert::read_outcome(&again.outcome).expect("an outcome");
    assert_eq!(refusal.refusal().map(|refusal| refusal.reason), Some(Reason::AlreadySettled));
    world.prove().await;
}

async fn a_bill_is_estimated_on_every_footing_and_changes_nothing(on: On) {
    let world = World::new(on).await;
    let operation = stay(WORKING, "m1", "E1", (1, 9), 20_000);
    let asked = |what_if: &[&str]| v1::EstimateRequest {
        operation: convert::write_operation(&operation),
        hub: hub_fields(),
        what_if: what_if.iter().map(|word| (*word).to_owned()).collect(),
        ..Default::default()
    };
    let all = ["long-term", "referral", "other-temporary", "none"];
    let reply = world.client().estimate(asked(&all)).await.expect("an estimate").into_inner();
    let alternatives = convert::read_alternatives(&reply.alternatives).expect("alternatives");
    let basic = |outcome: &Outcome| match outcome {
        Outcome::Accepted { done: Done::Settled(settled), .. } => Ok(settled.payers.funds.of(Fund::Basic)),
        other @ Outcome::Accepted { .. } => panic!("not settled: {other:?}"),
        Outcome::Refused(refusal) => Err(refusal.reason),
    };
    let told: Vec<_> = alternatives.iter().map(|(footing, outcome)| (footing.word(), basic(outcome))).collect();
    let yuan = |amount| Ok(Money::from_yuan(amount));
    // (20000 − 1200) × 85 % as at home; (20000 − 2000) × 85 %; 20 points less.
    let expected = [("long-term", yuan(15_980)), ("referral", yuan(15_300)), ("other-temporary", yuan(11_700))];
    assert_eq!(told[..3], expected);
    assert_eq!(told[3], ("none", Err(Reason::NotFiled)));
    assert_eq!(basic(&convert::read_outcome(&reply.outcome).expect("an outcome")), yuan(15_980), "as it is: long-term");
    for faulty in [&["filed"][..], &["none", "none"]] {
        let status = world.client().estimate(asked(faulty)).await.expect_err("no footings");
        assert_eq!(status::to_refusal(&status).reason, Reason::InvalidField, "{faulty:?}");
    }
    assert_eq!(reply.book_seq, 0);
    world.prove().await;
}

fn hub_fields() -> Option<v1::HubFields> {
    let filing = v1::Filing {
        id: "F1".into(),
        person: WORKING.into(),
        home: "410700".into(),
        class: "long-term".into(),
        destination: "310000".into(),
        from: "2024-01-01".into(),
        state: "in-force".into(),
        ..v1::Filing::default()
    };
    Some(v1::HubFields { filing: Some(filing), deadline_ms: 1000, position: 1, ..Default::default() })
}

async fn query(world: &World, person: &str, treatment: &str, about: About) -> Result<v1::QueryReply, Reason> {
    let request = v1::QueryRequest {
        home: "410700".into(),
        person: person.into(),
        treatment: treatment.into(),
        request_id: String::new(),
        about: Some(about),
    };
    let reply = world.client().query(request).await;
    reply.map(tonic::Response::into_inner).map_err(|status| status::to_refusal(&status).reason)
}

async fn a_desk_learns_totals_qualifications_and_a_visits_settlements(on: On) {
    let world = World::new(on).await;
    let settled = world.settled(&stay(WORKING, "m1", "E1", (1, 9), 20_000)).await;
    let month = |month: &str| About::RunningTotals(v1::RunningTotals { month: month.into() });
    let basic = |reply: &v1::QueryReply| {
        let rows: Vec<_> = reply.totals.iter().filter(|total| total.kind == "basic").collect();
        rows.iter().map(|total| (total.year, total.month.clone(), total.amount)).collect::<Vec<_>>()
    };
    let paid = settled.payers.funds.of(settlement::adjudication::Fund::Basic).fen();
    let of = |asked| query(&world, WORKING, "310000", month(asked));
    assert_eq!(basic(&of("202506").await.expect("totals")), [(2025, "202506".to_owned(), paid)]);
    assert_eq!(basic(&of("").await.expect("totals")), [(2025, String::new(), paid)]);
    assert!(of("202505").await.expect("totals").totals.is_empty());

    let reply = query(&world, WORKING, "310000", About::Qualifications(v1::Qualifications {})).await.expect("rows");
    assert_eq!(
        reply.qualifications.iter().map(|row| (row.disease.as_str(), row.name.as_str())).collect::<Vec<_>>(),
        [("M03900", "高血压")]
    );

    let visit = || About::Visit(v1::VisitSettlements { encounter: "E1".into() });
    let ids = |reply: v1::QueryReply| reply.settlements.len();
    assert_eq!(query(&world, WORKING, "310000", visit()).await.map(ids), Ok(1));
    assert_eq!(query(&world, WORKING, "650100", visit()).await.map(ids), Ok(0), "another treatment pool's");
    assert_eq!(query(&world, RETIRED, "310000", visit()).await.map(ids), Ok(0), "another person's");
    assert_eq!(query(&world, "44030000001", "310000", visit()).await.map(ids), Err(Reason::UnknownPerson));
    let id = SettlementId::new("s-m1").expect("an id");
    let shown = async || show(world.running().store(), &id).await.expect("a settlement");
    assert_eq!((shown().await.standing, shown().await.undone), (Standing::InForce, None));
    world.outcome(&cancel(WORKING, "m2", "s-m1")).await;
    assert_eq!(query(&world, WORKING, "310000", visit()).await.map(ids), Ok(0), "cancelled");
    let cancelled = shown().await;
    assert_eq!(cancelled.standing, Standing::Cancelled { counter: SettlementId::new("s-m2").expect("an id") });
    let undone = cancelled.undone.expect("it was undone");
    assert_eq!((undone.message.as_str(), undone.at >= cancelled.decided_at), ("m2", true));
    world.outcome(&reverse(WORKING, "m3", "m2", "2208")).await;
    assert_eq!((shown().await.standing, shown().await.undone), (Standing::InForce, None), "in force again");
}

async fn a_settlement_is_explained_from_what_it_saw(on: On) {
    let mut world = World::new(on).await;
    world.settled(&stay(WORKING, "m1", "E1", (1, 9), 20_000)).await;
    world.stop().await;
    // The person's facts change afterwards; the past decision keeps those that it saw.
    let people = std::fs::read_to_string(world.path("people/entitlements.csv")).expect("the file");
    world.write("people/entitlements.csv", &people.replace("employee,11,2020-01-01", "employee,1201,2020-01-01"));
    world.start().await;
    let id = settlement::ids::SettlementId::new("s-m1").expect("an id");
    let explained = replay::explain(world.running().store(), &id, Language::Chinese).await.expect("an explanation");
    assert!(explained.replay.is_identical());
    assert!(explained.lines.iter().any(|line| line.text.contains("在职")), "{:#?}", explained.lines);
    world.prove().await;
    let now = world.settled(&stay(WORKING, "m2", "E2", (10, 12), 20_000)).await;
    assert_eq!(now.class, settlement::person::PersonClass::Retired);
    world.prove().await;
}
