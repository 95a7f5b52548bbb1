//! The money path: an operation is written down, sent to its home region, and its answer written down before anybody
//! is told. Called by the gRPC service, in a task that goes on when the caller has gone away.

use ledger::hub::{Earlier, Fresh, Received};
use settlement::refusal::{Reason, Refusal};

use crate::answer;
use crate::breaker::Call;
use crate::directory::{Asked, Home};
use crate::errand::{Arrival, Errand, Reply};
use crate::gate::Pass;
use crate::hub::Hub;
use crate::measures::{self, Ending};

impl Hub {
    /// Carries an operation out, at most once however often it comes.
    ///
    /// # Errors
    /// A refusal that is not an answer: nothing was kept here, so a transient one leaves the key free. The exception
    /// is content that differs from what the key came with before.
    pub async fn operate(&self, arrival: Arrival) -> Result<Reply, Refusal> {
        let home = self.directory.home(arrival.operation.home())?;
        let _place = self.limits.operation(home)?;
        if let Err(suspended) = self.suspensions.check(self.directory.regions(), &arrival.operation) {
            return self.while_closed(&arrival, suspended).await;
        }
        let pass = match home.pass(Call::Fresh) {
            Ok(pass) => pass,
            Err(closed) => return self.while_closed(&arrival, closed).await,
        };
        let _mark = self.in_flight.mark(&arrival.operation.key);
        match self.receive(&arrival).await? {
            Received::Fresh(fresh) => self.carry_out(home, pass, arrival, fresh).await,
            Received::Earlier(earlier) => repeat(&arrival, earlier),
            Received::Voided => Ok(Reply::Answer(answer::voided(self.clock.now()))),
            Received::Misdirected => Err(Refusal::new(Reason::InvalidField)
                .of_field("insuplc_admdvs")
                .because("what is to be reversed went to another region")),
        }
    }

    /// Nothing new is written down for a region that is not to be asked, but what came before has its answer.
    async fn while_closed(&self, arrival: &Arrival, closed: Refusal) -> Result<Reply, Refusal> {
        match self.store.operation_find(&arrival.operation.key).await {
            Ok(Some(earlier)) => repeat(arrival, earlier),
            Ok(None) => {
                measures::ended(&arrival.operation, Ending::Shed);
                Err(closed)
            }
            Err(fault) => {
                tracing::error!(error = &fault as &dyn std::error::Error, "a key could not be looked up");
                Err(Refusal::new(Reason::Internal))
            }
        }
    }

    /// Durable before anything leaves.
    async fn receive(&self, arrival: &Arrival) -> Result<Received, Refusal> {
        let receipt = arrival.receipt(self.directory.regions());
        self.store.operation_receive(receipt).await.map_err(|fault| {
            tracing::error!(error = &fault as &dyn std::error::Error, "an operation could not be received");
            Refusal::new(Reason::Internal)
        })
    }

    async fn carry_out(&self, home: &Home, pass: Pass, arrival: Arrival, fresh: Fresh) -> Result<Reply, Refusal> {
        let (errand, target) = Errand::fresh(arrival, fresh);
        match self.send(home, pass, &errand, target).await {
            Asked::Answered(answer) => Ok(self.keep(home, &errand, answer).await),
            Asked::NeverLeft(refusal) => self.release(&errand, refusal).await,
            Asked::Withheld | Asked::Silent => {
                measures::ended(&errand.operation, Ending::InDoubt);
                Ok(self.doubt(&errand).await)
            }
        }
    }

    /// Frees the key of what never left. Where even that fails, it is in doubt, and cleared up like any other.
    async fn release(&self, errand: &Errand, refusal: Refusal) -> Result<Reply, Refusal> {
        match self.store.operation_release(errand.position, errand.operation.home(), self.clock.now()).await {
            Ok(()) => {
                measures::ended(&errand.operation, Ending::Released);
                Err(refusal)
            }
            Err(fault) => {
                let position = errand.position.0;
                tracing::error!(position, error = &fault as &dyn std::error::Error, "{position} could not be released");
                Ok(self.doubt(errand).await)
            }
        }
    }
}

/// The first answer again, or not yet known; unless the key came with other content before.
fn repeat(arrival: &Arrival, earlier: Earlier) -> Result<Reply, Refusal> {
    if let Some(field) = arrival.difference(&earlier.bytes)? {
        measures::ended(&arrival.operation, Ending::ContentDiffers);
        return Err(Refusal::new(Reason::ContentDiffers).of_field(field));
    }
    measures::ended(&arrival.operation, Ending::Repeated);
    Ok(match earlier.answer {
        Some(answer) => Reply::Answer(answer),
        None => Reply::InDoubt { since: earlier.received_at },
    })
}
