//! The statements of a period (policy.md B.3), by their official names: what a member owes and is owed, in how much
//! detail, and the notices of what is paid. Each is made from what pairs clear, lot by lot.

use std::collections::BTreeMap;

use settlement::encounter::CareKind;
use settlement::ids::{MemberCode, PoolCode, RegionCode};
use settlement::money::Money;
use settlement::person::Insurance;
use settlement::region::RegionTable;

use crate::cleared::Cleared;
use crate::details::{detail_name, pair_name, share_name};
use crate::document::{Cell, Column, Document, Row, Stamp};
use crate::figures::{figures, figures_of};
use crate::month::Month;
use crate::obligation::Lot;
use crate::payment::Payment;
use crate::period::{Pair, PairRecord, Side};

/// What each pair of a period clears, lot by lot.
pub type Pairs = BTreeMap<Pair, BTreeMap<Lot, Cleared>>;

/// Where money goes to, as notices say it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BankAccount {
    /// 户名.
    pub name: String,
    /// 开户银行.
    pub bank: String,
    /// 账号.
    pub number: String,
}

/// How regions are called.
pub trait Names {
    /// The name of a region's code; the code itself where it has none.
    fn name_of(&self, code: RegionCode) -> String;
}

/// Regions by their codes alone.
pub struct ByCode;

impl Names for ByCode {
    fn name_of(&self, code: RegionCode) -> String {
        code.to_string()
    }
}

impl Names for RegionTable {
    fn name_of(&self, code: RegionCode) -> String {
        RegionTable::name_of(self, code)
    }
}

/// 全国跨省异地就医费用清算表: each home member with each treatment member.
pub fn national(month: Month, pairs: &Pairs, names: &impl Names) -> Document {
    let mut columns = vec![Column::text("参保省"), Column::text("就医省")];
    columns.extend(figures(columns.len()));
    let rows = pairs.iter().map(|(pair, lots)| {
        let named = [pair.home.0, pair.treatment.0].map(|code| Cell::Text(names.name_of(code)));
        row(named, lots, pair_name(pair), Some(*pair))
    });
    document("全国跨省异地就医费用清算表", month, vec![], columns, rows.collect())
}

/// 应付医疗费用清算表 of a home member, or 应收 of a treatment member: each member on the other side.
pub fn of_member(month: Month, member: MemberCode, side: Side, pairs: &Pairs, names: &impl Names) -> Document {
    let (title, own, other) = match side {
        Side::Home => ("应付医疗费用清算表", "参保省", "就医省"),
        Side::Treatment => ("应收医疗费用清算表", "就医省", "参保省"),
    };
    let mut columns = vec![Column::text(other)];
    columns.extend(figures(columns.len()));
    let own_pairs = pairs.iter().filter(|(pair, _)| pair.member(side) == member);
    let rows = own_pairs.map(|(pair, lots)| {
        let across = match side {
            Side::Home => pair.treatment,
            Side::Treatment => pair.home,
        };
        row([Cell::Text(names.name_of(across.0))], lots, pair_name(pair), Some(*pair))
    });
    let about = vec![(own.to_owned(), names.name_of(member.0))];
    document(title, month, about, columns, rows.collect())
}

/// 职工 or 居民医保基金应付明细表 of a home member: each pooling region with each treatment member, by kind of care.
pub fn detail(month: Month, member: MemberCode, insurance: Insurance, pairs: &Pairs, names: &impl Names) -> Document {
    let title = match insurance {
        Insurance::Employee => "职工医保基金应付明细表",
        Insurance::Resident => "居民医保基金应付明细表",
    };
    let mut columns = vec![Column::text("参保统筹区"), Column::text("就医省"), Column::text("医疗类别")];
    columns.extend(figures(columns.len()));
    let mut grouped: BTreeMap<(PoolCode, MemberCode, CareKind), BTreeMap<Lot, Cleared>> = BTreeMap::new();
    for (pair, lots) in pairs.iter().filter(|(pair, _)| pair.home == member) {
        for (lot, cleared) in lots.iter().filter(|(lot, _)| lot.insurance == insurance) {
            grouped.entry((lot.home, pair.treatment, lot.care)).or_default().insert(*lot, *cleared);
        }
    }
    let rows = grouped.iter().map(|((pool, treatment, care), lots)| {
        let named = [names.name_of(pool.0), names.name_of(treatment.0), care.name().to_owned()].map(Cell::Text);
        let pair = Pair { home: member, treatment: *treatment };
        row(named, lots, detail_name(*pool, *treatment, insurance, *care), Some(pair))
    });
    let about = vec![("参保省".to_owned(), names.name_of(member.0))];
    document(title, month, about, columns, rows.collect())
}

