//! How the books of one pool and insurance follow one another: what each says of its own days, held against the others.
//! [`RuleBooks`](super::RuleBooks) takes the book that took force last; here is found where nobody can tell which that
//! is, where a book is replaced before its own end, and where none is in force. `yidi rulebook check` and a region ask.

use std::collections::BTreeMap;

use jiff::civil::Date;

use crate::rulebook::RuleBook;
use crate::spanned::Fault;

/// What was found between two books.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The position of the book that it is told of, the later of the two.
    pub book: usize,
    /// Whether the books can decide nevertheless.
    pub weight: Weight,
    /// The line and key of that book; the problem names the other file and its line.
    pub fault: Fault,
}

/// What something between two books means for settlements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// They contradict one another: on some day both are in force by their own words.
    Contradiction,
    /// On some day none is in force, or an old one is again. It may be meant.
    Hole,
}

/// Holds books against one another, each with the name of its file. Books of several pools and insurances may be among
/// them; one that stands twice with the same text counts once. A book without an end ends where a later one begins.
/// In the order of pools, insurances and first days.
///
/// ```
/// use settlement::rulebook::RuleBook;
/// use settlement::rulebook::succession::between;
/// let text = include_str!(concat!(
///     env!("CARGO_MANIFEST_DIR"),
///     "/../deploy/rulebooks/410700-xinxiang/employee-2024-01-01.toml"
/// ));
/// let read = |text: &str| RuleBook::parse(text).expect("a book without faults");
/// let (one, two) = (read(text), read(&format!("{text}\n# as it was sent again")));
/// let found = between(&[("one.toml".to_owned(), &one), ("two.toml".to_owned(), &two)]);
/// assert_eq!((found[0].book, found[0].fault.path.as_str()), (1, "from"));
/// ```
pub fn between(books: &[(String, &RuleBook)]) -> Vec<Found> {
    let mut homes = BTreeMap::<_, Vec<Dated<'_>>>::new();
    for (position, (name, book)) in books.iter().enumerate() {
        let known = homes.entry((book.pool(), book.insurance().word())).or_default();
        if known.iter().all(|dated| dated.book.hash() != book.hash()) {
            known.push(Dated { position, name, book });
        }
    }
    homes.into_values().flat_map(in_succession).collect()
}

/// A book and what its file is called.
struct Dated<'b> {
    position: usize,
    name: &'b str,
    book: &'b RuleBook,
}

impl Dated<'_> {
    fn from(&self) -> Date {
        self.book.validity().from
    }

    fn to(&self) -> Option<Date> {
        self.book.validity().to
    }

    /// A fault of this book at its first day, or at its last.
    fn found(&self, path: &str, weight: Weight, problem: String) -> Found {
        let (from, to) = self.book.validity_lines();
        let line = if path == "to" { to.unwrap_or(from) } else { from };
        Found { book: self.position, weight, fault: Fault { line, path: path.to_owned(), problem } }
    }

    /// Its file, and the line that says until when it is in force, or else from when.
    fn at(&self) -> String {
        let (from, to) = self.book.validity_lines();
        format!("{} (line {})", self.name, to.unwrap_or(from))
    }
}

fn in_succession(mut books: Vec<Dated<'_>>) -> Vec<Found> {
    books.sort_by_key(Dated::from);
    let mut found = Vec::new();
    for (place, book) in books.iter().enumerate() {
        let (before, after) = (&books[..place], &books[place + 1..]);
        found.extend(before.iter().filter_map(|earlier| contradiction(earlier, book)));
        found.extend(nobody_before(before, book));
        found.extend(again_after(before, book, after));
    }
    found
}

fn contradiction(earlier: &Dated<'_>, later: &Dated<'_>) -> Option<Found> {
    let from = later.from();
    if earlier.from() == from {
        let (line, _) = earlier.book.validity_lines();
        let problem = format!(
            "{from} is also the first day of {} (line {line}): nothing says which of the two books decides; \
             take one of them away, or give it other days",
            earlier.name
        );
        return Some(later.found("from", Weight::Contradiction, problem));
    }
    let end = earlier.to().filter(|end| *end >= from)?;
    let until = later.to().map_or(end, |to| to.min(end));
    let problem = format!(
        "overlaps {}, which is in force to {end}: both books say that they are in force from {from} to {until}; end \
         the earlier one on {}",
        earlier.at(),
        eve(from)
    );
    Some(later.found("from", Weight::Contradiction, problem))
}

