//! `yidi clearing leftovers …`: what may be carried over no further, and how two people end it, one by one or by file: by
//! what is booked less what is deducted from it, and as it is corrected.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::{Args, Subcommand};
use clearing::breaks::reason;
use clearing::listed::{Seat, Verdict};
use futures_util::{StreamExt, stream};
use proto::convert::cleared::{read_funds, read_sums};
use proto::v1;
use proto::v1::leftovers_client::LeftoversClient;
use region::sheet::{Fault, Faults, Row};
use serde_json::{Value, json};
use settlement::ids::SettlementId;
use settlement::money::Money;
use tonic::Response;
use tonic::transport::Channel;

use crate::cli::Ending;
use crate::filing::{Access, LARGEST_LIST};
use crate::rows::{self, Before};
use crate::status::CallFault;
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
    /// Carry out every row of a CSV file (setl_id,part,act,verdict,reason; act: propose | approve | refuse; UTF-8), as
    /// these commands do one by one, and report row by row. Where a row cannot be read, or the hub would refuse it, nothing
    /// is done. The same file again changes nothing.
    Import {
        /// How to reach the hub.
        #[command(flatten)]
        access: Access,
        /// The file.
        file: PathBuf,
        /// home | treatment | centre: for whom you decide.
        #[arg(long)]
        seat: String,
        /// As JSON.
        #[arg(long)]
        json: bool,
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
            let leftovers = all(&mut client(&access)?, ended).await?;
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
        Command::Import { access, file, seat, json } => import(&client(&access)?, &file, &seat, json).await,
    }
}

/// The whole list, page by page.
async fn all(client: &mut LeftoversClient<Channel>, ended: bool) -> Result<Vec<v1::Leftover>> {
    let (mut leftovers, mut after) = (Vec::new(), String::new());
    loop {
        let page = client.list(v1::LeftoversRequest { ended, after, limit: 0 }).await;
        let page = page.map_err(|refused| status::to_refusal(&refused))?.into_inner();
        leftovers.extend(page.leftovers);
        after = page.next;
        if after.is_empty() {
            return Ok(leftovers);
        }
    }
}

/// The columns of a file of decisions, in any order.
const COLUMNS: &[&str] = &["setl_id", "part", "act", "verdict", "reason"];

/// So many rows of a file are with the hub at once.
const AT_ONCE: usize = 16;

/// What a row has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doing {
    Propose,
    Approve,
    Refuse,
}

impl Doing {
    fn from_word(word: &str) -> Option<Doing> {
        match word {
            "propose" => Some(Doing::Propose),
            "approve" => Some(Doing::Approve),
            "refuse" => Some(Doing::Refuse),
            _ => None,
        }
    }
}

async fn import(client: &LeftoversClient<Channel>, file: &Path, seat: &str, as_json: bool) -> Result<Ending> {
    ensure!(Seat::from_word(seat).is_some(), "--seat {seat} is not home, treatment or centre");
    let nothing = "nothing was decided";
    let rows = rows::read(file, (COLUMNS, &[]), |row, before| read_row(row, before, seat)).context(nothing)?;
    // First the hub is asked about every row: what it would refuse, it refuses before anything is done.
    let mut faults = Vec::new();
    for (line, told) in each(client, &rows, true).await {
        let refusal = match told {
            Ok(_) => continue,
            Err(CallFault::Refused(refusal)) => refusal,
            Err(silent) => return Err(anyhow::Error::new(silent).context(nothing)),
        };
        let column = column_of(refusal.field.as_deref());
        let problem = refusal.detail.clone().unwrap_or_else(|| refusal.to_string());
        faults.push(Fault { file: file.to_owned(), line: line as u64, column, problem });
    }
    if !faults.is_empty() {
        return Err(anyhow::Error::new(Faults(faults)).context(nothing));
    }
    let told = each(client, &rows, false).await.into_iter();
    let report: Vec<_> =
        told.map(|(line, told)| (line, told.map(|held| held.standing).map_err(|fault| fault.to_string()))).collect();
    Ok(Ending::of(output::by_line(&report, ("standing", "decided"), as_json)?))
}

fn read_row(row: &mut Row<'_>, before: &mut Before, seat: &str) -> Option<(Doing, v1::LeftoverAct)> {
    let settlement = row.id("setl_id", SettlementId::new);
    let part = match row.text("part") {
        "" => Some(0),
        text => text.parse::<i64>().ok(),
    };
    if part.is_none() {
        row.fault("part", "is not a number");
    }
    let (doing, reason) = (row.word("act", Doing::from_word), row.needed("reason"));
    let verdict = match doing {
        Some(Doing::Refuse) if row.text("verdict").is_empty() => Some(String::new()),
        Some(Doing::Refuse) => {
            row.fault("verdict", "must be empty where act is refuse");
            None
        }
        Some(Doing::Propose | Doing::Approve) | None => {
            row.word("verdict", Verdict::from_word).map(|verdict| verdict.word().to_owned())
        }
    };
    if let (Some(settlement), Some(part)) = (&settlement, part) {
        before.ensure_new(row, "setl_id", format!("{settlement} {part}"));
    }
    let (settlement, seat) = (settlement?.to_string(), seat.to_owned());
    let (part, verdict, reason) = (part?, verdict?, reason?);
    Some((doing?, v1::LeftoverAct { settlement, part, verdict, seat, reason, check_only: false }))
}

