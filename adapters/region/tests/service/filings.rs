//! Filings at the home region: the first of several that holds decides, and a replay tries them again; one that is locked is
//! not changed.

use proto::v1::change_filing_request::Change;
use proto::{convert, status, v1};
use settlement::filing::{Filing, FilingClass, Proof};
use settlement::ids::*;
use settlement::outcome::{Done, Outcome};
use settlement::person::Validity;
use settlement::refusal::{Reason, Refusal};

use crate::world::*;

on_both! {
    the_first_filing_that_holds_decides,
    a_locked_filing_is_changed_by_nobody,
}

fn filing(class: FilingClass, destination: &str, from: (i16, i8, i8), to: Option<(i16, i8, i8)>) -> Filing {
    let day = |(year, month, day)| jiff::civil::date(year, month, day);
    Filing {
        id: FilingId::new(class.word()).expect("an id"),
        person: PersonNumber::new(WORKING).expect("a number"),
        home: pool("410700"),
        class,
        proof: Proof::HandedIn,
        destination: RegionCode::new(destination).expect("a code"),
        validity: Validity { from: day(from), to: to.map(day) },
    }
}

async fn settled_with(world: &World, message: &str, filings: &[Filing]) -> Result<Option<FilingClass>, Reason> {
    let operation = stay(WORKING, message, &format!("E{message}"), (1, 4), 20_000);
    let hub =
        v1::HubFields { filing: convert::write_attached_filings(filings), deadline_ms: 8_000, ..Default::default() };
    let bytes = convert::write_operation(&operation);
    let request = v1::OperateRequest { operation: bytes, hub: Some(hub), request_id: String::new() };
    let answer = world.client().operate(request).await.expect("an answer").into_inner();
    world.outcome(&cancel(WORKING, &format!("c{message}"), &format!("s-{message}"))).await;
    match read(&answer) {
        Outcome::Accepted { decided_at: _, done: Done::Settled(settled) } => Ok(settled.filing),
        Outcome::Refused(refusal) => Err(refusal.reason),
        other @ Outcome::Accepted { .. } => panic!("not settled: {other:?}"),
    }
}

async fn the_first_filing_that_holds_decides(on: On) {
    let world = World::new(on).await;
    // Admitted on 1 June: a referral of 1 December without an end holds for six months, until 31 May.
    let ended = filing(FilingClass::Referral, "310000", (2024, 12, 1), None);
    let holds = filing(FilingClass::Referral, "310000", (2024, 12, 2), None);
    let other = filing(FilingClass::OtherTemporary, "310000", (2025, 5, 1), None);
    for (message, filings, expected) in [
        ("m1", vec![holds, other.clone()], Ok(Some(FilingClass::Referral))),
        ("m2", vec![ended.clone(), other], Ok(Some(FilingClass::OtherTemporary))),
        ("m3", vec![ended.clone(), ended], Err(Reason::NotFiled)),
        ("m4", vec![], Err(Reason::NotFiled)),
    ] {
        assert_eq!(settled_with(&world, message, &filings).await, expected, "{message}");
    }
    world.prove().await;
}

async fn changed(world: &World, held: &Filing, change: Change) -> Result<(), Refusal> {
    let held = Some(convert::write_filing(held));
    let request = v1::ChangeFilingRequest { held, change: Some(change), request_id: String::new() };
    let reply = world.client().change_filing(request).await;
    reply.map(drop).map_err(|refused| status::to_refusal(&refused))
}

async fn a_locked_filing_is_changed_by_nobody(on: On) {
    let world = World::new(on).await;
    // Locked for six months, to 31 July.
    let held = filing(FilingClass::LongTerm, "310000", (2025, 2, 1), None);
    let replaced_by =
        |from, to| Change::ReplacedBy(convert::write_filing(&filing(FilingClass::LongTerm, "440300", from, to)));
    let last_day = |day: &str| Change::LastDay(day.into());
    for (change, field) in [
        (replaced_by((2025, 7, 31), None), Some("destination")),
        (replaced_by((2025, 8, 1), None), None),
        (replaced_by((2025, 1, 1), Some((2025, 2, 1))), Some("destination")),
        (replaced_by((2025, 1, 1), Some((2025, 1, 31))), None),
        (last_day("2025-07-30"), Some("last_day")),
        (last_day("2025-07-31"), None),
    ] {
        let told = changed(&world, &held, change.clone()).await;
        let expected = field.map_or(Ok(()), |field| {
            let detail = "2025-08-01: filing_validity.long-term";
            Err(Refusal::new(Reason::FilingLocked).of_field(field).because(detail))
        });
        assert_eq!(told, expected, "{change:?}");
    }
    // One that ends earlier by itself is locked no longer than that, and other classes are not locked at all.
    let short = filing(FilingClass::LongTerm, "310000", (2025, 2, 1), Some((2025, 3, 31)));
    assert_eq!(changed(&world, &short, replaced_by((2025, 4, 1), None)).await, Ok(()));
    let temporary = filing(FilingClass::OtherTemporary, "310000", (2025, 2, 1), None);
    assert_eq!(changed(&world, &temporary, last_day("2025-02-01")).await, Ok(()));
    // Nobody of that number is held to anything, and another region's people are none of this one's.
    let nobody = Filing { person: PersonNumber::new("41070000009").expect("a number"), ..held.clone() };
    assert_eq!(changed(&world, &nobody, last_day("2025-02-01")).await, Ok(()));
    let foreign = Filing { home: pool("440300"), ..held };
    let refused = changed(&world, &foreign, last_day("2025-02-01")).await.map_err(|refusal| refusal.reason);
    assert_eq!(refused, Err(Reason::RegionNotServed));
}
