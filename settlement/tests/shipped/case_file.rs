//! Case files: the one in `docs/` comes out as it says, changes change what they name, faults are told all at once.

use settlement::adjudication::Fund;
use settlement::money::Money;
use settlement::refusal::Reason;
use settlement::rulebook::example::Expected;
use settlement::rulebook::{Example, Fault, RuleBook};
use settlement::what_if::WhatIf;

const CASE: &str = include_str!("../../../docs/case-example.toml");

fn book() -> RuleBook {
    let text = include_str!("../../../deploy/rulebooks/410700-xinxiang/employee-2024-01-01.toml");
    RuleBook::parse(text).expect("a book without faults")
}

fn read(text: &str, changes: &[(&str, &str)]) -> Result<Example, Vec<Fault>> {
    let changes: Vec<_> = changes.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    book().read_case(text, &changes)
}

#[test]
fn the_case_in_the_documentation_comes_out_as_it_says() {
    let case = read(CASE, &[]).expect("a case");
    assert_eq!(case.run(&book()), Vec::new());
    let [self_paid, over_limit, first_self_pay, in_policy] =
        case.bill().coverage().parts().map(|(_, amount)| amount.to_string());
    assert_eq!([self_paid, over_limit, first_self_pay, in_policy], ["600.00", "300.00", "1000.00", "20000.00"]);
    assert_eq!(case.bill().class_b(), Money::from_yuan(10_000));
    let sums = CASE.split("[[line]]").next().expect("what stands before the lines").to_owned()
        + "[bill]\nself_paid = 600\nover_limit = 300\nfirst_self_pay = 1000\nin_policy = 20000\n";
    let summed = read(&sums, &[]).expect("a case");
    assert_eq!(summed.adjudicate(&book()), case.adjudicate(&book()), "sums come to what the lines come to");
}

#[test]
fn a_change_takes_the_place_of_what_the_file_says() {
    // (change, basic): (20000 − 2000) × ratio; at home 1200 for a third-level hospital; a second stay half.
    for (changes, basic) in [
        (&[("person", "retired")][..], Some(15_660)),
        (&[("filing", "other-temporary")], Some(11_700)),
        (&[("filing", "\"local\"")], Some(15_980)),
        (&[("filing", "none")], None),
        (&[("filing", "none"), ("emergency", "true")], Some(15_300)),
        (&[("used", "[{ care = \"inpatient\", stays = 1 }]")], Some(16_150)),
    ] {
        let changed = read(CASE, changes).expect("a case").adjudicate(&book());
        let paid = changed.ok().map(|worked_out| worked_out.payers().funds.of(Fund::Basic));
        assert_eq!(paid, basic.map(Money::from_yuan), "{changes:?}");
    }
    let sums = "person = 'working'\nage = 45\nlevel = 'third'\ncare = 'inpatient'\nfiling = 'referral'\n\
                settled = 2025-06-30\n[bill]\nin_policy = 10000\n";
    let paid = |changes: &[(&str, &str)]| {
        let case = read(sums, changes).expect("a case");
        case.adjudicate(&book()).map(|worked_out| worked_out.payers().funds.of(Fund::Basic))
    };
    assert_eq!(paid(&[]), Ok(Money::from_yuan(6_800)));
    assert_eq!(paid(&[("bill.in_policy", "20000.00")]), Ok(Money::from_yuan(15_300)), "inside a table");
}

#[test]
fn an_example_may_be_copied_from_a_book_as_it_stands() {
    let copied = "[[example]]\nid = 'x'\ntitle = 'y'\nperson = 'working'\nage = 45\nlevel = 'third'\n\
                  care = 'inpatient'\nfiling = 'referral'\nsettled = 2025-06-30\nbill = { in_policy = 20000 }\n\
                  expect = { basic = 15300 }\nworking = [{ result = 'basic', equals = 15300, \
                  arithmetic = '(20000 - 2000) * 0.85', from = 'inpatient.ratio.working-third' }]\n";
    assert_eq!(read(copied, &[]).expect("a case").run(&book()), Vec::new());
    assert_eq!(read(copied, &[("age", "90")]).expect("a case").person.birth.year(), 1935);
    let twice = read(&copied.repeat(2), &[]).expect_err("two cases");
    assert!(twice.iter().any(|fault| fault.problem.contains("holds one case")), "{twice:?}");
}

