//! The hub's book, told to treatment sides for comparing: each sees what its institutions were part of. Started by
//! [`crate::start()`].

use clearing::digest::Branch;
use identity::permit::TreatmentPermit;
use identity::signing::OwnSigner;
use ledger::hub::HubStore;
use proto::status::of_refusal;
use proto::v1;
use proto::v1::reconciliation_server::Reconciliation;
use reconciliation::answering::Answering;
use settlement::refusal::Refusal;
use tonic::{Request, Response, Status};

use super::certificates::issued;

/// The service.
pub struct ReconciliationService {
    book: Answering<HubStore>,
    /// The same, with what was certified of it.
    store: HubStore,
    signer: OwnSigner,
}

impl ReconciliationService {
    /// The service of the hub's book, signed for by the hub.
    pub fn new(store: HubStore, signer: OwnSigner) -> ReconciliationService {
        ReconciliationService { book: Answering::new(store.clone()), store, signer }
    }

    /// Signs what the hub has issued, while its book holds it.
    async fn signed(
        &self,
        permit: &TreatmentPermit,
        asked: &v1::SignRequest,
    ) -> Result<v1::DocumentSignature, Refusal> {
        issued(&self.store, permit, &asked.text).await?;
        self.book.sign(asked, self.signer.now(), own(permit)).await
    }
}

#[tonic::async_trait]
impl Reconciliation for ReconciliationService {
    async fn roots(&self, request: Request<v1::RootsRequest>) -> Result<Response<v1::RootsReply>, Status> {
        let permit = TreatmentPermit::from_request(&request)?;
        told(self.book.roots(request.get_ref(), own(&permit)).await)
    }

    async fn inside(&self, request: Request<v1::InsideRequest>) -> Result<Response<v1::InsideReply>, Status> {
        let permit = TreatmentPermit::from_request(&request)?;
        told(self.book.inside(request.get_ref(), own(&permit)).await)
    }

    async fn facts(&self, request: Request<v1::FactsRequest>) -> Result<Response<v1::FactsReply>, Status> {
        let permit = TreatmentPermit::from_request(&request)?;
        told(self.book.facts(request.get_ref(), own(&permit)).await)
    }

    async fn sign(&self, request: Request<v1::SignRequest>) -> Result<Response<v1::DocumentSignature>, Status> {
        let permit = TreatmentPermit::from_request(&request)?;
        told(self.signed(&permit, request.get_ref()).await)
    }
}

fn own(permit: &TreatmentPermit) -> impl Fn(&Branch) -> bool + Send {
    |branch| permit.allows(branch.treatment)
}

fn told<T>(reply: Result<T, Refusal>) -> Result<Response<T>, Status> {
    reply.map(Response::new).map_err(|refusal| of_refusal(&refusal))
}
