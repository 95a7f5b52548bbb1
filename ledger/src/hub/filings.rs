//! The registry of filings: append-only rows of what was lodged and what was cancelled. Whether somebody may lodge,
//! and whether a filing makes sense, is decided before. Called by the hub's filing service and by its money path.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::Date;
use rusqlite::{Connection, OptionalExtension, Row, params};
use settlement::filing::{Filing, FilingClass};
use settlement::ids::{FilingId, IdError, PersonNumber, PoolCode, RegionCode};
use settlement::person::Validity;

use super::{HubStore, corrupt, instant};
use crate::store::StoreError;

/// Reads filings with their cancellations; the columns are those of [`read`].
macro_rules! select {
    ($condition:literal) => {
        concat!(
            "SELECT filings.id, person, home, class, destination, first_day, filings.last_day, lodged_at,
             cancelled_at IS NOT NULL, filing_cancellations.last_day
             FROM filings LEFT JOIN filing_cancellations ON filing_cancellations.id = filings.id WHERE ",
            $condition
        )
    };
}

/// A filing as the registry holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisteredFiling {
    /// The filing as it was lodged.
    pub filing: Filing,
    /// When it was lodged.
    pub lodged_at: Timestamp,
    /// Whether it still stands.
    pub standing: FilingStanding,
}

/// Whether a filing still stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FilingStanding {
    /// As lodged.
    InForce,
    /// Cancelled: it covers no admission after a day, or never held.
    Cancelled {
        /// The last day of admission that it covers.
        last_day: Option<Date>,
    },
}

/// A filing to be lodged, or a cancellation, and by whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lodging {
    /// What an audit says of the operator: never a name.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// What lodging or cancelling came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lodged {
    /// It stands in the registry as asked, from now or from before.
    Stands(RegisteredFiling),
    /// Something else stands there under this id, and stays.
    Differs(RegisteredFiling),
    /// No such filing.
    Unknown,
}

impl RegisteredFiling {
    /// The filing with the days that it covers now; none when it never held.
    pub fn in_force(&self) -> Option<Filing> {
        let last_day = match self.standing {
            FilingStanding::InForce => return Some(self.filing.clone()),
            FilingStanding::Cancelled { last_day } => last_day?,
        };
        let to = self.filing.validity.to.map_or(last_day, |to| to.min(last_day));
        let validity = Validity { to: Some(to), ..self.filing.validity };
        (validity.from <= to).then(|| Filing { validity, ..self.filing.clone() })
    }
}

impl HubStore {
    /// Lodges a filing. Lodging the same again changes nothing.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn filing_lodge(&self, filing: Filing, lodging: Lodging) -> Result<Lodged, StoreError> {
        self.writer
            .write(move |tx| {
                if let Some(held) = find(tx, &filing.id)? {
                    return Ok(if held.filing == filing { Lodged::Stands(held) } else { Lodged::Differs(held) });
                }
                insert(tx, &filing, &lodging)?;
                let (filing, lodged_at) = (filing.clone(), lodging.at);
                Ok(Lodged::Stands(RegisteredFiling { filing, lodged_at, standing: FilingStanding::InForce }))
            })
            .await
    }

    /// Cancels a filing: it covers no admission after a day, or never held. Cancelling the same again changes nothing.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn filing_cancel(
        &self,
        id: FilingId,
        last_day: Option<Date>,
        lodging: Lodging,
    ) -> Result<Lodged, StoreError> {
        self.writer
            .write(move |tx| {
                let Some(held) = find(tx, &id)? else { return Ok(Lodged::Unknown) };
                let cancelled = FilingStanding::Cancelled { last_day };
                if held.standing == FilingStanding::InForce {
                    tx.execute(
                        "INSERT INTO filing_cancellations (id, last_day, cancelled_at, cancelled_by)
                         VALUES (?1, ?2, ?3, ?4)",
                        params![id.as_str(), day_text(last_day), lodging.at.as_microsecond(), lodging.by],
                    )?;
                    return Ok(Lodged::Stands(RegisteredFiling { standing: cancelled, ..held }));
                }
                Ok(if held.standing == cancelled { Lodged::Stands(held) } else { Lodged::Differs(held) })
            })
            .await
    }

    /// One filing.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn filing_get(&self, id: FilingId) -> Result<Option<RegisteredFiling>, StoreError> {
        self.readers.read(move |connection| find(connection, &id)).await
    }

    /// Filings of a region, or of all, newest first; of one person where one is named.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn filing_list(
        &self,
        home: Option<PoolCode>,
        person: Option<PersonNumber>,
        limit: u32,
    ) -> Result<Vec<RegisteredFiling>, StoreError> {
        self.readers
            .read(move |connection| {
                connection
                    .prepare_cached(select!(
                        "(?1 IS NULL OR filings.home = ?1) AND (?2 IS NULL OR filings.person = ?2)
                         ORDER BY filings.lodged_at DESC, filings.id LIMIT ?3"
                    ))?
                    .query_and_then(
                        params![
                            home.as_ref().map(|home| home.0.as_str()),
                            person.as_ref().map(PersonNumber::as_str),
                            limit
                        ],
                        read,
                    )?
                    .collect()
            })
            .await
    }

    /// The filings of a person that cover anything now.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn filing_of_person(&self, home: PoolCode, person: PersonNumber) -> Result<Vec<Filing>, StoreError> {
        self.readers.read(move |connection| of_person(connection, home, &person)).await
    }
}

