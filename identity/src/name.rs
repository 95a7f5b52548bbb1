//! The name that a certificate carries, `yidi://<code>/<role>`: one for each part that a participant plays in a
//! region. A name says nothing about being trusted; [`crate::peer::Peer`] does. Used by everything in this crate and
//! by `yidi pki issue`.

use std::fmt;
use std::str::FromStr;

use settlement::ids::{IdError, RegionCode};

const SCHEME: &str = "yidi://";
const ALL_REGIONS: &str = "000000";

/// The part that a participant plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Acts for the institutions of a pool.
    Treatment,
    /// Answers for the enrollees of a pool.
    Home,
    /// The clearing hub.
    Hub,
    /// A person or program that operates the hub, for one pool or for all.
    Operator,
    /// Reads and changes nothing.
    Auditor,
}

impl Role {
    /// Every role.
    pub const ALL: [Role; 5] = [Role::Treatment, Role::Home, Role::Hub, Role::Operator, Role::Auditor];

    /// The word used in names.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Treatment => "treatment",
            Role::Home => "home",
            Role::Hub => "hub",
            Role::Operator => "operator",
            Role::Auditor => "auditor",
        }
    }

    fn may_have(self, code: RegionCode) -> bool {
        let every = code == all_regions();
        match self {
            Role::Treatment | Role::Home => !every,
            Role::Hub => every,
            Role::Operator | Role::Auditor => true,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The code `000000`: the hub itself, and for an operator or auditor every region.
pub fn all_regions() -> RegionCode {
    RegionCode::new(ALL_REGIONS).expect("six digits")
}

/// One part that a participant plays, with the region that it plays it for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ParticipantName {
    code: RegionCode,
    role: Role,
}

/// Why a text or a pair is not a participant's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Not of the form `yidi://<code>/<role>`.
    #[error("{0} is not of the form yidi://<code>/<role>")]
    Form(String),
    /// The code is not a region's.
    #[error("the code in {0} is not a region's")]
    Code(String, #[source] IdError),
    /// The role is not one that we know.
    #[error("the role in {0} is not one of treatment, home, hub, operator, auditor")]
    Role(String),
    /// The role never goes with this code.
    #[error("{role} does not go with {code}: the hub is 000000, a treatment or home region is not")]
    Pair {
        /// The region.
        code: RegionCode,
        /// The role.
        role: Role,
    },
}

impl ParticipantName {
    /// Names a role in a region.
    ///
    /// # Errors
    /// When the two do not go together: the hub is `000000`, a treatment or home region never is.
    pub fn new(code: RegionCode, role: Role) -> Result<ParticipantName, NameError> {
        if role.may_have(code) { Ok(ParticipantName { code, role }) } else { Err(NameError::Pair { code, role }) }
    }

    /// The hub's name.
    pub fn hub() -> ParticipantName {
        ParticipantName { code: all_regions(), role: Role::Hub }
    }

    /// The region.
    pub fn code(self) -> RegionCode {
        self.code
    }

    /// The role.
    pub fn role(self) -> Role {
        self.role
    }
}

impl fmt::Display for ParticipantName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}/{}", self.code, self.role)
    }
}

impl FromStr for ParticipantName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<ParticipantName, NameError> {
        let (code, role) = text
            .strip_prefix(SCHEME)
            .and_then(|rest| rest.split_once('/'))
            .ok_or_else(|| NameError::Form(text.to_owned()))?;
        let code = RegionCode::new(code).map_err(|error| NameError::Code(text.to_owned(), error))?;
        let role = Role::ALL
            .into_iter()
            .find(|known| known.as_str() == role)
            .ok_or_else(|| NameError::Role(text.to_owned()))?;
        ParticipantName::new(code, role)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_reads_back_as_it_was_written() {
        for text in [
            "yidi://310000/treatment",
            "yidi://410700/home",
            "yidi://000000/hub",
            "yidi://000000/operator",
            "yidi://440300/auditor",
        ] {
            let name: ParticipantName = text.parse().unwrap();
            assert_eq!(name.to_string(), text);
        }
    }

    #[test]
    fn what_is_not_a_name_is_refused() {
        for text in [
            "",
            "https://310000/treatment",
            "yidi://310000",
            "yidi://31000/treatment",
            "yidi://310000/Treatment",
            "yidi://310000/treatment/",
            "yidi://310000/",
            "yidi://410700/hub",
            "yidi://000000/home",
            "yidi://000000/treatment",
        ] {
            assert!(text.parse::<ParticipantName>().is_err(), "{text}");
        }
    }
}
