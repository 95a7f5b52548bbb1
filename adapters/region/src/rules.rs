//! The rule books of a folder: read whole, every fault of every book told at once. Books of other pools are checked
//! like the rest and then passed over.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use ledger::home::RuleBookText;
use settlement::ids::PoolCode;
use settlement::rulebook::{Fault, RuleBook, RuleBooks};

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
    /// Books have faults.
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
/// When something cannot be read, and every fault of every book.
pub fn read(folder: &Path, pools: &BTreeSet<PoolCode>) -> Result<Rules, RulesError> {
    let mut rules = Rules { books: RuleBooks::default(), texts: Vec::new() };
    let mut faulty = Vec::new();
    for path in files(folder)? {
        let content = fs::read_to_string(&path).map_err(|source| RulesError::Read { path: path.clone(), source })?;
        match RuleBook::parse(&content) {
            Ok(book) if pools.contains(&book.pool()) => rules.add(book, content),
            Ok(_) => {}
            Err(faults) => faulty.push((path, faults)),
        }
    }
    if faulty.is_empty() { Ok(rules) } else { Err(RulesError::Faults(faulty)) }
}

impl Rules {
    fn add(&mut self, book: RuleBook, content: String) {
        let (hash, home, insurance) = (book.hash(), book.pool(), book.insurance());
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
