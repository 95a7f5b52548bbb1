//! Inquiries between two regions over real connections: asked, told by letters, answered, closed; and what is refused.

use broker::jobs;
use identity::name::Role;
use jiff::Timestamp;
use jiff::civil::date;
use ledger::clock::Clock;
use metrics_exporter_prometheus::PrometheusBuilder;
use prost::Message;
use proto::v1;
use proto::v1::clearing_client::ClearingClient;
use proto::v1::deductions_client::DeductionsClient;
use proto::v1::inquiries_client::InquiriesClient;
use proto::v1::mailboxes_client::MailboxesClient;
use settlement::beijing;
use settlement::refusal::Reason;
use tonic::transport::Channel;
use tonic::{Response, Status};

use crate::clearing::clearing;
use crate::requests::*;
use crate::world::{World, refusal};

/// Noon of a day, Beijing time.
fn noon(year: i16, month: i8, day: i8) -> Timestamp {
    beijing::instant_of(date(year, month, day).at(12, 0, 0, 0)).expect("an instant")
}

/// A hub whose clock says 26 September 2025, a Friday before a made-up Sunday, with a settlement of 100 yuan of which the
/// fund paid half.
async fn world() -> (World, Clock) {
    let (mut world, clock) = (World::new().await, Clock::starting_at(noon(2025, 9, 26)));
    restart(&mut world, &clock).await;
    world.operate(&settle("1")).await.expect("an answer");
    (world, clock)
}

async fn restart(world: &mut World, clock: &Clock) {
    world.stop_hub().await;
    let running = broker::start(world.config.clone(), clock.clone()).await.expect("a hub");
    world.go_on_with(running);
}

fn operator(world: &World, code: &str) -> InquiriesClient<Channel> {
    InquiriesClient::new(world.peer(code, Role::Operator))
}

fn check(id: &str) -> v1::OpenInquiryRequest {
    v1::OpenInquiryRequest {
        id: id.into(),
        kind: "check".into(),
        settlement: "1".into(),
        words: "费用偏高, 请核实".into(),
        ..v1::OpenInquiryRequest::default()
    }
}

/// A ticket that Shanghai's treatment side asks Xinxiang, about no settlement.
fn ticket(id: &str, kind: &str) -> v1::OpenInquiryRequest {
    v1::OpenInquiryRequest {
        id: id.into(),
        kind: kind.into(),
        side: "treatment".into(),
        from: "310000".into(),
        to: "410702".into(),
        words: "备案查不到".into(),
        ..v1::OpenInquiryRequest::default()
    }
}

fn wrong(id: &str, not_owed: i64) -> v1::AnswerInquiryRequest {
    let (finding, words) = ("wrong".into(), "超量用药".into());
    v1::AnswerInquiryRequest { id: id.into(), finding, not_owed, deduction: String::new(), words }
}

fn plain(id: &str, words: &str) -> v1::AnswerInquiryRequest {
    v1::AnswerInquiryRequest { id: id.into(), words: words.into(), ..v1::AnswerInquiryRequest::default() }
}

fn change(id: &str, words: &str) -> v1::ChangeInquiryRequest {
    v1::ChangeInquiryRequest { id: id.into(), words: words.into() }
}

fn inquiry(view: Result<Response<v1::InquiryView>, Status>) -> v1::Inquiry {
    view.expect("it happens").into_inner().inquiry.expect("an inquiry")
}

/// The reason of a refusal and the field that it is about.
fn refused<T: std::fmt::Debug>(reply: Result<T, Status>) -> (Reason, String) {
    let refusal = refusal(&reply.expect_err("a refusal"));
    (refusal.reason, refusal.field.map(|field| field.to_string()).unwrap_or_default())
}

