//! When a row of a rule book applies. A row names only what it depends on; what it does not name is any.
//! Two rows of one table never both apply: `check.rs` sees to it, so nothing hangs on their order.

use jiff::civil::Date;

use crate::encounter::{CareKind, HospitalLevel};
use crate::filing::{FilingClass, Proof};
use crate::ids::{DiagnosisCode, DiseaseCode};
use crate::person::{AssistanceClass, PersonClass, Validity};

/// On what footing a person is treated: at home, or elsewhere under a class of filing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Footing {
    /// Treated in the home region.
    Local,
    /// Treated elsewhere.
    OffSite(FilingClass),
}

impl Footing {
    /// Every footing.
    pub const ALL: [Footing; 5] = [
        Footing::Local,
        Footing::OffSite(FilingClass::LongTerm),
        Footing::OffSite(FilingClass::Referral),
        Footing::OffSite(FilingClass::Emergency),
        Footing::OffSite(FilingClass::OtherTemporary),
    ];

    /// The word in rule books: `local`, or the class of filing.
    pub fn word(self) -> &'static str {
        match self {
            Footing::Local => "local",
            Footing::OffSite(class) => class.word(),
        }
    }

    /// The footing that a word names.
    pub fn from_word(word: &str) -> Option<Footing> {
        Footing::ALL.into_iter().find(|footing| footing.word() == word)
    }

    /// What a desk calls it where nothing was filed.
    pub fn reason(self) -> &'static str {
        match self {
            Footing::Local => "参保地就医",
            Footing::OffSite(class) => class.reason(),
        }
    }

    /// What a desk calls it.
    pub fn name(self) -> &'static str {
        match self {
            Footing::Local => "参保地就医",
            Footing::OffSite(class) => class.name(),
        }
    }
}

/// The words of a rule book for a special identity, and for having none.
pub fn identity_word(identity: Option<AssistanceClass>) -> &'static str {
    identity.map_or("none", AssistanceClass::word)
}

/// The special identities that every book has to think of. The others are none to a book that does not name them.
pub const IDENTITIES_OF_ALL: [AssistanceClass; 3] =
    [AssistanceClass::Destitute, AssistanceClass::LowIncome, AssistanceClass::LowIncomeMargin];

/// The facts that rows depend on, gathered once for a settlement.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The person's class.
    pub person: PersonClass,
    /// The institution's level.
    pub level: HospitalLevel,
    /// The kind of care.
    pub care: CareKind,
    /// At home or elsewhere, and why.
    pub footing: Footing,
    /// The special identity.
    pub identity: Option<AssistanceClass>,
    /// Age in full years.
    pub age: i64,
    /// Which stay of the benefit year it is, counted from 1.
    pub stay: i64,
    /// Full months of insurance without a break.
    pub enrolled_months: i64,
    /// Benefit years without a claim that count toward caps. No row depends on it.
    pub claim_free_years: i64,
    /// The contribution tier.
    pub tier: Option<&'a str>,
    /// The chronic disease.
    pub disease: Option<&'a DiseaseCode>,
    /// The main diagnosis.
    pub diagnosis: Option<&'a DiagnosisCode>,
    /// The day of retirement, where it is known.
    pub retired_on: Option<Date>,
    /// The position of the treatment place among the book's named ones.
    pub place: usize,
    /// The hospital's referral mark, or a filing as referred.
    pub referred: bool,
    /// No for care elsewhere that neither a filing covers nor what counts as one: the emergency mark, a deemed filing.
    pub filed: bool,
    /// What the long-term filing was lodged with that the footing rests on; handed in on any other footing, which asks for
    /// no such proof.
    pub proof: Proof,
    /// The word under which the person joined.
    pub joined_as: Option<&'a str>,
}

/// A set of up to sixteen cases, each at a position of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cases(u16);

impl Cases {
    /// Every case.
    pub const ANY: Cases = Cases(u16::MAX);
    /// No case.
    pub const NONE: Cases = Cases(0);

    /// The cases at some positions.
    pub fn at(positions: impl IntoIterator<Item = usize>) -> Cases {
        Cases(positions.into_iter().fold(0, |bits, position| bits | 1 << (position & 15)))
    }

    /// The set with one more case.
    pub fn and(self, position: usize) -> Cases {
        Cases(self.0 | Cases::at([position]).0)
    }

    /// Whether the case at a position is in the set.
    pub fn has(self, position: usize) -> bool {
        self.0 & (1 << (position & 15)) != 0
    }

    /// Whether the sets share a case.
    pub fn meets(self, other: Cases) -> bool {
        self.0 & other.0 != 0
    }

    /// The cases that are in both sets.
    #[must_use]
    pub fn both(self, other: Cases) -> Cases {
        Cases(self.0 & other.0)
    }

    /// Whether a kind of care is in the set.
    pub fn has_care(self, care: CareKind) -> bool {
        self.has(care as usize)
    }

    /// The kinds of care in the set.
    pub fn care(self) -> impl Iterator<Item = CareKind> {
        CareKind::ALL.into_iter().filter(move |care| self.has_care(*care))
    }
}

