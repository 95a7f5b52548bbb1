//! What `yidi verify` finds in a hub's book that somebody altered behind its back: what is taken off settlements and added
//! to them, where that counts, and what is noticed and paid. Before each alteration the book is sound.

use std::path::PathBuf;

use clearing::corrections::{Correction, Event, Found};
use clearing::listed::{Act, Person, Seat, Verdict};
use clearing::obligation::Lot;
use clearing::payment::{Payment, Records};
use clearing::period::Side;
use clearing::prefund::quarter::Quarter;
use jiff::civil::date;
use ledger::hub::{
    Afterwards, BatchPlace, Carrying, Change, Changes, CorrectionBatch, DeductionLodging, Disputed, PeriodNumber,
    PrefundChange, PrefundKey, PrefundKind, Proposal, StepTaken,
};
use ledger::mailbox::{Letter, Mailbox, Notice, Part};
use ledger::testing::damage;
use reconciliation::book::READING;
use settlement::adjudication::{Fund, FundShares, Payers};
use settlement::finding::Finding;
use settlement::money::Money;
use settlement::person::Insurance;
use tempfile::TempDir;
use world::months::{Book, Stay, henan_shanghai, noon, settlement_id};
use world::pool;
use yidi::verify::clearing::{Rules, findings};

const JUNE: PeriodNumber = PeriodNumber(1);
const JULY: PeriodNumber = PeriodNumber(2);
const S1: Stay = Stay { id: "S1", home: "410700", yuan: 100 };
const S2: Stay = Stay { id: "S2", home: "410700", yuan: 220 };
const S3: Stay = Stay { id: "S3", home: "410700", yuan: 60 };
const R1: Stay = Stay { id: "R1", home: "410700", yuan: 340 };

/// The deduction of S2, and the correction of S1.
const DEDUCTION: (Afterwards, &str) = (Afterwards::Deduction, "D1");
const CORRECTION: (Afterwards, &str) = (Afterwards::Correction, "B1 S1");

const STANDS: &str = "what is posted stands only while its settlement stands";
const LEAVES: &str = "what is posted leaves a period only where it was";
const IN_ONE_PLACE: &str = "what is posted counts in one place";
const TOO_OFTEN: &str = "nothing posted is carried more often than the calendar says";

struct Altered {
    _folder: TempDir,
    file: PathBuf,
    book: Book,
}

impl Altered {
    /// Two settlements of an employee and one of a resident; 10 yuan are deducted of one, another is corrected.
    async fn begin() -> Altered {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("hub.db");
        let book = Book::open(&file.as_path().into()).expect("a book");
        let altered = Altered { _folder: folder, file, book };
        altered.advance(6, 15).await;
        for stay in [S1, S2] {
            altered.book.settle(stay, noon(6, 16)).await.expect("it is booked");
        }
        altered.book.settle_resident(R1, noon(6, 16)).await.expect("it is booked");
        altered.book.store.journal_fold(READING).await.expect("it is folded");
        altered.deduct().await;
        altered.correct().await;
        assert_eq!(altered.wrong().await, [""; 0]);
        altered
    }

    async fn deduct(&self) {
        let (store, by) = (&self.book.store, || ("an agency".to_owned(), noon(6, 17)));
        let lodging = DeductionLodging {
            id: DEDUCTION.1.into(),
            settlement: settlement_id("S2"),
            deducted: basic(10),
            reason: "超限定用药".into(),
        };
        store.deduction_lodge(lodging, by()).await.expect("the store works").expect("it is lodged");
        let agreed = Change::Agree(basic(10), "双方认定".into());
        store.deduction_change(DEDUCTION.1.into(), agreed, by()).await.expect("the store works").expect("it is agreed");
    }

    async fn correct(&self) {
        let paid = |yuan| Payers { funds: basic(yuan), cash: Money::from_yuan(100 - yuan), ..Payers::default() };
        let found = Found { settlement: settlement_id("S1"), told: paid(50), worked_out: paid(21) };
        self.put_into_force("B1", Changes::Named(vec![found]), 1).await;
    }

