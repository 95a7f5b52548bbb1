//! The lists of settlements that rows of statements lead to, on their way into files. What was booked may be millions of
//! settlements: it is read page by page and each page is written before the next is asked for, so that a page is all
//! that is held of it. Until everything is there the lists stand in a folder of their own: where the hub falls silent,
//! what an earlier run wrote stays as it was.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clearing::details::{Entry, behind, rows_of};
use clearing::edition::is_to_be_restated;
use clearing::month::Month;
use clearing::obligation::Lot;
use clearing::period::Pair;
use clearing::statement::Pairs;
use settlement::money::Money;
use settlement::region::RegionTable;

use super::{ClearedMonth, stale};

mod workbooks;

/// Some of what was booked in a lot, and the position of the last, after which the next page is asked for.
pub type Page = (Vec<Entry>, u64);

/// Where what was booked is read from: the hub, or the store of a simulated one.
pub trait Booked {
    /// What was booked in a lot after a position, 0 for the first page; none where there is no more.
    ///
    /// # Errors
    /// When it cannot be read.
    fn page(&mut self, lot: &Lot, after: u64) -> impl Future<Output = Result<Option<Page>>>;
}

/// Lists that are written, and not where they belong yet. Those that are given up go with it.
pub(super) struct Lists<'r> {
    folder: PathBuf,
    month: Month,
    regions: &'r RegionTable,
    /// What is written of each, by its row's name.
    written: BTreeMap<String, List>,
    /// Rows about what is to be stated again: what is behind them now is not what they state.
    unlisted: BTreeSet<String>,
}

/// A list, as far as it is written.
#[derive(Default)]
struct List {
    /// How many entries it has.
    rows: usize,
    /// What they come to.
    owed: Money,
    /// Whose statements its row stands for.
    pairs: BTreeSet<Pair>,
}

impl<'r> Lists<'r> {
    /// Writes the list behind each row of a month's statements: of each pair what was moved, then what was booked, lot
    /// by lot.
    ///
    /// # Errors
    /// When what was booked cannot be read, an entry does not add up, or a file cannot be written.
    pub(super) async fn write(
        out: &Path,
        cleared: &ClearedMonth,
        booked: &mut impl Booked,
        regions: &'r RegionTable,
    ) -> Result<Lists<'r>> {
        let folder = out.join(stale::UNFINISHED);
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let unlisted = unlisted(cleared);
        let mut lists = Lists { folder, month: cleared.month, regions, written: BTreeMap::new(), unlisted };
        for (pair, lots) in cleared.pairs.iter().filter(|(pair, _)| !is_objected(cleared, pair)) {
            lists.add(pair, cleared.moved.get(pair).map(Vec::as_slice).unwrap_or_default())?;
            for lot in lots.keys() {
                let mut after = 0;
                while let Some((entries, last)) = booked.page(lot, after).await? {
                    lists.add(pair, &entries)?;
                    after = last;
                }
            }
        }
        workbooks::write(&lists, cleared)?;
        Ok(lists)
    }

    /// Adds entries of a pair to the lists of the rows behind which they stand.
    fn add(&mut self, pair: &Pair, entries: &[Entry]) -> Result<()> {
        let mut rows: BTreeMap<String, Vec<&Entry>> = BTreeMap::new();
        for entry in entries.iter().filter(|entry| entry.is_behind_rows()) {
            for row in rows_of(pair, &entry.lot).into_iter().filter(|row| !self.unlisted.contains(row)) {
                rows.entry(row).or_default().push(entry);
            }
        }
        for (row, entries) in rows {
            let list = behind(self.month, entries.into_iter().map(|entry| (pair, entry)), self.regions);
            list.check()?;
            let is_begun = self.written.contains_key(&row);
            let table = if is_begun { documents::table::rows(&list) } else { documents::table::write(&list) };
            append(&self.folder.join(format!("{row}.csv")), &table?)?;
            let written = self.written.entry(row).or_default();
            written.rows += list.rows.len();
            written.owed += list.amount.unwrap_or_default();
            written.pairs.insert(*pair);
        }
        Ok(())
    }

    /// The lists that do not come to what their rows clear: each with both sums. What is not stated yet moves on while it
    /// is read.
    pub(super) fn differing(&self, pairs: &Pairs) -> Vec<(String, [Money; 2])> {
        let mut cleared: BTreeMap<String, Money> = BTreeMap::new();
        for (pair, lots) in pairs {
            for (lot, figures) in lots {
                rows_of(pair, lot).into_iter().for_each(|row| *cleared.entry(row).or_default() += figures.owed());
            }
        }
        cleared.retain(|row, _| !self.unlisted.contains(row));
        let listed = |row: &String| self.written.get(row).map(|list| list.owed);
        let rows: BTreeSet<&String> = self.written.keys().chain(cleared.keys()).collect();
        let both = rows.into_iter().map(|row| (row, [listed(row), cleared.get(row).copied()]));
        let both = both.map(|(row, sums)| (row.clone(), sums.map(Option::unwrap_or_default)));
        both.filter(|(_, [listed, stated])| listed != stated).collect()
    }

    /// Puts them where rows lead to; tells which there are.
    ///
    /// # Errors
    /// When a file cannot be moved.
    pub(super) fn put(mut self, out: &Path) -> Result<BTreeSet<String>> {
        let folder = out.join(stale::LISTS);
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let files = self.written.keys().flat_map(|row| stale::LISTED.map(|ending| format!("{row}.{ending}")));
        for file in files {
            let to = folder.join(&file);
            fs::rename(self.folder.join(&file), &to).with_context(|| format!("cannot write {}", to.display()))?;
        }
        Ok(std::mem::take(&mut self.written).into_keys().collect())
    }
}

