//! 先行自付: the share of class-B charges that the person pays first. A region accepts the treatment place's sum or
//! applies a share of its own to the gross charges (policy.md A.5, C.1 step 4). Self-paid and over-limit sums stay.

use super::explanation::Step;
use super::worksheet::Worksheet;
use crate::bill::Coverage;
use crate::money::Money;
use crate::refusal::Refusal;
use crate::rulebook::sections::FirstSelfPay;

/// Splits the bill as the home region sees it.
pub(super) fn apply(sheet: &mut Worksheet<'_>) -> Result<(), Refusal> {
    let sent = sheet.coverage;
    sheet.note(Step::Split(sent));
    let (rule, clause) = sheet.book.first_self_pay;
    let class_b = match rule {
        FirstSelfPay::Sent => Money::ZERO,
        FirstSelfPay::Own(_) => sheet.case.settle.bill.class_b(),
    };
    let own = match rule {
        FirstSelfPay::Sent => sent.first_self_pay,
        FirstSelfPay::Own(ratio) if class_b.is_zero() => {
            // No share of nothing is asked for; what was sent falls away all the same.
            if let Some(ratio) = ratio.known().filter(|_| !sent.first_self_pay.is_zero()) {
                let amount = Money::ZERO;
                sheet.note(Step::FirstSelfPay { clause, class_b, ratio, sent: sent.first_self_pay, amount });
            }
            Money::ZERO
        }
        FirstSelfPay::Own(ratio) => {
            let ratio = ratio.needed(sheet.book, clause)?;
            // A class-B item outside its limits of use is self-paid as a whole; it cannot be paid first as well.
            let amount = Money::round(ratio.of(class_b)).min(sent.first_self_pay + sent.in_policy).at_least_zero();
            sheet.note(Step::FirstSelfPay { clause, class_b, ratio, sent: sent.first_self_pay, amount });
            amount
        }
    };
    let in_policy = sent.in_policy + sent.first_self_pay - own;
    sheet.split(Coverage { first_self_pay: own, in_policy, ..sent });
    Ok(())
}
