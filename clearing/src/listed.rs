//! 清算遗留: what was carried over as often as may be, and is still not agreed on. It stands on a list with an owner and ends
//! by the decision of two people who do not sit on the same side, or it stays; it is never dropped. Keeping the list is for
//! `ledger`.

pub mod entries;

use settlement::adjudication::FundShares;

use crate::breaks::Books;
use crate::period::Side;

/// Who has to find out about a settlement whose books are apart: the member that keeps the book further from the hub. For
/// its hospitals speaks the treatment side.
pub fn owner_of_break(books: Books) -> Side {
    match books {
        Books::HospitalTreatment | Books::TreatmentHub => Side::Treatment,
        Books::HubHome => Side::Home,
    }
}

/// Who has to see to it that books are compared, where these were not: of both, the treatment side, whose member has
/// what it treated cleared.
pub fn owner_of_uncompared(books: &[Books]) -> Side {
    match books {
        [Books::HubHome] => Side::Home,
        _ => Side::Treatment,
    }
}

/// Who has to answer an objection: the side that did not object.
pub fn owner_of_objection(objecting: Side) -> Side {
    match objecting {
        Side::Home => Side::Treatment,
        Side::Treatment => Side::Home,
    }
}

/// For whom somebody decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Seat {
    /// A member of the pair.
    Member(Side),
    /// 经办中心: who operates the hub.
    Centre,
}

impl Seat {
    /// Every seat.
    pub const ALL: [Seat; 3] = [Seat::Member(Side::Home), Seat::Member(Side::Treatment), Seat::Centre];

    /// The word in messages and books.
    pub fn word(self) -> &'static str {
        match self {
            Seat::Member(side) => side.word(),
            Seat::Centre => "centre",
        }
    }

    /// What documents call it.
    pub fn name(self) -> &'static str {
        match self {
            Seat::Member(side) => side.name(),
            Seat::Centre => "经办中心",
        }
    }

    /// The seat that a word names.
    pub fn from_word(word: &str) -> Option<Seat> {
        Seat::ALL.into_iter().find(|seat| seat.word() == word)
    }
}

/// How something ends on the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// 清算: it is cleared in the open period after all.
    Clear,
    /// 退回: it goes back to the treatment place and no fund pays it.
    Return,
}

impl Verdict {
    /// The word in messages and books.
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Clear => "clear",
            Verdict::Return => "return",
        }
    }

    /// What documents call it.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Clear => "清算",
            Verdict::Return => "退回",
        }
    }

    /// The verdict that a word names.
    pub fn from_word(word: &str) -> Option<Verdict> {
        [Verdict::Clear, Verdict::Return].into_iter().find(|verdict| verdict.word() == word)
    }
}

/// Where something stands on the list. `P` is who proposed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing<P> {
    /// Nothing is proposed.
    Waiting,
    /// One person has proposed an end.
    Proposed(Verdict, P),
    /// Two have decided.
    Ended(Verdict),
}

/// A person: the certificate, and for whom it decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The certificate's fingerprint.
    pub certificate: String,
    /// For whom.
    pub seat: Seat,
}

/// What somebody does about something on the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Act {
    /// Proposes an end.
    Propose(Verdict),
    /// Agrees to what is proposed.
    Approve(Verdict),
    /// Refuses what is proposed, or takes it back: it waits again.
    Refuse,
}

impl Act {
    /// The word in messages and books.
    pub fn word(self) -> &'static str {
        match self {
            Act::Propose(_) => "proposed",
            Act::Approve(_) => "approved",
            Act::Refuse => "refused",
        }
    }

    /// The verdict that it is about; none of a refusal.
    pub fn verdict(self) -> Option<Verdict> {
        match self {
            Act::Propose(verdict) | Act::Approve(verdict) => Some(verdict),
            Act::Refuse => None,
        }
    }
}

