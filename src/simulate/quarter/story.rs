//! The days of a simulated quarter: who is treated, what is taken back, what goes wrong and is mended, and when what must
//! hold is looked at. A seed decides the traffic; what has to happen in every quarter happens on its day.

mod alone;
mod altering;
mod correcting;
mod damaging;
mod lacking;
mod suspending;

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Result, ensure};
use jiff::ToSpan as _;
use jiff::civil::{Date, date};
use settlement::beijing;
use settlement::ids::SettlementId;

use super::agreed::{certify_early, sign_treatments};
use super::country::{BY_HAND, DAMAGED, OBJECTS, Person};
use super::explained::{Difference, Explained, became_of, compare_treatments};
use super::holds::{Holds, Look};
use super::hospital::{Desks, Kind, Visit};
use super::nation::{Nation, set_silent};
use super::offices::Offices;
use super::reviews::Reviews;
use crate::simulate::chance::Chance;
use crate::simulate::desk::Told;
use altering::PutBack;
pub use altering::{CLEARED, MENDED, RETURNED};
pub use correcting::BATCH;
use damaging::{BACKED_UP, GIVEN_BACK, LOST_LATER, PUT_BACK};
pub use lacking::LACKED;
use lacking::Lacked;

/// The first day, and the last on which anybody is treated.
pub const FIRST: Date = date(2025, 4, 1);
const LAST_TREATED: Date = date(2025, 6, 30);
/// By then everything is closed.
pub const LAST: Date = date(2025, 9, 30);
/// Until then something is mended of what was treated, and all books are held beside one another every day; later only
/// after a day on which somebody was.
const LAST_MENDED: Date = date(2025, 7, 10);
/// Home answers are lost shortly before midnight, and found in doubt when books are compared.
const LOST_AT_HOME: [Date; 3] = [date(2025, 4, 30), date(2025, 5, 19), date(2025, 6, 15)];
/// The hub's answers to treatment sides are lost, and the desk asks again two days later.
const LOST_TO_THE_DESK: [Date; 3] = [date(2025, 4, 10), date(2025, 5, 20), date(2025, 6, 11)];
/// Somebody is treated several times, so that there is enough to object to.
const OBJECTED_TO: Date = date(2025, 4, 15);
/// The only settlements between Chongqing and Sichuan, and when one of them is cancelled after its cut-off.
const BY_HAND_TREATED: Date = date(2025, 4, 10);
const BY_HAND_CANCELLED: Date = date(2025, 5, 9);

/// A day that is certified before it is over, and on which somebody is treated again afterwards.
const CERTIFIED_EARLY: [Date; 2] = [date(2025, 4, 22), date(2025, 6, 5)];

/// `insutype` of employees: their rule books refuse no outpatient visit, and only they have accounts.
const EMPLOYEE: &str = "310";
/// `insutype` of residents.
const RESIDENT: &str = "390";
const NEVER_TOLD: &str = "the hub's answer was lost on its way to the treatment side";

/// A settlement of which a desk was told.
struct Settled {
    visit: Visit,
    id: SettlementId,
    on: Date,
    in_force: bool,
}

/// A visit whose settling has no answer, and from when on its desk asks again.
struct Waiting {
    visit: Visit,
    from: Date,
}

/// See the file.
pub struct Story {
    nation: Arc<Nation>,
    desks: Desks,
    chance: Chance,
    visits_a_day: u64,
    settled: Vec<Settled>,
    waiting: Vec<Waiting>,
    /// What was planted.
    pub explained: Explained,
    /// What members' offices did.
    pub offices: Offices,
    /// What was reviewed.
    pub reviews: Reviews,
    holds: Holds,
    copy: Option<PathBuf>,
    to_put_back: Option<PutBack>,
    lacked: Option<Lacked>,
    /// How much had changed when the day began on which was looked last.
    looked_at: usize,
    /// What happened, by kind.
    pub counts: Counts,
}

