//! `yidi prefund …`: how much of home members' advances is in use, the yearly re-set with its papers and payments,
//! emergency increases, and who is suspended for not paying.

mod papers;
mod requests;
mod unpaid;

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Subcommand;
use clearing::prefund::Watch;
use clearing::prefund::quarter::MONTHS as QUARTER_MONTHS;
use proto::v1;
use proto::v1::prefunds_client::PrefundsClient;
use rust_decimal::Decimal;
use serde_json::json;
use settlement::money::Money;
use settlement::person::Insurance;
use tonic::transport::Channel;

use crate::clearing::pay::{Accepting, Payment};
use crate::cli::Ending;
use crate::filing::Access;
use crate::{output, status};

/// What to do about prefunds.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show how much of each prefund is in use. Exits with 1 where one is in the red.
    Watch {
        /// How to reach the hub.
        #[command(flatten)]
        access: Access,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Show the yearly table (预付金额度调整明细表) as it would be set now.
    Table {
        /// How to reach the hub.
        #[command(flatten)]
        access: Access,
        /// The year that it is for.
        year: i32,
        /// What was settled in months of the quarter that were not cleared here (本期结算金额 of their statements), CSV:
        /// home,treatment,insurance,month,owed (yuan).
        #[arg(long, value_name = "FILE")]
        quarter: Option<PathBuf>,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Set every prefund for a year from last year's fourth quarter, where the calendar does not; setting it again changes
    /// nothing but what an opening balance was accepted of since, which is set anew.
    Reset {
        /// How to reach the hub.
        #[command(flatten)]
        access: Access,
        /// The year.
        year: i32,
        /// What was settled in months of the quarter that were not cleared here (本期结算金额 of their statements), CSV:
        /// home,treatment,insurance,month,owed (yuan).
        #[arg(long, value_name = "FILE")]
        quarter: Option<PathBuf>,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Ask for an increase of a prefund that is in the red, as the member that holds it: at most what brings its use down to
    /// the yellow mark. It counts once the home member has accepted it and both have recorded the payment.
    TopUp {
        /// Which, and how to reach the hub.
        #[command(flatten)]
        of: requests::Named,
        /// How much, in yuan.
        #[arg(long)]
        amount: Decimal,
        /// Why.
        #[arg(long)]
        reason: String,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Enter what a prefund held before this hub knew of it, for the other side to accept: before the first re-set that moves
    /// money, or anew after it where one that was entered in time was not accepted. The year is then set anew.
    Open {
        /// Which, and how to reach the hub.
        #[command(flatten)]
        of: requests::Named,
        /// home | treatment: your side.
        #[arg(long)]
        side: String,
        /// How much, in yuan.
        #[arg(long)]
        amount: Decimal,
        /// On what it rests: the notice or receipt of the old prefund.
        #[arg(long)]
        reason: String,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Accept what the other side has asked for: an increase, or an opening balance.
    Accept {
        /// What, and how to reach the hub.
        #[command(flatten)]
        of: requests::OfChange,
    },
    /// Refuse what the other side has asked for.
    Refuse {
        /// What, and how to reach the hub.
        #[command(flatten)]
        of: requests::OfChange,
    },
    /// List every change of prefunds with what was paid for it. Exits with 1 where something is unpaid after its last day.
    Changes {
        /// How to reach the hub.
        #[command(flatten)]
        access: Access,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Record a payment for a change as your side has it; both sides do. Recording it anew corrects your side's record,
    /// until both sides have recorded the same or accepted the other's (accept-payment).
    Pay {
        /// Which, and how to reach the hub.
        #[command(flatten)]
        of: requests::Named,
        /// What was paid.
        #[command(flatten)]
        payment: Payment,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Accept the two records of a payment, different as they are, as of one payment, as one side of it: each bank has its
    /// own serial number, or the money came on another day than it went. Once a person of each side has accepted the same
    /// two, it is paid.
    AcceptPayment {
        /// Which, and how to reach the hub.
        #[command(flatten)]
        of: requests::Named,
        /// Which records, and why.
        #[command(flatten)]
        accepting: Accepting,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Write a year's table and its notices of payment and receipt, emergency increases among them, into a folder of the
    /// year: as workbooks, tables and pages.
    Documents {
        /// How to reach the hub.
        #[command(flatten)]
        access: Access,
        /// The year.
        year: i32,
        /// The member's code; where it is not given, each member that your certificate speaks for.
        #[arg(long)]
        member: Option<String>,
        /// The table of regions, for names.
        #[arg(long, default_value = "deploy/regions.csv")]
        regions: PathBuf,
        /// Members' bank accounts, CSV: member,name,bank,number. Each who receives must be in it.
        #[arg(long, default_value = "deploy/accounts.csv")]
        accounts: PathBuf,
        /// The folder in which each year has its own, such as 2026.
        #[arg(long)]
        out: PathBuf,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// List home members that leave months unpaid, those too whose last day is not known, and who is suspended. Exits with 1
    /// where there is one.
    Unpaid {
        /// How to reach the hub.
        #[command(flatten)]
        access: Access,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Suspend direct settlement for a home member that has left too many months unpaid. What is settled stays.
    Suspend {
        /// Whom, and why.
        #[command(flatten)]
        of: unpaid::OfPair,
        /// A month that the home member says it has paid, and of which nothing came: kept with the reason. It counts again
        /// once that record is as old as the calendar file says. May be given several times.
        #[arg(long, value_name = "MONTH")]
        nothing_came: Vec<String>,
    },
    /// Resume direct settlement for a home member.
    Resume {
        /// Whom, and why.
        #[command(flatten)]
        of: unpaid::OfPair,
    },
}

/// Runs the command.
///
/// # Errors
/// When the hub is not to be reached or refuses.
pub async fn run(command: Command) -> Result<Ending> {
    match command {
        Command::Watch { access, json } => {
            let watched = client(&access)?.watch(v1::PrefundsRequest {}).await;
            let prefunds = watched.map_err(|refused| status::to_refusal(&refused))?.into_inner().prefunds;
            print_watched(&prefunds, json)?;
            Ok(Ending::of(prefunds.iter().all(|prefund| prefund.watch != "red")))
        }
        Command::Table { access, year, quarter, json } => {
            let sums = requests::read_quarter(quarter.as_deref())?;
            let table = client(&access)?.table(v1::PrefundYear { year, sums }).await;
            print_table(&table.map_err(|refused| status::to_refusal(&refused))?.into_inner().rows, json)
        }
        Command::Reset { access, year, quarter, json } => {
            let sums = requests::read_quarter(quarter.as_deref())?;
            let table = client(&access)?.reset(v1::PrefundYear { year, sums }).await;
            print_table(&table.map_err(|refused| status::to_refusal(&refused))?.into_inner().rows, json)
        }
        Command::TopUp { of, amount, reason, json } => {
            let requests::Named { access, id, home, treatment, insurance } = of;
            let amount = Money::from_decimal(amount).context("--amount")?.fen();
            let request = v1::TopUpRequest { id, home, treatment, insurance, amount, reason };
            let topped_up = client(&access)?.top_up(request).await.map_err(|refused| status::to_refusal(&refused))?;
            let topped_up = topped_up.into_inner();
            if !json {
                output::line(&format!("编号 {}: 待参保省答复 (yidi prefund accept --id '{0}')", topped_up.id));
            }
            print_watched(&[topped_up], json)?;
            Ok(Ending::Good)
        }
        Command::Open { of, side, amount, reason, json } => {
            let requests::Named { access, id, home, treatment, insurance } = of;
            let amount = Money::from_decimal(amount).context("--amount")?.fen();
            let request = v1::OpenPrefundRequest { id, home, treatment, insurance, side, amount, reason };
            let opened = client(&access)?.open(request).await.map_err(|refused| status::to_refusal(&refused))?;
            papers::print(&[opened.into_inner()], json)?;
            Ok(Ending::Good)
        }
        Command::Accept { of } => requests::answer(of, true).await,
        Command::Refuse { of } => requests::answer(of, false).await,
        Command::Changes { access, json } => {
            let changes = papers::changes(&mut client(&access)?).await?;
            papers::print(&changes, json)?;
            Ok(Ending::of(!changes.iter().any(|change| change.late)))
        }
        Command::Pay { of, payment, json } => {
            let requests::Named { access, id, home, treatment, insurance } = of;
            let (side, payment) = payment.read()?;
            let request = v1::PrefundPayRequest { home, treatment, insurance, id, side, payment: Some(payment) };
            let paid = client(&access)?.pay(request).await.map_err(|refused| status::to_refusal(&refused))?;
            papers::print(&[paid.into_inner()], json)?;
            Ok(Ending::Good)
        }
        Command::AcceptPayment { of, accepting, json } => requests::accept_payment(of, accepting, json).await,
        Command::Documents { access, year, member, regions, accounts, out, json } => {
            let (member, speaks_for) = (member.as_deref(), access.speaks_for()?);
            let wanted = papers::Wanted { member, speaks_for, regions: &regions, accounts: &accounts };
            let files = papers::write(&mut client(&access)?, year, &wanted, &out).await?;
            output::files(&files, json)?;
            Ok(Ending::Good)
        }
        Command::Unpaid { access, json } => unpaid::list(&mut client(&access)?, json).await,
        Command::Suspend { of, nothing_came } => unpaid::suspend(of, true, nothing_came).await,
        Command::Resume { of } => unpaid::suspend(of, false, Vec::new()).await,
    }
}

fn client(access: &Access) -> Result<PrefundsClient<Channel>> {
    Ok(PrefundsClient::new(access.channel()?))
}

fn print_watched(prefunds: &[v1::PrefundView], as_json: bool) -> Result<()> {
    let yuan = |fen| Money::from_fen(fen).to_string();
    if as_json {
        let rows = prefunds.iter().map(|held| {
            json!({ "home": held.home, "treatment": held.treatment, "insurance": held.insurance,
                "prefund": yuan(held.prefund), "asked": yuan(held.asked), "due": yuan(held.due),
                "outstanding": yuan(held.outstanding), "share": held.share,
                "watch": held.watch, "id": held.id })
        });
        output::line(&serde_json::to_string_pretty(&rows.collect::<Vec<_>>())?);
        return Ok(());
    }
    let mut table =
        output::table(["参保省", "就医省", "险种", "预付金", "待答复", "待拨付", "在用", "使用比例", "状态"]);
    for held in prefunds {
        let share = held.share.parse::<Decimal>().map(|share| format!("{:.2} %", share * Decimal::ONE_HUNDRED));
        table.add_row([
            held.home.clone(),
            held.treatment.clone(),
            named(&held.insurance),
            yuan(held.prefund),
            yuan(held.asked),
            yuan(held.due),
            yuan(held.outstanding),
            share.unwrap_or_else(|_| "—".into()),
            Watch::from_word(&held.watch).map_or(held.watch.as_str(), |watch| watch.name()).to_owned(),
        ]);
    }
    output::line(&table.to_string());
    Ok(())
}

fn print_table(rows: &[v1::PrefundRow], as_json: bool) -> Result<Ending> {
    let yuan = |fen| Money::from_fen(fen).to_string();
    let rows = rows.iter().map(|row| Ok((row, papers::read_basis(&row.basis)?))).collect::<Result<Vec<_>>>()?;
    if as_json {
        let rows = rows.iter().map(|(row, basis)| {
            json!({ "home": row.home, "treatment": row.treatment, "insurance": row.insurance,
                "previous": yuan(row.previous), "months": papers::json_of_months(basis),
                "basis": basis.sum().to_string(), "average": basis.monthly_average().to_string(),
                "new": yuan(row.new), "difference": yuan(row.difference) })
        });
        output::line(&serde_json::to_string_pretty(&rows.collect::<Vec<_>>())?);
        return Ok(Ending::Good);
    }
    let words = ["参保省", "就医省", "险种", "结算金额来源"];
    let months = QUARTER_MONTHS.map(|month| format!("{month}月结算金额"));
    let figures = ["上年四季度结算金额", "上年四季度月均", "新预付金", "应补（退）"];
    let columns = words.into_iter().chain(["原预付金"]).chain(months.iter().map(String::as_str)).chain(figures);
    let mut table = output::table(columns);
    for (row, basis) in &rows {
        let named = [row.home.clone(), row.treatment.clone(), named(&row.insurance), basis.sources()];
        let months = basis.months.map(|settled| settled.amount.to_string());
        let sums = [basis.sum(), basis.monthly_average()].map(|amount| amount.to_string());
        let sums = sums.into_iter().chain([yuan(row.new), yuan(row.difference)]);
        table.add_row(named.into_iter().chain([yuan(row.previous)]).chain(months).chain(sums));
    }
    output::numbers_from(&mut table, words.len());
    output::line(&table.to_string());
    Ok(Ending::Good)
}

fn named(insurance: &str) -> String {
    Insurance::from_word(insurance).map_or_else(|| insurance.to_owned(), |insurance| insurance.name().to_owned())
}
