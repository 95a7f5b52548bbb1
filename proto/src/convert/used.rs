//! What a settlement uses up, beside the outcome that says so. Hub and treatment side keep it unread; a home region
//! reads it when its book has to be made whole again from answers.

use jiff::Timestamp;
use settlement::beijing;
use settlement::decide::UsagePosting;
use settlement::encounter::CareKind;
use settlement::ids::DiseaseCode;
use settlement::person::Insurance;
use settlement::year_to_date::{BenefitYear, Usage, UsageSums};

use super::Reader;
use crate::v1::{self, accepted::Effect, outcome::Result as WireResult};

pub fn read(reader: &mut Reader, outcome: &v1::Outcome) -> Option<Option<UsagePosting>> {
    let Some(WireResult::Accepted(v1::Accepted { decided_at, effect, used: Some(used) })) = &outcome.result else {
        return Some(None);
    };
    let insurance = match effect {
        Some(Effect::Settled(settled)) => reader.word("insurance", &settled.insurance, Insurance::from_word),
        Some(Effect::Cancelled(_) | Effect::Reversed(_)) | None => {
            reader.fault("used", "belongs to a settlement");
            None
        }
    };
    let decided_at =
        Timestamp::from_microsecond(*decided_at).map_err(|_| reader.fault("decided_at", "is not an instant")).ok();
    let usage = reader.inside("used", Some(used), |reader, used| read_used(reader, used, insurance?));
    Some(Some(UsagePosting { usage: usage?, day: beijing::day_of(decided_at?) }))
}

fn read_used(reader: &mut Reader, used: &v1::Used, insurance: Insurance) -> Option<Usage> {
    let year = i16::try_from(used.year).map_err(|_| reader.fault("year", "is not a year")).ok();
    let care = reader.word("care", &used.care, CareKind::from_word);
    let disease = reader.optional("disease", &used.disease, DiseaseCode::new);
    let sums = UsageSums {
        stays: used.stays,
        deductible: reader.money("deductible", used.deductible)?,
        in_policy: reader.money("in_policy", used.in_policy)?,
        basic: reader.money("basic", used.basic)?,
        large_sum: reader.money("large_sum", used.large_sum)?,
        catastrophic_base: reader.money("catastrophic_base", used.catastrophic_base)?,
        catastrophic: reader.money("catastrophic", used.catastrophic)?,
        civil_servant: reader.money("civil_servant", used.civil_servant)?,
        assistance: reader.money("assistance", used.assistance)?,
    };
    Some(Usage { year: BenefitYear(year?), insurance, care: care?, disease: disease?, sums })
}

pub fn write(usage: &Usage) -> v1::Used {
    let Usage { year, insurance: _, care, disease, sums } = usage;
    v1::Used {
        year: year.0.into(),
        care: care.word().into(),
        disease: disease.as_ref().map(DiseaseCode::to_string).unwrap_or_default(),
        stays: sums.stays,
        deductible: sums.deductible.fen(),
        in_policy: sums.in_policy.fen(),
        basic: sums.basic.fen(),
        large_sum: sums.large_sum.fen(),
        catastrophic_base: sums.catastrophic_base.fen(),
        catastrophic: sums.catastrophic.fen(),
        civil_servant: sums.civil_servant.fen(),
        assistance: sums.assistance.fen(),
    }
}
