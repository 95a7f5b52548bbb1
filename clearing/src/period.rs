//! A period's life as a plan: open → cut off → proved → stated and confirmed pair by pair → noticed → paid → closed.
//! What is recorded of a period comes in, what is due now comes out; jobs carry it out and record it, so that whoever
//! dies in between goes on where the record ends, and doing a step twice does it once.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use settlement::beijing;
use settlement::ids::MemberCode;
use settlement::money::Money;
use settlement::person::Insurance;

use crate::calendar::{Calendar, Schedule};
use crate::month::Month;
use crate::payment::{ByInsurance, Payable};

pub mod report;
mod wait;

pub use self::wait::{Milestone, Overdue, Wait, Wanted};
pub use crate::payment::Payment;

/// Two members of which one owes the other. Each pair of a period is confirmed, noticed and paid by itself, so that
/// nobody holds up the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pair {
    /// Who owes.
    pub home: MemberCode,
    /// Who is owed.
    pub treatment: MemberCode,
}

impl Pair {
    /// The member on a side.
    pub fn member(&self, side: Side) -> MemberCode {
        match side {
            Side::Home => self.home,
            Side::Treatment => self.treatment,
        }
    }

    /// Whether both are the same: what is booked between their pools is owed to nobody.
    pub fn is_one(&self) -> bool {
        self.home == self.treatment
    }
}

/// A side of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// 参保地: who owes.
    Home,
    /// 就医地: who is owed.
    Treatment,
}

impl Side {
    /// Both.
    pub const ALL: [Side; 2] = [Side::Home, Side::Treatment];

    /// The one across.
    pub fn other(self) -> Side {
        match self {
            Side::Home => Side::Treatment,
            Side::Treatment => Side::Home,
        }
    }

    /// The word in messages and books.
    pub fn word(self) -> &'static str {
        match self {
            Side::Home => "home",
            Side::Treatment => "treatment",
        }
    }

    /// What documents call it.
    pub fn name(self) -> &'static str {
        match self {
            Side::Home => "参保地",
            Side::Treatment => "就医地",
        }
    }

    /// The side that a word names.
    pub fn from_word(word: &str) -> Option<Side> {
        Side::ALL.into_iter().find(|side| side.word() == word)
    }
}

/// What is recorded of a period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its month.
    pub month: Month,
    /// Whether the journal was cut off.
    pub is_cut_off: bool,
    /// Whether all its entries are in the totals.
    pub is_folded: bool,
    /// Whether the totals were proved from the journal; none before they were looked at.
    pub proof: Option<Proof>,
    /// Whether what was disputed on the clearing day is carried out.
    pub is_carried: bool,
    /// Its pairs; none before they are known, which they are once it is proved.
    pub pairs: BTreeMap<Pair, PairRecord>,
    /// Whether it is closed.
    pub is_closed: bool,
}

/// How a proof ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// The totals are the journal's.
    Holds,
    /// They are not: nothing is stated until a person has found out why.
    Fails,
}

/// What is recorded of a pair in a period.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PairRecord {
    /// The newest statement.
    pub statement: Option<Statement>,
    /// When the notices of it were issued.
    pub noticed_on: Option<Date>,
    /// What is due by the newest statement of each insurance's money, and how it is paid: never one against the other.
    pub payables: ByInsurance<Payable>,
}

/// A statement that was issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Statement {
    /// 1, and one more each time that an objection has it issued again.
    pub version: u32,
    /// When.
    pub issued_on: Date,
    /// Whether the home member has confirmed this version.
    pub home_confirmed: bool,
    /// Whether the treatment member has.
    pub treatment_confirmed: bool,
    /// Whether an objection stands against it: it is to be issued again.
    pub is_objected: bool,
}

impl Statement {
    /// Whether a side has confirmed it.
    pub fn is_confirmed_by(&self, side: Side) -> bool {
        match side {
            Side::Home => self.home_confirmed,
            Side::Treatment => self.treatment_confirmed,
        }
    }

    /// Whether both sides have confirmed it, and nobody objects.
    pub fn is_agreed(&self) -> bool {
        !self.is_objected && self.home_confirmed && self.treatment_confirmed
    }
}

impl PairRecord {
    /// A pair of which so much is due, and nothing is stated yet.
    pub fn of(dues: ByInsurance<Money>) -> PairRecord {
        PairRecord { payables: dues.map(Payable::of), ..PairRecord::default() }
    }

    /// What is due of each insurance's money.
    pub fn dues(&self) -> ByInsurance<Money> {
        let Self { payables: ByInsurance { employee, resident }, .. } = self;
        ByInsurance { employee: employee.due, resident: resident.due }
    }

    /// What both insurances come to: for tables of what was cleared. It is never paid as one.
    pub fn owed(&self) -> Money {
        self.payables.iter().map(|(_, payable)| payable.due).sum()
    }

