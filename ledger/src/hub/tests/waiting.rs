//! What a hub finds and another changes before it writes: who writes alone is held up until others wait behind it, so that
//! each order is the same in every run.

use std::sync::mpsc;

use ::clearing::review::Standing;
use sqlx::{Connection as _, Row as _};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::corrections::{found, in_force, letter};
use super::course::{settled, settlement};
use super::deductions::{standing, undo};
use super::folding::{FIRST, fold, lot, receive};
use super::listed::lodge_and_agree;
use super::several::beside;
use super::*;
use crate::engine::{Sql, Work};
use crate::hub::answers::Ending;
use crate::hub::lots;
use crate::store::StoreError;
use crate::values;

/// A hub that writes alone, and has not committed yet.
struct InItsTurn {
    go: mpsc::Sender<()>,
    ended: JoinHandle<Result<(), StoreError>>,
}

impl InItsTurn {
    /// Has a hub do something in its turn, and stay in it.
    async fn taken(
        hub: &World,
        mut work: impl FnMut(&Sql<'_>) -> Result<(), StoreError> + Send + 'static,
    ) -> InItsTurn {
        let ((go, gone), (has, had)) = (mpsc::channel(), oneshot::channel());
        let (store, mut has) = (hub.store.clone(), Some(has));
        let writing = move |sql: &Sql<'_>| {
            work(sql)?;
            has.take().expect("it is tried once").send(()).expect("it is waited for");
            gone.recv().expect("it is let go");
            Ok(())
        };
        let ended = tokio::spawn(async move { store.engine.write(writing).await });
        had.await.expect("it has its turn");
        InItsTurn { go, ended }
    }

    async fn ends(self) {
        self.go.send(()).expect("it waits");
        self.ended.await.expect("no panic").expect("it is committed");
    }
}

/// Returns once so many wait for the turn, or one of these has ended without.
async fn wait_for<T>(world: &World, tasks: &[&JoinHandle<T>]) {
    const WAIT: &str = "SELECT COUNT(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    let Place::Postgres(database) = &world.place else { panic!("several hubs need PostgreSQL") };
    let mut connection = sqlx::PgConnection::connect(&database.app_url).await.expect("in");
    let all = i64::try_from(tasks.len()).expect("few");
    while !tasks.iter().any(|task| task.is_finished()) {
        let waiting = sqlx::query(WAIT).fetch_one(&mut connection).await.expect("a count");
        if waiting.get::<i64, _>(0) >= all {
            return;
        }
    }
}

/// Three hubs: two look at the same, the third holds them up.
fn three() -> [World; 3] {
    let world = World::on_postgres();
    let (other, third) = (beside(&world), beside(&world));
    [world, other, third]
}

/// What releases at a hub; it tells how many it has found.
fn release(hub: &World, of: Afterwards) -> JoinHandle<usize> {
    let store = hub.store.clone();
    tokio::spawn(async move {
        let released = match of {
            Afterwards::Deduction => store.deduction_release(at(12)).await,
            Afterwards::Correction => store.correction_release(letter, at(12)).await,
        };
        released.expect("the store works")
    })
}

/// A of 100 is undone; 30 are taken off it, or added to it.
async fn undone(world: &World, of: Afterwards) {
    settled(world, "A", 100).await;
    fold(world).await;
    match of {
        Afterwards::Deduction => lodge_and_agree(world, "A", 30).await,
        Afterwards::Correction => in_force(world, "1", Changes::Named(vec![found("A", 100, 130)])).await,
    }
    undo(world, "UA", "A", 100).await;
}

/// What brings A back, folded in the same commit.
async fn bringing_back(world: &World) -> impl FnMut(&Sql<'_>) -> Result<(), StoreError> + Send + 'static {
    let position = receive(world, &cancel("RA")).await;
    let entered = world.store.lot_postings((FIRST, lot()), Position(0), 1).await.expect("postings").remove(0);
    let posting = LotPosting { position, step: 3, ..entered };
    let Answer { outcome, verdict, book_seq, answered_at } = answer("yes", 3);
    let mut ending = Ending {
        position,
        home: pool("410700"),
        verdict: verdict.word(),
        outcome,
        book_seq: book_seq.cast_signed(),
        answered_at,
        booking: booking("A", Turn::Reinstate, 100),
        entry: None,
    };
    move |sql| {
        assert_eq!(ending.run(sql)?, Answering::Kept);
        lots::add(sql, std::slice::from_ref(&posting))
    }
}

/// What was posted of A, in fen.
async fn posted(world: &World) -> Vec<i64> {
    let followed = world.store.settlement_follow(settlement("A")).await.expect("it is read");
    let taken = followed.deducted.iter().map(|deducted| deducted.taken.total().fen());
    taken.chain(followed.corrected.iter().map(|each| each.posted.moves.total().fen())).collect()
}

#[tokio::test]
async fn what_two_hubs_find_at_once_is_given_back_once() {
    for of in [Afterwards::Deduction, Afterwards::Correction] {
        let [one, other, third] = three();
        undone(&one, of).await;
        let turn = InItsTurn::taken(&third, |_| Ok(())).await;
        let (here, there) = (release(&one, of), release(&other, of));
        wait_for(&one, &[&here, &there]).await;
        turn.ends().await;
        let found = (here.await.expect("no panic"), there.await.expect("no panic"));
        assert_eq!((found, posted(&one).await), ((1, 1), vec![30, -30]), "{of:?}");
    }
}

#[tokio::test]
async fn what_has_come_back_since_it_was_found_is_not_given_back() {
    for of in [Afterwards::Deduction, Afterwards::Correction] {
        let [one, other, third] = three();
        undone(&one, of).await;
        let turn = InItsTurn::taken(&third, bringing_back(&third).await).await;
        let (here, there) = (release(&one, of), release(&other, of));
        wait_for(&one, &[&here, &there]).await;
        turn.ends().await;
        let found = (here.await.expect("no panic"), there.await.expect("no panic"));
        assert_eq!((found, posted(&one).await), ((1, 1), vec![30]), "{of:?}");
        if of == Afterwards::Deduction {
            assert_eq!(standing(&one, "d-A").await, Standing::Agreed);
        }
    }
}

/// An answer that goes the short way waits for a cut-off that has its turn, and is of the next period: of the one that is cut
/// off, no entry comes any more.
#[tokio::test]
async fn an_answer_that_comes_while_a_period_is_cut_off_is_of_the_next() {
    const CUT_OFF: &str = "INSERT INTO periods (number, opened_at) VALUES (2, 0)";
    let [one, _, third] = three();
    let positions = [one.receive_fresh(&settle("1")).await.position, one.receive_fresh(&settle("2")).await.position];
    one.answer(positions[0], booking("1", Turn::Enter, 100)).await;
    let turn = InItsTurn::taken(&third, |sql| sql.execute(CUT_OFF, values![]).map(drop)).await;
    let store = one.store.clone();
    let answered = tokio::spawn(async move {
        store.operation_answer(positions[1], pool("410700"), answer("yes", 2), booking("2", Turn::Enter, 100)).await
    });
    wait_for(&one, &[&answered]).await;
    assert!(!answered.is_finished(), "it was booked into a period that is being cut off");
    turn.ends().await;
    assert_eq!(answered.await.expect("no panic").expect("it is answered"), Answering::Kept);
    let turns = one.store.settlement_turns(Position(0), 10).await.expect("turns");
    assert_eq!(turns.iter().map(|turn| turn.period.0).collect::<Vec<_>>(), [1, 2]);
}