/// Has the hub carry out rows, or only say whether they may be, several at once; in the order of the file.
async fn each(
    client: &LeftoversClient<Channel>,
    rows: &[(usize, (Doing, v1::LeftoverAct))],
    check_only: bool,
) -> Vec<(usize, Result<v1::Leftover, CallFault>)> {
    let asked = rows.iter().map(|(line, (doing, act))| {
        let (mut client, act) = (client.clone(), v1::LeftoverAct { check_only, ..act.clone() });
        async move {
            let told = match doing {
                Doing::Propose => client.propose(act).await,
                Doing::Approve => client.approve(act).await,
                Doing::Refuse => client.refuse(act).await,
            };
            (*line, told.map(Response::into_inner).map_err(|refused| status::to_refusal(&refused)))
        }
    });
    stream::iter(asked).buffered(AT_ONCE).collect().await
}

/// The column of a file that a field of a decision comes from.
fn column_of(field: Option<&str>) -> &'static str {
    match field {
        Some("settlement") => "setl_id",
        Some("part") => "part",
        Some("verdict") => "verdict",
        Some("reason") => "reason",
        // The sum, or who decides: then this cannot be done.
        Some(_) | None => "act",
    }
}

fn client(access: &Access) -> Result<LeftoversClient<Channel>> {
    Ok(LeftoversClient::new(access.channel()?).max_decoding_message_size(LARGEST_LIST))
}

fn act(of: OfOne, verdict: String) -> v1::LeftoverAct {
    let OfOne { access: _, settlement, part, seat, reason, json: _ } = of;
    v1::LeftoverAct { settlement, part, verdict, seat, reason, check_only: false }
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
            reason::told(&held.reason),
            super::told::side_named(&held.owner).to_owned(),
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
pub(super) fn standing(held: &v1::Leftover) -> String {
    let verdict = Verdict::from_word(&held.verdict).map(Verdict::name).unwrap_or_default();
    match (held.standing.as_str(), Seat::from_word(&held.seat)) {
        ("proposed", Some(seat)) => format!("{verdict}({}提出)", seat.name()),
        ("ended", _) => format!("{verdict}(已决定)"),
        _ => "待处理".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "setl_id,part,act,verdict,reason\n";

    type Rows = Vec<(usize, (Doing, v1::LeftoverAct))>;

    fn read(rows: &str) -> Result<Rows, Faults> {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("decisions.csv");
        std::fs::write(&file, format!("{HEADER}{rows}")).expect("a file");
        rows::read(&file, (COLUMNS, &[]), |row, before| read_row(row, before, "home"))
    }

    #[test]
    fn every_row_of_a_good_file_is_read_with_its_line() {
        let rows = read("S1,0,propose,return,查实\nS1,-1,approve,clear,查实\n\nS2,,refuse,,未查实\n").expect("rows");
        let told: Vec<_> = rows
            .iter()
            .map(|(line, (doing, act))| (*line, *doing, act.settlement.as_str(), act.part, act.verdict.as_str()))
            .collect();
        let [first, second] = [(2, Doing::Propose, "S1", 0, "return"), (3, Doing::Approve, "S1", -1, "clear")];
        assert_eq!(told, [first, second, (5, Doing::Refuse, "S2", 0, "")]);
        assert!(rows.iter().all(|(_, (_, act))| act.seat == "home" && !act.check_only));
    }

    #[test]
    fn one_faulty_row_is_told_by_line_and_column_and_no_row_is_read() {
        let good = "S1,0,propose,clear,查实\n";
        for (row, at) in [
            ("S2,0,propose,clear,\n", vec![(3, "reason")]),
            ("S2,own,propose,pay,查实\n", vec![(3, "part"), (3, "verdict")]),
            (",0,decide,clear,查实\n", vec![(3, "setl_id"), (3, "act")]),
            ("S2,0,approve,,查实\n", vec![(3, "verdict")]),
            ("S2,0,refuse,clear,查实\n", vec![(3, "verdict")]),
            ("S1,,approve,clear,查实\n", vec![(3, "setl_id")]),
            ("S2,0,propose,clear,cut of", vec![(3, "")]),
        ] {
            let Faults(faults) = read(&format!("{good}{row}")).expect_err("it is faulty");
            assert_eq!(faults.iter().map(|fault| (fault.line, fault.column)).collect::<Vec<_>>(), at, "{row}");
        }
    }
}
