//! A home region's book that was restored from an older copy, seen from the hub: which of the answers that it gave are
//! missing from it, in which order they go back, and which numbers nobody outside ever heard of. Nothing is decided
//! anew: the answers are the hub's. Called by the hub's list of what is missing and by its reinstating.

use crate::decide::BookSeq;

/// One answer to be taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Its number in the old book.
    pub seq: BookSeq,
    /// The number of the one before it; what lies between is lost.
    pub after: BookSeq,
}

/// What has to be done for a book to be whole again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// What is to be taken back, in this order.
    pub steps: Vec<Step>,
    /// Numbers that the hub has no answer under. Whoever asked is still in doubt, and will be told that it is voided.
    pub lost: Vec<BookSeq>,
    /// Numbers that two answers bear: a region that went on deciding after it was restored. A person has to decide.
    pub doubled: Vec<BookSeq>,
}

/// So many numbers are lost at most. More were never answered: one of the numbers is wrong.
const MOST_LOST: u64 = 4_000_000;

/// No plan: numbers that cannot all be lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the numbers jump from {} to {}, and so many cannot all be lost: look into the answer under {}",
    .after.0, .seq.0, .seq.0
)]
pub struct Jump {
    /// The number before those that are missing.
    pub after: BookSeq,
    /// The number after them.
    pub seq: BookSeq,
}

/// Plans the way back to a whole book.
///
/// `common` is the last place at which book and hub surely agree; `answered` are the numbers of the hub's answers
/// above it, in any order.
///
/// # Errors
/// When more than four million numbers would be lost.
///
/// ```
/// use settlement::decide::BookSeq;
/// use settlement::restored::plan;
/// let planned = plan(BookSeq(80), &[81, 82, 84, 84].map(BookSeq))?;
/// assert_eq!(planned.lost, [BookSeq(83)]);
/// assert_eq!(planned.doubled, [BookSeq(84)]);
/// assert_eq!((planned.steps[2].seq, planned.steps[2].after), (BookSeq(84), BookSeq(82)));
/// # Ok::<(), settlement::restored::Jump>(())
/// ```
pub fn plan(common: BookSeq, answered: &[BookSeq]) -> Result<Plan, Jump> {
    let mut numbers: Vec<BookSeq> = answered.iter().copied().filter(|seq| *seq > common).collect();
    numbers.sort_unstable();
    let mut plan = Plan::default();
    let mut after = common;
    for seq in numbers {
        if seq == after {
            plan.doubled.push(seq);
            continue;
        }
        if plan.lost.len() as u64 + (seq.0 - after.0) > MOST_LOST {
            return Err(Jump { after, seq });
        }
        plan.lost.extend((after.0 + 1..seq.0).map(BookSeq));
        plan.steps.push(Step { seq, after });
        after = seq;
    }
    plan.doubled.dedup();
    Ok(plan)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_leads_from_the_older_copy_to_the_newest_answer() {
        for (what, common, answered, steps, lost, doubled) in [
            ("nothing is missing", 5, vec![4, 5], vec![], vec![], vec![]),
            ("in any order", 1, vec![3, 2], vec![(2, 1), (3, 2)], vec![], vec![]),
            ("a number that nobody heard of", 1, vec![4], vec![(4, 1)], vec![2, 3], vec![]),
            ("a number given three times", 0, vec![1, 1, 1], vec![(1, 0)], vec![], vec![1]),
        ] {
            let numbers = |numbers: Vec<u64>| numbers.into_iter().map(BookSeq).collect::<Vec<_>>();
            let planned = plan(BookSeq(common), &numbers(answered)).expect("a plan");
            let told: Vec<_> = planned.steps.iter().map(|step| (step.seq.0, step.after.0)).collect();
            assert_eq!((told, planned.lost, planned.doubled), (steps, numbers(lost), numbers(doubled)), "{what}");
        }
    }

    #[test]
    fn a_number_out_of_sight_is_no_reason_to_call_all_below_it_lost() {
        for seq in [BookSeq(10_000_000_000), BookSeq(u64::MAX)] {
            assert_eq!(plan(BookSeq(80), &[BookSeq(81), seq]), Err(Jump { after: BookSeq(81), seq }));
        }
    }
}
