//! Home regions' books over gRPC, for operators: each for the pools that their certificate speaks for. What fell, what is
//! missing, giving it back, and which settlements a late change affects. Served by [`crate::start()`].

use std::sync::Arc;

use identity::permit::OperatorPermit;
use proto::status::NoReply;
use proto::v1;
use proto::v1::home_books_server::HomeBooks;
use settlement::ids::PoolCode;
use settlement::refusal::Refusal;
use tonic::{Request, Response, Status};

use crate::directory::Home;
use crate::hub::Hub;
use crate::refusing::refuse;
use crate::reinstate::{Missing, Restored};
use crate::scope;

/// How many missing answers one list shows.
const LONGEST_LIST: usize = 1_000;

/// The service.
pub struct HomeBooksService {
    hub: Arc<Hub>,
}

impl HomeBooksService {
    /// The service of a hub.
    pub fn new(hub: Arc<Hub>) -> HomeBooksService {
        HomeBooksService { hub }
    }

    /// The pool that an operator names, if it is one of the operator's.
    fn pool(&self, permit: &OperatorPermit, home: &str) -> Result<PoolCode, Refusal> {
        let pool = self.hub.directory.pool_of_area(home)?;
        scope::in_scope(permit, self.hub.directory.regions(), ("home", pool)).map(|()| pool)
    }

    async fn list_missing(&self, pool: PoolCode) -> Result<v1::MissingReply, Refusal> {
        let home = self.hub.directory.home(pool)?;
        let missing = self.hub.book_missing(pool).await?;
        let mut entries = Vec::new();
        for step in missing.plan.steps.iter().take(LONGEST_LIST) {
            let given = self.hub.book_given(home, step.seq).await?;
            entries.extend(given.into_iter().map(|given| v1::MissingEntry {
                book_seq: given.book_seq,
                position: given.position.0.cast_unsigned(),
                kind: given.kind.word().into(),
                verdict: given.verdict.word().into(),
            }));
        }
        Ok(write_missing(home, &missing, entries))
    }
}

#[tonic::async_trait]
impl HomeBooks for HomeBooksService {
    async fn missing(&self, request: Request<v1::BookRequest>) -> Result<Response<v1::MissingReply>, Status> {
        let permit = OperatorPermit::from_request(&request)?;
        let pool = self.pool(&permit, &request.get_ref().home).map_err(refuse)?;
        self.list_missing(pool).await.map(Response::new).map_err(refuse)
    }

    async fn restore(&self, request: Request<v1::BookRequest>) -> Result<Response<v1::RestoreReply>, Status> {
        let permit = OperatorPermit::from_request(&request)?;
        let pool = self.pool(&permit, &request.get_ref().home).map_err(refuse)?;
        let by = permit.peer().fingerprint().to_owned();
        let restored = self.hub.book_restore(pool, by).await.map_err(refuse)?;
        Ok(Response::new(write_restored(restored)))
    }

    async fn affected(&self, request: Request<v1::AffectedRequest>) -> Result<Response<v1::AffectedReply>, Status> {
        let permit = OperatorPermit::from_request(&request)?;
        let asked = request.into_inner();
        let pool = self.pool(&permit, &asked.home).map_err(refuse)?;
        let home = self.hub.directory.home(pool).map_err(refuse)?;
        let asked = v1::AffectedRequest { home: pool.to_string(), ..asked };
        let reply = home.port().affected(asked, self.hub.patience).await;
        reply.map(Response::new).map_err(|why| refuse(NoReply::into_refusal(why)))
    }
}

fn write_missing(home: &Home, missing: &Missing, entries: Vec<v1::MissingEntry>) -> v1::MissingReply {
    let fallen = home.book().fallen();
    v1::MissingReply {
        fallen: fallen.is_some(),
        fell_from: fallen.map_or(0, |fallen| fallen.from),
        fell_to: fallen.map_or(0, |fallen| fallen.to),
        held: missing.held.0,
        missing: missing.plan.steps.len() as u64,
        entries,
        lost: missing.plan.lost.iter().map(|seq| seq.0).collect(),
        doubled: missing.plan.doubled.iter().map(|seq| seq.0).collect(),
        batches: missing.batches.clone(),
    }
}

fn write_restored(restored: Restored) -> v1::RestoreReply {
    let Restored { taken_back, known, batches, lost, clash } = restored;
    v1::RestoreReply {
        taken_back,
        known,
        batches,
        lost: lost.iter().map(|seq| seq.0).collect(),
        whole: clash.is_none(),
        clash: clash.map(|(seq, problem)| v1::BookClash { book_seq: seq.0, problem }),
    }
}
