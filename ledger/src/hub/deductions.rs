//! 审核扣款 as they are recorded: lodged, objected to, agreed on, withdrawn, released. What may be taken off, and what may
//! happen to a deduction, is for `clearing::review`. What a hospital's letter says is kept by `deductions/objected.rs`.

mod objected;

use clearing::obligation::{Lot, Sums};
use clearing::review::{Deducted, Event, GIVEN_BACK, Objection, ReviewFault, Standing, after, agree, lodge};
use jiff::Timestamp;
use settlement::adjudication::{Fund, FundShares};
use settlement::ids::{PoolCode, SettlementId};
use settlement::money::Money;

use super::afterwards::{DEDUCTIONS, period_for, posted_in};
use super::corrections;
use super::lots::{lot_values, read_lot, read_sums};
use super::periods::{Between, PeriodNumber};
use super::{HubStore, corrupt, instant};
use crate::engine::{self, Row, Sql};
use crate::store::StoreError;
use crate::values;

mod restored;

/// A deduction to be lodged, under an id that its sender made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lodging {
    /// Its id.
    pub id: String,
    /// The settlement.
    pub settlement: SettlementId,
    /// What is taken off, fund by fund.
    pub deducted: Deducted,
    /// Why.
    pub reason: String,
}

/// A deduction as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deduction {
    /// What was lodged.
    pub lodging: Lodging,
    /// Between whom, and for what.
    pub lot: Lot,
    /// Where it stands.
    pub standing: Standing,
    /// What was agreed on; as lodged before.
    pub agreed: Deducted,
    /// The period from which it is taken off; none where it is not, and 0 while its settlement is on the list.
    pub period: Option<PeriodNumber>,
    /// Why it stands so: the hospital's objection, for example.
    pub remark: String,
    /// What the hospital objects, also after it was agreed on or withdrawn; none where it did not.
    pub objection: Option<Objection>,
    /// When it was lodged.
    pub lodged_at: Timestamp,
}

/// What a deduction takes off a period, or gives back in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostedDeduction {
    /// The deduction's id.
    pub id: String,
    /// The settlement.
    pub settlement: SettlementId,
    /// Between whom, and for what.
    pub lot: Lot,
    /// What is taken off; below zero where it is given back.
    pub taken: Deducted,
    /// Why it was lodged.
    pub reason: String,
    /// When it was agreed on, or given back.
    pub at: Timestamp,
    /// What the hospital had objected.
    pub objection: Option<Objection>,
    /// The period in which the settlement was booked.
    pub booked_in: PeriodNumber,
    /// The how manieth posting of the deduction it is.
    pub step: i64,
}

/// Why something cannot be recorded of a deduction. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeductionFault {
    /// The hub's journal has no such settlement in force.
    #[error("no such settlement is in force")]
    NoSettlement,
    /// The settlement was undone.
    #[error("the settlement was undone: nothing is left of it to take off")]
    Undone,
    /// There is no deduction of this id.
    #[error("there is no deduction of this id")]
    Unknown,
    /// The id was lodged with something else.
    #[error("the id was lodged with something else")]
    LodgedOtherwise,
    /// What is wanted cannot happen to it any more.
    #[error("it is {} already", .0.word())]
    StandsOtherwise(Standing),
    /// The settlement is not the objecting hospital's.
    #[error("the settlement is not of this hospital")]
    OtherHospital,
    /// Its hospital objects, and nobody says how that was settled.
    #[error("its hospital objects: say how that was settled")]
    NotSettled,
    /// The sums are not possible.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Sums(Vec<ReviewFault>),
}

/// What is to happen to a deduction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The hospital objects by letter.
    Object(Objection),
    /// Agency and hospital agree on sums, and why; after an objection there is a reason, how it was settled.
    Agree(Deducted, String),
    /// The agency takes it back.
    Withdraw(String),
}

