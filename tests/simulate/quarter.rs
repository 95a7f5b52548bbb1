//! A quarter of twelve members to the closing of its last month, and its documents opened by other hands: what members owe
//! is held against what members are owed, month by month and over the quarter, and each row against the settlements
//! behind it.

use std::collections::BTreeMap;
use std::path::Path;
use std::thread;

use clearing::listed::Verdict;
use clearing::month::Month;
use clearing::payment::Apart;
use clearing::period::{Pair, PairRecord, Step};
use clearing::statement::notice_title;
use settlement::adjudication::{Fund, FundShares};
use settlement::money::Money;
use settlement::person::Insurance;
use settlement::region::RegionTable;
use yidi::clearing::papers::ClearedMonth;
use yidi::simulate::quarter::altered::Ending;
use yidi::simulate::quarter::country::{ALONE, CONFIRMS_LATE, DEBTOR, IDLE, MEMBERS, TWO_BANKS};
use yidi::simulate::quarter::payments::between;
use yidi::simulate::quarter::story::{BATCH, CLEARED as CLEARED_AFTER_ALL, LACKED, MENDED, RETURNED};
use yidi::simulate::quarter::{self, Ran};

use crate::deploy;
use crate::lists::{self, check_lists};
use crate::sheet::{Row, Sheet};

/// The quarters that are lived through.
const SEEDS: [u64; 2] = [1, 2];
/// How many people are treated a day, beside those whom the story needs.
const VISITS_A_DAY: u64 = 2;
/// What statements say of a row before deductions, and what is among it and taken off.
pub const PAYERS: [&str; 6] = ["统筹基金", "大额补助", "大病保险", "公务员补助", "医疗救助", "个人账户"];
const FUNDS: &str = "基金应付";
pub const CORRECTED: &str = "其中更正往期";
pub const CARRIED_IN: &str = "其中上期转入";
pub const CARRIED_OUT: &str = "已减转出下期";
pub const DEDUCTED: &str = "审核扣款";
pub const RECOMPUTED: &str = "其中重算更正";
pub const SETTLED: &str = "本期结算金额";
/// What 转入转出明细 calls the ways of what is carried.
const WAYS: [&str; 2] = ["上期转入", "转出下期"];
pub const CLEARED: &str = "清算金额";
/// The figures of every statement, beside those of [`PAYERS`].
const FIGURES: [&str; 11] = [
    "人次",
    "其中住院人次",
    "医疗费总额",
    FUNDS,
    CORRECTED,
    CARRIED_IN,
    CARRIED_OUT,
    RECOMPUTED,
    SETTLED,
    DEDUCTED,
    CLEARED,
];

#[test]
fn a_quarter_of_twelve_members_closes_and_its_documents_add_up() {
    thread::scope(|scope| {
        for seed in SEEDS {
            scope.spawn(move || {
                let folder = tempfile::tempdir().expect("a folder");
                let ran = quarter::run(seed, &deploy(), VISITS_A_DAY, folder.path(), false).expect("a nation");
                assert!(ran.summary.findings.is_empty(), "seed {seed}: {:#?}", ran.summary.findings);
                everything_happened(&ran);
                everything_ended_right(&ran);
                everything_was_looked_at(&ran);
                documents_add_up(folder.path(), &ran);
            });
        }
    });
}

