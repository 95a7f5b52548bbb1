//! What of the book a batch touches, by the texts under which the store finds it. Called by [`super::load`].

use std::collections::BTreeSet;

use settlement::ids::PersonNumber;
use settlement::operation::{Request, ReversalTarget, target_of};

use super::Asked;
use crate::engine::list;

/// What a batch touches.
#[derive(Default)]
pub(super) struct Wanted<'a> {
    people: BTreeSet<&'a str>,
    keys: Vec<String>,
    /// Targets of its reversals.
    reversed: BTreeSet<&'a ReversalTarget>,
    encounters: Vec<&'a str>,
    /// Settlements that it cancels or corrects.
    pub cancelled: BTreeSet<String>,
    /// Who has something undone or corrected: whoever built on it is marked.
    pub undoing: BTreeSet<&'a PersonNumber>,
    new_ids: Vec<&'a str>,
}

impl<'a> Wanted<'a> {
    pub fn of(asked: &'a [Asked]) -> Wanted<'a> {
        let mut wanted = Wanted { keys: Vec::with_capacity(asked.len()), ..Wanted::default() };
        for asked in asked {
            wanted.keys.push(asked.key().to_text());
            match asked {
                Asked::Operate(arrival) => {
                    wanted.people.insert(arrival.operation.key.person.as_str());
                    wanted.request(&arrival.operation.key.person, &arrival.operation.request);
                }
                Asked::Resolve(_) => {}
            }
        }
        wanted
    }

    /// Settlements that are corrected, and whose they are: whoever built on one is marked.
    pub fn correcting(settlements: BTreeSet<String>, people: &'a [PersonNumber]) -> Wanted<'a> {
        Wanted { cancelled: settlements, undoing: people.iter().collect(), ..Wanted::default() }
    }

    fn request(&mut self, person: &'a PersonNumber, request: &'a Request) {
        match request {
            Request::Settle(settle) => {
                self.encounters.push(settle.encounter.id.as_str());
                self.new_ids.push(settle.settlement.as_str());
            }
            Request::Cancel(cancel) => {
                self.undoing.insert(person);
                self.cancelled.insert(cancel.settlement.to_string());
                self.new_ids.push(cancel.counter.as_str());
            }
            Request::Reverse(reverse) => {
                self.undoing.insert(person);
                self.reversed.insert(&reverse.target);
            }
        }
    }

    /// Whether a person is among its people.
    pub fn has(&self, person: &PersonNumber) -> bool {
        self.people.contains(person.as_str())
    }

    /// Its people, each once.
    pub fn people(&self) -> String {
        list(self.people.iter().copied())
    }

    /// Its keys.
    pub fn keys(&self) -> String {
        list(self.keys.iter().map(String::as_str))
    }

    /// What reversals call its own messages: a key begins with it.
    pub fn own_targets(&self) -> String {
        list(self.keys.iter().map(|key| target_of(key).unwrap_or(key)))
    }

    /// The ids that its settlements and counter-entries bring.
    pub fn new_ids(&self) -> String {
        list(self.new_ids.iter().copied())
    }

    /// Its visits and stays, and others beside them.
    pub fn encounters(&self, others: &[String]) -> String {
        list(self.encounters.iter().copied().chain(others.iter().map(String::as_str)))
    }

    /// How the keys of the messages begin that its reversals mean; none where it reverses nothing.
    pub fn reversed_prefixes(&self) -> Option<String> {
        let prefixes: Vec<String> = self.reversed.iter().map(|target| target.to_text() + "\u{1f}").collect();
        (!prefixes.is_empty()).then(|| list(prefixes.iter().map(String::as_str)))
    }
}