/// Days without a book before one begins. What comes before the first book is no gap.
fn nobody_before(before: &[Dated<'_>], book: &Dated<'_>) -> Option<Found> {
    // Of several books from one day the first tells it.
    if before.last()?.from() == book.from() {
        return None;
    }
    let ends = before.iter().map(|earlier| Some((earlier.to()?, earlier))).collect::<Option<Vec<_>>>()?;
    let (end, earlier) = ends.into_iter().max_by_key(|(end, _)| *end)?;
    let first = end.tomorrow().ok().filter(|first| *first < book.from())?;
    let problem = format!(
        "no book is in force from {first} to {}, after {}: every settlement that those days decide is refused",
        eve(book.from()),
        earlier.at()
    );
    Some(book.found("from", Weight::Hole, problem))
}

/// An earlier book without an end is in force again after a later one that has ended.
fn again_after(before: &[Dated<'_>], book: &Dated<'_>, after: &[Dated<'_>]) -> Option<Found> {
    let earlier = before.iter().rev().find(|earlier| earlier.to().is_none() && earlier.from() < book.from())?;
    let first = book.to()?.tomorrow().ok()?;
    if after.iter().any(|next| next.from() <= first && next.to().is_none_or(|to| to >= first)) {
        return None;
    }
    let problem = format!(
        "from {first} on {}, which has no to, is in force again; if that is not meant, end it on {}",
        earlier.at(),
        eve(book.from())
    );
    Some(book.found("to", Weight::Hole, problem))
}

fn eve(day: Date) -> Date {
    day.yesterday().unwrap_or(day)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOOK: &str = include_str!("../../../deploy/rulebooks/410700-xinxiang/employee-2024-01-01.toml");

    /// Books of Xinxiang's employees, each with its days and no example.
    fn found(days: &[(&str, &str)]) -> Vec<String> {
        let rules = BOOK.split("[[example]]").next().expect("what stands before the examples");
        let book = |(number, (from, to)): (usize, &(&str, &str))| {
            let to = if to.is_empty() { String::new() } else { format!("to = {to}\n") };
            let text = rules.replacen("from = 2024-01-01\n", &format!("from = {from}\n{to}"), 1);
            let book = RuleBook::parse(&text).unwrap_or_else(|faults| panic!("{from}: {faults:?}"));
            (format!("{number}.toml"), book)
        };
        let books: Vec<(String, RuleBook)> = days.iter().enumerate().map(book).collect();
        let named: Vec<(String, &RuleBook)> = books.iter().map(|(name, book)| (name.clone(), book)).collect();
        let told = |found: &Found| {
            let line = BOOK.lines().position(|line| line.starts_with("from = ")).expect("it begins") + 1;
            assert!(found.fault.line == if found.fault.path == "to" { line + 1 } else { line }, "{found:?}");
            let weight = match found.weight {
                Weight::Contradiction => "✗",
                Weight::Hole => "?",
            };
            format!("{weight} {} {}: {}", found.book, found.fault.path, found.fault.problem)
        };
        between(&named).iter().map(told).collect()
    }

    /// (days of books in the order of their files, parts of what is found)
    #[test]
    fn books_follow_one_another_or_it_is_told_where_not() {
        for (days, expected) in [
            (&[("2023-01-01", "2023-12-31"), ("2024-01-01", "")][..], &[][..]),
            // A later book replaces one without an end.
            (&[("2023-01-01", ""), ("2024-01-01", "")], &[]),
            (&[("2024-01-01", ""), ("2023-01-01", "")], &[]),
            // The same text twice counts once.
            (&[("2024-01-01", ""), ("2024-01-01", "")], &[]),
            (
                &[("2024-01-01", ""), ("2024-01-01", "2024-12-31")],
                &["✗ 1 from: 2024-01-01 is also the first day of 0.toml (line "],
            ),
            (
                &[("2024-01-01", ""), ("2023-01-01", "2024-06-30")],
                &["✗ 0 from: overlaps 1.toml (line ", "to 2024-06-30", "from 2024-01-01 to 2024-06-30", "2023-12-31"],
            ),
            (
                &[("2023-01-01", "2025-12-31"), ("2024-01-01", "2024-06-30")],
                &["✗ 1 from: overlaps 0.toml (line ", "from 2024-01-01 to 2024-06-30"],
            ),
            (
                &[("2023-01-01", "2023-12-30"), ("2024-01-01", "")],
                &["? 1 from: no book is in force from 2023-12-31 to 2023-12-31, after 0.toml (line "],
            ),
            (
                &[("2022-01-01", ""), ("2023-01-01", "2023-12-31"), ("2024-02-01", "")],
                &["? 1 to: from 2024-01-01 on 0.toml (line ", "end it on 2022-12-31"],
            ),
            (&[("2022-01-01", ""), ("2023-01-01", "2023-12-31"), ("2024-01-01", "")], &[]),
        ] {
            let told = found(days);
            assert_eq!(told.len(), usize::from(!expected.is_empty()), "{days:?}: {told:#?}");
            for part in expected {
                assert!(told[0].contains(part), "{days:?}: {part} is not in {told:#?}");
            }
        }
    }
}
