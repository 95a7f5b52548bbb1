//! Members' offices in a simulated quarter: each day they look at the statements and notices of every period, and
//! confirm, object, keep silent, and pay, each by its habits. One confirms on the last day and once long after it, one
//! objects, and one has the only settlement of a pair carried out, so that its statement comes to nothing.

use anyhow::{Result, anyhow};
use broker::clearing::Standing;
use clearing::month::Month;
use clearing::period::{Pair, Side, Statement};
use jiff::ToSpan as _;
use jiff::civil::Date;
use ledger::hub::{PeriodNumber, Position, Reply};
use settlement::ids::SettlementId;
use settlement::postings::Turn;

use super::country::{ALONE, BY_HAND, CONFIRMS_LATE, MEMBERS, OBJECTS};
use super::nation::Nation;
use super::payments::{Payments, between};

/// More settlements than a lot of a simulated month has.
pub(super) const A_LOT: u32 = 10_000;

/// The offices, and what they remember.
#[derive(Debug, Default)]
pub struct Offices {
    /// What is objected to again each month.
    pub disputed_again: Option<SettlementId>,
    /// What is deducted of it is objected to, after its settlement was cleared.
    pub deducted: Option<SettlementId>,
    /// How many objections there were.
    pub objections: usize,
    /// What became of payments.
    pub payments: Payments,
}

/// What a member does about a statement today.
enum Habit {
    Confirm,
    Object(Vec<SettlementId>),
    Wait,
}

/// A pair's statement in a period, and the side that looks at it.
struct Looked<'a> {
    standing: &'a Standing,
    pair: Pair,
    side: Side,
    statement: Statement,
}

impl Offices {
    /// A day's work, for every period that is not closed.
    ///
    /// # Errors
    /// When the store fails, or something is refused that an office may do.
    pub async fn work(&mut self, nation: &Nation) -> Result<()> {
        for (period, _) in nation.hub().store.clearing_unfinished().await? {
            let Some(standing) = nation.clearing().standing(period).await? else { continue };
            for (pair, held) in &standing.record.pairs {
                let Some(statement) = held.statement.filter(|statement| !statement.is_objected) else { continue };
                for side in Side::ALL.into_iter().filter(|side| !statement.is_confirmed_by(*side)) {
                    self.answer(nation, Looked { standing: &standing, pair: *pair, side, statement }).await?;
                }
                self.payments.work(nation, &standing, *pair).await?;
            }
        }
        Ok(())
    }

    async fn answer(&mut self, nation: &Nation, looked: Looked<'_>) -> Result<()> {
        let reply = match self.habit(nation, &looked).await? {
            Habit::Wait => return Ok(()),
            Habit::Confirm => Reply::Confirmed,
            Habit::Object(settlements) => {
                self.objections += 1;
                if !is_by_hand(looked.pair) && looked.pair != between(ALONE) {
                    self.disputed_again = settlements.first().cloned();
                }
                Reply::Objected { settlements, reason: "不是我方参保人".into() }
            }
        };
        let Looked { standing, pair, side, statement } = looked;
        let place = (standing.period, pair, side);
        let what = if matches!(reply, Reply::Confirmed) { "confirmation" } else { "objection" };
        let by = (pair.member(side).to_string(), nation.now());
        let replied = nation.clearing().reply(place, statement.version, reply, by).await?;
        replied.map_err(|fault| anyhow!("{pair:?} of {}: {fault}", standing.record.month))?;
        nation.watch().acted(standing.period, what).await;
        Ok(())
    }

    async fn habit(&self, nation: &Nation, looked: &Looked<'_>) -> Result<Habit> {
        let Looked { standing, pair, side, statement } = looked;
        let (today, month) = (nation.today(), standing.record.month);
        let rules = nation.calendar().rules(month).clearing.clone();
        let (last, next) = (nation.calendar().schedule(month).confirm_by, statement.issued_on.saturating_add(1.days()));
        if today < next {
            return Ok(Habit::Wait);
        }
        let member = number_of(*pair, *side);
        let objects = statement.version == 1
            && *side == Side::Home
            && (member == Some(OBJECTS) || is_by_hand(*pair) || *pair == between(ALONE));
        if objects {
            let disputed = self.disputed(nation, standing, *pair).await?;
            if !disputed.is_empty() {
                return Ok(Habit::Object(disputed));
            }
        }
        let from = match member {
            Some(CONFIRMS_LATE) if rules.silence_confirms => last,
            Some(CONFIRMS_LATE) => late(month),
            Some(member) if member % 2 == 1 && rules.silence_confirms => return Ok(Habit::Wait),
            Some(_) | None => next,
        };
        Ok(if today >= from { Habit::Confirm } else { Habit::Wait })
    }

    /// What a member objects to: in the first month two settlements of one pair, in each later month the first of these
    /// again; between Sichuan and Chongqing whatever there is; and twice what is deducted of a bill that was cleared before.
    async fn disputed(&self, nation: &Nation, standing: &Standing, pair: Pair) -> Result<Vec<SettlementId>> {
        let first = standing.period == PeriodNumber(1);
        let takes_it_off = [2, 3].contains(&standing.period.0);
        match &self.disputed_again {
            _ if pair == between(ALONE) => Ok(self.deducted.iter().filter(|_| takes_it_off).cloned().collect()),
            _ if is_by_hand(pair) && first => in_force(nation, standing, pair).await,
            _ if is_by_hand(pair) => Ok(vec![]),
            None if first => {
                let theirs = in_force(nation, standing, pair).await?;
                Ok(if theirs.len() >= 3 { theirs.into_iter().take(2).collect() } else { vec![] })
            }
            Some(again) if !first && came(nation, standing, pair, again).await? => Ok(vec![again.clone()]),
            None | Some(_) => Ok(vec![]),
        }
    }
}

/// Whether a settlement was carried into a period, between a pair.
async fn came(nation: &Nation, standing: &Standing, pair: Pair, settlement: &SettlementId) -> Result<bool> {
    let lots = standing.pairs.get(&pair);
    Ok(nation.hub().store.carried_all().await?.iter().any(|entry| {
        entry.posting.settlement == *settlement
            && entry.into == Some(standing.period)
            && lots.is_some_and(|lots| lots.contains_key(&entry.posting.posting.lot))
    }))
}

/// The settlements that a period books for a pair and that are in force in it.
async fn in_force(nation: &Nation, standing: &Standing, pair: Pair) -> Result<Vec<SettlementId>> {
    let mut found = Vec::new();
    for lot in standing.pairs.get(&pair).into_iter().flat_map(|lots| lots.keys()) {
        let postings = nation.hub().store.lot_postings((standing.period, *lot), Position(0), A_LOT).await?;
        let undone =
            |one: &SettlementId| postings.iter().any(|other| other.settlement == *one && other.turn() == Turn::Counter);
        found.extend(postings.iter().map(|posting| &posting.settlement).filter(|one| !undone(one)).cloned());
    }
    Ok(found)
}

/// Long after the last day: the last of the month after the month of clearing's first.
fn late(month: Month) -> Date {
    month.next().last_day()
}

/// Sichuan as the home member, Chongqing as the treatment member.
fn is_by_hand(pair: Pair) -> bool {
    let [chongqing, sichuan] = BY_HAND;
    pair == between([sichuan, chongqing])
}

fn number_of(pair: Pair, side: Side) -> Option<usize> {
    MEMBERS.iter().position(|plan| plan.member() == pair.member(side))
}
