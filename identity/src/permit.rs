//! Permits: proof, as a type, that the peer of a request may act in a role. Only this file makes them, and only from
//! the certificate of the connection; no message says who speaks. Taken by handlers as their first step.

use std::collections::BTreeSet;

use settlement::ids::PoolCode;
use tonic::{Request, Status};

use crate::credentials::Credentials;
use crate::name::{Role, all_regions};
use crate::peer::Peer;

/// The peer may act for the institutions of its pools.
#[derive(Clone, Debug)]
pub struct TreatmentPermit(Peer);

/// The peer may answer for the enrollees of its pools.
#[derive(Clone, Debug)]
pub struct HomePermit(Peer);

/// The peer is the hub.
#[derive(Clone, Debug)]
pub struct HubPermit(Peer);

/// The peer may open the mailboxes of its pools, in each part that its certificate names.
#[derive(Clone, Debug)]
pub struct MailboxPermit(Peer);

/// The peer may operate the hub, for its pools or for all.
#[derive(Clone, Debug)]
pub struct OperatorPermit(Peer);

impl TreatmentPermit {
    /// Takes the permit from a request's connection.
    ///
    /// # Errors
    /// Permission denied, with the role that is needed, when the peer is no treatment region.
    pub fn from_request<T>(request: &Request<T>) -> Result<TreatmentPermit, Status> {
        peer_with(Role::Treatment, request).map(TreatmentPermit)
    }

    /// The permit that we ourselves would get, for a program that is both ends at once, such as the simulator.
    ///
    /// # Errors
    /// Permission denied, when our certificate is no treatment region's.
    pub fn of_our_own(credentials: &Credentials) -> Result<TreatmentPermit, Status> {
        with_role(Role::Treatment, &credentials.own()).map(TreatmentPermit)
    }

    /// The pools whose institutions the peer acts for; never empty.
    pub fn pools(&self) -> &BTreeSet<PoolCode> {
        self.0.pools(Role::Treatment)
    }

    /// Whether the peer acts for the institutions of this pool.
    pub fn allows(&self, pool: PoolCode) -> bool {
        self.pools().contains(&pool)
    }

    /// Who holds the permit.
    pub fn peer(&self) -> &Peer {
        &self.0
    }
}

impl HomePermit {
    /// Takes the permit from a request's connection.
    ///
    /// # Errors
    /// Permission denied, with the role that is needed, when the peer is no home region.
    pub fn from_request<T>(request: &Request<T>) -> Result<HomePermit, Status> {
        peer_with(Role::Home, request).map(HomePermit)
    }

    /// The pools whose enrollees the peer answers for; never empty.
    pub fn pools(&self) -> &BTreeSet<PoolCode> {
        self.0.pools(Role::Home)
    }

    /// Whether the peer answers for the enrollees of this pool.
    pub fn allows(&self, pool: PoolCode) -> bool {
        self.pools().contains(&pool)
    }

    /// Who holds the permit.
    pub fn peer(&self) -> &Peer {
        &self.0
    }
}

impl HubPermit {
    /// Takes the permit from a request's connection.
    ///
    /// # Errors
    /// Permission denied, with the role that is needed, when the peer is not the hub.
    pub fn from_request<T>(request: &Request<T>) -> Result<HubPermit, Status> {
        peer_with(Role::Hub, request).map(HubPermit)
    }

    /// The permit that we ourselves would get, for a program that is both ends at once, such as the simulator.
    ///
    /// # Errors
    /// Permission denied, when our certificate is not the hub's.
    pub fn of_our_own(credentials: &Credentials) -> Result<HubPermit, Status> {
        with_role(Role::Hub, &credentials.own()).map(HubPermit)
    }

    /// Who holds the permit.
    pub fn peer(&self) -> &Peer {
        &self.0
    }
}

impl MailboxPermit {
    /// Takes the permit from a request's connection.
    ///
    /// # Errors
    /// Permission denied, with the role that is needed, when the peer is neither a home nor a treatment region.
    pub fn from_request<T>(request: &Request<T>) -> Result<MailboxPermit, Status> {
        let role = match request.extensions().get::<Peer>() {
            Some(peer) if !peer.pools(Role::Home).is_empty() => Role::Home,
            Some(_) | None => Role::Treatment,
        };
        peer_with(role, request).map(MailboxPermit)
    }

    /// The permit that we ourselves would get, for a program that is both ends at once, such as the simulator.
    ///
    /// # Errors
    /// Permission denied, when our certificate is neither a home nor a treatment region's.
    pub fn of_our_own(credentials: &Credentials) -> Result<MailboxPermit, Status> {
        let own = credentials.own();
        let role = if own.pools(Role::Home).is_empty() { Role::Treatment } else { Role::Home };
        with_role(role, &own).map(MailboxPermit)
    }

    /// The pools that the peer answers for as a home region.
    pub fn home_pools(&self) -> &BTreeSet<PoolCode> {
        self.0.pools(Role::Home)
    }

    /// The pools that the peer acts for as a treatment region.
    pub fn treatment_pools(&self) -> &BTreeSet<PoolCode> {
        self.0.pools(Role::Treatment)
    }

    /// Who holds the permit.
    pub fn peer(&self) -> &Peer {
        &self.0
    }
}

impl OperatorPermit {
    /// Takes the permit from a request's connection.
    ///
    /// # Errors
    /// Permission denied, with the role that is needed, when the peer is no operator.
    pub fn from_request<T>(request: &Request<T>) -> Result<OperatorPermit, Status> {
        peer_with(Role::Operator, request).map(OperatorPermit)
    }

    /// The pools that the peer operates for. With [`OperatorPermit::is_for_all`] the set says no more than that.
    pub fn pools(&self) -> &BTreeSet<PoolCode> {
        self.0.pools(Role::Operator)
    }

    /// Whether the peer operates for every region.
    pub fn is_for_all(&self) -> bool {
        self.pools().contains(&PoolCode(all_regions()))
    }

    /// Whether the peer operates for this pool.
    pub fn allows(&self, pool: PoolCode) -> bool {
        self.is_for_all() || self.pools().contains(&pool)
    }

    /// Who holds the permit.
    pub fn peer(&self) -> &Peer {
        &self.0
    }
}

/// The peer of a request, if its certificate has the role. What its certificate says goes to the log only; which role is
/// asked for, every peer may know.
fn peer_with<T>(role: Role, request: &Request<T>) -> Result<Peer, Status> {
    let Some(peer) = request.extensions().get::<Peer>() else {
        tracing::error!(%role, "a request came over a listener without mutual TLS, refused");
        return Err(denied(role));
    };
    with_role(role, peer)
}

fn with_role(role: Role, peer: &Peer) -> Result<Peer, Status> {
    if peer.pools(role).is_empty() {
        tracing::warn!(%role, peer = peer.fingerprint(), "a peer asked for what its certificate has no role for");
        return Err(denied(role));
    }
    Ok(peer.clone())
}

fn denied(role: Role) -> Status {
    Status::permission_denied(format!("it takes a certificate with the role {role}: yidi://<code>/{role}"))
}
