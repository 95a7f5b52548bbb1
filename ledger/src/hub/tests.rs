//! What the hub's store promises, whatever stands under it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use jiff::civil::{Date, date};
use settlement::adjudication::{Fund, FundShares, Payers};
use settlement::bill::{Bill, CategorySum, Coverage, FeeCategory};
use settlement::encounter::{CareKind, Encounter, HospitalLevel, Marks};
use settlement::filing::{Filing, FilingClass, Proof};
use settlement::ids::{
    EncounterId, FilingId, InstitutionCode, MessageId, PersonNumber, PoolCode, RegionCode, SettlementId,
    TransactionNumber,
};
use settlement::money::Money;
use settlement::operation::{AccountUse, Cancel, Operation, OperationKey, Request, Reverse, Settle};
use settlement::person::{Insurance, Validity};
use settlement::postings::{Account, Booking, JournalEntry, Parties, Turn};
use settlement::region::RegionTable;
use tempfile::TempDir;

use super::*;
use crate::engine::migrate;
use crate::testing::{Database, PrivatePostgres};
use alone::*;
use append_only::nobody_changes_or_removes_evidence;
use asked::a_comparison_is_asked_for_with_its_letter_and_its_first_answer_stays;
use booking::*;
use breaks::*;
use corrections::*;
use course::*;
use deductions::*;
use filed::*;
use folding::*;
use following::*;
use inquiries::*;
use inside::*;
use listed::*;
use paged::*;
use prefunds::*;
use returned::*;
use sums::*;
use together::*;
use told::*;
use turned::*;
use uncompared::*;

mod alone;
mod append_only;
mod asked;
mod booking;
mod breaks;
mod corrections;
mod course;
mod deductions;
mod filed;
mod folding;
mod following;
mod inquiries;
mod inside;
mod listed;
mod paged;
mod prefunds;
mod returned;
mod several;
mod sums;
mod together;
mod told;
mod turned;
mod uncompared;
mod waiting;

const REGIONS: &str = "code,name,level,pool,member\n310000,上海市,pool,310000,310000\n\
    310101,黄浦区,county,310000,310000\n410700,新乡市,pool,410700,410700\n";

/// Runs every promise on both databases.
macro_rules! on_both {
    ($($promise:ident,)+) => {
        mod on_sqlite {
            $(#[tokio::test]
            async fn $promise() {
                super::$promise(super::World::on_sqlite()).await;
            })+
        }

        mod on_postgres {
            $(#[tokio::test]
            async fn $promise() {
                super::$promise(super::World::on_postgres()).await;
            })+
        }
    };
}