/// What a quarter is run for was there.
fn everything_happened(ran: &Ran) {
    let counts = ran.counts;
    let each = [counts.settled, counts.reversed, counts.cancelled, counts.cancelled_late, counts.pending];
    assert!(each.iter().all(|count| *count > 0) && counts.pending == 3 && counts.given_back >= 3, "{counts:?}");
    let around = [counts.around_midnight[0], counts.around_midnight[1], counts.before_cut_off];
    assert!(around.iter().all(|count| *count > 0), "settlements around midnight and cut-off: {counts:?}");
    assert_eq!(counts.lost, [3, 3], "answers are lost on both lines");
    assert_eq!((counts.corrected, ran.recomputed.len()), (1, 1), "one settlement is corrected");
    assert_eq!((counts.decided_alone, counts.given_back_alone), (1, 1), "a deduction goes alone to the list");
    assert_eq!((counts.refused_suspended, counts.resumed), (1, 1), "who does not pay is suspended");
    assert_eq!(counts.cancelled_in_closed, 1, "what a closed month has is cancelled");
    assert!(ran.accepted[0] == 1 && ran.accepted[1] > 1, "two records end by acceptance: {:?}", ran.accepted);
    assert!(ran.planted.len() >= 6 && ran.planted.iter().all(|(_, found)| *found), "{:?}", ran.planted);
    assert!(ran.made_outside.iter().all(|count| *count > 0), "around the cut-off: {:?}", ran.made_outside);
    for why in [RETURNED, CLEARED_AFTER_ALL, MENDED, LACKED] {
        assert_eq!(ran.planted.iter().filter(|(of, found)| *of == why && *found).count(), 1, "{why}");
    }
    let endings = [Ending::Mended, Ending::TakenIn, Ending::Decided(Verdict::Clear), Ending::Decided(Verdict::Return)];
    assert!(
        ran.altered.len() == endings.len() && endings.iter().all(|ending| ran.altered.contains(ending)),
        "{:?}",
        ran.altered
    );
    let certified = &ran.certified;
    assert_eq!(certified.unsigned, Vec::<String>::new(), "each certificate is signed by all three");
    assert!(certified.signed > 50 && certified.replacing >= 2, "and a late entry makes another: {certified:?}");
    assert_eq!(certified.uncertified.len(), 2, "what stays apart is certified by nobody: {certified:?}");
    assert_eq!(ran.objections, 6, "one pair's once, another's in three months, and to a deduction in two");
    assert!(ran.listed > 0, "and then it is on the list");
    for standing in ["agreed", "released", "withdrawn"] {
        assert!(ran.deductions.contains_key(standing), "{standing}: {:?}", ran.deductions);
    }
    let [april, may, _] = &ran.months[..] else { panic!("three months") };
    let version =
        |month: &ClearedMonth| month.records.values().filter_map(|held| held.statement).map(|held| held.version).max();
    assert_eq!([version(april), version(may)], [Some(2), Some(2)], "statements are issued again");
    let late = MEMBERS[CONFIRMS_LATE].member();
    let of_late = |month: &ClearedMonth, is_late: bool| {
        let days = month.records.iter().filter(|(pair, _)| ([pair.home, pair.treatment].contains(&late)) == is_late);
        days.filter_map(|(_, held)| held.noticed_on).collect::<Vec<_>>()
    };
    let others = of_late(may, false).into_iter().max();
    assert!(of_late(may, true).into_iter().min() > others, "who confirms late holds up nobody");
    let nothing = ran.months.iter().flat_map(|month| month.records.values()).any(PairRecord::is_nothing_due);
    let mut payables = ran.months.iter().flat_map(|month| month.records.values()).flat_map(PairRecord::to_be_paid);
    let gives_back = payables.any(|(_, payable)| payable.due.is_negative());
    assert!(nothing && gives_back, "a pair comes to nothing, and one gives back");
}

