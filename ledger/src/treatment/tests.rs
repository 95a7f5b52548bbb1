//! What the treatment side's store promises.

use ::settlement::bill::{Coverage, FeeCategory, ItemClass};
use ::settlement::ids::{
    ChargeNumber, EncounterId, InstitutionCode, ItemCode, MessageId, PersonNumber, PoolCode, RegionCode, SettlementId,
    TransactionNumber,
};
use ::settlement::lifecycle::Standing;
use ::settlement::money::Money;
use ::settlement::person::Insurance;
use jiff::Timestamp;
use jiff::civil::date;
use rust_decimal::dec;
use tempfile::TempDir;

use super::*;

struct World {
    _folder: TempDir,
    store: TreatmentStore,
}

fn world() -> World {
    let folder = tempfile::tempdir().expect("a folder");
    let store = TreatmentStore::open(&folder.path().join("his.db"), StoreOptions::default()).expect("a store");
    World { _folder: folder, store }
}

fn stay() -> EncounterId {
    EncounterId::new("310000175129920000000000000001").expect("an id")
}

fn at() -> Timestamp {
    Timestamp::UNIX_EPOCH
}

fn charge(number: &str, class: ItemClass, in_policy: i64) -> Charge {
    Charge {
        number: ChargeNumber::new(number).expect("a number"),
        takes_back: None,
        batch: None,
        item: ItemCode::new("XA").expect("a code"),
        charged_on: date(2025, 6, 11),
        item_class: class,
        class,
        category: FeeCategory::new(9).expect("a category"),
        share: dec!(0),
        quantity: dec!(1),
        coverage: Coverage { in_policy: Money::from_fen(in_policy), ..Coverage::default() },
        disease: None,
    }
}

fn settlement(id: &str) -> NewSettlement {
    NewSettlement {
        id: SettlementId::new(id).expect("an id"),
        message: 1,
        institution: "H1".into(),
        person: "1".into(),
        encounter: stay().to_string(),
        batch: String::new(),
        interim: false,
        insurance: "310".into(),
        clearing_class: "21".into(),
        agency: "310000".into(),
        settled_at: at(),
        total: Money::from_fen(3),
        funds: Money::from_fen(1),
        account: Money::ZERO,
        cash: Money::from_fen(2),
        hospital: Money::ZERO,
    }
}

#[tokio::test]
async fn what_is_refused_leaves_nothing_behind() {
    let world = world();
    let refused: Result<(), &str> = world
        .store
        .change(|session| {
            session.charge_insert(&stay(), &charge("1", ItemClass::A, 7), 1)?;
            Ok(Err("no"))
        })
        .await
        .expect("a store");
    assert_eq!(refused, Err("no"));
    let lines = world.store.look(|session| session.charge_list(&stay())).await.expect("a look");
    assert!(lines.is_empty());
}

#[tokio::test]
async fn lines_are_added_up_by_category_and_class_without_those_withdrawn() {
    let world = world();
    let changed: Result<(), ()> = world
        .store
        .change(|session| {
            let lines =
                [("1", ItemClass::A, 5), ("2", ItemClass::A, 6), ("3", ItemClass::B, 7), ("4", ItemClass::B, 8)];
            for (number, class, fen) in lines {
                session.charge_insert(&stay(), &charge(number, class, fen), 1)?;
            }
            session.charge_withdraw(4, 2, at())?;
            Ok(Ok(()))
        })
        .await
        .expect("a store");
    changed.expect("nothing is refused");
    let (sums, last) = world
        .store
        .look(|session| {
            let range = ChargeRange { after: 1, upto: 4 };
            Ok((session.charge_sums(&stay(), None, range)?, session.charge_last(&stay(), None)?))
        })
        .await
        .expect("a look");
    let sums: Vec<_> = sums.iter().map(|sum| (sum.class, sum.coverage.in_policy.fen())).collect();
    assert_eq!(sums, [(ItemClass::A, 6), (ItemClass::B, 7)]);
    assert_eq!(last, 4);
}

