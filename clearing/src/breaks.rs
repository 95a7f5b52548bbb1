//! 差异: what two books of one day do not agree on, each with what is proposed to be done about it. What an operation
//! is still in doubt about is pending, not a break: its home region will say. What carrying a proposal out means for
//! whoever would do it is decided here too; doing it is for `broker`, the treatment side and operators.

pub mod reason;

use jiff::civil::Date;
use settlement::ids::SettlementId;
use settlement::outcome::Outcome;
use settlement::postings::{Turn, turn_of};

use crate::obligation::Sums;

/// Which two books are compared; the outer one asks, the inner one answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Books {
    /// A hospital's and its treatment side's, which says what differs ([`crate::hospital::told`]).
    HospitalTreatment,
    /// The treatment side's and the hub's.
    TreatmentHub,
    /// The hub's and the home region's.
    HubHome,
}

impl Books {
    /// The word in messages and books.
    pub fn word(self) -> &'static str {
        match self {
            Books::HospitalTreatment => "hospital-treatment",
            Books::TreatmentHub => "treatment-hub",
            Books::HubHome => "hub-home",
        }
    }

    /// Whose books they are, as documents call them: the outer one's, then the inner one's.
    pub fn keepers(self) -> [&'static str; 2] {
        match self {
            Books::HospitalTreatment => ["医院", "就医地"],
            Books::TreatmentHub => ["就医地", "枢纽"],
            Books::HubHome => ["枢纽", "参保地"],
        }
    }

    /// What documents call them.
    pub fn name(self) -> String {
        self.keepers().join("与")
    }

    /// The books that a word names.
    pub fn from_word(word: &str) -> Option<Books> {
        [Books::HospitalTreatment, Books::TreatmentHub, Books::HubHome].into_iter().find(|books| books.word() == word)
    }
}

/// One of two books.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Book {
    /// The one nearer the hospital.
    Outer,
    /// The one nearer the home region.
    Inner,
}

/// What an accepted operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Deed {
    /// It makes a settlement.
    Settle,
    /// It undoes one, or brings one back.
    Undo,
}

impl Deed {
    /// The word in messages.
    pub fn word(self) -> &'static str {
        match self {
            Deed::Settle => "settle",
            Deed::Undo => "undo",
        }
    }

    /// The deed that a word names.
    pub fn from_word(word: &str) -> Option<Deed> {
        [Deed::Settle, Deed::Undo].into_iter().find(|deed| deed.word() == word)
    }
}

/// An accepted operation as one book tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// The settlement that it makes or undoes.
    pub settlement: SettlementId,
    /// What it does.
    pub deed: Deed,
    /// What it moves.
    pub sums: Sums,
}

impl Fact {
    /// What an accepted outcome says; none for a refusal, and for a reversal of what had no effect.
    pub fn of(outcome: &Outcome) -> Option<Fact> {
        let (turn, settled) = turn_of(outcome)?;
        let deed = match turn {
            Turn::Enter => Deed::Settle,
            Turn::Counter | Turn::Reinstate => Deed::Undo,
        };
        Some(Fact { settlement: settled.settlement.clone(), deed, sums: Sums::of(settled) })
    }
}

/// A difference between two books.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Break {
    /// What differs.
    pub kind: Kind,
    /// The settlement that it is about.
    pub settlement: SettlementId,
    /// What the outer book moves by it; nothing where it lacks it.
    pub outer: Sums,
    /// What the inner book moves by it; nothing where it lacks it.
    pub inner: Sums,
    /// What is proposed.
    pub proposed: Proposal,
}

/// How two books differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A settlement stands in one book alone: this one lacks it.
    Missing(Book),
    /// Both have it, with other sums.
    AmountDiffers,
    /// An undoing stands in one book alone, or both have it with other words: it does not stand alike.
    StateDiffers,
}

impl Kind {
    /// The word in messages and books.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Missing(Book::Outer) => "missing-outer",
            Kind::Missing(Book::Inner) => "missing-inner",
            Kind::AmountDiffers => "amount-differs",
            Kind::StateDiffers => "state-differs",
        }
    }

    /// What documents say of two books that differ so.
    ///
    /// ```
    /// use clearing::breaks::{Book, Books, Kind};
    /// assert_eq!(Kind::Missing(Book::Outer).between(Books::HospitalTreatment), "就医地有、医院无");
    /// ```
    pub fn between(self, books: Books) -> String {
        let [outer, inner] = books.keepers();
        match self {
            Kind::Missing(Book::Outer) => format!("{inner}有、{outer}无"),
            Kind::Missing(Book::Inner) => format!("{outer}有、{inner}无"),
            Kind::AmountDiffers => format!("{outer}与{inner}金额不一致"),
            Kind::StateDiffers => format!("{outer}与{inner}状态不一致"),
        }
    }

    /// The kind that a word names.
    pub fn from_word(word: &str) -> Option<Kind> {
        let all = [Kind::Missing(Book::Outer), Kind::Missing(Book::Inner), Kind::AmountDiffers, Kind::StateDiffers];
        all.into_iter().find(|kind| kind.word() == word)
    }
}

