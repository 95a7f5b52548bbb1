//! What the store promises of batches of corrections, on both databases: all or nothing, once, and found again by whatever
//! reads the book. Real rules decide in the tests of `adapters/region`.

use jiff::civil::date;
use settlement::adjudication::{Fund, FundShares, Payers};
use settlement::bill::Coverage;
use settlement::decide::{Correction, CorrectionFault, Reworked, UsagePosting};
use settlement::encounter::CareKind;
use settlement::ids::SettlementId;
use settlement::money::Money;
use settlement::month::Month;
use settlement::outcome::{Done, Settled};
use settlement::person::PersonClass;
use settlement::year_to_date::{BenefitYear, Usage, UsageSums};

use super::*;

on_both! {
    a_batch_is_taken_once_and_as_a_whole,
    a_batch_that_was_worked_out_before_a_change_is_worked_out_again,
    a_batch_is_undone_once_and_leaves_what_there_was,
    a_correction_is_nobodys_posting_to_cancel,
    a_check_finds_a_correction_that_is_none,
}

/// A store with two settlements of one person, at places 1 and 2, each 210 yuan from the fund and 190 in cash.
async fn two_settlements(place: &Place) -> HomeStore {
    let wire = Wire {
        read_operation: |_| Err("no operation is read here".into()),
        read_outcome: |bytes| Ok(told(&String::from_utf8_lossy(bytes))),
        write_decision: |_| Bytes::from_static(b"an answer"),
    };
    let store = HomeStore::open(&place.location(), wire, &StoreOptions::default()).expect("a store");
    for (seq, settlement) in [(1, "S1"), (2, "S2")] {
        let insert = move |sql: &Sql<'_>| {
            let (nothing, answer): (&[u8], _) = (&[], settlement.as_bytes());
            let journal = Some("cash\u{1f}\u{1f}P\u{1f}\u{1f}\u{1f}0");
            let row = values![
                seq,
                settlement,
                "settle",
                "P",
                nothing,
                None::<&[u8]>,
                None::<i64>,
                1,
                true,
                answer,
                journal,
                0
            ];
            sql.execute(rows::OPERATION, row)?;
            let row = values![
                seq,
                settlement,
                "410700",
                "P",
                settlement,
                "H",
                "310000",
                "inpatient",
                "2025-06-01",
                "",
                "",
                false,
                "third",
                "",
                nothing
            ];
            sql.execute(rows::SETTLEMENT, row)?;
            let used = UsagePosting { usage: usage(210), day: date(2025, 6, 20) };
            let row = rows::UsageRow::of_posting("P", BookSeq(seq.unsigned_abs()), "", &used);
            let mut values = row.values();
            values[3] = settlement.into();
            sql.execute(rows::USAGE, &values).map(drop)
        };
        store.engine.write(insert).await.expect("a settlement");
    }
    store
}

fn told(settlement: &str) -> Outcome {
    let settled = Settled {
        settlement: id(settlement),
        insurance: Insurance::Employee,
        coverage: Coverage { in_policy: Money::from_yuan(400), ..Coverage::default() },
        payers: payers(210),
        deductible: Money::ZERO,
        account_balance: Money::ZERO,
        family: Vec::new(),
        filing: None,
        class: PersonClass::Working,
        civil_servant: false,
        rule_book: RuleBookHash([7; 32]),
        during_stay: false,
        explanation: [9; 32],
    };
    Outcome::Accepted { decided_at: Timestamp::UNIX_EPOCH, done: Done::Settled(Box::new(settled)) }
}

fn id(settlement: &str) -> SettlementId {
    SettlementId::new(settlement).expect("an id")
}

/// A bill of 400 yuan of which the fund pays so much.
fn payers(basic: i64) -> Payers {
    let mut funds = FundShares::default();
    funds.set(Fund::Basic, Money::from_yuan(basic));
    Payers { funds, cash: Money::from_yuan(400 - basic), ..Payers::default() }
}

fn usage(basic: i64) -> Usage {
    let sums = UsageSums { basic: Money::from_yuan(basic), ..UsageSums::default() };
    let (year, insurance, care) = (BenefitYear(2025), Insurance::Employee, CareKind::Inpatient);
    let month = Month::new(2025, 6).expect("a month");
    Usage { year, insurance, care, disease: None, month, sums }
}

fn batch(id: &str, undoes: Option<&str>, corrections: &[(&str, i64, i64)]) -> CorrectionBatch {
    let correction = |(settlement, told, now): &(&str, i64, i64)| Correction {
        settlement: self::id(settlement),
        told: payers(*told),
        now: payers(*now),
    };
    CorrectionBatch {
        id: id.into(),
        home: pool(),
        undoes: undoes.map(str::to_owned),
        corrections: corrections.iter().map(correction).collect(),
        approved_at: Timestamp::UNIX_EPOCH,
    }
}

