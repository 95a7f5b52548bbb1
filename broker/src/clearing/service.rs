//! Clearing over gRPC, for members: each sees its own pairs and speaks for its own side; who operates for every region
//! sees all. What is due by itself, [`crate::jobs::clearing`] does.

use std::collections::{BTreeMap, BTreeSet};

use clearing::calendar::Calendar;
use clearing::cleared::{Cleared, sum};
use clearing::month::Month;
use clearing::obligation::Lot;
use clearing::payment::{Acceptance, Payable, Records};
use clearing::period::{Pair, PairRecord, Plan, Side, Stage, Step, plan};
use clearing::year::Why;
use identity::name::{Role, all_regions};
use identity::permit::OperatorPermit;
use jiff::Timestamp;
use ledger::clock::Clock;
use ledger::hub::{PeriodNumber, Position, Reply, StatementFault, StepReport};
use proto::convert::waits::write_wait;
use proto::convert::{FieldFault, cleared};
use proto::v1;
use settlement::ids::{MemberCode, PoolCode, SettlementId};
use settlement::money::Money;
use settlement::person::Insurance;
use settlement::refusal::{Reason, Refusal};
use tonic::{Request, Response, Status};

use super::moved::{MovedOf, MovedPlace};
use super::pairs::read_pair;
use super::texts::{acceptance_field, payment_field, read_called, read_reason};
use super::{Clearing, Standing, reports};
use crate::refusing::{failed, invalid, not_yours, refuse};

/// A page has at most so many rows, however many are asked for.
const LONGEST_PAGE: u32 = 1_000;

/// An answer objects to at most so many settlements: each is looked for beside whoever settles.
const MOST_OBJECTED: usize = 1_000;

/// The service.
pub struct ClearingService {
    clearing: Clearing,
    clock: Clock,
}

impl ClearingService {
    /// The service of a hub's clearing.
    pub fn new(clearing: Clearing, clock: Clock) -> ClearingService {
        ClearingService { clearing, clock }
    }

    async fn period(&self, field: &'static str, month: &str) -> Result<PeriodNumber, Refusal> {
        let month = Month::from_text(month).ok_or_else(|| invalid(field, "is not a month such as 2025-06"))?;
        let period = self.clearing.store.clearing_period_of(month).await.map_err(|fault| failed(&fault))?;
        period.ok_or_else(|| invalid(field, format!("{month} is not a period of this hub")))
    }

    async fn standing(&self, period: PeriodNumber) -> Result<Standing, Refusal> {
        let standing = self.clearing.standing(period).await.map_err(|fault| failed(&fault))?;
        standing.ok_or_else(|| invalid("month", "is not a period of this hub"))
    }

    async fn view(&self, permit: &OperatorPermit, period: PeriodNumber) -> Result<v1::PeriodView, Refusal> {
        let standing = self.standing(period).await?;
        let reports = self.clearing.store.clearing_reports(period).await.map_err(|fault| failed(&fault))?;
        let (month, calendar) = (standing.record.month, &self.clearing.calendar);
        let Plan { due: _, waits } = plan(&standing.record, self.clock.now(), calendar);
        let seen = |pair: &Pair| sees(permit, pair);
        let pairs = || standing.record.pairs.iter().filter(|(pair, _)| seen(pair));
        // What is kept of a step tells of all members' sums.
        let mut steps: Vec<_> = reports.iter().map(|report| write_step(report, permit.is_for_all())).collect();
        let closed = steps.pop_if(|_| standing.record.is_closed);
        let cut_off_at = self.clearing.store.clearing_cut_off_at(period).await.map_err(|fault| failed(&fault))?;
        let nothing_left = self.clearing.nothing_left(&standing).await.map_err(|fault| failed(&fault))?;
        let paired = reports::stated(pairs()).into_iter().chain(reports::noticed(pairs()));
        let waits = waits.iter().filter(|wait| wait.wanted.pair().is_none_or(|pair| seen(&pair)));
        Ok(v1::PeriodView {
            stage: standing.record.stage().word().into(),
            steps: reports::cut_off(cut_off_at).into_iter().chain(steps).chain(paired).chain(closed).collect(),
            pairs: pairs().map(|(pair, held)| self.write_due(month, pair, held)).collect(),
            nothing_left: nothing_left.iter().filter(|pair| seen(pair)).map(write_named).collect(),
            waits: waits.map(|wait| write_wait(wait, wait.overdue(month, self.clock.today(), calendar))).collect(),
            ..write_days(month, calendar)
        })
    }

