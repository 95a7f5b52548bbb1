//! What a period's steps came to, for a person: one sentence each, the same whoever takes the step and however often. What
//! is kept with a step is asked for by [`super::Clearing`]; steps that are recorded pair by pair have theirs from what is
//! recorded, for [`super::service`].

use clearing::obligation::Totals;
use clearing::period::{Pair, PairRecord, Record, Side};
use jiff::Timestamp;
use jiff::civil::Date;
use proto::v1;
use settlement::beijing;
use settlement::money::Money;

/// 归集: what its entries come to.
pub fn folded(totals: &Totals) -> String {
    let visits: i64 = totals.iter().map(|(_, sums)| sums.visits).sum();
    format!("{visits} visits in {} lots, {} owed", totals.iter().count(), owed(totals))
}

/// 核对: what folded sums and journal agree on.
pub fn agreed(totals: &Totals) -> String {
    format!("{} lots agree with the journal, {} owed", totals.iter().count(), owed(totals))
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
    format!("{count} of {} pairs had to pay: {home} by home members, {treatment} given back", record.pairs.len())
}

/// The cut-off: from when on entries are the next period's.
pub fn cut_off(at: Option<Timestamp>) -> Option<v1::StepView> {
    Some(step("cut-off", "later entries are the next period's".to_owned(), at?.as_microsecond()))
}

/// The statements of some pairs, once one is issued.
pub fn stated<'r>(pairs: impl IntoIterator<Item = (&'r Pair, &'r PairRecord)>) -> Option<v1::StepView> {
    let (all, stated) = of_all(pairs, |held| held.statement.map(|statement| statement.issued_on));
    let again = stated.iter().filter(|(_, held)| held.statement.is_some_and(|statement| statement.version > 1)).count();
    let again = if again == 0 { String::new() } else { format!(", {again} in a later version") };
    step_on("stated", format!("{} of {all} pairs{again}: {}", stated.len(), due(&stated)), &stated)
}

/// The notices of some pairs, once one is issued. Where nothing is due there is none.
pub fn noticed<'r>(pairs: impl IntoIterator<Item = (&'r Pair, &'r PairRecord)>) -> Option<v1::StepView> {
    let (all, noticed) = of_all(pairs, |held| held.noticed_on);
    step_on("noticed", format!("{} of {all} pairs: {}", noticed.len(), due(&noticed)), &noticed)
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

fn due(pairs: &OfPairs<'_>) -> String {
    let by = |side: Side| -> Money {
        let own = pairs.iter().flat_map(|(_, held)| held.to_be_paid());
        own.filter(|(_, payable)| payable.payer() == Some(side)).map(|(_, payable)| payable.amount()).sum()
    };
    format!("{} due from home members, {} to be given back", by(Side::Home), by(Side::Treatment))
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
