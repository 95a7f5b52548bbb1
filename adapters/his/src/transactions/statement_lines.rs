//! 3202: the rows that a hospital lists in a file, held against this side's book one by one. The rows that differ go into
//! a file of their own, which 9102 fetches, and are kept for the operator. A repeat of the message names the same file.

use clearing::hospital::{
    Amounts, CentreRow, Difference, Direction, Figures, HospitalRow as ListedRow, Stated, match_rows,
};
use ledger::treatment::{
    HospitalRow, HospitalScope, KeptDifference, KeptFile, NewComparison, Session, StoredSettlement,
};
use serde_json::Value;
use settlement::beijing;
use settlement::lifecycle::Standing;
use settlement::money::Money;
use settlement::refusal::{Reason, Refusal};

use super::file_exchange::{file_number, key_of, told, unknown_file};
use crate::answer::Reply;
use crate::config::{FundSum, StatementCodes};
use crate::content::Noted;
use crate::edge::{Call, Shared};
use crate::local::{Done, node, once, repeated};
use crate::node::{Node, Sheet};
use crate::statement::{as_told, fold_up_to_date, in_words, read_count, read_scope};
use crate::statement_file::{self, ResultRow};
use crate::stop::Stop;
use crate::text_zip;

/// So many rows of this side are compared at once at most; a file holds about as many.
const MOST_ROWS: i64 = 400_000;
/// So many rows may differ: all of them are kept, since what is not told to differ is cleared, and in one commit.
const MOST_DIFFERING: usize = 50_000;
/// Of so many rows that the hospital has alone it is looked up what became of them.
const MOST_LOOKED_UP: usize = 1_000;

struct Lines {
    scope: HospitalScope,
    file: String,
    /// What the message says that the file comes to.
    stated: Figures,
    /// And in cash, which the file does not list.
    cash: Money,
}

/// 3202.
///
/// # Errors
/// What is missing, that there is no such file, which lines of it cannot be read, or that too many rows differ.
pub async fn compare(edge: Shared, call: Call) -> Result<Reply, Refusal> {
    let (Lines { scope, file, stated, cash }, noted) = read(&call)?;
    let key = key_of(&call);
    if let Some(reply) = repeated(&edge, &key, &noted).await? {
        return Ok(reply);
    }
    fold_up_to_date(&edge).await?;
    let (codes, fund_sum) = (edge.config.statement_codes(call.institution.pool), call.profile.fund_sum);
    let (asked, number) = (scope.clone(), file_number(&call));
    let named = number.clone();
    let compared = edge.look(move |session| held_against(session, &asked, &file, fund_sum, &codes, &named)).await?;
    let warning = file_differs(&stated, &compared.told);
    let kept = KeptFile {
        number,
        institution: scope.institution.clone(),
        name: compared.name,
        content: compared.content.into(),
        kept_at: call.received,
    };
    let described = describe(compared.differences.len(), (compared.cash, cash));
    let comparison = NewComparison {
        transaction: "3202",
        scope,
        upto: compared.upto,
        agrees: compared.differences.is_empty(),
        own: compared.own,
        told: compared.told,
        differences: compared.differences,
        at: call.received,
    };
    once(&edge, &call, key, noted, move |session, _| {
        session.file_insert(&kept)?;
        session.hospital_comparison_insert(&comparison)?;
        let mut told = told(&kept);
        told.insert("stmt_rslt_dscr".into(), Value::from(described.as_str()));
        Ok(Done { output: node("fileinfo", told), warning: warning.clone(), encounter: String::new() })
    })
    .await
}

fn read(call: &Call) -> Result<(Lines, Noted), Refusal> {
    let sheet = Sheet::default();
    let data = Node::new(&call.input, &sheet).object("data");
    // The text of the interface names no insurance here; a region that does means it.
    let (insurance, class) = (data.optional(&["insutype"]), data.optional(&["clr_type"]));
    let scope = read_scope(&data, call, insurance, class);
    let file = data.required(&["file_qury_no"]);
    let (total, funds, cash) = (data.money("medfee_sumamt"), data.money("fund_pay_sumamt"), data.money("cash_payamt"));
    let count = read_count(&data);
    let read = (|| {
        let amounts = Amounts { total: total?, funds: funds?, account: Default::default() };
        Some(Lines { scope: scope?, file: file?, stated: Figures { count: count?, amounts }, cash: cash? })
    })();
    sheet.finish(read)
}

/// What the comparison found.
struct Held {
    upto: i64,
    own: Figures,
    /// What patients paid of our rows.
    cash: Money,
    /// What the file comes to.
    told: Figures,
    /// The rows that differ.
    differences: Vec<KeptDifference>,
    /// The file of them.
    name: String,
    content: Vec<u8>,
}

