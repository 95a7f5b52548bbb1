//! A simulated settlement as the messages that a treatment side and a home region would write: the operation, the answer,
//! and what undoes it. Who pays what is worked out by fixed shares here and not by a rule book: clearing takes what was
//! decided as it is.

use anyhow::{Context, Result};
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use proto::convert;
use settlement::adjudication::{Fund, FundShares, Payers};
use settlement::beijing;
use settlement::bill::{Bill, CategorySum, ChargeLine, Coverage, FeeCategory, ItemClass};
use settlement::encounter::{CareKind, Encounter, HospitalLevel, Marks};
use settlement::filing::FilingClass;
use settlement::ids::{
    BatchNumber, ChargeNumber, DiseaseCode, EncounterId, InstitutionCode, ItemCode, MessageId, PersonNumber,
    SettlementId, TransactionNumber,
};
use settlement::money::Money;
use settlement::operation::{AccountUse, Cancel, Operation, OperationKey, Request, Reverse, Settle};
use settlement::outcome::{Done, Outcome, Settled, Undone};
use settlement::person::{Insurance, PersonClass};
use settlement::refusal::{Reason, Refusal};
use settlement::rulebook::RuleBookHash;

use super::shape::{Fate, Visit};

/// How long after it a settlement is undone.
const UNDONE_AFTER: SignedDuration = SignedDuration::from_secs(420);
/// Institutions of a pool.
const INSTITUTIONS: u64 = 40;
/// Enrollees of a pool who travel.
const PEOPLE: u64 = 100_000;

/// An operation with what was decided of it.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// What was asked.
    pub operation: Operation,
    /// What was decided.
    pub outcome: Outcome,
    /// When.
    pub at: Timestamp,
}

impl Exchange {
    /// The bytes of both, as books keep them.
    pub fn bytes(&self) -> (Bytes, Bytes) {
        (convert::write_operation(&self.operation), convert::write_outcome(&self.outcome))
    }
}

/// Everything that is said of a visit, in order: the settlement, and what undoes it where it is undone.
///
/// # Errors
/// Never: the visit is one of a shape.
pub fn exchanges(visit: &Visit) -> Result<Vec<Exchange>> {
    let settle = settle(visit)?;
    let payers = payers(visit, settle.bill.coverage());
    let settled = settled(visit, &settle, payers);
    let key = key(visit, (visit.number, "2304"), visit.at)?;
    let done = match visit.fate {
        Fate::Refused => Outcome::Refused(Refusal::new(Reason::NotFiled)),
        Fate::Stands | Fate::Cancelled | Fate::Reversed => {
            Outcome::Accepted { decided_at: visit.at, done: Done::Settled(Box::new(settled.clone())) }
        }
    };
    let first = Operation { key, request: Request::Settle(Box::new(settle)) };
    let undoing = undoing(visit, &first, settled)?;
    let settling = Exchange { operation: first, outcome: done, at: visit.at };
    Ok(std::iter::once(settling).chain(undoing).collect())
}

fn undoing(visit: &Visit, first: &Operation, original: Settled) -> Result<Option<Exchange>> {
    let at = visit.at + UNDONE_AFTER;
    let (home, treatment, account_balance) = (visit.home, visit.treatment, Money::ZERO);
    let (transaction, request, done) = match visit.fate {
        Fate::Stands | Fate::Refused => return Ok(None),
        Fate::Cancelled => {
            let counter = settlement(visit, COUNTERS + visit.number, at)?;
            let cancel = Cancel { counter: counter.clone(), settlement: original.settlement.clone(), home, treatment };
            (
                "2305",
                Request::Cancel(cancel),
                Done::Cancelled { counter, original: Box::new(original), account_balance },
            )
        }
        Fate::Reversed => {
            let reverse = Reverse { target: first.key.as_target(), home, treatment };
            let undone = Undone::Settlement { original, account_balance };
            ("2601", Request::Reverse(reverse), Done::Reversed(Box::new(undone)))
        }
    };
    let key = key(visit, (COUNTERS + visit.number, transaction), at)?;
    let outcome = Outcome::Accepted { decided_at: at, done };
    Ok(Some(Exchange { operation: Operation { key, request }, outcome, at }))
}

/// What undoes has numbers from here on.
const COUNTERS: u64 = 50_000_000;

