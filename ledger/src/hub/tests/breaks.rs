//! Breaks of a hospital's book beside those of the others, and reports that come in parts.

use ::clearing::breaks::{Book, Books, Kind, Proposal};
use ::clearing::certificate::Agreement;
use ::clearing::digest::{Branch, Digest};
use ::clearing::stretch::Stretch;

use super::course::settlement;
use super::together::turned_beside_a_relative;
use super::*;
use crate::leaves::Scope;

fn day(number: i8) -> Date {
    date(2025, 6, number)
}

fn found(number: i8, place: u64, total: i64) -> FoundBreak {
    FoundBreak {
        branch: Branch { day: day(number), home: pool("410700"), treatment: pool("310000") },
        place,
        operation: format!("operation {place}"),
        kind: Kind::Missing(Book::Outer),
        settlement: settlement(&format!("S{place}")),
        outer: (Money::ZERO, Money::ZERO),
        inner: (Money::from_fen(total), Money::from_fen(total / 2)),
        proposed: Proposal::HospitalReverses,
    }
}

async fn told(world: &World, books: Books, looked: impl Into<Looked>, found: Vec<FoundBreak>) {
    let scope = Scope { home: None, treatment: Some(pool("310000")) };
    world.store.break_record(books, looked, scope, found, at(5)).await.expect("it is recorded");
}

/// The numbers of the breaks that stand, with their places.
async fn standing(world: &World, books: Books) -> Vec<(i64, u64)> {
    let open = world.store.break_list(Scope::default()).await.expect("a list").into_iter();
    open.filter(|open| open.books == books).map(|open| (open.number, open.found.place)).collect()
}

pub(super) async fn what_was_decided_of_a_hospitals_book_stays_so_while_the_same_is_told(world: World) {
    let days = (day(1), day(30));
    for books in [Books::HospitalTreatment, Books::TreatmentHub] {
        told(&world, books, days, vec![found(10, 1, 100), found(10, 1, 100), found(11, 2, 100)]).await;
        let first = standing(&world, books).await;
        assert_eq!(first.len(), 2, "what is told twice is one break");
        world.store.break_end(first[0].0, "seen".into(), ("us".into(), at(6))).await.expect("it is ended");
        told(&world, books, days, vec![found(10, 1, 100), found(11, 2, 100)]).await;
        let again = standing(&world, books).await;
        match books {
            Books::HospitalTreatment => assert_eq!(again, first[1..]),
            // Compared anew, and found again.
            Books::TreatmentHub | Books::HubHome => assert_eq!(again.len(), 2),
        }
    }
    let books = Books::HospitalTreatment;
    told(&world, books, days, vec![found(10, 1, 101)]).await;
    let other = standing(&world, books).await;
    assert_eq!(other.iter().map(|(_, place)| *place).collect::<Vec<_>>(), [1], "it differs otherwise");
    told(&world, books, days, Vec::new()).await;
    assert_eq!(standing(&world, books).await, []);
    told(&world, books, days, vec![found(10, 1, 100)]).await;
    let anew: Vec<u64> = standing(&world, books).await.into_iter().map(|(_, place)| place).collect();
    assert_eq!(anew, [1], "what was decided and had gone since is to be decided again");
    told(&world, books, days, Vec::new()).await;
    let history = world.store.break_history(other[0].0).await.expect("a history").expect("a break");
    assert_eq!(history.end.map(|end| end.ending).as_deref(), Some("vanished"));
    let others = standing(&world, Books::TreatmentHub).await;
    assert_eq!(others.len(), 2, "what is told of one pair of books ends nothing of another");
}

/// A's own part is Xinxiang's, and 40 of it come from the account of a relative whom another pool insures.
pub(super) async fn a_break_holds_back_what_is_between_its_own_pools_alone(world: World) {
    turned_beside_a_relative(&world, &settle("A"), Turn::Enter).await;
    let disputing = async || {
        let held = world.store.break_disputing().await.expect("a list").into_iter();
        held.map(|open| (open.found.branch.home.to_string(), open.found.place)).collect::<Vec<_>>()
    };
    let of = |home: &str, treatment: &str, place, settled: &str| FoundBreak {
        branch: Branch { day: day(12), home: pool(home), treatment: pool(treatment) },
        settlement: settlement(settled),
        ..found(12, place, 100)
    };
    let all = [
        of("410700", "310000", 1, "A"),
        of("120000", "310000", 2, "A"),
        of("410700", "440300", 3, "A"),
        of("330200", "310000", 4, "A"),
        of("410700", "310000", 5, "B"),
    ];
    let (days, at_5) = ((day(1), day(30)), at(5));
    let record = async |found: Vec<FoundBreak>| {
        let recorded = world.store.break_record(Books::HubHome, days, Scope::default(), found, at_5).await;
        recorded.expect("it is recorded");
    };
    record(all.to_vec()).await;
    assert_eq!(standing(&world, Books::HubHome).await.len(), all.len(), "each is a break all the same");
    let own = [("410700".to_owned(), 1)];
    assert_eq!(disputing().await, own);
    for (number, _) in standing(&world, Books::HubHome).await {
        world.store.break_end(number, "seen".into(), ("us".into(), at(6))).await.expect("it is ended");
    }
    assert_eq!(disputing().await, own, "also once it is decided");
    record(Vec::new()).await;
    assert_eq!(disputing().await, [], "the books agree");
}

