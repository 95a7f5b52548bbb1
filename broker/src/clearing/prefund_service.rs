//! Prefunds over gRPC: members see their own, who operates for every region sets them. Started by [`crate::start()`].

use std::collections::BTreeSet;
use std::sync::Arc;

use clearing::calendar::PaymentDays;
use clearing::period::{Pair, Side};
use clearing::prefund::is_late;
use identity::permit::OperatorPermit;
use jiff::civil::Date;
use ledger::clock::Clock;
use ledger::hub::{ChangePayments, PrefundChange, PrefundKey, PrefundPaymentFault};
use proto::convert::cleared::{read_payment, write_payment};
use proto::v1;
use proto::v1::prefunds_server::Prefunds;
use rust_decimal::Decimal;
use settlement::beijing;
use settlement::ids::{MemberCode, PoolCode, RegionCode};
use settlement::money::Money;
use settlement::person::Insurance;
use settlement::refusal::{Reason, Refusal};
use tonic::{Request, Response, Status};

use super::Clearing;
use super::prefunds::{ResetRow, Watched};
use super::texts::{check_payment, read_id, read_reason};
use crate::hub::Hub;
use crate::refusing::{failed, invalid, refuse};

/// Places shown of a share.
const PLACES: u32 = 4;

/// The service.
pub struct PrefundsService {
    clearing: Clearing,
    hub: Arc<Hub>,
    clock: Clock,
}

impl PrefundsService {
    /// The service of a hub's clearing.
    pub fn new(clearing: Clearing, hub: Arc<Hub>) -> PrefundsService {
        let clock = hub.clock.clone();
        PrefundsService { clearing, hub, clock }
    }

    async fn watched(&self, permit: &OperatorPermit) -> Result<v1::PrefundsReply, Refusal> {
        let watched = self.clearing.prefunds_watched(self.clock.now()).await.map_err(|fault| failed(&fault))?;
        let seen = watched.iter().filter(|(key, _)| sees(permit, &key.pair));
        Ok(v1::PrefundsReply { prefunds: seen.map(|(key, watched)| write_watched(key, watched)).collect() })
    }

    async fn table_of(&self, permit: &OperatorPermit, year: i32) -> Result<v1::PrefundTable, Refusal> {
        let rows = self.clearing.prefund_table(read_year(year)?).await.map_err(|fault| failed(&fault))?;
        let seen = rows.iter().filter(|row| sees(permit, &row.key.pair));
        Ok(v1::PrefundTable { rows: seen.map(write_row).collect() })
    }

    async fn set(&self, permit: &OperatorPermit, year: i32) -> Result<v1::PrefundTable, Refusal> {
        if !permit.is_for_all() {
            let detail = "only who operates for every region sets prefunds";
            return Err(Refusal::new(Reason::InstitutionNotYours).because(detail));
        }
        let (table, read) = (self.table_of(permit, year).await?, read_year(year)?);
        // It is set once: a year that was mistyped, or a quarter that is not whole, would stand for good.
        if read != self.clock.today().year() {
            return Err(invalid("year", "is not this year: prefunds are set for the year that runs"));
        }
        if !self.clearing.quarter_is_ready(read).await.map_err(|fault| failed(&fault))? {
            return Err(invalid("year", "last year's fourth quarter is not proved yet"));
        }
        let by = (permit.peer().fingerprint().to_owned(), self.clock.now());
        self.clearing.prefund_reset(read_year(year)?, by).await.map_err(|fault| failed(&fault))?;
        Ok(table)
    }

