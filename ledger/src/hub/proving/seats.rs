//! What is read to prove that what takes two people was done by two: ends on the list, payments whose records differ, and
//! batches of corrections. Nothing is written here. Called by `yidi verify`; what must hold is its to say.

use settlement::ids::SettlementId;

use crate::engine::Row;
use crate::hub::{HubStore, corrupt};
use crate::store::StoreError;
use crate::values;

/// Something that was not done by two people, though it takes two.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DoneAlone {
    /// A settlement, or what changes it, left the list without two certificates of two seats having said the same.
    Listed {
        /// The settlement.
        settlement: SettlementId,
        /// See [`crate::hub::Listed::part`].
        part: i64,
    },
    /// One certificate accepted two records of a payment for both sides.
    Payment {
        /// Home, treatment and insurance, and the period or the change of their prefund.
        place: String,
    },
    /// Who put a batch of corrections forward approved it.
    Batch {
        /// Its id.
        id: String,
    },
    /// A batch of corrections was approved, or is in force, without a person of the home region and a second one, of it or
    /// of the centre.
    BatchOfOthers {
        /// Its id.
        id: String,
    },
}

/// What one certificate accepted two records of for both sides: home, treatment, insurance, and what else names it.
macro_rules! accepted_by_one {
    ($table:literal, $which:literal) => {
        concat!(
            "SELECT home.home, home.treatment, home.insurance, home.",
            $which,
            " FROM ",
            $table,
            " AS home JOIN ",
            $table,
            " AS other ON other.home = home.home AND other.treatment = home.treatment
                AND other.insurance = home.insurance AND other.paid_record = home.paid_record
                AND other.received_record = home.received_record AND other.",
            $which,
            " = home.",
            $which,
            " WHERE home.side = 'home' AND other.side <> 'home' AND other.accepted_by = home.accepted_by"
        )
    };
}

impl HubStore {
    /// What takes two people, and was done by one.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn done_alone(&self) -> Result<Vec<DoneAlone>, StoreError> {
        // What is approved was proposed in the step before.
        const LISTED: &str = "SELECT approved.settlement, approved.part FROM listed_acts AS approved
            WHERE approved.act = 'approved' AND NOT EXISTS (SELECT 1 FROM listed_acts AS proposed
                WHERE proposed.settlement = approved.settlement AND proposed.part = approved.part
                  AND proposed.step = approved.step - 1 AND proposed.act = 'proposed'
                  AND proposed.verdict = approved.verdict AND proposed.seat <> approved.seat
                  AND proposed.done_by <> approved.done_by)
            UNION SELECT lot_postings.settlement, lot_postings.part
            FROM carried_entries CROSS JOIN lot_postings
            WHERE carried_entries.from_period = 0 AND lot_postings.position = carried_entries.position
              AND lot_postings.part = carried_entries.part
              AND NOT EXISTS (SELECT 1 FROM listed_acts AS approved WHERE approved.settlement = lot_postings.settlement
                              AND approved.part = lot_postings.part AND approved.act = 'approved')
            UNION SELECT deductions.settlement, -1 FROM deduction_moves AS moved CROSS JOIN deductions
            WHERE moved.from_period = 0 AND moved.owner IS NOT NULL AND deductions.id = moved.id
              AND NOT EXISTS (SELECT 1 FROM listed_acts AS approved WHERE approved.settlement = deductions.settlement
                              AND approved.part = -1 AND approved.act = 'approved')
            UNION SELECT corrections.settlement, -1 FROM correction_moves AS moved CROSS JOIN corrections
            WHERE moved.from_period = 0 AND moved.owner IS NOT NULL AND corrections.id = moved.id
              AND NOT EXISTS (SELECT 1 FROM listed_acts AS approved WHERE approved.settlement = corrections.settlement
                              AND approved.part = -1 AND approved.act = 'approved')";
        const PAYMENTS: &str = accepted_by_one!("payment_acceptances", "period");
        const PREFUNDS: &str = accepted_by_one!("prefund_payment_acceptances", "id");
        const BATCHES: &str = "SELECT correction_batches.id FROM correction_batches
            JOIN correction_events AS decided ON decided.batch = correction_batches.id AND decided.event = 'approved'
            WHERE decided.done_by = correction_batches.proposed_by";
        // What `clearing::corrections::may_correct` lets through.
        const SEATS: &str = "SELECT correction_batches.id FROM correction_batches
            WHERE EXISTS (SELECT 1 FROM correction_events AS done
                          WHERE done.batch = correction_batches.id AND done.event IN ('approved', 'in-force'))
              AND NOT EXISTS (SELECT 1 FROM correction_events AS decided
                WHERE decided.batch = correction_batches.id AND decided.event = 'approved'
                  AND (correction_batches.proposed_seat = 'home' AND decided.seat IN ('home', 'centre')
                       OR correction_batches.proposed_seat = 'centre' AND decided.seat = 'home'))";
        let read = self.engine.read(|sql| {
            let mut alone = sql.query(LISTED, values![], |row| {
                let id = row.text(0)?;
                let malformed = |fault: settlement::ids::IdError| corrupt("listed_acts", id, fault.to_string());
                let settlement = SettlementId::from_time_first(id).map_err(malformed)?;
                Ok(DoneAlone::Listed { settlement, part: row.number(1)? })
            })?;
            alone.extend(sql.query(PAYMENTS, values![], |row| {
                Ok(DoneAlone::Payment { place: format!("{} in period {}", lot(row)?, row.number(3)?) })
            })?);
            alone.extend(sql.query(PREFUNDS, values![], |row| {
                Ok(DoneAlone::Payment { place: format!("prefund {}, change {}", lot(row)?, row.text(3)?) })
            })?);
            alone.extend(sql.query(BATCHES, values![], |row| Ok(DoneAlone::Batch { id: row.text(0)?.to_owned() }))?);
            let of_others = |id: &str| DoneAlone::BatchOfOthers { id: id.to_owned() };
            alone.extend(sql.query(SEATS, values![], |row| Ok(of_others(row.text(0)?)))?);
            alone.sort();
            Ok(alone)
        });
        read.await
    }
}

fn lot(row: Row<'_>) -> Result<String, StoreError> {
    Ok(format!("{} → {} {}", row.text(0)?, row.text(1)?, row.text(2)?))
}
