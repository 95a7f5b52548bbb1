//! Lines that go silent when the story wants them to: what is asked over them arrives and is done, and no answer to an
//! operation comes back. Questions about books pass.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use broker::port::HomePort;
use his::port::HubPort;
use proto::status::NoReply;
use proto::v1;
use reconciliation::port::BookPort;
use tonic::Code;

use crate::simulate::network::{SimulatedHome, SimulatedHub};

type Call<'a, T> = Pin<Box<dyn Future<Output = Result<T, NoReply>> + Send + 'a>>;

/// From the hub to a home region.
pub struct HomeLine {
    /// What lies behind it.
    pub home: SimulatedHome,
    /// Whether answers are lost.
    pub silent: Arc<AtomicBool>,
}

/// From a treatment side to the hub.
pub struct HubLine {
    /// What lies behind it.
    pub hub: SimulatedHub,
    /// Whether answers are lost.
    pub silent: Arc<AtomicBool>,
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
        lost(&self.silent, self.home.operate(request, patience))
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

    fn correct(&self, request: v1::CorrectRequest, patience: Duration) -> Call<'_, v1::CorrectReply> {
        lost(&self.silent, self.home.correct(request, patience))
    }

    fn as_book(&self) -> &dyn BookPort {
        &self.home
    }
}

impl HubPort for HubLine {
    fn operate(&self, request: v1::OperateRequest, patience: Duration) -> Call<'_, v1::OperateReply> {
        lost(&self.silent, self.hub.operate(request, patience))
    }

    fn resolve(&self, request: v1::ResolveRequest, patience: Duration) -> Call<'_, v1::OperateReply> {
        lost(&self.silent, self.hub.resolve(request, patience))
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
