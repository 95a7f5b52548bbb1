//! The demo's files as far as its figures come from them: expected settlements, rule books, catalogue, postings, and
//! the hospitals' messages as plain text. Finds what stands at a place; judges nothing. Used by `demo_arithmetic.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use rust_decimal::Decimal;
use toml::{Table, Value};
use world::plain_toml::{at_path, decimal, money, tables, text};

/// One expected settlement or estimate.
pub struct Settlement {
    /// The story's file without its ending.
    pub story: String,
    /// The step of the story.
    pub step: String,
    /// The working, line by line.
    pub working: Vec<Table>,
    rule_book: String,
    sums: Table,
}

impl Settlement {
    /// A sum of the settlement.
    pub fn figure(&self, name: &str) -> Decimal {
        money(text(&self.sums, name)).unwrap_or_else(|| panic!("{}/{}: {name} is not a sum", self.story, self.step))
    }

    /// What the working says of a result.
    pub fn worked_out(&self, result: &str) -> Option<Decimal> {
        let line = self.working.iter().find(|line| text(line, "result") == result)?;
        money(text(line, "equals"))
    }

    /// What a line may build on: the results of the lines above it.
    fn above(&self, line: &Table, result: &str) -> Option<Decimal> {
        let mut above = self.working.iter().take_while(|other| text(other, "result") != text(line, "result"));
        above.find(|other| text(other, "result") == result).and_then(|other| money(text(other, "equals")))
    }
}

/// An insurance that rule books are shipped for, and what the demo has of it.
pub struct Insurance {
    /// Its books' folder and the kind of insurance, such as `410700-xinxiang/employee`.
    pub name: String,
    /// How many people have it, now or at another time.
    pub people: usize,
    /// How many settlements are expected by its books; estimates are none.
    pub settled: usize,
}

/// The files.
pub struct Demo {
    settlements: BTreeMap<(String, String), Settlement>,
    messages: BTreeMap<String, String>,
    books: BTreeMap<String, Table>,
    catalogue: Vec<BTreeMap<String, String>>,
    postings: Vec<BTreeMap<String, String>>,
}

impl Demo {
    /// Reads all of them.
    pub fn load() -> Demo {
        let deploy = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy");
        let folder = deploy.join("demo");
        let (catalogue, postings) = (csv(&folder.join("catalogue.csv")), csv(&folder.join("postings.csv")));
        let (settlements, messages, books) = Default::default();
        let mut demo = Demo { settlements, messages, books, catalogue, postings };
        for file in files(&folder.join("expected")) {
            let story = file.file_stem().and_then(|stem| stem.to_str()).expect("a readable name");
            demo.messages.insert(story.to_owned(), read(&folder.join("requests").join(format!("{story}.json"))));
            for settlement in settlements_in(story, &toml(&file)) {
                let book = || toml(&deploy.join("rulebooks").join(&settlement.rule_book));
                demo.books.entry(settlement.rule_book.clone()).or_insert_with(book);
                let key = (story.to_owned(), settlement.step.clone());
                assert!(demo.settlements.insert(key, settlement).is_none(), "{story} has a step twice");
            }
        }
        demo
    }

    /// Every expected settlement.
    pub fn settlements(&self) -> impl Iterator<Item = &Settlement> {
        self.settlements.values()
    }

    /// The rule book of a settlement.
    pub fn book(&self, settlement: &Settlement) -> &Table {
        &self.books[&settlement.rule_book]
    }

    /// Every insurance that a rule book is shipped for.
    pub fn insurances(&self) -> Vec<Insurance> {
        let deploy = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy");
        let books = files(&deploy.join("rulebooks")).into_iter().filter(|folder| folder.is_dir());
        let names: BTreeSet<String> = books.flat_map(|folder| files(&folder)).map(|book| insurance_of(&book)).collect();
        let people = csv(&deploy.join("demo/people/people.csv"));
        let entitlements = csv(&deploy.join("demo/people/entitlements.csv"));
        let insurance = |name: String| {
            let (folder, kind) = name.split_once('/').expect("a folder and a kind");
            let pool = folder.split('-').next().unwrap_or(folder);
            let here = |number: &str| row(&people, &[("psn_no", number), ("home", pool)]).is_some();
            let held = entitlements.iter().filter(|row| row["insurance"] == kind).map(|row| row["psn_no"].as_str());
            let insured: BTreeSet<&str> = held.filter(|number| here(number)).collect();
            let by_its_books = |settlement: &&Settlement| insurance_of(Path::new(&settlement.rule_book)) == name;
            let settled = self.settlements().filter(by_its_books);
            let settled = settled.filter(|settlement| !settlement.step.starts_with("estimate")).count();
            Insurance { people: insured.len(), settled, name }
        };
        names.into_iter().map(insurance).collect()
    }