pub(super) async fn breaks_and_certificates_are_read_page_by_page(world: World) {
    let all: Vec<FoundBreak> = (1..6).map(|place| found(10, place, 100)).collect();
    told(&world, Books::HospitalTreatment, (day(1), day(30)), all).await;
    let numbers: Vec<i64> =
        standing(&world, Books::HospitalTreatment).await.into_iter().map(|(number, _)| number).collect();
    world.store.break_end(numbers[2], "seen".into(), ("us".into(), at(6))).await.expect("it is ended");
    let left: Vec<i64> = numbers.iter().copied().filter(|number| *number != numbers[2]).collect();
    let scope = Scope { home: Some(pool("410700")), treatment: None };
    for limit in 1..6 {
        let (mut walked, mut after) = (Vec::new(), 0);
        loop {
            let page = world.store.break_page(scope, after, limit).await.expect("a page");
            assert!(page.len() <= limit as usize);
            let Some(last) = page.last() else { break };
            after = last.number;
            walked.extend(page.iter().map(|open| open.number));
        }
        assert_eq!(walked, left, "{limit} at once");
    }
    // One that has ended since is as good a place as any.
    let page = world.store.break_page(scope, numbers[2], 9).await.expect("a page");
    assert_eq!(page.iter().map(|open| open.number).collect::<Vec<_>>(), numbers[3..]);
    let elsewhere = Scope { home: Some(pool("310000")), treatment: None };
    assert_eq!(world.store.break_page(elsewhere, 0, 9).await.expect("a page"), []);

    let place = |number, version| (Branch { day: day(number), ..found(1, 1, 1).branch }, version);
    let places = [place(1, 1), place(1, 2), place(2, 1), place(4, 1)];
    for (branch, version) in places {
        let root = Digest([u8::try_from(version).expect("small"); 32]);
        let agreement = Agreement { branch, version, operations: 1, tally: None, root, replaces: None };
        world.store.certificate_issue(agreement, vec![Position(1)], at(5)).await.expect("it is kept");
    }
    for limit in 1..6 {
        let (mut walked, mut after) = (Vec::new(), None);
        loop {
            let page = world.store.certificate_page((day(1), day(3)), Scope::default(), after, limit).await;
            let page = page.expect("a page");
            assert!(page.len() <= limit as usize);
            let Some(last) = page.last() else { break };
            after = Some((last.agreement.branch, last.agreement.version));
            walked.extend(page.iter().map(|one| (one.agreement.branch, one.agreement.version)));
        }
        assert_eq!(walked, places[..3], "{limit} at once");
    }
}

pub(super) async fn a_part_of_a_report_ends_nothing_outside_of_its_stretch(world: World) {
    let books = Books::HospitalTreatment;
    // As places are kept, the highest are negative numbers.
    let all = [found(10, 1, 9), found(10, u64::MAX, 9), found(11, 3, 9), found(11, 7, 9), found(12, 5, 9)];
    told(&world, books, (day(1), day(30)), all.to_vec()).await;
    let inside = Stretch { first: (day(10), 2), last: (day(11), 3) };
    told(&world, books, inside, Vec::new()).await;
    let mut places: Vec<u64> = standing(&world, books).await.into_iter().map(|(_, place)| place).collect();
    places.sort_unstable();
    assert_eq!(places, [1, 5, 7]);
}

pub(super) async fn a_signature_takes_the_place_of_the_one_that_it_was_to_replace_alone(world: World) {
    let branch = found(10, 1, 100).branch;
    let agreement = Agreement { branch, version: 1, operations: 1, tally: None, root: Digest([7; 32]), replaces: None };
    world.store.certificate_issue(agreement, Vec::new(), at(5)).await.expect("it is issued");
    for (party, signature, replacing, kept) in [
        ("home", 1, None, 1),
        ("home", 2, None, 1),
        ("home", 3, Some(9), 1),
        ("home", 4, Some(1), 4),
        ("home", 5, Some(1), 4),
        ("hub", 6, Some(4), 0),
        ("hub", 7, None, 7),
    ] {
        let (signed, replacing) = (signed_by(party, "A", signature), replacing.map(|byte| vec![byte]));
        world.store.certificate_sign((branch, 1), signed, replacing, at(6)).await.expect("the store works");
        let listed = world.store.certificate_list((day(10), day(10)), Scope::default()).await.expect("a list");
        let newest = listed[0].signature_of(party).map_or(0, |signature| signature[0]);
        assert_eq!((listed.len(), newest), (1, kept), "{party} {signature}");
    }
}

