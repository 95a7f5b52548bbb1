//! A home region that does what a test tells it, and otherwise pays half of every bill. It keeps what it decided, so
//! it can be stopped and started again like a real one.

use std::collections::{HashMap, HashSet, VecDeque};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use identity::credentials::Credentials;
use identity::permit::HubPermit;
use identity::server::{MtlsListener, builder};
use jiff::Timestamp;
use proto::convert;
use proto::v1;
use proto::v1::home_region_server::{HomeRegion, HomeRegionServer};
use proto::v1::reconciliation_server::{Reconciliation, ReconciliationServer};
use proto::v1::region_book_server::{RegionBook, RegionBookServer};
use proto::v1::region_corrections_server::{RegionCorrections, RegionCorrectionsServer};
use settlement::adjudication::{Fund, FundShares, Payers};
use settlement::ids::SettlementId;
use settlement::money::Money;
use settlement::operation::{Operation, OperationKey, Request, Settle};
use settlement::outcome::{Done, Outcome, Settled, Undone};
use settlement::person::PersonClass;
use settlement::refusal::{Reason, Refusal};
use settlement::rulebook::RuleBookHash;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Notify, watch};
use tonic::{Response, Status};

/// What it does with the next operation.
#[derive(Clone, Debug)]
pub enum Script {
    /// Decides, and its answer is lost: it hangs until it is stopped.
    DecideAndHang,
    /// Hangs until it is stopped, and never decides.
    Hang,
    /// Decides and answers once it is told to.
    AnswerWhen(Arc<Notify>),
    /// Answers this outcome.
    Say(Outcome),
    /// Decides, and answers under this number.
    Number(u64),
    /// Refuses in a status and keeps nothing.
    Refuse(Refusal),
}

/// What it remembers.
#[derive(Default)]
struct Book {
    answers: HashMap<OperationKey, v1::Answer>,
    settled: HashMap<SettlementId, Settled>,
    operated: Vec<v1::OperateRequest>,
    estimated: Vec<v1::EstimateRequest>,
    /// Why it lets no filing be changed.
    locks: Option<Refusal>,
    changed: Vec<v1::ChangeFilingRequest>,
    script: VecDeque<Script>,
    /// What it says, in a status, to whoever asks what became of an operation.
    refuses_to_resolve: Option<Refusal>,
    refused_to_resolve: usize,
    /// What it says is affected.
    affected: Vec<v1::AffectedSettlement>,
    /// The batches that it was asked to take, in order.
    corrected: Vec<v1::CorrectRequest>,
    /// Those that it has taken.
    taken: HashSet<String>,
    correcting: VecDeque<Correcting>,
    /// How often it was asked to sign a certificate.
    asked_to_sign: usize,
}

/// What it does with the next batch of corrections.
#[derive(Clone, Debug)]
pub enum Correcting {
    /// Takes it, and its answer is lost: it hangs until it is stopped.
    TakeAndHang,
    /// Says that this settlement cannot be corrected.
    Fault(&'static str),
    /// Takes it, and says that it did so under this number.
    Number(u64),
}

#[derive(Clone)]
pub struct FakeHome {
    book: Arc<Mutex<Book>>,
    arrived: watch::Sender<usize>,
    /// Whether it does nothing at all for the time being.
    stalled: watch::Sender<bool>,
}

/// One that runs, with threads of its own: when they end, its connections are cut in the middle of whatever it does.
pub struct Served {
    pub address: SocketAddr,
    threads: Option<Runtime>,
}

impl Served {
    /// Stops it, and returns when it is gone.
    pub async fn stop(mut self) {
        let threads = self.threads.take().expect("it runs until it is stopped");
        let gone = tokio::task::spawn_blocking(move || threads.shutdown_timeout(Duration::from_secs(10)));
        gone.await.expect("no panic");
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if let Some(threads) = self.threads.take() {
            threads.shutdown_background();
        }
    }
}

impl FakeHome {
    pub fn new() -> FakeHome {
        FakeHome { book: Arc::default(), arrived: watch::Sender::new(0), stalled: watch::Sender::new(false) }
    }

