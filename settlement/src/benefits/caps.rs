//! 封顶线 of the basic fund: several may hold at once, one inside another, and the tightest binds (policy.md C.5).

use jiff::civil::Date;

use super::explanation::{Derived, Step};
use super::growth::{self, Grown};
use super::several;
use super::worksheet::Worksheet;
use crate::encounter::CareKind;
use crate::ids::DiseaseCode;
use crate::money::{Fraction, Money};
use crate::month::Month;
use crate::refusal::Refusal;
use crate::rulebook::clause::Clause;
use crate::rulebook::conditions::Cases;
use crate::rulebook::sections::{Above, Cap, CapPer, Measure, counts_together};
use crate::rulebook::table::Row;
use crate::rulebook::unknown;
use crate::year_to_date::{Usage, UsageSums};

/// The in-policy cost above caps in exact fen, by who is asked to bear it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Excess {
    /// The person.
    pub(super) person: Fraction,
    /// The person, apart from what later layers look at.
    pub(super) apart: Fraction,
    /// The large-sum layer.
    pub(super) large_sum: Fraction,
}

impl Excess {
    /// No cap has cut anything yet.
    pub(super) const NONE: Excess = Excess { person: Fraction::ZERO, apart: Fraction::ZERO, large_sum: Fraction::ZERO };
}

/// A cap that holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bound {
    /// What may still be paid, or still count.
    pub(super) left: Money,
    /// The cap's row.
    clause: Clause,
    /// Who bears what is above it.
    above: Above,
    /// How several diseases came to it, how it grew (of two caps added up, each), and what is left of it.
    steps: [Option<Step>; 4],
}

impl Bound {
    /// Says that it cuts a payment, and puts the cost above it on whoever bears that.
    ///
    /// # Errors
    /// Where only so much is known of it: whether the fund pays more, nobody can say.
    pub(super) fn cut(&self, sheet: &mut Worksheet<'_>, cost: Fraction) -> Result<(), Refusal> {
        let (clause, by, excess) = (self.clause, self.above, &mut sheet.excess);
        match by {
            Above::Unknown => return self.unknown(sheet),
            Above::Person => excess.person = excess.person + cost,
            Above::LargeSum => excess.large_sum = excess.large_sum + cost,
            Above::PersonApart => excess.apart = excess.apart + cost,
        }
        self.say(sheet);
        sheet.note(Step::Derived(Derived::AboveCap { clause, cost: Money::round_fraction(cost), by }));
        Ok(())
    }

    /// Says how it came about and what is left of it.
    pub(super) fn say(&self, sheet: &mut Worksheet<'_>) {
        self.steps.into_iter().flatten().for_each(|step| sheet.note(step));
    }

    /// What it leaves of a payment.
    ///
    /// # Errors
    /// As [`Bound::cut`].
    pub(super) fn of(&self, sheet: &Worksheet<'_>, payment: Money) -> Result<Money, Refusal> {
        match self.above {
            Above::Unknown if payment > self.left => self.unknown(sheet),
            Above::Unknown | Above::Person | Above::PersonApart | Above::LargeSum => Ok(payment.min(self.left)),
        }
    }

    /// Whether it is known to leave nothing.
    pub(super) fn leaves_nothing(&self) -> bool {
        self.left.is_zero() && self.above != Above::Unknown
    }

    fn unknown<T>(&self, sheet: &Worksheet<'_>) -> Result<T, Refusal> {
        Err(unknown::row(sheet.book, self.clause, Some("above")))
    }
}

/// The tightest cap of each measure, found when it is first asked for.
#[derive(Default)]
pub(super) struct Tightest([Option<Option<Bound>>; Measure::ALL.len()]);

impl Tightest {
    /// The tightest cap of a measure; none where the book has no such cap for this care.
    pub(super) fn of(&mut self, sheet: &Worksheet<'_>, measure: Measure) -> Result<Option<Bound>, Refusal> {
        if let Some(found) = self.0[measure as usize] {
            return Ok(found);
        }
        let found = tightest(sheet, measure)?;
        self.0[measure as usize] = Some(found);
        Ok(found)
    }
}

