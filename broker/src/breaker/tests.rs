//! The breaker over made-up histories: as tables, and as chance makes them.

use proptest::prelude::*;

use super::*;

const OPEN_FOR: Duration = Duration::from_secs(1);
const AT_MOST: Duration = Duration::from_secs(30);

fn breaker() -> Breaker {
    Breaker::new(Settings {
        failures_in_a_row: 5,
        lies: 3,
        slow_after: Duration::from_secs(4),
        open_for: OPEN_FOR,
        open_for_at_most: AT_MOST,
        probes: 3,
    })
}

/// One letter a fresh call: `g`ood, `s`low, `f`ailed, `u`nsaid, `l` good and then found to be a lie; `F` and `G` are
/// follow-ups that failed or went well.
fn play(breaker: &mut Breaker, history: &str, now: Instant) {
    for letter in history.chars().filter(|letter| !letter.is_whitespace()) {
        let (call, ending) = match letter {
            'g' | 'l' => (Call::Fresh, Ending::Good),
            's' => (Call::Fresh, Ending::Slow),
            'f' => (Call::Fresh, Ending::Failed),
            'u' => (Call::Fresh, Ending::Unsaid),
            'F' => (Call::FollowUp, Ending::Failed),
            'G' => (Call::FollowUp, Ending::Good),
            other => panic!("no such letter: {other}"),
        };
        let leave = breaker.ask(call, now).expect("leave");
        breaker.ended(leave, ending, now);
        if letter == 'l' {
            breaker.lied(now);
        }
    }
}

fn open(now: Instant) -> Breaker {
    let mut breaker = breaker();
    play(&mut breaker, "fffff", now);
    assert_eq!(breaker.standing(), Standing::Open);
    breaker
}

#[test]
fn it_opens_on_what_shows_that_a_region_is_ill_and_on_nothing_else() {
    for (history, standing) in [
        ("", Standing::Closed),
        ("gggg gggg gggg gggg gggg gggg", Standing::Closed),
        ("ffff", Standing::Closed),
        ("fffff", Standing::Open),
        ("ffff g ffff", Standing::Closed),
        ("uuuu uuuu uuuu", Standing::Closed),
        ("ff uu ff u f", Standing::Open),
        ("FFFFF", Standing::Open),
        ("FFFF G FFFF", Standing::Closed),
        // A region that says what became of things but takes nothing new.
        ("f G f G f G f G f", Standing::Open),
        // Flapping.
        ("gf gf gf gf gf gf gf gf gf gf", Standing::Open),
        ("ggf ggf ggf ggf ggf ggf ggf ggf ggf", Standing::Closed),
        ("gf gf gf gf gf gf gf gf gf", Standing::Closed),
        // Slow.
        ("sssss sssss sssss ssss", Standing::Closed),
        ("sssss sssss sssss sssss", Standing::Open),
        // Lying.
        ("l l", Standing::Closed),
        ("l l l", Standing::Open),
        ("l gggg gggg l gggg l", Standing::Open),
    ] {
        let mut breaker = breaker();
        play(&mut breaker, history, Instant::now());
        assert_eq!(breaker.standing(), standing, "{history}");
    }
}

#[test]
fn lies_long_ago_are_forgotten_and_may_be_allowed() {
    let now = Instant::now();
    let mut forgetful = breaker();
    play(&mut forgetful, &format!("ll{}l", "g".repeat(64)), now);
    assert_eq!(forgetful.standing(), Standing::Closed);
    let mut patient = Breaker::new(Settings { lies: 0, ..breaker().settings });
    play(&mut patient, &"l".repeat(100), now);
    assert_eq!(patient.standing(), Standing::Closed);
}

#[test]
fn an_open_one_lets_nothing_through_until_its_time() {
    let now = Instant::now();
    let mut breaker = open(now);
    let last = now + OPEN_FOR - Duration::from_millis(1);
    assert_eq!(breaker.ask(Call::Fresh, last), None);
    assert_eq!(breaker.ask(Call::FollowUp, last), None);
    assert!(breaker.ask(Call::FollowUp, now + OPEN_FOR).is_some());
}

#[test]
fn what_risks_nothing_goes_first() {
    let now = Instant::now();
    let mut breaker = open(now);
    let half = now + OPEN_FOR;
    assert_eq!(breaker.ask(Call::Fresh, half), None);
    let question = breaker.ask(Call::FollowUp, half).expect("leave");
    assert_eq!(breaker.ask(Call::Fresh, half), None, "the region has not spoken yet");
    breaker.ended(question, Ending::Good, half);
    assert_eq!(breaker.standing(), Standing::HalfOpen, "it spoke, which does not show that it works");
    play(&mut breaker, "ggg", half);
    assert_eq!(breaker.standing(), Standing::Closed);
}

