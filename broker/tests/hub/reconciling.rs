//! Breaks that operators have carried out: what the hub can do about each, what it cannot, and what it writes down.

use broker::reconcile::Roots;
use clearing::breaks::{Book, Books, Deed, Fact, Kind, Proposal};
use clearing::certificate::Agreement;
use clearing::digest::{Branch, Leaf, root_of_leaves};
use clearing::obligation::Sums;
use clearing::tally::Family;
use identity::name::Role;
use jiff::civil::date;
use ledger::hub::{FoundBreak, Position};
use ledger::leaves::Scope;
use proto::convert::digests::write_branch;
use proto::v1;
use proto::v1::breaks_client::BreaksClient;
use reconciliation::asking::Apart;
use reconciliation::book::Book as _;
use reconciliation::counting::{Counted, count};
use settlement::money::Money;
use settlement::operation::Operation;
use tonic::transport::Channel;

use crate::clearing::{JUNE, advance, clearing, due, noon};
use crate::doubt::{hospital_has, lose_the_answer};
use crate::fake_home::Script;
use crate::requests::*;
use crate::world::{Answered, World, refusal};

fn henan(world: &World) -> BreaksClient<Channel> {
    BreaksClient::new(world.peer("410700", Role::Operator))
}

pub fn found(operation: &Operation, settlement: &str, proposed: Proposal) -> FoundBreak {
    let branch = Branch { day: date(2025, 6, 20), home: pool("410700"), treatment: pool("310000") };
    FoundBreak {
        branch,
        place: 1,
        operation: operation.key.to_text(),
        kind: Kind::Missing(Book::Outer),
        settlement: settlement_id(settlement),
        outer: (Money::ZERO, Money::ZERO),
        inner: (Money::from_yuan(100), Money::from_yuan(50)),
        proposed,
    }
}

/// Records what two books were found to differ in, as a comparison does, and gives the numbers of the breaks that stand.
pub async fn compared(world: &World, books: Books, found: Vec<FoundBreak>) -> Vec<i64> {
    let (store, scope) = (world.hub().store(), Scope { home: Some(pool("410700")), treatment: None });
    let (day, at) = (date(2025, 6, 20), jiff::Timestamp::UNIX_EPOCH);
    store.break_record(books, (day, day), scope, found, at).await.expect("it is recorded");
    let standing = store.break_list(Scope::default()).await.expect("a list");
    standing.into_iter().filter(|open| open.books == books).map(|open| open.number).collect()
}

async fn carry_out(world: &World, number: i64) -> (String, String, bool) {
    let reply = henan(world).carry_out(v1::BreakRequest { number }).await.expect("an answer").into_inner();
    (reply.action, reply.done, reply.stands)
}

fn told(action: &str, done: &str) -> (String, String, bool) {
    (action.to_owned(), done.to_owned(), true)
}

#[tokio::test]
async fn an_operator_has_the_home_region_asked_and_the_break_ends_by_the_operator() {
    let mut world = World::with(|config| config.resolve_every_ms = 3_600_000).await;
    lose_the_answer(&mut world, &settle("1"), Script::DecideAndHang).await;
    let apart = found(&settle("1"), "1", Proposal::Resolve);
    let number = compared(&world, Books::HubHome, vec![apart]).await[0];
    assert_eq!(carry_out(&world, number).await, told("ask", "no-answer"), "the region is down");
    world.start_home().await;
    // The breaker asks again after a moment.
    while carry_out(&world, number).await != told("ask", "mended") {}
    assert_eq!(hospital_has(&world).await, Money::from_yuan(100), "it is booked");
    assert_eq!(world.home.operated().len(), 1, "nothing was sent again");

    assert_eq!(compared(&world, Books::HubHome, Vec::new()).await, Vec::<i64>::new());
    let history = henan(&world).history(v1::BreakRequest { number }).await.expect("a history").into_inner();
    let end = history.end.clone().expect("it has ended");
    assert_eq!((end.ending.as_str(), &end.by), ("mended", &history.acted.last().expect("an action").by));
    assert!(!end.by.is_empty() && history.acted.iter().any(|acted| acted.done == "no-answer"), "{history:?}");
    world.check().await;
}