    /// A pair with the days by which its notices are submitted and paid.
    fn write_due(&self, month: Month, pair: &Pair, held: &PairRecord) -> v1::PairView {
        let days = held.noticed_on.and_then(|on| self.clearing.calendar.payment_days(month, on).ok());
        let [submit_by, pay_by] =
            days.map(|days| [days.submit_by, days.pay_by].map(|day| day.to_string())).unwrap_or_default();
        v1::PairView { submit_by, pay_by, ..write_pair(pair, held) }
    }

    async fn pair_view(&self, period: PeriodNumber, pair: Pair) -> Result<v1::PairView, Refusal> {
        Ok(write_pair(&pair, &self.pair_record(period, pair).await?))
    }

    async fn pair_record(&self, period: PeriodNumber, pair: Pair) -> Result<PairRecord, Refusal> {
        self.clearing.pair_record(period, pair).await.map_err(|fault| failed(&fault))
    }

    async fn answered(&self, permit: &OperatorPermit, answer: v1::StatementAnswer) -> Result<v1::PairView, Refusal> {
        let (period, pair) = (self.period("month", &answer.month).await?, read_pair(&answer.home, &answer.treatment)?);
        let side = speaks_for(permit, &pair, &answer.side)?;
        let by = (permit.peer().fingerprint().to_owned(), self.clock.now());
        let (version, reply) = (answer.version, read_reply(answer)?);
        let recorded = self.clearing.reply((period, pair, side), version, reply, by).await;
        recorded.map_err(|fault| failed(&fault))?.map_err(|fault| refused(&fault))?;
        self.pair_view(period, pair).await
    }

    async fn paid(&self, permit: &OperatorPermit, request: v1::PayRequest) -> Result<v1::PairView, Refusal> {
        let (period, pair) =
            (self.period("month", &request.month).await?, read_pair(&request.home, &request.treatment)?);
        let side = speaks_for(permit, &pair, &request.side)?;
        let payment = cleared::read_payment(request.payment.as_ref()).map_err(|fault| of_fault(&fault))?;
        let payment = read_called(payment)?;
        let by = (permit.peer().fingerprint().to_owned(), self.clock.now());
        let insurance = match request.insurance.as_str() {
            "" => only_due(&self.pair_record(period, pair).await?)?,
            word => read_insurance(word)?,
        };
        let recorded = self.clearing.store.payment_record((period, pair, insurance), side, payment, by).await;
        recorded.map_err(|fault| failed(&fault))?.map_err(|fault| refused(&fault))?;
        self.pair_view(period, pair).await
    }

    async fn accepted(
        &self,
        permit: &OperatorPermit,
        asked: v1::AcceptPaymentRequest,
    ) -> Result<v1::PairView, Refusal> {
        let (period, pair) = (self.period("month", &asked.month).await?, read_pair(&asked.home, &asked.treatment)?);
        let side = speaks_for(permit, &pair, &asked.side)?;
        let insurance = read_insurance(&asked.insurance)?;
        let seen = Records { paid: asked.paid_record, received: asked.received_record };
        let (reason, by) = (read_reason(&asked.reason)?, (permit.peer().fingerprint().to_owned(), self.clock.now()));
        let accepted = self.clearing.store.payment_accept((period, pair, insurance), (side, seen), reason, by).await;
        accepted.map_err(|fault| failed(&fault))?.map_err(|fault| refused(&fault))?;
        self.pair_view(period, pair).await
    }

    async fn stated(
        &self,
        permit: &OperatorPermit,
        request: v1::StatementRequest,
    ) -> Result<v1::StatementReply, Refusal> {
        let (period, pair) =
            (self.period("month", &request.month).await?, read_pair(&request.home, &request.treatment)?);
        if !sees(permit, &pair) {
            return Err(not_either(&pair));
        }
        let newest = self.pair_record(period, pair).await?.statement.map_or(0, |held| held.version);
        let version = if request.version == 0 { newest } else { request.version };
        let lots = if version == 0 {
            self.standing(period).await?.pairs.remove(&pair).unwrap_or_default()
        } else {
            self.clearing.store.statement_lots((period, pair), version).await.map_err(|fault| failed(&fault))?
        };
        if version > newest {
            return Err(invalid("version", format!("{newest} is the newest")));
        }
        let due = sum(&lots).owed().fen();
        let lots = lots.iter().map(|(lot, held): (_, &Cleared)| cleared::write_cleared(lot, held)).collect();
        let nothing =
            version == 0 && self.clearing.comes_to_nothing(period, pair).await.map_err(|fault| failed(&fault))?;
        Ok(v1::StatementReply { version, due, lots, nothing })
    }

