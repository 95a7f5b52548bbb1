//! A member's documents of a period, fetched from the hub and written as files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, ensure};
use clearing::cleared::Cleared;
use clearing::details::{Entry, Movement, behind, carried, corrections, deductions, pair_name, rows_of};
use clearing::document::Document;
use clearing::month::Month;
use clearing::obligation::Lot;
use clearing::period::{Pair, PairRecord, Payment, Side, Statement};
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

use super::A_PAGE;

use crate::status;

/// Which documents, and where names and accounts are found.
pub struct Wanted<'a> {
    /// The member; all that may be seen where none is named.
    pub member: Option<&'a str>,
    /// The table of regions.
    pub regions: &'a Path,
    /// Members' bank accounts.
    pub accounts: &'a Path,
    /// Whether the settlements behind each row are listed too.
    pub settlements: bool,
}

/// What the pairs of a month clear, and what is recorded of each.
pub struct ClearedMonth {
    /// Which month.
    pub month: Month,
    /// What each pair clears, lot by lot.
    pub pairs: Pairs,
    /// What is recorded of each pair.
    pub records: BTreeMap<Pair, PairRecord>,
    /// The settlements behind figures: at least what was carried, deducted and corrected.
    pub entries: BTreeMap<Pair, Vec<Entry>>,
    /// The day that the documents bear.
    pub made_on: Date,
}

/// Fetches what a period's pairs clear, and writes the documents; tells the workbooks.
///
/// # Errors
/// When the hub is not to be reached, or a file cannot be read or written.
pub async fn write(
    client: &mut ClearingClient<Channel>,
    period: &v1::PeriodView,
    wanted: &Wanted<'_>,
    out: &Path,
) -> Result<Vec<PathBuf>> {
    let month = Month::from_text(&period.month).context("the hub tells of no month")?;
    let regions = read_regions(wanted.regions)?;
    let accounts = read_accounts(wanted.accounts)?;
    let members = wanted.member.map(read_member).transpose()?.map(|member| BTreeSet::from([member]));
    let (mut pairs, mut records, mut entries) = (Pairs::new(), BTreeMap::new(), BTreeMap::new());
    for view in &period.pairs {
        let (pair, record) = read_pair(view)?;
        let lots = lots(client, period, view).await?;
        let mut behind = moved(client, period, view).await?;
        if wanted.settlements {
            behind.extend(booked(client, period, lots.keys()).await?);
        }
        entries.insert(pair, behind);
        pairs.insert(pair, lots);
        records.insert(pair, record);
    }
    let made_on = made_on(period).unwrap_or_else(|| month.last_day());
    let cleared = ClearedMonth { month, pairs, records, entries, made_on };
    write_all(&cleared, members, wanted.settlements, (&regions, &accounts), out)
}

/// Writes a month's documents: the national table, and those of some members, or of all that cleared anything; with the
/// lists of the settlements behind each row, if they are wanted. Tells the workbooks; beside each lies the same document
/// as a table and as a page.
///
/// # Errors
/// When a member who receives has no account, which is found before anything is written; when a document does not add
/// up, or a file cannot be written.
pub fn write_all(
    cleared: &ClearedMonth,
    members: Option<BTreeSet<MemberCode>>,
    lists: bool,
    (regions, accounts): (&RegionTable, &BTreeMap<String, BankAccount>),
    out: &Path,
) -> Result<Vec<PathBuf>> {
    let ClearedMonth { month, pairs, records, entries, made_on } = cleared;
    let all = || pairs.keys().flat_map(|pair| [pair.home, pair.treatment]).collect();
    let members: BTreeSet<MemberCode> = members.unwrap_or_else(all);
    each_receiver_has_an_account(records, &members, accounts)?;
    let (month, mut writing) = (*month, Writing { made_on: *made_on, lists, files: Vec::new() });
    writing.lists(out, month, entries, regions)?;
    writing.save(out, "details", vec![national(month, pairs, regions)])?;
    for member in members {
        let folder = out.join(member.to_string());
        let mut papers: Vec<Document> =
            Side::ALL.into_iter().map(|side| of_member(month, member, side, pairs, regions)).collect();
        papers.extend(Insurance::ALL.map(|insurance| detail(month, member, insurance, pairs, regions)));
        papers.push(shares(month, member, pairs, regions));
        papers.push(carried(month, member, entries, regions));
        papers.push(deductions(month, member, entries, regions));
        papers.push(corrections(month, member, entries, regions));
        writing.save(&folder, "../details", papers)?;
        notices(&mut writing, &folder, month, member, (records, accounts), regions)?;
    }
    Ok(writing.files)
}

/// Which pairs have notices, and who receives by them.
fn receivers(records: &BTreeMap<Pair, PairRecord>) -> impl Iterator<Item = (&Pair, &PairRecord, MemberCode)> {
    records.iter().filter(|(_, held)| held.noticed_on.is_some()).filter_map(|(pair, held)| {
        let receiver = if held.payer()? == Side::Home { pair.treatment } else { pair.home };
        Some((pair, held, receiver))
    })
}

