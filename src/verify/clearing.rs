//! That clearing holds (design.md section 12, invariant 7), checked on a hub's book: each settlement is cleared in at most
//! one period and stands on a list until it is, a period's obligations follow from its entries, what one member pays the
//! other receives, and a closed period is never changed. Each check is named as the sentence that must hold. Called by
//! `yidi verify` and by the simulator. What is taken off settlements and added to them afterwards is in
//! `clearing/afterwards.rs`, where it counts in `clearing/counted.rs`, what undoes something that is or was on the list in `clearing/apart.rs`.

mod afterwards;
mod apart;
mod counted;

use std::collections::BTreeMap;

use anyhow::Result;
use clearing::calendar::Calendar;
use clearing::cleared::{Cleared, by_pair, sum};
use clearing::members::PeriodMembers;
use clearing::obligation::{Lot, Sums};
use clearing::payment::dues;
use clearing::period::{Pair, PairRecord, Record};
use clearing::review::Deducted;
use ledger::hub::{CarriedOver, DoneAlone, HubStore, MisplacedHow, Noticed, PeriodNumber, Position};
use reconciliation::book::READING;
use settlement::adjudication::Fund;
use settlement::finding::Finding;
use settlement::ids::SettlementId;
use settlement::person::Insurance;
use settlement::region::RegionTable;

pub use afterwards::{
    corrections_are_posted_once_their_batch_is_in_force, deductions_are_posted_as_they_happen,
    nothing_posted_is_carried_more_often_than_the_calendar_says, prefund_payments_are_what_their_changes_ask_for,
    what_builds_on_what_is_listed_waits_with_it, what_is_posted_counts_or_is_listed,
    what_is_posted_leaves_a_period_only_where_it_was, what_is_posted_stands_only_while_its_settlement_does,
};
pub use apart::what_undoes_something_counts_only_beside_it;
pub use counted::{Counted, what_is_posted_counts_in_one_place};

/// By what clearing is checked beside the book itself. What needs one that is not at hand is left out.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rules<'r> {
    /// Which member a pool belongs to: without it nobody can say whether a statement leaves a lot out.
    pub regions: Option<&'r RegionTable>,
    /// How often an entry may be carried over.
    pub calendar: Option<&'r Calendar>,
}

/// Everything in a hub's clearing that should not be. While somebody folds the book or clears, a check may see one half
/// of what is done.
///
/// # Errors
/// When the book cannot be read.
pub async fn findings(hub: &HubStore, rules: Rules<'_>) -> Result<Vec<Finding>> {
    let mut findings = each_entry_is_in_exactly_one_period(hub).await?;
    findings.extend(each_branch_counts_what_its_period_holds(hub).await?);
    findings.extend(what_is_carried_out_is_carried_in_once_or_listed(hub).await?);
    if let Some(calendar) = rules.calendar {
        findings.extend(nothing_is_carried_more_often_than_the_calendar_says(hub, calendar).await?);
        findings.extend(nothing_posted_is_carried_more_often_than_the_calendar_says(hub, calendar).await?);
    }
    findings.extend(deductions_stay_within_what_each_fund_paid(hub).await?);
    findings.extend(deductions_are_posted_as_they_happen(hub).await?);
    findings.extend(corrections_are_posted_once_their_batch_is_in_force(hub).await?);
    findings.extend(what_is_posted_stands_only_while_its_settlement_does(hub).await?);
    findings.extend(what_is_posted_leaves_a_period_only_where_it_was(hub).await?);
    findings.extend(what_is_posted_counts_in_one_place(hub).await?);
    findings.extend(what_is_posted_counts_or_is_listed(hub).await?);
    findings.extend(what_builds_on_what_is_listed_waits_with_it(hub).await?);
    findings.extend(what_undoes_something_counts_only_beside_it(hub).await?);
    findings.extend(prefund_payments_are_what_their_changes_ask_for(hub).await?);
    findings.extend(what_takes_two_people_was_done_by_two(hub).await?);
    let open = hub.period_open().await?.number;
    for period in (1..=open.0).map(PeriodNumber) {
        findings.extend(a_periods_sums_are_its_journals(hub, period).await?);
        findings.extend(
            a_statement_is_entries_less_carried_out_with_carried_in_less_deductions_with_corrections(
                hub, period, rules,
            )
            .await?,
        );
        findings.extend(payable_is_receivable(hub, period).await?);
        findings.extend(a_closed_period_is_agreed_on_and_paid(hub, period).await?);
    }
    Ok(findings)
}

