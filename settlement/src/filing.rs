//! 备案: the registration that a person is, or will be, cared for elsewhere, and which of several covers a visit.

use jiff::civil::Date;

use crate::ids::{FilingId, PersonNumber, PoolCode, RegionCode};
use crate::person::Validity;
use crate::region::RegionTable;

/// Why a person is cared for elsewhere (policy.md A.2). Benefits differ by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FilingClass {
    /// 异地安置退休、异地长期居住、常驻异地工作: long-term.
    LongTerm,
    /// 异地转诊.
    Referral,
    /// 急诊抢救: deemed filed by the hospital's mark.
    Emergency,
    /// 其他临时外出就医.
    OtherTemporary,
}

impl FilingClass {
    /// Every class, in the order in which several covering filings are preferred.
    pub const ALL: [FilingClass; 4] =
        [FilingClass::LongTerm, FilingClass::Referral, FilingClass::Emergency, FilingClass::OtherTemporary];

    /// The word in rule books, messages and books.
    pub fn word(self) -> &'static str {
        match self {
            FilingClass::LongTerm => "long-term",
            FilingClass::Referral => "referral",
            FilingClass::Emergency => "emergency",
            FilingClass::OtherTemporary => "other-temporary",
        }
    }

    /// The class that a word names.
    pub fn from_word(word: &str) -> Option<FilingClass> {
        FilingClass::ALL.into_iter().find(|class| class.word() == word)
    }

    /// What a desk calls it where nothing was filed.
    pub fn reason(self) -> &'static str {
        match self {
            FilingClass::LongTerm => "长期居住",
            FilingClass::Referral => "转诊",
            FilingClass::Emergency => "急诊抢救",
            FilingClass::OtherTemporary => "其他临时外出",
        }
    }

    /// What a desk calls it.
    pub fn name(self) -> &'static str {
        match self {
            FilingClass::LongTerm => "长期居住备案",
            FilingClass::Referral => "转诊备案",
            FilingClass::Emergency => "急诊抢救视同备案",
            FilingClass::OtherTemporary => "其他临时外出备案",
        }
    }
}

/// What a filing was lodged with (policy.md A.2): the proof that its class asks for, or a written commitment in its place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Proof {
    /// 已提交证明材料: handed in, at once or later. A filing of which nobody says otherwise is taken to be so: who lets it
    /// be lodged has looked.
    #[default]
    HandedIn,
    /// 承诺书: a commitment alone, not made good yet. Long-term filings only.
    Commitment,
}

impl Proof {
    /// Each, in the order in which filings of one class are preferred.
    pub const ALL: [Proof; 2] = [Proof::HandedIn, Proof::Commitment];

    /// The word in rule books, messages and books.
    pub fn word(self) -> &'static str {
        match self {
            Proof::HandedIn => "handed-in",
            Proof::Commitment => "commitment",
        }
    }

    /// What a word names.
    pub fn from_word(word: &str) -> Option<Proof> {
        Proof::ALL.into_iter().find(|proof| proof.word() == word)
    }

    /// Whether a filing of a class may be lodged with it.
    pub fn is_for(self, class: FilingClass) -> bool {
        match self {
            Proof::HandedIn => true,
            Proof::Commitment => class == FilingClass::LongTerm,
        }
    }
}

/// A filing in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filing {
    /// Its number at the hub.
    pub id: FilingId,
    /// Whom it is for.
    pub person: PersonNumber,
    /// The person's pool.
    pub home: PoolCode,
    /// Why.
    pub class: FilingClass,
    /// What it stands on now. The proof may be handed in later: visits after that see it, and what was settled before stays.
    pub proof: Proof,
    /// Where to: a district, city, municipality or whole province.
    pub destination: RegionCode,
    /// From when to when. A late filing counts from admission, so `from` may lie before the day it was lodged
    /// (policy.md A.3).
    pub validity: Validity,
}

impl Filing {
    /// Whether it covers care in an area that began on a day. What matters is the day of admission: a stay may end
    /// after the filing has. A long-term one says something of care in the person's own pool, too: the home region may
    /// treat people who live elsewhere otherwise (policy.md A.4, 双向享受).
    pub fn covers(&self, regions: &RegionTable, area: RegionCode, admitted: Date) -> bool {
        let back_home = self.class == FilingClass::LongTerm && regions.pool_of(area) == Some(self.home);
        self.validity.covers(admitted) && (back_home || regions.covers(self.destination, area))
    }

    /// Whether another filing would change this one: it sends the person elsewhere for the same reason, on days that
    /// both cover.
    pub fn is_changed_by(&self, other: &Filing) -> bool {
        self.id != other.id
            && (self.home, &self.person, self.class) == (other.home, &other.person, other.class)
            && self.destination != other.destination
            && self.validity.meets(&other.validity)
    }
}

/// The filings that cover a visit: the most favourable class first, of each those with their proof, then the latest to
/// begin. Which of them have not ended, and for what class it takes each, is for the home region's rules to say.
pub fn covering<'a>(
    filings: impl IntoIterator<Item = &'a Filing>,
    regions: &RegionTable,
    area: RegionCode,
    admitted: Date,
) -> Vec<&'a Filing> {
    let mut covering: Vec<&Filing> =
        filings.into_iter().filter(|filing| filing.covers(regions, area, admitted)).collect();
    covering.sort_by_key(|filing| (filing.class, filing.proof, std::cmp::Reverse(filing.validity.from)));
    covering
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn a_long_term_filing_says_something_of_care_at_home_and_no_other_does() {
        let table = "code,name,level,pool,member\n310000,上海市,pool,310000,310000\n410000,河南省,province,,410000\n\
            410700,新乡市,pool,410700,410000\n410711,牧野区,county,410700,410000\n410800,焦作市,pool,410800,410000\n";
        let regions = RegionTable::from_csv(table).expect("a good table");
        let code = |text: &str| RegionCode::new(text).expect("six digits");
        let filing = |class| Filing {
            id: FilingId::new("BA-1").expect("an id"),
            person: PersonNumber::new("1").expect("a number"),
            home: PoolCode(code("410700")),
            class,
            proof: Proof::HandedIn,
            destination: code("310000"),
            validity: Validity { from: date(2025, 1, 1), to: Some(date(2025, 12, 31)) },
        };
        for (class, area, day, covered) in [
            (FilingClass::LongTerm, "410711", date(2025, 6, 1), true),
            (FilingClass::LongTerm, "410700", date(2025, 6, 1), true),
            (FilingClass::LongTerm, "410711", date(2026, 1, 1), false),
            (FilingClass::LongTerm, "410800", date(2025, 6, 1), false),
            (FilingClass::OtherTemporary, "410711", date(2025, 6, 1), false),
            (FilingClass::OtherTemporary, "310000", date(2025, 6, 1), true),
        ] {
            assert_eq!(filing(class).covers(&regions, code(area), day), covered, "{class:?} in {area} on {day}");
        }
    }
}
