//! The region's door for corrections 更正: an approved batch is checked against its settlements as they come out now, and
//! taken into the book as a whole or not at all. Who may approve one is for the hub; what it does to the book for
//! [`settlement::decide::correct()`]. The hub repeats a batch until it is answered, so that a batch that is known changes
//! nothing. Called by the hub over gRPC, and by the simulator.

mod record;

use identity::permit::HubPermit;
use jiff::Timestamp;
use ledger::home::{BatchRefused, BatchTaken, CorrectionBatch, TakenCorrection};
use proto::v1::region_corrections_server::RegionCorrections;
use proto::{convert, v1};
use settlement::adjudication::Payers;
use settlement::decide::{Correction, Faulty};
use settlement::ids::SettlementId;
use settlement::refusal::{Reason, Refusal};
use tonic::{Request, Response, Status};

use crate::affected;
use crate::committer::behind;
use crate::door::{Door, invalid, known, read_pool, unread};
use crate::replay::ReplayError;
use crate::service::{RegionService, told};

/// How many settlements one batch corrects at most: it is written in one commit, which others wait for.
const LARGEST_BATCH: usize = 5_000;
/// The longest id of a batch, in bytes.
const LONGEST_ID: usize = 64;
/// The largest amount, in fen: so that whatever is added up here stays a number.
const LARGEST_AMOUNT: i64 = 1_000_000_000_000_000;
/// How often a batch's settlements are worked out again because something was changed meanwhile.
const ATTEMPTS: u32 = 4;

impl Door {
    /// Takes an approved batch into the book. Why it cannot be taken is part of the answer: then nothing was.
    ///
    /// # Errors
    /// When the batch cannot be read, its id came with other content ([`Reason::ContentDiffers`] names the field), its
    /// settlements change faster than they are worked out ([`Reason::Busy`]), or the store fails: the same batch again
    /// tells. [`Reason::RegionUnavailable`], as for an operation, where the book lacks what the hub knows of it: then nothing
    /// is taken until it is whole again.
    pub async fn correct(&self, _: &HubPermit, asked: v1::CorrectRequest) -> Result<v1::CorrectReply, Refusal> {
        self.serves_code(&asked.home)?;
        let hub_knows = known(asked.known_book_seq, asked.known_batches);
        let record = record::read(&asked.record)?;
        let batch = read_batch(asked)?;
        if let Some(refusal) = behind(self.store.book_end().await.map_err(unread)?, hub_knows) {
            return Err(refusal);
        }
        if batch.corrections.len() > LARGEST_BATCH {
            let problem = format!("a batch corrects at most {LARGEST_BATCH} settlements: put it forward in parts");
            return Ok(at_fault(problem));
        }
        for _ in 0..ATTEMPTS {
            let taken = match self.store.correction_find(batch.clone()).await.map_err(unread)? {
                Some(known) => known,
                None => self.take(&batch, record.clone()).await?,
            };
            match taken {
                Ok(taken) => return self.told_of(&batch, taken).await,
                Err(BatchRefused::Outdated) => {}
                Err(refused) => return write_refused(&batch, refused),
            }
        }
        Err(Refusal::new(Reason::Busy).because("the settlements of the batch were changed while they were worked out"))
    }

    async fn take(
        &self,
        batch: &CorrectionBatch,
        record: Option<Vec<TakenCorrection>>,
    ) -> Result<Result<BatchTaken, BatchRefused>, Refusal> {
        if let Some(record) = record {
            tracing::info!(batch = %batch.id, "batch {} is taken back as it was before the book was lost", batch.id);
            return self.store.correction_take_back(batch.clone(), record).await.map_err(unread);
        }
        let worked_out = match batch.undoes {
            Some(_) => Vec::new(),
            None => {
                let settlements = batch.corrections.iter().map(|one| one.settlement.clone()).collect();
                affected::work_out_again(&self.store, settlements).await.map_err(unworkable)?
            }
        };
        self.store.correction_take(batch.clone(), worked_out).await.map_err(unread)
    }

    async fn told_of(&self, batch: &CorrectionBatch, taken: BatchTaken) -> Result<v1::CorrectReply, Refusal> {
        let BatchTaken { known, after, number } = taken;
        let (id, corrections) = (&batch.id, batch.corrections.len());
        if !known {
            tracing::info!(batch = %id, corrections, after = after.0, "batch {id} corrects {corrections} settlements");
        }
        // What undoes a batch posts what that one posted, turned, in whatever book that one is.
        let record = match batch.undoes {
            Some(_) => Vec::new(),
            None => record::write(&self.store.correction_record(id.clone()).await.map_err(unread)?),
        };
        Ok(v1::CorrectReply { known, faults: Vec::new(), after: after.0, number, record: record.into() })
    }
}

