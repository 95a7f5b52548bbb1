//! The registry of filings: append-only rows of what was lodged, what was proven later, and what was cancelled. Whether somebody may lodge,
//! and whether a filing makes sense, is decided before. Called by the hub's filing service and by its money path.

#[cfg(feature = "testing")]
mod load;

use std::fmt;

use jiff::Timestamp;
use jiff::civil::Date;
use settlement::filing::{Filing, FilingClass, Proof};
use settlement::ids::{FilingId, IdError, PersonNumber, PoolCode, RegionCode};
use settlement::person::Validity;

use super::{HubStore, corrupt, instant};
use crate::engine::{Row, Sql};
use crate::mailbox::{self, Notice};
use crate::store::StoreError;
use crate::values;

/// Reads filings with what became of them; the columns are those of [`read`]. Only a filing by commitment is looked up among
/// the proofs: the others cost nothing on the hot path.
macro_rules! select {
    ($condition:literal) => {
        concat!(
            "SELECT filings.id, class, destination, first_day, filings.last_day, proof, lodged_at,
             cancelled_at IS NOT NULL, filing_cancellations.last_day, person, home,
             CASE WHEN proof = 'commitment'
                  THEN (SELECT handed_in_at FROM filing_proofs WHERE filing_proofs.id = filings.id) END
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
    /// When the proof of one by commitment was handed in, if it was.
    pub proven_at: Option<Timestamp>,
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

/// A filing to be lodged, a proof or a cancellation, and by whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lodging {
    /// What an audit says of the operator: never a name.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// What lodging, proving or cancelling came to.
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
    /// The filing as lodged, with its proof as it is now.
    pub fn proven(&self) -> Filing {
        let proof = if self.proven_at.is_some() { Proof::HandedIn } else { self.filing.proof };
        Filing { proof, ..self.filing.clone() }
    }

    /// The filing with its proof and the days that it covers now; none when it never held.
    pub fn in_force(&self) -> Option<Filing> {
        let filing = self.proven();
        let last_day = match self.standing {
            FilingStanding::InForce => return Some(filing),
            FilingStanding::Cancelled { last_day } => last_day?,
        };
        let to = filing.validity.to.map_or(last_day, |to| to.min(last_day));
        let validity = Validity { to: Some(to), ..filing.validity };
        (validity.from <= to).then_some(Filing { validity, ..filing })
    }
}

impl HubStore {
    /// Lodges a filing, and posts notices of it in the same commit. Lodging the same again changes nothing.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn filing_lodge(
        &self,
        filing: Filing,
        lodging: Lodging,
        notices: Vec<Notice>,
    ) -> Result<Lodged, StoreError> {
        self.engine
            .write(move |sql| {
                if let Some(held) = find(sql, &filing.id)? {
                    return Ok(if held.filing == filing { Lodged::Stands(held) } else { Lodged::Differs(held) });
                }
                insert(sql, &filing, &lodging)?;
                post(sql, &notices, lodging.at)?;
                let (filing, lodged_at) = (filing.clone(), lodging.at);
                let standing = FilingStanding::InForce;
                Ok(Lodged::Stands(RegisteredFiling { filing, lodged_at, proven_at: None, standing }))
            })
            .await
    }

    /// Notes that the proof of a filing by commitment was handed in; notices of it are posted in the same commit. Where it
    /// was handed in before, nothing changes; what is cancelled stays as it was.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn filing_prove(
        &self,
        id: FilingId,
        lodging: Lodging,
        notices: Vec<Notice>,
    ) -> Result<Lodged, StoreError> {
        self.engine
            .write(move |sql| {
                let Some(held) = find(sql, &id)? else { return Ok(Lodged::Unknown) };
                if held.proven().proof == Proof::HandedIn {
                    return Ok(Lodged::Stands(held));
                }
                if held.standing != FilingStanding::InForce {
                    return Ok(Lodged::Differs(held));
                }
                sql.execute(
                    "INSERT INTO filing_proofs (id, handed_in_at, handed_in_by) VALUES (?1, ?2, ?3)",
                    values![id.as_str(), lodging.at.as_microsecond(), &lodging.by],
                )?;
                post(sql, &notices, lodging.at)?;
                Ok(Lodged::Stands(RegisteredFiling { proven_at: Some(lodging.at), ..held }))
            })
            .await
    }

    /// Cancels a filing: it covers no admission after a day, or never held; notices of it are posted in the same
    /// commit. Cancelling the same again changes nothing.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn filing_cancel(
        &self,
        id: FilingId,
        last_day: Option<Date>,
        lodging: Lodging,
        notices: Vec<Notice>,
    ) -> Result<Lodged, StoreError> {
        self.engine
            .write(move |sql| {
                let Some(held) = find(sql, &id)? else { return Ok(Lodged::Unknown) };
                let cancelled = FilingStanding::Cancelled { last_day };
                if held.standing == FilingStanding::InForce {
                    sql.execute(
                        "INSERT INTO filing_cancellations (id, last_day, cancelled_at, cancelled_by)
                         VALUES (?1, ?2, ?3, ?4)",
                        values![id.as_str(), day_text(last_day).as_deref(), lodging.at.as_microsecond(), &lodging.by],
                    )?;
                    post(sql, &notices, lodging.at)?;
                    return Ok(Lodged::Stands(RegisteredFiling { standing: cancelled, ..held }));
                }
                Ok(if held.standing == cancelled { Lodged::Stands(held) } else { Lodged::Differs(held) })
            })
            .await
    }

    /// Lodges filings that are known to be new, many at once: for books that are filled beforehand.
    ///
    /// # Errors
    /// When the store fails, or has one of them; then none is lodged.
    #[cfg(feature = "testing")]
    pub async fn filing_load(&self, filings: Vec<Filing>, lodging: Lodging) -> Result<(), StoreError> {
        self.engine
            .write(move |sql| filings.chunks(load::AT_ONCE).try_for_each(|chunk| load::insert(sql, chunk, &lodging)))
            .await
    }

    /// One filing.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn filing_get(&self, id: FilingId) -> Result<Option<RegisteredFiling>, StoreError> {
        self.engine.read(move |sql| find(sql, &id)).await
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
        self.engine
            .read(move |sql| {
                sql.query(
                    select!(
                        "(?1 IS NULL OR filings.home = ?1) AND (?2 IS NULL OR filings.person = ?2)
                         ORDER BY filings.lodged_at DESC, filings.id LIMIT ?3"
                    ),
                    values![
                        home.as_ref().map(|home| home.0.as_str()),
                        person.as_ref().map(PersonNumber::as_str),
                        i64::from(limit),
                    ],
                    read,
                )
            })
            .await
    }

    /// The filings of a person that cover anything now.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn filing_of_person(&self, home: PoolCode, person: PersonNumber) -> Result<Vec<Filing>, StoreError> {
        self.engine.read(move |sql| of_person(sql, home, &person)).await
    }
}

