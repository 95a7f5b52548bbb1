//! The documents of prefunds: the yearly table 《全国跨省异地就医预付金额度调整明细表》 and the notices of what is paid or returned
//! for it (policy.md B.1). Employees' and residents' money stand in rows of their own.

use jiff::civil::Date;
use settlement::ids::MemberCode;
use settlement::money::Money;
use settlement::person::Insurance;

use super::Reset;
use super::change::Standing;
use super::quarter::{MONTHS, Quarter};
use crate::calendar::PaymentDays;
use crate::document::{Cell, Column, ColumnKind, Document, Row, Sign, Stamp};
use crate::period::{Pair, Payment, Side};
use crate::statement::{BankAccount, Names};

/// A size of more months than a year has is a slip of the pen.
const MONTHS_AT_MOST: usize = 12;

/// A row of the yearly table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Adjusted {
    /// Who advances, and who holds it.
    pub pair: Pair,
    /// Whose money.
    pub insurance: Insurance,
    /// Last year's October to December.
    pub basis: Quarter,
    /// Before and after.
    pub reset: Reset,
}

/// A change of a prefund that is paid: by the home member, or back to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Whose money.
    pub insurance: Insurance,
    /// By how much; below zero where it is returned.
    pub amount: Money,
    /// In words.
    pub reason: String,
    /// When it was made.
    pub made_on: Date,
    /// How far it is.
    pub standing: Standing,
    /// By when it is submitted to finance and paid; none where the calendar does not say.
    pub days: Option<PaymentDays>,
    /// The payment as the member that the notice is for has recorded it.
    pub payment: Option<Payment>,
}

/// Of which column of which papers 《预付金额度调整明细表》 sums what was settled: both members have them, by insurance.
const TRACE: &str = "各月结算金额为该月《应付（应收）清算金额构成表》“本期结算金额”之和";

/// The yearly table, of all members or of one. What was settled stands month by month, as 本期结算金额 of the statements of
/// these months has it (policy.md B.1).
pub fn table(year: i16, member: Option<MemberCode>, rows: &[Adjusted], names: &impl Names) -> Document {
    let mut columns = ["参保省", "就医省", "险种", "结算金额来源"].map(Column::text).to_vec();
    let previous = columns.len();
    columns.push(Column::money("原预付金额度"));
    let months = columns.len()..columns.len() + MONTHS.len();
    columns.extend(MONTHS.map(|month| Column::money(&format!("上年{month}月结算金额"))));
    let quarter = months.map(|month| (month, Sign::Plus)).collect();
    columns.push(Column { name: "上年四季度结算金额".to_owned(), kind: ColumnKind::WorkedOut(quarter) });
    let average = columns.len();
    columns.push(Column::money("上年四季度月均"));
    let size =
        months_of(rows).map_or(ColumnKind::Money, |months| ColumnKind::WorkedOut(vec![(average, Sign::Plus); months]));
    columns.push(Column { name: "新预付金额度".to_owned(), kind: size });
    let parts = vec![(average + 1, Sign::Plus), (previous, Sign::Minus)];
    columns.push(Column { name: "应补（退）金额".to_owned(), kind: ColumnKind::WorkedOut(parts) });
    let own =
        |row: &&Adjusted| member.is_none_or(|member| Side::ALL.into_iter().any(|side| row.pair.member(side) == member));
    let rows = rows.iter().filter(own).map(|Adjusted { pair, insurance, basis, reset }| {
        let members = [pair.home.0, pair.treatment.0].map(|code| names.name_of(code));
        let named = members.into_iter().chain([insurance.name().to_owned(), basis.sources()]).map(Cell::Text);
        let months = basis.months.map(|settled| settled.amount);
        let sums = [basis.sum(), basis.monthly_average(), reset.new, reset.difference()];
        Row {
            cells: named.chain([reset.previous].into_iter().chain(months).chain(sums).map(Cell::Money)).collect(),
            detail: None,
            pair: None,
        }
    });
    let mut about = vec![("年度".to_owned(), year.to_string())];
    about.extend(member.map(|member| ("成员".to_owned(), names.name_of(member.0))));
    about.extend([("单位", "元"), ("说明", TRACE)].map(|(what, text)| (what.to_owned(), text.to_owned())));
    let document = Document {
        title: "全国跨省异地就医预付金额度调整明细表".to_owned(),
        about,
        stamp: Stamp::default(),
        columns,
        rows: rows.collect(),
        is_totalled: true,
        amount: None,
        accounts: vec![],
    };
    let last = document.columns.len() - 1;
    Document { amount: document.total(last).map(|cell| cell.amount()), ..document }
}

