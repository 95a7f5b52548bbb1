//! The hub's health as JSON: for `/health`, which an operator reads, and which decides nothing. Called by
//! [`super::Watch`].

use broker::Health;
use broker::directory::Fallen;
use broker::health::HomeHealth;
use serde_json::{Value, json};

/// The page of a hub that can say how it is.
pub fn page(health: &Health) -> Value {
    json!({
        "alive": true,
        "unanswered": health.unanswered,
        "oldest_unanswered": health.oldest_unanswered.map(|since| since.to_string()),
        "in_flight": health.in_flight,
        "calendar_lacks": health.calendar_lacks,
        "homes": health.homes.iter().map(home).collect::<Vec<_>>(),
    })
}

fn home(home: &HomeHealth) -> Value {
    json!({
        "home": home.name,
        "answers": home.answers,
        "breaker": home.operations.word(),
        "breaker_for_questions": home.questions.word(),
        "in_flight": home.in_flight,
        "unanswered": home.unanswered,
        "book_fell": home.book_fell.map(|Fallen { from, to }| json!({ "from": from, "to": to })),
        "last_lie": home.last_lie.map(|last| json!({ "kind": last.lie.word(), "at": last.at.to_string() })),
    })
}

#[cfg(test)]
mod tests {
    use broker::breaker::Standing;
    use broker::directory::LastLie;
    use broker::lie::Lie;

    use super::*;

    #[test]
    fn a_region_that_is_ill_is_seen() {
        let home = HomeHealth {
            name: "410700".into(),
            answers: false,
            operations: Standing::Open,
            questions: Standing::Closed,
            in_flight: 2,
            unanswered: 7,
            book_fell: Some(Fallen { from: 9, to: 7 }),
            last_lie: Some(LastLie { lie: Lie::WrongSums, at: jiff::Timestamp::UNIX_EPOCH }),
        };
        let health = Health {
            unanswered: 7,
            oldest_unanswered: None,
            in_flight: 2,
            homes: vec![home],
            calendar_lacks: Some(2027),
        };
        let page = page(&health);
        for (pointer, value) in [
            ("/alive", json!(true)),
            ("/calendar_lacks", json!(2027)),
            ("/homes/0/breaker", json!("open")),
            ("/homes/0/breaker_for_questions", json!("closed")),
            ("/homes/0/unanswered", json!(7)),
            ("/homes/0/book_fell", json!({ "from": 9, "to": 7 })),
            ("/homes/0/last_lie/kind", json!("wrong-sums")),
        ] {
            assert_eq!(page.pointer(pointer), Some(&value), "{pointer}");
        }
    }
}
