//! For which pools an operator's certificate speaks, and what it sees. Every service that operators call asks here, so that
//! one certificate may do the same everywhere.

use clearing::listed::Seat;
use clearing::period::Side;
use identity::name::Role;
use identity::permit::OperatorPermit;
use settlement::ids::{PoolCode, RegionCode};
use settlement::refusal::Refusal;
use settlement::region::RegionTable;

use crate::refusing::{not_yours, out_of_scope};

/// The codes whose operators speak for a pool: its own, and that of the member that clears for it.
fn codes(regions: &RegionTable, pool: PoolCode) -> Vec<RegionCode> {
    let member = regions.member_of(pool).map(|member| member.0).filter(|member| *member != pool.0);
    [Some(pool.0), member].into_iter().flatten().collect()
}

/// Whether the caller speaks for a pool: with its certificate, or with that of the member that clears for it. Who operates
/// for every region speaks for none.
pub(crate) fn speaks_for(permit: &OperatorPermit, regions: &RegionTable, pool: PoolCode) -> bool {
    codes(regions, pool).into_iter().any(|code| permit.pools().contains(&PoolCode(code)))
}

/// The same, told to who does not.
///
/// # Errors
/// That it takes a certificate of the pool or of its member.
pub(crate) fn ensure_speaks_for(
    permit: &OperatorPermit,
    regions: &RegionTable,
    (field, pool): (&'static str, PoolCode),
) -> Result<(), Refusal> {
    if speaks_for(permit, regions, pool) {
        return Ok(());
    }
    Err(not_yours(field, Role::Operator, &codes(regions, pool)))
}

/// Whether the caller sees what is a pool's: who speaks for it, and who operates for every region.
pub(crate) fn sees(permit: &OperatorPermit, regions: &RegionTable, pool: PoolCode) -> bool {
    permit.is_for_all() || speaks_for(permit, regions, pool)
}

/// For whom the caller decides about what is a home pool's: for the home region where it speaks for the pool, else for the
/// centre where it operates for every region; nobody else does.
pub(crate) fn home_seat(permit: &OperatorPermit, regions: &RegionTable, home: PoolCode) -> Option<Seat> {
    let speaks = speaks_for(permit, regions, home).then_some(Seat::Member(Side::Home));
    speaks.or_else(|| permit.is_for_all().then_some(Seat::Centre))
}

/// Whether the caller sees what is between two pools.
pub(crate) fn sees_between(
    permit: &OperatorPermit,
    regions: &RegionTable,
    home: PoolCode,
    treatment: PoolCode,
) -> bool {
    [home, treatment].into_iter().any(|pool| sees(permit, regions, pool))
}

/// What is of a region outside the operator's scope is not even shown to exist.
///
/// # Errors
/// That the pool is none that the caller sees.
pub(crate) fn in_scope(
    permit: &OperatorPermit,
    regions: &RegionTable,
    (field, pool): (&'static str, PoolCode),
) -> Result<(), Refusal> {
    if sees(permit, regions, pool) {
        return Ok(());
    }
    Err(out_of_scope(field, &codes(regions, pool)))
}

/// The pools that the caller speaks for, in order; none where it sees all.
pub(crate) fn own(permit: &OperatorPermit, regions: &RegionTable) -> Option<Vec<PoolCode>> {
    if permit.is_for_all() {
        return None;
    }
    // Also one that has left the table: what is its own stays so.
    let pools = regions.iter().filter_map(|region| region.pool).chain(permit.pools().iter().copied());
    let mut own: Vec<PoolCode> = pools.filter(|pool| speaks_for(permit, regions, *pool)).collect();
    own.sort_unstable();
    own.dedup();
    Some(own)
}
