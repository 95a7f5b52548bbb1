//! Outpatient visits, chronic care, purchases, and what a desk looks up beside them.

use serde_json::{Value, json};
use settlement::encounter::CareKind;

use crate::requests::*;
use crate::world::{PERSON, PHARMACY, World, envelope};

const LINES: &[Line] = &[("yp1", "XA", "2", "10", "20.00"), ("yp2", "XB", "1", "30.00", "30.00")];

#[tokio::test]
async fn a_visit_is_settled_by_batch_with_its_lines() {
    let world = World::new().await;
    let visit = registered(&world, "11").await;
    world.send("2204", outpatient_lines(&visit, "B1", "", LINES)).await.ok();
    let other = [("yp3", "XC", "1", "5", "5.00")];
    world.send("2204", outpatient_lines(&visit, "B2", "", &other)).await.ok();
    world.send("2206A", settle_visit(&visit, "B1", "11", "50.00")).await.ok();
    let settled = world.send("2207A", settle_visit(&visit, "B1", "11", "50")).await.ok();
    let info = &settled["output"]["setlinfo"];
    for (name, expected) in [
        ("medfee_sumamt", "50.00"),
        ("preselfpay_amt", "3.00"),
        ("inscp_scp_amt", "47.00"),
        ("fund_pay_sumamt", "37.60"),
        ("acct_pay", "6.20"),
        ("psn_cash_pay", "6.20"),
        ("psn_part_amt", "12.40"),
        ("clr_type", "11"),
    ] {
        assert_eq!(text(info, name), expected, "{name}");
    }
    let detail: Vec<String> = settled["output"]["setldetail"]
        .as_array()
        .expect("an array")
        .iter()
        .map(|row| format!("{} {}", text(row, "fund_pay_type"), text(row, "fund_payamt")))
        .collect();
    assert_eq!(detail, ["310100 37.60", "310200 6.20"]);
    let settle = world.hub.last_settle();
    assert_eq!((settle.encounter.care, settle.bill.lines().len()), (CareKind::Outpatient, 2));
    assert_eq!(settle.encounter.discharged, Some(settle.encounter.admitted));

    let settlement = text(info, "setl_id");
    let refused = world.send("2207", settle_visit(&visit, "B1", "11", "50.00")).await.refused(512);
    assert!(refused.contains(&settlement), "{refused}");
    let batch = |batch: &str| json!({"data": {"mdtrt_id": visit, "chrg_bchno": batch, "psn_no": PERSON}});
    world.send("2205", batch("B1")).await.refused(404);
    world.send("2205", batch("0000")).await.ok();
    world.send("2207", settle_visit(&visit, "B2", "11", "5.00")).await.refused(405);
    world.send("2202", of_visit(&visit)).await.refused(404);
    world.send("2208", of_settlement(&visit, &settlement)).await.ok();
    world.send("2205", batch("B1")).await.ok();
    world.send("2202", of_visit(&visit)).await.ok();
    world.send("2204", outpatient_lines(&visit, "B3", "", LINES)).await.refused(402);
}

#[tokio::test]
async fn a_settled_batch_leaves_the_lines_of_earlier_batches_free() {
    let world = World::new().await;
    let visit = registered(&world, "11").await;
    let first = world.new_message();
    world.send_as(&first, "2204", outpatient_lines(&visit, "B1", "", &LINES[..1])).await.ok();
    world.send("2204", outpatient_lines(&visit, "B3", "", &[("yp4", "XA", "1", "10", "10.00")])).await.ok();
    world.send("2204", outpatient_lines(&visit, "B2", "", &LINES[1..])).await.ok();
    world.send("2207", settle_visit(&visit, "B2", "11", "30.00")).await.ok();
    let negative = |number: &str, original: &str, item: &str, batch: &str, total: &str| {
        let mut line = negative_line(&visit, number, original, item, "-1", total);
        line["feedetail"]["chrg_bchno"] = json!(batch);
        line["feedetail"]["fee_ocur_time"] = json!("2025-06-20 09:20:00");
        line
    };
    let taking = world.new_message();
    world.send_as(&taking, "2204", negative("n1", "yp1", "XA", "B1", "-10.00")).await.ok();
    world.send("2601", reversal(&taking, "2204")).await.ok();
    world.send("2601", reversal(&first, "2204")).await.ok();
    let batch = |batch: &str| json!({"data": {"mdtrt_id": visit, "chrg_bchno": batch, "psn_no": PERSON}});
    world.send("2205", batch("B3")).await.ok();
    world.send("2205", batch("B2")).await.refused(404);
}