    /// A batch under a number of the region's book, put forward and approved by two.
    async fn put_into_force(&self, id: &str, changes: Changes, number: u64) {
        let store = &self.book.store;
        let proposal = Proposal { id: id.into(), home: pool("410700"), changes, reason: "前次住院撤销".into() };
        let by = |certificate: &str, seat| (Person { certificate: certificate.into(), seat }, noon(6, 17));
        let held =
            store.correction_propose(proposal, by("one", Seat::Member(Side::Home))).await.expect("the store works");
        let seen = held.expect("it is put forward").batch.digest().to_string();
        let another = by("another", Seat::Centre);
        let decided = store.correction_decide((id.into(), seen), Event::Approve, String::new(), another).await;
        decided.expect("the store works").expect("it is approved");
        let place = BatchPlace { after: 7, number };
        let taken = store
            .correction_take((id.into(), place, Default::default()), vec![pool("410700")], letter, noon(6, 17))
            .await;
        taken.expect("the store works").expect("the number is its own");
    }

    /// June is cleared without it, and it goes to the list.
    async fn list(&self, id: &str) {
        let out = Disputed { settlement: settlement_id(id), reason: "apart".into(), owner: Side::Home };
        let carrying = Carrying::from([(JUNE, None)]);
        let carried = self.book.store.entry_carry_out(JUNE, (vec![out], vec![]), carrying, noon(7, 20)).await;
        assert_eq!(carried.expect("the store works"), Some(1));
    }

    /// Two people end it there.
    async fn end(&self, id: &str, verdict: Verdict) {
        let acts = [(Act::Propose(verdict), Seat::Member(Side::Home)), (Act::Approve(verdict), Seat::Centre)];
        for (act, seat) in acts {
            let by = (Person { certificate: format!("{seat:?}"), seat }, noon(7, 20));
            let acted = self.book.store.listed_act((settlement_id(id), 0), act, "查实".into(), by).await;
            acted.expect("the store works").expect("it may be done");
        }
    }

    async fn advance(&self, month: i8, day: i8) {
        self.book.clearing().advance(noon(month, day)).await.expect("the store works");
    }

    async fn found(&self) -> Vec<Finding> {
        let rules = Rules { regions: Some(&self.book.regions), calendar: Some(&self.book.calendar) };
        findings(&self.book.store, rules).await.expect("it is read")
    }

    /// The sentences that do not hold.
    async fn wrong(&self) -> Vec<&'static str> {
        let mut wrong: Vec<&str> = self.found().await.into_iter().map(|found| found.invariant).collect();
        wrong.dedup();
        wrong
    }
}

fn basic(yuan: i64) -> FundShares {
    let mut shares = FundShares::default();
    shares.set(Fund::Basic, Money::from_yuan(yuan));
    shares
}

#[tokio::test]
async fn what_a_deduction_takes_off_without_anything_that_happened_is_found() {
    let altered = Altered::begin().await;
    assert_eq!(damage::post_deduction(&altered.file, DEDUCTION.1, JUNE.0, 100_000).expect("it is altered"), 1);
    assert_eq!(altered.wrong().await, ["deductions are posted as they happen"]);
}

#[tokio::test]
async fn a_deduction_that_was_agreed_on_and_is_not_taken_off_or_otherwise_is_found() {
    let altered = Altered::begin().await;
    let (kind, first) = (DEDUCTION.0, (DEDUCTION.1, 1));
    // As lodged is the most.
    assert_eq!(damage::add_to_posting(&altered.file, kind, first, 1).expect("it is altered"), 1);
    assert_eq!(altered.wrong().await, ["deductions are posted as they happen"]);
    damage::add_to_posting(&altered.file, kind, first, -1).expect("it is mended");
    assert_eq!(altered.wrong().await, [""; 0]);
    assert_eq!(damage::drop_posting(&altered.file, kind, first).expect("it is altered"), 1);
    assert_eq!(altered.wrong().await, ["deductions are posted as they happen"]);
}

