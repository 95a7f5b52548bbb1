//! Signatures under certificates of agreement: which the hub keeps, and which it has given again.

use clearing::certificate::Agreement;
use clearing::digest::{Branch, Digest};
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

/// Whether a treatment side is told that it has signed.
async fn told_as_signed(world: &World) -> bool {
    let mut shanghai = ComparisonsClient::new(world.peer("310000", Role::Treatment));
    let (from, to) = ("2025-06-20".to_owned(), "2025-06-20".to_owned());
    let asked = v1::CertificatesRequest { from, to, treatment: "310000".into(), after: String::new() };
    let listed = shanghai.certificates(asked).await.expect("they are listed").into_inner().certificates;
    listed.iter().flat_map(|certificate| &certificate.signatures).any(|signature| signature.party == PARTY)
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
    let (place, once) = ((agreement().branch, 1), signed(&foreign()).encode_to_vec());
    store.certificate_sign(place, (PARTY.into(), once), None, at).await.expect("it is kept");
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
