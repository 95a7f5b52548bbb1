//! What a home region answers to an operation. The answer is remembered under the operation's key and given again
//! whenever the operation is repeated; a refusal is an answer like any other.

use jiff::Timestamp;

use crate::account::{FamilyShare, paid_by_family};
use crate::adjudication::{Adjudication, Payers};
use crate::bill::Coverage;
use crate::filing::FilingClass;
use crate::ids::SettlementId;
use crate::money::Money;
use crate::person::{Insurance, PersonClass};
use crate::refusal::Refusal;
use crate::rulebook::RuleBookHash;

/// A settlement as the hospital is told it: who pays what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// Its id.
    pub settlement: SettlementId,
    /// Under which insurance.
    pub insurance: Insurance,
    /// The bill by coverage, as the treatment place split it.
    pub coverage: Coverage,
    /// The bill by payer.
    pub payers: Payers,
    /// What the person bears of the deductible, accounts included.
    pub deductible: Money,
    /// The personal account's balance afterwards.
    pub account_balance: Money,
    /// What relatives' accounts pay of what the accounts pay, in the order of use.
    pub family: Vec<FamilyShare>,
    /// The class of filing that was applied; none for local care and where a region pays without one.
    pub filing: Option<FilingClass>,
    /// The person's class.
    pub class: PersonClass,
    /// Whether the civil-servant supplement applies.
    pub civil_servant: bool,
    /// By which rule book.
    pub rule_book: RuleBookHash,
    /// Whether the person lay in another hospital on the day, and the home region pays but wants the desk to look.
    pub during_stay: bool,
    /// Digest of the explanation, which is rendered on demand.
    pub explanation: [u8; 32],
}

impl Settled {
    /// Takes a result as the answer that the hospital is told.
    pub fn new(settlement: SettlementId, adjudication: &Adjudication, applied: Applied) -> Settled {
        Settled {
            settlement,
            insurance: adjudication.insurance,
            coverage: adjudication.coverage(),
            payers: *adjudication.payers(),
            deductible: adjudication.deductible,
            account_balance: adjudication.account_balance,
            family: adjudication.family().to_vec(),
            filing: applied.filing,
            class: applied.class,
            civil_servant: applied.civil_servant,
            rule_book: adjudication.rule_book,
            during_stay: applied.during_stay,
            explanation: applied.explanation,
        }
    }

    /// What the person's own account pays.
    pub fn own_account(&self) -> Money {
        self.payers.account - paid_by_family(&self.family)
    }
}

/// What was applied beside the bill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Applied {
    /// See [`Settled::filing`].
    pub filing: Option<FilingClass>,
    /// See [`Settled::class`].
    pub class: PersonClass,
    /// See [`Settled::civil_servant`].
    pub civil_servant: bool,
    /// See [`Settled::during_stay`].
    pub during_stay: bool,
    /// See [`Settled::explanation`].
    pub explanation: [u8; 32],
}

/// What undoing did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undone {
    /// A settlement that was in force counts no more.
    Settlement {
        /// The settlement.
        original: Settled,
        /// The personal account's balance afterwards.
        account_balance: Money,
    },
    /// A cancellation was reversed: its settlement is in force again.
    Cancellation {
        /// The settlement.
        original: Settled,
        /// The id of the counter-entry that counts no more.
        counter: SettlementId,
        /// The personal account's balance afterwards.
        account_balance: Money,
    },
    /// The message never had an effect, and never will.
    Nothing,
}

/// What an accepted operation did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Done {
    /// A bill was settled.
    Settled(Box<Settled>),
    /// A settlement was cancelled by a counter-entry of this id.
    Cancelled {
        /// The id of the counter-entry.
        counter: SettlementId,
        /// The settlement.
        original: Box<Settled>,
        /// The personal account's balance afterwards.
        account_balance: Money,
    },
    /// A message was reversed.
    Reversed(Box<Undone>),
}

/// The answer to an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was carried out.
    Accepted {
        /// `setl_time`: when the home region committed it. It decides the day and the month.
        decided_at: Timestamp,
        /// What was done.
        done: Done,
    },
    /// It was refused.
    Refused(Refusal),
}

impl Outcome {
    /// The refusal, where it is one.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Outcome::Accepted { decided_at: _, done: _ } => None,
            Outcome::Refused(refusal) => Some(refusal),
        }
    }
}
