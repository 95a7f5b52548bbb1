//! Documents signed and checked.

use std::time::{Duration, SystemTime};

use identity::credentials::REVOKED_FILE;
use identity::name::{ParticipantName, Role};
use identity::pki::{CA_FILE, CertificateAuthority, Issue, SIGNING_FILE, SIGNING_KEY_FILE, show};
use identity::signing::{Authorities, OwnAuthorities, OwnSigner, Signature, SignatureError, Signer};
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, Issuer, KeyPair, SanType};
use settlement::ids::RegionCode;
use tempfile::TempDir;

use crate::logging::capture;
use crate::reload::{put, revoke};

const DOCUMENT: &[u8] = "异地就医日对账确认书".as_bytes();

const A_DAY: Duration = Duration::from_secs(24 * 3600);

/// A participant's folder with certificates of an authority of its own.
fn participant(code: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let authority = CertificateAuthority::init(&folder.path().join("ca"), "test").expect("an authority");
    let name = ParticipantName::new(RegionCode::new(code).expect("a code"), Role::Home).expect("a name");
    let issue = Issue { names: vec![name], hosts: vec![], days: 30 };
    authority.issue(&folder.path().join("own"), &issue).expect("certificates");
    folder
}

fn authority(folder: &TempDir) -> Authorities {
    Authorities::load(&folder.path().join("ca").join(CA_FILE)).expect("a certificate")
}

fn sign(folder: &TempDir) -> Signature {
    Signer::load(&folder.path().join("own")).expect("a signer").sign(DOCUMENT).expect("a signature")
}

#[test]
fn a_document_is_checked_with_the_authoritys_certificate_alone() {
    let folder = participant("410700");
    let names = sign(&folder).verify(DOCUMENT, &authority(&folder), SystemTime::now()).expect("it holds");
    assert_eq!(names.iter().map(ToString::to_string).collect::<Vec<_>>(), ["yidi://410700/home"]);
}

#[test]
fn what_is_altered_foreign_expired_or_of_another_kind_does_not_hold() {
    let (folder, foreign) = (participant("410700"), participant("410700"));
    let (sound, now) = (sign(&folder), SystemTime::now());
    let (own, others) = (authority(&folder), authority(&foreign));
    let check =
        |signature: &Signature, document, authority: &Authorities, at| signature.verify(document, authority, at);
    assert!(matches!(check(&sound, b"another", &own, now), Err(SignatureError::Altered(_))));
    assert!(matches!(check(&sound, DOCUMENT, &others, now), Err(SignatureError::Untrusted(_))));
    let later = now + Duration::from_secs(31 * 24 * 3600);
    assert!(matches!(check(&sound, DOCUMENT, &own, later), Err(SignatureError::Untrusted(_))));
    let mut spoilt = sound.clone();
    spoilt.bytes.iter_mut().take(1).for_each(|byte| *byte ^= 1);
    assert!(matches!(check(&spoilt, DOCUMENT, &own, now), Err(SignatureError::Altered(_))));
    let bare = Signature { chain: vec![], ..sound.clone() };
    assert!(matches!(check(&bare, DOCUMENT, &own, now), Err(SignatureError::NoCertificate)));
    let unknown = Signature { scheme: 0x0201, ..sound };
    assert!(matches!(check(&unknown, DOCUMENT, &own, now), Err(SignatureError::Scheme(0x0201))));
}

/// What a home region signs whose certificate was good for a day, and ended so long ago.
fn signed_before(folder: &TempDir, ended: Duration) -> Signature {
    let (ca, own) = (folder.path().join("ca"), folder.path().join("expired"));
    let text = |file: &str| std::fs::read_to_string(ca.join(file)).expect("a file");
    let key = KeyPair::from_pem(&text("ca.key")).expect("the authority's key");
    let issuer = Issuer::from_ca_cert_pem(&text(CA_FILE), key).expect("the authority's certificate");
    let mut params = CertificateParams::default();
    params.subject_alt_names = vec![SanType::URI("yidi://410700/home".try_into().expect("ASCII"))];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::Other(vec![1, 3, 6, 1, 5, 5, 7, 3, 36])];
    params.not_after = (SystemTime::now() - ended).into();
    params.not_before = params.not_after - A_DAY;
    let key = KeyPair::generate().expect("a key");
    let certificate = params.signed_by(&key, &issuer).expect("a certificate");
    std::fs::create_dir_all(&own).expect("a folder");
    std::fs::write(own.join(SIGNING_FILE), certificate.pem()).expect("it is written");
    std::fs::write(own.join(SIGNING_KEY_FILE), key.serialize_pem()).expect("it is written");
    Signer::load(&own).expect("a signer").sign(DOCUMENT).expect("a signature")
}

