//! What is recorded of prefunds: changes of several together, and each once.

use ::clearing::period::Pair;
use settlement::ids::MemberCode;

use super::*;

fn change(insurance: Insurance, id: &str, fen: i64) -> PrefundChange {
    PrefundChange {
        key: PrefundKey {
            pair: Pair { home: MemberCode(pool("410000").0), treatment: MemberCode(pool("310000").0) },
            insurance,
        },
        id: id.into(),
        kind: PrefundKind::Reset,
        amount: Money::from_fen(fen),
        basis: Money::from_fen(3 * fen),
        reason: "2026年度额度调整".into(),
        at: Timestamp::UNIX_EPOCH,
    }
}

pub async fn changes_of_several_prefunds_are_recorded_together_and_each_once(world: World) {
    let (employee, resident) =
        (change(Insurance::Employee, "reset 2026", 500), change(Insurance::Resident, "reset 2026", 300));
    let record = async |changes: &[&PrefundChange]| {
        let changes = changes.iter().map(|change| (*change).clone()).collect();
        world.store.prefund_change_all(changes, "calendar".into()).await.expect("the store works")
    };
    assert_eq!(record(&[]).await, 0);
    assert_eq!(record(&[&employee]).await, 1);
    let otherwise = change(Insurance::Employee, "reset 2026", 501);
    assert_eq!(record(&[&otherwise, &resident]).await, 1, "what is there stays as it is");
    assert_eq!(world.store.prefund_changes().await.expect("changes"), [employee.clone(), resident.clone()]);
    let next = change(Insurance::Employee, "reset 2027", -200);
    assert!(world.store.prefund_change(next, "calendar".into()).await.expect("the store works"));
    let balances = world.store.prefund_balances().await.expect("balances");
    assert_eq!(balances.into_values().map(Money::fen).collect::<Vec<_>>(), [300, 300]);
}
