//! The list of certificates issued, one CSV line each: what a later revocation or a question about a serial number
//! is answered from. Nothing in it is secret. Written by [`super::issue`] before a certificate is handed out.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::Path;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{ISSUED_FILE, PkiError};
use crate::certificate::CertificateSummary;

const HEADING: &str = "serial,names,kind,not_after\n";

pub(super) fn append(ca_dir: &Path, issued: &CertificateSummary) -> Result<(), PkiError> {
    let path = ca_dir.join(ISSUED_FILE);
    append_line(&path, &line(issued)).map_err(|source| PkiError::Write { path, source })
}

/// Names have no comma or quote in them, so nothing needs escaping.
fn line(issued: &CertificateSummary) -> String {
    let names: Vec<String> = issued.names.iter().map(ToString::to_string).collect();
    let not_after =
        OffsetDateTime::from(issued.not_after).format(&Rfc3339).expect("a certificate's year has four digits");
    format!("{},{},{},{not_after}\n", issued.serial, names.join(" "), issued.kind.as_str())
}

fn append_line(path: &Path, line: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().append(true).create(true).open(path)?;
    if file.metadata()?.len() == 0 {
        file.write_all(HEADING.as_bytes())?;
    }
    file.write_all(line.as_bytes())?;
    file.sync_all()
}
