//! What hospitals were told, kept apart from all books and held against them at the end: nothing lost, nothing doubled.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};

use rust_decimal::Decimal;
use serde_json::Value;
use yidi::desk::Reply;

use super::deployment::Deployment;
use crate::process::repository;

/// The hospitals' own record. What does not fit is collected, not thrown: the run goes on and the end tells of it all.
#[derive(Default)]
pub struct Told {
    answers: AtomicUsize,
    unknown: AtomicUsize,
    transient: AtomicUsize,
    ending: AtomicBool,
    record: Mutex<Record>,
}

#[derive(Default)]
struct Record {
    settlements: Settlements,
    /// The settlement that each message made.
    by_message: BTreeMap<String, String>,
    complaints: Vec<String>,
}

impl Record {
    fn in_force(&self) -> usize {
        self.settlements.values().filter(|settlement| settlement.in_force).count()
    }
}

/// Settlements by their ids.
type Settlements = BTreeMap<String, Settlement>;

/// A settlement as its hospital knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Settlement {
    in_force: bool,
    total: Decimal,
    cash: Decimal,
}

/// What became of the books.
pub struct Comparison {
    pub settlements: usize,
    pub in_force: usize,
    pub complaints: Vec<String>,
}

impl Told {
    fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().expect("nobody panics while holding it")
    }

    /// How many answers hospitals have had, of any kind.
    pub fn answers(&self) -> usize {
        self.answers.load(Ordering::Relaxed)
    }

    /// Notes that something was heard that says what is.
    pub fn hear_answer(&self) {
        self.answers.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes that nothing was heard, or that the result is not known yet.
    pub fn hear_nothing(&self) {
        self.unknown.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes that something was refused for now.
    pub fn hear_later(&self) {
        self.transient.fetch_add(1, Ordering::Relaxed);
    }

    /// How often a hospital was not told, or was told to come again.
    pub fn troubles(&self) -> usize {
        self.unknown.load(Ordering::Relaxed) + self.transient.load(Ordering::Relaxed)
    }

    /// What hospitals heard, in one line.
    pub fn summary(&self) -> String {
        let count = |number: &AtomicUsize| number.load(Ordering::Relaxed);
        let (unknown, later) = (count(&self.unknown), count(&self.transient));
        format!("{} answers, {unknown} times none, {later} times come again", self.answers())
    }

    /// How many settlements are in force as hospitals know them.
    pub fn in_force(&self) -> usize {
        self.record().in_force()
    }

    /// Whether no new patients are taken.
    pub fn is_ending(&self) -> bool {
        self.ending.load(Ordering::Relaxed)
    }

    /// Lets those under treatment finish, and takes no others.
    pub fn end(&self) {
        self.ending.store(true, Ordering::Relaxed);
    }

    /// Notes what should not be.
    pub fn complain(&self, complaint: String) {
        self.record().complaints.push(complaint);
    }

    /// Notes a settlement in force, and gives its id. A message makes one settlement however often it is answered.
    pub fn settled(&self, message: &Value, reply: &Reply) -> String {
        let id = reply.text("/output/setlinfo/setl_id");
        let settlement =
            Settlement { in_force: true, total: sum(reply, "medfee_sumamt"), cash: sum(reply, "psn_cash_pay") };
        let mut record = self.record();
        let msgid = message["msgid"].to_string();
        let first = record.by_message.entry(msgid.clone()).or_insert_with(|| id.clone()).clone();
        if first != id {
            record.complaints.push(format!("message {msgid} was answered with {first} and with {id}"));
        }
        if let Some(before) = record.settlements.insert(id.clone(), settlement.clone())
            && (before.total, before.cash) != (settlement.total, settlement.cash)
        {
            record.complaints.push(format!("{id} was told as {before:?} and as {settlement:?}"));
        }
        id
    }

    /// Notes that a settlement counts no more, or counts again.
    pub fn set_in_force(&self, id: &str, in_force: bool) {
        match self.record().settlements.get_mut(id) {
            Some(settlement) => settlement.in_force = in_force,
            None => unreachable!("only what was told is undone"),
        }
    }

    /// Holds the record against the books of a deployment that has stopped.
    pub fn compare(&self, deployment: &Deployment) -> Comparison {
        let report = verify(deployment);
        let booked = report["standing"].as_object().expect("settlements by id").iter();
        let booked = booked.map(|(id, row)| (id.clone(), Settlement::read(row))).collect();
        let mut record = self.record();
        let mut complaints = std::mem::take(&mut record.complaints);
        complaints.extend(texts(&report["findings"]).map(|finding| format!("verify: {finding}")));
        complaints.extend(differences(&record.settlements, &booked));
        Comparison { settlements: record.settlements.len(), in_force: record.in_force(), complaints }
    }
}

/// What hospitals were told and no book has, what is booked otherwise, and what is in force without anybody's knowing.
/// A settlement that hospitals never heard of may be booked where it was reversed before its answer came.
fn differences(told: &Settlements, booked: &Settlements) -> Vec<String> {
    let mut differences = Vec::new();
    for (id, told) in told {
        match booked.get(id) {
            None => differences.push(format!("lost: {id} was told as {told:?} and is in no book")),
            Some(booked) if booked != told => {
                differences.push(format!("{id} was told as {told:?} and is booked as {booked:?}"));
            }
            Some(_) => {}
        }
    }
    let unknown = booked.iter().filter(|(id, booked)| booked.in_force && !told.contains_key(*id));
    differences.extend(unknown.map(|(id, booked)| format!("doubled: {id} is booked as {booked:?}, unknown to all")));
    differences
}

impl Settlement {
    fn read(row: &Value) -> Settlement {
        let sum = |name: &str| row[name].as_str().and_then(|text| text.parse().ok()).expect("an amount");
        Settlement { in_force: row["in_force"] == true, total: sum("total"), cash: sum("cash") }
    }
}

fn sum(reply: &Reply, name: &str) -> Decimal {
    let text = reply.text(&format!("/output/setlinfo/{name}"));
    text.parse().unwrap_or_else(|_| panic!("{name} is {text:?}"))
}

fn texts(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str)
}

