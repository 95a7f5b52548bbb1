//! 协查请求 and 问题工单: what one region asks another about settlements, its life, and the day by which it is due
//! (policy.md B.5). How it travels is for the mailboxes; what a check finds is taken off by [`crate::review`], and only
//! when the treatment agency lodges it there.

use std::fmt;

use jiff::civil::Date;
use settlement::money::Money;

use crate::calendar::Calendar;
use crate::calendar::working_days::Unlisted;
use crate::month::Month;

/// Nobody writes more characters into an inquiry at once: it is for a person to read, and is kept for good.
pub const LONGEST_WORDS: usize = 500;
/// No inquiry has more events: what is not settled by then needs another road.
pub const LONGEST_HISTORY: u64 = 100;

/// What kind of inquiry it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// 费用协查: the home region asks whether one bill is right.
    Check,
    /// 紧急问题工单: either side asks the other, and cannot wait.
    Urgent,
    /// 一般问题工单: either side asks the other.
    Ordinary,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 3] = [Kind::Check, Kind::Urgent, Kind::Ordinary];

    /// The word in messages and books.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Check => "check",
            Kind::Urgent => "urgent",
            Kind::Ordinary => "ordinary",
        }
    }

    /// The kind that a word names.
    pub fn from_word(word: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// What lists call it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Check => "费用协查",
            Kind::Urgent => "紧急工单",
            Kind::Ordinary => "一般工单",
        }
    }

    /// Whether it is a ticket: about a problem, with a settlement or without one.
    pub fn is_ticket(self) -> bool {
        match self {
            Kind::Check => false,
            Kind::Urgent | Kind::Ordinary => true,
        }
    }
}

/// Who takes part in an inquiry. There are no others: whoever is asked first is responsible until it is answered
/// (首问负责), so it is never passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Party {
    /// Who asks.
    Asker,
    /// Who is asked.
    Asked,
}

impl Party {
    /// Both.
    pub const ALL: [Party; 2] = [Party::Asker, Party::Asked];

    /// The word in messages and books.
    pub fn word(self) -> &'static str {
        match self {
            Party::Asker => "asker",
            Party::Asked => "asked",
        }
    }

    /// The party that a word names.
    pub fn from_word(word: &str) -> Option<Party> {
        Party::ALL.into_iter().find(|party| party.word() == word)
    }

    /// What lists call it.
    pub fn name(self) -> &'static str {
        match self {
            Party::Asker => "发起方",
            Party::Asked => "受理方",
        }
    }
}

/// Where an inquiry stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// 待答复.
    Asked,
    /// 已答复: who asked has not said yet whether that will do.
    Answered,
    /// 已办结.
    Closed,
    /// 已撤回: who asked does not want to know any more.
    Withdrawn,
}

impl Standing {
    /// Every standing.
    pub const ALL: [Standing; 4] = [Standing::Asked, Standing::Answered, Standing::Closed, Standing::Withdrawn];

    /// The word in messages.
    pub fn word(self) -> &'static str {
        match self {
            Standing::Asked => "asked",
            Standing::Answered => "answered",
            Standing::Closed => "closed",
            Standing::Withdrawn => "withdrawn",
        }
    }

    /// The standing that a word names.
    pub fn from_word(word: &str) -> Option<Standing> {
        Standing::ALL.into_iter().find(|standing| standing.word() == word)
    }

    /// What lists call it.
    pub fn name(self) -> &'static str {
        match self {
            Standing::Asked => "待答复",
            Standing::Answered => "已答复",
            Standing::Closed => "已办结",
            Standing::Withdrawn => "已撤回",
        }
    }

    /// Whether something can still happen to it.
    pub fn is_open(self) -> bool {
        match self {
            Standing::Asked | Standing::Answered => true,
            Standing::Closed | Standing::Withdrawn => false,
        }
    }
}

/// What happens to an inquiry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Event {
    /// It is asked.
    Ask,
    /// It is answered.
    Answer,
    /// The answer will not do: it is asked again, and due anew.
    AskAgain,
    /// The answer will do.
    Close,
    /// It is taken back before it is answered.
    Withdraw,
    /// Somebody adds what is known meanwhile. Nothing else changes.
    Note,
}

impl Event {
    /// Every event.
    pub const ALL: [Event; 6] =
        [Event::Ask, Event::Answer, Event::AskAgain, Event::Close, Event::Withdraw, Event::Note];

