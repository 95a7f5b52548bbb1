//! What is recorded of inquiries, what is refused to be, and the letters that go with them.

use ::clearing::inquiry::{AnswerFault, Event, Finding, Kind, LONGEST_HISTORY, Party, Standing, Words};
use ::clearing::period::Side;

use super::course::{settled, settlement, who};
use super::folding::{FIRST, fold, receive};
use super::*;
use crate::mailbox::{Letter, Notice};

fn words(text: &str) -> Words {
    Words::new(text).expect("words")
}

fn check(id: &str, of: &str) -> Asking {
    Asking {
        id: id.into(),
        kind: Kind::Check,
        asker: Side::Home,
        home: pool("410700"),
        treatment: pool("310000"),
        settlement: Some(settlement(of)),
    }
}

/// A ticket of the treatment side, about no settlement.
fn ticket(id: &str) -> Asking {
    Asking { kind: Kind::Urgent, asker: Side::Treatment, settlement: None, ..check(id, "S") }
}

/// One letter to the other side, and its step as its version.
fn tell(inquiry: &Inquiry) -> Vec<Notice> {
    let party = inquiry.history.last().map_or(Party::Asker, |last| last.change.party);
    let other = if party == Party::Asker { Party::Asked } else { Party::Asker };
    let subject = format!("inquiry {}", inquiry.asking.id);
    let (id, version) = (format!("{subject} {}", inquiry.step()), inquiry.step());
    let letter = Letter { id, subject, version, kind: "inquiry".into(), body: Bytes::new() };
    vec![Notice { mailbox: inquiry.asking.mailbox(other), letter }]
}

async fn open(world: &World, asking: Asking) -> Result<Inquiry, InquiryFault> {
    world.store.inquiry_open((asking, words("请核实")), tell, who()).await.expect("the store works")
}

fn change(event: Event, text: &str) -> InquiryChange {
    let party = if event == Event::Answer { Party::Asked } else { Party::Asker };
    InquiryChange { event, party, finding: None, deduction: None, words: words(text) }
}

fn found(finding: Finding) -> InquiryChange {
    InquiryChange { finding: Some(finding), ..change(Event::Answer, "已核实") }
}

fn wrong(fen: i64) -> InquiryChange {
    found(Finding::Wrong(Money::from_fen(fen)))
}

async fn happens(world: &World, id: &str, change: InquiryChange) -> Result<Standing, InquiryFault> {
    let changed = world.store.inquiry_change((id.into(), change), tell, who()).await.expect("the store works");
    changed.map(|inquiry| inquiry.standing)
}

/// The letters that lie in a mailbox and wait, as subject and version.
async fn waiting(world: &World, mailbox: &str) -> Vec<(String, u64)> {
    let mailboxes = world.store.mailboxes();
    let mut seen = Vec::new();
    loop {
        let taken = mailboxes.letter_take(vec![mailbox.to_owned()], at(20), 10).await.expect("no fault");
        let Some(taken) = taken.into_iter().next() else { return seen };
        seen.push((taken.posted.letter.subject.clone(), taken.posted.letter.version));
        let acknowledged =
            mailboxes.letter_acknowledge(vec![mailbox.to_owned()], taken.posted.number, "us".into(), at(20));
        acknowledged.await.expect("no fault");
    }
}

