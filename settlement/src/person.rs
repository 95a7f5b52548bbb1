//! Who the patient is to the home region: class, entitlement, identities, qualifications, account. All of it is
//! dated. Names and documents are not here: no rule needs them.

use jiff::civil::Date;

use crate::account::SharedAccount;
use crate::ids::{DiseaseCode, PersonNumber, PoolCode};

/// The two systems of basic insurance. Their money never mixes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Insurance {
    /// 职工基本医疗保险 (`310`).
    Employee,
    /// 城乡居民基本医疗保险 (`390`).
    Resident,
}

impl Insurance {
    /// Both.
    pub const ALL: [Insurance; 2] = [Insurance::Employee, Insurance::Resident];

    /// The word in rule books, messages and books.
    pub fn word(self) -> &'static str {
        match self {
            Insurance::Employee => "employee",
            Insurance::Resident => "resident",
        }
    }

    /// The insurance that a word names.
    pub fn from_word(word: &str) -> Option<Insurance> {
        Insurance::ALL.into_iter().find(|insurance| insurance.word() == word)
    }

    /// The classes of person who are in it.
    pub fn classes(self) -> &'static [PersonClass] {
        match self {
            Insurance::Employee => &[PersonClass::Working, PersonClass::Retired],
            Insurance::Resident => &[PersonClass::Adult, PersonClass::Student, PersonClass::Child],
        }
    }

    /// What a desk calls it.
    pub fn name(self) -> &'static str {
        match self {
            Insurance::Employee => "职工",
            Insurance::Resident => "居民",
        }
    }

    /// The national code (`insutype`).
    pub fn code(self) -> &'static str {
        match self {
            Insurance::Employee => "310",
            Insurance::Resident => "390",
        }
    }

    /// The insurance that a national code stands for.
    pub fn of_code(insutype: &str) -> Option<Insurance> {
        Insurance::ALL.into_iter().find(|insurance| insurance.code() == insutype)
    }
}

/// The class of a person, as rule books tell people apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PersonClass {
    /// 在职.
    Working,
    /// 退休.
    Retired,
    /// 成年居民.
    Adult,
    /// 学生.
    Student,
    /// 未成年, not at school or before school.
    Child,
}

impl PersonClass {
    /// Every class.
    pub const ALL: [PersonClass; 5] =
        [PersonClass::Working, PersonClass::Retired, PersonClass::Adult, PersonClass::Student, PersonClass::Child];

    /// The word in rule books, messages and books.
    pub fn word(self) -> &'static str {
        match self {
            PersonClass::Working => "working",
            PersonClass::Retired => "retired",
            PersonClass::Adult => "adult",
            PersonClass::Student => "student",
            PersonClass::Child => "child",
        }
    }

    /// The class that a word names.
    pub fn from_word(word: &str) -> Option<PersonClass> {
        PersonClass::ALL.into_iter().find(|class| class.word() == word)
    }

    /// What a desk calls it.
    pub fn name(self) -> &'static str {
        match self {
            PersonClass::Working => "在职",
            PersonClass::Retired => "退休",
            PersonClass::Adult => "成年居民",
            PersonClass::Student => "学生",
            PersonClass::Child => "未成年人",
        }
    }

    /// The class that a national person category (`psn_type`) belongs to; its first two digits suffice, except that
    /// pupils and students are told from other minors (his-interface.md section 4).
    pub fn of_code(psn_type: &str) -> Option<PersonClass> {
        match psn_type.get(..2)? {
            "11" => Some(PersonClass::Working),
            "12" | "13" => Some(PersonClass::Retired),
            "14" if matches!(psn_type, "1403" | "1404") => Some(PersonClass::Student),
            "14" => Some(PersonClass::Child),
            "15" | "16" | "17" => Some(PersonClass::Adult),
            _ => None,
        }
    }
}

