//! Relatives' accounts in an answer: a region debits those of its own people, and no others.

use broker::lie::Lie;
use settlement::account::{AccountOf, FamilyShare};
use settlement::ids::PersonNumber;
use settlement::money::Money;
use settlement::operation::{AccountUse, Operation, Request};
use settlement::outcome::{Done, Outcome};
use settlement::person::Insurance;
use settlement::postings::Account;

use crate::fake_home::{Script, pay_half};
use crate::requests::*;
use crate::world::{Answered, NEIGHBOUR, World};

const RELATIVE: &str = "41070000009";

fn relative() -> PersonNumber {
    PersonNumber::new(RELATIVE).expect("a number")
}

fn with_family(message: &str) -> Operation {
    let mut operation = settle(message);
    if let Request::Settle(settle) = &mut operation.request {
        settle.account = AccountUse::Family;
    }
    operation
}

/// Ten yuan of the cash from the account of a relative in a pool.
fn paid_by_a_relative_of(operation: &Operation, code: &str) -> Outcome {
    let Request::Settle(asked) = &operation.request else { panic!("a settle") };
    let (mut settled, amount) = (pay_half(asked), Money::from_yuan(10));
    settled.payers.cash -= amount;
    settled.payers.account = amount;
    let account = AccountOf { owner: relative(), pool: pool(code), insurance: Insurance::Employee };
    settled.family = vec![FamilyShare { account, amount }];
    Outcome::Accepted { decided_at: jiff::Timestamp::UNIX_EPOCH, done: Done::Settled(Box::new(settled)) }
}

#[tokio::test]
async fn a_debit_on_an_account_of_another_regions_people_is_refused() {
    for (code, is_kept) in [("410700", true), (NEIGHBOUR, false), ("310000", false)] {
        let world = World::with_neighbour(|_| ()).await;
        let operation = with_family("1");
        world.home.will(Script::Say(paid_by_a_relative_of(&operation, code)));
        let told = world.operate(&operation).await;
        assert_eq!(matches!(told, Ok(Answered::Outcome(Outcome::Accepted { .. }, _))), is_kept, "{code}: {told:?}");
        assert_eq!(told == Ok(Answered::InDoubt), !is_kept, "{code}: {told:?}");

        let account = Account::Personal { pool: pool(code), insurance: Insurance::Employee, owner: relative() };
        let debited = if is_kept { -Money::from_yuan(10) } else { Money::ZERO };
        assert_eq!(world.received(account).await, debited, "{code}");
        let counts = world.hub().store().counts().await.expect("counts");
        assert_eq!((counts.entries, counts.unanswered), if is_kept { (1, 0) } else { (0, 1) }, "{code}");
        let seen = world.hub().hub().health().await.expect("health").homes.into_iter().find_map(|home| home.last_lie);
        assert_eq!(seen.map(|last| last.lie), (!is_kept).then_some(Lie::ForeignAccount), "{code}");
        world.check().await;
    }
}
