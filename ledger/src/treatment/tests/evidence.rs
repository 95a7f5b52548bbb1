//! Evidence is never changed or removed, whoever asks.

use super::*;
use crate::testing::append_only::all_is_append_only_but;

promises! {
    evidence_is_never_changed_or_removed;
}

/// Hints that may be lost: what was estimated last, what was last heard of a person and who is signed in; and how far
/// the numbers have been given out. The digests can be made again from the leaves.
const CHANGING: [&str; 10] = [
    "estimates",
    "numbers",
    "people",
    "sign_ins",
    "buckets",
    "folds",
    "roots",
    "new_leaves",
    "stale_roots",
    "unfolded",
];

async fn evidence_is_never_changed_or_removed(place: Place) {
    all_is_append_only_but(&CHANGING, &place.store().engine, place.database.as_ref()).await;
}
