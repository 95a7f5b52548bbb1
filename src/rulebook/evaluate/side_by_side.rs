//! The case as it is and its scenarios, side by side: a column each, an amount with what it differs by under it, and below
//! in words why something is refused.

use comfy_table::{ContentArrangement, Table};
use settlement::rulebook::RuleBook;

use super::scenario::Scenario;
use super::{WorkedOut, amounts, name_of, told};
use crate::output;
use crate::rulebook::told::Lang;

/// The width of a terminal that the case and five scenarios have to fit.
const WIDTH: u16 = 100;
/// The letters of a change that fit a column of amounts.
const LONG: usize = 12;

/// Prints them. How a single scenario comes about follows; the steps of several would be a book.
pub fn print(book: &RuleBook, as_it_is: &WorkedOut, scenarios: &[Scenario], lang: Lang) {
    let scenarios_named = scenarios.iter().map(|scenario| (scenario.name(lang), &scenario.result));
    let columns: Vec<(&str, &WorkedOut)> =
        std::iter::once((lang.pick("原样", "as it is"), as_it_is)).chain(scenarios_named).collect();
    output::line(&table(&columns, lang).to_string());
    for (name, result) in &columns {
        if let Err(refusal) = result {
            output::line(&format!("{name}: {}", lang.refusal(refusal)));
        }
    }
    if let [Scenario { result: Ok(worked_out), used, .. }] = scenarios {
        output::line(lang.pick("\n改后的计算过程", "\nHow the changed one comes about"));
        told::print_steps(worked_out, book, used, lang);
    }
}

/// A column's name, broken where a reader would break it: a change a line, and a long one behind its key.
fn in_lines(name: &str) -> String {
    let change = |change: &str| {
        if change.chars().count() > LONG { change.replacen('=', "=\n", 1) } else { change.to_owned() }
    };
    let changes: Vec<String> = name.split_inclusive([';', '；']).map(change).collect();
    changes.join("\n").replace("外出备案", "\n外出备案")
}

/// The table; the first column is the case as it is.
fn table(columns: &[(&str, &WorkedOut)], lang: Lang) -> Table {
    let names: Vec<String> = columns.iter().map(|(name, _)| in_lines(name)).collect();
    let mut table = output::table(std::iter::once("").chain(names.iter().map(String::as_str)));
    table.set_content_arrangement(ContentArrangement::Dynamic).set_width(WIDTH);
    let row = |name: &str, cells: Vec<String>| std::iter::once(name.to_owned()).chain(cells).collect::<Vec<_>>();
    let results = columns.iter().map(|(_, result)| match result {
        Ok(_) => lang.pick("可结算", "settles").to_owned(),
        Err(refusal) => format!("{} {}", lang.pick("拒付", "refused"), refusal.reason.code()),
    });
    table.add_row(row(lang.pick("结果", "result"), results.collect()));
    let amounts: Vec<_> = columns.iter().map(|(_, result)| result.as_ref().ok().map(amounts)).collect();
    let keys = amounts.iter().flatten().next().into_iter().flatten().map(|(key, _)| *key);
    for (place, key) in keys.enumerate() {
        let of = |column: usize| amounts.get(column).and_then(Option::as_ref).and_then(|sums| sums.get(place));
        let cell = |column: usize| match (of(0), of(column)) {
            (Some((_, was)), Some((_, is))) if was != is => {
                let sign = if is > was { "+" } else { "" };
                format!("{is}\n{sign}{}", *is - *was)
            }
            (_, Some((_, is))) => is.to_string(),
            (_, None) => "—".to_owned(),
        };
        table.add_row(row(name_of(key, lang), (0..columns.len()).map(cell).collect()));
    }
    output::numbers_from(&mut table, 1);
    table
}
