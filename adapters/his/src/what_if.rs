//! What filing is worth: an estimate may ask what the same bill comes to on other footings (`WHAT_IF` in `exp_content`,
//! an extension of ours), and is told so in `exp_content` and, for a clerk to read, in `warn_msg`.

use serde_json::{Map, Value, json};
use settlement::filing::FilingClass;
use settlement::outcome::{Done, Outcome};
use settlement::refusal::{Reason, Refusal};
use settlement::what_if::WhatIf;

use crate::answer;
use crate::config::FundSum;
use crate::marks;
use crate::node::{Node, plain};
use crate::setlinfo::{amount, amounts};

/// A footing, and what the bill comes to on it.
pub type Alternative = (WhatIf, Outcome);

const KEY: &str = "WHAT_IF";

/// The amounts that are told of an alternative; those of the bill's coverage are the same on every footing.
const TOLD: [&str; 9] = [
    "act_pay_dedc",
    "hifp_pay",
    "cvlserv_pay",
    "hifmi_pay",
    "hifob_pay",
    "maf_pay",
    "fund_pay_sumamt",
    "acct_pay",
    "psn_cash_pay",
];

/// Reads the footings that are asked about: a list of words or a text of them, or `1` for the usual ones. None after a
/// fault.
pub fn read(node: &Node<'_>) -> Option<Vec<WhatIf>> {
    let bag = marks::bag(node);
    let words: Vec<String> = match bag.iter().find(|(key, _)| key.eq_ignore_ascii_case(KEY)).map(|(_, value)| value) {
        Some(Value::Array(list)) => list.iter().filter_map(plain).collect(),
        Some(value) => plain(value).map(|text| split(&text)).unwrap_or_default(),
        None => Vec::new(),
    };
    match &words[..] {
        [flag] if flag == "0" => return Some(Vec::new()),
        [flag] if flag == "1" => return Some(WhatIf::USUAL.to_vec()),
        _ => {}
    }
    let mut footings = Vec::new();
    for word in &words {
        match WhatIf::from_word(word) {
            Some(footing) if !footings.contains(&footing) => footings.push(footing),
            Some(_) => {}
            None => {
                let known = WhatIf::ALL.map(WhatIf::word).join("、");
                node.invalid(&format!("exp_content.{KEY}"), format!("{word}不是{known}之一,也不是1"));
                return None;
            }
        }
    }
    Some(footings)
}

fn split(text: &str) -> Vec<String> {
    text.split([',', ';', '，', '、', ' ']).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// The extension bag of an estimate: the class of filing that was applied, and what the bill comes to on each footing.
pub fn bag(filing: Option<FilingClass>, alternatives: &[Alternative], fund_sum: FundSum) -> String {
    let mut bag = Map::new();
    if let Some(class) = filing {
        bag.insert("filing_class".into(), class.word().into());
    }
    let told = alternatives.iter().map(|(footing, outcome)| told(*footing, outcome, fund_sum));
    bag.insert("what_if".into(), told.collect());
    Value::Object(bag).to_string()
}

fn told(footing: WhatIf, outcome: &Outcome, fund_sum: FundSum) -> Value {
    let mut told = json!({ "filing": footing.word(), "name": footing.name() });
    match outcome {
        Outcome::Accepted { decided_at: _, done: Done::Settled(settled) } => {
            for (name, money) in amounts(settled, fund_sum).into_iter().filter(|(name, _)| TOLD.contains(name)) {
                told[name] = amount(money);
            }
        }
        Outcome::Refused(refusal) => refused(&mut told, refusal),
        Outcome::Accepted { decided_at: _, done: Done::Cancelled { .. } | Done::Reversed(_) } => {
            refused(&mut told, &Refusal::new(Reason::Internal));
        }
    }
    told
}

fn refused(told: &mut Value, refusal: &Refusal) {
    told["err_code"] = refusal.reason.code().into();
    told["err_msg"] = answer::text(refusal).into();
}

/// The same in a sentence, for a clerk whose program shows no more than `warn_msg`. Asked and not answered is a region
/// whose program does not know the question.
pub fn sentence(alternatives: &[Alternative]) -> String {
    if alternatives.is_empty() {
        return "参保地未按其他备案情形试算".to_owned();
    }
    let each: Vec<String> = alternatives.iter().map(|(footing, outcome)| clause(*footing, outcome)).collect();
    format!("如备案情形不同,试算为:{}", each.join(";"))
}

fn clause(footing: WhatIf, outcome: &Outcome) -> String {
    let name = footing.name();
    match outcome {
        Outcome::Accepted { decided_at: _, done: Done::Settled(settled) } => {
            let payers = &settled.payers;
            format!("{name}基金付{}、账户付{}、现金{}", payers.funds.total(), payers.account, payers.cash)
        }
        Outcome::Refused(refusal) => {
            format!("{name}[{}]{}", refusal.reason.code(), answer::short(refusal.reason))
        }
        Outcome::Accepted { decided_at: _, done: Done::Cancelled { .. } | Done::Reversed(_) } => {
            format!("{name}[{}]{}", Reason::Internal.code(), answer::short(Reason::Internal))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::Sheet;

    #[test]
    fn footings_are_asked_for_by_word_by_list_or_all_at_once() {
        let some = |words: &[&str]| words.iter().filter_map(|word| WhatIf::from_word(word)).collect::<Vec<_>>();
        for (node, expected) in [
            (json!({}), some(&[])),
            (json!({"exp_content": "{}"}), some(&[])),
            (json!({"exp_content": {"WHAT_IF": "0"}}), some(&[])),
            (json!({"exp_content": {"WHAT_IF": 1}}), WhatIf::USUAL.to_vec()),
            (json!({"exp_content": "{\"WHAT_IF\":\"1\",\"IPT_TYPE\":\"1\"}"}), WhatIf::USUAL.to_vec()),
            (json!({"expContent": "{\"what_if\":\"referral, none,referral\"}"}), some(&["referral", "none"])),
            (json!({"exp_content": {"WHAT_IF": ["long-term", "emergency"]}}), some(&["long-term", "emergency"])),
        ] {
            let object = node.as_object().expect("an object");
            assert_eq!(read(&Node::new(object, &Sheet::default())), Some(expected), "{node}");
        }
        let node = json!({"exp_content": {"WHAT_IF": "filed"}});
        let sheet = Sheet::default();
        assert_eq!(read(&Node::new(node.as_object().expect("an object"), &sheet)), None);
        let refusal = sheet.finish(None::<()>).expect_err("a fault");
        assert_eq!(refusal.field.as_deref(), Some("exp_content.WHAT_IF"));
        assert!(refusal.detail.expect("a detail").contains("long-term"));
    }

    #[test]
    fn the_bag_fits_its_field_whatever_is_told() {
        let long = Refusal::new(Reason::NotQualified).of_field("dise_codg").because("M".repeat(100));
        let all: Vec<Alternative> =
            WhatIf::ALL.into_iter().map(|footing| (footing, Outcome::Refused(long.clone()))).collect();
        let bag = bag(Some(FilingClass::OtherTemporary), &all, FundSum::WithAccount);
        assert!(bag.chars().count() <= 4_000, "{}", bag.chars().count());
        let read: Value = serde_json::from_str(&bag).expect("JSON");
        assert_eq!((&read["what_if"][4]["filing"], &read["what_if"][4]["err_code"]), (&json!("none"), &json!(507)));
    }
}
