//! A treatment side of another make in a simulation, straight at the hub's door: it sends what our own would never let
//! through (undoing twice, settling again in between, a reversal racing its original), and keeps its own book.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use his::port::HubPort;
use jiff::civil::date;
use proto::status::NoReply;
use proto::v1::operate_reply::Result as Replied;
use proto::{convert, v1};
use settlement::bill::{Bill, CategorySum, Coverage, FeeCategory};
use settlement::encounter::{CareKind, Encounter, HospitalLevel, Marks};
use settlement::ids::{
    BatchNumber, EncounterId, InstitutionCode, MessageId, PersonNumber, RegionCode, SettlementId, TransactionNumber,
};
use settlement::money::Money;
use settlement::operation::{AccountUse, Cancel, Operation, OperationKey, Request, Reverse, Settle, readable};
use settlement::outcome::{Done, Outcome, Undone};
use settlement::person::Insurance;

use super::chance::Chance;
use super::desk::MOST_TRIES;
use super::fixtures::{Patient, TREATMENT, pool};
use super::invariants::{Belief, Watch};
use super::network::SimulatedHub;

/// `fixmedins_code` of its hospital.
const INSTITUTION: &str = "H31010100003";
/// How long it waits for an answer.
const PATIENCE: Duration = Duration::from_secs(7);
/// The serial number that it gives to several messages.
const REPEATED: u64 = 0;

/// See the file.
pub struct Outsider {
    port: SimulatedHub,
    watch: Arc<Watch>,
    numbers: Arc<AtomicU64>,
}

/// One visit of a patient's, and what was sent about it.
struct Visit {
    patient: Patient,
    encounter: Encounter,
    settles: Vec<Operation>,
    cancels: Vec<Operation>,
}

impl Outsider {
    /// At the hub's door; those that share numbers never give one twice.
    pub fn new(port: SimulatedHub, watch: Arc<Watch>, numbers: Arc<AtomicU64>) -> Outsider {
        Outsider { port, watch, numbers }
    }

    /// Treats some of the patients, two of them at once, and does with their settlements what can be done.
    pub async fn work(&self, patients: &[Patient]) {
        let [mut one, mut other] = [(); 2].map(|()| self.admit(self.chance().one_of(patients)));
        for _ in 0..2 + self.chance().below(3) {
            tokio::join!(self.act(&mut one), self.act(&mut other));
        }
        for _ in 0..self.chance().below(5) {
            self.act(&mut one).await;
        }
    }

    async fn act(&self, visit: &mut Visit) {
        match (self.chance().below(10), visit.settles.is_empty()) {
            (0..=2, _) | (_, true) => self.settle(visit).await,
            (3..=5, _) => self.cancel(visit).await,
            (6, _) => self.reverse_settle(visit).await,
            (7, _) => self.reverse_cancel(visit).await,
            (8, _) => self.undo_at_once(visit).await,
            (_, _) => self.race(visit).await,
        }
    }

    async fn settle(&self, visit: &mut Visit) {
        let (settle, id) = self.new_settle(visit, self.chance().happens(150));
        let belief = match self.ask(&settle).await {
            Some(Outcome::Accepted { decided_at: _, done: _ }) => Belief::InForce,
            Some(Outcome::Refused(_)) => Belief::TakenBack,
            None => Belief::Unsure,
        };
        self.watch.believe(id.as_str(), belief);
        if !is_ambiguous(&settle) {
            visit.settles.push(settle);
        }
    }

    async fn cancel(&self, visit: &mut Visit) {
        let settlement = self.one_of(&visit.settles).and_then(settlement_of).expect("something was settled");
        let cancel = self.new_cancel(visit, &settlement);
        let before = self.watch.doubt(settlement.as_str());
        match self.ask(&cancel).await {
            Some(Outcome::Accepted { decided_at: _, done: _ }) => self.believe(&settlement, Belief::TakenBack),
            Some(Outcome::Refused(_)) => self.watch.as_before(settlement.as_str(), before),
            None => {}
        }
        visit.cancels.push(cancel);
    }

    /// Everything that can be undone of a settlement at the same time. Only its reversal says the last word.
    async fn undo_at_once(&self, visit: &mut Visit) {
        let settle = self.one_of(&visit.settles).expect("something was settled");
        let settlement = settlement_of(settle).expect("a settle");
        let cancel = self.new_cancel(visit, &settlement);
        let (back, reversal) = (self.reversal(visit, &cancel), self.reversal(visit, settle));
        self.watch.doubt(settlement.as_str());
        let (_, _, reversed) = tokio::join!(self.ask(&cancel), self.ask(&back), self.ask(&reversal));
        if let Some(Outcome::Accepted { decided_at: _, done: _ }) = reversed {
            self.watch.believe(settlement.as_str(), Belief::TakenBack);
        }
        visit.cancels.push(cancel);
    }

