//! The table of regions: which pool and which clearing member every administrative code belongs to.
//! A table, never arithmetic on digits: districts, provincial units and counties run by a province break every
//! rule of the digits (design.md section 10).

use std::collections::HashMap;

use crate::ids::{MemberCode, PoolCode, RegionCode};

/// One row of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region {
    /// The administrative code.
    pub code: RegionCode,
    /// Its Chinese name.
    pub name: String,
    /// The pool that insures people and holds contracts there; none for a province whose cities pool.
    pub pool: Option<PoolCode>,
    /// The member that clears for it across provinces.
    pub member: MemberCode,
}

/// The table of regions.
#[derive(Clone, Debug, Default)]
pub struct RegionTable {
    by_code: HashMap<RegionCode, Region>,
}

/// A row that cannot be read, with its line in the file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct RegionFault {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub problem: String,
}

impl RegionTable {
    /// Reads the table from CSV text with the columns `code,name,level,pool,member`; lines that start with `#` are
    /// comments.
    ///
    /// # Errors
    /// Every row that cannot be read, and every pool that has no row of its own.
    pub fn from_csv(text: &str) -> Result<RegionTable, Vec<RegionFault>> {
        let mut table = RegionTable::default();
        let mut faults = Vec::new();
        let rows = text.lines().enumerate().filter(|(_, row)| !row.starts_with('#') && !row.trim().is_empty()).skip(1);
        for (index, row) in rows {
            match read_row(row) {
                Ok(region) => {
                    if table.by_code.insert(region.code, region).is_some() {
                        faults.push(RegionFault { line: index + 1, problem: "the code stands twice".into() });
                    }
                }
                Err(problem) => faults.push(RegionFault { line: index + 1, problem }),
            }
        }
        for region in table.by_code.values() {
            if let Some(pool) = region.pool.filter(|pool| !table.by_code.contains_key(&pool.0)) {
                faults.push(RegionFault {
                    line: 0,
                    problem: format!("{} names pool {pool}, which has no row", region.code),
                });
            }
        }
        if faults.is_empty() { Ok(table) } else { Err(faults) }
    }

    /// A region's row.
    pub fn get(&self, code: RegionCode) -> Option<&Region> {
        self.by_code.get(&code)
    }

    /// The pool that a code belongs to.
    pub fn pool_of(&self, code: RegionCode) -> Option<PoolCode> {
        self.get(code)?.pool
    }

    /// The member that clears for a pool.
    pub fn member_of(&self, pool: PoolCode) -> Option<MemberCode> {
        Some(self.get(pool.0)?.member)
    }

    /// Whether it is the member that clears for some region.
    pub fn is_member(&self, member: MemberCode) -> bool {
        self.iter().any(|region| region.member == member)
    }

    /// The name of a region, or its digits where the table does not have it.
    pub fn name_of(&self, code: RegionCode) -> String {
        self.get(code).map_or_else(|| code.to_string(), |region| region.name.clone())
    }

    /// Whether a filing's destination takes in an area: the same code, the area's pool, or its province
    /// (policy.md A.3: a city, a municipality, or a whole province where the home allows it).
    pub fn covers(&self, destination: RegionCode, area: RegionCode) -> bool {
        destination == area
            || self.get(area).is_some_and(|region| {
                region.pool.is_some_and(|pool| pool.0 == destination) || region.member.0 == destination
            })
    }

    /// Every region, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Region> {
        self.by_code.values()
    }
}

fn read_row(row: &str) -> Result<Region, String> {
    let cells: Vec<&str> = row.split(',').map(str::trim).collect();
    let [code, name, _level, pool, member] = cells[..] else {
        return Err(format!("has {} columns, not 5", cells.len()));
    };
    let region = |column: &str, text: &str| RegionCode::new(text).map_err(|fault| format!("{column} {fault}"));
    Ok(Region {
        code: region("code", code)?,
        name: name.to_owned(),
        pool: if pool.is_empty() { None } else { Some(PoolCode(region("pool", pool)?)) },
        member: MemberCode(region("member", member)?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "# a comment\ncode,name,level,pool,member\n\
        310000,上海市,pool,310000,310000\n310101,黄浦区,county,310000,310000\n\
        410000,河南省,province,,410000\n410700,新乡市,pool,410700,410000\n\
        410799,新乡市本级,unit,410700,410000\n419001,济源市,county,419001,410000\n";

    fn code(text: &str) -> RegionCode {
        RegionCode::new(text).expect("six digits")
    }

    #[test]
    fn pool_and_member_come_from_the_table() {
        let table = RegionTable::from_csv(TABLE).expect("a good table");
        for (area, pool, member) in
            [("310101", "310000", "310000"), ("410799", "410700", "410000"), ("419001", "419001", "410000")]
        {
            let pool = PoolCode(code(pool));
            assert_eq!(table.pool_of(code(area)), Some(pool), "{area}");
            assert_eq!(table.member_of(pool), Some(MemberCode(code(member))), "{area}");
        }
        assert_eq!(table.pool_of(code("410000")), None, "a province whose cities pool has no pool");
        assert_eq!(table.pool_of(code("999999")), None);
        for (region, is_member) in [("410000", true), ("310000", true), ("410700", false), ("999999", false)] {
            assert_eq!(table.is_member(MemberCode(code(region))), is_member, "{region}");
        }
    }

    #[test]
    fn a_destination_covers_its_districts_and_a_province_its_cities() {
        let table = RegionTable::from_csv(TABLE).expect("a good table");
        for (destination, area, covered) in [
            ("310000", "310101", true),
            ("310101", "310101", true),
            ("410000", "410700", true),
            ("410000", "419001", true),
            ("410700", "419001", false),
            ("310000", "410700", false),
        ] {
            assert_eq!(table.covers(code(destination), code(area)), covered, "{destination} over {area}");
        }
    }

    #[test]
    fn every_bad_row_is_reported_with_its_line() {
        let faults =
            RegionTable::from_csv("code,name,level,pool,member\n31,x,pool,310000,310000\na,b\n").expect_err("faults");
        assert_eq!(faults.iter().map(|fault| fault.line).collect::<Vec<_>>(), [2, 3]);
    }
}
