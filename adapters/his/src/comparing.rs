//! Comparing this side's book with the hub's, day by day: what differs is told to the hub, which keeps it as breaks;
//! answers that were lost are fetched in the same run (`comparing/fetching.rs`); days on which all books agree are signed.
//! So is what hospitals' books still differ in (`comparing/hospitals.rs`). Run by [`crate::start()`] every so often, and
//! when an operator asks by letter (`comparing/asked.rs`).

pub mod asked;
mod fetching;
pub(crate) mod hospitals;

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use clearing::certificate::Agreement;
use conversation::call;
use identity::signing::Signer;
use jiff::civil::Date;
use ledger::leaves::Scope;
use ledger::store::StoreError;
use proto::convert::digests::write_signature;
use proto::status::NoReply;
use proto::v1;
use proto::v1::comparisons_client::ComparisonsClient;
use reconciliation::answering::Answering;
use reconciliation::asking::{Apart, CompareError, compare};
use reconciliation::days::days_compared;
use reconciliation::port::GrpcBook;
use reconciliation::reporting::{A_PART, hospital_reports, reports};
use settlement::ids::PoolCode;
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;

use self::fetching::Fetched;
use crate::edge::Shared;

/// A treatment side's book beside the hub's.
pub struct Comparing {
    edge: Shared,
    hub: GrpcBook,
    comparisons: ComparisonsClient<Channel>,
    signer: Option<Signer>,
    patience: Duration,
}

impl Comparing {
    /// A book, and the hub behind a channel. Without a signer nothing is signed.
    pub fn new(edge: Shared, channel: Channel, signer: Option<Signer>, patience: Duration) -> Comparing {
        let (hub, comparisons) = (GrpcBook::new(channel.clone()), ComparisonsClient::new(channel));
        Comparing { edge, hub, comparisons, signer, patience }
    }

    /// Compares until the process stops.
    pub async fn run(self: Arc<Self>, every: Duration, stop: CancellationToken) {
        while stop.run_until_cancelled(tokio::time::sleep(every)).await.is_some() {
            for days in days_compared(self.edge.clock.today()) {
                if stop.is_cancelled() {
                    return;
                }
                // Whatever failed, and said so, the other days are compared all the same.
                if self.compare(days).await.is_err() {
                    let (from, to) = days;
                    tracing::warn!(%from, %to, "not all of {from} to {to} was compared with the hub's book");
                }
            }
        }
    }

    /// Compares some days, reports what differs, fetches answers that were lost and reports again, and signs what agrees;
    /// tells the hub's count for each pool. A pool that fails is logged and holds up no other.
    ///
    /// # Errors
    /// When a book cannot be read, or the hub does not answer or take what it is told: the first fault, after every pool
    /// had its turn.
    pub async fn compare(&self, days: (Date, Date)) -> Result<Vec<(PoolCode, v1::ComparisonOutcome)>, CompareError> {
        let (mut outcomes, mut failed) = (Vec::with_capacity(self.edge.pools.len()), None);
        for pool in &self.edge.pools {
            match self.compare_pool(*pool, days).await {
                Ok(outcome) => outcomes.push((*pool, outcome)),
                Err(fault) => {
                    let (from, to) = days;
                    tracing::warn!(%pool, %from, %to, error = &fault as &dyn Error, "comparing pool {pool} failed");
                    failed.get_or_insert(fault);
                }
            }
        }
        failed.map_or(Ok(outcomes), Err)
    }

    /// The same for one pool.
    async fn compare_pool(&self, pool: PoolCode, days: (Date, Date)) -> Result<v1::ComparisonOutcome, CompareError> {
        let (mut outcome, apart) = self.compared(pool, days, Vec::new()).await?;
        let Fetched { operations, again } = fetching::fetch(&self.edge, &apart).await;
        if again {
            (outcome, _) = self.compared(pool, days, operations).await?;
        }
        self.countersign(pool, days).await?;
        self.report_hospitals(pool, days).await?;
        Ok(outcome)
    }

