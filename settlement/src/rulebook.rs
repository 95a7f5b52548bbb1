//! 待遇规则: one region's benefit rules for one insurance, as data. A [`RuleBook`] exists only when its text has no
//! fault; it holds no code of any region. `benefits/` applies it; the home region and the operators' commands read it.
//!
//! The text is TOML, for someone at an insurance desk to read and correct. A parameter is a row of a table with an
//! `id`; its path is `<table>.<id>`, for example `inpatient.deductible.off-site`, and the path of one of its fields
//! adds `.<field>`. A table without rows is a parameter itself: `benefit_year`, `catastrophic.base`.
//! Of the rows of a table at most one applies to a settlement, so their order decides nothing; segments of a ratio
//! (`from`, `to`) lie side by side, and caps that count different care lie one inside another.

pub mod admission;
pub mod arithmetic;
mod check;
pub mod clause;
pub mod conditions;
pub mod deductible;
pub mod example;
pub mod keys;
mod lint;
mod parse;
pub mod places;
pub mod ratio;
mod reader;
pub mod sections;
pub mod set;
pub mod succession;
pub mod table;
pub mod text;
pub mod unknown;
mod word;
pub mod working;

use std::fmt;

use jiff::civil::Date;

pub use crate::spanned::Fault;
pub use clause::{Clause, ClauseText, Setting, Source, Trust};
pub use example::{Example, Mismatch};
pub use sections::{DecisionDate, DuringStay};
pub use set::{DecidingDates, RuleBooks};

use crate::encounter::{CareKind, HospitalLevel};
use crate::ids::PoolCode;
use crate::person::{AssistanceClass, Insurance, Validity};
use crate::rulebook::admission::{Admission, AfterChange};
use crate::rulebook::conditions::identity_position;
use crate::rulebook::lint::NamedDisease;
use crate::rulebook::sections::{
    AccountRule, Assistance, Cap, CareRules, Catastrophic, CivilServant, CrossYear, FirstSelfPay, InterimDeductible,
    LargeSum, OffSite, Rounding, Section, Unfiled,
};
use crate::rulebook::table::Table;
use crate::year_to_date::BenefitYear;

/// The content hash of a rule book: what a stored settlement was decided by. SHA-256 of the bytes of its text.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct RuleBookHash(pub [u8; 32]);

impl fmt::Display for RuleBookHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A rule book without faults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleBook {
    hash: RuleBookHash,
    pool: PoolCode,
    insurance: Insurance,
    title: String,
    validity: Validity,
    validity_lines: (usize, Option<usize>),
    decision_date: (DecisionDate, Clause),
    benefit_year: ((i8, i8), Clause),
    outpatient_during_stay: DuringStay,
    sources: Vec<Source>,
    clauses: Vec<ClauseText>,
    diseases: Vec<NamedDisease>,
    examples: Vec<Example>,
    pub(crate) rounding: Rounding,
    pub(crate) interim_deductible: (InterimDeductible, Clause),
    pub(crate) cross_year: Option<(CrossYear, Clause)>,
    pub(crate) level_as: Table<HospitalLevel>,
    pub(crate) first_self_pay: (FirstSelfPay, Clause),
    pub(crate) unfiled: Table<Unfiled>,
    pub(crate) admission: Admission,
    pub(crate) off_site: Table<OffSite>,
    care: [Section<CareRules>; CareKind::ALL.len()],
    pub(crate) caps: Table<Cap>,
    pub(crate) large_sum: Section<LargeSum>,
    pub(crate) catastrophic: Section<Catastrophic>,
    pub(crate) civil_servant: Section<CivilServant>,
    pub(crate) assistance: Section<Assistance>,
    pub(crate) account: Table<AccountRule>,
}

impl RuleBook {
    /// Reads a rule book from its text.
    ///
    /// ```
    /// use settlement::rulebook::RuleBook;
    /// let text = include_str!(concat!(
    ///     env!("CARGO_MANIFEST_DIR"),
    ///     "/../deploy/rulebooks/410700-xinxiang/employee-2024-01-01.toml"
    /// ));
    /// let book = RuleBook::parse(text).expect("a book without faults");
    /// assert!(book.run_examples().is_empty());
    /// ```
    ///
    /// # Errors
    /// Every fault of the text, each with line and path, in the order of lines.
    pub fn parse(text: &str) -> Result<RuleBook, Vec<Fault>> {
        parse::parse(text)
    }

