//! Issuing a participant's certificates. The same names go into both; the hosts only into the one for TLS, and the
//! one for signing says that it is for nothing else, so that neither can stand in for the other. Called by
//! [`super::CertificateAuthority::issue`].

use std::net::IpAddr;
use std::path::Path;

use rcgen::string::Ia5String;
use rcgen::{
    Certificate, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, SanType,
};
use rustls::pki_types::DnsName;
use time::{Duration, OffsetDateTime};

use super::authority::{CLOCK_TOLERANCE, CertificateAuthority};
use super::{CA_FILE, PkiError, SIGNING_FILE, SIGNING_KEY_FILE, ledger, store};
use crate::certificate::{CertificateKind, CertificateSummary};
use crate::credentials::{CHAIN_FILE, KEY_FILE};
use crate::name::ParticipantName;

/// id-kp-documentSigning of RFC 9336.
const DOCUMENT_SIGNING: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 3, 36];

/// What a participant is to be certified for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue {
    /// The parts that it plays; at least one.
    pub names: Vec<ParticipantName>,
    /// The host names and IP addresses that it listens on; none for one that only calls.
    pub hosts: Vec<String>,
    /// How long the certificates are good for.
    pub days: u32,
}

/// What was issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issued {
    /// The certificate for TLS.
    pub tls: CertificateSummary,
    /// The certificate for signing documents.
    pub signing: CertificateSummary,
}

pub(super) fn issue(authority: &CertificateAuthority, dir: &Path, request: &Issue) -> Result<Issued, PkiError> {
    let tls = tls_params(authority, request)?;
    let signing = signing_params(authority, request)?;
    store::create_dir(dir)?;
    store::refuse_existing(dir, &[CHAIN_FILE, KEY_FILE, SIGNING_FILE, SIGNING_KEY_FILE])?;
    place_authority(authority, dir)?;
    Ok(Issued {
        tls: make(authority, &tls, &dir.join(CHAIN_FILE), &dir.join(KEY_FILE))?,
        signing: make(authority, &signing, &dir.join(SIGNING_FILE), &dir.join(SIGNING_KEY_FILE))?,
    })
}

fn tls_params(authority: &CertificateAuthority, request: &Issue) -> Result<CertificateParams, PkiError> {
    let mut params = params(authority, request, CertificateKind::Tls)?;
    for host in &request.hosts {
        params.subject_alt_names.push(alternative_host(host)?);
    }
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    Ok(params)
}

fn signing_params(authority: &CertificateAuthority, request: &Issue) -> Result<CertificateParams, PkiError> {
    let mut params = params(authority, request, CertificateKind::Signing)?;
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::Other(DOCUMENT_SIGNING.to_vec())];
    Ok(params)
}

fn params(
    authority: &CertificateAuthority,
    request: &Issue,
    kind: CertificateKind,
) -> Result<CertificateParams, PkiError> {
    let first = request.names.first().ok_or(PkiError::NoNames)?;
    let now = OffsetDateTime::now_utc();
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, format!("{} {} {}", first.code(), first.role(), kind.as_str()));
    params.is_ca = IsCa::ExplicitNoCa;
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.subject_alt_names = request.names.iter().map(alternative_name).collect();
    params.not_before = now - CLOCK_TOLERANCE;
    params.not_after = last_day(authority, now, request.days)?;
    Ok(params)
}

fn last_day(authority: &CertificateAuthority, now: OffsetDateTime, days: u32) -> Result<OffsetDateTime, PkiError> {
    let left = authority.not_after - now;
    let wanted = Duration::days(i64::from(days));
    if days == 0 || wanted > left { Err(PkiError::Days { days, most: left.whole_days() }) } else { Ok(now + wanted) }
}

fn alternative_name(name: &ParticipantName) -> SanType {
    SanType::URI(Ia5String::try_from(name.to_string()).expect("a participant's name is ASCII"))
}

fn alternative_host(host: &str) -> Result<SanType, PkiError> {
    let refused = || PkiError::Host { host: host.to_owned() };
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(SanType::IpAddress(address));
    }
    DnsName::try_from(host).map_err(|_| refused())?;
    Ia5String::try_from(host).map(SanType::DnsName).map_err(|_| refused())
}

/// One folder may get certificates of one authority only.
fn place_authority(authority: &CertificateAuthority, dir: &Path) -> Result<(), PkiError> {
    let path = dir.join(CA_FILE);
    if path.exists() && store::read(&path)? == authority.certificate_pem {
        return Ok(());
    }
    store::write_certificate(&path, &authority.certificate_pem)
}

/// The serial number is taken from the new key, hence as unique as that. The ledger's line comes first: there must
/// be no certificate that the authority does not know of.
fn make(
    authority: &CertificateAuthority,
    params: &CertificateParams,
    path: &Path,
    key_path: &Path,
) -> Result<CertificateSummary, PkiError> {
    let (certificate, key) =
        sign(authority, params).map_err(|source| PkiError::Make { holder: path.display().to_string(), source })?;
    let summary = CertificateSummary::of(certificate.der())
        .map_err(|source| PkiError::Certificate { path: path.to_owned(), source })?;
    ledger::append(&authority.dir, &summary)?;
    store::write_key(key_path, &key.serialize_pem())?;
    store::write_certificate(path, &certificate.pem())?;
    Ok(summary)
}

fn sign(authority: &CertificateAuthority, params: &CertificateParams) -> Result<(Certificate, KeyPair), rcgen::Error> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    Ok((params.signed_by(&key, &authority.issuer)?, key))
}
