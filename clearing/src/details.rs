//! What stands behind the figures of a period, settlement by settlement: entries booked, carried in and out,
//! deducted and corrected. The detail documents, and the lists that rows of statements lead to, are made from it; both add up to the
//! statements.

use std::collections::BTreeMap;

use jiff::civil::Date;
use settlement::adjudication::{Fund, FundShares};
use settlement::encounter::CareKind;
use settlement::ids::{MemberCode, PoolCode, SettlementId};
use settlement::money::Money;
use settlement::person::Insurance;
use settlement::postings::Turn;

use crate::breaks::reason;
use crate::document::{Cell, Column, ColumnKind, Document, Row, Sign};
use crate::figures::{DEDUCTED, net_columns};
use crate::month::Month;
use crate::obligation::{Lot, Payer, Sums};
use crate::period::{Pair, Side};
use crate::review::Objection;
use crate::statement::{Names, document};

/// How an entry comes to count in a period, or not to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Movement {
    /// It was booked in it.
    Booked(Turn),
    /// It was carried into it.
    CarriedIn,
    /// It was carried out of it.
    CarriedOut,
    /// It was deducted in it.
    Deducted {
        /// The deduction's id.
        id: String,
        /// When agency and hospital agreed, or it was given back.
        on: Date,
        /// What the hospital had objected; none where it did not.
        objection: Option<Objection>,
    },
    /// It was worked out again after a late change, and comes to something else.
    Recomputed {
        /// The batch.
        batch: String,
        /// When that took effect, or it was given back.
        on: Date,
        /// What the funds paid before.
        told: FundShares,
        /// What they pay since.
        now: FundShares,
    },
}

impl Movement {
    /// What documents call it.
    pub fn name(&self) -> &'static str {
        match self {
            Movement::Booked(Turn::Enter) => "结算",
            Movement::Booked(Turn::Counter) => "撤销",
            Movement::Booked(Turn::Reinstate) => "恢复",
            Movement::CarriedIn => "上期转入",
            Movement::CarriedOut => "转出下期",
            Movement::Deducted { id: _, on: _, objection: _ } => DEDUCTED,
            Movement::Recomputed { .. } => "重算更正",
        }
    }
}

/// One entry behind the figures of a period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The settlement.
    pub settlement: SettlementId,
    /// Between whom, and for what.
    pub lot: Lot,
    /// How it counts.
    pub movement: Movement,
    /// The day of `setl_time` of what was booked.
    pub day: Option<Date>,
    /// The month that it corrects, comes from or goes into, or the one that clears the settlement that a deduction or a
    /// correction is about; none where that is the list, and where it corrects nothing.
    pub other: Option<Month>,
    /// Why, where it did not simply happen.
    pub reason: String,
    /// What it moves, with the sign with which it counts in what is cleared.
    pub sums: Sums,
    /// What deductions and corrections that are carried with it come to, with the sign with which they count: they stand
    /// among their own, so this is told and not added. Nothing of what is not carried.
    pub along: Money,
}

impl Entry {
    /// What it moves of what is cleared before deductions: nothing where it is one itself.
    pub fn gross(&self) -> Sums {
        match self.movement {
            Movement::Deducted { .. } => Sums::default(),
            Movement::Booked(_) | Movement::CarriedIn | Movement::CarriedOut | Movement::Recomputed { .. } => self.sums,
        }
    }

    /// 审核扣款: what it takes off; negative where that is given back, nothing where it is no deduction.
    pub fn deducted(&self) -> Money {
        self.gross().owed() - self.sums.owed()
    }
}

