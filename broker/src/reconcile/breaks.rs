//! Breaks and certificates over gRPC, for operators: each for the pools that their certificate speaks for, on either side.
//! Started by [`crate::start()`].

use std::sync::Arc;

use clearing::breaks::{Proposal, age_days};
use clearing::digest::{Branch, Leaf};
use clearing::listed::owner_of_break;
use clearing::period::Side;
use identity::permit::OperatorPermit;
use jiff::civil::Date;
use ledger::hub::{BreakHistory, OpenBreak, Position};
use ledger::leaves::{HeldLeaf, Scope};
use proto::convert::digests::{self, write_branch};
use proto::convert::read_operation;
use proto::v1;
use proto::v1::breaks_server::Breaks;
use settlement::ids::{PoolCode, RegionCode};
use settlement::refusal::{Reason, Refusal};
use tonic::{Request, Response, Status};

use super::Outcome;
use super::acting::CarriedOut;
use super::certificates::CertificatePage;
use super::comparisons::{read_days, unreadable};
use super::notary::OwnNotary;
use crate::hub::Hub;
use crate::refusing::{failed, invalid, refuse};
use crate::scope;

/// A page is of so many breaks.
const LONGEST_PAGE: u32 = 1_000;

/// The service.
pub struct BreaksService {
    hub: Arc<Hub>,
    notary: OwnNotary,
}

impl BreaksService {
    /// The service of a hub, and what it certifies with.
    pub fn new(hub: Arc<Hub>, notary: OwnNotary) -> BreaksService {
        BreaksService { hub, notary }
    }

    fn in_scope(&self, permit: &OperatorPermit, home: PoolCode) -> Result<(), Refusal> {
        scope::in_scope(permit, self.hub.directory.regions(), ("home", home))
    }

    fn sees(&self, permit: &OperatorPermit, branch: &Branch) -> bool {
        scope::sees_between(permit, self.hub.directory.regions(), branch.home, branch.treatment)
    }

    async fn compared(&self, permit: &OperatorPermit, asked: &v1::CompareRequest) -> Result<Outcome, Refusal> {
        let pool = self.hub.directory.pool_of_area(&asked.home)?;
        self.in_scope(permit, pool)?;
        let (days, today) = (read_days(&asked.from, &asked.to)?, self.hub.clock.today());
        ensure_come("from", days.0, today)?;
        ensure_come("to", days.1, today)?;
        let home = self.hub.directory.home(pool)?;
        let outcome = self.hub.compare(home, pool, days).await.map_err(|fault| {
            tracing::warn!(%pool, error = &fault as &dyn std::error::Error, "the book of {pool} could not be compared");
            Refusal::new(Reason::RegionUnavailable).of_field("home").because(fault.to_string())
        })?;
        // The job certifies the days that it compares; a late entry of an older one has its next version from here.
        self.hub.certify(&self.notary.now(), days, Some(pool)).await.map_err(|fault| failed(&fault))?;
        Ok(outcome)
    }

    async fn listed(&self, permit: &OperatorPermit, asked: &v1::BreaksRequest) -> Result<v1::BreaksReply, Refusal> {
        let scope = read_scope(asked)?;
        let today = self.hub.clock.today();
        let after = match asked.after.as_str() {
            "" => 0,
            text => text.parse().map_err(|_| invalid("after", "is not what a page says in next"))?,
        };
        let page = self.hub.store.break_page(scope, after, LONGEST_PAGE).await.map_err(|fault| failed(&fault))?;
        let next = page.last().filter(|_| page.len() == LONGEST_PAGE as usize);
        let next = next.map(|last| last.number.to_string()).unwrap_or_default();
        let seen = page.iter().filter(|open| self.sees(permit, &open.found.branch));
        Ok(v1::BreaksReply { breaks: seen.map(|open| write_break(open, today)).collect(), next })
    }

    async fn resolved(&self, permit: &OperatorPermit, asked: v1::ResolveBreakRequest) -> Result<(), Refusal> {
        if asked.reason.trim().is_empty() {
            return Err(Refusal::new(Reason::MissingField).of_field("reason"));
        }
        let open = self.standing(permit, asked.number).await?;
        // The side that had to find out says that it has. Its word clears nothing: see `Clearing::disputed`.
        let owner = match owner_of_break(open.books) {
            Side::Home => open.found.branch.home,
            Side::Treatment => open.found.branch.treatment,
        };
        self.in_scope(permit, owner)?;
        let by = (permit.peer().fingerprint().to_owned(), self.hub.clock.now());
        let ended = self.hub.store.break_end(asked.number, asked.reason, by).await;
        ended.map(drop).map_err(|fault| failed(&fault))
    }