    async fn topped_up(&self, permit: &OperatorPermit, asked: v1::TopUpRequest) -> Result<v1::PrefundView, Refusal> {
        let key = read_key(&asked.home, &asked.treatment, &asked.insurance)?;
        speaks_for(permit, &key.pair, Side::Treatment)?;
        let (id, reason) = (read_id(&asked.id)?, read_reason(&asked.reason)?);
        let by = (permit.peer().fingerprint().to_owned(), self.clock.now());
        let increase = (id, Money::from_fen(asked.amount), reason);
        let topped_up = self.clearing.prefund_top_up(key, increase, by).await.map_err(|fault| failed(&fault))?;
        topped_up.map_err(|fault| invalid("amount", fault.to_string()))?;
        let watched = self.clearing.prefunds_watched(self.clock.now()).await.map_err(|fault| failed(&fault))?;
        let held = watched.get(&key).ok_or_else(|| Refusal::new(Reason::Internal))?;
        Ok(write_watched(&key, held))
    }

    async fn changed(&self, permit: &OperatorPermit) -> Result<Vec<v1::PrefundChangeView>, Refusal> {
        let changes = self.clearing.store.prefund_changes().await.map_err(|fault| failed(&fault))?;
        let payments = self.clearing.store.prefund_payments().await.map_err(|fault| failed(&fault))?;
        let seen = changes.iter().filter(|change| sees(permit, &change.key.pair));
        let today = self.clock.today();
        Ok(seen.map(|change| write_change(change, (self.clearing.prefund_days(change), today), &payments)).collect())
    }

    async fn paid(
        &self,
        permit: &OperatorPermit,
        asked: v1::PrefundPayRequest,
    ) -> Result<v1::PrefundChangeView, Refusal> {
        let key = read_key(&asked.home, &asked.treatment, &asked.insurance)?;
        let side = Side::from_word(&asked.side).ok_or_else(|| invalid("side", "is not home or treatment"))?;
        speaks_for(permit, &key.pair, side)?;
        let payment = read_payment(asked.payment.as_ref()).map_err(|fault| invalid(fault.field, fault.problem))?;
        check_payment(&payment)?;
        let by = (permit.peer().fingerprint().to_owned(), self.clock.now());
        let paid = self.clearing.store.prefund_pay((key, asked.id.clone(), side), payment, by).await;
        paid.map_err(|fault| failed(&fault))?.map_err(pay_refused)?;
        let is_it = |view: &v1::PrefundChangeView| {
            (&view.home, &view.treatment, &view.insurance, &view.id)
                == (&asked.home, &asked.treatment, &asked.insurance, &asked.id)
        };
        self.changed(permit).await?.into_iter().find(is_it).ok_or_else(|| Refusal::new(Reason::Internal))
    }

    async fn left_unpaid(&self, permit: &OperatorPermit) -> Result<Vec<v1::UnpaidView>, Refusal> {
        let unpaid = self.clearing.unpaid(self.clock.now()).await.map_err(|fault| failed(&fault))?;
        let suspended = self.clearing.store.suspension_list().await.map_err(|fault| failed(&fault))?;
        let pairs: BTreeSet<Pair> =
            unpaid.keys().copied().chain(suspended.iter().map(|suspension| suspension.pair)).collect();
        let view = |pair: Pair| {
            let held = unpaid.get(&pair).cloned().unwrap_or_default();
            let suspension = suspended.iter().find(|suspension| suspension.pair == pair);
            v1::UnpaidView {
                home: pair.home.to_string(),
                treatment: pair.treatment.to_string(),
                months: held.months.iter().map(ToString::to_string).collect(),
                may_suspend: held.may_suspend,
                suspended: suspension.is_some(),
                reason: suspension.map(|suspension| suspension.reason.clone()).unwrap_or_default(),
            }
        };
        Ok(pairs.into_iter().filter(|pair| sees(permit, pair)).map(view).collect())
    }