#[tokio::test]
async fn a_settlement_stands_as_the_last_event_says() {
    let world = world();
    let counter = SettlementId::new("c1").expect("an id");
    let cancelled = Standing::Cancelled { counter: counter.clone() };
    for (change, expected) in [
        (None, Standing::InForce),
        (Some(SettlementChange::Cancelled(counter.clone())), cancelled),
        (Some(SettlementChange::Reinstated), Standing::InForce),
        (Some(SettlementChange::Reversed), Standing::Reversed),
    ] {
        let stands: Result<Standing, ()> = world
            .store
            .change(move |session| {
                session.settlement_insert(&settlement("s1"))?;
                if let Some(change) = &change {
                    session.settlement_note(&settlement("s1").id, change, 2, at())?;
                }
                Ok(Ok(session.settlement_find("s1")?.expect("it is there").standing))
            })
            .await
            .expect("a store");
        assert_eq!(stands, Ok(expected));
    }
}

#[tokio::test]
async fn a_visit_is_the_fold_of_its_events() {
    let world = world();
    let encounter = NewEncounter {
        id: stay(),
        kind: EncounterKind::Stay,
        institution: InstitutionCode::new("H1").expect("a code"),
        person: PersonNumber::new("1").expect("a number"),
        home: PoolCode(RegionCode::new("410700").expect("a code")),
        insurance: Insurance::Employee,
        hospital_number: "ZY1".into(),
    };
    let folded: Result<StoredEncounter, ()> = world
        .store
        .change(move |session| {
            let began = Some(date(2025, 6, 10));
            let first = Statement { began, emergency: Some(true), category: Some("21".into()), ..Statement::default() };
            session.encounter_open(&encounter, first, 1, at())?;
            let second = Statement { injury: Some(true), ..Statement::default() };
            let left = EncounterEvent::Discharged { on: date(2025, 6, 18), disease: None };
            let again = EncounterEvent::Discharged { on: date(2025, 6, 19), disease: None };
            for event in [EncounterEvent::Stated(second), left, EncounterEvent::DischargeUndone, again] {
                session.encounter_note(&stay(), &event, 2, at())?;
            }
            Ok(Ok(session.encounter_find(&stay())?.expect("it is there")))
        })
        .await
        .expect("a store");
    let folded = folded.expect("nothing is refused");
    assert_eq!((folded.began, folded.category.as_str()), (date(2025, 6, 10), "21"));
    assert!(folded.marks.emergency && folded.marks.injury && !folded.marks.third_party);
    assert_eq!(folded.standing, EncounterStanding::Discharged(date(2025, 6, 19)));
}

#[tokio::test]
async fn a_reversal_finds_a_message_whatever_its_encounter() {
    let world = world();
    let key = |encounter: &str| MessageKey {
        institution: InstitutionCode::new("H1").expect("a code"),
        message: MessageId::new("m1").expect("an id"),
        transaction: TransactionNumber::new("2304").expect("a number"),
        subject: "1".into(),
        encounter: encounter.into(),
        batch: String::new(),
    };
    let message = move |encounter: &str, attempt| NewMessage {
        key: key(encounter),
        attempt,
        encounter: encounter.into(),
        content: Content { digest: [1; 32], fields: vec![2; 16] },
        reference: "r".into(),
        received_at: at(),
        answer: None,
        warning: None,
    };
    let found: Result<Vec<(i64, u32, bool)>, ()> = world
        .store
        .change(move |session| {
            for (encounter, attempt) in [("a", 1), ("a", 2), ("b", 1)] {
                let number = session.message_next_number()?;
                session.message_insert(number, &message(encounter, attempt))?;
            }
            session.message_mark_reversed(3, 9, at())?;
            session.message_mark_reversed(3, 10, at())?;
            let found = session.message_list_by_target(&key("").target())?;
            Ok(Ok(found.iter().map(|message| (message.number, message.attempt, message.reversed)).collect()))
        })
        .await
        .expect("a store");
    assert_eq!(found, Ok(vec![(2, 2, false), (3, 1, true)]));
}
