//! Prefunds over gRPC: members see their own, who operates for every region sets them. Started by [`crate::start()`].

use std::collections::BTreeSet;
use std::sync::Arc;

use clearing::calendar::PaymentDays;
use clearing::month::Month;
use clearing::payment::Records;
use clearing::period::{Pair, Side};
use clearing::prefund::account::Watched;
use clearing::prefund::change::Standing;
use clearing::prefund::is_late;
use identity::name::{Role, all_regions};
use identity::permit::OperatorPermit;
use jiff::civil::Date;
use ledger::clock::Clock;
use ledger::hub::{PrefundChange, PrefundEntry, PrefundKey, PrefundPaymentFault};
use proto::convert::cleared::{read_payment, write_payment};
use proto::convert::prefunds::write_quarter;
use proto::v1;
use proto::v1::prefunds_server::Prefunds;
use rust_decimal::Decimal;
use settlement::beijing;
use settlement::ids::PoolCode;
use settlement::money::Money;
use settlement::person::Insurance;
use settlement::refusal::{Reason, Refusal};
use settlement::region::RegionTable;
use tonic::{Request, Response, Status};

use super::Clearing;
use super::pairs::{ensure_members, read_pair};
use super::prefund_requests::top_up_id;
use super::prefunds::{QuarterSums, ResetFault, ResetRow};
use super::service::write_acceptance;
use super::texts::{acceptance_field, payment_field, read_called, read_id, read_reason};
use crate::hub::Hub;
use crate::refusing::{failed, invalid, not_yours, refuse};

