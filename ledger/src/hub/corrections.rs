//! 更正 as they are recorded: batches put forward, decided, taken into the home region's book, and their money. What may be
//! corrected, and what may happen to a batch, is for `clearing::corrections`; where its money goes for
//! [`super::afterwards`]. Called by the hub's service of corrections and its job.

mod proposing;
mod rows;

use bytes::Bytes;
use clearing::corrections::{Batch, Correction, CorrectionFault, DecisionFault, Event, Found, Standing, after, decide};
use clearing::listed::Person;
use clearing::obligation::Lot;
use jiff::Timestamp;
use settlement::adjudication::{Fund, FundShares};
use settlement::ids::{PoolCode, SettlementId};

use super::HubStore;
use super::afterwards::{CORRECTIONS, alone, period_for, posted_in, turned};
use super::deductions::read_shares;
use super::periods::{Between, PeriodNumber, THE_LIST};
use crate::engine::{Sql, list};
use crate::mailbox::{self, Notice};
use crate::store::StoreError;
use crate::values;
pub(super) use rows::{corrected, posted, posted_as, read_posted};

/// What is to be put forward.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// Its id, made by its sender.
    pub id: String,
    /// The pool that insures.
    pub home: PoolCode,
    /// What it changes.
    pub changes: Changes,
    /// Why.
    pub reason: String,
}

/// What a batch changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changes {
    /// What the home region found: exactly these.
    Named(Vec<Found>),
    /// All that the home region found, but what is not of this pool or not in the hub's book.
    All(Vec<Found>),
    /// A batch in force is taken back as a whole: all its settlements are in force and count as it left them.
    Undo(String),
}

/// A batch as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CorrectionBatch {
    /// What two people decide on.
    pub batch: Batch,
    /// The lots of its settlements, in their order.
    pub lots: Vec<Lot>,
    /// Why it was put forward.
    pub reason: String,
    /// Where it stands.
    pub standing: Standing,
    /// Why it was refused, or what the region could not take.
    pub remark: String,
    /// Who put it forward.
    pub proposed_by: Person,
    /// When.
    pub proposed_at: Timestamp,
    /// Who decided, and when; none where nobody has.
    pub decided: Option<(Person, Timestamp)>,
    /// The last period in which its money stands; none where there is none yet, and 0 for the list.
    pub period: Option<PeriodNumber>,
}

/// What a correction adds to a period, or takes back in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostedCorrection {
    /// The id of the correction within its batch.
    pub id: String,
    /// The how manieth posting of the correction it is.
    pub step: i64,
    /// The batch.
    pub batch: String,
    /// The settlement as it counts before and after this posting.
    pub correction: Correction,
    /// Between whom, and for what.
    pub lot: Lot,
    /// What moves; below zero where the home member pays less.
    pub moves: FundShares,
    /// Why the batch was put forward; of what is given back, that its settlement was undone.
    pub reason: String,
    /// When it was posted.
    pub at: Timestamp,
    /// The period in which the settlement was booked.
    pub booked_in: PeriodNumber,
}

/// Where a batch stands in the region's book.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BatchPlace {
    /// The place after which it stands.
    pub after: u64,
    /// Its number among the batches there, without gaps; 0 where the region did not say.
    pub number: u64,
}

/// A number of a region's book that is another batch's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("number {number} of the region's book is batch {other}'s")]
pub struct NumberTaken {
    /// The number.
    pub number: u64,
    /// Whose it is.
    pub other: String,
}

/// Writes what the treatment side is told of one settlement of a batch, as it counts before and after; how manieth word of
/// it this is counts from 1, and rises each time that it is given back or comes again.
pub type CorrectionLetter = fn(&CorrectionBatch, (&Correction, &Lot), u64) -> Notice;

/// Why something cannot be recorded of a batch. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BatchFault {
    /// There is no batch of this id.
    #[error("there is no batch of this id")]
    Unknown,
    /// The id was put forward with something else.
    #[error("the id was put forward with something else")]
    ProposedOtherwise,
    /// There is nothing to correct.
    #[error("nothing of this pool is to be corrected")]
    Nothing,
    /// The hub's book has no such settlement in force of this pool.
    #[error("settlement {0} is not in force, or not of this pool")]
    NoSettlement(SettlementId),
    /// A settlement is in another batch that is not decided or taken yet.
    #[error("settlement {0} is in batch {1}, which is not decided or taken yet")]
    InAnother(SettlementId, String),
    /// A settlement cannot be corrected so.
    #[error("settlement {0}: {1}")]
    Impossible(SettlementId, CorrectionFault),
    /// What is to be taken back is not in force, or somebody has taken it back or is about to.
    #[error("batch {0} of this pool is not in force, or it is taken back already")]
    NotToUndo(String),
    /// It may not be decided so.
    #[error(transparent)]
    Decision(#[from] DecisionFault),
}

