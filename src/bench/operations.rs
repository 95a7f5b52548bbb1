//! The operations that the hub stage sends, and the home region's answers to them: written once as the real messages,
//! then copied with other numbers in them, so that neither end spends time on encoding. Every operation has a key and a
//! settlement of its own, in the forms that hospitals and treatment sides give them; whose it is [`super::traffic`] says.

use anyhow::{Context, Result, ensure};
use bytes::{BufMut, Bytes, BytesMut};
use jiff::Timestamp;
use jiff::civil::date;
use prost::Message;
use proto::{convert, v1};
use settlement::adjudication::{Fund, FundShares, Payers};
use settlement::bill::{Bill, CategorySum, Coverage, FeeCategory};
use settlement::encounter::{CareKind, Encounter, HospitalLevel, Marks};
use settlement::filing::{Filing, FilingClass, Proof};
use settlement::ids::{
    EncounterId, FilingId, InstitutionCode, MessageId, PersonNumber, PoolCode, RegionCode, SettlementId,
    TransactionNumber,
};
use settlement::money::Money;
use settlement::operation::{AccountUse, Operation, OperationKey, Request, Settle};
use settlement::outcome::{Done, Outcome, Settled};
use settlement::person::{Insurance, PersonClass, Validity};
use settlement::refusal::{Reason, Refusal};
use settlement::rulebook::RuleBookHash;

use super::traffic::{Drawn, Traffic};

/// Where the hospitals stand, and whose contract they have.
const AREA: &str = "310115";
const TREATMENT: &str = "310000";

/// Stands for an operation's number in what is written once: no other part of a message looks like it.
const NUMBER: &str = "987654321012";
/// Stands for a person's number within the home region.
const PERSON: &str = "76543219";
/// Stands for a hospital.
const INSTITUTION: &str = "H31011586421";
/// Where a hospital's code tells it from others of its area.
const HOSPITAL: std::ops::Range<usize> = 7..12;
/// Stands for the treatment pool that a settlement's number begins with.
const POOL: &str = "975310";
/// The pools' codes begin here; whose they are matters to nobody.
const FIRST_POOL: u64 = 110_000;
/// `book_seq` of `yidi.v1.Answer` as prost writes its tag: field 2, a varint.
const BOOK_SEQ_TAG: u8 = 2 << 3;

/// The messages of one home region's enrollees.
#[derive(Clone)]
pub struct Operations {
    home: PoolCode,
    traffic: Traffic,
    envelope: Blank,
    answer: Blank,
}

/// What a reply is wrapped in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrapping {
    /// `yidi.v1.Answer`, as a home region gives it.
    Answer,
    /// `yidi.v1.OperateReply`, as the hub gives it.
    Reply,
}

impl Operations {
    /// The messages for enrollees of a home region, of whom there are so many.
    ///
    /// # Errors
    /// When a message does not hold what is to be replaced in it.
    pub fn new(home: PoolCode, people: u64) -> Result<Operations> {
        let settle = settle(home)?;
        let answer = v1::Answer { outcome: convert::write_outcome(&outcome(&settle)), book_seq: 0 };
        let operation = operation(settle)?;
        let envelope = v1::OperateRequest {
            operation: convert::write_operation(&operation),
            hub: None,
            request_id: format!("bench-{NUMBER}"),
        };
        Ok(Operations {
            home,
            traffic: Traffic::among(people),
            envelope: Blank::of(envelope.encode_to_vec())?,
            answer: Blank::of(answer.encode_to_vec())?,
        })
    }

    /// How many people there are.
    pub fn people(&self) -> u64 {
        self.traffic.people()
    }

    /// The bytes of an envelope.
    pub fn size(&self) -> usize {
        self.envelope.bytes.len()
    }

    /// The envelope of operation `number`.
    pub fn envelope(&self, number: u64) -> Bytes {
        self.envelope.filled(number, self.traffic.draw(number)).freeze()
    }

