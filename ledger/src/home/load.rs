//! Reads the part of the book that a batch touches: one statement a table, whatever the size of the batch. With a place
//! of the book as the bound it reads what the operation at that place saw.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use settlement::decide::{Answered, Book, BookSeq, Claim, PersonBook, UsagePosting};
use settlement::encounter::CareKind;
use settlement::ids::{DiseaseCode, EncounterId, InstitutionCode, PersonNumber, SettlementId};
use settlement::money::Money;
use settlement::month::Month;
use settlement::operation::{Operation, OperationKey, ReversalTarget};
use settlement::person::{Insurance, Person};
use settlement::year_to_date::{BenefitYear, Usage, UsageSums};

use super::Wire;
use super::affected;
use super::corrected;
use super::row::Columns;
use super::settlements;
use super::stays;
use super::unseen::seen;
use super::versions::{self, Recent};
pub(super) use super::wanted::Wanted;
use crate::engine::{Sql, list};
use crate::store::StoreError;
use crate::values;

/// The bound that lets everything through.
pub(super) const NOW: i64 = i64::MAX;

/// The book, and what of the store it was read from.
pub(super) struct Loaded {
    pub book: Book,
    /// Which version of each person's dated facts was read.
    pub enrollees: HashMap<PersonNumber, i64>,
    /// Stored answers of the batch's keys, by place.
    pub outcomes: HashMap<BookSeq, Bytes>,
}

/// Reads the book as it is.
pub(super) fn book(sql: &Sql<'_>, wire: Wire, recent: &Recent, wanted: &Wanted<'_>) -> Result<Loaded, StoreError> {
    let book = book_below(sql, wire, wanted, NOW)?;
    let mut loaded = Loaded { book, enrollees: HashMap::new(), outcomes: HashMap::new() };
    answers(sql, wire, wanted, &mut loaded)?;
    let mut owners = BTreeSet::new();
    for (enrollee, person) in versions::current(sql, recent, &wanted.people())? {
        let number = person.number.clone();
        owners.extend(owners_of(&person, wanted));
        loaded.book.person(&number).person = Some(person);
        loaded.enrollees.insert(number, enrollee);
    }
    accounts_of_owners(sql, &owners, NOW, &mut loaded.book)?;
    Ok(loaded)
}

/// The relatives whose accounts may pay for a person and are not loaded for their own sake.
pub(super) fn owners_of(person: &Person, wanted: &Wanted<'_>) -> BTreeSet<PersonNumber> {
    let here = person.family.iter().filter(|shared| shared.kept_here).map(|shared| &shared.account.owner);
    here.filter(|owner| !wanted.has(owner)).cloned().collect()
}

/// Reads what is on the accounts of relatives.
pub(super) fn accounts_of_owners(
    sql: &Sql<'_>,
    owners: &BTreeSet<PersonNumber>,
    before: i64,
    book: &mut Book,
) -> Result<(), StoreError> {
    if owners.is_empty() {
        return Ok(());
    }
    accounts_and_claims(sql, &list(owners.iter().map(PersonNumber::as_str)), before, book)
}

/// Reads the book below a place, without answers and without the facts of people.
pub(super) fn book_below(sql: &Sql<'_>, wire: Wire, wanted: &Wanted<'_>, before: i64) -> Result<Book, StoreError> {
    let mut book = Book::default();
    marks(sql, wanted, before, &mut book)?;
    let corrected = settlements::touched(sql, wire, wanted, before, &mut book)?;
    corrected::count(sql, &corrected, before, &mut book)?;
    for person in &wanted.undoing {
        book.person(person).readers = affected::readers(sql, person.as_str(), before)?;
    }
    used(sql, wanted, before, &mut book)?;
    accounts_and_claims(sql, &wanted.people(), before, &mut book)?;
    Ok(book)
}

/// The last place that is filled.
pub(super) fn last_seq(sql: &Sql<'_>) -> Result<BookSeq, StoreError> {
    sql.get("SELECT COALESCE(MAX(book_seq), 0) FROM operations", &[], |row| row.number(0).map(seq))
}

pub(super) fn seq(stored: i64) -> BookSeq {
    BookSeq(stored.unsigned_abs())
}