    async fn reverse_settle(&self, visit: &Visit) {
        let settle = self.one_of(&visit.settles).expect("something was settled");
        let settlement = settlement_of(settle).expect("a settle");
        let before = self.watch.doubt(settlement.as_str());
        match self.ask(&self.reversal(visit, settle)).await {
            Some(Outcome::Accepted { decided_at: _, done: _ }) => self.believe(&settlement, Belief::TakenBack),
            Some(Outcome::Refused(_)) => self.watch.as_before(settlement.as_str(), before),
            None => {}
        }
    }

    async fn reverse_cancel(&self, visit: &Visit) {
        let Some(cancel) = self.one_of(&visit.cancels) else { return };
        let settlement = settlement_of(cancel).expect("a cancellation");
        let before = self.watch.doubt(settlement.as_str());
        match self.ask(&self.reversal(visit, cancel)).await {
            Some(Outcome::Accepted { decided_at: _, done: Done::Reversed(undone) })
                if matches!(*undone, Undone::Cancellation { .. }) =>
            {
                self.believe(&settlement, Belief::InForce);
            }
            Some(Outcome::Accepted { decided_at: _, done: _ } | Outcome::Refused(_)) => {
                self.watch.as_before(settlement.as_str(), before);
            }
            None => {}
        }
    }

    /// A message and its reversal at the same time: whichever comes first, the settlement does not count afterwards.
    async fn race(&self, visit: &Visit) {
        let (settle, id) = self.new_settle(visit, false);
        let reversal = self.reversal(visit, &settle);
        let (_, reversed) = tokio::join!(self.ask(&settle), self.ask(&reversal));
        if let Some(Outcome::Accepted { decided_at: _, done: _ }) = reversed {
            self.watch.believe(id.as_str(), Belief::TakenBack);
        }
    }

    /// Sends an operation until it has its answer; none where the door refuses it for good.
    async fn ask(&self, operation: &Operation) -> Option<Outcome> {
        let (bytes, key) = (convert::write_operation(operation), operation.key.to_text());
        self.watch.asked_elsewhere(&key);
        for _ in 0..MOST_TRIES {
            if self.watch.is_over() {
                return None;
            }
            let replied = self.port.operate(envelope(bytes.clone()), PATIENCE).await;
            let heard = self.heard(&key, replied);
            self.watch.step().await;
            match heard {
                Heard::Answer(outcome) => return Some(outcome),
                Heard::Refused => return None,
                Heard::Nothing => tokio::time::sleep(self.chance().pause(200, 8_000)).await,
            }
        }
        self.watch.found(format!("everything gets an answer does not hold for operation {}", readable(&key)));
        None
    }

    fn heard(&self, key: &str, replied: Result<v1::OperateReply, NoReply>) -> Heard {
        let heard = match replied.map(|reply| reply.result) {
            Ok(Some(Replied::Answer(answer))) => self.answered(key, answer),
            Ok(Some(Replied::InDoubt(_)) | None) | Err(NoReply::NeverSent | NoReply::Silent(_)) => Heard::Nothing,
            Err(NoReply::Refused(refusal)) if refusal.reason.is_transient() => Heard::Nothing,
            Err(NoReply::Refused(_)) => Heard::Refused,
        };
        self.port.way.context.record.note(INSTITUTION, &format!("{} {}", readable(key), heard.word()));
        heard
    }

    fn answered(&self, key: &str, answer: v1::Answer) -> Heard {
        let outcome = convert::read_outcome(&answer.outcome);
        self.watch.told_elsewhere(key, answer);
        outcome.map_or(Heard::Nothing, Heard::Answer)
    }

    fn admit(&self, patient: Patient) -> Visit {
        let inpatient = self.chance().happens(200);
        let day = |below| date(2025, 6, 16 + i8::try_from(below).expect("a few days"));
        let encounter = Encounter {
            id: EncounterId::new(self.id().as_str()).expect("an id"),
            institution: InstitutionCode::new(INSTITUTION).expect("a code"),
            area: RegionCode::new("310101").expect("six digits"),
            pool: pool(TREATMENT),
            member: None,
            level: HospitalLevel::Second,
            care: if inpatient { CareKind::Inpatient } else { CareKind::Outpatient },
            admitted: day(0),
            discharged: Some(if inpatient { day(2) } else { day(0) }),
            disease: None,
            diagnosis: None,
            batch: (!inpatient).then(|| BatchNumber::new("B1").expect("a batch")),
            interim: false,
            marks: Marks::default(),
        };
        Visit { patient, encounter, settles: Vec::new(), cancels: Vec::new() }
    }

