//! The region's book, told to the hub for comparing: permit, then what the region's pools are. Started by
//! [`crate::start()`].

use std::collections::BTreeSet;

use clearing::digest::Branch;
use identity::permit::HubPermit;
use identity::signing::OwnSigner;
use ledger::home::HomeStore;
use proto::status::of_refusal;
use proto::v1;
use proto::v1::reconciliation_server::Reconciliation;
use reconciliation::answering::Answering;
use settlement::ids::PoolCode;
use settlement::refusal::Refusal;
use tonic::{Request, Response, Status};

/// The service.
pub struct ReconciliationService {
    pools: BTreeSet<PoolCode>,
    book: Answering<HomeStore>,
    signer: OwnSigner,
}

impl ReconciliationService {
    /// The service of a book, signed for by the region.
    pub fn new(pools: BTreeSet<PoolCode>, store: HomeStore, signer: OwnSigner) -> ReconciliationService {
        ReconciliationService { pools, book: Answering::new(store), signer }
    }

    fn own(&self, branch: &Branch) -> bool {
        self.pools.contains(&branch.home)
    }
}

#[tonic::async_trait]
impl Reconciliation for ReconciliationService {
    async fn roots(&self, request: Request<v1::RootsRequest>) -> Result<Response<v1::RootsReply>, Status> {
        HubPermit::from_request(&request)?;
        told(self.book.roots(request.get_ref(), |branch| self.own(branch)).await)
    }

    async fn inside(&self, request: Request<v1::InsideRequest>) -> Result<Response<v1::InsideReply>, Status> {
        HubPermit::from_request(&request)?;
        told(self.book.inside(request.get_ref(), |branch| self.own(branch)).await)
    }

    async fn facts(&self, request: Request<v1::FactsRequest>) -> Result<Response<v1::FactsReply>, Status> {
        HubPermit::from_request(&request)?;
        told(self.book.facts(request.get_ref(), |branch| self.own(branch)).await)
    }

    async fn sign(&self, request: Request<v1::SignRequest>) -> Result<Response<v1::DocumentSignature>, Status> {
        HubPermit::from_request(&request)?;
        told(self.book.sign(request.get_ref(), self.signer.now(), |branch| self.own(branch)).await)
    }
}

fn told<T>(reply: Result<T, Refusal>) -> Result<Response<T>, Status> {
    reply.map(Response::new).map_err(|refusal| of_refusal(&refusal))
}
