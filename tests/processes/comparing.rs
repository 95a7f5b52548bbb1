//! Comparing books when an operator asks for it, of both kinds, while every node serves.

use std::process::Command;

use jiff::civil::date;
use ledger::leaves::Scope;
use serde_json::{Value, json};
use world::hospital::Hospital;
use world::{EMPLOYEE, World, eventually, pool};

/// Runs `yidi reconcile`, and gives its exit code and what it told.
async fn reconcile(world: &World, arguments: &[&str]) -> (Option<i32>, String) {
    let (hub, operator) = (world.line().hub.address().to_string(), world.line().operator().display().to_string());
    let mut yidi = Command::new(env!("CARGO_BIN_EXE_yidi"));
    yidi.arg("reconcile").args(arguments).args(["--hub", &hub, "--credentials", &operator]);
    let ran = tokio::task::spawn_blocking(move || yidi.output().expect("it runs")).await.expect("it ends");
    (ran.status.code(), String::from_utf8_lossy(&[ran.stdout, ran.stderr].concat()).into_owned())
}

fn told(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|fault| panic!("{fault}: {text}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_has_both_kinds_of_books_compared_while_all_serve() {
    let mut world = World::start_with_filings().await;
    let hospital = Hospital::new(world.desk());
    let stay = hospital.stay_between(&EMPLOYEE, "8000.00", ("2025-05-02", "2025-05-05")).await;
    let settled = hospital.send(&hospital.settle_message(&EMPLOYEE, &stay, "8000.00")).await;
    assert!(settled.succeeded(), "{}", settled.text("/err_msg"));

    let (home, treatment) = (["--home", "410700"], ["--treatment", "310000"]);
    let agrees = |books| json!({ "books": books, "agreed": 1, "breaks": 0, "pending": 0, "compared": true });
    let day = [&["day", "2025-06-20", "--json"], &home[..], &treatment[..]].concat();
    let (code, text) = reconcile(&world, &day).await;
    assert_eq!((code, told(&text)), (Some(0), json!([agrees("treatment-hub"), agrees("hub-home")])));
    let days = [&["days", "--from", "2025-06-01", "--to", "2025-06-20", "--json"], &treatment[..]].concat();
    let (code, text) = reconcile(&world, &days).await;
    assert_eq!((code, told(&text)), (Some(0), json!([agrees("treatment-hub")])));

    // An answer is lost on its way back from home, and no desk asks for it: the run that is asked for fetches it.
    world.lose_answers(pool(EMPLOYEE.home));
    let stay = hospital.stay_between(&EMPLOYEE, "500.00", ("2025-06-02", "2025-06-05")).await;
    let lost = hospital.send(&hospital.settle_message(&EMPLOYEE, &stay, "500.00")).await;
    assert!(lost.text("/err_msg").starts_with("[703]"), "{}", lost.text("/err_msg"));
    world.line_mut().kill_home(pool(EMPLOYEE.home)).expect("it runs");
    world.mend(pool(EMPLOYEE.home));
    world.line_mut().restart_home(pool(EMPLOYEE.home)).await.expect("it starts again");
    let hub = world.line().hub.store().clone();
    eventually("the hub has asked", || async { hub.counts().await.is_ok_and(|counts| counts.unanswered == 0) }).await;
    let (code, text) = reconcile(&world, &day).await;
    assert_eq!((code, told(&text)), (Some(0), json!([agrees("treatment-hub"), agrees("hub-home")])));
    let days = (date(2025, 6, 20), date(2025, 6, 20));
    let ended = hub.break_ended(days, Scope::default()).await.expect("a list");
    let ended: Vec<_> = ended.iter().filter_map(|ended| Some(ended.end.as_ref()?.by.as_str())).collect();
    assert_eq!(ended, ["rule fetch-answer"]);

    for (arguments, wrong) in [
        (&["day", "2025-06-20"][..], "--home"),
        (&["day", "2025-06-31", "--treatment", "310000"], "from"),
        (&["day", "2025-06-20", "--treatment", "999999"], "treatment"),
    ] {
        let (code, text) = reconcile(&world, arguments).await;
        assert!(code == Some(2) && text.contains(wrong), "{arguments:?}: {code:?} {text}");
    }

    let nobody = ["day", "2025-06-20", "--wait", "1", "--treatment", "411000"];
    let (code, text) = reconcile(&world, &nobody).await;
    assert!(code == Some(2) && text.contains("has not compared"), "nobody serves that pool: {code:?} {text}");
}
