//! Certificates of agreement (对账确认书) as files: `yidi reconcile certificates` writes them, `verify-certificate` checks one
//! with the authority's certificate alone and writes what holds as a page ([`page`]). Their leaves are in [`super::leaves`].

mod page;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use clearing::certificate::Agreement;
use clearing::obligation::{Payer, Sums};
use clearing::tally::{ELSEWHERE, Family, Tally};
use identity::signing::{Authorities, Signature};
use jiff::civil::Date;
use proto::v1;
use proto::v1::breaks_client::BreaksClient;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use settlement::beijing;
use tonic::transport::Channel;

use super::leaves::{Checked, Leaves};
use super::{OfPools, client, leaves, print_json};
use crate::cli::Ending;
use crate::{output, status};

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

/// A certificate to be checked, and by what.
#[derive(Debug, Args)]
pub struct Verifying {
    /// The file.
    file: PathBuf,
    /// The authority's certificate, PEM.
    #[arg(long)]
    ca: PathBuf,
    /// The authority's list of revoked certificates, PEM: what a revoked one signed does not hold.
    #[arg(long)]
    crl: Option<PathBuf>,
    /// The certificate's leaves, as `certificates --leaves` writes them: digest and sums are worked out again from them.
    #[arg(long)]
    leaves: Option<PathBuf>,
    /// Write the certificate as a page to print on A4 and file, HTML; only where everything holds.
    #[arg(long, value_name = "FILE")]
    page: Option<PathBuf>,
    /// The table of regions, for names on the page.
    #[arg(long, default_value = "deploy/regions.csv", requires = "page")]
    regions: PathBuf,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

/// A certificate that was written.
struct Written {
    file: PathBuf,
    signed_by: Vec<String>,
    unsigned_by: Vec<String>,
    /// The file of its leaves, where they were asked for and come to what was signed.
    leaves: Option<PathBuf>,
}

/// Writes the certificates of some days into a folder, with their leaves where they are asked for.
///
/// # Errors
/// When the hub is not to be reached or refuses, or a file cannot be written.
pub async fn write(of: &OfPools, (from, to): (String, String), out: &Path, with_leaves: bool) -> Result<Ending> {
    let mut hub = client(&of.access)?;
    let certificates = fetch(&mut hub, of, (from, to)).await?;
    fs::create_dir_all(out).with_context(|| format!("cannot make {}", out.display()))?;
    let mut written = Vec::with_capacity(certificates.len());
    for certificate in &certificates {
        let agreement = Agreement::read(&certificate.text)?;
        let branch = agreement.branch;
        let name = format!("{}-{}-{}-v{}", branch.day, branch.home, branch.treatment, agreement.version);
        let file = out.join(format!("{name}.json"));
        write_file(&file, serde_json::to_string_pretty(&as_file(certificate))?.as_bytes())?;
        let signed_by: Vec<String> = certificate.signatures.iter().map(|signed| signed.party.clone()).collect();
        let unsigned_by = parties(&agreement).into_iter().filter(|party| !signed_by.contains(party)).collect();
        let mut row = Written { file, signed_by, unsigned_by, leaves: None };
        if with_leaves {
            let leaves = Leaves::of(&mut hub, branch, agreement.version).await?;
            if let Some(table) = leaves.table(&agreement)? {
                let file = out.join(format!("{name}.leaves.csv"));
                write_file(&file, &table)?;
                row.leaves = Some(file);
            }
        }
        written.push(row);
    }
    let whole = !written.is_empty() && (!with_leaves || written.iter().all(|row| row.leaves.is_some()));
    if of.json {
        let rows = written.iter().map(|Written { file, signed_by, unsigned_by, leaves }| {
            let mut row = json!({ "file": file, "signed_by": signed_by, "unsigned_by": unsigned_by });
            if with_leaves {
                row["leaves"] = json!(leaves);
            }
            row
        });
        print_json(&rows.collect())?;
    } else {
        print_written(&written, with_leaves);
    }
    Ok(Ending::of(whole))
}

/// The certificates of some days, page by page.
async fn fetch(
    hub: &mut BreaksClient<Channel>,
    of: &OfPools,
    (from, to): (String, String),
) -> Result<Vec<v1::CertificateView>> {
    let (mut certificates, mut after) = (Vec::new(), String::new());
    loop {
        let (home, treatment, from, to) = (of.home.clone(), of.treatment.clone(), from.clone(), to.clone());
        let page = hub.certificates(v1::BreaksRequest { home, treatment, from, to, after }).await;
        let page = page.map_err(|refused| status::to_refusal(&refused))?.into_inner();
        certificates.extend(page.certificates);
        after = page.next;
        if after.is_empty() {
            return Ok(certificates);
        }
    }
}

fn print_written(written: &[Written], with_leaves: bool) {
    if written.is_empty() {
        output::line(
            "no certificate was issued for these days: the books were not all found to agree, or the hub has not certified \
             them yet (its log says why)",
        );
        return;
    }
    for Written { file, signed_by, unsigned_by, leaves } in written {
        output::line(&format!("{}  {} signatures", file.display(), signed_by.len()));
        for party in unsigned_by {
            output::line(&format!("  {party} has not signed: if it stays so, the hub's log says why"));
        }
        match leaves {
            Some(leaves) => output::line(&format!("  {}", leaves.display())),
            None if with_leaves => {
                output::line(
                    "  ✗ without leaves: what the hub's book holds under it does not come to the signed digest",
                );
            }
            None => {}
        }
    }
    output::line(&format!("{} certificates", written.len()));
}

fn write_file(file: &Path, bytes: &[u8]) -> Result<()> {
    fs::write(file, bytes).with_context(|| format!("cannot write {}", file.display()))
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

/// Checks a certificate, and its leaves where they are given; has it written as a page where one is wanted.
///
/// # Errors
/// When a file cannot be read, or the page not be written.
pub fn verify(verifying: &Verifying) -> Result<Ending> {
    let Verifying { file, ca, crl, leaves, page, regions: _, json: as_json } = verifying;
    let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let certificate: CertificateFile =
        serde_json::from_str(&text).with_context(|| format!("{} is no certificate of agreement", file.display()))?;
    let authorities = Authorities::load(ca)?;
    let authorities = if let Some(crl) = crl { authorities.revoking(crl)? } else { authorities };
    let signed = check_signatures(&certificate, &authorities)?;
    let agreement = Agreement::read(&certificate.text)?;
    let leaves = leaves.as_ref().map(|file| leaves::check(file, &agreement)).transpose()?;
    let holds = signed.iter().all(|(_, held)| held.is_ok())
        && leaves.as_ref().is_none_or(|checked| checked.findings.is_empty());
    let written = page.as_deref().filter(|_| holds);
    if let Some(file) = written {
        page::write(file, (&certificate, &agreement), verifying)?;
    }
    if *as_json {
        let rows: Vec<_> = signed
            .iter()
            .map(|(party, held)| json!({ "party": party, "holds": held.is_ok(), "problem": held.as_ref().err() }))
            .collect();
        let mut told = json!({ "text": certificate.text, "holds": holds, "signatures": rows,
            "sums": agreement.tally.as_ref().map(tally_in_json) });
        if let Some(checked) = &leaves {
            told["leaves"] = leaves_in_json(checked, &agreement);
        }
        if page.is_some() {
            told["page"] = json!(written);
        }
        print_json(&told)?;
        return Ok(Ending::of(holds));
    }
    output::line(certificate.text.trim_end());
    if let Some(tally) = &agreement.tally {
        print_tally(tally);
    }
    for (party, held) in &signed {
        match held {
            Ok(()) => output::line(&format!("✓ {party}")),
            Err(problem) => output::line(&format!("✗ {party}: {problem}")),
        }
    }
    if let Some(checked) = &leaves {
        print_leaves(checked, &agreement);
    }
    match (page, written) {
        (Some(_), Some(file)) => output::line(&file.display().to_string()),
        (Some(_), None) => output::line("no page is written of what does not hold"),
        (None, _) => {}
    }
    Ok(Ending::of(holds))
}

/// The sums in yuan, as statements show them.
fn print_tally(tally: &Tally) {
    let mut table = output::table(["元", "人次", "医疗费总额"].into_iter().chain(Payer::all().map(Payer::name)));
    for (whose, sums) in tally.named() {
        let paid = Payer::all().map(|payer| payer.share_of(&sums).to_string());
        table.add_row([whose.to_owned(), sums.visits.to_string(), sums.total.to_string()].into_iter().chain(paid));
    }
    output::numbers_from(&mut table, 1);
    output::line(&table.to_string());
    match tally.family {
        Family::Owners => output::line(&format!("{ELSEWHERE} {} 元", tally.elsewhere)),
        Family::Patients => {}
    }
}

fn print_leaves(checked: &Checked, agreement: &Agreement) {
    for finding in &checked.findings {
        output::line(&format!("✗ {finding}"));
    }
    if checked.root == Some(agreement.root) {
        output::line(&format!("✓ {} leaves come to the digest of the certificate", checked.operations));
    }
    match agreement.tally {
        Some(tally) if tally == checked.tally => output::line("✓ they come to the sums of the certificate"),
        Some(_) => {}
        None => {
            output::line("the certificate states no sums; its leaves come to");
            print_tally(&checked.tally);
        }
    }
}

fn leaves_in_json(checked: &Checked, agreement: &Agreement) -> Value {
    let Checked { operations, root, tally, findings } = checked;
    json!({ "operations": operations, "root": root.map(|root| root.to_string()), "root_is_signed": *root == Some(agreement.root),
        "sums": tally_in_json(tally), "sums_are_signed": agreement.tally.map(|signed| signed == *tally),
        "findings": findings })
}

/// In fen.
fn tally_in_json(tally: &Tally) -> Value {
    let sums = |sums: &Sums| {
        let paid = Payer::all().map(|payer| (payer.word().to_owned(), payer.share_of(sums).fen().into()));
        let mut told = json!({ "visits": sums.visits, "total": sums.total.fen() });
        if let Some(told) = told.as_object_mut() {
            told.extend(paid);
        }
        told
    };
    let Tally { family, settled, undone, restored, sums: by, elsewhere } = tally;
    let elsewhere = match family {
        Family::Owners => Value::from(elsewhere.fen()),
        Family::Patients => Value::Null,
    };
    json!({ "settled": settled, "undone": undone, "restored": restored, "employee": sums(&by.employee),
        "resident": sums(&by.resident), "both": sums(&tally.total()), "accounts_of_other_pools": elsewhere })
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
            Some(signed) => {
                let held = check(&certificate.text, signed, authorities, agreement.branch.day);
                held.map_err(|fault| format!("{fault:#}"))
            }
        };
        (party, held)
    }))
}

