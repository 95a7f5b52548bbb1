//! The list of what may be carried over no further, over gRPC: members see and decide what is theirs, each for its own
//! side; who operates for every region sees all and may be the second person. Started by [`crate::start()`].

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use clearing::breaks::age_days;
use clearing::listed::{Act, ListFault, Person, Seat, Standing, Verdict};
use clearing::month::Month;
use clearing::period::{Pair, Side};
use identity::name::{Role, all_regions};
use identity::permit::OperatorPermit;
use jiff::civil::Date;
use ledger::clock::Clock;
use ledger::hub::{ListPlace, Listed, ListedFault, PeriodNumber};
use proto::convert::cleared::{write_funds, write_lot, write_sums};
use proto::v1;
use proto::v1::leftovers_server::Leftovers;
use settlement::beijing;
use settlement::ids::{PoolCode, SettlementId};
use settlement::refusal::Refusal;
use tonic::{Request, Response, Status};

use super::Clearing;
use super::service::{no_place, page_limit};
use super::texts::read_reason;
use crate::refusing::{failed, invalid, not_yours, refuse};

/// The service.
pub struct LeftoversService {
    clearing: Clearing,
    clock: Clock,
}

impl LeftoversService {
    /// The service of a hub's clearing.
    pub fn new(clearing: Clearing, clock: Clock) -> LeftoversService {
        LeftoversService { clearing, clock }
    }

    /// A page of what an operator sees.
    async fn page(&self, permit: &OperatorPermit, asked: &v1::LeftoversRequest) -> Result<v1::LeftoversReply, Refusal> {
        let after = match asked.after.as_str() {
            "" => None,
            text => Some(ListPlace::from_text(text).ok_or_else(|| no_place("after"))?),
        };
        let page = self.clearing.store.listed_page(after, asked.ended, page_limit(asked.limit)).await;
        let (listed, next) = page.map_err(|fault| failed(&fault))?;
        let (mut leftovers, mut months) = (Vec::new(), BTreeMap::new());
        for held in listed.iter().filter(|held| self.clearing.sees_lot(permit, &held.lot)) {
            leftovers.push(self.write(held, &mut months).await?);
        }
        Ok(v1::LeftoversReply { leftovers, next: next.map(|next| next.to_string()).unwrap_or_default() })
    }

    /// Something on the list, where an operator sees it.
    async fn find(&self, permit: &OperatorPermit, (settlement, part): (&SettlementId, i64)) -> Result<Listed, Refusal> {
        let of_it = self.clearing.store.listed_of(settlement.clone()).await.map_err(|fault| failed(&fault))?;
        let mut seen = of_it.into_iter().filter(|held| self.clearing.sees_lot(permit, &held.lot));
        seen.find(|held| held.part == part).ok_or_else(|| refused(&ListedFault::Unknown))
    }

    async fn acted(
        &self,
        permit: &OperatorPermit,
        asked: v1::LeftoverAct,
        act: fn(Verdict) -> Act,
    ) -> Result<v1::Leftover, Refusal> {
        let settlement =
            SettlementId::new(&asked.settlement).map_err(|fault| invalid("settlement", fault.to_string()))?;
        let seat = Seat::from_word(&asked.seat).ok_or_else(|| invalid("seat", "is not home, treatment or centre"))?;
        let act = match (act(Verdict::Clear), Verdict::from_word(&asked.verdict)) {
            (Act::Refuse, _) => Act::Refuse,
            (_, Some(verdict)) => act(verdict),
            (_, None) => return Err(invalid("verdict", "is not clear or return")),
        };
        let reason = read_reason(&asked.reason)?;
        let place = (settlement, asked.part);
        let held = self.find(permit, (&place.0, place.1)).await?;
        let pair = self.clearing.pair_of(&held.lot);
        if !may_sit(permit, &pair, seat) {
            let code = match seat {
                Seat::Member(side) => pair.member(side).0,
                Seat::Centre => all_regions(),
            };
            return Err(not_yours("seat", Role::Operator, &[code]));
        }
        let by = Person { certificate: permit.peer().fingerprint().to_owned(), seat };
        let done = if asked.check_only {
            self.clearing.store.listed_check(place.clone(), act, by).await
        } else {
            self.clearing.store.listed_act(place.clone(), act, reason, (by, self.clock.now())).await
        };
        done.map_err(|fault| failed(&fault))?.map_err(|fault| refused(&fault))?;
        let held = self.find(permit, (&place.0, place.1)).await?;
        self.write(&held, &mut BTreeMap::new()).await
    }

