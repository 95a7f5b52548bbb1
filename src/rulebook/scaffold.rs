//! `yidi rulebook new`: a book to begin with. It has every section that a book needs, passes `check`, knows nothing
//! (`"unset"`, `assumed`), and says by its comments what belongs where. Settling by it is refused wherever it matters.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use jiff::civil::Date;
use serde_json::json;
use settlement::ids::RegionCode;
use settlement::person::Insurance;
use settlement::rulebook::{RuleBook, Trust};

use crate::output;

/// The sections of every book.
const BOOK: &str = include_str!("scaffold.toml");
/// What only employees have.
const EMPLOYEE: &str = include_str!("scaffold-employee.toml");
/// What stands in its place for residents.
const RESIDENT: &str = include_str!("scaffold-resident.toml");
/// Where it goes.
const LAYERS: &str = "#layers#\n";

/// What book to begin.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The pool whose rules they are, six digits.
    #[arg(long)]
    pool: String,
    /// For which insurance: employee or resident.
    #[arg(long, value_parser = insurance)]
    insurance: Insurance,
    /// From when on it is in force.
    #[arg(long, default_value = "2025-01-01")]
    from: Date,
    /// What it is called.
    #[arg(long)]
    title: Option<String>,
    /// The file to write; it must not be there yet. Without it the book is printed.
    #[arg(long)]
    out: Option<PathBuf>,
    /// As JSON: the file or the text, and what is to be filled in.
    #[arg(long)]
    json: bool,
}

fn insurance(word: &str) -> Result<Insurance, String> {
    Insurance::from_word(word).ok_or_else(|| "is neither employee nor resident".to_owned())
}

/// Runs the command.
///
/// # Errors
/// When the pool is no code, or the file is there already.
pub fn run(arguments: &Arguments) -> Result<()> {
    let text = text(arguments)?;
    let book = RuleBook::parse(&text).or_else(|faults| bail!("the scaffold has {} faults", faults.len()))?;
    let unset: Vec<String> =
        book.unset().flat_map(|clause| clause.unset.iter().map(|field| format!("{}.{field}", clause.path))).collect();
    let assumed: Vec<&str> = book
        .clauses()
        .iter()
        .filter(|clause| clause.trust == Trust::Assumed && clause.unset.is_empty())
        .map(|clause| clause.path.as_str())
        .collect();
    if let Some(file) = &arguments.out {
        let mut created = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(file)
            .with_context(|| format!("cannot make {}", file.display()))?;
        created.write_all(text.as_bytes()).with_context(|| format!("cannot write {}", file.display()))?;
    }
    if arguments.json {
        let printed = arguments.out.is_none().then_some(&text);
        let told = json!({ "file": arguments.out, "text": printed, "unset": unset, "assumed": assumed });
        output::line(&serde_json::to_string_pretty(&told)?);
        return Ok(());
    }
    match &arguments.out {
        Some(file) => output::line(&file.display().to_string()),
        None => output::line(&text),
    }
    output::note(&format!("to be filled in, nobody knows it yet: {}", unset.join(", ")));
    output::note(&format!("to be looked at, assumed: {}", assumed.join(", ")));
    output::note(
        "then: yidi rulebook check FILE, an [[example]] worked by hand for each rule, yidi rulebook test FILE",
    );
    Ok(())
}

fn text(arguments: &Arguments) -> Result<String> {
    let pool = RegionCode::new(&arguments.pool).with_context(|| format!("{} is no pool", arguments.pool))?;
    let name = arguments.insurance.name();
    let title = arguments.title.clone().unwrap_or_else(|| format!("{pool} {name}医疗保险待遇"));
    ensure!(!title.contains(['"', '\\', '\n']), "a title has neither quotes nor backslashes");
    let (layers, person, age) = match arguments.insurance {
        Insurance::Employee => (EMPLOYEE, "working", "45"),
        Insurance::Resident => (RESIDENT, "adult", "45"),
    };
    let filled = BOOK.replace(LAYERS, layers);
    Ok([
        ("{pool}", pool.as_str()),
        ("{insurance}", arguments.insurance.word()),
        ("{title}", &title),
        ("{from}", &arguments.from.to_string()),
        ("{person}", person),
        ("{age}", age),
    ]
    .into_iter()
    .fold(filled, |text, (mark, value)| text.replace(mark, value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scaffold_has_no_fault_knows_nothing_and_its_example_says_so() {
        for insurance in Insurance::ALL {
            let arguments = Arguments {
                pool: "330300".to_owned(),
                insurance,
                from: jiff::civil::date(2026, 1, 1),
                title: None,
                out: None,
                json: false,
            };
            let text = text(&arguments).expect("a text");
            let book = RuleBook::parse(&text).unwrap_or_else(|faults| panic!("{faults:#?}"));
            assert_eq!((book.insurance(), book.run_examples()), (insurance, Vec::new()));
            assert!(book.clauses().iter().all(|clause| clause.trust == Trust::Assumed), "nothing has a source yet");
            assert!(book.unset().count() > 8, "{}", book.unset().count());
            assert!(!["{pool}", "{person}", "{from}", "#layers#"].iter().any(|mark| text.contains(mark)), "{text}");
        }
    }
}