    async fn moved_of(&self, permit: &OperatorPermit, request: v1::MovedRequest) -> Result<v1::MovedReply, Refusal> {
        let period = self.period("month", &request.month).await?;
        let (of, pair, seen) = match &request.lot {
            Some(lot) => {
                let lot = cleared::read_named_lot(lot).map_err(|fault| of_fault(&fault))?;
                (MovedOf::Lot(lot), self.clearing.pair_of(&lot), self.clearing.sees_lot(permit, &lot))
            }
            None => {
                let pair = read_pair(&request.home, &request.treatment)?;
                (MovedOf::Pair(pair), pair, sees(permit, &pair))
            }
        };
        if !seen {
            return Err(not_either(&pair));
        }
        let after = match request.after.as_str() {
            "" => MovedPlace::FIRST,
            text => MovedPlace::from_text(text).ok_or_else(|| no_place("after"))?,
        };
        let page = self.clearing.moved_page(period, of, after, page_limit(request.limit)).await;
        let (entries, next) = page.map_err(|fault| failed(&fault))?;
        Ok(v1::MovedReply { entries, next: next.map(|next| next.to_string()).unwrap_or_default() })
    }

    async fn year_of(&self, permit: &OperatorPermit, year: i32) -> Result<v1::YearView, Refusal> {
        let read = i16::try_from(year).ok().filter(|year| Month::new(*year, 12).is_some());
        let year = read.ok_or_else(|| invalid("year", "is not a year such as 2025"))?;
        let end = self.clearing.year_end(year).await.map_err(|fault| failed(&fault))?;
        // As many rows as there are pairs and months, however many entries are carried and listed.
        let mut rests: BTreeMap<(Pair, Month, Why), (Money, u64)> = BTreeMap::new();
        for rest in end.rests.iter().filter(|rest| sees(permit, &rest.pair)) {
            let (owed, entries) = rests.entry((rest.pair, rest.month, rest.why)).or_default();
            *owed += rest.owed;
            *entries += 1;
        }
        let write = |((pair, month, why), (owed, entries)): ((Pair, Month, Why), (Money, u64))| v1::YearRest {
            home: pair.home.to_string(),
            treatment: pair.treatment.to_string(),
            month: month.to_string(),
            why: why.word().into(),
            owed: owed.fen(),
            entries,
        };
        let stage =
            |(month, stage): &(Month, Stage)| v1::YearMonth { month: month.to_string(), stage: stage.word().into() };
        Ok(v1::YearView {
            cleared_by: end.by.map(|by| by.to_string()).unwrap_or_default(),
            whole: end.is_whole(),
            late: end.is_late(self.clock.today()),
            months: end.months.iter().map(stage).collect(),
            rests: rests.into_iter().map(write).collect(),
        })
    }

    async fn carried_out(&self, permit: &OperatorPermit, asked: v1::RunRequest) -> Result<v1::RunReply, Refusal> {
        if !permit.is_for_all() {
            let detail = format!("carrying periods out takes a certificate of yidi://{}/operator", all_regions());
            return Err(Refusal::new(Reason::InstitutionNotYours).because(detail));
        }
        let mut done = Vec::new();
        if !asked.prove.is_empty() {
            let period = self.period("prove", &asked.prove).await?;
            let proved = self.clearing.prove_again(period, self.clock.now()).await.map_err(|fault| failed(&fault))?;
            match proved {
                Some(true) => done.push((period, Step::Prove)),
                Some(false) => {}
                None => return Err(invalid("prove", format!("{} was not proved yet", asked.prove))),
            }
        }
        self.clearing.fold().await.map_err(|fault| failed(&fault))?;
        done.extend(self.clearing.advance(self.clock.now()).await.map_err(|fault| failed(&fault))?);
        let mut reply = v1::RunReply::default();
        for (period, step) in done {
            let month = self.clearing.store.clearing_month_of(period).await.map_err(|fault| failed(&fault))?;
            reply.done.push(write_done(month, step));
        }
        Ok(reply)
    }

