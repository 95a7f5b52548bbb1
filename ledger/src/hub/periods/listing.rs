//! How 清算遗留清单 is read: of named settlements, in statements that begin from these and not from the list, and page by
//! page, so that neither one decision nor one answer costs more as the list grows. Called by [`super::listed`].

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use clearing::listed::{Act, Person, Seat, Standing, Verdict};
use clearing::obligation::Sums;
use clearing::period::Side;
use jiff::Timestamp;
use settlement::adjudication::FundShares;
use settlement::ids::SettlementId;
use settlement::money::Money;

use super::super::afterwards::{CORRECTIONS, DEDUCTIONS, alone};
use super::super::lots::{LotPosting, read_posting};
use super::super::proving::Afterwards;
use super::super::{Position, corrupt, instant};
use super::carried::AT_ONCE;
use super::listed::{Acted, Decided, Entry, Listed, Of, standing};
use super::{PeriodNumber, THE_LIST};
use crate::engine::{Row, Sql, list};
use crate::store::StoreError;
use crate::values;

/// A place in the order of the list: by when something came there, entries before what came by itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListPlace {
    /// UTC microseconds.
    at: i64,
    /// None of an entry.
    of: Option<Afterwards>,
    /// Of an entry.
    position: i64,
    /// Of a deduction or a correction.
    id: String,
    /// The part of an entry, the step of a posting.
    step: i64,
}

impl ListPlace {
    /// The place that a text names, as it is written.
    pub fn from_text(text: &str) -> Option<ListPlace> {
        let mut parts = text.splitn(5, '.');
        let mut next = || parts.next();
        let (at, of, position, step, id) = (next()?, next()?, next()?, next()?, next()?);
        let of = match of {
            "entry" => None,
            word => Some(Afterwards::ALL.into_iter().find(|of| of.word() == word)?),
        };
        let [at, position, step] = [at, position, step].map(|number| number.parse().ok());
        Some(ListPlace { at: at?, of, position: position?, id: id.to_owned(), step: step? })
    }

    fn of_entry(at: Timestamp, position: Position, part: i64) -> ListPlace {
        ListPlace { at: at.as_microsecond(), of: None, position: position.0, id: String::new(), step: part }
    }

    pub(in crate::hub) fn of_posting(of: Afterwards, at: i64, id: String, step: i64) -> ListPlace {
        ListPlace { at, of: Some(of), position: 0, id, step }
    }

    /// The place after which entries, or postings of one kind, are read on.
    fn within(&self, of: Option<Afterwards>) -> ListPlace {
        let first = |at| ListPlace { at, of, position: i64::MIN, id: String::new(), step: i64::MIN };
        match of.cmp(&self.of) {
            Ordering::Less => first(self.at.saturating_add(1)),
            Ordering::Equal => self.clone(),
            Ordering::Greater => first(self.at),
        }
    }
}

impl fmt::Display for ListPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ListPlace { at, of, position, id, step } = self;
        write!(f, "{at}.{}.{position}.{step}.{id}", of.map_or("entry", Afterwards::word))
    }
}

/// What is decided together: what one settlement moves within one lot, or all that changes it after it was cleared.
pub(super) struct Whole {
    /// As it is told.
    pub held: Listed,
    /// In the order in which they came.
    pub entries: Vec<Entry>,
    /// What was done about it, in order.
    pub acts: Vec<Acted>,
    /// Where it is told: with the first of what counts.
    place: ListPlace,
}

impl Whole {
    /// What has not ended.
    pub fn open(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| !entry.ended)
    }

    /// What is to be decided.
    pub fn decided(&self) -> Decided {
        (self.open().count(), self.held.net())
    }

    /// What has ended is not decided again: as long as something is open, that alone counts.
    fn of(mut entries: Vec<Entry>, acts: Vec<Acted>) -> Option<Whole> {
        entries.sort_by(|one, other| one.place.cmp(&other.place));
        let is_open = entries.iter().any(|entry| !entry.ended);
        let mut counted = entries.iter().filter(|entry| !is_open || !entry.ended);
        let first = counted.next()?;
        let (mut held, place) = (first.held.clone(), first.place.clone());
        for Entry { held: one, .. } in counted {
            held.sums += one.sums;
            held.deducted += one.deducted;
            held.corrected += one.corrected;
            // What was posted there was posted in no period.
            if one.booked_in != THE_LIST {
                held.booked_in = held.booked_in.min(one.booked_in);
            }
            held.listed_from = held.listed_from.max(one.listed_from);
        }
        Some(Whole { held, entries, acts, place })
    }

    /// Adds what goes along with the settlement, of its own lot.
    fn goes_along(&mut self, deducted: FundShares, corrected: FundShares, ended: bool) {
        if !ended || self.open().next().is_none() {
            self.held.deducted += deducted;
            self.held.corrected += corrected;
        }
    }

    /// The same, as it stands.
    fn standing(mut self) -> Whole {
        self.held.standing = standing(&self.acts, self.decided());
        self.held.remark = self.acts.last().map(|acted| acted.reason.clone()).unwrap_or_default();
        self
    }
}

