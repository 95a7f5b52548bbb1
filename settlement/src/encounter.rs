//! One visit or stay, as far as a home region needs to know it. No name, no document: of what ails the patient only
//! the chronic disease that the visit is settled under, and the main diagnosis, on which some regions' rules depend.

use jiff::civil::Date;

use crate::ids::{
    BatchNumber, DiagnosisCode, DiseaseCode, EncounterId, InstitutionCode, MemberCode, PoolCode, RegionCode,
};

/// The kind of care, which decides the section of the rule book.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CareKind {
    /// 住院: a stay.
    Inpatient,
    /// 门诊慢特病: an outpatient visit for a chronic or special disease that the person is qualified for.
    Chronic,
    /// 普通门诊: any other outpatient visit.
    Outpatient,
    /// 个人账户购药: a purchase paid from the personal account and in cash only.
    Purchase,
}

impl CareKind {
    /// Every kind.
    pub const ALL: [CareKind; 4] = [CareKind::Inpatient, CareKind::Chronic, CareKind::Outpatient, CareKind::Purchase];

    /// The word in rule books, messages and books.
    pub fn word(self) -> &'static str {
        match self {
            CareKind::Inpatient => "inpatient",
            CareKind::Chronic => "chronic",
            CareKind::Outpatient => "outpatient",
            CareKind::Purchase => "purchase",
        }
    }

    /// The kind that a word names.
    pub fn from_word(word: &str) -> Option<CareKind> {
        CareKind::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// What a desk calls it.
    pub fn name(self) -> &'static str {
        match self {
            CareKind::Inpatient => "住院",
            CareKind::Chronic => "门诊慢特病",
            CareKind::Outpatient => "普通门诊",
            CareKind::Purchase => "个人账户购药",
        }
    }

    /// The kind that a medical category (`med_type`) is settled as, whatever regional digits follow: 2x, 52 and 54
    /// are stays, 14 is chronic, 41 a purchase, every other outpatient category ordinary
    /// (his-interface.md section 4).
    pub fn of_medical_category(med_type: &str) -> Option<CareKind> {
        match med_type.get(..2)? {
            "14" => Some(CareKind::Chronic),
            "41" => Some(CareKind::Purchase),
            "52" | "54" => Some(CareKind::Inpatient),
            "51" | "53" | "99" => Some(CareKind::Outpatient),
            digits if digits.starts_with('2') => Some(CareKind::Inpatient),
            digits if digits.starts_with('1') => Some(CareKind::Outpatient),
            _ => None,
        }
    }
}

/// The level of an institution, as rule books tell levels apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HospitalLevel {
    /// 乡镇卫生院、社区卫生服务中心 and pharmacies: primary care without a grade.
    Primary,
    /// 一级.
    First,
    /// 二级.
    Second,
    /// 三级.
    Third,
    /// 三级特等. A table of a rule book that nowhere names it means it by `third`.
    Top,
    /// 未定级: a hospital without a grade. A table of a rule book that nowhere names it means it by `primary`.
    Unrated,
}

impl HospitalLevel {
    /// Every level: the graded ones lowest first, then hospitals without a grade.
    pub const ALL: [HospitalLevel; 6] = [
        HospitalLevel::Primary,
        HospitalLevel::First,
        HospitalLevel::Second,
        HospitalLevel::Third,
        HospitalLevel::Top,
        HospitalLevel::Unrated,
    ];

