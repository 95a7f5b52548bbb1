//! `yidi region post FILE`: opening balances, local settlements, manual claims and account deposits from a CSV file,
//! and what cancels one of them. Posting a file again changes nothing; every fault is told by row.
//!
//! Columns: `id,psn_no,kind,date,insurance,care,disease,stays,deductible,in_policy,basic,large_sum,catastrophic_base,
//! catastrophic,civil_servant,assistance,account,institution,encounter,cancels,note`, and where needed `month`
//! (`2025-03`, in which monthly caps count the row; otherwise the month of `date`), `above_cap`, `civil_servant_base`,
//! `assistance_base` (otherwise what the catastrophic layer looked at, less what it and civil servants were paid),
//! `tilt_base`, `tilt`, `from_pool` of an opening balance (the region that hands the sums over 参保地变更: of them counts
//! what the rule book in force carries over), and for a stay from which later ones may go on `admitted`, `discharged`, `level`, `diagnosis`.
//! Amounts are yuan with at most two decimal places; empty is nothing.
//!
//! | kind | what it uses up | `account` |
//! |---|---|---|
//! | `opening-balance` | the sums | what the account held |
//! | `local-settlement` | the sums | what the account paid |
//! | `manual-claim` | the sums; `institution` and `encounter` name the bill | what the account paid |
//! | `account-deposit` | nothing | what the account receives |
//!
//! A row with `cancels` names an earlier row's id and has no sums of its own. An inpatient `local-settlement` or
//! `manual-claim` with the days of its stay also names the `level`, the `institution` and the `encounter`; the
//! `diagnosis` may be empty.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::path::Path;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use ledger::home::{HomeStore, Posted, Posting, PostingKind};
use ledger::store::StoreError;
use settlement::benefits::counted_after_a_move;
use settlement::decide::{StayFacts, UsagePosting};
use settlement::encounter::{CareKind, HospitalLevel};
use settlement::ids::{DiagnosisCode, DiseaseCode, EncounterId, InstitutionCode, PersonNumber, PoolCode, RegionCode};
use settlement::money::Money;
use settlement::month::Month;
use settlement::person::Insurance;
use settlement::rulebook::{DecidingDates, RuleBooks};
use settlement::year_to_date::{Usage, UsageSums};

use crate::sheet::{Fault, Row, Sheet};

const COLUMNS: &[&str] = &[
    "id",
    "psn_no",
    "kind",
    "date",
    "insurance",
    "care",
    "disease",
    "stays",
    "deductible",
    "in_policy",
    "basic",
    "large_sum",
    "catastrophic_base",
    "catastrophic",
    "civil_servant",
    "assistance",
    "account",
    "institution",
    "encounter",
    "cancels",
    "note",
];
/// Columns that few files need.
const OPTIONAL: &[&str] = &[
    "month",
    "above_cap",
    "civil_servant_base",
    "assistance_base",
    "tilt_base",
    "tilt",
    "admitted",
    "discharged",
    "level",
    "diagnosis",
    "from_pool",
];
/// How many postings share a transaction.
const POSTINGS_A_WRITE: usize = 256;
/// Each posting is a microsecond after the one before.
const A_WRITE_APART: SignedDuration = SignedDuration::from_micros(POSTINGS_A_WRITE as i64);

/// What a poster answers for.
#[derive(Clone, Copy)]
pub struct Poster<'a> {
    /// The pools whose people may be posted for.
    pub pools: &'a BTreeSet<PoolCode>,
    /// People of other regions, whose rows are passed over.
    pub others: &'a BTreeSet<PersonNumber>,
    /// The rule books, which know the benefit year of a day.
    pub books: &'a RuleBooks,
}

/// What became of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Rows posted now.
    pub posted: usize,
    /// Rows posted before, with the same content.
    pub before: usize,
    /// Rows of other regions' people.
    pub passed_over: usize,
    /// What is wrong, by row; such rows are not posted.
    pub faults: Vec<Fault>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { posted, before, passed_over, faults } = self;
        write!(f, "{posted} posted, {before} posted before, {passed_over} of other regions, {} faults", faults.len())?;
        faults.iter().try_for_each(|fault| write!(f, "\n  {fault}"))
    }
}