/// Each entry of the journal is stamped with one period, and is in the sums of that one and of no other.
///
/// # Errors
/// When the book cannot be read.
pub async fn each_entry_is_in_exactly_one_period(hub: &HubStore) -> Result<Vec<Finding>> {
    let misplaced = hub.entry_misplaced().await?.into_iter().map(|misplaced| {
        let period = misplaced.period;
        let problem = match misplaced.how {
            MisplacedHow::NoPeriod => format!("it is stamped with period {period}, which there is not"),
            MisplacedHow::OtherPeriod => format!("it is summed up in period {period}, which is not its own"),
            MisplacedHow::NotSummed => format!("period {period} is folded, and it is in no sum"),
            MisplacedHow::NoEntry => format!("it is summed up in period {period}, and is no entry"),
        };
        finding("each entry is in exactly one period", format!("position {}", misplaced.position.0), problem)
    });
    Ok(misplaced.collect())
}

/// Each day between two pools counts the entries that its period holds: what was not compared is found by that.
///
/// # Errors
/// When the book cannot be read.
pub async fn each_branch_counts_what_its_period_holds(hub: &HubStore) -> Result<Vec<Finding>> {
    let told = hub.branch_miscounted().await?.into_iter().map(|(period, branch)| {
        let subject = format!("{} → {} on {} in period {period}", branch.home, branch.treatment, branch.day);
        let problem = "it counts another number of entries than it holds".to_owned();
        finding("each branch counts what its period holds", subject, problem)
    });
    Ok(told.collect())
}

/// What is folded of a period is what its entries come to, and once it is folded, what its journal says.
///
/// # Errors
/// When the book cannot be read.
pub async fn a_periods_sums_are_its_journals(hub: &HubStore, period: PeriodNumber) -> Result<Vec<Finding>> {
    let (folded, entries) = hub.folded_twice(period).await?;
    let mut differences = folded.differences(&entries);
    if record(hub, period).await?.is_some_and(|record| record.is_folded) {
        differences.extend(folded.differences(&hub.journal_totals(period, READING).await?));
    }
    let told = |(lot, folded, journal): (Lot, Sums, Sums)| {
        let problem = format!("{}: {} folded, {} by its entries", between(&lot), folded.owed(), journal.owed());
        finding("a period's sums are its journal's", format!("period {period}"), problem)
    };
    Ok(differences.into_iter().map(told).collect())
}

/// What the newest statement of a pair says, once nobody objects to it, is the period's entries − carried out + carried
/// in − deductions + corrections, lot by lot, and what is due is the sum of it. So what is stated, noticed and closed never changes.
///
/// # Errors
/// When the book cannot be read.
pub async fn a_statement_is_entries_less_carried_out_with_carried_in_less_deductions_with_corrections(
    hub: &HubStore,
    period: PeriodNumber,
    rules: Rules<'_>,
) -> Result<Vec<Finding>> {
    let Some(record) = record(hub, period).await? else { return Ok(Vec::new()) };
    let movements = hub.clearing_movements(period).await?;
    let of_lots = by_pair(&movements, &RegionTable::default());
    let of_lots: BTreeMap<Lot, Cleared> = of_lots.into_values().flatten().collect();
    let recorded = hub.period_members(period).await?;
    let of_pairs = rules.regions.map(|regions| by_pair(&movements, &PeriodMembers::new(recorded, regions)));
    let mut findings = Vec::new();
    let mut wrong = |pair: &Pair, problem: String| {
        let invariant = "a statement is entries − carried out + carried in − deductions + corrections";
        findings.push(finding(invariant, format!("{} in period {period}", of(pair)), problem));
    };
    for (pair, held) in &record.pairs {
        let Some(statement) = held.statement else { continue };
        let stated = hub.statement_lots((period, *pair), statement.version).await?;
        for (insurance, lots) in dues(&stated).iter() {
            let due = held.payables.of(insurance).due;
            if *lots != due {
                wrong(pair, format!("{due} is due of {} money, and its lots come to {lots}", insurance.word()));
            }
        }
        let expected = match &of_pairs {
            Some(pairs) => pairs.get(pair).cloned().unwrap_or_default(),
            None => {
                let same = |lot: &Lot| of_lots.get(lot).copied().map(|cleared| (*lot, cleared));
                stated.keys().filter_map(same).collect()
            }
        };
        if !statement.is_objected && stated != expected {
            let (stated, expected) = (sum(&stated).owed(), sum(&expected).owed());
            wrong(pair, format!("{stated} is stated lot by lot, and the book comes to {expected} otherwise"));
        }
    }
    if record.is_closed {
        let unstated = of_pairs.iter().flatten().filter(|(pair, _)| !record.pairs.contains_key(pair));
        for (pair, lots) in unstated.collect::<Vec<_>>() {
            wrong(pair, format!("nothing is stated of {}", sum(lots).owed()));
        }
    }
    Ok(findings)
}

