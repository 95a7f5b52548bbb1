//! What must hold after every step of a quarter: everything that `yidi verify` checks, where a difference between books is
//! an open break; and of clearing, that each entry is in one period or on the list, that what is owed follows from the
//! journal, that both sides come to the same, and that what is closed stays as it is.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use broker::clearing::Standing;
use clearing::cleared::sum;
use clearing::obligation::Lot;
use clearing::statement::payable_and_receivable;
use ledger::hub::{CarriedEntry, OpenBreak, PeriodNumber, Position, SettlementTurn};
use ledger::leaves::Scope;
use ledger::treatment::TreatmentStore;
use proto::v1;
use proto::convert;
use reconciliation::book::READING;
use settlement::finding::Finding;
use settlement::ids::{PoolCode, SettlementId};
use settlement::money::Money;
use settlement::operation::{Request, readable};

use super::explained::Explained;
use super::nation::Nation;
use crate::verify::{self, Checked, Elsewhere};

/// What was seen when the books were last looked at.
#[derive(Default)]
pub struct Holds {
    commits: Option<u64>,
    checked: Checked,
    /// What a closed period came to, word for word.
    closed: BTreeMap<PeriodNumber, String>,
}

/// Everything of clearing, read at once.
struct Book {
    turns: Vec<SettlementTurn>,
    carried: Vec<CarriedEntry>,
    periods: Vec<Standing>,
}

impl Holds {
    /// A step was taken: everything must hold. Notes what does not.
    ///
    /// # Errors
    /// When a book cannot be read.
    pub async fn step(&mut self, nation: &Nation, explained: &mut Explained) -> Result<()> {
        nation.context.record.step();
        if self.commits == Some(nation.context.commits()) {
            return Ok(());
        }
        nation.hub().store.journal_fold(READING).await?;
        nation.context.observe(true);
        let found = self.look(nation, explained).await;
        nation.context.observe(false);
        self.commits = Some(nation.context.commits());
        let today = nation.today();
        found?.into_iter().for_each(|finding| nation.context.record.finding(format!("{today}: {finding}")));
        Ok(())
    }

    async fn look(&mut self, nation: &Nation, explained: &mut Explained) -> Result<Vec<String>> {
        let open = nation.hub().store.break_list(Scope::default()).await?;
        let mut findings = explained.check(&open, nation.today());
        findings.extend(self.books_agree_or_the_difference_is_an_open_break(nation, &open).await?);
        let book = read(nation).await?;
        findings.extend(each_entry_is_in_one_period_or_on_the_list(&book));
        findings.extend(what_is_owed_follows_from_the_journal(nation, &book).await?);
        findings.extend(payable_is_receivable(nation, &book));
        findings.extend(self.a_closed_period_is_never_changed(nation, &book).await?);
        findings.extend(deductions_are_never_above_what_funds_paid(nation, &book).await?);
        Ok(findings)
    }

    async fn books_agree_or_the_difference_is_an_open_break(
        &mut self,
        nation: &Nation,
        open: &[OpenBreak],
    ) -> Result<Vec<String>> {
        let (stores, others) = nation.stores()?;
        let elsewhere = told_elsewhere(&others).await?;
        let mut findings = verify::findings_since(&stores, &mut self.checked, &elsewhere).await?;
        for other in &others {
            findings.extend(verify::the_treatment_side_shows_what_it_was_told(other, None).await?);
        }
        let known: BTreeSet<String> = open
            .iter()
            .flat_map(|open| {
                let (operation, settlement) = (readable(&open.found.operation), &open.found.settlement);
                [format!("operation {operation}"), format!("settlement {settlement}")]
            })
            .collect();
        let unexplained = findings.iter().filter(|Finding { subject, .. }| !known.contains(subject));
        Ok(unexplained.map(ToString::to_string).collect())
    }

    async fn a_closed_period_is_never_changed(&mut self, nation: &Nation, book: &Book) -> Result<Vec<String>> {
        let mut findings = Vec::new();
        for standing in book.periods.iter().filter(|standing| standing.record.is_closed) {
            let now = format!("{:?} {:?}", standing.record, standing.pairs);
            let then = self.closed.entry(standing.period).or_insert_with(|| now.clone());
            if *then != now {
                let month = standing.record.month;
                findings.push(format!("a closed period is never changed does not hold for {month}: {then}, now {now}"));
            }
            for (pair, held) in &standing.record.pairs {
                let version = held.statement.map_or(0, |statement| statement.version);
                let stated = nation.hub().store.statement_lots((standing.period, *pair), version).await?;
                let cleared = standing.pairs.get(pair).cloned().unwrap_or_default();
                if stated != cleared {
                    let what = "what was stated is what is cleared does not hold for";
                    findings.push(format!("{what} {pair:?} of {}: {stated:?} {cleared:?}", standing.record.month));
                }
            }
        }
        Ok(findings)
    }
}

async fn read(nation: &Nation) -> Result<Book> {
    let store = &nation.hub().store;
    let (turns, carried) = (verify::journal(store).await?, store.entry_carried_list().await?);
    let mut periods = Vec::new();
    for number in 1..=store.period_open().await?.number.0 {
        periods.extend(nation.clearing().standing(PeriodNumber(number)).await?);
    }
    Ok(Book { turns, carried, periods })
}

/// What the other treatment sides were told.
async fn told_elsewhere(others: &[TreatmentStore]) -> Result<Elsewhere> {
    let mut elsewhere = Elsewhere::new();
    for other in others {
        for row in other.told_list().await? {
            let key = convert::read_operation(&row.operation)?.key.to_text();
            let answer = row.outcome.map(|outcome| v1::Answer { outcome, book_seq: row.book_seq });
            elsewhere.insert(key, answer);
        }
    }
    Ok(elsewhere)
}

