//! Files that come in: postings count, exclude and repeat as they should; faults stop a start with every row named.

use std::collections::BTreeSet;

use region::start::Opened;
use region::{StartError, start};
use settlement::money::Money;
use settlement::refusal::Reason;

use crate::world::*;

on_both! {
    a_local_stay_makes_the_next_one_the_second,
}

/// Two books of Xinxiang's employees from one day, or one that is saved as GBK: the start is refused, with every file.
#[test]
fn books_that_contradict_one_another_stop_a_start() {
    let world = World::stopped_with_rules(On::Sqlite, "");
    let folder = world.path("rulebooks/410700-xinxiang");
    let text = std::fs::read_to_string(folder.join("employee-2024-01-01.toml")).expect("the book");
    let read = || region::rules::read(&world.rulebooks, &[pool("410700")].into()).map(|rules| rules.texts.len());
    assert_eq!(read().expect("two books"), 2);
    world.write("rulebooks/copied/employee.toml", &text);
    assert_eq!(read().expect("the same text twice counts once"), 2);
    let rules = text.split("[[example]]").next().expect("the rules").replace("\"0.85\"", "\"0.80\"");
    world.write("rulebooks/copied/employee.toml", &rules);
    let told = read().expect_err("one day, two books").to_string();
    let other = folder.join("employee-2024-01-01.toml").display().to_string();
    assert!(told.contains("copied/employee.toml") && told.contains(&other) && told.contains("first day of"), "{told}");
    std::fs::write(world.path("rulebooks/copied/employee.toml"), b"# \xd0\xc2").expect("it is written");
    let told = read().expect_err("GBK").to_string();
    assert!(told.contains("copied/employee.toml:line 1: encoding: ") && told.contains("UTF-8"), "{told}");
}

/// A row of postings with these cells filled.
pub fn row(cells: &[(&str, &str)]) -> String {
    row_under(POSTINGS_HEADER, cells)
}

/// The same under a header of a file's own.
pub fn row_under(header: &str, cells: &[(&str, &str)]) -> String {
    let columns: Vec<&str> = header.trim().split(',').map(str::trim).collect();
    let cell = |column: &&str| cells.iter().find(|(name, _)| name == column).map_or("", |(_, text)| *text);
    assert!(cells.iter().all(|(name, _)| columns.contains(name)), "a column's name");
    columns.iter().map(cell).collect::<Vec<_>>().join(",") + "\n"
}

/// A row's cells with some of them changed.
pub fn changed<'a>(cells: &[(&'a str, &'a str)], changes: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let kept = cells.iter().filter(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
    kept.chain(changes).copied().collect()
}

pub fn stay_before<'a>(id: &'a str, person: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("id", id),
        ("psn_no", person),
        ("kind", "local-settlement"),
        ("date", "2025-03-01"),
        ("insurance", "employee"),
        ("care", "inpatient"),
        ("stays", "1"),
        ("deductible", "1200.00"),
        ("in_policy", "5000"),
        ("basic", "3230.5"),
    ]
}

