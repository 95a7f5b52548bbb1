//! 版次、状态、出具日期: which edition of a document lies before its reader, as what is recorded of its pairs says. Before all
//! of it is stated it is a draft (未定稿), which nobody signs. Stamped by who writes the documents.

use std::collections::BTreeMap;

use jiff::civil::Date;

use crate::document::{Cell, Column, DRAFT, Document, Stamp};
use crate::payment::Payable;
use crate::period::{Pair, PairRecord, Stage, Statement};
use crate::statement::Names;

const VERSION: &str = "版次";
const STANDING: &str = "状态";

const OBJECTED: &str = "异议处理中、待重出";
const SETTLED: &str = "已收付";
const PAID: &str = "已付款";
const RECEIVED: &str = "已收款";
const APART: &str = "两方登记不一致";

/// So many pairs are named where pairs differ; of more, only their number is said.
const NAMED: usize = 6;

/// The stamp of a document about some pairs of a period that has come to a stage. A document about no pair is final once
/// the period's statements are out.
pub fn stamp<'p>(stage: Stage, own: impl IntoIterator<Item = (&'p Pair, &'p PairRecord)>, names: &impl Names) -> Stamp {
    let own: Vec<(&Pair, &PairRecord)> = own.into_iter().collect();
    let is_draft = match stage {
        Stage::Open | Stage::CutOff | Stage::Proved => own.is_empty(),
        Stage::Stated | Stage::Confirmed | Stage::Noticed | Stage::Paid | Stage::Closed => false,
    } || own.iter().any(|(_, held)| held.statement.is_none());
    let issued = own.iter().filter_map(|(_, held)| held.statement).map(|statement| statement.issued_on).max();
    told(
        is_draft,
        grouped(&own, names, version).unwrap_or_else(|| "本期无清算".to_owned()),
        grouped(&own, names, |held| standing(held).to_owned()).unwrap_or_else(|| "—".to_owned()),
        issued.filter(|_| !is_draft),
    )
}

/// Where each row of a document is about one pair, and the stamp does not say of all what each would, lets each row say its
/// own version and standing, behind its figures, in place of the stamp.
pub fn by_row(mut document: Document, records: &BTreeMap<Pair, PairRecord>) -> Document {
    let own = document.rows.iter().map(|row| row.pair.and_then(|pair| records.get(&pair)));
    let Some(own) = own.collect::<Option<Vec<&PairRecord>>>() else { return document };
    let told: Vec<[String; 2]> = own.into_iter().map(|held| [version(held), standing(held).to_owned()]).collect();
    let of_all = |what| document.stamp.told.iter().find(|(named, _)| named == what).map(|(_, text)| text);
    let of_all = [VERSION, STANDING].map(of_all);
    if told.iter().all(|row| row.each_ref().map(Some) == of_all) {
        return document;
    }
    document.columns.extend([VERSION, STANDING].map(Column::text));
    for (row, told) in document.rows.iter_mut().zip(told) {
        row.cells.extend(told.map(Cell::Text));
    }
    document.stamp.told.retain(|(what, _)| what != VERSION && what != STANDING);
    document
}

/// Whether a pair's newest statement is objected to, and another is to take its place: what stands behind that one is not
/// what it states any more, so its settlements are listed with the next.
pub fn is_to_be_restated(held: &PairRecord) -> bool {
    held.statement.is_some_and(|statement| statement.is_objected)
}

/// Which pairs of a document its list leaves out, since they are to be stated again; none where there are none.
pub fn left_out<'p>(own: impl IntoIterator<Item = (&'p Pair, &'p PairRecord)>, names: &impl Names) -> Option<String> {
    let own = own.into_iter().filter(|(_, held)| is_to_be_restated(held));
    let named: Vec<String> = own.map(|(pair, _)| between(pair, names)).collect();
    (!named.is_empty()).then(|| format!("{}（{OBJECTED}）", named.join("、")))
}

