//! `yidi reconcile hospital`: hospitals' books as the operator of a treatment side sees them: which days of which groups
//! each hospital compared (3201, 3202), what differs and since when, and what was never compared. It looks at the store
//! beside the process that serves, and changes nothing.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use clearing::breaks::age_days;
use clearing::calendar::Calendar;
use clearing::hospital::coverage::{Compared, Coverage, GroupDay, coverage, is_overdue, standing};
use clearing::hospital::{Amounts, Direction, Figures, Kind, Proposal, proposal};
use jiff::ToSpan as _;
use jiff::civil::Date;
use ledger::clock::Clock;
use ledger::engine::Location;
use ledger::treatment::{HospitalRow, Session, SettledDay, StoredComparison, StoredDifference, TreatmentStore};
use proto::convert::read_leaf;
use serde_json::{Value, json};
use settlement::beijing;
use settlement::money::Money;

use super::print_json;
use crate::cli::Ending;
use crate::verify::read_calendar;
use crate::{output, roles};

/// So many days are shown where none are named.
const DAYS_SHOWN: i64 = 40;

/// Of which hospitals and days, and where the store is.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The treatment side's configuration file.
    #[arg(long, required_unless_present = "store")]
    config: Option<PathBuf>,
    /// Its store instead: a file, or a PostgreSQL database.
    #[arg(long, conflicts_with = "config")]
    store: Option<Location>,
    /// One institution's code; all where none is given.
    #[arg(long, default_value = "")]
    institution: String,
    /// The first day, yyyy-mm-dd; 40 days are shown where none is given.
    #[arg(long)]
    from: Option<Date>,
    /// The last day; today where none is given.
    #[arg(long)]
    to: Option<Date>,
    /// The calendar: what is not agreed on by its `hospitals_by` is shown as overdue.
    #[arg(long)]
    calendar: Option<PathBuf>,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

/// What is to be shown.
struct View {
    days: Vec<Day>,
    differences: Vec<Difference>,
}

/// A day of a group.
struct Day {
    settled: SettledDay,
    stands: Coverage,
    /// The last comparison that reaches it.
    last: Option<StoredComparison>,
    /// Whether it should be agreed on by now, as far as a calendar was given.
    overdue: bool,
}

/// What differs: a row, or the sums of a group that were not looked into row by row.
struct Difference {
    comparison: StoredComparison,
    row: Option<StoredDifference>,
}

/// Shows them.
///
/// # Errors
/// When the store cannot be read.
pub async fn run(arguments: Arguments) -> Result<Ending> {
    let today = Clock::real().today();
    let to = arguments.to.unwrap_or(today);
    let from = arguments.from.unwrap_or_else(|| to.saturating_sub((DAYS_SHOWN - 1).days()));
    ensure!(from <= to, "--from lies after --to");
    let calendar = arguments.calendar.as_deref().map(read_calendar).transpose()?;
    let store = TreatmentStore::open_to_look(&location(&arguments)?).context("cannot look at the store")?;
    let institution = arguments.institution.clone();
    let mut view = store.look(move |session| look(session, &institution, (from, to))).await?;
    for day in &mut view.days {
        let overdue = |calendar: &Calendar| is_overdue(day.stands, day.settled.day.day, today, calendar);
        day.overdue = calendar.as_ref().is_some_and(overdue);
    }
    if arguments.json {
        print_json(&in_json(&view, today))?;
    } else {
        print(&view, today);
    }
    Ok(Ending::of(view.differences.is_empty()))
}

fn location(arguments: &Arguments) -> Result<Location> {
    match (&arguments.store, &arguments.config) {
        (Some(store), _) => Ok(store.clone()),
        (None, Some(config)) => Ok(roles::read::<his::Config>(config)?.store_location()?),
        (None, None) => bail!("give --config or --store"),
    }
}

fn look(session: &Session<'_, '_>, institution: &str, days: (Date, Date)) -> Result<View, ledger::store::StoreError> {
    let settled = with_unfolded(session, session.hospital_days(institution, days)?, institution, days)?;
    let stored = session.hospital_comparison_list(institution, days)?;
    let compared: Vec<Compared> = stored.iter().map(|one| one.compared.clone()).collect();
    let group_days: Vec<GroupDay> = settled.iter().map(|settled| settled.day.clone()).collect();
    let stands = standing(&group_days, &compared);
    let mut differences = Vec::new();
    for comparison in stored.iter().filter(|one| !one.compared.agrees && stands.contains(&one.compared.number)) {
        let rows = session.hospital_difference_list(comparison.compared.number)?;
        let of = |row| Difference { comparison: comparison.clone(), row };
        if rows.is_empty() {
            differences.push(of(None));
        }
        differences.extend(rows.into_iter().map(|row| of(Some(row))));
    }
    let days = settled.into_iter().map(|settled| {
        let (stands, last) = coverage(&settled.day, &compared);
        let last = last.and_then(|last| stored.iter().find(|one| one.compared.number == last.number)).cloned();
        Day { settled, stands, last, overdue: false }
    });
    Ok(View { days: days.collect(), differences })
}

