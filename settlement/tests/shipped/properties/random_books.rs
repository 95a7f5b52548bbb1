//! Books drawn at random, each valid and each with other shapes: what holds for the shipped books holds for them, and no
//! cap that they state is ever passed, whatever is settled and cancelled in between.

mod drawing;
mod turns;

use settlement::month::Month;
use settlement::year_to_date::BenefitYear;

use super::*;
use turns::{Turns, Waits};

/// How many books are drawn where nobody asks for more, each with fifty cases and a life of the same visits.
const DRAWN: u32 = 2_000;
/// Visits under one book, each a case of its own, and all one after another a life.
const VISITS: usize = 50;
/// The cases of an ordinary property, to which `PROPTEST_CASES` is held: ten times as many draw ten times the books.
const USUAL_CASES: u32 = 256;

/// The bytes out of which a book is drawn: more than the most that one takes.
const BYTES: usize = 320;

/// A book's text with what it caps, in yuan of a benefit year.
#[derive(Clone, Debug, Default)]
struct Drawn {
    text: String,
    basic: i64,
    /// What continuous enrolment adds to the cap of the basic fund at most.
    grows_by: i64,
    /// In-policy cost of stays that counts.
    cost: Option<i64>,
    outpatient: i64,
    outpatient_month: Option<i64>,
    of_diseases: Vec<OfDisease>,
    /// What long enrolment and years without a claim add to the caps of diseases.
    diseases_grow: Growing,
    /// Whether the caps of diseases are those of a month.
    by_month: bool,
    /// How caps of several diseases stand together, where the book says it.
    several: Option<&'static str>,
    /// What some diseases share, alone or with stays.
    class: Option<Class>,
    /// Whether what was used goes on after a change of insurance.
    continues: bool,
    waits: Option<Waits>,
    limits: Limits,
}

/// What the fund pays at most in a year, or in a month, for the first two diseases together, and for stays where they count
/// too.
#[derive(Clone, Copy, Debug)]
struct Class {
    most: i64,
    by_month: bool,
    with_stays: bool,
}

/// What the fund pays for a disease at most in a year, or in a month.
#[derive(Clone, Copy, Debug)]
struct OfDisease {
    code: &'static str,
    most: i64,
    /// Whether what a month leaves is carried on.
    carried: bool,
}

/// How caps grow, in yuan: by so much a year of enrolment from the third on, and so much a year without a claim.
#[derive(Clone, Copy, Debug, Default)]
struct Growing {
    per_year: i64,
    per_claim_free_year: i64,
    at_most: i64,
}

/// What the layers after the basic fund pay at most.
#[derive(Clone, Debug, Default)]
struct Limits {
    /// What long enrolment and years without a claim add to the caps of the large-sum and the catastrophic layer.
    grow: Growing,
    /// Of which layers only so much is known of the cap, by their positions in the order of these.
    unknown: [bool; 6],
    large_sum: Option<i64>,
    catastrophic: Option<i64>,
    /// None where there is no such supplement.
    civil_servant: Option<i64>,
    /// Of whom the book does not count among some identities.
    assistance: Option<i64>,
    assistance_of_some: Option<i64>,
    /// None where assistance is not paid once more.
    tilt: Option<i64>,
}

/// Takes one decision after the other out of drawn bytes.
struct Choosing<'a>(std::slice::Iter<'a, u8>);

impl Choosing<'_> {
    fn next(&mut self) -> usize {
        self.0.next().map_or(0, |byte| usize::from(*byte))
    }

    fn of<T: Copy>(&mut self, values: &[T]) -> T {
        values[self.next() % values.len()]
    }

    fn up_to(&mut self, most: i64) -> i64 {
        i64::try_from(self.next()).expect("a byte") % (most + 1)
    }

    /// True once in so many times.
    fn is_one_of(&mut self, times: usize) -> bool {
        self.next().is_multiple_of(times)
    }

    /// Between two shares in percent, as a rule book writes it.
    fn ratio(&mut self, from: i64, to: i64) -> String {
        let percent = from + self.up_to(to - from);
        if percent == 100 { "1".to_owned() } else { format!("0.{percent:02}") }
    }
}