#[tokio::test]
async fn what_is_given_back_otherwise_than_it_was_taken_off_or_not_at_all_is_found() {
    let altered = Altered::begin().await;
    altered.book.cancel("C2", S2, noon(6, 18)).await.expect("it is cancelled");
    altered.advance(6, 19).await;
    assert_eq!(altered.wrong().await, [""; 0]);
    let (kind, back) = (DEDUCTION.0, (DEDUCTION.1, 2));
    assert_eq!(damage::add_to_posting(&altered.file, kind, back, 1).expect("it is altered"), 1);
    assert_eq!(altered.wrong().await, ["deductions are posted as they happen"]);
    assert_eq!(damage::drop_posting(&altered.file, kind, back).expect("it is altered"), 1);
    assert_eq!(altered.wrong().await, ["deductions are posted as they happen"]);
    // As if its settlement still stood.
    assert_eq!(damage::drop_deduction_event(&altered.file, back).expect("it is altered"), 1);
    assert_eq!(altered.wrong().await, [STANDS]);
}

#[tokio::test]
async fn a_correction_that_counts_on_though_its_settlement_is_cancelled_is_found() {
    let altered = Altered::begin().await;
    altered.book.cancel("C1", S1, noon(6, 18)).await.expect("it is cancelled");
    altered.advance(6, 19).await;
    assert_eq!(altered.wrong().await, [""; 0]);
    assert_eq!(damage::drop_posting(&altered.file, CORRECTION.0, (CORRECTION.1, 2)).expect("it is altered"), 1);
    assert_eq!(altered.wrong().await, [STANDS]);
}

#[tokio::test]
async fn what_is_still_to_follow_its_settlement_is_nothing_wrong() {
    let altered = Altered::begin().await;
    for (id, stay) in [("C1", S1), ("C2", S2)] {
        altered.book.cancel(id, stay, noon(6, 18)).await.expect("it is cancelled");
    }
    assert_eq!(altered.wrong().await, [""; 0], "clearing cannot have seen it yet");
    altered.book.store.journal_fold(READING).await.expect("it is folded");
    assert_eq!(altered.wrong().await, [""; 0], "somebody folded, and clearing is still to run");
    altered.advance(6, 19).await;
    assert_eq!(altered.wrong().await, [""; 0]);
    for (id, cancelled, stay) in [("B-C1", "C1", S1), ("B-C2", "C2", S2)] {
        altered.book.bring_back(id, cancelled, stay, noon(6, 20)).await.expect("it is brought back");
    }
    assert_eq!(altered.wrong().await, [""; 0], "clearing cannot have seen it yet");
    altered.book.store.journal_fold(READING).await.expect("it is folded");
    assert_eq!(altered.wrong().await, [""; 0], "nothing counts yet of what is in force again");
    altered.advance(6, 21).await;
    assert_eq!(altered.wrong().await, [""; 0]);
}

#[tokio::test]
async fn what_is_moved_out_of_a_period_that_it_was_never_in_is_found() {
    for (kind, id) in [DEDUCTION, CORRECTION] {
        let altered = Altered::begin().await;
        assert_eq!(damage::move_posting(&altered.file, kind, (id, 1), (5, JULY.0), None).expect("it is altered"), 1);
        assert_eq!(altered.wrong().await, [LEAVES, IN_ONE_PLACE], "{id} counts in two periods");
    }
}

#[tokio::test]
async fn what_is_moved_out_of_the_period_in_which_two_people_had_it_cleared_is_found() {
    for ((kind, id), of) in [(DEDUCTION, "S2"), (CORRECTION, "S1")] {
        let altered = Altered::begin().await;
        altered.advance(7, 1).await;
        altered.list(of).await;
        assert_eq!(altered.wrong().await, [""; 0], "{id} waits on the list");
        altered.end(of, Verdict::Clear).await;
        assert_eq!(altered.wrong().await, [""; 0], "{id} counts in July, out of the list");
        // What two people have cleared stays where they put it.
        let moved = damage::move_posting(&altered.file, kind, (id, 1), (JULY.0, 3), None);
        assert_eq!(moved.expect("it is altered"), 1);
        let found: Vec<_> = altered.found().await.into_iter().map(|found| (found.invariant, found.subject)).collect();
        assert_eq!(found, [(IN_ONE_PLACE, "period 2".to_owned())], "{id} counts in July and in August");
    }
}