    /// Whether an operand's value stands where its `from` says.
    pub fn stands(&self, settlement: &Settlement, line: &Table, operand: &Table) -> Result<(), String> {
        let (shown, from) = (text(operand, "text"), text(operand, "from"));
        let field = operand.get("field").and_then(Value::as_str);
        if from == "charge" {
            return self.charged(settlement, field, shown);
        }
        let stands = match from.split_once(':') {
            Some(("catalogue", place)) => self.catalogued(place, field),
            Some(("posting", place)) => self.posted(place),
            Some(("earlier", place)) => self.settled(place),
            Some((other, _)) => return Err(format!("what is {other}?")),
            None if field.is_some() => at_path(self.book(settlement), from).and_then(|row| decimal(row.get(field?)?)),
            None => settlement.above(line, from),
        };
        match stands {
            Some(value) if Ok(value) == shown.parse() => Ok(()),
            Some(value) => Err(format!("there stands {value}")),
            None => Err("there is no such figure".to_owned()),
        }
    }

    /// A figure of a charge is one that the hospital's message carries, as a number or as a text.
    fn charged(&self, settlement: &Settlement, field: Option<&str>, shown: &str) -> Result<(), String> {
        let field = field.ok_or("which field?")?;
        let ends = |rest: &str| rest.starts_with([',', ' ', '\n', '}']);
        let message = &self.messages[&settlement.story];
        let forms = [format!("\"{field}\": {shown}"), format!("\"{field}\": \"{shown}\"")];
        let carried = forms.iter().any(|form| message.split(form.as_str()).skip(1).any(ends));
        if carried { Ok(()) } else { Err(format!("no message has this {field}")) }
    }

    /// `<pool>/<code>@<valid from>`.
    fn catalogued(&self, place: &str, field: Option<&str>) -> Option<Decimal> {
        let (pool, rest) = place.split_once('/')?;
        let (code, from) = rest.split_once('@')?;
        row(&self.catalogue, &[("pool", pool), ("code", code), ("valid_from", from)])?.get(field?)?.parse().ok()
    }

    /// `<id>.<column>`; what was cancelled counts no more.
    fn posted(&self, place: &str) -> Option<Decimal> {
        let (id, column) = place.rsplit_once('.')?;
        let cancelled = row(&self.postings, &[("cancels", id)]).is_some();
        row(&self.postings, &[("id", id)]).filter(|_| !cancelled)?.get(column)?.parse().ok()
    }

    /// `<story>/<step>.<result>`.
    fn settled(&self, place: &str) -> Option<Decimal> {
        let (step, result) = place.rsplit_once('.')?;
        let (story, step) = step.split_once('/')?;
        let earlier = self.settlements.get(&(story.to_owned(), step.to_owned()))?;
        let summed = || earlier.sums.get(result).and_then(Value::as_str).and_then(money);
        earlier.worked_out(result).or_else(summed)
    }
}

/// Folder and kind of insurance of a book such as `rulebooks/410700-xinxiang/employee-2024-01-01.toml`.
fn insurance_of(book: &Path) -> String {
    let part =
        |part: Option<&std::ffi::OsStr>| part.and_then(|name| name.to_str()).expect("a readable name").to_owned();
    let file = part(book.file_name());
    let kind = file.split('-').next().unwrap_or(&file);
    format!("{}/{kind}", part(book.parent().and_then(Path::file_name)))
}

fn settlements_in(story: &str, expected: &Table) -> Vec<Settlement> {
    let settlement = |sums: &Table| Settlement {
        story: story.to_owned(),
        step: text(sums, "step").to_owned(),
        rule_book: text(sums, "rule_book").to_owned(),
        working: tables(sums, "working").cloned().collect(),
        sums: sums.clone(),
    };
    tables(expected, "settlement").map(settlement).collect()
}

fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

fn toml(file: &Path) -> Table {
    read(file).parse().unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    entries.map(|entry| entry.expect("a readable folder").path()).collect()
}

/// Rows by column name. The demo's CSV files quote nothing.
fn csv(file: &Path) -> Vec<BTreeMap<String, String>> {
    let content = read(file);
    let mut lines = content.lines();
    let names: Vec<String> = lines.next().expect("a header").split(',').map(str::to_owned).collect();
    lines.map(|line| names.iter().cloned().zip(line.split(',').map(str::to_owned)).collect()).collect()
}

fn row<'a>(rows: &'a [BTreeMap<String, String>], wanted: &[(&str, &str)]) -> Option<&'a BTreeMap<String, String>> {
    rows.iter().find(|row| wanted.iter().all(|(column, value)| row.get(*column).is_some_and(|found| found == value)))
}
