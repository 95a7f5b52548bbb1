//! The other footings that an estimate is worked on, and what they come to.

use settlement::outcome::Outcome;
use settlement::what_if::WhatIf;

use super::{Reader, WireError, read_outcome, write_outcome};
use crate::v1;

/// Writes the footings that are asked about.
pub fn write_what_if(footings: &[WhatIf]) -> Vec<String> {
    footings.iter().map(|footing| footing.word().to_owned()).collect()
}

/// Reads the footings that are asked about.
///
/// # Errors
/// A word that names none, or one that comes twice.
pub fn read_what_if(words: &[String]) -> Result<Vec<WhatIf>, WireError> {
    Reader::run(|reader| {
        let mut footings = Vec::new();
        for word in words.iter().take(WhatIf::ALL.len() + 1) {
            let footing = reader.word("what_if", word, WhatIf::from_word)?;
            if footings.contains(&footing) {
                reader.fault("what_if", format!("names {word} twice"));
                return None;
            }
            footings.push(footing);
        }
        Some(footings)
    })
}

/// Writes what the bill comes to on each footing.
pub fn write_alternatives(alternatives: &[(WhatIf, Outcome)]) -> Vec<v1::Alternative> {
    let write = |(footing, outcome): &(WhatIf, Outcome)| v1::Alternative {
        filing: footing.word().to_owned(),
        outcome: write_outcome(outcome),
    };
    alternatives.iter().map(write).collect()
}

/// Reads what the bill comes to on each footing.
///
/// # Errors
/// A word that names no footing, or an outcome that cannot be read.
pub fn read_alternatives(alternatives: &[v1::Alternative]) -> Result<Vec<(WhatIf, Outcome)>, WireError> {
    let read = |alternative: &v1::Alternative| {
        let footing = Reader::run(|reader| reader.word("filing", &alternative.filing, WhatIf::from_word))?;
        Ok((footing, read_outcome(&alternative.outcome)?))
    };
    alternatives.iter().map(read).collect()
}
