//! 协查请求 and 问题工单 over gRPC, for operators: a region asks for itself and answers for itself, whoever operates for every
//! region sees all. Every event is told to both regions by a letter. Started by [`crate::start()`].

mod read;
mod write;

use std::sync::Arc;

use clearing::calendar::Calendar;
use clearing::calendar::working_days::Unlisted;
use clearing::inquiry::{Event, Party, days_left, due};
use clearing::month::Month;
use identity::name::Role;
use identity::permit::OperatorPermit;
use jiff::civil::Date;
use ledger::hub::{Asking, Inquiry, InquiryChange, InquiryFault, Position, Regions};
use ledger::mailbox::Notice;
use ledger::store::StoreError;
use proto::v1;
use reconciliation::book::READING;
use settlement::beijing;
use settlement::ids::{PoolCode, RegionCode};
use settlement::refusal::{Reason, Refusal};
use tonic::{Request, Response, Status};

use crate::hub::Hub;
use crate::refusing::{failed, invalid, not_yours, refuse, taken};
use crate::scope;
use read::Wanted;

/// Said to who asks about a settlement for another region.
const OF_WHO_ASKS: &str = "it takes an operator's certificate, yidi://<code>/operator, of the region that asks";

/// A page has at most so many, however many are asked for.
const LONGEST_PAGE: u32 = 1_000;

/// The service.
pub struct InquiriesService {
    hub: Arc<Hub>,
    calendar: Arc<Calendar>,
}

impl InquiriesService {
    /// The service of a hub, by a calendar.
    pub fn new(hub: Arc<Hub>, calendar: Arc<Calendar>) -> InquiriesService {
        InquiriesService { hub, calendar }
    }

    async fn opened(
        &self,
        permit: &OperatorPermit,
        request: v1::OpenInquiryRequest,
    ) -> Result<v1::InquiryView, Refusal> {
        let opening = read::opening(request)?;
        let asking = self.asking(&opening).await?;
        if !self.acts_for(permit, asking.pool(Party::Asker)) {
            let field = opening.regions_field();
            return Err(match opening.settlement {
                None => not_yours(field, Role::Operator, &[asking.pool(Party::Asker).0]),
                // Where its patient is insured is not for everybody to know.
                Some(_) => Refusal::new(Reason::InstitutionNotYours).of_field(field).because(OF_WHO_ASKS),
            });
        }
        let (id, asker) = (asking.id.clone(), asking.pool(Party::Asker));
        let opened = self.hub.store.inquiry_open((asking, opening.words), self.tell(), self.by(permit)).await;
        self.hub.mailroom.note_posted();
        let opened = opened.map_err(|fault| failed(&fault))?;
        if matches!(opened, Err(InquiryFault::AskedOtherwise(_))) && self.seen(permit, id).await.is_err() {
            return Err(taken("id", asker.0));
        }
        Ok(self.view(&opened.map_err(|fault| refused(&fault))?))
    }

    /// What is asked of whom: of a settlement, as the hub's own book has it; otherwise as the regions are named.
    async fn asking(&self, opening: &read::Opening) -> Result<Asking, Refusal> {
        let (home, treatment) = match &opening.settlement {
            Some(settlement) => {
                // A settlement of a moment ago can be asked about too.
                self.hub.store.journal_fold(READING).await.map_err(|fault| failed(&fault))?;
                let held = self.hub.store.inquiry_get(opening.id.clone()).await.map_err(|fault| failed(&fault))?;
                let held = held.filter(|held| held.asking.settlement.as_ref() == Some(settlement));
                let lot = self.hub.store.settlement_lot(settlement.clone()).await.map_err(|fault| failed(&fault))?;
                // It may have been undone since it was asked about.
                let held = held.map(|held| (held.asking.home, held.asking.treatment));
                let between = held.or(lot.map(|lot| (lot.home, lot.treatment)));
                between.ok_or_else(|| refused(&InquiryFault::NoSettlement))?
            }
            None => opening.between(self.hub.directory.regions())?,
        };
        let read::Opening { id, kind, side, settlement, .. } = opening;
        let settlement = settlement.clone();
        Ok(Asking { id: id.clone(), kind: *kind, asker: *side, home, treatment, settlement })
    }

    async fn changed(
        &self,
        permit: &OperatorPermit,
        id: String,
        change: impl FnOnce(Party) -> InquiryChange,
        event: Event,
    ) -> Result<v1::InquiryView, Refusal> {
        let held = self.seen(permit, id.clone()).await?;
        let party = Party::ALL
            .into_iter()
            .find(|party| event.is_for(*party) && self.acts_for(permit, held.asking.pool(*party)))
            .ok_or_else(|| {
                let does = Party::ALL.into_iter().filter(|party| event.is_for(*party));
                let codes: Vec<RegionCode> = does.map(|party| held.asking.pool(party).0).collect();
                not_yours("id", Role::Operator, &codes)
            })?;
        let changed = self.hub.store.inquiry_change((id, change(party)), self.tell(), self.by(permit)).await;
        self.hub.mailroom.note_posted();
        let changed = changed.map_err(|fault| failed(&fault))?.map_err(|fault| refused(&fault))?;
        Ok(self.view(&changed))
    }

