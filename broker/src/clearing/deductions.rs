//! Review deductions over gRPC, for operators: the treatment pool's, or its member's, lodge, agree, withdraw, and record what
//! their hospitals object by letter; both sides' see, and so does who operates for every region. Started by
//! [`crate::start()`].

use std::collections::{BTreeMap, BTreeSet};

use clearing::obligation::Lot;
use clearing::review::{Deducted, Objection, ReviewFault, Standing};
use identity::permit::OperatorPermit;
use jiff::Timestamp;
use jiff::civil::Date;
use ledger::clock::Clock;
use ledger::hub::{Change, DeductedIn, Deduction, DeductionFault, DeductionLodging, PeriodNumber, Stands};
use proto::convert::cleared::{read_funds, write_funds, write_lot};
use proto::v1;
use proto::v1::deductions_server::Deductions;
use reconciliation::book::READING;
use settlement::ids::{InstitutionCode, SettlementId};
use settlement::refusal::{Reason, Refusal};
use tonic::{Request, Response, Status};

use super::Clearing;
use super::service::{no_place, page_limit};
use super::texts::{read_id, read_letter, read_reason};
use crate::refusing::{failed, invalid, refuse, taken};
use crate::scope;

/// The service.
pub struct DeductionsService {
    clearing: Clearing,
    clock: Clock,
}

impl DeductionsService {
    /// The service of a hub's clearing.
    pub fn new(clearing: Clearing, clock: Clock) -> DeductionsService {
        DeductionsService { clearing, clock }
    }

    async fn lodged(
        &self,
        permit: &OperatorPermit,
        asked: v1::LodgeDeductionRequest,
    ) -> Result<v1::DeductionView, Refusal> {
        let lodging = read_lodging(asked)?;
        // A settlement of a moment ago can be reviewed too.
        self.clearing.store.journal_fold(READING).await.map_err(|fault| failed(&fault))?;
        let (store, settlement) = (&self.clearing.store, &lodging.settlement);
        let lot = match store.settlement_lot(settlement.clone()).await.map_err(|fault| failed(&fault))? {
            Some(lot) => lot,
            None => match store.settlement_undone(settlement.clone()).await.map_err(|fault| failed(&fault))? {
                Some(lot) => {
                    self.ensure_theirs(permit, &lot)?;
                    return Err(refused(&DeductionFault::Undone));
                }
                None => return Err(refused(&DeductionFault::NoSettlement)),
            },
        };
        self.ensure_theirs(permit, &lot)?;
        let (id, by) = (lodging.id.clone(), (permit.peer().fingerprint().to_owned(), self.clock.now()));
        let lodged = self.clearing.store.deduction_lodge(lodging, by).await.map_err(|fault| failed(&fault))?;
        if lodged == Err(DeductionFault::LodgedOtherwise) && self.seen(permit, &id).await?.is_none() {
            return Err(taken("id", lot.treatment.0));
        }
        lodged.map_err(|fault| refused(&fault))?;
        self.view(&id).await
    }

    async fn changed(&self, permit: &OperatorPermit, id: String, change: Change) -> Result<v1::DeductionView, Refusal> {
        let held = self.seen(permit, &id).await?.ok_or_else(|| refused(&DeductionFault::Unknown))?;
        self.ensure_theirs(permit, &held.lot)?;
        let by = (permit.peer().fingerprint().to_owned(), self.clock.now());
        let changed = self.clearing.store.deduction_change(id.clone(), change, by).await;
        changed.map_err(|fault| failed(&fault))?.map_err(|fault| refused(&fault))?;
        self.view(&id).await
    }

    /// It is the treatment agency's money: nobody takes it off but for the agency.
    fn ensure_theirs(&self, permit: &OperatorPermit, lot: &Lot) -> Result<(), Refusal> {
        scope::ensure_speaks_for(permit, &self.clearing.regions, ("settlement", lot.treatment))
    }

    /// A deduction that the caller may see; of others nobody is told that they exist.
    async fn seen(&self, permit: &OperatorPermit, id: &str) -> Result<Option<Deduction>, Refusal> {
        Ok(self.find(id).await?.filter(|held| self.clearing.sees_lot(permit, &held.lot)))
    }

    async fn find(&self, id: &str) -> Result<Option<Deduction>, Refusal> {
        self.clearing.store.deduction_find(id.to_owned()).await.map_err(|fault| failed(&fault))
    }

    async fn view(&self, id: &str) -> Result<v1::DeductionView, Refusal> {
        let held = self.find(id).await?.ok_or_else(|| Refusal::new(Reason::Internal))?;
        let mut views = self.write(&[held]).await?;
        views.pop().ok_or_else(|| Refusal::new(Reason::Internal))
    }

