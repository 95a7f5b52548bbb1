//! Identifiers, each its own type. Texts are taken as other people's systems make them: the length is bounded and
//! control characters are refused; nothing else is read into them.

use std::fmt;
use std::sync::Arc;

/// Why a text is not the identifier it was given for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Nothing was given.
    #[error("is empty")]
    Empty,
    /// Longer than the interface allows.
    #[error("is longer than {0} characters")]
    TooLong(usize),
    /// A character that no identifier has.
    #[error("has a control character")]
    ControlCharacter,
    /// Not in the one form that it can have.
    #[error("is not {0}")]
    Form(&'static str),
}

/// Whether it is a letter, digit or mark of double width 全角: a Chinese keyboard writes them, they look like the plain
/// ones, and to a computer they are others.
pub fn is_double_width(letter: char) -> bool {
    ('\u{ff00}'..='\u{ffef}').contains(&letter)
}

fn check_text(text: &str, longest: usize) -> Result<(), IdError> {
    if text.is_empty() {
        Err(IdError::Empty)
    } else if text.len() <= longest && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        // Nearly every one, in one pass.
        Ok(())
    } else if text.chars().count() > longest {
        Err(IdError::TooLong(longest))
    } else if text.chars().any(char::is_control) {
        Err(IdError::ControlCharacter)
    } else {
        Ok(())
    }
}

