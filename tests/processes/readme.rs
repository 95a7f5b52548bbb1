//! The settlement by hand in README.md, copied as it stands, settles someone.

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::process::{repository, start};

/// The block of README.md that holds the curl, with this demo's port in it.
fn block(port: u16) -> String {
    let readme = fs::read_to_string(repository().join("README.md")).expect("there is a README");
    let blocks = readme.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    let by_hand = blocks.filter(|block| block.contains("curl")).collect::<Vec<_>>();
    assert_eq!(by_hand.len(), 1, "one block settles by hand");
    by_hand[0].replace("127.0.0.1:7700", &format!("127.0.0.1:{port}"))
}

fn run(script: &str) -> Vec<Value> {
    let output = Command::new("bash").args(["-c", script]).output().expect("bash is there");
    let told = String::from_utf8(output.stdout).expect("answers are UTF-8");
    told.lines().filter(|line| !line.is_empty()).map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[test]
fn the_curl_in_the_readme_settles_someone_and_may_be_repeated() {
    let folder = tempfile::tempdir().expect("a folder");
    let demo = start(folder.path(), &[]);
    let script = block(demo.ports.desk);
    let last = script.lines().rfind(|line| line.starts_with("his 2207")).expect("the last line settles").to_owned();
    let answers = run(&format!("{script}\nsleep 1\n{last}\n{}", last.replace("200.00", "201.00")));
    let [.., settled, again, other_sum] = &answers[..] else { panic!("{answers:?}") };
    assert_eq!(settled["infcode"], 0, "{settled}");
    let id = &settled["output"]["setlinfo"]["setl_id"];
    assert!(id.as_str().is_some_and(|id| !id.is_empty()));
    assert_eq!(&again["output"]["setlinfo"]["setl_id"], id);
    assert_eq!(other_sum["infcode"], -1);
    assert!(other_sum["err_msg"].as_str().is_some_and(|text| text.contains("medfee_sumamt")), "{other_sum}");
}
