//! Files that documents are written as, opened again by other hands: every formula of a workbook is worked out anew.

use std::collections::BTreeMap;
use std::io::Cursor;

use calamine::{Data, DataType, Reader, Xlsx, open_workbook_from_rs};
use clearing::cleared::{Cleared, Movements, by_pair};
use clearing::composition::composition;
use clearing::document::{Cell, Column, Document, Row, Stamp};
use clearing::month::Month;
use clearing::obligation::{Lot, Posting, Sums};
use clearing::period::Side;
use clearing::statement::{Pairs, detail, national, of_member, shares};
use jiff::civil::date;
use settlement::adjudication::{Fund, FundShares};
use settlement::encounter::CareKind;
use settlement::ids::{MemberCode, PoolCode, RegionCode};
use settlement::money::Money;
use settlement::person::Insurance;
use settlement::region::RegionTable;

const REGIONS: &str = "code,name,level,pool,member\n310000,上海市,pool,310000,310000\n\
    410000,河南省,province,,410000\n410700,新乡市,pool,410700,410000\n410100,郑州市,pool,410100,410000\n\
    440000,广东省,province,,440000\n440300,深圳市,pool,440300,440000\n";

fn code(code: &str) -> RegionCode {
    RegionCode::new(code).expect("a code")
}

fn regions() -> RegionTable {
    RegionTable::from_csv(REGIONS).expect("a table")
}

/// Sums that no two lots share, with odd fen.
fn sums(seed: i64) -> Sums {
    let mut funds = FundShares::default();
    for (index, fund) in (1..).zip(Fund::ALL) {
        funds.set(fund, Money::from_fen(seed * 1_000_003 * index % 99_999_999));
    }
    let account = Money::from_fen(seed * 7_919 % 10_007);
    Sums { visits: seed, total: funds.total() + account + Money::from_fen(seed), funds, account }
}

fn pairs() -> Pairs {
    let mut movements = Movements::default();
    let mut seed = 1;
    for home in ["410700", "410100", "440300"] {
        for treatment in ["310000", "440300"].into_iter().filter(|treatment| *treatment != home) {
            for (insurance, care) in [
                (Insurance::Employee, CareKind::Inpatient),
                (Insurance::Employee, CareKind::Outpatient),
                (Insurance::Resident, CareKind::Chronic),
            ] {
                let (home, treatment) = (PoolCode(code(home)), PoolCode(code(treatment)));
                let lot = Lot { home, treatment, insurance, care };
                movements.booked.extend([Posting { lot, sums: sums(seed) }]);
                movements.carried_out.extend([Posting { lot, sums: sums(seed % 3) }]);
                movements.carried_in.extend([Posting { lot, sums: sums(seed % 5) }]);
                let deducted = Sums { visits: 0, total: Money::ZERO, ..sums(seed % 2) };
                movements.deducted.extend([Posting { lot, sums: deducted }]);
                seed += 1;
            }
        }
    }
    by_pair(&movements, &regions())
}

fn documents() -> Vec<Document> {
    let (month, pairs, regions) = (Month::from_text("2025-06").expect("a month"), pairs(), regions());
    let (henan, shanghai) = (MemberCode(code("410000")), MemberCode(code("310000")));
    vec![
        national(month, &pairs, &regions),
        of_member(month, henan, Side::Home, &pairs, &regions),
        of_member(month, shanghai, Side::Treatment, &pairs, &regions),
        detail(month, henan, Insurance::Employee, &pairs, &regions),
        shares(month, henan, &pairs, &regions),
        composition(month, shanghai, Side::Treatment, &pairs, &regions),
    ]
}

/// Works a formula out from the numbers of its sheet: `SUM(E4:E9)`, or cells added and taken off.
fn worked_out(formula: &str, numbers: &BTreeMap<(u32, u32), i64>) -> i64 {
    let at = |cell: &str| {
        let digits = cell.find(|character: char| character.is_ascii_digit()).expect("a row");
        let column = cell[..digits].bytes().fold(0, |column, letter| column * 26 + u32::from(letter - b'A') + 1) - 1;
        (cell[digits..].parse::<u32>().expect("a row") - 1, column)
    };
    if let Some(range) = formula.strip_prefix("SUM(").and_then(|rest| rest.strip_suffix(')')) {
        let (from, to) = range.split_once(':').expect("a range");
        let ((first, column), (last, _)) = (at(from), at(to));
        return (first..=last).map(|row| numbers.get(&(row, column)).copied().unwrap_or_default()).sum();
    }
    let mut sum = 0;
    for part in formula.replace('-', "+-").split('+').filter(|part| !part.is_empty()) {
        let (sign, cell) = part.strip_prefix('-').map_or((1, part), |cell| (-1, cell));
        sum += sign * numbers.get(&at(cell)).copied().unwrap_or_default();
    }
    sum
}

