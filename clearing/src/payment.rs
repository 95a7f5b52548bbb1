//! 拨付: what one side of a pair owes the other of one insurance's money, and the payment as each side records it. Employees'
//! and residents' funds are separate ledgers without cross-use (policy.md B.3), so nothing here is set off between them.
//! Which periods have payments says [`crate::period`]; keeping the records is for `ledger`.

use std::collections::BTreeMap;
use std::fmt;

use jiff::civil::Date;
use settlement::money::Money;
use settlement::person::Insurance;

use crate::cleared::Cleared;
use crate::obligation::Lot;
use crate::period::Side;

/// Something of employees, and the same of residents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ByInsurance<T> {
    /// 职工医保.
    pub employee: T,
    /// 居民医保.
    pub resident: T,
}

impl<T> ByInsurance<T> {
    /// That of one insurance.
    pub fn of(&self, insurance: Insurance) -> &T {
        match insurance {
            Insurance::Employee => &self.employee,
            Insurance::Resident => &self.resident,
        }
    }

    /// That of one insurance, to be changed.
    pub fn of_mut(&mut self, insurance: Insurance) -> &mut T {
        match insurance {
            Insurance::Employee => &mut self.employee,
            Insurance::Resident => &mut self.resident,
        }
    }

    /// Both, employees first.
    pub fn iter(&self) -> impl Iterator<Item = (Insurance, &T)> {
        Insurance::ALL.into_iter().map(|insurance| (insurance, self.of(insurance)))
    }

    /// The same of what each comes to.
    pub fn map<U>(self, to: impl Fn(T) -> U) -> ByInsurance<U> {
        ByInsurance { employee: to(self.employee), resident: to(self.resident) }
    }
}

/// What lots come to, by whose money it is.
pub fn dues(lots: &BTreeMap<Lot, Cleared>) -> ByInsurance<Money> {
    let mut dues = ByInsurance::default();
    for (lot, cleared) in lots {
        *dues.of_mut(lot.insurance) += cleared.owed();
    }
    dues
}

/// A payment as one side recorded it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    /// 流水号.
    pub serial: String,
    /// Bank and account: each side's own.
    pub bank: String,
    /// When.
    pub on: Date,
    /// How much; never below zero.
    pub amount: Money,
}

/// In what the two sides' records of one payment differ. The banks are each side's own and are not compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Apart {
    /// The serial numbers.
    pub serial: bool,
    /// The days.
    pub on: bool,
    /// The sums.
    pub amount: bool,
}

impl Apart {
    /// What tables say.
    pub fn name(&self) -> String {
        self.named(["流水号", "日期", "金额"]).join("、")
    }

    /// What is written ([`Apart`] as text); none where it names nothing, or something else.
    pub fn from_text(text: &str) -> Option<Apart> {
        let named = |word: &str| text.split(AND).any(|one| one == word);
        let [serial, on, amount] = WORDS.map(named);
        let apart = Apart { serial, on, amount };
        (apart.to_string() == text && !text.is_empty()).then_some(apart)
    }

    /// Of what stands for serial numbers, days and sums, that in which they differ.
    fn named<'n>(&self, names: [&'n str; 3]) -> Vec<&'n str> {
        let Apart { serial, on, amount } = *self;
        names.into_iter().zip([serial, on, amount]).filter(|(_, is_apart)| *is_apart).map(|(name, _)| name).collect()
    }
}

/// In what records differ, in messages: serial numbers, days, sums.
const WORDS: [&str; 3] = ["serial", "day", "sum"];
const AND: &str = " and ";

impl fmt::Display for Apart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.named(WORDS).join(AND))
    }
}

impl Payment {
    /// In what another side's record of it differs; none where both say the same.
    pub fn apart_from(&self, other: &Payment) -> Option<Apart> {
        let apart =
            Apart { serial: self.serial != other.serial, on: self.on != other.on, amount: self.amount != other.amount };
        (apart.serial || apart.on || apart.amount).then_some(apart)
    }
}

