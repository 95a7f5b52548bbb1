//! What treatment sides report of comparing: what the hub takes, and what it refuses and keeps nothing of.

use clearing::breaks::{Books, Fact};
use clearing::digest::{Digest, Leaf};
use identity::name::Role;
use jiff::civil::date;
use ledger::leaves::Scope;
use proto::convert::digests::{write_branch, write_fact, write_root};
use proto::convert::{read_leaf, read_outcome, write_operation};
use proto::v1;
use proto::v1::comparisons_client::ComparisonsClient;
use reconciliation::book::Book as _;
use settlement::operation::Operation;
use tonic::Status;
use tonic::transport::Channel;

use crate::requests::*;
use crate::world::{World, refusal};

fn comparisons(world: &World, code: &str) -> ComparisonsClient<Channel> {
    ComparisonsClient::new(world.peer(code, Role::Treatment))
}

/// Has an operation booked, and tells of it that its hospital lacks it.
async fn lacked(world: &World, operation: &Operation) -> v1::ApartView {
    let (_, outcome) = world.answer(operation).await;
    let leaf = read_leaf(&write_operation(operation), &outcome).expect("it reads");
    let (branch, Leaf { place, .. }) = leaf.expect("it was accepted");
    let fact = Fact::of(&read_outcome(&outcome).expect("it reads")).expect("it was accepted");
    let inner = Some(write_fact(&Digest([0; 32]), &operation.key.to_text(), &fact));
    v1::ApartView { branch: Some(write_branch(&branch)), place, outer: None, inner }
}

/// A report of everything from 1970 on, when the home region of these tests decides.
fn report(apart: Vec<v1::ApartView>) -> v1::HospitalReport {
    v1::HospitalReport {
        from: "1970-01-01".into(),
        to: "2025-06-30".into(),
        treatment: "310000".into(),
        apart,
        ..v1::HospitalReport::default()
    }
}

async fn standing(world: &World) -> Vec<(Books, String)> {
    let open = world.hub().store().break_list(Scope::default()).await.expect("a list").into_iter();
    open.map(|open| (open.books, open.found.settlement.to_string())).collect()
}

/// A row as if it were of Shenzhen.
fn of_shenzhen(apart: &v1::ApartView) -> v1::ApartView {
    let branch = v1::Branch { treatment: "440300".into(), ..apart.branch.clone().expect("a branch") };
    v1::ApartView { branch: Some(branch), ..apart.clone() }
}

/// The field that is refused, and why.
fn refused(told: Result<impl Sized, Status>) -> (String, String) {
    let refusal = refusal(&told.err().expect("a refusal"));
    (refusal.field.unwrap_or_default().into_owned(), refusal.detail.unwrap_or_default())
}

