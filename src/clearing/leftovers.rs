//! `yidi clearing leftovers …`: what may be carried over no further, and how two people end it: by what is
//! booked less what is deducted from it, and as it is corrected.

use anyhow::Result;
use clap::{Args, Subcommand};
use clearing::listed::{Seat, Verdict};
use proto::convert::cleared::{read_funds, read_sums};
use proto::v1;
use proto::v1::leftovers_client::LeftoversClient;
use serde_json::{Value, json};
use settlement::money::Money;
use tonic::transport::Channel;

use crate::cli::Ending;
use crate::filing::{Access, LARGEST_LIST};
use crate::{output, status};

/// What to do about the list.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List what has not ended, the oldest first, each with its owner. Exits with 1 where there is something.
    List {
        /// How to reach the hub.
        #[command(flatten)]
        access: Access,
        /// What has ended too.
        #[arg(long)]
        ended: bool,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Propose how something ends; somebody of another side approves it.
    Propose {
        /// Which, and for whom you decide.
        #[command(flatten)]
        of: OfOne,
        /// clear | return: cleared in the open period, or given back to the treatment place unpaid.
        #[arg(long)]
        verdict: String,
    },
    /// Approve what is proposed: it ends. Where its sum has changed since, by a deduction for example, it is refused, and
    /// proposed anew.
    Approve {
        /// Which, and for whom you decide.
        #[command(flatten)]
        of: OfOne,
        /// clear | return: what you approve.
        #[arg(long)]
        verdict: String,
    },
    /// Refuse what is proposed, or take your own proposal back.
    Refuse {
        /// Which, and for whom you decide.
        #[command(flatten)]
        of: OfOne,
    },
}

/// Something on the list, and for whom somebody decides.
#[derive(Debug, Args)]
pub struct OfOne {
    #[command(flatten)]
    access: Access,
    /// The settlement (setl_id).
    settlement: String,
    /// Its part, as the list says: 0 for the settlement's own lot, -1 for what was deducted or corrected after it was cleared.
    #[arg(long, default_value_t = 0, allow_negative_numbers = true)]
    part: i64,
    /// home | treatment | centre: for whom you decide.
    #[arg(long)]
    seat: String,
    /// Why.
    #[arg(long)]
    reason: String,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// When the hub is not to be reached or refuses.
pub async fn run(command: Command) -> Result<Ending> {
    match command {
        Command::List { access, ended, json } => {
            let listed = client(&access)?.list(v1::LeftoversRequest { ended }).await;
            let leftovers = listed.map_err(|refused| status::to_refusal(&refused))?.into_inner().leftovers;
            print(&leftovers, json)?;
            Ok(Ending::of(leftovers.iter().all(|held| held.standing == "ended")))
        }
        Command::Propose { of, verdict } => {
            let (mut client, json, act) = (client(&of.access)?, of.json, act(of, verdict));
            told(client.propose(act).await, json)
        }
        Command::Approve { of, verdict } => {
            let (mut client, json, act) = (client(&of.access)?, of.json, act(of, verdict));
            told(client.approve(act).await, json)
        }
        Command::Refuse { of } => {
            let (mut client, json, act) = (client(&of.access)?, of.json, act(of, String::new()));
            told(client.refuse(act).await, json)
        }
    }
}

fn client(access: &Access) -> Result<LeftoversClient<Channel>> {
    Ok(LeftoversClient::new(access.channel()?).max_decoding_message_size(LARGEST_LIST))
}

fn act(of: OfOne, verdict: String) -> v1::LeftoverAct {
    let OfOne { access: _, settlement, part, seat, reason, json: _ } = of;
    v1::LeftoverAct { settlement, part, verdict, seat, reason }
}

fn told(answer: Result<tonic::Response<v1::Leftover>, tonic::Status>, as_json: bool) -> Result<Ending> {
    let held = answer.map_err(|refused| status::to_refusal(&refused))?.into_inner();
    print(&[held], as_json)?;
    Ok(Ending::Good)
}

fn print(leftovers: &[v1::Leftover], as_json: bool) -> Result<()> {
    let booked = |held: &v1::Leftover| read_sums(held.sums.as_ref()).owed().to_string();
    let funds = |sums: &Option<v1::FundSums>| sums.as_ref().map(read_funds).unwrap_or_default().total();
    let net = |held: &v1::Leftover| Money::from_fen(held.net).to_string();
    if as_json {
        let rows = leftovers.iter().map(|held| {
            json!({ "setl_id": held.settlement, "part": held.part, "booked": booked(held),
                "deducted": funds(&held.deducted).to_string(), "corrected": funds(&held.corrected).to_string(),
                "owed": net(held), "reason": held.reason,
                "owner": held.owner, "booked_in": held.booked_in, "listed_from": held.listed_from,
                "age_days": held.age_days, "standing": held.standing, "verdict": held.verdict, "seat": held.seat,
                "remark": held.remark })
        });
        output::line(&serde_json::to_string_pretty(&rows.collect::<Vec<Value>>())?);
        return Ok(());
    }
    let columns = ["setl_id", "部分", "登记金额", "审核扣款", "重算更正", "清算净额"];
    let header = columns.into_iter().chain(["原因", "责任方", "费款所属期", "挂账自", "天数", "状态", "说明"]);
    let mut table = output::table(header);
    for held in leftovers {
        table.add_row([
            held.settlement.clone(),
            held.part.to_string(),
            booked(held),
            (-funds(&held.deducted)).to_string(),
            funds(&held.corrected).to_string(),
            net(held),
            held.reason.clone(),
            held.owner.clone(),
            held.booked_in.clone(),
            held.listed_from.clone(),
            held.age_days.to_string(),
            standing(held),
            held.remark.clone(),
        ]);
    }
    output::line(&table.to_string());
    Ok(())
}

/// 待处理, 退回(参保地提出), or 清算(已决定).
fn standing(held: &v1::Leftover) -> String {
    let verdict = Verdict::from_word(&held.verdict).map(Verdict::name).unwrap_or_default();
    match (held.standing.as_str(), Seat::from_word(&held.seat)) {
        ("proposed", Some(seat)) => format!("{verdict}({}提出)", seat.name()),
        ("ended", _) => format!("{verdict}(已决定)"),
        _ => "待处理".to_owned(),
    }
}
