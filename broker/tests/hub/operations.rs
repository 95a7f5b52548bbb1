//! An operation on its way through the hub: once, whatever is sent how often; and who may send it.

use std::sync::Arc;

use broker::HomeConfig;
use bytes::{BufMut, BytesMut};
use identity::name::Role;
use ledger::hub::Position;
use proto::convert;
use proto::v1;
use proto::v1::hub_client::HubClient;
use settlement::ids::InstitutionCode;
use settlement::money::Money;
use settlement::operation::{Operation, Request};
use settlement::outcome::{Done, Outcome, Undone};
use settlement::postings::Account;
use settlement::refusal::{Reason, Refusal};
use tokio::sync::Notify;

use crate::fake_home::{Script, pay_half};
use crate::requests::*;
use crate::world::{Answered, World, reason, refusal, told};

fn hospital() -> Account {
    Account::Hospital { institution: InstitutionCode::new(HOSPITAL).expect("a code") }
}

fn yuan(amount: i64) -> Money {
    Money::from_yuan(amount)
}

#[tokio::test]
async fn the_same_key_gets_the_first_answer_again() {
    let world = World::new().await;
    let first = world.operate(&settle("1")).await.expect("an answer");
    assert!(matches!(&first, Answered::Outcome(Outcome::Accepted { .. }, _)), "{first:?}");
    assert_eq!(world.operate(&settle("1")).await.expect("an answer"), first);
    assert_eq!(world.home.operated().len(), 1, "the home is asked once");
    assert_eq!(world.received(hospital()).await, yuan(100));
    world.check().await;
}

#[tokio::test]
async fn the_bytes_travel_untouched_with_the_hubs_fields_beside_them() {
    let world = World::new().await;
    let mut bytes = BytesMut::from(&convert::write_operation(&settle("1"))[..]);
    // A field that this version does not know (number 99, varint 7) is part of what was written.
    bytes.put_slice(&[0x98, 0x06, 0x07]);
    let bytes = bytes.freeze();
    told(world.treatment().operate(envelope_of(bytes.clone())).await).expect("an answer");
    let sent = world.home.operated().remove(0);
    assert_eq!(sent.operation, bytes);
    let hub = sent.hub.expect("the hub's fields");
    let kept = world.hub().store().operation_page(Position(0), 1).await.expect("a record").remove(0);
    assert_eq!(hub.position, kept.position.0.cast_unsigned());
    assert!((1..=10_000).contains(&hub.deadline_ms), "{}", hub.deadline_ms);
}

#[tokio::test]
async fn other_content_under_a_key_is_refused_and_the_field_is_named() {
    let world = World::new().await;
    world.operate(&settle("1")).await.expect("an answer");
    let refused = world.operate(&settle_of("1", 101)).await.expect_err("a refusal");
    assert_eq!(refused, Refusal::new(Reason::ContentDiffers).of_field("medfee_sumamt"));
    assert_eq!(world.received(hospital()).await, yuan(100));
}

#[tokio::test]
async fn a_repeat_with_another_minted_id_is_the_same_content() {
    let world = World::new().await;
    let first = world.operate(&settle("1")).await.expect("an answer");
    let mut again = settle("1");
    if let Request::Settle(settle) = &mut again.request {
        settle.settlement = settlement_id("another");
    }
    assert_eq!(world.operate(&again).await.expect("an answer"), first);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_identical_operations_at_once_have_one_effect() {
    let world = World::new().await;
    let sending: Vec<_> = (0..32)
        .map(|_| {
            let mut hub = world.treatment();
            tokio::spawn(async move { told(hub.operate(envelope(&settle("1"))).await) })
        })
        .collect();
    let mut answers = Vec::new();
    for sent in sending {
        match sent.await.expect("no panic").expect("no refusal") {
            Answered::Outcome(_, bytes) => answers.push(bytes),
            Answered::InDoubt => {}
        }
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]) && !answers.is_empty());
    assert_eq!(world.home.operated().len(), 1);
    assert_eq!(world.received(hospital()).await, yuan(100));
    world.check().await;
}

