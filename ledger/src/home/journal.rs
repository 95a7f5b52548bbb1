//! A journal entry as the one text that its operation keeps: a line of the text for each line of the entry, six parts
//! each. It is written with the operation, so that an entry costs no row of its own; [`super::proof`] reads it back.

use std::fmt::Write;

use settlement::money::Money;
use settlement::postings::{Account, JournalEntry, Line};

/// Between the parts of a line. No part can hold a control character.
const BETWEEN_PARTS: char = '\u{1f}';

/// Account, pool, party, insurance, fund and fen of every line.
pub(super) fn text(entry: &JournalEntry) -> String {
    let mut text = String::with_capacity(entry.lines().len() * 64);
    for Line { account, amount } in entry.lines() {
        if !text.is_empty() {
            text.push('\n');
        }
        for part in parts(account) {
            text.push_str(part);
            text.push(BETWEEN_PARTS);
        }
        write!(text, "{}", amount.fen()).expect("a text takes whatever is written to it");
    }
    text
}

/// What the lines of an entry come to; none where a line is not one.
pub(super) fn sum(text: &str) -> Option<Money> {
    text.lines().map(|line| line.rsplit_once(BETWEEN_PARTS)?.1.parse().ok().map(Money::from_fen)).sum()
}

fn parts(account: &Account) -> [&str; 5] {
    match account {
        Account::HomeFund { pool, insurance, fund } => {
            ["home-fund", pool.0.as_str(), "", insurance.word(), fund.word()]
        }
        Account::Personal { pool, insurance, owner } => {
            ["personal", pool.0.as_str(), owner.as_str(), insurance.word(), ""]
        }
        Account::Cash { person } => ["cash", "", person.as_str(), "", ""],
        Account::Treatment { pool } => ["treatment", pool.0.as_str(), "", "", ""],
        Account::Hospital { institution } => ["hospital", "", institution.as_str(), "", ""],
        Account::HospitalPart { institution } => ["hospital-part", "", institution.as_str(), "", ""],
    }
}

#[cfg(test)]
mod tests {
    use settlement::ids::{InstitutionCode, PersonNumber};

    use super::*;

    #[test]
    fn an_entry_is_kept_line_by_line_and_adds_up() {
        let cash = Account::Cash { person: PersonNumber::new("P").expect("a number") };
        let hospital = Account::Hospital { institution: InstitutionCode::new("H").expect("a code") };
        let line = |account: &Account, fen| Line { account: account.clone(), amount: Money::from_fen(fen) };
        let entry = JournalEntry::new(vec![line(&cash, -5), line(&hospital, 5)]).expect("an entry");
        let kept = text(&entry);
        assert_eq!(kept.replace(BETWEEN_PARTS, "|"), "cash||P|||-5\nhospital||H|||5");
        assert_eq!(sum(&kept), Some(Money::ZERO));
        assert_eq!(sum(&kept.replace("-5", "-4")), Some(Money::from_fen(1)));
        assert_eq!(sum("no line"), None);
    }
}
