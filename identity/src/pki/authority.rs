//! The authority itself: its key and its own certificate, made once and opened ever after. What it issues is in
//! `issue.rs`. Called by `yidi pki init` and `yidi pki issue`.

use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256,
};
use time::{Duration, OffsetDateTime};

use super::issue::{Issue, Issued, issue};
use super::{CA_FILE, CA_KEY_FILE, PkiError, show, store};

/// Ten years: a private authority's certificate is carried to every participant by hand.
const AUTHORITY_DAYS: i64 = 3650;
/// Clocks differ; a certificate made now must be good at a participant whose clock is behind.
pub(super) const CLOCK_TOLERANCE: Duration = Duration::hours(1);

/// A private certificate authority in a folder.
pub struct CertificateAuthority {
    pub(super) dir: PathBuf,
    pub(super) certificate_pem: String,
    pub(super) not_after: OffsetDateTime,
    pub(super) issuer: Issuer<'static, KeyPair>,
}

impl CertificateAuthority {
    /// Makes a new authority in a folder, which is created if need be.
    ///
    /// # Errors
    /// When there is one already, or the folder cannot be written.
    pub fn init(dir: &Path, common_name: &str) -> Result<CertificateAuthority, PkiError> {
        store::create_dir(dir)?;
        store::refuse_existing(dir, &[CA_FILE, CA_KEY_FILE])?;
        let failed = |source| PkiError::Make { holder: common_name.to_owned(), source };
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(failed)?;
        let certificate = params(common_name).self_signed(&key).map_err(failed)?;
        store::write_key(&dir.join(CA_KEY_FILE), &key.serialize_pem())?;
        store::write_certificate(&dir.join(CA_FILE), &certificate.pem())?;
        CertificateAuthority::open(dir)
    }

    /// Opens the authority in a folder.
    ///
    /// # Errors
    /// When its files are missing or are not an authority's.
    pub fn open(dir: &Path) -> Result<CertificateAuthority, PkiError> {
        let (path, key_path) = (dir.join(CA_FILE), dir.join(CA_KEY_FILE));
        let certificate_pem = store::read(&path)?;
        let key = KeyPair::from_pem(&store::read(&key_path)?)
            .map_err(|source| PkiError::Authority { path: key_path, source })?;
        let not_after = show(&path)?.not_after.into();
        let issuer =
            Issuer::from_ca_cert_pem(&certificate_pem, key).map_err(|source| PkiError::Authority { path, source })?;
        Ok(CertificateAuthority { dir: dir.to_owned(), certificate_pem, not_after, issuer })
    }

    /// Issues a participant's two certificates, with new keys, into a folder: one for TLS, one for signing
    /// documents. The authority's own certificate goes beside them.
    ///
    /// # Errors
    /// When the request makes no sense, or a file is there already or cannot be written.
    pub fn issue(&self, out_dir: &Path, request: &Issue) -> Result<Issued, PkiError> {
        issue(self, out_dir, request)
    }
}

fn params(common_name: &str) -> CertificateParams {
    let now = OffsetDateTime::now_utc();
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.not_before = now - CLOCK_TOLERANCE;
    params.not_after = now + Duration::days(AUTHORITY_DAYS);
    params
}
