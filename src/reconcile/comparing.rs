//! `yidi reconcile day` and `days`: comparing books now rather than when their job next does. The hub compares its own with
//! a home region's by itself; a treatment side, which asks the hub and not the other way round, is asked by letter and
//! waited for.

use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use clap::Args;
use clearing::breaks::Books;
use proto::v1;
use proto::v1::breaks_client::BreaksClient;
use serde_json::{Value, json};
use tonic::transport::Channel;

use super::{client, print_json};
use crate::cli::Ending;
use crate::filing::Access;
use crate::{output, status};

/// How often the hub is asked whether the treatment side has compared.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Whose books are compared, and how to reach the hub.
#[derive(Debug, Args)]
#[group(id = "whom", required = true, multiple = true, args = ["home", "treatment"])]
pub struct With {
    #[command(flatten)]
    access: Access,
    /// A home region's pool: its book is compared with the hub's.
    #[arg(long)]
    home: Option<String>,
    /// A treatment side's pool: its book is compared with the hub's.
    #[arg(long)]
    treatment: Option<String>,
    /// How many seconds to wait for the treatment side. The letter waits longer: it compares once it is back.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    wait: u64,
}

/// Compares, and tells of each two books what it came to.
///
/// # Errors
/// When the hub is not to be reached or refuses, or a side does not compare.
pub async fn compare(with: &With, (from, to): (&str, &str), as_json: bool) -> Result<Ending> {
    let (mut client, mut compared) = (client(&with.access)?, Vec::new());
    let (from, to) = (from.to_owned(), to.to_owned());
    if let Some(treatment) = with.treatment.clone() {
        let asked = v1::AskTreatmentRequest { treatment, from: from.clone(), to: to.clone() };
        let asked = client.ask_treatment(asked).await.map_err(|refused| status::to_refusal(&refused))?;
        let waited = answer(&mut client, asked.into_inner().number, Duration::from_secs(with.wait)).await?;
        compared.push((Books::TreatmentHub, waited));
    }
    if let Some(home) = with.home.clone() {
        let outcome = client.compare(v1::CompareRequest { home, from, to }).await;
        let outcome = outcome.map_err(|refused| status::to_refusal(&refused))?;
        compared.push((Books::HubHome, outcome.into_inner()));
    }
    if as_json {
        print_json(&compared.iter().map(|(books, outcome)| row(*books, outcome)).collect())?;
    } else {
        for (books, outcome) in &compared {
            if is_empty(outcome) {
                output::line(&format!("{}：这些日子两本账都没有记录，无可对账", books.name()));
                continue;
            }
            let v1::ComparisonOutcome { agreed, breaks, pending } = outcome;
            let told = format!("按日、按两地统筹区一致 {agreed} 项，差异 {breaks} 笔，结果待确认 {pending} 笔");
            output::line(&format!("{}：{told}", books.name()));
        }
    }
    Ok(Ending::of(compared.iter().all(|(_, outcome)| outcome.breaks == 0 && !is_empty(outcome))))
}

/// What a treatment side's comparison came to, once it says so.
async fn answer(client: &mut BreaksClient<Channel>, number: i64, within: Duration) -> Result<v1::ComparisonOutcome> {
    let answered = async {
        loop {
            let asked =
                client.asked(v1::AskedRequest { number }).await.map_err(|refused| status::to_refusal(&refused))?;
            match asked.into_inner().answer {
                Some(v1::AskedAnswer { outcome: Some(outcome), .. }) => return Ok(outcome),
                Some(v1::AskedAnswer { problem, .. }) => bail!("the treatment side could not compare: {problem}"),
                None => tokio::time::sleep(LOOK_EVERY).await,
            }
        }
    };
    let silent = |_| {
        anyhow!(
            "the treatment side has not compared within {} seconds: is it serving? Its letter waits",
            within.as_secs()
        )
    };
    tokio::time::timeout(within, answered).await.map_err(silent)?
}

/// Whether neither book has anything of the days: that they do not differ then is no agreement.
fn is_empty(outcome: &v1::ComparisonOutcome) -> bool {
    let v1::ComparisonOutcome { agreed, breaks, pending } = outcome;
    [agreed, breaks, pending].iter().all(|count| **count == 0)
}

fn row(books: Books, outcome: &v1::ComparisonOutcome) -> Value {
    let v1::ComparisonOutcome { agreed, breaks, pending } = outcome;
    json!({ "books": books.word(), "agreed": agreed, "breaks": breaks, "pending": pending,
        "compared": !is_empty(outcome) })
}