/// In steps, each of which finds its rows by key: see [`super::carried::in_period`].
const LISTED: &str = "WITH booked AS MATERIALIZED (
        SELECT answers.position FROM json_each(?1) AS wanted CROSS JOIN answers
        WHERE answers.settlement = wanted.value),
    own AS MATERIALIZED (
        SELECT lot_postings.* FROM booked CROSS JOIN lot_postings WHERE lot_postings.position = booked.position)
    SELECT home, treatment, insurance, care, visits, total, basic, large_sum, catastrophic, civil_servant,
        assistance, account, own.position, own.part, period, settlement, step, day, corrects,
        listed.from_period, listed.reason, listed.owner, listed.carried_at,
        EXISTS (SELECT 1 FROM carried_entries AS ended WHERE ended.position = listed.position
                AND ended.part = listed.part AND ended.from_period = 0)
    FROM own CROSS JOIN carried_entries AS listed
    WHERE listed.position = own.position AND listed.part = own.part
      AND listed.into_period IS NULL AND listed.from_period > 0
    ORDER BY listed.carried_at, own.position, own.part";

const ACTS: &str = "SELECT settlement, part, act, verdict, reason, seat, done_by, entries, net
    FROM json_each(?1) AS wanted CROSS JOIN listed_acts WHERE listed_acts.settlement = wanted.value
    ORDER BY settlement, part, step";

/// Entries on the list after a place, those that have not ended or all.
const AFTER: &str = "WITH page AS MATERIALIZED (
        SELECT listed.carried_at, listed.position, listed.part FROM carried_entries AS listed
        WHERE listed.into_period IS NULL AND listed.from_period > 0
          AND (listed.carried_at, listed.position, listed.part) > (?1, ?2, ?3)
          AND (?5 = 1 OR NOT EXISTS (
              SELECT 1 FROM carried_entries AS ended WHERE ended.position = listed.position
              AND ended.part = listed.part AND ended.from_period = 0))
        ORDER BY listed.carried_at, listed.position, listed.part LIMIT ?4)
    SELECT page.carried_at, page.position, page.part, settlement FROM page CROSS JOIN lot_postings
    WHERE lot_postings.position = page.position AND lot_postings.part = page.part
    ORDER BY page.carried_at, page.position, page.part";

/// Settlements of which something is or was on the list and something else would be cleared by a period: it undoes what a
/// period before holds, was carried on, or came after what has gone to the list from this very one.
const BESIDE: &str = "WITH held AS MATERIALIZED (
        SELECT position, part, settlement FROM lot_postings WHERE period = ?1 AND corrects IS NOT NULL
        UNION
        SELECT posted.position, posted.part, posted.settlement
        FROM carried_entries AS came CROSS JOIN lot_postings AS posted
        WHERE came.into_period = ?1 AND came.from_period > 0
          AND posted.position = came.position AND posted.part = came.part
        UNION
        SELECT later.position, later.part, later.settlement
        FROM carried_entries AS joined CROSS JOIN lot_postings AS was CROSS JOIN answers CROSS JOIN lot_postings AS later
        WHERE joined.from_period = ?1 AND joined.into_period IS NULL
          AND was.position = joined.position AND was.part = joined.part
          AND answers.settlement = was.settlement AND later.position = answers.position AND later.period = ?1)
    SELECT DISTINCT settlement FROM held
    WHERE NOT EXISTS (
        SELECT 1 FROM carried_entries AS gone
        WHERE gone.position = held.position AND gone.part = held.part AND gone.from_period = ?1)
      AND EXISTS (
        SELECT 1 FROM answers CROSS JOIN carried_entries AS listed
        WHERE answers.settlement = held.settlement AND listed.position = answers.position
          AND listed.into_period IS NULL AND listed.from_period > 0)
    ORDER BY settlement";

