//! The registry of filings, and the filings that travel with an operation.

use super::*;

pub(super) async fn the_filings_that_cover_the_visit_are_fetched_with_the_receipt(world: World) {
    assert_eq!(world.receive_fresh(&settle("1")).await.filings, []);
    world.lodge("later", FilingClass::LongTerm, date(2025, 6, 11)).await;
    assert_eq!(world.receive_fresh(&settle("2")).await.filings, []);
    world.lodge("plain", FilingClass::OtherTemporary, date(2025, 6, 10)).await;
    world.lodge("better", FilingClass::Referral, date(2025, 1, 1)).await;
    let received = world.receive_fresh(&settle("3")).await;
    let better = filing("better", FilingClass::Referral, date(2025, 1, 1));
    let filings = [better, filing("plain", FilingClass::OtherTemporary, date(2025, 6, 10))];
    assert_eq!(received.filings, filings);
    let record = world.store.operation_page(Position(0), 10).await.expect("records").remove(2);
    assert_eq!(record.filings, ["better", "plain"]);

    // They go back with the answer to a book that lost it, as they were then.
    let better = FilingId::new("better").expect("an id");
    let cancelled_later = Lodging { at: at(9), ..lodging() };
    world.store.filing_cancel(better, None, cancelled_later, vec![]).await.expect("cancelled");
    world.answer(received.position, booking("3", Turn::Enter, 100)).await;
    let given = world.store.answer_given(pool("410700"), 1).await.expect("an answer").remove(0);
    assert_eq!(given.filings, filings);
}

pub(super) async fn a_filing_is_lodged_once_and_cancelled_once(world: World) {
    let lodged = world.lodge("F", FilingClass::LongTerm, date(2025, 1, 1)).await;
    assert!(matches!(&lodged, Lodged::Stands(held) if held.standing == FilingStanding::InForce));
    assert_eq!(world.lodge("F", FilingClass::LongTerm, date(2025, 1, 1)).await, lodged);
    assert!(matches!(world.lodge("F", FilingClass::Referral, date(2025, 1, 1)).await, Lodged::Differs(_)));

    let id = |text| FilingId::new(text).expect("an id");
    let until = |day| world.store.filing_cancel(id("F"), Some(day), lodging(), vec![]);
    let cancelled = until(date(2025, 6, 9)).await.expect("cancelled");
    assert_eq!(until(date(2025, 6, 9)).await.expect("cancelled"), cancelled);
    assert!(matches!(until(date(2025, 7, 9)).await, Ok(Lodged::Differs(_))));
    assert_eq!(world.store.filing_cancel(id("G"), None, lodging(), vec![]).await.expect("no fault"), Lodged::Unknown);
    assert_eq!(world.receive_fresh(&settle("1")).await.filings, [], "the admission was a day later");
    let listed = world.store.filing_list(Some(pool("410700")), Some(person()), 10).await.expect("a list");
    assert_eq!(
        listed.iter().map(|held| held.in_force().and_then(|filing| filing.validity.to)).collect::<Vec<_>>(),
        [Some(date(2025, 6, 9))]
    );
    assert_eq!(world.store.filing_list(Some(pool("310000")), None, 10).await.expect("a list"), []);
}

pub(super) async fn a_proof_that_comes_later_counts_from_then_on(world: World) {
    let committed = Filing { proof: Proof::Commitment, ..filing("F", FilingClass::LongTerm, date(2025, 1, 1)) };
    let proven = Filing { proof: Proof::HandedIn, ..committed.clone() };
    let lodge = || world.store.filing_lodge(committed.clone(), lodging(), vec![]);
    let prove =
        |id, at| world.store.filing_prove(FilingId::new(id).expect("an id"), Lodging { at, ..lodging() }, vec![]);
    lodge().await.expect("it is lodged");
    let before = world.receive_fresh(&settle("1")).await;
    assert_eq!(before.filings, std::slice::from_ref(&committed));

    let handed_in = prove("F", at(9)).await.expect("no fault");
    let Lodged::Stands(held) = &handed_in else { panic!("it stands: {handed_in:?}") };
    assert_eq!((&held.filing, held.in_force(), held.proven_at), (&committed, Some(proven.clone()), Some(at(9))));
    // Again changes nothing, and neither does lodging it again as it was.
    assert_eq!(prove("F", at(10)).await.expect("no fault"), handed_in);
    assert_eq!(lodge().await.expect("no fault"), handed_in);
    assert!(matches!(world.store.filing_lodge(proven.clone(), lodging(), vec![]).await, Ok(Lodged::Differs(_))));
    assert_eq!(prove("G", at(9)).await.expect("no fault"), Lodged::Unknown);
    assert_eq!(world.receive_fresh(&settle("2")).await.filings, [proven]);

    // It goes back with the answer to a book that lost it as it was then.
    world.answer(before.position, booking("1", Turn::Enter, 100)).await;
    let given = world.store.answer_given(pool("410700"), 1).await.expect("an answer").remove(0);
    assert_eq!(given.filings, std::slice::from_ref(&committed));

    // What is cancelled is proven no more.
    let ended = Filing { id: FilingId::new("E").expect("an id"), ..committed };
    world.store.filing_lodge(ended.clone(), lodging(), vec![]).await.expect("it is lodged");
    let last_day = Some(date(2025, 3, 31));
    world.store.filing_cancel(ended.id, last_day, lodging(), vec![]).await.expect("cancelled");
    let refused = prove("E", at(9)).await.expect("no fault");
    let Lodged::Differs(held) = refused else { panic!("it is over: {refused:?}") };
    let in_force = held.in_force().expect("it held");
    assert_eq!((in_force.proof, in_force.validity.to), (Proof::Commitment, last_day));
}
