//! Long arbitrary histories of one person. The store is imitated by a list of what was appended; a book is read back
//! from it by folding, with code of its own.

use std::collections::HashMap;

use proptest::prelude::*;
use settlement::decide::{Answered, Book, BookSeq, Deed, Effects, Message, PersonBook, Reader, Used, Verdict};
use settlement::encounter::CareKind;
use settlement::lifecycle::Standing;
use settlement::money::Money;
use settlement::operation::{AccountUse, Operation};
use settlement::outcome::{Done, Outcome};
use settlement::postings::{Booking, Turn};

use crate::world::*;

/// Few visits, batches, messages and days, so that histories run into themselves.
pub fn operations() -> impl Strategy<Value = Operation> {
    let message = (0..12).prop_map(|n| format!("m{n}"));
    let settlement = (0..12).prop_map(|n| format!("s-m{n}"));
    let kind = prop_oneof![Just(CareKind::Inpatient), Just(CareKind::Outpatient)];
    let account = prop_oneof![Just(AccountUse::None), Just(AccountUse::Own)];
    let care = (0..4_u8, kind, 0..2_u8, 1..12_i8, 0..5_i8, any::<bool>(), 1..900_i64, account).prop_map(
        |(encounter, kind, batch, from, days, interim, yuan, account)| {
            let inpatient = kind == CareKind::Inpatient;
            Care {
                encounter: format!("{kind:?}{encounter}"),
                kind,
                batch: (!inpatient).then(|| batch.to_string()),
                from,
                to: (!(inpatient && interim)).then_some(from + days),
                interim: inpatient && interim,
                yuan,
                account,
            }
        },
    );
    let transaction = prop_oneof![Just("2304"), Just("2207"), Just("2305")];
    prop_oneof![
        4 => (message.clone(), care).prop_map(|(message, care)| settle(&message, &care)),
        2 => (message.clone(), settlement).prop_map(|(message, settlement)| cancel(&message, &settlement)),
        2 => (message.clone(), message, transaction)
            .prop_map(|(message, target, transaction)| reverse(&message, &target, transaction)),
    ]
}

pub fn histories() -> impl Strategy<Value = Vec<Operation>> {
    prop::collection::vec(operations(), 1..60)
}

/// Histories of one stay that is settled, cancelled and reversed over and over, each message under its own number.
pub fn lives() -> impl Strategy<Value = Vec<Operation>> {
    prop::collection::vec((0..5_u8, any::<prop::sample::Index>()), 1..16).prop_map(|turns| {
        let mut history = vec![settle("m0", &stay("A", 1, 5))];
        for (turn, which) in turns {
            let message = format!("m{}", history.len());
            let earlier = history[which.index(history.len())].key.clone();
            history.push(match turn {
                0 => settle(&message, &stay("A", 1, 5)),
                1 | 2 => cancel(&message, "s-m0"),
                _ => reverse(&message, earlier.message.as_str(), earlier.transaction.as_str()),
            });
        }
        history
    })
}

/// What the imitated store keeps: one row a decision.
struct Row {
    seq: BookSeq,
    operation: Operation,
    deed: Deed,
    effects: Effects,
}

fn row(operation: &Operation, verdict: &Verdict) -> Option<Row> {
    match verdict {
        Verdict::New { seq, decision } => Some(Row {
            seq: *seq,
            operation: operation.clone(),
            deed: match &decision.outcome {
                Outcome::Accepted { decided_at: _, done: Done::Settled(settled) } => {
                    Deed::Settled(settled.settlement.clone())
                }
                Outcome::Accepted {
                    decided_at: _,
                    done: Done::Cancelled { counter, original, account_balance: _ },
                } => Deed::Cancelled { settlement: original.settlement.clone(), counter: counter.clone() },
                Outcome::Accepted { decided_at: _, done: Done::Reversed(_) } => Deed::Reversed,
                Outcome::Refused(_) => Deed::Refused,
            },
            effects: decision.effects.clone(),
        }),
        Verdict::Undecided(_) | Verdict::Known { .. } | Verdict::ContentDiffers { .. } => None,
    }
}

