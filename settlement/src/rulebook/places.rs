//! 就医地: the areas that a book treats apart, under names of its own. Which codes lie above an area comes with the
//! case, out of the table of regions; nothing is read out of digits. Called by the gate; `parse/places.rs` reads it.

use crate::ids::RegionCode;
use crate::rulebook::clause::Clause;

/// One named place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its name in conditions.
    pub id: String,
    /// The codes that it takes in, each with whatever lies below it.
    pub codes: Vec<RegionCode>,
    /// Where the book says so.
    pub clause: Clause,
}

/// The named places of a book.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places(Vec<Place>);

impl Places {
    /// The word for every area that no place names.
    pub const ELSEWHERE: &'static str = "elsewhere";

    /// So many places fit beside `elsewhere` into a set of cases.
    pub const MOST: usize = 15;

    /// Some places.
    pub fn new(places: Vec<Place>) -> Places {
        Places(places)
    }

    /// The position of the place that names a treatment area most closely, 0 where none does. `chain` has the area's
    /// codes, the narrowest first, so an area is never in two places.
    pub fn position(&self, chain: impl IntoIterator<Item = RegionCode>) -> usize {
        let named = |code: RegionCode| self.0.iter().position(|place| place.codes.contains(&code));
        chain.into_iter().find_map(named).map_or(0, |position| position + 1)
    }

    /// The position that a word of a condition names.
    pub fn read(&self, word: &str) -> Option<usize> {
        if word == Places::ELSEWHERE {
            return Some(0);
        }
        self.0.iter().position(|place| place.id == word).map(|position| position + 1)
    }

    /// The place at a position; none for `elsewhere`.
    pub fn at(&self, position: usize) -> Option<&Place> {
        self.0.get(position.checked_sub(1)?)
    }

    /// The word for a position.
    pub fn word(&self, position: usize) -> &str {
        self.at(position).map_or(Places::ELSEWHERE, |place| &place.id)
    }

    /// Every position, `elsewhere` first.
    pub fn positions(&self) -> Vec<usize> {
        (0..=self.0.len()).collect()
    }

    /// Every word, for a fault to name.
    pub fn wanted(&self) -> String {
        let words = self.positions().into_iter().map(|position| self.word(position)).collect::<Vec<_>>();
        format!("one of {}", words.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_that_names_an_area_most_closely_has_it() {
        let codes = |texts: &[&str]| texts.iter().map(|text| RegionCode::new(text).expect("a code")).collect();
        let place = |id: &str, texts: &[&str]| Place { id: id.into(), codes: codes(texts), clause: Clause(0) };
        let places = Places::new(vec![
            place("in-province", &["360000"]),
            place("capital", &["360100"]),
            place("county", &["360121", "419001"]),
        ]);
        for (chain, word) in [
            (&["360121", "360100", "360000"][..], "county"),
            (&["360102", "360100", "360000"], "capital"),
            (&["360400", "360400", "360000"], "in-province"),
            (&["419001", "419001", "410000"], "county"),
            (&["310101", "310000", "310000"], "elsewhere"),
            // An operation that was written before the member was sent along.
            (&["360400", "360400"], "elsewhere"),
        ] {
            let chain: Vec<RegionCode> = codes(chain);
            assert_eq!(places.word(places.position(chain)), word);
            assert_eq!(places.read(word).map(|position| places.word(position)), Some(word));
        }
        assert_eq!(places.read("nowhere"), None);
    }
}
