//! 年度累计 before a settlement and after it, as an explanation ends with it.

use super::Language;
use crate::adjudication::Adjudication;
use crate::benefits::used_in;
use crate::money::Money;
use crate::rulebook::RuleBook;
use crate::year_to_date::{BenefitYear, UsagePosting, UsageSums};

/// What the person has used of the benefit year.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct YearSoFar {
    /// The benefit year.
    pub year: BenefitYear,
    /// Before the settlement.
    pub before: UsageSums,
    /// With it.
    pub after: UsageSums,
    /// Whether the book has a catastrophic layer: what counts toward it is told then.
    pub catastrophic: bool,
    /// Whether the book has medical assistance: what counts toward it is told then.
    pub assistance: bool,
}

/// A sum of the benefit year: its word in books, and how it is called.
type Sum = (&'static str, &'static str, &'static str, fn(&UsageSums) -> Money);

const SUMS: [Sum; 11] = [
    ("in_policy", "待遇计算基数", "benefit base", |sums| sums.in_policy),
    ("deductible", "计入起付线", "deductible counted", |sums| sums.deductible),
    ("basic", "统筹基金", "basic fund", |sums| sums.basic),
    ("large_sum", "大额补助", "large-sum layer", |sums| sums.large_sum),
    (CATASTROPHIC_BASE, "大病合规费用", "compliant cost", |sums| sums.catastrophic_base),
    ("catastrophic", "大病保险", "catastrophic layer", |sums| sums.catastrophic),
    ("civil_servant", "公务员补助", "civil-servant supplement", |sums| sums.civil_servant),
    (ASSISTANCE_BASE, "救助前负担", "burden before assistance", |sums| sums.assistance_base),
    ("assistance", "医疗救助", "assistance fund", |sums| sums.assistance),
    ("tilt_base", "倾斜救助前负担", "burden before the tilt", |sums| sums.tilt_base),
    ("tilt", "其中倾斜救助", "of it tilted", |sums| sums.tilt),
];
const CATASTROPHIC_BASE: &str = "catastrophic_base";
const ASSISTANCE_BASE: &str = "assistance_base";

impl YearSoFar {
    /// Of a settlement; `used` is what was in force of the person before it, of any year.
    pub fn of(adjudication: &Adjudication, book: &RuleBook, used: &[UsagePosting]) -> YearSoFar {
        let usage = &adjudication.usage;
        let before = used_in(book, usage.insurance, used, usage.year).0.total();
        let (catastrophic, assistance) = (book.catastrophic.rules().is_some(), book.assistance.rules().is_some());
        YearSoFar { year: usage.year, before, after: before + usage.sums, catastrophic, assistance }
    }

    /// Every sum of money by its word in books, before and after.
    pub fn sums(&self) -> impl Iterator<Item = (&'static str, [Money; 2])> {
        self.told().map(|(word, _, _, of)| (word, [of(&self.before), of(&self.after)]))
    }

    /// The sums that the book counts.
    fn told(&self) -> impl Iterator<Item = Sum> {
        let uncounted = [(CATASTROPHIC_BASE, self.catastrophic), (ASSISTANCE_BASE, self.assistance)];
        SUMS.into_iter().filter(move |(word, ..)| !uncounted.contains(&(*word, false)))
    }

    /// As a clerk says it. What is zero before and after is left out.
    pub fn say(&self, language: Language) -> String {
        let chinese = language == Language::Chinese;
        let moved = |name: &str, before: String, after: String| format!("{name} {before} → {after}");
        let stays = [self.before.stays, self.after.stays];
        let stays = (stays != [0, 0]).then(|| {
            let name = if chinese { "住院次数" } else { "stays" };
            moved(name, stays[0].to_string(), stays[1].to_string())
        });
        let sums = self.told().filter_map(|(_, zh, en, of)| {
            let [before, after] = [of(&self.before), of(&self.after)];
            let said = || moved(if chinese { zh } else { en }, before.to_string(), after.to_string());
            (!before.is_zero() || !after.is_zero()).then(said)
        });
        let said: Vec<String> = stays.into_iter().chain(sums).collect();
        match (said.is_empty(), chinese) {
            (true, true) => format!("{}年度累计：无。", self.year.0),
            (true, false) => format!("Benefit year {}: nothing used.", self.year.0),
            (false, true) => format!("{}年度累计：{}。", self.year.0, said.join("，")),
            (false, false) => format!("Benefit year {}: {}.", self.year.0, said.join(", ")),
        }
    }
}
