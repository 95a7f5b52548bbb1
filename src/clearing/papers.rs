//! A member's documents of a period, fetched from the hub and written as files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use clearing::document::Document;
use clearing::month::Month;
use clearing::period::{Pair, PairRecord, Payment, Side, Statement};
use clearing::statement::{BankAccount, Pairs, detail, national, notice, of_member, shares};
use jiff::civil::Date;
use proto::convert::cleared::{read_cleared, read_payment};
use proto::v1::clearing_client::ClearingClient;
use proto::{status, v1};
use serde::Deserialize;
use settlement::ids::{MemberCode, RegionCode};
use settlement::money::Money;
use settlement::person::Insurance;
use settlement::region::RegionTable;
use tonic::transport::Channel;

use crate::output;

/// Which documents, and where names and accounts are found.
pub struct Wanted<'a> {
    /// The member; all that may be seen where none is named.
    pub member: Option<&'a str>,
    /// The table of regions.
    pub regions: &'a Path,
    /// Members' bank accounts.
    pub accounts: Option<&'a Path>,
}

/// A row of the file of members' bank accounts.
#[derive(Debug, Deserialize)]
struct AccountRow {
    member: String,
    name: String,
    bank: String,
    number: String,
}

/// Fetches what a period's pairs clear, and writes the documents.
///
/// # Errors
/// When the hub is not to be reached, or a file cannot be read or written.
pub async fn write(
    client: &mut ClearingClient<Channel>,
    period: &v1::PeriodView,
    wanted: &Wanted<'_>,
    out: &Path,
) -> Result<()> {
    let month = Month::from_text(&period.month).context("the hub tells of no month")?;
    let regions = read_regions(wanted.regions)?;
    let accounts = wanted.accounts.map(read_accounts).transpose()?.unwrap_or_default();
    let members = wanted.member.map(read_member).transpose()?.map(|member| BTreeSet::from([member]));
    let (mut pairs, mut records) = (Pairs::new(), BTreeMap::new());
    for view in &period.pairs {
        let (pair, record) = read_pair(view)?;
        pairs.insert(pair, lots(client, period, view).await?);
        records.insert(pair, record);
    }
    let made_on = made_on(period).unwrap_or_else(|| month.last_day());
    let cleared = ClearedMonth { month, pairs, records, made_on };
    for file in write_all(&cleared, members, (&regions, &accounts), out)? {
        output::line(&format!("{}", file.display()));
    }
    Ok(())
}

/// What the pairs of a month clear, and what is recorded of each.
pub struct ClearedMonth {
    /// Which month.
    pub month: Month,
    /// What each pair clears, lot by lot.
    pub pairs: Pairs,
    /// What is recorded of each pair.
    pub records: BTreeMap<Pair, PairRecord>,
    /// The day that the documents bear.
    pub made_on: Date,
}

/// Writes a month's documents: the national table, and those of some members, or of all that cleared anything. Tells
/// the workbooks; beside each lies the same document as a table and as a page.
///
/// # Errors
/// When a document does not add up, or a file cannot be written.
pub fn write_all(
    cleared: &ClearedMonth,
    members: Option<BTreeSet<MemberCode>>,
    (regions, accounts): (&RegionTable, &BTreeMap<String, BankAccount>),
    out: &Path,
) -> Result<Vec<PathBuf>> {
    let ClearedMonth { month, pairs, records, made_on } = cleared;
    fs::create_dir_all(out).with_context(|| format!("cannot make {}", out.display()))?;
    let mut files = save(out, &[national(*month, pairs, regions)], *made_on)?;
    let all = || pairs.keys().flat_map(|pair| [pair.home, pair.treatment]).collect();
    for member in members.unwrap_or_else(all) {
        let folder = out.join(member.to_string());
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let mut papers: Vec<Document> =
            Side::ALL.into_iter().map(|side| of_member(*month, member, side, pairs, regions)).collect();
        papers.extend(Insurance::ALL.map(|insurance| detail(*month, member, insurance, pairs, regions)));
        papers.push(shares(*month, member, pairs, regions));
        files.extend(save(&folder, &papers, *made_on)?);
        files.extend(notices(&folder, *month, member, (records, accounts), (regions, *made_on))?);
    }
    Ok(files)
}

/// One file for each pair, so that each notice can be sent by itself. Two members may be two pairs, and where one of them
/// gives back, the same one pays in both.
fn notices(
    folder: &Path,
    month: Month,
    member: MemberCode,
    (records, accounts): (&BTreeMap<Pair, PairRecord>, &BTreeMap<String, BankAccount>),
    (regions, made_on): (&RegionTable, Date),
) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for (pair, held) in records.iter().filter(|(_, held)| held.noticed_on.is_some()) {
        let (Some(payer), true) = (held.payer(), [pair.home, pair.treatment].contains(&member)) else { continue };
        let receiver = if payer == Side::Home { pair.treatment } else { pair.home };
        let account = accounts.get(&receiver.to_string()).cloned().unwrap_or_default();
        let papers = notice(month, (pair, held), pair.member(payer) == member, &account, regions);
        let folder = folder.join(format!("{}-{}", pair.home, pair.treatment));
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        files.extend(save(&folder, papers.as_slice(), made_on)?);
    }
    Ok(files)
}

async fn lots(
    client: &mut ClearingClient<Channel>,
    period: &v1::PeriodView,
    view: &v1::PairView,
) -> Result<BTreeMap<clearing::obligation::Lot, clearing::cleared::Cleared>> {
    let (month, home, treatment) = (period.month.clone(), view.home.clone(), view.treatment.clone());
    let asked = v1::StatementRequest { month, home, treatment, version: view.version };
    let told = client.statement(asked).await.map_err(|refused| status::to_refusal(&refused))?.into_inner();
    let lots = told.lots.iter().map(read_cleared).collect::<Result<_, _>>();
    lots.map_err(|fault| anyhow!("the hub's answer: {} {}", fault.field, fault.problem))
}

fn save(folder: &Path, papers: &[Document], made_on: Date) -> Result<Vec<PathBuf>> {
    let mut files = Vec::with_capacity(papers.len());
    for paper in papers {
        paper.check()?;
        let file = |ending: &str| folder.join(format!("{}.{ending}", paper.title));
        let write = |ending: &str, bytes: &[u8]| {
            let file = file(ending);
            fs::write(&file, bytes).with_context(|| format!("cannot write {}", file.display()))
        };
        write("xlsx", &documents::workbook::write(std::slice::from_ref(paper), made_on)?)?;
        write("csv", &documents::table::write(paper)?)?;
        write("html", documents::page::write(paper)?.as_bytes())?;
        files.push(file("xlsx"));
    }
    Ok(files)
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

fn read_regions(path: &Path) -> Result<RegionTable> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let told = |faults: Vec<settlement::region::RegionFault>| {
        let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
        anyhow!("{}: {}", path.display(), faults.join("; "))
    };
    RegionTable::from_csv(&text).map_err(told)
}

fn read_accounts(path: &Path) -> Result<BTreeMap<String, BankAccount>> {
    let mut reader = csv::Reader::from_path(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut accounts = BTreeMap::new();
    for row in reader.deserialize::<AccountRow>() {
        let AccountRow { member, name, bank, number } = row.with_context(|| path.display().to_string())?;
        accounts.insert(member, BankAccount { name, bank, number });
    }
    Ok(accounts)
}