/// What a member pays is what the other receives: the notices of a pair ask both for what is stated of each insurance's
/// money, what both sides recorded of the payment is that, and nothing that is due goes without.
///
/// # Errors
/// When the book cannot be read.
pub async fn payable_is_receivable(hub: &HubStore, period: PeriodNumber) -> Result<Vec<Finding>> {
    let Some(record) = record(hub, period).await? else { return Ok(Vec::new()) };
    let mut findings = Vec::new();
    let mut wrong = |pair: &Pair, problem: String| {
        findings.push(finding("payable is receivable", format!("{} in period {period}", of(pair)), problem));
    };
    let all_noticed = hub.notice_list(period).await?;
    for noticed in &all_noticed {
        let held = record.pairs.get(&noticed.pair).cloned().unwrap_or_default();
        let payable = held.payables.of(noticed.insurance);
        let stated = held.statement.filter(|statement| statement.version == noticed.version).map(|_| payable.due);
        if stated != Some(noticed.due) {
            let newest = held.statement.map(|statement| statement.version);
            let (version, due) = (noticed.version, noticed.due);
            wrong(&noticed.pair, format!("{due} noticed by version {version}, {} by {newest:?}", payable.due));
        }
        for (side, payment) in [("paid", &payable.paid), ("received", &payable.received)] {
            let amount = noticed.due.max(-noticed.due);
            if let Some(payment) = payment.as_ref().filter(|payment| payment.amount != amount) {
                wrong(&noticed.pair, format!("{side} {}, noticed {amount}", payment.amount));
            }
        }
    }
    for (pair, held) in &record.pairs {
        let is_noticed = |of: Insurance| all_noticed.iter().any(|one| one.pair == *pair && one.insurance == of);
        let recorded = held.payables.iter().filter(|(_, payable)| payable.paid.is_some() || payable.received.is_some());
        for (insurance, _) in recorded.filter(|(insurance, _)| !is_noticed(*insurance)) {
            wrong(pair, format!("{} money is paid without a notice", insurance.word()));
        }
    }
    findings.extend(a_noticed_pair_has_a_notice_of_each_insurance_that_is_due(period, &record, &all_noticed));
    Ok(findings)
}

/// The notices of a pair come all at once: as soon as it has one, it has one of each insurance's money that is due, and none
/// of which nothing is due. What has none is never paid, and its period never closed.
fn a_noticed_pair_has_a_notice_of_each_insurance_that_is_due(
    period: PeriodNumber,
    record: &Record,
    noticed: &[Noticed],
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut wrong = |pair: &Pair, problem: String| {
        let invariant = "a noticed pair has a notice of each insurance that is due";
        findings.push(finding(invariant, format!("{} in period {period}", of(pair)), problem));
    };
    for (pair, held) in record.pairs.iter().filter(|(_, held)| held.noticed_on.is_some()) {
        for (insurance, payable) in held.payables.iter() {
            let is_noticed = noticed.iter().any(|one| one.pair == *pair && one.insurance == insurance);
            let (due, word) = (payable.due, insurance.word());
            match (is_noticed, due.is_zero()) {
                (true, false) | (false, true) => {}
                (false, false) => wrong(pair, format!("{due} is due of {word} money, and there is no notice of it")),
                (true, true) => wrong(pair, format!("nothing is due of {word} money, and there is a notice of it")),
            }
        }
    }
    findings
}

