//! Reads what decides who is let in and on what footing. Every part of it may be absent.

use jiff::civil::Date;
use toml::de::{DeTable, DeValue};

use crate::person::{AssistanceClass, Insurance};
use crate::rulebook::admission::{
    Admission, AfterChange, AfterMove, Carried, FilingValidity, LapsedYears, SeveralIdentities, StayEntitlement, Wait,
    WaitBegins, Waiting, Window,
};
use crate::rulebook::check;
use crate::rulebook::clause::{Clause, Setting};
use crate::rulebook::conditions::{Cases, Footing, IDENTITIES_OF_ALL, identity_position};
use crate::rulebook::table::Table;
use crate::rulebook::word::Word;
use crate::spanned::Node;

use super::rows::{Needed, list, span};
use super::{Parser, month_and_day};

/// A hundred years: no wait and no filing is meant to last so long, and no calendar breaks over it.
const MOST_MONTHS: i64 = 1_200;
/// The same in days.
const MOST_DAYS: i64 = 36_500;
/// More years of lapse than anybody has.
const MOST_YEARS: i64 = 100;

/// The special identities that a book tells apart, none first: those that every book thinks of, and those that any of
/// its rows names. Found before rows are read, since a table that leaves one out has a gap.
pub(super) fn identities(root: &DeTable<'_>) -> Vec<Option<AssistanceClass>> {
    let mut named = Vec::new();
    // What an example says of a person is no rule.
    root.iter().filter(|(key, _)| key.get_ref() != "example").for_each(|(key, value)| {
        words_under(key.get_ref(), value.get_ref(), &mut named);
    });
    let known = |class: &AssistanceClass| IDENTITIES_OF_ALL.contains(class) || named.contains(&class.word());
    std::iter::once(None).chain(AssistanceClass::ALL.into_iter().filter(known).map(Some)).collect()
}

fn words_under<'t>(key: &str, value: &'t DeValue<'_>, named: &mut Vec<&'t str>) {
    if let Some(table) = value.as_table() {
        table.iter().for_each(|(key, value)| words_under(key.get_ref(), value.get_ref(), named));
    } else if let Some(list) = value.as_array() {
        list.iter().for_each(|value| words_under(key, value.get_ref(), named));
    } else if key == "identity" {
        named.extend(value.as_str());
    }
}

impl Parser<'_> {
    /// Reads all of it.
    pub(super) fn admission(&self, root: &Node<'_>) -> Option<Admission> {
        let several = self.optional_choice::<SeveralIdentities>(root, "identities", "several");
        let deemed = self.rows(root, "deemed_filing", Needed::Sometimes, |row| row.word_setting("class"));
        let commitment = self.rows(root, "commitment", Needed::Sometimes, |row| row.required_word("class"));
        let back_home = self.rows(root, "back_home", Needed::Sometimes, |row| row.required_word::<Footing>("rule"));
        let (filing_validity, _) = self.bare_rows(root, "filing_validity", filing_validity);
        // A row for a disease goes before one for all.
        check::overlaps(&filing_validity, self.report, |one, two| one.when.closeness() == two.when.closeness());
        self.asked_before_any_visit(&filing_validity);
        let (waiting, _) = self.bare_rows(root, "waiting", waiting);
        check::overlaps(&waiting, self.report, |one, two| one.value.meets(&two.value));
        let stay_entitlement = self.optional_choice::<StayEntitlement>(root, "stay_entitlement", "on");
        let double_cover = self.optional_choice::<Insurance>(root, "double_cover", "prevails");
        let year_to_date = self.year_to_date(root);
        let (after_change, carried) = year_to_date?;
        Some(Admission {
            places: self.scope.places.clone(),
            identities: Cases::at(self.scope.identities.iter().map(|identity| identity_position(*identity))),
            several_identities: several?.map(|(_, clause)| clause),
            deemed: deemed?,
            commitment: commitment?,
            back_home: back_home?,
            filing_validity,
            waiting,
            stay_entitlement: stay_entitlement?,
            double_cover: double_cover?,
            after_change,
            carried,
        })
    }

    /// `[year_to_date]`: what a change of insurance, and a move from another region, do to the year. `None` only after a
    /// fault.
    fn year_to_date(&self, root: &Node<'_>) -> Option<(Option<(AfterChange, Clause)>, Cases)> {
        if !root.has("year_to_date") {
            return Some((None, Cases::NONE));
        }
        let node = root.required_table("year_to_date")?;
        let (after_change, after_move) =
            (node.word::<AfterChange>("after_change"), node.word::<AfterMove>("after_move"));
        let carries = list(&node, "carries", &Carried::wanted(), Carried::read);
        if !node.has("after_change") && !node.has("after_move") {
            node.fault("needs after_change, after_move, or both");
        }
        let all = Cases::at(Carried::ALL.iter().map(|part| *part as usize));
        let carried = match after_move {
            Some(AfterMove::Continue) if node.has("carries") => {
                Cases::at(carries?.into_iter().map(|part| part as usize))
            }
            Some(AfterMove::Continue) => all,
            Some(AfterMove::New) | None => Cases::NONE,
        };
        if node.has("carries") && after_move != Some(AfterMove::Continue) {
            node.fault_at("carries", "says what goes on after a move: it stands beside after_move = \"continue\"");
        }
        let clause = self.clause(&node);
        node.finish();
        let clause = clause?;
        Some((after_change.map(|rule| (rule, clause)), carried))
    }

    /// How long a filing holds is asked when it is lodged, too: what only a visit has can be no condition of it.
    fn asked_before_any_visit(&self, table: &Table<FilingValidity>) {
        for row in table.rows.iter().filter(|row| row.when.is_of_a_visit()) {
            let problem = "cannot depend on level, care, place or referred: it is asked before any visit";
            self.report.fault(row.clause.0 as usize, &table.path, problem);
        }
    }
}