/// 转入转出明细 of a member: what its periods are cleared with and without, as booked, what deductions and corrections go
/// along, and the net of both.
pub fn carried(month: Month, member: MemberCode, entries: &BTreeMap<Pair, Vec<Entry>>, names: &impl Names) -> Document {
    let mut columns = [
        named(),
        vec![Column::text("方向"), Column::text("另一所属期"), Column::text("原因")],
        vec![Column::count("人次"), Column::money("医疗费总额")],
    ]
    .concat();
    let first = columns.len();
    columns.extend(["转入转出金额", "随同扣款及更正"].map(Column::money));
    let parts = (first..columns.len()).map(|column| (column, Sign::Plus)).collect();
    columns.push(Column { name: "转入转出净额".to_owned(), kind: ColumnKind::WorkedOut(parts) });
    let rows = of_member(member, entries).filter_map(|(pair, entry)| {
        let is_carried = matches!(entry.movement, Movement::CarriedIn | Movement::CarriedOut);
        let mut cells = names_of(pair, entry, names);
        cells.extend(
            [entry.movement.name().to_owned(), month_or_list(entry), reason::told(&entry.reason)].map(Cell::Text),
        );
        let Sums { visits, total, .. } = entry.sums;
        let (booked, along) = (entry.sums.owed(), entry.along);
        cells.extend([Cell::Count(visits), Cell::Money(total)]);
        cells.extend([booked, along, booked + along].map(Cell::Money));
        is_carried.then_some(Row { cells, detail: None, pair: Some(*pair) })
    });
    let about = vec![("成员".to_owned(), names.name_of(member.0))];
    document("转入转出明细", month, about, columns, rows.collect())
}

/// 审核扣款明细 of a member: what review takes off, settlement by settlement, fund by fund, with the month that clears the
/// settlement (policy.md B.3), and the letter by which the hospital had objected; what is given back stands with its sign
/// turned.
pub fn deductions(
    month: Month,
    member: MemberCode,
    entries: &BTreeMap<Pair, Vec<Entry>>,
    names: &impl Names,
) -> Document {
    let mut columns = [Column::text("扣款编号")].to_vec();
    columns.extend(named());
    columns.extend(["清算所属期", "扣款原因", "认定机构", "认定日期"].map(Column::text));
    columns.extend(["异议医院", "异议函号", "异议日期", "异议理由"].map(Column::text));
    let first = columns.len();
    columns.extend(Fund::ALL.map(|fund| Column::money(Payer::Fund(fund).name())));
    let parts = (first..columns.len()).map(|column| (column, Sign::Plus)).collect();
    columns.push(Column { name: "扣款金额".to_owned(), kind: ColumnKind::WorkedOut(parts) });
    let rows = of_member(member, entries).filter_map(|(pair, entry)| {
        let Movement::Deducted { id, on, objection } = &entry.movement else { return None };
        let mut cells = vec![Cell::Text(id.clone())];
        cells.extend(names_of(pair, entry, names));
        let agreed_by = names.name_of(entry.lot.treatment.0);
        cells.extend([month_or_list(entry), entry.reason.clone(), agreed_by, on.to_string()].map(Cell::Text));
        cells.extend(letter_of(objection.as_ref()).map(Cell::Text));
        cells.extend(Fund::ALL.map(|fund| Cell::Money(-entry.sums.funds.of(fund))));
        cells.push(Cell::Money(-entry.sums.owed()));
        Some(Row { cells, detail: None, pair: Some(*pair) })
    });
    let about = vec![("成员".to_owned(), names.name_of(member.0))];
    document("审核扣款明细", month, about, columns, rows.collect())
}

