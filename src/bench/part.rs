//! `yidi bench-part`: one process of a measured line, started by `yidi bench settle` alone. It says where it listens,
//! takes words from standard input, and ends when that closes.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::Result;
use clap::Subcommand;
use jiff::Timestamp;
use ledger::clock::Clock;
use settlement::ids::{PoolCode, RegionCode};
use tokio::sync::mpsc;

use super::byte_line;
use super::clearing::{close, compare, live};
use super::forward;
use super::prepared_home;
use crate::output;
use crate::roles;
use crate::watch::Watch;

/// The word at which a hub cuts its period off.
pub const CUT_OFF: &str = "cut-off";

/// A part of a measured line.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Part {
    /// The hub, as `yidi hub` would be.
    Hub {
        /// Its configuration.
        #[arg(long)]
        config: PathBuf,
        /// The time it starts with, in UTC microseconds; the machine's own without.
        #[arg(long)]
        at: Option<i64>,
    },
    /// A home region that answers every operation with a yes that was written beforehand.
    PreparedHome {
        /// The folder of its certificate.
        #[arg(long)]
        credentials: PathBuf,
        /// Its pool.
        #[arg(long)]
        home: String,
        /// The number of its first answer.
        #[arg(long)]
        first_answer: u64,
    },
    /// The hub's place in a bare forward: bytes in, bytes out.
    Forward {
        /// The folder of its certificate.
        #[arg(long)]
        credentials: PathBuf,
        /// The pool of the home region that it forwards to.
        #[arg(long)]
        home: String,
        /// Where that is.
        #[arg(long)]
        to: SocketAddr,
    },
    /// A home region, as `yidi region` would be.
    Home {
        /// Its configuration.
        #[arg(long)]
        config: PathBuf,
        /// The time it starts with, in UTC microseconds; the machine's own without.
        #[arg(long)]
        at: Option<i64>,
    },
    /// A treatment side, as `yidi his` would be.
    Treatment {
        /// Its configuration.
        #[arg(long)]
        config: PathBuf,
        /// The time it starts with, in UTC microseconds; the machine's own without.
        #[arg(long)]
        at: Option<i64>,
    },
    /// The treatment side's place in a line that hands bytes through.
    ByteDesk {
        /// The folder of its certificate.
        #[arg(long)]
        credentials: PathBuf,
        /// Where the next in line is.
        #[arg(long)]
        to: SocketAddr,
    },
    /// Clearing one month of a book on end, each step timed.
    Clear {
        /// The book.
        #[arg(long)]
        book: String,
        /// The folder of the table of regions and the calendar.
        #[arg(long)]
        deploy: PathBuf,
        /// How often the proof is measured.
        #[arg(long)]
        rounds: usize,
    },
    /// Comparing two books by their digests, and by an outer join.
    Compare {
        /// The book that asks.
        #[arg(long)]
        ours: String,
        /// The book that answers.
        #[arg(long)]
        theirs: String,
        /// How often.
        #[arg(long)]
        rounds: usize,
    },
    /// The home region's place in such a line: it gives back what it is sent.
    ByteHome {
        /// The folder of its certificate.
        #[arg(long)]
        credentials: PathBuf,
    },
}

/// Runs a part until its standard input closes.
///
/// # Errors
/// When it cannot start.
pub async fn run(part: Part) -> Result<()> {
    match part {
        Part::Hub { config, at } => hub(&config, at).await,
        Part::PreparedHome { credentials, home, first_answer } => {
            announce(prepared_home::serve(&credentials, pool(&home)?, first_answer).await?);
            told_to_end().await
        }
        Part::Forward { credentials, home, to } => {
            announce(forward::serve(&credentials, pool(&home)?, to).await?);
            told_to_end().await
        }
        Part::Home { config, at } => home(&config, at).await,
        Part::Treatment { config, at } => treatment(&config, at).await,
        Part::ByteDesk { credentials, to } => {
            announce(byte_line::serve_desk(&credentials, to).await?);
            told_to_end().await
        }
        Part::Clear { book, deploy, rounds } => close::clear(&book, &deploy, rounds).await,
        Part::Compare { ours, theirs, rounds } => compare::compare(&ours, &theirs, rounds).await,
        Part::ByteHome { credentials } => {
            announce(byte_line::serve_home(&credentials).await?);
            told_to_end().await
        }
    }
}

