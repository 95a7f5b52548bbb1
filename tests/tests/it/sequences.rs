//! The sequences that a desk, a slow region or two hospitals at once can make of settling, cancelling and reversing,
//! over real sockets from end to end. Each ends with every book sound.

use serde_json::Value;
use settlement::ids::PoolCode;
use world::hospital::Hospital;
use world::{EMPLOYEE, Enrollee, RESIDENT, World, eventually, pool};

/// Another hospital in Shanghai that is opened for stays.
const OTHER: &str = "H31010400102";
const PRICE: &str = "8000.00";

fn home() -> PoolCode {
    pool(EMPLOYEE.home)
}

/// A step at a desk. Messages are named by their place in the list, from 0.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// Settles the stay.
    Settle,
    /// Cancels what a message settled.
    Cancel(usize),
    /// Reverses a message.
    Reverse(usize),
    /// Sends a message once more.
    Again(usize),
    /// Sends a message once more with another total.
    Otherwise(usize),
    /// Reverses a settle that is sent only later, by [`Step::Late`].
    Ahead,
    /// Sends the settle that was reversed ahead.
    Late,
}

use Step::{Again, Ahead, Cancel, Late, Otherwise, Reverse, Settle};

/// The desk of one stay: what was sent, and what was told.
struct Desk<'a> {
    hospital: &'a Hospital,
    patient: Enrollee,
    stay: String,
    sent: Vec<(Value, Value)>,
    late: Value,
}

impl Desk<'_> {
    async fn take(&mut self, step: Step) -> String {
        let message = self.message(step);
        let reply = self.hospital.send(&message).await;
        let told = if reply.succeeded() { "done".to_owned() } else { reply.text("/err_msg")[..5].to_owned() };
        self.sent.push((message, reply.body.clone()));
        told
    }

    fn message(&self, step: Step) -> Value {
        let (hospital, patient) = (self.hospital, &self.patient);
        match step {
            Settle => hospital.settle_message(patient, &self.stay, PRICE),
            Cancel(settled) => {
                let settlement = self.sent[settled].1["output"]["setlinfo"]["setl_id"].as_str().unwrap_or_default();
                hospital.cancel_message(patient, &self.stay, settlement)
            }
            Reverse(message) => hospital.reverse_message(patient, &self.sent[message].0),
            Again(message) => self.sent[message].0.clone(),
            Otherwise(message) => {
                let mut otherwise = self.sent[message].0.clone();
                otherwise["input"]["data"]["medfee_sumamt"] = "7999.00".into();
                otherwise
            }
            Ahead => hospital.reverse_message(patient, &self.late),
            Late => self.late.clone(),
        }
    }
}

/// What it shows, the steps with what each is told, and whether the stay counts in the end.
type Sequence = (&'static str, Vec<(Step, &'static str)>, bool);