fn tightest(sheet: &Worksheet<'_>, measure: Measure) -> Result<Option<Bound>, Refusal> {
    let mut bounds: Vec<Bound> = Vec::new();
    let caps = &sheet.book.caps;
    let together = several::share_a_cap(sheet);
    let counting = |row: &&Row<Cap>| row.value.measure == measure && counts_this(sheet, &row.value);
    for row in caps.rows.iter().filter(counting) {
        if row.when.hold(&sheet.facts) {
            // What several diseases share is put together below.
            if !(row.value.of_disease && together) {
                bounds.push(bound(sheet, row)?);
            }
        } else if !row.value.of_disease && !caps.rows.iter().any(|other| stands_in(sheet, row, other)) {
            // Everybody has some cap on this care, but the book does not say which is this person's.
            return Err(caps.refusal(&sheet.facts));
        }
    }
    if together {
        bounds.extend(several::bounds(sheet, measure)?);
    }
    Ok(Bound::tightest(bounds))
}

/// Whether the care at hand counts toward a cap.
fn counts_this(sheet: &Worksheet<'_>, cap: &Cap) -> bool {
    counts_together(cap.counts, &cap.counts_diseases, sheet.facts.care, sheet.facts.disease)
}

fn stands_in(sheet: &Worksheet<'_>, row: &Row<Cap>, other: &Row<Cap>) -> bool {
    other.value.same_scope(&row.value) && other.when.hold(&sheet.facts)
}

fn bound(sheet: &Worksheet<'_>, row: &Row<Cap>) -> Result<Bound, Refusal> {
    let amount = row.value.amount.needed(sheet.book, row.clause)?;
    let grown = growth::grown(sheet, amount, row.value.growth, row.clause)?;
    let of_disease = |usage: &Usage| match (&usage.disease, sheet.facts.disease) {
        (Some(used_for), Some(disease)) => used_for.same_disease(disease),
        (None, _) | (_, None) => false,
    };
    let counts = |usage: &Usage| if row.value.of_disease { of_disease(usage) } else { row.value.counts(usage) };
    let (clause, measure, above) = (row.clause, row.value.measure, row.value.above);
    Ok(match row.value.per {
        CapPer::Year => Bound::of_year((clause, above), grown, measured(measure, sheet.used_by(counts))),
        CapPer::Month => {
            let Grown { cap, step: grown } = grown;
            let first = first_month(sheet, adds_since(sheet, &row.value));
            let parts = Monthly::new(cap, row.value.carried);
            let MonthLeft { available, used, left } = month_left(sheet, measure, &counts, first, &|_| parts);
            let step = Step::MonthlyCap { clause, month: sheet.month, cap, available, used, left };
            Bound { left, clause, above, steps: [None, grown, None, Some(step)] }
        }
    })
}

impl Bound {
    /// A bound that several diseases share.
    pub(super) fn shared(left: Money, (clause, above): (Clause, Above), steps: [Option<Step>; 4]) -> Bound {
        Bound { left, clause, above, steps }
    }

    /// What a cap of a benefit year leaves, of which so much is used.
    pub(super) fn of_year((clause, above): (Clause, Above), grown: Grown, used: Money) -> Bound {
        let Grown { cap, step } = grown;
        let left = (cap - used).at_least_zero();
        Bound { left, clause, above, steps: [None, step, None, Some(Step::Cap { clause, cap, used, left })] }
    }

    /// Of several bounds the one that leaves least. Of those that leave the same, one that is known decides, and the first
    /// one in the book is named.
    pub(super) fn tightest(bounds: Vec<Bound>) -> Option<Bound> {
        bounds.into_iter().min_by_key(|bound| (bound.left, bound.above == Above::Unknown, bound.clause))
    }
}