impl Drawn {
    fn from_bytes(bytes: &[u8]) -> Drawn {
        let mut choosing = Choosing(bytes.iter());
        let c = &mut choosing;
        let mut drawn = Drawn::most(c);
        let mut text = String::from(
            "pool = '990000'\ninsurance = 'employee'\ntitle = 'drawn'\nfrom = 2020-01-01\n\
             source = [{ id = 's', document = 'drawn' }]\npurchase = { § }\n",
        );
        text += &format!("rounding = '{}'\n", c.of(&["fund_total", "segment"]));
        text += &format!("decision_date = {{ date = '{}', § }}\n", c.of(&["admission", "discharge", "settlement"]));
        text += &format!("benefit_year = {{ starts = '{}', § }}\n", c.of(&["01-01", "07-01"]));
        text += &format!("interim_stay = {{ deductible = '{}', § }}\n", c.of(&["once", "each"]));
        if c.is_one_of(3) {
            text += &format!("cross_year = {{ deductible = '{}', § }}\n", c.of(&["once", "again"]));
        }
        text += &format!("outpatient_during_stay = {{ rule = '{}', § }}\n", c.of(&["pay", "warn", "refuse"]));
        let own = format!("ratio = '{}'", c.ratio(0, 30));
        text += &format!("first_self_pay = {{ {}, § }}\n", c.of(&["accept_sent = true", own.as_str()]));
        text += &drawing::admission(c, &drawn);
        text += &drawing::off_site(c);
        text += &drawing::inpatient(c);
        text += &drawing::other_care(c, drawn.several);
        text += &drawing::caps(c, &drawn);
        text += &drawing::layers(c, &drawn.limits);
        let covered = [
            "'deductible', 'ratio_share'",
            "'deductible', 'ratio_share', 'above_cap', 'above_cap_apart', 'pre_deduction', 'first_self_pay'",
        ];
        let family = c.of(&["", "family = false, "]);
        text += &format!("account = [{{ id = 'all', {family}covers = [{}], § }}]\n", c.of(&covered));
        drawn.text = text.replace('§', "source = 's', trust = 'assumed'");
        drawn
    }

    fn most(c: &mut Choosing<'_>) -> Drawn {
        let basic = c.of(&[2_000, 30_000, 100_000]);
        let by_month = c.is_one_of(2);
        let step = if by_month { 20 } else { 100 };
        let of_disease = |code: &&'static str, c: &mut Choosing<'_>| OfDisease {
            code,
            most: 200 + step * c.up_to(50),
            carried: by_month && c.is_one_of(2),
        };
        let of_diseases = match c.next() % 3 {
            0 => Vec::new(),
            _ => DISEASES[..3].iter().map(|code| of_disease(code, c)).collect(),
        };
        Drawn {
            text: String::new(),
            basic,
            grows_by: c.of(&[0, 0, 3_000]),
            cost: c.of(&[None, None, Some(60_000)]),
            outpatient: c.of(&[300, 2_000, 50_000]),
            outpatient_month: c.of(&[None, Some(100), Some(1_000)]),
            of_diseases,
            diseases_grow: Growing::drawn(c, 10),
            by_month,
            several: c.of(&[None, None, Some("each"), Some("highest"), Some("top_two_add")]),
            class: c.is_one_of(2).then(|| Class {
                most: 500 + 200 * c.up_to(20),
                by_month: c.is_one_of(3),
                with_stays: c.is_one_of(2),
            }),
            continues: c.is_one_of(2),
            waits: Waits::drawn(c),
            limits: Limits {
                grow: Growing::drawn(c, 500),
                unknown: [(); 6].map(|()| c.is_one_of(4)),
                large_sum: c.of(&[None, Some(5_000)]),
                catastrophic: c.of(&[None, Some(20_000)]),
                civil_servant: c.of(&[None, Some(4_000)]),
                assistance: c.of(&[None, Some(3_000)]),
                assistance_of_some: c.of(&[None, Some(1_000), Some(6_000)]),
                tilt: c.of(&[None, None, Some(2_500)]),
            },
        }
    }

