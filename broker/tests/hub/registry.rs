//! The registry of filings, and questions that leave no trace.

use identity::name::Role;
use proto::v1;
use proto::v1::filings_client::FilingsClient;
use proto::v1::home_books_client::HomeBooksClient;
use settlement::refusal::{Reason, Refusal};
use tonic::{Response, Status};

use crate::requests::*;
use crate::world::{World, refusal};

fn filing(id: &str, class: &str, destination: &str, from: &str, to: &str) -> v1::Filing {
    v1::Filing {
        id: id.into(),
        person: PERSON.into(),
        home: "410700".into(),
        class: class.into(),
        destination: destination.into(),
        from: from.into(),
        to: to.into(),
        lodged_at: 0,
        state: String::new(),
        others: Vec::new(),
        proof: "handed-in".into(),
    }
}

fn long_term() -> v1::Filing {
    filing("F1", "long-term", "310000", "2025-01-01", "")
}

async fn lodge(world: &World, filing: v1::Filing) -> Result<v1::Filing, Status> {
    let request = v1::LodgeRequest { filing: Some(filing) };
    world.operator("410700").lodge(request).await.map(Response::into_inner)
}

async fn cancel_filing(world: &World, id: &str, last_day: &str) -> Result<v1::Filing, Status> {
    let request = v1::CancelFilingRequest { id: id.into(), last_day: last_day.into() };
    world.operator("410700").cancel(request).await.map(Response::into_inner)
}

async fn list(world: &World, operator: &str, person: &str, home: &str) -> Result<Vec<String>, Status> {
    let request = v1::ListFilingsRequest { person: person.into(), home: home.into(), limit: 0 };
    let reply = world.operator(operator).list(request).await?.into_inner();
    Ok(reply.filings.into_iter().map(|filing| filing.id).collect())
}

/// The filing that went with the last operation, by id.
fn sent_filing(world: &World) -> Option<String> {
    let sent = world.home.operated().pop().expect("an operation");
    sent.hub.expect("the hub's fields").filing.map(|filing| filing.id)
}

fn refused<T: std::fmt::Debug>(reply: Result<T, Status>) -> (Reason, Option<String>) {
    let refusal = refusal(&reply.expect_err("a refusal"));
    (refusal.reason, refusal.field.map(Into::into))
}

#[tokio::test]
async fn the_filing_that_covers_the_visit_travels_with_it() {
    let world = World::new().await;
    world.operate(&settle("1")).await.expect("an answer");
    assert_eq!(sent_filing(&world), None);
    // Lodged after the admission on 10 June, and counting from before it: a late filing.
    for late in [
        filing("elsewhere", "long-term", "440300", "2025-01-01", ""),
        filing("over", "long-term", "310000", "2025-01-01", "2025-06-09"),
        filing("later", "long-term", "310000", "2025-06-11", ""),
        filing("late", "other-temporary", "310000", "2025-06-10", "2025-12-31"),
    ] {
        lodge(&world, late).await.expect("it stands");
    }
    world.operate(&settle("2")).await.expect("an answer");
    assert_eq!(sent_filing(&world).as_deref(), Some("late"));
    lodge(&world, long_term()).await.expect("it stands");
    world.operate(&settle("3")).await.expect("an answer");
    assert_eq!(sent_filing(&world).as_deref(), Some("F1"), "the more favourable class goes before");
    // For the region to try where the first has ended by its rules.
    let sent = world.home.operated().pop().and_then(|sent| sent.hub).and_then(|hub| hub.filing).expect("a filing");
    assert_eq!(sent.others.into_iter().map(|filing| filing.id).collect::<Vec<_>>(), ["late"]);
}

