//! A certificate of agreement as a paper to be printed and filed. The paper proves nothing: what is signed is the text, and
//! the paper says by what that is checked. Written by `yidi reconcile verify-certificate`, of what holds.

use jiff::civil::Date;
use settlement::ids::RegionCode;
use settlement::person::Insurance;

use super::{Agreement, TITLE, reading};
use crate::digest::Branch;
use crate::document::{Cell, Column, ColumnKind, Document, Row, Sign, Stamp};
use crate::obligation::Payer;
use crate::statement::Names;
use crate::tally::{ELSEWHERE, Family, Tally};

/// The certificate with which a party signed. A signature says nothing of its day: what it says is that the signer's
/// certificate was good then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// Its serial number, in base 16.
    pub serial: String,
    /// Its first and last day.
    pub good: (Date, Date),
    /// SHA-256 over it, in base 16.
    pub fingerprint: String,
}

/// What whoever has a paper printed has found to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// The signatures of the home region, the hub and the treatment side.
    pub signed: [Signed; 3],
    /// Whether the signers were looked for in a list of revoked certificates.
    pub none_revoked: bool,
    /// Whether digest and sums were worked out again from the leaves.
    pub by_leaves: bool,
}

/// 对账确认书 as a paper.
pub fn paper(agreement: &Agreement, checked: &Checked, names: &impl Names) -> Document {
    let Agreement { branch: Branch { day, home, treatment }, version, operations, tally, root, replaces } = agreement;
    let [home, treatment] = [home, treatment].map(|pool| named(pool.0, names));
    let counted = tally.map(|Tally { settled, undone, restored, .. }| {
        format!("{operations}（结算 {settled}，撤销 {undone}，恢复 {restored}）")
    });
    let about = [
        ("对账日期", day.to_string()),
        ("参保统筹区", home.clone()),
        ("就医统筹区", treatment.clone()),
        ("业务笔数", counted.unwrap_or_else(|| operations.to_string())),
        ("单位", "元、人次".to_owned()),
    ];
    let mut below = sums_read(tally.as_ref());
    below.push(("摘要", root.to_string()));
    let before = version.saturating_sub(1);
    below.push(("替代", replaces.map_or_else(|| "无".to_owned(), |digest| format!("第{before}版，其摘要为 {digest}"))));
    let parties = [("参保地签署", home), ("枢纽签署", "枢纽（000000）".to_owned()), ("就医地签署", treatment)];
    below.extend(parties.into_iter().zip(&checked.signed).map(|((what, who), signed)| (what, signed_by(&who, signed))));
    below.push(("核验", found(checked)));
    below.push((
        "说明",
        "本页供存档，不是凭证：以三方签署的电子文件（JSON）为准，凭根证书用 yidi reconcile verify-certificate 核验；\
         签署的是统筹区代码，名称取自统筹区表"
            .to_owned(),
    ));
    let owned = |(what, told): (&str, String)| (what.to_owned(), told);
    let (columns, rows) = tally.as_ref().map_or_else(|| counted_alone(*operations), table);
    Document {
        title: TITLE.to_owned(),
        about: about.map(owned).into(),
        stamp: Stamp { is_draft: false, told: vec![("版本".to_owned(), format!("第{version}版"))] },
        columns,
        rows,
        is_totalled: tally.is_some(),
        amount: tally.map(|tally| tally.total().owed()),
        accounts: below.into_iter().map(owned).collect(),
    }
}

fn named(code: RegionCode, names: &impl Names) -> String {
    let name = names.name_of(code);
    if name == code.to_string() { name } else { format!("{name}（{code}）") }
}

/// What each insurance's money comes to.
fn table(tally: &Tally) -> (Vec<Column>, Vec<Row>) {
    let mut columns = vec![Column::text("险种"), Column::count("人次"), Column::money("医疗费总额")];
    let first = columns.len();
    columns.extend(Payer::all().map(|payer| Column::money(payer.name())));
    let parts = (first..columns.len()).map(|column| (column, Sign::Plus)).collect();
    columns.push(Column { name: "应付金额".to_owned(), kind: ColumnKind::WorkedOut(parts) });
    let row = |insurance: Insurance| {
        let sums = *tally.sums.of(insurance);
        let mut cells =
            vec![Cell::Text(insurance.name().to_owned()), Cell::Count(sums.visits), Cell::Money(sums.total)];
        cells.extend(Payer::all().map(|payer| Cell::Money(payer.share_of(&sums))));
        cells.push(Cell::Money(sums.owed()));
        Row { cells, detail: None, pair: None }
    };
    (columns, Insurance::ALL.map(row).into())
}