/// Takes so many letters out of a region's mailboxes, each as version, standing and last event.
async fn letters(world: &World, code: &str, role: Role, count: usize) -> Vec<(u64, String, String)> {
    let mut mailboxes = MailboxesClient::new(world.peer(code, role));
    let mut open = mailboxes.open(v1::OpenMailboxesRequest {}).await.expect("they open").into_inner();
    let mut taken = Vec::new();
    while taken.len() < count {
        let letter = open.message().await.expect("no fault").expect("a letter");
        if letter.kind == "clearing" {
            // The deduction that was lodged for it.
            mailboxes.acknowledge(v1::AcknowledgeLetterRequest { number: letter.number }).await.expect("it is heard");
            continue;
        }
        assert_eq!((letter.kind.as_str(), letter.subject.as_str()), ("inquiry", "inquiry X1"));
        let told = v1::Inquiry::decode(letter.body).expect("an inquiry");
        assert_eq!(told.step, letter.version);
        taken.push((letter.version, told.standing, told.events[0].event.clone()));
        mailboxes.acknowledge(v1::AcknowledgeLetterRequest { number: letter.number }).await.expect("it is heard");
    }
    taken
}

fn told(version: u64, standing: &str, event: &str) -> (u64, String, String) {
    (version, standing.to_owned(), event.to_owned())
}

async fn listed(client: &mut InquiriesClient<Channel>, direction: &str, standing: &str) -> Vec<String> {
    let (direction, standing) = (direction.into(), standing.into());
    let request = v1::ListInquiriesRequest { direction, standing, ..v1::ListInquiriesRequest::default() };
    let reply = client.list(request).await.expect("a list").into_inner();
    assert!(reply.inquiries.iter().all(|view| view.inquiry.as_ref().is_some_and(|inquiry| inquiry.events.is_empty())));
    reply.inquiries.into_iter().filter_map(|view| view.inquiry).map(|inquiry| inquiry.id).collect()
}

#[tokio::test]
async fn a_bill_is_checked_from_the_question_to_the_end_and_every_letter_arrives_once() {
    let (mut world, clock) = world().await;
    let (mut xinxiang, mut shanghai) = (operator(&world, "410700"), operator(&world, "310000"));
    for _ in 0..2 {
        let asked = inquiry(xinxiang.open(check("X1")).await);
        assert_eq!((asked.standing.as_str(), asked.due.as_str(), asked.step), ("asked", "2025-10-26", 1));
        assert_eq!((asked.home.as_str(), asked.treatment.as_str(), asked.paid), ("410700", "310000", 5_000));
    }
    assert_eq!(letters(&world, "310000", Role::Treatment, 1).await, [told(1, "asked", "ask")]);
    assert_eq!(listed(&mut shanghai, "to", "open").await, ["X1"]);
    assert_eq!(listed(&mut shanghai, "from", "open").await, [""; 0]);
    assert_eq!(listed(&mut xinxiang, "from", "").await, ["X1"]);

    shanghai.note(change("X1", "已调取病历")).await.expect("it is noted");
    for _ in 0..2 {
        let view = shanghai.answer(wrong("X1", 1_200)).await.expect("it is answered").into_inner();
        assert_eq!((view.proposed_deduction, view.days_left), (1_200, None));
    }
    let again = inquiry(xinxiang.ask_again(change("X1", "请附明细")).await);
    assert_eq!((again.standing.as_str(), again.step), ("asked", 4));
    // The agency lodges its deduction, and names it.
    let mut deductions = DeductionsClient::new(world.peer("310000", Role::Operator));
    let deducted = Some(v1::FundSums { basic: 1_200, ..v1::FundSums::default() });
    let (id, settlement, reason) = ("D1".into(), "1".into(), "超量用药".into());
    deductions.lodge(v1::LodgeDeductionRequest { id, settlement, deducted, reason }).await.expect("it is lodged");
    let named = v1::AnswerInquiryRequest { deduction: "D1".into(), ..wrong("X1", 1_200) };
    let view = shanghai.answer(named).await.expect("it is answered").into_inner();
    assert_eq!(view.proposed_deduction, 0, "it is lodged, and no proposal any more");

    restart(&mut world, &clock).await;
    let (mut xinxiang, mut shanghai) = (operator(&world, "410700"), operator(&world, "310000"));
    let home = [told(1, "asked", "ask"), told(2, "asked", "note"), told(3, "answered", "answer")];
    let home = [&home[..], &[told(4, "asked", "ask-again"), told(5, "answered", "answer")]].concat();
    assert_eq!(letters(&world, "410700", Role::Home, 5).await, home);
    for _ in 0..2 {
        assert_eq!(inquiry(xinxiang.close(change("X1", "同意")).await).standing, "closed");
    }
    let late = shanghai.note(change("X1", "还有")).await;
    assert_eq!(refused(late), (Reason::InvalidField, "id".into()));
    assert_eq!(letters(&world, "410700", Role::Home, 1).await, [told(6, "closed", "close")]);
    let treatment = letters(&world, "310000", Role::Treatment, 5).await;
    assert_eq!(treatment, [&home[1..], &[told(6, "closed", "close")]].concat());
    let counts = world.hub().store().mailboxes().letter_counts().await.expect("counts");
    assert_eq!(counts, (0, 0, 0), "nothing waits and nothing is dead");

    assert_eq!(listed(&mut shanghai, "", "open").await, [""; 0]);
    let shown = inquiry(shanghai.show(v1::ShowInquiryRequest { id: "X1".into() }).await);
    let history: Vec<_> = shown.events.iter().map(|event| (event.party.as_str(), event.event.as_str())).collect();
    let [asker, asked] = ["asker", "asked"];
    assert_eq!(
        history,
        [(asker, "ask"), (asked, "note"), (asked, "answer"), (asker, "ask-again"), (asked, "answer"), (asker, "close")]
    );
}

