//! Reading a certificate: the participant's names in it, and its particulars for a person to look at. Whether it is
//! to be trusted is for the TLS handshake to say. Called by [`crate::peer`] and [`crate::pki`].

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::SystemTime;

use sha2::{Digest, Sha256};
use x509_parser::error::X509Error;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::name::ParticipantName;

/// Why a certificate cannot be read as a participant's.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// Not an X.509 certificate, or one with a broken extension.
    #[error("could not read the certificate")]
    Encoding(#[from] X509Error),
    /// No URI in it is a participant's name.
    #[error("the certificate carries no name of the form yidi://<code>/<role>")]
    NoName,
}

/// What a certificate is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateKind {
    /// Issues others.
    Authority,
    /// Both ends of a TLS connection.
    Tls,
    /// Signing documents.
    Signing,
}

impl CertificateKind {
    /// The word used in the ledger of issued certificates.
    pub fn as_str(self) -> &'static str {
        match self {
            CertificateKind::Authority => "authority",
            CertificateKind::Tls => "tls",
            CertificateKind::Signing => "signing",
        }
    }
}

/// A certificate's particulars.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateSummary {
    /// What it is for.
    pub kind: CertificateKind,
    /// The parts that its holder plays.
    pub names: Vec<ParticipantName>,
    /// Host names and addresses that it is good for as a server.
    pub hosts: Vec<String>,
    /// The serial number, in hexadecimal.
    pub serial: String,
    /// Good from.
    pub not_before: SystemTime,
    /// Good until.
    pub not_after: SystemTime,
    /// SHA-256 over the whole certificate, in hexadecimal.
    pub fingerprint: String,
    /// The issuer's distinguished name.
    pub issuer: String,
}

impl CertificateSummary {
    /// Reads a certificate's particulars.
    ///
    /// # Errors
    /// When it is not a certificate. One without a participant's name is read all the same.
    pub fn of(der: &[u8]) -> Result<CertificateSummary, CertificateError> {
        let certificate = parse(der)?;
        let alternatives = alternative_names(&certificate)?;
        Ok(CertificateSummary {
            kind: kind(&certificate)?,
            names: participant_names(&alternatives),
            hosts: alternatives.iter().filter_map(|name| host(name)).collect(),
            serial: hex(certificate.raw_serial()),
            not_before: certificate.validity().not_before.to_datetime().into(),
            not_after: certificate.validity().not_after.to_datetime().into(),
            fingerprint: fingerprint(der),
            issuer: certificate.issuer().to_string(),
        })
    }
}

/// The participant's names in a certificate, in order and each once. Other URIs, and roles that only a later version
/// knows, are passed over.
pub(crate) fn names(der: &[u8]) -> Result<Vec<ParticipantName>, CertificateError> {
    let certificate = parse(der)?;
    let names = participant_names(&alternative_names(&certificate)?);
    if names.is_empty() { Err(CertificateError::NoName) } else { Ok(names) }
}

/// SHA-256 over the whole certificate, in hexadecimal.
pub(crate) fn fingerprint(der: &[u8]) -> String {
    hex(&Sha256::digest(der))
}

fn parse(der: &[u8]) -> Result<X509Certificate<'_>, CertificateError> {
    let (_, certificate) = X509Certificate::from_der(der).map_err(X509Error::from)?;
    Ok(certificate)
}

fn alternative_names<'a>(certificate: &X509Certificate<'a>) -> Result<Vec<GeneralName<'a>>, CertificateError> {
    let extension = certificate.subject_alternative_name()?;
    Ok(extension.map(|found| found.value.general_names.clone()).unwrap_or_default())
}

fn participant_names(alternatives: &[GeneralName<'_>]) -> Vec<ParticipantName> {
    let mut names: Vec<ParticipantName> = alternatives
        .iter()
        .filter_map(|name| if let GeneralName::URI(uri) = name { uri.parse().ok() } else { None })
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn host(name: &GeneralName<'_>) -> Option<String> {
    if let GeneralName::DNSName(dns) = name {
        return Some((*dns).to_owned());
    }
    let GeneralName::IPAddress(bytes) = name else { return None };
    let address = <[u8; 4]>::try_from(*bytes)
        .map(|v4| IpAddr::V4(Ipv4Addr::from(v4)))
        .or_else(|_| <[u8; 16]>::try_from(*bytes).map(|v6| IpAddr::V6(Ipv6Addr::from(v6))));
    address.ok().map(|address| address.to_string())
}

fn kind(certificate: &X509Certificate<'_>) -> Result<CertificateKind, CertificateError> {
    let usage = certificate.extended_key_usage()?;
    Ok(if certificate.is_ca() {
        CertificateKind::Authority
    } else if usage.is_some_and(|usage| usage.value.server_auth || usage.value.client_auth) {
        CertificateKind::Tls
    } else {
        CertificateKind::Signing
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a string does not fail");
        text
    })
}
