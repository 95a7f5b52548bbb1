//! The journal as clearing and reports fold it: entry by entry in the journal's order, each beside the settlement that
//! it is about. It adds nothing up over entries; that is `clearing`. Called by reports and by the demo.

use bytes::Bytes;
use jiff::Timestamp;
use rusqlite::{Connection, Row, params};
use settlement::ids::SettlementId;
use settlement::money::Money;
use settlement::postings::{Account, Line, Turn};

use super::journal::lines_of;
use super::{HubStore, Position, corrupt, instant};
use crate::store::StoreError;

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

    /// What the personal account pays by the entry. Negative where it undoes.
    pub fn account(&self) -> Money {
        -self.sum(|account| matches!(account, Account::Personal { .. }))
    }

    fn sum(&self, of: impl Fn(&Account) -> bool) -> Money {
        self.lines.iter().filter(|line| of(&line.account)).map(|line| line.amount).sum()
    }
}

impl HubStore {
    /// The journal's entries after a position, in order. A settlement's turns add up to what it comes to now.
    ///
    /// # Errors
    /// When the store fails, or an entry does not belong to a settlement that was made.
    pub async fn settlement_turns(&self, after: Position, limit: u32) -> Result<Vec<SettlementTurn>, StoreError> {
        self.readers
            .read(move |connection| {
                // A settlement's first entry is booked by the operation that made it: no other turn comes first.
                let mut turns = connection
                    .prepare_cached(
                        "SELECT entry.position, booking.answered_at, entry.settlement, entry.turn,
                         made.position, made.bytes, answer.outcome
                         FROM journal_entries AS entry
                         JOIN answers AS booking ON booking.position = entry.position
                         JOIN operations AS made ON made.position =
                             (SELECT MIN(first.position) FROM journal_entries AS first
                              WHERE first.settlement = entry.settlement)
                         JOIN answers AS answer ON answer.position = made.position
                         WHERE entry.position > ?1 ORDER BY entry.position LIMIT ?2",
                    )?
                    .query_and_then(params![after.0, limit], read_turn)?
                    .collect::<Result<Vec<_>, _>>()?;
                add_lines(connection, &mut turns)?;
                Ok(turns)
            })
            .await
    }
}

fn add_lines(connection: &Connection, turns: &mut [SettlementTurn]) -> Result<(), StoreError> {
    for turn in turns {
        turn.lines = lines_of(connection, turn.position)?;
    }
    Ok(())
}

/// Everything but the lines.
fn read_turn(row: &Row<'_>) -> Result<SettlementTurn, StoreError> {
    let position = Position(row.get(0)?);
    let fault = |problem: String| corrupt("journal entry", position, problem);
    let settlement = row.get_ref(2)?.as_str().unwrap_or_default();
    let turn = match (row.get(3)?, Position(row.get(4)?) == position) {
        (1, true) => Turn::Enter,
        (1, false) => Turn::Reinstate,
        (-1, false) => Turn::Counter,
        (turn, _) => return Err(fault(format!("{turn} cannot be its turn"))),
    };
    Ok(SettlementTurn {
        position,
        booked_at: instant("answer", position, row.get(1)?)?,
        settlement: SettlementId::new(settlement).map_err(|problem| fault(format!("its settlement {problem}")))?,
        turn,
        lines: Vec::new(),
        operation: row.get::<_, Vec<u8>>(5)?.into(),
        outcome: row.get::<_, Vec<u8>>(6)?.into(),
    })
}