    /// Reads a case file: an `[[example]]` of this book in a file of its own, its keys at the top. `id`, `title` and
    /// `expect` may be left out. Each change is a key (`age`, `bill.in_policy`) and the text of its value, which takes
    /// the place of what the file says. The book has to be in force on the day that decides.
    ///
    /// # Errors
    /// Every fault of the text, each with line and path; a change that cannot be made has line 1.
    pub fn read_case(&self, text: &str, changes: &[(String, String)]) -> Result<Example, Vec<Fault>> {
        parse::read_case(self, text, changes, Some((self.validity, self.decision_date())))
    }

    /// The same for a case of any day: what the book would make of it if it were in force then.
    ///
    /// # Errors
    /// As [`RuleBook::read_case`].
    pub fn read_case_of_any_day(&self, text: &str) -> Result<Example, Vec<Fault>> {
        parse::read_case(self, text, &[], None)
    }

    /// Its content hash.
    pub fn hash(&self) -> RuleBookHash {
        self.hash
    }

    /// Whose rules they are.
    pub fn pool(&self) -> PoolCode {
        self.pool
    }

    /// For which insurance.
    pub fn insurance(&self) -> Insurance {
        self.insurance
    }

    /// What it is called.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// From when to when it is in force.
    pub fn validity(&self) -> Validity {
        self.validity
    }

    /// The lines on which it says from when it is in force, and to when.
    pub fn validity_lines(&self) -> (usize, Option<usize>) {
        self.validity_lines
    }

    /// Which day decides.
    pub fn decision_date(&self) -> DecisionDate {
        self.decision_date.0
    }

    /// Where it says which day decides.
    pub(crate) fn decision_clause(&self) -> Clause {
        self.decision_date.1
    }

    /// Where it says when the benefit year begins.
    pub(crate) fn benefit_year_clause(&self) -> Clause {
        self.benefit_year.1
    }

    /// What happens to outpatient care while the person lies in a hospital.
    pub fn outpatient_during_stay(&self) -> DuringStay {
        self.outpatient_during_stay
    }

    /// The documents that its rules were read in.
    pub fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// Every parameter, in the order of the text.
    pub fn clauses(&self) -> &[ClauseText] {
        &self.clauses
    }

    /// The parameters of which nobody knows a value.
    pub fn unset(&self) -> impl Iterator<Item = &ClauseText> {
        self.clauses.iter().filter(|clause| !clause.unset.is_empty())
    }

    /// The parameter at a place of the text.
    pub fn clause(&self, at: Clause) -> Option<&ClauseText> {
        let position = self.clauses.binary_search_by_key(&at, |clause| clause.at).ok()?;
        self.clauses.get(position)
    }

    /// The worked cases that the book carries.
    pub fn examples(&self) -> &[Example] {
        &self.examples
    }

    /// Works every example and returns those that come out otherwise than the book says, or whose working is wrong.
    pub fn run_examples(&self) -> Vec<Mismatch> {
        self.examples.iter().flat_map(|example| example.run(self)).collect()
    }

    /// What somebody should look at, not wrong in itself: what breaks national ceilings (policy.md A.6), codes of chronic
    /// diseases that look mistyped, assumptions that are not marked so, and a yearly deductible in a book that says nothing
    /// of stays over the end of the year. Each begins with its line.
    pub fn warnings(&self) -> Vec<String> {
        let over_the_year = lint::over_the_year(self).into_iter().collect();
        [lint::national_ceilings(self), lint::diseases(self), lint::assumptions(self), over_the_year].concat()
    }

    /// The benefit year that a day belongs to, named by the calendar year in which it begins.
    pub fn year_of(&self, day: Date) -> BenefitYear {
        BenefitYear::of(day, self.benefit_year.0)
    }

    /// The path of the parameter at a place of the text.
    pub(crate) fn path(&self, at: Clause) -> &str {
        self.clause(at).map_or("?", |clause| &clause.path)
    }

    /// Whether the book tells a special identity apart; another counts as none.
    pub(crate) fn knows(&self, identity: AssistanceClass) -> bool {
        self.admission.identities.has(identity_position(Some(identity)))
    }

    /// The first day of a benefit year.
    pub(crate) fn first_day_of(&self, year: BenefitYear) -> Option<Date> {
        let (month, day) = self.benefit_year.0;
        Date::new(year.0, month, day).ok()
    }

    /// Whether what was used of an insurance counts here: after a change, that of the other may go on to.
    pub(crate) fn counts(&self, insurance: Insurance) -> bool {
        insurance == self.insurance || matches!(self.admission.after_change, Some((AfterChange::Continue, _)))
    }

    /// How a kind of care is paid.
    pub(crate) fn care(&self, care: CareKind) -> &Section<CareRules> {
        &self.care[care as usize]
    }
}
