//! `yidi settlement show | explain | replay`: past settlements at a home region's own store. What decides is what the store
//! keeps, rule books included: files that were changed since play no part. Reads only, also beside the region that serves.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use jiff::Timestamp;
use ledger::engine::Location;
use ledger::home::HomeStore;
use region::replay::{Replay, a_replay_of_any_stored_decision_is_identical, explain, replay};
use region::shown::{Shown, Undone, show};
use serde_json::json;
use settlement::beijing;
use settlement::benefits::explanation::YearSoFar;
use settlement::finding::Finding;
use settlement::ids::SettlementId;
use settlement::lifecycle::Standing;

use crate::cli::Ending;
use crate::rulebook::told::{self, Lang};
use crate::verify::ensure_there;
use crate::{output, roles};

/// Where a home region's book is. The region may be serving.
#[derive(Debug, Args)]
pub struct HomeBook {
    /// The region's configuration file.
    #[arg(long, conflicts_with = "store")]
    config: Option<PathBuf>,
    /// The region's store, as its settings name it: a file, or a PostgreSQL database.
    #[arg(long)]
    store: Option<Location>,
}

impl HomeBook {
    /// Opens the book alone, to look at it: neither people nor rule books are taken in. None where nothing says where it is.
    ///
    /// # Errors
    /// When it is missing, or older than this program.
    pub fn open(&self) -> Result<Option<HomeStore>> {
        match (&self.config, &self.store) {
            (_, Some(location)) => look_at(location).map(Some),
            (Some(file), None) => look_in(&roles::read(file)?).map(Some),
            (None, None) => Ok(None),
        }
    }

    fn needed(&self) -> Result<HomeStore> {
        self.open()?.context("give --config FILE or --store LOCATION of the home region")
    }
}

/// The book that a home region's settings name, to look at it: the region may be serving.
///
/// # Errors
/// When it is missing, or older than this program.
pub fn look_in(config: &region::Config) -> Result<HomeStore> {
    look_at(&config.store.parse().context("cannot use the setting store")?)
}

fn look_at(location: &Location) -> Result<HomeStore> {
    ensure_there(location)?;
    region::look_at(location).context("cannot look at the region's book")
}

