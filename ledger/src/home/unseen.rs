//! Postings that stand in the book before entries that were decided without them. A region posts its files when it starts,
//! also when its book was restored from an older copy, and nothing in a file says after which entry it was first posted:
//! it stands where the copy ends. Of the entries that are taken back after it, those at its first place and before had not
//! seen it, and the later ones had. Which is which, each answer says by itself: it comes out again from what it saw, and
//! from nothing else. Called by [`super::take_back`] and [`super::affected`].

use std::collections::BTreeSet;

use jiff::Timestamp;
use settlement::decide::{Book, BookSeq, UsagePosting};
use settlement::ids::PersonNumber;

use super::affected::{self, Late};
use super::append::place;
use super::corrected::{self, Made};
use super::past::Past;
use super::row::Columns;
use super::{load, postings, stays};
use crate::engine::{Sql, Value, list};
use crate::store::StoreError;
use crate::values;

/// In a statement whose ?2 bounds the book: what the operation at that place had seen.
macro_rules! seen {
    ($posting:literal) => {
        concat!(
            "NOT EXISTS (SELECT 1 FROM unseen_postings
                          WHERE unseen_postings.book_seq = ?2 AND unseen_postings.posting = ",
            $posting,
            ")"
        )
    };
}
pub(super) use seen;

/// A posting that came after an entry was decided.
#[derive(Clone)]
pub(super) struct Later {
    posting: String,
    /// The entry's person, or a relative whose account may pay.
    of: PersonNumber,
}

/// What was posted after an instant for a person, and on the accounts of relatives, in the order of posting.
pub(super) fn posted_after(
    sql: &Sql<'_>,
    person: &PersonNumber,
    relatives: &BTreeSet<PersonNumber>,
    at: Timestamp,
) -> Result<Vec<Later>, StoreError> {
    const POSTED: &str = "SELECT postings.id AS id, postings.person AS person FROM json_each(?1) AS wanted
           CROSS JOIN postings
          WHERE postings.person = wanted.value AND postings.posted_at > ?3
            AND (postings.person = ?2 OR EXISTS (SELECT 1 FROM account_entries
                 WHERE account_entries.person = postings.person AND account_entries.posting = postings.id))
          ORDER BY postings.posted_at, postings.id";
    let people = list(relatives.iter().chain([person]).map(PersonNumber::as_str));
    sql.query(POSTED, values![&people, person.as_str(), at.as_microsecond()], |row| {
        let columns = Columns::of(row, "postings");
        let posting = columns.text("id")?.to_owned();
        Ok(Later { posting, of: columns.id("person", PersonNumber::new)? })
    })
}

/// Which postings an entry had not seen, of those that were posted after it was decided. They were first posted in the
/// order in which they were posted now, so the first so many had been seen: as few as the answer comes out with. Where it
/// never does, none was.
pub(super) fn of(
    sql: &Sql<'_>,
    posted: &[Later],
    past: &Past,
    comes_out: impl Fn(Past) -> bool,
) -> Result<Vec<Later>, StoreError> {
    // The book with everything, then without the last of them, and so on.
    let mut book = past.book.clone();
    let mut books = vec![book.clone()];
    for Later { posting, of } in posted.iter().rev() {
        take_out(sql, &mut book, of, posting)?;
        books.push(book.clone());
    }
    let comes_out_of = |book: &Book| comes_out(Past { book: book.clone(), ..past.clone() });
    let unseen = books.iter().rposition(comes_out_of).unwrap_or(posted.len());
    Ok(posted[posted.len() - unseen..].to_vec())
}