#[tokio::test]
async fn what_the_hub_lost_or_cannot_ask_stays_a_break_and_changes_nothing() {
    let world = World::new().await;
    let lost = found(&settle("1"), "1", Proposal::Resolve);
    let number = compared(&world, Books::HubHome, vec![lost]).await[0];
    assert_eq!(carry_out(&world, number).await, told("find-origin", "nothing"));
    assert!(matches!(world.operate(&settle("1")).await, Ok(Answered::Outcome(_, _))), "its key was not voided");
    assert_eq!(carry_out(&world, number).await, told("compare-again", "nothing"));

    let contradiction = FoundBreak { kind: Kind::AmountDiffers, ..found(&settle("2"), "2", Proposal::Investigate) };
    let number = compared(&world, Books::HubHome, vec![contradiction]).await[0];
    assert_eq!(carry_out(&world, number).await, told("investigate", "nothing"));
    let unfetched = found(&settle("3"), "3", Proposal::FetchAnswer);
    let number = compared(&world, Books::TreatmentHub, vec![unfetched]).await[0];
    assert_eq!(carry_out(&world, number).await, told("await-treatment-side", "nothing"));
    assert_eq!(world.home.operated().len(), 1);
}

#[tokio::test]
async fn a_break_is_carried_out_by_operators_of_its_pools_while_it_stands() {
    let world = World::new().await;
    let number = compared(&world, Books::HubHome, vec![found(&settle("1"), "1", Proposal::Resolve)]).await[0];
    let field = |status: tonic::Status| refusal(&status).field.expect("a field");
    let mut stranger = BreaksClient::new(world.peer("440300", Role::Operator));
    assert_eq!(field(stranger.carry_out(v1::BreakRequest { number }).await.expect_err("not theirs")), "number");
    assert_eq!(field(stranger.history(v1::BreakRequest { number }).await.expect_err("not theirs")), "number");
    compared(&world, Books::HubHome, Vec::new()).await;
    assert_eq!(field(henan(&world).carry_out(v1::BreakRequest { number }).await.expect_err("it has ended")), "number");
    let history = henan(&world).history(v1::BreakRequest { number }).await.expect("a history").into_inner();
    assert_eq!(history.end.map(|end| (end.ending, end.by)), Some(("vanished".into(), "comparison".into())));

    // A region's whole book is given back what it lacks, so that is for its own operators.
    let given_back = FoundBreak { kind: Kind::Missing(Book::Inner), ..found(&settle("2"), "2", Proposal::Reinstate) };
    let number = compared(&world, Books::HubHome, vec![given_back]).await[0];
    let mut shanghai = BreaksClient::new(world.peer("310000", Role::Operator));
    assert_eq!(field(shanghai.carry_out(v1::BreakRequest { number }).await.expect_err("not theirs")), "home");
}

/// A home's node may say whatever it likes of an operation that the hub does not have.
#[tokio::test]
async fn what_a_home_says_of_anothers_settlement_holds_nothing_of_it_back() {
    for (home, treatment, owed) in [("440300", "310000", 50), ("410700", "440300", 50), ("410700", "310000", 0)] {
        let world = World::new().await;
        let clearing = clearing(&world);
        advance(&clearing, noon(6, 15)).await;
        world.operate(&settle("1")).await.expect("an answer");
        let day = date(2025, 6, 20);
        let branch = Branch { day, home: pool(home), treatment: pool(treatment) };
        let sums = Sums { visits: 1, ..Sums::default() };
        let invented = Fact { settlement: settlement_id("1"), deed: Deed::Settle, sums };
        let operation = settle("9").key.to_text();
        let apart = Apart { branch, place: 7, operation: operation.clone(), outer: None, inner: Some(invented) };
        let scope = Scope { home: Some(pool(home)), treatment: None };
        let recorded = world.hub().hub().record(Books::HubHome, scope, (day, day), Roots::default(), &[apart]).await;
        assert_eq!(recorded.expect("the store works").breaks, 1);
        let open = world.hub().store().break_list(Scope::default()).await.expect("a list");
        assert_eq!(open.iter().map(|open| &open.found.operation).collect::<Vec<_>>(), [&operation]);
        advance(&clearing, noon(7, 1)).await;
        advance(&clearing, noon(7, 21)).await;
        assert_eq!(due(&clearing, JUNE).await, Money::from_yuan(owed), "{home} → {treatment}");
    }
}

