//! Statements of a pair of members in a period: issued and replied to. What is paid for them is in [`super::payments`].

use std::collections::BTreeMap;

use clearing::cleared::Cleared;
use clearing::members::Members;
use clearing::obligation::{Lot, Sums};
use clearing::payment::{AcceptFault, ByInsurance, PaymentFault, dues};
use clearing::period::{Pair, PairRecord, Side, Statement};
use jiff::Timestamp;
use jiff::civil::Date;
use settlement::beijing;
use settlement::ids::SettlementId;
use settlement::money::Money;

use super::super::lots::{read_lot, read_sums, row_of};
use super::super::told::News;
use super::super::{HubStore, instant};
use super::PeriodNumber;
use super::carried::{Carrying, is_stated};
use super::course::read_pair;
use super::members;
use super::objections::{has_objected_to, object};
use super::payments::{self, read_side};
use crate::engine::{Row, Sql, Value};
use crate::store::StoreError;
use crate::values;

/// What a member says to a version of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// 确认.
    Confirmed,
    /// Nothing, until the last day.
    Silent,
    /// 异议: these settlements are to be cleared later; of what was cleared before, what is deducted or corrected since.
    Objected {
        /// Which.
        settlements: Vec<SettlementId>,
        /// Why.
        reason: String,
    },
}

impl Reply {
    fn word(&self) -> &'static str {
        match self {
            Reply::Confirmed => "confirmed",
            Reply::Silent => "silent",
            Reply::Objected { settlements: _, reason: _ } => "objected",
        }
    }
}

/// How far what moves a period's lots had come. Once the step is taken by which what is disputed is carried out, nothing
/// moves them but an objection, whose statement is not paid yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct AsOf {
    /// Whether that step is taken.
    is_carried: bool,
    /// How many objections were heard.
    objections: i64,
}

/// What can still be done about what nobody can object to any more: the next period has nothing of it.
const CHANGED_LATER: &str = "what is cleared is changed by a review deduction (审核扣款) of the treatment region, for which \
    an inquiry (费用协查) asks, or by a correction (更正) of the home region";

