//! Books are compared across databases: one on SQLite, one on PostgreSQL, built in other orders and by other steps.

use std::collections::BTreeSet;

use clearing::digest::{Comparison, Difference};
use jiff::civil::date;
use tempfile::TempDir;

use super::*;
use crate::engine::{Fence, Location, Schema, migrate};
use crate::store::StoreOptions;
use crate::testing::{Database, PrivatePostgres};

static SCHEMA: Schema = Schema { name: "leaves", versions: &[TABLES], fence: Fence::OneWriter };

/// A store of leaves alone, and where it is.
struct Place {
    leaves: Leaves,
    _folder: Option<TempDir>,
    _database: Option<Database>,
}

impl Place {
    fn on_sqlite() -> Place {
        let folder = tempfile::tempdir().expect("a folder");
        let leaves = open(&folder.path().join("leaves.db").into());
        Place { leaves, _folder: Some(folder), _database: None }
    }

    /// As in production: migrated by its owner, served by a role that owns nothing.
    fn on_postgres() -> Place {
        let database = PrivatePostgres::shared().database().expect("a database");
        let owner = database.owner_url.parse().expect("a location");
        migrate(&owner, &SCHEMA, Some(&database.app_role)).expect("it is migrated");
        let leaves = open(&database.app_url.parse().expect("a location"));
        Place { leaves, _folder: None, _database: Some(database) }
    }

    async fn add(&self, leaves: &[NewLeaf]) {
        let leaves = leaves.to_vec();
        self.leaves.engine.write(move |sql| append(sql, &leaves)).await.expect("they are added");
    }

    async fn roots(&self) -> BTreeMap<Branch, Node> {
        let days = (date(2025, 6, 1), date(2025, 6, 30));
        self.leaves.leaf_roots(days, Scope::default()).await.expect("roots")
    }
}

fn open(location: &Location) -> Leaves {
    // There is no book beside these leaves, so their digests stand for operations and outcomes.
    let with_made = with_made!(
        "made.digest, made.digest",
        "leaves AS made ON made.day = leaves.day AND made.home = leaves.home AND made.treatment = leaves.treatment
             AND made.place = leaves.place AND made.digest = leaves.digest"
    );
    Leaves::new(Engine::open(location, &SCHEMA, &StoreOptions::default()).expect("a store"), with_made)
}

fn pool(code: &str) -> PoolCode {
    PoolCode(RegionCode::new(code).expect("a code"))
}

fn leaf(number: i64, outcome: &str) -> NewLeaf {
    let treatment = pool(if number % 2 == 0 { "310000" } else { "440300" });
    let day = date(2025, 6, i8::try_from(number % 3).expect("small") + 1);
    let branch = Branch { day, home: pool("410700"), treatment };
    NewLeaf { branch, leaf: Leaf::of(&format!("operation {number}"), outcome.as_bytes()), number }
}

async fn compare(ours: &Place, theirs: &Place) -> BTreeSet<Difference> {
    let mut comparison = Comparison::of_roots(&ours.roots().await, &theirs.roots().await);
    while !comparison.open().is_empty() {
        let open = comparison.open().to_vec();
        let here = ours.leaves.leaf_inside(open.clone()).await.expect("ours");
        let there = theirs.leaves.leaf_inside(open).await.expect("theirs");
        comparison.take(&here, &there).expect("answers to what was asked");
    }
    comparison.found().clone()
}

