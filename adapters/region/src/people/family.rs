//! `family.csv`, which a folder may lack: relatives' accounts that may pay for a person (家庭共济), in the order of their
//! use. An owner whom another node insures is kept too: a desk is told that the account cannot pay here.

use std::collections::BTreeSet;

use settlement::account::{AccountOf, SharedAccount};
use settlement::ids::{PersonNumber, PoolCode, RegionCode};
use settlement::person::Insurance;
use settlement::region::RegionTable;

use super::{Known, Reading, Whose, person_of};
use crate::sheet::Row;

const FILE: &str = "family.csv";
const COLUMNS: &[&str] = &["psn_no", "owner", "owner_home", "insurance", "from", "to"];

impl Reading<'_> {
    pub(super) fn family(&mut self) {
        if !self.folder.join(FILE).exists() {
            return;
        }
        let (regions, pools) = (self.regions, self.pools);
        let rows = self.sheet(FILE, (COLUMNS, &[]), |row| read(row, regions, pools));
        for (whose, shared) in &rows {
            let Some(problem) = self.owner_is_wrong(whose, shared) else { continue };
            self.fault(FILE, whose.line, "owner", problem);
        }
        self.attach(FILE, rows, |facts, shared| facts.family.push(shared));
    }

    /// Why a row's owner cannot be who the row says.
    fn owner_is_wrong(&self, whose: &Whose, shared: &SharedAccount) -> Option<&'static str> {
        let AccountOf { owner, pool, insurance: _ } = &shared.account;
        if whose.person.as_ref() == Some(owner) {
            return Some("is the person: the own account pays first anyway");
        }
        match self.people.get(owner) {
            Some(Known::Own(enrollee, _)) if enrollee.facts.home == *pool => None,
            Some(Known::Own(..)) => Some("is insured by another pool than owner_home"),
            Some(Known::Other) | None if shared.kept_here => Some("is nobody of owner_home in people.csv"),
            Some(Known::Other) | None => None,
        }
    }
}

fn read(row: &mut Row<'_>, regions: &RegionTable, pools: &BTreeSet<PoolCode>) -> Option<(Whose, SharedAccount)> {
    let mut whose = person_of(row);
    let owner = row.id("owner", PersonNumber::new);
    let home = row.id("owner_home", RegionCode::new);
    let pool = home.and_then(|code| regions.pool_of(code));
    if home.is_some() && pool.is_none() {
        row.fault("owner_home", "is no pool of the table of regions");
    }
    let insurance = row.word("insurance", Insurance::from_word);
    let validity = row.validity("from", "to");
    let kept_here = pool.is_some_and(|pool| pools.contains(&pool));
    // Which pools a node answers for is no cell of the row.
    whose.content.push_str(if kept_here { "\u{1f}here" } else { "\u{1f}elsewhere" });
    let account = AccountOf { owner: owner?, pool: pool?, insurance: insurance? };
    Some((whose, SharedAccount { account, kept_here, validity: validity? }))
}