/// Which settlement, and where.
#[derive(Debug, Args)]
pub struct One {
    /// The settlement (setl_id).
    settlement: String,
    /// Where the book is.
    #[command(flatten)]
    book: HomeBook,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

/// Which settlement to explain.
#[derive(Debug, Args)]
pub struct Explain {
    #[command(flatten)]
    one: One,
    /// The language.
    #[arg(long, value_enum, default_value = "zh")]
    lang: Lang,
}

/// Which settlements to replay.
#[derive(Debug, Args)]
pub struct ReplayOf {
    /// The settlement (setl_id).
    #[arg(required_unless_present = "all")]
    settlement: Option<String>,
    /// Every decision in the book, refusals and undoings included.
    #[arg(long, conflicts_with = "settlement")]
    all: bool,
    /// Where the book is.
    #[command(flatten)]
    book: HomeBook,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

/// Shows a settlement: what was asked and answered, and where it stands. The person's number is masked.
///
/// # Errors
/// When there is no such settlement, or the book cannot be read.
pub async fn show_one(one: &One) -> Result<Ending> {
    let shown = show(&one.book.needed()?, &SettlementId::new(&one.settlement)?).await?;
    output::facts(&facts(&shown)?, one.json)?;
    Ok(Ending::Good)
}

/// Says how a settlement came about, from its stored inputs by its stored rule book; ahead of that whether it was undone,
/// and whose bill it was of: the institution and the days, never the person.
///
/// # Errors
/// As [`show_one`].
pub async fn explain_one(Explain { one, lang }: &Explain) -> Result<Ending> {
    let (store, settlement) = (one.book.needed()?, SettlementId::new(&one.settlement)?);
    let shown = show(&store, &settlement).await?;
    let explained = explain(&store, &settlement, lang.language()).await?;
    let (book, identical) = (&explained.rule_book, explained.replay.is_identical());
    let worked_out = explained.replay.adjudication.as_ref().context("the calculation did not come out")?;
    if one.json {
        let encounter = &shown.settle()?.encounter;
        let undone = shown.undone.as_ref().map(|undone| {
            json!({ "at": at_desk(undone.at), "msgid": undone.message.as_str(), "counter": counter(&shown.standing) })
        });
        let told = json!({ "settlement": one.settlement, "standing": standing(&shown.standing), "undone": undone,
            "institution": encounter.institution.as_str(), "admitted": encounter.admitted.to_string(),
            "discharged": encounter.discharged.map(|day| day.to_string()),
            "rule_book": told::book_json(book), "identical": identical,
            "amounts": told::amounts_json(told::outputs(worked_out)), "steps": told::steps_json(worked_out, book),
            "year_to_date": told::year_json(&YearSoFar::of(worked_out, book, &explained.replay.used)) });
        output::line(&serde_json::to_string_pretty(&told)?);
    } else {
        head(&shown, *lang)?.iter().for_each(|line| output::line(line));
        output::line(&format!("{}\n", book.title()));
        told::print_steps(worked_out, book, &explained.replay.used, *lang);
    }
    if !identical {
        output::note("what was stored does not come out again: run yidi settlement replay");
    }
    Ok(Ending::of(identical))
}

/// Decides once more what was decided, one settlement or everything, and compares to the byte.
///
/// # Errors
/// As [`show_one`].
pub async fn replay_of(of: &ReplayOf) -> Result<Ending> {
    let store = of.book.needed()?;
    let (replayed, findings) = match &of.settlement {
        Some(settlement) => {
            let (replay, _) = replay(&store, &SettlementId::new(settlement)?).await?;
            (1, finding(settlement, &replay).into_iter().collect())
        }
        None => (store.last_seq().await?.0, a_replay_of_any_stored_decision_is_identical(&store).await?),
    };
    let texts: Vec<String> = findings.iter().map(Finding::to_string).collect();
    if of.json {
        output::line(&serde_json::to_string_pretty(&json!({ "replayed": replayed, "findings": texts }))?);
    } else {
        texts.iter().for_each(|text| output::line(&format!("✗ {text}")));
        output::line(&format!("{replayed} replayed, {} came out otherwise", texts.len()));
    }
    Ok(Ending::of(findings.is_empty()))
}

fn finding(settlement: &str, replay: &Replay) -> Option<Finding> {
    let differs = || Finding {
        invariant: "a replay of any stored decision is identical",
        subject: format!("settlement {settlement}"),
        problem: format!("the answer at place {} comes out with other bytes", replay.seq.0),
    };
    (!replay.is_identical()).then(differs)
}

/// What stands ahead of an explanation: the settlement, that it was undone, when and by which numbers, and whose bill and
/// which days it was about.
fn head(shown: &Shown, lang: Lang) -> Result<Vec<String>> {
    let undone = match (&shown.undone, &shown.standing) {
        (None, _) | (_, Standing::InForce) => None,
        (Some(Undone { at, message }), Standing::Cancelled { counter }) => Some(match lang {
            Lang::Zh => format!("已于{}撤销，撤销结算号 {counter}，报文号 {message}；以下是撤销前的计算", at_desk(*at)),
            Lang::En => format!(
                "Cancelled on {} by {counter}, message {message}; what follows is how it came about before",
                at_desk(*at)
            ),
        }),
        (Some(Undone { at, message }), Standing::Reversed) => Some(match lang {
            Lang::Zh => format!("已于{}冲正，报文号 {message}；以下是冲正前的计算", at_desk(*at)),
            Lang::En => {
                format!("Reversed on {} by message {message}; what follows is how it came about before", at_desk(*at))
            }
        }),
    };
    let encounter = &shown.settle()?.encounter;
    let (institution, admitted, decided_at) = (&encounter.institution, encounter.admitted, at_desk(shown.decided_at));
    let visit = match (lang, encounter.discharged) {
        (Lang::Zh, Some(discharged)) => {
            format!("医疗机构 {institution}，就诊 {admitted} 至 {discharged}，结算 {decided_at}")
        }
        (Lang::Zh, None) => format!("医疗机构 {institution}，就诊 {admitted} 起，结算 {decided_at}"),
        (Lang::En, Some(discharged)) => {
            format!("Institution {institution}, {admitted} to {discharged}, settled on {decided_at}")
        }
        (Lang::En, None) => format!("Institution {institution}, from {admitted} on, settled on {decided_at}"),
    };
    Ok(std::iter::once(shown.settled.settlement.to_string()).chain(undone).chain([visit]).collect())
}

fn at_desk(at: Timestamp) -> String {
    beijing::at_desk(at).strftime("%F %T").to_string()
}

fn standing(standing: &Standing) -> String {
    match standing {
        Standing::InForce => "in force".to_owned(),
        Standing::Cancelled { counter } => format!("cancelled by {counter}"),
        Standing::Reversed => "reversed".to_owned(),
    }
}

fn counter(standing: &Standing) -> Option<&str> {
    match standing {
        Standing::Cancelled { counter } => Some(counter.as_str()),
        Standing::InForce | Standing::Reversed => None,
    }
}

/// A settlement as named facts. Neither a name nor a disease is among them.
fn facts(shown: &Shown) -> Result<Vec<(&'static str, String)>> {
    let (settle, settled) = (shown.settle()?, &shown.settled);
    let encounter = &settle.encounter;
    let day = |day: Option<jiff::civil::Date>| day.map_or_else(String::new, |day| day.to_string());
    let mut facts = vec![
        ("settlement", settled.settlement.to_string()),
        ("standing", standing(&shown.standing)),
        ("undone_at", shown.undone.as_ref().map_or_else(String::new, |undone| at_desk(undone.at))),
        ("undone_by", shown.undone.as_ref().map_or_else(String::new, |undone| undone.message.to_string())),
        ("place", shown.seq.0.to_string()),
        ("decided_at", at_desk(shown.decided_at)),
        ("psn_no", masked(shown.operation.key.person.as_str())),
        ("home", settle.home.to_string()),
        ("insurance", settled.insurance.word().to_owned()),
        ("person", settled.class.word().to_owned()),
        ("filing", settled.filing.map_or("none", |class| class.word()).to_owned()),
        ("institution", encounter.institution.to_string()),
        ("area", encounter.area.to_string()),
        ("level", encounter.level.word().to_owned()),
        ("care", encounter.care.word().to_owned()),
        ("admitted", encounter.admitted.to_string()),
        ("discharged", day(encounter.discharged)),
        ("total", settled.coverage.total().to_string()),
        ("self_paid", settled.coverage.self_paid.to_string()),
        ("over_limit", settled.coverage.over_limit.to_string()),
        ("first_self_pay", settled.coverage.first_self_pay.to_string()),
        ("in_policy", settled.coverage.in_policy.to_string()),
        ("deductible", settled.deductible.to_string()),
    ];
    facts.extend(told::by_payer(&settled.payers).into_iter().map(|(payer, amount)| (payer, amount.to_string())));
    let digest: String = settled.explanation.iter().map(|byte| format!("{byte:02x}")).collect();
    facts.extend([
        ("account_balance", settled.account_balance.to_string()),
        ("rule_book", shown.rule_book.title().to_owned()),
        ("rule_book_hash", settled.rule_book.to_string()),
        ("explanation", digest),
    ]);
    Ok(facts)
}

/// A number of which the middle is hidden: the region that it begins with and its last two characters are left.
fn masked(number: &str) -> String {
    const AHEAD: usize = 6;
    const BEHIND: usize = 2;
    let length = number.chars().count();
    let hidden = |at: usize| at + BEHIND < length && (at >= AHEAD || length <= AHEAD + BEHIND);
    number.chars().enumerate().map(|(at, letter)| if hidden(at) { '*' } else { letter }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_shows_its_region_and_its_end() {
        for (number, shown) in [("41070000990002", "410700******02"), ("12345678", "******78"), ("12", "12")] {
            assert_eq!(masked(number), shown);
        }
    }
}