#[tokio::test]
async fn two_books_are_compared_whatever_stands_under_them() {
    let (ours, theirs) = (Place::on_sqlite(), Place::on_postgres());
    let sound: Vec<NewLeaf> = (0..4_000).map(|number| leaf(number, "accepted")).collect();
    for batch in sound.chunks(300) {
        ours.add(batch).await;
        ours.leaves.leaf_refresh().await.expect("fresh");
    }
    let (missing, otherwise) = ([7, 800, 3_999], [8, 801]);
    let mut other: Vec<NewLeaf> = sound.iter().rev().filter(|new| !missing.contains(&new.number)).copied().collect();
    other.retain(|new| !otherwise.contains(&new.number));
    other.extend(otherwise.map(|number| leaf(number, "accepted otherwise")));
    for batch in other.chunks(1_100) {
        theirs.add(batch).await;
    }
    let planted: BTreeSet<Difference> = missing
        .map(|number| (number, None))
        .into_iter()
        .chain(otherwise.map(|number| (number, Some(leaf(number, "accepted otherwise").leaf.digest))))
        .map(|(number, theirs)| {
            let NewLeaf { branch, leaf: Leaf { place, digest }, .. } = leaf(number, "accepted");
            Difference { branch, place, ours: Some(digest), theirs }
        })
        .collect();
    assert_eq!(compare(&ours, &theirs).await, planted);
    theirs.add(&missing.map(|number| leaf(number, "accepted"))).await;
    assert_eq!(compare(&ours, &theirs).await.len(), otherwise.len());
    for place in [&ours, &theirs] {
        let NewLeaf { branch, leaf: Leaf { place: at, digest }, number: _ } = leaf(9, "accepted");
        let found = place.leaves.leaf_standing(vec![(branch, at), (branch, at + 1)]).await.expect("operations");
        let bytes = Bytes::copy_from_slice(&digest.0);
        assert_eq!(found, [vec![(digest, bytes.clone(), bytes)], vec![]]);
    }
}

#[tokio::test]
async fn roots_are_those_of_the_days_and_pools_asked_for() {
    for place in [Place::on_sqlite(), Place::on_postgres()] {
        place.add(&(0..60).map(|number| leaf(number, "accepted")).collect::<Vec<_>>()).await;
        for (first, last, home, treatment, branches) in [
            (1, 30, None, None, 6),
            (1, 2, None, None, 4),
            (4, 30, None, None, 0),
            (1, 30, Some("410700"), None, 6),
            (1, 30, Some("410700"), Some("310000"), 3),
            (1, 30, Some("310000"), None, 0),
        ] {
            let scope = Scope { home: home.map(pool), treatment: treatment.map(pool) };
            let days = (date(2025, 6, first), date(2025, 6, last));
            let roots = place.leaves.leaf_roots(days, scope).await.expect("roots");
            assert_eq!(roots.len(), branches, "{first} to {last}, {scope:?}");
            assert_eq!(roots.values().map(|root| root.count).sum::<u64>(), 10 * branches as u64);
        }
    }
}

#[tokio::test]
async fn a_leaf_that_is_added_again_changes_nothing() {
    for place in [Place::on_sqlite(), Place::on_postgres()] {
        let leaves: Vec<NewLeaf> = (0..40).map(|number| leaf(number, "accepted")).collect();
        place.add(&leaves).await;
        let once = place.roots().await;
        place.add(&leaves).await;
        assert_eq!(place.roots().await, once);
    }
}

#[tokio::test]
async fn a_branchs_leaves_come_page_by_page_each_once_and_in_their_order() {
    for place in [Place::on_sqlite(), Place::on_postgres()] {
        let all: Vec<NewLeaf> = (0..6_600).map(|number| leaf(number, "accepted")).collect();
        place.add(&all).await;
        let branch = leaf(0, "accepted").branch;
        let (mut pages, mut held) = (0, Vec::new());
        loop {
            let after = held.last().map(|last: &HeldLeaf| last.leaf);
            let page = place.leaves.leaf_page(branch, after).await.expect("a page");
            if page.is_empty() {
                break;
            }
            pages += 1;
            held.extend(page);
        }
        assert_eq!(pages, 3, "1,100 leaves, at most 500 at once");
        let mut expected: Vec<NewLeaf> = all.into_iter().filter(|new| new.branch == branch).collect();
        expected.sort_by_key(|new| new.leaf);
        assert_eq!(
            held.iter().map(|held| (held.leaf, held.number)).collect::<Vec<_>>(),
            expected.iter().map(|new| (new.leaf, new.number)).collect::<Vec<_>>()
        );
        assert!(held.iter().all(|held| held.outcome == held.leaf.digest.0[..]), "each with its own bytes");
    }
}