/// What is carried out of a period was in it, is carried into one later period or stands on the list, and is carried no
/// further once it does.
///
/// # Errors
/// When the book cannot be read.
pub async fn what_is_carried_out_is_carried_in_once_or_listed(hub: &HubStore) -> Result<Vec<Finding>> {
    let invariant = "what is carried out is carried in once or listed";
    let mut findings = Vec::new();
    for ((position, part), way) in ways(&hub.carried_list().await?) {
        let mut in_it = way.first().map(|first| first.booked);
        let place =
            |period: Option<PeriodNumber>| period.map_or("the list".to_owned(), |period| format!("period {period}"));
        for carried in way {
            if in_it != carried.from {
                let problem = format!("it left {}, and was in {}", place(carried.from), place(in_it));
                findings.push(finding(invariant, entry(position, part), problem));
            }
            if let (Some(from), Some(into)) = (carried.from, carried.into)
                && into <= from
            {
                let problem = format!("it was carried out of period {from} into {into}");
                findings.push(finding(invariant, entry(position, part), problem));
            }
            in_it = carried.into;
        }
    }
    Ok(findings)
}

/// An entry is carried into another period at most as often as the calendar of its month says.
///
/// # Errors
/// When the book cannot be read.
pub async fn nothing_is_carried_more_often_than_the_calendar_says(
    hub: &HubStore,
    calendar: &Calendar,
) -> Result<Vec<Finding>> {
    let mut limits = Limits::of(hub, calendar);
    let mut findings = Vec::new();
    for ((position, part), way) in ways(&hub.carried_list().await?) {
        let Some(booked) = way.first().map(|first| first.booked) else { continue };
        // What two people have cleared from the list goes where they say.
        let by_calendar = way.iter().filter(|carried| carried.from.is_some());
        let into: Vec<PeriodNumber> = by_calendar.filter_map(|carried| carried.into).collect();
        if let Some(problem) = limits.broken(booked, &into).await? {
            let invariant = "nothing is carried more often than the calendar says";
            findings.push(finding(invariant, entry(position, part), problem));
        }
    }
    Ok(findings)
}

/// How often what a period booked or posted may be carried over.
struct Limits<'c> {
    hub: &'c HubStore,
    calendar: &'c Calendar,
    known: BTreeMap<PeriodNumber, usize>,
}

impl<'c> Limits<'c> {
    fn of(hub: &'c HubStore, calendar: &'c Calendar) -> Limits<'c> {
        Limits { hub, calendar, known: BTreeMap::new() }
    }

    /// What is wrong with what began in a period and was carried into these others.
    async fn broken(&mut self, began: PeriodNumber, into: &[PeriodNumber]) -> Result<Option<String>> {
        let limit = match self.known.get(&began) {
            Some(limit) => *limit,
            None => {
                let month = self.hub.clearing_month_of(began).await?;
                let at_most = |month| usize::from(self.calendar.rules(month).clearing.carried_at_most);
                *self.known.entry(began).or_insert(month.map_or(0, at_most))
            }
        };
        let times = into.len();
        let furthest = into.iter().map(|into| into.0 - began.0).max().unwrap_or(0);
        let is_broken = times > limit || usize::try_from(furthest).is_ok_and(|furthest| furthest > limit);
        Ok(is_broken.then(|| format!("it was carried {times} times and {furthest} periods far, and may be {limit}")))
    }
}

