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
    /// Where to: a district, city, municipality or whole province.
    pub destination: RegionCode,
    /// From when to when. A late filing counts from admission, so `from` may lie before the day it was lodged
    /// (policy.md A.3).
    pub validity: Validity,
}

impl Filing {
    /// Whether it covers care in an area that began on a day. What matters is the day of admission: a stay may end
    /// after the filing has.
    pub fn covers(&self, regions: &RegionTable, area: RegionCode, admitted: Date) -> bool {
        self.validity.covers(admitted) && regions.covers(self.destination, area)
    }
}

/// The filing that covers a visit: of several the most favourable class, then the latest to begin.
pub fn covering<'a>(
    filings: impl IntoIterator<Item = &'a Filing>,
    regions: &RegionTable,
    area: RegionCode,
    admitted: Date,
) -> Option<&'a Filing> {
    filings
        .into_iter()
        .filter(|filing| filing.covers(regions, area, admitted))
        .min_by_key(|filing| (filing.class, std::cmp::Reverse(filing.validity.from)))
}
