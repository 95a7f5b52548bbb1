//! What a stranger with openssl gets from the hub: nothing.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use identity::name::ParticipantName;
use identity::pki::{CertificateAuthority, Issue};

use crate::process::start;

/// The start of an HTTP/2 conversation, which a server that trusts the client answers with its settings.
const PREFACE: &str = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

struct Shown {
    name: &'static str,
    credentials: Option<PathBuf>,
    admitted: bool,
}

/// Whether the hub says anything of HTTP/2 to a client that shows these credentials.
fn answered(port: u16, ca: &Path, credentials: Option<&Path>) -> bool {
    let mut openssl = Command::new("timeout");
    openssl.args([
        "5",
        "openssl",
        "s_client",
        "-quiet",
        "-alpn",
        "h2",
        "-connect",
        &format!("127.0.0.1:{port}"),
        "-CAfile",
    ]);
    openssl.arg(ca);
    if let Some(folder) = credentials {
        openssl.arg("-cert").arg(folder.join("tls.pem")).arg("-key").arg(folder.join("tls.key"));
    }
    let mut child = openssl
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("openssl is installed");
    let mut input = child.stdin.take().expect("it is piped");
    let _ = std::io::Write::write_all(&mut input, PREFACE.as_bytes());
    let output = child.wait_with_output().expect("it ends");
    drop(input);
    !output.stdout.is_empty()
}

fn of_another_authority(folder: &Path) -> PathBuf {
    let authority = CertificateAuthority::init(&folder.join("other-ca"), "another CA").expect("a CA");
    let names = vec!["yidi://310000/treatment".parse::<ParticipantName>().expect("a name")];
    let out = folder.join("other");
    authority.issue(&out, &Issue { names, hosts: vec!["127.0.0.1".into()], days: 1 }).expect("certificates");
    out
}

#[test]
fn only_participants_of_our_authority_are_heard() {
    identity::install_crypto_provider();
    let folder = tempfile::tempdir().expect("a folder");
    let demo = start(folder.path(), &["--empty"]);
    let pki = folder.path().join("pki");
    for shown in [
        Shown { name: "a treatment side", credentials: Some(pki.join("treatment")), admitted: true },
        Shown { name: "nobody", credentials: None, admitted: false },
        Shown { name: "a stranger", credentials: Some(of_another_authority(folder.path())), admitted: false },
        Shown { name: "a home region", credentials: Some(pki.join("home-410700")), admitted: true },
        Shown { name: "a hub", credentials: Some(pki.join("hub")), admitted: false },
    ] {
        let heard = answered(demo.ports.hub, &pki.join("hub/ca.pem"), shown.credentials.as_deref());
        assert_eq!(heard, shown.admitted, "{}", shown.name);
    }
}
