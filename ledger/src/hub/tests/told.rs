//! What regions are told of clearing: each node once, in the commit of what happened, and nobody who has no node.

use ::clearing::listed::{Act, Person, Seat, Verdict};
use ::clearing::month::Month;
use ::clearing::obligation::Lot;
use ::clearing::period::{Pair, Side};
use ::clearing::prefund::quarter::Quarter;
use ::clearing::prefund::{Usage, Watch};
use settlement::ids::MemberCode;

use clearing::payment::ByInsurance;

use super::course::{settled, settlement, who};
use super::deductions::{bring_back, undo};
use super::folding::{FIRST, cut_off, fold};
use super::listed::lodge_and_agree;
use super::*;
use crate::clock::Clock;
use crate::mailbox::{Mailbox, Part};
use crate::values;

/// Henan clears for three pools, of which one node serves two.
const MEMBERS: &str = "code,name,level,pool,member\n310000,上海市,pool,310000,310000\n\
    410000,河南省,province,,410000\n410100,郑州市,pool,410100,410000\n410700,新乡市,pool,410700,410000\n\
    419001,济源市,pool,419001,410000\n440300,深圳市,pool,440300,440000\n440000,广东省,province,,440000\n";

fn pair() -> Pair {
    Pair { home: MemberCode(pool("410000").0), treatment: MemberCode(pool("310000").0) }
}

pub(super) fn regions() -> Arc<RegionTable> {
    Arc::new(RegionTable::from_csv(MEMBERS).expect("a table"))
}

/// A store that tells, in words of this test.
pub(super) fn telling(world: &World) -> HubStore {
    let write = |told: &Told| Bytes::from(format!("{told:?}").into_bytes());
    world.store.clone().telling(Telling { regions: regions(), write, clock: Clock::starting_at(at(5)) })
}

pub(super) async fn opened(world: &World, part: Part, pools: &[&str]) {
    let opened = pools.iter().map(|code| Mailbox { pool: pool(code), part }).collect();
    world.store.mailboxes().node_note(opened).await.expect("it is noted");
}

/// The letters that wait, as mailbox, subject and version, one a subject.
async fn waiting(world: &World) -> Vec<(String, String, u64)> {
    let mailboxes = ["410100", "410700", "419001", "440300"].map(|code| format!("{code}/home"));
    let mailboxes = [&mailboxes[..], &["310000/treatment".to_owned(), "310000/home".to_owned()]].concat();
    let taken = world.store.mailboxes().letter_take(mailboxes, at(1_000_000), 100).await.expect("letters");
    let mut told: Vec<_> = taken
        .into_iter()
        .map(|delivery| (delivery.posted.mailbox, delivery.posted.letter.subject, delivery.posted.letter.version))
        .collect();
    told.sort();
    told
}

/// Every letter that was ever posted about something, as version and body.
pub(super) async fn letters_about(world: &World, subject: &str) -> Vec<(i64, String)> {
    const ABOUT: &str = "SELECT version, body FROM letters WHERE subject = ?1 ORDER BY number";
    let subject = subject.to_owned();
    let read = world.store.engine.read(move |sql| {
        sql.query(ABOUT, values![&subject], |row| {
            Ok((row.number(0)?, String::from_utf8_lossy(row.bytes(1)?).into_owned()))
        })
    });
    read.await.expect("letters")
}

async fn issue(store: &HubStore, version: u32) {
    let lots: std::collections::BTreeMap<Lot, ::clearing::cleared::Cleared> = Default::default();
    let as_of = store.clearing_as_of(FIRST).await.expect("it is read");
    store.statement_issue((FIRST, pair()), version, (lots, as_of), date(2025, 7, 21)).await.expect("it is issued");
}

fn letter(mailbox: &str, subject: &str, version: u64) -> (String, String, u64) {
    (mailbox.to_owned(), subject.to_owned(), version)
}

