//! The columns of figures that every statement has (policy.md B.3): what funds and accounts pay, what is deducted from
//! it, and what is left to be paid.

use std::collections::BTreeMap;

use settlement::adjudication::Fund;
use settlement::encounter::CareKind;

use crate::cleared::{Cleared, sum};
use crate::document::{Cell, Column, ColumnKind, Sign};
use crate::obligation::{Lot, Payer, Sums};

/// What was booked in a period, as every document calls it: what funds and accounts paid by its entries, undoings taken
/// off, in fen. It is not what is cleared, from which it differs by what is carried, corrected and deducted.
pub(crate) const BOOKED: &str = "本期结算金额";

/// What review takes off, as every document calls it.
pub(crate) const DEDUCTED: &str = "审核扣款";

/// The columns of figures, behind so many columns of words. Funds, 基金应付 (what they pay together) and 个人账户 are what is
/// cleared before deductions; 审核扣款 is subtracted from them, and 清算金额 is what is left. What corrects earlier periods,
/// was carried in or worked out again is among them (其中); what is carried out is claimed in another period, so it is off
/// them already (已减). Without all that moves between periods or came later, 本期结算金额 is left: what was booked in the
/// period, by which a year's prefunds are set.
pub(crate) fn figures(first: usize) -> Vec<Column> {
    let mut columns = vec![Column::count("人次"), Column::count("其中住院人次"), Column::money("医疗费总额")];
    let funds = (first + columns.len()..).take(Fund::ALL.len()).map(|fund| (fund, Sign::Plus)).collect();
    columns.extend(Fund::ALL.map(|fund| Column::money(Payer::Fund(fund).name())));
    let payable = first + columns.len();
    columns.push(Column { name: "基金应付".to_owned(), kind: ColumnKind::WorkedOut(funds) });
    columns.push(Column::money(Payer::Account.name()));
    columns.extend(["其中更正往期", "其中上期转入", "已减转出下期", "其中重算更正"].map(Column::money));
    let [carried_in, carried_out, recomputed] = [payable + 3, payable + 4, payable + 5];
    let booked = [(payable, Sign::Plus), (payable + 1, Sign::Plus), (carried_in, Sign::Minus)];
    let booked = booked.into_iter().chain([(carried_out, Sign::Plus), (recomputed, Sign::Minus)]);
    columns.push(Column { name: BOOKED.to_owned(), kind: ColumnKind::WorkedOut(booked.collect()) });
    let gross = vec![(payable, Sign::Plus), (payable + 1, Sign::Plus)];
    columns.extend(net_columns(first + columns.len(), gross));
    columns
}

/// 审核扣款, and 清算金额 that is left of what other columns come to before it; `at` is the place of the first of the two.
pub(crate) fn net_columns(at: usize, gross: Vec<(usize, Sign)>) -> [Column; 2] {
    let mut parts = gross;
    parts.push((at, Sign::Minus));
    [Column::money(DEDUCTED), Column { name: "清算金额".to_owned(), kind: ColumnKind::WorkedOut(parts) }]
}

/// The figures of some lots, a cell for each column of [`figures`].
pub(crate) fn figures_of(lots: &BTreeMap<Lot, Cleared>) -> Vec<Cell> {
    let cleared = sum(lots);
    let gross = cleared.gross();
    let inpatient = lots.iter().filter(|(lot, _)| lot.care == CareKind::Inpatient);
    let stays: i64 = inpatient.map(|(_, cleared)| cleared.gross().visits).sum();
    let mut cells = vec![Cell::Count(gross.visits), Cell::Count(stays), Cell::Money(gross.total)];
    cells.extend(Fund::ALL.map(|fund| Cell::Money(gross.funds.of(fund))));
    cells.extend([gross.funds.total(), gross.account].map(Cell::Money));
    let owed = |sums: Sums| Cell::Money(Sums::owed(&sums));
    let Cleared { booked, corrected, carried_out, carried_in, deducted, recomputed } = cleared;
    cells.extend([corrected, carried_in, carried_out, recomputed, booked, deducted].map(owed));
    cells.push(Cell::Money(cleared.owed()));
    cells
}

#[cfg(test)]
mod tests {
    use settlement::ids::{PoolCode, RegionCode};
    use settlement::money::Money;
    use settlement::person::Insurance;

    use super::*;