pub(super) async fn a_check_is_asked_answered_and_closed_each_once_with_its_letter(world: World) {
    settled(&world, "S", 100).await;
    fold(&world).await;
    assert_eq!(open(&world, check("1", "X")).await, Err(InquiryFault::NoSettlement));
    let elsewhere = Asking { treatment: pool("440300"), ..check("1", "S") };
    assert_eq!(open(&world, elsewhere).await, Err(InquiryFault::NotBetween));
    let theirs = Asking { asker: Side::Treatment, ..check("1", "S") };
    assert_eq!(open(&world, theirs).await, Err(InquiryFault::NotFor(Party::Asked)));
    for _ in 0..2 {
        let asked = open(&world, check("1", "S")).await.expect("it is asked");
        assert_eq!((asked.standing, asked.paid, asked.step()), (Standing::Asked, Money::from_fen(100), 1));
    }
    let urgent = Asking { kind: Kind::Urgent, ..check("1", "S") };
    assert_eq!(open(&world, urgent).await, Err(InquiryFault::AskedOtherwise("kind")));
    assert_eq!(open(&world, check("2", "S")).await, Err(InquiryFault::CheckedAlready("1".into())));

    assert_eq!(happens(&world, "9", wrong(1)).await, Err(InquiryFault::Unknown));
    let by_asker = InquiryChange { party: Party::Asker, ..wrong(1) };
    assert_eq!(happens(&world, "1", by_asker).await, Err(InquiryFault::NotFor(Party::Asker)));
    let above = AnswerFault::AboveThePayment { not_owed: Money::from_fen(101), paid: Money::from_fen(100) };
    assert_eq!(happens(&world, "1", wrong(101)).await, Err(above.into()));
    let nothing = InquiryFault::Answer(AnswerFault::NothingFound);
    assert_eq!(happens(&world, "1", change(Event::Answer, "属实")).await, Err(nothing));
    let close = change(Event::Close, "好");
    assert_eq!(happens(&world, "1", close.clone()).await, Err(InquiryFault::StandsOtherwise(Standing::Asked)));
    for _ in 0..2 {
        assert_eq!(happens(&world, "1", wrong(30)).await, Ok(Standing::Answered));
    }
    let other = happens(&world, "1", wrong(31)).await;
    assert_eq!(other, Err(InquiryFault::StandsOtherwise(Standing::Answered)));
    for _ in 0..2 {
        assert_eq!(happens(&world, "1", close.clone()).await, Ok(Standing::Closed));
    }

    let (subject, world) = ("inquiry 1".to_owned(), world.reopened().await);
    let held = world.store.inquiry_get("1".into()).await.expect("no fault").expect("it is there");
    let events: Vec<_> = held.history.iter().map(|happened| happened.change.event).collect();
    assert_eq!(events, [Event::Ask, Event::Answer, Event::Close]);
    assert_eq!(held.answer().and_then(|answer| answer.finding), Some(Finding::Wrong(Money::from_fen(30))));
    assert_eq!(waiting(&world, "310000/treatment").await, [(subject.clone(), 1), (subject.clone(), 3)]);
    assert_eq!(waiting(&world, "410700/home").await, [(subject, 2)]);
    assert!(open(&world, check("2", "S")).await.is_ok(), "a closed one may be followed by another");
}

pub(super) async fn a_ticket_stays_with_whom_it_was_asked_until_it_will_do(world: World) {
    settled(&world, "S", 100).await;
    fold(&world).await;
    assert!(open(&world, ticket("T")).await.is_ok());
    let finds = InquiryFault::Answer(AnswerFault::TicketFinds);
    assert_eq!(happens(&world, "T", found(Finding::Right)).await, Err(finds));
    let note = change(Event::Note, "已联系医院");
    for text in ["已联系医院", "病历已调取", "已联系医院"] {
        assert_eq!(
            happens(&world, "T", InquiryChange { words: words(text), ..note.clone() }).await,
            Ok(Standing::Asked)
        );
    }
    let answer = change(Event::Answer, "已补传明细");
    let again = change(Event::AskAgain, "仍缺一条");
    for (event, expected) in [
        (&answer, Standing::Answered),
        (&again, Standing::Asked),
        (&again, Standing::Asked),
        // The same words answer it again.
        (&answer, Standing::Answered),
    ] {
        assert_eq!(happens(&world, "T", event.clone()).await, Ok(expected), "{event:?}");
    }
    assert_eq!(happens(&world, "T", change(Event::Close, "好")).await, Ok(Standing::Closed));
    let late = happens(&world, "T", change(Event::Note, "还有")).await;
    assert_eq!(late, Err(InquiryFault::StandsOtherwise(Standing::Closed)));
    let held = world.store.inquiry_get("T".into()).await.expect("no fault").expect("it is there");
    let events: Vec<_> = held.history.iter().map(|happened| happened.change.event).collect();
    let [ask, note] = [Event::Ask, Event::Note];
    assert_eq!(events, [ask, note, note, Event::Answer, Event::AskAgain, Event::Answer, Event::Close]);

    // Some cannot end, and are bounded all the same.
    assert!(open(&world, ticket("U")).await.is_ok());
    for number in 2..=LONGEST_HISTORY {
        let note = change(Event::Note, &number.to_string());
        assert_eq!(happens(&world, "U", note).await, Ok(Standing::Asked));
    }
    assert_eq!(happens(&world, "U", change(Event::Note, "still")).await, Err(InquiryFault::TooLong));
}

