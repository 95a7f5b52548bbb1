//! What treatment sides tell of comparing, and the certificates of agreement that they sign. Started by
//! [`crate::start()`].

use std::collections::BTreeSet;
use std::sync::Arc;

use clearing::breaks::{Books, Proposal};
use clearing::certificate::Agreement;
use clearing::digest::{Branch, Node};
use clearing::stretch::Stretch;
use identity::name::Role;
use identity::permit::TreatmentPermit;
use jiff::civil::Date;
use ledger::hub::{Made, Unsigned};
use ledger::leaves::Scope;
use proto::convert::{FieldFault, digests, read_lot};
use proto::v1;
use proto::v1::comparisons_server::Comparisons;
use reconciliation::asking::{Apart, read_apart};
use reconciliation::reporting::MOST_ROWS;
use settlement::ids::{PoolCode, RegionCode, SettlementId};
use settlement::refusal::{Reason, Refusal};
use tonic::{Request, Response, Status};

use super::certificates::issued;
use super::notary::{Notary, OwnNotary};
use super::{Outcome, Roots};
use crate::hub::Hub;
use crate::measures;
use crate::refusing::{failed, invalid, not_yours, refuse};

/// So many certificates are in an answer: their texts are of some kilobytes.
const A_PAGE: usize = 200;

/// The service.
pub struct ComparisonsService {
    hub: Arc<Hub>,
    notary: OwnNotary,
}

impl ComparisonsService {
    /// The service of a hub, and what it checks signatures with.
    pub fn new(hub: Arc<Hub>, notary: OwnNotary) -> ComparisonsService {
        ComparisonsService { hub, notary }
    }

    async fn reported(&self, permit: &TreatmentPermit, report: v1::ComparisonReport) -> Result<Outcome, Refusal> {
        let whole = (report.first_place, report.last_place);
        let stretch = read_stretch((&report.from, &report.to), whole)?;
        let (days, treatment) = (stretch.days(), own_pool(permit, &report.treatment)?);
        within_bounds(report.agreed.len() + report.apart.len() + report.differing.len() + report.fetched.len())?;
        let within = |branch: &Branch| branch.treatment == treatment && (days.0..=days.1).contains(&branch.day);
        let claimed = report.agreed.iter().map(digests::read_root).collect::<Result<Vec<_>, _>>();
        let apart = report.apart.iter().map(read_apart).collect::<Result<Vec<_>, _>>();
        let differing = report.differing.iter().map(digests::read_root).collect::<Result<Vec<_>, _>>();
        let differing = differing.map_err(|fault| unreadable(&fault))?;
        let claimed = claimed.map_err(|fault| unreadable(&fault))?;
        let apart: Vec<Apart> = apart.map_err(|fault| unreadable(&fault))?;
        check_apart(&apart, treatment, stretch)?;
        self.ensure_own(treatment, &apart).await?;
        let scope = Scope { home: None, treatment: Some(treatment) };
        // Whether the books agree, the hub sees by its own.
        let own = self.hub.store.leaves().leaf_roots(days, scope).await.map_err(|fault| failed(&fault))?;
        let ours = |roots: Vec<(Branch, Node)>| {
            let ours = roots.into_iter().filter(|(branch, root)| within(branch) && own.get(branch) == Some(root));
            ours.collect::<Vec<_>>()
        };
        let roots = Roots { agreed: ours(claimed), differing: ours(differing) };
        let mended = self.hub.record_mended(Books::TreatmentHub, scope, &report.fetched, Proposal::FetchAnswer).await;
        mended.map_err(|fault| failed(&fault))?;
        let recorded = self.hub.record(Books::TreatmentHub, scope, stretch, roots, &apart).await;
        recorded.map_err(|fault| failed(&fault))
    }

    /// Ensures that what a treatment side names is of no other pool by the hub's own book: it would hold back what is not
    /// its own. Of what the hub does not have there is no entry to hold back.
    async fn ensure_own(&self, treatment: PoolCode, apart: &[Apart]) -> Result<(), Refusal> {
        let named: BTreeSet<SettlementId> = apart.iter().flat_map(Apart::settlements).cloned().collect();
        let made = self.hub.store.settlement_made(named.into_iter().collect()).await.map_err(|fault| failed(&fault))?;
        for Made { settlement, operation, outcome } in made {
            let lot = read_lot(&operation, &outcome).map_err(|problem| {
                tracing::error!(%settlement, problem, "what made settlement {settlement} cannot be read");
                Refusal::new(Reason::Internal)
            })?;
            if lot.treatment != treatment {
                return Err(invalid("apart", format!("settlement {settlement} is of another pool in the hub's book")));
            }
        }
        Ok(())
    }