    /// The word in messages and books.
    pub fn word(self) -> &'static str {
        match self {
            Event::Ask => "ask",
            Event::Answer => "answer",
            Event::AskAgain => "ask-again",
            Event::Close => "close",
            Event::Withdraw => "withdraw",
            Event::Note => "note",
        }
    }

    /// The event that a word names.
    pub fn from_word(word: &str) -> Option<Event> {
        Event::ALL.into_iter().find(|event| event.word() == word)
    }

    /// What lists call it.
    pub fn name(self) -> &'static str {
        match self {
            Event::Ask => "发起",
            Event::Answer => "答复",
            Event::AskAgain => "再次询问",
            Event::Close => "办结",
            Event::Withdraw => "撤回",
            Event::Note => "备注",
        }
    }

    /// Whether a party may have it happen.
    pub fn is_for(self, party: Party) -> bool {
        match (self, party) {
            (Event::Ask | Event::AskAgain | Event::Close | Event::Withdraw, Party::Asker)
            | (Event::Answer, Party::Asked)
            | (Event::Note, Party::Asker | Party::Asked) => true,
            (Event::Ask | Event::AskAgain | Event::Close | Event::Withdraw, Party::Asked)
            | (Event::Answer, Party::Asker) => false,
        }
    }

    /// Whether the time to answer begins with it.
    pub fn asks(self) -> bool {
        match self {
            Event::Ask | Event::AskAgain => true,
            Event::Answer | Event::Close | Event::Withdraw | Event::Note => false,
        }
    }
}

/// Where an inquiry stands after an event; none where the event cannot happen to it. Before it is asked it stands
/// nowhere.
///
/// ```
/// use clearing::inquiry::{Event, Standing, after};
/// assert_eq!(after(None, Event::Ask), Some(Standing::Asked));
/// assert_eq!(after(Some(Standing::Answered), Event::AskAgain), Some(Standing::Asked));
/// assert_eq!(after(Some(Standing::Closed), Event::Note), None);
/// ```
pub fn after(standing: Option<Standing>, event: Event) -> Option<Standing> {
    match (standing, event) {
        (None, Event::Ask) | (Some(Standing::Answered), Event::AskAgain) => Some(Standing::Asked),
        (Some(Standing::Asked), Event::Answer) => Some(Standing::Answered),
        (Some(Standing::Answered), Event::Close) => Some(Standing::Closed),
        (Some(Standing::Asked), Event::Withdraw) => Some(Standing::Withdrawn),
        (Some(standing @ (Standing::Asked | Standing::Answered)), Event::Note) => Some(standing),
        (None, Event::Answer | Event::AskAgain | Event::Close | Event::Withdraw | Event::Note)
        | (Some(Standing::Asked), Event::Ask | Event::AskAgain | Event::Close)
        | (Some(Standing::Answered), Event::Ask | Event::Answer | Event::Withdraw)
        | (Some(Standing::Closed | Standing::Withdrawn), _) => None,
    }
}

/// What a check of a bill found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Finding {
    /// 属实: the bill is right.
    Right,
    /// 不属实: so much of what the funds paid is not owed. It proposes a review deduction, and is none.
    Wrong(Money),
}

impl Finding {
    /// The word in messages and books.
    pub fn word(self) -> &'static str {
        match self {
            Finding::Right => "right",
            Finding::Wrong(_) => "wrong",
        }
    }

    /// The finding that a word and a sum name; the sum counts only where it can.
    pub fn from_word(word: &str, not_owed: Money) -> Option<Finding> {
        match word {
            "right" => Some(Finding::Right),
            "wrong" => Some(Finding::Wrong(not_owed)),
            _ => None,
        }
    }

    /// What lists call it.
    pub fn name(self) -> &'static str {
        match self {
            Finding::Right => "属实",
            Finding::Wrong(_) => "不属实",
        }
    }

    /// How much is not owed.
    pub fn not_owed(self) -> Money {
        match self {
            Finding::Right => Money::ZERO,
            Finding::Wrong(not_owed) => not_owed,
        }
    }
}

