//! Where a rule comes from: sources, trust marks, and the clause that a step of an explanation points at.
//! Not the rule's value. Read by the parser, the benefit steps and everything that shows a rule to a person.

use crate::money::Money;
use crate::refusal::Refusal;
use crate::rulebook::{RuleBook, unknown};

/// How far a value may be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Trust {
    /// Read in an official text.
    Official,
    /// Read in somebody's report of one.
    Reported,
    /// Nobody's rule: a stand-in, so that a demonstration can go on.
    Assumed,
}

impl Trust {
    /// Every mark, the strongest first.
    pub const ALL: [Trust; 3] = [Trust::Official, Trust::Reported, Trust::Assumed];

    /// The word in rule books.
    pub fn word(self) -> &'static str {
        match self {
            Trust::Official => "official",
            Trust::Reported => "reported",
            Trust::Assumed => "assumed",
        }
    }

    /// The mark that a word names.
    pub fn from_word(word: &str) -> Option<Trust> {
        Trust::ALL.into_iter().find(|trust| trust.word() == word)
    }

    /// What a desk calls it.
    pub fn name(self) -> &'static str {
        match self {
            Trust::Official => "官方文件",
            Trust::Reported => "转载资料",
            Trust::Assumed => "演示假设",
        }
    }
}

/// A document that rules were read in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Its short name inside the book.
    pub id: String,
    /// Title or number, for example `新政办〔2020〕47号`.
    pub document: String,
    /// Article or section.
    pub article: Option<String>,
}

/// A place in a rule book: the byte at which a row's `id` stands, or the `source` of a table without rows. It
/// depends on nothing but the book's text, so a stored explanation means the same under any later version of the
/// parser.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Clause(pub u32);

/// What a book says about one of its rules, beside the value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClauseText {
    /// Where it stands.
    pub at: Clause,
    /// The line, counted from 1.
    pub line: usize,
    /// Its path, for example `inpatient.deductible.off-site`.
    pub path: String,
    /// The source, as a position in the book's list of sources.
    pub source: usize,
    /// How far to believe it.
    pub trust: Trust,
    /// The text to show to a clerk.
    pub text: Option<String>,
    /// The fields whose value nobody knows.
    pub unset: Vec<String>,
}

/// A value that a book states, or says that nobody knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting<T> {
    /// Stated.
    Known(T),
    /// `"unset"`: nobody knows.
    Unset,
}

impl<T: Copy> Setting<T> {
    /// The value, for a settlement that cannot go on without it.
    ///
    /// # Errors
    /// [`Reason::RuleUnset`](crate::refusal::Reason::RuleUnset), naming the rule, when nobody knows it.
    pub fn needed(self, book: &RuleBook, clause: Clause) -> Result<T, Refusal> {
        match self {
            Setting::Known(value) => Ok(value),
            Setting::Unset => Err(unknown::row(book, clause, None)),
        }
    }

    /// The value, if it is known.
    pub fn known(self) -> Option<T> {
        match self {
            Setting::Known(value) => Some(value),
            Setting::Unset => None,
        }
    }
}

/// An upper limit; `None` where a book says in so many words that there is none.
pub type Limit = Setting<Option<Money>>;
