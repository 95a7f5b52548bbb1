//! The rule books in force, shared by everything that decides by them. They may be replaced while the region runs: what is
//! decided afterwards is decided by the new ones, and says so.

use std::sync::{Arc, PoisonError, RwLock};

use jiff::Timestamp;
use ledger::home::{HomeStore, RuleSet};
use ledger::store::StoreError;
use settlement::rulebook::RuleBooks;

use crate::rules::Rules;

/// Rule books, and the set under which the store knows them.
#[derive(Clone)]
pub struct InForce {
    /// The books.
    pub books: Arc<RuleBooks>,
    /// Their set.
    pub set: RuleSet,
}

/// The rule books in force. Clones share them.
#[derive(Clone)]
pub struct RulesInForce(Arc<RwLock<InForce>>);

impl RulesInForce {
    /// Keeps rule books by their content, and puts them in force.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn new(store: &HomeStore, rules: Rules, at: Timestamp) -> Result<RulesInForce, StoreError> {
        Ok(RulesInForce(Arc::new(RwLock::new(keep(store, rules, at).await?))))
    }

    /// Those in force now.
    pub fn now(&self) -> InForce {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Keeps others by their content, and puts them in force in the place of these. The batch that is being decided
    /// is the last that the old ones decide.
    ///
    /// # Errors
    /// When the store fails: then nothing changes.
    pub async fn replace(&self, store: &HomeStore, rules: Rules, at: Timestamp) -> Result<(), StoreError> {
        let kept = keep(store, rules, at).await?;
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = kept;
        Ok(())
    }
}

async fn keep(store: &HomeStore, rules: Rules, at: Timestamp) -> Result<InForce, StoreError> {
    let set = store.rule_set_load(rules.texts, at).await?;
    Ok(InForce { books: Arc::new(rules.books), set })
}
