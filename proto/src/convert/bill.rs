//! Bills and their parts. Called by `operation` and `outcome`.

use settlement::bill::{Bill, CategorySum, ChargeLine, Coverage, FeeCategory, ItemClass};
use settlement::ids::{ChargeNumber, ItemCode};

use super::Reader;
use crate::v1;

pub fn read(reader: &mut Reader, bill: &v1::Bill) -> Option<Bill> {
    let coverage = reader.inside("coverage", bill.coverage.as_ref(), read_coverage);
    let categories = reader.each("categories", &bill.categories, read_category);
    let lines = reader.each("lines", &bill.lines, read_line);
    Bill::new(coverage?, categories?, lines?).map_err(|problem| reader.fault("coverage", problem)).ok()
}

pub fn read_coverage(reader: &mut Reader, coverage: &v1::Coverage) -> Option<Coverage> {
    let self_paid = reader.money("self_paid", coverage.self_paid);
    let over_limit = reader.money("over_limit", coverage.over_limit);
    let first_self_pay = reader.money("first_self_pay", coverage.first_self_pay);
    let in_policy = reader.money("in_policy", coverage.in_policy);
    Some(Coverage {
        self_paid: self_paid?,
        over_limit: over_limit?,
        first_self_pay: first_self_pay?,
        in_policy: in_policy?,
    })
}

fn read_category(reader: &mut Reader, sum: &v1::CategorySum) -> Option<CategorySum> {
    let category = read_fee_category(reader, sum.category);
    let class_a = reader.money("class_a", sum.class_a);
    let class_b = reader.money("class_b", sum.class_b);
    let class_c = reader.money("class_c", sum.class_c);
    let over_limit = reader.money("over_limit", sum.over_limit);
    Some(CategorySum {
        category: category?,
        class_a: class_a?,
        class_b: class_b?,
        class_c: class_c?,
        over_limit: over_limit?,
    })
}

fn read_fee_category(reader: &mut Reader, number: u32) -> Option<FeeCategory> {
    let category = u8::try_from(number).ok().and_then(FeeCategory::new);
    if category.is_none() {
        reader.fault("category", "is not a number from 1 to 14");
    }
    category
}

fn read_line(reader: &mut Reader, line: &v1::ChargeLine) -> Option<ChargeLine> {
    let number = reader.text("number", &line.number, ChargeNumber::new);
    let item = reader.text("item", &line.item, ItemCode::new);
    let charged_on = reader.date("charged_on", &line.charged_on);
    let class = reader.word("class", &line.class, read_class);
    let category = read_fee_category(reader, line.category);
    let coverage = reader.inside("coverage", line.coverage.as_ref(), read_coverage);
    Some(ChargeLine {
        number: number?,
        item: item?,
        charged_on: charged_on?,
        class: class?,
        category: category?,
        coverage: coverage?,
    })
}

fn read_class(word: &str) -> Option<ItemClass> {
    match word {
        "a" => Some(ItemClass::A),
        "b" => Some(ItemClass::B),
        "c" => Some(ItemClass::C),
        _ => None,
    }
}

fn write_class(class: ItemClass) -> &'static str {
    match class {
        ItemClass::A => "a",
        ItemClass::B => "b",
        ItemClass::C => "c",
    }
}

pub fn write(bill: &Bill) -> v1::Bill {
    v1::Bill {
        coverage: Some(write_coverage(&bill.coverage())),
        categories: bill.categories().iter().map(write_category).collect(),
        lines: bill.lines().iter().map(write_line).collect(),
    }
}

pub fn write_coverage(coverage: &Coverage) -> v1::Coverage {
    v1::Coverage {
        self_paid: coverage.self_paid.fen(),
        over_limit: coverage.over_limit.fen(),
        first_self_pay: coverage.first_self_pay.fen(),
        in_policy: coverage.in_policy.fen(),
    }
}

fn write_category(sum: &CategorySum) -> v1::CategorySum {
    v1::CategorySum {
        category: sum.category.number().into(),
        class_a: sum.class_a.fen(),
        class_b: sum.class_b.fen(),
        class_c: sum.class_c.fen(),
        over_limit: sum.over_limit.fen(),
    }
}

fn write_line(line: &ChargeLine) -> v1::ChargeLine {
    v1::ChargeLine {
        number: line.number.to_string(),
        item: line.item.to_string(),
        charged_on: line.charged_on.to_string(),
        class: write_class(line.class).into(),
        category: line.category.number().into(),
        coverage: Some(write_coverage(&line.coverage)),
    }
}