/// The first form of the text says nothing of sums.
fn counted_alone(operations: u64) -> (Vec<Column>, Vec<Row>) {
    let cells = vec![Cell::Count(i64::try_from(operations).unwrap_or(i64::MAX))];
    (vec![Column::count("业务笔数")], vec![Row { cells, detail: None, pair: None }])
}

/// How the sums are to be read, and what is not among them.
fn sums_read(tally: Option<&Tally>) -> Vec<(&'static str, String)> {
    let Some(tally) = tally else {
        return vec![("口径", "签署的文本只写明笔数和摘要，未写明金额".to_owned())];
    };
    let mut told = vec![("口径", format!("本页以元列示，签署的文本以分列示；{}", reading(tally.family)))];
    match tally.family {
        Family::Owners => told.push((ELSEWHERE, format!("{} 元", tally.elsewhere))),
        Family::Patients => {}
    }
    told
}

fn signed_by(who: &str, Signed { serial, good: (from, to), fingerprint }: &Signed) -> String {
    format!("{who}，证书序列号 {serial}，有效期 {from} 至 {to}，证书指纹 {fingerprint}")
}

fn found(checked: &Checked) -> String {
    let revoked = if checked.none_revoked { "签署证书均未吊销" } else { "未核对吊销清单" };
    let leaves =
        if checked.by_leaves { "笔数、金额和摘要已由叶子表重算相符" } else { "未核对叶子表" };
    format!("三方签名均有效；{revoked}；{leaves}")
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use settlement::money::Money;

    use super::*;
    use crate::certificate::tests::{agreement, with_sums};
    use crate::statement::ByCode;

    fn checked() -> Checked {
        let good = (date(2025, 1, 1), date(2026, 1, 1));
        let signed = |serial: &str| Signed { serial: serial.to_owned(), good, fingerprint: "cd".repeat(32) };
        Checked { signed: ["01", "02", "03"].map(signed), none_revoked: true, by_leaves: false }
    }

    fn told(paper: &Document, what: &str) -> String {
        let lines = paper.about.iter().chain(&paper.stamp.told).chain(&paper.accounts);
        lines.filter(|(named, _)| named == what).map(|(_, told)| told.as_str()).collect()
    }

    #[test]
    fn a_paper_says_what_the_signed_text_says_in_yuan_and_who_signed_it() {
        let (signed, names) = (with_sums(), ByCode);
        let paper = paper(&signed, &checked(), &names);
        assert_eq!((paper.check(), paper.amount), (Ok(()), Some(Money::from_yuan(1_400))));
        let totals: Vec<_> = (1..4).map(|column| paper.total(column)).collect();
        let wanted = [Cell::Count(2), Cell::Money(Money::from_yuan(2_000)), Cell::Money(Money::from_yuan(1_300))];
        assert_eq!(totals, wanted.map(Some));
        for (what, wanted) in [
            ("参保统筹区", "410700"),
            ("业务笔数", "6（结算 3，撤销 2，恢复 1）"),
            ("版本", "第2版"),
            ("摘要", &"ab".repeat(32)),
            ("替代", &format!("第1版，其摘要为 {}", "01".repeat(32))),
            (ELSEWHERE, "0.00 元"),
            ("核验", "三方签名均有效；签署证书均未吊销；未核对叶子表"),
        ] {
            assert_eq!(told(&paper, what), wanted, "{what}");
        }
        let hub = told(&paper, "枢纽签署");
        assert!(hub.contains("证书序列号 02，有效期 2025-01-01 至 2026-01-01，证书指纹 cdcd"), "{hub}");
        assert!(!told(&paper, "口径").contains("单位为分"), "it is in yuan");
    }

    #[test]
    fn a_text_without_sums_makes_a_paper_without_any() {
        let paper = paper(&agreement(), &checked(), &ByCode);
        assert_eq!((paper.amount, paper.is_totalled, told(&paper, "业务笔数")), (None, false, "12".to_owned()));
        assert!(told(&paper, "口径").contains("未写明金额"));
    }
}
