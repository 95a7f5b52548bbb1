//! Stays at home that are posted with their days: a stay elsewhere goes on from them and does not overlap them.

use std::collections::BTreeSet;

use proto::v1;
use region::start::Opened;
use settlement::money::Money;
use settlement::operation::Operation;
use settlement::refusal::Reason;

use crate::files::{changed, row_under, stay_before};
use crate::late::affected;
use crate::world::*;

on_both! {
    a_stay_elsewhere_goes_on_from_one_at_home,
    a_stay_that_was_posted_late_changes_what_went_on_from_it,
}

/// Readmission within 15 days is one stay, and only what the deductible is higher by is borne.
const CONTINUES: &str = "\n[[inpatient.continues]]\nid = 'readmitted'\nwithin_days = 15\ndeductible = 'difference'\n\
    source = 'demo'\ntrust = 'assumed'\nclause = '15天内再次住院视为一次住院'\n";

fn header() -> String {
    format!("{},admitted,discharged,level,diagnosis\n", POSTINGS_HEADER.trim_end())
}

fn file(rows: &[Vec<(&str, &str)>]) -> String {
    let header = header();
    let rows: String = rows.iter().map(|cells| row_under(&header, cells)).collect();
    header + &rows
}

/// A stay at a second-level hospital at home, 450 yuan of deductible.
fn at_home<'a>(id: &'a str, days: Option<(&'a str, &'a str)>) -> Vec<(&'a str, &'a str)> {
    let mut cells = stay_before(id, WORKING);
    cells.retain(|(column, _)| *column != "deductible");
    cells.push(("deductible", "450.00"));
    if let Some((admitted, discharged)) = days {
        cells.extend([("admitted", admitted), ("discharged", discharged), ("level", "second")]);
        cells.extend([("institution", "H41070000099"), ("encounter", "L1"), ("diagnosis", "I10.x00")]);
    }
    cells
}

fn taken_back<'a>(id: &'a str, original: &'a str) -> Vec<(&'a str, &'a str)> {
    let kind = ("kind", "local-settlement");
    vec![("id", id), ("psn_no", WORKING), kind, ("date", "2025-06-20"), ("cancels", original)]
}

async fn with(on: On, rows: &[Vec<(&str, &str)>]) -> World {
    let mut world = World::stopped_with_rules(on, CONTINUES);
    world.write("postings.csv", &file(rows));
    world.start().await;
    world
}

/// From 1 June on in Shanghai, at the third level: 1,200 yuan for a first stay, half of it for a second one.
fn elsewhere() -> Operation {
    stay(WORKING, "m1", "E1", (1, 9), 20_000)
}

async fn a_stay_elsewhere_goes_on_from_one_at_home(on: On) {
    for (rows, deductible) in [
        (vec![], 1200),
        // Without its days it is a stay of the year, and no more.
        (vec![at_home("P1", None)], 600),
        (vec![at_home("P1", Some(("2025-05-10", "2025-05-16")))], 600),
        // Fifteen days: one stay, 1,200 less the 450 that were borne at home.
        (vec![at_home("P1", Some(("2025-05-10", "2025-05-17")))], 750),
        (vec![at_home("P1", Some(("2025-05-10", "2025-06-01")))], 750),
        (vec![at_home("P1", Some(("2025-05-10", "2025-05-17"))), taken_back("P2", "P1")], 1200),
    ] {
        let world = with(on, &rows).await;
        let settled = world.settled(&elsewhere()).await;
        assert_eq!(settled.deductible, Money::from_yuan(deductible), "{rows:?}");
        world.prove().await;
    }
}

async fn a_stay_that_was_posted_late_changes_what_went_on_from_it(on: On) {
    let mut world = with(on, &[]).await;
    world.settled(&elsewhere()).await;
    let stay = at_home("P1", Some(("2025-05-10", "2025-05-20")));
    for (rows, now) in [(vec![stay.clone()], Some(750)), (vec![stay, taken_back("P2", "P1")], None)] {
        world.write("postings.csv", &file(&rows));
        world.stop().await;
        world.start().await;
        let listed = affected(&world, WORKING).await;
        // The working person's ratio is 85 %: what the deductible falls by, the fund pays so much of.
        let more =
            |one: &v1::AffectedSettlement| one.now.unwrap_or_default().basic - one.told.unwrap_or_default().basic;
        let expected = now.map(|now| (Money::from_yuan(1200 - now).fen()) * 85 / 100);
        assert_eq!(listed.iter().map(more).collect::<Vec<_>>(), expected.into_iter().collect::<Vec<_>>());
        world.prove().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stay_that_was_posted_is_not_overlapped_and_not_settled_once_more() {
    let mut posted = at_home("P1", Some(("2025-06-03", "2025-06-09")));
    let world = with(On::Sqlite, &[posted.clone()]).await;
    assert_eq!(world.refused(&elsewhere()).await, Reason::OverlappingStay);
    world.settled(&stay(WORKING, "m2", "E2", (9, 12), 20_000)).await;
    posted.retain(|(column, _)| !["institution", "encounter"].contains(column));
    posted.extend([("institution", HOSPITAL), ("encounter", "E1")]);
    let world = with(On::Sqlite, &[posted]).await;
    assert_eq!(world.refused(&elsewhere()).await, Reason::AlreadySettled);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_days_of_a_stay_are_told_whole_or_not_at_all() {
    let mut world = World::stopped_with_rules(On::Sqlite, CONTINUES);
    world.start().await;
    world.settled(&elsewhere()).await;
    world.stop().await;
    let good = at_home("P1", Some(("2025-05-10", "2025-05-17")));
    let with = |changes| changed(&good, changes);
    let rows = [
        with(&[("level", ""), ("institution", ""), ("encounter", "")]),
        with(&[("admitted", "")]),
        with(&[("discharged", "2025-05-09")]),
        with(&[("care", "outpatient")]),
        with(&[("kind", "opening-balance")]),
        with(&[("level", "best")]),
        with(&[("institution", HOSPITAL), ("encounter", "E1")]),
        good.clone(),
    ];
    world.write("more.csv", &file(&rows));
    let opened = Opened::open(&world.config(), &world.clock).await.expect("a store");
    let report = opened.post(&world.path("more.csv"), &BTreeSet::new(), &world.clock).await.expect("a report");
    let told: Vec<_> = report.faults.iter().map(|fault| (fault.line, fault.column)).collect();
    let expected = [
        (2, "level"),
        (2, "institution"),
        (2, "encounter"),
        (3, "admitted"),
        (4, "discharged"),
        (5, "admitted"),
        (6, "admitted"),
        (7, "level"),
        (8, ""),
    ];
    assert_eq!(told, expected, "{report}");
    assert!(report.faults.iter().any(|fault| fault.problem == "this bill is settled directly and in force as s-m1"));
    assert_eq!(report.posted, 1);
}