fn key(visit: &Visit, (number, transaction): (u64, &str), at: Timestamp) -> Result<OperationKey> {
    let institution = institution(visit)?;
    // As a hospital's system names it: itself, the time to the second, a count.
    let message = format!("{institution}{}{number:08}", beijing::at_desk(at).strftime("%Y%m%d%H%M%S"));
    Ok(OperationKey {
        message: MessageId::new(&message)?,
        institution,
        transaction: TransactionNumber::new(transaction)?,
        person: person(visit)?,
        encounter: Some(encounter_id(visit)?),
        batch: None,
    })
}

/// As a treatment side numbers it: its pool, microseconds, a count.
fn settlement(visit: &Visit, number: u64, at: Timestamp) -> Result<SettlementId> {
    Ok(SettlementId::new(&format!("{}{:016}{number:08}", visit.treatment, at.as_microsecond()))?)
}

fn institution(visit: &Visit) -> Result<InstitutionCode> {
    let letter = if visit.care == CareKind::Purchase { 'P' } else { 'H' };
    Ok(InstitutionCode::new(&format!("{letter}{}{:05}", visit.treatment, visit.number % INSTITUTIONS))?)
}

fn person(visit: &Visit) -> Result<PersonNumber> {
    Ok(PersonNumber::new(&format!("{}{:08}", visit.home, visit.number.wrapping_mul(48_271) % PEOPLE))?)
}

fn encounter_id(visit: &Visit) -> Result<EncounterId> {
    Ok(EncounterId::new(&format!("{}{:016}{:08}", visit.treatment, visit.at.as_microsecond(), visit.number))?)
}

fn settle(visit: &Visit) -> Result<Settle> {
    Ok(Settle {
        settlement: settlement(visit, visit.number, visit.at)?,
        home: visit.home,
        insurance: visit.insurance,
        encounter: encounter(visit)?,
        bill: bill(visit)?,
        account: if visit.insurance == Insurance::Employee { AccountUse::Own } else { AccountUse::None },
    })
}

fn encounter(visit: &Visit) -> Result<Encounter> {
    let day = beijing::day_of(visit.at);
    let stays = visit.care == CareKind::Inpatient;
    let admitted = if stays { day.saturating_sub(SignedDuration::from_hours(24 * 8)) } else { day };
    let disease = if visit.care == CareKind::Chronic { Some(DiseaseCode::new("M03900")?) } else { None };
    let batch = if stays { None } else { Some(BatchNumber::new(&format!("{:012}", visit.number))?) };
    Ok(Encounter {
        id: encounter_id(visit)?,
        institution: institution(visit)?,
        area: visit.treatment.0,
        pool: visit.treatment,
        member: None,
        level: if visit.care == CareKind::Purchase { HospitalLevel::Primary } else { HospitalLevel::Third },
        care: visit.care,
        admitted,
        discharged: Some(day),
        disease,
        diagnosis: None,
        batch,
        interim: false,
        marks: Marks::default(),
    })
}

/// So many hundredths, rounded down.
fn share(of: Money, hundredths: i64) -> Money {
    Money::from_fen(of.fen() * hundredths / 100)
}

/// Half of the charge of class A, three tenths of B with a tenth of that paid first, the rest outside the catalogue.
fn bill(visit: &Visit) -> Result<Bill> {
    let numbers: &[u8] = match visit.care {
        CareKind::Inpatient => &[1, 3, 4, 5, 8, 9],
        CareKind::Chronic | CareKind::Outpatient => &[3, 9],
        CareKind::Purchase => &[9],
    };
    let each = Money::from_fen(visit.total.fen() / i64::try_from(numbers.len())?);
    let mut left = visit.total;
    let mut categories = Vec::with_capacity(numbers.len());
    for (place, number) in numbers.iter().enumerate() {
        let total = if place + 1 == numbers.len() { left } else { each };
        left -= total;
        let (class_b, class_c) = (share(total, 30), share(total, 8));
        categories.push(CategorySum {
            category: FeeCategory::new(*number).context("a fee category")?,
            class_a: total - class_b - class_c,
            class_b,
            class_c,
            over_limit: Money::ZERO,
        });
    }
    let coverage = categories.iter().map(covered).sum();
    let lines = match visit.care {
        CareKind::Inpatient => Vec::new(),
        CareKind::Chronic | CareKind::Outpatient | CareKind::Purchase => {
            categories.iter().map(|category| line(visit, category)).collect::<Result<_>>()?
        }
    };
    Ok(Bill::new(coverage, categories, lines)?)
}

fn covered(category: &CategorySum) -> Coverage {
    let first_self_pay = share(category.class_b, 10);
    let in_policy = category.class_a + category.class_b - first_self_pay;
    Coverage { self_paid: category.class_c, over_limit: category.over_limit, first_self_pay, in_policy }
}