#[tokio::test]
async fn what_is_moved_backwards_or_without_being_posted_is_found() {
    for (step, ways) in [(1, vec![(1, 3), (3, 2)]), (9, vec![(1, 2)])] {
        let altered = Altered::begin().await;
        for way in ways {
            let moved = damage::move_posting(&altered.file, CORRECTION.0, (CORRECTION.1, step), way, None);
            assert_eq!(moved.expect("it is altered"), 1);
        }
        assert_eq!(altered.wrong().await, [LEAVES]);
    }
}

#[tokio::test]
async fn what_is_moved_onto_the_list_where_nobody_finds_it_is_found() {
    for (kind, id) in [DEDUCTION, CORRECTION] {
        let altered = Altered::begin().await;
        assert_eq!(damage::move_posting(&altered.file, kind, (id, 1), (JUNE.0, 0), None).expect("it is altered"), 1);
        assert_eq!(altered.wrong().await, ["what is posted counts or is listed"], "{id}");
        let altered = Altered::begin().await;
        let moved = damage::move_posting(&altered.file, kind, (id, 1), (JUNE.0, 0), Some("home"));
        assert_eq!(moved.expect("it is altered"), 1);
        assert_eq!(altered.wrong().await, [""; 0], "{id} is on the list by itself");
    }
}

#[tokio::test]
async fn what_counts_while_what_it_gives_back_waits_on_the_list_is_found() {
    for ((kind, id), stay) in [(DEDUCTION, S2), (CORRECTION, S1)] {
        let altered = Altered::begin().await;
        altered.book.cancel("C1", stay, noon(6, 18)).await.expect("it is cancelled");
        altered.advance(6, 19).await;
        for (step, wrong) in [(1, vec!["what builds on what is listed waits with it"]), (2, vec![])] {
            let moved = damage::move_posting(&altered.file, kind, (id, step), (JUNE.0, 0), Some("home"));
            assert_eq!(moved.expect("it is altered"), 1);
            assert_eq!(altered.wrong().await, wrong, "{id}, posting {step}");
        }
    }
}

#[tokio::test]
async fn what_is_posted_and_carried_more_often_than_the_calendar_says_is_found() {
    for ((kind, id), owner) in [DEDUCTION, CORRECTION].into_iter().flat_map(|one| [(one, Some("home")), (one, None)]) {
        let altered = Altered::begin().await;
        for (way, wrong) in [((1, 2), None), ((2, 3), None), ((3, 4), Some(TOO_OFTEN))] {
            let moved = damage::move_posting(&altered.file, kind, (id, 1), way, owner);
            assert_eq!(moved.expect("it is altered"), 1);
            assert_eq!(altered.wrong().await, Vec::from_iter(wrong), "{id} {way:?}, by itself or with its settlement");
        }
    }
}

const BESIDE: &str = "what undoes something counts only beside it";

#[tokio::test]
async fn an_undoing_that_is_stated_without_its_settlement_on_the_list_is_found() {
    for (is_returned, told) in [
        (false, "it waits on the list, and what undoes it was stated in period 2 since"),
        (true, "it was returned from the list, and what undoes it counts"),
    ] {
        let altered = Altered::begin().await;
        altered.book.settle(S3, noon(6, 18)).await.expect("it is booked");
        altered.advance(7, 1).await;
        altered.list("S3").await;
        if is_returned {
            altered.end("S3", Verdict::Return).await;
        }
        altered.book.cancel("C3", S3, noon(7, 22)).await.expect("it is cancelled");
        altered.book.store.journal_fold(READING).await.expect("it is folded");
        assert_eq!(altered.wrong().await, [""; 0], "July is not stated yet");
        // Without carrying anything out.
        let stated = altered.book.store.clearing_step(JULY, StepTaken::Carried, String::new(), noon(8, 21)).await;
        stated.expect("it is planted");
        let found: Vec<_> = altered.found().await.into_iter().map(|found| (found.invariant, found.problem)).collect();
        assert_eq!(found, [(BESIDE, told.to_owned())]);
    }
}

