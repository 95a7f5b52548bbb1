//! A member's documents of a period, fetched from the hub and written as files.

mod older;
mod stale;
pub mod whose;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, ensure};
use clearing::calendar::PaymentDays;
use clearing::cleared::Cleared;
use clearing::composition::{composition, of_pair};
use clearing::details::{Entry, Movement, behind, carried, corrections, deductions, pair_name, rows_of};
use clearing::document::Document;
use clearing::edition::{by_row, stamp, standing_of_money};
use clearing::month::Month;
use clearing::obligation::Lot;
use clearing::payment::{Acceptance, Payable, Payment, Records};
use clearing::period::{Pair, PairRecord, Side, Stage, Statement};
use clearing::review::Objection;
use clearing::statement::{BankAccount, Pairs, detail, national, notice, of_member, shares};
use jiff::civil::Date;
use proto::convert::cleared::{read_cleared, read_funds, read_named_lot, read_payment, read_sums, write_lot};
use proto::v1;
use proto::v1::clearing_client::ClearingClient;
use region::sheet::{Faults, Sheet};
use settlement::ids::{InstitutionCode, MemberCode, RegionCode, SettlementId};
use settlement::money::Money;
use settlement::person::Insurance;
use settlement::postings::Turn;
use settlement::region::RegionTable;
use tonic::transport::Channel;

use self::whose::Whose;
use super::A_PAGE;

use crate::status;

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
    /// The settlements behind figures: at least what was carried, deducted and corrected.
    pub entries: BTreeMap<Pair, Vec<Entry>>,
    /// By when notices are submitted and paid, where they are out and the calendar says it.
    pub deadlines: BTreeMap<Pair, PaymentDays>,
    /// The day that the documents bear.
    pub made_on: Date,
}

/// Fetches what a period's pairs clear, and writes the documents; tells the workbooks.
///
/// # Errors
/// When a member is asked for whom the certificate does not speak for or who is none, the hub is not to be reached, or a
/// file cannot be read or written.
pub async fn write(
    client: &mut ClearingClient<Channel>,
    period: &v1::PeriodView,
    wanted: &Wanted<'_>,
    out: &Path,
) -> Result<Vec<PathBuf>> {
    let month = Month::from_text(&period.month).context("the hub tells of no month")?;
    let stage = Stage::ALL.into_iter().find(|stage| stage.word() == period.stage);
    let stage = stage.with_context(|| format!("the hub's answer: {} is no stage of a period", period.stage))?;
    let regions = read_regions(wanted.regions)?;
    let whose = Whose::of(&wanted.speaks_for, wanted.member, &regions)?;
    if wanted.version > 0 {
        return older::write(client, (period, month), wanted.version, (&whose, &regions), out).await;
    }
    let accounts = read_accounts(wanted.accounts)?;
    let (mut pairs, mut records, mut entries) = (Pairs::new(), BTreeMap::new(), BTreeMap::new());
    let mut deadlines = BTreeMap::new();
    for view in &period.pairs {
        let (pair, record) = read_pair(view)?;
        let lots = lots_of(client, period, view, view.version).await?;
        let mut behind = moved(client, period, view).await?;
        if wanted.settlements {
            behind.extend(booked(client, period, lots.keys()).await?);
        }
        entries.insert(pair, behind);
        pairs.insert(pair, lots);
        records.insert(pair, record);
        if let (Ok(submit_by), Ok(pay_by)) = (view.submit_by.parse(), view.pay_by.parse()) {
            deadlines.insert(pair, PaymentDays { submit_by, pay_by });
        }
    }
    let made_on = made_on(period).unwrap_or_else(|| month.last_day());
    let cleared = ClearedMonth { month, stage, pairs, records, entries, deadlines, made_on };
    write_all(&cleared, &whose, wanted.settlements, (&regions, &accounts), out)
}

