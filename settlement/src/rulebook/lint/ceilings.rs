//! 全国上限: off-site reductions of the basic fund's ratio beyond what the national procedure allows (policy.md A.6). What
//! care elsewhere is paid is held against what care at home is, level by level and segment by segment: by a pre-deduction,
//! by points, by a factor, or by ratios of its own.

use jiff::civil::{Date, date};
use rust_decimal::{Decimal, dec};

use crate::encounter::CareKind;
use crate::filing::{FilingClass, Proof};
use crate::person::AssistanceClass;
use crate::rulebook::RuleBook;
use crate::rulebook::check::{Scope, each_kind, extents_meet};
use crate::rulebook::clause::{Clause, Setting};
use crate::rulebook::conditions::{Cases, Facts, Footing, identity_position};
use crate::rulebook::ratio::Ratio;
use crate::rulebook::sections::{CareRules, OffSite, Segment};
use crate::rulebook::table::{Row, Table};

/// The first day of the national procedure of 2022: what a book said before it is no concern of it.
const PROCEDURE_IN_FORCE: Date = date(2023, 1, 1);

/// The largest reduction in percentage points that the national procedure of 2022 allows. Whoever filed by commitment and
/// has not made it good has the benefits of temporary absence (policy.md A.3).
fn ceiling(class: FilingClass, proof: Proof) -> Decimal {
    let treated_as = match proof {
        Proof::HandedIn => class,
        Proof::Commitment => FilingClass::OtherTemporary,
    };
    match treated_as {
        FilingClass::LongTerm => dec!(0),
        FilingClass::Referral | FilingClass::Emergency => dec!(0.10),
        FilingClass::OtherTemporary => dec!(0.20),
    }
}

/// A rule that lowers what is paid elsewhere below the ceiling of a class, where it does so most.
struct Beyond {
    clause: Clause,
    class: FilingClass,
    ceiling: Decimal,
    home: Decimal,
    elsewhere: Decimal,
    /// The kind of care and the level.
    at: String,
}

/// Off-site reductions above the national ceilings, one for each rule and class.
pub(in crate::rulebook) fn national_ceilings(book: &RuleBook) -> Vec<String> {
    if book.validity().to.is_some_and(|last| last < PROCEDURE_IN_FORCE) {
        return Vec::new();
    }
    let mut found: Vec<Beyond> = Vec::new();
    for care in [CareKind::Inpatient, CareKind::Chronic, CareKind::Outpatient] {
        if let Some(rules) = book.care(care).rules() {
            look_at(book, care, rules, &mut found);
        }
    }
    found.sort_by_key(|beyond| (beyond.clause, beyond.class));
    let said = |beyond: &Beyond| {
        let clause = book.clause(beyond.clause)?;
        let points = |share: Decimal| (share * Decimal::ONE_HUNDRED).round_dp(2).normalize();
        let (most, home, elsewhere) = (points(beyond.ceiling), points(beyond.home), points(beyond.elsewhere));
        let (line, path, class, at) = (clause.line, &clause.path, beyond.class.word(), &beyond.at);
        Some(format!(
            "line {line}: {path}: lowers {class} by more than {most} points: {home}% at home, {elsewhere}% elsewhere ({at})"
        ))
    };
    found.iter().filter_map(said).collect()
}

fn look_at(book: &RuleBook, care: CareKind, rules: &CareRules, found: &mut Vec<Beyond>) {
    let told_apart = rules.ratio.rows.iter().map(|row| (&row.when, row.clause));
    let told_apart = told_apart.chain(book.off_site.rows.iter().map(|row| (&row.when, row.clause)));
    let rows = told_apart.map(|(when, clause)| Row { when: when.clone(), clause, value: () }).collect();
    let table = Table { path: rules.ratio.path.clone(), rows };
    each_kind(&table, &scope(book), &mut |facts| {
        let classes: &[FilingClass] = match &facts.footing {
            // Where no row asks for the footing, every class is treated alike.
            Footing::Local => &FilingClass::ALL,
            Footing::OffSite(class) => std::slice::from_ref(class),
        };
        for class in classes {
            let elsewhere = Facts { care, footing: Footing::OffSite(*class), ..*facts };
            let home = Facts { care, footing: Footing::Local, filed: true, proof: Proof::HandedIn, ..*facts };
            compare(book, rules, (&home, &elsewhere), *class, found);
        }
        true
    });
}

/// Whom the book tells apart.
fn scope(book: &RuleBook) -> Scope {
    let known = |identity: &Option<AssistanceClass>| book.admission.identities.has(identity_position(*identity));
    let identities = std::iter::once(None).chain(AssistanceClass::ALL.into_iter().map(Some));
    Scope {
        insurance: Some(book.insurance()),
        identities: identities.filter(known).collect(),
        diseases: Vec::new(),
        places: book.admission.places.clone(),
        levels: Cases::ANY,
    }
}

/// Holds what is paid elsewhere against what is paid at home, in every segment that they have in common. What nobody knows
/// is not compared.
fn compare(
    book: &RuleBook,
    rules: &CareRules,
    (home, elsewhere): (&Facts<'_>, &Facts<'_>),
    class: FilingClass,
    found: &mut Vec<Beyond>,
) {
    let Some(change) = book.off_site.find(elsewhere).filter(|row| !row.value.not_payable) else { return };
    for there in rules.ratio.matching(elsewhere) {
        for here in rules.ratio.matching(home).filter(|here| extents_meet(&here.value, &there.value)) {
            let (Some(paid_here), Some(paid_there)) = (ratio(&here.value, home), ratio(&there.value, elsewhere)) else {
                continue;
            };
            let (paid_here, paid_there) = (paid_here.value(), changed(&change.value, paid_there));
            let ceiling = ceiling(class, elsewhere.proof);
            if paid_here - paid_there <= ceiling {
                continue;
            }
            // A table of its own lowers where the off-site rule changes nothing.
            let lowers = if changed(&change.value, Ratio::ONE) < Decimal::ONE { change.clause } else { there.clause };
            let at = format!("{} care, level {}", elsewhere.care.word(), elsewhere.level.word());
            let beyond = Beyond { clause: lowers, class, ceiling, home: paid_here, elsewhere: paid_there, at };
            match found.iter_mut().find(|known| known.clause == lowers && known.class == class) {
                Some(known) if known.home - known.elsewhere >= paid_here - paid_there => {}
                Some(known) => *known = beyond,
                None => found.push(beyond),
            }
        }
    }
}

/// The ratio of a segment at the person's age; none where nobody knows it.
fn ratio(segment: &Segment, facts: &Facts<'_>) -> Option<Ratio> {
    let ratio = segment.ratio.known()?;
    let Some(grows) = segment.by_age else { return Some(ratio) };
    Some(ratio.grown(grows.per_year.known()?, facts.age.max(0)).min(grows.at_most.known()?))
}

/// What a change leaves of a ratio, measured on the amount before a pre-deduction.
fn changed(change: &OffSite, ratio: Ratio) -> Decimal {
    let known = |setting: Option<Setting<Ratio>>, usual: Ratio| setting.and_then(Setting::known).unwrap_or(usual);
    let after = ratio.less(known(change.points, Ratio::ZERO)).times(known(change.factor, Ratio::ONE));
    after.value() * (Decimal::ONE - known(change.pre_deduct, Ratio::ZERO).value())
}
