//! Days between two pools that the three books were not compared on, or not since the last of their entries: which a
//! period holds, and carrying them out of it as a whole. What books were compared on and differ in is carried out by
//! [`super::carried`], settlement by settlement.

use clearing::breaks::Books;
use clearing::digest::Branch;
use clearing::period::Side;
use jiff::Timestamp;

use super::super::breaks::{read_branch, texts};
use super::super::{HubStore, afterwards};
use super::PeriodNumber;
use super::carried::Carrying;
use crate::engine::{Sql, list};
use crate::store::StoreError;
use crate::values;

/// A branch that a period holds entries of, which were not compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UncomparedBranch {
    /// The day and the pools.
    pub branch: Branch,
    /// Which books were not compared to the hub's present root; never empty.
    pub books: Vec<Books>,
}

/// Branches that a period is to be cleared without for the same reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DisputedBranches {
    /// Which.
    pub branches: Vec<Branch>,
    /// Why: which books were not compared.
    pub reason: String,
    /// Whose member has to see to it.
    pub owner: Side,
}

/// The entries of a period: booked in it, or carried into it. What two people took off the list is not looked at again.
/// A settlement's own posting says the branch, whoever else pays of it.
macro_rules! held {
    ($select:literal, $rest:literal) => {
        concat!(
            $select,
            " FROM lot_postings AS held WHERE period = ?1 ",
            $rest,
            " UNION ",
            $select,
            " FROM carried_entries AS came CROSS JOIN lot_postings AS held
              WHERE came.into_period = ?1 AND came.from_period > 0
                AND held.position = came.position AND held.part = came.part ",
            $rest
        )
    };
}

impl HubStore {
    /// The branches of what a period holds that the three books were not compared on as they are.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn uncompared_branches(&self, period: PeriodNumber) -> Result<Vec<UncomparedBranch>, StoreError> {
        const UNCOMPARED: &str = concat!(
            "SELECT day, home, treatment, outer_books, inner_books FROM (
                SELECT branches.day, branches.home, branches.treatment,
                    (EXISTS (SELECT 1 FROM agreements AS shared
                            WHERE shared.day = branches.day AND shared.home = branches.home
                            AND shared.treatment = branches.treatment AND shared.root = roots.digest
                            AND shared.books = 'treatment-hub')
                     OR EXISTS (SELECT 1 FROM differences AS apart
                            WHERE apart.day = branches.day AND apart.home = branches.home
                            AND apart.treatment = branches.treatment AND apart.root = roots.digest
                            AND apart.books = 'treatment-hub')) AS outer_books,
                    (EXISTS (SELECT 1 FROM agreements AS shared
                            WHERE shared.day = branches.day AND shared.home = branches.home
                            AND shared.treatment = branches.treatment AND shared.root = roots.digest
                            AND shared.books = 'hub-home')
                     OR EXISTS (SELECT 1 FROM differences AS apart
                            WHERE apart.day = branches.day AND apart.home = branches.home
                            AND apart.treatment = branches.treatment AND apart.root = roots.digest
                            AND apart.books = 'hub-home')) AS inner_books
                FROM (",
            held!(
                "SELECT held.day, held.home, held.treatment",
                "AND held.part = 0 AND NOT EXISTS (
                    SELECT 1 FROM carried_entries AS gone WHERE gone.position = held.position
                    AND gone.part = held.part AND gone.from_period = ?1)"
            ),
            ") AS branches LEFT JOIN roots ON roots.day = branches.day AND roots.home = branches.home
                AND roots.treatment = branches.treatment) AS compared
            WHERE NOT (outer_books AND inner_books) ORDER BY day, home, treatment"
        );
        self.leaves().leaf_refresh().await?;
        self.engine
            .read(move |sql| {
                sql.query(UNCOMPARED, values![period.0], |row| {
                    let compared = [(Books::TreatmentHub, row.flag(3)?), (Books::HubHome, row.flag(4)?)];
                    let books = compared.into_iter().filter(|(_, compared)| !compared).map(|(books, _)| books);
                    Ok(UncomparedBranch { branch: read_branch(row, 0)?, books: books.collect() })
                })
            })
            .await
    }
}

/// Carries out what a period holds of settlements with an entry in these branches, and what is taken off them or added since.
pub(super) fn carry_out_branches(
    sql: &Sql<'_>,
    period: PeriodNumber,
    disputed: &DisputedBranches,
    carrying: &Carrying,
    at: Timestamp,
) -> Result<u64, StoreError> {
    // By the settlement, so that an undoing goes with what it undoes.
    const CARRY: &str = concat!(
        "INSERT INTO carried_entries (position, part, from_period, into_period, reason, owner, carried_at)
        SELECT position, part, ?1, ?2, ?3, ?4, ?5 FROM (",
        held!("SELECT held.position, held.part, held.period, held.settlement", ""),
        ") AS entries WHERE period = ?6 AND settlement IN (",
        held!(
            "SELECT held.settlement",
            "AND held.part = 0 AND held.day || ' ' || held.home || ' ' || held.treatment IN (
                SELECT value FROM json_each(?7))"
        ),
        ") AND NOT EXISTS (
            SELECT 1 FROM carried_entries AS gone WHERE gone.position = entries.position
            AND gone.part = entries.part AND gone.from_period = ?1)"
    );
    let branches: Vec<String> = disputed.branches.iter().map(|branch| texts(branch).join(" ")).collect();
    let (branches, owner) = (list(branches.iter().map(String::as_str)), disputed.owner.word());
    let mut carried = 0;
    for (booked, into) in carrying {
        let (into, reason) = (into.map(|into| into.0), disputed.reason.as_str());
        let values = values![period.0, into, reason, owner, at.as_microsecond(), booked.0, &branches];
        carried += sql.execute(CARRY, values)?;
    }
    afterwards::move_with_all(sql, period)?;
    Ok(carried)
}
