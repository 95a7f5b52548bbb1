//! The rule books that we ship, read from `deploy/rulebooks`. What a rule means is tested in `tests/steps`.

mod altered;
mod assumed;
mod case_file;
mod examples;
mod keys;
mod properties;
mod shapes;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use settlement::rulebook::RuleBook;

static BOOKS: LazyLock<Vec<(PathBuf, RuleBook)>> = LazyLock::new(|| books("../deploy/rulebooks"));

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

/// The books of a folder, which is given from the crate's own.
fn books(folder: &str) -> Vec<(PathBuf, RuleBook)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
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
