//! `yidi clearing run` and `yidi clearing close`: what is due of all periods is carried out now.

use anyhow::{Context, Result};
use proto::v1;
use serde_json::json;

use super::printed::{json_of_period, print_json, print_period};
use super::{OfMonth, client, period, periods};
use crate::cli::Ending;
use crate::filing::Access;
use crate::{output, status};

/// Carries out what is due now; first proves a month again, where one is named.
///
/// # Errors
/// When the hub is not to be reached or refuses.
pub async fn now(access: &Access, prove: String, as_json: bool) -> Result<Ending> {
    let ran = client(access)?.run(v1::RunRequest { prove: prove.clone() }).await;
    let done = ran.map_err(|refused| status::to_refusal(&refused))?.into_inner().done;
    let proof = if prove.is_empty() { None } else { proof(access, &prove).await? };
    let ending = Ending::of(proof.as_ref().is_none_or(|proof| proof.held));
    if as_json {
        let rows = done.iter().map(
            |done| json!({ "month": done.month, "step": done.step, "home": done.home, "treatment": done.treatment }),
        );
        let proof = proof.map(|proof| json!({ "month": prove, "held": proof.held, "report": proof.report }));
        print_json(&json!({ "proof": proof, "done": rows.collect::<Vec<_>>() }))?;
        return Ok(ending);
    }
    if let Some(v1::StepView { held, report, .. }) = proof {
        let stands = if held { "the proof holds" } else { "the proof fails" };
        output::line(&format!("{prove}  {stands}: {report}"));
    }
    for v1::StepDone { month, step, home, treatment } in &done {
        let pair = if home.is_empty() { String::new() } else { format!("  {home} → {treatment}") };
        output::line(&format!("{month}  {step}{pair}"));
    }
    if done.is_empty() {
        output::line("nothing is due");
    }
    Ok(ending)
}

/// Carries out what is due now, and shows a period; good where it is closed.
///
/// # Errors
/// When the hub is not to be reached or refuses.
pub async fn close(of: &OfMonth) -> Result<Ending> {
    let ran = client(&of.access)?.run(v1::RunRequest::default()).await;
    ran.map_err(|refused| status::to_refusal(&refused))?;
    let period = period(of).await?;
    if of.json {
        print_json(&json_of_period(&period))?
    } else {
        print_period(&period)
    }
    Ok(Ending::of(period.stage == "closed"))
}

/// How the last proof of a month ended.
async fn proof(access: &Access, month: &str) -> Result<Option<v1::StepView>> {
    let period = periods(access, month).await?.pop().context("the hub tells of no such period")?;
    Ok(period.steps.into_iter().rfind(|step| step.step == "proved"))
}
