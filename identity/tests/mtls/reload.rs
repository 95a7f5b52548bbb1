//! Files changed under a running process: new certificates and revocations are taken, half a change is not.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use identity::pki::show;
use rcgen::{CertificateRevocationListParams, Issuer, KeyIdMethod, KeyPair, RevokedCertParams, SerialNumber};
use rustls::version::TLS13;
use time::OffsetDateTime;

use crate::logging::capture;
use crate::parties::{HUB, Parties, SHANGHAI, load, write};
use crate::raw::{attempt, config, connect};
use crate::service::{anyone, serve};

/// Far more than the second at which files are looked at.
const PATIENCE: Duration = Duration::from_secs(20);

/// Waits for the fact, whatever the machine is busy with.
async fn until<F: Future<Output = bool>>(fact: impl Fn() -> F) {
    let begun = Instant::now();
    while !fact().await {
        assert!(begun.elapsed() < PATIENCE, "it did not come to be");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn certificate_shown_by(address: SocketAddr, client: &Path) -> Vec<u8> {
    let stream = connect(address, config(client, Some(client), &TLS13)).await.expect("a connection");
    stream.get_ref().1.peer_certificates().expect("certificates")[0].to_vec()
}

async fn is_let_in(address: SocketAddr, client: &Path) -> bool {
    attempt(address, config(client, Some(client), &TLS13)).await.is_ok()
}

/// Puts a file in the place of another, as a renewal does.
pub fn put(from: &Path, to: &Path, file: &str) {
    fs::copy(from.join(file), to.join("coming")).expect("a copy");
    fs::rename(to.join("coming"), to.join(file)).expect("put in its place");
}

fn revoked(parties: &Parties, revoked: &Path) -> String {
    revoke(&parties.issuer(), &show(&revoked.join("tls.pem")).expect("a certificate").serial)
}

/// An authority's list with one certificate on it, PEM.
pub fn revoke(issuer: &Issuer<'static, KeyPair>, serial: &str) -> String {
    let bytes: Vec<u8> = (0..serial.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&serial[at..at + 2], 16).expect("hexadecimal"))
        .collect();
    let now = OffsetDateTime::now_utc();
    let list = CertificateRevocationListParams {
        this_update: now,
        next_update: now + time::Duration::days(1),
        crl_number: SerialNumber::from(1),
        issuing_distribution_point: None,
        revoked_certs: vec![RevokedCertParams {
            serial_number: SerialNumber::from_slice(&bytes),
            revocation_time: now,
            reason_code: None,
            invalidity_date: None,
        }],
        key_identifier_method: KeyIdMethod::Sha256,
    };
    list.signed_by(issuer).expect("a list").pem().expect("PEM")
}

struct Running {
    parties: Parties,
    hub_dir: PathBuf,
    client: PathBuf,
    hub: crate::service::Service,
}

async fn running() -> Running {
    let parties = Parties::new();
    let (hub_dir, client) = (parties.folder(&[HUB]), parties.folder(&[SHANGHAI]));
    let hub = serve(load(&hub_dir), anyone).await;
    Running { parties, hub_dir, client, hub }
}

#[tokio::test]
async fn new_certificates_are_shown_without_a_restart() {
    let Running { parties, hub_dir, client, hub } = running().await;
    let old = certificate_shown_by(hub.address, &client).await;
    let new = parties.folder(&[HUB]);
    put(&new, &hub_dir, "tls.key");
    put(&new, &hub_dir, "tls.pem");
    until(async || certificate_shown_by(hub.address, &client).await != old).await;
    assert!(is_let_in(hub.address, &client).await);
}

#[tokio::test]
async fn half_a_change_leaves_the_old_certificates_in_use() {
    let (log, _guard) = capture();
    let parties = Parties::new();
    let dir = parties.folder(&[HUB]);
    let credentials = load(&dir);
    let (old, new) = (credentials.server_config(), parties.folder(&[HUB]));
    let is_old = || Arc::ptr_eq(&old, &credentials.server_config());
    put(&new, &dir, "tls.key");
    until(async || is_old() && !log.lines_with("keeping the old").is_empty()).await;
    put(&new, &dir, "tls.pem");
    until(async || !is_old()).await;
}

#[tokio::test]
async fn a_revoked_certificate_is_refused_once_the_list_is_there() {
    let Running { parties, hub_dir, client, hub } = running().await;
    assert!(is_let_in(hub.address, &client).await);
    write(&hub_dir.join("revoked.crl"), &revoked(&parties, &client));
    until(async || !is_let_in(hub.address, &client).await).await;
    let error = attempt(hub.address, config(&client, Some(&client), &TLS13)).await.unwrap_err();
    assert!(error.to_string().contains("CertificateRevoked"), "{error}");
    assert!(is_let_in(hub.address, &parties.folder(&[SHANGHAI])).await, "another certificate of the same region");
}
