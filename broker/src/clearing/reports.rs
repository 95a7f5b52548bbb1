//! What a period's steps came to, for a person: one sentence each ([`clearing::period::report`]), the same whoever takes
//! the step and however often. What is kept with a step is asked for by [`super::Clearing`]; steps that are recorded pair by pair have theirs from what is
//! recorded, for [`super::service`].

use clearing::obligation::{Lot, Sums, Totals};
use clearing::period::report::{AGREED, APART, CLOSED, CUT_OFF, FOLDED, ISSUED, ISSUED_AGAIN};
use clearing::period::{Pair, PairRecord, Record, Side};
use jiff::Timestamp;
use jiff::civil::Date;
use proto::v1;
use settlement::beijing;
use settlement::money::Money;

/// 归集: what its entries come to.
pub fn folded(totals: &Totals) -> String {
    let visits: i64 = totals.iter().map(|(_, sums)| sums.visits).sum();
    FOLDED.of(&[&visits, &totals.iter().count(), &owed(totals)])
}

/// 核对: what folded sums and journal agree on.
pub fn agreed(totals: &Totals) -> String {
    AGREED.of(&[&totals.iter().count(), &owed(totals)])
}

/// 核对: each lot of which folded sums and journal say something else.
pub fn apart(differences: &[(Lot, Sums, Sums)]) -> String {
    let told = |(lot, folded, journal): &(Lot, Sums, Sums)| {
        APART.of(&[&lot.home, &lot.treatment, &folded.owed(), &journal.owed()])
    };
    differences.iter().map(told).collect::<Vec<_>>().join("\n")
}

/// 关闭: what was paid, by whom.
pub fn closed(record: &Record) -> String {
    let count = record.pairs.values().filter(|held| !held.is_nothing_due()).count();
    let by = |side: Side| -> Money {
        let own = record.pairs.values().flat_map(PairRecord::to_be_paid);
        let own = own.filter(|(_, payable)| payable.payer() == Some(side));
        own.filter_map(|(_, payable)| payable.paid.as_ref()).map(|payment| payment.amount).sum()
    };
    let (home, treatment) = (by(Side::Home), by(Side::Treatment));
    CLOSED.of(&[&count, &record.pairs.len(), &home, &treatment])
}

/// The cut-off: from when on entries are the next period's.
pub fn cut_off(at: Option<Timestamp>) -> Option<v1::StepView> {
    Some(step("cut-off", CUT_OFF.of(&[]), at?.as_microsecond()))
}

/// The statements of some pairs, once one is issued.
pub fn stated<'r>(pairs: impl IntoIterator<Item = (&'r Pair, &'r PairRecord)>) -> Option<v1::StepView> {
    let (all, stated) = of_all(pairs, |held| held.statement.map(|statement| statement.issued_on));
    let again = stated.iter().filter(|(_, held)| held.statement.is_some_and(|statement| statement.version > 1)).count();
    let ([home, treatment], count) = (due(&stated), stated.len());
    let report = match again {
        0 => ISSUED.of(&[&count, &all, &home, &treatment]),
        again => ISSUED_AGAIN.of(&[&count, &all, &again, &home, &treatment]),
    };
    step_on("stated", report, &stated)
}

/// The notices of some pairs, once one is issued. Where nothing is due there is none.
pub fn noticed<'r>(pairs: impl IntoIterator<Item = (&'r Pair, &'r PairRecord)>) -> Option<v1::StepView> {
    let (all, noticed) = of_all(pairs, |held| held.noticed_on);
    let [home, treatment] = due(&noticed);
    step_on("noticed", ISSUED.of(&[&noticed.len(), &all, &home, &treatment]), &noticed)
}

type OfPairs<'r> = Vec<(Date, &'r PairRecord)>;

/// How many pairs there are, and those that have come so far, with the day.
fn of_all<'r>(
    pairs: impl IntoIterator<Item = (&'r Pair, &'r PairRecord)>,
    on: impl Fn(&PairRecord) -> Option<Date>,
) -> (usize, OfPairs<'r>) {
    let all: Vec<&PairRecord> = pairs.into_iter().map(|(_, held)| held).collect();
    (all.len(), all.iter().filter_map(|held| Some((on(held)?, *held))).collect())
}

/// What home members owe by some statements, and what treatment members give back.
fn due(pairs: &OfPairs<'_>) -> [Money; 2] {
    Side::ALL.map(|side| {
        let own = pairs.iter().flat_map(|(_, held)| held.to_be_paid());
        own.filter(|(_, payable)| payable.payer() == Some(side)).map(|(_, payable)| payable.amount()).sum()
    })
}

fn step_on(word: &str, report: String, pairs: &OfPairs<'_>) -> Option<v1::StepView> {
    let last = pairs.iter().map(|(on, _)| *on).max()?;
    let begun = beijing::instant_of(last.at(0, 0, 0, 0)).map(Timestamp::as_microsecond);
    Some(step(word, report, begun.unwrap_or_default()))
}

fn step(word: &str, report: String, taken_at: i64) -> v1::StepView {
    v1::StepView { step: word.into(), held: true, report, taken_at }
}

fn owed(totals: &Totals) -> Money {
    totals.iter().map(|(_, sums)| sums.owed()).sum()
}
