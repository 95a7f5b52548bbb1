//! What may follow what.

use his::config::{Discharge, Profile};
use serde_json::json;

use crate::requests::*;
use crate::world::{PERSON, World};

#[tokio::test]
async fn a_stay_is_discharged_before_it_is_settled() {
    let world = World::new().await;
    let stay = admitted(&world).await;
    world.send("2304", settle_stay(&stay, STAY_TOTAL)).await.refused(403);
    world.send("2402", discharge(&stay)).await.ok();
    world.send("2304", settle_stay(&stay, STAY_TOTAL)).await.refused(405);
    world.send("2405", of_visit(&stay)).await.ok();
    world.send("2405", of_visit(&stay)).await.refused(403);
}

#[tokio::test]
async fn some_institutions_settle_before_the_discharge_is_told() {
    let later = Profile { discharge: Discharge::Later, ..Profile::default() };
    let world = World::with_profile(later).await;
    let stay = admitted(&world).await;
    world.send("2301", inpatient_lines(&stay, STAY_LINES)).await.ok();
    let mut request = settle_stay(&stay, STAY_TOTAL);
    request["data"]["dscgTime"] = json!("2025-06-19");
    world.send("2304", request).await.ok();
    assert_eq!(world.hub.last_settle().encounter.discharged.map(|day| day.to_string()), Some("2025-06-19".into()));
}

#[tokio::test]
async fn an_admission_is_taken_back_only_when_nothing_rests_on_it() {
    let world = World::new().await;
    let stay = admitted(&world).await;
    world.send("2301", inpatient_lines(&stay, STAY_LINES)).await.ok();
    world.send("2404", of_visit(&stay)).await.refused(404);
    let all = json!({"data": [{"feedetl_sn": "0000", "mdtrt_id": stay, "psn_no": PERSON}]});
    world.send("2302", all).await.ok();
    world.send("2404", of_visit(&stay)).await.ok();
    for (infno, input) in [
        ("2301", inpatient_lines(&stay, STAY_LINES)),
        ("2402", discharge(&stay)),
        ("2304", settle_stay(&stay, STAY_TOTAL)),
        ("2404", of_visit(&stay)),
    ] {
        world.send(infno, input).await.refused(402);
    }
}

#[tokio::test]
async fn a_line_is_withdrawn_only_with_what_takes_it_back() {
    let world = World::new().await;
    let stay = admitted(&world).await;
    world.send("2301", inpatient_lines(&stay, STAY_LINES)).await.ok();
    world.send("2301", negative_line(&stay, "5", "1", "XA", "-2", "-20.00")).await.ok();
    let named = |numbers: &[&str]| {
        let rows: Vec<_> =
            numbers.iter().map(|number| json!({"feedetl_sn": number, "mdtrt_id": stay, "psn_no": PERSON})).collect();
        json!({"data": rows})
    };
    world.send("2302", named(&["7"])).await.refused(407);
    world.send("2302", named(&["1"])).await.refused(404);
    world.send("2302", named(&["1", "5"])).await.ok();
    world.send("2303", settle_stay(&stay, "329.99")).await.ok();
    world.send("2301", inpatient_lines(&stay, &STAY_LINES[..1])).await.ok();
}

#[tokio::test]
async fn a_stay_is_corrected() {
    let world = World::new().await;
    let stay = admitted(&world).await;
    let change = json!({"adminfo": {"mdtrt_id": stay, "psn_no": PERSON, "begntime": "2025-06-09 20:00:00",
        "med_type": "2101", "exp_content": {"IPT_TYPE": "2"}}});
    world.send("2403", change).await.ok();
    world.send("2301", inpatient_lines(&stay, STAY_LINES)).await.ok();
    world.send("2402", discharge(&stay)).await.ok();
    world.send("2304", settle_stay(&stay, STAY_TOTAL)).await.ok();
    let encounter = world.hub.last_settle().encounter;
    assert_eq!((encounter.admitted.to_string(), encounter.marks.emergency), ("2025-06-09".into(), true));
}
