//! The rule books of a folder: read whole, every fault of every book told at once, and what books say against one
//! another. Books of other pools are checked like the rest and then passed over.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use ledger::home::RuleBookText;
use settlement::ids::PoolCode;
use settlement::rulebook::succession::{Found, Weight, between};
use settlement::rulebook::{Fault, RuleBook, RuleBooks, text};

/// Why rule books cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RulesError {
    /// A file or folder cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Books have faults, or contradict one another.
    #[error("{}", Report(.0))]
    Faults(Vec<(PathBuf, Vec<Fault>)>),
}

struct Report<'a>(&'a [(PathBuf, Vec<Fault>)]);

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} rule books have faults", self.0.len())?;
        for (path, faults) in self.0 {
            faults.iter().try_for_each(|fault| write!(f, "\n  {}:{fault}", path.display()))?;
        }
        Ok(())
    }
}

/// The books of some pools, and their texts.
#[derive(Clone)]
pub struct Rules {
    /// Ready to decide.
    pub books: RuleBooks,
    /// To be kept with what they decide.
    pub texts: Vec<RuleBookText>,
}

/// Reads the books of some pools from a folder and the folders in it.
///
/// # Errors
/// When something cannot be read, and every fault of every book; books of one pool and insurance that are in force on
/// the same day by their own words are faults too. A day without a book is none: it is logged.
pub fn read(folder: &Path, pools: &BTreeSet<PoolCode>) -> Result<Rules, RulesError> {
    let (mut books, mut faulty) = (Vec::new(), BTreeMap::<PathBuf, Vec<Fault>>::new());
    for path in files(folder)? {
        let bytes = fs::read(&path).map_err(|source| RulesError::Read { path: path.clone(), source })?;
        match read_book(bytes) {
            Ok((book, content)) => books.push((path, book, content)),
            Err(faults) => drop(faulty.insert(path, faults)),
        }
    }
    let named: Vec<(String, &RuleBook)> =
        books.iter().map(|(path, book, _)| (path.display().to_string(), book)).collect();
    for Found { book, weight, fault } in between(&named) {
        let (path, about, _) = &books[book];
        match weight {
            Weight::Contradiction => faulty.entry(path.clone()).or_default().push(fault),
            Weight::Hole if pools.contains(&about.pool()) => tracing::warn!("{}: {fault}", path.display()),
            Weight::Hole => {}
        }
    }
    if !faulty.is_empty() {
        return Err(RulesError::Faults(faulty.into_iter().collect()));
    }
    let mut rules = Rules { books: RuleBooks::default(), texts: Vec::new() };
    let own = books.into_iter().filter(|(_, book, _)| pools.contains(&book.pool()));
    own.for_each(|(_, book, content)| rules.add(book, content));
    Ok(rules)
}

fn read_book(bytes: Vec<u8>) -> Result<(RuleBook, String), Vec<Fault>> {
    let content = text::read(bytes).map_err(|fault| vec![fault])?;
    Ok((RuleBook::parse(&content)?, content))
}

impl Rules {
    fn add(&mut self, book: RuleBook, content: String) {
        let (hash, home, insurance) = (book.hash(), book.pool(), book.insurance());
        // The same text in two files is one book.
        if self.books.by_hash(hash).is_some() {
            return;
        }
        self.texts.push(RuleBookText { hash, home, insurance, content });
        self.books.insert(book);
    }
}

fn files(folder: &Path) -> Result<Vec<PathBuf>, RulesError> {
    let failed = |source| RulesError::Read { path: folder.to_owned(), source };
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "toml") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
