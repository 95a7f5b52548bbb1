//! What is kept is given back as it was kept.

use ::settlement::bill::ItemClass;
use ::settlement::ids::SettlementId;
use ::settlement::lifecycle::Standing;
use jiff::civil::date;

use super::*;

promises! {
    lines_are_added_up_by_category_and_class_without_those_withdrawn;
    tallies_say_what_the_lines_that_stand_say;
    a_number_is_known_until_its_line_is_withdrawn;
    a_settlement_stands_as_the_last_event_says;
    a_visit_is_the_fold_of_its_events;
    the_main_diagnosis_is_the_one_last_stated;
    what_was_known_of_a_person_when_a_message_came_stays_known;
    a_reversal_finds_a_message_whatever_its_encounter;
    an_operation_is_pending_until_it_is_answered_reversed_or_not_taken;
    the_first_answer_stays_and_shows_what_came_before;
    a_tombstone_is_seen_by_whoever_comes_late;
    numbers_never_come_twice;
}

async fn lines_are_added_up_by_category_and_class_without_those_withdrawn(place: Place) {
    let store = place.store();
    let tallies = changed(&store, |session| {
        session.charge_insert(&stay(), &[charge("1", 9, ItemClass::A, 5)], 1)?;
        let later = [("2", ItemClass::A, 6), ("3", ItemClass::B, 7), ("4", ItemClass::B, 8)];
        session.charge_insert(&stay(), &later.map(|(number, class, fen)| charge(number, 9, class, fen)), 2)?;
        let lines = session.charge_list(&stay())?;
        session.charge_withdraw(&stay(), &lines[3], 3, at())?;
        session.charge_tallies(&stay(), None)
    })
    .await;
    let last = tallies.iter().map(|tally| tally.line).max();
    assert_eq!(last, Some(4));
    let sums = sums_of(&tallies, &[ChargeRange { after: 1, upto: 4 }]);
    let sums: Vec<_> = sums.iter().map(|sum| (sum.class, sum.lines, sum.coverage.in_policy.fen())).collect();
    assert_eq!(sums, [(ItemClass::A, 1, 6), (ItemClass::B, 1, 7)]);
}

async fn the_main_diagnosis_is_the_one_last_stated(place: Place) {
    let store = place.store();
    let stated = [
        // As the stay's own node has it, without a place in the list.
        (("1", "", "R10.400", false, true), Some("R10.400")),
        (("1", "1", "I10.x00", false, true), Some("I10.x00")),
        // A Chinese name of it is no code of ICD-10.
        (("2", "1", "BNX090", true, true), Some("I10.x00")),
        (("1", "2", "C34.900", true, true), Some("C34.900")),
        // On leaving, the second turns out to be another.
        (("1", "2", "J18.900", true, true), Some("J18.900")),
        (("1", "2", "J18.900", true, false), Some("I10.x00")),
    ];
    for (message, ((kind, ordinal, code, main, valid), expected)) in (1_i64..).zip(stated) {
        let text = str::to_owned;
        let diagnosis = Diagnosis { kind: text(kind), ordinal: text(ordinal), code: text(code), main, valid };
        let found = changed(&store, move |session| {
            session.diagnosis_note(&stay(), &diagnosis, message)?;
            session.diagnosis_main(&stay())
        })
        .await;
        assert_eq!(found.as_ref().map(|code| code.as_str()), expected, "after message {message}");
    }
}

async fn tallies_say_what_the_lines_that_stand_say(place: Place) {
    let store = place.store();
    let (tallies, lines) = changed(&store, |session| {
        let mut number = 0;
        for message in 1..=8_i64 {
            let mut charges = Vec::new();
            for _ in 0..message {
                number += 1;
                let class = [ItemClass::A, ItemClass::B, ItemClass::C][number % 3];
                let category = u8::try_from(number % 5).expect("it is small") + 1;
                let fen = i64::try_from(number * 37 % 11).expect("it is small") - 2;
                charges.push(charge(&number.to_string(), category, class, fen));
            }
            session.charge_insert(&stay(), &charges, message)?;
        }
        for line in session.charge_list(&stay())?.iter().filter(|line| line.line % 4 == 1) {
            session.charge_withdraw(&stay(), line, 9, at())?;
        }
        Ok((session.charge_tallies(&stay(), None)?, session.charge_list(&stay())?))
    })
    .await;
    for (after, upto) in [(0, 36), (0, 10), (10, 36), (21, 28)] {
        let mut expected: Vec<_> = Vec::new();
        for category in 1..=5 {
            for class in [ItemClass::A, ItemClass::B, ItemClass::C] {
                let of_both = lines
                    .iter()
                    .filter(|line| after < line.line && line.line <= upto)
                    .filter(|line| line.charge.category.number() == category && line.charge.class == class);
                let fen: Vec<i64> = of_both.map(|line| line.charge.coverage.in_policy.fen()).collect();
                if !fen.is_empty() {
                    expected.push((category, class, fen.iter().sum::<i64>()));
                }
            }
        }
        let sums = sums_of(&tallies, &[ChargeRange { after, upto }]);
        let sums: Vec<_> =
            sums.iter().map(|sum| (sum.category.number(), sum.class, sum.coverage.in_policy.fen())).collect();
        assert_eq!(sums, expected, "{after} to {upto}");
    }
}

