//! Questions that leave no trace: looking a person up, estimates, queries. They are routed, and nothing of them is kept
//! or logged. Each is given up after the patience that it comes with. Called through the door.

use std::sync::Arc;
use std::time::Duration;

use jiff::civil::Date;
use proto::convert;
use proto::status::NoReply;
use proto::v1;
use proto::v1::query_request::About;
use settlement::encounter::Encounter;
use settlement::filing::{self, Filing};
use settlement::ids::{PersonNumber, PoolCode, RegionCode};
use settlement::operation::{Operation, Request};
use settlement::refusal::{Reason, Refusal};

use crate::hub::Hub;
use crate::limits::Traffic;
use crate::port::HomePort;
use crate::refusing::invalid;

impl Hub {
    /// Finds a person at home.
    ///
    /// # Errors
    /// The region's refusal, or why it could not be asked.
    pub async fn look_up(&self, asked: v1::LookUpRequest, patience: Duration) -> Result<v1::LookUpReply, Refusal> {
        let _place = self.limits.question()?;
        let pool = self.directory.pool_of_area(&asked.home)?;
        self.consult(pool, patience, |home| async move { home.look_up(asked, patience).await }).await
    }

    /// Has a home region say what it keeps about a person; which filings cover a visit the hub says itself.
    ///
    /// # Errors
    /// The region's refusal, or why it could not be asked.
    pub async fn query(&self, asked: v1::QueryRequest, patience: Duration) -> Result<v1::QueryReply, Refusal> {
        let _place = self.limits.question()?;
        let pool = self.directory.pool_of_area(&asked.home)?;
        if let Some(About::CoveringFiling(visit)) = &asked.about {
            self.directory.home(pool)?;
            let person = PersonNumber::new(&asked.person).map_err(|fault| invalid("psn_no", fault.to_string()))?;
            let area = RegionCode::new(&visit.area).map_err(|fault| invalid("mdtrtarea_admvs", fault.to_string()))?;
            let admitted = visit.admitted.parse().map_err(|_| invalid("begntime", "is not a date"))?;
            let filings = self.covering_filings(pool, person, area, admitted).await?;
            return Ok(v1::QueryReply {
                filing: convert::write_attached_filings(&filings),
                ..v1::QueryReply::default()
            });
        }
        self.consult(pool, patience, |home| async move { home.query(asked, patience).await }).await
    }

    /// Has a bill worked out, with the filings that cover the visit; on which other footings, the region is asked too.
    ///
    /// # Errors
    /// The region's refusal, or why it could not be asked.
    pub async fn estimate(
        &self,
        operation: &Operation,
        asked: v1::EstimateRequest,
        patience: Duration,
    ) -> Result<v1::EstimateReply, Refusal> {
        let _place = self.limits.question()?;
        let Request::Settle(settle) = &operation.request else {
            return Err(Refusal::new(Reason::InvalidField).of_field("request").because("only a settle is estimated"));
        };
        let Encounter { area, admitted, .. } = settle.encounter;
        let filings = self.covering_filings(settle.home, operation.key.person.clone(), area, admitted).await?;
        let hub = v1::HubFields {
            filing: convert::write_attached_filings(&filings),
            deadline_ms: i64::try_from(patience.as_millis()).unwrap_or(i64::MAX),
            position: 0,
            known_book_seq: 0,
            known_batches: 0,
        };
        let asked = v1::EstimateRequest { hub: Some(hub), ..asked };
        self.consult(settle.home, patience, |home| async move { home.estimate(asked, patience).await }).await
    }

    async fn covering_filings(
        &self,
        home: PoolCode,
        person: PersonNumber,
        area: RegionCode,
        admitted: Date,
    ) -> Result<Vec<Filing>, Refusal> {
        let held = self.store.filing_of_person(home, person).await.map_err(|fault| {
            tracing::error!(error = &fault as &dyn std::error::Error, "the filings of a person could not be read");
            Refusal::new(Reason::Internal)
        })?;
        Ok(filing::covering(&held, self.directory.regions(), area, admitted).into_iter().cloned().collect())
    }

    async fn consult<T, F>(
        &self,
        pool: PoolCode,
        patience: Duration,
        call: impl FnOnce(Arc<dyn HomePort>) -> F,
    ) -> Result<T, Refusal>
    where
        F: Future<Output = Result<T, NoReply>>,
    {
        let home = self.directory.home(pool)?;
        let _place = home.gate(Traffic::Question).enter()?;
        home.consult(patience, call).await
    }
}