    pub async fn serve(&self, address: SocketAddr, credentials: &Path) -> Served {
        let threads = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a thread");
        let (home, credentials) = (self.clone(), credentials.to_owned());
        let listening = threads.spawn(async move {
            let credentials = Arc::new(Credentials::load(&credentials).expect("credentials"));
            let listener = MtlsListener::bind(address, credentials).await.expect("a port");
            let address = listener.local_addr();
            let served = builder()
                .add_service(RegionBookServer::new(home.clone()))
                .add_service(RegionCorrectionsServer::new(home.clone()))
                .add_service(ReconciliationServer::new(home.clone()))
                .add_service(HomeRegionServer::new(home).max_decoding_message_size(16 * 1024 * 1024))
                .serve_with_incoming(listener);
            tokio::spawn(served);
            address
        });
        Served { address: listening.await.expect("no panic"), threads: Some(threads) }
    }

    /// Says of settlements from now on that they are affected.
    pub fn affect(&self, affected: Vec<v1::AffectedSettlement>) {
        self.book().affected = affected;
    }

    pub fn will_correct(&self, script: Correcting) {
        self.book().correcting.push_back(script);
    }

    /// The batches that it was asked to take, in order.
    pub fn corrected(&self) -> Vec<v1::CorrectRequest> {
        self.book().corrected.clone()
    }

    pub fn will(&self, script: Script) {
        self.book().script.push_back(script);
    }

    /// Stops doing anything, with its connections open; or goes on.
    pub fn stall(&self, stalled: bool) {
        self.stalled.send_replace(stalled);
    }

    async fn goes_on(&self) {
        self.stalled.subscribe().wait_for(|stalled| !stalled).await.expect("the sender lives in self");
    }

    /// Has every question what became of an operation refused in a status from now on, or answered again.
    pub fn refuse_to_resolve(&self, refusal: Option<Refusal>) {
        self.book().refuses_to_resolve = refusal;
    }

    /// How many such questions were refused.
    pub fn refused_to_resolve(&self) -> usize {
        self.book().refused_to_resolve
    }

    /// Every operation that was sent to it, in order.
    pub fn operated(&self) -> Vec<v1::OperateRequest> {
        self.book().operated.clone()
    }

    /// Lets no filing be changed from now on, or any again.
    pub fn lock_filings(&self, refusal: Option<Refusal>) {
        self.book().locks = refusal;
    }

    /// Every change of a filing that it was asked about, in order.
    pub fn asked_to_change(&self) -> Vec<v1::ChangeFilingRequest> {
        self.book().changed.clone()
    }

    pub fn estimated(&self) -> Vec<v1::EstimateRequest> {
        self.book().estimated.clone()
    }

    /// How many operations it has answers to.
    pub fn answered(&self) -> usize {
        self.book().answers.len()
    }

    /// Returns once so many operations have arrived.
    pub async fn has_been_sent(&self, count: usize) {
        self.arrived.subscribe().wait_for(|arrived| *arrived >= count).await.expect("the sender lives in self");
    }

    /// How often it was asked to sign a certificate; it never says anything to that.
    pub fn asked_to_sign(&self) -> usize {
        self.book().asked_to_sign
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().expect("no panic in here")
    }
}

impl Book {
    fn answer(&mut self, operation: &Operation) -> v1::Answer {
        if let Some(answer) = self.answers.get(&operation.key) {
            return answer.clone();
        }
        let outcome = self.decide(operation);
        self.remember(operation.key.clone(), &outcome)
    }

    fn remember(&mut self, key: OperationKey, outcome: &Outcome) -> v1::Answer {
        let book_seq = self.answers.len() as u64 + 1;
        let answer = v1::Answer { outcome: convert::write_outcome(outcome), book_seq };
        self.answers.insert(key, answer.clone());
        answer
    }