impl HubStore {
    /// Lodges a deduction. The same again changes nothing.
    ///
    /// # Errors
    /// When the store fails. Inside: why it cannot be lodged.
    pub async fn deduction_lodge(
        &self,
        lodging: Lodging,
        (by, at): (String, Timestamp),
    ) -> Result<Result<(), DeductionFault>, StoreError> {
        let telling = self.telling.clone();
        self.engine
            .change(move |sql| {
                let lodged = lodge_one(sql, &lodging, (&by, at))?;
                if let (Some(telling), Ok(())) = (telling.as_deref(), &lodged) {
                    telling.within(sql).tell_deduction(&lodging.id)?;
                }
                Ok(lodged)
            })
            .await
    }

    /// Has something happen to a deduction. What is agreed on is taken off the period in which its settlement is cleared,
    /// or where that is stated already, off the open one.
    ///
    /// # Errors
    /// When the store fails. Inside: why it cannot happen.
    pub async fn deduction_change(
        &self,
        id: String,
        change: Change,
        (by, at): (String, Timestamp),
    ) -> Result<Result<(), DeductionFault>, StoreError> {
        let telling = self.telling.clone();
        self.engine
            .change(move |sql| {
                let changed = change_one(sql, &id, &change, (&by, at))?;
                if let (Some(telling), Ok(())) = (telling.as_deref(), &changed) {
                    telling.within(sql).tell_deduction(&id)?;
                }
                Ok(changed)
            })
            .await
    }

    /// Releases deductions of settlements that are undone since, and gives back what was taken off; tells how many.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn deduction_release(&self, at: Timestamp) -> Result<usize, StoreError> {
        // The newest entry of a settlement says whether it counts.
        const UNDONE: &str = "SELECT DISTINCT deductions.id FROM turned_settlements AS turned CROSS JOIN deductions
            WHERE deductions.settlement = turned.settlement
              AND COALESCE((SELECT event FROM deduction_events WHERE deduction_events.id = deductions.id
                            ORDER BY step DESC LIMIT 1), 'lodged') NOT IN ('withdrawn', 'released')
              AND (SELECT MAX(step) FROM answers WHERE answers.settlement = deductions.settlement) % 2 = 0";
        let undone = self.engine.read(|sql| sql.query(UNDONE, values![], |row| Ok(row.text(0)?.to_owned()))).await?;
        let count = undone.len();
        for id in undone {
            let telling = self.telling.clone();
            let released = self.engine.write(move |sql| {
                release(sql, &id, at)?;
                telling.as_deref().map_or(Ok(()), |telling| telling.within(sql).tell_deduction(&id))
            });
            released.await?;
        }
        Ok(count)
    }

    /// A deduction by its id.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn deduction_find(&self, id: String) -> Result<Option<Deduction>, StoreError> {
        self.engine.read(move |sql| find(sql, &id)).await
    }

    /// Between whom a settlement in force is, and for what; none where it is not in force, or not folded yet.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn settlement_lot(&self, settlement: SettlementId) -> Result<Option<Lot>, StoreError> {
        Ok(self.engine.read(move |sql| in_force(sql, &settlement)).await?.map(|(lot, _)| lot))
    }

    /// Between whom a settlement was that is undone, and for what; none where it stands, or never was.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn settlement_undone(&self, settlement: SettlementId) -> Result<Option<Lot>, StoreError> {
        let newest = self.engine.read(move |sql| newest(sql, &settlement)).await?;
        Ok(newest.filter(|(_, _, step)| step % 2 == 0).map(|(lot, _, _)| lot))
    }

    /// What deductions take off a period between pools, after a posting, by its id and step, in that order.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn deduction_postings_page(
        &self,
        period: PeriodNumber,
        between: Between,
        (id, step): (String, i64),
        limit: u32,
    ) -> Result<Vec<PostedDeduction>, StoreError> {
        const POSTED: &str = posted_in!(
            "deduction",
            "SELECT deductions.home, deductions.treatment, insurance, care, posted.basic, posted.large_sum,
                posted.catastrophic, posted.civil_servant, posted.assistance, deductions.id, deductions.settlement, deductions.reason,
                deduction_events.done_at, answers.period, objections.hospital, objections.letter,
                objections.written_on, objections.reason, posted.step
             FROM deduction_postings AS posted
             JOIN deductions ON deductions.id = posted.id
             JOIN deduction_events ON deduction_events.id = posted.id AND deduction_events.step = posted.step
             JOIN answers ON answers.settlement = deductions.settlement AND answers.step = 1
             LEFT JOIN deduction_objections AS objections ON objections.id = deductions.id",
            "AND (posted.id, posted.step) > (?2, ?3)
             AND (?4 IS NULL OR deductions.home IN (SELECT value FROM json_each(?4)))
             AND (?5 IS NULL OR deductions.treatment IN (SELECT value FROM json_each(?5)))
             ORDER BY posted.id, posted.step LIMIT ?6"
        );
        let read = self.engine.read(move |sql| {
            let [homes, treatments] = between.lists();
            let values = values![period.0, &id, step, homes.as_deref(), treatments.as_deref(), i64::from(limit)];
            sql.query(POSTED, values, read_posted)
        });
        read.await
    }

    /// The deductions of a settlement, or of all.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn deduction_list(&self, settlement: Option<SettlementId>) -> Result<Vec<Deduction>, StoreError> {
        self.engine.read(move |sql| list(sql, settlement.as_ref())).await
    }

    /// The deductions of a settlement, or of all, that are between these pools and others, or any; after one, by when it was
    /// lodged and its id, in that order.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn deduction_page(
        &self,
        (settlement, pools): (Option<SettlementId>, Option<Vec<PoolCode>>),
        after: Option<(Timestamp, String)>,
        limit: u32,
    ) -> Result<Vec<Deduction>, StoreError> {
        let pools = pools.map(|pools| engine::list(pools.iter().map(|pool| pool.0.as_str())));
        let settlement = settlement.map(|settlement| settlement.to_time_first());
        let (at, id) = after.map_or((i64::MIN, String::new()), |(at, id)| (at.as_microsecond(), id));
        let read = self
            .engine
            .read(move |sql| page(sql, (settlement.as_deref(), pools.as_deref()), (at, &id), i64::from(limit)));
        read.await
    }
}

