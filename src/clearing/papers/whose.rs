//! Whose documents an operator may have written. The hub shows an operator the pairs of its own members alone, so that a
//! paper of another member, or of the whole country, would be made of a part and look complete: it is refused, or left
//! out, here. Asked by [`super::write`] and by the documents of prefunds.

use std::collections::BTreeSet;

use anyhow::{Result, bail};
use identity::name::all_regions;
use settlement::ids::{MemberCode, RegionCode};
use settlement::region::RegionTable;

/// Whose documents are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whose {
    /// The members; all that cleared anything where none is named.
    pub members: Option<BTreeSet<MemberCode>>,
    /// Whether everything is seen, so that tables of the whole country are whole.
    pub is_national: bool,
}

impl Whose {
    /// Whose documents a certificate for some regions has written, where one member or none is asked for.
    ///
    /// # Errors
    /// When the one that is asked for is no member, or not of the certificate; when nobody is asked for, and the
    /// certificate is for no member.
    pub fn of(regions: &BTreeSet<RegionCode>, asked: Option<&str>, table: &RegionTable) -> Result<Whose> {
        let members: BTreeSet<MemberCode> = table.iter().map(|region| region.member).collect();
        let is_national = regions.contains(&all_regions());
        let own: BTreeSet<MemberCode> = members.iter().copied().filter(|member| regions.contains(&member.0)).collect();
        let named = own.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let told = if named.is_empty() { "no member".to_owned() } else { named };
        let Some(asked) = asked else {
            if own.is_empty() && !is_national {
                bail!("the certificate speaks for no member of the table of regions (--credentials)");
            }
            return Ok(Whose { members: (!is_national).then_some(own), is_national });
        };
        let member = match RegionCode::new(asked).map(MemberCode) {
            Ok(member) if members.contains(&member) => member,
            Ok(_) => bail!("--member {asked} is no member: the table of regions has none of that code"),
            Err(fault) => bail!("--member {asked} {fault}"),
        };
        if !is_national && !own.contains(&member) {
            bail!(
                "--member {asked} is not for this certificate, which speaks for {told}: its papers would be made of a part"
            );
        }
        Ok(Whose { members: Some(BTreeSet::from([member])), is_national })
    }

    /// Whether a member's documents are among them.
    pub fn has(&self, member: MemberCode) -> bool {
        self.members.as_ref().is_none_or(|members| members.contains(&member))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REGIONS: &str = "code,name,level,pool,member\n310000,上海市,pool,310000,310000\n\
        410000,河南省,province,,410000\n410700,新乡市,pool,410700,410000\n";

    fn whose(regions: &[&str], asked: Option<&str>) -> Result<Whose> {
        let table = RegionTable::from_csv(REGIONS).expect("a table");
        let regions = regions.iter().map(|code| RegionCode::new(code).expect("a code")).collect();
        Whose::of(&regions, asked, &table)
    }

    #[test]
    fn a_certificate_has_its_own_members_papers_written_and_no_others() {
        let member = |code: &str| MemberCode(RegionCode::new(code).expect("a code"));
        let of = |code: &str, is_national| Whose { members: Some(BTreeSet::from([member(code)])), is_national };
        assert_eq!(whose(&["410000", "410700"], None).expect("its own"), of("410000", false));
        assert_eq!(whose(&["410000"], Some("410000")).expect("its own"), of("410000", false));
        assert_eq!(whose(&["000000"], Some("310000")).expect("any"), of("310000", true));
        assert_eq!(whose(&["000000"], None).expect("all"), Whose { members: None, is_national: true });
        for (regions, asked, wrong) in [
            ("410000", Some("310000"), "--member 310000 is not for this certificate, which speaks for 410000"),
            ("410000", Some("999999"), "--member 999999 is no member"),
            ("000000", Some("999999"), "--member 999999 is no member"),
            ("000000", Some("410700"), "--member 410700 is no member"),
            ("000000", Some("41"), "--member 41 "),
            ("410700", None, "speaks for no member"),
            ("410700", Some("410000"), "which speaks for no member"),
        ] {
            let refused = whose(&[regions], asked).expect_err(wrong).to_string();
            assert!(refused.contains(wrong), "{refused}");
        }
    }
}
