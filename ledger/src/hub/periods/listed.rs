//! 清算遗留清单: what may be carried over no further, entries and what was deducted or corrected after its settlement was
//! cleared, until two people have decided how it ends. What may be done, and by whom, is for `clearing::listed`; this keeps
//! who did what, and moves what ends.

use std::collections::BTreeMap;

use clearing::listed::{Act, ListFault, Person, Seat, Standing, Verdict, after};
use clearing::obligation::{Lot, Sums};
use clearing::period::Side;
use jiff::Timestamp;
use settlement::adjudication::FundShares;
use settlement::ids::SettlementId;
use settlement::money::Money;

use super::super::afterwards::{self, alone, along};
use super::super::lots::{LotPosting, read_posting};
use super::super::{HubStore, Position, corrupt, instant};
use super::apart::must_clear;
use super::carried::CARRY;
use super::{PeriodNumber, THE_LIST};
use crate::engine::{Row, Sql, Value};
use crate::store::StoreError;
use crate::values;

/// Something on the list: what one settlement moves within one lot, or all that changes it after it was cleared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The settlement.
    pub settlement: SettlementId,
    /// See [`LotPosting::part`]; [`Listed::AFTERWARDS`] for what changes it after it was cleared.
    pub part: i64,
    /// Between whom, and for what.
    pub lot: Lot,
    /// What its entries on the list come to; nothing where none is there.
    pub sums: Sums,
    /// What is deducted from it and goes with it, or is there by itself.
    pub deducted: FundShares,
    /// The same of what corrections add to it; below zero where the home member pays less.
    pub corrected: FundShares,
    /// Why it is there.
    pub reason: String,
    /// Whose member has to find out.
    pub owner: Side,
    /// The period in which it was booked or posted, the first where there are several.
    pub booked_in: PeriodNumber,
    /// The last period that was cleared without it.
    pub listed_from: PeriodNumber,
    /// Since when it is there.
    pub listed_at: Timestamp,
    /// Where it stands.
    pub standing: Standing<Person>,
    /// What was said last.
    pub remark: String,
}

impl Listed {
    /// The part of a settlement that is no entry: what is deducted from it or corrected after it was cleared, and came to the
    /// list by itself.
    pub const AFTERWARDS: i64 = -1;

    /// What is cleared where it is cleared after all: what is booked less what is deducted, and as it is corrected.
    pub fn net(&self) -> Money {
        self.sums.owed() - self.deducted.total() + self.corrected.total()
    }
}

/// Why something cannot be done about something on the list. Nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListedFault {
    /// It is not on the list.
    #[error("it is not on the list")]
    Unknown,
    /// It may not be done.
    #[error(transparent)]
    NotNow(#[from] ListFault),
    /// What would be cleared is not what it was when its end was proposed: a deduction or a correction came in between.
    #[error("its sum has changed since its end was proposed: it was {proposed}, and is {now} now; propose it anew")]
    SumChanged {
        /// What who proposed saw.
        proposed: Money,
        /// What it comes to now.
        now: Money,
    },
}

/// An entry on the list or a posting that is there by itself: what it moves, and how it came there.
struct Entry {
    of: Of,
    /// The settlement, its part and its lot, and what this moves; standing and remark are of the whole.
    held: Listed,
    /// Whether it has ended.
    ended: bool,
}

/// What is moved where it ends.
enum Of {
    Entry(Position),
    Posting(alone::Posted),
}

/// What was done about something on the list, in order.
struct Acted {
    act: Act,
    by: Person,
    reason: String,
    /// How many entries were to be decided.
    entries: i64,
    /// What would have been cleared.
    net: Money,
}

/// What is to be decided: how many entries, and what would be cleared.
type Decided = (usize, Money);