fn lodge_one(
    sql: &Sql<'_>,
    lodging: &Lodging,
    (by, at): (&str, Timestamp),
) -> Result<Result<(), DeductionFault>, StoreError> {
    const LODGE: &str = "INSERT INTO deductions (id, settlement, home, treatment, insurance, care, basic, large_sum,
            catastrophic, civil_servant, assistance, reason, lodged_by, lodged_at)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)";
    let others = list(sql, Some(&lodging.settlement))?;
    if let Some(before) = find(sql, &lodging.id)? {
        let same = before.lodging == *lodging;
        return Ok(if same { Ok(()) } else { Err(DeductionFault::LodgedOtherwise) });
    }
    let Some((lot, paid)) = in_force(sql, &lodging.settlement)? else {
        return Ok(Err(not_in_force(sql, &lodging.settlement)?));
    };
    let paid = Sums { funds: corrections::at_least_paid(sql, &lodging.settlement, paid.funds)?, ..paid };
    let taken: Vec<Deducted> =
        others.iter().filter(|other| other.standing.counts()).map(|other| other.agreed).collect();
    if let Err(faults) = lodge(&paid, &taken, &lodging.deducted) {
        return Ok(Err(DeductionFault::Sums(faults)));
    }
    let [home, treatment, insurance, care] = lot_values(&lot);
    let [basic, large_sum, catastrophic, civil_servant, assistance] = funds(&lodging.deducted);
    let settlement = lodging.settlement.to_time_first();
    let values = &[
        (&lodging.id).into(),
        (&settlement).into(),
        home,
        treatment,
        insurance,
        care,
        basic.into(),
        large_sum.into(),
        catastrophic.into(),
        civil_servant.into(),
        assistance.into(),
        (&lodging.reason).into(),
        by.into(),
        at.as_microsecond().into(),
    ];
    sql.execute(LODGE, values)?;
    Ok(Ok(()))
}