/// Why something cannot be recorded of a statement. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StatementFault {
    /// There is no statement of this pair.
    #[error("there is no statement of this pair in the period")]
    Unknown,
    /// The period was stated, and what it holds of this pair comes to nothing, so there is nothing to state.
    #[error(
        "what the period holds of this pair comes to nothing (本期净额为零), so no statement of it is issued (不出具清算表)"
    )]
    Nothing,
    /// Another version is the newest.
    #[error("version {newest} is the newest: look at that one first")]
    OtherVersion {
        /// The newest.
        newest: u32,
    },
    /// This side has objected to this version; what it objects to besides, it objects to in the next.
    #[error("this side has objected to this version already: it is stated again, answer the next version")]
    RepliedOtherwise,
    /// This side has confirmed this version: it is cleared as it stands.
    #[error("this side has confirmed this version already: {CHANGED_LATER}")]
    ConfirmedAlready,
    /// This side said nothing in time, which confirmed it.
    #[error("this side said nothing in time, which confirmed it on {on}: {CHANGED_LATER}")]
    TakenAsConfirmed {
        /// The day on which its silence was taken so.
        on: Date,
    },
    /// The notices are out: it is cleared as it stands.
    #[error("the notices are out: {CHANGED_LATER}")]
    NoticesOut,
    /// The period that they would be carried into has been stated meanwhile.
    #[error("the next period was stated meanwhile; try again")]
    NextIsStated,
    /// Settlements that the pair does not clear in this period.
    #[error("{} not cleared by this statement: {}", .0.len(), named(.0))]
    NotInIt(Vec<SettlementId>),
    /// Settlements of which two people have returned from the list what came later: they stand as they were decided on.
    #[error("what came later of {} was returned from the list, and what came before stays cleared: {}", .0.len(), named(.0))]
    ReturnedSince(Vec<SettlementId>),
    /// No notice was issued of this insurance's money.
    #[error("no notice was issued of it")]
    NoNotice,
    /// The payment cannot be what was asked for.
    #[error(transparent)]
    Payment(#[from] PaymentFault),
    /// Two records cannot be accepted as of one payment.
    #[error(transparent)]
    Accept(#[from] AcceptFault),
}

impl HubStore {
    /// How far what moves a period's lots has come: read before they are.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn clearing_as_of(&self, period: PeriodNumber) -> Result<AsOf, StoreError> {
        self.engine.read(move |sql| as_of(sql, period)).await
    }

    /// Issues a version of a pair's statement, with its lots as they were read; records with it which members their pools
    /// are of. A version that was issued before stays as it was. Where something was moved since, or a pool is recorded as
    /// another member's, nothing is issued: they are to be read again.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn statement_issue(
        &self,
        (period, pair): (PeriodNumber, Pair),
        version: u32,
        (lots, read_as_of): (BTreeMap<Lot, Cleared>, AsOf),
        issued_on: Date,
    ) -> Result<(), StoreError> {
        const ISSUE: &str =
            "INSERT INTO statements (period, home, treatment, version, due_employee, due_resident, issued_on)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING";
        let telling = self.telling.clone();
        self.engine
            .write(move |sql| {
                let (ByInsurance { employee, resident }, issued_on) = (dues(&lots), issued_on.to_string());
                let (home, treatment) = (pair.home.0.as_str(), pair.treatment.0.as_str());
                let (employee, resident) = (employee.fen(), resident.fen());
                let values = values![period.0, home, treatment, i64::from(version), employee, resident, &issued_on];
                if as_of(sql, period)? != read_as_of || !members::are_of(sql, (period, pair), lots.keys())? {
                    return Ok(());
                }
                if sql.execute(ISSUE, values)? == 0 {
                    return Ok(());
                }
                write_lots(sql, (period, pair), version, &lots)?;
                let news = News::Statement { version, due: Money::from_fen(employee + resident) };
                telling.as_deref().map_or(Ok(()), |telling| telling.within(sql).tell_of((period, pair), news))
            })
            .await
    }

    /// The lots of a version of a pair's statement, as they were issued.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn statement_lots(
        &self,
        (period, pair): (PeriodNumber, Pair),
        version: u32,
    ) -> Result<BTreeMap<Lot, Cleared>, StoreError> {
        self.engine.read(move |sql| read_lots(sql, (period, pair), version)).await
    }

    /// Records what a member says to a version. An objection carries its settlements out in the same step; `carrying` says
    /// where to, by the period in which they were booked, or in which what changed them later was posted, and `members`
    /// which pools are of the pair.
    ///
    /// # Errors
    /// When the store fails. Inside: why it cannot be recorded; nothing was changed then.
    pub async fn statement_reply(
        &self,
        (period, pair, side): (PeriodNumber, Pair, Side),
        version: u32,
        reply: Reply,
        (carrying, members): (Carrying, impl Members + Send + 'static),
        (replied_by, at): (String, Timestamp),
    ) -> Result<Result<(), StatementFault>, StoreError> {
        let place = (period, pair, side);
        let telling = self.telling.clone();
        self.engine
            .change(move |sql| {
                let replied = reply_to(sql, place, version, &reply, (&carrying, &members), (&replied_by, at))?;
                if let (Some(telling), Reply::Objected { settlements, reason: _ }, Ok(())) =
                    (telling.as_deref(), &reply, &replied)
                {
                    let news = News::Objection { version, side, settlements: settlements.len() as u64 };
                    let teller = telling.within(sql);
                    teller.tell_of((period, pair), news)?;
                    // What is objected to is carried on with what is taken off it, wherever that counts.
                    let moved: Vec<String> = settlements.iter().map(SettlementId::to_time_first).collect();
                    teller.tell_moved(moved.iter().map(String::as_str))?;
                }
                Ok(replied)
            })
            .await
    }
}

