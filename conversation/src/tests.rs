//! Both ends over real sockets.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use proto::status::NoReply;
use proto::v1;
use proto::v1::conversation_server::{Conversation, ConversationServer};
use proto::v1::operate_reply::Result as Answered;
use proto::v1::told::Said;
use settlement::refusal::{Reason, Refusal};
use tokio::net::TcpListener;
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Code, Request, Response, Status, Streaming};

use crate::{Caller, Replies, Spoken, Terms, converse};

const PATIENCE: Duration = Duration::from_secs(20);
const LARGEST_MESSAGE: usize = 1024 * 1024;

/// A node that does what the request id says.
#[derive(Clone)]
struct Node {
    terms: Terms,
    heard: Arc<Semaphore>,
    go_on: Arc<Notify>,
}

impl Node {
    fn new() -> Node {
        let terms =
            Terms { drain: CancellationToken::new(), abort: CancellationToken::new(), tasks: TaskTracker::new() };
        Node { terms, heard: Arc::new(Semaphore::new(0)), go_on: Arc::default() }
    }

    async fn serve(&self, address: SocketAddr) -> (SocketAddr, JoinHandle<()>) {
        let listener = TcpListener::bind(address).await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let incoming = TcpIncoming::from(listener);
        let served = Server::builder().add_service(ConversationServer::new(self.clone())).serve_with_incoming(incoming);
        (address, tokio::spawn(async move { served.await.expect("it serves") }))
    }

    async fn answer(self, asked: v1::OperateRequest) -> Result<Said, Refusal> {
        self.heard.add_permits(1);
        match asked.request_id.as_str() {
            "refuse" => return Err(Refusal::new(Reason::NotFiled).of_field("insuplc_admdvs").because("31")),
            "panic" => panic!("a fault of the node's"),
            "wait" => self.go_on.notified().await,
            _ => {}
        }
        Ok(Said::Answer(v1::Answer { outcome: asked.operation, book_seq: 7 }))
    }

    /// Returns when so many calls have been heard since it was last asked.
    async fn heard(&self, calls: u32) {
        self.heard.acquire_many(calls).await.expect("it is open").forget();
    }
}

#[tonic::async_trait]
impl Conversation for Node {
    type ConverseStream = Replies;

    async fn converse(&self, request: Request<Streaming<v1::Call>>) -> Result<Response<Replies>, Status> {
        let node = self.clone();
        Ok(Response::new(converse(request.into_inner(), self.terms.clone(), move |asked, waits| {
            assert!(waits.is_some_and(|waits| waits <= PATIENCE), "the caller says how long it waits");
            node.clone().answer(asked)
        })))
    }
}

fn any_port() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

fn channel(address: SocketAddr) -> Channel {
    Endpoint::from_shared(format!("http://{address}")).expect("an address").connect_lazy()
}

fn caller(address: SocketAddr) -> Arc<Caller> {
    Arc::new(Caller::new(channel(address), LARGEST_MESSAGE))
}

fn request(what: &str, operation: &'static str) -> v1::OperateRequest {
    v1::OperateRequest { operation: Bytes::from_static(operation.as_bytes()), hub: None, request_id: what.to_owned() }
}

async fn say(caller: &Caller, what: &str, operation: &'static str) -> Result<Bytes, NoReply> {
    match caller.say(request(what, operation), PATIENCE).await {
        Spoken::Ended(told) => match told?.result {
            Some(Answered::Answer(answer)) => Ok(answer.outcome),
            other => panic!("not an answer: {other:?}"),
        },
        Spoken::Unspeakable(_) => panic!("unspeakable"),
    }
}

fn later(caller: &Arc<Caller>, what: &'static str, operation: &'static str) -> JoinHandle<Result<Bytes, NoReply>> {
    let caller = caller.clone();
    tokio::spawn(async move { say(&caller, what, operation).await })
}

#[tokio::test]
async fn answers_come_in_any_order_each_to_its_own_call() {
    let node = Node::new();
    let (address, _served) = node.serve(any_port()).await;
    let caller = caller(address);
    let slow = later(&caller, "wait", "slow");
    node.heard(1).await;
    assert_eq!(say(&caller, "", "quick").await, Ok(Bytes::from_static(b"quick")));
    assert!(!slow.is_finished());
    node.go_on.notify_one();
    assert_eq!(slow.await.expect("it ended"), Ok(Bytes::from_static(b"slow")));
}

