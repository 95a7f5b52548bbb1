//! A hub that is scripted: it keeps operations by key and pays four fifths of what is in policy, or what it is told to.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use jiff::Timestamp;
use proto::v1::hub_server::Hub;
use proto::v1::query_request::About;
use proto::{convert, status, v1};
use rust_decimal::dec;
use settlement::adjudication::{Fund, FundShares, Payers};
use settlement::lifecycle::{Effect, Event, Standing, after};
use settlement::money::Money;
use settlement::operation::{AccountUse, Operation, Request as Asked, Settle};
use settlement::outcome::{Done, Outcome, Settled, Undone};
use settlement::person::PersonClass;
use settlement::refusal::{Reason, Refusal};
use settlement::rulebook::RuleBookHash;
use settlement::what_if::WhatIf;
use tokio::sync::Notify;
use tonic::{Request, Response, Status};

/// What happens to the next operation.
#[derive(Clone, Debug)]
pub enum Turn {
    /// It is carried out, but its answer is lost.
    AnswerLost,
    /// It never reaches the home region, and nobody knows.
    RequestLost,
    /// It arrives, which the first tells, and goes on when the second is told.
    Held(Arc<Notify>, Arc<Notify>),
    /// It is carried out, which the first tells, and its answer comes when the second is told.
    Late(Arc<Notify>, Arc<Notify>),
    /// The hub says no.
    Status(Refusal),
    /// The home region says no.
    Refused(Refusal),
}

#[derive(Clone, Default)]
pub struct FakeHub(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    turns: VecDeque<Turn>,
    answers: HashMap<String, (Bytes, Outcome)>,
    in_doubt: HashMap<String, Bytes>,
    voided: HashSet<String>,
    tombstones: HashSet<String>,
    settlements: HashMap<String, (Settled, Standing)>,
    received: Vec<Bytes>,
    estimates: Vec<Operation>,
    percent: Option<i64>,
    filed: bool,
    not_served: bool,
    unfiled: bool,
    resolves_in_doubt: bool,
    look_ups: Vec<v1::LookUpRequest>,
}

impl FakeHub {
    pub fn next(&self, turn: Turn) {
        self.inner().turns.push_back(turn);
    }

    pub fn set_percent(&self, percent: i64) {
        self.inner().percent = Some(percent);
    }

    pub fn set_filed(&self) {
        self.inner().filed = true;
    }

    /// The home region refuses estimates for want of a filing.
    pub fn set_unfiled(&self) {
        self.inner().unfiled = true;
    }

    pub fn set_not_served(&self) {
        self.inner().not_served = true;
    }

    /// While the home region is away, resolving gives no answer either.
    pub fn set_home_away(&self, away: bool) {
        self.inner().resolves_in_doubt = away;
    }

    /// The bytes of every operation that came, in order.
    pub fn received(&self) -> Vec<Bytes> {
        self.inner().received.clone()
    }

    pub fn last_settle(&self) -> Settle {
        let received = self.received();
        let settles = received.iter().rev().map(|bytes| convert::read_operation(bytes).expect("an operation"));
        let mut settles = settles.filter_map(|operation| match operation.request {
            Asked::Settle(settle) => Some(*settle),
            Asked::Cancel(_) | Asked::Reverse(_) => None,
        });
        settles.next().expect("a settlement")
    }

    pub fn in_force(&self) -> usize {
        self.inner().settlements.values().filter(|(_, standing)| *standing == Standing::InForce).count()
    }

    fn inner(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.0.lock().expect("no panic while it was held")
    }
}

impl Inner {
    fn operate(&mut self, bytes: Bytes) -> Result<v1::OperateReply, Status> {
        let operation = convert::read_operation(&bytes).expect("an operation");
        let key = operation.key.to_text();
        self.received.push(bytes.clone());
        if let Some((kept, outcome)) = self.answers.get(&key) {
            assert_eq!(*kept, bytes, "a repeat has the stored bytes");
            return Ok(answered(outcome));
        }
        if self.in_doubt.contains_key(&key) {
            return Ok(in_doubt());
        }
        match self.turns.pop_front() {
            Some(Turn::Status(refusal)) => return Err(status::of_refusal(&refusal)),
            Some(Turn::Refused(refusal)) => {
                let outcome = Outcome::Refused(refusal);
                self.answers.insert(key, (bytes, outcome.clone()));
                return Ok(answered(&outcome));
            }
            Some(Turn::RequestLost) => {
                self.in_doubt.insert(key, bytes);
                return Ok(in_doubt());
            }
            Some(Turn::AnswerLost) => {
                let outcome = self.decide(&operation);
                self.answers.insert(key.clone(), (bytes, outcome));
                self.in_doubt.insert(key, Bytes::new());
                return Ok(in_doubt());
            }
            Some(Turn::Held(..) | Turn::Late(..)) | None => {}
        }
        let outcome = self.decide(&operation);
        self.answers.insert(key, (bytes, outcome.clone()));
        Ok(answered(&outcome))
    }

