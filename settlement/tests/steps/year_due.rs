//! Whatever is settled and cancelled in between: what the catastrophic layer pays in a benefit year is what the year is
//! owed, and never more.

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
