//! What is changed after others built on it, and what is taken back into an older copy of a book.

use std::collections::HashMap;
use std::sync::Arc;

use proptest::prelude::*;
use settlement::adjudication::Fund;
use settlement::decide::*;
use settlement::ids::SettlementId;
use settlement::lifecycle::Standing;
use settlement::operation::{Operation, Request};
use settlement::outcome::{Done, Outcome};
use settlement::year_to_date::Usage;

use crate::properties::{histories, lives};
use crate::world::*;

/// What each settlement read, and what was changed of it since.
#[derive(Default)]
struct Marks {
    read: HashMap<SettlementId, Used>,
    changes: HashMap<SettlementId, Vec<Effects>>,
}

impl Marks {
    fn step(&mut self, book: &mut Book, operation: &Operation) -> Verdict {
        let before = book.person(&number()).used.clone();
        let verdict = step(book, operation.clone());
        if let Verdict::New { seq: _, decision } = &verdict {
            for settlement in &decision.effects.affected {
                let change = Effects {
                    usage: decision.effects.usage.clone(),
                    undoing: decision.effects.undoing.clone(),
                    ..Effects::default()
                };
                self.changes.entry(settlement.clone()).or_default().push(change);
            }
            if let Some(booked) = &decision.effects.settlement {
                self.read.insert(booked.settled.settlement.clone(), before);
            }
        }
        verdict
    }

    fn still_affects(&self, settlement: &SettlementId) -> bool {
        let changes = self.changes.get(settlement).into_iter().flatten();
        still_differs(changes.filter_map(|change| change.usage.as_ref()))
    }
}

fn id(text: &str) -> SettlementId {
    SettlementId::new(text).expect("an id")
}

/// Each row: what happens, and which settlements it leaves affected.
#[test]
fn undoing_marks_whatever_built_on_it() {
    let three =
        || vec![settle("m1", &stay("A", 1, 3)), settle("m2", &stay("B", 5, 7)), settle("m3", &stay("C", 9, 11))];
    let then = |more: Vec<Operation>| [three(), more].concat();
    for (what, history, affected) in [
        ("nothing is undone", three(), vec![]),
        ("the last is undone", then(vec![cancel("m4", "s-m3")]), vec![]),
        ("the first is cancelled", then(vec![cancel("m4", "s-m1")]), vec!["s-m2", "s-m3"]),
        ("the first is reversed", then(vec![reverse("m4", "m1", "2304")]), vec!["s-m2", "s-m3"]),
        ("and counts again", then(vec![cancel("m4", "s-m1"), reverse("m5", "m4", "2305")]), vec![]),
        (
            "one is affected and then undone itself",
            then(vec![cancel("m4", "s-m1"), cancel("m5", "s-m2")]),
            vec!["s-m3"],
        ),
        (
            "what was settled while it did not count",
            vec![
                settle("m1", &stay("A", 1, 3)),
                cancel("m2", "s-m1"),
                settle("m3", &stay("C", 9, 11)),
                reverse("m4", "m2", "2305"),
            ],
            vec!["s-m3"],
        ),
    ] {
        let (mut book, mut marks) = (book(), Marks::default());
        history.iter().for_each(|operation| drop(marks.step(&mut book, operation)));
        let mut left: Vec<_> =
            book.person(&number()).in_force().map(|booked| booked.settled.settlement.clone()).collect();
        left.retain(|settlement| marks.still_affects(settlement));
        assert_eq!(left, affected.into_iter().map(id).collect::<Vec<_>>(), "{what}");
    }
}

fn stored(seq: u64, book: Book, operation: &Operation, verdict: &Verdict, changes: Vec<Effects>) -> Stored {
    let Verdict::New { decision, .. } = verdict else { panic!("it was decided") };
    let booked = decision.effects.settlement.as_deref().expect("it settled");
    let Request::Settle(settle) = &operation.request else { panic!("it settles") };
    Stored {
        seq: BookSeq(seq),
        key: operation.key.clone(),
        settle: Arc::new((**settle).clone()),
        filings: Vec::new(),
        book,
        decided_at: at(20),
        settled: booked.settled.clone(),
        counts: booked.settled.payers,
        usage: booked.usage.usage.clone(),
        changes,
    }
}

/// Three stays of 400 yuan: the first bears 100 of deductible, the others 50 each. Without the first, the second would
/// bear 100; the third then as before.
#[test]
fn the_difference_is_worked_out_from_the_first_to_the_last() {
    let operations = [settle("m1", &stay("A", 1, 3)), settle("m2", &stay("B", 5, 7)), settle("m3", &stay("C", 9, 11))];
    let (mut now, mut marks, mut seen) = (book(), Marks::default(), Vec::new());
    for operation in &operations {
        let before = now.clone();
        seen.push((before, operation, marks.step(&mut now, operation)));
    }
    marks.step(&mut now, &cancel("m4", "s-m1"));
    let mut rework = Rework::default();
    let mut reworked = Vec::new();
    for (place, (before, operation, verdict)) in seen.into_iter().enumerate().skip(1) {
        let changes = marks.changes[&id(&format!("s-m{}", place + 1))].clone();
        reworked.push(rework.next(stored(place as u64 + 1, before, operation, &verdict, changes), &judge));
    }
    let differences: Vec<_> = reworked.iter().map(|one| one.difference().funds.of(Fund::Basic).to_string()).collect();
    assert_eq!(differences, ["-30.00", "0.00"]);
    assert_eq!(reworked[0].difference().cash.to_string(), "30.00");
    assert_eq!(funds_would_pay_more(&reworked).to_string(), "-30.00");
    assert!(!reworked[0].is_unchanged() && reworked[1].is_unchanged());
}

