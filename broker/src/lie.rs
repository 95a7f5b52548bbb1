//! The ways in which a home region's answer can be none, for whoever watches. What is checked is in [`crate::answer`],
//! by the journal, and by the region's book.

/// Why an answer is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lie {
    /// It cannot be read.
    Unreadable,
    /// Its sums do not add up, or a part of it is negative.
    WrongSums,
    /// It answers another kind of request.
    OtherRequest,
    /// It is about another settlement: another id, or another person's.
    OtherSettlement,
    /// It is about another bill or another insurance.
    OtherBill,
    /// It debits the account of somebody whom the region does not insure.
    ForeignAccount,
    /// It refuses for a passing reason, which is no answer.
    Passing,
    /// It says something else of a settlement than the journal does.
    AgainstJournal,
    /// Its number in the region's book is another answer's. The answer is kept: the number alone is wrong.
    NumberRepeated,
    /// Its number in the region's book fell: the book was restored from an older copy, which knows
    /// less than was answered. The answer is not kept.
    NumberFell,
    /// Its number in the region's book lies further above all others than a book can have grown. The answer is not kept,
    /// and no batch of corrections is taken as in force.
    NumberLeapt,
    /// The number under which the region says it has taken a batch of corrections is another batch's. It is not taken as in
    /// force.
    BatchNumberRepeated,
}

impl Lie {
    /// As it is written in measures and on pages.
    pub fn word(self) -> &'static str {
        match self {
            Lie::Unreadable => "unreadable",
            Lie::WrongSums => "wrong-sums",
            Lie::OtherRequest => "other-request",
            Lie::OtherSettlement => "other-settlement",
            Lie::OtherBill => "other-bill",
            Lie::ForeignAccount => "foreign-account",
            Lie::Passing => "passing-refusal",
            Lie::AgainstJournal => "against-journal",
            Lie::NumberRepeated => "number-repeated",
            Lie::NumberFell => "number-fell",
            Lie::NumberLeapt => "number-leapt",
            Lie::BatchNumberRepeated => "batch-number-repeated",
        }
    }

    /// Whether it leaves somebody without an answer, so that a region that does it again is asked no more for a while.
    /// Other numbers are for operators to look into: after a restoration they stay wrong for as long as it takes to catch up.
    pub fn is_grave(self) -> bool {
        match self {
            Lie::Unreadable
            | Lie::WrongSums
            | Lie::OtherRequest
            | Lie::OtherSettlement
            | Lie::OtherBill
            | Lie::ForeignAccount
            | Lie::Passing
            | Lie::AgainstJournal
            | Lie::NumberLeapt => true,
            Lie::NumberRepeated | Lie::NumberFell | Lie::BatchNumberRepeated => false,
        }
    }
}
