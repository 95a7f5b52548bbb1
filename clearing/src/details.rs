//! What stands behind the figures of a period, settlement by settlement: entries booked, carried in and out,
//! deducted and corrected. The detail documents, and the lists that rows of statements lead to, are made from it; both add up to the
//! statements.

use std::collections::BTreeMap;

use jiff::civil::Date;
use settlement::adjudication::{Fund, FundShares};
use settlement::encounter::CareKind;
use settlement::ids::{MemberCode, PoolCode, SettlementId};
use settlement::money::Money;
use settlement::person::Insurance;
use settlement::postings::Turn;

use crate::breaks::reason;
use crate::document::{Cell, Column, ColumnKind, Document, Row, Sign};
use crate::figures::{DEDUCTED, net_columns};
use crate::month::Month;
use crate::obligation::{Lot, Payer, Sums};
use crate::period::{Pair, Side};
use crate::review::Objection;
use crate::statement::{Names, document};

/// The column that names what is carried without its settlement, and the one that says where it came from.
const ALONE: &str = "扣款编号或更正批次";
const CAME_FROM: &str = "转自所属期";

/// How an entry comes to count in a period, or not to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Movement {
    /// It was booked in it.
    Booked(Turn),
    /// It was carried into it.
    CarriedIn,
    /// It was carried out of it.
    CarriedOut,
    /// It was deducted or corrected, and came into it without its settlement, which another period clears. It counts among
    /// its own, so it moves nothing here, and what it comes to is told as what goes along.
    CameAlone(Alone),
    /// The same, and it went out of it.
    WentAlone(Alone),
    /// It was deducted in it.
    Deducted {
        /// The deduction's id.
        id: String,
        /// When agency and hospital agreed, or it was given back.
        on: Date,
        /// What the hospital had objected; none where it did not.
        objection: Option<Objection>,
    },
    /// It was worked out again after a late change, and comes to something else.
    Recomputed {
        /// The batch.
        batch: String,
        /// When that took effect, or it was given back.
        on: Date,
        /// What the funds paid before.
        told: FundShares,
        /// What they pay since.
        now: FundShares,
    },
}

/// What is carried without its settlement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Alone {
    /// A deduction, by its id.
    Deduction(String),
    /// A correction, by its batch.
    Correction(String),
}

impl Movement {
    /// What documents call it.
    pub fn name(&self) -> &'static str {
        match self {
            Movement::Booked(Turn::Enter) => "结算",
            Movement::Booked(Turn::Counter) => "撤销",
            Movement::Booked(Turn::Reinstate) => "恢复",
            Movement::CarriedIn | Movement::CameAlone(_) => "上期转入",
            Movement::CarriedOut | Movement::WentAlone(_) => "转出下期",
            Movement::Deducted { id: _, on: _, objection: _ } => DEDUCTED,
            Movement::Recomputed { .. } => "重算更正",
        }
    }
}

/// One entry behind the figures of a period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The settlement.
    pub settlement: SettlementId,
    /// Between whom, and for what.
    pub lot: Lot,
    /// How it counts.
    pub movement: Movement,
    /// The day of `setl_time` of what was booked.
    pub day: Option<Date>,
    /// The month that it corrects, comes from or goes into, or the one that clears the settlement that a deduction or a
    /// correction is about; none where that is the list, and where it corrects nothing.
    pub other: Option<Month>,
    /// Why, where it did not simply happen.
    pub reason: String,
    /// What it moves, with the sign with which it counts in what is cleared.
    pub sums: Sums,
    /// What deductions and corrections that are carried with it come to, with the sign with which they count: they stand
    /// among their own, so this is told and not added; of what is carried alone, what it comes to. Nothing of what is not
    /// carried.
    pub along: Money,
}

impl Entry {
    /// What it moves of what is cleared before deductions: nothing where it is one itself.
    pub fn gross(&self) -> Sums {
        match self.movement {
            Movement::Deducted { .. } | Movement::CameAlone(_) | Movement::WentAlone(_) => Sums::default(),
            Movement::Booked(_) | Movement::CarriedIn | Movement::CarriedOut | Movement::Recomputed { .. } => self.sums,
        }
    }

