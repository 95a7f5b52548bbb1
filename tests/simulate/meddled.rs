//! That what is wrong between two steps of a quarter is found by the very next look, though it is right again after that:
//! a test has its hand in the hub's book, does something after one look and undoes it after the next. Nobody looks at the
//! days.

use std::sync::{Arc, Mutex};

use jiff::civil::date;
use ledger::engine::{Disk, Location};
use ledger::testing::damage::Meddling;
use yidi::simulate::quarter::run_meddled_with;
use yidi::simulate::quarter::watch::Hand;

use crate::deploy;

/// What is done after which look, the first time; and what the next look says.
const DAMAGES: [(&str, Meddling, &str); 3] = [
    ("cut-off", Meddling::Sums, "a period's sums are its journal's"),
    ("prove", Meddling::CarriedOut, "what is carried out is carried in once or listed"),
    ("confirmation", Meddling::Statement, "a statement is entries"),
];

/// How far it is: what was done, and what looked next.
#[derive(Default)]
struct Done {
    standing: bool,
    looked_next: Vec<String>,
}

impl Done {
    fn look(&mut self, disk: &Disk, what: &str) {
        let Some((after, meddling, _)) = DAMAGES.get(self.looked_next.len()) else { return };
        if self.standing {
            meddling.end(disk).expect("it is put right");
            self.standing = false;
            self.looked_next.push(what.to_owned());
        } else if *after == what {
            meddling.begin(disk).expect("it is done");
            self.standing = true;
        }
    }
}

#[test]
fn what_is_wrong_between_two_steps_alone_is_found_by_the_next() {
    let done = Arc::new(Mutex::new(Done::default()));
    let held = done.clone();
    let hand: Hand = Arc::new(move |book, what| match book {
        Location::Simulated(disk) => held.lock().expect("nobody panics").look(disk, what),
        Location::File(_) | Location::Postgres(_) => panic!("a quarter's hub is simulated"),
    });
    let findings = run_meddled_with(1, &deploy(), hand, date(2025, 5, 22)).expect("a nation");
    let looked_next = &done.lock().expect("nobody panics").looked_next;
    assert_eq!(looked_next.len(), DAMAGES.len(), "each is done and undone: {looked_next:?}, {findings:#?}");
    let expected = |finding: &String| {
        let mut all = DAMAGES.iter().zip(looked_next);
        all.any(|((_, _, breaks), next)| finding.contains(&format!(": after {next}: ")) && finding.contains(breaks))
    };
    for ((after, meddling, breaks), next) in DAMAGES.iter().zip(looked_next) {
        let found = findings.iter().filter(|one| one.contains(&format!(": after {next}: {breaks}")));
        assert!(found.count() > 0, "{meddling:?} after {after} is not found after {next}: {findings:#?}");
    }
    let others: Vec<&String> = findings.iter().filter(|finding| !expected(finding)).collect();
    let beside = |finding: &&String| finding.contains("a period clears its entries");
    assert!(others.iter().all(beside), "nothing else is wrong: {others:#?}");
}