/// A span of whole numbers, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first.
    pub from: i64,
    /// The last.
    pub to: i64,
}

impl Span {
    /// Every number.
    pub const ANY: Span = Span { from: i64::MIN, to: i64::MAX };

    /// Whether a number is in it.
    pub fn has(self, number: i64) -> bool {
        self.from <= number && number <= self.to
    }

    /// Whether the spans share a number.
    pub fn meets(self, other: Span) -> bool {
        self.from <= other.to && other.from <= self.to
    }
}

/// What the main diagnosis has to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Diagnoses {
    /// Anything, or unknown.
    #[default]
    Any,
    /// One that begins in one of these ways.
    Beginning(Vec<DiagnosisCode>),
    /// `other`: one that begins in none of these ways, which the other rows of the table name; or unknown.
    Other(Vec<DiagnosisCode>),
}

impl Diagnoses {
    /// The beginnings that it names itself.
    pub fn named(&self) -> &[DiagnosisCode] {
        match self {
            Diagnoses::Beginning(named) => named,
            Diagnoses::Any | Diagnoses::Other(_) => &[],
        }
    }

    /// Whether a diagnosis is one of them.
    pub fn have(&self, diagnosis: Option<&DiagnosisCode>) -> bool {
        let begins = |named: &[DiagnosisCode]| {
            diagnosis.is_some_and(|diagnosis| named.iter().any(|beginning| diagnosis.begins_with(beginning)))
        };
        match self {
            Diagnoses::Any => true,
            Diagnoses::Beginning(named) => begins(named),
            Diagnoses::Other(named) => !begins(named),
        }
    }

    fn meet(&self, other: &Diagnoses) -> bool {
        match (self, other) {
            (Diagnoses::Any, _) | (_, Diagnoses::Any) | (Diagnoses::Other(_), Diagnoses::Other(_)) => true,
            (Diagnoses::Beginning(ones), Diagnoses::Beginning(twos)) => {
                share(ones, twos, |one, two| one.begins_with(two) || two.begins_with(one))
            }
            (Diagnoses::Beginning(ones), Diagnoses::Other(named))
            | (Diagnoses::Other(named), Diagnoses::Beginning(ones)) => {
                ones.iter().any(|one| !named.iter().any(|named| one.begins_with(named)))
            }
        }
    }
}

/// The word under which the person has to have joined.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Joined {
    /// Anything, or nothing.
    #[default]
    Any,
    /// One of these words.
    As(Vec<String>),
    /// `other`: none of these, which the other rows of the table name; or nothing.
    Other(Vec<String>),
}

impl Joined {
    /// The words that it names itself.
    pub fn named(&self) -> &[String] {
        match self {
            Joined::As(named) => named,
            Joined::Any | Joined::Other(_) => &[],
        }
    }

    /// Whether a word is one of them.
    pub fn has(&self, word: Option<&str>) -> bool {
        let among = |named: &[String]| word.is_some_and(|word| named.iter().any(|named| named == word));
        match self {
            Joined::Any => true,
            Joined::As(named) => among(named),
            Joined::Other(named) => !among(named),
        }
    }

    fn meet(&self, other: &Joined) -> bool {
        match (self, other) {
            (Joined::Any, _) | (_, Joined::Any) | (Joined::Other(_), Joined::Other(_)) => true,
            (Joined::As(ones), Joined::As(twos)) => share(ones, twos, |one, two| one == two),
            (Joined::As(ones), Joined::Other(named)) | (Joined::Other(named), Joined::As(ones)) => {
                ones.iter().any(|one| !named.contains(one))
            }
        }
    }
}

/// The conditions of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conditions {
    /// `person`: classes of person.
    pub person: Cases,
    /// `level`: levels of institution.
    pub level: Cases,
    /// `care`: kinds of care.
    pub care: Cases,
    /// `filing`: `local` and classes of filing.
    pub filing: Cases,
    /// `identity`: special identities, and `none`.
    pub identity: Cases,
    /// `age_from`, `age_to`: age in full years.
    pub age: Span,
    /// `stay_from`, `stay_to`: nth stay of the benefit year.
    pub stay: Span,
    /// `enrolled_months_from`, `enrolled_months_to`.
    pub enrolled_months: Span,
    /// `tier`: contribution tiers; empty for any.
    pub tier: Vec<String>,
    /// `disease`: chronic diseases; empty for any.
    pub disease: Vec<DiseaseCode>,
    /// `diagnosis`: beginnings of the main diagnosis, or `other`.
    pub diagnosis: Diagnoses,
    /// `retired_from`, `retired_to`: when the person retired; none for any, and for who never did.
    pub retired: Option<Validity>,
    /// `place`: named places, and `elsewhere`.
    pub place: Cases,
    /// `referred`: no, yes.
    pub referred: Cases,
    /// `filed`: no, yes.
    pub filed: Cases,
    /// `proof`: what a long-term filing was lodged with.
    pub proof: Cases,
    /// `joined_as`: words under which the person joined, or `other`.
    pub joined_as: Joined,
}

