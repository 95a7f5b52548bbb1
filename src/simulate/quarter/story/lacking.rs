//! A hospital whose accounts lack a settlement of which its desk was told. It compares its day row by row, so the
//! treatment side knows, and the hub; the month is cleared without the settlement. When the hospital has taken it in, it
//! compares again, and the next month clears it.

use anyhow::{Context as _, Result, ensure};
use jiff::ToSpan as _;
use jiff::civil::{Date, date};
use settlement::ids::SettlementId;

use super::super::altered::Ending;
use super::super::country::BY_STORY;
use super::super::day_end::Accounts;
use super::super::explained::{Difference, became_of};
use super::super::hospital::Kind;
use super::{RESIDENT, Settled, Story};
use crate::simulate::desk::Told;

/// Its accounts lack what it settled this day.
const LACKING: Date = date(2025, 4, 18);
/// By now they have it, and April is cleared without it.
const TAKEN_IN: Date = date(2025, 5, 26);

/// See [`super::super::explained::Planted`].
pub const LACKED: &str = "the hospital's accounts lacked it, and took it in a month later";

/// What a hospital lacks.
pub(super) struct Lacked {
    accounts: Accounts,
    settlement: SettlementId,
}

impl Story {
    /// A hospital closes its day, once without a settlement and once with it.
    pub(super) async fn close_day(&mut self, day: Date) -> Result<()> {
        match day {
            LACKING => self.lack(day).await,
            TAKEN_IN => self.take_in().await,
            _ => Ok(()),
        }
    }

    async fn lack(&mut self, day: Date) -> Result<()> {
        let person = self.people(|person| person.home == BY_STORY && person.insurance == RESIDENT).remove(0);
        let visit = self.desks.treat(&person, Kind::Stay, 456_700).await;
        let visit = visit.with_context(|| format!("{LACKED}: nobody was treated"))?;
        let Told::Done(answer) = self.desks.settle(&visit).await else { anyhow::bail!("{LACKED}: its desk is told") };
        let message = visit.message["msgid"].as_str().unwrap_or_default();
        let (operation, fact) = became_of(&self.nation.hub().store, message).await?;
        let settlement = fact.settlement.clone();
        let accounts = Accounts::of(visit.clone(), &answer, day);
        accounts.compare_without(&self.desks).await?;
        let planted = (settlement.clone(), Difference::lacked_by_hospital(&fact));
        self.explained.plant(operation, planted, LACKED, day.saturating_add(1.days()));
        self.explained.altered.add(settlement.clone());
        self.settled.push(Settled { visit, id: settlement.clone(), on: day, in_force: true });
        self.counts.settled += 1;
        self.lacked = Some(Lacked { accounts, settlement });
        Ok(())
    }

    async fn take_in(&mut self) -> Result<()> {
        let Lacked { accounts, settlement } = self.lacked.take().with_context(|| format!("{LACKED}: it is lacked"))?;
        accounts.compare_with(&self.desks).await?;
        let found = self.explained.all().any(|(planted, found)| planted.settlement == settlement && found);
        ensure!(found, "{LACKED}: it is found before");
        self.explained.mend(|planted| planted.settlement == settlement);
        self.explained.altered.end(&settlement, Ending::TakenIn);
        Ok(())
    }
}
