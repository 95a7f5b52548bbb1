//! What filing is worth, as an estimate of the recorded days was told it: a column for each footing, side by side.

use serde_json::Value;

use super::player::Played;
use crate::desk::Reply;
use crate::output;

/// The rows of the table, with where they stand in the answer.
const ROWS: [(&str, &str); 5] = [
    ("起付线", "act_pay_dedc"),
    ("统筹", "hifp_pay"),
    ("各项基金", "fund_pay_sumamt"),
    ("账户", "acct_pay"),
    ("现金", "psn_cash_pay"),
];

/// Prints it for every estimate that asked.
pub fn print(played: &[Played]) {
    for step in played {
        let footings = step.reply.as_ref().map(footings).unwrap_or_default();
        if footings.is_empty() {
            continue;
        }
        output::line(&format!("\n备案值多少（{}）", step.story));
        let text = |footing: &Value, field: &str| footing[field].as_str().unwrap_or_default().to_owned();
        let names = footings.iter().map(|footing| text(footing, "name"));
        let header: Vec<String> = std::iter::once(String::new()).chain(names).collect();
        let mut table = output::table(header.iter().map(String::as_str));
        for (name, field) in ROWS {
            let amounts = footings.iter().map(|footing| match &footing[field] {
                Value::Number(amount) => amount.to_string(),
                Value::Null | Value::Bool(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => "—".to_owned(),
            });
            table.add_row(std::iter::once(name.to_owned()).chain(amounts).collect::<Vec<_>>());
        }
        output::numbers_from(&mut table, 1);
        output::line(&table.to_string());
        let refused = footings.iter().filter(|footing| footing["err_msg"].is_string());
        refused.for_each(|footing| output::line(&format!("{}：{}", text(footing, "name"), text(footing, "err_msg"))));
    }
}

/// What the extension bag of an answer tells, whether the estimate itself was refused or not.
fn footings(reply: &Reply) -> Vec<Value> {
    let bag = ["/output/exp_content", "/output/setlinfo/exp_content"].map(|place| reply.text(place)).concat();
    let bag: Value = serde_json::from_str(&bag).unwrap_or_default();
    bag["what_if"].as_array().cloned().unwrap_or_default()
}