/// Reads what is recorded of a period's pairs. A pair with a statement is there even where no lot is left of it.
pub(super) fn read_into(
    sql: &Sql<'_>,
    period: PeriodNumber,
    pairs: &mut BTreeMap<Pair, PairRecord>,
) -> Result<(), StoreError> {
    const STATEMENTS: &str =
        "SELECT home, treatment, version, due_employee, due_resident, issued_on FROM statements WHERE period = ?1
        ORDER BY version";
    const REPLIES: &str = "SELECT home, treatment, version, side, reply FROM statement_replies WHERE period = ?1";
    sql.query(STATEMENTS, values![period.0], |row| {
        let held = pairs.entry(read_pair(row, 0)?).or_default();
        let (home_confirmed, treatment_confirmed, is_objected) = (false, false, false);
        let (version, issued_on) = (read_version(row, 2)?, read_date(row, 5)?);
        held.payables.employee.due = Money::from_fen(row.number(3)?);
        held.payables.resident.due = Money::from_fen(row.number(4)?);
        held.statement = Some(Statement { version, issued_on, home_confirmed, treatment_confirmed, is_objected });
        Ok(())
    })?;
    sql.query(REPLIES, values![period.0], |row| {
        let (version, side) = (read_version(row, 2)?, read_side(row, 3)?);
        let held = pairs.entry(read_pair(row, 0)?).or_default();
        let Some(statement) = held.statement.as_mut().filter(|statement| statement.version == version) else {
            return Ok(());
        };
        match (row.text(4)?, side) {
            ("objected", _) => statement.is_objected = true,
            (_, Side::Home) => statement.home_confirmed = true,
            (_, Side::Treatment) => statement.treatment_confirmed = true,
        }
        Ok(())
    })?;
    payments::read_into(sql, period, pairs)
}

/// The first of some settlements: a message is short, however many there are.
fn named(settlements: &[SettlementId]) -> String {
    const SOME: usize = 10;
    let some = settlements.iter().take(SOME).map(ToString::to_string).collect::<Vec<_>>().join(", ");
    if settlements.len() > SOME { format!("{some}, …") } else { some }
}

fn as_of(sql: &Sql<'_>, period: PeriodNumber) -> Result<AsOf, StoreError> {
    const OBJECTIONS: &str = "SELECT COUNT(*) FROM statement_replies WHERE period = ?1 AND reply = 'objected'";
    let objections = sql.get(OBJECTIONS, values![period.0], |row| row.number(0))?;
    Ok(AsOf { is_carried: is_stated(sql, period)?, objections })
}

fn reply_to(
    sql: &Sql<'_>,
    (period, pair, side): (PeriodNumber, Pair, Side),
    version: u32,
    reply: &Reply,
    to: (&Carrying, &impl Members),
    (replied_by, at): (&str, Timestamp),
) -> Result<Result<(), StatementFault>, StoreError> {
    const BEFORE: &str = "SELECT reply, replied_at FROM statement_replies
        WHERE period = ?1 AND home = ?2 AND treatment = ?3 AND version = ?4 AND side = ?5";
    const REPLY: &str = "INSERT INTO statement_replies
            (period, home, treatment, version, side, reply, reason, replied_by, replied_at)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    let (home, treatment) = (pair.home.0.as_str(), pair.treatment.0.as_str());
    match newest_version(sql, (period, pair))? {
        None => return Ok(Err(StatementFault::Unknown)),
        Some(newest) if newest != version => return Ok(Err(StatementFault::OtherVersion { newest })),
        Some(_) => {}
    }
    let place = values![period.0, home, treatment, i64::from(version), side.word()];
    match sql.find(BEFORE, place, |row| {
        Ok((row.text(0)?.to_owned(), instant("statement_replies", period.0, row.number(1)?)?))
    })? {
        Some((before, _)) if before == reply.word() => {
            let same = match reply {
                Reply::Confirmed | Reply::Silent => true,
                Reply::Objected { settlements, reason: _ } => {
                    has_objected_to(sql, (period, pair, side), version, settlements)?
                }
            };
            return Ok(if same { Ok(()) } else { Err(StatementFault::RepliedOtherwise) });
        }
        Some((before, at)) if before == Reply::Silent.word() => {
            let on = beijing::day_of(at);
            return Ok(if *reply == Reply::Confirmed { Ok(()) } else { Err(StatementFault::TakenAsConfirmed { on }) });
        }
        Some((before, _)) if before == Reply::Confirmed.word() => return Ok(Err(StatementFault::ConfirmedAlready)),
        Some(_) => return Ok(Err(StatementFault::RepliedOtherwise)),
        None => {}
    }
    let reason = match reply {
        Reply::Confirmed | Reply::Silent => "",
        Reply::Objected { settlements, reason } => {
            if let Err(fault) = object(sql, (period, pair, side), version, (settlements, reason), (to, at))? {
                return Ok(Err(fault));
            }
            reason
        }
    };
    let values = values![
        period.0,
        home,
        treatment,
        i64::from(version),
        side.word(),
        reply.word(),
        reason,
        replied_by,
        at.as_microsecond()
    ];
    sql.execute(REPLY, values)?;
    Ok(Ok(()))
}

