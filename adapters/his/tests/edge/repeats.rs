//! The same message again: the first answer; another one under the same key: a refusal that names the field.

use his::config::{Profile, Refused};
use serde_json::json;
use settlement::refusal::{Reason, Refusal};

use crate::fake_hub::Turn;
use crate::requests::*;
use crate::world::{World, envelope};

#[tokio::test]
async fn a_repeat_with_other_envelope_times_gets_the_first_answer() {
    let mut world = World::new().await;
    let stay = discharged(&world).await;
    let mut message = envelope(&world.new_message(), "2304", settle_stay(&stay, STAY_TOTAL));
    let first = world.send_envelope(message.clone()).await.ok();
    message["inf_time"] = json!("2025-06-20 09:05:00");
    message["opter"] = json!("002");
    message["sign_no"] = json!("9");
    message["cainfo"] = json!("x");
    message["input"]["data"]["mdtrt_cert_no"] = json!("token");
    message["input"]["data"]["medfee_sumamt"] = json!(349.990);
    let repeats = [world.send_envelope(message.clone()).await.ok(), {
        world.crash_and_restart().await;
        world.send_envelope(message.clone()).await.ok()
    }];
    for repeat in repeats {
        for same in ["output", "inf_refmsgid"] {
            assert_eq!(repeat[same], first[same]);
        }
    }
    assert_eq!(world.hub.received().len(), 1, "a repeat that is answered goes nowhere");
}

#[tokio::test]
async fn other_content_under_the_same_key_names_the_field() {
    let world = World::new().await;
    let stay = discharged(&world).await;
    let message = world.new_message();
    world.send_as(&message, "2304", settle_stay(&stay, STAY_TOTAL)).await.ok();
    let text = world.send_as(&message, "2304", settle_stay(&stay, "350.00")).await.refused(301);
    assert!(text.contains("medfee_sumamt"), "{text}");

    let message = world.new_message();
    let admitted = world.send_as(&message, "2401", admission()).await.ok();
    assert_eq!(world.send_as(&message, "2401", admission()).await.ok()["output"], admitted["output"]);
    let mut other = admission();
    other["mdtrtinfo"]["begntime"] = json!("2025-06-11 08:00:00");
    let text = world.send_as(&message, "2401", other).await.refused(301);
    assert!(text.contains("mdtrtinfo.begntime"), "{text}");
}

#[tokio::test]
async fn one_message_number_on_several_transactions_is_several_messages() {
    let world = World::new().await;
    let message = world.new_message();
    let stay = text(&world.send_as(&message, "2401", admission()).await.ok(), "output.result.mdtrt_id");
    world.send_as(&message, "2301", inpatient_lines(&stay, STAY_LINES)).await.ok();
    world.send_as(&message, "2402", discharge(&stay)).await.ok();
    world.send_as(&message, "2304", settle_stay(&stay, STAY_TOTAL)).await.ok();
}

#[tokio::test]
async fn charges_that_come_twice_are_charged_once() {
    let world = World::new().await;
    let stay = admitted(&world).await;
    let message = world.new_message();
    let first = world.send_as(&message, "2301", inpatient_lines(&stay, STAY_LINES)).await.ok();
    let again = world.send_as(&message, "2301", inpatient_lines(&stay, STAY_LINES)).await.ok();
    assert_eq!(first["output"], again["output"]);
    let text = world.send("2301", inpatient_lines(&stay, STAY_LINES)).await.refused(408);
    assert!(text.contains("feedetl_sn=1"), "{text}");
    world.send("2303", settle_stay(&stay, STAY_TOTAL)).await.ok();
}

/// A double may come late, when the desk has done what was missing and gone another way.
#[tokio::test]
async fn what_was_refused_for_good_stays_refused_when_it_has_become_possible() {
    let mut world = World::new().await;
    let stay = admitted(&world).await;
    world.send("2301", inpatient_lines(&stay, STAY_LINES)).await.ok();
    let message = world.new_message();
    let first = world.send_as(&message, "2304", settle_stay(&stay, STAY_TOTAL)).await.refused(403);
    world.send("2402", discharge(&stay)).await.ok();
    assert_eq!(world.send_as(&message, "2304", settle_stay(&stay, STAY_TOTAL)).await.refused(403), first);
    world.crash_and_restart().await;
    assert_eq!(world.send_as(&message, "2304", settle_stay(&stay, STAY_TOTAL)).await.refused(403), first);
    assert_eq!(world.hub.in_force(), 0);
    world.send("2304", settle_stay(&stay, STAY_TOTAL)).await.ok();
    assert_eq!(world.hub.in_force(), 1);
}

#[tokio::test]
async fn an_institution_that_has_refused_messages_judged_again_sends_the_same_again() {
    let judge = Profile { refused: Refused::JudgeAgain, ..Profile::default() };
    let world = World::with_profile(judge).await;
    let stay = admitted(&world).await;
    world.send("2301", inpatient_lines(&stay, STAY_LINES)).await.ok();
    let message = world.new_message();
    world.send_as(&message, "2304", settle_stay(&stay, STAY_TOTAL)).await.refused(403);
    world.send("2402", discharge(&stay)).await.ok();
    world.send_as(&message, "2304", settle_stay(&stay, STAY_TOTAL)).await.ok();
}