    /// The word in rule books, messages and books.
    pub fn word(self) -> &'static str {
        match self {
            HospitalLevel::Primary => "primary",
            HospitalLevel::First => "first",
            HospitalLevel::Second => "second",
            HospitalLevel::Third => "third",
            HospitalLevel::Top => "top",
            HospitalLevel::Unrated => "unrated",
        }
    }

    /// The level that a word names.
    pub fn from_word(word: &str) -> Option<HospitalLevel> {
        HospitalLevel::ALL.into_iter().find(|level| level.word() == word)
    }

    /// What a desk calls it.
    pub fn name(self) -> &'static str {
        match self {
            HospitalLevel::Primary => "基层",
            HospitalLevel::First => "一级",
            HospitalLevel::Second => "二级",
            HospitalLevel::Third => "三级",
            HospitalLevel::Top => "三级特等",
            HospitalLevel::Unrated => "未定级",
        }
    }

    /// The level that a dictionary code (`hosp_lv`) stands for. An institution without a grade (`11`) is primary care
    /// here; who knows it to be a hospital says [`HospitalLevel::Unrated`].
    pub fn of_code(hosp_lv: &str) -> Option<HospitalLevel> {
        match hosp_lv.trim_start_matches('0') {
            "1" => Some(HospitalLevel::Top),
            "2" | "3" | "4" | "12" => Some(HospitalLevel::Third),
            "5" | "6" | "7" | "13" => Some(HospitalLevel::Second),
            "8" | "9" | "10" | "14" => Some(HospitalLevel::First),
            "11" => Some(HospitalLevel::Primary),
            _ => None,
        }
    }
}

/// What the hospital says of how the person came (policy.md A.7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Marks {
    /// 急诊抢救: counts as filed (procedure of 2022, article 34).
    pub emergency: bool,
    /// 转诊: referred on by the hospital.
    pub referral: bool,
    /// 外伤: an injury.
    pub injury: bool,
    /// 涉及第三方: somebody else is liable; never settled directly (article 35).
    pub third_party: bool,
}

/// One visit or stay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encounter {
    /// `mdtrt_id`.
    pub id: EncounterId,
    /// Who treats.
    pub institution: InstitutionCode,
    /// Where the institution stands; a filing covers this area or not.
    pub area: RegionCode,
    /// The pool that holds the institution's contract.
    pub pool: PoolCode,
    /// The member that clears for the pool, mostly its province; none in operations that were written before it was
    /// sent along.
    pub member: Option<MemberCode>,
    /// Its level on the day of admission.
    pub level: HospitalLevel,
    /// What is settled.
    pub care: CareKind,
    /// Day of admission or visit.
    pub admitted: Date,
    /// Day of discharge; the day of the visit for outpatients, none for a mid-way settlement of a stay.
    pub discharged: Option<Date>,
    /// The chronic disease that the visit is for.
    pub disease: Option<DiseaseCode>,
    /// The main diagnosis, where the hospital stated one.
    pub diagnosis: Option<DiagnosisCode>,
    /// The batch of charges that is settled; outpatient only.
    pub batch: Option<BatchNumber>,
    /// 中途结算: the stay goes on.
    pub interim: bool,
    /// How the person came.
    pub marks: Marks,
}

impl Encounter {
    /// Where the institution stands, the narrowest code first: area, pool, member. The table of regions said so when
    /// the operation was written; nothing is read out of digits.
    pub fn chain(&self) -> impl Iterator<Item = RegionCode> {
        [Some(self.area), Some(self.pool.0), self.member.map(|member| member.0)].into_iter().flatten()
    }

    /// Whether two stays overlap by more than the day of transfer. Stays that have not ended reach to no end.
    pub fn overlaps(&self, admitted: Date, discharged: Option<Date>) -> bool {
        self.admitted < discharged.unwrap_or(Date::MAX) && admitted < self.discharged.unwrap_or(Date::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_medical_category_decides_the_kind_of_care() {
        for (med_type, kind) in [
            ("11", Some(CareKind::Outpatient)),
            ("1301", Some(CareKind::Outpatient)),
            ("14", Some(CareKind::Chronic)),
            ("21", Some(CareKind::Inpatient)),
            ("2101", Some(CareKind::Inpatient)),
            ("22", Some(CareKind::Inpatient)),
            ("41", Some(CareKind::Purchase)),
            ("52", Some(CareKind::Inpatient)),
            ("9903", Some(CareKind::Outpatient)),
            ("7", None),
            ("71", None),
        ] {
            assert_eq!(CareKind::of_medical_category(med_type), kind, "{med_type}");
        }
    }

    #[test]
    fn a_hospital_level_is_read_with_or_without_a_leading_zero() {
        for (code, level) in [
            ("1", HospitalLevel::Top),
            ("2", HospitalLevel::Third),
            ("05", HospitalLevel::Second),
            ("10", HospitalLevel::First),
        ] {
            assert_eq!(HospitalLevel::of_code(code), Some(level), "{code}");
        }
    }
}
