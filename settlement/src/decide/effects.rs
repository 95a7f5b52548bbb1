//! What a decision does, as rows to append. The same value carries the book in memory forward, so that the two
//! cannot drift apart.

use std::ops::Neg;

use super::book::Booked;
use super::posted_stay::StayChange;
use crate::account::FamilyShare;
use crate::adjudication::Payers;
use crate::ids::SettlementId;
use crate::lifecycle::Standing;
use crate::money::Money;
use crate::operation::ReversalTarget;
use crate::postings::JournalEntry;
use crate::year_to_date::UsagePosting;

/// What a decision appends. A refusal appends nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effects {
    /// A settlement.
    pub settlement: Option<Box<Booked>>,
    /// A change of where an earlier settlement stands.
    pub undoing: Option<Undoing>,
    /// A change of how an earlier settlement counts, by the usage beside it.
    pub correcting: Option<Correcting>,
    /// What is used up, or given back.
    pub usage: Option<UsagePosting>,
    /// What a posting changes of the stays beside the hub; no operation does.
    pub stay: Option<StayChange>,
    /// What the personal account receives; negative for what it pays.
    pub account: Money,
    /// What relatives' accounts receive; negative for what they pay.
    pub family: Vec<FamilyShare>,
    /// The journal entry.
    pub journal: Option<JournalEntry>,
    /// A message that may never take effect any more.
    pub tombstone: Option<ReversalTarget>,
    /// Later settlements that built on what is undone, counts again or counts otherwise. They are marked, never changed.
    pub affected: Vec<SettlementId>,
}

impl Effects {
    /// What a settlement appends.
    pub(super) fn of_settlement(booked: Booked) -> Effects {
        Effects {
            usage: Some(booked.usage.clone()),
            account: -booked.settled.own_account(),
            family: received(&booked.settled.family, Neg::neg),
            journal: Some(booked.entry()),
            settlement: Some(Box::new(booked)),
            ..Effects::default()
        }
    }

    /// What a reversal appends. One that undoes nothing may have been meant for another message of the same number that
    /// is still on its way: none may take effect any more.
    pub(super) fn or_tombstone(self, target: &ReversalTarget) -> Effects {
        let tombstone = self.undoing.is_none().then(|| target.clone());
        Effects { tombstone, ..self }
    }
}

/// What relatives' accounts receive, by what they paid.
pub(super) fn received(paid: &[FamilyShare], turned: impl Fn(Money) -> Money) -> Vec<FamilyShare> {
    let receives = |share: &FamilyShare| FamilyShare { account: share.account.clone(), amount: turned(share.amount) };
    paid.iter().map(receives).collect()
}

/// A change of where a settlement stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undoing {
    /// The settlement.
    pub settlement: SettlementId,
    /// Where it stands from now on.
    pub becomes: Standing,
}

/// A change of how a settlement counts. What the hospital was told stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Correcting {
    /// The settlement.
    pub settlement: SettlementId,
    /// Who pays what from now on.
    pub now: Payers,
}
