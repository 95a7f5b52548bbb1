//! Relatives' accounts in a running region: each owner's account is debited by an entry of its own, found by whoever
//! uses it next, and given back when the settlement is undone.

use ledger::clock::Clock;
use settlement::ids::PersonNumber;
use settlement::money::Money;
use settlement::operation::{AccountUse, Operation, Request};

use crate::older_copy::{kept, reinstate};
use crate::world::*;

on_both! {
    relatives_accounts_pay_after_the_own_one_and_are_restored,
    a_deposit_that_comes_between_a_restoration_and_its_return_is_seen_by_whom_it_was_seen,
}

const FAMILY: &str = "psn_no,owner,owner_home,insurance,from,to\n\
    41070000001,44030000001,440300,employee,2025-01-01,\n\
    41070000001,41070000002,410700,employee,2025-01-01,\n\
    41070000001,41070000003,410700,employee,2024-01-01,2024-12-31\n";

fn with_family(mut operation: Operation) -> Operation {
    if let Request::Settle(settle) = &mut operation.request {
        settle.account = AccountUse::Family;
    }
    operation
}

async fn balances(world: &World) -> [Money; 2] {
    let store = world.running().store();
    let mut balances = [Money::ZERO; 2];
    for (balance, person) in balances.iter_mut().zip([WORKING, RETIRED]) {
        let number = PersonNumber::new(person).expect("a number");
        *balance = store.account_balance_read(number).await.expect("a balance").0;
    }
    balances
}

async fn relatives_accounts_pay_after_the_own_one_and_are_restored(on: On) {
    let mut world = World::stopped_on(on);
    world.write("people/family.csv", FAMILY);
    let deposit = |id: &str, person: &str, yuan: &str| {
        format!("{id},{person},account-deposit,2025-01-02,,,,,,,,,,,,,{yuan},,,,\n")
    };
    let deposits = deposit("D1", WORKING, "10.00") + &deposit("D2", RETIRED, "1000.00");
    world.write("postings.csv", &format!("{POSTINGS_HEADER}{deposits}"));
    world.start().await;
    let before = [Money::from_yuan(10), Money::from_yuan(1000)];
    assert_eq!(balances(&world).await, before);

    // The first relative is insured at another node, the third shared an account last year.
    let settled = world.settled(&with_family(settle(WORKING, "m1", "E1"))).await;
    let [share] = settled.family.as_slice() else { panic!("one relative pays: {:?}", settled.family) };
    assert_eq!((share.account.owner.as_str(), share.account.pool), (RETIRED, pool("410700")));
    assert_eq!(settled.payers.account, Money::from_yuan(10) + share.amount);
    assert_eq!(settled.account_balance, Money::ZERO);
    let after = [Money::ZERO, Money::from_yuan(1000) - share.amount];
    assert_eq!(balances(&world).await, after);
    world.prove().await;

    // The owner finds what is left.
    let own = world.settled(&settle(RETIRED, "m2", "E2")).await;
    assert_eq!(own.account_balance, after[1] - own.payers.account);

    world.answer(&cancel(WORKING, "m3", "s-m1")).await;
    assert_eq!(balances(&world).await, [before[0], before[1] - own.payers.account]);
    world.answer(&reverse(WORKING, "m4", "m3", "2208")).await;
    assert_eq!(balances(&world).await, [after[0], after[1] - own.payers.account]);
    world.prove().await;

    // Without the word for it no relative pays.
    let own_only = world.settled(&settle(WORKING, "m5", "E5")).await;
    assert!(own_only.family.is_empty() && own_only.payers.account.is_zero());
    world.prove().await;
}

/// The relative's account was filled after the first visit; in a book that lost everything it is full before either.
async fn a_deposit_that_comes_between_a_restoration_and_its_return_is_seen_by_whom_it_was_seen(on: On) {
    let deposit = |id: &str, person: &str, yuan: &str| {
        format!("{id},{person},account-deposit,2025-01-02,,,,,,,,,,,,,{yuan},,,,\n")
    };
    let post = |world: &World, deposits: &[String]| {
        world.write("people/family.csv", FAMILY);
        world.write("postings.csv", &format!("{POSTINGS_HEADER}{}", deposits.concat()));
    };
    let deposits = [deposit("D1", WORKING, "10.00"), deposit("D2", RETIRED, "1000.00")];
    let (mut whole, mut given) = (World::stopped(), Vec::new());
    for (posted, operation) in
        [(1, with_family(settle(WORKING, "m1", "E1"))), (2, with_family(settle(WORKING, "m2", "E2")))]
    {
        post(&whole, &deposits[..posted]);
        whole.stop().await;
        whole.start().await;
        assert_eq!(whole.settled(&operation).await.family.len(), posted - 1, "{posted}");
        let answer = whole.answer(&operation).await;
        given.push((operation, answer));
    }
    whole.prove().await;

    let mut lost = World::stopped_on(on);
    lost.clock = Clock::starting_at("2025-06-21T04:00:00Z".parse().expect("an instant"));
    post(&lost, &deposits);
    lost.start().await;
    for (index, (operation, answer)) in given.iter().enumerate() {
        let reply = reinstate(&lost, kept(operation, answer, index as u64)).await;
        assert_eq!((reply.known, reply.clash.as_str()), (false, ""), "{:?}", operation.key.message);
    }
    lost.prove().await;
    assert_eq!(balances(&lost).await, balances(&whole).await);
}
