//! Settling: the checks that need the book, in the documented order of refusals, and what a settlement appends.

use jiff::Timestamp;
use jiff::civil::Date;

use super::book::{Book, BookSeq, Booked, PersonBook, Visit};
use super::effects::Effects;
use super::judge::{Judge, Judgement, Question};
use super::posted_stay::{PostedStay, StayFacts};
use crate::account::FamilyAccount;
use crate::adjudication::Payers;
use crate::beijing;
use crate::benefits::{Case, Earlier};
use crate::encounter::{CareKind, Encounter};
use crate::filing::Filing;
use crate::lifecycle::Standing;
use crate::operation::{OperationKey, Settle};
use crate::outcome::{Done, Settled};
use crate::person::Person;
use crate::refusal::{Reason, Refusal};
use crate::year_to_date::{Usage, UsagePosting};

/// Settles a bill.
pub(super) fn settle(
    book: &mut Book,
    seq: BookSeq,
    key: &OperationKey,
    settle: &Settle,
    filings: &[Filing],
    judge: &Judge<'_>,
    at: Timestamp,
) -> Result<(Done, Effects), Refusal> {
    if book.taken.contains(&settle.settlement) {
        return Err(Refusal::new(Reason::InvalidField).of_field("setl_id").because("is taken"));
    }
    let family = book.family(&key.person, beijing::day_of(at));
    let person = book.person(&key.person);
    if person.tombstones.contains(&key.as_target()) {
        return Err(Reason::Voided.into());
    }
    let worked_out = work_out(person, &family, settle, filings, judge, at)?;
    let booked = Booked {
        seq,
        settled: worked_out.settled(settle),
        home: settle.home,
        person: key.person.clone(),
        visit: Visit::of(&settle.encounter),
        usage: UsagePosting { usage: worked_out.0.adjudication.usage, day: beijing::day_of(at) },
        corrected: None,
        standing: Standing::InForce,
        changed: None,
    };
    let done = Done::Settled(Box::new(booked.settled.clone()));
    Ok((done, Effects::of_settlement(booked)))
}

/// A bill worked out that may be settled.
pub(super) struct WorkedOut(Judgement);

impl WorkedOut {
    fn settled(&self, settle: &Settle) -> Settled {
        Settled::new(settle.settlement.clone(), &self.0.adjudication, self.0.applied)
    }

    /// Who pays what.
    pub(super) fn payers(&self) -> &Payers {
        self.0.adjudication.payers()
    }

    /// What it uses up.
    pub(super) fn usage(&self) -> &Usage {
        &self.0.adjudication.usage
    }

    /// As an estimate tells it.
    pub(super) fn into_done(self, settle: &Settle) -> Done {
        Done::Settled(Box::new(self.settled(settle)))
    }
}

/// Works a bill out and checks that nothing in the book speaks against settling it.
pub(super) fn work_out(
    book: &PersonBook,
    family: &[FamilyAccount],
    settle: &Settle,
    filings: &[Filing],
    judge: &Judge<'_>,
    at: Timestamp,
) -> Result<WorkedOut, Refusal> {
    let person = enrolled(book, settle)?;
    let encounter = &settle.encounter;
    let earlier = earlier(book, encounter);
    let case = Case {
        person,
        settle,
        filings,
        usages: book.used.usages(),
        account_balance: book.account_balance.at_least_zero(),
        family,
        earlier: &earlier,
        settled_on: beijing::day_of(at),
    };
    let during_stay = encounter.care != CareKind::Inpatient && lies_in_hospital(book, encounter);
    let judgement = judge(&Question { case, during_stay })?;
    not_settled_before(book, encounter)?;
    not_overlapping(book, encounter)?;
    not_claimed(book, encounter)?;
    Ok(WorkedOut(judgement))
}

/// The settlements in force of a visit or stay, those of the person's other stays, and other stays that were posted.
fn earlier(book: &PersonBook, encounter: &Encounter) -> Vec<Earlier> {
    let as_earlier = |booked: &Booked| {
        let Visit { encounter: id, institution, level, care, diagnosis, admitted, discharged, .. } = &booked.visit;
        let same_stay = booked.visit.is_of(&encounter.id, &encounter.institution);
        (same_stay || *care == CareKind::Inpatient).then(|| Earlier {
            same_stay,
            encounter: id.clone(),
            institution: institution.clone(),
            level: *level,
            insurance: booked.settled.insurance,
            care: *care,
            admitted: *admitted,
            discharged: *discharged,
            diagnosis: diagnosis.clone(),
            day: booked.usage.day,
            year: booked.usage.usage.year,
            total: booked.settled.coverage.total(),
            deductible: booked.usage.usage.sums.deductible,
        })
    };
    let posted = book.posted_stays.iter().filter(|stay| !stay.is_of(encounter)).map(PostedStay::as_earlier);
    book.in_force().filter_map(as_earlier).chain(posted).collect()
}

