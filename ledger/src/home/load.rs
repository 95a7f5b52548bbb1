//! Reads the part of the book that a batch touches: one query a table, whatever the size of the batch. With a place
//! of the book as the bound it reads what the operation at that place saw.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use rusqlite::{Connection, Row};
use settlement::decide::{Answered, Book, BookSeq, Booked, Claim, Deed, Message, PersonBook, UsagePosting, Visit};
use settlement::encounter::CareKind;
use settlement::ids::{BatchNumber, DiseaseCode, EncounterId, InstitutionCode, PersonNumber, SettlementId};
use settlement::lifecycle::Standing;
use settlement::money::Money;
use settlement::operation::{Request, ReversalTarget};
use settlement::outcome::{Done, Outcome};
use settlement::person::Insurance;
use settlement::year_to_date::{BenefitYear, Usage, UsageSums};

use super::row::{Columns, list};
use super::{Asked, Wire, affected, enrollees};
use crate::engine::Sql;
use crate::store::StoreError;

/// The bound that lets everything through.
pub(super) const NOW: i64 = i64::MAX;

/// What a batch touches.
#[derive(Default)]
pub(super) struct Wanted {
    people: BTreeSet<String>,
    keys: BTreeSet<String>,
    /// Targets of the batch's own messages: is there a tombstone?
    own_targets: BTreeSet<String>,
    /// Targets of its reversals.
    reversed: BTreeSet<ReversalTarget>,
    encounters: BTreeSet<String>,
    cancelled: BTreeSet<String>,
    /// Who has something undone.
    undoing: BTreeSet<PersonNumber>,
    new_ids: BTreeSet<String>,
}

impl Wanted {
    pub fn of(asked: &[Asked]) -> Wanted {
        let mut wanted = Wanted::default();
        for asked in asked {
            let key = asked.key();
            wanted.keys.insert(key.to_text());
            match asked {
                Asked::Operate(arrival) => {
                    wanted.people.insert(key.person.to_string());
                    wanted.own_targets.insert(key.as_target().to_text());
                    wanted.request(&key.person, &arrival.operation.request);
                }
                Asked::Resolve(_) => {}
            }
        }
        wanted
    }

    fn request(&mut self, person: &PersonNumber, request: &Request) {
        match request {
            Request::Settle(settle) => {
                self.encounters.insert(settle.encounter.id.to_string());
                self.new_ids.insert(settle.settlement.to_string());
            }
            Request::Cancel(cancel) => {
                self.undoing.insert(person.clone());
                self.cancelled.insert(cancel.settlement.to_string());
                self.new_ids.insert(cancel.counter.to_string());
            }
            Request::Reverse(reverse) => {
                self.undoing.insert(person.clone());
                self.reversed.insert(reverse.target.clone());
            }
        }
    }
}

/// The book, and what of the store it was read from.
pub(super) struct Loaded {
    pub book: Book,
    /// Which version of each person's dated facts was read.
    pub enrollees: HashMap<PersonNumber, i64>,
    /// Stored answers of the batch's keys, by place.
    pub outcomes: HashMap<BookSeq, Bytes>,
}

/// Reads the book below a place.
pub(super) fn book(connection: &Connection, wire: Wire, wanted: &Wanted, before: i64) -> Result<Loaded, StoreError> {
    let mut loaded = Loaded { book: Book::default(), enrollees: HashMap::new(), outcomes: HashMap::new() };
    loaded.book.last_seq = last_seq(connection, before)?;
    if before == NOW {
        answers(connection, wire, wanted, &mut loaded)?;
        for (enrollee, person) in enrollees::current(connection, wanted.people.iter().map(String::as_str))? {
            let number = person.number.clone();
            loaded.book.person(&number).person = Some(Arc::new(person));
            loaded.enrollees.insert(number, enrollee);
        }
    }
    Reading { connection, wire, before, book: &mut loaded.book }.all(wanted)?;
    Ok(loaded)
}

pub(super) fn last_seq(connection: &Connection, before: i64) -> Result<BookSeq, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT COALESCE(MAX(book_seq), 0) FROM operations WHERE book_seq < ?1")?;
    Ok(statement.query_row([before], |row| row.get(0)).map(seq)?)
}

pub(super) fn seq(stored: i64) -> BookSeq {
    BookSeq(stored.unsigned_abs())
}