impl Drop for Lists<'_> {
    fn drop(&mut self) {
        // What is left of it, the next run takes away.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn is_objected(cleared: &ClearedMonth, pair: &Pair) -> bool {
    cleared.records.get(pair).is_some_and(is_to_be_restated)
}

fn unlisted(cleared: &ClearedMonth) -> BTreeSet<String> {
    let objected = cleared.pairs.iter().filter(|(pair, _)| is_objected(cleared, pair));
    objected.flat_map(|(pair, lots)| lots.keys().flat_map(move |lot| rows_of(pair, lot))).collect()
}

fn append(file: &Path, bytes: &[u8]) -> Result<()> {
    let opened = OpenOptions::new().create(true).append(true).open(file);
    let written = opened.and_then(|mut opened| opened.write_all(bytes));
    written.with_context(|| format!("cannot write {}", file.display()))
}

#[cfg(test)]
mod tests {
    use anyhow::ensure;
    use clearing::cleared::Cleared;
    use clearing::details::Movement;
    use clearing::obligation::Sums;
    use clearing::period::{PairRecord, Stage, Statement};
    use settlement::adjudication::Fund;
    use settlement::encounter::CareKind;
    use settlement::ids::{MemberCode, PoolCode, RegionCode, SettlementId};
    use settlement::person::Insurance;
    use settlement::postings::Turn;

    use super::*;
    use crate::clearing::papers::whose::Whose;
    use crate::clearing::papers::{Written, write_all};

    const REGIONS: &str = "code,name,level,pool,member\n310000,上海市,pool,310000,310000\n\
        410000,河南省,province,,410000\n410700,新乡市,pool,410700,410000\n440000,广东省,province,,440000\n\
        440300,深圳市,pool,440300,440000\n";
    const A_PAGE: u64 = 3;
    /// Settlements of each lot.
    const A_LOT: u64 = 10;

    fn code(code: &str) -> RegionCode {
        RegionCode::new(code).expect("a code")
    }

    fn sums(fen: i64) -> Sums {
        let mut sums = Sums { visits: 1, total: Money::from_fen(fen), ..Sums::default() };
        sums.funds.set(Fund::Basic, Money::from_fen(fen));
        sums
    }

    fn entry(lot: Lot, id: &str, movement: Movement, fen: i64) -> Entry {
        let settlement = SettlementId::new(id).expect("an id");
        let (day, other, reason, along) = (None, None, String::new(), Money::ZERO);
        Entry { settlement, lot, movement, day, other, reason, sums: sums(fen), along }
    }

