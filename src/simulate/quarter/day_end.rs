//! A hospital's day-end accounts in a simulated quarter: a day of its book beside its treatment side's, row by row (9101 and
//! 3202), or by sums (3201). What happens on which day is for [`super::story`].

use anyhow::{Context as _, Result, ensure};
use jiff::civil::Date;
use serde_json::{Value, json};

use super::hospital::{Desks, Visit};

/// One settlement, and the group of a day in which it is the only one.
pub struct Accounts {
    visit: Visit,
    /// `setlinfo`, as the desk was told of it.
    told: Value,
    day: Date,
}

impl Accounts {
    /// What a desk was told of a visit on a day.
    pub fn of(visit: Visit, answer: &Value, day: Date) -> Accounts {
        Accounts { visit, told: answer["output"]["setlinfo"].clone(), day }
    }

    /// Compares the day row by row, by a book that has nothing of it.
    ///
    /// # Errors
    /// When a message is refused.
    pub async fn compare_without(&self, desks: &Desks) -> Result<()> {
        let Visit { person, kind, .. } = &self.visit;
        let file: Vec<u8> = his::text_zip::pack("stmt.txt", "")?;
        let institution = &self.visit.message["fixmedins_code"];
        let upload = json!({ "fsUploadIn": { "in": file, "filename": "stmt.zip", "fixmedins_code": institution } });
        let uploaded = desks.done(person, *kind, "9101", upload).await.context("a hospital's file is refused")?;
        let mut group = self.group();
        for amount in ["medfee_sumamt", "fund_pay_sumamt", "cash_payamt", "fixmedins_setl_cnt"] {
            group[amount] = "0".into();
        }
        group["file_qury_no"] = uploaded["output"]["file_qury_no"].clone();
        let compared = desks.done(person, *kind, "3202", json!({ "data": group })).await;
        compared.context("a hospital's rows are not compared").map(drop)
    }

    /// Compares the sums of the day, by a book that has the settlement.
    ///
    /// # Errors
    /// When a message is refused, or the sums are not the treatment side's.
    pub async fn compare_with(&self, desks: &Desks) -> Result<()> {
        let Visit { person, kind, .. } = &self.visit;
        let mut group = self.group();
        for amount in ["medfee_sumamt", "fund_pay_sumamt", "acct_pay"] {
            group[amount] = self.told[amount].clone();
        }
        (group["fixmedins_setl_cnt"], group["refd_setl_flag"]) = ("1".into(), "1".into());
        let compared = desks.done(person, *kind, "3201", json!({ "data": group })).await;
        let compared = compared.context("a hospital's sums are not compared")?;
        let info = &compared["output"]["stmtinfo"];
        ensure!(info["stmt_rslt"] == "0", "a hospital's sums differ: {info}");
        Ok(())
    }

    fn group(&self) -> Value {
        json!({ "insutype": self.visit.person.insurance, "clr_type": self.told["clr_type"],
            "setl_optins": self.told["clr_optins"], "stmt_begndate": self.day.to_string(),
            "stmt_enddate": self.day.to_string() })
    }
}