/// 更正明细 of a member: settlements that were worked out again after a late change, a row for each fund that pays something
/// else, with the batch and the month that clears the settlement; what is given back stands the other way round.
pub fn corrections(
    month: Month,
    member: MemberCode,
    entries: &BTreeMap<Pair, Vec<Entry>>,
    names: &impl Names,
) -> Document {
    let mut columns = vec![Column::text("更正批次")];
    columns.extend(named());
    columns.extend(["清算所属期", "更正原因", "生效日期", "支付项目"].map(Column::text));
    let first = columns.len();
    columns.extend(["原支付", "更正后支付"].map(Column::money));
    let parts = vec![(first, Sign::Minus), (first + 1, Sign::Plus)];
    columns.push(Column { name: "更正金额".to_owned(), kind: ColumnKind::WorkedOut(parts) });
    let rows = of_member(member, entries).flat_map(|(pair, entry)| {
        let Movement::Recomputed { batch, on, told, now } = &entry.movement else { return Vec::new() };
        let changed = Fund::ALL.into_iter().filter(|fund| told.of(*fund) != now.of(*fund));
        let row = |fund: Fund| {
            let mut cells = vec![Cell::Text(batch.clone())];
            cells.extend(names_of(pair, entry, names));
            let fund_name = Payer::Fund(fund).name().to_owned();
            cells.extend([month_or_list(entry), entry.reason.clone(), on.to_string(), fund_name].map(Cell::Text));
            let (told, now) = (told.of(fund), now.of(fund));
            cells.extend([told, now, now - told].map(Cell::Money));
            Row { cells, detail: None, pair: Some(*pair) }
        };
        changed.map(row).collect()
    });
    let about = vec![("成员".to_owned(), names.name_of(member.0))];
    document("更正明细", month, about, columns, rows.collect())
}

/// 结算明细: the entries behind a row of a statement; they come to what the row says, column by column. Which funds a
/// deduction takes off is for [`deductions`].
pub fn behind<'e>(
    month: Month,
    entries: impl IntoIterator<Item = (&'e Pair, &'e Entry)>,
    names: &impl Names,
) -> Document {
    let mut columns = named();
    columns.extend(["动作", "结算日期", "另一所属期", "原因"].map(Column::text));
    columns.extend([Column::count("人次"), Column::money("医疗费总额")]);
    let first = columns.len();
    columns.extend(Payer::all().map(|payer| Column::money(payer.name())));
    let gross = (first..columns.len()).map(|column| (column, Sign::Plus)).collect();
    columns.extend(net_columns(columns.len(), gross));
    let rows = entries.into_iter().map(|(pair, entry)| {
        let mut cells = names_of(pair, entry, names);
        let day = entry.day.map(|day| day.to_string()).unwrap_or_default();
        let other = entry.other.filter(|other| *other != month).map(|other| other.to_string()).unwrap_or_default();
        cells.extend([entry.movement.name().to_owned(), day, other, reason::told(&entry.reason)].map(Cell::Text));
        let gross = entry.gross();
        cells.extend([Cell::Count(gross.visits), Cell::Money(gross.total)]);
        cells.extend(Payer::all().map(|payer| Cell::Money(payer.share_of(&gross))));
        cells.extend([entry.deducted(), entry.sums.owed()].map(Cell::Money));
        Row { cells, detail: None, pair: Some(*pair) }
    });
    document("结算明细", month, vec![], columns, rows.collect())
}

/// The rows of statements behind which an entry stands, as they are named (`Row::detail`): that of its pair of members,
/// that of its pool and insurance, that of all of it down to the kind of care, and that of its lot.
pub fn rows_of(pair: &Pair, lot: &Lot) -> [String; 4] {
    let Lot { home, treatment: _, insurance, care } = lot;
    let detail = detail_name(*home, pair.treatment, *insurance, *care);
    [pair_name(pair), share_name(*home, *insurance), detail, lot_name(lot)]
}

/// The name of the row of a lot.
pub fn lot_name(Lot { home, treatment, insurance, care }: &Lot) -> String {
    format!("lot-{home}-{treatment}-{}-{}", insurance.word(), care.word())
}

/// The name of the row of a pool's share.
pub fn share_name(home: PoolCode, insurance: Insurance) -> String {
    format!("{home}-{}", insurance.word())
}

/// The name of the row of a pool with a treatment member, by insurance and kind of care.
pub fn detail_name(home: PoolCode, treatment: MemberCode, insurance: Insurance, care: CareKind) -> String {
    format!("{home}-{treatment}-{}-{}", insurance.word(), care.word())
}

/// The name of the row of a pair of members.
pub fn pair_name(pair: &Pair) -> String {
    format!("{}-{}", pair.home, pair.treatment)
}

/// Who objected, by which letter of which day, and why; empty where nobody did.
fn letter_of(objection: Option<&Objection>) -> [String; 4] {
    let Some(Objection { hospital, letter, written_on, reason }) = objection else { return Default::default() };
    [hospital.to_string(), letter.clone(), written_on.to_string(), reason.clone()]
}

