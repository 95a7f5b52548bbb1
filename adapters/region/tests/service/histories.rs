//! Arbitrary histories on the real store, cut into batches at random: the same answers as one by one, and everything
//! that must hold of the book holds. No wire here; the rules are the shipped ones.

use ledger::home::{Asked, HomeStore, Reply};
use proptest::prelude::*;
use region::Config;
use region::start::Opened;
use settlement::decide::{decide, judge_by, resolve};
use settlement::operation::Operation;

use crate::world::*;

/// Few people, visits and messages, so that histories run into themselves.
fn operations() -> impl Strategy<Value = Operation> {
    let person = || prop_oneof![3 => Just(WORKING), 1 => Just(RETIRED)];
    let message = || (0..9).prop_map(|n| format!("m{n}"));
    prop_oneof![
        2 => (person(), message(), 0..3, 1..900_i64)
            .prop_map(|(person, message, visit, yuan)| settle_yuan(person, &message, &format!("V{visit}-{person}"), yuan)),
        2 => (person(), message(), 0..3, 1..20_i8, 0..6_i8, 1..90_000_i64).prop_map(
            |(person, message, encounter, from, days, yuan)| {
                stay(person, &message, &format!("S{encounter}-{person}"), (from, from + days), yuan)
            }
        ),
        1 => (person(), message(), message())
            .prop_map(|(person, message, settled)| cancel(person, &message, &format!("s-{settled}"))),
        1 => (person(), message(), message(), prop_oneof![Just("2207"), Just("2304"), Just("2208")])
            .prop_map(|(person, message, target, transaction)| reverse(person, &message, &target, transaction)),
    ]
}

/// An operation, or only the question what became of its key; and how many go into one batch.
fn histories() -> impl Strategy<Value = (Vec<(Operation, bool)>, Vec<usize>)> {
    let asked = prop::collection::vec((operations(), prop::bool::weighted(0.9)), 1..40);
    (asked, prop::collection::vec(1..9_usize, 40))
}

struct Book {
    store: HomeStore,
    opened: Opened,
    world: World,
}

impl Book {
    async fn new() -> Book {
        let mut world = World::new(On::Sqlite).await;
        world.stop().await;
        let config = Config { postings: Vec::new(), ..world.config() };
        let opened = Opened::open(&config, &world.clock).await.expect("a store");
        Book { store: opened.store.clone(), opened, world }
    }

    async fn ask(&self, batch: &[(Operation, bool)]) -> Vec<Reply> {
        let asked: Vec<Asked> = batch.iter().map(asked).collect();
        let books = self.opened.rules.now().books;
        let at = self.world.clock.now();
        // The time is the same for everybody, so that answers can be compared to the byte.
        let at = at.round(jiff::Unit::Hour).expect("an hour");
        self.store
            .batch_decide(asked.into(), self.world.clock.clone(), self.opened.rules.now().set, move |book, asked, _| {
                match asked {
                    Asked::Operate(arrival) => {
                        decide(book, &arrival.operation, arrival.filings(), &|question| judge_by(&books, question), at)
                    }
                    Asked::Resolve(key) => resolve(book, key),
                }
            })
            .await
            .expect("a batch")
    }
}

fn asked((operation, operate): &(Operation, bool)) -> Asked {
    if *operate { Asked::Operate(Box::new(arrival(operation))) } else { Asked::Resolve(operation.key.clone()) }
}

/// Each case is a home region's whole life, so there are fewer of them; a long run asks for more by `PROPTEST_CASES`.
fn config() -> ProptestConfig {
    let usual = ProptestConfig::default();
    ProptestConfig { cases: usual.cases / 10, max_shrink_iters: 200, ..usual }
}

proptest! {
    #![proptest_config(config())]
    #[test]
    fn batches_of_any_size_answer_as_one_by_one((history, sizes) in histories()) {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(async {
            let (batched, alone) = (Book::new().await, Book::new().await);
            let mut rest = history.as_slice();
            let mut together = Vec::new();
            for size in sizes {
                let (batch, later) = rest.split_at(size.min(rest.len()));
                if !batch.is_empty() {
                    together.extend(batched.ask(batch).await);
                }
                rest = later;
            }
            let mut one_by_one = Vec::new();
            for one in &history {
                one_by_one.extend(alone.ask(std::slice::from_ref(one)).await);
            }
            assert_eq!(together, one_by_one[..together.len()]);
            for book in [batched, alone] {
                let findings = book.store.proof_run().await.expect("a proof");
                assert!(findings.is_empty(), "{findings:#?}");
            }
        });
    }
}
