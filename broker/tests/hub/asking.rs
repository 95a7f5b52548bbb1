//! Comparisons that operators ask treatment sides for: who may ask, who may say what came of it, and the letter between.

use identity::name::Role;
use prost::Message;
use proto::v1;
use proto::v1::breaks_client::BreaksClient;
use proto::v1::comparisons_client::ComparisonsClient;
use proto::v1::mailboxes_client::MailboxesClient;
use settlement::refusal::Reason;
use tonic::transport::Channel;

use crate::world::{World, refusal};

fn operator(world: &World, code: &str) -> BreaksClient<Channel> {
    BreaksClient::new(world.peer(code, Role::Operator))
}

fn june(treatment: &str) -> v1::AskTreatmentRequest {
    v1::AskTreatmentRequest { treatment: treatment.into(), from: "2025-06-01".into(), to: "2025-06-30".into() }
}

fn agreed(number: i64, agreed: u64) -> v1::AskedAnswer {
    let outcome = Some(v1::ComparisonOutcome { agreed, breaks: 0, pending: 0 });
    v1::AskedAnswer { number, outcome, problem: String::new() }
}

#[tokio::test]
async fn a_treatment_side_is_asked_by_its_own_operators_and_answers_for_itself_alone() {
    let world = World::new().await;
    for (code, asked, reason, field) in [
        ("440300", june("310000"), Reason::NotAuthenticated, "treatment"),
        ("310000", june("999999"), Reason::UnknownRegion, "treatment"),
        ("310000", v1::AskTreatmentRequest { from: "June".into(), ..june("310000") }, Reason::InvalidField, "from"),
        ("310000", v1::AskTreatmentRequest { to: "2025-05-01".into(), ..june("310000") }, Reason::InvalidField, "from"),
    ] {
        let refused = refusal(&operator(&world, code).ask_treatment(asked.clone()).await.expect_err(field));
        assert_eq!((refused.reason, refused.field.as_deref()), (reason, Some(field)), "{code} {asked:?}");
    }
    let asked = operator(&world, "310000").ask_treatment(june("310000")).await.expect("it is asked for").into_inner();
    assert_eq!(asked.answer, None);

    let mut mailboxes = MailboxesClient::new(world.peer("310000", Role::Treatment));
    let mut letters = mailboxes.open(v1::OpenMailboxesRequest {}).await.expect("open").into_inner();
    let letter = letters.message().await.expect("a letter").expect("a letter");
    assert_eq!((letter.kind.as_str(), letter.mailbox.as_str()), ("comparison", "310000/treatment"));
    assert_eq!(v1::AskedComparison::decode(letter.body).expect("what is asked"), asked);

    let side = |code| ComparisonsClient::new(world.peer(code, Role::Treatment));
    let others = side("440300").answer(agreed(asked.number, 9)).await.expect_err("it was not asked");
    assert_eq!(refusal(&others).field.as_deref(), Some("number"));
    side("310000").answer(agreed(asked.number, 1)).await.expect("it is heard");
    side("310000").answer(agreed(asked.number, 2)).await.expect("saying it again changes nothing");
    let number = v1::AskedRequest { number: asked.number };
    for code in ["310000", "000000"] {
        let seen = operator(&world, code).asked(number).await.expect("it is theirs").into_inner();
        assert_eq!(seen.answer, Some(agreed(asked.number, 1)), "{code}: the first answer stays");
    }
    let unseen = operator(&world, "440300").asked(number).await.expect_err("nobody tells that it exists");
    assert_eq!(refusal(&unseen).field.as_deref(), Some("number"));
}
