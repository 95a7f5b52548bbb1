//! The life of an inquiry, and the days by which it is due, worked by hand.

use jiff::civil::date;
use proptest::prelude::*;

use super::*;

fn calendar() -> Calendar {
    Calendar::parse(include_str!("../../../deploy/calendar.toml")).expect("no faults")
}

fn yuan(yuan: i64) -> Money {
    Money::from_yuan(yuan)
}

#[test]
fn each_event_happens_only_where_it_can() {
    use Event::{Answer, Ask, AskAgain, Close, Note, Withdraw};
    use Standing::{Answered, Asked, Closed, Withdrawn};
    for (standing, possible) in [
        (None, vec![(Ask, Asked)]),
        (Some(Asked), vec![(Answer, Answered), (Withdraw, Withdrawn), (Note, Asked)]),
        (Some(Answered), vec![(AskAgain, Asked), (Close, Closed), (Note, Answered)]),
        (Some(Closed), vec![]),
        (Some(Withdrawn), vec![]),
    ] {
        for event in Event::ALL {
            let expected = possible.iter().find(|(possible, _)| *possible == event).map(|(_, becomes)| *becomes);
            assert_eq!(after(standing, event), expected, "{event:?} after {standing:?}");
        }
    }
}

#[test]
fn each_party_does_its_own_part() {
    for (event, asker, asked) in [
        (Event::Ask, true, false),
        (Event::Answer, false, true),
        (Event::AskAgain, true, false),
        (Event::Close, true, false),
        (Event::Withdraw, true, false),
        (Event::Note, true, true),
    ] {
        assert_eq!((event.is_for(Party::Asker), event.is_for(Party::Asked)), (asker, asked), "{event:?}");
    }
}

#[test]
fn words_name_what_they_were_made_from() {
    Kind::ALL.into_iter().for_each(|kind| assert_eq!(Kind::from_word(kind.word()), Some(kind)));
    Party::ALL.into_iter().for_each(|party| assert_eq!(Party::from_word(party.word()), Some(party)));
    Event::ALL.into_iter().for_each(|event| assert_eq!(Event::from_word(event.word()), Some(event)));
    Standing::ALL.into_iter().for_each(|standing| assert_eq!(Standing::from_word(standing.word()), Some(standing)));
    for finding in [Finding::Right, Finding::Wrong(yuan(3))] {
        assert_eq!(Finding::from_word(finding.word(), finding.not_owed()), Some(finding));
    }
}

#[test]
fn a_check_finds_something_and_no_more_than_was_paid() {
    let above = AnswerFault::AboveThePayment { not_owed: yuan(101), paid: yuan(100) };
    for (kind, finding, expected) in [
        (Kind::Check, Some(Finding::Right), Ok(())),
        (Kind::Check, Some(Finding::Wrong(yuan(100))), Ok(())),
        (Kind::Check, Some(Finding::Wrong(yuan(101))), Err(above)),
        (Kind::Check, Some(Finding::Wrong(Money::ZERO)), Err(AnswerFault::NothingNotOwed)),
        (Kind::Check, Some(Finding::Wrong(yuan(-1))), Err(AnswerFault::NothingNotOwed)),
        (Kind::Check, None, Err(AnswerFault::NothingFound)),
        (Kind::Urgent, None, Ok(())),
        (Kind::Ordinary, None, Ok(())),
        (Kind::Ordinary, Some(Finding::Right), Err(AnswerFault::TicketFinds)),
    ] {
        assert_eq!(check_finding(kind, yuan(100), finding), expected, "{kind:?} {finding:?}");
    }
}

#[test]
fn only_a_standing_answer_proposes_a_deduction_and_only_until_one_is_named() {
    let wrong = Some(Finding::Wrong(yuan(30)));
    for (standing, finding, is_named, expected) in [
        (Standing::Answered, wrong, false, yuan(30)),
        (Standing::Closed, wrong, false, yuan(30)),
        (Standing::Closed, wrong, true, Money::ZERO),
        (Standing::Asked, wrong, false, Money::ZERO),
        (Standing::Withdrawn, wrong, false, Money::ZERO),
        (Standing::Answered, Some(Finding::Right), false, Money::ZERO),
        (Standing::Answered, None, false, Money::ZERO),
    ] {
        assert_eq!(proposes(standing, finding, is_named), expected, "{standing:?} {finding:?}");
    }
}

#[test]
fn what_is_written_is_short_and_on_one_line() {
    for (text, expected) in [
        (" 请核实用药量 ".to_owned(), Ok("请核实用药量")),
        ("长".repeat(LONGEST_WORDS), Ok("长".repeat(LONGEST_WORDS).leak() as &str)),
        ("长".repeat(LONGEST_WORDS + 1), Err(WordsFault::TooLong)),
        ("one\ntwo".to_owned(), Err(WordsFault::ControlCharacter)),
        ("  ".to_owned(), Err(WordsFault::Empty)),
    ] {
        assert_eq!(Words::new(&text).as_ref().map(Words::as_str), expected.as_ref().copied(), "{text}");
    }
}

