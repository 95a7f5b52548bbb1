//! The rule books that we ship: each has no fault, and each example in each comes out as it says. Reads
//! `deploy/rulebooks`; what the rules themselves mean is tested beside the engine.

use std::fs;
use std::path::{Path, PathBuf};

use settlement::rulebook::RuleBook;

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "toml") {
            found.push(path);
        }
    }
    found
}

fn books() -> Vec<(PathBuf, RuleBook)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/rulebooks");
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).expect("a text");
        match RuleBook::parse(&text) {
            Ok(book) => (path, book),
            Err(faults) => {
                let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
                panic!("{}:\n{}", path.display(), faults.join("\n"));
            }
        }
    };
    files(&folder).into_iter().map(read).collect()
}

#[test]
fn every_example_of_every_book_comes_out_as_the_book_says() {
    let mut mismatches = Vec::new();
    for (path, book) in books() {
        assert!(book.examples().len() >= 3, "{}: only {} examples", path.display(), book.examples().len());
        mismatches.extend(book.run_examples().into_iter().map(|mismatch| format!("{}: {mismatch}", path.display())));
    }
    assert!(mismatches.is_empty(), "\n{}", mismatches.join("\n"));
}