/// Posts a file.
///
/// # Errors
/// When the store fails; what was posted before stays, and posting the file again goes on.
pub async fn post(store: &HomeStore, file: &Path, poster: Poster<'_>, at: Timestamp) -> Result<Report, StoreError> {
    let mut report = Report::default();
    let sheet = match Sheet::read_complete_with(file, COLUMNS, OPTIONAL) {
        Ok(sheet) => sheet,
        Err(faults) => return Ok(Report { faults, ..report }),
    };
    let people = sheet.rows(&mut Vec::new(), |row| row.id("psn_no", PersonNumber::new));
    let homes = store.enrollee_home_list(people).await?;
    let rows = sheet.rows(&mut report.faults, |row| read(row, poster, &homes).map(|posting| (row.line(), posting)));
    report.passed_over = rows.iter().filter(|(_, posting)| posting.is_none()).count();
    let ours: Vec<(u64, Posting)> =
        rows.into_iter().filter_map(|(line, posting)| posting.map(|posting| (line, posting))).collect();
    let mut next = at;
    for rows in ours.chunks(POSTINGS_A_WRITE) {
        let postings = rows.iter().map(|(_, posting)| posting.clone()).collect();
        let posted = store.posting_post(postings, next).await?;
        // The order of the rows stays that of their instants, from one write to the next.
        next += A_WRITE_APART;
        for ((line, _), posted) in rows.iter().zip(posted) {
            match posted {
                Ok(Posted::Now) => report.posted += 1,
                Ok(Posted::Before) => report.before += 1,
                Err(fault) => report.faults.push(Fault {
                    file: file.to_owned(),
                    line: *line,
                    column: "",
                    problem: fault.to_string(),
                }),
            }
        }
    }
    report.faults.sort_by_key(|fault| fault.line);
    Ok(report)
}

/// A row as a posting; an inner none for other regions' people.
fn read(row: &mut Row<'_>, poster: Poster<'_>, homes: &HashMap<PersonNumber, PoolCode>) -> Option<Option<Posting>> {
    let (id, person) = (row.needed("id"), row.id("psn_no", PersonNumber::new));
    if person.as_ref().is_some_and(|person| poster.others.contains(person)) {
        return Some(None);
    }
    let kind = row.word("kind", PostingKind::from_word);
    let date = row.date("date");
    let stay = read_stay(row, kind);
    let bill = read_bill(row, kind, stay.as_ref().is_some_and(Option::is_some));
    let (sums, account) = (read_sums(row), row.money("account"));
    let from_pool = read_from_pool(row, kind);
    let cancels = row.text("cancels").to_owned();
    if !cancels.is_empty() {
        sums_of_its_own(row, sums, account);
    }
    let usage = match kind {
        Some(PostingKind::AccountDeposit) => {
            sums_of_its_own(row, sums, None);
            Some(None)
        }
        Some(_) if cancels.is_empty() => {
            let home = person.as_ref().and_then(|person| homes.get(person));
            let moved = home.zip(from_pool.flatten()).is_some_and(|(home, from)| *home != from);
            read_usage(row, sums, (date, home), stay.as_ref().is_some_and(Option::is_some), (poster, moved))
        }
        Some(_) | None => Some(None),
    };
    let (kind, account) = (kind?, account?);
    date?;
    from_pool?;
    Some(Some(Posting {
        id: id?,
        person: person?,
        pools: poster.pools.iter().copied().collect(),
        kind,
        usage: usage?,
        account: match kind {
            PostingKind::OpeningBalance | PostingKind::AccountDeposit => account,
            PostingKind::LocalSettlement | PostingKind::ManualClaim => -account,
        },
        bill: bill?,
        stay: stay?,
        cancels: (!cancels.is_empty()).then_some(cancels),
        content: row.content(),
    }))
}

fn read_sums(row: &mut Row<'_>) -> Option<UsageSums> {
    let stays = row.count("stays");
    let mut money = |column| row.money(column);
    let (deductible, in_policy) = (money("deductible"), money("in_policy"));
    let (basic, large_sum) = (money("basic"), money("large_sum"));
    let (catastrophic_base, catastrophic) = (money("catastrophic_base"), money("catastrophic"));
    let (civil_servant, assistance) = (money("civil_servant"), money("assistance"));
    let (above_cap, civil_servant_base) = (money("above_cap"), money("civil_servant_base"));
    let (tilt_base, tilt) = (money("tilt_base"), money("tilt"));
    let assistance_base = money("assistance_base");
    let left = (catastrophic_base? - catastrophic? - civil_servant?).at_least_zero();
    let assistance_base = if row.text("assistance_base").is_empty() { Some(left) } else { assistance_base };
    Some(UsageSums {
        stays: stays?,
        deductible: deductible?,
        in_policy: in_policy?,
        basic: basic?,
        above_cap: above_cap?,
        large_sum: large_sum?,
        catastrophic_base: catastrophic_base?,
        catastrophic: catastrophic?,
        civil_servant_base: civil_servant_base?,
        civil_servant: civil_servant?,
        assistance_base: assistance_base?,
        assistance: assistance?,
        tilt_base: tilt_base?,
        tilt: tilt?,
    })
}

/// The region whose sums an opening balance takes over; an inner none where there is none.
fn read_from_pool(row: &mut Row<'_>, kind: Option<PostingKind>) -> Option<Option<PoolCode>> {
    let pool = row.optional_id("from_pool", |code| RegionCode::new(code).map(PoolCode));
    if !row.text("from_pool").is_empty() && kind.is_some_and(|kind| kind != PostingKind::OpeningBalance) {
        row.fault("from_pool", "only an opening balance takes over what was used in another region");
        return None;
    }
    pool
}

