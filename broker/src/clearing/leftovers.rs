//! The list of what may be carried over no further, over gRPC: members see and decide what is theirs, each for its own
//! side; who operates for every region sees all and may be the second person. Started by [`crate::start()`].

use clearing::breaks::age_days;
use clearing::listed::{Act, ListFault, Person, Seat, Standing, Verdict};
use clearing::month::Month;
use clearing::period::{Pair, Side};
use identity::name::{Role, all_regions};
use identity::permit::OperatorPermit;
use jiff::civil::Date;
use ledger::clock::Clock;
use ledger::hub::{Listed, ListedFault, PeriodNumber};
use proto::convert::cleared::{write_funds, write_lot, write_sums};
use proto::v1;
use proto::v1::leftovers_server::Leftovers;
use settlement::beijing;
use settlement::ids::{PoolCode, SettlementId};
use settlement::refusal::Refusal;
use tonic::{Request, Response, Status};

use super::Clearing;
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

    async fn seen(&self, permit: &OperatorPermit) -> Result<Vec<(Pair, Listed)>, Refusal> {
        let listed = self.clearing.store.listed().await.map_err(|fault| failed(&fault))?;
        let seen = listed.into_iter().filter(|held| self.clearing.sees_lot(permit, &held.lot));
        Ok(seen.map(|held| (self.clearing.pair_of(&held.lot), held)).collect())
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
        let is_it = |held: &Listed| held.settlement == settlement && held.part == asked.part;
        let unknown = || invalid("settlement", ListedFault::Unknown.to_string());
        let (pair, _) = self.seen(permit).await?.into_iter().find(|(_, held)| is_it(held)).ok_or_else(unknown)?;
        if !may_sit(permit, &pair, seat) {
            let code = match seat {
                Seat::Member(side) => pair.member(side).0,
                Seat::Centre => all_regions(),
            };
            return Err(not_yours("seat", Role::Operator, &[code]));
        }
        let by = Person { certificate: permit.peer().fingerprint().to_owned(), seat };
        let done =
            self.clearing.store.listed_act((settlement.clone(), asked.part), act, reason, (by, self.clock.now()));
        done.await.map_err(|fault| failed(&fault))?.map_err(|fault| refused(&fault))?;
        let (pair, held) = self.seen(permit).await?.into_iter().find(|(_, held)| is_it(held)).ok_or_else(unknown)?;
        self.write(&pair, &held).await
    }

    async fn write(&self, pair: &Pair, held: &Listed) -> Result<v1::Leftover, Refusal> {
        let (booked_in, listed_from) = (self.month(held.booked_in).await?, self.month(held.listed_from).await?);
        Ok(v1::Leftover { booked_in, listed_from, ..write_leftover(pair, held, self.clock.today()) })
    }

    async fn month(&self, period: PeriodNumber) -> Result<String, Refusal> {
        let month = self.clearing.store.clearing_month_of(period).await.map_err(|fault| failed(&fault))?;
        Ok(month.as_ref().map(Month::to_string).unwrap_or_default())
    }
}

#[tonic::async_trait]
impl Leftovers for LeftoversService {
    async fn list(&self, request: Request<v1::LeftoversRequest>) -> Result<Response<v1::LeftoversReply>, Status> {
        let permit = OperatorPermit::from_request(&request)?;
        let ended = request.get_ref().ended;
        let mut leftovers = Vec::new();
        for (pair, held) in self.seen(&permit).await.map_err(refuse)? {
            if ended || !matches!(held.standing, Standing::Ended(_)) {
                leftovers.push(self.write(&pair, &held).await.map_err(refuse)?);
            }
        }
        Ok(Response::new(v1::LeftoversReply { leftovers }))
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