    fn decide(&mut self, operation: &Operation) -> Outcome {
        let done = match &operation.request {
            Request::Settle(settle) => {
                let settled = pay_half(settle);
                self.settled.insert(settle.settlement.clone(), settled.clone());
                Done::Settled(Box::new(settled))
            }
            Request::Cancel(cancel) => match self.settled.get(&cancel.settlement) {
                Some(original) => Done::Cancelled {
                    counter: cancel.counter.clone(),
                    original: Box::new(original.clone()),
                    account_balance: Money::ZERO,
                },
                None => return Outcome::Refused(Reason::UnknownSettlement.into()),
            },
            Request::Reverse(reverse) => {
                let original =
                    SettlementId::new(reverse.target.message.as_str()).expect("the tests' ids are message ids");
                Done::Reversed(Box::new(match self.settled.get(&original) {
                    Some(original) => Undone::Settlement { original: original.clone(), account_balance: Money::ZERO },
                    None => Undone::Nothing,
                }))
            }
        };
        Outcome::Accepted { decided_at: Timestamp::UNIX_EPOCH, done }
    }
}

#[tonic::async_trait]
impl Reconciliation for FakeHome {
    async fn roots(&self, _: tonic::Request<v1::RootsRequest>) -> Result<Response<v1::RootsReply>, Status> {
        Err(Status::unimplemented("it has no book that could be compared"))
    }

    async fn inside(&self, _: tonic::Request<v1::InsideRequest>) -> Result<Response<v1::InsideReply>, Status> {
        Err(Status::unimplemented("it has no book that could be compared"))
    }

    async fn facts(&self, _: tonic::Request<v1::FactsRequest>) -> Result<Response<v1::FactsReply>, Status> {
        Err(Status::unimplemented("it has no book that could be compared"))
    }

    async fn sign(&self, _: tonic::Request<v1::SignRequest>) -> Result<Response<v1::DocumentSignature>, Status> {
        self.book().asked_to_sign += 1;
        Err(Status::unavailable("it says nothing to that"))
    }
}

/// Half from the basic fund, half in cash.
pub fn pay_half(settle: &Settle) -> Settled {
    let total = settle.bill.total();
    let half = Money::from_fen(total.fen() / 2);
    let mut funds = FundShares::default();
    funds.set(Fund::Basic, half);
    Settled {
        settlement: settle.settlement.clone(),
        insurance: settle.insurance,
        coverage: settle.bill.coverage(),
        payers: Payers { funds, account: Money::ZERO, cash: total - half, hospital: Money::ZERO },
        deductible: Money::ZERO,
        account_balance: Money::ZERO,
        family: Vec::new(),
        filing: None,
        class: PersonClass::Retired,
        civil_servant: false,
        during_stay: false,
        rule_book: RuleBookHash([0; 32]),
        explanation: [0; 32],
    }
}

#[tonic::async_trait]
impl HomeRegion for FakeHome {
    async fn operate(&self, request: tonic::Request<v1::OperateRequest>) -> Result<Response<v1::Answer>, Status> {
        HubPermit::from_request(&request)?;
        let request = request.into_inner();
        let operation = convert::read_operation(&request.operation).expect("the hub sends what it could read");
        let script = {
            let mut book = self.book();
            book.operated.push(request);
            book.script.pop_front()
        };
        if matches!(script, Some(Script::DecideAndHang)) {
            self.book().answer(&operation);
        }
        self.arrived.send_modify(|arrived| *arrived += 1);
        self.goes_on().await;
        match script {
            None => Ok(Response::new(self.book().answer(&operation))),
            Some(Script::AnswerWhen(told)) => {
                told.notified().await;
                Ok(Response::new(self.book().answer(&operation)))
            }
            Some(Script::Say(outcome)) => Ok(Response::new(self.book().remember(operation.key.clone(), &outcome))),
            Some(Script::Number(book_seq)) => {
                let answer = self.book().answer(&operation);
                Ok(Response::new(v1::Answer { book_seq, ..answer }))
            }
            Some(Script::Refuse(refusal)) => Err(proto::status::of_refusal(&refusal)),
            Some(Script::DecideAndHang | Script::Hang) => std::future::pending().await,
        }
    }

