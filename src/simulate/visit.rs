//! What a desk does with a patient: a stay or an outpatient visit, charged, estimated, settled, maybe in parts, maybe
//! taken back in one of the ways there are; and what it may believe afterwards. It gives up no operation before it has
//! a final answer, but it takes the roundabout ways that desks take.

use serde_json::{Value, json};

use super::desk::{Desk, MOST_TRIES, Told};
use super::fixtures::{DRUGS, Patient};
use super::invariants::Belief;

/// The patient, and who treats.
pub struct Visit<'a> {
    desk: &'a Desk,
    patient: Patient,
    id: String,
    kind: Kind,
    /// Prices of what is charged and not settled.
    charged: Vec<i64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Stay,
    Outpatient,
}

/// How a settle ended.
enum Settled {
    /// In force.
    As(InForce),
    /// Refused, or taken back before anybody knew.
    Not,
}

struct InForce {
    /// `setl_id`.
    id: String,
    /// What settled it.
    message: Value,
    /// What was settled.
    charged: Vec<i64>,
}

/// A visit that was, to be asked about when everything is quiet.
pub struct Past {
    /// The question.
    pub query: Value,
    /// `mdtrt_id`.
    pub id: String,
}

/// A visit from beginning to end; none where it could not even begin.
pub async fn run(desk: &Desk, patient: Patient) -> Option<Past> {
    let chance = &desk.way.context.chance;
    let kind = if chance.happens(600) { Kind::Stay } else { Kind::Outpatient };
    let first_day = 1 + chance.below(5) * 3;
    let mut visit = Visit::open(desk, patient, kind, first_day).await?;
    if kind == Kind::Stay && chance.happens(300) {
        visit.charge(first_day).await;
        visit.settle(true).await;
    }
    for _ in 0..=chance.below(2) {
        visit.charge(first_day).await;
    }
    if kind == Kind::Stay {
        visit.discharge(first_day + 2).await;
    }
    for _ in 0..=chance.below(3) {
        visit.estimate().await;
        match visit.settle(false).await {
            Settled::As(settled) => visit.think_again(settled).await,
            Settled::Not => {}
        }
    }
    visit.reverse_something_unknown().await;
    Some(Past { query: visit.query(), id: visit.id })
}

