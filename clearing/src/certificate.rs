//! 对账确认书: what the parties of a day between two pools sign once their books agree: how many operations, what they come
//! to, and the digest over them. All three books agree, so there is one set of sums, and whoever signs holds them against its
//! own book. The text is what is signed, byte for byte; who signs, and whether the signatures hold, is for `identity`. A
//! late entry makes the next version, which names the digest that it replaces.

pub mod paper;

use std::fmt;

use jiff::civil::Date;
use settlement::ids::{PoolCode, RegionCode};
use settlement::money::Money;
use settlement::person::Insurance;

use crate::digest::{Branch, Digest};
use crate::obligation::{Payer, Sums};
use crate::tally::{ELSEWHERE, Family, TOGETHER, Tally};

/// What a certificate of agreement says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agreement {
    /// The day, and between whom.
    pub branch: Branch,
    /// 1, and one more for each late entry.
    pub version: u32,
    /// How many operations the books hold.
    pub operations: u64,
    /// What they come to; none in the first form of the text, which said nothing of it and holds where it was signed, as does
    /// the second, which counted relatives' accounts as the patient's.
    pub tally: Option<Tally>,
    /// The digest over them.
    pub root: Digest,
    /// The digest of the version before; none for the first.
    pub replaces: Option<Digest>,
}

/// Why a text is no certificate of agreement.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the certificate {problem}")]
pub struct TextFault {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub problem: String,
}

const TITLE: &str = "异地就医日对账确认书";
/// The line that a text with sums has behind its title.
fn form(family: Family) -> &'static str {
    match family {
        Family::Patients => "格式: 2",
        Family::Owners => "格式: 3",
    }
}

/// How the sums, which are in fen, are to be read, and what of the text whoever signs has held against his own book.
fn reading(family: Family) -> &'static str {
    match family {
        Family::Patients => "撤销计为负数，恢复计为正数；不含审核扣款、更正和转期；签署各方均按本方账簿核对",
        Family::Owners => {
            "撤销计为负数，恢复计为正数；家庭共济支付计入账户所有人的险种，\
             所有人在其他统筹区参保的单列，不在合计之内；不含审核扣款、更正和转期；\
             签署各方均按本方账簿核对笔数、金额和摘要，版本和替代由枢纽编列，不在核对之列"
        }
    }
}

/// No day between two pools comes to so many fen: beyond, adding could overflow.
const MOST: i64 = i64::MAX / 4;

impl fmt::Display for Agreement {
    /// The text that is signed. It ends with a line feed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Agreement { branch: Branch { day, home, treatment }, version, operations, tally, root, replaces } = self;
        let replaces = replaces.map_or_else(|| "-".to_owned(), |digest| digest.to_string());
        writeln!(f, "{TITLE}")?;
        if let Some(tally) = tally {
            writeln!(f, "{}", form(tally.family))?;
        }
        writeln!(f, "对账日期: {day}")?;
        writeln!(f, "参保统筹区: {home}")?;
        writeln!(f, "就医统筹区: {treatment}")?;
        writeln!(f, "版本: {version}")?;
        writeln!(f, "业务笔数: {operations}")?;
        if let Some(tally) = tally {
            write_tally(f, tally)?;
        }
        writeln!(f, "摘要: {root}")?;
        writeln!(f, "替代: {replaces}")
    }
}

fn write_tally(f: &mut fmt::Formatter<'_>, tally: &Tally) -> fmt::Result {
    writeln!(f, "其中结算: {}", tally.settled)?;
    writeln!(f, "其中撤销: {}", tally.undone)?;
    writeln!(f, "其中恢复: {}", tally.restored)?;
    writeln!(f, "口径: 金额单位为分；{}", reading(tally.family))?;
    for (whose, sums) in tally.named() {
        writeln!(f, "{whose}人次: {}", sums.visits)?;
        writeln!(f, "{whose}医疗费总额: {}", sums.total.fen())?;
        for payer in Payer::all() {
            writeln!(f, "{whose}{}: {}", payer.name(), payer.share_of(&sums).fen())?;
        }
    }
    match tally.family {
        Family::Patients => Ok(()),
        Family::Owners => writeln!(f, "{ELSEWHERE}: {}", tally.elsewhere.fen()),
    }
}

