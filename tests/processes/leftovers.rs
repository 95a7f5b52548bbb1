//! The list of what may be carried over no further, decided by file as members do.

use std::process::Output;

use world::hospital::Hospital;
use world::{World, clear_uncompared};

use crate::operator::Operator;
use crate::statements::{HENAN, SHANGHAI, json as told, on, settle};

const LIST: [&str; 4] = ["clearing", "leftovers", "list", "--ended"];

/// How many of the list stand so.
async fn standing(henan: &Operator, standing: &str) -> usize {
    // That something is left is something to stop at.
    let listed = henan.output(&[&LIST[..], &["--json"]].concat()).await;
    let listed: Vec<serde_json::Value> = serde_json::from_slice(&listed.stdout).expect("rows");
    listed.iter().filter(|held| held["standing"] == standing).count()
}

async fn import(operator: &Operator, file: &str, seat: &str) -> Output {
    operator.output(&["clearing", "leftovers", "import", file, "--seat", seat]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_decisions_is_checked_whole_and_carried_out_once() {
    let world = World::start_with(clear_uncompared).await;
    let filings = world.deploy().join("demo/filings.csv");
    let refused = yidi::filing::lodge_all(&world.operator(), &filings).await.expect("the file can be read");
    assert!(refused.is_empty(), "{refused:?}");
    let hospital = Hospital::new(world.desk());
    let (centre, henan, shanghai) =
        (Operator::of_all(&world), Operator::of(&world, HENAN), Operator::of(&world, SHANGHAI));
    on(&world, &centre, "2025-06-20T10:00:00").await;
    let (_, first) = settle(&hospital, ("2025-06-01", "2025-06-02"), "8000.00").await;
    let (_, second) = settle(&hospital, ("2025-06-03", "2025-06-04"), "9000.00").await;
    for (month, next) in [("2025-06", "2025-07"), ("2025-07", "2025-08"), ("2025-08", "2025-09")] {
        on(&world, &centre, &format!("{next}-21T10:00:00")).await;
        let pair = ["--home", HENAN, "--treatment", SHANGHAI, "--side", "home", "--version", "1"];
        let of = ["--month", month, "--reason", "患者否认就医", &first, &second];
        henan.run(&[&["clearing", "object"], &pair[..], &of[..]].concat()).await;
    }
    assert_eq!(standing(&henan, "waiting").await, 2);

    let file = world.deploy().join("decisions.csv");
    let path = file.display().to_string();
    let header = "setl_id,part,act,verdict,reason\n";
    let write = |rows: &str| std::fs::write(&file, format!("{header}{rows}")).expect("a file");
    let unknown = "999999202506200000000000000001";
    for (rows, faults) in [
        (format!("{first},0,propose,clear,查实\n{second},0,propose,pay,查实\n"), vec![":3 verdict: "]),
        // What the hub would refuse, it is asked about before anything is done.
        (
            format!("{first},0,propose,clear,查实\n{unknown},0,propose,clear,查实\n{second},0,approve,clear,查实\n"),
            vec![":3 setl_id: it is not on the list", ":4 setl_id: nothing is proposed"],
        ),
    ] {
        write(&rows);
        let ran = import(&shanghai, &path, "treatment").await;
        let problem = String::from_utf8_lossy(&ran.stderr).into_owned();
        assert_eq!((ran.status.code(), ran.stdout.len()), (Some(2), 0), "{problem}");
        for fault in [&["nothing was decided"], &faults[..]].concat() {
            assert!(problem.contains(fault), "{fault}: {problem}");
        }
        assert_eq!(standing(&henan, "waiting").await, 2, "one faulty row, and nothing is done");
    }

    write(&format!("{first},0,propose,clear,查实\n{second},,propose,return,未能举证\n"));
    let ran = import(&shanghai, &path, "home").await;
    assert!(String::from_utf8_lossy(&ran.stderr).contains(":2 act: "), "nobody decides for the other side");
    let proposed = told(&shanghai, &["clearing", "leftovers", "import", &path, "--seat", "treatment"]).await;
    let rows = |standing| serde_json::json!([{ "line": 2, "standing": standing }, { "line": 3, "standing": standing }]);
    assert_eq!(proposed, rows("proposed"));
    let again = import(&shanghai, &path, "treatment").await;
    let words = String::from_utf8_lossy(&again.stdout).into_owned();
    assert!(again.status.success() && words.contains("2 decided, 0 refused"), "{words}");
    assert_eq!(standing(&henan, "proposed").await, 2);

    write(&format!("{first},0,approve,clear,查实\n{second},0,approve,return,同意退回\n"));
    for _ in 0..2 {
        let approved = told(&henan, &["clearing", "leftovers", "import", &path, "--seat", "home"]).await;
        assert_eq!(approved, rows("ended"), "the same again changes nothing");
    }
    assert_eq!((standing(&henan, "ended").await, standing(&henan, "waiting").await), (2, 0));
    world.assert_sound().await;
}
