//! What must always hold of a home region's book, checked on its rows. Each check is named as its sentence. Whether a
//! replay is identical is checked by `adapters/region`, which has the rules.

use std::collections::BTreeMap;

use settlement::adjudication::{Fund, Payers};
use settlement::decide::{Correction, Used};
use settlement::finding::Finding;
use settlement::ids::SettlementId;
use settlement::money::Money;
use settlement::outcome::{Done, Outcome, Settled};
use settlement::year_to_date::UsageSums;

use super::corrected::{self, Made};
use super::row::Columns;
use super::{HomeStore, Wire, journal, load};
use crate::engine::Sql;
use crate::store::StoreError;
use crate::values;

/// Whether a row's cause is in force: a settlement that is neither cancelled nor reversed, a correction of one, a posting
/// that neither is cancelled nor cancels.
macro_rules! cause_in_force {
    ($entry:literal) => {
        concat!(
            "CASE WHEN ",
            $entry,
            ".posting = ''
            THEN EXISTS (SELECT 1 FROM settlements WHERE settlements.book_seq = ",
            $entry,
            ".after_seq
                  AND COALESCE((SELECT becomes FROM undoings WHERE undoings.settlement = settlements.settlement
                                 ORDER BY undoings.book_seq DESC LIMIT 1), 'in-force') = 'in-force')
            WHEN EXISTS (SELECT 1 FROM corrections WHERE corrections.posting = ",
            $entry,
            ".posting)
            THEN EXISTS (SELECT 1 FROM corrections WHERE corrections.posting = ",
            $entry,
            ".posting
                  AND COALESCE((SELECT becomes FROM undoings WHERE undoings.settlement = corrections.settlement
                                 ORDER BY undoings.book_seq DESC LIMIT 1), 'in-force') = 'in-force')
            ELSE EXISTS (SELECT 1 FROM postings WHERE postings.id = ",
            $entry,
            ".posting AND postings.cancels = ''
                  AND NOT EXISTS (SELECT 1 FROM postings AS counter WHERE counter.cancels = ",
            $entry,
            ".posting))
            END AS counts"
        )
    };
}

impl HomeStore {
    /// Checks everything that can be checked on the rows alone.
    ///
    /// # Errors
    /// When a statement fails or a row is corrupt.
    pub async fn proof_run(&self) -> Result<Vec<Finding>, StoreError> {
        let wire = self.wire;
        self.engine
            .read(move |sql| {
                let mut findings = the_book_has_no_gaps(sql)?;
                findings.extend(every_journal_entry_balances(sql)?);
                findings.extend(every_change_has_its_journal_entry(sql)?);
                findings.extend(a_settlement_is_found_by_its_person_and_its_visit(sql)?);
                findings.extend(year_to_date_is_the_fold_of_what_is_in_force(sql)?);
                findings.extend(an_account_is_the_fold_of_what_is_in_force(sql)?);
                findings.extend(a_settlement_uses_up_what_its_answer_says(sql, wire)?);
                findings.extend(a_correction_builds_on_what_counted_and_moves_only_funds_and_cash(sql, wire)?);
                Ok(findings)
            })
            .await
    }
}

fn the_book_has_no_gaps(sql: &Sql<'_>) -> Result<Vec<Finding>, StoreError> {
    const GAPS: &str = "SELECT book_seq FROM operations AS here
          WHERE book_seq > 1
            AND NOT EXISTS (SELECT 1 FROM operations AS before WHERE before.book_seq = here.book_seq - 1)
            AND NOT EXISTS (SELECT 1 FROM lost_places WHERE lost_places.book_seq = here.book_seq - 1)";
    sql.query(GAPS, &[], |row| {
        Ok(Finding {
            invariant: "the book has no gaps",
            subject: format!("place {}", row.number(0)?),
            problem: "the place before it is empty".into(),
        })
    })
}

fn every_journal_entry_balances(sql: &Sql<'_>) -> Result<Vec<Finding>, StoreError> {
    const ENTRIES: &str = "SELECT book_seq, journal FROM operations WHERE journal IS NOT NULL ORDER BY book_seq";
    let mut findings = Vec::new();
    sql.query(ENTRIES, &[], |row| {
        let columns = Columns::of(row, "operations");
        let place = columns.number("book_seq")?;
        let sum = journal::sum(columns.text("journal")?);
        let sum = sum.ok_or_else(|| columns.corrupt("journal", "is no entry"))?;
        if !sum.is_zero() {
            findings.push(Finding {
                invariant: "every journal entry balances",
                subject: format!("place {place}"),
                problem: format!("it is out of balance by {sum}"),
            });
        }
        Ok(())
    })?;
    Ok(findings)
}

fn every_change_has_its_journal_entry(sql: &Sql<'_>) -> Result<Vec<Finding>, StoreError> {
    const APART: &str = "SELECT book_seq FROM
                (SELECT book_seq FROM settlements UNION ALL SELECT book_seq FROM undoings) AS change
          WHERE NOT EXISTS (SELECT 1 FROM operations
                             WHERE operations.book_seq = change.book_seq AND operations.journal IS NOT NULL)
         UNION ALL
         SELECT book_seq FROM operations
          WHERE journal IS NOT NULL
            AND NOT EXISTS (SELECT 1 FROM settlements WHERE settlements.book_seq = operations.book_seq)
            AND NOT EXISTS (SELECT 1 FROM undoings WHERE undoings.book_seq = operations.book_seq)";
    sql.query(APART, &[], |row| {
        Ok(Finding {
            invariant: "every change has its journal entry, and no other entry is there",
            subject: format!("place {}", row.number(0)?),
            problem: "one is there without the other".into(),
        })
    })
}

/// Whether a visit was settled before is read from the person's usages.
fn a_settlement_is_found_by_its_person_and_its_visit(sql: &Sql<'_>) -> Result<Vec<Finding>, StoreError> {
    const LOST: &str = "SELECT settlements.settlement FROM settlements
           LEFT JOIN usages ON usages.person = settlements.person AND usages.after_seq = settlements.book_seq
                           AND usages.posting = ''
          WHERE usages.encounter IS NULL OR usages.encounter <> settlements.encounter
          ORDER BY settlements.book_seq";
    sql.query(LOST, &[], |row| {
        Ok(Finding {
            invariant: "a settlement is found by its person and its visit",
            subject: format!("settlement {}", row.text(0)?),
            problem: "no usage of the person names its visit".into(),
        })
    })
}

fn year_to_date_is_the_fold_of_what_is_in_force(sql: &Sql<'_>) -> Result<Vec<Finding>, StoreError> {
    const USAGES: &str = concat!(
        "SELECT usages.person AS person, ",
        load::usage!(),
        ", ",
        cause_in_force!("usages"),
        " FROM usages ORDER BY usages.person"
    );
    let mut people: BTreeMap<String, (Used, Used)> = BTreeMap::new();
    sql.query(USAGES, &[], |row| {
        let columns = Columns::of(row, "usages");
        let (all, in_force) = people.entry(columns.text("person")?.to_owned()).or_default();
        let usage = load::usage_posting(&columns)?;
        all.add(&usage);
        if columns.flag("counts")? {
            in_force.add(&usage);
        }
        Ok(())
    })?;
    let apart = people.into_iter().filter(|(_, (all, in_force))| all != in_force);
    let finding = |(person, (all, in_force)): (String, (Used, Used))| Finding {
        invariant: "year-to-date is the fold of what is in force",
        subject: format!("person {person}"),
        problem: format!("the rows make {:?}, what is in force makes {:?}", all.usages(), in_force.usages()),
    };
    Ok(apart.map(finding).collect())
}

fn an_account_is_the_fold_of_what_is_in_force(sql: &Sql<'_>) -> Result<Vec<Finding>, StoreError> {
    const ACCOUNTS: &str = concat!(
        "SELECT person, CAST(SUM(amount) AS BIGINT) AS balance,
                CAST(SUM(CASE WHEN counts THEN amount ELSE 0 END) AS BIGINT) AS in_force
           FROM (SELECT account_entries.*, ",
        cause_in_force!("account_entries"),
        " FROM account_entries) AS entries
          GROUP BY person HAVING SUM(amount) <> SUM(CASE WHEN counts THEN amount ELSE 0 END) ORDER BY person"
    );
    sql.query(ACCOUNTS, &[], |row| {
        let (balance, in_force) = (Money::from_fen(row.number(1)?), Money::from_fen(row.number(2)?));
        Ok(Finding {
            invariant: "an account is the fold of what is in force",
            subject: format!("person {}", row.text(0)?),
            problem: format!("the rows make {balance}, what is in force makes {in_force}"),
        })
    })
}

fn a_settlement_uses_up_what_its_answer_says(sql: &Sql<'_>, wire: Wire) -> Result<Vec<Finding>, StoreError> {
    const ANSWERS: &str = concat!(
        "SELECT settlements.settlement AS settlement, operations.outcome AS outcome, ",
        load::usage!(),
        " FROM settlements
           JOIN operations ON operations.book_seq = settlements.book_seq
           JOIN usages ON usages.person = settlements.person AND usages.after_seq = settlements.book_seq
                      AND usages.posting = ''
          ORDER BY settlements.book_seq"
    );
    let mut findings = Vec::new();
    sql.query(ANSWERS, &[], |row| {
        let columns = Columns::of(row, "settlements");
        let _settlement = columns.text("settlement")?;
        let outcome =
            (wire.read_outcome)(columns.blob("outcome")?).map_err(|fault| columns.corrupt("outcome", fault))?;
        let Outcome::Accepted { decided_at: _, done: Done::Settled(settled) } = outcome else {
            return Err(columns.corrupt("outcome", "is not a settlement"));
        };
        findings.extend(told_apart(&settled, &load::usage_posting(&columns)?.usage.sums));
        Ok(())
    })?;
    Ok(findings)
}

/// Oldest first: the first correction of a settlement builds on its answer, each later one on the one before.
fn a_correction_builds_on_what_counted_and_moves_only_funds_and_cash(
    sql: &Sql<'_>,
    wire: Wire,
) -> Result<Vec<Finding>, StoreError> {
    const ANSWER: &str = "SELECT operations.outcome FROM settlements
           JOIN operations ON operations.book_seq = settlements.book_seq WHERE settlements.settlement = ?1";
    let mut findings = Vec::new();
    let mut counts: Option<(SettlementId, Payers)> = None;
    for Made { taken, correction, sums, .. } in corrected::made_ever(sql)? {
        let Correction { settlement, told, now } = correction;
        let before = match counts.take().filter(|(before, _)| *before == settlement) {
            Some((_, payers)) => Some(payers),
            None => {
                sql.find(ANSWER, values![settlement.as_str()], |row| Ok(payers_told(wire, row.bytes(0)?)))?.flatten()
            }
        };
        let problem = match before {
            None => Some("it corrects what was never settled"),
            Some(before) if before != told => Some("it builds on what did not count"),
            Some(_) if (told.total(), told.account, told.hospital) != (now.total(), now.account, now.hospital) => {
                Some("it moves more than funds and cash")
            }
            Some(_)
                if Fund::ALL.iter().any(|fund| used_of(&sums, *fund) != now.funds.of(*fund) - told.funds.of(*fund)) =>
            {
                Some("it uses up something else than it changes")
            }
            Some(_) => None,
        };
        findings.extend(problem.map(|problem| Finding {
            invariant: "a correction builds on what counted, and moves only funds and cash",
            subject: format!("settlement {settlement} in batch {}", taken.batch),
            problem: problem.into(),
        }));
        counts = Some((settlement, now));
    }
    Ok(findings)
}

fn payers_told(wire: Wire, outcome: &[u8]) -> Option<Payers> {
    match (wire.read_outcome)(outcome) {
        Ok(Outcome::Accepted { decided_at: _, done: Done::Settled(settled) }) => Some(settled.payers),
        Ok(
            Outcome::Accepted { decided_at: _, done: Done::Cancelled { .. } | Done::Reversed(_) } | Outcome::Refused(_),
        )
        | Err(_) => None,
    }
}

fn used_of(used: &UsageSums, fund: Fund) -> Money {
    match fund {
        Fund::Basic => used.basic,
        Fund::LargeSum => used.large_sum,
        Fund::Catastrophic => used.catastrophic,
        Fund::CivilServant => used.civil_servant,
        Fund::Assistance => used.assistance,
    }
}

fn told_apart(settled: &Settled, used: &UsageSums) -> Vec<Finding> {
    let funds = &settled.payers.funds;
    let pairs = [
        // Of the deductible that is used up, funds may have left the person less.
        ("deductible", used.deductible, settled.deductible.max(used.deductible)),
        ("basic", used.basic, funds.of(Fund::Basic)),
        ("large-sum", used.large_sum, funds.of(Fund::LargeSum)),
        ("catastrophic", used.catastrophic, funds.of(Fund::Catastrophic)),
        ("civil-servant", used.civil_servant, funds.of(Fund::CivilServant)),
        ("assistance", used.assistance, funds.of(Fund::Assistance)),
    ];
    let apart = pairs.into_iter().filter(|(_, used, told)| used != told);
    let finding = |(what, used, told)| Finding {
        invariant: "a settlement uses up what its answer says",
        subject: format!("settlement {}", settled.settlement),
        problem: format!("{what} used {used}, told {told}"),
    };
    apart.map(finding).collect()
}