    async fn traced(&self, permit: &OperatorPermit, asked: &v1::TraceRequest) -> Result<v1::TraceReply, Refusal> {
        let id = SettlementId::new(&asked.settlement).map_err(|fault| invalid("settlement", fault.to_string()))?;
        let may_see = (|lot: &Lot| self.clearing.sees_lot(permit, lot), |pair: &Pair| sees(permit, pair));
        let traced = self.clearing.trace(&id, may_see, self.clock.today()).await.map_err(|fault| failed(&fault))?;
        let unknown = "it is not in the hub's journal, or not summed up yet";
        let traced = traced.ok_or_else(|| {
            Refusal::new(Reason::UnknownSettlement).of_field("settlement").because(unknown.to_owned())
        })?;
        if traced.entries.is_empty() {
            // Whose it is, is not for the caller to know.
            let detail = "it takes an operator's certificate of the pool, or member, that pays for it or that treated";
            return Err(Refusal::new(Reason::InstitutionNotYours).of_field("settlement").because(detail));
        }
        Ok(traced)
    }

    async fn listed(&self, permit: &OperatorPermit, request: v1::LotRequest) -> Result<v1::LotReply, Refusal> {
        let period = self.period("month", &request.month).await?;
        let lot = request.lot.as_ref().ok_or_else(|| Refusal::new(Reason::MissingField).of_field("lot"))?;
        let lot = cleared::read_named_lot(lot).map_err(|fault| of_fault(&fault))?;
        let pair = self.clearing.pair_of(&lot);
        if !self.clearing.sees_lot(permit, &lot) {
            return Err(not_either(&pair));
        }
        let limit = page_limit(request.limit);
        let after = Position(request.after.cast_signed());
        let postings = self.clearing.store.lot_postings((period, lot), after, limit).await;
        let postings = postings.map_err(|fault| failed(&fault))?;
        let earlier: BTreeSet<PeriodNumber> = postings.iter().filter_map(|posting| posting.corrects).collect();
        let mut months = BTreeMap::new();
        for period in earlier {
            let month = self.clearing.store.clearing_month_of(period).await.map_err(|fault| failed(&fault))?;
            months.insert(period, month.map(|month| month.to_string()).unwrap_or_default());
        }
        let settlements = postings.into_iter().map(|posting| v1::LotSettlement {
            settlement: posting.settlement.to_string(),
            turn: posting.turn().word().into(),
            day: posting.day.to_string(),
            sums: Some(cleared::write_sums(&posting.posting.sums)),
            position: posting.position.0.cast_unsigned(),
            corrects: posting.corrects.and_then(|period| months.get(&period).cloned()).unwrap_or_default(),
        });
        Ok(v1::LotReply { settlements: settlements.collect() })
    }
}

#[tonic::async_trait]
impl v1::clearing_server::Clearing for ClearingService {
    async fn periods(&self, request: Request<v1::PeriodsRequest>) -> Result<Response<v1::PeriodsReply>, Status> {
        let permit = OperatorPermit::from_request(&request)?;
        let wanted = if request.get_ref().month.is_empty() {
            let unfinished = self.clearing.store.clearing_unfinished().await.map_err(|fault| refuse(failed(&fault)))?;
            unfinished.into_iter().filter(|(_, month)| month.is_some()).map(|(period, _)| period).collect()
        } else {
            vec![self.period("month", &request.get_ref().month).await.map_err(refuse)?]
        };
        let mut periods = Vec::with_capacity(wanted.len());
        for period in wanted {
            periods.push(self.view(&permit, period).await.map_err(refuse)?);
        }
        let calendar_lacks = self.clearing.calendar.lacks(self.clock.today()).map_or(0, i32::from);
        Ok(Response::new(v1::PeriodsReply { periods, calendar_lacks }))
    }

    async fn statement(&self, request: Request<v1::StatementRequest>) -> Result<Response<v1::StatementReply>, Status> {
        let permit = OperatorPermit::from_request(&request)?;
        self.stated(&permit, request.into_inner()).await.map(Response::new).map_err(refuse)
    }

    async fn settlements(&self, request: Request<v1::LotRequest>) -> Result<Response<v1::LotReply>, Status> {
        let permit = OperatorPermit::from_request(&request)?;
        self.listed(&permit, request.into_inner()).await.map(Response::new).map_err(refuse)
    }

    async fn moved(&self, request: Request<v1::MovedRequest>) -> Result<Response<v1::MovedReply>, Status> {
        let permit = OperatorPermit::from_request(&request)?;
        self.moved_of(&permit, request.into_inner()).await.map(Response::new).map_err(refuse)
    }

