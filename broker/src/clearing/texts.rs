//! What operators write in words. It is kept for good and stands in documents, so it is not empty, not long, and in one
//! line.

use clearing::given_id::{self, GivenIdFault};
use clearing::payment::{AcceptFault, Payment, PaymentFault};
use settlement::refusal::{Reason, Refusal};

/// The longest reason, in characters.
const LONGEST_REASON: usize = 500;
/// The longest number of a letter, serial number or name of a bank, in characters.
const LONGEST_NAME: usize = 100;

/// Reads a reason.
///
/// # Errors
/// Missing-field or invalid-field.
pub(crate) fn read_reason(reason: &str) -> Result<String, Refusal> {
    read("reason", reason, LONGEST_REASON)
}

/// Reads an id that a sender made.
///
/// # Errors
/// Missing-field or invalid-field.
pub(crate) fn read_id(field: &'static str, id: &str) -> Result<String, Refusal> {
    let refused = |fault: GivenIdFault| {
        let reason = match fault {
            GivenIdFault::Empty => Reason::MissingField,
            GivenIdFault::TooLong | GivenIdFault::Beginning(_) | GivenIdFault::Character(_) => Reason::InvalidField,
        };
        Refusal::new(reason).of_field(field).because(fault.to_string())
    };
    given_id::read(id).map(str::to_owned).map_err(refused)
}

/// Reads the number of a letter.
///
/// # Errors
/// Missing-field or invalid-field.
pub(super) fn read_letter(letter: &str) -> Result<String, Refusal> {
    read("letter", letter, LONGEST_NAME)
}

/// Reads what a payment is called by: without what stands around it, which would set two records of one payment apart.
///
/// # Errors
/// Missing-field or invalid-field.
pub(super) fn read_called(payment: Payment) -> Result<Payment, Refusal> {
    let serial = read("payment.serial", &payment.serial, LONGEST_NAME)?;
    let bank = read("payment.bank", &payment.bank, LONGEST_NAME)?;
    Ok(Payment { serial, bank, ..payment })
}

/// The field of a payment that a fault is of.
pub(super) fn payment_field(fault: &PaymentFault) -> &'static str {
    match fault {
        PaymentFault::OtherAmount { due: _, amount: _ } => "payment.amount",
        PaymentFault::TooEarly { on: _, since: _ } | PaymentFault::TooLate { on: _, today: _ } => "payment.on",
        PaymentFault::AgreedOtherwise => "payment",
    }
}

/// The field of an acceptance that a fault is of.
pub(super) fn acceptance_field(fault: &AcceptFault) -> &'static str {
    match fault {
        AcceptFault::OtherRecords(_) => "records",
        AcceptFault::SamePerson => "side",
        AcceptFault::NotApart | AcceptFault::OtherSum => "payment",
    }
}

fn read(field: &'static str, text: &str, longest: usize) -> Result<String, Refusal> {
    let invalid = |problem: String| Refusal::new(Reason::InvalidField).of_field(field).because(problem);
    match text.trim() {
        "" => Err(Refusal::new(Reason::MissingField).of_field(field)),
        text if text.chars().count() > longest => Err(invalid(format!("is longer than {longest} characters"))),
        text if text.contains(char::is_control) => Err(invalid("is not one line of text".into())),
        text => Ok(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_one_line_and_not_long() {
        for (text, reason) in
            [("  ", Some(Reason::MissingField)), ("两\n行", Some(Reason::InvalidField)), ("患者否认就医", None)]
        {
            assert_eq!(read_reason(text).err().map(|refusal| refusal.reason), reason, "{text:?}");
        }
        assert!(read_reason(&"长".repeat(LONGEST_REASON)).is_ok());
        assert!(read_reason(&"长".repeat(LONGEST_REASON + 1)).is_err());
    }
}
