//! Lines that go silent when the story wants them to: what is asked over them arrives and is done, and no answer to an
//! operation comes back; or the next one comes back altered ([`super::altered`]). Questions about books pass. A home
//! region signs certificates over its line.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use broker::port::HomePort;
use his::port::HubPort;
use identity::signing::Signer;
use proto::status::NoReply;
use proto::v1;
use reconciliation::answering::Answering;
use reconciliation::port::BookPort;
use tonic::Code;

use super::altered::Altering;
use crate::simulate::network::{SimulatedHome, SimulatedHub};

type Call<'a, T> = Pin<Box<dyn Future<Output = Result<T, NoReply>> + Send + 'a>>;

/// From the hub to a home region.
pub struct HomeLine {
    /// What lies behind it.
    pub home: SimulatedHome,
    /// Whether answers are lost.
    pub silent: Arc<AtomicBool>,
    /// What alters answers.
    pub altering: Arc<Altering>,
    /// Who signs for it.
    pub signer: Signer,
}

/// From a treatment side to the hub.
pub struct HubLine {
    /// What lies behind it.
    pub hub: SimulatedHub,
    /// Whether answers are lost.
    pub silent: Arc<AtomicBool>,
    /// What alters answers.
    pub altering: Arc<Altering>,
}

/// Passes a call on, and loses its answer where the line is silent when it comes.
fn lost<'a, T: Send + 'a>(silent: &'a AtomicBool, call: Call<'a, T>) -> Call<'a, T> {
    Box::pin(async move {
        let replied = call.await;
        if silent.load(Ordering::Relaxed) { Err(NoReply::Silent(Code::DeadlineExceeded)) } else { replied }
    })
}

impl HomePort for HomeLine {
    fn operate(&self, request: v1::OperateRequest, patience: Duration) -> Call<'_, v1::Answer> {
        let call = self.home.operate(request, patience);
        lost(&self.silent, Box::pin(async move { Ok(self.altering.pass(call.await?)) }))
    }

    fn resolve(&self, request: v1::ResolveRequest, patience: Duration) -> Call<'_, v1::Answer> {
        lost(&self.silent, self.home.resolve(request, patience))
    }

    fn estimate(&self, request: v1::EstimateRequest, patience: Duration) -> Call<'_, v1::EstimateReply> {
        self.home.estimate(request, patience)
    }

    fn look_up(&self, request: v1::LookUpRequest, patience: Duration) -> Call<'_, v1::LookUpReply> {
        self.home.look_up(request, patience)
    }

    fn query(&self, request: v1::QueryRequest, patience: Duration) -> Call<'_, v1::QueryReply> {
        self.home.query(request, patience)
    }

    fn book(&self, request: v1::BookRequest, patience: Duration) -> Call<'_, v1::BookReply> {
        self.home.book(request, patience)
    }

    fn reinstate(&self, request: v1::ReinstateRequest, patience: Duration) -> Call<'_, v1::ReinstateReply> {
        self.home.reinstate(request, patience)
    }

    fn affected(&self, request: v1::AffectedRequest, patience: Duration) -> Call<'_, v1::AffectedReply> {
        self.home.affected(request, patience)
    }

    fn correct(&self, request: v1::CorrectRequest, patience: Duration) -> Call<'_, v1::CorrectReply> {
        lost(&self.silent, self.home.correct(request, patience))
    }

    fn as_book(&self) -> &dyn BookPort {
        self
    }
}

impl BookPort for HomeLine {
    fn roots(&self, request: v1::RootsRequest, patience: Duration) -> Call<'_, v1::RootsReply> {
        self.home.roots(request, patience)
    }

    fn inside(&self, request: v1::InsideRequest, patience: Duration) -> Call<'_, v1::InsideReply> {
        self.home.inside(request, patience)
    }

    fn facts(&self, request: v1::FactsRequest, patience: Duration) -> Call<'_, v1::FactsReply> {
        self.home.facts(request, patience)
    }

    fn sign(&self, request: v1::SignRequest, patience: Duration) -> Call<'_, v1::DocumentSignature> {
        let signer = self.signer.clone();
        Box::pin(self.home.way.call(patience, move |door| {
            let (signer, request) = (signer.clone(), request.clone());
            Box::pin(async move {
                let book = Answering::new(door.store.clone());
                book.sign(&request, Some(signer), |branch| door.pools.contains(&branch.home)).await
            })
        }))
    }
}

impl HubPort for HubLine {
    fn operate(&self, request: v1::OperateRequest, patience: Duration) -> Call<'_, v1::OperateReply> {
        let call = self.hub.operate(request, patience);
        lost(&self.silent, Box::pin(async move { Ok(self.altering.pass_reply(call.await?)) }))
    }

    fn resolve(&self, request: v1::ResolveRequest, patience: Duration) -> Call<'_, v1::OperateReply> {
        let call = self.hub.resolve(request, patience);
        lost(&self.silent, Box::pin(async move { Ok(self.altering.pass_reply(call.await?)) }))
    }

    fn estimate(&self, request: v1::EstimateRequest, patience: Duration) -> Call<'_, v1::EstimateReply> {
        self.hub.estimate(request, patience)
    }

    fn look_up(&self, request: v1::LookUpRequest, patience: Duration) -> Call<'_, v1::LookUpReply> {
        self.hub.look_up(request, patience)
    }

    fn query(&self, request: v1::QueryRequest, patience: Duration) -> Call<'_, v1::QueryReply> {
        self.hub.query(request, patience)
    }
}
