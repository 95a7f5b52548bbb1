//! `yidi reconcile carry-out` and `yidi reconcile history`: having the hub carry out what is proposed about a break, and
//! reading what was done about it. Called by [`super::run`].

use anyhow::{Context, Result};
use clearing::breaks::{Action, Done};
use jiff::Timestamp;
use proto::v1;
use serde_json::json;
use settlement::beijing;

use super::{client, print_json};
use crate::cli::Ending;
use crate::filing::Access;
use crate::{output, status};

/// Carries out what is proposed about a break.
///
/// # Errors
/// When the hub is not to be reached or refuses.
pub async fn carry_out(access: &Access, number: i64, as_json: bool) -> Result<Ending> {
    let mut breaks = client(access)?;
    let reply = breaks.carry_out(v1::BreakRequest { number }).await.map_err(|told| status::to_refusal(&told))?;
    let v1::CarryOutReply { action, done, stands } = reply.into_inner();
    if as_json {
        print_json(&json!({ "number": number, "action": action, "done": done, "stands": stands }))?;
        return Ok(Ending::of(!stands));
    }
    let action = Action::from_word(&action).with_context(|| format!("the hub speaks of an action {action}"))?;
    let done = Done::from_word(&done).with_context(|| format!("the hub speaks of an outcome {done}"))?;
    output::line(&format!("break {number}: {}", told(action, done)));
    output::line(if stands { "it stands still" } else { "it has ended: the books agree on it" });
    Ok(Ending::of(!stands))
}

/// What was done, or what is to be done by whom.
fn told(action: Action, done: Done) -> &'static str {
    match (action, done) {
        (Action::Ask, Done::Mended) => "the home region was asked, and its answer is booked",
        (Action::Ask, Done::NoAnswer | Done::Nothing) => {
            "the home region gave no answer that can be booked; look at `yidi clearing trace`, and try again"
        }
        (Action::CompareAgain, _) => {
            "the hub has an answer to this operation; where the books are apart still, it is another one than the home \
             region's: look at `yidi clearing trace`"
        }
        (Action::AwaitHospital, _) => {
            "nothing can be done here: the hospital has to do what is proposed (query-5203: ask for what stands and take \
             it into its book; reverse-2601: have the settlement undone, or, where it treated the patient, ask for it by \
             5203) and to compare again (3202, or 3201 once the sums agree); `yidi reconcile resolve` ends the break"
        }
        (Action::AwaitTreatmentSide, _) => {
            "the treatment side asks for the answer by itself when it compares next; what it never sent it cannot ask \
             for: then look at `yidi reconcile show`"
        }
        (Action::GiveBack, Done::Mended) => "the home region was given back what its book lacked",
        (Action::GiveBack, Done::NoAnswer | Done::Nothing) => {
            "nothing could be given back; look at `yidi hub missing`, then `yidi hub restore`"
        }
        (Action::FindOrigin, _) => {
            "the hub has no such operation: it never came, or its own store was restored from an older copy. A person \
             has to find out; `yidi reconcile resolve` ends the break"
        }
        (Action::Investigate, _) => {
            "the books hold what they cannot both have been told: look at `yidi reconcile show` and at `yidi clearing \
             trace`. A person has to find out which is right; `yidi reconcile resolve` ends the break"
        }
    }
}

/// Tells what was done about a break.
///
/// # Errors
/// When the hub is not to be reached or refuses.
pub async fn history(access: &Access, number: i64, as_json: bool) -> Result<Ending> {
    let mut breaks = client(access)?;
    let reply = breaks.history(v1::BreakRequest { number }).await.map_err(|told| status::to_refusal(&told))?;
    let v1::BreakHistoryReply { found, acted, end } = reply.into_inner();
    let found = found.unwrap_or_default();
    if as_json {
        let acted = acted
            .iter()
            .map(|acted| json!({ "action": acted.action, "done": acted.done, "by": acted.by, "at": shown(acted.at) }));
        let end =
            end.map(|end| json!({ "ending": end.ending, "reason": end.reason, "by": end.by, "at": shown(end.at) }));
        let (acted, at) = (acted.collect::<Vec<_>>(), shown(found.found_at));
        print_json(&json!({ "number": number, "setl_id": found.settlement, "operation": found.operation,
            "kind": found.kind, "proposed": found.proposed, "found_at": at, "acted": acted, "end": end }))?;
        return Ok(Ending::Good);
    }
    let v1::BreakView { kind, settlement, proposed, found_at, .. } = found;
    output::line(&format!("{}  {kind} of {settlement}, proposed: {proposed}", shown(found_at)));
    for v1::BreakActionView { action, done, by, at } in acted {
        output::line(&format!("{}  {action}: {done}, by {by}", shown(at)));
    }
    output::line(&match end {
        None => "it stands".to_owned(),
        Some(v1::BreakEndView { ending, reason, by, at }) => format!("{}  {ending} by {by} {reason}", shown(at)),
    });
    Ok(Ending::Good)
}

/// An instant in Beijing's time.
fn shown(microseconds: i64) -> String {
    Timestamp::from_microsecond(microseconds).map(|at| beijing::at_desk(at).to_string()).unwrap_or_default()
}
