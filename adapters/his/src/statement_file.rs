//! The two files of 3202 (his-interface.md): the rows that a hospital lists, and the rows that differ, as lines of cells
//! apart by tabs. An empty cell is `null`. It compares nothing; packing is for [`crate::text_zip`].

use std::fmt::Write as _;

use clearing::hospital::{Amounts, Direction, HospitalRow};
use rust_decimal::Decimal;
use settlement::ids::{EncounterId, IdError, PersonNumber, SettlementId};
use settlement::money::{Money, MoneyError};
use settlement::spreadsheet::{SPOILT, is_spoilt};

/// The columns that a hospital lists, in their order.
const COLUMNS: [&str; 7] =
    ["setl_id", "mdtrt_id", "psn_no", "medfee_sumamt", "fund_pay_sumamt", "acct_pay", "refd_setl_flag"];
/// At most this many faults are told at once; a desk reads no more.
const FAULTS_TOLD: usize = 6;

/// A row that differs, as the hospital is told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResultRow {
    /// `psn_no`, where it is known.
    pub person: String,
    /// `mdtrt_id`; empty for what the hospital does not have.
    pub encounter: String,
    /// `setl_id`; likewise.
    pub settlement: String,
    /// `msgid` of the settlement or cancellation, where this side has it.
    pub msgid: String,
    /// `stmt_rslt`.
    pub result: String,
    /// `refd_setl_flag`.
    pub direction: Direction,
    /// What differs.
    pub memo: String,
    /// This side's amounts; the hospital's where this side has none.
    pub amounts: Amounts,
}

/// Reads the rows that a hospital lists. A first line of column names is passed over, as columns of a region's own are.
///
/// # Errors
/// The first faults, each with its line and column.
pub fn read(text: &str) -> Result<Vec<HospitalRow>, String> {
    let mut faults = Vec::new();
    let mut rows = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let names = number == 1 && line.trim_start().to_ascii_lowercase().starts_with(COLUMNS[0]);
        if names || line.trim().is_empty() {
            continue;
        }
        match (Line { number, cells: line.split('\t').map(str::trim).collect() }).read() {
            Ok(row) => rows.push(row),
            Err(fault) => faults.push(fault),
        }
    }
    if faults.is_empty() {
        return Ok(rows);
    }
    let more = faults.len().saturating_sub(FAULTS_TOLD);
    faults.truncate(FAULTS_TOLD);
    if more > 0 {
        faults.push(format!("另有{more}行"));
    }
    Err(faults.join(";"))
}

/// Writes the rows that differ, one a line, in the order of the interface.
pub fn write(rows: &[ResultRow]) -> String {
    let mut text = String::new();
    for row in rows {
        let ResultRow { person, encounter, settlement, msgid, result, direction, memo, amounts } = row;
        let flag = match direction {
            Direction::Forward => "0",
            Direction::Backward => "1",
        };
        for cell in [person, encounter, settlement, msgid, result, flag, memo] {
            text.push_str(if cell.is_empty() { "null" } else { cell });
            text.push('\t');
        }
        let Amounts { total, funds, account } = amounts;
        writeln!(text, "{total}\t{funds}\t{account}").expect("a text takes whatever is written to it");
    }
    text
}

struct Line<'t> {
    number: usize,
    cells: Vec<&'t str>,
}

