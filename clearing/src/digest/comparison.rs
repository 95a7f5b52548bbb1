//! Comparing two books by asking the other for parts: a list of what is open, which ends when nothing is.

use std::collections::{BTreeMap, BTreeSet};

use super::tree::{Inside, parts};
use super::{Branch, Digest, Leaf, Node, Prefix};

/// Where two books differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Difference {
    /// The day and the pools.
    pub branch: Branch,
    /// Where the operation lies.
    pub place: u64,
    /// As it stands here; none where it is missing.
    pub ours: Option<Digest>,
    /// As it stands there; none where it is missing.
    pub theirs: Option<Digest>,
}

/// Two books being compared. Each round asks the other for the parts that are [`open`](Comparison::open), all at once,
/// and there are no more rounds than a place has digits.
#[derive(Clone, Debug, Default)]
pub struct Comparison {
    open: Vec<(Branch, Prefix)>,
    found: BTreeSet<Difference>,
}

/// An answer that is none to what was asked. A node that tells such is at fault, and would else be asked for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("what was told of a book does not lie in the part that was asked for")]
pub struct Unfitting;

impl Comparison {
    /// Begins with the roots of both books' branches. What only one has is open like what differs.
    pub fn of_roots(ours: &BTreeMap<Branch, Node>, theirs: &BTreeMap<Branch, Node>) -> Comparison {
        let branches: BTreeSet<Branch> = ours.keys().chain(theirs.keys()).copied().collect();
        let differs = |branch: &Branch| digest_in(ours.get(branch)) != digest_in(theirs.get(branch));
        let open = branches.into_iter().filter(differs).map(|branch| (branch, Prefix::ROOT)).collect();
        Comparison { open, found: BTreeSet::new() }
    }

    /// The parts that the other side is to be asked for, and this side in the form in which the other answers.
    pub fn open(&self) -> &[(Branch, Prefix)] {
        &self.open
    }

    /// Takes both sides' answers, one for each open part and in their order.
    ///
    /// # Errors
    /// When an answer is missing, or is not about the part that was asked for. Nothing is taken then.
    pub fn take(&mut self, ours: &[Inside], theirs: &[Inside]) -> Result<(), Unfitting> {
        let fits = |answers: &[Inside]| {
            answers.len() == self.open.len()
                && answers.iter().zip(&self.open).all(|(inside, (_, prefix))| inside.fits(*prefix))
        };
        if !fits(ours) || !fits(theirs) {
            return Err(Unfitting);
        }
        let asked = std::mem::take(&mut self.open);
        for (((branch, prefix), ours), theirs) in asked.into_iter().zip(ours).zip(theirs) {
            match (ours, theirs) {
                (Inside::Leaves(ours), Inside::Leaves(theirs)) => self.found.extend(differences(branch, ours, theirs)),
                (Inside::Parts(ours), Inside::Parts(theirs)) => self.go_down(branch, ours, theirs),
                // One book shows its leaves where the other has too many to show: the few are put into parts.
                (Inside::Leaves(ours), Inside::Parts(theirs)) => self.go_down(branch, &parts(prefix, ours), theirs),
                (Inside::Parts(ours), Inside::Leaves(theirs)) => self.go_down(branch, ours, &parts(prefix, theirs)),
            }
        }
        Ok(())
    }

    /// What differs, once nothing is open.
    pub fn found(&self) -> &BTreeSet<Difference> {
        &self.found
    }

    fn go_down(&mut self, branch: Branch, ours: &[Node], theirs: &[Node]) {
        let by_prefix = |nodes: &[Node]| nodes.iter().map(|node| (node.prefix, *node)).collect::<BTreeMap<_, _>>();
        let (ours, theirs) = (by_prefix(ours), by_prefix(theirs));
        let parts: BTreeSet<Prefix> = ours.keys().chain(theirs.keys()).copied().collect();
        let differs = |part: &Prefix| digest_in(ours.get(part)) != digest_in(theirs.get(part));
        self.open.extend(parts.into_iter().filter(differs).map(|part| (branch, part)));
    }
}

