//! 更正 over gRPC, for operators: settlements that a late change affects are put forward as a batch by one of the home pool
//! or its member, and another person of these or of the centre approves it, on the digest that both saw; so two people of the
//! centre decide nothing. Pools that treat may list what is in force of their own lots.
//! What is approved is taken by the home region; carrying it there is for [`carry`] and [`crate::jobs::corrections`].
//! Started by [`crate::start()`].

pub mod carry;

use std::collections::BTreeSet;
use std::sync::Arc;

use clearing::corrections::{Event, Found, Standing};
use clearing::listed::{Person, Seat};
use clearing::obligation::Lot;
use clearing::period::Side;
use identity::permit::OperatorPermit;
use ledger::hub::{BatchFault, Changes, CorrectionBatch, Proposal};
use proto::convert::read_shares;
use proto::status::NoReply;
use proto::v1::corrections_server::Corrections;
use proto::{page, v1};
use reconciliation::book::READING;
use settlement::ids::{PoolCode, SettlementId};
use settlement::refusal::{Reason, Refusal};
use settlement::region::RegionTable;
use tonic::{Request, Response, Status};

use crate::clearing::texts::{read_id, read_reason};
use crate::hub::Hub;
use crate::refusing::{failed, invalid, refuse, taken};
use crate::scope;

/// A batch has at most so many settlements: a person is to look at each, and all of them travel in one message.
const LARGEST_BATCH: usize = 1_000;
/// So many people's settlements are asked for at once.
const PEOPLE_A_PAGE: u32 = 200;
/// So many pages are read to find what is to be corrected. More is affected than anybody puts into batches.
const MOST_PAGES: usize = 500;

/// The service.
pub struct CorrectionsService {
    hub: Arc<Hub>,
}

impl CorrectionsService {
    /// The service of a hub.
    pub fn new(hub: Arc<Hub>) -> CorrectionsService {
        CorrectionsService { hub }
    }

    async fn proposed(
        &self,
        permit: &OperatorPermit,
        asked: v1::ProposeCorrectionsRequest,
    ) -> Result<v1::CorrectionBatch, Refusal> {
        let home = self.hub.directory.pool_of_area(&asked.home)?;
        self.in_scope(permit, home)?;
        scope::ensure_speaks_for(permit, self.regions(), ("home", home))?;
        let id = read_id("batch", &asked.batch)?;
        let reason = read_reason(&asked.reason)?;
        let wanted = read_settlements(&asked)?;
        let held = self.hub.store.correction_find(id.clone()).await.map_err(|fault| failed(&fault))?;
        // Of another region's batch nothing is told but that the id is not free.
        if held.as_ref().is_some_and(|held| held.batch.home != home) {
            return Err(taken("batch", home.0));
        }
        let changes = match (asked.undoes.as_str(), wanted.is_empty()) {
            ("", true) => Changes::All(self.hub.affected(home, &wanted).await?),
            ("", false) => Changes::Named(self.named(held, home, &wanted).await?),
            (undoes, _) => Changes::Undo(undoes.to_owned()),
        };
        // A settlement of a moment ago can be affected too.
        self.hub.store.journal_fold(READING).await.map_err(|fault| failed(&fault))?;
        let by = (person(permit, Seat::Member(Side::Home)), self.hub.clock.now());
        let proposed = self.hub.store.correction_propose(Proposal { id, home, changes, reason }, by).await;
        self.view(&proposed.map_err(|fault| failed(&fault))?.map_err(|fault| refused(&fault))?).await
    }

    /// What the region found of these settlements. What was put forward before is not asked for again: once it is in force,
    /// nothing of it is affected any more.
    async fn named(
        &self,
        held: Option<CorrectionBatch>,
        home: PoolCode,
        wanted: &BTreeSet<SettlementId>,
    ) -> Result<Vec<Found>, Refusal> {
        if let Some(held) = held {
            let found = held.batch.corrections.into_iter().map(|held| Found {
                settlement: held.settlement,
                told: held.told,
                worked_out: held.now,
            });
            let found: Vec<Found> = found.collect();
            let same = found.iter().map(|found| found.settlement.clone()).collect::<BTreeSet<_>>() == *wanted;
            return if same { Ok(found) } else { Err(refused(&BatchFault::ProposedOtherwise)) };
        }
        let found = self.hub.affected(home, wanted).await?;
        let missing = wanted.iter().find(|wanted| found.iter().all(|found| found.settlement != **wanted));
        match missing {
            Some(missing) => {
                Err(invalid("settlements", format!("{missing} is not affected, as the home region has it")))
            }
            None => Ok(found),
        }
    }

