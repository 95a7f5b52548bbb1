//! What a settlement uses up, beside the outcome that says so. Hub and treatment side keep it unread; a home region
//! reads it when its book has to be made whole again from answers.

use jiff::Timestamp;
use jiff::civil::Date;
use settlement::beijing;
use settlement::decide::UsagePosting;
use settlement::encounter::CareKind;
use settlement::ids::DiseaseCode;
use settlement::month::Month;
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
    let day = decided_at.map(beijing::day_of);
    let usage = reader.inside("used", Some(used), |reader, used| read_used(reader, used, insurance?, day?));
    Some(Some(UsagePosting { usage: usage?, day: day? }))
}

fn read_used(reader: &mut Reader, used: &v1::Used, insurance: Insurance, day: Date) -> Option<Usage> {
    let year = i16::try_from(used.year).map_err(|_| reader.fault("year", "is not a year")).ok();
    let care = reader.word("care", &used.care, CareKind::from_word);
    let disease = reader.optional("disease", &used.disease, DiseaseCode::new);
    let month = if used.month.is_empty() { Month::of(day) } else { Month::from_text(&used.month) };
    if month.is_none() {
        reader.fault("month", "is not a month");
    }
    let sums = read_sums(reader, used)?;
    Some(Usage { year: BenefitYear(year?), insurance, care: care?, disease: disease?, month: month?, sums })
}

pub fn read_sums(reader: &mut Reader, used: &v1::Used) -> Option<UsageSums> {
    Some(UsageSums {
        stays: used.stays,
        deductible: reader.money("deductible", used.deductible)?,
        in_policy: reader.money("in_policy", used.in_policy)?,
        basic: reader.money("basic", used.basic)?,
        above_cap: reader.money("above_cap", used.above_cap)?,
        large_sum: reader.money("large_sum", used.large_sum)?,
        catastrophic_base: reader.money("catastrophic_base", used.catastrophic_base)?,
        catastrophic: reader.money("catastrophic", used.catastrophic)?,
        civil_servant_base: reader.money("civil_servant_base", used.civil_servant_base)?,
        civil_servant: reader.money("civil_servant", used.civil_servant)?,
        assistance: reader.money("assistance", used.assistance)?,
        assistance_base: reader.money("assistance_base", used.assistance_base)?,
        tilt_base: reader.money("tilt_base", used.tilt_base)?,
        tilt: reader.money("tilt", used.tilt)?,
    })
}

pub fn write(usage: &Usage) -> v1::Used {
    let Usage { year, insurance: _, care, disease, month, sums } = usage;
    v1::Used {
        year: year.0.into(),
        care: care.word().into(),
        disease: disease.as_ref().map(DiseaseCode::to_string).unwrap_or_default(),
        month: month.to_string(),
        ..write_sums(sums)
    }
}

pub fn write_sums(sums: &UsageSums) -> v1::Used {
    v1::Used {
        stays: sums.stays,
        deductible: sums.deductible.fen(),
        in_policy: sums.in_policy.fen(),
        basic: sums.basic.fen(),
        large_sum: sums.large_sum.fen(),
        catastrophic_base: sums.catastrophic_base.fen(),
        catastrophic: sums.catastrophic.fen(),
        civil_servant: sums.civil_servant.fen(),
        assistance: sums.assistance.fen(),
        above_cap: sums.above_cap.fen(),
        civil_servant_base: sums.civil_servant_base.fen(),
        assistance_base: sums.assistance_base.fen(),
        tilt_base: sums.tilt_base.fen(),
        tilt: sums.tilt.fen(),
        ..v1::Used::default()
    }
}
