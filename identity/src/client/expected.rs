//! Whom we take a server for. Being verified is not enough: a home region's certificate is as genuine as the hub's.
//! Looked at by [`super::connect`] after each handshake.

use std::collections::BTreeSet;

use settlement::ids::PoolCode;

use crate::name::Role;
use crate::peer::Peer;

/// Whom a channel must reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// The hub.
    Hub,
    /// A home region for every one of these pools; one of them missing is one too many.
    HomeOf(BTreeSet<PoolCode>),
}

impl Expected {
    /// What the server's certificate lacks, in words, or nothing.
    pub(super) fn missing_from(&self, peer: &Peer) -> Option<String> {
        match self {
            Expected::Hub => peer.pools(Role::Hub).is_empty().then(|| "the name of the hub".to_owned()),
            Expected::HomeOf(pools) if pools.is_empty() => Some("any pool to be the home of".to_owned()),
            Expected::HomeOf(pools) => pools
                .iter()
                .find(|pool| !peer.pools(Role::Home).contains(pool))
                .map(|pool| format!("the name of the home of {pool}")),
        }
    }
}