    fn lots() -> [(Pair, Lot); 3] {
        let lot = |home: &str, treatment: &str, insurance| {
            let (home, treatment) = (PoolCode(code(home)), PoolCode(code(treatment)));
            Lot { home, treatment, insurance, care: CareKind::Inpatient }
        };
        let pair = |treatment: &str| Pair { home: MemberCode(code("410000")), treatment: MemberCode(code(treatment)) };
        [
            (pair("310000"), lot("410700", "310000", Insurance::Employee)),
            (pair("310000"), lot("410700", "310000", Insurance::Resident)),
            (pair("440000"), lot("410700", "440300", Insurance::Employee)),
        ]
    }

    /// Ten settlements of 1.00 元 in each of three lots, and 5.00 carried into the first.
    fn month() -> ClearedMonth {
        let month = Month::from_text("2025-06").expect("a month");
        let (mut pairs, mut moved) = (Pairs::new(), BTreeMap::new());
        for (pair, lot) in lots() {
            let booked = Sums { visits: 10, ..sums(1_000) };
            pairs.entry(pair).or_default().insert(lot, Cleared { booked, ..Cleared::default() });
        }
        let (pair, lot) = lots()[0];
        pairs.entry(pair).or_default().entry(lot).or_default().carried_in = sums(500);
        moved.insert(pair, vec![entry(lot, "carried", Movement::CarriedIn, 500)]);
        let (records, deadlines) = (BTreeMap::new(), BTreeMap::new());
        ClearedMonth { month, stage: Stage::Open, pairs, records, moved, deadlines, made_on: month.last_day() }
    }

    fn rows(file: &Path) -> Vec<String> {
        let text = fs::read_to_string(file).unwrap_or_default();
        text.lines().skip(1).map(ToOwned::to_owned).collect()
    }

    /// Hands out settlements, and counts how many of them no list has when it is asked for more.
    struct Book {
        out: PathBuf,
        handed: usize,
        unwritten: usize,
        fails_after: usize,
    }

    impl Book {
        fn of(out: &Path) -> Book {
            Book { out: out.to_owned(), handed: 0, unwritten: 0, fails_after: usize::MAX }
        }
    }

    impl Booked for Book {
        async fn page(&mut self, lot: &Lot, after: u64) -> Result<Option<Page>> {
            let files = lots().map(|(_, lot)| format!("{}.csv", clearing::details::lot_name(&lot)));
            let listed = files.iter().flat_map(|file| rows(&self.out.join(stale::UNFINISHED).join(file)));
            let written = listed.filter(|row| row.contains("结算")).count();
            self.unwritten = self.unwritten.max(self.handed - written);
            ensure!(self.handed < self.fails_after, "the hub is silent");
            let positions: Vec<u64> = (after + 1..=A_LOT).take(usize::try_from(A_PAGE)?).collect();
            let Some(last) = positions.last().copied() else { return Ok(None) };
            self.handed += positions.len();
            let entries =
                positions.iter().map(|at| entry(*lot, &format!("s{at}"), Movement::Booked(Turn::Enter), 100)).collect();
            Ok(Some((entries, last)))
        }
    }

    async fn written(cleared: &ClearedMonth, book: &mut Book) -> Result<Written> {
        let regions = RegionTable::from_csv(REGIONS).expect("a table");
        let (whose, accounts) = (Whose { members: None, is_national: true }, BTreeMap::new());
        let out = book.out.clone();
        write_all(cleared, &whose, Some(book), (&regions, &accounts), &out).await
    }

    #[tokio::test]
    async fn each_page_is_in_its_lists_before_the_next_is_asked_for() {
        let out = tempfile::tempdir().expect("a folder");
        let mut book = Book::of(out.path());
        written(&month(), &mut book).await.expect("papers");
        assert_eq!((book.handed, book.unwritten), (30, 0));
        let lists = out.path().join(stale::LISTS);
        for (list, wanted) in [
            ("410000-310000", 21),
            ("410000-440000", 10),
            ("410700-employee", 21),
            ("410700-resident", 10),
            ("410700-310000-employee-inpatient", 11),
            ("lot-410700-310000-employee-inpatient", 11),
            ("lot-410700-440300-employee-inpatient", 10),
        ] {
            let rows = rows(&lists.join(format!("{list}.csv")));
            assert_eq!(rows.len(), wanted, "{list}");
            assert!(rows.iter().all(|row| !row.contains("结算编号")), "{list} names its columns once");
        }
        let first = rows(&lists.join("410000-310000.csv"));
        let starts = ["carried,", "s1,", "s2,", "s3,", "s4,"];
        assert!(first.iter().zip(starts).all(|(row, start)| row.starts_with(start)), "{first:?}");
        assert!(!out.path().join(stale::UNFINISHED).exists());
    }

