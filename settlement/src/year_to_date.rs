//! 年度累计: what a person has used of a benefit year. It is a fold over the postings in force, never a counter
//! that is kept beside them, so undoing a settlement restores it exactly.

use std::ops::{Add, AddAssign, Neg};

use jiff::civil::Date;

use crate::encounter::CareKind;
use crate::ids::DiseaseCode;
use crate::money::Money;
use crate::person::Insurance;

/// A benefit year, named by the calendar year in which it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BenefitYear(pub i16);

impl BenefitYear {
    /// The benefit year that a day belongs to, where each begins on a month and day.
    pub fn of(day: Date, begins: (i8, i8)) -> BenefitYear {
        BenefitYear(day.year() - i16::from((day.month(), day.day()) < begins))
    }
}

/// What one settlement, opening balance, local settlement or manual claim uses up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Usage {
    /// In which benefit year.
    pub year: BenefitYear,
    /// Of which insurance.
    pub insurance: Insurance,
    /// For which kind of care.
    pub care: CareKind,
    /// For which chronic disease.
    pub disease: Option<DiseaseCode>,
    /// The sums.
    pub sums: UsageSums,
}

impl Usage {
    /// What takes this usage back.
    pub fn counter(&self) -> Usage {
        Usage { sums: -self.sums, ..self.clone() }
    }
}

/// A usage, and the day under which it is counted: the day of the settlement, for what takes it back too, so that
/// undoing leaves the totals of every month as they were.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsagePosting {
    /// What.
    pub usage: Usage,
    /// When.
    pub day: Date,
}

impl UsagePosting {
    /// What takes it back.
    pub fn counter(&self) -> UsagePosting {
        UsagePosting { usage: self.usage.counter(), day: self.day }
    }
}

/// The sums of a usage, or of many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct UsageSums {
    /// Stays; they count for the nth-stay deductible. A stay's later mid-way settlements add none.
    pub stays: i64,
    /// Deductible borne.
    pub deductible: Money,
    /// In-policy amount.
    pub in_policy: Money,
    /// Paid by the basic fund.
    pub basic: Money,
    /// Paid by the large-sum layer.
    pub large_sum: Money,
    /// What counts toward the catastrophic deductible: the person's in-policy share before that layer.
    pub catastrophic_base: Money,
    /// Paid by the catastrophic layer.
    pub catastrophic: Money,
    /// Paid by the civil-servant supplement.
    pub civil_servant: Money,
    /// Paid by medical assistance.
    pub assistance: Money,
}

impl Add for UsageSums {
    type Output = UsageSums;
    fn add(self, other: UsageSums) -> UsageSums {
        UsageSums {
            stays: self.stays + other.stays,
            deductible: self.deductible + other.deductible,
            in_policy: self.in_policy + other.in_policy,
            basic: self.basic + other.basic,
            large_sum: self.large_sum + other.large_sum,
            catastrophic_base: self.catastrophic_base + other.catastrophic_base,
            catastrophic: self.catastrophic + other.catastrophic,
            civil_servant: self.civil_servant + other.civil_servant,
            assistance: self.assistance + other.assistance,
        }
    }
}

impl AddAssign for UsageSums {
    fn add_assign(&mut self, other: UsageSums) {
        *self = *self + other;
    }
}

impl Neg for UsageSums {
    type Output = UsageSums;
    fn neg(self) -> UsageSums {
        UsageSums {
            stays: -self.stays,
            deductible: -self.deductible,
            in_policy: -self.in_policy,
            basic: -self.basic,
            large_sum: -self.large_sum,
            catastrophic_base: -self.catastrophic_base,
            catastrophic: -self.catastrophic,
            civil_servant: -self.civil_servant,
            assistance: -self.assistance,
        }
    }
}

/// What a person has used of one benefit year of one insurance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct YearToDate {
    usages: Vec<(CareKind, Option<DiseaseCode>, UsageSums)>,
}

impl YearToDate {
    /// Folds the usages in force that belong to a benefit year of an insurance.
    pub fn fold<'a>(
        usages: impl IntoIterator<Item = &'a Usage>,
        insurance: Insurance,
        year: BenefitYear,
    ) -> YearToDate {
        let mut folded = YearToDate::default();
        for usage in usages.into_iter().filter(|usage| usage.insurance == insurance && usage.year == year) {
            folded.add(usage);
        }
        folded
    }

    fn add(&mut self, usage: &Usage) {
        let same = |(care, disease, _): &&mut (CareKind, Option<DiseaseCode>, UsageSums)| {
            *care == usage.care && *disease == usage.disease
        };
        match self.usages.iter_mut().find(same) {
            Some((_, _, sums)) => *sums += usage.sums,
            None => self.usages.push((usage.care, usage.disease.clone(), usage.sums)),
        }
    }

    /// What was used for some kinds of care.
    pub fn of(&self, care: &[CareKind]) -> UsageSums {
        self.usages
            .iter()
            .filter(|(kind, _, _)| care.contains(kind))
            .map(|(_, _, sums)| *sums)
            .fold(UsageSums::default(), Add::add)
    }

    /// What was used for all care.
    pub fn total(&self) -> UsageSums {
        self.of(&CareKind::ALL)
    }

    /// What was used for one chronic disease.
    pub fn of_disease(&self, disease: &DiseaseCode) -> UsageSums {
        self.usages
            .iter()
            .filter(|(_, used_for, _)| used_for.as_ref().is_some_and(|used_for| used_for.same_disease(disease)))
            .map(|(_, _, sums)| *sums)
            .fold(UsageSums::default(), Add::add)
    }
}
