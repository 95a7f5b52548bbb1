//! A stay from admission to settlement and back.

use serde_json::json;

use crate::requests::*;
use crate::world::{PERSON, World};

#[tokio::test]
async fn a_stay_is_estimated_settled_and_cancelled() {
    let world = World::new().await;
    let stay = admitted(&world).await;
    let charged = world.send("2301", inpatient_lines(&stay, STAY_LINES)).await.ok();
    let rows = charged["output"]["result"].as_array().expect("an array");
    for (row, (ceiling, share, parts, level)) in rows.iter().zip([
        ("999999", "0", ["0.00", "0.00", "0.00", "20.00"], "01"),
        ("999999", "0.10", ["0.00", "0.00", "10.00", "89.99"], "02"),
        ("40", "0", ["0.00", "40.00", "0.00", "160.00"], "01"),
        ("999999", "1", ["30.00", "0.00", "0.00", "0.00"], "03"),
    ]) {
        assert_eq!((text(row, "pric_uplmt_amt"), text(row, "selfpay_prop")), (ceiling.into(), share.into()));
        let names = ["fulamt_ownpay_amt", "overlmt_amt", "preselfpay_amt", "inscp_scp_amt"];
        assert_eq!(names.map(|name| text(row, name)), parts, "{row}");
        assert_eq!(text(row, "chrgitm_lv"), level);
    }
    let estimate = world.send("2303", settle_stay(&stay, STAY_TOTAL)).await.ok();
    assert!(estimate["output"]["setlinfo"].get("setl_id").is_none());
    world.send("2402", discharge(&stay)).await.ok();
    let message = world.new_message();
    let settled = world.send_as(&message, "2304", settle_stay(&stay, STAY_TOTAL)).await.ok();
    let info = &settled["output"]["setlinfo"];
    for (name, expected) in [
        ("mdtrt_id", stay.as_str()),
        ("psn_no", PERSON),
        ("medfee_sumamt", "349.99"),
        ("fulamt_ownpay_amt", "30.00"),
        ("overlmt_selfpay", "40.00"),
        ("preselfpay_amt", "10.00"),
        ("inscp_scp_amt", "269.99"),
        ("hifp_pay", "215.99"),
        ("fund_pay_sumamt", "215.99"),
        ("psn_cash_pay", "134.00"),
        ("pdn_cash_pay", "134.00"),
        ("psn_part_amt", "134.00"),
        ("acct_pay", "0.00"),
        ("hosp_part_amt", "0.00"),
        ("balc", "88.00"),
        ("medins_setl_id", message.as_str()),
        ("clr_optins", "310000"),
        ("clr_type", "21"),
        ("setl_time", "2025-06-20 10:00:00"),
    ] {
        assert_eq!(text(info, name), expected, "{name}");
    }
    assert!(settled["warn_msg"].is_null(), "{settled}");
    assert_eq!(settled["output"]["setldetail"][0]["fund_pay_type"], json!("310100"));
    let settlement = text(info, "setl_id");
    assert_eq!(settlement.len(), 30);

    let cancelled = world.send("2305", of_settlement(&stay, &settlement)).await.ok();
    let info = &cancelled["output"]["setlinfo"];
    assert_ne!(text(info, "setl_id"), settlement);
    assert_eq!((text(info, "medfee_sumamt"), text(info, "psn_cash_pay")), ("-349.99".into(), "-134.00".into()));
    world.send("2305", of_settlement(&stay, &settlement)).await.refused(602);
    assert_eq!(world.hub.in_force(), 0);
}

