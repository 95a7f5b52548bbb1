//! A private certificate authority for the demo and small deployments; any other authority's certificates with the
//! same names work as well. It checks no application. Called by `yidi pki` and by tests.

mod authority;
mod issue;
mod ledger;
mod store;

use std::io;
use std::path::{Path, PathBuf};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject};

use crate::certificate::{CertificateError, CertificateSummary};
pub use authority::CertificateAuthority;
pub use issue::{Issue, Issued};

/// The authority's own certificate, in its folder and beside each one that it issues.
pub const CA_FILE: &str = crate::credentials::ROOTS_FILE;
/// The authority's key.
pub const CA_KEY_FILE: &str = "ca.key";
/// The certificate for signing documents.
pub const SIGNING_FILE: &str = "signing.pem";
/// Its key.
pub const SIGNING_KEY_FILE: &str = "signing.key";
/// One line for every certificate issued, in the authority's folder.
pub const ISSUED_FILE: &str = "issued.csv";

/// What the authority could not do.
#[derive(Debug, thiserror::Error)]
pub enum PkiError {
    /// A file would have been overwritten.
    #[error("{} exists and is not overwritten", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// A file could not be read.
    #[error("could not read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file could not be written.
    #[error("could not write {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is not PEM.
    #[error("could not take {} as PEM", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// Why.
        source: pem::Error,
    },
    /// A file holds no certificate that can be read.
    #[error("could not take {} as a certificate", path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// Why.
        source: CertificateError,
    },
    /// A file of the authority is not what it should be.
    #[error("could not take {} as the authority's", path.display())]
    Authority {
        /// The file.
        path: PathBuf,
        /// Why.
        source: rcgen::Error,
    },
    /// A key or certificate could not be made.
    #[error("could not make a key or certificate for {holder}")]
    Make {
        /// Whose.
        holder: String,
        /// Why.
        source: rcgen::Error,
    },
    /// A participant without a name would be refused everywhere.
    #[error("a certificate needs at least one name of the form yidi://<code>/<role>")]
    NoNames,
    /// Neither a host name nor an address.
    #[error("{host} is neither a host name nor an IP address")]
    Host {
        /// As given.
        host: String,
    },
    /// None, or longer than the authority's own certificate.
    #[error("a certificate cannot be good for {days} days: at least 1, and the authority's own has {most} left")]
    Days {
        /// As given.
        days: u32,
        /// What the authority's own certificate has left.
        most: i64,
    },
}

/// Reads the particulars of the first certificate in a file.
///
/// # Errors
/// When the file cannot be read or has no certificate.
pub fn show(path: &Path) -> Result<CertificateSummary, PkiError> {
    let text = store::read(path)?;
    let der = CertificateDer::from_pem_slice(text.as_bytes())
        .map_err(|source| PkiError::Pem { path: path.to_owned(), source })?;
    CertificateSummary::of(&der).map_err(|source| PkiError::Certificate { path: path.to_owned(), source })
}
