//! Where each posting of a deduction or a correction counts, followed from where it was booked through everything that
//! moved it, and what all of them come to there. Nothing that clears is asked, so what clears can be held against it. Called
//! by the checks beside this and by the simulator.

use std::collections::BTreeMap;

use anyhow::Result;
use clearing::obligation::Totals;
use ledger::hub::{Afterwards, BookedPosting, HubStore, MovedPosting, PeriodNumber, PostedPlaces};
use settlement::finding::Finding;

use super::{between, finding};

/// The way of a posting from where it was posted, out of one place and into the next.
pub(super) struct Way {
    /// Its moves in order.
    pub went: Vec<MovedPosting>,
    /// Those that do not follow from there.
    pub astray: Vec<MovedPosting>,
}

impl Way {
    /// Follows a posting from where it was posted; where that is nowhere, every move is astray.
    pub fn follow(posted: Option<PeriodNumber>, mut moves: Vec<MovedPosting>) -> Way {
        let (mut went, mut at) = (Vec::new(), posted);
        while let Some(next) = moves.iter().position(|moved| Some(moved.from) == at) {
            let moved = moves.remove(next);
            at = Some(moved.into);
            went.push(moved);
        }
        Way { went, astray: moves }
    }

    /// Where it has come to from where it was posted: a period, or the list; none where it was returned from there, and
    /// counts nowhere.
    fn end(&self, posted: PeriodNumber) -> Option<PeriodNumber> {
        let is_list = MovedPosting::is_list;
        match self.went.last() {
            None => Some(posted),
            Some(MovedPosting { from, into, .. }) if is_list(*from) && is_list(*into) => None,
            Some(MovedPosting { into, .. }) => Some(*into),
        }
    }
}

/// The moves of each posting.
pub(super) fn by_posting(moves: Vec<MovedPosting>) -> BTreeMap<(Afterwards, String, i64), Vec<MovedPosting>> {
    let mut by_posting: BTreeMap<(Afterwards, String, i64), Vec<MovedPosting>> = BTreeMap::new();
    for moved in moves {
        by_posting.entry((moved.of, moved.id.clone(), moved.step)).or_default().push(moved);
    }
    by_posting
}

/// What postings come to, each in the one place where it counts, by the periods that any was in, and the list.
#[derive(Debug, Default)]
pub struct Counted(BTreeMap<(Afterwards, PeriodNumber), Totals>);

impl Counted {
    /// Of a hub's book.
    ///
    /// # Errors
    /// When the book cannot be read.
    pub async fn read(hub: &HubStore) -> Result<Counted> {
        Ok(Counted::of(hub.posting_list().await?, hub.posting_moves().await?))
    }

    /// Of what was booked, and how it was moved since.
    fn of(booked: Vec<BookedPosting>, moves: Vec<MovedPosting>) -> Counted {
        let mut counted = Counted::default();
        // Where something is said to have come counts nothing at least, also where its way does not lead there.
        for moved in &moves {
            counted.0.entry((moved.of, moved.into)).or_default();
        }
        let mut moves = by_posting(moves);
        for BookedPosting { of, id, step, period, posting } in booked {
            let way = Way::follow(Some(period), moves.remove(&(of, id, step)).unwrap_or_default());
            if let Some(end) = way.end(period) {
                counted.0.entry((of, end)).or_default().add(posting.lot, posting.sums);
            }
        }
        counted
    }

    /// What counts in a period, or waits on the list.
    pub fn within(&self, of: Afterwards, period: PeriodNumber) -> Totals {
        self.0.get(&(of, period)).cloned().unwrap_or_default()
    }
}

/// What a period deducts and corrects is what is posted of both and counts there, and what waits on the list the same: each
/// posting is followed from where it was booked, and counts in one place, or in none where it was returned from the list.
///
/// # Errors
/// When the book cannot be read.
pub async fn what_is_posted_counts_in_one_place(hub: &HubStore) -> Result<Vec<Finding>> {
    let PostedPlaces { booked, moves, cleared } = hub.posting_places().await?;
    let counted = Counted::of(booked, moves);
    let mut findings = Vec::new();
    for (period, cleared) in cleared {
        for (of, cleared) in cleared {
            for (lot, cleared, posted) in cleared.differences(&counted.within(of, period)) {
                let (cleared, posted) = (cleared.owed(), posted.owed());
                let lot = between(&lot);
                let problem = format!("{lot}: {cleared} by {}s, and its postings come to {posted}", of.word());
                findings.push(finding("what is posted counts in one place", place(period), problem));
            }
        }
    }
    Ok(findings)
}

/// A period or the list, in words.
pub(super) fn place(period: PeriodNumber) -> String {
    if MovedPosting::is_list(period) { "the list".to_owned() } else { format!("period {period}") }
}

#[cfg(test)]
mod tests {
    use clearing::obligation::{Lot, Posting, Sums};
    use settlement::encounter::CareKind;
    use settlement::money::Money;
    use settlement::person::Insurance;

    use super::*;
    use crate::simulate::fixtures::pool;

    #[test]
    fn a_posting_counts_where_its_way_ends() {
        for (posted, ways, ends) in [
            (1, vec![], Some(1)),
            (0, vec![], Some(0)),
            (1, vec![(1, 2)], Some(2)),
            (1, vec![(2, 3), (1, 2)], Some(3)),
            (1, vec![(1, 0)], Some(0)),
            // Two people have it cleared in a later period, or in that from which it came.
            (1, vec![(0, 4), (1, 0)], Some(4)),
            (1, vec![(0, 1), (1, 0)], Some(1)),
            (0, vec![(0, 2)], Some(2)),
            // And here they return it.
            (1, vec![(0, 0), (1, 0)], None),
            (0, vec![(0, 0)], None),
            // What it was never in, it cannot leave.
            (1, vec![(2, 3)], Some(1)),
        ] {
            let counted = Counted::of(vec![booked(posted)], ways.iter().copied().map(moved).collect());
            let counts = counted.0.iter().filter(|(_, totals)| **totals != Totals::default());
            let found: Vec<i64> = counts.map(|((_, period), _)| period.0).collect();
            assert_eq!(found, Vec::from_iter(ends), "posted in {posted}, and moved {ways:?}");
            if let Some(ends) = ends {
                let within = counted.within(Afterwards::Deduction, PeriodNumber(ends));
                assert_eq!(within, [booked(posted).posting].into_iter().collect());
            }
        }
    }

    fn booked(period: i64) -> BookedPosting {
        let (insurance, care) = (Insurance::Employee, CareKind::Inpatient);
        let lot = Lot { home: pool("410700"), treatment: pool("310000"), insurance, care };
        let posting = Posting { lot, sums: Sums { total: Money::from_fen(7), ..Sums::default() } };
        BookedPosting { of: Afterwards::Deduction, id: "D".into(), step: 1, period: PeriodNumber(period), posting }
    }

    fn moved((from, into): (i64, i64)) -> MovedPosting {
        let (from, into) = (PeriodNumber(from), PeriodNumber(into));
        MovedPosting { of: Afterwards::Deduction, id: "D".into(), step: 1, posted: None, from, into, alone: false }
    }
}
