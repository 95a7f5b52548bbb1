//! Distinct stays to be settled: people and hospitals, and through the national interface admission, 50 charges and
//! discharge. Everything is real but the people and most of the hospitals.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use jiff::ToSpan;
use jiff::civil::{Date, date};
use serde_json::{Value, json};

use super::crew::Crew;
use super::load::{self, Amount};
use super::traffic::{HOSPITALS, Shuffle, Traffic};
use crate::desk::Desk;

/// Charge lines of a stay.
const LINES: usize = 50;
/// How many stays one person has; each begins after the one before has ended. They are far apart in every order in
/// which stays are prepared or settled.
const STAYS_EACH: usize = 4;
/// How many stays are prepared at once: few would have every commit wait for the disk alone.
const AT_ONCE: usize = 256;

/// The region whose enrollees are treated.
pub const HOME: &str = "410700";
/// The hospital whose contract all of ours have.
const MODEL: &str = "H31011500101";
const DRUG: &str = "XA10BAA019A001010161209";

/// A stay that is ready to be settled.
#[derive(Clone)]
pub struct Stay {
    hospital: String,
    /// What the message that settles it asks for.
    settle: Value,
}

/// Copies `deploy` to a folder, gives its home region as many people as the stays need, and its treatment side the
/// hospitals.
///
/// # Errors
/// When files cannot be read or written.
pub fn deploy_for(stays: usize, deploy: &Path, folder: &Path) -> Result<()> {
    copy(deploy, folder)?;
    write_hospitals(&folder.join("demo/institutions.csv"))?;
    let people_folder = folder.join("demo/people");
    let mut people = String::from("psn_no,name,document_type,document,card,sex,birth,home\n");
    let mut entitlements = String::from(
        "psn_no,insurance,psn_type,from,to,continuous_since,tier,civil_servant,suspended_from,suspended_to,employer\n",
    );
    for number in 0..enrollees(stays) {
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

/// Adds hospitals with the contract of one that is there.
fn write_hospitals(file: &Path) -> Result<()> {
    let mut table = fs::read_to_string(file)?;
    let contract = table.lines().find_map(|line| line.strip_prefix(MODEL));
    let contract = contract.with_context(|| format!("{MODEL} is not among the institutions"))?.to_owned();
    for number in 0..HOSPITALS {
        writeln!(table, "{}{contract}", hospital(number))?;
    }
    fs::write(file, table).context("cannot write the institutions")
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

fn enrollees(stays: usize) -> u64 {
    stays.div_ceil(STAYS_EACH).max(1) as u64
}

fn person(number: u64) -> String {
    format!("{HOME}{number:08}")
}

fn hospital(number: u64) -> String {
    // Beyond the serial numbers of the hospitals that are there.
    format!("H310115{:05}", 20_000 + number)
}

/// Admits, charges and discharges so many stays.
///
/// # Errors
/// When a transaction is refused; the text is the desk's.
pub async fn stays(desk: &Desk, count: usize) -> Result<Vec<Stay>> {
    let ready = std::sync::Arc::new(std::sync::Mutex::new(vec![None; count]));
    let (desk, slots, traffic) = (desk.clone(), ready.clone(), Traffic::among(enrollees(count)));
    load::closed_loop(Amount::Count(count), AT_ONCE, &Crew::new(), move |turn| {
        let (desk, slots) = (desk.clone(), slots.clone());
        async move {
            let stay = prepare(&desk, traffic, turn.number as u64).await?;
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

/// The messages that settle stays, in another order than that in which they were prepared, as people go home.
///
/// # Errors
/// Never: what is written is JSON.
pub fn settling(stays: &[Stay]) -> Result<Vec<Bytes>> {
    let order = Shuffle::of(stays.len() as u64);
    let message_of = |turn: usize| {
        let stay = &stays[usize::try_from(order.at(turn as u64))?];
        let serial = Serial { stay: turn as u64, step: 4 };
        Ok(serde_json::to_vec(&message(&stay.hospital, serial, "2304", stay.settle.clone()))?.into())
    };
    (0..stays.len()).map(message_of).collect()
}

/// What makes a message of a hospital another one.
#[derive(Clone, Copy)]
struct Serial {
    stay: u64,
    step: u8,
}

async fn prepare(desk: &Desk, traffic: Traffic, number: u64) -> Result<Stay> {
    let drawn = traffic.draw(number);
    let (person, hospital) = (person(drawn.person), hospital(drawn.hospital));
    let send = async |step, infno, input| {
        let reply = desk.send(&message(&hospital, Serial { stay: number, step }, infno, input)).await?;
        ensure!(reply.succeeded(), "{infno} of stay {number}: {}", reply.text("/err_msg"));
        anyhow::Ok(reply.body)
    };
    let admitted = date(2025, 1, 2).checked_add(i64::try_from(10 * (number / traffic.people()))?.days())?;
    let discharged = admitted.checked_add(8.days())?;
    let admission = json!({ "mdtrtinfo": { "psn_no": person, "insutype": "310", "begntime": at(admitted, 9),
        "mdtrt_cert_type": "02", "mdtrt_cert_no": "", "med_type": "21", "ipt_no": format!("B{number}"), "insuplc_admdvs": HOME,
        "dscg_maindiag_code": "J18.900", "dscg_maindiag_name": "肺炎", "exp_content": "{\"IPT_TYPE\":\"2\"}" }, "diseinfo": [] });
    let reply = send(1, "2401", admission).await?;
    let visit =
        reply.pointer("/output/result/mdtrt_id").and_then(Value::as_str).context("2401 gave no mdtrt_id")?.to_owned();
    let lines: Vec<Value> = (0..LINES).map(|line| charge(line, &visit, &person, admitted)).collect();
    send(2, "2301", json!({ "feedetail": lines })).await?;
    let discharge = json!({ "dscginfo": { "mdtrt_id": visit, "psn_no": person, "insutype": "310", "endtime": at(discharged, 10),
        "dscg_dept_codg": "A03", "dscg_dept_name": "内科", "dscg_way": "1" }, "diseinfo": [] });
    send(3, "2402", discharge).await?;
    let settle = json!({ "data": { "psn_no": person, "mdtrt_cert_type": "02", "medfee_sumamt": "5000.00", "psn_setlway": "01",
        "mdtrt_id": visit, "acct_used_flag": "0", "insutype": "310", "mid_setl_flag": "0", "dscgTime": discharged.to_string() } });
    Ok(Stay { hospital, settle })
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

fn message(hospital: &str, serial: Serial, infno: &str, input: Value) -> Value {
    let Serial { stay, step } = serial;
    json!({ "infno": infno, "msgid": format!("{hospital}2025{stay:010}{step:04}"), "mdtrtarea_admvs": "310115",
        "insuplc_admdvs": HOME, "recer_sys_code": "YBXT", "infver": "V1.0", "opter_type": "1", "opter": "bench",
        "opter_name": "bench", "inf_time": "2025-05-01 08:00:00", "fixmedins_code": hospital, "fixmedins_name": "bench",
        "sign_no": "", "input": input })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_batch_has_a_person_twice_whether_stays_are_prepared_or_settled() {
        const BATCH: usize = 256;
        let count = 42_000;
        let (traffic, order) = (Traffic::among(enrollees(count)), Shuffle::of(count as u64));
        let prepared: Vec<u64> = (0..count as u64).map(|stay| traffic.draw(stay).person).collect();
        let settled: Vec<u64> = (0..count as u64).map(|turn| traffic.draw(order.at(turn)).person).collect();
        for people in prepared.windows(BATCH).chain(settled.windows(BATCH)).step_by(BATCH / 2) {
            assert_eq!(people.iter().collect::<BTreeSet<_>>().len(), BATCH);
        }
    }
}
