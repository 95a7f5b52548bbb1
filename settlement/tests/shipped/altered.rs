//! Books that nobody wrote: the shipped ones with every amount, ratio and reduction drawn at random. Whatever a plan
//! says, the sums hold.

use std::fs;

use proptest::prelude::*;
use settlement::rulebook::RuleBook;

use crate::BOOKS;
use crate::properties::{live_through, somebody, visit};

/// Keys whose values are shares, and the greatest that each may be in percent.
const SHARES: [(&str, u32); 4] = [("ratio", 100), ("points", 60), ("factor", 100), ("pre_deduct", 50)];

/// A book's text with its numbers drawn anew, one after the other, and without its examples.
fn altered(text: &str, draws: &[u32]) -> String {
    let mut draws = draws.iter().copied().cycle();
    let mut draw = move || draws.next().unwrap_or_default();
    let rules = text.lines().take_while(|line| !line.starts_with("[[example]]"));
    let lines = rules.map(|line| {
        let Some((key, value)) = line.split_once('=').map(|(key, value)| (key.trim(), value.trim())) else {
            return line.to_owned();
        };
        let is_known = value.starts_with("\"0") || value.starts_with("\"1");
        let share = SHARES.iter().find(|(name, _)| *name == key && is_known);
        match share {
            Some((_, most)) => {
                let hundredths = draw() % (most + 1);
                format!("{key} = \"{}.{:02}\"", hundredths / 100, hundredths % 100)
            }
            None if key == "amount" && value.starts_with(|c: char| c.is_ascii_digit()) => {
                format!("amount = {}", draw() % 200_000)
            }
            None => line.to_owned(),
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The altered books that are still books: a drawn book may have faults, which the parser reports.
fn altered_books(draws: &[u32]) -> Vec<RuleBook> {
    let texts = BOOKS.iter().map(|(path, _)| fs::read_to_string(path).expect("a text"));
    texts.filter_map(|text| RuleBook::parse(&altered(&text, draws)).ok()).collect()
}

#[test]
fn most_altered_books_are_books() {
    let parsed: usize = (0..20_u32).map(|seed| altered_books(&[seed * 7_919 + 1, seed * 104_729 + 3, 17]).len()).sum();
    assert!(parsed >= BOOKS.len() * 10, "only {parsed} of {} altered books are books", BOOKS.len() * 20);
}

proptest! {
    #[test]
    fn sums_hold_under_arbitrary_plans(
        draws in prop::collection::vec(any::<u32>(), 40),
        somebody in somebody(),
        visits in prop::collection::vec(visit(), 1..6),
    ) {
        for book in altered_books(&draws) {
            live_through(|_| &book, &somebody.insured_by(&book), &visits, |_, _| Ok(()))?;
        }
    }
}