/// How often what happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Settlements of which a desk was told.
    pub settled: usize,
    /// Of these, in the last seconds of a day, and in the first.
    pub around_midnight: [usize; 2],
    /// Of the latter, on the first of a month, whose month before was not cut off yet.
    pub before_cut_off: usize,
    /// Answers of home regions that were lost on their way to the hub, and of the hub on their way to a desk.
    pub lost: [usize; 2],
    /// Settlements reversed on the next morning.
    pub reversed: usize,
    /// Cancellations before the cut-off of their settlement's period.
    pub cancelled: usize,
    /// Cancellations after it.
    pub cancelled_late: usize,
    /// Of these, of settlements whose month was closed.
    pub cancelled_in_closed: usize,
    /// Differences that were in doubt when books were compared.
    pub pending: usize,
    /// Answers given back to a home region.
    pub given_back: u64,
    /// Settlements that two people have corrected.
    pub corrected: usize,
    /// Deductions that came to the list alone and were decided there.
    pub decided_alone: usize,
    /// Deductions that were decided so and that their month has the treatment member give back.
    pub given_back_alone: usize,
    /// Settlements that were refused because their home member was suspended.
    pub refused_suspended: usize,
    /// Suspensions that were lifted, and somebody was settled again.
    pub resumed: usize,
}

impl Counts {
    /// How often a desk was told that something was settled or taken back.
    fn changes(&self) -> usize {
        self.settled + self.reversed + self.cancelled + self.cancelled_late
    }
}

impl Story {
    /// A quarter in a nation that has settled in.
    pub fn new(nation: Arc<Nation>, visits_a_day: u64) -> Story {
        Story {
            desks: Desks::of(nation.clone()),
            chance: nation.context.chance.clone(),
            nation,
            visits_a_day,
            settled: Vec::new(),
            waiting: Vec::new(),
            explained: Explained::default(),
            offices: Offices::default(),
            reviews: Reviews::default(),
            holds: Holds::default(),
            copy: None,
            to_put_back: None,
            lacked: None,
            looked_at: 0,
            counts: Counts::default(),
        }
    }

    /// Lives through every day until one. Ends early where something does not hold, unless a test sees to that.
    ///
    /// # Errors
    /// When a store fails, or something is refused that must not be.
    pub async fn live(&mut self, until: Date) -> Result<()> {
        let mut day = FIRST;
        let is_over = |nation: &Nation| nation.context.record.has_findings() && !nation.watch().is_meddled_with();
        while day <= until && !is_over(&self.nation) {
            let before = self.counts.changes();
            self.night(day).await?;
            self.morning(day).await?;
            if day <= LAST_TREATED {
                self.treat(day).await?;
            }
            self.ask_again(day).await?;
            self.nation.until(day.at(14, 0, 0, 0)).await?;
            self.offices.work(&self.nation).await?;
            self.review(day).await?;
            self.nation.until(day.at(18, 30, 0, 0)).await?;
            let is_busy = day <= LAST_MENDED || self.counts.changes() > self.looked_at;
            self.looked_at = before;
            let look = if is_busy { Look::Everything } else { Look::Clearing };
            self.holds.step(&self.nation, &mut self.explained, look).await?;
            self.alter(day).await?;
            self.correct(day).await?;
            self.close_day(day).await?;
            self.deduct_alone(day).await?;
            self.suspend(day).await?;
            if day <= LAST_TREATED {
                self.evening(day).await?;
            }
            day = day.saturating_add(1.days());
        }
        Ok(())
    }