fn change_one(
    sql: &Sql<'_>,
    id: &str,
    change: &Change,
    by: (&str, Timestamp),
) -> Result<Result<(), DeductionFault>, StoreError> {
    let Some(held) = find(sql, id)? else { return Ok(Err(DeductionFault::Unknown)) };
    let (event, reason) = match change {
        Change::Object(objection) => {
            let hospital = objected::hospital_of(sql, &held.lodging.settlement)?;
            if hospital.is_some_and(|hospital| hospital != objection.hospital) {
                return Ok(Err(DeductionFault::OtherHospital));
            }
            (Event::Object, &objection.reason)
        }
        Change::Agree(agreed, reason) => {
            if let Err(faults) = agree(&held.lodging.deducted, agreed) {
                return Ok(Err(DeductionFault::Sums(faults)));
            }
            if held.standing != Standing::Agreed && in_force(sql, &held.lodging.settlement)?.is_none() {
                return Ok(Err(not_in_force(sql, &held.lodging.settlement)?));
            }
            (Event::Agree, reason)
        }
        Change::Withdraw(reason) => (Event::Withdraw, reason),
    };
    let repeated = match change {
        Change::Object(objection) => held.standing == Standing::Objected && held.objection.as_ref() == Some(objection),
        Change::Agree(agreed, _) => held.standing == Standing::Agreed && held.agreed == *agreed,
        Change::Withdraw(_) => held.standing == Standing::Withdrawn,
    };
    if repeated {
        return Ok(Ok(()));
    }
    let Some(becomes) = after(held.standing, event) else {
        return Ok(Err(DeductionFault::StandsOtherwise(held.standing)));
    };
    if (held.standing, event) == (Standing::Objected, Event::Agree) && reason.trim().is_empty() {
        return Ok(Err(DeductionFault::NotSettled));
    }
    let step = next_step(sql, id)?;
    record(sql, (id, step), becomes, reason, by)?;
    match change {
        Change::Object(objection) => objected::keep(sql, id, objection)?,
        Change::Agree(agreed, _) => {
            let period = period_for(sql, &held.lodging.settlement)?;
            post(sql, (id, step), period, agreed)?;
        }
        Change::Withdraw(_) => {}
    }
    Ok(Ok(()))
}

fn release(sql: &Sql<'_>, id: &str, at: Timestamp) -> Result<(), StoreError> {
    let Some(held) = find(sql, id)? else { return Ok(()) };
    // It may have come back since it was found.
    if in_force(sql, &held.lodging.settlement)?.is_some() {
        return Ok(());
    }
    let Some(becomes) = after(held.standing, Event::Undo) else { return Ok(()) };
    let step = next_step(sql, id)?;
    record(sql, (id, step), becomes, GIVEN_BACK, ("clearing", at))?;
    if held.standing == Standing::Agreed {
        let period = DEDUCTIONS.period_again(sql, id)?;
        post(sql, (id, step), period, &-held.agreed)?;
        DEDUCTIONS.follow_returned(sql, (id, step), at)?;
    }
    Ok(())
}

fn record(
    sql: &Sql<'_>,
    (id, step): (&str, i64),
    becomes: Standing,
    reason: &str,
    (by, at): (&str, Timestamp),
) -> Result<(), StoreError> {
    const EVENT: &str = "INSERT INTO deduction_events (id, step, event, reason, done_by, done_at)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    sql.execute(EVENT, values![id, step, becomes.word(), reason, by, at.as_microsecond()]).map(drop)
}

