//! The operations that the tests send: one patient of Xinxiang in a hospital of Shanghai.

use bytes::Bytes;
use jiff::civil::date;
use proto::convert;
use proto::v1;
use settlement::bill::{Bill, CategorySum, Coverage, FeeCategory};
use settlement::encounter::{CareKind, Encounter, HospitalLevel, Marks};
use settlement::ids::{
    EncounterId, InstitutionCode, MessageId, PersonNumber, PoolCode, RegionCode, SettlementId, TransactionNumber,
};
use settlement::money::Money;
use settlement::operation::{AccountUse, Cancel, Operation, OperationKey, Request, ReversalTarget, Reverse, Settle};
use settlement::person::Insurance;

pub const HOSPITAL: &str = "H31010100001";
pub const PERSON: &str = "41070000001";

pub fn region(code: &str) -> RegionCode {
    RegionCode::new(code).expect("six digits")
}

pub fn pool(code: &str) -> PoolCode {
    PoolCode(region(code))
}

pub fn person() -> PersonNumber {
    PersonNumber::new(PERSON).expect("a number")
}

pub fn settlement_id(text: &str) -> SettlementId {
    SettlementId::new(text).expect("an id")
}

pub fn key(message: &str, transaction: &str) -> OperationKey {
    OperationKey {
        institution: InstitutionCode::new(HOSPITAL).expect("a code"),
        message: MessageId::new(message).expect("an id"),
        transaction: TransactionNumber::new(transaction).expect("a number"),
        person: person(),
        encounter: None,
        batch: None,
    }
}

/// A stay of 100 yuan, settled under a message id that is also its settlement's.
pub fn settle(message: &str) -> Operation {
    settle_of(message, 100)
}

pub fn settle_of(message: &str, yuan: i64) -> Operation {
    let encounter = encounter();
    let key = OperationKey { encounter: Some(encounter.id.clone()), ..key(message, "2304") };
    let settle = Settle {
        settlement: settlement_id(message),
        home: pool("410700"),
        insurance: Insurance::Employee,
        encounter,
        bill: bill(yuan),
        account: AccountUse::Own,
    };
    Operation { key, request: Request::Settle(Box::new(settle)) }
}

/// The same of another person.
pub fn other_person(operation: &Operation) -> Operation {
    let person = PersonNumber::new("41070000002").expect("a number");
    Operation { key: OperationKey { person, ..operation.key.clone() }, request: operation.request.clone() }
}

/// The same of somebody enrolled in another pool.
pub fn settle_at(home: &str, message: &str) -> Operation {
    let operation = settle(message);
    let Request::Settle(settle) = operation.request else { panic!("a settle") };
    Operation { key: operation.key, request: Request::Settle(Box::new(Settle { home: pool(home), ..*settle })) }
}

/// The same in a hospital of another pool.
pub fn settle_in(treatment: &str, message: &str) -> Operation {
    let Operation { key, request } = settle(message);
    let Request::Settle(mut settle) = request else { panic!("a settle") };
    let institution = InstitutionCode::new(&format!("H{treatment}00001")).expect("a code");
    (settle.encounter.area, settle.encounter.pool) = (region(treatment), pool(treatment));
    settle.encounter.institution = institution.clone();
    Operation { key: OperationKey { institution, ..key }, request: Request::Settle(settle) }
}

fn encounter() -> Encounter {
    Encounter {
        id: EncounterId::new("310000001").expect("an id"),
        institution: InstitutionCode::new(HOSPITAL).expect("a code"),
        area: region("310101"),
        pool: pool("310000"),
        member: None,
        level: HospitalLevel::Third,
        care: CareKind::Inpatient,
        admitted: date(2025, 6, 10),
        discharged: Some(date(2025, 6, 20)),
        disease: None,
        diagnosis: None,
        batch: None,
        interim: false,
        marks: Marks::default(),
    }
}

fn bill(yuan: i64) -> Bill {
    let total = Money::from_yuan(yuan);
    let category = CategorySum {
        category: FeeCategory::new(9).expect("western drugs"),
        class_a: total,
        class_b: Money::ZERO,
        class_c: Money::ZERO,
        over_limit: Money::ZERO,
    };
    Bill::new(Coverage { in_policy: total, ..Coverage::default() }, vec![category], Vec::new()).expect("it adds up")
}

pub fn cancel(message: &str, settlement: &str) -> Operation {
    let cancel = Cancel {
        counter: settlement_id(message),
        settlement: settlement_id(settlement),
        home: pool("410700"),
        treatment: pool("310000"),
    };
    Operation { key: key(message, "2305"), request: Request::Cancel(cancel) }
}

/// A reversal of a settle (`2304`) or a cancel (`2305`) by its message id.
pub fn reverse(message: &str, target: &str, transaction: &str) -> Operation {
    let OperationKey { institution, message: omsgid, transaction, person, .. } = key(target, transaction);
    let target = ReversalTarget { institution, message: omsgid, transaction, person };
    let reverse = Reverse { target, home: pool("410700"), treatment: pool("310000") };
    Operation { key: key(message, "2601"), request: Request::Reverse(reverse) }
}

pub fn envelope(operation: &Operation) -> v1::OperateRequest {
    envelope_of(convert::write_operation(operation))
}

pub fn envelope_of(operation: Bytes) -> v1::OperateRequest {
    v1::OperateRequest { operation, hub: None, request_id: "test".into() }
}

pub fn question(operation: &Operation) -> v1::ResolveRequest {
    v1::ResolveRequest {
        key: Some(convert::write_key(&operation.key)),
        home: operation.home().to_string(),
        request_id: "test".into(),
        known_book_seq: 0,
        known_batches: 0,
    }
}
