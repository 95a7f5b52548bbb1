//! `yidi rulebook evaluate`: a bill worked by hand. A rule book and a case file are all that it needs; with `--what-if` and
//! `--filings` it puts the same bill under other values beside it, a column each.

mod scenario;
mod side_by_side;

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use serde_json::{Value, json};
use settlement::adjudication::Adjudication;
use settlement::benefits::explanation::{Left, YearSoFar};
use settlement::money::Money;
use settlement::refusal::Refusal;
use settlement::rulebook::RuleBook;
use settlement::rulebook::example::{Example, Expected, Output};
use settlement::what_if::WhatIf;
use settlement::year_to_date::UsagePosting;

use self::scenario::{Change, Scenario};
use super::told::{self, Lang};
use super::{read_book, read_case};
use crate::cli::Ending;
use crate::output;

/// What to work out.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The rule book.
    #[arg(long)]
    rulebook: PathBuf,
    /// The case file: an [[example]] of a book in a file of its own; docs/case-example.toml is one.
    #[arg(long)]
    case: PathBuf,
    /// The same bill under other values, such as age=70, bill.in_policy=20000 or "filing=referral;age=70". Each is a
    /// column beside the case as it is; one that is refused says why.
    #[arg(long = "what-if", value_name = "KEY=VALUE[;…]", value_parser = scenario::changes)]
    what_if: Vec<Change>,
    /// What filing is worth: filed as long-term, referred, filed as temporary, and unfiled, a column each.
    #[arg(long)]
    filings: bool,
    /// The language of the explanation.
    #[arg(long, value_enum, default_value = "zh")]
    lang: Lang,
    /// As JSON.
    #[arg(long)]
    pub(super) json: bool,
}

/// What a case comes to.
type WorkedOut = Result<Adjudication, Refusal>;

/// Runs the command. It finds something where the case comes out otherwise than it says itself, or is refused and says
/// nothing of that; what a scenario comes to is what was asked for.
///
/// # Errors
/// When a file cannot be read, or it or a scenario has faults.
pub fn run(arguments: &Arguments) -> Result<Ending> {
    let book = read_book(&arguments.rulebook)?;
    let case = read_case(&book, &arguments.case)?;
    let as_it_is = case.adjudicate(&book);
    let differs: Vec<String> = case.run(&book).iter().map(ToString::to_string).collect();
    let on_footings = if arguments.filings { &WhatIf::USUAL[..] } else { &[] };
    let on_footings = on_footings.iter().map(|footing| Ok(Scenario::on(&book, &case, *footing)));
    let changed = arguments.what_if.iter().map(|change| Scenario::read(&book, &arguments.case, change));
    let scenarios = on_footings.chain(changed).collect::<Result<Vec<_>>>()?;
    if arguments.json {
        let told = json(&book, &case, &as_it_is, &differs, &scenarios);
        output::line(&serde_json::to_string_pretty(&told)?);
    } else {
        output::line(&format!("{}\n{}\n", book.title(), case.title));
        if scenarios.is_empty() {
            print(&book, &as_it_is, &case.used, arguments.lang);
        } else {
            side_by_side::print(&book, &as_it_is, &scenarios, arguments.lang);
        }
        differs.iter().for_each(|line| output::line(&format!("\n✗ {line}")));
    }
    let settled = as_it_is.is_ok() || matches!(case.expected, Expected::Refused(_)) || !scenarios.is_empty();
    Ok(Ending::of(differs.is_empty() && settled))
}

fn json(book: &RuleBook, case: &Example, as_it_is: &WorkedOut, differs: &[String], scenarios: &[Scenario]) -> Value {
    let mut told = result_json(book, as_it_is, &case.used);
    told["rule_book"] = told::book_json(book);
    told["case"] = case.title.as_str().into();
    told["differs"] = differs.into();
    told["scenarios"] = scenarios.iter().map(|scenario| scenario.json(book, as_it_is)).collect();
    told
}

fn result_json(book: &RuleBook, result: &WorkedOut, used: &[UsagePosting]) -> Value {
    match result {
        Ok(worked_out) => json!({ "total": worked_out.coverage().total().to_string(),
            "amounts": told::amounts_json(amounts(worked_out)), "refused": null,
            "steps": told::steps_json(worked_out, book),
            "year_to_date": told::year_json(&YearSoFar::of(worked_out, book, used)) }),
        Err(refusal) => {
            json!({ "total": null, "amounts": null, "refused": told::refused_json(refusal), "steps": [],
                "year_to_date": null })
        }
    }
}

fn print(book: &RuleBook, result: &WorkedOut, used: &[UsagePosting], lang: Lang) {
    match result {
        Err(refusal) => output::line(&lang.refusal(refusal)),
        Ok(worked_out) => {
            let mut table = output::table([lang.pick("谁付", "payer"), lang.pick("元", "yuan")]);
            for (key, amount) in amounts(worked_out) {
                table.add_row([name_of(key, lang).to_owned(), amount.to_string()]);
            }
            output::numbers_from(&mut table, 1);
            output::line(&table.to_string());
            output::line(lang.pick("\n计算过程", "\nHow it comes about"));
            told::print_steps(worked_out, book, used, lang);
        }
    }
}

/// What is told of a result: who pays what, then what the person bears by its kinds, and the total.
fn amounts(worked_out: &Adjudication) -> Vec<(&'static str, Money)> {
    let left = Left::at_the_end(worked_out);
    let kinds = [
        (OWN_SHARE, left.own_share),
        (SELF_PAID, left.self_paid),
        (OVER_LIMIT, left.over_limit),
        (TOTAL, worked_out.coverage().total()),
    ];
    told::outputs(worked_out).chain(kinds).collect()
}

const OWN_SHARE: &str = "own_share";
const SELF_PAID: &str = "self_paid";
const OVER_LIMIT: &str = "over_limit";
const TOTAL: &str = "total";

/// What a desk calls an amount.
fn name_of(key: &'static str, lang: Lang) -> &'static str {
    let output = Output::ALL.into_iter().find(|(named, _)| *named == key).map(|(_, output)| output);
    match (lang, output) {
        (Lang::Zh, None) if key == OWN_SHARE => "自付",
        (Lang::Zh, None) if key == SELF_PAID => "自费",
        (Lang::Zh, None) if key == OVER_LIMIT => "超限价",
        (Lang::Zh, None) if key == TOTAL => "总费用",
        (Lang::Zh, Some(Output::Deductible)) => "其中起付线",
        (Lang::Zh, Some(Output::Fund(fund))) => fund.name(),
        (Lang::Zh, Some(Output::Account)) => "个人账户",
        (Lang::Zh, Some(Output::Family)) => "其中亲属账户",
        (Lang::Zh, Some(Output::Cash)) => "个人现金",
        (Lang::Zh, None) | (Lang::En, _) => key,
    }
}