/// What of settlements is or was on the list, by settlement and part.
pub(super) fn wholes(sql: &Sql<'_>, settlements: &BTreeSet<String>) -> Result<Vec<Whole>, StoreError> {
    let wanted = list(settlements.iter().map(String::as_str));
    let mut acts: BTreeMap<(String, i64), Vec<Acted>> = BTreeMap::new();
    for (key, acted) in sql.query(ACTS, values![&wanted], read_act)? {
        acts.entry(key).or_default().push(acted);
    }
    let mut entries: BTreeMap<(SettlementId, i64), Vec<Entry>> = BTreeMap::new();
    let postings = alone::on_list(sql, &wanted)?.into_iter().map(of_posting);
    for entry in sql.query(LISTED, values![&wanted], read)?.into_iter().chain(postings) {
        entries.entry((entry.held.settlement.clone(), entry.held.part)).or_default().push(entry);
    }
    let whole = |(key, entries): ((SettlementId, i64), Vec<Entry>)| {
        let acts = acts.remove(&(key.0.to_time_first(), key.1)).unwrap_or_default();
        Some((key, Whole::of(entries, acts)?))
    };
    let mut wholes: BTreeMap<(SettlementId, i64), Whole> = entries.into_iter().filter_map(whole).collect();
    for (settlement, taken, ended) in DEDUCTIONS.on_list(sql, &wanted)? {
        if let Some(own) = wholes.get_mut(&(settlement, 0)) {
            own.goes_along(taken, FundShares::default(), ended);
        }
    }
    for (settlement, added, ended) in CORRECTIONS.on_list(sql, &wanted)? {
        if let Some(own) = wholes.get_mut(&(settlement, 0)) {
            own.goes_along(FundShares::default(), added, ended);
        }
    }
    Ok(wholes.into_values().map(Whole::standing).collect())
}

/// See [`super::super::HubStore::listed_page`].
pub(super) fn page(
    sql: &Sql<'_>,
    after: Option<&ListPlace>,
    with_ended: bool,
    limit: u32,
) -> Result<(Vec<Listed>, Option<ListPlace>), StoreError> {
    let start = ListPlace { at: i64::MIN, of: None, position: i64::MIN, id: String::new(), step: i64::MIN };
    let (after, ended) = (after.unwrap_or(&start), i64::from(with_ended));
    let ListPlace { at, position, step, .. } = after.within(None);
    let mut found = sql.query(AFTER, values![at, position, step, i64::from(limit), ended], |row| {
        let position = Position(row.number(1)?);
        let at = instant("carried_entries", position, row.number(0)?)?;
        Ok((ListPlace::of_entry(at, position, row.number(2)?), row.text(3)?.to_owned()))
    })?;
    for of in Afterwards::ALL {
        let ListPlace { at, id, step, .. } = after.within(Some(of));
        found.extend(alone::listed_after(sql, of, (at, &id, step), ended, limit)?);
    }
    found.sort();
    let is_last = found.len() < limit as usize;
    found.truncate(limit as usize);
    let Some(last) = found.last().map(|(place, _)| place.clone()) else { return Ok((Vec::new(), None)) };
    let settlements: Vec<String> = found.into_iter().map(|(_, settlement)| settlement).collect();
    let mut told = in_parts(sql, &settlements)?;
    // What counts of it lies on another page, or has ended.
    told.retain(|whole| whole.place > *after && whole.place <= last && (with_ended || whole.open().next().is_some()));
    let mut listed: Vec<Listed> = told.into_iter().map(|whole| whole.held).collect();
    listed.sort_by(|one, other| (one.listed_at, &one.settlement).cmp(&(other.listed_at, &other.settlement)));
    Ok((listed, Some(last).filter(|_| !is_last)))
}

/// See [`super::super::HubStore::listed_beside`].
pub(super) fn beside(sql: &Sql<'_>, period: PeriodNumber) -> Result<Vec<Listed>, StoreError> {
    let settlements = sql.query(BESIDE, values![period.0], |row| Ok(row.text(0)?.to_owned()))?;
    Ok(in_parts(sql, &settlements)?.into_iter().map(|whole| whole.held).collect())
}

fn in_parts(sql: &Sql<'_>, settlements: &[String]) -> Result<Vec<Whole>, StoreError> {
    let settlements: BTreeSet<&String> = settlements.iter().collect();
    let mut all = Vec::new();
    for some in settlements.into_iter().collect::<Vec<_>>().chunks(AT_ONCE) {
        all.extend(wholes(sql, &some.iter().map(|settlement| (*settlement).clone()).collect())?);
    }
    Ok(all)
}

fn of_posting(posting: alone::Listed) -> Entry {
    let alone::Listed { posted, settlement, lot, deducted, corrected, period, from, reason, owner, at, ended, place } =
        posting;
    let held = Listed {
        settlement,
        part: Listed::AFTERWARDS,
        lot,
        sums: Sums::default(),
        deducted,
        corrected,
        reason,
        owner,
        booked_in: period,
        listed_from: from,
        listed_at: at,
        standing: Standing::Waiting,
        remark: String::new(),
    };
    Entry { of: Of::Posting(posted), held, ended: ended.is_some(), place }
}

