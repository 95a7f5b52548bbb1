//! What is carried out, or told, a part at a time: each commit is small, and what is left of it is done by whoever comes next.

use std::collections::BTreeMap;

use ::clearing::cleared::Cleared;
use ::clearing::digest::Branch;
use ::clearing::month::Month;
use ::clearing::obligation::Lot;
use ::clearing::period::{Pair, Side};
use settlement::ids::MemberCode;

use super::course::{owed, settled, settlement, who};
use super::folding::{FIRST, cut_off, fold};
use super::listed::lodge_and_agree;
use super::told::{letters_about, opened, regions, telling};
use super::*;
use crate::hub::periods::Moves;
use crate::mailbox::Part;
use crate::values;

const SECOND: PeriodNumber = PeriodNumber(2);
/// More than are carried out in one commit.
const SETTLEMENTS: usize = 104;

fn id(number: usize) -> String {
    format!("S{number:03}")
}

async fn count(world: &World, text: &'static str) -> i64 {
    world.store.engine.read(move |sql| sql.get(text, values![], |row| row.number(0))).await.expect("a count")
}

/// So many settlements in a month that is over, and the pair's nodes.
async fn begun(world: &World) {
    opened(world, Part::Home, &["410700"]).await;
    for number in 1..=SETTLEMENTS {
        settled(world, &id(number), 10).await;
    }
    fold(world).await;
}

/// A store that falls at the word that the last deduction has moved.
fn falling(world: &World) -> HubStore {
    let write = |told: &Told| {
        let is_last = matches!(&told.news, News::Deduction { id, step: 3, .. } if id.ends_with("104"));
        assert!(!is_last, "the hub dies");
        Bytes::from_static(b"a word")
    };
    let clock = crate::clock::Clock::starting_at(at(5));
    world.store.clone().telling(Telling { regions: regions(), write, clock })
}

async fn steps(world: &World) -> Vec<StepTaken> {
    world.store.clearing_reports(FIRST).await.expect("reports").iter().map(|report| report.step).collect()
}

pub(super) async fn what_differs_is_carried_out_and_told_some_at_a_time(world: World) {
    const CARRIED: &str = "SELECT COUNT(*) FROM carried_entries";
    begun(&world).await;
    for number in [1, SETTLEMENTS] {
        lodge_and_agree(&world, &id(number), 3).await;
    }
    cut_off(&world).await;
    let apart = |number| Disputed { settlement: settlement(&id(number)), reason: "apart".into(), owner: Side::Home };
    let disputed: Vec<Disputed> = (1..=SETTLEMENTS).map(apart).collect();
    let out = async |store: &HubStore| {
        let carrying = Carrying::from([(FIRST, Some(SECOND))]);
        store.entry_carry_out(FIRST, (disputed.clone(), vec![]), carrying, at(7)).await
    };
    assert!(out(&falling(&world)).await.is_err(), "it fell at the second page");
    assert_eq!((count(&world, CARRIED).await, steps(&world).await), (100, vec![]), "the first stays");
    let told = letters_about(&world, "deduction d-S104").await;
    assert_eq!(told.len(), 0, "what was not moved is not told");
    // What is taken off one that is out already is posted where it went.
    lodge_and_agree(&world, &id(2), 1).await;
    assert_eq!(out(&telling(&world)).await.expect("the store works"), Some(SETTLEMENTS as u64));
    assert_eq!(steps(&world).await, [StepTaken::Carried]);
    assert_eq!((owed(&world, FIRST).await, owed(&world, SECOND).await), (0, 10 * SETTLEMENTS as i64 - 7));
    for deduction in ["d-S001", "d-S104"] {
        let told = letters_about(&world, &format!("deduction {deduction}")).await;
        assert_eq!(told.iter().map(|(version, _)| *version).collect::<Vec<_>>(), [3], "{deduction} once");
    }
}

pub(super) async fn what_is_taken_off_branches_follows_them_some_at_a_time(world: World) {
    const MOVED: &str = "SELECT COUNT(*) FROM deduction_moves WHERE from_period = 1 AND into_period = 2";
    begun(&world).await;
    for number in 1..=SETTLEMENTS {
        lodge_and_agree(&world, &id(number), 3).await;
    }
    cut_off(&world).await;
    let branch = Branch { day: date(2025, 6, 10), home: pool("410700"), treatment: pool("310000") };
    let out = async |store: &HubStore| {
        let (reason, owner) = ("not compared".to_owned(), Side::Home);
        let branches = DisputedBranches { branches: vec![branch], reason, owner };
        let carrying = Carrying::from([(FIRST, Some(SECOND))]);
        store.entry_carry_out(FIRST, (vec![], vec![branches]), carrying, at(7)).await
    };
    assert!(out(&falling(&world)).await.is_err(), "it fell at the second page");
    assert_eq!((count(&world, MOVED).await, steps(&world).await), (100, vec![]), "the first stays");
    assert_eq!(out(&telling(&world)).await.expect("the store works"), Some(SETTLEMENTS as u64));
    assert_eq!((count(&world, MOVED).await, steps(&world).await), (SETTLEMENTS as i64, vec![StepTaken::Carried]));
    assert_eq!((owed(&world, FIRST).await, owed(&world, SECOND).await), (0, 7 * SETTLEMENTS as i64));
    let told = letters_about(&world, "deduction d-S104").await;
    assert_eq!(told.iter().map(|(version, _)| *version).collect::<Vec<_>>(), [3]);
}

