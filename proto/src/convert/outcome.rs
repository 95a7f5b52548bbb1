//! What a home region decided.

use jiff::Timestamp;
use settlement::account::{AccountOf, FamilyShare, paid_by_family};
use settlement::adjudication::{Fund, FundShares, Payers};
use settlement::filing::FilingClass;
use settlement::ids::{PersonNumber, PoolCode, RegionCode, SettlementId};
use settlement::money::Money;
use settlement::outcome::{Done, Outcome, Settled, Undone};
use settlement::person::{Insurance, PersonClass};
use settlement::refusal::{Reason, Refusal};
use settlement::rulebook::RuleBookHash;

use super::{Reader, bill};
use crate::v1::{self, accepted::Effect, outcome::Result as WireResult};

/// What is wrong with a bill that does not add up, to be read after its field.
pub(super) const SUMS_DIFFER: &str = "and the payers do not make up the same bill";

pub fn read(reader: &mut Reader, outcome: &v1::Outcome) -> Option<Outcome> {
    match &outcome.result {
        Some(WireResult::Accepted(accepted)) => reader.inside("accepted", Some(accepted), read_accepted),
        Some(WireResult::Refused(refused)) => {
            reader.inside("refused", Some(refused), read_refused).map(Outcome::Refused)
        }
        None => {
            reader.fault("result", "is missing");
            None
        }
    }
}

fn read_accepted(reader: &mut Reader, accepted: &v1::Accepted) -> Option<Outcome> {
    let decided_at = Timestamp::from_microsecond(accepted.decided_at)
        .map_err(|_| reader.fault("decided_at", "is not an instant"))
        .ok();
    let done = match &accepted.effect {
        Some(Effect::Settled(settled)) => {
            reader.inside("settled", Some(settled), read_settled).map(Box::new).map(Done::Settled)
        }
        Some(Effect::Cancelled(undone)) => reader.inside("cancelled", Some(undone), read_cancelled),
        Some(Effect::Reversed(undone)) => {
            reader.inside("reversed", Some(undone), read_reversed).map(Box::new).map(Done::Reversed)
        }
        None => {
            reader.fault("effect", "is missing");
            None
        }
    };
    Some(Outcome::Accepted { decided_at: decided_at?, done: done? })
}

fn read_settled(reader: &mut Reader, settled: &v1::Settlement) -> Option<Settled> {
    let settlement = reader.text("settlement", &settled.settlement, SettlementId::new);
    let insurance = reader.word("insurance", &settled.insurance, Insurance::from_word);
    let coverage = reader.inside("coverage", settled.coverage.as_ref(), bill::read_coverage);
    let payers = read_payers(reader, settled);
    let deductible = reader.money("deductible", settled.deductible);
    let account_balance = reader.money("account_balance", settled.account_balance);
    let filing = if settled.filing_class.is_empty() {
        Some(None)
    } else {
        reader.word("filing_class", &settled.filing_class, FilingClass::from_word).map(Some)
    };
    let class = reader.word("person_class", &settled.person_class, PersonClass::from_word);
    let rule_book = reader.hash("rule_book", &settled.rule_book).map(RuleBookHash);
    let explanation = reader.hash("explanation", &settled.explanation);
    let family = read_family(reader, &settled.family);
    let (coverage, payers, family) = (coverage?, payers?, family?);
    if paid_by_family(&family) > payers.account {
        reader.fault("family", "comes to more than all accounts together");
        return None;
    }
    if payers.total() != coverage.total() {
        reader.fault("coverage", SUMS_DIFFER);
        return None;
    }
    Some(Settled {
        settlement: settlement?,
        insurance: insurance?,
        coverage,
        payers,
        deductible: deductible?,
        account_balance: account_balance?,
        family,
        filing: filing?,
        class: class?,
        civil_servant: settled.civil_servant_flag,
        during_stay: settled.during_stay,
        rule_book: rule_book?,
        explanation: explanation?,
    })
}

fn read_family(reader: &mut Reader, family: &[v1::FamilyShare]) -> Option<Vec<FamilyShare>> {
    let shares = family.iter().map(|share| reader.inside("family", Some(share), read_share));
    // Every share is read, so that no fault hides another.
    shares.collect::<Vec<_>>().into_iter().collect()
}

fn read_share(reader: &mut Reader, share: &v1::FamilyShare) -> Option<FamilyShare> {
    let owner = reader.text("owner", &share.owner, PersonNumber::new);
    let pool = reader.text("pool", &share.pool, RegionCode::new).map(PoolCode);
    let insurance = reader.word("insurance", &share.insurance, Insurance::from_word);
    let amount = reader.money("amount", share.amount);
    if amount.is_some_and(|amount| amount <= Money::ZERO) {
        reader.fault("amount", "is not above zero");
        return None;
    }
    Some(FamilyShare { account: AccountOf { owner: owner?, pool: pool?, insurance: insurance? }, amount: amount? })
}

fn write_share(FamilyShare { account, amount }: &FamilyShare) -> v1::FamilyShare {
    let AccountOf { owner, pool, insurance } = account;
    v1::FamilyShare {
        owner: owner.to_string(),
        pool: pool.to_string(),
        insurance: insurance.word().into(),
        amount: amount.fen(),
    }
}

