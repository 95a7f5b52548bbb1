//! The table of institutions, dated: level, kinds of care and chronic diseases opened, agreement. Read once from a CSV
//! file that a person can edit. Called by the transactions.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::civil::Date;
use settlement::encounter::{CareKind, HospitalLevel};
use settlement::ids::{DiseaseCode, InstitutionCode, MemberCode, PoolCode, RegionCode};
use settlement::person::Validity;
use settlement::refusal::{Reason, Refusal};
use settlement::region::RegionTable;

use crate::table_file::{Row, TableFault, read_rows};

/// Whether an institution may settle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Agreement {
    /// It may.
    Active,
    /// It may not for now.
    Suspended,
}

/// One institution during one stretch of days.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Institution {
    /// `fixmedins_code`.
    pub code: InstitutionCode,
    /// `fixmedins_name`.
    pub name: String,
    /// Where it stands.
    pub area: RegionCode,
    /// The pool that holds its contract.
    pub pool: PoolCode,
    /// The member that clears for the pool.
    pub member: Option<MemberCode>,
    /// Its level.
    pub level: HospitalLevel,
    /// Its level as the dictionary has it (`hosp_lv`).
    pub level_code: String,
    /// When all this holds.
    pub validity: Validity,
    care: Vec<CareKind>,
    chronic: Chronic,
    /// Its agreement.
    pub agreement: Agreement,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Chronic {
    All,
    Only(Vec<DiseaseCode>),
}

/// Every institution.
#[derive(Clone, Debug, Default)]
pub struct Institutions {
    by_code: HashMap<InstitutionCode, Vec<Arc<Institution>>>,
}

impl Institution {
    /// Whether it is opened for a kind of care, and for the disease where there is one.
    ///
    /// # Errors
    /// Why it is not.
    pub fn may_settle(&self, care: CareKind, disease: Option<&DiseaseCode>) -> Result<(), Refusal> {
        match self.agreement {
            Agreement::Active => {}
            Agreement::Suspended => return Err(self.suspended()),
        }
        if !self.care.contains(&care) {
            return Err(Refusal::new(Reason::CareNotOpened).of_field("med_type").because(care.name()));
        }
        match (&self.chronic, disease) {
            (Chronic::Only(opened), Some(disease))
                if care == CareKind::Chronic && !opened.iter().any(|open| open.same_disease(disease)) =>
            {
                Err(Refusal::new(Reason::DiseaseNotOpened).of_field("dise_codg").because(disease.as_str()))
            }
            (Chronic::Only(_) | Chronic::All, _) => Ok(()),
        }
    }

    /// That its agreement is suspended.
    pub fn suspended(&self) -> Refusal {
        let to = self.validity.to.map_or_else(|| "另行通知".to_owned(), |to| to.to_string());
        Refusal::new(Reason::AgreementSuspended)
            .of_field("fixmedins_code")
            .because(format!("{}至{to}", self.validity.from))
    }
}

impl Institutions {
    /// Reads the table from CSV text with the columns `code,name,area,kind,level,from,to,care,chronic,agreement`.
    ///
    /// # Errors
    /// Every row that cannot be read.
    pub fn from_csv(text: &str, regions: &RegionTable) -> Result<Institutions, Vec<TableFault>> {
        let mut table = Institutions::default();
        for institution in read_rows(text, |row| read(row, regions))? {
            table.by_code.entry(institution.code.clone()).or_default().push(Arc::new(institution));
        }
        Ok(table)
    }

    /// An institution as it is on a day.
    ///
    /// # Errors
    /// When there is none of that code on the day.
    pub fn on(&self, code: &InstitutionCode, day: Date) -> Result<&Arc<Institution>, Refusal> {
        let unknown = || Refusal::new(Reason::UnknownInstitution).of_field("fixmedins_code");
        let rows = self.by_code.get(code).ok_or_else(unknown)?;
        rows.iter().find(|row| row.validity.covers(day)).ok_or_else(|| unknown().because(format!("{day}无有效登记")))
    }
}

