//! The simulated network: it loses, doubles, delays, reorders and cuts what it carries. Both ports of the real nodes
//! speak through it, and so do the hospitals. It never changes a message.

use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use broker::port::HomePort;
use his::port::HubPort;
use identity::permit::{HubPermit, TreatmentPermit};
use proto::status::NoReply;
use proto::{convert, v1};
use reconciliation::port::BookPort;
use settlement::ids::PoolCode;
use settlement::operation::readable;
use settlement::refusal::{Reason, Refusal};
use tokio::sync::oneshot;
use tonic::Code;

use super::climate::Context;
use super::node::Node;
use super::planted;

type Call<'a, T> = Pin<Box<dyn Future<Output = Result<T, NoReply>> + Send + 'a>>;
type Served<T> = Pin<Box<dyn Future<Output = Result<T, Refusal>> + Send>>;

/// A message usually takes up to so many milliseconds.
const USUAL_MS: u64 = 32;
/// One that comes too late comes up to so many milliseconds after it was sent.
const LATEST_MS: u64 = 30_000;

/// The way to a node, for those that know its name.
pub struct Way<D> {
    /// The world.
    pub context: Arc<Context>,
    /// Where it leads.
    pub to: Arc<Node<D>>,
}

impl<D> Clone for Way<D> {
    fn clone(&self) -> Way<D> {
        Way { context: self.context.clone(), to: self.to.clone() }
    }
}

impl<D: Send + Sync + 'static> Way<D> {
    /// Has a node serve something, as far as the network lets it.
    ///
    /// # Errors
    /// What the sender knows where it gets no reply.
    pub async fn call<T, S>(&self, patience: Duration, serve: S) -> Result<T, NoReply>
    where
        T: Send + 'static,
        S: Fn(Arc<D>) -> Served<T> + Clone + Send + Sync + 'static,
    {
        let (context, name) = (&self.context, self.to.name());
        if self.to.opened().is_none() || context.strikes(context.climate.refused, "connection refused", name) {
            tokio::time::sleep(context.chance.pause(1, 8)).await;
            return Err(NoReply::NeverSent);
        }
        let replied = tokio::time::timeout(patience, self.exchange(serve)).await;
        replied.unwrap_or(Err(NoReply::Silent(Code::DeadlineExceeded)))
    }

    async fn exchange<T, S>(&self, serve: S) -> Result<T, NoReply>
    where
        T: Send + 'static,
        S: Fn(Arc<D>) -> Served<T> + Clone + Send + Sync + 'static,
    {
        let (context, climate, name) = (&self.context, &self.context.climate, self.to.name());
        let given_up = context.strikes(climate.given_up, "given up with its sender", name);
        let (end, ended) = oneshot::channel();
        if context.strikes(climate.doubled, "doubled", name) {
            self.deliver_again(context.chance.pause(1, LATEST_MS), serve.clone(), ended);
        }
        if context.strikes(climate.request_lost, "request lost", name) {
            std::future::pending::<()>().await;
        }
        let late = context.strikes(climate.late, "late", name);
        let (tell, told) = oneshot::channel();
        let delay = if late { context.chance.pause(2_000, LATEST_MS) } else { context.chance.pause(1, USUAL_MS) };
        self.deliver(delay, serve, Some(Sender { tell, end }), given_up && !late);
        let told = told.await.map_err(|_| NoReply::Silent(Code::Unavailable))?;
        if context.strikes(climate.reply_lost, "reply lost", name) {
            if context.chance.happens(500) {
                return Err(NoReply::Silent(Code::Unavailable));
            }
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(context.chance.pause(1, USUAL_MS)).await;
        told.map_err(NoReply::Refused)
    }

    /// Delivers a request once more. TLS doubles nothing: what comes twice was sent twice, by somebody who was not told
    /// that nothing was kept of it.
    fn deliver_again<T, S>(&self, delay: Duration, serve: S, first: oneshot::Receiver<End>)
    where
        T: Send + 'static,
        S: Fn(Arc<D>) -> Served<T> + Clone + Send + Sync + 'static,
    {
        let way = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(delay).await;
            if first.await != Ok(End::NothingKept) {
                way.deliver(Duration::ZERO, serve, None, false);
            }
        });
    }

    /// Delivers a request after a while, if its node is up by then, as work of the node's own. Whether the node goes on
    /// when the sender has gone is up to its transport.
    fn deliver<T, S>(&self, delay: Duration, serve: S, sender: Option<Sender<T>>, given_up: bool)
    where
        T: Send + 'static,
        S: Fn(Arc<D>) -> Served<T> + Send + Sync + 'static,
    {
        let node = self.to.clone();
        tokio::spawn(async move {
            tokio::time::sleep(delay).await;
            let Some(door) = node.opened() else { return };
            node.spawn(serve_one(serve(door), sender, given_up));
        });
    }
}

/// Who waits for a reply, and what else hangs on it.
struct Sender<T> {
    tell: oneshot::Sender<Result<T, Refusal>>,
    end: oneshot::Sender<End>,
}

/// How a delivery ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// It was refused for now, and nothing was kept of it.
    NothingKept,
    Served,
}