impl Line<'_> {
    fn read(&self) -> Result<HospitalRow, String> {
        if self.cells.len() < COLUMNS.len() {
            let (number, cells) = (self.number, self.cells.len());
            return Err(format!("第{number}行只有{cells}列,应为{}列并以TAB分隔", COLUMNS.len()));
        }
        let settlement = self.id(0, SettlementId::new)?.ok_or_else(|| self.fault(0, "为空"))?;
        let (encounter, person) = (self.id(1, EncounterId::new)?, self.id(2, PersonNumber::new)?);
        let total = self.amount(3)?.ok_or_else(|| self.fault(3, "为空"))?;
        let funds = self.amount(4)?.ok_or_else(|| self.fault(4, "为空"))?;
        let account = self.amount(5)?.unwrap_or_default();
        let refund = match self.cell(6) {
            None | Some("0") => false,
            Some("1") => true,
            Some(_) => return Err(self.fault(6, "应为0或1")),
        };
        // Some hospitals flag both rows of a cancelled settlement; the sign says which is which.
        let backward = total.is_negative() || (total.is_zero() && refund);
        let direction = if backward { Direction::Backward } else { Direction::Forward };
        Ok(HospitalRow { settlement, encounter, person, direction, amounts: Amounts { total, funds, account } })
    }

    fn cell(&self, column: usize) -> Option<&str> {
        let cell = *self.cells.get(column)?;
        (!cell.is_empty() && !cell.eq_ignore_ascii_case("null")).then_some(cell)
    }

    fn id<T>(&self, column: usize, parse: impl FnOnce(&str) -> Result<T, IdError>) -> Result<Option<T>, String> {
        if self.cell(column).is_some_and(is_spoilt) {
            return Err(self.fault(column, SPOILT));
        }
        self.cell(column).map(parse).transpose().map_err(|_| self.fault(column, "不是有效的编号"))
    }

    fn amount(&self, column: usize) -> Result<Option<Money>, String> {
        let Some(cell) = self.cell(column) else { return Ok(None) };
        let amount = Decimal::from_str_exact(cell).map_err(|_| self.fault(column, "不是数字"))?;
        let amount = Money::from_decimal(amount).map_err(|problem| match problem {
            MoneyError::PartOfAFen => self.fault(column, "金额最多两位小数"),
            MoneyError::TooLarge => self.fault(column, "金额过大"),
        })?;
        Ok(Some(amount))
    }

    fn fault(&self, column: usize, problem: &str) -> String {
        let name = COLUMNS.get(column).copied().unwrap_or_default();
        format!("第{}行第{}列{name}{problem}", self.number, column + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amounts(total: i64, funds: i64, account: i64) -> Amounts {
        Amounts { total: Money::from_fen(total), funds: Money::from_fen(funds), account: Money::from_fen(account) }
    }

    #[test]
    fn rows_are_read_with_and_without_what_may_be_empty() {
        let text = "setl_id\tmdtrt_id\tpsn_no\tmedfee_sumamt\tfund_pay_sumamt\tacct_pay\trefd_setl_flag\r\n\
            7\t1\t2\t100.00\t60\t0.5\t0\r\n\n8\tnull\t\t-100\t-60.0\tnull\t1\tof a region\n9\t1\t2\t5\t0\t0\t1\n";
        let rows = read(text).expect("rows");
        let told: Vec<_> = rows.iter().map(|row| (row.settlement.as_str(), row.direction, row.amounts)).collect();
        let expected = [
            ("7", Direction::Forward, amounts(10_000, 6_000, 50)),
            ("8", Direction::Backward, amounts(-10_000, -6_000, 0)),
            ("9", Direction::Forward, amounts(500, 0, 0)),
        ];
        assert_eq!(told, expected);
        assert_eq!((rows[0].person.as_ref().map(PersonNumber::as_str), &rows[1].encounter), (Some("2"), &None));
        assert_eq!(read("").expect("no rows"), []);
    }

    #[test]
    fn a_fault_is_told_with_line_and_column() {
        for (line, expected) in [
            ("7 1 2 100 60 0 0", "第2行只有1列,应为7列并以TAB分隔"),
            ("null\t1\t2\t100\t60\t0\t0", "第2行第1列setl_id为空"),
            ("3.10000175039009E+029\t1\t2\t100\t60\t0\t0", "第2行第1列setl_id表格软件改坏了编号: 该列请设为文本"),
            ("7\t1\t2\tx\t60\t0\t0", "第2行第4列medfee_sumamt不是数字"),
            ("7\t1\t2\t1\t0.001\t0\t0", "第2行第5列fund_pay_sumamt金额最多两位小数"),
            ("7\t1\t2\t1\t1\t0\t2", "第2行第7列refd_setl_flag应为0或1"),
        ] {
            let text = format!("6\t1\t2\t1\t1\t0\t0\n{line}\n");
            assert_eq!(read(&text), Err(expected.to_owned()), "{line}");
        }
        let many = "x\n".repeat(10);
        let told = read(&many).expect_err("ten faults");
        assert!(told.starts_with("第1行") && told.ends_with("另有4行"), "{told}");
    }

    #[test]
    fn what_differs_is_written_in_the_order_of_the_interface() {
        let row = ResultRow {
            person: "2".into(),
            encounter: String::new(),
            settlement: String::new(),
            msgid: "m".into(),
            result: "1".into(),
            direction: Direction::Backward,
            memo: "医院无此记录".into(),
            amounts: amounts(-10_000, -6_000, 0),
        };
        assert_eq!(write(&[row]), "2\tnull\tnull\tm\t1\t1\t医院无此记录\t-100.00\t-60.00\t0.00\n");
    }
}