    /// What diseases with caps of their own are paid at most: each by itself, or all of them together.
    fn disease_caps_hold(
        &self,
        book: &RuleBook,
        somebody: &Somebody,
        usages: &[Usage],
        year: BenefitYear,
    ) -> Result<(), TestCaseError> {
        let together = match self.several {
            None | Some("each") => None,
            Some("highest") => Some(1),
            Some(_) => Some(2),
        };
        let grown = |of: &OfDisease| OfDisease { most: of.most + self.diseases_grow.of(somebody), ..*of };
        let mut all: Vec<OfDisease> = self.of_diseases.iter().map(grown).collect();
        if self.text.contains("diseases_at_most = 2") {
            let mut first = DISEASES;
            first.sort_by_key(|code| somebody.qualified_from(code));
            all.retain(|of| first[..2].contains(&of.code));
        }
        all.sort_by_key(|of| std::cmp::Reverse((of.most, of.carried)));
        match together {
            Some(most) => self.hold_together(book, somebody, usages, year, (&all, most)),
            None => all.iter().try_for_each(|of| self.hold_together(book, somebody, usages, year, (&[*of], 1))),
        }
    }

    /// So many of some caps hold together, those that are highest. Of caps of a month, what a month is paid beyond the part
    /// that begins anew is paid out of what the months until then carried on, each of the diseases that the person was
    /// qualified for by then.
    fn hold_together(
        &self,
        book: &RuleBook,
        somebody: &Somebody,
        usages: &[Usage],
        year: BenefitYear,
        (all, most): (&[OfDisease], usize),
    ) -> Result<(), TestCaseError> {
        let same = |usage: &Usage, of: &OfDisease| {
            usage.disease.as_ref().is_some_and(|disease| disease.as_str() == of.code) && usage.year == year
        };
        let of_them = |usage: &&Usage| all.iter().any(|of| same(usage, of));
        let paid = |month: Option<Month>| -> Money {
            let used = usages.iter().filter(of_them).filter(|usage| month.is_none_or(|month| usage.month == month));
            used.map(|usage| usage.sums.basic).sum()
        };
        let sum = |month: Option<Month>, carried: Option<bool>| {
            let there =
                all.iter().filter(|of| month.is_none_or(|month| somebody.qualified_from(of.code) <= month.last_day()));
            let part = there.take(most).filter(|of| carried.is_none_or(|carried| of.carried == carried));
            Money::from_yuan(part.map(|of| of.most).sum())
        };
        if !self.by_month {
            prop_assert!(paid(None) <= sum(None, None), "{} for {all:?}", paid(None));
            return Ok(());
        }
        let first = usages.iter().filter(of_them).map(|usage| usage.month).min();
        let Some(last) = usages.iter().filter(of_them).map(|usage| usage.month).max() else { return Ok(()) };
        let begins =
            (0..12).map(|back| last.moved(-back)).filter(|month| book.year_of(month.first_day()) == year).min();
        let (mut kept, mut month) = (Money::ZERO, begins.or(first).unwrap_or(last));
        while month <= last {
            let beyond = (paid(Some(month)) - sum(Some(month), Some(false))).at_least_zero();
            kept += sum(Some(month), Some(true)) - beyond;
            prop_assert!(!kept.is_negative(), "{kept} is carried on after {month}, of {all:?}");
            month = month.next();
        }
        Ok(())
    }

    /// Nobody is paid while waiting, nor refused for it otherwise, and no cap is passed.
    fn holds(
        &self,
        turns: &Turns,
        somebody: &Somebody,
        visit: &Visit,
        used: Result<&[Usage], Reason>,
    ) -> Result<(), TestCaseError> {
        let day = visit.day();
        let waits = self.waits.is_some_and(|waits| waits.on(day, turns.since(day)));
        match used {
            Ok(usages) => {
                prop_assert!(!waits, "{day} is settled under {:?}, since {}", self.waits, turns.since(day));
                let book = turns.book(day);
                let counts = |usage: &&Usage| self.continues || usage.insurance == book.insurance();
                let usages: Vec<Usage> = usages.iter().filter(counts).cloned().collect();
                self.caps_hold(book, somebody, &usages, visit)
            }
            Err(reason) => {
                let refused = reason == Reason::BenefitsSuspended;
                prop_assert!(waits || !refused, "{day} waits under {:?}, since {}", self.waits, turns.since(day));
                Ok(())
            }
        }
    }

