//! Sends the recorded days: every step of every story in the order of its time, with the sandbox clock set to it,
//! and holds each answer against what is expected.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use jiff::civil::DateTime;
use ledger::clock::Clock;
use serde_json::Value;
use settlement::beijing;
use settlement::refusal::Reason;

use super::desk_page::Renewed;
use super::diary::Diary;
use super::expected::ExpectedSums;
use super::story::{self, FilingRow, Step, Story};
use crate::desk::{Desk, Reply};

/// The recorded days, ready to be sent.
pub struct Recording {
    stories: Vec<Told>,
}

struct Told {
    story: Story,
    expected: ExpectedSums,
    kept: BTreeMap<String, String>,
    answers: BTreeMap<String, Reply>,
    renewed: Renewed,
}

/// What became of one step.
pub struct Played {
    /// The story's title.
    pub story: String,
    /// The step's name.
    pub step: String,
    /// The transaction; empty for a filing.
    pub infno: String,
    /// The institution's name, as its messages give it.
    pub institution: String,
    /// The answer; none for a filing.
    pub reply: Option<Reply>,
    /// How it took the desk.
    pub took: Duration,
    /// Whether sums stand beside it.
    pub has_sums: bool,
    /// Where it differs from what is expected.
    pub misses: Vec<String>,
}

/// Lodges a filing at the hub as an operator.
pub trait Lodge {
    /// Lodges it.
    fn lodge(&self, filing: &FilingRow) -> impl Future<Output = Result<()>> + Send;
}

