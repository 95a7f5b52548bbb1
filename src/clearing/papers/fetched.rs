//! What the hub tells of a period, asked for page by page and read: what pairs clear, what is recorded of them, and the
//! settlements behind figures.

use std::collections::BTreeMap;

use anyhow::{Context, Result, anyhow};
use clearing::cleared::Cleared;
use clearing::details::{Alone, Entry, Movement};
use clearing::month::Month;
use clearing::obligation::Lot;
use clearing::payment::{Acceptance, Payable, Payment, Records};
use clearing::period::{Pair, PairRecord, Side, Statement};
use clearing::review::Objection;
use jiff::civil::Date;
use proto::convert::cleared::{read_cleared, read_funds, read_named_lot, read_payment, read_sums, write_lot};
use proto::v1;
use proto::v1::clearing_client::ClearingClient;
use settlement::ids::{InstitutionCode, MemberCode, RegionCode, SettlementId};
use settlement::money::Money;
use settlement::person::Insurance;
use settlement::postings::Turn;
use tonic::transport::Channel;

use super::lists::{Booked, Page};
use crate::clearing::A_PAGE;
use crate::status;

/// What a version of a pair's statement clears, lot by lot.
pub(super) async fn lots_of(
    client: &mut ClearingClient<Channel>,
    period: &v1::PeriodView,
    view: &v1::PairView,
    version: u32,
) -> Result<BTreeMap<Lot, Cleared>> {
    let (month, home, treatment) = (period.month.clone(), view.home.clone(), view.treatment.clone());
    let asked = v1::StatementRequest { month, home, treatment, version };
    let told = client.statement(asked).await.map_err(|refused| status::to_refusal(&refused))?.into_inner();
    let lots = told.lots.iter().map(read_cleared).collect::<Result<_, _>>();
    lots.map_err(|fault| anyhow!("the hub's answer: {} {}", fault.field, fault.problem))
}

/// What was carried, deducted and corrected, settlement by settlement.
pub(super) async fn moved(client: &mut ClearingClient<Channel>, month: &str, pair: &Pair) -> Result<Vec<Entry>> {
    let (month, home, treatment) = (month.to_owned(), pair.home.to_string(), pair.treatment.to_string());
    moved_of(client, v1::MovedRequest { month, home, treatment, ..v1::MovedRequest::default() }).await
}

/// The same of what is asked, page by page.
///
/// # Errors
/// When the hub is not to be reached or refuses, or its answer is not as the hub writes it.
pub async fn moved_of(client: &mut ClearingClient<Channel>, mut asked: v1::MovedRequest) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    loop {
        let page = client.moved(asked.clone()).await.map_err(|refused| status::to_refusal(&refused))?.into_inner();
        entries.extend(page.entries.iter().map(read_moved).collect::<Result<Vec<_>>>()?);
        if page.next.is_empty() {
            return Ok(entries);
        }
        asked.after = page.next;
    }
}

/// What was booked in a month, as the hub has it.
pub struct BookedAtHub<'c> {
    /// How the hub is reached.
    pub client: &'c mut ClearingClient<Channel>,
    /// The month, as it is asked for.
    pub month: &'c str,
}

impl Booked for BookedAtHub<'_> {
    async fn page(&mut self, lot: &Lot, after: u64) -> Result<Option<Page>> {
        let asked = v1::LotRequest { month: self.month.to_owned(), lot: Some(write_lot(lot)), after, limit: A_PAGE };
        let told = self.client.settlements(asked).await.map_err(|refused| status::to_refusal(&refused))?.into_inner();
        let Some(last) = told.settlements.last() else { return Ok(None) };
        let entries = told.settlements.iter().map(|row| read_booked(*lot, row)).collect::<Result<_>>()?;
        Ok(Some((entries, last.position)))
    }
}

fn read_booked(lot: Lot, row: &v1::LotSettlement) -> Result<Entry> {
    let turn = Turn::from_word(&row.turn);
    Ok(Entry {
        settlement: SettlementId::new(&row.settlement).map_err(|fault| anyhow!("{} {fault}", row.settlement))?,
        lot,
        movement: Movement::Booked(turn.with_context(|| format!("{} is no turn", row.turn))?),
        day: row.day.parse().ok(),
        other: Month::from_text(&row.corrects),
        reason: String::new(),
        sums: read_sums(row.sums.as_ref()),
        along: Money::ZERO,
    })
}

