//! Which member clears for a pool: as the table of regions says by now, or as it was when a period was stated. A table that
//! is edited while a period is not closed yet would else have the same money stated, and paid, between two pairs.

use std::collections::BTreeMap;
use std::sync::Arc;

use settlement::ids::{MemberCode, PoolCode};
use settlement::region::RegionTable;

/// Says which member clears for a pool.
pub trait Members {
    /// The member. A pool that nothing is known of is its own, so that its money is shown rather than lost.
    fn member_for(&self, pool: PoolCode) -> MemberCode;
}

impl Members for RegionTable {
    fn member_for(&self, pool: PoolCode) -> MemberCode {
        self.member_of(pool).unwrap_or(MemberCode(pool.0))
    }
}

impl<M: Members> Members for &M {
    fn member_for(&self, pool: PoolCode) -> MemberCode {
        (**self).member_for(pool)
    }
}

impl<M: Members> Members for Arc<M> {
    fn member_for(&self, pool: PoolCode) -> MemberCode {
        (**self).member_for(pool)
    }
}

/// The members of a period.
#[derive(Clone, Debug)]
pub struct PeriodMembers<M> {
    recorded: BTreeMap<PoolCode, MemberCode>,
    by_now: M,
}

impl<M: Members> PeriodMembers<M> {
    /// What was recorded when the period was stated, and for every other pool what is so by now.
    pub fn new(recorded: BTreeMap<PoolCode, MemberCode>, by_now: M) -> PeriodMembers<M> {
        PeriodMembers { recorded, by_now }
    }

    /// The pools of which it was recorded.
    pub fn recorded(&self) -> impl Iterator<Item = PoolCode> {
        self.recorded.keys().copied()
    }
}

impl<M: Members> Members for PeriodMembers<M> {
    fn member_for(&self, pool: PoolCode) -> MemberCode {
        self.recorded.get(&pool).copied().unwrap_or_else(|| self.by_now.member_for(pool))
    }
}

#[cfg(test)]
mod tests {
    use settlement::ids::RegionCode;

    use super::*;

    #[test]
    fn what_was_recorded_stays_whatever_the_table_says_by_now() {
        let code = |code: &str| RegionCode::new(code).expect("a code");
        let table = "code,name,level,pool,member\n419001,济源市,pool,419001,419001\n410700,新乡市,pool,410700,410000\n\
            410000,河南省,province,,410000\n";
        let table = RegionTable::from_csv(table).expect("a table");
        let recorded = BTreeMap::from([(PoolCode(code("419001")), MemberCode(code("410000")))]);
        let members = PeriodMembers::new(recorded, &table);
        for (pool, by_now, in_period) in
            [("419001", "419001", "410000"), ("410700", "410000", "410000"), ("310000", "310000", "310000")]
        {
            let pool = PoolCode(code(pool));
            let found = (table.member_for(pool), members.member_for(pool));
            assert_eq!(found, (MemberCode(code(by_now)), MemberCode(code(in_period))), "{pool}");
        }
    }
}
