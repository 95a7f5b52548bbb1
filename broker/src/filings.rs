//! The registry of filings over gRPC, for operators: each for the pools that their certificate speaks for. A filing counts
//! from its first day, however late it is lodged (policy.md A.3). Whether the person exists is known at home only, and so is
//! for how long a filing may not be changed: the region is asked before another filing takes its place, or it is cut short.

use std::sync::Arc;

use identity::permit::OperatorPermit;
use jiff::civil::Date;
use ledger::hub::{FilingStanding, Lodged, Lodging, RegisteredFiling};
use ledger::mailbox::{Letter, Mailbox, Notice, Part};
use ledger::store::StoreError;
use prost::Message;
use proto::convert;
use proto::status::{NoReply, of_wire_error};
use proto::v1;
use proto::v1::change_filing_request::Change;
use settlement::filing::{Filing, Proof};
use settlement::ids::{FilingId, PersonNumber, PoolCode, RegionCode};
use settlement::person::Validity;
use settlement::refusal::{Reason, Refusal};
use tonic::{Code, Request, Response, Status};

use crate::hub::Hub;
use crate::refusing::{failed, invalid, refuse, taken};
use crate::scope;

/// A list has at most so many rows, however many are asked for.
const LONGEST_LIST: u32 = 1000;

/// The word for a filing that counts.
const IN_FORCE: &str = "in-force";
/// A filing is told of as it is lodged, as its proof is handed in later, and as it is cancelled; nothing is proven after that.
const LODGED: u64 = 1;
const PROVEN: u64 = 2;
const CANCELLED: u64 = 3;

/// The service.
pub struct FilingService {
    hub: Arc<Hub>,
}

impl FilingService {
    /// The service of a hub.
    pub fn new(hub: Arc<Hub>) -> FilingService {
        FilingService { hub }
    }

    fn check_regions(&self, filing: &Filing) -> Result<(), Refusal> {
        let regions = self.hub.directory.regions();
        let unknown = |field: &'static str, code: RegionCode| {
            Err(Refusal::new(Reason::UnknownRegion).of_field(field).because(code.to_string()))
        };
        if regions.pool_of(filing.home.0) != Some(filing.home) {
            return unknown("home", filing.home.0);
        }
        if regions.get(filing.destination).is_none() {
            return unknown("destination", filing.destination);
        }
        Ok(())
    }

    /// Lets a filing be lodged unless it changes one that its region locks. One that was lodged before changes nothing.
    async fn check_locks(&self, filing: &Filing) -> Result<(), Refusal> {
        let unread = |fault: StoreError| failed(&fault);
        if self.hub.store.filing_get(filing.id.clone()).await.map_err(unread)?.is_some() {
            return Ok(());
        }
        let held = self.hub.store.filing_of_person(filing.home, filing.person.clone()).await.map_err(unread)?;
        for changed in held.iter().filter(|held| held.is_changed_by(filing)) {
            let change = Change::ReplacedBy(convert::write_filing(filing));
            self.may_change(changed, change).await?;
        }
        Ok(())
    }

    /// Has the region of a filing say whether it may be changed.
    async fn may_change(&self, held: &Filing, change: Change) -> Result<(), Refusal> {
        // Where nobody serves the region, nobody knows a rule of it.
        let Ok(home) = self.hub.directory.home(held.home) else { return Ok(()) };
        let asked = v1::ChangeFilingRequest {
            held: Some(convert::write_filing(held)),
            change: Some(change),
            request_id: held.id.to_string(),
        };
        match home.port().change_filing(asked, self.hub.patience).await {
            // A region that does not know the question has no such rule.
            Ok(v1::ChangeFilingReply {}) | Err(NoReply::Silent(Code::Unimplemented)) => Ok(()),
            Err(why) => Err(why.into_refusal()),
        }
    }

    /// A filing that the operator may see.
    async fn held(&self, permit: &OperatorPermit, id: FilingId) -> Result<RegisteredFiling, Refusal> {
        let held = self.hub.store.filing_get(id).await.map_err(|fault| failed(&fault))?;
        held.filter(|held| scope::sees(permit, self.hub.directory.regions(), held.filing.home)).ok_or_else(unknown)
    }

    fn lodging(&self, permit: &OperatorPermit) -> Lodging {
        Lodging { by: permit.peer().fingerprint().to_owned(), at: self.hub.clock.now() }
    }

    /// What the person's region and the region of the destination are told: how the filing stands from now on.
    fn notices(&self, filing: &Filing, version: u64, told: &v1::Filing) -> Vec<Notice> {
        let id = filing.id.as_str();
        let letter = Letter {
            id: format!("filing {id} {version}"),
            subject: format!("filing {id}"),
            version,
            kind: "filing".to_owned(),
            body: told.encode_to_vec().into(),
        };
        let home = Mailbox { pool: filing.home, part: Part::Home };
        // A whole province has no mailbox: its pools learn of the filing when the person comes.
        let destination = self.hub.directory.regions().pool_of(filing.destination);
        let treatment = destination.map(|pool| Mailbox { pool, part: Part::Treatment });
        let mailboxes = [Some(home), treatment].into_iter().flatten();
        mailboxes.map(|mailbox| Notice { mailbox, letter: letter.clone() }).collect()
    }

    /// The pools whose filings a list shows; none for all.
    fn listed(&self, permit: &OperatorPermit, home: &str) -> Result<Vec<Option<PoolCode>>, Refusal> {
        if !home.is_empty() {
            let pool = self.hub.directory.pool_of_area(home)?;
            return self.in_scope(permit, pool).map(|()| vec![Some(pool)]);
        }
        let own = scope::own(permit, self.hub.directory.regions());
        Ok(own.map_or_else(|| vec![None], |own| own.into_iter().map(Some).collect()))
    }

    fn in_scope(&self, permit: &OperatorPermit, home: PoolCode) -> Result<(), Refusal> {
        scope::in_scope(permit, self.hub.directory.regions(), ("home", home))
    }
}

