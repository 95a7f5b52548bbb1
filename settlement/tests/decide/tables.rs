//! What the last of a few operations is told. Each row: what it proves, the operations, the answer to the last.

use settlement::decide::{Book, Claim, Deed, Verdict, resolve};
use settlement::ids::{EncounterId, InstitutionCode, SettlementId};
use settlement::money::Money;
use settlement::operation::{AccountUse, Operation, Request};
use settlement::outcome::{Done, Outcome, Undone};

use crate::world::*;

/// An answer in short: what was done, or the refusal's reason, field and detail.
fn told(verdict: &Verdict) -> String {
    match verdict {
        Verdict::New { seq: _, decision } => match &decision.outcome {
            Outcome::Accepted { decided_at: _, done } => match done {
                Done::Settled(settled) => {
                    format!("basic {}, account {}", settled.payers.funds.total(), settled.payers.account)
                }
                Done::Cancelled { counter, original, account_balance } => {
                    format!("{counter} takes back {}, balance {account_balance}", original.settlement)
                }
                Done::Reversed(undone) => match &**undone {
                    Undone::Settlement { original, account_balance } => {
                        format!("{} gone, balance {account_balance}", original.settlement)
                    }
                    Undone::Cancellation { original, counter, account_balance } => {
                        format!("{} in force again without {counter}, balance {account_balance}", original.settlement)
                    }
                    Undone::Nothing => "nothing in force".into(),
                },
            },
            Outcome::Refused(refusal) => format!(
                "{:?} {} {}",
                refusal.reason,
                refusal.field.as_deref().unwrap_or("-"),
                refusal.detail.as_deref().unwrap_or("-")
            ),
        },
        Verdict::Undecided(fault) => format!("undecided: {fault}"),
        Verdict::Known { seq } => format!("known at {}", seq.0),
        Verdict::ContentDiffers { field } => format!("{field} differs"),
    }
}

fn last_of(book: &mut Book, operations: Vec<Operation>) -> String {
    operations.into_iter().map(|operation| told(&step(book, operation))).last().expect("at least one")
}

fn check(rows: Vec<(&str, Vec<Operation>, &str)>) {
    for (proves, operations, expected) in rows {
        assert_eq!(last_of(&mut book(), operations), expected, "{proves}");
    }
}

#[test]
fn settling_follows_the_book() {
    let with_account = Care { account: AccountUse::Own, ..stay("A", 1, 5) };
    check(vec![
        ("a first stay", vec![settle("m1", &stay("A", 1, 5))], "basic 180.00, account 0.00"),
        (
            "a second stay feels the first",
            vec![settle("m1", &stay("A", 1, 5)), settle("m2", &stay("B", 7, 9))],
            "basic 210.00, account 0.00",
        ),
        ("the account pays what the fund does not", vec![settle("m1", &with_account)], "basic 180.00, account 220.00"),
        ("the same message again", vec![settle("m1", &stay("A", 1, 5)), settle("m1", &stay("A", 1, 5))], "known at 1"),
        (
            "the same message with another sum",
            vec![settle("m1", &stay("A", 1, 5)), settle("m1", &Care { yuan: 401, ..stay("A", 1, 5) })],
            "medfee_sumamt differs",
        ),
        (
            "the same stay under another message",
            vec![settle("m1", &stay("A", 1, 5)), settle("m2", &stay("A", 1, 5))],
            "AlreadySettled setl_id s-m1",
        ),
        (
            "a stay may be settled in parts, and then finally",
            vec![settle("m1", &midway("A", 1)), settle("m2", &midway("A", 1)), settle("m3", &stay("A", 1, 9))],
            "basic 240.00, account 0.00",
        ),
        (
            "a part below the deductible leaves the rest of it to the next",
            vec![settle("m1", &Care { yuan: 30, ..midway("A", 1) }), settle("m2", &stay("A", 1, 9))],
            "basic 228.00, account 0.00",
        ),
        (
            "all parts of a stay count together",
            vec![
                settle("m1", &Care { yuan: 30, ..midway("A", 1) }),
                settle("m2", &Care { yuan: 10, ..midway("A", 1) }),
                settle("m3", &stay("A", 1, 9)),
            ],
            "basic 234.00, account 0.00",
        ),
        (
            "a part that was cancelled bore nothing",
            vec![
                settle("m1", &Care { yuan: 30, ..midway("A", 1) }),
                cancel("m2", "s-m1"),
                settle("m3", &stay("A", 1, 9)),
            ],
            "basic 180.00, account 0.00",
        ),
        (
            "no part after the final settlement",
            vec![settle("m1", &stay("A", 1, 5)), settle("m2", &midway("A", 1))],
            "AlreadySettled setl_id s-m1",
        ),
        (
            "another batch of one visit",
            vec![settle("m1", &visit("A", "1", 3)), settle("m2", &visit("A", "2", 3))],
            "basic 240.00, account 0.00",
        ),
        (
            "the same batch of one visit",
            vec![settle("m1", &visit("A", "1", 3)), settle("m2", &visit("A", "1", 3))],
            "AlreadySettled setl_id s-m1",
        ),
        (
            "an id that is taken",
            vec![settle("m1", &stay("A", 1, 5)), cancel("m1", "s-m1")],
            "InvalidField setl_id the counter-entry's id is taken",
        ),
    ]);
}

