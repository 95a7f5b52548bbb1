//! What must always hold of a home region's book, checked on its rows. Each check is named as its sentence. Whether a
//! replay is identical is checked by `adapters/region`, which has the rules.

use std::collections::BTreeMap;

use rusqlite::Connection;
use settlement::adjudication::Fund;
use settlement::decide::Used;
use settlement::finding::Finding;
use settlement::money::Money;
use settlement::outcome::{Done, Outcome};

use super::row::Columns;
use super::{HomeStore, Wire, load};
use crate::store::StoreError;

/// Whether a row's cause is in force: a settlement that is neither cancelled nor reversed, a posting that neither is
/// cancelled nor cancels.
fn cause_in_force(entry: &str) -> String {
    format!(
        "CASE WHEN {entry}.posting = ''
            THEN EXISTS (SELECT 1 FROM settlements WHERE settlements.book_seq = {entry}.after_seq
                  AND COALESCE((SELECT becomes FROM undoings WHERE undoings.settlement = settlements.settlement
                                 ORDER BY undoings.book_seq DESC LIMIT 1), 'in-force') = 'in-force')
            ELSE EXISTS (SELECT 1 FROM postings WHERE postings.id = {entry}.posting AND postings.cancels = ''
                  AND NOT EXISTS (SELECT 1 FROM postings AS counter WHERE counter.cancels = {entry}.posting))
            END AS counts"
    )
}

impl HomeStore {
    /// Checks everything that can be checked on the rows alone.
    ///
    /// # Errors
    /// When a statement fails or a row is corrupt.
    pub async fn proof_run(&self) -> Result<Vec<Finding>, StoreError> {
        let wire = self.wire;
        self.readers
            .read(move |connection| {
                let mut findings = the_book_has_no_gaps(connection)?;
                findings.extend(every_journal_entry_balances(connection)?);
                findings.extend(every_change_has_its_journal_entry(connection)?);
                findings.extend(year_to_date_is_the_fold_of_what_is_in_force(connection)?);
                findings.extend(an_account_is_the_fold_of_what_is_in_force(connection)?);
                findings.extend(a_settlement_uses_up_what_its_answer_says(connection, wire)?);
                Ok(findings)
            })
            .await
    }
}

fn the_book_has_no_gaps(connection: &Connection) -> Result<Vec<Finding>, StoreError> {
    let mut statement = connection.prepare(
        "SELECT book_seq FROM operations AS here
          WHERE book_seq > 1 AND NOT EXISTS (SELECT 1 FROM operations WHERE book_seq = here.book_seq - 1)
            AND NOT EXISTS (SELECT 1 FROM lost_places WHERE book_seq = here.book_seq - 1)",
    )?;
    let gaps = statement.query_map([], |row| row.get::<_, i64>(0))?.collect::<Result<Vec<_>, _>>()?;
    let finding = |place: i64| Finding {
        invariant: "the book has no gaps",
        subject: format!("place {place}"),
        problem: "the place before it is empty".into(),
    };
    Ok(gaps.into_iter().map(finding).collect())
}

fn every_journal_entry_balances(connection: &Connection) -> Result<Vec<Finding>, StoreError> {
    let mut statement = connection.prepare(
        "SELECT book_seq, CAST(SUM(amount) AS BIGINT) FROM journal_lines GROUP BY book_seq HAVING SUM(amount) <> 0",
    )?;
    let rows = statement.query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)))?;
    let finding = |(place, sum): (i64, i64)| Finding {
        invariant: "every journal entry balances",
        subject: format!("place {place}"),
        problem: format!("it is out of balance by {}", Money::from_fen(sum)),
    };
    Ok(rows.collect::<Result<Vec<_>, _>>()?.into_iter().map(finding).collect())
}

fn every_change_has_its_journal_entry(connection: &Connection) -> Result<Vec<Finding>, StoreError> {
    let mut statement = connection.prepare(
        "SELECT book_seq FROM (SELECT book_seq FROM settlements UNION ALL SELECT book_seq FROM undoings) AS change
          WHERE NOT EXISTS (SELECT 1 FROM journal_lines WHERE journal_lines.book_seq = change.book_seq)
         UNION ALL
         SELECT DISTINCT book_seq FROM journal_lines
          WHERE NOT EXISTS (SELECT 1 FROM settlements WHERE settlements.book_seq = journal_lines.book_seq)
            AND NOT EXISTS (SELECT 1 FROM undoings WHERE undoings.book_seq = journal_lines.book_seq)",
    )?;
    let places = statement.query_map([], |row| row.get::<_, i64>(0))?.collect::<Result<Vec<_>, _>>()?;
    let finding = |place: i64| Finding {
        invariant: "every change has its journal entry, and no other entry is there",
        subject: format!("place {place}"),
        problem: "one is there without the other".into(),
    };
    Ok(places.into_iter().map(finding).collect())
}