/// Reads an operation; none where its key was voided before it came.
pub(super) fn operation(
    columns: &Columns<'_>,
    wire: Wire,
    kind: &str,
    bytes: &[u8],
) -> Result<Option<Arc<Operation>>, StoreError> {
    if kind == "void" {
        return Ok(None);
    }
    let read = (wire.read_operation)(bytes).map_err(|problem| columns.corrupt("bytes", problem))?;
    Ok(Some(Arc::new(read)))
}

fn answers(sql: &Sql<'_>, wire: Wire, wanted: &Wanted<'_>, loaded: &mut Loaded) -> Result<(), StoreError> {
    const ANSWERS: &str = "SELECT book_seq, outcome, operations.key AS key, kind, bytes FROM json_each(?1) AS wanted
           CROSS JOIN operations WHERE operations.key = wanted.value";
    sql.query(ANSWERS, values![&wanted.keys()], |row| {
        let columns = Columns::of(row, "operations");
        let seq = seq(columns.number("book_seq")?);
        loaded.outcomes.insert(seq, Bytes::copy_from_slice(columns.blob("outcome")?));
        let key = OperationKey::from_text(columns.text("key")?).ok_or_else(|| columns.corrupt("key", "is no key"))?;
        let (kind, bytes) = (columns.text("kind")?, columns.blob("bytes")?);
        let operation = operation(&columns, wire, kind, bytes)?;
        loaded.book.person(&key.person.clone()).answers.insert(key, Answered { operation, seq });
        Ok(())
    })
    .map(drop)
}

/// The last place, which of the new ids are taken, and which messages may never take effect.
fn marks(sql: &Sql<'_>, wanted: &Wanted<'_>, before: i64, book: &mut Book) -> Result<(), StoreError> {
    const MARKS: &str = "SELECT 'last' AS mark, '' AS name, COALESCE(MAX(book_seq), 0) AS place FROM operations
              WHERE book_seq < ?1
             UNION ALL
             SELECT 'taken', settlements.settlement, settlements.book_seq FROM json_each(?2) AS wanted
               CROSS JOIN settlements WHERE settlements.settlement = wanted.value AND +settlements.book_seq < ?1
             UNION ALL
             SELECT 'taken', undoings.counter, undoings.book_seq FROM json_each(?2) AS wanted
               CROSS JOIN undoings
              WHERE undoings.counter = wanted.value AND undoings.counter <> '' AND +undoings.book_seq < ?1
             UNION ALL
             SELECT 'tombstone', tombstones.target, tombstones.book_seq FROM json_each(?3) AS wanted
               CROSS JOIN tombstones WHERE tombstones.target = wanted.value AND tombstones.book_seq < ?1";
    sql.query(MARKS, values![before, &wanted.new_ids(), &wanted.own_targets()], |row| {
        let columns = Columns::of(row, "operations");
        match columns.text("mark")? {
            "last" => {
                let _name = columns.text("name")?;
                book.last_seq = seq(columns.number("place")?);
            }
            "taken" => {
                book.taken.insert(columns.id("name", SettlementId::new)?);
            }
            _ => {
                let target = ReversalTarget::from_text(columns.text("name")?);
                let target = target.ok_or_else(|| columns.corrupt("target", "is no target"))?;
                book.person(&target.person.clone()).tombstones.insert(target);
            }
        }
        Ok(())
    })
    .map(drop)
}

