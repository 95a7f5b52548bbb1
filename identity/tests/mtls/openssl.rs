//! What someone outside sees who comes with `openssl s_client`, a TLS that is not ours. The binary is part of what
//! this project is tested with: without it these tests fail.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use futures_util::StreamExt as _;
use identity::name::Role;
use identity::server::MtlsListener;

use crate::parties::{HUB, Parties, SHANGHAI, XINXIANG, load};

const OPENSSL: &str = "/usr/bin/openssl";

/// Comes with the certificate in a folder, or without one, and stays until the server ends the connection.
fn s_client(address: SocketAddr, trusted: &Path, own: Option<&Path>) -> Output {
    assert!(Path::new(OPENSSL).exists(), "{OPENSSL} IS MISSING: install openssl, this test cannot do without it");
    let mut command = Command::new(OPENSSL);
    command.args(["s_client", "-alpn", "h2", "-servername", "localhost", "-verify_return_error", "-connect"]);
    command.arg(address.to_string()).arg("-CAfile").arg(trusted.join("ca.pem"));
    if let Some(dir) = own {
        command.arg("-cert").arg(dir.join("tls.pem")).arg("-key").arg(dir.join("tls.key"));
    }
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("openssl runs");
    // An open standard input keeps it reading: in TLS 1.3 the alert comes after the client's part is done.
    let keep_open = child.stdin.take();
    let output = child.wait_with_output().expect("openssl ends");
    drop(keep_open);
    output
}

/// Comes to a service for treatment regions: whether the listener handed the connection over, and what openssl said.
async fn come(parties: &Parties, own: Option<&Path>) -> (bool, String) {
    let hub = parties.folder(&[HUB]);
    let mut listener = MtlsListener::bind_for("127.0.0.1:0", load(&hub), &[Role::Treatment]).await.expect("a port");
    let (address, own) = (listener.local_addr(), own.map(Path::to_owned));
    let mut openssl = tokio::task::spawn_blocking(move || s_client(address, &hub, own.as_deref()));
    let mut admitted = false;
    loop {
        tokio::select! {
            output = &mut openssl => {
                let output = output.expect("openssl's thread");
                let said = [output.stdout, output.stderr].concat();
                return (admitted, String::from_utf8_lossy(&said).into_owned());
            }
            // Dropped at once, which ends openssl's waiting.
            Some(_) = listener.next() => admitted = true,
        }
    }
}

#[tokio::test]
async fn openssl_without_a_certificate_is_refused() {
    let (admitted, said) = come(&Parties::new(), None).await;
    assert!(!admitted && said.contains("alert certificate required"), "{said}");
}

#[tokio::test]
async fn openssl_with_a_certificate_of_another_authority_is_refused() {
    let parties = Parties::new();
    let others = Parties::of("another authority");
    let stranger = others.folder(&[SHANGHAI]);
    let (admitted, said) = come(&parties, Some(&stranger)).await;
    assert!(!admitted && said.contains("alert unknown ca"), "{said}");
}

#[tokio::test]
async fn openssl_with_a_home_regions_certificate_is_refused() {
    let parties = Parties::new();
    let own = parties.folder(&[XINXIANG]);
    let (admitted, said) = come(&parties, Some(&own)).await;
    assert!(!admitted && said.contains("unexpected eof"), "{said}");
}

#[tokio::test]
async fn openssl_with_a_treatment_regions_certificate_is_let_in() {
    let parties = Parties::new();
    let own = parties.folder(&[SHANGHAI]);
    let (admitted, said) = come(&parties, Some(&own)).await;
    assert!(admitted && said.contains("TLSv1.3"), "{said}");
}