fn worked_out(batch: &CorrectionBatch, marks: usize) -> Vec<WorkedOut> {
    let of = |one: &Correction| Reworked {
        settlement: one.settlement.clone(),
        told: one.told,
        now: Ok(one.now),
        usage: usage(one.now.funds.of(Fund::Basic).fen() / 100),
    };
    batch.corrections.iter().map(|one| WorkedOut { reworked: of(one), marks }).collect()
}

async fn take(store: &HomeStore, batch: &CorrectionBatch, marks: usize) -> Result<BatchTaken, BatchRefused> {
    store.correction_take(batch.clone(), worked_out(batch, marks)).await.expect("the store works")
}

/// What the person used of the basic fund, in yuan.
async fn basic(store: &HomeStore) -> i64 {
    let totals = store.month_total_list(PersonNumber::new("P").expect("a number")).await.expect("totals").0;
    totals.iter().map(|total| total.sums.basic.fen() / 100).sum()
}

/// Each settlement in force: what the fund pays as it counts, and whether each change was taken into account.
async fn listed(store: &HomeStore) -> Vec<(String, Option<i64>, Vec<bool>)> {
    let listed = store.affected_list(PersonNumber::new("P").expect("a number")).await.expect("a list");
    let one = |one: Affected| {
        let counts = one.counted.map(|counted| counted.payers.funds.of(Fund::Basic).fen() / 100);
        (one.settlement.to_string(), counts, one.causes.iter().map(|cause| cause.accounted_for).collect())
    };
    listed.into_iter().map(one).collect()
}

/// The how manieth batch it is in the book.
fn taken(known: bool, number: u64) -> Result<BatchTaken, BatchRefused> {
    Ok(BatchTaken { known, after: BookSeq(2), number })
}

async fn a_batch_is_taken_once_and_as_a_whole(place: Place) {
    let store = two_settlements(&place).await;
    let untouched = [("S1".to_owned(), None, vec![]), ("S2".to_owned(), None, vec![])];
    for wrong in [("S9", 210, 200), ("S2", 209, 200)] {
        let refused = take(&store, &batch("B1", None, &[("S1", 210, 180), wrong]), 0).await;
        assert!(matches!(refused, Err(BatchRefused::Faults(faults)) if faults.len() == 1), "{wrong:?}");
        assert_eq!((basic(&store).await, listed(&store).await), (420, untouched.to_vec()), "{wrong:?}");
    }
    let good = batch("B1", None, &[("S2", 210, 240), ("S1", 210, 180)]);
    assert_eq!(store.correction_find(good.clone()).await.expect("a read"), None);
    assert_eq!(take(&store, &good, 0).await, taken(false, 1));
    let after = [("S1".to_owned(), Some(180), vec![]), ("S2".to_owned(), Some(240), vec![true])];
    assert_eq!((basic(&store).await, listed(&store).await), (420, after.to_vec()));
    let turned = batch("B1", None, &[("S1", 210, 180), ("S2", 210, 240)]);
    assert_eq!(take(&store, &turned, 0).await, taken(true, 1), "in whatever order");
    assert_eq!(store.correction_find(turned).await.expect("a read"), Some(taken(true, 1)));
    for (other, field) in [
        (batch("B1", None, &[("S1", 210, 180)]), "corrections"),
        (batch("B1", Some("B0"), &[("S1", 210, 180), ("S2", 210, 240)]), "undoes"),
        (CorrectionBatch { home: PoolCode(RegionCode::new("410100").expect("a code")), ..good.clone() }, "home"),
    ] {
        assert_eq!(take(&store, &other, 0).await, Err(BatchRefused::ContentDiffers(field)));
    }
    assert_eq!((basic(&store).await, listed(&store).await), (420, after.to_vec()));
    assert_eq!(
        take(&store, &batch("B2", None, &[("S1", 180, 170)]), 0).await,
        taken(false, 2),
        "it builds on the first"
    );
    assert_eq!(basic(&store).await, 410);
    let left: Vec<_> = store.proof_run().await.expect("a proof").into_iter().map(|one| one.to_string()).collect();
    assert!(left.iter().all(|one| one.contains("what its answer says")), "only the made-up answers: {left:?}");
}

async fn a_batch_that_was_worked_out_before_a_change_is_worked_out_again(place: Place) {
    let store = two_settlements(&place).await;
    let second = batch("B2", None, &[("S2", 210, 240)]);
    let early = worked_out(&second, 0);
    take(&store, &batch("B1", None, &[("S1", 210, 180)]), 0).await.expect("it is taken");
    assert_eq!(listed(&store).await[1], ("S2".to_owned(), None, vec![false]), "it built on the first");
    let outdated = store.correction_take(second.clone(), early).await.expect("the store works");
    assert_eq!(outdated, Err(BatchRefused::Outdated));
    let nobody = store.correction_take(second.clone(), Vec::new()).await.expect("the store works");
    assert_eq!(nobody, Err(BatchRefused::Outdated), "it was not in force when it was looked at");
    assert_eq!(take(&store, &second, 1).await, taken(false, 2));
    assert_eq!(listed(&store).await[1], ("S2".to_owned(), Some(240), vec![true]));
}

