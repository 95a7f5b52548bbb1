//! What must hold after every step of a simulation: everything that `yidi verify` checks on live books, and that the
//! books hold what the desks were told. Whoever looks here stands outside the world: time does not pass meanwhile.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Result;
use ledger::hub::{PeriodNumber, Position};
use proto::{convert, v1};
use settlement::operation::Request;

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

/// Who looks at the books.
pub struct Watch {
    world: Arc<World>,
    stores: Stores,
    seen: Mutex<Seen>,
    beliefs: Mutex<BTreeMap<String, Belief>>,
    ambiguities: AtomicU32,
    elsewhere: Mutex<Elsewhere>,
    closed: Mutex<BTreeMap<PeriodNumber, Vec<Position>>>,
}

/// What was seen when the books were last looked at.
#[derive(Default)]
struct Seen {
    commits: u64,
    checked: Checked,
    standing: BTreeMap<String, bool>,
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
            elsewhere: Mutex::default(),
            closed: Mutex::default(),
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
    pub fn doubt(&self, settlement: &str) -> Belief {
        self.beliefs().insert(settlement.to_owned(), Belief::Unsure).unwrap_or(Belief::Unsure)
    }

    /// A treatment side that is not ours sends an operation.
    pub fn asked_elsewhere(&self, key: &str) {
        self.elsewhere().entry(key.to_owned()).or_default();
    }

    /// It is told the answer.
    pub fn told_elsewhere(&self, key: &str, answer: v1::Answer) {
        self.elsewhere().insert(key.to_owned(), Some(answer));
    }

    /// Periods were cut off up to one, which is open: what is booked in the others is all that ever will be.
    ///
    /// # Errors
    /// When the books cannot be read.
    pub async fn cut_off(&self, open: PeriodNumber) -> Result<()> {
        let closed = self.booked_before(open).await?;
        self.closed.lock().unwrap_or_else(PoisonError::into_inner).insert(open, closed);
        Ok(())
    }

    /// What was booked in periods when they were cut off is what is booked in them now.
    ///
    /// # Errors
    /// When the books cannot be read.
    pub async fn a_closed_period_is_never_changed(&self) -> Result<()> {
        let closed = std::mem::take(&mut *self.closed.lock().unwrap_or_else(PoisonError::into_inner));
        for (open, then) in closed {
            let now = self.booked_before(open).await?;
            if now != then {
                self.found(format!(
                    "a closed period is never changed does not hold before {open}: {then:?}, now {now:?}"
                ));
            }
        }
        Ok(())
    }

    async fn booked_before(&self, open: PeriodNumber) -> Result<Vec<Position>> {
        self.world.context.observe(true);
        let journal = verify::journal(&self.stores.hub).await;
        self.world.context.observe(false);
        Ok(journal?.iter().filter(|turn| turn.period < open).map(|turn| turn.position).collect())
    }

    /// A desk does something that may concern any settlement, also one that is only made meanwhile: until it is done,
    /// nobody can be sure of anything.
    pub fn believe_nothing(&self) -> Ambiguity<'_> {
        self.beliefs().values_mut().for_each(|belief| *belief = Belief::Unsure);
        self.ambiguities.fetch_add(1, Ordering::Relaxed);
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
        let mut seen = std::mem::take(&mut *self.seen());
        let (commits, mut findings) = (self.world.context.commits(), Vec::new());
        if commits != seen.commits {
            let elsewhere = self.elsewhere().clone();
            let found = verify::findings_since(&self.stores, &mut seen.checked, &elsewhere).await?;
            findings.extend(found.iter().map(ToString::to_string));
            (seen.commits, seen.standing) = (commits, standing(&self.stores).await?);
        }
        findings.extend(self.desks_were_told_what_the_books_hold(&seen.standing));
        *self.seen() = seen;
        Ok(findings)
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

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn elsewhere(&self) -> MutexGuard<'_, Elsewhere> {
        self.elsewhere.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn beliefs(&self) -> MutexGuard<'_, BTreeMap<String, Belief>> {
        self.beliefs.lock().unwrap_or_else(PoisonError::into_inner)
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

/// Every settlement that a home region knows, and whether it is in force.
async fn standing(stores: &Stores) -> Result<BTreeMap<String, bool>> {
    let mut standing = BTreeMap::new();
    for (_, home) in &stores.homes {
        standing.extend(home.standing_list().await?);
    }
    Ok(standing)
}