    async fn suspended(
        &self,
        permit: &OperatorPermit,
        asked: v1::SuspendRequest,
        is_suspended: bool,
    ) -> Result<v1::UnpaidView, Refusal> {
        let pair = read_pair(&asked.home, &asked.treatment)?;
        speaks_for(permit, &pair, Side::Treatment)?;
        let reason = read_reason(&asked.reason)?;
        let now = self.clock.now();
        let unpaid = self.clearing.unpaid(now).await.map_err(|fault| failed(&fault))?;
        if is_suspended && !unpaid.get(&pair).is_some_and(|unpaid| unpaid.may_suspend) {
            return Err(invalid("home", "has not left as many months in a row unpaid as the calendar file asks for"));
        }
        let by = (permit.peer().fingerprint().to_owned(), now);
        let set = self.clearing.store.suspension_set(pair, is_suspended, reason, by).await;
        set.map_err(|fault| failed(&fault))?;
        self.hub.suspensions.refresh(&self.clearing.store).await.map_err(|fault| failed(&fault))?;
        let (home, treatment) = (pair.home.to_string(), pair.treatment.to_string());
        let told = self.left_unpaid(permit).await?.into_iter();
        let mut told = told.filter(|view| (&view.home, &view.treatment) == (&home, &treatment));
        Ok(told.next().unwrap_or(v1::UnpaidView { home, treatment, ..v1::UnpaidView::default() }))
    }
}

#[tonic::async_trait]
impl Prefunds for PrefundsService {
    async fn watch(&self, request: Request<v1::PrefundsRequest>) -> Result<Response<v1::PrefundsReply>, Status> {
        let permit = OperatorPermit::from_request(&request)?;
        self.watched(&permit).await.map(Response::new).map_err(refuse)
    }

    async fn table(&self, request: Request<v1::PrefundYear>) -> Result<Response<v1::PrefundTable>, Status> {
        let permit = OperatorPermit::from_request(&request)?;
        self.table_of(&permit, request.get_ref().year).await.map(Response::new).map_err(refuse)
    }

    async fn reset(&self, request: Request<v1::PrefundYear>) -> Result<Response<v1::PrefundTable>, Status> {
        let permit = OperatorPermit::from_request(&request)?;
        self.set(&permit, request.get_ref().year).await.map(Response::new).map_err(refuse)
    }

    async fn top_up(&self, request: Request<v1::TopUpRequest>) -> Result<Response<v1::PrefundView>, Status> {
        let permit = OperatorPermit::from_request(&request)?;
        self.topped_up(&permit, request.into_inner()).await.map(Response::new).map_err(refuse)
    }

    async fn changes(&self, request: Request<v1::PrefundsRequest>) -> Result<Response<v1::PrefundChanges>, Status> {
        let permit = OperatorPermit::from_request(&request)?;
        let changes = self.changed(&permit).await.map_err(refuse)?;
        Ok(Response::new(v1::PrefundChanges { changes }))
    }

    async fn pay(&self, request: Request<v1::PrefundPayRequest>) -> Result<Response<v1::PrefundChangeView>, Status> {
        let permit = OperatorPermit::from_request(&request)?;
        self.paid(&permit, request.into_inner()).await.map(Response::new).map_err(refuse)
    }

    async fn unpaid(&self, request: Request<v1::PrefundsRequest>) -> Result<Response<v1::UnpaidReply>, Status> {
        let permit = OperatorPermit::from_request(&request)?;
        let members = self.left_unpaid(&permit).await.map_err(refuse)?;
        Ok(Response::new(v1::UnpaidReply { members }))
    }

    async fn suspend(&self, request: Request<v1::SuspendRequest>) -> Result<Response<v1::UnpaidView>, Status> {
        let permit = OperatorPermit::from_request(&request)?;
        self.suspended(&permit, request.into_inner(), true).await.map(Response::new).map_err(refuse)
    }

    async fn resume(&self, request: Request<v1::SuspendRequest>) -> Result<Response<v1::UnpaidView>, Status> {
        let permit = OperatorPermit::from_request(&request)?;
        self.suspended(&permit, request.into_inner(), false).await.map(Response::new).map_err(refuse)
    }
}

fn sees(permit: &OperatorPermit, pair: &Pair) -> bool {
    [pair.home, pair.treatment].into_iter().any(|member| permit.allows(PoolCode(member.0)))
}