async fn a_number_is_known_until_its_line_is_withdrawn(place: Place) {
    let store = place.store();
    let known = changed(&store, |session| {
        let charges = ["a", "b\"\\", "c"].map(|number| charge(number, 9, ItemClass::A, 1));
        session.charge_insert(&stay(), &charges, 1)?;
        let lines = session.charge_list(&stay())?;
        session.charge_withdraw(&stay(), &lines[2], 2, at())?;
        let wanted = ["c", "b\"\\", "d"].map(|number| ChargeNumber::new(number).expect("a number"));
        session.charge_known(&stay(), wanted.iter())
    })
    .await;
    assert_eq!(known.iter().map(ChargeNumber::as_str).collect::<Vec<_>>(), ["b\"\\"]);
}

async fn a_settlement_stands_as_the_last_event_says(place: Place) {
    let store = place.store();
    let counter = SettlementId::new("c1").expect("an id");
    let covers = vec![ChargeRange { after: 0, upto: 5 }, ChargeRange { after: 7, upto: 9 }];
    let kept = covers.clone();
    changed(&store, move |session| {
        session.operation_insert(1, &message("m1", stay().as_str(), 1), &settle("s1", kept.clone()))?;
        session.answer_insert(1, &answer(), Some(&sums()), at())
    })
    .await;
    let cancelled = Standing::Cancelled { counter: counter.clone() };
    for (change, expected) in [
        (None, Standing::InForce),
        (Some(SettlementChange::Cancelled(counter.clone())), cancelled),
        (Some(SettlementChange::Reinstated), Standing::InForce),
        (Some(SettlementChange::Reversed), Standing::Reversed),
        // An earlier answer that arrives later.
        (Some(SettlementChange::Reinstated), Standing::Reversed),
    ] {
        let (found, listed) = changed(&store, move |session| {
            if let Some(change) = &change {
                session.settlement_note(&SettlementId::new("s1").expect("an id"), change, 2, at())?;
            }
            Ok((session.settlement_find("s1")?.expect("it is there"), session.settlement_list(&stay())?))
        })
        .await;
        assert_eq!(found.standing, expected);
        assert_eq!(listed.len(), 1);
        assert_eq!((&found.settlement.covers, &found.settlement.sums), (&covers, &sums()));
        assert_eq!((found.settlement.institution.as_str(), found.settlement.person.as_str()), ("H1", "1"));
    }
    let counted = store.look(|session| session.settlement_of_counter("c1")).await.expect("a look");
    assert_eq!(counted.as_deref(), Some("s1"));
}

async fn a_visit_is_the_fold_of_its_events(place: Place) {
    let store = place.store();
    let folded = changed(&store, |session| {
        let began = Some(date(2025, 6, 10));
        let first = Statement { began, emergency: Some(true), category: Some("21".into()), ..Statement::default() };
        session.encounter_open(&new_stay(), first, 1, at())?;
        let second = Statement { injury: Some(true), ..Statement::default() };
        let left = EncounterEvent::Discharged { on: date(2025, 6, 18), disease: None };
        let again = EncounterEvent::Discharged { on: date(2025, 6, 19), disease: None };
        let events = [EncounterEvent::Stated(second), left, EncounterEvent::DischargeUndone, again];
        for (message, event) in (2..).zip(events) {
            session.encounter_note(&stay(), &event, message, at())?;
        }
        Ok(session.encounter_find(&stay())?.expect("it is there"))
    })
    .await;
    assert_eq!((folded.began, folded.category.as_str()), (date(2025, 6, 10), "21"));
    assert!(folded.marks.emergency && folded.marks.injury && !folded.marks.third_party);
    assert_eq!(folded.standing, EncounterStanding::Discharged(date(2025, 6, 19)));
    let unknown = EncounterId::new("no such visit").expect("an id");
    assert_eq!(store.look(move |session| session.encounter_find(&unknown)).await.expect("a look"), None);
}

async fn what_was_known_of_a_person_when_a_message_came_stays_known(place: Place) {
    let store = place.store();
    let known = |name: &str| KnownPerson { person: "1".into(), name: name.into(), ..KnownPerson::default() };
    let (none, before, after) = changed(&store, move |session| {
        session.encounter_open(&new_stay(), Statement::default(), 1, at())?;
        let none = session.encounter_find_with_person(&stay(), None)?.expect("it is there").1;
        session.person_keep(&known("甲"))?;
        session.message_insert(1, &message("m", "", 1))?;
        session.person_keep(&known("乙"))?;
        let before = session.encounter_find_with_person(&stay(), Some(1))?.expect("it is there").1;
        let (visit, after) = session.encounter_find_with_person(&stay(), None)?.expect("it is there");
        assert_eq!(Some(visit), session.encounter_find(&stay())?);
        assert_eq!(session.person_find("1", None)?.as_ref(), Some(&after));
        Ok((none, before, after))
    })
    .await;
    assert_eq!((none, before, after), (KnownPerson::default(), known("甲"), known("乙")));
}

