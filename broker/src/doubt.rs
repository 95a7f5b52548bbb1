//! What got no answer, and how it gets one. A settle or a cancel is never sent twice: its home is asked what became of
//! it, and one that never came there never will. A reversal is safe to deliver late, and waits for what it is aimed at.
//! Called by the money path, by the service and by [`crate::jobs::resolve`].

use std::error::Error;

use ledger::hub::{Answer, Answering, Earlier, Resolution, Target, Waiting};
use proto::v1;
use settlement::ids::PoolCode;
use settlement::operation::{OperationKey, Request};
use settlement::refusal::{Reason, Refusal};

use crate::answer::{self, Sound};
use crate::directory::{Asked, Home};
use crate::errand::{Errand, Reply};
use crate::hub::Hub;
use crate::measures::{self, Ending};

/// What trying to clear something up came to.
#[derive(Debug)]
pub enum Cleared {
    /// It has its answer.
    Answered(Answer),
    /// It is still in doubt, for a reason of its own.
    Waits,
    /// It is still in doubt, because its home cannot be asked at the moment.
    Unreachable,
}

impl Hub {
    /// What became of a key. One that never left the hub is voided.
    ///
    /// # Errors
    /// A fault of ours; nothing was changed.
    pub async fn resolve(&self, key: &OperationKey) -> Result<Reply, Refusal> {
        let resolution = self.store.operation_resolve_unknown(key, self.clock.now()).await.map_err(|fault| {
            tracing::error!(error = &fault as &dyn Error, "a key could not be looked up");
            Refusal::new(Reason::Internal)
        })?;
        match resolution {
            Resolution::Voided => Ok(Reply::Answer(answer::voided(self.clock.now()))),
            Resolution::Known(Earlier { answer: Some(answer), .. }) => Ok(Reply::Answer(answer)),
            Resolution::Known(Earlier { answer: None, position, bytes, received_at }) => {
                Ok(match self.clear_up(Waiting { position, bytes, received_at }).await {
                    Cleared::Answered(answer) => Reply::Answer(answer),
                    Cleared::Waits | Cleared::Unreachable => Reply::InDoubt { since: received_at },
                })
            }
        }
    }

    /// Tries once to have an operation answered that waits for its answer, unless it is on its way just now.
    pub async fn clear_up(&self, waiting: Waiting) -> Cleared {
        let Some(errand) = self.errand(waiting) else { return Cleared::Waits };
        if self.in_flight.has(&errand.operation.key) {
            return Cleared::Waits;
        }
        match self.directory.home(errand.operation.home()) {
            Ok(home) => self.ask_again(home, &errand).await,
            Err(_) => Cleared::Unreachable,
        }
    }

    async fn ask_again(&self, home: &Home, errand: &Errand) -> Cleared {
        let target = match &errand.operation.request {
            Request::Settle(_) | Request::Cancel(_) => return self.ask_what_became(home, errand).await,
            Request::Reverse(reverse) => self.store.operation_aim_again(reverse, self.clock.now()).await,
        };
        match target {
            Ok(target) => {
                let asked = self.send(home, errand, Some(target)).await;
                self.cleared(errand, asked).await
            }
            Err(fault) => {
                tracing::error!(error = &fault as &dyn Error, "the target of {} could not be read", errand.position);
                Cleared::Waits
            }
        }
    }

    async fn ask_what_became(&self, home: &Home, errand: &Errand) -> Cleared {
        let asked = home.resolve(errand).await;
        self.cleared(errand, asked).await
    }

    async fn cleared(&self, errand: &Errand, asked: Asked) -> Cleared {
        match asked {
            Asked::Answered(answer) => match self.keep(errand, answer).await {
                Reply::Answer(answer) => Cleared::Answered(answer),
                Reply::InDoubt { since: _ } => Cleared::Waits,
            },
            Asked::Withheld => Cleared::Waits,
            Asked::NeverLeft(_) | Asked::Silent => Cleared::Unreachable,
        }
    }

