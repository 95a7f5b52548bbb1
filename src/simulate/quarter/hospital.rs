//! Hospitals and pharmacies at work in a simulated quarter: whole visits at the national interface, each ending in a
//! message that settles; and what is sent about it later. What happens on which day is for [`super::story`].

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use jiff::ToSpan as _;
use jiff::civil::Date;
use proto::status::NoReply;
use serde_json::{Value, json};
use settlement::beijing;

use super::country::{DISEASE, MEMBERS, Person};
use super::nation::Nation;
use crate::simulate::desk::{Told, told};
use crate::simulate::fixtures::DRUGS;

/// How long a desk waits for an answer.
const PATIENCE: Duration = Duration::from_secs(7);

/// What kind of visit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A stay of two nights that ends today.
    Stay,
    /// An ordinary outpatient visit.
    Outpatient,
    /// Chronic care.
    Chronic,
    /// A purchase at a pharmacy.
    Purchase,
}

/// A visit with its bill ready to be settled.
#[derive(Clone, Debug)]
pub struct Visit {
    /// The patient.
    pub person: Person,
    /// What kind.
    pub kind: Kind,
    /// `mdtrt_id`.
    id: String,
    /// The message that settles it, made once and sent again as it is.
    pub message: Value,
}

/// Every desk of the nation, which never gives a number twice.
pub struct Desks {
    nation: Arc<Nation>,
    sent: AtomicU32,
}

impl Kind {
    /// `med_type`.
    fn category(self) -> &'static str {
        match self {
            Kind::Stay => "21",
            Kind::Outpatient => "11",
            Kind::Chronic => "14",
            Kind::Purchase => "41",
        }
    }

    fn batch(self) -> &'static str {
        match self {
            Kind::Stay => "",
            Kind::Outpatient | Kind::Chronic | Kind::Purchase => "B1",
        }
    }

    fn disease(self) -> &'static str {
        match self {
            Kind::Chronic => DISEASE,
            Kind::Stay | Kind::Outpatient | Kind::Purchase => "",
        }
    }
}

impl Desks {
    /// The desks of a nation.
    pub fn of(nation: Arc<Nation>) -> Desks {
        Desks { nation, sent: AtomicU32::new(1) }
    }

    /// Cares for a person up to the bill, of so many fen; none where a desk was refused.
    pub async fn treat(&self, person: &Person, kind: Kind, fen: i64) -> Option<Visit> {
        let today = self.nation.today();
        let from = if kind == Kind::Stay { today.saturating_sub(2.days()) } else { today };
        let id = self.register(person, kind, from).await?;
        let price = format!("{}.{:02}", fen / 100, fen % 100);
        let mut line = json!({ "feedetl_sn": self.serial().to_string(), "mdtrt_id": id, "psn_no": person.number,
            "chrg_bchno": kind.batch(), "dise_codg": kind.disease(), "rx_circ_flag": "0",
            "fee_ocur_time": format!("{from} 10:00:00"), "med_list_codg": DRUGS[0], "medins_list_codg": "D1",
            "det_item_fee_sumamt": price, "cnt": "1", "pric": price, "bilg_dept_codg": "A03", "bilg_dept_name": "x",
            "bilg_dr_codg": "D1", "hosp_appr_flag": "0" });
        if kind == Kind::Stay {
            line["med_type"] = kind.category().into();
        }
        let charge = if kind == Kind::Stay { "2301" } else { "2204" };
        self.done(person, kind, charge, json!({ "feedetail": [line] })).await?;
        if kind == Kind::Stay {
            let input = json!({ "dscginfo": { "mdtrt_id": id, "psn_no": person.number, "insutype": person.insurance,
                "endtime": format!("{today} 07:00:00"), "dscg_dept_codg": "A03", "dscg_dept_name": "x",
                "dscg_way": "1" }, "diseinfo": [] });
            self.done(person, kind, "2402", input).await?;
        }
        let settle = json!({ "data": { "psn_no": person.number, "mdtrt_cert_type": "02", "mdtrt_cert_no": "x",
            "med_type": kind.category(), "medfee_sumamt": price, "psn_setlway": "01", "mdtrt_id": id,
            "chrg_bchno": kind.batch(), "acct_used_flag": "1", "insutype": person.insurance, "mid_setl_flag": "0",
            "dise_codg": kind.disease(), "insuplc_admdvs": person.home } });
        let message = self.message(person, kind, if kind == Kind::Stay { "2304" } else { "2207" }, settle);
        Some(Visit { person: person.clone(), kind, id, message })
    }

