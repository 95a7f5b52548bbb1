//! The border between processes: the messages of `yidi/v1`, and conversion between them and the domain's types.
//! No rule lives here. A conversion names every field that is missing or malformed; what it lets through is valid.
//!
//! | look in | for |
//! |---|---|
//! | [`v1`] | generated messages and services |
//! | [`convert`] | wire ↔ domain, one file a concept |
//! | [`page`] | how much of a list one message carries |
//! | [`status`] | refusals ↔ gRPC |

pub mod convert;
pub mod page;
pub mod status;

/// Messages and services of package `yidi.v1`.
#[allow(missing_docs, clippy::all, clippy::pedantic, clippy::wildcard_enum_match_arm)]
pub mod v1 {
    tonic::include_proto!("yidi.v1");
}
