//! Charge lines added up once and for all: one tally for what a message brought to a batch, one to take off for each line
//! that was withdrawn. Settling adds up tallies and reads no lines. What the lines themselves say is never replaced.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use settlement::bill::{Coverage, FeeCategory, ItemClass};
use settlement::ids::{BatchNumber, EncounterId};
use settlement::money::Money;

use super::charge::{ChargeRange, class_from_word, class_word};
use super::{Charge, Session, stored};
use crate::engine::Row;
use crate::store::StoreError;
use crate::values;

const TABLE: &str = "tallies";

/// Lines of one fee category and class, added up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChargeSums {
    /// The fee category.
    pub category: FeeCategory,
    /// The class that the lines count as.
    pub class: ItemClass,
    /// How many lines.
    pub lines: i64,
    /// The split.
    pub coverage: Coverage,
}

/// The sums of some lines, at the place of the last one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChargeTally {
    /// The place of the last line.
    pub line: i64,
    /// The sums.
    pub sums: Vec<ChargeSums>,
}

const INSERT: &str = "INSERT INTO tallies (encounter, batch, line, message, sums) VALUES (?1, ?2, ?3, ?4, ?5)";
const LIST: &str = "SELECT line, sums FROM tallies WHERE encounter = ?1 AND batch = ?2 ORDER BY line, message";

/// What tallies say of the lines in some ranges, by category and class. Settlements cover whole messages, so that a
/// tally is in a range or it is not.
pub fn sums_of(tallies: &[ChargeTally], ranges: &[ChargeRange]) -> Vec<ChargeSums> {
    let within = |line| ranges.iter().any(|range| range.after < line && line <= range.upto);
    let sums = tallies.iter().filter(|tally| within(tally.line)).flat_map(|tally| &tally.sums);
    add_up(sums.copied())
}

/// Adds up. Where no line is left, nothing is.
fn add_up(sums: impl Iterator<Item = ChargeSums>) -> Vec<ChargeSums> {
    let mut added: BTreeMap<(FeeCategory, &str), ChargeSums> = BTreeMap::new();
    for sum in sums {
        added
            .entry((sum.category, class_word(sum.class)))
            .and_modify(|own| {
                own.lines += sum.lines;
                own.coverage = own.coverage + sum.coverage;
            })
            .or_insert(sum);
    }
    added.into_values().filter(|sum| sum.lines != 0).collect()
}

impl Session<'_, '_> {
    /// What the lines of a visit, or of a batch, come to, in the order of their places.
    ///
    /// # Errors
    /// When the statement fails, or a row does not read back.
    pub fn charge_tallies(
        &self,
        encounter: &EncounterId,
        batch: Option<&BatchNumber>,
    ) -> Result<Vec<ChargeTally>, StoreError> {
        let batch = batch.map_or("", BatchNumber::as_str);
        self.sql.query(LIST, values![encounter.as_str(), batch], read)
    }

    /// Keeps what some lines of a batch come to.
    pub(super) fn tally_keep<'a>(
        &self,
        encounter: &EncounterId,
        line: i64,
        charges: impl Iterator<Item = &'a Charge> + Clone,
        message: i64,
    ) -> Result<(), StoreError> {
        let batch = charges.clone().next().and_then(|charge| charge.batch.as_ref());
        let sums = write(&add_up(charges.map(sum)));
        let batch = batch.map_or("", BatchNumber::as_str);
        self.sql.execute(INSERT, values![encounter.as_str(), batch, line, message, &sums])?;
        Ok(())
    }

    /// Takes a line off that was withdrawn.
    pub(super) fn tally_take_off(
        &self,
        encounter: &EncounterId,
        line: i64,
        charge: &Charge,
        message: i64,
    ) -> Result<(), StoreError> {
        let ChargeSums { category, class, lines, coverage } = sum(charge);
        let Coverage { self_paid, over_limit, first_self_pay, in_policy } = coverage;
        let coverage = Coverage {
            self_paid: -self_paid,
            over_limit: -over_limit,
            first_self_pay: -first_self_pay,
            in_policy: -in_policy,
        };
        let sums = write(&[ChargeSums { category, class, lines: -lines, coverage }]);
        let batch = charge.batch.as_ref().map_or("", BatchNumber::as_str);
        self.sql.execute(INSERT, values![encounter.as_str(), batch, line, message, &sums])?;
        Ok(())
    }
}

fn sum(charge: &Charge) -> ChargeSums {
    ChargeSums { category: charge.category, class: charge.class, lines: 1, coverage: charge.coverage }
}

/// Category, class, number of lines and the four parts of the coverage, apart by spaces; sums apart by semicolons.
fn write(sums: &[ChargeSums]) -> String {
    let mut text = String::with_capacity(sums.len() * 32);
    for ChargeSums { category, class, lines, coverage } in sums {
        let Coverage { self_paid, over_limit, first_self_pay, in_policy } = coverage;
        let parts = [self_paid, over_limit, first_self_pay, in_policy].map(|part| part.fen());
        let [self_paid, over_limit, first_self_pay, in_policy] = parts;
        let (category, class) = (category.number(), class_word(*class));
        let separator = if text.is_empty() { "" } else { ";" };
        let written =
            write!(text, "{separator}{category} {class} {lines} {self_paid} {over_limit} {first_self_pay} {in_policy}");
        written.expect("a text takes whatever is written to it");
    }
    text
}

fn read(row: Row<'_>) -> Result<ChargeTally, StoreError> {
    let line = row.number(0)?;
    let text = row.text(1)?;
    let sums = text.split_terminator(';').map(read_sums).collect::<Option<_>>();
    Ok(ChargeTally { line, sums: sums.ok_or_else(|| stored::corrupt(TABLE, line, "its sums do not read"))? })
}

fn read_sums(text: &str) -> Option<ChargeSums> {
    let mut parts = text.split(' ');
    let category = FeeCategory::new(parts.next()?.parse().ok()?)?;
    let class = class_from_word(parts.next()?)?;
    let lines = parts.next()?.parse().ok()?;
    let mut amount = || parts.next()?.parse().ok().map(Money::from_fen);
    let coverage =
        Coverage { self_paid: amount()?, over_limit: amount()?, first_self_pay: amount()?, in_policy: amount()? };
    Some(ChargeSums { category, class, lines, coverage })
}
