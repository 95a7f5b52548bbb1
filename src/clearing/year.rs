//! `yidi clearing year`: whether a year's costs are all cleared and paid, and what is left.

use anyhow::Result;
use clearing::year::Why;
use proto::v1;
use proto::v1::clearing_client::ClearingClient;
use serde_json::{Value, json};
use settlement::money::Money;
use tonic::transport::Channel;

use super::printed::stage_named;
use crate::cli::Ending;
use crate::{output, status};

/// Shows a year.
///
/// # Errors
/// When the hub is not to be reached or refuses.
pub async fn show(client: &mut ClearingClient<Channel>, year: i32, as_json: bool) -> Result<Ending> {
    let told = client.year(v1::YearRequest { year }).await.map_err(|refused| status::to_refusal(&refused))?;
    let v1::YearView { cleared_by, whole, late, months, rests } = told.into_inner();
    let cleared_here = !months.is_empty();
    let yuan = |rest: &v1::YearRest| Money::from_fen(rest.owed).to_string();
    if as_json {
        let months: Vec<Value> =
            months.iter().map(|month| json!({ "month": month.month, "stage": month.stage })).collect();
        let rests = rests.iter().map(|rest| {
            json!({ "home": rest.home, "treatment": rest.treatment, "month": rest.month, "why": rest.why,
                "entries": rest.entries, "owed": yuan(rest) })
        });
        let rests: Vec<Value> = rests.collect();
        let whole = json!({ "year": year, "cleared_by": cleared_by, "whole": whole, "late": late, "months": months,
            "cleared_here": cleared_here, "rests": rests });
        output::line(&serde_json::to_string_pretty(&whole)?);
        return Ok(Ending::of(cleared_here && !late));
    }
    if !cleared_here {
        output::line(&format!("{year} 年：本枢纽没有清算过该年的月份"));
        return Ok(Ending::Found);
    }
    let mut table = output::table(["费款所属期", "参保省", "就医省", "原因", "笔数", "金额"]);
    for rest in &rests {
        let why = Why::from_word(&rest.why).map_or_else(|| rest.why.clone(), |why| why.name().to_owned());
        let (month, home, treatment) = (rest.month.clone(), rest.home.clone(), rest.treatment.clone());
        table.add_row([month, home, treatment, why, rest.entries.to_string(), yuan(rest)]);
    }
    output::numbers_from(&mut table, 4);
    output::line(&table.to_string());
    let stages: Vec<String> =
        months.iter().map(|month| format!("{} {}", month.month, stage_named(&month.stage))).collect();
    output::line(&stages.join("、"));
    let standing = match (whole, late) {
        (true, _) => "已全部清算".to_owned(),
        (false, false) => format!("应于 {cleared_by} 前全部清算"),
        (false, true) => format!("应于 {cleared_by} 前全部清算，已逾期"),
    };
    let left: u64 = rests.iter().map(|rest| rest.entries).sum();
    output::line(&format!("{year} 年：{standing}，未清 {left} 笔"));
    Ok(Ending::of(!late))
}
