//! 协查请求 and 问题工单 as they are recorded: asked, answered, asked again, closed or withdrawn, each event with the letters
//! that tell of it, in one commit. What may happen to one, and by when it is due, is for `clearing::inquiry`.

mod rows;

use clearing::inquiry::{
    AnswerFault, Event, Finding, Kind, LONGEST_HISTORY, Party, Standing, Words, after, check_finding,
};
use clearing::period::Side;
use jiff::Timestamp;
use settlement::ids::{PoolCode, SettlementId};
use settlement::money::Money;

use super::deductions;
use super::lots::{LotPosting, read_posting};
use super::periods::PeriodNumber;
use super::{HubStore, Position};
use crate::engine::{Sql, Version, list};
use crate::mailbox::{self, Mailbox, Notice, Part};
use crate::store::StoreError;
use crate::values;

/// The tables. An inquiry is what it was asked as, and its events; the first event asks it.
pub(super) const TABLES: Version = Version {
    tables: "CREATE TABLE inquiries (
            id TEXT PRIMARY KEY, kind TEXT NOT NULL, asker TEXT NOT NULL, home TEXT NOT NULL, treatment TEXT NOT NULL,
            settlement TEXT, paid INTEGER NOT NULL) STRICT;
        CREATE INDEX inquiries_by_settlement ON inquiries (settlement) WHERE settlement IS NOT NULL;
        CREATE INDEX inquiries_by_home ON inquiries (home);
        CREATE INDEX inquiries_by_treatment ON inquiries (treatment);
        CREATE TABLE inquiry_events (
            id TEXT NOT NULL, step INTEGER NOT NULL, event TEXT NOT NULL, party TEXT NOT NULL, finding TEXT,
            not_owed INTEGER NOT NULL, deduction TEXT, words TEXT NOT NULL, done_by TEXT NOT NULL,
            done_at INTEGER NOT NULL, PRIMARY KEY (id, step)) STRICT, WITHOUT ROWID;",
    append_only: &["inquiries", "inquiry_events"],
    postgres: "",
};

/// What is asked of whom, under an id that its sender made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asking {
    /// Its id.
    pub id: String,
    /// What kind of inquiry.
    pub kind: Kind,
    /// Which side asks; the other is asked.
    pub asker: Side,
    /// The home region.
    pub home: PoolCode,
    /// The treatment region.
    pub treatment: PoolCode,
    /// The settlement that it is about; a check always has one.
    pub settlement: Option<SettlementId>,
}

impl Asking {
    /// The region that is a party.
    pub fn pool(&self, party: Party) -> PoolCode {
        self.mailbox(party).pool
    }

    /// The mailbox of a party: a home region's as such, a treatment region's as such.
    pub fn mailbox(&self, party: Party) -> Mailbox {
        match (party, self.asker) {
            (Party::Asker, Side::Home) | (Party::Asked, Side::Treatment) => {
                Mailbox { pool: self.home, part: Part::Home }
            }
            (Party::Asker, Side::Treatment) | (Party::Asked, Side::Home) => {
                Mailbox { pool: self.treatment, part: Part::Treatment }
            }
        }
    }
}

/// What happened to an inquiry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happened {
    /// The how manieth event it is, counted from 1.
    pub step: u64,
    /// What.
    pub change: InquiryChange,
    /// When.
    pub at: Timestamp,
}

/// What is to happen to an inquiry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InquiryChange {
    /// What.
    pub event: Event,
    /// By whom.
    pub party: Party,
    /// What a check found; of answers alone.
    pub finding: Option<Finding>,
    /// The review deduction that was lodged for it; of answers alone.
    pub deduction: Option<String>,
    /// In words.
    pub words: Words,
}

/// An inquiry as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inquiry {
    /// What was asked.
    pub asking: Asking,
    /// What the funds had paid when it was asked; nothing where it is about no settlement.
    pub paid: Money,
    /// Where it stands.
    pub standing: Standing,
    /// When it was asked, the last time.
    pub asked_at: Timestamp,
    /// What happened, in order; never empty.
    pub history: Vec<Happened>,
}

