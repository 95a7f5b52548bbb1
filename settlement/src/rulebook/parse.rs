//! Reads a rule book from its text and reports every fault at once.
//! `rows.rs` reads conditions and rows, `unmet.rs` finds those that nothing meets, `diseases.rs` finds the codes of chronic diseases wherever they are named,
//! `places.rs` reads named areas, `admission.rs` who is let in, `care.rs` the kinds of
//! care, `caps.rs` caps, `layers.rs` what pays after the basic fund, `examples.rs` the worked cases, `lines.rs` their
//! bills by charge line, `working.rs` how they were worked by hand, `case.rs` a case in a file of its own.

mod admission;
mod caps;
mod care;
mod case;
mod deductible;
mod diseases;
mod examples;
mod history;
mod layers;
mod lines;
mod places;
mod rows;
mod unmet;
mod working;

use std::cell::RefCell;
use std::collections::{BTreeSet, HashSet};

use jiff::civil::Date;
use sha2::{Digest, Sha256};
use toml::de::DeTable;

pub(super) use self::case::read_case;
use self::examples::Home;
use self::rows::Needed;
use crate::encounter::{CareKind, HospitalLevel};
use crate::ids::{PoolCode, RegionCode};
use crate::person::Validity;
use crate::rulebook::check::Scope;
use crate::rulebook::clause::{Clause, ClauseText, Source, Trust};
use crate::rulebook::conditions::{Cases, Conditions};
use crate::rulebook::places::Places;
use crate::rulebook::sections::{CrossYear, DecisionDate, DuringStay, FirstSelfPay, InterimDeductible, Rounding};
use crate::rulebook::table::Table;
use crate::rulebook::word::Word;
use crate::rulebook::{RuleBook, RuleBookHash};
use crate::spanned::{Asked, Fault, Node, Report};

/// What the readers of all sections share: the sources, and the clauses found so far.
struct Parser<'a> {
    report: &'a Report,
    /// The whole book as it is written; none for a case in a file of its own.
    book: Option<&'a DeTable<'a>>,
    scope: Scope,
    sources: Vec<Source>,
    clauses: RefCell<Vec<ClauseText>>,
}

/// Reads a rule book.
///
/// # Errors
/// Every fault, by line.
pub(super) fn parse(text: &str) -> Result<RuleBook, Vec<Fault>> {
    let report = Report::on(text);
    match read(text, &report) {
        Some(book) if report.count() == 0 => Ok(book),
        _ => Err(report.into_faults()),
    }
}

/// What reading a text asks for, faults or not.
pub(super) fn asked(text: &str) -> BTreeSet<Asked> {
    let report = Report::noting(text);
    let _ = read(text, &report);
    report.into_asked()
}

fn read(text: &str, report: &Report) -> Option<RuleBook> {
    let (tree, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let byte = error.span().map_or(0, |span| span.start);
        report.fault(byte, "TOML", error.message());
    }
    let root = Node::root(report, &tree);
    let scope = Scope {
        insurance: root.required_word("insurance"),
        identities: admission::identities(tree.get_ref()),
        diseases: diseases::declared(tree.get_ref()),
        places: Places::default(),
        levels: Cases::ANY,
    };
    let (book, sources, clauses) = (Some(tree.get_ref()), sources(&root), RefCell::default());
    let mut parser = Parser { report, book, scope, sources, clauses };
    parser.scope.places = parser.places(&root);
    let level_as = parser.level_as(&root);
    parser.scope.levels = level_as.as_ref().map_or(Cases::ANY, levels_left);
    let book = parser.book(&root, level_as, RuleBookHash(Sha256::digest(text).into()));
    root.finish();
    book
}

fn sources(root: &Node<'_>) -> Vec<Source> {
    let mut sources: Vec<Source> = Vec::new();
    for node in root.tables("source") {
        let id = node.required_text("id");
        let document = node.required_text("document");
        let article = node.text("article").map(str::to_owned);
        if let (Some(id), Some(document)) = (id, document) {
            if sources.iter().any(|source| source.id == id) {
                node.fault_at("id", format!("{id} stands twice"));
            }
            sources.push(Source { id: id.to_owned(), document: document.to_owned(), article });
        }
        node.finish();
    }
    sources
}

