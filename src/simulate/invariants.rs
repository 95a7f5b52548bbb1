//! What must hold after every step of a simulation: everything that `yidi verify` checks on live books, and that the
//! books hold what the desks were told. Whoever looks here stands outside the world: time does not pass meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Result;
use ledger::hub::{PeriodNumber, Position};
use proto::{convert, v1};
use rust_decimal::Decimal;
use settlement::operation::Request;

use super::mail;
use super::world::World;
use crate::verify::{self, Checked, Elsewhere, Stores};

/// What a desk may believe of a settlement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Belief {
    /// It was told that it is settled, and has done nothing about it since.
    InForce,
    /// It was told that it is undone, and has done nothing about it since.
    TakenBack,
    /// It did something about it, and does not know yet.
    Unsure,
}

/// What was believed of a settlement before somebody began to do something about it.
#[derive(Clone, Copy, Debug)]
pub struct Before {
    belief: Belief,
    /// How many things had begun by then that may concern any settlement.
    begun: u32,
}

/// What a desk was told that a settlement comes to: `medfee_sumamt`, `fund_pay_sumamt`, `acct_pay`, `psn_cash_pay`.
pub type Sums = [Decimal; 4];

/// Who looks at the books.
pub struct Watch {
    world: Arc<World>,
    stores: Stores,
    seen: Mutex<Seen>,
    beliefs: Mutex<BTreeMap<String, Belief>>,
    ambiguities: AtomicU32,
    ambiguities_begun: AtomicU32,
    elsewhere: Mutex<Elsewhere>,
    /// Message ids of settles that were refused for good.
    refused: Mutex<BTreeSet<String>>,
    /// What desks were told and nobody has compared yet.
    told: Mutex<Vec<(String, Sums)>>,
}

/// What was seen when the books were last looked at.
#[derive(Default)]
struct Seen {
    commits: u64,
    checked: Checked,
    standing: BTreeMap<String, bool>,
    /// What lies in periods that are cut off.
    closed: BTreeMap<PeriodNumber, Vec<Position>>,
}

impl Watch {
    /// Somebody who looks at a world's books.
    ///
    /// # Errors
    /// When they cannot be opened.
    pub fn new(world: Arc<World>) -> Result<Arc<Watch>> {
        let stores = world.stores()?;
        Ok(Arc::new(Watch {
            world,
            stores,
            seen: Mutex::default(),
            beliefs: Mutex::default(),
            ambiguities: AtomicU32::new(0),
            ambiguities_begun: AtomicU32::new(0),
            elsewhere: Mutex::default(),
            refused: Mutex::default(),
            told: Mutex::default(),
        }))
    }

    /// The books, for whoever stands outside the world.
    pub fn stores(&self) -> &Stores {
        &self.stores
    }

    /// A step was taken: everything must hold.
    pub async fn step(&self) {
        self.world.context.record.step();
        if self.is_over() {
            return;
        }
        self.world.context.observe(true);
        let found = self.look().await;
        self.world.context.observe(false);
        match found {
            Ok(findings) => findings.into_iter().for_each(|finding| self.found(finding)),
            Err(fault) => self.found(format!("the books can be read does not hold: {fault:#}")),
        }
    }

    /// Notes what should not be. The run is over then.
    pub fn found(&self, finding: String) {
        self.world.context.record.finding(finding);
    }

    /// Whether something was found.
    pub fn is_over(&self) -> bool {
        self.world.context.record.has_findings()
    }

    /// A desk was told something of a settlement.
    pub fn believe(&self, settlement: &str, belief: Belief) {
        let belief = if self.ambiguities.load(Ordering::Relaxed) > 0 { Belief::Unsure } else { belief };
        self.beliefs().insert(settlement.to_owned(), belief);
    }

    /// Somebody begins to do something about a settlement; what was believed of it before.
    pub fn doubt(&self, settlement: &str) -> Before {
        let belief = self.beliefs().insert(settlement.to_owned(), Belief::Unsure).unwrap_or(Belief::Unsure);
        Before { belief, begun: self.ambiguities_begun.load(Ordering::Relaxed) }
    }

    /// What somebody began to do about a settlement was refused: it stands as before, unless something began meanwhile
    /// that may concern any settlement.
    pub fn as_before(&self, settlement: &str, before: Before) {
        if before.begun == self.ambiguities_begun.load(Ordering::Relaxed) {
            self.believe(settlement, before.belief);
        }
    }

    /// A desk was told what a settlement comes to.
    pub fn told(&self, settlement: &str, sums: Sums) {
        lock(&self.told).push((settlement.to_owned(), sums));
    }

    /// A settle of this message id, which no other message has, was refused for good.
    pub fn refused(&self, message: &str) {
        lock(&self.refused).insert(message.to_owned());
    }

    /// A treatment side that is not ours sends an operation.
    pub fn asked_elsewhere(&self, key: &str) {
        lock(&self.elsewhere).entry(key.to_owned()).or_default();
    }

    /// It is told the answer.
    pub fn told_elsewhere(&self, key: &str, answer: v1::Answer) {
        lock(&self.elsewhere).insert(key.to_owned(), Some(answer));
    }

