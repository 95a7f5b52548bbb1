//! Who may speak, and in which clothing a message may come.

use his::config::{Gateway, InfcodeForm, Profile, Secret, SigningIn, TlsFiles};
use identity::credentials::{CHAIN_FILE, KEY_FILE, ROOTS_FILE};
use serde_json::json;

use crate::http;
use crate::requests::*;
use crate::world::{PERSON, World, envelope};

#[tokio::test]
async fn a_scheme_is_asked_of_its_institution() {
    let world = World::with(|config| {
        let key = Gateway::Apikey { key: Secret::new("k"), header: "apikey".into() };
        let csb = Gateway::Csb { access_key: "ak".into(), secret: Secret::new("s") };
        config.gateways = [("*".to_owned(), key), ("P31010400108".to_owned(), csb)].into();
    })
    .await;
    let mut message = envelope(&world.new_message(), "5301", json!({"data": {"psn_no": PERSON}}));
    let body = message.to_string();
    let refused = world.post("/", &[], body.as_bytes()).await;
    assert_eq!((refused.status, &refused.body["infcode"]), (200, &json!(-1)));
    assert!(refused.body["err_msg"].as_str().is_some_and(|text| text.starts_with("[103]")));
    let taken = world.post("/", &[("apikey", "k")], body.as_bytes()).await;
    assert_eq!(taken.body["infcode"], json!(0));
    message["fixmedins_code"] = json!("P31010400108");
    let refused = world.post("/", &[("apikey", "k")], message.to_string().as_bytes()).await;
    assert_eq!((refused.status, &refused.body["code"]), (401, &json!(401)));
}

#[tokio::test]
async fn a_message_may_come_under_any_type_and_path_and_with_its_fields_in_the_input_itself() {
    let world = World::new().await;
    let mut message = envelope("m1", "", json!({"psn_no": PERSON}));
    message["input"] = json!(message["input"].to_string());
    let types = ["text/plain; charset=utf-8", "application/x-www-form-urlencoded", "application/json"];
    for (kind, path) in types.iter().zip(["/5301", "/ebus/x/fsi/api/rsfComIfsService/callService/5301", "/a/5301A"]) {
        let answer = world.post(path, &[("content-type", kind)], message.to_string().as_bytes()).await;
        assert_eq!(answer.body["infcode"], json!(0), "{answer:?}");
    }
    let answer = world.post("/CSB", &[("_api_name", "api_5301")], message.to_string().as_bytes()).await;
    assert_eq!(answer.body["infcode"], json!(0), "{answer:?}");
    let path = "/fsi/api/fsiIntegratedQueryService/queryPsnOpspReg";
    let answer = world.post(path, &[], message.to_string().as_bytes()).await;
    assert_eq!(answer.body["infcode"], json!(0), "{answer:?}");
}

#[tokio::test]
async fn hospitals_speak_https_with_tls_1_2_and_1_3() {
    let world = World::with(|config| {
        let file = |name: &str| config.credentials.join(name);
        config.tls = Some(TlsFiles { certificate: file(CHAIN_FILE), key: file(KEY_FILE) });
    })
    .await;
    let authority = world.config.credentials.join(ROOTS_FILE);
    let body = envelope("m1", "5301", json!({"data": {"psn_no": PERSON}})).to_string();
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let answer = http::post_tls(world.running().address(), &authority, version, body.as_bytes()).await;
        assert_eq!(answer.body["infcode"], json!(0), "{answer:?}");
    }
}

#[tokio::test]
async fn an_institutions_habits_are_kept() {
    let habits = Profile { infcode: InfcodeForm::Text, sign_in: SigningIn::Required, ..Profile::default() };
    let world = World::with_profile(habits).await;
    let message = world.new_message();
    let query = json!({"data": {"psn_no": PERSON}});
    let refused = world.send_as(&message, "5301", query.clone()).await.0;
    assert_eq!(refused["infcode"], json!("-1"));
    let signed = world.send("9001", json!({"signIn": {"opter_no": "001"}})).await.0;
    let mut signed_in = envelope(&message, "5301", query);
    signed_in["sign_no"] = json!(text(&signed, "output.signinoutb.sign_no"));
    assert_eq!(world.send_envelope(signed_in).await.0["infcode"], json!("0"));
}
