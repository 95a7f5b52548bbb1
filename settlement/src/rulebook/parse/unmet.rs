//! Reports conditions that nothing meets which their table is ever asked about: the row would stand there and never apply.

use crate::encounter::CareKind;
use crate::filing::{FilingClass, Proof};
use crate::ids::DiseaseCode;
use crate::rulebook::check::{Scope, section_of};
use crate::rulebook::conditions::{Cases, Conditions, Footing, footing_position};
use crate::rulebook::table::Table;
use crate::spanned::Report;

/// The tables that decide who is let in, and on what footing.
const DECIDE_THE_FOOTING: [&str; 5] = ["unfiled", "commitment", "deemed_filing", "back_home", "waiting"];
/// Asked of a filing, which has a class.
const OF_A_FILING: &str = "filing_validity";
/// Asked about care elsewhere only.
const OFF_SITE: [&str; 2] = ["off_site", "catastrophic.off_site"];

/// Reports the rows of a table that can never apply.
pub(super) fn report<T>(table: &Table<T>, scope: &Scope, report: &Report) {
    for row in &table.rows {
        for problem in problems(&table.path, &row.when, scope) {
            report.fault(row.clause.0 as usize, &table.path, problem);
        }
    }
}

fn problems(path: &str, when: &Conditions, scope: &Scope) -> Vec<String> {
    let own = section_of(path);
    let before = DECIDE_THE_FOOTING.contains(&path);
    let mut problems = Vec::new();
    let mut say = |wrong: bool, problem: String| {
        if wrong {
            problems.push(problem);
        }
    };
    let unknown = |key: &str| format!("cannot depend on {key}: it is asked before that is known");
    say((before || path == OF_A_FILING) && when.filed != Cases::ANY, unknown("filed"));
    say((before || path == OF_A_FILING) && when.proof != Cases::ANY, unknown("proof"));
    let long_term = Cases::at([footing_position(Footing::OffSite(FilingClass::LongTerm))]);
    let commitment = !when.proof.has(Proof::HandedIn as usize);
    let only_long_term = "is for filings by commitment, and only long-term ones are: it names no long-term".to_owned();
    say(commitment && !when.filing.meets(long_term), only_long_term);
    say(before && when.filing != Cases::ANY, unknown("filing"));
    let off_site = Cases::at(Footing::ALL.into_iter().skip(1).map(footing_position));
    let at_home_only = OFF_SITE.contains(&path) && !when.filing.meets(off_site);
    say(at_home_only, "is for care at home, and this table is asked about care elsewhere only".to_owned());
    let insured = Cases::at(scope.classes().iter().map(|class| *class as usize));
    say(!when.person.meets(insured), "names nobody whom this book insures".to_owned());
    let section = own.filter(|own| !when.care.has_care(*own)).map_or("", CareKind::word);
    say(!section.is_empty(), format!("names no {section} care, and [{section}] is about nothing else"));
    let of_disease = !when.disease.is_empty();
    let chronic = own.map_or(when.care.has_care(CareKind::Chronic), |own| own == CareKind::Chronic);
    say(of_disease && !chronic, "names a disease, which only chronic care is for".to_owned());
    problems
}

/// What is wrong with diseases that count together, where care does not count in which they are.
pub(super) fn uncounted(diseases: &[DiseaseCode], counted: Cases) -> Option<&'static str> {
    let wrong = !diseases.is_empty() && !counted.has_care(CareKind::Chronic);
    wrong.then_some("names diseases of chronic care, which does not count here")
}
