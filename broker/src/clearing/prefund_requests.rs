//! What members ask of one another about prefunds: an emergency increase, and what was held before the hub knew of it. The
//! other side answers; nothing counts before. Asked for through [`super::prefund_service`].

use clearing::period::Side;
use clearing::prefund::Watch;
use clearing::prefund::change::{AnswerFault, Standing};
use jiff::Timestamp;
use ledger::hub::{PrefundChange, PrefundKey, PrefundKind};
use ledger::store::StoreError;
use settlement::beijing;
use settlement::money::Money;

use super::Clearing;

/// Why a change of a prefund cannot be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestFault {
    /// It is not in the red.
    #[error("it is {}: only from red on may more be asked for", .0.word())]
    NotRed(Watch),
    /// Nothing, less than nothing, or more than there is.
    #[error("it is above zero, and no more than an amount may be")]
    NotPositive,
    /// It is more than is short.
    #[error("at most {0} may be asked for, beside what is asked for or due already: that brings use down to yellow")]
    TooMuch(Money),
    /// The id was asked for with another amount.
    #[error("the id was asked for with {0}")]
    AskedOtherwise(Money),
    /// An opening balance comes first, or did and was not confirmed.
    #[error("a re-set has asked for money already: an opening balance is first entered before the first that does")]
    ResetAlready,
    /// There is one.
    #[error("there is an opening balance already; it is {}", .0.word())]
    OpenedAlready(Standing),
}

/// What is asked for: the sender's id, how much and why.
pub type Asking = (String, Money, String);

/// The id under which an increase is listed and answered, of its sender's.
pub fn top_up_id(sent: &str) -> String {
    format!("top-up {sent}")
}

impl Clearing {
    /// Asks the home member to increase a prefund that is in the red, under an id that its sender made: at most by what
    /// brings its use down to the yellow mark. The rule also counts working days after the clearing period until it is to be
    /// asked for, and does not say which period of a prefund that several months use; what is red today is short today, so
    /// being red is all that is asked here.
    ///
    /// # Errors
    /// When the store fails. Inside: why it cannot be.
    pub async fn prefund_top_up(
        &self,
        key: PrefundKey,
        (id, amount, reason): Asking,
        by: (String, Timestamp),
    ) -> Result<Result<(), RequestFault>, StoreError> {
        let id = top_up_id(&id);
        if let Some(said) = self.asked_before(key, &id, amount).await? {
            return Ok(said);
        }
        if amount <= Money::ZERO || !amount.is_bounded() {
            return Ok(Err(RequestFault::NotPositive));
        }
        let watched = self.prefunds_watched(by.1).await?.get(&key).copied();
        let Some(watched) = watched.filter(|watched| watched.watch == Watch::Red) else {
            return Ok(Err(RequestFault::NotRed(watched.map_or(Watch::Green, |watched| watched.watch))));
        };
        let most = self.prefund_most(&watched, by.1);
        if amount > most {
            return Ok(Err(RequestFault::TooMuch(most)));
        }
        let asked_by = Some(Side::Treatment);
        let change = self.request((key, id, PrefundKind::TopUp), (amount, reason), asked_by, by.1);
        self.store.prefund_change(change, by.0).await.map(|_| Ok(()))
    }

    /// Enters what a prefund held before this hub knew of it, for the other side to confirm. It comes before the first
    /// re-set that moves money, which works out what is to be paid from what is held; one that was entered in time and was
    /// not confirmed may be entered anew after it, and once that is accepted the year is re-set anew.
    ///
    /// # Errors
    /// When the store fails. Inside: why it cannot be.
    pub async fn prefund_open(
        &self,
        (key, side): (PrefundKey, Side),
        (id, amount, reason): Asking,
        by: (String, Timestamp),
    ) -> Result<Result<String, RequestFault>, StoreError> {
        let id = format!("opening {id}");
        if let Some(said) = self.asked_before(key, &id, amount).await? {
            return Ok(said.map(|()| id));
        }
        if amount <= Money::ZERO || !amount.is_bounded() {
            return Ok(Err(RequestFault::NotPositive));
        }
        let (entries, today) = (self.store.prefund_entries().await?, beijing::day_of(by.1));
        let own = || entries.iter().filter(|entry| entry.change.key == key);
        let openings = || own().filter(|entry| entry.change.kind == PrefundKind::Opening);
        // A re-set that changed nothing has worked nothing out from what is held.
        let moving = own().filter(|entry| entry.change.kind == PrefundKind::Reset && !entry.change.amount.is_zero());
        let first = moving.map(|entry| entry.change.at).min();
        if first.is_some_and(|reset| !openings().any(|entry| entry.change.at <= reset)) {
            return Ok(Err(RequestFault::ResetAlready));
        }
        let mut standings = openings().map(|entry| self.prefund_standing(entry, today));
        match standings.find(|standing| matches!(standing, Standing::Asked | Standing::Held)) {
            Some(standing) => Ok(Err(RequestFault::OpenedAlready(standing))),
            None => {
                let opening = (key, id.clone(), PrefundKind::Opening);
                let change = self.request(opening, (amount, reason), Some(side), by.1);
                self.store.prefund_change(change, by.0).await.map(|_| Ok(id))
            }
        }
    }

    /// Records what a side says to what the other has asked for, until the last day for it.
    ///
    /// # Errors
    /// When the store fails. Inside: why it cannot be.
    pub async fn prefund_answer(
        &self,
        (key, id, side): (PrefundKey, String, Side),
        said: (bool, String),
        by: (String, Timestamp),
    ) -> Result<Result<(), AnswerFault>, StoreError> {
        let entries = self.store.prefund_entries().await?;
        let asked = entries.iter().find(|entry| entry.change.key == key && entry.change.id == id);
        let answer_by = asked.and_then(|entry| self.prefund_days(&entry.change)).map(|days| days.pay_by);
        self.store.prefund_answer((key, id, side), said, answer_by, by).await
    }

    /// What was said when the same id was asked for before; none where it was not.
    async fn asked_before(
        &self,
        key: PrefundKey,
        id: &str,
        amount: Money,
    ) -> Result<Option<Result<(), RequestFault>>, StoreError> {
        let changes = self.store.prefund_changes().await?;
        let before = changes.iter().find(|change| change.key == key && change.id == id);
        Ok(before.map(
            |before| {
                if before.amount == amount { Ok(()) } else { Err(RequestFault::AskedOtherwise(before.amount)) }
            },
        ))
    }

    fn request(
        &self,
        (key, id, kind): (PrefundKey, String, PrefundKind),
        (amount, reason): (Money, String),
        asked_by: Option<Side>,
        at: Timestamp,
    ) -> PrefundChange {
        PrefundChange { key, id, kind, amount, basis: Money::ZERO, held: Money::ZERO, reason, asked_by, at }
    }
}