#[tokio::test]
async fn what_hospitals_lack_is_kept_of_what_the_hubs_own_book_holds_of_the_senders_pool() {
    let world = World::new().await;
    let (first, second) = (lacked(&world, &settle("1")).await, lacked(&world, &settle("2")).await);
    let mut shanghai = comparisons(&world, "310000");
    let unknown = v1::Fact { key: settle("9").key.to_text(), ..first.inner.clone().expect("a fact") };
    let unknown = v1::ApartView { inner: Some(unknown), ..first.clone() };
    let told = shanghai.report_hospitals(report(vec![first.clone(), unknown])).await.expect("it is taken").into_inner();
    assert_eq!((told.breaks, told.pending), (1, 1), "what the hub has no answer to holds no entry");
    let kept = [(Books::HospitalTreatment, "1".to_owned())];
    assert_eq!(standing(&world).await, kept);

    // What the hub holds otherwise is found by comparing its book with the treatment side's, and stops nothing here.
    let held_otherwise: [(&str, v1::ApartView); 3] = [
        ("another's settlement", {
            let inner = v1::Fact { settlement: "2".into(), ..first.inner.clone().expect("a fact") };
            v1::ApartView { inner: Some(inner), ..first.clone() }
        }),
        ("another place", v1::ApartView { place: second.place, ..first.clone() }),
        ("another day", {
            let day = date(2025, 6, 1).to_string();
            let branch = v1::Branch { day, ..first.branch.clone().expect("a branch") };
            v1::ApartView { branch: Some(branch), ..first.clone() }
        }),
    ];
    for (what, row) in held_otherwise {
        let told =
            shanghai.report_hospitals(report(vec![row, second.clone()])).await.expect("it is taken").into_inner();
        assert_eq!((told.breaks, told.pending), (1, 1), "{what}");
        assert_eq!(standing(&world).await, [(Books::HospitalTreatment, "2".to_owned())], "{what}");
    }
    shanghai.report_hospitals(report(vec![first.clone()])).await.expect("it is taken");

    let no_key = v1::Fact { key: "nothing".into(), ..second.inner.clone().expect("a fact") };
    let no_key = v1::ApartView { inner: Some(no_key), ..second.clone() };
    let (field, told) = refused(shanghai.report_hospitals(report(vec![second.clone(), no_key])).await);
    assert!(field == "apart" && told.contains("is no operation's key"), "{field} {told}");
    assert_eq!(standing(&world).await, kept, "nothing of it is kept");
    let mut stranger = comparisons(&world, "440300");
    assert_eq!(refused(stranger.report_hospitals(report(vec![second.clone()])).await).0, "treatment");
    let own_pool = v1::HospitalReport { treatment: "440300".into(), ..report(vec![second.clone()]) };
    assert_eq!(refused(stranger.report_hospitals(own_pool).await).0, "apart", "it is of another pool");
    let own_branch = v1::HospitalReport { treatment: "440300".into(), ..report(vec![of_shenzhen(&second)]) };
    let (field, told) = refused(stranger.report_hospitals(own_branch).await);
    assert!(field == "apart" && told.contains("is of another pool in the hub's book"), "{field} {told}");

    // Told no more of its stretch, it has ended; outside of it, nothing has.
    let place = first.place.max(second.place);
    let low = v1::HospitalReport { last_place: Some(place - 1), to: "1970-01-01".into(), ..report(Vec::new()) };
    shanghai.report_hospitals(report(vec![first, second])).await.expect("it is taken");
    assert_eq!(standing(&world).await.len(), 2);
    shanghai.report_hospitals(low).await.expect("it is taken");
    assert_eq!(standing(&world).await.len(), 1);
    shanghai.report_hospitals(report(Vec::new())).await.expect("it is taken");
    assert_eq!(standing(&world).await, []);
}

#[tokio::test]
async fn a_report_that_is_too_long_is_refused_and_nothing_of_it_is_kept() {
    let world = World::new().await;
    let apart = lacked(&world, &settle("1")).await;
    let mut shanghai = comparisons(&world, "310000");
    let long = vec![apart.clone(); reconciliation::reporting::MOST_ROWS + 1];
    let (field, why) = refused(shanghai.report_hospitals(report(long.clone())).await);
    assert!(field == "report" && why.contains("10001") && why.contains("fewer days"), "{field} {why}");
    let whole = v1::ComparisonReport {
        from: "1970-01-01".into(),
        to: "1970-01-02".into(),
        treatment: "310000".into(),
        apart: long,
        ..v1::ComparisonReport::default()
    };
    assert_eq!(refused(shanghai.report(whole.clone()).await).0, "report");
    assert_eq!(standing(&world).await, []);
    let fewer = v1::ComparisonReport { apart: vec![apart], ..whole };
    let outside = v1::ComparisonReport { last_place: Some(0), to: fewer.from.clone(), ..fewer.clone() };
    assert_eq!(refused(shanghai.report(outside).await).0, "apart", "it lies outside of the report's stretch");
    assert_eq!(shanghai.report(fewer).await.expect("it is taken").into_inner().breaks, 1);
}