/// Writes a month's documents: the national table where everything is seen, and those of some members, or of all that
/// cleared anything; with the lists of the settlements behind each row, if they are wanted. What an earlier run wrote into
/// the folder goes first. Tells the workbooks; beside each lies the same document as a table and as a page.
///
/// # Errors
/// When a member who receives has no account, which is found before anything is written; when a document does not add
/// up, or a file cannot be written.
pub fn write_all(
    cleared: &ClearedMonth,
    whose: &Whose,
    lists: bool,
    (regions, accounts): (&RegionTable, &BTreeMap<String, BankAccount>),
    out: &Path,
) -> Result<Vec<PathBuf>> {
    let ClearedMonth { month, stage: _, pairs, records, entries, deadlines: _, made_on } = cleared;
    let all = || pairs.keys().flat_map(|pair| [pair.home, pair.treatment]).collect();
    let members: BTreeSet<MemberCode> = whose.members.clone().unwrap_or_else(all);
    each_receiver_has_an_account(records, &members, accounts)?;
    stale::clear(out)?;
    let (month, mut writing) = (*month, Writing::new(*made_on));
    if lists {
        writing.lists(out, month, entries, regions)?;
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
    Ok(writing.files)
}

/// Every statement and detail of a member, each with its stamp.
fn papers_of(cleared: &ClearedMonth, member: MemberCode, regions: &RegionTable) -> Vec<Document> {
    let ClearedMonth { month, stage: _, pairs, records: _, entries, deadlines: _, made_on: _ } = cleared;
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
    let of_both = |paper| stamped(cleared, |pair| [pair.home, pair.treatment].contains(&member), regions, paper);
    papers.push(of_both(carried(month, member, entries, regions)));
    papers.push(of_both(deductions(month, member, entries, regions)));
    papers.push(of_both(corrections(month, member, entries, regions)));
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

/// What notices are for: an insurance's money of a pair, and who receives it.
struct Noticed<'a> {
    pair: &'a Pair,
    held: &'a PairRecord,
    insurance: Insurance,
    receiver: MemberCode,
}

/// Which pairs have notices, of whose money, and who receives by them.
fn receivers(records: &BTreeMap<Pair, PairRecord>) -> impl Iterator<Item = Noticed<'_>> {
    let noticed = records.iter().filter(|(_, held)| held.noticed_on.is_some());
    noticed.flat_map(|(pair, held)| {
        held.to_be_paid().filter_map(move |(insurance, payable)| {
            Some(Noticed { pair, held, insurance, receiver: pair.member(payable.receiver()?) })
        })
    })
}

/// A notice that does not say where the money goes to is of no use to who pays by it.
fn each_receiver_has_an_account(
    records: &BTreeMap<Pair, PairRecord>,
    members: &BTreeSet<MemberCode>,
    accounts: &BTreeMap<String, BankAccount>,
) -> Result<()> {
    let wanted = receivers(records).filter(|of| Side::ALL.iter().any(|side| members.contains(&of.pair.member(*side))));
    accounts_of(wanted.map(|of| of.receiver), accounts)
}

/// Checks that each who receives has an account.
///
/// # Errors
/// Those who have none.
pub fn accounts_of(
    receivers: impl Iterator<Item = MemberCode>,
    accounts: &BTreeMap<String, BankAccount>,
) -> Result<()> {
    let receivers: BTreeSet<String> = receivers.map(|receiver| receiver.to_string()).collect();
    let lacking: Vec<String> = receivers.into_iter().filter(|receiver| !accounts.contains_key(receiver)).collect();
    ensure!(
        lacking.is_empty(),
        "no bank account of {}, which receives money by these notices: add a row member,name,bank,number to the file of accounts (--accounts)",
        lacking.join(", ")
    );
    Ok(())
}

/// One file for each pair and insurance, so that each notice can be sent by itself. Two members may be two pairs, and where one of them
/// gives back, the same one pays in both.
fn notices(
    writing: &mut Writing,
    folder: &Path,
    member: MemberCode,
    (cleared, accounts): (&ClearedMonth, &BTreeMap<String, BankAccount>),
    regions: &RegionTable,
) -> Result<()> {
    let own = receivers(&cleared.records).filter(|of| [of.pair.home, of.pair.treatment].contains(&member));
    for Noticed { pair, held, insurance, receiver } in own {
        let account = accounts.get(&receiver.to_string()).cloned().unwrap_or_default();
        let mut paper = notice(cleared.month, (pair, held, insurance), receiver != member, &account, regions);
        if let Some(paper) = &mut paper {
            stamp_notice(paper, held.payables.of(insurance), cleared.deadlines.get(pair));
        }
        writing.save(&folder.join(pair_name(pair)), "", paper.into_iter().collect())?;
    }
    Ok(())
}

