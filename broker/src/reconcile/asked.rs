//! Comparisons that operators ask treatment sides for. The hub cannot begin one: a treatment side is asked by letter, asks
//! the hub for its book as always, and says what came of it. Called by [`super::breaks`] and [`super::comparisons`].

use bytes::Bytes;
use identity::permit::{OperatorPermit, TreatmentPermit};
use jiff::civil::Date;
use ledger::hub::{AskedAnswer, AskedComparison};
use ledger::mailbox::{Letter, Mailbox, Notice, Part};
use prost::Message;
use proto::v1;
use settlement::ids::PoolCode;
use settlement::refusal::{Reason, Refusal};

use crate::hub::Hub;
use crate::refusing::failed;
use crate::scope;

/// The kind of letters that ask for a comparison; see `proto/yidi/v1/mailbox.proto`.
const KIND: &str = "comparison";
/// A problem has at most so many characters: it is for a person to read, and is kept for good.
const LONGEST_PROBLEM: usize = 500;

impl Hub {
    /// Asks a treatment side to compare its book with the hub's.
    ///
    /// # Errors
    /// When it is not the operator's to ask, the days are none, or the store fails.
    pub(super) async fn ask_treatment(
        &self,
        permit: &OperatorPermit,
        asked: &v1::AskTreatmentRequest,
    ) -> Result<v1::AskedComparison, Refusal> {
        let unknown = |refusal: Refusal| refusal.of_field("treatment");
        let treatment = self.directory.pool_of_area(&asked.treatment).map_err(unknown)?;
        scope::in_scope(permit, self.directory.regions(), ("treatment", treatment))?;
        let (from, to) = (read_day("from", &asked.from)?, read_day("to", &asked.to)?);
        if from > to {
            return Err(Refusal::new(Reason::InvalidField).of_field("from").because("lies after the last day"));
        }
        super::breaks::ensure_come("to", to, self.clock.today())?;
        let by = (permit.peer().fingerprint().to_owned(), self.clock.now());
        let asked = self.store.comparison_ask(treatment, (from, to), letter, by).await;
        self.mailroom.note_posted();
        asked.map(|asked| write(&asked)).map_err(|fault| failed(&fault))
    }

    /// How a comparison stands that was asked for. Of others' nobody is told that they exist.
    ///
    /// # Errors
    /// When there is no such one of the operator's, or the store fails.
    pub(super) async fn asked_of_treatment(
        &self,
        permit: &OperatorPermit,
        number: i64,
    ) -> Result<v1::AskedComparison, Refusal> {
        let asked = self.store.comparison_asked(number).await.map_err(|fault| failed(&fault))?;
        let own = asked.filter(|asked| scope::sees(permit, self.directory.regions(), asked.treatment));
        own.map(|asked| write(&asked)).ok_or_else(|| unknown(number))
    }

    /// Keeps what a treatment side says of a comparison that was asked of it.
    ///
    /// # Errors
    /// When it was not asked of it, or the store fails.
    pub(super) async fn answer_asked(&self, permit: &TreatmentPermit, answer: v1::AskedAnswer) -> Result<(), Refusal> {
        let v1::AskedAnswer { number, outcome, problem } = answer;
        let answer = match outcome {
            Some(v1::ComparisonOutcome { agreed, breaks, pending }) => {
                AskedAnswer::Compared { agreed, breaks, pending }
            }
            None => AskedAnswer::Failed(problem.chars().take(LONGEST_PROBLEM).collect()),
        };
        let pools = permit.pools().clone();
        let own = move |pool: PoolCode| pools.contains(&pool);
        let kept = self.store.comparison_answer(number, own, answer, self.clock.now()).await;
        if kept.map_err(|fault| failed(&fault))? { Ok(()) } else { Err(unknown(number)) }
    }
}

fn letter(asked: &AskedComparison) -> Notice {
    let (subject, version) = (format!("{KIND} {}", asked.treatment), asked.number.cast_unsigned());
    let (id, body) = (format!("{subject} {version}"), Bytes::from(write(asked).encode_to_vec()));
    let mailbox = Mailbox { pool: asked.treatment, part: Part::Treatment };
    Notice { mailbox, letter: Letter { id, subject, version, kind: KIND.to_owned(), body } }
}

fn write(asked: &AskedComparison) -> v1::AskedComparison {
    let AskedComparison { number, treatment, days: (from, to), answer } = asked;
    let write_answer = |answer: &AskedAnswer| {
        let (outcome, problem) = match answer {
            AskedAnswer::Compared { agreed, breaks, pending } => {
                let (agreed, breaks, pending) = (*agreed, *breaks, *pending);
                (Some(v1::ComparisonOutcome { agreed, breaks, pending }), String::new())
            }
            AskedAnswer::Failed(problem) => (None, problem.clone()),
        };
        v1::AskedAnswer { number: *number, outcome, problem }
    };
    v1::AskedComparison {
        number: *number,
        treatment: treatment.to_string(),
        from: from.to_string(),
        to: to.to_string(),
        answer: answer.as_ref().map(write_answer),
    }
}

fn read_day(field: &'static str, text: &str) -> Result<Date, Refusal> {
    let invalid = || Refusal::new(Reason::InvalidField).of_field(field).because("is not a day such as 2025-06-30");
    text.parse().map_err(|_| invalid())
}

fn unknown(number: i64) -> Refusal {
    let problem = format!("{number} is no comparison that was asked for");
    Refusal::new(Reason::InvalidField).of_field("number").because(problem)
}
