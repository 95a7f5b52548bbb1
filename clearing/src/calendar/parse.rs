//! Reading the calendar file: every fault at once, each with its line.

use jiff::civil::Date;
use rust_decimal::Decimal;
use settlement::rulebook::Trust;
use settlement::spanned::{Fault, Node, Report};
use toml::de::DeTable;

use super::working_days::WorkingDays;
use super::{Calendar, CheckingRules, ClearingRules, HospitalDifferences, PrefundRules, Provenance, Rules, Uncompared};
use crate::month::{Month, MonthDay};

/// No holiday of the country is longer than this, so a longer one is a slip of the pen.
const LONGEST_HOLIDAY: usize = 15;

pub(super) fn parse(text: &str) -> Result<Calendar, Vec<Fault>> {
    let report = Report::on(text);
    let tree = match DeTable::parse(text) {
        Ok(tree) => tree,
        Err(error) => {
            report.fault(error.span().map_or(0, |span| span.start), "", error.message());
            return Err(report.into_faults());
        }
    };
    let root = Node::root(&report, &tree);
    let rules: Vec<Option<Rules>> = root.tables("rules").into_iter().map(read_rules).collect();
    let days = read_years(&root);
    if rules.is_empty() {
        root.fault("there is no [[rules]]: nothing is due on any day");
    }
    root.finish();
    let rules: Vec<Rules> = rules.into_iter().flatten().collect();
    if let Some(pair) = rules.windows(2).find(|pair| pair[1].from <= pair[0].from) {
        report.fault(0, "rules", format!("{} does not come after {}", pair[1].from, pair[0].from));
    }
    if report.count() == 0 { Ok(Calendar { rules, days }) } else { Err(report.into_faults()) }
}

fn read_rules(node: Node<'_>) -> Option<Rules> {
    let from = node.required_form("from", "a month such as \"2025-01\"", Month::from_text);
    let clearing = node.required_table("clearing").and_then(read_clearing);
    let prefund = node.required_table("prefund").and_then(read_prefund);
    let checking = node.required_table("checking").and_then(read_checking);
    node.finish();
    Some(Rules { from: from?, clearing: clearing?, prefund: prefund?, checking: checking? })
}

/// Days for which a payer's word holds a suspension back, where the file does not say.
const CLAIM_STANDS_FOR: u16 = 30;

fn read_clearing(node: Node<'_>) -> Option<ClearingRules> {
    let [cut_off, hospitals_by, clearing_day, confirm_by, notices_by] =
        ["cut_off", "hospitals_by", "clearing_day", "confirm_by", "notices_by"].map(|key| month_day(&node, key));
    let (submit_within, pay_within) = (count(&node, "submit_within"), count(&node, "pay_within"));
    let carried_at_most = count(&node, "carried_at_most");
    let uncompared = node.required_form("uncompared", "\"carried\" or \"cleared\"", Uncompared::from_word);
    let wanted = "\"carried\" or \"cleared\"";
    let hospital_differences = match node.has("hospital_differences") {
        true => node.required_form("hospital_differences", wanted, HospitalDifferences::from_word),
        false => Some(HospitalDifferences::Carried),
    };
    let silence_confirms = node.flag("silence_confirms");
    let year_cleared_within = month_of_year(&node, "year_cleared_within");
    let suspended_after = node.has("suspended_after").then(|| count(&node, "suspended_after"));
    let claim_stands_for = match node.has("claim_stands_for") {
        true => count(&node, "claim_stands_for"),
        false => Some(CLAIM_STANDS_FOR),
    };
    let provenance = provenance(&node);
    let rules = ClearingRules {
        cut_off: cut_off?,
        hospitals_by: hospitals_by?,
        clearing_day: clearing_day?,
        confirm_by: confirm_by?,
        notices_by: notices_by?,
        submit_within: submit_within?,
        pay_within: pay_within?,
        carried_at_most: carried_at_most?,
        uncompared: uncompared?,
        hospital_differences: hospital_differences?,
        silence_confirms,
        year_cleared_within: year_cleared_within?,
        suspended_after: suspended_after.flatten(),
        claim_stands_for: claim_stands_for?,
        provenance: provenance?,
    };
    check_order(&node, &rules);
    node.finish();
    Some(rules)
}

