//! Comparing the region's book with the hub's, over gRPC: digests of days, what stands where they differ, and the
//! region's signature under a day on which they agree. Started by [`crate::start()`].

use std::collections::{BTreeMap, BTreeSet};

use clearing::breaks::Fact;
use clearing::certificate::Agreement;
use clearing::digest::{Branch, Digest, Node};
use identity::permit::HubPermit;
use identity::signing::Signer;
use jiff::civil::Date;
use ledger::home::HomeStore;
use ledger::leaves::{Scope, Standing};
use proto::convert::{FieldFault, digests, read_leaf, read_operation, read_outcome};
use proto::status::of_refusal;
use proto::v1;
use proto::v1::reconciliation_server::Reconciliation;
use settlement::ids::{PoolCode, RegionCode};
use settlement::refusal::{Reason, Refusal};
use tonic::{Request, Response, Status};

use crate::door::unread;

/// So many parts or places are told of at once.
const AT_ONCE: usize = 2_000;

/// The service.
pub struct ReconciliationService {
    pools: BTreeSet<PoolCode>,
    store: HomeStore,
    signer: Option<Signer>,
}

impl ReconciliationService {
    /// The service of a book. Without a signer it signs nothing.
    pub fn new(pools: BTreeSet<PoolCode>, store: HomeStore, signer: Option<Signer>) -> ReconciliationService {
        ReconciliationService { pools, store, signer }
    }

    async fn tell_roots(&self, asked: v1::RootsRequest) -> Result<v1::RootsReply, Refusal> {
        let days = (read_day("from", &asked.from)?, read_day("to", &asked.to)?);
        let scope =
            Scope { home: self.pool("home", &asked.home)?, treatment: read_pool("treatment", &asked.treatment)? };
        let roots = self.own_roots(days, scope).await?;
        Ok(v1::RootsReply { roots: roots.iter().map(|(branch, root)| digests::write_root(branch, root)).collect() })
    }

    async fn tell_inside(&self, asked: v1::InsideRequest) -> Result<v1::InsideReply, Refusal> {
        let parts = few(&asked.parts, "parts")?.iter().map(digests::read_part_ref).collect::<Result<Vec<_>, _>>();
        let parts = parts.map_err(|fault| unreadable(&fault))?;
        parts.iter().try_for_each(|(branch, _)| self.serves(branch.home))?;
        let inside = self.store.leaves().leaf_inside(parts).await.map_err(unread)?;
        Ok(v1::InsideReply { inside: inside.iter().map(digests::write_inside).collect() })
    }

    async fn tell_facts(&self, asked: v1::FactsRequest) -> Result<v1::FactsReply, Refusal> {
        let places = few(&asked.places, "places")?.iter().map(|place| {
            Ok((digests::read_branch(place.branch.as_ref()).map_err(|fault| unreadable(&fault))?, place.place))
        });
        let places = places.collect::<Result<Vec<(Branch, u64)>, Refusal>>()?;
        places.iter().try_for_each(|(branch, _)| self.serves(branch.home))?;
        let standing = self.store.leaves().leaf_standing(places).await.map_err(unread)?;
        let at = |standing: Vec<Standing>| {
            let facts = standing.iter().filter_map(|standing| write_fact(standing).transpose());
            Ok(v1::FactsAt { facts: facts.collect::<Result<_, Refusal>>()? })
        };
        Ok(v1::FactsReply { places: standing.into_iter().map(at).collect::<Result<_, Refusal>>()? })
    }

    /// Signs a certificate of agreement, if the book holds exactly what it says.
    async fn sign_text(&self, asked: &v1::SignRequest) -> Result<v1::DocumentSignature, Refusal> {
        let agreement = Agreement::read(&asked.text).map_err(|fault| invalid("text", fault))?;
        let Branch { day, home, treatment } = agreement.branch;
        self.serves(home)?;
        let scope = Scope { home: Some(home), treatment: Some(treatment) };
        let held =
            self.own_roots((day, day), scope).await?.get(&agreement.branch).map(|root| (root.count, root.digest));
        if held != Some((agreement.operations, agreement.root)) {
            return Err(invalid("text", "is not what this book holds"));
        }
        let signer =
            self.signer.as_ref().ok_or_else(|| invalid("text", "cannot be signed: there is no signing.pem"))?;
        let signature = signer.sign(asked.text.as_bytes()).map_err(|_| Refusal::new(Reason::Internal))?;
        Ok(v1::DocumentSignature {
            scheme: signature.scheme.into(),
            signature: signature.bytes.into(),
            chain: signature.chain.into_iter().map(Into::into).collect(),
        })
    }

