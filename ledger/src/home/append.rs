//! Appends what a batch decided, one statement a table, once all of it is decided. Called by
//! [`super::HomeStore::batch_decide`].

use bytes::Bytes;
use jiff::Timestamp;
use settlement::decide::{BookSeq, Decision, Effects, Verdict};
use settlement::money::Money;
use settlement::operation::Request;
use settlement::outcome::Outcome;

use super::load::Loaded;
pub(super) use super::rows::place;
use super::rows::{
    self, ACCOUNT_ENTRY, AFFECTED, OPERATION, SETTLEMENT, SettlementRow, TOMBSTONE, UNDOING, USAGE, UsageRow,
};
use super::rule_books::RuleSet;
use super::{Asked, Reply, Wire, journal};
use crate::engine::{Sql, Value};
use crate::store::StoreError;

/// One batch's appending.
pub(super) struct Append<'a> {
    wire: Wire,
    rule_set: RuleSet,
    /// When the batch is decided.
    pub at: Timestamp,
    decided: Vec<Decided<'a>>,
}

/// A new decision, and the texts that its row is made of.
struct Decided<'a> {
    asked: &'a Asked,
    seq: BookSeq,
    key: String,
    enrollee: Option<i64>,
    accepted: bool,
    outcome: Bytes,
    journal: Option<String>,
    effects: Effects,
}

