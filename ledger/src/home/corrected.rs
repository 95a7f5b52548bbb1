//! How settlements count since they were corrected: what batches posted for them, in the order in which the batches were
//! taken in. Reads only. Called by [`super::load`], [`super::affected`], [`super::corrections`], [`super::unseen`] and
//! [`super::proof`].

use settlement::adjudication::{Fund, FundShares, Payers};
use settlement::decide::{Book, BookSeq, Correction, Taken};
use settlement::ids::SettlementId;
use settlement::money::Money;
use settlement::year_to_date::UsageSums;

use super::load::{usage, usage_posting};
use super::row::Columns;
use super::unseen::seen;
use crate::engine::{Sql, list};
use crate::store::StoreError;
use crate::values;

/// What a batch posted for a settlement.
pub(super) struct Made {
    /// The batch's number.
    pub number: i64,
    /// The batch, and which one it undoes.
    pub taken: Taken,
    /// What it changed.
    pub correction: Correction,
    /// The difference that it posted.
    pub sums: UsageSums,
}

/// The columns of a correction with what it uses up, in the order in which [`read`] reads them.
macro_rules! made_columns {
    () => {
        concat!(
            "SELECT corrections.settlement AS settlement, corrections.number AS number,
                correction_batches.batch AS batch, correction_batches.undoes AS undoes,
                corrections.posting AS posting,
                told_basic, told_large_sum, told_catastrophic, told_civil_servant, told_assistance, told_account,
                told_cash, told_hospital, now_basic, now_large_sum, now_catastrophic, now_civil_servant,
                now_assistance, now_account, now_cash, now_hospital, ",
            usage!()
        )
    };
}

/// The statement's tables, each by the one before it.
macro_rules! joined {
    () => {
        "CROSS JOIN correction_batches
           CROSS JOIN postings
           CROSS JOIN usages
          WHERE correction_batches.number = corrections.number AND postings.id = corrections.posting
            AND usages.person = postings.person AND usages.after_seq = postings.after_seq
            AND usages.posting = postings.id"
    };
}

/// What was posted for some settlements below a place, oldest first.
pub(super) fn made(sql: &Sql<'_>, settlements: &str, before: i64) -> Result<Vec<Made>, StoreError> {
    const MADE: &str = concat!(
        made_columns!(),
        " FROM json_each(?1) AS wanted
           CROSS JOIN corrections ",
        joined!(),
        " AND corrections.settlement = wanted.value AND postings.after_seq < ?2 AND ",
        seen!("corrections.posting"),
        " ORDER BY corrections.number"
    );
    sql.query(MADE, values![settlements, before], |row| read(&Columns::of(row, "corrections")))
}

/// What a batch posted.
pub(super) fn made_by(sql: &Sql<'_>, number: i64) -> Result<Vec<Made>, StoreError> {
    const MADE: &str = concat!(
        made_columns!(),
        " FROM corrections ",
        joined!(),
        " AND corrections.number = ?1 ORDER BY corrections.settlement"
    );
    sql.query(MADE, values![number], |row| read(&Columns::of(row, "corrections")))
}

/// Everything that was ever posted, settlement by settlement, oldest first.
pub(super) fn made_ever(sql: &Sql<'_>) -> Result<Vec<Made>, StoreError> {
    const MADE: &str = concat!(
        made_columns!(),
        " FROM corrections ",
        joined!(),
        " ORDER BY corrections.settlement, corrections.number"
    );
    sql.query(MADE, &[], |row| read(&Columns::of(row, "corrections")))
}

/// What a posting corrects; none where it is another kind of posting.
pub(super) fn made_as(sql: &Sql<'_>, posting: &str) -> Result<Option<Made>, StoreError> {
    const MADE: &str = concat!(made_columns!(), " FROM corrections ", joined!(), " AND corrections.posting = ?1");
    sql.find(MADE, values![posting], |row| read(&Columns::of(row, "corrections")))
}

/// Lets settlements in the book that were ever corrected count as they did below a place.
pub(super) fn count(sql: &Sql<'_>, corrected: &[SettlementId], before: i64, book: &mut Book) -> Result<(), StoreError> {
    if corrected.is_empty() {
        return Ok(());
    }
    let ids = list(corrected.iter().map(SettlementId::as_str));
    for Made { correction, sums, .. } in made(sql, &ids, before)? {
        let all = book.people.values_mut().flat_map(|person| &mut person.settlements);
        for booked in all.filter(|booked| booked.settled.settlement == correction.settlement) {
            booked.corrected = Some(correction.now);
            booked.usage.usage.sums += sums;
        }
    }
    Ok(())
}

fn read(columns: &Columns<'_>) -> Result<Made, StoreError> {
    let settlement = columns.id("settlement", SettlementId::new)?;
    let (number, batch) = (columns.number("number")?, columns.text("batch")?.to_owned());
    let undoes = Some(columns.text("undoes")?.to_owned()).filter(|undone| !undone.is_empty());
    let _posting = columns.text("posting")?;
    let told = payers(columns, &TOLD)?;
    let now = payers(columns, &NOW)?;
    let sums = usage_posting(columns)?.usage.sums;
    Ok(Made { number, taken: Taken { batch, undoes }, correction: Correction { settlement, told, now }, sums })
}

const TOLD: [&str; 8] = [
    "told_basic",
    "told_large_sum",
    "told_catastrophic",
    "told_civil_servant",
    "told_assistance",
    "told_account",
    "told_cash",
    "told_hospital",
];
const NOW: [&str; 8] = [
    "now_basic",
    "now_large_sum",
    "now_catastrophic",
    "now_civil_servant",
    "now_assistance",
    "now_account",
    "now_cash",
    "now_hospital",
];

fn payers(columns: &Columns<'_>, names: &[&str; 8]) -> Result<Payers, StoreError> {
    let [basic, large_sum, catastrophic, civil_servant, assistance, account, cash, hospital] = names;
    let mut funds = FundShares::default();
    for (fund, name) in Fund::ALL.into_iter().zip([basic, large_sum, catastrophic, civil_servant, assistance]) {
        funds.set(fund, Money::from_fen(columns.number(name)?));
    }
    let money = |name| columns.number(name).map(Money::from_fen);
    Ok(Payers { funds, account: money(account)?, cash: money(cash)?, hospital: money(hospital)? })
}

/// A bill by payer, in the order of its columns.
pub(super) fn fens(payers: &Payers) -> [i64; 8] {
    let Payers { funds, account, cash, hospital } = payers;
    let [basic, large_sum, catastrophic, civil_servant, assistance] = Fund::ALL.map(|fund| funds.of(fund).fen());
    [basic, large_sum, catastrophic, civil_servant, assistance, account.fen(), cash.fen(), hospital.fen()]
}

/// The place at which a settlement that a posting corrects was decided; none where the posting corrects none.
pub(super) fn corrects_at(place: i64) -> Option<BookSeq> {
    (place > 0).then(|| super::load::seq(place))
}
