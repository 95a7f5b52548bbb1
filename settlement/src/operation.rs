//! What changes the books: settle, cancel, reverse. Each has a key that its sender made before sending and that
//! goes unchanged from the HIS edge to the home region.

mod difference;

use crate::bill::Bill;
use crate::encounter::Encounter;
use crate::ids::{
    BatchNumber, EncounterId, InstitutionCode, MessageId, PersonNumber, PoolCode, SettlementId, TransactionNumber,
};
use crate::person::Insurance;

/// The key of an operation. A message id alone will not do: some clients repeat one within a second for other
/// patients and other transactions (his-interface.md 1.4).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OperationKey {
    /// `fixmedins_code`.
    pub institution: InstitutionCode,
    /// `msgid`.
    pub message: MessageId,
    /// `infno` without its variant letter.
    pub transaction: TransactionNumber,
    /// `psn_no`.
    pub person: PersonNumber,
    /// `mdtrt_id`, where the transaction has one.
    pub encounter: Option<EncounterId>,
    /// `chrg_bchno`, where the transaction has one.
    pub batch: Option<BatchNumber>,
}

impl OperationKey {
    /// The key as one text, for storing and comparing. No part can hold a control character, so the parts cannot
    /// run into one another.
    pub fn to_text(&self) -> String {
        let encounter = self.encounter.as_ref().map_or("", EncounterId::as_str);
        let batch = self.batch.as_ref().map_or("", BatchNumber::as_str);
        [
            self.institution.as_str(),
            self.message.as_str(),
            self.transaction.as_str(),
            self.person.as_str(),
            encounter,
            batch,
        ]
        .join("\u{1f}")
    }

    /// What a reversal names to mean this operation.
    pub fn as_target(&self) -> ReversalTarget {
        ReversalTarget {
            institution: self.institution.clone(),
            message: self.message.clone(),
            transaction: self.transaction.clone(),
            person: self.person.clone(),
        }
    }
}

/// What a reversal (2601) names: a message, whatever its encounter.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ReversalTarget {
    /// The institution that sent the message and now reverses it.
    pub institution: InstitutionCode,
    /// `omsgid`.
    pub message: MessageId,
    /// `oinfno` without its variant letter.
    pub transaction: TransactionNumber,
    /// `psn_no`.
    pub person: PersonNumber,
}

impl ReversalTarget {
    /// The target as one text, for storing and comparing.
    pub fn to_text(&self) -> String {
        [self.institution.as_str(), self.message.as_str(), self.transaction.as_str(), self.person.as_str()]
            .join("\u{1f}")
    }
}

/// Whether the personal account may pay (`acct_used_flag`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AccountUse {
    /// Cash only.
    None,
    /// The person's own account.
    Own,
    /// The person's own account, then relatives' accounts that the home region shares with the person.
    Family,
}

/// A bill to be settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settle {
    /// Its id, made by the treatment side before sending.
    pub settlement: SettlementId,
    /// The pool that insures the person.
    pub home: PoolCode,
    /// Under which insurance.
    pub insurance: Insurance,
    /// The visit or stay.
    pub encounter: Encounter,
    /// The bill.
    pub bill: Bill,
    /// Whether the personal account may pay.
    pub account: AccountUse,
}

/// A settlement to be undone by its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cancel {
    /// The id of the counter-entry.
    pub counter: SettlementId,
    /// The settlement to be cancelled.
    pub settlement: SettlementId,
    /// The pool that insures the person.
    pub home: PoolCode,
    /// The pool that holds the institution's contract.
    pub treatment: PoolCode,
}

/// A message to be undone because its answer was lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reverse {
    /// The message.
    pub target: ReversalTarget,
    /// The pool that insures the person.
    pub home: PoolCode,
    /// The pool that holds the institution's contract.
    pub treatment: PoolCode,
}

/// What an operation asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// 结算.
    Settle(Box<Settle>),
    /// 结算撤销.
    Cancel(Cancel),
    /// 冲正.
    Reverse(Reverse),
}

/// An operation: its key, and what it asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// The key.
    pub key: OperationKey,
    /// What is asked for.
    pub request: Request,
}

impl Operation {
    /// The pool that has to decide.
    pub fn home(&self) -> PoolCode {
        match &self.request {
            Request::Settle(settle) => settle.home,
            Request::Cancel(cancel) => cancel.home,
            Request::Reverse(reverse) => reverse.home,
        }
    }

    /// The pool that holds the institution's contract.
    pub fn treatment(&self) -> PoolCode {
        match &self.request {
            Request::Settle(settle) => settle.encounter.pool,
            Request::Cancel(cancel) => cancel.treatment,
            Request::Reverse(reverse) => reverse.treatment,
        }
    }
}