impl Agreement {
    /// Reads a text back. Only the text that it would be written as is one.
    ///
    /// ```
    /// # use clearing::{certificate::Agreement, digest::{Branch, Digest}};
    /// # use settlement::ids::{PoolCode, RegionCode};
    /// # let pool = |code| PoolCode(RegionCode::new(code).unwrap());
    /// let branch = Branch { day: jiff::civil::date(2025, 6, 30), home: pool("410700"), treatment: pool("310000") };
    /// let agreement = Agreement { branch, version: 1, operations: 12, tally: None, root: Digest([7; 32]), replaces: None };
    /// assert_eq!(Agreement::read(&agreement.to_string()), Ok(agreement));
    /// ```
    ///
    /// # Errors
    /// The first line that does not read.
    pub fn read(text: &str) -> Result<Agreement, TextFault> {
        let second = text.lines().nth(1);
        let family = [Family::Owners, Family::Patients].into_iter().find(|family| second == Some(form(*family)));
        // The title is held against the whole at the end.
        let mut lines = Lines((1..).zip(text.lines()).skip(if family.is_some() { 2 } else { 1 }));
        let day = lines.read("对账日期", |text| text.parse::<Date>().ok())?;
        let pool = |text: &str| RegionCode::new(text).ok().map(PoolCode);
        let (home, treatment) = (lines.read("参保统筹区", pool)?, lines.read("就医统筹区", pool)?);
        let version = lines.read("版本", |text| text.parse().ok())?;
        let operations = lines.read("业务笔数", |text| text.parse().ok())?;
        let tally = family.map(|family| read_tally(&mut lines, operations, family)).transpose()?;
        let root = lines.read("摘要", Digest::from_text)?;
        let replaces = lines.read("替代", |text| match text {
            "-" => Some(None),
            digest => Digest::from_text(digest).map(Some),
        })?;
        let read = Agreement { branch: Branch { day, home, treatment }, version, operations, tally, root, replaces };
        if read.to_string() == text { Ok(read) } else { Err(fault(1, "is not written as a certificate is".to_owned())) }
    }
}

/// The lines that are still to be read, with their numbers.
struct Lines<I>(I);

impl<'a, I: Iterator<Item = (usize, &'a str)>> Lines<I> {
    /// The value of the next line, which has to begin with a name.
    fn read<T>(&mut self, name: &str, read: impl Fn(&str) -> Option<T>) -> Result<T, TextFault> {
        self.numbered(name, read).map(|(_, value)| value)
    }

    /// The same, and the number of the line.
    fn numbered<T>(&mut self, name: &str, read: impl Fn(&str) -> Option<T>) -> Result<(usize, T), TextFault> {
        let (line, text) = self.0.next().ok_or_else(|| fault(0, format!("{name} is missing")))?;
        let value = text.strip_prefix(name).and_then(|rest| rest.strip_prefix(": "));
        let value = value.ok_or_else(|| fault(line, format!("does not begin with {name}:")))?;
        let read = read(value).ok_or_else(|| fault(line, format!("has {value}, which is no value of it")))?;
        Ok((line, read))
    }
}