    /// What the first two diseases, and stays with them, are paid at most.
    fn class_holds(&self, usages: &[Usage], year: BenefitYear) -> Result<(), TestCaseError> {
        let Some(Class { most, by_month, with_stays }) = self.class else { return Ok(()) };
        let of_class = |usage: &&Usage| match (usage.care, &usage.disease) {
            (Chronic, Some(disease)) => DISEASES[..2].contains(&disease.as_str()),
            (care, _) => with_stays && care == Inpatient,
        };
        let used = || usages.iter().filter(|usage| usage.year == year).filter(of_class);
        let paid = |month: Option<Month>| -> Money {
            used().filter(|usage| month.is_none_or(|month| usage.month == month)).map(|usage| usage.sums.basic).sum()
        };
        let sums = if by_month { used().map(|usage| paid(Some(usage.month))).collect() } else { vec![paid(None)] };
        for paid in sums {
            prop_assert!(paid <= Money::from_yuan(most), "{paid} for {:?}", self.class);
        }
        Ok(())
    }

    fn caps_hold(
        &self,
        book: &RuleBook,
        somebody: &Somebody,
        usages: &[Usage],
        visit: &Visit,
    ) -> Result<(), TestCaseError> {
        let year = book.year_of(visit.day());
        let used = YearToDate::fold_all(usages, year);
        self.class_holds(usages, year)?;
        let (yuan, total, limits) = (Money::from_yuan, used.total(), &self.limits);
        prop_assert!(total.basic <= yuan(self.basic + self.grows_by), "the basic fund paid {}", total.basic);
        prop_assert!(used.of(&[Outpatient]).basic <= yuan(self.outpatient));
        let stays = used.of(&[Inpatient]).basic;
        prop_assert!(self.cost.is_none_or(|most| stays <= yuan(most)), "{stays} for stays");
        self.disease_caps_hold(book, somebody, usages, year)?;
        let either = limits.assistance.zip(limits.assistance_of_some).map(|(one, other)| one.max(other));
        let assistance = either.map(|most| most + limits.tilt.unwrap_or(0));
        let layers = [
            (total.large_sum, limits.large_sum.map(|most| most + limits.grow.of(somebody))),
            (total.catastrophic, limits.catastrophic.map(|most| most + limits.grow.of(somebody))),
            (total.civil_servant, Some(limits.civil_servant.unwrap_or(0))),
            (total.assistance, assistance),
        ];
        for (paid, most) in layers {
            prop_assert!(most.is_none_or(|most| paid <= yuan(most)), "{paid} of {most:?}");
        }
        for month in usages.iter().map(|usage| usage.month) {
            let of_month = usages.iter().filter(|usage| usage.month == month && usage.care == Outpatient);
            let paid: Money = of_month.map(|usage| usage.sums.basic).sum();
            prop_assert!(self.outpatient_month.is_none_or(|most| paid <= yuan(most)), "{paid} in {month:?}");
        }
        Ok(())
    }
}

impl Growing {
    /// Most books let nothing grow.
    fn drawn(c: &mut Choosing<'_>, each: i64) -> Growing {
        if !c.is_one_of(3) {
            return Growing::default();
        }
        Growing { per_year: each * (1 + c.up_to(3)), per_claim_free_year: each * c.up_to(5), at_most: each * 20 }
    }

    /// As a row of caps has it.
    fn text(self) -> String {
        let Growing { per_year, per_claim_free_year, at_most } = self;
        if at_most == 0 {
            return String::new();
        }
        format!(
            ", plus_per_year = {per_year}, from_years = 2, plus_per_claim_free_year = {per_claim_free_year}, \
             plus_at_most = {at_most}"
        )
    }

    /// What it adds at most for somebody, on any day that a visit may fall on: two years after the first.
    fn of(self, somebody: &Somebody) -> i64 {
        let years = i64::from(somebody.months + 24) / 12 - 2;
        (self.per_year * years.max(0) + self.per_claim_free_year * somebody.claim_free_years).min(self.at_most)
    }
}