/// Places shown of a share; what is below a mark is never shown as at it.
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

    async fn table_of(&self, permit: &OperatorPermit, asked: &v1::PrefundYear) -> Result<v1::PrefundTable, Refusal> {
        let rows = self
            .clearing
            .prefund_table(read_year(asked.year)?, &read_sums(asked, &self.clearing.regions)?)
            .await
            .map_err(|fault| failed(&fault))?;
        let seen = rows.iter().filter(|row| sees(permit, &row.key.pair));
        Ok(v1::PrefundTable { rows: seen.map(write_row).collect() })
    }

    async fn set(&self, permit: &OperatorPermit, asked: &v1::PrefundYear) -> Result<v1::PrefundTable, Refusal> {
        if !permit.is_for_all() {
            let detail = format!("setting prefunds takes a certificate of yidi://{}/operator", all_regions());
            return Err(Refusal::new(Reason::InstitutionNotYours).because(detail));
        }
        let read = read_year(asked.year)?;
        // It is set once: a year that was mistyped, or a quarter that is not whole, would stand for good.
        if read != self.clock.today().year() {
            return Err(invalid("year", "is not this year: prefunds are set for the year that runs"));
        }
        let by = (permit.peer().fingerprint().to_owned(), self.clock.now());
        let sums = read_sums(asked, &self.clearing.regions)?;
        let reset = self.clearing.prefund_reset(read, &sums, by).await;
        let set = reset.map_err(|fault| failed(&fault))?.map_err(|fault| reset_refused(&fault))?;
        Ok(v1::PrefundTable { rows: set.rows.iter().map(write_row).collect() })
    }

    async fn topped_up(&self, permit: &OperatorPermit, asked: v1::TopUpRequest) -> Result<v1::PrefundView, Refusal> {
        let key = read_key(&asked.home, &asked.treatment, &asked.insurance)?;
        ensure_members(&self.clearing.regions, &key.pair)?;
        speaks_for(permit, &key.pair, Side::Treatment)?;
        let (id, reason) = (read_id("id", &asked.id)?, read_reason(&asked.reason)?);
        let by = (permit.peer().fingerprint().to_owned(), self.clock.now());
        let increase = (id.clone(), Money::from_fen(asked.amount), reason);
        let topped_up = self.clearing.prefund_top_up(key, increase, by).await.map_err(|fault| failed(&fault))?;
        topped_up.map_err(|fault| invalid("amount", fault.to_string()))?;
        let watched = self.clearing.prefunds_watched(self.clock.now()).await.map_err(|fault| failed(&fault))?;
        let held = watched.get(&key).ok_or_else(|| Refusal::new(Reason::Internal))?;
        Ok(v1::PrefundView { id: top_up_id(&id), ..write_watched(&key, held) })
    }

    async fn changed(&self, permit: &OperatorPermit) -> Result<Vec<v1::PrefundChangeView>, Refusal> {
        let entries = self.clearing.store.prefund_entries().await.map_err(|fault| failed(&fault))?;
        let (seen, today) = (entries.iter().filter(|entry| sees(permit, &entry.change.key.pair)), self.clock.today());
        let view = |entry| {
            let standing = self.clearing.prefund_standing(entry, today);
            write_change(entry, (self.clearing.prefund_days_of(entry), today), standing)
        };
        Ok(seen.map(view).collect())
    }

    async fn change_of(
        &self,
        permit: &OperatorPermit,
        key: &PrefundKey,
        id: &str,
    ) -> Result<v1::PrefundChangeView, Refusal> {
        let PrefundKey { pair: Pair { home, treatment }, insurance } = key;
        let (home, treatment) = (home.to_string(), treatment.to_string());
        let is_it = |view: &v1::PrefundChangeView| {
            (&view.home, &view.treatment, view.insurance.as_str(), view.id.as_str())
                == (&home, &treatment, insurance.word(), id)
        };
        self.changed(permit).await?.into_iter().find(is_it).ok_or_else(|| Refusal::new(Reason::Internal))
    }

    async fn opened(
        &self,
        permit: &OperatorPermit,
        asked: v1::OpenPrefundRequest,
    ) -> Result<v1::PrefundChangeView, Refusal> {
        let (key, side) = own_side(permit, (&asked.home, &asked.treatment, &asked.insurance), &asked.side)?;
        ensure_members(&self.clearing.regions, &key.pair)?;
        let opening = (read_id("id", &asked.id)?, Money::from_fen(asked.amount), read_reason(&asked.reason)?);
        let by = (permit.peer().fingerprint().to_owned(), self.clock.now());
        let opened = self.clearing.prefund_open((key, side), opening, by).await.map_err(|fault| failed(&fault))?;
        let id = opened.map_err(|fault| invalid("amount", fault.to_string()))?;
        self.change_of(permit, &key, &id).await
    }

    async fn answered(
        &self,
        permit: &OperatorPermit,
        asked: v1::PrefundAnswer,
        is_accepted: bool,
    ) -> Result<v1::PrefundChangeView, Refusal> {
        let (key, side) = own_side(permit, (&asked.home, &asked.treatment, &asked.insurance), &asked.side)?;
        let reason = if is_accepted && asked.reason.is_empty() { String::new() } else { read_reason(&asked.reason)? };
        let by = (permit.peer().fingerprint().to_owned(), self.clock.now());
        let place = (key, asked.id.clone(), side);
        let said = self.clearing.prefund_answer(place, (is_accepted, reason), by).await;
        said.map_err(|fault| failed(&fault))?.map_err(|fault| invalid("id", fault.to_string()))?;
        self.change_of(permit, &key, &asked.id).await
    }

    async fn paid(
        &self,
        permit: &OperatorPermit,
        asked: v1::PrefundPayRequest,
    ) -> Result<v1::PrefundChangeView, Refusal> {
        let (key, side) = own_side(permit, (&asked.home, &asked.treatment, &asked.insurance), &asked.side)?;
        let payment = read_payment(asked.payment.as_ref()).map_err(|fault| invalid(fault.field, fault.problem))?;
        let payment = read_called(payment)?;
        let by = (permit.peer().fingerprint().to_owned(), self.clock.now());
        let paid = self.clearing.store.prefund_pay((key, asked.id.clone(), side), payment, by).await;
        paid.map_err(|fault| failed(&fault))?.map_err(pay_refused)?;
        self.change_of(permit, &key, &asked.id).await
    }

    async fn payment_accepted(
        &self,
        permit: &OperatorPermit,
        asked: v1::PrefundAcceptPaymentRequest,
    ) -> Result<v1::PrefundChangeView, Refusal> {
        let (key, side) = own_side(permit, (&asked.home, &asked.treatment, &asked.insurance), &asked.side)?;
        let seen = Records { paid: asked.paid_record, received: asked.received_record };
        let (reason, by) = (read_reason(&asked.reason)?, (permit.peer().fingerprint().to_owned(), self.clock.now()));
        let place = (key, asked.id.clone());
        let accepted = self.clearing.store.prefund_accept_payment(place, (side, seen), reason, by).await;
        accepted.map_err(|fault| failed(&fault))?.map_err(pay_refused)?;
        self.change_of(permit, &key, &asked.id).await
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
                claimed: held.claimed.iter().map(ToString::to_string).collect(),
                day_unknown: held.undated.iter().map(ToString::to_string).collect(),
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
        let nothing_came = read_months(&asked.nothing_came)?;
        let mut reason = read_reason(&asked.reason)?;
        if !nothing_came.is_empty() {
            let months: Vec<String> = nothing_came.iter().map(ToString::to_string).collect();
            reason = format!("{reason}（未到账：{}）", months.join("、"));
        }
        let now = self.clock.now();
        let unpaid = self.clearing.unpaid(now).await.map_err(|fault| failed(&fault))?;
        let claimed = unpaid.get(&pair).map(|unpaid| unpaid.claimed.clone()).unwrap_or_default();
        if let Some(other) = nothing_came.iter().find(|month| !claimed.contains(*month)) {
            return Err(invalid(
                "nothing_came",
                format!("{other} is no month that the home member alone says is paid"),
            ));
        }
        let may_suspend = self.clearing.may_suspend_denying(pair, &nothing_came, now).await;
        if is_suspended && !may_suspend.map_err(|fault| failed(&fault))? {
            let mut problem =
                "has neither as many months in a row overdue, of those in which something was due, nor its \
                oldest overdue for as many months, as the calendar file asks for (suspended_after)"
                    .to_owned();
            if !claimed.is_empty() {
                let claimed: Vec<String> = claimed.iter().map(ToString::to_string).collect();
                let claimed = claimed.join(", ");
                problem = format!(
                    "{problem}: it has recorded payment of {claimed}, which count again once the claim is as old as the \
                    file says and you name them in nothing_came, or have recorded another payment"
                );
            }
            return Err(invalid("home", problem));
        }
        let suspended = self.clearing.store.suspension_list().await.map_err(|fault| failed(&fault))?;
        if !is_suspended && !suspended.iter().any(|suspension| suspension.pair == pair) {
            return Err(invalid("home", "is not suspended: there is nothing to resume"));
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
        self.table_of(&permit, request.get_ref()).await.map(Response::new).map_err(refuse)
    }

    async fn reset(&self, request: Request<v1::PrefundYear>) -> Result<Response<v1::PrefundTable>, Status> {
        let permit = OperatorPermit::from_request(&request)?;
        self.set(&permit, request.get_ref()).await.map(Response::new).map_err(refuse)
    }

    async fn top_up(&self, request: Request<v1::TopUpRequest>) -> Result<Response<v1::PrefundView>, Status> {
        let permit = OperatorPermit::from_request(&request)?;
        self.topped_up(&permit, request.into_inner()).await.map(Response::new).map_err(refuse)
    }

    async fn open(&self, request: Request<v1::OpenPrefundRequest>) -> Result<Response<v1::PrefundChangeView>, Status> {
        let permit = OperatorPermit::from_request(&request)?;
        self.opened(&permit, request.into_inner()).await.map(Response::new).map_err(refuse)
    }

    async fn accept(&self, request: Request<v1::PrefundAnswer>) -> Result<Response<v1::PrefundChangeView>, Status> {
        let permit = OperatorPermit::from_request(&request)?;
        self.answered(&permit, request.into_inner(), true).await.map(Response::new).map_err(refuse)
    }

    async fn refuse(&self, request: Request<v1::PrefundAnswer>) -> Result<Response<v1::PrefundChangeView>, Status> {
        let permit = OperatorPermit::from_request(&request)?;
        self.answered(&permit, request.into_inner(), false).await.map(Response::new).map_err(refuse)
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

    async fn accept_payment(
        &self,
        request: Request<v1::PrefundAcceptPaymentRequest>,
    ) -> Result<Response<v1::PrefundChangeView>, Status> {
        let permit = OperatorPermit::from_request(&request)?;
        self.payment_accepted(&permit, request.into_inner()).await.map(Response::new).map_err(refuse)
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
        share: if share == Decimal::MAX {
            String::new()
        } else {
            share.trunc_with_scale(PLACES).normalize().to_string()
        },
        watch: watched.watch.word().into(),
        asked: watched.asked.fen(),
        due: watched.due.fen(),
        id: String::new(),
    }
}

fn write_change(
    entry: &PrefundEntry,
    (days, today): (Option<PaymentDays>, Date),
    standing: Standing,
) -> v1::PrefundChangeView {
    let PrefundEntry { change, answer, payment, is_overtaken: _ } = entry;
    let PrefundChange { key: PrefundKey { pair, insurance }, id, kind, amount, basis, held, reason, asked_by, at } =
        change;
    v1::PrefundChangeView {
        late: is_late(*amount, standing != Standing::Due, days, today),
        home: pair.home.to_string(),
        treatment: pair.treatment.to_string(),
        insurance: insurance.word().into(),
        id: id.clone(),
        kind: kind.word().into(),
        amount: amount.fen(),
        basis: write_quarter(basis),
        reason: reason.clone(),
        made_on: beijing::day_of(*at).to_string(),
        submit_by: days.map(|days| days.submit_by.to_string()).unwrap_or_default(),
        pay_by: days.map(|days| days.pay_by.to_string()).unwrap_or_default(),
        paid: payment.paid.as_ref().map(write_payment),
        received: payment.received.as_ref().map(write_payment),
        standing: standing.word().into(),
        asked_by: asked_by.map(Side::word).unwrap_or_default().into(),
        answered: answer.as_ref().map(|answer| answer.reason.clone()).unwrap_or_default(),
        held: held.fen(),
        apart: payment.apart().map(|apart| apart.to_string()).unwrap_or_default(),
        paid_record: payment.records.paid,
        received_record: payment.records.received,
        accepted: payment.accepted.iter().map(write_acceptance).collect(),
    }
}

fn pay_refused(fault: PrefundPaymentFault) -> Refusal {
    let field = match &fault {
        PrefundPaymentFault::Unknown | PrefundPaymentFault::NothingDue | PrefundPaymentFault::NotDue(_) => "id",
        PrefundPaymentFault::Payment(fault) => payment_field(fault),
        PrefundPaymentFault::Accept(fault) => acceptance_field(fault),
    };
    invalid(field, fault.to_string())
}

fn reset_refused(fault: &ResetFault) -> Refusal {
    let field = match fault {
        ResetFault::Missing(_) | ResetFault::ClearedHere(_) | ResetFault::NotOfQuarter(_) => "sums",
        ResetFault::NotProved(_) => "year",
    };
    invalid(field, fault.to_string())
}

/// What is given of months that were not cleared here.
fn read_sums(asked: &v1::PrefundYear, regions: &RegionTable) -> Result<QuarterSums, Refusal> {
    let mut sums = QuarterSums::new();
    for (number, row) in asked.sums.iter().enumerate() {
        let wrong = |problem: &str| invalid("sums", format!("row {}: {problem}", number + 1));
        let key = read_key(&row.home, &row.treatment, &row.insurance);
        let key = key.and_then(|key| ensure_members(regions, &key.pair).map(|()| key)).map_err(|refusal| {
            let (field, problem) = (refusal.field.unwrap_or_default(), refusal.detail.unwrap_or_default());
            wrong(&format!("is of no prefund: {field}: {problem}"))
        })?;
        let month = Month::from_text(&row.month).ok_or_else(|| wrong("its month is not one such as 2024-10"))?;
        let owed = Money::from_fen(row.owed);
        if !owed.is_bounded() {
            return Err(wrong("its sum is no amount"));
        }
        if sums.insert((key, month), owed).is_some() {
            return Err(wrong("is there twice"));
        }
    }
    Ok(sums)
}

fn write_row(row: &ResetRow) -> v1::PrefundRow {
    v1::PrefundRow {
        home: row.key.pair.home.to_string(),
        treatment: row.key.pair.treatment.to_string(),
        insurance: row.key.insurance.word().into(),
        previous: row.reset.previous.fen(),
        basis: write_quarter(&row.basis),
        new: row.reset.new.fen(),
        difference: row.reset.difference().fen(),
    }
}

fn read_key(home: &str, treatment: &str, insurance: &str) -> Result<PrefundKey, Refusal> {
    let insurance = Insurance::from_word(insurance);
    let insurance = insurance.ok_or_else(|| invalid("insurance", "is not employee or resident"))?;
    Ok(PrefundKey { pair: read_pair(home, treatment)?, insurance })
}

fn read_months(months: &[String]) -> Result<BTreeSet<Month>, Refusal> {
    let read = |text: &String| {
        Month::from_text(text).ok_or_else(|| invalid("nothing_came", format!("{text} is not a month such as 2025-06")))
    };
    months.iter().map(read).collect()
}

/// A prefund, and the side of it that a member names, if it is its own.
fn own_side(
    permit: &OperatorPermit,
    (home, treatment, insurance): (&str, &str, &str),
    side: &str,
) -> Result<(PrefundKey, Side), Refusal> {
    let key = read_key(home, treatment, insurance)?;
    let side = Side::from_word(side).ok_or_else(|| invalid("side", "is not home or treatment"))?;
    speaks_for(permit, &key.pair, side).map(|()| (key, side))
}

/// Nobody speaks for a member but the member.
fn speaks_for(permit: &OperatorPermit, pair: &Pair, side: Side) -> Result<(), Refusal> {
    let member = pair.member(side).0;
    if permit.pools().contains(&PoolCode(member)) {
        return Ok(());
    }
    Err(not_yours(side.word(), Role::Operator, &[member]))
}

fn read_year(year: i32) -> Result<i16, Refusal> {
    let read = i16::try_from(year).ok().filter(|year| (1971..=9997).contains(year));
    read.ok_or_else(|| invalid("year", "is not a year such as 2026"))
}
