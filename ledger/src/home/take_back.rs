//! Takes an answered operation back, under its old number, into a book that was restored from an older copy. What it
//! appends is for [`settlement::decide::take_back`] to say. Called by the region's door, entry by entry.

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use settlement::decide::{BookSeq, Clash, Kept, Verdict, is_voided, take_back};
use settlement::outcome::{Done, Outcome};

use super::append::{Append, place};
use super::load::Loaded;
use super::past::Past;
use super::{Arrival, Asked, AttachedFilings, HomeStore, RuleSet, Wire, load, rule_books, unseen};
use crate::engine::Sql;
use crate::store::StoreError;
use crate::values;

/// An answered operation as the hub kept it, and its bytes.
#[derive(Clone, Debug)]
pub struct Returned {
    /// What it was.
    pub kept: Kept,
    /// The operation's bytes.
    pub bytes: Bytes,
    /// The answer's bytes.
    pub outcome: Bytes,
    /// The filings that were attached.
    pub filings: Option<AttachedFilings>,
    /// When the hub had the answer.
    pub answered_at: Timestamp,
}

/// What taking it back came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TakenBack {
    /// It stands in the book now.
    Now,
    /// It stood there already.
    Before,
}

impl HomeStore {
    /// Takes an entry back, in the order of the book. A refusal to take it is a value: nothing was written. `comes_out`
    /// says whether a replay is identical; it tells which of what was posted meanwhile the answer had seen.
    ///
    /// # Errors
    /// When a statement fails: nothing was changed, unless the commit itself failed; taking back again tells.
    pub async fn operation_take_back(
        &self,
        returned: Returned,
        rule_set: RuleSet,
        comes_out: impl Fn(Past) -> bool + Send + 'static,
    ) -> Result<Result<TakenBack, Clash>, StoreError> {
        let (wire, recent) = (self.wire, self.recent.clone());
        self.engine
            .change(move |sql| {
                let operate = [asked(&returned, false)];
                let mut loaded = load::book(sql, wire, &recent, &load::Wanted::of(&operate))?;
                let held = loaded.book.last_seq;
                let decision = match take_back(&mut loaded.book, &returned.kept) {
                    Err(clash) => return Ok(Err(clash)),
                    Ok(Verdict::New { seq: _, decision }) => decision,
                    Ok(Verdict::Known { seq }) => {
                        let same = loaded.outcomes.get(&seq) == Some(&returned.outcome);
                        return Ok(if same { Ok(TakenBack::Before) } else { Err(Clash::AnsweredOtherwise) });
                    }
                    Ok(Verdict::Undecided(_) | Verdict::ContentDiffers { field: _ }) => {
                        return Ok(Err(Clash::PlaceTaken));
                    }
                };
                lose(sql, held, returned.kept.seq, returned.answered_at)?;
                let rule_set = rule_set_of(sql, &returned.kept.outcome)?.unwrap_or(rule_set);
                let asked = asked(&returned, is_voided(&returned.kept.outcome));
                let (seq, person) = (returned.kept.seq, &returned.kept.operation.key.person);
                let posted = match &asked {
                    Asked::Operate(_) => {
                        let facts = loaded.book.person(person).person.as_deref();
                        let wanted = load::Wanted::of(&operate);
                        let relatives = facts.map(|facts| load::owners_of(facts, &wanted)).unwrap_or_default();
                        unseen::posted_after(sql, person, &relatives, decided_at(&returned))?
                    }
                    // It has no content that could have seen anything.
                    Asked::Resolve(_) => Vec::new(),
                };
                let unseen = if posted.is_empty() {
                    posted
                } else {
                    let past = past(sql, wire, &returned, &mut loaded, rule_set)?;
                    unseen::of(sql, &posted, &past, &comes_out)?
                };
                let mut append = Append::new(wire, rule_set, decided_at(&returned));
                append.take(&loaded, &asked, seq, *decision, returned.outcome.clone());
                append.write(sql)?;
                unseen::note(sql, seq, person, &unseen)?;
                Ok(Ok(TakenBack::Now))
            })
            .await
    }
}

/// A voided key keeps no content.
fn asked(returned: &Returned, voided: bool) -> Asked {
    if voided {
        return Asked::Resolve(returned.kept.operation.key.clone());
    }
    Asked::Operate(Box::new(Arrival {
        operation: Arc::clone(&returned.kept.operation),
        bytes: returned.bytes.clone(),
        filings: returned.filings.clone(),
    }))
}

/// The entry as a replay would read it, with everything that stands before it.
fn past(
    sql: &Sql<'_>,
    wire: Wire,
    returned: &Returned,
    loaded: &mut Loaded,
    rule_set: RuleSet,
) -> Result<Past, StoreError> {
    let operation = &returned.kept.operation;
    let operate = [asked(returned, false)];
    let wanted = load::Wanted::of(&operate);
    let mut book = load::book_below(sql, wire, &wanted, load::NOW)?;
    let number = &operation.key.person;
    let person = loaded.book.person(number).person.clone();
    if let Some(person) = &person {
        load::accounts_of_owners(sql, &load::owners_of(person, &wanted), load::NOW, &mut book)?;
    }
    book.person(number).person = person;
    Ok(Past {
        seq: returned.kept.seq,
        operation: Some(Arc::clone(operation)),
        filing: returned.filings.as_ref().map(|attached| attached.bytes.clone()),
        book,
        rule_books: rule_books::texts(sql, rule_set.0)?,
        rule_set: rule_set.0,
        decided_at: decided_at(returned),
        outcome: returned.outcome.clone(),
    })
}

fn decided_at(returned: &Returned) -> Timestamp {
    match &returned.kept.outcome {
        Outcome::Accepted { decided_at, done: _ } => *decided_at,
        Outcome::Refused(_) => returned.answered_at,
    }
}

/// Notes the places between the end of the book and the entry: nobody outside ever heard of what stood there.
fn lose(sql: &Sql<'_>, held: BookSeq, seq: BookSeq, at: Timestamp) -> Result<(), StoreError> {
    for lost in held.0 + 1..seq.0 {
        sql.execute(
            "INSERT INTO lost_places (book_seq, noted_at) VALUES (?1, ?2)",
            values![place(BookSeq(lost)), at.as_microsecond()],
        )?;
    }
    Ok(())
}

/// The newest set of rule books that has the one by which a settlement was decided, so that a replay finds it.
fn rule_set_of(sql: &Sql<'_>, outcome: &Outcome) -> Result<Option<RuleSet>, StoreError> {
    let Outcome::Accepted { decided_at: _, done: Done::Settled(settled) } = outcome else { return Ok(None) };
    sql.find(
        "SELECT rule_set FROM rule_set_books WHERE hash = ?1 ORDER BY rule_set DESC LIMIT 1",
        values![settled.rule_book.0.as_slice()],
        |row| row.number(0).map(RuleSet),
    )
}