fn year_to_date_is_the_fold_of_what_is_in_force(connection: &Connection) -> Result<Vec<Finding>, StoreError> {
    let mut statement = connection.prepare(&format!(
        "SELECT usages.person AS person, {}, {} FROM usages",
        load::USAGE,
        cause_in_force("usages")
    ))?;
    let mut rows = statement.query([])?;
    let mut people: BTreeMap<String, (Used, Used)> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let columns = Columns::of(row, "usages");
        let (all, in_force) = people.entry(columns.text("person")?.to_owned()).or_default();
        let usage = load::usage_posting(&columns)?.usage;
        all.add(&usage);
        if columns.flag("counts")? {
            in_force.add(&usage);
        }
    }
    let apart = people.into_iter().filter(|(_, (all, in_force))| all != in_force);
    let finding = |(person, (all, in_force)): (String, (Used, Used))| Finding {
        invariant: "year-to-date is the fold of what is in force",
        subject: format!("person {person}"),
        problem: format!("the rows make {:?}, what is in force makes {:?}", all.usages(), in_force.usages()),
    };
    Ok(apart.map(finding).collect())
}

fn an_account_is_the_fold_of_what_is_in_force(connection: &Connection) -> Result<Vec<Finding>, StoreError> {
    let mut statement = connection.prepare(&format!(
        "SELECT person, CAST(SUM(amount) AS BIGINT) AS balance,
                CAST(SUM(CASE WHEN counts THEN amount ELSE 0 END) AS BIGINT) AS in_force
           FROM (SELECT account_entries.*, {} FROM account_entries) AS entries
          GROUP BY person HAVING SUM(amount) <> SUM(CASE WHEN counts THEN amount ELSE 0 END)",
        cause_in_force("account_entries")
    ))?;
    let rows = statement.query_map([], |row| {
        Ok((row.get::<_, String>(0)?, Money::from_fen(row.get(1)?), Money::from_fen(row.get(2)?)))
    })?;
    let finding = |(person, balance, in_force): (String, Money, Money)| Finding {
        invariant: "an account is the fold of what is in force",
        subject: format!("person {person}"),
        problem: format!("the rows make {balance}, what is in force makes {in_force}"),
    };
    Ok(rows.collect::<Result<Vec<_>, _>>()?.into_iter().map(finding).collect())
}

fn a_settlement_uses_up_what_its_answer_says(connection: &Connection, wire: Wire) -> Result<Vec<Finding>, StoreError> {
    let mut statement = connection.prepare(&format!(
        "SELECT settlements.settlement AS settlement, operations.outcome AS outcome, {} FROM settlements
           JOIN operations ON operations.book_seq = settlements.book_seq
           JOIN usages ON usages.person = settlements.person AND usages.after_seq = settlements.book_seq
                      AND usages.posting = ''",
        load::USAGE
    ))?;
    let mut rows = statement.query([])?;
    let mut findings = Vec::new();
    while let Some(row) = rows.next()? {
        let columns = Columns::of(row, "settlements");
        let _settlement = columns.text("settlement")?;
        let outcome =
            (wire.read_outcome)(columns.blob("outcome")?).map_err(|fault| columns.corrupt("outcome", fault))?;
        let Outcome::Accepted { decided_at: _, done: Done::Settled(settled) } = outcome else {
            return Err(columns.corrupt("outcome", "is not a settlement"));
        };
        let used = load::usage_posting(&columns)?.usage.sums;
        let funds = &settled.payers.funds;
        let pairs = [
            ("deductible", used.deductible, settled.deductible),
            ("basic", used.basic, funds.of(Fund::Basic)),
            ("large-sum", used.large_sum, funds.of(Fund::LargeSum)),
            ("catastrophic", used.catastrophic, funds.of(Fund::Catastrophic)),
            ("civil-servant", used.civil_servant, funds.of(Fund::CivilServant)),
            ("assistance", used.assistance, funds.of(Fund::Assistance)),
        ];
        let apart = pairs.into_iter().filter(|(_, used, told)| used != told);
        findings.extend(apart.map(|(what, used, told)| Finding {
            invariant: "a settlement uses up what its answer says",
            subject: format!("settlement {}", settled.settlement),
            problem: format!("{what} used {used}, told {told}"),
        }));
    }
    Ok(findings)
}