#[tokio::test]
async fn a_correction_that_takes_back_what_was_returned_and_counts_is_found() {
    let altered = Altered::begin().await;
    altered.put_into_force("B2", Changes::Undo("B1".into()), 2).await;
    let moved = |way| damage::move_posting(&altered.file, CORRECTION.0, (CORRECTION.1, 1), way, Some("home"));
    assert_eq!(moved((JUNE.0, 0)).expect("it is altered"), 1);
    assert_eq!(moved((0, 0)).expect("it is altered"), 1);
    let found: Vec<_> = altered.found().await.into_iter().filter(|found| found.invariant == BESIDE).collect();
    let told: Vec<_> = found.iter().map(|found| (found.subject.as_str(), found.problem.as_str())).collect();
    assert_eq!(told, [("correction B2 S1", "what it takes back was returned from the list, and it counts")]);
}

#[tokio::test]
async fn what_is_due_of_one_insurance_without_a_notice_beside_that_of_another_is_found() {
    for insurance in Insurance::ALL {
        let altered = Altered::begin().await;
        for day in [1, 21, 30] {
            altered.advance(7, day).await;
        }
        assert_eq!(altered.wrong().await, [""; 0]);
        let dropped = damage::drop_notices(&altered.file, JUNE.0, insurance.word()).expect("it is altered");
        assert_eq!(dropped, 1, "both insurances were noticed");
        assert_eq!(altered.wrong().await, ["a noticed pair has a notice of each insurance that is due"]);
        let nothing = damage::notice_of_nothing(&altered.file, JUNE.0, insurance.word()).expect("it is altered");
        assert_eq!(nothing, 1);
        assert_eq!(altered.wrong().await, ["payable is receivable"], "it asks for nothing, and something is due");
    }
}

/// A prefund was set, and each side has recorded its payment under a number.
async fn set_and_paid(altered: &Altered, serials: [&str; 2]) -> (PrefundKey, String) {
    let (store, amount) = (&altered.book.store, Money::from_yuan(50_000));
    let key = PrefundKey { pair: henan_shanghai(), insurance: Insurance::Employee };
    let change = PrefundChange {
        key,
        id: "2025".into(),
        kind: PrefundKind::Reset,
        amount,
        basis: Quarter::default(),
        held: Money::ZERO,
        reason: "2025年度额度调整".into(),
        asked_by: None,
        at: noon(6, 15),
    };
    let id = change.id.clone();
    assert!(store.prefund_change(change, "the centre".into()).await.expect("the store works"));
    for (side, serial) in Side::ALL.into_iter().zip(serials) {
        let payment = Payment { serial: serial.into(), bank: "中国银行".into(), on: date(2025, 6, 16), amount };
        let place = (key, id.clone(), side);
        let paid = store.prefund_pay(place, payment, ("us".into(), noon(6, 17))).await.expect("the store works");
        assert_eq!(paid, Ok(()));
    }
    (key, id)
}

#[tokio::test]
async fn a_payment_of_a_prefund_that_is_not_its_change_is_found() {
    let altered = Altered::begin().await;
    set_and_paid(&altered, ["1", "1"]).await;
    assert_eq!(altered.wrong().await, [""; 0]);
    assert_eq!(damage::change_prefund_payments(&altered.file, 1).expect("it is altered"), 2);
    assert_eq!(altered.wrong().await, ["prefund payments are what their changes ask for"]);
}

#[tokio::test]
async fn two_records_of_a_prefunds_payment_that_one_certificate_accepted_for_both_sides_are_found() {
    let altered = Altered::begin().await;
    let (place, seen) = (set_and_paid(&altered, ["BOC-1", "ICBC-1"]).await, Records { paid: 1, received: 1 });
    for side in Side::ALL {
        let (reason, by) = ("各行流水号".to_owned(), (side.word().to_owned(), noon(6, 18)));
        let accepted = altered.book.store.prefund_accept_payment(place.clone(), (side, seen), reason, by).await;
        assert_eq!(accepted.expect("the store works"), Ok(()));
    }
    assert_eq!(altered.wrong().await, [""; 0]);
    let accepted_by = ("prefund_payment_acceptances", "accepted_by");
    assert_eq!(damage::overwrite(&altered.file, accepted_by, "one").expect("it is altered"), 2);
    assert_eq!(altered.wrong().await, [BY_TWO]);
}

