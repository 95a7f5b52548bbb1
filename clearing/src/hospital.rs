//! 医院对账: what a hospital says of its settlements beside what this side's book says of them, as sums of a group (3201)
//! and row by row (3202). Fetching and answering is for `adapters/his`; which days were compared is in [`coverage`],
//! and what of it the hub is told in [`told`].

pub mod coverage;
#[cfg(test)]
mod tests;
pub mod told;

use std::collections::{BTreeMap, VecDeque};
use std::ops::AddAssign;

use settlement::ids::{EncounterId, PersonNumber, SettlementId};
use settlement::money::Money;

/// Whether a row counts for a settlement or for its cancellation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// 正向: a settlement.
    Forward,
    /// 反向: its counter-entry, with negative amounts.
    Backward,
}

/// The three amounts that both sides list of a settlement. Those of a counter-entry are negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amounts {
    /// `medfee_sumamt`.
    pub total: Money,
    /// `fund_pay_sumamt`.
    pub funds: Money,
    /// `acct_pay`.
    pub account: Money,
}

/// The sums of a group of settlements.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// `fixmedins_setl_cnt`: rows, those of counter-entries among them.
    pub count: i64,
    /// The amounts together.
    pub amounts: Amounts,
}

/// A figure or field that both sides state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stated {
    /// `fixmedins_setl_cnt`.
    Count,
    /// `medfee_sumamt`.
    Total,
    /// `fund_pay_sumamt`.
    Funds,
    /// `acct_pay`.
    Account,
    /// `mdtrt_id`.
    Encounter,
    /// `psn_no`.
    Person,
}

/// A row as the hospital lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HospitalRow {
    /// `setl_id`; of a counter-entry its own, or that of the settlement that it takes back: hospitals keep either.
    pub settlement: SettlementId,
    /// `mdtrt_id`, where it is given.
    pub encounter: Option<EncounterId>,
    /// `psn_no`, where it is given.
    pub person: Option<PersonNumber>,
    /// Which of the two rows it is.
    pub direction: Direction,
    /// Its amounts.
    pub amounts: Amounts,
}

/// A row of this side's book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CentreRow {
    /// `setl_id` as it was answered.
    pub settlement: SettlementId,
    /// The settlement that it takes back, where it is a counter-entry.
    pub cancels: Option<SettlementId>,
    /// `mdtrt_id`.
    pub encounter: EncounterId,
    /// `psn_no`.
    pub person: PersonNumber,
    /// Its amounts.
    pub amounts: Amounts,
}

impl CentreRow {
    /// Which of the two rows it is.
    pub fn direction(&self) -> Direction {
        if self.cancels.is_some() { Direction::Backward } else { Direction::Forward }
    }
}

/// How a row differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// 中心多: the hospital lacks it.
    CentreMore,
    /// 医院多: this side has no such row in what was compared.
    HospitalMore,
    /// 数据不一致: both have it, and say something else of it.
    DataDiffer,
}

impl Kind {
    /// The word in books.
    pub fn word(self) -> &'static str {
        match self {
            Kind::CentreMore => "centre-more",
            Kind::HospitalMore => "hospital-more",
            Kind::DataDiffer => "data-differ",
        }
    }

    /// The kind that a word names.
    pub fn from_word(word: &str) -> Option<Kind> {
        [Kind::CentreMore, Kind::HospitalMore, Kind::DataDiffer].into_iter().find(|kind| kind.word() == word)
    }
}

/// What is proposed to be done about a row that differs. The hospital carries it out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Proposal {
    /// 补查 5203: the hospital asks for what stands, and takes it into its own book.
    Query,
    /// 冲正 2601: the hospital lost the answer and charged otherwise, so that the settlement has to go.
    Reverse,
    /// 人工核查: a person has to find out why.
    Investigate,
}

impl Proposal {
    /// The word for programs.
    pub fn word(self) -> &'static str {
        match self {
            Proposal::Query => "query-5203",
            Proposal::Reverse => "reverse-2601",
            Proposal::Investigate => "investigate",
        }
    }
}

/// What is proposed about a row that differs.
pub fn proposal(kind: Kind, direction: Direction) -> Proposal {
    match (kind, direction) {
        (Kind::CentreMore, Direction::Forward) => Proposal::Reverse,
        // A cancellation that the hospital asked for and did not hear of stands: it has to take it in.
        (Kind::CentreMore, Direction::Backward) | (Kind::HospitalMore, _) => Proposal::Query,
        (Kind::DataDiffer, _) => Proposal::Investigate,
    }
}