#[tokio::test]
async fn nobody_asks_or_answers_for_another_region() {
    let (world, _) = world().await;
    let (mut xinxiang, mut shanghai, mut henan) =
        (operator(&world, "410700"), operator(&world, "310000"), operator(&world, "410000"));
    let (mut shenzhen, mut hub) = (operator(&world, "440300"), operator(&world, "*"));
    let not_yours = |field: &str| (Reason::InstitutionNotYours, field.to_owned());
    for other in [&mut shanghai, &mut shenzhen, &mut hub] {
        assert_eq!(refused(other.open(check("X1")).await), not_yours("settlement"));
    }
    inquiry(henan.open(check("X1")).await);
    let unknown = (Reason::InvalidField, "id".to_owned());
    assert_eq!(refused(shenzhen.answer(wrong("X1", 1)).await), unknown, "they are not told that there is one");
    assert_eq!(refused(shenzhen.show(v1::ShowInquiryRequest { id: "X1".into() }).await), unknown);
    assert_eq!(listed(&mut shenzhen, "", "").await, [""; 0]);
    for other in [&mut xinxiang, &mut henan, &mut hub] {
        assert_eq!(refused(other.answer(wrong("X1", 1)).await), not_yours("id"));
    }
    for other in [&mut shanghai, &mut hub] {
        assert_eq!(refused(other.withdraw(change("X1", "误发")).await), not_yours("id"));
    }
    assert_eq!(listed(&mut hub, "", "").await, ["X1"], "who operates for all sees all");
    assert_eq!(inquiry(xinxiang.withdraw(change("X1", "误发")).await).standing, "withdrawn");

    assert_eq!(refused(shenzhen.open(ticket("T1", "urgent")).await), not_yours("from"));
    let mut treatment = InquiriesClient::new(world.peer("310000", Role::Treatment));
    let denied = treatment.open(ticket("T1", "urgent")).await.expect_err("it is no operator");
    assert_eq!(denied.code(), tonic::Code::PermissionDenied);
}