impl Parser<'_> {
    /// Every section is read before any of them may fail, so that no fault hides another.
    fn book(self, root: &Node<'_>, level_as: Option<Table<HospitalLevel>>, hash: RuleBookHash) -> Option<RuleBook> {
        let pool = root.required_form("pool", "a code of six digits", |code| RegionCode::new(code).ok().map(PoolCode));
        let title = root.required_text("title");
        let validity = validity(root);
        let line = |key| root.byte_of(key).map(|byte| self.report.line(byte));
        let validity_lines = (line("from").unwrap_or(1), line("to"));
        let decision_date = self.choice::<DecisionDate>(root, "decision_date", "date");
        let benefit_year = self.benefit_year(root);
        let during_stay = self.choice::<DuringStay>(root, "outpatient_during_stay", "rule");
        let interim = self.choice::<InterimDeductible>(root, "interim_stay", "deductible");
        let cross_year = root.has("cross_year").then(|| self.choice::<CrossYear>(root, "cross_year", "deductible"));
        let first_self_pay = self.first_self_pay(root);
        let unfiled = self.unfiled(root);
        let admission = self.admission(root);
        let off_site = self.off_site(root);
        let care = CareKind::ALL.map(|care| self.care(root, care));
        let caps = self.caps(root);
        let large_sum = self.large_sum(root);
        let catastrophic = self.catastrophic(root);
        let civil_servant = self.civil_servant(root);
        let assistance = self.assistance(root);
        let account = self.account(root);
        let rounding = if root.has("rounding") { root.word("rounding") } else { Some(Rounding::FundTotal) };
        let carried = admission.as_ref().map_or(Cases::NONE, |admission| admission.carried);
        let home = || {
            let (insurance, benefit_year) = (self.scope.insurance?, benefit_year?.0);
            let needs_class_b = first_self_pay?.0 != FirstSelfPay::Sent;
            let in_force = validity.zip(decision_date.map(|(date, _)| date));
            Some(Home { pool: pool?, insurance, benefit_year, needs_class_b, carried, in_force })
        };
        let examples = self.examples(root, home());
        let diseases = diseases::named(root.table, self.report);
        let [inpatient, chronic, outpatient, purchase] = care;
        let mut clauses = self.clauses.into_inner();
        clauses.sort_by_key(|clause| clause.at);
        Some(RuleBook {
            hash,
            pool: pool?,
            insurance: self.scope.insurance?,
            title: title?.to_owned(),
            validity: validity?,
            validity_lines,
            decision_date: decision_date?,
            benefit_year: benefit_year?,
            rounding: rounding?,
            outpatient_during_stay: during_stay?.0,
            interim_deductible: interim?,
            cross_year: cross_year.map_or(Some(None), |stated| stated.map(Some))?,
            level_as: level_as?,
            first_self_pay: first_self_pay?,
            unfiled: unfiled?,
            admission: admission?,
            off_site: off_site?,
            care: [inpatient?, chronic?, outpatient?, purchase?],
            caps: caps?,
            large_sum: large_sum?,
            catastrophic: catastrophic?,
            civil_servant: civil_servant?,
            assistance: assistance?,
            account: account?,
            sources: self.sources,
            clauses,
            diseases,
            examples,
        })
    }

    /// `[[level_as]]`: institutions of a level that are treated as of another. No other table has to cover the levels
    /// that are gone by that.
    fn level_as(&self, root: &Node<'_>) -> Option<Table<HospitalLevel>> {
        self.rows(root, "level_as", Needed::Sometimes, |row| {
            if !row.has("level") {
                row.fault_at("level", "is missing: name the levels that count as another");
            }
            row.required_word::<HospitalLevel>("as")
        })
    }

    /// Reads `source`, `trust`, `clause` of a row or table, and remembers the clause under its path.
    fn clause(&self, node: &Node<'_>) -> Option<Clause> {
        let source = node.required_text("source");
        let trust = node.required_word::<Trust>("trust");
        let text = node.text("clause").map(str::to_owned);
        let at = node.byte_of("id").or(node.byte_of("source")).unwrap_or(node.byte());
        let position = source.and_then(|id| {
            let position = self.sources.iter().position(|source| source.id == id);
            if position.is_none() {
                node.fault_at("source", format!("no [[source]] has the id {id}"));
            }
            position
        });
        let at = Clause(u32::try_from(at).ok()?);
        let (path, line, unset) = (node.path().to_owned(), self.report.line(at.0 as usize), node.unset_keys());
        let clause = ClauseText { at, line, path, source: position?, trust: trust?, text, unset };
        self.clauses.borrow_mut().push(clause);
        Some(at)
    }

    /// A table with one word in it, which may be absent. The outer `None` only after a fault.
    fn optional_choice<T: Word>(
        &self,
        root: &Node<'_>,
        table: &'static str,
        key: &'static str,
    ) -> Option<Option<(T, Clause)>> {
        if root.has(table) { self.choice(root, table, key).map(Some) } else { Some(None) }
    }

    /// A table with one word in it.
    fn choice<T: Word>(&self, root: &Node<'_>, table: &'static str, key: &'static str) -> Option<(T, Clause)> {
        let node = root.required_table(table)?;
        let value = node.required_word(key);
        let clause = self.clause(&node);
        node.finish();
        Some((value?, clause?))
    }

    /// `[benefit_year] starts = "01-01"`: month and day.
    fn benefit_year(&self, root: &Node<'_>) -> Option<((i8, i8), Clause)> {
        let node = root.required_table("benefit_year")?;
        let starts = node.required_form("starts", "a month and day such as 07-01", |text| {
            let (month, day) = month_and_day(text)?;
            // A benefit year that began on 29 February would not begin in most years.
            Date::new(2001, month, day).is_ok().then_some((month, day))
        });
        let clause = self.clause(&node);
        node.finish();
        Some((starts?, clause?))
    }

    fn first_self_pay(&self, root: &Node<'_>) -> Option<(FirstSelfPay, Clause)> {
        let node = root.required_table("first_self_pay")?;
        let rule = match (node.flag("accept_sent"), node.ratio("ratio", 1)) {
            (true, None) => Some(FirstSelfPay::Sent),
            (false, Some(ratio)) => Some(FirstSelfPay::Own(ratio)),
            (true, Some(_)) | (false, None) => {
                node.fault("needs either accept_sent = true or a ratio of its own");
                None
            }
        };
        let clause = self.clause(&node);
        node.finish();
        Some((rule?, clause?))
    }
}

