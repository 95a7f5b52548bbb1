//! `yidi pki init | issue | show`: a private CA for the demo and small deployments. Any other CA works as well.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Subcommand;
use identity::certificate::CertificateSummary;
use identity::name::ParticipantName;
use identity::pki::{self, CertificateAuthority, Issue};
use jiff::Timestamp;
use serde_json::json;

use crate::output;

/// What to do with certificates.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a private CA in an empty folder.
    Init {
        /// The folder of the CA.
        #[arg(long)]
        ca: PathBuf,
        /// The name that its certificate carries.
        #[arg(long, default_value = "Yidi private CA")]
        name: String,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Issue a participant's two certificates: one for TLS, one for signing documents.
    Issue {
        /// The folder of the CA.
        #[arg(long)]
        ca: PathBuf,
        /// The folder that receives the participant's files.
        #[arg(long)]
        out: PathBuf,
        /// What the participant is, such as yidi://310000/treatment; repeat it for a set of pools.
        #[arg(long = "as", required = true)]
        names: Vec<String>,
        /// Host names and IP addresses that it listens on.
        #[arg(long = "host")]
        hosts: Vec<String>,
        /// How long the certificates are good for.
        #[arg(long, default_value_t = 365)]
        days: u32,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Show what a certificate says.
    Show {
        /// A certificate file.
        file: PathBuf,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Runs the command.
///
/// # Errors
/// When a file is in the way or cannot be read, or a name is not a participant's.
pub fn run(command: Command) -> Result<()> {
    match command {
        Command::Init { ca, name, json: as_json } => {
            CertificateAuthority::init(&ca, &name)?;
            if as_json {
                output::line(&serde_json::to_string_pretty(&json!({ "ca": ca, "name": name }))?);
            } else {
                output::line(&format!("the CA is in {}", ca.display()));
            }
        }
        Command::Issue { ca, out, names, hosts, days, json: as_json } => {
            let names = names
                .iter()
                .map(|name| name.parse::<ParticipantName>().with_context(|| format!("--as {name}")))
                .collect::<Result<Vec<_>>>()?;
            let issued = CertificateAuthority::open(&ca)?.issue(&out, &Issue { names, hosts, days })?;
            if as_json {
                let both = [&issued.tls, &issued.signing].map(facts).into_iter().collect::<Result<Vec<_>>>()?;
                let both: Vec<BTreeMap<&str, String>> = both.into_iter().map(BTreeMap::from).collect();
                output::line(&serde_json::to_string_pretty(&both)?);
            } else {
                output::facts(&facts(&issued.tls)?, false)?;
                output::facts(&facts(&issued.signing)?, false)?;
            }
        }
        Command::Show { file, json } => output::facts(&facts(&pki::show(&file)?)?, json)?,
    }
    Ok(())
}

fn facts(certificate: &CertificateSummary) -> Result<[(&'static str, String); 8]> {
    let names: Vec<String> = certificate.names.iter().map(ToString::to_string).collect();
    let instant = |time| Timestamp::try_from(time).map(|instant: Timestamp| instant.to_string());
    Ok([
        ("kind", certificate.kind.as_str().to_owned()),
        ("names", names.join(" ")),
        ("hosts", certificate.hosts.join(" ")),
        ("serial", certificate.serial.clone()),
        ("not_before", instant(certificate.not_before)?),
        ("not_after", instant(certificate.not_after)?),
        ("fingerprint", certificate.fingerprint.clone()),
        ("issuer", certificate.issuer.clone()),
    ])
}