/// Numbers are read as fen, or as hundredths of a visit: what a spreadsheet shows with two places.
#[expect(clippy::cast_possible_truncation, clippy::float_arithmetic, reason = "as a spreadsheet rounds to whole fen")]
fn hundredths(number: f64) -> i64 {
    (number * 100.0).round() as i64
}

#[test]
fn a_workbook_works_out_to_what_its_documents_say() {
    let documents = documents();
    let bytes = documents::workbook::write(&documents, date(2025, 7, 21)).expect("a workbook");
    let mut workbook: Xlsx<_> = open_workbook_from_rs(Cursor::new(bytes)).expect("a workbook");
    assert_eq!(workbook.sheet_names(), documents.iter().map(|document| document.title.clone()).collect::<Vec<_>>());
    for document in &documents {
        let sheet = workbook.worksheet_range(&document.title).expect("a sheet");
        let formulas = workbook.worksheet_formula(&document.title).expect("formulas");
        let start = sheet.start().expect("cells");
        let mut numbers = BTreeMap::new();
        for (row, column, cell) in sheet.used_cells() {
            let place = (u32::try_from(row).expect("small") + start.0, u32::try_from(column).expect("small") + start.1);
            if let Data::Float(number) = cell {
                numbers.insert(place, hundredths(*number));
            }
        }
        let mut checked = 0;
        let start = formulas.start().expect("formulas");
        for (row, column, formula) in formulas.used_cells().filter(|(_, _, formula)| !formula.is_empty()) {
            let place = (u32::try_from(row).expect("small") + start.0, u32::try_from(column).expect("small") + start.1);
            assert_eq!(worked_out(formula, &numbers), numbers[&place], "{} {place:?}: {formula}", document.title);
            checked += 1;
        }
        assert!(checked > document.rows.len(), "each row and the totals are worked out");
        // The last figure of the last row is what the document comes to.
        let (row, last) = (3 + u32::try_from(document.rows.len()).expect("small"), document.columns.len() - 1);
        let total = numbers[&(row, u32::try_from(last).expect("small"))];
        assert_eq!(Some(Money::from_fen(total)), document.amount, "{}", document.title);
    }
}

/// A document of one row with a count and an amount.
fn of_figures(count: i64, fen: i64) -> Document {
    Document {
        title: "表".into(),
        about: vec![],
        stamp: Stamp::default(),
        columns: vec![Column::text("参保省"), Column::count("人次"), Column::money("金额")],
        rows: vec![Row {
            cells: vec![Cell::Text("河南省".into()), Cell::Count(count), Cell::Money(Money::from_fen(fen))],
            detail: None,
            pair: None,
        }],
        is_totalled: true,
        amount: None,
        accounts: vec![],
    }
}

#[test]
fn figures_of_fifteen_digits_are_held_exactly() {
    let longest = 999_999_999_999_999;
    for (count, fen, shown) in [
        (4_000_000_000, 1, (4_000_000_000.0, 0.01)),
        (longest, longest, (999_999_999_999_999.0, 9_999_999_999_999.99)),
        (-longest, -longest, (-999_999_999_999_999.0, -9_999_999_999_999.99)),
    ] {
        let bytes = documents::workbook::write(&[of_figures(count, fen)], date(2025, 7, 21)).expect("a workbook");
        let mut workbook: Xlsx<_> = open_workbook_from_rs(Cursor::new(bytes)).expect("a workbook");
        let sheet = workbook.worksheet_range("表").expect("a sheet");
        for row in [3, 4] {
            let figure = |column| sheet.get_value((row, column)).and_then(DataType::as_f64);
            assert_eq!((figure(1), figure(2)), (Some(shown.0), Some(shown.1)));
        }
    }
}

#[test]
fn a_figure_that_a_spreadsheet_would_change_is_refused_by_its_column() {
    let too_long = 1_000_000_000_000_000;
    let mut together = of_figures(too_long - 1, 0);
    together.rows.push(of_figures(1, 0).rows.remove(0));
    for (document, column) in
        [(of_figures(too_long, 0), "人次"), (of_figures(0, -too_long), "金额"), (together, "人次")]
    {
        let refused = documents::workbook::write(&[document], date(2025, 7, 21)).expect_err("too long");
        assert!(refused.to_string().starts_with(&format!("{column} of 表")), "{refused}");
    }
}

#[test]
fn the_same_documents_of_a_day_are_the_same_bytes() {
    let write = || documents::workbook::write(&documents(), date(2025, 7, 21)).expect("a workbook");
    assert_eq!(write(), write());
}

