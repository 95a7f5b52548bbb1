//! `yidi verify` as it is typed: beside nodes that serve and settle meanwhile, with some of the books left out, and on books
//! that are apart.

use std::path::PathBuf;

use clap::Parser;
use ledger::hub::{HubStore, PeriodNumber, StepTaken};
use reconciliation::book::READING;
use tempfile::TempDir;
use world::months::{Book, Stay, noon};
use world::{EMPLOYEE, World, pool};
use yidi::cli::{Cli, Ending};

async fn verified(arguments: &[&str]) -> Result<Ending, String> {
    let typed = [&["yidi", "verify"], arguments].concat();
    Cli::try_parse_from(typed).expect("it is a command").run().await.map_err(|fault| format!("{fault:#}"))
}

fn home_store(world: &World) -> PathBuf {
    world.line().home_store(pool(EMPLOYEE.home)).expect("it is a home region")
}

#[tokio::test(flavor = "multi_thread")]
async fn books_are_verified_while_their_nodes_serve_and_settle() {
    let (world, hospital) = World::with_a_hospital().await;
    let folder = home_store(&world).parent().expect("a folder").display().to_string();
    let settle = async || {
        for days in [("2025-06-02", "2025-06-04"), ("2025-06-05", "2025-06-07"), ("2025-06-08", "2025-06-10")] {
            hospital.settle(&EMPLOYEE, "8000.00", days).await;
        }
    };
    let look = async || {
        for _ in 0..3 {
            assert_eq!(verified(&["--data", &folder]).await, Ok(Ending::Good));
        }
    };
    tokio::join!(settle(), look());
    assert_eq!(verified(&["--data", &folder]).await, Ok(Ending::Good));
    world.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn any_of_the_books_may_be_left_out() {
    let (world, hospital) = World::with_a_hospital().await;
    hospital.settle_a_stay(&EMPLOYEE).await;
    let home = home_store(&world);
    let beside = |name: &str| home.with_file_name(name).display().to_string();
    let (hub, treatment) = (beside("hub.db"), beside("treatment.db"));
    let (own, other) = (home.display().to_string(), world.line().home_store(pool("440300")));
    let other = other.expect("it is a home region").display().to_string();
    for given in [
        &["--hub", &hub][..],
        &["--treatment", &treatment],
        &["--home", &own],
        &["--home", &own, "--treatment", &treatment],
        &["--hub", &hub, "--treatment", &treatment],
        &["--hub", &hub, "--home", &own],
        // A home region that decided nothing: of the other, nothing is known.
        &["--hub", &hub, "--home", &other],
    ] {
        assert_eq!(verified(given).await, Ok(Ending::Good), "{given:?}");
    }
    assert!(verified(&[]).await.is_err_and(|fault| fault.contains("--hub")));
    assert!(verified(&["--hub", &beside("none.db")]).await.is_err(), "nothing is made");
    assert!(!home.with_file_name("none.db").exists());
    assert!(verified(&["--hub", &treatment]).await.is_err(), "it is another role's");
}

fn planted() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("hub.db");
    (folder, file)
}

#[tokio::test]
async fn what_is_apart_for_good_is_told_also_beside_a_hub_that_serves() {
    let (_folder, file) = planted();
    let book = Book::open(&file.as_path().into()).expect("a book");
    book.clearing().advance(noon(6, 15)).await.expect("the store works");
    book.settle(Stay { id: "S1", home: "410700", yuan: 100 }, noon(6, 16)).await.expect("it is booked");
    let typed = file.display().to_string();
    assert_eq!(verified(&["--hub", &typed]).await, Ok(Ending::Good));
    // It is said to be folded, and is not.
    let june = PeriodNumber(1);
    book.store.period_cut_off(june, noon(7, 1)).await.expect("it is cut off");
    book.store.clearing_step(june, StepTaken::Folded, String::new(), noon(7, 1)).await.expect("planted");
    assert_eq!(verified(&["--hub", &typed]).await, Ok(Ending::Found));
}

#[tokio::test]
async fn a_hubs_store_that_is_looked_at_is_read_and_never_written() {
    let (_folder, file) = planted();
    let book = Book::open(&file.as_path().into()).expect("a book");
    book.settle(Stay { id: "S1", home: "410700", yuan: 100 }, noon(6, 16)).await.expect("it is booked");
    let beside = HubStore::open_to_look(&file.as_path().into()).expect("it can be looked at");
    assert_eq!(beside.counts().await.expect("they are counted").accepted, 1);
    assert!(beside.journal_fold(READING).await.is_err(), "every write fails");
}
