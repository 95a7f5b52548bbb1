//! Reads a bill written as `[[line]]`: charge lines that are split as a treatment place's catalogue splits them
//! (policy.md C.1 steps 2 to 4), for whoever has a bill and not its sums.

use rust_decimal::Decimal;

use crate::bill::{Bill, CategorySum, Coverage, FeeCategory, ItemClass};
use crate::money::Money;
use crate::rulebook::clause::Setting;
use crate::rulebook::ratio::Ratio;
use crate::spanned::Node;

/// 其他费: the category of a line that does not say.
const OTHER: u8 = 14;

/// Reads the lines of a case and adds them up.
pub(super) fn bill(node: &Node<'_>) -> Option<Bill> {
    if node.value("bill").is_some() {
        node.fault_at("bill", "stands beside [[line]]: give the sums or the lines");
    }
    let read = |row: Node<'_>| {
        let line = line(&row);
        row.finish();
        line
    };
    let lines: Vec<Option<(Coverage, CategorySum)>> = node.tables("line").into_iter().map(read).collect();
    let (coverages, sums): (Vec<Coverage>, Vec<CategorySum>) =
        lines.into_iter().collect::<Option<Vec<_>>>()?.into_iter().unzip();
    let bill = Bill::new(coverages.into_iter().sum(), sums, Vec::new());
    if let Err(error) = &bill {
        node.fault_at("line", error.to_string());
    }
    bill.ok()
}

/// One line: its charge, or price and quantity; its class; and where they matter ceiling, first share, and whether it is
/// outside the limits of use.
fn line(row: &Node<'_>) -> Option<(Coverage, CategorySum)> {
    let _ = row.text("name");
    let class = row.required_form("class", "one of a, b, c", |word| match word {
        "a" => Some(ItemClass::A),
        "b" => Some(ItemClass::B),
        "c" => Some(ItemClass::C),
        _ => None,
    });
    let charge = charge(row);
    let ceiling = row.money("ceiling");
    let share = match row.ratio("first_self_pay", 1) {
        Some(Setting::Known(share)) => share,
        Some(Setting::Unset) => {
            row.fault_at("first_self_pay", "has to be known in a case");
            Ratio::ZERO
        }
        None => Ratio::ZERO,
    };
    let outside_use = row.flag("self_paid");
    let category = row.number("category").unwrap_or(OTHER.into());
    let category = u8::try_from(category).ok().and_then(FeeCategory::new);
    if category.is_none() {
        row.fault_at("category", "is not a fee category from 1 to 14");
    }
    let (class, charge, category) = (class?, charge?, category?);
    if share != Ratio::ZERO && class != ItemClass::B {
        row.fault_at("first_self_pay", "is for class b alone");
    }
    let coverage = if outside_use || class == ItemClass::C {
        Coverage { self_paid: charge.total, ..Coverage::default() }
    } else {
        Coverage::of_covered(charge.total, charge.above(ceiling), share.value())
    };
    let within = coverage.first_self_pay + coverage.in_policy;
    let of_class = |wanted: ItemClass| if class == wanted { within } else { Money::ZERO };
    let sum = CategorySum {
        category,
        class_a: of_class(ItemClass::A),
        class_b: of_class(ItemClass::B),
        class_c: coverage.self_paid,
        over_limit: coverage.over_limit,
    };
    Some((coverage, sum))
}

/// What a line comes to, and at what price.
struct Charge {
    total: Money,
    price: Money,
    quantity: Decimal,
}

impl Charge {
    /// What is above a ceiling on the price of one, in yuan for the whole line.
    fn above(&self, ceiling: Option<Money>) -> Decimal {
        let each = ceiling.map_or(Money::ZERO, |ceiling| (self.price - ceiling).at_least_zero());
        each.to_decimal() * self.quantity
    }
}

/// `amount`, or `price` and `quantity`.
fn charge(row: &Node<'_>) -> Option<Charge> {
    let (amount, price, quantity) = (row.money("amount"), row.money("price"), row.decimal("quantity"));
    match (row.has("amount"), row.has("price")) {
        (true, false) if !row.has("quantity") => {
            let total = amount?;
            Some(Charge { total, price: total, quantity: Decimal::ONE })
        }
        (false, true) => {
            let quantity = if row.has("quantity") { quantity? } else { Decimal::ONE };
            let price = price?;
            Some(Charge { total: Money::round(price.exact() * quantity), price, quantity })
        }
        (true, true) | (true, false) | (false, false) => {
            row.fault("needs either an amount, or a price and a quantity");
            None
        }
    }
}
