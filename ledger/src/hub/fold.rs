//! Folding the hub's book, page by page, beside whoever settles: each accepted operation becomes a leaf by which books
//! are compared, each entry of the journal what it moves within its lot. Nothing on the hot path is written for it: what
//! has no answer yet when its page is folded is noted, and folded once it has one.

use clearing::obligation::{Lot, postings};
use settlement::ids::SettlementId;

use super::journal::{read_lines, turn_of};
use super::lots::{self, LotPosting};
use super::periods::PeriodNumber;
use super::{HubStore, Position, answers::RELEASED, corrupt};
use crate::engine::{Aside, Row, Sql, Steps, first_place};
use crate::leaves::{self, NewLeaf, ReadLeaf};
use crate::store::StoreError;
use crate::values;

/// So many operations are looked at in one step.
const A_PAGE: Steps = Steps { alone: 500, beside: 100 };

/// How the bytes of operations and outcomes are read.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    /// An operation and its outcome as a leaf.
    pub leaf: ReadLeaf,
    /// The operation that made a settlement, and its outcome, as the lot of its entries.
    pub lot: fn(&[u8], &[u8]) -> Result<Lot, String>,
}

/// An operation as it is folded.
struct Folded {
    position: Position,
    /// It has no answer yet.
    waits: bool,
    leaf: Option<NewLeaf>,
    postings: Vec<LotPosting>,
}

/// What made the settlement is read beside its later entries, and when the one before was booked; for its first, it is the
/// operation itself.
macro_rules! folded {
    ($from:literal) => {
        concat!(
            "SELECT operations.position, operations.bytes, answers.verdict, answers.outcome, answers.book_seq,
                answers.settlement, answers.step, answers.lines, answers.period,
                COALESCE(made.bytes, operations.bytes), COALESCE(first.outcome, answers.outcome), before.period ",
            $from,
            " LEFT JOIN answers AS first
                ON answers.step > 1 AND first.settlement = answers.settlement AND first.step = 1
            LEFT JOIN operations AS made ON made.position = first.position
            LEFT JOIN answers AS before
                ON answers.step > 1 AND before.settlement = answers.settlement AND before.step = answers.step - 1 "
        )
    };
}

const PAGE: &str = concat!(
    folded!("FROM operations LEFT JOIN answers ON answers.position = operations.position"),
    "WHERE operations.position > ?1 AND operations.position <= ?2 ORDER BY operations.position LIMIT ?3"
);
// What waits is little, and comes first: for the order of positions SQLite would else read the whole book each time.
const LATE: &str = concat!(
    folded!("FROM unfolded CROSS JOIN answers CROSS JOIN operations"),
    "WHERE answers.position = unfolded.number AND operations.position = unfolded.number
    ORDER BY unfolded.number LIMIT ?1"
);