/// Why an answer is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnswerFault {
    /// A check has to find something.
    #[error("a check is answered with what was found: right, or wrong")]
    NothingFound,
    /// A ticket finds nothing.
    #[error("a ticket is answered in words alone: nothing is found right or wrong")]
    TicketFinds,
    /// A bill that is wrong has a sum that is not owed.
    #[error("a bill that was found wrong has a sum above zero that is not owed")]
    NothingNotOwed,
    /// More than the funds paid.
    #[error("{not_owed} is more than the {paid} that the funds paid")]
    AboveThePayment {
        /// What is said not to be owed.
        not_owed: Money,
        /// What the funds paid.
        paid: Money,
    },
}

/// Checks what an answer found, given what the funds paid.
///
/// # Errors
/// Why it is none.
pub fn check_finding(kind: Kind, paid: Money, finding: Option<Finding>) -> Result<(), AnswerFault> {
    match (kind, finding) {
        (Kind::Check, Some(Finding::Right)) | (Kind::Urgent | Kind::Ordinary, None) => Ok(()),
        (Kind::Check, None) => Err(AnswerFault::NothingFound),
        (Kind::Urgent | Kind::Ordinary, Some(_)) => Err(AnswerFault::TicketFinds),
        (Kind::Check, Some(Finding::Wrong(not_owed))) if not_owed <= Money::ZERO => Err(AnswerFault::NothingNotOwed),
        (Kind::Check, Some(Finding::Wrong(not_owed))) if not_owed > paid => {
            Err(AnswerFault::AboveThePayment { not_owed, paid })
        }
        (Kind::Check, Some(Finding::Wrong(_))) => Ok(()),
    }
}

/// How much an inquiry proposes to take off its bill by a review deduction: what was found not owed, as long as that
/// answer stands and names no deduction that was lodged for it. Lodging one stays the treatment agency's act.
pub fn proposes(standing: Standing, finding: Option<Finding>, names_a_deduction: bool) -> Money {
    match (standing, finding) {
        (Standing::Answered | Standing::Closed, Some(Finding::Wrong(not_owed))) if !names_a_deduction => not_owed,
        (Standing::Answered | Standing::Closed, Some(Finding::Wrong(_) | Finding::Right) | None)
        | (Standing::Asked | Standing::Withdrawn, _) => Money::ZERO,
    }
}

/// What somebody writes into an inquiry. No names, no documents, no diagnoses: the settlement's id says whose it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Words(String);

/// Why a text cannot be written into an inquiry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WordsFault {
    /// Nothing is said.
    #[error("is empty")]
    Empty,
    /// It is too long.
    #[error("has more than {LONGEST_WORDS} characters")]
    TooLong,
    /// It has a line break, or another control character.
    #[error("has a control character")]
    ControlCharacter,
}

impl Words {
    /// Takes a text, without the space around it.
    ///
    /// # Errors
    /// When it is empty, too long, or has a control character.
    pub fn new(text: &str) -> Result<Words, WordsFault> {
        let text = text.trim();
        if text.is_empty() {
            Err(WordsFault::Empty)
        } else if text.chars().count() > LONGEST_WORDS {
            Err(WordsFault::TooLong)
        } else if text.chars().any(char::is_control) {
            Err(WordsFault::ControlCharacter)
        } else {
            Ok(Words(text.to_owned()))
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The last day on which an inquiry is answered in time, by the rules of the month in which it was asked: a check by a day
/// of the next month, a ticket within working days, the day of asking not counted.
///
/// # Errors
/// When a year's holidays are not listed.
pub fn due(kind: Kind, asked_on: Date, calendar: &Calendar) -> Result<Date, Unlisted> {
    let month = Month::of(asked_on).ok_or(Unlisted(asked_on.year()))?;
    let rules = &calendar.rules(month).checking;
    let within = match kind {
        Kind::Check => return calendar.checking_due(asked_on).ok_or(Unlisted(asked_on.year())),
        Kind::Urgent => rules.urgent_within,
        Kind::Ordinary => rules.ordinary_within,
    };
    calendar.working_days().after(asked_on, within)
}

/// How many days are left to answer, the day itself counted as none; below zero where it is overdue. None where nothing
/// is to be answered.
pub fn days_left(standing: Standing, due: Date, today: Date) -> Option<i32> {
    match standing {
        Standing::Asked => today.until(due).ok().map(|left| left.get_days()),
        Standing::Answered | Standing::Closed | Standing::Withdrawn => None,
    }
}

#[cfg(test)]
mod tests;
