//! The part of a home region's book that a batch of operations touches, in memory: what was settled, undone, used
//! and voided, by person. It is read from the store before deciding and carried forward after each decision.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use jiff::civil::Date;

use super::Decision;
use super::affected::Reader;
use super::effects::{Correcting, Effects, Undoing};
use super::posted_stay::PostedStay;
use crate::account::{FamilyAccount, FamilyShare, SharedAccount};
use crate::adjudication::Payers;
use crate::encounter::{CareKind, Encounter, HospitalLevel};
use crate::ids::{BatchNumber, DiagnosisCode, EncounterId, InstitutionCode, PersonNumber, PoolCode, SettlementId};
use crate::lifecycle::Standing;
use crate::money::Money;
use crate::operation::{Operation, OperationKey, ReversalTarget};
use crate::outcome::{Done, Outcome, Settled, Undone};
use crate::person::Person;
use crate::postings::{JournalEntry, Parties};
use crate::year_to_date::{UsagePosting, UsageSums};

/// A place in a home region's book: 1, 2, 3, … without gaps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BookSeq(pub u64);

impl BookSeq {
    /// The next place.
    pub fn next(self) -> BookSeq {
        BookSeq(self.0 + 1)
    }
}

/// The part of a book that a batch touches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Book {
    /// By person; with each, the relatives whose accounts may pay for that person.
    pub people: HashMap<PersonNumber, PersonBook>,
    /// Those of the batch's new ids that are taken already, by whomever.
    pub taken: HashSet<SettlementId>,
    /// The last place that is filled.
    pub last_seq: BookSeq,
}

/// One person's part of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PersonBook {
    /// The person; none where nobody of this number is enrolled.
    pub person: Option<Arc<Person>>,
    /// Operations that were answered, by key.
    pub answers: HashMap<OperationKey, Answered>,
    /// What the messages did that a reversal may name, oldest first.
    pub messages: Vec<Message>,
    /// Messages that may never take effect.
    pub tombstones: HashSet<ReversalTarget>,
    /// Settlements: all stays, and whatever else the batch may touch.
    pub settlements: Vec<Booked>,
    /// Settlements as readers of the year-to-date, oldest first; all of them where something may be undone.
    pub readers: Vec<Reader>,
    /// What is used up.
    pub used: Used,
    /// What the personal account holds.
    pub account_balance: Money,
    /// Manual claims in force.
    pub claims: Vec<Claim>,
    /// Stays in force that were posted with their days.
    pub posted_stays: Vec<PostedStay>,
}

/// An operation that was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// The operation; none where its key was voided before it came.
    pub operation: Option<Arc<Operation>>,
    /// Where the answer stands.
    pub seq: BookSeq,
}

/// What a message did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// What a reversal calls it.
    pub target: ReversalTarget,
    /// What it did.
    pub deed: Deed,
}

/// What an operation did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// It settled.
    Settled(SettlementId),
    /// It cancelled.
    Cancelled {
        /// The settlement.
        settlement: SettlementId,
        /// The counter-entry.
        counter: SettlementId,
    },
    /// It reversed.
    Reversed,
    /// It was refused.
    Refused,
}

/// A settlement in the book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Booked {
    /// The operation that settled it.
    pub seq: BookSeq,
    /// As the hospital was told it.
    pub settled: Settled,
    /// Whose pool pays.
    pub home: PoolCode,
    /// The patient.
    pub person: PersonNumber,
    /// Of what.
    pub visit: Visit,
    /// What it uses up, with its corrections in force: undoing it takes back both.
    pub usage: UsagePosting,
    /// Who pays what since it was corrected; none where it counts as the hospital was told.
    pub corrected: Option<Payers>,
    /// Where it stands.
    pub standing: Standing,
    /// The operation that last changed where it stands.
    pub changed: Option<BookSeq>,
}

