//! Why a period is cleared without a settlement that nobody objected to: in what two books differ on it, or which were not
//! compared. Books and messages hold it in words that stay the same; documents and tables say it as their readers do.
//! Written by `broker`, said by [`crate::details`] and by commands.

use super::{Books, Kind};

const AND: &str = " and ";
const NOT_COMPARED: &str = " not compared";

/// That two books differ, as books and messages hold it.
pub fn of_break(books: Books, kind: Kind) -> String {
    format!("{} {}", books.word(), kind.word())
}

/// That books were not compared, as books and messages hold it.
pub fn of_uncompared(books: &[Books]) -> String {
    let words: Vec<&str> = books.iter().map(|books| books.word()).collect();
    format!("{}{NOT_COMPARED}", words.join(AND))
}

/// What documents and tables say: a reason of ours in their words, and what a person wrote as it is.
///
/// ```
/// use clearing::breaks::{Book, Books, Kind, reason};
/// let reason = reason::of_break(Books::HubHome, Kind::Missing(Book::Inner));
/// assert_eq!(reason, "hub-home missing-inner");
/// assert_eq!(reason::told(&reason), "枢纽有、参保地无");
/// assert_eq!(reason::told("患者否认就医"), "患者否认就医");
/// ```
pub fn told(reason: &str) -> String {
    let differing = reason.split_once(' ').and_then(|(books, kind)| {
        let (books, kind) = (Books::from_word(books)?, Kind::from_word(kind)?);
        Some(kind.between(books))
    });
    let uncompared = || {
        let books = reason.strip_suffix(NOT_COMPARED)?.split(AND).map(Books::from_word).collect::<Option<Vec<_>>>()?;
        let names: Vec<String> = books.into_iter().map(Books::name).collect();
        Some(format!("{}未对账", names.join("、")))
    };
    differing.or_else(uncompared).unwrap_or_else(|| reason.to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::Book;
    use super::*;

    #[test]
    fn a_reason_of_ours_is_told_without_our_words_and_a_persons_as_it_is() {
        let of = of_break;
        for (reason, expected) in [
            (of(Books::HospitalTreatment, Kind::AmountDiffers), "医院与就医地金额不一致"),
            (of(Books::TreatmentHub, Kind::Missing(Book::Outer)), "枢纽有、就医地无"),
            (of(Books::HubHome, Kind::StateDiffers), "枢纽与参保地状态不一致"),
            (of_uncompared(&[Books::TreatmentHub]), "就医地与枢纽未对账"),
            (of_uncompared(&[Books::TreatmentHub, Books::HubHome]), "就医地与枢纽、枢纽与参保地未对账"),
            ("not our enrollee".to_owned(), "not our enrollee"),
            ("these were not compared".to_owned(), "these were not compared"),
            (String::new(), ""),
        ] {
            assert_eq!(told(&reason), expected);
        }
    }
}
