//! What got no answer, and how it gets one. A settle or a cancel is never sent twice: its home is asked what became of
//! it, and one that never came there never will. A reversal is safe to deliver late, and waits for what it is aimed at.
//! Called by the money path, by the service and by [`crate::jobs::resolve`].

use std::error::Error;
use std::time::Duration;

use ledger::hub::{Answer, Answering, Earlier, Resolution, Target, Waiting};
use proto::v1;
use settlement::ids::PoolCode;
use settlement::operation::{OperationKey, Request};
use settlement::postings::{Booking, Turn};
use settlement::refusal::{Reason, Refusal};

use crate::answer::{self, Sound};
use crate::breaker::Call;
use crate::directory::{Asked, Home};
use crate::errand::{Errand, Reply};
use crate::gate::Pass;
use crate::hub::Hub;
use crate::lie::Lie;
use crate::limits::Traffic;
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
    /// What became of a key. One that never left the hub is voided. Its home region is asked for as long as given.
    ///
    /// # Errors
    /// Busy, or a fault of ours; nothing was changed.
    pub async fn resolve(&self, key: &OperationKey, patience: Duration) -> Result<Reply, Refusal> {
        let _place = self.limits.question()?;
        let resolution = self.store.operation_resolve_unknown(key, self.clock.now()).await.map_err(|fault| {
            tracing::error!(error = &fault as &dyn Error, "a key could not be looked up");
            Refusal::new(Reason::Internal)
        })?;
        match resolution {
            Resolution::Voided => Ok(Reply::Answer(answer::voided(self.clock.now()))),
            Resolution::Known(Earlier { answer: Some(answer), .. }) => Ok(Reply::Answer(answer)),
            Resolution::Known(Earlier { answer: None, position, bytes, received_at }) => {
                let waiting = Waiting { position, bytes, received_at };
                Ok(match self.clear_up_in_turn(waiting, patience).await {
                    Cleared::Answered(answer) => Reply::Answer(answer),
                    Cleared::Waits | Cleared::Unreachable => Reply::InDoubt { since: received_at },
                })
            }
        }
    }

    /// The same for somebody at a desk: of those that wait for one region, a few are asked about at once.
    async fn clear_up_in_turn(&self, waiting: Waiting, patience: Duration) -> Cleared {
        let Some(errand) = errand(waiting, patience) else { return Cleared::Waits };
        let Ok(home) = self.directory.home(errand.operation.home()) else { return Cleared::Unreachable };
        match home.gate(Traffic::Question).enter() {
            Ok(_place) => self.clear_up_errand(home, &errand).await,
            Err(_) => Cleared::Unreachable,
        }
    }

    /// Tries once to have an operation answered that waits for its answer, unless it is on its way just now.
    pub async fn clear_up(&self, waiting: Waiting) -> Cleared {
        let Some(errand) = errand(waiting, self.patience) else { return Cleared::Waits };
        match self.directory.home(errand.operation.home()) {
            Ok(home) => self.clear_up_errand(home, &errand).await,
            Err(_) => Cleared::Unreachable,
        }
    }

    async fn clear_up_errand(&self, home: &Home, errand: &Errand) -> Cleared {
        if self.in_flight.has(&errand.operation.key) {
            return Cleared::Waits;
        }
        self.ask_again(home, errand).await
    }

    async fn ask_again(&self, home: &Home, errand: &Errand) -> Cleared {
        let target = match &errand.operation.request {
            Request::Settle(_) | Request::Cancel(_) => return self.ask_what_became(home, errand).await,
            Request::Reverse(reverse) => self.store.operation_aim_again(reverse, self.clock.now()).await,
        };
        match target {
            Ok(target) => {
                let Ok(pass) = home.pass(Call::FollowUp) else { return Cleared::Unreachable };
                let asked = self.send(home, pass, errand, Some(target)).await;
                self.cleared(home, errand, asked).await
            }
            Err(fault) => {
                tracing::error!(error = &fault as &dyn Error, "the target of {} could not be read", errand.position);
                Cleared::Waits
            }
        }
    }

    async fn ask_what_became(&self, home: &Home, errand: &Errand) -> Cleared {
        let asked = home.resolve(errand).await;
        self.cleared(home, errand, asked).await
    }

    async fn cleared(&self, home: &Home, errand: &Errand, asked: Asked) -> Cleared {
        match asked {
            Asked::Answered(answer) => match self.keep(home, errand, answer).await {
                Reply::Answer(answer) => Cleared::Answered(answer),
                Reply::InDoubt { since: _ } => Cleared::Waits,
            },
            Asked::Withheld => Cleared::Waits,
            Asked::NeverLeft(_) | Asked::Silent => Cleared::Unreachable,
        }
    }

    /// Sends an operation to its home; a reversal only when what it is aimed at has its answer. One that is aimed at
    /// nothing is answered here: the tombstone lies already.
    pub(crate) async fn send(&self, home: &Home, pass: Pass, errand: &Errand, target: Option<Target>) -> Asked {
        match target {
            None => home.operate(errand, pass).await,
            Some(Target::Unknown) => Asked::Answered(answer::nothing_to_undo(self.clock.now())),
            Some(Target::Known { unanswered }) => {
                for waiting in unanswered {
                    // Boxed, since it is rare and would make every settle's task larger.
                    if !Box::pin(self.target_answered(waiting, errand.left())).await {
                        return Asked::Withheld;
                    }
                }
                home.operate(errand, pass).await
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
    async fn target_answered(&self, waiting: Waiting, patience: Duration) -> bool {
        let Some(errand) = errand(waiting, patience) else { return false };
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
    pub(crate) async fn keep(&self, home: &Home, errand: &Errand, answer: v1::Answer) -> Reply {
        let Sound { answer, booking } = match answer::check(&errand.operation, answer, home.pools(), self.clock.now()) {
            Ok(sound) => sound,
            Err(fault) => return self.not_believed(home, errand, fault.lie(), &fault.to_string()).await,
        };
        if let Some(booking) = &booking
            && !self.undoes_its_own(errand, booking).await
        {
            return self.not_believed(home, errand, Lie::OtherSettlement, "it undoes another's settlement").await;
        }
        let pool = errand.operation.home();
        match self.store.operation_answer(errand.position, pool, answer.clone(), booking).await {
            Ok(Answering::Kept) => {
                home.kept(errand, answer.book_seq);
                let (position, request_id, verdict) = (errand.position.0, &errand.request_id, answer.verdict.word());
                tracing::debug!(position, request_id, verdict, "operation {position} was {verdict}");
                measures::ended(&errand.operation, Ending::of(answer.verdict));
                Reply::Answer(answer)
            }
            Ok(Answering::Earlier(earlier)) => Reply::Answer(earlier),
            Ok(Answering::EarlierMissing) => {
                self.not_kept(errand, "it undoes what the journal does not have yet").await
            }
            Ok(Answering::Contradicts) => {
                self.not_believed(home, errand, Lie::AgainstJournal, "it contradicts the journal").await
            }
            Err(fault) => self.not_kept(errand, &format!("the store failed: {fault}")).await,
        }
    }

    /// Whether what an answer undoes is the settlement of the person who asked, and for a settlement's reversal the one
    /// that the message to be reversed has made. What the journal does not have is for the store to say.
    async fn undoes_its_own(&self, errand: &Errand, booking: &Booking) -> bool {
        if booking.turn == Turn::Enter {
            return true;
        }
        match self.store.settlement_owner(&booking.settlement).await {
            Ok(None) => true,
            Ok(Some(owner)) => {
                let person = owner.person == errand.operation.key.person;
                person && reversed_by(errand, booking).is_none_or(|target| target == owner.target)
            }
            Err(fault) => {
                tracing::error!(error = &fault as &dyn Error, "the owner of a settlement could not be looked up");
                // The store that cannot be read cannot keep an answer either.
                true
            }
        }
    }

    async fn not_believed(&self, home: &Home, errand: &Errand, lie: Lie, why: &str) -> Reply {
        home.lied(errand, lie, self.clock.now());
        self.not_kept(errand, why).await
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

/// The message that a reversal of a settlement names.
fn reversed_by(errand: &Errand, booking: &Booking) -> Option<String> {
    match (&errand.operation.request, booking.turn) {
        (Request::Reverse(reverse), Turn::Counter) => Some(reverse.target.to_text()),
        (Request::Settle(_) | Request::Cancel(_) | Request::Reverse(_), _) => None,
    }
}

fn errand(waiting: Waiting, patience: Duration) -> Option<Errand> {
    let position = waiting.position.0;
    Errand::waiting(waiting, patience)
        .map_err(|fault| {
            tracing::error!(position, "the stored operation {position} cannot be read back: {fault}");
        })
        .ok()
}