fn answers(connection: &Connection, wire: Wire, wanted: &Wanted, loaded: &mut Loaded) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT book_seq, outcome, operations.key AS key, kind, bytes FROM json_each(?1) AS wanted
           CROSS JOIN operations WHERE operations.key = wanted.value",
    )?;
    let mut rows = statement.query([list(wanted.keys.iter().map(String::as_str))])?;
    while let Some(row) = rows.next()? {
        let columns = Columns::of(row, "operations");
        let place = seq(columns.number("book_seq")?);
        loaded.outcomes.insert(place, Bytes::copy_from_slice(columns.blob("outcome")?));
        let key = super::append::read_key(columns.text("key")?).ok_or_else(|| columns.corrupt("key", "is no key"))?;
        let operation = match columns.text("kind")? {
            "void" => None,
            _ => {
                let read = (wire.read_operation)(columns.blob("bytes")?);
                Some(Arc::new(read.map_err(|problem| columns.corrupt("bytes", problem))?))
            }
        };
        loaded.book.person(&key.person.clone()).answers.insert(key, Answered { operation, seq: place });
    }
    Ok(())
}

struct Reading<'a> {
    connection: &'a Connection,
    wire: Wire,
    before: i64,
    book: &'a mut Book,
}

impl Reading<'_> {
    fn all(&mut self, wanted: &Wanted) -> Result<(), StoreError> {
        let people = list(wanted.people.iter().map(String::as_str));
        self.taken(wanted)?;
        self.tombstones(wanted)?;
        let mut settled: BTreeSet<String> = wanted.cancelled.clone();
        for target in &wanted.reversed {
            settled.extend(self.messages(target)?);
        }
        // A reversal of a cancellation has to know whether the visit was settled again.
        let mut encounters = wanted.encounters.clone();
        encounters.extend(self.encounters_of(&settled)?);
        self.settlements(&people, &list(encounters.iter().map(String::as_str)), &settled)?;
        self.readers(wanted)?;
        self.used(&people)?;
        self.accounts(&people)?;
        self.claims(&people)
    }

    /// Where something may be undone: who may have built on it.
    fn readers(&mut self, wanted: &Wanted) -> Result<(), StoreError> {
        for number in &wanted.undoing {
            let readers = affected::readers(&Sql::over(self.connection), number.as_str(), self.before)?;
            self.book.person(number).readers = readers;
        }
        Ok(())
    }

    fn taken(&mut self, wanted: &Wanted) -> Result<(), StoreError> {
        if wanted.new_ids.is_empty() {
            return Ok(());
        }
        let mut statement = self.connection.prepare_cached(
            "SELECT settlement FROM json_each(?1) AS wanted
               CROSS JOIN settlements WHERE settlements.settlement = wanted.value AND book_seq < ?2
             UNION ALL
             SELECT counter FROM json_each(?1) AS wanted
               CROSS JOIN undoings WHERE undoings.counter = wanted.value AND counter <> '' AND book_seq < ?2",
        )?;
        let mut rows = statement.query((list(wanted.new_ids.iter().map(String::as_str)), self.before))?;
        while let Some(row) = rows.next()? {
            let columns = Columns::of(row, "settlements");
            self.book.taken.insert(columns.id("settlement", SettlementId::new)?);
        }
        Ok(())
    }

    fn tombstones(&mut self, wanted: &Wanted) -> Result<(), StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT target FROM json_each(?1) AS wanted
               CROSS JOIN tombstones WHERE tombstones.target = wanted.value AND book_seq < ?2",
        )?;
        let mut rows = statement.query((list(wanted.own_targets.iter().map(String::as_str)), self.before))?;
        while let Some(row) = rows.next()? {
            let columns = Columns::of(row, "tombstones");
            let target = super::append::read_target(columns.text("target")?)
                .ok_or_else(|| columns.corrupt("target", "is no target"))?;
            self.book.person(&target.person.clone()).tombstones.insert(target);
        }
        Ok(())
    }

    /// The messages that a reversal may mean, oldest first, and the settlements that they are about. A key begins
    /// with what a reversal names, so the index of keys serves.
    fn messages(&mut self, target: &ReversalTarget) -> Result<Vec<String>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT operations.book_seq AS place, operations.kind AS kind, operations.accepted AS accepted,
                    COALESCE(settlements.settlement, '') AS settled,
                    COALESCE(undoings.settlement, '') AS undone, COALESCE(undoings.counter, '') AS counter
               FROM operations
               LEFT JOIN settlements ON settlements.book_seq = operations.book_seq
               LEFT JOIN undoings ON undoings.book_seq = operations.book_seq
              WHERE operations.key > ?1 AND operations.key < ?2 AND +operations.book_seq < ?3
                AND operations.kind <> 'void'
              ORDER BY +operations.book_seq",
        )?;
        let prefix = target.to_text();
        let mut rows = statement.query((format!("{prefix}\u{1f}"), format!("{prefix}\u{20}"), self.before))?;
        let mut about = Vec::new();
        while let Some(row) = rows.next()? {
            let columns = Columns::of(row, "operations");
            let _place = columns.number("place")?;
            let (kind, accepted) = (columns.text("kind")?, columns.flag("accepted")?);
            let settled = columns.optional_id("settled", SettlementId::new)?;
            let undone = columns.optional_id("undone", SettlementId::new)?;
            let counter = columns.optional_id("counter", SettlementId::new)?;
            let deed = match (kind, accepted, settled, undone, counter) {
                ("settle", true, Some(settled), None, None) => Deed::Settled(settled),
                ("cancel", true, None, Some(settlement), Some(counter)) => Deed::Cancelled { settlement, counter },
                ("reverse", true, None, _, None) => Deed::Reversed,
                (_, false, None, None, None) => Deed::Refused,
                _ => return Err(columns.corrupt("kind", "does not agree with what was appended")),
            };
            match &deed {
                Deed::Settled(settlement) | Deed::Cancelled { settlement, counter: _ } => {
                    about.push(settlement.to_string());
                }
                Deed::Reversed | Deed::Refused => {}
            }
            self.book.person(&target.person).messages.push(Message { target: target.clone(), deed });
        }
        Ok(about)
    }

    fn encounters_of(&self, settlements: &BTreeSet<String>) -> Result<Vec<String>, StoreError> {
        if settlements.is_empty() {
            return Ok(Vec::new());
        }
        let mut statement = self.connection.prepare_cached(
            "SELECT encounter FROM json_each(?1) AS wanted
               CROSS JOIN settlements WHERE settlements.settlement = wanted.value",
        )?;
        let rows = statement.query_map([list(settlements.iter().map(String::as_str))], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// All stays of the people, and whatever else the batch may touch.
    fn settlements(&mut self, people: &str, encounters: &str, ids: &BTreeSet<String>) -> Result<(), StoreError> {
        let mut found = BTreeMap::new();
        self.booked("settlements.person = wanted.value AND settlements.care = 'inpatient'", people, &mut found)?;
        self.booked("settlements.encounter = wanted.value", encounters, &mut found)?;
        if !ids.is_empty() {
            let ids = list(ids.iter().map(String::as_str));
            self.booked("settlements.settlement = wanted.value", &ids, &mut found)?;
        }
        for booked in found.into_values() {
            self.book.person(&booked.person.clone()).settlements.push(booked);
        }
        self.standings()
    }

    fn booked(
        &self,
        condition: &'static str,
        wanted: &str,
        found: &mut BTreeMap<BookSeq, Booked>,
    ) -> Result<(), StoreError> {
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT settlements.book_seq AS place, operations.outcome AS outcome, settlements.home AS home,
                    settlements.person AS person, settlements.encounter AS encounter,
                    settlements.institution AS institution, settlements.treatment AS treatment,
                    settlements.care AS visit_care, settlements.admitted AS admitted,
                    settlements.discharged AS discharged, settlements.charge_batch AS charge_batch,
                    settlements.interim AS interim, {USAGE}
               FROM json_each(?1) AS wanted
               CROSS JOIN settlements
               CROSS JOIN operations
               CROSS JOIN usages
              WHERE {condition} AND +settlements.book_seq < ?2
                AND operations.book_seq = settlements.book_seq
                AND usages.person = settlements.person AND usages.after_seq = settlements.book_seq
                AND usages.posting = ''"
        ))?;
        let mut rows = statement.query((wanted, self.before))?;
        while let Some(row) = rows.next()? {
            let booked = booked(row, self.wire)?;
            found.insert(booked.seq, booked);
        }
        Ok(())
    }

    fn standings(&mut self) -> Result<(), StoreError> {
        let ids: Vec<&str> = self
            .book
            .people
            .values()
            .flat_map(|person| &person.settlements)
            .map(|booked| booked.settled.settlement.as_str())
            .collect();
        if ids.is_empty() {
            return Ok(());
        }
        let mut statement = self.connection.prepare_cached(
            "SELECT book_seq, settlement, becomes, counter FROM json_each(?1) AS wanted
               CROSS JOIN undoings WHERE undoings.settlement = wanted.value AND book_seq < ?2
              ORDER BY wanted.key, book_seq",
        )?;
        let mut rows = statement.query((list(ids), self.before))?;
        let mut last: HashMap<SettlementId, (Standing, BookSeq)> = HashMap::new();
        while let Some(row) = rows.next()? {
            let columns = Columns::of(row, "undoings");
            let changed = seq(columns.number("book_seq")?);
            last.insert(columns.id("settlement", SettlementId::new)?, (standing(&columns)?, changed));
        }
        for booked in self.book.people.values_mut().flat_map(|person| &mut person.settlements) {
            if let Some((standing, changed)) = last.remove(&booked.settled.settlement) {
                (booked.standing, booked.changed) = (standing, Some(changed));
            }
        }
        Ok(())
    }

    fn used(&mut self, people: &str) -> Result<(), StoreError> {
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT usages.person AS person, {USAGE} FROM json_each(?1) AS wanted
               CROSS JOIN usages WHERE usages.person = wanted.value AND usages.after_seq < ?2"
        ))?;
        let mut rows = statement.query((people, self.before))?;
        while let Some(row) = rows.next()? {
            let columns = Columns::of(row, "usages");
            let person = self.person(&columns)?;
            person.used.add(&usage_posting(&columns)?.usage);
        }
        Ok(())
    }

    fn accounts(&mut self, people: &str) -> Result<(), StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT person, amount FROM json_each(?1) AS wanted
               CROSS JOIN account_entries WHERE account_entries.person = wanted.value AND after_seq < ?2",
        )?;
        let mut rows = statement.query((people, self.before))?;
        while let Some(row) = rows.next()? {
            let columns = Columns::of(row, "account_entries");
            self.person(&columns)?.account_balance += Money::from_fen(columns.number("amount")?);
        }
        Ok(())
    }

    fn claims(&mut self, people: &str) -> Result<(), StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT claim.person AS person, claim.id AS id, claim.institution AS institution,
                    claim.encounter AS encounter
               FROM json_each(?1) AS wanted
               CROSS JOIN postings AS claim
              WHERE claim.person = wanted.value AND claim.kind = 'manual-claim' AND claim.cancels = ''
                AND claim.encounter <> '' AND claim.after_seq < ?2
                AND NOT EXISTS (SELECT 1 FROM postings WHERE cancels = claim.id AND cancels <> '' AND after_seq < ?2)",
        )?;
        let mut rows = statement.query((people, self.before))?;
        while let Some(row) = rows.next()? {
            let columns = Columns::of(row, "postings");
            let person = self.person(&columns)?;
            person.claims.push(Claim {
                id: columns.text("id")?.to_owned(),
                institution: columns.id("institution", InstitutionCode::new)?,
                encounter: columns.id("encounter", EncounterId::new)?,
            });
        }
        Ok(())
    }

    fn person(&mut self, columns: &Columns<'_>) -> Result<&mut PersonBook, StoreError> {
        Ok(self.book.person(&columns.id("person", PersonNumber::new)?))
    }
}