/// All deductions of one settlement together take off no more than each fund paid for it, with what corrections added, and
/// no correction leaves a fund below nothing.
///
/// # Errors
/// When the book cannot be read.
pub async fn deductions_stay_within_what_each_fund_paid(hub: &HubStore) -> Result<Vec<Finding>> {
    let paid = hub.changed_settlements().await?;
    let mut taken: BTreeMap<SettlementId, Deducted> = BTreeMap::new();
    for deduction in hub.deduction_list(None).await?.into_iter().filter(|deduction| deduction.standing.counts()) {
        *taken.entry(deduction.lodging.settlement).or_default() += deduction.agreed;
    }
    let mut findings = Vec::new();
    for settlement in taken.keys().filter(|settlement| !paid.contains_key(settlement)) {
        let invariant = "deductions stay within what each fund paid";
        findings.push(finding(invariant, format!("settlement {settlement}"), "it is not booked".into()));
    }
    for (settlement, paid) in paid {
        let (paid, taken) = (paid.funds, taken.get(&settlement).copied().unwrap_or_default());
        for fund in Fund::ALL.into_iter().filter(|fund| taken.of(*fund) > paid.of(*fund)) {
            let problem = format!("{}: {} taken off {}", fund.word(), taken.of(fund), paid.of(fund));
            let invariant = "deductions stay within what each fund paid";
            findings.push(finding(invariant, format!("settlement {settlement}"), problem));
        }
    }
    Ok(findings)
}

/// What ended on the list was proposed and approved by two certificates of two seats, two records of a payment were accepted
/// by two, and a batch of corrections was approved by another than who put it forward, one of the two of the home region.
///
/// # Errors
/// When the book cannot be read.
pub async fn what_takes_two_people_was_done_by_two(hub: &HubStore) -> Result<Vec<Finding>> {
    let told = hub.done_alone().await?.into_iter().map(|alone| {
        let (subject, problem) = match alone {
            DoneAlone::Listed { settlement, part } => {
                (format!("settlement {settlement}, part {part}"), "it left the list without two people of two seats")
            }
            DoneAlone::Payment { place } => (place, "one certificate accepted its records for both sides"),
            DoneAlone::Batch { id } => (format!("batch {id}"), "who put it forward approved it"),
            DoneAlone::BatchOfOthers { id } => (
                format!("batch {id}"),
                "it was corrected without a person of the home region and a second of it or the centre",
            ),
        };
        finding("what takes two people was done by two", subject, problem.into())
    });
    Ok(told.collect())
}

/// In a closed period every pair is agreed on, and paid on both sides where something was due; and it is closed once.
///
/// # Errors
/// When the book cannot be read.
pub async fn a_closed_period_is_agreed_on_and_paid(hub: &HubStore, period: PeriodNumber) -> Result<Vec<Finding>> {
    let Some(record) = record(hub, period).await?.filter(|record| record.is_closed) else { return Ok(Vec::new()) };
    let unsettled = |held: &PairRecord| !held.is_settled();
    let open = record.pairs.iter().filter(|(_, held)| unsettled(held)).map(|(pair, held)| {
        let problem = format!("it is closed with {} due and not settled", held.owed());
        finding("a closed period is agreed on and paid", format!("{} in period {period}", of(pair)), problem)
    });
    Ok(open.collect())
}

/// What is recorded of a period; none where it has no month yet. Its pairs are those of which something was stated.
async fn record(hub: &HubStore, period: PeriodNumber) -> Result<Option<Record>> {
    Ok(hub.clearing_record(period, BTreeMap::new()).await?)
}

/// The way of each entry that was carried, from period to period.
fn ways(carried: &[CarriedOver]) -> BTreeMap<(Position, i64), Vec<CarriedOver>> {
    let mut ways: BTreeMap<(Position, i64), Vec<CarriedOver>> = BTreeMap::new();
    for one in carried {
        ways.entry((one.position, one.part)).or_default().push(*one);
    }
    ways
}

fn of(pair: &Pair) -> String {
    format!("{} → {}", pair.home, pair.treatment)
}

fn between(lot: &Lot) -> String {
    format!("{} → {} {} {}", lot.home, lot.treatment, lot.insurance.word(), lot.care.word())
}

fn entry(position: Position, part: i64) -> String {
    format!("position {}, part {part}", position.0)
}

fn finding(invariant: &'static str, subject: String, problem: String) -> Finding {
    Finding { invariant, subject, problem }
}