pub(super) async fn each_node_of_both_members_is_told_once_of_what_is_recorded(world: World) {
    let store = telling(&world);
    store.clearing_name(FIRST, Month::from_text("2025-06").expect("a month")).await.expect("it is named");
    issue(&store, 1).await;
    assert_eq!(waiting(&world).await, [], "nobody has a node, so nothing waits");

    opened(&world, Part::Home, &["410700", "410100"]).await;
    opened(&world, Part::Home, &["419001"]).await;
    opened(&world, Part::Home, &["440300"]).await;
    opened(&world, Part::Treatment, &["310000"]).await;
    for _ in 0..2 {
        issue(&store, 2).await;
    }
    let (home, other, treatment) = ("410100/home", "419001/home", "310000/treatment");
    let statement = "statement 2025-06 410000 310000";
    let stated = [letter(treatment, statement, 2), letter(home, statement, 2), letter(other, statement, 2)];
    assert_eq!(waiting(&world).await, stated);

    for _ in 0..2 {
        let dues = ByInsurance { employee: Money::from_yuan(100), resident: Money::ZERO };
        store.notice_issue((FIRST, pair()), 2, dues, date(2025, 7, 28)).await.expect("it is issued");
        store.clearing_step(FIRST, StepTaken::Closed, String::new(), at(9)).await.expect("it is closed");
    }
    let all = waiting(&world).await;
    let of = |mailbox: &str| all.iter().filter(|letter| letter.0 == mailbox).map(|letter| letter.1.clone()).collect();
    let told: Vec<Vec<String>> = vec![of(home), of(other), of(treatment)];
    let each =
        ["closed 2025-06 410000 310000", "notice 2025-06 410000 310000 employee"].map(ToOwned::to_owned).to_vec();
    // What was taken out above is due again only later.
    let news = |letters: &Vec<String>| letters.iter().filter(|subject| **subject != statement).cloned().collect();
    assert_eq!(told.iter().map(news).collect::<Vec<Vec<String>>>(), [each.clone(), each.clone(), each]);
    assert_eq!(of("440300/home"), Vec::<String>::new(), "it is not theirs");
    assert_eq!(world.store.mailboxes().letter_misplaced().await.expect("a check"), [0_i64; 0]);
}

pub(super) async fn what_is_not_recorded_is_not_told(world: World) {
    let store = telling(&world);
    opened(&world, Part::Treatment, &["310000"]).await;
    let objection = Reply::Objected { settlements: vec![settlement("S")], reason: "not ours".into() };
    let replied = store
        .statement_reply((FIRST, pair(), Side::Home), 1, objection, (Carrying::new(), world.regions.clone()), who())
        .await;
    assert_eq!(replied.expect("no fault"), Err(StatementFault::Unknown));
    let lodging = DeductionLodging {
        id: "D".into(),
        settlement: settlement("S"),
        deducted: FundShares::default(),
        reason: "why".into(),
    };
    let lodged = store.deduction_lodge(lodging, who()).await.expect("no fault");
    assert_eq!(lodged, Err(DeductionFault::NoSettlement));
    assert_eq!(waiting(&world).await, []);
}

