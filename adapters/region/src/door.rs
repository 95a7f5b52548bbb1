//! The region's door: what the hub may ask, by its permit, whatever carried the question here. Each entrance reads,
//! has it done and writes the reply. Called by [`crate::service`] and by the simulator.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use identity::deadline;
use identity::permit::HubPermit;
use ledger::clock::Clock;
use ledger::home::{Arrival, Asked, AttachedFilings, BookEnd, HomeStore, Reply};
use ledger::store::StoreError;
use prost::Message;
use proto::status::refusal_of_wire_error;
use proto::v1::change_filing_request::Change as WireChange;
use proto::v1::query_request::About as WireAbout;
use proto::{convert, v1};
use settlement::benefits::filing_term::Change;
use settlement::decide::BookSeq;
use settlement::ids::{EncounterId, IdError, PersonNumber, PoolCode, RegionCode};
use settlement::refusal::{Reason, Refusal};
use tokio::time::Instant;

use crate::committer::{Committer, Terms};
use crate::in_force::RulesInForce;
use crate::query::About;
use crate::sealing::Sealing;
use crate::{estimate, filing_change, look_up, query};

/// The door.
pub struct Door {
    /// The pools that it answers for.
    pub pools: BTreeSet<PoolCode>,
    /// Where operations wait.
    pub committer: Committer,
    /// The book.
    pub store: HomeStore,
    /// The rule books in force.
    pub rules: RulesInForce,
    /// The key for names and documents.
    pub sealing: Arc<Sealing>,
    /// The time.
    pub clock: Clock,
}

impl Door {
    /// Finds a person.
    ///
    /// # Errors
    /// Why nobody is found.
    pub async fn look_up(&self, _: &HubPermit, asked: v1::LookUpRequest) -> Result<v1::LookUpReply, Refusal> {
        let question = self.look_up_question(asked)?;
        look_up::run(&self.store, &self.sealing, &self.rules.now().books, &question).await
    }

    /// Works a bill out without any effect.
    ///
    /// # Errors
    /// Why it cannot be.
    pub async fn estimate(&self, _: &HubPermit, asked: v1::EstimateRequest) -> Result<v1::EstimateReply, Refusal> {
        let v1::EstimateRequest { operation, hub, request_id: _, what_if } = asked;
        let what_if = convert::read_what_if(&what_if).map_err(|fault| refusal_of_wire_error(&fault))?;
        let arrival = self.arrival(operation, hub)?;
        let done = estimate::run(&self.store, &self.rules.now(), arrival, &what_if, self.clock.now()).await?;
        Ok(v1::EstimateReply {
            outcome: convert::write_outcome(&done.outcome),
            book_seq: done.seq.0,
            alternatives: convert::write_alternatives(&done.alternatives),
        })
    }

    /// Decides an operation.
    ///
    /// # Errors
    /// A refusal that is no answer: see [`Committer::ask`].
    pub async fn operate(&self, _: &HubPermit, envelope: v1::OperateRequest) -> Result<v1::Answer, Refusal> {
        let v1::OperateRequest { operation, hub, request_id } = envelope;
        let terms = hub.as_ref().map(terms_of).unwrap_or_default();
        let arrival = self.arrival(operation, hub)?;
        self.ask(Asked::Operate(Box::new(arrival)), terms, &request_id).await
    }

    /// Says what became of a key; one that never came is voided.
    ///
    /// # Errors
    /// See [`Committer::ask`].
    pub async fn resolve(&self, _: &HubPermit, asked: v1::ResolveRequest) -> Result<v1::Answer, Refusal> {
        let v1::ResolveRequest { key, home, request_id, known_book_seq, known_batches } = asked;
        self.serves_code(&home)?;
        let key = convert::read_key(&key.unwrap_or_default()).map_err(|fault| refusal_of_wire_error(&fault))?;
        // Worth doing however late: it only settles what the hub has to know in the end.
        let terms = Terms { known: known(known_book_seq, known_batches), until: None };
        self.ask(Asked::Resolve(key), terms, &request_id).await
    }

    /// Says what the region keeps about a person.
    ///
    /// # Errors
    /// Why it cannot.
    pub async fn query(&self, _: &HubPermit, asked: v1::QueryRequest) -> Result<v1::QueryReply, Refusal> {
        let (home, person, about) = self.question(asked)?;
        query::run(&self.store, home, person, about).await
    }

    /// Lets a filing be changed.
    ///
    /// # Errors
    /// Why it may not be, naming the day from which it may; see `filing_change`.
    pub async fn change_filing(
        &self,
        _: &HubPermit,
        asked: v1::ChangeFilingRequest,
    ) -> Result<v1::ChangeFilingReply, Refusal> {
        let missing = |field: &'static str| Refusal::new(Reason::MissingField).of_field(field);
        let read = |wire: &v1::Filing| convert::read_filing(wire).map_err(|fault| refusal_of_wire_error(&fault));
        let held = read(&asked.held.ok_or_else(|| missing("held"))?)?;
        self.serves(held.home)?;
        let books = self.rules.now().books;
        match asked.change.ok_or_else(|| missing("change"))? {
            WireChange::ReplacedBy(other) => {
                let other = read(&other)?;
                filing_change::check(&self.store, &books, &held, Change::ReplacedBy(&other)).await?;
            }
            WireChange::LastDay(day) => {
                let day = day.parse().map_err(|_| Refusal::new(Reason::InvalidField).of_field("last_day"))?;
                filing_change::check(&self.store, &books, &held, Change::EndsAfter(day)).await?;
            }
        }
        Ok(v1::ChangeFilingReply {})
    }

