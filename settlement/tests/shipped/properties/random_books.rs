//! Books drawn at random, each valid and each with other shapes: what holds for the shipped books holds for them, and no
//! cap that they state is ever passed, whatever is settled and cancelled in between.

use super::*;

/// How many books are drawn where nobody asks for more: each lives through fifty visits, 100,000 in all.
const DRAWN: u32 = 2_000;
/// Visits in the life of one book.
const VISITS: usize = 50;
/// The cases of an ordinary property, to which `PROPTEST_CASES` is held: ten times as many draw ten times the books.
const USUAL_CASES: u32 = 256;

/// A book's text with what it caps, in yuan of a benefit year.
#[derive(Clone, Debug)]
struct Drawn {
    text: String,
    basic: i64,
    outpatient: i64,
    outpatient_month: Option<i64>,
    large_sum: Option<i64>,
    catastrophic: Option<i64>,
    assistance: Option<i64>,
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
        let mut text = String::from(
            "pool = '990000'\ninsurance = 'employee'\ntitle = 'drawn'\nfrom = 2020-01-01\n\
             source = [{ id = 's', document = 'drawn' }]\nunfiled = [{ id = 'all', rule = 'refuse', § }]\npurchase = { § }\n",
        );
        text += &format!("rounding = '{}'\n", c.of(&["fund_total", "segment"]));
        text += &format!("decision_date = {{ date = '{}', § }}\n", c.of(&["admission", "discharge", "settlement"]));
        text += &format!("benefit_year = {{ starts = '{}', § }}\n", c.of(&["01-01", "07-01"]));
        text += &format!("interim_stay = {{ deductible = '{}', § }}\n", c.of(&["once", "each"]));
        text += &format!("outpatient_during_stay = {{ rule = '{}', § }}\n", c.of(&["pay", "warn", "refuse"]));
        let own = format!("ratio = '{}'", c.ratio(0, 30));
        text += &format!("first_self_pay = {{ {}, § }}\n", c.of(&["accept_sent = true", own.as_str()]));
        text += &off_site(c);
        text += &inpatient(c);
        text += &other_care(c);
        let basic = c.of(&[2_000, 30_000, 100_000]);
        let outpatient = c.of(&[300, 2_000, 50_000]);
        let outpatient_month = c.of(&[None, Some(100), Some(1_000)]);
        text += &caps(c, basic, outpatient, outpatient_month);
        let (layers, [large_sum, catastrophic, assistance]) = layers(c);
        text += &layers;
        text += "civil_servant = { none = true, § }\n";
        let covered = [
            "'deductible', 'ratio_share'",
            "'deductible', 'ratio_share', 'above_cap', 'pre_deduction', 'first_self_pay'",
        ];
        text += &format!("account = [{{ id = 'all', covers = [{}], § }}]\n", c.of(&covered));
        let text = text.replace('§', "source = 's', trust = 'assumed'");
        Drawn { text, basic, outpatient, outpatient_month, large_sum, catastrophic, assistance }
    }

    fn caps_hold(&self, book: &RuleBook, usages: &[Usage], visit: &Visit) -> Result<(), TestCaseError> {
        let used = YearToDate::fold(usages, book.insurance(), book.year_of(visit.day()));
        let (yuan, total) = (Money::from_yuan, used.total());
        prop_assert!(total.basic <= yuan(self.basic), "the basic fund paid {}", total.basic);
        prop_assert!(used.of(&[Outpatient]).basic <= yuan(self.outpatient));
        let layers = [total.large_sum, total.catastrophic, total.assistance];
        for (paid, most) in layers.into_iter().zip([self.large_sum, self.catastrophic, self.assistance]) {
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

/// How care elsewhere is paid, each form alone and together.
fn off_site(c: &mut Choosing<'_>) -> String {
    let rows = FilingClass::ALL.map(|class| {
        let points = format!("points = '{}'", c.ratio(0, 25));
        let factor = format!("factor = '{}'", c.ratio(70, 100));
        let pre_deduct = format!("pre_deduct = '{}'", c.ratio(0, 40));
        let floor = format!("floor = '{}', floor_of = '{}'", c.ratio(20, 60), c.of(&["in_policy", "total"]));
        let form = match c.next() % 8 {
            0 => "none = true".to_owned(),
            1 => points,
            2 => factor,
            3 => pre_deduct,
            4 => floor,
            5 => "not_payable = true".to_owned(),
            6 => [points, factor].join(", "),
            _ => [pre_deduct, points, factor, floor].join(", "),
        };
        format!("{{ id = '{0}', filing = ['{0}'], {form}, § }}", class.word())
    });
    format!("off_site = [{}]\n", rows.join(", "))
}

fn deductible(c: &mut Choosing<'_>, shared: &str) -> String {
    let amount = 50 * c.up_to(40);
    match c.next() % 8 {
        0 => "none = true, per = 'stay'".to_owned(),
        1 => format!("amount = {amount}, per = 'year'"),
        2 => format!("amount = {amount}, per = 'year', shared_by = [{shared}]"),
        3 => format!("amount = {amount}, per = 'cycle', cycle_days = {}", 30 + c.up_to(200)),
        4 => format!(
            "share_of_bill = '{}', at_least = {amount}, at_most = {}, per = 'stay'",
            c.ratio(5, 30),
            amount + 3_000
        ),
        _ => format!("amount = {amount}, per = 'stay'"),
    }
}

/// Inpatient care with rows by level, what falls, goes on and comes again, and segments of each base.
fn inpatient(c: &mut Choosing<'_>) -> String {
    let mut text = String::new();
    let rows = ["primary", "first", "second", "third"].map(|level| {
        let amount = 50 * c.up_to(40);
        let form = match c.next() % 4 {
            0 => format!("amount = {amount}, per = 'stay', falls_by = 100, down_to = {}", amount.min(100)),
            1 => format!("amount = {amount}, per = 'stay', again_after_days = {}", 30 + c.up_to(60)),
            _ => deductible(c, "'inpatient', 'chronic'"),
        };
        format!("{{ id = '{level}', level = ['{level}'], {form}, § }}")
    });
    text += &format!("inpatient.deductible = [{}]\n", rows.join(", "));
    if c.is_one_of(2) {
        let factor = c.ratio(0, 100);
        text += &format!("inpatient.deductible_factor = [{{ id = 'later', stay_from = 2, factor = '{factor}', § }}]\n");
    }
    if c.is_one_of(2) {
        let (days, rule) = (c.up_to(30), c.of(&["none", "difference"]));
        text += &format!("inpatient.continues = [{{ id = 'on', within_days = {days}, deductible = '{rule}', § }}]\n");
    }
    let bounds = [0, 3_000, 20_000];
    let ratios: Vec<String> = match c.next() % 3 {
        0 => vec![format!("{{ id = 'all', ratio = '{}', § }}", c.ratio(30, 100))],
        1 => {
            let grown = format!("ratio = '{}', per_year_of_age = '0.002', at_most = '0.95'", c.ratio(30, 80));
            vec![format!("{{ id = 'all', {grown}, § }}")]
        }
        _ => {
            text += &format!("inpatient.segments = {{ base = '{}', § }}\n", c.of(&["bill", "year", "fund_paid"]));
            let to = |segment: usize| bounds.get(segment + 1).map_or(String::new(), |to| format!(", to = {to}"));
            let row = |segment: usize, ratio| {
                format!("{{ id = '{segment}', from = {}{}, ratio = '{ratio}', § }}", bounds[segment], to(segment))
            };
            (0..bounds.len()).map(|segment| row(segment, c.ratio(30, 100))).collect()
        }
    };
    text + &format!("inpatient.ratio = [{}]\n", ratios.join(", "))
}

fn other_care(c: &mut Choosing<'_>) -> String {
    let diseases = DISEASES.map(|code| format!("{{ id = '{code}', code = '{code}', name = '病', § }}"));
    let mut text = format!("chronic.disease = [{}]\n", diseases.join(", "));
    for care in ["chronic", "outpatient"] {
        let (deductible, ratio) = (deductible(c, "'chronic', 'outpatient'"), c.ratio(30, 90));
        text += &format!("{care}.deductible = [{{ id = 'all', {deductible}, § }}]\n");
        text += &format!("{care}.ratio = [{{ id = 'all', ratio = '{ratio}', § }}]\n");
    }
    text
}

/// One cap over all care, one for outpatient care inside it, and perhaps one for each month inside that.
fn caps(c: &mut Choosing<'_>, basic: i64, outpatient: i64, month: Option<i64>) -> String {
    let above = c.of(&["person", "large-sum"]);
    let mut rows = vec![
        format!(
            "{{ id = 'all', counts = ['inpatient', 'chronic', 'outpatient'], measure = 'fund_paid', amount = {basic}, above = '{above}', § }}"
        ),
        format!("{{ id = 'outpatient', counts = ['outpatient'], measure = 'fund_paid', amount = {outpatient}, § }}"),
    ];
    if c.is_one_of(3) {
        rows.push(
            "{ id = 'cost', counts = ['inpatient'], measure = 'in_policy', amount = 60000, above = 'large-sum', § }"
                .to_owned(),
        );
    }
    if let Some(month) = month {
        rows.push(format!(
            "{{ id = 'month', counts = ['outpatient'], measure = 'fund_paid', per = 'month', amount = {month}, § }}"
        ));
    }
    format!("cap = [{}]\n", rows.join(", "))
}

/// What pays after the basic fund, and what each layer pays at most.
fn layers(c: &mut Choosing<'_>) -> (String, [Option<i64>; 3]) {
    let mut text = String::new();
    let limit = |most: Option<i64>| most.map_or("none = true".to_owned(), |most| format!("amount = {most}"));
    let most = [c.of(&[None, Some(5_000)]), c.of(&[None, Some(20_000)]), c.of(&[None, Some(3_000)])];
    let (base, ratio) = (c.of(&["above_cap", "cap_bought"]), c.ratio(50, 100));
    text += &format!(
        "large_sum = {{ base = '{base}', ratio = [{{ id = 'all', ratio = '{ratio}', § }}], cap = [{{ id = 'all', {}, § }}] }}\n",
        limit(most[0])
    );
    let includes = c.of(&["'deductible', 'ratio_share'", "'deductible', 'ratio_share', 'above_cap', 'first_self_pay'"]);
    let (tiers, start) = (c.of(&["compliant", "excess"]), 1_000 * c.up_to(20));
    let bound = if tiers == "compliant" { start + 10_000 } else { 10_000 };
    text += &format!(
        "catastrophic.base = {{ includes = [{includes}], care = ['inpatient', 'chronic'], § }}\n\
         catastrophic.tiers = {{ base = '{tiers}', § }}\n\
         catastrophic.deductible = [{{ id = 'all', amount = {start}, § }}]\n\
         catastrophic.ratio = [{{ id = 'low', to = {bound}, ratio = '{}', § }}, \
         {{ id = 'high', from = {bound}, ratio = '{}', § }}]\n\
         catastrophic.cap = [{{ id = 'all', {}, § }}]\n",
        c.ratio(50, 70),
        c.ratio(60, 80),
        limit(most[1]),
    );
    text += &format!(
        "assistance.base = {{ includes = ['deductible', 'ratio_share', 'above_cap'], care = ['inpatient', 'chronic', 'outpatient'], § }}\n\
         assistance.start = [{{ id = 'all', amount = {}, § }}]\n\
         assistance.ratio = [{{ id = 'all', ratio = '{}', § }}]\n\
         assistance.cap = [{{ id = 'all', {}, § }}]\n",
        500 * c.up_to(10),
        c.ratio(50, 100),
        limit(most[2]),
    );
    (text, most)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: DRAWN * ProptestConfig::default().cases.div_ceil(USUAL_CASES),
        ..ProptestConfig::default()
    })]
    #[test]
    fn what_any_book_pays_adds_up_and_no_cap_of_it_is_passed(
        bytes in prop::collection::vec(any::<u8>(), 128),
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