/// A row that is not the same on both sides; rows are named by their places in the lists that were compared.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Difference {
    /// Both have it, and these fields differ.
    DataDiffer {
        /// The hospital's row.
        hospital: usize,
        /// Ours.
        centre: usize,
        /// What differs.
        stated: Vec<Stated>,
    },
    /// The hospital has it alone.
    HospitalMore {
        /// The hospital's row.
        hospital: usize,
        /// Whether an earlier row of the hospital's list was for the same.
        again: bool,
    },
    /// We have it alone.
    CentreMore {
        /// Our row.
        centre: usize,
    },
}

impl Difference {
    /// How the row differs.
    pub fn kind(&self) -> Kind {
        match self {
            Difference::DataDiffer { .. } => Kind::DataDiffer,
            Difference::HospitalMore { .. } => Kind::HospitalMore,
            Difference::CentreMore { .. } => Kind::CentreMore,
        }
    }
}

/// The figures that differ, in the order of the interface.
pub fn figures_apart(ours: &Figures, theirs: &Figures) -> Vec<Stated> {
    let mut apart = amounts_apart(&ours.amounts, &theirs.amounts);
    if ours.count != theirs.count {
        apart.push(Stated::Count);
    }
    apart
}

/// Compares two lists of rows: first what the hospital lists, in its order, then what it lacks, in ours. What is the
/// same on both sides is not told.
///
/// ```
/// use clearing::hospital::{Amounts, CentreRow, Difference, match_rows};
/// use settlement::ids::{EncounterId, PersonNumber, SettlementId};
/// use settlement::money::Money;
/// let ours = CentreRow {
///     settlement: SettlementId::new("7")?,
///     cancels: None,
///     encounter: EncounterId::new("1")?,
///     person: PersonNumber::new("2")?,
///     amounts: Amounts { total: Money::from_yuan(5), ..Amounts::default() },
/// };
/// assert_eq!(match_rows(&[], &[ours]), [Difference::CentreMore { centre: 0 }]);
/// # Ok::<(), settlement::ids::IdError>(())
/// ```
pub fn match_rows(hospital: &[HospitalRow], centre: &[CentreRow]) -> Vec<Difference> {
    let mut places = Places::of(centre);
    let mut taken = vec![false; centre.len()];
    let mut differences = Vec::new();
    for (index, row) in hospital.iter().enumerate() {
        let Found { place, again } = places.take(row, &mut taken);
        match place {
            None => differences.push(Difference::HospitalMore { hospital: index, again }),
            Some(place) => {
                let stated = row_apart(row, &centre[place]);
                if !stated.is_empty() {
                    differences.push(Difference::DataDiffer { hospital: index, centre: place, stated });
                }
            }
        }
    }
    let lacking = taken.iter().enumerate().filter(|(_, taken)| !**taken);
    differences.extend(lacking.map(|(centre, _)| Difference::CentreMore { centre }));
    differences
}

/// Where our rows are, by each id that a hospital may know them by.
struct Places<'a>(BTreeMap<(Direction, &'a str), VecDeque<usize>>);

struct Found {
    place: Option<usize>,
    /// Whether there was such a row, and an earlier one took it.
    again: bool,
}

impl<'a> Places<'a> {
    fn of(centre: &'a [CentreRow]) -> Places<'a> {
        let mut places: BTreeMap<_, VecDeque<usize>> = BTreeMap::new();
        for (place, row) in centre.iter().enumerate() {
            for id in [Some(&row.settlement), row.cancels.as_ref()].into_iter().flatten() {
                places.entry((row.direction(), id.as_str())).or_default().push_back(place);
            }
        }
        Places(places)
    }

    fn take(&mut self, row: &'a HospitalRow, taken: &mut [bool]) -> Found {
        let Some(places) = self.0.get_mut(&(row.direction, row.settlement.as_str())) else {
            return Found { place: None, again: false };
        };
        while let Some(place) = places.pop_front() {
            if !std::mem::replace(&mut taken[place], true) {
                return Found { place: Some(place), again: false };
            }
        }
        Found { place: None, again: true }
    }
}

fn row_apart(hospital: &HospitalRow, centre: &CentreRow) -> Vec<Stated> {
    let mut apart = amounts_apart(&centre.amounts, &hospital.amounts);
    if hospital.encounter.as_ref().is_some_and(|encounter| *encounter != centre.encounter) {
        apart.push(Stated::Encounter);
    }
    if hospital.person.as_ref().is_some_and(|person| *person != centre.person) {
        apart.push(Stated::Person);
    }
    apart
}

fn amounts_apart(one: &Amounts, other: &Amounts) -> Vec<Stated> {
    let pairs = [
        (Stated::Total, one.total, other.total),
        (Stated::Funds, one.funds, other.funds),
        (Stated::Account, one.account, other.account),
    ];
    pairs.into_iter().filter(|(_, one, other)| one != other).map(|(stated, _, _)| stated).collect()
}

impl AddAssign for Amounts {
    fn add_assign(&mut self, other: Amounts) {
        self.total += other.total;
        self.funds += other.funds;
        self.account += other.account;
    }
}
