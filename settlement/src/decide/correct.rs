//! 更正: what an approved batch of corrections does to a home region's book. Each correction posts the difference between
//! what its settlement uses up now and what it uses up as it counts; what the hospital was told stays. A batch is taken
//! in as a whole or not at all, and one that undoes another takes back exactly what that one posted. Who puts a batch
//! forward and who approves it is for the hub. Called by the home region's store, in the commit that takes a batch in.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::affected::{Reach, built_on};
use super::book::{Book, Booked, PersonBook};
use super::effects::{Correcting, Effects};
use super::rework::Reworked;
use crate::adjudication::Payers;
use crate::ids::{PersonNumber, PoolCode, SettlementId};
use crate::lifecycle::Standing;
use crate::money::Money;
use crate::refusal::Refusal;
use crate::year_to_date::{Usage, UsagePosting, UsageSums};

/// One settlement of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Correction {
    /// Which.
    pub settlement: SettlementId,
    /// Who pays what as it counts before the batch.
    pub told: Payers,
    /// Who pays what as it counts after it.
    pub now: Payers,
}

/// What a batch that is in the book posted for one settlement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posted {
    /// What it changed.
    pub correction: Correction,
    /// The difference that it posted.
    pub sums: UsageSums,
    /// A batch that corrected the settlement after it, and is not undone ([`corrected_since`]).
    pub since: Option<String>,
}

/// A batch among those that corrected one settlement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The batch.
    pub batch: String,
    /// The batch that it undoes.
    pub undoes: Option<String>,
}

/// Which batch stands on top of one among those that corrected a settlement, oldest first; none where that one is the last
/// that is in effect. A batch that undoes another leaves in effect what was before that one.
///
/// ```
/// use settlement::decide::{Taken, corrected_since};
/// let taken = |batch: &str, undoes: Option<&str>| Taken { batch: batch.into(), undoes: undoes.map(Into::into) };
/// let mut history = vec![taken("B1", None), taken("B2", None)];
/// assert_eq!(corrected_since(&history, "B1"), Some("B2"));
/// history.push(taken("U2", Some("B2")));
/// assert_eq!(corrected_since(&history, "B1"), None);
/// ```
pub fn corrected_since<'a>(history: &'a [Taken], batch: &str) -> Option<&'a str> {
    let mut in_effect: Vec<Vec<usize>> = Vec::with_capacity(history.len());
    let place = |batch: &str| history.iter().position(|taken| taken.batch == batch);
    for (here, taken) in history.iter().enumerate() {
        let before =
            |place: usize| place.checked_sub(1).and_then(|place| in_effect.get(place)).cloned().unwrap_or_default();
        let undone = taken.undoes.as_deref().and_then(place);
        let after = match undone {
            Some(undone) => before(undone),
            None => [before(here), vec![here]].concat(),
        };
        in_effect.push(after);
    }
    let (then, now) = (place(batch).and_then(|place| in_effect.get(place))?, in_effect.last()?);
    if then == now {
        return None;
    }
    let on_top = now.iter().rev().find(|place| !then.contains(place));
    on_top.map_or(history.last(), |place| history.get(*place)).map(|taken| taken.batch.as_str())
}

/// A correction that the book takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Corrected {
    /// Whose settlement.
    pub person: PersonNumber,
    /// What it appends: always a usage, if an empty one, and what it corrects.
    pub effects: Effects,
}

/// A correction that the book does not take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Faulty {
    /// The settlement.
    pub settlement: SettlementId,
    /// Why.
    pub fault: CorrectionFault,
}