/// The stamp of an older version of a pair's statement, which a newer one stands in place of. On which day it was issued
/// is not told.
pub fn stamp_of_older(version: u32, newest: u32) -> Stamp {
    let replaced = format!("已由{}替代", edition(newest));
    Stamp { is_draft: false, told: vec![(VERSION.into(), edition(version)), (STANDING.into(), replaced)] }
}

/// How a pair's statement stands, by what has come of it so far.
pub fn standing(held: &PairRecord) -> &'static str {
    let Some(statement) = held.statement else { return DRAFT };
    let (is_due, due) = (!held.is_nothing_due(), || held.to_be_paid().map(|(_, payable)| payable));
    match (statement.home_confirmed, statement.treatment_confirmed) {
        _ if statement.is_objected => OBJECTED,
        _ if is_due && due().all(Payable::is_settled) => SETTLED,
        // Whoever's record is wrong corrects it before anything else is said of the money.
        _ if due().any(|due| due.open_difference().is_some()) => APART,
        _ if is_due && due().all(|due| due.paid.is_some()) => PAID,
        _ if is_due && due().all(|due| due.received.is_some()) => RECEIVED,
        _ if due().any(|due| due.paid.is_some() || due.received.is_some()) => "部分收付",
        _ if held.noticed_on.is_some() => "已通知",
        (true, true) => "双方已确认",
        (true, false) => "参保省已确认",
        (false, true) => "就医省已确认",
        (false, false) => "待确认",
    }
}

/// How the money of one notice stands, by what both sides have recorded of it.
pub fn standing_of_money(payable: &Payable) -> &'static str {
    match (&payable.paid, &payable.received) {
        _ if payable.open_difference().is_some() => APART,
        (Some(_), Some(_)) => SETTLED,
        (Some(_), None) => PAID,
        (None, Some(_)) => RECEIVED,
        (None, None) => "待付",
    }
}

fn version(held: &PairRecord) -> String {
    held.statement.map_or_else(|| DRAFT.to_owned(), |Statement { version, .. }| edition(version))
}

fn edition(version: u32) -> String {
    format!("第{version}版")
}

fn told(is_draft: bool, versions: String, standings: String, issued: Option<Date>) -> Stamp {
    let issued =
        issued.map_or_else(|| if is_draft { "未出具".to_owned() } else { "—".to_owned() }, |day| day.to_string());
    let told = [(VERSION, versions), (STANDING, standings), ("出具日期", issued)];
    Stamp { is_draft, told: told.map(|(what, text)| (what.to_owned(), text)).into() }
}

/// What is so of all pairs or, where they differ, of which; none where there is no pair.
fn grouped(own: &[(&Pair, &PairRecord)], names: &impl Names, of: impl Fn(&PairRecord) -> String) -> Option<String> {
    let mut groups: BTreeMap<String, Vec<&Pair>> = BTreeMap::new();
    own.iter().for_each(|(pair, held)| groups.entry(of(held)).or_default().push(pair));
    if groups.len() < 2 {
        return groups.into_keys().next();
    }
    let told = groups.iter().map(|(what, pairs)| {
        if pairs.len() > NAMED {
            format!("{what}（{}对）", pairs.len())
        } else {
            format!("{what}（{}）", pairs.iter().map(|pair| between(pair, names)).collect::<Vec<_>>().join("、"))
        }
    });
    Some(told.collect::<Vec<_>>().join("；"))
}

