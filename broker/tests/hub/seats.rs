//! Who speaks for whom: a member for each of its pools, the centre for nobody.

use identity::name::Role;
use jiff::civil::date;
use ledger::hub::FoundBreak;
use proto::v1;
use proto::v1::breaks_client::BreaksClient;
use proto::v1::corrections_client::CorrectionsClient;
use proto::v1::deductions_client::DeductionsClient;
use proto::v1::home_books_client::HomeBooksClient;
use proto::v1::hub_client::HubClient;
use settlement::ids::InstitutionCode;
use settlement::operation::{Operation, Request};
use tonic::transport::Channel;

use crate::clearing::{advance, change, clearing, field, lodging, noon, objection};
use crate::corrections::{affected, decision, proposal};
use crate::reconciling::{compared, found};
use crate::requests::*;
use crate::world::World;

fn deductions(world: &World, code: &str) -> DeductionsClient<Channel> {
    DeductionsClient::new(world.peer(code, Role::Operator))
}

fn corrections(world: &World, code: &str) -> CorrectionsClient<Channel> {
    CorrectionsClient::new(world.peer(code, Role::Operator))
}

/// The same in a hospital of Shenzhen, which clears through its province.
fn in_shenzhen(mut operation: Operation) -> Operation {
    let hospital = InstitutionCode::new("H44030000001").expect("a code");
    operation.key.institution = hospital.clone();
    let Request::Settle(settle) = &mut operation.request else { panic!("a settle") };
    (settle.encounter.institution, settle.encounter.pool) = (hospital, pool("440300"));
    settle.encounter.area = region("440300");
    operation
}

/// A settlement of somebody of Xinxiang in Shanghai, and one in Shenzhen.
async fn world() -> World {
    let world = World::new().await;
    advance(&clearing(&world), noon(6, 15)).await;
    world.operate(&settle("1")).await.expect("an answer");
    let mut shenzhen = HubClient::new(world.peer("440300", Role::Treatment));
    shenzhen.operate(envelope(&in_shenzhen(settle("2")))).await.expect("an answer");
    world
}

fn letter() -> v1::HospitalObjection {
    v1::HospitalObjection {
        hospital: HOSPITAL.into(),
        letter: "沪一院医保函〔2025〕17号".into(),
        written_on: "2025-06-20".into(),
        reason: "用药有指征".into(),
    }
}

#[tokio::test]
async fn the_centre_lists_deductions_and_takes_nobodys_money() {
    let world = world().await;
    let (mut centre, mut shanghai) = (deductions(&world, "*"), deductions(&world, "310000"));
    assert_eq!(field(&centre.lodge(lodging("a", "1", 100)).await.expect_err("not theirs")), "settlement");
    shanghai.lodge(lodging("a", "1", 100)).await.expect("it is lodged");
    for refused in [
        centre.object(objection("a", &letter())).await,
        centre.agree(change("a", 100, "认定")).await,
        centre.withdraw(change("a", 0, "撤回")).await,
    ] {
        assert_eq!(field(&refused.expect_err("not theirs")), "settlement");
    }
    let listed = centre.list(v1::ListDeductionsRequest::default()).await.expect("a list").into_inner().deductions;
    assert_eq!(listed.iter().map(|held| held.standing.as_str()).collect::<Vec<_>>(), ["lodged"], "nothing has changed");
    shanghai.object(objection("a", &letter())).await.expect("it is heard");
    assert_eq!(field(&centre.agree(change("a", 100, "认定")).await.expect_err("nor after that")), "settlement");
}