macro_rules! listed {
    ($and:literal) => {
        concat!(
            "SELECT home, treatment, insurance, care, visits, total, basic, large_sum, catastrophic, civil_servant,
                assistance, account, lot_postings.position, lot_postings.part, period, settlement, step, day, corrects,
                listed.from_period, listed.reason, listed.owner, listed.carried_at,
                EXISTS (SELECT 1 FROM carried_entries AS ended WHERE ended.position = listed.position
                        AND ended.part = listed.part AND ended.from_period = 0)
            FROM carried_entries AS listed CROSS JOIN lot_postings
            WHERE listed.into_period IS NULL AND listed.from_period > 0
              AND lot_postings.position = listed.position AND lot_postings.part = listed.part ",
            $and,
            " ORDER BY listed.carried_at, settlement, lot_postings.part, step"
        )
    };
}
macro_rules! acts {
    ($where:literal) => {
        concat!(
            "SELECT settlement, part, act, verdict, reason, seat, done_by, entries, net FROM listed_acts ",
            $where,
            " ORDER BY settlement, part, step"
        )
    };
}
impl HubStore {
    /// What is or was on the list, the oldest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn listed(&self) -> Result<Vec<Listed>, StoreError> {
        self.engine.read(list).await
    }

    /// Does something about something on the list. What two people have decided is carried out in the same step. The
    /// same again changes nothing.
    ///
    /// # Errors
    /// When the store fails. Inside: why it cannot be done.
    pub async fn listed_act(
        &self,
        (settlement, part): (SettlementId, i64),
        act: Act,
        reason: String,
        (by, at): (Person, Timestamp),
    ) -> Result<Result<(), ListedFault>, StoreError> {
        let telling = self.telling.clone();
        self.engine
            .change(move |sql| {
                let acted = act_on(sql, (&settlement, part), act, &reason, (&by, at))?;
                if let (Some(telling), Ok(())) = (telling.as_deref(), &acted) {
                    telling.tell_moved_off(sql, &settlement)?;
                }
                Ok(acted)
            })
            .await
    }
}

fn act_on(
    sql: &Sql<'_>,
    (settlement, part): (&SettlementId, i64),
    act: Act,
    reason: &str,
    (by, at): (&Person, Timestamp),
) -> Result<Result<(), ListedFault>, StoreError> {
    const ACT: &str = "INSERT INTO listed_acts
            (settlement, part, step, act, verdict, entries, net, reason, seat, done_by, done_at)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
    let id = settlement.to_time_first();
    let entries: Vec<Entry> = match part {
        Listed::AFTERWARDS => alone::on_list(sql, Some(&id))?.into_iter().map(of_posting).collect(),
        _ => {
            sql.query(listed!("AND lot_postings.settlement = ?1 AND lot_postings.part = ?2"), values![&id, part], read)?
        }
    };
    let open: Vec<&Entry> = entries.iter().filter(|entry| !entry.ended).collect();
    if entries.is_empty() {
        return Ok(Err(ListedFault::Unknown));
    }
    let acts =
        sql.query(acts!("WHERE settlement = ?1 AND part = ?2"), values![&id, part], |row| Ok(read_act(row)?.1))?;
    // There are few on the list, so the sum is worked out in the one way in which it is shown.
    let own = list(sql)?.into_iter().find(|held| held.settlement == *settlement && held.part == part);
    let net = own.map(|held| held.net()).unwrap_or_default();
    let decided: Decided = (open.len(), net);
    let is_same = acts.last().is_some_and(|last| last.act == act && last.by == *by);
    let changes_nothing = match act {
        Act::Propose(_) => !is_other(&acts, decided),
        Act::Approve(_) => open.is_empty(),
        Act::Refuse => true,
    };
    if is_same && changes_nothing {
        return Ok(Ok(()));
    }
    if let (Act::Approve(_), Some(proposed)) = (act, changed_since(&acts, decided)) {
        return Ok(Err(ListedFault::SumChanged { proposed, now: net }));
    }
    let must_clear = !open.is_empty() && must_clear(sql, &id, part)?;
    if must_clear && act.verdict() == Some(Verdict::Return) {
        return Ok(Err(ListFault::ClearsOnly.into()));
    }
    if let (Some(before), Some(verdict), true) = (ended_as(&acts), act.verdict(), part != Listed::AFTERWARDS)
        && !must_clear
        && verdict != before
        && !open.is_empty()
    {
        return Ok(Err(ListFault::EndsAs(before).into()));
    }
    let becomes = match after(&standing(&acts, decided), act, by.clone()) {
        Ok(becomes) => becomes,
        Err(fault) => return Ok(Err(fault.into())),
    };
    let step = acts.len() as i64 + 1;
    let verdict = act.verdict().map(Verdict::word);
    let (seat, done_by) = (by.seat.word(), by.certificate.as_str());
    sql.execute(
        ACT,
        values![
            &id,
            part,
            step,
            act.word(),
            verdict,
            open.len() as i64,
            net.fen(),
            reason,
            seat,
            done_by,
            at.as_microsecond()
        ],
    )?;
    match becomes {
        Standing::Ended(verdict) => end(sql, &open, verdict, (reason, at)).map(Ok),
        Standing::Waiting | Standing::Proposed(_, _) => Ok(Ok(())),
    }
}

