//! The demo: the recorded days settle as expected, a second time too, and after kill -9 in the middle.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Output, Stdio};

use crate::process::{Ports, demo, read_until};

fn run_once(data: &Path) -> Output {
    demo(&Ports::free(), data, &["--once"]).output().expect("the executable starts")
}

fn assert_sound(output: &Output) {
    let told = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}\n{complained}");
}

/// What `yidi verify --json` says of the books: settlements by id with what the hospital was told.
fn settlements(data: &Path) -> BTreeMap<String, String> {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_yidi"))
        .current_dir(crate::process::repository())
        .args(["verify", "--json", "--data"])
        .arg(data)
        .output()
        .expect("the executable starts");
    assert_sound(&output);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let rows = report["settlements"].as_object().expect("settlements by id");
    rows.iter().map(|(id, outcome)| (id.clone(), outcome.to_string())).collect()
}

#[test]
fn the_recorded_days_settle_as_expected_and_a_second_time_the_same() {
    let folder = tempfile::tempdir().expect("a folder");
    assert_sound(&run_once(folder.path()));
    let first = settlements(folder.path());
    assert!(first.len() > 20, "only {} settlements", first.len());
    assert_sound(&run_once(folder.path()));
    assert_eq!(settlements(folder.path()), first);
}

#[test]
fn a_demo_killed_in_the_middle_goes_on_where_it_was() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut killed = demo(&Ports::free(), folder.path(), &["--once"]);
    let mut killed = killed.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("the executable starts");
    read_until(&mut killed, "sent 60 of");
    killed.kill().expect("it can be killed");
    killed.wait().expect("it can be waited for");
    let before = settlements(folder.path());
    assert!(!before.is_empty(), "nothing was settled before the kill");

    assert_sound(&run_once(folder.path()));
    let after = settlements(folder.path());
    for (id, outcome) in &before {
        assert_eq!(after.get(id), Some(outcome), "{id} is not what it was");
    }
    assert!(after.len() > before.len());
}
