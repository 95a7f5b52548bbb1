//! What was compared, in parts: each for a stretch of the days, and none too long, as the hub keeps it and as it takes a
//! treatment side's reports. Comparing is not here; called by the treatment side's job and by the hub.

use clearing::digest::{Branch, Node};
use clearing::stretch::{Stretch, cut};
use jiff::civil::Date;
use proto::convert::digests::write_root;
use proto::v1;
use settlement::ids::PoolCode;

use crate::asking::{Apart, Compared, Differing, write_apart};

/// So many rows of a report the hub takes: what it has open of a stretch is held against them in one commit.
pub const MOST_ROWS: usize = 10_000;

/// So many rows a report has at most, but for what has to stay together: half, so that this fits.
pub const A_PART: usize = MOST_ROWS / 2;

enum Row {
    Apart(Apart),
    Agreed(Branch, Node),
    Differing(Differing),
}

/// What was compared of some days, cut into parts in their order, each for a stretch of its own. A day's roots come behind
/// what differs on it: whoever sees that it was compared sees what was found. They are in the parts before too: by them it is
/// known what was looked at there.
pub fn parts(days: (Date, Date), compared: Compared, most: usize) -> Vec<(Stretch, Compared)> {
    let Compared { agreed, differing, apart } = compared;
    let (all_agreed, all_differing) = (agreed.clone(), differing.clone());
    let behind = |branch: &Branch| (branch.day, u64::MAX);
    let apart = apart.into_iter().map(|apart| (place(&apart), Row::Apart(apart)));
    let agreed = agreed.into_iter().map(|(branch, root)| (behind(&branch), Row::Agreed(branch, root)));
    let differing = differing.into_iter().map(|both| (behind(&both.branch), Row::Differing(both)));
    let rows = apart.chain(agreed).chain(differing).collect();
    let part = |(stretch, rows): (Stretch, Vec<Row>)| {
        let mut part = Compared::default();
        for row in rows {
            match row {
                Row::Apart(apart) => part.apart.push(apart),
                Row::Agreed(branch, root) => part.agreed.push((branch, root)),
                Row::Differing(both) => part.differing.push(both),
            }
        }
        let (day, place) = stretch.last;
        if place < u64::MAX {
            part.agreed.extend(all_agreed.iter().filter(|(branch, _)| branch.day == day));
            part.differing.extend(all_differing.iter().filter(|both| both.branch.day == day));
        }
        (stretch, part)
    };
    cut(days, rows, most).into_iter().map(part).collect()
}

/// The reports of a pool's days, of each part one. The first tells of the answers that were fetched since the last report.
pub fn reports(treatment: PoolCode, parts: &[(Stretch, Compared)], fetched: Vec<String>) -> Vec<v1::ComparisonReport> {
    let of_hub = |both: &Differing| Some(write_root(&both.branch, &both.inner?));
    let report = |(Stretch { first, last }, part): &(Stretch, Compared)| v1::ComparisonReport {
        from: first.0.to_string(),
        to: last.0.to_string(),
        treatment: treatment.to_string(),
        first_place: first.1,
        last_place: Some(last.1),
        agreed: part.agreed.iter().map(|(branch, root)| write_root(branch, root)).collect(),
        apart: part.apart.iter().map(write_apart).collect(),
        differing: part.differing.iter().filter_map(of_hub).collect(),
        fetched: Vec::new(),
    };
    let mut reports: Vec<_> = parts.iter().map(report).collect();
    if let Some(first) = reports.first_mut() {
        first.fetched = fetched;
    }
    reports
}

/// The reports of what hospitals' books differ in, of a pool's days.
pub fn hospital_reports(
    treatment: PoolCode,
    days: (Date, Date),
    apart: &[Apart],
    most: usize,
) -> Vec<v1::HospitalReport> {
    let rows = apart.iter().map(|apart| (place(apart), write_apart(apart))).collect();
    let report = |(Stretch { first, last }, apart): (Stretch, Vec<v1::ApartView>)| v1::HospitalReport {
        from: first.0.to_string(),
        to: last.0.to_string(),
        treatment: treatment.to_string(),
        apart,
        first_place: first.1,
        last_place: Some(last.1),
    };
    cut(days, rows, most).into_iter().map(report).collect()
}

fn place(apart: &Apart) -> (Date, u64) {
    (apart.branch.day, apart.place)
}

#[cfg(test)]
mod tests {
    use clearing::digest::{Digest, Prefix};
    use jiff::civil::date;
    use settlement::ids::RegionCode;

    use super::*;

    fn pool(code: &str) -> PoolCode {
        PoolCode(RegionCode::new(code).expect("a code"))
    }

    #[test]
    fn a_days_roots_come_with_each_part_of_it_and_what_was_fetched_comes_first() {
        let branch = |day| Branch { day: date(2025, 6, day), home: pool("410700"), treatment: pool("310000") };
        let root = Node { prefix: Prefix::ROOT, count: 1, digest: Digest([7; 32]) };
        let apart = |day, place| Apart {
            branch: branch(day),
            place,
            operation: format!("{day} {place}"),
            outer: None,
            inner: None,
        };
        let compared = Compared {
            agreed: vec![(branch(1), root)],
            differing: vec![Differing { branch: branch(2), outer: None, inner: Some(root) }],
            apart: vec![apart(2, 9), apart(2, 3), apart(2, 5)],
        };
        let days = (date(2025, 6, 1), date(2025, 6, 3));
        let parts = parts(days, compared, 2);
        let told: Vec<_> = reports(pool("310000"), &parts, vec!["k".into()])
            .into_iter()
            .map(|report| {
                let counts = [report.agreed.len(), report.apart.len(), report.differing.len(), report.fetched.len()];
                let places: Vec<_> = report.apart.iter().map(|apart| apart.place).collect();
                (report.from, report.first_place, report.to, report.last_place, counts, places)
            })
            .collect();
        let day = |number: i8| date(2025, 6, number).to_string();
        let expected = [
            (day(1), 0, day(2), Some(3), [1, 1, 1, 1], vec![3]),
            (day(2), 4, day(2), Some(9), [0, 2, 1, 0], vec![5, 9]),
            (day(2), 10, day(3), Some(u64::MAX), [0, 0, 1, 0], vec![]),
        ];
        assert_eq!(told, expected);
        let nothing = hospital_reports(pool("310000"), days, &[], 2);
        assert_eq!(nothing.len(), 1, "that nothing differs any more is told too");
    }
}