/// What comes later in the month's life is not due earlier.
fn check_order(node: &Node<'_>, rules: &ClearingRules) {
    // A month of 31 days tells every order that 28 can have.
    let Some(month) = Month::new(2025, 7) else { return };
    let steps = [
        ("cut_off", rules.cut_off),
        ("hospitals_by", rules.hospitals_by),
        ("clearing_day", rules.clearing_day),
        ("confirm_by", rules.confirm_by),
        ("notices_by", rules.notices_by),
    ];
    for pair in steps.windows(2) {
        let ((earlier, one), (later, other)) = (pair[0], pair[1]);
        if month.day(other) < month.day(one) {
            node.fault_at(later, format!("lies before {earlier}"));
        }
    }
}

fn read_prefund(node: Node<'_>) -> Option<PrefundRules> {
    let months = count(&node, "months");
    let (yellow, red) = (share(&node, "yellow"), share(&node, "red"));
    if yellow.zip(red).is_some_and(|(yellow, red)| red <= yellow) {
        node.fault_at("red", "is not above yellow");
    }
    let table_by = month_day(&node, "table_by");
    let (submit_within, pay_within) = (count(&node, "submit_within"), count(&node, "pay_within"));
    let done_within = month_of_year(&node, "done_within");
    let reset_by_itself = node.flag("reset_by_itself");
    let provenance = provenance(&node);
    node.finish();
    Some(PrefundRules {
        months: months?,
        yellow: yellow?,
        red: red?,
        table_by: table_by?,
        submit_within: submit_within?,
        pay_within: pay_within?,
        done_within: done_within?,
        reset_by_itself,
        provenance: provenance?,
    })
}

fn read_checking(node: Node<'_>) -> Option<CheckingRules> {
    let expected_from = node.money("expected_from");
    if expected_from.is_none() && !node.has("expected_from") {
        node.fault_at("expected_from", "is missing");
    }
    let reply_by = month_day(&node, "reply_by");
    let (urgent_within, ordinary_within) = (count(&node, "urgent_within"), count(&node, "ordinary_within"));
    let provenance = provenance(&node);
    node.finish();
    Some(CheckingRules {
        expected_from: expected_from?,
        reply_by: reply_by?,
        urgent_within: urgent_within?,
        ordinary_within: ordinary_within?,
        provenance: provenance?,
    })
}

fn provenance(node: &Node<'_>) -> Option<Provenance> {
    let source = node.required_text("source");
    let trust = node.required_form("trust", "one of official, reported, assumed", Trust::from_word);
    Some(Provenance { source: source?.to_owned(), trust: trust? })
}

/// A number of days, months or periods, which has to be there.
fn count(node: &Node<'_>, key: &'static str) -> Option<u16> {
    bounded(node, key, 0, 366).and_then(|number| u16::try_from(number).ok())
}

fn month_of_year(node: &Node<'_>, key: &'static str) -> Option<i8> {
    bounded(node, key, 1, 12).and_then(|number| i8::try_from(number).ok())
}

fn bounded(node: &Node<'_>, key: &'static str, least: i64, most: i64) -> Option<i64> {
    if !node.has(key) {
        node.fault_at(key, "is missing");
    }
    let number = node.number(key)?;
    let fits = (least..=most).contains(&number);
    if !fits {
        node.fault_at(key, format!("{number} is not between {least} and {most}"));
    }
    fits.then_some(number)
}

fn month_day(node: &Node<'_>, key: &'static str) -> Option<MonthDay> {
    let wanted = "\"last\", or a day from \"1\" to \"28\"";
    node.required_form(key, wanted, |text| match text {
        "last" => Some(MonthDay::Last),
        number => MonthDay::new(number.parse().ok()?),
    })
}