/// A special identity for medical assistance 医疗救助身份.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AssistanceClass {
    /// 特困人员, orphans.
    Destitute,
    /// 低保对象.
    LowIncome,
    /// 低保边缘家庭.
    LowIncomeMargin,
    /// 返贫致贫人口.
    ReturnedPoor,
    /// 易返贫致贫人口, people watched lest they become poor again.
    AtRisk,
    /// 因病致贫重病患者.
    HighCost,
    /// 优抚对象.
    Veteran,
}

impl AssistanceClass {
    /// Every class. Where two give a person the same, the one that comes first here is named.
    pub const ALL: [AssistanceClass; 7] = [
        AssistanceClass::Destitute,
        AssistanceClass::LowIncome,
        AssistanceClass::LowIncomeMargin,
        AssistanceClass::ReturnedPoor,
        AssistanceClass::AtRisk,
        AssistanceClass::HighCost,
        AssistanceClass::Veteran,
    ];

    /// The word in rule books, messages and books.
    pub fn word(self) -> &'static str {
        match self {
            AssistanceClass::Destitute => "destitute",
            AssistanceClass::LowIncome => "low-income",
            AssistanceClass::LowIncomeMargin => "low-income-margin",
            AssistanceClass::ReturnedPoor => "returned-poor",
            AssistanceClass::AtRisk => "at-risk",
            AssistanceClass::HighCost => "high-cost",
            AssistanceClass::Veteran => "veteran",
        }
    }

    /// The class that a word names.
    pub fn from_word(word: &str) -> Option<AssistanceClass> {
        AssistanceClass::ALL.into_iter().find(|class| class.word() == word)
    }

    /// What a desk calls it.
    pub fn name(self) -> &'static str {
        match self {
            AssistanceClass::Destitute => "特困人员",
            AssistanceClass::LowIncome => "低保对象",
            AssistanceClass::LowIncomeMargin => "低保边缘家庭成员",
            AssistanceClass::ReturnedPoor => "返贫致贫人口",
            AssistanceClass::AtRisk => "易返贫致贫人口",
            AssistanceClass::HighCost => "因病致贫重病患者",
            AssistanceClass::Veteran => "优抚对象",
        }
    }
}

/// From one day to another, both included; without an end where none is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// First day.
    pub from: Date,
    /// Last day.
    pub to: Option<Date>,
}

impl Validity {
    /// Whether a day lies within.
    pub fn covers(&self, day: Date) -> bool {
        self.from <= day && self.to.is_none_or(|to| day <= to)
    }

    /// Whether some day lies within both.
    pub fn meets(&self, other: &Validity) -> bool {
        self.to.is_none_or(|to| other.from <= to) && other.to.is_none_or(|to| self.from <= to)
    }
}

/// One stretch of insurance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entitlement {
    /// Which insurance.
    pub insurance: Insurance,
    /// The person's class in it.
    pub class: PersonClass,
    /// When benefits are due.
    pub validity: Validity,
    /// Since when the person has been insured without a break; some caps and ratios grow with it.
    pub continuous_since: Date,
    /// Benefit years without a claim, one after another up to now, that raise caps in some regions.
    pub claim_free_years: i64,
    /// The contribution tier 缴费档次 (`high`, `low`, `first`, `second`), in regions that have tiers.
    pub tier: Option<String>,
    /// 公务员医疗补助 applies.
    pub civil_servant: bool,
    /// 暂停: the insurance is paid for but benefits are held back on these days.
    pub suspended: Option<Validity>,
    /// How the person came into it; decides waiting periods.
    pub joining: Joining,
    /// The day of retirement, where the person has retired.
    pub retired_on: Option<Date>,
}

impl Entitlement {
    /// Whether benefits are due on a day, as far as insurance and suspension go.
    pub fn runs_on(&self, day: Date) -> bool {
        self.validity.covers(day) && !self.suspended.is_some_and(|suspended| suspended.covers(day))
    }
}

