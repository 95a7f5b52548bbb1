//! What must hold between two looks at everything ([`super::holds`]): after every step of a period's life that the hub takes,
//! after everything that a member's office, an agency or two people do, and after every message that changes the books.
//! After a step all of clearing is looked at; after an office's act the period that it is about; after a message what is
//! cheap. Whoever looks stands outside the world: time does not pass, and nobody else comes to do anything meanwhile.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Result;
use broker::clearing::Clearing;
use clearing::period::Step;
use futures_util::FutureExt as _;
use ledger::engine::Location;
use ledger::hub::{HubStore, PeriodNumber};
use settlement::beijing;
use settlement::finding::Finding;
use settlement::region::RegionTable;

use super::holds::{a_closed_period_is_unchanged, pools_of};
use super::owed::{Owed, payable_is_receivable, what_is_cleared_is_owed};
use crate::simulate::climate::Context;
use crate::verify;
use crate::verify::clearing as clears;

/// What a test does to the hub's book after a look, which is named: something that the next look must find.
pub type Hand = Arc<dyn Fn(&Location, &str) + Send + Sync>;

/// See the file.
pub struct Watch {
    context: Arc<Context>,
    regions: Arc<RegionTable>,
    clearing: Clearing,
    store: HubStore,
    now: Box<dyn Fn() -> jiff::Timestamp + Send + Sync>,
    hand: Option<(Location, Hand)>,
    seen: Mutex<Seen>,
}

/// What was seen before.
#[derive(Default)]
struct Seen {
    /// How often something had been committed at the last look after a step.
    commits: Option<u64>,
    /// What a period books between pools, by the journal alone: once it is folded it takes no more.
    booked: BTreeMap<PeriodNumber, Owed>,
    /// What a closed period came to, word for word.
    closed: BTreeMap<PeriodNumber, String>,
    looks: BTreeMap<String, usize>,
}

impl Watch {
    /// Somebody who looks at a hub's book.
    pub fn new(
        context: Arc<Context>,
        regions: Arc<RegionTable>,
        (clearing, store): (Clearing, HubStore),
        now: impl Fn() -> jiff::Timestamp + Send + Sync + 'static,
        hand: Option<(Location, Hand)>,
    ) -> Arc<Watch> {
        let (now, seen) = (Box::new(now), Mutex::default());
        Arc::new(Watch { context, regions, clearing, store, now, hand, seen })
    }

    /// Whether a test has its hand in the book.
    pub fn is_meddled_with(&self) -> bool {
        self.hand.is_some()
    }

    /// How often was looked after what.
    pub fn looks(&self) -> BTreeMap<String, usize> {
        self.seen().looks.clone()
    }

    /// The hub has taken a step. What it took at once is looked at once.
    pub fn stepped(&self, step: Step) {
        let commits = Some(self.context.commits());
        if std::mem::replace(&mut self.seen().commits, commits) == commits {
            *self.seen().looks.entry(step.word().to_owned()).or_default() += 1;
            return;
        }
        // A simulated disk is read at once, so nothing happens between this step and the next.
        if self.looked(step.word(), self.all_of_clearing()).now_or_never().is_none() {
            self.context.record.finding(format!("a look takes no time does not hold after {}", step.word()));
        }
    }

    /// Something was done that may concern every period.
    pub async fn decided(&self, what: &str) {
        self.looked(what, self.all_of_clearing()).await;
    }

    /// A member's office has done something about a period.
    pub async fn acted(&self, period: PeriodNumber, what: &str) {
        self.looked(what, self.a_period(period)).await;
    }

    /// A desk was answered to a message that changes the books.
    pub async fn answered(&self, what: &str) {
        self.looked(what, self.the_cheap()).await;
    }

    async fn looked(&self, what: &str, look: impl Future<Output = Result<Vec<String>>>) {
        if self.context.record.has_findings() && self.hand.is_none() {
            return;
        }
        self.context.record.step();
        self.context.observe(true);
        let found = look.await;
        self.context.observe(false);
        *self.seen().looks.entry(what.to_owned()).or_default() += 1;
        let today = beijing::day_of((self.now)());
        let findings = found.unwrap_or_else(|fault| vec![format!("the book can be read does not hold: {fault:#}")]);
        findings.into_iter().for_each(|one| self.context.record.finding(format!("{today}: after {what}: {one}")));
        if let Some((location, hand)) = &self.hand {
            hand(location, what);
        }
    }

    async fn all_of_clearing(&self) -> Result<Vec<String>> {
        let mut findings = texts(clears::findings(&self.store, self.rules()).await?);
        let counted = clears::Counted::read(&self.store).await?;
        for number in 1..=self.store.period_open().await?.number.0 {
            findings.extend(self.what_is_owed(PeriodNumber(number), &counted).await?);
        }
        Ok(findings)
    }

    async fn a_period(&self, period: PeriodNumber) -> Result<Vec<String>> {
        let (store, rules) = (&self.store, self.rules());
        let mut findings = self.what_is_owed(period, &clears::Counted::read(store).await?).await?;
        let stated = clears::a_statement_is_entries_less_carried_out_with_carried_in_less_deductions_with_corrections;
        findings.extend(texts(stated(store, period, rules).await?));
        findings.extend(texts(clears::payable_is_receivable(store, period).await?));
        findings.extend(texts(clears::a_closed_period_is_agreed_on_and_paid(store, period).await?));
        findings.extend(texts(clears::what_is_carried_out_is_carried_in_once_or_listed(store).await?));
        Ok(findings)
    }

    async fn the_cheap(&self) -> Result<Vec<String>> {
        let mut findings = texts(verify::the_hubs_own(&self.store).await?);
        findings.extend(texts(clears::each_entry_is_in_exactly_one_period(&self.store).await?));
        findings.extend(texts(clears::what_is_carried_out_is_carried_in_once_or_listed(&self.store).await?));
        Ok(findings)
    }

    /// What a folded period clears is what the journal says with what was moved since, both sides come to the same, and a
    /// closed one stays as it is.
    async fn what_is_owed(&self, period: PeriodNumber, counted: &clears::Counted) -> Result<Vec<String>> {
        let standing = self.clearing.standing(period).await?.filter(|standing| standing.record.is_folded);
        let Some(standing) = standing else { return Ok(Vec::new()) };
        let (booked, carried) = (self.booked(period).await?, self.store.carried_entries(period).await?);
        let owed = what_is_cleared_is_owed(&self.regions, &standing, booked, (period, &carried[..], counted));
        let mut findings: Vec<String> = owed.into_iter().collect();
        findings.extend(payable_is_receivable(&self.regions, [&standing]));
        findings.extend(a_closed_period_is_unchanged(&mut self.seen().closed, &standing));
        Ok(findings)
    }

    async fn booked(&self, period: PeriodNumber) -> Result<Owed> {
        let known = self.seen().booked.get(&period).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let mut booked = Owed::new();
        for turn in verify::journal(&self.store).await?.iter().filter(|turn| turn.period == period) {
            *booked.entry(pools_of(turn)?).or_default() += turn.funds() + turn.account();
        }
        self.seen().booked.insert(period, booked.clone());
        Ok(booked)
    }

    fn rules(&self) -> clears::Rules<'_> {
        clears::Rules { regions: Some(&*self.regions), calendar: Some(&**self.clearing.calendar()) }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn texts(findings: Vec<Finding>) -> Vec<String> {
    findings.iter().map(ToString::to_string).collect()
}
