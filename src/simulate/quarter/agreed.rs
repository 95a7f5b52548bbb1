//! Certificates of agreement in a simulated quarter: treatment sides sign what the hub and home regions have signed, an
//! operator has a day certified before it is over, so that what comes later makes another version; and what must hold of
//! all of them, each signature checked as `yidi reconcile verify-certificate` does.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, anyhow};
use broker::reconcile::certificates::write_certificate;
use broker::reconcile::notary::Notary;
use clearing::breaks::{Books, Proposal};
use clearing::certificate::Agreement;
use clearing::digest::{Branch, Node};
use jiff::ToSpan as _;
use jiff::civil::Date;
use ledger::hub::{Certificate, OpenBreak};
use ledger::leaves::Scope;
use proto::convert::digests::write_signature;
use reconciliation::answering::Answering;

use super::country::MEMBERS;
use super::explained::compare_treatments_on;
use super::nation::Nation;
use super::story::FIRST;
use crate::reconcile::{as_file, check_signatures};
use crate::simulate::fixtures::pool;

/// What was seen of certificates.
#[derive(Debug, Default)]
pub struct Agreed {
    /// Signatures that were checked, by branch, version and party.
    checked: BTreeSet<(Branch, u32, String)>,
}

/// What certificates came to in the end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Certified {
    /// Certificates that all three have signed, in all versions.
    pub signed: usize,
    /// How many of them replace an earlier one.
    pub replacing: usize,
    /// Certificates that somebody has not signed.
    pub unsigned: Vec<String>,
    /// Branches of which no certificate says what the hub's book holds.
    pub uncertified: Vec<Branch>,
}

/// Has treatment sides sign the certificates that they have not signed and whose books hold what they say, as
/// `his::comparing` does.
///
/// # Errors
/// When a book cannot be read, or a signature does not hold.
pub async fn sign_treatments(nation: &Nation) -> Result<()> {
    for certificate in certificates(nation).await? {
        let Agreement { branch, version, .. } = certificate.agreement;
        let party = format!("yidi://{}/treatment", branch.treatment);
        if certificate.signatures.iter().any(|(by, _)| *by == party) {
            continue;
        }
        let Some(member) = MEMBERS.iter().position(|plan| pool(plan.treatment) == branch.treatment) else { continue };
        let book = Answering::new(nation.treatment_store(member)?);
        let holds = book.holds(&certificate.agreement).await;
        if !holds.map_err(|refusal| anyhow!("a treatment side's book cannot be read: {refusal:?}"))? {
            continue;
        }
        let signed = nation.country.members[member].signers.treatment.sign(certificate.text.as_bytes())?;
        let signature = write_signature(signed.scheme, signed.bytes, signed.chain);
        nation.country.notary.check(&certificate.text, &signature, &party).map_err(|problem| anyhow!(problem))?;
        let kept = Notary::as_kept(party, &signature);
        nation.hub().store.certificate_sign((branch, version), kept, None, nation.now()).await?;
    }
    Ok(())
}

/// An operator has today compared and certified before it is over.
///
/// # Errors
/// When a book cannot be compared.
pub async fn certify_early(nation: &Nation) -> Result<()> {
    let days = (nation.today(), nation.today());
    compare_treatments_on(nation, days).await?;
    for (home, pools) in nation.hub().compared_homes() {
        for pool in pools {
            nation.hub().compare(home, pool, days).await?;
        }
    }
    nation.hub().certify(&nation.country.notary, days, None).await?;
    sign_treatments(nation).await
}

/// Versions follow one another, each names what it replaces and has more in it; the newest says what the hub's book holds
/// or less, and never what a break between the three books stands about, unless a book that was certified was put back
/// since; every signature holds.
pub(super) async fn a_certificate_says_what_the_books_hold(
    nation: &Nation,
    open: &[OpenBreak],
    agreed: &mut Agreed,
) -> Result<Vec<String>> {
    let (certificates, roots) = (certificates(nation).await?, roots(nation).await?);
    let mut findings = Vec::new();
    let mut newest: BTreeMap<Branch, Agreement> = BTreeMap::new();
    for certificate in &certificates {
        let agreement = certificate.agreement;
        let what = "a certificate says what the books hold does not hold for";
        let before = newest.insert(agreement.branch, agreement);
        let held = roots.get(&agreement.branch).map_or(0, |root| root.count);
        if !follows(&agreement, before.as_ref())
            || agreement.operations > held
            || agreement.to_string() != certificate.text
        {
            findings.push(format!("{what} {agreement:?} after {before:?}, with {held} operations in the book"));
        }
        findings.extend(check_new(nation, certificate, agreed)?);
    }
    let between_the_three =
        |open: &&OpenBreak| open.books != Books::HospitalTreatment && open.found.proposed != Proposal::Reinstate;
    for OpenBreak { found, .. } in open.iter().filter(between_the_three) {
        let root = roots.get(&found.branch).map(|root| root.digest);
        if newest.get(&found.branch).is_some_and(|agreement| Some(agreement.root) == root) {
            let what = "what books are apart on is certified by nobody does not hold for";
            findings.push(format!("{what} {:?}", found.branch));
        }
    }
    Ok(findings)
}