/// Which records of a payment are meant: the how manieth of each side, counted from 1; 0 for none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Records {
    /// Of who pays.
    pub paid: u32,
    /// Of who receives.
    pub received: u32,
}

/// 认可为同一笔: a side's word that both records, different as they are, are of one payment. A bank has its own serial numbers,
/// and money may arrive on another day than it was sent: then neither record is wrong, and neither side corrects its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acceptance {
    /// By which certificate.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When.
    pub on: Date,
}

/// What is due of one insurance's money, and how it was paid.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Payable {
    /// What the home member owes; below zero where the treatment member gives back.
    pub due: Money,
    /// What who pays recorded last of the payment.
    pub paid: Option<Payment>,
    /// What who receives recorded last of it.
    pub received: Option<Payment>,
    /// Which records these two are.
    pub records: Records,
    /// Who has accepted these two, different as they are, as of one payment. A side that corrects its own begins anew.
    pub accepted: BTreeMap<Side, Acceptance>,
}

impl Payable {
    /// What is due, and not paid yet.
    pub fn of(due: Money) -> Payable {
        Payable { due, ..Payable::default() }
    }

    /// Which side pays; none where nothing is due.
    pub fn payer(&self) -> Option<Side> {
        match self.due {
            due if due.is_zero() => None,
            due if due.is_negative() => Some(Side::Treatment),
            _ => Some(Side::Home),
        }
    }

    /// Which side receives; none where nothing is due.
    pub fn receiver(&self) -> Option<Side> {
        self.payer().map(Side::other)
    }

    /// What is paid: never below zero.
    pub fn amount(&self) -> Money {
        self.due.max(-self.due)
    }

    /// Whether one side at least has recorded a payment.
    pub fn is_recorded(&self) -> bool {
        self.paid.is_some() || self.received.is_some()
    }

    /// In what the records of both sides differ; none where one is missing, or both are the same.
    pub fn apart(&self) -> Option<Apart> {
        self.paid.as_ref()?.apart_from(self.received.as_ref()?)
    }

    /// Whether both sides have accepted that both records are of one payment.
    pub fn is_accepted(&self) -> bool {
        self.apart().is_some() && Side::ALL.iter().all(|side| self.accepted.contains_key(side))
    }

    /// In what the records differ, where that keeps the payment open.
    pub fn open_difference(&self) -> Option<Apart> {
        self.apart().filter(|_| !self.is_accepted())
    }

    /// Whether nothing was due, or both sides have recorded the same payment, or have accepted two records as of one. One
    /// side's word is not enough.
    pub fn is_settled(&self) -> bool {
        self.due.is_zero() || is_paid(self.paid.as_ref(), self.received.as_ref()) || self.is_accepted()
    }
}

/// Whether two sides have recorded one payment.
pub fn is_paid(one: Option<&Payment>, other: Option<&Payment>) -> bool {
    one.zip(other).is_some_and(|(one, other)| one.apart_from(other).is_none())
}

/// Why a payment cannot be recorded. Nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PaymentFault {
    /// It is not what is due.
    #[error("{due} is due, and not {amount}")]
    OtherAmount {
        /// What is due.
        due: Money,
        /// What was to be recorded.
        amount: Money,
    },
    /// Nobody had asked for it then.
    #[error("{on} is before {since}, from when on it is due")]
    TooEarly {
        /// When it is said to have been paid.
        on: Date,
        /// When it was asked for.
        since: Date,
    },
    /// The day is still to come.
    #[error("{on} is after today, {today}: a payment is recorded when it is made")]
    TooLate {
        /// When it is said to have been paid.
        on: Date,
        /// The hub's day.
        today: Date,
    },
    /// Both sides have recorded one payment already.
    #[error("both sides have recorded another payment already: it stands")]
    AgreedOtherwise,
}

