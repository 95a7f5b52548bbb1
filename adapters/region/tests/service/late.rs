//! What is changed after others built on it: marked in the same commit, listed with its difference, changed by nobody.

use std::fs;
use std::sync::Arc;

use proto::v1;
use region::affected::{After, Because, Wanted, list};
use settlement::ids::PersonNumber;
use settlement::money::Money;
use settlement::operation::Operation;
use settlement::rulebook::{RuleBook, RuleBooks};

use crate::files::{row, stay_before};
use crate::world::*;

on_both! {
    a_cancellation_affects_the_stays_that_came_after,
    a_list_goes_on_where_its_page_was_full,
    a_posting_that_comes_late_affects_what_it_falls_before,
    a_rule_book_that_changes_late_tells_its_difference,
}

pub async fn affected(world: &World, person: &str) -> Vec<v1::AffectedSettlement> {
    let asked = v1::AffectedRequest { home: "410700".into(), person: person.into(), ..v1::AffectedRequest::default() };
    world.book_client().affected(asked).await.expect("a list").into_inner().settlements
}

/// Each affected settlement with what the basic fund would pay more.
fn differences(affected: &[v1::AffectedSettlement]) -> Vec<(String, Money)> {
    let difference = |one: &v1::AffectedSettlement| {
        let (told, now) = (one.told.unwrap_or_default(), one.now.unwrap_or_default());
        assert_eq!(now.basic - told.basic, told.cash - now.cash, "what the fund does not pay, the person does");
        (one.settlement.clone(), Money::from_fen(now.basic - told.basic))
    };
    affected.iter().map(difference).collect()
}

fn two_stays() -> [Operation; 2] {
    [stay(RETIRED, "m1", "E1", (1, 4), 20_000), stay(RETIRED, "m2", "E2", (6, 9), 20_000)]
}

async fn a_cancellation_affects_the_stays_that_came_after(on: On) {
    let world = World::new(on).await;
    let mut told = Vec::new();
    for operation in two_stays() {
        told.push(world.settled(&operation).await);
    }
    assert!(told[1].deductible < told[0].deductible, "the second stay of a year bears less");
    assert_eq!(affected(&world, RETIRED).await, []);

    world.outcome(&cancel(RETIRED, "m3", "s-m1")).await;
    let listed = affected(&world, "").await;
    let less = told[1].payers.funds.total() - told[0].payers.funds.total();
    assert_eq!(differences(&listed), [("s-m2".to_owned(), -less)]);
    assert_eq!(listed[0].causes, ["结算s-m1已撤销(第3笔)"]);
    assert!(!listed[0].explanation.is_empty());
    let beside = region::look_at(&world.config().store.parse().expect("a location")).expect("it can be looked at");
    let wanted = Wanted { person: None, after: After::default(), people: 10, bytes: usize::MAX };
    let read = list(&beside, wanted, &Because::BuiltOnChanges).await.expect("a list").affected;
    assert_eq!(
        read.iter().map(region::books::write_affected).collect::<Vec<_>>(),
        listed,
        "as the region itself lists it"
    );
    assert_eq!(affected(&world, WORKING).await, [], "somebody else is not concerned");
    assert_eq!(world.settled(&two_stays()[1]).await, told[1], "the answer stays as it was");

    world.outcome(&reverse(RETIRED, "m4", "m3", "2208")).await;
    assert_eq!(affected(&world, "").await, [], "nothing is left of it once the first stay counts again");
    world.prove().await;
}

/// The pages of the list, each as the settlements on it.
async fn pages(world: &World, person: Option<&str>, people: u32, bytes: usize) -> Vec<Vec<String>> {
    let mut wanted = Wanted { person: person.map(id), after: After::default(), people, bytes };
    let mut pages = Vec::new();
    loop {
        let page = list(world.running().store(), wanted.clone(), &Because::BuiltOnChanges).await.expect("a page");
        pages.push(page.affected.iter().map(|one| one.reworked.settlement.to_string()).collect());
        match page.next {
            Some(next) => wanted.after = next,
            None => return pages,
        }
    }
}