    /// Operation `number` and what was decided of it, as a book keeps them.
    ///
    /// # Errors
    /// Never: it reads what it has written.
    pub fn stored(&self, number: u64) -> Result<(Bytes, Bytes)> {
        let envelope = v1::OperateRequest::decode(self.envelope(number))?;
        let answer = v1::Answer::decode(self.answer.filled(number, self.traffic.draw(number)).freeze())?;
        Ok((envelope.operation, answer.outcome))
    }

    /// Whether a reply accepts operation `number`.
    pub fn accepts(&self, reply: &[u8], number: u64, wrapping: Wrapping) -> bool {
        let wrapped = match wrapping {
            Wrapping::Answer => 0,
            Wrapping::Reply => 3,
        };
        let at = wrapped + self.answer.numbers[0];
        // A reply's first field is the answer; its second would say that nobody knows.
        reply.first() == Some(&0x0a)
            && reply.get(at..at + NUMBER.len()) == Some(digits::<{ NUMBER.len() }>(number).as_slice())
    }

    /// Whether a reply in a conversation accepts operation `number`.
    pub fn accepts_told(&self, reply: &v1::OperateReply, number: u64) -> bool {
        let at = self.answer.numbers[0] - PREFIX;
        match &reply.result {
            Some(v1::operate_reply::Result::Answer(answer)) => {
                answer.outcome.get(at..at + NUMBER.len()) == Some(digits::<{ NUMBER.len() }>(number).as_slice())
            }
            Some(v1::operate_reply::Result::InDoubt(_)) | None => false,
        }
    }

    /// The answer to an operation in a conversation, as the hub has sent it on.
    pub fn told(&self, operation: &[u8], book_seq: u64) -> Option<v1::Answer> {
        let number = number_at(operation, self.envelope.numbers[0] - PREFIX)?;
        let outcome = self.answer.filled(number, self.traffic.draw(number)).freeze().slice(PREFIX..);
        Some(v1::Answer { outcome, book_seq })
    }

    /// The answer to an envelope, as the hub has sent it on.
    pub fn answer(&self, envelope: &[u8], book_seq: u64) -> Option<Bytes> {
        let number = number_at(envelope, self.envelope.numbers[0])?;
        let mut answer = self.answer.filled(number, self.traffic.draw(number));
        answer.put_u8(BOOK_SEQ_TAG);
        prost::encoding::encode_varint(book_seq, &mut answer);
        Some(answer.freeze())
    }

    /// The answer to a question about what never came.
    pub fn voided(book_seq: u64) -> Bytes {
        let outcome = convert::write_outcome(&Outcome::Refused(Refusal::new(Reason::Voided)));
        v1::Answer { outcome, book_seq }.encode_to_vec().into()
    }

    /// The filing of person `number`, which covers every operation of that person.
    ///
    /// # Errors
    /// When there are more people than a person's number has room for.
    pub fn filing(&self, number: u64) -> Result<Filing> {
        Ok(Filing {
            id: FilingId::new(&format!("B{}{number:08}", self.home))?,
            person: PersonNumber::new(&person(self.home, &format!("{number:08}")))?,
            home: self.home,
            class: FilingClass::LongTerm,
            proof: Proof::HandedIn,
            destination: RegionCode::new(TREATMENT)?,
            validity: Validity { from: date(2024, 1, 1), to: None },
        })
    }
}

/// Operation and outcome are the first fields of what is sent, each behind a tag and a length of two bytes.
const PREFIX: usize = 3;

/// A message with places for what an operation has of its own.
#[derive(Clone)]
struct Blank {
    bytes: Bytes,
    numbers: Vec<usize>,
    people: Vec<usize>,
    hospitals: Vec<usize>,
    pools: Vec<usize>,
}

impl Blank {
    fn of(bytes: Vec<u8>) -> Result<Blank> {
        let places = |text: &str| -> Vec<usize> {
            (0..bytes.len()).filter(|at| bytes[*at..].starts_with(text.as_bytes())).collect()
        };
        let (numbers, people, pools) = (places(NUMBER), places(PERSON), places(POOL));
        let hospitals = places(INSTITUTION).into_iter().map(|at| at + HOSPITAL.start).collect();
        ensure!(!numbers.is_empty(), "a message has no place for its number");
        Ok(Blank { bytes: bytes.into(), numbers, people, hospitals, pools })
    }

