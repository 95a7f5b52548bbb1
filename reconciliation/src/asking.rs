//! Comparing one's own book with another node's: equal books cost one exchange, and the work grows with the differences.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use clearing::breaks::Fact;
use clearing::digest::{Branch, Comparison, Difference, Digest, Inside, Node, Prefix, Unfitting};
use jiff::civil::Date;
use ledger::leaves::Scope;
use ledger::store::StoreError;
use proto::convert::{FieldFault, digests, read_operation, read_outcome};
use proto::status::NoReply;
use proto::v1;
use settlement::ids::{PoolCode, SettlementId};

use crate::book::Book;
use crate::port::BookPort;

/// So many parts or places are asked for at once.
const AT_ONCE: usize = 1_000;

/// Why books could not be compared.
#[derive(Debug, thiserror::Error)]
pub enum CompareError {
    /// One's own book cannot be read.
    #[error("this side's book cannot be read")]
    Store(#[from] StoreError),
    /// The other side does not answer.
    #[error("the other side does not answer: {}", .0.word())]
    Silent(NoReply),
    /// The hub did not take what hospitals' books differ in; the side's own book is compared.
    #[error("the hub did not take what hospitals' books differ in: {}", .0.word())]
    Hospitals(NoReply),
    /// What it says cannot be read.
    #[error("the other side's {} {}", .0.field, .0.problem)]
    Reply(FieldFault),
    /// What it says is not about what was asked.
    #[error("the other side answered something else")]
    Unfitting(#[from] Unfitting),
    /// One's own operation cannot be read: a fault of ours.
    #[error("an operation of this side's book cannot be read: {0}")]
    Own(String),
}

/// What comparing came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Compared {
    /// Branches that agree, with what both share.
    pub agreed: Vec<(Branch, Node)>,
    /// Branches that differ, with each book's root where it has one.
    pub differing: Vec<Differing>,
    /// Operations that do not stand alike.
    pub apart: Vec<Apart>,
}

/// A branch in which two books differ, as it was compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Differing {
    /// The day and the pools.
    pub branch: Branch,
    /// This side's root, the outer one.
    pub outer: Option<Node>,
    /// The other's, the inner one.
    pub inner: Option<Node>,
}

/// An operation that does not stand alike in two books.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Apart {
    /// The day and the pools.
    pub branch: Branch,
    /// Where it lies.
    pub place: u64,
    /// The operation's key as text.
    pub operation: String,
    /// What this side's book says of it; the outer one.
    pub outer: Option<Fact>,
    /// What the other's says; the inner one.
    pub inner: Option<Fact>,
}

impl Apart {
    /// The settlements that the books name.
    pub fn settlements(&self) -> impl Iterator<Item = &SettlementId> {
        [&self.outer, &self.inner].into_iter().flatten().map(|fact| &fact.settlement)
    }
}

/// What stands at places: digest, key, and what is said.
type Facts = BTreeMap<(Branch, u64), Vec<(Digest, String, Fact)>>;

/// Compares a book with another node's over some days, first and last included.
///
/// # Errors
/// When either book cannot be read.
pub async fn compare(
    book: &impl Book,
    other: &dyn BookPort,
    scope: Scope,
    days: (Date, Date),
    patience: Duration,
) -> Result<Compared, CompareError> {
    let asking = Asking { other, patience };
    book.fold().await?;
    let ours = book.leaves().leaf_roots(days, scope).await?;
    let theirs = asking.roots(scope, days).await?;
    let mut comparison = Comparison::of_roots(&ours, &theirs);
    while !comparison.open().is_empty() {
        let open = comparison.open().to_vec();
        let here = book.leaves().leaf_inside(open.clone()).await?;
        let there = asking.inside(&open).await?;
        comparison.take(&here, &there)?;
    }
    let mut apart = Vec::new();
    let differences: Vec<Difference> = comparison.found().iter().copied().collect();
    for some in differences.chunks(AT_ONCE) {
        let places: Vec<_> = some.iter().map(|difference| (difference.branch, difference.place)).collect();
        let (ours, theirs) = (own_facts(book, &places).await?, asking.facts(&places).await?);
        apart.extend(some.iter().filter_map(|difference| told(difference, &ours, &theirs)));
    }
    let branches: BTreeSet<Branch> = ours.keys().chain(theirs.keys()).copied().collect();
    let roots = branches.into_iter().map(|branch| {
        let (outer, inner) = (ours.get(&branch).copied(), theirs.get(&branch).copied());
        Differing { branch, outer, inner }
    });
    let (agreed, differing): (Vec<_>, Vec<_>) = roots.partition(|both| both.outer == both.inner);
    let agreed = agreed.into_iter().filter_map(|both| Some((both.branch, both.outer?))).collect();
    Ok(Compared { agreed, differing, apart })
}

/// The other side, being asked.
struct Asking<'a> {
    other: &'a dyn BookPort,
    patience: Duration,
}

