//! A participant's files as they are on disk: read, checked for form, and stamped so that a change is noticed. What
//! TLS makes of them is in `settings.rs`. Called by [`super::Credentials`].

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};

use super::IdentityError;
use crate::peer::Peer;

/// The participant's own certificate, followed by any between it and the authority's.
pub const CHAIN_FILE: &str = "tls.pem";
/// The key of the participant's certificate.
pub const KEY_FILE: &str = "tls.key";
/// The authorities whose certificates are accepted.
pub const ROOTS_FILE: &str = "ca.pem";
/// The authorities' lists of revoked certificates. May be absent.
pub const REVOKED_FILE: &str = "revoked.crl";

pub(super) struct Material {
    pub own: Peer,
    pub chain: Vec<CertificateDer<'static>>,
    pub key: PrivateKeyDer<'static>,
    pub roots: RootCertStore,
    pub revoked: Vec<CertificateRevocationListDer<'static>>,
}

impl Material {
    pub fn read(dir: &Path) -> Result<Material, IdentityError> {
        let chain = certificates(&dir.join(CHAIN_FILE))?;
        Ok(Material {
            own: own(&dir.join(CHAIN_FILE), &chain)?,
            chain,
            key: key(&dir.join(KEY_FILE))?,
            roots: roots(&dir.join(ROOTS_FILE))?,
            revoked: revoked(&dir.join(REVOKED_FILE))?,
        })
    }
}

/// What tells one state of some files from another. Length and inode are in it because two writes can fall into
/// one tick of the file system's clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stamp(Vec<Option<(SystemTime, u64, u64)>>);

impl Stamp {
    pub fn of(dir: &Path, files: &[&str]) -> Stamp {
        Stamp(files.iter().map(|file| stamp(&dir.join(file))).collect())
    }
}

fn stamp(path: &Path) -> Option<(SystemTime, u64, u64)> {
    use std::os::unix::fs::MetadataExt as _;
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len(), metadata.ino()))
}

fn own(path: &Path, chain: &[CertificateDer<'_>]) -> Result<Peer, IdentityError> {
    let first = chain.first().ok_or_else(|| IdentityError::Empty { path: path.to_owned() })?;
    Peer::from_verified(first).map_err(|source| IdentityError::Certificate { path: path.to_owned(), source })
}

pub(crate) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, IdentityError> {
    let pem = read(path)?;
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let found = read.map_err(|source| IdentityError::Pem { path: path.to_owned(), source })?;
    if found.is_empty() { Err(IdentityError::Empty { path: path.to_owned() }) } else { Ok(found) }
}

pub(crate) fn key(path: &Path) -> Result<PrivateKeyDer<'static>, IdentityError> {
    PrivateKeyDer::from_pem_slice(&read(path)?).map_err(|source| IdentityError::Pem { path: path.to_owned(), source })
}

fn roots(path: &Path) -> Result<RootCertStore, IdentityError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots.add(certificate).map_err(|source| IdentityError::Root { path: path.to_owned(), source })?;
    }
    Ok(roots)
}

pub(crate) fn revoked(path: &Path) -> Result<Vec<CertificateRevocationListDer<'static>>, IdentityError> {
    let pem = match fs::read(path) {
        Ok(pem) => pem,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(IdentityError::Read { path: path.to_owned(), source }),
    };
    let read: Result<Vec<_>, _> = CertificateRevocationListDer::pem_slice_iter(&pem).collect();
    let found = read.map_err(|source| IdentityError::Pem { path: path.to_owned(), source })?;
    // A file without a list would silently revoke nothing.
    if found.is_empty() { Err(IdentityError::Empty { path: path.to_owned() }) } else { Ok(found) }
}

fn read(path: &Path) -> Result<Vec<u8>, IdentityError> {
    fs::read(path).map_err(|source| IdentityError::Read { path: PathBuf::from(path), source })
}
