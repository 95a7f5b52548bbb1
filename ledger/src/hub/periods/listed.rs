//! 清算遗留清单: what may be carried over no further, entries and what was deducted or corrected after its settlement was
//! cleared, until two people have decided how it ends. What may be done, and by whom, is for `clearing::listed`; this keeps
//! who did what, and moves what ends. How it is read is in `listing.rs`.

use std::collections::BTreeSet;

use clearing::listed::{Act, ListFault, Person, Standing, Verdict, after};
use clearing::obligation::{Lot, Sums};
use clearing::period::Side;
use jiff::Timestamp;
use settlement::adjudication::FundShares;
use settlement::ids::SettlementId;
use settlement::money::Money;

use super::super::afterwards::{alone, along};
use super::super::{HubStore, Position};
use super::apart::must_clear;
use super::carried::CARRY;
use super::listing::{self, ListPlace, Whole};
use super::{PeriodNumber, THE_LIST};
use crate::engine::{Sql, Value};
use crate::store::StoreError;
use crate::values;

/// The whole list is read so many entries at once.
const A_PAGE: u32 = 1_000;

/// Something on the list: what one settlement moves within one lot, or all that changes it after it was cleared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The settlement.
    pub settlement: SettlementId,
    /// See [`super::super::LotPosting::part`]; [`Listed::AFTERWARDS`] for what changes it after it was cleared.
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
pub(super) struct Entry {
    /// What is moved where it ends.
    pub of: Of,
    /// The settlement, its part and its lot, and what this moves; standing and remark are of the whole.
    pub held: Listed,
    /// Whether it has ended.
    pub ended: bool,
    /// Where it came onto the list.
    pub place: ListPlace,
}

/// What is moved where it ends.
pub(super) enum Of {
    Entry(Position),
    Posting(alone::Posted),
}

/// What was done about something on the list.
pub(super) struct Acted {
    pub act: Act,
    pub by: Person,
    pub reason: String,
    /// How many entries were to be decided.
    pub entries: i64,
    /// What would have been cleared.
    pub net: Money,
}

/// What is to be decided: how many entries, and what would be cleared.
pub(super) type Decided = (usize, Money);

impl HubStore {
    /// All that is or was on the list, the oldest first. It grows for years: see [`HubStore::listed_page`].
    ///
    /// # Errors
    /// When the store fails.
    pub async fn listed(&self) -> Result<Vec<Listed>, StoreError> {
        let read = self.engine.read(|sql| {
            let (mut listed, mut after) = (Vec::new(), None);
            loop {
                let (page, next) = listing::page(sql, after.as_ref(), true, A_PAGE)?;
                listed.extend(page);
                after = next;
                if after.is_none() {
                    return Ok(listed);
                }
            }
        });
        let mut listed = read.await?;
        listed.sort_by(|one, other| (one.listed_at, &one.settlement).cmp(&(other.listed_at, &other.settlement)));
        Ok(listed)
    }

    /// A page of the list after a place in it, the oldest first, with what has ended or without; and after which place the
    /// next one begins, none where this is the last. `limit` entries are looked at: what several of them make up is told once.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn listed_page(
        &self,
        after: Option<ListPlace>,
        with_ended: bool,
        limit: u32,
    ) -> Result<(Vec<Listed>, Option<ListPlace>), StoreError> {
        self.engine.read(move |sql| listing::page(sql, after.as_ref(), with_ended, limit)).await
    }

    /// What of a settlement is or was on the list, part by part.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn listed_of(&self, settlement: SettlementId) -> Result<Vec<Listed>, StoreError> {
        let read = self.engine.read(move |sql| listing::wholes(sql, &of_one(&settlement)));
        Ok(read.await?.into_iter().map(|whole| whole.held).collect())
    }

    /// What is or was on the list of settlements of which a period would clear something now.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn listed_beside(&self, period: PeriodNumber) -> Result<Vec<Listed>, StoreError> {
        self.engine.read(move |sql| listing::beside(sql, period)).await
    }

    /// Whether something can be done about something on the list, by whoever would do it. Changes nothing.
    ///
    /// # Errors
    /// When the store fails. Inside: why it cannot be done.
    pub async fn listed_check(
        &self,
        (settlement, part): (SettlementId, i64),
        act: Act,
        by: Person,
    ) -> Result<Result<(), ListedFault>, StoreError> {
        let read = self.engine.read(move |sql| {
            let found = find(sql, (&settlement, part))?;
            Ok(found.ok_or(ListedFault::Unknown).and_then(|found| judge(&found, act, &by).map(drop)))
        });
        read.await
    }

    /// Does something about something on the list. What two people have decided is carried out in the same step, and told:
    /// before that nothing has moved. The same again changes nothing.
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
                if let (Some(telling), Ok(Acting::Ended)) = (telling.as_deref(), &acted) {
                    telling.within(sql).tell_moved([&*settlement.to_time_first()])?;
                }
                Ok(acted.map(drop))
            })
            .await
    }
}

