//! What was compared with hospitals, and which rows differed: written by 3201 and 3202, read by the operator's view. A
//! later comparison of the same follows an earlier one and changes nothing of it.

use clearing::hospital::coverage::Compared;
use clearing::hospital::{Amounts, Direction, Figures, Kind};
use jiff::Timestamp;
use jiff::civil::Date;

use super::{HospitalScope, amounts, is_backward, texts};
use crate::engine::{Row, Value};
use crate::store::StoreError;
use crate::treatment::{Session, stored};
use crate::values;

const TABLE: &str = "hospital_comparisons";

/// A comparison to be kept.
#[derive(Clone, Debug)]
pub struct NewComparison {
    /// `3201` or `3202`.
    pub transaction: &'static str,
    /// What was compared.
    pub scope: HospitalScope,
    /// The newest row of the book then.
    pub upto: i64,
    /// Whether both sides said the same.
    pub agrees: bool,
    /// What this side's rows come to.
    pub own: Figures,
    /// What the hospital says they come to.
    pub told: Figures,
    /// All rows that differ: what is not among them is told to nobody, and is cleared.
    pub differences: Vec<KeptDifference>,
    /// When.
    pub at: Timestamp,
}

/// A row that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptDifference {
    /// How.
    pub kind: Kind,
    /// Which of a settlement's two rows it is.
    pub direction: Direction,
    /// `setl_id`.
    pub settlement: String,
    /// `mdtrt_id`; empty where it is not known.
    pub encounter: String,
    /// `psn_no`; empty where it is not known.
    pub person: String,
    /// The message of this side's row, where there is one.
    pub message: Option<i64>,
    /// This side's amounts.
    pub own: Option<Amounts>,
    /// The hospital's.
    pub told: Option<Amounts>,
}

/// A comparison as it was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredComparison {
    /// What was compared, and whether it agreed.
    pub compared: Compared,
    /// `3201` or `3202`.
    pub transaction: String,
    /// What this side's rows came to.
    pub own: Figures,
    /// What the hospital said.
    pub told: Figures,
    /// When.
    pub at: Timestamp,
}

/// A row that differed, as it was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredDifference {
    /// The row.
    pub difference: KeptDifference,
    /// Whether the message of this side's row was reversed since.
    pub reversed_since: bool,
}

const INSERT: &str =
    "INSERT INTO hospital_comparisons (transaction_number, institution, first_day, last_day, insurance,
        clearing_class, agency, refunds, upto, agrees, own_count, own_total, own_funds, own_account, told_count,
        told_total, told_funds, told_account, compared_at)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19) RETURNING number";
const INSERT_DIFFERENCE: &str = "INSERT INTO hospital_differences (comparison, place, kind, backward, settlement,
        encounter, person, message, own_total, own_funds, own_account, told_total, told_funds, told_account)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)";
const LIST: &str =
    "SELECT number, transaction_number, institution, first_day, last_day, insurance, clearing_class, agency,
        upto, agrees, own_count, own_total, own_funds, own_account, told_count, told_total, told_funds, told_account,
        compared_at
    FROM hospital_comparisons WHERE (?1 = '' OR institution = ?1) AND last_day >= ?2 AND first_day <= ?3
    ORDER BY number";
const LIST_DIFFERENCES: &str = "SELECT kind, backward, settlement, encounter, person, message, own_total, own_funds,
        own_account, told_total, told_funds, told_account,
        EXISTS (SELECT 1 FROM reversals WHERE reversals.message = hospital_differences.message) AS reversed
    FROM hospital_differences WHERE comparison = ?1 ORDER BY place";