#[tokio::test]
async fn what_is_wrong_with_an_inquiry_is_told_with_its_field() {
    let (world, _) = world().await;
    let (mut xinxiang, mut shanghai) = (operator(&world, "410700"), operator(&world, "310000"));
    let (missing, invalid) = (Reason::MissingField, Reason::InvalidField);
    for (spoilt, reason, field) in [
        (check(" "), missing, "id"),
        (check(&"长".repeat(65)), invalid, "id"),
        (v1::OpenInquiryRequest { kind: "question".into(), ..check("X1") }, invalid, "kind"),
        (v1::OpenInquiryRequest { settlement: String::new(), ..check("X1") }, missing, "settlement"),
        (v1::OpenInquiryRequest { settlement: "9".into(), ..check("X1") }, Reason::UnknownSettlement, "settlement"),
        (v1::OpenInquiryRequest { side: "treatment".into(), ..check("X1") }, invalid, "side"),
        (v1::OpenInquiryRequest { to: "310000".into(), ..check("X1") }, invalid, "to"),
        (v1::OpenInquiryRequest { words: String::new(), ..check("X1") }, missing, "words"),
        (v1::OpenInquiryRequest { words: "长".repeat(501), ..check("X1") }, invalid, "words"),
    ] {
        assert_eq!(refused(xinxiang.open(spoilt.clone()).await), (reason, field.into()), "{spoilt:?}");
    }
    for (spoilt, reason, field) in [
        (v1::OpenInquiryRequest { side: "both".into(), ..ticket("T1", "urgent") }, invalid, "side"),
        (v1::OpenInquiryRequest { to: String::new(), ..ticket("T1", "urgent") }, missing, "to"),
        (v1::OpenInquiryRequest { to: "410000".into(), ..ticket("T1", "urgent") }, Reason::UnknownRegion, "to"),
        (v1::OpenInquiryRequest { to: "310101".into(), ..ticket("T1", "urgent") }, invalid, "to"),
    ] {
        assert_eq!(refused(shanghai.open(spoilt.clone()).await), (reason, field.into()), "{spoilt:?}");
    }
    assert_eq!(listed(&mut xinxiang, "", "").await, [""; 0], "bad input changes nothing");

    inquiry(xinxiang.open(check("X1")).await);
    assert_eq!(refused(xinxiang.open(check("X2")).await), (invalid, "settlement".into()), "it is being checked");
    let other = v1::OpenInquiryRequest { words: "另有原因".into(), ..check("X1") };
    assert_eq!(refused(xinxiang.open(other).await), (Reason::ContentDiffers, "words".into()));
    for (spoilt, field) in [
        (wrong("X1", 5_001), "not_owed"),
        (wrong("X1", 0), "not_owed"),
        (v1::AnswerInquiryRequest { finding: "right".into(), ..wrong("X1", 1) }, "not_owed"),
        (v1::AnswerInquiryRequest { finding: "perhaps".into(), ..wrong("X1", 1) }, "finding"),
        (plain("X1", "属实"), "finding"),
        (v1::AnswerInquiryRequest { deduction: "D9".into(), ..wrong("X1", 1) }, "deduction"),
        (plain("X9", "属实"), "id"),
    ] {
        assert_eq!(refused(shanghai.answer(spoilt.clone()).await), (invalid, field.into()), "{spoilt:?}");
    }
    assert_eq!(refused(xinxiang.close(change("X1", "好")).await), (invalid, "id".into()), "it is not answered");
    for request in [
        v1::ListInquiriesRequest { direction: "up".into(), ..v1::ListInquiriesRequest::default() },
        v1::ListInquiriesRequest { standing: "late".into(), ..v1::ListInquiriesRequest::default() },
        v1::ListInquiriesRequest { kind: "urgent".into(), ..v1::ListInquiriesRequest::default() },
    ] {
        assert_eq!(refused(xinxiang.list(request.clone()).await).0, invalid, "{request:?}");
    }
}

#[tokio::test]
async fn a_ticket_is_overdue_after_its_working_days_and_is_counted() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let measured = recorder.handle();
    let _here = metrics::set_default_local_recorder(&recorder);
    let (world, clock) = world().await;
    let (mut xinxiang, mut shanghai) = (operator(&world, "410700"), operator(&world, "310000"));
    // Friday 26 September: Sunday the 28th and Monday the 29th are worked; ten working days end on 16 October.
    assert_eq!(inquiry(shanghai.open(ticket("T1", "urgent")).await).due, "2025-09-29");
    assert_eq!(inquiry(shanghai.open(ticket("T2", "ordinary")).await).due, "2025-10-16");
    for (day, overdue, left) in [(noon(2025, 9, 29), 0, 0), (noon(2025, 9, 30), 1, -1), (noon(2025, 10, 17), 2, -18)] {
        clock.set(day);
        assert_eq!(listed(&mut xinxiang, "to", "overdue").await.len(), overdue, "{day}");
        let shown = xinxiang.show(v1::ShowInquiryRequest { id: "T1".into() }).await.expect("it is shown").into_inner();
        assert_eq!(shown.days_left, Some(left), "{day}");
        jobs::clearing::measure(world.hub().hub(), &clearing(&world)).await.expect("they are counted");
        assert!(
            measured.render().contains(&format!("yidi_hub_inquiries_overdue {overdue}\n")),
            "{}",
            measured.render()
        );
    }
    inquiry(xinxiang.answer(plain("T1", "已补备案")).await);
    assert_eq!(listed(&mut shanghai, "from", "overdue").await, ["T2"]);
    // What is asked again is due anew: 20 and 21 October.
    let again = inquiry(shanghai.ask_again(change("T1", "仍查不到")).await);
    assert_eq!((again.asked_on.as_str(), again.due.as_str()), ("2025-10-17", "2025-10-21"));
    clock.set(noon(2027, 1, 4));
    let shown = inquiry(shanghai.open(ticket("T3", "urgent")).await);
    assert_eq!(shown.due, "", "a year that is not listed is not guessed");
    assert_eq!(listed(&mut shanghai, "from", "overdue").await, ["T1", "T2"]);
}

