//! Ids that operators give to what they lodge: deductions, inquiries and tickets, changes of prefunds, batches of
//! corrections. One rule for all: they are typed again by others, stand in documents and in the subjects of letters, and
//! are told apart by sight. Ids of other systems are [`settlement::ids`].

use settlement::ids::is_double_width;

/// No id has more characters.
pub const LONGEST: usize = 64;
/// What else an id may have after its first character.
const MARKS: &str = "-_./:#()[]〔〕";

/// Why a text is no id. Each says what is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GivenIdFault {
    /// Nothing was given.
    #[error("is empty: an id has 1 to {LONGEST} letters, digits, Chinese characters and {MARKS}")]
    Empty,
    /// It is too long.
    #[error("has more than {LONGEST} characters")]
    TooLong,
    /// It begins with something else.
    #[error("begins with {0:?}: an id begins with a letter, a digit or a Chinese character")]
    Beginning(char),
    /// It has something else: a space, what cannot be seen, or what looks like something else.
    #[error(
        "has {0:?}: an id has letters, digits, Chinese characters and {MARKS}, no spaces and nothing of double width"
    )]
    Character(char),
}

/// Reads an id, without the space around it.
///
/// # Errors
/// When it is empty or too long, or has a character that no id has.
///
/// ```
/// use clearing::given_id::{GivenIdFault, read};
/// assert_eq!(read(" KK-2025-06/1 "), Ok("KK-2025-06/1"));
/// assert_eq!(read("KK 1"), Err(GivenIdFault::Character(' ')));
/// ```
pub fn read(text: &str) -> Result<&str, GivenIdFault> {
    let id = text.trim();
    let is_letter = |letter: &char| letter.is_alphanumeric() && !is_double_width(*letter);
    let Some(first) = id.chars().next() else { return Err(GivenIdFault::Empty) };
    if id.chars().count() > LONGEST {
        return Err(GivenIdFault::TooLong);
    }
    if let Some(other) = id.chars().find(|letter| !is_letter(letter) && !MARKS.contains(*letter)) {
        return Err(GivenIdFault::Character(other));
    }
    if is_letter(&first) { Ok(id) } else { Err(GivenIdFault::Beginning(first)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_short_and_can_be_seen_and_typed_again() {
        for (text, expected) in [
            ("1", Ok("1")),
            ("KK-2025-07-06-1", Ok("KK-2025-07-06-1")),
            (" D1\t", Ok("D1")),
            ("沪医保〔2025〕12号", Ok("沪医保〔2025〕12号")),
            ("2025.07(1)/[2]#3:4_5", Ok("2025.07(1)/[2]#3:4_5")),
            ("", Err(GivenIdFault::Empty)),
            (" \u{3000}\n", Err(GivenIdFault::Empty)),
            ("top up", Err(GivenIdFault::Character(' '))),
            ("补\u{3000}1", Err(GivenIdFault::Character('\u{3000}'))),
            ("a\nb", Err(GivenIdFault::Character('\n'))),
            ("a\u{7}b", Err(GivenIdFault::Character('\u{7}'))),
            ("D\u{200b}1", Err(GivenIdFault::Character('\u{200b}'))),
            ("D1\u{202e}", Err(GivenIdFault::Character('\u{202e}'))),
            ("Ｄ１", Err(GivenIdFault::Character('Ｄ'))),
            ("一，二", Err(GivenIdFault::Character('，'))),
            ("=1+2", Err(GivenIdFault::Character('='))),
            ("3.10000175039009E+029", Err(GivenIdFault::Character('+'))),
            ("a\"b", Err(GivenIdFault::Character('"'))),
            ("-1", Err(GivenIdFault::Beginning('-'))),
            ("(1)", Err(GivenIdFault::Beginning('('))),
        ] {
            assert_eq!(read(text), expected, "{text:?}");
        }
        let longest = "长".repeat(LONGEST);
        assert_eq!(read(&longest), Ok(longest.as_str()));
        assert_eq!(read(&format!("{longest}1")), Err(GivenIdFault::TooLong));
    }

    #[test]
    fn a_fault_says_what_is_allowed() {
        for (fault, told) in [
            (GivenIdFault::Empty, "is empty: an id has 1 to 64 letters, digits, Chinese characters and -_./:#()[]〔〕"),
            (GivenIdFault::TooLong, "has more than 64 characters"),
            (
                GivenIdFault::Beginning('-'),
                "begins with '-': an id begins with a letter, a digit or a Chinese character",
            ),
        ] {
            assert_eq!(fault.to_string(), told);
        }
        assert!(GivenIdFault::Character('\u{200b}').to_string().starts_with("has '\\u{200b}': an id has letters"));
    }
}