#[tokio::test]
async fn a_refusal_by_the_home_is_an_answer_and_is_remembered() {
    let world = World::new().await;
    let outcome = Outcome::Refused(Refusal::new(Reason::AlreadySettled).because("7"));
    world.home.will(Script::Say(outcome.clone()));
    for _ in 0..2 {
        let told = world.operate(&settle("1")).await.expect("an answer");
        assert!(matches!(told, Answered::Outcome(told, _) if told == outcome));
    }
    assert_eq!(world.home.operated().len(), 1);
    assert_eq!(world.received(hospital()).await, Money::ZERO);
}

#[tokio::test]
async fn undoing_books_once_and_brings_every_account_back_to_nothing() {
    let world = World::new().await;
    for operation in [settle("1"), settle("2"), cancel("3", "1"), reverse("4", "2", "2304")] {
        world.operate(&operation).await.expect("an answer");
    }
    assert_eq!(world.received(hospital()).await, Money::ZERO);
    world.operate(&reverse("5", "2", "2304")).await.expect("an answer");
    assert_eq!(world.received(hospital()).await, Money::ZERO, "a second reversal books nothing more");
    assert_eq!(world.hub().store().counts().await.expect("counts").entries, 4);
    world.check().await;
}

#[tokio::test]
async fn a_reversal_before_its_original_voids_the_original() {
    let world = World::new().await;
    let Answered::Outcome(Outcome::Accepted { done, .. }, _) =
        world.operate(&reverse("9", "1", "2304")).await.expect("an answer")
    else {
        panic!("not accepted")
    };
    assert_eq!(done, Done::Reversed(Box::new(Undone::Nothing)));
    for _ in 0..2 {
        let told = world.operate(&settle("1")).await.expect("an answer");
        assert!(matches!(told, Answered::Outcome(Outcome::Refused(refusal), _) if refusal.reason == Reason::Voided));
    }
    assert_eq!(world.home.operated().len(), 0, "neither leaves the hub");
    world.check().await;
}

#[tokio::test]
async fn a_region_that_cannot_be_reached_leaves_the_key_free() {
    let mut world = World::new().await;
    world.stop_home().await;
    for _ in 0..2 {
        assert_eq!(reason(world.operate(&settle("1")).await), Reason::RegionUnavailable);
    }
    world.start_home().await;
    assert!(matches!(world.operate(&settle("1")).await, Ok(Answered::Outcome(Outcome::Accepted { .. }, _))));
    let counts = world.hub().store().counts().await.expect("counts");
    assert_eq!((counts.operations, counts.released, counts.accepted), (3, 2, 1));
    world.check().await;
}

#[tokio::test]
async fn a_region_that_is_busy_leaves_the_key_free() {
    let world = World::new().await;
    world.home.will(Script::Refuse(Reason::Busy.into()));
    assert_eq!(reason(world.operate(&settle("1")).await), Reason::Busy);
    assert!(matches!(world.operate(&settle("1")).await, Ok(Answered::Outcome(Outcome::Accepted { .. }, _))));
}

#[tokio::test]
async fn a_final_refusal_in_a_status_is_the_answer_to_what_was_never_sent_before() {
    let world = World::new().await;
    let refusal = Refusal::new(Reason::RegionNotServed).of_field("insuplc_admdvs");
    world.home.will(Script::Refuse(refusal.clone()));
    for _ in 0..2 {
        let told = world.operate(&settle("1")).await.expect("an answer");
        assert!(matches!(told, Answered::Outcome(Outcome::Refused(told), _) if told == refusal));
    }
    assert_eq!(world.home.operated().len(), 1);
}

#[tokio::test]
async fn a_reversal_for_another_region_than_its_target_goes_nowhere() {
    let other = HomeConfig { pools: vec!["440300".into()], address: "127.0.0.1:1".into() };
    let world = World::with(|config| config.homes.push(other)).await;
    world.operate(&settle("1")).await.expect("an answer");
    let mut reversal = reverse("2", "1", "2304");
    if let Request::Reverse(reverse) = &mut reversal.request {
        reverse.home = pool("440300");
    }
    let refused = world.operate(&reversal).await.expect_err("a refusal");
    assert_eq!((refused.reason, refused.field.as_deref()), (Reason::InvalidField, Some("insuplc_admdvs")));
    assert_eq!(world.hub().store().counts().await.expect("counts").operations, 1);
    assert_eq!(world.received(hospital()).await, yuan(100));
}