impl Inquiry {
    /// An inquiry with its history; none where that is no life of one.
    fn of(asking: Asking, paid: Money, history: Vec<Happened>) -> Option<Inquiry> {
        let standing =
            history.iter().try_fold(None, |standing, happened| after(standing, happened.change.event).map(Some));
        let asked_at = history.iter().rev().find(|happened| happened.change.event.asks())?.at;
        Some(Inquiry { asking, paid, standing: standing??, asked_at, history })
    }

    /// How many events it has had.
    pub fn step(&self) -> u64 {
        self.history.len() as u64
    }

    /// The newest answer.
    pub fn answer(&self) -> Option<&InquiryChange> {
        let changes = self.history.iter().rev().map(|happened| &happened.change);
        changes.into_iter().find(|change| change.event == Event::Answer)
    }

    /// Whether a change has happened already: it was the last one, or it is a note that was made before.
    fn has_had(&self, change: &InquiryChange) -> bool {
        match change.event {
            Event::Note => self.history.iter().any(|happened| happened.change == *change),
            Event::Ask | Event::Answer | Event::AskAgain | Event::Close | Event::Withdraw => {
                let others = self.history.iter().rev().find(|happened| happened.change.event != Event::Note);
                others.is_some_and(|last| last.change == *change)
            }
        }
    }
}

/// Why something cannot be recorded of an inquiry. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InquiryFault {
    /// The hub's journal has no such settlement in force.
    #[error("no such settlement is in force")]
    NoSettlement,
    /// Others settled it.
    #[error("the settlement is not between these regions")]
    NotBetween,
    /// A check of the bill is under way.
    #[error("its bill is being checked already: see {0}")]
    CheckedAlready(String),
    /// The id was asked with something else in a field.
    #[error("the id was asked with another {0}")]
    AskedOtherwise(&'static str),
    /// There is no inquiry of this id.
    #[error("there is no inquiry of this id")]
    Unknown,
    /// What is wanted cannot happen to it as it stands.
    #[error("it is {}, so that cannot happen to it", .0.word())]
    StandsOtherwise(Standing),
    /// The other party does that.
    #[error("that is for the other region to do")]
    NotFor(Party),
    /// The answer is none.
    #[error(transparent)]
    Answer(#[from] AnswerFault),
    /// The settlement has no such deduction.
    #[error("the settlement has no review deduction of this id")]
    NoDeduction,
    /// Too much has happened to it.
    #[error("it has had {LONGEST_HISTORY} events: ask anew under another id")]
    TooLong,
}

/// Whose inquiries are listed: those of regions in either part, or all.
pub type Regions = Option<Vec<PoolCode>>;

impl HubStore {
    /// Asks. Letters of it are posted in the same commit. Asking the same again changes nothing.
    ///
    /// # Errors
    /// When the store fails. Inside: why it cannot be asked.
    pub async fn inquiry_open(
        &self,
        (asking, words): (Asking, Words),
        tell: impl Fn(&Inquiry) -> Vec<Notice> + Send + 'static,
        (by, at): (String, Timestamp),
    ) -> Result<Result<Inquiry, InquiryFault>, StoreError> {
        self.engine.change(move |sql| open(sql, (&asking, &words), &tell, (&by, at))).await
    }

    /// Has something happen to an inquiry. Letters of it are posted in the same commit. The same again changes nothing.
    ///
    /// # Errors
    /// When the store fails. Inside: why it cannot happen.
    pub async fn inquiry_change(
        &self,
        (id, change): (String, InquiryChange),
        tell: impl Fn(&Inquiry) -> Vec<Notice> + Send + 'static,
        (by, at): (String, Timestamp),
    ) -> Result<Result<Inquiry, InquiryFault>, StoreError> {
        self.engine.change(move |sql| change_one(sql, (&id, &change), &tell, (&by, at))).await
    }

    /// One inquiry.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn inquiry_get(&self, id: String) -> Result<Option<Inquiry>, StoreError> {
        self.engine.read(move |sql| rows::find(sql, &id)).await
    }

    /// Inquiries of regions after an id, in the order of ids; only those to which something can still happen, or all.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn inquiry_list(
        &self,
        regions: Regions,
        open_only: bool,
        after: String,
        limit: u32,
    ) -> Result<Vec<Inquiry>, StoreError> {
        let regions = regions.as_deref().map(named);
        self.engine.read(move |sql| rows::page(sql, regions.as_deref(), open_only, (&after, limit))).await
    }

    /// The settlements of a period, after a position, whose bills come to so much or more and are not checked: entered
    /// in it, in force, for home regions. As far as they are folded.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn inquiry_expected(
        &self,
        (period, from): (PeriodNumber, Money),
        homes: Regions,
        after: Position,
        limit: u32,
    ) -> Result<Vec<LotPosting>, StoreError> {
        const EXPECTED: &str = "SELECT home, treatment, insurance, care, visits, total, basic, large_sum, catastrophic,
                civil_servant, assistance, account, position, part, period, settlement, step, day, corrects
            FROM lot_postings
            WHERE period = ?1 AND part = 0 AND step = 1 AND total >= ?2 AND position > ?3
              AND (?4 IS NULL OR home IN (SELECT value FROM json_each(?4)))
              AND (SELECT MAX(step) FROM answers WHERE answers.settlement = lot_postings.settlement) % 2 = 1
              AND NOT EXISTS (SELECT 1 FROM inquiries WHERE inquiries.settlement = lot_postings.settlement
                              AND kind = 'check' AND NOT EXISTS (SELECT 1 FROM inquiry_events
                                  WHERE inquiry_events.id = inquiries.id AND event = 'withdraw'))
            ORDER BY position LIMIT ?5";
        let homes = homes.as_deref().map(named);
        let read = self.engine.read(move |sql| {
            let values = values![period.0, from.fen(), after.0, homes.as_deref(), i64::from(limit)];
            sql.query(EXPECTED, values, read_posting)
        });
        read.await
    }
}