fn read_tally<'a, I>(lines: &mut Lines<I>, operations: u64, family: Family) -> Result<Tally, TextFault>
where
    I: Iterator<Item = (usize, &'a str)>,
{
    let count = |text: &str| text.parse().ok();
    let mut tally = Tally { settled: lines.read("其中结算", count)?, ..Tally::counting(family) };
    tally.undone = lines.read("其中撤销", count)?;
    let (line, restored) = lines.numbered("其中恢复", count)?;
    tally.restored = restored;
    if tally.operations() != operations {
        return Err(fault(line, format!("does not make up {operations} operations with the two lines before it")));
    }
    // How the sums are to be read is held against the whole at the end.
    lines.read("口径", |_| Some(()))?;
    for insurance in Insurance::ALL {
        *tally.sums.of_mut(insurance) = read_sums(lines, insurance.name())?.1;
    }
    let (line, total) = read_sums(lines, TOGETHER)?;
    if total != tally.total() {
        return Err(fault(line, "is in sums that do not add up".to_owned()));
    }
    match family {
        Family::Patients => {}
        Family::Owners => tally.elsewhere = lines.read(ELSEWHERE, fen)?,
    }
    Ok(tally)
}

fn number(text: &str) -> Option<i64> {
    text.parse().ok().filter(|number| (-MOST..=MOST).contains(number))
}

fn fen(text: &str) -> Option<Money> {
    number(text).map(Money::from_fen)
}

/// A block of sums, and the number of its first line.
fn read_sums<'a, I>(lines: &mut Lines<I>, whose: &str) -> Result<(usize, Sums), TextFault>
where
    I: Iterator<Item = (usize, &'a str)>,
{
    let (line, visits) = lines.numbered(&format!("{whose}人次"), number)?;
    let total = lines.read(&format!("{whose}医疗费总额"), fen)?;
    let mut sums = Sums { visits, total, ..Sums::default() };
    for payer in Payer::all() {
        let amount = lines.read(&format!("{whose}{}", payer.name()), fen)?;
        match payer {
            Payer::Fund(fund) => sums.funds.set(fund, amount),
            Payer::Account => sums.account = amount,
        }
    }
    Ok((line, sums))
}

fn fault(line: usize, problem: String) -> TextFault {
    TextFault { line, problem }
}

#[cfg(test)]
pub(crate) mod tests {
    use settlement::outcome::{Done, Outcome};

    use super::*;
    use crate::tally::tests::{day, home, with_family};

    pub(crate) fn agreement() -> Agreement {
        let pool = |code| PoolCode(RegionCode::new(code).expect("a code"));
        let branch = Branch { day: jiff::civil::date(2025, 6, 30), home: pool("410700"), treatment: pool("310000") };
        let (root, replaces) = (Digest([0xab; 32]), Some(Digest([1; 32])));
        Agreement { branch, version: 2, operations: 12, tally: None, root, replaces }
    }

    pub(crate) fn with_sums() -> Agreement {
        with_sums_by(Family::Owners)
    }

    fn with_sums_by(family: Family) -> Agreement {
        let mut tally = Tally::counting(family);
        day().iter().for_each(|outcome| tally.add(outcome, home()));
        Agreement { operations: tally.operations(), tally: Some(tally), ..agreement() }
    }

    #[test]
    fn a_certificate_reads_back_from_its_text() {
        for replaces in [None, Some(Digest([1; 32]))] {
            for agreement in [agreement(), with_sums(), with_sums_by(Family::Patients)] {
                let agreement = Agreement { replaces, ..agreement };
                assert_eq!(Agreement::read(&agreement.to_string()), Ok(agreement));
            }
        }
    }

    /// What was signed before sums were stated is checked by these bytes.
    #[test]
    fn the_first_form_of_the_text_stays_as_it_was_signed() {
        let expected = [
            "异地就医日对账确认书",
            "对账日期: 2025-06-30",
            "参保统筹区: 410700",
            "就医统筹区: 310000",
            "版本: 2",
            "业务笔数: 12",
            &format!("摘要: {}", "ab".repeat(32)),
            &format!("替代: {}", "01".repeat(32)),
        ];
        assert_eq!(agreement().to_string(), expected.map(|line| format!("{line}\n")).concat());
    }

    #[test]
    fn a_text_with_sums_states_them_by_insurance_and_fund() {
        let text = with_sums().to_string();
        let sums: Vec<&str> = text.lines().skip(6).collect();
        let expected = [
            "业务笔数: 6",
            "其中结算: 3",
            "其中撤销: 2",
            "其中恢复: 1",
            "口径: 金额单位为分；撤销计为负数，恢复计为正数；家庭共济支付计入账户所有人的险种，所有人在其他统筹区参保的单列，不在合计之内；不含审核扣款、更正和转期；签署各方均按本方账簿核对笔数、金额和摘要，版本和替代由枢纽编列，不在核对之列",
            "职工人次: 1",
            "职工医疗费总额: 100000",
            "职工统筹基金: 70000",
            "职工大额补助: 0",
            "职工大病保险: 0",
            "职工公务员补助: 0",
            "职工医疗救助: 0",
            "职工个人账户: 5000",
            "居民人次: 1",
            "居民医疗费总额: 100000",
            "居民统筹基金: 60000",
            "居民大额补助: 0",
            "居民大病保险: 0",
            "居民公务员补助: 0",
            "居民医疗救助: 0",
            "居民个人账户: 5000",
            "合计人次: 2",
            "合计医疗费总额: 200000",
            "合计统筹基金: 130000",
            "合计大额补助: 0",
            "合计大病保险: 0",
            "合计公务员补助: 0",
            "合计医疗救助: 0",
            "合计个人账户: 10000",
            "其他统筹区个人账户: 0",
            &format!("摘要: {}", "ab".repeat(32)),
            &format!("替代: {}", "01".repeat(32)),
        ];
        assert_eq!(sums, expected);
        // The second form is as it was signed.
        let second = with_sums_by(Family::Patients).to_string();
        let differ = text.lines().filter(|line| !second.lines().any(|other| other == *line));
        assert_eq!(differ.collect::<Vec<_>>(), ["格式: 3", expected[4], "其他统筹区个人账户: 0"]);
        let reading =
            "口径: 金额单位为分；撤销计为负数，恢复计为正数；不含审核扣款、更正和转期；签署各方均按本方账簿核对";
        assert_eq!((second.lines().nth(1), second.lines().nth(10)), (Some("格式: 2"), Some(reading)));
    }

    #[test]
    fn relatives_accounts_stand_with_their_owners_insurance_and_other_pools_in_a_line_of_their_own() {
        let decided_at = jiff::Timestamp::UNIX_EPOCH;
        let outcome = Outcome::Accepted { decided_at, done: Done::Settled(Box::new(with_family())) };
        let mut tally = Tally::default();
        tally.add(&outcome, home());
        let text = Agreement { operations: 1, tally: Some(tally), ..agreement() }.to_string();
        let accounts: Vec<&str> = text.lines().filter(|line| line.contains("个人账户: ")).collect();
        let expected = ["职工个人账户: 1800", "居民个人账户: 2500", "合计个人账户: 4300", "其他统筹区个人账户: 700"];
        assert_eq!(accounts, expected);
        assert_eq!(Agreement::read(&text).map(|agreement| agreement.tally), Ok(Some(tally)));
    }

    #[test]
    fn no_other_text_is_one() {
        let (sound, with_sums) = (agreement().to_string(), with_sums().to_string());
        for (sound, from, to, line) in [
            (&sound, "异地", "本地", 1),
            (&sound, "2025-06-30", "2025-06-31", 2),
            (&sound, "410700", "4107", 3),
            (&sound, "业务笔数: 12", "业务笔数: 十二", 6),
            (&sound, "业务笔数: 12", "业务笔数: +12", 1),
            (&sound, "业务笔数: 12", "业务笔数:12", 6),
            (&sound, "摘要: ab", "摘要: AB", 7),
            (&sound, "摘要: ab", "摘要: a", 7),
            (&sound, "替代: 01", "替代: ", 8),
            (&with_sums, "格式: 3", "格式: 4", 2),
            (&with_sums, "格式: 3", "格式: 2", 36),
            (&with_sums, "格式: 3\n", "", 7),
            (&with_sums, "其他统筹区个人账户: 0", "其他统筹区个人账户: 0.0", 36),
            (&with_sums, "其他统筹区个人账户: 0", "其他统筹区个人账户: -0", 1),
            (&with_sums, "业务笔数: 6", "业务笔数: 7", 10),
            (&with_sums, "其中撤销: 2", "其中撤销: 3", 10),
            (&with_sums, "单位为分", "单位为元", 1),
            (&with_sums, "职工统筹基金: 70000", "职工统筹基金: 70001", 28),
            (&with_sums, "合计统筹基金: 130000", "合计统筹基金: 130001", 28),
            (&with_sums, "居民个人账户: 5000", "居民个人账户: 5000.0", 27),
            (&with_sums, "居民个人账户: 5000", "居民个人账户: 9223372036854775807", 27),
            (&with_sums, "居民大病保险: 0\n", "", 24),
        ] {
            let spoilt = sound.replacen(from, to, 1);
            assert_ne!(spoilt, *sound, "{from}");
            assert_eq!(Agreement::read(&spoilt).expect_err(to).line, line, "{from} → {to}");
        }
        assert!(Agreement::read(&format!("{sound}\n")).is_err());
        assert!(Agreement::read("").is_err());
    }
}
