//! What a statement's money is made of: the lots of one pair's statement (清算表), and fund by fund what was booked,
//! carried, deducted and corrected (清算金额构成表). Both are made from the same figures as [`crate::statement`]'s tables.

use std::collections::BTreeMap;

use settlement::ids::MemberCode;
use settlement::person::Insurance;

use crate::cleared::{Cleared, sum};
use crate::details::{lot_name, pair_name};
use crate::document::{Cell, Column, Document, Row, Sign};
use crate::figures::{BOOKED, figures, figures_of, net_columns};
use crate::month::Month;
use crate::obligation::{Lot, Payer};
use crate::period::{Pair, Side};
use crate::statement::{Names, Pairs, document};

/// 清算表 of a pair of members, lot by lot: the statement that both sides confirm or object to.
pub fn of_pair(month: Month, pair: &Pair, lots: &BTreeMap<Lot, Cleared>, names: &impl Names) -> Document {
    let mut columns = ["参保统筹区", "就医统筹区", "险种", "医疗类别"].map(Column::text).to_vec();
    columns.extend(figures(columns.len()));
    let rows = lots.iter().map(|(lot, cleared)| {
        let Lot { home, treatment, insurance, care } = lot;
        let named = [names.name_of(home.0), names.name_of(treatment.0)].into_iter();
        let named = named.chain([insurance.name().to_owned(), care.name().to_owned()]).map(Cell::Text);
        let figures = figures_of(&BTreeMap::from([(*lot, *cleared)]));
        Row { cells: named.chain(figures).collect(), detail: Some(lot_name(lot)), pair: Some(*pair) }
    });
    let about = [("参保省", pair.home), ("就医省", pair.treatment)];
    let about = about.map(|(what, member)| (what.to_owned(), names.name_of(member.0))).into();
    document("清算表", month, about, columns, rows.collect())
}

/// 应付清算金额构成表 of a home member, or 应收 of a treatment member: for each member on the other side and each
/// insurance, which fund, or the account, is behind what was booked, carried in and out, corrected and deducted.
pub fn composition(month: Month, member: MemberCode, side: Side, pairs: &Pairs, names: &impl Names) -> Document {
    let (title, own, other, across) = match side {
        Side::Home => ("应付清算金额构成表", "参保省", "就医省", Side::Treatment),
        Side::Treatment => ("应收清算金额构成表", "就医省", "参保省", Side::Home),
    };
    let mut columns = [other, "险种", "支付来源"].map(Column::text).to_vec();
    let first = columns.len();
    columns.extend([BOOKED, "其中更正往期", "上期转入", "转出下期", "重算更正"].map(Column::money));
    let signs = [Sign::Plus, Sign::Minus, Sign::Plus];
    let gross = [(first, Sign::Plus)].into_iter().chain((first + 2..).zip(signs)).collect();
    columns.extend(net_columns(columns.len(), gross));
    let mut rows = Vec::new();
    for (pair, lots) in pairs.iter().filter(|(pair, _)| pair.member(side) == member) {
        for insurance in Insurance::ALL {
            let own = lots.iter().filter(|(lot, _)| lot.insurance == insurance);
            let cleared = sum(&own.map(|(lot, cleared)| (*lot, *cleared)).collect());
            let named = [names.name_of(pair.member(across).0), insurance.name().to_owned()];
            rows.extend(Payer::all().filter_map(|payer| row_of(payer, &cleared, named.clone(), pair)));
        }
    }
    let about = vec![(own.to_owned(), names.name_of(member.0))];
    document(title, month, about, columns, rows)
}

