//! What a clerk does with an answer that is not final, as docs/窗口指引.md has it: a result that is not yet known is asked
//! for again until it is; a message that was voided is sent again under a new number. The demo needs it when it was
//! killed in the middle of a settlement and goes on.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Result, bail};
use serde_json::Value;
use settlement::refusal::Reason;

use crate::desk::{Desk, Reply};

/// How long a clerk waits before asking again, and how often.
const WAIT: Duration = Duration::from_millis(500);
const MOST_TRIES: usize = 60;

/// Messages of a story that were voided, with the numbers under which they were sent again.
#[derive(Default)]
pub struct Renewed(BTreeMap<String, String>);

impl Renewed {
    /// Sends a message until its answer is final.
    ///
    /// # Errors
    /// When the interface does not answer, or the result stays unknown.
    pub async fn ask(&mut self, desk: &Desk, message: &mut Value, expected: Option<u16>) -> Result<Reply> {
        self.apply(message);
        for _ in 0..MOST_TRIES {
            let reply = desk.send(message).await?;
            if says(&reply, Reason::NotYetKnown) {
                tokio::time::sleep(WAIT).await;
            } else if says(&reply, Reason::Voided) && expected != Some(Reason::Voided.code()) {
                let voided = message["msgid"].as_str().unwrap_or_default().to_owned();
                self.remember(&voided, &format!("{}R", voided.get(..29).unwrap_or(&voided)));
                self.apply(message);
            } else {
                return Ok(reply);
            }
        }
        bail!("the result is still not known")
    }

    /// Remembers that a message was sent under another number than its own.
    pub fn remember(&mut self, own: &str, sent_as: &str) {
        if own != sent_as {
            self.0.insert(own.to_owned(), sent_as.to_owned());
        }
    }

    /// Puts the new numbers wherever a message names an old one: its own, and the one that a reversal means.
    pub fn apply(&self, message: &mut Value) {
        match message {
            Value::String(text) => {
                if let Some(sent_as) = self.0.get(text) {
                    text.clone_from(sent_as);
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.apply(item)),
            Value::Object(members) => members.values_mut().for_each(|member| self.apply(member)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

fn says(reply: &Reply, reason: Reason) -> bool {
    reply.text("/err_msg").starts_with(&format!("[{}]", reason.code()))
}
