//! What two rule books would have made of the settlements in force that the older one decides: each worked out by both
//! from what it saw, a person's in order, so that later ones build on what earlier ones would have come to. Nothing is
//! stored. Called by `yidi rulebook diff`.

use ledger::home::HomeStore;
use settlement::adjudication::Payers;
use settlement::beijing;
use settlement::decide::{BookSeq, Question, Rework, Stored, judge_with};
use settlement::ids::{PersonNumber, SettlementId};
use settlement::refusal::Refusal;
use settlement::rulebook::{DecidingDates, RuleBook};

use crate::affected::stored;
use crate::replay::{ReplayError, past_at};

/// How many people are listed at a time.
const PEOPLE: u32 = 500;

/// A settlement by both books.
#[derive(Clone, Debug)]
pub struct Compared {
    /// Where it was decided.
    pub seq: BookSeq,
    /// Whose.
    pub person: PersonNumber,
    /// Which.
    pub settlement: SettlementId,
    /// Who pays what, as it counts.
    pub counts: Payers,
    /// By the older book.
    pub old: Result<Payers, Refusal>,
    /// By the newer one.
    pub new: Result<Payers, Refusal>,
}

/// Compares two books over everything in force that the older one decides: of its region and insurance, on a day on
/// which it is in force. The newer one is asked whether it is in force on that day or not. By person, then by place.
///
/// # Errors
/// When the book cannot be read.
pub async fn compare(store: &HomeStore, old: &RuleBook, new: &RuleBook) -> Result<Vec<Compared>, ReplayError> {
    let (mut compared, mut after) = (Vec::new(), String::new());
    loop {
        let people = store.affected_people(after, PEOPLE, true).await?;
        let Some(last) = people.last() else { return Ok(compared) };
        after = last.to_string();
        for person in people {
            compared.extend(of_person(store, person, old, new).await?);
        }
    }
}

async fn of_person(
    store: &HomeStore,
    person: PersonNumber,
    old: &RuleBook,
    new: &RuleBook,
) -> Result<Vec<Compared>, ReplayError> {
    let by_old = |question: &Question<'_>| judge_with(old, question);
    let by_new = |question: &Question<'_>| judge_with(new, question);
    let (mut as_old, mut as_new) = (Rework::default(), Rework::default());
    let mut compared = Vec::new();
    for held in store.affected_list(person.clone()).await? {
        let past = past_at(store, held.seq, &held.settlement).await?;
        let stored = stored(past, held)?;
        if !decides(old, &stored) {
            continue;
        }
        let (seq, counts) = (stored.seq, stored.counts);
        let first = as_old.next(stored.clone(), &by_old);
        let second = as_new.next(stored, &by_new);
        let (person, settlement) = (person.clone(), first.settlement);
        compared.push(Compared { seq, person, settlement, counts, old: first.now, new: second.now });
    }
    Ok(compared)
}

fn decides(book: &RuleBook, stored: &Stored) -> bool {
    let Stored { settle, decided_at, .. } = stored;
    let dates = DecidingDates::of(&settle.encounter, beijing::day_of(*decided_at));
    settle.home == book.pool()
        && settle.insurance == book.insurance()
        && book.validity().covers(dates.day(book.decision_date()))
}
