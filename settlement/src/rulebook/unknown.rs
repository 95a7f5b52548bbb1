//! 规则未明确: how a refusal names a rule that nobody knows. A clerk reads its words, an operator looks its path up.
//! Called by whatever needs a value; it decides nothing.

use crate::adjudication::Fund;
use crate::encounter::CareKind;
use crate::refusal::{Reason, Refusal};
use crate::rulebook::RuleBook;
use crate::rulebook::clause::Clause;

/// The most characters that a refusal shows of a clause: with a path and the desk's own words, `err_msg` keeps within its
/// 200 (his-interface.md 1.5).
pub const LONGEST_CLAUSE: usize = 60;

/// The refusal for a row of which a value is unset: the row's own clause, or the name of its table, and its path, down to
/// the field where only that is asked for.
pub(crate) fn row(book: &RuleBook, at: Clause, field: Option<&str>) -> Refusal {
    worded(book, at, field, "")
}

/// A row's refusal with what is said behind its words.
fn worded(book: &RuleBook, at: Clause, field: Option<&str>, behind: &str) -> Refusal {
    let Some(clause) = book.clause(at) else { return Reason::RuleUnset.into() };
    let path = field.map_or_else(|| clause.path.clone(), |field| format!("{}.{field}", clause.path));
    let words = clause.text.as_deref().map_or_else(|| format!("{}不明", name(&clause.path)), shown);
    refusal(&format!("{words}{behind}"), &path)
}

/// The refusal for care that counts as filed where nobody knows as which class: what the desk can do is part of it,
/// which is to hand in the proof where a long-term filing by commitment lacks it.
pub(crate) fn deemed(book: &RuleBook, at: Clause, is_unproven: bool) -> Refusal {
    let remedy = if is_unproven {
        "；补交长期居住备案的证明材料后按备案结算"
    } else {
        "；办理转诊或长期居住备案后按备案结算"
    };
    worded(book, at, Some("class"), remedy)
}

/// The refusal for a table none of whose rows applies, with what is not known of the person where that decides.
pub(crate) fn table(path: &str, of_person: Option<&str>) -> Refusal {
    let why = of_person.map_or_else(|| "没有适用的规定".to_owned(), |fact| format!("参保人的{fact}不明"));
    refusal(&format!("{}，{why}", name(path)), path)
}

fn refusal(words: &str, path: &str) -> Refusal {
    Refusal::new(Reason::RuleUnset).because(format!("{words}({path})"))
}

/// A clause as far as a refusal shows it.
fn shown(clause: &str) -> String {
    if clause.chars().count() <= LONGEST_CLAUSE {
        return clause.to_owned();
    }
    clause.chars().take(LONGEST_CLAUSE - 1).chain(['…']).collect()
}

/// What a desk calls the table that a path leads to: `catastrophic.cap.all` is 大病保险封顶线.
fn name(path: &str) -> String {
    path.split('.').filter_map(word).collect()
}

/// The name of a section or a table; an id of a row has none.
fn word(part: &str) -> Option<&'static str> {
    let section = CareKind::from_word(part).map(CareKind::name);
    let layer = || Fund::from_word(&part.replace('_', "-")).map(Fund::name);
    section.or_else(layer).or_else(|| {
        Some(match part {
            "first_self_pay" => "先行自付",
            "deemed_filing" => "视同备案的类别",
            "filing_validity" => "备案有效期",
            "waiting" => "待遇等待期",
            "unfiled" => "未备案就医的待遇",
            "off_site" => "异地就医的待遇调整",
            "account" => "个人账户支付范围",
            "deductible" => "起付线",
            "deductible_factor" => "起付线倍数",
            "ratio" => "支付比例",
            "cap" => "封顶线",
            "start" => "起付标准",
            "tilt_start" => "倾斜救助起付标准",
            "tilt_ratio" => "倾斜救助比例",
            "tilt_cap" => "倾斜救助封顶线",
            _ => return None,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rulebook::keys::{Form, keys};

    #[test]
    fn every_table_that_may_leave_a_value_unset_has_a_name() {
        let unset = [Form::MoneyOrUnset, Form::RatioOrUnset, Form::NumberOrUnset];
        let tables: Vec<String> =
            keys().into_iter().filter(|asked| unset.contains(&asked.form)).map(|asked| asked.table).collect();
        assert!(tables.len() > 20, "{tables:?}");
        for path in tables.iter().map(|table| table.replace("[]", "")).filter(|path| !path.starts_with("example")) {
            assert!(path.split('.').all(|part| word(part).is_some()), "{path} is called {:?}", name(&path));
        }
    }

    #[test]
    fn a_path_is_named_without_the_id_of_its_row() {
        assert_eq!(name("catastrophic.cap.all"), "大病保险封顶线");
        assert_eq!(name("inpatient.deductible.third"), "住院起付线");
        assert_eq!(name("large_sum.ratio"), "大额补助支付比例");
    }

    #[test]
    fn a_long_clause_is_cut_at_a_character() {
        let [fits, long] = [LONGEST_CLAUSE, LONGEST_CLAUSE + 1].map(|length| "线".repeat(length));
        assert_eq!(shown(&fits), fits);
        assert_eq!(shown(&long), format!("{}…", "线".repeat(LONGEST_CLAUSE - 1)));
    }
}
