//! A bill as the treatment place sends it: what was charged, and how its catalogue splits each charge by coverage.
//! A [`Bill`] exists only when it adds up to the fen.

use jiff::civil::Date;
use rust_decimal::Decimal;

use crate::ids::{ChargeNumber, ItemCode};
use crate::money::Money;

/// The four parts of a charge by coverage (policy.md C.1 steps 1 to 6). Their sum is the charge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Coverage {
    /// 自费: outside the catalogue (`fulamt_ownpay_amt`).
    pub self_paid: Money,
    /// 超限价自费: above a price ceiling (`overlmt_selfpay`).
    pub over_limit: Money,
    /// 先行自付: the share of a class-B item that the person pays first (`preselfpay_amt`).
    pub first_self_pay: Money,
    /// 政策范围内金额: what remains (`inscp_scp_amt`).
    pub in_policy: Money,
}

impl Coverage {
    /// A charge for something that the catalogue covers: what is above a price ceiling, the share that the person pays
    /// first of the rest, and what remains. Both are rounded to the fen, half up; the remainder is in policy.
    ///
    /// `above_ceiling` is in yuan for the whole charge, `share` between 0 and 1.
    pub fn of_covered(charge: Money, above_ceiling: Decimal, share: Decimal) -> Coverage {
        let over_limit = Money::round(above_ceiling * Decimal::ONE_HUNDRED).min(charge);
        let within = charge - over_limit;
        let first_self_pay = Money::round(within.exact() * share);
        Coverage { self_paid: Money::ZERO, over_limit, first_self_pay, in_policy: within - first_self_pay }
    }

    /// The charge that the four parts make up (`medfee_sumamt`).
    pub fn total(&self) -> Money {
        self.self_paid + self.over_limit + self.first_self_pay + self.in_policy
    }

    /// The parts with their names at the interface, in its order.
    pub fn parts(&self) -> [(&'static str, Money); 4] {
        [
            ("fulamt_ownpay_amt", self.self_paid),
            ("overlmt_selfpay", self.over_limit),
            ("preselfpay_amt", self.first_self_pay),
            ("inscp_scp_amt", self.in_policy),
        ]
    }
}

impl std::ops::Add for Coverage {
    type Output = Coverage;
    fn add(self, other: Coverage) -> Coverage {
        Coverage {
            self_paid: self.self_paid + other.self_paid,
            over_limit: self.over_limit + other.over_limit,
            first_self_pay: self.first_self_pay + other.first_self_pay,
            in_policy: self.in_policy + other.in_policy,
        }
    }
}

impl std::iter::Sum for Coverage {
    fn sum<I: Iterator<Item = Coverage>>(parts: I) -> Coverage {
        parts.fold(Coverage::default(), std::ops::Add::add)
    }
}

/// The class of an item in the treatment place's catalogue (`chrgitm_lv`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ItemClass {
    /// 甲类 `01`: wholly payable.
    A,
    /// 乙类 `02`: the person pays a share first.
    B,
    /// 丙类 or outside the catalogue `03`: self-paid.
    C,
}

/// National fee category 费用大类 (`med_chrgitm_type`): 1 bed … 14 other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FeeCategory(u8);

impl FeeCategory {
    /// Takes a number from 1 to 14.
    pub fn new(number: u8) -> Option<FeeCategory> {
        (1..=14).contains(&number).then_some(FeeCategory(number))
    }

    /// The number, 1 to 14.
    pub fn number(self) -> u8 {
        self.0
    }

    /// The official name.
    pub fn name(self) -> &'static str {
        const NAMES: [&str; 14] = [
            "床位费",
            "诊察费",
            "检查费",
            "化验费",
            "治疗费",
            "手术费",
            "护理费",
            "卫生材料费",
            "西药费",
            "中药饮片费",
            "中成药费",
            "一般诊疗费",
            "挂号费",
            "其他费",
        ];
        NAMES[usize::from(self.0 - 1)]
    }
}

/// One fee category of a bill, gross by class: what inpatient messages carry (policy.md A.9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CategorySum {
    /// The category.
    pub category: FeeCategory,
    /// Class-A charges.
    pub class_a: Money,
    /// Class-B charges before the first self-pay, and without what is above a ceiling.
    pub class_b: Money,
    /// Class-C charges and charges outside the catalogue.
    pub class_c: Money,
    /// What is above a ceiling, of any class.
    pub over_limit: Money,
}

impl CategorySum {
    /// All charges of the category.
    pub fn total(&self) -> Money {
        self.class_a + self.class_b + self.class_c + self.over_limit
    }
}

