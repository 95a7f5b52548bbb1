//! The tables of a drawn book, as text.

use super::*;

/// People whom one of two rows is about, and everybody else.
const SOME: &str = "'destitute', 'low-income', 'at-risk'";
const OTHERS: &str = "'none', 'low-income-margin', 'returned-poor', 'high-cost', 'veteran'";

/// Rows of a table that is for everybody alike, or says one thing of some identities and another of the rest.
fn by_identity(c: &mut Choosing<'_>, mut value: impl FnMut(&mut Choosing<'_>) -> String) -> String {
    if c.is_one_of(2) {
        return format!("[{{ id = 'all', {}, § }}]", value(c));
    }
    let rows = [("some", SOME), ("others", OTHERS)];
    let rows = rows.map(|(id, whom)| format!("{{ id = '{id}', identity = [{whom}], {}, § }}", value(c)));
    format!("[{}]", rows.join(", "))
}

/// What holds for all care: places, deemed filings, whom a book lets in, and how institutions count.
pub(super) fn admission(c: &mut Choosing<'_>, drawn: &Drawn) -> String {
    let mut text = format!("place = [{{ id = 'near', areas = ['{NEAR}'], § }}]\n");
    if c.is_one_of(4) {
        let class = c.of(&FilingClass::ALL).word();
        text += &format!("deemed_filing = [{{ id = 'near', place = 'near', class = '{class}', § }}]\n");
    }
    if c.is_one_of(4) {
        let rule = c.of(&["local", "referral"]);
        text += &format!("back_home = [{{ id = 'all', rule = '{rule}', § }}]\n");
    }
    if c.is_one_of(3) {
        let counts_as = c.of(&["primary", "first", "third"]);
        text += &format!("level_as = [{{ id = 'unrated', level = ['unrated'], as = '{counts_as}', § }}]\n");
    }
    text += &drawn.waits.map_or(String::new(), Waits::text);
    text += match (drawn.continues, c.is_one_of(2)) {
        (true, _) => "year_to_date = { after_change = 'continue', § }\n",
        (false, true) => "year_to_date = { after_change = 'new', § }\n",
        // What a book says nothing of begins anew.
        (false, false) => "",
    };
    if c.is_one_of(3) {
        let rule = c.of(&["refuse", "other-temporary", "referral"]);
        return text + &format!("unfiled = [{{ id = 'all', rule = '{rule}', § }}]\n");
    }
    text + "unfiled = [{ id = 'all', rule = 'refuse', § }]\n"
}