/// How a stretch of insurance began (policy.md A.12). Nothing of it is known of most stretches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Joining {
    /// The day on which the contribution was paid; none where it was paid in time or is long past. After a lapse it is
    /// needed: without it nobody knows whether a waiting period is over.
    pub paid_on: Option<Date>,
    /// Full months without insurance before it.
    pub lapsed_months: i64,
    /// Years without insurance before it.
    pub lapsed_years: i64,
    /// Those of them that were paid for afterwards.
    pub repaired_years: i64,
    /// Why a region may let the person wait less or not at all (`newborn`, `employee-lapse`); a word that its rule
    /// book names.
    pub joined_as: Option<String>,
}

/// A special identity while it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DatedIdentity {
    /// Which.
    pub class: AssistanceClass,
    /// When.
    pub validity: Validity,
}

/// 门诊慢特病资格: the person may be treated for this disease as an outpatient at the fund's cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Qualification {
    /// The disease.
    pub disease: DiseaseCode,
    /// When.
    pub validity: Validity,
}

/// An enrollee as rules see one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// `psn_no`.
    pub number: PersonNumber,
    /// The pool that insures the person.
    pub home: PoolCode,
    /// Date of birth.
    pub birth: Date,
    /// Day of death.
    pub died: Option<Date>,
    /// Stretches of insurance.
    pub entitlements: Vec<Entitlement>,
    /// Special identities.
    pub identities: Vec<DatedIdentity>,
    /// Chronic qualifications.
    pub qualifications: Vec<Qualification>,
    /// Relatives' accounts that may pay for the person, in the order in which they are used.
    pub family: Vec<SharedAccount>,
}

impl Person {
    /// Age in full years on a day. A person born on 29 February grows older on 1 March in other years.
    pub fn age_on(&self, day: Date) -> i16 {
        let had_birthday = (day.month(), day.day()) >= (self.birth.month(), self.birth.day());
        day.year() - self.birth.year() - i16::from(!had_birthday)
    }

    /// The entitlement to an insurance on a day.
    pub fn entitlement(&self, insurance: Insurance, day: Date) -> Option<&Entitlement> {
        self.entitlements.iter().find(|row| row.insurance == insurance && row.validity.covers(day))
    }

    /// The special identities in force on a day, each once, in the order of [`AssistanceClass::ALL`].
    pub fn identities_on(&self, day: Date) -> impl Iterator<Item = AssistanceClass> {
        let holds = move |class: &AssistanceClass| {
            self.identities.iter().any(|held| held.class == *class && held.validity.covers(day))
        };
        AssistanceClass::ALL.into_iter().filter(holds)
    }

    /// The qualification for a disease on a day.
    pub fn qualification(&self, disease: &DiseaseCode, day: Date) -> Option<&Qualification> {
        self.qualifications.iter().find(|row| row.disease.same_disease(disease) && row.validity.covers(day))
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::ids::RegionCode;

    #[test]
    fn age_counts_full_years() {
        let person = |birth| Person {
            number: PersonNumber::new("1").expect("a number"),
            home: PoolCode(RegionCode::new("410700").expect("a code")),
            birth,
            died: None,
            entitlements: Vec::new(),
            identities: Vec::new(),
            qualifications: Vec::new(),
            family: Vec::new(),
        };
        for (birth, day, age) in [
            (date(2011, 6, 2), date(2025, 6, 1), 13),
            (date(2011, 6, 2), date(2025, 6, 2), 14),
            (date(2012, 2, 29), date(2025, 2, 28), 12),
            (date(2012, 2, 29), date(2025, 3, 1), 13),
        ] {
            assert_eq!(person(birth).age_on(day), age, "{birth} on {day}");
        }
    }

    #[test]
    fn a_person_category_decides_the_class() {
        for (psn_type, class) in [
            ("11", Some(PersonClass::Working)),
            ("1204", Some(PersonClass::Retired)),
            ("1403", Some(PersonClass::Student)),
            ("1402", Some(PersonClass::Child)),
            ("1501", Some(PersonClass::Adult)),
            ("99", None),
        ] {
            assert_eq!(PersonClass::of_code(psn_type), class, "{psn_type}");
        }
    }
}