    async fn decided(
        &self,
        permit: &OperatorPermit,
        asked: v1::DecideCorrectionsRequest,
        event: Event,
    ) -> Result<v1::CorrectionBatch, Refusal> {
        let v1::DecideCorrectionsRequest { batch, digest, reason } = asked;
        let reason = if event == Event::Approve && reason.is_empty() { reason } else { read_reason(&reason)? };
        let held = self.hub.store.correction_find(batch.clone()).await.map_err(|fault| failed(&fault))?;
        // Another region's batch is not even shown to exist.
        let seat = held.and_then(|held| scope::home_seat(permit, self.regions(), held.batch.home));
        let seat = seat.ok_or_else(|| refused(&BatchFault::Unknown))?;
        let by = (person(permit, seat), self.hub.clock.now());
        let decided = self.hub.store.correction_decide((batch.clone(), digest), event, reason, by).await;
        let decided = decided.map_err(|fault| failed(&fault))?.map_err(|fault| refused(&fault))?;
        // Where the region cannot be asked now, the job does it.
        let carried = self.hub.correction_carry(&batch).await.map_err(|fault| failed(&fault))?;
        self.view(&carried.unwrap_or(decided)).await
    }

    async fn listed(
        &self,
        permit: &OperatorPermit,
        asked: v1::ListCorrectionsRequest,
    ) -> Result<v1::ListCorrectionsReply, Refusal> {
        let settlement = match asked.settlement.as_str() {
            "" => None,
            id => Some(SettlementId::new(id).map_err(|fault| invalid("settlement", fault.to_string()))?),
        };
        let pools = match asked.home.as_str() {
            "" => scope::own(permit, self.regions()),
            home => {
                let pool = self.hub.directory.pool_of_area(home)?;
                self.in_scope(permit, pool)?;
                Some(vec![pool])
            }
        };
        let is_asked = |held: &CorrectionBatch| {
            asked.home.is_empty() || pools.iter().flatten().any(|pool| *pool == held.batch.home)
        };
        let held =
            self.hub.store.correction_list(pools.clone(), settlement.clone()).await.map_err(|fault| failed(&fault))?;
        let held = held.into_iter().filter(|held| is_asked(held)).filter_map(|held| self.seen(permit, held));
        let held: Vec<CorrectionBatch> = held
            .filter(|held| {
                settlement.iter().all(|wanted| held.batch.corrections.iter().any(|one| one.settlement == *wanted))
            })
            .collect();
        let newest_first = held.iter().rev().skip_while(|held| !asked.after.is_empty() && held.batch.id != asked.after);
        let skipped = usize::from(!asked.after.is_empty());
        let mut batches = Vec::new();
        for held in newest_first.skip(skipped) {
            let view = self.view(held).await?;
            // What is decided on is the whole batch, which a pool that treats does not see.
            let sees_all = scope::sees(permit, self.regions(), held.batch.home);
            let digest = if sees_all { view.digest } else { String::new() };
            batches.push(v1::CorrectionBatch { digest, ..view });
        }
        let all = batches.len();
        let batches = page::fitting(batches);
        let more = batches.len() < all;
        let last = batches.last().filter(|_| more).map(|last| last.batch.clone()).unwrap_or_default();
        Ok(v1::ListCorrectionsReply { batches, last })
    }

    /// What may be seen of a batch: all of it by the home region; what is in force of its own lots by a pool that treats.
    fn seen(&self, permit: &OperatorPermit, mut held: CorrectionBatch) -> Option<CorrectionBatch> {
        if scope::sees(permit, self.regions(), held.batch.home) {
            return Some(held);
        }
        let all = held.batch.corrections.into_iter().zip(held.lots);
        let treats = |lot: &Lot| scope::sees(permit, self.regions(), lot.treatment);
        (held.batch.corrections, held.lots) = all.filter(|(_, lot)| treats(lot)).unzip();
        (held.standing == Standing::InForce && !held.lots.is_empty()).then_some(held)
    }

    fn in_scope(&self, permit: &OperatorPermit, home: PoolCode) -> Result<(), Refusal> {
        scope::in_scope(permit, self.regions(), ("home", home))
    }

    fn regions(&self) -> &RegionTable {
        self.hub.directory.regions()
    }

    async fn view(&self, held: &CorrectionBatch) -> Result<v1::CorrectionBatch, Refusal> {
        let month = match held.period {
            Some(period) => self.hub.store.clearing_month_of(period).await.map_err(|fault| failed(&fault))?,
            None => None,
        };
        let corrections = held.batch.corrections.iter().map(carry::write_correction).collect();
        Ok(v1::CorrectionBatch {
            batch: held.batch.id.clone(),
            home: held.batch.home.to_string(),
            standing: held.standing.word().into(),
            undoes: held.batch.undoes.clone().unwrap_or_default(),
            reason: held.reason.clone(),
            digest: held.batch.digest().to_string(),
            month: month.map(|month| month.to_string()).unwrap_or_default(),
            corrections,
            remark: held.remark.clone(),
            proposed_by: held.proposed_by.certificate.clone(),
            decided_by: held.decided.as_ref().map(|(by, _)| by.certificate.clone()).unwrap_or_default(),
            proposed_seat: held.proposed_by.seat.word().into(),
            decided_seat: held.decided.as_ref().map(|(by, _)| by.seat.word()).unwrap_or_default().into(),
        })
    }
}