    async fn answer(&self, request: Request<v1::StatementAnswer>) -> Result<Response<v1::PairView>, Status> {
        let permit = OperatorPermit::from_request(&request)?;
        self.answered(&permit, request.into_inner()).await.map(Response::new).map_err(refuse)
    }

    async fn year(&self, request: Request<v1::YearRequest>) -> Result<Response<v1::YearView>, Status> {
        let permit = OperatorPermit::from_request(&request)?;
        self.year_of(&permit, request.get_ref().year).await.map(Response::new).map_err(refuse)
    }

    async fn run(&self, request: Request<v1::RunRequest>) -> Result<Response<v1::RunReply>, Status> {
        let permit = OperatorPermit::from_request(&request)?;
        self.carried_out(&permit, request.into_inner()).await.map(Response::new).map_err(refuse)
    }

    async fn trace(&self, request: Request<v1::TraceRequest>) -> Result<Response<v1::TraceReply>, Status> {
        let permit = OperatorPermit::from_request(&request)?;
        self.traced(&permit, request.get_ref()).await.map(Response::new).map_err(refuse)
    }

    async fn pay(&self, request: Request<v1::PayRequest>) -> Result<Response<v1::PairView>, Status> {
        let permit = OperatorPermit::from_request(&request)?;
        self.paid(&permit, request.into_inner()).await.map(Response::new).map_err(refuse)
    }

    async fn accept_payment(
        &self,
        request: Request<v1::AcceptPaymentRequest>,
    ) -> Result<Response<v1::PairView>, Status> {
        let permit = OperatorPermit::from_request(&request)?;
        self.accepted(&permit, request.into_inner()).await.map(Response::new).map_err(refuse)
    }
}

/// How many rows a page has of which so many are asked for; 0 where whoever asks does not say.
pub(super) fn page_limit(asked: u32) -> u32 {
    if asked == 0 { LONGEST_PAGE } else { asked.min(LONGEST_PAGE) }
}

/// A place that no page was told to end at.
pub(super) fn no_place(field: &'static str) -> Refusal {
    invalid(field, "is not what a page says in next")
}

/// A member's certificate carries the member's code like a pool's.
fn acts_for(permit: &OperatorPermit, member: MemberCode) -> bool {
    permit.allows(PoolCode(member.0))
}

fn sees(permit: &OperatorPermit, pair: &Pair) -> bool {
    Side::ALL.into_iter().any(|side| acts_for(permit, pair.member(side)))
}

/// The side that a member names, if it is its own. Nobody speaks for a member but the member.
fn speaks_for(permit: &OperatorPermit, pair: &Pair, side: &str) -> Result<Side, Refusal> {
    let side = Side::from_word(side).ok_or_else(|| invalid("side", "is not home or treatment"))?;
    let member = pair.member(side).0;
    if permit.pools().contains(&PoolCode(member)) {
        return Ok(side);
    }
    Err(not_yours("home", Role::Operator, &[member]))
}

fn not_either(pair: &Pair) -> Refusal {
    not_yours("home", Role::Operator, &[pair.home.0, pair.treatment.0])
}

fn read_insurance(word: &str) -> Result<Insurance, Refusal> {
    Insurance::from_word(word).ok_or_else(|| invalid("insurance", "is not employee or resident"))
}

fn read_reply(answer: v1::StatementAnswer) -> Result<Reply, Refusal> {
    if answer.objected.is_empty() {
        return if answer.reason.is_empty() {
            Ok(Reply::Confirmed)
        } else {
            Err(invalid("objected", "names no settlement, and there is a reason"))
        };
    }
    let reason = read_reason(&answer.reason)?;
    if answer.objected.len() > MOST_OBJECTED {
        return Err(invalid(
            "objected",
            format!("names more than {MOST_OBJECTED}; object to the rest in the next version"),
        ));
    }
    let read = |id: &String| SettlementId::new(id).map_err(|fault| invalid("objected", format!("{id} {fault}")));
    let settlements = answer.objected.iter().map(read).collect::<Result<_, Refusal>>()?;
    Ok(Reply::Objected { settlements, reason })
}

fn write_days(month: Month, calendar: &Calendar) -> v1::PeriodView {
    let schedule = calendar.schedule(month);
    v1::PeriodView {
        month: month.to_string(),
        cut_off_on: settlement::beijing::day_of(schedule.cut_off).to_string(),
        clearing_day: schedule.clearing_day.to_string(),
        confirm_by: schedule.confirm_by.to_string(),
        notices_by: schedule.notices_by.to_string(),
        ..v1::PeriodView::default()
    }
}

