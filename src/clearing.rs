//! `yidi clearing …`: a member's, and the hub's operators', work on periods. What the days themselves ask for, the hub
//! does by itself.

mod behind;
mod deductions;
mod leftovers;
pub mod papers;
pub mod pay;
pub mod payables;
mod printed;
mod run;
pub mod simulate;
mod told;
mod trace;
mod year;

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use clap::{Args, Subcommand};
use clearing::composition::of_pair;
use clearing::document::Cell;
use clearing::month::Month;
use clearing::obligation::Payer;
use clearing::period::Pair;
use clearing::statement::ByCode;
use proto::convert::cleared::read_cleared;
use proto::v1;
use proto::v1::clearing_client::ClearingClient;
use serde_json::{Value, json};
use settlement::ids::{MemberCode, RegionCode};
use settlement::money::Money;
use tonic::transport::Channel;

use self::payables::is_undated;
use self::printed::{json_of_period, print_json, print_period, print_periods};
use crate::cli::Ending;
use crate::filing::{Access, LARGEST_LIST};
use crate::{output, status};

/// Said of what has no last day.
pub const DAY_UNKNOWN: &str = "day unknown: list the year's working days in calendar.toml and start the hub again";

/// How many settlements one question brings.
const A_PAGE: u32 = 1_000;

