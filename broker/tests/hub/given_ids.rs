//! Ids that operators give: one rule wherever something is lodged under one, told with its field, before anything is
//! looked up or kept.

use identity::name::Role;
use proto::v1;
use proto::v1::corrections_client::CorrectionsClient;
use proto::v1::deductions_client::DeductionsClient;
use proto::v1::inquiries_client::InquiriesClient;
use proto::v1::prefunds_client::PrefundsClient;
use settlement::refusal::Reason;
use tonic::Status;

use crate::world::{World, refusal};

/// What every service says of an id, by what is lodged under it, with the field that should be named.
async fn said(world: &World, id: &str) -> Vec<(&'static str, &'static str, Option<Status>)> {
    let as_operator = |code: &str| world.peer(code, Role::Operator);
    let (id, reason, settlement) = (id.to_owned(), "原因".to_owned(), "1".to_owned());
    let [home, treatment, insurance] = ["410000", "310000", "employee"].map(str::to_owned);
    let deduction = v1::LodgeDeductionRequest {
        id: id.clone(),
        settlement: settlement.clone(),
        deducted: Some(v1::FundSums { basic: 1, ..v1::FundSums::default() }),
        reason: reason.clone(),
    };
    let check = v1::OpenInquiryRequest {
        id: id.clone(),
        kind: "check".into(),
        settlement,
        words: reason.clone(),
        ..v1::OpenInquiryRequest::default()
    };
    let ticket = v1::OpenInquiryRequest {
        kind: "urgent".into(),
        settlement: String::new(),
        side: "home".into(),
        from: "410700".into(),
        to: "310000".into(),
        ..check.clone()
    };
    let top_up = v1::TopUpRequest {
        id: id.clone(),
        home: home.clone(),
        treatment: treatment.clone(),
        insurance: insurance.clone(),
        amount: 1,
        reason: reason.clone(),
    };
    let side = "home".to_owned();
    let opening = v1::OpenPrefundRequest { id: id.clone(), home, treatment, insurance, side, amount: 1, reason };
    let batch = v1::ProposeCorrectionsRequest {
        home: "410700".into(),
        batch: id,
        reason: "原因".into(),
        ..v1::ProposeCorrectionsRequest::default()
    };
    let mut inquiries = InquiriesClient::new(as_operator("410700"));
    vec![
        ("deduction", "id", DeductionsClient::new(as_operator("310000")).lodge(deduction).await.err()),
        ("check", "id", inquiries.open(check).await.err()),
        ("ticket", "id", inquiries.open(ticket).await.err()),
        ("top-up", "id", PrefundsClient::new(as_operator("310000")).top_up(top_up).await.err()),
        ("opening balance", "id", PrefundsClient::new(as_operator("410000")).open(opening).await.err()),
        ("batch", "batch", CorrectionsClient::new(as_operator("410700")).propose(batch).await.err()),
    ]
}

#[tokio::test]
async fn every_id_that_an_operator_gives_is_admitted_by_one_rule() {
    let world = World::new().await;
    let long = "长".repeat(65);
    for (id, reason, problem) in [
        ("", Reason::MissingField, "an id has 1 to 64 letters"),
        (" \u{3000}", Reason::MissingField, "an id has 1 to 64 letters"),
        (long.as_str(), Reason::InvalidField, "has more than 64 characters"),
        ("top up", Reason::InvalidField, "has ' ': an id has letters"),
        ("1\u{200b}", Reason::InvalidField, "has '\\u{200b}': an id has letters"),
        ("-1", Reason::InvalidField, "an id begins with a letter"),
    ] {
        for (what, field, refused) in said(&world, id).await {
            let refused = refusal(&refused.unwrap_or_else(|| panic!("{what} {id:?} is taken")));
            let named = refused.field.as_deref().unwrap_or_default();
            assert_eq!((refused.reason, named), (reason, field), "{what} {id:?}");
            assert!(refused.detail.as_deref().unwrap_or_default().contains(problem), "{what} {id:?}: {refused}");
        }
    }
    for (what, field, refused) in said(&world, "沪〔2025〕1号").await {
        let named = refused.map(|status| refusal(&status).field.unwrap_or_default().into_owned());
        assert_ne!(named.as_deref(), Some(field), "{what}: the id is none of its faults");
    }
}
