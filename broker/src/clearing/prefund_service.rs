//! Prefunds over gRPC: members see their own, who operates for every region sets them. Started by [`crate::start()`].

use clearing::period::Pair;
use identity::permit::OperatorPermit;
use ledger::clock::Clock;
use ledger::hub::PrefundKey;
use ledger::store::StoreError;
use proto::status::of_refusal;
use proto::v1;
use proto::v1::prefunds_server::Prefunds;
use rust_decimal::Decimal;
use settlement::ids::{MemberCode, PoolCode, RegionCode};
use settlement::money::Money;
use settlement::person::Insurance;
use settlement::refusal::{Reason, Refusal};
use tonic::{Request, Response, Status};

use super::Clearing;
use super::prefunds::{ResetRow, Watched};

/// Places shown of a share.
const PLACES: u32 = 4;

/// The service.
pub struct PrefundsService {
    clearing: Clearing,
    clock: Clock,
}

impl PrefundsService {
    /// The service of a hub's clearing.
    pub fn new(clearing: Clearing, clock: Clock) -> PrefundsService {
        PrefundsService { clearing, clock }
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
        let table = self.table_of(permit, year).await?;
        let by = (permit.peer().fingerprint().to_owned(), self.clock.now());
        self.clearing.prefund_reset(read_year(year)?, by).await.map_err(|fault| failed(&fault))?;
        Ok(table)
    }

    async fn topped_up(&self, permit: &OperatorPermit, asked: v1::TopUpRequest) -> Result<v1::PrefundView, Refusal> {
        let key = read_key(&asked)?;
        if !permit.pools().contains(&PoolCode(key.pair.treatment.0)) {
            return Err(Refusal::new(Reason::InstitutionNotYours).of_field("treatment"));
        }
        if asked.id.trim().is_empty() || asked.reason.trim().is_empty() {
            let field = if asked.id.trim().is_empty() { "id" } else { "reason" };
            return Err(Refusal::new(Reason::MissingField).of_field(field));
        }
        let by = (permit.peer().fingerprint().to_owned(), self.clock.now());
        let increase = (asked.id, Money::from_fen(asked.amount), asked.reason);
        let topped_up = self.clearing.prefund_top_up(key, increase, by).await.map_err(|fault| failed(&fault))?;
        topped_up.map_err(|fault| invalid("amount", fault.to_string()))?;
        let watched = self.clearing.prefunds_watched(self.clock.now()).await.map_err(|fault| failed(&fault))?;
        let held = watched.get(&key).ok_or_else(|| Refusal::new(Reason::Internal))?;
        Ok(write_watched(&key, held))
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

fn read_key(asked: &v1::TopUpRequest) -> Result<PrefundKey, Refusal> {
    let member =
        |field, code: &str| RegionCode::new(code).map(MemberCode).map_err(|fault| invalid(field, fault.to_string()));
    let pair = Pair { home: member("home", &asked.home)?, treatment: member("treatment", &asked.treatment)? };
    let insurance = Insurance::from_word(&asked.insurance);
    let insurance = insurance.ok_or_else(|| invalid("insurance", "is not employee or resident"))?;
    Ok(PrefundKey { pair, insurance })
}

fn read_year(year: i32) -> Result<i16, Refusal> {
    let read = i16::try_from(year).ok().filter(|year| (1971..=9997).contains(year));
    read.ok_or_else(|| invalid("year", "is not a year such as 2026"))
}

fn invalid(field: &'static str, problem: impl Into<String>) -> Refusal {
    Refusal::new(Reason::InvalidField).of_field(field).because(problem)
}

fn failed(fault: &StoreError) -> Refusal {
    tracing::error!(error = fault as &dyn std::error::Error, "prefunds could not be read or kept");
    Refusal::new(Reason::Internal)
}

fn refuse(refusal: Refusal) -> Status {
    of_refusal(&refusal)
}
