//! Words that stand for a case of an enum, so that a fault can name the words that would be right.

use crate::encounter::{CareKind, HospitalLevel};
use crate::filing::{FilingClass, Proof};
use crate::person::{AssistanceClass, Insurance, PersonClass};
use crate::rulebook::clause::Trust;
use crate::rulebook::conditions::Footing;

/// A case that a rule book names by a word.
pub(super) trait Word: Copy + 'static {
    /// Every case.
    fn all() -> &'static [Self];

    /// The word for a case.
    fn spelt(self) -> &'static str;

    /// The case that a word names.
    fn read(word: &str) -> Option<Self> {
        Self::all().iter().copied().find(|case| case.spelt() == word)
    }

    /// All words, for a fault to name.
    fn wanted() -> String {
        wanted(Self::all())
    }
}

/// Some words, for a fault to name.
pub(super) fn wanted<T: Word>(cases: &[T]) -> String {
    format!("one of {}", cases.iter().map(|case| case.spelt()).collect::<Vec<_>>().join(", "))
}

macro_rules! words_of {
    ($($name:ident),*) => {$(
        impl Word for $name {
            fn all() -> &'static [$name] {
                &$name::ALL
            }

            fn spelt(self) -> &'static str {
                self.word()
            }
        }
    )*};
}

words_of!(Insurance, PersonClass, AssistanceClass, HospitalLevel, CareKind, Trust, Footing, FilingClass, Proof);
