//! Books drawn at random, each valid and each with other shapes: what holds for the shipped books holds for them, and no
//! cap that they state is ever passed, whatever is settled and cancelled in between.

mod drawing;

use super::*;

/// How many books are drawn where nobody asks for more: each lives through fifty visits, 100,000 in all.
const DRAWN: u32 = 2_000;
/// Visits in the life of one book.
const VISITS: usize = 50;
/// The cases of an ordinary property, to which `PROPTEST_CASES` is held: ten times as many draw ten times the books.
const USUAL_CASES: u32 = 256;

/// The bytes out of which a book is drawn: more than the most that one takes.
const BYTES: usize = 256;

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
    of_diseases: Vec<(&'static str, i64)>,
    /// How caps of several diseases stand together, where the book says it.
    several: Option<&'static str>,
    limits: Limits,
}

/// What the layers after the basic fund pay at most.
#[derive(Clone, Debug, Default)]
struct Limits {
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
        text += &drawing::admission(c);
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
        let of_diseases = match c.next() % 3 {
            0 => Vec::new(),
            _ => DISEASES[..3].iter().map(|code| (*code, 200 + 100 * c.up_to(50))).collect(),
        };
        Drawn {
            text: String::new(),
            basic,
            grows_by: c.of(&[0, 0, 3_000]),
            cost: c.of(&[None, None, Some(60_000)]),
            outpatient: c.of(&[300, 2_000, 50_000]),
            outpatient_month: c.of(&[None, Some(100), Some(1_000)]),
            of_diseases,
            several: c.of(&[None, None, Some("each"), Some("highest"), Some("top_two_add")]),
            limits: Limits {
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
    fn disease_caps_hold(&self, used: &YearToDate) -> Result<(), TestCaseError> {
        let paid = |code: &str| used.of_disease(&DiseaseCode::new(code).expect("a code")).basic;
        let mut most: Vec<i64> = self.of_diseases.iter().map(|(_, most)| *most).collect();
        most.sort_unstable_by_key(|most| std::cmp::Reverse(*most));
        let together = match self.several {
            None | Some("each") => None,
            Some("highest") => most.first().copied(),
            Some(_) => (!most.is_empty()).then(|| most.iter().take(2).sum()),
        };
        let all: Money = self.of_diseases.iter().map(|(code, _)| paid(code)).sum();
        if let Some(together) = together {
            prop_assert!(all <= Money::from_yuan(together), "{all} for all diseases, of {together}");
            return Ok(());
        }
        for (code, most) in &self.of_diseases {
            prop_assert!(paid(code) <= Money::from_yuan(*most), "{} for {code}, of {most}", paid(code));
        }
        Ok(())
    }

    fn caps_hold(&self, book: &RuleBook, usages: &[Usage], visit: &Visit) -> Result<(), TestCaseError> {
        let used = YearToDate::fold(usages, book.insurance(), book.year_of(visit.day()));
        let (yuan, total, limits) = (Money::from_yuan, used.total(), &self.limits);
        prop_assert!(total.basic <= yuan(self.basic + self.grows_by), "the basic fund paid {}", total.basic);
        prop_assert!(used.of(&[Outpatient]).basic <= yuan(self.outpatient));
        let stays = used.of(&[Inpatient]).basic;
        prop_assert!(self.cost.is_none_or(|most| stays <= yuan(most)), "{stays} for stays");
        self.disease_caps_hold(&used)?;
        let either = limits.assistance.zip(limits.assistance_of_some).map(|(one, other)| one.max(other));
        let assistance = either.map(|most| most + limits.tilt.unwrap_or(0));
        let layers = [
            (total.large_sum, limits.large_sum),
            (total.catastrophic, limits.catastrophic),
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

proptest! {
    #![proptest_config(ProptestConfig {
        cases: DRAWN * ProptestConfig::default().cases.div_ceil(USUAL_CASES),
        ..ProptestConfig::default()
    })]
    #[test]
    fn what_any_book_pays_adds_up_and_no_cap_of_it_is_passed(
        bytes in prop::collection::vec(any::<u8>(), BYTES),
        somebody in somebody(),
        visits in prop::collection::vec(visit(), VISITS),
    ) {
        let drawn = Drawn::from_bytes(&bytes);
        let read = || RuleBook::parse(&drawn.text).unwrap_or_else(|faults| panic!("{faults:#?} in\n{}", drawn.text));
        let book = read();
        prop_assert_eq!(&book, &read(), "the same text was read otherwise");
        live_through(&book, &somebody, &visits, |usages, visit| drawn.caps_hold(&book, usages, visit))?;
    }
}