#[tokio::test]
async fn a_proof_that_is_handed_in_later_travels_with_what_comes_after() {
    let world = World::new().await;
    let hand_in = async |operator: &str, id: &str| {
        let request = v1::HandInProofRequest { id: id.into() };
        world.operator(operator).hand_in(request).await.map(Response::into_inner)
    };
    let sent_proof = || {
        let sent = world.home.operated().pop().expect("an operation");
        sent.hub.and_then(|hub| hub.filing).map(|filing| filing.proof)
    };
    let committed = v1::Filing { proof: "commitment".into(), ..long_term() };
    assert_eq!(lodge(&world, committed.clone()).await.expect("it stands").proof, "commitment");
    world.operate(&settle("1")).await.expect("an answer");
    assert_eq!(sent_proof().as_deref(), Some("commitment"));

    assert_eq!(refused(hand_in("440300", "F1").await), (Reason::InvalidField, Some("id".into())));
    assert_eq!(refused(hand_in("410700", "F2").await), (Reason::InvalidField, Some("id".into())));
    let told = hand_in("410700", "F1").await.expect("it is handed in");
    assert_eq!((told.proof.as_str(), told.state.as_str()), ("handed-in", "in-force"));
    assert_eq!(hand_in("410700", "F1").await.expect("again is once"), told);
    assert_eq!(lodge(&world, committed.clone()).await.expect("it stands, as it is now"), told);
    world.operate(&settle("2")).await.expect("an answer");
    assert_eq!(sent_proof().as_deref(), Some("handed-in"));

    // Lodged as what it is not is another filing; who leaves it out says handed in.
    assert_eq!(refused(lodge(&world, long_term()).await), (Reason::ContentDiffers, Some("proof".into())));
    let silent = v1::Filing { id: "F3".into(), proof: String::new(), ..long_term() };
    assert_eq!(lodge(&world, silent).await.expect("it stands").proof, "handed-in");

    let over = v1::Filing { id: "F4".into(), ..committed };
    lodge(&world, over).await.expect("it stands");
    cancel_filing(&world, "F4", "2025-06-30").await.expect("cancelled");
    assert_eq!(refused(hand_in("410700", "F4").await), (Reason::InvalidField, Some("id".into())));
}

#[tokio::test]
async fn a_filing_that_its_region_locks_is_not_changed() {
    let mut world = World::new().await;
    lodge(&world, long_term()).await.expect("it stands");
    let locked = Refusal::new(Reason::FilingLocked).of_field("destination").because("2025-07-01: a rule");
    world.home.lock_filings(Some(locked.clone()));
    let elsewhere = |id: &str, from: &str| filing(id, "long-term", "440300", from, "");
    // None of these changes F1, so its region is not asked.
    for other in [
        long_term(),
        filing("again", "long-term", "310000", "2025-02-01", ""),
        filing("referred", "referral", "440300", "2025-02-01", ""),
        filing("before", "long-term", "440300", "2024-01-01", "2024-12-31"),
        v1::Filing { person: "41070000002".into(), ..elsewhere("theirs", "2025-02-01") },
    ] {
        lodge(&world, other).await.expect("it stands");
    }
    assert_eq!(world.home.asked_to_change(), []);

    let told = lodge(&world, elsewhere("F2", "2025-03-01")).await.expect_err("a refusal");
    assert_eq!(refusal(&told), locked);
    assert_eq!(refused(cancel_filing(&world, "F1", "2025-03-31").await).0, Reason::FilingLocked);
    assert!(!list(&world, "410700", PERSON, "").await.expect("a list").contains(&"F2".into()), "nothing was written");
    let asked = world.home.asked_to_change();
    let held = |asked: &v1::ChangeFilingRequest| asked.held.as_ref().map(|held| held.id.clone());
    assert_eq!(asked.iter().map(held).collect::<Vec<_>>(), [Some("F1".into()), Some("F1".into())]);

    world.stop_home().await;
    assert_eq!(refused(lodge(&world, elsewhere("F2", "2025-03-01")).await).0, Reason::RegionUnavailable);
    // What never held was entered in error, and is nobody's change.
    for id in ["F1", "again"] {
        cancel_filing(&world, id, "").await.expect("cancelled");
    }
    lodge(&world, elsewhere("F2", "2025-03-01")).await.expect("it changes nothing any more");
}

