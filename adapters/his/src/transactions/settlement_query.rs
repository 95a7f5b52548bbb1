//! 5203: one settlement by its id, or what is in force of a visit. Before it answers by visit, it finds out what became
//! of operations of the visit that have no answer yet: a desk asks because an answer was lost.

use ledger::treatment::{KnownPerson, Session, StoredEncounter, StoredMessage, StoredOperation, StoredSettlement};
use proto::convert;
use settlement::ids::{EncounterId, PersonNumber, SettlementId};
use settlement::lifecycle::Standing;
use settlement::outcome::{Done, Outcome, Settled};
use settlement::refusal::{Reason, Refusal};

use crate::answer::{Output, Reply};
use crate::edge::{Call, Edge, Shared};
use crate::institutions::Institution;
use crate::node::{Node, Sheet};
use crate::operation::find_out;
use crate::setlinfo::{Direction, Fields, Telling};
use crate::stop::Stop;
use crate::{told_person, visit};

#[derive(Clone)]
struct QueryInput {
    person: PersonNumber,
    settlement: Option<SettlementId>,
    encounter: Option<EncounterId>,
}

/// 5203.
///
/// # Errors
/// When there is no such settlement, or none in force; that a result is not known yet.
pub async fn query(edge: Shared, call: Call) -> Result<Reply, Refusal> {
    found(&edge, &call).await.map_err(|refusal| {
        // A desk asks because it is in doubt: a fault on this side must not read as if nothing was settled.
        if refusal.reason == Reason::Internal { Refusal::new(Reason::NotYetKnown) } else { refusal }
    })
}

async fn found(edge: &Shared, call: &Call) -> Result<Reply, Refusal> {
    let input = read(call)?;
    if let Some(encounter) = &input.encounter {
        settle_doubts(edge, call, &input.person, encounter).await?;
    }
    let (own, asked) = (call.clone(), input);
    let found = edge.look(move |session| find(session, &own, &asked)).await?;
    tell(edge, call, &found)
}

fn read(call: &Call) -> Result<QueryInput, Refusal> {
    let sheet = Sheet::on(call.today());
    let data = Node::new(&call.input, &sheet).object("data");
    let person = data.id("psn_no", PersonNumber::new);
    let settlement = data.optional_id("setl_id", SettlementId::new);
    let encounter = data.optional_id("mdtrt_id", EncounterId::new);
    if settlement == Some(None) && encounter == Some(None) {
        data.missing("mdtrt_id");
    }
    let read = (|| Some(QueryInput { person: person?, settlement: settlement?, encounter: encounter? }))();
    Ok(sheet.finish(read)?.0)
}

/// Finds out what became of operations of the visit that have no answer.
async fn settle_doubts(
    edge: &Shared,
    call: &Call,
    person: &PersonNumber,
    encounter: &EncounterId,
) -> Result<(), Refusal> {
    let (institution, person, id) = (call.envelope.institution.clone(), person.clone(), encounter.clone());
    let pending = edge
        .look(move |session| {
            visit::find(session, &institution, &person, &id)?;
            Ok(session.operation_list_pending(&id)?)
        })
        .await?;
    if pending.is_empty() {
        return Ok(());
    }
    let (own, request_id) = (edge.clone(), call.reference.clone());
    edge.to_its_end(async move { find_out(&own, &request_id, &pending).await }).await
}

/// What is answered.
struct Found {
    stored: StoredSettlement,
    /// How it was asked for: as the settlement, or as its counter-entry.
    direction: Direction,
    counter: Option<SettlementId>,
    operation: StoredOperation,
    message: StoredMessage,
    encounter: StoredEncounter,
    person: KnownPerson,
    /// Other settlements of the visit that are in force.
    others: Vec<SettlementId>,
}

fn find(session: &Session<'_, '_>, call: &Call, input: &QueryInput) -> Result<Found, Stop> {
    let unknown = |field: &'static str| Refusal::new(Reason::UnknownSettlement).of_field(field);
    let mut others = Vec::new();
    let mut counter = None;
    let stored = match (&input.settlement, &input.encounter) {
        (Some(id), _) => match session.settlement_find(id.as_str())? {
            Some(stored) => stored,
            None => {
                let original = session.settlement_of_counter(id.as_str())?.ok_or_else(|| unknown("setl_id"))?;
                counter = Some(id.clone());
                session.settlement_find(&original)?.ok_or_else(|| unknown("setl_id"))?
            }
        },
        (None, Some(encounter)) => {
            let mut in_force = visit::in_force(session, encounter, None)?;
            let latest = in_force.pop().ok_or_else(|| unknown("mdtrt_id").because("该次就诊没有有效结算,可以结算"))?;
            others.extend(in_force.into_iter().map(|stored| stored.settlement.id));
            latest
        }
        (None, None) => return Err(unknown("setl_id").into()),
    };
    let own = stored.settlement.institution == call.envelope.institution.as_str();
    if !own || stored.settlement.person != input.person.as_str() {
        return Err(unknown(if own { "psn_no" } else { "setl_id" }).into());
    }
    let encounter = EncounterId::new(&stored.settlement.encounter).map_err(|_| Stop::from(Reason::Internal))?;
    let encounter = session.encounter_find(&encounter)?.ok_or(Reason::Internal)?;
    let operation = session.operation_find(stored.settlement.message)?.ok_or(Reason::Internal)?;
    Ok(Found {
        message: session.message_get(stored.settlement.message)?,
        person: told_person::shown(session, &input.person, &KnownPerson::default(), None)?,
        direction: if counter.is_some() { Direction::Backward } else { Direction::Forward },
        stored,
        counter,
        operation,
        encounter,
        others,
    })
}

