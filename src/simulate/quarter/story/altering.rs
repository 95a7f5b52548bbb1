//! Answers that are altered on their way, and what people do about it: two are left to the list of what may be carried over
//! no further, where two people have one returned and one cleared; of the third, the treatment side's book is put back
//! from a copy, and its desk asks again.

use anyhow::{Context as _, Result, bail, ensure};
use clearing::breaks::Books;
use clearing::listed::{Act, Person as Decider, Seat, Verdict};
use clearing::period::Side;
use jiff::ToSpan as _;
use jiff::civil::{Date, date};
use ledger::leaves::Scope;
use settlement::ids::SettlementId;

use super::super::altered::Ending;
use super::super::country::{DAMAGED, OBJECTS};
use super::super::explained::{Difference, became_of};
use super::super::hospital::{Kind, Visit};
use super::super::nation::set_silent;
use super::{EMPLOYEE, Person, Story};
use crate::simulate::desk::Told;

/// A home region's answer is altered on its way to the hub, and its settlement returned in the end.
const BY_THE_HOME_LINE: Date = date(2025, 4, 16);
/// The hub's answer is altered on its way to the treatment side, and its settlement cleared in the end.
const BY_THE_HUB_LINE: Date = date(2025, 4, 17);
/// The same, and the treatment side's book is put back the night after.
const PUT_BACK_NEXT_NIGHT: Date = date(2025, 5, 14);
/// Two people decide on what is on the list.
const DECIDED: Date = date(2025, 8, 4);
/// By then the days are compared no more, and somebody ends the breaks.
const ENDED: Date = date(2025, 8, 16);

/// See [`super::super::explained::Planted`].
pub const RETURNED: &str = "a home region's answer was altered, and its settlement was returned";
/// The same.
pub const CLEARED: &str = "the hub's answer was altered, and its settlement was cleared after all";
/// The same.
pub const MENDED: &str = "the hub's answer was altered, and the treatment side's book was put back";

/// A visit whose answer was altered, to be asked about again by a book that was put back.
pub(super) struct PutBack {
    visit: Visit,
    settlement: SettlementId,
    copy: std::path::PathBuf,
}

impl Story {
    /// Whether the night is kept free of others, since a book is to be put back.
    pub(super) fn puts_back(&self, day: Date) -> bool {
        self.to_put_back.is_some() || day == PUT_BACK_NEXT_NIGHT
    }

    /// In the evening answers are altered; late in the quarter people decide on them.
    pub(super) async fn alter(&mut self, day: Date) -> Result<()> {
        match day {
            BY_THE_HOME_LINE => self.alter_one(day, (Books::HubHome, RETURNED)).await.map(drop),
            BY_THE_HUB_LINE => self.alter_one(day, (Books::TreatmentHub, CLEARED)).await.map(drop),
            PUT_BACK_NEXT_NIGHT => {
                self.to_put_back = Some(self.alter_one(day, (Books::TreatmentHub, MENDED)).await?);
                Ok(())
            }
            DECIDED => {
                self.decide(RETURNED, Verdict::Return).await?;
                self.decide(CLEARED, Verdict::Clear).await
            }
            ENDED => {
                self.end_breaks(RETURNED).await?;
                self.end_breaks(CLEARED).await
            }
            _ => Ok(()),
        }
    }