#[test]
fn lines_split_by_class_ceiling_and_limits_of_use() {
    let header = "person = 'working'\nage = 45\nlevel = 'third'\ncare = 'inpatient'\nfiling = 'referral'\n\
                  settled = 2025-06-30\n";
    // line: self-paid, over-limit, first self-pay, in-policy (fen)
    for (line, parts) in [
        ("class = 'a'\namount = 12.34", [0, 0, 0, 1_234]),
        ("class = 'b'\namount = 0.05\nfirst_self_pay = '0.10'", [0, 0, 1, 4]),
        ("class = 'b'\nprice = 60\nquantity = 2\nceiling = 50\nfirst_self_pay = '0.20'", [0, 2_000, 2_000, 8_000]),
        ("class = 'a'\nprice = 45.50\nquantity = 3\nceiling = 40", [0, 1_650, 0, 12_000]),
        ("class = 'a'\nprice = 30\nquantity = '0.5'\nceiling = 40", [0, 0, 0, 1_500]),
        ("class = 'b'\namount = 100\nfirst_self_pay = '0.10'\nself_paid = true", [10_000, 0, 0, 0]),
        ("class = 'c'\namount = 100", [10_000, 0, 0, 0]),
    ] {
        let case = read(&format!("{header}[[line]]\n{line}\n"), &[]).unwrap_or_else(|faults| panic!("{faults:?}"));
        assert_eq!(case.bill().coverage().parts().map(|(_, amount)| amount.fen()), parts, "{line}");
    }
    for (line, path, problem) in [
        ("class = 'd'\namount = 1", "line.class", "one of a, b, c"),
        ("class = 'a'", "line", "either an amount"),
        ("class = 'a'\namount = 1\nprice = 1", "line", "either an amount"),
        ("class = 'a'\namount = 1\nfirst_self_pay = '0.10'", "line.first_self_pay", "class b alone"),
        ("class = 'a'\namount = 1\ncategory = 15", "line.category", "1 to 14"),
        ("class = 'a'\namount = 1\nceling = 1", "line.celing", "not a key"),
        ("class = 'a'\namount = 0", "line", "zero"),
    ] {
        let faults = read(&format!("{header}[[line]]\n{line}\n"), &[]).expect_err(line);
        let told = faults.iter().any(|fault| fault.path == path && fault.problem.contains(problem));
        assert!(told, "{line}: {faults:?}");
    }
}

#[test]
fn every_fault_of_a_case_is_told_with_its_line() {
    let faults =
        read("person = 'nobody'\nage = 45\nlevel = 'third'\n\nfilling = 'local'\n[bill]\nin_policy = -1\n", &[])
            .expect_err("faults");
    let told: Vec<(usize, &str)> = faults.iter().map(|fault| (fault.line, fault.path.as_str())).collect();
    for fault in [(1, "person"), (5, "filling"), (7, "bill.in_policy")] {
        assert!(told.contains(&fault), "{told:?}");
    }
    let faults = read(CASE, &[("age.years", "3")]).expect_err("an age is no table");
    assert!(faults.iter().any(|fault| fault.path == "age.years"), "{faults:?}");
}