impl Conditions {
    /// Whether something that only a visit has decides whether they hold.
    pub fn is_of_a_visit(&self) -> bool {
        [self.level, self.care, self.place, self.referred].iter().any(|cases| *cases != Cases::ANY)
    }

    /// The conditions of a row that always applies.
    pub const ANY: Conditions = Conditions {
        person: Cases::ANY,
        level: Cases::ANY,
        care: Cases::ANY,
        filing: Cases::ANY,
        identity: Cases::ANY,
        age: Span::ANY,
        stay: Span::ANY,
        enrolled_months: Span::ANY,
        tier: Vec::new(),
        disease: Vec::new(),
        diagnosis: Diagnoses::Any,
        retired: None,
        place: Cases::ANY,
        referred: Cases::ANY,
        filed: Cases::ANY,
        proof: Cases::ANY,
        joined_as: Joined::Any,
    };

    /// Whether the row applies.
    pub fn hold(&self, facts: &Facts<'_>) -> bool {
        self.person.has(facts.person as usize)
            && self.level.has(facts.level as usize)
            && self.care.has_care(facts.care)
            && self.filing.has(footing_position(facts.footing))
            && self.identity.has(identity_position(facts.identity))
            && self.age.has(facts.age)
            && self.stay.has(facts.stay)
            && self.enrolled_months.has(facts.enrolled_months)
            && self.place.has(facts.place)
            && self.referred.has(usize::from(facts.referred))
            && self.filed.has(usize::from(facts.filed))
            && self.proof.has(facts.proof as usize)
            && (self.tier.is_empty() || facts.tier.is_some_and(|tier| self.tier.iter().any(|named| named == tier)))
            && (self.disease.is_empty()
                || facts.disease.is_some_and(|disease| self.disease.iter().any(|named| named.same_disease(disease))))
            && self.diagnosis.have(facts.diagnosis)
            && self.joined_as.has(facts.joined_as)
            && self.retired.is_none_or(|days| facts.retired_on.is_some_and(|day| days.covers(day)))
    }

    /// How closely the row says what the person suffers from: a chronic disease before a diagnosis before neither. In
    /// tables where nobody can write "all but these", the closer row goes first.
    pub fn closeness(&self) -> u8 {
        match (self.disease.is_empty(), self.diagnosis.named().is_empty()) {
            (false, _) => 2,
            (true, false) => 1,
            (true, true) => 0,
        }
    }

    /// Whether some settlement could meet the conditions of both.
    pub fn overlap(&self, other: &Conditions) -> bool {
        self.person.meets(other.person)
            && self.level.meets(other.level)
            && self.care.meets(other.care)
            && self.filing.meets(other.filing)
            && self.identity.meets(other.identity)
            && self.age.meets(other.age)
            && self.stay.meets(other.stay)
            && self.enrolled_months.meets(other.enrolled_months)
            && self.place.meets(other.place)
            && self.referred.meets(other.referred)
            && self.filed.meets(other.filed)
            && self.proof.meets(other.proof)
            && share(&self.tier, &other.tier, |one, two| one == two)
            && share(&self.disease, &other.disease, DiseaseCode::same_disease)
            && self.diagnosis.meet(&other.diagnosis)
            && self.joined_as.meet(&other.joined_as)
            && self.retired.is_none_or(|days| other.retired.is_none_or(|others| days.meets(&others)))
    }
}

/// Whether two lists, each meaning *any* when empty, have something in common.
fn share<T>(ones: &[T], twos: &[T], same: impl Fn(&T, &T) -> bool) -> bool {
    ones.is_empty() || twos.is_empty() || ones.iter().any(|one| twos.iter().any(|two| same(one, two)))
}

/// What the conditions of a table say together: some words mean what the other rows leave over.
pub fn told_apart<'c>(table: impl Iterator<Item = &'c mut Conditions>) {
    let mut whens: Vec<&mut Conditions> = table.collect();
    for (apart, within) in
        [(HospitalLevel::Top, HospitalLevel::Third), (HospitalLevel::Unrated, HospitalLevel::Primary)]
    {
        let named = |when: &&mut Conditions| when.level != Cases::ANY && when.level.has(apart as usize);
        if !whens.iter().any(named) {
            for when in whens.iter_mut().filter(|when| when.level.has(within as usize)) {
                when.level = when.level.and(apart as usize);
            }
        }
    }
    let named: Vec<DiagnosisCode> = whens.iter().flat_map(|when| when.diagnosis.named()).cloned().collect();
    let joined: Vec<String> = whens.iter().flat_map(|when| when.joined_as.named()).cloned().collect();
    for when in whens {
        if let Diagnoses::Other(rest) = &mut when.diagnosis {
            rest.clone_from(&named);
        }
        if let Joined::Other(rest) = &mut when.joined_as {
            rest.clone_from(&joined);
        }
    }
}

/// The place of a footing in a set of cases.
pub fn footing_position(footing: Footing) -> usize {
    match footing {
        Footing::Local => 0,
        Footing::OffSite(class) => 1 + class as usize,
    }
}

/// The place of a special identity in a set of cases.
pub fn identity_position(identity: Option<AssistanceClass>) -> usize {
    identity.map_or(0, |class| 1 + class as usize)
}
