//! Messages as hospitals send them, and whole stretches of a desk's work.

use serde_json::{Value, json};

use crate::world::{PERSON, World};

/// A charge line: number, item, quantity, price, total.
pub type Line = (&'static str, &'static str, &'static str, &'static str, &'static str);

pub const STAY_LINES: &[Line] = &[
    ("1", "XA", "2", "10", "20.00"),
    ("2", "XB", "3", "33.33", "99.99"),
    ("3", "BED", "4", "50", "200.00"),
    ("4", "XC", "1", "30", "30.00"),
];
/// The total of [`STAY_LINES`], and what they split into: 30 self-paid, 40 over limit, 10 first self-pay, 269.99.
pub const STAY_TOTAL: &str = "349.99";

pub fn admission() -> Value {
    json!({
        "mdtrtinfo": {
            "psn_no": PERSON, "insutype": "310", "begntime": "2025-06-10 08:00:00", "mdtrt_cert_type": "02",
            "mdtrt_cert_no": "410702196001010011", "med_type": "21", "ipt_no": "ZY001", "insuplc_admdvs": "410700",
        },
        "diseinfo": [{"psn_no": PERSON, "diag_type": "1", "maindiag_flag": "1", "diag_srt_no": 1,
            "diag_code": "I10.x00", "diag_name": "高血压病"}],
    })
}

pub fn inpatient_lines(encounter: &str, lines: &[Line]) -> Value {
    let rows = lines.iter().map(|(number, item, quantity, price, total)| {
        json!({
            "feedetl_sn": number, "mdtrt_id": encounter, "psn_no": PERSON, "med_type": "21",
            "fee_ocur_time": "2025-06-11 09:00:00", "med_list_codg": item, "medins_list_codg": "x",
            "det_item_fee_sumamt": total, "cnt": quantity, "pric": price, "bilg_dept_codg": "1",
        })
    });
    json!({"feedetail": rows.collect::<Vec<_>>()})
}

pub fn negative_line(encounter: &str, number: &str, original: &str, item: &str, quantity: &str, total: &str) -> Value {
    json!({"feedetail": {
        "feedetl_sn": number, "init_feedetl_sn": original, "mdtrt_id": encounter, "psn_no": PERSON,
        "fee_ocur_time": "2025-06-12 09:00:00", "med_list_codg": item, "det_item_fee_sumamt": total, "cnt": quantity,
        "pric": "10",
    }})
}

pub fn discharge(encounter: &str) -> Value {
    json!({"dscginfo": {"mdtrt_id": encounter, "psn_no": PERSON, "insutype": "310",
        "endtime": "2025-06-18 10:00:00", "dscg_way": "1"}, "diseinfo": []})
}

pub fn settle_stay(encounter: &str, total: &str) -> Value {
    json!({"data": {"psn_no": PERSON, "mdtrt_cert_type": "02", "mdtrt_cert_no": "410702196001010011",
        "medfee_sumamt": total, "psn_setlway": "01", "mdtrt_id": encounter, "insutype": "310", "acct_used_flag": "0",
        "mid_setl_flag": "0", "invono": "", "insuplc_admdvs": "410700", "fulamt_ownpay_amt": ""}})
}

pub fn of_visit(encounter: &str) -> Value {
    json!({"data": {"mdtrt_id": encounter, "psn_no": PERSON}})
}

pub fn of_settlement(encounter: &str, settlement: &str) -> Value {
    json!({"data": {"mdtrt_id": encounter, "psn_no": PERSON, "setl_id": settlement}})
}

pub fn reversal(message: &str, infno: &str) -> Value {
    json!({"data": {"psn_no": PERSON, "omsgid": message, "oinfno": infno}})
}

/// A text of an answer, by its path.
#[track_caller]
pub fn text(answer: &Value, path: &str) -> String {
    let value = path.split('.').fold(answer, |value, name| &value[name]);
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => panic!("{path} is {value} in {answer}"),
    }
}

/// Admits the person, and gives the stay.
pub async fn admitted(world: &World) -> String {
    text(&world.send("2401", admission()).await.ok(), "output.result.mdtrt_id")
}

/// A stay with its charges, discharged.
pub async fn discharged(world: &World) -> String {
    let stay = admitted(world).await;
    world.send("2301", inpatient_lines(&stay, STAY_LINES)).await.ok();
    world.send("2402", discharge(&stay)).await.ok();
    stay
}

/// Registers an outpatient visit with its details, and gives it.
pub async fn registered(world: &World, med_type: &str) -> String {
    let registration = json!({"data": {"psn_no": PERSON, "insutype": "310", "begntime": "2025-06-20T09:00:00",
        "mdtrt_cert_type": "02", "mdtrt_cert_no": "410702196001010011", "ipt_otp_no": "MZ1"}});
    let visit = text(&world.send("2201", registration).await.ok(), "output.data.mdtrt_id");
    let details = json!({"mdtrtinfo": {"mdtrt_id": visit, "psn_no": PERSON, "med_type": med_type,
        "begntime": "2025-06-20 09:00:00"}, "diseinfo": {"diag_type": "1", "diag_code": "I10"}});
    world.send("2203A", details).await.ok();
    visit
}

pub fn outpatient_lines(visit: &str, batch: &str, disease: &str, lines: &[Line]) -> Value {
    let rows = lines.iter().map(|(number, item, quantity, price, total)| {
        json!({
            "feedetl_sn": number, "mdtrt_id": visit, "psn_no": PERSON, "chrg_bchno": batch, "dise_codg": disease,
            "rx_circ_flag": "0", "fee_ocur_time": "2025-06-20 09:10:00", "med_list_codg": item,
            "det_item_fee_sumamt": total, "cnt": quantity, "pric": price, "hosp_appr_flag": "0",
        })
    });
    json!({"feedetail": rows.collect::<Vec<_>>()})
}

pub fn settle_visit(visit: &str, batch: &str, med_type: &str, total: &str) -> Value {
    json!({"data": {"psn_no": PERSON, "mdtrt_cert_type": "02", "mdtrt_cert_no": "410702196001010011",
        "med_type": med_type, "medfee_sumamt": total, "psn_setlway": "01", "mdtrt_id": visit, "chrg_bchno": batch,
        "acct_used_flag": "1", "insutype": "310", "fulamt_ownpay_amt": "", "preselfpay_amt": ""}})
}