fn read_payers(reader: &mut Reader, settled: &v1::Settlement) -> Option<Payers> {
    let mut funds = FundShares::default();
    let mut whole = true;
    for fund in Fund::ALL {
        let (field, fen) = match fund {
            Fund::Basic => ("basic", settled.basic),
            Fund::LargeSum => ("large_sum", settled.large_sum),
            Fund::Catastrophic => ("catastrophic", settled.catastrophic),
            Fund::CivilServant => ("civil_servant", settled.civil_servant),
            Fund::Assistance => ("assistance", settled.assistance),
        };
        match reader.money(field, fen) {
            Some(amount) => funds.set(fund, amount),
            None => whole = false,
        }
    }
    let account = reader.money("account", settled.account);
    let cash = reader.money("cash", settled.cash);
    let hospital = reader.money("hospital", settled.hospital);
    if !whole {
        return None;
    }
    Some(Payers { funds, account: account?, cash: cash?, hospital: hospital? })
}

fn read_cancelled(reader: &mut Reader, undone: &v1::Undone) -> Option<Done> {
    let counter = reader.text("counter", &undone.counter, SettlementId::new);
    let original = reader.inside("original", undone.original.as_ref(), read_settled);
    let account_balance = reader.money("account_balance", undone.account_balance);
    Some(Done::Cancelled { counter: counter?, original: Box::new(original?), account_balance: account_balance? })
}

fn read_reversed(reader: &mut Reader, undone: &v1::Undone) -> Option<Undone> {
    if undone.nothing_in_force {
        return Some(Undone::Nothing);
    }
    let original = reader.inside("original", undone.original.as_ref(), read_settled);
    let account_balance = reader.money("account_balance", undone.account_balance);
    if undone.reinstated {
        let counter = reader.text("counter", &undone.counter, SettlementId::new);
        return Some(Undone::Cancellation {
            original: original?,
            counter: counter?,
            account_balance: account_balance?,
        });
    }
    Some(Undone::Settlement { original: original?, account_balance: account_balance? })
}

/// What a refusal says beyond its code is shown at a desk: no more than this of it, whoever wrote it.
const LONGEST_DETAIL: usize = 300;

pub fn read_refused(reader: &mut Reader, refused: &v1::Refused) -> Option<Refusal> {
    let reason = u16::try_from(refused.code).ok().and_then(Reason::from_code);
    if reason.is_none() {
        reader.fault("code", "is not a reason of this interface");
    }
    let non_empty = |text: &String| (!text.is_empty()).then(|| text.clone());
    Some(Refusal {
        reason: reason?,
        field: non_empty(&refused.field).map(Into::into),
        detail: non_empty(&refused.detail).map(|text| text.chars().take(LONGEST_DETAIL).collect()),
    })
}

pub fn write(outcome: &Outcome) -> v1::Outcome {
    let result = match outcome {
        Outcome::Accepted { decided_at, done } => WireResult::Accepted(v1::Accepted {
            decided_at: decided_at.as_microsecond(),
            effect: Some(write_done(done)),
            used: None,
        }),
        Outcome::Refused(refusal) => WireResult::Refused(write_refused(refusal)),
    };
    v1::Outcome { result: Some(result) }
}

fn write_done(done: &Done) -> Effect {
    match done {
        Done::Settled(settled) => Effect::Settled(write_settled(settled)),
        Done::Cancelled { counter, original, account_balance } => Effect::Cancelled(v1::Undone {
            original: Some(write_settled(original)),
            counter: counter.to_string(),
            account_balance: account_balance.fen(),
            ..v1::Undone::default()
        }),
        Done::Reversed(undone) => Effect::Reversed(write_undone(undone)),
    }
}

fn write_undone(undone: &Undone) -> v1::Undone {
    match undone {
        Undone::Settlement { original, account_balance } => v1::Undone {
            original: Some(write_settled(original)),
            account_balance: account_balance.fen(),
            ..v1::Undone::default()
        },
        Undone::Cancellation { original, counter, account_balance } => v1::Undone {
            original: Some(write_settled(original)),
            counter: counter.to_string(),
            account_balance: account_balance.fen(),
            reinstated: true,
            nothing_in_force: false,
        },
        Undone::Nothing => v1::Undone { nothing_in_force: true, ..v1::Undone::default() },
    }
}

fn write_settled(settled: &Settled) -> v1::Settlement {
    let Payers { funds, account, cash, hospital } = settled.payers;
    v1::Settlement {
        settlement: settled.settlement.to_string(),
        insurance: settled.insurance.word().into(),
        coverage: Some(bill::write_coverage(&settled.coverage)),
        basic: funds.of(Fund::Basic).fen(),
        large_sum: funds.of(Fund::LargeSum).fen(),
        catastrophic: funds.of(Fund::Catastrophic).fen(),
        civil_servant: funds.of(Fund::CivilServant).fen(),
        assistance: funds.of(Fund::Assistance).fen(),
        account: account.fen(),
        cash: cash.fen(),
        hospital: hospital.fen(),
        deductible: settled.deductible.fen(),
        account_balance: settled.account_balance.fen(),
        filing_class: settled.filing.map(FilingClass::word).unwrap_or_default().into(),
        person_class: settled.class.word().into(),
        civil_servant_flag: settled.civil_servant,
        rule_book: settled.rule_book.0.to_vec().into(),
        explanation: settled.explanation.to_vec().into(),
        during_stay: settled.during_stay,
        family: settled.family.iter().map(write_share).collect(),
    }
}

pub fn write_refused(refusal: &Refusal) -> v1::Refused {
    v1::Refused {
        code: refusal.reason.code().into(),
        field: refusal.field.as_deref().unwrap_or_default().into(),
        detail: refusal.detail.clone().unwrap_or_default(),
    }
}
