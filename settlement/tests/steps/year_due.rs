//! Whatever is settled and cancelled in between: what the catastrophic layer pays in a benefit year is what the year is
//! owed, and never more; what is borne of a yearly deductible is what is due at the highest level used.

use proptest::prelude::*;
use settlement::rulebook::RuleBook;
use settlement::year_to_date::UsagePosting;

use crate::invented::book;

/// In-policy amounts of the bills that are drawn, in yuan.
const BILLS: [&str; 6] = ["1200", "777.77", "3000", "5500", "8000", "20000.01"];
const FILINGS: [&str; 2] = ["long-term", "other-temporary"];

/// The layer, with or without a change for care elsewhere, and every bill under every filing as an example.
fn drawn_from(off_site: &str) -> RuleBook {
    let layer = format!(
        "catastrophic.base = {{ includes = ['deductible', 'ratio_share', 'above_cap'], § }}\n\
         catastrophic.tiers = {{ base = 'compliant', § }}\n\
         catastrophic.deductible = [{{ id = 'all', amount = 1000, § }}]\n\
         catastrophic.ratio = [{{ id = 'low', to = 2000, ratio = '0.60', § }}, {{ id = 'high', from = 2000, ratio = '0.70', § }}]\n\
         catastrophic.cap = [{{ id = 'all', none = true, § }}]\n{off_site}"
    );
    let mut examples = String::new();
    for (bill, filing) in BILLS.iter().flat_map(|bill| FILINGS.iter().map(move |filing| (bill, filing))) {
        examples += &format!(
            "[[example]]\nid = '{filing}-{bill}'\ntitle = 'bill'\nperson = 'working'\nage = 40\nlevel = 'third'\n\
             care = 'inpatient'\nfiling = '{filing}'\nsettled = 2025-06-30\nbill = {{ in_policy = {bill} }}\n\
             expect = {{ cash = 0 }}\n"
        );
    }
    book(&[("catastrophic", &layer)], &examples)
}

/// What the tiers at home come to on a base, in fen: 60 % from 1,000 to 2,000 yuan, 70 % above, half up.
fn due(base: i64) -> i64 {
    let (low, high) = ((base.min(200_000) - 100_000).max(0), (base - 200_000).max(0));
    (low * 60 + high * 70 + 50) / 100
}

/// The bills of a year, each after the cancellation of an earlier one perhaps. Tells of each what was paid before, what
/// it is paid, and what the year is owed with it.
fn live(book: &RuleBook, turns: &[(usize, Option<prop::sample::Index>)]) -> Vec<(i64, i64, i64)> {
    let mut in_force: Vec<UsagePosting> = Vec::new();
    let mut told = Vec::new();
    for (which, cancels) in turns {
        if let Some(cancelled) = cancels.filter(|_| !in_force.is_empty()) {
            in_force.remove(cancelled.index(in_force.len()));
        }
        let mut example = book.examples()[*which].clone();
        example.used.clone_from(&in_force);
        let usage = example.adjudicate(book).expect("a result").usage;
        let sum = |of: fn(&UsagePosting) -> i64| in_force.iter().map(of).sum::<i64>();
        let base = sum(|used| used.usage.sums.catastrophic_base.fen()) + usage.sums.catastrophic_base.fen();
        let before = sum(|used| used.usage.sums.catastrophic.fen());
        told.push((before, usage.sums.catastrophic.fen(), due(base)));
        in_force.push(UsagePosting { usage, day: example.settled_on });
    }
    told
}

fn turns() -> impl Strategy<Value = Vec<(usize, Option<prop::sample::Index>)>> {
    let cancels = prop::option::weighted(0.4, any::<prop::sample::Index>());
    prop::collection::vec((0..BILLS.len() * FILINGS.len(), cancels), 1..14)
}

proptest! {
    #[test]
    fn a_year_s_bills_together_are_paid_what_the_year_is_owed(turns in turns()) {
        static BOOK: std::sync::LazyLock<RuleBook> = std::sync::LazyLock::new(|| drawn_from(""));
        for (before, paid, due) in live(&BOOK, &turns) {
            // What a cancellation left paid too much is kept back of the next bills, never taken back from anybody.
            prop_assert_eq!(paid, (due - before).max(0));
        }
    }

    #[test]
    fn bills_paid_by_their_own_part_are_never_paid_more_than_the_year_is_owed(turns in turns()) {
        const CHANGE: &str = "catastrophic.off_site = [{ id = 'filed', filing = ['long-term', 'referral', 'emergency'], \
                              none = true, § }, { id = 'other', filing = 'other-temporary', points = '0.10', § }]";
        static BOOK: std::sync::LazyLock<RuleBook> = std::sync::LazyLock::new(|| drawn_from(CHANGE));
        for (before, paid, due) in live(&BOOK, &turns) {
            prop_assert!(paid == 0 || before + paid <= due, "{} and {} of {}", before, paid, due);
        }
    }
}

