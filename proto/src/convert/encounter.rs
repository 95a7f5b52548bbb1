//! Visits and stays. Called by `operation`.

use settlement::encounter::{CareKind, Encounter, HospitalLevel, Marks};
use settlement::ids::{
    BatchNumber, DiagnosisCode, DiseaseCode, EncounterId, InstitutionCode, MemberCode, PoolCode, RegionCode,
};

use super::{Reader, date_text};
use crate::v1;

pub fn read(reader: &mut Reader, encounter: &v1::Encounter) -> Option<Encounter> {
    let id = reader.text("id", &encounter.id, EncounterId::new);
    let institution = reader.text("institution", &encounter.institution, InstitutionCode::new);
    let area = reader.text("area", &encounter.area, RegionCode::new);
    let pool = reader.text("pool", &encounter.pool, RegionCode::new).map(PoolCode);
    let member = reader.optional("member", &encounter.member, RegionCode::new);
    let level = reader.word("level", &encounter.level, HospitalLevel::from_word);
    let care = reader.word("care", &encounter.care, CareKind::from_word);
    let admitted = reader.date("admitted", &encounter.admitted);
    let discharged = reader.optional_date("discharged", &encounter.discharged);
    let disease = reader.optional("disease", &encounter.disease, DiseaseCode::new);
    let diagnosis = reader.optional("diagnosis", &encounter.diagnosis, DiagnosisCode::new);
    let batch = reader.optional("batch", &encounter.batch, BatchNumber::new);
    if let (Some(admitted), Some(Some(discharged))) = (admitted, discharged)
        && discharged < admitted
    {
        reader.fault("discharged", "is before the admission");
        return None;
    }
    Some(Encounter {
        id: id?,
        institution: institution?,
        area: area?,
        pool: pool?,
        member: member?.map(MemberCode),
        level: level?,
        care: care?,
        admitted: admitted?,
        discharged: discharged?,
        disease: disease?,
        diagnosis: diagnosis?,
        batch: batch?,
        interim: encounter.interim,
        marks: Marks {
            emergency: encounter.emergency,
            referral: encounter.referral,
            injury: encounter.injury,
            third_party: encounter.third_party,
        },
    })
}

pub fn write(encounter: &Encounter) -> v1::Encounter {
    let Marks { emergency, referral, injury, third_party } = encounter.marks;
    v1::Encounter {
        id: encounter.id.to_string(),
        institution: encounter.institution.to_string(),
        area: encounter.area.to_string(),
        pool: encounter.pool.to_string(),
        member: encounter.member.map(|member| member.to_string()).unwrap_or_default(),
        level: encounter.level.word().into(),
        care: encounter.care.word().into(),
        admitted: encounter.admitted.to_string(),
        discharged: date_text(encounter.discharged),
        disease: encounter.disease.as_ref().map(DiseaseCode::to_string).unwrap_or_default(),
        batch: encounter.batch.as_ref().map(BatchNumber::to_string).unwrap_or_default(),
        interim: encounter.interim,
        emergency,
        referral,
        injury,
        third_party,
        diagnosis: encounter.diagnosis.as_ref().map(DiagnosisCode::to_string).unwrap_or_default(),
    }
}
