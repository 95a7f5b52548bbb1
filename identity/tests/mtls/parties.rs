//! An authority with its participants in a folder that goes away with the test. Certificates that our own authority
//! would never issue are made here with rcgen. Used by every test of this binary.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use identity::credentials::Credentials;
use identity::pki::{CertificateAuthority, Issue};
use rcgen::string::Ia5String;
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, Issuer, KeyPair, KeyUsagePurpose, SanType};
use tempfile::TempDir;
use time::{Duration, OffsetDateTime};

/// A hospital's side and a home region's, as in the demo.
pub const SHANGHAI: &str = "yidi://310000/treatment";
pub const XINXIANG: &str = "yidi://410700/home";
pub const SHENZHEN: &str = "yidi://440300/home";
pub const HUB: &str = "yidi://000000/hub";

pub struct Parties {
    pub authority: CertificateAuthority,
    root: TempDir,
    count: AtomicU32,
}

impl Parties {
    pub fn new() -> Parties {
        Parties::of("test authority")
    }

    pub fn of(authority: &str) -> Parties {
        let root = tempfile::tempdir().expect("a temporary folder");
        let authority = CertificateAuthority::init(&root.path().join("ca"), authority).expect("an authority");
        Parties { authority, root, count: AtomicU32::new(0) }
    }

    /// A folder that does not exist yet.
    pub fn new_dir(&self) -> PathBuf {
        self.root.path().join(self.count.fetch_add(1, Ordering::Relaxed).to_string())
    }

    /// A participant's folder, with certificates good for loopback.
    pub fn folder(&self, names: &[&str]) -> PathBuf {
        let dir = self.new_dir();
        self.authority.issue(&dir, &request(names)).expect("certificates");
        dir
    }

    pub fn credentials(&self, names: &[&str]) -> Arc<Credentials> {
        load(&self.folder(names))
    }

    /// A folder whose TLS certificate is otherwise Shanghai's.
    pub fn odd(&self, change: impl FnOnce(&mut CertificateParams)) -> PathBuf {
        let dir = self.folder(&[SHANGHAI]);
        let key = KeyPair::generate().expect("a key");
        let mut params = treatment_params();
        change(&mut params);
        let certificate = params.signed_by(&key, &self.issuer()).expect("a certificate");
        write(&dir.join("tls.pem"), &certificate.pem());
        write(&dir.join("tls.key"), &key.serialize_pem());
        dir
    }

    /// The authority's hand, for what `pki` does not do.
    pub fn issuer(&self) -> Issuer<'static, KeyPair> {
        let ca = self.root.path().join("ca");
        let key = KeyPair::from_pem(&read(&ca.join("ca.key"))).expect("the authority's key");
        Issuer::from_ca_cert_pem(&read(&ca.join("ca.pem")), key).expect("the authority's certificate")
    }

    pub fn ca_dir(&self) -> PathBuf {
        self.root.path().join("ca")
    }
}

pub fn request(names: &[&str]) -> Issue {
    Issue {
        names: names.iter().map(|name| name.parse().expect("a name")).collect(),
        hosts: vec!["localhost".to_owned(), "127.0.0.1".to_owned()],
        days: 30,
    }
}

/// A folder with the certificate and key of one and the authority of another.
pub fn trusting(own: &Path, trusted: &Path) -> PathBuf {
    fs::copy(trusted.join("ca.pem"), own.join("ca.pem")).expect("a copy");
    own.to_owned()
}

pub fn load(dir: &Path) -> Arc<Credentials> {
    Arc::new(Credentials::load(dir).expect("credentials"))
}

pub fn read(path: &Path) -> String {
    fs::read_to_string(path).expect("a file")
}

pub fn write(path: &Path, text: &str) {
    fs::write(path, text).expect("a file written");
}

fn treatment_params() -> CertificateParams {
    let now = OffsetDateTime::now_utc();
    let mut params = CertificateParams::new(["localhost".to_owned()]).expect("a host name");
    params.subject_alt_names.push(SanType::URI(Ia5String::try_from(SHANGHAI).expect("ASCII")));
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    params.not_before = now - Duration::days(2);
    params.not_after = now + Duration::days(2);
    params
}