impl Recording {
    /// Reads the recorded days of a demo folder.
    ///
    /// # Errors
    /// When a file cannot be read; the text names it and the place in it.
    pub fn read(folder: &Path) -> Result<Recording> {
        let stories = story::read_all(&folder.join("requests"))?
            .into_iter()
            .map(|story| {
                let expected = ExpectedSums::beside(&folder.join("expected"), &story.name)?;
                Ok(Told {
                    story,
                    expected,
                    kept: BTreeMap::new(),
                    answers: BTreeMap::new(),
                    renewed: Renewed::default(),
                })
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(Recording { stories })
    }

    /// How many steps there are.
    pub fn len(&self) -> usize {
        self.stories.iter().map(|told| told.story.steps.len()).sum()
    }

    /// Whether there is nothing to send.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// When the first step happens.
    pub fn begins(&self) -> Option<DateTime> {
        self.stories.iter().flat_map(|told| told.story.steps.iter().map(|step| step.at)).min()
    }

    /// Sends everything, telling of each step as it is done.
    ///
    /// # Errors
    /// When the interface or the hub does not answer at all.
    pub async fn play(
        &mut self,
        desk: &Desk,
        clock: &Clock,
        operator: &impl Lodge,
        diary: &mut Diary,
        mut done: impl FnMut(&Played),
    ) -> Result<Vec<Played>> {
        let mut order: Vec<(DateTime, usize, usize)> = Vec::with_capacity(self.len());
        for (story, told) in self.stories.iter().enumerate() {
            order.extend(told.story.steps.iter().enumerate().map(|(step, row)| (row.at, story, step)));
        }
        order.sort();
        let mut played = Vec::with_capacity(order.len());
        for (at, story, step) in order {
            clock.set(beijing::instant_of(at).context("a step's time is no instant")?);
            let one = self.stories[story].play(step, desk, operator, diary).await?;
            done(&one);
            played.push(one);
        }
        Ok(played)
    }
}

impl Told {
    async fn play(&mut self, index: usize, desk: &Desk, operator: &impl Lodge, diary: &mut Diary) -> Result<Played> {
        let step = &self.story.steps[index];
        let mut played = Played {
            story: self.story.title.clone(),
            step: step.id.clone(),
            infno: self.sent(step)?.infno.clone(),
            institution: self.institution(step),
            reply: None,
            took: Duration::ZERO,
            has_sums: self.expected.has(&step.id),
            misses: Vec::new(),
        };
        if let Some(filing) = &step.filing {
            operator.lodge(filing).await.with_context(|| format!("{} step {}", self.story.name, step.id))?;
            return Ok(played);
        }
        let place = || format!("{} step {}", self.story.name, step.id);
        let mut message = self.message(step)?;
        let reply = match diary.earlier(&self.story.name, &step.id) {
            None => {
                let reply = self.renewed.ask(desk, &mut message, step.expect.code).await.with_context(place)?;
                diary.note(&self.story.name, &step.id, &message["msgid"], &reply)?;
                reply
            }
            Some(earlier) => {
                self.renewed.remember(&step.msgid, &earlier.msgid);
                self.renewed.apply(&mut message);
                if changes_books(&played.infno) && earlier.reply.succeeded() && !step.lose_answer {
                    let again = desk.send(&message).await.with_context(place)?;
                    played.misses.extend(difference(&earlier.reply, &again));
                }
                earlier.reply.clone()
            }
        };
        played.misses.extend(self.misses(step, &reply)?);
        played.took = reply.took;
        let step_id = step.id.clone();
        if !step.lose_answer {
            let kept = step.keep.iter().map(|(name, pointer)| (name.clone(), reply.text(pointer)));
            self.kept.extend(kept.collect::<Vec<_>>());
            self.answers.insert(step_id, reply.clone());
        }
        played.reply = Some(reply);
        Ok(played)
    }

    /// A repeat is the earlier message as it was, with another time in its envelope.
    fn message(&self, step: &Step) -> Result<Value> {
        self.story.message(self.sent(step)?, step.at, &self.kept)
    }

    fn sent<'a>(&'a self, step: &'a Step) -> Result<&'a Step> {
        let Some(earlier) = &step.repeat_of else { return Ok(step) };
        let found = self.story.steps.iter().find(|step| step.id == *earlier);
        found.with_context(|| format!("{} step {} repeats {earlier}, which is not there", self.story.name, step.id))
    }

    fn institution(&self, step: &Step) -> String {
        let named = step.envelope.get("fixmedins_name").or_else(|| self.story.envelope.get("fixmedins_name"));
        named.and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    fn misses(&self, step: &Step, reply: &Reply) -> Result<Vec<String>> {
        let mut misses = Vec::new();
        let expect = &step.expect;
        let (warned, refused) = (reply.text("/warn_msg"), reply.text("/err_msg"));
        if reply.body["infcode"].as_i64() != Some(expect.infcode) {
            misses.push(format!("infcode is {}, expected {}: {refused}", reply.body["infcode"], expect.infcode));
        }
        if let Some(code) = expect.code.filter(|code| !refused.starts_with(&format!("[{code}]"))) {
            misses.push(format!("err_msg does not carry {code}: {refused}"));
        }
        if let Some(text) = expect.names.as_ref().filter(|text| !refused.contains(text.as_str())) {
            misses.push(format!("err_msg does not name {text}: {refused}"));
        }
        if let Some(text) = expect.warn.as_ref().filter(|text| !warned.contains(text.as_str())) {
            misses.push(format!("warn_msg does not say {text}: {warned}"));
        }
        for (pointer, expected) in &expect.same {
            let (told, expected) = (reply.text(pointer), story::filled(expected, &self.kept)?);
            if told != expected {
                misses.push(format!("{pointer} is {told}, expected {expected}"));
            }
        }
        if let Some(first) = step.repeat_of.as_ref().and_then(|earlier| self.answers.get(earlier))
            && first.body["output"] != reply.body["output"]
        {
            misses.push("the repeat got another answer than the first message".into());
        }
        misses.extend(self.expected.differences(&step.id, reply));
        Ok(misses)
    }
}

/// Whether a transaction changes the books, and so has the same answer for ever.
fn changes_books(infno: &str) -> bool {
    let estimate = infno.starts_with("2206") || infno.starts_with("2303");
    ["22", "23", "24", "26"].iter().any(|kind| infno.starts_with(kind)) && !estimate
}

/// What is wrong when a message is sent again after a restart and gets another answer than before. One that was
/// reversed since is told so.
fn difference(earlier: &Reply, again: &Reply) -> Option<String> {
    let same = earlier.body["output"] == again.body["output"];
    let reversed = again.text("/err_msg").starts_with(&format!("[{}]", Reason::AlreadyReversed.code()));
    (!same && !reversed).then(|| format!("after the restart the answer is another: {}", again.text("/err_msg")))
}
