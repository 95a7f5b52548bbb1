//! Digests of books on the wire. What is told of a part is read as being of that part, so that nobody can tell of another.

use clearing::breaks::{Deed, Fact};
use clearing::digest::{Branch, Digest, Inside, Leaf, Node, Prefix};
use settlement::ids::{PoolCode, RegionCode, SettlementId};

use super::FieldFault;
use super::cleared::{read_sums, write_sums};
use crate::v1;

/// Writes a branch.
pub fn write_branch(branch: &Branch) -> v1::Branch {
    v1::Branch { day: branch.day.to_string(), home: branch.home.to_string(), treatment: branch.treatment.to_string() }
}

/// Reads a branch.
///
/// # Errors
/// The first field that is missing or none.
pub fn read_branch(branch: Option<&v1::Branch>) -> Result<Branch, FieldFault> {
    let branch = branch.ok_or_else(|| fault("branch", "is missing"))?;
    let pool = |field, code: &str| RegionCode::new(code).map(PoolCode).map_err(|_| fault(field, "is not six digits"));
    Ok(Branch {
        day: branch.day.parse().map_err(|_| fault("branch.day", "is not a day such as 2025-06-30"))?,
        home: pool("branch.home", &branch.home)?,
        treatment: pool("branch.treatment", &branch.treatment)?,
    })
}

/// Writes a branch's root.
pub fn write_root(branch: &Branch, root: &Node) -> v1::Root {
    v1::Root { branch: Some(write_branch(branch)), count: root.count, digest: digest_bytes(&root.digest) }
}

/// Reads a branch's root.
///
/// # Errors
/// The first field that is missing or none.
pub fn read_root(root: &v1::Root) -> Result<(Branch, Node), FieldFault> {
    let branch = read_branch(root.branch.as_ref())?;
    Ok((branch, Node { prefix: Prefix::ROOT, count: root.count, digest: read_digest(&root.digest)? }))
}

/// Writes which part is meant.
pub fn write_part_ref((branch, prefix): &(Branch, Prefix)) -> v1::PartRef {
    v1::PartRef { branch: Some(write_branch(branch)), depth: prefix.depth().into(), start: prefix.start() }
}

/// Reads which part is meant.
///
/// # Errors
/// The first field that is missing or none.
pub fn read_part_ref(part: &v1::PartRef) -> Result<(Branch, Prefix), FieldFault> {
    let depth = u8::try_from(part.depth).map_err(|_| fault("depth", "is more than a place has digits"))?;
    let prefix = Prefix::new(depth, part.start).ok_or_else(|| fault("start", "is not the lowest place of a part"))?;
    Ok((read_branch(part.branch.as_ref())?, prefix))
}

/// Writes what is inside a part.
pub fn write_inside(inside: &Inside) -> v1::Inside {
    let what = match inside {
        Inside::Parts(parts) => v1::inside::What::Parts(v1::Parts { parts: parts.iter().map(write_part).collect() }),
        Inside::Leaves(leaves) => {
            v1::inside::What::Leaves(v1::Leaves { leaves: leaves.iter().map(write_leaf).collect() })
        }
    };
    v1::Inside { what: Some(what) }
}

/// Reads what is inside a part.
///
/// # Errors
/// The first field that is missing, none, or of another part.
pub fn read_inside(prefix: Prefix, inside: &v1::Inside) -> Result<Inside, FieldFault> {
    let read = match inside.what.as_ref().ok_or_else(|| fault("inside", "is missing"))? {
        v1::inside::What::Parts(parts) => {
            Inside::Parts(parts.parts.iter().map(|part| read_part(prefix, part)).collect::<Result<_, _>>()?)
        }
        v1::inside::What::Leaves(leaves) => {
            Inside::Leaves(leaves.leaves.iter().map(read_leaf).collect::<Result<_, FieldFault>>()?)
        }
    };
    if read.fits(prefix) { Ok(read) } else { Err(fault("inside", "is of another part than was asked for")) }
}

/// Writes a leaf.
pub fn write_leaf(leaf: &Leaf) -> v1::Leaf {
    v1::Leaf { place: leaf.place, digest: digest_bytes(&leaf.digest) }
}

/// Reads a leaf.
///
/// # Errors
/// Where its digest is none.
pub fn read_leaf(leaf: &v1::Leaf) -> Result<Leaf, FieldFault> {
    Ok(Leaf { place: leaf.place, digest: read_digest(&leaf.digest)? })
}