/// What of a visit or stay the book needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visit {
    /// `mdtrt_id`.
    pub encounter: EncounterId,
    /// Who treats.
    pub institution: InstitutionCode,
    /// The pool that holds the institution's contract.
    pub treatment: PoolCode,
    /// The institution's level.
    pub level: HospitalLevel,
    /// The kind of care.
    pub care: CareKind,
    /// The main diagnosis, where the hospital stated one.
    pub diagnosis: Option<DiagnosisCode>,
    /// Day of admission or visit.
    pub admitted: Date,
    /// Day of discharge, where there is one.
    pub discharged: Option<Date>,
    /// The batch of charges.
    pub batch: Option<BatchNumber>,
    /// 中途结算.
    pub interim: bool,
}

/// 手工报销: a bill that was paid at a desk at home.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Its number.
    pub id: String,
    /// Who treated.
    pub institution: InstitutionCode,
    /// The visit or stay.
    pub encounter: EncounterId,
}

/// Usages folded by day, year, insurance, care, disease and month.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Used(Vec<UsagePosting>);

impl Book {
    /// A person's part, empty where nothing is known.
    pub fn person(&mut self, number: &PersonNumber) -> &mut PersonBook {
        if !self.people.contains_key(number) {
            self.people.insert(number.clone(), PersonBook::default());
        }
        self.people.get_mut(number).expect("it was put there just now")
    }

    pub(super) fn carry(&mut self, seq: BookSeq, operation: &Arc<Operation>, decision: &Decision) {
        self.last_seq = seq;
        let deed = deed_of(&decision.outcome);
        match &deed {
            Deed::Settled(id) | Deed::Cancelled { settlement: _, counter: id } => {
                self.taken.insert(id.clone());
            }
            Deed::Reversed | Deed::Refused => {}
        }
        let person = self.person(&operation.key.person);
        person.answers.insert(operation.key.clone(), Answered { operation: Some(operation.clone()), seq });
        person.messages.push(Message { target: operation.key.as_target(), deed });
        person.append(seq, &decision.effects);
        for FamilyShare { account, amount } in &decision.effects.family {
            self.person(&account.owner).account_balance += *amount;
        }
    }

    /// The relatives' accounts that may pay for a person on a day, as they stand, in the order of use.
    pub(super) fn family(&self, number: &PersonNumber, day: Date) -> Vec<FamilyAccount> {
        let shared = self.people.get(number).and_then(|book| book.person.as_ref()).map(|person| &person.family);
        let in_force = shared.into_iter().flatten().filter(|shared| shared.validity.covers(day));
        in_force
            .map(|SharedAccount { account, kept_here, validity: _ }| {
                let held = self.people.get(&account.owner).map_or(Money::ZERO, |owner| owner.account_balance);
                FamilyAccount { account: account.clone(), balance: kept_here.then(|| held.at_least_zero()) }
            })
            .collect()
    }

    pub(super) fn carry_voided(&mut self, seq: BookSeq, key: &OperationKey) {
        self.last_seq = seq;
        self.person(&key.person).answers.insert(key.clone(), Answered { operation: None, seq });
    }
}

fn deed_of(outcome: &Outcome) -> Deed {
    match outcome {
        Outcome::Accepted { decided_at: _, done: Done::Settled(settled) } => Deed::Settled(settled.settlement.clone()),
        Outcome::Accepted { decided_at: _, done: Done::Cancelled { counter, original, account_balance: _ } } => {
            Deed::Cancelled { settlement: original.settlement.clone(), counter: counter.clone() }
        }
        Outcome::Accepted { decided_at: _, done: Done::Reversed(_) } => Deed::Reversed,
        Outcome::Refused(_) => Deed::Refused,
    }
}

impl PersonBook {
    /// A settlement by its id.
    pub fn settlement(&self, id: &SettlementId) -> Option<&Booked> {
        self.settlements.iter().find(|booked| booked.settled.settlement == *id)
    }

