//! A certificate of agreement as a page to print and file. Called by [`super::verify`], of what holds.

use std::path::Path;
use std::time::SystemTime;

use anyhow::{Context, Result};
use clearing::certificate::Agreement;
use clearing::certificate::paper::{Checked, Signed, paper};
use identity::certificate::CertificateSummary;
use jiff::Timestamp;
use jiff::civil::Date;
use settlement::beijing;

use super::{CertificateFile, Verifying, bytes, parties, write_file};
use crate::clearing::papers::given::read_regions;

/// Writes a certificate of which everything holds by which it was checked.
///
/// # Errors
/// When the table of regions cannot be read, or the page not be written.
pub(super) fn write(
    file: &Path,
    (certificate, agreement): (&CertificateFile, &Agreement),
    Verifying { crl, leaves, regions, .. }: &Verifying,
) -> Result<()> {
    let regions = read_regions(regions)?;
    let [home, hub, treatment] = parties(agreement).map(|party| signed(certificate, &party));
    let signed = [home?, hub?, treatment?];
    let checked = Checked { signed, none_revoked: crl.is_some(), by_leaves: leaves.is_some() };
    let page = documents::page::write(&paper(agreement, &checked, &regions))?;
    write_file(file, page.as_bytes())
}

/// With what a party signed.
fn signed(certificate: &CertificateFile, party: &str) -> Result<Signed> {
    let signature = certificate.signatures.iter().find(|signed| signed.party == party);
    let own = signature.and_then(|signed| bytes(signed.chain.first()?));
    let summary = CertificateSummary::of(&own.with_context(|| format!("{party} has not signed"))?)?;
    let CertificateSummary { serial, not_before, not_after, fingerprint, .. } = summary;
    Ok(Signed { serial, good: (day(not_before)?, day(not_after)?), fingerprint })
}

fn day(at: SystemTime) -> Result<Date> {
    Ok(beijing::at_desk(Timestamp::try_from(at)?).date())
}
