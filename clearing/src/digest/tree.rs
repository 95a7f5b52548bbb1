//! How a node's digest comes about. Down to two digits a node is the digest over its parts, so that a book can keep
//! those of its 256 buckets a day and work out the rest of the way up; from there on it is the digest over its leaves,
//! so that the way down needs nothing kept.

use sha2::{Digest as _, Sha256};

use super::{DEEPEST, Digest, Leaf, Node, Prefix};

/// A bucket has so many digits.
const BUCKET_DEPTH: u8 = 2;
/// So many leaves are shown as they are; more, as parts.
const SHOWN_AT_ONCE: usize = 24;

/// What is inside a part of a branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inside {
    /// Its parts that are not empty, with one digit more each, in order.
    Parts(Vec<Node>),
    /// Its leaves, in order.
    Leaves(Vec<Leaf>),
}

impl Inside {
    /// Whether it can be what is inside a part.
    pub fn fits(&self, prefix: Prefix) -> bool {
        match self {
            Inside::Parts(parts) => {
                let within = |part: &Node| Prefix::around(part.prefix.start(), prefix.depth()) == prefix;
                parts.iter().all(|part| part.prefix.depth() == prefix.depth() + 1 && within(part))
            }
            Inside::Leaves(leaves) => leaves.iter().all(|leaf| Prefix::around(leaf.place, prefix.depth()) == prefix),
        }
    }
}

/// The bucket that leaves make up; they are of one bucket and in order. None where there is no leaf.
pub fn bucket_node(leaves: &[Leaf]) -> Option<Node> {
    let first = leaves.first()?;
    Some(node_of_leaves(Prefix::around(first.place, BUCKET_DEPTH), leaves))
}

/// The root of a branch, by its buckets in order; none where there is no bucket.
pub fn root_of_buckets(buckets: &[Node]) -> Option<Node> {
    (!buckets.is_empty()).then(|| node_of_parts(Prefix::ROOT, &children_of_buckets(buckets)))
}

/// The root of a branch, by all its leaves in whatever order; none where there is no leaf.
///
/// ```
/// use clearing::digest::{Leaf, bucket_node, root_of_buckets, root_of_leaves};
/// let leaf = Leaf::of("key", b"accepted");
/// assert_eq!(root_of_leaves(&[leaf]), root_of_buckets(&[bucket_node(&[leaf]).unwrap()]));
/// ```
pub fn root_of_leaves(leaves: &[Leaf]) -> Option<Node> {
    let mut leaves = leaves.to_vec();
    leaves.sort_unstable();
    let bucket = |leaf: &Leaf| Prefix::around(leaf.place, BUCKET_DEPTH);
    let buckets: Vec<Node> =
        leaves.chunk_by(|one, other| bucket(one) == bucket(other)).filter_map(bucket_node).collect();
    root_of_buckets(&buckets)
}

/// The parts of a branch's root, by its buckets in order.
pub fn children_of_buckets(buckets: &[Node]) -> Vec<Node> {
    let parent = |bucket: &Node| Prefix::around(bucket.prefix.start(), BUCKET_DEPTH - 1);
    buckets
        .chunk_by(|one, other| parent(one) == parent(other))
        .filter_map(|parts| Some(node_of_parts(parent(parts.first()?), parts)))
        .collect()
}

/// What is inside a bucket, or a part of one, by its leaves in order.
pub fn inside_of_leaves(prefix: Prefix, leaves: &[Leaf]) -> Inside {
    let shown = leaves.len() <= SHOWN_AT_ONCE || prefix.depth() == DEEPEST;
    if shown { Inside::Leaves(leaves.to_vec()) } else { Inside::Parts(parts(prefix, leaves)) }
}

/// The parts of a bucket, or of a part of one, by its leaves in order.
pub(super) fn parts(prefix: Prefix, leaves: &[Leaf]) -> Vec<Node> {
    let part = |leaf: &Leaf| Prefix::around(leaf.place, prefix.depth() + 1);
    leaves
        .chunk_by(|one, other| part(one) == part(other))
        .filter_map(|leaves| Some(node_of_leaves(part(leaves.first()?), leaves)))
        .collect()
}

fn node_of_leaves(prefix: Prefix, leaves: &[Leaf]) -> Node {
    let mut hash = Sha256::new_with_prefix([1]);
    leaves.iter().for_each(|leaf| hash.update(leaf.digest.0));
    Node { prefix, count: leaves.len() as u64, digest: Digest(hash.finalize().into()) }
}

fn node_of_parts(prefix: Prefix, parts: &[Node]) -> Node {
    let mut hash = Sha256::new_with_prefix([2]);
    for part in parts {
        hash.update(part.prefix.start().to_be_bytes());
        hash.update(part.digest.0);
    }
    Node { prefix, count: parts.iter().map(|part| part.count).sum(), digest: Digest(hash.finalize().into()) }
}
