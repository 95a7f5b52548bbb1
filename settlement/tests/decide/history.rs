//! What a home's book tells the rules of earlier settlements: those in force, and no others.

use std::sync::Arc;

use jiff::civil::date;
use settlement::decide::{Book, Verdict, decide, judge_by};
use settlement::money::Money;
use settlement::outcome::{Done, Outcome};
use settlement::person::{Entitlement, Insurance, Joining, Person, PersonClass, Validity};
use settlement::rulebook::{RuleBook, RuleBooks};

use crate::invented::text;
use crate::world::*;

/// A book under which a stay within 15 days of another is the same stay; else each bears 500 yuan.
fn rules() -> RuleBooks {
    let goes_on = "inpatient.continues = [{ id = 'readmitted', within_days = 15, deductible = 'none', § }]";
    let unfiled = "unfiled = [{ id = 'all', rule = 'long-term', § }]";
    let text = text(&[("inpatient.continues", goes_on), ("unfiled", unfiled)], "").replace("990000", "410700");
    RuleBooks::new([RuleBook::parse(&text).unwrap_or_else(|faults| panic!("{faults:#?}"))])
}

fn insured() -> Book {
    let mut book = book();
    let person = book.person(&number()).person.clone().expect("a person");
    let entitlement = Entitlement {
        insurance: Insurance::Employee,
        class: PersonClass::Working,
        validity: Validity { from: date(2000, 1, 1), to: None },
        continuous_since: date(2000, 1, 1),
        claim_free_years: 0,
        tier: None,
        civil_servant: false,
        suspended: None,
        joining: Joining::default(),
        retired_on: None,
    };
    book.person(&number()).person =
        Some(Arc::new(Person { entitlements: vec![entitlement], ..Person::clone(&person) }));
    book
}

/// The deductible of a stay of 1000 yuan in policy.
fn borne(book: &mut Book, rules: &RuleBooks, message: &str, care: Care) -> Money {
    let operation = Arc::new(settle(message, &Care { yuan: 1000, ..care }));
    let judge = |question: &settlement::decide::Question<'_>| judge_by(rules, question);
    let verdict = decide(book, &operation, &[], &judge, at(20));
    let Verdict::New { decision, .. } = verdict else { panic!("{message} is not new: {verdict:?}") };
    let Outcome::Accepted { done: Done::Settled(settled), .. } = &decision.outcome else {
        panic!("{message} is not settled: {:?}", decision.outcome)
    };
    settled.deductible
}

#[test]
fn a_stay_goes_on_from_one_in_force_and_bears_its_own_once_that_is_cancelled() {
    let (rules, mut book, yuan) = (rules(), insured(), Money::from_yuan);
    assert_eq!(borne(&mut book, &rules, "m1", stay("A", 1, 5)), yuan(500));
    assert_eq!(borne(&mut book, &rules, "m2", stay("B", 7, 9)), yuan(0));
    let stays = |book: &mut Book| book.person(&number()).used.usages().iter().map(|used| used.usage.sums.stays).sum();
    let counted: i64 = stays(&mut book);
    assert_eq!(counted, 1, "the second is the same stay");
    step(&mut book, cancel("m3", "s-m2"));
    step(&mut book, cancel("m4", "s-m1"));
    assert_eq!(borne(&mut book, &rules, "m5", stay("C", 7, 9)), yuan(500));
    step(&mut book, reverse("m6", "m4", "2305"));
    assert_eq!(borne(&mut book, &rules, "m7", stay("D", 10, 12)), yuan(0));
}

#[test]
fn whoever_went_on_from_a_cancelled_stay_is_marked() {
    let (rules, mut book) = (rules(), insured());
    borne(&mut book, &rules, "m1", stay("A", 1, 5));
    borne(&mut book, &rules, "m2", stay("B", 7, 9));
    let Verdict::New { decision, .. } = step(&mut book, cancel("m3", "s-m1")) else { panic!("it is new") };
    let marked: Vec<_> = decision.effects.affected.iter().map(|settlement| settlement.as_str()).collect();
    assert_eq!(marked, ["s-m2"]);
}

#[test]
fn parts_of_a_stay_and_the_stay_before_it_bear_one_deductible() {
    let (rules, mut book, yuan) = (rules(), insured(), Money::from_yuan);
    assert_eq!(borne(&mut book, &rules, "m1", midway("A", 1)), yuan(500));
    assert_eq!(borne(&mut book, &rules, "m2", stay("A", 1, 5)), yuan(0));
    assert_eq!(borne(&mut book, &rules, "m3", midway("B", 6)), yuan(0));
    assert_eq!(borne(&mut book, &rules, "m4", stay("B", 6, 9)), yuan(0));
    assert_eq!(borne(&mut book, &rules, "m5", stay("C", 19, 20)), yuan(0));
}