fn write_watched(key: &PrefundKey, watched: &Watched) -> v1::PrefundView {
    let share = watched.usage.share();
    v1::PrefundView {
        home: key.pair.home.to_string(),
        treatment: key.pair.treatment.to_string(),
        insurance: key.insurance.word().into(),
        prefund: watched.usage.prefund.fen(),
        outstanding: watched.usage.outstanding.fen(),
        share: if share == Decimal::MAX { String::new() } else { share.round_dp(PLACES).normalize().to_string() },
        watch: watched.watch.word().into(),
    }
}

fn write_change(
    change: &PrefundChange,
    (days, today): (Option<PaymentDays>, Date),
    payments: &ChangePayments,
) -> v1::PrefundChangeView {
    let PrefundChange { key: PrefundKey { pair, insurance }, id, kind, amount, basis, reason, at } = change;
    let recorded = payments.get(&(change.key, id.clone()));
    let payer = if amount.is_negative() { Side::Treatment } else { Side::Home };
    let by = |is_payer: bool| {
        let payment = recorded?.iter().find(|(side, _)| (**side == payer) == is_payer);
        payment.map(|(_, payment)| write_payment(payment))
    };
    let paid = by(true);
    v1::PrefundChangeView {
        late: is_late(*amount, paid.is_some(), days, today),
        home: pair.home.to_string(),
        treatment: pair.treatment.to_string(),
        insurance: insurance.word().into(),
        id: id.clone(),
        kind: kind.word().into(),
        amount: amount.fen(),
        basis: basis.fen(),
        reason: reason.clone(),
        made_on: beijing::day_of(*at).to_string(),
        submit_by: days.map(|days| days.submit_by.to_string()).unwrap_or_default(),
        pay_by: days.map(|days| days.pay_by.to_string()).unwrap_or_default(),
        paid,
        received: by(false),
    }
}

fn pay_refused(fault: PrefundPaymentFault) -> Refusal {
    let field = match fault {
        PrefundPaymentFault::Unknown | PrefundPaymentFault::NothingDue => "id",
        PrefundPaymentFault::PaidOtherwise => "payment",
        PrefundPaymentFault::OtherAmount { due: _, amount: _ } => "payment.amount",
    };
    invalid(field, fault.to_string())
}

fn write_row(row: &ResetRow) -> v1::PrefundRow {
    v1::PrefundRow {
        home: row.key.pair.home.to_string(),
        treatment: row.key.pair.treatment.to_string(),
        insurance: row.key.insurance.word().into(),
        previous: row.reset.previous.fen(),
        basis: row.basis.fen(),
        new: row.reset.new.fen(),
        difference: row.reset.difference().fen(),
    }
}

fn read_pair(home: &str, treatment: &str) -> Result<Pair, Refusal> {
    let member =
        |field, code: &str| RegionCode::new(code).map(MemberCode).map_err(|fault| invalid(field, fault.to_string()));
    Ok(Pair { home: member("home", home)?, treatment: member("treatment", treatment)? })
}

fn read_key(home: &str, treatment: &str, insurance: &str) -> Result<PrefundKey, Refusal> {
    let insurance = Insurance::from_word(insurance);
    let insurance = insurance.ok_or_else(|| invalid("insurance", "is not employee or resident"))?;
    Ok(PrefundKey { pair: read_pair(home, treatment)?, insurance })
}

/// Nobody speaks for a member but the member.
fn speaks_for(permit: &OperatorPermit, pair: &Pair, side: Side) -> Result<(), Refusal> {
    if permit.pools().contains(&PoolCode(pair.member(side).0)) {
        return Ok(());
    }
    Err(Refusal::new(Reason::InstitutionNotYours).of_field(side.word()))
}

fn read_year(year: i32) -> Result<i16, Refusal> {
    let read = i16::try_from(year).ok().filter(|year| (1971..=9997).contains(year));
    read.ok_or_else(|| invalid("year", "is not a year such as 2026"))
}
