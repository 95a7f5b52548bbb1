//! The journal as clearing and reports fold it: entry by entry in the journal's order, each beside the settlement that
//! it is about. It adds nothing up over entries; that is `clearing`. Called by reports and by the demo.

use bytes::Bytes;
use jiff::Timestamp;
use settlement::ids::SettlementId;
use settlement::money::Money;
use settlement::postings::{Account, Line, Turn};

use super::journal::{read_lines, turn_of};
use super::periods::PeriodNumber;
use super::{HubStore, Position, corrupt, instant};
use crate::engine::Row;
use crate::store::StoreError;
use crate::values;

/// One entry of the journal: a settlement that begins to count, ceases to, or counts again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettlementTurn {
    /// The operation that booked the entry; its place is the entry's.
    pub position: Position,
    /// When the hub booked it.
    pub booked_at: Timestamp,
    /// The settlement that the entry is about.
    pub settlement: SettlementId,
    /// What the entry does to it.
    pub turn: Turn,
    /// The period that was open when it was committed.
    pub period: PeriodNumber,
    /// The entry's lines as they are booked: those of a counter-entry have every sign turned.
    pub lines: Vec<Line>,
    /// The bytes of the operation that made the settlement, whatever the turn: they say the pools and the care, which
    /// the lines do not always say.
    pub operation: Bytes,
    /// The bytes of the answer to that operation.
    pub outcome: Bytes,
}

impl SettlementTurn {
    /// 人次: 1 for an entry that makes its settlement count, −1 for one that undoes it.
    pub fn visits(&self) -> i64 {
        match self.turn {
            Turn::Enter | Turn::Reinstate => 1,
            Turn::Counter => -1,
        }
    }

    /// The whole charges that the entry moves: what the hospital receives. Negative where it undoes.
    pub fn total(&self) -> Money {
        self.sum(|account| matches!(account, Account::Hospital { .. }))
    }

    /// What all funds pay by the entry. Negative where it undoes.
    pub fn funds(&self) -> Money {
        -self.sum(|account| matches!(account, Account::HomeFund { .. }))
    }

    /// What personal accounts pay by the entry, relatives' included. Negative where it undoes.
    pub fn account(&self) -> Money {
        -self.sum(|account| matches!(account, Account::Personal { .. }))
    }

    fn sum(&self, of: impl Fn(&Account) -> bool) -> Money {
        self.lines.iter().filter(|line| of(&line.account)).map(|line| line.amount).sum()
    }
}

impl HubStore {
    /// The journal's entries after a position, in the order of positions. A settlement's turns add up to what it comes
    /// to now; where several hubs write, an undoing may stand before what it undoes.
    ///
    /// # Errors
    /// When the store fails, or an entry does not belong to a settlement that was made.
    pub async fn settlement_turns(&self, after: Position, limit: u32) -> Result<Vec<SettlementTurn>, StoreError> {
        self.engine
            .read(move |sql| {
                sql.query(
                    "SELECT entry.position, entry.answered_at, entry.settlement, entry.step, entry.lines, entry.period,
                     made.bytes, first.outcome
                     FROM answers AS entry
                     JOIN answers AS first ON first.settlement = entry.settlement AND first.step = 1
                     JOIN operations AS made ON made.position = first.position
                     WHERE entry.position > ?1 AND entry.settlement IS NOT NULL
                     ORDER BY entry.position LIMIT ?2",
                    values![after.0, i64::from(limit)],
                    read_turn,
                )
            })
            .await
    }
}

fn read_turn(row: Row<'_>) -> Result<SettlementTurn, StoreError> {
    let position = Position(row.number(0)?);
    let malformed = |problem| corrupt("journal entry", position, format!("its settlement {problem}"));
    Ok(SettlementTurn {
        position,
        booked_at: instant("answer", position, row.number(1)?)?,
        settlement: SettlementId::from_time_first(row.text(2)?).map_err(malformed)?,
        turn: turn_of(row.number(3)?),
        lines: read_lines(position, row.text(4)?)?,
        period: PeriodNumber(row.number(5)?),
        operation: Bytes::copy_from_slice(row.bytes(6)?),
        outcome: Bytes::copy_from_slice(row.bytes(7)?),
    })
}