    async fn reworded(
        &self,
        permit: &OperatorPermit,
        request: v1::ChangeInquiryRequest,
        event: Event,
    ) -> Result<v1::InquiryView, Refusal> {
        let v1::ChangeInquiryRequest { id, words } = request;
        let words = read::words(&words)?;
        let change = |party| InquiryChange { event, party, finding: None, deduction: None, words };
        self.changed(permit, id, change, event).await
    }

    async fn answered(
        &self,
        permit: &OperatorPermit,
        request: v1::AnswerInquiryRequest,
    ) -> Result<v1::InquiryView, Refusal> {
        let v1::AnswerInquiryRequest { id, finding, not_owed, deduction, words } = request;
        let (event, words) = (Event::Answer, read::words(&words)?);
        let finding = read::finding(&finding, not_owed)?;
        let deduction = Some(deduction).filter(|deduction| !deduction.is_empty());
        let change = |party| InquiryChange { event, party, finding, deduction, words };
        self.changed(permit, id, change, event).await
    }

    async fn listed(
        &self,
        permit: &OperatorPermit,
        request: v1::ListInquiriesRequest,
    ) -> Result<v1::ListInquiriesReply, Refusal> {
        let wanted = Wanted::of(&request)?;
        let limit = if request.limit == 0 { LONGEST_PAGE } else { request.limit.min(LONGEST_PAGE) };
        let (regions, open_only) = (self.own(permit), wanted.is_open_only());
        let looked_at = self.hub.store.inquiry_list(regions, open_only, request.after, limit).await;
        let looked_at = looked_at.map_err(|fault| failed(&fault))?;
        let more = looked_at.len() == limit as usize;
        let next = looked_at.last().filter(|_| more).map(|last| last.asking.id.clone()).unwrap_or_default();
        let fits = |inquiry: &&Inquiry| {
            wanted.takes(inquiry.asking.kind, |party| self.sees(permit, inquiry.asking.pool(party)))
                && (!wanted.is_overdue_only() || is_overdue(inquiry, &self.calendar, self.today()))
        };
        let inquiries = looked_at.iter().filter(fits).map(|inquiry| write::row(self.view(inquiry))).collect();
        Ok(v1::ListInquiriesReply { inquiries, next })
    }

    async fn expected_of(
        &self,
        permit: &OperatorPermit,
        request: v1::ExpectedChecksRequest,
    ) -> Result<v1::ExpectedChecksReply, Refusal> {
        let v1::ExpectedChecksRequest { month, after, limit } = request;
        let month = Month::from_text(&month).ok_or_else(|| invalid("month", "is not a month such as 2025-06"))?;
        self.hub.store.journal_fold(READING).await.map_err(|fault| failed(&fault))?;
        let period = self.hub.store.clearing_period_of(month).await.map_err(|fault| failed(&fault))?;
        let period = period.ok_or_else(|| invalid("month", format!("{month} is not a period of this hub")))?;
        let rules = &self.calendar.rules(month).checking;
        let limit = if limit == 0 { LONGEST_PAGE } else { limit.min(LONGEST_PAGE) };
        let (from, after) = ((period, rules.expected_from), Position(after.cast_signed()));
        let expected = self.hub.store.inquiry_expected(from, self.own(permit), after, limit).await;
        let settlements = expected.map_err(|fault| failed(&fault))?.iter().map(write::expected).collect();
        let (from, source) = (rules.expected_from.fen(), rules.provenance.source.clone());
        Ok(v1::ExpectedChecksReply { settlements, from, source })
    }

    /// An inquiry that the caller may see; of others nobody is told that they exist.
    async fn seen(&self, permit: &OperatorPermit, id: String) -> Result<Inquiry, Refusal> {
        let held = self.hub.store.inquiry_get(id).await.map_err(|fault| failed(&fault))?;
        let sees = |held: &Inquiry| Party::ALL.into_iter().any(|party| self.sees(permit, held.asking.pool(party)));
        held.filter(sees).ok_or_else(|| refused(&InquiryFault::Unknown))
    }

    fn view(&self, inquiry: &Inquiry) -> v1::InquiryView {
        write::view(inquiry, &self.calendar, self.today())
    }

    /// What tells both regions of an event.
    fn tell(&self) -> impl Fn(&Inquiry) -> Vec<Notice> + Send + 'static {
        let calendar = self.calendar.clone();
        move |inquiry| write::letters(inquiry, &calendar)
    }

    fn by(&self, permit: &OperatorPermit) -> (String, jiff::Timestamp) {
        (permit.peer().fingerprint().to_owned(), self.hub.clock.now())
    }

    fn today(&self) -> Date {
        beijing::day_of(self.hub.clock.now())
    }

    fn acts_for(&self, permit: &OperatorPermit, pool: PoolCode) -> bool {
        scope::speaks_for(permit, self.hub.directory.regions(), pool)
    }

    fn sees(&self, permit: &OperatorPermit, pool: PoolCode) -> bool {
        scope::sees(permit, self.hub.directory.regions(), pool)
    }

    /// The regions that the caller speaks for; none where it sees all.
    fn own(&self, permit: &OperatorPermit) -> Regions {
        scope::own(permit, self.hub.directory.regions())
    }
}