#[tokio::test]
async fn large_bills_of_a_month_are_expected_to_be_checked() {
    let (world, clock) = world().await;
    clearing(&world).advance(clock.now()).await.expect("the store works");
    for (message, yuan) in [("2", 29_999), ("3", 30_000), ("4", 80_000)] {
        world.operate(&settle_of(message, yuan)).await.expect("an answer");
    }
    let mut xinxiang = operator(&world, "410700");
    let asked = v1::ExpectedChecksRequest { month: "2025-09".into(), ..v1::ExpectedChecksRequest::default() };
    let reply = xinxiang.expected(asked.clone()).await.expect("a list").into_inner();
    let rows: Vec<_> = reply.settlements.iter().map(|row| (row.settlement.as_str(), row.total, row.paid)).collect();
    assert_eq!((reply.from, rows), (3_000_000, vec![("3", 3_000_000, 1_500_000), ("4", 8_000_000, 4_000_000)]));
    let first = v1::ExpectedChecksRequest { after: reply.settlements[0].position, ..asked.clone() };
    assert_eq!(xinxiang.expected(first).await.expect("a list").into_inner().settlements.len(), 1);

    let of_the_third = v1::OpenInquiryRequest { settlement: "3".into(), ..check("X3") };
    inquiry(xinxiang.open(of_the_third).await);
    let left = xinxiang.expected(asked.clone()).await.expect("a list").into_inner().settlements;
    assert_eq!(left.iter().map(|row| row.settlement.as_str()).collect::<Vec<_>>(), ["4"]);
    let others = operator(&world, "440300").expected(asked.clone()).await.expect("a list").into_inner();
    assert_eq!(others.settlements, []);
    let never = v1::ExpectedChecksRequest { month: "2019-01".into(), ..asked };
    assert_eq!(refused(xinxiang.expected(never).await), (Reason::InvalidField, "month".into()));
}

#[tokio::test]
async fn what_has_no_last_day_because_the_calendar_lacks_a_year_says_so() {
    let (mut world, clock) = (World::new().await, Clock::starting_at(noon(2026, 12, 25)));
    restart(&mut world, &clock).await;
    let mut shanghai = operator(&world, "310000");
    let urgent = inquiry(shanghai.open(ticket("T1", "urgent")).await);
    assert_eq!((urgent.due.as_str(), urgent.calendar_lacks), ("2026-12-29", 0));
    let ordinary = inquiry(shanghai.open(ticket("T2", "ordinary")).await);
    assert_eq!((ordinary.due.as_str(), ordinary.calendar_lacks), ("", 2027));

    let mut member = ClearingClient::new(world.peer("310000", Role::Operator));
    let mut lacks =
        async || member.periods(v1::PeriodsRequest::default()).await.expect("periods").into_inner().calendar_lacks;
    assert_eq!(lacks().await, 2027);
    assert_eq!(world.hub().hub().health().await.expect("a book").calendar_lacks, Some(2027));
    clock.set(noon(2026, 10, 31));
    assert_eq!(lacks().await, 0, "it is not given out yet");
    assert_eq!(world.hub().hub().health().await.expect("a book").calendar_lacks, None);
}