#[tokio::test]
async fn a_message_may_be_larger_than_grpc_allows_by_itself() {
    let world = World::new().await;
    let mut bytes = BytesMut::from(&convert::write_operation(&settle("1"))[..]);
    // Field 99, of 8 MiB, which this version does not know and sends on untouched.
    bytes.put_slice(&[0x9a, 0x06, 0x80, 0x80, 0x80, 0x04]);
    bytes.put_bytes(0, 8 * 1024 * 1024);
    let told = told(world.treatment().operate(envelope_of(bytes.freeze())).await);
    assert!(matches!(told, Ok(Answered::Outcome(Outcome::Accepted { .. }, _))), "{told:?}");
}

#[tokio::test]
async fn nothing_is_sent_to_a_server_that_is_not_the_home_of_the_pool() {
    let mut world = World::new().await;
    world.issue_home("impostor", "440300");
    world.stop_home().await;
    world.start_home_as("impostor").await;
    assert_eq!(reason(world.operate(&settle("1")).await), Reason::RegionUnavailable);
    assert_eq!(world.home.operated().len(), 0);
}

#[tokio::test]
async fn an_answer_about_something_else_is_not_kept() {
    let Request::Settle(asked) = settle("1").request else { panic!("a settle") };
    let Request::Settle(dearer) = settle_of("1", 200).request else { panic!("a settle") };
    let mut other = pay_half(&asked);
    other.settlement = settlement_id("another");
    let mut negative = pay_half(&asked);
    negative.payers.cash += yuan(200);
    negative.payers.hospital = -yuan(200);
    let accepted =
        |settled| Outcome::Accepted { decided_at: jiff::Timestamp::UNIX_EPOCH, done: Done::Settled(Box::new(settled)) };
    for lie in [
        accepted(other),
        accepted(pay_half(&dearer)),
        accepted(negative),
        Outcome::Accepted { decided_at: jiff::Timestamp::UNIX_EPOCH, done: Done::Reversed(Box::new(Undone::Nothing)) },
        Outcome::Refused(Reason::Busy.into()),
    ] {
        let world = World::new().await;
        world.home.will(Script::Say(lie.clone()));
        assert_eq!(world.operate(&settle("1")).await, Ok(Answered::InDoubt), "{lie:?}");
        let counts = world.hub().store().counts().await.expect("counts");
        assert_eq!((counts.accepted + counts.refused, counts.unanswered, counts.entries), (0, 1, 0), "{lie:?}");
        world.check().await;
    }
}

#[tokio::test]
async fn a_treatment_region_acts_for_its_own_institutions_only() {
    let world = World::new().await;
    let with_institution = |code: &str| {
        let mut operation = settle("1");
        operation.key.institution = InstitutionCode::new(code).expect("a code");
        if let Request::Settle(settle) = &mut operation.request {
            settle.encounter.institution = operation.key.institution.clone();
        }
        operation
    };
    let with_pool = |code: &str| {
        let mut operation = settle("1");
        if let Request::Settle(settle) = &mut operation.request {
            settle.encounter.pool = pool(code);
        }
        operation
    };
    let foreign = with_institution("H44030000001");
    let nowhere = with_institution("H99999900001");
    for operation in [&foreign, &nowhere, &with_pool("440300")] {
        assert_eq!(reason(world.operate(operation).await), Reason::InstitutionNotYours);
    }
    assert_eq!(reason(world.resolve(&foreign).await), Reason::InstitutionNotYours);

    let mut contradiction = with_institution("H31010100002");
    contradiction.key.institution = InstitutionCode::new(HOSPITAL).expect("a code");
    let refused = world.operate(&contradiction).await.expect_err("a refusal");
    assert_eq!((refused.reason, refused.field.as_deref()), (Reason::InvalidField, Some("fixmedins_code")));
    assert_eq!(world.hub().store().counts().await.expect("counts"), Default::default(), "nothing is kept of it");
}