    fn decide(&mut self, operation: &Operation) -> Outcome {
        let target = operation.key.as_target().to_text();
        if self.tombstones.contains(&target) || self.voided.contains(&operation.key.to_text()) {
            return Outcome::Refused(Reason::Voided.into());
        }
        match &operation.request {
            Asked::Settle(settle) => {
                let settled = self.adjudicate(settle);
                let id = settled.settlement.to_string();
                self.settlements.insert(id, (settled.clone(), Standing::InForce));
                accepted(Done::Settled(Box::new(settled)))
            }
            Asked::Cancel(cancel) => match self.settlements.get_mut(cancel.settlement.as_str()) {
                None => Outcome::Refused(Reason::UnknownSettlement.into()),
                Some((settled, standing)) => {
                    match after(standing, &Event::Cancel { counter: cancel.counter.clone() }) {
                        Err(reason) => Outcome::Refused(reason.into()),
                        Ok((next, _)) => {
                            *standing = next;
                            accepted(Done::Cancelled {
                                counter: cancel.counter.clone(),
                                original: Box::new(settled.clone()),
                                account_balance: Money::ZERO,
                            })
                        }
                    }
                }
            },
            Asked::Reverse(reverse) => self.reverse(&reverse.target.to_text()),
        }
    }

    fn reverse(&mut self, target: &str) -> Outcome {
        let originals: Vec<Operation> = self
            .answers
            .values()
            .filter(|(_, outcome)| outcome.refusal().is_none())
            .map(|(bytes, _)| convert::read_operation(bytes).expect("an operation"))
            .filter(|operation| operation.key.as_target().to_text() == *target)
            .collect();
        self.tombstones.insert(target.to_owned());
        let undone = match originals.first().map(|operation| &operation.request) {
            Some(Asked::Settle(settle)) => {
                let (settled, standing) = self.settlements.get_mut(settle.settlement.as_str()).expect("it was settled");
                match after(standing, &Event::ReverseSettle) {
                    Err(reason) => return Outcome::Refused(reason.into()),
                    Ok((next, effect)) => {
                        assert!(matches!(effect, Effect::Counter | Effect::Nothing));
                        *standing = next;
                    }
                }
                Undone::Settlement { original: settled.clone(), account_balance: Money::ZERO }
            }
            Some(Asked::Cancel(cancel)) => {
                let (settled, standing) = self.settlements.get_mut(cancel.settlement.as_str()).expect("it was settled");
                *standing = Standing::InForce;
                Undone::Cancellation {
                    original: settled.clone(),
                    counter: cancel.counter.clone(),
                    account_balance: Money::ZERO,
                }
            }
            Some(Asked::Reverse(_)) | None => Undone::Nothing,
        };
        accepted(Done::Reversed(Box::new(undone)))
    }

    fn adjudicate(&self, settle: &Settle) -> Settled {
        let coverage = settle.bill.coverage();
        let basic = Money::from_fen(coverage.in_policy.fen() * self.percent.unwrap_or(80) / 100);
        let mut funds = FundShares::default();
        funds.set(Fund::Basic, basic);
        let rest = coverage.total() - basic;
        let account = match settle.account {
            AccountUse::None => Money::ZERO,
            AccountUse::Own | AccountUse::Family => Money::round(rest.exact() * dec!(0.5)),
        };
        Settled {
            settlement: settle.settlement.clone(),
            insurance: settle.insurance,
            coverage,
            payers: Payers { funds, account, cash: rest - account, hospital: Money::ZERO },
            deductible: Money::ZERO,
            account_balance: Money::from_yuan(88),
            family: Vec::new(),
            filing: None,
            class: PersonClass::Working,
            civil_servant: false,
            during_stay: false,
            rule_book: RuleBookHash([7; 32]),
            explanation: [9; 32],
        }
    }
}

fn decided_at() -> Timestamp {
    "2025-06-20T02:00:00Z".parse().expect("an instant")
}

fn accepted(done: Done) -> Outcome {
    Outcome::Accepted { decided_at: decided_at(), done }
}

fn answered(outcome: &Outcome) -> v1::OperateReply {
    let answer = v1::Answer { outcome: convert::write_outcome(outcome), book_seq: 1 };
    v1::OperateReply { result: Some(v1::operate_reply::Result::Answer(answer)) }
}

fn in_doubt() -> v1::OperateReply {
    v1::OperateReply { result: Some(v1::operate_reply::Result::InDoubt(v1::InDoubt { since: 1 })) }
}

