//! Receipts and answers of a whole batch in one statement, for PostgreSQL: one round trip, durable on return. It carries
//! out what goes straight through, which is nearly everything: new keys, first answers, new settlements. Known keys,
//! tombstones, reversals and undoings it leaves to the ordinary statements, which run alone.

use std::collections::HashMap;

use settlement::encounter::Encounter;
use settlement::filing::Filing;
use settlement::ids::RegionCode;
use settlement::operation::Request;
use settlement::region::RegionTable;

use super::Position;
use super::answers::{Answering, Ending};
use super::filings::read_filing;
use super::operations::{Arriving, Fresh, Kind, Received};
use crate::engine::{Express, Job, Known, List, Row, Session, Work};
use crate::store::StoreError;

/// Every batch that goes this way holds the turn with the others, so what takes it alone (a tombstone, a cut-off) sees
/// all of them or none. Each statement inside sees what was committed before it began, which is after the turn was
/// taken. Rows are written in the order of their keys, so that two hubs with the same keys wait for each other in one
/// direction. Plans are settled here, since they outlive the day on which the tables were empty: tables are read by
/// key, and only the batch itself is hashed. The filings are those of `settlement::filing::covering`, in its order, in
/// which `handed-in` goes before `commitment`; a test holds the two together. An operation has a row for each of them, or one without any.
pub(super) const FUNCTION: &str = r"
CREATE OR REPLACE FUNCTION hub_commit_1(
    r_position BIGINT[], r_home TEXT[], r_key TEXT[], r_target TEXT[], r_kind TEXT[], r_person TEXT[], r_day TEXT[],
    r_area TEXT[], r_pool TEXT[], r_member TEXT[], r_bytes BYTEA[], r_received_at BIGINT[],
    a_position BIGINT[], a_home TEXT[], a_verdict TEXT[], a_outcome BYTEA[], a_book_seq BIGINT[],
    a_answered_at BIGINT[], a_settlement TEXT[], a_lines TEXT[]
) RETURNS TABLE (
    done BIGINT, filing_id TEXT, filing_class TEXT, filing_destination TEXT, filing_first_day TEXT, filing_last_day TEXT,
    filing_proof TEXT
) LANGUAGE plpgsql VOLATILE
SET enable_seqscan = off SET enable_mergejoin = off SET enable_hashjoin = on SET jit = off
SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
BEGIN
    PERFORM pg_advisory_xact_lock_shared(hashtext('yidi turn'));
    IF cardinality(r_position) > 0 THEN
        RETURN QUERY
        WITH arriving AS MATERIALIZED (
            SELECT r.*, held.ids, held.classes, held.destinations, held.first_days, held.last_days, held.proofs
            FROM unnest(r_position, r_home, r_key, r_target, r_kind, r_person, r_day, r_area, r_pool, r_member,
                        r_bytes, r_received_at)
                AS r (position, home, key, target, kind, person, day, area, pool, member, bytes, received_at)
            LEFT JOIN LATERAL (
              SELECT array_agg(one.id) AS ids, array_agg(one.class) AS classes,
                     array_agg(one.destination) AS destinations, array_agg(one.first_day) AS first_days,
                     array_agg(one.last_day) AS last_days, array_agg(one.shown) AS proofs
              FROM (
                SELECT filings.id, filings.class, filings.destination, filings.first_day,
                       CASE WHEN cancelled.id IS NULL THEN filings.last_day
                            ELSE LEAST(filings.last_day, cancelled.last_day) END AS last_day,
                       CASE WHEN filings.proof = 'commitment' AND EXISTS (
                                SELECT 1 FROM filing_proofs WHERE filing_proofs.id = filings.id
                            ) THEN 'handed-in' ELSE filings.proof END AS shown
                FROM filings LEFT JOIN filing_cancellations AS cancelled ON cancelled.id = filings.id
                WHERE filings.home = r.home AND filings.person = r.person
                  AND (filings.destination IN (r.area, r.pool, r.member)
                       OR filings.class = 'long-term' AND r.pool = r.home)
                  AND filings.first_day <= r.day
                  AND (filings.last_day IS NULL OR filings.last_day >= r.day)
                  AND (cancelled.id IS NULL OR cancelled.last_day >= r.day)
                ORDER BY array_position(ARRAY['long-term', 'referral', 'emergency', 'other-temporary'], filings.class),
                         shown DESC, filings.first_day DESC, filings.lodged_at, filings.id
              ) AS one
            ) AS held ON TRUE
        ), written AS (
            INSERT INTO operations (position, home, key, attempt, kind, filing, bytes, received_at)
            SELECT position, home, key, 1, kind, array_to_string(ids, chr(31)), bytes, received_at FROM arriving
            WHERE (SELECT 1 FROM tombstones WHERE mark IN (arriving.key, arriving.target) LIMIT 1) IS NULL
            ORDER BY key
            ON CONFLICT DO NOTHING RETURNING operations.position
        )
        SELECT written.position, one.id, one.class, one.destination, one.first_day, one.last_day, one.proof
        FROM written JOIN arriving ON arriving.position = written.position
        LEFT JOIN LATERAL unnest(arriving.ids, arriving.classes, arriving.destinations, arriving.first_days,
                                 arriving.last_days, arriving.proofs) WITH ORDINALITY
            AS one (id, class, destination, first_day, last_day, proof, place) ON TRUE
        ORDER BY written.position, one.place;
    END IF;
    IF cardinality(a_position) > 0 THEN
        RETURN QUERY
        INSERT INTO answers (position, home, verdict, outcome, book_seq, answered_at, settlement, step, lines, period)
        SELECT a.position, a.home, a.verdict, a.outcome, a.book_seq, a.answered_at, a.settlement,
               CASE WHEN a.settlement IS NULL THEN NULL ELSE 1 END, a.lines,
               CASE WHEN a.settlement IS NULL THEN NULL ELSE (SELECT MAX(number) FROM periods) END
        FROM unnest(a_position, a_home, a_verdict, a_outcome, a_book_seq, a_answered_at, a_settlement, a_lines)
            AS a (position, home, verdict, outcome, book_seq, answered_at, settlement, lines)
        ORDER BY a.position
        ON CONFLICT DO NOTHING
        RETURNING answers.position, NULL::TEXT, NULL::TEXT, NULL::TEXT, NULL::TEXT, NULL::TEXT, NULL::TEXT;
    END IF;
