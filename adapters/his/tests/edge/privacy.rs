//! No name and no document number in any log at any level, nor in what leaves for the hub to keep. The main diagnosis
//! leaves by its code, since rules at home depend on it, and is in no log either.

use serde_json::json;

use crate::fake_hub::Turn;
use crate::log;
use crate::requests::*;
use crate::world::World;

const SECRETS: &[&str] = &["张建国", "410702196001010011", "高血压病"];
const MAIN_DIAGNOSIS: &str = "I10.x00";

#[tokio::test]
async fn nobody_is_named_in_logs_or_operations() {
    let world = World::new().await;
    let look_up = json!({"data": {"mdtrt_cert_type": "02", "mdtrt_cert_no": "410702196001010011",
        "certno": "410702196001010011", "psn_name": "张建国"}});
    world.send("1101", look_up).await.ok();
    let stay = discharged(&world).await;
    let mut request = settle_stay(&stay, STAY_TOTAL);
    request["data"]["psn_name"] = json!("张建国");
    request["data"]["certno"] = json!("410702196001010011");
    world.hub.next(Turn::AnswerLost);
    let message = world.new_message();
    world.send_as(&message, "2304", request).await.refused(703);
    world.send("5203", of_visit(&stay)).await.ok();
    world.send("2601", reversal(&message, "2304")).await.ok();
    world.post("/", &[], "{\"infno\":\"1101\",\"psn_name\":\"张建国\"".as_bytes()).await;

    let written = log::written();
    assert!(written.contains("refused 2304"), "the log is the one that is looked at");
    assert!(written.contains("TRACE"), "down to the lowest level");
    let operations = world.hub.received();
    assert_eq!(operations.len(), 2);
    let in_bytes = |bytes: &bytes::Bytes, text: &str| bytes.windows(text.len()).any(|part| part == text.as_bytes());
    for secret in SECRETS {
        assert!(!written.contains(secret), "{secret} is in the log");
        assert!(!operations.iter().any(|bytes| in_bytes(bytes, secret)), "{secret} is in an operation");
    }
    assert!(!written.contains(MAIN_DIAGNOSIS), "{MAIN_DIAGNOSIS} is in the log");
    assert!(in_bytes(&operations[0], MAIN_DIAGNOSIS), "the rules at home do not see the diagnosis");
}