/// A row that can have no sums says so where it has some.
fn sums_of_its_own(row: &mut Row<'_>, sums: Option<UsageSums>, account: Option<Money>) {
    if sums.is_some_and(|sums| sums != UsageSums::default()) {
        row.fault("kind", "such a row uses nothing up; its sums must be empty");
    }
    if account.is_some_and(|account| !account.is_zero()) {
        row.fault("account", "a row that cancels takes its sums from the row that it cancels");
    }
}

/// What makes a row a stay, beside `admitted`.
const OF_A_STAY: [&str; 4] = ["discharged", "level", "institution", "encounter"];

/// The days of a stay; an inner none where the row has none.
fn read_stay(row: &mut Row<'_>, kind: Option<PostingKind>) -> Option<Option<StayFacts>> {
    let (admitted, discharged) = (row.optional_date("admitted"), row.optional_date("discharged"));
    let diagnosis = row.optional_id("diagnosis", DiagnosisCode::new);
    if ["admitted", "discharged", "level", "diagnosis"].iter().all(|column| row.text(column).is_empty()) {
        return Some(None);
    }
    let may_have = match kind {
        Some(PostingKind::LocalSettlement | PostingKind::ManualClaim) => {
            CareKind::from_word(row.text("care")) == Some(CareKind::Inpatient) && row.text("cancels").is_empty()
        }
        Some(PostingKind::OpeningBalance | PostingKind::AccountDeposit) | None => false,
    };
    if !may_have {
        row.fault("admitted", "only an inpatient local settlement or manual claim has the days of a stay");
        return None;
    }
    for column in OF_A_STAY {
        if row.text(column).is_empty() {
            row.fault(column, "is needed beside the days of a stay");
        }
    }
    let level = if row.text("level").is_empty() { None } else { row.word("level", HospitalLevel::from_word) };
    let (admitted, discharged) = (admitted?, discharged?);
    if admitted.is_none() {
        row.fault("admitted", "is needed beside the days of a stay");
    }
    let (admitted, discharged) = (admitted?, discharged?);
    if discharged < admitted {
        row.fault("discharged", "is before the day of admission");
        return None;
    }
    Some(Some(StayFacts { admitted, discharged, level: level?, diagnosis: diagnosis? }))
}

/// The bill that must not be settled twice; a local settlement has one where its stay is told.
fn read_bill(
    row: &mut Row<'_>,
    kind: Option<PostingKind>,
    is_stay: bool,
) -> Option<Option<(InstitutionCode, EncounterId)>> {
    let institution = row.optional_id("institution", InstitutionCode::new);
    let encounter = row.optional_id("encounter", EncounterId::new);
    match (institution?, encounter?, kind) {
        (Some(institution), Some(encounter), Some(PostingKind::ManualClaim)) => Some(Some((institution, encounter))),
        (Some(institution), Some(encounter), _) if is_stay => Some(Some((institution, encounter))),
        (None, Some(_), Some(PostingKind::ManualClaim)) => {
            row.fault("institution", "is needed beside encounter");
            None
        }
        _ => Some(None),
    }
}

/// The month in which monthly caps count a row.
fn read_month(row: &mut Row<'_>, date: Option<Date>) -> Option<Month> {
    let month = match row.text("month") {
        "" => Month::of(date?),
        text => Month::from_text(text),
    };
    if month.is_none() {
        row.fault("month", "is not a month such as 2025-03");
    }
    month
}

/// What a row uses up, in the benefit year that the rule book in force gives the day.
fn read_usage(
    row: &mut Row<'_>,
    sums: Option<UsageSums>,
    (date, home): (Option<Date>, Option<&PoolCode>),
    is_stay: bool,
    (poster, moved): (Poster<'_>, bool),
) -> Option<Option<UsagePosting>> {
    if sums == Some(UsageSums::default()) && !is_stay {
        return Some(None);
    }
    let (insurance, care) = (row.word("insurance", Insurance::from_word), row.word("care", CareKind::from_word));
    let disease = row.optional_id("disease", DiseaseCode::new);
    let month = read_month(row, date);
    let (sums, insurance, care, disease, day) = (sums?, insurance?, care?, disease?, date?);
    let month = month?;
    let Some(home) = home else {
        row.fault("psn_no", "is nobody who is enrolled here");
        return None;
    };
    match poster.books.in_force(*home, insurance, DecidingDates::on(day)) {
        Ok(book) => {
            let sums = if moved { counted_after_a_move(book, sums) } else { sums };
            let usage = Usage { year: book.year_of(day), insurance, care, disease, month, sums };
            Some(Some(UsagePosting { usage, day }))
        }
        Err(_) => {
            row.fault("date", "no rule book is in force on this day, so its benefit year is not known");
            None
        }
    }
}