/// `months` or `permanent = true`, and `lock_months`.
fn filing_validity(row: &Node<'_>) -> Option<FilingValidity> {
    let (permanent, months) = (row.flag("permanent"), row.count_setting("months", MOST_MONTHS));
    let lock_months = row.count_setting("lock_months", MOST_MONTHS);
    let months = match (permanent, months) {
        (true, None) => Setting::Known(None),
        (false, Some(Setting::Known(months))) => Setting::Known(Some(months)),
        (false, Some(Setting::Unset)) => Setting::Unset,
        (true, Some(_)) | (false, None) => {
            if permanent || !row.has("months") {
                row.fault("needs either months or permanent = true");
            }
            return None;
        }
    };
    Some(FilingValidity { months, lock_months: lock_months.unwrap_or(Setting::Known(0)) })
}

fn waiting(row: &Node<'_>) -> Option<Waiting> {
    let wait = wait(row);
    let begins = if row.has("begins") { row.word("begins") } else { Some(WaitBegins::Payment) };
    let months = |key| row.count(key, MOST_MONTHS).unwrap_or_default();
    let plus_months_per_lapsed_year = months("plus_months_per_lapsed_year");
    let plus_months_for =
        if row.has("plus_months_for") { row.word("plus_months_for") } else { Some(LapsedYears::Every) };
    if row.has("plus_months_for") && !row.has("plus_months_per_lapsed_year") {
        row.fault_at("plus_months_for", "says which years add plus_months_per_lapsed_year, and there is none");
    }
    let minus_months_per_repaired_year = months("minus_months_per_repaired_year");
    let at_least = at_least(row);
    let begun_from = match row.date("begun_from") {
        Some(day) => Some(Some(day)),
        None => (!row.has("begun_from")).then_some(None),
    };
    let paid = window(row);
    let lapsed_months = span(row, "lapsed_months_from", "lapsed_months_to");
    let reasons = |key| list(row, key, "a word", |word| Some(word.to_owned()));
    // What `other` leaves over is known by the conditions, which read the words too.
    let joined_as = reasons("joined_as").map(|words| words.into_iter().filter(|word| word != "other").collect());
    let waived = reasons("waived");
    Some(Waiting {
        wait: wait?,
        begins: begins?,
        plus_months_per_lapsed_year,
        plus_months_for: plus_months_for?,
        minus_months_per_repaired_year,
        at_least: at_least?,
        begun_from: begun_from?,
        paid: paid?,
        lapsed_months: lapsed_months?,
        joined_as: joined_as?,
        waived: waived?,
    })
}

fn wait(row: &Node<'_>) -> Option<Wait> {
    let none = row.flag("none");
    let (days, months) = (row.count_setting("days", MOST_DAYS), row.count_setting("months", MOST_MONTHS));
    let said = [none, row.has("days"), row.has("months")].into_iter().filter(|said| *said).count();
    if said != 1 {
        row.fault("needs one of: days, months, or none = true");
        return None;
    }
    if none { Some(Wait::None) } else { days.map(Wait::Days).or(months.map(Wait::Months)) }
}

/// `at_least_months`, from `lapsed_years_from` on. The outer `None` only after a fault.
fn at_least(row: &Node<'_>) -> Option<Option<(i64, i64)>> {
    let (months, years) = (row.count("at_least_months", MOST_MONTHS), row.count("lapsed_years_from", MOST_YEARS));
    match (row.has("at_least_months"), row.has("lapsed_years_from")) {
        (false, false) => Some(None),
        (true, true) => Some(Some((months?, years?))),
        (true, false) | (false, true) => {
            row.fault("needs both at_least_months and lapsed_years_from, or neither");
            None
        }
    }
}

/// `paid_from` and `paid_to`. The outer `None` only after a fault.
fn window(row: &Node<'_>) -> Option<Option<Window>> {
    let (from, to) =
        (row.form("paid_from", MONTH_AND_DAY, day_of_year), row.form("paid_to", MONTH_AND_DAY, day_of_year));
    match (row.has("paid_from"), row.has("paid_to")) {
        (false, false) => Some(None),
        (true, true) => Some(Some(Window { from: from?, to: to? })),
        (true, false) | (false, true) => {
            row.fault("needs both paid_from and paid_to, or neither");
            None
        }
    }
}

const MONTH_AND_DAY: &str = "a month and day such as 04-01";

/// A day of any year; 29 February is one.
fn day_of_year(text: &str) -> Option<(i8, i8)> {
    let (month, day) = month_and_day(text)?;
    Date::new(2000, month, day).is_ok().then_some((month, day))
}
