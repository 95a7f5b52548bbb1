//! Answers that are lost: not yet known, 5203, 2601, and the late original.

use std::sync::Arc;

use his::config::{Profile, Refused};
use jiff::Timestamp;
use ledger::store::StoreError;
use ledger::treatment::{Content, MessageKey, NewMessage};
use serde_json::json;
use settlement::ids::{EncounterId, InstitutionCode, MessageId, TransactionNumber};
use settlement::refusal::{Reason, Refusal};
use tokio::sync::Notify;

use crate::fake_hub::Turn;
use crate::requests::*;
use crate::world::{PERSON, World};

#[tokio::test]
async fn a_lost_answer_is_found_again_by_5203_and_by_the_repeat() {
    let world = World::new().await;
    let stay = discharged(&world).await;
    let message = world.new_message();
    world.hub.next(Turn::AnswerLost);
    world.hub.set_home_away(true);
    let told = world.send_as(&message, "2304", settle_stay(&stay, STAY_TOTAL)).await.refused(703);
    for words in ["请勿重复收费", "5203", "2601", "冲正确认成功后才可全额收费"] {
        assert!(told.contains(words), "{told}");
    }
    world.send("5203", of_visit(&stay)).await.refused(703);
    world.send("2304", settle_stay(&stay, STAY_TOTAL)).await.refused(703);
    world.send("2405", of_visit(&stay)).await.refused(703);
    world.hub.set_home_away(false);
    let found = world.send("5203", of_visit(&stay)).await.ok();
    let repeated = world.send_as(&message, "2304", settle_stay(&stay, STAY_TOTAL)).await.ok();
    assert_eq!(text(&found, "output.setlinfo.setl_id"), text(&repeated, "output.setlinfo.setl_id"));
    assert_eq!(text(&found, "output.setlinfo.medins_setl_id"), message);
    assert_eq!(text(&found, "output.setlinfo.cash_payamt"), "134.00");
    assert_eq!(text(&found, "output.setlinfo.pay_loc"), "4");
    let asked = text(&found, "output.setlinfo.setl_id");
    let by_id = world.send("5203", of_settlement("", &asked)).await.ok();
    assert_eq!(by_id["output"], found["output"]);
}

#[tokio::test]
async fn a_request_that_never_arrived_is_voided_by_asking_and_settles_anew() {
    let world = World::new().await;
    let stay = discharged(&world).await;
    let message = world.new_message();
    world.hub.next(Turn::RequestLost);
    world.send_as(&message, "2304", settle_stay(&stay, STAY_TOTAL)).await.refused(703);
    let none = world.send("5203", of_visit(&stay)).await.refused(601);
    assert!(none.contains("没有有效结算"), "{none}");
    world.send_as(&message, "2304", settle_stay(&stay, STAY_TOTAL)).await.refused(302);
    world.send("2304", settle_stay(&stay, STAY_TOTAL)).await.ok();
    assert_eq!(world.hub.in_force(), 1);
}

#[tokio::test]
async fn a_new_message_for_a_visit_in_doubt_finds_out_about_the_first() {
    let world = World::new().await;
    let stay = discharged(&world).await;
    world.hub.next(Turn::AnswerLost);
    world.send("2304", settle_stay(&stay, STAY_TOTAL)).await.refused(703);
    let refused = world.send("2304", settle_stay(&stay, STAY_TOTAL)).await.refused(512);
    assert!(refused.contains(world.hub.last_settle().settlement.as_str()), "{refused}");
    assert_eq!(world.hub.in_force(), 1);
}

#[tokio::test]
async fn a_reversal_leaves_nothing_in_force_and_the_late_original_is_refused() {
    let world = World::new().await;
    for lost in [Turn::AnswerLost, Turn::RequestLost] {
        let stay = discharged(&world).await;
        let message = world.new_message();
        world.hub.next(lost);
        world.send_as(&message, "2304", settle_stay(&stay, STAY_TOTAL)).await.refused(703);
        let first = world.send("2601", reversal(&message, "2304")).await.ok();
        let again = world.send("2601", reversal(&message, "2304")).await.ok();
        assert_eq!(first["output"], again["output"]);
        assert_eq!(world.hub.in_force(), 0);
        world.send_as(&message, "2304", settle_stay(&stay, STAY_TOTAL)).await.refused(603);
        world.send("5203", of_visit(&stay)).await.refused(601);
        world.send("2405", of_visit(&stay)).await.ok();
    }
}

#[tokio::test]
async fn a_reversal_in_doubt_says_so_and_its_repeat_finds_out() {
    let world = World::new().await;
    let stay = discharged(&world).await;
    let message = world.new_message();
    world.send_as(&message, "2304", settle_stay(&stay, STAY_TOTAL)).await.ok();
    let reversing = world.new_message();
    world.hub.next(Turn::AnswerLost);
    world.send_as(&reversing, "2601", reversal(&message, "2304")).await.refused(703);
    world.send("5203", of_visit(&stay)).await.refused(601);
    world.send_as(&reversing, "2601", reversal(&message, "2304")).await.ok();
    assert_eq!(world.hub.in_force(), 0);
}

