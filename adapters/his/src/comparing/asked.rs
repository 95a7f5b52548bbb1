//! Comparing when an operator asks for it: the hub's letter says which days of which pool; what came of it is told back.
//! A letter that comes while the process ends is kept and not acted on: whoever asked sees no answer, and asks again.
//! Run by [`crate::start()`].

use std::error::Error;
use std::sync::Arc;

use conversation::call;
use jiff::civil::Date;
use ledger::mailbox::Letter;
use prost::Message;
use proto::v1;
use settlement::ids::PoolCode;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::Comparing;

/// The kind of letters that ask for a comparison, the only ones to be passed to [`Comparing::run_asked`]; see `proto/yidi/v1/mailbox.proto`.
pub const KIND: &str = "comparison";

impl Comparing {
    /// Compares what letters ask for, one after the other, until the process stops.
    pub async fn run_asked(self: Arc<Self>, mut letters: mpsc::Receiver<Letter>, stop: CancellationToken) {
        while let Some(Some(letter)) = stop.run_until_cancelled(letters.recv()).await {
            self.compare_asked(&letter).await;
        }
    }

    async fn compare_asked(&self, letter: &Letter) {
        let Some((number, pool, days)) = self.read_asked(letter) else {
            tracing::error!(letter = letter.id, "{} asks for no comparison that this side can make", letter.id);
            return;
        };
        let answer = match self.compare_pool(pool, days).await {
            Ok(outcome) => v1::AskedAnswer { number, outcome: Some(outcome), problem: String::new() },
            Err(fault) => {
                tracing::warn!(number, error = &fault as &dyn Error, "comparison {number} could not be made");
                v1::AskedAnswer { number, outcome: None, problem: fault.to_string() }
            }
        };
        let mut client = self.comparisons.clone();
        let told = call(self.patience, answer, async move |answer| client.answer(answer).await).await;
        if let Err(silent) = told {
            tracing::warn!(number, why = silent.word(), "the hub does not hear of comparison {number}");
        }
    }

    fn read_asked(&self, letter: &Letter) -> Option<(i64, PoolCode, (Date, Date))> {
        let asked = v1::AskedComparison::decode(letter.body.clone()).ok()?;
        let pool = self.edge.pools.iter().find(|pool| pool.to_string() == asked.treatment)?;
        Some((asked.number, *pool, (asked.from.parse().ok()?, asked.to.parse().ok()?)))
    }
}