    async fn hospitals(&self, permit: &TreatmentPermit, report: v1::HospitalReport) -> Result<Outcome, Refusal> {
        let whole = (report.first_place, report.last_place);
        let stretch = read_stretch((&report.from, &report.to), whole)?;
        let treatment = own_pool(permit, &report.treatment)?;
        within_bounds(report.apart.len())?;
        let apart = report.apart.iter().map(read_apart).collect::<Result<Vec<_>, _>>();
        let apart = apart.map_err(|fault| unreadable(&fault))?;
        check_apart(&apart, treatment, stretch)?;
        self.hub.hospitals_differ(treatment, stretch, apart).await
    }

    /// A page of the certificates of some days that a treatment side has not signed, or not so that it still holds.
    async fn unsigned_by(
        &self,
        permit: &TreatmentPermit,
        asked: &v1::UnsignedRequest,
    ) -> Result<v1::UnsignedReply, Refusal> {
        let (mut days, treatment) = (read_days(&asked.from, &asked.to)?, own_pool(permit, &asked.treatment)?);
        let mut after = match asked.after.as_str() {
            "" => None,
            after => Some(Agreement::read(after).map_err(|fault| invalid("after", fault.to_string()))?),
        };
        if let Some(after) = &after {
            days.0 = days.0.max(after.branch.day);
        }
        let (store, party) = (&self.hub.store, format!("yidi://{treatment}/treatment"));
        let signers = store.certificate_signers(Some(party.clone())).await.map_err(|fault| failed(&fault))?;
        let notary = self.notary.now();
        let (mut kept, mut texts) = (notary.kept(), Vec::new());
        while texts.len() < A_PAGE && days.0 <= days.1 {
            let day = store.certificate_day(days, Some(treatment)).await.map_err(|fault| failed(&fault))?;
            let Some(day) = day else { break };
            let (scope, party) = (Scope { home: None, treatment: Some(treatment) }, Some(party.clone()));
            let unsigned = Unsigned { day, scope, party, unsound: kept.unsound(&signers, day) };
            let after = after.take().filter(|after| after.branch.day == day);
            let page = store.certificate_unsigned(unsigned, after, A_PAGE - texts.len()).await;
            texts.extend(page.map_err(|fault| failed(&fault))?.into_iter().map(|certificate| certificate.text));
            let Ok(next) = day.tomorrow() else { break };
            days.0 = next;
        }
        Ok(v1::UnsignedReply { texts })
    }

    async fn countersigned(
        &self,
        permit: &TreatmentPermit,
        asked: v1::CountersignRequest,
    ) -> Result<v1::CountersignReply, Refusal> {
        let known = issued(&self.hub.store, permit, &asked.text).await?;
        let signature = asked.signature.ok_or_else(|| Refusal::new(Reason::MissingField).of_field("signature"))?;
        let agreement = known.agreement;
        let (party, notary) = (format!("yidi://{}/treatment", agreement.branch.treatment), self.notary.now());
        notary.check(&asked.text, &signature, &party).map_err(|problem| {
            measures::signature_refused(&party);
            invalid("signature", problem)
        })?;
        let replacing = known.signature_of(&party);
        if replacing.is_some_and(|signature| notary.kept().holds(signature, agreement.branch.day)) {
            return Ok(v1::CountersignReply {});
        }
        let (replacing, signed) = (replacing.map(<[u8]>::to_vec), Notary::as_kept(party, &signature));
        let place = (agreement.branch, agreement.version);
        let kept = self.hub.store.certificate_sign(place, signed, replacing, self.hub.clock.now()).await;
        kept.map(|()| v1::CountersignReply {}).map_err(|fault| failed(&fault))
    }
}