    /// What of it is not paid yet.
    pub fn unpaid(&self) -> Money {
        self.payables.iter().filter(|(_, payable)| !payable.is_settled()).map(|(_, payable)| payable.due).sum()
    }

    /// What is paid, by one side or the other: nothing of an insurance that comes to nothing.
    pub fn to_be_paid(&self) -> impl Iterator<Item = (Insurance, &Payable)> {
        self.payables.iter().filter(|(_, payable)| payable.payer().is_some())
    }

    /// Whether neither insurance's money is due.
    pub fn is_nothing_due(&self) -> bool {
        self.to_be_paid().next().is_none()
    }

    /// Whether nothing is left to be done: it is agreed on, and each insurance's money is paid where it was due.
    pub fn is_settled(&self) -> bool {
        self.statement.is_some_and(|statement| statement.is_agreed())
            && self.payables.iter().all(|(_, payable)| payable.is_settled())
    }
}

/// How far a period is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// 开放: it takes entries.
    Open,
    /// 已截止: it takes no more.
    CutOff,
    /// 已核对: its totals are the journal's.
    Proved,
    /// 待确认: statements are out.
    Stated,
    /// 已确认: all pairs are agreed on.
    Confirmed,
    /// 已通知: all notices are out.
    Noticed,
    /// 已拨付: everything is paid.
    Paid,
    /// 已关闭.
    Closed,
}

impl Stage {
    /// Every stage, in order.
    pub const ALL: [Stage; 8] = [
        Stage::Open,
        Stage::CutOff,
        Stage::Proved,
        Stage::Stated,
        Stage::Confirmed,
        Stage::Noticed,
        Stage::Paid,
        Stage::Closed,
    ];

    /// The word in messages and books.
    pub fn word(self) -> &'static str {
        match self {
            Stage::Open => "open",
            Stage::CutOff => "cut-off",
            Stage::Proved => "proved",
            Stage::Stated => "stated",
            Stage::Confirmed => "confirmed",
            Stage::Noticed => "noticed",
            Stage::Paid => "paid",
            Stage::Closed => "closed",
        }
    }

    /// What statements call it.
    pub fn name(self) -> &'static str {
        match self {
            Stage::Open => "开放",
            Stage::CutOff => "已截止",
            Stage::Proved => "已核对",
            Stage::Stated => "待确认",
            Stage::Confirmed => "已确认",
            Stage::Noticed => "已通知",
            Stage::Paid => "已拨付",
            Stage::Closed => "已关闭",
        }
    }
}

impl Record {
    /// A period that takes entries.
    pub fn open(month: Month) -> Record {
        let (is_cut_off, is_folded, is_carried, is_closed) = (false, false, false, false);
        Record { month, is_cut_off, is_folded, proof: None, is_carried, pairs: BTreeMap::new(), is_closed }
    }

    /// How far it is: as far as its last pair.
    pub fn stage(&self) -> Stage {
        let every = |holds: fn(&PairRecord) -> bool| self.pairs.values().all(holds);
        match self {
            _ if self.is_closed => Stage::Closed,
            _ if !self.is_cut_off => Stage::Open,
            _ if !self.is_folded || self.proof != Some(Proof::Holds) => Stage::CutOff,
            _ if !self.is_carried || !every(|pair| pair.statement.is_some()) => Stage::Proved,
            _ if !every(|pair| pair.statement.is_some_and(|statement| statement.is_agreed())) => Stage::Stated,
            _ if !every(|pair| pair.is_nothing_due() || pair.noticed_on.is_some()) => Stage::Confirmed,
            _ if !every(PairRecord::is_settled) => Stage::Noticed,
            _ => Stage::Paid,
        }
    }
}

/// Something that is to be done to a period. Each can be done again without harm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// Have later entries booked in the next period.
    CutOff,
    /// Add what is left of its entries to its totals.
    Fold,
    /// Recompute the totals from the journal, and find its pairs.
    Prove,
    /// Carry out what is disputed.
    CarryOut,
    /// Issue a pair's statement, in its next version where there is one.
    State(Pair),
    /// Take a member's silence as confirmation.
    TakeSilence(Pair, Side),
    /// Issue a pair's notices of payment and receipt.
    Notify(Pair),
    /// Close it.
    Close,
}