fn post(sql: &Sql<'_>, notices: &[Notice], at: Timestamp) -> Result<(), StoreError> {
    for Notice { mailbox, letter } in notices {
        mailbox::post(sql, *mailbox, letter, at)?;
    }
    Ok(())
}

/// The filings of a person that cover anything now. Of two alike, the one that was lodged first goes first.
pub(super) fn of_person(sql: &Sql<'_>, home: PoolCode, person: &PersonNumber) -> Result<Vec<Filing>, StoreError> {
    // Put in order here: a statement that sorts costs more than the few rows that a person has.
    let mut held = sql.query(
        select!("filings.home = ?1 AND filings.person = ?2"),
        values![home.0.as_str(), person.as_str()],
        read,
    )?;
    held.sort_by(|one, two| (one.lodged_at, &one.filing.id).cmp(&(two.lodged_at, &two.filing.id)));
    Ok(held.iter().filter_map(RegisteredFiling::in_force).collect())
}

pub(super) fn find(sql: &Sql<'_>, id: &FilingId) -> Result<Option<RegisteredFiling>, StoreError> {
    sql.find(select!("filings.id = ?1"), values![id.as_str()], read)
}

fn insert(sql: &Sql<'_>, filing: &Filing, lodging: &Lodging) -> Result<(), StoreError> {
    sql.execute(
        "INSERT INTO filings (id, home, person, class, destination, first_day, last_day, proof, lodged_at,
                              lodged_by)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        values![
            filing.id.as_str(),
            filing.home.0.as_str(),
            filing.person.as_str(),
            filing.class.word(),
            filing.destination.as_str(),
            filing.validity.from.to_string().as_str(),
            day_text(filing.validity.to).as_deref(),
            filing.proof.word(),
            lodging.at.as_microsecond(),
            &lodging.by,
        ],
    )?;
    Ok(())
}

/// Reads the columns id, class, destination, first_day, last_day, proof.
pub(super) fn read_filing(row: Row<'_>, person: &str, home: &str, first: usize) -> Result<Filing, StoreError> {
    let id = row.text(first)?;
    let unreadable = |problem: &dyn fmt::Display| corrupt("filing", id, problem);
    let malformed = |fault: IdError| unreadable(&fault);
    let day = |text: &str| text.parse::<Date>().map_err(|fault| unreadable(&fault));
    Ok(Filing {
        id: FilingId::new(id).map_err(malformed)?,
        person: PersonNumber::new(person).map_err(malformed)?,
        home: PoolCode(RegionCode::new(home).map_err(malformed)?),
        class: FilingClass::from_word(row.text(first + 1)?).ok_or_else(|| unreadable(&"its class is none"))?,
        proof: Proof::from_word(row.text(first + 5)?).ok_or_else(|| unreadable(&"its proof is none"))?,
        destination: RegionCode::new(row.text(first + 2)?).map_err(malformed)?,
        validity: Validity {
            from: day(row.text(first + 3)?)?,
            to: row.optional_text(first + 4)?.map(day).transpose()?,
        },
    })
}

fn read(row: Row<'_>) -> Result<RegisteredFiling, StoreError> {
    let id = row.text(0)?;
    let day = |text: &str| text.parse::<Date>().map_err(|fault| corrupt("filing", id, fault));
    let cancelled = FilingStanding::Cancelled { last_day: row.optional_text(8)?.map(day).transpose()? };
    Ok(RegisteredFiling {
        filing: read_filing(row, row.text(9)?, row.text(10)?, 0)?,
        lodged_at: instant("filing", id, row.number(6)?)?,
        proven_at: row.optional_number(11)?.map(|at| instant("filing", id, at)).transpose()?,
        standing: if row.flag(7)? { cancelled } else { FilingStanding::InForce },
    })
}

fn day_text(day: Option<Date>) -> Option<String> {
    day.map(|day| day.to_string())
}