/// One charge line as outpatient messages carry it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChargeLine {
    /// The hospital's number of the line.
    pub number: ChargeNumber,
    /// The catalogue item.
    pub item: ItemCode,
    /// The day the charge arose (`fee_ocur_time`).
    pub charged_on: Date,
    /// The class of the item on that day.
    pub class: ItemClass,
    /// The fee category.
    pub category: FeeCategory,
    /// The charge by coverage. A line that takes another back is negative.
    pub coverage: Coverage,
}

/// A bill that adds up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bill {
    coverage: Coverage,
    categories: Vec<CategorySum>,
    lines: Vec<ChargeLine>,
}

/// Why sums are not a bill. The field is the interface's name of the sum at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BillError {
    /// A bill's sum is below zero.
    #[error("{field} is negative: {amount}")]
    Negative {
        /// The sum at fault.
        field: &'static str,
        /// What it is.
        amount: Money,
    },
    /// Nothing was charged.
    #[error("medfee_sumamt is zero")]
    Empty,
    /// The fee categories do not make up the total.
    #[error("the fee categories make up {categories}, the bill {total}")]
    Categories {
        /// Their sum.
        categories: Money,
        /// The bill's total.
        total: Money,
    },
    /// The lines do not make up the total.
    #[error("the lines make up {lines}, the bill {total}")]
    Lines {
        /// Their sum.
        lines: Money,
        /// The bill's total.
        total: Money,
    },
}

impl Bill {
    /// Puts a bill together. `lines` may be empty (inpatient stays send fee categories only); where there are any,
    /// they make up the total.
    ///
    /// # Errors
    /// When a sum is negative, the bill is zero, or the parts do not make up the total.
    pub fn new(coverage: Coverage, categories: Vec<CategorySum>, lines: Vec<ChargeLine>) -> Result<Bill, BillError> {
        let total = coverage.total();
        if let Some((field, amount)) = coverage.parts().into_iter().find(|(_, amount)| amount.is_negative()) {
            return Err(BillError::Negative { field, amount });
        }
        if total.is_zero() {
            return Err(BillError::Empty);
        }
        let by_category: Money = categories.iter().map(CategorySum::total).sum();
        if by_category != total {
            return Err(BillError::Categories { categories: by_category, total });
        }
        let by_line: Coverage = lines.iter().map(|line| line.coverage).sum();
        if !lines.is_empty() && by_line != coverage {
            return Err(BillError::Lines { lines: by_line.total(), total });
        }
        Ok(Bill { coverage, categories, lines })
    }

    /// The bill by coverage.
    pub fn coverage(&self) -> Coverage {
        self.coverage
    }

    /// The whole charge (`medfee_sumamt`).
    pub fn total(&self) -> Money {
        self.coverage.total()
    }

    /// The charge by fee category.
    pub fn categories(&self) -> &[CategorySum] {
        &self.categories
    }

    /// The charge lines, where the message carries them.
    pub fn lines(&self) -> &[ChargeLine] {
        &self.lines
    }

    /// Class-B charges before the first self-pay: what a home region multiplies when it applies a share of its own
    /// (policy.md A.5).
    pub fn class_b(&self) -> Money {
        self.categories.iter().map(|sum| sum.class_b).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn yuan(amount: i64) -> Money {
        Money::from_yuan(amount)
    }

    fn coverage(self_paid: i64, over_limit: i64, first_self_pay: i64, in_policy: i64) -> Coverage {
        Coverage {
            self_paid: yuan(self_paid),
            over_limit: yuan(over_limit),
            first_self_pay: yuan(first_self_pay),
            in_policy: yuan(in_policy),
        }
    }

    fn drugs(class_a: i64, class_b: i64, class_c: i64, over_limit: i64) -> CategorySum {
        CategorySum {
            category: FeeCategory::new(9).expect("western drugs"),
            class_a: yuan(class_a),
            class_b: yuan(class_b),
            class_c: yuan(class_c),
            over_limit: yuan(over_limit),
        }
    }

    #[test]
    fn a_bill_that_does_not_add_up_cannot_be_built() {
        let built = |coverage, category| Bill::new(coverage, vec![category], Vec::new()).map(|bill| bill.total());
        assert_eq!(built(coverage(10, 5, 8, 77), drugs(5, 80, 10, 5)), Ok(yuan(100)));
        assert_eq!(
            built(coverage(10, 5, 8, 77), drugs(5, 80, 10, 6)),
            Err(BillError::Categories { categories: yuan(101), total: yuan(100) })
        );
        assert_eq!(built(coverage(0, 0, 0, 0), drugs(0, 0, 0, 0)), Err(BillError::Empty));
        assert_eq!(
            built(coverage(-1, 0, 0, 101), drugs(100, 0, 0, 0)),
            Err(BillError::Negative { field: "fulamt_ownpay_amt", amount: yuan(-1) })
        );
    }
}