/// Why a side cannot accept two records as of one payment. Nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AcceptFault {
    /// They are not two that differ.
    #[error("there are not two records of it that differ")]
    NotApart,
    /// Others are the newest.
    #[error(
        "the newest records are number {} of who pays and number {} of who receives: look at these first",
        .0.paid, .0.received
    )]
    OtherRecords(Records),
    /// It is another sum, and so another payment.
    #[error("the sums are not the same: whoever is wrong corrects its record")]
    OtherSum,
    /// The same certificate accepted it for the other side.
    #[error("the same certificate accepted it for the other side; a second person does")]
    SamePerson,
}

/// Whether a side may accept the newest records, which it has seen, as of one payment. It ends what no correction can: both
/// say that all that is due was paid, and neither record is wrong.
///
/// # Errors
/// The first reason why not.
pub fn accept(payable: &Payable, side: Side, seen: Records, certificate: &str) -> Result<Recording, AcceptFault> {
    let apart = payable.apart().ok_or(AcceptFault::NotApart)?;
    match payable.accepted.get(&side.other()) {
        _ if seen != payable.records => Err(AcceptFault::OtherRecords(payable.records)),
        _ if apart.amount => Err(AcceptFault::OtherSum),
        _ if payable.accepted.contains_key(&side) => Ok(Recording::Known),
        Some(other) if other.by == certificate => Err(AcceptFault::SamePerson),
        Some(_) | None => Ok(Recording::New),
    }
}

/// What recording a payment comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recording {
    /// It is what this side has recorded last: nothing is to be written.
    Known,
    /// It is this side's first record, or corrects its last: its next version is to be written.
    New,
}

/// What a payment is asked for by: how much, since when, and the hub's day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// How much; never below zero.
    pub due: Money,
    /// When the notice was issued: nobody pays before.
    pub since: Date,
    /// The day on which it is recorded.
    pub today: Date,
}