fn between(pair: &Pair, names: &impl Names) -> String {
    format!("{}→{}", names.name_of(pair.home.0), names.name_of(pair.treatment.0))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use settlement::encounter::CareKind;
    use settlement::ids::{MemberCode, PoolCode, RegionCode, SettlementId};
    use settlement::money::Money;
    use settlement::person::Insurance;

    use super::*;
    use crate::obligation::{Lot, Sums};
    use crate::payment::{ByInsurance, Payment};
    use crate::statement::ByCode;

    fn pair(home: &str) -> Pair {
        let member = |code: &str| MemberCode(RegionCode::new(code).expect("a code"));
        Pair { home: member(home), treatment: member("310000") }
    }

    fn stated(version: u32, [home_confirmed, treatment_confirmed, is_objected]: [bool; 3]) -> PairRecord {
        let issued_on = date(2025, 7, 20).saturating_add(jiff::Span::new().days(i64::from(version)));
        let statement = Statement { version, issued_on, home_confirmed, treatment_confirmed, is_objected };
        PairRecord { statement: Some(statement), ..PairRecord::default() }
    }

    fn texts(stamp: &Stamp) -> Vec<&str> {
        stamp.told.iter().map(|(_, text)| text.as_str()).collect()
    }

    #[test]
    fn what_is_not_stated_yet_is_a_draft() {
        let nothing = PairRecord::default();
        let is_draft = |stage, own: &[(&Pair, &PairRecord)]| stamp(stage, own.iter().copied(), &ByCode).is_draft;
        let (one, stated) = (pair("410000"), stated(1, [false; 3]));
        assert!(is_draft(Stage::Open, &[]) && is_draft(Stage::Proved, &[]));
        assert!(!is_draft(Stage::Stated, &[]) && !is_draft(Stage::Closed, &[]));
        assert!(is_draft(Stage::Open, &[(&one, &nothing)]) && is_draft(Stage::Stated, &[(&one, &nothing)]));
        assert!(!is_draft(Stage::Proved, &[(&one, &stated)]));
        let draft = stamp(Stage::Open, [(&one, &nothing)], &ByCode);
        assert_eq!(texts(&draft), ["未定稿", "未定稿", "未出具"]);
    }

    #[test]
    fn a_document_says_which_pairs_have_which_version() {
        let (confirmed, again) = (stated(1, [true, true, false]), stated(2, [true, false, false]));
        let (henan, guangdong) = (pair("410000"), pair("440000"));
        let one = stamp(Stage::Stated, [(&henan, &confirmed)], &ByCode);
        assert_eq!(texts(&one), ["第1版", "双方已确认", "2025-07-21"]);
        let both = stamp(Stage::Stated, [(&henan, &confirmed), (&guangdong, &again)], &ByCode);
        assert_eq!(
            texts(&both),
            [
                "第1版（410000→310000）；第2版（440000→310000）",
                "参保省已确认（440000→310000）；双方已确认（410000→310000）",
                "2025-07-22"
            ]
        );
        let others: Vec<Pair> = (0..7).map(|index| pair(&format!("{}0000", 50 + index))).collect();
        let many = others.iter().map(|pair| (pair, &confirmed)).chain([(&henan, &again)]);
        assert_eq!(texts(&stamp(Stage::Stated, many, &ByCode))[0], "第1版（7对）；第2版（410000→310000）");
        assert_eq!(texts(&stamp_of_older(1, 2)), ["第1版", "已由第2版替代"]);
    }

    #[test]
    fn rows_of_pairs_that_differ_say_their_own_version() {
        let (henan, guangdong) = (pair("410000"), pair("440000"));
        let lots = std::collections::BTreeMap::new;
        let pairs = crate::statement::Pairs::from([(henan, lots()), (guangdong, lots())]);
        let month = crate::statement::tests::month();
        let told = |again: PairRecord| {
            let records = BTreeMap::from([(henan, stated(1, [true, true, false])), (guangdong, again)]);
            let mut paper = crate::statement::national(month, &pairs, &ByCode);
            paper.stamp = stamp(Stage::Stated, &records, &ByCode);
            let paper = by_row(paper, &records);
            assert_eq!(paper.check(), Ok(()));
            (paper.columns.len(), paper.rows[1].cells.last().cloned(), paper.stamp.told.len())
        };
        let (columns, _, all) = told(stated(1, [true, true, false]));
        assert_eq!(all, 3, "all have the same");
        assert_eq!(told(stated(2, [false; 3])), (columns + 2, Some(Cell::Text("待确认".into())), 1));
    }

    #[test]
    fn details_of_one_pair_say_its_version_though_the_member_has_others() {
        use crate::details::{Entry, Movement, carried};
        let (henan, shanxi) = (pair("410000"), pair("140000"));
        let (home, treatment) = (PoolCode(henan.home.0), PoolCode(henan.treatment.0));
        let entry = Entry {
            settlement: SettlementId::new("s1").expect("an id"),
            lot: Lot { home, treatment, insurance: Insurance::Employee, care: CareKind::Inpatient },
            movement: Movement::CarriedOut,
            day: None,
            other: None,
            reason: "hub-home missing-inner".into(),
            sums: Sums::default(),
            along: Money::ZERO,
        };
        let records = BTreeMap::from([(henan, stated(1, [true, true, false])), (shanxi, stated(2, [false; 3]))]);
        let mut paper = carried(
            crate::statement::tests::month(),
            henan.treatment,
            &BTreeMap::from([(henan, vec![entry])]),
            &ByCode,
        );
        paper.stamp = stamp(Stage::Stated, &records, &ByCode);
        let paper = by_row(paper, &records);
        let of = |name: &str| paper.columns.iter().position(|column| column.name == name);
        let said = |name: &str| of(name).map(|at| paper.rows[0].cells[at].clone());
        for (column, text) in [("版次", "第1版"), ("状态", "双方已确认"), ("原因", "枢纽有、参保地无")]
        {
            assert_eq!(said(column), Some(Cell::Text(text.into())), "{column}");
        }
    }

    #[test]
    fn a_statement_stands_by_the_last_that_came_of_it() {
        let due = settlement::money::Money::from_fen(100);
        let payment = Payment { serial: "S1".into(), bank: "中国银行".into(), on: date(2025, 8, 4), amount: due };
        let agreed = stated(1, [true, true, false]);
        let noticed = |employee: Payable, resident: Payable| PairRecord {
            noticed_on: Some(date(2025, 7, 31)),
            payables: ByInsurance { employee, resident },
            ..agreed.clone()
        };
        let unpaid = || Payable::of(due);
        let paid = || Payable { paid: Some(payment.clone()), ..unpaid() };
        let settled = || Payable { received: Some(payment.clone()), ..paid() };
        let other = || Payment { serial: "S2".into(), ..payment.clone() };
        let apart = || Payable { received: Some(other()), ..paid() };
        let nothing = Payable::default;
        for (held, told) in [
            (stated(1, [false; 3]), "待确认"),
            (stated(1, [false, true, false]), "就医省已确认"),
            (stated(1, [true, true, true]), "异议处理中、待重出"),
            (agreed.clone(), "双方已确认"),
            (noticed(nothing(), nothing()), "已通知"),
            (noticed(unpaid(), unpaid()), "已通知"),
            (noticed(paid(), unpaid()), "部分收付"),
            (noticed(paid(), nothing()), "已付款"),
            (noticed(paid(), settled()), "已付款"),
            (noticed(settled(), settled()), "已收付"),
            (noticed(apart(), nothing()), "两方登记不一致"),
            (noticed(paid(), apart()), "两方登记不一致"),
            (noticed(apart(), unpaid()), "两方登记不一致"),
        ] {
            assert_eq!(standing(&held), told);
        }
        // Each insurance's notice says how its own money stands.
        let received = || Payable { received: Some(payment.clone()), ..unpaid() };
        for (payable, told) in [
            (unpaid(), "待付"),
            (paid(), "已付款"),
            (received(), "已收款"),
            (settled(), "已收付"),
            (apart(), "两方登记不一致"),
        ] {
            assert_eq!(standing_of_money(&payable), told);
        }
    }
}