/// 统筹区分担表: what each pooling region of a home member bears of what the member owes.
pub fn shares(month: Month, member: MemberCode, pairs: &Pairs, names: &impl Names) -> Document {
    let mut columns = vec![Column::text("参保统筹区"), Column::text("险种")];
    columns.extend(figures(columns.len()));
    let mut grouped: BTreeMap<(PoolCode, Insurance), BTreeMap<(Pair, Lot), Cleared>> = BTreeMap::new();
    for (pair, lots) in pairs.iter().filter(|(pair, _)| pair.home == member) {
        for (lot, cleared) in lots {
            grouped.entry((lot.home, lot.insurance)).or_default().insert((*pair, *lot), *cleared);
        }
    }
    let rows = grouped.iter().map(|((pool, insurance), lots)| {
        let named = [names.name_of(pool.0), insurance.name().to_owned()].map(Cell::Text);
        let lots = lots.iter().map(|((_, lot), cleared)| (*lot, *cleared)).collect();
        row(named, &lots, share_name(*pool, *insurance), None)
    });
    let about = vec![("参保省".to_owned(), names.name_of(member.0))];
    document("统筹区分担表", month, about, columns, rows.collect())
}

/// 付款通知书 of an insurance's money for who pays, or 收款通知书 for who receives; none where nothing of it is due. Each
/// insurance has its own, since its money is a ledger of its own. Bank, serial number and day are those of the payment as
/// that side records it, and stay blank until it does.
pub fn notice(
    month: Month,
    (pair, held, insurance): (&Pair, &PairRecord, Insurance),
    for_payer: bool,
    account: &BankAccount,
    names: &impl Names,
) -> Option<Document> {
    let payable = held.payables.of(insurance);
    let (payer, receiver, amount) = (payable.payer()?, payable.receiver()?, payable.amount());
    let (from, to) = (pair.member(payer), pair.member(receiver));
    let columns = vec![
        Column::text("付款方"),
        Column::text("收款方"),
        Column::money("金额"),
        Column::text("银行"),
        Column::text("流水号"),
        Column::text("日期"),
    ];
    let payment = if for_payer { payable.paid.as_ref() } else { payable.received.as_ref() };
    let of_payment = |told: fn(&Payment) -> String| Cell::Text(payment.map(told).unwrap_or_default());
    let cells = vec![
        Cell::Text(names.name_of(from.0)),
        Cell::Text(names.name_of(to.0)),
        Cell::Money(amount),
        of_payment(|payment| payment.bank.clone()),
        of_payment(|payment| payment.serial.clone()),
        of_payment(|payment| payment.on.to_string()),
    ];
    let BankAccount { name, bank, number } = account;
    let accounts = [("户名", name), ("开户银行", bank), ("账号", number)];
    let version = held.statement.map(|statement| statement.version).unwrap_or_default();
    let mut about = vec![("清算表版本".to_owned(), version.to_string())];
    about.extend(held.noticed_on.map(|day| ("通知日期".to_owned(), day.to_string())));
    about.push(("险种".to_owned(), insurance.name().to_owned()));
    let title = notice_title(insurance, for_payer);
    let rows = vec![Row { cells, detail: None, pair: Some(*pair) }];
    let notice = document(title, month, about, columns, rows);
    let accounts = accounts.into_iter().map(|(what, text)| (what.to_owned(), text.clone())).collect();
    Some(Document { is_totalled: false, amount: Some(amount), accounts, ..notice })
}

/// What the notice of an insurance's money is called: to who pays, or to who receives.
pub fn notice_title(insurance: Insurance, for_payer: bool) -> &'static str {
    match (insurance, for_payer) {
        (Insurance::Employee, true) => "职工医保付款通知书",
        (Insurance::Employee, false) => "职工医保收款通知书",
        (Insurance::Resident, true) => "居民医保付款通知书",
        (Insurance::Resident, false) => "居民医保收款通知书",
    }
}