    /// Settlements that count.
    pub fn in_force(&self) -> impl Iterator<Item = &Booked> {
        self.settlements.iter().filter(|booked| booked.standing == Standing::InForce)
    }

    pub(super) fn append(&mut self, seq: BookSeq, effects: &Effects) {
        if let Some(booked) = &effects.settlement {
            self.readers.push(Reader::new(seq, booked.settled.settlement.clone(), &booked.usage));
            self.settlements.push((**booked).clone());
        }
        if let Some(Undoing { settlement, becomes }) = &effects.undoing {
            for booked in self.settlements.iter_mut().filter(|booked| booked.settled.settlement == *settlement) {
                booked.standing = becomes.clone();
                booked.changed = Some(seq);
            }
        }
        if let Some(Correcting { settlement, now }) = &effects.correcting {
            let more = effects.usage.as_ref().map(|posting| posting.usage.sums).unwrap_or_default();
            for booked in self.settlements.iter_mut().filter(|booked| booked.settled.settlement == *settlement) {
                booked.corrected = Some(*now);
                booked.usage.usage.sums += more;
            }
        }
        if let Some(posting) = &effects.usage {
            self.used.add(posting);
        }
        if let Some(change) = &effects.stay {
            self.change_stay(change);
        }
        self.account_balance += effects.account;
        self.tombstones.extend(effects.tombstone.clone());
    }
}

impl Booked {
    /// Who pays what of it as it counts.
    pub fn payers(&self) -> &Payers {
        self.corrected.as_ref().unwrap_or(&self.settled.payers)
    }

    /// Its journal entry, as the hospital was told it: undoing turns that around, to the fen.
    pub fn entry(&self) -> JournalEntry {
        let parties = Parties {
            home: self.home,
            insurance: self.settled.insurance,
            person: self.person.clone(),
            treatment: self.visit.treatment,
            institution: self.visit.institution.clone(),
        };
        JournalEntry::of_settlement(&parties, &self.settled.payers, &self.settled.family)
    }

    /// What undoing it tells the hospital.
    pub(super) fn undone(&self, account_balance: Money) -> Undone {
        Undone::Settlement { original: self.settled.clone(), account_balance }
    }
}

impl Visit {
    /// What of an encounter the book needs.
    pub fn of(encounter: &Encounter) -> Visit {
        Visit {
            encounter: encounter.id.clone(),
            institution: encounter.institution.clone(),
            treatment: encounter.pool,
            level: encounter.level,
            care: encounter.care,
            diagnosis: encounter.diagnosis.clone(),
            admitted: encounter.admitted,
            discharged: encounter.discharged,
            batch: encounter.batch.clone(),
            interim: encounter.interim,
        }
    }

    /// Whether both are of the same visit or stay.
    pub fn is_of(&self, encounter: &EncounterId, institution: &InstitutionCode) -> bool {
        self.encounter == *encounter && self.institution == *institution
    }
}

impl Used {
    /// Folds usages.
    pub fn fold<'a>(usages: impl IntoIterator<Item = &'a UsagePosting>) -> Used {
        let mut used = Used::default();
        usages.into_iter().for_each(|usage| used.add(usage));
        used
    }

    /// Adds a usage. What comes to nothing leaves no trace.
    pub fn add(&mut self, used: &UsagePosting) {
        match self.0.binary_search_by(|held| (held.day, held.usage.kind()).cmp(&(used.day, used.usage.kind()))) {
            Ok(at) => {
                self.0[at].usage.sums += used.usage.sums;
                if self.0[at].usage.sums == UsageSums::default() {
                    self.0.remove(at);
                }
            }
            Err(_) if used.usage.sums == UsageSums::default() => {}
            Err(at) => self.0.insert(at, used.clone()),
        }
    }

    /// One usage for each day, year, insurance, care, disease and month, none of them empty, by day.
    pub fn usages(&self) -> &[UsagePosting] {
        &self.0
    }
}