/// The days of 2025 and 2026 as the State Council set them: 1 to 8 October 2025 off, 28 September and 11 October worked;
/// 1 to 3 January 2026 off, Sunday 4 January worked.
#[test]
fn an_inquiry_is_due_over_made_up_weekends_and_the_end_of_a_year() {
    let days = calendar();
    for (kind, asked, expected) in [
        // A check: the 26th of the next month, weekend or not.
        (Kind::Check, date(2025, 6, 1), date(2025, 7, 26)),
        (Kind::Check, date(2025, 6, 30), date(2025, 7, 26)),
        (Kind::Check, date(2025, 12, 31), date(2026, 1, 26)),
        // Friday; Sunday the 28th is worked, then Monday.
        (Kind::Urgent, date(2025, 9, 26), date(2025, 9, 29)),
        // The last day before the holiday: Thursday the 9th and Friday the 10th.
        (Kind::Urgent, date(2025, 9, 30), date(2025, 10, 10)),
        // On a holiday: the same two.
        (Kind::Urgent, date(2025, 10, 4), date(2025, 10, 10)),
        // 28, 29, 30 September; 9, 10, 11, 13, 14, 15, 16 October.
        (Kind::Ordinary, date(2025, 9, 26), date(2025, 10, 16)),
        // Wednesday 31 December: Sunday 4 January is worked, then Monday the 5th.
        (Kind::Urgent, date(2025, 12, 31), date(2026, 1, 5)),
        // 25, 26, 29, 30, 31 December; 4, 5, 6, 7, 8 January.
        (Kind::Ordinary, date(2025, 12, 24), date(2026, 1, 8)),
    ] {
        assert_eq!(due(kind, asked, &days), Ok(expected), "{kind:?} of {asked}");
    }
    assert_eq!(due(Kind::Urgent, date(2026, 12, 31), &days), Err(Unlisted(2027)), "2027 is not guessed");
    assert_eq!(
        due(Kind::Check, date(2026, 12, 31), &days),
        Ok(date(2027, 1, 26)),
        "a day of a month needs no holidays"
    );
}

#[test]
fn the_rules_are_those_of_the_month_of_asking() {
    let text = include_str!("../../../deploy/calendar.toml");
    let (rules, years) = text.split_at(text.find("\n[[year]]\n").expect("a year"));
    let later = rules[rules.find("\n[[rules]]\n").expect("a set")..]
        .replace("from = \"2020-01\"", "from = \"2025-07\"")
        .replace("reply_by = \"26\"", "reply_by = \"20\"")
        .replace("urgent_within = 2", "urgent_within = 1");
    let both = format!("{rules}\n{later}\n{years}");
    let days = Calendar::parse(&both).expect("no faults");
    assert_eq!(due(Kind::Check, date(2025, 6, 30), &days), Ok(date(2025, 7, 26)));
    assert_eq!(due(Kind::Check, date(2025, 7, 1), &days), Ok(date(2025, 8, 20)));
    assert_eq!(due(Kind::Urgent, date(2025, 6, 30), &days), Ok(date(2025, 7, 2)));
    assert_eq!(due(Kind::Urgent, date(2025, 7, 1), &days), Ok(date(2025, 7, 2)));
}

#[test]
fn only_what_waits_for_an_answer_is_overdue() {
    let due = date(2025, 7, 26);
    for (standing, today, expected) in [
        (Standing::Asked, date(2025, 7, 1), Some(25)),
        (Standing::Asked, date(2025, 7, 26), Some(0)),
        (Standing::Asked, date(2025, 7, 27), Some(-1)),
        (Standing::Asked, date(2026, 7, 26), Some(-365)),
        (Standing::Answered, date(2025, 7, 27), None),
        (Standing::Closed, date(2025, 7, 27), None),
        (Standing::Withdrawn, date(2025, 7, 27), None),
    ] {
        assert_eq!(days_left(standing, due, today), expected, "{standing:?} on {today}");
    }
}

fn events() -> impl Strategy<Value = Vec<(Event, Party)>> {
    let one = (prop::sample::select(Event::ALL.to_vec()), prop::sample::select(Party::ALL.to_vec()));
    prop::collection::vec(one, 0..40)
}

proptest! {
    #[test]
    fn whatever_is_tried_a_life_goes_from_asking_to_one_end(tried in events()) {
        let (mut standing, mut happened) = (None, Vec::new());
        for (event, party) in tried {
            let becomes = event.is_for(party).then(|| after(standing, event)).flatten();
            if let Some(becomes) = becomes {
                prop_assert!(standing.is_none_or(Standing::is_open), "nothing happens after the end");
                (standing, happened) = (Some(becomes), [happened, vec![event]].concat());
            }
        }
        let count = |wanted: &[Event]| happened.iter().filter(|event| wanted.contains(event)).count();
        prop_assert!(happened.first().is_none_or(|first| *first == Event::Ask));
        prop_assert!(count(&[Event::Ask]) <= 1);
        prop_assert!(count(&[Event::Close, Event::Withdraw]) <= 1);
        // Each asking is answered at most once, and what was closed was answered.
        let open_asked = count(&[Event::Ask, Event::AskAgain]) - count(&[Event::Answer]);
        prop_assert_eq!(open_asked, usize::from(matches!(standing, Some(Standing::Asked | Standing::Withdrawn))));
    }

    #[test]
    fn an_inquiry_is_due_after_it_was_asked_and_an_urgent_one_no_later(offset in 0_i64..400) {
        let (days, asked) = (calendar(), date(2025, 6, 1).saturating_add(jiff::Span::new().days(offset)));
        let (urgent, ordinary) = (due(Kind::Urgent, asked, &days), due(Kind::Ordinary, asked, &days));
        prop_assert!(urgent.is_ok_and(|urgent| asked < urgent && ordinary.is_ok_and(|ordinary| urgent < ordinary)));
        prop_assert!(due(Kind::Check, asked, &days).is_ok_and(|due| due > asked));
    }
}