#[tonic::async_trait]
impl Hub for FakeHub {
    async fn look_up(&self, request: Request<v1::LookUpRequest>) -> Result<Response<v1::LookUpReply>, Status> {
        let request = request.into_inner();
        self.inner().look_ups.push(request.clone());
        if request.credential != "410702196001010011" {
            return Err(status::of_refusal(&Reason::UnknownPerson.into()));
        }
        Ok(Response::new(v1::LookUpReply {
            person: "41070000001".into(),
            name: "张建国".into(),
            document_type: "01".into(),
            document: request.credential,
            sex: "1".into(),
            birth: "1960-01-01".into(),
            coverages: vec![
                v1::CoverageRow {
                    insurance: "employee".into(),
                    person_category: "12".into(),
                    status: "1".into(),
                    from: "2000-01-01".into(),
                    suspended_from: String::new(),
                    civil_servant: false,
                    home: "410700".into(),
                    account_balance: 123_456,
                    employer: "新乡某厂".into(),
                    ..v1::CoverageRow::default()
                },
                v1::CoverageRow {
                    insurance: "resident".into(),
                    person_category: "15".into(),
                    status: "2".into(),
                    from: "2025-05-10".into(),
                    suspended_from: "2025-05-10".into(),
                    home: "410700".into(),
                    benefits_from: "2025-08-10".into(),
                    held_back_by: "employee".into(),
                    ..v1::CoverageRow::default()
                },
            ],
            identities: vec![v1::IdentityRow {
                kind: "low-income".into(),
                from: "2024-01-01".into(),
                to: String::new(),
            }],
            book_seq: 1,
        }))
    }

    async fn estimate(&self, request: Request<v1::EstimateRequest>) -> Result<Response<v1::EstimateReply>, Status> {
        let v1::EstimateRequest { operation, what_if, .. } = request.into_inner();
        let operation = convert::read_operation(&operation).expect("an operation");
        let what_if = convert::read_what_if(&what_if).expect("footings");
        let mut inner = self.inner();
        let Asked::Settle(settle) = &operation.request else { panic!("an estimate is of a settlement") };
        let refused = Outcome::Refused(Refusal::new(Reason::NotFiled).because("310106"));
        let settled = accepted(Done::Settled(Box::new(inner.adjudicate(settle))));
        let on = |filed: bool| if filed { settled.clone() } else { refused.clone() };
        let outcome = on(!inner.unfiled);
        let alternatives: Vec<_> =
            what_if.into_iter().map(|footing| (footing, on(footing != WhatIf::Unfiled))).collect();
        inner.estimates.push(operation);
        Ok(Response::new(v1::EstimateReply {
            outcome: convert::write_outcome(&outcome),
            book_seq: 1,
            alternatives: convert::write_alternatives(&alternatives),
        }))
    }

    async fn operate(&self, request: Request<v1::OperateRequest>) -> Result<Response<v1::OperateReply>, Status> {
        let held = match self.inner().turns.front() {
            Some(Turn::Held(arrived, go_on)) => Some((arrived.clone(), go_on.clone())),
            Some(Turn::AnswerLost | Turn::RequestLost | Turn::Late(..) | Turn::Status(_) | Turn::Refused(_)) | None => {
                None
            }
        };
        let late = match self.inner().turns.front() {
            Some(Turn::Late(arrived, go_on)) => Some((arrived.clone(), go_on.clone())),
            Some(Turn::AnswerLost | Turn::RequestLost | Turn::Held(..) | Turn::Status(_) | Turn::Refused(_)) | None => {
                None
            }
        };
        if let Some((arrived, go_on)) = held {
            arrived.notify_one();
            go_on.notified().await;
        }
        let reply = self.inner().operate(request.into_inner().operation);
        if let Some((arrived, go_on)) = late {
            arrived.notify_one();
            go_on.notified().await;
        }
        reply.map(Response::new)
    }

    async fn resolve(&self, request: Request<v1::ResolveRequest>) -> Result<Response<v1::OperateReply>, Status> {
        let key = convert::read_key(&request.into_inner().key.expect("a key")).expect("a key").to_text();
        let mut inner = self.inner();
        if inner.not_served {
            return Err(status::of_refusal(&Reason::RegionNotServed.into()));
        }
        if inner.resolves_in_doubt {
            return Ok(Response::new(in_doubt()));
        }
        inner.in_doubt.remove(&key);
        let known = inner.answers.get(&key).map(|(_, outcome)| outcome.clone());
        let outcome = known.unwrap_or_else(|| {
            inner.voided.insert(key);
            Outcome::Refused(Reason::Voided.into())
        });
        Ok(Response::new(answered(&outcome)))
    }

    async fn query(&self, request: Request<v1::QueryRequest>) -> Result<Response<v1::QueryReply>, Status> {
        let inner = self.inner();
        if inner.not_served {
            return Err(status::of_refusal(&Reason::RegionNotServed.into()));
        }
        let mut reply = v1::QueryReply::default();
        match request.into_inner().about {
            Some(About::CoveringFiling(_)) => reply.filing = inner.filed.then(v1::Filing::default),
            Some(About::Qualifications(_)) => reply.qualifications.push(v1::QualificationRow {
                disease: "M03900".into(),
                name: "高血压".into(),
                from: "2024-01-01".into(),
                to: String::new(),
            }),
            Some(About::RunningTotals(_)) => reply.totals.push(v1::RunningTotal {
                insurance: "employee".into(),
                year: 2025,
                month: "202506".into(),
                kind: "basic".into(),
                amount: 123_400,
            }),
            Some(About::Visit(_)) | None => {}
        }
        Ok(Response::new(reply))
    }
}