/// Takes entries and postings off the list: into the open period, or into none.
fn end(sql: &Sql<'_>, entries: &[&Entry], verdict: Verdict, (reason, at): (&str, Timestamp)) -> Result<(), StoreError> {
    const OPEN: &str = "SELECT MAX(number) FROM periods";
    let into: Option<i64> = match verdict {
        Verdict::Clear => Some(sql.get(OPEN, values![], |row| row.number(0))?),
        Verdict::Return => None,
    };
    let mut rows: Vec<[Value<'_>; 7]> = Vec::new();
    for Entry { of, held: Listed { part, owner, .. }, ended: _ } in entries {
        match of {
            Of::Entry(position) => rows.push([
                position.0.into(),
                (*part).into(),
                THE_LIST.0.into(),
                into.into(),
                reason.into(),
                owner.word().into(),
                at.as_microsecond().into(),
            ]),
            Of::Posting(posted) => {
                let into = into.map_or(THE_LIST, PeriodNumber);
                alone::go(sql, posted, &alone::Going { from: THE_LIST, into, reason, owner: *owner, at })?;
            }
        }
    }
    sql.execute_each(CARRY, &rows)?;
    match (into, entries.first()) {
        (Some(into), Some(Entry { held, .. })) if held.part == 0 => {
            let settlement = held.settlement.to_time_first();
            along::move_with(sql, &settlement, THE_LIST, PeriodNumber(into))
        }
        (Some(_) | None, _) => Ok(()),
    }
}

fn list(sql: &Sql<'_>) -> Result<Vec<Listed>, StoreError> {
    let mut acts: BTreeMap<(String, i64), Vec<Acted>> = BTreeMap::new();
    for (key, acted) in sql.query(acts!(""), values![], read_act)? {
        acts.entry(key).or_default().push(acted);
    }
    let mut wholes: BTreeMap<(SettlementId, i64), Vec<Entry>> = BTreeMap::new();
    let postings = alone::on_list(sql, None)?.into_iter().map(of_posting);
    for entry in sql.query(listed!(""), values![], read)?.into_iter().chain(postings) {
        wholes.entry((entry.held.settlement.clone(), entry.held.part)).or_default().push(entry);
    }
    let mut listed: Vec<(usize, Listed)> = wholes.into_values().filter_map(counted).collect();
    listed.sort_by(|(_, one), (_, other)| (one.listed_at, &one.settlement).cmp(&(other.listed_at, &other.settlement)));
    let places: BTreeMap<(SettlementId, i64), usize> =
        (0..).zip(&listed).map(|(place, (_, held))| ((held.settlement.clone(), held.part), place)).collect();
    // What goes along is of the settlement's own lot.
    for (settlement, taken, ended) in afterwards::DEDUCTIONS.on_list(sql)? {
        if let Some((_, held)) = own(&places, &mut listed, (settlement, ended)) {
            held.deducted += taken;
        }
    }
    for (settlement, added, ended) in afterwards::CORRECTIONS.on_list(sql)? {
        if let Some((_, held)) = own(&places, &mut listed, (settlement, ended)) {
            held.corrected += added;
        }
    }
    let stand = |(open, held): (usize, Listed)| {
        let acts = acts.get(&(held.settlement.to_time_first(), held.part)).map(Vec::as_slice).unwrap_or_default();
        let remark = acts.last().map(|acted| acted.reason.clone()).unwrap_or_default();
        Listed { standing: standing(acts, (open, held.net())), remark, ..held }
    };
    Ok(listed.into_iter().map(stand).collect())
}

/// The settlement's own place on the list, for what goes with it and has ended or not.
fn own<'a>(
    places: &BTreeMap<(SettlementId, i64), usize>,
    listed: &'a mut [(usize, Listed)],
    (settlement, ended): (SettlementId, bool),
) -> Option<&'a mut (usize, Listed)> {
    let own = listed.get_mut(*places.get(&(settlement, 0))?)?;
    (!ended || own.0 == 0).then_some(own)
}