/// Why somebody may not do something about something on the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListFault {
    /// It has ended.
    #[error("it has ended already")]
    Ended,
    /// Something is proposed: approve or refuse it.
    #[error("{} is proposed already: approve or refuse that", .0.word())]
    ProposedAlready(Verdict),
    /// Nothing is proposed.
    #[error("nothing is proposed")]
    NothingProposed,
    /// Something else is proposed.
    #[error("{} is proposed: look at that first", .0.word())]
    ProposedOtherwise(Verdict),
    /// What came before of the same settlement has ended otherwise: what changes it later ends as that did, or the sum is
    /// wrong.
    #[error("what came before of it was ended by {}: what comes later ends the same way", .0.word())]
    EndsAs(Verdict),
    /// What undoes it, or changes it since, is cleared already: returned, that would count alone.
    #[error(
        "what undoes or changes it counts in a month that is stated already: it can only be cleared, or the sum is wrong"
    )]
    ClearsOnly,
    /// The same certificate proposed it.
    #[error("the same certificate proposed it; a second person decides")]
    SamePerson,
    /// Who proposed it sits on the same side.
    #[error("who proposed it decides for the same side; somebody of another side decides")]
    SameSeat,
}

/// What becomes of something on the list.
///
/// ```
/// use clearing::listed::{Act, ListFault, Person, Seat, Standing, Verdict, after};
/// use clearing::period::Side;
/// let person = |certificate: &str, seat| Person { certificate: certificate.into(), seat };
/// let home = person("a", Seat::Member(Side::Home));
/// let proposed = after(&Standing::Waiting, Act::Propose(Verdict::Clear), home.clone()).expect("it waits");
/// assert_eq!(after(&proposed, Act::Approve(Verdict::Clear), home), Err(ListFault::SamePerson));
/// let treatment = person("b", Seat::Member(Side::Treatment));
/// assert_eq!(after(&proposed, Act::Approve(Verdict::Clear), treatment), Ok(Standing::Ended(Verdict::Clear)));
/// ```
///
/// # Errors
/// Why it may not be done.
pub fn after(standing: &Standing<Person>, act: Act, by: Person) -> Result<Standing<Person>, ListFault> {
    match (standing, act) {
        (Standing::Ended(_), _) => Err(ListFault::Ended),
        (Standing::Waiting, Act::Propose(verdict)) => Ok(Standing::Proposed(verdict, by)),
        (Standing::Waiting, Act::Approve(_) | Act::Refuse) => Err(ListFault::NothingProposed),
        (Standing::Proposed(proposed, _), Act::Propose(_)) => Err(ListFault::ProposedAlready(*proposed)),
        (Standing::Proposed(_, _), Act::Refuse) => Ok(Standing::Waiting),
        (Standing::Proposed(proposed, _), Act::Approve(verdict)) if verdict != *proposed => {
            Err(ListFault::ProposedOtherwise(*proposed))
        }
        (Standing::Proposed(_, first), Act::Approve(_)) if first.certificate == by.certificate => {
            Err(ListFault::SamePerson)
        }
        (Standing::Proposed(_, first), Act::Approve(_)) if first.seat == by.seat => Err(ListFault::SameSeat),
        (Standing::Proposed(_, _), Act::Approve(verdict)) => Ok(Standing::Ended(verdict)),
    }
}

/// A correction that came onto the list by itself, seen by a later one of the same settlement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Before {
    /// What it moves.
    pub moves: FundShares,
    /// How it ended; none while it waits.
    pub ended: Option<Verdict>,
    /// Whether the later one takes it back.
    pub is_taken_back: bool,
}

/// Where a correction goes that builds on others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Joins {
    /// It counts by itself.
    Counts,
    /// It waits on the list.
    Waits,
    /// It is returned: what it takes back was never paid.
    Returned,
}