/// How many months of its average every row's size is, so that a spreadsheet can work it out again; none where a size was
/// set otherwise, or where nothing says it.
fn months_of(rows: &[Adjusted]) -> Option<usize> {
    let is_size =
        |months: usize, row: &Adjusted| row.reset.new == std::iter::repeat_n(row.basis.monthly_average(), months).sum();
    let says = rows.iter().any(|row| !row.basis.monthly_average().is_zero());
    (1..=MONTHS_AT_MOST).find(|months| says && rows.iter().all(|row| is_size(*months, row)))
}

/// 预付金付款通知书 of an insurance's money for who pays, or 收款 for who receives; none where nothing of it is paid. Each
/// insurance has its own, since its money is a ledger of its own. `changes` all go the same way.
pub fn notice(
    year: i16,
    (pair, side, insurance): (&Pair, Side, Insurance),
    changes: &[Change],
    account: &BankAccount,
    names: &impl Names,
) -> Option<Document> {
    let changes: Vec<&Change> = changes.iter().filter(|change| change.insurance == insurance).collect();
    let sum: Money = changes.iter().map(|change| change.amount).sum();
    let payer = match sum {
        sum if sum.is_zero() => return None,
        sum if sum.is_negative() => Side::Treatment,
        _ => Side::Home,
    };
    let receiver = if payer == Side::Home { Side::Treatment } else { Side::Home };
    let columns = [
        ["付款方", "收款方", "险种", "事由", "通知日期", "提交财政期限", "拨付期限"].map(Column::text).to_vec(),
        vec![Column::money("金额")],
        ["银行", "流水号", "日期", "状态"].map(Column::text).to_vec(),
    ];
    let rows = changes.iter().map(|Change { insurance, amount, reason, made_on, standing, days, payment }| {
        let recorded = |paid: &Payment| [paid.bank.clone(), paid.serial.clone(), paid.on.to_string()];
        let recorded = payment.as_ref().map(recorded).unwrap_or_default();
        let named = [pair.member(payer), pair.member(receiver)].map(|member| names.name_of(member.0));
        let mut cells: Vec<Cell> = named.map(Cell::Text).into();
        cells.extend([insurance.name().to_owned(), reason.clone(), made_on.to_string()].map(Cell::Text));
        let unlisted = || ["日历未列"; 2].map(str::to_owned);
        let days = days.map_or_else(unlisted, |days| [days.submit_by, days.pay_by].map(|day| day.to_string()));
        cells.extend(days.map(Cell::Text));
        cells.push(Cell::Money((*amount).max(-*amount)));
        cells.extend(recorded.map(Cell::Text));
        cells.push(Cell::Text(standing.name_of(*amount).to_owned()));
        Row { cells, detail: None, pair: None }
    });
    let BankAccount { name, bank, number } = account;
    let accounts = [("户名", name), ("开户银行", bank), ("账号", number)];
    Some(Document {
        title: notice_title(insurance, side == payer).to_owned(),
        about: [("年度", year.to_string()), ("险种", insurance.name().to_owned()), ("单位", "元".to_owned())]
            .map(|(what, text)| (what.to_owned(), text))
            .into(),
        stamp: Stamp::default(),
        columns: columns.concat(),
        rows: rows.collect(),
        is_totalled: true,
        amount: Some(sum.max(-sum)),
        accounts: accounts.map(|(what, text)| (what.to_owned(), text.clone())).into(),
    })
}