/// Notes what an entry had not seen, and marks it where it should have read it: as what is posted after an entry does.
pub(super) fn note(sql: &Sql<'_>, seq: BookSeq, person: &PersonNumber, unseen: &[Later]) -> Result<(), StoreError> {
    const NOTE: &str = "INSERT INTO unseen_postings (book_seq, posting) VALUES (?1, ?2)";
    if unseen.is_empty() {
        return Ok(());
    }
    let rows: Vec<[Value<'_>; 2]> = unseen.iter().map(|later| [place(seq).into(), (&later.posting).into()]).collect();
    sql.execute_each(NOTE, &rows)?;
    let mut readers = affected::readers(sql, person.as_str(), load::NOW)?;
    readers.retain(|reader| reader.seq == seq);
    for UnseenUsage { posting, stands_at, used, takes_back, corrects } in unseen_usages(sql, seq, person)? {
        let takes_back = takes_back.as_ref().map(|(original, at)| (original.as_str(), *at));
        affected::mark(sql, &readers, &Late { seq: stands_at, posting: &posting, used: &used, takes_back, corrects })?;
    }
    Ok(())
}

/// The places at which a posting had not been seen.
pub(super) fn places(sql: &Sql<'_>, posting: &str) -> Result<BTreeSet<BookSeq>, StoreError> {
    let text = "SELECT book_seq FROM unseen_postings WHERE posting = ?1";
    Ok(sql.query(text, values![posting], |row| row.number(0).map(load::seq))?.into_iter().collect())
}

fn take_out(sql: &Sql<'_>, book: &mut Book, person: &PersonNumber, posting: &str) -> Result<(), StoreError> {
    let (usage, account, _) = postings::counter(sql, person, posting)?;
    let correction = corrected::made_as(sql, posting)?;
    let stay = stays::unchanged(sql, posting)?;
    let person = book.person(person);
    if let Some(Made { correction, sums, .. }) = correction {
        let corrected =
            person.settlements.iter_mut().filter(|booked| booked.settled.settlement == correction.settlement);
        corrected.for_each(|booked| {
            booked.corrected = Some(correction.told);
            booked.usage.usage.sums += -sums;
        });
    }
    if let Some(used) = usage {
        person.used.add(&used);
    }
    if let Some(change) = &stay {
        person.change_stay(change);
    }
    person.account_balance += account;
    person.claims.retain(|claim| claim.id != posting);
    Ok(())
}

/// What an unseen posting uses up.
struct UnseenUsage {
    posting: String,
    stands_at: BookSeq,
    used: UsagePosting,
    /// The posting that it takes back, and where that one stands.
    takes_back: Option<(String, BookSeq)>,
    /// The place of the settlement that it corrects.
    corrects: Option<BookSeq>,
}

fn unseen_usages(sql: &Sql<'_>, seq: BookSeq, person: &PersonNumber) -> Result<Vec<UnseenUsage>, StoreError> {
    const UNSEEN: &str = concat!(
        "SELECT postings.id AS id, postings.after_seq AS stands_at, postings.cancels AS cancels,
                COALESCE(original.after_seq, 0) AS original_at, COALESCE(settlements.book_seq, 0) AS corrects_at, ",
        load::usage!(),
        " FROM unseen_postings
           JOIN postings ON postings.id = unseen_postings.posting
           JOIN usages ON usages.person = postings.person AND usages.after_seq = postings.after_seq
                      AND usages.posting = postings.id
           LEFT JOIN postings AS original ON original.id = postings.cancels
           LEFT JOIN corrections ON corrections.posting = postings.id
           LEFT JOIN settlements ON settlements.settlement = corrections.settlement
          WHERE unseen_postings.book_seq = ?1 AND postings.person = ?2"
    );
    sql.query(UNSEEN, values![place(seq), person.as_str()], |row| {
        let columns = Columns::of(row, "postings");
        let (id, stands_at) = (columns.text("id")?.to_owned(), load::seq(columns.number("stands_at")?));
        let (cancels, original_at) = (columns.text("cancels")?.to_owned(), columns.number("original_at")?);
        let takes_back = (!cancels.is_empty()).then(|| (cancels, load::seq(original_at)));
        let corrects = corrected::corrects_at(columns.number("corrects_at")?);
        let used = load::usage_posting(&columns)?;
        Ok(UnseenUsage { posting: id, stands_at, used, takes_back, corrects })
    })
}
