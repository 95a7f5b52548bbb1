//! 3201: the sums of one group of a hospital's settlements over some days, held against this side's book. What was
//! compared is kept for the operator; nothing else changes, so that asking again compares anew.

use clearing::hospital::{Amounts, Figures, figures_apart};
use ledger::treatment::{HospitalFigures, HospitalScope, NewComparison};
use serde_json::json;
use settlement::refusal::Refusal;

use crate::answer::Reply;
use crate::edge::{Call, Shared};
use crate::node::{Node, Sheet};
use crate::statement::{as_told, fold_up_to_date, in_words, read_count, read_scope};

/// `stmt_rslt_dscr` has at most so many characters; sums of an ordinary size leave room.
const LONGEST_TEXT: usize = 200;

struct Totals {
    scope: HospitalScope,
    told: Figures,
}

/// 3201.
///
/// # Errors
/// What is missing or cannot be.
pub async fn compare(edge: Shared, call: Call) -> Result<Reply, Refusal> {
    let Totals { scope, told } = read(&call)?;
    fold_up_to_date(&edge).await?;
    let asked = scope.clone();
    let found = edge.look(move |session| Ok(session.hospital_figures(&asked)?)).await?;
    let HospitalFigures { mut figures, backward, cash: _, upto } = found;
    figures.amounts = as_told(figures.amounts, call.profile.fund_sum);
    let apart = figures_apart(&figures, &told);
    let agrees = apart.is_empty();
    let (codes, agency) = (edge.config.statement_codes(call.institution.pool), scope.agency.clone());
    let comparison = NewComparison {
        transaction: "3201",
        scope,
        upto,
        agrees,
        own: figures,
        told,
        differences: Vec::new(),
        at: call.received,
    };
    edge.change(move |session| Ok(session.hospital_comparison_insert(&comparison)?)).await?;
    let (result, described) = if agrees {
        (codes.agrees, agreed(&figures, backward))
    } else {
        (codes.differs, format!("不一致:{}", in_words(&apart, &figures, &told)))
    };
    let described: String = described.chars().take(LONGEST_TEXT).collect();
    Ok(Reply::of(&json!({ "stmtinfo": { "setl_optins": agency, "stmt_rslt": result, "stmt_rslt_dscr": described } })))
}

fn agreed(figures: &Figures, backward: i64) -> String {
    let Amounts { total, funds, account } = figures.amounts;
    let count = figures.count;
    format!("一致:结算{count}笔(其中退费{backward}笔),医疗费总额{total},基金支付总额{funds},个人账户支出{account}")
}

fn read(call: &Call) -> Result<Totals, Refusal> {
    // Days to come are compared too: a month may be asked for before it is over.
    let sheet = Sheet::default();
    let data = Node::new(&call.input, &sheet).object("data");
    let (insurance, class) = (data.required(&["insutype"]), data.required(&["clr_type"]));
    let scope = read_scope(&data, call, insurance.clone(), class.clone());
    let (total, funds, account) = (data.money("medfee_sumamt"), data.money("fund_pay_sumamt"), data.money("acct_pay"));
    let count = read_count(&data);
    let read = (|| {
        insurance.and(class)?;
        let amounts = Amounts { total: total?, funds: funds?, account: account? };
        Some(Totals { scope: scope?, told: Figures { count: count?, amounts } })
    })();
    Ok(sheet.finish(read)?.0)
}