pub(crate) fn document(
    title: &str,
    month: Month,
    mut about: Vec<(String, String)>,
    columns: Vec<Column>,
    rows: Vec<Row>,
) -> Document {
    about.insert(0, ("费款所属期".to_owned(), month.to_string()));
    about.push(("单位".to_owned(), "元、人次".to_owned()));
    let totalled = Document {
        title: title.to_owned(),
        about,
        stamp: Stamp::default(),
        columns,
        rows,
        is_totalled: true,
        amount: None,
        accounts: vec![],
    };
    let last = totalled.columns.len().saturating_sub(1);
    let amount = totalled.total(last).map(|cell| cell.amount());
    Document { amount, ..totalled }
}

fn row<const N: usize>(named: [Cell; N], lots: &BTreeMap<Lot, Cleared>, detail: String, pair: Option<Pair>) -> Row {
    Row { cells: named.into_iter().chain(figures_of(lots)).collect(), detail: Some(detail), pair }
}

/// What documents of a period come to across members: what all owe, and what all are owed. They are the same.
pub fn payable_and_receivable(month: Month, pairs: &Pairs, names: &impl Names) -> (Money, Money) {
    let total = |side: Side| {
        let members: std::collections::BTreeSet<MemberCode> = pairs.keys().map(|pair| pair.member(side)).collect();
        members.into_iter().filter_map(|member| of_member(month, member, side, pairs, names).amount).sum()
    };
    (total(Side::Home), total(Side::Treatment))
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;
    use settlement::adjudication::Fund;

    use super::*;
    use crate::cleared::{Movements, by_pair, sum};
    use crate::obligation::tests::{lots, sums};
    use crate::obligation::{Payer, Posting, Sums};
    use crate::payment::{ByInsurance, Payable};

    pub(crate) struct Codes;

    impl Names for Codes {
        fn name_of(&self, code: RegionCode) -> String {
            code.to_string()
        }
    }

    pub(crate) fn month() -> Month {
        Month::from_text("2025-06").expect("a month")
    }

    pub(crate) fn pairs() -> impl Strategy<Value = Pairs> {
        let postings = || prop::collection::vec((lots(), sums()), 0..20);
        let moved = (postings(), postings(), postings(), postings());
        (postings(), moved).prop_map(|(booked, (out, into, deducted, recomputed))| {
            let totals = |rows: Vec<(Lot, Sums)>| rows.into_iter().map(|(lot, sums)| Posting { lot, sums }).collect();
            let movements = Movements {
                corrected: totals(booked[..booked.len() / 2].to_vec()),
                booked: totals(booked),
                carried_out: totals(out),
                carried_in: totals(into),
                deducted: totals(deducted),
                recomputed: totals(recomputed),
            };
            by_pair(&movements, &RegionTable::default())
        })
    }

    fn figure(row: &Row, document: &Document, column: &str) -> Money {
        let place = document.columns.iter().position(|named| named.name == column).expect("a column");
        row.cells[place].amount()
    }

    /// Says which row's 基金应付 is not what its funds pay, whose 清算金额 not that with the account less what is deducted, or
    /// whose 本期结算金额 not that without what moved between periods or was worked out again.
    fn reads_across(document: &Document) -> Result<(), String> {
        let differs = document.rows.iter().find(|row| {
            let figure = |name: &str| figure(row, document, name);
            let payable: Money = Fund::ALL.map(|fund| figure(Payer::Fund(fund).name())).into_iter().sum();
            let net = payable + figure("个人账户") - figure("审核扣款");
            let moved = figure("其中上期转入") - figure("已减转出下期") + figure("其中重算更正");
            let booked = payable + figure("个人账户") - moved;
            [figure("基金应付"), figure("清算金额"), figure("本期结算金额")] != [payable, net, booked]
        });
        differs.map_or(Ok(()), |row| Err(format!("{}: {row:?}", document.title)))
    }

    proptest! {
        #[test]
        fn every_statement_adds_up_and_all_come_to_the_same(pairs in pairs()) {
            let owed: Money = pairs.values().map(|lots| sum(lots).owed()).sum();
            let all = national(month(), &pairs, &Codes);
            prop_assert_eq!((all.check(), all.amount), (Ok(()), Some(owed)));
            prop_assert_eq!(reads_across(&all), Ok(()));
            for (row, lots) in all.rows.iter().zip(pairs.values()) {
                let (cleared, place) = (sum(lots), all.columns.len() - 2);
                prop_assert_eq!(&row.cells[place], &Cell::Money(cleared.deducted.owed()));
                prop_assert_eq!(figure(row, &all, "本期结算金额"), cleared.booked.owed());
                prop_assert_eq!(cleared.gross().owed() - cleared.deducted.owed(), cleared.owed());
            }
            prop_assert_eq!(payable_and_receivable(month(), &pairs, &Codes), (owed, owed));
            let homes: std::collections::BTreeSet<MemberCode> = pairs.keys().map(|pair| pair.home).collect();
            for home in homes {
                let payable = of_member(month(), home, Side::Home, &pairs, &Codes);
                let details: Money = Insurance::ALL
                    .into_iter()
                    .filter_map(|insurance| {
                        let detail = detail(month(), home, insurance, &pairs, &Codes);
                        assert_eq!((detail.check(), reads_across(&detail)), (Ok(()), Ok(())));
                        detail.amount
                    })
                    .sum();
                let shares = shares(month(), home, &pairs, &Codes);
                prop_assert_eq!((payable.check(), shares.check()), (Ok(()), Ok(())));
                prop_assert_eq!((reads_across(&payable), reads_across(&shares)), (Ok(()), Ok(())));
                prop_assert_eq!((Some(details), shares.amount), (payable.amount, payable.amount));
            }
        }
    }

    #[test]
    fn a_figure_that_does_not_come_out_is_found() {
        let pairs = Pairs::from([(
            Pair { home: MemberCode(code("410000")), treatment: MemberCode(code("310000")) },
            BTreeMap::new(),
        )]);
        let mut document = national(month(), &pairs, &Codes);
        assert_eq!(document.check(), Ok(()));
        *document.rows[0].cells.last_mut().expect("a figure") = Cell::Money(Money::from_fen(1));
        assert_eq!(document.check().expect_err("it does not add up").column, "清算金额");
    }

    #[test]
    fn a_notice_tells_the_payment_that_its_side_recorded() {
        let pair = Pair { home: MemberCode(code("410000")), treatment: MemberCode(code("310000")) };
        let due = Money::from_fen(100);
        let on = jiff::civil::date(2025, 8, 4);
        let paid = Some(Payment { serial: "S1".into(), bank: "中国银行".into(), on, amount: due });
        let mut held = PairRecord::default();
        *held.payables.of_mut(Insurance::Resident) = Payable { paid, ..Payable::of(due) };
        for (for_payer, told) in [(true, ["中国银行", "S1", "2025-08-04"]), (false, [""; 3])] {
            let place = (&pair, &held, Insurance::Resident);
            let notice = notice(month(), place, for_payer, &BankAccount::default(), &Codes).expect("a notice");
            let named: Vec<&str> = notice.columns[3..].iter().map(|column| column.name.as_str()).collect();
            assert_eq!(named, ["银行", "流水号", "日期"]);
            assert_eq!(notice.rows[0].cells[3..], told.map(|text| Cell::Text(text.into())));
        }
    }

    #[test]
    fn each_insurance_has_notices_of_its_own_and_says_who_pays_whom() {
        let pair = Pair { home: MemberCode(code("410000")), treatment: MemberCode(code("310000")) };
        // Of what would come to nothing together, each pays its own.
        let dues = ByInsurance { employee: Money::from_fen(100), resident: Money::from_fen(-100) };
        let held = PairRecord::of(dues);
        for (insurance, from, title) in [
            (Insurance::Employee, "410000", "职工医保付款通知书"),
            (Insurance::Resident, "310000", "居民医保付款通知书"),
        ] {
            let account = BankAccount::default();
            let notice = notice(month(), (&pair, &held, insurance), true, &account, &Codes).expect("a notice");
            assert_eq!(
                (notice.title.as_str(), notice.rows[0].cells[0].clone(), notice.amount),
                (title, Cell::Text(from.into()), Some(Money::from_fen(100)))
            );
        }
        let nothing = PairRecord::default();
        let place = (&pair, &nothing, Insurance::Employee);
        assert_eq!(notice(month(), place, true, &BankAccount::default(), &Codes), None);
    }

    fn code(code: &str) -> RegionCode {
        RegionCode::new(code).expect("a code")
    }
}
