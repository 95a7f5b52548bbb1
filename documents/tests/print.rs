//! Pages as a browser sets them: measured in a real one at the width of their sheet. Needs Chromium or Chrome.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use clearing::cleared::Cleared;
use clearing::details::{Alone, Entry, Movement, carried, deductions};
use clearing::document::{Document, Stamp};
use clearing::month::Month;
use clearing::obligation::{Lot, Sums};
use clearing::period::{Pair, Side};
use clearing::prefund::Reset;
use clearing::prefund::papers::{Adjusted, table};
use clearing::prefund::quarter::{Quarter, Settled, Source};
use clearing::statement::{Pairs, detail, national, of_member, shares};
use jiff::civil::date;
use settlement::adjudication::Fund;
use settlement::encounter::CareKind;
use settlement::ids::{MemberCode, PoolCode, SettlementId};
use settlement::money::Money;
use settlement::person::Insurance;
use settlement::region::RegionTable;

/// Appended to a page: sets it as wide as its sheet leaves, and tells what is broken or too wide.
const MEASURE: &str = r#"<script>
const wide = /size: A3/.test(document.querySelector('style').textContent);
const sheet = (wide ? 396 : 273) * 96 / 25.4;
document.body.style.margin = '0';
document.body.style.width = sheet + 'px';
const faults = [];
const table = document.querySelector('table');
if (table.scrollWidth > sheet + 1) faults.push('the table is ' + table.scrollWidth + ' wide on ' + sheet);
const ruler = document.createElement('span');
ruler.style.cssText = 'white-space: nowrap; position: absolute; visibility: hidden';
for (const cell of document.querySelectorAll('th, tbody td, tr.totals td')) {
  const style = getComputedStyle(cell);
  ruler.style.font = style.font;
  const words = cell.className === 'text' ? ['九个汉字才读得'] : [cell.textContent];
  for (const word of words) {
    ruler.textContent = word;
    document.body.append(ruler);
    const room = cell.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
    if (ruler.getBoundingClientRect().width > room + 1) faults.push(word + ' has ' + room);
    ruler.remove();
  }
}
const cells = document.querySelectorAll('tbody td').length;
document.title = 'measured ' + cells + ' cells: ' + faults.slice(0, 5).join('; ');
</script></body>"#;

fn browser() -> PathBuf {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let named = ["chromium", "google-chrome", "chromium-browser"];
    let found = std::env::split_paths(&folders).flat_map(|folder| named.map(|name| folder.join(name)));
    found.into_iter().find(|path| path.exists()).expect("chromium or google-chrome is installed")
}

/// What a browser measures of a page.
fn measured(document: &Document) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let page = documents::page::write(document).expect("a page").replace("</body>", MEASURE);
    let file = folder.path().join("page.html");
    fs::write(&file, page).expect("it is written");
    let mut ran = Command::new(browser());
    ran.args(["--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"]);
    ran.arg(format!("--user-data-dir={}", folder.path().join("profile").display()));
    let ran = ran.arg(format!("file://{}", file.display())).output().expect("it runs");
    let dumped = String::from_utf8_lossy(&ran.stdout).into_owned();
    let title = dumped.split("<title>").nth(1).and_then(|rest| rest.split("</title>").next());
    title.unwrap_or_else(|| panic!("{dumped}{}", String::from_utf8_lossy(&ran.stderr))).to_owned()
}

fn regions() -> RegionTable {
    let text = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/regions.csv")).expect("a table");
    RegionTable::from_csv(&text).expect("a table")
}