fn booked(row: &Row<'_>, wire: Wire) -> Result<Booked, StoreError> {
    let columns = Columns::of(row, "settlements");
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
        },
        usage: usage_posting(&columns)?,
        standing: Standing::InForce,
        changed: None,
    })
}

pub(super) fn standing(columns: &Columns<'_>) -> Result<Standing, StoreError> {
    match columns.text("becomes")? {
        "in-force" => Ok(Standing::InForce),
        "reversed" => Ok(Standing::Reversed),
        "cancelled" => Ok(Standing::Cancelled { counter: columns.id("counter", SettlementId::new)? }),
        _ => Err(columns.corrupt("becomes", "is not one of its words")),
    }
}

/// The columns of a usage, in the order in which [`usage_posting`] reads them.
pub(super) const USAGE: &str = "usages.day AS day, usages.year AS year, usages.insurance AS insurance,
    usages.care AS care, usages.disease AS disease, usages.stays AS stays, usages.deductible AS deductible,
    usages.in_policy AS in_policy, usages.basic AS basic, usages.large_sum AS large_sum,
    usages.catastrophic_base AS catastrophic_base, usages.catastrophic AS catastrophic,
    usages.civil_servant AS civil_servant, usages.assistance AS assistance";

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
            sums: UsageSums {
                stays: columns.number("stays")?,
                deductible: money("deductible")?,
                in_policy: money("in_policy")?,
                basic: money("basic")?,
                large_sum: money("large_sum")?,
                catastrophic_base: money("catastrophic_base")?,
                catastrophic: money("catastrophic")?,
                civil_servant: money("civil_servant")?,
                assistance: money("assistance")?,
            },
        },
        day,
    })
}
