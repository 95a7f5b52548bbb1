//! Certifying days on which all three books agree: the hub writes the certificate, signs it, and has the home region
//! sign; the treatment side signs when it next compares. Called by [`crate::jobs`].

use std::sync::Arc;

use clearing::certificate::Agreement;
use clearing::digest::Branch;
use clearing::tally::Family;
use identity::signing::Signer;
use jiff::civil::Date;
use ledger::hub::Position;
use ledger::leaves::Scope;
use ledger::store::StoreError;
use prost::Message;
use proto::convert::digests::write_signature;
use proto::v1;
use reconciliation::answering::Answering;
use reconciliation::counting::{CountError, Counted, count};
use settlement::ids::PoolCode;

use crate::hub::Hub;

/// The hub as a party.
const THE_HUB: &str = "yidi://000000/hub";

impl Hub {
    /// Writes and signs the certificates that are due of some days, of one home pool's or of all, and has home regions sign
    /// what they have not signed. A region that does not answer is asked again the next time. Each states what the hub's
    /// own book comes to; one that has grown since is certified once it was compared again.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn certify(
        self: &Arc<Self>,
        signer: &Signer,
        days: (Date, Date),
        home: Option<PoolCode>,
    ) -> Result<usize, StoreError> {
        let mut issued = 0;
        let mut due = self.store.certificate_due(days).await?;
        due.retain(|agreement| home.is_none_or(|home| agreement.branch.home == home));
        for agreement in due {
            if let Some((agreement, positions)) = self.with_sums(agreement).await? {
                self.store.certificate_issue(agreement, positions, self.clock.now()).await?;
                issued += 1;
            }
        }
        for certificate in self.store.certificate_list(days, Scope { home, treatment: None }).await? {
            let signed = |party: &str| certificate.signatures.iter().any(|(by, _)| by == party);
            if !signed(THE_HUB) && self.own_book_holds(&certificate.agreement).await {
                self.sign_ourselves(signer, &certificate.agreement).await?;
            }
            let home = certificate.agreement.branch.home;
            if !signed(&home_party(home)) {
                self.have_home_sign(&certificate.agreement, home).await?;
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
        Answering::new(self.store.clone(), None).holds(agreement).await.unwrap_or(false)
    }

    async fn sign_ourselves(&self, signer: &Signer, agreement: &Agreement) -> Result<(), StoreError> {
        match signer.sign(agreement.to_string().as_bytes()) {
            Ok(signature) => {
                let signature = write_signature(signature.scheme, signature.bytes, signature.chain);
                self.keep_signature(agreement, THE_HUB.to_owned(), &signature).await
            }
            Err(fault) => {
                tracing::error!(error = &fault as &dyn std::error::Error, "the hub cannot sign a certificate");
                Ok(())
            }
        }
    }

    async fn have_home_sign(&self, agreement: &Agreement, pool: PoolCode) -> Result<(), StoreError> {
        let Ok(home) = self.directory.home(pool) else { return Ok(()) };
        let (text, party) = (agreement.to_string(), home_party(pool));
        let request = v1::SignRequest { text: text.clone() };
        match home.port().as_book().sign(request, self.patience).await {
            Ok(signature) => match check_signature(&text, &signature, &party) {
                Ok(()) => self.keep_signature(agreement, party, &signature).await,
                Err(problem) => {
                    tracing::error!(%pool, problem, "the signature of home region {pool} does not hold");
                    Ok(())
                }
            },
            Err(silent) => {
                tracing::warn!(%pool, why = silent.word(), "home region {pool} did not sign a certificate");
                Ok(())
            }
        }
    }

    async fn keep_signature(
        &self,
        agreement: &Agreement,
        party: String,
        signature: &v1::DocumentSignature,
    ) -> Result<(), StoreError> {
        let place = (agreement.branch, agreement.version);
        self.store.certificate_sign(place, (party, signature.encode_to_vec()), self.clock.now()).await
    }
}

fn home_party(pool: PoolCode) -> String {
    format!("yidi://{pool}/home")
}

/// Checks that a signature is of a party: its certificate carries the name, and the text is what was signed. Whether the
/// certificate is to be trusted is checked by whoever relies on the document, with an authority of their choice.
///
/// # Errors
/// What is wrong with it.
pub fn check_signature(text: &str, signature: &v1::DocumentSignature, party: &str) -> Result<(), String> {
    let scheme = u16::try_from(signature.scheme).map_err(|_| "is in no scheme for documents".to_owned())?;
    let chain = signature.chain.iter().map(|der| der.to_vec()).collect();
    let read = identity::signing::Signature { scheme, bytes: signature.signature.to_vec(), chain };
    let names = read.signed_by(text.as_bytes()).map_err(|fault| fault.to_string())?;
    if names.iter().any(|name| name.to_string() == party) { Ok(()) } else { Err(format!("is not of {party}")) }
}
