//! Looking at books that are written to meanwhile. Each read is of one moment, and no two are of the same: what goes on
//! between them can look like a difference. It never looks so for long, so what was found is looked for once more, a while
//! later, and only what is found both times is told. Called by `yidi verify`.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::Result;
use settlement::finding::Finding;

use super::books::AtHand;
use super::{Checked, Elsewhere, clearing, look_since, unfetched};

/// What is under way at the first look is done by the second. Longer than writing down what a home region decided takes,
/// and short beside the looks themselves on large books.
const AGAIN_AFTER: Duration = Duration::from_secs(3);

/// What one look at the books told.
#[derive(Debug, Default)]
pub(super) struct Look {
    /// What should not be.
    pub findings: Vec<Finding>,
    /// What is known to be open, and no finding.
    pub open: Vec<Finding>,
    /// What was not checked, in words: with what it would take, or why.
    pub left_out: Vec<String>,
}

impl Look {
    /// Adds another's.
    pub fn extend(&mut self, Look { findings, open, left_out }: Look) {
        self.findings.extend(findings);
        self.open.extend(open);
        self.left_out.extend(left_out);
    }

    /// Keeps what an earlier look told too. The sums in a finding may have moved on, so what counts is what does not hold,
    /// and for what.
    fn also_in(mut self, earlier: &Look) -> Look {
        let place = |finding: &Finding| (finding.invariant, finding.subject.clone());
        for (now, before) in [(&mut self.findings, &earlier.findings), (&mut self.open, &earlier.open)] {
            let before: BTreeSet<(&str, String)> = before.iter().map(place).collect();
            now.retain(|finding| before.contains(&place(finding)));
        }
        self
    }
}

/// Looks at the books, and where something was found, once more a while later.
///
/// # Errors
/// When a book cannot be read.
pub(super) async fn twice(books: &AtHand, rules: clearing::Rules<'_>) -> Result<Look> {
    let first = once(books, rules).await?;
    if first.findings.is_empty() && first.open.is_empty() {
        return Ok(first);
    }
    tokio::time::sleep(AGAIN_AFTER).await;
    Ok(once(books, rules).await?.also_in(&first))
}

async fn once(books: &AtHand, rules: clearing::Rules<'_>) -> Result<Look> {
    let mut look = look_since(books, &mut Checked::new(), &Elsewhere::new()).await?;
    if let Some(hub) = &books.hub {
        look.findings.extend(clearing::findings(hub, rules).await?);
        if rules.regions.is_none() {
            look.left_out.push("whether a statement leaves a lot out (--regions)".to_owned());
        }
        if rules.calendar.is_none() {
            look.left_out.push("whether anything is carried over too often (--calendar)".to_owned());
        }
    }
    if let (Some(hub), Some(treatment)) = (&books.hub, &books.treatment) {
        look.open = unfetched(hub, treatment).await?;
    }
    Ok(look)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(findings: &[(&'static str, &str, &str)], open: &[(&'static str, &str, &str)]) -> Look {
        let all = |rows: &[(&'static str, &str, &str)]| {
            let finding = |(invariant, subject, problem): &(&'static str, &str, &str)| Finding {
                invariant,
                subject: (*subject).to_owned(),
                problem: (*problem).to_owned(),
            };
            rows.iter().map(finding).collect()
        };
        Look { findings: all(findings), open: all(open), left_out: Vec::new() }
    }

    #[test]
    fn only_what_was_found_before_is_told_as_it_is_now() {
        let earlier = look(&[("holds", "A", "1"), ("holds", "gone", "1")], &[("fetched", "X", "waits")]);
        let now = look(
            &[("holds", "A", "2"), ("holds", "new", "1"), ("other", "A", "1")],
            &[("fetched", "X", "waits"), ("fetched", "Y", "waits")],
        );
        let Look { findings, open, left_out: _ } = now.also_in(&earlier);
        let expected = look(&[("holds", "A", "2")], &[("fetched", "X", "waits")]);
        assert_eq!((findings, open), (expected.findings, expected.open));
    }
}
