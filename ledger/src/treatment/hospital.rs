//! Hospitals' books: the rows that each hospital has to have, one for a settlement and one, with negative amounts, for a
//! cancellation. They are folded from what was answered and never changed: what was reversed since does not count, and
//! that is looked up when the rows are read. Read by 3201, 3202 and the operator's view.

mod comparisons;
mod standing;

use clearing::hospital::coverage::GroupDay;
use clearing::hospital::{Amounts, CentreRow, Direction, Figures};
use jiff::civil::Date;
use settlement::ids::{EncounterId, MessageId, PersonNumber, SettlementId};
use settlement::money::Money;

pub use comparisons::{KeptDifference, NewComparison, StoredComparison, StoredDifference};
pub use standing::StandingDifference;

use super::{Session, message, stored};
use crate::engine::{Row, Sql, Value, Version};
use crate::store::StoreError;
use crate::values;

const TABLE: &str = "hospital_rows";

/// The tables, and those of what was compared and of the files that it is compared by.
pub(super) const TABLES: Version = Version {
    tables: TEXT,
    append_only: &["hospital_rows", "hospital_comparisons", "hospital_differences", "kept_files"],
    postgres: "",
};

const TEXT: &str = concat!(
    // `undoes` is the settlement that a counter-entry takes back. Numbers rise in the order in which rows are added.
    "CREATE TABLE hospital_rows (
        number INTEGER PRIMARY KEY, message INTEGER NOT NULL UNIQUE, institution TEXT NOT NULL, day TEXT NOT NULL,
        settlement TEXT NOT NULL, undoes TEXT, encounter TEXT NOT NULL, person TEXT NOT NULL, msgid TEXT NOT NULL,
        insurance TEXT NOT NULL, clearing_class TEXT NOT NULL, agency TEXT NOT NULL, total INTEGER NOT NULL,
        funds INTEGER NOT NULL, account INTEGER NOT NULL, cash INTEGER NOT NULL) STRICT;
    CREATE INDEX hospital_rows_by_day ON hospital_rows (institution, day);
    CREATE INDEX hospital_rows_by_undone ON hospital_rows (undoes) WHERE undoes IS NOT NULL;",
    // What was compared with a hospital: its group (empty parts stand for any), both sides' figures, and up to which row
    // the book was known; and the rows that differed.
    "CREATE TABLE hospital_comparisons (
        number INTEGER PRIMARY KEY, transaction_number TEXT NOT NULL, institution TEXT NOT NULL,
        first_day TEXT NOT NULL, last_day TEXT NOT NULL, insurance TEXT NOT NULL, clearing_class TEXT NOT NULL,
        agency TEXT NOT NULL, refunds INTEGER NOT NULL, upto INTEGER NOT NULL, agrees INTEGER NOT NULL,
        own_count INTEGER NOT NULL, own_total INTEGER NOT NULL, own_funds INTEGER NOT NULL,
        own_account INTEGER NOT NULL, told_count INTEGER NOT NULL, told_total INTEGER NOT NULL,
        told_funds INTEGER NOT NULL, told_account INTEGER NOT NULL, compared_at INTEGER NOT NULL) STRICT;
    CREATE INDEX hospital_comparisons_by_day ON hospital_comparisons (institution, last_day);
    CREATE TABLE hospital_differences (
        comparison INTEGER NOT NULL, place INTEGER NOT NULL, kind TEXT NOT NULL, backward INTEGER NOT NULL,
        settlement TEXT NOT NULL, encounter TEXT NOT NULL, person TEXT NOT NULL, message INTEGER,
        own_total INTEGER, own_funds INTEGER, own_account INTEGER,
        told_total INTEGER, told_funds INTEGER, told_account INTEGER,
        PRIMARY KEY (comparison, place)) STRICT, WITHOUT ROWID;",
    // Files that a hospital uploaded, or that were made for it.
    "CREATE TABLE kept_files (
        number TEXT PRIMARY KEY, institution TEXT NOT NULL, name TEXT NOT NULL, content BLOB NOT NULL,
        kept_at INTEGER NOT NULL) STRICT;",
    // A book that was folded before these tables were there is folded once more; its leaves stay as they are.
    "DELETE FROM folds;",
);

/// A row that a hospital has to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HospitalRow {
    /// The message that settled or cancelled.
    pub message: i64,
    /// Its `msgid`.
    pub msgid: MessageId,
    /// `fixmedins_code`.
    pub institution: String,
    /// The day of `setl_time`.
    pub day: Date,
    /// `setl_id`, `mdtrt_id`, `psn_no` and the amounts.
    pub row: CentreRow,
    /// `insutype`.
    pub insurance: String,
    /// `clr_type`.
    pub clearing_class: String,
    /// `clr_optins`.
    pub agency: String,
    /// `psn_cash_pay`.
    pub cash: Money,
}

