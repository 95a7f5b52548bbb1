//! Facts about a person that a desk asks for: running totals (5206), chronic qualifications (5301), the settlements
//! in force of a visit (5203).

use std::collections::BTreeMap;

use ledger::home::{Credential, Enrollee, HomeStore, MonthTotal};
use prost::Message;
use proto::v1;
use settlement::ids::{EncounterId, PersonNumber, PoolCode};
use settlement::refusal::{Reason, Refusal};

use crate::door::unread;
use crate::look_up::date_text;

/// Whose facts, and of which.
#[derive(Clone, Debug)]
pub enum About {
    /// Of a month `yyyymm`; of the latest benefit year of each insurance where it is empty.
    RunningTotals(String),
    /// Qualifications.
    Qualifications,
    /// The settlements in force of a visit at one treatment pool's institutions.
    Visit(EncounterId, Option<PoolCode>),
}

/// Answers a question about an enrollee of a pool.
///
/// # Errors
/// [`Reason::UnknownPerson`] when nobody of the number is enrolled in the pool.
pub async fn run(
    store: &HomeStore,
    home: PoolCode,
    person: PersonNumber,
    about: About,
) -> Result<v1::QueryReply, Refusal> {
    let enrollee = store.enrollee_find(home, Credential::Number(person.clone())).await.map_err(unread)?;
    let enrollee = enrollee.ok_or_else(|| Refusal::new(Reason::UnknownPerson).of_field("psn_no"))?;
    match about {
        About::RunningTotals(month) => {
            let (totals, seq) = store.month_total_list(person).await.map_err(unread)?;
            let totals = if month.is_empty() { of_latest_year(totals) } else { of_month(totals, &month) };
            Ok(v1::QueryReply { totals: rows(&totals), book_seq: seq.0, ..v1::QueryReply::default() })
        }
        About::Qualifications => {
            let seq = store.last_seq().await.map_err(unread)?;
            let qualifications = qualifications(&enrollee);
            Ok(v1::QueryReply { qualifications, book_seq: seq.0, ..v1::QueryReply::default() })
        }
        About::Visit(encounter, treatment) => {
            let (answers, seq) = store.visit_answer_list(person, encounter, treatment).await.map_err(unread)?;
            let settlements = answers.iter().map(|answer| accepted(&answer.outcome)).collect::<Result<_, _>>()?;
            Ok(v1::QueryReply { settlements, book_seq: seq.0, ..v1::QueryReply::default() })
        }
    }
}

fn of_month(totals: Vec<MonthTotal>, month: &str) -> Vec<MonthTotal> {
    totals.into_iter().filter(|total| total.month == month).collect()
}

/// The months of the latest benefit year of each insurance as one total, with no month.
fn of_latest_year(totals: Vec<MonthTotal>) -> Vec<MonthTotal> {
    let mut latest: BTreeMap<_, MonthTotal> = BTreeMap::new();
    for total in totals {
        let total = MonthTotal { month: String::new(), ..total };
        match latest.get_mut(&total.insurance) {
            Some(sum) if sum.year == total.year => sum.sums += total.sums,
            Some(sum) if sum.year > total.year => {}
            Some(_) | None => {
                latest.insert(total.insurance, total);
            }
        }
    }
    latest.into_values().collect()
}

fn rows(totals: &[MonthTotal]) -> Vec<v1::RunningTotal> {
    let row = |total: &MonthTotal, (kind, amount): (&str, i64)| v1::RunningTotal {
        insurance: total.insurance.word().into(),
        year: total.year.0.into(),
        month: total.month.clone(),
        kind: kind.into(),
        amount,
    };
    totals.iter().flat_map(|total| total.amounts().into_iter().map(move |amount| row(total, amount))).collect()
}

fn qualifications(enrollee: &Enrollee) -> Vec<v1::QualificationRow> {
    let rows = enrollee.facts.qualifications.iter().map(|row| v1::QualificationRow {
        disease: row.qualification.disease.to_string(),
        name: row.name.clone(),
        from: row.qualification.validity.from.to_string(),
        to: date_text(row.qualification.validity.to),
    });
    rows.collect()
}

fn accepted(outcome: &[u8]) -> Result<v1::Accepted, Refusal> {
    let decoded = v1::Outcome::decode(outcome).ok().and_then(|outcome| outcome.result);
    match decoded {
        Some(v1::outcome::Result::Accepted(accepted)) => Ok(accepted),
        Some(v1::outcome::Result::Refused(_)) | None => Err(Reason::Internal.into()),
    }
}