#[tokio::test]
async fn what_was_refused_here_may_be_corrected_under_its_id_and_what_home_refused_may_not() {
    let world = World::new().await;
    let stay = discharged(&world).await;
    let message = world.new_message();
    world.send_as(&message, "2304", settle_stay(&stay, "1.00")).await.refused(406);
    world.hub.next(Turn::Refused(Refusal::new(Reason::NotFiled)));
    let first = world.send_as(&message, "2304", settle_stay(&stay, STAY_TOTAL)).await.refused(505);
    assert!(first.contains("新的msgid"), "{first}");
    assert_eq!(world.send_as(&message, "2304", settle_stay(&stay, STAY_TOTAL)).await.refused(505), first);
    assert_eq!(world.hub.received().len(), 1);
    world.send("2304", settle_stay(&stay, STAY_TOTAL)).await.ok();
}

#[tokio::test]
async fn an_institution_may_have_refused_messages_judged_again() {
    let judge = Profile { refused: Refused::JudgeAgain, ..Profile::default() };
    let world = World::with_profile(judge).await;
    let stay = discharged(&world).await;
    let message = world.new_message();
    world.hub.next(Turn::Refused(Refusal::new(Reason::NotFiled)));
    world.send_as(&message, "2304", settle_stay(&stay, STAY_TOTAL)).await.refused(505);
    let settled = world.send_as(&message, "2304", settle_stay(&stay, STAY_TOTAL)).await.ok();
    assert_eq!(text(&settled, "output.setlinfo.medins_setl_id"), message);
    assert_eq!(world.send_as(&message, "2304", settle_stay(&stay, STAY_TOTAL)).await.ok()["output"], settled["output"]);
    world.send("2601", reversal(&message, "2304")).await.ok();
    assert_eq!(world.hub.in_force(), 0);
}

#[tokio::test]
async fn what_the_hub_did_not_take_may_come_again_as_it_was() {
    let mut world = World::new().await;
    let stay = discharged(&world).await;
    let message = world.new_message();
    world.hub.next(Turn::Status(Refusal::new(Reason::Busy)));
    world.send_as(&message, "2304", settle_stay(&stay, STAY_TOTAL)).await.refused(702);
    world.hub.next(Turn::Status(Refusal::new(Reason::Busy)));
    world.send_as(&message, "2304", settle_stay(&stay, STAY_TOTAL)).await.refused(702);
    world.stop_hub().await;
    world.crash_and_restart().await;
    world.send_as(&message, "2304", settle_stay(&stay, STAY_TOTAL)).await.refused(701);
    // Nothing is on its way, so nothing of the visit is in doubt, and asking voids nothing.
    world.send("5203", of_visit(&stay)).await.refused(601);
    world.start_hub().await;
    let settled = world.send_as(&message, "2304", settle_stay(&stay, STAY_TOTAL)).await.ok();
    let operations = world.hub.received();
    assert!(operations.iter().all(|bytes| *bytes == operations[0]), "the stored bytes are sent again");
    assert_eq!(text(&settled, "output.setlinfo.setl_id"), world.hub.last_settle().settlement.to_string());
}

#[tokio::test]
async fn a_final_status_of_the_hub_is_an_answer() {
    let world = World::new().await;
    let stay = discharged(&world).await;
    let message = world.new_message();
    world.hub.next(Turn::Status(Refusal::new(Reason::RegionNotServed)));
    world.send_as(&message, "2304", settle_stay(&stay, STAY_TOTAL)).await.refused(207);
    world.send_as(&message, "2304", settle_stay(&stay, STAY_TOTAL)).await.refused(207);
    assert_eq!(world.hub.received().len(), 1);
}

#[tokio::test]
async fn what_never_left_this_side_is_told_so() {
    let mut world = World::new().await;
    let stay = discharged(&world).await;
    world.stop_hub().await;
    world.crash_and_restart().await;
    world.send("2304", settle_stay(&stay, STAY_TOTAL)).await.refused(701);
}

#[tokio::test]
async fn a_repeated_admission_asks_nobody() {
    let world = World::new().await;
    let message = world.new_message();
    let first = world.send_as(&message, "2401", admission()).await.ok();
    world.hub.set_not_served();
    assert_eq!(world.send_as(&message, "2401", admission()).await.ok()["output"], first["output"]);
}

#[tokio::test]
async fn a_refused_message_that_was_reversed_is_not_judged_again() {
    let judge = Profile { refused: Refused::JudgeAgain, ..Profile::default() };
    let world = World::with_profile(judge).await;
    let stay = discharged(&world).await;
    let message = world.new_message();
    world.hub.next(Turn::Refused(Refusal::new(Reason::NotFiled)));
    world.send_as(&message, "2304", settle_stay(&stay, STAY_TOTAL)).await.refused(505);
    world.send("2601", reversal(&message, "2304")).await.ok();
    world.send_as(&message, "2304", settle_stay(&stay, STAY_TOTAL)).await.refused(603);
    assert_eq!(world.hub.in_force(), 0);
}

#[tokio::test]
async fn a_reversal_that_is_judged_again_may_find_nothing_left_to_do() {
    let judge = Profile { refused: Refused::JudgeAgain, ..Profile::default() };
    let world = World::with_profile(judge).await;
    let stay = discharged(&world).await;
    let (message, reversing) = (world.new_message(), world.new_message());
    world.send_as(&message, "2304", settle_stay(&stay, STAY_TOTAL)).await.ok();
    world.hub.next(Turn::Refused(Refusal::new(Reason::AmbiguousOriginal)));
    world.send_as(&reversing, "2601", reversal(&message, "2304")).await.refused(605);
    world.send("2601", reversal(&message, "2304")).await.ok();
    let first = world.send_as(&reversing, "2601", reversal(&message, "2304")).await.ok();
    assert_eq!(world.send_as(&reversing, "2601", reversal(&message, "2304")).await.ok()["output"], first["output"]);
    assert_eq!(world.hub.in_force(), 0);
}
