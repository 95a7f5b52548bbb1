//! Which pool insures the patient, as messages say it: `insuplc_admdvs` of the envelope and of the node. Some clients put
//! the hospital's own region into every envelope and the patient's only into the node, so the node wins
//! (his-interface.md section 6, 1).

use settlement::ids::{PoolCode, RegionCode};
use settlement::refusal::Refusal;

use crate::edge::{Call, Edge};
use crate::envelope::unknown_region;
use crate::node::Node;

/// The region that a node names; the outer option is none only where there is a fault.
pub fn told(node: &Node<'_>) -> Option<Option<RegionCode>> {
    let Some(code) = node.aside(&["insuplc_admdvs"]) else { return Some(None) };
    match RegionCode::new(&code) {
        Ok(region) => Some(Some(region)),
        Err(_) => {
            node.sheet().fault(unknown_region(&code));
            None
        }
    }
}

/// The pool at registration: the node's, else the envelope's, else the hospital's own.
///
/// # Errors
/// When the code is none, or pools nobody.
pub fn at_registration(edge: &Edge, call: &Call, told: Option<RegionCode>) -> Result<PoolCode, Refusal> {
    told.or(call.envelope.insured).map_or(Ok(call.institution.pool), |code| edge.pool_of(code))
}

/// The pool at settlement where the message names one that counts: the node's, or the envelope's where it is not just the
/// hospital's own. None leaves it at what the registration said.
///
/// # Errors
/// When the code is none, or pools nobody.
pub fn at_settlement(edge: &Edge, call: &Call, told: Option<RegionCode>) -> Result<Option<PoolCode>, Refusal> {
    if let Some(code) = told {
        return edge.pool_of(code).map(Some);
    }
    let envelope = call.envelope.insured.map(|code| edge.pool_of(code)).transpose()?;
    Ok(envelope.filter(|pool| *pool != call.institution.pool))
}