/// What is proposed to be done about a break.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Proposal {
    /// 补查结果: the treatment side asks for the answer that it never got.
    FetchAnswer,
    /// 补登: the hub asks the home region what became of the operation, and books it.
    Resolve,
    /// 补查 5203: the hospital asks its treatment side for what stands, and takes it into its own book.
    HospitalQueries,
    /// 冲正 2601: the hospital never took the settlement in and has it undone; or, where it did treat the patient by it,
    /// asks for it (5203) after all.
    HospitalReverses,
    /// 恢复: the home region's book was restored from an older copy, and is given back what the hub holds.
    Reinstate,
    /// 人工核查: two books hold what they cannot both have been told. A person has to find out why.
    Investigate,
}

impl Proposal {
    /// Every proposal.
    pub const ALL: [Proposal; 6] = [
        Proposal::HospitalQueries,
        Proposal::HospitalReverses,
        Proposal::FetchAnswer,
        Proposal::Resolve,
        Proposal::Reinstate,
        Proposal::Investigate,
    ];

    /// The word in messages and books.
    pub fn word(self) -> &'static str {
        match self {
            Proposal::HospitalQueries => "query-5203",
            Proposal::HospitalReverses => "reverse-2601",
            Proposal::FetchAnswer => "fetch-answer",
            Proposal::Resolve => "resolve",
            Proposal::Reinstate => "reinstate",
            Proposal::Investigate => "investigate",
        }
    }

    /// What documents call it.
    pub fn name(self) -> &'static str {
        match self {
            Proposal::HospitalQueries => "补查5203",
            Proposal::HospitalReverses => "冲正2601",
            Proposal::FetchAnswer => "补查结果",
            Proposal::Resolve => "补登",
            Proposal::Reinstate => "恢复",
            Proposal::Investigate => "人工核查",
        }
    }

    /// The proposal that a word names.
    pub fn from_word(word: &str) -> Option<Proposal> {
        Proposal::ALL.into_iter().find(|proposal| proposal.word() == word)
    }

    /// Whether a rule may carry it out without a person: it only asks for what is decided already.
    pub fn by_rule(self) -> bool {
        match self {
            Proposal::FetchAnswer | Proposal::Resolve => true,
            Proposal::HospitalQueries | Proposal::HospitalReverses | Proposal::Reinstate | Proposal::Investigate => {
                false
            }
        }
    }
}

/// Judges one difference, by what each book tells of the operation. None where neither has it, or both tell the same.
pub fn judge(books: Books, outer: Option<&Fact>, inner: Option<&Fact>) -> Option<Break> {
    let told = outer.or(inner)?;
    let (kind, lacking) = match (outer, inner) {
        (Some(outer), Some(inner)) if outer == inner => return None,
        (Some(outer), Some(inner)) if outer.sums != inner.sums => (Kind::AmountDiffers, None),
        (Some(_), Some(_)) => (Kind::StateDiffers, None),
        (Some(_), None) => (lacks(told.deed, Book::Inner), Some(Book::Inner)),
        (None, _) => (lacks(told.deed, Book::Outer), Some(Book::Outer)),
    };
    let proposed = match (books, lacking) {
        (Books::HospitalTreatment, Some(Book::Outer)) if told.deed == Deed::Settle => Proposal::HospitalReverses,
        // What it has alone does not stand, and a cancellation that it did not hear of does: it takes in what stands.
        (Books::HospitalTreatment, Some(_)) => Proposal::HospitalQueries,
        (Books::TreatmentHub, Some(Book::Outer)) => Proposal::FetchAnswer,
        (Books::HubHome, Some(Book::Outer)) => Proposal::Resolve,
        (Books::HubHome, Some(Book::Inner)) => Proposal::Reinstate,
        (Books::TreatmentHub, Some(Book::Inner)) | (_, None) => Proposal::Investigate,
    };
    let sums = |fact: Option<&Fact>| fact.map(|fact| fact.sums).unwrap_or_default();
    Some(Break { kind, settlement: told.settlement.clone(), outer: sums(outer), inner: sums(inner), proposed })
}

fn lacks(deed: Deed, book: Book) -> Kind {
    match deed {
        Deed::Settle => Kind::Missing(book),
        Deed::Undo => Kind::StateDiffers,
    }
}

