//! Charge lines with their split by coverage, and their withdrawal. Lines are never changed; what a settlement adds
//! up is one query.

use jiff::Timestamp;
use jiff::civil::Date;
use rusqlite::{OptionalExtension, Row, params};
use rust_decimal::Decimal;
use settlement::bill::{ChargeLine, Coverage, FeeCategory, ItemClass};
use settlement::ids::{BatchNumber, ChargeNumber, DiseaseCode, EncounterId, ItemCode};
use settlement::money::Money;

use super::{Session, stored};
use crate::store::StoreError;

const TABLE: &str = "charges";

/// A charge line, split.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charge {
    /// `feedetl_sn`.
    pub number: ChargeNumber,
    /// The line that this one takes back.
    pub takes_back: Option<ChargeNumber>,
    /// `chrg_bchno`; none for stays.
    pub batch: Option<BatchNumber>,
    /// `med_list_codg`.
    pub item: ItemCode,
    /// The day of `fee_ocur_time`.
    pub charged_on: Date,
    /// The class in the catalogue.
    pub item_class: ItemClass,
    /// The class that the line counts as: a restricted item without approval counts as class C.
    pub class: ItemClass,
    /// The fee category.
    pub category: FeeCategory,
    /// The share that the person pays first, 0 to 1.
    pub share: Decimal,
    /// `cnt`; negative on a line that takes back.
    pub quantity: Decimal,
    /// The split.
    pub coverage: Coverage,
    /// The chronic disease that the line is for.
    pub disease: Option<DiseaseCode>,
}

/// A charge line as it was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredCharge {
    /// Its place among all lines.
    pub line: i64,
    /// The line.
    pub charge: Charge,
}

/// Lines of a visit after one place and up to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChargeRange {
    /// The place before the first.
    pub after: i64,
    /// The last.
    pub upto: i64,
}

/// Lines of one fee category and class, added up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChargeSums {
    /// The fee category.
    pub category: FeeCategory,
    /// The class that the lines count as.
    pub class: ItemClass,
    /// The split.
    pub coverage: Coverage,
}

const COLUMNS: &str = "number, charge, takes_back, batch, item, charged_on, item_class, class, category, share,
    quantity, self_paid, over_limit, first_self_pay, in_policy, disease";
const LIVE: &str = "NOT EXISTS (SELECT 1 FROM withdrawals WHERE line = charges.number)";

impl Session<'_> {
    /// Keeps a line.
    ///
    /// # Errors
    /// When the statement fails.
    pub fn charge_insert(&self, encounter: &EncounterId, charge: &Charge, message: i64) -> Result<(), StoreError> {
        let coverage = &charge.coverage;
        self.connection
            .prepare_cached(
                "INSERT INTO charges (encounter, charge, takes_back, batch, item, charged_on, item_class, class,
                 category, share, quantity, self_paid, over_limit, first_self_pay, in_policy, disease, message)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
            )?
            .execute(params![
                encounter.as_str(),
                charge.number.as_str(),
                charge.takes_back.as_ref().map(ChargeNumber::as_str),
                charge.batch.as_ref().map_or("", BatchNumber::as_str),
                charge.item.as_str(),
                charge.charged_on.to_string(),
                class_word(charge.item_class),
                class_word(charge.class),
                charge.category.number(),
                charge.share.to_string(),
                charge.quantity.to_string(),
                coverage.self_paid.fen(),
                coverage.over_limit.fen(),
                coverage.first_self_pay.fen(),
                coverage.in_policy.fen(),
                charge.disease.as_ref().map(DiseaseCode::as_str),
                message,
            ])?;
        Ok(())
    }

    /// A line of a visit that was not withdrawn.
    ///
    /// # Errors
    /// When a statement fails, or a row does not read back.
    pub fn charge_find(
        &self,
        encounter: &EncounterId,
        number: &ChargeNumber,
    ) -> Result<Option<StoredCharge>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM charges WHERE encounter = ?1 AND charge = ?2 AND {LIVE}");
        let mut statement = self.connection.prepare_cached(&sql)?;
        let found = statement.query_row([encounter.as_str(), number.as_str()], |row| Ok(read(row))).optional()?;
        found.transpose()
    }

    /// Every line of a visit that was not withdrawn, in the order in which they came.
    ///
    /// # Errors
    /// When a statement fails, or a row does not read back.
    pub fn charge_list(&self, encounter: &EncounterId) -> Result<Vec<StoredCharge>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM charges WHERE encounter = ?1 AND {LIVE} ORDER BY number");
        let mut statement = self.connection.prepare_cached(&sql)?;
        let rows = statement.query_map([encounter.as_str()], |row| Ok(read(row)))?;
        rows.map(|row| row?).collect()
    }

    /// The lines that one message brought and that were not withdrawn.
    ///
    /// # Errors
    /// When a statement fails, or a row does not read back.
    pub fn charge_list_of_message(&self, message: i64) -> Result<Vec<StoredCharge>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM charges WHERE message = ?1 AND {LIVE} ORDER BY number");
        let mut statement = self.connection.prepare_cached(&sql)?;
        let rows = statement.query_map([message], |row| Ok(read(row)))?;
        rows.map(|row| row?).collect()
    }

    /// The last place of a line of a visit, and batch where given; 0 where there is none.
    ///
    /// # Errors
    /// When the statement fails.
    pub fn charge_last(&self, encounter: &EncounterId, batch: Option<&BatchNumber>) -> Result<i64, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT COALESCE(MAX(number), 0) FROM charges WHERE encounter = ?1 AND batch = ?2")?;
        Ok(statement.query_row([encounter.as_str(), batch.map_or("", BatchNumber::as_str)], |row| row.get(0))?)
    }

    /// The lines of a range, added up by fee category and class.
    ///
    /// # Errors
    /// When a statement fails, or a row does not read back.
    pub fn charge_sums(
        &self,
        encounter: &EncounterId,
        batch: Option<&BatchNumber>,
        range: ChargeRange,
    ) -> Result<Vec<ChargeSums>, StoreError> {
        let sql = format!(
            "SELECT category, class, SUM(self_paid), SUM(over_limit), SUM(first_self_pay), SUM(in_policy) FROM charges
             WHERE encounter = ?1 AND batch = ?2 AND number > ?3 AND number <= ?4 AND {LIVE}
             GROUP BY category, class ORDER BY category, class"
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let batch = batch.map_or("", BatchNumber::as_str);
        let rows = statement
            .query_map(params![encounter.as_str(), batch, range.after, range.upto], |row| Ok(read_sums(row)))?;
        rows.map(|row| row?).collect()
    }

    /// The lines of a range as outpatient messages carry them.
    ///
    /// # Errors
    /// When a statement fails, or a row does not read back.
    pub fn charge_lines(
        &self,
        encounter: &EncounterId,
        batch: Option<&BatchNumber>,
        range: ChargeRange,
    ) -> Result<Vec<ChargeLine>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM charges WHERE encounter = ?1 AND batch = ?2 AND number > ?3 AND number <= ?4
             AND {LIVE} ORDER BY number"
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let batch = batch.map_or("", BatchNumber::as_str);
        let rows =
            statement.query_map(params![encounter.as_str(), batch, range.after, range.upto], |row| Ok(read(row)))?;
        rows.map(|row| Ok(line_of(row??.charge))).collect()
    }

    /// The chronic diseases that the lines of a batch name.
    ///
    /// # Errors
    /// When a statement fails, or a row does not read back.
    pub fn charge_diseases(
        &self,
        encounter: &EncounterId,
        batch: &BatchNumber,
    ) -> Result<Vec<DiseaseCode>, StoreError> {
        let sql = format!(
            "SELECT DISTINCT disease FROM charges WHERE encounter = ?1 AND batch = ?2 AND disease IS NOT NULL AND {LIVE}"
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let rows = statement.query_map([encounter.as_str(), batch.as_str()], |row| row.get::<_, String>(0))?;
        rows.map(|row| stored::id(TABLE, &row?, DiseaseCode::new)).collect()
    }

    /// Withdraws a line.
    ///
    /// # Errors
    /// When the statement fails.
    pub fn charge_withdraw(&self, line: i64, message: i64, at: Timestamp) -> Result<(), StoreError> {
        self.connection.prepare_cached("INSERT INTO withdrawals VALUES (?1, ?2, ?3)")?.execute(params![
            line,
            message,
            at.as_microsecond()
        ])?;
        Ok(())
    }
}

