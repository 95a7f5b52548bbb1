//! The rows of inquiries: written one by one, read back as whole inquiries. Nothing is decided here.

use clearing::inquiry::{Event, Finding, Kind, Party, Words};
use clearing::period::Side;
use settlement::ids::{PoolCode, RegionCode, SettlementId};
use settlement::money::Money;

use super::{Asking, Happened, Inquiry, InquiryChange};
use crate::engine::{Row, Sql};
use crate::hub::{corrupt, instant};
use crate::store::StoreError;
use crate::values;

/// Reads inquiries with their events, in the order of ids and steps.
macro_rules! select {
    ($condition:literal) => {
        concat!(
            "SELECT inquiries.id, kind, asker, home, treatment, settlement, paid, step, event, party, finding, not_owed,
                deduction, words, done_at
            FROM inquiries JOIN inquiry_events ON inquiry_events.id = inquiries.id WHERE ",
            $condition,
            " ORDER BY inquiries.id, step"
        )
    };
}

pub(super) fn find(sql: &Sql<'_>, id: &str) -> Result<Option<Inquiry>, StoreError> {
    Ok(whole(sql.query(select!("inquiries.id = ?1"), values![id], read)?)?.pop())
}

pub(super) fn page(
    sql: &Sql<'_>,
    regions: Option<&str>,
    open_only: bool,
    (after, limit): (&str, u32),
) -> Result<Vec<Inquiry>, StoreError> {
    const PAGE: &str = select!(
        "inquiries.id IN (SELECT listed.id FROM inquiries AS listed WHERE listed.id > ?1
            AND (?2 IS NULL OR listed.home IN (SELECT value FROM json_each(?2))
                 OR listed.treatment IN (SELECT value FROM json_each(?2)))
            AND (?3 = 0 OR NOT EXISTS (SELECT 1 FROM inquiry_events AS ended WHERE ended.id = listed.id
                                       AND ended.event IN ('close', 'withdraw')))
            ORDER BY listed.id LIMIT ?4)"
    );
    whole(sql.query(PAGE, values![after, regions, open_only, i64::from(limit)], read)?)
}

/// The check of a settlement's bill to which something can still happen.
pub(super) fn check_under_way(sql: &Sql<'_>, settlement: &SettlementId) -> Result<Option<String>, StoreError> {
    const OPEN: &str = "SELECT id FROM inquiries WHERE settlement = ?1 AND kind = 'check'
        AND NOT EXISTS (SELECT 1 FROM inquiry_events AS ended WHERE ended.id = inquiries.id
                        AND ended.event IN ('close', 'withdraw')) LIMIT 1";
    sql.find(OPEN, values![&settlement.to_time_first()], |row| Ok(row.text(0)?.to_owned()))
}

pub(super) fn has_deduction(sql: &Sql<'_>, id: &str, settlement: &SettlementId) -> Result<bool, StoreError> {
    const LODGED: &str = "SELECT 1 FROM deductions WHERE id = ?1 AND settlement = ?2";
    sql.exists(LODGED, values![id, &settlement.to_time_first()])
}

pub(super) fn insert(sql: &Sql<'_>, asking: &Asking, paid: Money) -> Result<(), StoreError> {
    const INQUIRY: &str = "INSERT INTO inquiries (id, kind, asker, home, treatment, settlement, paid)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let Asking { id, kind, asker, home, treatment, settlement } = asking;
    let settlement = settlement.as_ref().map(SettlementId::to_time_first);
    let (home, treatment) = (home.0.as_str(), treatment.0.as_str());
    let values = values![id, kind.word(), asker.word(), home, treatment, settlement.as_deref(), paid.fen()];
    sql.execute(INQUIRY, values).map(drop)
}

pub(super) fn insert_event(sql: &Sql<'_>, id: &str, happened: &Happened, by: &str) -> Result<(), StoreError> {
    const EVENT: &str = "INSERT INTO inquiry_events
            (id, step, event, party, finding, not_owed, deduction, words, done_by, done_at)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
    let Happened { step, change: InquiryChange { event, party, finding, deduction, words }, at } = happened;
    let values = values![
        id,
        step.cast_signed(),
        event.word(),
        party.word(),
        finding.map(Finding::word),
        finding.map(Finding::not_owed).unwrap_or_default().fen(),
        deduction.as_deref(),
        words.as_str(),
        by,
        at.as_microsecond(),
    ];
    sql.execute(EVENT, values).map(drop)
}

/// An inquiry's rows do not tell a life.
pub(super) fn no_life(id: &str) -> StoreError {
    corrupt("inquiries", id, "its events are not the life of an inquiry")
}

/// What every row of an inquiry says of it, and one event.
type ReadRow = ((Asking, Money), Happened);

fn whole(rows: Vec<ReadRow>) -> Result<Vec<Inquiry>, StoreError> {
    let chunks = rows.chunk_by(|((one, _), _), ((other, _), _)| one.id == other.id);
    chunks
        .filter_map(|rows| {
            let ((asking, paid), _) = rows.first()?.clone();
            let history = rows.iter().map(|(_, happened)| happened.clone()).collect();
            let id = asking.id.clone();
            Some(Inquiry::of(asking, paid, history).ok_or_else(|| no_life(&id)))
        })
        .collect()
}

fn read(row: Row<'_>) -> Result<ReadRow, StoreError> {
    let id = row.text(0)?;
    let malformed = |what: &str| corrupt("inquiries", id, format!("its {what} is not one of ours"));
    let pool = |place, what| RegionCode::new(row.text(place)?).map(PoolCode).map_err(|_| malformed(what));
    let settlement = row.optional_text(5)?.map(SettlementId::from_time_first).transpose();
    let asking = Asking {
        id: id.to_owned(),
        kind: Kind::from_word(row.text(1)?).ok_or_else(|| malformed("kind"))?,
        asker: Side::from_word(row.text(2)?).ok_or_else(|| malformed("side"))?,
        home: pool(3, "home")?,
        treatment: pool(4, "treatment")?,
        settlement: settlement.map_err(|_| malformed("settlement"))?,
    };
    let not_owed = Money::from_fen(row.number(11)?);
    let finding = row.optional_text(10)?.map(|word| Finding::from_word(word, not_owed));
    let change = InquiryChange {
        event: Event::from_word(row.text(8)?).ok_or_else(|| malformed("event"))?,
        party: Party::from_word(row.text(9)?).ok_or_else(|| malformed("party"))?,
        finding: finding.map(|finding| finding.ok_or_else(|| malformed("finding"))).transpose()?,
        deduction: row.optional_text(12)?.map(ToOwned::to_owned),
        words: Words::new(row.text(13)?).map_err(|_| malformed("text"))?,
    };
    let (step, at) = (row.number(7)?.cast_unsigned(), instant("inquiry_events", id, row.number(14)?)?);
    Ok(((asking, Money::from_fen(row.number(6)?)), Happened { step, change, at }))
}