    /// Around midnight: a settlement just after it, on the first of a month before the hub has cut off; books are compared;
    /// a disk is copied, or put back.
    async fn night(&mut self, day: Date) -> Result<()> {
        if day.day() == 1 && day > FIRST || day <= LAST_TREATED && self.chance.happens(150) && !self.puts_back(day) {
            self.nation.until(day.at(0, 0, 1, 0)).await?;
            let before = self.counts.settled;
            self.see_somebody(day).await?;
            let came = self.counts.settled - before;
            self.counts.around_midnight[1] += came;
            self.counts.before_cut_off += if day.day() == 1 { came } else { 0 };
        }
        self.nation.until(day.at(1, 0, 0, 0)).await?;
        compare_treatments(&self.nation).await?;
        self.explained.compared();
        sign_treatments(&self.nation).await?;
        if LOST_AT_HOME.contains(&day.saturating_sub(1.days())) {
            self.what_is_in_doubt_is_pending(day).await?;
        }
        self.nation.until(day.at(3, 0, 0, 0)).await?;
        let look = if self.explained.standing() > 0 { Look::Everything } else { Look::Clearing };
        self.holds.step(&self.nation, &mut self.explained, look).await?;
        self.put_back_what_was_altered(day).await?;
        match day {
            BACKED_UP => self.copy = Some(self.nation.back_up(DAMAGED)?),
            PUT_BACK => self.put_back(day).await?,
            _ => {}
        }
        Ok(())
    }

    async fn what_is_in_doubt_is_pending(&mut self, day: Date) -> Result<()> {
        let yesterday = day.saturating_sub(1.days());
        let mut pending = 0;
        for (home, pools) in self.nation.hub().compared_homes() {
            for pool in pools {
                pending += self.nation.hub().compare(home, pool, (yesterday, yesterday)).await?.pending;
            }
        }
        ensure!(pending == 1, "what is in doubt at midnight is pending: {pending} are on {day}");
        self.counts.pending += pending;
        Ok(())
    }

    /// Lines speak again, and some desks take yesterday's settlements back.
    async fn morning(&mut self, day: Date) -> Result<()> {
        self.nation.until(day.at(8, 0, 0, 0)).await?;
        for nodes in &self.nation.members {
            set_silent(&nodes.home_silent, false);
        }
        if day == GIVEN_BACK {
            self.give_back().await?;
        }
        for at in 0..self.settled.len() {
            let Settled { on, visit, in_force, .. } = &self.settled[at];
            let since_yesterday = *on == day.saturating_sub(1.days());
            let takes_back =
                since_yesterday && (day.weekday() == jiff::civil::Weekday::Tuesday || self.chance.happens(50));
            if *in_force && takes_back && !self.is_down(&visit.person, day) && !visit.person.by_hand {
                if matches!(self.desks.reverse(visit).await, Told::Done(_)) {
                    self.settled[at].in_force = false;
                    self.counts.reversed += 1;
                }
                break;
            }
        }
        self.take_back(day).await
    }

    /// At noon desks ask again for what they were not told: by then the hub has asked the home regions.
    async fn ask_again(&mut self, day: Date) -> Result<()> {
        self.nation.until(day.at(12, 30, 0, 0)).await?;
        let (due, later) =
            std::mem::take(&mut self.waiting).into_iter().partition(|waiting: &Waiting| waiting.from <= day);
        self.waiting = later;
        for Waiting { visit, .. } in due {
            self.settle(visit, day).await?;
        }
        Ok(())
    }

    /// Cancellations: in the month of a settlement, and after its period was cut off.
    async fn take_back(&mut self, day: Date) -> Result<()> {
        let reviewed = self.reviews.deducted.first().cloned();
        for at in 0..self.settled.len() {
            let Settled { on, visit, in_force, id } = &self.settled[at];
            let late = on.first_of_month() < day.first_of_month();
            let by_hand = visit.person.by_hand && visit.person.member == BY_HAND[0] && day == BY_HAND_CANCELLED;
            let wanted = match (visit.person.by_hand, late) {
                (true, _) => by_hand,
                (false, false) => *on < day && self.chance.happens(3),
                (false, true) => {
                    let was_reviewed = day.day() == 12 && reviewed.as_ref() == Some(id);
                    was_reviewed || (3..=8).contains(&day.day()) && self.chance.happens(5)
                }
            };
            if !wanted || !*in_force || self.is_down(&visit.person, day) {
                continue;
            }
            if matches!(self.desks.cancel(visit, id.as_str()).await, Told::Done(_)) {
                self.settled[at].in_force = false;
                *(if late { &mut self.counts.cancelled_late } else { &mut self.counts.cancelled }) += 1;
            }
        }
        if day.day() == 12 {
            self.reviews.deducted.clear();
        }
        Ok(())
    }