/// Reads what was carried, deducted or corrected.
///
/// # Errors
/// The first field that is not as the hub writes it.
pub fn read_moved(row: &v1::MovedEntry) -> Result<Entry> {
    let lot = row.lot.as_ref().context("the hub tells of no lot")?;
    let day: Option<Date> = row.day.parse().ok();
    let (movement, day) = match (row.movement.as_str(), day) {
        ("carried-in", day) => (Movement::CarriedIn, day),
        ("carried-out", day) => (Movement::CarriedOut, day),
        ("came-alone", _) => (Movement::CameAlone(alone(row)), None),
        ("went-alone", _) => (Movement::WentAlone(alone(row)), None),
        ("deducted", Some(on)) => {
            let objection = row.objection.as_ref().map(read_objection).transpose()?;
            (Movement::Deducted { id: row.deduction.clone(), on, objection }, None)
        }
        ("recomputed", Some(on)) => {
            let shares = |sums: Option<&v1::FundSums>| sums.map(read_funds).unwrap_or_default();
            let (told, now) = (shares(row.told.as_ref()), shares(row.now.as_ref()));
            (Movement::Recomputed { batch: row.batch.clone(), on, told, now }, None)
        }
        (other, _) => return Err(anyhow!("the hub's answer: {other} is no movement of ours")),
    };
    Ok(Entry {
        settlement: SettlementId::new(&row.settlement).map_err(|fault| anyhow!("{} {fault}", row.settlement))?,
        lot: read_named_lot(lot).map_err(|fault| anyhow!("the hub's answer: {} {}", fault.field, fault.problem))?,
        movement,
        day,
        other: Month::from_text(&row.other),
        reason: row.reason.clone(),
        sums: read_sums(row.sums.as_ref()),
        along: Money::from_fen(row.along),
    })
}

fn alone(row: &v1::MovedEntry) -> Alone {
    if row.batch.is_empty() { Alone::Deduction(row.deduction.clone()) } else { Alone::Correction(row.batch.clone()) }
}

fn read_objection(told: &v1::HospitalObjection) -> Result<Objection> {
    let v1::HospitalObjection { hospital, letter, written_on, reason } = told.clone();
    Ok(Objection {
        hospital: InstitutionCode::new(&hospital).map_err(|fault| anyhow!("{hospital} {fault}"))?,
        letter,
        written_on: written_on.parse().with_context(|| format!("the hub's answer: {written_on} is no day"))?,
        reason,
    })
}

/// Reads a pair of which nothing is left to state.
pub(super) fn read_named(named: &v1::NamedPair) -> Result<Pair> {
    pair_of([&named.home, &named.treatment])
}

fn pair_of(members: [&str; 2]) -> Result<Pair> {
    let member = |code: &str| RegionCode::new(code).map(MemberCode).map_err(|fault| anyhow!("member {code} {fault}"));
    let [home, treatment] = members.map(member);
    Ok(Pair { home: home?, treatment: treatment? })
}

/// Reads a pair, and what is recorded of it.
pub(super) fn read_pair(view: &v1::PairView) -> Result<(Pair, PairRecord)> {
    let pair = pair_of([&view.home, &view.treatment])?;
    let payment = |view: &Option<v1::PaymentView>| -> Result<Option<Payment>> {
        let read = view.as_ref().map(|view| read_payment(Some(view))).transpose();
        read.map_err(|fault| anyhow!("the hub's answer: {} {}", fault.field, fault.problem))
    };
    let statement = (view.version > 0).then(|| view.issued_on.parse().ok()).flatten().map(|issued_on| Statement {
        version: view.version,
        issued_on,
        home_confirmed: view.home_confirmed,
        treatment_confirmed: view.treatment_confirmed,
        is_objected: view.objected,
    });
    let mut record = PairRecord { statement, noticed_on: view.noticed_on.parse().ok(), ..PairRecord::default() };
    for view in &view.payables {
        let insurance = Insurance::from_word(&view.insurance).context("the hub tells of no insurance of ours")?;
        let records = Records { paid: view.paid_record, received: view.received_record };
        let (paid, received) = (payment(&view.paid)?, payment(&view.received)?);
        let accepted = view.accepted.iter().map(read_acceptance).collect::<Result<_>>()?;
        let due = Money::from_fen(view.due);
        *record.payables.of_mut(insurance) = Payable { due, paid, received, records, accepted };
    }
    Ok((pair, record))
}

/// Who accepted, by its certificate, the hub does not tell.
fn read_acceptance(view: &v1::AcceptanceView) -> Result<(Side, Acceptance)> {
    let side = Side::from_word(&view.side).with_context(|| format!("the hub's answer: side {}", view.side))?;
    let on = view.on.parse().with_context(|| format!("the hub's answer: day {}", view.on))?;
    Ok((side, Acceptance { by: String::new(), reason: view.reason.clone(), on }))
}
