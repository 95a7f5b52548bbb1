//! The detail documents add up, alone and to the statements.

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
        Just(Movement::CameAlone(Alone::Deduction("d".into()))),
        Just(Movement::WentAlone(Alone::Correction("b".into()))),
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
            let mut along = Money::ZERO;
            let counted = match &mut movement {
                Movement::CameAlone(_) | Movement::WentAlone(_) => {
                    along = sums.funds.total();
                    Sums::default()
                }
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
                along,
            });
        }
        (entries, pairs)
    })
}

/// What a column of amounts comes to; nothing where there are no rows.
fn total(document: &Document, name: &str) -> Money {
    let at = document.columns.iter().position(|column| column.name == name).expect("a column");
    document.rows.iter().map(|row| row.cells[at].amount()).sum()
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
            movement: Movement::Deducted { id: "d".into(), on: date(2025, 7, 1), objection: Some(objection.clone()) },
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
                let booked = all.carried_in.owed() - all.carried_out.owed();
                let own = entries.iter().filter(|(pair, _)| own(pair)).flat_map(|(_, entries)| entries);
                let alone: Money = own.map(|entry| entry.along).sum();
                prop_assert_eq!(moved.check(), Ok(()));
                prop_assert_eq!(total(&moved, "转入转出金额"), booked, "what is carried alone is in no column of a statement");
                prop_assert_eq!(moved.amount.unwrap_or_default(), booked + alone);
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

/// 12.34 元 are deducted of a settlement that was cleared in May; the deduction goes from June into July, and from there onto
/// the list, off it, and stands in September.
#[test]
fn a_deduction_that_is_carried_alone_is_followed_from_paper_to_paper() {
    let (pair, lot) = henan_shanghai();
    let month = |text: &str| Month::from_text(text);
    let alone = || Alone::Deduction("K1".into());
    let entry = |movement: Movement, other: Option<Month>, sums: Sums, along: i64| Entry {
        settlement: SettlementId::new("s1").expect("an id"),
        lot,
        movement,
        day: None,
        other,
        reason: "患者否认".into(),
        sums,
        along: Money::from_fen(along),
    };
    let came = |from| entry(Movement::CameAlone(alone()), from, Sums::default(), -1_234);
    let went = |into| entry(Movement::WentAlone(alone()), into, Sums::default(), 1_234);
    let mut taken = Sums::default();
    taken.funds.set(Fund::Basic, Money::from_fen(-1_234));
    let deducted = || {
        let movement = Movement::Deducted { id: "K1".into(), on: date(2025, 6, 3), objection: None };
        entry(movement, month("2025-05"), taken, 0)
    };
    for (of, entries, carried_rows, stands) in [
        ("2025-06", vec![went(month("2025-07"))], vec![("转出下期", "2025-07", 1_234)], None),
        (
            "2025-07",
            vec![came(month("2025-06")), went(None)],
            vec![("上期转入", "2025-06", -1_234), ("转出下期", "遗留清单", 1_234)],
            None,
        ),
        ("2025-09", vec![came(None), deducted()], vec![("上期转入", "遗留清单", -1_234)], Some("遗留清单")),
        ("2025-09", vec![came(month("2025-08")), deducted()], vec![("上期转入", "2025-08", -1_234)], Some("2025-08")),
        ("2025-06", vec![deducted()], vec![], Some("")),
    ] {
        let of = month(of).expect("a month");
        let entries = BTreeMap::from([(pair, entries)]);
        let (moved, detail) =
            (carried(of, pair.home, &entries, &Codes), deductions(of, pair.treatment, &entries, &Codes));
        let cell = |document: &Document, row: &Row, name: &str| {
            let at = document.columns.iter().position(|column| column.name == name).expect("a column");
            row.cells[at].clone()
        };
        let text = |text: &str| Cell::Text(text.to_owned());
        assert_eq!((moved.check(), detail.check()), (Ok(()), Ok(())));
        assert_eq!(moved.rows.len(), carried_rows.len(), "{of}");
        for (row, (way, other, fen)) in moved.rows.iter().zip(carried_rows) {
            let told = ["方向", "另一所属期", "扣款编号或更正批次", "原因"].map(|name| cell(&moved, row, name));
            assert_eq!(told, [way, other, "K1", "患者否认"].map(text), "{of}");
            let sums =
                ["转入转出金额", "随同扣款及更正", "转入转出净额"].map(|name| cell(&moved, row, name).amount().fen());
            assert_eq!((cell(&moved, row, "人次"), sums), (Cell::Count(0), [0, fen, fen]), "{of}");
        }
        let came_from = detail.rows.first().map(|row| cell(&detail, row, "转自所属期"));
        assert_eq!(came_from, stands.map(text), "{of}");
        let list =
            behind(of, entries.iter().flat_map(|(pair, all)| all.iter().map(move |entry| (pair, entry))), &Codes);
        assert_eq!(list.rows.len(), detail.rows.len(), "behind a row it stands once, as the deduction");
    }
}