impl Part {
    /// Its name on the command line.
    pub fn name(&self) -> &'static str {
        match self {
            Part::Hub { .. } => "hub",
            Part::PreparedHome { .. } => "prepared-home",
            Part::Forward { .. } => "forward",
            Part::Home { .. } => "home",
            Part::Treatment { .. } => "treatment",
            Part::ByteDesk { .. } => "byte-desk",
            Part::ByteHome { .. } => "byte-home",
            Part::Clear { .. } => "clear",
            Part::Compare { .. } => "compare",
        }
    }

    /// What starts it: its name and its arguments.
    pub fn arguments(&self) -> Vec<String> {
        let mut arguments = vec![self.name().to_owned()];
        let mut give = |name: &str, value: String| arguments.extend([format!("--{name}"), value]);
        match self {
            Part::Hub { config, at } | Part::Home { config, at } | Part::Treatment { config, at } => {
                give("config", config.display().to_string());
                if let Some(at) = at {
                    give("at", at.to_string());
                }
            }
            Part::PreparedHome { credentials, home, first_answer } => {
                give("credentials", credentials.display().to_string());
                give("home", home.clone());
                give("first-answer", first_answer.to_string());
            }
            Part::Forward { credentials, home, to } => {
                give("credentials", credentials.display().to_string());
                give("home", home.clone());
                give("to", to.to_string());
            }
            Part::ByteDesk { credentials, to } => {
                give("credentials", credentials.display().to_string());
                give("to", to.to_string());
            }
            Part::ByteHome { credentials } => give("credentials", credentials.display().to_string()),
            Part::Clear { book, deploy, rounds } => {
                give("book", book.clone());
                give("deploy", deploy.display().to_string());
                give("rounds", rounds.to_string());
            }
            Part::Compare { ours, theirs, rounds } => {
                give("ours", ours.clone());
                give("theirs", theirs.clone());
                give("rounds", rounds.to_string());
            }
        }
        arguments
    }
}

/// The hub counts what it does, as it does in service.
async fn hub(config: &Path, at: Option<i64>) -> Result<()> {
    let _watch = Watch::new(None)?;
    let clock = clock(at)?;
    let config: broker::Config = roles::read(config)?;
    let deploy = config.regions.parent().map(Path::to_owned).unwrap_or_default();
    let hub = broker::start(config, clock.clone()).await?;
    announce(hub.address());
    let mut words = words();
    while let Some(word) = words.recv().await {
        if word == CUT_OFF {
            let open = hub.store().period_open().await?;
            hub.store().period_cut_off(open.number, clock.now()).await?;
        } else if let Some(asked) = live::Asked::read(&word) {
            output::line(&asked.carry_out(hub.store(), &deploy).await?);
        }
    }
    hub.stop().await;
    Ok(())
}

async fn home(config: &Path, at: Option<i64>) -> Result<()> {
    let _watch = Watch::new(None)?;
    let home = region::start(roles::read(config)?, clock(at)?).await?;
    announce(home.address());
    told_to_end().await?;
    home.stop().await;
    Ok(())
}

async fn treatment(config: &Path, at: Option<i64>) -> Result<()> {
    let _watch = Watch::new(None)?;
    let treatment = his::start(roles::read(config)?, clock(at)?).await?;
    announce(treatment.address());
    told_to_end().await?;
    treatment.stop().await;
    Ok(())
}

fn clock(at: Option<i64>) -> Result<Clock> {
    Ok(match at {
        Some(micros) => Clock::starting_at(Timestamp::from_microsecond(micros)?),
        None => Clock::real(),
    })
}

fn pool(code: &str) -> Result<PoolCode> {
    Ok(PoolCode(RegionCode::new(code)?))
}

fn announce(address: SocketAddr) {
    output::line(&address.to_string());
}

async fn told_to_end() -> Result<()> {
    let mut words = words();
    while words.recv().await.is_some() {}
    Ok(())
}

/// The lines of standard input, until it closes.
fn words() -> mpsc::UnboundedReceiver<String> {
    let (said, words) = mpsc::unbounded_channel();
    thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            if said.send(line).is_err() {
                return;
            }
        }
    });
    words
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(subcommand)]
        part: Part,
    }

    #[test]
    fn what_starts_a_part_reads_back_as_that_part() {
        let (path, to, home) = (PathBuf::from("/a"), SocketAddr::from(([127, 0, 0, 1], 1)), "410700".to_owned());
        for part in [
            Part::Hub { config: path.clone(), at: Some(5) },
            Part::Hub { config: path.clone(), at: None },
            Part::PreparedHome { credentials: path.clone(), home: home.clone(), first_answer: 7 },
            Part::Forward { credentials: path.clone(), home, to },
            Part::Home { config: path.clone(), at: Some(5) },
            Part::Treatment { config: path.clone(), at: None },
            Part::ByteDesk { credentials: path.clone(), to },
            Part::ByteHome { credentials: path.clone() },
            Part::Clear { book: "/a".to_owned(), deploy: path.clone(), rounds: 3 },
            Part::Compare { ours: "/a".to_owned(), theirs: "postgres://a@b/c".to_owned(), rounds: 3 },
        ] {
            let typed = ["bench-part".to_owned()].into_iter().chain(part.arguments());
            assert_eq!(Line::parse_from(typed).part, part);
        }
    }
}