/// Adds what the book holds that is not folded yet. No comparison can have seen it: each folds first.
fn with_unfolded(
    session: &Session<'_, '_>,
    settled: Vec<SettledDay>,
    institution: &str,
    (from, to): (Date, Date),
) -> Result<Vec<SettledDay>, ledger::store::StoreError> {
    let key = |day: &GroupDay| {
        let GroupDay { institution, day, insurance, clearing_class, agency, newest: _ } = day.clone();
        (institution, day, insurance, clearing_class, agency)
    };
    let mut by_day: BTreeMap<_, SettledDay> = settled.into_iter().map(|settled| (key(&settled.day), settled)).collect();
    let asked = |row: &HospitalRow| {
        (institution.is_empty() || row.institution == institution) && (from..=to).contains(&row.day)
    };
    for row in session.hospital_list_unfolded(read_leaf)?.into_iter().filter(asked) {
        let HospitalRow { institution, day, insurance, clearing_class, agency, .. } = row;
        let day = GroupDay { institution, day, insurance, clearing_class, agency, newest: i64::MAX };
        let fresh = SettledDay { day: day.clone(), figures: Figures::default() };
        let settled = by_day.entry(key(&day)).or_insert(fresh);
        settled.day.newest = i64::MAX;
        settled.figures.count += 1;
        settled.figures.amounts += row.row.amounts;
    }
    Ok(by_day.into_values().collect())
}

impl Difference {
    /// The word of its kind: of the row, or that the sums alone are known to differ.
    fn kind(&self) -> &'static str {
        self.row.as_ref().map_or("totals-differ", |row| row.difference.kind.word())
    }

    fn proposed(&self) -> Option<Proposal> {
        self.row.as_ref().map(|row| proposal(row.difference.kind, row.difference.direction))
    }

    /// The day by which it counts its age: the last of those that were compared.
    fn day(&self) -> Date {
        self.comparison.compared.days.1
    }

    fn own(&self) -> Option<Amounts> {
        self.row.as_ref().map_or(Some(self.comparison.own.amounts), |row| row.difference.own)
    }

    fn told(&self) -> Option<Amounts> {
        self.row.as_ref().map_or(Some(self.comparison.told.amounts), |row| row.difference.told)
    }

    /// Whether this side's row was reversed since it was found.
    fn reversed_since(&self) -> bool {
        self.row.as_ref().is_some_and(|row| row.reversed_since)
    }
}

fn in_json(view: &View, today: Date) -> Value {
    let days = view.days.iter().map(|Day { settled, stands, last, overdue }| {
        let GroupDay { institution, day, insurance, clearing_class, agency, newest: _ } = &settled.day;
        let Figures { count, amounts } = settled.figures;
        json!({ "fixmedins_code": institution, "day": day.to_string(), "insutype": insurance, "clr_type": clearing_class,
            "clr_optins": agency, "count": count, "medfee_sumamt": amounts.total.to_string(),
            "fund_pay_sumamt": amounts.funds.to_string(), "acct_pay": amounts.account.to_string(),
            "stands": stands.word(), "overdue": overdue, "compared_by": last.as_ref().map(|last| &last.transaction),
            "compared_at": last.as_ref().map(|last| last.at.to_string()) })
    });
    let differences = view.differences.iter().map(|found| {
        let Compared { institution, days, insurance, clearing_class, agency, .. } = &found.comparison.compared;
        let row = found.row.as_ref().map(|row| &row.difference);
        let side = |amounts: Option<Amounts>| {
            amounts.map(|Amounts { total, funds, account }| {
                json!({ "medfee_sumamt": total.to_string(), "fund_pay_sumamt": funds.to_string(),
                    "acct_pay": account.to_string() })
            })
        };
        json!({ "fixmedins_code": institution, "from": days.0.to_string(), "to": days.1.to_string(),
            "insutype": insurance, "clr_type": clearing_class, "clr_optins": agency,
            "kind": found.kind(), "setl_id": row.map(|row| &row.settlement), "mdtrt_id": row.map(|row| &row.encounter),
            "psn_no": row.map(|row| &row.person), "refd_setl_flag": row.map(|row| flag(row.direction)),
            "centre": side(found.own()), "hospital": side(found.told()), "age_days": age_days(found.day(), today),
            "reversed_since": found.reversed_since(),
            "proposed": proposed_word(found) })
    });
    json!({ "days": days.collect::<Value>(), "differences": differences.collect::<Value>() })
}

