//! The settlements that a batch touches, and where they stand: its people's stays, its visits, what it cancels, what its
//! reversals mean. How they count since they were corrected is for [`super::corrected`]. Called by [`super::load`].

use std::collections::{BTreeSet, HashMap};

use settlement::decide::{Book, BookSeq, Booked, Deed, Message, Visit};
use settlement::encounter::{CareKind, HospitalLevel};
use settlement::ids::{BatchNumber, DiagnosisCode, EncounterId, InstitutionCode, PersonNumber, SettlementId};
use settlement::lifecycle::Standing;
use settlement::operation::OperationKey;
use settlement::outcome::{Done, Outcome};

use super::Wire;
use super::load::{Wanted, seq, usage, usage_posting};
use super::row::Columns;
use crate::engine::{Sql, list};
use crate::store::StoreError;
use crate::values;

/// Reads them into the book.
pub(super) fn touched(
    sql: &Sql<'_>,
    wire: Wire,
    wanted: &Wanted<'_>,
    before: i64,
    book: &mut Book,
) -> Result<(), StoreError> {
    let mut ids = wanted.cancelled.clone();
    if let Some(prefixes) = wanted.reversed_prefixes() {
        messages(sql, &prefixes, before, book, &mut ids)?;
    }
    // A reversal of a cancellation has to know whether the visit was settled again.
    let encounters = encounters_of(sql, &ids)?;
    booked(sql, wire, (wanted, &encounters, &ids), before, book)?;
    standings(sql, before, book)
}

/// The messages that reversals may mean, oldest first, and the settlements that they are about. A key begins with what
/// a reversal names, so the index of keys serves.
fn messages(
    sql: &Sql<'_>,
    prefixes: &str,
    before: i64,
    book: &mut Book,
    about: &mut BTreeSet<String>,
) -> Result<(), StoreError> {
    const MESSAGES: &str = "SELECT operations.book_seq AS place, operations.key AS key, operations.kind AS kind,
                    operations.accepted AS accepted, COALESCE(settlements.settlement, '') AS settled,
                    COALESCE(undoings.settlement, '') AS undone, COALESCE(undoings.counter, '') AS counter
               FROM json_each(?1) AS wanted
               CROSS JOIN operations
               LEFT JOIN settlements ON settlements.book_seq = operations.book_seq
               LEFT JOIN undoings ON undoings.book_seq = operations.book_seq
              WHERE operations.key >= wanted.value AND operations.key < wanted.value || ?2
                AND +operations.book_seq < ?3 AND operations.kind <> 'void'
              ORDER BY operations.book_seq";
    sql.query(MESSAGES, values![prefixes, "\u{10ffff}", before], |row| {
        let columns = Columns::of(row, "operations");
        let _place = columns.number("place")?;
        let key = OperationKey::from_text(columns.text("key")?).ok_or_else(|| columns.corrupt("key", "is no key"))?;
        let deed = deed(&columns)?;
        match &deed {
            Deed::Settled(settlement) | Deed::Cancelled { settlement, counter: _ } => {
                about.insert(settlement.to_string());
            }
            Deed::Reversed | Deed::Refused => {}
        }
        book.person(&key.person).messages.push(Message { target: key.as_target(), deed });
        Ok(())
    })
    .map(drop)
}

fn deed(columns: &Columns<'_>) -> Result<Deed, StoreError> {
    let (kind, accepted) = (columns.text("kind")?, columns.flag("accepted")?);
    let settled = columns.optional_id("settled", SettlementId::new)?;
    let undone = columns.optional_id("undone", SettlementId::new)?;
    let counter = columns.optional_id("counter", SettlementId::new)?;
    match (kind, accepted, settled, undone, counter) {
        ("settle", true, Some(settled), None, None) => Ok(Deed::Settled(settled)),
        ("cancel", true, None, Some(settlement), Some(counter)) => Ok(Deed::Cancelled { settlement, counter }),
        ("reverse", true, None, _, None) => Ok(Deed::Reversed),
        (_, false, None, None, None) => Ok(Deed::Refused),
        _ => Err(columns.corrupt("kind", "does not agree with what was appended")),
    }
}

fn encounters_of(sql: &Sql<'_>, ids: &BTreeSet<String>) -> Result<Vec<String>, StoreError> {
    const ENCOUNTERS: &str = "SELECT settlements.encounter FROM json_each(?1) AS wanted
           CROSS JOIN settlements WHERE settlements.settlement = wanted.value";
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    sql.query(ENCOUNTERS, values![&list(ids.iter().map(String::as_str))], |row| Ok(row.text(0)?.to_owned()))
}