async fn a_reversal_finds_a_message_whatever_its_encounter(place: Place) {
    let store = place.store();
    let found = changed(&store, |session| {
        for (encounter, attempt) in [("a", 1), ("a", 2), ("b", 1)] {
            let number = session.message_next_number()?;
            session.message_insert(number, &message("m1", encounter, attempt))?;
        }
        session.operation_insert(4, &message("m12", "a", 1), &settle("s", Vec::new()))?;
        session.message_mark_reversed(3, 9, at())?;
        session.message_mark_reversed(3, 10, at())?;
        let found = session.message_list_by_target(&key("m1", "").target())?;
        let namesakes = session.message_list_namesakes("H1", &MessageId::new("m12").expect("an id"))?;
        assert_eq!(namesakes, [("2304".to_owned(), "1".to_owned())]);
        assert!(
            session.message_list_namesakes("H1", &MessageId::new("m1").expect("an id"))?.is_empty(),
            "local messages are not meant"
        );
        Ok(found.iter().map(|message| (message.number, message.attempt, message.reversed)).collect::<Vec<_>>())
    })
    .await;
    assert_eq!(found, [(2, 2, false), (3, 1, true)]);
}

async fn an_operation_is_pending_until_it_is_answered_reversed_or_not_taken(place: Place) {
    let store = place.store();
    let pending = changed(&store, |session| {
        for number in 1..=5 {
            let settle = settle(&format!("s{number}"), Vec::new());
            session.operation_insert(number, &message(&format!("m{number}"), stay().as_str(), 1), &settle)?;
        }
        session.answer_insert(1, &answer(), None, at())?;
        session.message_mark_reversed(2, 9, at())?;
        session.operation_note_whereabouts(3, Whereabouts::NotTaken, at())?;
        session.operation_note_whereabouts(4, Whereabouts::NotTaken, at())?;
        session.operation_note_whereabouts(4, Whereabouts::OnItsWay, at())?;
        assert_eq!(session.operation_whereabouts(3)?, Whereabouts::NotTaken);
        assert_eq!(session.operation_whereabouts(5)?, Whereabouts::OnItsWay);
        session.operation_list_pending(&stay())
    })
    .await;
    assert_eq!(pending.iter().map(|stored| stored.message).collect::<Vec<_>>(), [4, 5]);
    assert_eq!(pending[0].operation.bytes, Bytes::from_static(b"operation"));
    assert_eq!((pending[0].institution.as_str(), pending[0].encounter.as_str()), ("H1", stay().as_str()));
}

async fn the_first_answer_stays_and_shows_what_came_before(place: Place) {
    let store = place.store();
    let estimate = StoredEstimate { coverage: Coverage::default(), cash: Money::from_fen(9) };
    let (fresh, kept, reversed) = changed(&store, move |session| {
        session.operation_insert(1, &message("m", stay().as_str(), 1), &settle("s", Vec::new()))?;
        session.estimate_keep(stay().as_str(), "", &estimate)?;
        let fresh = session.answer_before(1)?;
        session.answer_insert(1, &answer(), None, at())?;
        session.answer_insert(1, &StoredAnswer { book_seq: 8, ..answer() }, None, at())?;
        let kept = session.answer_before(1)?;
        session.message_mark_reversed(1, 2, at())?;
        Ok((fresh, kept, session.answer_before(1)?))
    })
    .await;
    assert_eq!(fresh, ArrivedBefore { reversed: false, answer: None, estimate: Some(estimate) });
    assert_eq!(kept, ArrivedBefore { reversed: false, answer: Some(answer()), estimate: Some(estimate) });
    assert!(reversed.reversed);
    let told = store.told_list().await.expect("a list");
    let expected = Told { operation: b"operation".as_slice().into(), outcome: Some(answer().outcome), book_seq: 7 };
    assert_eq!(told, [expected]);
}

async fn a_tombstone_is_seen_by_whoever_comes_late(place: Place) {
    let store = place.store();
    let (before, after) = changed(&store, |session| {
        let before = session.message_place(&key("m", ""))?;
        session.tombstone_lay(&key("m", "").target(), 1, at())?;
        session.tombstone_lay(&key("m", "").target(), 2, at())?;
        session.message_insert(before.next_number, &message("other", "", 1))?;
        Ok((before, session.message_place(&key("m", ""))?))
    })
    .await;
    assert_eq!((before.voided, before.next_number), (false, 1));
    assert_eq!((after.voided, after.next_number), (true, 2));
    assert!(before.before.is_none() && after.before.is_none());
    let place = store.look(|session| session.message_place(&key("other", ""))).await.expect("a look");
    assert_eq!(place.before.map(|message| message.number), Some(1));
}

async fn numbers_never_come_twice(place: Place) {
    let store = place.store();
    let first = changed(&store, |session| session.numbers_reserve(10)).await;
    let second = changed(&store, |session| session.numbers_reserve(10)).await;
    assert_eq!((first, second), (0, 10));
}