    async fn resolve(&self, request: tonic::Request<v1::ResolveRequest>) -> Result<Response<v1::Answer>, Status> {
        HubPermit::from_request(&request)?;
        self.goes_on().await;
        let key = convert::read_key(request.get_ref().key.as_ref().expect("a key")).expect("a good key");
        let mut book = self.book();
        if let Some(refusal) = book.refuses_to_resolve.clone() {
            book.refused_to_resolve += 1;
            return Err(proto::status::of_refusal(&refusal));
        }
        let known = book.answers.get(&key).cloned();
        let voided = Outcome::Refused(Reason::Voided.into());
        Ok(Response::new(known.unwrap_or_else(|| book.remember(key, &voided))))
    }

    async fn estimate(
        &self,
        request: tonic::Request<v1::EstimateRequest>,
    ) -> Result<Response<v1::EstimateReply>, Status> {
        self.book().estimated.push(request.into_inner());
        self.goes_on().await;
        Ok(Response::new(v1::EstimateReply::default()))
    }

    async fn look_up(&self, request: tonic::Request<v1::LookUpRequest>) -> Result<Response<v1::LookUpReply>, Status> {
        if request.get_ref().credential != "a card" {
            return Err(proto::status::of_refusal(&Reason::UnknownPerson.into()));
        }
        Ok(Response::new(v1::LookUpReply { person: crate::requests::PERSON.into(), ..Default::default() }))
    }

    async fn change_filing(
        &self,
        request: tonic::Request<v1::ChangeFilingRequest>,
    ) -> Result<Response<v1::ChangeFilingReply>, Status> {
        HubPermit::from_request(&request)?;
        let mut book = self.book();
        book.changed.push(request.into_inner());
        match &book.locks {
            Some(refusal) => Err(proto::status::of_refusal(refusal)),
            None => Ok(Response::new(v1::ChangeFilingReply {})),
        }
    }

    async fn query(&self, _: tonic::Request<v1::QueryRequest>) -> Result<Response<v1::QueryReply>, Status> {
        Ok(Response::new(v1::QueryReply { book_seq: self.answered() as u64, ..Default::default() }))
    }
}

#[tonic::async_trait]
impl RegionBook for FakeHome {
    async fn book(&self, _: tonic::Request<v1::BookRequest>) -> Result<Response<v1::BookReply>, Status> {
        Err(Status::unimplemented("no test asks for it"))
    }

    async fn reinstate(&self, _: tonic::Request<v1::ReinstateRequest>) -> Result<Response<v1::ReinstateReply>, Status> {
        Err(Status::unimplemented("no test asks for it"))
    }

    /// One settlement a page, so that whoever asks has to ask on.
    async fn affected(
        &self,
        request: tonic::Request<v1::AffectedRequest>,
    ) -> Result<Response<v1::AffectedReply>, Status> {
        HubPermit::from_request(&request)?;
        let book = self.book();
        let after = request.get_ref().after_seq;
        let mut later = book.affected.iter().filter(|one| one.book_seq > after);
        let settlements: Vec<_> = later.next().cloned().into_iter().collect();
        let last = settlements.last().filter(|_| later.next().is_some());
        let (last, last_seq) = last.map(|last| (last.person.clone(), last.book_seq)).unwrap_or_default();
        Ok(Response::new(v1::AffectedReply { settlements, last, last_seq }))
    }
}

#[tonic::async_trait]
impl RegionCorrections for FakeHome {
    async fn correct(&self, request: tonic::Request<v1::CorrectRequest>) -> Result<Response<v1::CorrectReply>, Status> {
        HubPermit::from_request(&request)?;
        let request = request.into_inner();
        let (known, script) = {
            let mut book = self.book();
            book.corrected.push(request.clone());
            let script = book.correcting.pop_front();
            if let Some(Correcting::Fault(settlement)) = script {
                let fault =
                    v1::CorrectionFault { settlement: settlement.into(), problem: "not in force any more".into() };
                return Ok(Response::new(v1::CorrectReply { faults: vec![fault], ..v1::CorrectReply::default() }));
            }
            (!book.taken.insert(request.batch), script)
        };
        let number = match script {
            Some(Correcting::Number(number)) => number,
            Some(Correcting::TakeAndHang | Correcting::Fault(_)) => std::future::pending().await,
            None => self.book().taken.len() as u64,
        };
        let after = self.answered() as u64;
        Ok(Response::new(v1::CorrectReply { known, after, number, ..v1::CorrectReply::default() }))
    }
}
