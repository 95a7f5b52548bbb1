//! A home region's disk fails, and is replaced by an older copy: what the hub knows of its book and it lacks is found, and
//! given back later.

use anyhow::{Result, anyhow, ensure};
use clearing::breaks::Fact;
use jiff::ToSpan as _;
use jiff::civil::{Date, date};
use proto::convert;
use settlement::refusal::Refusal;

use super::super::country::{DAMAGED, MEMBERS};
use super::super::explained::Difference;
use super::Story;
use crate::simulate::fixtures::pool;

/// A home region's disk is copied, later put back, and given what it lost.
pub(super) const BACKED_UP: Date = date(2025, 4, 27);
pub(super) const PUT_BACK: Date = date(2025, 5, 18);
pub(super) const GIVEN_BACK: Date = date(2025, 5, 27);
/// Its people are treated after the copy was made, in two periods.
pub(super) const LOST_LATER: [Date; 3] = [BACKED_UP, date(2025, 4, 29), date(2025, 5, 2)];

const LOST: &str = "the home region's book was put back from an older copy";

impl Story {
    /// The older copy goes in the disk's place. What the hub has of the book and it lacks is what must be found.
    pub(super) async fn put_back(&mut self, day: Date) -> Result<()> {
        let copy = self.copy.take().expect("it was copied before");
        self.nation.put_back(DAMAGED, &copy).await?;
        self.holds.reopen();
        let code = pool(MEMBERS[DAMAGED].homes[0].0);
        let hub = self.nation.hub();
        let refused = |refusal: Refusal| anyhow!("{refusal:?}");
        let missing = hub.book_missing(code).await.map_err(refused)?;
        let home = hub.directory.home(code).map_err(refused)?;
        for step in missing.plan.steps {
            for given in hub.book_given(home, step.seq).await.map_err(refused)? {
                let outcome = convert::read_outcome(&given.outcome)?;
                let operation = convert::read_operation(&given.bytes)?;
                let key = operation.key.to_text();
                match Fact::of(&outcome) {
                    Some(fact) => {
                        let lost = (fact.settlement.clone(), Difference::lost_at_home(&fact));
                        self.explained.plant(key, lost, LOST, day);
                    }
                    None => self.explained.lose_refusal(&key),
                }
            }
        }
        ensure!(
            self.explained.standing() >= 3,
            "the copy is too young: {} answers are lost",
            self.explained.standing()
        );
        let days = (day.saturating_sub(40.days()), day.saturating_sub(1.days()));
        hub.compare(home, code, days).await?;
        Ok(())
    }

    /// The hub gives back what was lost.
    pub(super) async fn give_back(&mut self) -> Result<()> {
        let code = pool(MEMBERS[DAMAGED].homes[0].0);
        let restored = self.nation.hub().book_restore(code, "an operator".to_owned()).await;
        let restored = restored.map_err(|refusal| anyhow!("{refusal:?}"))?;
        ensure!(restored.clash.is_none(), "the book is not whole: {:?}", restored.clash);
        self.counts.given_back += restored.taken_back;
        self.explained.mend(|planted| planted.why == LOST);
        self.explained.refusals_are_back();
        Ok(())
    }
}