/// Xinxiang's book is in force from 2024-01-01 on, and the day of settlement decides.
#[test]
fn a_case_of_a_day_before_the_book_is_refused_with_that_day() {
    let told = |book: &RuleBook, text: &str| {
        let faults = book.read_case(text, &[]).expect_err("a day before");
        faults.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let before = CASE.replace("admitted = 2025-06-20", "admitted = 2023-06-20");
    assert!(read(&before, &[]).is_ok(), "the day of admission does not decide");
    let before = before.replace("settled = 2025-06-30", "settled = 2023-06-30");
    let line = CASE.lines().position(|line| line.starts_with("settled")).expect("a day") + 1;
    let problem = "2023-06-30 decides, and the book is in force from 2024-01-01 on";
    assert_eq!(told(&book(), &before), [format!("line {line}: settled: {problem}")]);
    assert!(read(CASE, &[("settled", "2023-06-30"), ("admitted", "2023-06-20")]).is_err(), "as a scenario too");

    // Whoever asks what another book would make of it gets the same sums as in the book's own days.
    let of_any_day = book().read_case_of_any_day(&before).expect("a case");
    let paid = |case: &Example| case.adjudicate(&book()).map(|worked_out| *worked_out.payers());
    assert_eq!(paid(&of_any_day), paid(&read(CASE, &[]).expect("a case")));

    let text = include_str!("../../../deploy/rulebooks/410700-xinxiang/employee-2024-01-01.toml");
    let rules = text.split("[[example]]").next().expect("rules");
    let by_admission = rules.replacen("date = \"settlement\"", "date = \"admission\"", 1);
    let by_admission = by_admission.replacen("from = 2024-01-01\n", "from = 2024-01-01\nto = 2025-06-19\n", 1);
    let by_admission = RuleBook::parse(&by_admission).expect("a book");
    let problem = "admitted: 2025-06-20 decides, and the book is in force from 2024-01-01 to 2025-06-19";
    assert!(told(&by_admission, CASE)[0].ends_with(problem));
    // Who died is settled by the day of death.
    let died = format!("died = 2023-12-30\n{}", before.replace("settled = 2023-06-30", "settled = 2024-01-05"));
    assert_eq!(told(&book(), &died), ["line 1: died: 2023-12-30 decides, and the book is in force from 2024-01-01 on"]);
}

#[test]
fn a_fault_names_its_own_key_and_no_other() {
    // A key that is named wrongly spoils what is read with it; what stands beside it is in order all the same.
    let whole = "id = 'x'\ntitle = 'y'\nsettled = 2025-06-30\nadmitted = 2025-06-20\nperson = 'working'\nage = 45\n\
        identity = 'veteran'\ninsured_from = 2020-01-01\nsuspended_from = 2026-01-01\nsuspended_to = 2026-02-01\n\
        level = 'third'\ncare = 'inpatient'\nfiling = 'referral'\nfiled_from = 2025-01-01\ntreated_in = '310000'\n\
        disease = 'M03900'\ndiagnosis = 'J18'\nqualified_from = 2020-01-01\ndeductible_before = 100\n\
        account_balance = 1\nbill = { in_policy = 20000 }\nearlier = [{ same_stay = true, deductible = 5 }]\n\
        used = [{ care = 'inpatient', stays = 1 }]\nexpect = { cash = 1 }\n";
    read(whole, &[]).expect("a case");
    let lines: Vec<&str> = whole.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    assert!(lines.len() > 20);
    for line in lines {
        let key = line.split(" = ").next().expect("a key");
        let faults = read(&whole.replacen(line, &format!("{key} = [[]]"), 1), &[]).expect_err(key);
        assert!(faults.iter().all(|fault| fault.path.starts_with(key)), "{key}: {faults:?}");
    }
}

#[test]
fn a_sum_may_be_changed_where_the_case_gives_lines() {
    let changed = read(CASE, &[("bill.in_policy", "30000")]).expect("a case");
    let parts = changed.bill().coverage().parts().map(|(_, amount)| amount.to_string());
    assert_eq!(parts, ["600.00", "300.00", "1000.00", "30000.00"], "the other sums are those of the lines");
    assert_eq!(changed.bill().class_b(), Money::from_yuan(10_000));
    let paid = changed.adjudicate(&book()).expect("settled").payers().funds.of(Fund::Basic);
    assert_eq!(paid, Money::from_yuan(23_800), "(30000 − 2000) × 85 %");
    let faults = read(CASE, &[("line.amount", "1")]).expect_err("which line?");
    assert!(faults.iter().any(|fault| fault.problem.contains("such as bill.in_policy")), "{faults:?}");
}

#[test]
fn what_says_nothing_of_its_result_expects_none() {
    let bare = CASE.split("[expect]").next().expect("what stands before it").to_owned();
    for changes in [&[][..], &[("filing", "none")]] {
        let case = read(&bare, changes).expect("a case");
        assert_eq!((&case.expected, case.run(&book())), (&Expected::Nothing, Vec::new()), "{changes:?}");
    }
    let refused = read(&bare, &[("filing", "none")]).expect("a case").adjudicate(&book()).expect_err("unfiled");
    assert_eq!((refused.reason, refused.detail.as_deref()), (Reason::NotFiled, Some("elsewhere")));
    let there = read(&bare, &[("filing", "none"), ("treated_in", "\"310000\"")]).expect("a case");
    assert_eq!(there.adjudicate(&book()).expect_err("unfiled").detail.as_deref(), Some("310000"));
}

#[test]
fn a_case_is_worked_on_every_footing() {
    // (20000 − 2000) × 85 %; long-term as at home, 1200 instead of 2000; for other reasons 20 points less.
    let case = read(CASE, &[("emergency", "true"), ("treated_in", "\"310000\"")]).expect("a case");
    for (what_if, basic) in WhatIf::ALL.into_iter().zip([15_980, 15_300, 15_300, 11_700, 0]) {
        let paid = case.on(what_if).adjudicate(&book()).map(|worked_out| worked_out.payers().funds.of(Fund::Basic));
        match paid {
            Ok(paid) => assert_eq!(paid, Money::from_yuan(basic), "{what_if:?}"),
            Err(refusal) => assert_eq!((what_if, refusal.reason), (WhatIf::Unfiled, Reason::NotFiled)),
        }
    }
}

#[test]
fn a_case_that_cannot_be_is_a_fault_at_its_field() {
    let sums = "person = 'working'\nage = 45\nlevel = 'third'\ncare = 'inpatient'\nfiling = 'referral'\n\
                settled = 2025-06-30\n[bill]\nin_policy = 10000\n";
    for (changed, path) in [
        (&[("person", "adult")][..], "person"),
        (&[("age", "500")], "age"),
        (&[("enrolled_months", "-5")], "enrolled_months"),
        (&[("admitted", "2025-09-01")], "admitted"),
        (&[("filed_from", "2025-07-01")], "filed_from"),
        (&[("birth", "2026-01-01")], "birth"),
        (&[("used", "[{ care = \"inpatient\", stays = -1 }]")], "used.stays"),
    ] {
        let faults = read(sums, changed).expect_err("a fault");
        assert!(faults.iter().any(|fault| fault.path == path), "{path}: {faults:?}");
    }
}

#[test]
fn another_age_takes_the_place_of_a_day_of_birth() {
    let born = CASE.replacen("age = ", "# age = ", 1).replacen("person = ", "birth = 1980-01-01\nperson = ", 1);
    assert_eq!(read(&born, &[]).expect("a case").person.birth.year(), 1980);
    assert_eq!(read(&born, &[("age", "20")]).expect("a case").person.birth.year(), 2005);
}

#[test]
fn gross_class_b_charges_are_asked_for_where_the_region_works_from_them() {
    let text = include_str!("../../../deploy/rulebooks/410700-xinxiang/employee-2024-01-01.toml");
    let own = text.replacen("accept_sent = true", "ratio = \"0.10\"", 1);
    assert!(own != text, "the book takes what is sent");
    let own = RuleBook::parse(&own);
    // Its own examples say nothing of them either.
    let faults = own.expect_err("examples without class-B charges");
    assert!(faults.iter().all(|fault| fault.problem.contains("needs class_b")), "{faults:?}");
}
