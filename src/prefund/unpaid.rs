//! Who leaves months unpaid, and who is suspended for it.

use std::collections::BTreeSet;

use anyhow::Result;
use clap::Args;
use proto::v1;
use proto::v1::prefunds_client::PrefundsClient;
use serde_json::{Value, json};
use tonic::transport::Channel;

use super::client;
use crate::clearing::DAY_UNKNOWN;
use crate::cli::Ending;
use crate::filing::Access;
use crate::{output, status};

/// A home member as a treatment member sees it, and how to reach the hub.
#[derive(Debug, Args)]
pub struct OfPair {
    #[command(flatten)]
    access: Access,
    /// The member that does not pay.
    #[arg(long)]
    home: String,
    /// The member that suspends: yours.
    #[arg(long)]
    treatment: String,
    /// Why.
    #[arg(long)]
    reason: String,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

/// Lists them.
///
/// # Errors
/// When the hub is not to be reached or refuses.
pub async fn list(client: &mut PrefundsClient<Channel>, as_json: bool) -> Result<Ending> {
    let told = client.unpaid(v1::PrefundsRequest {}).await.map_err(|refused| status::to_refusal(&refused))?;
    let members = told.into_inner().members;
    print(&members, as_json)?;
    Ok(Ending::of(members.is_empty()))
}

/// Suspends, although the home member says that it has paid some months where nothing of them came, or resumes.
///
/// # Errors
/// When the hub is not to be reached or refuses.
pub async fn suspend(of: OfPair, is_suspended: bool, nothing_came: Vec<String>) -> Result<Ending> {
    let OfPair { access, home, treatment, reason, json } = of;
    let (mut client, request) = (client(&access)?, v1::SuspendRequest { home, treatment, reason, nothing_came });
    let told = if is_suspended { client.suspend(request).await } else { client.resume(request).await };
    print(&[told.map_err(|refused| status::to_refusal(&refused))?.into_inner()], json)?;
    Ok(Ending::Good)
}

fn print(members: &[v1::UnpaidView], as_json: bool) -> Result<()> {
    if as_json {
        let rows = members.iter().map(|held| {
            json!({ "home": held.home, "treatment": held.treatment, "months": held.months, "claimed": held.claimed,
                "day_unknown": held.day_unknown, "may_suspend": held.may_suspend, "suspended": held.suspended,
                "reason": held.reason })
        });
        output::line(&serde_json::to_string_pretty(&rows.collect::<Vec<Value>>())?);
        return Ok(());
    }
    let mut table = output::table(["参保省", "就医省", "逾期未拨付", "仅付款方登记", "期限未知", "状态", "原因"]);
    for held in members {
        let standing = match (held.suspended, held.may_suspend) {
            (true, _) => "已暂停",
            (false, true) => "可暂停",
            (false, false) if held.months.is_empty() && held.day_unknown.is_empty() => "",
            (false, false) if held.months.is_empty() => "待付",
            (false, false) => "催付",
        };
        let [months, claimed, unknown] =
            [&held.months, &held.claimed, &held.day_unknown].map(|months| months.join("、"));
        let (home, treatment, reason) = (held.home.clone(), held.treatment.clone(), held.reason.clone());
        table.add_row([home, treatment, months, claimed, unknown, standing.to_owned(), reason]);
    }
    output::line(&table.to_string());
    let unknown: BTreeSet<&str> = members.iter().flat_map(|held| &held.day_unknown).map(String::as_str).collect();
    if !unknown.is_empty() {
        output::note(&format!("{}: {DAY_UNKNOWN}", unknown.into_iter().collect::<Vec<_>>().join(", ")));
    }
    Ok(())
}
