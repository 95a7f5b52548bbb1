//! 年度累计: what a person has used of a benefit year. It is a fold over the postings in force, never a counter
//! that is kept beside them, so undoing a settlement restores it exactly.

use std::ops::{Add, AddAssign, Neg};

use jiff::civil::Date;

use crate::encounter::CareKind;
use crate::ids::DiseaseCode;
use crate::money::Money;
use crate::month::Month;
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
    /// In which month monthly caps count it: the month of the day that decides.
    pub month: Month,
    /// The sums.
    pub sums: UsageSums,
}

impl Usage {
    /// What usages are folded by: only what agrees in all of it is added up.
    pub fn kind(&self) -> (BenefitYear, Insurance, CareKind, Option<&DiseaseCode>, Month) {
        (self.year, self.insurance, self.care, self.disease.as_ref(), self.month)
    }

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
    /// Deductible counted, also where a fund bears some of it in the end.
    pub deductible: Money,
    /// 待遇计算基数: the in-policy amount less what is taken off it before the fund looks at it.
    pub in_policy: Money,
    /// Paid by the basic fund.
    pub basic: Money,
    /// The cost above the cap that the large-sum layer was asked to bear.
    pub above_cap: Money,
    /// Paid by the large-sum layer.
    pub large_sum: Money,
    /// What counts toward the catastrophic deductible: the person's in-policy share before that layer.
    pub catastrophic_base: Money,
    /// Paid by the catastrophic layer.
    pub catastrophic: Money,
    /// What the civil-servant supplement looked at.
    pub civil_servant_base: Money,
    /// Paid by the civil-servant supplement.
    pub civil_servant: Money,
    /// What counts toward the start of medical assistance: what the person bore before it, of what it looks at.
    pub assistance_base: Money,
    /// Paid by medical assistance, tilted assistance included.
    pub assistance: Money,
    /// What counts toward the start of tilted assistance: what the person still bore after assistance.
    pub tilt_base: Money,
    /// Paid by tilted assistance alone.
    pub tilt: Money,
}

impl Add for UsageSums {
    type Output = UsageSums;
    fn add(self, other: UsageSums) -> UsageSums {
        UsageSums {
            stays: self.stays + other.stays,
            deductible: self.deductible + other.deductible,
            in_policy: self.in_policy + other.in_policy,
            basic: self.basic + other.basic,
            above_cap: self.above_cap + other.above_cap,
            large_sum: self.large_sum + other.large_sum,
            catastrophic_base: self.catastrophic_base + other.catastrophic_base,
            catastrophic: self.catastrophic + other.catastrophic,
            civil_servant_base: self.civil_servant_base + other.civil_servant_base,
            civil_servant: self.civil_servant + other.civil_servant,
            assistance_base: self.assistance_base + other.assistance_base,
            assistance: self.assistance + other.assistance,
            tilt_base: self.tilt_base + other.tilt_base,
            tilt: self.tilt + other.tilt,
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
            above_cap: -self.above_cap,
            large_sum: -self.large_sum,
            catastrophic_base: -self.catastrophic_base,
            catastrophic: -self.catastrophic,
            civil_servant_base: -self.civil_servant_base,
            civil_servant: -self.civil_servant,
            assistance_base: -self.assistance_base,
            assistance: -self.assistance,
            tilt_base: -self.tilt_base,
            tilt: -self.tilt,
        }
    }
}

/// What a person has used of one benefit year of one insurance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct YearToDate {
    usages: Vec<Usage>,
}

impl YearToDate {
    /// Folds the usages in force that belong to a benefit year of an insurance.
    pub fn fold<'a>(
        usages: impl IntoIterator<Item = &'a Usage>,
        insurance: Insurance,
        year: BenefitYear,
    ) -> YearToDate {
        YearToDate::fold_all(usages.into_iter().filter(|usage| usage.insurance == insurance), year)
    }

    /// Folds the usages in force of any insurance that belong to a benefit year.
    pub fn fold_all<'a>(usages: impl IntoIterator<Item = &'a Usage>, year: BenefitYear) -> YearToDate {
        let mut folded = YearToDate::default();
        for usage in usages.into_iter().filter(|usage| usage.year == year) {
            folded.add(usage);
        }
        folded
    }

    fn add(&mut self, usage: &Usage) {
        match self.usages.iter_mut().find(|held| held.kind() == usage.kind()) {
            Some(held) => held.sums += usage.sums,
            None => self.usages.push(usage.clone()),
        }
    }

    /// What was used that some usages stand for.
    pub fn sum(&self, counts: impl Fn(&Usage) -> bool) -> UsageSums {
        self.usages.iter().filter(|usage| counts(usage)).map(|usage| usage.sums).fold(UsageSums::default(), Add::add)
    }

    /// What was used for some kinds of care.
    pub fn of(&self, care: &[CareKind]) -> UsageSums {
        self.sum(|usage| care.contains(&usage.care))
    }

    /// What was used for all care.
    pub fn total(&self) -> UsageSums {
        self.sum(|_| true)
    }

    /// What was used for one chronic disease.
    pub fn of_disease(&self, disease: &DiseaseCode) -> UsageSums {
        self.sum(|usage| usage.disease.as_ref().is_some_and(|used_for| used_for.same_disease(disease)))
    }

    /// The months in which anything was used, each once, the earliest first.
    pub fn months(&self) -> Vec<Month> {
        let mut months: Vec<Month> = self.usages.iter().map(|usage| usage.month).collect();
        months.sort_unstable();
        months.dedup();
        months
    }
}
