//! What was sent from a folder before, and what came back: a demo that is started again sends what changes the books
//! once more and must get the first answers. Estimates, queries and refusals are not sent again: they leave no trace
//! to be found, and the books have moved on since.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::desk::Reply;

/// The answers of earlier runs, and the file that takes those of this one.
pub struct Diary {
    file: File,
    earlier: BTreeMap<(String, String), Earlier>,
}

/// An answer of an earlier run.
pub struct Earlier {
    /// The number under which the message was sent.
    pub msgid: String,
    /// The answer.
    pub reply: Reply,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    story: String,
    step: String,
    msgid: String,
    micros: u64,
    answer: Value,
}

impl Diary {
    /// Opens the diary of a folder. A last line that a kill cut short is as good as never written; the next one begins
    /// on a line of its own.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn open(folder: &Path) -> Result<Diary> {
        let path = folder.join("answers.jsonl");
        let file = OpenOptions::new().create(true).append(true).read(true).open(&path);
        let file = file.with_context(|| format!("cannot open {}", path.display()))?;
        let lines = BufReader::new(&file).lines().map_while(Result::ok);
        let entries = lines.filter_map(|line| serde_json::from_str::<Entry>(&line).ok());
        let earlier = entries
            .map(|entry| {
                let reply = Reply { body: entry.answer, took: Duration::from_micros(entry.micros) };
                ((entry.story, entry.step), Earlier { msgid: entry.msgid, reply })
            })
            .collect();
        Ok(Diary { file, earlier })
    }

    /// What a step was answered in an earlier run.
    pub fn earlier(&self, story: &str, step: &str) -> Option<&Earlier> {
        self.earlier.get(&(story.to_owned(), step.to_owned()))
    }

    /// Notes an answer.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn note(&mut self, story: &str, step: &str, msgid: &Value, reply: &Reply) -> Result<()> {
        let micros = u64::try_from(reply.took.as_micros()).unwrap_or(u64::MAX);
        let msgid = msgid.as_str().unwrap_or_default().to_owned();
        let entry = Entry { story: story.into(), step: step.into(), msgid, micros, answer: reply.body.clone() };
        write!(self.file, "\n{}\n", serde_json::to_string(&entry)?).context("cannot write the diary of answers")
    }
}
