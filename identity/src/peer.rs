//! The participant at the other end of a connection, read once from the certificate that the handshake verified.
//! It grants nothing by itself: handlers ask for a [`crate::permit`]. Made by [`crate::server`] and [`crate::client`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use settlement::ids::PoolCode;

use crate::certificate::{self, CertificateError};
use crate::name::{ParticipantName, Role};

static NO_POOLS: BTreeSet<PoolCode> = BTreeSet::new();

/// A verified participant. Cheap to clone: tonic puts one beside every request.
#[derive(Clone, Debug)]
pub struct Peer(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    names: Vec<ParticipantName>,
    pools: BTreeMap<Role, BTreeSet<PoolCode>>,
    fingerprint: String,
}

impl Peer {
    /// Reads the peer's names. Only for a certificate that a handshake has verified, or our own; hence not public.
    pub(crate) fn from_verified(der: &CertificateDer<'_>) -> Result<Peer, CertificateError> {
        let names = certificate::names(der)?;
        let mut pools: BTreeMap<Role, BTreeSet<PoolCode>> = BTreeMap::new();
        for name in &names {
            pools.entry(name.role()).or_default().insert(PoolCode(name.code()));
        }
        Ok(Peer(Arc::new(Inner { names, pools, fingerprint: certificate::fingerprint(der) })))
    }

    /// Every name in the certificate.
    pub fn names(&self) -> &[ParticipantName] {
        &self.0.names
    }

    /// The certificate's SHA-256, in hexadecimal: what a log or an audit record says of the peer.
    pub fn fingerprint(&self) -> &str {
        &self.0.fingerprint
    }

    pub(crate) fn pools(&self, role: Role) -> &BTreeSet<PoolCode> {
        self.0.pools.get(&role).unwrap_or(&NO_POOLS)
    }
}
