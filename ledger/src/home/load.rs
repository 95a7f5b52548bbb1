//! Reads the part of the book that a batch touches: one query a table, whatever the size of the batch. With a place
//! of the book as the bound it reads what the operation at that place saw.

use std::collections::{BTreeSet, HashMap};
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
use super::{Asked, Wire, enrollees};
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
                    wanted.request(&arrival.operation.request);
                }
                Asked::Resolve(_) => {}
            }
        }
        wanted
    }

    fn request(&mut self, request: &Request) {
        match request {
            Request::Settle(settle) => {
                self.encounters.insert(settle.encounter.id.to_string());
                self.new_ids.insert(settle.settlement.to_string());
            }
            Request::Cancel(cancel) => {
                self.cancelled.insert(cancel.settlement.to_string());
                self.new_ids.insert(cancel.counter.to_string());
            }
            Request::Reverse(reverse) => {
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
        "SELECT book_seq, kind, bytes, outcome, key FROM operations WHERE key IN (SELECT value FROM json_each(?1))",
    )?;
    let mut rows = statement.query([list(wanted.keys.iter().map(String::as_str))])?;
    while let Some(row) = rows.next()? {
        let columns = Columns { row, table: "operations", id: "book_seq" };
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
        self.used(&people)?;
        self.accounts(&people)?;
        self.claims(&people)
    }

    fn taken(&mut self, wanted: &Wanted) -> Result<(), StoreError> {
        if wanted.new_ids.is_empty() {
            return Ok(());
        }
        let mut statement = self.connection.prepare_cached(
            "SELECT settlement FROM settlements
              WHERE settlement IN (SELECT value FROM json_each(?1)) AND book_seq < ?2
             UNION ALL
             SELECT counter FROM undoings
              WHERE counter <> '' AND counter IN (SELECT value FROM json_each(?1)) AND book_seq < ?2",
        )?;
        let mut rows = statement.query((list(wanted.new_ids.iter().map(String::as_str)), self.before))?;
        while let Some(row) = rows.next()? {
            let columns = Columns { row, table: "settlements", id: "settlement" };
            self.book.taken.insert(columns.id("settlement", SettlementId::new)?);
        }
        Ok(())
    }

    fn tombstones(&mut self, wanted: &Wanted) -> Result<(), StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT target FROM tombstones WHERE target IN (SELECT value FROM json_each(?1)) AND book_seq < ?2",
        )?;
        let mut rows = statement.query((list(wanted.own_targets.iter().map(String::as_str)), self.before))?;
        while let Some(row) = rows.next()? {
            let columns = Columns { row, table: "tombstones", id: "target" };
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
            "SELECT operations.book_seq, operations.kind, operations.accepted,
                    COALESCE(settlements.settlement, '') AS settled,
                    COALESCE(undoings.settlement, '') AS undone, COALESCE(undoings.counter, '') AS counter
               FROM operations
               LEFT JOIN settlements ON settlements.book_seq = operations.book_seq
               LEFT JOIN undoings ON undoings.book_seq = operations.book_seq
              WHERE operations.key > ?1 AND operations.key < ?2 AND operations.book_seq < ?3
                AND operations.kind <> 'void'
              ORDER BY operations.book_seq",
        )?;
        let prefix = target.to_text();
        let mut rows = statement.query((format!("{prefix}\u{1f}"), format!("{prefix}\u{20}"), self.before))?;
        let mut about = Vec::new();
        while let Some(row) = rows.next()? {
            let columns = Columns { row, table: "operations", id: "book_seq" };
            let deed = match (columns.text("kind")?, columns.flag("accepted")?) {
                ("settle", true) => Deed::Settled(columns.id("settled", SettlementId::new)?),
                ("cancel", true) => Deed::Cancelled {
                    settlement: columns.id("undone", SettlementId::new)?,
                    counter: columns.id("counter", SettlementId::new)?,
                },
                ("reverse", true) => Deed::Reversed,
                _ => Deed::Refused,
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
            "SELECT DISTINCT encounter FROM settlements WHERE settlement IN (SELECT value FROM json_each(?1))",
        )?;
        let rows = statement.query_map([list(settlements.iter().map(String::as_str))], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// All stays of the people, and whatever else the batch may touch.
    fn settlements(&mut self, people: &str, encounters: &str, ids: &BTreeSet<String>) -> Result<(), StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT settlements.*, operations.outcome, operations.decided_at,
                    usages.day, usages.year, usages.insurance, usages.care AS usage_care, usages.disease, usages.stays,
                    usages.deductible, usages.in_policy, usages.basic, usages.large_sum, usages.catastrophic_base,
                    usages.catastrophic, usages.civil_servant, usages.assistance
               FROM (SELECT book_seq FROM settlements
                      WHERE care = 'inpatient' AND person IN (SELECT value FROM json_each(?1))
                     UNION SELECT book_seq FROM settlements WHERE encounter IN (SELECT value FROM json_each(?2))
                     UNION SELECT book_seq FROM settlements WHERE settlement IN (SELECT value FROM json_each(?3))
                    ) AS touched
               JOIN settlements ON settlements.book_seq = touched.book_seq
               JOIN operations ON operations.book_seq = touched.book_seq
               JOIN usages ON usages.person = settlements.person AND usages.after_seq = touched.book_seq
                          AND usages.posting = ''
              WHERE touched.book_seq < ?4
              ORDER BY touched.book_seq",
        )?;
        let mut rows = statement.query((people, encounters, list(ids.iter().map(String::as_str)), self.before))?;
        while let Some(row) = rows.next()? {
            let booked = booked(row, self.wire)?;
            self.book.person(&booked.person.clone()).settlements.push(booked);
        }
        self.standings()
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
            "SELECT book_seq, settlement, becomes, counter FROM undoings
              WHERE settlement IN (SELECT value FROM json_each(?1)) AND book_seq < ?2 ORDER BY book_seq",
        )?;
        let mut rows = statement.query((list(ids), self.before))?;
        let mut last: HashMap<SettlementId, (Standing, BookSeq)> = HashMap::new();
        while let Some(row) = rows.next()? {
            let columns = Columns { row, table: "undoings", id: "book_seq" };
            let standing = standing(&columns)?;
            last.insert(columns.id("settlement", SettlementId::new)?, (standing, seq(columns.number("book_seq")?)));
        }
        for booked in self.book.people.values_mut().flat_map(|person| &mut person.settlements) {
            if let Some((standing, changed)) = last.remove(&booked.settled.settlement) {
                (booked.standing, booked.changed) = (standing, Some(changed));
            }
        }
        Ok(())
    }

    fn used(&mut self, people: &str) -> Result<(), StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT person, day, year, insurance, care AS usage_care, disease, stays, deductible, in_policy, basic,
                    large_sum, catastrophic_base, catastrophic, civil_servant, assistance
               FROM usages WHERE person IN (SELECT value FROM json_each(?1)) AND after_seq < ?2",
        )?;
        let mut rows = statement.query((people, self.before))?;
        while let Some(row) = rows.next()? {
            let columns = Columns { row, table: "usages", id: "person" };
            let posting = usage_posting(&columns)?;
            self.person(&columns)?.used.add(&posting.usage);
        }
        Ok(())
    }

    fn accounts(&mut self, people: &str) -> Result<(), StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT person, CAST(SUM(amount) AS BIGINT) AS amount FROM account_entries
              WHERE person IN (SELECT value FROM json_each(?1)) AND after_seq < ?2 GROUP BY person",
        )?;
        let mut rows = statement.query((people, self.before))?;
        while let Some(row) = rows.next()? {
            let columns = Columns { row, table: "account_entries", id: "person" };
            self.person(&columns)?.account_balance = Money::from_fen(columns.number("amount")?);
        }
        Ok(())
    }

    fn claims(&mut self, people: &str) -> Result<(), StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id, person, institution, encounter FROM postings AS claim
              WHERE kind = 'manual-claim' AND cancels = '' AND encounter <> '' AND after_seq < ?2
                AND person IN (SELECT value FROM json_each(?1))
                AND NOT EXISTS (SELECT 1 FROM postings WHERE cancels = claim.id AND cancels <> '' AND after_seq < ?2)",
        )?;
        let mut rows = statement.query((people, self.before))?;
        while let Some(row) = rows.next()? {
            let columns = Columns { row, table: "postings", id: "id" };
            let claim = Claim {
                id: columns.text("id")?.to_owned(),
                institution: columns.id("institution", InstitutionCode::new)?,
                encounter: columns.id("encounter", EncounterId::new)?,
            };
            self.person(&columns)?.claims.push(claim);
        }
        Ok(())
    }

    fn person(&mut self, columns: &Columns<'_>) -> Result<&mut PersonBook, StoreError> {
        Ok(self.book.person(&columns.id("person", PersonNumber::new)?))
    }
}

