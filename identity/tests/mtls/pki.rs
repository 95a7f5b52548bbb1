//! What the authority writes, and what it refuses to.

use std::collections::HashSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

use identity::certificate::CertificateKind;
use identity::credentials::{Credentials, IdentityError};
use identity::pki::{CertificateAuthority, Issue, PkiError, show};

use crate::parties::{HUB, Parties, SHANGHAI, XINXIANG, read, request, write};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn mode(path: &Path) -> u32 {
    path.metadata().expect("a file").permissions().mode() & 0o777
}

#[test]
fn an_authority_is_made_once() {
    let parties = Parties::new();
    let before = read(&parties.ca_dir().join("ca.key"));
    assert!(matches!(CertificateAuthority::init(&parties.ca_dir(), "again"), Err(PkiError::Exists { .. })));
    assert_eq!(read(&parties.ca_dir().join("ca.key")), before);
    assert_eq!(mode(&parties.ca_dir().join("ca.key")), 0o600);
    assert_eq!(show(&parties.ca_dir().join("ca.pem")).unwrap().kind, CertificateKind::Authority);
}

#[test]
fn what_was_asked_for_stands_in_the_certificates() {
    let parties = Parties::new();
    let authority = CertificateAuthority::open(&parties.ca_dir()).unwrap();
    let dir = parties.new_dir();
    let asked =
        Issue { hosts: vec!["hub.example".into(), "127.0.0.1".into(), "::1".into()], ..request(&[XINXIANG, SHANGHAI]) };
    let issued = authority.issue(&dir, &asked).unwrap();
    let (tls, signing) = (show(&dir.join("tls.pem")).unwrap(), show(&dir.join("signing.pem")).unwrap());
    assert_eq!((&issued.tls, &issued.signing), (&tls, &signing));
    assert_eq!((tls.kind, signing.kind), (CertificateKind::Tls, CertificateKind::Signing));
    assert_eq!(tls.names, vec![SHANGHAI.parse().unwrap(), XINXIANG.parse().unwrap()]);
    assert_eq!(signing.names, tls.names);
    assert_eq!((tls.hosts, signing.hosts), (asked.hosts, vec![]));
    assert_eq!(tls.issuer, "CN=test authority");
    let left = tls.not_after.duration_since(SystemTime::now()).unwrap();
    assert!(left > 29 * DAY && left <= 30 * DAY, "{left:?}");
    for key in ["tls.key", "signing.key"] {
        assert_eq!(mode(&dir.join(key)), 0o600, "{key}");
    }
    assert_eq!(read(&dir.join("ca.pem")), read(&parties.ca_dir().join("ca.pem")));
}

#[test]
fn every_certificate_is_in_the_ledger_with_a_serial_of_its_own() {
    let parties = Parties::new();
    for _ in 0..5 {
        parties.folder(&[SHANGHAI, XINXIANG]);
    }
    let ledger = read(&parties.ca_dir().join("issued.csv"));
    let mut lines = ledger.lines();
    assert_eq!(lines.next(), Some("serial,names,kind,not_after"));
    let rows: Vec<Vec<&str>> = lines.map(|line| line.split(',').collect()).collect();
    assert_eq!(rows.len(), 10);
    assert_eq!(rows.iter().map(|row| row[0]).collect::<HashSet<_>>().len(), 10);
    for (row, kind) in rows.iter().zip(["tls", "signing"].iter().cycle()) {
        assert_eq!((row.len(), row[1], row[2]), (4, "yidi://310000/treatment yidi://410700/home", *kind));
        assert!(row[3].ends_with('Z'), "{}", row[3]);
    }
}

#[test]
fn what_makes_no_sense_is_not_issued() {
    let parties = Parties::new();
    let good = request(&[HUB]);
    for (asked, refused) in [
        (Issue { names: vec![], ..good.clone() }, "at least one name"),
        (Issue { hosts: vec!["no host".into()], ..good.clone() }, "no host is neither"),
        (Issue { hosts: vec!["".into()], ..good.clone() }, "is neither"),
        (Issue { days: 0, ..good.clone() }, "0 days"),
        (Issue { days: 4000, ..good.clone() }, "4000 days"),
    ] {
        let dir = parties.new_dir();
        let error = parties.authority.issue(&dir, &asked).unwrap_err().to_string();
        assert!(error.contains(refused), "{error}");
        assert!(!dir.exists(), "{refused}: nothing is written");
    }
    assert!(!parties.ca_dir().join("issued.csv").exists());
}

#[test]
fn a_key_is_never_overwritten() {
    let parties = Parties::new();
    let dir = parties.folder(&[SHANGHAI]);
    let before = read(&dir.join("tls.key"));
    let again = parties.authority.issue(&dir, &request(&[SHANGHAI]));
    assert!(matches!(again, Err(PkiError::Exists { .. })));
    let other = Parties::new().authority.issue(&dir, &request(&[SHANGHAI]));
    assert!(matches!(other, Err(PkiError::Exists { .. })));
    assert_eq!(read(&dir.join("tls.key")), before);
}

#[test]
fn files_that_are_no_credentials_are_named() {
    type Spoil = fn(&Parties, &Path);
    let parties = Parties::new();
    let rows: [(Spoil, &str); 7] = [
        (|_, dir| std::fs::remove_file(dir.join("tls.pem")).unwrap(), "could not read"),
        (|_, dir| write(&dir.join("tls.pem"), ""), "holds nothing"),
        (|_, dir| write(&dir.join("tls.key"), "nonsense"), "as PEM"),
        (|_, dir| write(&dir.join("ca.pem"), ""), "holds nothing"),
        (|_, dir| write(&dir.join("revoked.crl"), ""), "holds nothing"),
        (|parties, dir| write(&dir.join("tls.pem"), &read(&parties.ca_dir().join("ca.pem"))), "participant's"),
        (|_, dir| write(&dir.join("tls.key"), &read(&dir.join("signing.key"))), "make TLS settings"),
    ];
    for (spoil, reason) in rows {
        let dir = parties.folder(&[SHANGHAI]);
        spoil(&parties, &dir);
        let error: IdentityError = Credentials::load(&dir).unwrap_err();
        let (text, path) = (error.to_string(), dir.display().to_string());
        assert!(text.contains(reason) && text.contains(&path), "{text}");
    }
}

#[test]
fn credentials_show_no_key() {
    let parties = Parties::new();
    let dir = parties.folder(&[SHANGHAI]);
    let credentials = Credentials::load(&dir).unwrap();
    assert_eq!(credentials.names(), vec![SHANGHAI.parse().unwrap()]);
    let shown = format!("{credentials:?}");
    assert_eq!(shown, format!("Credentials(Watched {{ dir: {dir:?}, .. }})"));
}

#[test]
fn the_provider_can_be_installed_twice() {
    identity::install_crypto_provider();
    identity::install_crypto_provider();
}
