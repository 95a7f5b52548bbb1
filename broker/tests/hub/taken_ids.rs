//! Ids that operators make are one name space: what an id tells to whom it is none of. Shanghai and Xinxiang have used each,
//! Shenzhen comes across them.

use identity::name::Role;
use proto::v1;
use proto::v1::corrections_client::CorrectionsClient;
use proto::v1::deductions_client::DeductionsClient;
use proto::v1::hub_client::HubClient;
use proto::v1::inquiries_client::InquiriesClient;
use settlement::refusal::{Reason, Refusal};
use tonic::Status;

use crate::clearing::{advance, clearing, noon};
use crate::corrections::{affected, proposal};
use crate::requests::*;
use crate::world::{World, refusal, told};

/// What is refused of an id that others have: how Shenzhen chooses one that nobody else has, and nothing of theirs.
fn assert_taken(refused: &Status, field: &str) {
    let Refusal { reason, field: of, detail } = refusal(refused);
    assert_eq!((reason, of.as_deref()), (Reason::InvalidField, Some(field)), "{detail:?}");
    let detail = detail.unwrap_or_default();
    assert!(detail.starts_with("is taken") && detail.contains("440300-1"), "{detail}");
    assert!(!detail.contains("310000") && !detail.contains("410"), "{detail}");
}

/// A settlement in Shanghai and one in Shenzhen, both folded.
async fn world() -> World {
    let world = World::new().await;
    advance(&clearing(&world), noon(6, 15)).await;
    world.operate(&settle("1")).await.expect("an answer");
    let mut shenzhen = HubClient::new(world.peer("440300", Role::Treatment));
    told(shenzhen.operate(envelope(&settle_in("440300", "2"))).await).expect("an answer");
    advance(&clearing(&world), noon(6, 16)).await;
    world.hub().hub().clock.set(noon(6, 20));
    world
}

#[tokio::test]
async fn a_deduction_of_others_is_as_one_that_is_not_there_and_its_id_is_taken() {
    let world = world().await;
    let agency = |code: &str| DeductionsClient::new(world.peer(code, Role::Operator));
    let lodging = |id: &str, settlement: &str, basic| v1::LodgeDeductionRequest {
        id: id.into(),
        settlement: settlement.into(),
        deducted: Some(v1::FundSums { basic, ..v1::FundSums::default() }),
        reason: "超限定支付".into(),
    };
    let (mut shanghai, mut shenzhen) = (agency("310000"), agency("440300"));
    shanghai.lodge(lodging("K-1", "1", 100)).await.expect("it is lodged");
    assert_taken(&shenzhen.lodge(lodging("K-1", "2", 100)).await.expect_err("it is Shanghai's"), "id");
    let own = refusal(&shanghai.lodge(lodging("K-1", "1", 200)).await.expect_err("it is another sum"));
    assert_eq!(own.detail.as_deref(), Some("the id was lodged with something else"), "its own agency is told");

    let objection = Some(v1::HospitalObjection {
        hospital: HOSPITAL.into(),
        letter: "1".into(),
        written_on: "2025-06-19".into(),
        reason: "用药有指征".into(),
    });
    let mut heard = Vec::new();
    for id in ["K-1", "K-2"] {
        let change = |agreed| v1::ChangeDeductionRequest { id: id.into(), agreed, reason: "x".into() };
        let objecting = v1::ObjectDeductionRequest { id: id.into(), objection: objection.clone() };
        let sums = Some(v1::FundSums { basic: 50, ..v1::FundSums::default() });
        let refused = [
            shenzhen.object(objecting).await.expect_err("not theirs"),
            shenzhen.agree(change(None)).await.expect_err("not theirs"),
            shenzhen.agree(change(sums)).await.expect_err("not theirs"),
            shenzhen.withdraw(change(None)).await.expect_err("not theirs"),
        ];
        heard.push(refused.map(|refused| refusal(&refused)));
    }
    assert_eq!(heard[0], heard[1], "theirs, and one that is not there");
    assert_eq!(heard[0][0].detail.as_deref(), Some("there is no deduction of this id"));
    // The home side sees it, and hears whose it is to change.
    let withdrawing = v1::ChangeDeductionRequest { id: "K-1".into(), agreed: None, reason: "x".into() };
    let denied = agency("410000").withdraw(withdrawing.clone()).await.expect_err("the agency does");
    assert_eq!(refusal(&denied).reason, Reason::InstitutionNotYours);
    shanghai.withdraw(withdrawing).await.expect("it is their own");
}

#[tokio::test]
async fn an_inquiry_a_batch_and_a_filing_of_others_tell_no_more_than_that_their_id_is_taken() {
    let world = world().await;
    let ticket = |from: &str, to: &str| v1::OpenInquiryRequest {
        id: "T".into(),
        kind: "urgent".into(),
        side: "treatment".into(),
        from: from.into(),
        to: to.into(),
        words: "备案查不到".into(),
        ..v1::OpenInquiryRequest::default()
    };
    let desk = |code: &str| InquiriesClient::new(world.peer(code, Role::Operator));
    desk("310000").open(ticket("310000", "410700")).await.expect("it is asked");
    for to in ["410700", "310000"] {
        assert_taken(&desk("440300").open(ticket("440300", to)).await.expect_err("it is Shanghai's"), "id");
    }
    let own = desk("310000").open(ticket("310000", "440300")).await.expect_err("it was asked of another");
    assert_eq!(refusal(&own).reason, Reason::ContentDiffers, "who sees it is told in which field");

    world.home.affect(vec![affected("1", Some(6_000))]);
    let desk = |code: &str| CorrectionsClient::new(world.peer(code, Role::Operator));
    desk("410700").propose(proposal("a", &["1"])).await.expect("it is put forward");
    for settlements in [&["1"][..], &["2"], &[]] {
        let theirs = v1::ProposeCorrectionsRequest { home: "440300".into(), ..proposal("a", settlements) };
        assert_taken(&desk("440300").propose(theirs).await.expect_err("it is Xinxiang's"), "batch");
    }

    let filing = |home: &str, person: &str| v1::LodgeRequest {
        filing: Some(v1::Filing {
            id: "F".into(),
            person: person.into(),
            home: home.into(),
            class: "long-term".into(),
            destination: "310000".into(),
            from: "2025-01-01".into(),
            proof: "handed-in".into(),
            ..v1::Filing::default()
        }),
    };
    world.operator("410700").lodge(filing("410700", PERSON)).await.expect("it is lodged");
    for person in [PERSON, "41070000009"] {
        let refused = world.operator("440300").lodge(filing("440300", person)).await.expect_err("it is Xinxiang's");
        assert_taken(&refused, "id");
    }
}