fn signed_by(party: &str, signer: &str, signature: u8) -> NewSignature {
    NewSignature { party: party.to_owned(), signer: signer.to_owned(), signature: vec![signature] }
}

pub(super) async fn certificates_that_lack_a_signature_are_found_page_by_page(world: World) {
    let (shanghai, shenzhen) = ("310000", "440300");
    let place = |day_number, home: u32, treatment, version| {
        let branch = Branch { day: day(day_number), home: pool(&home.to_string()), treatment: pool(treatment) };
        (branch, version)
    };
    for (branch, version) in [
        place(10, 410_700, shanghai, 1),
        place(10, 410_700, shanghai, 2),
        place(10, 410_700, shenzhen, 1),
        place(10, 410_800, shanghai, 1),
        place(12, 410_800, shanghai, 1),
    ] {
        let agreement =
            Agreement { branch, version, operations: 1, tally: None, root: Digest([7; 32]), replaces: None };
        world.store.certificate_issue(agreement, Vec::new(), at(5)).await.expect("it is issued");
    }
    for (place, party, signer, replacing) in [
        (place(10, 410_700, shanghai, 1), "hub", "A", None),
        (place(10, 410_700, shanghai, 2), "hub", "A", None),
        (place(10, 410_700, shanghai, 2), "hub", "B", Some(1)),
        (place(10, 410_700, shenzhen, 1), "hub", "B", None),
        (place(10, 410_700, shenzhen, 1), "yidi://410700/home", "C", None),
        (place(10, 410_800, shanghai, 1), "yidi://410700/home", "C", None),
    ] {
        let signed = signed_by(party, signer, if replacing.is_some() { 2 } else { 1 });
        let replacing = replacing.map(|byte| vec![byte]);
        world.store.certificate_sign(place, signed, replacing, at(6)).await.expect("it is kept");
    }
    let (of_shanghai, all) = (Scope { home: None, treatment: Some(pool(shanghai)) }, Scope::default());
    let of_home = Scope { home: Some(pool("410700")), treatment: None };
    let [first, second, elsewhere, other] = [(410_700, 1), (410_700, 2), (410_700, 3), (410_800, 1)];
    // Versions of Shenzhen's are told by 3.
    for (scope, party, unsound, lacking) in [
        (all, Some("hub"), &[][..], &[other][..]),
        (all, Some("hub"), &["A"], &[first, other]),
        (all, Some("hub"), &["A", "B"], &[first, second, elsewhere, other]),
        (of_home, Some("hub"), &["A", "B"], &[first, second, elsewhere]),
        (of_shanghai, Some("hub"), &["B"], &[second, other]),
        (all, None, &[], &[first, second, other]),
        (of_home, None, &["C"], &[first, second, elsewhere]),
    ] {
        let unsound: Vec<String> = unsound.iter().map(|signer| (*signer).to_owned()).collect();
        let unsigned = Unsigned { day: day(10), scope, party: party.map(ToOwned::to_owned), unsound };
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = world.store.certificate_unsigned(unsigned.clone(), after, 2).await.expect("a page");
            let Some(last) = page.last() else { break };
            assert!(page.len() <= 2);
            after = Some(last.agreement);
            found.extend(page.into_iter().map(|certificate| {
                let (branch, version) = (certificate.agreement.branch, certificate.agreement.version);
                let home: u32 = branch.home.to_string().parse().expect("a code");
                (home, if branch.treatment == pool(shenzhen) { 3 } else { version })
            }));
        }
        assert_eq!(found, lacking, "{unsigned:?}");
    }
    for (days, treatment, first) in [
        ((1, 30), None, Some(10)),
        ((11, 30), None, Some(12)),
        ((11, 30), Some(shenzhen), None),
        ((1, 30), Some(shenzhen), Some(10)),
        ((13, 30), None, None),
    ] {
        let found = world.store.certificate_day((day(days.0), day(days.1)), treatment.map(pool)).await;
        assert_eq!(found.expect("an answer"), first.map(day), "{days:?} {treatment:?}");
    }
    let signers = |party: Option<&str>| world.store.certificate_signers(party.map(ToOwned::to_owned));
    let names = |kept: Vec<KeptSigner>| kept.into_iter().map(|kept| kept.signer).collect::<Vec<_>>();
    assert_eq!(names(signers(Some("hub")).await.expect("a list")), ["A", "B"]);
    assert_eq!(names(signers(None).await.expect("a list")), ["A", "B", "C"]);
}