fn used(sql: &Sql<'_>, wanted: &Wanted<'_>, before: i64, book: &mut Book) -> Result<(), StoreError> {
    const USED: &str = concat!(
        "SELECT usages.person AS person, ",
        usage!(),
        ", ",
        stays::stay!(),
        " FROM json_each(?1) AS wanted
           CROSS JOIN usages
           LEFT JOIN posted_stays AS stay ON usages.posting <> '' AND stay.posting = usages.posting
                 AND NOT EXISTS (SELECT 1 FROM postings AS counter
                                  WHERE counter.cancels = usages.posting AND counter.cancels <> ''
                                    AND counter.after_seq < ?2 AND ",
        seen!("counter.id"),
        ")
           LEFT JOIN postings AS stayed ON stayed.id = stay.posting
          WHERE usages.person = wanted.value AND usages.after_seq < ?2
            AND (usages.posting = '' OR ",
        seen!("usages.posting"),
        ")"
    );
    sql.query(USED, values![&wanted.people(), before], |row| {
        let columns = Columns::of(row, "usages");
        let person = person(&columns, book)?;
        let used = usage_posting(&columns)?;
        person.used.add(&used);
        person.posted_stays.extend(stays::read(&columns, &used)?);
        Ok(())
    })
    .map(drop)
}

fn accounts_and_claims(sql: &Sql<'_>, people: &str, before: i64, book: &mut Book) -> Result<(), StoreError> {
    const ACCOUNTS_AND_CLAIMS: &str = concat!(
        "SELECT account_entries.person AS person, account_entries.amount AS amount,
                    '' AS claim, '' AS institution, '' AS encounter
               FROM json_each(?1) AS wanted
               CROSS JOIN account_entries
              WHERE account_entries.person = wanted.value AND account_entries.after_seq < ?2
                AND (account_entries.posting = '' OR ",
        seen!("account_entries.posting"),
        ")
             UNION ALL
             SELECT claim.person, 0, claim.id, claim.institution, claim.encounter
               FROM json_each(?1) AS wanted
               CROSS JOIN postings AS claim
              WHERE claim.person = wanted.value AND claim.kind = 'manual-claim' AND claim.cancels = ''
                AND claim.encounter <> '' AND claim.after_seq < ?2 AND ",
        seen!("claim.id"),
        "
                AND NOT EXISTS (SELECT 1 FROM postings AS counter
                                 WHERE counter.cancels = claim.id AND counter.cancels <> ''
                                   AND counter.after_seq < ?2 AND ",
        seen!("counter.id"),
        ")"
    );
    sql.query(ACCOUNTS_AND_CLAIMS, values![people, before], |row| {
        let columns = Columns::of(row, "account_entries");
        let person = person(&columns, book)?;
        person.account_balance += Money::from_fen(columns.number("amount")?);
        let id = columns.text("claim")?;
        if !id.is_empty() {
            let institution = columns.id("institution", InstitutionCode::new)?;
            let encounter = columns.id("encounter", EncounterId::new)?;
            person.claims.push(Claim { id: id.to_owned(), institution, encounter });
        }
        Ok(())
    })
    .map(drop)
}

fn person<'b>(columns: &Columns<'_>, book: &'b mut Book) -> Result<&'b mut PersonBook, StoreError> {
    Ok(book.person(&columns.id("person", PersonNumber::new)?))
}

/// The columns of a usage, in the order in which [`usage_posting`] reads them.
macro_rules! usage {
    () => {
        "usages.day AS day, usages.year AS year, usages.insurance AS insurance,
    usages.care AS care, usages.disease AS disease, usages.month AS month, usages.stays AS stays,
    usages.deductible AS deductible, usages.in_policy AS in_policy, usages.basic AS basic,
    usages.above_cap AS above_cap, usages.large_sum AS large_sum, usages.catastrophic_base AS catastrophic_base,
    usages.catastrophic AS catastrophic, usages.civil_servant_base AS civil_servant_base,
    usages.civil_servant AS civil_servant, usages.assistance_base AS assistance_base,
    usages.assistance AS assistance, usages.tilt_base AS tilt_base, usages.tilt AS tilt"
    };
}
pub(super) use usage;

pub(super) fn usage_posting(columns: &Columns<'_>) -> Result<UsagePosting, StoreError> {
    let money = |column| columns.number(column).map(Money::from_fen);
    let day = columns.date("day")?;
    let year = i16::try_from(columns.number("year")?).map_err(|problem| columns.corrupt("year", problem))?;
    Ok(UsagePosting {
        usage: Usage {
            year: BenefitYear(year),
            insurance: columns.word("insurance", Insurance::from_word)?,
            care: columns.word("care", CareKind::from_word)?,
            disease: columns.optional_id("disease", DiseaseCode::new)?,
            month: columns.word("month", Month::from_text)?,
            sums: UsageSums {
                stays: columns.number("stays")?,
                deductible: money("deductible")?,
                in_policy: money("in_policy")?,
                basic: money("basic")?,
                above_cap: money("above_cap")?,
                large_sum: money("large_sum")?,
                catastrophic_base: money("catastrophic_base")?,
                catastrophic: money("catastrophic")?,
                civil_servant_base: money("civil_servant_base")?,
                civil_servant: money("civil_servant")?,
                assistance_base: money("assistance_base")?,
                assistance: money("assistance")?,
                tilt_base: money("tilt_base")?,
                tilt: money("tilt")?,
            },
        },
        day,
    })
}