END $$;
";

const CALL: &str = "SELECT * FROM hub_commit_1($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16,
    $17, $18, $19, $20)";

/// What the hub's store knows to carry out together.
pub(super) struct HubExpress;

impl Express for HubExpress {
    fn commit(&self, session: &mut Session<'_>, batch: &mut [Box<dyn Job>]) -> Result<Vec<bool>, StoreError> {
        let mut parcel = Parcel::default();
        for (place, job) in batch.iter().enumerate() {
            if let Some(arriving) = known::<Arriving>(&**job) {
                parcel.put_arriving(place, arriving, session);
            } else if let Some(ending) = known::<Ending>(&**job) {
                parcel.put_ending(place, ending);
            }
        }
        let mut carried_out = vec![false; batch.len()];
        if parcel.places.is_empty() {
            return Ok(carried_out);
        }
        let (places, lists) = parcel.into_lists();
        let done = session.query(CALL, lists, |row| {
            let position = row.number(0)?;
            let place = places.get(&position).copied();
            let arriving = place.and_then(|place| known::<Arriving>(&*batch[place]));
            Ok((place, Position(position), arriving.map(|arriving| read_held(row, arriving)).transpose()?.flatten()))
        })?;
        for (place, position, filing) in done {
            let Some(place) = place else { continue };
            if !carried_out[place] {
                finish(&mut *batch[place], position);
                carried_out[place] = true;
            }
            add(&mut *batch[place], filing);
        }
        Ok(carried_out)
    }
}

fn known<W: Work>(job: &dyn Job) -> Option<&W> {
    Some(&job.as_known()?.downcast_ref::<Known<W>>()?.work)
}

fn finish(job: &mut dyn Job, position: Position) {
    let Some(known) = job.as_known_mut() else { return };
    if let Some(arriving) = known.downcast_mut::<Known<Arriving>>() {
        let filings = Vec::new();
        arriving.done = Some(Received::Fresh(Fresh { position, filings, target: None, released_before: false }));
    } else if let Some(ending) = known.downcast_mut::<Known<Ending>>() {
        ending.done = Some(Answering::Kept);
    }
}

/// Another filing that covers the visit of what has arrived.
fn add(job: &mut dyn Job, filing: Option<Filing>) {
    let known = job.as_known_mut().and_then(|known| known.downcast_mut::<Known<Arriving>>());
    if let Some(Known { done: Some(Received::Fresh(fresh)), .. }) = known {
        fresh.filings.extend(filing);
    }
}

fn read_held(row: Row<'_>, arriving: &Arriving) -> Result<Option<Filing>, StoreError> {
    let operation = &arriving.receipt.operation;
    row.optional_text(1)?
        .map(|_| read_filing(row, operation.key.person.as_str(), operation.home().0.as_str(), 1))
        .transpose()
}