/// Why a correction is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CorrectionFault {
    /// The pool has no such settlement.
    #[error("there is no such settlement of this pool")]
    Unknown,
    /// The batch names it twice.
    #[error("the batch names it twice")]
    Twice,
    /// It was cancelled or reversed.
    #[error("it is not in force any more")]
    NotInForce,
    /// It counts otherwise than the batch says.
    #[error("it does not count by now as the batch says that it does: it was corrected since")]
    CountsOtherwise,
    /// The bill would become another.
    #[error("the payers make up {0} as it counts, and {1} in the batch")]
    OtherTotal(Money, Money),
    /// The account would be debited anew.
    #[error("the account was debited {0} and stays so; the batch has {1}")]
    AccountMoves(Money, Money),
    /// The hospital would bear something else.
    #[error("the hospital bears {0} and goes on to; the batch has {1}")]
    HospitalMoves(Money, Money),
    /// Nobody worked it out again.
    #[error("it was not worked out again")]
    NotWorkedOut,
    /// The batch is taken back as it was, and its record says nothing of it.
    #[error("the record of the batch does not say what was posted for it")]
    NotRecorded,
    /// It would not be settled any more.
    #[error("it would be refused by now ({0}): it cannot be corrected, only cancelled")]
    WouldBeRefused(Refusal),
    /// It comes out otherwise.
    #[error("it comes out otherwise by now than the batch says: put it forward anew, with what it builds on")]
    ComesOutOtherwise,
    /// The difference is none.
    #[error("it would count in another benefit year or month, or for another kind of care")]
    CountsElsewhere,
    /// The batch to be undone does not correct it.
    #[error("the batch that is to be undone does not correct it")]
    NotOfBatch,
    /// The batch to be undone corrects it, and is undone as a whole or not at all.
    #[error("the batch that is to be undone corrects it as well: it is undone as a whole")]
    LeftOut,
    /// It would not be undone to what it was.
    #[error("undoing leaves it as it was before the batch that is undone, and as nothing else")]
    NotAsItWas,
    /// A later batch builds on it.
    #[error("it was corrected again since, by batch {0}: undo that first")]
    CorrectedSince(String),
}

/// Who pays what of a bill that was worked out again. The account stays as it was debited, and so does what the hospital
/// bears: the money left the account on the day, and another debit would be another day's. What the account would have
/// paid otherwise is paid in cash; where the funds pay more than the cash that was left, the cash falls below zero, and
/// the person is paid that much.
pub fn as_debited(told: &Payers, worked_out: &Payers) -> Payers {
    let Payers { funds, account: _, cash: _, hospital: _ } = *worked_out;
    let (account, hospital) = (told.account, told.hospital);
    Payers { funds, account, cash: worked_out.total() - funds.total() - account - hospital, hospital }
}

/// Takes a batch in and carries the book forward. The book holds the settlements and all readers of their people.
///
/// # Errors
/// Everything that speaks against it: then nothing is taken.
pub fn correct(
    book: &mut Book,
    home: PoolCode,
    corrections: &[Correction],
    reworked: &[Reworked],
) -> Result<Vec<Corrected>, Vec<Faulty>> {
    let reworked: HashMap<&SettlementId, &Reworked> = reworked.iter().map(|one| (&one.settlement, one)).collect();
    let worked_out = |correction: &Correction, booked: &Booked| {
        let now = reworked.get(&correction.settlement).ok_or(CorrectionFault::NotWorkedOut)?;
        match &now.now {
            Err(refusal) => return Err(CorrectionFault::WouldBeRefused(refusal.clone())),
            Ok(payers) if *payers != correction.now => return Err(CorrectionFault::ComesOutOtherwise),
            Ok(_) => {}
        }
        difference(&booked.usage.usage, &now.usage).ok_or(CorrectionFault::CountsElsewhere)
    };
    take(book, home, corrections, &worked_out)
}

/// Takes a batch back into a book that was restored from an older copy, as it was taken before, and carries the book
/// forward. Nothing is worked out again: what the region posted since its book was lost, the batch had not seen.
///
/// # Errors
/// Everything that speaks against it: then nothing is taken.
pub fn correct_again(
    book: &mut Book,
    home: PoolCode,
    corrections: &[Correction],
    recorded: &HashMap<SettlementId, UsageSums>,
) -> Result<Vec<Corrected>, Vec<Faulty>> {
    let posted = |correction: &Correction, _: &Booked| {
        recorded.get(&correction.settlement).copied().ok_or(CorrectionFault::NotRecorded)
    };
    take(book, home, corrections, &posted)
}