impl HubStore {
    /// Puts a batch forward. The same again changes nothing.
    ///
    /// # Errors
    /// When the store fails. Inside: why it cannot be put forward.
    pub async fn correction_propose(
        &self,
        proposal: Proposal,
        (by, at): (Person, Timestamp),
    ) -> Result<Result<CorrectionBatch, BatchFault>, StoreError> {
        self.engine.change(move |sql| proposing::propose(sql, &proposal, (&by, at))).await
    }

    /// Approves or refuses a batch, as `seen`; what is approved is to be taken by the home region. The same again changes
    /// nothing.
    ///
    /// # Errors
    /// When the store fails. Inside: why it cannot be decided so.
    pub async fn correction_decide(
        &self,
        (id, seen): (String, String),
        event: Event,
        reason: String,
        (by, at): (Person, Timestamp),
    ) -> Result<Result<CorrectionBatch, BatchFault>, StoreError> {
        self.engine.change(move |sql| decide_one(sql, (&id, &seen), (event, &reason), (&by, at))).await
    }

    /// The home region has taken a batch, which stands in a place of its book, one book for these pools, and said how, for a
    /// book that loses it: its money is booked, and letters of it are posted in the same commit. Again it changes nothing.
    ///
    /// # Errors
    /// When the store fails. Inside: whose its number is already; nothing was changed then.
    pub async fn correction_take(
        &self,
        (id, place, record): (String, BatchPlace, Bytes),
        book: Vec<PoolCode>,
        tell: CorrectionLetter,
        at: Timestamp,
    ) -> Result<Result<Option<CorrectionBatch>, NumberTaken>, StoreError> {
        let book = list(book.iter().map(|pool| pool.0.as_str()));
        self.engine.change(move |sql| take(sql, (&id, place, &record), &book, (tell, at))).await
    }