#[tokio::test]
async fn an_estimate_says_what_filing_is_worth_where_it_is_asked() {
    let world = World::new().await;
    let stay = admitted(&world).await;
    world.send("2301", inpatient_lines(&stay, STAY_LINES)).await.ok();
    let plain = world.send("2303", settle_stay(&stay, STAY_TOTAL)).await.ok();
    assert!(plain["warn_msg"].is_null(), "{plain}");
    let mut asking = settle_stay(&stay, STAY_TOTAL);
    asking["data"]["exp_content"] = json!("{\"WHAT_IF\":\"referral,none\"}");
    let told = world.send("2303", asking.clone()).await.ok();
    let [referred, unfiled] = what_if(&told["output"]["setlinfo"]);
    assert_eq!((text(&referred, "filing"), text(&referred, "name")), ("referral".into(), "转诊备案".into()));
    assert_eq!((text(&referred, "hifp_pay"), text(&referred, "psn_cash_pay")), ("215.99".into(), "134.00".into()));
    assert_eq!((text(&unfiled, "filing"), &unfiled["err_code"]), ("none".into(), &json!(505)));
    let words = "转诊备案基金付215.99、账户付0.00、现金134.00;未备案[505]未办理异地就医备案";
    assert!(text(&told, "warn_msg").contains(words), "{told}");

    world.hub.set_unfiled();
    let refused = world.send("2303", asking.clone()).await.0;
    assert_eq!(refused["infcode"], json!(-1));
    assert!(text(&refused, "err_msg").starts_with("[505]") && text(&refused, "warn_msg").contains(words), "{refused}");
    let [referred, _] = what_if(&refused["output"]);
    assert_eq!(text(&referred, "hifp_pay"), "215.99");
    let refused = world.send("2303", settle_stay(&stay, STAY_TOTAL)).await.0;
    assert!(refused["output"].is_null(), "who did not ask is not told: {refused}");

    asking["data"]["exp_content"] = json!({ "WHAT_IF": "filed" });
    let told = world.send("2303", asking.clone()).await.refused(106);
    assert!(told.contains("exp_content.WHAT_IF") && told.contains("long-term"), "{told}");
    world.send("2402", discharge(&stay)).await.ok();
    let settled = world.send("2304", asking).await.ok();
    assert!(settled["warn_msg"].is_null(), "settling asks for nothing else: {settled}");
}

fn what_if(node: &serde_json::Value) -> [serde_json::Value; 2] {
    let bag: serde_json::Value = serde_json::from_str(&text(node, "exp_content")).expect("a JSON text");
    bag["what_if"].as_array().expect("a list").clone().try_into().expect("two footings")
}

#[tokio::test]
async fn the_home_region_gets_sums_by_category_and_the_stays_facts() {
    let world = World::new().await;
    let stay = discharged(&world).await;
    world.send("2304", settle_stay(&stay, STAY_TOTAL)).await.ok();
    let settle = world.hub.last_settle();
    let sums: Vec<_> = settle
        .bill
        .categories()
        .iter()
        .map(|sum| {
            let parts = [sum.class_a, sum.class_b, sum.class_c, sum.over_limit];
            (sum.category.number(), parts.map(|part| part.fen()))
        })
        .collect();
    assert_eq!(sums, [(1, [16_000, 0, 0, 4_000]), (9, [2_000, 9_999, 0, 0]), (14, [0, 0, 3_000, 0])]);
    assert!(settle.bill.lines().is_empty());
    assert_eq!(settle.home.to_string(), "410700");
    assert_eq!(settle.encounter.admitted.to_string(), "2025-06-10");
    assert_eq!(settle.encounter.discharged.map(|day| day.to_string()), Some("2025-06-18".into()));
    assert_eq!(
        (settle.encounter.area.to_string(), settle.encounter.pool.to_string()),
        ("310106".into(), "310000".into())
    );
}

