//! Reads what was settled before an example: `[[example.earlier]]` and `deductible_before`.

use jiff::civil::Date;

use crate::benefits::Earlier;
use crate::encounter::{Encounter, HospitalLevel};
use crate::ids::{DiagnosisCode, EncounterId, InstitutionCode};
use crate::money::Money;
use crate::spanned::Node;
use crate::year_to_date::BenefitYear;

use super::examples::Home;

/// What earlier settlements of an example take over from it.
pub(super) struct History<'e> {
    pub(super) home: Option<Home>,
    /// None where it has faults.
    pub(super) encounter: Option<&'e Encounter>,
    pub(super) settled_on: Option<Date>,
}

impl History<'_> {
    /// `[[example.earlier]]`, and `deductible_before`: an earlier part of the stay that was settled in the same year.
    pub(super) fn read(&self, node: &Node<'_>) -> Option<Vec<Earlier>> {
        let (rows, before) = (node.tables("earlier"), node.money("deductible_before"));
        let earlier: Vec<_> = rows.into_iter().enumerate().map(|(place, row)| self.row(place, row)).collect();
        let mut earlier = earlier.into_iter().collect::<Option<Vec<_>>>()?;
        if let Some(deductible) = before {
            let day = self.settled_on?;
            earlier.push(Earlier { day, year: self.year(day)?, deductible, ..self.part()? });
        }
        Some(earlier)
    }

    fn row(&self, place: usize, row: Node<'_>) -> Option<Earlier> {
        let same_stay = row.flag("same_stay");
        let (admitted, discharged) = (row.date("admitted"), row.date("discharged"));
        if !same_stay && (admitted.is_none() || discharged.is_none()) {
            row.fault("needs admitted and discharged, or same_stay = true");
        }
        if discharged.zip(admitted).is_some_and(|(discharged, admitted)| discharged < admitted) {
            row.fault_at("discharged", "lies before admitted");
        }
        let settled = row.date("settled").or(discharged).or(self.settled_on);
        let institution = if row.flag("same_institution") { "example" } else { "elsewhere" };
        let level = row.word::<HospitalLevel>("level");
        let diagnosis = diagnosis(&row);
        let (total, deductible) = (row.money("total"), row.money("deductible"));
        row.finish();
        let part = self.part()?;
        let other = Earlier {
            encounter: EncounterId::new(&format!("earlier-{place}")).ok()?,
            institution: InstitutionCode::new(institution).ok()?,
            level: level.unwrap_or(part.level),
            admitted: admitted.unwrap_or(part.admitted),
            discharged,
            ..part.clone()
        };
        Some(Earlier {
            same_stay,
            diagnosis,
            day: settled?,
            year: self.year(settled?)?,
            total: total.unwrap_or_default(),
            deductible: deductible.unwrap_or_default(),
            ..if same_stay { part } else { other }
        })
    }

    fn year(&self, day: Date) -> Option<BenefitYear> {
        self.home.map(|home| BenefitYear::of(day, home.benefit_year))
    }

    /// An earlier part of the stay at hand.
    fn part(&self) -> Option<Earlier> {
        let Encounter { id, institution, level, care, admitted, diagnosis, .. } = self.encounter?;
        Some(Earlier {
            same_stay: true,
            encounter: id.clone(),
            institution: institution.clone(),
            level: *level,
            insurance: self.home?.insurance,
            care: *care,
            admitted: *admitted,
            discharged: None,
            diagnosis: diagnosis.clone(),
            day: self.settled_on?,
            year: self.year(self.settled_on?)?,
            total: Money::ZERO,
            deductible: Money::ZERO,
        })
    }
}

/// A diagnosis, which may be absent.
pub(super) fn diagnosis(node: &Node<'_>) -> Option<DiagnosisCode> {
    node.form("diagnosis", "an ICD-10 code", |code| DiagnosisCode::new(code).ok())
}
