//! `yidi rulebook diff`: what a new book would have paid otherwise, settlement by settlement of a region's store or case by
//! case, by person and in sum. It reads; it never changes anything.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::Args;
use region::compare::compare;
use serde_json::{Value, json};
use settlement::adjudication::Payers;
use settlement::money::Money;
use settlement::refusal::Refusal;
use settlement::rulebook::RuleBook;

use super::told::{self, Lang};
use super::{read_book, read_case_of_any_day};
use crate::cli::Ending;
use crate::output;
use crate::past::HomeBook;

/// What to compare.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The book as it is.
    old: PathBuf,
    /// The book as it would be.
    new: PathBuf,
    /// Where the region's settlements are.
    #[command(flatten)]
    book: HomeBook,
    /// Case files in the place of a region's settlements.
    #[arg(long, num_args = 1.., conflicts_with_all = ["config", "store"])]
    case: Vec<PathBuf>,
    /// As JSON.
    #[arg(long)]
    pub(super) json: bool,
}

/// One settlement or case by both books.
struct Pair {
    /// Whose it is: a person's number, or the case's file.
    whose: String,
    /// Its id, or the case's title.
    which: String,
    old: Result<Payers, Refusal>,
    new: Result<Payers, Refusal>,
}

/// Runs the command. It finds something where anything would come out otherwise.
///
/// # Errors
/// When a file or the store cannot be read, or the two are not books of one region and insurance.
pub async fn run(arguments: &Arguments) -> Result<Ending> {
    let (old, new) = (read_book(&arguments.old)?, read_book(&arguments.new)?);
    ensure!(
        (old.pool(), old.insurance()) == (new.pool(), new.insurance()),
        "{} and {} are not books of one region and insurance",
        arguments.old.display(),
        arguments.new.display()
    );
    let pairs = if arguments.case.is_empty() {
        of_settlements(&arguments.book, &old, &new).await?
    } else {
        arguments.case.iter().map(|file| of_case(file, &old, &new)).collect::<Result<_>>()?
    };
    let changed: Vec<&Pair> = pairs.iter().filter(|pair| pair.old != pair.new).collect();
    if arguments.json {
        output::line(&serde_json::to_string_pretty(&json(&old, &new, pairs.len(), &changed))?);
    } else {
        print(pairs.len(), &changed);
    }
    Ok(Ending::of(changed.is_empty()))
}

async fn of_settlements(book: &HomeBook, old: &RuleBook, new: &RuleBook) -> Result<Vec<Pair>> {
    let store =
        book.open()?.context("give --config or --store for a region's settlements, or --case for case files")?;
    let compared = compare(&store, old, new).await?.into_iter().map(|one| Pair {
        whose: one.person.to_string(),
        which: one.settlement.to_string(),
        old: one.old,
        new: one.new,
    });
    Ok(compared.collect())
}

fn of_case(file: &Path, old: &RuleBook, new: &RuleBook) -> Result<Pair> {
    let by = |book: &RuleBook| -> Result<_> {
        let case = read_case_of_any_day(book, file)?;
        Ok((case.adjudicate(book).map(|worked_out| *worked_out.payers()), case.title))
    };
    let ((old, which), (new, _)) = (by(old)?, by(new)?);
    Ok(Pair { whose: file.display().to_string(), which, old, new })
}

impl Pair {
    /// What each payer would pay more. What is refused, nobody pays.
    fn difference(&self) -> Sums {
        let paid = |result: &Result<Payers, Refusal>| told::by_payer(&result.as_ref().copied().unwrap_or_default());
        let pairs = paid(&self.old).into_iter().zip(paid(&self.new));
        Sums(pairs.map(|((payer, old), (_, new))| (payer, new - old)).collect())
    }
}

/// Amounts by payer, in the order of payment.
#[derive(Clone, Default)]
struct Sums(Vec<(&'static str, Money)>);

impl Sums {
    fn add(&mut self, other: &Sums) {
        if self.0.is_empty() {
            self.0.clone_from(&other.0);
        } else {
            self.0.iter_mut().zip(&other.0).for_each(|((_, sum), (_, amount))| *sum += *amount);
        }
    }

    fn json(&self) -> Value {
        told::amounts_json(self.0.iter().copied())
    }
}

/// What changes by person, with how many settlements, and in sum.
fn by_person<'p>(changed: &[&'p Pair]) -> (BTreeMap<&'p str, (usize, Sums)>, Sums) {
    let (mut people, mut sum) = (BTreeMap::<&str, (usize, Sums)>::new(), Sums::default());
    for pair in changed {
        let difference = pair.difference();
        let (settlements, own) = people.entry(&pair.whose).or_default();
        *settlements += 1;
        own.add(&difference);
        sum.add(&difference);
    }
    (people, sum)
}

fn json(old: &RuleBook, new: &RuleBook, compared: usize, changed: &[&Pair]) -> Value {
    let (people, sum) = by_person(changed);
    let result = |result: &Result<Payers, Refusal>| match result {
        Ok(payers) => told::amounts_json(told::by_payer(payers)),
        Err(refusal) => json!({ "refused": told::refused_json(refusal) }),
    };
    let one = |pair: &Pair| {
        json!({ "which": pair.which, "old": result(&pair.old), "new": result(&pair.new),
            "difference": pair.difference().json() })
    };
    let people: Vec<Value> = people
        .iter()
        .map(|(whose, (_, sums))| {
            let own = |pair: &&&Pair| pair.whose == **whose;
            let settlements: Vec<Value> = changed.iter().filter(own).map(|pair| one(pair)).collect();
            json!({ "whose": whose, "difference": sums.json(), "settlements": settlements })
        })
        .collect();
    json!({ "old": told::book_json(old), "new": told::book_json(new), "compared": compared, "changed": changed.len(),
        "people": people, "difference": sum.json() })
}

fn print(compared: usize, changed: &[&Pair]) {
    let (people, sum) = by_person(changed);
    if !changed.is_empty() {
        let payers = sum.0.iter().map(|(payer, _)| *payer);
        let mut table = output::table(["whose", "changed"].into_iter().chain(payers));
        let row = |whose: &str, settlements: usize, sums: &Sums| {
            let amounts = sums.0.iter().map(|(_, amount)| amount.to_string());
            [whose.to_owned(), settlements.to_string()].into_iter().chain(amounts).collect::<Vec<_>>()
        };
        for (whose, (settlements, own)) in &people {
            table.add_row(row(whose, *settlements, own));
        }
        table.add_row(row("all", changed.len(), &sum));
        output::numbers_from(&mut table, 1);
        output::line(&table.to_string());
    }
    for pair in changed {
        for (by, result) in [("old", &pair.old), ("new", &pair.new)] {
            if let Err(refusal) = result {
                let text = Lang::Zh.refusal(refusal);
                output::line(&format!("{} {}: refused by the {by} book: {text}", pair.whose, pair.which));
            }
        }
    }
    output::line(&format!("{compared} compared, {} would come out otherwise; amounts are new − old", changed.len()));
}
