//! The table of transactions: number, name, whether it changes anything, who carries it out. One file a concept beside it.

mod admission;
mod cancellation;
mod charges;
mod discharge;
mod estimate;
mod file_exchange;
mod filing_warning;
mod look_up;
mod qualifications;
mod registration;
mod reversal;
mod running_totals;
mod settlement;
mod settlement_query;
mod settlement_request;
mod sign_in;
mod statement_lines;
mod statement_totals;
mod visit_details;
mod withdrawal;

use std::future::Future;
use std::pin::Pin;

use ::settlement::refusal::Refusal;

use crate::answer::Answer;
use crate::edge::{Call, Shared};

/// What a transaction does to the books.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing that a repeat could double: no key.
    Asks,
    /// It changes this side's books only: one commit.
    Local,
    /// Hub and home decide: two commits.
    Operation,
}

/// The work of a transaction.
pub type Work = Pin<Box<dyn Future<Output = Result<Answer, Refusal>> + Send>>;

/// One transaction.
pub struct Transaction {
    /// `infno` without its variant letter.
    pub number: &'static str,
    /// What a desk calls it.
    pub name: &'static str,
    /// What it does to the books.
    pub effect: Effect,
    /// Carries it out.
    pub run: fn(Shared, Call) -> Work,
}

macro_rules! table {
    ($($number:literal $name:literal $effect:ident $run:path;)*) => {
        /// Every transaction that is served.
        pub const ALL: &[Transaction] = &[$(Transaction {
            number: $number,
            name: $name,
            effect: Effect::$effect,
            run: |edge, call| Box::pin(async move { $run(edge, call).await.map(Answer::from) }),
        },)*];
    };
}

table! {
    "9001" "签到" Local sign_in::sign_in;
    "9002" "签退" Local sign_in::sign_out;
    "1101" "人员信息获取" Asks look_up::look_up;
    "2201" "门诊挂号" Local registration::register;
    "2202" "门诊挂号撤销" Local registration::cancel;
    "2203" "门诊就诊信息上传" Local visit_details::state;
    "2204" "门诊费用明细上传" Local charges::outpatient;
    "2205" "门诊费用明细撤销" Local withdrawal::outpatient;
    "2206" "门诊预结算" Asks estimate::outpatient;
    "2207" "门诊结算" Operation settlement::outpatient;
    "2208" "门诊结算撤销" Operation cancellation::cancel;
    "2301" "住院费用明细上传" Local charges::inpatient;
    "2302" "住院费用明细撤销" Local withdrawal::inpatient;
    "2303" "住院预结算" Asks estimate::inpatient;
    "2304" "住院结算" Operation settlement::inpatient;
    "2305" "住院结算撤销" Operation cancellation::cancel;
    "2401" "入院办理" Local admission::admit;
    "2402" "出院办理" Local discharge::discharge;
    "2403" "住院信息变更" Local admission::change;
    "2404" "入院撤销" Local registration::cancel;
    "2405" "出院撤销" Local discharge::undo;
    "2601" "冲正" Operation reversal::reverse;
    "3201" "医药机构费用结算对总账" Asks statement_totals::compare;
    "3202" "医药机构费用结算对明细账" Local statement_lines::compare;
    "5203" "结算信息查询" Asks settlement_query::query;
    "5206" "人员累计信息查询" Asks running_totals::query;
    "5301" "人员慢特病备案查询" Asks qualifications::query;
    "9101" "文件上传" Local file_exchange::upload;
    "9102" "文件下载" Asks file_exchange::download;
}

/// The transaction of a number.
pub fn find(number: &str) -> Option<&'static Transaction> {
    ALL.iter().find(|transaction| transaction.number == number)
}
