//! Who works in a measurement, and what CPU time each used: read before and after, told apart by process.

use std::time::Duration;

use anyhow::Result;

use super::usage;

/// The load tool's role in every crew: this process.
pub const LOAD_TOOL: &str = "load tool";
/// The role of whoever stands in the middle: the hub, or the bare forward in its place.
pub const HUB: &str = "hub";
/// The role of a database server and its backends.
pub const DATABASE: &str = "database";

/// The processes that work, each with its role. Several may have one role.
#[derive(Clone)]
pub struct Crew(Vec<(&'static str, Member)>);

/// A process, or a family of them.
#[derive(Clone, Copy, Debug)]
pub enum Member {
    /// One process.
    Process(u32),
    /// A process and its children.
    Family(u32),
}

/// CPU time by role.
#[derive(Clone, Debug)]
pub struct Used {
    each: Vec<(&'static str, Duration)>,
    machine: Duration,
}

impl Crew {
    /// The load tool alone.
    pub fn new() -> Crew {
        Crew(vec![(LOAD_TOOL, Member::Process(std::process::id()))])
    }

    /// Takes somebody in.
    #[must_use]
    pub fn with(mut self, role: &'static str, member: Member) -> Crew {
        self.0.push((role, member));
        self
    }

    /// What everybody has used so far.
    ///
    /// # Errors
    /// When one of them has ended.
    pub fn used(&self) -> Result<Used> {
        let mut each: Vec<(&'static str, Duration)> = Vec::new();
        for (role, member) in &self.0 {
            let used = match member {
                Member::Process(pid) => usage::of_process(*pid)?,
                Member::Family(pid) => usage::of_family(*pid)?,
            };
            match each.iter_mut().find(|(known, _)| known == role) {
                Some((_, sum)) => *sum += used,
                None => each.push((role, used)),
            }
        }
        Ok(Used { each, machine: usage::of_machine()? })
    }
}

impl Used {
    /// What was used since an earlier reading of the same crew.
    pub fn since(self, earlier: &Used) -> Used {
        let each =
            self.each.iter().zip(&earlier.each).map(|((role, now), (_, then))| (*role, now.saturating_sub(*then)));
        Used { each: each.collect(), machine: self.machine.saturating_sub(earlier.machine) }
    }

    /// What a role used; nothing where nobody has it.
    pub fn of(&self, role: &str) -> Duration {
        self.each.iter().filter(|(known, _)| *known == role).map(|(_, used)| *used).sum()
    }

    /// Every role with what it used.
    pub fn each(&self) -> &[(&'static str, Duration)] {
        &self.each
    }

    /// What processes used that are none of ours: how clean the measurement was.
    pub fn foreign(&self) -> Duration {
        self.machine.saturating_sub(self.each.iter().map(|(_, used)| *used).sum())
    }
}