    /// Somebody settles whose answer is altered between two books. A copy of the treatment side's book is made before.
    async fn alter_one(&mut self, day: Date, (books, why): (Books, &'static str)) -> Result<PutBack> {
        // Nobody objects to it, nobody owes it to themselves, and the first treatment side's book is never put back.
        let fits = |person: &Person| {
            person.insurance == EMPLOYEE
                && ![person.goes_to, OBJECTS, DAMAGED].contains(&person.member)
                && person.goes_to != 0
        };
        let person = self.somebody(day, fits);
        let visit = self.desks.treat(&person, Kind::Outpatient, 34_567).await;
        let visit = visit.with_context(|| format!("{why}: nobody was treated"))?;
        let (at_home, at_treatment) = (&self.nation.members[person.member], &self.nation.members[person.goes_to]);
        let altering = match books {
            Books::HubHome => at_home.home_altering.clone(),
            Books::HospitalTreatment => bail!("{why}: a hospital has no line to alter"),
            Books::TreatmentHub => {
                // Its answer is lost first, so that a copy of the book knows what it may ask about.
                set_silent(&at_treatment.hub_silent, true);
                let told = self.desks.settle(&visit).await;
                set_silent(&at_treatment.hub_silent, false);
                ensure!(matches!(told, Told::Later(_) | Told::Nothing), "{why}: its answer is lost: {told:?}");
                at_treatment.hub_altering.clone()
            }
        };
        let copy = self.nation.back_up_treatment(person.goes_to)?;
        altering.want();
        let told = self.desks.settle(&visit).await;
        ensure!(matches!(told, Told::Done(_)), "{why}: its desk is told: {told:?}");
        let (said, arrived) = altering.take().with_context(|| format!("{why}: nothing was altered"))?;
        let message = visit.message["msgid"].as_str().unwrap_or_default();
        let (operation, _) = became_of(&self.nation.hub().store, message).await?;
        let settlement = said.settlement.clone();
        let difference = Difference::altered(books, &arrived, &said);
        let found_from = day.saturating_add(1.days());
        self.explained.plant(operation, (settlement.clone(), difference), why, found_from);
        self.explained.altered.add(settlement.clone());
        Ok(PutBack { visit, settlement, copy })
    }

    /// The treatment side has its book of the evening before, and its desk asks again.
    pub(super) async fn put_back_what_was_altered(&mut self, day: Date) -> Result<()> {
        let due = self.to_put_back.take_if(|_| day == PUT_BACK_NEXT_NIGHT.saturating_add(1.days()));
        let Some(PutBack { visit, settlement, copy }) = due else { return Ok(()) };
        self.nation.put_back_treatment(visit.person.goes_to, &copy)?;
        self.holds.reopen();
        self.settle(visit, day).await?;
        ensure!(
            self.settled.last().is_some_and(|settled| settled.id == settlement),
            "{MENDED}: nothing was told again"
        );
        self.explained.mend(|planted| planted.settlement == settlement);
        self.explained.altered.end(&settlement, Ending::Mended);
        Ok(())
    }

    /// One of a member and one of the centre decide how a settlement ends that is on the list.
    async fn decide(&mut self, why: &str, verdict: Verdict) -> Result<()> {
        let settlement = self.planted(why)?;
        self.decide_on((settlement.clone(), 0), why, verdict).await?;
        self.explained.altered.end(&settlement, Ending::Decided(verdict));
        Ok(())
    }

    /// The same of a part of a settlement that is on the list. One person is not enough.
    pub(super) async fn decide_on(&self, what: (SettlementId, i64), why: &str, verdict: Verdict) -> Result<()> {
        let home = Seat::Member(Side::Home);
        let deciders = [
            (home, Act::Propose(verdict), true),
            (home, Act::Approve(verdict), false),
            (Seat::Centre, Act::Approve(verdict), true),
        ];
        for (seat, act, may) in deciders {
            let decider = Decider { certificate: seat.word().to_owned(), seat };
            let by = (decider, self.nation.now());
            let done = self.nation.hub().store.listed_act(what.clone(), act, "查实".into(), by).await?;
            ensure!(done.is_ok() == may, "{why}: {} by {}: {done:?}", act.word(), seat.word());
            self.nation.watch().decided("decision").await;
        }
        Ok(())
    }

    async fn end_breaks(&mut self, why: &str) -> Result<()> {
        let (settlement, store) = (self.planted(why)?, &self.nation.hub().store);
        let open = store.break_list(Scope::default()).await?;
        for open in open.iter().filter(|open| open.found.settlement == settlement) {
            let by = ("an operator".to_owned(), self.nation.now());
            ensure!(store.break_end(open.number, "已按清算遗留清单处理".into(), by).await?, "{why}: its break is open");
        }
        self.explained.decide(why);
        Ok(())
    }

    fn planted(&self, why: &str) -> Result<SettlementId> {
        let planted = self.explained.all().find(|(planted, _)| planted.why == why);
        Ok(planted.with_context(|| format!("{why}: it was planted"))?.0.settlement.clone())
    }
}