fn read(row: &Row<'_>, regions: &RegionTable) -> Result<Institution, String> {
    let area = RegionCode::new(row.get("area")?).map_err(|fault| format!("area {fault}"))?;
    let level_code = row.get("level")?.to_owned();
    let chronic = match row.get("chronic")? {
        "all" => Chronic::All,
        codes => Chronic::Only(split(codes, |code| DiseaseCode::new(code).map_err(|fault| fault.to_string()))?),
    };
    let pool = regions.pool_of(area).ok_or_else(|| format!("area {area} belongs to no pool"))?;
    Ok(Institution {
        code: InstitutionCode::new(row.get("code")?).map_err(|fault| format!("code {fault}"))?,
        name: row.get("name")?.to_owned(),
        area,
        pool,
        member: regions.member_of(pool),
        level: level(&level_code, row.get("kind")?)?,
        level_code,
        validity: row.validity("from", "to")?,
        care: split(row.get("care")?, |word| {
            CareKind::from_word(word).ok_or_else(|| format!("care {word} is not a kind of care"))
        })?,
        chronic,
        agreement: match row.get("agreement")? {
            "active" => Agreement::Active,
            "suspended" => Agreement::Suspended,
            other => return Err(format!("agreement {other} is neither active nor suspended")),
        },
    })
}

/// A level by its code. Without a grade a hospital is 未定级, anybody else primary care.
fn level(code: &str, kind: &str) -> Result<HospitalLevel, String> {
    let level = HospitalLevel::of_code(code).ok_or_else(|| format!("level {code} is not a hosp_lv"))?;
    let ungraded = level == HospitalLevel::Primary && kind == "hospital";
    Ok(if ungraded { HospitalLevel::Unrated } else { level })
}

fn split<T>(cell: &str, parse: impl Fn(&str) -> Result<T, String>) -> Result<Vec<T>, String> {
    cell.split(';').map(str::trim).filter(|part| !part.is_empty()).map(parse).collect()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    const REGIONS: &str =
        "code,name,level,pool,member\n310000,上海市,pool,310000,310000\n310106,静安区,county,310000,310000\n";
    const TABLE: &str = "code,name,area,kind,level,from,to,care,chronic,agreement\n\
        H1,甲,310106,hospital,6,2021-01-01,2025-06-15,inpatient;chronic,M03900;M01600,active\n\
        H1,甲,310106,hospital,5,2025-06-16,,inpatient;outpatient;chronic,all,suspended\n";

    #[test]
    fn a_row_holds_on_its_days_and_opens_what_it_names() {
        let regions = RegionTable::from_csv(REGIONS).expect("regions");
        let table = Institutions::from_csv(TABLE, &regions).expect("a table");
        let code = InstitutionCode::new("H1").expect("a code");
        let disease = |code| DiseaseCode::new(code).expect("a disease");
        for (day, care, disease, reason) in [
            (date(2020, 1, 1), CareKind::Inpatient, None, Some(Reason::UnknownInstitution)),
            (date(2025, 6, 15), CareKind::Inpatient, None, None),
            (date(2025, 6, 15), CareKind::Outpatient, None, Some(Reason::CareNotOpened)),
            (date(2025, 6, 15), CareKind::Chronic, Some(disease("M03901")), None),
            (date(2025, 6, 15), CareKind::Chronic, Some(disease("M07801")), Some(Reason::DiseaseNotOpened)),
            (date(2025, 6, 16), CareKind::Inpatient, None, Some(Reason::AgreementSuspended)),
        ] {
            let settled = table.on(&code, day).and_then(|row| row.may_settle(care, disease.as_ref()));
            assert_eq!(settled.err().map(|refusal| refusal.reason), reason, "{day} {care:?}");
        }
    }

    #[test]
    fn every_bad_row_is_told_with_its_line() {
        let regions = RegionTable::from_csv(REGIONS).expect("regions");
        let text = "code,name,area,kind,level,from,to,care,chronic,agreement\n\
            H1,甲,999999,hospital,6,2021-01-01,,inpatient,,active\nH2,乙,310106,hospital,77,2021-01-01,,x,,active\n";
        let faults = Institutions::from_csv(text, &regions).expect_err("faults");
        assert_eq!(faults.iter().map(|fault| fault.line).collect::<Vec<_>>(), [2, 3]);
    }
}