fn booked(row: &Row<'_>, wire: Wire) -> Result<Booked, StoreError> {
    let columns = Columns { row, table: "settlements", id: "book_seq" };
    let outcome =
        (wire.read_outcome)(columns.blob("outcome")?).map_err(|problem| columns.corrupt("outcome", problem))?;
    let Outcome::Accepted { decided_at: _, done: Done::Settled(settled) } = outcome else {
        return Err(columns.corrupt("outcome", "is not a settlement"));
    };
    Ok(Booked {
        seq: seq(columns.number("book_seq")?),
        settled: *settled,
        home: columns.pool("home")?,
        person: columns.id("person", PersonNumber::new)?,
        visit: Visit {
            encounter: columns.id("encounter", EncounterId::new)?,
            institution: columns.id("institution", InstitutionCode::new)?,
            treatment: columns.pool("treatment")?,
            care: columns.word("care", CareKind::from_word)?,
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

pub(super) fn usage_posting(columns: &Columns<'_>) -> Result<UsagePosting, StoreError> {
    let money = |column| columns.number(column).map(Money::from_fen);
    let year = i16::try_from(columns.number("year")?).map_err(|problem| columns.corrupt("year", problem))?;
    Ok(UsagePosting {
        usage: Usage {
            year: BenefitYear(year),
            insurance: columns.word("insurance", Insurance::from_word)?,
            care: columns.word("usage_care", CareKind::from_word)?,
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
        day: columns.date("day")?,
    })
}