#[tokio::test]
async fn a_refusal_arrives_whole_and_a_fault_says_that_nobody_knows() {
    let (address, _served) = Node::new().serve(any_port()).await;
    let caller = caller(address);
    let refused = Refusal::new(Reason::NotFiled).of_field("insuplc_admdvs").because("31");
    assert_eq!(say(&caller, "refuse", "x").await, Err(NoReply::Refused(refused)));
    assert_eq!(say(&caller, "panic", "x").await, Err(NoReply::Refused(Refusal::new(Reason::NotYetKnown))));
    assert_eq!(say(&caller, "", "goes on").await, Ok(Bytes::from_static(b"goes on")));
}

#[tokio::test]
async fn whoever_waits_no_longer_is_left_in_silence_and_the_late_answer_harms_nobody() {
    let node = Node::new();
    let (address, _served) = node.serve(any_port()).await;
    let caller = caller(address);
    let spoken = caller.say(request("wait", "late"), Duration::from_millis(50)).await;
    assert!(matches!(spoken, Spoken::Ended(Err(NoReply::Silent(Code::DeadlineExceeded)))), "{spoken:?}");
    node.go_on.notify_one();
    assert_eq!(say(&caller, "", "next").await, Ok(Bytes::from_static(b"next")));
}

#[tokio::test]
async fn a_node_that_drains_answers_what_was_said_and_what_is_said_meanwhile() {
    let node = Node::new();
    let (address, _served) = node.serve(any_port()).await;
    let caller = caller(address);
    let said = later(&caller, "wait", "said before");
    node.heard(1).await;
    node.terms.drain.cancel();
    assert_eq!(say(&caller, "", "meanwhile").await, Ok(Bytes::from_static(b"meanwhile")));
    node.go_on.notify_one();
    assert_eq!(said.await.expect("it ended"), Ok(Bytes::from_static(b"said before")));
    drop(caller);
    node.terms.tasks.close();
    node.terms.tasks.wait().await;
}

#[tokio::test]
async fn a_broken_stream_leaves_its_calls_in_silence_and_the_next_begins_another() {
    let node = Node::new();
    let (address, _served) = node.serve(any_port()).await;
    let relay = Relay::start(address).await;
    let caller = caller(relay.address);
    let said = later(&caller, "wait", "said before");
    node.heard(1).await;
    relay.cut();
    assert!(matches!(said.await.expect("it ended"), Err(NoReply::Silent(_))));
    assert_eq!(say(&caller, "", "afterwards").await, Ok(Bytes::from_static(b"afterwards")));
}

#[tokio::test]
async fn what_nobody_hears_was_never_sent() {
    let listener = TcpListener::bind(any_port()).await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    assert_eq!(say(&caller(address), "", "x").await, Err(NoReply::NeverSent));
}

#[tokio::test]
async fn what_is_too_long_or_for_a_node_that_speaks_no_conversation_is_given_back() {
    let (address, _served) = Node::new().serve(any_port()).await;
    let long = v1::OperateRequest { operation: vec![0; 100_000].into(), ..v1::OperateRequest::default() };
    assert!(
        matches!(caller(address).say(long, PATIENCE).await, Spoken::Unspeakable(long) if long.operation.len() == 100_000)
    );

    let listener = TcpListener::bind(any_port()).await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let mute = Server::builder().add_routes(tonic::service::Routes::default());
    tokio::spawn(mute.serve_with_incoming(TcpIncoming::from(listener)));
    let caller = caller(address);
    for _ in 0..2 {
        let spoken = caller.say(request("", "x"), PATIENCE).await;
        assert!(matches!(spoken, Spoken::Unspeakable(back) if back.operation.as_ref() == b"x"));
    }
}

/// Passes bytes on until it is told to cut what is open.
struct Relay {
    address: SocketAddr,
    cut: Arc<Notify>,
}

impl Relay {
    async fn start(to: SocketAddr) -> Relay {
        let listener = TcpListener::bind(any_port()).await.expect("a free port");
        let (address, cut) = (listener.local_addr().expect("an address"), Arc::new(Notify::new()));
        let told = cut.clone();
        tokio::spawn(async move {
            while let Ok((mut from, _)) = listener.accept().await {
                let told = told.clone();
                tokio::spawn(async move {
                    let mut to = tokio::net::TcpStream::connect(to).await.expect("the node listens");
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut from, &mut to) => {}
                        () = told.notified() => {}
                    }
                });
            }
        });
        Relay { address, cut }
    }

    fn cut(&self) {
        self.cut.notify_waiters();
    }
}
