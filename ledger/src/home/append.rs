//! Appends what a batch decided. Called by [`super::HomeStore::batch_decide`].

use bytes::Bytes;
use jiff::Timestamp;
use rusqlite::Transaction;
use settlement::decide::{BookSeq, Booked, Decision, Effects, Undoing, UsagePosting, Verdict};
use settlement::ids::{
    BatchNumber, DiseaseCode, EncounterId, InstitutionCode, MessageId, PersonNumber, TransactionNumber,
};
use settlement::lifecycle::Standing;
use settlement::money::Money;
use settlement::operation::{OperationKey, Request, ReversalTarget};
use settlement::outcome::Outcome;

use super::load::Loaded;
use super::row::date_text;
use super::rule_books::RuleSet;
use super::{Asked, Reply, Wire};
use super::{affected, journal};
use crate::engine::Sql;
use crate::store::StoreError;

/// One batch's appending.
pub(super) struct Append<'a> {
    transaction: &'a Transaction<'a>,
    wire: Wire,
    rule_set: RuleSet,
    /// When the batch is decided.
    pub at: Timestamp,
    /// Answers given in this batch, for keys that come twice in it.
    given: Vec<(BookSeq, Bytes)>,
}

impl<'a> Append<'a> {
    pub fn new(transaction: &'a Transaction<'a>, wire: Wire, rule_set: RuleSet, at: Timestamp) -> Append<'a> {
        Append { transaction, wire, rule_set, at, given: Vec::new() }
    }

    /// Appends a new decision; finds the stored answer of an old one.
    pub fn verdict(&mut self, loaded: &Loaded, asked: &Asked, verdict: Verdict) -> Result<Reply, StoreError> {
        match verdict {
            Verdict::New { seq, decision } => {
                let outcome = (self.wire.write_decision)(&decision);
                self.operation(loaded, asked, seq, &decision, &outcome)?;
                self.effects(seq, asked.key(), &decision.effects)?;
                self.given.push((seq, outcome.clone()));
                Ok(Reply::Answer { seq, outcome })
            }
            Verdict::Known { seq } => {
                let given = self.given.iter().find(|(place, _)| *place == seq).map(|(_, outcome)| outcome.clone());
                let outcome = given.or_else(|| loaded.outcomes.get(&seq).cloned());
                let missing = || StoreError::Corrupt {
                    table: "operations",
                    id: seq.0.to_string(),
                    problem: "is known but has no answer".into(),
                };
                Ok(Reply::Answer { seq, outcome: outcome.ok_or_else(missing)? })
            }
            Verdict::Undecided(fault) => Ok(Reply::Undecided(fault)),
            Verdict::ContentDiffers { field } => Ok(Reply::ContentDiffers { field }),
        }
    }

    /// Appends what was decided before this book was restored, with the answer that was given then.
    pub fn taken_back(
        &self,
        loaded: &Loaded,
        asked: &Asked,
        seq: BookSeq,
        decision: &Decision,
        outcome: &[u8],
    ) -> Result<(), StoreError> {
        self.operation(loaded, asked, seq, decision, outcome)?;
        self.effects(seq, asked.key(), &decision.effects)
    }

    fn operation(
        &self,
        loaded: &Loaded,
        asked: &Asked,
        seq: BookSeq,
        decision: &Decision,
        outcome: &[u8],
    ) -> Result<(), StoreError> {
        let key = asked.key();
        let (kind, bytes, filing): (_, &[u8], Option<&[u8]>) = match asked {
            Asked::Operate(arrival) => (
                kind(&arrival.operation.request),
                &arrival.bytes,
                arrival.filing.as_ref().map(|attached| attached.bytes.as_ref()),
            ),
            Asked::Resolve(_) => ("void", &[], None),
        };
        let accepted = match &decision.outcome {
            Outcome::Accepted { decided_at: _, done: _ } => true,
            Outcome::Refused(_) => false,
        };
        let mut insert = self.transaction.prepare_cached(
            "INSERT INTO operations (book_seq, key, kind, person, bytes, filing, enrollee, rule_set, accepted, outcome,
                                     decided_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        )?;
        insert.execute((
            place(seq),
            key.to_text(),
            kind,
            key.person.as_str(),
            bytes,
            filing,
            loaded.enrollees.get(&key.person),
            self.rule_set.0,
            accepted,
            outcome,
            self.at.as_microsecond(),
        ))?;
        Ok(())
    }

    fn effects(&self, seq: BookSeq, key: &OperationKey, effects: &Effects) -> Result<(), StoreError> {
        let Effects { settlement, undoing, usage, account, journal, tombstone, affected } = effects;
        if let Some(booked) = settlement {
            self.settlement(booked)?;
        }
        if let Some(undoing) = undoing {
            self.undoing(seq, undoing)?;
        }
        if let Some(posting) = usage {
            usage_append(self.transaction, &key.person, seq, "", posting)?;
        }
        account_append(self.transaction, &key.person, seq, "", *account)?;
        if let Some(entry) = journal {
            journal::append(self.transaction, seq, entry)?;
        }
        if let Some(target) = tombstone {
            // A message may be reversed twice before it ever comes; the first tombstone stays.
            let mut insert = self.transaction.prepare_cached(
                "INSERT INTO tombstones (target, book_seq) VALUES (?1, ?2) ON CONFLICT (target) DO NOTHING",
            )?;
            insert.execute((target.to_text(), place(seq)))?;
        }
        affected::mark(&Sql::over(self.transaction), affected, seq, "")
    }

    fn settlement(&self, booked: &Booked) -> Result<(), StoreError> {
        let visit = &booked.visit;
        let mut insert = self.transaction.prepare_cached(
            "INSERT INTO settlements (book_seq, settlement, home, person, encounter, institution, treatment, care,
                                      admitted, discharged, charge_batch, interim, rule_book, explanation)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
        )?;
        insert.execute((
            place(booked.seq),
            booked.settled.settlement.as_str(),
            booked.home.0.as_str(),
            booked.person.as_str(),
            visit.encounter.as_str(),
            visit.institution.as_str(),
            visit.treatment.0.as_str(),
            visit.care.word(),
            visit.admitted.to_string(),
            date_text(visit.discharged),
            visit.batch.as_ref().map_or("", BatchNumber::as_str),
            visit.interim,
            booked.settled.rule_book.0.as_slice(),
            booked.settled.explanation.as_slice(),
        ))?;
        Ok(())
    }

    fn undoing(&self, seq: BookSeq, undoing: &Undoing) -> Result<(), StoreError> {
        let (becomes, counter) = match &undoing.becomes {
            Standing::InForce => ("in-force", ""),
            Standing::Reversed => ("reversed", ""),
            Standing::Cancelled { counter } => ("cancelled", counter.as_str()),
        };
        let mut insert = self
            .transaction
            .prepare_cached("INSERT INTO undoings (book_seq, settlement, becomes, counter) VALUES (?1, ?2, ?3, ?4)")?;
        insert.execute((place(seq), undoing.settlement.as_str(), becomes, counter))?;
        Ok(())
    }
}

