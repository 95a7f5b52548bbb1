//! A hospital's book is folded from what was answered; what was compared, and the files for it, are kept.

use clearing::digest::{Branch, Leaf};
use clearing::hospital::coverage::{Compared, GroupDay};
use clearing::hospital::{Amounts, Direction, Figures, Kind};
use jiff::civil::Date;

use super::*;

promises! {
    a_cancellation_stays_as_two_rows_and_a_reversed_pair_vanishes;
    rows_are_found_by_day_and_group;
    two_who_fold_at_once_add_each_row_once;
    what_is_not_folded_yet_can_be_looked_at_beside_whoever_writes;
    what_was_compared_is_given_back_with_what_was_reversed_since;
    a_row_differs_until_rows_of_its_day_are_compared_again_or_its_sums_agree;
    a_file_is_given_to_its_institution_alone;
}

/// In these tests an outcome is the day of its acceptance; any other text is a refusal.
fn read(operation: &[u8], outcome: &[u8]) -> Result<Option<(Branch, Leaf)>, String> {
    assert_eq!(operation, b"operation");
    let text = std::str::from_utf8(outcome).map_err(|fault| fault.to_string())?;
    let Ok(day) = text.parse::<Date>() else { return Ok(None) };
    let pool = |code| PoolCode(RegionCode::new(code).expect("a code"));
    Ok(Some((Branch { day, home: pool("410700"), treatment: pool("310000") }, Leaf::of(text, outcome))))
}

async fn folded(store: &TreatmentStore) {
    store.leaf_fold(read).await.expect("a store");
}

