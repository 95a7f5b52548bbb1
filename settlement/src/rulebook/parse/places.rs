//! Reads `[[place]]`: names for areas, for conditions to use. Read before any row, so that a fault can name them.

use crate::ids::RegionCode;
use crate::rulebook::places::{Place, Places};
use crate::spanned::Node;

use super::rows::{list, named};
use super::{Parser, unique_ids};

impl Parser<'_> {
    /// The named places of a book; none where it names none.
    pub(super) fn places(&self, root: &Node<'_>) -> Places {
        let nodes: Vec<Node<'_>> = root.tables("place").into_iter().map(named).collect();
        unique_ids(&nodes);
        if nodes.len() > Places::MOST {
            root.fault_at("place", format!("has {} places; a book may name {}", nodes.len(), Places::MOST));
        }
        let mut places: Vec<Place> = Vec::new();
        for node in nodes {
            let Some(place) = self.place(&node) else { continue };
            let taken = |code: &&RegionCode| places.iter().any(|other| other.codes.contains(code));
            if let Some(code) = place.codes.iter().find(taken) {
                node.fault(format!("names {code}, which another place names already"));
            }
            node.finish();
            places.push(place);
        }
        places.truncate(Places::MOST);
        Places::new(places)
    }

    fn place(&self, node: &Node<'_>) -> Option<Place> {
        let id = node.required_text("id");
        if id == Some(Places::ELSEWHERE) {
            node.fault_at("id", "is the word for what no place names");
        }
        let codes = |key| list(node, key, "a code of six digits", |code| RegionCode::new(code).ok());
        let (areas, pools) = (codes("areas"), codes("pools"));
        let clause = self.clause(node);
        let codes = [areas?, pools?].concat();
        if codes.is_empty() {
            node.fault("names no areas");
            return None;
        }
        Some(Place { id: id?.to_owned(), codes, clause: clause? })
    }
}
