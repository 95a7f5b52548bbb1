//! A treatment side of other pools in a simulation: with a good certificate of its own it asks about other hospitals'
//! operations and sends them again, and must be refused whatever state they are in.

use std::time::Duration;

use anyhow::Result;
use his::port::HubPort as _;
use proto::status::NoReply;
use proto::{convert, v1};
use settlement::refusal::Reason;

use super::invariants::Watch;
use super::network::SimulatedHub;
use crate::verify;

/// How long it waits for an answer.
const PATIENCE: Duration = Duration::from_secs(7);

/// Tries a few times, now and then.
///
/// # Errors
/// When the hub's book cannot be read to learn from what there is.
pub async fn work(port: &SimulatedHub, watch: &Watch) -> Result<()> {
    let context = &port.way.context;
    for _ in 0..1 + context.chance.below(4) {
        tokio::time::sleep(context.chance.pause(500, 8_000)).await;
        context.observe(true);
        let records = verify::records(&watch.stores().hub).await;
        context.observe(false);
        let records = records?;
        let Some(record) = records.get(usize::try_from(context.chance.below(records.len() as u64))?) else { continue };
        let told = if context.chance.happens(500) {
            let envelope = v1::OperateRequest { operation: record.bytes.clone(), hub: None, request_id: String::new() };
            port.operate(envelope, PATIENCE).await.map(drop)
        } else {
            let key = convert::read_operation(&record.bytes)?.key;
            let asked = v1::ResolveRequest { key: Some(convert::write_key(&key)), ..v1::ResolveRequest::default() };
            port.resolve(asked, PATIENCE).await.map(drop)
        };
        if let Some(told) = beyond_its_certificate(told) {
            let what = "nobody acts beyond their certificate does not hold for a stranger at position";
            watch.found(format!("{what} {}: {told}", record.position.0));
        }
        watch.step().await;
    }
    Ok(())
}

/// What it was told and must not be.
fn beyond_its_certificate(told: Result<(), NoReply>) -> Option<String> {
    match told {
        Ok(()) => Some("it was answered".to_owned()),
        Err(NoReply::Refused(refusal)) if refusal.reason == Reason::InstitutionNotYours => None,
        Err(NoReply::Refused(refusal)) if refusal.reason.is_transient() => None,
        Err(NoReply::Refused(refusal)) => Some(format!("refused {}", refusal.reason.code())),
        Err(NoReply::NeverSent | NoReply::Silent(_)) => None,
    }
}