impl Step {
    /// The word in messages.
    pub fn word(self) -> &'static str {
        match self {
            Step::CutOff => "cut-off",
            Step::Fold => "fold",
            Step::Prove => "prove",
            Step::CarryOut => "carry-out",
            Step::State(_) => "state",
            Step::TakeSilence(_, Side::Home) => "take-silence-home",
            Step::TakeSilence(_, Side::Treatment) => "take-silence-treatment",
            Step::Notify(_) => "notify",
            Step::Close => "close",
        }
    }

    /// The pair that it is about; none where it is about the whole period.
    pub fn pair(self) -> Option<Pair> {
        match self {
            Step::CutOff | Step::Fold | Step::Prove | Step::CarryOut | Step::Close => None,
            Step::State(pair) | Step::TakeSilence(pair, _) | Step::Notify(pair) => Some(pair),
        }
    }
}

/// What is due, and what is waited for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// To be done now, in this order.
    pub due: Vec<Step>,
    /// To be waited for.
    pub waits: Vec<Wait>,
}

/// What is due of a period now. A step whose outcome decides what comes after it stands alone, so a plan is made again
/// after it was carried out.
pub fn plan(record: &Record, now: Timestamp, calendar: &Calendar) -> Plan {
    let (today, schedule) = (beijing::day_of(now), calendar.schedule(record.month));
    match record {
        _ if record.is_closed => Plan::default(),
        _ if !record.is_cut_off && now >= schedule.cut_off => Plan::step(Step::CutOff),
        _ if !record.is_cut_off => Plan::wait(Wanted::CutOffDay, beijing::day_of(schedule.cut_off)),
        _ if !record.is_folded => Plan::step(Step::Fold),
        _ => match record.proof {
            None => Plan::step(Step::Prove),
            Some(Proof::Fails) => Plan::wait(Wanted::Explanation, schedule.clearing_day),
            Some(Proof::Holds) if today < schedule.clearing_day => {
                Plan::wait(Wanted::ClearingDay, schedule.clearing_day)
            }
            Some(Proof::Holds) if !record.is_carried => Plan::step(Step::CarryOut),
            Some(Proof::Holds) => plan_pairs(record, today, &schedule, calendar),
        },
    }
}

fn plan_pairs(record: &Record, today: Date, schedule: &Schedule, calendar: &Calendar) -> Plan {
    let mut plan = Plan::default();
    for (pair, held) in &record.pairs {
        plan_pair(&mut plan, record.month, (*pair, held), today, (schedule, calendar));
    }
    if plan.due.is_empty() && record.pairs.values().all(PairRecord::is_settled) {
        plan.due.push(Step::Close);
    }
    plan
}

fn plan_pair(
    plan: &mut Plan,
    month: Month,
    (pair, held): (Pair, &PairRecord),
    today: Date,
    (schedule, calendar): (&Schedule, &Calendar),
) {
    let Some(statement) = held.statement.filter(|statement| !statement.is_objected) else {
        return plan.due.push(Step::State(pair));
    };
    let (until, silence_confirms) = (confirm_by(&statement, schedule), calendar.rules(month).clearing.silence_confirms);
    let silent = Side::ALL.into_iter().filter(|side| !statement.is_confirmed_by(*side));
    for side in silent {
        if silence_confirms && today > until {
            plan.due.push(Step::TakeSilence(pair, side));
        } else {
            plan.waits.push(Wait { wanted: Wanted::Confirmation(pair, side), until: Some(until) });
        }
    }
    if held.is_nothing_due() || !statement.is_agreed() {
        return;
    }
    let Some(noticed_on) = held.noticed_on else { return plan.due.push(Step::Notify(pair)) };
    let until = calendar.payment_days(month, noticed_on).ok().map(|days| days.pay_by);
    for (insurance, payable) in held.to_be_paid() {
        let paid = payable.payer().filter(|_| payable.paid.is_none());
        let received = payable.receiver().filter(|_| payable.received.is_none());
        let wanted = paid.map(|payer| Wanted::Payment(pair, insurance, payer)).into_iter();
        let wanted = wanted.chain(received.map(|receiver| Wanted::Receipt(pair, insurance, receiver)));
        let wanted = wanted.chain(payable.open_difference().map(|apart| match payable.accepted.keys().next() {
            Some(accepting) => Wanted::Acceptance(pair, insurance, accepting.other()),
            None => Wanted::SameRecord(pair, insurance, apart),
        }));
        plan.waits.extend(wanted.map(|wanted| Wait { wanted, until }));
    }
}

/// The last day to confirm or object: the calendar's, or for a statement that was issued later, as many days after.
fn confirm_by(statement: &Statement, schedule: &Schedule) -> Date {
    let allowed = schedule.confirm_by - schedule.clearing_day;
    statement.issued_on.saturating_add(allowed).max(schedule.confirm_by)
}

impl Plan {
    fn step(step: Step) -> Plan {
        Plan { due: vec![step], waits: vec![] }
    }

    fn wait(wanted: Wanted, until: Date) -> Plan {
        Plan { due: vec![], waits: vec![Wait { wanted, until: Some(until) }] }
    }
}

#[cfg(test)]
mod tests;