fn digest_in(node: Option<&Node>) -> Option<Digest> {
    node.map(|node| node.digest)
}

/// What differs between leaves of one part. Of one place, what stands here otherwise than there is one difference.
fn differences(branch: Branch, ours: &[Leaf], theirs: &[Leaf]) -> Vec<Difference> {
    let only = |leaves: &[Leaf], others: &[Leaf]| {
        let others: BTreeSet<Leaf> = others.iter().copied().collect();
        let mut by_place: BTreeMap<u64, Vec<Digest>> = BTreeMap::new();
        for leaf in leaves.iter().filter(|leaf| !others.contains(leaf)) {
            by_place.entry(leaf.place).or_default().push(leaf.digest);
        }
        by_place
    };
    let (mut here, mut there) = (only(ours, theirs), only(theirs, ours));
    let places: BTreeSet<u64> = here.keys().chain(there.keys()).copied().collect();
    let mut found = Vec::new();
    for place in places {
        let mut ours = here.remove(&place).unwrap_or_default().into_iter();
        let mut theirs = there.remove(&place).unwrap_or_default().into_iter();
        loop {
            match (ours.next(), theirs.next()) {
                (None, None) => break,
                (ours, theirs) => found.push(Difference { branch, place, ours, theirs }),
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;
    use settlement::ids::{PoolCode, RegionCode};

    use super::super::tree::{bucket_node, children_of_buckets, inside_of_leaves, root_of_buckets};
    use super::*;

    type Book = BTreeMap<Branch, BTreeSet<Leaf>>;

    fn branch(day: i8) -> Branch {
        let pool = |code| PoolCode(RegionCode::new(code).expect("a code"));
        Branch { day: date(2025, 6, day), home: pool("410700"), treatment: pool("310000") }
    }

    fn buckets(leaves: &BTreeSet<Leaf>) -> Vec<Node> {
        let leaves: Vec<Leaf> = leaves.iter().copied().collect();
        let bucket = |leaf: &Leaf| Prefix::around(leaf.place, 2);
        leaves.chunk_by(|one, other| bucket(one) == bucket(other)).filter_map(bucket_node).collect()
    }

    fn roots(book: &Book) -> BTreeMap<Branch, Node> {
        book.iter().filter_map(|(branch, leaves)| Some((*branch, root_of_buckets(&buckets(leaves))?))).collect()
    }

    fn inside(book: &Book, (branch, prefix): (Branch, Prefix)) -> Inside {
        let empty = BTreeSet::new();
        let leaves = book.get(&branch).unwrap_or(&empty);
        let within = |leaf: &&Leaf| (prefix.start()..=prefix.end()).contains(&leaf.place);
        match prefix.depth() {
            0 => Inside::Parts(children_of_buckets(&buckets(leaves))),
            1 => Inside::Parts(buckets(&leaves.iter().filter(within).copied().collect())),
            _ => inside_of_leaves(prefix, &leaves.iter().filter(within).copied().collect::<Vec<_>>()),
        }
    }

    /// Compares two books, and counts the bytes that would be told: 8 and 32 for each part or leaf.
    fn compare(ours: &Book, theirs: &Book) -> (BTreeSet<Difference>, usize, usize) {
        let mut comparison = Comparison::of_roots(&roots(ours), &roots(theirs));
        let (mut told, mut rounds) = (theirs.len() * 40, 0);
        while !comparison.open().is_empty() {
            let open = comparison.open().to_vec();
            let answers = |book| open.iter().map(|part| inside(book, *part)).collect::<Vec<_>>();
            let (ours, theirs) = (answers(ours), answers(theirs));
            told += theirs.iter().map(|inside| 40 * shown(inside)).sum::<usize>();
            comparison.take(&ours, &theirs).expect("answers to what was asked");
            rounds += 1;
        }
        (comparison.found().clone(), told, rounds)
    }

    fn shown(inside: &Inside) -> usize {
        match inside {
            Inside::Parts(parts) => parts.len(),
            Inside::Leaves(leaves) => leaves.len(),
        }
    }

    fn book(keys: impl IntoIterator<Item = u32>) -> Book {
        let mut book = Book::new();
        for key in keys {
            let day = i8::try_from(key % 30).expect("small") + 1;
            book.entry(branch(day)).or_default().insert(Leaf::of(&key.to_string(), b"accepted"));
        }
        book
    }

    /// Takes an operation away, or has it stand otherwise; gives the difference that this makes.
    fn plant(book: &mut Book, key: u32, otherwise: bool) -> Difference {
        let branch = branch(i8::try_from(key % 30).expect("small") + 1);
        let sound = Leaf::of(&key.to_string(), b"accepted");
        let leaves = book.entry(branch).or_default();
        leaves.remove(&sound);
        let other = Leaf::of(&key.to_string(), b"accepted otherwise");
        if otherwise {
            leaves.insert(other);
        }
        let theirs = otherwise.then_some(other.digest);
        Difference { branch, place: sound.place, ours: Some(sound.digest), theirs }
    }

    proptest! {
        #[test]
        fn digests_find_exactly_what_differs(
            size in 0_u32..900,
            here in prop::collection::btree_map(0_u32..900, any::<bool>(), 0..20),
            there in prop::collection::btree_map(900_u32..1_800, any::<bool>(), 0..20),
        ) {
            let (mut ours, mut theirs) = (book((0..size).chain(900..900 + size)), book((0..size).chain(900..900 + size)));
            let mut planted = BTreeSet::new();
            for (key, otherwise) in here.into_iter().filter(|(key, _)| *key < size) {
                planted.insert(plant(&mut theirs, key, otherwise));
            }
            for (key, otherwise) in there.into_iter().filter(|(key, _)| key - 900 < size) {
                let Difference { branch, place, ours: sound, theirs: spoilt } = plant(&mut ours, key, otherwise);
                planted.insert(Difference { branch, place, ours: spoilt, theirs: sound });
            }
            let (found, _, _) = compare(&ours, &theirs);
            prop_assert_eq!(found, planted);
        }
    }

    #[test]
    fn equal_books_exchange_their_roots_alone() {
        let sound = book(0..5_000);
        assert_eq!(compare(&sound, &sound), (BTreeSet::new(), 30 * 40, 0));
    }

    #[test]
    fn what_is_exchanged_grows_with_the_differences() {
        let (ours, mut theirs) = (book(0..20_000), book(0..20_000));
        let planted: BTreeSet<Difference> = (0..50).map(|n| plant(&mut theirs, n * 399, n % 2 == 0)).collect();
        let (found, told, rounds) = compare(&ours, &theirs);
        assert_eq!(found, planted);
        assert!(told < 30 * 40 + 50 * (16 + 16 + 24) * 40, "{told} bytes");
        assert!(rounds <= 4, "{rounds} rounds");
    }

    #[test]
    fn an_answer_to_something_else_is_refused_and_ends_nothing() {
        let (ours, theirs) = (book(0..500), book(100..600));
        let mut comparison = Comparison::of_roots(&roots(&ours), &roots(&theirs));
        let open = comparison.open().to_vec();
        let sound: Vec<Inside> = open.iter().map(|part| inside(&ours, *part)).collect();
        let root = Node { prefix: Prefix::ROOT, count: 1, digest: Digest([0; 32]) };
        for spoilt in [Inside::Parts(vec![root]), Inside::Parts(vec![])] {
            let answers: Vec<Inside> = open.iter().skip(1).map(|_| Inside::Leaves(vec![])).chain([spoilt]).collect();
            let taken = comparison.clone().take(&sound, &answers);
            assert_eq!(taken.is_ok(), answers.last() == Some(&Inside::Parts(vec![])), "{answers:?}");
        }
        assert_eq!(comparison.take(&sound, &[]), Err(Unfitting));
        assert_eq!(comparison.open(), open);
    }

    #[test]
    fn a_book_that_is_missing_whole_is_found_leaf_by_leaf() {
        let ours = book(0..500);
        assert_eq!(compare(&ours, &Book::new()).0.len(), 500);
        assert_eq!(compare(&Book::new(), &ours).0.len(), 500);
    }
}
