//! 9001 sign-in and 9002 sign-out of a clerk. A number is good on its day only.

use ledger::treatment::{MessageKey, SignIn};
use serde_json::Map;
use settlement::beijing;
use settlement::refusal::{Reason, Refusal};

use crate::answer::Reply;
use crate::content::Noted;
use crate::desk_time;
use crate::edge::{Call, Shared};
use crate::ids;
use crate::local::{Done, node, once};
use crate::node::{Node, Sheet};

/// 9001.
///
/// # Errors
/// What is missing.
pub async fn sign_in(edge: Shared, call: Call) -> Result<Reply, Refusal> {
    let (operator, noted) = read_sign_in(&call)?;
    let key = key_of(&call, &operator);
    let number = ids::reference(call.institution.pool.0.as_str(), call.received, call.number);
    let institution = call.envelope.institution.to_string();
    once(&edge, &call, key, noted, move |session, stamp| {
        let (number, institution, operator) = (number.clone(), institution.clone(), operator.clone());
        session.sign_in_insert(&SignIn {
            number: number.clone(),
            institution,
            operator,
            signed_in: stamp.at,
            signed_out: None,
        })?;
        let mut signed = Map::new();
        signed.insert("sign_time".into(), desk_time::write(stamp.at).into());
        signed.insert("sign_no".into(), number.into());
        Ok(Done { output: node("signinoutb", signed), warning: None, encounter: String::new() })
    })
    .await
}

/// 9002.
///
/// # Errors
/// When the number is none of today's at this institution.
pub async fn sign_out(edge: Shared, call: Call) -> Result<Reply, Refusal> {
    let ((number, operator), noted) = read_sign_out(&call)?;
    let key = key_of(&call, &operator);
    let institution = call.envelope.institution.to_string();
    let today = call.today();
    once(&edge, &call, key, noted, move |session, stamp| {
        let unknown = || Refusal::new(Reason::InvalidField).of_field("signOut.sign_no");
        let found = session.sign_in_find(&number)?.filter(|found| found.institution == institution);
        let found = found.ok_or_else(|| unknown().because("没有这个签到编号"))?;
        if beijing::day_of(found.signed_in) != today {
            return Err(unknown().because("只能签退当日的签到").into());
        }
        session.sign_in_end(&number, stamp.at)?;
        let mut signed = Map::new();
        signed.insert("sign_time".into(), desk_time::write(stamp.at).into());
        Ok(Done { output: node("signoutoutb", signed), warning: None, encounter: String::new() })
    })
    .await
}

fn read_sign_in(call: &Call) -> Result<(String, Noted), Refusal> {
    let sheet = Sheet::default();
    let operator = Node::new(&call.input, &sheet).object("signIn").required(&["opter_no"]);
    sheet.finish(operator)
}

fn read_sign_out(call: &Call) -> Result<((String, String), Noted), Refusal> {
    let sheet = Sheet::default();
    let node = Node::new(&call.input, &sheet).object("signOut");
    let number = node.required(&["sign_no"]);
    let operator = node.required(&["opter_no"]);
    sheet.finish(number.zip(operator))
}

fn key_of(call: &Call, operator: &str) -> MessageKey {
    MessageKey {
        institution: call.envelope.institution.clone(),
        message: call.envelope.message.clone(),
        transaction: call.envelope.transaction.clone(),
        subject: operator.to_owned(),
        encounter: String::new(),
        batch: String::new(),
    }
}