fn read(row: Row<'_>) -> Result<Entry, StoreError> {
    let LotPosting { position, part, period, settlement, posting, .. } = read_posting(row)?;
    let malformed = || corrupt("carried_entries", position, "its owner is not one of ours");
    let listed_at = instant("carried_entries", position, row.number(22)?)?;
    let held = Listed {
        settlement,
        part,
        lot: posting.lot,
        sums: posting.sums,
        deducted: FundShares::default(),
        corrected: FundShares::default(),
        reason: row.text(20)?.to_owned(),
        owner: Side::from_word(row.text(21)?).ok_or_else(malformed)?,
        booked_in: period,
        listed_from: PeriodNumber(row.number(19)?),
        listed_at,
        standing: Standing::Waiting,
        remark: String::new(),
    };
    let place = ListPlace::of_entry(listed_at, position, part);
    Ok(Entry { of: Of::Entry(position), held, ended: row.flag(23)?, place })
}

fn read_act(row: Row<'_>) -> Result<((String, i64), Acted), StoreError> {
    let settlement = row.text(0)?.to_owned();
    let malformed = |what: &str| corrupt("listed_acts", &settlement, format!("its {what} is not one of ours"));
    let verdict = row.optional_text(3)?.and_then(Verdict::from_word);
    let act = match (row.text(2)?, verdict) {
        ("proposed", Some(verdict)) => Act::Propose(verdict),
        ("approved", Some(verdict)) => Act::Approve(verdict),
        ("refused", None) => Act::Refuse,
        _ => return Err(malformed("act")),
    };
    let seat = Seat::from_word(row.text(5)?).ok_or_else(|| malformed("seat"))?;
    let by = Person { certificate: row.text(6)?.to_owned(), seat };
    let (reason, entries, net) = (row.text(4)?.to_owned(), row.number(7)?, Money::from_fen(row.number(8)?));
    Ok(((settlement.clone(), row.number(1)?), Acted { act, by, reason, entries, net }))
}

#[cfg(all(test, feature = "testing"))]
mod tests {
    use super::*;
    use crate::engine::{Engine, Location, migrate};
    use crate::hub::SCHEMA;
    use crate::store::StoreOptions;

    /// How SQLite carries out a statement about a list of settlements, or about a page, step by step.
    async fn plan(engine: &Engine, text: &str, values: usize) -> Vec<String> {
        let text: &'static str = format!("EXPLAIN QUERY PLAN {text}").leak();
        let read = engine.read(move |sql| {
            let none = values![0, 0, 0, 0, 0];
            sql.query(text, &none[..values], |row| Ok(row.text(3)?.to_owned()))
        });
        read.await.expect("a plan")
    }

    #[tokio::test]
    async fn no_statement_about_one_decision_or_one_page_reads_a_table_whole() {
        let folder = tempfile::tempdir().expect("a folder");
        let location = Location::File(folder.path().join("hub.db"));
        migrate(&location, &SCHEMA, None).expect("it is migrated");
        let engine = Engine::open(&location, &SCHEMA, &StoreOptions::default()).expect("it opens");
        let alone = alone::texts_of_list();
        let of_settlements = [LISTED, ACTS, DEDUCTIONS.text_on_list(), CORRECTIONS.text_on_list()];
        let of_settlements =
            of_settlements.into_iter().chain(alone.into_iter().flat_map(|[listed, built, _]| [listed, built]));
        let of_pages = [AFTER].into_iter().chain(alone.map(|[_, _, after]| after));
        for (text, values) in of_settlements.map(|text| (text, 1)).chain(of_pages.map(|text| (text, 5))) {
            let steps = plan(&engine, text, values).await;
            // What is named, and what was found of it.
            let few = ["SCAN wanted", "SCAN booked", "SCAN own", "SCAN page", "SCAN CONSTANT ROW"];
            let whole = steps.iter().filter(|step| step.starts_with("SCAN"));
            let whole: Vec<_> = whole.filter(|step| !few.iter().any(|few| step.starts_with(few))).collect();
            assert!(steps.len() > 1 && whole.is_empty(), "{whole:?} of {text}");
            if values == 5 {
                // In the order of the page, from its beginning.
                let by_index = steps.iter().any(|step| step.starts_with("SEARCH listed") && step.contains(")>(?,?,?)"));
                assert!(by_index, "{steps:?}");
            }
        }
    }

    #[test]
    fn a_place_is_read_as_it_is_written() {
        let at = Timestamp::from_microsecond(1_750_000_000_000_000).expect("an instant");
        let entry = ListPlace::of_entry(at, Position(7), 1);
        let posting = ListPlace::of_posting(Afterwards::Correction, at.as_microsecond(), "2025.07 a.b".into(), 2);
        for place in [entry, posting] {
            assert_eq!(ListPlace::from_text(&place.to_string()), Some(place));
        }
        for text in ["", "1", "x.entry.1.2.", "1.other.1.2.", "1.entry.1"] {
            assert_eq!(ListPlace::from_text(text), None, "{text}");
        }
    }
}