fn read_back(rows: &[Row]) -> Book {
    let mut book = book();
    for Row { seq, operation, deed, effects } in rows {
        book.last_seq = *seq;
        match deed {
            Deed::Settled(id) | Deed::Cancelled { settlement: _, counter: id } => book.taken.extend([id.clone()]),
            Deed::Reversed | Deed::Refused => {}
        }
        let person: &mut PersonBook = book.person(&number());
        let answered = Answered { operation: Some(operation.clone().into()), seq: *seq };
        person.answers.insert(operation.key.clone(), answered);
        person.messages.push(Message { target: operation.key.as_target(), deed: deed.clone() });
        person.tombstones.extend(effects.tombstone.clone());
        let settled = effects.settlement.as_deref();
        person
            .readers
            .extend(settled.map(|booked| Reader::new(*seq, booked.settled.settlement.clone(), &booked.usage)));
        person.settlements.extend(settled.cloned());
        person.account_balance += effects.account;
        if let Some(undoing) = &effects.undoing {
            let undone = |booked: &&mut settlement::decide::Booked| booked.settled.settlement == undoing.settlement;
            let booked = person.settlements.iter_mut().find(undone).expect("it was settled");
            (booked.standing, booked.changed) = (undoing.becomes.clone(), Some(*seq));
        }
    }
    let usages: Vec<_> = rows.iter().filter_map(|row| row.effects.usage.as_ref()).collect();
    book.person(&number()).used = Used::fold(usages);
    book
}

proptest! {
    #[test]
    fn a_batch_decides_as_its_operations_one_by_one(history in histories()) {
        let mut batch = book();
        let mut rows = Vec::new();
        for operation in history {
            let mut alone = read_back(&rows);
            let batched = step(&mut batch, operation.clone());
            prop_assert_eq!(&step(&mut alone, operation.clone()), &batched);
            rows.extend(row(&operation, &batched));
            prop_assert_eq!(&read_back(&rows), &batch);
        }
    }

    #[test]
    fn year_to_date_and_account_are_the_fold_of_what_is_in_force(history in histories()) {
        let mut book = book();
        for operation in history {
            step(&mut book, operation);
            let person = book.person(&number());
            let used = Used::fold(person.in_force().map(|booked| &booked.usage));
            prop_assert_eq!(&used, &person.used);
            let paid: Money = person.in_force().map(|booked| booked.settled.payers.account).sum();
            prop_assert_eq!(person.account_balance, Money::from_yuan(500) - paid);
        }
    }

    #[test]
    fn a_journal_that_hears_only_the_answers_agrees_with_the_book(history in prop_oneof![histories(), lives()]) {
        let mut book = book();
        let mut counts = HashMap::new();
        for operation in history {
            let verdict = step(&mut book, operation.clone());
            let booking = match &verdict {
                Verdict::New { seq: _, decision } => Booking::of(&operation, &decision.outcome),
                Verdict::Undecided(_) | Verdict::Known { .. } | Verdict::ContentDiffers { .. } => None,
            };
            if let Some(Booking { settlement, turn, entry }) = booking {
                let person = book.person(&number());
                prop_assert_eq!(entry, person.settlement(&settlement).expect("it was settled").entry());
                counts.insert(settlement, matches!(turn, Turn::Enter | Turn::Reinstate));
            }
            for booked in &book.person(&number()).settlements {
                let counted = counts.get(&booked.settled.settlement);
                prop_assert_eq!(counted, Some(&(booked.standing == Standing::InForce)), "{}", booked.settled.settlement);
            }
        }
    }

    #[test]
    fn undoing_restores_year_to_date_exactly(history in histories(), how in any::<bool>()) {
        let mut book = book();
        for operation in history {
            step(&mut book, operation);
        }
        let before = (book.person(&number()).used.clone(), book.person(&number()).account_balance);
        let settled = step(&mut book, settle("fresh", &Care { account: AccountUse::Own, ..visit("fresh", "1", 1) }));
        let settled_now = matches!(&settled, Verdict::New { decision, .. } if decision.effects.settlement.is_some());
        prop_assert!(settled_now);
        let undo = if how { cancel("undo", "s-fresh") } else { reverse("undo", "fresh", "2207") };
        step(&mut book, undo);
        let person = book.person(&number());
        prop_assert_eq!((person.used.clone(), person.account_balance), before);
    }

    #[test]
    fn a_visit_is_settled_once_whatever_happens(history in histories()) {
        let mut book = book();
        for operation in history {
            step(&mut book, operation);
            let person = book.person(&number());
            for booked in person.in_force() {
                let twin = |other: &&settlement::decide::Booked| {
                    other.visit.encounter == booked.visit.encounter
                        && other.visit.batch == booked.visit.batch
                        && !other.visit.interim
                };
                let counted = person.in_force().filter(twin).count();
                prop_assert!(counted <= 1, "{} twins of {}", counted, booked.settled.settlement);
                prop_assert_eq!(&booked.standing, &Standing::InForce);
            }
        }
    }

    #[test]
    fn the_book_has_no_gaps(history in histories()) {
        let mut book = book();
        let mut rows = Vec::new();
        for operation in history {
            let verdict = step(&mut book, operation.clone());
            rows.extend(row(&operation, &verdict));
        }
        let places: Vec<u64> = rows.iter().map(|row| row.seq.0).collect();
        prop_assert_eq!(places, (1..=rows.len() as u64).collect::<Vec<_>>());
    }
}