/// What a message of these tests asks for and was answered.
#[derive(Clone, Copy)]
enum Asked {
    Settle(&'static str),
    Cancel { counter: &'static str, settlement: &'static str },
    Reverse { message: i64 },
}

fn write(session: &Session<'_, '_>, number: i64, asked: Asked) -> Result<(), StoreError> {
    let operation = match asked {
        Asked::Settle(id) => settle(id, Vec::new()),
        Asked::Cancel { counter, settlement } => {
            NewOperation { kind: OperationKind::Cancel, undoes: Some(settlement.into()), ..settle(counter, Vec::new()) }
        }
        Asked::Reverse { message } => NewOperation {
            kind: OperationKind::Reverse,
            settlement: None,
            original: Some(message),
            ..settle("", Vec::new())
        },
    };
    session.operation_insert(number, &message(&format!("m{number}"), "visit", 1), &operation)
}

/// Answers a message on a day of June 2025; a settlement comes to 3, 1 of it by funds, 2 in cash, in units of its number.
fn accept(session: &Session<'_, '_>, number: i64, asked: Asked, day: i8) -> Result<(), StoreError> {
    let outcome = Bytes::from(date(2025, 6, day).to_string());
    let kept = StoredAnswer { outcome, ..answer() };
    let settled = SettledSums {
        total: Money::from_fen(3 * number),
        funds: Money::from_fen(number),
        cash: Money::from_fen(2 * number),
        ..sums()
    };
    match asked {
        Asked::Settle(_) => session.answer_insert(number, &kept, Some(&settled), at())?,
        Asked::Cancel { .. } => session.answer_insert(number, &kept, None, at())?,
        Asked::Reverse { message } => {
            session.answer_insert(number, &kept, None, at())?;
            session.message_mark_reversed(message, number, at())?;
        }
    }
    Ok(())
}

async fn happens(store: &TreatmentStore, what: Vec<(i64, Asked, i8)>) {
    changed(store, move |session| {
        what.iter().try_for_each(|(number, asked, day)| {
            write(session, *number, *asked)?;
            accept(session, *number, *asked, *day)
        })
    })
    .await;
}

fn of_days(first: i8, last: i8) -> HospitalScope {
    HospitalScope {
        institution: "H1".into(),
        days: (date(2025, 6, first), date(2025, 6, last)),
        insurance: String::new(),
        clearing_class: String::new(),
        agency: String::new(),
        refunds: true,
    }
}

/// Rows, those of counter-entries among them, and the total and the cash.
async fn figures(store: &TreatmentStore, scope: HospitalScope) -> (i64, i64, i64, i64) {
    let found = store.look(move |session| session.hospital_figures(&scope)).await.expect("a store");
    (found.figures.count, found.backward, found.figures.amounts.total.fen(), found.cash.fen())
}

async fn a_cancellation_stays_as_two_rows_and_a_reversed_pair_vanishes(place: Place) {
    let store = place.store();
    let cancel = Asked::Cancel { counter: "c2", settlement: "s2" };
    happens(
        &store,
        vec![
            (1, Asked::Settle("s1"), 20),
            (2, Asked::Settle("s2"), 20),
            (3, cancel, 21),
            (4, Asked::Settle("s4"), 20),
            (5, Asked::Reverse { message: 4 }, 20),
        ],
    )
    .await;
    changed(&store, |session| {
        write(session, 6, Asked::Settle("s6"))?;
        session.answer_insert(6, &StoredAnswer { outcome: Bytes::from_static(b"no"), ..answer() }, None, at())?;
        write(session, 7, Asked::Settle("s7"))
    })
    .await;
    folded(&store).await;
    let without = |first, last| HospitalScope { refunds: false, ..of_days(first, last) };
    for (scope, expected) in [
        (of_days(20, 21), (3, 1, 3, 2)),
        (of_days(20, 20), (2, 0, 9, 6)),
        (of_days(21, 21), (1, 1, -6, -4)),
        (without(20, 21), (1, 0, 3, 2)),
        (without(21, 21), (0, 0, 0, 0)),
    ] {
        assert_eq!(figures(&store, scope.clone()).await, expected, "{scope:?}");
    }
    let rows = store.look(|session| session.hospital_list(&of_days(20, 21), 9)).await.expect("a store");
    let told: Vec<_> = rows
        .iter()
        .map(|row| {
            (row.msgid.to_string(), row.row.settlement.to_string(), row.row.cancels.clone().map(|id| id.to_string()))
        })
        .collect();
    let row = |msgid: &str, id: &str, cancels: Option<&str>| (msgid.into(), id.into(), cancels.map(Into::into));
    assert_eq!(told, [row("m1", "s1", None), row("m2", "s2", None), row("m3", "c2", Some("s2"))]);
    assert_eq!((rows[2].row.amounts.funds.fen(), rows[2].row.person.as_str()), (-2, "1"));

    happens(&store, vec![(8, Asked::Reverse { message: 3 }, 22)]).await;
    changed(&store, |session| accept(session, 7, Asked::Settle("s7"), 20)).await;
    folded(&store).await;
    assert_eq!(figures(&store, of_days(20, 22)).await, (3, 0, 30, 20));
    assert_eq!(figures(&store, without(20, 22)).await, (3, 0, 30, 20));
    folded(&store).await;
    assert_eq!(figures(&store, of_days(20, 22)).await, (3, 0, 30, 20), "there is nothing more");
}

async fn rows_are_found_by_day_and_group(place: Place) {
    let store = place.store();
    happens(&store, vec![(1, Asked::Settle("s1"), 19), (2, Asked::Settle("s2"), 20)]).await;
    folded(&store).await;
    let own = HospitalScope {
        insurance: "310".into(),
        clearing_class: "21".into(),
        agency: "310000".into(),
        ..of_days(1, 30)
    };
    for (scope, count) in [
        (own.clone(), 2),
        (HospitalScope { days: of_days(20, 30).days, ..own.clone() }, 1),
        (HospitalScope { insurance: "390".into(), ..own.clone() }, 0),
        (HospitalScope { clearing_class: "11".into(), ..own.clone() }, 0),
        (HospitalScope { agency: "310100".into(), ..own.clone() }, 0),
        (HospitalScope { institution: "H2".into(), ..own }, 0),
    ] {
        assert_eq!(figures(&store, scope.clone()).await.0, count, "{scope:?}");
    }
    let first = store.look(|session| session.hospital_list(&of_days(1, 30), 1)).await.expect("a store");
    assert_eq!(first.len(), 1);
    let days = store.look(|session| session.hospital_days("", of_days(1, 30).days)).await.expect("a store");
    let told: Vec<_> = days.iter().map(|of| (of.day.day, of.day.newest, of.figures.amounts.total.fen())).collect();
    assert_eq!(told, [(date(2025, 6, 19), 1, 3), (date(2025, 6, 20), 2, 6)]);
    let expected = GroupDay {
        institution: "H1".into(),
        day: date(2025, 6, 19),
        insurance: "310".into(),
        clearing_class: "21".into(),
        agency: "310000".into(),
        newest: 1,
    };
    assert_eq!(days[0].day, expected);
}

async fn two_who_fold_at_once_add_each_row_once(place: Place) {
    let store = place.store();
    changed(&store, |session| {
        (1..=1_300).try_for_each(|number| {
            let operation = settle(&format!("s{number}"), Vec::new());
            session.operation_insert(number, &message(&format!("m{number}"), "visit", 1), &operation)?;
            if number % 7 > 0 { accept(session, number, Asked::Settle("s"), 20) } else { Ok(()) }
        })
    })
    .await;
    tokio::join!(folded(&store), folded(&store));
    assert_eq!(figures(&store, of_days(20, 20)).await.0, 1_300 - 185);
    changed(&store, |session| {
        (7..=1_300).step_by(7).try_for_each(|number| accept(session, number, Asked::Settle("s"), 20))
    })
    .await;
    tokio::join!(folded(&store), folded(&store));
    assert_eq!(figures(&store, of_days(20, 20)).await.0, 1_300);
}

async fn what_is_not_folded_yet_can_be_looked_at_beside_whoever_writes(place: Place) {
    let store = place.store();
    let missing = std::path::Path::new("/nowhere/at/all.db").into();
    assert!(TreatmentStore::open_to_look(&missing).is_err(), "nothing is made");
    let folder = tempfile::tempdir().expect("a folder");
    let other = folder.path().join("hub.db").into();
    drop(crate::hub::HubStore::open(&other, &StoreOptions::default()).expect("a store"));
    let refused = TreatmentStore::open_to_look(&other).err().map(|fault| fault.to_string());
    assert_eq!(refused.as_deref(), Some("this is no store of a treatment side"));
    happens(&store, vec![(1, Asked::Settle("s1"), 20)]).await;
    changed(&store, |session| write(session, 2, Asked::Settle("s2"))).await;
    folded(&store).await;
    changed(&store, |session| accept(session, 2, Asked::Settle("s2"), 20)).await;
    happens(&store, vec![(3, Asked::Cancel { counter: "c1", settlement: "s1" }, 20)]).await;
    happens(&store, vec![(4, Asked::Settle("s4"), 20), (5, Asked::Reverse { message: 4 }, 20)]).await;
    let beside = TreatmentStore::open_to_look(&place.location).expect("it can be looked at");
    let unfolded = beside.look(|session| session.hospital_list_unfolded(read)).await.expect("a store");
    assert_eq!(unfolded.iter().map(|row| row.row.settlement.as_str()).collect::<Vec<_>>(), ["s2", "c1"]);
    assert!(beside.leaf_fold(read).await.is_err(), "nothing can be written");
    folded(&store).await;
    let rows = beside.look(|session| session.hospital_list(&of_days(20, 20), 9)).await.expect("a store");
    assert!(rows.len() == 3 && unfolded.iter().all(|row| rows.contains(row)), "{rows:?}");
    assert_eq!(beside.look(|session| session.hospital_list_unfolded(read)).await.expect("a store"), []);
}

async fn what_was_compared_is_given_back_with_what_was_reversed_since(place: Place) {
    let store = place.store();
    happens(&store, vec![(1, Asked::Settle("s1"), 20)]).await;
    let amounts = |fen| Amounts { total: Money::from_fen(fen), funds: Money::from_fen(1), account: Money::ZERO };
    let difference = |message, settlement: &str, told| KeptDifference {
        kind: if message == Some(1) { Kind::CentreMore } else { Kind::HospitalMore },
        direction: Direction::Backward,
        settlement: settlement.into(),
        encounter: "visit".into(),
        person: "1".into(),
        message,
        own: message.map(|_| amounts(3)),
        told,
    };
    let comparison = NewComparison {
        transaction: "3202",
        scope: of_days(19, 20),
        upto: 4,
        agrees: false,
        own: Figures { count: 1, amounts: amounts(3) },
        told: Figures { count: 2, amounts: amounts(9) },
        differences: vec![difference(Some(1), "s1", None), difference(None, "x", Some(amounts(9)))],
        at: at(),
    };
    let (kept, later) = (comparison.clone(), NewComparison { agrees: true, differences: vec![], ..comparison.clone() });
    changed(&store, move |session| {
        session.hospital_comparison_insert(&kept)?;
        session.hospital_comparison_insert(&later)
    })
    .await;
    let listed = |institution: &'static str, first, last| {
        let days = of_days(first, last).days;
        store.look(move |session| session.hospital_comparison_list(institution, days))
    };
    let all = listed("", 20, 25).await.expect("a store");
    assert_eq!(all.iter().map(|one| one.compared.agrees).collect::<Vec<_>>(), [false, true]);
    let compared = Compared {
        number: all[0].compared.number,
        institution: "H1".into(),
        days: comparison.scope.days,
        insurance: String::new(),
        clearing_class: String::new(),
        agency: String::new(),
        upto: 4,
        agrees: false,
    };
    assert_eq!((&all[0].compared, all[0].own, all[0].told), (&compared, comparison.own, comparison.told));
    assert_eq!(listed("H1", 1, 19).await.expect("a store").len(), 2);
    assert_eq!(listed("H2", 1, 30).await.expect("a store").len(), 0);
    assert_eq!(listed("H1", 21, 30).await.expect("a store").len(), 0);