/// What a notice says of itself: how its own insurance's money stands, and by when it is submitted to finance and paid.
fn stamp_notice(paper: &mut Document, payable: &Payable, days: Option<&PaymentDays>) {
    let day = |of: fn(&PaymentDays) -> Date| days.map_or_else(|| "日历未列".to_owned(), |days| of(days).to_string());
    let told = [
        ("状态", standing_of_money(payable).to_owned()),
        ("提交财政期限", day(|days| days.submit_by)),
        ("拨付期限", day(|days| days.pay_by)),
    ];
    let is_edition = |(what, _): &(String, String)| ["清算表版本", "通知日期"].contains(&what.as_str());
    (paper.stamp.told, paper.about) = std::mem::take(&mut paper.about).into_iter().partition(is_edition);
    paper.stamp.told.extend(told.map(|(what, text)| (what.to_owned(), text)));
}

async fn lots_of(
    client: &mut ClearingClient<Channel>,
    period: &v1::PeriodView,
    view: &v1::PairView,
    version: u32,
) -> Result<BTreeMap<Lot, Cleared>> {
    let (month, home, treatment) = (period.month.clone(), view.home.clone(), view.treatment.clone());
    let asked = v1::StatementRequest { month, home, treatment, version };
    let told = client.statement(asked).await.map_err(|refused| status::to_refusal(&refused))?.into_inner();
    let lots = told.lots.iter().map(read_cleared).collect::<Result<_, _>>();
    lots.map_err(|fault| anyhow!("the hub's answer: {} {}", fault.field, fault.problem))
}

/// What was carried, deducted and corrected, settlement by settlement.
async fn moved(
    client: &mut ClearingClient<Channel>,
    period: &v1::PeriodView,
    view: &v1::PairView,
) -> Result<Vec<Entry>> {
    let (month, home, treatment) = (period.month.clone(), view.home.clone(), view.treatment.clone());
    let told = client.moved(v1::MovedRequest { month, home, treatment }).await;
    let told = told.map_err(|refused| status::to_refusal(&refused))?.into_inner();
    told.entries.iter().map(read_moved).collect()
}

/// What was booked, settlement by settlement.
async fn booked(
    client: &mut ClearingClient<Channel>,
    period: &v1::PeriodView,
    lots: impl Iterator<Item = &Lot>,
) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for lot in lots {
        let mut after = 0;
        loop {
            let (month, named) = (period.month.clone(), Some(write_lot(lot)));
            let asked = v1::LotRequest { month, lot: named, after, limit: A_PAGE, with_moved: false };
            let asked = client.settlements(asked).await;
            let page = asked.map_err(|refused| status::to_refusal(&refused))?.into_inner().settlements;
            let Some(last) = page.last() else { break };
            after = last.position;
            let read = page.iter().map(|row| read_booked(*lot, row));
            entries.extend(read.collect::<Result<Vec<_>>>()?);
        }
    }
    Ok(entries)
}

/// Reads what was booked.
///
/// # Errors
/// The first field that is not as the hub writes it.
pub fn read_booked(lot: Lot, row: &v1::LotSettlement) -> Result<Entry> {
    let turn = Turn::from_word(&row.turn);
    Ok(Entry {
        settlement: SettlementId::new(&row.settlement).map_err(|fault| anyhow!("{} {fault}", row.settlement))?,
        lot,
        movement: Movement::Booked(turn.with_context(|| format!("{} is no turn", row.turn))?),
        day: row.day.parse().ok(),
        other: Month::from_text(&row.corrects),
        reason: String::new(),
        sums: read_sums(row.sums.as_ref()),
        along: Money::ZERO,
    })
}