/// What the notice of an insurance's prefund is called: to who pays, or to who receives.
pub fn notice_title(insurance: Insurance, for_payer: bool) -> &'static str {
    match (insurance, for_payer) {
        (Insurance::Employee, true) => "职工医保预付金付款通知书",
        (Insurance::Employee, false) => "职工医保预付金收款通知书",
        (Insurance::Resident, true) => "居民医保预付金付款通知书",
        (Insurance::Resident, false) => "居民医保预付金收款通知书",
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use settlement::ids::RegionCode;

    use super::*;
    use crate::figures::BOOKED;
    use crate::prefund::quarter::{Settled, Source};
    use crate::statement::tests::Codes;

    fn member(code: &str) -> MemberCode {
        MemberCode(RegionCode::new(code).expect("a code"))
    }

    fn pair() -> Pair {
        Pair { home: member("410000"), treatment: member("310000") }
    }

    /// A quarter that was cleared here, in yuan.
    fn quarter(yuan: [i64; 3]) -> Quarter {
        let settled = |yuan| Settled { amount: Money::from_yuan(yuan), source: Source::Cleared };
        Quarter { months: yuan.map(settled) }
    }

    #[test]
    fn the_yearly_table_says_what_is_paid_and_what_is_returned() {
        let row = |insurance, previous, new| Adjusted {
            pair: pair(),
            insurance,
            basis: quarter([new, new, -new / 2]),
            reset: Reset { previous: Money::from_yuan(previous), new: Money::from_yuan(new) },
        };
        let rows = [row(Insurance::Employee, 500, 800), row(Insurance::Resident, 300, 100)];
        let all = table(2026, None, &rows, &Codes);
        assert_eq!((all.check(), all.rows.len(), all.amount), (Ok(()), 2, Some(Money::from_yuan(100))));
        assert_eq!(table(2026, Some(member("310000")), &rows, &Codes).rows.len(), 2);
        assert!(table(2026, Some(member("440000")), &rows, &Codes).rows.is_empty());
        let column = |document: &Document, name: &str| {
            document.columns.iter().position(|column| column.name == name).expect("a column")
        };
        let size = |rows: &[Adjusted]| {
            let document = table(2026, None, rows, &Codes);
            document.columns[column(&document, "新预付金额度")].kind.clone()
        };
        let average = column(&all, "上年四季度月均");
        assert_eq!(size(&rows), ColumnKind::WorkedOut(vec![(average, Sign::Plus); 2]), "two months of 400, and of 50");
        let of_one = Adjusted { reset: Reset { new: Money::from_yuan(801), ..rows[0].reset }, ..rows[0] };
        assert_eq!(size(&[of_one, rows[1]]), ColumnKind::Money, "what was set otherwise is no formula");
        assert_eq!(size(&[]), ColumnKind::Money);
    }

    #[test]
    fn the_yearly_table_says_month_by_month_what_was_settled_and_where_it_is_known_from() {
        let mut basis = quarter([100, 50, -30]);
        basis.months[0].source = Source::Given;
        let reset = Reset { previous: Money::ZERO, new: Money::from_yuan(80) };
        let row = Adjusted { pair: pair(), insurance: Insurance::Employee, basis, reset };
        let table = table(2026, None, &[row], &Codes);
        assert_eq!(table.check(), Ok(()));
        let said = |name: &str| {
            let at = table.columns.iter().position(|column| column.name == name).expect("a column");
            table.rows[0].cells[at].clone()
        };
        let sums = ["上年10月结算金额", "上年11月结算金额", "上年12月结算金额", "上年四季度结算金额", "上年四季度月均"]
            .map(|name| said(name).amount());
        assert_eq!(sums, [100, 50, -30, 120, 40].map(Money::from_yuan));
        assert_eq!(said("结算金额来源"), Cell::Text("11月、12月清算表，10月填报".into()));
        let trace = table.about.iter().find(|(what, _)| what == "说明").expect("it says so");
        assert!(trace.1.contains("应付（应收）清算金额构成表") && trace.1.contains(BOOKED), "{trace:?}");
    }

    #[test]
    fn a_notice_goes_to_who_pays_and_to_who_receives() {
        let change = |yuan| Change {
            insurance: Insurance::Employee,
            amount: Money::from_yuan(yuan),
            reason: "2026年度额度调整".into(),
            made_on: date(2026, 1, 31),
            standing: Standing::Due,
            days: Some(PaymentDays { submit_by: date(2026, 2, 6), pay_by: date(2026, 2, 28) }),
            payment: None,
        };
        for (yuan, home, from) in
            [(300, "职工医保预付金付款通知书", "410000"), (-200, "职工医保预付金收款通知书", "310000")]
        {
            let account = BankAccount::default();
            let resident = Change { insurance: Insurance::Resident, ..change(yuan) };
            let both = [change(yuan), resident];
            let of = |insurance| notice(2026, (&pair(), Side::Home, insurance), &both, &account, &Codes);
            let [notice, other] = Insurance::ALL.map(|insurance| of(insurance).expect("a notice"));
            assert_eq!((notice.rows.len(), other.rows.len(), other.amount), (1, 1, notice.amount), "each its own");
            assert!(other.title.starts_with("居民医保"), "{}", other.title);
            assert_eq!((notice.title.as_str(), &notice.rows[0].cells[0]), (home, &Cell::Text(from.into())));
            assert_eq!(notice.amount, Some(Money::from_yuan(yuan.abs())));
        }
        let payment = Payment {
            serial: "2026021000017".into(),
            bank: "中国银行 郑州分行".into(),
            on: date(2026, 2, 10),
            amount: Money::from_yuan(300),
        };
        let paid = [Change { payment: Some(payment), standing: Standing::Held, ..change(300) }];
        let of = (&pair(), Side::Home, Insurance::Employee);
        let notice = notice(2026, of, &paid, &BankAccount::default(), &Codes).expect("a notice");
        let recorded = ["中国银行 郑州分行", "2026021000017", "2026-02-10", "已到账"];
        assert_eq!(notice.rows[0].cells[8..], recorded.map(|text| Cell::Text(text.into())));
        let days = ["2026-01-31", "2026-02-06", "2026-02-28"];
        assert_eq!(notice.rows[0].cells[4..7], days.map(|text| Cell::Text(text.into())));
    }

    #[test]
    fn nothing_to_pay_needs_no_notice() {
        assert_eq!(
            notice(2026, (&pair(), Side::Home, Insurance::Resident), &[], &BankAccount::default(), &Codes),
            None
        );
    }
}