#[tokio::test]
async fn only_a_treatment_region_may_ask_the_hub() {
    let world = World::new().await;
    // A home region is let in for its mailboxes and an operator for filings; neither has a permit for this.
    for (code, role) in [("410700", Role::Home), ("*", Role::Operator)] {
        let mut hub = HubClient::new(world.peer(code, role));
        let refused = hub.operate(envelope(&settle("1"))).await.expect_err("a refusal");
        assert_eq!(refused.code(), tonic::Code::PermissionDenied, "{role}");
    }
}

#[tokio::test]
async fn a_region_that_is_unknown_or_not_served_is_named() {
    let world = World::new().await;
    let insured_in = |code: &str| -> Operation {
        let mut operation = settle("1");
        if let Request::Settle(settle) = &mut operation.request {
            settle.home = pool(code);
        }
        operation
    };
    for (code, expected) in [
        ("440300", Reason::RegionNotServed),
        ("410000", Reason::UnknownRegion),
        ("410702", Reason::UnknownRegion),
        ("999999", Reason::UnknownRegion),
    ] {
        let refused = world.operate(&insured_in(code)).await.expect_err("a refusal");
        assert_eq!((refused.reason, refused.field.as_deref()), (expected, Some("insuplc_admdvs")), "{code}");
    }
    assert_eq!(world.hub().store().counts().await.expect("counts"), Default::default());
}

#[tokio::test]
async fn too_much_at_once_is_refused_before_anything_is_written() {
    let world = World::with(|config| config.in_flight = 1).await;
    world.home.will(Script::Hang);
    let mut hub = world.treatment();
    let first = tokio::spawn(async move { hub.operate(envelope(&settle("1"))).await });
    world.home.has_been_sent(1).await;
    assert_eq!(reason(world.operate(&settle("2")).await), Reason::Busy);
    assert_eq!(world.hub().store().counts().await.expect("counts").operations, 1);
    first.abort();
}

#[tokio::test]
async fn an_answer_is_kept_although_its_sender_has_gone_away() {
    let world = World::with(|config| config.resolve_every_ms = 3_600_000).await;
    let told_to = Arc::new(Notify::new());
    world.home.will(Script::AnswerWhen(told_to.clone()));
    let mut hub = world.treatment();
    let sender = tokio::spawn(async move { hub.operate(envelope(&settle("1"))).await });
    world.home.has_been_sent(1).await;
    sender.abort();
    assert!(sender.await.expect_err("it was aborted").is_cancelled());
    // On the same connection, and after it: once this is answered, the hub knows that the sender has gone.
    assert_eq!(world.resolve(&settle("1")).await, Ok(Answered::InDoubt));
    told_to.notify_one();
    assert!(matches!(world.answer(&settle("1")).await.0, Outcome::Accepted { .. }));
    assert_eq!(world.home.operated().len(), 1);
}

#[tokio::test]
async fn nonsense_is_refused_with_every_fault_and_nothing_is_kept() {
    let world = World::new().await;
    let mut wire = v1::Operation { key: Some(convert::write_key(&settle("1").key)), request: None };
    wire.key.as_mut().expect("a key").person = String::new();
    let bytes = prost::Message::encode_to_vec(&wire).into();
    let status = world.treatment().operate(envelope_of(bytes)).await.expect_err("a refusal");
    let refused = refusal(&status);
    assert_eq!((refused.reason, refused.field.as_deref()), (Reason::InvalidField, Some("key.person")));
    assert!(refused.detail.expect("a detail").contains("request is missing"));
    let status = world.treatment().operate(envelope_of("\u{7}x".into())).await.expect_err("a refusal");
    assert_eq!(refusal(&status).reason, Reason::InvalidField);
    assert_eq!(world.hub().store().counts().await.expect("counts"), Default::default());
}
