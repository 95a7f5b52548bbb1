//! The rows that a decision adds, and the statements that insert them. Texts that have to be made live in the row while
//! it is inserted. Called by [`super::append`], [`super::postings`] and
//! [`super::corrections`].

use settlement::decide::{BookSeq, Booked, Undoing, UsagePosting, Visit};
use settlement::ids::{BatchNumber, DiagnosisCode, DiseaseCode, SettlementId};
use settlement::lifecycle::Standing;

use super::row::date_text;
use crate::engine::Value;

pub(super) const OPERATION: &str = "INSERT INTO operations (book_seq, key, kind, person, bytes, filing, enrollee,
        rule_set, accepted, outcome, journal, decided_at)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
pub(super) const SETTLEMENT: &str = "INSERT INTO settlements (book_seq, settlement, home, person, encounter,
        institution, treatment, care, admitted, discharged, charge_batch, interim, level, diagnosis,
        rule_book)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)";
pub(super) const UNDOING: &str =
    "INSERT INTO undoings (book_seq, settlement, becomes, counter) VALUES (?1, ?2, ?3, ?4)";
pub(super) const USAGE: &str = "INSERT INTO usages (person, after_seq, posting, encounter, day, year, insurance, care,
        disease, month, stays, deductible, in_policy, basic, above_cap, large_sum, catastrophic_base, catastrophic,
        civil_servant_base, civil_servant, assistance_base, assistance, tilt_base, tilt)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23,
        ?24)";
pub(super) const ACCOUNT_ENTRY: &str =
    "INSERT INTO account_entries (person, after_seq, posting, amount) VALUES (?1, ?2, ?3, ?4)";
/// A message may be reversed twice before it ever comes; the first tombstone stays.
pub(super) const TOMBSTONE: &str =
    "INSERT INTO tombstones (target, book_seq) VALUES (?1, ?2) ON CONFLICT (target) DO NOTHING";

pub(super) const CORRECTION: &str = "INSERT INTO corrections (settlement, number, posting, told_basic, told_large_sum,
        told_catastrophic, told_civil_servant, told_assistance, told_account, told_cash, told_hospital, now_basic,
        now_large_sum, now_catastrophic, now_civil_servant, now_assistance, now_account, now_cash, now_hospital)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)";

pub(super) const AFFECTED: &str = "INSERT INTO affected (settlement, after_seq, posting) VALUES (?1, ?2, ?3)";

pub(super) fn place(seq: BookSeq) -> i64 {
    i64::try_from(seq.0).expect("a book of 9 quintillion operations is none of ours")
}

/// A settlement.
pub(super) struct SettlementRow<'a> {
    booked: &'a Booked,
    admitted: String,
    discharged: String,
}

impl<'a> SettlementRow<'a> {
    pub fn new(booked: &'a Booked) -> SettlementRow<'a> {
        let (admitted, discharged) = (booked.visit.admitted.to_string(), date_text(booked.visit.discharged));
        SettlementRow { booked, admitted, discharged }
    }

    pub fn values(&self) -> [Value<'_>; 15] {
        let Booked { settled, visit, .. } = self.booked;
        [
            place(self.booked.seq).into(),
            settled.settlement.as_str().into(),
            self.booked.home.0.as_str().into(),
            self.booked.person.as_str().into(),
            visit.encounter.as_str().into(),
            visit.institution.as_str().into(),
            visit.treatment.0.as_str().into(),
            visit.care.word().into(),
            (&self.admitted).into(),
            (&self.discharged).into(),
            visit.batch.as_ref().map_or("", BatchNumber::as_str).into(),
            visit.interim.into(),
            visit.level.word().into(),
            visit.diagnosis.as_ref().map_or("", DiagnosisCode::as_str).into(),
            settled.rule_book.0.as_slice().into(),
        ]
    }
}

/// A usage; `posting` is empty for an operation's, `encounter` for what settles no visit.
pub(super) struct UsageRow<'a> {
    person: &'a str,
    after: BookSeq,
    posting: &'a str,
    encounter: &'a str,
    used: &'a UsagePosting,
    day: String,
    month: String,
}