on_both! {
    positions_are_given_in_order_and_a_known_key_gets_none,
    a_comparison_is_asked_for_with_its_letter_and_its_first_answer_stays,
    the_first_answer_stays,
    a_released_key_is_free_again_and_both_attempts_stay_in_the_book,
    a_key_that_never_came_is_voided_by_asking_and_a_known_one_is_not,
    a_reversal_of_nothing_voids_its_target_whatever_the_encounter,
    a_reversal_knows_which_of_its_targets_wait,
    a_reversal_for_another_region_than_its_target_is_not_written,
    a_target_that_is_released_while_its_reversal_waits_never_takes_effect,
    what_has_no_answer_is_listed_oldest_first,
    each_change_of_a_settlements_standing_is_booked_once,
    the_journal_is_read_turn_by_turn_beside_what_made_each_settlement,
    journal_lines_read_back_as_they_were_booked,
    the_filings_that_cover_the_visit_are_fetched_with_the_receipt,
    a_filing_is_lodged_once_and_cancelled_once,
    a_proof_that_comes_later_counts_from_then_on,
    the_highest_number_of_a_regions_book_is_known,
    everything_is_there_after_opening_again,
    nobody_changes_or_removes_evidence,
    an_entry_is_in_the_period_that_is_open_when_it_is_committed,
    what_a_hub_left_behind_is_found_by_the_next,
    folding_adds_up_to_the_journal_whenever_answers_come,
    a_period_is_recorded_step_by_step_and_each_step_once,
    what_is_carried_out_is_carried_in_and_cleared_once,
    a_break_holds_back_what_is_between_its_own_pools_alone,
    an_end_that_was_proposed_for_another_sum_is_proposed_anew,
    two_records_that_differ_are_paid_once_both_sides_accept_these_two,
    what_is_listed_is_cleared_or_returned_by_two_people_and_once,
    what_was_cleared_from_the_list_is_carried_nowhere_else,
    the_list_is_walked_page_by_page_and_each_is_told_once,
    whether_something_can_be_done_is_told_without_doing_it,
    an_end_that_was_proposed_for_fewer_entries_is_decided_anew,
    what_is_taken_off_a_settlement_goes_with_it_onto_the_list_and_off_it,
    what_comes_to_the_list_after_its_settlement_was_returned_is_decided_anew,
    what_undoes_what_was_cleared_from_the_list_is_cleared_too,
    what_corrects_an_earlier_period_says_which,
    a_settlement_is_followed_over_the_list_to_where_it_counts_by_now,
    an_objection_carries_out_what_it_names_and_nothing_else,
    a_payment_is_corrected_by_its_side_until_both_record_the_same,
    a_deduction_is_taken_off_once_agreed_and_given_back_when_its_settlement_is_undone,
    all_deductions_of_a_settlement_stay_within_its_payment,
    deductions_are_listed_page_by_page_for_their_regions,
    a_released_deduction_comes_back_as_it_stood_with_its_settlement,
    a_released_deduction_that_fits_no_more_stays_released_and_says_why,
    what_comes_back_to_a_settlement_on_the_list_waits_there_with_it,
    a_batch_is_decided_by_two_people_and_its_money_is_booked_once_the_region_has_taken_it,
    what_was_refused_or_failed_moves_nothing_and_leaves_its_settlements_free,
    a_correction_is_given_back_when_its_settlement_is_undone_and_comes_again_with_it,
    a_batch_is_taken_back_as_a_whole_and_once,
    a_correction_goes_with_its_settlement_onto_the_list_and_off_it,
    postings_that_are_not_what_their_batches_say_are_found,
    what_changes_a_cleared_settlement_is_carried_for_two_periods_and_then_listed,
    what_is_listed_by_itself_is_ended_by_two_people_and_counts_once_or_never,
    what_may_be_carried_no_further_leaves_the_entry_that_it_goes_with,
    what_undoes_a_settlement_reaches_the_list_with_it_however_seldom_it_was_carried,
    what_is_not_stated_yet_joins_its_settlement_on_the_list,
    what_is_undone_in_a_stated_period_is_cleared_with_that,
    what_can_only_be_cleared_is_not_objected_to_once_a_later_entry_was_returned,
    what_brings_a_settlement_back_is_seen_beside_what_is_listed,
    what_is_taken_off_after_the_list_stays_where_its_settlement_was_cleared,
    what_is_taken_off_in_a_stated_period_has_its_settlement_cleared,
    a_correction_that_is_taken_back_in_a_stated_period_is_cleared_with_that,
    an_objection_moves_nothing_of_another_pairs_statement,
    a_pair_whose_pool_has_left_objects_to_nothing_of_that,
    what_another_pool_owes_of_a_settlement_waits_and_counts_by_itself,
    what_stays_inside_one_member_is_carried_nowhere,
    what_undoes_what_is_listed_joins_it_also_inside_one_member,
    what_only_undoes_a_settlement_is_returned_though_something_is_taken_off_that,
    what_waits_may_be_returned_while_what_undoes_it_is_not_stated,
    what_was_cleared_from_the_list_stays_also_in_a_period_that_is_not_stated,
    what_was_carried_of_a_settlement_is_seen_beside_what_is_listed_of_it,
    what_builds_on_what_may_be_carried_no_further_goes_to_the_list_with_it,
    what_is_given_back_or_only_undone_may_be_returned,
    what_left_the_list_by_itself_is_objected_to_no_more_and_waits_for_nothing,
    what_takes_back_a_correction_on_the_list_waits_there_and_ends_with_it,
    what_moves_by_itself_is_told_in_the_period_that_it_leaves_and_in_the_one_that_it_enters,
    what_takes_back_a_correction_that_left_the_list_counts_only_where_that_was_cleared,
    what_is_worked_out_again_from_a_correction_on_the_list_waits_for_its_end,
    what_took_back_a_correction_on_its_way_goes_onto_the_list_with_it,
    what_was_given_back_of_a_posting_on_its_way_goes_onto_the_list_with_it,
    an_objection_to_what_comes_to_nothing_in_its_lot_is_heard,
    folding_twice_at_once_folds_once,
    each_entry_is_proved_in_its_own_period,
    an_undoing_is_in_the_period_in_which_it_was_booked,
    a_check_is_asked_answered_and_closed_each_once_with_its_letter,
    a_ticket_stays_with_whom_it_was_asked_until_it_will_do,
    a_refused_change_of_an_inquiry_leaves_neither_event_nor_letter,
    inquiries_are_listed_page_by_page_for_their_regions,
    a_large_bill_is_expected_to_be_checked_until_it_is_or_is_undone,
    a_branch_is_compared_once_both_comparisons_reached_its_present_root,
    what_was_not_compared_is_carried_out_by_branch_with_what_undoes_it_and_is_taken_off_it,
    changes_of_several_prefunds_are_recorded_together_and_each_once,
    a_change_that_is_asked_for_counts_once_it_is_accepted_and_paid_by_both,
    two_records_of_a_change_that_differ_are_paid_once_both_sides_accept_these_two,
    each_node_of_both_members_is_told_once_of_what_is_recorded,
    what_is_not_recorded_is_not_told,
    the_use_of_a_prefund_is_told_each_time_that_it_turns,
    each_word_of_a_change_of_a_prefund_is_told_in_its_order,
    a_deduction_is_told_each_time_that_it_moves_is_given_back_or_comes_again,
    both_members_are_told_where_a_correction_goes_by_itself,
    what_is_proposed_about_the_list_moves_nothing_and_tells_nobody,
    what_differs_is_carried_out_and_told_some_at_a_time,
    what_is_taken_off_branches_follows_them_some_at_a_time,
    what_another_run_carries_out_meanwhile_leaves_nothing_behind,
    an_objection_tells_of_what_it_moves_and_not_of_what_went_before,
    that_a_period_is_closed_is_told_some_pairs_at_a_time_and_once,
    what_was_decided_of_a_hospitals_book_stays_so_while_the_same_is_told,
    a_part_of_a_report_ends_nothing_outside_of_its_stretch,
    breaks_and_certificates_are_read_page_by_page,
    a_signature_takes_the_place_of_the_one_that_it_was_to_replace_alone,
    certificates_that_lack_a_signature_are_found_page_by_page,
    what_was_read_before_something_moved_is_not_stated,
    a_lot_stands_in_the_statements_of_one_pair,
    only_settlements_that_turned_are_looked_at_again,
    a_batch_that_is_taken_after_its_settlement_was_undone_is_given_back,
    a_period_keeps_a_row_a_branch_however_many_entries_it_holds,
    what_was_not_compared_is_carried_out_also_where_its_lot_comes_to_nothing,
    a_look_at_a_period_reads_one_row_a_lot_however_many_are_behind_it,
    what_was_carried_into_a_period_is_read_page_by_page_and_each_once,
    what_was_returned_with_its_settlement_waits_no_more,
    what_was_returned_by_itself_waits_no_more,
}