fn line_of(charge: Charge) -> ChargeLine {
    ChargeLine {
        number: charge.number,
        item: charge.item,
        charged_on: charge.charged_on,
        class: charge.class,
        category: charge.category,
        coverage: charge.coverage,
    }
}

fn class_word(class: ItemClass) -> &'static str {
    match class {
        ItemClass::A => "a",
        ItemClass::B => "b",
        ItemClass::C => "c",
    }
}

fn class_from_word(word: &str) -> Option<ItemClass> {
    match word {
        "a" => Some(ItemClass::A),
        "b" => Some(ItemClass::B),
        "c" => Some(ItemClass::C),
        _ => None,
    }
}

fn read(row: &Row<'_>) -> Result<StoredCharge, StoreError> {
    let text = |column| row.get_ref(column)?.as_str().map_err(rusqlite::Error::from).map_err(StoreError::from);
    let takes_back: Option<String> = row.get(2)?;
    let batch = text(3)?;
    let disease: Option<String> = row.get(15)?;
    Ok(StoredCharge {
        line: row.get(0)?,
        charge: Charge {
            number: stored::id(TABLE, text(1)?, ChargeNumber::new)?,
            takes_back: takes_back.map(|number| stored::id(TABLE, &number, ChargeNumber::new)).transpose()?,
            batch: if batch.is_empty() { None } else { Some(stored::id(TABLE, batch, BatchNumber::new)?) },
            item: stored::id(TABLE, text(4)?, ItemCode::new)?,
            charged_on: stored::civil(TABLE, text(5)?)?,
            item_class: stored::word(TABLE, text(6)?, class_from_word)?,
            class: stored::word(TABLE, text(7)?, class_from_word)?,
            category: read_category(row, 8)?,
            share: stored::decimal(TABLE, text(9)?)?,
            quantity: stored::decimal(TABLE, text(10)?)?,
            coverage: read_coverage(row, 11)?,
            disease: disease.map(|code| stored::id(TABLE, &code, DiseaseCode::new)).transpose()?,
        },
    })
}

fn read_sums(row: &Row<'_>) -> Result<ChargeSums, StoreError> {
    let class: String = row.get(1)?;
    Ok(ChargeSums {
        category: read_category(row, 0)?,
        class: stored::word(TABLE, &class, class_from_word)?,
        coverage: read_coverage(row, 2)?,
    })
}

fn read_category(row: &Row<'_>, column: usize) -> Result<FeeCategory, StoreError> {
    let number: u8 = row.get(column)?;
    FeeCategory::new(number).ok_or_else(|| stored::corrupt(TABLE, number, "is not a fee category"))
}

fn read_coverage(row: &Row<'_>, first: usize) -> Result<Coverage, StoreError> {
    let amount = |column| row.get(column).map(Money::from_fen);
    Ok(Coverage {
        self_paid: amount(first)?,
        over_limit: amount(first + 1)?,
        first_self_pay: amount(first + 2)?,
        in_policy: amount(first + 3)?,
    })
}