/// Appends a usage; `posting` is empty for an operation's.
pub(super) fn usage_append(
    transaction: &Transaction<'_>,
    person: &PersonNumber,
    after: BookSeq,
    posting: &str,
    used: &UsagePosting,
) -> Result<(), StoreError> {
    let (usage, sums) = (&used.usage, &used.usage.sums);
    let mut insert = transaction.prepare_cached(
        "INSERT INTO usages (person, after_seq, posting, day, year, insurance, care, disease, stays, deductible,
                             in_policy, basic, large_sum, catastrophic_base, catastrophic, civil_servant, assistance)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
    )?;
    let day = used.day.to_string();
    insert.execute(rusqlite::params![
        person.as_str(),
        place(after),
        posting,
        day,
        usage.year.0,
        usage.insurance.word(),
        usage.care.word(),
        usage.disease.as_ref().map_or("", DiseaseCode::as_str),
        sums.stays,
        sums.deductible.fen(),
        sums.in_policy.fen(),
        sums.basic.fen(),
        sums.large_sum.fen(),
        sums.catastrophic_base.fen(),
        sums.catastrophic.fen(),
        sums.civil_servant.fen(),
        sums.assistance.fen(),
    ])?;
    Ok(())
}

/// Appends what an account receives or pays, unless it is nothing.
pub(super) fn account_append(
    transaction: &Transaction<'_>,
    person: &PersonNumber,
    after: BookSeq,
    posting: &str,
    amount: Money,
) -> Result<(), StoreError> {
    if amount.is_zero() {
        return Ok(());
    }
    let mut insert = transaction
        .prepare_cached("INSERT INTO account_entries (person, after_seq, posting, amount) VALUES (?1, ?2, ?3, ?4)")?;
    insert.execute((person.as_str(), place(after), posting, amount.fen()))?;
    Ok(())
}

pub(super) fn place(seq: BookSeq) -> i64 {
    i64::try_from(seq.0).expect("a book of 9 quintillion operations is none of ours")
}

fn kind(request: &Request) -> &'static str {
    match request {
        Request::Settle(_) => "settle",
        Request::Cancel(_) => "cancel",
        Request::Reverse(_) => "reverse",
    }
}

/// Reads a key from its one text.
pub(super) fn read_key(text: &str) -> Option<OperationKey> {
    let [institution, message, transaction, person, encounter, batch] = parts(text)?;
    let ReversalTarget { institution, message, transaction, person } =
        target(institution, message, transaction, person)?;
    let encounter = if encounter.is_empty() { None } else { Some(EncounterId::new(encounter).ok()?) };
    let batch = if batch.is_empty() { None } else { Some(BatchNumber::new(batch).ok()?) };
    Some(OperationKey { institution, message, transaction, person, encounter, batch })
}

/// Reads what a reversal names from its one text.
pub(super) fn read_target(text: &str) -> Option<ReversalTarget> {
    let [institution, message, transaction, person] = parts(text)?;
    target(institution, message, transaction, person)
}

fn parts<const N: usize>(text: &str) -> Option<[&str; N]> {
    text.split('\u{1f}').collect::<Vec<_>>().try_into().ok()
}

fn target(institution: &str, message: &str, transaction: &str, person: &str) -> Option<ReversalTarget> {
    Some(ReversalTarget {
        institution: InstitutionCode::new(institution).ok()?,
        message: MessageId::new(message).ok()?,
        transaction: TransactionNumber::new(transaction).ok()?,
        person: PersonNumber::new(person).ok()?,
    })
}