#[tonic::async_trait]
impl v1::filings_server::Filings for FilingService {
    async fn lodge(&self, request: Request<v1::LodgeRequest>) -> Result<Response<v1::Filing>, Status> {
        let permit = OperatorPermit::from_request(&request)?;
        let filing = read_filing(request.get_ref())?;
        self.in_scope(&permit, filing.home).map_err(refuse)?;
        self.check_regions(&filing).map_err(refuse)?;
        self.check_locks(&filing).await.map_err(refuse)?;
        let notices = self.notices(&filing, LODGED, &write_state(&filing, IN_FORCE));
        let lodged = self.hub.store.filing_lodge(filing.clone(), self.lodging(&permit), notices).await;
        self.hub.mailroom.note_posted();
        match lodged {
            // Whose it is, and of which person, is not for others to try out.
            Ok(Lodged::Differs(held)) if !scope::sees(&permit, self.hub.directory.regions(), held.filing.home) => {
                Err(refuse(taken("id", filing.home.0)))
            }
            other => standing(other, |held| difference(held, &filing)).map(Response::new).map_err(refuse),
        }
    }

    async fn list(&self, request: Request<v1::ListFilingsRequest>) -> Result<Response<v1::ListFilingsReply>, Status> {
        let permit = OperatorPermit::from_request(&request)?;
        let v1::ListFilingsRequest { person, home, limit } = request.into_inner();
        let person = read_person(&person).map_err(refuse)?;
        let limit = if limit == 0 { LONGEST_LIST } else { limit.min(LONGEST_LIST) };
        let mut filings = Vec::new();
        for home in self.listed(&permit, &home).map_err(refuse)? {
            let held = self.hub.store.filing_list(home, person.clone(), limit).await;
            filings.extend(held.map_err(|fault| refuse(failed(&fault)))?);
        }
        filings.sort_by_key(|held| std::cmp::Reverse(held.lodged_at));
        filings.truncate(limit as usize);
        Ok(Response::new(v1::ListFilingsReply { filings: filings.iter().map(write_filing).collect() }))
    }

    async fn cancel(&self, request: Request<v1::CancelFilingRequest>) -> Result<Response<v1::Filing>, Status> {
        let permit = OperatorPermit::from_request(&request)?;
        let (id, last_day) = read_cancellation(request.get_ref()).map_err(refuse)?;
        let held = self.held(&permit, id.clone()).await.map_err(refuse)?;
        check_last_day(&held.filing, last_day).map_err(refuse)?;
        // One that never held was entered in error: that is no change of the person's mind.
        if let (Some(day), FilingStanding::InForce) = (last_day, held.standing) {
            let change = Change::LastDay(day.to_string());
            self.may_change(&held.filing, change).await.map_err(refuse)?;
        }
        let notices = self.notices(&held.filing, CANCELLED, &write_cancelled(&held, last_day));
        let cancelled = self.hub.store.filing_cancel(id, last_day, self.lodging(&permit), notices).await;
        self.hub.mailroom.note_posted();
        standing(cancelled, |_| "last_day").map(Response::new).map_err(refuse)
    }