pub(super) async fn what_another_run_carries_out_meanwhile_leaves_nothing_behind(world: World) {
    begun(&world).await;
    lodge_and_agree(&world, &id(1), 3).await;
    cut_off(&world).await;
    let (store, carrying) = (&world.store, Carrying::from([(FIRST, Some(SECOND))]));
    let gone = store.carry_out_pages(FIRST, (&[], &[]), &carrying, at(7)).await.expect("the store works");
    assert_eq!(gone, Ok(0));
    // By now a branch is not compared any more: another run carries its entries, and dies before what is taken off them.
    let branch = Branch { day: date(2025, 6, 10), home: pool("410700"), treatment: pool("310000") };
    let branches = DisputedBranches { branches: vec![branch], reason: "not compared".to_owned(), owner: Side::Home };
    let carried = store.carry_out_branches(FIRST, &branches, &carrying, at(7)).await.expect("the store works");
    assert_eq!((carried, owed(&world, FIRST).await), (Ok(()), -3));
    let before = Moves { came: 0, gone: 0 };
    assert_eq!(store.carried_out(FIRST, before, carrying.clone(), at(7)).await.expect("the store works"), None);
    assert_eq!(steps(&world).await, []);
    let again = store.entry_carry_out(FIRST, (vec![], vec![]), carrying, at(7)).await.expect("the store works");
    assert_eq!(again, Some(SETTLEMENTS as u64));
    assert_eq!((owed(&world, FIRST).await, steps(&world).await), (0, vec![StepTaken::Carried]));
}

async fn state(store: &HubStore, pair: Pair) {
    let as_of = store.clearing_as_of(FIRST).await.expect("it is read");
    let lots: BTreeMap<Lot, Cleared> = BTreeMap::new();
    store.statement_issue((FIRST, pair), 1, (lots, as_of), date(2025, 7, 21)).await.expect("it is issued");
}

pub(super) async fn an_objection_tells_of_what_it_moves_and_not_of_what_went_before(world: World) {
    let store = telling(&world);
    opened(&world, Part::Treatment, &["310000"]).await;
    store.clearing_name(FIRST, Month::from_text("2025-06").expect("a month")).await.expect("it is named");
    for id in ["A", "B"] {
        settled(&world, id, 100).await;
    }
    fold(&world).await;
    for id in ["A", "B"] {
        lodge_and_agree(&world, id, 3).await;
    }
    cut_off(&world).await;
    let carrying = || Carrying::from([(FIRST, Some(SECOND))]);
    let apart = vec![Disputed { settlement: settlement("A"), reason: "apart".into(), owner: Side::Home }];
    assert_eq!(store.entry_carry_out(FIRST, (apart, vec![]), carrying(), at(7)).await.expect("it is"), Some(1));
    let pair = Pair { home: MemberCode(pool("410000").0), treatment: MemberCode(pool("310000").0) };
    state(&store, pair).await;
    // Whoever looks at everything that ever left the period tells this one of A too.
    opened(&world, Part::Home, &["410700"]).await;
    let before = count(&world, "SELECT COUNT(*) FROM letters").await;
    let objection = Reply::Objected { settlements: vec![settlement("B")], reason: "not ours".into() };
    let place = (FIRST, pair, Side::Home);
    let replied = store.statement_reply(place, 1, objection, (carrying(), regions()), who()).await;
    assert_eq!(replied.expect("the store works"), Ok(()));
    assert_eq!(letters_about(&world, "deduction d-A").await.len(), 1);
    // Each of both nodes of the objection, and of B.
    assert_eq!(count(&world, "SELECT COUNT(*) FROM letters").await, before + 4);
}

pub(super) async fn that_a_period_is_closed_is_told_some_pairs_at_a_time_and_once(world: World) {
    const TOLD: &str = "SELECT COUNT(*) FROM letters WHERE subject LIKE 'closed %'";
    let store = telling(&world);
    opened(&world, Part::Treatment, &["310000"]).await;
    for number in 0..45 {
        let home = MemberCode(pool(&format!("41{number:02}00")).0);
        state(&world.store, Pair { home, treatment: MemberCode(pool("310000").0) }).await;
    }
    // The last of them has a subject that nobody can write of: whoever closes dies with some pairs told.
    let write = |told: &Told| {
        assert!(told.pair.home.0.as_str() != "414400", "the hub dies");
        Bytes::from_static(b"a word")
    };
    let clock = crate::clock::Clock::starting_at(at(5));
    let dying = world.store.clone().telling(Telling { regions: regions(), write, clock });
    assert!(dying.clearing_step(FIRST, StepTaken::Closed, String::new(), at(9)).await.is_err());
    assert_eq!((steps(&world).await, count(&world, TOLD).await), (vec![StepTaken::Closed], 40));
    for _ in 0..2 {
        store.clearing_tell_closed().await.expect("they are told");
        assert_eq!(count(&world, TOLD).await, 45);
    }
    assert_eq!(count(&world, "SELECT COUNT(*) FROM closings_untold").await, 0);
}
