//! What a year's prefund is worked out from, on the wire.

use clearing::prefund::quarter::{MONTHS, Quarter, Settled, Source};
use settlement::money::Money;

use super::FieldFault;
use crate::v1;

/// Writes the months of a fourth quarter.
pub fn write_quarter(quarter: &Quarter) -> Vec<v1::SettledMonth> {
    let month = |(month, Settled { amount, source }): (&i8, &Settled)| v1::SettledMonth {
        month: i32::from(*month),
        amount: amount.fen(),
        source: source.word().into(),
    };
    MONTHS.iter().zip(&quarter.months).map(month).collect()
}

/// Reads the months of a fourth quarter; one that is not there is not known.
///
/// # Errors
/// The first field that is none.
pub fn read_quarter(months: &[v1::SettledMonth]) -> Result<Quarter, FieldFault> {
    let fault = |field: &str, problem: &str| FieldFault { field: field.to_owned(), problem: problem.to_owned() };
    let mut quarter = Quarter::default();
    for v1::SettledMonth { month, amount, source } in months {
        let mut places = MONTHS.iter().zip(&mut quarter.months);
        let place = places.find(|(of, _)| i32::from(**of) == *month);
        let (_, settled) = place.ok_or_else(|| fault("basis.month", "is not 10, 11 or 12"))?;
        let source = Source::from_word(source);
        let source = source.ok_or_else(|| fault("basis.source", "is not unknown, cleared or given"))?;
        *settled = Settled { amount: Money::from_fen(*amount), source };
    }
    Ok(quarter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_months_of_a_quarter_come_back_as_they_were() {
        let settled = |(fen, source)| Settled { amount: Money::from_fen(fen), source };
        let months = [(8_000, Source::Given), (-50, Source::Cleared), (0, Source::Unknown)].map(settled);
        let quarter = Quarter { months };
        let written = write_quarter(&quarter);
        assert_eq!(read_quarter(&written), Ok(quarter));
        assert_eq!(read_quarter(&[]), Ok(Quarter::default()));
        let wrong = |spoil: &dyn Fn(&mut v1::SettledMonth)| {
            let mut months = written.clone();
            spoil(&mut months[0]);
            read_quarter(&months).expect_err("it is none").field
        };
        assert_eq!(wrong(&|month| month.month = 9), "basis.month");
        assert_eq!(wrong(&|month| month.source = "told".into()), "basis.source");
    }
}
