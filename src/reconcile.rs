//! `yidi reconcile …`: comparing books, what they differ in, and certificates that they agree. A certificate is checked
//! with the authority's certificate alone: nothing of ours need run.

mod acting;
mod comparing;
mod hospital;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail, ensure};
use clap::{Args, Subcommand};
use clearing::certificate::Agreement;
use identity::signing::{Authorities, Signature};
use proto::v1;
use proto::v1::breaks_client::BreaksClient;
use serde::{Deserialize, Serialize};
use serde_json::json;
use settlement::money::Money;
use tonic::transport::Channel;

use crate::cli::Ending;
use crate::filing::Access;
use crate::{output, status};

/// What to do about books.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Compare books of one day, now: the hub's with a home region's, a treatment side's with the hub's, or both. The hub
    /// asks the home region itself; the treatment side is asked by letter, compares while it serves, and is waited for.
    /// Exits with 1 where books differ or neither has anything to compare, and with 2 where a side does not compare.
    Day {
        /// Of whom, and how to reach the hub.
        #[command(flatten)]
        with: comparing::With,
        /// The day, yyyy-mm-dd.
        day: String,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// The same over several days.
    #[command(visible_alias = "home")]
    Days {
        /// Of whom, and how to reach the hub.
        #[command(flatten)]
        with: comparing::With,
        /// The first day.
        #[arg(long)]
        from: String,
        /// The last day.
        #[arg(long)]
        to: String,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Show which days hospitals compared with this treatment side, and what differs. Exits with 1 where something does.
    Hospital(hospital::Arguments),
    /// List the breaks that stand, the oldest first. Exits with 1 where there are some.
    Show {
        /// Of which pools, and how to reach the hub.
        #[command(flatten)]
        of: OfPools,
    },
    /// End a break by decision; a comparison that finds it again opens another. One of a hospital's book stays ended while
    /// the same is told of it.
    Resolve {
        /// How to reach the hub.
        #[command(flatten)]
        access: Access,
        /// The break's number.
        number: i64,
        /// Why.
        #[arg(long)]
        reason: String,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Carry out what is proposed about a break, and compare again. Exits with 1 where the break stands still.
    CarryOut {
        /// How to reach the hub.
        #[command(flatten)]
        access: Access,
        /// The break's number.
        number: i64,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Tell what was done about a break, by whom and when, and how it ended.
    History {
        /// How to reach the hub.
        #[command(flatten)]
        access: Access,
        /// The break's number.
        number: i64,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Write certificates of agreement (对账确认书) into a folder, one file each. Exits with 1 where there are none.
    Certificates {
        /// Of which pools, and how to reach the hub.
        #[command(flatten)]
        of: OfPools,
        /// The first day.
        #[arg(long)]
        from: String,
        /// The last day.
        #[arg(long)]
        to: String,
        /// The folder.
        #[arg(long)]
        out: PathBuf,
    },
    /// Check a certificate of agreement with the authority's certificate alone. Exits with 1 where it does not hold.
    VerifyCertificate {
        /// The file.
        file: PathBuf,
        /// The authority's certificate, PEM.
        #[arg(long)]
        ca: PathBuf,
        /// The authority's list of revoked certificates, PEM: what a revoked one signed does not hold.
        #[arg(long)]
        crl: Option<PathBuf>,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Of which pools, and how to reach the hub.
#[derive(Debug, Args)]
pub struct OfPools {
    #[command(flatten)]
    access: Access,
    /// The pool that pays; any where it is not given.
    #[arg(long, default_value = "")]
    home: String,
    /// The pool that treated; any where it is not given.
    #[arg(long, default_value = "")]
    treatment: String,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

/// A certificate as a file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CertificateFile {
    /// What is signed, byte for byte.
    text: String,
    signatures: Vec<SignatureInFile>,
}

/// A party's signature.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SignatureInFile {
    /// `yidi://<code>/<role>`.
    party: String,
    /// The scheme of TLS 1.3.
    scheme: u16,
    /// In base 16.
    signature: String,
    /// The signer's certificate first; DER in base 16.
    chain: Vec<String>,
}

/// Runs the command.
///
/// # Errors
/// When the hub is not to be reached or refuses, or a file cannot be read.
pub async fn run(command: Command) -> Result<Ending> {
    match command {
        Command::Day { with, day, json } => comparing::compare(&with, (&day, &day), json).await,
        Command::Days { with, from, to, json } => comparing::compare(&with, (&from, &to), json).await,
        Command::Hospital(arguments) => hospital::run(arguments).await,
        Command::Show { of } => show(&of).await,
        Command::Resolve { access, number, reason, json } => {
            let resolved = client(&access)?.resolve(v1::ResolveBreakRequest { number, reason: reason.clone() }).await;
            resolved.map_err(|refused| status::to_refusal(&refused))?;
            if json {
                print_json(&json!({ "number": number, "ending": "decided", "reason": reason }))?;
            } else {
                output::line(&format!("break {number} is resolved"));
            }
            Ok(Ending::Good)
        }
        Command::CarryOut { access, number, json } => acting::carry_out(&access, number, json).await,
        Command::History { access, number, json } => acting::history(&access, number, json).await,
        Command::Certificates { of, from, to, out } => write_certificates(&of, from, to, &out).await,
        Command::VerifyCertificate { file, ca, crl, json } => verify(&file, (&ca, crl.as_deref()), json),
    }
}

fn client(access: &Access) -> Result<BreaksClient<Channel>> {
    Ok(BreaksClient::new(access.channel()?))
}

async fn show(of: &OfPools) -> Result<Ending> {
    let (home, treatment) = (of.home.clone(), of.treatment.clone());
    let asked = v1::BreaksRequest { home, treatment, ..v1::BreaksRequest::default() };
    let listed = client(&of.access)?.list(asked).await.map_err(|refused| status::to_refusal(&refused))?;
    let breaks = listed.into_inner().breaks;
    let branch = |found: &v1::BreakView| found.branch.clone().unwrap_or_default();
    let amount = |fen| Money::from_fen(fen).to_string();
    if of.json {
        let rows = breaks.iter().map(|found| {
            let v1::Branch { day, home, treatment } = branch(found);
            json!({ "number": found.number, "books": found.books, "day": day, "home": home, "treatment": treatment,
                "kind": found.kind, "setl_id": found.settlement, "operation": found.operation,
                "outer_total": amount(found.outer_total), "outer_owed": amount(found.outer_owed),
                "inner_total": amount(found.inner_total), "inner_owed": amount(found.inner_owed),
                "proposed": found.proposed, "age_days": found.age_days })
        });
        print_json(&rows.collect())?;
        return Ok(Ending::of(breaks.is_empty()));
    }
    let header =
        ["编号", "账簿", "日期", "参保地", "就医地", "差异", "setl_id", "外侧应付", "内侧应付", "天数", "建议"];
    let mut table = output::table(header);
    for found in &breaks {
        let v1::Branch { day, home, treatment } = branch(found);
        table.add_row([
            found.number.to_string(),
            found.books.clone(),
            day,
            home,
            treatment,
            found.kind.clone(),
            found.settlement.clone(),
            amount(found.outer_owed),
            amount(found.inner_owed),
            found.age_days.to_string(),
            found.proposed.clone(),
        ]);
    }
    output::line(&table.to_string());
    Ok(Ending::of(breaks.is_empty()))
}

async fn write_certificates(of: &OfPools, from: String, to: String, out: &Path) -> Result<Ending> {
    let asked = v1::BreaksRequest { home: of.home.clone(), treatment: of.treatment.clone(), from, to };
    let listed = client(&of.access)?.certificates(asked).await.map_err(|refused| status::to_refusal(&refused))?;
    fs::create_dir_all(out).with_context(|| format!("cannot make {}", out.display()))?;
    let certificates = listed.into_inner().certificates;
    let mut written = Vec::with_capacity(certificates.len());
    for certificate in &certificates {
        let agreement = Agreement::read(&certificate.text)?;
        let branch = agreement.branch;
        let name = format!("{}-{}-{}-v{}.json", branch.day, branch.home, branch.treatment, agreement.version);
        let file = out.join(name);
        fs::write(&file, serde_json::to_string_pretty(&as_file(certificate))?)
            .with_context(|| format!("cannot write {}", file.display()))?;
        written.push((file, &certificate.signatures));
    }
    if of.json {
        let rows = written.iter().map(|(file, signatures)| {
            let parties: Vec<&str> = signatures.iter().map(|signed| signed.party.as_str()).collect();
            json!({ "file": file, "signed_by": parties })
        });
        print_json(&rows.collect())?;
        return Ok(Ending::of(!written.is_empty()));
    }
    if written.is_empty() {
        output::line("no certificates: on none of these days all three books were found to agree");
        return Ok(Ending::Found);
    }
    for (file, signatures) in &written {
        output::line(&format!("{}  {} signatures", file.display(), signatures.len()));
    }
    output::line(&format!("{} certificates", written.len()));
    Ok(Ending::Good)
}

pub(crate) fn as_file(certificate: &v1::CertificateView) -> CertificateFile {
    let signature = |signed: &v1::PartySignature| {
        let signature = signed.signature.clone().unwrap_or_default();
        SignatureInFile {
            party: signed.party.clone(),
            scheme: u16::try_from(signature.scheme).unwrap_or_default(),
            signature: hex(&signature.signature),
            chain: signature.chain.iter().map(|der| hex(der)).collect(),
        }
    };
    let signatures = certificate.signatures.iter().map(signature).collect();
    CertificateFile { text: certificate.text.clone(), signatures }
}

/// Who has to sign a certificate: the home region, the hub and the treatment side.
fn parties(agreement: &Agreement) -> [String; 3] {
    let branch = agreement.branch;
    [
        format!("yidi://{}/home", branch.home),
        "yidi://000000/hub".to_owned(),
        format!("yidi://{}/treatment", branch.treatment),
    ]
}

fn verify(file: &Path, (ca, crl): (&Path, Option<&Path>), as_json: bool) -> Result<Ending> {
    let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let certificate: CertificateFile =
        serde_json::from_str(&text).with_context(|| format!("{} is no certificate of agreement", file.display()))?;
    let authorities = Authorities::load(ca)?;
    let authorities = if let Some(crl) = crl { authorities.revoking(crl)? } else { authorities };
    let checked = check_signatures(&certificate, &authorities)?;
    let holds = checked.iter().all(|(_, held)| held.is_ok());
    if as_json {
        let rows: Vec<_> = checked
            .iter()
            .map(|(party, held)| json!({ "party": party, "holds": held.is_ok(), "problem": held.as_ref().err() }))
            .collect();
        print_json(&json!({ "text": certificate.text, "holds": holds, "signatures": rows }))?;
        return Ok(Ending::of(holds));
    }
    output::line(certificate.text.trim_end());
    for (party, held) in &checked {
        match held {
            Ok(()) => output::line(&format!("✓ {party}")),
            Err(problem) => output::line(&format!("✗ {party}: {problem}")),
        }
    }
    Ok(Ending::of(holds))
}

/// Checks the signatures that a certificate must have; tells of each party whether its signature holds, or what is wrong.
///
/// # Errors
/// When the text is no certificate of agreement.
pub(crate) fn check_signatures(
    certificate: &CertificateFile,
    authorities: &Authorities,
) -> Result<[(String, Result<(), String>); 3]> {
    let agreement = Agreement::read(&certificate.text)?;
    Ok(parties(&agreement).map(|party| {
        let signed = certificate.signatures.iter().find(|signed| signed.party == party);
        let held = match signed {
            None => Err("has not signed".to_owned()),
            Some(signed) => check(&certificate.text, signed, authorities).map_err(|fault| format!("{fault:#}")),
        };
        (party, held)
    }))
}

/// Certificates are kept longer than those that sign them: what counts is that the signer's was good from when it was
/// issued on, which is looked at as of now or, where it has expired since, as of its last day.
fn check(text: &str, signed: &SignatureInFile, authorities: &Authorities) -> Result<()> {
    let chain = signed.chain.iter().map(|der| bytes(der)).collect::<Option<Vec<_>>>();
    let (Some(chain), Some(signature)) = (chain, bytes(&signed.signature)) else { bail!("is not written in base 16") };
    let own = chain.first().context("comes without a certificate")?;
    let last = identity::certificate::CertificateSummary::of(own)?.not_after;
    let at = SystemTime::now().min(last - Duration::from_secs(1));
    let signature = Signature { scheme: signed.scheme, bytes: signature, chain };
    let names = signature.verify(text.as_bytes(), authorities, at)?;
    ensure!(names.iter().any(|name| name.to_string() == signed.party), "is of somebody else");
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let digits = hex.len().is_multiple_of(2) && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
    let pairs = (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok());
    if digits { pairs.collect() } else { None }
}

fn print_json(value: &serde_json::Value) -> Result<()> {
    output::line(&serde_json::to_string_pretty(value)?);
    Ok(())
}