/// What the story's own pairs came to.
fn everything_ended_right(ran: &Ran) {
    let [april, may, june] = &ran.months[..] else { panic!("three months") };
    let held = &april.records[&between(TWO_BANKS)].payables.employee;
    let apart = Apart { serial: true, on: true, amount: false };
    assert!(held.apart() == Some(apart) && held.is_accepted(), "both records stay as they are: {held:?}");
    for month in [april, may, june] {
        let held = &month.records[&between(DEBTOR)];
        assert!(held.owed() > Money::ZERO && held.is_settled(), "who was suspended has paid: {held:?}");
        let paid_on = held.payables.employee.paid.as_ref().map(|payment| payment.on);
        let others = month.records.iter().filter(|(pair, _)| **pair != between(DEBTOR));
        let others = others.filter_map(|(_, held)| held.payables.employee.paid.as_ref()).map(|payment| payment.on);
        assert!(others.max() < paid_on, "and held up nobody");
    }
    // It left the months in which it was objected to, as nothing that they state.
    for (month, version) in [(may, 2), (june, 2)] {
        let held = &month.records[&between(ALONE)];
        assert_eq!(held.statement.map(|statement| statement.version), Some(version), "it was stated again");
    }
    assert!(june.records[&between(ALONE)].is_nothing_due());
    assert_eq!(ran.recomputed.iter().map(|(month, pair, _)| (*month, *pair)).collect::<Vec<_>>(), [corrected_in()]);
    let (_, _, correction) = &ran.recomputed[0];
    let funds = |basic| {
        let mut funds = FundShares::default();
        funds.set(Fund::Basic, Money::from_fen(basic));
        funds
    };
    let told = [correction.told.funds, correction.now.funds];
    assert_eq!(told, [funds(STAYS.basic_told), funds(STAYS.basic_now)], "{correction:?}");
    let shares = |payers: settlement::adjudication::Payers| [payers.account.fen(), payers.cash.fen()];
    assert_eq!([correction.told, correction.now].map(shares), [STAYS.told, STAYS.now], "{correction:?}");
}

/// A stay of 8,000 yuan in April, and one of 12,000 yuan after it, in a second-class hospital, by Xinxiang's rules for
/// employees who live there by a filing; 3,000 yuan are in the account. Worked out by hand.
struct Stays {
    /// It was the second of the year: half of 450 yuan is deducted. (12000 − 225) × 0.87
    basic_told: i64,
    /// It is the first, since the other is cancelled: (12000 − 450) × 0.87
    basic_now: i64,
    /// Account and cash. The first stay left 12000 − … in the account: 3000 − (8000 − (8000 − 450) × 0.87) = 1568.50, and
    /// that goes towards 12000 − 10244.25 = 1755.75.
    told: [i64; 2],
    /// The account stays as it was debited, and 12000 − 10048.50 − 1568.50 are cash.
    now: [i64; 2],
}

const STAYS: Stays =
    Stays { basic_told: 1_024_425, basic_now: 1_004_850, told: [156_850, 18_725], now: [156_850, 38_300] };

/// In which month's statement of which pair the correction is.
fn corrected_in() -> (Month, Pair) {
    (Month::from_text("2025-05").expect("a month"), between(TWO_BANKS))
}

/// What must hold was looked at after every kind of step and of act, not only after each day.
fn everything_was_looked_at(ran: &Ran) {
    let pair = between(DEBTOR);
    let steps =
        [Step::CutOff, Step::Fold, Step::Prove, Step::CarryOut, Step::State(pair), Step::Notify(pair), Step::Close];
    let acts =
        ["confirmation", "objection", "payment", "acceptance", "decision", "deduction", "correction", "suspension"];
    let messages = ["settlement", "cancellation", "reversal"];
    for what in steps.map(Step::word).iter().chain(&acts).chain(&messages) {
        assert!(ran.looks.get(*what).is_some_and(|looks| *looks > 0), "after {what}: {:?}", ran.looks);
    }
    assert!(ran.looks["confirmation"] > 100 && ran.looks["settlement"] > 200, "{:?}", ran.looks);
}

/// The tables of one month.
struct Papers {
    national: Sheet,
    payable: BTreeMap<String, Sheet>,
    receivable: BTreeMap<String, Sheet>,
    /// 转入转出明细.
    carried: BTreeMap<String, Sheet>,
    /// 审核扣款明细.
    deductions: BTreeMap<String, Sheet>,
    /// 更正明细.
    corrections: BTreeMap<String, Sheet>,
}

