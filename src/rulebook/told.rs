//! How calculations are told: amounts by payer and steps, as JSON and for people. Shared by everything that shows one.

use clap::ValueEnum;
use his::answer;
use serde_json::{Map, Value, json};
use settlement::adjudication::{Adjudication, Payers};
use settlement::benefits::explanation::{Datum, Language, Line, Parts, Step, YearSoFar, clauses, render};
use settlement::money::Money;
use settlement::refusal::Refusal;
use settlement::rulebook::example::{ELSEWHERE, Output};
use settlement::rulebook::{Clause, RuleBook};
use settlement::year_to_date::UsagePosting;

use crate::output;

/// The language of an explanation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Lang {
    /// 中文.
    Zh,
    /// English.
    En,
}

impl Lang {
    /// As explanations know it.
    pub fn language(self) -> Language {
        match self {
            Lang::Zh => Language::Chinese,
            Lang::En => Language::English,
        }
    }

    /// A refusal as a desk reads it.
    pub fn refusal(self, refusal: &Refusal) -> String {
        match self {
            Lang::Zh => chinese(refusal),
            Lang::En => refusal.to_string(),
        }
    }

    /// One of two words.
    pub fn pick(self, chinese: &'static str, english: &'static str) -> &'static str {
        match self {
            Lang::Zh => chinese,
            Lang::En => english,
        }
    }
}

/// Every payer with its part, by the words of books.
pub fn by_payer(payers: &Payers) -> Vec<(&'static str, Money)> {
    let funds = payers.funds.iter().map(|(fund, amount)| (fund.word(), amount));
    let person = [("account", payers.account), ("cash", payers.cash), ("hospital", payers.hospital)];
    funds.chain(person).collect()
}

/// Amounts as a JSON object of texts.
pub fn amounts_json<'a>(amounts: impl IntoIterator<Item = (&'a str, Money)>) -> Value {
    amounts
        .into_iter()
        .map(|(name, amount)| (name.to_owned(), amount.to_string().into()))
        .collect::<Map<String, Value>>()
        .into()
}

/// The amounts that an example can name, in its words.
pub fn outputs(adjudication: &Adjudication) -> impl Iterator<Item = (&'static str, Money)> {
    Output::ALL.into_iter().map(|(key, output)| (key, output.of(adjudication)))
}

/// A refusal as JSON.
pub fn refused_json(refusal: &Refusal) -> Value {
    json!({ "code": refusal.reason.code(), "field": refusal.field, "detail": refusal.detail,
        "text": chinese(refusal) })
}

/// A refusal in Chinese; where a case names no place, neither does it.
fn chinese(refusal: &Refusal) -> String {
    match refusal.detail.as_deref() {
        Some(ELSEWHERE) => answer::text(&refusal.clone().because("其他统筹区")),
        Some(_) | None => answer::text(refusal),
    }
}

/// Which book it was.
pub fn book_json(book: &RuleBook) -> Value {
    json!({ "title": book.title(), "pool": book.pool().to_string(), "insurance": book.insurance().word(),
        "from": book.validity().from.to_string(), "hash": book.hash().to_string() })
}

/// The steps of a calculation: what a clerk would say in both languages, the clauses with their sources and trust marks,
/// what went in and what came out.
pub fn steps_json(adjudication: &Adjudication, book: &RuleBook) -> Vec<Value> {
    let chinese = render(adjudication, book, Language::Chinese);
    let english = render(adjudication, book, Language::English);
    let lines = chinese.into_iter().zip(english);
    let cited = clauses(&adjudication.steps, book);
    let step = |((step, (chinese, english)), at): ((&Step, (Line, Line)), Vec<Clause>)| {
        let Parts { kind, inputs, result } = step.parts();
        let clauses: Vec<Value> = at.into_iter().map(|at| clause_json(book, at)).collect();
        let left = chinese.left.map(|left| {
            amounts_json([
                ("own_share", left.own_share),
                ("self_paid", left.self_paid),
                ("over_limit", left.over_limit),
                ("to_pay", left.to_pay),
            ])
        });
        json!({ "step": kind, "zh": chinese.text, "en": english.text, "clauses": clauses,
            "inputs": data_json(inputs), "result": data_json(result), "left": left })
    };
    adjudication.steps.iter().zip(lines).zip(cited).map(step).collect()
}

/// What the person has used of the benefit year, before a settlement and with it.
pub fn year_json(year: &YearSoFar) -> Value {
    let sums = |which: usize| amounts_json(year.sums().map(|(word, sums)| (word, sums[which])));
    let [mut before, mut after] = [sums(0), sums(1)];
    before["stays"] = year.before.stays.into();
    after["stays"] = year.after.stays.into();
    json!({ "benefit_year": year.year.0, "before": before, "after": after })
}

fn clause_json(book: &RuleBook, at: Clause) -> Value {
    let Some(clause) = book.clause(at) else { return json!({ "at": at.0 }) };
    let source = book.sources().get(clause.source);
    json!({ "path": clause.path, "line": clause.line, "document": source.map(|source| &source.document),
        "article": source.and_then(|source| source.article.as_ref()), "trust": clause.trust.word(),
        "text": clause.text })
}

fn data_json(data: impl IntoIterator<Item = (&'static str, Datum)>) -> Value {
    let value = |datum: Datum| match datum {
        Datum::Money(amount) => Value::from(amount.to_string()),
        Datum::Ratio(ratio) => ratio.value().to_string().into(),
        Datum::Number(number) => number.into(),
        Datum::Day(day) => day.to_string().into(),
        Datum::Word(word) => word.into(),
    };
    data.into_iter().map(|(name, datum)| (name.to_owned(), value(datum))).collect::<Map<String, Value>>().into()
}

/// Prints the steps, numbered, each with the rules that it applies under it, and what has been used of the year. No line is
/// wider than a printed page.
pub fn print_steps(adjudication: &Adjudication, book: &RuleBook, used: &[UsagePosting], lang: Lang) {
    for (number, line) in render(adjudication, book, lang.language()).iter().enumerate() {
        output::wrapped(&format!("{:>3}  ", number + 1), &line.text);
        line.clauses.iter().for_each(|clause| output::wrapped("       · ", clause));
    }
    output::wrapped("     ", &YearSoFar::of(adjudication, book, used).say(lang.language()));
}
