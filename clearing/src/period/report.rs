//! What a period's steps came to: a sentence each, with its figures. Books and messages hold it in words that stay the same;
//! tables say it as their readers do. Written by `broker` and `ledger`, said by commands.

use std::fmt::Display;

/// A step's sentence, in both ways; `{}` stands for a figure, the same ones in the same order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sentence {
    held: &'static str,
    told: &'static str,
}

/// 截止.
pub const CUT_OFF: Sentence =
    Sentence { held: "later entries are the next period's", told: "以后入账的归下一期" };
/// 归集: visits, lots, yuan owed.
pub const FOLDED: Sentence =
    Sentence { held: "{} visits in {} lots, {} owed", told: "共 {} 人次、{} 个分项，应付 {} 元" };
/// 核对: lots, yuan owed.
pub const AGREED: Sentence = Sentence {
    held: "{} lots agree with the journal, {} owed",
    told: "{} 个分项与明细账一致，应付 {} 元",
};
/// 核对 that fails, a line a lot: the pools, yuan owed by the totals and by the journal.
pub const APART: Sentence =
    Sentence { held: "{} → {}: {} folded, {} in the journal", told: "{} → {}：汇总 {} 元，明细账 {} 元" };
/// 结转: entries.
pub const CARRIED: Sentence = Sentence { held: "{} entries carried out", told: "转出 {} 笔" };
/// 清算 or 通知, of pairs in their first versions: so many of all, yuan due and to be given back.
pub const ISSUED: Sentence = Sentence {
    held: "{} of {} pairs: {} due from home members, {} to be given back",
    told: "已发 {} 对，共 {} 对：参保地应付 {} 元，就医地应退 {} 元",
};
/// The same with how many of them are in a later version.
pub const ISSUED_AGAIN: Sentence = Sentence {
    held: "{} of {} pairs, {} in a later version: {} due from home members, {} to be given back",
    told: "已发 {} 对，共 {} 对，其中重出 {} 对：参保地应付 {} 元，就医地应退 {} 元",
};
/// 关闭: so many pairs of all, yuan paid by home members and given back.
pub const CLOSED: Sentence = Sentence {
    held: "{} of {} pairs had to pay: {} by home members, {} given back",
    told: "有款项 {} 对，共 {} 对：参保地已付 {} 元，就医地已退 {} 元",
};

/// Every one: no text is two of them.
const ALL: [Sentence; 8] = [CUT_OFF, FOLDED, AGREED, APART, CARRIED, ISSUED_AGAIN, ISSUED, CLOSED];

impl Sentence {
    /// The sentence as books and messages hold it.
    pub fn of(&self, figures: &[&dyn Display]) -> String {
        let figures: Vec<String> = figures.iter().map(|figure| figure.to_string()).collect();
        filled(self.held, &figures)
    }

    /// The figures of a sentence that is held; none where it is another one.
    fn figures<'t>(&self, text: &'t str) -> Option<Vec<&'t str>> {
        let mut between = self.held.split(FIGURE);
        let mut rest = text.strip_prefix(between.next()?)?;
        let mut figures = Vec::new();
        for after in between {
            let end = if after.is_empty() { rest.len() } else { rest.find(after)? };
            figures.push(&rest[..end]);
            rest = &rest[end + after.len()..];
        }
        let plain = |figure: &&str| !figure.is_empty() && !figure.contains(char::is_whitespace);
        (rest.is_empty() && figures.iter().all(plain)).then_some(figures)
    }
}

const FIGURE: &str = "{}";

fn filled(sentence: &str, figures: &[impl AsRef<str>]) -> String {
    let mut figures = figures.iter();
    let mut parts = sentence.split(FIGURE);
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + figures.next().map_or(FIGURE, AsRef::as_ref) + part)
}

/// What tables say of a step's report, line by line; what is none of ours as it is.
///
/// ```
/// use clearing::period::report::{FOLDED, told};
/// let held = FOLDED.of(&[&1, &1, &"50.00"]);
/// assert_eq!(held, "1 visits in 1 lots, 50.00 owed");
/// assert_eq!(told(&held), "共 1 人次、1 个分项，应付 50.00 元");
/// ```
pub fn told(report: &str) -> String {
    let line = |line: &str| {
        let found = ALL.iter().find_map(|sentence| Some(filled(sentence.told, &sentence.figures(line)?)));
        found.unwrap_or_else(|| line.to_owned())
    };
    report.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// What tables call a step that was taken; its word where it is none of ours.
pub fn step_named(word: &str) -> &str {
    match word {
        "cut-off" => "截止",
        "folded" => "归集",
        "proved" => "核对",
        "carried" => "结转",
        "stated" => "清算表",
        "noticed" => "通知书",
        "closed" => "关闭",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sentence_is_read_as_it_is_held_and_told_without_a_latin_letter() {
        let figures = ["410700", "310000", "3", "50.07", "-0.50"];
        for sentence in ALL {
            let count = sentence.held.matches(FIGURE).count();
            assert_eq!(sentence.told.matches(FIGURE).count(), count, "{sentence:?}");
            let held = filled(sentence.held, &figures[..count]);
            let own: Vec<&Sentence> = ALL.iter().filter(|one| one.figures(&held).is_some()).collect();
            assert_eq!(own, [&sentence], "it is no other: {held}");
            assert_eq!(sentence.figures(&held).as_deref(), Some(&figures[..count]), "{held}");
            let said = told(&held);
            assert!(figures[..count].iter().all(|figure| said.contains(figure)), "{said}");
            assert!(!said.chars().any(|letter| letter.is_ascii_alphabetic() || letter == '{'), "{said}");
        }
    }

    #[test]
    fn lines_are_told_each_and_what_is_none_of_ours_as_it_is() {
        for (held, said) in [
            (
                "410700 → 310000: 50.07 folded, 50.00 in the journal\n120000 → 310000: 1.00 folded, 2.00 in the journal",
                "410700 → 310000：汇总 50.07 元，明细账 50.00 元\n120000 → 310000：汇总 1.00 元，明细账 2.00 元",
            ),
            (
                "2 of 3 pairs, 1 in a later version: 5.00 due from home members, 0.00 to be given back",
                "已发 2 对，共 3 对，其中重出 1 对：参保地应付 5.00 元，就医地应退 0.00 元",
            ),
            ("a report", "a report"),
            ("", ""),
        ] {
            assert_eq!(told(held), said);
        }
    }
}