/// Every pair of members with sums as large as a nation's.
fn nation(regions: &RegionTable) -> Pairs {
    let members: std::collections::BTreeSet<MemberCode> = regions.iter().map(|region| region.member).collect();
    let mut sums = Sums { visits: 123_456, total: Money::from_fen(123_456_789_012), ..Sums::default() };
    for fund in Fund::ALL {
        sums.funds.set(fund, Money::from_fen(23_456_789_012));
    }
    sums.account = Money::from_fen(3_456_789_012);
    // A quarter of what the funds pay moves each way, so that every column of a whole nation has as many digits.
    let mut part = Sums::default();
    for fund in Fund::ALL {
        part.funds.set(fund, Money::from_fen(5_864_197_253));
    }
    let (mut carried_out, carried_in, recomputed, deducted) = (part, part, part, part);
    carried_out += part;
    let cleared = Cleared { booked: sums, corrected: -sums, carried_in, carried_out, deducted, recomputed };
    let pairs = members.iter().flat_map(|home| members.iter().map(move |treatment| (*home, *treatment)));
    let pairs = pairs.filter(|(home, treatment)| home != treatment).map(|(home, treatment)| {
        let lots = CareKind::ALL.map(|care| {
            let (pool, of) = (PoolCode(home.0), PoolCode(treatment.0));
            (Lot { home: pool, treatment: of, insurance: Insurance::Employee, care }, cleared)
        });
        (Pair { home, treatment }, lots.into())
    });
    pairs.collect()
}

#[test]
fn no_word_or_figure_is_broken_and_no_table_is_wider_than_its_sheet() {
    let (month, regions) = (Month::from_text("2025-06").expect("a month"), regions());
    let pairs = nation(&regions);
    let (pair, lots) = pairs.first_key_value().expect("a pair");
    let entry = |movement| Entry {
        settlement: SettlementId::new("310000202506020000000000001").expect("an id"),
        lot: *lots.first_key_value().expect("a lot").0,
        movement,
        day: Some(date(2025, 6, 2)),
        other: Month::from_text("2025-05"),
        reason: "超限定支付范围用药,且无病程记录支持,双方于现场核查后一致认定不予支付".into(),
        sums: Sums { visits: 1, total: Money::from_fen(9_999_999_999), ..Sums::default() },
        along: Money::from_fen(-9_999_999_999),
    };
    let taken = Movement::Deducted { id: "K-2025-06-000000001".into(), on: date(2025, 7, 2), objection: None };
    let alone = Movement::WentAlone(Alone::Deduction("K-2025-06-000000001".into()));
    let entries = BTreeMap::from([(*pair, vec![entry(taken), entry(Movement::CarriedIn), entry(alone)])]);
    let settled = Settled { amount: Money::from_fen(123_456_789_012), source: Source::Cleared };
    let basis = Quarter { months: [settled, settled, Settled { source: Source::Given, ..settled }] };
    let reset = Reset { previous: settled.amount, new: basis.monthly_average() + basis.monthly_average() };
    let adjusted: Vec<Adjusted> = pairs
        .keys()
        .flat_map(|pair| Insurance::ALL.map(|insurance| Adjusted { pair: *pair, insurance, basis, reset }))
        .collect();
    let documents = [
        national(month, &pairs, &regions),
        of_member(month, pair.home, Side::Home, &pairs, &regions),
        detail(month, pair.home, Insurance::Employee, &pairs, &regions),
        shares(month, pair.home, &pairs, &regions),
        deductions(month, pair.home, &entries, &regions),
        carried(month, pair.home, &entries, &regions),
        table(2026, None, &adjusted, &regions),
    ];
    for document in documents {
        let cells = document.rows.len() * document.columns.len();
        assert!(cells > 0, "{}", document.title);
        assert_eq!(measured(&document), format!("measured {cells} cells: "), "{}", document.title);
    }
}

#[test]
fn a_table_that_is_too_wide_is_found() {
    let (month, regions) = (Month::from_text("2025-06").expect("a month"), regions());
    let mut document = national(month, &nation(&regions), &regions);
    document.stamp = Stamp::default();
    for row in &mut document.rows {
        row.cells.extend_from_within(..);
    }
    document.columns.extend_from_within(..);
    let told = measured(&document);
    assert!(told.contains("the table is"), "{told}");
}