fn named(pools: &[PoolCode]) -> String {
    list(pools.iter().map(|pool| pool.0.as_str()))
}

fn open(
    sql: &Sql<'_>,
    (asking, words): (&Asking, &Words),
    tell: &dyn Fn(&Inquiry) -> Vec<Notice>,
    by: (&str, Timestamp),
) -> Result<Result<Inquiry, InquiryFault>, StoreError> {
    let event = Event::Ask;
    let change = InquiryChange { event, party: Party::Asker, finding: None, deduction: None, words: words.clone() };
    if let Some(held) = rows::find(sql, &asking.id)? {
        return Ok(match difference(&held, asking, &change) {
            Some(field) => Err(InquiryFault::AskedOtherwise(field)),
            None => Ok(held),
        });
    }
    let paid = match paid(sql, asking)? {
        Ok(paid) => paid,
        Err(fault) => return Ok(Err(fault)),
    };
    rows::insert(sql, asking, paid)?;
    happen(sql, asking, paid, (Vec::new(), change), tell, by).map(Ok)
}

/// The first field in which an inquiry was asked otherwise.
fn difference(held: &Inquiry, asking: &Asking, change: &InquiryChange) -> Option<&'static str> {
    let asked = &held.asking;
    let words = held.history.first().map(|first| &first.change.words);
    [
        ("kind", asked.kind != asking.kind),
        ("settlement", asked.settlement != asking.settlement),
        ("side", asked.asker != asking.asker),
        ("home", asked.home != asking.home),
        ("treatment", asked.treatment != asking.treatment),
        ("words", words != Some(&change.words)),
    ]
    .into_iter()
    .find(|(_, differs)| *differs)
    .map(|(field, _)| field)
}