fn of_one(settlement: &SettlementId) -> BTreeSet<String> {
    BTreeSet::from([settlement.to_time_first()])
}

/// What is decided together.
struct Found {
    whole: Whole,
    /// What undoes or changes it counts in a period that is stated: it can only be cleared.
    clears_only: bool,
}

/// Only what is of the settlement is read, however long the list is.
fn find(sql: &Sql<'_>, (settlement, part): (&SettlementId, i64)) -> Result<Option<Found>, StoreError> {
    let wholes = listing::wholes(sql, &of_one(settlement))?;
    let Some(whole) = wholes.into_iter().find(|whole| whole.held.part == part) else { return Ok(None) };
    let waits = whole.open().next().is_some();
    let clears_only = waits && must_clear(sql, &settlement.to_time_first(), part)?;
    Ok(Some(Found { whole, clears_only }))
}

/// Where something stands once this is done about it; none where that changes nothing.
fn judge(found: &Found, act: Act, by: &Person) -> Result<Option<Standing<Person>>, ListedFault> {
    let Found { whole, clears_only } = found;
    let (acts, decided) = (&whole.acts, whole.decided());
    let (open, net) = decided;
    let is_same = acts.last().is_some_and(|last| last.act == act && last.by == *by);
    let changes_nothing = match act {
        Act::Propose(_) => !is_other(acts, decided),
        Act::Approve(_) => open == 0,
        Act::Refuse => true,
    };
    if is_same && changes_nothing {
        return Ok(None);
    }
    if let (Act::Approve(_), Some(proposed)) = (act, changed_since(acts, decided)) {
        return Err(ListedFault::SumChanged { proposed, now: net });
    }
    if *clears_only && act.verdict() == Some(Verdict::Return) {
        return Err(ListFault::ClearsOnly.into());
    }
    if let (Some(before), Some(verdict), true) = (ended_as(acts), act.verdict(), whole.held.part != Listed::AFTERWARDS)
        && !clears_only
        && verdict != before
        && open > 0
    {
        return Err(ListFault::EndsAs(before).into());
    }
    Ok(Some(after(&standing(acts, decided), act, by.clone())?))
}

/// What an act has come to.
enum Acting {
    /// Entries and postings have left the list.
    Ended,
    /// All of it waits on, or nothing was done.
    Waits,
}

fn act_on(
    sql: &Sql<'_>,
    (settlement, part): (&SettlementId, i64),
    act: Act,
    reason: &str,
    (by, at): (&Person, Timestamp),
) -> Result<Result<Acting, ListedFault>, StoreError> {
    const ACT: &str = "INSERT INTO listed_acts
            (settlement, part, step, act, verdict, entries, net, reason, seat, done_by, done_at)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
    let Some(found) = find(sql, (settlement, part))? else { return Ok(Err(ListedFault::Unknown)) };
    let becomes = match judge(&found, act, by) {
        Ok(Some(becomes)) => becomes,
        Ok(None) => return Ok(Ok(Acting::Waits)),
        Err(fault) => return Ok(Err(fault)),
    };
    let whole = found.whole;
    let (open, net) = whole.decided();
    let step = whole.acts.len() as i64 + 1;
    let (id, verdict) = (settlement.to_time_first(), act.verdict().map(Verdict::word));
    let (seat, done_by) = (by.seat.word(), by.certificate.as_str());
    sql.execute(
        ACT,
        values![
            &id,
            part,
            step,
            act.word(),
            verdict,
            open as i64,
            net.fen(),
            reason,
            seat,
            done_by,
            at.as_microsecond()
        ],
    )?;
    match becomes {
        Standing::Ended(verdict) => {
            end(sql, &whole.open().collect::<Vec<_>>(), verdict, (reason, at))?;
            Ok(Ok(Acting::Ended))
        }
        Standing::Waiting | Standing::Proposed(_, _) => Ok(Ok(Acting::Waits)),
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
    for Entry { of, held: Listed { part, owner, .. }, .. } in entries {
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

/// Where something stands after what was done about it. What comes to the list after the others have ended is decided anew,
/// and so is everything once it is not what it was when its end was proposed.
pub(super) fn standing(acts: &[Acted], (open, net): Decided) -> Standing<Person> {
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
