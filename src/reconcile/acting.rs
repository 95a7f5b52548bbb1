//! `yidi reconcile carry-out` and `yidi reconcile history`: having the hub carry out what is proposed about a break, and
//! reading what was done about it. Called by [`super::run`].

use anyhow::{Context, Result};
use clearing::breaks::{Action, Done, Proposal};
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
    output::line(&format!("差异 {number}：{}", told(action, done)));
    output::line(if stands { "差异仍在" } else { "差异已消除：两本账一致" });
    Ok(Ending::of(!stands))
}

/// What was done, or what is to be done by whom.
fn told(action: Action, done: Done) -> &'static str {
    match (action, done) {
        (Action::Ask, Done::Mended) => "已向参保地查询，答复已入账",
        (Action::Ask, Done::NoAnswer | Done::Nothing) => {
            "参保地没有给出可入账的答复；请看 `yidi clearing trace`，稍后再试"
        }
        (Action::CompareAgain, _) => "枢纽已有该笔的答复；仍不一致的，是与参保地的答复不同：请看 `yidi clearing trace`",
        (Action::AwaitHospital, _) => {
            "这里无法处理，须由医院按建议办理（补查5203：查询有效结算并补记；冲正2601：冲正该结算，确已就医的用5203查询补记），\
             再重新对账（3202，总额一致后3201）；无法消除的，用 `yidi reconcile resolve` 结案"
        }
        (Action::AwaitTreatmentSide, _) => {
            "就医地下次对账时自动补查答复；从未发出的无从补查，届时请看 `yidi reconcile show`"
        }
        (Action::GiveBack, Done::Mended) => "已把参保地缺失的记录恢复给它",
        (Action::GiveBack, Done::NoAnswer | Done::Nothing) => {
            "没有可恢复的记录；请看 `yidi hub missing`，再用 `yidi hub restore`"
        }
        (Action::FindOrigin, _) => {
            "枢纽没有该笔：从未到达，或枢纽自身曾用旧备份恢复。须人工查明，用 `yidi reconcile resolve` 结案"
        }
        (Action::Investigate, _) => {
            "两本账互相矛盾：请看 `yidi reconcile show` 和 `yidi clearing trace`。须人工查明哪一方正确，用 `yidi reconcile \
             resolve` 结案"
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
    let proposed = Proposal::from_word(&found.proposed).map_or(found.proposed.as_str(), |proposal| proposal.name());
    let kind = super::kind_named(&found);
    output::line(&format!("{}  发现：{kind}，结算 {}，建议{proposed}", output::time(found.found_at), found.settlement));
    acted.iter().for_each(|acted| output::line(&act_told(acted)));
    output::line(&end.as_ref().map_or_else(|| "差异仍在".to_owned(), end_told));
    Ok(Ending::Good)
}

/// What was done, what it came to, and by whom; words as they are where a newer hub has more of them.
fn act_told(acted: &v1::BreakActionView) -> String {
    let action = Action::from_word(&acted.action).map_or(acted.action.as_str(), |action| action.name());
    let done = Done::from_word(&acted.done).map_or(acted.done.as_str(), |done| done.name());
    format!("{}  {action}：{done}，{}", output::time(acted.at), by_told(&acted.by))
}

fn end_told(end: &v1::BreakEndView) -> String {
    let ending = match end.ending.as_str() {
        "mended" => "处理后一致",
        "vanished" => "再次对账时一致",
        "decided" => "人工结案",
        other => other,
    };
    let reason = if end.reason.is_empty() { String::new() } else { format!("，原因：{}", end.reason) };
    format!("{}  {ending}，{}{reason}", output::time(end.at), by_told(&end.by))
}

/// Who did it: a rule, a comparison, or a person by his certificate.
fn by_told(by: &str) -> String {
    match by.strip_prefix("rule ") {
        Some(rule) => format!("系统按规则{}", Proposal::from_word(rule).map_or(rule, |proposal| proposal.name())),
        None if by == "comparison" => "由对账".to_owned(),
        None => format!("经办人证书 {by}"),
    }
}

/// An instant in Beijing's time, as JSON has it.
fn shown(microseconds: i64) -> String {
    Timestamp::from_microsecond(microseconds).map(|at| beijing::at_desk(at).to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether nothing is said in our words; what is typed stands between backticks.
    fn is_in_words(told: &str) -> bool {
        told.split('`').step_by(2).all(|said| !said.chars().any(|letter| letter.is_ascii_alphabetic()))
    }

    #[test]
    fn what_was_done_is_told_without_our_words() {
        for action in Action::ALL {
            for done in Done::ALL {
                assert!(is_in_words(told(action, done)), "{action:?} {done:?}");
                let (action, done) = (action.word().to_owned(), done.word().to_owned());
                for by in ["rule resolve", "comparison", "2025"] {
                    let acted =
                        v1::BreakActionView { action: action.clone(), done: done.clone(), by: by.into(), at: 0 };
                    assert!(is_in_words(&act_told(&acted)), "{}", act_told(&acted));
                }
            }
        }
        for ending in ["mended", "vanished", "decided"] {
            let (ending, reason, by) = (ending.to_owned(), "已核对".to_owned(), "comparison".to_owned());
            let told = end_told(&v1::BreakEndView { ending, reason, by, at: 0 });
            assert!(is_in_words(&told) && told.ends_with("，原因：已核对"), "{told}");
        }
    }
}
