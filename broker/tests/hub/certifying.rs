//! Signatures under certificates of agreement: which the hub keeps, and which it has given again.

use broker::reconcile::notary::Notary;
use clearing::certificate::Agreement;
use clearing::digest::{Branch, Digest};
use clearing::tally::Family;
use identity::name::{ParticipantName, Role};
use identity::pki::{CertificateAuthority, Issue};
use identity::signing::Signer;
use jiff::Timestamp;
use jiff::civil::date;
use ledger::leaves::Scope;
use prost::Message as _;
use proto::convert::digests::write_signature;
use proto::v1;
use proto::v1::comparisons_client::ComparisonsClient;
use proto::v1::reconciliation_client::ReconciliationClient;
use reconciliation::book::Book as _;
use reconciliation::counting::{Counted, count};

use crate::requests::*;
use crate::world::{World, refusal};

const PARTY: &str = "yidi://310000/treatment";

fn agreement() -> Agreement {
    let branch = Branch { day: date(2025, 6, 20), home: pool("410700"), treatment: pool("310000") };
    Agreement { branch, version: 1, operations: 1, tally: None, root: Digest([7; 32]), replaces: None }
}

/// What a party signs, by whatever certificate.
fn signed(signer: &Signer) -> v1::DocumentSignature {
    let signature = signer.sign(agreement().to_string().as_bytes()).expect("a signature");
    write_signature(signature.scheme, signature.bytes, signature.chain)
}

/// A signer in the party's name that another authority made.
fn foreign() -> Signer {
    let folder = tempfile::tempdir().expect("a folder");
    let authority = CertificateAuthority::init(&folder.path().join("ca"), "another").expect("an authority");
    let names = vec![ParticipantName::new(region("310000"), Role::Treatment).expect("a name")];
    authority.issue(folder.path(), &Issue { names, hosts: vec![], days: 30 }).expect("certificates");
    Signer::load(folder.path()).expect("a signer")
}

async fn kept(world: &World) -> Vec<(String, Vec<u8>)> {
    let day = agreement().branch.day;
    let listed = world.hub().store().certificate_list((day, day), Scope::default()).await.expect("certificates");
    listed.into_iter().flat_map(|certificate| certificate.signatures).filter(|(party, _)| party == PARTY).collect()
}

/// A page of what a treatment side is to sign of two days.
async fn unsigned(world: &World, after: &str) -> Vec<String> {
    let mut shanghai = ComparisonsClient::new(world.peer("310000", Role::Treatment));
    let (from, to) = ("2025-06-19".to_owned(), "2025-06-20".to_owned());
    let asked = v1::UnsignedRequest { from, to, treatment: "310000".into(), after: after.to_owned() };
    shanghai.unsigned(asked).await.expect("they are listed").into_inner().texts
}

/// Whether a treatment side is told that it has signed.
async fn told_as_signed(world: &World) -> bool {
    unsigned(world, "").await.is_empty()
}

#[tokio::test]
async fn what_nobody_could_verify_is_not_kept_and_what_no_longer_holds_is_signed_again() {
    let world = World::new().await;
    let mut shanghai = ComparisonsClient::new(world.peer("310000", Role::Treatment));
    let (store, at) = (world.hub().store().clone(), Timestamp::UNIX_EPOCH);
    store.certificate_issue(agreement(), Vec::new(), at).await.expect("it is issued");
    let request = |signature| v1::CountersignRequest { text: agreement().to_string(), signature: Some(signature) };

    let refused = refusal(&shanghai.countersign(request(signed(&foreign()))).await.expect_err("of another authority"));
    assert_eq!(refused.field.as_deref(), Some("signature"));
    let detail = refused.detail.expect("a detail");
    assert!(detail.contains("UnknownIssuer") && detail.contains("needs a signing.pem"), "{detail}");
    assert_eq!(kept(&world).await, []);

    // One that was kept, and whose signer is not trusted any more.
    let (place, once) = ((agreement().branch, 1), Notary::as_kept(PARTY.into(), &signed(&foreign())));
    store.certificate_sign(place, once, None, at).await.expect("it is kept");
    assert!(!told_as_signed(&world).await);
    let signer = world.signer("310000", Role::Treatment);
    let sound = signed(&signer);
    shanghai.countersign(request(sound.clone())).await.expect("it takes the place of the first");
    assert_eq!(kept(&world).await, [(PARTY.to_owned(), sound.encode_to_vec())]);
    assert!(told_as_signed(&world).await);

    // What holds stays.
    shanghai.countersign(request(signed(&signer))).await.expect("it has signed");
    assert_eq!(kept(&world).await, [(PARTY.to_owned(), sound.encode_to_vec())]);
}

