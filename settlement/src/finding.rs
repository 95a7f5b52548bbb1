//! What a check of the books found amiss. Checks are named as the sentence that must hold; each gives its findings
//! back and panics at none. Printed by `yidi verify`, looked at by tests after every step.

use std::fmt;

/// One thing that should not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The sentence that does not hold.
    pub invariant: &'static str,
    /// Where: an operation's place, a settlement, a person's number. Never a name or a document.
    pub subject: String,
    /// What is wrong there.
    pub problem: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} does not hold for {}: {}", self.invariant, self.subject, self.problem)
    }
}