impl<'a> Visit<'a> {
    async fn open(desk: &'a Desk, patient: Patient, kind: Kind, first_day: u64) -> Option<Visit<'a>> {
        let begins = format!("2025-06-{first_day:02} 08:00:00");
        let (infno, input) = match kind {
            Kind::Stay => (
                "2401",
                json!({ "mdtrtinfo": { "psn_no": patient.number, "insutype": patient.insurance,
                "begntime": begins, "mdtrt_cert_type": "02", "mdtrt_cert_no": "x", "med_type": "21",
                "ipt_no": format!("Z{}", desk.serial()), "dscg_maindiag_code": "J18.900", "dscg_maindiag_name": "x",
                "insuplc_admdvs": patient.home, "mdtrtarea_admvs": "310101" }, "diseinfo": [] }),
            ),
            Kind::Outpatient => (
                "2201",
                json!({ "data": { "psn_no": patient.number, "insutype": patient.insurance,
                "begntime": begins, "mdtrt_cert_type": "02", "mdtrt_cert_no": "x",
                "ipt_otp_no": format!("M{}", desk.serial()), "insuplc_admdvs": patient.home } }),
            ),
        };
        let Told::Done(answer) = desk.insist(&desk.message(&patient, infno, input)).await else { return None };
        let output = &answer["output"];
        let id = output["result"]["mdtrt_id"].as_str().or(output["data"]["mdtrt_id"].as_str())?.to_owned();
        let visit = Visit { desk, patient, id, kind, charged: Vec::new() };
        if kind == Kind::Outpatient {
            visit.describe(&begins).await;
        }
        Some(visit)
    }

    async fn describe(&self, begins: &str) {
        let input = json!({ "mdtrtinfo": { "mdtrt_id": self.id, "psn_no": self.patient.number, "med_type": "11",
            "begntime": begins }, "diseinfo": [{ "diag_type": "1", "diag_code": "I10" }] });
        self.desk.insist(&self.message("2203A", input)).await;
    }

    async fn charge(&mut self, day: u64) {
        let chance = &self.desk.way.context.chance;
        let price = i64::try_from(20 + chance.below(9_000)).expect("a small number");
        let drug = chance.one_of(&DRUGS);
        let line = json!({ "feedetl_sn": self.desk.serial().to_string(), "mdtrt_id": self.id,
            "psn_no": self.patient.number, "chrg_bchno": self.batch(), "med_type": self.category(), "dise_codg": "",
            "rx_circ_flag": "0", "fee_ocur_time": format!("2025-06-{day:02} 10:00:00"), "med_list_codg": drug,
            "medins_list_codg": "D1", "det_item_fee_sumamt": price.to_string(), "cnt": "1", "pric": price.to_string(),
            "bilg_dept_codg": "A03", "bilg_dept_name": "x", "bilg_dr_codg": "D1", "hosp_appr_flag": "0" });
        let infno = if self.kind == Kind::Stay { "2301" } else { "2204" };
        if let Told::Done(_) = self.desk.insist(&self.message(infno, json!({ "feedetail": [line] }))).await {
            self.charged.push(price);
        }
    }

    async fn discharge(&self, day: u64) {
        let input = json!({ "dscginfo": { "mdtrt_id": self.id, "psn_no": self.patient.number,
            "insutype": self.patient.insurance, "endtime": format!("2025-06-{day:02} 10:00:00"),
            "dscg_dept_codg": "A03", "dscg_dept_name": "x", "dscg_way": "1" }, "diseinfo": [] });
        self.desk.insist(&self.message("2402", input)).await;
    }

    async fn estimate(&self) {
        if self.desk.way.context.chance.happens(300) {
            let infno = if self.kind == Kind::Stay { "2303" } else { "2206" };
            self.desk.send(&self.message(infno, self.settle_input(false))).await;
        }
    }

    /// Settles, however long it takes to know.
    async fn settle(&mut self, interim: bool) -> Settled {
        let infno = if self.kind == Kind::Stay { "2304" } else { "2207" };
        let message = self.message(infno, self.settle_input(interim));
        for _ in 0..MOST_TRIES {
            if self.desk.watch.is_over() {
                return Settled::Not;
            }
            match self.desk.send(&message).await {
                Told::Done(answer) => return self.settled(&answer, message),
                Told::Refused(_) => {
                    self.desk.saw_refused(&message);
                    return Settled::Not;
                }
                Told::Later(_) | Told::Nothing => self.desk.wait().await,
            }
            match self.desk.way.context.chance.below(8) {
                0 | 1 => {
                    self.desk.send(&self.query()).await;
                }
                2 if self.reverse(&message, None).await => return Settled::Not,
                _ => {}
            }
        }
        self.desk.give_up(&message);
        Settled::Not
    }

    fn settled(&mut self, answer: &Value, message: Value) -> Settled {
        let Some(id) = answer["output"]["setlinfo"]["setl_id"].as_str() else { return Settled::Not };
        // A message that was sent before has its first answer again, whatever became of that since.
        self.believe(id, if self.desk.is_ambiguous(&message) { Belief::Unsure } else { Belief::InForce });
        Settled::As(InForce { id: id.to_owned(), message, charged: std::mem::take(&mut self.charged) })
    }

    /// Takes a settlement back, or not, and maybe takes that back.
    async fn think_again(&mut self, settled: InForce) {
        let thought = self.desk.way.context.chance.below(6);
        if thought < 2 {
            if self.reverse(&settled.message, Some(&settled.id)).await {
                self.charged.extend(settled.charged);
            }
        } else if thought < 4 {
            self.cancel(settled).await;
        }
    }

    async fn cancel(&mut self, settled: InForce) {
        let id = &settled.id;
        let input = json!({ "data": { "psn_no": self.patient.number, "mdtrt_id": self.id, "setl_id": id } });
        let cancel = self.message(if self.kind == Kind::Stay { "2305" } else { "2208" }, input);
        if !self.do_about(id, &cancel, Belief::TakenBack).await {
            return;
        }
        if self.desk.way.context.chance.happens(500) {
            self.charged.extend(settled.charged);
            return;
        }
        self.do_about(id, &self.reversal(&cancel), Belief::InForce).await;
    }

    /// Sends what changes where a settlement stands until it has its answer; whether it is sure now that it did.
    async fn do_about(&self, settlement: &str, message: &Value, becomes: Belief) -> bool {
        let before = self.desk.watch.doubt(settlement);
        let told = self.desk.insist(message).await;
        if self.desk.is_ambiguous(message) {
            return false;
        }
        match told {
            Told::Done(_) => self.believe(settlement, becomes),
            Told::Refused(_) => self.desk.watch.as_before(settlement, before),
            Told::Later(_) | Told::Nothing => {}
        }
        matches!(told, Told::Done(_))
    }

    /// Reverses the message of a settle; whether it is sure now that it has no effect.
    async fn reverse(&self, original: &Value, settlement: Option<&str>) -> bool {
        let reversal = self.reversal(original);
        if self.desk.is_ambiguous(original) {
            let _ambiguity = self.desk.watch.believe_nothing();
            self.desk.insist(&reversal).await;
            return false;
        }
        match settlement {
            Some(id) => self.do_about(id, &reversal, Belief::TakenBack).await,
            None => matches!(self.desk.insist(&reversal).await, Told::Done(_)) && !self.desk.is_ambiguous(&reversal),
        }
    }

    fn reversal(&self, original: &Value) -> Value {
        self.message(
            "2601",
            json!({ "data": { "psn_no": self.patient.number, "omsgid": original["msgid"], "oinfno": original["infno"] } }),
        )
    }

    /// A message that was made and never sent may be reversed, too: it must not take effect if it comes.
    async fn reverse_something_unknown(&mut self) {
        if !self.desk.way.context.chance.happens(150) || self.charged.is_empty() {
            return;
        }
        let infno = if self.kind == Kind::Stay { "2304" } else { "2207" };
        let never_sent = self.message(infno, self.settle_input(false));
        // An id that was given before makes it a reversal of what was sent under it.
        let _ambiguity = self.desk.is_ambiguous(&never_sent).then(|| self.desk.watch.believe_nothing());
        if let Told::Done(_) = self.desk.insist(&self.reversal(&never_sent)).await {
            self.desk.insist(&never_sent).await;
        }
    }

    fn query(&self) -> Value {
        let input = json!({ "data": { "psn_no": self.patient.number, "setl_id": "", "mdtrt_id": self.id } });
        self.message("5203", input)
    }

    fn settle_input(&self, interim: bool) -> Value {
        let total: i64 = self.charged.iter().sum();
        json!({ "data": { "psn_no": self.patient.number, "mdtrt_cert_type": "02", "mdtrt_cert_no": "x",
            "med_type": self.category(), "medfee_sumamt": total.to_string(), "psn_setlway": "01",
            "mdtrt_id": self.id, "chrg_bchno": self.batch(), "acct_used_flag": "1",
            "insutype": self.patient.insurance, "mid_setl_flag": if interim { "1" } else { "0" },
            "insuplc_admdvs": self.patient.home } })
    }

    fn batch(&self) -> &'static str {
        if self.kind == Kind::Stay { "" } else { "B1" }
    }

    fn category(&self) -> &'static str {
        if self.kind == Kind::Stay { "21" } else { "11" }
    }

    fn message(&self, infno: &str, input: Value) -> Value {
        self.desk.message(&self.patient, infno, input)
    }

    fn believe(&self, settlement: &str, belief: Belief) {
        self.desk.watch.believe(settlement, belief);
    }
}