    /// How the home region said that it took a batch; empty where it did not say.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn correction_record(&self, id: String) -> Result<Bytes, StoreError> {
        self.engine.read(move |sql| rows::record(sql, &id)).await
    }

    /// The home region cannot take a batch: nothing of it takes effect. Again it changes nothing.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn correction_fail(&self, id: String, remark: String, at: Timestamp) -> Result<(), StoreError> {
        self.engine
            .write(move |sql| match rows::find(sql, &id)?.map(|held| after(held.standing, Event::Fail)) {
                Some(Some(becomes)) => rows::insert_event(sql, &id, (becomes, &remark, None), (None, at)),
                Some(None) | None => Ok(()),
            })
            .await
    }

    /// Gives back what corrections added to settlements that are undone since, and brings it again where that is undone
    /// itself; a letter of each is posted in the same commit. Tells how many.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn correction_release(&self, tell: CorrectionLetter, at: Timestamp) -> Result<usize, StoreError> {
        // An odd number of entries counts, and so does an odd number of postings.
        const APART: &str = "SELECT DISTINCT corrections.id FROM turned_settlements AS turned CROSS JOIN corrections
            WHERE corrections.settlement = turned.settlement
              AND (SELECT MAX(step) FROM correction_postings WHERE correction_postings.id = corrections.id) % 2
               <> (SELECT MAX(step) FROM answers WHERE answers.settlement = corrections.settlement) % 2
            ORDER BY corrections.id";
        let apart = self.engine.read(|sql| sql.query(APART, values![], |row| Ok(row.text(0)?.to_owned()))).await?;
        let count = apart.len();
        for id in apart {
            self.engine.write(move |sql| post_again(sql, &id, tell, at)).await?;
        }
        Ok(count)
    }

    /// A batch by its id.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn correction_find(&self, id: String) -> Result<Option<CorrectionBatch>, StoreError> {
        self.engine.read(move |sql| rows::find(sql, &id)).await
    }

    /// The batches of which pools are the home or treat somebody, or all, with a settlement or with any; the oldest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn correction_list(
        &self,
        pools: Option<Vec<PoolCode>>,
        settlement: Option<SettlementId>,
    ) -> Result<Vec<CorrectionBatch>, StoreError> {
        let pools = pools.map(|pools| list(pools.iter().map(|pool| pool.0.as_str())));
        let settlement = settlement.map(|settlement| settlement.to_time_first());
        self.engine.read(move |sql| rows::list(sql, pools.as_deref(), settlement.as_deref())).await
    }

    /// The ids of the batches of pools that are approved and that the home region is still to take, the first decided first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn correction_approved(&self, homes: Vec<PoolCode>) -> Result<Vec<String>, StoreError> {
        Ok(self.correction_standing(homes, Standing::Approved).await?.into_iter().map(|(id, _)| id).collect())
    }

    /// The ids of the batches of pools that are in force, each with its place in the region's book; in the order of these
    /// places, and of taking effect.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn correction_in_force(&self, homes: Vec<PoolCode>) -> Result<Vec<(String, BatchPlace)>, StoreError> {
        self.correction_standing(homes, Standing::InForce).await
    }

    async fn correction_standing(
        &self,
        homes: Vec<PoolCode>,
        standing: Standing,
    ) -> Result<Vec<(String, BatchPlace)>, StoreError> {
        const STANDING: &str = "SELECT correction_batches.id, COALESCE(last.book_seq, 0), COALESCE(last.number, 0)
            FROM correction_batches
            JOIN correction_events AS last ON last.batch = correction_batches.id
                AND last.step = (SELECT MAX(step) FROM correction_events WHERE batch = correction_batches.id)
            WHERE home IN (SELECT value FROM json_each(?1)) AND last.event = ?2
            ORDER BY COALESCE(last.book_seq, 0), COALESCE(last.number, 0), last.done_at, correction_batches.id";
        let homes = list(homes.iter().map(|home| home.0.as_str()));
        let read = self.engine.read(move |sql| {
            sql.query(STANDING, values![&homes, standing.word()], |row| {
                let [after, number] = [row.number(1)?, row.number(2)?].map(i64::cast_unsigned);
                Ok((row.text(0)?.to_owned(), BatchPlace { after, number }))
            })
        });
        read.await
    }

    /// What corrections add to a period and take back in it between pools, after a posting, by its id and step, in the order
    /// of batches and settlements.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn correction_postings_page(
        &self,
        period: PeriodNumber,
        between: Between,
        (id, step): (String, i64),
        limit: u32,
    ) -> Result<Vec<PostedCorrection>, StoreError> {
        const POSTED: &str = posted_in!(
            "correction",
            posted!(),
            "AND (posted.id, posted.step) > (?2, ?3)
             AND (?4 IS NULL OR corrections.home IN (SELECT value FROM json_each(?4)))
             AND (?5 IS NULL OR corrections.treatment IN (SELECT value FROM json_each(?5)))
             ORDER BY posted.id, posted.step LIMIT ?6"
        );
        let read = self.engine.read(move |sql| {
            let [homes, treatments] = between.lists();
            let values = values![period.0, &id, step, homes.as_deref(), treatments.as_deref(), i64::from(limit)];
            sql.query(POSTED, values, read_posted)
        });
        read.await
    }
}

/// What is certain to be left of what funds paid for a settlement: with what corrections in force added, and as if those
/// that are approved were in force where they take something away.
pub(super) fn at_least_paid(
    sql: &Sql<'_>,
    settlement: &SettlementId,
    booked: FundShares,
) -> Result<FundShares, StoreError> {
    let mut paid = booked;
    paid += rows::corrected(sql, settlement)?;
    for now in rows::approved(sql, settlement)? {
        let less: Vec<_> = now.iter().filter(|(fund, now)| *now < paid.of(*fund)).collect();
        less.into_iter().for_each(|(fund, now)| paid.set(fund, now));
    }
    Ok(paid)
}

fn decide_one(
    sql: &Sql<'_>,
    (id, seen): (&str, &str),
    (event, reason): (Event, &str),
    (by, at): (&Person, Timestamp),
) -> Result<Result<CorrectionBatch, BatchFault>, StoreError> {
    let Some(held) = rows::find(sql, id)? else { return Ok(Err(BatchFault::Unknown)) };
    if is_decided_so(&held, event, by) {
        return Ok(Ok(held));
    }
    let becomes = match decide((&held.batch, held.standing), (&held.proposed_by, by), (event, seen)) {
        Ok(becomes) => becomes,
        Err(fault) => return Ok(Err(fault.into())),
    };
    // What was put forward may have been overtaken since.
    if event == Event::Approve
        && let Err(fault) = proposing::still_possible(sql, &held.batch)?
    {
        return Ok(Err(fault));
    }
    rows::insert_event(sql, id, (becomes, reason, None), (Some(by), at))?;
    stands(sql, id).map(Ok)
}

