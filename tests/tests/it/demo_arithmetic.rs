//! Works the expected sums under `deploy/demo/expected` out again from the arithmetic written beside them, and finds
//! every operand where it is said to stand: in the rule books, the catalogue, the charges, the postings, or in another
//! result. It is the one check that shares nothing with the engine: a decimal library and a TOML library, none of ours.
//! Also sees that whatever has a shipped rule book has people and bills. Run by `cargo xtask test`; it starts nothing.

mod files;

use files::{Demo, Insurance, Settlement};
use rust_decimal::Decimal;
use world::arithmetic::{evaluate, half_up, numbers};
use world::plain_toml::{at_path, money, tables, text};

const COVERAGE: [&str; 4] = ["self_paid", "over_limit", "first_self_pay", "in_policy"];
const PAYERS: [&str; 7] = ["basic", "large_sum", "catastrophic", "civil_servant", "assistance", "account", "cash"];

/// Clauses that are no row of a rule book: what the treatment place says, and what is left when all others have paid.
const OUTSIDE_THE_BOOKS: [&str; 3] = ["charges", "catalogue", "remainder"];

#[test]
fn every_arithmetic_gives_the_figure_beside_it() {
    check(|_, settlement, faults| {
        for line in &settlement.working {
            let (arithmetic, equals) = (text(line, "arithmetic"), text(line, "equals"));
            match evaluate(arithmetic) {
                Ok(value) if Some(half_up(value)) == money(equals) => {}
                Ok(value) => faults.push(format!("{arithmetic} is {value}, not {equals}")),
                Err(problem) => faults.push(format!("{arithmetic}: {problem}")),
            }
        }
    });
}

#[test]
fn every_operand_is_in_its_arithmetic_and_stands_where_it_is_said_to() {
    check(|demo, settlement, faults| {
        for line in &settlement.working {
            let result = text(line, "result");
            for operand in tables(line, "operands") {
                let (shown, from) = (text(operand, "text"), text(operand, "from"));
                if !numbers(text(line, "arithmetic")).any(|number| number == shown) {
                    faults.push(format!("{result}: {shown} is not in the arithmetic"));
                }
                if let Err(problem) = demo.stands(settlement, line, operand) {
                    faults.push(format!("{result}: {shown} from {from}: {problem}"));
                }
            }
        }
    });
}

#[test]
fn no_arithmetic_has_a_sum_or_a_ratio_of_unknown_origin() {
    check(|_, settlement, faults| {
        for line in &settlement.working {
            let known: Vec<&str> = tables(line, "operands").map(|operand| text(operand, "text")).collect();
            // Whole numbers are quantities and repetitions; whatever has a point is money or a ratio.
            let written = numbers(text(line, "arithmetic")).filter(|number| number.contains('.'));
            for number in written.filter(|number| *number != "0.00" && !known.contains(number)) {
                faults.push(format!("{}: where does {number} come from?", text(line, "result")));
            }
        }
    });
}

#[test]
fn every_clause_is_in_the_rule_book_that_is_named() {
    check(|demo, settlement, faults| {
        let book = demo.book(settlement);
        for clause in settlement.working.iter().map(|line| text(line, "clause")) {
            if !OUTSIDE_THE_BOOKS.contains(&clause) && at_path(book, clause).is_none() {
                faults.push(format!("no clause {clause}"));
            }
        }
    });
}

#[test]
fn payers_and_coverage_each_make_up_every_total() {
    check(|_, settlement, faults| {
        let sum = |names: &[&str]| names.iter().map(|name| settlement.figure(name)).sum::<Decimal>();
        let total = settlement.figure("total");
        for (side, parts) in [("payers", sum(&PAYERS)), ("coverage", sum(&COVERAGE))] {
            if parts != total {
                faults.push(format!("{side} make up {parts}, the bill is {total}"));
            }
        }
        if PAYERS.iter().chain(&COVERAGE).any(|name| settlement.figure(name) < Decimal::ZERO) {
            faults.push("a part is below zero".to_owned());
        }
    });
}

#[test]
fn every_figure_that_is_not_zero_is_worked_out() {
    check(|_, settlement, faults| {
        for name in COVERAGE.iter().chain(&PAYERS).chain(&["total", "deductible"]) {
            let figure = settlement.figure(name);
            match settlement.worked_out(name) {
                Some(worked_out) if worked_out == figure => {}
                None if figure.is_zero() => {}
                Some(worked_out) => faults.push(format!("{name} is {figure}, its working says {worked_out}")),
                None => faults.push(format!("{name} has no working")),
            }
        }
    });
}

#[test]
fn every_insurance_with_a_shipped_rule_book_has_two_people_and_a_settled_bill() {
    let insurances = Demo::load().insurances();
    assert!(insurances.len() > 20, "only {} insurances found under deploy/rulebooks", insurances.len());
    let lacking = insurances.iter().filter(|insurance| insurance.people < 2 || insurance.settled == 0);
    let lacking: Vec<String> = lacking
        .map(|Insurance { name, people, settled }| format!("{name}: {people} people, {settled} settled bills"))
        .collect();
    assert!(lacking.is_empty(), "{}", lacking.join("\n"));
}

/// Looks at every expected settlement and fails with all that is wrong, by story and step.
fn check(look: impl Fn(&Demo, &Settlement, &mut Vec<String>)) {
    let demo = Demo::load();
    assert!(demo.settlements().count() > 0, "no settlement found under deploy/demo/expected");
    let mut all = Vec::new();
    for settlement in demo.settlements() {
        let mut faults = Vec::new();
        look(&demo, settlement, &mut faults);
        all.extend(faults.into_iter().map(|fault| format!("{}/{}: {fault}", settlement.story, settlement.step)));
    }
    assert!(all.is_empty(), "{} faults\n{}", all.len(), all.join("\n"));
}
