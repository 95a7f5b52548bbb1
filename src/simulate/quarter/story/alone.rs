//! A deduction that goes alone: its settlement was cleared before, and the home member objects to it in the month that
//! takes it off, and again in the next. It may be carried no further, comes to the list by itself, and two people have it
//! cleared after all: the month that is open takes it off, and the treatment member gives it back.

use anyhow::{Context as _, Result, anyhow, ensure};
use clearing::listed::{Standing, Verdict};
use clearing::obligation::Sums;
use clearing::period::{Pair, Side};
use jiff::civil::{Date, date};
use ledger::hub::{Change, DeductionLodging, Listed, PeriodNumber};
use settlement::adjudication::FundShares;
use settlement::ids::SettlementId;
use settlement::money::Money;
use settlement::person::Insurance;

use super::super::country::{ALONE, BY_STORY};
use super::super::hospital::Kind;
use super::super::payments::between;
use super::super::reviews::basic;
use super::{RESIDENT, Story};

const TREATED: Date = date(2025, 4, 11);
/// The statement of the settlement's month is made by then, so May takes it off.
const LODGED: Date = date(2025, 5, 23);
const AGREED: Date = date(2025, 5, 24);
const DECIDED: Date = date(2025, 8, 4);
/// The month is stated in which it was decided.
const STATED: Date = date(2025, 9, 27);
/// May, in which it is posted; June, which is cleared without it as well; and August, in which it is decided.
const POSTED_IN: PeriodNumber = PeriodNumber(2);
const LISTED_FROM: PeriodNumber = PeriodNumber(3);
const CLEARED_IN: PeriodNumber = PeriodNumber(5);
const ID: &str = "KK-2025-05-23-alone";
const DEDUCTED: Money = Money::from_yuan(300);
const A_STAY: i64 = 500_000;

impl Story {
    /// The days of a deduction that goes alone.
    pub(super) async fn deduct_alone(&mut self, day: Date) -> Result<()> {
        match day {
            TREATED => {
                let person = self.people(|person| person.home == BY_STORY && person.insurance == RESIDENT).remove(0);
                self.see_for(person, Kind::Stay, A_STAY, day).await
            }
            LODGED => self.lodge_it().await,
            AGREED => self.agree_on_it().await,
            DECIDED => self.decide_it().await,
            STATED => self.it_is_given_back().await,
            _ => Ok(()),
        }
    }

    fn settled_alone(&self) -> Result<SettlementId> {
        let theirs = |person: &super::Person| person.home == BY_STORY && person.insurance == RESIDENT;
        let settled = self.settled.iter().find(|settled| settled.on == TREATED && theirs(&settled.visit.person));
        Ok(settled.context("the resident whose bill is reviewed was settled")?.id.clone())
    }

    async fn lodge_it(&mut self) -> Result<()> {
        let (settlement, reason) = (self.settled_alone()?, "超限定支付".to_owned());
        let lodging = DeductionLodging { id: ID.to_owned(), settlement, deducted: basic(DEDUCTED), reason };
        let by = ("agency".to_owned(), self.nation.now());
        self.nation.hub().store.deduction_lodge(lodging, by).await??;
        self.nation.watch().decided("deduction").await;
        Ok(())
    }

    async fn agree_on_it(&mut self) -> Result<()> {
        let (change, by) =
            (Change::Agree(basic(DEDUCTED), "超限定支付".into()), ("agency".to_owned(), self.nation.now()));
        let agreed = self.nation.hub().store.deduction_change(ID.to_owned(), change, by).await?;
        agreed.map_err(|fault| anyhow!("deduction {ID}: {fault}"))?;
        self.nation.watch().decided("deduction").await;
        self.offices.deducted = Some(self.settled_alone()?);
        Ok(())
    }

    async fn decide_it(&mut self) -> Result<()> {
        let settlement = self.settled_alone()?;
        let store = &self.nation.hub().store;
        let listed = store.listed().await?;
        let of_it: Vec<&Listed> = listed.iter().filter(|held| held.settlement == settlement).collect();
        let [held] = of_it[..] else { anyhow::bail!("it is on the list once, and without its settlement: {of_it:?}") };
        ensure!(
            held.part == Listed::AFTERWARDS
                && (held.sums, held.deducted, held.corrected)
                    == (Sums::default(), basic(DEDUCTED), FundShares::default())
                && held.net() == -DEDUCTED
                && (held.booked_in, held.listed_from, held.owner) == (POSTED_IN, LISTED_FROM, Side::Treatment)
                && held.standing == Standing::Waiting,
            "it is on the list as it came there: {held:?}"
        );
        ensure!(store.period_open().await?.number == CLEARED_IN, "August is open");
        let before = store.clearing_movements(CLEARED_IN).await?.deducted;
        self.decide_on((settlement.clone(), Listed::AFTERWARDS), "what came alone", Verdict::Clear).await?;
        let after = store.clearing_movements(CLEARED_IN).await?.deducted;
        let moved: Vec<Money> = before.differences(&after).iter().map(|(_, was, is)| is.owed() - was.owed()).collect();
        ensure!(moved == [DEDUCTED], "the open month takes off what was decided: {moved:?}");
        let ended = store.listed().await?.into_iter().find(|held| held.settlement == settlement);
        let stands = ended.map(|held| held.standing);
        ensure!(stands == Some(Standing::Ended(Verdict::Clear)), "two people have decided: {stands:?}");
        self.counts.decided_alone += 1;
        Ok(())
    }

    /// What was decided is all that the pair has in its month.
    async fn it_is_given_back(&mut self) -> Result<()> {
        let pair: Pair = between(ALONE);
        let held = self.nation.clearing().pair_record(CLEARED_IN, pair).await?;
        let due = held.payables.of(Insurance::Resident).due;
        ensure!(held.statement.is_some() && due == -DEDUCTED, "{DEDUCTED} are given back, and not {due}");
        self.counts.given_back_alone += 1;
        Ok(())
    }
}