/// Whether the same person has decided the same before.
fn is_decided_so(held: &CorrectionBatch, event: Event, by: &Person) -> bool {
    let decided = match held.standing {
        Standing::Proposed => None,
        Standing::Refused => Some(Event::Refuse),
        Standing::Approved | Standing::InForce | Standing::Failed => Some(Event::Approve),
    };
    decided == Some(event)
        && held.decided.as_ref().is_some_and(|(decided_by, _)| decided_by.certificate == by.certificate)
}

fn take(
    sql: &Sql<'_>,
    (id, place, record): (&str, BatchPlace, &[u8]),
    book: &str,
    (tell, at): (CorrectionLetter, Timestamp),
) -> Result<Result<Option<CorrectionBatch>, NumberTaken>, StoreError> {
    let Some(held) = rows::find(sql, id)? else { return Ok(Ok(None)) };
    let Some(becomes) = after(held.standing, Event::Take) else { return Ok(Ok(Some(held))) };
    if let Some(other) = rows::under_number(sql, (id, place.number), book)? {
        return Ok(Err(NumberTaken { number: place.number, other }));
    }
    rows::insert_event(sql, id, (becomes, "", Some(place)), (None, at))?;
    rows::insert_record(sql, id, record)?;
    for correction in &held.batch.corrections {
        let settlement = &correction.settlement;
        let (period, own) = (period_for(sql, settlement)?, rows::id_of(id, settlement));
        rows::insert_posting(sql, (&own, 1), period, &correction.moves(), at)?;
        // It may have been undone since the batch was approved.
        turned::note(sql, &settlement.to_time_first())?;
        // What is on the list with its settlement waits for that.
        if period != THE_LIST {
            let undoes = held.batch.undoes.as_ref().map(|undone| rows::id_of(undone, settlement));
            alone::join(sql, (&own, settlement), undoes.as_deref(), (period, at))?;
        }
    }
    let held = stands(sql, id)?;
    for (correction, lot) in held.batch.corrections.iter().zip(&held.lots) {
        let Notice { mailbox, letter } = tell(&held, (correction, lot), 1);
        mailbox::post(sql, mailbox, &letter, at)?;
    }
    Ok(Ok(Some(held)))
}

/// Posts a correction once more, with its sign turned, so that it counts as its settlement does.
fn post_again(sql: &Sql<'_>, id: &str, tell: CorrectionLetter, at: Timestamp) -> Result<(), StoreError> {
    const STANDS: &str = "SELECT (SELECT MAX(step) FROM answers WHERE answers.settlement = corrections.settlement),
            last.step, last.basic, last.large_sum, last.catastrophic, last.civil_servant, last.assistance,
            corrections.batch
        FROM corrections JOIN correction_postings AS last ON last.id = corrections.id
        WHERE corrections.id = ?1 ORDER BY last.step DESC LIMIT 1";
    let found = sql.find(STANDS, values![id], |row| {
        Ok((row.number(0)?, row.number(1)?, read_shares(row, 2)?, row.text(2 + Fund::ALL.len())?.to_owned()))
    })?;
    // It may have been posted, or its settlement may have come back, since it was found.
    let Some((_, step, moves, batch)) = found.filter(|(entries, step, ..)| entries % 2 != step % 2) else {
        return Ok(());
    };
    let (period, step) = (CORRECTIONS.period_again(sql, id)?, step + 1);
    rows::insert_posting(sql, (id, step), period, &-moves, at)?;
    CORRECTIONS.follow_returned(sql, (id, step), at)?;
    let held = stands(sql, &batch)?;
    let mut all = held.batch.corrections.iter().zip(&held.lots);
    let Some((correction, lot)) = all.find(|(one, _)| rows::id_of(&batch, &one.settlement) == id) else {
        return Ok(());
    };
    let correction = if step % 2 == 0 { correction.undone() } else { correction.clone() };
    let Notice { mailbox, letter } = tell(&held, (&correction, lot), step.unsigned_abs());
    mailbox::post(sql, mailbox, &letter, at).map(drop)
}

fn stands(sql: &Sql<'_>, id: &str) -> Result<CorrectionBatch, StoreError> {
    rows::find(sql, id)?.ok_or_else(|| super::corrupt("correction_batches", id, "it is gone"))
}