/// What the book that lacks an operation knows of it, as far as whoever would carry a proposal out can see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Known {
    /// It was sent or received, and has no answer yet.
    Waiting,
    /// It has an answer.
    Answered,
    /// There is no such operation: the book was restored from an older copy, or it never came.
    Absent,
    /// That book is another node's.
    Elsewhere,
}

/// What carrying a proposal out comes down to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// Ask what became of the operation, and book the answer.
    Ask,
    /// Nothing but compare again: the answer is here, and may have come since.
    CompareAgain,
    /// Nothing of ours: the hospital carries it out, and compares again.
    AwaitHospital,
    /// Wait: the treatment side asks for what it lacks when it compares next.
    AwaitTreatmentSide,
    /// Give the home region's book back what it lacks.
    GiveBack,
    /// Nothing: a book that lacks the whole operation cannot be asked to answer it. A person finds out where it went.
    FindOrigin,
    /// Nothing: a person finds out which book is right.
    Investigate,
}

impl Action {
    /// Every action.
    pub const ALL: [Action; 7] = [
        Action::Ask,
        Action::CompareAgain,
        Action::AwaitHospital,
        Action::AwaitTreatmentSide,
        Action::GiveBack,
        Action::FindOrigin,
        Action::Investigate,
    ];

    /// The word in messages and books.
    pub fn word(self) -> &'static str {
        match self {
            Action::Ask => "ask",
            Action::CompareAgain => "compare-again",
            Action::AwaitHospital => "await-hospital",
            Action::AwaitTreatmentSide => "await-treatment-side",
            Action::GiveBack => "give-back",
            Action::FindOrigin => "find-origin",
            Action::Investigate => "investigate",
        }
    }

    /// What tables call it.
    pub fn name(self) -> &'static str {
        match self {
            Action::Ask => "向参保地查询",
            Action::CompareAgain => "重新对账",
            Action::AwaitHospital => "待医院办理",
            Action::AwaitTreatmentSide => "待就医地补查",
            Action::GiveBack => "恢复给参保地",
            Action::FindOrigin => "待人工查找来源",
            Action::Investigate => "待人工核查",
        }
    }

    /// The action that a word names.
    pub fn from_word(word: &str) -> Option<Action> {
        Action::ALL.into_iter().find(|action| action.word() == word)
    }
}

/// What an action came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Done {
    /// The book that lacked something has it now: where the books agree when they are compared next, this mended them.
    Mended,
    /// Whoever was asked did not answer; it can be tried again.
    NoAnswer,
    /// Nothing was changed.
    Nothing,
}

impl Done {
    /// Every outcome.
    pub const ALL: [Done; 3] = [Done::Mended, Done::NoAnswer, Done::Nothing];

    /// The word in messages and books.
    pub fn word(self) -> &'static str {
        match self {
            Done::Mended => "mended",
            Done::NoAnswer => "no-answer",
            Done::Nothing => "nothing",
        }
    }

    /// What tables call it.
    pub fn name(self) -> &'static str {
        match self {
            Done::Mended => "已补齐",
            Done::NoAnswer => "没有答复",
            Done::Nothing => "没有改变",
        }
    }

    /// What a word names.
    pub fn from_word(word: &str) -> Option<Done> {
        Done::ALL.into_iter().find(|done| done.word() == word)
    }
}

/// What carrying a proposal out comes down to, by what the book that lacks the operation knows of it.
///
/// ```
/// use clearing::breaks::{Action, Known, Proposal, action};
/// assert_eq!(action(Proposal::Resolve, Known::Waiting), Action::Ask);
/// assert_eq!(action(Proposal::Resolve, Known::Absent), Action::FindOrigin);
/// ```
pub fn action(proposed: Proposal, known: Known) -> Action {
    match (proposed, known) {
        (Proposal::FetchAnswer | Proposal::Resolve, Known::Waiting) => Action::Ask,
        (Proposal::FetchAnswer | Proposal::Resolve, Known::Answered) => Action::CompareAgain,
        (Proposal::FetchAnswer | Proposal::Resolve, Known::Absent) => Action::FindOrigin,
        (Proposal::FetchAnswer | Proposal::Resolve, Known::Elsewhere) => Action::AwaitTreatmentSide,
        (Proposal::HospitalQueries | Proposal::HospitalReverses, _) => Action::AwaitHospital,
        (Proposal::Reinstate, _) => Action::GiveBack,
        (Proposal::Investigate, _) => Action::Investigate,
    }
}