#[tokio::test]
async fn a_message_that_never_came_is_voided_by_its_reversal() {
    let world = World::new().await;
    let stay = discharged(&world).await;
    let message = world.new_message();
    let reversed = world.send("2601", reversal(&message, "2304")).await.ok();
    assert!(text(&reversed, "warn_msg").contains("未收到"));
    world.send_as(&message, "2304", settle_stay(&stay, STAY_TOTAL)).await.refused(302);
    assert!(world.hub.received().is_empty());
}

#[tokio::test]
async fn a_reversal_that_finds_nothing_left_voids_what_comes_late_under_the_same_number() {
    let world = World::new().await;
    let first = discharged(&world).await;
    let message = world.new_message();
    world.send_as(&message, "2304", settle_stay(&first, STAY_TOTAL)).await.ok();
    world.send("2601", reversal(&message, "2304")).await.ok();
    let other = discharged(&world).await;
    world.send("2601", reversal(&message, "2304")).await.ok();
    let received = world.hub.received().len();
    world.send_as(&message, "2304", settle_stay(&other, STAY_TOTAL)).await.refused(302);
    world.send_as(&message, "2304", settle_stay(&first, STAY_TOTAL)).await.refused(603);
    assert_eq!(world.hub.received().len(), received, "nobody else is asked");
    assert_eq!(world.hub.in_force(), 0);
    world.send("2304", settle_stay(&other, STAY_TOTAL)).await.ok();
}