    /// Whether it stands behind the rows of statements: what is carried alone does so as the deduction or the correction that
    /// it is.
    pub fn is_behind_rows(&self) -> bool {
        match self.movement {
            Movement::CameAlone(_) | Movement::WentAlone(_) => false,
            Movement::Booked(_)
            | Movement::CarriedIn
            | Movement::CarriedOut
            | Movement::Deducted { .. }
            | Movement::Recomputed { .. } => true,
        }
    }

    /// 审核扣款: what it takes off; negative where that is given back, nothing where it is no deduction.
    pub fn deducted(&self) -> Money {
        self.gross().owed() - self.sums.owed()
    }
}

/// 转入转出明细 of a member: what its periods are cleared with and without, as booked, what deductions and corrections go
/// along, and the net of both; and, with nothing as booked, each deduction and correction that is carried without its
/// settlement.
pub fn carried(month: Month, member: MemberCode, entries: &BTreeMap<Pair, Vec<Entry>>, names: &impl Names) -> Document {
    let mut columns = [
        named(),
        vec![Column::text("方向"), Column::text("另一所属期"), Column::text("原因"), Column::text(ALONE)],
        vec![Column::count("人次"), Column::money("医疗费总额")],
    ]
    .concat();
    let first = columns.len();
    columns.extend(["转入转出金额", "随同扣款及更正"].map(Column::money));
    let parts = (first..columns.len()).map(|column| (column, Sign::Plus)).collect();
    columns.push(Column { name: "转入转出净额".to_owned(), kind: ColumnKind::WorkedOut(parts) });
    let rows = of_member(member, entries).filter_map(|(pair, entry)| {
        let alone = match &entry.movement {
            Movement::CarriedIn | Movement::CarriedOut => "",
            Movement::CameAlone(Alone::Deduction(named) | Alone::Correction(named))
            | Movement::WentAlone(Alone::Deduction(named) | Alone::Correction(named)) => named,
            Movement::Booked(_) | Movement::Deducted { .. } | Movement::Recomputed { .. } => return None,
        };
        let mut cells = names_of(pair, entry, names);
        cells.extend(
            [entry.movement.name().to_owned(), month_or_list(entry), reason::told(&entry.reason), alone.to_owned()]
                .map(Cell::Text),
        );
        let Sums { visits, total, .. } = entry.sums;
        let (booked, along) = (entry.sums.owed(), entry.along);
        cells.extend([Cell::Count(visits), Cell::Money(total)]);
        cells.extend([booked, along, booked + along].map(Cell::Money));
        Some(Row { cells, detail: None, pair: Some(*pair) })
    });
    let about = vec![("成员".to_owned(), names.name_of(member.0))];
    document("转入转出明细", month, about, columns, rows.collect())
}

/// 审核扣款明细 of a member: what review takes off, settlement by settlement, fund by fund, with the month that clears the
/// settlement (policy.md B.3), and the letter by which the hospital had objected; what is given back stands with its sign
/// turned.
pub fn deductions(
    month: Month,
    member: MemberCode,
    entries: &BTreeMap<Pair, Vec<Entry>>,
    names: &impl Names,
) -> Document {
    let mut columns = [Column::text("扣款编号")].to_vec();
    columns.extend(named());
    columns.extend(["清算所属期", CAME_FROM, "扣款原因", "认定机构", "认定日期"].map(Column::text));
    columns.extend(["异议医院", "异议函号", "异议日期", "异议理由"].map(Column::text));
    let first = columns.len();
    columns.extend(Fund::ALL.map(|fund| Column::money(Payer::Fund(fund).name())));
    let parts = (first..columns.len()).map(|column| (column, Sign::Plus)).collect();
    columns.push(Column { name: "扣款金额".to_owned(), kind: ColumnKind::WorkedOut(parts) });
    let rows = of_member(member, entries).filter_map(|(pair, entry)| {
        let Movement::Deducted { id, on, objection } = &entry.movement else { return None };
        let mut cells = vec![Cell::Text(id.clone())];
        cells.extend(names_of(pair, entry, names));
        let agreed_by = names.name_of(entry.lot.treatment.0);
        let came_from = came_from(entry, &Alone::Deduction(id.clone()), &entries[pair]);
        cells
            .extend([month_or_list(entry), came_from, entry.reason.clone(), agreed_by, on.to_string()].map(Cell::Text));
        cells.extend(letter_of(objection.as_ref()).map(Cell::Text));
        cells.extend(Fund::ALL.map(|fund| Cell::Money(-entry.sums.funds.of(fund))));
        cells.push(Cell::Money(-entry.sums.owed()));
        Some(Row { cells, detail: None, pair: Some(*pair) })
    });
    let about = vec![("成员".to_owned(), names.name_of(member.0))];
    document("审核扣款明细", month, about, columns, rows.collect())
}