/// A share between 0 and 1.
fn share(node: &Node<'_>, key: &'static str) -> Option<Decimal> {
    node.required_form(key, "a share between 0 and 1, such as \"0.7\"", |text| {
        Decimal::from_str_exact(text).ok().filter(|share| (Decimal::ZERO..=Decimal::ONE).contains(share))
    })
}

fn read_years(root: &Node<'_>) -> WorkingDays {
    let mut days = WorkingDays::default();
    for node in root.tables("year") {
        let year = bounded(&node, "year", 1970, 9998).and_then(|year| i16::try_from(year).ok());
        let source = node.required_text("source");
        let holidays = node.tables("holiday");
        if let Some((year, _)) = year.zip(source) {
            if days.lists(year) {
                node.fault_at("year", format!("{year} is listed twice"));
            }
            days.list_year(year);
        }
        holidays.into_iter().for_each(|holiday| read_holiday(holiday, year, &mut days));
        node.finish();
    }
    days
}

fn read_holiday(node: Node<'_>, year: Option<i16>, days: &mut WorkingDays) {
    let _name = node.required_text("name");
    let (from, to) = (node.required_date("from"), node.required_date("to"));
    let made_up = node.forms("made_up", "a day such as \"2025-01-26\"", |text| text.parse::<Date>().ok());
    let lies_in = |day: Date| year.is_none_or(|year| day.year() == year);
    if let (Some(from), Some(to)) = (from, to) {
        let length = from.series(jiff::Span::new().days(1)).take_while(|day| *day <= to).take(LONGEST_HOLIDAY + 1);
        let off: Vec<Date> = length.collect();
        if off.is_empty() || off.len() > LONGEST_HOLIDAY {
            node.fault_at("to", format!("a holiday lasts 1 to {LONGEST_HOLIDAY} days"));
        } else {
            off.into_iter().for_each(|day| list(&node, "from", day, lies_in(day), days.list_holiday(day).err()));
        }
    }
    for day in made_up.into_iter().flatten() {
        list(&node, "made_up", day, lies_in(day), days.list_made_up(day).err());
    }
    node.finish();
}

