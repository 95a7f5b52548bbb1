//! What stored settlements would come to now: each is worked out again for its own day, on what precedes it now. The
//! answers that were given stay; here is only the difference. Called by the home region, for settlements that a late
//! change affects, for a batch that corrects them, and for a rule book that changes late.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;

use super::book::{Book, BookSeq};
use super::correct::as_debited;
use super::effects::Effects;
use super::judge::Judge;
use super::settle::work_out;
use crate::adjudication::{Fund, Payers};
use crate::beijing;
use crate::filing::Filing;
use crate::ids::SettlementId;
use crate::money::Money;
use crate::operation::{OperationKey, Settle};
use crate::outcome::Settled;
use crate::refusal::Refusal;
use crate::year_to_date::{Usage, UsagePosting};

/// A settlement with everything that it saw, and what was changed of that since.
#[derive(Clone, Debug)]
pub struct Stored {
    /// Where it was decided.
    pub seq: BookSeq,
    /// Its key.
    pub key: OperationKey,
    /// The bill.
    pub settle: Arc<Settle>,
    /// The filings that were attached.
    pub filings: Vec<Filing>,
    /// The book as it was.
    pub book: Book,
    /// When it was decided.
    pub decided_at: Timestamp,
    /// What the hospital was told.
    pub settled: Settled,
    /// Who pays what of it as it counts: as the hospital was told, or as a correction in force has it.
    pub counts: Payers,
    /// What it uses up as it counts.
    pub usage: Usage,
    /// What changed since of what it read, oldest first.
    pub changes: Vec<Effects>,
}

/// A settlement worked out once more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reworked {
    /// Which.
    pub settlement: SettlementId,
    /// Who pays what, as it counts.
    pub told: Payers,
    /// Who would pay what now, the account left as it was debited ([`as_debited`]), or why it would be refused.
    pub now: Result<Payers, Refusal>,
    /// What it would use up now; where it would be refused, what it does use up.
    pub usage: Usage,
}

impl Reworked {
    /// What each payer would pay more (less, where negative). Where it would be refused, everything is taken back.
    pub fn difference(&self) -> Payers {
        let now = self.now.as_ref().copied().unwrap_or_default();
        let mut funds = now.funds;
        for fund in Fund::ALL {
            funds.set(fund, now.funds.of(fund) - self.told.funds.of(fund));
        }
        Payers {
            funds,
            account: now.account - self.told.account,
            cash: now.cash - self.told.cash,
            hospital: now.hospital - self.told.hospital,
        }
    }

    /// Whether it would come out as it did.
    pub fn is_unchanged(&self) -> bool {
        self.now == Ok(self.told)
    }
}

/// Works one person's settlements out again, oldest first: each builds on what the earlier ones would have come to. One
/// that would be refused counts as it does for those after it: no correction changes it, and until somebody cancels it,
/// it is in force.
#[derive(Clone, Debug, Default)]
pub struct Rework {
    corrected: Vec<Corrected>,
}

#[derive(Clone, Debug)]
struct Corrected {
    seq: BookSeq,
    settlement: SettlementId,
    day: Date,
    was: Usage,
    is: Usage,
}

impl Rework {
    /// Works the next one out.
    pub fn next(&mut self, stored: Stored, judge: &Judge<'_>) -> Reworked {
        let Stored { seq, key, settle, filings, mut book, decided_at, settled, counts, usage, changes } = stored;
        let family = book.family(&key.person, beijing::day_of(decided_at));
        let person = book.person(&key.person);
        changes.iter().for_each(|change| person.append(seq, change));
        for earlier in self.corrected.iter().filter(|earlier| earlier.seq < seq) {
            person.used.add(&UsagePosting { usage: earlier.was.counter(), day: earlier.day });
            person.used.add(&UsagePosting { usage: earlier.is.clone(), day: earlier.day });
            let same = person.settlements.iter_mut().find(|booked| booked.settled.settlement == earlier.settlement);
            if let Some(booked) = same {
                booked.usage.usage = earlier.is.clone();
            }
        }
        let now = work_out(person, &family, &settle, &filings, judge, decided_at);
        let is = match &now {
            Ok(worked_out) => worked_out.usage().clone(),
            Err(_) => usage.clone(),
        };
        let now = now.map(|worked_out| as_debited(&counts, worked_out.payers()));
        let settlement = settled.settlement;
        let day = beijing::day_of(decided_at);
        self.corrected.push(Corrected { seq, settlement: settlement.clone(), day, was: usage, is: is.clone() });
        Reworked { settlement, told: counts, now, usage: is }
    }
}

/// What a list of reworked settlements comes to for the funds together: positive for what they would pay more.
pub fn funds_would_pay_more(reworked: &[Reworked]) -> Money {
    reworked.iter().map(|one| one.difference().funds.total()).sum()
}
