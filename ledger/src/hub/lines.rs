//! The lines of a journal entry as one readable text, a line each: what kind of account, whose, and how many fen. They
//! stand in the row of the answer that booked them, and are checked when they are read. Called by the journal alone.

use std::fmt::Write;

use settlement::adjudication::Fund;
use settlement::ids::{InstitutionCode, PersonNumber, PoolCode, RegionCode};
use settlement::money::Money;
use settlement::person::Insurance;
use settlement::postings::{Account, JournalEntry, Line};

/// The lines as text.
pub(super) fn write(entry: &JournalEntry) -> String {
    let mut text = String::with_capacity(48 * entry.lines().len());
    for Line { account, amount } in entry.lines() {
        push_account(&mut text, account);
        // Writing to a text cannot fail.
        let _ = writeln!(text, "\t{}", amount.fen());
    }
    text
}

/// No part of an account can hold a control character, so none is taken for two.
fn push_account(text: &mut String, account: &Account) {
    let mut push = |parts: &[&str]| {
        for (index, part) in parts.iter().enumerate() {
            if index > 0 {
                text.push('\t');
            }
            text.push_str(part);
        }
    };
    match account {
        Account::HomeFund { pool, insurance, fund } => {
            push(&["home-fund", pool.0.as_str(), insurance.word(), fund.word()]);
        }
        Account::Personal { pool, insurance, owner } => {
            push(&["personal", pool.0.as_str(), insurance.word(), owner.as_str()]);
        }
        Account::Cash { person } => push(&["cash", person.as_str()]),
        Account::Treatment { pool } => push(&["treatment", pool.0.as_str()]),
        Account::Hospital { institution } => push(&["hospital", institution.as_str()]),
        Account::HospitalPart { institution } => push(&["hospital-part", institution.as_str()]),
    }
}

/// Reads lines back, balanced or not.
pub(super) fn read(text: &str) -> Option<Vec<Line>> {
    text.lines().map(read_line).collect()
}

fn read_line(line: &str) -> Option<Line> {
    let (account, amount) = line.rsplit_once('\t')?;
    Some(Line { account: read_account(account)?, amount: Money::from_fen(amount.parse().ok()?) })
}

fn read_account(text: &str) -> Option<Account> {
    let pool = |code| RegionCode::new(code).ok().map(PoolCode);
    let mut parts = text.split('\t');
    let (kind, whose) = (parts.next()?, parts.next()?);
    let account = match kind {
        "home-fund" => Account::HomeFund {
            pool: pool(whose)?,
            insurance: Insurance::from_word(parts.next()?)?,
            fund: Fund::from_word(parts.next()?)?,
        },
        "personal" => Account::Personal {
            pool: pool(whose)?,
            insurance: Insurance::from_word(parts.next()?)?,
            owner: PersonNumber::new(parts.next()?).ok()?,
        },
        "cash" => Account::Cash { person: PersonNumber::new(whose).ok()? },
        "treatment" => Account::Treatment { pool: pool(whose)? },
        "hospital" => Account::Hospital { institution: InstitutionCode::new(whose).ok()? },
        "hospital-part" => Account::HospitalPart { institution: InstitutionCode::new(whose).ok()? },
        _ => return None,
    };
    parts.next().is_none().then_some(account)
}