const BY_TWO: &str = "what takes two people was done by two";

#[tokio::test]
async fn a_batch_that_was_approved_by_who_put_it_forward_is_found() {
    let altered = Altered::begin().await;
    assert_eq!(damage::overwrite(&altered.file, ("correction_events", "done_by"), "one").expect("it is altered"), 2);
    assert_eq!(altered.wrong().await, [BY_TWO]);
}

#[tokio::test]
async fn a_batch_that_two_people_decided_on_without_one_of_the_home_region_is_found() {
    for (column, seat) in [("proposed_seat", "centre"), ("proposed_seat", "treatment")] {
        let altered = Altered::begin().await;
        let of_others = damage::overwrite(&altered.file, ("correction_batches", column), seat);
        assert_eq!(of_others.expect("it is altered"), 1);
        assert_eq!(altered.wrong().await, [BY_TWO], "{seat} and the centre");
    }
    let altered = Altered::begin().await;
    let of_others = damage::overwrite(&altered.file, ("correction_events", "seat"), "treatment");
    assert_eq!(of_others.expect("it is altered"), 2);
    assert_eq!(altered.wrong().await, [BY_TWO]);
}

#[tokio::test]
async fn two_records_that_one_certificate_accepted_for_both_sides_are_found() {
    let altered = Altered::begin().await;
    for day in [1, 21, 30] {
        altered.advance(7, day).await;
    }
    let (store, place) = (&altered.book.store, (JUNE, henan_shanghai(), Insurance::Employee));
    let record = store.clearing_record(JUNE, Default::default()).await.expect("it is read").expect("a month");
    let amount = record.pairs[&henan_shanghai()].payables.employee.due;
    for side in Side::ALL {
        let (serial, bank, on) = (side.word().to_owned(), "中国银行".to_owned(), date(2025, 8, 8));
        let payment = Payment { serial, bank, on, amount };
        let paid = store.payment_record(place, side, payment, ("us".into(), noon(8, 8))).await;
        paid.expect("the store works").expect("it is recorded");
    }
    for side in Side::ALL {
        let (seen, by) = (Records { paid: 1, received: 1 }, (side.word().to_owned(), noon(8, 9)));
        let accepted = store.payment_accept(place, (side, seen), "各行流水号".into(), by).await;
        accepted.expect("the store works").expect("it is accepted");
    }
    assert_eq!(altered.wrong().await, [""; 0]);
    let accepted_by = ("payment_acceptances", "accepted_by");
    assert_eq!(damage::overwrite(&altered.file, accepted_by, "one").expect("it is altered"), 2);
    assert_eq!(altered.wrong().await, [BY_TWO]);
}

#[tokio::test]
async fn what_left_the_list_without_two_people_of_two_seats_is_found() {
    for (column, text) in [("seat", "home"), ("done_by", "one"), ("settlement", "another")] {
        let altered = Altered::begin().await;
        altered.advance(7, 1).await;
        altered.list("S1").await;
        altered.end("S1", Verdict::Clear).await;
        assert_eq!(altered.wrong().await, [""; 0]);
        assert_eq!(damage::overwrite(&altered.file, ("listed_acts", column), text).expect("it is altered"), 2);
        assert_eq!(altered.wrong().await, [BY_TWO], "{column}");
    }
}

/// What tells the treatment side of a correction.
fn letter(held: &CorrectionBatch, (correction, lot): (&Correction, &Lot), version: u64) -> Notice {
    let subject = format!("correction {} {}", held.batch.id, correction.settlement);
    let (id, kind, body) = (format!("{subject} {version}"), "correction".to_owned(), Default::default());
    let letter = Letter { id, subject, version, kind, body };
    Notice { mailbox: Mailbox { pool: lot.treatment, part: Part::Treatment }, letter }
}