#[tokio::test]
async fn days_the_wrong_way_round_or_still_to_come_are_refused_with_their_field() {
    let (world, far) = (World::new().await, "2999-01-01");
    let mut henan = henan(&world);
    let field = |status: tonic::Status| refusal(&status).field.expect("a field").to_string();
    for (from, to, named) in [
        ("2025-06-20", "2025-06-01", "to"),
        ("2025-06-01", far, "to"),
        (far, far, "from"),
        ("June", "2025-06-01", "from"),
    ] {
        let asked = v1::CompareRequest { home: "410700".into(), from: from.into(), to: to.into() };
        assert_eq!(field(henan.compare(asked).await.expect_err("no such days")), named, "{from} to {to}");
    }
    let asked =
        |from: &str, to: &str| v1::BreaksRequest { from: from.into(), to: to.into(), ..v1::BreaksRequest::default() };
    for (from, to, named) in [("2025-06-20", "2025-06-01", "to"), (far, far, "from")] {
        assert_eq!(field(henan.certificates(asked(from, to)).await.expect_err("no such days")), named);
    }
    // Certificates of a month that is under way may be asked for to its end.
    assert!(henan.certificates(asked("2025-06-20", far)).await.is_ok());
}

#[tokio::test]
async fn leaves_are_told_to_operators_of_their_pools_alone() {
    let world = World::new().await;
    let branch = v1::Branch { day: "2025-06-20".into(), home: "410700".into(), treatment: "310000".into() };
    let asked = |branch| v1::HeldLeavesRequest { branch, after: None, version: None };
    let field = |status: tonic::Status| refusal(&status).field.expect("a field").to_string();
    let mut stranger = BreaksClient::new(world.peer("440300", Role::Operator));
    let refused = stranger.held_leaves(asked(Some(branch.clone()))).await.expect_err("not theirs");
    assert_eq!(field(refused), "branch");
    let mut henan = henan(&world);
    assert_eq!(field(henan.held_leaves(asked(None)).await.expect_err("of no day")), "branch");
    let told = henan.held_leaves(asked(Some(branch.clone()))).await.expect("they are told").into_inner();
    assert_eq!(told.leaves, [], "the book has nothing of the day");
    let never_issued = v1::HeldLeavesRequest { version: Some(2), ..asked(Some(branch)) };
    assert_eq!(field(henan.held_leaves(never_issued).await.expect_err("there is no certificate")), "version");
}

#[tokio::test]
async fn a_certificate_that_was_replaced_has_its_leaves_though_the_late_entry_was_received_before_them() {
    let mut world = World::with(|config| config.resolve_every_ms = 3_600_000).await;
    lose_the_answer(&mut world, &settle("1"), Script::DecideAndHang).await;
    world.start_home().await;
    // The breaker asks again after a moment.
    while !matches!(world.operate(&settle("2")).await, Ok(Answered::Outcome(_, _))) {}
    let branch = Branch { day: date(1970, 1, 1), home: pool("410700"), treatment: pool("310000") };
    let certified = async |version: u32| {
        let store = world.hub().store().clone();
        store.fold().await.expect("it is folded");
        let Counted { root, tally, positions } = count(&store, branch, Family::Owners).await.expect("a book");
        let root = root.expect("operations");
        let agreement = Agreement {
            branch,
            version,
            operations: root.count,
            tally: Some(tally),
            root: root.digest,
            replaces: None,
        };
        let positions = positions.into_iter().map(Position).collect();
        store.certificate_issue(agreement, positions, jiff::Timestamp::UNIX_EPOCH).await.expect("it is kept");
        agreement
    };
    let (first, _) = (certified(1).await, world.resolve(&settle("1")).await.expect("it was decided"));
    let second = certified(2).await;
    assert_eq!((first.operations, second.operations), (1, 2));
    let told = async |version: u32| {
        let branch = Some(write_branch(&branch));
        let asked = v1::HeldLeavesRequest { branch, after: None, version: Some(version) };
        henan(&world).held_leaves(asked).await.expect("they are told").into_inner().leaves
    };
    for agreement in [first, second] {
        let held = told(agreement.version).await;
        let leaves: Vec<Leaf> = held.iter().map(|held| Leaf::of(&held.key, &held.outcome)).collect();
        assert_eq!(root_of_leaves(&leaves).map(|root| root.digest), Some(agreement.root), "{}", agreement.version);
    }
    let (late, early) = (settle("1").key.to_text(), settle("2").key.to_text());
    let mut all = told(2).await;
    all.sort_by_key(|held| held.number);
    assert_eq!(all.into_iter().map(|held| held.key).collect::<Vec<_>>(), [late, early], "in the order of receipt");
}
