//! 对账确认书: what the parties of a day between two pools sign once their books agree: how many operations, and the
//! digest over them. Its text is what is signed, byte for byte; who signs, and whether the signatures hold, is for
//! `identity`. A late entry makes the next version, which names the digest that it replaces.

use std::fmt;

use jiff::civil::Date;
use settlement::ids::{PoolCode, RegionCode};

use crate::digest::{Branch, Digest};

/// What a certificate of agreement says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agreement {
    /// The day, and between whom.
    pub branch: Branch,
    /// 1, and one more for each late entry.
    pub version: u32,
    /// How many operations the books hold.
    pub operations: u64,
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

impl fmt::Display for Agreement {
    /// The text that is signed. It ends with a line feed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Agreement { branch: Branch { day, home, treatment }, version, operations, root, replaces } = self;
        let replaces = replaces.map_or_else(|| "-".to_owned(), |digest| digest.to_string());
        writeln!(f, "{TITLE}")?;
        writeln!(f, "对账日期: {day}")?;
        writeln!(f, "参保统筹区: {home}")?;
        writeln!(f, "就医统筹区: {treatment}")?;
        writeln!(f, "版本: {version}")?;
        writeln!(f, "业务笔数: {operations}")?;
        writeln!(f, "摘要: {root}")?;
        writeln!(f, "替代: {replaces}")
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
    /// let agreement = Agreement { branch, version: 1, operations: 12, root: Digest([7; 32]), replaces: None };
    /// assert_eq!(Agreement::read(&agreement.to_string()), Ok(agreement));
    /// ```
    ///
    /// # Errors
    /// The first line that does not read.
    pub fn read(text: &str) -> Result<Agreement, TextFault> {
        // The title is held against the whole at the end.
        let mut lines = (1..).zip(text.lines()).skip(1);
        let mut next = |name: &'static str| {
            let (line, text) = lines.next().ok_or_else(|| fault(0, format!("{name} is missing")))?;
            let value = text.strip_prefix(name).and_then(|rest| rest.strip_prefix(": "));
            value.map(|value| (line, value)).ok_or_else(|| fault(line, format!("does not begin with {name}:")))
        };
        let day = parsed(next("对账日期")?, |text| text.parse::<Date>().ok())?;
        let pool = |text: &str| RegionCode::new(text).ok().map(PoolCode);
        let (home, treatment) = (parsed(next("参保统筹区")?, pool)?, parsed(next("就医统筹区")?, pool)?);
        let version = parsed(next("版本")?, |text| text.parse().ok())?;
        let operations = parsed(next("业务笔数")?, |text| text.parse().ok())?;
        let root = parsed(next("摘要")?, Digest::from_text)?;
        let replaces = parsed(next("替代")?, |text| match text {
            "-" => Some(None),
            digest => Digest::from_text(digest).map(Some),
        })?;
        let read = Agreement { branch: Branch { day, home, treatment }, version, operations, root, replaces };
        if read.to_string() == text { Ok(read) } else { Err(fault(1, "is not written as a certificate is".to_owned())) }
    }
}

fn parsed<T>((line, text): (usize, &str), read: impl Fn(&str) -> Option<T>) -> Result<T, TextFault> {
    read(text).ok_or_else(|| fault(line, format!("has {text}, which is no value of it")))
}

fn fault(line: usize, problem: String) -> TextFault {
    TextFault { line, problem }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agreement() -> Agreement {
        let pool = |code| PoolCode(RegionCode::new(code).expect("a code"));
        let branch = Branch { day: jiff::civil::date(2025, 6, 30), home: pool("410700"), treatment: pool("310000") };
        Agreement { branch, version: 2, operations: 12, root: Digest([0xab; 32]), replaces: Some(Digest([1; 32])) }
    }

    #[test]
    fn a_certificate_reads_back_from_its_text() {
        for replaces in [None, Some(Digest([1; 32]))] {
            let agreement = Agreement { replaces, ..agreement() };
            assert_eq!(Agreement::read(&agreement.to_string()), Ok(agreement));
        }
    }

    #[test]
    fn no_other_text_is_one() {
        let sound = agreement().to_string();
        for (from, to, line) in [
            ("异地", "本地", 1),
            ("2025-06-30", "2025-06-31", 2),
            ("410700", "4107", 3),
            ("业务笔数: 12", "业务笔数: 十二", 6),
            ("业务笔数: 12", "业务笔数: +12", 1),
            ("业务笔数: 12", "业务笔数:12", 6),
            ("摘要: ab", "摘要: AB", 7),
            ("摘要: ab", "摘要: a", 7),
            ("替代: 01", "替代: ", 8),
        ] {
            let spoilt = sound.replacen(from, to, 1);
            assert_ne!(spoilt, sound, "{from}");
            assert_eq!(Agreement::read(&spoilt).expect_err(to).line, line, "{from} → {to}");
        }
        assert!(Agreement::read(&format!("{sound}\n")).is_err());
        assert!(Agreement::read("").is_err());
    }
}