fn enrolled<'a>(book: &'a PersonBook, settle: &Settle) -> Result<&'a Person, Refusal> {
    let unknown = || Refusal::new(Reason::UnknownPerson).of_field("psn_no");
    book.person.as_deref().filter(|person| person.home == settle.home).ok_or_else(unknown)
}

/// A stay is settled once and for all by any settlement that is not a mid-way one, an outpatient visit batch by
/// batch.
fn not_settled_before(book: &PersonBook, encounter: &Encounter) -> Result<(), Refusal> {
    let same = |booked: &&Booked| {
        booked.visit.is_of(&encounter.id, &encounter.institution)
            && match encounter.care {
                CareKind::Inpatient => !booked.visit.interim,
                CareKind::Chronic | CareKind::Outpatient | CareKind::Purchase => booked.visit.batch == encounter.batch,
            }
    };
    // A bill that a manual claim paid has a refusal of its own.
    let claimed = |stay: &PostedStay| book.claims.iter().any(|claim| claim.id == stay.posting);
    let posted = || book.posted_stays.iter().find(|stay| stay.is_of(encounter) && !claimed(stay));
    let settled = book.in_force().find(same).map(|earlier| earlier.settled.settlement.as_str());
    match settled.or_else(|| posted().map(|stay| stay.posting.as_str())) {
        Some(earlier) => Err(Refusal::new(Reason::AlreadySettled).of_field("setl_id").because(earlier)),
        None => Ok(()),
    }
}

fn not_overlapping(book: &PersonBook, encounter: &Encounter) -> Result<(), Refusal> {
    if encounter.care != CareKind::Inpatient {
        return Ok(());
    }
    match other_stays(book, encounter).find(|stay| encounter.overlaps(stay.admitted, stay.discharged)) {
        Some(other) => Err(Refusal::new(Reason::OverlappingStay).of_field("begntime").because(other.name)),
        None => Ok(()),
    }
}

/// The refusal of outpatient care during a stay, where a region's rule is to refuse it.
pub(super) fn refuse_during_stay(case: &Case<'_>) -> Refusal {
    Refusal::new(Reason::OverlappingStay).of_field("begntime").because(case.settle.encounter.admitted.to_string())
}

/// Whether an outpatient visit falls on a day that the person spends in another hospital; the days of admission and
/// discharge are free.
fn lies_in_hospital(book: &PersonBook, visit: &Encounter) -> bool {
    let day = visit.admitted;
    other_stays(book, visit)
        .any(|stay| stay.admitted < day && stay.discharged.is_none_or(|discharged| day < discharged))
}

/// Another stay of the person.
struct OtherStay<'a> {
    /// The settlement, or the posting, that it is known by.
    name: &'a str,
    admitted: Date,
    discharged: Option<Date>,
}

/// The person's other stays in force, one by one: a settlement of each, and the days it lasted. A stay settled
/// mid-way has no end until a later settlement of it names one; it is given once, with its last word.
fn other_stays<'a>(book: &'a PersonBook, encounter: &'a Encounter) -> impl Iterator<Item = OtherStay<'a>> {
    let posted = book.posted_stays.iter().filter(|stay| !stay.is_of(encounter)).map(|stay| {
        let StayFacts { admitted, discharged, level: _, diagnosis: _ } = stay.facts;
        OtherStay { name: &stay.posting, admitted, discharged: Some(discharged) }
    });
    let stays = book.in_force().filter(|booked| booked.visit.care == CareKind::Inpatient);
    let others = stays.filter(|booked| !booked.visit.is_of(&encounter.id, &encounter.institution));
    let settled = others.map(|booked| {
        let of_stay =
            || book.in_force().filter(|other| other.visit.is_of(&booked.visit.encounter, &booked.visit.institution));
        let admitted = of_stay().map(|other| other.visit.admitted).fold(booked.visit.admitted, Date::min);
        let discharged = of_stay().filter_map(|other| other.visit.discharged).max();
        OtherStay { name: booked.settled.settlement.as_str(), admitted, discharged }
    });
    settled.chain(posted)
}

fn not_claimed(book: &PersonBook, encounter: &Encounter) -> Result<(), Refusal> {
    let claimed =
        book.claims.iter().find(|claim| claim.encounter == encounter.id && claim.institution == encounter.institution);
    match claimed {
        Some(claim) => Err(Refusal::new(Reason::ClaimedManually).of_field("mdtrt_id").because(claim.id.clone())),
        None => Ok(()),
    }
}