    async fn hand_in(&self, request: Request<v1::HandInProofRequest>) -> Result<Response<v1::Filing>, Status> {
        let permit = OperatorPermit::from_request(&request)?;
        let id = read_id(&request.get_ref().id).map_err(refuse)?;
        let held = self.held(&permit, id.clone()).await.map_err(refuse)?;
        let proven = Filing { proof: Proof::HandedIn, ..held.filing };
        let notices = self.notices(&proven, PROVEN, &write_state(&proven, IN_FORCE));
        let stands = self.hub.store.filing_prove(id, self.lodging(&permit), notices).await;
        self.hub.mailroom.note_posted();
        match stands {
            Ok(Lodged::Differs(_)) => {
                Err(refuse(invalid("id", "is cancelled: lodge another filing, under another number, with its proof")))
            }
            other => standing(other, |_| "proof").map(Response::new).map_err(refuse),
        }
    }
}

fn read_filing(request: &v1::LodgeRequest) -> Result<Filing, Status> {
    let missing = || refuse(Refusal::new(Reason::MissingField).of_field("filing"));
    let filing = request.filing.as_ref().ok_or_else(missing)?;
    convert::read_filing(filing).map_err(|fault| of_wire_error(&fault))
}

fn read_person(person: &str) -> Result<Option<PersonNumber>, Refusal> {
    if person.is_empty() {
        return Ok(None);
    }
    PersonNumber::new(person).map(Some).map_err(|fault| invalid("person", fault.to_string()))
}

fn read_id(id: &str) -> Result<FilingId, Refusal> {
    FilingId::new(id).map_err(|fault| invalid("id", fault.to_string()))
}

fn read_cancellation(request: &v1::CancelFilingRequest) -> Result<(FilingId, Option<Date>), Refusal> {
    let id = read_id(&request.id)?;
    if request.last_day.is_empty() {
        return Ok((id, None));
    }
    let last_day = request.last_day.parse().map_err(|_| invalid("last_day", "is not a date yyyy-mm-dd"))?;
    Ok((id, Some(last_day)))
}

fn check_last_day(filing: &Filing, last_day: Option<Date>) -> Result<(), Refusal> {
    match last_day {
        Some(day) if day < filing.validity.from => Err(invalid("last_day", "is before the first day")),
        Some(_) | None => Ok(()),
    }
}

fn standing(
    lodged: Result<Lodged, StoreError>,
    field: impl FnOnce(&RegisteredFiling) -> &'static str,
) -> Result<v1::Filing, Refusal> {
    match lodged {
        Ok(Lodged::Stands(held)) => Ok(write_filing(&held)),
        Ok(Lodged::Differs(held)) => Err(Refusal::new(Reason::ContentDiffers).of_field(field(&held))),
        Ok(Lodged::Unknown) => Err(unknown()),
        Err(fault) => Err(failed(&fault)),
    }
}

/// The first field in which a filing differs from the one that its id stands for already.
fn difference(held: &RegisteredFiling, filing: &Filing) -> &'static str {
    let held = &held.filing;
    let Validity { from, to } = held.validity;
    [
        ("person", held.person != filing.person),
        ("home", held.home != filing.home),
        ("class", held.class != filing.class),
        ("proof", held.proof != filing.proof),
        ("destination", held.destination != filing.destination),
        ("from", from != filing.validity.from),
        ("to", to != filing.validity.to),
    ]
    .into_iter()
    .find(|(_, differs)| *differs)
    .map_or("id", |(field, _)| field)
}

/// A filing as it stands with a state.
fn write_state(filing: &Filing, state: &str) -> v1::Filing {
    v1::Filing { state: state.to_owned(), ..convert::write_filing(filing) }
}

/// A filing as it stands once it is cancelled.
fn write_cancelled(held: &RegisteredFiling, last_day: Option<Date>) -> v1::Filing {
    write_filing(&RegisteredFiling { standing: FilingStanding::Cancelled { last_day }, ..held.clone() })
}

/// A filing shows its proof as it is now; one that was cut short the last day that it covers.
fn write_filing(held: &RegisteredFiling) -> v1::Filing {
    let shown = held.in_force().unwrap_or_else(|| held.proven());
    let state = match held.standing {
        FilingStanding::InForce => IN_FORCE,
        FilingStanding::Cancelled { last_day: _ } => "cancelled",
    };
    v1::Filing { lodged_at: held.lodged_at.as_microsecond(), state: state.to_owned(), ..convert::write_filing(&shown) }
}

fn unknown() -> Refusal {
    invalid("id", "no such filing")
}