/// What `yidi verify` says of the books.
fn verify(deployment: &Deployment) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_yidi"));
    command.current_dir(repository()).args(["verify", "--json", "--hub", deployment.store("hub")]);
    command.args(["--treatment", deployment.store("treatment")]);
    for home in deployment.home_stores() {
        command.args(["--home", home]);
    }
    let output = command.output().expect("the executable starts");
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("verify says nothing: {}", String::from_utf8_lossy(&output.stderr)))
}

#[test]
fn what_is_lost_doubled_or_booked_otherwise_is_told() {
    let row = |in_force, cash: i64| Settlement { in_force, total: Decimal::from(8_000), cash: Decimal::from(cash) };
    let books = |rows: &[(&str, Settlement)]| rows.iter().map(|(id, row)| ((*id).to_owned(), row.clone())).collect();
    let told: Settlements = books(&[("1", row(true, 100)), ("2", row(false, 100))]);
    let check = |booked: &[(&str, Settlement)], expected: &[&str]| {
        let found = differences(&told, &books(booked));
        let begins = found.iter().zip(expected).all(|(found, expected)| found.starts_with(expected));
        assert!(found.len() == expected.len() && begins, "{found:?} is not {expected:?}");
    };
    let (first, second) = (("1", row(true, 100)), ("2", row(false, 100)));
    check(&[first.clone(), second.clone()], &[]);
    check(std::slice::from_ref(&first), &["lost: 2"]);
    check(&[("1", row(true, 101)), second.clone()], &["1 was told"]);
    check(&[first.clone(), ("2", row(true, 100))], &["2 was told"]);
    check(&[first.clone(), second.clone(), ("3", row(true, 100))], &["doubled: 3"]);
    check(&[first, second, ("3", row(false, 100))], &[]);
}
