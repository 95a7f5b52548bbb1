//! Facts that a desk asks for: running totals by month, and a visit's settlements in force. Reads only.

use bytes::Bytes;
use settlement::decide::{BookSeq, UsagePosting};
use settlement::ids::{EncounterId, PersonNumber, PoolCode};
use settlement::money::Money;
use settlement::person::Insurance;
use settlement::year_to_date::{BenefitYear, UsageSums};

use super::row::Columns;
use super::{HomeStore, load};
use crate::engine::Sql;
use crate::store::StoreError;
use crate::values;

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
        self.engine.read(move |sql| Ok((month_totals(sql, &person)?, load::last_seq(sql)?))).await
    }

    /// What a person's account holds, and the last place of the book.
    ///
    /// # Errors
    /// When a statement fails.
    pub async fn account_balance_read(&self, person: PersonNumber) -> Result<(Money, BookSeq), StoreError> {
        const BALANCE: &str = "SELECT CAST(COALESCE(SUM(amount), 0) AS BIGINT) FROM account_entries WHERE person = ?1";
        self.engine
            .read(move |sql| {
                let balance = sql.get(BALANCE, values![person.as_str()], |row| row.number(0).map(Money::from_fen))?;
                Ok((balance, load::last_seq(sql)?))
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
        self.engine
            .read(move |sql| Ok((visit_answers(sql, &person, &encounter, treatment)?, load::last_seq(sql)?)))
            .await
    }
}

fn month_totals(sql: &Sql<'_>, person: &PersonNumber) -> Result<Vec<MonthTotal>, StoreError> {
    const USAGES: &str =
        concat!("SELECT ", load::usage!(), " FROM usages WHERE person = ?1 ORDER BY usages.day, usages.after_seq");
    let mut totals: Vec<MonthTotal> = Vec::new();
    sql.query(USAGES, values![person.as_str()], |row| {
        add(&mut totals, load::usage_posting(&Columns::of(row, "usages"))?);
        Ok(())
    })?;
    Ok(totals)
}

fn add(totals: &mut Vec<MonthTotal>, posting: UsagePosting) {
    let month = format!("{:04}{:02}", posting.day.year(), posting.day.month());
    let (insurance, year) = (posting.usage.insurance, posting.usage.year);
    let same = |total: &&mut MonthTotal| (total.insurance, total.year, &total.month) == (insurance, year, &month);
    match totals.iter_mut().find(same) {
        Some(total) => total.sums += posting.usage.sums,
        None => totals.push(MonthTotal { insurance, year, month, sums: posting.usage.sums }),
    }
}

fn visit_answers(
    sql: &Sql<'_>,
    person: &PersonNumber,
    encounter: &EncounterId,
    treatment: Option<PoolCode>,
) -> Result<Vec<VisitAnswer>, StoreError> {
    const ANSWERS: &str = "SELECT operations.book_seq AS place, operations.outcome AS outcome FROM usages
           JOIN settlements ON settlements.book_seq = usages.after_seq
           JOIN operations ON operations.book_seq = settlements.book_seq
          WHERE usages.person = ?1 AND usages.posting = '' AND usages.encounter = ?2 AND (?3 = '' OR settlements.treatment = ?3)
            AND COALESCE((SELECT becomes FROM undoings WHERE undoings.settlement = settlements.settlement
                           ORDER BY undoings.book_seq DESC LIMIT 1), 'in-force') = 'in-force'
          ORDER BY operations.book_seq";
    let treatment = treatment.map(|pool| pool.to_string()).unwrap_or_default();
    sql.query(ANSWERS, values![person.as_str(), encounter.as_str(), &treatment], |row| {
        let columns = Columns::of(row, "operations");
        let seq = load::seq(columns.number("place")?);
        Ok(VisitAnswer { seq, outcome: Bytes::copy_from_slice(columns.blob("outcome")?) })
    })
}

impl MonthTotal {
    /// Its sums with their names, stays as a count, amounts as money.
    pub fn amounts(&self) -> [(&'static str, i64); 14] {
        let UsageSums {
            stays,
            deductible,
            in_policy,
            basic,
            above_cap,
            large_sum,
            catastrophic_base,
            catastrophic,
            civil_servant_base,
            civil_servant,
            assistance_base,
            assistance,
            tilt_base,
            tilt,
        } = self.sums;
        let fen = Money::fen;
        [
            ("stays", stays),
            ("deductible", fen(deductible)),
            ("in_policy", fen(in_policy)),
            ("basic", fen(basic)),
            ("above_cap", fen(above_cap)),
            ("large_sum", fen(large_sum)),
            ("catastrophic_base", fen(catastrophic_base)),
            ("catastrophic", fen(catastrophic)),
            ("civil_servant_base", fen(civil_servant_base)),
            ("civil_servant", fen(civil_servant)),
            ("assistance_base", fen(assistance_base)),
            ("assistance", fen(assistance)),
            ("tilt_base", fen(tilt_base)),
            ("tilt", fen(tilt)),
        ]
    }
}