pub(super) async fn the_use_of_a_prefund_is_told_each_time_that_it_turns(world: World) {
    let store = telling(&world);
    opened(&world, Part::Treatment, &["310000"]).await;
    let key = PrefundKey { pair: pair(), insurance: Insurance::Resident };
    let usage = Usage { prefund: Money::from_yuan(100), outstanding: Money::from_yuan(80) };
    let subject = "prefund-use 410000 310000 resident";
    for (watch, is_new) in [
        (Watch::Green, 0),
        (Watch::Yellow, 1),
        // Another hub sees the same.
        (Watch::Yellow, 0),
        (Watch::Red, 1),
        (Watch::Green, 1),
    ] {
        let turned = store.prefund_turn_all(vec![(key, watch, usage)], at(7)).await.expect("it is recorded");
        assert_eq!(turned, is_new, "{watch:?}");
    }
    assert_eq!(waiting(&world).await, [letter("310000/treatment", subject, 1)], "the others wait behind it");
    assert_eq!(world.store.mailboxes().letter_counts().await.expect("counts").0, 3);
    let change = PrefundChange {
        key,
        id: "reset 2026".into(),
        kind: PrefundKind::Reset,
        amount: Money::from_yuan(1),
        basis: Quarter::default(),
        held: Money::ZERO,
        reason: "why".into(),
        asked_by: None,
        at: at(8),
    };
    for is_new in [true, false] {
        assert_eq!(store.prefund_change(change.clone(), "us".into()).await.expect("it is recorded"), is_new);
    }
    assert_eq!(world.store.mailboxes().letter_counts().await.expect("counts").0, 4);
}

pub(super) async fn each_word_of_a_change_of_a_prefund_is_told_in_its_order(world: World) {
    let store = telling(&world);
    opened(&world, Part::Treatment, &["310000"]).await;
    let key = PrefundKey { pair: pair(), insurance: Insurance::Employee };
    let asked = PrefundChange {
        key,
        id: "top-up 1".into(),
        kind: PrefundKind::TopUp,
        amount: Money::from_fen(500),
        basis: Quarter::default(),
        held: Money::ZERO,
        reason: "why".into(),
        asked_by: Some(Side::Treatment),
        at: at(1),
    };
    assert!(store.prefund_change(asked, "shanghai".into()).await.expect("it is recorded"));
    let place = |side| (key, "top-up 1".to_owned(), side);
    for _ in 0..2 {
        let said = store.prefund_answer(place(Side::Home), (true, String::new()), None, ("henan".into(), at(2))).await;
        assert_eq!(said.expect("the store works"), Ok(()), "the same again is no other word");
    }
    for side in [Side::Home, Side::Home, Side::Treatment] {
        let on = settlement::beijing::day_of(at(3));
        let payment = ::clearing::payment::Payment {
            serial: "1".into(),
            bank: "中国银行".into(),
            on,
            amount: Money::from_fen(500),
        };
        let paid = store.prefund_pay(place(side), payment, ("us".into(), at(3))).await;
        assert_eq!(paid.expect("the store works"), Ok(()));
    }
    let mailboxes = world.store.mailboxes();
    let mut told = Vec::new();
    for _ in 0..4 {
        let taken = mailboxes.letter_take(vec!["310000/treatment".into()], at(1_000_000), 100).await.expect("letters");
        for delivery in taken {
            let letter = &delivery.posted.letter;
            let text = String::from_utf8(letter.body.to_vec()).expect("text");
            let standing = text.split("standing: ").nth(1).expect("a standing").trim_end_matches([' ', '}']);
            assert_eq!(letter.subject, "prefund 410000 310000 employee top-up 1");
            told.push((letter.version, standing.to_owned()));
            let (mine, number) = (vec!["310000/treatment".to_owned()], delivery.posted.number);
            mailboxes.letter_acknowledge(mine, number, "us".into(), at(1_000_000)).await.expect("it is heard");
        }
    }
    let words = [(1, "Asked"), (2, "Due"), (3, "Due"), (4, "Held")];
    assert_eq!(told, words.map(|(version, standing)| (version, standing.to_owned())));
}