    /// A desk does something that may concern any settlement, also one that is only made meanwhile: until it is done,
    /// nobody can be sure of anything.
    pub fn believe_nothing(&self) -> Ambiguity<'_> {
        self.beliefs().values_mut().for_each(|belief| *belief = Belief::Unsure);
        self.ambiguities.fetch_add(1, Ordering::Relaxed);
        self.ambiguities_begun.fetch_add(1, Ordering::Relaxed);
        Ambiguity(&self.ambiguities)
    }

    /// A desk was told at last what is in force of a visit.
    ///
    /// # Errors
    /// When the books cannot be read.
    pub async fn last_answer(&self, visit: &str, told: Option<String>) -> Result<()> {
        self.world.context.observe(true);
        let held = self.in_force(visit).await;
        self.world.context.observe(false);
        let held = held?;
        let agrees = told.as_ref().map_or(held.is_empty(), |told| held.contains(told));
        if !agrees {
            let what = "a desk that asks is told what the books hold does not hold for";
            self.found(format!("{what} visit {visit}: told {told:?}, in force at home: {held:?}"));
        }
        Ok(())
    }

    /// What is in force of a visit.
    async fn in_force(&self, visit: &str) -> Result<Vec<String>> {
        let stores = &self.stores;
        let standing = standing(stores).await?;
        let mut in_force = Vec::new();
        for record in verify::records(&stores.hub).await? {
            let operation = convert::read_operation(&record.bytes)?;
            if let Request::Settle(settle) = &operation.request
                && settle.encounter.id.as_str() == visit
                && standing.get(settle.settlement.as_str()) == Some(&true)
            {
                in_force.push(settle.settlement.to_string());
            }
        }
        Ok(in_force)
    }

    async fn look(&self) -> Result<Vec<String>> {
        let mut seen = std::mem::take(&mut *lock(&self.seen));
        let (commits, mut findings) = (self.world.context.commits(), Vec::new());
        if commits != seen.commits {
            let elsewhere = lock(&self.elsewhere).clone();
            let found = verify::findings_since(&self.stores, &mut seen.checked, &elsewhere).await?;
            findings.extend(found.iter().map(ToString::to_string));
            (seen.commits, seen.standing) = (commits, standing(&self.stores).await?);
            findings.extend(a_closed_period_is_never_changed(&self.stores, &mut seen.closed).await?);
            findings.extend(self.what_was_refused_has_no_effect(&seen.standing).await?);
            findings.extend(mail::what_is_acknowledged_is_kept(&self.stores).await?);
        }
        findings.extend(self.desks_were_told_what_the_books_hold(&seen.standing));
        findings.extend(self.desks_were_told_what_settlements_come_to().await?);
        *lock(&self.seen) = seen;
        Ok(findings)
    }

    async fn what_was_refused_has_no_effect(&self, standing: &BTreeMap<String, bool>) -> Result<Vec<String>> {
        let refused = lock(&self.refused).clone();
        let mut findings = Vec::new();
        if refused.is_empty() {
            return Ok(findings);
        }
        for record in verify::records(&self.stores.hub).await? {
            let operation = convert::read_operation(&record.bytes)?;
            if let Request::Settle(settle) = &operation.request
                && refused.contains(operation.key.message.as_str())
                && standing.get(settle.settlement.as_str()) == Some(&true)
            {
                let what = "what a desk saw refused has no effect does not hold for";
                findings.push(format!("{what} message {}: {} is in force", operation.key.message, settle.settlement));
            }
        }
        Ok(findings)
    }

    async fn desks_were_told_what_settlements_come_to(&self) -> Result<Vec<String>> {
        let told = std::mem::take(&mut *lock(&self.told));
        if told.is_empty() {
            return Ok(Vec::new());
        }
        let held = verify::sums_held(&self.stores.hub).await?;
        let differing = told.into_iter().filter(|(settlement, sums)| held.get(settlement) != Some(sums));
        let what = "a desk was told what a settlement comes to does not hold for";
        Ok(differing
            .map(|(settlement, sums)| format!("{what} {settlement}: told {sums:?}, held {:?}", held.get(&settlement)))
            .collect())
    }

    fn desks_were_told_what_the_books_hold(&self, standing: &BTreeMap<String, bool>) -> Vec<String> {
        let beliefs = self.beliefs();
        let differing = beliefs.iter().filter_map(|(settlement, belief)| {
            let held = standing.get(settlement).copied();
            let agrees = match belief {
                Belief::InForce => held == Some(true),
                Belief::TakenBack => held != Some(true),
                Belief::Unsure => true,
            };
            let what = "a desk was told what the books hold does not hold for";
            (!agrees).then(|| format!("{what} settlement {settlement}: told {belief:?}, in force at home: {held:?}"))
        });
        differing.collect()
    }

    fn beliefs(&self) -> MutexGuard<'_, BTreeMap<String, Belief>> {
        lock(&self.beliefs)
    }
}

/// While this lives, something is under way that may concern any settlement.
#[must_use]
pub struct Ambiguity<'a>(&'a AtomicU32);

impl Drop for Ambiguity<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What is booked in a period when it is first seen cut off is all that is ever booked in it.
async fn a_closed_period_is_never_changed(
    stores: &Stores,
    closed: &mut BTreeMap<PeriodNumber, Vec<Position>>,
) -> Result<Vec<String>> {
    let open = stores.hub.period_open().await?.number;
    let mut now: BTreeMap<PeriodNumber, Vec<Position>> = BTreeMap::new();
    for turn in verify::journal(&stores.hub).await? {
        now.entry(turn.period).or_default().push(turn.position);
    }
    let mut findings = Vec::new();
    for number in (1..open.0).map(PeriodNumber) {
        let booked = now.remove(&number).unwrap_or_default();
        let then = closed.entry(number).or_insert_with(|| booked.clone());
        if *then != booked {
            findings
                .push(format!("a closed period is never changed does not hold for {number}: {then:?}, now {booked:?}"));
        }
    }
    Ok(findings)
}

fn lock<T>(held: &Mutex<T>) -> MutexGuard<'_, T> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Every settlement that a home region knows, and whether it is in force.
async fn standing(stores: &Stores) -> Result<BTreeMap<String, bool>> {
    let mut standing = BTreeMap::new();
    for (_, home) in &stores.homes {
        standing.extend(home.standing_list().await?);
    }
    Ok(standing)
}
