//! 备案变更: whether the region lets a filing of one of its people be changed. The hub keeps the registry and asks before it
//! writes; the rule books know for how long a filing is locked.

use ledger::home::{Credential, HomeStore};
use settlement::benefits::filing_term::{Change, may_change};
use settlement::filing::Filing;
use settlement::person::Insurance;
use settlement::refusal::Refusal;
use settlement::rulebook::{DecidingDates, RuleBooks};

/// Lets a filing be changed. Whoever is not enrolled here, and a day without a rule book, has no rule that locks it.
///
/// # Errors
/// [`settlement::refusal::Reason::FilingLocked`] naming the day from which it may be changed and the rule;
/// [`settlement::refusal::Reason::RuleUnset`] when nobody knows the rule; or the store cannot be read.
pub async fn check(store: &HomeStore, books: &RuleBooks, held: &Filing, change: Change<'_>) -> Result<(), Refusal> {
    let credential = Credential::Number(held.person.clone());
    let Some(enrollee) = store.enrollee_find(held.home, credential).await.map_err(crate::door::unread)? else {
        return Ok(());
    };
    let person = enrollee.facts.person();
    let dates = DecidingDates::on(held.validity.from);
    let in_force = Insurance::ALL.into_iter().filter_map(|insurance| books.in_force(held.home, insurance, dates).ok());
    for book in in_force {
        may_change(book, &person, held, change)?;
    }
    Ok(())
}