impl<'a> Append<'a> {
    pub fn new(wire: Wire, rule_set: RuleSet, at: Timestamp) -> Append<'a> {
        Append { wire, rule_set, at, decided: Vec::new() }
    }

    /// Takes a new decision; finds the stored answer of an old one.
    pub fn verdict(&mut self, loaded: &Loaded, asked: &'a Asked, verdict: Verdict) -> Result<Reply, StoreError> {
        match verdict {
            Verdict::New { seq, decision } => {
                Ok(Reply::Answer { seq, outcome: self.new_decision(loaded, asked, seq, *decision) })
            }
            Verdict::Known { seq } => {
                // A key may come twice in one batch.
                let given = self.decided.iter().find(|decided| decided.seq == seq).map(|decided| &decided.outcome);
                let missing = || StoreError::Corrupt {
                    table: "operations",
                    id: seq.0.to_string(),
                    problem: "is known but has no answer".into(),
                };
                let outcome = given.or_else(|| loaded.outcomes.get(&seq)).cloned().ok_or_else(missing)?;
                Ok(Reply::Answer { seq, outcome })
            }
            Verdict::Undecided(fault) => Ok(Reply::Undecided(fault)),
            Verdict::ContentDiffers { field } => Ok(Reply::ContentDiffers { field }),
        }
    }

    fn new_decision(&mut self, loaded: &Loaded, asked: &'a Asked, seq: BookSeq, decision: Decision) -> Bytes {
        let outcome = (self.wire.write_decision)(&decision);
        self.take(loaded, asked, seq, decision, outcome.clone());
        outcome
    }

    /// Takes what was decided before this book was restored, with the answer that was given then.
    pub fn take(&mut self, loaded: &Loaded, asked: &'a Asked, seq: BookSeq, decision: Decision, outcome: Bytes) {
        let accepted = match &decision.outcome {
            Outcome::Accepted { decided_at: _, done: _ } => true,
            Outcome::Refused(_) => false,
        };
        self.decided.push(Decided {
            asked,
            seq,
            key: asked.key().to_text(),
            enrollee: loaded.enrollees.get(&asked.key().person).copied(),
            accepted,
            outcome,
            journal: decision.effects.journal.as_ref().map(journal::text),
            effects: decision.effects,
        });
    }

    /// Writes everything that was decided.
    pub fn write(&self, sql: &Sql<'_>) -> Result<(), StoreError> {
        let operations: Vec<_> = self.decided.iter().map(|decided| self.operation(decided)).collect();
        sql.execute_each(OPERATION, &operations)?;
        let settlements: Vec<_> = self.effects().filter_map(|(_, effects)| effects.settlement.as_deref()).collect();
        let settlements: Vec<_> = settlements.into_iter().map(SettlementRow::new).collect();
        sql.execute_each(SETTLEMENT, &settlements.iter().map(SettlementRow::values).collect::<Vec<_>>())?;
        let undoings =
            self.effects().filter_map(|(decided, effects)| Some(rows::undoing(decided.seq, effects.undoing.as_ref()?)));
        sql.execute_each(UNDOING, &undoings.collect::<Vec<_>>())?;
        let usages = self.effects().filter_map(|(decided, effects)| {
            let settles = effects.settlement.as_deref().map(|booked| &booked.visit);
            Some(UsageRow::of_operation(decided.person(), decided.seq, settles, effects.usage.as_ref()?))
        });
        let usages: Vec<_> = usages.collect();
        sql.execute_each(USAGE, &usages.iter().map(UsageRow::values).collect::<Vec<_>>())?;
        let accounts = self.effects().flat_map(|(decided, effects)| account_entries(decided, effects));
        sql.execute_each(ACCOUNT_ENTRY, &accounts.collect::<Vec<_>>())?;
        self.tombstones(sql)?;
        self.affected(sql)
    }

    fn effects(&self) -> impl Iterator<Item = (&Decided<'a>, &Effects)> {
        self.decided.iter().map(|decided| (decided, &decided.effects))
    }

    fn operation<'d>(&self, decided: &'d Decided<'_>) -> [Value<'d>; 12] {
        let (kind, bytes, filing): (_, &[u8], Option<&[u8]>) = match decided.asked {
            Asked::Operate(arrival) => (
                kind(&arrival.operation.request),
                &arrival.bytes,
                arrival.filings.as_ref().map(|attached| attached.bytes.as_ref()),
            ),
            Asked::Resolve(_) => ("void", &[], None),
        };
        [
            place(decided.seq).into(),
            (&decided.key).into(),
            kind.into(),
            decided.person().into(),
            bytes.into(),
            filing.into(),
            decided.enrollee.into(),
            self.rule_set.0.into(),
            decided.accepted.into(),
            (&decided.outcome).into(),
            decided.journal.as_deref().into(),
            self.at.as_microsecond().into(),
        ]
    }

    fn tombstones(&self, sql: &Sql<'_>) -> Result<(), StoreError> {
        let laid = |(decided, effects): (&Decided<'_>, &Effects)| {
            effects.tombstone.as_ref().map(|target| (target.to_text(), decided.seq))
        };
        let laid: Vec<_> = self.effects().filter_map(laid).collect();
        let rows: Vec<[Value<'_>; 2]> = laid.iter().map(|(target, seq)| [target.into(), place(*seq).into()]).collect();
        sql.execute_each(TOMBSTONE, &rows)
    }

    fn affected(&self, sql: &Sql<'_>) -> Result<(), StoreError> {
        let marks = self.effects().flat_map(|(decided, effects)| {
            effects.affected.iter().map(move |settlement| rows::affected(settlement, decided.seq, ""))
        });
        sql.execute_each(AFFECTED, &marks.collect::<Vec<_>>())
    }
}

impl<'a> Decided<'a> {
    fn person(&self) -> &'a str {
        self.asked.key().person.as_str()
    }
}

/// The entry of the person's own account, and those of relatives' accounts, each under its owner.
fn account_entries<'d>(decided: &'d Decided<'_>, effects: &'d Effects) -> Vec<[Value<'d>; 4]> {
    let entry = |owner: &'d str, amount: Money| -> [Value<'d>; 4] {
        [owner.into(), place(decided.seq).into(), "".into(), amount.fen().into()]
    };
    let own = (!effects.account.is_zero()).then(|| entry(decided.person(), effects.account));
    own.into_iter()
        .chain(effects.family.iter().map(|share| entry(share.account.owner.as_str(), share.amount)))
        .collect()
}

fn kind(request: &Request) -> &'static str {
    match request {
        Request::Settle(_) => "settle",
        Request::Cancel(_) => "cancel",
        Request::Reverse(_) => "reverse",
    }
}