/// Followed from the period that it was booked in, out of one and into the next, an entry ends in one period or on the
/// list, and was carried nowhere else.
fn each_entry_is_in_one_period_or_on_the_list(book: &Book) -> Vec<String> {
    let mut carried: BTreeMap<(Position, i64), Vec<&CarriedEntry>> = BTreeMap::new();
    for entry in &book.carried {
        carried.entry((entry.position, entry.part)).or_default().push(entry);
    }
    let mut findings = Vec::new();
    let booked: BTreeMap<Position, PeriodNumber> = book.turns.iter().map(|turn| (turn.position, turn.period)).collect();
    for ((position, _), moves) in carried {
        let (mut at, mut left) = (booked.get(&position).copied(), moves.clone());
        while let Some(period) = at
            && let Some(next) = left.iter().position(|entry| entry.from == period)
        {
            at = left.remove(next).into;
        }
        if !left.is_empty() {
            let what = "each entry is in one period or on the list does not hold for";
            findings.push(format!("{what} position {}: booked in {:?}, {moves:?}", position.0, booked.get(&position)));
        }
    }
    findings
}

/// What pools owe each other in a period.
type Owed = BTreeMap<(PoolCode, PoolCode), Money>;

/// Entries − carried out + carried in − deductions, worked out from the journal alone, is what pairs clear; and the folded
/// sums are the journal's.
async fn what_is_owed_follows_from_the_journal(nation: &Nation, book: &Book) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    for Standing { period, record, pairs } in &book.periods {
        let store = &nation.hub().store;
        let (folded, journal) = (store.lot_totals(*period).await?, store.journal_totals(*period, READING).await?);
        let differences = folded.differences(&journal);
        if !differences.is_empty() {
            findings.push(format!("folded sums are the journal's does not hold for {}: {differences:?}", record.month));
        }
        let mut owed = Owed::new();
        for turn in book.turns.iter().filter(|turn| turn.period == *period) {
            *owed.entry(pools(turn)?).or_default() += turn.funds() + turn.account();
        }
        for entry in &book.carried {
            let (of, amount) = ((entry.posting.lot.home, entry.posting.lot.treatment), entry.posting.sums.owed());
            if entry.from == *period {
                *owed.entry(of).or_default() -= amount;
            }
            if entry.into == Some(*period) {
                *owed.entry(of).or_default() += amount;
            }
        }
        for (lot, sums) in store.clearing_movements(*period).await?.deducted.iter() {
            *owed.entry((lot.home, lot.treatment)).or_default() -= sums.owed();
        }
        let member = |pool: PoolCode| nation.country.regions.member_of(pool);
        owed.retain(|(home, treatment), amount| member(*home) != member(*treatment) && !amount.is_zero());
        let mut cleared = Owed::new();
        for (lot, cleared_of_lot) in pairs.values().flatten() {
            let Lot { home, treatment, .. } = lot;
            *cleared.entry((*home, *treatment)).or_default() += cleared_of_lot.owed();
        }
        cleared.retain(|_, amount| !amount.is_zero());
        if owed != cleared {
            let what = "a period clears its entries − carried out + carried in − deductions does not hold for";
            findings.push(format!("{what} {}: {owed:?} by the journal, {cleared:?} cleared", record.month));
        }
    }
    Ok(findings)
}

fn pools(turn: &SettlementTurn) -> Result<(PoolCode, PoolCode)> {
    match convert::read_operation(&turn.operation)?.request {
        Request::Settle(settle) => Ok((settle.home, settle.encounter.pool)),
        Request::Cancel(_) | Request::Reverse(_) => Err(anyhow::anyhow!("no settlement is made by an undoing")),
    }
}

fn payable_is_receivable(nation: &Nation, book: &Book) -> Vec<String> {
    let mut findings = Vec::new();
    for Standing { pairs, record, .. } in &book.periods {
        let (payable, receivable) = payable_and_receivable(record.month, pairs, &*nation.country.regions);
        let owed: Money = pairs.values().map(|lots| sum(lots).owed()).sum();
        if payable != receivable || payable != owed {
            let what = "payable is receivable does not hold for";
            findings.push(format!("{what} {}: {payable} payable, {receivable} receivable, {owed} owed", record.month));
        }
    }
    findings
}

/// Fund by fund, all deductions of a settlement that count are at most what it moved when it was made.
async fn deductions_are_never_above_what_funds_paid(nation: &Nation, book: &Book) -> Result<Vec<String>> {
    let mut taken: BTreeMap<SettlementId, Vec<ledger::hub::Deduction>> = BTreeMap::new();
    for deduction in nation.hub().store.deduction_list(None).await? {
        taken.entry(deduction.lodging.settlement.clone()).or_default().push(deduction);
    }
    let mut findings = Vec::new();
    for (settlement, deductions) in taken {
        let made = book.turns.iter().find(|turn| turn.settlement == settlement);
        let made = made.with_context(|| format!("{settlement} is in no journal"))?;
        let counting: Money =
            deductions.iter().filter(|held| held.standing.counts()).map(|held| held.agreed.total()).sum();
        if counting > made.funds() {
            let what = "deductions are never above what funds paid does not hold for";
            findings.push(format!("{what} {settlement}: {counting} of {}", made.funds()));
        }
    }
    Ok(findings)
}
