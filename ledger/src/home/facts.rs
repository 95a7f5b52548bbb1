//! Facts that a desk asks for: running totals by month, and a visit's settlements in force. Reads only.

use bytes::Bytes;
use rusqlite::Connection;
use settlement::decide::BookSeq;
use settlement::ids::{EncounterId, PersonNumber, PoolCode};
use settlement::money::Money;
use settlement::person::Insurance;
use settlement::year_to_date::{BenefitYear, UsageSums};

use super::row::Columns;
use super::{HomeStore, load};
use crate::store::StoreError;

/// What a person used of an insurance in one month of a benefit year.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MonthTotal {
    /// The insurance.
    pub insurance: Insurance,
    /// The benefit year.
    pub year: BenefitYear,
    /// The month, `yyyymm`.
    pub month: String,
    /// The sums.
    pub sums: UsageSums,
}

/// A visit's settlement in force: its place and its answer's bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VisitAnswer {
    /// Its place in the book.
    pub seq: BookSeq,
    /// The answer.
    pub outcome: Bytes,
}

impl HomeStore {
    /// A person's totals by insurance, benefit year and month, oldest first, and the last place of the book.
    ///
    /// # Errors
    /// When a statement fails or a row is corrupt.
    pub async fn month_total_list(&self, person: PersonNumber) -> Result<(Vec<MonthTotal>, BookSeq), StoreError> {
        self.readers
            .read(move |connection| Ok((month_totals(connection, &person)?, load::last_seq(connection, load::NOW)?)))
            .await
    }

    /// What a person's account holds, and the last place of the book.
    ///
    /// # Errors
    /// When a statement fails.
    pub async fn account_balance_read(&self, person: PersonNumber) -> Result<(Money, BookSeq), StoreError> {
        self.readers
            .read(move |connection| {
                let mut statement = connection.prepare_cached(
                    "SELECT CAST(COALESCE(SUM(amount), 0) AS BIGINT) FROM account_entries WHERE person = ?1",
                )?;
                let balance = statement.query_row([person.as_str()], |row| row.get(0)).map(Money::from_fen)?;
                Ok((balance, load::last_seq(connection, load::NOW)?))
            })
            .await
    }

    /// The settlements in force of a person's visit, oldest first; those of one treatment pool where one is named.
    ///
    /// # Errors
    /// When a statement fails or a row is corrupt.
    pub async fn visit_answer_list(
        &self,
        person: PersonNumber,
        encounter: EncounterId,
        treatment: Option<PoolCode>,
    ) -> Result<(Vec<VisitAnswer>, BookSeq), StoreError> {
        self.readers
            .read(move |connection| {
                let answers = visit_answers(connection, &person, &encounter, treatment)?;
                Ok((answers, load::last_seq(connection, load::NOW)?))
            })
            .await
    }
}

fn month_totals(connection: &Connection, person: &PersonNumber) -> Result<Vec<MonthTotal>, StoreError> {
    let mut statement = connection
        .prepare_cached(&format!("SELECT {} FROM usages WHERE person = ?1 ORDER BY usages.day", load::USAGE))?;
    let mut rows = statement.query([person.as_str()])?;
    let mut totals: Vec<MonthTotal> = Vec::new();
    while let Some(row) = rows.next()? {
        let posting = load::usage_posting(&Columns::of(row, "usages"))?;
        let month = format!("{:04}{:02}", posting.day.year(), posting.day.month());
        let (insurance, year) = (posting.usage.insurance, posting.usage.year);
        let same = |total: &&mut MonthTotal| (total.insurance, total.year, &total.month) == (insurance, year, &month);
        match totals.iter_mut().find(same) {
            Some(total) => total.sums += posting.usage.sums,
            None => totals.push(MonthTotal { insurance, year, month, sums: posting.usage.sums }),
        }
    }
    Ok(totals)
}

fn visit_answers(
    connection: &Connection,
    person: &PersonNumber,
    encounter: &EncounterId,
    treatment: Option<PoolCode>,
) -> Result<Vec<VisitAnswer>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT operations.book_seq AS place, operations.outcome AS outcome FROM settlements
           JOIN operations ON operations.book_seq = settlements.book_seq
          WHERE settlements.person = ?1 AND settlements.encounter = ?2 AND (?3 = '' OR settlements.treatment = ?3)
            AND COALESCE((SELECT becomes FROM undoings WHERE undoings.settlement = settlements.settlement
                           ORDER BY undoings.book_seq DESC LIMIT 1), 'in-force') = 'in-force'
          ORDER BY operations.book_seq",
    )?;
    let treatment = treatment.map(|pool| pool.to_string()).unwrap_or_default();
    let mut rows = statement.query((person.as_str(), encounter.as_str(), treatment))?;
    let mut answers = Vec::new();
    while let Some(row) = rows.next()? {
        let columns = Columns::of(row, "operations");
        let seq = load::seq(columns.number("place")?);
        answers.push(VisitAnswer { seq, outcome: Bytes::copy_from_slice(columns.blob("outcome")?) });
    }
    Ok(answers)
}

impl MonthTotal {
    /// Its sums with their names, stays as a count, amounts as money.
    pub fn amounts(&self) -> [(&'static str, i64); 9] {
        let UsageSums {
            stays,
            deductible,
            in_policy,
            basic,
            large_sum,
            catastrophic_base,
            catastrophic,
            civil_servant,
            assistance,
        } = self.sums;
        let fen = Money::fen;
        [
            ("stays", stays),
            ("deductible", fen(deductible)),
            ("in_policy", fen(in_policy)),
            ("basic", fen(basic)),
            ("large_sum", fen(large_sum)),
            ("catastrophic_base", fen(catastrophic_base)),
            ("catastrophic", fen(catastrophic)),
            ("civil_servant", fen(civil_servant)),
            ("assistance", fen(assistance)),
        ]
    }
}