macro_rules! text_id {
    ($($(#[$doc:meta])* $name:ident($longest:literal);)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Takes a text as this identifier.
            ///
            /// # Errors
            /// When it is empty, too long, or has a control character.
            pub fn new(text: &str) -> Result<$name, IdError> {
                check_text(text, $longest).map(|()| $name(text.into()))
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl TryFrom<&str> for $name {
            type Error = IdError;
            fn try_from(text: &str) -> Result<$name, IdError> {
                $name::new(text)
            }
        }
    )*};
}

text_id! {
    /// `psn_no`: the insurer's number of a person. Not a document number.
    PersonNumber(30);
    /// `fixmedins_code`: the national code of a hospital or pharmacy.
    InstitutionCode(30);
    /// `mdtrt_id`: one visit or stay, made by the treatment side.
    EncounterId(30);
    /// `setl_id`: one settlement or one counter-entry, made by the treatment side before sending.
    SettlementId(30);
    /// `msgid`: the sender's number of a message. Unique in intent only; see [`crate::operation::OperationKey`].
    MessageId(40);
    /// `chrg_bchno`: one batch of outpatient charges.
    BatchNumber(30);
    /// `feedetl_sn`: the hospital's number of a charge line.
    ChargeNumber(30);
    /// `med_list_codg`: an item of the catalogue.
    ItemCode(50);
    /// `infno` without its variant letter, for example `2304`.
    TransactionNumber(6);
    /// A filing's number at the hub.
    FilingId(40);
    /// `diag_code`: a diagnosis by the insurance's edition of ICD-10, such as `I10.x00`; or the beginning of one.
    DiagnosisCode(20);
}

/// How many characters of a message id name the institution; the time of sending follows.
const OF_INSTITUTION: usize = 12;
/// How many characters of a settlement's id name the pool; the time of its making follows.
const OF_POOL: usize = 6;

// Ids of the national form name their maker first and the time second. An index in that order is written everywhere at
// once; with the time in front what comes together lies together, whoever sends it. Ids of another form lose nothing.
fn turn(text: &str, at: usize) -> String {
    match text.split_at_checked(at).filter(|_| text.is_ascii()) {
        Some((maker, rest)) => format!("{rest}{maker}"),
        None => text.to_owned(),
    }
}

fn turn_back(text: &str, at: usize) -> String {
    turn(text, text.len().checked_sub(at).unwrap_or(text.len()))
}

macro_rules! time_first {
    ($name:ident, $maker:ident) => {
        impl $name {
            /// The id with the time in front, for keys of indexes.
            pub fn to_time_first(&self) -> String {
                turn(&self.0, $maker)
            }

            /// The id that a key of an index has.
            ///
            /// # Errors
            /// When it is no identifier.
            pub fn from_time_first(text: &str) -> Result<$name, IdError> {
                $name::new(&turn_back(text, $maker))
            }
        }
    };
}

time_first!(MessageId, OF_INSTITUTION);
time_first!(SettlementId, OF_POOL);

/// A six-digit administrative code, as in the table of regions. The digits mean nothing by themselves: pool and
/// member come from [`crate::region::RegionTable`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RegionCode([u8; 6]);

impl RegionCode {
    /// Takes six digits as a region's code.
    ///
    /// # Errors
    /// When the text is anything else.
    pub fn new(text: &str) -> Result<RegionCode, IdError> {
        let digits: [u8; 6] = text.as_bytes().try_into().map_err(|_| IdError::Form("six digits"))?;
        if digits.iter().all(u8::is_ascii_digit) { Ok(RegionCode(digits)) } else { Err(IdError::Form("six digits")) }
    }

    /// The six digits.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("only ASCII digits get in")
    }
}

impl fmt::Display for RegionCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for RegionCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The code of a pooling region 统筹区. Only the table of regions and stored books make one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PoolCode(pub RegionCode);

/// The code of a clearing member 清算单位: the province across provinces, the city inside one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberCode(pub RegionCode);

impl fmt::Display for PoolCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for MemberCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// `dise_codg`: a chronic or special disease, a letter and five digits such as `M03900`; the last two are a
/// sub-kind that regions add.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DiseaseCode(Arc<str>);

impl DiseaseCode {
    /// Takes a text as a disease code.
    ///
    /// # Errors
    /// When it is empty, longer than 30 characters, or has a control character.
    pub fn new(text: &str) -> Result<DiseaseCode, IdError> {
        check_text(text, 30).map(|()| DiseaseCode(text.into()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is in the national form, the letter M and five digits. Regions may have codes of their own.
    pub fn is_national(&self) -> bool {
        let digits = self.0.strip_prefix('M').unwrap_or_default().as_bytes();
        digits.len() == 5 && digits.iter().all(u8::is_ascii_digit)
    }

    /// Whether both name the same disease: equal, or equal in the letter and first three digits, because regions
    /// keep sub-kinds of their own (his-interface.md section 4).
    pub fn same_disease(&self, other: &DiseaseCode) -> bool {
        fn stem(code: &str) -> &str {
            code.get(..4).unwrap_or(code)
        }
        stem(&self.0) == stem(&other.0)
    }
}

impl DiagnosisCode {
    /// Whether it begins so, in capitals or small letters: `C34.900` begins with `C`, `C34` and `c34.9`.
    pub fn begins_with(&self, beginning: &DiagnosisCode) -> bool {
        let wanted = beginning.0.as_bytes();
        self.0.as_bytes().get(..wanted.len()).is_some_and(|start| start.eq_ignore_ascii_case(wanted))
    }

    /// Whether both are of one ICD-10 category: equal in a letter and two digits.
    pub fn same_category(&self, other: &DiagnosisCode) -> bool {
        fn category(code: &str) -> &str {
            code.get(..3).unwrap_or(code)
        }
        category(&self.0).eq_ignore_ascii_case(category(&other.0))
    }
}

impl fmt::Display for DiseaseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_in_front_is_taken_back_whatever_the_id() {
        let message = MessageId::new("H31010100001202506200900001007").expect("an id");
        assert_eq!(message.to_time_first(), "202506200900001007H31010100001");
        for text in ["1", "123456", "1234567", "123456789012", "1234567890123", "编号1234567890", "é12345678901234"]
        {
            let (message, settlement) = (MessageId::new(text).expect("an id"), SettlementId::new(text).expect("an id"));
            assert_eq!(MessageId::from_time_first(&message.to_time_first()), Ok(message));
            assert_eq!(SettlementId::from_time_first(&settlement.to_time_first()), Ok(settlement));
        }
    }

    #[test]
    fn a_text_id_is_bounded_and_printable() {
        for (text, expected) in [
            ("", Err(IdError::Empty)),
            ("a\u{7}b", Err(IdError::ControlCharacter)),
            ("1234567890123456789012345678901", Err(IdError::TooLong(30))),
            ("512000G0000000382130", Ok(())),
        ] {
            assert_eq!(EncounterId::new(text).map(|_| ()), expected, "{text:?}");
        }
    }

    #[test]
    fn a_region_code_is_six_digits() {
        assert!(RegionCode::new("410700").is_ok());
        for text in ["41070", "4107000", "41070a", "４１０７００"] {
            assert_eq!(RegionCode::new(text), Err(IdError::Form("six digits")), "{text}");
        }
    }

    #[test]
    fn a_diagnosis_begins_as_a_rule_says() {
        let code = |text| DiagnosisCode::new(text).expect("a code");
        assert!(code("c34.900").begins_with(&code("C")) && code("B18.100").begins_with(&code("B18")));
        assert!(!code("B1").begins_with(&code("B18")) && !code("A15").begins_with(&code("B")));
        assert!(code("C34.900").same_category(&code("C34.1")) && !code("C34").same_category(&code("C35")));
    }

    #[test]
    fn a_sub_kind_is_the_same_disease() {
        let code = |text| DiseaseCode::new(text).expect("a code");
        assert!(code("M07803").same_disease(&code("M07801")));
        assert!(!code("M03900").same_disease(&code("M01600")));
    }
}