#[tokio::test]
async fn a_desk_that_hangs_up_loses_its_answer_and_not_its_settlement() {
    let world = World::new().await;
    let stay = discharged(&world).await;
    let message = world.new_message();
    let (arrived, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    world.hub.next(Turn::Held(arrived.clone(), go_on.clone()));
    tokio::select! {
        answer = world.send_as(&message, "2304", settle_stay(&stay, STAY_TOTAL)) => panic!("too early: {answer:?}"),
        () = arrived.notified() => {}
    }
    go_on.notify_one();
    let found = loop {
        let id = EncounterId::new(&stay).expect("an id");
        let found = world.running().store().look(move |session| session.settlement_list(&id)).await;
        if let Some(stored) = found.expect("a look").pop() {
            break stored.settlement.id.to_string();
        }
        tokio::task::yield_now().await;
    };
    let repeated = world.send_as(&message, "2304", settle_stay(&stay, STAY_TOTAL)).await.ok();
    assert_eq!(text(&repeated, "output.setlinfo.setl_id"), found);
    assert_eq!(world.hub.received().len(), 1, "the answer was kept although nobody waited for it");
}

#[tokio::test]
async fn a_cancellation_is_reversed_and_its_settlement_counts_again() {
    let world = World::new().await;
    let stay = discharged(&world).await;
    let settled = world.send("2304", settle_stay(&stay, STAY_TOTAL)).await.ok();
    let settlement = text(&settled, "output.setlinfo.setl_id");
    let message = world.new_message();
    let cancelled = world.send_as(&message, "2305", of_settlement(&stay, &settlement)).await.ok();
    let counter = text(&cancelled, "output.setlinfo.setl_id");
    let shown = world.send("5203", of_settlement(&stay, &counter)).await.ok();
    assert_eq!(text(&shown, "output.setlinfo.refd_setl_flag"), "1");
    assert_eq!(text(&shown, "output.setlinfo.medfee_sumamt"), "-349.99");
    let reversed = world.send("2601", reversal(&message, "2305")).await.ok();
    assert!(text(&reversed, "warn_msg").contains(&settlement));
    let found = world.send("5203", of_visit(&stay)).await.ok();
    assert_eq!(text(&found, "output.setlinfo.setl_id"), settlement);
    world.send("2304", settle_stay(&stay, STAY_TOTAL)).await.refused(512);
}

#[tokio::test]
async fn a_reversal_waits_until_it_is_known_whether_a_cancellation_was_taken_back() {
    let world = World::new().await;
    let stay = discharged(&world).await;
    let (settling, cancelling) = (world.new_message(), world.new_message());
    let settled = world.send_as(&settling, "2304", settle_stay(&stay, STAY_TOTAL)).await.ok();
    let settlement = text(&settled, "output.setlinfo.setl_id");
    world.send_as(&cancelling, "2305", of_settlement(&stay, &settlement)).await.ok();
    world.send("2601", reversal(&settling, "2304")).await.refused(602);
    world.hub.next(Turn::AnswerLost);
    world.send("2601", reversal(&cancelling, "2305")).await.refused(703);
    assert_eq!(world.hub.in_force(), 1, "it counts again, and nobody here knows");
    world.send("2601", reversal(&settling, "2304")).await.ok();
    assert_eq!(world.hub.in_force(), 0);
    world.send("2304", settle_stay(&stay, STAY_TOTAL)).await.ok();
}

#[tokio::test]
async fn a_cancellation_is_not_reversed_once_its_lines_are_gone() {
    let world = World::new().await;
    let visit = registered(&world, "11").await;
    let lines = [("1", "XA", "2", "10", "20.00")];
    world.send("2204", outpatient_lines(&visit, "B1", "", &lines)).await.ok();
    let settled = world.send("2207", settle_visit(&visit, "B1", "11", "20.00")).await.ok();
    let message = world.new_message();
    let settlement = text(&settled, "output.setlinfo.setl_id");
    world.send_as(&message, "2208", of_settlement(&visit, &settlement)).await.ok();
    let batch = json!({"data": {"mdtrt_id": visit, "chrg_bchno": "B1", "psn_no": PERSON}});
    world.send("2205", batch).await.ok();
    world.send("2601", reversal(&message, "2208")).await.refused(404);
    assert_eq!(world.hub.in_force(), 0);
}

#[tokio::test]
async fn local_effects_are_reversed_here() {
    let world = World::new().await;
    let message = world.new_message();
    let stay = text(&world.send_as(&message, "2401", admission()).await.ok(), "output.result.mdtrt_id");
    let charges = world.new_message();
    world.send_as(&charges, "2301", inpatient_lines(&stay, STAY_LINES)).await.ok();
    world.send("2601", reversal(&message, "2401")).await.refused(404);
    world.send("2601", reversal(&charges, "2301")).await.ok();
    world.send_as(&charges, "2301", inpatient_lines(&stay, STAY_LINES)).await.refused(603);
    world.send("2601", reversal(&message, "2401")).await.ok();
    world.send("2301", inpatient_lines(&stay, STAY_LINES)).await.refused(402);
    world.send("2601", reversal(&message, "5203")).await.refused(606);
    assert!(world.hub.received().is_empty());
}

#[tokio::test]
async fn an_answer_that_comes_after_its_reversal_has_no_effect() {
    let world = World::new().await;
    let stay = discharged(&world).await;
    let message = world.new_message();
    let (arrived, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    world.hub.next(Turn::Late(arrived.clone(), go_on.clone()));
    let reversed_meanwhile = async {
        arrived.notified().await;
        let reversed = world.send("2601", reversal(&message, "2304")).await;
        go_on.notify_one();
        reversed.ok()
    };
    let (late, _) = tokio::join!(world.send_as(&message, "2304", settle_stay(&stay, STAY_TOTAL)), reversed_meanwhile);
    late.refused(603);
    world.send("5203", of_visit(&stay)).await.refused(601);
    assert_eq!(world.hub.in_force(), 0);
}

#[tokio::test]
async fn a_refusal_of_the_hub_to_find_out_is_no_answer() {
    let world = World::new().await;
    let stay = discharged(&world).await;
    world.hub.next(Turn::RequestLost);
    world.send("2304", settle_stay(&stay, STAY_TOTAL)).await.refused(703);
    world.hub.set_not_served();
    world.send("5203", of_visit(&stay)).await.refused(703);
    world.send("2304", settle_stay(&stay, STAY_TOTAL)).await.refused(703);
}

#[tokio::test]
async fn a_fault_of_the_store_says_that_nothing_happened_only_where_nothing_is_kept() {
    let judge = Profile { refused: Refused::JudgeAgain, ..Profile::default() };
    let world = World::with_profile(judge).await;
    let stay = discharged(&world).await;
    let message = world.new_message();
    world.hub.next(Turn::Refused(Refusal::new(Reason::NotFiled)));
    world.send_as(&message, "2304", settle_stay(&stay, STAY_TOTAL)).await.refused(505);
    let last = NewMessage {
        key: MessageKey {
            institution: InstitutionCode::new("H").expect("a code"),
            message: MessageId::new("last").expect("an id"),
            transaction: TransactionNumber::new("2301").expect("a number"),
            subject: String::new(),
            encounter: String::new(),
            batch: String::new(),
        },
        attempt: 1,
        encounter: String::new(),
        content: Content { digest: [0; 32], fields: Vec::new() },
        reference: String::new(),
        received_at: Timestamp::UNIX_EPOCH,
        answer: None,
        warning: None,
    };
    let taken = world
        .running()
        .store()
        .change(move |session| Ok::<_, StoreError>(Ok::<(), ()>(session.message_insert(i64::MAX, &last)?)));
    taken.await.expect("a store").expect("the last number is taken, there is none for the next message");
    world.send_as(&message, "2304", settle_stay(&stay, STAY_TOTAL)).await.refused(703);
    world.send("2304", settle_stay(&stay, STAY_TOTAL)).await.refused(801);
    assert_eq!(world.hub.received().len(), 1);
}
