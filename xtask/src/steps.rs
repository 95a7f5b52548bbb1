//! A step: a public command that must succeed. Used by the tasks.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::announce;

/// One command of a task.
pub struct Step {
    /// What it is about.
    pub name: &'static str,
    /// The program.
    pub program: &'static str,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// What is set in its environment.
    pub environment: Vec<(&'static str, String)>,
}

impl Step {
    /// A step that runs cargo with arguments separated by spaces.
    pub fn cargo(name: &'static str, arguments: &str) -> Step {
        Step::of(name, "cargo", arguments)
    }

    /// A step that runs a program with arguments separated by spaces.
    pub fn of(name: &'static str, program: &'static str, arguments: &str) -> Step {
        let arguments = arguments.split_whitespace().map(str::to_owned).collect();
        Step { name, program, arguments, environment: Vec::new() }
    }

    /// The same with a setting in its environment.
    pub fn with(mut self, name: &'static str, value: impl ToString) -> Step {
        self.environment.push((name, value.to_string()));
        self
    }

    /// Runs it and says how long it took.
    ///
    /// # Errors
    /// When it cannot be started, or fails; the text is a line that can be run by hand.
    pub fn run(&self) -> Result<Duration> {
        announce(&format!("{} …", self.name));
        let begun = Instant::now();
        let status = Command::new(self.program)
            .args(&self.arguments)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .status()
            .with_context(|| format!("cannot start {}", self.program))?;
        ensure!(status.success(), "{} failed: {}", self.name, self.by_hand());
        Ok(begun.elapsed())
    }

    fn by_hand(&self) -> String {
        let settings = self.environment.iter().map(|(name, value)| format!("{name}='{value}'"));
        let words = settings.chain([self.program.to_owned()]).chain(self.arguments.iter().cloned());
        words.collect::<Vec<_>>().join(" ")
    }
}