    /// Sends an operation to its home; a reversal only when what it is aimed at has its answer. One that is aimed at
    /// nothing is answered here: the tombstone lies already.
    pub(crate) async fn send(&self, home: &Home, errand: &Errand, target: Option<Target>) -> Asked {
        match target {
            None => home.operate(errand).await,
            Some(Target::Unknown) => Asked::Answered(answer::nothing_to_undo(self.clock.now())),
            Some(Target::Known { unanswered }) => {
                for waiting in unanswered {
                    // Boxed, since it is rare and would make every settle's task larger.
                    if !Box::pin(self.target_answered(waiting)).await {
                        return Asked::Withheld;
                    }
                }
                home.operate(errand).await
            }
            // Only where its target was released and came again for another region. Somebody has to look into it.
            Some(Target::Elsewhere) => {
                let position = errand.position.0;
                tracing::error!(position, "the reversal {position} is for another region than what it reverses");
                Asked::Withheld
            }
        }
    }

    /// Has the target of a reversal answered, also one on its way: whoever reverses it does not want it any more. Its
    /// own home is asked: any other would void what it never saw.
    async fn target_answered(&self, waiting: Waiting) -> bool {
        let Some(errand) = self.errand(waiting) else { return false };
        let Ok(home) = self.directory.home(errand.operation.home()) else { return false };
        match &errand.operation.request {
            Request::Settle(_) | Request::Cancel(_) => {
                matches!(self.ask_what_became(home, &errand).await, Cleared::Answered(_))
            }
            // Nobody may reverse a reversal; the home says so as soon as that one has its answer.
            Request::Reverse(_) => false,
        }
    }

    /// Keeps an answer before anybody is told. What cannot be kept leaves the operation in doubt, and is loud.
    pub(crate) async fn keep(&self, errand: &Errand, answer: v1::Answer) -> Reply {
        let Sound { answer, booking } = match answer::check(&errand.operation, answer, self.clock.now()) {
            Ok(sound) => sound,
            Err(fault) => return self.not_kept(errand, &format!("the answer is not one: {fault}")).await,
        };
        let home = errand.operation.home();
        match self.store.operation_answer(errand.position, home, answer.clone(), booking).await {
            Ok(Answering::Kept) => {
                let (position, request_id, verdict) = (errand.position.0, &errand.request_id, answer.verdict.word());
                tracing::debug!(position, request_id, verdict, "operation {position} was {verdict}");
                measures::ended(&errand.operation, Ending::of(answer.verdict));
                Reply::Answer(answer)
            }
            Ok(Answering::Earlier(earlier)) => Reply::Answer(earlier),
            Ok(Answering::OriginalMissing) => {
                self.not_kept(errand, "it undoes a settlement that the journal does not have").await
            }
            Ok(Answering::Contradicts) => self.not_kept(errand, "it contradicts the journal").await,
            Err(fault) => self.not_kept(errand, &format!("the store failed: {fault}")).await,
        }
    }

    fn errand(&self, waiting: Waiting) -> Option<Errand> {
        let position = waiting.position.0;
        Errand::waiting(waiting, self.patience)
            .map_err(|fault| {
                tracing::error!(position, "the stored operation {position} cannot be read back: {fault}");
            })
            .ok()
    }

    async fn not_kept(&self, errand: &Errand, why: &str) -> Reply {
        let (position, home): (i64, PoolCode) = (errand.position.0, errand.operation.home());
        tracing::error!(position, %home, "the answer of {home} to operation {position} was not kept: {why}");
        measures::ended(&errand.operation, Ending::NotKept);
        self.doubt(errand).await
    }

    /// Leaves an operation in doubt, on the list of what is asked about. Where even that fails, it is found by the
    /// sweep that looks for what a dead process left behind.
    pub(crate) async fn doubt(&self, errand: &Errand) -> Reply {
        if let Err(fault) = self.store.operation_doubted(errand.position, errand.operation.home()).await {
            let position = errand.position.0;
            tracing::warn!(position, error = &fault as &dyn Error, "{position} is in doubt and not on the list");
        }
        errand.in_doubt()
    }
}
