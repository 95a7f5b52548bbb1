//! What is refused because of who asks says which certificate it takes.

use identity::name::Role;
use proto::v1;
use proto::v1::clearing_client::ClearingClient;
use proto::v1::deductions_client::DeductionsClient;
use proto::v1::leftovers_client::LeftoversClient;
use proto::v1::prefunds_client::PrefundsClient;
use tonic::{Code, Status};

use crate::clearing::{advance, answer_of, clearing, member, noon};
use crate::requests::*;
use crate::world::{World, refusal};

fn detail(status: &Status) -> String {
    refusal(status).detail.unwrap_or_default()
}

#[tokio::test]
async fn a_refusal_names_the_certificate_that_is_needed() {
    let world = World::new().await;
    let clearing = clearing(&world);
    advance(&clearing, noon(6, 15)).await;
    world.operate(&settle("1")).await.expect("an answer");
    for now in [noon(7, 1), noon(7, 21)] {
        advance(&clearing, now).await;
    }
    let lodging = || v1::LodgeDeductionRequest {
        id: "D".into(),
        settlement: "1".into(),
        deducted: Some(v1::FundSums { basic: 100, ..v1::FundSums::default() }),
        reason: "超限定支付".into(),
    };

    // A certificate of another role.
    let mut node = DeductionsClient::new(world.peer("410700", Role::Home));
    let denied = node.lodge(lodging()).await.expect_err("it is no operator's");
    let told = "it takes a certificate with the role operator: yidi://<code>/operator";
    assert_eq!((denied.code(), denied.message()), (Code::PermissionDenied, told));

    // An operator's of another region.
    let takes = |names: &str| format!("it takes a certificate of {names}");
    let mut henan = DeductionsClient::new(world.peer("410700", Role::Operator));
    let others = henan.lodge(lodging()).await.expect_err("the treatment side's agency lodges");
    assert_eq!(detail(&others), takes("yidi://310000/operator"));
    let (mut shanghai, mut guangdong) = (member(&world, "310000"), member(&world, "440000"));
    let others = shanghai.answer(answer_of("home", 1)).await.expect_err("it is Henan's side");
    assert_eq!(detail(&others), takes("yidi://410000/operator"));
    let (month, home, treatment) = ("2025-06".to_owned(), "410000".to_owned(), "310000".to_owned());
    let pair = v1::StatementRequest { month, home, treatment, version: 0 };
    let others = guangdong.statement(pair).await.expect_err("it is not theirs");
    assert_eq!(detail(&others), takes("yidi://410000/operator or yidi://310000/operator"));
    let others = shanghai.run(v1::RunRequest::default()).await.expect_err("it is for the hub's operators");
    assert!(detail(&others).ends_with("takes a certificate of yidi://000000/operator"), "{}", detail(&others));
    let suspend = v1::SuspendRequest {
        home: "410000".into(),
        treatment: "310000".into(),
        reason: "三个月未拨付".into(),
        nothing_came: vec![],
    };
    let mut prefunds = PrefundsClient::new(world.peer("410000", Role::Operator));
    let others = prefunds.suspend(suspend).await.expect_err("the treatment member suspends");
    assert_eq!(detail(&others), takes("yidi://310000/operator"));

    // Where the patient of somebody's settlement is insured is told to nobody.
    let traced = guangdong.trace(v1::TraceRequest { settlement: "1".into() }).await.expect_err("it is not theirs");
    assert!(detail(&traced).contains("operator's certificate") && !detail(&traced).contains("410"));
    let mut list = LeftoversClient::new(world.peer("310000", Role::Treatment));
    let denied = list.list(v1::LeftoversRequest::default()).await.expect_err("it is no operator's");
    assert_eq!(denied.message(), told);
    let mut clearing = ClearingClient::new(world.peer("310000", Role::Treatment));
    assert_eq!(clearing.periods(v1::PeriodsRequest::default()).await.expect_err("nor this").message(), told);
}