    /// An open break between pools of an operator's.
    async fn standing(&self, permit: &OperatorPermit, number: i64) -> Result<OpenBreak, Refusal> {
        let history = self.history_of(permit, number).await?;
        history
            .filter(|history| history.end.is_none())
            .map(|history| history.found)
            .ok_or_else(|| invalid("number", format!("{number} is no open break of yours")))
    }

    async fn history_of(&self, permit: &OperatorPermit, number: i64) -> Result<Option<BreakHistory>, Refusal> {
        let history = self.hub.store.break_history(number).await.map_err(|fault| failed(&fault))?;
        Ok(history.filter(|history| self.sees(permit, &history.found.found.branch)))
    }

    async fn carried_out(&self, permit: &OperatorPermit, number: i64) -> Result<v1::CarryOutReply, Refusal> {
        let open = self.standing(permit, number).await?;
        if open.found.proposed == Proposal::Reinstate {
            // A region's whole book is given back what it lacks.
            self.in_scope(permit, open.found.branch.home)?;
        }
        let by = permit.peer().fingerprint().to_owned();
        let CarriedOut { action, done, stands } = self.hub.carry_out_break(&open, by).await?;
        Ok(v1::CarryOutReply { action: action.word().into(), done: done.word().into(), stands })
    }

    async fn certified(
        &self,
        permit: &OperatorPermit,
        asked: &v1::BreaksRequest,
    ) -> Result<v1::CertificatesReply, Refusal> {
        let days = read_days(&asked.from, &asked.to)?;
        ensure_come("from", days.0, self.hub.clock.today())?;
        let page = CertificatePage::after(&self.hub.store, days, read_scope(asked)?, &asked.after).await?;
        Ok(page.answer(|certificate| self.sees(permit, &certificate.agreement.branch)))
    }

    async fn leaves(
        &self,
        permit: &OperatorPermit,
        asked: &v1::HeldLeavesRequest,
    ) -> Result<v1::HeldLeavesReply, Refusal> {
        let branch = digests::read_branch(asked.branch.as_ref()).map_err(|fault| unreadable(&fault))?;
        if !self.sees(permit, &branch) {
            return Err(invalid("branch", format!("{} → {} is not yours", branch.home, branch.treatment)));
        }
        let after = asked.after.as_ref().map(digests::read_leaf).transpose().map_err(|fault| unreadable(&fault))?;
        let certified = match asked.version {
            None => None,
            Some(version) => Some(self.operations_of(branch, version).await?),
        };
        let page = self.page(branch, after, certified.as_deref()).await?;
        let leaves = page.into_iter().map(|HeldLeaf { leaf: _, number, operation, outcome }| {
            let operation = read_operation(&operation).map_err(|_| Refusal::new(Reason::Internal))?;
            Ok(v1::HeldLeaf { key: operation.key.to_text(), outcome, number })
        });
        Ok(v1::HeldLeavesReply { leaves: leaves.collect::<Result<_, Refusal>>()? })
    }

    /// Where the operations stand that a version of a certificate is about.
    async fn operations_of(&self, branch: Branch, version: u32) -> Result<Vec<Position>, Refusal> {
        let found = self.hub.store.certificate_operations(branch, version).await.map_err(|fault| failed(&fault))?;
        found.ok_or_else(|| invalid("version", format!("{version} of this day's certificate was never issued here")))
    }

    /// The next leaves of a branch, or of it those of a certificate: a page of which none is of it is passed over.
    async fn page(
        &self,
        branch: Branch,
        mut after: Option<Leaf>,
        certified: Option<&[Position]>,
    ) -> Result<Vec<HeldLeaf>, Refusal> {
        loop {
            let mut page = self.hub.store.leaves().leaf_page(branch, after).await.map_err(|fault| failed(&fault))?;
            let Some(last) = page.last() else { return Ok(page) };
            after = Some(last.leaf);
            if let Some(certified) = certified {
                page.retain(|held| certified.binary_search(&Position(held.number)).is_ok());
            }
            if !page.is_empty() {
                return Ok(page);
            }
        }
    }
}

#[tonic::async_trait]
impl Breaks for BreaksService {
    async fn compare(&self, request: Request<v1::CompareRequest>) -> Result<Response<v1::ComparisonOutcome>, Status> {
        let permit = OperatorPermit::from_request(&request)?;
        let Outcome { agreed, breaks, pending } = self.compared(&permit, request.get_ref()).await.map_err(refuse)?;
        let (agreed, breaks, pending) = (agreed as u64, breaks as u64, pending as u64);
        Ok(Response::new(v1::ComparisonOutcome { agreed, breaks, pending }))
    }

    async fn ask_treatment(
        &self,
        request: Request<v1::AskTreatmentRequest>,
    ) -> Result<Response<v1::AskedComparison>, Status> {
        let permit = OperatorPermit::from_request(&request)?;
        self.hub.ask_treatment(&permit, request.get_ref()).await.map(Response::new).map_err(refuse)
    }