#[test]
fn a_table_that_is_too_long_for_a_sheet_goes_on_in_the_next() {
    let mut document = of_figures(0, 0);
    document.rows = (1..=5).map(|seed| of_figures(seed, seed * 100).rows.remove(0)).collect();
    document.amount = Some(Money::from_fen(1_500));
    let bytes = documents::workbook::write_in_sheets(&[document], 2, date(2025, 7, 21)).expect("a workbook");
    let mut workbook: Xlsx<_> = open_workbook_from_rs(Cursor::new(bytes)).expect("a workbook");
    assert_eq!(workbook.sheet_names(), ["表", "表-2", "表-3"]);
    let sheets = [("表", vec![1, 2, 3]), ("表-2", vec![3, 4, 7]), ("表-3", vec![5, 5, 15])];
    for (index, (name, figures)) in sheets.into_iter().enumerate() {
        let sheet = workbook.worksheet_range(name).expect("a sheet");
        let text = |row| sheet.get_value((row, 0)).and_then(DataType::get_string).unwrap_or_default().to_owned();
        assert_eq!(text(1), format!("分表：{}/3", index + 1));
        assert_eq!(text(2), "参保省");
        let told = |column| {
            sheet
                .range((3, column), (5, column))
                .used_cells()
                .filter_map(|(_, _, cell)| cell.as_f64())
                .collect::<Vec<_>>()
        };
        let figures: Vec<f64> = figures.into_iter().map(f64::from).collect();
        assert_eq!([told(1), told(2)], [figures.clone(), figures], "{name}");
        let signed =
            sheet.used_cells().any(|(_, _, cell)| cell.get_string().is_some_and(|text| text.contains("负责人")));
        let last = index == 2;
        assert_eq!(signed, last, "{name}");
        let sums = if last { ["河南省", "小计", "合计"] } else { ["河南省", "河南省", "小计"] };
        assert_eq!([3, 4, 5].map(text), sums);
    }
    let formulas = workbook.worksheet_formula("表-3").expect("formulas");
    for (place, wanted) in [((4, 2), "SUM(C4:C4)"), ((5, 1), "'表'!B6+'表-2'!B6+B5"), ((5, 2), "'表'!C6+'表-2'!C6+C5")]
    {
        assert_eq!(formulas.get_value(place).map(String::as_str), Some(wanted));
    }
}

#[test]
fn rows_that_are_not_held_become_the_same_workbook_and_ids_stay_words() {
    let mut document = documents().remove(0);
    for (at, row) in document.rows.iter_mut().enumerate() {
        row.cells[0] = Cell::Text(["310000175039009000000000000001", "=1+1", "", "0007"][at % 4].into());
    }
    document.stamp.told = vec![("版次".to_owned(), "第2版".to_owned())];
    let table = [documents::table::write(&document), documents::table::rows(&document)];
    let table = table.into_iter().collect::<Result<Vec<_>, _>>().expect("a table").concat();
    let twice = Document { rows: [document.rows.clone(), document.rows.clone()].concat(), ..document.clone() };
    let head = Document { rows: vec![], ..document };
    let rows = || documents::table::read(&head, table.as_slice());
    let read: Vec<Row> = rows().collect::<Result<_, _>>().expect("rows");
    let cells = |rows: &[Row]| rows.iter().map(|row| row.cells.clone()).collect::<Vec<_>>();
    assert_eq!(cells(&read), cells(&twice.rows));
    let (day, scratch, mut bytes) = (date(2025, 7, 21), tempfile::tempdir().expect("a folder"), Vec::new());
    let written = documents::workbook::write_rows(&head, (rows(), read.len()), day, scratch.path(), &mut bytes);
    written.expect("a workbook");
    let held = Document { rows: read, ..head.clone() };
    let held = documents::workbook::write(&[held], day).expect("a workbook");
    let mut workbooks = [bytes, held].map(|bytes| {
        let workbook: Xlsx<_> = open_workbook_from_rs(Cursor::new(bytes)).expect("a workbook");
        workbook
    });
    let [streamed, held] = workbooks.each_mut().map(|workbook| {
        let (range, formulas) = (workbook.worksheet_range(&head.title), workbook.worksheet_formula(&head.title));
        (range.expect("a sheet"), formulas.expect("formulas"))
    });
    assert_eq!(streamed, held);
    let first = |row| streamed.0.get_value((row, 0)).cloned();
    assert_eq!(first(3), Some(Data::String("310000175039009000000000000001".into())));
    assert_eq!(first(4), Some(Data::String("=1+1".into())));
    let spoilt = documents::table::read(&head, "a,b\n3.1,x\n".as_bytes()).next().expect("a row");
    assert!(spoilt.expect_err("it is not ours").to_string().starts_with("line 2 of"));
}