/// What to do about clearing.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the periods that are not closed, and what each waits for. Warns where the calendar lacks a year's working days
    /// that it should have by now, and exits with 1 where by when a notice that is out is paid is not known for that.
    Open {
        /// How to reach the hub.
        #[command(flatten)]
        access: Access,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Carry out what is due of all periods now, rather than when the hub next looks.
    Run {
        /// How to reach the hub.
        #[command(flatten)]
        access: Access,
        /// Prove this month again first, yyyy-mm: what its proof found apart has been mended. Exits with 1 where it fails
        /// still.
        #[arg(long, value_name = "MONTH")]
        prove: Option<String>,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Show a period: its days, its steps with their reports, its pairs of members.
    Show {
        /// Which, and how to reach the hub.
        #[command(flatten)]
        month: OfMonth,
    },
    /// Show a pair's statement, lot by lot.
    Statement {
        /// Which pair, and how to reach the hub.
        #[command(flatten)]
        pair: OfPair,
        /// An older version; the newest where it is not given.
        #[arg(long, default_value_t = 0)]
        version: u32,
    },
    /// Write a member's statements, details, shares and notices of a period into a folder of its month: as workbooks, tables
    /// and pages to print. What an earlier run wrote of that month is taken away first. What is not stated yet is marked as a
    /// draft (未定稿); what is objected to and not stated again yet (异议处理中、待重出) is written without its settlements.
    /// Exits with 1 where the settlements behind a row do not come to it.
    Documents {
        /// Which period, and how to reach the hub.
        #[command(flatten)]
        month: OfMonth,
        /// The member's code; where it is not given, each member that your certificate speaks for.
        #[arg(long)]
        member: Option<String>,
        /// The table of regions, for names.
        #[arg(long, default_value = "deploy/regions.csv")]
        regions: PathBuf,
        /// Members' bank accounts, CSV: member,name,bank,number. Each who receives must be in it.
        #[arg(long, default_value = "deploy/accounts.csv")]
        accounts: PathBuf,
        /// Leave out the lists of the settlements behind each row, to which the rows lead.
        #[arg(long)]
        no_settlements: bool,
        /// Write this version of each pair's statement (清算表) alone, an older one for example, without lists.
        #[arg(long, default_value_t = 0, hide_default_value = true)]
        version: u32,
        /// The folder in which each month has its own, such as 2025-06.
        #[arg(long)]
        out: PathBuf,
    },
    /// List what stands behind a lot of a period, settlement by settlement: booked, carried in and out, deducted; it comes
    /// to the lot's sum in the statement.
    Settlements {
        /// Which, and how to reach the hub.
        #[command(flatten)]
        month: OfMonth,
        /// The pool that pays.
        #[arg(long)]
        home: String,
        /// The pool that treated.
        #[arg(long)]
        treatment: String,
        /// employee | resident.
        #[arg(long)]
        insurance: String,
        /// inpatient | chronic | outpatient | purchase.
        #[arg(long)]
        care: String,
    },
    /// Follow a settlement to its entries, the months that it was carried into, what is taken off it, and the statements,
    /// notices and payments in which it counts.
    Trace {
        /// How to reach the hub.
        #[command(flatten)]
        access: Access,
        /// The settlement (setl_id).
        settlement: String,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Confirm a version of a statement, as one side of it.
    Confirm {
        /// Which pair, and how to reach the hub.
        #[command(flatten)]
        pair: OfPair,
        /// home | treatment: your side.
        #[arg(long)]
        side: String,
        /// The version that you have looked at.
        #[arg(long)]
        version: u32,
    },
    /// Object to settlements in a version; they alone are cleared later, and the statement is issued again.
    Object {
        /// Which pair, and how to reach the hub.
        #[command(flatten)]
        pair: OfPair,
        /// home | treatment: your side.
        #[arg(long)]
        side: String,
        /// The version that you have looked at.
        #[arg(long)]
        version: u32,
        /// Why.
        #[arg(long)]
        reason: String,
        /// The settlements (setl_id).
        #[arg(required = true)]
        settlements: Vec<String>,
    },
    /// Show the notices of payment and receipt of a period (付款通知书, 收款通知书).
    Notice {
        /// Which, and how to reach the hub.
        #[command(flatten)]
        month: OfMonth,
    },
    /// Record a payment as your side has it; both sides do, each insurance's money by itself. Recording it anew corrects
    /// your side's record, until both sides have recorded the same or accepted the other's (accept-payment).
    Pay {
        /// Which pair, and how to reach the hub.
        #[command(flatten)]
        pair: OfPair,
        /// What was paid.
        #[command(flatten)]
        payment: pay::Payment,
        /// employee | resident: whose money. It may be left out where one alone is due.
        #[arg(long, default_value = "")]
        insurance: String,
    },
    /// Accept the two records of a payment, different as they are, as of one payment, as one side of it: each bank has its
    /// own serial number, or the money came on another day than it went. Once a person of each side has accepted the same
    /// two, it is paid.
    AcceptPayment {
        /// Which pair, and how to reach the hub.
        #[command(flatten)]
        pair: OfPair,
        /// employee | resident: whose money.
        #[arg(long)]
        insurance: String,
        /// Which records, and why.
        #[command(flatten)]
        accepting: pay::Accepting,
    },
    /// Review deductions (审核扣款).
    #[command(subcommand)]
    Deduction(deductions::Command),
    /// What may be carried over no further (清算遗留), and how two people end it.
    #[command(subcommand)]
    Leftovers(leftovers::Command),
    /// Show whether a year is cleared whole, and what is left of it. Exits with 1 where it should be by now, or where this
    /// hub has cleared none of it.
    Year {
        /// How to reach the hub.
        #[command(flatten)]
        access: Access,
        /// The year.
        year: i32,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// List what a region's own node was told of statements, notices, deductions, corrections and prefunds, from its store
    /// and without the hub. The node may be serving.
    Told(told::Arguments),
    /// Fill a month nationally by the shape of the yearly figures, and run it through to its closing; exits with 1 where
    /// an invariant does not hold.
    Simulate(Box<simulate::Arguments>),
    /// Close a period where everything is paid; tells what it waits for, and exits with 1, where it is not.
    Close {
        /// Which, and how to reach the hub.
        #[command(flatten)]
        month: OfMonth,
    },
}

/// A period, and how to reach the hub.
#[derive(Debug, Args)]
pub struct OfMonth {
    #[command(flatten)]
    access: Access,
    /// The month of settlement, yyyy-mm.
    #[arg(long)]
    month: String,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

/// A pair of members in a period, and how to reach the hub.
#[derive(Debug, Args)]
pub struct OfPair {
    #[command(flatten)]
    month: OfMonth,
    /// The member that owes.
    #[arg(long)]
    home: String,
    /// The member that is owed.
    #[arg(long)]
    treatment: String,
}

/// Runs the command.
///
/// # Errors
/// When the hub is not to be reached or refuses.
pub async fn run(command: Command) -> Result<Ending> {
    match command {
        Command::Open { access, json } => {
            let v1::PeriodsReply { periods, calendar_lacks } = asked(&access, "").await?;
            print_periods(&periods, json)?;
            if calendar_lacks != 0 {
                output::note(&format!(
                    "warning: the hub's calendar lacks the working days of {calendar_lacks}: what is due in it has no last \
                     day and is never late; list them in calendar.toml and start the hub again"
                ));
            }
            let undated: Vec<&str> = periods.iter().filter(|period| is_undated(period)).map(|of| &*of.month).collect();
            if !undated.is_empty() {
                output::note(&format!("{}: notices are out, {DAY_UNKNOWN}", undated.join(", ")));
            }
            Ok(Ending::of(undated.is_empty()))
        }
        Command::Run { access, prove, json } => run::now(&access, prove.unwrap_or_default(), json).await,
        Command::Show { month } => {
            let period = period(&month).await?;
            if month.json {
                print_json(&json_of_period(&period))?
            } else {
                print_period(&period)
            }
            Ok(Ending::Good)
        }
        Command::Statement { pair, version } => statement(pair, version).await,
        Command::Documents { month, member, regions, accounts, no_settlements, version, out } => {
            let (member, speaks_for, settlements) = (member.as_deref(), month.access.speaks_for()?, !no_settlements);
            let (regions, accounts) = (&regions, &accounts);
            let wanted = papers::Wanted { member, speaks_for, regions, accounts, settlements, version };
            let period = period(&month).await?;
            let written = papers::write(&mut client(&month.access)?, &period, &wanted, &out).await?;
            output::files(&written.files, month.json)?;
            Ok(Ending::of(written.lists_agree))
        }
        Command::Settlements { month, home, treatment, insurance, care } => {
            behind::show(&month, v1::Lot { home, treatment, insurance, care }).await
        }
        Command::Trace { access, settlement, json } => trace::show(&mut client(&access)?, settlement, json).await,
        Command::Confirm { pair, side, version } => pay::answer(pair, side, version, Vec::new(), String::new()).await,
        Command::Object { pair, side, version, reason, settlements } => {
            pay::answer(pair, side, version, settlements, reason).await
        }
        Command::Notice { month } => pay::notices(&month).await,
        Command::Pay { pair, payment, insurance } => pay::pay(pair, payment, insurance).await,
        Command::AcceptPayment { pair, insurance, accepting } => pay::accept(pair, insurance, accepting).await,
        Command::Deduction(command) => deductions::run(command).await,
        Command::Leftovers(command) => leftovers::run(command).await,
        Command::Year { access, year, json } => year::show(&mut client(&access)?, year, json).await,
        Command::Told(arguments) => told::list(&arguments).await,
        Command::Simulate(arguments) => simulate::run(&arguments).await,
        Command::Close { month } => run::close(&month).await,
    }
}

fn client(access: &Access) -> Result<ClearingClient<Channel>> {
    Ok(ClearingClient::new(access.channel()?).max_decoding_message_size(LARGEST_LIST))
}

async fn asked(access: &Access, month: &str) -> Result<v1::PeriodsReply> {
    let asked = client(access)?.periods(v1::PeriodsRequest { month: month.to_owned() }).await;
    Ok(asked.map_err(|refused| status::to_refusal(&refused))?.into_inner())
}

async fn periods(access: &Access, month: &str) -> Result<Vec<v1::PeriodView>> {
    Ok(asked(access, month).await?.periods)
}

async fn period(of: &OfMonth) -> Result<v1::PeriodView> {
    ensure!(!of.month.is_empty(), "--month is empty: give one, such as 2025-06");
    periods(&of.access, &of.month).await?.pop().context("the hub tells of no such period")
}

async fn statement(pair: OfPair, version: u32) -> Result<Ending> {
    let OfPair { month: OfMonth { access, month, json: as_json }, home, treatment } = pair;
    let asked =
        v1::StatementRequest { month: month.clone(), home: home.clone(), treatment: treatment.clone(), version };
    let told = client(&access)?.statement(asked).await.map_err(|refused| status::to_refusal(&refused))?.into_inner();
    let lots = told.lots.iter().map(read_cleared).collect::<Result<std::collections::BTreeMap<_, _>, _>>();
    let lots = lots.map_err(|fault| anyhow::anyhow!("the hub's answer: {} {}", fault.field, fault.problem))?;
    if as_json {
        let rows = lots.iter().map(|(lot, cleared)| {
            let gross = cleared.gross();
            json!({ "home": lot.home.to_string(), "treatment": lot.treatment.to_string(),
                "insurance": lot.insurance.word(), "care": lot.care.word(), "visits": gross.visits,
                "total": gross.total.to_string(), "booked": cleared.booked.owed().to_string(),
                "corrected": cleared.corrected.owed().to_string(),
                "carried_out": cleared.carried_out.owed().to_string(),
                "carried_in": cleared.carried_in.owed().to_string(), "deducted": cleared.deducted.owed().to_string(),
                "recomputed": cleared.recomputed.owed().to_string(),
                "payers": payers(&gross), "owed": cleared.owed().to_string(),
                "by_payer": { "booked": payers(&cleared.booked), "corrected": payers(&cleared.corrected),
                    "carried_out": payers(&cleared.carried_out), "carried_in": payers(&cleared.carried_in),
                    "deducted": payers(&cleared.deducted), "recomputed": payers(&cleared.recomputed) } })
        });
        let rows: Vec<Value> = rows.collect();
        print_json(&json!({ "version": told.version, "due": Money::from_fen(told.due).to_string(),
            "nothing": told.nothing, "lots": rows }))?;
        return Ok(Ending::Good);
    }
    if told.nothing {
        output::line(printed::NOTHING_STATED);
        return Ok(Ending::Good);
    }
    let (home, treatment) = (read_member("home", &home)?, read_member("treatment", &treatment)?);
    let month = Month::from_text(&month).context("--month is not a month such as 2025-06")?;
    let document = of_pair(month, &Pair { home, treatment }, &lots, &ByCode);
    let mut table = output::table(document.columns.iter().map(|column| column.name.as_str()));
    let shown = |cell: &Cell| match cell {
        Cell::Text(text) => text.clone(),
        Cell::Count(count) => count.to_string(),
        Cell::Money(amount) => amount.to_string(),
    };
    for row in &document.rows {
        table.add_row(row.cells.iter().map(shown));
    }
    let total = |column| document.total(column).as_ref().map(shown).unwrap_or_default();
    table
        .add_row((0..document.columns.len()).map(|column| if column == 0 { "合计".to_owned() } else { total(column) }));
    output::numbers_from(&mut table, 4);
    output::line(&table.to_string());
    output::line(&format!(
        "{}，{}",
        printed::edition(told.version),
        printed::due_in_capitals(Money::from_fen(told.due))
    ));
    Ok(Ending::Good)
}

fn read_member(field: &str, code: &str) -> Result<MemberCode> {
    RegionCode::new(code).map(MemberCode).map_err(|fault| anyhow::anyhow!("--{field} {code} {fault}"))
}

fn payers(sums: &clearing::obligation::Sums) -> Value {
    Payer::all().map(|payer| (payer.word().to_owned(), Value::from(payer.share_of(sums).to_string()))).collect()
}
