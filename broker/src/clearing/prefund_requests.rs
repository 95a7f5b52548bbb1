//! What members ask of one another about prefunds: an emergency increase, and what was held before the hub knew of it. The
//! other side answers; nothing counts before. Asked for through [`super::prefund_service`].

use clearing::period::Side;
use clearing::prefund::account::{Account, RequestFault};
use clearing::prefund::change::AnswerFault;
use clearing::prefund::quarter::Quarter;
use jiff::Timestamp;
use ledger::hub::{PrefundChange, PrefundEntry, PrefundKey, PrefundKind};
use ledger::store::StoreError;
use settlement::beijing;
use settlement::money::Money;

use super::Clearing;
use super::prefunds::accounts;

/// What is asked for: the sender's id, how much and why.
pub type Asking = (String, Money, String);

/// The id under which an increase is listed and answered, of its sender's.
pub fn top_up_id(sent: &str) -> String {
    format!("top-up {sent}")
}

impl Clearing {
    /// Asks the home member to increase a prefund that is in the red, under an id that its sender made: at most by what
    /// brings its use down to the yellow mark, beside what is asked for or due when it is recorded.
    ///
    /// # Errors
    /// When the store fails. Inside: why it cannot be.
    pub async fn prefund_top_up(
        &self,
        key: PrefundKey,
        (id, amount, reason): Asking,
        by: (String, Timestamp),
    ) -> Result<Result<(), RequestFault>, StoreError> {
        let (id, today) = (top_up_id(&id), beijing::day_of(by.1));
        // No request changes what is owed: what was owed just before is as if this had come then.
        let outstanding = self.outstanding().await?.get(&key).copied().unwrap_or_default();
        let (calendar, asked) = (self.calendar.clone(), (id.clone(), amount));
        let may = move |account: &Account| account.may_top_up((&asked.0, asked.1), outstanding, today, &calendar);
        let change = request((key, id, PrefundKind::TopUp), (amount, reason), Side::Treatment, by.1);
        self.request_if(change, may, by.0).await
    }

    /// Enters what a prefund held before this hub knew of it, for the other side to confirm; once an opening balance is
    /// accepted after a re-set, the year is re-set anew.
    ///
    /// # Errors
    /// When the store fails. Inside: why it cannot be.
    pub async fn prefund_open(
        &self,
        (key, side): (PrefundKey, Side),
        (id, amount, reason): Asking,
        by: (String, Timestamp),
    ) -> Result<Result<String, RequestFault>, StoreError> {
        let (id, today) = (format!("opening {id}"), beijing::day_of(by.1));
        let (calendar, asked) = (self.calendar.clone(), (id.clone(), amount));
        let may = move |account: &Account| account.may_open((&asked.0, asked.1), today, &calendar);
        let change = request((key, id.clone(), PrefundKind::Opening), (amount, reason), side, by.1);
        Ok(self.request_if(change, may, by.0).await?.map(|()| id))
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

    /// Records a request if it may be made by what is recorded of its prefund in the same step: of two at once, the second
    /// sees the first.
    async fn request_if(
        &self,
        change: PrefundChange,
        may: impl Fn(&Account) -> Result<(), RequestFault> + Send + 'static,
        by: String,
    ) -> Result<Result<(), RequestFault>, StoreError> {
        let decide = move |entries: &[PrefundEntry]| {
            let account = accounts(entries).remove(&change.key).unwrap_or_default();
            may(&account).map(|()| vec![change.clone()])
        };
        Ok(self.store.prefund_change_by(decide, by).await?.map(drop))
    }
}

fn request(
    (key, id, kind): (PrefundKey, String, PrefundKind),
    (amount, reason): (Money, String),
    asked_by: Side,
    at: Timestamp,
) -> PrefundChange {
    let asked_by = Some(asked_by);
    PrefundChange { key, id, kind, amount, basis: Quarter::default(), held: Money::ZERO, reason, asked_by, at }
}