    async fn treat(&mut self, day: Date) -> Result<()> {
        for at in 0..self.visits_a_day {
            let minute = i8::try_from(at * 300 / self.visits_a_day.max(1) % 60).unwrap_or_default();
            let hour = 9 + i8::try_from(at * 300 / self.visits_a_day.max(1) / 60).unwrap_or_default();
            self.nation.until(day.at(hour, minute, 0, 0)).await?;
            self.see_somebody(day).await?;
        }
        // What the story needs: Chongqing's and Sichuan's only settlements, some of the damaged book's, and enough that can
        // be objected to.
        if day == BY_HAND_TREATED {
            for member in BY_HAND {
                let person = self.people(|person| person.by_hand && person.member == member).remove(0);
                self.see(person, Kind::Outpatient, day).await?;
            }
        }
        if LOST_LATER.contains(&day) {
            for person in self.people(|person| person.member == DAMAGED) {
                self.see(person, Kind::Outpatient, day).await?;
            }
        }
        if day == OBJECTED_TO {
            let person = self.people(|person| person.member == OBJECTS && person.insurance == EMPLOYEE).remove(0);
            for _ in 0..4 {
                self.see(person.clone(), Kind::Outpatient, day).await?;
            }
        }
        if CERTIFIED_EARLY.contains(&day) {
            let person = self.somebody(day, |person| person.insurance == EMPLOYEE);
            self.see(person.clone(), Kind::Outpatient, day).await?;
            certify_early(&self.nation).await?;
            self.see(person, Kind::Outpatient, day).await?;
        }
        if LOST_TO_THE_DESK.contains(&day) {
            self.lose_what_the_hub_says(day).await?;
        }
        Ok(())
    }

    /// The hub decides, and its answer does not come back to the treatment side.
    async fn lose_what_the_hub_says(&mut self, day: Date) -> Result<()> {
        let person = self.somebody(day, |person| person.insurance == EMPLOYEE);
        let Some(visit) = self.desks.treat(&person, Kind::Outpatient, 12_345).await else { return Ok(()) };
        let silent = self.nation.members[person.goes_to].hub_silent.clone();
        set_silent(&silent, true);
        let told = self.desks.settle(&visit).await;
        set_silent(&silent, false);
        ensure!(matches!(told, Told::Later(_) | Told::Nothing), "its answer is lost: {told:?}");
        let message = visit.message["msgid"].as_str().unwrap_or_default();
        let (operation, fact) = became_of(&self.nation.hub().store, message).await?;
        let found_from = day.saturating_add(1.days());
        self.counts.lost[1] += 1;
        let planted = (fact.settlement.clone(), Difference::never_told(&fact));
        self.explained.plant(operation, planted, NEVER_TOLD, found_from);
        self.waiting.push(Waiting { visit, from: day.saturating_add(2.days()) });
        Ok(())
    }

    /// Shortly before midnight somebody settles, at times with the home region's answer lost.
    async fn evening(&mut self, day: Date) -> Result<()> {
        let loses = LOST_AT_HOME.contains(&day);
        if !loses && (!self.chance.happens(200) || self.puts_back(day)) {
            return Ok(());
        }
        self.nation.until(day.at(23, 59, 50, 0)).await?;
        let person = self.somebody(day, |person| person.insurance == EMPLOYEE);
        let Some(visit) = self.desks.treat(&person, Kind::Outpatient, 23_456).await else { return Ok(()) };
        if loses {
            set_silent(&self.nation.members[person.member].home_silent, true);
            self.counts.lost[0] += 1;
        } else {
            self.nation.until(day.at(23, 59, 58, 0)).await?;
        }
        let before = self.counts.settled;
        self.settle(visit, day).await?;
        self.counts.around_midnight[0] += self.counts.settled - before;
        Ok(())
    }

