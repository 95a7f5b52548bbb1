//! Having a home region take an approved batch of corrections into its book, and booking its money once it has. What is
//! approved is written down before the region is asked, and the region takes the same batch once, so whoever dies in
//! between leaves it to the next. Called by the service, by [`crate::jobs::corrections`], and to make a book whole again.

use bytes::Bytes;
use clearing::corrections::{Correction, GIVEN_BACK, Standing};
use clearing::obligation::Lot;
use ledger::hub::{BatchPlace, CorrectionBatch};
use ledger::mailbox::{Letter, Mailbox, Notice, Part};
use ledger::store::StoreError;
use prost::Message;
use proto::convert::write_shares;
use proto::status::NoReply;
use proto::v1;
use settlement::adjudication::Payers;

use crate::directory::{Home, Known};
use crate::hub::Hub;
use crate::lie::Lie;

/// The kind of letter.
const KIND: &str = "correction";
/// A remark tells of so many settlements that the region could not take, and of how many there are.
const TOLD_FAULTS: usize = 10;

impl Hub {
    /// Has an approved batch taken by its home region, and tells how it stands then; none where there is no such batch.
    /// Where the region does not answer, or says that it stands in a place where it cannot, it stays approved and nothing is
    /// kept of that.
    ///
    /// # Errors
    /// When the store fails; the region may have taken it, and says so when it is asked again.
    pub async fn correction_carry(&self, id: &str) -> Result<Option<CorrectionBatch>, StoreError> {
        let Some(held) = self.store.correction_find(id.to_owned()).await? else { return Ok(None) };
        if held.standing != Standing::Approved {
            return Ok(Some(held));
        }
        let Ok(home) = self.directory.home(held.batch.home) else { return Ok(Some(held)) };
        // What a restored book lacks is given back first.
        if home.book().fallen().is_some() {
            return Ok(Some(held));
        }
        let reply = match self.correction_ask(home, &held, (Bytes::new(), home.book().known())).await {
            Ok(reply) => reply,
            Err(why) => {
                home.says_that_its_book_fell(&why);
                let (name, why) = (home.name(), why.word());
                tracing::debug!(batch = id, home = name, "batch {id} waits to be taken by {name}: {why}");
                return Ok(Some(held));
            }
        };
        let now = self.clock.now();
        if reply.faults.is_empty() {
            let place = BatchPlace { after: reply.after, number: reply.number };
            let leaps = home.book().batch_leaps(place.number).or_else(|| home.book().leaps(place.after));
            if let Some(lie) = leaps {
                home.lied_of_batch(id, place, lie, now);
                return Ok(Some(held));
            }
            // One region's system keeps one book for all its pools.
            let book = home.pools().iter().copied().collect();
            let taken =
                match self.store.correction_take((id.to_owned(), place, reply.record), book, letter, now).await? {
                    Ok(taken) => taken,
                    Err(fault) => {
                        tracing::error!(batch = id, home = home.name(), "{fault}");
                        home.lied_of_batch(id, place, Lie::BatchNumberRepeated, now);
                        return Ok(Some(held));
                    }
                };
            // A book without it is an older copy from now on.
            home.book().reached_batch(place.number);
            self.mailroom.note_posted();
            tracing::info!(batch = id, home = home.name(), "batch {id} of corrections is in force");
            return Ok(taken);
        }
        let count = reply.faults.len();
        tracing::warn!(batch = id, faults = count, "batch {id} failed: the region could not take {count} settlements");
        self.store.correction_fail(id.to_owned(), remark(&reply.faults), now).await?;
        self.store.correction_find(id.to_owned()).await
    }

    /// Asks a region to take a batch, where its book has gone as far as it is known to. While a book is made whole again
    /// nothing is known of it, and it takes the batch as it was recorded; else there is no record.
    ///
    /// # Errors
    /// Why there is no answer.
    pub(crate) async fn correction_ask(
        &self,
        home: &Home,
        held: &CorrectionBatch,
        (record, known): (Bytes, Known),
    ) -> Result<v1::CorrectReply, NoReply> {
        home.port().correct(v1::CorrectRequest { record, ..request(held, known) }, self.patience).await
    }
}

/// What the region said of settlements that it could not take.
pub(crate) fn remark(faults: &[v1::CorrectionFault]) -> String {
    let told =
        faults.iter().take(TOLD_FAULTS).map(|v1::CorrectionFault { settlement, problem }| match &settlement[..] {
            "" => problem.clone(),
            settlement => format!("{settlement}: {problem}"),
        });
    let told = told.collect::<Vec<_>>().join("; ");
    if faults.len() > TOLD_FAULTS { format!("{told}; {} in all", faults.len()) } else { told }
}

/// A correction as it travels.
pub(super) fn write_correction(correction: &Correction) -> v1::Correction {
    let Correction { settlement, told, now } = correction;
    v1::Correction { settlement: settlement.to_string(), told: Some(write_shares(told)), now: Some(write_shares(now)) }
}

fn request(held: &CorrectionBatch, known: Known) -> v1::CorrectRequest {
    let batch = &held.batch;
    let approved_at = held.decided.as_ref().map_or(held.proposed_at, |(_, at)| *at);
    v1::CorrectRequest {
        home: batch.home.to_string(),
        batch: batch.id.clone(),
        undoes: batch.undoes.clone().unwrap_or_default(),
        corrections: batch.corrections.iter().map(write_correction).collect(),
        approved_at: approved_at.as_microsecond(),
        request_id: format!("correct-{}", batch.id),
        known_book_seq: known.book_seq,
        known_batches: known.batches,
        record: Bytes::new(),
    }
}

/// What the treatment side is told of a settlement, so that it can settle with its hospital: when it is corrected, when that
/// is given back because the settlement is undone, and when it comes again.
pub(crate) fn letter(held: &CorrectionBatch, (correction, lot): (&Correction, &Lot), version: u64) -> Notice {
    let subject = format!("{KIND} {} {}", held.batch.id, correction.settlement);
    let letter = Letter {
        id: if version == 1 { subject.clone() } else { format!("{subject} {version}") },
        subject,
        version,
        kind: KIND.to_owned(),
        body: write_letter(held, correction, version).encode_to_vec().into(),
    };
    Notice { mailbox: Mailbox { pool: lot.treatment, part: Part::Treatment }, letter }
}

fn write_letter(held: &CorrectionBatch, correction: &Correction, version: u64) -> v1::CorrectionLetter {
    let Correction { settlement, told, now } = correction;
    let difference = Payers {
        funds: correction.moves(),
        account: now.account - told.account,
        cash: now.cash - told.cash,
        hospital: now.hospital - told.hospital,
    };
    v1::CorrectionLetter {
        batch: held.batch.id.clone(),
        undoes: held.batch.undoes.clone().unwrap_or_default(),
        home: held.batch.home.to_string(),
        settlement: settlement.to_string(),
        told: Some(write_shares(told)),
        now: Some(write_shares(now)),
        difference: Some(write_shares(&difference)),
        patient_gets: correction.patient_gets().fen(),
        // Every second word gives it back.
        reason: if version.is_multiple_of(2) { GIVEN_BACK.to_owned() } else { held.reason.clone() },
    }
}