/// The columns of one call, and the place in the batch of the write that each row stands for.
#[derive(Default)]
struct Parcel<'a> {
    places: HashMap<i64, usize>,
    r_position: Vec<i64>,
    r_home: Vec<String>,
    r_key: Vec<Option<&'a str>>,
    r_target: Vec<Option<&'a str>>,
    r_kind: Vec<Option<&'a str>>,
    r_person: Vec<Option<&'a str>>,
    r_visit: Vec<Visit>,
    r_bytes: Vec<&'a [u8]>,
    r_received_at: Vec<i64>,
    a_position: Vec<i64>,
    a_home: Vec<Option<&'a str>>,
    a_verdict: Vec<Option<&'a str>>,
    a_outcome: Vec<&'a [u8]>,
    a_book_seq: Vec<i64>,
    a_answered_at: Vec<i64>,
    a_settlement: Vec<Option<String>>,
    a_lines: Vec<Option<&'a str>>,
}

/// What decides about the filing; nothing where none is asked for.
#[derive(Default)]
struct Visit {
    day: Option<String>,
    area: Option<RegionCode>,
    pool: Option<RegionCode>,
    member: Option<RegionCode>,
}

impl<'a> Parcel<'a> {
    /// A reversal may lay a tombstone, for which it has to be alone.
    fn put_arriving(&mut self, place: usize, arriving: &'a Arriving, session: &Session<'_>) {
        let Arriving { receipt, mark, given } = arriving;
        let operation = &*receipt.operation;
        let visit = match &operation.request {
            Request::Settle(settle) => Visit::of(&settle.encounter, &receipt.regions),
            Request::Cancel(_) => Visit::default(),
            Request::Reverse(_) => return,
        };
        let position = session.position();
        given.set(Some(Position(position)));
        self.places.insert(position, place);
        self.r_position.push(position);
        self.r_home.push(operation.home().to_string());
        self.r_key.push(Some(&mark.key));
        self.r_target.push(Some(mark.target()));
        self.r_kind.push(Some(Kind::of(operation).word()));
        self.r_person.push(Some(operation.key.person.as_str()));
        self.r_visit.push(visit);
        self.r_bytes.push(&receipt.bytes);
        self.r_received_at.push(receipt.received_at.as_microsecond());
    }

    /// Of two answers to one operation in a batch only the first goes along.
    fn put_ending(&mut self, place: usize, ending: &'a Ending) {
        let undoes = ending.booking.is_some() && ending.entry.is_none();
        if undoes || self.places.contains_key(&ending.position.0) {
            return;
        }
        self.places.insert(ending.position.0, place);
        self.a_position.push(ending.position.0);
        self.a_home.push(Some(ending.home.0.as_str()));
        self.a_verdict.push(Some(ending.verdict));
        self.a_outcome.push(&ending.outcome);
        self.a_book_seq.push(ending.book_seq);
        self.a_answered_at.push(ending.answered_at.as_microsecond());
        self.a_settlement.push(ending.booking.as_ref().map(|booking| booking.settlement.to_time_first()));
        self.a_lines.push(ending.entry.as_ref().map(|entry| entry.lines.as_str()));
    }

    fn into_lists(self) -> (HashMap<i64, usize>, Vec<List<'a>>) {
        let codes = |code: fn(&Visit) -> Option<RegionCode>| {
            List::Strings(self.r_visit.iter().map(|visit| code(visit).map(|code| code.to_string())).collect())
        };
        let lists = vec![
            List::Numbers(self.r_position),
            List::Strings(self.r_home.into_iter().map(Some).collect()),
            List::Texts(self.r_key),
            List::Texts(self.r_target),
            List::Texts(self.r_kind),
            List::Texts(self.r_person),
            List::Strings(self.r_visit.iter().map(|visit| visit.day.clone()).collect()),
            codes(|visit| visit.area),
            codes(|visit| visit.pool),
            codes(|visit| visit.member),
            List::Bytes(self.r_bytes),
            List::Numbers(self.r_received_at),
            List::Numbers(self.a_position),
            List::Texts(self.a_home),
            List::Texts(self.a_verdict),
            List::Bytes(self.a_outcome),
            List::Numbers(self.a_book_seq),
            List::Numbers(self.a_answered_at),
            List::Strings(self.a_settlement),
            List::Texts(self.a_lines),
        ];
        (self.places, lists)
    }
}

impl Visit {
    /// The codes that a filing's destination may be, as the table of regions has it.
    fn of(encounter: &Encounter, regions: &RegionTable) -> Visit {
        let region = regions.get(encounter.area);
        Visit {
            day: Some(encounter.admitted.to_string()),
            area: Some(encounter.area),
            pool: region.and_then(|region| region.pool).map(|pool| pool.0),
            member: region.map(|region| region.member.0),
        }
    }
}
