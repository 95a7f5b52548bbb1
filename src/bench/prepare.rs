//! Distinct stays to be settled: people, and through the national interface their admission, 50 charges and
//! discharge. Everything is real but the people.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use jiff::ToSpan;
use jiff::civil::{Date, date};
use serde_json::{Value, json};

use super::crew::Crew;
use super::load::{self, Amount};
use crate::desk::Desk;

/// Charge lines of a stay.
const LINES: usize = 50;
/// How many stays one person has; each begins after the one before has ended.
const STAYS_EACH: usize = 8;
/// How many stays are prepared at once.
const AT_ONCE: usize = 32;

/// The region whose enrollees are treated.
pub const HOME: &str = "410700";
const INSTITUTION: &str = "H31011500101";
const DRUG: &str = "XA10BAA019A001010161209";

/// A stay that is ready to be settled.
#[derive(Clone)]
pub struct Stay {
    /// The message that settles it.
    pub settle: Value,
}

/// Copies `deploy` to a folder and gives its home region as many people as the stays need.
///
/// # Errors
/// When files cannot be read or written.
pub fn deploy_with_people(deploy: &Path, folder: &Path, stays: usize) -> Result<()> {
    copy(deploy, folder)?;
    let people_folder = folder.join("demo/people");
    let mut people = String::from("psn_no,name,document_type,document,card,sex,birth,home\n");
    let mut entitlements = String::from(
        "psn_no,insurance,psn_type,from,to,continuous_since,tier,civil_servant,suspended_from,suspended_to,employer\n",
    );
    for number in 0..stays.div_ceil(STAYS_EACH) {
        let person = person(number);
        writeln!(people, "{person},测试{number},01,BENCH{number:012},C{number:09},1,1970-01-01,{HOME}")?;
        writeln!(entitlements, "{person},employee,11,2010-01-01,,2010-01-01,,0,,,")?;
    }
    fs::write(people_folder.join("people.csv"), people)?;
    fs::write(people_folder.join("entitlements.csv"), entitlements)?;
    for (file, header) in
        [("identities.csv", "psn_no,class,from,to\n"), ("qualifications.csv", "psn_no,disease,name,from,to\n")]
    {
        fs::write(people_folder.join(file), header)?;
    }
    let postings = folder.join("demo/postings.csv");
    let header = fs::read_to_string(&postings)?.lines().next().unwrap_or_default().to_owned();
    fs::write(postings, header + "\n").context("cannot write the postings")
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))? {
        let path = entry?.path();
        let target = to.join(path.file_name().unwrap_or_default());
        if path.is_dir() {
            copy(&path, &target)?;
        } else {
            fs::copy(&path, &target).with_context(|| format!("cannot copy {}", path.display()))?;
        }
    }
    Ok(())
}

fn person(number: usize) -> String {
    format!("{HOME}{number:08}")
}

/// Admits, charges and discharges `count` stays, numbered from `first`.
///
/// # Errors
/// When a transaction is refused; the text is the desk's.
pub async fn stays(desk: &Desk, first: usize, count: usize) -> Result<Vec<Stay>> {
    let ready = std::sync::Arc::new(std::sync::Mutex::new(vec![None; count]));
    let (desk, slots) = (desk.clone(), ready.clone());
    load::closed_loop(Amount::Count(count), AT_ONCE, &Crew::new(), move |turn| {
        let (desk, slots) = (desk.clone(), slots.clone());
        async move {
            let stay = prepare(&desk, first + turn.number).await?;
            if let Ok(mut slots) = slots.lock() {
                slots[turn.number] = Some(stay);
            }
            Ok(())
        }
    })
    .await?;
    let mut slots = ready.lock().map_err(|_| anyhow::anyhow!("a preparing task died"))?;
    slots.drain(..).collect::<Option<Vec<Stay>>>().context("a stay was not prepared")
}

async fn prepare(desk: &Desk, number: usize) -> Result<Stay> {
    let person = person(number / STAYS_EACH);
    let admitted =
        date(2025, 1, 2).checked_add((10 * (number % STAYS_EACH)).try_into().map(|days: i64| days.days())?)?;
    let discharged = admitted.checked_add(8.days())?;
    let admission = json!({ "mdtrtinfo": { "psn_no": person, "insutype": "310", "begntime": at(admitted, 9),
        "mdtrt_cert_type": "02", "mdtrt_cert_no": "", "med_type": "21", "ipt_no": format!("B{number}"), "insuplc_admdvs": HOME,
        "dscg_maindiag_code": "J18.900", "dscg_maindiag_name": "肺炎", "exp_content": "{\"IPT_TYPE\":\"2\"}" }, "diseinfo": [] });
    let reply = send(desk, number, 1, "2401", admission).await?;
    let visit =
        reply.pointer("/output/result/mdtrt_id").and_then(Value::as_str).context("2401 gave no mdtrt_id")?.to_owned();
    let lines: Vec<Value> = (0..LINES).map(|line| charge(line, &visit, &person, admitted)).collect();
    send(desk, number, 2, "2301", json!({ "feedetail": lines })).await?;
    let discharge = json!({ "dscginfo": { "mdtrt_id": visit, "psn_no": person, "insutype": "310", "endtime": at(discharged, 10),
        "dscg_dept_codg": "A03", "dscg_dept_name": "内科", "dscg_way": "1" }, "diseinfo": [] });
    send(desk, number, 3, "2402", discharge).await?;
    let settle = json!({ "data": { "psn_no": person, "mdtrt_cert_type": "02", "medfee_sumamt": "5000.00", "psn_setlway": "01",
        "mdtrt_id": visit, "acct_used_flag": "0", "insutype": "310", "mid_setl_flag": "0", "dscgTime": discharged.to_string() } });
    Ok(Stay { settle: message(number, 4, "2304", settle) })
}

fn charge(line: usize, visit: &str, person: &str, on: Date) -> Value {
    json!({ "feedetl_sn": (line + 1).to_string(), "mdtrt_id": visit, "psn_no": person, "med_type": "21",
        "fee_ocur_time": at(on, 12), "med_list_codg": DRUG, "medins_list_codg": "D1", "det_item_fee_sumamt": "100.00",
        "cnt": "10", "pric": "10.00", "bilg_dept_codg": "A03", "bilg_dept_name": "内科", "bilg_dr_codg": "D1", "bilg_dr_name": "医生",
        "hosp_appr_flag": "1" })
}

fn at(day: Date, hour: u8) -> String {
    format!("{day} {hour:02}:00:00")
}

fn message(number: usize, serial: usize, infno: &str, input: Value) -> Value {
    json!({ "infno": infno, "msgid": format!("{INSTITUTION}2025{number:09}{serial:04}"), "mdtrtarea_admvs": "310115",
        "insuplc_admdvs": HOME, "recer_sys_code": "YBXT", "infver": "V1.0", "opter_type": "1", "opter": "bench",
        "opter_name": "bench", "inf_time": "2025-05-01 08:00:00", "fixmedins_code": INSTITUTION, "fixmedins_name": "bench",
        "sign_no": "", "input": input })
}

async fn send(desk: &Desk, number: usize, serial: usize, infno: &str, input: Value) -> Result<Value> {
    let reply = desk.send(&message(number, serial, infno, input)).await?;
    ensure!(reply.succeeded(), "{infno} of stay {number}: {}", reply.text("/err_msg"));
    Ok(reply.body)
}
