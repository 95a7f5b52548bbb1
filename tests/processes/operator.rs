//! An operator at its desk: the executable, with a certificate of one's own. Used by the tests that ask a hub.

use std::path::PathBuf;
use std::process::{Command, Output};

use identity::name::{ParticipantName, Role};
use identity::pki::{CertificateAuthority, Issue};
use serde_json::Value;
use world::{World, pool};

/// An operator and where its certificates are.
pub struct Operator {
    hub: String,
    credentials: PathBuf,
}

impl Operator {
    /// The operator of a member, with a certificate of the line's own authority.
    pub fn of(world: &World, member: &str) -> Operator {
        let authority = CertificateAuthority::open(&world.line().credentials("ca")).expect("an authority");
        let names = vec![ParticipantName::new(pool(member).0, Role::Operator).expect("a name")];
        let credentials = world.deploy().join(format!("operator-{member}"));
        authority
            .issue(&credentials, &Issue { names, hosts: vec!["127.0.0.1".into()], days: 1 })
            .expect("a certificate");
        Operator { credentials, ..Operator::of_all(world) }
    }

    /// Whoever operates for every region.
    pub fn of_all(world: &World) -> Operator {
        Operator { hub: world.line().hub.address().to_string(), credentials: world.line().operator() }
    }

    /// Runs a command that has to end well; tells what it wrote.
    pub async fn run(&self, command: &[&str]) -> String {
        let ran = self.output(command).await;
        assert!(ran.status.success(), "{command:?}: {}", String::from_utf8_lossy(&ran.stderr));
        String::from_utf8(ran.stdout).expect("text")
    }

    /// Runs a command that may fail.
    pub async fn output(&self, command: &[&str]) -> Output {
        let mut yidi = Command::new(env!("CARGO_BIN_EXE_yidi"));
        yidi.current_dir(world::repository()).args(command).args(["--hub", &self.hub, "--credentials"]);
        yidi.arg(&self.credentials);
        tokio::task::spawn_blocking(move || yidi.output()).await.expect("no panic").expect("it runs")
    }

    /// The only row that a command prints as JSON.
    pub async fn row(&self, command: &[&str]) -> Value {
        let ran = self.output(&[command, &["--json"]].concat()).await;
        let (told, problem) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
        let rows: Result<Vec<Value>, _> = serde_json::from_str(&told);
        let mut rows = rows.unwrap_or_else(|fault| panic!("{command:?}: {fault}: {told}{problem}"));
        assert_eq!(rows.len(), 1, "{told}");
        rows.remove(0)
    }
}