fn write_step(report: &StepReport, with_sums: bool) -> v1::StepView {
    v1::StepView {
        step: report.step.word().into(),
        held: report.step.held(),
        report: if with_sums { report.report.clone() } else { String::new() },
        taken_at: Timestamp::as_microsecond(report.taken_at),
    }
}

fn write_done(month: Option<Month>, step: Step) -> v1::StepDone {
    let pair = step.pair();
    v1::StepDone {
        month: month.map(|month| month.to_string()).unwrap_or_default(),
        step: step.word().into(),
        home: pair.map(|pair| pair.home.to_string()).unwrap_or_default(),
        treatment: pair.map(|pair| pair.treatment.to_string()).unwrap_or_default(),
    }
}

fn write_named(pair: &Pair) -> v1::NamedPair {
    v1::NamedPair { home: pair.home.to_string(), treatment: pair.treatment.to_string() }
}

pub(super) fn write_pair(pair: &Pair, held: &PairRecord) -> v1::PairView {
    let statement = held.statement;
    let day = |day: Option<jiff::civil::Date>| day.map(|day| day.to_string()).unwrap_or_default();
    v1::PairView {
        home: pair.home.to_string(),
        treatment: pair.treatment.to_string(),
        version: statement.map_or(0, |statement| statement.version),
        issued_on: day(statement.map(|statement| statement.issued_on)),
        home_confirmed: statement.is_some_and(|statement| statement.home_confirmed),
        treatment_confirmed: statement.is_some_and(|statement| statement.treatment_confirmed),
        objected: statement.is_some_and(|statement| statement.is_objected),
        due: held.owed().fen(),
        noticed_on: day(held.noticed_on),
        submit_by: String::new(),
        pay_by: String::new(),
        payables: held.payables.iter().map(|(insurance, payable)| write_payable(insurance, payable)).collect(),
    }
}

fn write_payable(insurance: Insurance, payable: &Payable) -> v1::PayableView {
    v1::PayableView {
        insurance: insurance.word().into(),
        due: payable.due.fen(),
        paid: payable.paid.as_ref().map(cleared::write_payment),
        received: payable.received.as_ref().map(cleared::write_payment),
        apart: payable.apart().map(|apart| apart.to_string()).unwrap_or_default(),
        paid_record: payable.records.paid,
        received_record: payable.records.received,
        accepted: payable.accepted.iter().map(write_acceptance).collect(),
        settled: payable.is_settled(),
    }
}

pub(super) fn write_acceptance((side, acceptance): (&Side, &Acceptance)) -> v1::AcceptanceView {
    let (reason, on) = (acceptance.reason.clone(), acceptance.on.to_string());
    v1::AcceptanceView { side: side.word().into(), reason, on }
}

/// The insurance whose money alone was due, or alone is not paid yet: else a payment says which it is of.
fn only_due(held: &PairRecord) -> Result<Insurance, Refusal> {
    let open = held.to_be_paid().filter(|(_, payable)| !payable.is_settled()).map(|(insurance, _)| insurance);
    match (&held.to_be_paid().map(|(insurance, _)| insurance).collect::<Vec<_>>()[..], &open.collect::<Vec<_>>()[..]) {
        ([], _) => Err(invalid("month", "nothing is due of this pair")),
        ([insurance], _) | (_, [insurance]) => Ok(*insurance),
        (_, []) => Err(invalid("insurance", "is missing: employees' and residents' money are both paid")),
        _ => Err(invalid("insurance", "is missing: employees' and residents' money are both due, each paid by itself")),
    }
}

fn refused(fault: &StatementFault) -> Refusal {
    let field = match fault {
        StatementFault::Unknown
        | StatementFault::Nothing
        | StatementFault::NoticesOut
        | StatementFault::NextIsStated => "month",
        StatementFault::OtherVersion { newest: _ }
        | StatementFault::RepliedOtherwise
        | StatementFault::ConfirmedAlready
        | StatementFault::TakenAsConfirmed { on: _ } => "version",
        StatementFault::NotInIt(_) | StatementFault::ReturnedSince(_) => "objected",
        StatementFault::NoNotice => "insurance",
        StatementFault::Payment(fault) => payment_field(fault),
        StatementFault::Accept(fault) => acceptance_field(fault),
    };
    invalid(field, fault.to_string())
}

fn of_fault(fault: &FieldFault) -> Refusal {
    invalid(fault.field.clone(), fault.problem.clone())
}