pub(super) async fn a_refused_change_of_an_inquiry_leaves_neither_event_nor_letter(world: World) {
    settled(&world, "S", 100).await;
    fold(&world).await;
    assert!(open(&world, check("1", "S")).await.is_ok());
    let before = world.store.inquiry_get("1".into()).await.expect("no fault");
    let lodged = InquiryChange { deduction: Some("D".into()), ..wrong(30) };
    assert_eq!(happens(&world, "1", lodged.clone()).await, Err(InquiryFault::NoDeduction));
    assert!(happens(&world, "1", wrong(0)).await.is_err());
    assert_eq!(open(&world, check("2", "X")).await, Err(InquiryFault::NoSettlement));
    assert_eq!(world.store.inquiry_get("1".into()).await.expect("no fault"), before);
    assert_eq!(world.store.inquiry_get("2".into()).await.expect("no fault"), None);
    assert_eq!(waiting(&world, "310000/treatment").await.len(), 1);
    assert_eq!(waiting(&world, "410700/home").await, []);

    // Once the agency has lodged the deduction, the answer may name it.
    let mut deducted = FundShares::default();
    deducted.set(Fund::Basic, Money::from_fen(30));
    let lodging =
        DeductionLodging { id: "D".into(), settlement: settlement("S"), deducted, reason: "超限定支付".into() };
    world.store.deduction_lodge(lodging, who()).await.expect("the store works").expect("it is lodged");
    assert_eq!(happens(&world, "1", lodged).await, Ok(Standing::Answered));
}

pub(super) async fn inquiries_are_listed_page_by_page_for_their_regions(world: World) {
    settled(&world, "S", 100).await;
    fold(&world).await;
    for id in ["a", "b", "c"] {
        assert!(open(&world, ticket(id)).await.is_ok());
    }
    assert!(open(&world, check("d", "S")).await.is_ok());
    assert_eq!(happens(&world, "b", change(Event::Withdraw, "重复")).await, Ok(Standing::Withdrawn));
    let list = async |regions: Option<&[&str]>, open_only, after: &str, limit| {
        let regions = regions.map(|codes| codes.iter().map(|code| pool(code)).collect());
        let listed = world.store.inquiry_list(regions, open_only, after.into(), limit).await.expect("a list");
        listed.into_iter().map(|inquiry| inquiry.asking.id).collect::<Vec<_>>()
    };
    assert_eq!(list(None, true, "", 10).await, ["a", "c", "d"]);
    assert_eq!(list(None, false, "", 10).await, ["a", "b", "c", "d"]);
    assert_eq!(list(None, true, "a", 1).await, ["c"]);
    assert_eq!(list(Some(&["310000"]), true, "", 10).await, ["a", "c", "d"]);
    assert_eq!(list(Some(&["440300", "410700"]), true, "c", 10).await, ["d"]);
    assert_eq!(list(Some(&["440300"]), false, "", 10).await, [""; 0]);
    assert_eq!(list(Some(&[]), false, "", 10).await, [""; 0]);
}

pub(super) async fn a_large_bill_is_expected_to_be_checked_until_it_is_or_is_undone(world: World) {
    for (id, fen) in [("A", 299), ("B", 300), ("C", 301), ("S", 1_000)] {
        settled(&world, id, fen).await;
    }
    fold(&world).await;
    let expected = async |from, homes: Option<&[&str]>, after| {
        let homes = homes.map(|codes| codes.iter().map(|code| pool(code)).collect());
        let from = (FIRST, Money::from_fen(from));
        world.store.inquiry_expected(from, homes, after, 10).await.expect("a list")
    };
    let ids = |listed: &[LotPosting]| listed.iter().map(|row| row.settlement.to_string()).collect::<Vec<_>>();
    let all = expected(300, None, Position(0)).await;
    assert_eq!(ids(&all), ["B", "C", "S"]);
    assert_eq!(ids(&expected(300, Some(&["410700"]), all[0].position).await), ["C", "S"]);
    assert_eq!(ids(&expected(300, Some(&["310000"]), Position(0)).await), [""; 0]);

    assert!(open(&world, check("1", "C")).await.is_ok());
    let urgent = Asking { kind: Kind::Urgent, ..check("2", "B") };
    assert!(open(&world, urgent).await.is_ok(), "a ticket is no check");
    let position = receive(&world, &cancel("U")).await;
    world.answer(position, booking("S", Turn::Counter, 1_000)).await;
    fold(&world).await;
    assert_eq!(ids(&expected(300, None, Position(0)).await), ["B"]);
    assert_eq!(happens(&world, "1", change(Event::Withdraw, "误发")).await, Ok(Standing::Withdrawn));
    assert_eq!(ids(&expected(300, None, Position(0)).await), ["B", "C"]);
}
