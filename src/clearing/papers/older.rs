//! An older version of pairs' statements (清算表) as documents: the lots as that version stated them, marked as replaced.
//! What stands behind its rows settlement by settlement is kept of the newest version alone.

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use clearing::composition::of_pair;
use clearing::details::pair_name;
use clearing::edition::{stamp, stamp_of_older};
use clearing::month::Month;
use clearing::period::{Pair, PairRecord, Stage};
use proto::v1;
use proto::v1::clearing_client::ClearingClient;
use settlement::region::RegionTable;
use tonic::transport::Channel;

use super::fetched::{lots_of, read_pair};
use super::whose::Whose;
use super::writing::Writing;
use crate::output;

/// Writes a version of the statement of each pair that has it, into a folder of its own; tells the workbooks. Of pairs
/// that have it not, and of versions in which nothing is stated, a note is printed.
///
/// # Errors
/// When the hub is not to be reached, a file cannot be written, or no pair has the version.
pub async fn write(
    client: &mut ClearingClient<Channel>,
    (period, month): (&v1::PeriodView, Month),
    version: u32,
    (whose, regions): (&Whose, &RegionTable),
    out: &Path,
) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for view in &period.pairs {
        let (pair, held): (Pair, PairRecord) = read_pair(view)?;
        if !whose.has(pair.home) && !whose.has(pair.treatment) {
            continue;
        }
        if version > view.version {
            let newest = view.version;
            output::note(&format!(
                "{} → {}: version {newest} is the newest; there is no {version}",
                pair.home, pair.treatment
            ));
            continue;
        }
        let lots = lots_of(client, period, view, version).await?;
        if lots.is_empty() {
            output::note(&format!(
                "{} → {}: version {version} has no rows: nothing was left to state",
                pair.home, pair.treatment
            ));
        }
        let mut paper = of_pair(month, &pair, &lots, regions);
        paper.stamp = if version == view.version {
            stamp(Stage::Stated, [(&pair, &held)], regions)
        } else {
            stamp_of_older(version, view.version)
        };
        let made_on = view.issued_on.parse().unwrap_or_else(|_| month.last_day());
        let mut writing = Writing::new(made_on);
        writing.save(&out.join(pair_name(&pair)).join(format!("第{version}版")), "", vec![paper])?;
        files.append(&mut writing.files);
    }
    ensure!(!files.is_empty(), "--version {version}: no statement of {} that you see has it", period.month);
    Ok(files)
}