struct World {
    store: HubStore,
    place: Place,
    regions: Arc<RegionTable>,
}

/// Where the store is, for a second look.
enum Place {
    Sqlite(TempDir),
    Postgres(Database),
}

impl World {
    fn on_sqlite() -> World {
        World::at(Place::Sqlite(tempfile::tempdir().expect("a folder")))
    }

    /// As in production: migrated by its owner, served by a role that owns nothing.
    fn on_postgres() -> World {
        let database = PrivatePostgres::shared().database().expect("a database");
        let owner = database.owner_url.parse().expect("a location");
        migrate(&owner, &SCHEMA, Some(&database.app_role)).expect("it is migrated");
        World::at(Place::Postgres(database))
    }

    fn at(place: Place) -> World {
        let regions = Arc::new(RegionTable::from_csv(REGIONS).expect("a table"));
        World { store: place.open(), place, regions }
    }

    async fn receive(&self, operation: &Operation) -> Received {
        self.receive_bytes(operation, "the bytes").await
    }

    async fn receive_bytes(&self, operation: &Operation, bytes: &str) -> Received {
        let receipt = Receipt {
            operation: Arc::new(operation.clone()),
            bytes: Bytes::copy_from_slice(bytes.as_bytes()),
            received_at: at(1),
            regions: self.regions.clone(),
        };
        self.store.operation_receive(receipt).await.expect("it is received")
    }