#[tokio::test(flavor = "multi_thread")]
async fn the_desk_of_one_stay() {
    let rows: Vec<Sequence> = vec![
        ("settled once however often it is sent", vec![(Settle, "done"), (Again(0), "done"), (Again(0), "done")], true),
        ("the same number with another sum", vec![(Settle, "done"), (Otherwise(0), "[301]")], true),
        ("a second message for the same stay", vec![(Settle, "done"), (Settle, "[512]")], true),
        (
            "reversed, and the original comes late",
            vec![(Settle, "done"), (Reverse(0), "done"), (Again(0), "[603]")],
            false,
        ),
        ("reversed twice", vec![(Settle, "done"), (Reverse(0), "done"), (Reverse(0), "done")], false),
        ("reversed before it ever came", vec![(Ahead, "done"), (Late, "[302]"), (Settle, "done")], true),
        (
            "cancelled, and the cancellation reversed",
            vec![(Settle, "done"), (Cancel(0), "done"), (Reverse(1), "done")],
            true,
        ),
        (
            "cancelled and settled again, so the cancellation stays",
            vec![(Settle, "done"), (Cancel(0), "done"), (Settle, "done"), (Reverse(1), "[604]")],
            true,
        ),
        ("cancelled twice", vec![(Settle, "done"), (Cancel(0), "done"), (Cancel(0), "[602]")], false),
        (
            "a cancelled settlement is not reversed",
            vec![(Settle, "done"), (Cancel(0), "done"), (Reverse(0), "[602]")],
            false,
        ),
        (
            "a reversed settlement is not cancelled",
            vec![(Settle, "done"), (Reverse(0), "done"), (Cancel(0), "[603]")],
            false,
        ),
        ("a reversal is not reversed", vec![(Settle, "done"), (Reverse(0), "done"), (Reverse(1), "[606]")], false),
    ];
    let (world, hospital) = World::with_a_hospital().await;
    let nothing = hospital.totals(&EMPLOYEE).await;
    let mut counting = None;
    for (shows, steps, counts) in rows {
        let stay = hospital.stay(&EMPLOYEE, PRICE).await;
        let late = hospital.settle_message(&EMPLOYEE, &stay, PRICE);
        let mut desk = Desk { hospital: &hospital, patient: EMPLOYEE, stay: stay.clone(), sent: Vec::new(), late };
        for (step, expected) in steps {
            assert_eq!(desk.take(step).await, expected, "{shows}: {step:?}");
        }
        let totals = hospital.totals(&EMPLOYEE).await;
        if counts {
            assert_eq!(&totals, counting.get_or_insert_with(|| totals.clone()), "{shows}: it counts once");
            let asked = hospital.query(&EMPLOYEE, &stay).await;
            let settlement = asked.text("/output/setlinfo/setl_id");
            let undone = hospital.send(&hospital.cancel_message(&EMPLOYEE, &stay, &settlement)).await;
            assert!(undone.succeeded(), "{shows}: {}", undone.text("/err_msg"));
        }
        assert_eq!(hospital.totals(&EMPLOYEE).await, nothing, "{shows}: undoing restores the year-to-date exactly");
        world.assert_sound().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hospitals_settle_one_person_at_once_and_neither_is_lost() {
    let (world, hospital) = World::with_a_hospital().await;
    let other = Hospital::at(world.desk(), OTHER);
    let first = hospital.stay_between(&EMPLOYEE, PRICE, ("2025-06-02", "2025-06-05")).await;
    let second = other.stay_between(&EMPLOYEE, PRICE, ("2025-06-08", "2025-06-12")).await;
    let (one, two) =
        (hospital.settle_message(&EMPLOYEE, &first, PRICE), other.settle_message(&EMPLOYEE, &second, PRICE));
    let (one, two) = tokio::join!(hospital.send(&one), other.send(&two));
    assert!(one.succeeded() && two.succeeded(), "{}{}", one.text("/err_msg"), two.text("/err_msg"));
    let paid = |reply: &yidi::desk::Reply| -> rust_decimal::Decimal {
        reply.text("/output/setlinfo/hifp_pay").parse().expect("an amount")
    };
    let (one, two) = (paid(&one), paid(&two));
    assert_ne!(one, two, "the second stay of the year, whichever it was, bears a lower deductible");
    let totals: Vec<String> = hospital.totals(&EMPLOYEE).await.into_values().collect();
    let total = (one + two).normalize().to_string();
    assert!(
        totals.iter().any(|held| held.trim_matches('"').trim_end_matches('0').trim_end_matches('.') == total),
        "{totals:?} {total}"
    );
    world.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stays_that_overlap_by_more_than_the_day_of_transfer_are_refused() {
    let (world, hospital) = World::with_a_hospital().await;
    let other = Hospital::at(world.desk(), OTHER);
    let settle = |hospital: &Hospital, stay: &str| hospital.settle_message(&EMPLOYEE, stay, PRICE);
    let stay = hospital.stay_between(&EMPLOYEE, PRICE, ("2025-06-02", "2025-06-05")).await;
    assert!(hospital.send(&settle(&hospital, &stay)).await.succeeded());
    for (days, told) in [(("2025-06-04", "2025-06-09"), "[513]"), (("2025-06-05", "2025-06-09"), "done")] {
        let stay = other.stay_between(&EMPLOYEE, PRICE, days).await;
        let reply = other.send(&settle(&other, &stay)).await;
        let said = if reply.succeeded() { "done".to_owned() } else { reply.text("/err_msg")[..5].to_owned() };
        assert_eq!(said, told, "{days:?}: {}", reply.text("/err_msg"));
    }
    world.assert_sound().await;
}

/// The answer comes after everybody's deadline: the desk is told in doubt, and learns the acceptance when it asks.
#[tokio::test(flavor = "multi_thread")]
async fn an_acceptance_after_the_deadline_is_learned_and_never_guessed() {
    let (world, hospital) = World::with_a_hospital().await;
    let stay = hospital.stay(&EMPLOYEE, PRICE).await;
    hospital.settle_a_stay(&RESIDENT).await;
    world.lose_answers(home());
    let settle = hospital.settle_message(&EMPLOYEE, &stay, PRICE);
    let lost = hospital.send(&settle).await;
    assert!(lost.text("/err_msg").starts_with("[703]"), "{}", lost.text("/err_msg"));
    world.mend(home());
    let unfetched = async || yidi::verify::never_fetched(&world.line().stores()).await.expect("the books can be read");
    eventually("an acceptance that the hospital never fetched is a break", || async { unfetched().await.len() == 1 })
        .await;

    let learned = hospital.send(&settle).await;
    assert!(learned.succeeded(), "{}", learned.text("/err_msg"));
    assert_eq!(unfetched().await, []);
    world.assert_sound().await;
}

/// What is undone after its period was cut off stays in that period; what undoes it, and what undoes that, is of the
/// period that is open then.
#[tokio::test(flavor = "multi_thread")]
async fn undoing_after_the_cut_off_is_a_counter_entry_in_the_period_that_is_open() {
    let (world, hospital) = World::with_a_hospital().await;
    let stay = hospital.stay(&EMPLOYEE, PRICE).await;
    let late = hospital.settle_message(&EMPLOYEE, &stay, PRICE);
    let mut desk = Desk { hospital: &hospital, patient: EMPLOYEE, stay: stay.clone(), sent: Vec::new(), late };
    let hub = world.line().hub.store();
    let first = hub.period_open().await.expect("a period").number;
    let mut expected = Vec::new();
    for step in [Settle, Cancel(0), Reverse(1), Reverse(0)] {
        assert_eq!(desk.take(step).await, "done", "{step:?}");
        let open = hub.period_open().await.expect("a period").number;
        expected.push(open);
        hub.period_cut_off(open, world.clock().now()).await.expect("it is cut off");
    }
    let turns = yidi::verify::journal(hub).await.expect("the journal can be read");
    let periods: Vec<_> = turns.iter().map(|turn| turn.period).collect();
    assert_eq!(periods, expected);
    assert_eq!(periods.first(), Some(&first), "a closed period keeps what it had");
    world.assert_sound().await;
}