/// Takes back what a batch posted, and carries the book forward.
///
/// # Errors
/// Everything that speaks against it: then nothing is taken back.
pub fn undo_corrections(
    book: &mut Book,
    home: PoolCode,
    corrections: &[Correction],
    undone: &[Posted],
) -> Result<Vec<Corrected>, Vec<Faulty>> {
    let posted: BTreeMap<&SettlementId, &Posted> = undone.iter().map(|one| (&one.correction.settlement, one)).collect();
    let named: HashSet<&SettlementId> = corrections.iter().map(|one| &one.settlement).collect();
    let left_out = posted.keys().filter(|settlement| !named.contains(*settlement));
    let left_out = left_out.map(|settlement| faulty(settlement, CorrectionFault::LeftOut));
    let since = undone.iter().filter_map(|one| {
        let batch = one.since.clone()?;
        Some(faulty(&one.correction.settlement, CorrectionFault::CorrectedSince(batch)))
    });
    let faults: Vec<Faulty> = left_out.chain(since).collect();
    if !faults.is_empty() {
        return Err(faults);
    }
    let taken_back = |correction: &Correction, _: &Booked| {
        let Posted { correction: earlier, sums, since: _ } =
            posted.get(&correction.settlement).ok_or(CorrectionFault::NotOfBatch)?;
        if (correction.told, correction.now) != (earlier.now, earlier.told) {
            return Err(CorrectionFault::NotAsItWas);
        }
        Ok(-*sums)
    };
    take(book, home, corrections, &taken_back)
}

/// What a correction posts beside what its settlement uses up as it counts.
type Difference<'a> = dyn Fn(&Correction, &Booked) -> Result<UsageSums, CorrectionFault> + 'a;

fn take(
    book: &mut Book,
    home: PoolCode,
    corrections: &[Correction],
    differs: &Difference<'_>,
) -> Result<Vec<Corrected>, Vec<Faulty>> {
    let (mut corrected, mut faults) = (Vec::new(), Vec::new());
    let mut named = HashSet::new();
    let held = settlements(book, home);
    for correction in corrections {
        let taken = if named.insert(&correction.settlement) {
            one(held.get(&correction.settlement).copied(), correction, differs)
        } else {
            Err(CorrectionFault::Twice)
        };
        match taken {
            Ok(one) => corrected.push(one),
            Err(fault) => faults.push(faulty(&correction.settlement, fault)),
        }
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    let seq = book.last_seq;
    for Corrected { person, effects } in &corrected {
        book.person(person).append(seq, effects);
    }
    Ok(corrected)
}

/// A pool's settlements in a book, each with its person's part.
fn settlements(book: &Book, home: PoolCode) -> HashMap<SettlementId, (&PersonBook, &Booked)> {
    let all = book.people.values().flat_map(|person| person.settlements.iter().map(move |booked| (person, booked)));
    let all = all.filter(|(_, booked)| booked.home == home);
    all.map(|held| (held.1.settled.settlement.clone(), held)).collect()
}

fn one(
    held: Option<(&PersonBook, &Booked)>,
    correction: &Correction,
    differs: &Difference<'_>,
) -> Result<Corrected, CorrectionFault> {
    let (person, booked) = held.ok_or(CorrectionFault::Unknown)?;
    let Correction { settlement, told, now } = correction;
    match booked.standing {
        Standing::InForce => {}
        Standing::Cancelled { counter: _ } | Standing::Reversed => return Err(CorrectionFault::NotInForce),
    }
    if *told != *booked.payers() {
        return Err(CorrectionFault::CountsOtherwise);
    }
    if told.total() != now.total() {
        return Err(CorrectionFault::OtherTotal(told.total(), now.total()));
    }
    if told.account != now.account {
        return Err(CorrectionFault::AccountMoves(told.account, now.account));
    }
    if told.hospital != now.hospital {
        return Err(CorrectionFault::HospitalMoves(told.hospital, now.hospital));
    }
    let sums = differs(correction, booked)?;
    let usage = Usage { sums, ..booked.usage.usage.clone() };
    let used = UsagePosting { usage, day: booked.usage.day };
    let affected = built_on(&person.readers, &used, Reach { after: Some(booked.seq), from: None });
    let correcting = Some(Correcting { settlement: settlement.clone(), now: *now });
    let effects = Effects { usage: Some(used), correcting, affected, ..Effects::default() };
    Ok(Corrected { person: booked.person.clone(), effects })
}

/// What is used up more (less, where negative); none where both are not of one kind.
fn difference(counts: &Usage, now: &Usage) -> Option<UsageSums> {
    (counts.kind() == now.kind()).then(|| now.sums + -counts.sums)
}

fn faulty(settlement: &SettlementId, fault: CorrectionFault) -> Faulty {
    Faulty { settlement: settlement.clone(), fault }
}