async fn a_local_stay_makes_the_next_one_the_second(on: On) {
    let first = World::new(on).await;
    let mut second = World::stopped_on(on);
    second.write("postings.csv", &(POSTINGS_HEADER.to_owned() + &row(&stay_before("P1", WORKING))));
    second.start().await;
    let operation = stay(WORKING, "m1", "E1", (1, 9), 20_000);
    let (before, after) = (first.settled(&operation).await.deductible, second.settled(&operation).await.deductible);
    assert_eq!((before, after), (Money::from_yuan(1200), Money::from_yuan(600)));
    second.prove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn posting_again_changes_nothing_and_a_cancelled_posting_counts_no_more() {
    let mut world = World::stopped();
    let posted = POSTINGS_HEADER.to_owned() + &row(&stay_before("P1", WORKING));
    world.write("postings.csv", &posted);
    world.start().await;
    world.stop().await;
    world.start().await;
    world.stop().await;
    let cancelled =
        [("id", "P2"), ("psn_no", WORKING), ("kind", "local-settlement"), ("date", "2025-03-02"), ("cancels", "P1")];
    world.write("postings.csv", &(posted + &row(&cancelled)));
    world.start().await;
    let settled = world.settled(&stay(WORKING, "m1", "E1", (1, 9), 20_000)).await;
    assert_eq!(settled.deductible, Money::from_yuan(1200), "the first stay again");
    world.prove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manual_claim_and_a_settlement_of_one_bill_exclude_each_other() {
    let mut world = World::stopped();
    let claim = |id: &'static str, encounter: &'static str| {
        let mut cells = stay_before(id, WORKING);
        cells.retain(|(column, _)| *column != "kind");
        cells.extend([("kind", "manual-claim"), ("institution", HOSPITAL), ("encounter", encounter)]);
        row(&cells)
    };
    world.write("postings.csv", &(POSTINGS_HEADER.to_owned() + &claim("P1", "E1")));
    world.start().await;
    assert_eq!(world.refused(&stay(WORKING, "m1", "E1", (1, 9), 20_000)).await, Reason::ClaimedManually);
    world.settled(&stay(WORKING, "m2", "E2", (10, 12), 20_000)).await;
    world.stop().await;
    world.write("claims.csv", &(POSTINGS_HEADER.to_owned() + &claim("P2", "E2") + &claim("P3", "E1")));
    let opened = Opened::open(&world.config(), &world.clock).await.expect("a store");
    let report = opened.post(&world.path("claims.csv"), &BTreeSet::new(), &world.clock).await.expect("a report");
    let problems: Vec<_> = report.faults.iter().map(|fault| (fault.line, fault.problem.as_str())).collect();
    assert_eq!(
        problems,
        [(2, "this bill is settled directly and in force as s-m2"), (3, "this bill is paid by manual claim P1"),]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_of_a_file_of_postings_is_told_by_row() {
    let mut world = World::stopped();
    world.start().await;
    world.stop().await;
    let good = stay_before("P1", WORKING);
    let with = |changes: &[(&'static str, &'static str)]| row(&changed(&good, changes));
    let file = POSTINGS_HEADER.to_owned()
        + &with(&[])
        + &with(&[("basic", "1.234"), ("date", "2025-02-30"), ("care", "nothing"), ("id", "P2")])
        + &with(&[("psn_no", "41070000009"), ("id", "P3")])
        + &with(&[("basic", "1")])
        + &with(&[
            ("id", "P4"),
            ("cancels", "P9"),
            ("stays", ""),
            ("deductible", ""),
            ("in_policy", ""),
            ("basic", ""),
        ])
        + &with(&[("id", "P5"), ("cancels", "P1")])
        + &with(&[("id", "P6"), ("date", "1999-01-01")])
        + &with(&[("id", "P7"), ("kind", "account-deposit")]);
    world.write("more.csv", &file);
    let opened = Opened::open(&world.config(), &world.clock).await.expect("a store");
    for turn in 0..2 {
        let report = opened.post(&world.path("more.csv"), &BTreeSet::new(), &world.clock).await.expect("a report");
        assert_eq!((report.posted, report.before), if turn == 0 { (1, 0) } else { (0, 1) });
        let told: Vec<_> = report.faults.iter().map(|fault| (fault.line, fault.column)).collect();
        let expected = [
            (3, "date"),
            (3, "basic"),
            (3, "care"),
            (4, "psn_no"),
            (5, ""),
            (6, ""),
            (7, "kind"),
            (8, "date"),
            (9, "kind"),
        ];
        assert_eq!(told.iter().collect::<BTreeSet<_>>(), expected.iter().collect::<BTreeSet<_>>(), "{report}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_in_the_peoples_files_stops_the_start() {
    let world = World::stopped();
    world.write("people/identities.csv", "psn_no,class,from,to\n41070000001,rich,2025-01-01,\n");
    let fault = start(world.config(), world.clock.clone()).await.err().expect("a fault");
    let StartError::People(faults) = fault else { panic!("{fault}") };
    assert_eq!(faults.0.iter().map(|fault| (fault.line, fault.column)).collect::<Vec<_>>(), [(2, "class")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_name_and_no_document_lies_open_in_the_store() {
    let mut world = World::new(On::Sqlite).await;
    world.settled(&settle(WORKING, "m1", "E1")).await;
    world.stop().await;
    for file in std::fs::read_dir(world.path("region")).expect("the folder") {
        let path = file.expect("a file").path();
        let bytes = std::fs::read(&path).expect("its bytes");
        for secret in ["张工", "41070019800101001", "C0001"] {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{secret} lies open in {}", path.display());
        }
    }
}