/// How many inquiries of all regions should have been answered by now.
///
/// # Errors
/// When the store fails.
pub async fn count_overdue(hub: &Hub, calendar: &Calendar) -> Result<u64, StoreError> {
    let today = beijing::day_of(hub.clock.now());
    let (mut count, mut after) = (0, String::new());
    loop {
        let page = hub.store.inquiry_list(None, true, after, LONGEST_PAGE).await?;
        let Some(last) = page.last() else { return Ok(count) };
        after = last.asking.id.clone();
        count += page.iter().filter(|inquiry| is_overdue(inquiry, calendar, today)).count() as u64;
    }
}

/// What is due in a year that the calendar does not list is not called overdue.
fn is_overdue(inquiry: &Inquiry, calendar: &Calendar, today: Date) -> bool {
    due_of(inquiry, calendar).ok().and_then(|due| days_left(inquiry.standing, due, today)).is_some_and(|left| left < 0)
}

fn due_of(inquiry: &Inquiry, calendar: &Calendar) -> Result<Date, Unlisted> {
    due(inquiry.asking.kind, beijing::day_of(inquiry.asked_at), calendar)
}

#[tonic::async_trait]
impl v1::inquiries_server::Inquiries for InquiriesService {
    async fn open(&self, request: Request<v1::OpenInquiryRequest>) -> Result<Response<v1::InquiryView>, Status> {
        let permit = OperatorPermit::from_request(&request)?;
        self.opened(&permit, request.into_inner()).await.map(Response::new).map_err(refuse)
    }

    async fn answer(&self, request: Request<v1::AnswerInquiryRequest>) -> Result<Response<v1::InquiryView>, Status> {
        let permit = OperatorPermit::from_request(&request)?;
        self.answered(&permit, request.into_inner()).await.map(Response::new).map_err(refuse)
    }

    async fn ask_again(&self, request: Request<v1::ChangeInquiryRequest>) -> Result<Response<v1::InquiryView>, Status> {
        let permit = OperatorPermit::from_request(&request)?;
        self.reworded(&permit, request.into_inner(), Event::AskAgain).await.map(Response::new).map_err(refuse)
    }

    async fn close(&self, request: Request<v1::ChangeInquiryRequest>) -> Result<Response<v1::InquiryView>, Status> {
        let permit = OperatorPermit::from_request(&request)?;
        self.reworded(&permit, request.into_inner(), Event::Close).await.map(Response::new).map_err(refuse)
    }

    async fn withdraw(&self, request: Request<v1::ChangeInquiryRequest>) -> Result<Response<v1::InquiryView>, Status> {
        let permit = OperatorPermit::from_request(&request)?;
        self.reworded(&permit, request.into_inner(), Event::Withdraw).await.map(Response::new).map_err(refuse)
    }

    async fn note(&self, request: Request<v1::ChangeInquiryRequest>) -> Result<Response<v1::InquiryView>, Status> {
        let permit = OperatorPermit::from_request(&request)?;
        self.reworded(&permit, request.into_inner(), Event::Note).await.map(Response::new).map_err(refuse)
    }

    async fn list(
        &self,
        request: Request<v1::ListInquiriesRequest>,
    ) -> Result<Response<v1::ListInquiriesReply>, Status> {
        let permit = OperatorPermit::from_request(&request)?;
        self.listed(&permit, request.into_inner()).await.map(Response::new).map_err(refuse)
    }

    async fn show(&self, request: Request<v1::ShowInquiryRequest>) -> Result<Response<v1::InquiryView>, Status> {
        let permit = OperatorPermit::from_request(&request)?;
        let held = self.seen(&permit, request.into_inner().id).await.map_err(refuse)?;
        Ok(Response::new(self.view(&held)))
    }

    async fn expected(
        &self,
        request: Request<v1::ExpectedChecksRequest>,
    ) -> Result<Response<v1::ExpectedChecksReply>, Status> {
        let permit = OperatorPermit::from_request(&request)?;
        self.expected_of(&permit, request.into_inner()).await.map(Response::new).map_err(refuse)
    }
}

fn refused(fault: &InquiryFault) -> Refusal {
    let field = match fault {
        InquiryFault::NoSettlement => return Refusal::new(Reason::UnknownSettlement).of_field("settlement"),
        InquiryFault::AskedOtherwise(field) => return Refusal::new(Reason::ContentDiffers).of_field(*field),
        InquiryFault::NotBetween | InquiryFault::CheckedAlready(_) => "settlement",
        InquiryFault::Unknown | InquiryFault::StandsOtherwise(_) | InquiryFault::NotFor(_) | InquiryFault::TooLong => {
            "id"
        }
        InquiryFault::Answer(answer) => read::field_of(*answer),
        InquiryFault::NoDeduction => "deduction",
    };
    invalid(field, fault.to_string())
}