    happens(&store, vec![(2, Asked::Reverse { message: 1 }, 20)]).await;
    let number = compared.number;
    let found = store.look(move |session| session.hospital_difference_list(number)).await.expect("a store");
    let (rows, reversed): (Vec<_>, Vec<_>) = found.into_iter().map(|one| (one.difference, one.reversed_since)).unzip();
    assert_eq!((rows, reversed), (comparison.differences, vec![true, false]));
}

async fn a_row_differs_until_rows_of_its_day_are_compared_again_or_its_sums_agree(place: Place) {
    let store = place.store();
    happens(&store, vec![(1, Asked::Settle("s1"), 20), (2, Asked::Settle("s2"), 21), (3, Asked::Settle("s3"), 21)])
        .await;
    happens(&store, vec![(4, Asked::Reverse { message: 3 }, 22)]).await;
    folded(&store).await;
    let amounts = |fen| Amounts { total: Money::from_fen(fen), funds: Money::from_fen(1), account: Money::ZERO };
    let lacks = |message: i64| KeptDifference {
        kind: Kind::CentreMore,
        direction: Direction::Forward,
        settlement: format!("s{message}"),
        encounter: "visit".into(),
        person: "1".into(),
        message: Some(message),
        own: Some(amounts(3)),
        told: None,
    };
    let alone = |settlement: &str| KeptDifference {
        kind: Kind::HospitalMore,
        settlement: settlement.into(),
        message: None,
        own: None,
        told: Some(amounts(3)),
        ..lacks(1)
    };
    let comparison = |transaction, scope, differences: Vec<KeptDifference>, agrees| NewComparison {
        transaction,
        scope,
        upto: 4,
        agrees,
        own: Figures::default(),
        told: Figures::default(),
        differences,
        at: at(),
    };
    let compared = |new: NewComparison| {
        let store = &store;
        async move { changed(store, move |session| session.hospital_comparison_insert(&new)).await }
    };
    let looked = &store;
    let standing = |first, last| async move {
        let days = of_days(first, last).days;
        let found = looked.look(move |session| session.hospital_difference_standing(days)).await;
        let told = found.expect("a store").into_iter().map(|one| {
            assert_eq!(one.own.row.settlement.as_str(), one.difference.settlement);
            (one.difference.settlement, one.reversed_since)
        });
        told.collect::<Vec<_>>()
    };
    let row = |id: &str, reversed: bool| (id.to_owned(), reversed);
    let all = vec![lacks(1), lacks(2), alone("s3"), alone("nobody's")];
    compared(comparison("3202", of_days(1, 30), all, false)).await;
    // What nobody else knows has no row here.
    let everything = [row("s1", false), row("s2", false), row("s3", false)];
    assert_eq!(standing(1, 30).await, everything);
    assert_eq!(standing(20, 20).await, everything[..1]);
    compared(comparison("3201", of_days(1, 30), vec![], false)).await;
    assert_eq!(standing(1, 30).await, everything, "sums that differ say nothing of a row");
    let other_group = HospitalScope { insurance: "390".into(), ..of_days(1, 30) };
    compared(comparison("3201", other_group, vec![], true)).await;
    let elsewhere = HospitalScope { institution: "H2".into(), ..of_days(1, 30) };
    compared(comparison("3202", elsewhere, vec![alone("s1")], false)).await;
    assert_eq!(standing(1, 30).await, everything, "of another hospital or group");
    happens(&store, vec![(5, Asked::Reverse { message: 1 }, 22)]).await;
    assert_eq!(standing(20, 20).await, [row("s1", true)]);
    compared(comparison("3201", of_days(20, 20), vec![], true)).await;
    assert_eq!(standing(1, 30).await, everything[1..]);
    compared(comparison("3202", of_days(21, 25), vec![lacks(2)], false)).await;
    assert_eq!(standing(1, 30).await, everything[1..2], "as the newer comparison says");
    compared(comparison("3202", of_days(1, 30), vec![], true)).await;
    assert_eq!(standing(1, 30).await, []);
}

async fn a_file_is_given_to_its_institution_alone(place: Place) {
    let store = place.store();
    let file = KeptFile {
        number: "7".into(),
        institution: "H1".into(),
        name: "对账.zip".into(),
        content: Bytes::from_static(b"\x00\xff"),
        kept_at: at(),
    };
    let kept = file.clone();
    changed(&store, move |session| session.file_insert(&kept)).await;
    for (number, institution, expected) in [("7", "H1", Some(&file)), ("7", "H2", None), ("8", "H1", None)] {
        let found = store.look(move |session| session.file_find(number, institution)).await.expect("a store");
        assert_eq!(found.as_ref(), expected, "{number} {institution}");
    }
}
