//! One writer at a time, whose writes stand or fall alone. What a lost connection does is shown with the engine.

use ::settlement::bill::ItemClass;

use super::*;

promises! {
    what_is_refused_leaves_nothing_behind;
    a_write_that_fails_costs_its_neighbours_nothing;
    a_second_writer_gets_in_when_the_first_is_gone;
    what_was_committed_is_there_after_opening_again;
}

async fn what_is_refused_leaves_nothing_behind(place: Place) {
    let store = place.store();
    let refused: Result<(), &str> = store
        .change(|session| {
            session.charge_insert(&stay(), &[charge("1", 9, ItemClass::A, 7)], 1)?;
            Ok(Err("no"))
        })
        .await
        .expect("a store");
    assert_eq!(refused, Err("no"));
    let lines = store.look(|session| session.charge_list(&stay())).await.expect("a look");
    assert!(lines.is_empty());
}

async fn a_write_that_fails_costs_its_neighbours_nothing(place: Place) {
    let store = place.store();
    let write = |id: &'static str, number: i64| {
        store.change(move |session| {
            session.message_insert(number, &message(id, "", 1))?;
            Ok(Ok::<_, ()>(()))
        })
    };
    let (first, same_key, other) = tokio::join!(write("a", 1), write("a", 2), write("b", 3));
    assert!(first.is_ok() && same_key.is_err() && other.is_ok());
    let panics = store.change::<(), (), _>(|_| panic!("a fault of ours"));
    assert!(matches!(panics.await, Err(StoreError::Panicked)));
    let next = store.look(|session| session.message_next_number()).await.expect("a look");
    assert_eq!(next, 4);
}

async fn a_second_writer_gets_in_when_the_first_is_gone(place: Place) {
    let first = place.store();
    assert!(matches!(place.open(), Err(StoreError::InUse(_))));
    let closed = first.closed();
    drop(first);
    closed.wait().await;
    // A server notices a moment later that its client has gone.
    let second = loop {
        match place.open() {
            Err(StoreError::InUse(_)) => tokio::task::yield_now().await,
            opened => break opened.expect("a store"),
        }
    };
    assert_eq!(changed(&second, |session| session.message_next_number()).await, 1);
}

async fn what_was_committed_is_there_after_opening_again(place: Place) {
    let store = place.store();
    changed(&store, |session| session.message_insert(1, &message("m", "", 1))).await;
    let closed = store.closed();
    drop(store);
    closed.wait().await;
    let again = loop {
        match place.open() {
            Err(StoreError::InUse(_)) => tokio::task::yield_now().await,
            opened => break opened.expect("a store"),
        }
    };
    let found = again.look(|session| session.message_find(&key("m", ""))).await.expect("a look");
    assert_eq!(found.map(|message| message.number), Some(1));
}