impl Session<'_, '_> {
    /// Keeps a comparison with the rows that differed.
    ///
    /// # Errors
    /// When a statement fails.
    pub fn hospital_comparison_insert(&self, new: &NewComparison) -> Result<(), StoreError> {
        let NewComparison { transaction, scope, upto, agrees, own, told, differences, at } = new;
        let (first, last) = texts(scope.days);
        let values = values![
            *transaction,
            &scope.institution,
            &first,
            &last,
            &scope.insurance,
            &scope.clearing_class,
            &scope.agency,
            scope.refunds,
            *upto,
            *agrees,
            own.count,
            own.amounts.total.fen(),
            own.amounts.funds.fen(),
            own.amounts.account.fen(),
            told.count,
            told.amounts.total.fen(),
            told.amounts.funds.fen(),
            told.amounts.account.fen(),
            at.as_microsecond(),
        ];
        let numbers = self.sql.execute_returning(INSERT, values, |row| row.number(0))?;
        let number = numbers.first().copied().ok_or_else(|| stored::corrupt(TABLE, "new", "got no number"))?;
        let rows: Vec<_> = (0..).zip(differences).map(|(place, kept)| difference_values(number, place, kept)).collect();
        self.sql.execute_each(INSERT_DIFFERENCE, &rows)
    }

    /// What was compared of some days, oldest first; with all hospitals where none is named.
    ///
    /// # Errors
    /// When the statement fails, or a row does not read back.
    pub fn hospital_comparison_list(
        &self,
        institution: &str,
        days: (Date, Date),
    ) -> Result<Vec<StoredComparison>, StoreError> {
        let (first, last) = texts(days);
        self.sql.query(LIST, values![institution, &first, &last], read)
    }

    /// The rows that differed in a comparison.
    ///
    /// # Errors
    /// When the statement fails, or a row does not read back.
    pub fn hospital_difference_list(&self, comparison: i64) -> Result<Vec<StoredDifference>, StoreError> {
        self.sql.query(LIST_DIFFERENCES, values![comparison], read_difference)
    }
}

fn difference_values(comparison: i64, place: i64, kept: &KeptDifference) -> [Value<'_>; 14] {
    let fen = |amounts: Option<Amounts>| {
        let of = |pick: fn(Amounts) -> i64| Value::from(amounts.map(pick));
        [of(|amounts| amounts.total.fen()), of(|amounts| amounts.funds.fen()), of(|amounts| amounts.account.fen())]
    };
    let ([own_total, own_funds, own_account], [told_total, told_funds, told_account]) = (fen(kept.own), fen(kept.told));
    [
        comparison.into(),
        place.into(),
        kept.kind.word().into(),
        is_backward(kept.direction).into(),
        (&kept.settlement).into(),
        (&kept.encounter).into(),
        (&kept.person).into(),
        kept.message.into(),
        own_total,
        own_funds,
        own_account,
        told_total,
        told_funds,
        told_account,
    ]
}

fn read(row: Row<'_>) -> Result<StoredComparison, StoreError> {
    let text = |place: usize| row.text(place).map(ToOwned::to_owned);
    let compared = Compared {
        number: row.number(0)?,
        institution: text(2)?,
        days: (stored::civil(TABLE, row.text(3)?)?, stored::civil(TABLE, row.text(4)?)?),
        insurance: text(5)?,
        clearing_class: text(6)?,
        agency: text(7)?,
        upto: row.number(8)?,
        agrees: row.flag(9)?,
    };
    Ok(StoredComparison {
        compared,
        transaction: text(1)?,
        own: Figures { count: row.number(10)?, amounts: amounts(row, 11)? },
        told: Figures { count: row.number(14)?, amounts: amounts(row, 15)? },
        at: stored::instant(TABLE, row.number(18)?)?,
    })
}

fn read_difference(row: Row<'_>) -> Result<StoredDifference, StoreError> {
    let text = |place: usize| row.text(place).map(ToOwned::to_owned);
    let side = |first: usize| row.optional_number(first)?.map(|_| amounts(row, first)).transpose();
    let difference = KeptDifference {
        kind: stored::word("hospital_differences", row.text(0)?, Kind::from_word)?,
        direction: if row.flag(1)? { Direction::Backward } else { Direction::Forward },
        settlement: text(2)?,
        encounter: text(3)?,
        person: text(4)?,
        message: row.optional_number(5)?,
        own: side(6)?,
        told: side(9)?,
    };
    Ok(StoredDifference { difference, reversed_since: row.flag(12)? })
}