fn booked(
    sql: &Sql<'_>,
    wire: Wire,
    (wanted, encounters, ids): (&Wanted<'_>, &[String], &BTreeSet<String>),
    before: i64,
    book: &mut Book,
) -> Result<(), StoreError> {
    const BOOKED: &str = concat!(
        "SELECT settlements.book_seq AS place, operations.outcome AS outcome, settlements.home AS home,
                settlements.person AS person, settlements.encounter AS encounter,
                settlements.institution AS institution, settlements.treatment AS treatment,
                settlements.care AS visit_care, settlements.admitted AS admitted,
                settlements.discharged AS discharged, settlements.charge_batch AS charge_batch,
                settlements.interim AS interim, settlements.level AS level, settlements.diagnosis AS diagnosis, ",
        usage!(),
        " FROM (SELECT usages.after_seq AS place FROM json_each(?1) AS wanted CROSS JOIN usages
                 WHERE usages.person = wanted.value AND usages.posting = ''
                   AND (usages.care = 'inpatient' OR usages.encounter IN (SELECT value FROM json_each(?2)))
                UNION
                SELECT settlements.book_seq FROM json_each(?3) AS wanted CROSS JOIN settlements
                 WHERE settlements.settlement = wanted.value) AS touched
           CROSS JOIN settlements
           CROSS JOIN operations
           CROSS JOIN usages
          WHERE settlements.book_seq = touched.place AND +settlements.book_seq < ?4
            AND operations.book_seq = settlements.book_seq
            AND usages.person = settlements.person AND usages.after_seq = settlements.book_seq
            AND usages.posting = ''
          ORDER BY settlements.book_seq"
    );
    let (people, encounters) = (wanted.people(), wanted.encounters(encounters));
    let ids = list(ids.iter().map(String::as_str));
    sql.query(BOOKED, values![&people, &encounters, &ids, before], |row| {
        let booked = read(&Columns::of(row, "settlements"), wire)?;
        book.person(&booked.person.clone()).settlements.push(booked);
        Ok(())
    })
    .map(drop)
}

fn read(columns: &Columns<'_>, wire: Wire) -> Result<Booked, StoreError> {
    let place = seq(columns.number("place")?);
    let outcome =
        (wire.read_outcome)(columns.blob("outcome")?).map_err(|problem| columns.corrupt("outcome", problem))?;
    let Outcome::Accepted { decided_at: _, done: Done::Settled(settled) } = outcome else {
        return Err(columns.corrupt("outcome", "is not a settlement"));
    };
    Ok(Booked {
        seq: place,
        settled: *settled,
        home: columns.pool("home")?,
        person: columns.id("person", PersonNumber::new)?,
        visit: Visit {
            encounter: columns.id("encounter", EncounterId::new)?,
            institution: columns.id("institution", InstitutionCode::new)?,
            treatment: columns.pool("treatment")?,
            care: columns.word("visit_care", CareKind::from_word)?,
            admitted: columns.date("admitted")?,
            discharged: columns.optional_date("discharged")?,
            batch: columns.optional_id("charge_batch", BatchNumber::new)?,
            interim: columns.flag("interim")?,
            level: columns.word("level", HospitalLevel::from_word)?,
            diagnosis: columns.optional_id("diagnosis", DiagnosisCode::new)?,
        },
        usage: usage_posting(columns)?,
        corrected: None,
        standing: Standing::InForce,
        changed: None,
    })
}

/// Lets the settlements in the book stand where they were left.
fn standings(sql: &Sql<'_>, before: i64, book: &mut Book) -> Result<(), StoreError> {
    const UNDOINGS: &str = "SELECT book_seq, settlement, becomes, counter FROM json_each(?1) AS wanted
           CROSS JOIN undoings WHERE undoings.settlement = wanted.value AND book_seq < ?2 ORDER BY book_seq";
    let settlements = || book.people.values().flat_map(|person| &person.settlements);
    if settlements().next().is_none() {
        return Ok(());
    }
    let ids = list(settlements().map(|booked| booked.settled.settlement.as_str()));
    let mut last: HashMap<SettlementId, (Standing, BookSeq)> = HashMap::new();
    sql.query(UNDOINGS, values![&ids, before], |row| {
        let columns = Columns::of(row, "undoings");
        let changed = seq(columns.number("book_seq")?);
        last.insert(columns.id("settlement", SettlementId::new)?, (standing(&columns)?, changed));
        Ok(())
    })?;
    for booked in book.people.values_mut().flat_map(|person| &mut person.settlements) {
        if let Some((standing, changed)) = last.remove(&booked.settled.settlement) {
            (booked.standing, booked.changed) = (standing, Some(changed));
        }
    }
    Ok(())
}

/// What a row of `undoings` makes of its settlement.
pub(super) fn standing(columns: &Columns<'_>) -> Result<Standing, StoreError> {
    match columns.text("becomes")? {
        "in-force" => Ok(Standing::InForce),
        "reversed" => Ok(Standing::Reversed),
        "cancelled" => Ok(Standing::Cancelled { counter: columns.id("counter", SettlementId::new)? }),
        _ => Err(columns.corrupt("becomes", "is not one of its words")),
    }
}