fn post(sql: &Sql<'_>, (id, step): (&str, i64), period: PeriodNumber, taken: &Deducted) -> Result<(), StoreError> {
    const POST: &str = "INSERT INTO deduction_postings
            (id, step, period, basic, large_sum, catastrophic, civil_servant, assistance)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    let [basic, large_sum, catastrophic, civil_servant, assistance] = funds(taken);
    let values = values![id, step, period.0, basic, large_sum, catastrophic, civil_servant, assistance];
    sql.execute(POST, values).map(drop)
}

/// The step of the next event; lodging has none, so it is also how many words there are to be said of a deduction.
pub(super) fn next_step(sql: &Sql<'_>, id: &str) -> Result<i64, StoreError> {
    const LAST: &str = "SELECT COALESCE(MAX(step), 0) + 1 FROM deduction_events WHERE id = ?1";
    sql.get(LAST, values![id], |row| row.number(0))
}

/// What a settlement in force moves within its own lot; none where it is not in force, or not folded yet.
pub(super) fn in_force(sql: &Sql<'_>, settlement: &SettlementId) -> Result<Option<(Lot, Sums)>, StoreError> {
    Ok(newest(sql, settlement)?.filter(|(_, _, step)| step % 2 == 1).map(|(lot, sums, _)| (lot, sums)))
}

/// What a settlement's newest entry moves, and the how manieth it is: every other one undoes the one before.
fn newest(sql: &Sql<'_>, settlement: &SettlementId) -> Result<Option<(Lot, Sums, i64)>, StoreError> {
    const NEWEST: &str =
        "SELECT lot_postings.home, treatment, insurance, care, visits, total, basic, large_sum, catastrophic,
            civil_servant, assistance, account, answers.step
        FROM answers CROSS JOIN lot_postings
        WHERE answers.settlement = ?1 AND answers.step = (SELECT MAX(step) FROM answers WHERE settlement = ?1)
          AND lot_postings.position = answers.position AND lot_postings.part = 0";
    sql.find(NEWEST, values![&settlement.to_time_first()], |row| {
        Ok((read_lot(row, 0)?, read_sums(row, 4)?, row.number(12)?))
    })
}

/// Why a settlement is not in force.
fn not_in_force(sql: &Sql<'_>, settlement: &SettlementId) -> Result<DeductionFault, StoreError> {
    let is_undone = newest(sql, settlement)?.is_some_and(|(_, _, step)| step % 2 == 0);
    Ok(if is_undone { DeductionFault::Undone } else { DeductionFault::NoSettlement })
}

macro_rules! deductions {
    ($where:literal) => {
        deductions!($where, "")
    };
    ($where:expr, $limit:literal) => {
        concat!(
            "SELECT home, treatment, insurance, care, deductions.basic, deductions.large_sum, deductions.catastrophic,
                deductions.civil_servant, deductions.assistance, deductions.id, settlement, deductions.reason,
                lodged_at, COALESCE(last.event, 'lodged'), COALESCE(last.reason, ''),
                COALESCE((SELECT into_period FROM deduction_moves AS moved
                          WHERE moved.id = posted.id AND moved.step = posted.step
                          ORDER BY from_period = 0 DESC, from_period DESC LIMIT 1), posted.period), posted.basic,
                posted.large_sum, posted.catastrophic, posted.civil_servant, posted.assistance, objections.hospital,
                objections.letter, objections.written_on, objections.reason
            FROM deductions
            LEFT JOIN deduction_objections AS objections ON objections.id = deductions.id
            LEFT JOIN deduction_events AS last ON last.id = deductions.id
                AND last.step = (SELECT MAX(step) FROM deduction_events WHERE deduction_events.id = deductions.id)
            LEFT JOIN deduction_postings AS posted ON posted.id = deductions.id
                AND posted.step = (SELECT MAX(step) FROM deduction_events WHERE deduction_events.id = deductions.id
                                   AND event = 'agreed')
            ",
            $where,
            " ORDER BY lodged_at, deductions.id",
            $limit
        )
    };
}

