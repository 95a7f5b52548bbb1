//! A hospital in Shanghai as tests drive it: each transaction of a stay in one line, with message ids of its own.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};
use yidi::desk::{Desk, Reply};

use crate::Enrollee;

/// A level-3 hospital in Shanghai that is opened for everything.
pub const INSTITUTION: &str = "H31011500101";
/// A class-A drug without a ceiling: the whole charge is in policy.
pub const DRUG: &str = "XA10BAA019A001010161209";
const TEN_DAYS: (&str, &str) = ("2025-06-02", "2025-06-12");

/// A hospital's side of the interface.
pub struct Hospital {
    desk: Desk,
    institution: &'static str,
    sent: AtomicU32,
}

impl Hospital {
    /// The hospital of [`INSTITUTION`].
    pub fn new(desk: Desk) -> Hospital {
        Hospital::at(desk, INSTITUTION)
    }

    /// Another hospital in Shanghai.
    pub fn at(desk: Desk, institution: &'static str) -> Hospital {
        Hospital { desk, institution, sent: AtomicU32::new(0) }
    }

    /// The same hospital at another desk.
    pub fn moved_to(self, desk: Desk) -> Hospital {
        Hospital { desk, ..self }
    }

    /// A message with an id of its own.
    pub fn message(&self, patient: &Enrollee, infno: &str, input: Value) -> Value {
        let serial = self.sent.fetch_add(1, Ordering::Relaxed);
        json!({ "infno": infno, "msgid": format!("{}202506{serial:012}", self.institution),
            "mdtrtarea_admvs": "310115", "insuplc_admdvs": patient.home, "recer_sys_code": "YBXT", "infver": "V1.0",
            "opter_type": "1", "opter": "01", "opter_name": "clerk", "inf_time": "2025-06-20 09:00:00",
            "fixmedins_code": self.institution, "fixmedins_name": "医院", "sign_no": "", "input": input })
    }

    /// Sends a message.
    pub async fn send(&self, message: &Value) -> Reply {
        self.desk.send(message).await.unwrap_or_else(|fault| panic!("the interface does not answer: {fault:#}"))
    }

    async fn done(&self, message: &Value) -> Reply {
        let reply = self.send(message).await;
        assert!(reply.succeeded(), "{}: {}", message["infno"], reply.text("/err_msg"));
        reply
    }

    /// Admits a patient (2401) and gives the stay's id.
    pub async fn admit(&self, patient: &Enrollee, on: &str) -> String {
        self.done(&self.admit_message(patient, on)).await.text("/output/result/mdtrt_id")
    }

    /// The message of [`Hospital::admit`].
    pub fn admit_message(&self, patient: &Enrollee, on: &str) -> Value {
        let input = json!({ "mdtrtinfo": { "psn_no": patient.number, "insutype": patient.insurance,
            "begntime": format!("{on} 08:00:00"), "mdtrt_cert_type": "02", "mdtrt_cert_no": patient.document,
            "psn_name": patient.name, "certno": patient.document, "med_type": "21",
            "ipt_no": format!("Z{}", self.sent.load(Ordering::Relaxed)), "dscg_maindiag_code": "J18.900",
            "dscg_maindiag_name": "肺炎", "insuplc_admdvs": patient.home, "mdtrtarea_admvs": "310115" }, "diseinfo": [] });
        self.message(patient, "2401", input)
    }

    /// Charges a class-A drug (2301): its number, its price, how much of it.
    pub async fn charge(&self, patient: &Enrollee, stay: &str, number: &str, price: &str, count: &str, on: &str) {
        self.done(&self.charge_message(patient, stay, number, price, count, on)).await;
    }

    /// The message of [`Hospital::charge`].
    pub fn charge_message(
        &self,
        patient: &Enrollee,
        stay: &str,
        number: &str,
        price: &str,
        count: &str,
        on: &str,
    ) -> Value {
        let amount = |text: &str| text.parse::<rust_decimal::Decimal>().expect("an amount");
        let total = amount(price) * amount(count);
        let line = json!({ "feedetl_sn": number, "mdtrt_id": stay, "psn_no": patient.number, "med_type": "21",
            "fee_ocur_time": format!("{on} 10:00:00"), "med_list_codg": DRUG, "medins_list_codg": "D1",
            "det_item_fee_sumamt": total.to_string(), "cnt": count, "pric": price, "bilg_dept_codg": "A03",
            "bilg_dept_name": "内科", "bilg_dr_codg": "D1", "bilg_dr_name": "医生", "hosp_appr_flag": "1" });
        self.message(patient, "2301", json!({ "feedetail": [line] }))
    }

