//! That what undoes something counts only beside it: a cancellation or a reversal beside its settlement, a correction that
//! takes another back beside that. Called by [`super::findings`].

use anyhow::Result;
use ledger::hub::{Afterwards, HubStore};
use settlement::finding::Finding;

use super::finding;

/// Where something is returned from the list, what undoes it counts nowhere either; and what undoes something that waits on
/// the list joins it there before its own period is stated.
///
/// # Errors
/// When the book cannot be read.
pub async fn what_undoes_something_counts_only_beside_it(hub: &HubStore) -> Result<Vec<Finding>> {
    let invariant = "what undoes something counts only beside it";
    let mut findings = Vec::new();
    for apart in hub.entry_apart().await? {
        let problem = match apart.stated_meanwhile {
            Some(period) => {
                format!("it waits on the list, and what undoes it was stated in period {period} since")
            }
            None => "it was returned from the list, and what undoes it counts".to_owned(),
        };
        findings.push(finding(invariant, format!("settlement {}, part {}", apart.settlement, apart.part), problem));
    }
    for id in hub.correction_apart().await? {
        let problem = "what it takes back was returned from the list, and it counts".to_owned();
        findings.push(finding(invariant, format!("{} {id}", Afterwards::Correction.word()), problem));
    }
    Ok(findings)
}