    fn filled(&self, number: u64, drawn: Drawn) -> BytesMut {
        // Room for the number that an answer has in the home region's book.
        let mut filled = BytesMut::with_capacity(self.bytes.len() + 11);
        filled.extend_from_slice(&self.bytes);
        put(&mut filled, &self.numbers, digits::<{ NUMBER.len() }>(number));
        put(&mut filled, &self.people, digits::<{ PERSON.len() }>(drawn.person));
        put(&mut filled, &self.hospitals, digits::<{ HOSPITAL.end - HOSPITAL.start }>(drawn.hospital));
        put(&mut filled, &self.pools, digits::<{ POOL.len() }>(FIRST_POOL + drawn.pool));
        filled
    }
}

fn put<const N: usize>(message: &mut BytesMut, places: &[usize], digits: [u8; N]) {
    for at in places {
        message[*at..*at + N].copy_from_slice(&digits);
    }
}

fn digits<const N: usize>(mut number: u64) -> [u8; N] {
    let mut digits = [b'0'; N];
    for digit in digits.iter_mut().rev() {
        *digit += u8::try_from(number % 10).unwrap_or_default();
        number /= 10;
    }
    digits
}

/// The number of an operation, read where a message has it.
fn number_at(message: &[u8], at: usize) -> Option<u64> {
    std::str::from_utf8(message.get(at..at + NUMBER.len())?).ok()?.parse().ok()
}

fn person(home: PoolCode, number: &str) -> String {
    format!("{home}{number}")
}

/// A stay with charges in every fee category.
fn settle(home: PoolCode) -> Result<Settle> {
    Ok(Settle {
        // As a treatment side numbers it: its pool, microseconds, a count.
        settlement: SettlementId::new(&format!("{POOL}174605760000{NUMBER}"))?,
        home,
        insurance: Insurance::Employee,
        encounter: encounter()?,
        bill: bill()?,
        account: AccountUse::Own,
    })
}

fn operation(settle: Settle) -> Result<Operation> {
    let key = OperationKey {
        institution: InstitutionCode::new(INSTITUTION)?,
        // As a hospital's system names it: itself, the time, a count.
        message: MessageId::new(&format!("{INSTITUTION}202505{NUMBER}"))?,
        transaction: TransactionNumber::new("2304")?,
        person: PersonNumber::new(&person(settle.home, PERSON))?,
        encounter: Some(settle.encounter.id.clone()),
        batch: None,
    };
    Ok(Operation { key, request: Request::Settle(Box::new(settle)) })
}

fn encounter() -> Result<Encounter> {
    Ok(Encounter {
        id: EncounterId::new(&format!("31000020250421{NUMBER}"))?,
        institution: InstitutionCode::new(INSTITUTION)?,
        area: RegionCode::new(AREA)?,
        pool: PoolCode(RegionCode::new(TREATMENT)?),
        member: None,
        level: HospitalLevel::Third,
        care: CareKind::Inpatient,
        admitted: date(2025, 4, 21),
        discharged: Some(date(2025, 4, 30)),
        disease: None,
        diagnosis: None,
        batch: None,
        interim: false,
        marks: Marks::default(),
    })
}

fn bill() -> Result<Bill> {
    let category = |number: u8| -> Result<CategorySum> {
        Ok(CategorySum {
            category: FeeCategory::new(number).context("a fee category")?,
            class_a: Money::from_yuan(3_000 + i64::from(number)),
            class_b: Money::from_yuan(2_500),
            class_c: Money::from_yuan(1_200),
            over_limit: Money::from_yuan(300),
        })
    };
    let categories = (1..=14).map(category).collect::<Result<Vec<_>>>()?;
    let sum = |part: fn(&CategorySum) -> Money| categories.iter().map(part).sum::<Money>();
    let first_self_pay = Money::from_yuan(3_500);
    let coverage = Coverage {
        self_paid: sum(|category| category.class_c),
        over_limit: sum(|category| category.over_limit),
        first_self_pay,
        in_policy: sum(|category| category.class_a + category.class_b) - first_self_pay,
    };
    Ok(Bill::new(coverage, categories, Vec::new())?)
}