fn month_or_list(entry: &Entry) -> String {
    entry.other.map_or_else(|| "遗留清单".to_owned(), |month| month.to_string())
}

fn named() -> Vec<Column> {
    ["结算编号", "参保省", "参保统筹区", "就医省", "就医统筹区", "险种", "医疗类别"].map(Column::text).to_vec()
}

fn names_of(pair: &Pair, entry: &Entry, names: &impl Names) -> Vec<Cell> {
    let Lot { home, treatment, insurance, care } = entry.lot;
    let texts = [
        entry.settlement.to_string(),
        names.name_of(pair.home.0),
        names.name_of(home.0),
        names.name_of(pair.treatment.0),
        names.name_of(treatment.0),
        insurance.name().to_owned(),
        care.name().to_owned(),
    ];
    texts.map(Cell::Text).to_vec()
}

fn of_member(member: MemberCode, entries: &BTreeMap<Pair, Vec<Entry>>) -> impl Iterator<Item = (&Pair, &Entry)> {
    let own = entries.iter().filter(move |(pair, _)| Side::ALL.into_iter().any(|side| pair.member(side) == member));
    own.flat_map(|(pair, entries)| entries.iter().map(move |entry| (pair, entry)))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;
    use settlement::ids::{InstitutionCode, RegionCode};

    use super::*;
    use crate::cleared::{Cleared, sum};
    use crate::composition::of_pair;
    use crate::obligation::tests::{lots, sums};
    use crate::statement::tests::{Codes, month};
    use crate::statement::{Pairs, of_member as statement_of, shares};

    fn movement() -> impl Strategy<Value = Movement> {
        prop_oneof![
            Just(Movement::Booked(Turn::Enter)),
            Just(Movement::CarriedIn),
            Just(Movement::CarriedOut),
            Just(Movement::Deducted { id: "d".into(), on: date(2025, 7, 1), objection: None }),
            Just(Movement::Recomputed {
                batch: "b".into(),
                on: date(2025, 7, 1),
                told: FundShares::default(),
                now: FundShares::default(),
            }),
        ]
    }

    /// Entries as they stand behind figures, and the figures.
    fn behind_figures() -> impl Strategy<Value = (BTreeMap<Pair, Vec<Entry>>, Pairs)> {
        prop::collection::vec((lots(), sums(), movement()), 0..30).prop_map(|rows| {
            let (mut entries, mut pairs): (BTreeMap<Pair, Vec<Entry>>, Pairs) = Default::default();
            for (lot, sums, movement) in rows {
                let pair = Pair { home: MemberCode(lot.home.0), treatment: MemberCode(lot.treatment.0) };
                if pair.home == pair.treatment {
                    continue;
                }
                let cleared = pairs.entry(pair).or_default().entry(lot).or_default();
                let mut movement = movement;
                let counted = match &mut movement {
                    Movement::Booked(_) => {
                        cleared.booked += sums;
                        sums
                    }
                    Movement::CarriedIn => {
                        cleared.carried_in += sums;
                        sums
                    }
                    Movement::CarriedOut => {
                        cleared.carried_out += sums;
                        -sums
                    }
                    Movement::Deducted { .. } => {
                        let taken = Sums { funds: sums.funds, ..Sums::default() };
                        cleared.deducted += taken;
                        -taken
                    }
                    Movement::Recomputed { now, .. } => {
                        let moves = Sums { funds: sums.funds, ..Sums::default() };
                        *now = sums.funds;
                        cleared.recomputed += moves;
                        moves
                    }
                };
                let settlement = SettlementId::new("s1").expect("an id");
                let (day, other, reason) = (None, None, String::new());
                entries.entry(pair).or_default().push(Entry {
                    settlement,
                    lot,
                    movement,
                    day,
                    other,
                    reason,
                    sums: counted,
                    along: Money::ZERO,
                });
            }
            (entries, pairs)
        })
    }

    /// A pair of members, and a lot between pools of theirs.
    fn henan_shanghai() -> (Pair, Lot) {
        let code = |code: &str| RegionCode::new(code).expect("a code");
        let (home, treatment) = (PoolCode(code("410700")), PoolCode(code("310000")));
        let pair = Pair { home: MemberCode(code("410000")), treatment: MemberCode(code("310000")) };
        (pair, Lot { home, treatment, insurance: Insurance::Employee, care: CareKind::Inpatient })
    }

    #[test]
    fn a_deduction_says_which_month_clears_its_settlement_and_who_objected() {
        let (pair, lot) = henan_shanghai();
        let objection = Objection {
            hospital: InstitutionCode::new("H31010100001").expect("a code"),
            letter: "沪一院函17号".into(),
            written_on: date(2025, 6, 20),
            reason: "用药有指征".into(),
        };
        for (cleared_in, [in_detail, in_list]) in
            [(Some("2025-06"), ["2025-06", ""]), (Some("2025-05"), ["2025-05", "2025-05"]), (None, ["遗留清单", ""])]
        {
            let entry = Entry {
                settlement: SettlementId::new("s1").expect("an id"),
                lot,
                movement: Movement::Deducted {
                    id: "d".into(),
                    on: date(2025, 7, 1),
                    objection: Some(objection.clone()),
                },
                day: None,
                other: cleared_in.and_then(Month::from_text),
                reason: String::new(),
                sums: Sums::default(),
                along: Money::ZERO,
            };
            let list = behind(month(), [(&pair, &entry)], &Codes);
            let detail = deductions(month(), pair.home, &BTreeMap::from([(pair, vec![entry])]), &Codes);
            for (document, column, told) in [
                (&detail, "清算所属期", in_detail),
                (&list, "另一所属期", in_list),
                (&detail, "异议医院", "H31010100001"),
                (&detail, "异议函号", "沪一院函17号"),
                (&detail, "异议日期", "2025-06-20"),
                (&detail, "异议理由", "用药有指征"),
            ] {
                let at = document.columns.iter().position(|named| named.name == column).expect("a column");
                assert_eq!(document.rows[0].cells[at], Cell::Text(told.into()), "{column} for {cleared_in:?}");
            }
        }
    }

    /// 600.00 元 by 统筹基金 and 100.00 by 大病保险 become 650.00 and 100.00.
    #[test]
    fn a_correction_has_a_row_for_each_fund_that_pays_something_else() {
        let (pair, lot) = henan_shanghai();
        let shares = |basic| {
            let mut shares = FundShares::default();
            shares.set(Fund::Basic, Money::from_fen(basic));
            shares.set(Fund::Catastrophic, Money::from_fen(10_000));
            shares
        };
        let (told, now) = (shares(60_000), shares(65_000));
        let mut moves = Sums::default();
        moves.funds.set(Fund::Basic, Money::from_fen(5_000));
        let entry = Entry {
            settlement: SettlementId::new("s1").expect("an id"),
            lot,
            movement: Movement::Recomputed { batch: "2025-07".into(), on: date(2025, 7, 1), told, now },
            day: None,
            other: Month::from_text("2025-05"),
            reason: "前次住院撤销".into(),
            sums: moves,
            along: Money::ZERO,
        };
        let table = corrections(month(), pair.treatment, &BTreeMap::from([(pair, vec![entry])]), &Codes);
        assert_eq!((table.check(), table.amount, table.rows.len()), (Ok(()), Some(Money::from_fen(5_000)), 1));
        let told = |name: &str| {
            let at = table.columns.iter().position(|column| column.name == name).expect("a column");
            table.rows[0].cells[at].clone()
        };
        let text = |text: &str| Cell::Text(text.to_owned());
        let about = ["更正批次", "清算所属期", "更正原因", "支付项目"].map(told);
        assert_eq!(about, ["2025-07", "2025-05", "前次住院撤销", Payer::Fund(Fund::Basic).name()].map(text));
        let sums = ["原支付", "更正后支付", "更正金额"].map(|name| told(name).amount().fen());
        assert_eq!(sums, [60_000, 65_000, 5_000]);
    }

    proptest! {
        #[test]
        fn what_stands_behind_each_row_comes_to_what_it_clears((entries, pairs) in behind_figures()) {
            let members: std::collections::BTreeSet<MemberCode> =
                pairs.keys().flat_map(|pair| [pair.home, pair.treatment]).collect();
            for member in members {
                let statements = [
                    statement_of(month(), member, Side::Home, &pairs, &Codes),
                    statement_of(month(), member, Side::Treatment, &pairs, &Codes),
                    shares(month(), member, &pairs, &Codes),
                ];
                let by_lot: Vec<_> = pairs.iter().map(|(pair, lots)| of_pair(month(), pair, lots, &Codes)).collect();
                let statements = statements.iter().chain(&by_lot);
                for (statement, row) in statements.flat_map(|statement| statement.rows.iter().map(move |row| (statement, row))) {
                    let detail = row.detail.as_deref().expect("each row has settlements");
                    let all = entries.iter().flat_map(|(pair, entries)| entries.iter().map(move |entry| (pair, entry)));
                    let found: Vec<_> = all.filter(|(pair, entry)| rows_of(pair, &entry.lot).iter().any(|row| row == detail)).collect();
                    let list = behind(month(), found, &Codes);
                    prop_assert_eq!(list.check(), Ok(()));
                    prop_assert_eq!(list.amount.unwrap_or_default(), row.cells.last().expect("a figure").amount());
                    let mut in_both = 0;
                    for (at, column) in list.columns.iter().enumerate() {
                        let in_row = statement.columns.iter().position(|named| named.name == column.name);
                        if let (Some(total), Some(in_row)) = (list.total(at), in_row) {
                            prop_assert_eq!(&total, &row.cells[in_row], "{}", &column.name);
                            in_both += 1;
                        }
                    }
                    prop_assert_eq!(in_both, 4 + Payer::all().count(), "visits, charges, payers, deducted, net");
                }
                let own = |pair: &&Pair| [pair.home, pair.treatment].contains(&member);
                let all: Cleared = pairs.iter().filter(|(pair, _)| own(pair)).fold(Cleared::default(), |mut all, (_, lots)| {
                    all += sum(lots);
                    all
                });
                let (taken, moved) = (
                    deductions(month(), member, &entries, &Codes),
                    carried(month(), member, &entries, &Codes),
                );
                prop_assert_eq!(taken.check(), Ok(()));
                prop_assert_eq!(taken.amount.unwrap_or_default(), all.deducted.owed());
                let corrected = corrections(month(), member, &entries, &Codes);
                prop_assert_eq!(corrected.check(), Ok(()));
                prop_assert_eq!(corrected.amount.unwrap_or_default(), all.recomputed.owed());
                prop_assert_eq!(moved.amount.unwrap_or_default(), all.carried_in.owed() - all.carried_out.owed());
            }
        }
    }

    /// 12145.27 元 are carried out, and 800.00 that are deducted from it go along.
    #[test]
    fn what_is_carried_stands_as_booked_with_what_goes_along_and_net() {
        let (pair, lot) = henan_shanghai();
        let mut booked = Sums::default();
        booked.funds.set(Fund::Basic, Money::from_fen(1_214_527));
        let entry = Entry {
            settlement: SettlementId::new("s1").expect("an id"),
            lot,
            movement: Movement::CarriedOut,
            day: None,
            other: None,
            reason: "对账未平".into(),
            sums: -booked,
            along: Money::from_fen(80_000),
        };
        let table = carried(month(), pair.home, &BTreeMap::from([(pair, vec![entry])]), &Codes);
        assert_eq!((table.check(), table.amount), (Ok(()), Some(Money::from_fen(-1_134_527))));
        let figures = [-1_214_527, 80_000, -1_134_527].map(|fen| Cell::Money(Money::from_fen(fen)));
        assert!(table.rows[0].cells.ends_with(&figures), "{:?}", table.rows);
    }
}