/// Certificates are kept longer than those that sign them: what counts is that the signer's did not end before the day that
/// is certified, and was good when it was last good.
fn check(text: &str, signed: &SignatureInFile, authorities: &Authorities, day: Date) -> Result<()> {
    let chain = signed.chain.iter().map(|der| bytes(der)).collect::<Option<Vec<_>>>();
    let (Some(chain), Some(signature)) = (chain, bytes(&signed.signature)) else { bail!("is not written in base 16") };
    let begins = beijing::instant_of(day.into()).context("is under a day that has no beginning")?;
    let signature = Signature { scheme: signed.scheme, bytes: signature, chain };
    let names = signature.verify_kept(text.as_bytes(), authorities, begins.into())?;
    ensure!(names.iter().any(|name| name.to_string() == signed.party), "is of somebody else");
    Ok(())
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn bytes(hex: &str) -> Option<Vec<u8>> {
    let digits = hex.len().is_multiple_of(2) && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
    let pairs = (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok());
    if digits { pairs.collect() } else { None }
}

#[cfg(test)]
mod tests {
    use clearing::digest::{Branch, Digest};
    use identity::name::{ParticipantName, Role};
    use identity::pki::{CA_FILE, CertificateAuthority, Issue};
    use identity::signing::Signer;
    use jiff::civil::date;
    use settlement::ids::{PoolCode, RegionCode};

    use super::*;

    /// What one region with a certificate of 30 days signs, as hub, home and treatment side, is told of each.
    fn told(day: Date) -> [Result<(), String>; 3] {
        let folder = tempfile::tempdir().expect("a folder");
        let authority = CertificateAuthority::init(&folder.path().join("ca"), "test").expect("an authority");
        let region = RegionCode::new("310000").expect("a code");
        let own = |role| ParticipantName::new(region, role).expect("a name");
        let names = vec![ParticipantName::hub(), own(Role::Home), own(Role::Treatment)];
        authority.issue(&folder.path().join("own"), &Issue { names, hosts: vec![], days: 30 }).expect("certificates");
        let branch = Branch { day, home: PoolCode(region), treatment: PoolCode(region) };
        let root = Digest([7; 32]);
        let agreement = Agreement { branch, version: 1, operations: 1, tally: None, root, replaces: None };
        let text = agreement.to_string();
        let signer = Signer::load(&folder.path().join("own")).expect("a signer");
        let Signature { scheme, bytes, chain } = signer.sign(text.as_bytes()).expect("a signature");
        let signature = |party: String| SignatureInFile {
            party,
            scheme,
            signature: hex(&bytes),
            chain: chain.iter().map(|der| hex(der)).collect(),
        };
        let certificate = CertificateFile { text, signatures: parties(&agreement).map(signature).into() };
        let authorities = Authorities::load(&folder.path().join("ca").join(CA_FILE)).expect("a certificate");
        check_signatures(&certificate, &authorities).expect("a certificate").map(|(_, held)| held)
    }

    #[test]
    fn nobody_has_signed_a_day_that_his_certificate_did_not_live_to_see() {
        // A certificate that is issued later signs what is certified late.
        assert_eq!(told(date(2025, 6, 20)), [Ok(()), Ok(()), Ok(())]);
        for held in told(date(2199, 1, 1)) {
            let problem = held.expect_err("its certificate ends long before");
            assert!(problem.starts_with("the signer's certificate ended at 20"), "{problem}");
        }
    }
}
