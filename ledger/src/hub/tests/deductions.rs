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

pub(super) async fn standing(world: &World, id: &str) -> Standing {
    let all = world.store.deduction_list(None).await.expect("a list");
    all.into_iter().find(|held| held.lodging.id == id).expect("it is lodged").standing
}

pub(super) async fn undo(world: &World, message: &str, of: &str, fen: i64) {
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
    assert_eq!(change(&world, "1", agree(20)).await, Err(DeductionFault::NotSettled), "nobody says how");
    for _ in 0..2 {
        assert_eq!(change(&world, "1", Change::Agree(basic(20), "双方认定".into())).await, Ok(()));
    }
    assert_eq!((standing(&world, "1").await, owed(&world, FIRST).await), (Standing::Agreed, 130));
    let held = world.store.deduction_find("1".into()).await.expect("the store works").expect("it is lodged");
    assert_eq!((held.objection.as_ref(), held.remark.as_str()), (Some(&objected), "双方认定"), "who objected stays");
    let posted =
        world.store.deduction_postings_page(FIRST, Between::default(), (String::new(), 0), 10).await.expect("postings");
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
    assert_eq!((standing(&world, "1").await, standing(&world, "3").await), (Standing::Released, Standing::Released));
    assert_eq!((standing(&world, "2").await, owed(&world, next).await), (Standing::Agreed, -85));
    assert_eq!(owed(&world, FIRST).await, 130, "what is stated stays");
    assert_eq!(lodge(&world, "4", "S", 1).await, Err(DeductionFault::Undone));
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

pub(super) async fn deductions_are_listed_page_by_page_for_their_regions(world: World) {
    settled(&world, "S", 100).await;
    settled(&world, "T", 100).await;
    fold(&world).await;
    // The first two are lodged at one moment, the last before them.
    for (id, of, hour) in [("b", "S", 9), ("a", "T", 9), ("c", "S", 10), ("d", "S", 8)] {
        let lodged = world.store.deduction_lodge(lodging(id, of, 1), ("a certificate".into(), at(hour))).await;
        assert_eq!(lodged.expect("the store works"), Ok(()));
    }
    let list = async |of: Option<&str>, pools: Option<&[&str]>, after: Option<(i64, &str)>, limit| {
        let pools = pools.map(|codes| codes.iter().map(|code| pool(code)).collect());
        let after = after.map(|(hour, id)| (at(hour), id.to_owned()));
        let page = world.store.deduction_page((of.map(settlement), pools), after, limit).await.expect("a page");
        page.into_iter().map(|held| held.lodging.id).collect::<Vec<_>>()
    };
    assert_eq!(list(None, None, None, 10).await, ["d", "a", "b", "c"]);
    assert_eq!(list(None, None, None, 2).await, ["d", "a"]);
    assert_eq!(list(None, None, Some((9, "a")), 2).await, ["b", "c"]);
    assert_eq!(list(None, None, Some((10, "c")), 2).await, [""; 0]);
    assert_eq!(list(Some("S"), None, None, 2).await, ["d", "b"]);
    assert_eq!(list(Some("S"), Some(&["310000"]), Some((9, "b")), 2).await, ["c"]);
    assert_eq!(list(None, Some(&["440300", "410700"]), Some((8, "d")), 2).await, ["a", "b"]);
    assert_eq!(list(None, Some(&["440300"]), None, 10).await, [""; 0]);
    assert_eq!(list(None, Some(&[]), None, 10).await, [""; 0]);
}

/// What undid a settlement is itself undone.
pub(super) async fn bring_back(world: &World, (message, undoing): (&str, &str), of: &str, fen: i64) {
    let position = receive(world, &reverse(message, undoing)).await;
    world.answer(position, booking(of, Turn::Reinstate, fen)).await;
    fold(world).await;
}

/// Whoever advances a month does both, one after the other, however often.
async fn follow_settlements(world: &World) -> [usize; 2] {
    let mut changed = [0, 0];
    for _ in 0..2 {
        changed[0] += world.store.deduction_release(at(8)).await.expect("the store works");
        changed[1] += world.store.deduction_restore(at(8)).await.expect("the store works");
    }
    assert_eq!(world.store.deduction_misposted().await.expect("a check"), []);
    assert_eq!(world.store.posting_apart().await.expect("a check"), []);
    changed
}

async fn held(world: &World, id: &str) -> Deduction {
    world.store.deduction_find(id.into()).await.expect("it is read").expect("it is lodged")
}

pub(super) async fn a_released_deduction_comes_back_as_it_stood_with_its_settlement(world: World) {
    settled(&world, "S", 100).await;
    fold(&world).await;
    for (id, fen) in [("agreed", 30), ("lodged", 10), ("objected", 15), ("withdrawn", 5)] {
        assert_eq!(lodge(&world, id, "S", fen).await, Ok(()));
    }
    assert_eq!(change(&world, "agreed", agree(20)).await, Ok(()));
    assert_eq!(change(&world, "objected", Change::Object(objection("H31010100001", "函〔2025〕1号"))).await, Ok(()));
    assert_eq!(change(&world, "withdrawn", Change::Withdraw("重复".into())).await, Ok(()));
    let ids = ["agreed", "lodged", "objected", "withdrawn"];
    let as_it_stood = async || {
        let mut all = Vec::new();
        for id in ids {
            let held = held(&world, id).await;
            all.push((held.standing, held.agreed, held.remark));
        }
        all
    };
    let before = as_it_stood().await;
    let second = cut_off(&world).await.number;
    world.store.clearing_step(FIRST, StepTaken::Carried, String::new(), at(6)).await.expect("it is recorded");
    undo(&world, "C", "S", 100).await;
    assert_eq!(follow_settlements(&world).await, [3, 0]);
    assert_eq!((owed(&world, FIRST).await, owed(&world, second).await), (80, -80));
    assert_eq!(standing(&world, "withdrawn").await, Standing::Withdrawn);
    let third = cut_off(&world).await.number;
    bring_back(&world, ("R", "C"), "S", 100).await;
    assert_eq!(follow_settlements(&world).await, [0, 3]);
    assert_eq!(as_it_stood().await, before);
    let owed_in = [FIRST, second, third].map(|period| owed(&world, period));
    let [first, then, now] = owed_in;
    assert_eq!(
        [first.await, then.await, now.await],
        [80, -80, 80],
        "in the open period, and nothing before it changes"
    );
    assert_eq!(held(&world, "agreed").await.period, Some(third));

    // It goes on from there, and again back and forth.
    assert_eq!(change(&world, "lodged", agree(10)).await, Ok(()));
    assert_eq!(change(&world, "objected", Change::Withdraw("认可".into())).await, Ok(()));
    assert_eq!(owed(&world, third).await, 70);
    undo(&world, "C2", "S", 100).await;
    assert_eq!((follow_settlements(&world).await, owed(&world, third).await), ([2, 0], 0));
    bring_back(&world, ("R2", "C2"), "S", 100).await;
    assert_eq!((follow_settlements(&world).await, owed(&world, third).await), ([0, 2], 70));
    assert_eq!(standing(&world, "objected").await, Standing::Withdrawn, "the agency took it back meanwhile");
}

pub(super) async fn a_released_deduction_that_fits_no_more_stays_released_and_says_why(world: World) {
    settled(&world, "S", 100).await;
    fold(&world).await;
    for (id, fen) in [("1", 60), ("2", 30)] {
        assert_eq!(lodge(&world, id, "S", fen).await, Ok(()));
        assert_eq!(change(&world, id, agree(fen)).await, Ok(()));
    }
    undo(&world, "C", "S", 100).await;
    assert_eq!(follow_settlements(&world).await, [2, 0]);
    bring_back(&world, ("R", "C"), "S", 100).await;
    // Before anything is followed, the agency lodges another.
    assert_eq!(lodge(&world, "3", "S", 50).await, Ok(()));
    assert_eq!((follow_settlements(&world).await, owed(&world, FIRST).await), ([0, 2], 70));
    assert_eq!((standing(&world, "1").await, standing(&world, "2").await), (Standing::Released, Standing::Agreed));
    let remark = held(&world, "1").await.remark;
    assert_eq!(remark, "结算已恢复，扣款不再扣回：统筹基金扣款0.60元，超过余额0.50元");
    assert_eq!(change(&world, "3", Change::Withdraw(String::new())).await, Ok(()));
    assert_eq!(follow_settlements(&world).await, [0, 0], "it was decided once");
}

pub(super) async fn what_comes_back_to_a_settlement_on_the_list_waits_there_with_it(world: World) {
    settled(&world, "S", 100).await;
    fold(&world).await;
    assert_eq!(lodge(&world, "1", "S", 30).await, Ok(()));
    assert_eq!(change(&world, "1", agree(30)).await, Ok(()));
    let second = cut_off(&world).await.number;
    assert_eq!(super::course::carry_out(&world, FIRST, &["S"], None).await, 1);
    undo(&world, "C", "S", 100).await;
    assert_eq!(follow_settlements(&world).await, [1, 0]);
    bring_back(&world, ("R", "C"), "S", 100).await;
    assert_eq!(follow_settlements(&world).await, [0, 1]);
    assert_eq!((owed(&world, FIRST).await, owed(&world, second).await), (0, 0));
    assert_eq!(held(&world, "1").await.period, Some(PeriodNumber(0)));
}