#[tokio::test]
async fn a_cancelled_filing_covers_no_admission_after_its_last_day() {
    let world = World::new().await;
    for (id, last_day, covers) in [("never", "", false), ("before", "2025-06-09", false), ("on", "2025-06-10", true)] {
        lodge(&world, v1::Filing { id: id.into(), ..long_term() }).await.expect("it stands");
        let cancelled = cancel_filing(&world, id, last_day).await.expect("cancelled");
        assert_eq!((cancelled.state.as_str(), cancelled.to.as_str()), ("cancelled", last_day));
        world.operate(&settle(id)).await.expect("an answer");
        assert_eq!(sent_filing(&world).is_some(), covers, "{id}");
    }
}

#[tokio::test]
async fn lodging_and_cancelling_twice_is_doing_it_once() {
    let world = World::new().await;
    let first = lodge(&world, long_term()).await.expect("it stands");
    assert_eq!(first.state, "in-force");
    assert_eq!(lodge(&world, long_term()).await.expect("it stands"), first);
    let other = v1::Filing { class: "referral".into(), ..long_term() };
    assert_eq!(refused(lodge(&world, other).await), (Reason::ContentDiffers, Some("class".into())));

    let cancelled = cancel_filing(&world, "F1", "2025-06-30").await.expect("cancelled");
    assert_eq!(cancel_filing(&world, "F1", "2025-06-30").await.expect("cancelled"), cancelled);
    let otherwise = cancel_filing(&world, "F1", "2025-07-31").await;
    assert_eq!(refused(otherwise), (Reason::ContentDiffers, Some("last_day".into())));
    assert_eq!(lodge(&world, long_term()).await.expect("it stays cancelled").state, "cancelled");
}

#[tokio::test]
async fn a_regions_book_is_for_operators_of_the_region() {
    let world = World::new().await;
    let mut outside = HomeBooksClient::new(world.peer("310000", Role::Operator));
    let asked = v1::BookRequest { home: "410700".into(), request_id: String::new() };
    let refusal = refusal(&outside.missing(asked).await.expect_err("a refusal"));
    assert_eq!((refusal.reason, refusal.field.as_deref()), (Reason::NotAuthenticated, Some("home")));
    let told = "the region is outside the operator's scope: it takes a certificate of yidi://410700/operator \
        or yidi://410000/operator";
    assert_eq!(refusal.detail.as_deref(), Some(told));
}

#[tokio::test]
async fn a_filing_that_makes_no_sense_is_refused_with_its_field() {
    let world = World::new().await;
    for (filing, expected) in [
        (v1::Filing { home: "410000".into(), ..long_term() }, (Reason::NotAuthenticated, "home")),
        (v1::Filing { destination: "999999".into(), ..long_term() }, (Reason::UnknownRegion, "destination")),
        (v1::Filing { class: "holiday".into(), ..long_term() }, (Reason::InvalidField, "class")),
        (v1::Filing { proof: "promised".into(), ..long_term() }, (Reason::InvalidField, "proof")),
        (
            v1::Filing { class: "referral".into(), proof: "commitment".into(), ..long_term() },
            (Reason::InvalidField, "proof"),
        ),
        (v1::Filing { from: "2025-02-30".into(), ..long_term() }, (Reason::InvalidField, "from")),
        (v1::Filing { to: "2024-12-31".into(), ..long_term() }, (Reason::InvalidField, "to")),
    ] {
        let (reason, field) = refused(lodge(&world, filing).await);
        assert_eq!((reason, field.as_deref()), (expected.0, Some(expected.1)));
    }
    lodge(&world, long_term()).await.expect("it stands");
    for (id, last_day, field) in [("F2", "", "id"), ("F1", "2024-12-31", "last_day"), ("F1", "soon", "last_day")] {
        let (reason, at) = refused(cancel_filing(&world, id, last_day).await);
        assert_eq!((reason, at.as_deref()), (Reason::InvalidField, Some(field)), "{id} {last_day}");
    }
}