#[tokio::test]
async fn two_people_of_the_centre_correct_nothing_and_one_may_be_the_second() {
    let world = world().await;
    world.home.affect(vec![affected("1", Some(6_000))]);
    // Two certificates of one name.
    let (mut centre, mut another) = (corrections(&world, "*"), corrections(&world, "000000"));
    for of_the_centre in [&mut centre, &mut another] {
        let refused =
            of_the_centre.propose(proposal("a", &["1"])).await.expect_err("it is the home region's to propose");
        assert_eq!(field(&refused), "home");
    }
    let mut henan = corrections(&world, "410000");
    let held = henan.propose(proposal("a", &["1"])).await.expect("its member does").into_inner();
    assert_eq!(field(&henan.approve(decision(&held)).await.expect_err("the same person")), "batch");
    let taken = centre.approve(decision(&held)).await.expect("it is approved").into_inner();
    assert_eq!(taken.standing, "in-force");
    assert_eq!((taken.proposed_seat.as_str(), taken.decided_seat.as_str()), ("home", "centre"));
}

#[tokio::test]
async fn a_members_certificate_does_for_its_pools_what_theirs_do() {
    let world = world().await;
    world.home.affect(vec![affected("1", Some(6_000))]);
    // Henan clears for Xinxiang, which insures; Guangdong for Shenzhen, which treated.
    let (mut henan, mut guangdong) = (deductions(&world, "410000"), deductions(&world, "440000"));
    assert_eq!(field(&guangdong.lodge(lodging("a", "1", 100)).await.expect_err("Shanghai treated")), "settlement");
    guangdong.lodge(lodging("a", "2", 100)).await.expect("it is lodged");
    guangdong.agree(change("a", 100, "")).await.expect("it is agreed on");
    assert_eq!(field(&henan.withdraw(change("a", 0, "撤回")).await.expect_err("it insures")), "settlement");
    let listed = henan.list(v1::ListDeductionsRequest::default()).await.expect("a list").into_inner().deductions;
    assert_eq!(listed.len(), 1);

    let held = corrections(&world, "410700").propose(proposal("b", &["1"])).await.expect("put forward").into_inner();
    let all = || v1::ListCorrectionsRequest::default();
    let seen = corrections(&world, "410000").list(all()).await.expect("a list").into_inner().batches;
    assert_eq!(seen.iter().map(|seen| &seen.digest).collect::<Vec<_>>(), [&held.digest]);
    assert_eq!((held.proposed_seat.as_str(), held.decided_seat.as_str()), ("home", ""));
    let taken = corrections(&world, "410000").approve(decision(&held)).await.expect("its member is the second");
    assert_eq!(taken.into_inner().decided_seat, "home");
    let mut books = HomeBooksClient::new(world.peer("410000", Role::Operator));
    let asked = v1::AffectedRequest { home: "410700".into(), people: 1, ..v1::AffectedRequest::default() };
    assert_eq!(books.affected(asked).await.expect("a list").into_inner().settlements.len(), 1);

    let mut apart: FoundBreak = found(&in_shenzhen(settle("2")), "2", clearing::breaks::Proposal::Investigate);
    apart.branch.treatment = pool("440300");
    let number = compared(&world, clearing::breaks::Books::HubHome, vec![apart]).await[0];
    for (code, sees) in [("410000", true), ("440000", true), ("440300", true), ("310000", false), ("*", true)] {
        let mut breaks = BreaksClient::new(world.peer(code, Role::Operator));
        let listed = breaks.list(v1::BreaksRequest::default()).await.expect("a list").into_inner().breaks;
        assert_eq!(!listed.is_empty(), sees, "{code}");
        assert_eq!(breaks.history(v1::BreakRequest { number }).await.is_ok(), sees, "{code}");
        let day = date(2025, 6, 20).to_string();
        let branch = Some(v1::Branch { day, home: "410700".into(), treatment: "440300".into() });
        let leaves = breaks.held_leaves(v1::HeldLeavesRequest { branch, after: None, version: None }).await;
        assert_eq!(leaves.is_ok(), sees, "{code}");
    }
    let ends = |code| BreaksClient::new(world.peer(code, Role::Operator));
    let decided = || v1::ResolveBreakRequest { number, reason: "已查明".into() };
    assert_eq!(field(&ends("440000").resolve(decided()).await.expect_err("Henan has to find out")), "home");
    ends("410000").resolve(decided()).await.expect("it is its member's");
}
