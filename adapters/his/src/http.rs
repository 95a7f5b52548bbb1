//! The HTTP edge: any path, POST, one JSON message in, one out, always HTTP 200 for what the interface can say. It reads,
//! checks who speaks, hands the call to its transaction and writes the answer; it decides nothing about money.

mod body;
mod multipart;
mod serve;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Extension, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use settlement::refusal::{Reason, Refusal};

use crate::answer::{self, Answer, Exchange};
use crate::config::{Profile, SigningIn};
use crate::edge::{Call, Edge, Shared};
use crate::gateway::{self, GatewayError, RefusalShape};
use crate::transactions::{self, Transaction};
use crate::{envelope, ids};
pub use serve::{ServeError, Server};

/// A client that has not sent its message by then is not going to.
const BODY_DEADLINE: Duration = Duration::from_secs(60);
const JSON: HeaderValue = HeaderValue::from_static("application/json;charset=UTF-8");
/// By this clients tell a file from a refusal.
const FILE: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// The address of the client.
#[derive(Clone, Copy, Debug)]
pub struct Client(pub SocketAddr);

/// The application: every path is the same.
pub fn router(edge: Shared) -> Router {
    Router::new().fallback(receive).with_state(edge)
}

async fn receive(State(edge): State<Shared>, Extension(client): Extension<Client>, request: Request) -> Response {
    if request.method() != Method::POST {
        return (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "POST")]).into_response();
    }
    let received = edge.clock.now();
    let (parts, body) = request.into_parts();
    let mut exchange = match exchange(&edge, received).await {
        Ok(exchange) => exchange,
        Err(refusal) => return respond(&unnumbered(received), Err(refusal)),
    };
    let heard = Heard { path: parts.uri.path(), headers: &parts.headers, from: client.0.ip() };
    let answer = match hear(body).await {
        Ok(message) => match speak(&edge, &heard, message, &mut exchange).await {
            Ok(answer) => answer,
            Err(error) => return gateway_refusal(&exchange, error),
        },
        Err(refusal) => Err(refusal),
    };
    exchange.answered = edge.clock.now();
    respond(&exchange, answer)
}

/// Answers a message that came from this machine, unsigned, whatever brought it.
pub async fn answer(edge: &Shared, message: &[u8]) -> Vec<u8> {
    let received = edge.clock.now();
    let mut exchange = match exchange(edge, received).await {
        Ok(exchange) => exchange,
        Err(refusal) => return answer::body(&unnumbered(received), Err(&refusal)),
    };
    let headers = HeaderMap::new();
    let heard = Heard { path: "/", headers: &headers, from: Ipv4Addr::LOCALHOST.into() };
    let answer = match body::decode(message) {
        Ok(message) => speak(edge, &heard, message, &mut exchange).await.unwrap_or_else(|GatewayRefusal(error, _)| {
            Err(Refusal::new(Reason::NotAuthenticated).because(error.to_string()))
        }),
        Err(refusal) => Err(refusal),
    };
    exchange.answered = edge.clock.now();
    match answer {
        Ok(Answer::File(bytes)) => bytes.to_vec(),
        Ok(Answer::Nodes(reply)) => answer::body(&exchange, Ok(&reply)),
        Ok(Answer::Refused(refusal, beside)) => answer::refused_body(&exchange, &refusal, &beside),
        Err(refusal) => answer::body(&exchange, Err(&refusal)),
    }
}

/// How a message came.
struct Heard<'a> {
    path: &'a str,
    headers: &'a HeaderMap,
    from: IpAddr,
}

/// A refusal of the gateway, in the shape of its scheme.
struct GatewayRefusal(GatewayError, RefusalShape);

async fn hear(body: Body) -> Result<Map<String, Value>, Refusal> {
    let received = tokio::time::timeout(BODY_DEADLINE, body::receive(body)).await;
    let bytes = received.unwrap_or_else(|_| Err(Refusal::new(Reason::Malformed).because("报文未在60秒内收完")))?;
    body::decode(&bytes)
}

async fn speak(
    edge: &Shared,
    heard: &Heard<'_>,
    message: Map<String, Value>,
    exchange: &mut Exchange,
) -> Result<Result<Answer, Refusal>, GatewayRefusal> {
    let named = envelope::institution_of(&message);
    let gateway = edge.config.gateway(&named);
    gateway::check(gateway, heard.headers, heard.from, Timestamp::now())
        .map_err(|error| GatewayRefusal(error, gateway::refusal_shape(gateway)))?;
    let profile = edge.config.profile(&named);
    exchange.infcode = profile.infcode;
    let (transaction, call) = match admit(edge, heard, message, exchange, profile).await {
        Ok(admitted) => admitted,
        Err(refusal) => return Ok(Err(refusal)),
    };
    exchange.reference.clone_from(&call.reference);
    let answer = (transaction.run)(edge.clone(), call).await;
    log(transaction, &exchange.reference, &answer);
    Ok(answer)
}

