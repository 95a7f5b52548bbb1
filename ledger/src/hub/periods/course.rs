//! How far periods have come, as it is recorded: which month each is, and the steps that it has taken. What is due next
//! is for `clearing::period`; this keeps facts. Each is written once, whoever writes it again.

use std::collections::BTreeMap;

use clearing::month::Month;
use clearing::period::{Pair, PairRecord, Proof, Record};
use jiff::Timestamp;
use settlement::ids::{MemberCode, RegionCode};

use super::super::{HubStore, corrupt, instant, told};
use super::{PeriodNumber, statements};
use crate::engine::{Row, Sql};
use crate::store::StoreError;
use crate::values;

/// A step that a period has taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepTaken {
    /// All its entries are in its sums.
    Folded,
    /// Its sums were held against the journal.
    Proved(Proof),
    /// What was disputed is carried out.
    Carried,
    /// It is closed.
    Closed,
}

impl StepTaken {
    /// The word in messages and books.
    pub fn word(self) -> &'static str {
        match self {
            StepTaken::Folded => "folded",
            StepTaken::Proved(_) => "proved",
            StepTaken::Carried => "carried",
            StepTaken::Closed => "closed",
        }
    }

    /// Whether it came out as it should.
    pub fn held(self) -> bool {
        match self {
            StepTaken::Folded | StepTaken::Carried | StepTaken::Closed | StepTaken::Proved(Proof::Holds) => true,
            StepTaken::Proved(Proof::Fails) => false,
        }
    }

    /// Which step it is in the order in which they are taken.
    fn place(self) -> u8 {
        match self {
            StepTaken::Folded => 0,
            StepTaken::Proved(_) => 1,
            StepTaken::Carried => 2,
            StepTaken::Closed => 3,
        }
    }

    fn read(word: &str, held: bool) -> Option<StepTaken> {
        let proof = if held { Proof::Holds } else { Proof::Fails };
        let all = [StepTaken::Folded, StepTaken::Proved(proof), StepTaken::Carried, StepTaken::Closed];
        all.into_iter().find(|step| step.word() == word)
    }
}

/// What a step left behind to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepReport {
    /// Which step.
    pub step: StepTaken,
    /// What came of it, for a person.
    pub report: String,
    /// When it was taken.
    pub taken_at: Timestamp,
}

impl HubStore {
    /// The periods that are not closed, oldest first, each with its month where it has one.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn clearing_unfinished(&self) -> Result<Vec<(PeriodNumber, Option<Month>)>, StoreError> {
        const UNFINISHED: &str = "SELECT periods.number, clearing_months.month FROM periods
            LEFT JOIN clearing_months ON clearing_months.period = periods.number
            WHERE NOT EXISTS (SELECT 1 FROM clearing_steps
                              WHERE clearing_steps.period = periods.number AND step = 'closed')
            ORDER BY periods.number";
        let read = |row: Row<'_>| {
            let period = PeriodNumber(row.number(0)?);
            Ok((period, row.optional_text(1)?.map(|text| read_month(period, text)).transpose()?))
        };
        self.engine.read(move |sql| sql.query(UNFINISHED, values![], read)).await
    }

    /// Says which month a period is, where nobody has said it before.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn clearing_name(&self, period: PeriodNumber, month: Month) -> Result<(), StoreError> {
        const NAME: &str = "INSERT INTO clearing_months (period, month) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
        let month = month.to_string();
        self.engine.write(move |sql| sql.execute(NAME, values![period.0, &month]).map(drop)).await
    }

    /// The month that a period is, where one has been given to it.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn clearing_month_of(&self, period: PeriodNumber) -> Result<Option<Month>, StoreError> {
        const MONTH_OF: &str = "SELECT month FROM clearing_months WHERE period = ?1";
        let find = move |sql: &Sql<'_>| sql.find(MONTH_OF, values![period.0], |row| read_month(period, row.text(0)?));
        self.engine.read(find).await
    }

    /// The period of a month.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn clearing_period_of(&self, month: Month) -> Result<Option<PeriodNumber>, StoreError> {
        const OF_MONTH: &str = "SELECT period FROM clearing_months WHERE month = ?1";
        let month = month.to_string();
        let find = move |sql: &Sql<'_>| sql.find(OF_MONTH, values![&month], |row| row.number(0).map(PeriodNumber));
        self.engine.read(find).await
    }

    /// When a period was cut off; none while it is open.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn clearing_cut_off_at(&self, period: PeriodNumber) -> Result<Option<Timestamp>, StoreError> {
        const ENDED: &str = "SELECT opened_at FROM periods WHERE number = ?1 + 1";
        let find =
            move |sql: &Sql<'_>| sql.find(ENDED, values![period.0], |row| instant("periods", period, row.number(0)?));
        self.engine.read(find).await
    }

    /// Records a step that was taken. One that holds already is not recorded again. That a period is closed, its pairs are
    /// told afterwards; see [`HubStore::clearing_tell_closed`].
    ///
    /// # Errors
    /// When the store fails; a step that was recorded stays so.
    pub async fn clearing_step(
        &self,
        period: PeriodNumber,
        step: StepTaken,
        report: String,
        taken_at: Timestamp,
    ) -> Result<(), StoreError> {
        const HELD: &str = "SELECT 1 FROM clearing_steps WHERE period = ?1 AND step = ?2 AND held = 1";
        let is_told = self.telling.is_some() && step == StepTaken::Closed;
        self.engine
            .write(move |sql| {
                if sql.exists(HELD, values![period.0, step.word()])? {
                    return Ok(());
                }
                record_step(sql, period, step, &report, taken_at)?;
                if is_told { told::closing(sql, period) } else { Ok(()) }
            })
            .await?;
        if is_told { self.clearing_tell_closed().await } else { Ok(()) }
    }

    /// The steps that a period has taken, in order.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn clearing_reports(&self, period: PeriodNumber) -> Result<Vec<StepReport>, StoreError> {
        self.engine.read(move |sql| steps(sql, period)).await
    }

    /// What is recorded of a period; none where no month has been given to it. `pairs` are those of its lots, which are
    /// known once it is proved.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn clearing_record(
        &self,
        period: PeriodNumber,
        pairs: BTreeMap<Pair, PairRecord>,
    ) -> Result<Option<Record>, StoreError> {
        self.engine.read(move |sql| record(sql, period, &pairs)).await
    }
}

