//! The sums that stand beside the demo's requests (`deploy/demo/expected`), worked out by hand. Their arithmetic is
//! checked elsewhere, by a test that uses nothing of ours; here the answers are held against them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::desk::Reply;

/// The expected sums of one story, by step.
#[derive(Debug, Default)]
pub struct ExpectedSums(BTreeMap<String, Sums>);

/// The sums of one settlement or estimate, in yuan with two places.
#[derive(Debug, Deserialize)]
struct Sums {
    step: String,
    total: String,
    self_paid: String,
    over_limit: String,
    first_self_pay: String,
    in_policy: String,
    deductible: String,
    basic: String,
    large_sum: String,
    catastrophic: String,
    civil_servant: String,
    assistance: String,
    account: String,
    cash: String,
}

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    settlement: Vec<Sums>,
}

impl ExpectedSums {
    /// Reads the sums that stand beside a story; none where the story settles nothing.
    ///
    /// # Errors
    /// When the file cannot be read; the text names it and the place in it.
    pub fn beside(folder: &Path, story: &str) -> Result<ExpectedSums> {
        let path = folder.join(format!("{story}.toml"));
        if !path.exists() {
            return Ok(ExpectedSums::default());
        }
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let file: File = toml::from_str(&text).with_context(|| format!("in {}", path.display()))?;
        Ok(ExpectedSums(file.settlement.into_iter().map(|sums| (sums.step.clone(), sums)).collect()))
    }

    /// Whether sums are expected of a step.
    pub fn has(&self, step: &str) -> bool {
        self.0.contains_key(step)
    }

    /// Where an answer differs from what is expected of its step, field by field.
    pub fn differences(&self, step: &str, reply: &Reply) -> Vec<String> {
        let Some(sums) = self.0.get(step) else { return Vec::new() };
        let pairs = [
            ("medfee_sumamt", &sums.total),
            ("fulamt_ownpay_amt", &sums.self_paid),
            ("overlmt_selfpay", &sums.over_limit),
            ("preselfpay_amt", &sums.first_self_pay),
            ("inscp_scp_amt", &sums.in_policy),
            ("act_pay_dedc", &sums.deductible),
            ("hifp_pay", &sums.basic),
            ("hifob_pay", &sums.large_sum),
            ("hifmi_pay", &sums.catastrophic),
            ("cvlserv_pay", &sums.civil_servant),
            ("maf_pay", &sums.assistance),
            ("acct_pay", &sums.account),
            ("psn_cash_pay", &sums.cash),
        ];
        pairs
            .into_iter()
            .filter_map(|(field, expected)| {
                let told = reply.text(&format!("/output/setlinfo/{field}"));
                (!same_amount(&told, expected)).then(|| format!("{field} is {told}, expected {expected}"))
            })
            .collect()
    }
}

/// Whether two texts are the same amount, however many places they are written with.
fn same_amount(told: &str, expected: &str) -> bool {
    let amount = |text: &str| text.parse::<rust_decimal::Decimal>().ok();
    amount(told).is_some() && amount(told) == amount(expected)
}
