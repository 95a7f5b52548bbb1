//! What is recorded of deductions, and what is refused to be.

use ::clearing::review::{Objection, ReviewFault, Standing};

use super::course::{owed, settled, settlement, who};
use super::folding::{FIRST, cut_off, fold, receive};
use super::*;

fn basic(fen: i64) -> FundShares {
    let mut shares = FundShares::default();
    shares.set(Fund::Basic, Money::from_fen(fen));
    shares
}

fn lodging(id: &str, of: &str, fen: i64) -> DeductionLodging {
    DeductionLodging {
        id: id.into(), settlement: settlement(of), deducted: basic(fen), reason: "超适应症用药".into()
    }
}

async fn lodge(world: &World, id: &str, of: &str, fen: i64) -> Result<(), DeductionFault> {
    world.store.deduction_lodge(lodging(id, of, fen), who()).await.expect("the store works")
}

async fn change(world: &World, id: &str, change: Change) -> Result<(), DeductionFault> {
    world.store.deduction_change(id.into(), change, who()).await.expect("the store works")
}

fn agree(fen: i64) -> Change {
    Change::Agree(basic(fen), String::new())
}

fn objection(hospital: &str, letter: &str) -> Objection {
    Objection {
        hospital: InstitutionCode::new(hospital).expect("a code"),
        letter: letter.into(),
        written_on: date(2025, 6, 20),
        reason: "用药有指征".into(),
    }
}

async fn standing(world: &World, id: &str) -> Standing {
    let all = world.store.deduction_list(None).await.expect("a list");
    all.into_iter().find(|held| held.lodging.id == id).expect("it is lodged").standing
}

async fn undo(world: &World, message: &str, of: &str, fen: i64) {
    let position = receive(world, &cancel(message)).await;
    world.answer(position, booking(of, Turn::Counter, fen)).await;
    fold(world).await;
}

pub(super) async fn a_deduction_is_taken_off_once_agreed_and_given_back_when_its_settlement_is_undone(world: World) {
    settled(&world, "S", 100).await;
    settled(&world, "T", 50).await;
    fold(&world).await;
    assert_eq!(lodge(&world, "1", "X", 30).await, Err(DeductionFault::NoSettlement));
    for _ in 0..2 {
        assert_eq!(lodge(&world, "1", "S", 30).await, Ok(()), "lodging it again changes nothing");
    }
    assert_eq!(lodge(&world, "1", "S", 31).await, Err(DeductionFault::LodgedOtherwise));
    assert_eq!(owed(&world, FIRST).await, 150, "nothing is taken off before it is agreed on");
    let objected = objection("H31010100001", "沪一院医保函〔2025〕17号");
    let others = objection("H31010100002", "沪一院医保函〔2025〕17号");
    assert_eq!(change(&world, "1", Change::Object(others)).await, Err(DeductionFault::OtherHospital));
    for _ in 0..2 {
        assert_eq!(change(&world, "1", Change::Object(objected.clone())).await, Ok(()), "again changes nothing");
    }
    assert_eq!(standing(&world, "1").await, Standing::Objected);
    let again = change(&world, "1", Change::Object(objection("H31010100001", "another letter"))).await;
    assert_eq!(again, Err(DeductionFault::StandsOtherwise(Standing::Objected)));
    for _ in 0..2 {
        assert_eq!(change(&world, "1", agree(20)).await, Ok(()));
    }
    assert_eq!((standing(&world, "1").await, owed(&world, FIRST).await), (Standing::Agreed, 130));
    let held = world.store.deduction_find("1".into()).await.expect("the store works").expect("it is lodged");
    assert_eq!((held.objection.as_ref(), held.remark.as_str()), (Some(&objected), ""), "who objected stays on record");
    let posted = world.store.deduction_postings(FIRST).await.expect("postings");
    assert_eq!(posted.into_iter().map(|posted| posted.objection).collect::<Vec<_>>(), [Some(objected)]);
    let late = change(&world, "1", Change::Withdraw(String::new())).await;
    assert_eq!(late, Err(DeductionFault::StandsOtherwise(Standing::Agreed)));

    // What is stated is not changed any more: later deductions go off the open period.
    let next = cut_off(&world).await.number;
    world.store.clearing_step(FIRST, StepTaken::Carried, String::new(), at(6)).await.expect("it is recorded");
    assert_eq!(lodge(&world, "2", "T", 5).await, Ok(()));
    assert_eq!(change(&world, "2", agree(5)).await, Ok(()));
    assert_eq!((owed(&world, FIRST).await, owed(&world, next).await), (130, -5));

    assert_eq!(lodge(&world, "3", "S", 10).await, Ok(()));
    undo(&world, "C", "S", 100).await;
    assert_eq!(owed(&world, next).await, -105);
    for released in [2, 0] {
        assert_eq!(world.store.deduction_release(at(8)).await.expect("the store works"), released);
    }
    assert_eq!((standing(&world, "1").await, standing(&world, "3").await), (Standing::Released, Standing::Withdrawn));
    assert_eq!((standing(&world, "2").await, owed(&world, next).await), (Standing::Agreed, -85));
    assert_eq!(owed(&world, FIRST).await, 130, "what is stated stays");
    assert_eq!(lodge(&world, "4", "S", 1).await, Err(DeductionFault::NoSettlement));
}

pub(super) async fn all_deductions_of_a_settlement_stay_within_its_payment(world: World) {
    settled(&world, "S", 100).await;
    fold(&world).await;
    let above = |wanted, left| {
        let payer = ::clearing::obligation::Payer::Fund(Fund::Basic);
        let (wanted, left) = (Money::from_fen(wanted), Money::from_fen(left));
        Err(DeductionFault::Sums(vec![ReviewFault::AboveThePayment { payer, wanted, left }]))
    };
    assert_eq!(lodge(&world, "1", "S", 101).await, above(101, 100));
    assert_eq!(lodge(&world, "1", "S", 60).await, Ok(()));
    assert_eq!(lodge(&world, "2", "S", 41).await, above(41, 40));
    assert_eq!(lodge(&world, "2", "S", 40).await, Ok(()));
    assert!(matches!(change(&world, "1", agree(61)).await, Err(DeductionFault::Sums(_))));
    assert_eq!(change(&world, "1", agree(10)).await, Ok(()));
    assert_eq!(lodge(&world, "3", "S", 50).await, Ok(()), "what was not agreed on is free again");
    assert_eq!(change(&world, "3", Change::Withdraw("重复".into())).await, Ok(()));
    assert_eq!(lodge(&world, "4", "S", 51).await, above(51, 50));
    assert_eq!(change(&world, "9", agree(1)).await, Err(DeductionFault::Unknown));
    let of_it = world.store.deduction_list(Some(settlement("S"))).await.expect("a list");
    assert_eq!(of_it.iter().map(|held| held.lodging.id.as_str()).collect::<Vec<_>>(), ["1", "2", "3"]);
    assert_eq!(owed(&world, FIRST).await, 90);
}