/// Whether a certificate is the next version after another, or the first.
fn follows(agreement: &Agreement, before: Option<&Agreement>) -> bool {
    agreement.version == before.map_or(1, |before| before.version + 1)
        && agreement.replaces == before.map(|before| before.root)
        && before.is_none_or(|before| before.operations < agreement.operations)
}

/// Checks what was signed since.
fn check_new(nation: &Nation, certificate: &Certificate, agreed: &mut Agreed) -> Result<Vec<String>> {
    let Agreement { branch, version, .. } = certificate.agreement;
    let is_new = |party: &String| !agreed.checked.contains(&(branch, version, party.clone()));
    if !certificate.signatures.iter().any(|(party, _)| is_new(party)) {
        return Ok(Vec::new());
    }
    let mut findings = Vec::new();
    for (party, held) in
        check_signatures(&as_file(&write_certificate(certificate)), &nation.country.notary.authorities)?
    {
        let has_signed = certificate.signatures.iter().any(|(by, _)| *by == party);
        match held {
            Ok(()) => _ = agreed.checked.insert((branch, version, party)),
            Err(problem) if has_signed => findings.push(format!(
                "every signature under a certificate holds does not hold for {branch:?}, version {version}: {party} {problem}"
            )),
            Err(_) => {}
        }
    }
    Ok(findings)
}

/// What certificates came to, with every signature checked again.
///
/// # Errors
/// When a book cannot be read.
pub async fn certified(nation: &Nation) -> Result<Certified> {
    let mut certified = Certified::default();
    let mut newest: BTreeMap<Branch, Agreement> = BTreeMap::new();
    for certificate in certificates(nation).await? {
        let agreement = certificate.agreement;
        newest.insert(agreement.branch, agreement);
        let checked = check_signatures(&as_file(&write_certificate(&certificate)), &nation.country.notary.authorities)?;
        let problems = checked.into_iter().filter_map(|(party, held)| Some(format!("{party} {}", held.err()?)));
        let problems: Vec<String> = problems.collect();
        if problems.is_empty() {
            certified.signed += 1;
            certified.replacing += usize::from(agreement.replaces.is_some());
        } else {
            certified.unsigned.push(format!("{agreement:?}: {}", problems.join("; ")));
        }
    }
    let says = |branch: &Branch, root: &Node| newest.get(branch).is_some_and(|newest| newest.root == root.digest);
    let roots = roots(nation).await?;
    certified.uncertified = roots.iter().filter(|(branch, root)| !says(branch, root)).map(|(at, _)| *at).collect();
    Ok(certified)
}

/// Every certificate, the versions of a branch one after the other.
async fn certificates(nation: &Nation) -> Result<Vec<Certificate>> {
    let mut all = nation.hub().store.certificate_list(days(nation), Scope::default()).await?;
    all.sort_by_key(|certificate| (certificate.agreement.branch, certificate.agreement.version));
    Ok(all)
}

/// What the hub's book holds.
async fn roots(nation: &Nation) -> Result<BTreeMap<Branch, Node>> {
    Ok(nation.hub().store.leaves().leaf_roots(days(nation), Scope::default()).await?)
}

fn days(nation: &Nation) -> (Date, Date) {
    (FIRST.saturating_sub(1.days()), nation.today())
}

#[cfg(test)]
mod tests {
    use clearing::digest::Digest;
    use jiff::civil::date;

    use super::*;

    #[test]
    fn the_next_version_names_what_it_replaces_and_has_more_in_it() {
        let branch = Branch { day: date(2025, 4, 22), home: pool("410700"), treatment: pool("310000") };
        let root = |byte| Digest([byte; 32]);
        let first = Agreement { branch, version: 1, operations: 2, tally: None, root: root(1), replaces: None };
        let second =
            Agreement { branch, version: 2, operations: 3, tally: None, root: root(2), replaces: Some(root(1)) };
        assert!(follows(&first, None) && follows(&second, Some(&first)));
        for (name, wrong) in [
            ("leaves one out", Agreement { version: 3, ..second }),
            ("replaces nothing", Agreement { replaces: None, ..second }),
            ("replaces another", Agreement { replaces: Some(root(7)), ..second }),
            ("has no late entry", Agreement { operations: 2, ..second }),
            ("is the first again", first),
        ] {
            assert!(!follows(&wrong, Some(&first)), "{name}");
        }
        assert!(!follows(&second, None), "there is none to replace");
    }
}
