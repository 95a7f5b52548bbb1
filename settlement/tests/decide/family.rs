//! Relatives' accounts: each is debited by what it pays, and gets it back when the settlement is undone.

use std::sync::Arc;

use jiff::civil::date;
use settlement::account::{AccountOf, SharedAccount};
use settlement::decide::{Book, Verdict};
use settlement::ids::PersonNumber;
use settlement::money::Money;
use settlement::operation::AccountUse;
use settlement::outcome::{Done, Outcome};
use settlement::person::{Insurance, Person, Validity};
use settlement::postings::Account;

use crate::world::*;

fn relative(number: &str) -> PersonNumber {
    PersonNumber::new(number).expect("a number")
}

fn shared(number: &str, home: &str, from: i8) -> SharedAccount {
    let account = AccountOf { owner: relative(number), pool: pool(home), insurance: Insurance::Employee };
    SharedAccount { account, kept_here: home != "330100", validity: Validity { from: date(2025, 6, from), to: None } }
}

/// The person's own 500 yuan; a relative of the same pool with 100, one of another pool with 1000, one whom nobody here
/// insures, and one whose account is shared from the next day on.
fn family() -> Book {
    let mut book = book();
    let person = book.person(&number()).person.clone().expect("a person");
    let relatives = vec![
        shared("R1", "410700", 1),
        shared("R0", "330100", 1),
        shared("R2", "120000", 1),
        shared("R1", "410700", 21),
    ];
    book.person(&number()).person = Some(Arc::new(Person { family: relatives, ..Person::clone(&person) }));
    for (name, yuan) in [("R1", 100), ("R2", 1000)] {
        book.person(&relative(name)).account_balance = Money::from_yuan(yuan);
    }
    book
}

fn balances(book: &mut Book) -> [i64; 3] {
    [number(), relative("R1"), relative("R2")].map(|owner| book.person(&owner).account_balance.fen() / 100)
}

#[test]
fn each_owner_s_account_pays_its_share_and_gets_it_back() {
    let mut book = family();
    let care = Care { yuan: 2300, account: AccountUse::Family, ..stay("A", 1, 5) };
    // 2300 - 1000 of the fund: 500 own, 100 and 700 of relatives
    let Verdict::New { decision, .. } = step(&mut book, settle("m1", &care)) else { panic!("it is new") };
    let Outcome::Accepted { done: Done::Settled(settled), .. } = &decision.outcome else { panic!("it is settled") };
    let shares: Vec<_> = settled.family.iter().map(|share| (share.account.owner.as_str(), share.amount)).collect();
    assert_eq!(shares, [("R1", Money::from_yuan(100)), ("R2", Money::from_yuan(700))]);
    assert_eq!((settled.payers.account, settled.payers.cash), (Money::from_yuan(1300), Money::ZERO));
    assert_eq!(settled.account_balance, Money::ZERO);
    assert_eq!(balances(&mut book), [0, 0, 300]);
    let journal = decision.effects.journal.as_ref().expect("an entry");
    let debited: Vec<_> = journal
        .lines()
        .iter()
        .filter_map(|line| match &line.account {
            Account::Personal { pool, insurance: _, owner } => Some((pool.to_string(), owner.clone(), line.amount)),
            Account::HomeFund { .. }
            | Account::Cash { .. }
            | Account::Treatment { .. }
            | Account::Hospital { .. }
            | Account::HospitalPart { .. } => None,
        })
        .collect();
    let expected = [("410700", number(), -500), ("410700", relative("R1"), -100), ("120000", relative("R2"), -700)];
    assert_eq!(debited, expected.map(|(pool, owner, yuan)| (pool.to_owned(), owner, Money::from_yuan(yuan))));

    step(&mut book, cancel("m2", "s-m1"));
    assert_eq!(balances(&mut book), [500, 100, 1000]);
    step(&mut book, reverse("m3", "m2", "2305"));
    assert_eq!(balances(&mut book), [0, 0, 300]);
}

#[test]
fn a_later_settlement_finds_what_is_left_and_own_use_touches_no_relative() {
    let mut book = family();
    let first = Care { yuan: 2300, account: AccountUse::Family, ..stay("A", 1, 5) };
    step(&mut book, settle("m1", &first));
    let later = Care { yuan: 800, account: AccountUse::Family, ..visit("B", "b1", 8) };
    // The fund's cap is used up: 800 of which R2 has 300 left.
    step(&mut book, settle("m2", &later));
    assert_eq!(balances(&mut book), [0, 0, 0]);
    step(&mut book, cancel("m3", "s-m1"));
    assert_eq!(balances(&mut book), [500, 100, 700]);

    let mut book = family();
    step(&mut book, settle("m1", &Care { account: AccountUse::Own, ..first }));
    assert_eq!(balances(&mut book), [0, 100, 1000]);
}
