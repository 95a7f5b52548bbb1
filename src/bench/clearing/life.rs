//! What members do to a month besides settling, so that its clearing finds what months hold: each has a node that is told,
//! has deductions lodged and agreed on, stands apart from its home region in some settlements, and objects to some
//! statements. Done beside the traffic by the hub's own process, for [`super::live`].

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use broker::clearing::Clearing;
use clearing::breaks::{Books, Kind, Proposal};
use clearing::digest::Branch;
use clearing::obligation::Lot;
use clearing::period::Side;
use futures_util::future::try_join_all;
use jiff::Timestamp;
use ledger::hub::{Change, DeductionLodging, FoundBreak, HubStore, LotPosting, Position, Reply};
use ledger::leaves::Scope;
use ledger::mailbox::{Mailbox, Part};
use settlement::adjudication::{Fund, FundShares};
use settlement::money::Money;

use super::month;
use crate::clearing::simulate::course::PERIOD;

/// Of one settlement in so many something is deducted.
const DEDUCTED: i64 = 100;
/// In one in so many the home region's book differs.
const APART: i64 = 500;
/// One pair in so many has its home member object, to one settlement.
const OBJECTING: usize = 20;
/// So many deductions are lodged at once.
const AT_ONCE: usize = 64;
/// An objection names one of the first so many entries of a lot.
const A_PAGE: u32 = 100;
const REASON: &str = "benchmark";

/// Has every pool be served by a node, and some of the folded settlements be deducted from and differ; tells how many.
///
/// # Errors
/// When the store fails.
pub async fn review(store: &HubStore, at: Timestamp) -> Result<String> {
    let lots = store.lot_totals(PERIOD).await?;
    let parts = lots.iter().flat_map(|(lot, _)| [(lot.home, Part::Home), (lot.treatment, Part::Treatment)]);
    for (pool, part) in parts.collect::<BTreeSet<_>>() {
        store.mailboxes().node_note(vec![Mailbox { pool, part }]).await?;
    }
    let mut deducted = 0;
    for some in one_in(store, DEDUCTED).await?.chunks(AT_ONCE) {
        let each = try_join_all(some.iter().map(|posting| deduct(store, posting, at))).await?;
        deducted += each.into_iter().filter(|is_agreed| *is_agreed).count();
    }
    let apart: Vec<FoundBreak> = one_in(store, APART).await?.iter().zip(0..).map(apart).collect();
    let (month, breaks) = (month()?, apart.len());
    store.break_record(Books::HubHome, (month.first_day(), month.last_day()), Scope::default(), apart, at).await?;
    Ok(format!("{deducted} deductions, {breaks} breaks"))
}

/// Has some members object to the newest version of their statements; tells how many did.
///
/// # Errors
/// When the store fails, or nobody is heard.
pub async fn object(store: &HubStore, clearing: &Clearing, at: Timestamp) -> Result<String> {
    let standing = clearing.standing(PERIOD).await?.context("the month has no name")?;
    let mut heard = 0;
    for (pair, lots) in standing.pairs.iter().step_by(OBJECTING) {
        let statement = standing.record.pairs.get(pair).and_then(|held| held.statement);
        let largest = lots.iter().max_by_key(|(_, cleared)| cleared.booked.visits);
        let (Some(statement), Some((lot, _))) = (statement, largest) else { continue };
        let entries = store.lot_postings((PERIOD, *lot), Position(0), A_PAGE).await?;
        let Some(last) = entries.last() else { continue };
        let objection = Reply::Objected { settlements: vec![last.settlement.clone()], reason: REASON.to_owned() };
        let (place, by) = ((PERIOD, *pair, Side::Home), (REASON.to_owned(), at));
        // What was carried out is in no statement any more.
        heard += usize::from(clearing.reply(place, statement.version, objection, by).await?.is_ok());
    }
    ensure!(heard > 0 || standing.pairs.is_empty(), "no objection was heard");
    Ok(format!("{heard} objections"))
}

/// One settlement of the month in so many, each lot having its share.
async fn one_in(store: &HubStore, many: i64) -> Result<Vec<LotPosting>> {
    let (mut chosen, mut seen) = (Vec::new(), 0);
    for (lot, sums) in store.lot_totals(PERIOD).await?.iter() {
        let before = seen / many;
        seen += sums.visits;
        if let Ok(wanted @ 1..) = u32::try_from(seen / many - before) {
            chosen.extend(store.lot_postings((PERIOD, lot), Position(0), wanted).await?);
        }
    }
    Ok(chosen)
}

/// A tenth of what the pool pays is deducted; tells whether anything is. What was undone is not reviewed.
async fn deduct(store: &HubStore, posting: &LotPosting, at: Timestamp) -> Result<bool> {
    let basic = Money::from_fen(posting.posting.sums.funds.of(Fund::Basic).fen() / 10);
    if basic <= Money::ZERO {
        return Ok(false);
    }
    let mut deducted = FundShares::default();
    deducted.set(Fund::Basic, basic);
    let (id, settlement, by) =
        (format!("review {}", posting.settlement), posting.settlement.clone(), || (REASON.to_owned(), at));
    let lodging = DeductionLodging { id: id.clone(), settlement, deducted, reason: REASON.to_owned() };
    if store.deduction_lodge(lodging, by()).await?.is_err() {
        return Ok(false);
    }
    store.deduction_change(id, Change::Agree(deducted, String::new()), by()).await?.context("it is not agreed on")?;
    Ok(true)
}

/// The home region's book has a yuan more of it.
fn apart((LotPosting { settlement, day, posting, .. }, place): (&LotPosting, u64)) -> FoundBreak {
    let (Lot { home, treatment, .. }, sums) = (posting.lot, posting.sums);
    FoundBreak {
        branch: Branch { day: *day, home, treatment },
        place,
        operation: settlement.to_string(),
        kind: Kind::AmountDiffers,
        settlement: settlement.clone(),
        outer: (sums.total, sums.owed()),
        inner: (sums.total, sums.owed() + Money::from_yuan(1)),
        proposed: Proposal::Investigate,
    }
}