fn documents_add_up(folder: &Path, ran: &Ran) {
    lists::reasons_are_said_in_words(ran.months.iter().map(|month| folder.join(month.month.to_string())));
    let names = names();
    let months: Vec<Papers> = ran.months.iter().map(|month| read_month(folder, month, ran, &names)).collect();
    let total = |of: &dyn Fn(&Papers) -> i64| months.iter().map(of).sum::<i64>();
    let payable = |papers: &Papers| papers.payable.values().map(|sheet| sheet.total(CLEARED)).sum::<i64>();
    let receivable = |papers: &Papers| papers.receivable.values().map(|sheet| sheet.total(CLEARED)).sum::<i64>();
    let owed: i64 = ran.months.iter().flat_map(|month| month.records.values()).map(|held| held.owed().fen()).sum();
    assert_eq!([total(&payable), total(&receivable), total(&|papers| papers.national.total(CLEARED))], [owed; 3]);
    // What one month carries out, the next carries in; nothing came into the first.
    let moved = |papers: &Papers| [CARRIED_IN, CARRIED_OUT].map(|column| papers.national.total(column));
    let [april, may, june] = months.iter().map(moved).collect::<Vec<_>>().try_into().expect("three months");
    assert_eq!((april[0], april[1], may[1]), (0, may[0], june[0]));
    for column in [CARRIED_OUT, DEDUCTED, CORRECTED, RECOMPUTED] {
        assert!(months.iter().any(|papers| papers.national.total(column) != 0), "{column} is nothing in each month");
    }
    let named: Vec<String> = ran.months.iter().map(|month| month.month.to_string()).collect();
    deductions_say_which_month_clears(folder, &named.iter().cloned().zip(&months).collect());
    // The month after the settlement's own tells of it, with the batch; both its members do, and no other.
    for (month, papers) in named.iter().zip(&months) {
        for row in papers.corrections.values().flat_map(Sheet::rows) {
            let told = [row.word("更正批次"), row.word("清算所属期"), row.word("更正原因")];
            assert_eq!((told, month.as_str()), ([BATCH, "2025-04", "前次住院撤销"], "2025-05"), "{row:?}");
        }
    }
    let tells = |papers: &Papers| papers.corrections.values().filter(|sheet| !sheet.rows().is_empty()).count();
    assert_eq!(months.iter().map(tells).collect::<Vec<_>>(), [0, 2, 0]);
}

/// Followed from the list that has a settlement made through the months' 转入转出明细, each settlement of which something
/// is deducted is cleared where 审核扣款明细 says.
fn deductions_say_which_month_clears(folder: &Path, months: &BTreeMap<String, &Papers>) {
    let mut at: BTreeMap<String, String> = BTreeMap::new();
    for month in months.keys() {
        for file in lists::tables(&folder.join(month).join("details")) {
            let made = lists::read(&file).into_iter().filter(|entry| entry["动作"] == "结算");
            at.extend(made.map(|entry| (entry["结算编号"].clone(), month.clone())));
        }
    }
    for (month, papers) in months {
        for row in papers.carried.values().flat_map(Sheet::rows) {
            // What makes a settlement count is a visit less where it is carried out.
            let goes = row.word("方向") == WAYS[1] && row.figure("人次") < 0;
            let from = at.get_mut(row.word("结算编号")).filter(|from| goes && *from == month);
            if let Some(from) = from {
                row.word("另一所属期").clone_into(from);
            }
        }
    }
    let mut told = 0;
    for row in months.values().flat_map(|papers| papers.deductions.values()).flat_map(Sheet::rows) {
        let settlement = row.word("结算编号");
        assert_eq!(at.get(settlement).map(String::as_str), Some(row.word("清算所属期")), "{settlement}");
        told += 1;
    }
    assert!(told > 0, "something is deducted");
}

/// Members' names, as their statements have them.
fn names() -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(deploy().join("regions.csv")).expect("a table");
    let regions = RegionTable::from_csv(&text).expect("a table");
    MEMBERS.iter().map(|plan| (plan.code.to_owned(), regions.name_of(plan.member().0))).collect()
}

