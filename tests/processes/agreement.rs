//! A day that all three books agree on, signed by all three, and checked with the authority's certificate alone.

use std::path::Path;
use std::process::Command;

use clearing::certificate::Agreement;
use identity::signing::Signer;
use jiff::civil::date;
use ledger::leaves::Scope;
use world::hospital::Hospital;
use world::{EMPLOYEE, World, eventually};

async fn certified(world: &World, version: u32) -> bool {
    let listed =
        world.line().hub.store().certificate_list((date(2025, 6, 1), date(2025, 6, 30)), Scope::default()).await;
    let certificates = listed.expect("certificates");
    let newest = certificates.iter().filter(|certificate| certificate.agreement.version == version);
    newest.clone().count() == 1 && newest.clone().all(|certificate| certificate.signatures.len() == 3)
}

/// Compares and certifies as the jobs do, which by themselves wait for the day to end.
async fn compare(world: &World) {
    let (hub, days) = (world.line().hub.hub(), (date(2025, 6, 1), date(2025, 6, 30)));
    for (home, pools) in hub.compared_homes() {
        for pool in pools {
            hub.compare(home, pool, days).await.expect("both can be read");
        }
    }
    let treatment = world.line().treatment.comparing();
    treatment.compare(days).await.expect("both can be read");
    let signer = Signer::load(&world.line().credentials("hub")).expect("a signer");
    hub.certify(&signer, days, None).await.expect("they are certified");
    treatment.compare(days).await.expect("they are signed");
}

fn yidi(arguments: &[&str]) -> (bool, String) {
    let ran = Command::new(env!("CARGO_BIN_EXE_yidi")).args(arguments).output().expect("it runs");
    let told = [ran.stdout, ran.stderr].concat();
    (ran.status.success(), String::from_utf8_lossy(&told).into_owned())
}

fn verify(file: &Path, ca: &Path) -> (bool, String) {
    yidi(&["reconcile", "verify-certificate", &file.display().to_string(), "--ca", &ca.display().to_string()])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_on_which_all_books_agree_is_signed_by_all_and_a_late_entry_makes_the_next_version() {
    let world = World::start().await;
    let filings = world.deploy().join("demo/filings.csv");
    yidi_filings(&world, &filings).await;
    let hospital = Hospital::new(world.desk());
    settle(&hospital, ("2025-05-02", "2025-05-05")).await;
    compare(&world).await;
    eventually("all three have signed", || certified(&world, 1)).await;
    settle(&hospital, ("2025-06-02", "2025-06-05")).await;
    compare(&world).await;
    eventually("all three have signed the next version", || certified(&world, 2)).await;

    let (hub, operator) = (world.line().hub.address().to_string(), world.line().operator());
    let (out, ca) = (world.deploy().join("certificates"), operator.join("ca.pem"));
    let (operator, folder) = (operator.display().to_string(), out.display().to_string());
    let days = ["--from", "2025-06-01", "--to", "2025-06-30", "--out", &folder];
    let written =
        yidi(&[&["reconcile", "certificates", "--hub", &hub, "--credentials", &operator], &days[..]].concat());
    assert!(written.0, "{}", written.1);
    let second = out.join("2025-06-20-410700-310000-v2.json");
    let (holds, told) = verify(&second, &ca);
    assert!(holds, "{told}");
    let text = std::fs::read_to_string(&second).expect("a certificate");
    let first = std::fs::read_to_string(out.join("2025-06-20-410700-310000-v1.json")).expect("a certificate");
    let read = |file: &str| {
        let value: serde_json::Value = serde_json::from_str(file).expect("JSON");
        Agreement::read(value["text"].as_str().expect("a text")).expect("a certificate")
    };
    assert_eq!((read(&text).operations, read(&text).replaces), (2, Some(read(&first).root)));

    let altered = out.join("altered.json");
    std::fs::write(&altered, text.replace("业务笔数: 2", "业务笔数: 3")).expect("a file");
    let (holds, told) = verify(&altered, &ca);
    assert!(!holds && told.matches('✗').count() == 3, "{told}");
}

async fn yidi_filings(world: &World, filings: &Path) {
    let refused = yidi::filing::lodge_all(&world.operator(), filings).await.expect("the file can be read");
    assert!(refused.is_empty(), "{refused:?}");
}

async fn settle(hospital: &Hospital, days: (&str, &str)) {
    let stay = hospital.stay_between(&EMPLOYEE, "8000.00", days).await;
    let reply = hospital.send(&hospital.settle_message(&EMPLOYEE, &stay, "8000.00")).await;
    assert!(reply.succeeded(), "{}", reply.text("/err_msg"));
}