fn held_against(
    session: &Session<'_, '_>,
    scope: &HospitalScope,
    file: &str,
    fund_sum: FundSum,
    codes: &StatementCodes,
    number: &str,
) -> Result<Held, Stop> {
    let kept = session.file_find(file, &scope.institution)?.ok_or_else(|| unknown_file("data.file_qury_no"))?;
    let faulty = |problem: String| Refusal::new(Reason::InvalidField).of_field("data.file_qury_no").because(problem);
    let text = text_zip::unpack(&kept.content).map_err(|fault| faulty(fault.to_string()))?;
    let listed = statement_file::read(&text).map_err(|faults| faulty(format!("文件{faults}")))?;
    let found = session.hospital_figures(scope)?;
    if found.figures.count > MOST_ROWS {
        return Err(faulty(format!("中心有{}笔,一次最多{MOST_ROWS}笔,请缩短日期", found.figures.count)).into());
    }
    let mut rows = session.hospital_list(scope, MOST_ROWS)?;
    for row in &mut rows {
        row.row.amounts = as_told(row.row.amounts, fund_sum);
    }
    let centre: Vec<CentreRow> = rows.iter().map(|row| row.row.clone()).collect();
    let differences = match_rows(&listed, &centre);
    if differences.len() > MOST_DIFFERING {
        let found = differences.len();
        return Err(faulty(format!("共{found}行不一致,一次最多{MOST_DIFFERING}行,请检查文件或缩短日期")).into());
    }
    let teller = Teller { session, scope, codes, listed: &listed, rows: &rows };
    let told = teller.tell(&differences)?;
    let name = format!("stmt_{number}");
    let packed = text_zip::pack(&format!("{name}.txt"), &statement_file::write(&told));
    let content = packed.map_err(|_| Stop::from(Reason::Internal))?;
    Ok(Held {
        upto: found.upto,
        cash: found.cash,
        own: sum(rows.iter().map(|row| row.row.amounts)),
        told: sum(listed.iter().map(|row| row.amounts)),
        differences: differences.iter().map(|difference| teller.kept(difference)).collect(),
        name: format!("{name}.zip"),
        content,
    })
}

fn sum(rows: impl Iterator<Item = Amounts>) -> Figures {
    let mut figures = Figures::default();
    for amounts in rows {
        figures.count += 1;
        figures.amounts += amounts;
    }
    figures
}

fn describe(found: usize, (own, told): (Money, Money)) -> String {
    let rows = format!("共{found}行不一致");
    if own == told { rows } else { format!("{rows};现金合计中心{own}、医院{told}") }
}

/// What a desk is warned of where the file does not come to what the message says.
fn file_differs(stated: &Figures, file: &Figures) -> Option<String> {
    let amounts = Amounts { account: stated.amounts.account, ..file.amounts };
    let apart = clearing::hospital::figures_apart(&Figures { amounts, ..*file }, stated);
    let words = || in_words(&apart, file, stated).replace("中心", "文件").replace("医院", "报文");
    (!apart.is_empty()).then(|| format!("上传文件的合计与报文不一致:{}", words()))
}

/// Tells rows that differ: to the hospital, and for the operator.
struct Teller<'a, 's, 'c> {
    session: &'a Session<'s, 'c>,
    scope: &'a HospitalScope,
    codes: &'a StatementCodes,
    listed: &'a [ListedRow],
    rows: &'a [HospitalRow],
}

