//! Making a home region's book whole again that was restored from an older copy: the answers that it gave go back, in
//! their order and under their old numbers, from what the hub kept, and between them the corrections that were in force. Nothing is decided anew. What goes back is for
//! [`settlement::restored`] to say. Called by [`crate::home_books`], for an operator.

use ledger::hub::{BatchPlace, Given};
use prost::Message;
use proto::convert;
use proto::status::NoReply;
use proto::v1;
use settlement::decide::BookSeq;
use settlement::ids::PoolCode;
use settlement::refusal::{BOOK_SEQ, Reason, Refusal};
use settlement::restored::{Plan, Step, plan};

use crate::corrections::carry::remark;
use crate::directory::{Home, Known};
use crate::hub::Hub;
use crate::refusing::failed;

/// What is missing from a region's book.
pub struct Missing {
    /// How far the region's book goes now.
    pub held: BookSeq,
    /// What has to be done.
    pub plan: Plan,
    /// The batches of corrections in force that it lacks, in the order of the book.
    pub batches: Vec<String>,
}

/// What giving it back came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Restored {
    /// Answers that the region took back now.
    pub taken_back: u64,
    /// Answers that it had already.
    pub known: u64,
    /// Batches of corrections that it took again.
    pub batches: Vec<String>,
    /// Numbers that nobody outside ever heard of.
    pub lost: Vec<BookSeq>,
    /// Why it went no further: two books say different things under a number, or a batch of corrections that stands after
    /// it is not taken back.
    pub clash: Option<(BookSeq, String)>,
}

/// What an operator can do where a region never said how it took a batch.
const WORKED_OUT_AGAIN: &str = " (the region did not say how it took the batch, so it was worked out anew: have the region \
    take back what it posted since its book was lost, restore again, and post that anew)";

impl Hub {
    /// What is missing from the book of a pool's region.
    ///
    /// # Errors
    /// When the region cannot be asked, the store fails, or the numbers of its answers cannot be true.
    pub async fn book_missing(&self, pool: PoolCode) -> Result<Missing, Refusal> {
        let home = self.directory.home(pool)?;
        let request = v1::BookRequest { home: pool.to_string(), request_id: String::new() };
        let reply = home.port().book(request, self.patience).await.map_err(NoReply::into_refusal)?;
        let held = reply.last;
        // A fallen book may have decided anew what lies above.
        let common = home.book().fallen().map_or(held, |fallen| held.min(fallen.to));
        let mut answered = Vec::new();
        for pool in home.pools() {
            answered.extend(self.store.answer_numbers(*pool, common).await.map_err(|fault| failed(&fault))?);
        }
        let answered: Vec<BookSeq> = answered.into_iter().map(BookSeq).collect();
        let plan = plan(BookSeq(common), &answered)
            .map_err(|jump| Refusal::new(Reason::InvalidField).of_field(BOOK_SEQ).because(jump.to_string()))?;
        let in_force = self
            .store
            .correction_in_force(home.pools().iter().copied().collect())
            .await
            .map_err(|fault| failed(&fault))?;
        let lacking = in_force.into_iter().filter(|(_, place)| place.number > reply.batches || place.after > common);
        Ok(Missing { held: BookSeq(held), plan, batches: lacking.map(|(batch, _)| batch).collect() })
    }