pub(in crate::hub) fn record_step(
    sql: &Sql<'_>,
    period: PeriodNumber,
    step: StepTaken,
    report: &str,
    taken_at: Timestamp,
) -> Result<(), StoreError> {
    const STEP: &str = "INSERT INTO clearing_steps (number, period, step, held, report, taken_at)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let values = values![sql.position()?, period.0, step.word(), step.held(), report, taken_at.as_microsecond()];
    sql.execute(STEP, values).map(drop)
}

fn record(
    sql: &Sql<'_>,
    period: PeriodNumber,
    known: &BTreeMap<Pair, PairRecord>,
) -> Result<Option<Record>, StoreError> {
    const MONTH: &str = "SELECT month, EXISTS (SELECT 1 FROM periods WHERE number > ?1) FROM clearing_months
        WHERE period = ?1";
    let found = sql.find(MONTH, values![period.0], |row| Ok((read_month(period, row.text(0)?)?, row.flag(1)?)))?;
    let Some((month, is_cut_off)) = found else { return Ok(None) };
    let mut record = Record { is_cut_off, ..Record::open(month) };
    for StepReport { step, .. } in steps(sql, period)? {
        match step {
            StepTaken::Folded => record.is_folded = true,
            StepTaken::Proved(proof) => record.proof = Some(proof),
            StepTaken::Carried => record.is_carried = true,
            StepTaken::Closed => record.is_closed = true,
        }
    }
    record.pairs = known.clone();
    statements::read_into(sql, period, &mut record.pairs)?;
    Ok(Some(record))
}

fn steps(sql: &Sql<'_>, period: PeriodNumber) -> Result<Vec<StepReport>, StoreError> {
    const STEPS: &str =
        "SELECT step, held, report, taken_at FROM clearing_steps WHERE period = ?1 ORDER BY taken_at, number";
    let mut steps = sql.query(STEPS, values![period.0], |row| {
        let step = StepTaken::read(row.text(0)?, row.flag(1)?);
        Ok(StepReport {
            step: step.ok_or_else(|| corrupt("clearing_steps", period, "its step is not one of ours"))?,
            report: row.text(2)?.to_owned(),
            taken_at: instant("clearing_steps", period, row.number(3)?)?,
        })
    })?;
    // Numbers of two hubs say nothing of what came first at one instant; the steps themselves do.
    steps.sort_by_key(|report| (report.taken_at, report.step.place()));
    Ok(steps)
}

fn read_month(period: PeriodNumber, text: &str) -> Result<Month, StoreError> {
    Month::from_text(text).ok_or_else(|| corrupt("clearing_months", period, format!("{text} is no month")))
}

pub(in crate::hub) fn read_pair(row: Row<'_>, first: usize) -> Result<Pair, StoreError> {
    let member = |place| {
        let malformed = |fault: settlement::ids::IdError| StoreError::Column {
            column: "member".into(),
            problem: fault.to_string(),
        };
        RegionCode::new(row.text(place)?).map(MemberCode).map_err(malformed)
    };
    Ok(Pair { home: member(first)?, treatment: member(first + 1)? })
}