impl Teller<'_, '_, '_> {
    fn tell(&self, differences: &[Difference]) -> Result<Vec<ResultRow>, Stop> {
        let mut looked_up = 0;
        let mut told = Vec::with_capacity(differences.len());
        for difference in differences {
            told.push(match difference {
                Difference::DataDiffer { hospital, centre, stated } => {
                    self.differing(&self.listed[*hospital], &self.rows[*centre], stated)
                }
                Difference::HospitalMore { hospital, again } => {
                    looked_up += 1;
                    self.hospitals(&self.listed[*hospital], *again, looked_up <= MOST_LOOKED_UP)?
                }
                Difference::CentreMore { centre } => self.ours(&self.rows[*centre]),
            });
        }
        Ok(told)
    }

    fn differing(&self, listed: &ListedRow, own: &HospitalRow, stated: &[Stated]) -> ResultRow {
        let figures = |amounts| Figures { count: 1, amounts };
        let mut memo = in_words(stated, &figures(own.row.amounts), &figures(listed.amounts));
        for (field, name) in [(Stated::Encounter, "mdtrt_id"), (Stated::Person, "psn_no")] {
            if stated.contains(&field) {
                memo.push_str(if memo.is_empty() { "" } else { ";" });
                memo.push_str(&format!("{name}与中心不一致"));
            }
        }
        let row = &own.row;
        ResultRow {
            person: row.person.to_string(),
            encounter: row.encounter.to_string(),
            settlement: listed.settlement.to_string(),
            msgid: own.msgid.to_string(),
            result: self.codes.data_differ.clone(),
            direction: row.direction(),
            memo,
            amounts: row.amounts,
        }
    }

    fn hospitals(&self, listed: &ListedRow, again: bool, look_up: bool) -> Result<ResultRow, Stop> {
        let (msgid, memo) = match (again, look_up) {
            (true, _) => (String::new(), "文件中重复列出;退费记录的金额应为负数".to_owned()),
            (false, true) => self.what_became_of(listed)?,
            (false, false) => (String::new(), "中心无此记录".to_owned()),
        };
        Ok(ResultRow {
            person: listed.person.as_ref().map(ToString::to_string).unwrap_or_default(),
            encounter: listed.encounter.as_ref().map(ToString::to_string).unwrap_or_default(),
            settlement: listed.settlement.to_string(),
            msgid,
            result: self.codes.hospital_more.clone(),
            direction: listed.direction,
            memo,
            amounts: listed.amounts,
        })
    }

    /// Why a settlement that the hospital lists is not among what is compared.
    fn what_became_of(&self, listed: &ListedRow) -> Result<(String, String), Stop> {
        let unknown = || (String::new(), "中心无此结算".to_owned());
        let id = listed.settlement.as_str();
        let original = self.session.settlement_of_counter(id)?;
        let found = self.session.settlement_find(original.as_deref().unwrap_or(id))?;
        let found = found.filter(|found| found.settlement.institution == self.scope.institution);
        let Some(StoredSettlement { settlement, standing }) = found else { return Ok(unknown()) };
        let msgid = self.session.message_get(settlement.message)?.message.to_string();
        let day = beijing::day_of(settlement.sums.settled_at);
        let memo = match (&standing, listed.direction) {
            (Standing::Reversed, _) => "中心已冲正该结算".to_owned(),
            (Standing::InForce, Direction::Backward) => "中心该结算有效,未撤销或撤销已冲正".to_owned(),
            (Standing::Cancelled { .. }, _) if !self.scope.refunds => "中心已撤销,本次对账不含退费".to_owned(),
            (Standing::Cancelled { .. } | Standing::InForce, _) => {
                format!("中心有该结算({day}),不在本次对账的日期或类别内")
            }
        };
        Ok((msgid, memo))
    }

    /// What the hospital lacks: it knows the settlement by its own message alone.
    fn ours(&self, own: &HospitalRow) -> ResultRow {
        ResultRow {
            person: own.row.person.to_string(),
            encounter: String::new(),
            settlement: String::new(),
            msgid: own.msgid.to_string(),
            result: self.codes.centre_more.clone(),
            direction: own.row.direction(),
            memo: "医院无此记录".to_owned(),
            amounts: own.row.amounts,
        }
    }

    fn kept(&self, difference: &Difference) -> KeptDifference {
        let (listed, own) = match difference {
            Difference::DataDiffer { hospital, centre, stated: _ } => {
                (Some(&self.listed[*hospital]), Some(&self.rows[*centre]))
            }
            Difference::HospitalMore { hospital, again: _ } => (Some(&self.listed[*hospital]), None),
            Difference::CentreMore { centre } => (None, Some(&self.rows[*centre])),
        };
        let text = |own: Option<String>, told: Option<String>| own.or(told).unwrap_or_default();
        let direction = own.map(|own| own.row.direction()).or(listed.map(|listed| listed.direction));
        KeptDifference {
            kind: difference.kind(),
            direction: direction.unwrap_or(Direction::Forward),
            settlement: text(
                own.map(|own| own.row.settlement.to_string()),
                listed.map(|listed| listed.settlement.to_string()),
            ),
            encounter: text(
                own.map(|own| own.row.encounter.to_string()),
                listed.and_then(|listed| listed.encounter.as_ref().map(ToString::to_string)),
            ),
            person: text(
                own.map(|own| own.row.person.to_string()),
                listed.and_then(|listed| listed.person.as_ref().map(ToString::to_string)),
            ),
            message: own.map(|own| own.message),
            own: own.map(|own| own.row.amounts),
            told: listed.map(|listed| listed.amounts),
        }
    }
}