fn outcome(settle: &Settle) -> Outcome {
    let total = settle.bill.total();
    let (basic, large_sum, account) = (Money::from_yuan(48_000), Money::from_yuan(6_000), Money::from_yuan(900));
    let mut funds = FundShares::default();
    funds.set(Fund::Basic, basic);
    funds.set(Fund::LargeSum, large_sum);
    let cash = total - basic - large_sum - account;
    let settled = Settled {
        settlement: settle.settlement.clone(),
        insurance: settle.insurance,
        coverage: settle.bill.coverage(),
        payers: Payers { funds, account, cash, hospital: Money::ZERO },
        deductible: Money::from_yuan(1_200),
        account_balance: Money::from_yuan(4_200),
        family: Vec::new(),
        filing: Some(FilingClass::LongTerm),
        class: PersonClass::Retired,
        civil_servant: false,
        during_stay: false,
        rule_book: RuleBookHash([0x5a; 32]),
        explanation: [0xa5; 32],
    };
    let decided_at = Timestamp::constant(1_746_057_600, 0);
    Outcome::Accepted { decided_at, done: Done::Settled(Box::new(settled)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operations() -> Operations {
        Operations::new(PoolCode(RegionCode::new("410700").expect("six digits")), 1_000).expect("good messages")
    }

    #[test]
    fn every_operation_can_be_read_and_is_another() {
        let read = |number| {
            let envelope = v1::OperateRequest::decode(operations().envelope(number)).expect("an envelope");
            convert::read_operation(&envelope.operation).expect("an operation")
        };
        let (first, second) = (read(1), read(2_002));
        assert_ne!(first.key.message, second.key.message);
        assert_ne!(first.key.institution, second.key.institution);
        let drawn = Traffic::among(1_000).draw(2_002);
        assert_eq!(second.key.institution.as_str(), format!("H310115{:05}", drawn.hospital));
        assert_eq!(second.key.message.as_str(), format!("H310115{:05}202505000000002002", drawn.hospital));
        assert_eq!(operations().filing(drawn.person).expect("a filing").person, second.key.person);
    }

    #[test]
    fn the_prepared_answer_is_about_the_operation_that_was_asked() {
        let operations = operations();
        let answer = operations.answer(&operations.envelope(77), 5).expect("an answer");
        assert!(operations.accepts(&answer, 77, Wrapping::Answer));
        assert!(!operations.accepts(&answer, 78, Wrapping::Answer));
        let answer = v1::Answer::decode(answer).expect("an answer");
        assert_eq!(answer.book_seq, 5);
        let Ok(Outcome::Accepted { decided_at: _, done: Done::Settled(settled) }) =
            convert::read_outcome(&answer.outcome)
        else {
            panic!("not accepted");
        };
        let pool = FIRST_POOL + Traffic::among(1_000).draw(77).pool;
        assert_eq!(settled.settlement.as_str(), format!("{pool}174605760000000000000077"));
        let reply = v1::OperateReply { result: Some(v1::operate_reply::Result::Answer(answer)) }.encode_to_vec();
        assert!(operations.accepts(&reply, 77, Wrapping::Reply));
    }

    #[test]
    fn what_is_told_in_a_conversation_is_the_same_answer() {
        let operations = operations();
        let envelope = v1::OperateRequest::decode(operations.envelope(77)).expect("an envelope");
        let told = operations.told(&envelope.operation, 5).expect("an answer");
        let called = v1::Answer::decode(operations.answer(&operations.envelope(77), 5).expect("an answer"));
        assert_eq!(told, called.expect("an answer"));
        let reply = v1::OperateReply { result: Some(v1::operate_reply::Result::Answer(told)) };
        assert!(operations.accepts_told(&reply, 77) && !operations.accepts_told(&reply, 78));
    }
}