#[tonic::async_trait]
impl Comparisons for ComparisonsService {
    async fn report(&self, request: Request<v1::ComparisonReport>) -> Result<Response<v1::ComparisonOutcome>, Status> {
        let permit = TreatmentPermit::from_request(&request)?;
        let Outcome { agreed, breaks, pending } = self.reported(&permit, request.into_inner()).await.map_err(refuse)?;
        let (agreed, breaks, pending) = (agreed as u64, breaks as u64, pending as u64);
        Ok(Response::new(v1::ComparisonOutcome { agreed, breaks, pending }))
    }

    async fn report_hospitals(
        &self,
        request: Request<v1::HospitalReport>,
    ) -> Result<Response<v1::ComparisonOutcome>, Status> {
        let permit = TreatmentPermit::from_request(&request)?;
        let Outcome { agreed, breaks, pending } =
            self.hospitals(&permit, request.into_inner()).await.map_err(refuse)?;
        let (agreed, breaks, pending) = (agreed as u64, breaks as u64, pending as u64);
        Ok(Response::new(v1::ComparisonOutcome { agreed, breaks, pending }))
    }

    async fn unsigned(&self, request: Request<v1::UnsignedRequest>) -> Result<Response<v1::UnsignedReply>, Status> {
        let permit = TreatmentPermit::from_request(&request)?;
        self.unsigned_by(&permit, request.get_ref()).await.map(Response::new).map_err(refuse)
    }

    async fn countersign(
        &self,
        request: Request<v1::CountersignRequest>,
    ) -> Result<Response<v1::CountersignReply>, Status> {
        let permit = TreatmentPermit::from_request(&request)?;
        self.countersigned(&permit, request.into_inner()).await.map(Response::new).map_err(refuse)
    }

    async fn answer(&self, request: Request<v1::AskedAnswer>) -> Result<Response<v1::AskedAnswerReply>, Status> {
        let permit = TreatmentPermit::from_request(&request)?;
        self.hub.answer_asked(&permit, request.into_inner()).await.map_err(refuse)?;
        Ok(Response::new(v1::AskedAnswerReply {}))
    }
}

fn own_pool(permit: &TreatmentPermit, code: &str) -> Result<PoolCode, Refusal> {
    let pool = RegionCode::new(code).map(PoolCode).map_err(|fault| invalid("treatment", fault.to_string()))?;
    if permit.allows(pool) { Ok(pool) } else { Err(not_yours("treatment", Role::Treatment, &[pool.0])) }
}

/// A report that is longer is cut by days and places, as [`reconciliation::reporting`] does.
fn within_bounds(rows: usize) -> Result<(), Refusal> {
    if rows <= MOST_ROWS {
        return Ok(());
    }
    let problem = format!("has {rows} rows, and at most {MOST_ROWS} are taken at once: report fewer days at a time");
    Err(invalid("report", problem))
}

fn check_apart(apart: &[Apart], treatment: PoolCode, stretch: Stretch) -> Result<(), Refusal> {
    let within = |apart: &Apart| apart.branch.treatment == treatment && stretch.holds(apart.branch.day, apart.place);
    if apart.iter().all(within) { Ok(()) } else { Err(invalid("apart", "is not all of these days and this pool")) }
}

fn read_stretch((from, to): (&str, &str), (first, last): (u64, Option<u64>)) -> Result<Stretch, Refusal> {
    let days = read_days(from, to)?;
    Ok(Stretch { first: (days.0, first), last: (days.1, last.unwrap_or(u64::MAX)) })
}

/// Days in order; between the wrong way round lies nothing, which would look like agreement. A treatment side's clock may
/// be ahead of ours, so they may be still to come.
pub(super) fn read_days(from: &str, to: &str) -> Result<(Date, Date), Refusal> {
    let days = (read_day("from", from)?, read_day("to", to)?);
    if days.0 <= days.1 {
        return Ok(days);
    }
    Err(invalid("to", format!("{} lies before the first day, {}", days.1, days.0)))
}

fn read_day(field: &'static str, text: &str) -> Result<Date, Refusal> {
    text.parse().map_err(|_| invalid(field, "is not a day such as 2025-06-30"))
}

pub(super) fn unreadable(fault: &FieldFault) -> Refusal {
    Refusal::new(Reason::InvalidField).of_field(fault.field.clone()).because(fault.problem.clone())
}