impl Hub {
    /// Settlements that a late change affects, as the home region has them: these, or all that can be corrected.
    ///
    /// # Errors
    /// When the region does not answer, or a settlement would be refused by now, or there are more than fit into a batch.
    pub async fn affected(&self, home: PoolCode, wanted: &BTreeSet<SettlementId>) -> Result<Vec<Found>, Refusal> {
        let region = self.directory.home(home)?;
        let mut asked =
            v1::AffectedRequest { home: home.to_string(), people: PEOPLE_A_PAGE, ..v1::AffectedRequest::default() };
        let mut found = Vec::new();
        for _ in 0..MOST_PAGES {
            let reply = region.port().affected(asked.clone(), self.patience).await;
            let reply = reply.map_err(NoReply::into_refusal)?;
            for one in &reply.settlements {
                found.extend(read_affected(one, wanted)?);
            }
            if found.len() > LARGEST_BATCH {
                let problem = format!("more than {LARGEST_BATCH} settlements are affected: name those of one batch");
                return Err(invalid("settlements", problem));
            }
            if reply.last.is_empty() || (!wanted.is_empty() && found.len() == wanted.len()) {
                return Ok(found);
            }
            (asked.after, asked.after_seq) = (reply.last, reply.last_seq);
        }
        Err(invalid("settlements", format!("they are not among the first {MOST_PAGES} pages of what is affected")))
    }
}

#[tonic::async_trait]
impl Corrections for CorrectionsService {
    async fn propose(
        &self,
        request: Request<v1::ProposeCorrectionsRequest>,
    ) -> Result<Response<v1::CorrectionBatch>, Status> {
        let permit = OperatorPermit::from_request(&request)?;
        self.proposed(&permit, request.into_inner()).await.map(Response::new).map_err(refuse)
    }

    async fn approve(
        &self,
        request: Request<v1::DecideCorrectionsRequest>,
    ) -> Result<Response<v1::CorrectionBatch>, Status> {
        let permit = OperatorPermit::from_request(&request)?;
        self.decided(&permit, request.into_inner(), Event::Approve).await.map(Response::new).map_err(refuse)
    }

    async fn refuse(
        &self,
        request: Request<v1::DecideCorrectionsRequest>,
    ) -> Result<Response<v1::CorrectionBatch>, Status> {
        let permit = OperatorPermit::from_request(&request)?;
        self.decided(&permit, request.into_inner(), Event::Refuse).await.map(Response::new).map_err(refuse)
    }

    async fn list(
        &self,
        request: Request<v1::ListCorrectionsRequest>,
    ) -> Result<Response<v1::ListCorrectionsReply>, Status> {
        let permit = OperatorPermit::from_request(&request)?;
        self.listed(&permit, request.into_inner()).await.map(Response::new).map_err(refuse)
    }
}

fn person(permit: &OperatorPermit, seat: Seat) -> Person {
    Person { certificate: permit.peer().fingerprint().to_owned(), seat }
}

fn read_settlements(asked: &v1::ProposeCorrectionsRequest) -> Result<BTreeSet<SettlementId>, Refusal> {
    if !asked.undoes.is_empty() && !asked.settlements.is_empty() {
        return Err(invalid("settlements", "a batch is taken back as a whole: name no settlements"));
    }
    if asked.settlements.len() > LARGEST_BATCH {
        return Err(invalid("settlements", format!("a batch has at most {LARGEST_BATCH}")));
    }
    let read = asked
        .settlements
        .iter()
        .map(|id| SettlementId::new(id).map_err(|fault| invalid("settlements", format!("{id} {fault}"))));
    read.collect()
}

/// What is to be corrected of an affected settlement: nothing where another is wanted.
fn read_affected(one: &v1::AffectedSettlement, wanted: &BTreeSet<SettlementId>) -> Result<Option<Found>, Refusal> {
    let unread = |problem: &dyn std::fmt::Display| {
        tracing::error!("an affected settlement cannot be read: {problem}");
        Refusal::new(Reason::Internal)
    };
    let settlement = SettlementId::new(&one.settlement).map_err(|fault| unread(&fault))?;
    if !wanted.is_empty() && !wanted.contains(&settlement) {
        return Ok(None);
    }
    match (&one.told, &one.now, &one.refused) {
        (Some(told), Some(now), None) => {
            Ok(Some(Found { settlement, told: read_shares(told), worked_out: read_shares(now) }))
        }
        // It stays on the list of what is affected until somebody cancels it.
        (_, _, Some(_)) if wanted.is_empty() => Ok(None),
        (_, _, Some(refused)) => {
            let problem = format!("{settlement} would be refused by now ({}): cancel it instead", refused.code);
            Err(invalid("settlements", problem))
        }
        (None, _, None) | (Some(_), None, None) => Err(unread(&"its shares are missing")),
    }
}

fn refused(fault: &BatchFault) -> Refusal {
    let field = match fault {
        BatchFault::Unknown | BatchFault::ProposedOtherwise => "batch",
        BatchFault::Nothing
        | BatchFault::NoSettlement(_)
        | BatchFault::InAnother(_, _)
        | BatchFault::Impossible(_, _) => "settlements",
        BatchFault::NotToUndo(_) => "undoes",
        BatchFault::Decision(clearing::corrections::DecisionFault::SeenOtherwise(_)) => "digest",
        BatchFault::Decision(_) => "batch",
    };
    invalid(field, fault.to_string())
}
