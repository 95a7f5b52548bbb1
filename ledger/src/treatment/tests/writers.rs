//! One writer at a time, whose writes stand or fall alone.

use ::settlement::bill::ItemClass;
use sqlx::{Connection as _, Executor as _, PgConnection};

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

#[tokio::test]
async fn a_writer_whose_connection_was_killed_connects_again() {
    let place = Place::postgres();
    let store = place.store();
    changed(&store, |session| session.message_insert(1, &message("a", "", 1))).await;
    let database = place.database.as_ref().expect("a database");
    let mut superuser =
        PgConnection::connect(&PrivatePostgres::shared().superuser_url()).await.expect("a connection");
    let kill = format!("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{}'", database.name);
    superuser.execute(sqlx::AssertSqlSafe(kill)).await.expect("they are killed");
    let write = || store.change(|session| Ok(Ok::<_, ()>(session.message_insert(2, &message("b", "", 1))?)));
    assert!(write().await.is_err(), "the write that meets the loss fails");
    write().await.expect("the next one finds a connection").expect("nothing is refused");
    let next = store.look(|session| session.message_next_number()).await.expect("a look");
    assert_eq!(next, 3);
}
