//! A clerk who does what docs/窗口指引.md says, whatever happens: never settles anew while a result is not known, asks,
//! sends again or reverses, and writes down what the hospital was told.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use settlement::refusal::Reason;
use world::Enrollee;
use world::hospital::Hospital;
use yidi::desk::{Desk, Reply};

use super::chance::Chance;
use super::told::Told;

/// How long a clerk waits before doing the same again.
const BREATH: Duration = Duration::from_millis(60);
/// How many stays a person has, one after the other.
pub const STAYS_EACH: usize = 30;
/// The sum of a stay: thirty of them stay below what a region's basic fund pays in a year.
const CHARGED: &str = "3000.00";

/// See the file.
pub struct Clerk {
    pub hospital: Arc<Hospital>,
    pub desk: Desk,
    pub told: Arc<Told>,
    pub chance: Chance,
}

/// What came back.
enum Heard {
    Done(Reply),
    /// Not carried out, and nothing was changed.
    Refused(Reason, String),
    /// Nothing, or that the result is not known yet.
    Nothing,
}

/// How a message to settle ended.
enum Ended {
    Settled(String),
    /// It has no effect and never will.
    Void,
    /// What should not have come, and was noted.
    Wrong,
}

impl Clerk {
    /// Sees the patients of one room, stay after stay, until no more are taken; says whether all their stays were seen.
    pub async fn see(&mut self, patients: &[Enrollee]) -> bool {
        for number in 0..STAYS_EACH {
            for patient in patients {
                if self.told.is_ending() {
                    return false;
                }
                self.treat(patient, number).await;
            }
        }
        true
    }

    async fn treat(&mut self, patient: &Enrollee, number: usize) {
        let (admitted, discharged) = days(number);
        let admit = self.hospital.admit_message(patient, &admitted);
        let Some(reply) = self.insist(&admit).await else { return };
        let stay = reply.text("/output/result/mdtrt_id");
        let charge = self.hospital.charge_message(patient, &stay, "1", CHARGED, "1", &admitted);
        let discharge = self.hospital.discharge_message(patient, &stay, &discharged);
        if self.insist(&charge).await.is_none() || self.insist(&discharge).await.is_none() {
            return;
        }
        let Some(id) = self.settle(patient, &stay).await else { return };
        if self.chance.percent(30) && self.cancel(patient, &stay, &id).await && self.chance.percent(60) {
            self.settle(patient, &stay).await;
        }
    }

    /// Settles, under new message ids where one is void; `None` where the desk gave it up.
    async fn settle(&mut self, patient: &Enrollee, stay: &str) -> Option<String> {
        loop {
            let message = self.hospital.settle_message(patient, stay, CHARGED);
            match self.settle_by(patient, stay, &message).await {
                Ended::Settled(id) => {
                    if self.chance.percent(20) {
                        return self.settle_again_or_reverse(patient, &message, id).await;
                    }
                    return Some(id);
                }
                Ended::Void if self.chance.percent(90) => {}
                Ended::Void | Ended::Wrong => return None,
            }
        }
    }

    async fn settle_by(&mut self, patient: &Enrollee, stay: &str, message: &Value) -> Ended {
        loop {
            match self.ask(message).await {
                Heard::Done(reply) => return Ended::Settled(self.told.settled(message, &reply)),
                Heard::Refused(Reason::Voided, _) => return Ended::Void,
                Heard::Refused(reason, _) if reason.is_transient() => breathe().await,
                Heard::Refused(_, text) => return self.wrong("settling", message, &text),
                Heard::Nothing => match self.chance.below(3) {
                    0 => breathe().await,
                    1 => {
                        if let Some(ended) = self.query(patient, stay, message).await {
                            return ended;
                        }
                    }
                    _ => return if self.reverse(patient, message).await { Ended::Void } else { Ended::Wrong },
                },
            }
        }
    }

    /// What the query says of the stay; `None` while it is not known.
    async fn query(&mut self, patient: &Enrollee, stay: &str, message: &Value) -> Option<Ended> {
        let query = self.hospital.query_message(patient, stay);
        match self.ask(&query).await {
            Heard::Done(reply) => Some(Ended::Settled(self.told.settled(message, &reply))),
            Heard::Refused(Reason::UnknownSettlement, _) => Some(Ended::Void),
            Heard::Refused(reason, _) if reason.is_transient() => None,
            Heard::Refused(_, text) => Some(self.wrong("asking", &query, &text)),
            Heard::Nothing => None,
        }
    }

