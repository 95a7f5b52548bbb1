//! `yidi reconcile …`: comparing books, what they differ in, and certificates that they agree. A certificate is checked
//! with the authority's certificate alone: nothing of ours need run.

mod acting;
mod certificates;
mod comparing;
mod hospital;
mod leaves;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Subcommand};
use clearing::breaks::{Books, Kind, Proposal};
use proto::v1;
use proto::v1::breaks_client::BreaksClient;
use serde_json::json;
use settlement::money::Money;
use tonic::transport::Channel;

pub(crate) use self::certificates::{as_file, check_signatures};
use crate::cli::Ending;
use crate::filing::{Access, LARGEST_LIST};
use crate::{output, status};

/// What to do about books.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Compare books of one day, now: the hub's with a home region's, a treatment side's with the hub's, or both. The hub
    /// asks the home region itself; the treatment side is asked by letter, compares while it serves, and is waited for.
    /// Exits with 1 where books differ or neither has anything to compare, and with 2 where a side does not compare.
    Day {
        /// Of whom, and how to reach the hub.
        #[command(flatten)]
        with: comparing::With,
        /// The day, yyyy-mm-dd.
        day: String,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// The same over several days.
    #[command(visible_alias = "home")]
    Days {
        /// Of whom, and how to reach the hub.
        #[command(flatten)]
        with: comparing::With,
        /// The first day.
        #[arg(long)]
        from: String,
        /// The last day.
        #[arg(long)]
        to: String,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Show which days hospitals compared with this treatment side, and what differs. Exits with 1 where something does.
    Hospital(hospital::Arguments),
    /// List the breaks that stand, the oldest first. Exits with 1 where there are some.
    Show {
        /// Of which pools, and how to reach the hub.
        #[command(flatten)]
        of: OfPools,
    },
    /// End a break by decision; a comparison that finds it again opens another. One of a hospital's book stays ended while
    /// the same is told of it.
    Resolve {
        /// How to reach the hub.
        #[command(flatten)]
        access: Access,
        /// The break's number.
        number: i64,
        /// Why.
        #[arg(long)]
        reason: String,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Carry out what is proposed about a break, and compare again. Exits with 1 where the break stands still.
    CarryOut {
        /// How to reach the hub.
        #[command(flatten)]
        access: Access,
        /// The break's number.
        number: i64,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Tell what was done about a break, by whom and when, and how it ended.
    History {
        /// How to reach the hub.
        #[command(flatten)]
        access: Access,
        /// The break's number.
        number: i64,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Write certificates of agreement (对账确认书) into a folder, one file each. Exits with 1 where there are none, or not
    /// the leaves of every one that was asked for.
    Certificates {
        /// Of which pools, and how to reach the hub.
        #[command(flatten)]
        of: OfPools,
        /// The first day.
        #[arg(long)]
        from: String,
        /// The last day.
        #[arg(long)]
        to: String,
        /// The folder.
        #[arg(long)]
        out: PathBuf,
        /// Write beside each the leaves that its digest is over, by which anybody can work out digest and sums again. They
        /// name operations, with person numbers, and nobody otherwise.
        #[arg(long)]
        leaves: bool,
    },
    /// Check a certificate of agreement with the authority's certificate alone, and with its leaves whether they are what
    /// was signed; where everything holds, write it as a page to print and file. Exits with 1 where something does not hold.
    VerifyCertificate(certificates::Verifying),
}

/// Of which pools, and how to reach the hub.
#[derive(Debug, Args)]
pub struct OfPools {
    #[command(flatten)]
    access: Access,
    /// The pool that pays; any where it is not given.
    #[arg(long, default_value = "")]
    home: String,
    /// The pool that treated; any where it is not given.
    #[arg(long, default_value = "")]
    treatment: String,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// When the hub is not to be reached or refuses, or a file cannot be read.
pub async fn run(command: Command) -> Result<Ending> {
    match command {
        Command::Day { with, day, json } => comparing::compare(&with, (&day, &day), json).await,
        Command::Days { with, from, to, json } => comparing::compare(&with, (&from, &to), json).await,
        Command::Hospital(arguments) => hospital::run(arguments).await,
        Command::Show { of } => show(&of).await,
        Command::Resolve { access, number, reason, json } => {
            let resolved = client(&access)?.resolve(v1::ResolveBreakRequest { number, reason: reason.clone() }).await;
            resolved.map_err(|refused| status::to_refusal(&refused))?;
            if json {
                print_json(&json!({ "number": number, "ending": "decided", "reason": reason }))?;
            } else {
                output::line(&format!("差异 {number} 已结案"));
            }
            Ok(Ending::Good)
        }
        Command::CarryOut { access, number, json } => acting::carry_out(&access, number, json).await,
        Command::History { access, number, json } => acting::history(&access, number, json).await,
        Command::Certificates { of, from, to, out, leaves } => certificates::write(&of, (from, to), &out, leaves).await,
        Command::VerifyCertificate(verifying) => certificates::verify(&verifying),
    }
}

fn client(access: &Access) -> Result<BreaksClient<Channel>> {
    Ok(BreaksClient::new(access.channel()?).max_decoding_message_size(LARGEST_LIST))
}

async fn show(of: &OfPools) -> Result<Ending> {
    let (mut hub, mut breaks, mut after) = (client(&of.access)?, Vec::new(), String::new());
    loop {
        let (home, treatment) = (of.home.clone(), of.treatment.clone());
        let asked = v1::BreaksRequest { home, treatment, after, ..v1::BreaksRequest::default() };
        let page = hub.list(asked).await.map_err(|refused| status::to_refusal(&refused))?.into_inner();
        breaks.extend(page.breaks);
        after = page.next;
        if after.is_empty() {
            break;
        }
    }
    let branch = |found: &v1::BreakView| found.branch.clone().unwrap_or_default();
    let amount = |fen| Money::from_fen(fen).to_string();
    if of.json {
        let rows = breaks.iter().map(|found| {
            let v1::Branch { day, home, treatment } = branch(found);
            json!({ "number": found.number, "books": found.books, "day": day, "home": home, "treatment": treatment,
                "kind": found.kind, "setl_id": found.settlement, "operation": found.operation,
                "outer_total": amount(found.outer_total), "outer_owed": amount(found.outer_owed),
                "inner_total": amount(found.inner_total), "inner_owed": amount(found.inner_owed),
                "proposed": found.proposed, "age_days": found.age_days })
        });
        print_json(&rows.collect())?;
        return Ok(Ending::of(breaks.is_empty()));
    }
    // A total beside what is owed of it: books may differ in either.
    let header = [
        "编号",
        "账簿",
        "日期",
        "参保地",
        "就医地",
        "差异",
        "setl_id",
        "外侧总额/应付",
        "内侧总额/应付",
        "天数",
        "建议",
    ];
    let mut table = output::table(header);
    for found in &breaks {
        let v1::Branch { day, home, treatment } = branch(found);
        let proposed = Proposal::from_word(&found.proposed);
        table.add_row([
            found.number.to_string(),
            Books::from_word(&found.books).map_or_else(|| found.books.clone(), Books::name),
            day,
            home,
            treatment,
            kind_named(found),
            found.settlement.clone(),
            format!("{}/{}", amount(found.outer_total), amount(found.outer_owed)),
            format!("{}/{}", amount(found.inner_total), amount(found.inner_owed)),
            found.age_days.to_string(),
            proposed.map_or_else(|| found.proposed.clone(), |proposed| proposed.name().to_owned()),
        ]);
    }
    output::line(&table.to_string());
    Ok(Ending::of(breaks.is_empty()))
}

/// What differs, in which books; its word where it is none of ours.
fn kind_named(found: &v1::BreakView) -> String {
    let (books, kind) = (Books::from_word(&found.books), Kind::from_word(&found.kind));
    books.zip(kind).map_or_else(|| found.kind.clone(), |(books, kind)| kind.between(books))
}

fn print_json(value: &serde_json::Value) -> Result<()> {
    output::line(&serde_json::to_string_pretty(value)?);
    Ok(())
}
