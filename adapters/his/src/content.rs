//! What a message said, as far as it counts when the message is repeated: the business fields that were read, never
//! names, documents, credentials or envelope times. Kept as digests. Called by [`crate::node`] and the two flows.

use std::collections::HashSet;

use ledger::treatment::Content;
use sha2::{Digest, Sha256};

/// Business fields as they were read: paths and normalised values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Noted(Vec<(String, String)>);

impl Noted {
    /// Notes a field.
    pub fn note(&mut self, path: &str, value: &str) {
        self.0.push((path.to_owned(), value.to_owned()));
    }

    /// What was noted, as it is kept: in the order of the paths, so that the order of reading does not matter.
    pub fn to_content(&self) -> Content {
        let mut sorted: Vec<&(String, String)> = self.0.iter().collect();
        sorted.sort();
        let mut digest = Sha256::new();
        let mut fields = Vec::with_capacity(sorted.len() * PAIR);
        for (path, value) in sorted {
            for part in [path, value] {
                digest.update((part.len() as u64).to_be_bytes());
                digest.update(part.as_bytes());
            }
            fields.extend_from_slice(&pair(path, value));
        }
        Content { digest: digest.finalize().into(), fields }
    }

    /// The first field that another message of the same key said otherwise; `input` where it said more than this one.
    /// None where both said the same.
    pub fn difference(&self, kept: &Content) -> Option<String> {
        if self.to_content().digest == kept.digest {
            return None;
        }
        let same: HashSet<&[u8]> = kept.fields.chunks_exact(PAIR).collect();
        let changed = self.0.iter().find(|(path, value)| !same.contains(pair(path, value).as_slice()));
        Some(changed.map_or_else(|| "input".to_owned(), |(path, _)| path.clone()))
    }
}

const PAIR: usize = 16;

fn pair(path: &str, value: &str) -> [u8; PAIR] {
    let mut pair = [0; PAIR];
    pair[..8].copy_from_slice(&hash(path).to_be_bytes());
    pair[8..].copy_from_slice(&hash(value).to_be_bytes());
    pair
}

/// FNV-1a: it only has to tell fields apart when one is to be named; equality rests on the digest.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noted(fields: &[(&str, &str)]) -> Noted {
        Noted(fields.iter().map(|(path, value)| ((*path).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn the_field_that_differs_is_named() {
        let first = noted(&[("data.psn_no", "1"), ("data.medfee_sumamt", "100"), ("data.invono", "7")]);
        let sum = noted(&[("data.psn_no", "1"), ("data.medfee_sumamt", "101"), ("data.invono", "7")]);
        let reordered = noted(&[("data.invono", "7"), ("data.psn_no", "1"), ("data.medfee_sumamt", "100")]);
        let more = noted(&[("data.psn_no", "1"), ("data.medfee_sumamt", "100"), ("data.invono", "7"), ("data.x", "")]);
        let less = noted(&[("data.psn_no", "1"), ("data.medfee_sumamt", "100")]);
        for (second, expected) in [
            (first.clone(), None),
            (reordered, None),
            (sum, Some("data.medfee_sumamt")),
            (more, Some("data.x")),
            (less, Some("input")),
        ] {
            assert_eq!(second.difference(&first.to_content()).as_deref(), expected, "{second:?}");
        }
    }
}