/// How care elsewhere is paid, each form alone and together.
pub(super) fn off_site(c: &mut Choosing<'_>) -> String {
    let by_place = c.is_one_of(2);
    let mut row = |class: FilingClass, place: Option<&str>| {
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
        let (word, id) = (class.word(), place.unwrap_or("anywhere"));
        let place = place.map_or(String::new(), |place| format!("place = '{place}', "));
        format!("{{ id = '{word}-{id}', filing = ['{word}'], {place}{form}, § }}")
    };
    let mut rows = Vec::new();
    for class in FilingClass::ALL {
        let places: &[Option<&str>] = if by_place { &[Some("near"), Some("elsewhere")] } else { &[None] };
        rows.extend(places.iter().map(|place| row(class, *place)));
    }
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
pub(super) fn inpatient(c: &mut Choosing<'_>) -> String {
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
        let only = c.of(&["", "same_diagnosis = true, ", "same_institution = true, "]);
        text +=
            &format!("inpatient.continues = [{{ id = 'on', within_days = {days}, {only}deductible = '{rule}', § }}]\n");
    }
    let bounds = [0, 3_000, 20_000];
    let ratios: Vec<String> = match c.next() % 3 {
        // What nobody knows is refused where it decides.
        0 if c.is_one_of(6) => {
            let known = c.ratio(30, 100);
            vec![
                "{ id = 'unknown', level = ['top', 'third'], ratio = 'unset', § }".to_owned(),
                format!("{{ id = 'known', level = ['second', 'first', 'primary', 'unrated'], ratio = '{known}', § }}"),
            ]
        }
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

/// Chronic and ordinary outpatient care, and how a person's diseases stand together.
pub(super) fn other_care(c: &mut Choosing<'_>, several: Option<&str>) -> String {
    let diseases = DISEASES.map(|code| format!("{{ id = '{code}', code = '{code}', name = '病', § }}"));
    let mut text = format!("chronic.disease = [{}]\n", diseases.join(", "));
    let [of_chronic, of_outpatient] = [(); 2].map(|()| deductible(c, "'chronic', 'outpatient'"));
    if let Some(cap) = several {
        let most = c.of(&["", "diseases_at_most = 2, "]);
        // What is borne at every visit is not borne once for all diseases.
        let together = if of_chronic.contains("'stay'") { "each" } else { "one" };
        let (ratio, deductible) = (c.of(&["own", "highest"]), c.of(&["each", together]));
        text += &format!(
            "chronic.several = {{ {most}cap = '{cap}', ratio = '{ratio}', deductible = '{deductible}', § }}\n"
        );
    }
    for (care, deductible) in [("chronic", of_chronic), ("outpatient", of_outpatient)] {
        let ratio = c.ratio(30, 90);
        text += &format!("{care}.deductible = [{{ id = 'all', {deductible}, § }}]\n");
        if care == "chronic" && c.is_one_of(3) {
            let (pressure, rest) = (c.ratio(30, 90), DISEASES[1..].join("', '"));
            text += &format!(
                "chronic.ratio = [{{ id = 'first', disease = ['{}'], ratio = '{ratio}', § }}, \
                 {{ id = 'rest', disease = ['{rest}'], ratio = '{pressure}', § }}]\n",
                DISEASES[0]
            );
        } else {
            text += &format!("{care}.ratio = [{{ id = 'all', ratio = '{ratio}', § }}]\n");
        }
    }
    text
}

/// One cap over all care, those of some diseases and one for outpatient care inside it, and perhaps one for each month
/// inside that.
pub(super) fn caps(c: &mut Choosing<'_>, drawn: &Drawn) -> String {
    let above = c.of(&["person", "large-sum"]);
    let grows = match drawn.grows_by {
        0 => String::new(),
        most => format!("plus_per_year = {}, from_years = 2, plus_at_most = {most}, ", most / 3),
    };
    let Drawn { basic, outpatient, .. } = drawn;
    let mut rows = vec![
        format!(
            "{{ id = 'all', counts = ['inpatient', 'chronic', 'outpatient'], measure = 'fund_paid', amount = {basic}, \
             {grows}above = '{above}', § }}"
        ),
        format!("{{ id = 'outpatient', counts = ['outpatient'], measure = 'fund_paid', amount = {outpatient}, § }}"),
    ];
    if let Some(cost) = drawn.cost {
        rows.push(format!(
            "{{ id = 'cost', counts = ['inpatient'], measure = 'in_policy', amount = {cost}, above = 'large-sum', § }}"
        ));
    }
    for OfDisease { code, most, carried } in &drawn.of_diseases {
        let per = match (drawn.by_month, carried) {
            (false, _) => "",
            (true, false) => ", per = 'month'",
            (true, true) => ", per = 'month', carried = true",
        };
        rows.push(format!(
            "{{ id = '{}', disease = ['{code}'], counts = ['chronic'], measure = 'fund_paid', amount = {most}{per}{}, § }}",
            code.to_lowercase(),
            drawn.diseases_grow.text()
        ));
    }
    if let Some(Class { most, by_month, with_stays }) = drawn.class {
        let per = if by_month { "per = 'month', " } else { "" };
        let counts = if with_stays { "'inpatient', 'chronic'" } else { "'chronic'" };
        rows.push(format!(
            "{{ id = 'class', counts = [{counts}], counts_diseases = ['{}'], measure = 'fund_paid', {per}amount = {most}, § }}",
            DISEASES[..2].join("', '")
        ));
    }
    if let Some(month) = drawn.outpatient_month {
        rows.push(format!(
            "{{ id = 'month', counts = ['outpatient'], measure = 'fund_paid', per = 'month', amount = {month}, § }}"
        ));
    }
    // Whose the cost above them is makes no cap wider.
    let rows: Vec<String> = rows
        .into_iter()
        .map(|row| {
            if row.contains("above") {
                row
            } else {
                row.replace("§", &format!("above = '{}', §", c.of(&["person", "person-apart"])))
            }
        })
        .collect();
    format!("cap = [{}]\n", rows.join(", "))
}

/// A cap of a layer; of one that is not known only so much is, and what is beyond is refused.
fn limit(most: Option<i64>, unknown: bool) -> String {
    growing_limit(most, unknown, Growing::default())
}

fn growing_limit(most: Option<i64>, unknown: bool, grow: Growing) -> String {
    let above = if unknown { ", above = 'unset'" } else { "" };
    most.map_or("none = true".to_owned(), |most| format!("amount = {most}{}{above}", grow.text()))
}

/// What pays after the basic fund, each to its limit.
pub(super) fn layers(c: &mut Choosing<'_>, most: &Limits) -> String {
    let Limits { grow, unknown, large_sum, catastrophic, civil_servant, assistance, assistance_of_some, tilt } = *most;
    let mut text = String::new();
    let (base, ratio) = (c.of(&["above_cap", "cap_bought"]), c.ratio(50, 100));
    text += &format!(
        "large_sum = {{ base = '{base}', ratio = [{{ id = 'all', ratio = '{ratio}', § }}], \
         cap = [{{ id = 'all', {}, § }}] }}\n",
        growing_limit(large_sum, unknown[0], grow)
    );
    let includes = c.of(&[
        "'deductible', 'ratio_share'",
        "'deductible', 'ratio_share', 'above_cap', 'above_cap_apart', 'first_self_pay'",
    ]);
    let (tiers, start) = (c.of(&["compliant", "excess"]), 1_000 * c.up_to(20));
    let bound = if tiers == "compliant" { start + 10_000 } else { 10_000 };
    text += &format!(
        "catastrophic.base = {{ includes = [{includes}], care = ['inpatient', 'chronic'], § }}\n\
         catastrophic.tiers = {{ base = '{tiers}', § }}\n\
         catastrophic.deductible = {}\n\
         catastrophic.ratio = [{{ id = 'low', to = {bound}, ratio = '{}', § }}, \
         {{ id = 'high', from = {bound}, ratio = '{}', § }}]\n\
         catastrophic.cap = [{{ id = 'all', {}, § }}]\n",
        by_identity(c, |c| format!("amount = {}", start / c.of(&[1, 2]))),
        c.ratio(50, 70),
        c.ratio(60, 80),
        growing_limit(catastrophic, unknown[1], grow),
    );
    if c.is_one_of(3) {
        let (points, factor) = (format!("points = '{}'", c.ratio(0, 20)), format!("factor = '{}'", c.ratio(70, 100)));
        let change = c.of(&[points.as_str(), factor.as_str()]);
        text += &format!(
            "catastrophic.off_site = [{{ id = 'filed', filing = ['local', 'long-term'], none = true, § }}, \
             {{ id = 'other', filing = ['referral', 'emergency', 'other-temporary'], {change}, § }}]\n"
        );
    }
    text += &match civil_servant {
        None => "civil_servant = { none = true, § }\n".to_owned(),
        Some(most) => format!(
            "civil_servant.base = {{ includes = ['ratio_share', 'above_cap'], care = ['inpatient'], § }}\n\
             civil_servant.ratio = [{{ id = 'all', ratio = '{}', § }}]\n\
             civil_servant.cap = [{{ id = 'all', {}, § }}]\n",
            c.ratio(20, 100),
            limit(Some(most), unknown[2])
        ),
    };
    text += &format!(
        "assistance.base = {{ includes = ['deductible', 'ratio_share', 'above_cap'], \
         care = ['inpatient', 'chronic', 'outpatient'], § }}\n\
         assistance.start = {}\n\
         assistance.ratio = {}\n\
         assistance.cap = [{{ id = 'some', identity = [{SOME}], {}, § }}, \
         {{ id = 'others', identity = [{OTHERS}], {}, § }}]\n",
        by_identity(c, |c| format!("amount = {}", 500 * c.up_to(10))),
        by_identity(c, |c| format!("ratio = '{}'", c.ratio(50, 100))),
        limit(assistance_of_some, unknown[4]),
        limit(assistance, unknown[3]),
    );
    if let Some(most) = tilt {
        text += &format!(
            "assistance.tilt = {{ includes = ['ratio_share', 'first_self_pay'], care = ['inpatient', 'chronic'], § }}\n\
             assistance.tilt_start = [{{ id = 'all', amount = {}, § }}]\n\
             assistance.tilt_ratio = [{{ id = 'all', ratio = '{}', § }}]\n\
             assistance.tilt_cap = [{{ id = 'all', {}, § }}]\n",
            1_000 * c.up_to(10),
            c.ratio(30, 80),
            limit(Some(most), unknown[5]),
        );
    }
    text
}
