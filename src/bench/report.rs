//! What a run says: tables for people as they come, or one JSON object at the end.

use std::time::Instant;

use anyhow::Result;
use comfy_table::Table;
use serde_json::{Map, Value};

use crate::output;

/// The report of one run.
pub struct Report {
    as_json: bool,
    begun: Instant,
    figures: Map<String, Value>,
    details: Map<String, Value>,
    void_because: Vec<String>,
}

impl Report {
    /// An empty one.
    pub fn new(as_json: bool) -> Report {
        Report { as_json, begun: Instant::now(), figures: Map::new(), details: Map::new(), void_because: Vec::new() }
    }

    /// Says on standard error what is being done, and how long the run has taken.
    pub fn note(&self, text: &str) {
        output::note(&format!("{:>4} s  {text}", self.begun.elapsed().as_secs()));
    }

    /// Has the whole run count for nothing, and says on standard error why.
    pub fn void(&mut self, reason: &str) {
        self.note(&format!("VOID: {reason}"));
        self.void_because.push(reason.to_owned());
    }

    /// Whether the run counts for nothing.
    pub fn is_void(&self) -> bool {
        !self.void_because.is_empty()
    }

    /// A heading or a sentence.
    pub fn say(&self, text: &str) {
        if !self.as_json {
            output::line(text);
        }
    }

    /// A table.
    pub fn table(&self, table: &Table) {
        if !self.as_json {
            output::line(&table.to_string());
        }
    }

    /// One of the figures that the run is for.
    pub fn figure(&mut self, name: &str, value: Value) {
        self.figures.insert(name.to_owned(), value);
    }

    /// What stands behind the figures.
    pub fn detail(&mut self, name: &str, value: Value) {
        self.details.insert(name.to_owned(), value);
    }

    /// Prints what is to be printed at the end, and tells whether the run counts.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn end(mut self) -> Result<bool> {
        let counts = !self.is_void();
        self.figure("seconds", self.begun.elapsed().as_secs().into());
        self.figure("void", (!counts).into());
        if !counts {
            self.figure("void_because", self.void_because.clone().into());
        }
        if self.as_json {
            self.figures.insert("details".to_owned(), Value::Object(self.details));
            output::line(&serde_json::to_string_pretty(&self.figures)?);
            return Ok(counts);
        }
        let mut table = output::table(["figure", "value"]);
        for (name, value) in &self.figures {
            table.add_row([name.clone(), value.to_string()]);
        }
        output::numbers_from(&mut table, 1);
        output::line(&table.to_string());
        Ok(counts)
    }
}