    /// Tells the hub which rows of hospitals' books differ still, of a pool's settlements of some days. A part that the hub
    /// does not take holds up no other.
    async fn report_hospitals(&self, pool: PoolCode, days: (Date, Date)) -> Result<(), CompareError> {
        let mut apart = hospitals::apart(&self.edge, days).await?;
        apart.retain(|apart| apart.branch.treatment == pool);
        let mut failed = None;
        for report in hospital_reports(pool, days, &apart, A_PART) {
            let mut client = self.comparisons.clone();
            let told = call(self.patience, report, async move |report| client.report_hospitals(report).await).await;
            if let Err(fault) = told {
                failed.get_or_insert(CompareError::Hospitals(fault));
            }
        }
        failed.map_or(Ok(()), Err)
    }

    /// Compares a pool's book of some days, and reports it with what was fetched since the last report.
    async fn compared(
        &self,
        pool: PoolCode,
        days: (Date, Date),
        fetched: Vec<String>,
    ) -> Result<(v1::ComparisonOutcome, Vec<Apart>), CompareError> {
        let scope = Scope { home: None, treatment: Some(pool) };
        let compared = compare(&self.edge.store, &self.hub, scope, days, self.patience).await?;
        let mut outcome = v1::ComparisonOutcome::default();
        for report in reports(pool, days, &compared, fetched, A_PART) {
            let mut client = self.comparisons.clone();
            let told = call(self.patience, report, async move |report| client.report(report).await).await;
            let v1::ComparisonOutcome { agreed, breaks, pending } = told.map_err(CompareError::Silent)?;
            outcome.agreed += agreed;
            outcome.breaks += breaks;
            outcome.pending += pending;
        }
        Ok((outcome, compared.apart))
    }

    /// Signs the certificates of some days that this side has not signed, where its book holds what they say.
    async fn countersign(&self, pool: PoolCode, (from, to): (Date, Date)) -> Result<(), CompareError> {
        let Some(signer) = &self.signer else { return Ok(()) };
        let (party, mut after) = (format!("yidi://{pool}/treatment"), String::new());
        loop {
            let (from, to, treatment) = (from.to_string(), to.to_string(), pool.to_string());
            let asked = v1::CertificatesRequest { from, to, treatment, after };
            let mut client = self.comparisons.clone();
            let page = call(self.patience, asked, async move |asked| client.certificates(asked).await).await;
            let v1::CertificatesReply { certificates, next } = page.map_err(CompareError::Silent)?;
            for certificate in certificates {
                let signed = certificate.signatures.iter().any(|signature| signature.party == party);
                if !signed && self.holds(&certificate.text).await? {
                    self.sign(signer, certificate.text).await?;
                }
            }
            if next.is_empty() {
                return Ok(());
            }
            after = next;
        }
    }

    async fn holds(&self, text: &str) -> Result<bool, CompareError> {
        let Ok(agreement) = Agreement::read(text) else { return Ok(false) };
        let held = Answering::new(self.edge.store.clone(), None).holds(&agreement).await;
        held.map_err(|_| CompareError::Store(StoreError::Closed))
    }

    async fn sign(&self, signer: &Signer, text: String) -> Result<(), CompareError> {
        let signature = match signer.sign(text.as_bytes()) {
            Ok(signature) => write_signature(signature.scheme, signature.bytes, signature.chain),
            Err(fault) => {
                tracing::error!(error = &fault as &dyn Error, "this side cannot sign a certificate");
                return Ok(());
            }
        };
        let (mut client, request) =
            (self.comparisons.clone(), v1::CountersignRequest { text, signature: Some(signature) });
        let signed = call(self.patience, request, async move |request| client.countersign(request).await).await;
        match signed {
            Ok(_) => Ok(()),
            // Told with what to do; the others are signed all the same.
            Err(NoReply::Refused(refusal)) => {
                let (code, why) = (refusal.reason.code(), refusal.detail.unwrap_or_default());
                tracing::error!(code, why, "the hub did not take a signature under a certificate: {why}");
                Ok(())
            }
            Err(silent) => Err(CompareError::Silent(silent)),
        }
    }
}
