//! What both members of a pair are told of a month by letters, over real connections.

use std::time::Duration;

use broker::jobs::prefunds::PrefundWatch;
use bytes::Bytes;
use clearing::payment::{Payment, Records};
use clearing::period::Side;
use identity::name::Role;
use jiff::civil::date;
use ledger::hub::{PeriodNumber, PrefundKind, Reply};
use ledger::mailbox::{Letter, Mailbox, Part};
use prost::Message;
use proto::v1;
use proto::v1::deductions_client::DeductionsClient;
use proto::v1::mailboxes_client::MailboxesClient;
use settlement::ids::PoolCode;
use settlement::money::Money;
use settlement::person::Insurance;
use tonic::Streaming;
use tonic::transport::Channel;

use crate::clearing::{advance, clearing, henan_shanghai, noon};
use crate::prefunds::change;
use crate::requests::*;
use crate::world::World;

const JUNE: PeriodNumber = PeriodNumber(1);

/// A node with its mailboxes open.
struct Node {
    client: MailboxesClient<Channel>,
    letters: Streaming<v1::Letter>,
}

impl Node {
    /// Opens them, and waits until the hub knows that it has.
    async fn open(world: &World, code: &str, role: Role, part: Part) -> Node {
        let mut client = MailboxesClient::new(world.peer(code, role));
        let letters = client.open(v1::OpenMailboxesRequest {}).await.expect("they open").into_inner();
        let mut node = Node { client, letters };
        let mailbox = Mailbox { pool: PoolCode(region(code)), part };
        let (id, subject, kind) = ("a probe".to_owned(), "a probe".to_owned(), "probe".to_owned());
        let probe = Letter { id, subject, version: 1, kind, body: Bytes::new() };
        world.hub().store().mailboxes().letter_post(mailbox, probe, noon(6, 1)).await.expect("it is posted");
        assert_eq!(node.next().await.kind, "probe");
        node
    }

    async fn next(&mut self) -> v1::Letter {
        let next = tokio::time::timeout(Duration::from_secs(20), self.letters.message());
        let letter = next.await.expect("a letter in time").expect("no fault").expect("a letter");
        let heard = self.client.acknowledge(v1::AcknowledgeLetterRequest { number: letter.number });
        heard.await.expect("it is heard");
        letter
    }

    /// The next letters, each as what it is about, with its version or standing and its sum in fen.
    async fn told(&mut self, count: usize) -> Vec<(String, String, i64)> {
        let mut told = Vec::new();
        for _ in 0..count {
            let letter = self.next().await;
            assert_eq!(letter.kind, "clearing");
            let news = v1::ClearingNews::decode(letter.body).expect("news");
            assert_eq!((news.home.as_str(), news.treatment.as_str()), ("410000", "310000"));
            let which = if news.version > 0 { news.version.to_string() } else { news.standing };
            told.push((news.what, which, news.amount));
        }
        told
    }
}

fn news(told: &[(&str, &str, i64)]) -> Vec<(String, String, i64)> {
    told.iter().map(|(what, which, amount)| ((*what).to_owned(), (*which).to_owned(), *amount)).collect()
}