    /// Writes something on the list; which month a period is, is looked up once.
    async fn write(&self, held: &Listed, months: &mut BTreeMap<PeriodNumber, String>) -> Result<v1::Leftover, Refusal> {
        for period in [held.booked_in, held.listed_from] {
            if let Entry::Vacant(vacant) = months.entry(period) {
                let month = self.clearing.store.clearing_month_of(period).await.map_err(|fault| failed(&fault))?;
                vacant.insert(month.as_ref().map(Month::to_string).unwrap_or_default());
            }
        }
        let month = |period| months.get(&period).cloned().unwrap_or_default();
        let (booked_in, listed_from) = (month(held.booked_in), month(held.listed_from));
        let pair = self.clearing.pair_of(&held.lot);
        Ok(v1::Leftover { booked_in, listed_from, ..write_leftover(&pair, held, self.clock.today()) })
    }
}

#[tonic::async_trait]
impl Leftovers for LeftoversService {
    async fn list(&self, request: Request<v1::LeftoversRequest>) -> Result<Response<v1::LeftoversReply>, Status> {
        let permit = OperatorPermit::from_request(&request)?;
        self.page(&permit, request.get_ref()).await.map(Response::new).map_err(refuse)
    }

    async fn propose(&self, request: Request<v1::LeftoverAct>) -> Result<Response<v1::Leftover>, Status> {
        let permit = OperatorPermit::from_request(&request)?;
        self.acted(&permit, request.into_inner(), Act::Propose).await.map(Response::new).map_err(refuse)
    }

    async fn approve(&self, request: Request<v1::LeftoverAct>) -> Result<Response<v1::Leftover>, Status> {
        let permit = OperatorPermit::from_request(&request)?;
        self.acted(&permit, request.into_inner(), Act::Approve).await.map(Response::new).map_err(refuse)
    }

    async fn refuse(&self, request: Request<v1::LeftoverAct>) -> Result<Response<v1::Leftover>, Status> {
        let permit = OperatorPermit::from_request(&request)?;
        self.acted(&permit, request.into_inner(), |_| Act::Refuse).await.map(Response::new).map_err(refuse)
    }
}

/// Writes something on the list, but for its months.
pub(super) fn write_leftover(pair: &Pair, held: &Listed, today: Date) -> v1::Leftover {
    let (standing, verdict, seat) = match &held.standing {
        Standing::Waiting => ("waiting", None, None),
        Standing::Proposed(verdict, by) => ("proposed", Some(*verdict), Some(by.seat)),
        Standing::Ended(verdict) => ("ended", Some(*verdict), None),
    };
    v1::Leftover {
        settlement: held.settlement.to_string(),
        part: held.part,
        lot: Some(write_lot(&held.lot)),
        sums: Some(write_sums(&held.sums)),
        reason: held.reason.clone(),
        owner: pair.member(held.owner).to_string(),
        booked_in: String::new(),
        listed_from: String::new(),
        listed_at: held.listed_at.as_microsecond(),
        age_days: age_days(beijing::day_of(held.listed_at), today),
        standing: standing.into(),
        verdict: verdict.map(Verdict::word).unwrap_or_default().into(),
        seat: seat.map(Seat::word).unwrap_or_default().into(),
        remark: held.remark.clone(),
        deducted: Some(write_funds(&held.deducted)),
        corrected: Some(write_funds(&held.corrected)),
        net: held.net().fen(),
    }
}

/// Nobody decides for a member but the member, and for the centre but who operates for every region.
fn may_sit(permit: &OperatorPermit, pair: &Pair, seat: Seat) -> bool {
    let own = |side: Side| permit.pools().contains(&PoolCode(pair.member(side).0));
    match seat {
        Seat::Member(side) => own(side),
        Seat::Centre => permit.is_for_all(),
    }
}

fn refused(fault: &ListedFault) -> Refusal {
    let field = match fault {
        ListedFault::Unknown | ListedFault::NotNow(ListFault::Ended | ListFault::NothingProposed) => "settlement",
        ListedFault::SumChanged { proposed: _, now: _ } => "net",
        ListedFault::NotNow(
            ListFault::ProposedAlready(_)
            | ListFault::ProposedOtherwise(_)
            | ListFault::EndsAs(_)
            | ListFault::ClearsOnly,
        ) => "verdict",
        ListedFault::NotNow(ListFault::SamePerson | ListFault::SameSeat) => "seat",
    };
    invalid(field, fault.to_string())
}