/// The filings of a person that cover anything now.
pub(super) fn of_person(
    connection: &Connection,
    home: PoolCode,
    person: &PersonNumber,
) -> Result<Vec<Filing>, StoreError> {
    connection
        .prepare_cached(select!("filings.home = ?1 AND filings.person = ?2"))?
        .query_and_then([home.0.as_str(), person.as_str()], read)?
        .filter_map(|held| held.map(|held| held.in_force()).transpose())
        .collect()
}

pub(super) fn find(connection: &Connection, id: &FilingId) -> Result<Option<RegisteredFiling>, StoreError> {
    connection
        .prepare_cached(select!("filings.id = ?1"))?
        .query_row([id.as_str()], |row| Ok(read(row)))
        .optional()?
        .transpose()
}

fn insert(connection: &Connection, filing: &Filing, lodging: &Lodging) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO filings (id, home, person, class, destination, first_day, last_day, lodged_at, lodged_by)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute(params![
            filing.id.as_str(),
            filing.home.0.as_str(),
            filing.person.as_str(),
            filing.class.word(),
            filing.destination.as_str(),
            filing.validity.from.to_string(),
            day_text(filing.validity.to),
            lodging.at.as_microsecond(),
            lodging.by,
        ])?;
    Ok(())
}

fn read(row: &Row<'_>) -> Result<RegisteredFiling, StoreError> {
    let id: String = row.get(0)?;
    let unreadable = |problem: &dyn fmt::Display| corrupt("filing", &id, problem);
    let malformed = |fault: IdError| unreadable(&fault);
    let day = |text: String| text.parse::<Date>().map_err(|fault| unreadable(&fault));
    let last_day = |column: usize| row.get::<_, Option<String>>(column)?.map(day).transpose();
    let cancelled = FilingStanding::Cancelled { last_day: last_day(9)? };
    Ok(RegisteredFiling {
        filing: Filing {
            id: FilingId::new(&id).map_err(malformed)?,
            person: PersonNumber::new(&row.get::<_, String>(1)?).map_err(malformed)?,
            home: PoolCode(RegionCode::new(&row.get::<_, String>(2)?).map_err(malformed)?),
            class: FilingClass::from_word(&row.get::<_, String>(3)?).ok_or_else(|| unreadable(&"its class is none"))?,
            destination: RegionCode::new(&row.get::<_, String>(4)?).map_err(malformed)?,
            validity: Validity { from: day(row.get(5)?)?, to: last_day(6)? },
        },
        lodged_at: instant("filing", &id, row.get(7)?)?,
        standing: if row.get(8)? { cancelled } else { FilingStanding::InForce },
    })
}

fn day_text(day: Option<Date>) -> Option<String> {
    day.map(|day| day.to_string())
}