macro_rules! page {
    ($of:literal) => {
        deductions!(
            concat!(
                "WHERE (lodged_at, deductions.id) > (?1, ?2)
                   AND (?3 IS NULL OR home IN (SELECT value FROM json_each(?3))
                        OR treatment IN (SELECT value FROM json_each(?3))) ",
                $of
            ),
            " LIMIT ?4"
        )
    };
}

pub(super) fn list(sql: &Sql<'_>, settlement: Option<&SettlementId>) -> Result<Vec<Deduction>, StoreError> {
    match settlement {
        Some(settlement) => {
            let settlement = settlement.to_time_first();
            sql.query(deductions!("WHERE settlement = ?1"), values![&settlement], read)
        }
        None => sql.query(deductions!(""), values![], read),
    }
}

fn page(
    sql: &Sql<'_>,
    (settlement, pools): (Option<&str>, Option<&str>),
    (at, id): (i64, &str),
    limit: i64,
) -> Result<Vec<Deduction>, StoreError> {
    match settlement {
        Some(settlement) => sql.query(page!("AND settlement = ?5"), values![at, id, pools, limit, settlement], read),
        None => sql.query(page!(""), values![at, id, pools, limit], read),
    }
}

pub(super) fn find(sql: &Sql<'_>, id: &str) -> Result<Option<Deduction>, StoreError> {
    sql.find(deductions!("WHERE deductions.id = ?1"), values![id], read)
}

fn read_posted(row: Row<'_>) -> Result<PostedDeduction, StoreError> {
    let id = row.text(9)?.to_owned();
    let malformed = |fault: settlement::ids::IdError| corrupt("deductions", &id, fault.to_string());
    Ok(PostedDeduction {
        settlement: SettlementId::from_time_first(row.text(10)?).map_err(malformed)?,
        lot: read_lot(row, 0)?,
        taken: read_shares(row, 4)?,
        reason: row.text(11)?.to_owned(),
        at: instant("deduction_events", &id, row.number(12)?)?,
        booked_in: PeriodNumber(row.number(13)?),
        objection: objected::read(row, 14, &id)?,
        step: row.number(18)?,
        id,
    })
}

/// Nothing where there are none.
pub(super) fn read_shares(row: Row<'_>, first: usize) -> Result<FundShares, StoreError> {
    let mut shares = FundShares::default();
    for (place, fund) in (first..).zip(Fund::ALL) {
        shares.set(fund, Money::from_fen(row.optional_number(place)?.unwrap_or_default()));
    }
    Ok(shares)
}

fn read(row: Row<'_>) -> Result<Deduction, StoreError> {
    let id = row.text(9)?.to_owned();
    let malformed = |what: &str| corrupt("deductions", &id, format!("its {what} is not one of ours"));
    let shares = |first| read_shares(row, first);
    let (lodged, period) = (shares(4)?, row.optional_number(15)?.map(PeriodNumber));
    Ok(Deduction {
        lot: read_lot(row, 0)?,
        standing: Standing::from_word(row.text(13)?).ok_or_else(|| malformed("standing"))?,
        agreed: if period.is_some() { shares(16)? } else { lodged },
        period,
        remark: row.text(14)?.to_owned(),
        objection: objected::read(row, 21, &id)?,
        lodged_at: instant("deductions", &id, row.number(12)?)?,
        lodging: Lodging {
            settlement: SettlementId::from_time_first(row.text(10)?).map_err(|_| malformed("settlement"))?,
            deducted: lodged,
            reason: row.text(11)?.to_owned(),
            id: id.clone(),
        },
    })
}

pub(super) fn funds(shares: &FundShares) -> [i64; Fund::ALL.len()] {
    Fund::ALL.map(|fund| shares.of(fund).fen())
}