    /// Discharges a patient (2402).
    pub async fn discharge(&self, patient: &Enrollee, stay: &str, on: &str) {
        self.done(&self.discharge_message(patient, stay, on)).await;
    }

    /// The message of [`Hospital::discharge`].
    pub fn discharge_message(&self, patient: &Enrollee, stay: &str, on: &str) -> Value {
        let input = json!({ "dscginfo": { "mdtrt_id": stay, "psn_no": patient.number, "insutype": patient.insurance,
            "endtime": format!("{on} 10:00:00"), "dscg_dept_codg": "A03", "dscg_dept_name": "内科", "dscg_way": "1" },
            "diseinfo": [] });
        self.message(patient, "2402", input)
    }

    /// A stay of ten days of June 2025, with one charge, ready to be settled.
    pub async fn stay(&self, patient: &Enrollee, price: &str) -> String {
        self.stay_between(patient, price, TEN_DAYS).await
    }

    /// A stay from one day to another, with one charge, ready to be settled.
    pub async fn stay_between(&self, patient: &Enrollee, price: &str, (from, to): (&str, &str)) -> String {
        let stay = self.admit(patient, from).await;
        self.charge(patient, &stay, "1", price, "1", from).await;
        self.discharge(patient, &stay, to).await;
        stay
    }

    /// A stay from one day to another with one charge, settled: its id, and the settlement's.
    pub async fn settle(&self, patient: &Enrollee, price: &str, days: (&str, &str)) -> (String, String) {
        let stay = self.stay_between(patient, price, days).await;
        let settled = self.done(&self.settle_message(patient, &stay, price)).await;
        (stay, settled.text("/output/setlinfo/setl_id"))
    }

    /// Settles a whole stay, so that everybody on the way to the patient's region is known to be in conversation: what is
    /// sent next arrives there, whatever becomes of its answer.
    pub async fn settle_a_stay(&self, patient: &Enrollee) {
        self.settle(patient, "100.00", TEN_DAYS).await;
    }

    /// The message that settles a stay (2304).
    pub fn settle_message(&self, patient: &Enrollee, stay: &str, total: &str) -> Value {
        let input = json!({ "data": { "psn_no": patient.number, "mdtrt_cert_type": "02", "mdtrt_cert_no": patient.document,
            "medfee_sumamt": total, "psn_setlway": "01", "mdtrt_id": stay, "acct_used_flag": "0",
            "insutype": patient.insurance, "mid_setl_flag": "0", "insuplc_admdvs": patient.home } });
        self.message(patient, "2304", input)
    }

    /// The message that cancels a settlement of a stay (2305).
    pub fn cancel_message(&self, patient: &Enrollee, stay: &str, settlement: &str) -> Value {
        let input = json!({ "data": { "psn_no": patient.number, "mdtrt_id": stay, "setl_id": settlement } });
        self.message(patient, "2305", input)
    }

    /// The message that reverses an earlier message (2601).
    pub fn reverse_message(&self, patient: &Enrollee, original: &Value) -> Value {
        let input =
            json!({ "data": { "psn_no": patient.number, "omsgid": original["msgid"], "oinfno": original["infno"] } });
        self.message(patient, "2601", input)
    }

    /// Asks what became of a visit (5203 with an empty `setl_id`).
    pub async fn query(&self, patient: &Enrollee, visit: &str) -> Reply {
        self.send(&self.query_message(patient, visit)).await
    }

    /// The message of [`Hospital::query`].
    pub fn query_message(&self, patient: &Enrollee, visit: &str) -> Value {
        let input = json!({ "data": { "psn_no": patient.number, "setl_id": "", "mdtrt_id": visit } });
        self.message(patient, "5203", input)
    }

    /// A person's running totals (5206) that are not zero, by their kind.
    pub async fn totals(&self, patient: &Enrollee) -> BTreeMap<String, String> {
        let input = json!({ "data": { "psn_no": patient.number, "cum_ym": "" } });
        let reply = self.done(&self.message(patient, "5206", input)).await;
        let rows = reply.body["output"]["cuminfo"].as_array().cloned().unwrap_or_default();
        let totals = rows.iter().map(|row| (row["cum_type_code"].to_string(), row["cum"].to_string()));
        totals.filter(|(_, total)| total.bytes().any(|digit| (b'1'..=b'9').contains(&digit))).collect()
    }
}
