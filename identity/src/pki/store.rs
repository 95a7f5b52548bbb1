//! The authority's files: written once and never over another, keys readable by their owner alone. What is in them
//! is others' business. Called by the rest of [`crate::pki`].

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use super::PkiError;

const PUBLIC: u32 = 0o644;
const OWNER_ONLY: u32 = 0o600;

pub(super) fn create_dir(dir: &Path) -> Result<(), PkiError> {
    fs::create_dir_all(dir).map_err(|source| PkiError::Write { path: dir.to_owned(), source })
}

/// Refuses before anything is written, so that a refusal leaves no half of a set behind.
pub(super) fn refuse_existing(dir: &Path, files: &[&str]) -> Result<(), PkiError> {
    match files.iter().map(|file| dir.join(file)).find(|path| path.exists()) {
        Some(path) => Err(PkiError::Exists { path }),
        None => Ok(()),
    }
}

pub(super) fn read(path: &Path) -> Result<String, PkiError> {
    fs::read_to_string(path).map_err(|source| PkiError::Read { path: path.to_owned(), source })
}

pub(super) fn write_certificate(path: &Path, pem: &str) -> Result<(), PkiError> {
    write_new(path, pem, PUBLIC)
}

pub(super) fn write_key(path: &Path, pem: &str) -> Result<(), PkiError> {
    write_new(path, pem, OWNER_ONLY)
}

fn write_new(path: &Path, text: &str, mode: u32) -> Result<(), PkiError> {
    let written = OpenOptions::new().write(true).create_new(true).mode(mode).open(path).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    written.map_err(|source| {
        let path = path.to_owned();
        if source.kind() == io::ErrorKind::AlreadyExists {
            PkiError::Exists { path }
        } else {
            PkiError::Write { path, source }
        }
    })
}