/// A notice that does not say where the money goes to is of no use to who pays by it.
fn each_receiver_has_an_account(
    records: &BTreeMap<Pair, PairRecord>,
    members: &BTreeSet<MemberCode>,
    accounts: &BTreeMap<String, BankAccount>,
) -> Result<()> {
    let wanted =
        receivers(records).filter(|(pair, ..)| Side::ALL.iter().any(|side| members.contains(&pair.member(*side))));
    let lacking: BTreeSet<String> = wanted
        .map(|(_, _, receiver)| receiver.to_string())
        .filter(|receiver| !accounts.contains_key(receiver))
        .collect();
    let lacking: Vec<String> = lacking.into_iter().collect();
    ensure!(
        lacking.is_empty(),
        "no bank account of {}, which receives money this month: add a row member,name,bank,number to the file of accounts (--accounts)",
        lacking.join(", ")
    );
    Ok(())
}

/// One file for each pair, so that each notice can be sent by itself. Two members may be two pairs, and where one of them
/// gives back, the same one pays in both.
fn notices(
    writing: &mut Writing,
    folder: &Path,
    month: Month,
    member: MemberCode,
    (records, accounts): (&BTreeMap<Pair, PairRecord>, &BTreeMap<String, BankAccount>),
    regions: &RegionTable,
) -> Result<()> {
    let own = receivers(records).filter(|(pair, ..)| [pair.home, pair.treatment].contains(&member));
    for (pair, held, receiver) in own {
        let account = accounts.get(&receiver.to_string()).cloned().unwrap_or_default();
        let papers = notice(month, (pair, held), receiver != member, &account, regions);
        writing.save(&folder.join(pair_name(pair)), "", papers.into_iter().collect())?;
    }
    Ok(())
}

async fn lots(
    client: &mut ClearingClient<Channel>,
    period: &v1::PeriodView,
    view: &v1::PairView,
) -> Result<BTreeMap<Lot, Cleared>> {
    let (month, home, treatment) = (period.month.clone(), view.home.clone(), view.treatment.clone());
    let asked = v1::StatementRequest { month, home, treatment, version: view.version };
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
            let asked = client.settlements(v1::LotRequest { month, lot: named, after, limit: A_PAGE }).await;
            let page = asked.map_err(|refused| status::to_refusal(&refused))?.into_inner().settlements;
            let Some(last) = page.last() else { break };
            after = last.position;
            let read = page.iter().map(|row| read_booked(*lot, row));
            entries.extend(read.collect::<Result<Vec<_>>>()?);
        }
    }
    Ok(entries)
}

fn read_booked(lot: Lot, row: &v1::LotSettlement) -> Result<Entry> {
    let turn = Turn::from_word(&row.turn);
    Ok(Entry {
        settlement: SettlementId::new(&row.settlement).map_err(|fault| anyhow!("{} {fault}", row.settlement))?,
        lot,
        movement: Movement::Booked(turn.with_context(|| format!("{} is no turn", row.turn))?),
        day: row.day.parse().ok(),
        other: Month::from_text(&row.corrects),
        reason: String::new(),
        sums: read_sums(row.sums.as_ref()),
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
    /// Whether there are lists of the settlements behind rows.
    pub lists: bool,
    /// The workbooks that were written.
    pub files: Vec<PathBuf>,
}

impl Writing {
    /// Writes documents into a folder, with the way from there to the lists.
    ///
    /// # Errors
    /// When one does not add up, or a file cannot be written.
    pub fn save(&mut self, folder: &Path, way: &str, papers: Vec<Document>) -> Result<()> {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        for mut paper in papers {
            paper.check()?;
            for row in &mut paper.rows {
                row.detail = row.detail.take().filter(|_| self.lists).map(|name| format!("{way}/{name}.csv"));
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
        &self,
        out: &Path,
        month: Month,
        entries: &BTreeMap<Pair, Vec<Entry>>,
        regions: &RegionTable,
    ) -> Result<()> {
        if !self.lists {
            return Ok(());
        }
        let mut rows: BTreeMap<String, Vec<(&Pair, &Entry)>> = BTreeMap::new();
        for (pair, entry) in entries.iter().flat_map(|(pair, entries)| entries.iter().map(move |entry| (pair, entry))) {
            for row in rows_of(pair, &entry.lot) {
                rows.entry(row).or_default().push((pair, entry));
            }
        }
        let folder = out.join("details");
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        for (row, entries) in rows {
            let list = behind(month, entries, regions);
            list.check()?;
            write_file(&folder, &row, "csv", &documents::table::write(&list)?)?;
        }
        Ok(())
    }
}

fn write_file(folder: &Path, name: &str, ending: &str, bytes: &[u8]) -> Result<()> {
    let file = folder.join(format!("{name}.{ending}"));
    fs::write(&file, bytes).with_context(|| format!("cannot write {}", file.display()))
}

fn read_member(code: &str) -> Result<MemberCode> {
    RegionCode::new(code).map(MemberCode).map_err(|fault| anyhow!("--member {code} {fault}"))
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
    let record = PairRecord {
        due: Money::from_fen(view.due),
        statement,
        noticed_on: view.noticed_on.parse().ok(),
        paid: payment(&view.paid)?,
        received: payment(&view.received)?,
    };
    Ok((pair, record))
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
