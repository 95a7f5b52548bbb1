//! `yidi clearing deduction …`: the treatment agency's review of bills, one by one or by file.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use clearing::given_id;
use clearing::review::Standing;
use proto::convert::cleared::{read_funds, write_funds};
use proto::v1;
use proto::v1::deductions_client::DeductionsClient;
use region::sheet::{Faults, Row};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use settlement::adjudication::{Fund, FundShares};
use settlement::ids::SettlementId;
use settlement::money::Money;
use tonic::transport::Channel;

use crate::cli::Ending;
use crate::filing::{Access, LARGEST_LIST};
use crate::rows::{self, Before};
use crate::{output, status};

/// What to do with deductions.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Lodge one; lodging the same id twice lodges once.
    Lodge {
        /// How to reach the hub.
        #[command(flatten)]
        access: Access,
        /// The deduction's id, made by you: begin it with your region's code, since others make theirs too.
        #[arg(long)]
        id: String,
        /// The settlement (setl_id).
        #[arg(long)]
        settlement: String,
        /// How much is taken off each fund.
        #[command(flatten)]
        funds: Funds,
        /// Why.
        #[arg(long)]
        reason: String,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Lodge every row of a CSV file (id,setl_id,basic,large_sum,catastrophic,civil_servant,assistance,reason; yuan; UTF-8)
    /// and report row by row. Where a row cannot be read, or the file is cut off, nothing is lodged.
    Import {
        /// How to reach the hub.
        #[command(flatten)]
        access: Access,
        /// The file.
        file: PathBuf,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Record, for the agency of the treatment place, what the hospital of the settlement objects by letter (异议函). It
    /// stands until both agree or you take the deduction back; no day is set by which to object, and silence agrees to
    /// nothing.
    Object {
        /// How to reach the hub.
        #[command(flatten)]
        access: Access,
        /// The deduction's id.
        id: String,
        /// The hospital that objects (fixmedins_code): that of the settlement.
        #[arg(long, value_name = "CODE")]
        by_hospital: String,
        /// The number of its letter.
        #[arg(long, value_name = "NUMBER")]
        letter: String,
        /// The day that the letter bears, yyyy-mm-dd.
        #[arg(long, value_name = "DAY")]
        dated: String,
        /// Why the hospital objects.
        #[arg(long)]
        reason: String,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Record what agency and hospital agree on, the sums as lodged where none is given; it is taken off from then on. After
    /// an objection, --reason says how that was settled.
    Agree {
        /// Which, and how to reach the hub.
        #[command(flatten)]
        of: OfOne,
        /// How much of each fund.
        #[command(flatten)]
        funds: Funds,
    },
    /// Take one back that was not agreed on.
    Withdraw {
        /// Which, and how to reach the hub.
        #[command(flatten)]
        of: OfOne,
    },
    /// List deductions.
    List {
        /// How to reach the hub.
        #[command(flatten)]
        access: Access,
        /// Of one settlement only.
        #[arg(long, default_value = "")]
        settlement: String,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
}

/// A deduction, and how to reach the hub.
#[derive(Debug, Args)]
pub struct OfOne {
    #[command(flatten)]
    access: Access,
    /// The deduction's id.
    id: String,
    /// Why.
    #[arg(long, default_value = "")]
    reason: String,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

/// What funds bear, in yuan.
#[derive(Debug, Args)]
pub struct Funds {
    /// 统筹基金.
    #[arg(long, allow_negative_numbers = true)]
    basic: Option<Decimal>,
    /// 大额补助.
    #[arg(long, allow_negative_numbers = true)]
    large_sum: Option<Decimal>,
    /// 大病保险.
    #[arg(long, allow_negative_numbers = true)]
    catastrophic: Option<Decimal>,
    /// 公务员补助.
    #[arg(long, allow_negative_numbers = true)]
    civil_servant: Option<Decimal>,
    /// 医疗救助.
    #[arg(long, allow_negative_numbers = true)]
    assistance: Option<Decimal>,
}

impl Funds {
    /// What is given; none where no fund is.
    fn given(&self) -> Result<Option<v1::FundSums>> {
        let Funds { basic, large_sum, catastrophic, civil_servant, assistance } = self;
        let is_given = [basic, large_sum, catastrophic, civil_servant, assistance].into_iter().any(Option::is_some);
        is_given.then(|| self.read()).transpose()
    }

    fn read(&self) -> Result<v1::FundSums> {
        let mut shares = FundShares::default();
        for (fund, yuan) in [
            (Fund::Basic, self.basic),
            (Fund::LargeSum, self.large_sum),
            (Fund::Catastrophic, self.catastrophic),
            (Fund::CivilServant, self.civil_servant),
            (Fund::Assistance, self.assistance),
        ] {
            shares.set(fund, Money::from_decimal(yuan.unwrap_or_default()).with_context(|| fund.word())?);
        }
        Ok(write_funds(&shares))
    }
}

/// The columns of a file of deductions, in any order.
const COLUMNS: &[&str] =
    &["id", "setl_id", "basic", "large_sum", "catastrophic", "civil_servant", "assistance", "reason"];
/// The columns that funds have there.
const FUND_COLUMNS: [(&str, Fund); 5] = [
    ("basic", Fund::Basic),
    ("large_sum", Fund::LargeSum),
    ("catastrophic", Fund::Catastrophic),
    ("civil_servant", Fund::CivilServant),
    ("assistance", Fund::Assistance),
];

/// Runs the command.
///
/// # Errors
/// When the hub is not to be reached or refuses, or a file cannot be read.
pub async fn run(command: Command) -> Result<Ending> {
    match command {
        Command::Lodge { access, id, settlement, funds, reason, json } => {
            let deducted = Some(funds.read()?);
            let request = v1::LodgeDeductionRequest { id, settlement, deducted, reason };
            let lodged = client(&access)?.lodge(request).await.map_err(|refused| status::to_refusal(&refused))?;
            print(&[lodged.into_inner()], json)
        }
        Command::Import { access, file, json } => import(&access, &file, json).await,
        Command::Object { access, id, by_hospital, letter, dated, reason, json } => {
            let objection = v1::HospitalObjection { hospital: by_hospital, letter, written_on: dated, reason };
            let request = v1::ObjectDeductionRequest { id, objection: Some(objection) };
            let changed = client(&access)?.object(request).await.map_err(|refused| status::to_refusal(&refused))?;
            print(&[changed.into_inner()], json)
        }
        Command::Agree { of, funds } => {
            let (mut client, json, request) = (client(&of.access)?, of.json, change(of, funds.given()?));
            let changed = client.agree(request).await.map_err(|refused| status::to_refusal(&refused))?;
            print(&[changed.into_inner()], json)
        }
        Command::Withdraw { of } => {
            let (mut client, json, request) = (client(&of.access)?, of.json, change(of, None));
            let changed = client.withdraw(request).await.map_err(|refused| status::to_refusal(&refused))?;
            print(&[changed.into_inner()], json)
        }
        Command::List { access, settlement, json } => {
            let asked = v1::ListDeductionsRequest { settlement, ..v1::ListDeductionsRequest::default() };
            print(&all(&mut client(&access)?, asked).await?, json)
        }
    }
}

/// All that is asked for, page by page.
async fn all(
    client: &mut DeductionsClient<Channel>,
    mut asked: v1::ListDeductionsRequest,
) -> Result<Vec<v1::DeductionView>> {
    let mut deductions = Vec::new();
    loop {
        let page = client.list(asked.clone()).await.map_err(|refused| status::to_refusal(&refused))?.into_inner();
        deductions.extend(page.deductions);
        if page.next.is_empty() {
            return Ok(deductions);
        }
        asked.after = page.next;
    }
}

fn client(access: &Access) -> Result<DeductionsClient<Channel>> {
    Ok(DeductionsClient::new(access.channel()?).max_decoding_message_size(LARGEST_LIST))
}

fn change(of: OfOne, agreed: Option<v1::FundSums>) -> v1::ChangeDeductionRequest {
    v1::ChangeDeductionRequest { id: of.id, agreed, reason: of.reason }
}

async fn import(access: &Access, file: &Path, as_json: bool) -> Result<Ending> {
    let rows = read_file(file).context("nothing was lodged")?;
    let mut client = client(access)?;
    let mut report: Vec<(usize, Result<String, String>)> = Vec::new();
    for (line, request) in rows {
        let lodged = client.lodge(request).await.map_err(|refused| status::to_refusal(&refused).to_string());
        report.push((line, lodged.map(|lodged| lodged.into_inner().standing)));
    }
    Ok(Ending::of(output::by_line(&report, ("standing", "lodged"), as_json)?))
}

fn read_file(file: &Path) -> Result<Vec<(usize, v1::LodgeDeductionRequest)>, Faults> {
    rows::read(file, (COLUMNS, &[]), read_row)
}

fn read_row(row: &mut Row<'_>, before: &mut Before) -> Option<v1::LodgeDeductionRequest> {
    let id = given_id::read(row.text("id")).map(str::to_owned);
    let id = id.map_err(|fault| row.fault("id", fault)).ok();
    let reason = row.needed("reason");
    let settlement = row.id("setl_id", SettlementId::new);
    let mut shares = FundShares::default();
    let amounts = FUND_COLUMNS.map(|(column, fund)| row.money(column).map(|amount| shares.set(fund, amount)));
    if amounts.iter().all(Option::is_some) && shares.total().is_zero() {
        row.fault("basic", "nothing is taken off in any of the five columns of funds");
    }
    if let Some(id) = &id {
        before.ensure_new(row, "id", id.clone());
    }
    let (id, settlement, deducted) = (id?, settlement?.to_string(), Some(write_funds(&shares)));
    Some(v1::LodgeDeductionRequest { id, settlement, deducted, reason: reason? })
}

fn print(deductions: &[v1::DeductionView], as_json: bool) -> Result<Ending> {
    let total = |sums: &Option<v1::FundSums>| {
        sums.as_ref().map_or_else(|| "—".to_owned(), |sums| read_funds(sums).total().to_string())
    };
    if as_json {
        let rows = deductions.iter().map(|held| {
            json!({ "id": held.id, "setl_id": held.settlement, "standing": held.standing, "reason": held.reason,
                "remark": held.remark, "objection": held.objection.as_ref().map(json_of_objection),
                "deducted": funds_json(held.deducted.as_ref()),
                "agreed": held.agreed.as_ref().map(|agreed| funds_json(Some(agreed))), "month": held.month,
                "returned": held.returned })
        });
        output::line(&serde_json::to_string_pretty(&rows.collect::<Vec<_>>())?);
        return Ok(Ending::Good);
    }
    let mut table = output::table(["编号", "setl_id", "状态", "扣款", "认定", "清算月", "原因", "异议", "说明"]);
    for held in deductions {
        table.add_row([
            held.id.clone(),
            held.settlement.clone(),
            standing_of(held),
            total(&held.deducted),
            total(&held.agreed),
            held.month.clone(),
            held.reason.clone(),
            held.objection.as_ref().map(in_words).unwrap_or_default(),
            remark(held),
        ]);
    }
    output::line(&table.to_string());
    Ok(Ending::Good)
}

/// Why it stands so; not what the hospital objects, which is said beside it.
fn remark(held: &v1::DeductionView) -> String {
    let is_said = held.objection.as_ref().is_some_and(|objection| objection.reason == held.remark);
    if is_said { String::new() } else { held.remark.clone() }
}

/// Where a deduction stands: what was returned from the list is agreed on still, and counts nowhere.
pub(super) fn standing_of(held: &v1::DeductionView) -> String {
    if held.returned { Standing::Released.name().to_owned() } else { standing_named(&held.standing) }
}

/// Where a deduction stands, as statements call it; its word where it is none of ours.
pub(super) fn standing_named(word: &str) -> String {
    Standing::from_word(word).map_or_else(|| word.to_owned(), |standing| standing.name().to_owned())
}

/// A hospital's objection in one line: who, by which letter of which day, and why.
pub(super) fn in_words(objection: &v1::HospitalObjection) -> String {
    let v1::HospitalObjection { hospital, letter, written_on, reason } = objection;
    format!("{hospital} {letter} ({written_on}): {reason}")
}

/// The same as JSON.
pub(super) fn json_of_objection(objection: &v1::HospitalObjection) -> Value {
    let v1::HospitalObjection { hospital, letter, written_on, reason } = objection;
    json!({ "hospital": hospital, "letter": letter, "dated": written_on, "reason": reason })
}

fn funds_json(sums: Option<&v1::FundSums>) -> Value {
    let shares = sums.map(read_funds).unwrap_or_default();
    shares.iter().map(|(fund, amount)| (fund.word().to_owned(), Value::from(amount.to_string()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "id,setl_id,basic,large_sum,catastrophic,civil_servant,assistance,reason\n";

    fn read(text: &str) -> Result<Vec<(usize, v1::LodgeDeductionRequest)>, Faults> {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("deductions.csv");
        std::fs::write(&file, text).expect("a file");
        read_file(&file)
    }

    /// Of a file of these rows, each fault as line and column.
    fn faults(rows: &str) -> Vec<(u64, &'static str)> {
        let Faults(faults) = read(&format!("{HEADER}{rows}")).expect_err("it is faulty");
        faults.iter().map(|fault| (fault.line, fault.column)).collect()
    }

    #[test]
    fn what_was_returned_from_the_list_is_not_said_to_be_agreed() {
        for (standing, returned, told) in [
            ("agreed", false, "已认定"),
            ("agreed", true, "已退回"),
            ("released", false, "已退回"),
            ("withdrawn", false, "已撤回"),
        ] {
            let held = v1::DeductionView { standing: standing.into(), returned, ..v1::DeductionView::default() };
            assert_eq!(standing_of(&held), told, "{standing} {returned}");
        }
    }

    #[test]
    fn every_row_of_a_good_file_is_read_with_its_line() {
        let rows =
            read(&format!("\u{feff}{HEADER}D1,S1,12.5,,,,,超量用药\r\n\nD2,S2,0,,3,,,重复收费\r\n")).expect("rows");
        let told: Vec<_> = rows
            .iter()
            .map(|(line, row)| (*line, row.id.as_str(), row.deducted.unwrap_or_default().basic, row.reason.as_str()))
            .collect();
        assert_eq!(told, [(2, "D1", 1_250, "超量用药"), (4, "D2", 0, "重复收费")]);
    }

    #[test]
    fn one_faulty_row_is_told_by_line_and_column_and_no_row_is_read() {
        let good = "D1,S1,12.5,,,,,超量用药\n";
        for (rows, at) in [
            (format!("{good}D2,S2,\"1,000.00\",,,,,原因\n"), vec![(3, "basic")]),
            (format!("{good},S2,1,,,,,\n"), vec![(3, "id"), (3, "reason")]),
            (format!("{good}D 2,S2,1,,,,,原因\n"), vec![(3, "id")]),
            (format!("{good}D2,,-1,x,,,,原因\n"), vec![(3, "setl_id"), (3, "basic"), (3, "large_sum")]),
            (format!("{good}D2,S2,,,0,,,原因\n"), vec![(3, "basic")]),
            (format!("{good}D1,S2,1,,,,,原因\n"), vec![(3, "id")]),
            (format!("{good}D2,S2,1,000.00,,,,,原因\n"), vec![(3, "")]),
            (format!("{good}D2,S2,1,,,,,cut of"), vec![(3, "")]),
            (String::new(), vec![(0, "")]),
        ] {
            assert_eq!(faults(&rows), at, "{rows}");
        }
    }
}
