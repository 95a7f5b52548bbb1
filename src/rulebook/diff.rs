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
    /// What each payer would pay more; none where a book refuses, since what is refused is paid some other way.
    fn difference(&self) -> Option<Vec<(&'static str, Money)>> {
        let (Ok(old), Ok(new)) = (&self.old, &self.new) else { return None };
        let pairs = told::by_payer(old).into_iter().zip(told::by_payer(new));
        Some(pairs.map(|((payer, old), (_, new))| (payer, new - old)).collect())
    }
}

/// What changes of a person, or of all.
#[derive(Clone)]
struct Changes {
    settlements: usize,
    /// How many of them the old book refuses.
    refused_old: usize,
    /// How many of them the new book refuses.
    refused_new: usize,
    /// What each payer would pay more of those that neither refuses, in the order of payment.
    difference: Vec<(&'static str, Money)>,
}

impl Changes {
    fn none() -> Changes {
        let difference = told::by_payer(&Payers::default());
        Changes { settlements: 0, refused_old: 0, refused_new: 0, difference }
    }

    fn add(&mut self, pair: &Pair) {
        self.settlements += 1;
        self.refused_old += usize::from(pair.old.is_err());
        self.refused_new += usize::from(pair.new.is_err());
        let more = pair.difference().unwrap_or_default();
        self.difference.iter_mut().zip(more).for_each(|((_, sum), (_, amount))| *sum += amount);
    }

    fn json(&self) -> Value {
        json!({ "changed": self.settlements, "refused": { "old": self.refused_old, "new": self.refused_new },
            "difference": told::amounts_json(self.difference.iter().copied()) })
    }

    fn row(&self, whose: &str) -> Vec<String> {
        let counts = [self.settlements, self.refused_old, self.refused_new].map(|count| count.to_string());
        let amounts = self.difference.iter().map(|(_, amount)| amount.to_string());
        std::iter::once(whose.to_owned()).chain(counts).chain(amounts).collect()
    }
}

/// What changes by person, and in sum.
fn by_person<'p>(changed: &[&'p Pair]) -> (BTreeMap<&'p str, Changes>, Changes) {
    let (mut people, mut all) = (BTreeMap::<&str, Changes>::new(), Changes::none());
    for pair in changed {
        people.entry(&pair.whose).or_insert_with(Changes::none).add(pair);
        all.add(pair);
    }
    (people, all)
}

fn json(old: &RuleBook, new: &RuleBook, compared: usize, changed: &[&Pair]) -> Value {
    let (people, all) = by_person(changed);
    let result = |result: &Result<Payers, Refusal>| match result {
        Ok(payers) => told::amounts_json(told::by_payer(payers)),
        Err(refusal) => json!({ "refused": told::refused_json(refusal) }),
    };
    let one = |pair: &Pair| {
        json!({ "which": pair.which, "old": result(&pair.old), "new": result(&pair.new),
            "difference": pair.difference().map(told::amounts_json) })
    };
    let people: Vec<Value> = people
        .iter()
        .map(|(whose, changes)| {
            let own = |pair: &&&Pair| pair.whose == **whose;
            let settlements: Vec<Value> = changed.iter().filter(own).map(|pair| one(pair)).collect();
            let mut person = changes.json();
            person["whose"] = json!(whose);
            person["settlements"] = settlements.into();
            person
        })
        .collect();
    let mut told = all.json();
    told["old"] = told::book_json(old);
    told["new"] = told::book_json(new);
    told["compared"] = compared.into();
    told["people"] = people.into();
    told
}

fn print(compared: usize, changed: &[&Pair]) {
    let (people, all) = by_person(changed);
    if !changed.is_empty() {
        let payers = all.difference.iter().map(|(payer, _)| *payer);
        let columns = ["whose", "changed", "refused by old", "refused by new"];
        let mut table = output::table(columns.into_iter().chain(payers));
        for (whose, changes) in &people {
            table.add_row(changes.row(whose));
        }
        table.add_row(all.row("all"));
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
    let changed = changed.len();
    output::line(&format!(
        "{compared} compared, {changed} would come out otherwise; amounts are new − old of what neither book refuses"
    ));
}
