//! A hospital's desk in a simulation: it sends messages, loses answers, sends again, and does not believe what it has
//! not been told. What it does with its patients is [`super::visit`].

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use proto::status::NoReply;
use serde_json::{Value, json};
use settlement::refusal::Reason;

use super::fixtures::Patient;
use super::invariants::{Sums, Watch};
use super::network::Way;

/// How long a desk waits for an answer.
const PATIENCE: Duration = Duration::from_secs(7);
/// So often is one message sent at most; then something is stuck for good.
pub const MOST_TRIES: u32 = 120;
/// How often a desk gives a number again, in a thousand: some never do, some hardly do anything else.
const CARELESS: [u64; 4] = [0, 50, 150, 500];

/// The serial number that a careless client gives again and again.
const REPEATED: u32 = 0;

/// A desk.
pub struct Desk {
    /// The way to the treatment side.
    pub way: Way<his::Door>,
    /// Who looks at the books after every step.
    pub watch: Arc<Watch>,
    /// `fixmedins_code`.
    pub institution: &'static str,
    sent: AtomicU32,
    careless: u64,
}

/// What a desk is told.
#[derive(Clone, Debug)]
pub enum Told {
    /// It is done.
    Done(Value),
    /// It is refused, for good.
    Refused(Reason),
    /// Nobody knows yet, or nothing was taken: the same message may be sent again.
    Later(Reason),
    /// No answer.
    Nothing,
}

impl Desk {
    /// The desk of a hospital.
    pub fn new(way: Way<his::Door>, watch: Arc<Watch>, institution: &'static str, first: u32) -> Desk {
        let careless = way.context.chance.one_of(&CARELESS);
        Desk { way, watch, institution, sent: AtomicU32::new(first), careless }
    }

    /// A message with an id of its own; some clients give an id that another of their messages has.
    pub fn message(&self, patient: &Patient, infno: &str, input: Value) -> Value {
        let repeats = self.way.context.chance.happens(self.careless);
        let serial = if repeats { REPEATED } else { self.serial() };
        json!({ "infno": infno, "msgid": format!("{}20250620090000{serial:04}", self.institution),
            "mdtrtarea_admvs": "310101", "insuplc_admdvs": patient.home, "recer_sys_code": "YBXT", "infver": "V1.0",
            "opter_type": "1", "opter": "01", "opter_name": "clerk", "inf_time": "2025-06-20 09:00:00",
            "fixmedins_code": self.institution, "fixmedins_name": "H", "sign_no": "", "input": input })
    }

    /// Whether a reversal of a message could mean another one.
    pub fn is_ambiguous(&self, message: &Value) -> bool {
        message["msgid"].as_str().is_some_and(|id| id.ends_with(&format!("{REPEATED:04}")))
    }

    /// A number that no other of this desk's has.
    pub fn serial(&self) -> u32 {
        self.sent.fetch_add(1, Ordering::Relaxed)
    }

    /// Sends a message once.
    pub async fn send(&self, message: &Value) -> Told {
        let bytes = Arc::new(message.to_string().into_bytes());
        let answered = self.way.call(PATIENCE, move |door| {
            let bytes = bytes.clone();
            Box::pin(async move { Ok(door.answer(&bytes).await) })
        });
        let told = match answered.await {
            Ok(answer) => told(&answer),
            Err(NoReply::NeverSent | NoReply::Silent(_) | NoReply::Refused(_)) => Told::Nothing,
        };
        self.note(message, &told);
        if let Told::Done(answer) = &told
            && let Some((settlement, sums)) = told_sums(message, answer)
        {
            self.watch.told(settlement, sums);
        }
        self.watch.step().await;
        told
    }

    /// Sends a message until it has a final answer, as a desk does that must not leave it open.
    pub async fn insist(&self, message: &Value) -> Told {
        for _ in 0..MOST_TRIES {
            if self.watch.is_over() {
                return Told::Nothing;
            }
            match self.send(message).await {
                told @ (Told::Done(_) | Told::Refused(_)) => return told,
                Told::Later(_) | Told::Nothing => self.wait().await,
            }
        }
        self.give_up(message);
        Told::Nothing
    }

    /// A settle was refused for good: it must never take effect. A client that gives ids twice may have had another of
    /// its messages answered.
    pub fn saw_refused(&self, message: &Value) {
        if let (false, Some(id)) = (self.is_ambiguous(message), message["msgid"].as_str()) {
            self.watch.refused(id);
        }
    }

    /// Something is stuck for good, which nothing may be.
    pub fn give_up(&self, message: &Value) {
        let (infno, msgid) = (&message["infno"], &message["msgid"]);
        self.watch.found(format!("everything gets an answer does not hold for message {msgid} ({infno})"));
    }

    /// Waits as people wait before they press the button again.
    pub async fn wait(&self) {
        tokio::time::sleep(self.way.context.chance.pause(200, 8_000)).await;
    }

    fn note(&self, message: &Value, told: &Told) {
        let what = match told {
            Told::Done(_) => "done".to_owned(),
            Told::Refused(reason) => format!("refused {}", reason.code()),
            Told::Later(reason) => format!("later {}", reason.code()),
            Told::Nothing => "nothing".to_owned(),
        };
        let (infno, msgid) = (message["infno"].as_str(), message["msgid"].as_str());
        let what = format!("{} {} {what}", infno.unwrap_or_default(), msgid.unwrap_or_default());
        self.way.context.record.note(self.institution, &what);
    }
}

/// What an answer says that a settlement comes to; nothing where it is about none.
fn told_sums<'a>(message: &Value, answer: &'a Value) -> Option<(&'a str, Sums)> {
    if !["2304", "2207", "5203"].contains(&message["infno"].as_str()?) {
        return None;
    }
    let settled = &answer["output"]["setlinfo"];
    let sum = |name: &str| settled[name].to_string().parse().ok();
    let sums = [sum("medfee_sumamt")?, sum("fund_pay_sumamt")?, sum("acct_pay")?, sum("psn_cash_pay")?];
    Some((settled["setl_id"].as_str()?, sums))
}

pub(super) fn told(answer: &[u8]) -> Told {
    let Ok(answer) = serde_json::from_slice::<Value>(answer) else { return Told::Nothing };
    if answer["infcode"] == 0 {
        return Told::Done(answer);
    }
    let text = answer["err_msg"].as_str().unwrap_or_default();
    let code = text.trim_start_matches('[').split(']').next().and_then(|code| code.parse().ok());
    match code.and_then(Reason::from_code) {
        Some(reason) if reason.is_transient() => Told::Later(reason),
        Some(reason) => Told::Refused(reason),
        None => Told::Nothing,
    }
}