#[test]
fn stays_overlap_by_the_day_of_transfer_at_most() {
    check(vec![
        (
            "the day of transfer",
            vec![settle("m1", &stay("A", 1, 5)), settle("m2", &stay("B", 5, 9))],
            "basic 210.00, account 0.00",
        ),
        (
            "one day more",
            vec![settle("m1", &stay("A", 1, 5)), settle("m2", &stay("B", 4, 9))],
            "OverlappingStay begntime s-m1",
        ),
        (
            "a stay that goes on reaches to no end",
            vec![settle("m1", &midway("A", 1)), settle("m2", &stay("B", 15, 19))],
            "OverlappingStay begntime s-m1",
        ),
        (
            "until it is settled finally",
            vec![settle("m1", &midway("A", 1)), settle("m2", &stay("A", 1, 5)), settle("m3", &stay("B", 15, 19))],
            "basic 210.00, account 0.00",
        ),
        (
            "a cancelled stay overlaps nothing",
            vec![settle("m1", &stay("A", 1, 5)), cancel("m2", "s-m1"), settle("m3", &stay("B", 2, 9))],
            "basic 180.00, account 0.00",
        ),
    ]);
}

#[test]
fn cancelling_follows_the_life_of_a_settlement() {
    let first = || settle("m1", &Care { account: AccountUse::Own, ..stay("A", 1, 5) });
    check(vec![
        ("in force", vec![first(), cancel("m2", "s-m1")], "s-m2 takes back s-m1, balance 500.00"),
        ("twice", vec![first(), cancel("m2", "s-m1"), cancel("m3", "s-m1")], "AlreadyCancelled setl_id s-m2"),
        (
            "after reversal",
            vec![first(), reverse("m2", "m1", "2304"), cancel("m3", "s-m1")],
            "AlreadyReversed setl_id -",
        ),
        ("never settled", vec![cancel("m1", "s-m9")], "UnknownSettlement setl_id -"),
        (
            "settled again",
            vec![first(), cancel("m2", "s-m1"), settle("m3", &stay("A", 1, 5))],
            "basic 180.00, account 0.00",
        ),
    ]);
}

#[test]
fn reversing_follows_the_life_of_a_settlement() {
    let first = || settle("m1", &Care { account: AccountUse::Own, ..stay("A", 1, 5) });
    check(vec![
        ("a settlement", vec![first(), reverse("m2", "m1", "2304")], "s-m1 gone, balance 500.00"),
        ("twice", vec![first(), reverse("m2", "m1", "2304"), reverse("m3", "m1", "2304")], "s-m1 gone, balance 500.00"),
        (
            "a cancelled settlement",
            vec![first(), cancel("m2", "s-m1"), reverse("m3", "m1", "2304")],
            "AlreadyCancelled setl_id s-m2",
        ),
        (
            "a cancellation",
            vec![first(), cancel("m2", "s-m1"), reverse("m3", "m2", "2305")],
            "s-m1 in force again without s-m2, balance 280.00",
        ),
        (
            "a cancellation twice",
            vec![first(), cancel("m2", "s-m1"), reverse("m3", "m2", "2305"), reverse("m4", "m2", "2305")],
            "s-m1 in force again without s-m2, balance 280.00",
        ),
        (
            "an earlier cancellation does not undo a later one",
            vec![
                first(),
                cancel("m2", "s-m1"),
                reverse("m3", "m2", "2305"),
                cancel("m4", "s-m1"),
                reverse("m5", "m2", "2305"),
            ],
            "AlreadyReversed setl_id s-m4",
        ),
        (
            "a cancellation reversed before, of a settlement whose message was reversed since",
            vec![
                first(),
                cancel("m2", "s-m1"),
                reverse("m3", "m2", "2305"),
                reverse("m4", "m1", "2304"),
                reverse("m5", "m2", "2305"),
            ],
            "AlreadyReversed setl_id -",
        ),
        (
            "the later of two cancellations",
            vec![
                first(),
                cancel("m2", "s-m1"),
                reverse("m3", "m2", "2305"),
                cancel("m4", "s-m1"),
                reverse("m5", "m4", "2305"),
            ],
            "s-m1 in force again without s-m4, balance 280.00",
        ),
        (
            "a cancellation after the stay was settled again",
            vec![first(), cancel("m2", "s-m1"), settle("m3", &stay("A", 1, 5)), reverse("m4", "m2", "2305")],
            "SettledAgain setl_id s-m2",
        ),
        ("a message never seen", vec![reverse("m2", "m1", "2304")], "nothing in force"),
        ("its original arriving late", vec![reverse("m2", "m1", "2304"), first()], "Voided - -"),
        (
            "a message that was refused",
            vec![cancel("m1", "s-m9"), reverse("m2", "m1", "2305"), cancel("m1", "s-m9")],
            "known at 1",
        ),
        ("a reversal", vec![reverse("m2", "m1", "2304"), reverse("m3", "m2", "2601")], "NotReversible oinfno -"),
        (
            "one number for two visits in force",
            vec![settle("m1", &stay("A", 1, 5)), another("m1", &stay("B", 7, 9)), reverse("m2", "m1", "2304")],
            "AmbiguousOriginal omsgid -",
        ),
        (
            "one number for two visits, one of them in force",
            vec![
                settle("m1", &stay("A", 1, 5)),
                another("m1", &stay("B", 7, 9)),
                cancel("m2", "s-m1"),
                reverse("m3", "m1", "2304"),
            ],
            "s-other gone, balance 500.00",
        ),
        (
            "one number for two visits, reversed once more before the other arrives",
            vec![
                settle("m1", &stay("A", 1, 5)),
                reverse("m2", "m1", "2304"),
                reverse("m3", "m1", "2304"),
                another("m1", &stay("B", 7, 9)),
            ],
            "Voided - -",
        ),
        (
            "one number for two visits, one of them refused and reversed before the other arrives",
            vec![
                settle("m0", &stay("A", 1, 5)),
                settle("m1", &stay("B", 2, 4)),
                reverse("m2", "m1", "2304"),
                another("m1", &stay("C", 7, 9)),
            ],
            "Voided - -",
        ),
        (
            "one number for two visits, one of them reversed when the other arrives",
            vec![settle("m1", &stay("A", 1, 5)), reverse("m2", "m1", "2304"), another("m1", &stay("B", 7, 9))],
            "basic 180.00, account 0.00",
        ),
    ]);
}