fn line(visit: &Visit, category: &CategorySum) -> Result<ChargeLine> {
    Ok(ChargeLine {
        number: ChargeNumber::new(&category.category.number().to_string())?,
        item: ItemCode::new("XA10BAA019A001010161209")?,
        charged_on: beijing::day_of(visit.at),
        class: ItemClass::B,
        category: category.category,
        coverage: covered(category),
    })
}

/// Who pays: by care a share of what is within policy from the pool, beyond large sums the layers above it, accounts what
/// employees have in them, and cash the rest.
fn payers(visit: &Visit, coverage: Coverage) -> Payers {
    let employee = visit.insurance == Insurance::Employee;
    let pooled = match (visit.care, employee) {
        (CareKind::Inpatient, true) => 78,
        (CareKind::Inpatient, false) => 58,
        (CareKind::Chronic, true) => 80,
        (CareKind::Chronic, false) => 60,
        (CareKind::Outpatient, true) => 55,
        (CareKind::Outpatient, false) => 45,
        (CareKind::Purchase, _) => 0,
    };
    let basic = share(coverage.in_policy, pooled);
    let large = (coverage.in_policy - LARGE).at_least_zero();
    let mut funds = FundShares::default();
    funds.set(Fund::Basic, basic);
    funds.set(if employee { Fund::LargeSum } else { Fund::Catastrophic }, share(large, 15));
    if employee && visit.number.is_multiple_of(25) {
        funds.set(Fund::CivilServant, share(coverage.in_policy, 5));
    }
    if !employee && visit.number.is_multiple_of(20) {
        funds.set(Fund::Assistance, share(coverage.in_policy, 10));
    }
    let rest = coverage.total() - funds.total();
    let account = match (visit.care, employee) {
        (CareKind::Purchase, _) => share(rest, 90),
        (CareKind::Inpatient | CareKind::Chronic | CareKind::Outpatient, true) => share(rest, 30).min(MOST_OF_ACCOUNT),
        (CareKind::Inpatient | CareKind::Chronic | CareKind::Outpatient, false) => Money::ZERO,
    };
    Payers { funds, account, cash: rest - account, hospital: Money::ZERO }
}

/// Beyond this the layers above the pool pay too.
const LARGE: Money = Money::from_yuan(50_000);
/// What an account has left for a visit.
const MOST_OF_ACCOUNT: Money = Money::from_yuan(800);

fn settled(visit: &Visit, settle: &Settle, payers: Payers) -> Settled {
    let filing = if visit.care == CareKind::Inpatient { Some(FilingClass::LongTerm) } else { None };
    Settled {
        settlement: settle.settlement.clone(),
        insurance: visit.insurance,
        coverage: settle.bill.coverage(),
        payers,
        deductible: Money::ZERO,
        account_balance: Money::ZERO,
        family: Vec::new(),
        filing,
        class: PersonClass::Retired,
        civil_servant: visit.number.is_multiple_of(25),
        during_stay: false,
        rule_book: RuleBookHash([0x5a; 32]),
        explanation: [0xa5; 32],
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use settlement::postings::{Booking, Turn};
    use settlement::region::RegionTable;

    use super::super::shape::{Pools, Shape};
    use super::*;

    #[test]
    fn every_message_reads_back_and_books_what_its_fate_says() {
        let regions = RegionTable::from_csv(include_str!("../../../deploy/regions.csv")).expect("a table");
        let shape = Shape::new(&regions, (6, Pools::All), (3_000, 7), (date(2025, 6, 1), 30)).expect("six are there");
        for number in 0..shape.count() {
            let visit = shape.visit(number).expect("a visit");
            let exchanges = exchanges(&visit).expect("messages");
            let turns: Vec<Option<Turn>> = exchanges
                .iter()
                .map(|exchange| {
                    let (operation, outcome) = exchange.bytes();
                    let operation = convert::read_operation(&operation).expect("an operation");
                    let outcome = convert::read_outcome(&outcome).expect("an outcome");
                    assert_eq!((&operation, &outcome), (&exchange.operation, &exchange.outcome));
                    Booking::of(&operation, &outcome).map(|booking| booking.turn)
                })
                .collect();
            let expected: &[Option<Turn>] = match visit.fate {
                Fate::Stands => &[Some(Turn::Enter)],
                Fate::Cancelled | Fate::Reversed => &[Some(Turn::Enter), Some(Turn::Counter)],
                Fate::Refused => &[None],
            };
            assert_eq!(turns, expected, "{number}");
        }
    }
}