fn list(
    node: &Node<'_>,
    key: &'static str,
    day: Date,
    lies_in_year: bool,
    fault: Option<super::working_days::ListFault>,
) {
    if !lies_in_year {
        node.fault_at(key, format!("{day} is not of this year: list it under its own"));
    } else if let Some(fault) = fault {
        node.fault_at(key, fault.to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOUND: &str = include_str!("../../../deploy/calendar.toml");

    #[test]
    fn the_shipped_calendar_has_no_fault() {
        let calendar = Calendar::parse(SOUND).expect("no faults");
        assert!([2024, 2025, 2026].into_iter().all(|year| calendar.working_days().lists(year)));
    }

    #[test]
    fn what_hospitals_differ_in_is_carried_unless_the_file_says_otherwise() {
        let line = SOUND.lines().find(|line| line.starts_with("hospital_differences")).expect("a line");
        for (text, expected) in [
            (SOUND.to_owned(), HospitalDifferences::Carried),
            (SOUND.replace(line, ""), HospitalDifferences::Carried),
            (SOUND.replace(line, "hospital_differences = \"cleared\""), HospitalDifferences::Cleared),
        ] {
            let calendar = Calendar::parse(&text).expect("no faults");
            let june = Month::from_text("2025-06").expect("a month");
            assert_eq!(calendar.rules(june).clearing.hospital_differences, expected);
        }
    }

    #[test]
    fn every_fault_is_told_with_its_line() {
        for (sound, spoilt, told) in [
            ("clearing_day = \"21\"", "clearing_day = \"31\"", "rules.clearing.clearing_day: is not \"last\""),
            ("clearing_day = \"21\"", "clearing_day = \"10\"", "rules.clearing.clearing_day: lies before hospitals_by"),
            ("carried_at_most = 2", "", "rules.clearing.carried_at_most: is missing"),
            ("uncompared = \"carried\"", "uncompared = \"kept\"", "rules.clearing.uncompared: is not \"carried\" or"),
            (
                "hospital_differences = \"carried\"",
                "hospital_differences = \"kept\"",
                "rules.clearing.hospital_differences: is not \"carried\" or",
            ),
            ("red = \"0.9\"", "red = \"0.6\"", "rules.prefund.red: is not above yellow"),
            ("red = \"0.9\"", "red = \"90\"", "rules.prefund.red: is not a share"),
            ("reset_by_itself = true", "reset_by_itself = 1", "rules.prefund.reset_by_itself: is not true or false"),
            ("from = \"2020-01\"", "from = \"January\"", "rules.from: is not a month"),
            ("reply_by = \"26\"", "reply_on = \"26\"", "rules.checking.reply_on: is not a key"),
            ("to = 2025-10-08", "to = 2025-09-08", "year.holiday.to: a holiday lasts"),
            ("to = 2025-10-08", "to = 2025-10-11", "year.holiday.made_up: 2025-10-11 is listed twice"),
            ("\"2025-09-28\"", "\"2025-09-29\"", "year.holiday.made_up: 2025-09-29 is no Saturday"),
            ("\"2025-09-28\"", "\"2026-09-27\"", "year.holiday.made_up: 2026-09-27 is not of this year"),
            ("\n[[rules]]\n", "\n[[rules\n", ""),
        ] {
            let text = SOUND.replacen(sound, spoilt, 1);
            assert_ne!(text, SOUND, "{sound}");
            let changed = text.lines().zip(SOUND.lines()).position(|(one, other)| one != other).expect("a line") + 1;
            let line = match told {
                // What is missing is missing from its table; what is listed twice, where it is listed again.
                told if told.contains("missing") => line_of(&text, "[rules.clearing]"),
                told if told.contains("twice") => changed + 1,
                _ => changed,
            };
            let faults = Calendar::parse(&text).expect_err(told);
            let fits = |fault: &Fault| fault.to_string().contains(told) && fault.line == line;
            assert!(faults.iter().any(fits), "line {line}, {told}: {faults:?}");
        }
    }

    fn line_of(text: &str, wanted: &str) -> usize {
        text.lines().position(|line| line == wanted).expect("a line") + 1
    }

    #[test]
    fn the_calendar_sets_prefunds_from_the_day_of_the_table_until_they_are_to_be_done() {
        for (text, today, year) in [
            (SOUND.to_owned(), "2026-01-30", None),
            (SOUND.to_owned(), "2026-01-31", Some(2026)),
            (SOUND.to_owned(), "2026-02-28", Some(2026)),
            (SOUND.to_owned(), "2026-03-01", None),
            (SOUND.replace("table_by = \"last\"", "table_by = \"15\""), "2026-01-15", Some(2026)),
            (SOUND.replace("reset_by_itself = true", "reset_by_itself = false"), "2026-01-31", None),
        ] {
            let calendar = Calendar::parse(&text).expect("no faults");
            assert_eq!(calendar.prefunds_set_on(today.parse().expect("a day")), year, "{today}");
        }
    }

    #[test]
    fn an_increase_is_paid_within_ten_working_days_and_a_late_re_set_within_fifteen() {
        let calendar = Calendar::parse(SOUND).expect("no faults");
        let (january, april) = (Month::new(2026, 1).expect("a month"), Month::new(2026, 4).expect("a month"));
        let asked = calendar.prefund_top_up_days(april, "2026-04-10".parse().expect("a day")).expect("it is listed");
        assert_eq!((asked.submit_by.to_string(), asked.pay_by.to_string()), ("2026-04-17".into(), "2026-04-24".into()));
        let late = calendar.prefund_reset_days(january, "2026-04-10".parse().expect("a day")).expect("it is listed");
        assert_eq!((late.submit_by.to_string(), late.pay_by.to_string()), ("2026-04-17".into(), "2026-05-06".into()));
    }

    #[test]
    fn all_faults_are_told_at_once() {
        let text = SOUND.replace("yellow = \"0.7\"", "yellow = \"7\"").replace("pay_within = 10", "pay_within = -1");
        assert!(Calendar::parse(&text).expect_err("faults").len() >= 2);
    }
}