#[tokio::test]
async fn an_operator_acts_for_the_regions_of_the_certificate() {
    let world = World::new().await;
    lodge(&world, long_term()).await.expect("it stands");
    let mut shenzhen = world.operator("440300");
    let request = v1::LodgeRequest { filing: Some(v1::Filing { id: "F2".into(), ..long_term() }) };
    assert_eq!(refused(shenzhen.lodge(request).await).0, Reason::NotAuthenticated);
    let request = v1::CancelFilingRequest { id: "F1".into(), last_day: String::new() };
    assert_eq!(refused(shenzhen.cancel(request).await), (Reason::InvalidField, Some("id".into())));

    assert_eq!(list(&world, "440300", "", "").await.expect("a list"), [""; 0]);
    assert_eq!(refused(list(&world, "440300", PERSON, "410700").await).0, Reason::NotAuthenticated);
    for (operator, home) in [("410700", ""), ("410700", "410702"), ("*", ""), ("*", "410700")] {
        assert_eq!(list(&world, operator, PERSON, home).await.expect("a list"), ["F1"], "{operator} {home}");
    }
    assert_eq!(list(&world, "*", "somebody else", "").await.expect("a list"), [""; 0]);

    let mut treatment = FilingsClient::new(world.peer("310000", Role::Treatment));
    let denied = treatment.lodge(v1::LodgeRequest { filing: Some(long_term()) }).await.expect_err("a refusal");
    assert_eq!(denied.code(), tonic::Code::PermissionDenied);
}

#[tokio::test]
async fn filings_outlive_the_process() {
    let mut world = World::new().await;
    lodge(&world, long_term()).await.expect("it stands");
    world.stop_hub().await;
    world.start_hub().await;
    world.operate(&settle("1")).await.expect("an answer");
    assert_eq!(sent_filing(&world).as_deref(), Some("F1"));
}

#[tokio::test]
async fn an_estimate_carries_the_filing_and_leaves_no_trace() {
    let world = World::new().await;
    lodge(&world, long_term()).await.expect("it stands");
    let estimate = v1::EstimateRequest {
        operation: envelope(&settle("1")).operation,
        hub: None,
        request_id: "test".into(),
        ..Default::default()
    };
    world.treatment().estimate(estimate.clone()).await.expect("a reply");
    let sent = world.home.estimated().remove(0);
    assert_eq!(sent.operation, estimate.operation);
    assert_eq!(sent.hub.and_then(|hub| hub.filing).map(|filing| filing.id).as_deref(), Some("F1"));
    let counts = world.hub().store().counts().await.expect("counts");
    assert_eq!((counts.operations, counts.tombstones), (0, 0));

    let reversal = v1::EstimateRequest { operation: envelope(&reverse("2", "1", "2304")).operation, ..estimate };
    assert_eq!(refused(world.treatment().estimate(reversal).await).0, Reason::InvalidField);
}

#[tokio::test]
async fn looking_up_and_querying_are_routed_by_any_code_of_the_region() {
    let mut world = World::new().await;
    let look_up = |home: &str, credential: &str, treatment: &str| v1::LookUpRequest {
        home: home.into(),
        credential: credential.into(),
        treatment: treatment.into(),
        ..v1::LookUpRequest::default()
    };
    let found = world.treatment().look_up(look_up("410702", "a card", "310000")).await.expect("a reply").into_inner();
    assert_eq!(found.person, PERSON);
    for (request, expected) in [
        (look_up("410702", "another", "310000"), Reason::UnknownPerson),
        (look_up("410702", "a card", "440300"), Reason::InstitutionNotYours),
        (look_up("410702", "a card", ""), Reason::InstitutionNotYours),
        (look_up("410000", "a card", "310000"), Reason::UnknownRegion),
        (look_up("", "a card", "310000"), Reason::UnknownRegion),
        (look_up("440300", "a card", "310000"), Reason::RegionNotServed),
    ] {
        assert_eq!(refused(world.treatment().look_up(request.clone()).await).0, expected, "{request:?}");
    }
    let query = v1::QueryRequest {
        home: "410700".into(),
        person: PERSON.into(),
        treatment: "310000".into(),
        ..v1::QueryRequest::default()
    };
    world.treatment().query(query.clone()).await.expect("a reply");
    world.stop_home().await;
    assert_eq!(refused(world.treatment().query(query).await).0, Reason::RegionUnavailable);
}