fn read_month(folder: &Path, month: &ClearedMonth, ran: &Ran, names: &BTreeMap<String, String>) -> Papers {
    let folder = folder.join(month.month.to_string());
    let open = |member: &str, title: &str| Sheet::open(&folder.join(member).join(format!("{title}.xlsx")));
    let statement = |member: &str, title: &str| {
        let sheet = open(member, title);
        check_rows(&sheet);
        check_lists(&folder.join(member).join(title), &sheet);
        sheet
    };
    let national = statement("", "全国跨省异地就医费用清算表");
    let each = |read: &dyn Fn(&str) -> Sheet| names.keys().map(|code| (code.clone(), read(code))).collect();
    let payable: BTreeMap<String, Sheet> = each(&|code| statement(code, "应付医疗费用清算表"));
    let receivable: BTreeMap<String, Sheet> = each(&|code| statement(code, "应收医疗费用清算表"));
    let carried: BTreeMap<String, Sheet> = each(&|code| open(code, "转入转出明细"));
    let deductions: BTreeMap<String, Sheet> = each(&|code| open(code, "审核扣款明细"));
    let corrections: BTreeMap<String, Sheet> = each(&|code| open(code, "更正明细"));
    // Whoever has nothing in the month any more has a statement, and no row.
    assert_eq!(national.rows().len(), month.pairs.len());
    for (code, name) in names {
        let (pays, receives) = (&payable[code], &receivable[code]);
        let details = ["职工医保基金应付明细表", "居民医保基金应付明细表"].map(|title| statement(code, title));
        let shares = statement(code, "统筹区分担表");
        check_moved((pays, receives), name, (&carried[code], &deductions[code], &corrections[code]));
        for column in FIGURES.iter().chain(&PAYERS) {
            let owed = pays.total(column);
            let nation = |side: &str| national.of(side, name).map(|row| row.figure(column)).sum::<i64>();
            assert_eq!([nation("参保省"), nation("就医省")], [owed, receives.total(column)], "{code} {column}");
            assert_eq!(details.iter().map(|detail| detail.total(column)).sum::<i64>(), owed, "{code} {column}");
            assert_eq!(shares.total(column), owed, "{code} {column}");
            for row in pays.rows() {
                let across = row.word("就医省");
                let detailed = details.iter().flat_map(|detail| detail.of("就医省", across));
                assert_eq!(
                    detailed.map(|row| row.figure(column)).sum::<i64>(),
                    row.figure(column),
                    "{code} {across} {column}"
                );
            }
        }
    }
    assert!(payable[MEMBERS[IDLE].code].rows().is_empty() && receivable[MEMBERS[IDLE].code].rows().is_empty());
    for (pair, held) in &month.records {
        let [home, treatment] = [pair.home.to_string(), pair.treatment.to_string()];
        let row = national.of("参保省", &names[&home]).find(|row| row.word("就医省") == names[&treatment]);
        assert_eq!(row.is_some(), month.pairs.contains_key(pair), "{home} → {treatment}");
        let figure = |column| row.map_or(0, |row| row.figure(column));
        assert_eq!(figure(CLEARED), held.owed().fen(), "{home} → {treatment}");
        let corrected = ran.corrected.get(&(month.month, *pair)).map_or(0, |amount| amount.fen());
        assert_eq!(figure(CORRECTED), corrected, "{home} → {treatment}");
        let is_recomputed = (month.month, *pair) == corrected_in();
        let recomputed = if is_recomputed { STAYS.basic_now - STAYS.basic_told } else { 0 };
        assert_eq!(figure(RECOMPUTED), recomputed, "{home} → {treatment}");
        for (insurance, payable) in held.payables.iter() {
            check_notices(&folder, [&home, &treatment], (insurance, payable.due.fen()), names);
        }
    }
    Papers { national, payable, receivable, carried, deductions, corrections }
}