    async fn see_somebody(&mut self, day: Date) -> Result<()> {
        let person = self.somebody(day, |_| true);
        let kind = match self.chance.below(8) {
            0 | 1 => Kind::Stay,
            2 | 3 => Kind::Purchase,
            4 | 5 if person.chronic => Kind::Chronic,
            _ => Kind::Outpatient,
        };
        let kind = if kind == Kind::Purchase && person.insurance != EMPLOYEE { Kind::Outpatient } else { kind };
        self.see(person, kind, day).await
    }

    async fn see(&mut self, person: Person, kind: Kind, day: Date) -> Result<()> {
        let fen = match kind {
            Kind::Stay => 300_000 + self.chance.below(2_000_000),
            Kind::Outpatient | Kind::Chronic => 5_000 + self.chance.below(90_000),
            Kind::Purchase => 1_000 + self.chance.below(9_000),
        };
        self.see_for(person, kind, i64::try_from(fen).unwrap_or_default(), day).await
    }

    /// Cares for somebody, for so many fen.
    async fn see_for(&mut self, person: Person, kind: Kind, fen: i64, day: Date) -> Result<()> {
        match self.desks.treat(&person, kind, fen).await {
            Some(visit) => self.settle(visit, day).await,
            None => Ok(()),
        }
    }

    /// Settles a visit, or remembers to ask again.
    async fn settle(&mut self, visit: Visit, day: Date) -> Result<()> {
        match self.desks.settle(&visit).await {
            Told::Done(answer) => {
                let id = answer["output"]["setlinfo"]["setl_id"].as_str().unwrap_or_default();
                let id = SettlementId::new(id)?;
                self.explained.mend(|planted| planted.why == NEVER_TOLD && planted.settlement == id);
                self.settled.push(Settled { visit, id, on: day, in_force: true });
                self.counts.settled += 1;
            }
            Told::Refused(_) => {}
            Told::Later(_) | Told::Nothing => {
                let before_noon = beijing::at_desk(self.nation.now()).hour() < 12;
                let from = if before_noon { day } else { day.saturating_add(1.days()) };
                self.waiting.push(Waiting { visit, from });
            }
        }
        Ok(())
    }

    async fn review(&mut self, day: Date) -> Result<()> {
        let month = day.first_of_month().saturating_sub(1.days()).first_of_month();
        let last_month = |settled: &&Settled| settled.in_force && settled.on.first_of_month() == month;
        let free = |settled: &&Settled| !settled.visit.person.by_hand && settled.visit.person.member != DAMAGED;
        let candidates = self.settled.iter().filter(last_month).filter(free).map(|settled| settled.id.clone());
        let candidates: Vec<SettlementId> = candidates.collect();
        self.reviews.work(&self.nation, &candidates).await
    }

    /// Whether a person's home region is not to be asked.
    fn is_down(&self, person: &Person, day: Date) -> bool {
        person.member == DAMAGED && (PUT_BACK..=GIVEN_BACK).contains(&day)
    }

    fn somebody(&self, day: Date, wanted: impl Fn(&Person) -> bool) -> Person {
        let people = self.people(|person| wanted(person) && !person.by_hand && !self.is_down(person, day));
        let at = usize::try_from(self.chance.below(people.len() as u64)).unwrap_or_default();
        people[at].clone()
    }

    fn people(&self, wanted: impl Fn(&Person) -> bool) -> Vec<Person> {
        self.nation.country.people.iter().filter(|person| wanted(person)).cloned().collect()
    }
}
