//! Charge lines with their split by coverage, and their withdrawal. Lines are never changed; what they come to is added
//! up as they come and go (see [`super::tally`]).

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use settlement::bill::{ChargeLine, Coverage, FeeCategory, ItemClass};
use settlement::ids::{BatchNumber, ChargeNumber, DiseaseCode, EncounterId, ItemCode};

use super::{Session, stored};
use crate::engine::{Row, list};
use crate::store::StoreError;
use crate::values;

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

const INSERT: &str = "INSERT INTO charges (encounter, charge, takes_back, batch, item, charged_on, item_class, class,
    category, share, quantity, self_paid, over_limit, first_self_pay, in_policy, disease, message)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17) RETURNING number";
const WITHDRAW: &str = "INSERT INTO withdrawals VALUES (?1, ?2, ?3)";

/// Lines that were not withdrawn.
macro_rules! live {
    ($columns:literal, $tables:literal, $condition:literal) => {
        concat!(
            "SELECT ",
            $columns,
            " FROM ",
            $tables,
            " WHERE ",
            $condition,
            " AND NOT EXISTS (SELECT 1 FROM withdrawals WHERE withdrawals.line = charges.number)"
        )
    };
    ($condition:literal) => {
        concat!(
            live!(
                "number, charge, takes_back, batch, item, charged_on, item_class, class, category, share, quantity,
                 self_paid, over_limit, first_self_pay, in_policy, disease",
                "charges",
                $condition
            ),
            " ORDER BY number"
        )
    };
}

const LIST: &str = live!("encounter = ?1");
const LIST_OF_MESSAGE: &str = live!("message = ?1");
const LIST_OF_RANGE: &str = live!("encounter = ?1 AND batch = ?2 AND number > ?3 AND number <= ?4");
const DISEASES: &str = live!("DISTINCT disease", "charges", "encounter = ?1 AND batch = ?2 AND disease IS NOT NULL");
const KNOWN: &str = live!(
    "charge",
    "json_each(?2) AS wanted CROSS JOIN charges",
    "charges.encounter = ?1 AND charges.charge = wanted.value"
);

impl Session<'_, '_> {
    /// Keeps the lines of a message, and what they come to.
    ///
    /// # Errors
    /// When a statement fails.
    pub fn charge_insert(&self, encounter: &EncounterId, charges: &[Charge], message: i64) -> Result<(), StoreError> {
        let mut lasts: BTreeMap<Option<&str>, i64> = BTreeMap::new();
        for charge in charges {
            let line = self.line_insert(encounter, charge, message)?;
            lasts.insert(batch_of(charge), line);
        }
        for (batch, last) in lasts {
            let of_batch = charges.iter().filter(|charge| batch_of(charge) == batch);
            self.tally_keep(encounter, last, of_batch, message)?;
        }
        Ok(())
    }

    fn line_insert(&self, encounter: &EncounterId, charge: &Charge, message: i64) -> Result<i64, StoreError> {
        let coverage = &charge.coverage;
        let (charged_on, share, quantity) =
            (charge.charged_on.to_string(), charge.share.to_string(), charge.quantity.to_string());
        let values = values![
            encounter.as_str(),
            charge.number.as_str(),
            charge.takes_back.as_ref().map(ChargeNumber::as_str),
            batch_of(charge).unwrap_or_default(),
            charge.item.as_str(),
            &charged_on,
            class_word(charge.item_class),
            class_word(charge.class),
            i64::from(charge.category.number()),
            &share,
            &quantity,
            coverage.self_paid.fen(),
            coverage.over_limit.fen(),
            coverage.first_self_pay.fen(),
            coverage.in_policy.fen(),
            charge.disease.as_ref().map(DiseaseCode::as_str),
            message,
        ];
        let number = self.sql.execute_returning(INSERT, values, |row| row.number(0))?;
        number.first().copied().ok_or_else(|| stored::corrupt(TABLE, &charge.number, "was not kept"))
    }

