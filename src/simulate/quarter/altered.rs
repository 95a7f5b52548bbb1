//! Answers that are altered on their way, so that two books hold other amounts of one settlement: a yuan is paid by
//! another than who should, so that the sums add up. And what becomes of such settlements: as long as the
//! books are apart they are cleared by no statement; then one book is mended, or two people decide.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use clearing::breaks::Fact;
use clearing::listed::Verdict;
use ledger::hub::SettlementTurn;
use proto::v1::operate_reply::Result as Replied;
use proto::{convert, v1};
use settlement::adjudication::Fund;
use settlement::ids::SettlementId;
use settlement::money::Money;
use settlement::outcome::{Done, Outcome};
use settlement::postings::Turn;

use super::holds::{Book, follow};

/// What is moved from one payer to another.
const MOVED: Money = Money::from_yuan(1);

/// What alters answers on a line: the next one that settles something, once the story wants it.
#[derive(Debug, Default)]
pub struct Altering {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Passing,
    Wanted,
    Altered {
        told: Fact,
        arrived: Fact,
    },
}

impl Altering {
    /// Has the next answer that settles something altered.
    pub fn want(&self) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = State::Wanted;
    }

    /// What was told and what arrived; none where no answer came that could be altered. Nothing is altered any more.
    pub fn take(&self) -> Option<(Fact, Fact)> {
        match std::mem::take(&mut *self.state.lock().unwrap_or_else(PoisonError::into_inner)) {
            State::Passing | State::Wanted => None,
            State::Altered { told, arrived } => Some((told, arrived)),
        }
    }

    /// Passes an answer on.
    pub fn pass(&self, answer: v1::Answer) -> v1::Answer {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if !matches!(*state, State::Wanted) {
            return answer;
        }
        let Ok(outcome) = convert::read_outcome(&answer.outcome) else { return answer };
        let arrives = altered(&outcome);
        let (Some(told), Some(arrived)) = (Fact::of(&outcome), arrives.as_ref().and_then(Fact::of)) else {
            return answer;
        };
        *state = State::Altered { told, arrived };
        let outcome = arrives.as_ref().map_or(answer.outcome, convert::write_outcome);
        v1::Answer { outcome, ..answer }
    }

    /// Passes a reply on.
    pub fn pass_reply(&self, reply: v1::OperateReply) -> v1::OperateReply {
        let result = reply.result.map(|result| match result {
            Replied::Answer(answer) => Replied::Answer(self.pass(answer)),
            Replied::InDoubt(in_doubt) => Replied::InDoubt(in_doubt),
        });
        v1::OperateReply { result }
    }
}

/// The same, with a yuan paid by another; none where nothing was settled, or nobody pays a yuan.
fn altered(outcome: &Outcome) -> Option<Outcome> {
    let Outcome::Accepted { decided_at, done: Done::Settled(settled) } = outcome else { return None };
    let mut settled = settled.clone();
    let payers = &mut settled.payers;
    let basic = payers.funds.of(Fund::Basic);
    if basic >= MOVED {
        payers.funds.set(Fund::Basic, basic - MOVED);
        payers.cash += MOVED;
    } else if payers.cash >= MOVED {
        payers.funds.set(Fund::Basic, basic + MOVED);
        payers.cash -= MOVED;
    } else if payers.account >= MOVED {
        payers.account -= MOVED;
        payers.cash += MOVED;
    } else {
        return None;
    }
    Some(Outcome::Accepted { decided_at: *decided_at, done: Done::Settled(settled) })
}

/// How it stands with a settlement that two books are apart on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The books are apart.
    Apart,
    /// The wrong book was put back and told again, before the settlement's period was stated.
    Mended,
    /// The book that lacked it took it in, after a period was cleared without it.
    TakenIn,
    /// Two people have decided on it, from the list.
    Decided(Verdict),
}

/// The settlements that books were made apart on, and how each ended.
#[derive(Debug, Default)]
pub struct Alterations(BTreeMap<SettlementId, Ending>);

impl Alterations {
    /// Books are apart on a settlement.
    pub fn add(&mut self, settlement: SettlementId) {
        self.0.insert(settlement, Ending::Apart);
    }