    async fn write(&self, held: &[Deduction]) -> Result<Vec<v1::DeductionView>, Refusal> {
        let mut months = BTreeMap::new();
        for period in held.iter().filter_map(|held| held.period).collect::<BTreeSet<PeriodNumber>>() {
            let month = self.clearing.store.clearing_month_of(period).await.map_err(|fault| failed(&fault))?;
            months.extend(month.map(|month| (period, month.to_string())));
        }
        let month = |held: &Deduction| held.period.and_then(|period| months.get(&period).cloned()).unwrap_or_default();
        let mut views = Vec::with_capacity(held.len());
        for held in held {
            let returned = self.is_returned(held).await?;
            views.push(v1::DeductionView { month: month(held), returned, ..write_deduction(held) });
        }
        Ok(views)
    }

    /// Whether it was returned from the list. Only what is in no period may have been.
    async fn is_returned(&self, held: &Deduction) -> Result<bool, Refusal> {
        if held.standing != Standing::Agreed || held.period != Some(PeriodNumber(0)) {
            return Ok(false);
        }
        let settlement = held.lodging.settlement.clone();
        let followed = self.clearing.store.settlement_follow(settlement).await.map_err(|fault| failed(&fault))?;
        Ok(is_returned(held, &followed.deducted))
    }

    async fn listed(
        &self,
        permit: &OperatorPermit,
        asked: &v1::ListDeductionsRequest,
    ) -> Result<v1::ListDeductionsReply, Refusal> {
        let settlement = match asked.settlement.as_str() {
            "" => None,
            id => Some(SettlementId::new(id).map_err(|fault| invalid("settlement", fault.to_string()))?),
        };
        let after = match asked.after.as_str() {
            "" => None,
            text => Some(read_place(text).ok_or_else(|| no_place("after"))?),
        };
        let (limit, pools) = (page_limit(asked.limit), scope::own(permit, &self.clearing.regions));
        let page = self.clearing.store.deduction_page((settlement, pools), after, limit).await;
        let page = page.map_err(|fault| failed(&fault))?;
        let last = page.last().filter(|_| page.len() == limit as usize);
        let next = last.map(write_place).unwrap_or_default();
        Ok(v1::ListDeductionsReply { deductions: self.write(&page).await?, next })
    }
}

#[tonic::async_trait]
impl Deductions for DeductionsService {
    async fn lodge(&self, request: Request<v1::LodgeDeductionRequest>) -> Result<Response<v1::DeductionView>, Status> {
        let permit = OperatorPermit::from_request(&request)?;
        self.lodged(&permit, request.into_inner()).await.map(Response::new).map_err(refuse)
    }

    async fn object(
        &self,
        request: Request<v1::ObjectDeductionRequest>,
    ) -> Result<Response<v1::DeductionView>, Status> {
        let permit = OperatorPermit::from_request(&request)?;
        let v1::ObjectDeductionRequest { id, objection } = request.into_inner();
        let objection = read_objection(&objection.unwrap_or_default(), self.clock.today()).map_err(refuse)?;
        self.changed(&permit, id, Change::Object(objection)).await.map(Response::new).map_err(refuse)
    }

    async fn agree(&self, request: Request<v1::ChangeDeductionRequest>) -> Result<Response<v1::DeductionView>, Status> {
        let permit = OperatorPermit::from_request(&request)?;
        let v1::ChangeDeductionRequest { id, agreed, reason } = request.into_inner();
        let reason = if reason.is_empty() { reason } else { read_reason(&reason).map_err(refuse)? };
        let agreed = match agreed {
            Some(agreed) => read_funds(&agreed),
            // No sums: as it was lodged.
            None => {
                let held = self.seen(&permit, &id).await.map_err(refuse)?;
                held.ok_or_else(|| refuse(refused(&DeductionFault::Unknown)))?.lodging.deducted
            }
        };
        self.changed(&permit, id, Change::Agree(agreed, reason)).await.map(Response::new).map_err(refuse)
    }

    async fn withdraw(
        &self,
        request: Request<v1::ChangeDeductionRequest>,
    ) -> Result<Response<v1::DeductionView>, Status> {
        let permit = OperatorPermit::from_request(&request)?;
        let v1::ChangeDeductionRequest { id, agreed: _, reason } = request.into_inner();
        let reason = read_reason(&reason).map_err(refuse)?;
        self.changed(&permit, id, Change::Withdraw(reason)).await.map(Response::new).map_err(refuse)
    }