fn newest_version(sql: &Sql<'_>, (period, pair): (PeriodNumber, Pair)) -> Result<Option<u32>, StoreError> {
    const NEWEST: &str = "SELECT version FROM statements WHERE period = ?1 AND home = ?2 AND treatment = ?3
        ORDER BY version DESC LIMIT 1";
    sql.find(NEWEST, values![period.0, pair.home.0.as_str(), pair.treatment.0.as_str()], |row| read_version(row, 0))
}

const MOVEMENTS: [&str; 6] = ["booked", "corrected", "carried-out", "carried-in", "deducted", "recomputed"];

fn movements_of(cleared: &Cleared) -> [(&'static str, Sums); 6] {
    let [booked, corrected, carried_out, carried_in, deducted, recomputed] = MOVEMENTS;
    [
        (booked, cleared.booked),
        (corrected, cleared.corrected),
        (carried_out, cleared.carried_out),
        (carried_in, cleared.carried_in),
        (deducted, cleared.deducted),
        (recomputed, cleared.recomputed),
    ]
}

fn write_lots(
    sql: &Sql<'_>,
    (period, pair): (PeriodNumber, Pair),
    version: u32,
    lots: &BTreeMap<Lot, Cleared>,
) -> Result<(), StoreError> {
    const LOT: &str = "INSERT INTO statement_lots (period, home, treatment, version, movement, lot_home, lot_treatment,
            insurance, care, visits, total, basic, large_sum, catastrophic, civil_servant, assistance, account)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)";
    let (pair_home, pair_treatment) = (pair.home.0.as_str(), pair.treatment.0.as_str());
    let moved = lots.iter().flat_map(|(lot, cleared)| movements_of(cleared).map(|moved| (lot, moved)));
    let rows: Vec<[Value<'_>; 17]> = moved
        .filter(|(_, (_, sums))| !sums.is_nothing())
        .map(|(lot, (movement, sums))| {
            let version = i64::from(version).into();
            let keys = [period.0.into(), pair_home.into(), pair_treatment.into(), version, movement.into()];
            row_of(keys, lot, &sums)
        })
        .collect();
    sql.execute_each(LOT, &rows)
}

fn read_lots(
    sql: &Sql<'_>,
    (period, pair): (PeriodNumber, Pair),
    version: u32,
) -> Result<BTreeMap<Lot, Cleared>, StoreError> {
    const LOTS: &str = "SELECT lot_home, lot_treatment, insurance, care, visits, total, basic, large_sum, catastrophic,
            civil_servant, assistance, account, movement
        FROM statement_lots WHERE period = ?1 AND home = ?2 AND treatment = ?3 AND version = ?4";
    let mut lots: BTreeMap<Lot, Cleared> = BTreeMap::new();
    let values = values![period.0, pair.home.0.as_str(), pair.treatment.0.as_str(), i64::from(version)];
    sql.query(LOTS, values, |row| {
        let (cleared, sums) = (lots.entry(read_lot(row, 0)?).or_default(), read_sums(row, 4)?);
        match MOVEMENTS.iter().position(|movement| row.text(12).is_ok_and(|word| word == *movement)) {
            Some(0) => cleared.booked = sums,
            Some(1) => cleared.corrected = sums,
            Some(2) => cleared.carried_out = sums,
            Some(3) => cleared.carried_in = sums,
            Some(4) => cleared.deducted = sums,
            Some(5) => cleared.recomputed = sums,
            _ => return Err(StoreError::Column { column: "movement".into(), problem: row.text(12)?.to_owned() }),
        }
        Ok(())
    })?;
    Ok(lots)
}

fn read_version(row: Row<'_>, place: usize) -> Result<u32, StoreError> {
    let number = row.number(place)?;
    u32::try_from(number).map_err(|_| StoreError::Column { column: "version".into(), problem: number.to_string() })
}

pub(super) fn read_date(row: Row<'_>, place: usize) -> Result<Date, StoreError> {
    let text = row.text(place)?;
    text.parse().map_err(|_| StoreError::Column { column: "a day".into(), problem: text.to_owned() })
}