    async fn asked(&self, request: Request<v1::AskedRequest>) -> Result<Response<v1::AskedComparison>, Status> {
        let permit = OperatorPermit::from_request(&request)?;
        self.hub.asked_of_treatment(&permit, request.get_ref().number).await.map(Response::new).map_err(refuse)
    }

    async fn list(&self, request: Request<v1::BreaksRequest>) -> Result<Response<v1::BreaksReply>, Status> {
        let permit = OperatorPermit::from_request(&request)?;
        self.listed(&permit, request.get_ref()).await.map(Response::new).map_err(refuse)
    }

    async fn resolve(
        &self,
        request: Request<v1::ResolveBreakRequest>,
    ) -> Result<Response<v1::ResolveBreakReply>, Status> {
        let permit = OperatorPermit::from_request(&request)?;
        self.resolved(&permit, request.into_inner()).await.map_err(refuse)?;
        Ok(Response::new(v1::ResolveBreakReply {}))
    }

    async fn carry_out(&self, request: Request<v1::BreakRequest>) -> Result<Response<v1::CarryOutReply>, Status> {
        let permit = OperatorPermit::from_request(&request)?;
        self.carried_out(&permit, request.get_ref().number).await.map(Response::new).map_err(refuse)
    }

    async fn history(&self, request: Request<v1::BreakRequest>) -> Result<Response<v1::BreakHistoryReply>, Status> {
        let permit = OperatorPermit::from_request(&request)?;
        let number = request.get_ref().number;
        let history = self.history_of(&permit, number).await.map_err(refuse)?;
        let history = history.ok_or_else(|| invalid("number", format!("{number} is no break of yours")));
        let today = self.hub.clock.today();
        history.map(|history| Response::new(write_history(&history, today))).map_err(refuse)
    }

    async fn certificates(
        &self,
        request: Request<v1::BreaksRequest>,
    ) -> Result<Response<v1::CertificatesReply>, Status> {
        let permit = OperatorPermit::from_request(&request)?;
        self.certified(&permit, request.get_ref()).await.map(Response::new).map_err(refuse)
    }

    async fn held_leaves(
        &self,
        request: Request<v1::HeldLeavesRequest>,
    ) -> Result<Response<v1::HeldLeavesReply>, Status> {
        let permit = OperatorPermit::from_request(&request)?;
        self.leaves(&permit, request.get_ref()).await.map(Response::new).map_err(refuse)
    }
}

fn write_break(open: &OpenBreak, today: Date) -> v1::BreakView {
    let found = &open.found;
    v1::BreakView {
        number: open.number,
        books: open.books.word().into(),
        branch: Some(write_branch(&found.branch)),
        kind: found.kind.word().into(),
        settlement: found.settlement.to_string(),
        operation: settlement::operation::readable(&found.operation),
        outer_total: found.outer.0.fen(),
        outer_owed: found.outer.1.fen(),
        inner_total: found.inner.0.fen(),
        inner_owed: found.inner.1.fen(),
        proposed: found.proposed.word().into(),
        found_at: open.found_at.as_microsecond(),
        age_days: age_days(found.branch.day, today),
    }
}

fn write_history(history: &BreakHistory, today: Date) -> v1::BreakHistoryReply {
    let BreakHistory { found, acted, end } = history;
    let acted = acted.iter().map(|acted| v1::BreakActionView {
        action: acted.action.word().into(),
        done: acted.done.word().into(),
        by: acted.by.clone(),
        at: acted.at.as_microsecond(),
    });
    let end = end.as_ref().map(|end| v1::BreakEndView {
        ending: end.ending.clone(),
        reason: end.reason.clone(),
        by: end.by.clone(),
        at: end.at.as_microsecond(),
    });
    v1::BreakHistoryReply { found: Some(write_break(found, today)), acted: acted.collect(), end }
}

fn read_scope(asked: &v1::BreaksRequest) -> Result<Scope, Refusal> {
    let pool = |field, code: &str| match code {
        "" => Ok(None),
        code => {
            RegionCode::new(code).map(|code| Some(PoolCode(code))).map_err(|fault| invalid(field, fault.to_string()))
        }
    };
    Ok(Scope { home: pool("home", &asked.home)?, treatment: pool("treatment", &asked.treatment)? })
}

/// Of a day that is still to come no book can have anything: that neither has would look like agreement.
pub(super) fn ensure_come(field: &'static str, day: Date, today: Date) -> Result<(), Refusal> {
    if day <= today {
        return Ok(());
    }
    Err(invalid(field, format!("{day} is still to come: today is {today}")))
}
