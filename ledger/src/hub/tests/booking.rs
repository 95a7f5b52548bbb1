//! What answers book in the journal, and how it is read.

use super::*;

pub(super) async fn each_change_of_a_settlements_standing_is_booked_once(world: World) {
    // Who asks, turn, what the entry is claimed to be, what becomes of it, and what the hospital has then.
    for (number, (asks, turn, fen, expected, hospital)) in [
        (Kind::Cancel, Turn::Counter, 100, Answering::EarlierMissing, 0),
        (Kind::Settle, Turn::Enter, 100, Answering::Kept, 100),
        (Kind::Settle, Turn::Enter, 100, Answering::Contradicts, 100),
        (Kind::Reverse, Turn::Reinstate, 100, Answering::Kept, 100),
        (Kind::Cancel, Turn::Counter, 101, Answering::Contradicts, 100),
        (Kind::Cancel, Turn::Counter, 100, Answering::Kept, 0),
        // Undone, and undone once more: it was brought back in between, and that answer is still to come.
        (Kind::Cancel, Turn::Counter, 100, Answering::EarlierMissing, 0),
        (Kind::Reverse, Turn::Counter, 100, Answering::EarlierMissing, 0),
        (Kind::Reverse, Turn::Reinstate, 100, Answering::Kept, 100),
        (Kind::Reverse, Turn::Counter, 100, Answering::Kept, 0),
        // Reversed for good: what comes now came before in the region's own book.
        (Kind::Reverse, Turn::Counter, 100, Answering::Kept, 0),
        (Kind::Cancel, Turn::Counter, 100, Answering::Kept, 0),
        (Kind::Reverse, Turn::Reinstate, 100, Answering::Kept, 0),
    ]
    .into_iter()
    .enumerate()
    {
        let message = (number + 1).to_string();
        let operation = match asks {
            Kind::Settle => settle(&message),
            Kind::Cancel => cancel(&message),
            Kind::Reverse => reverse(&message, "2"),
        };
        let position = world.receive_fresh(&operation).await.position;
        assert_eq!(world.answer(position, booking("S", turn, fen)).await, expected, "{message}");
        assert_eq!(world.hospital().await, hospital, "{message}");
        world.check().await;
    }
    assert_eq!(world.store.counts().await.expect("counts").entries, 4);
}

pub(super) async fn the_journal_is_read_turn_by_turn_beside_what_made_each_settlement(world: World) {
    for (operation, settlement, turn, fen, outcome) in [
        (settle("1"), "S", Turn::Enter, 100, "made S"),
        (settle("2"), "T", Turn::Enter, 30, "made T"),
        (reverse("3", "9"), "S", Turn::Reinstate, 100, "brought nothing back"),
        (cancel("4"), "S", Turn::Counter, 100, "undid S"),
        (reverse("5", "4"), "S", Turn::Reinstate, 100, "undid that"),
    ] {
        let message = operation.key.message.to_string();
        let Received::Fresh(fresh) = world.receive_bytes(&operation, &message).await else { panic!("fresh") };
        let kept = world.store.operation_answer(
            fresh.position,
            pool("410700"),
            answer(outcome, 1),
            booking(settlement, turn, fen),
        );
        assert_eq!(kept.await.expect("no fault"), Answering::Kept);
    }
    let mut turns = world.store.settlement_turns(Position(0), 2).await.expect("turns");
    turns.extend(world.store.settlement_turns(turns[1].position, 10).await.expect("turns"));
    let first = turns[0].position.0 - 1;
    let text = |bytes| std::str::from_utf8(bytes).expect("text");
    let told: Vec<_> = turns
        .iter()
        .map(|turn| {
            let sums = (turn.visits(), turn.total().fen(), turn.funds().fen(), turn.account().fen());
            (
                turn.position.0 - first,
                turn.settlement.as_str(),
                turn.turn,
                text(&turn.operation),
                text(&turn.outcome),
                sums,
            )
        })
        .collect();
    let expected = [
        (1, "S", Turn::Enter, "1", "made S", (1, 100, 100, 0)),
        (2, "T", Turn::Enter, "2", "made T", (1, 30, 30, 0)),
        (4, "S", Turn::Counter, "1", "made S", (-1, -100, -100, 0)),
        (5, "S", Turn::Reinstate, "1", "made S", (1, 100, 100, 0)),
    ];
    assert_eq!(told, expected);
}

pub(super) async fn journal_lines_read_back_as_they_were_booked(world: World) {
    let mut funds = FundShares::default();
    for (fund, fen) in Fund::ALL.into_iter().zip(1..) {
        funds.set(fund, Money::from_fen(fen));
    }
    let [account, cash, hospital] = [7, 11, 13].map(Money::from_fen);
    let parties = Parties {
        home: pool("410700"),
        insurance: Insurance::Resident,
        person: person(),
        treatment: pool("310000"),
        institution: InstitutionCode::new("H31010100001").expect("a code"),
    };
    let entry = JournalEntry::of_settlement(&parties, &Payers { funds, account, cash, hospital }, &[]);
    let position = world.receive_fresh(&settle("1")).await.position;
    let settlement = SettlementId::new("1").expect("an id");
    world.answer(position, Some(Booking { settlement, turn: Turn::Enter, entry: entry.clone() })).await;
    assert_eq!(world.store.journal_lines(position).await.expect("lines"), entry.lines());
    for line in entry.lines().iter().filter(|line| !matches!(line.account, Account::Treatment { .. })) {
        let sum = world.store.journal_sum(line.account.clone()).await.expect("a sum");
        assert_eq!(sum, line.amount, "{:?}", line.account);
    }
}

pub(super) async fn what_a_hub_left_behind_is_found_by_the_next(world: World) {
    let answered = world.receive_fresh(&settle("1")).await.position;
    world.answer(answered, None).await;
    let left = world.receive_fresh(&settle("2")).await.position;
    let world = world.reopened().await;
    let own = world.receive_fresh(&settle("3")).await.position;
    match world.place {
        Place::Sqlite(_) => {
            let frontier = world.store.operation_left_behind().await.expect("a frontier");
            world.store.operation_sweep(&frontier).await.expect("swept");
            assert_eq!(world.listed().await, [left], "nobody else can be carrying it out");
        }
        Place::Postgres(_) => {
            assert_eq!(world.store.operation_left_behind().await.expect("a frontier"), [], "somebody may be");
        }
    }
    world.sweep().await;
    assert_eq!(world.listed().await, [left, own]);
    world.answer(left, None).await;
    assert_eq!(world.listed().await, [own]);
    world.sweep().await;
    world.check().await;
}