/// Which rows are asked for. An empty text stands for any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HospitalScope {
    /// `fixmedins_code`.
    pub institution: String,
    /// First and last day.
    pub days: (Date, Date),
    /// `insutype`.
    pub insurance: String,
    /// `clr_type`.
    pub clearing_class: String,
    /// `clr_optins`.
    pub agency: String,
    /// Whether settlements that were cancelled count, forward and backward. Without refunds they do not count at all.
    pub refunds: bool,
}

/// What the rows of a scope come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HospitalFigures {
    /// Their number and amounts.
    pub figures: Figures,
    /// How many of them are of counter-entries.
    pub backward: i64,
    /// `psn_cash_pay` together.
    pub cash: Money,
    /// The newest row of the whole book.
    pub upto: i64,
}

/// A day of a group as the book has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettledDay {
    /// The day and the group.
    pub day: GroupDay,
    /// Its rows and their amounts.
    pub figures: Figures,
}

macro_rules! counting {
    ($columns:literal, $rest:literal) => {
        concat!(
            "SELECT ",
            $columns,
            " FROM hospital_rows AS listed
             WHERE institution = ?1 AND day >= ?2 AND day <= ?3 AND (?4 = '' OR insurance = ?4)
               AND (?5 = '' OR clearing_class = ?5) AND (?6 = '' OR agency = ?6)
               AND NOT EXISTS (SELECT 1 FROM reversals WHERE reversals.message = listed.message)
               AND (?7 = 1 OR (listed.undoes IS NULL AND NOT EXISTS (
                   SELECT 1 FROM hospital_rows AS counters WHERE counters.undoes = listed.settlement
                   AND NOT EXISTS (SELECT 1 FROM reversals WHERE reversals.message = counters.message)))) ",
            $rest
        )
    };
}

const FIGURES: &str = counting!(
    "COUNT(*), COUNT(undoes), CAST(COALESCE(SUM(total), 0) AS BIGINT), CAST(COALESCE(SUM(funds), 0) AS BIGINT),
     CAST(COALESCE(SUM(account), 0) AS BIGINT), CAST(COALESCE(SUM(cash), 0) AS BIGINT),
     (SELECT COALESCE(MAX(number), 0) FROM hospital_rows)",
    ""
);
const LIST: &str = counting!(
    "message, msgid, institution, day, settlement, undoes, encounter, person, insurance, clearing_class, agency,
     total, funds, account, cash",
    "ORDER BY day, number LIMIT ?8"
);
const DAYS: &str = "SELECT institution, day, insurance, clearing_class, agency, MAX(number), COUNT(*),
        CAST(SUM(total) AS BIGINT), CAST(SUM(funds) AS BIGINT), CAST(SUM(account) AS BIGINT)
    FROM hospital_rows AS listed
    WHERE (?1 = '' OR institution = ?1) AND day >= ?2 AND day <= ?3
      AND NOT EXISTS (SELECT 1 FROM reversals WHERE reversals.message = listed.message)
    GROUP BY institution, day, insurance, clearing_class, agency
    ORDER BY institution, day, insurance, clearing_class, agency";

impl Session<'_, '_> {
    /// What a hospital's rows come to. Fold first: what is not folded is not among them.
    ///
    /// # Errors
    /// When the statement fails.
    pub fn hospital_figures(&self, scope: &HospitalScope) -> Result<HospitalFigures, StoreError> {
        let (first, last) = texts(scope.days);
        self.sql.get(FIGURES, &scoped::<7>(scope, &first, &last, &[]), |row| {
            let figures = Figures { count: row.number(0)?, amounts: amounts(row, 2)? };
            let cash = Money::from_fen(row.number(5)?);
            Ok(HospitalFigures { figures, backward: row.number(1)?, cash, upto: row.number(6)? })
        })
    }

    /// A hospital's rows, in the order of their days, at most so many.
    ///
    /// # Errors
    /// When the statement fails, or a row does not read back.
    pub fn hospital_list(&self, scope: &HospitalScope, at_most: i64) -> Result<Vec<HospitalRow>, StoreError> {
        let (first, last) = texts(scope.days);
        self.sql.query(LIST, &scoped::<8>(scope, &first, &last, &[at_most.into()]), read)
    }

    /// What hospitals settled on some days, day by day and group by group; of all hospitals where none is named.
    ///
    /// # Errors
    /// When the statement fails, or a row does not read back.
    pub fn hospital_days(&self, institution: &str, days: (Date, Date)) -> Result<Vec<SettledDay>, StoreError> {
        let (first, last) = texts(days);
        self.sql.query(DAYS, values![institution, &first, &last], |row| {
            let text = |place: usize| row.text(place).map(ToOwned::to_owned);
            let day = GroupDay {
                institution: text(0)?,
                day: stored::civil(TABLE, row.text(1)?)?,
                insurance: text(2)?,
                clearing_class: text(3)?,
                agency: text(4)?,
                newest: row.number(5)?,
            };
            Ok(SettledDay { day, figures: Figures { count: row.number(6)?, amounts: amounts(row, 7)? } })
        })
    }
}