/// None where nothing of a payer's moved.
fn row_of(payer: Payer, cleared: &Cleared, named: [String; 2], pair: &Pair) -> Option<Row> {
    let Cleared { booked, corrected, carried_out, carried_in, deducted, recomputed } = cleared;
    let moved = [booked, corrected, carried_in, carried_out, recomputed, deducted].map(|sums| payer.share_of(sums));
    if moved.iter().all(|amount| amount.is_zero()) {
        return None;
    }
    let words = named.into_iter().chain([payer.name().to_owned()]).map(Cell::Text);
    let cells = words.chain(moved.map(Cell::Money)).chain([Cell::Money(payer.share_of(&cleared.net()))]).collect();
    Some(Row { cells, detail: Some(pair_name(pair)), pair: Some(*pair) })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use settlement::money::Money;

    use super::*;
    use crate::statement::tests::{Codes, month, pairs};
    use crate::statement::{national, of_member};

    /// The total of a column over some rows of a document.
    fn total(document: &Document, column: &str, counts: impl Fn(&Row) -> bool) -> Money {
        let at = document.columns.iter().position(|named| named.name == column).expect("a column");
        document.rows.iter().filter(|row| counts(row)).map(|row| row.cells[at].amount()).sum()
    }

    proptest! {
        #[test]
        fn each_view_of_a_pair_says_the_same_of_every_fund(pairs in pairs()) {
            let all = national(month(), &pairs, &Codes);
            for (pair, lots) in &pairs {
                let statement = of_pair(month(), pair, lots, &Codes);
                prop_assert_eq!(statement.check(), Ok(()));
                let is_pairs = |row: &Row| row.detail == Some(pair_name(pair));
                for name in statement.columns[4..].iter().map(|column| column.name.as_str()) {
                    prop_assert_eq!(total(&statement, name, |_| true), total(&all, name, is_pairs), "{}", name);
                }
                for side in Side::ALL {
                    let made_of = composition(month(), pair.member(side), side, &pairs, &Codes);
                    prop_assert_eq!(made_of.check(), Ok(()));
                    for payer in Payer::all() {
                        let of_payer = |row: &Row| is_pairs(row) && row.cells[2] == Cell::Text(payer.name().into());
                        let gross = total(&made_of, "清算金额", of_payer) + total(&made_of, "审核扣款", of_payer);
                        prop_assert_eq!(gross, total(&all, payer.name(), is_pairs));
                    }
                    for (own, column) in [
                        ("本期结算金额", "本期结算金额"),
                        ("上期转入", "其中上期转入"),
                        ("转出下期", "已减转出下期"),
                        ("重算更正", "其中重算更正"),
                        ("审核扣款", "审核扣款"),
                    ] {
                        prop_assert_eq!(total(&made_of, own, is_pairs), total(&all, column, is_pairs));
                    }
                    let of_member = of_member(month(), pair.member(side), side, &pairs, &Codes);
                    prop_assert_eq!(made_of.amount, of_member.amount);
                }
            }
        }
    }

    #[test]
    fn what_was_carried_in_alone_says_which_fund_pays_it() {
        let pairs = Pairs::from([carried_in_alone()]);
        let (pair, lots) = pairs.first_key_value().expect("a pair");
        for document in [national(month(), &pairs, &Codes), of_pair(month(), pair, lots, &Codes)] {
            let told = ["医疗费总额", "统筹基金", "基金应付", "个人账户", "其中上期转入", "清算金额"];
            let told = told.map(|column| total(&document, column, |_| true).to_string());
            assert_eq!(told, ["8929.87", "3549.20", "3549.20", "615.70", "4164.90", "4164.90"], "{}", document.title);
        }
    }

    fn carried_in_alone() -> (Pair, BTreeMap<Lot, Cleared>) {
        use settlement::adjudication::Fund;
        use settlement::encounter::CareKind;
        use settlement::ids::{PoolCode, RegionCode};

        let code = |code: &str| RegionCode::new(code).expect("a code");
        let (home, treatment) = (PoolCode(code("410700")), PoolCode(code("310000")));
        let lot = Lot { home, treatment, insurance: Insurance::Employee, care: CareKind::Inpatient };
        let mut carried_in = crate::obligation::Sums { visits: 1, total: fen(892_987), ..Default::default() };
        carried_in.funds.set(Fund::Basic, fen(354_920));
        carried_in.account = fen(61_570);
        let pair = Pair { home: MemberCode(code("410000")), treatment: MemberCode(code("310000")) };
        (pair, BTreeMap::from([(lot, Cleared { carried_in, ..Cleared::default() })]))
    }

    fn fen(fen: i64) -> Money {
        Money::from_fen(fen)
    }
}