/// Reads `04-01`, whether there is such a day or not.
fn month_and_day(text: &str) -> Option<(i8, i8)> {
    let (month, day) = text.split_once('-')?;
    Some((month.parse().ok()?, day.parse().ok()?))
}

fn validity(root: &Node<'_>) -> Option<Validity> {
    let (from, to) = (root.required_date("from"), root.date("to"));
    let validity = Validity { from: from?, to };
    if to.is_some_and(|to| to < validity.from) {
        root.fault_at("to", "lies before from");
    }
    Some(validity)
}

/// Reports ids that stand twice among rows that were read.
fn unique_ids<'n, 'a: 'n>(nodes: impl IntoIterator<Item = &'n Node<'a>>) {
    let mut seen = HashSet::new();
    for node in nodes {
        if node.has("id") && !seen.insert(node.path().to_owned()) {
            node.fault_at("id", "stands twice in this table");
        }
    }
}

/// The levels that other tables have to cover: none that counts as another whatever else holds.
fn levels_left(level_as: &Table<HospitalLevel>) -> Cases {
    let whole = |when: &Conditions| Conditions { level: Cases::ANY, ..when.clone() } == Conditions::ANY;
    let gone = |level: &HospitalLevel| {
        level_as.rows.iter().any(|row| whole(&row.when) && row.when.level.has(*level as usize) && row.value != *level)
    };
    Cases::at(HospitalLevel::ALL.into_iter().filter(|level| !gone(level)).map(|level| level as usize))
}