/// Reads what was carried, deducted or corrected.
///
/// # Errors
/// The first field that is not as the hub writes it.
pub fn read_moved(row: &v1::MovedEntry) -> Result<Entry> {
    let lot = row.lot.as_ref().context("the hub tells of no lot")?;
    let day: Option<Date> = row.day.parse().ok();
    let (movement, day) = match (row.movement.as_str(), day) {
        ("carried-in", day) => (Movement::CarriedIn, day),
        ("carried-out", day) => (Movement::CarriedOut, day),
        ("deducted", Some(on)) => {
            let objection = row.objection.as_ref().map(read_objection).transpose()?;
            (Movement::Deducted { id: row.deduction.clone(), on, objection }, None)
        }
        ("recomputed", Some(on)) => {
            let shares = |sums: Option<&v1::FundSums>| sums.map(read_funds).unwrap_or_default();
            let (told, now) = (shares(row.told.as_ref()), shares(row.now.as_ref()));
            (Movement::Recomputed { batch: row.batch.clone(), on, told, now }, None)
        }
        (other, _) => return Err(anyhow!("the hub's answer: {other} is no movement of ours")),
    };
    Ok(Entry {
        settlement: SettlementId::new(&row.settlement).map_err(|fault| anyhow!("{} {fault}", row.settlement))?,
        lot: read_named_lot(lot).map_err(|fault| anyhow!("the hub's answer: {} {}", fault.field, fault.problem))?,
        movement,
        day,
        other: Month::from_text(&row.other),
        reason: row.reason.clone(),
        sums: read_sums(row.sums.as_ref()),
        along: Money::from_fen(row.along),
    })
}

fn read_objection(told: &v1::HospitalObjection) -> Result<Objection> {
    let v1::HospitalObjection { hospital, letter, written_on, reason } = told.clone();
    Ok(Objection {
        hospital: InstitutionCode::new(&hospital).map_err(|fault| anyhow!("{hospital} {fault}"))?,
        letter,
        written_on: written_on.parse().with_context(|| format!("the hub's answer: {written_on} is no day"))?,
        reason,
    })
}

/// Documents on their way into files.
pub struct Writing {
    /// The day that they bear.
    pub made_on: Date,
    /// The lists of settlements that were written: a row leads to its own, and nowhere where there is none.
    pub lists: BTreeSet<String>,
    /// The workbooks that were written.
    pub files: Vec<PathBuf>,
}

impl Writing {
    /// Nothing written yet.
    pub fn new(made_on: Date) -> Writing {
        Writing { made_on, lists: BTreeSet::new(), files: Vec::new() }
    }

    /// Writes documents into a folder, with the way from there to the lists.
    ///
    /// # Errors
    /// When one does not add up, or a file cannot be written.
    pub fn save(&mut self, folder: &Path, way: &str, papers: Vec<Document>) -> Result<()> {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        for mut paper in papers {
            paper.check()?;
            for row in &mut paper.rows {
                row.detail =
                    row.detail.take().filter(|name| self.lists.contains(name)).map(|name| format!("{way}/{name}.csv"));
            }
            write_file(folder, &paper.title, "xlsx", &documents::workbook::write(&[paper.clone()], self.made_on)?)?;
            write_file(folder, &paper.title, "csv", &documents::table::write(&paper)?)?;
            write_file(folder, &paper.title, "html", documents::page::write(&paper)?.as_bytes())?;
            self.files.push(folder.join(format!("{}.xlsx", paper.title)));
        }
        Ok(())
    }

    /// Writes the list behind each row of a statement.
    fn lists(
        &mut self,
        out: &Path,
        month: Month,
        entries: &BTreeMap<Pair, Vec<Entry>>,
        regions: &RegionTable,
    ) -> Result<()> {
        let mut rows: BTreeMap<String, Vec<(&Pair, &Entry)>> = BTreeMap::new();
        for (pair, entry) in entries.iter().flat_map(|(pair, entries)| entries.iter().map(move |entry| (pair, entry))) {
            for row in rows_of(pair, &entry.lot) {
                rows.entry(row).or_default().push((pair, entry));
            }
        }
        let folder = out.join(stale::LISTS);
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        for (row, entries) in rows {
            let list = behind(month, entries, regions);
            list.check()?;
            write_file(&folder, &row, "csv", &documents::table::write(&list)?)?;
            self.lists.insert(row);
        }
        Ok(())
    }
}