    async fn own_roots(&self, days: (Date, Date), scope: Scope) -> Result<BTreeMap<Branch, Node>, Refusal> {
        while self.store.leaf_fold(read_leaf).await.map_err(unread)? {}
        let roots = self.store.leaves().leaf_roots(days, scope).await.map_err(unread)?;
        Ok(roots.into_iter().filter(|(branch, _)| self.pools.contains(&branch.home)).collect())
    }

    fn serves(&self, home: PoolCode) -> Result<(), Refusal> {
        let not_served = || Refusal::new(Reason::RegionNotServed).of_field("home").because(home.to_string());
        if self.pools.contains(&home) { Ok(()) } else { Err(not_served()) }
    }

    /// A pool that is named and served here; none where none is named.
    fn pool(&self, field: &'static str, code: &str) -> Result<Option<PoolCode>, Refusal> {
        let pool = read_pool(field, code)?;
        pool.map_or(Ok(()), |pool| self.serves(pool)).map(|()| pool)
    }
}

#[tonic::async_trait]
impl Reconciliation for ReconciliationService {
    async fn roots(&self, request: Request<v1::RootsRequest>) -> Result<Response<v1::RootsReply>, Status> {
        HubPermit::from_request(&request)?;
        told(self.tell_roots(request.into_inner()).await)
    }

    async fn inside(&self, request: Request<v1::InsideRequest>) -> Result<Response<v1::InsideReply>, Status> {
        HubPermit::from_request(&request)?;
        told(self.tell_inside(request.into_inner()).await)
    }

    async fn facts(&self, request: Request<v1::FactsRequest>) -> Result<Response<v1::FactsReply>, Status> {
        HubPermit::from_request(&request)?;
        told(self.tell_facts(request.into_inner()).await)
    }

    async fn sign(&self, request: Request<v1::SignRequest>) -> Result<Response<v1::DocumentSignature>, Status> {
        HubPermit::from_request(&request)?;
        told(self.sign_text(request.get_ref()).await)
    }
}

fn told<T>(reply: Result<T, Refusal>) -> Result<Response<T>, Status> {
    reply.map(Response::new).map_err(|refusal| of_refusal(&refusal))
}

fn write_fact((digest, operation, outcome): &Standing) -> Result<Option<v1::Fact>, Refusal> {
    let operation = read_operation(operation).map_err(|_| Refusal::new(Reason::Internal))?;
    let outcome = read_outcome(outcome).map_err(|_| Refusal::new(Reason::Internal))?;
    let digest: &Digest = digest;
    Ok(Fact::of(&outcome).map(|fact| digests::write_fact(digest, &operation.key.to_text(), &fact)))
}

fn few<'a, T>(asked: &'a [T], field: &'static str) -> Result<&'a [T], Refusal> {
    if asked.len() > AT_ONCE { Err(invalid(field, format!("are more than {AT_ONCE}"))) } else { Ok(asked) }
}

fn read_day(field: &'static str, text: &str) -> Result<Date, Refusal> {
    text.parse().map_err(|_| invalid(field, "is not a day such as 2025-06-30"))
}

fn read_pool(field: &'static str, code: &str) -> Result<Option<PoolCode>, Refusal> {
    if code.is_empty() {
        return Ok(None);
    }
    RegionCode::new(code).map(|code| Some(PoolCode(code))).map_err(|fault| invalid(field, fault))
}

fn invalid(field: &'static str, problem: impl ToString) -> Refusal {
    Refusal::new(Reason::InvalidField).of_field(field).because(problem.to_string())
}

fn unreadable(fault: &FieldFault) -> Refusal {
    Refusal::new(Reason::InvalidField).of_field(fault.field.clone()).because(fault.problem.clone())
}