    async fn list(
        &self,
        request: Request<v1::ListDeductionsRequest>,
    ) -> Result<Response<v1::ListDeductionsReply>, Status> {
        let permit = OperatorPermit::from_request(&request)?;
        self.listed(&permit, request.get_ref()).await.map(Response::new).map_err(refuse)
    }
}

/// Where the page after a deduction begins: when it was lodged, in microseconds, and its id.
fn write_place(held: &Deduction) -> String {
    format!("{}.{}", held.lodged_at.as_microsecond(), held.lodging.id)
}

fn read_place(text: &str) -> Option<(Timestamp, String)> {
    let (at, id) = text.split_once('.')?;
    Some((Timestamp::from_microsecond(at.parse().ok()?).ok()?, id.to_owned()))
}

/// Whether a deduction that stands agreed counts nowhere any more, by where all of its settlement stand: two people have
/// returned it from the list, with its settlement or by itself.
pub(super) fn is_returned(held: &Deduction, deducted: &[DeductedIn]) -> bool {
    let newest = deducted.iter().rfind(|deducted| deducted.id == held.lodging.id);
    held.standing == Standing::Agreed && newest.is_some_and(|newest| newest.stands == Stands::Returned)
}

/// Writes a deduction, but for the month from which it is taken off, and whether it was returned.
pub(super) fn write_deduction(held: &Deduction) -> v1::DeductionView {
    v1::DeductionView {
        id: held.lodging.id.clone(),
        settlement: held.lodging.settlement.to_string(),
        lot: Some(write_lot(&held.lot)),
        standing: held.standing.word().into(),
        deducted: Some(write_funds(&held.lodging.deducted)),
        agreed: (held.standing == Standing::Agreed).then(|| write_funds(&held.agreed)),
        reason: held.lodging.reason.clone(),
        remark: held.remark.clone(),
        month: String::new(),
        returned: false,
        objection: held.objection.as_ref().map(write_objection),
    }
}

/// Writes what a hospital objects.
pub(super) fn write_objection(objection: &Objection) -> v1::HospitalObjection {
    let Objection { hospital, letter, written_on, reason } = objection;
    v1::HospitalObjection {
        hospital: hospital.to_string(),
        letter: letter.clone(),
        written_on: written_on.to_string(),
        reason: reason.clone(),
    }
}

fn read_objection(objection: &v1::HospitalObjection, today: Date) -> Result<Objection, Refusal> {
    let v1::HospitalObjection { hospital, letter, written_on, reason } = objection;
    if hospital.is_empty() {
        return Err(Refusal::new(Reason::MissingField).of_field("hospital"));
    }
    let hospital = InstitutionCode::new(hospital).map_err(|fault| invalid("hospital", fault.to_string()))?;
    let letter = read_letter(letter)?;
    let written_on: Date = written_on.parse().map_err(|_| invalid("written_on", "is not a day such as 2025-06-30"))?;
    if written_on > today {
        return Err(invalid("written_on", format!("lies after today, {today}")));
    }
    Ok(Objection { hospital, letter, written_on, reason: read_reason(reason)? })
}

fn read_lodging(asked: v1::LodgeDeductionRequest) -> Result<DeductionLodging, Refusal> {
    let v1::LodgeDeductionRequest { id, settlement, deducted, reason } = asked;
    let id = read_id("id", &id)?;
    let settlement = SettlementId::new(&settlement).map_err(|fault| invalid("settlement", fault.to_string()))?;
    let deducted: Deducted =
        read_funds(&deducted.ok_or_else(|| Refusal::new(Reason::MissingField).of_field("deducted"))?);
    Ok(DeductionLodging { id, settlement, deducted, reason: read_reason(&reason)? })
}

fn refused(fault: &DeductionFault) -> Refusal {
    match fault {
        DeductionFault::NoSettlement => Refusal::new(Reason::UnknownSettlement).of_field("settlement"),
        DeductionFault::Undone => {
            Refusal::new(Reason::AlreadyCancelled).of_field("settlement").because(fault.to_string())
        }
        DeductionFault::Unknown | DeductionFault::LodgedOtherwise | DeductionFault::StandsOtherwise(_) => {
            invalid("id", fault.to_string())
        }
        DeductionFault::OtherHospital => invalid("hospital", fault.to_string()),
        DeductionFault::NotSettled => Refusal::new(Reason::MissingField).of_field("reason").because(fault.to_string()),
        DeductionFault::Sums(faults) if faults.contains(&ReviewFault::NothingAgreed) => {
            invalid("agreed", fault.to_string())
        }
        DeductionFault::Sums(_) => invalid("deducted", fault.to_string()),
    }
}
