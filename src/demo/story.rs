//! The recorded requests of `deploy/demo/requests`: one story a file, its steps in the order of a desk's day, with
//! what is expected of each. A person may edit them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use jiff::civil::DateTime;
use serde::Deserialize;
use serde_json::{Map, Value};

/// One story: a patient's way through a hospital.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Story {
    /// What it shows, in Chinese.
    pub title: String,
    /// Fields of the message that all its steps share.
    #[serde(default)]
    pub envelope: Map<String, Value>,
    /// What happens.
    pub steps: Vec<Step>,
    /// The name of the file, without its ending.
    #[serde(skip)]
    pub name: String,
}

/// One message, or one filing by an operator.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Its name within the story.
    pub id: String,
    /// When it happens, Beijing time.
    pub at: DateTime,
    /// The transaction.
    #[serde(default)]
    pub infno: String,
    /// The message's number.
    #[serde(default)]
    pub msgid: String,
    /// The transaction's nodes.
    #[serde(default)]
    pub input: Value,
    /// Fields of the message that differ from the story's.
    #[serde(default)]
    pub envelope: Map<String, Value>,
    /// What later steps need of the answer: a name and a JSON pointer.
    #[serde(default)]
    pub keep: BTreeMap<String, String>,
    /// What the answer must be.
    #[serde(default)]
    pub expect: Expectation,
    /// The answer never reaches the desk.
    #[serde(default)]
    pub lose_answer: bool,
    /// The step that is sent again, with another time in its envelope.
    #[serde(default)]
    pub repeat_of: Option<String>,
    /// A filing that an operator lodges instead of a message.
    #[serde(default)]
    pub filing: Option<FilingRow>,
}

/// What an answer must be.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    /// 0 or -1.
    #[serde(default)]
    pub infcode: i64,
    /// A text that `warn_msg` must hold.
    #[serde(default)]
    pub warn: Option<String>,
    /// The refusal's code.
    #[serde(default)]
    pub code: Option<u16>,
    /// A text that `err_msg` must hold.
    #[serde(default)]
    pub names: Option<String>,
    /// JSON pointers and the texts that must stand there.
    #[serde(default)]
    pub same: BTreeMap<String, String>,
}

/// A filing as `deploy/demo/filings.csv` and stories write it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FilingRow {
    /// The filing's number, made by the operator, so that lodging twice lodges once.
    pub id: String,
    /// Whom it is for.
    pub psn_no: String,
    /// The person's pool.
    pub home: String,
    /// long-term | referral | emergency | other-temporary.
    pub class: String,
    /// Where to.
    pub destination: String,
    /// First day.
    pub from: String,
    /// Last day; empty where there is none.
    #[serde(default)]
    pub to: String,
    /// handed-in | commitment; empty where it was handed in.
    #[serde(default)]
    pub proof: String,
}

/// Reads every story of a folder, in the order of their names.
///
/// # Errors
/// When a file cannot be read; the text names it and the place in it.
pub fn read_all(folder: &Path) -> Result<Vec<Story>> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .with_context(|| format!("cannot read the demo's requests in {}", folder.display()))?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|end| end == "json"))
        .collect();
    files.sort();
    files.iter().map(|path| read_one(path)).collect()
}

fn read_one(path: &Path) -> Result<Story> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut story: Story = serde_json::from_str(&text).with_context(|| format!("in {}", path.display()))?;
    story.name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    Ok(story)
}

impl Story {
    /// The message of a step, with `${name}` replaced by what was kept and `inf_time` set.
    ///
    /// # Errors
    /// When a name was not kept before.
    pub fn message(&self, step: &Step, sent_at: DateTime, kept: &BTreeMap<String, String>) -> Result<Value> {
        let mut message = self.envelope.clone();
        message.extend(step.envelope.clone());
        message.insert("infno".into(), step.infno.clone().into());
        message.insert("msgid".into(), step.msgid.clone().into());
        message.insert("inf_time".into(), sent_at.strftime("%Y-%m-%d %H:%M:%S").to_string().into());
        message.insert("input".into(), step.input.clone());
        let mut message = Value::Object(message);
        fill_in(&mut message, kept).with_context(|| format!("{} step {}", self.name, step.id))?;
        Ok(message)
    }
}

/// Replaces `${name}` in every text of a message.
fn fill_in(value: &mut Value, kept: &BTreeMap<String, String>) -> Result<()> {
    match value {
        Value::String(text) => *text = filled(text, kept)?,
        Value::Array(items) => items.iter_mut().try_for_each(|item| fill_in(item, kept))?,
        Value::Object(members) => members.values_mut().try_for_each(|member| fill_in(member, kept))?,
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
    Ok(())
}

/// A text with every `${name}` replaced.
///
/// # Errors
/// When a name was not kept.
pub fn filled(text: &str, kept: &BTreeMap<String, String>) -> Result<String> {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let (name, behind) = after.split_once('}').with_context(|| format!("{text}: a ${{ without its }}"))?;
        filled.push_str(before);
        filled.push_str(kept.get(name).with_context(|| format!("no earlier step kept {name}"))?);
        rest = behind;
    }
    filled.push_str(rest);
    Ok(filled)
}
