//! Questions that leave no trace: looking a person up, estimates, queries. They are routed, and nothing of them is kept
//! or logged. Called by the gRPC service.

use proto::convert;
use proto::v1;
use proto::v1::home_region_client::HomeRegionClient;
use settlement::filing::{self, Filing};
use settlement::ids::PoolCode;
use settlement::operation::{Operation, Request, Settle};
use settlement::refusal::{Reason, Refusal};
use tonic::transport::Channel;
use tonic::{Response, Status};

use crate::hub::Hub;

impl Hub {
    /// Finds a person at home.
    ///
    /// # Errors
    /// The region's refusal, or why it could not be asked.
    pub async fn look_up(&self, asked: v1::LookUpRequest) -> Result<v1::LookUpReply, Refusal> {
        let pool = self.directory.pool_of_area(&asked.home)?;
        self.consult(pool, |mut home| async move { home.look_up(asked).await }).await
    }

    /// Has a home region say what it keeps about a person.
    ///
    /// # Errors
    /// The region's refusal, or why it could not be asked.
    pub async fn query(&self, asked: v1::QueryRequest) -> Result<v1::QueryReply, Refusal> {
        let pool = self.directory.pool_of_area(&asked.home)?;
        self.consult(pool, |mut home| async move { home.query(asked).await }).await
    }

    /// Has a bill worked out, with the filing that covers the visit.
    ///
    /// # Errors
    /// The region's refusal, or why it could not be asked.
    pub async fn estimate(
        &self,
        operation: &Operation,
        asked: v1::EstimateRequest,
    ) -> Result<v1::EstimateReply, Refusal> {
        let Request::Settle(settle) = &operation.request else {
            return Err(Refusal::new(Reason::InvalidField).of_field("request").because("only a settle is estimated"));
        };
        let filing = self.covering_filing(operation, settle).await?;
        let hub = v1::HubFields {
            filing: filing.as_ref().map(convert::write_filing),
            deadline_ms: i64::try_from(self.patience.as_millis()).unwrap_or(i64::MAX),
            position: 0,
        };
        let asked = v1::EstimateRequest { hub: Some(hub), ..asked };
        self.consult(settle.home, |mut home| async move { home.estimate(asked).await }).await
    }

    async fn covering_filing(&self, operation: &Operation, settle: &Settle) -> Result<Option<Filing>, Refusal> {
        let held = self.store.filing_of_person(settle.home, operation.key.person.clone()).await;
        let held = held.map_err(|fault| {
            tracing::error!(error = &fault as &dyn std::error::Error, "the filings of a person could not be read");
            Refusal::new(Reason::Internal)
        })?;
        let encounter = &settle.encounter;
        Ok(filing::covering(&held, self.directory.regions(), encounter.area, encounter.admitted).cloned())
    }

    async fn consult<T, F>(
        &self,
        pool: PoolCode,
        call: impl FnOnce(HomeRegionClient<Channel>) -> F,
    ) -> Result<T, Refusal>
    where
        F: Future<Output = Result<Response<T>, Status>>,
    {
        let home = self.directory.home(pool)?;
        let _place = self.limits.enter(home)?;
        home.consult(self.patience, call).await
    }
}