    #[tokio::test]
    async fn where_the_hub_falls_silent_what_was_written_before_stays() {
        let out = tempfile::tempdir().expect("a folder");
        written(&month(), &mut Book::of(out.path())).await.expect("papers");
        let list = out.path().join(stale::LISTS).join("410000-310000.csv");
        let statement = out.path().join("全国跨省异地就医费用清算表.csv");
        let before = [&list, &statement].map(|file| fs::read(file).expect("a file"));
        let mut book = Book { fails_after: 12, ..Book::of(out.path()) };
        written(&month(), &mut book).await.expect_err("the hub is silent");
        assert_eq!([&list, &statement].map(|file| fs::read(file).expect("a file")), before);
        assert!(!out.path().join(stale::UNFINISHED).exists());
    }

    #[tokio::test]
    async fn what_is_objected_to_is_written_without_lists_until_it_is_stated_again() {
        let out = tempfile::tempdir().expect("a folder");
        let mut cleared = month();
        let issued_on = cleared.made_on;
        let stated = |is_objected| Statement {
            version: 1,
            issued_on,
            home_confirmed: false,
            treatment_confirmed: false,
            is_objected,
        };
        let [(objected, _), _, (other, _)] = lots();
        for (pair, is_objected) in [(objected, true), (other, false)] {
            let record = PairRecord { statement: Some(stated(is_objected)), ..PairRecord::default() };
            cleared.records.insert(pair, record);
        }
        cleared.moved.remove(&objected);
        let ran = written(&cleared, &mut Book::of(out.path())).await.expect("papers");
        assert!(ran.lists_agree, "what is left out is no difference");
        let text = |file: &str| fs::read_to_string(out.path().join(file)).expect("a file");
        let national = text("全国跨省异地就医费用清算表.csv");
        assert!(national.contains("异议处理中、待重出") && national.contains("待确认"), "{national}");
        assert!(text("410000/转入转出明细.html").contains("未列明细：河南省→上海市（异议处理中、待重出）"));
        let listed = |row: &str| out.path().join(stale::LISTS).join(format!("{row}.xlsx")).exists();
        let rows = ["410000-310000", "410700-employee", "lot-410700-310000-employee-inpatient"];
        assert_eq!(rows.map(listed), [false; 3], "its settlements are not those of the row any more");
        assert!(listed("410000-440000") && listed("lot-410700-440300-employee-inpatient"));
        let page = text("全国跨省异地就医费用清算表.html");
        assert_eq!(page.matches("<a href").count(), 1, "{page}");
    }

    #[tokio::test]
    async fn a_list_that_does_not_come_to_its_row_is_told() {
        let out = tempfile::tempdir().expect("a folder");
        let (mut cleared, regions) = (month(), RegionTable::from_csv(REGIONS).expect("a table"));
        assert!(written(&cleared, &mut Book::of(out.path())).await.expect("papers").lists_agree);
        let lists = Lists::write(out.path(), &cleared, &mut Book::of(out.path()), &regions).await.expect("lists");
        assert_eq!(lists.differing(&cleared.pairs), []);
        let (pair, lot) = lots()[2];
        cleared.pairs.entry(pair).or_default().entry(lot).or_default().booked = sums(1_100);
        let told = lists.differing(&cleared.pairs);
        let rows: Vec<&str> = told.iter().map(|(row, _)| row.as_str()).collect();
        assert_eq!(
            rows,
            [
                "410000-440000",
                "410700-440000-employee-inpatient",
                "410700-employee",
                "lot-410700-440300-employee-inpatient"
            ]
        );
        assert_eq!(told[0].1.map(Money::fen), [1_000, 1_100]);
        drop(lists);
        assert!(!written(&cleared, &mut Book::of(out.path())).await.expect("papers").lists_agree);
    }
}
