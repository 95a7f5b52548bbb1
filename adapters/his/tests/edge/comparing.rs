//! Comparing where the hub does not take everything: what fails holds up nothing else, and is told.

use std::sync::{Arc, Mutex, MutexGuard};

use jiff::civil::date;
use proto::status::of_refusal;
use proto::v1;
use proto::v1::comparisons_server::Comparisons;
use proto::v1::reconciliation_server::Reconciliation;
use settlement::refusal::{Reason, Refusal};
use tonic::{Request, Response, Status};

use crate::world::World;

/// The hub's book, in which there is nothing, and what it is told of comparing.
#[derive(Clone, Default)]
pub struct FakeComparisons(Arc<Mutex<Told>>);

#[derive(Default)]
struct Told {
    /// What is not taken: which report or question, and of which pool.
    refused: Option<(&'static str, &'static str)>,
    /// What came, in order.
    came: Vec<(&'static str, String)>,
    /// In how many rows hospitals' books were told to differ.
    of_hospitals: usize,
}

impl FakeComparisons {
    fn told(&self) -> MutexGuard<'_, Told> {
        self.0.lock().expect("no test panics here")
    }

    /// In how many rows hospitals' books were told to differ, since it was asked last.
    pub fn rows_of_hospitals(&self) -> usize {
        std::mem::take(&mut self.told().of_hospitals)
    }

    fn take(&self, report: &'static str, pool: String) -> Result<Response<v1::ComparisonOutcome>, Status> {
        let mut told = self.told();
        let is_refused = told.refused == Some((report, pool.as_str()));
        told.came.push((report, pool));
        if is_refused {
            return Err(of_refusal(&Refusal::new(Reason::InvalidField).of_field("apart")));
        }
        Ok(Response::new(v1::ComparisonOutcome::default()))
    }
}

#[tonic::async_trait]
impl Reconciliation for FakeComparisons {
    async fn roots(&self, _: Request<v1::RootsRequest>) -> Result<Response<v1::RootsReply>, Status> {
        Ok(Response::new(v1::RootsReply::default()))
    }

    async fn inside(&self, request: Request<v1::InsideRequest>) -> Result<Response<v1::InsideReply>, Status> {
        let nothing = v1::Inside { what: Some(v1::inside::What::Leaves(v1::Leaves::default())) };
        Ok(Response::new(v1::InsideReply { inside: vec![nothing; request.get_ref().parts.len()] }))
    }

    async fn facts(&self, request: Request<v1::FactsRequest>) -> Result<Response<v1::FactsReply>, Status> {
        Ok(Response::new(v1::FactsReply { places: vec![v1::FactsAt::default(); request.get_ref().places.len()] }))
    }

    async fn sign(&self, _: Request<v1::SignRequest>) -> Result<Response<v1::DocumentSignature>, Status> {
        Err(Status::unimplemented("it signs nothing"))
    }
}

#[tonic::async_trait]
impl Comparisons for FakeComparisons {
    async fn report(&self, request: Request<v1::ComparisonReport>) -> Result<Response<v1::ComparisonOutcome>, Status> {
        self.take("own", request.into_inner().treatment)
    }

    async fn report_hospitals(
        &self,
        request: Request<v1::HospitalReport>,
    ) -> Result<Response<v1::ComparisonOutcome>, Status> {
        let report = request.into_inner();
        self.told().of_hospitals += report.apart.len();
        self.take("hospitals", report.treatment)
    }

    async fn unsigned(&self, request: Request<v1::UnsignedRequest>) -> Result<Response<v1::UnsignedReply>, Status> {
        self.take("unsigned", request.into_inner().treatment).map(|_| Response::new(v1::UnsignedReply::default()))
    }

    async fn countersign(&self, _: Request<v1::CountersignRequest>) -> Result<Response<v1::CountersignReply>, Status> {
        Err(Status::unimplemented("there are no certificates"))
    }

    async fn answer(&self, _: Request<v1::AskedAnswer>) -> Result<Response<v1::AskedAnswerReply>, Status> {
        Err(Status::unimplemented("it asks for nothing"))
    }
}

#[tokio::test]
async fn what_the_hub_does_not_take_holds_up_no_other_pool_nor_what_hospitals_differ_in_and_is_told() {
    let (shanghai, shenzhen) = ("310000", "440300");
    let world = World::with(|config| config.pools = vec![shanghai.into(), shenzhen.into()]).await;
    let days = (date(2025, 6, 1), date(2025, 6, 20));
    let of = |pool| [("own", pool), ("unsigned", pool), ("hospitals", pool)];
    let all = [of(shanghai), of(shenzhen)].concat();
    for (refused, came, problem) in [
        (None, &all[..], None),
        (Some(all[0]), &[&all[..1], &all[3..]].concat(), Some("does not answer: refused")),
        (Some(all[1]), &all[..], Some("does not answer: refused")),
        (Some(all[2]), &all[..], Some("did not take what hospitals' books differ in: refused")),
        (Some(all[5]), &all[..], Some("did not take what hospitals' books differ in: refused")),
    ] {
        *world.comparisons.told() = Told { refused, ..Told::default() };
        let compared = world.running().comparing().compare(days).await;
        assert_eq!(compared.as_ref().map(Vec::len).ok(), problem.is_none().then_some(2), "{refused:?}");
        let told = compared.err().map(|fault| fault.to_string());
        assert_eq!(told.is_some(), problem.is_some());
        assert!(told.zip(problem).is_none_or(|(told, problem)| told.contains(problem)), "{refused:?}");
        let reports = world.comparisons.told();
        let reports: Vec<_> = reports.came.iter().map(|(report, pool)| (*report, pool.as_str())).collect();
        assert_eq!(reports, came, "{refused:?}");
    }
}