/// Settles another visit under a message id that came before: `s-other`.
fn another(message: &str, care: &Care) -> Operation {
    let mut operation = settle(message, care);
    if let Request::Settle(settle) = &mut operation.request {
        settle.settlement = SettlementId::new("s-other").expect("an id");
    }
    operation
}

#[test]
fn a_manual_claim_and_a_settlement_of_one_bill_exclude_each_other() {
    let mut book = book();
    book.person(&number()).claims.push(Claim {
        id: "P1".into(),
        institution: InstitutionCode::new(HOSPITAL).expect("a code"),
        encounter: EncounterId::new("A").expect("an id"),
    });
    assert_eq!(last_of(&mut book, vec![settle("m1", &stay("A", 1, 5))]), "ClaimedManually mdtrt_id P1");
    assert_eq!(last_of(&mut book, vec![settle("m2", &stay("B", 1, 5))]), "basic 180.00, account 0.00");
}

#[test]
fn nobody_else_is_settled_or_undone() {
    let mut elsewhere = settle("m1", &stay("A", 1, 5));
    match &mut elsewhere.request {
        settlement::operation::Request::Settle(settle) => settle.home = pool("440300"),
        settlement::operation::Request::Cancel(_) | settlement::operation::Request::Reverse(_) => {}
    }
    assert_eq!(last_of(&mut book(), vec![elsewhere]), "UnknownPerson psn_no -");
    let mut stranger = cancel("m2", "s-m1");
    stranger.key.institution = InstitutionCode::new("H31010600104").expect("a code");
    assert_eq!(last_of(&mut book(), vec![settle("m1", &stay("A", 1, 5)), stranger]), "UnknownSettlement setl_id -");
    assert_eq!(last_of(&mut Book::default(), vec![settle("m1", &stay("A", 1, 5))]), "UnknownPerson psn_no -");
    assert_eq!(last_of(&mut Book::default(), vec![reverse("m2", "m1", "2304")]), "nothing in force");
}

#[test]
fn a_key_that_never_came_is_voided_and_a_known_one_keeps_its_answer() {
    let mut book = book();
    let operation = settle("m1", &stay("A", 1, 5));
    assert_eq!(told(&resolve(&mut book, &operation.key)), "Voided - -");
    assert_eq!(last_of(&mut book, vec![operation.clone()]), "known at 1");
    assert_eq!(told(&resolve(&mut book, &operation.key)), "known at 1");
    assert!(book.person(&number()).settlements.is_empty());
    let other = settle("m2", &stay("A", 1, 5));
    step(&mut book, other.clone());
    assert_eq!(told(&resolve(&mut book, &other.key)), "known at 2");
    assert_eq!(book.person(&number()).account_balance, Money::from_yuan(500));
    assert!(book.person(&number()).messages.iter().all(|message| message.deed != Deed::Refused));
}
