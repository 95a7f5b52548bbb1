//! What must hold of a simulated month once it is closed. Each check is a sentence, and says what is wrong where it is not
//! true.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use clearing::cleared::{Cleared, sum};
use clearing::obligation::Sums;
use clearing::period::Pair;
use jiff::civil::Date;
use ledger::hub::{HubStore, PeriodNumber};
use ledger::leaves::Scope;
use settlement::ids::{MemberCode, RegionCode};
use settlement::money::Money;

use super::course::{Course, PERIOD};
use super::hub::Simulated;

/// A sentence, and what is wrong with it; nothing where it is true.
pub struct Check {
    /// What must hold.
    pub sentence: &'static str,
    /// Why it does not.
    pub wrong: Option<String>,
}

/// What members owe and are owed, as each of them sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sides {
    /// What home members see that they pay.
    pub payable: Money,
    /// What treatment members see that they receive.
    pub receivable: Money,
}

/// Asks every member, through its own certificate.
///
/// # Errors
/// When the hub refuses.
pub async fn sides(simulated: &Simulated, month: &str) -> Result<Sides> {
    let (mut payable, mut receivable) = (Money::ZERO, Money::ZERO);
    for member in simulated.members() {
        for pair in simulated.period(month, Some(member)).await?.pairs {
            if pair.home == member {
                payable += Money::from_fen(pair.due);
            }
            if pair.treatment == member {
                receivable += Money::from_fen(pair.due);
            }
        }
    }
    Ok(Sides { payable, receivable })
}

/// Everything that must hold.
///
/// # Errors
/// When the store fails or the hub refuses.
pub async fn checks(
    simulated: &Simulated,
    (course, sides): (&Course, Sides),
    month: &str,
    days: (Date, Date),
) -> Result<Vec<Check>> {
    let store = simulated.hub.store();
    let period = simulated.period(month, None).await?;
    let mut stated: BTreeMap<Pair, (Money, Cleared)> = BTreeMap::new();
    for view in &period.pairs {
        let member = |code: &str| Ok::<_, anyhow::Error>(MemberCode(RegionCode::new(code)?));
        let pair = Pair { home: member(&view.home)?, treatment: member(&view.treatment)? };
        let lots = store.statement_lots((PERIOD, pair), view.version).await?;
        stated.insert(pair, (Money::from_fen(view.due), sum(&lots)));
    }
    let unproved = period.steps.iter().filter(|step| !step.held).map(|step| step.report.clone()).next();
    let paid = |pair: &proto::v1::PairView| {
        let amount = |payment: &Option<proto::v1::PaymentView>| payment.as_ref().map_or(0, |payment| payment.amount);
        pair.payables
            .iter()
            .all(|payable| [&payable.paid, &payable.received].into_iter().all(|side| amount(side) == payable.due.abs()))
    };
    let unpaid = period.pairs.iter().filter(|pair| !paid(pair)).count();
    Ok(vec![
        check("the month is closed", (period.stage != "closed").then(|| period.stage.clone())),
        check("its sums are proved from the journal", unproved),
        check("what is payable is receivable", (sides.payable != sides.receivable).then(|| format!("{sides:?}"))),
        check("every pair clears what was sent between its members", as_sent(course, &stated)),
        check("what is due is what is booked less what is carried over", as_cleared(&stated)),
        check("what is carried out of the month is carried into the next", carried(store, &stated).await?),
        check("what is due is paid and received", (unpaid > 0).then(|| format!("{unpaid} pairs"))),
        check("every entry of the journal balances", balance(store).await?),
        check("every accepted operation is a leaf", leaves(store, course, days).await?),
    ])
}

fn check(sentence: &'static str, wrong: Option<String>) -> Check {
    Check { sentence, wrong }
}

fn as_sent(course: &Course, stated: &BTreeMap<Pair, (Money, Cleared)>) -> Option<String> {
    let booked: BTreeMap<Pair, Money> =
        stated.iter().map(|(pair, (_, cleared))| (*pair, cleared.booked.owed())).collect();
    let of = |sums: &BTreeMap<Pair, Money>, pair: &Pair| sums.get(pair).copied().unwrap_or_default();
    let mut pairs = booked.keys().chain(course.tally.owed.keys());
    let wrong = pairs.find(|pair| of(&booked, pair) != of(&course.tally.owed, pair))?;
    let (home, treatment) = (wrong.home, wrong.treatment);
    Some(format!("{home} → {treatment}: {} sent, {} booked", of(&course.tally.owed, wrong), of(&booked, wrong)))
}

fn as_cleared(stated: &BTreeMap<Pair, (Money, Cleared)>) -> Option<String> {
    let differs = |(due, cleared): &(Money, Cleared)| *due != cleared.booked.owed() - cleared.carried_out.owed();
    let (pair, (due, cleared)) = stated.iter().find(|(_, held)| differs(held))?;
    Some(format!("{} → {}: {due} due, {} booked", pair.home, pair.treatment, cleared.booked.owed()))
}

async fn carried(store: &HubStore, stated: &BTreeMap<Pair, (Money, Cleared)>) -> Result<Option<String>> {
    let next = store.clearing_movements(PeriodNumber(PERIOD.0 + 1)).await?;
    let (mut out, mut into) = (Sums::default(), Sums::default());
    stated.values().for_each(|(_, cleared)| out += cleared.carried_out);
    next.carried_in.iter().for_each(|(_, sums)| into += sums);
    Ok((out != into).then(|| format!("{} out, {} in", out.owed(), into.owed())))
}

async fn balance(store: &HubStore) -> Result<Option<String>> {
    let (unbalanced, total) = store.journal_balance().await?;
    let sound = unbalanced.is_empty() && total.is_zero();
    Ok((!sound).then(|| format!("{} entries do not, by {total} in all", unbalanced.len())))
}

async fn leaves(store: &HubStore, course: &Course, days: (Date, Date)) -> Result<Option<String>> {
    let days = (days.0, days.1.tomorrow().context("a day beyond any calendar")?);
    let roots = store.leaves().leaf_roots(days, Scope::default()).await?;
    let (found, accepted) = (roots.values().map(|root| root.count).sum::<u64>(), course.tally.accepted());
    Ok((found != accepted).then(|| format!("{found} leaves, {accepted} accepted")))
}