/// What is decided together, and how many entries of it are open. What has ended is not decided again: as long as something
/// is open, that alone counts.
fn counted(whole: Vec<Entry>) -> Option<(usize, Listed)> {
    let open = whole.iter().filter(|entry| !entry.ended).count();
    let mut counted = whole.into_iter().filter(|entry| open == 0 || !entry.ended).map(|entry| entry.held);
    let mut held = counted.next()?;
    for one in counted {
        held.sums += one.sums;
        held.deducted += one.deducted;
        held.corrected += one.corrected;
        // What was posted there was posted in no period.
        if one.booked_in != THE_LIST {
            held.booked_in = held.booked_in.min(one.booked_in);
        }
        held.listed_from = held.listed_from.max(one.listed_from);
    }
    Some((open, held))
}

fn of_posting(posting: alone::Listed) -> Entry {
    let alone::Listed { posted, settlement, lot, deducted, corrected, period, from, reason, owner, at, ended } =
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
    Entry { of: Of::Posting(posted), held, ended: ended.is_some() }
}

/// Where something stands after what was done about it. What comes to the list after the others have ended is decided anew,
/// and so is everything once it is not what it was when its end was proposed.
fn standing(acts: &[Acted], (open, net): Decided) -> Standing<Person> {
    match last_said(acts) {
        Standing::Ended(_) if open > 0 => Standing::Waiting,
        Standing::Proposed(_, _) if is_other(acts, (open, net)) => Standing::Waiting,
        stands @ (Standing::Waiting | Standing::Proposed(_, _) | Standing::Ended(_)) => stands,
    }
}

/// Where it would stand if it were what it was.
fn last_said(acts: &[Acted]) -> Standing<Person> {
    acts.iter().fold(Standing::Waiting, |stands, acted| {
        let before = match (stands, acted.act) {
            // A proposal is put in the place of one that was overtaken, or of an end that something came after.
            (Standing::Ended(_) | Standing::Proposed(_, _), Act::Propose(_)) => Standing::Waiting,
            (Standing::Ended(_), Act::Approve(_) | Act::Refuse) => Standing::Waiting,
            (stands @ (Standing::Waiting | Standing::Proposed(_, _)), _) => stands,
        };
        after(&before, acted.act, acted.by.clone()).unwrap_or(before)
    })
}

/// How what came before has ended, where anything has.
fn ended_as(acts: &[Acted]) -> Option<Verdict> {
    let ends = |acts: &[Acted]| match last_said(acts) {
        Standing::Ended(verdict) => Some(verdict),
        Standing::Waiting | Standing::Proposed(_, _) => None,
    };
    (0..=acts.len()).rev().find_map(|until| ends(&acts[..until]))
}

/// Whether it is other entries, or another sum, than what was last done something about.
fn is_other(acts: &[Acted], (open, net): Decided) -> bool {
    acts.last().is_some_and(|last| last.entries != open as i64 || last.net != net)
}

/// What would have been cleared when an end was proposed that stands no longer because the sum is another by now; the
/// entries are the same.
fn changed_since(acts: &[Acted], (open, net): Decided) -> Option<Money> {
    let last = acts.last().filter(|last| last.entries == open as i64 && last.net != net)?;
    matches!(last_said(acts), Standing::Proposed(_, _)).then_some(last.net)
}

fn read(row: Row<'_>) -> Result<Entry, StoreError> {
    let LotPosting { position, part, period, settlement, posting, .. } = read_posting(row)?;
    let malformed = || corrupt("carried_entries", position, "its owner is not one of ours");
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
        listed_at: instant("carried_entries", position, row.number(22)?)?,
        standing: Standing::Waiting,
        remark: String::new(),
    };
    Ok(Entry { of: Of::Entry(position), held, ended: row.flag(23)? })
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
    Ok((
        (settlement.clone(), row.number(1)?),
        Acted {
            act,
            by,
            reason: row.text(4)?.to_owned(),
            entries: row.number(7)?,
            net: Money::from_fen(row.number(8)?),
        },
    ))
}
