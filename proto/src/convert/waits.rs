//! What a period waits for, on the wire: facts, of which whoever shows them makes a sentence.

use clearing::payment::Apart;
use clearing::period::{Milestone, Overdue, Pair, Side, Wait, Wanted};
use jiff::civil::Date;
use settlement::ids::{MemberCode, RegionCode};
use settlement::person::Insurance;

use super::FieldFault;
use crate::v1;

/// Writes what is waited for, and how long its last day is past.
pub fn write_wait(wait: &Wait, overdue: Option<Overdue>) -> v1::WaitView {
    let Wait { wanted, until } = wait;
    let [home, treatment] = wanted
        .pair()
        .map(|Pair { home, treatment }| [home, treatment].map(|member| member.to_string()))
        .unwrap_or_default();
    let apart = match wanted {
        Wanted::SameRecord(_, _, apart) => apart.to_string(),
        Wanted::CutOffDay
        | Wanted::Explanation
        | Wanted::ClearingDay
        | Wanted::Confirmation(_, _)
        | Wanted::Payment(_, _, _)
        | Wanted::Receipt(_, _, _)
        | Wanted::Acceptance(_, _, _) => String::new(),
    };
    v1::WaitView {
        wanted: wanted.word().into(),
        until: until.map(|day| day.to_string()).unwrap_or_default(),
        home,
        treatment,
        side: wanted.side().map(|side| side.word().into()).unwrap_or_default(),
        insurance: wanted.insurance().map(|insurance| insurance.word().into()).unwrap_or_default(),
        apart,
        overdue: overdue.map(|Overdue { milestone, by, working_days }| v1::OverdueView {
            milestone: milestone.word().into(),
            by: by.to_string(),
            working_days,
        }),
    }
}

/// Reads what is waited for, and how long its last day is past.
///
/// # Errors
/// The first field that is none.
pub fn read_wait(view: &v1::WaitView) -> Result<(Wait, Option<Overdue>), FieldFault> {
    let member =
        |field, code: &str| RegionCode::new(code).map(MemberCode).map_err(|problem| fault(field, &problem.to_string()));
    let pair = || Ok(Pair { home: member("home", &view.home)?, treatment: member("treatment", &view.treatment)? });
    let side = || Side::from_word(&view.side).ok_or_else(|| fault("side", "is not home or treatment"));
    let insurance =
        || Insurance::from_word(&view.insurance).ok_or_else(|| fault("insurance", "is not employee or resident"));
    let apart = || Apart::from_text(&view.apart).ok_or_else(|| fault("apart", "is not what two records differ in"));
    let wanted = match view.wanted.as_str() {
        "cut-off-day" => Wanted::CutOffDay,
        "explanation" => Wanted::Explanation,
        "clearing-day" => Wanted::ClearingDay,
        "confirmation" => Wanted::Confirmation(pair()?, side()?),
        "payment" => Wanted::Payment(pair()?, insurance()?, side()?),
        "receipt" => Wanted::Receipt(pair()?, insurance()?, side()?),
        "same-record" => Wanted::SameRecord(pair()?, insurance()?, apart()?),
        "acceptance" => Wanted::Acceptance(pair()?, insurance()?, side()?),
        other => return Err(fault("wanted", &format!("is {other}, which is nothing to wait for"))),
    };
    let until = if view.until.is_empty() { None } else { Some(day("until", &view.until)?) };
    let overdue = view.overdue.as_ref().map(|overdue| {
        let milestone = Milestone::from_word(&overdue.milestone);
        let milestone =
            milestone.ok_or_else(|| fault("overdue.milestone", "is none that the calendar has a day for"))?;
        let (by, working_days) = (day("overdue.by", &overdue.by)?, overdue.working_days);
        Ok(Overdue { milestone, by, working_days })
    });
    Ok((Wait { wanted, until }, overdue.transpose()?))
}

fn day(field: &str, text: &str) -> Result<Date, FieldFault> {
    text.parse().map_err(|_| fault(field, "is not a day such as 2025-08-08"))
}

fn fault(field: &str, problem: &str) -> FieldFault {
    FieldFault { field: field.to_owned(), problem: problem.to_owned() }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn waits() -> Vec<(Wait, Option<Overdue>)> {
        let member = |code| MemberCode(RegionCode::new(code).expect("a code"));
        let pair = Pair { home: member("410000"), treatment: member("310000") };
        let (until, resident) = (Some(date(2025, 8, 15)), Insurance::Resident);
        let apart = Apart { serial: true, on: false, amount: true };
        let wanted = [
            Wanted::CutOffDay,
            Wanted::Explanation,
            Wanted::ClearingDay,
            Wanted::Confirmation(pair, Side::Home),
            Wanted::Payment(pair, Insurance::Employee, Side::Home),
            Wanted::Receipt(pair, resident, Side::Treatment),
            Wanted::SameRecord(pair, resident, apart),
            Wanted::Acceptance(pair, resident, Side::Home),
        ];
        let overdue = |working_days| Overdue { milestone: Milestone::Payment, by: date(2025, 8, 15), working_days };
        let each = wanted.into_iter().flat_map(|wanted| {
            [(until, None), (until, Some(overdue(Some(0)))), (None, Some(overdue(None)))]
                .map(|(until, overdue)| (Wait { wanted, until }, overdue))
        });
        each.collect()
    }

    #[test]
    fn what_is_waited_for_is_read_as_it_was_written() {
        for (wait, overdue) in waits() {
            assert_eq!(read_wait(&write_wait(&wait, overdue)), Ok((wait, overdue)));
        }
    }

    #[test]
    fn what_cannot_be_waited_for_is_told_with_its_field() {
        let (wait, overdue) = waits().remove(waits().len() - 2);
        let good = write_wait(&wait, overdue);
        let none = v1::OverdueView { milestone: "lunch".into(), ..good.overdue.clone().expect("it is overdue") };
        for (spoilt, field) in [
            (v1::WaitView { wanted: "godot".into(), ..good.clone() }, "wanted"),
            (v1::WaitView { home: "Henan".into(), ..good.clone() }, "home"),
            (v1::WaitView { side: String::new(), ..good.clone() }, "side"),
            (v1::WaitView { insurance: "310".into(), ..good.clone() }, "insurance"),
            (v1::WaitView { wanted: "same-record".into(), ..good.clone() }, "apart"),
            (v1::WaitView { until: "Friday".into(), ..good.clone() }, "until"),
            (v1::WaitView { overdue: Some(none), ..good.clone() }, "overdue.milestone"),
        ] {
            assert_eq!(read_wait(&spoilt).expect_err(field).field, field, "{spoilt:?}");
        }
    }
}