    fn new_settle(&self, visit: &Visit, repeats: bool) -> (Operation, SettlementId) {
        let settlement = self.id();
        let request = Request::Settle(Box::new(Settle {
            settlement: settlement.clone(),
            home: pool(visit.patient.home),
            insurance: if visit.patient.insurance == "310" { Insurance::Employee } else { Insurance::Resident },
            encounter: visit.encounter.clone(),
            bill: bill(i64::try_from(20 + self.chance().below(9_000)).expect("a small number")),
            account: AccountUse::Own,
        }));
        let number = if repeats { REPEATED } else { self.number() };
        let transaction = if visit.encounter.care == CareKind::Inpatient { "2304" } else { "2207" };
        (self.operation(visit, transaction, number, request), settlement)
    }

    fn new_cancel(&self, visit: &Visit, settlement: &SettlementId) -> Operation {
        let request = Request::Cancel(Cancel {
            counter: self.id(),
            settlement: settlement.clone(),
            home: pool(visit.patient.home),
            treatment: pool(TREATMENT),
        });
        self.operation(visit, "2208", self.number(), request)
    }

    fn reversal(&self, visit: &Visit, original: &Operation) -> Operation {
        let request = Request::Reverse(Reverse {
            target: original.key.as_target(),
            home: pool(visit.patient.home),
            treatment: pool(TREATMENT),
        });
        let mut reversal = self.operation(visit, "2601", self.number(), request);
        reversal.key.encounter = None;
        reversal
    }

    fn operation(&self, visit: &Visit, transaction: &str, number: u64, request: Request) -> Operation {
        let key = OperationKey {
            institution: visit.encounter.institution.clone(),
            message: message_id(number),
            transaction: TransactionNumber::new(transaction).expect("a transaction"),
            person: PersonNumber::new(visit.patient.number).expect("a number"),
            encounter: Some(visit.encounter.id.clone()),
            batch: None,
        };
        Operation { key, request }
    }

    fn believe(&self, settlement: &SettlementId, belief: Belief) {
        self.watch.believe(settlement.as_str(), belief);
    }

    fn id(&self) -> SettlementId {
        SettlementId::new(&format!("{TREATMENT}9{:017}", self.number())).expect("an id")
    }

    fn number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    fn one_of<'a>(&self, operations: &'a [Operation]) -> Option<&'a Operation> {
        operations.get(usize::try_from(self.chance().below(operations.len() as u64)).ok()?)
    }

    fn chance(&self) -> &Chance {
        &self.port.way.context.chance
    }
}

/// What came back.
enum Heard {
    /// The answer.
    Answer(Outcome),
    /// The door takes it never.
    Refused,
    /// Nothing yet.
    Nothing,
}

impl Heard {
    fn word(&self) -> &'static str {
        match self {
            Heard::Answer(Outcome::Accepted { decided_at: _, done: _ }) => "accepted",
            Heard::Answer(Outcome::Refused(_)) => "refused",
            Heard::Refused => "refused at the door",
            Heard::Nothing => "nothing",
        }
    }
}

/// The settlement that an operation makes or takes back.
fn settlement_of(operation: &Operation) -> Option<SettlementId> {
    match &operation.request {
        Request::Settle(settle) => Some(settle.settlement.clone()),
        Request::Cancel(cancel) => Some(cancel.settlement.clone()),
        Request::Reverse(_) => None,
    }
}

fn is_ambiguous(operation: &Operation) -> bool {
    operation.key.message == message_id(REPEATED)
}

fn message_id(number: u64) -> MessageId {
    MessageId::new(&format!("{INSTITUTION}20250620{number:010}")).expect("an id")
}

fn envelope(operation: Bytes) -> v1::OperateRequest {
    v1::OperateRequest { operation, hub: None, request_id: String::new() }
}

/// Class-A drugs for so many yuan.
fn bill(yuan: i64) -> Bill {
    let (price, none) = (Money::from_yuan(yuan), Money::ZERO);
    let coverage = Coverage { self_paid: none, over_limit: none, first_self_pay: none, in_policy: price };
    let category = FeeCategory::new(9).expect("a category");
    let categories = vec![CategorySum { category, class_a: price, class_b: none, class_c: none, over_limit: none }];
    Bill::new(coverage, categories, Vec::new()).expect("the sums agree")
}
