//! Visits for several chronic diseases, settled in whatever order: what was used of a later day is not granted again, and no
//! cap that the diseases share is passed (policy.md C.8).

use jiff::ToSpan;
use jiff::civil::{Date, date};
use proptest::prelude::*;
use settlement::benefits::{Case, adjudicate};
use settlement::ids::DiseaseCode;
use settlement::money::Money;
use settlement::month::Month;
use settlement::person::{Qualification, Validity};
use settlement::rulebook::{Example, RuleBook};
use settlement::year_to_date::{Usage, UsagePosting};

use crate::invented::example;

const DISEASES: [&str; 3] = ["M03900", "M01600", "M00500"];
const NEW_YEAR: Date = date(2025, 1, 1);

/// A disease's own cap: yuan, and how it counts.
type OwnCap = (i64, &'static str);

const YEAR: &str = "";
const MONTH: &str = ", per = 'month'";
const CARRIED: &str = ", per = 'month', carried = true";

/// A book that pays chronic care whole, up to the caps of diseases, and a visit at home.
fn book(several: &str, caps: [OwnCap; 3]) -> (RuleBook, Example) {
    let rows: Vec<String> = (DISEASES.iter().zip(caps))
        .map(|(code, (amount, per))| {
            format!(
                "{{ id = '{}', disease = '{code}', counts = ['chronic'], measure = 'fund_paid', amount = {amount}{per}, § }}",
                code.to_lowercase()
            )
        })
        .collect();
    let changed = [
        ("decision_date", "decision_date = { date = 'admission', § }"),
        ("chronic.ratio", "chronic.ratio = [{ id = 'all', ratio = '1', § }]"),
        ("cap", &format!("cap = [{}]", rows.join(", "))),
        ("chronic.several", &format!("chronic.several = {{ cap = '{several}', § }}")),
    ];
    example(&changed, "care = 'chronic'\ndisease = 'M03900'\nfiling = 'local'\nbill = { in_policy = 9000 }")
}

/// A visit for a disease, by its position, on a day, of so many yuan.
type Visit = (usize, Date, i64);

/// Settles visits in their order for a person who is qualified for diseases, by their positions, for some days. Gives what
/// each was paid, nothing where it was refused, and what is used in all.
fn settle(
    (book, example): &(RuleBook, Example),
    qualified: &[(usize, Validity)],
    visits: &[Visit],
) -> (Vec<Option<i64>>, Vec<Usage>) {
    let code = |disease: usize| DiseaseCode::new(DISEASES[disease]).expect("a code");
    let mut person = example.person.clone();
    person.qualifications = qualified
        .iter()
        .map(|(disease, validity)| Qualification { disease: code(*disease), validity: *validity })
        .collect();
    let (mut paid, mut used): (Vec<_>, Vec<UsagePosting>) = (Vec::new(), Vec::new());
    for (disease, day, yuan) in visits {
        let mut settle = example.settle.clone();
        settle.encounter.disease = Some(code(*disease));
        (settle.encounter.admitted, settle.encounter.discharged) = (*day, Some(*day));
        let whole = |yuan: i64| Money::from_yuan(yuan);
        let case =
            Case { person: &person, settle: &settle, usages: &used, settled_on: date(2025, 12, 31), ..example.case() };
        let result = adjudicate(book, &case).ok().map(|mut result| {
            // The bill is larger than any cap; what the visit costs less than that, it is paid less.
            result.usage.sums.basic = result.usage.sums.basic.min(whole(*yuan));
            result.usage
        });
        paid.push(result.as_ref().map(|usage| usage.sums.basic.fen() / 100));
        used.extend(result.map(|usage| UsagePosting { usage, day: *day }));
    }
    (paid, used.into_iter().map(|posting| posting.usage).collect())
}

fn since(day: Date) -> Validity {
    Validity { from: day, to: None }
}

#[test]
fn what_was_used_of_a_later_day_is_not_granted_again() {
    let always = since(date(2000, 1, 1));
    // High blood pressure (0) since long, diabetes (1) since 1 May or 10 May.
    let from_may = [(0, always), (1, since(date(2025, 5, 1)))];
    let from_mid_may = [(0, always), (1, since(date(2025, 5, 10)))];
    let carried = book("top_two_add", [(100, CARRIED), (150, CARRIED), (500, MONTH)]);
    let (of_year, of_month) = (
        book("highest", [(1000, YEAR), (3000, YEAR), (1, YEAR)]),
        book("highest", [(200, MONTH), (300, MONTH), (1, MONTH)]),
    );
    let (march, june) = (date(2025, 3, 10), date(2025, 6, 15));
    for (rules, qualified, visits, wanted) in [
        // Until June 6 * 100 + 2 * 150 = 900 are there, until March 300.
        (&carried, from_may, [(1, june, 9000), (0, march, 9000)], [900, 0]),
        (&carried, from_may, [(1, june, 700), (0, march, 9000)], [700, 200]),
        (&carried, from_may, [(0, june, 700), (0, march, 9000)], [700, 200]),
        (&carried, from_may, [(1, june, 500), (0, march, 9000)], [500, 300]),
        // In the order of the days: what March leaves goes on.
        (&carried, from_may, [(0, march, 9000), (1, june, 9000)], [300, 600]),
        // All share 3000 a year, of which the first has 1000 while it is alone.
        (&of_year, from_may, [(1, june, 9000), (0, march, 9000)], [3000, 0]),
        (&of_year, from_may, [(0, june, 2500), (0, march, 9000)], [2500, 500]),
        (&of_year, from_may, [(1, june, 500), (0, march, 9000)], [500, 1000]),
        (&of_year, from_may, [(0, march, 9000), (1, june, 9000)], [1000, 2000]),
        // All share 300 a month; on 5 May there are 200.
        (&of_month, from_mid_may, [(1, date(2025, 5, 20), 9000), (0, date(2025, 5, 5), 9000)], [300, 0]),
        (&of_month, from_mid_may, [(1, date(2025, 5, 20), 100), (0, date(2025, 5, 5), 9000)], [100, 200]),
        (&of_month, from_mid_may, [(1, june, 9000), (0, date(2025, 5, 5), 9000)], [300, 200]),
    ] {
        let (paid, _) = settle(rules, &qualified, &visits);
        assert_eq!(paid, wanted.map(Some), "{visits:?}");
    }
}

#[test]
fn where_only_so_much_is_known_of_one_disease_s_cap_the_shared_one_is_no_more_known() {
    let unset = ", above = 'unset'";
    for (several, caps, paid) in [
        ("highest", [(200, YEAR), (300, unset), (1, YEAR)], 300),
        ("highest", [(200, unset), (300, YEAR), (1, YEAR)], 300),
        ("top_two_add", [(200, unset), (300, YEAR), (1, YEAR)], 500),
    ] {
        let rules = book(several, caps);
        let always = since(date(2000, 1, 1));
        let (refused, _) = settle(&rules, &[(0, always), (1, always)], &[(0, date(2025, 3, 10), 9000)]);
        assert_eq!(refused, [None], "{several} {caps:?}");
        let known = book(several, caps.map(|(amount, _)| (amount, YEAR)));
        let (known, _) = settle(&known, &[(0, always), (1, always)], &[(0, date(2025, 3, 10), 9000)]);
        assert_eq!(known, [Some(paid)], "{several} {caps:?}");
    }
}

/// What the diseases that count by a month add to it: what it begins with anew, and what is carried on.
fn added(caps: &[OwnCap; 3], qualified: &[(usize, Validity)], month: Month, most: usize) -> [i64; 2] {
    let days = Validity { from: month.first_day(), to: Some(month.last_day()) };
    let there = (0..3).filter(|which| qualified.iter().any(|(disease, row)| disease == which && row.meets(&days)));
    let mut own: Vec<OwnCap> = there.map(|which| caps[which]).collect();
    own.sort_by_key(|(amount, per)| std::cmp::Reverse((*amount, *per == CARRIED)));
    own.truncate(most);
    [false, true]
        .map(|carried| own.iter().filter(|(_, per)| (*per == CARRIED) == carried).map(|(amount, _)| amount).sum())
}

proptest! {
    /// In no order: of every month, all that was paid until then stays within what was there until then.
    #[test]
    fn no_order_of_settling_passes_a_cap_that_diseases_share(
        caps in prop::array::uniform3((1..6_i64, any::<bool>())),
        by_year in prop::bool::weighted(0.3),
        several in prop::sample::select(vec![("highest", 1), ("top_two_add", 2)]),
        begins in prop::array::uniform3(prop_oneof![1 => Just(-400), 2 => 0..330_i32]),
        visits in prop::collection::vec((0..3_usize, 0..364_i32, prop_oneof![Just(9000), 1..1500_i64]), 2..14),
    ) {
        let per = |carried| if by_year { YEAR } else if carried { CARRIED } else { MONTH };
        let caps = caps.map(|(hundreds, carried)| (hundreds * 100, per(carried)));
        let day = |days: i32| NEW_YEAR.saturating_add(days.days());
        let qualified: Vec<_> = (0..3).map(|which| (which, since(day(begins[which])))).collect();
        let visits: Vec<Visit> = visits.into_iter().map(|(which, days, yuan)| (which, day(days), yuan)).collect();
        let (several, most) = several;
        let (paid, used) = settle(&book(several, caps), &qualified, &visits);
        let qualified_on = |(which, day, _): &Visit| qualified[*which].1.covers(*day);
        for (visit, paid) in visits.iter().zip(&paid) {
            prop_assert_eq!(paid.is_some(), qualified_on(visit), "{:?}", visit);
        }
        let last = used.iter().map(|usage| usage.month).max();
        let (mut until, mut kept) = (0, 0);
        for month in (1..=12).filter_map(|number| Month::new(2025, number)).filter(|month| Some(*month) <= last) {
            let of_month = used.iter().filter(|usage| usage.month == month).map(|usage| usage.sums.basic).sum::<Money>();
            let of_month = of_month.fen() / 100;
            let [anew, carried] = added(&caps, &qualified, month, most);
            until += of_month;
            if by_year {
                prop_assert!(until <= anew, "{until} of {anew} until {month}");
            } else {
                kept += carried - (of_month - anew).max(0);
                prop_assert!(kept >= 0, "{kept} is left in {month}: {visits:?} paid {paid:?}");
            }
        }
    }
}