#[test]
fn where_nothing_is_in_doubt_a_fresh_call_goes_after_a_while() {
    let now = Instant::now();
    let mut breaker = open(now);
    assert!(breaker.ask(Call::Fresh, now + 2 * OPEN_FOR).is_some());
}

#[test]
fn a_half_open_one_lets_only_a_few_through_at_once() {
    let now = Instant::now();
    let mut breaker = open(now);
    let later = now + 2 * OPEN_FOR;
    let mut out: Vec<Leave> = (0..3).map(|_| breaker.ask(Call::Fresh, later).expect("leave")).collect();
    assert_eq!(breaker.ask(Call::Fresh, later), None);
    assert_eq!(breaker.ask(Call::FollowUp, later), None);
    breaker.ended(out.remove(0), Ending::Unsaid, later);
    assert!(breaker.ask(Call::Fresh, later).is_some(), "a place that was given back is free again");
}

#[test]
fn each_opening_lasts_longer_until_the_region_is_steady() {
    let mut now = Instant::now();
    let mut breaker = open(now);
    for seconds in [1, 2, 4, 8, 16, 30, 30] {
        now += Duration::from_secs(seconds);
        assert_eq!(breaker.ask(Call::FollowUp, now - Duration::from_millis(1)), None, "{seconds}");
        play(&mut breaker, "F", now);
        assert_eq!(breaker.standing(), Standing::Open);
    }
    now += 2 * AT_MOST;
    play(&mut breaker, &format!("ggg{}fffff", "g".repeat(64)), now);
    assert!(breaker.ask(Call::FollowUp, now + OPEN_FOR).is_some(), "as if it were the first time");
}

#[test]
fn what_left_before_it_opened_says_nothing_later() {
    let now = Instant::now();
    let mut breaker = breaker();
    let early = [Call::Fresh; 3].map(|call| breaker.ask(call, now).expect("leave"));
    play(&mut breaker, "fffff", now);
    let later = now + 2 * OPEN_FOR;
    assert!(!breaker.holds(&early[0]), "what has not been sent yet is not sent");
    let probe = breaker.ask(Call::FollowUp, later).expect("leave");
    for leave in early {
        breaker.ended(leave, Ending::Failed, later);
    }
    assert_eq!(breaker.standing(), Standing::HalfOpen);
    assert!(breaker.holds(&probe));
}

/// What chance does to a breaker: wait, ask, or end the oldest call that is out.
#[derive(Clone, Debug)]
enum Step {
    Wait(u64),
    Ask(Call),
    End(Ending),
    Lie,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let call = prop_oneof![Just(Call::Fresh), Just(Call::FollowUp)];
    let ending = prop_oneof![1 => Just(Ending::Good), 1 => Just(Ending::Slow), 4 => Just(Ending::Failed), 1 => Just(Ending::Unsaid)];
    let step = prop_oneof![
        1 => (0..3_000_u64).prop_map(Step::Wait),
        4 => call.prop_map(Step::Ask),
        4 => ending.prop_map(Step::End),
        1 => Just(Step::Lie),
    ];
    proptest::collection::vec(step, 0..200)
}

proptest! {
    #[test]
    fn whatever_happened_a_region_that_is_well_again_is_soon_asked_as_before(steps in steps()) {
        let mut now = Instant::now();
        let mut breaker = breaker();
        let mut out = std::collections::VecDeque::new();
        for step in steps {
            match step {
                Step::Wait(milliseconds) => now += Duration::from_millis(milliseconds),
                Step::Ask(call) => out.extend(breaker.ask(call, now)),
                Step::End(ending) => {
                    if let Some(leave) = out.pop_front() {
                        breaker.ended(leave, ending, now);
                    }
                }
                Step::Lie => {
                    breaker.lied(now);
                }
            }
            if let State::HalfOpen(probing) = &breaker.state {
                prop_assert!(probing.out <= 3, "{probing:?}");
            }
        }
        for leave in out {
            breaker.ended(leave, Ending::Unsaid, now);
        }
        now += AT_MOST + OPEN_FOR;
        for _ in 0..3 {
            let leave = breaker.ask(Call::Fresh, now).expect("leave");
            breaker.ended(leave, Ending::Good, now);
        }
        prop_assert_eq!(breaker.standing(), Standing::Closed);
    }

    #[test]
    fn a_dead_region_is_asked_ever_more_rarely(seconds in 1..600_u64) {
        let begun = Instant::now();
        let mut breaker = breaker();
        let mut asked = 0_u64;
        for tick in 0..seconds * 10 {
            let now = begun + Duration::from_millis(tick * 100);
            while let Some(leave) = breaker.ask(Call::Fresh, now) {
                breaker.ended(leave, Ending::Failed, now);
                asked += 1;
            }
        }
        prop_assert!(asked <= 5 + 6 + seconds / 30, "asked {asked} times in {seconds} s");
    }
}