#[tokio::test]
async fn a_drug_is_returned_after_discharge() {
    let world = World::new().await;
    let stay = discharged(&world).await;
    let settled = world.send("2304", settle_stay(&stay, STAY_TOTAL)).await.ok();
    let settlement = text(&settled, "output.setlinfo.setl_id");
    let back = negative_line(&stay, "5", "1", "XA", "-1", "-10.00");
    assert!(world.send("2301", back.clone()).await.refused(402).contains("出院"));
    assert!(world.send("2405", of_visit(&stay)).await.refused(404).contains(&settlement));
    world.send("2305", of_settlement(&stay, &settlement)).await.ok();
    world.send("2405", of_visit(&stay)).await.ok();
    let row = world.send("2301", back).await.ok();
    assert_eq!(text(&row["output"]["result"][0], "inscp_scp_amt"), "-10.00");
    world.send("2402", discharge(&stay)).await.ok();
    world.send("2304", settle_stay(&stay, STAY_TOTAL)).await.refused(406);
    let again = world.send("2304", settle_stay(&stay, "339.99")).await.ok();
    assert_eq!(text(&again, "output.setlinfo.inscp_scp_amt"), "259.99");
}

#[tokio::test]
async fn a_mid_way_settlement_takes_the_lines_so_far_and_the_last_one_the_rest() {
    let world = World::new().await;
    let stay = admitted(&world).await;
    world.send("2301", inpatient_lines(&stay, &STAY_LINES[..2])).await.ok();
    let mut interim = settle_stay(&stay, "119.99");
    interim["data"]["mid_setl_flag"] = json!(1);
    let first = world.send("2304", interim.clone()).await.ok();
    assert!(world.hub.last_settle().encounter.interim);
    world.send("2301", inpatient_lines(&stay, &STAY_LINES[2..])).await.ok();
    world.send("2302", json!({"data": [{"feedetl_sn": "1", "mdtrt_id": stay, "psn_no": PERSON}]})).await.refused(404);
    world.send("2402", discharge(&stay)).await.ok();
    let last = world.send("2304", settle_stay(&stay, "230.00")).await.ok();
    assert_eq!(text(&last, "output.setlinfo.medfee_sumamt"), "230.00");
    // After the first is cancelled its lines are open again; the last one stays.
    world.send("2305", of_settlement(&stay, &text(&first, "output.setlinfo.setl_id"))).await.ok();
    let both = world.send("5203", of_visit(&stay)).await.ok();
    assert_eq!(text(&both, "output.setlinfo.setl_id"), text(&last, "output.setlinfo.setl_id"));
}

#[tokio::test]
async fn a_settlement_that_differs_from_its_estimate_says_why() {
    let world = World::new().await;
    let stay = discharged(&world).await;
    world.send("2303", settle_stay(&stay, STAY_TOTAL)).await.ok();
    world.send("2405", of_visit(&stay)).await.ok();
    world.send("2301", inpatient_lines(&stay, &[("9", "XA", "1", "10", "10.00")])).await.ok();
    world.send("2402", discharge(&stay)).await.ok();
    let settled = world.send("2304", settle_stay(&stay, "359.99")).await.ok();
    let warning = text(&settled, "warn_msg");
    assert!(
        warning.contains("134.00") && warning.contains("136.00") && warning.contains("费用明细有变化"),
        "{warning}"
    );

    let stay = discharged(&world).await;
    world.send("2303", settle_stay(&stay, STAY_TOTAL)).await.ok();
    world.hub.set_percent(50);
    let settled = world.send("2304", settle_stay(&stay, STAY_TOTAL)).await.ok();
    let warning = text(&settled, "warn_msg");
    assert!(warning.contains("134.00") && warning.contains("215.00") && warning.contains("年度累计"), "{warning}");
}

#[tokio::test]
async fn an_admission_without_a_filing_is_accepted_with_a_warning() {
    let world = World::new().await;
    let warned = world.send("2401", admission()).await.ok();
    assert!(text(&warned, "warn_msg").contains("备案"));
    let mut emergency = admission();
    emergency["mdtrtinfo"]["exp_content"] = json!("{\"IPT_TYPE\":\"2\"}");
    assert!(world.send("2401", emergency).await.ok()["warn_msg"].is_null());
    world.hub.set_filed();
    assert!(world.send("2401", admission()).await.ok()["warn_msg"].is_null());
}
