//! Who is let in: the handshake's refusals, the server's own, and those of the permits.

use std::path::PathBuf;

use identity::client::Expected;
use identity::name::Role;
use identity::permit::{HomePermit, HubPermit, OperatorPermit, TreatmentPermit};
use rcgen::SanType;
use rustls::version::{TLS12, TLS13};
use settlement::ids::{PoolCode, RegionCode};
use time::{Duration, OffsetDateTime};
use tokio::net::TcpStream;
use tonic::{Code, Request, Status};

use crate::parties::{HUB, Parties, SHANGHAI, XINXIANG, load};
use crate::raw::{attempt, config};
use crate::service::{anyone, ask, calls, serve};

fn treatment(request: &Request<()>) -> Result<(), Status> {
    TreatmentPermit::from_request(request).map(|_| ())
}

fn pool(code: &str) -> PoolCode {
    PoolCode(RegionCode::new(code).expect("six digits"))
}

#[tokio::test]
async fn a_treatment_region_reaches_the_hub() {
    let parties = Parties::new();
    let hub = serve(parties.credentials(&[HUB]), treatment).await;
    let shanghai = calls(hub.address, parties.credentials(&[SHANGHAI]), Expected::Hub);
    ask(shanghai).await.unwrap();
}

#[tokio::test]
async fn a_home_certificate_gets_no_treatment_permit() {
    let parties = Parties::new();
    let hub = serve(parties.credentials(&[HUB]), treatment).await;
    let xinxiang = calls(hub.address, parties.credentials(&[XINXIANG]), Expected::Hub);
    let status = ask(xinxiang).await.unwrap_err();
    let told = "it takes a certificate with the role treatment: yidi://<code>/treatment";
    assert_eq!((status.code(), status.message()), (Code::PermissionDenied, told));
}

#[tokio::test]
async fn each_role_gets_its_own_permit_and_no_other() {
    fn permits(request: &Request<()>) -> Result<(), Status> {
        let roles = [
            (Role::Treatment, TreatmentPermit::from_request(request).is_ok()),
            (Role::Home, HomePermit::from_request(request).is_ok()),
            (Role::Hub, HubPermit::from_request(request).is_ok()),
            (Role::Operator, OperatorPermit::from_request(request).is_ok()),
        ];
        let granted: Vec<&str> = roles.iter().filter(|(_, granted)| *granted).map(|(role, _)| role.as_str()).collect();
        Err(Status::already_exists(granted.join(" ")))
    }
    let parties = Parties::new();
    let hub = serve(parties.credentials(&[HUB]), permits).await;
    for (names, granted) in [
        (&[SHANGHAI][..], "treatment"),
        (&[XINXIANG], "home"),
        (&[HUB], "hub"),
        (&["yidi://410700/operator"], "operator"),
        (&["yidi://410700/auditor"], ""),
        (&[SHANGHAI, "yidi://310000/home"], "treatment home"),
    ] {
        let peer = calls(hub.address, parties.credentials(names), Expected::Hub);
        assert_eq!(ask(peer).await.unwrap_err().message(), granted, "{names:?}");
    }
}

#[tokio::test]
async fn one_certificate_serves_several_pools_and_only_those() {
    fn check(request: &Request<()>) -> Result<(), Status> {
        let permit = TreatmentPermit::from_request(request)?;
        assert_eq!(permit.pools().len(), 2);
        assert!(permit.allows(pool("310000")) && permit.allows(pool("650100")));
        assert!(!permit.allows(pool("410700")), "the home role of a pool is no treatment role");
        assert!(HomePermit::from_request(request)?.allows(pool("410700")));
        Ok(())
    }
    let parties = Parties::new();
    let hub = serve(parties.credentials(&[HUB]), check).await;
    let names = [SHANGHAI, "yidi://650100/treatment", XINXIANG];
    ask(calls(hub.address, parties.credentials(&names), Expected::Hub)).await.unwrap();
}