    /// It has ended.
    pub fn end(&mut self, settlement: &SettlementId, ending: Ending) {
        self.0.insert(settlement.clone(), ending);
    }

    /// Whether it is one of these, and nobody has ended it.
    pub fn waits(&self, settlement: &SettlementId) -> bool {
        self.0.get(settlement) == Some(&Ending::Apart)
    }

    /// Each with its ending.
    pub fn iter(&self) -> impl Iterator<Item = (&SettlementId, Ending)> {
        self.0.iter().map(|(settlement, ending)| (settlement, *ending))
    }
}

/// What books are apart on is in no period that was cleared of what is disputed; what was mended stays where it
/// was booked; what was taken in later is cleared later; what two people have decided on is cleared in a period, or in
/// none.
pub(super) fn what_is_apart_is_cleared_only_as_it_ended(book: &Book, alterations: &Alterations) -> Vec<String> {
    let is_carried = |period| book.periods.iter().any(|held| held.period == period && held.record.is_carried);
    let mut findings = Vec::new();
    for (settlement, ending) in alterations.iter() {
        let of_it = |turn: &&SettlementTurn| turn.settlement == *settlement && turn.turn == Turn::Enter;
        let Some(made) = book.turns.iter().find(of_it) else {
            findings.push(format!("what is apart is cleared only as it ended: {settlement} is in no journal"));
            continue;
        };
        let at = follow(made.period, book.moves(made.position, 0)).0;
        let holds = match ending {
            Ending::Apart => !at.is_some_and(is_carried),
            Ending::Mended => at == Some(made.period),
            Ending::TakenIn => at.is_some_and(|at| at > made.period),
            Ending::Decided(Verdict::Clear) => at.is_some(),
            Ending::Decided(Verdict::Return) => at.is_none(),
        };
        if !holds {
            let what = "what is apart is cleared only as it ended does not hold for";
            findings.push(format!("{what} {settlement}: {ending:?}, and it is in {at:?}"));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use broker::clearing::Standing;
    use clearing::month::Month;
    use clearing::period::{Proof, Record};
    use ledger::hub::{CarriedEntry, PeriodNumber};

    use super::super::holds::tests::{book, carried, settlement};
    use super::*;

    #[test]
    fn what_is_cleared_otherwise_than_it_ended_is_found() {
        let (on, listed) = (carried(1, Some(2)), carried(1, None));
        let taken_off = |into| CarriedEntry { from: None, ..carried(1, into) };
        let (clear, returned) = (Ending::Decided(Verdict::Clear), Ending::Decided(Verdict::Return));
        for (moves, ending, found) in [
            (vec![], Ending::Apart, 1),
            (vec![on.clone()], Ending::Apart, 0),
            (vec![listed.clone()], Ending::Apart, 0),
            (vec![], Ending::Mended, 0),
            (vec![on.clone()], Ending::Mended, 1),
            (vec![], Ending::TakenIn, 1),
            (vec![on], Ending::TakenIn, 0),
            (vec![listed.clone()], Ending::TakenIn, 1),
            (vec![listed.clone()], clear, 1),
            (vec![listed.clone(), taken_off(Some(2))], clear, 0),
            (vec![listed.clone(), taken_off(Some(2))], returned, 1),
            (vec![listed], returned, 0),
            (vec![], returned, 1),
        ] {
            let month = Month::from_text("2025-04").expect("a month");
            let record = Record {
                month,
                is_cut_off: true,
                is_folded: true,
                proof: Some(Proof::Holds),
                is_carried: true,
                pairs: BTreeMap::new(),
                is_closed: false,
            };
            let of_april = Standing { period: PeriodNumber(1), record, pairs: BTreeMap::new() };
            let book = book(moves.clone(), vec![of_april]);
            let mut alterations = Alterations::default();
            alterations.add(settlement());
            alterations.end(&settlement(), ending);
            let findings = what_is_apart_is_cleared_only_as_it_ended(&book, &alterations);
            assert_eq!(findings.len(), found, "{ending:?} {moves:?}");
        }
    }
}