fn write_file(folder: &Path, name: &str, ending: &str, bytes: &[u8]) -> Result<()> {
    let file = folder.join(format!("{name}.{ending}"));
    fs::write(&file, bytes).with_context(|| format!("cannot write {}", file.display()))
}

fn read_pair(view: &v1::PairView) -> Result<(Pair, PairRecord)> {
    let member = |code: &str| RegionCode::new(code).map(MemberCode).map_err(|fault| anyhow!("member {code} {fault}"));
    let pair = Pair { home: member(&view.home)?, treatment: member(&view.treatment)? };
    let payment = |view: &Option<v1::PaymentView>| -> Result<Option<Payment>> {
        let read = view.as_ref().map(|view| read_payment(Some(view))).transpose();
        read.map_err(|fault| anyhow!("the hub's answer: {} {}", fault.field, fault.problem))
    };
    let statement = (view.version > 0).then(|| view.issued_on.parse().ok()).flatten().map(|issued_on| Statement {
        version: view.version,
        issued_on,
        home_confirmed: view.home_confirmed,
        treatment_confirmed: view.treatment_confirmed,
        is_objected: view.objected,
    });
    let mut record = PairRecord { statement, noticed_on: view.noticed_on.parse().ok(), ..PairRecord::default() };
    for view in &view.payables {
        let insurance = Insurance::from_word(&view.insurance).context("the hub tells of no insurance of ours")?;
        let records = Records { paid: view.paid_record, received: view.received_record };
        let (paid, received) = (payment(&view.paid)?, payment(&view.received)?);
        let accepted = view.accepted.iter().map(read_acceptance).collect::<Result<_>>()?;
        let due = Money::from_fen(view.due);
        *record.payables.of_mut(insurance) = Payable { due, paid, received, records, accepted };
    }
    Ok((pair, record))
}

/// Who accepted, by its certificate, the hub does not tell.
fn read_acceptance(view: &v1::AcceptanceView) -> Result<(Side, Acceptance)> {
    let side = Side::from_word(&view.side).with_context(|| format!("the hub's answer: side {}", view.side))?;
    let on = view.on.parse().with_context(|| format!("the hub's answer: day {}", view.on))?;
    Ok((side, Acceptance { by: String::new(), reason: view.reason.clone(), on }))
}

/// The newest statement's day: what was stated that day is written the same whenever it is fetched.
fn made_on(period: &v1::PeriodView) -> Option<Date> {
    period.pairs.iter().filter_map(|pair| pair.issued_on.parse().ok()).max()
}

/// Reads the table of regions.
///
/// # Errors
/// When it cannot be read, with every fault in it.
pub fn read_regions(path: &Path) -> Result<RegionTable> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let told = |faults: Vec<settlement::region::RegionFault>| {
        let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
        anyhow!("{}: {}", path.display(), faults.join("; "))
    };
    RegionTable::from_csv(&text).map_err(told)
}

/// Reads members' bank accounts. Lines that begin with `#` are comments.
///
/// # Errors
/// When they cannot be read, or a field of a row is blank.
pub fn read_accounts(path: &Path) -> Result<BTreeMap<String, BankAccount>> {
    // A number that is cut off would be somebody else's.
    let sheet = Sheet::read_whole(path, &["member", "name", "bank", "number"]).map_err(Faults)?;
    let mut faults = Vec::new();
    let rows = sheet.rows(&mut faults, |row| {
        let [member, name, bank, number] = ["member", "name", "bank", "number"].map(|column| row.needed(column));
        Some((member?, BankAccount { name: name?, bank: bank?, number: number? }))
    });
    ensure!(faults.is_empty(), Faults(faults));
    Ok(rows.into_iter().collect())
}
