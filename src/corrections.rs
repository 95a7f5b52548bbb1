//! `yidi settlement correct propose | approve | refuse | list`: settlements that a late change affects, corrected as a
//! batch by two people, one of the home member and another of it or of the centre, through the hub.

use anyhow::{Result, anyhow, ensure};
use clap::{Args, Subcommand};
use clearing::corrections::Correction;
use clearing::listed::Seat;
use proto::convert::read_shares;
use proto::v1;
use proto::v1::corrections_client::CorrectionsClient;
use serde_json::{Value, json};
use settlement::adjudication::{Fund, Payers};
use settlement::ids::SettlementId;
use settlement::money::Money;
use tonic::transport::Channel;

use crate::cli::Ending;
use crate::filing::Access;
use crate::{output, status};

/// What to do with corrections.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Put a batch forward: what affected settlements come to otherwise by now. Nothing is changed by it yet.
    Propose {
        /// How to reach the hub.
        #[command(flatten)]
        access: Access,
        /// A pool of the region.
        #[arg(long)]
        home: String,
        /// The batch's id, made by you; putting the same id forward twice does so once.
        #[arg(long)]
        batch: String,
        /// A settlement (setl_id); as often as there are some. All that are affected where none is named.
        #[arg(long = "settlement")]
        settlements: Vec<String>,
        /// A batch in force, to be taken back as a whole.
        #[arg(long, default_value = "", conflicts_with = "settlements")]
        undoes: String,
        /// Why.
        #[arg(long)]
        reason: String,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Approve a batch that somebody else has put forward. It takes effect once the home region has taken it.
    Approve {
        /// Which, and how to reach the hub.
        #[command(flatten)]
        of: OfBatch,
        /// What is to be said of it.
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// Refuse a batch, or take back one that was not decided on.
    Refuse {
        /// Which, and how to reach the hub.
        #[command(flatten)]
        of: OfBatch,
        /// Why.
        #[arg(long)]
        reason: String,
    },
    /// List batches, the newest first.
    List {
        /// How to reach the hub.
        #[command(flatten)]
        access: Access,
        /// A pool; all of the certificate where none is named.
        #[arg(long, default_value = "")]
        home: String,
        /// With one settlement only.
        #[arg(long, default_value = "")]
        settlement: String,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
}

/// A batch as it was seen, and how to reach the hub.
#[derive(Debug, Args)]
pub struct OfBatch {
    #[command(flatten)]
    access: Access,
    /// The batch's id.
    batch: String,
    /// The digest that stands beside it where you looked at it.
    #[arg(long)]
    digest: String,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the command. A batch that failed is a finding.
///
/// # Errors
/// When the hub is not to be reached or refuses.
pub async fn run(command: Command) -> Result<Ending> {
    match command {
        Command::Propose { access, home, batch, settlements, undoes, reason, json } => {
            let asked = v1::ProposeCorrectionsRequest { home, batch, settlements, undoes, reason };
            let held = client(&access)?.propose(asked).await.map_err(|refused| status::to_refusal(&refused))?;
            print(&[held.into_inner()], json)
        }
        Command::Approve { of, reason } => {
            let (mut client, json, asked) = (client(&of.access)?, of.json, decision(of, reason)?);
            let held = client.approve(asked).await.map_err(|refused| status::to_refusal(&refused))?.into_inner();
            let ending = Ending::of(held.standing != "failed");
            print(&[held], json)?;
            Ok(ending)
        }
        Command::Refuse { of, reason } => {
            let (mut client, json, asked) = (client(&of.access)?, of.json, decision(of, reason)?);
            let held = client.refuse(asked).await.map_err(|refused| status::to_refusal(&refused))?;
            print(&[held.into_inner()], json)
        }
        Command::List { access, home, settlement, json } => {
            let mut client = client(&access)?;
            let mut asked = v1::ListCorrectionsRequest { home, settlement, after: String::new() };
            let mut batches = Vec::new();
            loop {
                let page =
                    client.list(asked.clone()).await.map_err(|refused| status::to_refusal(&refused))?.into_inner();
                batches.extend(page.batches);
                if page.last.is_empty() {
                    return print(&batches, json);
                }
                asked.after = page.last;
            }
        }
    }
}

fn client(access: &Access) -> Result<CorrectionsClient<Channel>> {
    Ok(CorrectionsClient::new(access.channel()?))
}

fn decision(of: OfBatch, reason: String) -> Result<v1::DecideCorrectionsRequest> {
    ensure!(!of.digest.is_empty(), "--digest is empty: give the one that stands beside the batch");
    Ok(v1::DecideCorrectionsRequest { batch: of.batch, digest: of.digest, reason })
}

fn print(batches: &[v1::CorrectionBatch], as_json: bool) -> Result<Ending> {
    if as_json {
        let rows = batches.iter().map(json_of).collect::<Result<Vec<Value>>>()?;
        output::line(&serde_json::to_string_pretty(&rows)?);
        return Ok(Ending::Good);
    }
    for held in batches {
        let undoes = if held.undoes.is_empty() { String::new() } else { format!(", takes {} back", held.undoes) };
        let month = if held.month.is_empty() { String::new() } else { format!(", cleared in {}", held.month) };
        output::line(&format!("{} of {}: {}{undoes}{month}", held.batch, held.home, held.standing));
        output::line(&format!("  {}", held.reason));
        if !held.remark.is_empty() {
            output::line(&format!("  remark: {}", held.remark));
        }
        output::line(&format!("  {}", by_whom(held)));
        output::line(&format!("  digest {}", held.digest));
        let mut table = output::table(["setl_id", "基金原支付", "更正后", "差额", "其中", "个人应得(-应补)"]);
        for correction in read(held)? {
            let (told, now) = (correction.told.funds.total(), correction.now.funds.total());
            table.add_row([
                correction.settlement.to_string(),
                told.to_string(),
                now.to_string(),
                (now - told).to_string(),
                by_fund(&correction),
                correction.patient_gets().to_string(),
            ]);
        }
        output::line(&table.to_string());
    }
    output::line(&format!("{} batches", batches.len()));
    Ok(Ending::Good)
}

/// For whom a batch was put forward and decided.
fn by_whom(held: &v1::CorrectionBatch) -> String {
    let name = |word: &str| Seat::from_word(word).map_or_else(|| word.to_owned(), |seat| seat.name().to_owned());
    let decided = match held.decided_seat.as_str() {
        "" => String::new(),
        seat => format!(", decided for {}", name(seat)),
    };
    format!("put forward for {}{decided}", name(&held.proposed_seat))
}

fn by_fund(correction: &Correction) -> String {
    let moved = correction.moves();
    let moved = moved.iter().filter(|(_, amount)| !amount.is_zero());
    moved.map(|(fund, amount)| format!("{} {amount}", fund.name())).collect::<Vec<_>>().join(", ")
}

fn read(held: &v1::CorrectionBatch) -> Result<Vec<Correction>> {
    let shares = |shares: &Option<v1::Shares>| shares.as_ref().map(read_shares).unwrap_or_default();
    let read = held.corrections.iter().map(|one| {
        let settlement = SettlementId::new(&one.settlement).map_err(|fault| anyhow!("{} {fault}", one.settlement))?;
        Ok(Correction { settlement, told: shares(&one.told), now: shares(&one.now) })
    });
    read.collect()
}

fn json_of(held: &v1::CorrectionBatch) -> Result<Value> {
    let corrections = read(held)?.into_iter().map(|correction| {
        json!({ "setl_id": correction.settlement.to_string(), "told": payers(&correction.told),
            "now": payers(&correction.now), "difference": correction.moves().total().to_string(),
            "patient_gets": correction.patient_gets().to_string() })
    });
    Ok(json!({ "batch": held.batch, "home": held.home, "standing": held.standing, "undoes": held.undoes,
        "reason": held.reason, "remark": held.remark, "digest": held.digest, "month": held.month,
        "proposed_by": held.proposed_by, "decided_by": held.decided_by,
        "proposed_seat": held.proposed_seat, "decided_seat": held.decided_seat,
        "corrections": corrections.collect::<Vec<_>>() }))
}

fn payers(payers: &Payers) -> Value {
    let Payers { funds, account, cash, hospital } = payers;
    let funds = Fund::ALL.map(|fund| (fund.word(), funds.of(fund)));
    let others: [(&str, Money); 3] = [("account", *account), ("cash", *cash), ("hospital", *hospital)];
    let all = funds.into_iter().chain(others);
    all.map(|(payer, amount)| (payer.to_owned(), Value::from(amount.to_string()))).collect()
}
