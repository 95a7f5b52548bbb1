//! What is recorded of comparisons that operators ask for, and the letters that go with them.

use super::course::who;
use super::*;
use crate::mailbox::{Letter, Mailbox, Notice, Part};

fn tell(asked: &AskedComparison) -> Notice {
    let (subject, version) = (format!("comparison {}", asked.treatment), asked.number.cast_unsigned());
    let (id, body) = (format!("{subject} {version}"), Bytes::from_static(b"a body"));
    let mailbox = Mailbox { pool: asked.treatment, part: Part::Treatment };
    Notice { mailbox, letter: Letter { id, subject, version, kind: "comparison".into(), body } }
}

pub(super) async fn a_comparison_is_asked_for_with_its_letter_and_its_first_answer_stays(world: World) {
    let (store, days) = (&world.store, (date(2025, 6, 1), date(2025, 6, 2)));
    let ask = async || store.comparison_ask(pool("310000"), days, tell, who()).await.expect("it is asked for");
    let (first, second) = (ask().await, ask().await);
    assert!(first.number < second.number, "each asks anew");
    assert_eq!(store.comparison_asked(first.number).await.expect("the store works"), Some(first.clone()));
    let mailbox = Mailbox { pool: pool("310000"), part: Part::Treatment };
    let waiting = store.mailboxes().letter_take(vec![mailbox.to_string()], at(10), 9).await.expect("letters");
    assert_eq!(waiting.iter().map(|one| one.posted.letter.version).collect::<Vec<_>>(), [first.number.cast_unsigned()]);

    let compared = AskedAnswer::Compared { agreed: 2, breaks: 1, pending: 0 };
    for (number, of, answer, taken) in [
        (first.number, "310000", compared.clone(), true),
        (first.number, "310000", AskedAnswer::Failed("the hub is silent".into()), true),
        (second.number, "440300", compared.clone(), false),
        (second.number, "310000", AskedAnswer::Failed("the hub is silent".into()), true),
        (999, "310000", compared.clone(), false),
    ] {
        let own = move |asked| asked == pool(of);
        let answered = store.comparison_answer(number, own, answer, at(11)).await.expect("the store works");
        assert_eq!(answered, taken, "{number} by {of}");
    }
    for (asked, answer) in [(first, compared), (second, AskedAnswer::Failed("the hub is silent".into()))] {
        let held = store.comparison_asked(asked.number).await.expect("the store works").expect("it was asked for");
        assert_eq!(held.answer, Some(answer));
    }
}