    async fn receive_fresh(&self, operation: &Operation) -> Fresh {
        match self.receive(operation).await {
            Received::Fresh(fresh) => fresh,
            known @ (Received::Earlier(_) | Received::Voided | Received::Misdirected) => panic!("not fresh: {known:?}"),
        }
    }

    async fn answer(&self, position: Position, booking: Option<Booking>) -> Answering {
        self.store.operation_answer(position, pool("410700"), answer("yes", 1), booking).await.expect("it is answered")
    }

    async fn hospital(&self) -> i64 {
        let institution = InstitutionCode::new("H31010100001").expect("a code");
        self.store.journal_sum(Account::Hospital { institution }).await.expect("a sum").fen()
    }

    async fn lodge(&self, id: &str, class: FilingClass, from: Date) -> Lodged {
        self.store.filing_lodge(filing(id, class, from), lodging(), vec![]).await.expect("it is lodged")
    }

    /// As after a restart.
    async fn reopened(self) -> World {
        let World { store, place, regions } = self;
        let closed = store.closed();
        drop(store);
        closed.wait().await;
        World { store: place.open(), place, regions }
    }

    async fn listed(&self) -> Vec<Position> {
        let listed = self.store.operation_unanswered(pool("410700"), Position(0), 10).await.expect("a list");
        listed.iter().map(|waiting| waiting.position).collect()
    }

    async fn sweep(&self) {
        let frontier = self.store.operation_frontier().await.expect("a frontier");
        self.store.operation_sweep(&frontier).await.expect("it is swept");
    }

    async fn check(&self) {
        assert_eq!(self.store.journal_balance().await.expect("a balance"), (Vec::new(), Money::ZERO));
        assert_eq!(self.store.operation_misplaced().await.expect("a check"), []);
    }
}

impl Place {
    fn location(&self) -> Location {
        match self {
            Place::Sqlite(folder) => folder.path().join("hub.db").into(),
            Place::Postgres(database) => database.app_url.parse().expect("a location"),
        }
    }

