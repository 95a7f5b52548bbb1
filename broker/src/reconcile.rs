//! Comparing the hub's book with a home region's, by digests: equal books cost one exchange. What differs becomes a break
//! with what is proposed; what is still in doubt is none, for its home region will say. Days on which the books agree are
//! recorded, and signed once all three books do. Called by [`crate::jobs`] and by operators.

use std::collections::BTreeMap;

use clearing::breaks::{Books, Fact, judge};
use clearing::certificate::Agreement;
use clearing::digest::{Branch, Comparison, Difference, Digest, Inside, Node, Prefix, Unfitting};
use jiff::civil::Date;
use ledger::hub::FoundBreak;
use ledger::leaves::Scope;
use ledger::store::StoreError;
use proto::convert::{FieldFault, digests, read_operation, read_outcome};
use proto::status::NoReply;
use proto::v1;
use settlement::ids::PoolCode;

use crate::clearing::READING;
use crate::directory::Home;
use crate::hub::Hub;

/// So many parts or places are asked for at once.
const AT_ONCE: usize = 1_000;

/// Why books could not be compared.
#[derive(Debug, thiserror::Error)]
pub enum CompareError {
    /// The hub's own book cannot be read.
    #[error("the hub's book cannot be read")]
    Store(#[from] StoreError),
    /// The region does not answer.
    #[error("the home region does not answer: {}", .0.word())]
    Region(NoReply),
    /// What it says cannot be read.
    #[error("the home region's {} {}", .0.field, .0.problem)]
    Reply(FieldFault),
    /// What it says is not about what was asked.
    #[error("the home region answered something else")]
    Unfitting(#[from] Unfitting),
    /// The hub's own operation cannot be read: a fault of ours.
    #[error("an operation of the hub's book cannot be read: {0}")]
    Own(String),
}

/// What comparing came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Compared {
    /// Branches that agree.
    pub agreed: usize,
    /// Breaks that stand.
    pub breaks: usize,
    /// Differences that are still in doubt.
    pub pending: usize,
}

/// What stands at places, by place and digest, with the operation's key.
type Facts = BTreeMap<(Branch, u64), Vec<(Digest, String, Fact)>>;

impl Hub {
    /// Compares the hub's book of some days with a home region's, for one of its pools.
    ///
    /// # Errors
    /// When either book cannot be read; nothing is recorded then.
    pub async fn compare(&self, home: &Home, pool: PoolCode, days: (Date, Date)) -> Result<Compared, CompareError> {
        self.store.journal_fold(READING).await?;
        let scope = Scope { home: Some(pool), treatment: None };
        let ours = self.store.leaves().leaf_roots(days, scope).await?;
        let theirs = self.their_roots(home, pool, days).await?;
        let mut comparison = Comparison::of_roots(&ours, &theirs);
        while !comparison.open().is_empty() {
            let open = comparison.open().to_vec();
            let here = self.store.leaves().leaf_inside(open.clone()).await?;
            let there = self.their_inside(home, &open).await?;
            comparison.take(&here, &there)?;
        }
        let differences: Vec<Difference> = comparison.found().iter().copied().collect();
        let (found, pending) = self.judge(home, &differences).await?;
        let agreed: Vec<(Branch, Node)> =
            ours.into_iter().filter(|(branch, root)| theirs.get(branch) == Some(root)).collect();
        let compared = Compared { agreed: agreed.len(), breaks: found.len(), pending };
        let now = self.clock.now();
        self.store.break_record(Books::HubHome, days, scope, found, now).await?;
        self.store.agreement_record(Books::HubHome, agreed, now).await?;
        Ok(compared)
    }

    /// Has a home region sign a certificate of agreement.
    ///
    /// # Errors
    /// When the region does not answer, or its book holds otherwise by now.
    pub async fn have_signed(&self, home: &Home, agreement: &Agreement) -> Result<v1::DocumentSignature, CompareError> {
        let request = v1::SignRequest { text: agreement.to_string() };
        home.port().sign(request, self.patience).await.map_err(CompareError::Region)
    }