fn write_refused(batch: &CorrectionBatch, refused: BatchRefused) -> Result<v1::CorrectReply, Refusal> {
    let undone = batch.undoes.as_deref().unwrap_or_default();
    Ok(match refused {
        BatchRefused::ContentDiffers(field) => return Err(Refusal::new(Reason::ContentDiffers).of_field(field)),
        BatchRefused::UndoneUnknown => at_fault(format!("batch {undone}, which it undoes, is not in the book")),
        BatchRefused::UndoneBefore(by) => {
            at_fault(format!("batch {undone}, which it undoes, was undone by batch {by}"))
        }
        BatchRefused::Faults(faults) => {
            let faults = faults.iter().map(write_fault).collect();
            v1::CorrectReply { faults, ..v1::CorrectReply::default() }
        }
        BatchRefused::Outdated => return Err(Reason::Busy.into()),
    })
}

fn write_fault(faulty: &Faulty) -> v1::CorrectionFault {
    v1::CorrectionFault { settlement: faulty.settlement.to_string(), problem: faulty.fault.to_string() }
}

/// What is wrong with a batch as a whole.
fn at_fault(problem: String) -> v1::CorrectReply {
    let fault = v1::CorrectionFault { settlement: String::new(), problem };
    v1::CorrectReply { faults: vec![fault], ..v1::CorrectReply::default() }
}

fn read_batch(asked: v1::CorrectRequest) -> Result<CorrectionBatch, Refusal> {
    let v1::CorrectRequest { home, batch, undoes, corrections, approved_at, .. } = asked;
    let id = read_id("batch", batch)?;
    let undoes = if undoes.is_empty() { None } else { Some(read_id("undoes", undoes)?) };
    if undoes.as_ref() == Some(&id) {
        return Err(wrong("undoes", "a batch does not undo itself"));
    }
    if corrections.is_empty() {
        return Err(Refusal::new(Reason::MissingField).of_field("corrections"));
    }
    let approved_at = Timestamp::from_microsecond(approved_at);
    Ok(CorrectionBatch {
        id,
        home: read_pool(&home)?,
        undoes,
        corrections: corrections.into_iter().map(read_correction).collect::<Result<_, _>>()?,
        approved_at: approved_at.map_err(|_| wrong("approved_at", "is no instant in UTC microseconds"))?,
    })
}

fn read_id(field: &'static str, id: String) -> Result<String, Refusal> {
    if id.is_empty() {
        return Err(Refusal::new(Reason::MissingField).of_field(field));
    }
    if id.len() > LONGEST_ID || id.chars().any(char::is_control) {
        return Err(wrong(field, "is longer than 64 bytes, or has control characters"));
    }
    Ok(id)
}

fn read_correction(correction: v1::Correction) -> Result<Correction, Refusal> {
    let v1::Correction { settlement, told, now } = correction;
    let settlement = SettlementId::new(&settlement).map_err(|fault| invalid("settlement", fault))?;
    Ok(Correction { settlement, told: read_payers("told", told)?, now: read_payers("now", now)? })
}

fn read_payers(field: &'static str, shares: Option<v1::Shares>) -> Result<Payers, Refusal> {
    let shares = shares.ok_or_else(|| Refusal::new(Reason::MissingField).of_field(field))?;
    let payers = convert::read_shares(&shares);
    let Payers { funds, account, cash, hospital } = payers;
    let amounts = funds.iter().map(|(_, amount)| amount).chain([account, cash, hospital]);
    if amounts.into_iter().any(|amount| amount.fen().unsigned_abs() > LARGEST_AMOUNT.unsigned_abs()) {
        return Err(wrong(field, "has an amount that no bill has"));
    }
    Ok(payers)
}

fn wrong(field: &'static str, problem: &'static str) -> Refusal {
    Refusal::new(Reason::InvalidField).of_field(field).because(problem)
}

fn unworkable(fault: ReplayError) -> Refusal {
    tracing::error!(error = &fault as &dyn std::error::Error, "a batch of corrections cannot be worked out");
    Reason::Internal.into()
}

#[tonic::async_trait]
impl RegionCorrections for RegionService {
    async fn correct(&self, request: Request<v1::CorrectRequest>) -> Result<Response<v1::CorrectReply>, Status> {
        let permit = HubPermit::from_request(&request)?;
        told(self.door().correct(&permit, request.into_inner()).await)
    }
}
