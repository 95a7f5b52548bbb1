//! Filings. Called for the hub's registry and for the filings that travel with an operation.

use settlement::filing::{Filing, FilingClass, Proof};
use settlement::ids::{FilingId, PersonNumber, PoolCode, RegionCode};
use settlement::person::Validity;

use super::{Reader, date_text};
use crate::v1;

pub fn read(reader: &mut Reader, filing: &v1::Filing) -> Option<Filing> {
    let id = reader.text("id", &filing.id, FilingId::new);
    let person = reader.text("person", &filing.person, PersonNumber::new);
    let home = reader.text("home", &filing.home, RegionCode::new).map(PoolCode);
    let class = reader.word("class", &filing.class, FilingClass::from_word);
    let proof = proof(reader, &filing.proof);
    let destination = reader.text("destination", &filing.destination, RegionCode::new);
    let from = reader.date("from", &filing.from);
    let to = reader.optional_date("to", &filing.to);
    if let (Some(from), Some(Some(to))) = (from, to)
        && to < from
    {
        reader.fault("to", "is before the first day");
        return None;
    }
    if let (Some(class), Some(proof)) = (class, proof)
        && !proof.is_for(class)
    {
        reader.fault("proof", "is a commitment, which stands in for the proof of a long-term filing only");
        return None;
    }
    Some(Filing {
        id: id?,
        person: person?,
        home: home?,
        class: class?,
        proof: proof?,
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
        others: Vec::new(),
        proof: filing.proof.word().into(),
    }
}

/// Nobody who leaves it out has a commitment to tell of.
fn proof(reader: &mut Reader, word: &str) -> Option<Proof> {
    if word.is_empty() { Some(Proof::default()) } else { reader.word("proof", word, Proof::from_word) }
}

/// The filings that travel with an operation, the first choice first.
pub fn read_attached(reader: &mut Reader, attached: &v1::Filing) -> Option<Vec<Filing>> {
    let read: Vec<Option<Filing>> =
        std::iter::once(attached).chain(&attached.others).map(|filing| read(reader, filing)).collect();
    read.into_iter().collect()
}

pub fn write_attached(filings: &[Filing]) -> Option<v1::Filing> {
    let (first, others) = filings.split_first()?;
    Some(v1::Filing { others: others.iter().map(write).collect(), ..write(first) })
}