/// Adds rows. One that is there already stays as it is.
pub(super) fn append(sql: &Sql<'_>, rows: &[&HospitalRow]) -> Result<(), StoreError> {
    const ROW: &str =
        "INSERT INTO hospital_rows (message, msgid, institution, day, settlement, undoes, encounter, person,
            insurance, clearing_class, agency, total, funds, account, cash)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15) ON CONFLICT DO NOTHING";
    let days: Vec<String> = rows.iter().map(|row| row.day.to_string()).collect();
    let values: Vec<[Value<'_>; 15]> = rows
        .iter()
        .zip(&days)
        .map(|(new, day)| {
            let CentreRow { settlement, cancels, encounter, person, amounts } = &new.row;
            [
                new.message.into(),
                new.msgid.as_str().into(),
                (&new.institution).into(),
                day.into(),
                settlement.as_str().into(),
                cancels.as_ref().map(SettlementId::as_str).into(),
                encounter.as_str().into(),
                person.as_str().into(),
                (&new.insurance).into(),
                (&new.clearing_class).into(),
                (&new.agency).into(),
                amounts.total.fen().into(),
                amounts.funds.fen().into(),
                amounts.account.fen().into(),
                new.cash.fen().into(),
            ]
        })
        .collect();
    sql.execute_each(ROW, &values)
}

/// A row as the fold reads it: key, visit, own id, undone id, and the sums of what it settles or takes back.
pub(super) fn read_folded(row: Row<'_>, first: usize, message: i64, day: Date) -> Result<HospitalRow, StoreError> {
    let key = row.text(first)?;
    let cancels = row.optional_text(first + 3)?.map(|id| stored::id(TABLE, id, SettlementId::new)).transpose()?;
    let signed = |money: Money| if cancels.is_some() { -money } else { money };
    let amount = |place: usize| row.number(first + 7 + place).map(|fen| signed(Money::from_fen(fen)));
    let amounts = Amounts { total: amount(0)?, funds: amount(1)?, account: amount(2)? };
    let cash = amount(3)?;
    Ok(HospitalRow {
        message,
        msgid: stored::id(TABLE, message::part(key, 0), MessageId::from_time_first)?,
        institution: message::part(key, 1).to_owned(),
        day,
        row: CentreRow {
            settlement: stored::id(TABLE, row.text(first + 2)?, SettlementId::new)?,
            cancels,
            encounter: stored::id(TABLE, row.text(first + 1)?, EncounterId::new)?,
            person: stored::id(TABLE, message::part(key, 3), PersonNumber::new)?,
            amounts,
        },
        insurance: row.text(first + 4)?.to_owned(),
        clearing_class: row.text(first + 5)?.to_owned(),
        agency: row.text(first + 6)?.to_owned(),
        cash,
    })
}

fn read(row: Row<'_>) -> Result<HospitalRow, StoreError> {
    let text = |place: usize| row.text(place).map(ToOwned::to_owned);
    Ok(HospitalRow {
        message: row.number(0)?,
        msgid: stored::id(TABLE, row.text(1)?, MessageId::new)?,
        institution: text(2)?,
        day: stored::civil(TABLE, row.text(3)?)?,
        row: CentreRow {
            settlement: stored::id(TABLE, row.text(4)?, SettlementId::new)?,
            cancels: row.optional_text(5)?.map(|id| stored::id(TABLE, id, SettlementId::new)).transpose()?,
            encounter: stored::id(TABLE, row.text(6)?, EncounterId::new)?,
            person: stored::id(TABLE, row.text(7)?, PersonNumber::new)?,
            amounts: amounts(row, 11)?,
        },
        insurance: text(8)?,
        clearing_class: text(9)?,
        agency: text(10)?,
        cash: Money::from_fen(row.number(14)?),
    })
}

/// Three columns as amounts: total, funds, account.
fn amounts(row: Row<'_>, first: usize) -> Result<Amounts, StoreError> {
    let amount = |place: usize| row.number(first + place).map(Money::from_fen);
    Ok(Amounts { total: amount(0)?, funds: amount(1)?, account: amount(2)? })
}

fn is_backward(direction: Direction) -> bool {
    match direction {
        Direction::Forward => false,
        Direction::Backward => true,
    }
}

fn texts((first, last): (Date, Date)) -> (String, String) {
    (first.to_string(), last.to_string())
}

/// The values of a scope, and more behind them.
fn scoped<'s, const N: usize>(
    scope: &'s HospitalScope,
    first: &'s str,
    last: &'s str,
    more: &[Value<'s>],
) -> [Value<'s>; N] {
    let HospitalScope { institution, days: _, insurance, clearing_class, agency, refunds } = scope;
    let own: [Value<'s>; 7] = [
        institution.into(),
        first.into(),
        last.into(),
        insurance.into(),
        clearing_class.into(),
        agency.into(),
        (*refunds).into(),
    ];
    std::array::from_fn(|place| own.iter().chain(more).copied().nth(place).unwrap_or(Value::Number(None)))
}
