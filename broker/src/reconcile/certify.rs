//! Certifying days on which all three books agree: the hub writes the certificate, signs it, and has the home region
//! sign; the treatment side signs when it next compares. Called by [`crate::jobs`].

use std::collections::BTreeSet;
use std::sync::Arc;

use clearing::certificate::Agreement;
use clearing::digest::Branch;
use clearing::tally::Family;
use identity::signing::Signer;
use jiff::civil::Date;
use ledger::hub::{Certificate, KeptSigner, Position, Unsigned};
use ledger::leaves::Scope;
use ledger::store::StoreError;
use proto::convert::digests::write_signature;
use proto::status::NoReply;
use proto::v1;
use reconciliation::answering::Answering;
use reconciliation::counting::{CountError, Counted, count};
use settlement::ids::PoolCode;

use super::notary::{Kept, Notary};
use crate::hub::Hub;
use crate::measures;

/// The hub as a party.
const THE_HUB: &str = "yidi://000000/hub";

/// So many certificates are read at once.
const A_PAGE: usize = 200;

/// Certificates being signed in one run.
struct Signing<'a> {
    notary: &'a Notary,
    kept: Kept<'a>,
    /// Who has signed until now.
    signers: Vec<KeptSigner>,
    /// Who is asked nothing more in this run: whoever said nothing, or what nobody could verify.
    passed_over: BTreeSet<String>,
}

/// Who is to sign.
#[derive(Clone, Copy)]
enum By<'a> {
    TheHub(&'a Signer),
    /// Each certificate's own home region.
    Homes,
}

/// What a party said when it was asked to sign.
enum Said {
    Signed(v1::DocumentSignature),
    /// That it does not sign this one.
    No,
    Nothing,
}

impl By<'_> {
    fn named(self) -> Option<&'static str> {
        match self {
            By::TheHub(_) => Some(THE_HUB),
            By::Homes => None,
        }
    }

    fn party(self, agreement: &Agreement) -> String {
        self.named().map_or_else(|| format!("yidi://{}/home", agreement.branch.home), ToOwned::to_owned)
    }
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
        let signers = self.store.certificate_signers(None).await?;
        let mut signing = Signing { notary, kept: notary.kept(), signers, passed_over: BTreeSet::new() };
        let (mut issued, mut from) = (0, Some(days.0));
        while let Some(first) = from.filter(|first| *first <= days.1)
            && let Some(day) = self.store.certificate_day((first, days.1), None).await?
        {
            issued += self.issue(day, home).await?;
            for by in [By::TheHub(signer), By::Homes] {
                self.have_signed(&mut signing, day, home, by).await?;
            }
            from = day.tomorrow().ok();
        }
        Ok(issued)
    }

    /// Writes the certificates of a day that are due.
    async fn issue(&self, day: Date, home: Option<PoolCode>) -> Result<usize, StoreError> {
        let mut due = self.store.certificate_due((day, day)).await?;
        due.retain(|agreement| home.is_none_or(|home| agreement.branch.home == home));
        let mut issued = 0;
        for agreement in due {
            if let Some((agreement, positions)) = self.with_sums(agreement).await? {
                self.store.certificate_issue(agreement, positions, self.clock.now()).await?;
                issued += 1;
            }
        }
        Ok(issued)
    }

    /// Has a day's certificates signed that lack the hub's signature, or their home regions'.
    async fn have_signed(
        &self,
        signing: &mut Signing<'_>,
        day: Date,
        home: Option<PoolCode>,
        by: By<'_>,
    ) -> Result<(), StoreError> {
        let (unsound, scope) = (signing.kept.unsound(&signing.signers, day), Scope { home, treatment: None });
        let unsigned = Unsigned { day, scope, party: by.named().map(ToOwned::to_owned), unsound };
        let mut after = None;
        loop {
            let page = self.store.certificate_unsigned(unsigned.clone(), after, A_PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.agreement);
            for certificate in page {
                let party = by.party(&certificate.agreement);
                if signing.passed_over.contains(&party) {
                    continue;
                }
                match self.signature_of(by, &certificate.agreement).await {
                    Said::Signed(signature) => self.keep_signature(signing, &certificate, party, &signature).await?,
                    Said::No => {}
                    Said::Nothing => _ = signing.passed_over.insert(party),
                }
            }
        }
    }

    async fn signature_of(&self, by: By<'_>, agreement: &Agreement) -> Said {
        match by {
            By::TheHub(signer) if self.own_book_holds(agreement).await => sign_ourselves(signer, agreement),
            By::TheHub(_) => Said::No,
            By::Homes => self.have_home_sign(agreement).await,
        }
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

    async fn have_home_sign(&self, agreement: &Agreement) -> Said {
        let pool = agreement.branch.home;
        let Ok(home) = self.directory.home(pool) else { return Said::Nothing };
        let request = v1::SignRequest { text: agreement.to_string() };
        let silent = match home.port().as_book().sign(request, self.patience).await {
            Ok(signature) => return Said::Signed(signature),
            Err(silent) => silent,
        };
        tracing::warn!(%pool, why = silent.word(), "home region {pool} did not sign a certificate");
        match silent {
            NoReply::Refused(_) => Said::No,
            NoReply::NeverSent | NoReply::Silent(_) => Said::Nothing,
        }
    }

    /// Keeps a signature that anybody can verify. Whose is not so is told, and not asked for another in this run.
    async fn keep_signature(
        &self,
        signing: &mut Signing<'_>,
        certificate: &Certificate,
        party: String,
        signature: &v1::DocumentSignature,
    ) -> Result<(), StoreError> {
        let agreement = &certificate.agreement;
        if let Err(problem) = signing.notary.check(&agreement.to_string(), signature, &party) {
            let Branch { day, home, treatment } = agreement.branch;
            measures::signature_refused(&party);
            tracing::error!(party, %day, %home, %treatment, problem, "a signature of {party} is not kept: {problem}");
            signing.passed_over.insert(party);
            return Ok(());
        }
        let (place, replacing) = ((agreement.branch, agreement.version), certificate.signature_of(&party));
        let (replacing, signed) = (replacing.map(<[u8]>::to_vec), Notary::as_kept(party, signature));
        self.store.certificate_sign(place, signed, replacing, self.clock.now()).await
    }
}

fn sign_ourselves(signer: &Signer, agreement: &Agreement) -> Said {
    match signer.sign(agreement.to_string().as_bytes()) {
        Ok(signature) => Said::Signed(write_signature(signature.scheme, signature.bytes, signature.chain)),
        Err(fault) => {
            tracing::error!(error = &fault as &dyn std::error::Error, "the hub cannot sign a certificate");
            Said::Nothing
        }
    }
}
