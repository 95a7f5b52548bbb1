//! Pairs of members, as who calls names them. What is asked of one that is recorded is held against the record, so the form
//! is enough, also of a member that has left the table; what nothing is recorded of yet needs two members of the table. Read
//! by [`super::service`] and [`super::prefund_service`].

use clearing::period::{Pair, Side};
use settlement::ids::{MemberCode, RegionCode};
use settlement::refusal::{Reason, Refusal};
use settlement::region::RegionTable;

use crate::refusing::invalid;

/// Reads a pair by its form.
///
/// # Errors
/// Which side is no code.
pub(super) fn read_pair(home: &str, treatment: &str) -> Result<Pair, Refusal> {
    let member = |field, code| RegionCode::new(code).map(MemberCode).map_err(|fault| invalid(field, fault.to_string()));
    Ok(Pair { home: member("home", home)?, treatment: member("treatment", treatment)? })
}

/// That a pair is of two different members of the table.
///
/// # Errors
/// Which side is none, and which member clears for it, if any; or that both are one.
pub(super) fn ensure_members(regions: &RegionTable, pair: &Pair) -> Result<(), Refusal> {
    for side in Side::ALL {
        let MemberCode(code) = pair.member(side);
        if !regions.is_member(MemberCode(code)) {
            let problem = match regions.get(code) {
                Some(region) => format!("{code} is no clearing member: {} clears for it", region.member),
                None => format!("{code} is not in the table of regions: name a clearing member, such as a province"),
            };
            return Err(Refusal::new(Reason::UnknownRegion).of_field(side.word()).because(problem));
        }
    }
    if pair.home == pair.treatment {
        return Err(invalid("treatment", "is the home member itself: name two different members"));
    }
    Ok(())
}