fn tell(edge: &Edge, call: &Call, found: &Found) -> Result<Reply, Refusal> {
    let settled = settled_of(&found.operation)?;
    let institution = edge.institutions.on(&call.envelope.institution, found.encounter.began)?;
    let telling = Telling {
        encounter: &found.encounter,
        person: &found.person,
        settled: &settled,
        id: found.counter.as_ref().or(Some(&settled.settlement)),
        at: found.stored.settlement.sums.settled_at,
        message: &found.message.message,
        category: &found.operation.operation.category,
        agency: call.institution.pool,
        direction: found.direction,
        balance: settled.account_balance,
        alternatives: &[],
        fund_sum: call.profile.fund_sum,
    };
    let mut told = telling.output();
    extend(&mut told.setlinfo, &telling, found, institution, edge);
    let warning = (!found.others.is_empty()).then(|| {
        let ids: Vec<&str> = found.others.iter().map(SettlementId::as_str).collect();
        format!("该次就诊另有有效结算:{}", ids.join("、"))
    });
    Ok(Reply { output: Output::of(&told), warning, reference: None })
}

fn settled_of(operation: &StoredOperation) -> Result<Settled, Refusal> {
    let answer = operation.answer.as_ref().ok_or(Reason::Internal)?;
    match convert::read_outcome(&answer.outcome) {
        Ok(Outcome::Accepted { decided_at: _, done: Done::Settled(settled) }) => Ok(*settled),
        Ok(Outcome::Accepted { .. } | Outcome::Refused(_)) | Err(_) => Err(Refusal::new(Reason::Internal)),
    }
}

/// What 5203 tells beyond 2.1.
fn extend<'a>(
    node: &mut Fields<'a>,
    telling: &Telling<'_>,
    found: &'a Found,
    institution: &'a Institution,
    edge: &Edge,
) {
    let home = found.operation.operation.home;
    let day = settlement::beijing::day_of(found.stored.settlement.sums.settled_at);
    let ended = match found.encounter.standing {
        ledger::treatment::EncounterStanding::Discharged(on) => on,
        ledger::treatment::EncounterStanding::Open | ledger::treatment::EncounterStanding::Cancelled => {
            found.encounter.began
        }
    };
    for (name, text) in [
        ("insu_optins", home.0.to_string().into()),
        ("pay_loc", pay_location(edge, home, institution).into()),
        ("fixmedins_code", institution.code.as_str().into()),
        ("fixmedins_name", institution.name.as_str().into()),
        ("hosp_lv", institution.level_code.as_str().into()),
        ("fixmedins_poolarea", institution.pool.0.to_string().into()),
        ("begndate", found.encounter.began.to_string().into()),
        ("enddate", ended.to_string().into()),
        ("refd_setl_flag", refund_flag(found).into()),
        ("year", day.year().to_string().into()),
        ("dise_codg", found.encounter.disease.as_ref().map_or("", |disease| disease.as_str()).into()),
    ] {
        node.text(name, text);
    }
    let payers = &telling.settled.payers;
    node.amount("cash_payamt", telling.directed(payers.cash));
    node.amount("psn_pay", telling.directed(payers.account + payers.cash));
}

/// 0 while it counts; 1 once it was cancelled or reversed, and for a counter-entry.
fn refund_flag(found: &Found) -> &'static str {
    match (&found.stored.standing, found.direction) {
        (Standing::InForce, Direction::Forward) => "0",
        (Standing::InForce, Direction::Backward) | (Standing::Cancelled { .. } | Standing::Reversed, _) => "1",
    }
}

/// `pay_loc`: 2 at home's own institution, 3 in another city of the member, 4 in another member.
fn pay_location(edge: &Edge, home: settlement::ids::PoolCode, institution: &Institution) -> &'static str {
    if home == institution.pool {
        "2"
    } else if edge.regions.member_of(home) == edge.regions.member_of(institution.pool) {
        "3"
    } else {
        "4"
    }
}
