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
    /// The key as one text, for storing and comparing: message id (time first), institution, transaction, person, visit,
    /// batch. No part can hold a control character, so the parts cannot run into one another.
    pub fn to_text(&self) -> String {
        let encounter = self.encounter.as_ref().map_or("", EncounterId::as_str);
        let batch = self.batch.as_ref().map_or("", BatchNumber::as_str);
        [
            &self.message.to_time_first(),
            self.institution.as_str(),
            self.transaction.as_str(),
            self.person.as_str(),
            encounter,
            batch,
        ]
        .join("\u{1f}")
    }

    /// Reads a key from its text; none where it is no key's.
    pub fn from_text(text: &str) -> Option<OperationKey> {
        let [message, institution, transaction, person, encounter, batch] = parts(text)?;
        let ReversalTarget { institution, message, transaction, person } =
            target(message, institution, transaction, person)?;
        let encounter = if encounter.is_empty() { None } else { Some(EncounterId::new(encounter).ok()?) };
        let batch = if batch.is_empty() { None } else { Some(BatchNumber::new(batch).ok()?) };
        Some(OperationKey { institution, message, transaction, person, encounter, batch })
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
    /// The target as one text, for storing and comparing: what the keys begin with that it means.
    pub fn to_text(&self) -> String {
        [&self.message.to_time_first(), self.institution.as_str(), self.transaction.as_str(), self.person.as_str()]
            .join("\u{1f}")
    }

    /// Reads a target from its text; none where it is no target's.
    pub fn from_text(text: &str) -> Option<ReversalTarget> {
        let [message, institution, transaction, person] = parts(text)?;
        target(message, institution, transaction, person)
    }
}

fn parts<const N: usize>(text: &str) -> Option<[&str; N]> {
    text.split('\u{1f}').collect::<Vec<_>>().try_into().ok()
}

fn target(message: &str, institution: &str, transaction: &str, person: &str) -> Option<ReversalTarget> {
    Some(ReversalTarget {
        institution: InstitutionCode::new(institution).ok()?,
        message: MessageId::from_time_first(message).ok()?,
        transaction: TransactionNumber::new(transaction).ok()?,
        person: PersonNumber::new(person).ok()?,
    })
}

/// The text of what a reversal names to mean an operation, by the text of its key; none where that is no key's.
pub fn target_of(key: &str) -> Option<&str> {
    key.match_indices('\u{1f}').nth(3).map(|(end, _)| &key[..end])
}

/// A key or a target as people read it: `institution/message/transaction/person`, and visit and batch of a key.
pub fn readable(text: &str) -> String {
    let mut parts: Vec<&str> = text.split('\u{1f}').collect();
    let message = parts.first().and_then(|part| MessageId::from_time_first(part).ok());
    if let (Some(message), true) = (&message, parts.len() > 1) {
        parts[0] = message.as_str();
        parts.swap(0, 1);
    }
    parts.join("/")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_and_what_a_reversal_names_read_back_from_their_texts() {
        let key = OperationKey {
            institution: InstitutionCode::new("H31010100001").expect("a code"),
            message: MessageId::new("H31010100001202506200900001007").expect("an id"),
            transaction: TransactionNumber::new("2304").expect("a transaction"),
            person: PersonNumber::new("410700990001").expect("a number"),
            encounter: Some(EncounterId::new("310000").expect("an id")),
            batch: None,
        };
        let (text, target) = (key.to_text(), key.as_target());
        assert!(text.starts_with(&(target.to_text() + "\u{1f}")), "a reversal finds the keys that begin so");
        assert!(text.starts_with("20250620"), "the time comes first");
        assert_eq!(target_of(&text), Some(target.to_text().as_str()));
        assert_eq!(readable(&text), "H31010100001/H31010100001202506200900001007/2304/410700990001/310000/");
        assert_eq!(OperationKey::from_text(&text), Some(key));
        assert_eq!(ReversalTarget::from_text(&target.to_text()), Some(target));
        assert_eq!(OperationKey::from_text("1"), None);
    }
}