#[test]
fn a_table_has_a_line_for_each_row_and_neither_formulas_nor_ids_that_are_numbers() {
    let mut document = documents().remove(0);
    document.rows[0].cells[0] = Cell::Text("=1+1".into());
    document.rows[1].cells[0] = Cell::Text("310000175039009000000000000001".into());
    let bytes = documents::table::write(&document).expect("a table");
    let text = String::from_utf8(bytes).expect("text");
    assert!(text.starts_with('\u{feff}') && text.lines().count() == document.rows.len() + 1, "{text}");
    let starts = ["'=1+1,", "'310000175039009000000000000001,"];
    assert!(text.lines().skip(1).zip(starts).all(|(line, start)| line.starts_with(start)), "{text}");
    let rows = documents::table::rows(&document).expect("rows");
    assert_eq!(text.split_once('\n').map(|(_, rest)| rest.as_bytes()), Some(rows.as_slice()));
}

#[test]
fn a_page_shows_every_figure_and_escapes_everything() {
    for mut document in documents() {
        document.rows[0].cells[0] = Cell::Text("<b>&".into());
        let page = documents::page::write(&document).expect("a page");
        assert!(page.contains("&#60;b&#62;&#38;") && !page.contains("<b>&"), "{page}");
        assert!(page.contains(&document.title) && page.contains("人民币") && page.contains("负责人"));
        assert_eq!(page.matches("<tr>").count(), document.rows.len() + 1);
    }
}

#[test]
fn a_draft_says_so_and_nobody_signs_it() {
    let told = vec![("版次".to_owned(), "未定稿".to_owned())];
    for is_draft in [true, false] {
        let document = Document { stamp: Stamp { is_draft, told: told.clone() }, ..of_figures(1, 100) };
        let page = documents::page::write(&document).expect("a page");
        assert_eq!(page.contains("负责人"), !is_draft, "{page}");
        assert_eq!(page.contains("表（未定稿）") && page.contains("watermark\">"), is_draft, "{page}");
        assert!(page.contains("版次：未定稿"), "{page}");
        let table = documents::table::write(&document).expect("a table");
        assert!(String::from_utf8(table).expect("text").ends_with(",未定稿\n"), "a program is told too");
        let bytes = documents::workbook::write(&[document], date(2025, 7, 21)).expect("a workbook");
        let mut workbook: Xlsx<_> = open_workbook_from_rs(Cursor::new(bytes)).expect("a workbook");
        let sheet = workbook.worksheet_range("表").expect("a sheet");
        let texts: Vec<&str> = sheet.used_cells().filter_map(|(_, _, cell)| cell.get_string()).collect();
        assert_eq!(texts.iter().any(|text| text.contains("负责人")), !is_draft, "{texts:?}");
        assert_eq!(texts[0] == "表（未定稿）", is_draft, "{texts:?}");
        let is_marked = texts.contains(&"未定稿：仅供核对，不得签章、不得据以收付。");
        assert_eq!(is_marked, is_draft, "{texts:?}");
        assert!(texts.iter().any(|text| text.contains("版次：未定稿")), "{texts:?}");
    }
}

#[test]
fn a_table_says_after_each_row_where_money_goes_and_which_edition_it_is() {
    let document = Document {
        accounts: vec![("账号".to_owned(), "0001".to_owned())],
        stamp: Stamp { is_draft: false, told: vec![("版次".to_owned(), "第2版".to_owned())] },
        ..of_figures(1, 100)
    };
    let bytes = documents::table::write(&document).expect("a table");
    let text = String::from_utf8(bytes).expect("text");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines, ["\u{feff}参保省,人次,金额,账号,版次", "河南省,1,1.00,'0001,第2版"]);
}

#[test]
fn nothing_cleared_is_a_document_too() {
    let pairs = Pairs::from([(
        clearing::period::Pair { home: MemberCode(code("410000")), treatment: MemberCode(code("310000")) },
        BTreeMap::<Lot, Cleared>::new(),
    )]);
    let month = Month::from_text("2025-06").expect("a month");
    for document in [national(month, &pairs, &regions()), national(month, &Pairs::new(), &regions())] {
        documents::workbook::write(std::slice::from_ref(&document), date(2025, 7, 21)).expect("a workbook");
        documents::page::write(&document).expect("a page");
        documents::table::write(&document).expect("a table");
        assert_eq!(document.amount, Some(Money::ZERO));
    }
}
