//! Input that makes no sense: HTTP 200, infcode -1, a clear text, and nothing changed.

use serde_json::json;

use crate::http::Response;
use crate::requests::*;
use crate::world::{Answer, PERSON, World, envelope};

#[tokio::test]
async fn what_is_no_message_is_refused_with_a_text() {
    let world = World::new().await;
    let refused = |response: Response, code: u16| {
        assert_eq!(response.status, 200);
        assert!(response.headers.to_lowercase().contains("content-type: application/json;charset=utf-8"));
        Answer(response.body).refused(code)
    };
    for (body, code) in [
        ("", 101),
        ("{\"infno\":", 101),
        ("[]", 101),
        ("{}", 105),
        ("{\"infno\":\"7777\",\"msgid\":\"1\",\"fixmedins_code\":\"H31010600104\"}", 104),
        ("{\"infno\":\"1101\",\"fixmedins_code\":\"H31010600104\",\"input\":{}}", 105),
        ("{\"infno\":\"1101\",\"msgid\":\"1\",\"fixmedins_code\":\"H9\",\"input\":{}}", 201),
        ("{\"infno\":\"1101\",\"msgid\":\"1\",\"fixmedins_code\":\"H44030000001\",\"input\":{}}", 202),
        ("{\"infno\":\"1101\",\"msgid\":\"1\",\"fixmedins_code\":\"H31010600104\",\"insuplc_admdvs\":\"4107\"}", 206),
        ("{\"infno\":\"1101\",\"msgid\":\"1\",\"fixmedins_code\":\"H31010600104\",\"input\":[]}", 101),
    ] {
        refused(world.post("/", &[], body.as_bytes()).await, code);
    }
    let large = vec![b' '; 20 * 1024 * 1024];
    let text = refused(world.post("/", &[], &large).await, 102);
    assert!(text.contains("8MB"), "{text}");
    assert_eq!(world.post("/9001", &[], b"x").await.status, 200);
}

#[tokio::test]
async fn registrations_that_cannot_be_are_refused_with_the_field() {
    let world = World::new().await;
    for (field, value, code, words) in [
        ("begntime", json!("2025-02-30 08:00:00"), 106, "不是存在的日期"),
        ("begntime", json!(""), 105, "begntime"),
        ("psn_no", json!(null), 105, "psn_no"),
        ("insutype", json!("340"), 106, "insutype"),
        ("med_type", json!("11"), 106, "med_type"),
        ("insuplc_admdvs", json!("999999"), 206, "insuplc_admdvs"),
        ("insuplc_admdvs", json!("410000"), 206, "insuplc_admdvs"),
    ] {
        let mut input = admission();
        input["mdtrtinfo"][field] = value;
        let text = world.send("2401", input).await.refused(code);
        assert!(text.contains(words), "{text}");
    }
    let mut suspended = envelope(&world.new_message(), "2401", admission());
    suspended["fixmedins_code"] = json!("H31010600105");
    world.send_envelope(suspended).await.refused(203);
    world.hub.set_not_served();
    world.send("2401", admission()).await.refused(207);
}

#[tokio::test]
async fn charges_come_all_or_nothing_with_faults_by_number() {
    let world = World::new().await;
    let stay = admitted(&world).await;
    // number, item, quantity, price, total: code
    for (line, code) in [
        (("a", "XA", "-1", "10", "-10.00"), 409),
        (("a", "XA", "1", "10", "-10.00"), 106),
        (("a", "XA", "0", "10", "0.00"), 106),
        (("a", "XA", "1", "10", "10.02"), 106),
        (("a", "XA", "1", "10", "10.001"), 106),
        (("a", "XA", "x", "10", "10.00"), 106),
        (("a", "XA", "1", "-10", "10.00"), 106),
    ] {
        let good = ("b", "XA", "1", "10", "10.00");
        let text = world.send("2301", inpatient_lines(&stay, &[good, line])).await.refused(code);
        assert!(text.contains("feedetl_sn=a"), "{text}");
    }
    let both = [("a", "XA", "0", "1", "0"), ("b", "XA", "1", "1", "7")];
    let text = world.send("2301", inpatient_lines(&stay, &both)).await.refused(106);
    assert!(text.contains("feedetl_sn=a") && text.contains("feedetl_sn=b"), "{text}");
    world.send("2402", discharge(&stay)).await.ok();
    world.send("2304", settle_stay(&stay, "10.00")).await.refused(405);
    world.send("2405", of_visit(&stay)).await.ok();
    let exact = ("c", "XA", "3", "0.3333333333333333333333333333", "1.00");
    world.send("2301", inpatient_lines(&stay, &[exact])).await.ok();
}

#[tokio::test]
async fn a_negative_line_stays_within_its_original() {
    let world = World::new().await;
    let stay = admitted(&world).await;
    world.send("2301", inpatient_lines(&stay, STAY_LINES)).await.ok();
    for (original, item, quantity, total, words) in [
        ("77", "XA", "-1", "-10.00", "没有原明细77"),
        ("1", "XB", "-1", "-10.00", "项目不同"),
        ("1", "XA", "-3", "-30.00", "只余数量2、金额20.00"),
    ] {
        let text = world.send("2301", negative_line(&stay, "n", original, item, quantity, total)).await.refused(409);
        assert!(text.contains(words), "{text}");
    }
    world.send("2301", negative_line(&stay, "n1", "1", "XA", "-1", "-10.00")).await.ok();
    let text = world.send("2301", negative_line(&stay, "n2", "1", "XA", "-2", "-20.00")).await.refused(409);
    assert!(text.contains("只余数量1、金额10.00"), "{text}");
    world.send("2301", negative_line(&stay, "n2", "1", "XA", "-1", "-10.00")).await.ok();
    world.send("2303", settle_stay(&stay, "329.99")).await.ok();
}

#[tokio::test]
async fn settlements_that_cannot_be_are_refused_and_nothing_is_sent() {
    let world = World::new().await;
    let stay = discharged(&world).await;
    world.send("2304", settle_stay(&stay, "-1.00")).await.refused(106);
    let text = world.send("2304", settle_stay(&stay, "350.00")).await.refused(406);
    assert!(text.contains("350.00") && text.contains("349.99"), "{text}");
    world.send("2304", settle_stay("7", STAY_TOTAL)).await.refused(401);
    let mut other = settle_stay(&stay, STAY_TOTAL);
    other["data"]["psn_no"] = json!("9");
    world.send("2304", other).await.refused(401);
    world.send("2207", settle_visit(&stay, "B1", "11", STAY_TOTAL)).await.refused(106);
    world.send("2305", of_settlement(&stay, "7")).await.refused(601);
    world.send("5203", json!({"data": {"psn_no": PERSON}})).await.refused(105);
    assert!(world.hub.received().is_empty());
}

#[tokio::test]
async fn an_item_that_the_catalogue_does_not_have_is_self_paid_with_a_warning() {
    let world = World::new().await;
    let stay = admitted(&world).await;
    let charged = world.send("2301", inpatient_lines(&stay, &[("q", "NEW", "1", "7", "7.00")])).await.ok();
    assert_eq!(text(&charged["output"]["result"][0], "fulamt_ownpay_amt"), "7.00");
    assert!(text(&charged, "warn_msg").contains('q'));
}