/// Makes a call of a message: a transaction that is served, from an institution that is served.
async fn admit(
    edge: &Shared,
    heard: &Heard<'_>,
    mut message: Map<String, Value>,
    exchange: &Exchange,
    profile: Profile,
) -> Result<(&'static Transaction, Call), Refusal> {
    let envelope = envelope::read(&message, heard.path, heard.headers)?;
    let transaction = transactions::find(envelope.transaction.as_str()).ok_or_else(|| {
        Refusal::new(Reason::UnknownTransaction).of_field("infno").because(envelope.transaction.as_str())
    })?;
    let today = settlement::beijing::day_of(exchange.received);
    let institution = edge.institutions.on(&envelope.institution, today)?.clone();
    if !edge.pools.contains(&institution.pool) {
        return Err(Refusal::new(Reason::InstitutionNotYours).of_field("fixmedins_code"));
    }
    if profile.sign_in == SigningIn::Required && !matches!(transaction.number, "9001" | "9002") {
        check_sign_in(edge, &envelope, exchange).await?;
    }
    let input = envelope::take_input(&mut message)?;
    let (received, number) = (exchange.received, exchange.number);
    let reference = ids::reference(institution.area.as_str(), received, number);
    let (envelope, input) = (Arc::new(envelope), Arc::new(input));
    Ok((transaction, Call { envelope, institution, profile, input, received, reference, number }))
}

async fn check_sign_in(edge: &Edge, envelope: &envelope::Envelope, exchange: &Exchange) -> Result<(), Refusal> {
    let needed = |why: &str| Refusal::new(Reason::NotAuthenticated).of_field("sign_no").because(why);
    let number = envelope.sign_number.clone().ok_or_else(|| needed("请先9001签到"))?;
    let found = edge.look(move |session| Ok(session.sign_in_find(&number)?)).await.map_err(in_doubt)?;
    let today = settlement::beijing::day_of(exchange.received);
    let good = found.is_some_and(|found| {
        found.institution == envelope.institution.as_str()
            && found.signed_out.is_none()
            && settlement::beijing::day_of(found.signed_in) == today
    });
    if good { Ok(()) } else { Err(needed("签到已失效,请重新9001签到")) }
}

/// The numbers and times of an answer to a message that is not read yet.
async fn exchange(edge: &Edge, received: Timestamp) -> Result<Exchange, Refusal> {
    let number = edge.ids.number().await.map_err(|error| in_doubt(crate::stop::internal(&error)))?;
    let area = edge.pools.first().map(ToString::to_string).unwrap_or_default();
    Ok(Exchange { number, reference: ids::reference(&area, received, number), ..unnumbered(received) })
}

/// A fault of the store before it is known whether the message was sent on earlier: nobody may say that it was not.
fn in_doubt(_: Refusal) -> Refusal {
    Refusal::new(Reason::NotYetKnown)
}

fn unnumbered(received: Timestamp) -> Exchange {
    Exchange { received, answered: received, number: 0, reference: String::new(), infcode: Profile::default().infcode }
}

fn respond(exchange: &Exchange, answer: Result<Answer, Refusal>) -> Response {
    let (kind, bytes) = match answer {
        Ok(Answer::File(bytes)) => (FILE, bytes),
        Ok(Answer::Nodes(reply)) => (JSON, Bytes::from(answer::body(exchange, Ok(&reply)))),
        Ok(Answer::Refused(refusal, beside)) => (JSON, Bytes::from(answer::refused_body(exchange, &refusal, &beside))),
        Err(refusal) => (JSON, Bytes::from(answer::body(exchange, Err(&refusal)))),
    };
    ([(header::CONTENT_TYPE, kind)], bytes).into_response()
}

fn gateway_refusal(exchange: &Exchange, GatewayRefusal(error, shape): GatewayRefusal) -> Response {
    tracing::warn!(%error, reference = exchange.reference, "a request was refused at the gateway: {error}");
    match shape {
        RefusalShape::Envelope => {
            let refusal = Refusal::new(Reason::NotAuthenticated).because(error.to_string());
            respond(exchange, Err(refusal))
        }
        RefusalShape::CodeAndMessage => {
            let body = json!({"code": 401, "message": error.to_string()}).to_string();
            (StatusCode::UNAUTHORIZED, [(header::CONTENT_TYPE, JSON)], body).into_response()
        }
    }
}

fn log(transaction: &Transaction, reference: &str, answer: &Result<Answer, Refusal>) {
    let Transaction { number, name, .. } = transaction;
    match answer {
        Ok(_) => tracing::debug!(infno = number, reference, "answered {number} {name} as {reference}"),
        Err(refusal) => tracing::info!(
            infno = number,
            reference,
            code = refusal.reason.code(),
            "refused {number} {name} as {reference} with code {}",
            refusal.reason.code()
        ),
    }
}