/// 更正明细 of a member: settlements that were worked out again after a late change, a row for each fund that pays something
/// else, with the batch and the month that clears the settlement; what is given back stands the other way round.
pub fn corrections(
    month: Month,
    member: MemberCode,
    entries: &BTreeMap<Pair, Vec<Entry>>,
    names: &impl Names,
) -> Document {
    let mut columns = vec![Column::text("更正批次")];
    columns.extend(named());
    columns.extend(["清算所属期", CAME_FROM, "更正原因", "生效日期", "支付项目"].map(Column::text));
    let first = columns.len();
    columns.extend(["原支付", "更正后支付"].map(Column::money));
    let parts = vec![(first, Sign::Minus), (first + 1, Sign::Plus)];
    columns.push(Column { name: "更正金额".to_owned(), kind: ColumnKind::WorkedOut(parts) });
    let rows = of_member(member, entries).flat_map(|(pair, entry)| {
        let Movement::Recomputed { batch, on, told, now } = &entry.movement else { return Vec::new() };
        let changed = Fund::ALL.into_iter().filter(|fund| told.of(*fund) != now.of(*fund));
        let came_from = came_from(entry, &Alone::Correction(batch.clone()), &entries[pair]);
        let row = |fund: Fund| {
            let mut cells = vec![Cell::Text(batch.clone())];
            cells.extend(names_of(pair, entry, names));
            let fund_name = Payer::Fund(fund).name().to_owned();
            let (reason, on) = (entry.reason.clone(), on.to_string());
            cells.extend([month_or_list(entry), came_from.clone(), reason, on, fund_name].map(Cell::Text));
            let (told, now) = (told.of(fund), now.of(fund));
            cells.extend([told, now, now - told].map(Cell::Money));
            Row { cells, detail: None, pair: Some(*pair) }
        };
        changed.map(row).collect()
    });
    let about = vec![("成员".to_owned(), names.name_of(member.0))];
    document("更正明细", month, about, columns, rows.collect())
}

/// 结算明细: the entries behind a row of a statement; they come to what the row says, column by column. Which funds a
/// deduction takes off is for [`deductions`].
pub fn behind<'e>(
    month: Month,
    entries: impl IntoIterator<Item = (&'e Pair, &'e Entry)>,
    names: &impl Names,
) -> Document {
    let mut columns = named();
    columns.extend(["动作", "结算日期", "另一所属期", "原因"].map(Column::text));
    columns.extend([Column::count("人次"), Column::money("医疗费总额")]);
    let first = columns.len();
    columns.extend(Payer::all().map(|payer| Column::money(payer.name())));
    let gross = (first..columns.len()).map(|column| (column, Sign::Plus)).collect();
    columns.extend(net_columns(columns.len(), gross));
    let rows = entries.into_iter().filter(|(_, entry)| entry.is_behind_rows()).map(|(pair, entry)| {
        let mut cells = names_of(pair, entry, names);
        let day = entry.day.map(|day| day.to_string()).unwrap_or_default();
        let other = entry.other.filter(|other| *other != month).map(|other| other.to_string()).unwrap_or_default();
        cells.extend([entry.movement.name().to_owned(), day, other, reason::told(&entry.reason)].map(Cell::Text));
        let gross = entry.gross();
        cells.extend([Cell::Count(gross.visits), Cell::Money(gross.total)]);
        cells.extend(Payer::all().map(|payer| Cell::Money(payer.share_of(&gross))));
        cells.extend([entry.deducted(), entry.sums.owed()].map(Cell::Money));
        Row { cells, detail: None, pair: Some(*pair) }
    });
    document("结算明细", month, vec![], columns, rows.collect())
}

