//! What letters say of clearing, on the wire. What there is to be told, and when, is for [`ledger::hub::Told`].

use std::sync::Arc;

use bytes::Bytes;
use ledger::clock::Clock;
use ledger::hub::{News, Telling, Told};
use prost::Message;
use proto::v1;
use settlement::region::RegionTable;

/// How a hub tells regions of clearing.
pub fn telling(regions: Arc<RegionTable>, clock: Clock) -> Telling {
    Telling { regions, write: |told| Bytes::from(write(told).encode_to_vec()), clock }
}

fn write(told: &Told) -> v1::ClearingNews {
    let Told { pair, month, news } = told;
    let of = |what: &str| v1::ClearingNews {
        what: what.to_owned(),
        home: pair.home.to_string(),
        treatment: pair.treatment.to_string(),
        month: month.map(|month| month.to_string()).unwrap_or_default(),
        ..v1::ClearingNews::default()
    };
    match news {
        News::Statement { version, due } => {
            v1::ClearingNews { version: *version, amount: due.fen(), ..of("statement") }
        }
        News::Objection { version, side, settlements } => v1::ClearingNews {
            version: *version,
            side: side.word().into(),
            settlements: *settlements,
            ..of("objection")
        },
        News::Notice { insurance, version, due } => v1::ClearingNews {
            insurance: insurance.word().into(),
            version: *version,
            amount: due.fen(),
            ..of("notice")
        },
        News::Acceptance { insurance, side, step: _, is_settled } => v1::ClearingNews {
            insurance: insurance.word().into(),
            side: side.word().into(),
            standing: if *is_settled { "settled" } else { "accepted" }.into(),
            ..of("acceptance")
        },
        News::Closed => of("closed"),
        News::Deduction { id, settlement, step: _, standing, taken } => v1::ClearingNews {
            id: id.clone(),
            settlement: settlement.to_string(),
            standing: standing.word().into(),
            amount: taken.fen(),
            ..of("deduction")
        },
        News::CorrectionMoved { batch, settlement, step: _, way, moves } => v1::ClearingNews {
            id: batch.clone(),
            settlement: settlement.to_string(),
            standing: way.word().into(),
            amount: moves.fen(),
            ..of("correction-moved")
        },
        News::Prefund { insurance, id, kind, amount, step: _, standing } => v1::ClearingNews {
            insurance: insurance.word().into(),
            id: id.clone(),
            kind: kind.word().into(),
            standing: standing.word().into(),
            amount: amount.fen(),
            ..of("prefund")
        },
        News::PrefundUse { insurance, turn: _, watch, usage } => v1::ClearingNews {
            insurance: insurance.word().into(),
            standing: watch.word().into(),
            prefund: usage.prefund.fen(),
            outstanding: usage.outstanding.fen(),
            ..of("prefund-use")
        },
    }
}