/// How old a break of a day is, in days; 0 on the day itself.
pub fn age_days(day: Date, today: Date) -> i32 {
    (today - day).get_days()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use settlement::money::Money;

    use super::*;

    fn fact(deed: Deed, total: i64) -> Fact {
        let settlement = SettlementId::new("s1").expect("an id");
        Fact { settlement, deed, sums: Sums { visits: 1, total: Money::from_fen(total), ..Sums::default() } }
    }

    #[test]
    fn each_difference_has_its_kind_and_its_proposal() {
        let (settle, more, undo) = (fact(Deed::Settle, 5), fact(Deed::Settle, 6), fact(Deed::Undo, 5));
        use Books::{HospitalTreatment, HubHome, TreatmentHub};
        for (books, outer, inner, expected) in [
            (HospitalTreatment, None, Some(&settle), Some((Kind::Missing(Book::Outer), Proposal::HospitalReverses))),
            (HospitalTreatment, None, Some(&undo), Some((Kind::StateDiffers, Proposal::HospitalQueries))),
            (HospitalTreatment, Some(&settle), None, Some((Kind::Missing(Book::Inner), Proposal::HospitalQueries))),
            (HospitalTreatment, Some(&undo), None, Some((Kind::StateDiffers, Proposal::HospitalQueries))),
            (HospitalTreatment, Some(&more), Some(&settle), Some((Kind::AmountDiffers, Proposal::Investigate))),
            (TreatmentHub, None, Some(&settle), Some((Kind::Missing(Book::Outer), Proposal::FetchAnswer))),
            (TreatmentHub, Some(&settle), None, Some((Kind::Missing(Book::Inner), Proposal::Investigate))),
            (HubHome, None, Some(&settle), Some((Kind::Missing(Book::Outer), Proposal::Resolve))),
            (HubHome, Some(&settle), None, Some((Kind::Missing(Book::Inner), Proposal::Reinstate))),
            (HubHome, None, Some(&undo), Some((Kind::StateDiffers, Proposal::Resolve))),
            (TreatmentHub, None, Some(&undo), Some((Kind::StateDiffers, Proposal::FetchAnswer))),
            (HubHome, Some(&settle), Some(&more), Some((Kind::AmountDiffers, Proposal::Investigate))),
            (HubHome, Some(&settle), Some(&undo), Some((Kind::StateDiffers, Proposal::Investigate))),
            (HubHome, Some(&settle), Some(&settle), None),
            (HubHome, None, None, None),
        ] {
            let judged = judge(books, outer, inner).map(|found| (found.kind, found.proposed));
            assert_eq!(judged, expected, "{books:?} {outer:?} {inner:?}");
        }
    }

    #[test]
    fn words_are_read_as_they_are_written() {
        for kind in [Kind::Missing(Book::Outer), Kind::Missing(Book::Inner), Kind::AmountDiffers, Kind::StateDiffers] {
            assert_eq!(Kind::from_word(kind.word()), Some(kind));
        }
        for books in [Books::HospitalTreatment, Books::TreatmentHub, Books::HubHome] {
            assert_eq!(Books::from_word(books.word()), Some(books));
        }
        for proposal in Proposal::ALL {
            assert_eq!(Proposal::from_word(proposal.word()), Some(proposal));
            for known in [Known::Waiting, Known::Answered, Known::Absent, Known::Elsewhere] {
                let action = action(proposal, known);
                assert_eq!(Action::from_word(action.word()), Some(action));
            }
        }
        for done in Done::ALL {
            assert_eq!(Done::from_word(done.word()), Some(done));
        }
    }

    #[test]
    fn only_what_waits_for_an_answer_is_asked_about_and_only_a_person_ends_a_contradiction() {
        use Known::{Absent, Answered, Elsewhere, Waiting};
        for proposal in Proposal::ALL {
            let expected = match proposal {
                Proposal::FetchAnswer | Proposal::Resolve => {
                    [Action::Ask, Action::CompareAgain, Action::FindOrigin, Action::AwaitTreatmentSide]
                }
                Proposal::HospitalQueries | Proposal::HospitalReverses => [Action::AwaitHospital; 4],
                Proposal::Reinstate => [Action::GiveBack; 4],
                Proposal::Investigate => [Action::Investigate; 4],
            };
            assert_eq!([Waiting, Answered, Absent, Elsewhere].map(|known| action(proposal, known)), expected);
            let asked = [Waiting, Answered, Absent, Elsewhere].map(|known| action(proposal, known) == Action::Ask);
            assert_eq!(asked.contains(&true), proposal.by_rule(), "a rule only asks");
        }
    }

    #[test]
    fn age_counts_days_across_months() {
        assert_eq!(age_days(date(2025, 6, 30), date(2025, 7, 1)), 1);
        assert_eq!(age_days(date(2025, 1, 1), date(2025, 12, 31)), 364);
    }
}