    fn open(&self) -> HubStore {
        HubStore::open(&self.location(), &StoreOptions::default()).expect("a store")
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("an instant")
}

fn pool(code: &str) -> PoolCode {
    PoolCode(RegionCode::new(code).expect("six digits"))
}

fn person() -> PersonNumber {
    PersonNumber::new("41070000001").expect("a number")
}

fn key(message: &str, transaction: &str) -> OperationKey {
    OperationKey {
        institution: InstitutionCode::new("H31010100001").expect("a code"),
        message: MessageId::new(message).expect("an id"),
        transaction: TransactionNumber::new(transaction).expect("a number"),
        person: person(),
        encounter: None,
        batch: None,
    }
}

fn settle(message: &str) -> Operation {
    let total = Money::from_fen(100);
    let category = CategorySum {
        category: FeeCategory::new(9).expect("western drugs"),
        class_a: total,
        class_b: Money::ZERO,
        class_c: Money::ZERO,
        over_limit: Money::ZERO,
    };
    let coverage = Coverage { in_policy: total, ..Coverage::default() };
    let settle = Settle {
        settlement: SettlementId::new(message).expect("an id"),
        home: pool("410700"),
        insurance: Insurance::Employee,
        encounter: Encounter {
            id: EncounterId::new("31").expect("an id"),
            institution: InstitutionCode::new("H31010100001").expect("a code"),
            area: RegionCode::new("310101").expect("six digits"),
            pool: pool("310000"),
            member: None,
            level: HospitalLevel::Third,
            care: CareKind::Inpatient,
            admitted: date(2025, 6, 10),
            discharged: None,
            disease: None,
            diagnosis: None,
            batch: None,
            interim: true,
            marks: Marks::default(),
        },
        bill: Bill::new(coverage, vec![category], Vec::new()).expect("a bill"),
        account: AccountUse::None,
    };
    Operation { key: key(message, "2304"), request: Request::Settle(Box::new(settle)) }
}

fn cancel(message: &str) -> Operation {
    let id = |text: &str| SettlementId::new(text).expect("an id");
    let (counter, settlement) = (id(message), id("S"));
    let cancel = Cancel { counter, settlement, home: pool("410700"), treatment: pool("310000") };
    Operation { key: key(message, "2305"), request: Request::Cancel(cancel) }
}

fn reverse(message: &str, target: &str) -> Operation {
    let target = key(target, "2304").as_target();
    let reverse = Reverse { target, home: pool("410700"), treatment: pool("310000") };
    Operation { key: key(message, "2601"), request: Request::Reverse(reverse) }
}

fn answer(outcome: &'static str, book_seq: u64) -> Answer {
    let outcome = Bytes::from_static(outcome.as_bytes());
    Answer { outcome, verdict: Verdict::Accepted, book_seq, answered_at: at(2) }
}

/// A settlement of one yuan, all of it paid by the basic fund of Xinxiang.
fn booking(settlement: &str, turn: Turn, fen: i64) -> Option<Booking> {
    let mut funds = FundShares::default();
    funds.set(Fund::Basic, Money::from_fen(fen));
    let payers = Payers { funds, ..Payers::default() };
    let parties = Parties {
        home: pool("410700"),
        insurance: Insurance::Employee,
        person: person(),
        treatment: pool("310000"),
        institution: InstitutionCode::new("H31010100001").expect("a code"),
    };
    let settlement = SettlementId::new(settlement).expect("an id");
    Some(Booking { settlement, turn, entry: JournalEntry::of_settlement(&parties, &payers, &[]) })
}

fn filing(id: &str, class: FilingClass, from: Date) -> Filing {
    Filing {
        id: FilingId::new(id).expect("an id"),
        person: person(),
        home: pool("410700"),
        class,
        proof: Proof::HandedIn,
        destination: RegionCode::new("310000").expect("six digits"),
        validity: Validity { from, to: None },
    }
}

fn lodging() -> Lodging {
    Lodging { by: "a certificate".into(), at: at(3) }
}

async fn positions_are_given_in_order_and_a_known_key_gets_none(world: World) {
    let first = world.receive_fresh(&settle("1")).await.position;
    let Received::Earlier(earlier) = world.receive_bytes(&settle("1"), "other bytes").await else { panic!("earlier") };
    assert_eq!((earlier.position, &earlier.bytes[..], earlier.received_at), (first, &b"the bytes"[..], at(1)));
    assert_eq!(earlier.answer, None);
    let second = world.receive_fresh(&settle("2")).await.position;
    assert!(first < second, "{first} {second}");
    assert_eq!(world.store.counts().await.expect("counts").operations, 2);
    world.check().await;
}

async fn the_first_answer_stays(world: World) {
    let position = world.receive_fresh(&settle("1")).await.position;
    assert_eq!(world.answer(position, booking("1", Turn::Enter, 100)).await, Answering::Kept);
    let again =
        world.store.operation_answer(position, pool("410700"), answer("no", 2), booking("1", Turn::Enter, 200)).await;
    assert_eq!(again.expect("no fault"), Answering::Earlier(answer("yes", 1)));
    let Received::Earlier(earlier) = world.receive(&settle("1")).await else { panic!("earlier") };
    assert_eq!(earlier.answer, Some(answer("yes", 1)));
    assert_eq!(world.hospital().await, 100);
    world.check().await;
}

async fn a_released_key_is_free_again_and_both_attempts_stay_in_the_book(world: World) {
    let first = world.receive_fresh(&settle("1")).await.position;
    world.store.operation_release(first, pool("410700"), at(2)).await.expect("released");
    world.store.operation_release(first, pool("410700"), at(2)).await.expect("releasing twice is releasing once");
    assert!(
        world.store.operation_answer(first, pool("410700"), answer("yes", 1), None).await.is_err(),
        "it never left"
    );
    let second = world.receive_fresh(&settle("1")).await.position;
    world.answer(second, None).await;
    world.store.operation_release(second, pool("410700"), at(2)).await.expect("an answered one is left as it is");
    let records = world.store.operation_page(Position(0), 10).await.expect("records");
    let told: Vec<_> =
        records.iter().map(|record| (record.position, record.released_at, record.answer.is_some())).collect();
    assert_eq!(told, [(first, Some(at(2)), false), (second, None, true)]);
    world.check().await;
}

async fn a_key_that_never_came_is_voided_by_asking_and_a_known_one_is_not(world: World) {
    world.receive_fresh(&settle("1")).await;
    let released = world.receive_fresh(&settle("2")).await.position;
    world.store.operation_release(released, pool("410700"), at(2)).await.expect("released");
    for (message, voided) in [("1", false), ("2", true), ("3", true), ("3", true)] {
        let resolved = world.store.operation_resolve_unknown(&settle(message).key, at(2)).await.expect("no fault");
        assert_eq!(matches!(resolved, Resolution::Voided), voided, "{message}");
        assert_eq!(matches!(world.receive(&settle(message)).await, Received::Voided), voided, "{message}");
    }
    world.check().await;
}

async fn a_reversal_of_nothing_voids_its_target_whatever_the_encounter(world: World) {
    let aimed = world.receive_fresh(&reverse("9", "1")).await.target;
    assert_eq!(aimed, Some(Target::Unknown));
    let mut original = settle("1");
    original.key.encounter = Some(EncounterId::new("any").expect("an id"));
    assert!(matches!(world.receive(&original).await, Received::Voided));
    let mut of_another = settle("1");
    of_another.key.person = PersonNumber::new("2").expect("a number");
    assert!(matches!(world.receive(&of_another).await, Received::Fresh(_)));
}

async fn a_reversal_knows_which_of_its_targets_wait(world: World) {
    let mut other_batch = settle("1");
    other_batch.key.batch = Some(settlement::ids::BatchNumber::new("2").expect("a number"));
    let released = world.receive_fresh(&settle("1")).await.position;
    world.store.operation_release(released, pool("410700"), at(2)).await.expect("released");
    let answered = world.receive_fresh(&settle("1")).await.position;
    world.answer(answered, None).await;
    let waiting = world.receive_fresh(&other_batch).await.position;
    let Some(Target::Known { unanswered }) = world.receive_fresh(&reverse("9", "1")).await.target else {
        panic!("known")
    };
    assert_eq!(unanswered.iter().map(|waiting| waiting.position).collect::<Vec<_>>(), [waiting]);
    assert!(matches!(world.receive(&settle("1")).await, Received::Earlier(_)), "no tombstone was laid");
}

async fn a_reversal_for_another_region_than_its_target_is_not_written(world: World) {
    world.receive_fresh(&settle("1")).await;
    let mut elsewhere = reverse("9", "1");
    if let Request::Reverse(reverse) = &mut elsewhere.request {
        reverse.home = pool("310000");
    }
    assert!(matches!(world.receive(&elsewhere).await, Received::Misdirected));
    assert_eq!(world.store.counts().await.expect("counts").operations, 1);
    assert!(matches!(world.receive(&reverse("9", "1")).await, Received::Fresh(_)), "its key is free");
    world.check().await;
}

async fn a_target_that_is_released_while_its_reversal_waits_never_takes_effect(world: World) {
    let target = world.receive_fresh(&settle("1")).await.position;
    let reversal = reverse("9", "1");
    world.receive_fresh(&reversal).await;
    world.store.operation_release(target, pool("410700"), at(2)).await.expect("released");
    let Request::Reverse(reverse) = &reversal.request else { panic!("a reversal") };
    assert_eq!(world.store.operation_aim_again(reverse, at(3)).await.expect("no fault"), Target::Unknown);
    assert!(matches!(world.receive(&settle("1")).await, Received::Voided));
}

async fn what_has_no_answer_is_listed_oldest_first(world: World) {
    let mut positions = Vec::new();
    for message in ["1", "2", "3", "4"] {
        positions.push(world.receive_fresh(&settle(message)).await.position);
    }
    world.answer(positions[1], None).await;
    world.store.operation_release(positions[2], pool("410700"), at(2)).await.expect("released");
    assert_eq!(world.store.operation_doubt().await.expect("a count"), (0, None), "nobody has looked yet");
    world.sweep().await;
    for (home, after, limit, expected) in [
        ("410700", Position(0), 10, vec![positions[0], positions[3]]),
        ("410700", Position(0), 1, vec![positions[0]]),
        ("410700", positions[0], 10, vec![positions[3]]),
        ("310000", Position(0), 10, vec![]),
    ] {
        let unanswered = world.store.operation_unanswered(pool(home), after, limit).await.expect("a list");
        let listed: Vec<_> = unanswered.iter().map(|waiting| waiting.position).collect();
        assert_eq!(listed, expected, "{home} after {after}");
    }
    assert_eq!(world.store.operation_doubt().await.expect("a count"), (2, Some(at(1))));
    let counts = world.store.counts().await.expect("counts");
    assert_eq!((counts.operations, counts.accepted, counts.released, counts.unanswered), (4, 1, 1, 2));
}

async fn the_highest_number_of_a_regions_book_is_known(world: World) {
    assert_eq!(world.store.answer_highest_book_seq(pool("410700")).await.expect("a number"), 0);
    for (message, book_seq) in [("1", 7), ("2", 9), ("3", 8)] {
        let position = world.receive_fresh(&settle(message)).await.position;
        world.store.operation_answer(position, pool("410700"), answer("yes", book_seq), None).await.expect("kept");
    }
    assert_eq!(world.store.answer_highest_book_seq(pool("410700")).await.expect("a number"), 9);
    assert_eq!(world.store.answer_highest_book_seq(pool("310000")).await.expect("a number"), 0);
}

async fn everything_is_there_after_opening_again(world: World) {
    let position = world.receive_fresh(&settle("1")).await.position;
    world.answer(position, booking("1", Turn::Enter, 100)).await;
    world.receive_fresh(&settle("2")).await;
    let before = world.store.operation_page(Position(0), 10).await.expect("records");
    let world = world.reopened().await;
    assert_eq!(world.store.operation_page(Position(0), 10).await.expect("records"), before);
    assert_eq!(world.hospital().await, 100);
    world.check().await;
}

async fn an_entry_is_in_the_period_that_is_open_when_it_is_committed(world: World) {
    let store = &world.store;
    let settles = [settle("1"), settle("2"), settle("3")];
    let mut positions = Vec::new();
    for settle in &settles {
        positions.push(world.receive_fresh(settle).await.position);
    }
    let open = store.period_open().await.expect("a period");
    assert_eq!(open.number, PeriodNumber(1));
    world.answer(positions[0], booking("1", Turn::Enter, 100)).await;
    let second = store.period_cut_off(open.number, at(5)).await.expect("cut off");
    assert_eq!(second, Period { number: PeriodNumber(2), opened_at: at(5) });
    assert_eq!(store.period_cut_off(open.number, at(6)).await.expect("cut off before"), second);
    world.answer(positions[1], booking("2", Turn::Enter, 100)).await;
    world.answer(positions[2], booking("1", Turn::Counter, 100)).await;
    let turns = store.settlement_turns(Position(0), 10).await.expect("turns");
    let told: Vec<_> = turns.iter().map(|turn| (turn.settlement.as_str(), turn.turn, turn.period.0)).collect();
    assert_eq!(told, [("1", Turn::Enter, 1), ("2", Turn::Enter, 2), ("1", Turn::Counter, 2)]);
}
