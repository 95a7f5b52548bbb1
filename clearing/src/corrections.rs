//! 更正: settlements that a late change affects, worked out again and posted as one batch by two people (design.md
//! section 5). What the hospital was told stays, and so does the entry of the settlement: a correction is another posting
//! that names it. The account stays as it was debited, and what the hospital bears too; what the funds pay more or less,
//! the patient gets or owes in cash. Keeping batches is for `ledger`, sending them home for the hub.

use std::fmt::Write;

use settlement::adjudication::{Fund, FundShares, Payers};
use settlement::ids::{PoolCode, SettlementId};
use settlement::money::Money;
use sha2::{Digest as _, Sha256};

use crate::digest::Digest;
use crate::listed::{Person, Seat};
use crate::obligation::Payer;
use crate::period::Side;

/// Why a correction is given back, in documents and letters: its settlement counts no more.
pub const GIVEN_BACK: &str = "结算已撤销，更正随之冲回";

/// What a settlement counts before a batch, and after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Correction {
    /// Which.
    pub settlement: SettlementId,
    /// As it counts before.
    pub told: Payers,
    /// As it counts after.
    pub now: Payers,
}

impl Correction {
    /// What moves: the funds alone. Above zero where the home member pays more.
    pub fn moves(&self) -> FundShares {
        let mut moves = self.now.funds;
        moves += -self.told.funds;
        moves
    }

    /// What the patient gets back; below zero where it owes.
    pub fn patient_gets(&self) -> Money {
        self.told.cash - self.now.cash
    }

    /// What takes it back.
    pub fn undone(&self) -> Correction {
        Correction { settlement: self.settlement.clone(), told: self.now, now: self.told }
    }

    /// Checks a correction against what its settlement counts by now.
    ///
    /// # Errors
    /// Why it cannot be posted.
    pub fn check(&self, counts: &Counts) -> Result<(), CorrectionFault> {
        let Correction { settlement: _, told, now } = self;
        let kept = |payers: &Payers| (payers.total(), payers.account, payers.hospital);
        if kept(told) != kept(now) {
            return Err(CorrectionFault::OtherBill);
        }
        if told.funds != counts.funds() {
            return Err(CorrectionFault::CountsOtherwise);
        }
        for (fund, amount) in now.funds.iter() {
            let left = amount - counts.deducted.of(fund);
            if left.is_negative() {
                return Err(CorrectionFault::BelowNothing { payer: Payer::Fund(fund), left });
            }
        }
        Ok(())
    }
}

/// What the hub's book says of a settlement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// What its funds paid as it was booked.
    pub booked: FundShares,
    /// What corrections in force have added.
    pub corrected: FundShares,
    /// What review takes off it, agreed on or still to be.
    pub deducted: FundShares,
}

impl Counts {
    /// What its funds pay by now, before deductions.
    pub fn funds(&self) -> FundShares {
        let mut funds = self.booked;
        funds += self.corrected;
        funds
    }
}

/// What a home region says of an affected settlement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Which.
    pub settlement: SettlementId,
    /// As the hospital was told, or as it counts since an earlier correction.
    pub told: Payers,
    /// What it would come to now, with an account that would be debited anew.
    pub worked_out: Payers,
}

impl Found {
    /// The correction that follows, from what the settlement counts by now.
    ///
    /// # Errors
    /// Why there can be none.
    pub fn correction(&self, counts: &Counts) -> Result<Correction, CorrectionFault> {
        let Found { settlement, told, worked_out } = self;
        if told.total() != worked_out.total() {
            return Err(CorrectionFault::OtherBill);
        }
        if told.funds != counts.booked && told.funds != counts.funds() {
            return Err(CorrectionFault::CountsOtherwise);
        }
        let (told, now) = (paid_by(counts.funds(), told), paid_by(worked_out.funds, told));
        let correction = Correction { settlement: settlement.clone(), told, now };
        correction.check(counts).map(|()| correction)
    }
}

/// A bill of which the funds pay so much: account and hospital bear what they did, and the rest is cash.
fn paid_by(funds: FundShares, told: &Payers) -> Payers {
    let Payers { funds: _, account, cash: _, hospital } = *told;
    Payers { funds, account, cash: told.total() - funds.total() - account - hospital, hospital }
}

/// Why a settlement cannot be corrected so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CorrectionFault {
    /// Its charges, its account's money or its hospital's part would change: that is another bill.
    #[error("a correction leaves the bill, the account's money and the hospital's part as they were")]
    OtherBill,
    /// The hub's book has it otherwise: it was corrected or undone meanwhile, or the books are apart.
    #[error("it counts otherwise in the hub's book by now")]
    CountsOtherwise,
    /// A fund would pay less than nothing once deductions are taken off.
    #[error("{}: {left} would be left of its payment after deductions", payer.name())]
    BelowNothing {
        /// The fund.
        payer: Payer,
        /// What would be left; below zero.
        left: Money,
    },
}

