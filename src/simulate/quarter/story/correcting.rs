//! A correction 更正: somebody has two stays, and the first is cancelled once the month of both is stated. The second had
//! read it, so by now it comes to something else. One person puts that forward and another approves it; the home
//! region's first answer is lost, and the month that is open clears the difference.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, anyhow, ensure};
use clearing::corrections::{CorrectionFault, Event, Standing};
use clearing::listed::{Person as Clerk, Seat};
use clearing::period::Side;
use jiff::Timestamp;
use jiff::civil::{Date, date};
use ledger::hub::{BatchFault, Changes, CorrectionBatch, Proposal};
use reconciliation::book::READING;

use super::super::country::{BY_STORY, Person};
use super::super::hospital::Kind;
use super::super::nation::set_silent;
use super::{EMPLOYEE, Story};
use crate::simulate::desk::Told;
use crate::simulate::fixtures::pool;

const FIRST_STAY: Date = date(2025, 4, 8);
const SECOND_STAY: Date = date(2025, 4, 24);
/// The first stay is cancelled.
const UNDONE: Date = date(2025, 5, 23);
/// Two people correct what that affects.
const CORRECTED: Date = date(2025, 5, 26);

/// What the stays cost, in fen.
const FIRST_BILL: i64 = 800_000;
const SECOND_BILL: i64 = 1_200_000;

/// How often somebody looks who is refused for what changed meanwhile.
const TRIES: usize = 5;

/// The batch's id.
pub const BATCH: &str = "GZ-2025-05-26";

impl Story {
    /// Two stays, and what becomes of them.
    pub(super) async fn correct(&mut self, day: Date) -> Result<()> {
        match day {
            FIRST_STAY => self.see_for(self.who_stays_twice(), Kind::Stay, FIRST_BILL, day).await,
            SECOND_STAY => self.see_for(self.who_stays_twice(), Kind::Stay, SECOND_BILL, day).await,
            UNDONE => self.undo_the_first_stay().await,
            CORRECTED => self.correct_the_second().await,
            _ => Ok(()),
        }
    }

    fn who_stays_twice(&self) -> Person {
        self.people(|person| person.home == BY_STORY && person.insurance == EMPLOYEE && person.by_hand).remove(0)
    }

    async fn undo_the_first_stay(&mut self) -> Result<()> {
        let number = self.who_stays_twice().number;
        let theirs = |on: Date| {
            self.settled.iter().position(|settled| settled.on == on && settled.visit.person.number == number)
        };
        let (Some(first), Some(_)) = (theirs(FIRST_STAY), theirs(SECOND_STAY)) else {
            anyhow::bail!("{number} did not settle two stays")
        };
        let told = self.desks.cancel(&self.settled[first].visit, self.settled[first].id.as_str()).await;
        ensure!(matches!(told, Told::Done(_)), "the first stay is cancelled: {told:?}");
        self.settled[first].in_force = false;
        self.counts.cancelled_late += 1;
        Ok(())
    }

    /// What the home region finds affected by now, as one batch.
    async fn put_forward(&self, by: (Clerk, Timestamp)) -> Result<Result<CorrectionBatch, BatchFault>> {
        let (hub, home) = (self.nation.hub(), pool(BY_STORY));
        let found = hub.affected(home, &BTreeSet::new()).await;
        let found = found.map_err(|refusal| anyhow!("what is affected: {refusal:?}"))?;
        hub.store.journal_fold(READING).await?;
        let proposal =
            Proposal {
                id: BATCH.to_owned(), home, changes: Changes::All(found), reason: "前次住院撤销".to_owned()
            };
        Ok(hub.store.correction_propose(proposal, by).await?)
    }

    async fn correct_the_second(&mut self) -> Result<()> {
        let (hub, now) = (self.nation.hub(), self.nation.now());
        let by = |clerk: &str| (Clerk { certificate: clerk.to_owned(), seat: Seat::Member(Side::Home) }, now);
        let mut tries = 0;
        let held = loop {
            tries += 1;
            match self.put_forward(by("zhang")).await? {
                Ok(held) => break held,
                // What is undone between looking and putting forward is refused, and looked at again.
                Err(BatchFault::Impossible(_, CorrectionFault::CountsOtherwise)) if tries < TRIES => {}
                Err(fault) => return Err(fault.into()),
            }
        };
        let seen = held.batch.digest().to_string();
        let approve = |clerk| {
            hub.store.correction_decide((BATCH.to_owned(), seen.clone()), Event::Approve, String::new(), by(clerk))
        };
        ensure!(approve("zhang").await?.is_err(), "nobody approves what they put forward");
        approve("li").await??;
        let line = &self.nation.members[self.who_stays_twice().member].home_silent;
        for (silent, stands) in [(true, Standing::Approved), (false, Standing::InForce)] {
            set_silent(line, silent);
            let held = hub.correction_carry(BATCH).await?.context("there is a batch")?;
            ensure!(held.standing == stands, "batch {BATCH} is {}: {}", held.standing.word(), held.remark);
        }
        self.nation.watch().decided("correction").await;
        self.counts.corrected += held.batch.corrections.len();
        Ok(())
    }
}