/// A visit alone, without anything before it.
fn alone(
    drawn: &Drawn,
    turns: &Turns,
    somebody: &Somebody,
    person: &Person,
    visit: &Visit,
) -> Result<Lived, TestCaseError> {
    let (lived, book) = (Lived { visits: 1, settled: 0 }, turns.book(visit.day()));
    let Some(settle) = visit.settle(book.pool(), book.insurance()) else { return Ok(lived) };
    let filing = visit.filing(person);
    let case = Case {
        person,
        settle: &settle,
        filings: filing.as_slice(),
        usages: &[],
        account_balance: Money::from_yuan(2_000),
        family: &[],
        earlier: &[],
        settled_on: visit.day(),
    };
    match adjudicate(book, &case) {
        Ok(adjudication) => {
            adds_up(&adjudication, &settle)?;
            drawn.holds(turns, somebody, visit, Ok(std::slice::from_ref(&adjudication.usage)))?;
            Ok(Lived { settled: 1, ..lived })
        }
        Err(refusal) => {
            prop_assert_ne!(refusal.reason, Reason::Internal, "{}", refusal);
            drawn.holds(turns, somebody, visit, Err(refusal.reason))?;
            Ok(lived)
        }
    }
}

/// Of a hundred visits under drawn books so many are settled at least.
const SETTLED_OF_DRAWN: u64 = 60;

/// 100,000 single cases, and beside them 2,000 lives of fifty visits that come after one another.
#[test]
fn what_any_book_pays_adds_up_and_no_cap_of_it_is_passed() {
    let cases = DRAWN * ProptestConfig::default().cases.div_ceil(USUAL_CASES);
    let config = ProptestConfig { cases, ..ProptestConfig::default() };
    let lives = (prop::collection::vec(any::<u8>(), BYTES), somebody(), prop::collection::vec(visit(), VISITS));
    some_are_settled(config, &lives, SETTLED_OF_DRAWN, |(bytes, somebody, visits)| {
        let drawn = Drawn::from_bytes(&bytes);
        let turns = Turns::new(&drawn, &somebody);
        let again = Turns::new(&drawn, &somebody);
        prop_assert_eq!(turns.book(ALWAYS.from), again.book(ALWAYS.from), "the same text was read otherwise");
        let person = turns.person(&somebody);
        let mut lived = Lived::default();
        for visit in &visits {
            lived += alone(&drawn, &turns, &somebody, &person, visit)?;
        }
        let holds = |visit: &Visit, used: Result<&[Usage], Reason>| drawn.holds(&turns, &somebody, visit, used);
        lived += live_through(|day| turns.book(day), &person, &visits, holds)?;
        Ok(lived)
    });
}

/// Whoever has one chronic disease shares its cap with nobody: it is the same cap, and grows as much, however the book has
/// the caps of several stand together.
#[test]
fn one_disease_alone_is_paid_as_if_the_caps_of_several_stood_apart() {
    let lives = (prop::collection::vec(any::<u8>(), BYTES), somebody(), prop::collection::vec(visit(), 1..8));
    some_are_settled(ProptestConfig::default(), &lives, SETTLED_OF_DRAWN, |(bytes, somebody, visits)| {
        let drawn = Drawn::from_bytes(&bytes);
        let Some(several) = drawn.several else { return Ok(Lived::default()) };
        let mut lived = Lived::default();
        let books = ["each", "highest", "top_two_add"].map(|how| {
            let text = drawn.text.replace(&format!("cap = '{several}'"), &format!("cap = '{how}'"));
            RuleBook::parse(&text).unwrap_or_else(|faults| panic!("{faults:#?} in\n{text}"))
        });
        let mut person = somebody.insured_by(&books[0]);
        person.qualifications.truncate(1);
        let mut used: Vec<UsagePosting> = Vec::new();
        for visit in visits {
            let visit = Visit { care: Chronic, disease: DISEASES[0], ..visit };
            lived.visits += 1;
            let Some(settle) = visit.settle(books[0].pool(), books[0].insurance()) else { continue };
            let filing = visit.filing(&person);
            let [apart, highest, two] = books.each_ref().map(|book| {
                let case = Case {
                    person: &person,
                    settle: &settle,
                    filings: filing.as_slice(),
                    usages: &used,
                    account_balance: Money::ZERO,
                    family: &[],
                    earlier: &[],
                    settled_on: visit.day(),
                };
                adjudicate(book, &case).map(|result| (*result.payers(), result.usage.clone()))
            });
            prop_assert_eq!(&apart, &highest);
            prop_assert_eq!(&apart, &two);
            if let Ok((_, usage)) = apart {
                lived.settled += 1;
                used.push(UsagePosting { usage, day: visit.day() });
            }
        }
        Ok(lived)
    });
}
