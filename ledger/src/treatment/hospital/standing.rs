//! Which rows of hospitals' books still differ, of those that this side's book holds a row of as well. Read by the job that
//! tells the hub; which of them it is told, `clearing::hospital::told` says.

use clearing::hospital::coverage::{Compared, GroupDay};
use clearing::hospital::told::stands;
use jiff::civil::Date;

use super::{HospitalRow, KeptDifference, StoredComparison, StoredDifference, read};
use crate::store::StoreError;
use crate::treatment::Session;
use crate::values;

/// A row that differs still.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StandingDifference {
    /// The row as it was found.
    pub difference: KeptDifference,
    /// This side's row of the same settlement. Where the hospital alone has the row in what was compared, it is the one
    /// that this side has nevertheless: of a settlement that was reversed, for example.
    pub own: HospitalRow,
    /// Whether this side's row was reversed since it was found.
    pub reversed_since: bool,
}

impl Session<'_, '_> {
    /// The rows of some days that differ still, in the order in which they were found.
    ///
    /// # Errors
    /// When a statement fails, or a row does not read back.
    pub fn hospital_difference_standing(&self, days: (Date, Date)) -> Result<Vec<StandingDifference>, StoreError> {
        let stored = self.hospital_comparison_list("", days)?;
        let compared: Vec<Compared> =
            stored.iter().filter(|one| speaks_of_rows(one)).map(|one| one.compared.clone()).collect();
        let followed = |of: &Compared| compared.iter().any(|later| later.number > of.number && later.covers(of));
        let mut standing = Vec::new();
        for found_by in compared.iter().filter(|one| !one.agrees && !followed(one)) {
            for StoredDifference { difference, reversed_since } in self.hospital_difference_list(found_by.number)? {
                let Some(own) = self.row_of(&difference)? else { continue };
                let in_days = (days.0..=days.1).contains(&own.day);
                if in_days && found_by.reaches(&group_day(&own)) && stands(found_by, &group_day(&own), &compared) {
                    standing.push(StandingDifference { difference, own, reversed_since });
                }
            }
        }
        Ok(standing)
    }

    /// This side's row of a difference: its own, or that of the settlement that the hospital names.
    fn row_of(&self, difference: &KeptDifference) -> Result<Option<HospitalRow>, StoreError> {
        const ROW: &str = "SELECT message, msgid, institution, day, settlement, undoes, encounter, person, insurance,
                clearing_class, agency, total, funds, account, cash
            FROM hospital_rows WHERE message = ?1";
        const NAMED: &str = "SELECT number FROM messages WHERE settlement = ?1";
        let message = match difference.message {
            Some(message) => Some(message),
            None => self.sql.find(NAMED, values![&difference.settlement], |row| row.number(0))?,
        };
        match message {
            Some(message) => self.sql.find(ROW, values![message], read),
            None => Ok(None),
        }
    }
}

/// Sums that differ say nothing of a row: what differed row by row before stands until rows are compared again, or the
/// sums agree.
fn speaks_of_rows(compared: &StoredComparison) -> bool {
    compared.compared.agrees || compared.transaction == "3202"
}

fn group_day(row: &HospitalRow) -> GroupDay {
    GroupDay {
        institution: row.institution.clone(),
        day: row.day,
        insurance: row.insurance.clone(),
        clearing_class: row.clearing_class.clone(),
        agency: row.agency.clone(),
        newest: 0,
    }
}