impl Asking<'_> {
    async fn roots(&self, scope: Scope, (from, to): (Date, Date)) -> Result<BTreeMap<Branch, Node>, CompareError> {
        let pool = |pool: Option<PoolCode>| pool.map(|pool| pool.to_string()).unwrap_or_default();
        let (home, treatment) = (pool(scope.home), pool(scope.treatment));
        let request = v1::RootsRequest { from: from.to_string(), to: to.to_string(), home, treatment };
        let reply = self.other.roots(request, self.patience).await.map_err(CompareError::Silent)?;
        let roots = reply.roots.iter().map(digests::read_root).collect::<Result<BTreeMap<_, _>, _>>();
        let roots = roots.map_err(CompareError::Reply)?;
        let asked = |branch: &Branch| {
            (from..=to).contains(&branch.day)
                && scope.home.is_none_or(|home| home == branch.home)
                && scope.treatment.is_none_or(|treatment| treatment == branch.treatment)
        };
        if roots.keys().all(asked) { Ok(roots) } else { Err(CompareError::Unfitting(Unfitting)) }
    }

    async fn inside(&self, open: &[(Branch, Prefix)]) -> Result<Vec<Inside>, CompareError> {
        let mut inside = Vec::with_capacity(open.len());
        for some in open.chunks(AT_ONCE) {
            let request = v1::InsideRequest { parts: some.iter().map(digests::write_part_ref).collect() };
            let reply = self.other.inside(request, self.patience).await.map_err(CompareError::Silent)?;
            if reply.inside.len() != some.len() {
                return Err(CompareError::Unfitting(Unfitting));
            }
            for ((_, prefix), told) in some.iter().zip(&reply.inside) {
                inside.push(digests::read_inside(*prefix, told).map_err(CompareError::Reply)?);
            }
        }
        Ok(inside)
    }

    async fn facts(&self, places: &[(Branch, u64)]) -> Result<Facts, CompareError> {
        let place = |(branch, place): &(Branch, u64)| v1::PlaceRef {
            branch: Some(digests::write_branch(branch)),
            place: *place,
        };
        let request = v1::FactsRequest { places: places.iter().map(place).collect() };
        let reply = self.other.facts(request, self.patience).await.map_err(CompareError::Silent)?;
        if reply.places.len() != places.len() {
            return Err(CompareError::Unfitting(Unfitting));
        }
        let mut facts = Facts::new();
        for (place, told) in places.iter().zip(&reply.places) {
            let read = told.facts.iter().map(digests::read_fact).collect::<Result<Vec<_>, _>>();
            facts.insert(*place, read.map_err(CompareError::Reply)?);
        }
        Ok(facts)
    }
}

async fn own_facts(book: &impl Book, places: &[(Branch, u64)]) -> Result<Facts, CompareError> {
    let own = |fault: proto::convert::WireError| CompareError::Own(fault.to_string());
    let mut facts = Facts::new();
    for (place, standing) in places.iter().zip(book.leaves().leaf_standing(places.to_vec()).await?) {
        for (digest, operation, outcome) in standing {
            let (operation, outcome) = (read_operation(&operation).map_err(own)?, read_outcome(&outcome).map_err(own)?);
            if let Some(fact) = Fact::of(&outcome) {
                facts.entry(*place).or_default().push((digest, operation.key.to_text(), fact));
            }
        }
    }
    Ok(facts)
}

fn told(difference: &Difference, ours: &Facts, theirs: &Facts) -> Option<Apart> {
    let Difference { branch, place, ours: our_digest, theirs: their_digest } = *difference;
    let find = |facts: &Facts, digest: Option<Digest>| {
        let at = facts.get(&(branch, place))?;
        at.iter().find(|(found, _, _)| Some(*found) == digest).map(|(_, key, fact)| (key.clone(), fact.clone()))
    };
    let (outer, inner) = (find(ours, our_digest), find(theirs, their_digest));
    let (operation, _) = outer.clone().or_else(|| inner.clone())?;
    let fact = |found: Option<(String, Fact)>| found.map(|(_, fact)| fact);
    Some(Apart { branch, place, operation, outer: fact(outer), inner: fact(inner) })
}

/// Writes what stands apart, for the node that was asked.
pub fn write_apart(apart: &Apart) -> v1::ApartView {
    let fact =
        |fact: &Option<Fact>| fact.as_ref().map(|fact| digests::write_fact(&Digest([0; 32]), &apart.operation, fact));
    v1::ApartView {
        branch: Some(digests::write_branch(&apart.branch)),
        place: apart.place,
        outer: fact(&apart.outer),
        inner: fact(&apart.inner),
    }
}

/// Reads what stands apart by what the node said that compared.
///
/// # Errors
/// The first field that is missing or none.
pub fn read_apart(view: &v1::ApartView) -> Result<Apart, FieldFault> {
    let read = |fact: &Option<v1::Fact>| fact.as_ref().map(digests::read_fact).transpose();
    let (outer, inner) = (read(&view.outer)?, read(&view.inner)?);
    let missing = || FieldFault { field: "outer".into(), problem: "is missing, and so is inner".into() };
    let operation = outer.as_ref().or(inner.as_ref()).map(|(_, key, _)| key.clone()).ok_or_else(missing)?;
    let fact = |found: Option<(Digest, String, Fact)>| found.map(|(_, _, fact)| fact);
    let branch = digests::read_branch(view.branch.as_ref())?;
    Ok(Apart { branch, place: view.place, operation, outer: fact(outer), inner: fact(inner) })
}
