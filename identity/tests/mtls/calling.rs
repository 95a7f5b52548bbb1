//! Whom a client talks to, and what it can say for certain when a request has failed.

use std::collections::BTreeSet;
use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use identity::client::{ConnectError, Expected, channel, never_sent};
use identity::credentials::Credentials;
use identity::server::{MtlsListener, MtlsStream};
use settlement::ids::{PoolCode, RegionCode};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tonic::{Code, Status};

use crate::parties::{HUB, Parties, SHANGHAI, SHENZHEN, XINXIANG, load, trusting};
use crate::service::{anyone, ask, calls, serve};

fn home_of(codes: &[&str]) -> Expected {
    let pools: BTreeSet<PoolCode> =
        codes.iter().map(|code| PoolCode(RegionCode::new(code).expect("six digits"))).collect();
    Expected::HomeOf(pools)
}

/// The whole chain of causes, as a log would show it.
fn told(status: &Status) -> String {
    let mut text = status.message().to_owned();
    let mut cause = status.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[tokio::test]
async fn a_client_talks_only_to_whom_it_takes_the_server_for() {
    let parties = Parties::new();
    let hub = parties.credentials(&[HUB]);
    for (server, expected, missing) in [
        (&[HUB][..], Expected::Hub, None),
        (&[XINXIANG], Expected::Hub, Some("the name of the hub")),
        (&[HUB], home_of(&["410700"]), Some("the home of 410700")),
        (&[XINXIANG], home_of(&["410700"]), None),
        (&[XINXIANG, SHENZHEN], home_of(&["410700", "440300"]), None),
        (&[XINXIANG], home_of(&["410700", "440300"]), Some("the home of 440300")),
        (&["yidi://410700/treatment"], home_of(&["410700"]), Some("the home of 410700")),
        (&[XINXIANG], home_of(&[]), Some("any pool")),
    ] {
        let service = serve(parties.credentials(server), anyone).await;
        let answer = ask(calls(service.address, Arc::clone(&hub), expected.clone())).await;
        let Some(missing) = missing else {
            answer.unwrap_or_else(|status| panic!("{server:?} is {expected:?}: {}", told(&status)));
            continue;
        };
        let status = answer.unwrap_err();
        assert!(told(&status).contains(missing), "{server:?} for {expected:?}: {}", told(&status));
        assert!(never_sent(&status) && status.code() == Code::Unavailable);
    }
}

#[tokio::test]
async fn a_server_of_another_authority_or_another_host_is_refused() {
    let parties = Parties::new();
    let others = Parties::of("another authority");
    let own = parties.folder(&[SHANGHAI]);
    let elsewhere = parties.new_dir();
    let request = identity::pki::Issue { hosts: vec!["hub.example".to_owned()], ..crate::parties::request(&[HUB]) };
    parties.authority.issue(&elsewhere, &request).unwrap();
    let foreign = trusting(&others.folder(&[HUB]), &own);
    for (server, reason) in [(foreign, "UnknownIssuer"), (elsewhere, "not valid for name")] {
        let service = serve(load(&server), anyone).await;
        let status = ask(calls(service.address, load(&own), Expected::Hub)).await.unwrap_err();
        assert!(told(&status).contains(reason), "{}", told(&status));
        assert!(never_sent(&status));
    }
}

#[tokio::test]
async fn nobody_listening_means_never_sent() {
    let parties = Parties::new();
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = port.local_addr().unwrap();
    drop(port);
    let status = ask(calls(address, parties.credentials(&[SHANGHAI]), Expected::Hub)).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert!(never_sent(&status), "{}", told(&status));
}

#[tokio::test]
async fn a_server_that_shakes_no_hands_means_never_sent_after_the_time_given() {
    let parties = Parties::new();
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap().to_string();
    let soon = Duration::from_millis(50);
    let channel = channel(&address, parties.credentials(&[SHANGHAI]), Expected::Hub, soon).unwrap();
    let status = ask(channel).await.unwrap_err();
    assert!(never_sent(&status) && told(&status).contains("within 50 ms"), "{}", told(&status));
}

#[tokio::test]
async fn a_refused_certificate_means_never_sent() {
    let parties = Parties::new();
    let hub_dir = parties.folder(&[HUB]);
    let hub = serve(load(&hub_dir), anyone).await;
    let others = Parties::of("another authority");
    let stranger = trusting(&others.folder(&[SHANGHAI]), &hub_dir);
    let status = ask(calls(hub.address, load(&stranger), Expected::Hub)).await.unwrap_err();
    assert!(never_sent(&status) && told(&status).contains("refused our certificate"), "{}", told(&status));
}

#[tokio::test]
async fn a_refusal_by_the_service_was_sent() {
    let parties = Parties::new();
    let hub = serve(parties.credentials(&[HUB]), |_| Err(Status::unavailable("busy"))).await;
    let status = ask(calls(hub.address, parties.credentials(&[SHANGHAI]), Expected::Hub)).await.unwrap_err();
    assert!(status.code() == Code::Unavailable && !never_sent(&status));
}

#[tokio::test]
async fn a_connection_cut_during_a_request_leaves_it_in_doubt() {
    let parties = Parties::new();
    for settings_first in [true, false] {
        let address = cuts_the_first_request(parties.credentials(&[HUB]), settings_first).await;
        let status = ask(calls(address, parties.credentials(&[SHANGHAI]), Expected::Hub)).await.unwrap_err();
        assert!(!never_sent(&status), "settings first: {settings_first}: {}", told(&status));
    }
}

#[tokio::test]
async fn a_channel_connects_again_after_its_server_was_away() {
    let parties = Parties::new();
    let hub = parties.credentials(&[HUB]);
    let first = serve(Arc::clone(&hub), anyone).await;
    let address = first.address;
    let shanghai = calls(address, parties.credentials(&[SHANGHAI]), Expected::Hub);
    ask(shanghai.clone()).await.unwrap();
    drop(first);
    let away = loop {
        match ask(shanghai.clone()).await {
            Ok(()) => tokio::task::yield_now().await,
            Err(status) if never_sent(&status) => break status,
            Err(_) => {}
        }
    };
    assert_eq!(away.code(), Code::Unavailable);
    let listener = MtlsListener::bind(address, hub).await.unwrap();
    tokio::spawn(crate::service::run(listener, anyone, std::future::pending()));
    ask(shanghai).await.unwrap();
}

#[tokio::test]
async fn what_is_no_address_is_refused_at_once() {
    let parties = Parties::new();
    let own = parties.credentials(&[SHANGHAI]);
    for (address, good) in [
        ("127.0.0.1:7701", true),
        ("[::1]:7701", true),
        ("hub.example:7701", true),
        ("hub.example", false),
        ("", false),
        (":7701", false),
        ("hub example:7701", false),
        ("hub.example:port", false),
        ("https://hub.example:7701", false),
        ("hub.example:7701/path", false),
        ("someone@hub.example:7701", false),
    ] {
        let made = channel(address, Arc::clone(&own), Expected::Hub, Duration::from_secs(1));
        assert_eq!(made.is_ok(), good, "{address}");
        assert!(good || matches!(made, Err(ConnectError::Address { .. })), "{address}");
    }
}

/// A server that closes the connection as soon as the request's headers are there.
async fn cuts_the_first_request(credentials: Arc<Credentials>, settings_first: bool) -> SocketAddr {
    let mut listener = MtlsListener::bind("127.0.0.1:0", credentials).await.expect("a port");
    let address = listener.local_addr();
    tokio::spawn(async move {
        let mut connection = listener.next().await.expect("no end").expect("a connection");
        if settings_first {
            connection.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await.expect("an empty SETTINGS frame");
        }
        read_to_headers(&mut connection).await;
    });
    address
}

async fn read_to_headers(connection: &mut MtlsStream) {
    const PREFACE: usize = 24;
    const HEADERS: u8 = 1;
    connection.read_exact(&mut [0; PREFACE]).await.expect("the preface");
    loop {
        let mut head = [0; 9];
        connection.read_exact(&mut head).await.expect("a frame");
        let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
        connection.read_exact(&mut vec![0; length]).await.expect("its payload");
        if head[3] == HEADERS {
            return;
        }
    }
}
