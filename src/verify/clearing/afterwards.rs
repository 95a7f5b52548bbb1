//! That what is taken off settlements and added to them after they were booked counts once, where they do and as long as
//! they do; and that prefunds are paid as they were changed. Each check is named as the sentence that must hold. Called by
//! [`super::findings`].

use std::collections::BTreeMap;

use anyhow::Result;
use clearing::calendar::Calendar;
use ledger::hub::{Afterwards, HubStore, Misposted, MovedPosting, PeriodNumber};
use settlement::finding::Finding;

use super::counted::{Way, by_posting, place};
use super::{Limits, finding, of};

/// A deduction has a posting for each time that it was agreed on or given back after that, of these sums, and no other.
///
/// # Errors
/// When the book cannot be read.
pub async fn deductions_are_posted_as_they_happen(hub: &HubStore) -> Result<Vec<Finding>> {
    let told = hub.deduction_misposted().await?.into_iter().map(|(deduction, how)| {
        let invariant = "deductions are posted as they happen";
        finding(invariant, subject(Afterwards::Deduction, &deduction), why(how).into())
    });
    Ok(told.collect())
}

/// A correction has postings once its batch is in force, and not before; they give what it changes and take it back by
/// turns.
///
/// # Errors
/// When the book cannot be read.
pub async fn corrections_are_posted_once_their_batch_is_in_force(hub: &HubStore) -> Result<Vec<Finding>> {
    let told = hub.correction_misposted().await?.into_iter().map(|(correction, how)| {
        let invariant = "corrections are posted once their batch is in force";
        finding(invariant, subject(Afterwards::Correction, &correction), why(how).into())
    });
    Ok(told.collect())
}

/// What counts of a deduction or a correction counts only while its settlement is in force, and counts again when that is
/// brought back. Clearing has both follow their settlements each time, after it folds the journal. What is not folded
/// nobody can have followed yet; whoever folds notes what turned, and what is noted will follow in clearing's next round.
///
/// # Errors
/// When the book cannot be read.
pub async fn what_is_posted_stands_only_while_its_settlement_does(hub: &HubStore) -> Result<Vec<Finding>> {
    let apart = hub.posting_apart().await?.into_iter().filter(|apart| !apart.is_awaited);
    let told = apart.map(|apart| {
        let position = apart.newest.0;
        let problem = if apart.is_in_force {
            format!("its settlement is in force since position {position}, and it does not count")
        } else {
            format!("its settlement is undone by position {position}, and it counts")
        };
        let invariant = "what is posted stands only while its settlement stands";
        finding(invariant, subject(apart.of, &apart.id), problem)
    });
    Ok(told.collect())
}

/// What is posted of deductions and corrections goes out of a period only where it was posted or has come, and into a later
/// one or onto the list; so it counts in one place, or in none where it is returned from there.
///
/// # Errors
/// When the book cannot be read.
pub async fn what_is_posted_leaves_a_period_only_where_it_was(hub: &HubStore) -> Result<Vec<Finding>> {
    let invariant = "what is posted leaves a period only where it was";
    let mut findings = Vec::new();
    for ((kind, id, step), moves) in by_posting(hub.posting_moves().await?) {
        let which = || format!("{}, posting {step}", subject(kind, &id));
        let posted = moves.first().and_then(|first| first.posted);
        let Way { went, astray } = Way::follow(posted, moves);
        for MovedPosting { from, into, .. } in went {
            if into <= from && !MovedPosting::is_list(into) {
                findings.push(finding(invariant, which(), format!("it went out of {from} into {into}")));
            }
        }
        // What is left does not follow from where it was posted.
        for MovedPosting { from, into, .. } in astray {
            let problem = format!("it left {} for {}, and was never there", place(from), place(into));
            findings.push(finding(invariant, which(), problem));
        }
    }
    Ok(findings)
}

/// What is posted and counts in no period is on the list: by itself, or with its settlement.
///
/// # Errors
/// When the book cannot be read.
pub async fn what_is_posted_counts_or_is_listed(hub: &HubStore) -> Result<Vec<Finding>> {
    let told = hub.posting_unlisted().await?.into_iter().map(|(of, id, step)| {
        let problem = "it counts in no period, and nobody finds it on the list".to_owned();
        finding("what is posted counts or is listed", format!("{}, posting {step}", subject(of, &id)), problem)
    });
    Ok(told.collect())
}

/// What builds on what waits on the list by itself waits there with it: a correction that takes another back, or is worked
/// out from it, and what is given back of either.
///
/// # Errors
/// When the book cannot be read.
pub async fn what_builds_on_what_is_listed_waits_with_it(hub: &HubStore) -> Result<Vec<Finding>> {
    let told = hub.posting_ahead().await?.into_iter().map(|(of, id, step)| {
        let problem = "it counts already, and what it builds on waits on the list".to_owned();
        let which = format!("{}, posting {step}", subject(of, &id));
        finding("what builds on what is listed waits with it", which, problem)
    });
    Ok(told.collect())
}

/// What is posted is carried over, with its settlement or by itself, at most as often and as far as the calendar of its month
/// says.
///
/// # Errors
/// When the book cannot be read.
pub async fn nothing_posted_is_carried_more_often_than_the_calendar_says(
    hub: &HubStore,
    calendar: &Calendar,
) -> Result<Vec<Finding>> {
    let mut ways: BTreeMap<(Afterwards, String, i64), (PeriodNumber, Vec<PeriodNumber>)> = BTreeMap::new();
    for moved in hub.posting_moves().await? {
        // What two people have cleared from the list goes where they say.
        let is_carried = ![moved.from, moved.into].into_iter().any(MovedPosting::is_list);
        if let Some(posted) = moved.posted.filter(|_| is_carried) {
            let way = ways.entry((moved.of, moved.id, moved.step)).or_insert_with(|| (posted, Vec::new()));
            way.1.push(moved.into);
        }
    }
    let mut limits = Limits::of(hub, calendar);
    let mut findings = Vec::new();
    for ((of, id, step), (posted, into)) in ways {
        if let Some(problem) = limits.broken(posted, &into).await? {
            let invariant = "nothing posted is carried more often than the calendar says";
            findings.push(finding(invariant, format!("{}, posting {step}", subject(of, &id)), problem));
        }
    }
    Ok(findings)
}

/// What either side recorded of a prefund's payment is what the change asks for, whoever pays.
///
/// # Errors
/// When the book cannot be read.
pub async fn prefund_payments_are_what_their_changes_ask_for(hub: &HubStore) -> Result<Vec<Finding>> {
    let told = hub.prefund_mispaid().await?.into_iter().map(|mispaid| {
        let (change, paid) = (&mispaid.change, mispaid.paid);
        let problem = match mispaid.asked {
            Some(asked) => format!("{paid} is paid for change {change} of {asked}"),
            None => format!("{paid} is paid for change {change}, which there is not"),
        };
        let prefund = format!("the prefund {} of {} money", of(&mispaid.key.pair), mispaid.key.insurance.word());
        finding("prefund payments are what their changes ask for", prefund, problem)
    });
    Ok(told.collect())
}

fn subject(of: Afterwards, id: &str) -> String {
    format!("{} {id}", of.word())
}

fn why(how: Misposted) -> &'static str {
    match how {
        Misposted::NotPosted => "it takes effect, and nothing of it is posted",
        Misposted::NotInForce => "it is posted, and its batch is not in force",
        Misposted::NoEvent => "it is posted, and nothing happened that takes it off or gives it back",
        Misposted::OtherSums => "what is posted is not what it changes",
    }
}