#[tokio::test]
async fn what_a_treatment_sides_own_book_differs_in_is_of_its_own_pools_settlements() {
    let world = World::new().await;
    let apart = lacked(&world, &settle("1")).await;
    let own = |treatment: &str, apart: Vec<v1::ApartView>| {
        let v1::HospitalReport { from, to, .. } = report(Vec::new());
        v1::ComparisonReport { from, to, treatment: treatment.into(), apart, ..v1::ComparisonReport::default() }
    };
    let mut shenzhen = comparisons(&world, "440300");
    // Neither by its own operation nor by one that nobody has.
    let invented = v1::Fact { key: settle("9").key.to_text(), ..apart.inner.clone().expect("a fact") };
    let invented = v1::ApartView { outer: Some(invented), inner: None, ..of_shenzhen(&apart) };
    for row in [of_shenzhen(&apart), invented.clone()] {
        let (field, told) = refused(shenzhen.report(own("440300", vec![row])).await);
        assert!(field == "apart" && told.contains("settlement 1 is of another pool"), "{field} {told}");
        assert_eq!(standing(&world).await, []);
    }
    let nobodys = v1::Fact { settlement: "9".into(), ..invented.outer.clone().expect("a fact") };
    let nobodys = v1::ApartView { outer: Some(nobodys), ..invented };
    shenzhen.report(own("440300", vec![nobodys])).await.expect("it is taken");
    comparisons(&world, "310000").report(own("310000", vec![apart])).await.expect("it is taken");
    let mut kept = standing(&world).await;
    kept.sort();
    assert_eq!(kept, [(Books::TreatmentHub, "1".to_owned()), (Books::TreatmentHub, "9".to_owned())]);
}

/// The hub's root of everything in these tests.
async fn root(world: &World) -> v1::Root {
    let (store, days) = (world.hub().store(), (date(1970, 1, 1), date(1970, 1, 1)));
    store.fold().await.expect("it is folded");
    let roots = store.leaves().leaf_roots(days, Scope::default()).await.expect("roots");
    let (branch, root) = roots.iter().next().expect("an operation");
    write_root(branch, root)
}

#[tokio::test]
async fn what_was_found_and_decided_ends_where_the_side_says_how_its_branch_compares_by_now() {
    let apart_from = |root: &v1::Root| v1::Root { digest: vec![7; 32].into(), ..root.clone() };
    for agrees in [true, false] {
        let world = World::new().await;
        let (apart, root) = (lacked(&world, &settle("1")).await, root(&world).await);
        let place = apart.place;
        let mut shanghai = comparisons(&world, "310000");
        let store = world.hub().store();
        let nothing = || {
            let (from, to) = ("1970-01-01".to_owned(), "1970-01-02".to_owned());
            v1::ComparisonReport { from, to, treatment: "310000".into(), ..v1::ComparisonReport::default() }
        };
        let saying = |root: v1::Root| match agrees {
            true => v1::ComparisonReport { agreed: vec![root], ..nothing() },
            false => v1::ComparisonReport { differing: vec![root], ..nothing() },
        };
        let with_it = v1::ComparisonReport { apart: vec![apart], differing: vec![root.clone()], ..nothing() };
        shanghai.report(with_it).await.expect("it is taken");
        let open = store.break_list(Scope::default()).await.expect("a list");
        let elsewhere = v1::ComparisonReport { first_place: place + 1, ..saying(root.clone()) };
        let decide = async || {
            let decided = store.break_end(open[0].number, "seen".into(), ("us".into(), jiff::Timestamp::UNIX_EPOCH));
            assert!(decided.await.expect("it is decided"));
        };
        for is_decided in [false, true] {
            for silent in [nothing(), saying(apart_from(&root)), elsewhere.clone()] {
                shanghai.report(silent).await.expect("it is taken");
                assert_eq!(standing(&world).await.len(), usize::from(!is_decided));
                assert_eq!(store.break_disputing().await.expect("a list").len(), 1, "{is_decided}");
            }
            if !is_decided {
                decide().await;
            }
        }
        // A part of the day has its root; that it was compared is recorded with the last.
        let part = v1::ComparisonReport { to: "1970-01-01".into(), last_place: Some(place), ..saying(root.clone()) };
        assert_eq!(shanghai.report(part).await.expect("it is taken").into_inner().agreed, 0);
        assert_eq!(store.break_disputing().await.expect("a list"), []);
        let last = shanghai.report(saying(root)).await.expect("it is taken").into_inner();
        assert_eq!(last.agreed, u64::from(agrees));
    }
}