/// What a cap is measured on.
pub(super) fn measured(measure: Measure, sums: UsageSums) -> Money {
    match measure {
        Measure::FundPaid => sums.basic,
        Measure::InPolicy => sums.in_policy,
    }
}

/// A month's cap: a part that begins anew each month, and a part that carries on within the benefit year. What a month
/// uses is taken from the first part first, which would be lost otherwise.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Monthly {
    /// What each month begins with anew.
    pub(super) anew: Money,
    /// What each month adds to what is carried on.
    pub(super) carried: Money,
}

/// What is left of a month's cap.
#[derive(Clone, Copy, Debug)]
pub(super) struct MonthLeft {
    /// What the month may use in all, with what is carried on.
    pub(super) available: Money,
    /// What it used.
    pub(super) used: Money,
    /// What is left.
    pub(super) left: Money,
}

impl Monthly {
    /// One cap as its two parts.
    pub(super) fn new(cap: Money, carried: bool) -> Monthly {
        if carried { Monthly { anew: Money::ZERO, carried: cap } } else { Monthly { anew: cap, carried: Money::ZERO } }
    }
}

/// What is left of the month at hand, of caps that add what `of_month` says to every month since the first one. A later
/// month that was settled before has used what was carried to it: what it used cannot be used again.
pub(super) fn month_left(
    sheet: &Worksheet<'_>,
    measure: Measure,
    counts: &dyn Fn(&Usage) -> bool,
    first: Month,
    of_month: &dyn Fn(Month) -> Monthly,
) -> MonthLeft {
    let month = sheet.month;
    let used_in = |month| measured(measure, sheet.used_by(|usage| usage.month == month && counts(usage)));
    let beyond = |month| (used_in(month) - of_month(month).anew).at_least_zero();
    let months = sheet.months_used();
    let kept = |until: Month| {
        let since_first = (0..=until.since(first)).filter_map(|later| i16::try_from(later).ok());
        let added: Money = since_first.map(|later| of_month(first.moved(later)).carried).sum();
        let others = months.iter().filter(|other| **other <= until && **other != month);
        added - others.map(|other| beyond(*other)).sum::<Money>()
    };
    let later = months.iter().filter(|other| **other > month).map(|other| kept(*other));
    let carried = later.fold(kept(month), Money::min).at_least_zero();
    let (available, used) = (of_month(month).anew + carried, used_in(month));
    MonthLeft { available, used, left: (available - used).at_least_zero() }
}

/// The day since which a cap adds to what is carried on, apart from the benefit year: chronic care's since the person was
/// qualified for a disease that it counts, other care's since the person is insured.
fn adds_since(sheet: &Worksheet<'_>, cap: &Cap) -> Option<Date> {
    let person = sheet.case.person;
    if cap.of_disease {
        return sheet.facts.disease.and_then(|disease| qualified_since(sheet, disease));
    }
    if cap.counts == Cases::at([CareKind::Chronic as usize]) {
        let counts = |disease| counts_together(cap.counts, &cap.counts_diseases, CareKind::Chronic, Some(disease));
        let in_force =
            person.qualifications.iter().filter(|row| row.validity.covers(sheet.day) && counts(&row.disease));
        return in_force.map(|row| row.validity.from).min();
    }
    person.entitlement(sheet.book.insurance(), sheet.day).map(|row| row.validity.from)
}

/// The day since which the person is qualified for a disease.
pub(super) fn qualified_since(sheet: &Worksheet<'_>, disease: &DiseaseCode) -> Option<Date> {
    sheet.case.person.qualification(disease, sheet.day).map(|row| row.validity.from)
}

/// The first month that adds to what is carried on: the one in which the benefit year begins, or that of a day, if that is
/// later.
pub(super) fn first_month(sheet: &Worksheet<'_>, since: Option<Date>) -> Month {
    let begins = sheet.book.first_day_of(sheet.year);
    let first = begins.into_iter().chain(since).max().and_then(Month::of);
    first.map_or(sheet.month, |first| first.min(sheet.month))
}