/// What a member's details say was carried, deducted and corrected is what its statements say, for each of those it clears
/// with.
fn check_moved(
    (pays, receives): (&Sheet, &Sheet),
    name: &str,
    (carried, deductions, corrections): (&Sheet, &Sheet, &Sheet),
) {
    let (amount, taken, changed) = ("转入转出金额", "扣款金额", "更正金额");
    // What is carried is written out net of the deductions that go with it.
    let written = [carried.total("转入转出净额"), deductions.total(taken), corrections.total(changed)];
    assert_eq!([carried.capitals, deductions.capitals, corrections.capitals], written);
    let totals = |column: &str| pays.total(column) + receives.total(column);
    assert_eq!(carried.total(amount), totals(CARRIED_IN) - totals(CARRIED_OUT), "{name}");
    assert_eq!(deductions.total(taken), totals(DEDUCTED), "{name}");
    assert_eq!(corrections.total(changed), totals(RECOMPUTED), "{name}");
    let with = |sheet: &Sheet, column: &str, [home, treatment]: [&str; 2], counts: &dyn Fn(&Row) -> bool| -> i64 {
        let rows = sheet.of("参保省", home).filter(|row| row.word("就医省") == treatment && counts(row));
        rows.map(|row| row.figure(column)).sum()
    };
    let of_pays = pays.rows().iter().map(|row| (row, [name, row.word("就医省")]));
    for (row, pair) in of_pays.chain(receives.rows().iter().map(|row| (row, [row.word("参保省"), name]))) {
        let moved = |way: &str| with(carried, amount, pair, &|row| row.word("方向") == way);
        let all = |sheet: &Sheet, column: &str| with(sheet, column, pair, &|_| true);
        let told = [moved(WAYS[0]), -moved(WAYS[1]), all(deductions, taken), all(corrections, changed)];
        let stated = [CARRIED_IN, CARRIED_OUT, DEDUCTED, RECOMPUTED].map(|column| row.figure(column));
        assert_eq!(told, stated, "{pair:?}");
    }
}

/// Each row comes to what funds and accounts pay less what is deducted, and the whole to its capital numerals.
fn check_rows(sheet: &Sheet) {
    for row in sheet.rows() {
        let paid: i64 = PAYERS.iter().map(|payer| row.figure(payer)).sum();
        assert_eq!(row.figure(CLEARED), paid - row.figure(DEDUCTED), "{row:?}");
        let funds: i64 = PAYERS[..5].iter().map(|fund| row.figure(fund)).sum();
        assert_eq!(row.figure(FUNDS), funds, "{row:?}");
        let moved = row.figure(CARRIED_IN) - row.figure(CARRIED_OUT) + row.figure(RECOMPUTED);
        assert_eq!(row.figure(SETTLED), paid - moved, "{row:?}");
    }
    assert!(PAYERS.iter().chain(&FIGURES).all(|column| sheet.has(column)));
    assert_eq!(sheet.capitals, sheet.total(CLEARED));
}

/// Who pays and who receives have a notice of the same amount of each insurance's money; nobody has one where nothing of
/// it is due.
fn check_notices(
    folder: &Path,
    [home, treatment]: [&str; 2],
    (insurance, due): (Insurance, i64),
    names: &BTreeMap<String, String>,
) {
    let (payer, receiver) = if due < 0 { (treatment, home) } else { (home, treatment) };
    let pair = format!("{home}-{treatment}");
    let file = |member: &str, title: &str| folder.join(member).join(&pair).join(format!("{title}.xlsx"));
    let notices = [file(payer, notice_title(insurance, true)), file(receiver, notice_title(insurance, false))];
    for notice in notices {
        assert_eq!(notice.exists(), due != 0, "{}", notice.display());
        if due != 0 {
            let sheet = Sheet::open(&notice);
            let row = &sheet.rows()[0];
            let told = [row.word("付款方"), row.word("收款方")];
            assert_eq!(told, [names[payer].as_str(), names[receiver].as_str()], "{}", notice.display());
            assert_eq!([row.figure("金额"), sheet.capitals], [due.abs(); 2], "{}", notice.display());
            let payment = ["银行", "流水号", "日期"].map(|column| row.word(column));
            assert!(payment.iter().all(|told| !told.is_empty()), "{}", notice.display());
        }
    }
}
