//! Filings. Called for the hub's registry and for the filing that travels with an operation.

use settlement::filing::{Filing, FilingClass};
use settlement::ids::{FilingId, PersonNumber, PoolCode, RegionCode};
use settlement::person::Validity;

use super::{Reader, date_text};
use crate::v1;

pub fn read(reader: &mut Reader, filing: &v1::Filing) -> Option<Filing> {
    let id = reader.text("id", &filing.id, FilingId::new);
    let person = reader.text("person", &filing.person, PersonNumber::new);
    let home = reader.text("home", &filing.home, RegionCode::new).map(PoolCode);
    let class = reader.word("class", &filing.class, FilingClass::from_word);
    let destination = reader.text("destination", &filing.destination, RegionCode::new);
    let from = reader.date("from", &filing.from);
    let to = reader.optional_date("to", &filing.to);
    if let (Some(from), Some(Some(to))) = (from, to)
        && to < from
    {
        reader.fault("to", "is before the first day");
        return None;
    }
    Some(Filing {
        id: id?,
        person: person?,
        home: home?,
        class: class?,
        destination: destination?,
        validity: Validity { from: from?, to: to? },
    })
}

pub fn write(filing: &Filing) -> v1::Filing {
    v1::Filing {
        id: filing.id.to_string(),
        person: filing.person.to_string(),
        home: filing.home.to_string(),
        class: filing.class.word().into(),
        destination: filing.destination.to_string(),
        from: filing.validity.from.to_string(),
        to: date_text(filing.validity.to),
        lodged_at: 0,
        state: String::new(),
    }
}