/// A turn of a year: a stay at a level, on a small bill or a large one, or the cancellation of an earlier turn's stay.
#[derive(Clone, Copy, Debug)]
enum Turn {
    Stay(&'static str),
    Small(&'static str),
    Cancel(usize),
}

/// A book with a yearly deductible, and a bill of 100 and one of 5,000 yuan at each level as examples.
fn yearly(deductible: &str) -> RuleBook {
    let mut examples = String::new();
    for (level, bill) in ["third", "second", "first"].iter().flat_map(|level| [(level, 100), (level, 5000)]) {
        examples += &format!(
            "[[example]]\nid = '{level}-{bill}'\ntitle = 'stay'\nperson = 'working'\nage = 40\nlevel = '{level}'\n\
             care = 'inpatient'\nfiling = 'local'\nsettled = 2025-06-30\nbill = {{ in_policy = {bill} }}\n\
             expect = {{ cash = 0 }}\n"
        );
    }
    book(&[("inpatient.deductible", &format!("inpatient.deductible = [{deductible}]"))], &examples)
}

/// What each stay of a year bears of the deductible, in yuan; nothing of a cancellation.
fn borne(book: &RuleBook, turns: &[Turn]) -> Vec<i64> {
    let mut in_force: Vec<Option<UsagePosting>> = Vec::new();
    let mut told = Vec::new();
    for turn in turns {
        let id = match turn {
            Turn::Stay(level) => format!("{level}-5000"),
            Turn::Small(level) => format!("{level}-100"),
            Turn::Cancel(earlier) => {
                assert!(in_force[*earlier].take().is_some(), "nothing to cancel");
                in_force.push(None);
                continue;
            }
        };
        let mut example = book.examples().iter().find(|example| example.id == id).expect("a stay").clone();
        example.used = in_force.iter().flatten().cloned().collect();
        let usage = example.adjudicate(book).expect("a result").usage;
        told.push(usage.sums.deductible.fen() / 100);
        in_force.push(Some(UsagePosting { usage, day: example.settled_on }));
    }
    told
}

/// 600, 300 and 200 yuan (Wenzhou).
const BY_LEVEL: &str = "{ id = 'third', level = ['third', 'top'], amount = 600, per = 'year', § }, \
                        { id = 'second', level = 'second', amount = 300, per = 'year', § }, \
                        { id = 'lower', level = ['first', 'primary', 'unrated'], amount = 200, per = 'year', § }";

#[test]
fn the_highest_level_used_decides_a_yearly_deductible_in_every_order() {
    use Turn::{Cancel, Small, Stay};
    type Row<'a> = (&'a [Turn], &'a [i64]);
    const T: Turn = Stay("third");
    const S: Turn = Stay("second");
    const F: Turn = Stay("first");
    let by_level: &[Row<'_>] = &[
        (&[T, F], &[600, 0]),
        (&[F, T], &[200, 400]),
        (&[F, T, F], &[200, 400, 0]),
        (&[F, S, T, S], &[200, 100, 300, 0]),
        (&[T, F, T], &[600, 0, 0]),
        // The highest is cancelled: the next stay bears its own, and a higher one after it the difference.
        (&[T, Cancel(0), F], &[600, 200]),
        (&[T, F, Cancel(0), F, T], &[600, 0, 200, 400]),
        (&[F, T, Cancel(1), F, T], &[200, 400, 0, 400]),
        // The lowest is cancelled: what the higher stay bore is more than a low one owes, and less than a high one does.
        (&[F, T, Cancel(0), F, T], &[200, 400, 0, 200]),
        (&[F, T, F, Cancel(0), S, T, F], &[200, 400, 0, 0, 200, 0]),
        // Of a bill too small to bear it all, the rest is due up to the level at hand.
        (&[Small("third"), F, T], &[100, 100, 400]),
        (&[Small("first"), S, F, T], &[100, 200, 0, 300]),
    ];
    let one_sum: &[Row<'_>] = &[
        (&[T, F], &[1500, 0]),
        (&[F, T, F], &[1500, 0, 0]),
        (&[F, T, Cancel(0), T, F], &[1500, 0, 1500, 0]),
        (&[Small("first"), T, F], &[100, 1400, 0]),
        (&[Small("first"), T, Cancel(0), F], &[100, 1400, 100]),
    ];
    // 1,500 yuan at every level is Shanghai's.
    for (rows, deductible) in [(by_level, BY_LEVEL), (one_sum, "{ id = 'all', amount = 1500, per = 'year', § }")] {
        let book = yearly(deductible);
        rows.iter().for_each(|(turns, told)| assert_eq!(borne(&book, turns), *told, "{turns:?}"));
    }
}

proptest! {
    /// Where nothing is cancelled, the year has borne what is due at the highest level so far.
    #[test]
    fn a_year_bears_the_deductible_of_its_highest_level(levels in prop::collection::vec(0..3_usize, 1..8)) {
        const LEVELS: [(&str, i64); 3] = [("first", 200), ("second", 300), ("third", 600)];
        static BOOK: std::sync::LazyLock<RuleBook> = std::sync::LazyLock::new(|| yearly(BY_LEVEL));
        let turns: Vec<Turn> = levels.iter().map(|level| Turn::Stay(LEVELS[*level].0)).collect();
        let highest = levels.iter().map(|level| LEVELS[*level].1).max();
        prop_assert_eq!(Some(borne(&BOOK, &turns).iter().sum()), highest);
    }
}
