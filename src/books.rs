//! `yidi hub missing | restore` and `yidi settlement …`: home regions' books as their operators see them, through
//! the hub; and what a changed set of rule books would have decided otherwise, on the region's own store.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Result, ensure};
use clap::Subcommand;
use proto::v1;
use proto::v1::home_books_client::HomeBooksClient;
use region::affected::{After, Because, Wanted, list};
use region::start::read_pools;
use serde_json::{Value, json};
use settlement::ids::PersonNumber;
use settlement::money::Money;
use tonic::transport::Channel;

use crate::cli::Ending;
use crate::filing::Access;
use crate::{corrections, output, past, roles, status};

/// How many people's settlements are asked for at a time.
const PAGE: u32 = 200;

/// What to do with a home region's book.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Say whether a region's book was restored from an older copy, and list the answers that are missing from it.
    Missing {
        /// How to reach the hub.
        #[command(flatten)]
        access: Access,
        /// A pool of the region.
        #[arg(long)]
        home: String,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Give a region back what is missing from its book, from the hub's stored answers and under their old numbers.
    Restore {
        /// How to reach the hub.
        #[command(flatten)]
        access: Access,
        /// A pool of the region.
        #[arg(long)]
        home: String,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
}

/// What to do with past settlements.
#[derive(Debug, Subcommand)]
pub enum Settlement {
    /// List the settlements that a late change affects, each with what it would come to now. Nothing is changed.
    Affected {
        /// How to reach the hub.
        #[command(flatten)]
        access: Access,
        /// A pool of the region, asked through the hub.
        #[arg(long, required_unless_present = "config")]
        home: Option<String>,
        /// The region's configuration file, to read its book directly. The region may be serving.
        #[arg(long, conflicts_with = "home")]
        config: Option<PathBuf>,
        /// What these rule books would have decided otherwise: a folder. Needs --config.
        #[arg(long, requires = "config")]
        rules: Option<PathBuf>,
        /// Of one person only.
        #[arg(long, default_value = "")]
        person: String,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Show a settlement in a home region's own store: what was asked and answered, and where it stands.
    Show(past::One),
    /// Say how a settlement came about, from what the home region's store keeps of it.
    Explain(past::Explain),
    /// Decide stored settlements once more and compare to the byte; exit code 1 where one comes out otherwise.
    Replay(past::ReplayOf),
    /// Correct affected settlements as a batch: one person puts it forward, another approves it.
    #[command(subcommand)]
    Correct(corrections::Command),
}

/// Runs a command on a region's book.
///
/// # Errors
/// When the hub is not to be reached or refuses.
pub async fn run(command: Command) -> Result<Ending> {
    match command {
        Command::Missing { access, home, json } => {
            let reply =
                client(&access)?.missing(book_of(home)).await.map_err(|refused| status::to_refusal(&refused))?;
            let reply = reply.into_inner();
            print_missing(&reply, json)?;
            Ok(Ending::of(!reply.fallen && reply.missing == 0 && reply.batches.is_empty()))
        }
        Command::Restore { access, home, json } => {
            let reply =
                client(&access)?.restore(book_of(home)).await.map_err(|refused| status::to_refusal(&refused))?;
            let reply = reply.into_inner();
            print_restored(&reply, json)?;
            Ok(Ending::of(reply.whole))
        }
    }
}

/// Runs a command on past settlements.
///
/// # Errors
/// When the hub is not to be reached or refuses, or the book cannot be read.
pub async fn run_settlement(command: Settlement) -> Result<Ending> {
    let (access, home, config, rules, person, json) = match command {
        Settlement::Affected { access, home, config, rules, person, json } => {
            (access, home, config, rules, person, json)
        }
        Settlement::Show(one) => return past::show_one(&one).await,
        Settlement::Explain(one) => return past::explain_one(&one).await,
        Settlement::Replay(of) => return past::replay_of(&of).await,
        Settlement::Correct(command) => return corrections::run(command).await,
    };
    let affected = match (home, config) {
        (Some(home), _) => through_the_hub(&access, &home, &person).await?,
        (None, Some(config)) => in_the_book(&config, rules.as_deref(), &person).await?,
        (None, None) => anyhow::bail!("give --home POOL to ask through the hub, or --config FILE to read the book"),
    };
    print_affected(&affected, json)?;
    Ok(Ending::of(affected.is_empty()))
}

fn client(access: &Access) -> Result<HomeBooksClient<Channel>> {
    Ok(HomeBooksClient::new(access.channel()?))
}

fn book_of(home: String) -> v1::BookRequest {
    v1::BookRequest { home, request_id: String::new() }
}

async fn through_the_hub(access: &Access, home: &str, person: &str) -> Result<Vec<v1::AffectedSettlement>> {
    let mut client = client(access)?;
    let mut affected: Vec<v1::AffectedSettlement> = Vec::new();
    let mut asked = v1::AffectedRequest {
        home: home.to_owned(),
        person: person.to_owned(),
        people: PAGE,
        ..v1::AffectedRequest::default()
    };
    loop {
        let reply = client.affected(asked.clone()).await.map_err(|refused| status::to_refusal(&refused))?.into_inner();
        affected.extend(reply.settlements);
        if reply.last.is_empty() {
            return Ok(affected);
        }
        (asked.after, asked.after_seq) = (reply.last, reply.last_seq);
    }
}

async fn in_the_book(
    config: &std::path::Path,
    rules: Option<&std::path::Path>,
    person: &str,
) -> Result<Vec<v1::AffectedSettlement>> {
    let config: region::Config = roles::read(config)?;
    let store = past::look_in(&config)?;
    let because = match rules {
        Some(folder) => {
            let (_, pools) = read_pools(&config)?;
            let read = region::rules::read(folder, &pools)?;
            ensure!(!read.texts.is_empty(), "there is no rule book of this region in {}", folder.display());
            Because::Rules(Arc::new(read.books))
        }
        None => Because::BuiltOnChanges,
    };
    let person = if person.is_empty() { None } else { Some(PersonNumber::new(person)?) };
    // Nothing travels, so that a page may weigh what it likes.
    let mut wanted = Wanted { person, after: After::default(), people: PAGE, bytes: usize::MAX };
    let mut affected = Vec::new();
    loop {
        let page = list(&store, wanted.clone(), &because).await?;
        affected.extend(page.affected.iter().map(region::books::write_affected));
        match page.next {
            Some(next) => wanted.after = next,
            None => return Ok(affected),
        }
    }
}

fn print_missing(reply: &v1::MissingReply, as_json: bool) -> Result<()> {
    if as_json {
        let entries: Vec<Value> = reply.entries.iter().map(|entry| {
            json!({ "book_seq": entry.book_seq, "position": entry.position, "kind": entry.kind, "verdict": entry.verdict })
        }).collect();
        let told = json!({ "fallen": reply.fallen, "fell_from": reply.fell_from, "fell_to": reply.fell_to,
            "held": reply.held, "missing": reply.missing, "entries": entries, "lost": reply.lost, "doubled": reply.doubled,
            "batches": reply.batches });
        output::line(&serde_json::to_string_pretty(&told)?);
        return Ok(());
    }
    let v1::MissingReply { fallen, fell_from, fell_to, .. } = reply;
    if *fallen {
        let how = if fell_to < fell_from {
            format!("the book fell from {fell_from} to {fell_to}")
        } else {
            "the book lacks batches of corrections".to_owned()
        };
        output::line(&format!("{how}; nothing new goes there until it is whole"));
    }
    output::line(&format!("it ends at {}; {} answers are missing", reply.held, reply.missing));
    let mut table = output::table(["number", "position", "what", "answer"]);
    for entry in &reply.entries {
        table.add_row([
            entry.book_seq.to_string(),
            entry.position.to_string(),
            entry.kind.clone(),
            entry.verdict.clone(),
        ]);
    }
    if !reply.entries.is_empty() {
        output::line(&table.to_string());
    }
    for batch in &reply.batches {
        output::line(&format!("batch {batch} of corrections is missing"));
    }
    for (numbers, what) in [(&reply.lost, "nobody heard of"), (&reply.doubled, "two answers bear")] {
        if !numbers.is_empty() {
            output::line(&format!("{what}: {numbers:?}"));
        }
    }
    Ok(())
}

fn print_restored(reply: &v1::RestoreReply, as_json: bool) -> Result<()> {
    let clash = reply.clash.as_ref().map(|clash| format!("{}: {}", clash.book_seq, clash.problem)).unwrap_or_default();
    let rows = [
        ("taken_back", reply.taken_back.to_string()),
        ("known_before", reply.known.to_string()),
        ("batches", reply.batches.join(", ")),
        ("lost", format!("{:?}", reply.lost)),
        ("clash", clash),
        ("whole", reply.whole.to_string()),
    ];
    output::facts(&rows, as_json)
}

fn print_affected(affected: &[v1::AffectedSettlement], as_json: bool) -> Result<()> {
    if as_json {
        let rows: Vec<Value> = affected.iter().map(affected_json).collect();
        output::line(&serde_json::to_string_pretty(&rows)?);
        return Ok(());
    }
    for one in affected {
        output::line(&format!("{}  {}  {}", one.settlement, one.person, one.causes.join("、")));
        match &one.refused {
            Some(refused) => output::line(&format!("  would be refused now: {}", in_words(refused))),
            None => {
                let changed = differences(one).into_iter().filter(|(_, more)| !more.is_zero());
                let told: Vec<String> = changed.map(|(payer, more)| format!("{payer} {more}")).collect();
                output::line(&format!(
                    "  difference: {}",
                    if told.is_empty() { "none".into() } else { told.join(", ") }
                ));
            }
        }
        one.explanation.iter().for_each(|line| output::line(&format!("    {line}")));
    }
    output::line(&format!("{} settlements", affected.len()));
    Ok(())
}

/// A refusal with its field and detail.
fn in_words(refused: &v1::Refused) -> String {
    let v1::Refused { code, field, detail } = refused;
    let field = if field.is_empty() { String::new() } else { format!(" for {field}") };
    let detail = if detail.is_empty() { String::new() } else { format!(": {detail}") };
    format!("{code}{field}{detail}")
}

/// What each payer would pay more; where it would be refused, everything is taken back.
fn differences(one: &v1::AffectedSettlement) -> [(&'static str, Money); 8] {
    let (told, now) = (one.told.unwrap_or_default(), one.now.unwrap_or_default());
    let more = |now: i64, told: i64| Money::from_fen(now) - Money::from_fen(told);
    [
        ("basic", more(now.basic, told.basic)),
        ("large-sum", more(now.large_sum, told.large_sum)),
        ("catastrophic", more(now.catastrophic, told.catastrophic)),
        ("civil-servant", more(now.civil_servant, told.civil_servant)),
        ("assistance", more(now.assistance, told.assistance)),
        ("account", more(now.account, told.account)),
        ("cash", more(now.cash, told.cash)),
        ("hospital", more(now.hospital, told.hospital)),
    ]
}

fn affected_json(one: &v1::AffectedSettlement) -> Value {
    let differences: serde_json::Map<String, Value> =
        differences(one).into_iter().map(|(payer, more)| (payer.to_owned(), more.to_string().into())).collect();
    json!({ "settlement": one.settlement, "psn_no": one.person, "book_seq": one.book_seq, "causes": one.causes,
        "difference": differences, "refused": one.refused.as_ref().map(|v1::Refused { code, field, detail }| {
            json!({ "code": code, "field": field, "detail": detail })
        }),
        "explanation": one.explanation })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use ledger::testing::PrivatePostgres;

    use super::*;

    /// The settings of a home region of Xinxiang whose store is there.
    fn settings(folder: &Path, store: &str) -> PathBuf {
        let deploy = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").display().to_string();
        let file = folder.join("region.toml");
        let text = format!(
            "listen = \"127.0.0.1:0\"\nstore = {store:?}\ncredentials = \"none\"\nregions = \"{deploy}/regions.csv\"\n\
             pools = [\"410700\"]\nrulebooks = \"none\"\npeople = \"none\"\n"
        );
        std::fs::write(&file, text).expect("a file");
        file
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_book_is_read_while_its_region_serves_on_both_databases() {
        let folder = tempfile::tempdir().expect("a folder");
        let database = PrivatePostgres::shared().migrated(&ledger::home::SCHEMA).expect("a database");
        let file = folder.path().join("home.db").display().to_string();
        for store in [file, database.app_url.clone()] {
            let config = settings(folder.path(), &store);
            let _serving = region::open_location(&store.parse().expect("a location")).expect("a store");
            let books = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/rulebooks");
            for rules in [None, Some(books.as_path())] {
                let read = in_the_book(&config, rules, "").await.map_err(|fault| format!("{fault:#}"));
                assert_eq!(read, Ok(Vec::new()), "{store}, {rules:?}");
            }
            let nowhere = tempfile::tempdir().expect("a folder");
            let elsewhere = in_the_book(&config, Some(nowhere.path()), "").await.expect_err("no rule book is there");
            assert!(elsewhere.to_string().contains("there is no rule book of this region"), "{elsewhere:#}");
        }
        let missing = folder.path().join("missing.db");
        let config = settings(folder.path(), &missing.display().to_string());
        assert!(in_the_book(&config, None, "").await.is_err() && !missing.exists(), "no store is made by looking");
    }

    #[test]
    fn a_refusal_is_told_with_what_it_is_about() {
        let refused = |field: &str, detail: &str| v1::Refused { code: 512, field: field.into(), detail: detail.into() };
        assert_eq!(in_words(&refused("", "")), "512");
        assert_eq!(in_words(&refused("begntime", "2025-01-01")), "512 for begntime: 2025-01-01");
        let settlement = v1::AffectedSettlement { refused: Some(refused("begntime", "")), ..Default::default() };
        let told = &affected_json(&settlement)["refused"];
        assert_eq!(*told, json!({ "code": 512, "field": "begntime", "detail": "" }));
    }
}