#[test]
fn a_kept_document_holds_after_its_signers_certificate_has_ended_unless_it_is_about_later() {
    let (folder, now) = (participant("410700"), SystemTime::now());
    let (own, expired) = (authority(&folder), signed_before(&folder, A_DAY));
    assert!(matches!(expired.verify(DOCUMENT, &own, now), Err(SignatureError::Untrusted(_))), "it has ended");
    assert!(expired.verify_kept(DOCUMENT, &own, now - 3 * A_DAY).is_ok(), "signed late");
    assert!(expired.verify_kept(DOCUMENT, &own, now - 3 * A_DAY / 2).is_ok(), "signed in time");
    let later = expired.verify_kept(DOCUMENT, &own, now - A_DAY / 2).expect_err("it cannot have been signed");
    assert!(matches!(later, SignatureError::Ended { .. }) && later.to_string().contains("ended at 20"), "{later}");
    assert!(sign(&folder).verify_kept(DOCUMENT, &own, now).is_ok());
    let foreign = authority(&participant("410700"));
    assert!(expired.verify_kept(DOCUMENT, &foreign, now - 3 * A_DAY).is_err(), "of another authority");
}

/// The authority's list with one certificate on it.
fn list_of_revoked(folder: &TempDir, serial: &str) -> std::path::PathBuf {
    let ca = folder.path().join("ca");
    let text = |file: &str| std::fs::read_to_string(ca.join(file)).expect("a file");
    let key = KeyPair::from_pem(&text("ca.key")).expect("the authority's key");
    let issuer = Issuer::from_ca_cert_pem(&text(CA_FILE), key).expect("the authority's certificate");
    let pem = revoke(&issuer, serial);
    let file = folder.path().join(format!("{serial}.crl"));
    std::fs::write(&file, pem).expect("it is written");
    file
}

#[test]
fn what_a_revoked_certificate_signed_does_not_hold() {
    let (folder, foreign) = (participant("410700"), participant("410700"));
    let (sound, now) = (sign(&folder), SystemTime::now());
    let serial = show(&folder.path().join("own").join(SIGNING_FILE)).expect("a certificate").serial;
    for (file, holds) in [
        (list_of_revoked(&folder, &serial), false),
        (list_of_revoked(&folder, "0102030405"), true),
        (list_of_revoked(&foreign, "0102030405"), false),
    ] {
        let authorities = authority(&folder).revoking(&file).expect("a list");
        let checked = sound.verify(DOCUMENT, &authorities, now);
        assert_eq!(checked.is_ok(), holds, "{checked:?}");
        assert!(holds || matches!(checked, Err(SignatureError::Untrusted(_))));
    }
    let none = folder.path().join("none.crl");
    assert!(
        authority(&folder).revoking(&none).is_err(),
        "a list that is not there revokes nothing, which is no answer"
    );
}

#[test]
fn a_certificate_for_connections_signs_no_documents() {
    let folder = participant("410700");
    let own = folder.path().join("own");
    std::fs::copy(own.join("tls.pem"), own.join(SIGNING_FILE)).expect("a copy");
    std::fs::copy(own.join("tls.key"), own.join(SIGNING_KEY_FILE)).expect("a copy");
    let verified = sign(&folder).verify(DOCUMENT, &authority(&folder), SystemTime::now());
    assert!(matches!(verified, Err(SignatureError::Untrusted(_))), "{verified:?}");
}

#[test]
fn a_renewed_certificate_signs_at_once_and_one_that_cannot_be_used_leaves_the_old() {
    let (log, _guard) = capture();
    let (folder, renewed) = (participant("410700"), participant("410700"));
    let (own, coming) = (folder.path().join("own"), renewed.path().join("own"));
    let signer = OwnSigner::load(&own).expect("a signer");
    let signed = || signer.now().map(|signer| signer.sign(DOCUMENT).expect("a signature"));
    let holds = |authorities: &TempDir| {
        let signed = signed().expect("a signer");
        signed.verify(DOCUMENT, &authority(authorities), SystemTime::now()).is_ok()
    };
    assert!(holds(&folder) && !holds(&renewed));
    let refused = || log.lines_with("cannot be used, keeping the old").len();
    put(&coming, &own, SIGNING_FILE);
    assert!(holds(&folder), "the key is still the old one's");
    assert_eq!(refused(), 1);
    put(&coming, &own, SIGNING_KEY_FILE);
    assert!(holds(&renewed));
    assert_eq!(log.lines_with("took changed certificates").len(), 1);
    std::fs::write(own.join(SIGNING_FILE), "no certificate").expect("it is written");
    assert!(holds(&renewed));
    assert_eq!(refused(), 2);
    std::fs::remove_file(own.join(SIGNING_FILE)).expect("it is there");
    assert!(signed().is_none(), "what is taken away signs no more");
    put(&coming, &own, SIGNING_FILE);
    assert!(holds(&renewed));
}

#[test]
fn a_list_of_revoked_certificates_counts_at_once_and_one_that_cannot_be_read_leaves_the_old() {
    let (folder, now) = (participant("410700"), SystemTime::now());
    let (own, signature) = (folder.path().join("own"), sign(&folder));
    let serial = show(&own.join(SIGNING_FILE)).expect("a certificate").serial;
    let authorities = OwnAuthorities::load(&own).expect("authorities");
    let holds = || signature.verify(DOCUMENT, &authorities.now(), now).is_ok();
    assert!(holds());
    std::fs::write(own.join(REVOKED_FILE), "no list").expect("it is written");
    assert!(holds());
    std::fs::copy(list_of_revoked(&folder, &serial), own.join(REVOKED_FILE)).expect("a copy");
    assert!(!holds());
    std::fs::write(own.join(REVOKED_FILE), "no list").expect("it is written");
    assert!(!holds());
}
