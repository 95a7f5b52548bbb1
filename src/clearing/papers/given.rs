//! The files that an operator gives for documents: the table of regions, and members' bank accounts.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, anyhow, ensure};
use clearing::statement::BankAccount;
use region::sheet::{Faults, Sheet};
use settlement::region::RegionTable;

/// Reads the table of regions.
///
/// # Errors
/// When it cannot be read, with every fault in it.
pub fn read_regions(path: &Path) -> Result<RegionTable> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let told = |faults: Vec<settlement::region::RegionFault>| {
        let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
        anyhow!("{}: {}", path.display(), faults.join("; "))
    };
    RegionTable::from_csv(&text).map_err(told)
}

/// Reads members' bank accounts. Lines that begin with `#` are comments.
///
/// # Errors
/// When they cannot be read, or a field of a row is blank.
pub fn read_accounts(path: &Path) -> Result<BTreeMap<String, BankAccount>> {
    // A number that is cut off would be somebody else's.
    let sheet = Sheet::read_whole(path, &["member", "name", "bank", "number"]).map_err(Faults)?;
    let mut faults = Vec::new();
    let rows = sheet.rows(&mut faults, |row| {
        let [member, name, bank, number] = ["member", "name", "bank", "number"].map(|column| row.needed(column));
        Some((member?, BankAccount { name: name?, bank: bank?, number: number? }))
    });
    ensure!(faults.is_empty(), Faults(faults));
    Ok(rows.into_iter().collect())
}