/// Whether a side may record a payment, beside what it and the other side have recorded last. It may correct itself until
/// both say the same; what both say stands.
///
/// # Errors
/// The first fault: the sum, the day, what both sides have agreed on.
pub fn record(
    payment: &Payment,
    (own, other): (Option<&Payment>, Option<&Payment>),
    Asked { due, since, today }: Asked,
) -> Result<Recording, PaymentFault> {
    let (on, amount) = (payment.on, payment.amount);
    match own {
        Some(own) if own == payment => Ok(Recording::Known),
        _ if amount != due => Err(PaymentFault::OtherAmount { due, amount }),
        _ if on < since => Err(PaymentFault::TooEarly { on, since }),
        _ if on > today => Err(PaymentFault::TooLate { on, today }),
        own if is_paid(own, other) => Err(PaymentFault::AgreedOtherwise),
        _ => Ok(Recording::New),
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn payment(serial: &str, day: i8) -> Payment {
        let (bank, on) = ("中国银行".to_owned(), date(2025, 8, day));
        Payment { serial: serial.into(), bank, on, amount: Money::from_yuan(100) }
    }

    fn asked() -> Asked {
        Asked { due: Money::from_yuan(100), since: date(2025, 8, 4), today: date(2025, 8, 8) }
    }

    #[test]
    fn a_payment_is_made_between_its_notice_and_today_and_is_what_is_due() {
        let (due, amount) = (Money::from_yuan(100), Money::from_yuan(99));
        for (payment, said) in [
            (payment("1", 4), Ok(Recording::New)),
            (payment("1", 8), Ok(Recording::New)),
            (payment("1", 3), Err(PaymentFault::TooEarly { on: date(2025, 8, 3), since: date(2025, 8, 4) })),
            (payment("1", 9), Err(PaymentFault::TooLate { on: date(2025, 8, 9), today: date(2025, 8, 8) })),
            (Payment { amount, ..payment("1", 5) }, Err(PaymentFault::OtherAmount { due, amount })),
        ] {
            assert_eq!(record(&payment, (None, None), asked()), said, "{payment:?}");
        }
    }

    #[test]
    fn a_side_corrects_itself_until_both_say_the_same() {
        let (first, other) = (payment("1", 5), payment("2", 5));
        let elsewhere = Payment { bank: "工商银行".into(), ..first.clone() };
        for (own, theirs, new, said) in [
            (Some(&first), None, &first, Ok(Recording::Known)),
            (Some(&first), None, &other, Ok(Recording::New)),
            (Some(&first), Some(&other), &other, Ok(Recording::New)),
            (None, Some(&other), &first, Ok(Recording::New)),
            (Some(&first), Some(&first), &other, Err(PaymentFault::AgreedOtherwise)),
            (Some(&first), Some(&elsewhere), &other, Err(PaymentFault::AgreedOtherwise)),
            (Some(&first), Some(&elsewhere), &first, Ok(Recording::Known)),
        ] {
            assert_eq!(record(new, (own, theirs), asked()), said, "{own:?} beside {theirs:?}: {new:?}");
        }
    }

    #[test]
    fn what_both_sides_record_alike_is_paid_and_one_sides_word_is_not() {
        let (first, other) = (payment("1", 5), payment("2", 6));
        let elsewhere = Payment { bank: "工商银行".into(), ..first.clone() };
        for (due, paid, received, is_settled, apart) in [
            (0, None, None, true, ""),
            (100, None, None, false, ""),
            (100, Some(&first), None, false, ""),
            (100, None, Some(&first), false, ""),
            (100, Some(&first), Some(&other), false, "serial and day"),
            (100, Some(&first), Some(&elsewhere), true, ""),
            (-100, Some(&first), Some(&first), true, ""),
        ] {
            let due = Money::from_yuan(due);
            let payable = Payable { paid: paid.cloned(), received: received.cloned(), ..Payable::of(due) };
            let told = payable.apart().map(|apart| apart.to_string()).unwrap_or_default();
            assert_eq!((payable.is_settled(), told.as_str()), (is_settled, apart), "{payable:?}");
            assert_eq!(Apart::from_text(apart), payable.apart(), "it is read as it is written");
        }
    }
    #[test]
    fn two_records_that_differ_end_once_a_person_of_each_side_accepts_these_two() {
        let (first, other) = (payment("1", 5), payment("2", 6));
        let seen = Records { paid: 1, received: 2 };
        let (paid, received) = (Some(first.clone()), Some(other.clone()));
        let mut payable = Payable { paid, received, records: seen, ..Payable::of(Money::from_yuan(100)) };
        let accepted = |by: &str| Acceptance { by: by.into(), reason: "各行流水号".into(), on: date(2025, 8, 8) };
        for (side, seen, by, said) in [
            (Side::Home, Records { paid: 1, received: 1 }, "a", Err(AcceptFault::OtherRecords(seen))),
            (Side::Home, seen, "a", Ok(Recording::New)),
            (Side::Home, seen, "c", Ok(Recording::Known)),
            (Side::Treatment, seen, "a", Err(AcceptFault::SamePerson)),
            (Side::Treatment, seen, "b", Ok(Recording::New)),
        ] {
            assert!(!payable.is_settled() && payable.open_difference().is_some(), "{payable:?}");
            assert_eq!(accept(&payable, side, seen, by), said, "{side:?} {by}");
            if said == Ok(Recording::New) {
                payable.accepted.insert(side, accepted(by));
            }
        }
        assert!(payable.is_settled() && payable.apart().is_some() && payable.open_difference().is_none());
        let same = Payable { received: Some(first.clone()), ..payable.clone() };
        assert_eq!(accept(&same, Side::Home, seen, "a"), Err(AcceptFault::NotApart));
        let less = Payment { amount: Money::from_yuan(99), ..first };
        let otherwise = Payable { received: Some(less), ..payable };
        assert_eq!(accept(&otherwise, Side::Home, seen, "a"), Err(AcceptFault::OtherSum));
    }
}