    /// Which of some numbers are those of lines of a visit that were not withdrawn.
    ///
    /// # Errors
    /// When the statement fails, or a row does not read back.
    pub fn charge_known<'a>(
        &self,
        encounter: &EncounterId,
        numbers: impl Iterator<Item = &'a ChargeNumber>,
    ) -> Result<Vec<ChargeNumber>, StoreError> {
        let wanted = list(numbers.map(ChargeNumber::as_str));
        let values = values![encounter.as_str(), &wanted];
        self.sql.query(KNOWN, values, |row| stored::id(TABLE, row.text(0)?, ChargeNumber::new))
    }

    /// Every line of a visit that was not withdrawn, in the order in which they came.
    ///
    /// # Errors
    /// When the statement fails, or a row does not read back.
    pub fn charge_list(&self, encounter: &EncounterId) -> Result<Vec<StoredCharge>, StoreError> {
        self.sql.query(LIST, values![encounter.as_str()], read)
    }

    /// The lines that one message brought and that were not withdrawn.
    ///
    /// # Errors
    /// When the statement fails, or a row does not read back.
    pub fn charge_list_of_message(&self, message: i64) -> Result<Vec<StoredCharge>, StoreError> {
        self.sql.query(LIST_OF_MESSAGE, values![message], read)
    }

    /// The lines of a range as outpatient messages carry them.
    ///
    /// # Errors
    /// When the statement fails, or a row does not read back.
    pub fn charge_lines(
        &self,
        encounter: &EncounterId,
        batch: Option<&BatchNumber>,
        range: ChargeRange,
    ) -> Result<Vec<ChargeLine>, StoreError> {
        let batch = batch.map_or("", BatchNumber::as_str);
        let values = values![encounter.as_str(), batch, range.after, range.upto];
        self.sql.query(LIST_OF_RANGE, values, |row| Ok(line_of(read(row)?.charge)))
    }

    /// The chronic diseases that the lines of a batch name.
    ///
    /// # Errors
    /// When the statement fails, or a row does not read back.
    pub fn charge_diseases(
        &self,
        encounter: &EncounterId,
        batch: &BatchNumber,
    ) -> Result<Vec<DiseaseCode>, StoreError> {
        let values = values![encounter.as_str(), batch.as_str()];
        self.sql.query(DISEASES, values, |row| stored::id(TABLE, row.text(0)?, DiseaseCode::new))
    }

    /// Withdraws a line of a visit.
    ///
    /// # Errors
    /// When a statement fails.
    pub fn charge_withdraw(
        &self,
        encounter: &EncounterId,
        stored: &StoredCharge,
        message: i64,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.sql.execute(WITHDRAW, values![stored.line, message, at.as_microsecond()])?;
        self.tally_take_off(encounter, stored.line, &stored.charge, message)
    }
}

fn batch_of(charge: &Charge) -> Option<&str> {
    charge.batch.as_ref().map(BatchNumber::as_str)
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

pub(super) fn class_word(class: ItemClass) -> &'static str {
    match class {
        ItemClass::A => "a",
        ItemClass::B => "b",
        ItemClass::C => "c",
    }
}

pub(super) fn class_from_word(word: &str) -> Option<ItemClass> {
    match word {
        "a" => Some(ItemClass::A),
        "b" => Some(ItemClass::B),
        "c" => Some(ItemClass::C),
        _ => None,
    }
}

fn read(row: Row<'_>) -> Result<StoredCharge, StoreError> {
    let id = |place: usize| row.text(place);
    let batch = Some(id(3)?).filter(|batch| !batch.is_empty());
    let category = row.number(8)?;
    let fee_category = u8::try_from(category).ok().and_then(FeeCategory::new);
    Ok(StoredCharge {
        line: row.number(0)?,
        charge: Charge {
            number: stored::id(TABLE, id(1)?, ChargeNumber::new)?,
            takes_back: row.optional_text(2)?.map(|text| stored::id(TABLE, text, ChargeNumber::new)).transpose()?,
            batch: batch.map(|text| stored::id(TABLE, text, BatchNumber::new)).transpose()?,
            item: stored::id(TABLE, id(4)?, ItemCode::new)?,
            charged_on: stored::civil(TABLE, id(5)?)?,
            item_class: stored::word(TABLE, id(6)?, class_from_word)?,
            class: stored::word(TABLE, id(7)?, class_from_word)?,
            category: fee_category.ok_or_else(|| stored::corrupt(TABLE, category, "is not a fee category"))?,
            share: stored::decimal(TABLE, id(9)?)?,
            quantity: stored::decimal(TABLE, id(10)?)?,
            coverage: stored::coverage(row, 11)?,
            disease: row.optional_text(15)?.map(|code| stored::id(TABLE, code, DiseaseCode::new)).transpose()?,
        },
    })
}