impl<'a> UsageRow<'a> {
    pub fn of_posting(person: &'a str, after: BookSeq, posting: &'a str, used: &'a UsagePosting) -> UsageRow<'a> {
        UsageRow::new(person, after, posting, "", used)
    }

    pub fn of_operation(
        person: &'a str,
        seq: BookSeq,
        settles: Option<&'a Visit>,
        used: &'a UsagePosting,
    ) -> UsageRow<'a> {
        let encounter = settles.map_or("", |visit| visit.encounter.as_str());
        UsageRow::new(person, seq, "", encounter, used)
    }

    fn new(
        person: &'a str,
        after: BookSeq,
        posting: &'a str,
        encounter: &'a str,
        used: &'a UsagePosting,
    ) -> UsageRow<'a> {
        let (day, month) = (used.day.to_string(), used.usage.month.to_string());
        UsageRow { person, after, posting, encounter, used, day, month }
    }

    pub fn values(&self) -> [Value<'_>; 24] {
        let (usage, sums) = (&self.used.usage, &self.used.usage.sums);
        [
            self.person.into(),
            place(self.after).into(),
            self.posting.into(),
            self.encounter.into(),
            (&self.day).into(),
            i64::from(usage.year.0).into(),
            usage.insurance.word().into(),
            usage.care.word().into(),
            usage.disease.as_ref().map_or("", DiseaseCode::as_str).into(),
            (&self.month).into(),
            sums.stays.into(),
            sums.deductible.fen().into(),
            sums.in_policy.fen().into(),
            sums.basic.fen().into(),
            sums.above_cap.fen().into(),
            sums.large_sum.fen().into(),
            sums.catastrophic_base.fen().into(),
            sums.catastrophic.fen().into(),
            sums.civil_servant_base.fen().into(),
            sums.civil_servant.fen().into(),
            sums.assistance_base.fen().into(),
            sums.assistance.fen().into(),
            sums.tilt_base.fen().into(),
            sums.tilt.fen().into(),
        ]
    }
}

/// The mark on a settlement that an operation, or a posting, affects.
pub(super) fn affected<'a>(settlement: &'a SettlementId, seq: BookSeq, posting: &'a str) -> [Value<'a>; 3] {
    [settlement.as_str().into(), place(seq).into(), posting.into()]
}

/// What a batch changes of a settlement: who pays what before it, and after it.
pub(super) fn correction<'a>(
    settlement: &'a SettlementId,
    number: i64,
    posting: &'a str,
    told: [i64; 8],
    now: [i64; 8],
) -> [Value<'a>; 19] {
    let [told_1, told_2, told_3, told_4, told_5, told_6, told_7, told_8] = told.map(Value::from);
    let [now_1, now_2, now_3, now_4, now_5, now_6, now_7, now_8] = now.map(Value::from);
    [
        settlement.as_str().into(),
        number.into(),
        posting.into(),
        told_1,
        told_2,
        told_3,
        told_4,
        told_5,
        told_6,
        told_7,
        told_8,
        now_1,
        now_2,
        now_3,
        now_4,
        now_5,
        now_6,
        now_7,
        now_8,
    ]
}

/// Where a settlement stands from a place on.
pub(super) fn undoing(seq: BookSeq, undoing: &Undoing) -> [Value<'_>; 4] {
    let (becomes, counter) = match &undoing.becomes {
        Standing::InForce => ("in-force", ""),
        Standing::Reversed => ("reversed", ""),
        Standing::Cancelled { counter } => ("cancelled", counter.as_str()),
    };
    [place(seq).into(), undoing.settlement.as_str().into(), becomes.into(), counter.into()]
}
