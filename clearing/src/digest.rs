//! Digests of books: how two nodes find what differs between their books of a day, with an exchange that grows with
//! the differences and not with the books. A book's leaves are accepted operations, which never change; a [`Branch`]
//! holds those of one day between one home and one treatment pool; inside it they lie in the order of a hash of
//! their keys, so that no sender can choose where they lie.
//!
//! What is asked and answered here is carried by `broker` and `adapters/*`; what is kept, by `ledger`.

mod comparison;
mod tree;

use std::fmt;

use jiff::civil::Date;
use settlement::beijing;
use settlement::ids::PoolCode;
use settlement::operation::Operation;
use settlement::outcome::Outcome;
use sha2::{Digest as _, Sha256};

use crate::breaks::Fact;
pub use comparison::{Comparison, Difference, Unfitting};
pub use tree::{Inside, bucket_node, children_of_buckets, inside_of_leaves, root_of_buckets, root_of_leaves};

/// SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// Reads 64 digits of base 16, in small letters.
    pub fn from_text(text: &str) -> Option<Digest> {
        let digits = text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if !digits {
            return None;
        }
        let mut bytes = [0; 32];
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(text.get(2 * index..2 * index + 2)?, 16).ok()?;
        }
        Some(Digest(bytes))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// One day between two pools: what a certificate of agreement speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Branch {
    /// The day of the operations' `setl_time`, Beijing time.
    pub day: Date,
    /// Who pays.
    pub home: PoolCode,
    /// Who treated.
    pub treatment: PoolCode,
}

/// One accepted operation, as books are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Leaf {
    /// Where it lies: the beginning of a hash of its key.
    pub place: u64,
    /// Of its key and its outcome's bytes.
    pub digest: Digest,
}

impl Leaf {
    /// The leaf of an operation: its key, and the outcome as the home region wrote it.
    ///
    /// ```
    /// use clearing::digest::Leaf;
    /// let (one, other) = (Leaf::of("key", b"accepted"), Leaf::of("key", b"accepted otherwise"));
    /// assert_eq!(one.place, other.place);
    /// assert_ne!(one.digest, other.digest);
    /// ```
    pub fn of(key: &str, outcome: &[u8]) -> Leaf {
        let digest = Sha256::new_with_prefix(key_length(key)).chain_update(key).chain_update(outcome).finalize();
        Leaf { place: Leaf::place_of(key), digest: Digest(digest.into()) }
    }

    /// The bytes whose SHA-256 the digest is, so that anybody can work it out again: the key's length as eight bytes, the
    /// highest first, the key, and the outcome as the home region wrote it.
    pub fn input(key: &str, outcome: &[u8]) -> Vec<u8> {
        [&key_length(key), key.as_bytes(), outcome].concat()
    }

    /// Reads such bytes as a key and an outcome; none where they are not written so.
    ///
    /// ```
    /// use clearing::digest::Leaf;
    /// assert_eq!(Leaf::read_input(&Leaf::input("key", b"accepted")), Some(("key", &b"accepted"[..])));
    /// assert_eq!(Leaf::read_input(b"key"), None);
    /// ```
    pub fn read_input(input: &[u8]) -> Option<(&str, &[u8])> {
        let (length, rest) = input.split_first_chunk()?;
        let (key, outcome) = rest.split_at_checked(usize::try_from(u64::from_be_bytes(*length)).ok()?)?;
        Some((std::str::from_utf8(key).ok()?, outcome))
    }

    /// Where the operation of a key lies.
    pub fn place_of(key: &str) -> u64 {
        let hash: [u8; 32] = Sha256::digest(key).into();
        hash.iter().take(8).fold(0, |place, byte| place << 8 | u64::from(*byte))
    }
}

/// The leaf of an operation and the branch that it hangs on, by its answer; none for what moves nothing, a refusal for
/// example. The outcome's bytes are those that the home region wrote.
pub fn leaf_of(operation: &Operation, outcome: &Outcome, bytes: &[u8]) -> Option<(Branch, Leaf)> {
    let decided_at = match outcome {
        Outcome::Accepted { decided_at, done: _ } => *decided_at,
        Outcome::Refused(_) => return None,
    };
    Fact::of(outcome)?;
    let (home, treatment) = (operation.home(), operation.treatment());
    let branch = Branch { day: beijing::day_of(decided_at), home, treatment };
    Some((branch, Leaf::of(&operation.key.to_text(), bytes)))
}

/// So that no key and outcome read as another key and outcome.
fn key_length(key: &str) -> [u8; 8] {
    (key.len() as u64).to_be_bytes()
}

/// A part of a branch: the leaves whose place begins with some digits of base 16.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prefix {
    depth: u8,
    /// The digits, followed by zeros.
    start: u64,
}

impl Prefix {
    /// The whole branch.
    pub const ROOT: Prefix = Prefix { depth: 0, start: 0 };

    /// A part by its digits: how many, and the lowest place in it. None where that place is not the lowest of any.
    pub fn new(depth: u8, start: u64) -> Option<Prefix> {
        let prefix = Prefix { depth, start };
        (depth <= DEEPEST && start & prefix.rest() == 0).then_some(prefix)
    }

    /// How many digits it has.
    pub fn depth(self) -> u8 {
        self.depth
    }

    /// The lowest place in it.
    pub fn start(self) -> u64 {
        self.start
    }

    /// The highest place in it.
    pub fn end(self) -> u64 {
        self.start | self.rest()
    }

    /// The part with one more digit; none below the deepest.
    pub fn child(self, digit: u8) -> Option<Prefix> {
        let depth = self.depth + 1;
        let step = 64_u32.checked_sub(4 * u32::from(depth))?;
        (digit < 16).then(|| Prefix { depth, start: self.start | u64::from(digit) << step })
    }

    /// The part with so many digits in which a place lies.
    pub fn around(place: u64, depth: u8) -> Prefix {
        let depth = depth.min(DEEPEST);
        let rest = Prefix { depth, start: 0 }.rest();
        Prefix { depth, start: place & !rest }
    }

    fn rest(self) -> u64 {
        u64::MAX.checked_shr(4 * u32::from(self.depth)).unwrap_or(0)
    }
}

/// A place has so many digits.
const DEEPEST: u8 = 16;

/// Part of a book: how many leaves, and the digest over them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Node {
    /// Which part of its branch.
    pub prefix: Prefix,
    /// How many leaves.
    pub count: u64,
    /// Over them.
    pub digest: Digest,
}