impl HubStore {
    /// Folds everything that is answered by now. What comes meanwhile is left to the next time, so that it ends.
    ///
    /// # Errors
    /// When the store fails, or an operation does not read; what was folded stays so.
    pub async fn journal_fold(&self, reading: Reading) -> Result<(), StoreError> {
        const NEWEST: &str = "SELECT number, newest FROM (
            SELECT number, COALESCE(reached, number * 1099511627776) AS reached,
                (SELECT MAX(position) FROM operations WHERE position <= (number + 1) * 1099511627776) AS newest
            FROM committers LEFT JOIN folds ON source = number) AS committed
            WHERE newest > reached ORDER BY number";
        let read = |row: Row<'_>| Ok((row.number(0)?, row.number(1)?));
        let newest = self.engine.read(move |sql| sql.query(NEWEST, values![], read)).await?;
        let mut aside = Aside::new(&self.engine);
        for committed in newest {
            while self.fold_page(committed, aside.next(A_PAGE).await, reading).await? {}
        }
        while self.fold_late(aside.next(A_PAGE).await, reading).await? {}
        Ok(())
    }

    async fn fold_page(
        &self,
        (committer, newest): (i64, i64),
        most: i64,
        reading: Reading,
    ) -> Result<bool, StoreError> {
        let start = first_place(committer);
        let page = self.engine.read(move |sql| {
            let reached = leaves::reached(sql, committer)?.unwrap_or(start);
            Ok((reached, sql.query(PAGE, values![reached, newest, most], |row| fold(row, reading))?))
        });
        let (reached, page) = page.await?;
        let Some(to) = page.last().map(|last| last.position.0) else { return Ok(false) };
        let more = page.len() == usize::try_from(most).unwrap_or(usize::MAX);
        let folded = self.engine.write(move |sql| {
            // Somebody else may have folded this page meanwhile, or a shorter one.
            let is_ours = leaves::reach(sql, committer, reached, to)?;
            if is_ours {
                let waiting = page.iter().filter(|folded| folded.waits).map(|folded| folded.position.0);
                leaves::put_off(sql, &waiting.collect::<Vec<_>>())?;
                add(sql, &page)?;
            }
            Ok(is_ours)
        });
        Ok(!folded.await? || more)
    }

    async fn fold_late(&self, most: i64, reading: Reading) -> Result<bool, StoreError> {
        let late = self.engine.read(move |sql| sql.query(LATE, values![most], |row| fold(row, reading))).await?;
        let more = late.len() == usize::try_from(most).unwrap_or(usize::MAX);
        if late.is_empty() {
            return Ok(false);
        }
        self.engine
            .write(move |sql| {
                let mut taken = Vec::new();
                for folded in &late {
                    if leaves::take_up(sql, folded.position.0)? {
                        taken.push(folded);
                    }
                }
                add(sql, taken)
            })
            .await?;
        Ok(more)
    }
}

fn add<'f>(sql: &Sql<'_>, folded: impl IntoIterator<Item = &'f Folded>) -> Result<(), StoreError> {
    let (mut new_leaves, mut postings) = (Vec::new(), Vec::new());
    for folded in folded {
        new_leaves.extend(folded.leaf);
        postings.extend(folded.postings.iter().cloned());
    }
    leaves::append(sql, &new_leaves)?;
    lots::add(sql, &postings)
}

fn fold(row: Row<'_>, reading: Reading) -> Result<Folded, StoreError> {
    let position = Position(row.number(0)?);
    let waits = row.optional_text(2)?.is_none();
    let mut folded = Folded { position, waits, leaf: None, postings: Vec::new() };
    let released = row.optional_text(2)? == Some(RELEASED);
    let Some(outcome) = row.optional_bytes(3)?.filter(|_| !released) else { return Ok(folded) };
    let unreadable = |problem| corrupt("operation", position, problem);
    let Some((branch, leaf)) = (reading.leaf)(row.bytes(1)?, outcome).map_err(unreadable)? else { return Ok(folded) };
    // What the hub itself answered, no home region's book has.
    if row.number(4)? > 0 {
        folded.leaf = Some(NewLeaf { branch, leaf, number: position.0 });
    }
    if let Some(settlement) = row.optional_text(5)? {
        let settlement = SettlementId::from_time_first(settlement).map_err(|fault| unreadable(fault.to_string()))?;
        let lot = (reading.lot)(row.bytes(9)?, row.bytes(10)?).map_err(unreadable)?;
        let (step, period) = (row.number(6)?, PeriodNumber(row.number(8)?));
        let corrects = row.optional_number(11)?.map(PeriodNumber).filter(|before| *before != period);
        let moved = postings(lot, turn_of(step), &read_lines(position, row.text(7)?)?);
        let posting = |(part, posting)| LotPosting {
            position,
            part,
            period,
            settlement: settlement.clone(),
            step,
            day: branch.day,
            corrects,
            posting,
        };
        folded.postings = (0..).zip(moved).map(posting).collect();
    }
    Ok(folded)
}