async fn serve_one<T>(work: Served<T>, sender: Option<Sender<T>>, given_up: bool) {
    let Some(Sender { mut tell, end }) = sender else {
        work.await.ok();
        return;
    };
    let served = if given_up {
        tokio::select! {
            biased;
            served = work => served,
            () = tell.closed() => return,
        }
    } else {
        work.await
    };
    let for_now = |refusal: &Refusal| matches!(refusal.reason, Reason::Busy | Reason::RegionUnavailable);
    let kept_nothing = served.as_ref().is_err_and(for_now);
    // Whoever asked may have gone.
    let _ = end.send(if kept_nothing { End::NothingKept } else { End::Served });
    let _ = tell.send(served);
}

/// A home region, as the hub reaches it.
pub struct SimulatedHome {
    /// The way there.
    pub way: Way<region::door::Door>,
    /// The hub's permit.
    pub permit: HubPermit,
    /// The pools whose people it answers for.
    pub pools: BTreeSet<PoolCode>,
    /// What stands before its door.
    pub home: planted::Home,
}

/// The hub, as a treatment side reaches it.
pub struct SimulatedHub {
    /// The way there.
    pub way: Way<broker::door::Door>,
    /// The treatment side's permit.
    pub permit: TreatmentPermit,
}

/// One call through a port: the request is copied for every time that it arrives.
macro_rules! carried {
    ($port:ident, $request:ident, $patience:ident, |$door:ident, $permit:ident| $entered:expr) => {{
        let permit = $port.permit.clone();
        Box::pin($port.way.call($patience, move |$door| {
            let ($permit, $request) = (permit.clone(), $request.clone());
            Box::pin(async move { $entered.await })
        }))
    }};
}

impl SimulatedHome {
    /// The hub does not believe what does not, so that without looking here nobody would see it.
    fn answers_what_was_asked(&self, asked: &[u8], answer: &v1::Answer) {
        let Ok(operation) = convert::read_operation(asked) else { return };
        if let Err(fault) = broker::answer::check(&operation, answer.clone(), &self.pools, self.way.to.clock.now()) {
            let key = readable(&operation.key.to_text());
            let finding = format!("an answer is to what was asked does not hold for operation {key}: {fault}");
            self.way.context.record.finding(finding);
        }
    }
}

impl HomePort for SimulatedHome {
    fn operate(&self, request: v1::OperateRequest, patience: Duration) -> Call<'_, v1::Answer> {
        let (home, permit) = (self.home.clone(), self.permit.clone());
        let asked = request.operation.clone();
        let call = self.way.call(patience, move |door| {
            let (home, permit, request) = (home.clone(), permit.clone(), request.clone());
            Box::pin(async move { home.operate(door, &permit, request).await })
        });
        Box::pin(async move { call.await.inspect(|answer| self.answers_what_was_asked(&asked, answer)) })
    }

    fn resolve(&self, request: v1::ResolveRequest, patience: Duration) -> Call<'_, v1::Answer> {
        let (home, permit) = (self.home.clone(), self.permit.clone());
        Box::pin(self.way.call(patience, move |door| {
            let (home, permit, request) = (home.clone(), permit.clone(), request.clone());
            Box::pin(async move { home.resolve(door, &permit, request).await })
        }))
    }

    fn estimate(&self, request: v1::EstimateRequest, patience: Duration) -> Call<'_, v1::EstimateReply> {
        carried!(self, request, patience, |door, permit| door.estimate(&permit, request))
    }

    fn look_up(&self, request: v1::LookUpRequest, patience: Duration) -> Call<'_, v1::LookUpReply> {
        carried!(self, request, patience, |door, permit| door.look_up(&permit, request))
    }

    fn query(&self, request: v1::QueryRequest, patience: Duration) -> Call<'_, v1::QueryReply> {
        carried!(self, request, patience, |door, permit| door.query(&permit, request))
    }

    fn book(&self, request: v1::BookRequest, patience: Duration) -> Call<'_, v1::BookReply> {
        carried!(self, request, patience, |door, permit| door.book(&permit, &request))
    }

    fn reinstate(&self, request: v1::ReinstateRequest, patience: Duration) -> Call<'_, v1::ReinstateReply> {
        carried!(self, request, patience, |door, permit| door.reinstate(&permit, request))
    }

    fn correct(&self, request: v1::CorrectRequest, patience: Duration) -> Call<'_, v1::CorrectReply> {
        carried!(self, request, patience, |door, permit| door.correct(&permit, request))
    }

    fn as_book(&self) -> &dyn BookPort {
        self
    }
}

impl HubPort for SimulatedHub {
    fn operate(&self, request: v1::OperateRequest, patience: Duration) -> Call<'_, v1::OperateReply> {
        carried!(self, request, patience, |door, permit| door.operate(&permit, request, Some(patience)))
    }

    fn resolve(&self, request: v1::ResolveRequest, patience: Duration) -> Call<'_, v1::OperateReply> {
        carried!(self, request, patience, |door, permit| door.resolve(&permit, &request, Some(patience)))
    }

    fn estimate(&self, request: v1::EstimateRequest, patience: Duration) -> Call<'_, v1::EstimateReply> {
        carried!(self, request, patience, |door, permit| door.estimate(&permit, request, Some(patience)))
    }

    fn look_up(&self, request: v1::LookUpRequest, patience: Duration) -> Call<'_, v1::LookUpReply> {
        carried!(self, request, patience, |door, permit| door.look_up(&permit, request, Some(patience)))
    }

    fn query(&self, request: v1::QueryRequest, patience: Duration) -> Call<'_, v1::QueryReply> {
        carried!(self, request, patience, |door, permit| door.query(&permit, request, Some(patience)))
    }
}