/// Every answer of a history, as the hub would have kept it.
fn kept(history: &[Operation]) -> (Book, Vec<Kept>) {
    let (mut book, mut kept) = (book(), Vec::new());
    for operation in history {
        if let Verdict::New { seq, decision } = step(&mut book, operation.clone()) {
            kept.push(Kept {
                seq,
                after: BookSeq(seq.0 - 1),
                operation: Arc::new(operation.clone()),
                outcome: decision.outcome.clone(),
                usage: decision.effects.settlement.map(|booked| booked.usage.usage),
            });
        }
    }
    (book, kept)
}

fn state(book: &mut Book) -> (BookSeq, PersonBook) {
    let seq = book.last_seq;
    let person = book.person(&number()).clone();
    // A key that is voided keeps no content, whoever came under it.
    (seq, PersonBook { answers: HashMap::new(), messages: Vec::new(), ..person })
}

proptest! {
    #[test]
    fn a_settlement_is_affected_while_what_precedes_it_differs_from_what_it_read(history in prop_oneof![histories(), lives()]) {
        let (mut book, mut marks) = (book(), Marks::default());
        for operation in &history {
            marks.step(&mut book, operation);
        }
        let person = book.person(&number()).clone();
        for booked in &person.settlements {
            let before = person.in_force().filter(|earlier| earlier.seq < booked.seq);
            let precedes = Used::fold(before.map(|earlier| &earlier.usage));
            let differs = precedes != marks.read[&booked.settled.settlement];
            prop_assert_eq!(differs, marks.still_affects(&booked.settled.settlement), "{}", booked.settled.settlement);
        }
    }

    #[test]
    fn a_book_taken_back_from_its_answers_is_the_book_that_gave_them(
        history in prop_oneof![histories(), lives()],
        lost_from in any::<prop::sample::Index>(),
    ) {
        let (mut whole, kept) = kept(&history);
        let (mut restored, _) = {
            let copy = kept[..lost_from.index(kept.len())].iter().map(|kept| (*kept.operation).clone());
            self::kept(&copy.collect::<Vec<_>>())
        };
        for entry in &kept {
            prop_assert!(take_back(&mut restored, entry).is_ok(), "{:?}", entry);
        }
        prop_assert_eq!(state(&mut restored), state(&mut whole));
        // Once more changes nothing.
        for entry in &kept {
            prop_assert_eq!(take_back(&mut restored, entry), Ok(Verdict::Known { seq: entry.seq }));
        }
        prop_assert_eq!(state(&mut restored), state(&mut whole));
    }
}

/// What the restored book did on its own, what is to be taken back, and what comes of it.
type Row = (&'static str, Vec<Operation>, Kept, Result<bool, Clash>);

#[test]
fn what_clashes_is_left_to_a_person() {
    let first = || settle("m1", &stay("A", 1, 3));
    let (_, answers) = kept(&[first(), settle("m2", &stay("B", 5, 7)), cancel("m3", "s-m1")]);
    let entry = |index: usize| answers[index].clone();
    let unsaid = Kept { usage: None::<Usage>, ..entry(0) };
    let mixed = Kept { outcome: answers[2].outcome.clone(), ..entry(0) };
    let after_a_gap = Kept { after: BookSeq(0), ..entry(2) };
    let rows: Vec<Row> = vec![
        ("it stands there already", vec![first()], entry(0), Ok(false)),
        (
            "something was decided in its place",
            vec![settle("m9", &stay("Z", 20, 21))],
            entry(0),
            Err(Clash::PlaceTaken),
        ),
        (
            "it was decided anew elsewhere",
            vec![settle("m9", &stay("Z", 20, 21)), first()],
            entry(0),
            Err(Clash::AnsweredElsewhere(BookSeq(2))),
        ),
        ("what came before it is missing", vec![], entry(1), Err(Clash::OutOfOrder(BookSeq(0)))),
        ("nobody knows what it uses up", vec![], unsaid, Err(Clash::UsageMissing)),
        ("the answer answers something else", vec![], mixed, Err(Clash::OtherRequest)),
        ("what it undoes was lost for good", vec![], after_a_gap, Err(Clash::OriginalMissing(id("s-m1")))),
    ];
    for (what, done, entry, expected) in rows {
        let mut book = book();
        done.into_iter().for_each(|operation| drop(step(&mut book, operation)));
        let taken = take_back(&mut book, &entry).map(|verdict| matches!(verdict, Verdict::New { .. }));
        assert_eq!(taken, expected, "{what}");
    }
}

#[test]
fn what_is_taken_back_may_be_undone_as_ever() {
    let (_, answers) = kept(&[settle("m1", &stay("A", 1, 3))]);
    let mut book = book();
    take_back(&mut book, &answers[0]).expect("it goes back");
    let Verdict::New { decision, .. } = step(&mut book, reverse("m2", "m1", "2304")) else { panic!("it is new") };
    assert!(matches!(decision.outcome, Outcome::Accepted { done: Done::Reversed(_), .. }));
    assert!(book.person(&number()).settlements.iter().all(|booked| booked.standing == Standing::Reversed));
}