    /// What may be done to a settlement under the message that made it: the same answer again, or undoing it.
    async fn settle_again_or_reverse(&mut self, patient: &Enrollee, message: &Value, id: String) -> Option<String> {
        if self.chance.percent(50) {
            if let Some(reply) = self.insist(message).await {
                self.told.settled(message, &reply);
            }
            return Some(id);
        }
        if self.reverse(patient, message).await {
            self.told.set_in_force(&id, false);
            return None;
        }
        Some(id)
    }

    /// Cancels a settlement, and says whether it stayed cancelled: a cancellation that was not answered may be reversed.
    async fn cancel(&mut self, patient: &Enrollee, stay: &str, id: &str) -> bool {
        loop {
            let message = self.hospital.cancel_message(patient, stay, id);
            loop {
                match self.ask(&message).await {
                    Heard::Done(_) => {
                        self.told.set_in_force(id, false);
                        return true;
                    }
                    Heard::Refused(Reason::Voided, _) => break,
                    Heard::Refused(reason, _) if reason.is_transient() => breathe().await,
                    Heard::Refused(_, text) => {
                        self.wrong("cancelling", &message, &text);
                        return false;
                    }
                    Heard::Nothing if self.chance.percent(60) => breathe().await,
                    Heard::Nothing => {
                        self.reverse(patient, &message).await;
                        return false;
                    }
                }
            }
        }
    }

    /// Reverses a message, and says whether it has no effect any more.
    async fn reverse(&mut self, patient: &Enrollee, message: &Value) -> bool {
        loop {
            let reversal = self.hospital.reverse_message(patient, message);
            match self.ask_until_known(&reversal).await {
                Ok(_) => return true,
                Err((Reason::Voided, _)) => {}
                Err((_, text)) => {
                    self.wrong("reversing", &reversal, &text);
                    return false;
                }
            }
        }
    }

    /// Sends a message until it is carried out; `None`, with a complaint, where it is refused.
    async fn insist(&mut self, message: &Value) -> Option<Reply> {
        match self.ask_until_known(message).await {
            Ok(reply) => Some(reply),
            Err((_, text)) => {
                self.wrong("insisting", message, &text);
                None
            }
        }
    }

    async fn ask_until_known(&mut self, message: &Value) -> Result<Reply, (Reason, String)> {
        loop {
            match self.ask(message).await {
                Heard::Done(reply) => return Ok(reply),
                Heard::Refused(reason, text) if !reason.is_transient() => return Err((reason, text)),
                Heard::Refused(_, _) | Heard::Nothing => breathe().await,
            }
        }
    }

    async fn ask(&self, message: &Value) -> Heard {
        let Ok(reply) = self.desk.send(message).await else {
            self.told.hear_nothing();
            return Heard::Nothing;
        };
        if reply.succeeded() {
            self.told.hear_answer();
            return Heard::Done(reply);
        }
        let text = reply.text("/err_msg");
        let code = text.get(1..4).and_then(|code| code.parse().ok());
        match code.and_then(Reason::from_code) {
            Some(Reason::NotYetKnown) => {
                self.told.hear_nothing();
                Heard::Nothing
            }
            Some(reason) => {
                if reason.is_transient() {
                    self.told.hear_later()
                } else {
                    self.told.hear_answer()
                }
                Heard::Refused(reason, text)
            }
            None => panic!("an answer without a code: {text}"),
        }
    }

    fn wrong(&self, what: &str, message: &Value, text: &str) -> Ended {
        self.told.complain(format!("{what} by {} {}: {text}", message["infno"], message["msgid"]));
        Ended::Wrong
    }
}

async fn breathe() {
    tokio::time::sleep(BREATH).await;
}

/// The first and the last day of a person's stay: eleven days apart, the next begins on the day after.
fn days(number: usize) -> (String, String) {
    let days = |count: usize| jiff::Span::new().days(i64::try_from(count).expect("a small number"));
    let first = jiff::civil::date(2025, 1, 2).checked_add(days(12 * number)).expect("a day");
    (first.to_string(), first.checked_add(days(10)).expect("a day").to_string())
}
