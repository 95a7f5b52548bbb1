//! Operations and their keys.

use settlement::ids::{
    BatchNumber, EncounterId, InstitutionCode, MessageId, PersonNumber, PoolCode, RegionCode, SettlementId,
    TransactionNumber,
};
use settlement::operation::{AccountUse, Cancel, Operation, OperationKey, Request, ReversalTarget, Reverse, Settle};
use settlement::person::Insurance;

use super::{Reader, bill, encounter};
use crate::v1::{self, operation::Request as WireRequest};

pub fn read(reader: &mut Reader, operation: &v1::Operation) -> Option<Operation> {
    let key = read_key(reader, operation.key.as_ref());
    let request = match &operation.request {
        Some(WireRequest::Settle(settle)) => {
            reader.inside("settle", Some(settle), read_settle).map(Box::new).map(Request::Settle)
        }
        Some(WireRequest::Cancel(cancel)) => reader.inside("cancel", Some(cancel), read_cancel).map(Request::Cancel),
        Some(WireRequest::Reverse(reverse)) => {
            reader.inside("reverse", Some(reverse), read_reverse).map(Request::Reverse)
        }
        None => {
            reader.fault("request", "is missing");
            None
        }
    };
    Some(Operation { key: key?, request: request? })
}

pub fn read_key(reader: &mut Reader, key: Option<&v1::OperationKey>) -> Option<OperationKey> {
    reader.inside("key", key, |reader, key| {
        let institution = reader.text("institution", &key.institution, InstitutionCode::new);
        let message = reader.text("message", &key.message, MessageId::new);
        let transaction = reader.text("transaction", &key.transaction, TransactionNumber::new);
        let person = reader.text("person", &key.person, PersonNumber::new);
        let encounter = reader.optional("encounter", &key.encounter, EncounterId::new);
        let batch = reader.optional("batch", &key.batch, BatchNumber::new);
        Some(OperationKey {
            institution: institution?,
            message: message?,
            transaction: transaction?,
            person: person?,
            encounter: encounter?,
            batch: batch?,
        })
    })
}

fn pool(reader: &mut Reader, field: &'static str, code: &str) -> Option<PoolCode> {
    reader.text(field, code, RegionCode::new).map(PoolCode)
}

fn read_settle(reader: &mut Reader, settle: &v1::Settle) -> Option<Settle> {
    let settlement = reader.text("settlement", &settle.settlement, SettlementId::new);
    let home = pool(reader, "home", &settle.home);
    let insurance = reader.word("insurance", &settle.insurance, Insurance::from_word);
    let encounter = reader.inside("encounter", settle.encounter.as_ref(), encounter::read);
    let bill = reader.inside("bill", settle.bill.as_ref(), bill::read);
    let account = match settle.account() {
        v1::AccountUse::None => Some(AccountUse::None),
        v1::AccountUse::Own => Some(AccountUse::Own),
        v1::AccountUse::Family => Some(AccountUse::Family),
        v1::AccountUse::Unspecified => {
            reader.fault("account", "is missing");
            None
        }
    };
    Some(Settle {
        settlement: settlement?,
        home: home?,
        insurance: insurance?,
        encounter: encounter?,
        bill: bill?,
        account: account?,
    })
}

fn read_cancel(reader: &mut Reader, cancel: &v1::Cancel) -> Option<Cancel> {
    let counter = reader.text("counter", &cancel.counter, SettlementId::new);
    let settlement = reader.text("settlement", &cancel.settlement, SettlementId::new);
    let home = pool(reader, "home", &cancel.home);
    let treatment = pool(reader, "treatment", &cancel.treatment);
    Some(Cancel { counter: counter?, settlement: settlement?, home: home?, treatment: treatment? })
}

fn read_reverse(reader: &mut Reader, reverse: &v1::Reverse) -> Option<Reverse> {
    let target = reader.inside("target", reverse.target.as_ref(), |reader, target| {
        let institution = reader.text("institution", &target.institution, InstitutionCode::new);
        let message = reader.text("message", &target.message, MessageId::new);
        let transaction = reader.text("transaction", &target.transaction, TransactionNumber::new);
        let person = reader.text("person", &target.person, PersonNumber::new);
        Some(ReversalTarget {
            institution: institution?,
            message: message?,
            transaction: transaction?,
            person: person?,
        })
    });
    let home = pool(reader, "home", &reverse.home);
    let treatment = pool(reader, "treatment", &reverse.treatment);
    Some(Reverse { target: target?, home: home?, treatment: treatment? })
}

pub fn write(operation: &Operation) -> v1::Operation {
    let request = match &operation.request {
        Request::Settle(settle) => WireRequest::Settle(write_settle(settle)),
        Request::Cancel(cancel) => WireRequest::Cancel(v1::Cancel {
            counter: cancel.counter.to_string(),
            settlement: cancel.settlement.to_string(),
            home: cancel.home.to_string(),
            treatment: cancel.treatment.to_string(),
        }),
        Request::Reverse(reverse) => WireRequest::Reverse(v1::Reverse {
            target: Some(v1::ReversalTarget {
                institution: reverse.target.institution.to_string(),
                message: reverse.target.message.to_string(),
                transaction: reverse.target.transaction.to_string(),
                person: reverse.target.person.to_string(),
            }),
            home: reverse.home.to_string(),
            treatment: reverse.treatment.to_string(),
        }),
    };
    v1::Operation { key: Some(write_key(&operation.key)), request: Some(request) }
}

fn write_settle(settle: &Settle) -> v1::Settle {
    let account = match settle.account {
        AccountUse::None => v1::AccountUse::None,
        AccountUse::Own => v1::AccountUse::Own,
        AccountUse::Family => v1::AccountUse::Family,
    };
    v1::Settle {
        settlement: settle.settlement.to_string(),
        home: settle.home.to_string(),
        insurance: settle.insurance.word().into(),
        encounter: Some(encounter::write(&settle.encounter)),
        bill: Some(bill::write(&settle.bill)),
        account: account.into(),
    }
}

pub fn write_key(key: &OperationKey) -> v1::OperationKey {
    v1::OperationKey {
        institution: key.institution.to_string(),
        message: key.message.to_string(),
        transaction: key.transaction.to_string(),
        person: key.person.to_string(),
        encounter: key.encounter.as_ref().map(EncounterId::to_string).unwrap_or_default(),
        batch: key.batch.as_ref().map(BatchNumber::to_string).unwrap_or_default(),
    }
}
