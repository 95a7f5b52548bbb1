//! The command line: which subcommands there are. Each is carried out by the file of its name.

use anyhow::Result;
use clap::{Args, Parser, Subcommand};
use tracing_subscriber::EnvFilter;

use crate::roles::Serve;
use crate::{
    bench, books, clearing, demo, filing, inquiry, mailbox, pki, post, prefund, reconcile, roles, rulebook, simulate,
    store, ticket, verify,
};

/// Yidi 异地: a clearing hub for off-site medical care.
#[derive(Debug, Parser)]
#[command(name = "yidi", version)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// How a command ended that could do its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Nothing to complain of: exit code 0.
    Good,
    /// It found something that a script should stop at: exit code 1.
    Found,
}

impl Ending {
    /// Good, or not.
    pub fn of(good: bool) -> Ending {
        if good { Ending::Good } else { Ending::Found }
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start everything on loopback and settle the recorded days, then stay up.
    Demo(demo::Arguments),
    /// Serve as the hub, or look after home regions' books.
    Hub(Hub),
    /// Serve as a home region, or post records into its book.
    Region(Region),
    /// Serve as a treatment side, with the national interface for hospitals.
    His(Serve),
    /// Certificates.
    #[command(subcommand)]
    Pki(pki::Command),
    /// Filings 备案.
    #[command(subcommand)]
    Filing(filing::Command),
    /// Reconciliation 对账: comparing books, breaks, certificates of agreement.
    #[command(subcommand)]
    Reconcile(reconcile::Command),
    /// Clearing 清算: periods, statements, payments.
    #[command(subcommand)]
    Clearing(clearing::Command),
    /// Prefunds 异地预付金.
    #[command(subcommand)]
    Prefund(prefund::Command),
    /// Checks of bills 费用协查, between two regions.
    #[command(subcommand)]
    Inquiry(inquiry::Command),
    /// Problem tickets 问题工单, between two regions.
    #[command(subcommand)]
    Ticket(ticket::Command),
    /// Letters between the hub and the regions.
    #[command(subcommand)]
    Mailbox(mailbox::Command),
    /// Rule books 待遇规则.
    #[command(subcommand)]
    Rulebook(rulebook::Command),
    /// Past settlements.
    #[command(subcommand)]
    Settlement(books::Settlement),
    /// Stores.
    #[command(subcommand)]
    Store(store::Command),
    /// Check that what must always hold does hold in the books of a folder.
    Verify(verify::Arguments),
    /// Run the whole line in simulated worlds in which everything goes wrong.
    Simulate(simulate::Arguments),
    /// Measure speed, as ratios taken in one run.
    #[command(subcommand)]
    Bench(bench::Command),
    /// One process of a measured line; `bench` starts it.
    #[command(subcommand, hide = true)]
    BenchPart(bench::part::Part),
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
struct Hub {
    #[command(flatten)]
    serve: Option<Serve>,
    #[command(subcommand)]
    command: Option<books::Command>,
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
struct Region {
    #[command(flatten)]
    serve: Option<Serve>,
    #[command(subcommand)]
    command: Option<post::Command>,
}

impl Cli {
    /// Logs go to standard error; `RUST_LOG` decides how much.
    pub fn start_logging(&self) {
        let level = match self.command {
            Command::Hub(_) | Command::Region(_) | Command::His(_) => "info",
            // What goes wrong there is meant to.
            Command::Simulate(_) => "off",
            Command::Demo(_)
            | Command::Pki(_)
            | Command::Filing(_)
            | Command::Prefund(_)
            | Command::Reconcile(_)
            | Command::Clearing(_)
            | Command::Inquiry(_)
            | Command::Ticket(_)
            | Command::Mailbox(_)
            | Command::Rulebook(_)
            | Command::Settlement(_)
            | Command::Store(_)
            | Command::Verify(_)
            | Command::Bench(_)
            | Command::BenchPart(_) => "error",
        };
        let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    }

    /// Carries the command out.
    ///
    /// # Errors
    /// When it could not do its work; the text says why.
    pub async fn run(self) -> Result<Ending> {
        match self.command {
            Command::Demo(arguments) => demo::run(arguments).await,
            Command::Hub(Hub { serve: Some(serve), command: _ }) => done(roles::hub(&serve).await),
            Command::Hub(Hub { serve: None, command: Some(command) }) => books::run(command).await,
            Command::Hub(Hub { serve: None, command: None }) => {
                anyhow::bail!("give --config FILE to serve, or missing | restore to look after a home region's book")
            }
            Command::His(serve) => done(roles::his(&serve).await),
            Command::Region(Region { serve: Some(serve), command: _ }) => done(roles::region(&serve).await),
            Command::Region(Region { serve: None, command: Some(command) }) => post::run(command).await,
            Command::Region(Region { serve: None, command: None }) => {
                anyhow::bail!("give --config FILE to serve, or post FILE --config FILE to post records")
            }
            Command::Pki(command) => done(pki::run(command)),
            Command::Filing(command) => filing::run(command).await,
            Command::Prefund(command) => prefund::run(command).await,
            Command::Reconcile(command) => reconcile::run(command).await,
            Command::Clearing(command) => clearing::run(command).await,
            Command::Inquiry(command) => inquiry::run(command).await,
            Command::Ticket(command) => ticket::run(command).await,
            Command::Mailbox(command) => mailbox::run(command).await,
            Command::Rulebook(command) => rulebook::run(command).await,
            Command::Settlement(command) => books::run_settlement(command).await,
            Command::Store(command) => done(store::run(command)),
            Command::Verify(arguments) => verify::run(arguments).await,
            // It has a runtime a seed of its own.
            Command::Simulate(arguments) => tokio::task::block_in_place(|| simulate::run(arguments)),
            Command::Bench(command) => bench::run(command).await,
            Command::BenchPart(part) => done(bench::part::run(part).await),
        }
    }
}

fn done(ran: Result<()>) -> Result<Ending> {
    ran.map(|()| Ending::Good)
}