/// What the funds paid for the settlement that is asked about, as the hub's own book has it.
fn paid(sql: &Sql<'_>, asking: &Asking) -> Result<Result<Money, InquiryFault>, StoreError> {
    let Some(settlement) = &asking.settlement else {
        return Ok(if asking.kind.is_ticket() { Ok(Money::ZERO) } else { Err(InquiryFault::NoSettlement) });
    };
    if asking.kind == Kind::Check && asking.asker != Side::Home {
        return Ok(Err(InquiryFault::NotFor(Party::Asked)));
    }
    let Some((lot, sums)) = deductions::in_force(sql, settlement)? else { return Ok(Err(InquiryFault::NoSettlement)) };
    if (lot.home, lot.treatment) != (asking.home, asking.treatment) {
        return Ok(Err(InquiryFault::NotBetween));
    }
    if asking.kind == Kind::Check
        && let Some(other) = rows::check_under_way(sql, settlement)?
    {
        return Ok(Err(InquiryFault::CheckedAlready(other)));
    }
    Ok(Ok(sums.funds.total()))
}

fn change_one(
    sql: &Sql<'_>,
    (id, change): (&str, &InquiryChange),
    tell: &dyn Fn(&Inquiry) -> Vec<Notice>,
    by: (&str, Timestamp),
) -> Result<Result<Inquiry, InquiryFault>, StoreError> {
    let Some(held) = rows::find(sql, id)? else { return Ok(Err(InquiryFault::Unknown)) };
    if held.has_had(change) {
        return Ok(Ok(held));
    }
    if let Err(fault) = possible(sql, &held, change)? {
        return Ok(Err(fault));
    }
    let Inquiry { asking, paid, history, .. } = held;
    happen(sql, &asking, paid, (history, change.clone()), tell, by).map(Ok)
}

fn possible(sql: &Sql<'_>, held: &Inquiry, change: &InquiryChange) -> Result<Result<(), InquiryFault>, StoreError> {
    if !change.event.is_for(change.party) {
        return Ok(Err(InquiryFault::NotFor(change.party)));
    }
    if after(Some(held.standing), change.event).is_none() {
        return Ok(Err(InquiryFault::StandsOtherwise(held.standing)));
    }
    if held.step() >= LONGEST_HISTORY {
        return Ok(Err(InquiryFault::TooLong));
    }
    if change.event == Event::Answer
        && let Err(fault) = check_finding(held.asking.kind, held.paid, change.finding)
    {
        return Ok(Err(fault.into()));
    }
    match (&change.deduction, &held.asking.settlement) {
        (None, _) => Ok(Ok(())),
        (Some(_), None) => Ok(Err(InquiryFault::NoDeduction)),
        (Some(deduction), Some(settlement)) => {
            let lodged = rows::has_deduction(sql, deduction, settlement)?;
            Ok(if lodged { Ok(()) } else { Err(InquiryFault::NoDeduction) })
        }
    }
}

/// Writes an event that can happen, and the letters that tell of it.
fn happen(
    sql: &Sql<'_>,
    asking: &Asking,
    paid: Money,
    (mut history, change): (Vec<Happened>, InquiryChange),
    tell: &dyn Fn(&Inquiry) -> Vec<Notice>,
    (by, at): (&str, Timestamp),
) -> Result<Inquiry, StoreError> {
    let happened = Happened { step: history.len() as u64 + 1, change, at };
    rows::insert_event(sql, &asking.id, &happened, by)?;
    history.push(happened);
    let inquiry = Inquiry::of(asking.clone(), paid, history).ok_or_else(|| rows::no_life(&asking.id))?;
    for Notice { mailbox, letter } in tell(&inquiry) {
        mailbox::post(sql, mailbox, &letter, at)?;
    }
    Ok(inquiry)
}