    /// The answers of a region under a number.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn book_given(&self, home: &Home, seq: BookSeq) -> Result<Vec<Given>, Refusal> {
        let mut given = Vec::new();
        for pool in home.pools() {
            given.extend(self.store.answer_given(*pool, seq.0).await.map_err(|fault| failed(&fault))?);
        }
        Ok(given)
    }

    /// Gives a region back what is missing from its book; once that is whole, new operations go there again. Safe to
    /// do again after it broke off.
    ///
    /// # Errors
    /// When the region cannot be asked, or the store fails. What was given back until then stays.
    pub async fn book_restore(&self, pool: PoolCode, by: String) -> Result<Restored, Refusal> {
        let home = self.directory.home(pool)?;
        let Missing { held: _, plan, batches: _ } = self.book_missing(pool).await?;
        let mut restored = Restored { lost: plan.lost, ..Restored::default() };
        let mut corrections = self
            .store
            .correction_in_force(home.pools().iter().copied().collect())
            .await
            .map_err(|fault| failed(&fault))?;
        for step in plan.steps {
            // What was decided after a batch has seen it.
            let later = corrections.split_off(corrections.partition_point(|(_, place)| place.after < step.seq.0));
            if !self.correct_again(home, std::mem::replace(&mut corrections, later), &mut restored).await? {
                return Ok(restored);
            }
            if let Some(problem) = self.give_back(home, pool, step, &mut restored).await? {
                tracing::error!(home = home.name(), book_seq = step.seq.0, "{} is not whole: {problem}", home.name());
                restored.clash = Some((step.seq, problem));
                return Ok(restored);
            }
        }
        if !self.correct_again(home, corrections, &mut restored).await? {
            return Ok(restored);
        }
        self.store.fall_end(home.name().to_owned(), self.clock.now(), by).await.map_err(|fault| failed(&fault))?;
        home.book().is_whole();
        tracing::info!(home = home.name(), taken_back = restored.taken_back, "the book of {} is whole", home.name());
        Ok(restored)
    }

    /// Has batches of corrections taken again; what the book holds already stays. Tells whether all are in it.
    async fn correct_again(
        &self,
        home: &Home,
        batches: Vec<(String, BatchPlace)>,
        restored: &mut Restored,
    ) -> Result<bool, Refusal> {
        for (batch, place) in batches {
            let Some(held) = self.store.correction_find(batch.clone()).await.map_err(|fault| failed(&fault))? else {
                continue;
            };
            let record = self.store.correction_record(batch.clone()).await.map_err(|fault| failed(&fault))?;
            let worked_out_again = record.is_empty() && held.batch.undoes.is_none();
            // It is told of nothing that it should hold: it is being made whole.
            let asked = self.correction_ask(home, &held, (record, Known::default())).await;
            let reply = asked.map_err(NoReply::into_refusal)?;
            if !reply.faults.is_empty() {
                let how = if worked_out_again { WORKED_OUT_AGAIN } else { "" };
                let problem = format!("corrections of batch {batch}: {}{how}", remark(&reply.faults));
                tracing::error!(home = home.name(), batch, "{} is not whole: {problem}", home.name());
                restored.clash = Some((BookSeq(place.after), problem));
                return Ok(false);
            }
            if !reply.known {
                restored.batches.push(batch);
            }
        }
        Ok(true)
    }

    /// Gives one answer back, and tells why it was not taken.
    async fn give_back(
        &self,
        home: &Home,
        pool: PoolCode,
        step: Step,
        restored: &mut Restored,
    ) -> Result<Option<String>, Refusal> {
        let mut given = self.book_given(home, step.seq).await?;
        let Some(one) = given.pop() else {
            return Ok(Some("no answer bears this number any more".to_owned()));
        };
        if !given.is_empty() {
            return Ok(Some(
                "two answers bear this number: the region went on deciding after it was restored".to_owned(),
            ));
        }
        let request = request(pool, step, one);
        let reply = home.port().reinstate(request, self.patience).await.map_err(NoReply::into_refusal)?;
        match (reply.clash.is_empty(), reply.known) {
            (false, _) => return Ok(Some(reply.clash)),
            (true, true) => restored.known += 1,
            (true, false) => restored.taken_back += 1,
        }
        Ok(None)
    }
}

fn request(pool: PoolCode, step: Step, given: Given) -> v1::ReinstateRequest {
    v1::ReinstateRequest {
        home: pool.to_string(),
        operation: given.bytes,
        outcome: given.outcome,
        book_seq: step.seq.0,
        after: step.after.0,
        filing: convert::write_attached_filings(&given.filings)
            .map(|attached| attached.encode_to_vec().into())
            .unwrap_or_default(),
        answered_at: given.answered_at.as_microsecond(),
        request_id: format!("restore-{}", given.position),
    }
}