#[tokio::test]
async fn chronic_care_is_settled_under_one_disease_that_the_institution_is_opened_for() {
    let world = World::new().await;
    let visit = registered(&world, "14").await;
    for (batch, disease, code) in [("B1", "", Some(506)), ("B2", "M07801", Some(205)), ("B3", "M03900", None)] {
        let line =
            [(["a", "b", "c"][usize::from(batch == "B2") + 2 * usize::from(batch == "B3")], "XA", "2", "10", "20.00")];
        world.send("2204", outpatient_lines(&visit, batch, disease, &line)).await.ok();
        let answer = world.send("2207", settle_visit(&visit, batch, "14", "20.00")).await;
        match code {
            Some(code) => drop(answer.refused(code)),
            None => drop(answer.ok()),
        }
    }
    let settle = world.hub.last_settle();
    assert_eq!(settle.encounter.care, CareKind::Chronic);
    assert_eq!(settle.encounter.disease.map(|disease| disease.to_string()), Some("M03900".into()));
    let filed = world.send("5301", json!({"data": {"psn_no": PERSON}})).await.ok();
    assert_eq!(text(&filed["output"]["feedetail"][0], "opsp_dise_code"), "M03900");
}

#[tokio::test]
async fn a_purchase_is_settled_at_a_pharmacy() {
    let world = World::new().await;
    let at_pharmacy = |infno: &str, input| {
        let mut message = envelope(&world.new_message(), infno, input);
        message["fixmedins_code"] = json!(PHARMACY);
        message
    };
    let registration = json!({"data": {"psn_no": PERSON, "insutype": "310", "begntime": "20250620090000"}});
    let visit = text(&world.send_envelope(at_pharmacy("2201", registration)).await.ok(), "output.data.mdtrt_id");
    world.send_envelope(at_pharmacy("2204", outpatient_lines(&visit, "B1", "", LINES))).await.ok();
    let wrong = world.send_envelope(at_pharmacy("2207", settle_visit(&visit, "B1", "11", "50.00"))).await;
    wrong.refused(204);
    let settled = world.send_envelope(at_pharmacy("2207", settle_visit(&visit, "B1", "41", "50.00"))).await.ok();
    assert_eq!(text(&settled, "output.setlinfo.clr_type"), "41");
    assert_eq!(world.hub.last_settle().encounter.care, CareKind::Purchase);
}

#[tokio::test]
async fn a_person_is_looked_up_and_named_in_settlements() {
    let world = World::new().await;
    let look_up =
        |document: &str| json!({"data": {"mdtrt_cert_type": "02", "mdtrt_cert_no": document, "psn_name": ""}});
    world.send("1101", look_up("1")).await.refused(501);
    let found = world.send("1101", look_up("410702196001010011")).await.ok();
    assert_eq!(text(&found, "output.baseinfo.psn_no"), PERSON);
    assert_eq!(found["output"]["baseinfo"]["age"], json!(65));
    assert_eq!(text(&found["output"]["insuinfo"][0], "balc"), "1234.56");
    assert_eq!(text(&found["output"]["insuinfo"][0], "insutype"), "310");
    assert_eq!(text(&found["output"]["insuinfo"][1], "psn_insu_stas"), "2");
    let told: Value = serde_json::from_str(&text(&found, "output.baseinfo.exp_content")).expect("a JSON text");
    let held = json!({ "insutype": "390", "benefits_from": "2025-08-10", "held_back_by": "310" });
    assert_eq!(told, json!({ "no_benefits": [held] }));
    assert_eq!(text(&found["output"]["idetinfo"][0], "memo"), "低保对象");
    let stay = discharged(&world).await;
    let settled = world.send("2304", settle_stay(&stay, STAY_TOTAL)).await.ok();
    assert_eq!(text(&settled, "output.setlinfo.psn_name"), "张建国");
    assert_eq!(text(&settled, "output.setlinfo.psn_type"), "12");
    let totals = world.send("5206", json!({"data": {"psn_no": PERSON, "cum_ym": ""}})).await.ok();
    assert_eq!(text(&totals["output"]["cuminfo"][0], "cum"), "1234.00");
    assert_eq!(text(&totals["output"]["cuminfo"][0], "cum_type_code"), "D31001");
}

#[tokio::test]
async fn a_clerk_signs_in_and_out() {
    let world = World::new().await;
    let signed = world.send("9001", json!({"signIn": {"opter_no": "001", "mac": "", "ip": ""}})).await.ok();
    let number = text(&signed, "output.signinoutb.sign_no");
    assert!(number.len() <= 30);
    let out = json!({"signOut": {"sign_no": number, "opter_no": "001"}});
    world.send("9002", out).await.ok();
    world.send("9002", json!({"signOut": {"sign_no": "7", "opter_no": "001"}})).await.refused(106);
}
