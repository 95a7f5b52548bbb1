//! A member's documents of a period, fetched from the hub and written as files.

pub mod fetched;
pub mod given;
pub mod lists;
pub mod notices;
mod older;
mod stale;
pub mod whose;
pub mod writing;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clearing::calendar::PaymentDays;
use clearing::composition::{composition, of_pair};
use clearing::details::{Entry, carried, corrections, deductions, pair_name};
use clearing::document::Document;
use clearing::edition::{by_row, is_to_be_restated, left_out, stamp};
use clearing::month::Month;
use clearing::period::{Pair, PairRecord, Side, Stage};
use clearing::statement::{BankAccount, Pairs, detail, national, of_member, shares};
use jiff::civil::Date;
use proto::v1;
use proto::v1::clearing_client::ClearingClient;
use settlement::ids::{MemberCode, RegionCode};
use settlement::person::Insurance;
use settlement::region::RegionTable;
use tonic::transport::Channel;

use fetched::{BookedAtHub, lots_of, moved, read_named, read_pair};
use given::{read_accounts, read_regions};
use lists::{Booked, Lists};
use notices::{each_receiver_has_an_account, notices};
use whose::Whose;
use writing::Writing;

use crate::output;

/// Which documents, and where names and accounts are found.
pub struct Wanted<'a> {
    /// The member; those of the certificate where none is named.
    pub member: Option<&'a str>,
    /// The regions that the operator's certificate speaks for.
    pub speaks_for: BTreeSet<RegionCode>,
    /// The table of regions.
    pub regions: &'a Path,
    /// Members' bank accounts.
    pub accounts: &'a Path,
    /// Whether the settlements behind each row are listed too.
    pub settlements: bool,
    /// This version of the pairs' statements alone; 0 for all documents of the newest.
    pub version: u32,
}

/// What the pairs of a month clear, and what is recorded of each.
pub struct ClearedMonth {
    /// Which month.
    pub month: Month,
    /// How far its period has come.
    pub stage: Stage,
    /// What each pair clears, lot by lot.
    pub pairs: Pairs,
    /// What is recorded of each pair.
    pub records: BTreeMap<Pair, PairRecord>,
    /// What was carried, deducted and corrected. What was booked is read where lists are written ([`Booked`]).
    pub moved: BTreeMap<Pair, Vec<Entry>>,
    /// By when notices are submitted and paid, where they are out and the calendar says it.
    pub deadlines: BTreeMap<Pair, PaymentDays>,
    /// The day that the documents bear.
    pub made_on: Date,
}

/// What was written.
#[derive(Debug)]
pub struct Written {
    /// The workbooks of the documents.
    pub files: Vec<PathBuf>,
    /// Whether every list comes to its row.
    pub lists_agree: bool,
}

/// Fetches what a period's pairs clear, and writes the documents into a folder of the period, named by its month, so that
/// those of another stay beside it.
///
/// # Errors
/// When a member is asked for whom the certificate does not speak for or who is none, the hub is not to be reached, or a
/// file cannot be read or written.
pub async fn write(
    client: &mut ClearingClient<Channel>,
    period: &v1::PeriodView,
    wanted: &Wanted<'_>,
    out: &Path,
) -> Result<Written> {
    let month = Month::from_text(&period.month).context("the hub tells of no month")?;
    let stage = Stage::ALL.into_iter().find(|stage| stage.word() == period.stage);
    let stage = stage.with_context(|| format!("the hub's answer: {} is no stage of a period", period.stage))?;
    let regions = read_regions(wanted.regions)?;
    let whose = Whose::of(&wanted.speaks_for, wanted.member, &regions)?;
    let out = &out.join(month.to_string());
    if wanted.version > 0 {
        let files = older::write(client, (period, month), wanted.version, (&whose, &regions), out).await?;
        return Ok(Written { files, lists_agree: true });
    }
    let accounts = read_accounts(wanted.accounts)?;
    let (mut pairs, mut records, mut behind) = (Pairs::new(), BTreeMap::new(), BTreeMap::new());
    let mut deadlines = BTreeMap::new();
    for view in &period.pairs {
        let (pair, record) = read_pair(view)?;
        let lots = lots_of(client, period, view, view.version).await?;
        // What is behind the next version is not behind this one.
        if !is_to_be_restated(&record) {
            behind.insert(pair, moved(client, &period.month, &pair).await?);
        }
        pairs.insert(pair, lots);
        records.insert(pair, record);
        if let (Ok(submit_by), Ok(pay_by)) = (view.submit_by.parse(), view.pay_by.parse()) {
            deadlines.insert(pair, PaymentDays { submit_by, pay_by });
        }
    }
    // What only came and went leaves nothing to state, and is told all the same.
    for named in &period.nothing_left {
        let pair = read_named(named)?;
        let entries = moved(client, &period.month, &pair).await?;
        if !entries.is_empty() {
            behind.insert(pair, entries);
        }
    }
    let made_on = made_on(period).unwrap_or_else(|| month.last_day());
    let cleared = ClearedMonth { month, stage, pairs, records, moved: behind, deadlines, made_on };
    let mut booked = BookedAtHub { client, month: &period.month };
    write_all(&cleared, &whose, wanted.settlements.then_some(&mut booked), (&regions, &accounts), out).await
}