fn print(view: &View, today: Date) {
    if view.days.is_empty() && view.differences.is_empty() {
        output::line("这些日子没有结算");
        return;
    }
    let mut institutions: BTreeMap<&str, [usize; 4]> = BTreeMap::new();
    for day in &view.days {
        let counts = institutions.entry(&day.settled.day.institution).or_default();
        counts[place(day.stands)] += 1;
    }
    let mut table = output::table(["机构", "一致", "不一致", "对账后有新增", "未对账"]);
    for (institution, counts) in institutions {
        table.add_row([institution.to_owned()].into_iter().chain(counts.map(|count| count.to_string())));
    }
    output::numbers_from(&mut table, 1);
    output::line(&table.to_string());
    print_days(&view.days);
    print_differences(&view.differences, today);
}

/// The days that do not stand agreed.
fn print_days(days: &[Day]) {
    let mut open = days.iter().filter(|day| day.stands != Coverage::Agrees).peekable();
    if open.peek().is_none() {
        return;
    }
    let mut table =
        output::table(["机构", "日期", "insutype", "clr_type", "clr_optins", "状态", "对账时间", "笔数", "总额"]);
    for Day { settled, stands, last, overdue } in open {
        let GroupDay { institution, day, insurance, clearing_class, agency, newest: _ } = &settled.day;
        let at = last.as_ref().map(|last| beijing::at_desk(last.at).strftime("%Y-%m-%d %H:%M:%S").to_string());
        table.add_row([
            institution.clone(),
            day.to_string(),
            insurance.clone(),
            clearing_class.clone(),
            agency.clone(),
            format!("{}{}", stands_in_words(*stands), if *overdue { ",已逾期" } else { "" }),
            at.unwrap_or_default(),
            settled.figures.count.to_string(),
            settled.figures.amounts.total.to_string(),
        ]);
    }
    output::numbers_from(&mut table, 7);
    output::line(&table.to_string());
}

fn print_differences(differences: &[Difference], today: Date) {
    if differences.is_empty() {
        output::line("没有差异");
        return;
    }
    let header = [
        "机构",
        "日期",
        "insutype",
        "clr_type",
        "clr_optins",
        "差异",
        "setl_id",
        "退费",
        "中心总额",
        "医院总额",
        "天数",
        "建议",
    ];
    let mut table = output::table(header);
    for found in differences {
        let Compared { institution, days: (from, to), insurance, clearing_class, agency, .. } =
            &found.comparison.compared;
        let total =
            |amounts: Option<Amounts>| amounts.map(|amounts| amounts.total).map(|total: Money| total.to_string());
        let row = found.row.as_ref().map(|row| &row.difference);
        let days = if from == to { from.to_string() } else { format!("{from}至{to}") };
        table.add_row([
            institution.clone(),
            days,
            insurance.clone(),
            clearing_class.clone(),
            agency.clone(),
            row.map_or("总额不一致", |row| kind_in_words(row.kind)).to_owned(),
            row.map(|row| row.settlement.clone()).unwrap_or_default(),
            row.map(|row| flag(row.direction).to_owned()).unwrap_or_default(),
            total(found.own()).unwrap_or_default(),
            total(found.told()).unwrap_or_default(),
            age_days(found.day(), today).to_string(),
            proposed_in_words(found).to_owned(),
        ]);
    }
    output::line(&table.to_string());
}

fn place(stands: Coverage) -> usize {
    match stands {
        Coverage::Agrees => 0,
        Coverage::Differs => 1,
        Coverage::GrewSince => 2,
        Coverage::Never => 3,
    }
}

fn stands_in_words(stands: Coverage) -> &'static str {
    match stands {
        Coverage::Agrees => "一致",
        Coverage::Differs => "不一致",
        Coverage::GrewSince => "对账后有新增",
        Coverage::Never => "未对账",
    }
}

fn kind_in_words(kind: Kind) -> &'static str {
    match kind {
        Kind::CentreMore => "中心多",
        Kind::HospitalMore => "医院多",
        Kind::DataDiffer => "数据不一致",
    }
}

fn proposed_word(found: &Difference) -> &'static str {
    match found.proposed() {
        Some(proposal) => proposal.word(),
        None if found.comparison.own.count == 0 => "check-group",
        None => "compare-3202",
    }
}

fn proposed_in_words(found: &Difference) -> &'static str {
    match found.proposed() {
        _ if found.reversed_since() => "已冲正,待重新对账",
        None if found.comparison.own.count == 0 => "本侧无此组结算,请核对险种、清算类别、经办机构",
        None => "逐笔对账3202",
        Some(Proposal::Query) => "补查5203",
        Some(Proposal::Reverse) => "冲正2601",
        Some(Proposal::Investigate) => "人工核查",
    }
}

/// `refd_setl_flag`.
fn flag(direction: Direction) -> &'static str {
    match direction {
        Direction::Forward => "0",
        Direction::Backward => "1",
    }
}
