//! That what is wrong between two steps of a quarter is found by the very next look, though it is right again after that:
//! a test has its hand in the hub's book, does something after one look and undoes it after the next. Nobody looks at the
//! days.

use std::sync::{Arc, Mutex};

use jiff::civil::date;
use ledger::engine::{Disk, Location};
use yidi::simulate::quarter::run_meddled_with;
use yidi::simulate::quarter::watch::Hand;

use crate::deploy;

/// Something wrong.
struct Damage {
    /// After which look it is done, the first time.
    after: &'static str,
    does: &'static str,
    undoes: &'static str,
    /// What the next look says.
    breaks: &'static str,
}

const DAMAGES: [Damage; 3] = [
    Damage {
        after: "cut-off",
        does: "UPDATE lot_totals SET basic = basic + 100 WHERE period = 1",
        undoes: "UPDATE lot_totals SET basic = basic - 100 WHERE period = 1",
        breaks: "a period's sums are its journal's",
    },
    Damage {
        after: "prove",
        does: "INSERT INTO carried_entries (position, part, from_period, into_period, reason, owner, carried_at)
            SELECT position, part, 2, NULL, 'by a hand', 'home', 0 FROM lot_postings WHERE period = 1 LIMIT 1",
        undoes: "DROP TRIGGER IF EXISTS carried_entries_refuses_DELETE;
            DELETE FROM carried_entries WHERE reason = 'by a hand'",
        breaks: "what is carried out is carried in once or listed",
    },
    Damage {
        after: "confirmation",
        does: "DROP TRIGGER IF EXISTS statement_lots_refuses_UPDATE;
            UPDATE statement_lots SET basic = basic + 1 WHERE period = 1",
        undoes: "UPDATE statement_lots SET basic = basic - 1 WHERE period = 1",
        breaks: "a statement is entries",
    },
];

/// How far it is: what was done, and what looked next.
#[derive(Default)]
struct Done {
    standing: bool,
    looked_next: Vec<String>,
}

impl Done {
    fn look(&mut self, disk: &Disk, what: &str) {
        let damage = |statements| disk.damage(statements).expect("SQL");
        if self.standing {
            damage(DAMAGES[self.looked_next.len()].undoes);
            self.standing = false;
            self.looked_next.push(what.to_owned());
        } else if let Some(next) = DAMAGES.get(self.looked_next.len()).filter(|next| next.after == what) {
            damage(next.does);
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
        all.any(|(damage, next)| finding.contains(&format!(": after {next}: ")) && finding.contains(damage.breaks))
    };
    for (damage, next) in DAMAGES.iter().zip(looked_next) {
        let found = findings.iter().filter(|one| one.contains(&format!(": after {next}: {}", damage.breaks)));
        assert!(found.count() > 0, "{} after {} is not found after {next}: {findings:#?}", damage.does, damage.after);
    }
    let others: Vec<&String> = findings.iter().filter(|finding| !expected(finding)).collect();
    let beside = |finding: &&String| finding.contains("a period clears its entries");
    assert!(others.iter().all(beside), "nothing else is wrong: {others:#?}");
}