/// Where a correction goes whose settlement was corrected `before`. It is the difference to what its settlement counted, so
/// with what waits it waits, and both end on one sum. Where some of what it counted was returned, the difference would pay
/// a sum that nobody has worked out: people decide.
///
/// ```
/// use clearing::listed::{Before, Joins, Verdict, joins};
/// use settlement::adjudication::FundShares;
/// let waits = Before { moves: FundShares::default(), ended: None, is_taken_back: true };
/// assert_eq!(joins(&[waits]), Joins::Waits);
/// let returned = Before { ended: Some(Verdict::Return), ..waits };
/// assert_eq!(joins(&[returned]), Joins::Returned);
/// assert_eq!(joins(&[]), Joins::Counts);
/// ```
pub fn joins(before: &[Before]) -> Joins {
    let mut returned = FundShares::default();
    let of_returned = || before.iter().filter(|one| one.ended == Some(Verdict::Return));
    of_returned().for_each(|one| returned += one.moves);
    if before.iter().any(|one| one.ended.is_none()) {
        Joins::Waits
    } else if of_returned().any(|one| one.is_taken_back) {
        Joins::Returned
    } else if returned != FundShares::default() {
        Joins::Waits
    } else {
        Joins::Counts
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use settlement::adjudication::Fund;
    use settlement::money::Money;

    use super::*;

    fn person() -> impl Strategy<Value = Person> {
        ("[a-c]", prop::sample::select(Seat::ALL.to_vec())).prop_map(|(certificate, seat)| Person { certificate, seat })
    }

    fn act() -> impl Strategy<Value = Act> {
        let verdict = || prop::sample::select(vec![Verdict::Clear, Verdict::Return]);
        prop_oneof![verdict().prop_map(Act::Propose), verdict().prop_map(Act::Approve), Just(Act::Refuse)]
    }

    #[test]
    fn a_correction_counts_only_beside_what_is_cleared() {
        let (cleared, returned) = (Some(Verdict::Clear), Some(Verdict::Return));
        // What each before it moves, how that ended, and whether it is taken back.
        for (name, before, expected) in [
            ("nothing is there by itself", vec![], Joins::Counts),
            ("it takes back what waits", vec![(-10, None, true)], Joins::Waits),
            ("it is worked out from what waits", vec![(-10, None, false)], Joins::Waits),
            ("it takes back what was cleared", vec![(-10, cleared, true)], Joins::Counts),
            ("it takes back what was returned", vec![(-10, returned, true)], Joins::Returned),
            ("it is worked out from what was returned", vec![(-10, returned, false)], Joins::Waits),
            ("that was taken back", vec![(-10, returned, false), (10, returned, false)], Joins::Counts),
            ("it brings that again", vec![(-10, returned, false), (10, returned, true)], Joins::Returned),
            ("it takes back what waits beside that", vec![(-10, returned, false), (5, None, true)], Joins::Waits),
            ("one was cleared, another returned", vec![(-10, cleared, false), (5, returned, false)], Joins::Waits),
        ] {
            let before = before.into_iter().map(|(fen, ended, is_taken_back)| {
                let mut moves = FundShares::default();
                moves.set(Fund::Basic, Money::from_fen(fen));
                Before { moves, ended, is_taken_back }
            });
            assert_eq!(joins(&before.collect::<Vec<_>>()), expected, "{name}");
        }
    }

    proptest! {
        #[test]
        fn nothing_ends_but_by_two_people_of_two_sides_who_say_the_same(
            acts in prop::collection::vec((act(), person()), 0..20),
        ) {
            let mut standing = Standing::Waiting;
            let mut proposed: Option<(Verdict, Person)> = None;
            for (act, by) in acts {
                let Ok(becomes) = after(&standing, act, by.clone()) else { continue };
                prop_assert!(!matches!(standing, Standing::Ended(_)), "what has ended stays so");
                match (&becomes, act) {
                    (Standing::Ended(verdict), Act::Approve(approved)) => {
                        let (said, first) = proposed.clone().expect("somebody proposed it");
                        prop_assert_eq!((*verdict, *verdict), (said, approved));
                        prop_assert!(first.certificate != by.certificate && first.seat != by.seat);
                    }
                    (Standing::Proposed(verdict, _), Act::Propose(_)) => proposed = Some((*verdict, by)),
                    (Standing::Waiting, Act::Refuse) => proposed = None,
                    other => prop_assert!(false, "{other:?}"),
                }
                standing = becomes;
            }
        }
    }

    #[test]
    fn who_has_to_find_out_owns_it() {
        assert_eq!(owner_of_break(Books::HubHome), Side::Home);
        for books in [Books::HospitalTreatment, Books::TreatmentHub] {
            assert_eq!(owner_of_break(books), Side::Treatment);
        }
        for (books, owner) in [
            (vec![Books::HubHome], Side::Home),
            (vec![Books::TreatmentHub], Side::Treatment),
            (vec![Books::TreatmentHub, Books::HubHome], Side::Treatment),
        ] {
            assert_eq!(owner_of_uncompared(&books), owner, "{books:?}");
        }
        for side in Side::ALL {
            assert_ne!(owner_of_objection(side), side);
        }
    }

    #[test]
    fn words_are_read_as_they_are_written() {
        for seat in Seat::ALL {
            assert_eq!(Seat::from_word(seat.word()), Some(seat));
        }
        for verdict in [Verdict::Clear, Verdict::Return] {
            assert_eq!(Verdict::from_word(verdict.word()), Some(verdict));
        }
    }
}