pub(super) async fn a_deduction_is_told_each_time_that_it_moves_is_given_back_or_comes_again(world: World) {
    let store = telling(&world);
    opened(&world, Part::Treatment, &["310000"]).await;
    let [second, third] = [2, 3].map(PeriodNumber);
    for (period, month) in [(FIRST, "2025-06"), (second, "2025-07"), (third, "2025-08")] {
        store.clearing_name(period, Month::from_text(month).expect("a month")).await.expect("it is named");
    }
    settled(&world, "S", 100).await;
    fold(&world).await;
    let mut deducted = FundShares::default();
    deducted.set(Fund::Basic, Money::from_fen(30));
    let (id, settlement_s, reason) = ("D".to_owned(), settlement("S"), "超限定支付".to_owned());
    let lodging = DeductionLodging { id, settlement: settlement_s, deducted, reason };
    store.deduction_lodge(lodging, who()).await.expect("the store works").expect("it is lodged");
    let agreed = store.deduction_change("D".into(), Change::Agree(deducted, String::new()), who()).await;
    agreed.expect("the store works").expect("it is agreed on");
    for (from, into) in [(FIRST, Some(second)), (second, None)] {
        cut_off(&world).await;
        let out = vec![Disputed { settlement: settlement("S"), reason: "apart".into(), owner: Side::Home }];
        let carried = store.entry_carry_out(from, (out, vec![]), Carrying::from([(FIRST, into)]), at(7)).await;
        assert_eq!(carried.expect("the store works"), Some(1));
    }
    for (act, seat) in
        [(Act::Propose(Verdict::Clear), Seat::Member(Side::Home)), (Act::Approve(Verdict::Clear), Seat::Centre)]
    {
        let by = (Person { certificate: format!("{seat:?}"), seat }, at(8));
        let acted = store.listed_act((settlement("S"), 0), act, "查实".into(), by).await;
        acted.expect("the store works").expect("it may be done");
    }
    undo(&world, "C", "S", 100).await;
    assert_eq!(store.deduction_release(at(8)).await.expect("the store works"), 1);
    bring_back(&world, ("R", "C"), "S", 100).await;
    for restored in [1, 0] {
        assert_eq!(store.deduction_restore(at(8)).await.expect("the store works"), restored);
    }
    let told = letters_about(&world, "deduction D").await;
    assert_eq!(told.iter().map(|(version, _)| *version).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6, 7]);
    let month = |month: &str| format!("{:?}", Month::from_text(month));
    let none = "month: None".to_owned();
    for ((_, body), (standing, month)) in told.iter().zip([
        ("Lodged", none.clone()),
        ("Agreed", month("2025-06")),
        ("Agreed", month("2025-07")),
        ("Agreed", none),
        ("Agreed", month("2025-08")),
        ("Released", month("2025-08")),
        ("Agreed", month("2025-08")),
    ]) {
        assert!(body.contains(&format!("standing: {standing}")) && body.contains(&month), "{standing} {month}: {body}");
    }
}

/// A node whose mailbox was opened since would hear anew of what went onto the list long ago.
pub(super) async fn what_is_proposed_about_the_list_moves_nothing_and_tells_nobody(world: World) {
    let store = telling(&world);
    settled(&world, "S", 100).await;
    fold(&world).await;
    lodge_and_agree(&world, "S", 30).await;
    cut_off(&world).await;
    let out = vec![Disputed { settlement: settlement("S"), reason: "apart".into(), owner: Side::Home }];
    let carried = store.entry_carry_out(FIRST, (out, vec![]), Carrying::from([(FIRST, None)]), at(7)).await;
    assert_eq!(carried.expect("the store works"), Some(1));
    opened(&world, Part::Treatment, &["310000"]).await;
    let (home, centre) = (Seat::Member(Side::Home), Seat::Centre);
    let clear = Verdict::Clear;
    for (act, seat, letters) in [
        (Act::Propose(clear), home, 0),
        (Act::Refuse, centre, 0),
        (Act::Propose(clear), centre, 0),
        (Act::Approve(clear), home, 1),
        // The same again.
        (Act::Approve(clear), home, 1),
    ] {
        let by = (Person { certificate: format!("{seat:?}"), seat }, at(8));
        let acted = store.listed_act((settlement("S"), 0), act, "查实".into(), by).await;
        acted.expect("the store works").expect("it may be done");
        assert_eq!(letters_about(&world, "deduction d-S").await.len(), letters, "{act:?}");
    }
}