/// Writes a month's documents: the national table where everything is seen, and those of some members, or of all that
/// cleared anything; with the lists of the settlements behind each row, if what was booked is given to be read. What an
/// earlier run wrote into the folder goes once that is read. Beside each workbook lies the same document as a table and as
/// a page. A list that does not come to its row is noted. What is objected to has no lists until it is stated again.
///
/// # Errors
/// When a member who receives has no account, which is found before anything is written; when what was booked cannot be
/// read, a document does not add up, or a file cannot be written.
pub async fn write_all(
    cleared: &ClearedMonth,
    whose: &Whose,
    booked: Option<&mut impl Booked>,
    (regions, accounts): (&RegionTable, &BTreeMap<String, BankAccount>),
    out: &Path,
) -> Result<Written> {
    let ClearedMonth { month, stage: _, pairs, records, moved, deadlines: _, made_on } = cleared;
    let all = || pairs.keys().chain(moved.keys()).flat_map(|pair| [pair.home, pair.treatment]).collect();
    let members: BTreeSet<MemberCode> = whose.members.clone().unwrap_or_else(all);
    each_receiver_has_an_account(records, &members, accounts)?;
    stale::clear_unfinished(out)?;
    let lists = match booked {
        Some(booked) => Some(Lists::write(out, cleared, booked, regions).await?),
        None => None,
    };
    stale::clear(out)?;
    let (month, mut writing, mut lists_agree) = (*month, Writing::new(*made_on), true);
    if let Some(lists) = lists {
        for (row, [listed, stated]) in lists.differing(pairs) {
            output::note(&format!(
                "{row}.xlsx comes to {listed} and its row to {stated}: it was read at another moment"
            ));
            lists_agree = false;
        }
        writing.lists = lists.put(out)?;
    }
    if whose.is_national {
        let paper = stamped(cleared, |_| true, regions, national(month, pairs, regions));
        writing.save(out, stale::LISTS, vec![paper])?;
    }
    for member in members {
        let folder = out.join(member.to_string());
        writing.save(&folder, "../details", papers_of(cleared, member, regions))?;
        let own = pairs.iter().filter(|(pair, _)| [pair.home, pair.treatment].contains(&member));
        for (pair, lots) in own {
            let paper = stamped(cleared, |other| other == pair, regions, of_pair(month, pair, lots, regions));
            writing.save(&folder.join(pair_name(pair)), "../../details", vec![paper])?;
        }
        notices(&mut writing, &folder, member, (cleared, accounts), regions)?;
    }
    Ok(Written { files: writing.files, lists_agree })
}

/// Every statement and detail of a member, each with its stamp.
fn papers_of(cleared: &ClearedMonth, member: MemberCode, regions: &RegionTable) -> Vec<Document> {
    let ClearedMonth { month, stage: _, pairs, records: _, moved, deadlines: _, made_on: _ } = cleared;
    let month = *month;
    let mut papers = Vec::new();
    for side in Side::ALL {
        let stamped = |paper| stamped(cleared, |pair| pair.member(side) == member, regions, paper);
        papers.push(stamped(of_member(month, member, side, pairs, regions)));
        papers.push(stamped(composition(month, member, side, pairs, regions)));
    }
    let of_home = |paper| stamped(cleared, |pair| pair.home == member, regions, paper);
    papers.extend(Insurance::ALL.map(|insurance| of_home(detail(month, member, insurance, pairs, regions))));
    papers.push(of_home(shares(month, member, pairs, regions)));
    let is_own = |pair: &Pair| [pair.home, pair.treatment].contains(&member);
    let left_out = left_out(cleared.records.iter().filter(|(pair, _)| is_own(pair)), regions);
    let of_both = |mut paper: Document| {
        paper.about.extend(left_out.clone().map(|pairs| ("未列明细".to_owned(), pairs)));
        stamped(cleared, is_own, regions, paper)
    };
    papers.push(of_both(carried(month, member, moved, regions)));
    papers.push(of_both(deductions(month, member, moved, regions)));
    papers.push(of_both(corrections(month, member, moved, regions)));
    papers
}

/// A document with the stamp of the pairs that it is about.
fn stamped(
    cleared: &ClearedMonth,
    is_about: impl Fn(&Pair) -> bool,
    regions: &RegionTable,
    paper: Document,
) -> Document {
    let own = cleared.records.iter().filter(|(pair, _)| is_about(pair));
    by_row(Document { stamp: stamp(cleared.stage, own, regions), ..paper }, &cleared.records)
}

/// The newest statement's day: what was stated that day is written the same whenever it is fetched.
fn made_on(period: &v1::PeriodView) -> Option<Date> {
    period.pairs.iter().filter_map(|pair| pair.issued_on.parse().ok()).max()
}