/// What is put forward, decided and taken into the books as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Its id, made by its sender.
    pub id: String,
    /// The pool that insures.
    pub home: PoolCode,
    /// The batch in force that it takes back; none where it takes none back.
    pub undoes: Option<String>,
    /// What it changes, in the order of settlements.
    pub corrections: Vec<Correction>,
}

impl Batch {
    /// What it changes as a text, the same for the same batch. Two people decide on its digest.
    pub fn text(&self) -> String {
        let Batch { id, home, undoes, corrections } = self;
        let mut text = format!("更正批次: {id}\n参保统筹区: {home}\n撤销: {}\n", undoes.as_deref().unwrap_or("-"));
        for Correction { settlement, told, now } in corrections {
            // Writing to a text does not fail.
            let _ = writeln!(text, "{settlement}: {} -> {}", fens(told), fens(now));
        }
        text
    }

    /// SHA-256 over the text.
    pub fn digest(&self) -> Digest {
        Digest(Sha256::digest(self.text()).into())
    }
}

fn fens(payers: &Payers) -> String {
    let Payers { funds, account, cash, hospital } = payers;
    let all = Fund::ALL.map(|fund| funds.of(fund)).into_iter().chain([*account, *cash, *hospital]);
    all.map(|amount| amount.fen().to_string()).collect::<Vec<_>>().join(" ")
}

/// Where a batch stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// 待复核: one person has put it forward.
    Proposed,
    /// 已复核: another has approved it; the home region is to take it into its book.
    Approved,
    /// 已生效: the home region has taken it, and its money is booked.
    InForce,
    /// 已否决: refused, or taken back by who put it forward.
    Refused,
    /// 未生效: the home region could not take it; nothing has changed.
    Failed,
}

/// What happens to a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Event {
    /// A second person approves.
    Approve,
    /// Anybody of the home side refuses, or of the centre.
    Refuse,
    /// The home region has taken it.
    Take,
    /// The home region cannot take it.
    Fail,
}

impl Event {
    /// Every event.
    pub const ALL: [Event; 4] = [Event::Approve, Event::Refuse, Event::Take, Event::Fail];
}

impl Standing {
    /// Every standing.
    pub const ALL: [Standing; 5] =
        [Standing::Proposed, Standing::Approved, Standing::InForce, Standing::Refused, Standing::Failed];

    /// The word in messages and books.
    pub fn word(self) -> &'static str {
        match self {
            Standing::Proposed => "proposed",
            Standing::Approved => "approved",
            Standing::InForce => "in-force",
            Standing::Refused => "refused",
            Standing::Failed => "failed",
        }
    }

    /// The standing that a word names.
    pub fn from_word(word: &str) -> Option<Standing> {
        Standing::ALL.into_iter().find(|standing| standing.word() == word)
    }

    /// Whether it is still to be decided or taken: its settlements are in no other batch meanwhile.
    pub fn is_pending(self) -> bool {
        match self {
            Standing::Proposed | Standing::Approved => true,
            Standing::InForce | Standing::Refused | Standing::Failed => false,
        }
    }
}

/// Where a batch stands after an event; none where the event cannot happen to it. What the home region was asked for is
/// never refused any more: it may have taken it.
///
/// ```
/// use clearing::corrections::{Event, Standing, after};
/// assert_eq!(after(Standing::Proposed, Event::Approve), Some(Standing::Approved));
/// assert_eq!(after(Standing::Approved, Event::Refuse), None);
/// ```
pub fn after(standing: Standing, event: Event) -> Option<Standing> {
    match (standing, event) {
        (Standing::Proposed, Event::Approve) => Some(Standing::Approved),
        (Standing::Proposed, Event::Refuse) => Some(Standing::Refused),
        (Standing::Approved, Event::Take) => Some(Standing::InForce),
        (Standing::Approved, Event::Fail) => Some(Standing::Failed),
        (Standing::Proposed, Event::Take | Event::Fail)
        | (Standing::Approved, Event::Approve | Event::Refuse)
        | (Standing::InForce | Standing::Refused | Standing::Failed, _) => None,
    }
}

/// Why somebody may not decide on a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecisionFault {
    /// The same certificate put it forward.
    #[error("the same certificate put it forward; a second person approves")]
    SamePerson,
    /// Nobody of the two decides for the home region, or one decides for neither it nor the centre.
    #[error("a correction takes a person of the home region and a second one of it or of the centre")]
    NobodyOfHome,
    /// Something else was seen.
    #[error("the batch's digest is {0}: look at it again")]
    SeenOtherwise(Digest),
    /// It is decided.
    #[error("it is {} already", .0.word())]
    StandsOtherwise(Standing),
}

