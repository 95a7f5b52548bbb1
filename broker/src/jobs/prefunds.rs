//! Watching prefunds: how much of each is in use, how many warn and how many payments are overdue, as measures, and a
//! warning when one turns yellow or red. It changes nothing; who holds the prefund asks for more. Run by [`super::clearing`].

use std::collections::BTreeMap;
use std::time::Duration;

use clearing::prefund::Watch;
use jiff::Timestamp;
use ledger::hub::PrefundKey;
use ledger::store::StoreError;
use rust_decimal::prelude::ToPrimitive;
use tokio::time::Instant;

use crate::clearing::Clearing;
use crate::measures;

/// How often they are looked at. The rule says daily; this shows a payment or an increase within the day.
const WATCHED_EVERY: Duration = Duration::from_secs(60 * 60);

/// What one hub has seen of them. Every hub looks, so that each shows the same; each warns of what it sees turn.
#[derive(Debug, Default)]
pub struct PrefundWatch {
    looked_at: Option<Instant>,
    seen: BTreeMap<PrefundKey, Watch>,
}

impl PrefundWatch {
    /// Looks, where it is time to.
    ///
    /// # Errors
    /// When the store fails; it is tried again the next time.
    pub async fn look_if_due(&mut self, clearing: &Clearing, now: Timestamp) -> Result<(), StoreError> {
        if self.looked_at.is_some_and(|looked_at| looked_at.elapsed() < WATCHED_EVERY) {
            return Ok(());
        }
        self.look(clearing, now).await?;
        if let Some((year, why)) = clearing.prefund_reset_waits(now).await? {
            tracing::warn!(
                year,
                "the prefunds of {year} are not re-set by the calendar: {why}; an operator can, with yidi prefund reset"
            );
        }
        self.looked_at = Some(Instant::now());
        Ok(())
    }

    /// Looks at every prefund that there is; tells which have turned yellow or red since.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn look(&mut self, clearing: &Clearing, now: Timestamp) -> Result<Vec<(PrefundKey, Watch)>, StoreError> {
        let (mut turned, mut changed) = (Vec::new(), Vec::new());
        let (set, overdue) = clearing.prefunds_set(now).await?;
        let at = |mark: Watch| set.values().filter(|watched| watched.watch == mark).count();
        measures::prefunds(at(Watch::Yellow), at(Watch::Red), overdue);
        for (key, watched) in set {
            let (share, watch) = (watched.usage.share(), watched.watch);
            // Of a prefund that was re-set to nothing, all that is owed is beyond it.
            let beyond = watched.usage.prefund.is_zero() && watch != Watch::Green;
            let shown = if beyond { f64::INFINITY } else { share.to_f64().unwrap_or(f64::INFINITY) };
            measures::prefund(&key, shown, watch);
            let seen = self.seen.get(&key).copied();
            if seen != Some(watch) {
                changed.push((key, watch, watched.usage));
            }
            if watch > seen.unwrap_or(Watch::Green) {
                warn(&key, watch, shown);
                turned.push((key, watch));
            }
        }
        // Recorded first: what could not be is looked at again.
        let seen: Vec<_> = changed.iter().map(|(key, watch, _)| (*key, *watch)).collect();
        if !changed.is_empty() {
            clearing.prefunds_turned(changed, now).await?;
        }
        self.seen.extend(seen);
        Ok(turned)
    }
}

fn warn(key: &PrefundKey, watch: Watch, share: f64) {
    let PrefundKey { pair, insurance } = key;
    let (word, insurance) = (watch.word(), insurance.word());
    tracing::warn!(
        home = %pair.home, treatment = %pair.treatment, insurance, watch = word, share,
        "the {insurance} prefund of {} at {} has turned {word}: {share:.2} of it is in use",
        pair.home, pair.treatment
    );
}
