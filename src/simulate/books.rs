//! Questions about books over the simulated network: a home region's as the hub asks for it, the hub's as a treatment
//! side does. Each is told what its certificate admits, and nobody signs anything. Used by [`super::quarter`].

use std::pin::Pin;
use std::time::Duration;

use identity::permit::TreatmentPermit;
use ledger::hub::HubStore;
use proto::status::NoReply;
use proto::v1;
use reconciliation::answering::Answering;
use reconciliation::port::BookPort;

use super::network::{SimulatedHome, Way};

type Call<'a, T> = Pin<Box<dyn Future<Output = Result<T, NoReply>> + Send + 'a>>;

/// A question that a home region answers about its pools.
macro_rules! of_home {
    ($port:ident, $request:ident, $patience:ident, $question:ident) => {
        Box::pin($port.way.call($patience, move |door| {
            let request = $request.clone();
            Box::pin(async move {
                let book = Answering::new(door.store.clone());
                book.$question(&request, |branch| door.pools.contains(&branch.home)).await
            })
        }))
    };
}

impl BookPort for SimulatedHome {
    fn roots(&self, request: v1::RootsRequest, patience: Duration) -> Call<'_, v1::RootsReply> {
        of_home!(self, request, patience, roots)
    }

    fn inside(&self, request: v1::InsideRequest, patience: Duration) -> Call<'_, v1::InsideReply> {
        of_home!(self, request, patience, inside)
    }

    fn facts(&self, request: v1::FactsRequest, patience: Duration) -> Call<'_, v1::FactsReply> {
        of_home!(self, request, patience, facts)
    }
}

/// The hub's book, as a treatment side reaches it.
pub struct HubBook {
    /// The way there.
    pub way: Way<broker::door::Door>,
    /// The book.
    pub store: HubStore,
    /// The treatment side's permit.
    pub permit: TreatmentPermit,
}

/// A question that the hub answers about the permit's pools.
macro_rules! of_hub {
    ($port:ident, $request:ident, $patience:ident, $question:ident) => {{
        let (store, permit) = ($port.store.clone(), $port.permit.clone());
        Box::pin($port.way.call($patience, move |_| {
            let (store, permit, request) = (store.clone(), permit.clone(), $request.clone());
            Box::pin(async move {
                Answering::new(store).$question(&request, |branch| permit.allows(branch.treatment)).await
            })
        }))
    }};
}

impl BookPort for HubBook {
    fn roots(&self, request: v1::RootsRequest, patience: Duration) -> Call<'_, v1::RootsReply> {
        of_hub!(self, request, patience, roots)
    }

    fn inside(&self, request: v1::InsideRequest, patience: Duration) -> Call<'_, v1::InsideReply> {
        of_hub!(self, request, patience, inside)
    }

    fn facts(&self, request: v1::FactsRequest, patience: Duration) -> Call<'_, v1::FactsReply> {
        of_hub!(self, request, patience, facts)
    }
}
