//! Certifying days on which all three books agree: the hub writes the certificate, signs it, and has the home region
//! sign; the treatment side signs when it next compares. Called by [`crate::jobs`].

use std::collections::BTreeSet;
use std::sync::Arc;

use clearing::certificate::Agreement;
use clearing::digest::Branch;
use clearing::tally::Family;
use identity::signing::Signer;
use jiff::civil::Date;
use ledger::hub::{Certificate, Position};
use ledger::leaves::Scope;
use ledger::store::StoreError;
use prost::Message;
use proto::convert::digests::write_signature;
use proto::v1;
use reconciliation::answering::Answering;
use reconciliation::counting::{CountError, Counted, count};
use settlement::ids::PoolCode;

use super::notary::{Kept, Notary};
use crate::hub::Hub;
use crate::measures;

/// The hub as a party.
const THE_HUB: &str = "yidi://000000/hub";

/// A signature that a certificate lacks.
struct Lacking<'a> {
    agreement: &'a Agreement,
    party: String,
    /// What is kept of the party and no longer holds.
    replacing: Option<Vec<u8>>,
}

impl Hub {
    /// Writes and signs the certificates that are due of some days, of one home pool's or of all, and has home regions sign
    /// what they have not signed, or not so that it still holds. A region that does not answer is asked again the next time,
    /// and so is one whose signature is not to be verified. Each states what the hub's own book comes to; one that has grown
    /// since is certified once it was compared again. Without a signer of the hub's nothing is certified.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn certify(
        self: &Arc<Self>,
        notary: &Notary,
        days: (Date, Date),
        home: Option<PoolCode>,
    ) -> Result<usize, StoreError> {
        let Some(signer) = &notary.signer else { return Ok(0) };
        let mut issued = 0;
        let mut due = self.store.certificate_due(days).await?;
        due.retain(|agreement| home.is_none_or(|home| agreement.branch.home == home));
        for agreement in due {
            if let Some((agreement, positions)) = self.with_sums(agreement).await? {
                self.store.certificate_issue(agreement, positions, self.clock.now()).await?;
                issued += 1;
            }
        }
        let (mut kept, mut refused) = (notary.kept(), BTreeSet::new());
        for certificate in self.store.certificate_list(days, Scope { home, treatment: None }).await? {
            let home = certificate.agreement.branch.home;
            if let Some(lacking) = lacking(&certificate, THE_HUB.to_owned(), &mut kept)
                && !refused.contains(THE_HUB)
                && self.own_book_holds(&certificate.agreement).await
                && let Some(signature) = sign_ourselves(signer, &certificate.agreement)
            {
                self.keep_signature(notary, lacking, &signature, &mut refused).await?;
            }
            if let Some(lacking) = lacking(&certificate, format!("yidi://{home}/home"), &mut kept)
                && !refused.contains(&lacking.party)
                && let Some(signature) = self.have_home_sign(&certificate.agreement, home).await
            {
                self.keep_signature(notary, lacking, &signature, &mut refused).await?;
            }
        }
        Ok(issued)
    }

    /// A certificate with what the hub's book comes to, and where its operations stand; none where the book holds something
    /// else by now.
    async fn with_sums(&self, agreement: Agreement) -> Result<Option<(Agreement, Vec<Position>)>, StoreError> {
        let branch = agreement.branch;
        match count(&self.store, branch, Family::Owners).await {
            Ok(Counted { root, tally, positions }) => {
                let same = root.is_some_and(|root| root.digest == agreement.root);
                let positions = positions.into_iter().map(Position).collect();
                Ok(same.then_some((Agreement { tally: Some(tally), ..agreement }, positions)))
            }
            Err(CountError::Store(fault)) => Err(fault),
            Err(CountError::Operation(fault)) => {
                let Branch { day, home, treatment } = branch;
                let error = &fault as &dyn std::error::Error;
                tracing::error!(%day, %home, %treatment, error, "{day} of {home} in {treatment} cannot be certified");
                Ok(None)
            }
        }
    }

    /// Whether the hub's own book holds what a certificate says, by now: one that another process of the hub wrote is signed
    /// on no other grounds than a region's. That the book cannot be read is in the log.
    async fn own_book_holds(&self, agreement: &Agreement) -> bool {
        Answering::new(self.store.clone()).holds(agreement).await.unwrap_or(false)
    }

    async fn have_home_sign(&self, agreement: &Agreement, pool: PoolCode) -> Option<v1::DocumentSignature> {
        let home = self.directory.home(pool).ok()?;
        let request = v1::SignRequest { text: agreement.to_string() };
        let signed = home.port().as_book().sign(request, self.patience).await.inspect_err(|silent| {
            tracing::warn!(%pool, why = silent.word(), "home region {pool} did not sign a certificate");
        });
        signed.ok()
    }

    /// Keeps a signature that anybody can verify. Whose is not so is told, and not asked for another in this run.
    async fn keep_signature(
        &self,
        notary: &Notary,
        Lacking { agreement, party, replacing }: Lacking<'_>,
        signature: &v1::DocumentSignature,
        refused: &mut BTreeSet<String>,
    ) -> Result<(), StoreError> {
        if let Err(problem) = notary.check(&agreement.to_string(), signature, &party) {
            let Branch { day, home, treatment } = agreement.branch;
            measures::signature_refused(&party);
            tracing::error!(party, %day, %home, %treatment, problem, "a signature of {party} is not kept: {problem}");
            refused.insert(party);
            return Ok(());
        }
        let (place, signed) = ((agreement.branch, agreement.version), (party, signature.encode_to_vec()));
        self.store.certificate_sign(place, signed, replacing, self.clock.now()).await
    }
}

/// The signature of a party that a certificate lacks; none where one is kept that holds.
fn lacking<'a>(certificate: &'a Certificate, party: String, kept: &mut Kept<'_>) -> Option<Lacking<'a>> {
    let (agreement, replacing) = (&certificate.agreement, certificate.signature_of(&party));
    let holds = replacing.is_some_and(|signature| kept.holds(signature, agreement.branch.day));
    (!holds).then(|| Lacking { agreement, party, replacing: replacing.map(<[u8]>::to_vec) })
}

fn sign_ourselves(signer: &Signer, agreement: &Agreement) -> Option<v1::DocumentSignature> {
    let signed = signer.sign(agreement.to_string().as_bytes()).inspect_err(|fault| {
        tracing::error!(error = fault as &dyn std::error::Error, "the hub cannot sign a certificate");
    });
    signed.ok().map(|signature| write_signature(signature.scheme, signature.bytes, signature.chain))
}