/// The rows of statements behind which an entry stands, as they are named (`Row::detail`): that of its pair of members,
/// that of its pool and insurance, that of all of it down to the kind of care, and that of its lot.
pub fn rows_of(pair: &Pair, lot: &Lot) -> [String; 4] {
    let Lot { home, treatment: _, insurance, care } = lot;
    let detail = detail_name(*home, pair.treatment, *insurance, *care);
    [pair_name(pair), share_name(*home, *insurance), detail, lot_name(lot)]
}

/// The name of the row of a lot.
pub fn lot_name(Lot { home, treatment, insurance, care }: &Lot) -> String {
    format!("lot-{home}-{treatment}-{}-{}", insurance.word(), care.word())
}

/// The name of the row of a pool's share.
pub fn share_name(home: PoolCode, insurance: Insurance) -> String {
    format!("{home}-{}", insurance.word())
}

/// The name of the row of a pool with a treatment member, by insurance and kind of care.
pub fn detail_name(home: PoolCode, treatment: MemberCode, insurance: Insurance, care: CareKind) -> String {
    format!("{home}-{treatment}-{}-{}", insurance.word(), care.word())
}

/// The name of the row of a pair of members.
pub fn pair_name(pair: &Pair) -> String {
    format!("{}-{}", pair.home, pair.treatment)
}

/// Who objected, by which letter of which day, and why; empty where nobody did.
fn letter_of(objection: Option<&Objection>) -> [String; 4] {
    let Some(Objection { hospital, letter, written_on, reason }) = objection else { return Default::default() };
    [hospital.to_string(), letter.clone(), written_on.to_string(), reason.clone()]
}

fn month_or_list(entry: &Entry) -> String {
    entry.other.map_or_else(|| "遗留清单".to_owned(), |month| month.to_string())
}

/// The month from which a deduction or a correction came without its settlement, or the list; empty where it stands where it
/// was posted, or with its settlement.
fn came_from(entry: &Entry, alone: &Alone, entries: &[Entry]) -> String {
    let is_it = |other: &&Entry| {
        let came = matches!(&other.movement, Movement::CameAlone(came) if came == alone);
        came && other.settlement == entry.settlement && other.along == entry.sums.owed()
    };
    entries.iter().find(is_it).map(month_or_list).unwrap_or_default()
}

fn named() -> Vec<Column> {
    ["结算编号", "参保省", "参保统筹区", "就医省", "就医统筹区", "险种", "医疗类别"].map(Column::text).to_vec()
}

fn names_of(pair: &Pair, entry: &Entry, names: &impl Names) -> Vec<Cell> {
    let Lot { home, treatment, insurance, care } = entry.lot;
    let texts = [
        entry.settlement.to_string(),
        names.name_of(pair.home.0),
        names.name_of(home.0),
        names.name_of(pair.treatment.0),
        names.name_of(treatment.0),
        insurance.name().to_owned(),
        care.name().to_owned(),
    ];
    texts.map(Cell::Text).to_vec()
}

fn of_member(member: MemberCode, entries: &BTreeMap<Pair, Vec<Entry>>) -> impl Iterator<Item = (&Pair, &Entry)> {
    let own = entries.iter().filter(move |(pair, _)| Side::ALL.into_iter().any(|side| pair.member(side) == member));
    own.flat_map(|(pair, entries)| entries.iter().map(move |entry| (pair, entry)))
}

#[cfg(test)]
mod tests;