/// Whether two people may correct what is a home region's: one decides for it, and the other for it or for the centre.
///
/// ```
/// use clearing::corrections::may_correct;
/// use clearing::listed::Seat;
/// use clearing::period::Side;
/// let home = Seat::Member(Side::Home);
/// assert!(may_correct(home, Seat::Centre) && may_correct(home, home));
/// assert!(!may_correct(Seat::Centre, Seat::Centre));
/// ```
pub fn may_correct(one: Seat, other: Seat) -> bool {
    match (one, other) {
        (Seat::Member(Side::Home), Seat::Member(Side::Home) | Seat::Centre)
        | (Seat::Centre, Seat::Member(Side::Home)) => true,
        (Seat::Centre, Seat::Centre) | (Seat::Member(Side::Treatment), _) | (_, Seat::Member(Side::Treatment)) => false,
    }
}

/// Decides on a batch: `seen` is the digest that was looked at. Who put it forward may take it back, and never approve it.
///
/// # Errors
/// Why it may not be decided so.
pub fn decide(
    (batch, standing): (&Batch, Standing),
    (proposed_by, by): (&Person, &Person),
    (event, seen): (Event, &str),
) -> Result<Standing, DecisionFault> {
    let digest = batch.digest();
    if digest.to_string() != seen {
        return Err(DecisionFault::SeenOtherwise(digest));
    }
    let becomes = after(standing, event).ok_or(DecisionFault::StandsOtherwise(standing))?;
    if event == Event::Approve && proposed_by.certificate == by.certificate {
        return Err(DecisionFault::SamePerson);
    }
    if event == Event::Approve && !may_correct(proposed_by.seat, by.seat) {
        return Err(DecisionFault::NobodyOfHome);
    }
    Ok(becomes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use settlement::ids::RegionCode;

    use super::*;
    use crate::obligation::tests::shares;

    fn payers(funds: [i64; Fund::ALL.len()], [account, cash, hospital]: [i64; 3]) -> Payers {
        let [account, cash, hospital] = [account, cash, hospital].map(Money::from_fen);
        Payers { funds: shares(funds), account, cash, hospital }
    }

    fn settlement() -> SettlementId {
        SettlementId::new("S").expect("an id")
    }

    fn batch(corrections: Vec<Correction>) -> Batch {
        let home = PoolCode(RegionCode::new("410700").expect("a code"));
        Batch { id: "B".into(), home, undoes: None, corrections }
    }

    /// 1,000.00 元: 600 by the fund, 100 by the account, 300 in cash. Worked out again the fund bears 650 or 500, and the
    /// account would bear less or more; it keeps to its 100.
    #[test]
    fn what_the_account_would_have_paid_otherwise_goes_to_cash() {
        let told = payers([60_000, 0, 0, 0, 0], [10_000, 30_000, 0]);
        for (worked_out, cash, gets) in [
            (payers([65_000, 0, 0, 0, 0], [5_000, 30_000, 0]), 25_000, 5_000),
            (payers([50_000, 0, 0, 0, 0], [20_000, 30_000, 0]), 40_000, -10_000),
            // The account paid what a fund does now: the patient gets it in cash, beyond what was paid in cash.
            (payers([60_000, 0, 32_000, 0, 0], [0, 8_000, 0]), -2_000, 32_000),
        ] {
            let found = Found { settlement: settlement(), told, worked_out };
            let counts = Counts { booked: told.funds, ..Counts::default() };
            let correction = found.correction(&counts).expect("it can be corrected");
            assert_eq!((correction.now.cash.fen(), correction.now.account.fen()), (cash, 10_000));
            assert_eq!((correction.patient_gets().fen(), correction.moves().total().fen()), (gets, gets));
            assert_eq!(correction.now.total(), told.total());
        }
    }

    #[test]
    fn a_correction_is_of_what_counts_by_now_and_leaves_no_fund_below_nothing() {
        let (told, worked_out) = (payers([100, 0, 0, 0, 0], [0, 100, 0]), payers([60, 0, 0, 0, 0], [0, 140, 0]));
        let found = Found { settlement: settlement(), told, worked_out };
        let counts = |booked, corrected, deducted| Counts {
            booked: shares([booked, 0, 0, 0, 0]),
            corrected: shares([corrected, 0, 0, 0, 0]),
            deducted: shares([deducted, 0, 0, 0, 0]),
        };
        let below = CorrectionFault::BelowNothing { payer: Payer::Fund(Fund::Basic), left: Money::from_fen(-1) };
        for (name, counts, expected) in [
            ("as it was booked", counts(100, 0, 0), Ok(-40)),
            ("corrected before, told as the hospital was", counts(100, -30, 0), Ok(-10)),
            ("corrected before, told as it counts", counts(130, -30, 0), Ok(-40)),
            ("with as much deducted as is left", counts(100, 0, 60), Ok(-40)),
            ("with more deducted than would be left", counts(100, 0, 61), Err(below)),
            ("another book", counts(99, 0, 0), Err(CorrectionFault::CountsOtherwise)),
        ] {
            let corrected = found.correction(&counts).map(|correction| correction.moves().total().fen());
            assert_eq!(corrected, expected, "{name}");
        }
        let other = Found { worked_out: payers([60, 0, 0, 0, 0], [0, 141, 0]), ..found };
        assert_eq!(other.correction(&counts(100, 0, 0)), Err(CorrectionFault::OtherBill));
    }

    #[test]
    fn two_people_decide_on_what_both_saw() {
        let one = batch(vec![Correction {
            settlement: settlement(),
            told: payers([1, 0, 0, 0, 0], [0; 3]),
            now: payers([0; 5], [0, 1, 0]),
        }]);
        let seen = one.digest().to_string();
        let person = |certificate: &str, seat| Person { certificate: certificate.into(), seat };
        let home = Seat::Member(Side::Home);
        let proposed_by = person("a", home);
        let decided = |by, event, seen: &str, standing| {
            decide((&one, standing), (&proposed_by, &person(by, home)), (event, seen))
        };
        assert_eq!(decided("b", Event::Approve, &seen, Standing::Proposed), Ok(Standing::Approved));
        assert_eq!(decided("a", Event::Approve, &seen, Standing::Proposed), Err(DecisionFault::SamePerson));
        assert_eq!(decided("a", Event::Refuse, &seen, Standing::Proposed), Ok(Standing::Refused));
        for (proposed, approved) in Seat::ALL.into_iter().flat_map(|one| Seat::ALL.map(|other| (one, other))) {
            let by = (&person("a", proposed), &person("b", approved));
            let told = decide((&one, Standing::Proposed), by, (Event::Approve, &seen));
            let fits = [(home, home), (home, Seat::Centre), (Seat::Centre, home)].contains(&(proposed, approved));
            let expected = if fits { Ok(Standing::Approved) } else { Err(DecisionFault::NobodyOfHome) };
            assert_eq!(told, expected, "{proposed:?} and {approved:?}");
        }
        let late = DecisionFault::StandsOtherwise(Standing::Approved);
        assert_eq!(decided("b", Event::Refuse, &seen, Standing::Approved), Err(late));
        for other in [
            batch(vec![]),
            Batch { id: "C".into(), ..one.clone() },
            Batch { undoes: Some("A".into()), ..one.clone() },
            batch(one.corrections.iter().map(Correction::undone).collect()),
        ] {
            let seen = other.digest().to_string();
            let otherwise = DecisionFault::SeenOtherwise(one.digest());
            assert_eq!(decided("b", Event::Approve, &seen, Standing::Proposed), Err(otherwise), "{}", other.text());
        }
    }

    #[test]
    fn words_are_read_as_they_are_written() {
        for standing in Standing::ALL {
            assert_eq!(Standing::from_word(standing.word()), Some(standing));
        }
    }

    proptest! {
        #[test]
        fn nothing_is_in_force_but_what_was_approved_and_what_has_ended_stays(
            events in prop::collection::vec(prop::sample::select(Event::ALL.to_vec()), 0..12),
        ) {
            let (mut standing, mut happened) = (Standing::Proposed, Vec::new());
            for event in events {
                let Some(becomes) = after(standing, event) else { continue };
                prop_assert!(standing.is_pending());
                standing = becomes;
                happened.push(event);
            }
            let taken = happened == [Event::Approve, Event::Take];
            prop_assert_eq!(standing == Standing::InForce, taken);
        }

        #[test]
        fn a_correction_and_what_undoes_it_come_to_nothing(
            booked in prop::array::uniform5(0..600_000_i64), funds in prop::array::uniform5(0..600_000_i64),
            rest in prop::array::uniform3(0..600_000_i64),
        ) {
            let told = payers(booked, rest);
            let worked_out = paid_by(shares(funds), &told);
            let found = Found { settlement: settlement(), told, worked_out };
            let mut counts = Counts { booked: told.funds, ..Counts::default() };
            let correction = found.correction(&counts).expect("nothing is deducted");
            prop_assert_eq!(correction.moves().total(), correction.patient_gets());
            counts.corrected += correction.moves();
            let undone = correction.undone();
            prop_assert_eq!(undone.check(&counts), Ok(()));
            counts.corrected += undone.moves();
            prop_assert_eq!(counts.corrected, FundShares::default());
        }
    }
}