/// Writes what stands at a place.
pub fn write_fact(digest: &Digest, key: &str, fact: &Fact) -> v1::Fact {
    v1::Fact {
        digest: digest_bytes(digest),
        key: key.to_owned(),
        settlement: fact.settlement.to_string(),
        deed: fact.deed.word().into(),
        sums: Some(write_sums(&fact.sums)),
    }
}

/// Reads what stands at a place: its digest, its key and what it says.
///
/// # Errors
/// The first field that is missing or none.
pub fn read_fact(fact: &v1::Fact) -> Result<(Digest, String, Fact), FieldFault> {
    let settlement = SettlementId::new(&fact.settlement).map_err(|_| fault("settlement", "is no settlement's id"))?;
    let deed = Deed::from_word(&fact.deed).ok_or_else(|| fault("deed", "is not settle or undo"))?;
    let sums = read_sums(fact.sums.as_ref());
    Ok((read_digest(&fact.digest)?, fact.key.clone(), Fact { settlement, deed, sums }))
}

/// Writes a signature with the certificates by which it can be checked, the signer's first.
pub fn write_signature(scheme: u16, signature: Vec<u8>, chain: Vec<Vec<u8>>) -> v1::DocumentSignature {
    v1::DocumentSignature {
        scheme: scheme.into(),
        signature: signature.into(),
        chain: chain.into_iter().map(Into::into).collect(),
    }
}

fn write_part(part: &Node) -> v1::Part {
    // The last digit of its prefix; the others are those of the part that was asked for.
    let digits = 64 - 4 * u32::from(part.prefix.depth());
    let digit = part.prefix.start().checked_shr(digits).unwrap_or_default() & 0xf;
    v1::Part { digit: u32::try_from(digit).unwrap_or_default(), count: part.count, digest: digest_bytes(&part.digest) }
}

fn read_part(within: Prefix, part: &v1::Part) -> Result<Node, FieldFault> {
    let digit = u8::try_from(part.digit).ok();
    let prefix = digit.and_then(|digit| within.child(digit)).ok_or_else(|| fault("digit", "is not one of base 16"))?;
    Ok(Node { prefix, count: part.count, digest: read_digest(&part.digest)? })
}

fn digest_bytes(digest: &Digest) -> bytes::Bytes {
    bytes::Bytes::copy_from_slice(&digest.0)
}

fn read_digest(bytes: &[u8]) -> Result<Digest, FieldFault> {
    bytes.try_into().map(Digest).map_err(|_| fault("digest", "has not 32 bytes"))
}

fn fault(field: &str, problem: &str) -> FieldFault {
    FieldFault { field: field.to_owned(), problem: problem.to_owned() }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn branch() -> Branch {
        let pool = |code| PoolCode(RegionCode::new(code).expect("a code"));
        Branch { day: date(2025, 6, 30), home: pool("410700"), treatment: pool("310000") }
    }

    #[test]
    fn parts_and_leaves_read_back_as_what_was_asked_for() {
        for depth in [0, 1, 2, 7, 15] {
            let within = Prefix::around(0x1234_5678_9abc_def0, depth);
            let part = |digit| {
                let prefix = within.child(digit).expect("a part");
                Node { prefix, count: 3, digest: Digest([digit; 32]) }
            };
            let leaf = Leaf { place: within.end(), digest: Digest([9; 32]) };
            for inside in [Inside::Parts(vec![part(0), part(15)]), Inside::Leaves(vec![leaf])] {
                assert_eq!(read_inside(within, &write_inside(&inside)), Ok(inside));
            }
            let asked = (branch(), within);
            assert_eq!(read_part_ref(&write_part_ref(&asked)), Ok(asked));
        }
    }

    #[test]
    fn what_is_of_another_part_is_not_taken() {
        let within = Prefix::around(0, 2);
        let elsewhere = Inside::Leaves(vec![Leaf { place: u64::MAX, digest: Digest([0; 32]) }]);
        assert!(read_inside(within, &write_inside(&elsewhere)).is_err());
        let mut parts = v1::Parts::default();
        parts.parts.push(v1::Part { digit: 16, count: 1, digest: vec![0; 32].into() });
        let told = v1::Inside { what: Some(v1::inside::What::Parts(parts)) };
        assert_eq!(read_inside(within, &told).expect_err("no digit").field, "digit");
        assert!(read_part_ref(&v1::PartRef { branch: Some(write_branch(&branch())), depth: 2, start: 1 }).is_err());
        assert!(read_part_ref(&v1::PartRef { branch: Some(write_branch(&branch())), depth: 99, start: 0 }).is_err());
    }
}