    /// What a row of one lot says in a column, in fen or in visits.
    fn figure(cleared: Cleared, name: &str) -> i64 {
        let pool = |code: &str| PoolCode(RegionCode::new(code).expect("a code"));
        let (home, treatment) = (pool("410700"), pool("310000"));
        let lot = Lot { home, treatment, insurance: Insurance::Employee, care: CareKind::Inpatient };
        let column = figures(0).iter().position(|column| column.name == name).expect("a column");
        match &figures_of(&BTreeMap::from([(lot, cleared)]))[column] {
            Cell::Count(count) => *count,
            Cell::Money(amount) => amount.fen(),
            Cell::Text(text) => panic!("{name}: {text}"),
        }
    }

    fn paid<const N: usize>(funds: [(Fund, i64); N]) -> Sums {
        let mut sums = Sums::default();
        for (fund, fen) in funds {
            sums.funds.set(fund, Money::from_fen(fen));
        }
        sums
    }

    /// 80.00 + 10.00 + 0.70 − 2.00 by the funds are 88.70; with 5.00 from the account and less 0.30 that is 93.40. Without
    /// the 2.00 that came later, 95.70 were settled.
    #[test]
    fn what_each_fund_pays_is_told_before_what_is_deducted() {
        let booked = paid([(Fund::Basic, 8_000), (Fund::LargeSum, 1_000), (Fund::Assistance, 70)]);
        let cleared = Cleared {
            booked: Sums { visits: 1, account: Money::from_fen(500), ..booked },
            deducted: paid([(Fund::Basic, 30)]),
            recomputed: paid([(Fund::Catastrophic, -200)]),
            ..Cleared::default()
        };
        let told = [
            ("统筹基金", 8_000),
            ("大额补助", 1_000),
            ("大病保险", -200),
            ("公务员补助", 0),
            ("医疗救助", 70),
            ("基金应付", 8_870),
            ("个人账户", 500),
            ("其中重算更正", -200),
            ("本期结算金额", 9_570),
            ("审核扣款", 30),
            ("清算金额", 9_340),
        ];
        assert_eq!(told.map(|(name, _)| (name, figure(cleared, name))), told);
    }

    /// A stay that cost 100.00 元, of which the basic fund pays 80.00 and the account 5.00; 0.30 are deducted from it.
    #[test]
    fn a_deduction_is_apart_from_what_is_cleared_wherever_its_settlement_is() {
        let stay = Sums {
            visits: 1,
            total: Money::from_fen(10_000),
            account: Money::from_fen(500),
            ..paid([(Fund::Basic, 8_000)])
        };
        let (off, none) = (paid([(Fund::Basic, 30)]), Cleared::default());
        let more = paid([(Fund::Basic, 200)]);
        let columns =
            ["人次", "医疗费总额", "统筹基金", "基金应付", "个人账户", "本期结算金额", "审核扣款", "清算金额"];
        for (case, cleared, told) in [
            (
                "deducted where it is cleared",
                Cleared { booked: stay, deducted: off, ..none },
                [1, 10_000, 8_000, 8_000, 500, 8_500, 30, 8_470],
            ),
            ("deducted after that", Cleared { deducted: off, ..none }, [0, 0, 0, 0, 0, 0, 30, -30]),
            (
                "carried out, its deduction too",
                Cleared { booked: stay, carried_out: stay, ..none },
                [0, 0, 0, 0, 0, 8_500, 0, 0],
            ),
            (
                "carried in, its deduction too",
                Cleared { carried_in: stay, deducted: off, ..none },
                [1, 10_000, 8_000, 8_000, 500, 0, 30, 8_470],
            ),
            (
                "worked out again",
                Cleared { booked: stay, recomputed: more, deducted: off, ..none },
                [1, 10_000, 8_200, 8_200, 500, 8_500, 30, 8_670],
            ),
            (
                "worked out again after it was cleared",
                Cleared { recomputed: more, deducted: off, ..none },
                [0, 0, 200, 200, 0, 0, 30, 170],
            ),
            (
                "undone after it was cleared, and its deduction given back",
                Cleared { booked: -stay, corrected: -stay, deducted: -off, ..none },
                [-1, -10_000, -8_000, -8_000, -500, -8_500, -30, -8_470],
            ),
        ] {
            assert_eq!(columns.map(|name| figure(cleared, name)), told, "{case}");
        }
    }
}