    async fn register(&self, person: &Person, kind: Kind, from: Date) -> Option<String> {
        let begins = format!("{from} 08:00:00");
        if kind == Kind::Stay {
            let input = json!({ "mdtrtinfo": { "psn_no": person.number, "insutype": person.insurance,
                "begntime": begins, "mdtrt_cert_type": "02", "mdtrt_cert_no": "x", "med_type": kind.category(),
                "ipt_no": format!("Z{}", self.serial()), "dscg_maindiag_code": "J18.900", "dscg_maindiag_name": "x",
                "insuplc_admdvs": person.home, "mdtrtarea_admvs": MEMBERS[person.goes_to].area }, "diseinfo": [] });
            let answer = self.done(person, kind, "2401", input).await?;
            return answer["output"]["result"]["mdtrt_id"].as_str().map(str::to_owned);
        }
        let input = json!({ "data": { "psn_no": person.number, "insutype": person.insurance, "begntime": begins,
            "mdtrt_cert_type": "02", "mdtrt_cert_no": "x", "ipt_otp_no": format!("M{}", self.serial()),
            "insuplc_admdvs": person.home } });
        let answer = self.done(person, kind, "2201", input).await?;
        let id = answer["output"]["data"]["mdtrt_id"].as_str()?.to_owned();
        let input = json!({ "mdtrtinfo": { "mdtrt_id": id, "psn_no": person.number, "med_type": kind.category(),
            "begntime": begins, "dise_codg": kind.disease(), "dise_name": "" },
            "diseinfo": [{ "diag_type": "1", "diag_code": "I10" }] });
        self.done(person, kind, "2203A", input).await.map(|_| id)
    }

    /// Cancels what settled a visit.
    pub async fn cancel(&self, visit: &Visit, settlement: &str) -> Told {
        let input = json!({ "data": { "psn_no": visit.person.number, "mdtrt_id": visit.id, "setl_id": settlement } });
        let infno = if visit.kind == Kind::Stay { "2305" } else { "2208" };
        self.change(&visit.person, &self.message(&visit.person, visit.kind, infno, input), "cancellation").await
    }

    /// Reverses the message that settled a visit.
    pub async fn reverse(&self, visit: &Visit) -> Told {
        let input = json!({ "data": { "psn_no": visit.person.number, "omsgid": visit.message["msgid"],
            "oinfno": visit.message["infno"] } });
        self.change(&visit.person, &self.message(&visit.person, visit.kind, "2601", input), "reversal").await
    }

    /// Sends the message that settles a visit, for the first time or again.
    pub async fn settle(&self, visit: &Visit) -> Told {
        self.change(&visit.person, &visit.message, "settlement").await
    }

    /// Sends what changes the books, and has them looked at.
    async fn change(&self, person: &Person, message: &Value, what: &str) -> Told {
        let told = self.send(person, message).await;
        self.nation.watch().answered(what).await;
        told
    }

    /// Sends a message about a person; none where it was not done.
    pub(super) async fn done(&self, person: &Person, kind: Kind, infno: &str, input: Value) -> Option<Value> {
        match self.send(person, &self.message(person, kind, infno, input)).await {
            Told::Done(answer) => Some(answer),
            Told::Refused(_) | Told::Later(_) | Told::Nothing => None,
        }
    }

    async fn send(&self, person: &Person, message: &Value) -> Told {
        let bytes = Arc::new(message.to_string().into_bytes());
        let way = self.nation.desk(person.goes_to);
        let answered = way.call(PATIENCE, move |door| {
            let bytes = bytes.clone();
            Box::pin(async move { Ok(door.answer(&bytes).await) })
        });
        let answer = match answered.await {
            Ok(answer) => told(&answer),
            Err(NoReply::NeverSent | NoReply::Silent(_) | NoReply::Refused(_)) => Told::Nothing,
        };
        let what = match &answer {
            Told::Done(_) => "done".to_owned(),
            Told::Refused(reason) => format!("refused {}", reason.code()),
            Told::Later(reason) => format!("later {}", reason.code()),
            Told::Nothing => "nothing".to_owned(),
        };
        let (infno, msgid) = (message["infno"].as_str(), message["msgid"].as_str());
        let what = format!("{} {} {what}", infno.unwrap_or_default(), msgid.unwrap_or_default());
        self.nation.context.record.note(&person.number, &what);
        answer
    }

    fn message(&self, person: &Person, kind: Kind, infno: &str, input: Value) -> Value {
        let plan = &MEMBERS[person.goes_to];
        let institution = if kind == Kind::Purchase { plan.pharmacy() } else { plan.hospital() };
        let now = beijing::at_desk(self.nation.now());
        let (day, time) = (now.date(), now.strftime("%H:%M:%S"));
        json!({ "infno": infno, "msgid": format!("{institution}{}{:010}", now.strftime("%Y%m%d"), self.serial()),
            "mdtrtarea_admvs": plan.area, "insuplc_admdvs": person.home, "recer_sys_code": "YBXT", "infver": "V1.0",
            "opter_type": "1", "opter": "01", "opter_name": "clerk", "inf_time": format!("{day} {time}"),
            "fixmedins_code": institution, "fixmedins_name": "H", "sign_no": "", "input": input })
    }

    fn serial(&self) -> u32 {
        self.sent.fetch_add(1, Ordering::Relaxed)
    }
}