async fn a_batch_is_undone_once_and_leaves_what_there_was(place: Place) {
    let store = two_settlements(&place).await;
    take(&store, &batch("B1", None, &[("S1", 210, 180)]), 0).await.expect("it is taken");
    take(&store, &batch("B2", None, &[("S2", 210, 240)]), 1).await.expect("it is taken");
    assert_eq!(take(&store, &batch("U0", Some("B0"), &[("S2", 240, 210)]), 0).await, Err(BatchRefused::UndoneUnknown));
    for (corrections, fault) in [
        (vec![("S1", 180, 210)], CorrectionFault::LeftOut),
        (vec![("S2", 240, 211)], CorrectionFault::NotAsItWas),
        (vec![("S2", 240, 210), ("S1", 180, 210)], CorrectionFault::NotOfBatch),
    ] {
        let refused = take(&store, &batch("U1", Some("B2"), &corrections), 0).await;
        let Err(BatchRefused::Faults(faults)) = refused else { panic!("{corrections:?}: {refused:?}") };
        assert_eq!(faults.iter().map(|one| &one.fault).collect::<Vec<_>>(), [&fault]);
    }
    let undo = batch("U1", Some("B2"), &[("S2", 240, 210)]);
    assert_eq!(take(&store, &undo, 0).await, taken(false, 3));
    assert_eq!(take(&store, &undo, 0).await, taken(true, 3));
    assert_eq!((basic(&store).await, listed(&store).await[1].clone()), (390, ("S2".into(), Some(210), vec![false])));
    let again = batch("U2", Some("B2"), &[("S2", 240, 210)]);
    assert_eq!(take(&store, &again, 0).await, Err(BatchRefused::UndoneBefore("U1".into())));
    assert_eq!(take(&store, &batch("R1", Some("U1"), &[("S2", 210, 240)]), 0).await, taken(false, 4));
    assert_eq!((basic(&store).await, listed(&store).await[1].clone()), (420, ("S2".into(), Some(240), vec![true])));
}

async fn a_correction_is_nobodys_posting_to_cancel(place: Place) {
    let store = two_settlements(&place).await;
    store.enrollee_load(vec![enrollee("1980-01-01", 1)]).await.expect("taken in");
    take(&store, &batch("B1", None, &[("S1", 210, 180)]), 0).await.expect("it is taken");
    let posting = Posting {
        id: "P1".into(),
        person: PersonNumber::new("P").expect("a number"),
        pools: vec![pool()],
        kind: PostingKind::LocalSettlement,
        usage: None,
        account: Money::ZERO,
        bill: None,
        stay: None,
        cancels: Some("B1\u{1f}S1".into()),
        content: "a row".into(),
    };
    let posted = store.posting_post(vec![posting], Timestamp::UNIX_EPOCH).await.expect("the store works");
    assert_eq!(posted, [Err(PostingFault::UnknownOriginal)]);
    assert_eq!(basic(&store).await, 390);
}

async fn a_check_finds_a_correction_that_is_none(place: Place) {
    let store = two_settlements(&place).await;
    let found = async || {
        let findings = store.proof_run().await.expect("a proof");
        let about = |one: &settlement::finding::Finding| one.invariant.starts_with("a correction builds on");
        findings.into_iter().filter(about).map(|one| one.problem).collect::<Vec<_>>()
    };
    take(&store, &batch("B1", None, &[("S1", 210, 180)]), 0).await.expect("it is taken");
    assert_eq!(found().await, [""; 0]);
    for (number, told, now, used, problem) in [
        (2, 179, 170, -9, "it builds on what did not count"),
        (3, 170, 160, -9, "it uses up something else than it changes"),
    ] {
        let plant = move |sql: &Sql<'_>| {
            let (batch, posting) = (format!("X{number}"), format!("X{number}\u{1f}S1"));
            let row = values![&batch, number, "410700", "", 2, 0];
            sql.execute("INSERT INTO correction_batches VALUES (?1, ?2, ?3, ?4, ?5, ?6)", row)?;
            let row = values![&posting, "P", "correction", "", "", "", "", 2, 0];
            sql.execute("INSERT INTO postings VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)", row)?;
            let used = UsagePosting { usage: usage(used), day: date(2025, 6, 20) };
            sql.execute(rows::USAGE, &rows::UsageRow::of_posting("P", BookSeq(2), &posting, &used).values())?;
            let (told, now) = (corrected::fens(&payers(told)), corrected::fens(&payers(now)));
            sql.execute(rows::CORRECTION, &rows::correction(&id("S1"), number, &posting, told, now)).map(drop)
        };
        store.engine.write(plant).await.expect("rows");
        assert_eq!(found().await.last().map(String::as_str), Some(problem));
    }
}
