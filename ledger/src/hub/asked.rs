//! Comparisons that operators ask treatment sides for, as they are recorded: asked with the letter that tells of it, in one
//! commit, and what each came to. Comparing is for the treatment side; what it finds it reports as always.

use jiff::Timestamp;
use jiff::civil::Date;
use settlement::ids::{PoolCode, RegionCode};

use super::{HubStore, corrupt};
use crate::engine::{Row, Sql, Version};
use crate::mailbox::{self, Notice};
use crate::store::StoreError;
use crate::values;

/// The tables.
pub(super) const TABLES: Version = Version {
    tables: "CREATE TABLE asked_comparisons (
            number INTEGER PRIMARY KEY, treatment TEXT NOT NULL, first_day TEXT NOT NULL, last_day TEXT NOT NULL,
            asked_by TEXT NOT NULL, asked_at INTEGER NOT NULL) STRICT;
        CREATE TABLE asked_answers (
            number INTEGER PRIMARY KEY, agreed INTEGER, breaks INTEGER, pending INTEGER,
            problem TEXT NOT NULL, answered_at INTEGER NOT NULL) STRICT;",
    append_only: &["asked_comparisons", "asked_answers"],
    postgres: "",
};

/// A comparison that an operator asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskedComparison {
    /// Its number.
    pub number: i64,
    /// Whose book is to be compared with the hub's.
    pub treatment: PoolCode,
    /// The first and the last day.
    pub days: (Date, Date),
    /// What it came to; none until the treatment side says.
    pub answer: Option<AskedAnswer>,
}

/// What a comparison came to that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AskedAnswer {
    /// It was made.
    Compared {
        /// Days between two pools that agree.
        agreed: u64,
        /// Breaks that stand.
        breaks: u64,
        /// Differences that are still in doubt.
        pending: u64,
    },
    /// It could not be made, for this reason.
    Failed(String),
}

impl HubStore {
    /// Records that somebody asks a treatment side to compare some days, and posts what `tell` makes of it.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn comparison_ask(
        &self,
        treatment: PoolCode,
        days: (Date, Date),
        tell: impl Fn(&AskedComparison) -> Notice + Send + 'static,
        (by, at): (String, Timestamp),
    ) -> Result<AskedComparison, StoreError> {
        const ASK: &str = "INSERT INTO asked_comparisons (treatment, first_day, last_day, asked_by, asked_at)
            VALUES (?1, ?2, ?3, ?4, ?5) RETURNING number";
        self.engine
            .write(move |sql| {
                let (first, last) = (days.0.to_string(), days.1.to_string());
                let values = values![treatment.0.as_str(), &first, &last, &by, at.as_microsecond()];
                let numbers = sql.execute_returning(ASK, values, |row| row.number(0))?;
                let number = numbers.first().copied().unwrap_or_default();
                let asked = AskedComparison { number, treatment, days, answer: None };
                let Notice { mailbox, letter } = tell(&asked);
                mailbox::post(sql, mailbox, &letter, at)?;
                Ok(asked)
            })
            .await
    }

    /// A comparison that was asked for, by its number.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn comparison_asked(&self, number: i64) -> Result<Option<AskedComparison>, StoreError> {
        self.engine.read(move |sql| find(sql, number)).await
    }

    /// Keeps what a comparison came to; the first answer stays. Whether it was asked of this pool.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn comparison_answer(
        &self,
        number: i64,
        treatments: impl Fn(PoolCode) -> bool + Send + 'static,
        answer: AskedAnswer,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        const ANSWER: &str = "INSERT INTO asked_answers (number, agreed, breaks, pending, problem, answered_at)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING";
        self.engine
            .write(move |sql| {
                let asked = find(sql, number)?;
                if !asked.is_some_and(|asked| treatments(asked.treatment)) {
                    return Ok(false);
                }
                let (counts, problem) = match &answer {
                    AskedAnswer::Compared { agreed, breaks, pending } => ([agreed, breaks, pending].map(Some), ""),
                    AskedAnswer::Failed(problem) => ([None; 3], problem.as_str()),
                };
                let [agreed, breaks, pending] = counts.map(|count| count.map(|count| count.cast_signed()));
                sql.execute(ANSWER, values![number, agreed, breaks, pending, problem, at.as_microsecond()])?;
                Ok(true)
            })
            .await
    }
}

fn find(sql: &Sql<'_>, number: i64) -> Result<Option<AskedComparison>, StoreError> {
    const ASKED: &str = "SELECT asked.number, treatment, first_day, last_day, agreed, breaks, pending, problem
        FROM asked_comparisons AS asked LEFT JOIN asked_answers ON asked_answers.number = asked.number
        WHERE asked.number = ?1";
    sql.find(ASKED, values![number], read)
}

fn read(row: Row<'_>) -> Result<AskedComparison, StoreError> {
    let number = row.number(0)?;
    let malformed = |what: &str| corrupt("asked_comparisons", number, format!("its {what} is not one of ours"));
    let day = |place| row.text(place)?.parse().map_err(|_| malformed("day"));
    let count = |place| Ok::<_, StoreError>(row.optional_number(place)?.map(i64::cast_unsigned));
    let answer = match (count(4)?, count(5)?, count(6)?, row.optional_text(7)?) {
        (Some(agreed), Some(breaks), Some(pending), _) => Some(AskedAnswer::Compared { agreed, breaks, pending }),
        (_, _, _, problem) => problem.map(|problem| AskedAnswer::Failed(problem.to_owned())),
    };
    let treatment = RegionCode::new(row.text(1)?).map(PoolCode).map_err(|_| malformed("pool"))?;
    Ok(AskedComparison { number, treatment, days: (day(2)?, day(3)?), answer })
}