#[tokio::test]
async fn both_members_are_told_of_each_step_of_a_month_in_order() {
    let (world, pair) = (World::new().await, henan_shanghai());
    let clearing = clearing(&world);
    let mut home = Node::open(&world, "410700", Role::Home, Part::Home).await;
    let mut treatment = Node::open(&world, "310000", Role::Treatment, Part::Treatment).await;
    let mut stranger = Node::open(&world, "440300", Role::Home, Part::Home).await;
    advance(&clearing, noon(6, 15)).await;
    for message in ["1", "2"] {
        world.operate(&settle(message)).await.expect("an answer");
    }
    let mut agency = DeductionsClient::new(world.peer("310000", Role::Operator));
    let deducted = Some(v1::FundSums { basic: 1_000, ..v1::FundSums::default() });
    let (id, settlement, reason) = ("D".into(), "1".into(), "超限定支付".into());
    let lodging = v1::LodgeDeductionRequest { id, settlement, deducted, reason };
    for _ in 0..2 {
        agency.lodge(lodging.clone()).await.expect("it is lodged");
    }
    let agreed = v1::ChangeDeductionRequest { id: "D".into(), agreed: deducted, reason: String::new() };
    agency.agree(agreed).await.expect("it is agreed on");
    advance(&clearing, noon(7, 1)).await;
    advance(&clearing, noon(7, 21)).await;
    let objection = Reply::Objected { settlements: vec![settlement_id("2")], reason: "not ours".into() };
    let objected = clearing.reply((JUNE, pair, Side::Home), 1, objection, ("henan".into(), noon(7, 22))).await;
    objected.expect("the store works").expect("it is heard");
    for day in [22, 30] {
        advance(&clearing, noon(7, day)).await;
    }
    let june = (JUNE, pair, Insurance::Employee);
    for side in Side::ALL {
        // Each bank numbers it for itself.
        let serial = format!("{}-2025073000017", side.word());
        let (bank, on) = ("中国银行 郑州分行".into(), date(2025, 8, 8));
        let payment = Payment { serial, bank, on, amount: Money::from_yuan(40) };
        let paid = world.hub().store().payment_record(june, side, payment, ("us".into(), noon(8, 8))).await;
        paid.expect("the store works").expect("it is recorded");
    }
    for (side, who) in [(Side::Home, "henan"), (Side::Treatment, "shanghai")] {
        let (seen, by) = (Records { paid: 1, received: 1 }, (who.to_owned(), noon(8, 9)));
        let accepted = world.hub().store().payment_accept(june, (side, seen), "各行流水号".into(), by).await;
        accepted.expect("the store works").expect("it is accepted");
    }
    advance(&clearing, noon(8, 9)).await;

    let expected = news(&[
        ("deduction", "lodged", 1_000),
        ("deduction", "agreed", 1_000),
        ("statement", "1", 9_000),
        ("objection", "1", 0),
        ("statement", "2", 4_000),
        ("notice", "2", 4_000),
        ("acceptance", "accepted", 0),
        ("acceptance", "settled", 0),
        ("closed", "", 0),
    ]);
    assert_eq!(sorted(home.told(9).await), sorted(expected.clone()));
    assert_eq!(sorted(treatment.told(9).await), sorted(expected));
    // Whoever is no party hears nothing: a probe is the next letter.
    let (id, subject, kind) = ("another".to_owned(), "another".to_owned(), "probe".to_owned());
    let probe = Letter { id, subject, version: 1, kind, body: Bytes::new() };
    let mailbox = Mailbox { pool: PoolCode(region("440300")), part: Part::Home };
    world.hub().store().mailboxes().letter_post(mailbox, probe, noon(8, 9)).await.expect("it is posted");
    assert_eq!(stranger.next().await.kind, "probe");
    let counts = world.hub().store().mailboxes().letter_counts().await.expect("counts");
    assert_eq!(counts, (0, 0, 0), "nothing waits and nothing is dead");
}

/// Letters about different things overtake one another; those about one never do.
fn sorted(mut told: Vec<(String, String, i64)>) -> Vec<(String, String, i64)> {
    const KINDS: [&str; 6] = ["deduction", "statement", "objection", "notice", "acceptance", "closed"];
    told.sort_by_key(|(what, _, _)| KINDS.iter().position(|kind| *kind == what.as_str()));
    told
}

#[tokio::test]
async fn both_members_are_told_when_a_prefund_is_set_and_when_its_use_passes_a_mark() {
    let world = World::new().await;
    let (clearing, now) = (clearing(&world), noon(6, 20));
    let mut home = Node::open(&world, "410700", Role::Home, Part::Home).await;
    let mut treatment = Node::open(&world, "310000", Role::Treatment, Part::Treatment).await;
    advance(&clearing, noon(6, 15)).await;
    world.operate(&settle("1")).await.expect("an answer");
    advance(&clearing, now).await;
    // 50 yuan are owed; each of two hubs looks after each change.
    let mut hubs = [PrefundWatch::default(), PrefundWatch::default()];
    for (id, yuan) in [("reset 2025", 100), ("correction 1", -36), ("correction 2", -14), ("top-up 1", 50)] {
        change(&world, (Insurance::Employee, id, yuan), PrefundKind::Reset, now).await;
        for watch in &mut hubs {
            watch.look(&clearing, now).await.expect("the store works");
        }
    }
    for node in [&mut home, &mut treatment] {
        // Each change is set, and recorded as paid by one side and the other.
        let told = node.told(15).await;
        let of = |what: &str| told.iter().filter(|news| news.0 == what).cloned().collect::<Vec<_>>();
        let uses = news(&[("prefund-use", "yellow", 0), ("prefund-use", "red", 0), ("prefund-use", "green", 0)]);
        assert_eq!(of("prefund-use"), uses);
        for sum in [10_000, -3_600, -1_400, 5_000] {
            let of_it = of("prefund").into_iter().filter(|(_, _, amount)| *amount == sum);
            let standings: Vec<String> = of_it.map(|(_, standing, _)| standing).collect();
            assert_eq!(standings, ["due", "due", "held"], "{sum}");
        }
    }
}
