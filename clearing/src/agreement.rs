//! Whether two books hold the same answers (invariant 2 of design.md section 12: what the hospital was told is what hub
//! and home hold, or the difference is an open break). Called by `yidi verify` and by tests after every step.

use std::collections::BTreeMap;

use settlement::finding::Finding;
use settlement::operation::readable;

/// The answers of one book: operation's key → the outcome's bytes, or none while no answer is known.
pub type Answers = BTreeMap<String, Option<Vec<u8>>>;

/// Compares what the outer book was told with what the inner book holds. An answer that the outer side still waits
/// for is an open break, known and owned, and no finding; an answer that the inner side does not hold, or holds
/// otherwise, is one.
///
/// ```
/// use clearing::agreement::{Answers, what_was_told_is_what_is_held};
/// let told = Answers::from([("a".into(), Some(vec![1])), ("b".into(), None)]);
/// let held = Answers::from([("a".into(), Some(vec![2])), ("b".into(), Some(vec![3]))]);
/// assert_eq!(what_was_told_is_what_is_held(("desk", &told), ("hub", &held)).len(), 1);
/// ```
pub fn what_was_told_is_what_is_held(outer: (&str, &Answers), inner: (&str, &Answers)) -> Vec<Finding> {
    let ((outer_name, told), (inner_name, held)) = (outer, inner);
    let finding = |key: &str, problem: String| Finding {
        invariant: "what was told is what is held",
        subject: format!("operation {}", readable(key)),
        problem,
    };
    let answered = told.iter().filter_map(|(key, outcome)| Some((key, outcome.as_ref()?)));
    answered
        .filter_map(|(key, outcome)| match held.get(key) {
            Some(Some(same)) if same == outcome => None,
            Some(Some(_)) => Some(finding(key, format!("{outer_name} and {inner_name} hold different answers"))),
            Some(None) => Some(finding(key, format!("{outer_name} was told an answer, {inner_name} has none"))),
            None => Some(finding(key, format!("{outer_name} was told an answer, {inner_name} never saw it"))),
        })
        .collect()
}

/// Operations that the inner book decided and the outer book has never heard of.
pub fn nothing_is_held_that_nobody_asked_for(outer: (&str, &Answers), inner: (&str, &Answers)) -> Vec<Finding> {
    let ((outer_name, told), (inner_name, held)) = (outer, inner);
    let unknown = held.keys().filter(|key| !told.contains_key(*key));
    unknown
        .map(|key| Finding {
            invariant: "nothing is held that nobody asked for",
            subject: format!("operation {}", readable(key)),
            problem: format!("{inner_name} has it, {outer_name} does not"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(rows: &[(&str, Option<u8>)]) -> Answers {
        rows.iter().map(|(key, outcome)| ((*key).to_owned(), outcome.map(|byte| vec![byte]))).collect()
    }

    #[test]
    fn each_kind_of_difference_is_found_and_waiting_is_none() {
        let held = answers(&[("same", Some(1)), ("other", Some(2)), ("pending", Some(3)), ("unknown", None)]);
        for (told, findings) in [
            (answers(&[("same", Some(1)), ("pending", None)]), 0),
            (answers(&[("other", Some(9))]), 1),
            (answers(&[("unknown", Some(1))]), 1),
            (answers(&[("missing", Some(1))]), 1),
        ] {
            assert_eq!(what_was_told_is_what_is_held(("desk", &told), ("hub", &held)).len(), findings, "{told:?}");
        }
        let told = answers(&[("same", None), ("other", None), ("pending", None)]);
        assert_eq!(nothing_is_held_that_nobody_asked_for(("desk", &told), ("hub", &held)).len(), 1);
    }
}