    async fn their_roots(
        &self,
        home: &Home,
        pool: PoolCode,
        (from, to): (Date, Date),
    ) -> Result<BTreeMap<Branch, Node>, CompareError> {
        let request = v1::RootsRequest {
            from: from.to_string(),
            to: to.to_string(),
            home: pool.to_string(),
            treatment: String::new(),
        };
        let reply = home.port().roots(request, self.patience).await.map_err(CompareError::Region)?;
        let roots = reply.roots.iter().map(digests::read_root).collect::<Result<BTreeMap<_, _>, _>>();
        let roots = roots.map_err(CompareError::Reply)?;
        let asked = |branch: &Branch| branch.home == pool && (from..=to).contains(&branch.day);
        if roots.keys().all(asked) { Ok(roots) } else { Err(CompareError::Unfitting(Unfitting)) }
    }

    async fn their_inside(&self, home: &Home, open: &[(Branch, Prefix)]) -> Result<Vec<Inside>, CompareError> {
        let mut inside = Vec::with_capacity(open.len());
        for some in open.chunks(AT_ONCE) {
            let request = v1::InsideRequest { parts: some.iter().map(digests::write_part_ref).collect() };
            let reply = home.port().inside(request, self.patience).await.map_err(CompareError::Region)?;
            if reply.inside.len() != some.len() {
                return Err(CompareError::Unfitting(Unfitting));
            }
            for ((_, prefix), told) in some.iter().zip(&reply.inside) {
                inside.push(digests::read_inside(*prefix, told).map_err(CompareError::Reply)?);
            }
        }
        Ok(inside)
    }

    /// What the differences are, and how many of them are in doubt.
    async fn judge(&self, home: &Home, differences: &[Difference]) -> Result<(Vec<FoundBreak>, usize), CompareError> {
        let (mut found, mut pending) = (Vec::new(), 0);
        for some in differences.chunks(AT_ONCE) {
            let places: Vec<(Branch, u64)> =
                some.iter().map(|difference| (difference.branch, difference.place)).collect();
            let (ours, theirs) = (self.own_facts(&places).await?, self.their_facts(home, &places).await?);
            for difference in some {
                let (outer, inner) =
                    (fact_of(&ours, difference, difference.ours), fact_of(&theirs, difference, difference.theirs));
                let Some((key, _)) = outer.or(inner) else { continue };
                if outer.is_none() && self.store.operation_waits(key.clone()).await? {
                    pending += 1;
                    continue;
                }
                found.extend(found_break(difference, key, outer.map(|(_, fact)| fact), inner.map(|(_, fact)| fact)));
            }
        }
        Ok((found, pending))
    }

    async fn own_facts(&self, places: &[(Branch, u64)]) -> Result<Facts, CompareError> {
        let standing = self.store.leaves().leaf_standing(places.to_vec()).await?;
        let mut facts = Facts::new();
        for (place, standing) in places.iter().zip(standing) {
            for (digest, operation, outcome) in standing {
                let own = |fault: proto::convert::WireError| CompareError::Own(fault.to_string());
                let (operation, outcome) =
                    (read_operation(&operation).map_err(own)?, read_outcome(&outcome).map_err(own)?);
                if let Some(fact) = Fact::of(&outcome) {
                    facts.entry(*place).or_default().push((digest, operation.key.to_text(), fact));
                }
            }
        }
        Ok(facts)
    }

    async fn their_facts(&self, home: &Home, places: &[(Branch, u64)]) -> Result<Facts, CompareError> {
        let place_ref = |(branch, place): &(Branch, u64)| v1::PlaceRef {
            branch: Some(digests::write_branch(branch)),
            place: *place,
        };
        let request = v1::FactsRequest { places: places.iter().map(place_ref).collect() };
        let reply = home.port().facts(request, self.patience).await.map_err(CompareError::Region)?;
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

fn fact_of<'f>(facts: &'f Facts, difference: &Difference, digest: Option<Digest>) -> Option<(&'f String, &'f Fact)> {
    let at = facts.get(&(difference.branch, difference.place))?;
    at.iter().find(|(found, _, _)| Some(*found) == digest).map(|(_, key, fact)| (key, fact))
}

fn found_break(difference: &Difference, key: &str, outer: Option<&Fact>, inner: Option<&Fact>) -> Option<FoundBreak> {
    let judged = judge(Books::HubHome, outer, inner)?;
    Some(FoundBreak {
        branch: difference.branch,
        place: difference.place,
        operation: key.to_owned(),
        kind: judged.kind,
        settlement: judged.settlement,
        outer: (judged.outer.total, judged.outer.owed()),
        inner: (judged.inner.total, judged.inner.owed()),
        proposed: judged.proposed,
    })
}
