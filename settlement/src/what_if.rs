//! What if …? The same case on another footing: as if a filing of a class had been lodged for it, or none. It shows what a
//! filing is worth and decides nothing. Called by estimates and by case files.

use crate::encounter::{Encounter, Marks};
use crate::filing::{Filing, FilingClass, Proof};
use crate::ids::{FilingId, PersonNumber};
use crate::operation::Settle;
use crate::person::Validity;

/// The footing that is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhatIf {
    /// As if a filing of this class had been lodged in time and with its proof, for this place.
    Filed(FilingClass),
    /// As if there were no filing and the hospital had marked neither emergency nor referral.
    Unfiled,
}

impl WhatIf {
    /// Every footing that can be asked about.
    pub const ALL: [WhatIf; 5] = [
        WhatIf::Filed(FilingClass::LongTerm),
        WhatIf::Filed(FilingClass::Referral),
        WhatIf::Filed(FilingClass::Emergency),
        WhatIf::Filed(FilingClass::OtherTemporary),
        WhatIf::Unfiled,
    ];

    /// What a person can still do something about: three ways of filing, and not filing.
    pub const USUAL: [WhatIf; 4] = [
        WhatIf::Filed(FilingClass::LongTerm),
        WhatIf::Filed(FilingClass::Referral),
        WhatIf::Filed(FilingClass::OtherTemporary),
        WhatIf::Unfiled,
    ];

    /// The word in case files and messages: the class of filing, or `none`.
    pub fn word(self) -> &'static str {
        match self {
            WhatIf::Filed(class) => class.word(),
            WhatIf::Unfiled => "none",
        }
    }

    /// The footing that a word names.
    pub fn from_word(word: &str) -> Option<WhatIf> {
        WhatIf::ALL.into_iter().find(|what_if| what_if.word() == word)
    }

    /// What a desk calls it.
    pub fn name(self) -> &'static str {
        match self {
            WhatIf::Filed(class) => class.name(),
            WhatIf::Unfiled => "未备案",
        }
    }

    /// The case on this footing. Whatever filing there is, this one stands in its place; it begins with the visit. Marks of
    /// how the person came stay where somebody is filed, since they are facts of the visit.
    pub fn of(self, settle: &Settle, person: &PersonNumber) -> (Settle, Option<Filing>) {
        let encounter = &settle.encounter;
        match self {
            WhatIf::Filed(class) => {
                let filing = Filing {
                    id: FilingId::new("what-if").expect("a few letters are an id"),
                    person: person.clone(),
                    home: settle.home,
                    class,
                    proof: Proof::HandedIn,
                    destination: encounter.area,
                    validity: Validity { from: encounter.admitted, to: None },
                };
                (settle.clone(), Some(filing))
            }
            WhatIf::Unfiled => {
                let marks = Marks { emergency: false, referral: false, ..encounter.marks };
                let encounter = Encounter { marks, ..encounter.clone() };
                (Settle { encounter, ..settle.clone() }, None)
            }
        }
    }
}