#[tokio::test]
async fn an_operator_of_000000_operates_for_every_region() {
    fn check(request: &Request<()>) -> Result<(), Status> {
        let permit = OperatorPermit::from_request(request)?;
        if permit.allows(pool("410700")) { Ok(()) } else { Err(Status::permission_denied("")) }
    }
    let parties = Parties::new();
    let hub = serve(parties.credentials(&[HUB]), check).await;
    for (name, allowed) in
        [("yidi://000000/operator", true), ("yidi://410700/operator", true), ("yidi://440300/operator", false)]
    {
        let operator = calls(hub.address, parties.credentials(&[name]), Expected::Hub);
        assert_eq!(ask(operator).await.is_ok(), allowed, "{name}");
    }
}

#[test]
fn a_request_without_a_peer_gets_no_permit() {
    let status = TreatmentPermit::from_request(&Request::new(())).unwrap_err();
    assert_eq!(status.code(), Code::PermissionDenied);
}

#[tokio::test]
async fn who_is_not_a_participant_in_good_standing_is_refused() {
    let parties = Parties::new();
    let hub_dir = parties.folder(&[HUB]);
    let hub = serve(load(&hub_dir), anyone).await;
    let now = OffsetDateTime::now_utc();
    let others = Parties::of("another authority");
    let impostors = Parties::new();
    let rows: [(&str, Option<PathBuf>, &str); 8] = [
        ("no certificate", None, "CertificateRequired"),
        ("another authority's", Some(others.folder(&[SHANGHAI])), "UnknownCA"),
        ("one of the same name", Some(impostors.folder(&[SHANGHAI])), "DecryptError"),
        ("expired", Some(parties.odd(|odd| odd.not_after = now - Duration::days(1))), "CertificateExpired"),
        ("not yet good", Some(parties.odd(|odd| odd.not_before = now + Duration::days(1))), "CertificateExpired"),
        ("for signing only", Some(signing_for_tls(&parties)), "UnsupportedCertificate"),
        ("no name", Some(parties.odd(|odd| odd.subject_alt_names.truncate(1))), ""),
        ("a name of nobody", Some(parties.odd(|odd| odd.subject_alt_names[1] = uri("yidi://310000/king"))), ""),
    ];
    for (row, own, alert) in rows {
        let error = attempt(hub.address, config(&hub_dir, own.as_deref(), &TLS13)).await.expect_err(row);
        assert!(error.to_string().contains(alert), "{row}: {error}");
    }
    let good = parties.odd(|_| ());
    attempt(hub.address, config(&hub_dir, Some(&good), &TLS13)).await.expect("the same certificate unchanged");
}

#[tokio::test]
async fn tls_1_2_is_refused() {
    let parties = Parties::new();
    let dir = parties.folder(&[HUB]);
    let hub = serve(load(&dir), anyone).await;
    let error = attempt(hub.address, config(&dir, Some(&dir), &TLS12)).await.unwrap_err();
    assert!(error.to_string().contains("ProtocolVersion"), "{error}");
    attempt(hub.address, config(&dir, Some(&dir), &TLS13)).await.unwrap();
}

#[tokio::test]
async fn who_says_nothing_does_not_hold_up_others() {
    let parties = Parties::new();
    let hub = serve(parties.credentials(&[HUB]), anyone).await;
    let mut silent = Vec::new();
    for _ in 0..20 {
        silent.push(TcpStream::connect(hub.address).await.unwrap());
    }
    ask(calls(hub.address, parties.credentials(&[SHANGHAI]), Expected::Hub)).await.unwrap();
}

/// A participant that uses its signing certificate where the one for TLS belongs.
fn signing_for_tls(parties: &Parties) -> PathBuf {
    let dir = parties.folder(&[SHANGHAI]);
    std::fs::rename(dir.join("signing.pem"), dir.join("tls.pem")).expect("renamed");
    std::fs::rename(dir.join("signing.key"), dir.join("tls.key")).expect("renamed");
    dir
}

fn uri(text: &str) -> SanType {
    SanType::URI(text.try_into().expect("ASCII"))
}
