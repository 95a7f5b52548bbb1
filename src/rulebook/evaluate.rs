//! `yidi rulebook evaluate`: a bill worked by hand. A rule book and a case file are all that it needs; with `--what-if` it
//! says what another age, filing or sum would make of the same bill.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use serde_json::{Value, json};
use settlement::adjudication::Adjudication;
use settlement::refusal::Refusal;
use settlement::rulebook::RuleBook;
use settlement::rulebook::example::{Expected, Output};

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
    /// A value of the case changed, such as age=70, filing=referral or bill.in_policy=20000.
    #[arg(long = "what-if", value_name = "KEY=VALUE", value_parser = key_and_value, num_args = 1..)]
    what_if: Vec<(String, String)>,
    /// The language of the explanation.
    #[arg(long, value_enum, default_value = "zh")]
    lang: Lang,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

fn key_and_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => Ok((key.trim().to_owned(), value.trim().to_owned())),
        Some(_) | None => Err("is not of the form key=value".to_owned()),
    }
}

/// What a case comes to.
type WorkedOut = Result<Adjudication, Refusal>;

/// Runs the command. It finds something where the case is refused or comes out otherwise than it says itself.
///
/// # Errors
/// When a file cannot be read or has faults.
pub fn run(arguments: &Arguments) -> Result<Ending> {
    let book = read_book(&arguments.rulebook)?;
    let as_filed = read_case(&book, &arguments.case, &[])?;
    let before = as_filed.adjudicate(&book);
    let differs: Vec<String> = as_filed.run(&book).iter().map(ToString::to_string).collect();
    let changed = if arguments.what_if.is_empty() {
        None
    } else {
        Some(read_case(&book, &arguments.case, &arguments.what_if)?.adjudicate(&book))
    };
    let says_refused = matches!(as_filed.expected, Expected::Refused(_));
    let good = match &changed {
        Some(changed) => changed.is_ok(),
        None => differs.is_empty() && (before.is_ok() || says_refused),
    };
    if arguments.json {
        let told = json(&book, &as_filed.title, &before, changed.as_ref(), &arguments.what_if, &differs);
        output::line(&serde_json::to_string_pretty(&told)?);
    } else {
        output::line(&format!("{}\n{}\n", book.title(), as_filed.title));
        match &changed {
            None => print(&book, &before, arguments.lang),
            Some(changed) => print_changed(&book, &before, changed, arguments.lang),
        }
        differs.iter().for_each(|line| output::line(&format!("\n✗ {line}")));
    }
    Ok(Ending::of(good))
}

fn json(
    book: &RuleBook,
    title: &str,
    before: &WorkedOut,
    changed: Option<&WorkedOut>,
    what_if: &[(String, String)],
    differs: &[String],
) -> Value {
    let last = changed.unwrap_or(before);
    let mut told = result_json(book, last);
    told["rule_book"] = told::book_json(book);
    told["case"] = title.into();
    told["differs"] = differs.into();
    if changed.is_some() {
        let changes: serde_json::Map<String, Value> =
            what_if.iter().map(|(key, value)| (key.clone(), value.clone().into())).collect();
        told["what_if"] = changes.into();
        told["before"] = result_json(book, before);
    }
    told
}

fn result_json(book: &RuleBook, result: &WorkedOut) -> Value {
    match result {
        Ok(worked_out) => json!({ "total": worked_out.coverage().total().to_string(),
            "amounts": told::amounts_json(told::outputs(worked_out)), "refused": null,
            "steps": told::steps_json(worked_out, book) }),
        Err(refusal) => {
            json!({ "total": null, "amounts": null, "refused": told::refused_json(refusal), "steps": [] })
        }
    }
}

fn print(book: &RuleBook, result: &WorkedOut, lang: Lang) {
    match result {
        Err(refusal) => output::line(&lang.refusal(refusal)),
        Ok(worked_out) => {
            let mut table = output::table([lang.pick("谁付", "payer"), lang.pick("元", "yuan")]);
            for (name, amount) in named(worked_out, lang) {
                table.add_row([name.to_owned(), amount]);
            }
            output::numbers_from(&mut table, 1);
            output::line(&table.to_string());
            output::line(lang.pick("\n计算过程", "\nHow it comes about"));
            told::print_steps(worked_out, book, lang);
        }
    }
}

/// Both results side by side, then how the changed one comes about.
fn print_changed(book: &RuleBook, before: &WorkedOut, changed: &WorkedOut, lang: Lang) {
    for (what, result) in [(lang.pick("原来", "before"), before), (lang.pick("改后", "changed"), changed)] {
        if let Err(refusal) = result {
            output::line(&format!("{what}: {}", lang.refusal(refusal)));
        }
    }
    if let (Ok(before), Ok(after)) = (before, changed) {
        let header = [("谁付", "payer"), ("原来", "before"), ("改后", "changed"), ("差额", "difference")];
        let mut table = output::table(header.map(|(chinese, english)| lang.pick(chinese, english)));
        for ((key, was), (_, is)) in told::outputs(before).zip(told::outputs(after)) {
            table.add_row([name_of(key, lang).to_owned(), was.to_string(), is.to_string(), (is - was).to_string()]);
        }
        output::numbers_from(&mut table, 1);
        output::line(&table.to_string());
    }
    if let Ok(worked_out) = changed {
        output::line(lang.pick("\n改后的计算过程", "\nHow the changed one comes about"));
        told::print_steps(worked_out, book, lang);
    }
}

/// The amounts by payer and the total, in a language.
fn named(worked_out: &Adjudication, lang: Lang) -> Vec<(&'static str, String)> {
    let total = (lang.pick("总费用", "total"), worked_out.coverage().total().to_string());
    let amounts = told::outputs(worked_out).map(|(key, amount)| (name_of(key, lang), amount.to_string()));
    amounts.chain([total]).collect()
}

/// What a desk calls an amount of `expect`.
fn name_of(key: &'static str, lang: Lang) -> &'static str {
    let output = Output::ALL.into_iter().find(|(named, _)| *named == key).map(|(_, output)| output);
    match (lang, output) {
        (Lang::Zh, Some(Output::Deductible)) => "其中起付线",
        (Lang::Zh, Some(Output::Fund(fund))) => fund.name(),
        (Lang::Zh, Some(Output::Account)) => "个人账户",
        (Lang::Zh, Some(Output::Family)) => "其中亲属账户",
        (Lang::Zh, Some(Output::Cash)) => "个人现金",
        (Lang::Zh, None) | (Lang::En, _) => key,
    }
}