fn id(person: &str) -> PersonNumber {
    PersonNumber::new(person).expect("a number")
}

async fn a_list_goes_on_where_its_page_was_full(on: On) {
    let world = World::new(on).await;
    for (person, first) in [(WORKING, 1), (RETIRED, 4)] {
        for (day, number) in [(1, first), (6, first + 1), (11, first + 2)] {
            let operation = stay(person, &format!("m{number}"), &format!("E{number}"), (day, day + 3), 20_000);
            world.settled(&operation).await;
        }
        world.outcome(&cancel(person, &format!("c{first}"), &format!("s-m{first}"))).await;
    }
    for (people, bytes) in [(10, usize::MAX), (10, 1), (1, 1), (1, usize::MAX)] {
        let pages = pages(&world, None, people, bytes).await;
        assert_eq!(pages.concat(), ["s-m2", "s-m3", "s-m5", "s-m6"], "{people} people, {bytes} bytes");
        assert!(bytes > 1 || pages.iter().all(|page| page.len() <= 1), "{pages:?}");
    }
    assert_eq!(pages(&world, Some(RETIRED), 10, 1).await, [["s-m5"], ["s-m6"]]);
    let asked = v1::AffectedRequest { home: "410700".into(), person: RETIRED.into(), ..v1::AffectedRequest::default() };
    let among = v1::AffectedRequest { after: RETIRED.into(), after_seq: 6, ..asked };
    let rest = world.book_client().affected(among).await.expect("a list").into_inner();
    assert_eq!(rest.settlements.iter().map(|one| one.book_seq).collect::<Vec<_>>(), [7]);
}

async fn a_posting_that_comes_late_affects_what_it_falls_before(on: On) {
    let mut world = World::new(on).await;
    for operation in two_stays() {
        world.settled(&operation).await;
    }
    for (rows, causes) in [
        (vec![stay_before("P1", RETIRED)], vec!["补录P1(第2笔之后)"]),
        (
            vec![
                stay_before("P1", RETIRED),
                vec![
                    ("id", "P2"),
                    ("psn_no", RETIRED),
                    ("kind", "local-settlement"),
                    ("date", "2025-06-20"),
                    ("cancels", "P1"),
                ],
            ],
            vec![],
        ),
    ] {
        let rows: String = rows.iter().map(|cells| row(cells)).collect();
        world.write("postings.csv", &(POSTINGS_HEADER.to_owned() + &rows));
        world.stop().await;
        world.start().await;
        let listed = affected(&world, RETIRED).await;
        assert_eq!(
            listed.iter().flat_map(|one| one.causes.first()).collect::<Vec<_>>(),
            [causes.clone(), causes].concat()
        );
    }
    world.prove().await;
}

/// A changed book decides nothing by itself; the list says what it would have decided otherwise.
async fn a_rule_book_that_changes_late_tells_its_difference(on: On) {
    let world = World::new(on).await;
    for operation in two_stays() {
        world.settled(&operation).await;
    }
    let path = world.config().rulebooks.join("410700-xinxiang/employee-2024-01-01.toml");
    let text = fs::read_to_string(path).expect("a rule book");
    let under = async |text: &str| {
        let mut books = RuleBooks::default();
        books.insert(RuleBook::parse(text).expect("a book without faults"));
        let wanted = Wanted { person: None, after: After::default(), people: 10, bytes: usize::MAX };
        list(world.running().store(), wanted, &Because::Rules(Arc::new(books))).await.expect("a list").affected
    };
    assert_eq!(under(&text).await.len(), 0, "the same rules decide the same");
    let dearer = text.replace("first = 1200", "first = 1300").replace("amount = 1200", "amount = 1300");
    assert_ne!(dearer, text, "the book has a deductible of 1200 yuan");
    let changed = under(&dearer).await;
    assert_eq!(changed[0].reworked.settlement.as_str(), "s-m1");
    assert!(changed[0].reworked.difference().funds.total().is_negative());
    world.prove().await;
}