#[tokio::test]
async fn a_treatment_side_is_told_what_it_has_not_signed_page_by_page_and_nothing_else() {
    let world = World::new().await;
    let _ = world.peer("310000", Role::Treatment);
    let (store, at) = (world.hub().store().clone(), Timestamp::UNIX_EPOCH);
    let signer = world.signer("310000", Role::Treatment);
    let mut expected = Vec::new();
    for (day, number) in [19, 20].into_iter().flat_map(|day| (0..150).map(move |number| (day, number))) {
        let home = pool(&format!("{}", 410_000 + number));
        let branch = Branch { day: date(2025, 6, day), home, treatment: pool("310000") };
        let own = Agreement { branch, ..agreement() };
        store.certificate_issue(own, Vec::new(), at).await.expect("it is issued");
        let others = Agreement { branch: Branch { treatment: pool("440300"), ..branch }, ..own };
        store.certificate_issue(others, Vec::new(), at).await.expect("it is issued");
        if number % 5 == 0 {
            let signature = signer.sign(own.to_string().as_bytes()).expect("a signature");
            let signature = write_signature(signature.scheme, signature.bytes, signature.chain);
            let kept = Notary::as_kept(PARTY.into(), &signature);
            store.certificate_sign((branch, 1), kept, None, at).await.expect("it is kept");
        } else {
            expected.push(own.to_string());
        }
    }
    let (mut listed, mut pages) = (Vec::new(), Vec::new());
    loop {
        let page = unsigned(&world, listed.last().map_or("", String::as_str)).await;
        if page.is_empty() {
            break;
        }
        pages.push(page.len());
        listed.extend(page);
    }
    assert_eq!((pages, listed), (vec![200, 40], expected));
}

/// Versions, and what they replace, are the hub's to number.
#[tokio::test]
async fn the_hub_signs_what_it_has_issued_and_nothing_else_that_its_book_holds() {
    let world = World::new().await;
    world.answer(&settle("1")).await;
    let store = world.hub().store();
    store.fold().await.expect("it is folded");
    let branch = Branch { day: date(1970, 1, 1), home: pool("410700"), treatment: pool("310000") };
    let Counted { root, tally, .. } = count(store, branch, Family::Owners).await.expect("a book");
    let root = root.expect("operations");
    let (operations, tally, root) = (root.count, Some(tally), root.digest);
    let own = Agreement { branch, version: 1, operations, tally, root, replaces: None };
    let mut shanghai = ReconciliationClient::new(world.peer("310000", Role::Treatment));
    let mut sign = async |agreement: Agreement| {
        let signed = shanghai.sign(v1::SignRequest { text: agreement.to_string() }).await;
        signed.map(|signed| signed.into_inner()).map_err(|status| refusal(&status))
    };
    let refused = sign(own).await.expect_err("it is not issued yet");
    assert_eq!(refused.field.as_deref(), Some("text"));
    store.certificate_issue(own, Vec::new(), Timestamp::UNIX_EPOCH).await.expect("it is issued");
    let signed = sign(own).await.expect("it is the hub's own");
    assert_eq!(world.notary().check(&own.to_string(), &signed, "yidi://000000/hub"), Ok(()));
    for invented in [
        Agreement { version: 9, replaces: Some(Digest([0xab; 32])), ..own },
        Agreement { version: 2, replaces: Some(root), ..own },
        Agreement { tally: None, ..own },
    ] {
        let refused = sign(invented).await.expect_err("the hub never issued it");
        assert_eq!(refused.field.as_deref(), Some("text"));
        assert!(refused.detail.is_some_and(|detail| detail.contains("no certificate that this hub has issued")));
    }
    // What the book has outgrown is signed no more, though it was issued.
    world.answer(&settle("2")).await;
    let refused = sign(own).await.expect_err("the book has grown");
    assert_eq!(refused.detail.as_deref(), Some("is not what this book holds"));
}

#[tokio::test]
async fn a_home_region_that_says_nothing_is_asked_once_in_a_run() {
    let world = World::new().await;
    let (store, at) = (world.hub().store().clone(), Timestamp::UNIX_EPOCH);
    let days = (date(2025, 6, 18), date(2025, 6, 20));
    for (day, treatment) in [(18, "310000"), (19, "310000"), (19, "440300"), (20, "310000")] {
        let branch = Branch { day: date(2025, 6, day), home: pool("410700"), treatment: pool(treatment) };
        store.certificate_issue(Agreement { branch, ..agreement() }, Vec::new(), at).await.expect("it is issued");
    }
    let notary = world.notary();
    for run in 1..=2 {
        world.hub().hub().certify(&notary, days, None).await.expect("the store works");
        assert_eq!(world.home.asked_to_sign(), run, "again the next time");
    }
}