    async fn ask(&self, asked: Asked, terms: Terms, request_id: &str) -> Result<v1::Answer, Refusal> {
        let message = asked.key().message.clone();
        let message = message.as_str();
        match self.committer.ask(asked, terms).await? {
            Reply::Answer { seq, outcome } => {
                let book_seq = seq.0;
                tracing::debug!(message, request_id, book_seq, "message {message} is answered at place {book_seq}");
                Ok(v1::Answer { outcome, book_seq })
            }
            Reply::Undecided(fault) => {
                tracing::warn!(message, request_id, reason = ?fault.reason, "message {message} was not decided");
                Err(fault)
            }
            Reply::ContentDiffers { field } => {
                tracing::debug!(message, request_id, field, "message {message} came before with another {field}");
                Err(Refusal::new(Reason::ContentDiffers).of_field(field))
            }
        }
    }

    /// Reads an operation that came in.
    ///
    /// # Errors
    /// What cannot be read, or that the region is not served here.
    pub fn arrival(&self, bytes: bytes::Bytes, hub: Option<v1::HubFields>) -> Result<Arrival, Refusal> {
        let operation = convert::read_operation(&bytes).map_err(|fault| refusal_of_wire_error(&fault))?;
        self.serves(operation.home())?;
        let filings = match hub.and_then(|fields| fields.filing) {
            Some(wire) => Some(AttachedFilings {
                filings: convert::read_attached_filings(&wire).map_err(|fault| refusal_of_wire_error(&fault))?,
                bytes: wire.encode_to_vec().into(),
            }),
            None => None,
        };
        Ok(Arrival { operation: Arc::new(operation), bytes, filings })
    }

    pub(crate) fn serves_code(&self, home: &str) -> Result<(), Refusal> {
        read_pool(home).and_then(|home| self.serves(home))
    }

    fn serves(&self, home: PoolCode) -> Result<(), Refusal> {
        let not_served = || Refusal::new(Reason::RegionNotServed).of_field("insuplc_admdvs").because(home.to_string());
        if self.pools.contains(&home) { Ok(()) } else { Err(not_served()) }
    }

    fn look_up_question(&self, request: v1::LookUpRequest) -> Result<look_up::Question, Refusal> {
        let home = read_pool(&request.home)?;
        self.serves(home)?;
        let on = match request.on.as_str() {
            "" => self.clock.today(),
            day => day.parse().map_err(|_| Refusal::new(Reason::InvalidField).of_field("begntime"))?,
        };
        let v1::LookUpRequest { credential_type, credential, name, .. } = request;
        Ok(look_up::Question { home, credential_type, credential, name, on })
    }

    fn question(&self, request: v1::QueryRequest) -> Result<(PoolCode, PersonNumber, About), Refusal> {
        let home = read_pool(&request.home)?;
        self.serves(home)?;
        let person = PersonNumber::new(&request.person).map_err(|fault| invalid("psn_no", fault))?;
        let about = match request.about {
            Some(WireAbout::RunningTotals(v1::RunningTotals { month })) => About::RunningTotals(month),
            Some(WireAbout::Qualifications(v1::Qualifications {})) => About::Qualifications,
            Some(WireAbout::Visit(v1::VisitSettlements { encounter })) => {
                let encounter = EncounterId::new(&encounter).map_err(|fault| invalid("mdtrt_id", fault))?;
                About::Visit(
                    encounter,
                    Some(request.treatment).filter(|code| !code.is_empty()).map(|code| read_pool(&code)).transpose()?,
                )
            }
            // The registry of filings is the hub's; it answers this itself.
            Some(WireAbout::CoveringFiling(_)) => return Err(Refusal::new(Reason::InvalidField).of_field("about")),
            None => return Err(Refusal::new(Reason::MissingField).of_field("about")),
        };
        Ok((home, person, about))
    }
}

fn terms_of(hub: &v1::HubFields) -> Terms {
    Terms { known: known(hub.known_book_seq, hub.known_batches), until: until(hub) }
}

/// How far the hub knows the book to go.
pub(crate) fn known(book_seq: u64, batches: u64) -> BookEnd {
    BookEnd { last: BookSeq(book_seq), batches }
}

/// Until when an operation may wait to be decided, so that the hub still hears of it; no bound where the hub names none.
fn until(hub: &v1::HubFields) -> Option<Instant> {
    let hub_waits = u64::try_from(hub.deadline_ms).ok().filter(|waits_ms| *waits_ms > 0)?;
    Some(Instant::now() + deadline::passed_on(Duration::from_millis(hub_waits)))
}

pub(crate) fn read_pool(code: &str) -> Result<PoolCode, Refusal> {
    RegionCode::new(code).map(PoolCode).map_err(|fault| invalid("insuplc_admdvs", fault))
}

pub(crate) fn invalid(field: &'static str, fault: IdError) -> Refusal {
    let reason = if fault == IdError::Empty { Reason::MissingField } else { Reason::InvalidField };
    Refusal::new(reason).of_field(field).because(fault.to_string())
}

/// What is told when the store cannot be read: nothing was changed.
pub(crate) fn unread(fault: StoreError) -> Refusal {
    tracing::error!(error = &fault as &dyn std::error::Error, "the region's store cannot be read");
    Reason::Internal.into()
}
